//! The command `diff`: what another model, or another parameter, does to everybody's score.

mod comparison;
mod scores;

use std::io::{self, Write};
use std::path::Path;

use clap::Args;
use serde::Serialize;

use crate::config::{Config, Flags};
use crate::exit;
use crate::failure::{Failure, OutputError};
use crate::shown::shown;
use crate::words::{decimal, thousands};
use comparison::{Alone, Comparison};
use scores::{Scores, Source};

const AFTER_HELP: &str = "\
A and B are application ids, topics of scores, or files that `clout replay --scores-out` wrote. Changes are told from A \
to B.

Examples:
  clout diff clout clout-next
  clout diff live-scores trial-scores --top 50
  clout diff monday.ndjson tuesday.csv.gz --json";

/// Compare the scores of two files, or of two applications
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::ASKS))]
pub struct DiffArgs {
    /// The scores before
    a: String,
    /// The scores after
    b: String,
    /// How many to name in each list
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    top: usize,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Flags,
}

/// Why two tables cannot be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiffError {
    /// Nothing has this name.
    #[error("{0} is no file, no application with a topic {0}-scores, and no topic")]
    Nothing(String),
    /// There is something else in it.
    #[error("{whence} holds no scores: {reason}")]
    NoScores {
        /// A file or a topic.
        whence: String,
        /// What is wrong with the first that is none.
        reason: String,
    },
}

/// Compares, and prints what differs.
///
/// # Errors
/// If one of the two cannot be read.
pub fn run(args: &DiffArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let (connection, inputs) = (config.connection(), config.inputs.iter().map(|input| input.topic.as_str()));
    let inputs: Vec<&str> = inputs.collect();
    let (a, b) = (Scores::of(&args.a, &connection, &inputs)?, Scores::of(&args.b, &connection, &inputs)?);
    let comparison = Comparison::of(&a.by_user, &b.by_user, args.top);
    if let Some(warning) = unlike(&a.source, &b.source) {
        eprintln!("warning: {warning}");
    }
    for scores in [&a, &b].into_iter().filter(|scores| scores.by_user.is_empty()) {
        eprintln!("warning: nobody has a score in {}", shown(&scores.source.name));
    }
    let failed = OutputError::to(Path::new("-"));
    let text = match args.json {
        true => {
            let document = Document { a: &a.source, b: &b.source, comparison: &comparison };
            serde_json::to_string_pretty(&document).map_err(|error| failed(error.into()))? + "\n"
        }
        false => text(&comparison, &a.source, &b.source),
    };
    match io::stdout().write_all(text.as_bytes()).map_err(failed) {
        Err(error) if error.is_broken_pipe() => Ok(()),
        written => Ok(written?),
    }
}

/// The document that `--json` prints.
#[derive(Serialize)]
struct Document<'d> {
    a: &'d Source,
    b: &'d Source,
    #[serde(flatten)]
    comparison: &'d Comparison,
}

/// Makes the warning for sides that have not read the same: a score that one of them lacks may be still to come.
fn unlike(a: &Source, b: &Source) -> Option<String> {
    let (Some(of_a), Some(of_b)) = (a.read, b.read) else {
        let is_table = |source: &Source| !Path::new(&source.name).is_file();
        let (of_a, of_b) = (a.as_of.as_ref()?, b.as_of.as_ref()?);
        return (of_a != of_b && is_table(a) && is_table(b)).then(|| {
            format!("A is as of {of_a} and B as of {of_b}: what happened in between is in one of them alone")
        });
    };
    let behind = of_a.abs_diff(of_b);
    let (name, other) = if of_a < of_b { ("A", "B") } else { ("B", "A") };
    (behind > of_a.max(of_b) / 100).then(|| {
        let behind = thousands(behind);
        format!("{name} has read {behind} records less than {other}: whom and what it lacks may be still to come")
    })
}

/// The name of a source, its model, and how far it is.
fn head(source: &Source) -> String {
    let as_of = source.as_of.iter().map(|as_of| format!("as of {as_of}"));
    let read = source.read.zip(source.stored);
    let read = read.map(|(read, stored)| format!("{} of {} records read", thousands(read), thousands(stored)));
    let model = source.model_version.iter().map(|version| format!("model {version}"));
    [shown(&source.name).to_string()].into_iter().chain(model).chain(as_of).chain(read).collect::<Vec<_>>().join(", ")
}

fn text(comparison: &Comparison, a: &Source, b: &Source) -> String {
    let mut lines = vec![
        format!("A  {}", head(a)),
        format!("B  {}", head(b)),
        String::new(),
        format!("in both    {:>12}", thousands(comparison.in_both as u64)),
        format!("only in A  {:>12}", thousands(comparison.only_in_a.people as u64)),
        format!("only in B  {:>12}", thousands(comparison.only_in_b.people as u64)),
    ];
    if let Some(spearman) = comparison.spearman {
        lines.push(format!("rank correlation (Spearman) {spearman:.6}"));
    }
    if comparison.in_both > 0 {
        lines.extend([String::new(), "change from A to B, points".to_owned()]);
        lines.extend(comparison.changes.iter().map(|at| format!("{:>6} %  {:>+8.2}", at.percent, at.points)));
        lines.extend([String::new(), "moved, either way".to_owned()]);
        let share = |people: usize| decimal(100.0 * people as f64 / comparison.in_both as f64, 2);
        lines.extend(comparison.moved.iter().map(|moved| {
            format!(
                "by {:>4} or more  {:>12}  {:>6} %",
                moved.points,
                thousands(moved.people as u64),
                share(moved.people)
            )
        }));
    }
    if !comparison.largest.is_empty() {
        lines.extend([String::new(), "largest movers".to_owned(), "       A       B    change  user".to_owned()]);
        lines.extend(comparison.largest.iter().map(|change| {
            format!("{:>8.2}{:>8.2}{:>+10.2}  {}", change.a, change.b, change.points(), shown(&change.user))
        }));
    }
    lines.extend(alone("only in A", &comparison.only_in_a));
    lines.extend(alone("only in B", &comparison.only_in_b));
    lines.push(String::new());
    lines.join("\n")
}

fn alone(title: &str, alone: &Alone) -> Vec<String> {
    if alone.first.is_empty() {
        return Vec::new();
    }
    let head = [String::new(), format!("{title}, the most influential"), "   score  user".to_owned()];
    head.into_iter()
        .chain(alone.first.iter().map(|scored| format!("{:>8.2}  {}", scored.score, shown(&scored.user))))
        .collect()
}
