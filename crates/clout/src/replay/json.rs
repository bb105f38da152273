//! The results as one JSON document: the summary, the top of the ranking, and the people asked for.

use influence::Score;
use serde::Serialize;
use serde_json::value::RawValue;
use wire::{ScoreFormat, ScoreWriter};

use crate::replay::person::{FanLine, Person, Status};
use crate::replay::ranking::Ranking;
use crate::replay::summary::Summary;

#[derive(Serialize)]
struct Document<'d> {
    summary: &'d Summary,
    /// The lines of `--scores-out`.
    top: Vec<Box<RawValue>>,
    users: Vec<User<'d>>,
}

#[derive(Serialize)]
struct User<'d> {
    user: &'d str,
    status: &'static str,
    rank: Option<usize>,
    score: Option<Box<RawValue>>,
    fans: Option<usize>,
    top_fans: Vec<FanLine<'d>>,
}

/// The whole document, on one line.
pub(crate) fn document(
    summary: &Summary,
    ranking: &Ranking<'_>,
    top: usize,
    people: &[Person<'_>],
) -> serde_json::Result<String> {
    let top = ranking.top(top).map(|(user, score)| record(user, &score)).collect::<Result<_, _>>()?;
    let users = people.iter().map(user).collect::<Result<_, _>>()?;
    Ok(serde_json::to_string(&Document { summary, top, users })? + "\n")
}

fn user<'d>(person: &'d Person<'_>) -> serde_json::Result<User<'d>> {
    let (user, status) = (person.user, person.status.word());
    Ok(match &person.status {
        Status::Rated { rank, score, fans } => User {
            user,
            status,
            rank: Some(*rank),
            score: Some(record(user, score)?),
            fans: Some(fans.count),
            top_fans: fans.lines().collect(),
        },
        _ => User { user, status, rank: None, score: None, fans: None, top_fans: Vec::new() },
    })
}

/// A score as `--scores-out` writes it.
fn record(user: &str, score: &Score) -> serde_json::Result<Box<RawValue>> {
    let mut writer = ScoreWriter::new(Vec::new(), ScoreFormat::Json);
    let line = writer.write(user, score).and_then(|()| writer.finish()).map_err(serde::ser::Error::custom)?;
    RawValue::from_string(String::from_utf8_lossy(&line).trim_end().to_owned())
}
