//! Where scores come from: the table that an application publishes, or a file that a replay wrote.

use std::collections::HashMap;
use std::path::Path;

use kafka::{Admin, Connection, read_table};
use serde::Deserialize;
use wire::decode_score;

use super::DiffError;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::recorded::input::{BytesRead, Input};

/// Scores by user, and what people call the place they are from.
#[derive(Debug)]
pub(crate) struct Scores {
    pub(crate) whence: String,
    pub(crate) by_user: HashMap<String, f64>,
}

/// What a line of a file must have.
#[derive(Deserialize)]
struct Line {
    user: String,
    score: f64,
}

impl Scores {
    /// Of a file, where there is one of this name; else of an application's table, or of a topic.
    pub(crate) fn of(name: &str, connection: &Connection) -> Result<Scores, Failure> {
        let path = Path::new(name);
        if path.is_file() {
            let (whence, by_user) = (name.to_owned(), file(path)?);
            return match by_user.is_empty() {
                true => Err(DiffError::NoScores { whence, reason: "nobody is in it".to_owned() }.into()),
                false => Ok(Scores { whence, by_user }),
            };
        }
        let table = format!("{name}-scores");
        let found = Admin::connect(connection)?.find([name, &table])?;
        let whence = [table, name.to_owned()].into_iter().find(|topic| found.contains_key(topic));
        let whence = whence.ok_or_else(|| DiffError::Nothing(name.to_owned()))?;
        let by_user = topic(connection, &whence)?;
        Ok(Scores { whence, by_user })
    }
}

fn topic(connection: &Connection, topic: &str) -> Result<HashMap<String, f64>, Failure> {
    let mut by_user = HashMap::new();
    let mut wrong = None;
    read_table(connection, topic, |key, value| match value.map(decode_score) {
        Some(Ok((user, score))) => _ = by_user.insert(user, score.score),
        Some(Err(reason)) => _ = wrong.get_or_insert(reason),
        None => _ = by_user.remove(&*String::from_utf8_lossy(key)),
    })?;
    match wrong {
        Some(reason) => Err(DiffError::NoScores { whence: topic.to_owned(), reason: reason.to_string() }.into()),
        None => Ok(by_user),
    }
}

fn file(path: &Path) -> Result<HashMap<String, f64>, Failure> {
    let input = Input::open(path, None, &BytesRead::default(), &Interrupt::default())?;
    let is_json = input.read.begins_with(b'{');
    let wrong = |reason: String| DiffError::NoScores { whence: path.display().to_string(), reason };
    let pair = |line: Line| (line.user, line.score);
    let lines: Result<_, String> = if is_json {
        let lines = serde_json::Deserializer::from_reader(std::io::BufReader::new(input.read)).into_iter();
        lines.map(|line| line.map(pair).map_err(|error| error.to_string())).collect()
    } else {
        let lines = csv::Reader::from_reader(input.read).into_deserialize();
        lines.map(|line| line.map(pair).map_err(|error| error.to_string())).collect()
    };
    Ok(lines.map_err(wrong)?)
}
