//! This program measures how well a score predicts who will be acted upon next. It ranks people by Clout, a decayed count,
//! distinct fans and PageRank at many moments of a log (cuts), and judges each ranking by what happens after its cut. One
//! command judges a change of the model: it compares each cut before and after the change.
//!
//! `cargo run --release -p benches --bin quality -- [OPTIONS] [FILE...]`; `--help` says more.
#![allow(clippy::print_stdout, reason = "a program that prints a table")]

mod acts;
mod cuts;
mod measure;
mod methods;
mod results;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use clout::duration::parse_duration;
use clout::recorded::{NetworkArgs, ReadingArgs};
use vocabulary::Timestamp;

use acts::Acts;
use cuts::{Setting, settings};
use methods::{Changes, Method};
use results::Results;

const AFTER_HELP: &str = "\
At each cut everybody is ranked by what was known then. A ranking is judged by how many distinct people act on somebody from
the cut to --next after it: NDCG@100 has that number as gain; P@100 is the share of the first hundred who are among the
hundred on whom most people act. Beside each mean is its standard error over the cuts. Differences are taken cut by cut, and
have theirs: the ones to look at. Cuts overlap in what they know, so that standard errors are on the low side.

Without a FILE the logs of the Higgs boson (half-life 12h and 24h, the next 24h) and of MathOverflow (60d, the next 30d) are
taken from the folder that the variable CLOUT_DATA names.

Is a change of the model worse?
  quality --save before.csv          before the change
  quality --against before.csv       after it: the last column is the difference
Is another parameter better?
  quality --with rho=0.5 --with rho=0,eps=0.01
A log of yours:
  quality events.json.zst --half-life 30d --next 30d --cuts 12";

/// Measure how well scores predict who will be acted upon next
#[derive(Parser, Clone, Debug)]
#[command(name = "quality", after_help = AFTER_HELP)]
struct Args {
    /// A log, in any format that `clout replay` reads; several are one log
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    networks: NetworkArgs,
    /// Time after which an act counts half; for a FILE
    #[arg(long = "half-life", value_name = "DURATION", default_value = "30d", value_parser = parse_duration)]
    half_life_ms: Timestamp,
    /// Time after a cut whose acts judge its rankings; for a FILE [default: a half-life]
    #[arg(long = "next", value_name = "DURATION", value_parser = parse_duration)]
    next_ms: Option<Timestamp>,
    /// Number of cuts, spread evenly from two half-lives after the first act to --next before the last one; for a FILE
    #[arg(long, value_name = "NUMBER", default_value_t = 14, value_parser = clap::value_parser!(u32).range(2..=1000))]
    cuts: u32,
    /// Measure Clout with other parameters as well: rho, mu, eps, contact-threshold, window (in half-lives), and the weights of
    /// kinds, as in like=0.5; may be repeated
    #[arg(long = "with", value_name = "NAME=VALUE,...", value_parser = methods::parse_changes)]
    with: Vec<Changes>,
    /// Keep what was measured at each cut
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Compare with what was kept, cut by cut
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let before = args.against.as_deref().map(Results::read).transpose()?;
    let mut results = Results::default();
    for setting in settings(&args)? {
        measure_all(&setting, &args.with, &mut results)?;
        print!("{}", results.table(&setting.name, before.as_ref()));
    }
    if let Some(path) = &args.save {
        results.write(path)?;
    }
    Ok(())
}

/// Ranks everybody by each method at each cut of a setting.
fn measure_all(setting: &Setting, with: &[Changes], results: &mut Results) -> Result<(), Box<dyn Error>> {
    let acts: &Acts = &setting.acts;
    let gains: Vec<Vec<f64>> = setting.cuts.iter().map(|&cut| acts.engagers(cut, cut + setting.next_ms)).collect();
    for method in Method::all(with) {
        let scores = method.scores(setting)?;
        for ((&cut, scores), gains) in setting.cuts.iter().zip(scores).zip(&gains) {
            results.add(&setting.name, cut, &method.name(), measure::Measured::of(&scores, gains));
        }
    }
    Ok(())
}
