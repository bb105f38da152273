//! The standing audience: levels of followers, what they weigh, and the scores that both depend on.
//!
//! Scores depend on the audience, the audience on the followers' levels, levels on scores. With the scale given, more level
//! never means less score anywhere, so rising from all silent ends in the least fixpoint.

use crate::model::Model;
use crate::outcome::Person;

/// What 100 stands for, at least.
pub const SCALE_MIN: f64 = 100.0;
/// A level that was reached is kept until the score is this far below its threshold.
const FALL_BAND: f64 = 2.0;
/// One who follows more than this, and more than twice their own followers, follows indiscriminately.
const FOLLOWING_MAX: u64 = 2_000;
/// What a mutual follow weighs of a one-sided one.
const MUTUAL: f64 = 0.25;

/// How much a follower counts, by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Does not act, is endorsed by nobody, or is suspended.
    #[default]
    Silent,
    /// Acts, and is endorsed.
    Active,
    /// A score of 20 or more.
    Score20,
    /// A score of 40 or more.
    Score40,
    /// A score of 60 or more.
    Score60,
    /// A score of 80 or more.
    Score80,
}

impl Level {
    /// From the lowest to the highest.
    pub const ALL: [Self; 6] = [Self::Silent, Self::Active, Self::Score20, Self::Score40, Self::Score60, Self::Score80];

    /// What one follower of this level adds to `Q`.
    pub fn weight(self, mutual: bool) -> f64 {
        let one_sided = match self {
            Self::Silent => 0.0,
            Self::Active => 0.1,
            Self::Score20 => 0.3,
            Self::Score40 => 1.0,
            Self::Score60 => 3.0,
            Self::Score80 => 10.0,
        };
        if mutual { one_sided * MUTUAL } else { one_sided }
    }

    /// The score at which someone who is neither silent nor indiscriminate rises to this level.
    pub fn threshold(self) -> f64 {
        match self {
            Self::Silent | Self::Active => 0.0,
            Self::Score20 => 20.0,
            Self::Score40 => 40.0,
            Self::Score60 => 60.0,
            Self::Score80 => 80.0,
        }
    }

    fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|&level| level > self)
    }
}

/// `min(100, 100 ln(1 + x) / ln(1 + M))`
pub fn score_of(influence: f64, scale: f64) -> f64 {
    (100.0 * influence.ln_1p() / scale.ln_1p()).min(100.0)
}

/// Whether a level may stand as announced for someone with this score, give or take `tolerance` points.
///
/// It rises at its threshold and falls 2 points below it, so in that band both levels may stand. A change that the engine
/// still holds back (at most one an hour, within a budget) is not allowed for: let it come to rest first.
pub fn admissible(person: &Person, announced: Level, score: f64, tolerance: f64) -> bool {
    if person.silent || person.indiscriminate {
        return announced == level(person, score);
    }
    let is_reached = score >= announced.threshold() - FALL_BAND - tolerance;
    let is_passed = announced.next().is_some_and(|next| score >= next.threshold() + tolerance);
    announced != Level::Silent && is_reached && !is_passed
}

/// The level for a score, without hysteresis.
pub(crate) fn level(person: &Person, score: f64) -> Level {
    let by_score = Level::ALL.into_iter().rev().find(|level| score >= level.threshold());
    match by_score {
        _ if person.silent => Level::Silent,
        _ if person.indiscriminate => Level::Active,
        by_score => by_score.unwrap_or(Level::Active),
    }
}

/// Whether someone follows so many that it says little about whom.
pub(crate) fn is_indiscriminate(following: u64, followers: u64) -> bool {
    following > FOLLOWING_MAX && following > 2 * followers
}

/// `B = mu log2(1 + Q)`
pub(crate) fn audience(model: &Model, tally: f64) -> f64 {
    model.mu * (1.0 + tally).log2()
}

/// A live follow, by index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tie {
    pub(crate) follower: usize,
    pub(crate) followed: usize,
    pub(crate) mutual: bool,
    /// False between accounts of one person: it gives nothing.
    pub(crate) counts: bool,
}

/// Settles audience, influence, level and score of all `people`, and says the scale.
///
/// Levels are exact for the scale that is returned. A larger scale means lower levels and so less influence: where the two
/// chase each other for ever, the largest scale of the cycle is taken.
pub(crate) fn settle(model: &Model, people: &mut [Person], ties: &[Tie]) -> f64 {
    if let Some(scale) = model.scale {
        rise(model, people, ties, scale);
        return scale;
    }
    let mut tried = vec![SCALE_MIN];
    loop {
        let scale = tried[tried.len() - 1];
        rise(model, people, ties, scale);
        let next = largest_influence(people).max(SCALE_MIN);
        if next == scale {
            return scale;
        }
        if let Some(begin) = tried.iter().position(|&old| old == next) {
            let largest = tried[begin..].iter().copied().fold(SCALE_MIN, f64::max);
            rise(model, people, ties, largest);
            return largest;
        }
        tried.push(next);
    }
}

/// From all silent upwards, until no level changes.
fn rise(model: &Model, people: &mut [Person], ties: &[Tie], scale: f64) {
    let mut levels = vec![Level::Silent; people.len()];
    loop {
        for (person, tally) in people.iter_mut().zip(tallies(ties, &levels)) {
            person.audience = audience(model, tally);
            person.influence = person.net + person.audience;
            person.score = score_of(person.influence, scale);
            person.level = level(person, person.score);
        }
        let risen: Vec<Level> = people.iter().map(|person| person.level).collect();
        if risen == levels {
            return;
        }
        levels = risen;
    }
}

/// `Q` of everybody.
fn tallies(ties: &[Tie], levels: &[Level]) -> Vec<f64> {
    let mut tallies = vec![0.0; levels.len()];
    for tie in ties.iter().filter(|tie| tie.counts) {
        tallies[tie.followed] += levels[tie.follower].weight(tie.mutual);
    }
    tallies
}

/// Of all who may be published and are not suspended: neither these nor the nameless stretch the scale.
fn largest_influence(people: &[Person]) -> f64 {
    people
        .iter()
        .filter(|person| !person.opted_out && person.trust > 0.0)
        .map(|person| person.influence)
        .fold(0.0, f64::max)
}
