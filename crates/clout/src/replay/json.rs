//! The results as one JSON document: the summary, the top of the ranking, and the people asked for.

use serde::Serialize;
use serde_json::value::RawValue;
use wire::ScoreFormat;

use crate::replay::facets::Filter;
use crate::replay::person::{FanLine, Person, Status};
use crate::replay::persons::Persons;
use crate::replay::ranking::{Ranked, Ranking};
use crate::replay::summary::Summary;
use crate::table::TableFormat;

#[derive(Serialize)]
struct Document<'d> {
    summary: &'d Summary,
    /// The lines of `--scores-out`.
    top: Vec<Box<RawValue>>,
    /// The lines of `--people-out`.
    #[serde(skip_serializing_if = "Option::is_none")]
    people: Option<Vec<Box<RawValue>>>,
    users: Vec<User<'d>>,
    /// Whom `top` has; only where not everybody can be in it.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    among: Option<Among<'d>>,
}

#[derive(Serialize)]
struct Among<'d> {
    #[serde(flatten)]
    filter: &'d Filter,
    /// How many they are.
    people: usize,
}

#[derive(Serialize)]
struct User<'d> {
    user: &'d str,
    status: &'static str,
    rank: Option<usize>,
    score: Option<Box<RawValue>>,
    fans: Option<usize>,
    top_fans: Vec<FanLine<'d>>,
    /// People whose names are nearly the one that is unknown.
    did_you_mean: &'d [String],
}

/// The whole document, on one line.
pub(crate) fn document(
    summary: &Summary,
    ranking: &Ranking<'_>,
    persons: Option<&Persons>,
    top: usize,
    people: &[Person<'_>],
) -> serde_json::Result<String> {
    let lines = |persons: &Persons| persons.top(top).map(|ranked| record(ranking, &ranked)).collect::<Result<_, _>>();
    let summed = persons.map(lines).transpose()?;
    let (top, people_among) = ranking.listed(top);
    let top = top.iter().map(|ranked| record(ranking, ranked)).collect::<Result<_, _>>()?;
    let filter = Some(ranking.filter()).filter(|filter| !filter.is_everybody());
    let among = filter.map(|filter| Among { filter, people: people_among });
    let users = people.iter().map(|person| user(ranking, person)).collect::<Result<_, _>>()?;
    Ok(serde_json::to_string(&Document { summary, top, people: summed, users, among })? + "\n")
}

fn user<'d>(ranking: &Ranking<'_>, person: &'d Person<'_>) -> serde_json::Result<User<'d>> {
    let (user, status) = (person.user, person.status.word());
    let nobody = User { user, status, rank: None, score: None, fans: None, top_fans: Vec::new(), did_you_mean: &[] };
    Ok(match &person.status {
        Status::Rated { ranked, fans } => User {
            rank: Some(ranked.rank),
            score: Some(record(ranking, ranked)?),
            fans: Some(fans.count),
            top_fans: fans.lines().collect(),
            ..nobody
        },
        Status::Unknown { alike } => User { did_you_mean: alike, ..nobody },
        Status::NotRated | Status::OptedOut => nobody,
    })
}

/// A score as `--scores-out` writes it.
fn record(ranking: &Ranking<'_>, ranked: &Ranked<'_>) -> serde_json::Result<Box<RawValue>> {
    let line = ranking
        .writer(Vec::new(), TableFormat::Lines(ScoreFormat::Json))
        .and_then(|mut writer| {
            writer.write(ranked.user, ranked.place(), &ranked.score, ranking.called(ranked.user))?;
            writer.finish()
        })
        .map_err(serde::ser::Error::custom)?;
    RawValue::from_string(String::from_utf8_lossy(&line).trim_end().to_owned())
}
