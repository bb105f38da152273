//! Where scores come from: the table that an application publishes, or a file that a replay wrote.

use std::collections::HashMap;
use std::path::Path;

use kafka::{Admin, Connection, Onlooker, read_table};
use serde::{Deserialize, Serialize};
use wire::{decode_versioned_score, parse_time, rfc3339};

use super::DiffError;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::recorded::input::{BytesRead, Input};
use crate::table::{ScoreLine, is_parquet, read_scores};

/// Scores by user, and where they are from.
#[derive(Debug)]
pub(crate) struct Scores {
    pub(crate) source: Source,
    pub(crate) by_user: HashMap<String, f64>,
}

/// The file or topic that scores are from, and how new they are; `--json` prints it so.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Source {
    /// The file or the topic.
    pub(crate) name: String,
    /// The newest model that a record of a topic is of; none of a file.
    pub(crate) model_version: Option<u32>,
    /// The newest time that a score is for; none where no line has one.
    pub(crate) as_of: Option<String>,
    /// Offsets of the inputs that the application has read, of those that there are; none of a file.
    pub(crate) read: Option<u64>,
    pub(crate) stored: Option<u64>,
}

/// What a line of a file must have.
#[derive(Deserialize)]
struct Line {
    user: String,
    score: f64,
    as_of: Option<String>,
}

impl Scores {
    /// Of a file, where there is one of this name; else of an application's table, or of a topic.
    pub(crate) fn of(name: &str, connection: &Connection, inputs: &[&str]) -> Result<Scores, Failure> {
        let path = Path::new(name);
        if path.is_file() {
            return file(path);
        }
        let table = format!("{name}-scores");
        let found = Admin::connect(connection)?.find([name, &table])?;
        let topic = [table, name.to_owned()].into_iter().find(|topic| found.contains_key(topic));
        of_topic(&topic.ok_or_else(|| DiffError::Nothing(name.to_owned()))?, connection, inputs)
    }
}

fn of_topic(topic: &str, connection: &Connection, inputs: &[&str]) -> Result<Scores, Failure> {
    // The group of an application has its name.
    let progress = topic.strip_suffix("-scores").and_then(|group| Onlooker::new(connection, group)?.progress(inputs));
    let progress = progress.filter(|progress| progress.has_begun);
    let (mut by_user, mut newest, mut wrong) = (HashMap::new(), None, None);
    let mut model_version = None;
    read_table(connection, topic, |key, value| match value.map(decode_versioned_score) {
        Some(Ok((user, score, version))) => {
            newest = newest.max(Some(score.as_of));
            model_version = model_version.max(Some(version));
            by_user.insert(user, score.score);
        }
        Some(Err(reason)) => _ = wrong.get_or_insert(reason),
        None => _ = by_user.remove(&*String::from_utf8_lossy(key)),
    })?;
    match wrong {
        Some(reason) => Err(DiffError::NoScores { whence: topic.to_owned(), reason: reason.to_string() }.into()),
        None => {
            let (read, stored) = (progress.map(|progress| progress.read), progress.map(|progress| progress.stored));
            let name = topic.to_owned();
            Ok(Scores {
                source: Source { name, model_version, as_of: newest.and_then(rfc3339), read, stored },
                by_user,
            })
        }
    }
}

fn file(path: &Path) -> Result<Scores, Failure> {
    let name = path.display().to_string();
    let lines = if is_parquet(path) { read_scores(path) } else { lines(path)? };
    let lines = match lines {
        Ok(lines) if lines.is_empty() => Err("nobody is in it".to_owned()),
        lines => lines,
    };
    let lines = lines.map_err(|reason| DiffError::NoScores { whence: name.clone(), reason })?;
    let newest = lines.iter().filter_map(|line| line.as_of).max();
    let by_user = lines.into_iter().map(|line| (line.user, line.score)).collect();
    let as_of = newest.and_then(rfc3339);
    Ok(Scores { source: Source { name, model_version: None, as_of, read: None, stored: None }, by_user })
}

/// Lines of JSON or CSV; inside, what is wrong with the first that is none.
fn lines(path: &Path) -> Result<Result<Vec<ScoreLine>, String>, Failure> {
    let input = Input::open(path, None, &BytesRead::default(), &Interrupt::default())?;
    let is_json = input.read.begins_with(b'{');
    let read = |line: Line| {
        let as_of = line.as_of.and_then(|as_of| parse_time(&as_of).ok());
        ScoreLine { user: line.user, score: line.score, as_of }
    };
    Ok(if is_json {
        let lines = serde_json::Deserializer::from_reader(std::io::BufReader::new(input.read)).into_iter();
        lines.map(|line| line.map(read).map_err(|error| error.to_string())).collect()
    } else {
        let lines = csv::Reader::from_reader(input.read).into_deserialize();
        lines.map(|line| line.map(read).map_err(|error| error.to_string())).collect()
    })
}
