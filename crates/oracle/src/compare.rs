//! How far an engine is from the oracle, among those who matter most.

use std::collections::BTreeMap;
use std::fmt;

use crate::outcome::{Outcome, Person};

/// What is compared of one user, in votes of now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Amounts {
    /// `G`
    pub gross: f64,
    /// `A`
    pub net: f64,
    /// `x`
    pub influence: f64,
}

impl From<&Person> for Amounts {
    fn from(person: &Person) -> Self {
        Self { gross: person.gross, net: person.net, influence: person.influence }
    }
}

impl Outcome {
    /// The oracle's amounts for everybody with a record.
    pub fn amounts(&self) -> BTreeMap<String, Amounts> {
        let published = self.people.iter().filter(|(_, person)| person.has_record);
        published.map(|(name, person)| (name.clone(), person.into())).collect()
    }
}

/// The largest and the mean of some errors, and who has the largest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Errors {
    /// The largest error.
    pub worst: f64,
    /// Whose it is; empty when there is no error at all.
    pub worst_user: String,
    /// The mean error.
    pub mean: f64,
}

/// Errors of an engine among the users with the largest influence.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// How many users were compared.
    pub compared: usize,
    /// How many of them the engine does not know; they enter with zeros.
    pub missing: usize,
    /// How many users only the engine knows.
    pub unknown: usize,
    /// Relative errors of `G`.
    pub gross: Errors,
    /// Errors of `A` as shares of `G`: a closed circle's `A` is a small difference.
    pub net: Errors,
    /// Errors of `x` as shares of `G`, or of `x` itself where the audience makes it larger.
    pub influence: Errors,
}

/// Holds an engine's amounts against the oracle's, for the `top` users by the oracle's influence.
pub fn compare(oracle: &BTreeMap<String, Amounts>, engine: &BTreeMap<String, Amounts>, top: usize) -> Comparison {
    let ranked = ranked(oracle, top);
    let found = |name: &str| engine.get(name).copied().unwrap_or_default();
    let errors = |error: fn(&Amounts, &Amounts) -> f64| {
        errors(ranked.iter().map(|&(name, amounts)| (name, error(amounts, &found(name)))))
    };
    Comparison {
        compared: ranked.len(),
        missing: ranked.iter().filter(|&&(name, _)| !engine.contains_key(name)).count(),
        unknown: engine.keys().filter(|&name| !oracle.contains_key(name)).count(),
        gross: errors(|oracle, engine| share(engine.gross - oracle.gross, oracle.gross)),
        net: errors(|oracle, engine| share(engine.net - oracle.net, oracle.gross)),
        influence: errors(|oracle, engine| {
            share(engine.influence - oracle.influence, oracle.gross.max(oracle.influence))
        }),
    }
}

/// The users with the largest influence, the largest first; of equals the first by name.
fn ranked(oracle: &BTreeMap<String, Amounts>, top: usize) -> Vec<(&str, &Amounts)> {
    let mut ranked: Vec<_> = oracle.iter().map(|(name, amounts)| (name.as_str(), amounts)).collect();
    ranked.sort_by(|(_, one), (_, other)| other.influence.total_cmp(&one.influence));
    ranked.truncate(top);
    ranked
}

fn errors<'a>(errors: impl Iterator<Item = (&'a str, f64)>) -> Errors {
    let mut all = Errors::default();
    let mut count = 0;
    for (name, error) in errors {
        all.mean += error;
        count += 1;
        // Not a number is the worst of all.
        if error > all.worst || error.is_nan() {
            all.worst = error;
            all.worst_user = name.to_owned();
        }
    }
    all.mean /= f64::from(count.max(1));
    all
}

/// 0 when there is no difference, infinite when there is one from nothing.
fn share(difference: f64, whole: f64) -> f64 {
    if difference == 0.0 { 0.0 } else { difference.abs() / whole }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { worst, worst_user, mean } = self;
        write!(f, "worst {worst:.3e} ({}), mean {mean:.3e}", if worst_user.is_empty() { "nobody" } else { worst_user })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { compared, missing, unknown, gross, net, influence } = self;
        writeln!(f, "{compared} users compared, {missing} missing, {unknown} unknown to the oracle")?;
        writeln!(f, "G:         {gross}")?;
        writeln!(f, "A of G:    {net}")?;
        write!(f, "influence: {influence}")
    }
}
