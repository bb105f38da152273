//! Holding a world against the oracle: exact parts exactly, the others within a bound.

use std::collections::{BTreeMap, BTreeSet};

use influence::{Shard, UserKey};
use oracle::compare::{Amounts, Comparison};
use oracle::{Level, Outcome, Person};
use vocabulary::Score;

/// How far the engine may be from the oracle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    /// Of `G`, of `A` and influence as shares of `G`: the worst of all that are compared.
    pub(crate) worst: f64,
    /// The mean.
    pub(crate) mean: f64,
    /// Of a pair's reciprocity.
    pub(crate) reciprocity: f64,
    /// Points.
    pub(crate) score: f64,
}

impl Bound {
    /// At the default thresholds.
    pub(crate) const DEFAULT: Bound = Bound { worst: 0.07, mean: 0.01, reciprocity: 0.0021, score: 2.0 };
    /// For one small world: a handful of people has no mean to speak of.
    pub(crate) const SMALL: Bound = Bound { mean: 0.07, ..Bound::DEFAULT };
    /// With thresholds of 1e-6.
    pub(crate) const FINE: Bound = Bound { worst: 1e-5, mean: 1e-5, reciprocity: 2e-6, score: 1e-3 };
}

/// Rounding of a few sums and quotients.
const ROUNDING: f64 = 1e-11;

/// Holds everything that the shards say against the oracle. The shards must have settled. Returns the errors.
#[track_caller]
pub(crate) fn hold(truth: &Outcome, shards: &[&Shard], bound: Bound) -> Comparison {
    hold_exact_parts(truth, shards);
    hold_pairs(truth, shards, bound);
    hold_factors(truth, shards);
    hold_audience(truth, shards, bound);
    let comparison = compare(truth, shards, 1_000);
    assert_eq!((comparison.missing, comparison.unknown), (0, 0));
    for errors in [&comparison.gross, &comparison.net, &comparison.influence] {
        assert!(errors.worst <= bound.worst && errors.mean <= bound.mean, "{comparison}");
    }
    comparison
}

/// Errors over many worlds.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    users: f64,
    sum: f64,
    worst: f64,
}

impl Errors {
    pub(crate) fn add(&mut self, comparison: &Comparison) {
        let users = comparison.compared as f64;
        for errors in [&comparison.gross, &comparison.net, &comparison.influence] {
            self.worst = self.worst.max(errors.worst);
        }
        self.users += users;
        self.sum += users * comparison.gross.mean.max(comparison.influence.mean);
    }

    /// The mean over everybody in all worlds; a single small world's mean says little.
    #[track_caller]
    pub(crate) fn hold_mean(&self, bound: Bound) {
        let mean = self.sum / self.users;
        eprintln!("{} people: mean {mean:.2e}, worst {:.2e}", self.users, self.worst);
        assert!(mean <= bound.mean, "a mean error of {mean}");
    }
}

/// Who has a record, counts, followers and following; follows; which pairs there are, and when they acted last.
#[track_caller]
pub(crate) fn hold_exact_parts(truth: &Outcome, shards: &[&Shard]) {
    let engine = scores(shards);
    let names: BTreeSet<&str> = engine.keys().copied().collect();
    let rated: BTreeSet<&str> = rated(truth).map(|(name, _)| name).collect();
    assert_eq!(names, rated, "who has a record");
    for (name, score) in &engine {
        let person = &truth.people[*name];
        let received = oracle::Kind::ALL.map(|known| (super::kind(known), person.received.of(known)));
        assert_eq!(score.received, vocabulary::Received::from(received), "received by {name}");
        let found = (score.followers, score.following);
        assert_eq!(found, (person.followers, person.following), "followers of {name}, and followed by {name}");
        assert_eq!(score.as_of, truth.now_ms, "the time of {name}'s score");
    }
    let keys = keys(truth, shards);
    let follows = truth
        .follows
        .iter()
        .map(|((actor, target), follow)| (keys[actor.as_str()], keys[target.as_str()], follow.since_ms, follow.mutual));
    let mut follows: Vec<_> = follows.collect();
    follows.sort_unstable();
    let mut found: Vec<_> = shards.iter().flat_map(|shard| shard.followings()).collect();
    found.sort_unstable();
    assert_eq!(found, follows, "follows");
}

/// Pairs, one by one; `C` and `l` to the last bits, reciprocity within the bound.
#[track_caller]
fn hold_pairs(truth: &Outcome, shards: &[&Shard], bound: Bound) {
    let keys = keys(truth, shards);
    let names: BTreeMap<UserKey, &str> = keys.iter().map(|(name, key)| (*key, *name)).collect();
    let found: Vec<_> = shards.iter().flat_map(|shard| shard.pairs()).collect();
    assert_eq!(found.len(), truth.pairs.len(), "pairs");
    for pair in found {
        let (actor, target) = (names[&pair.actor], names[&pair.target]);
        let known = truth.pair(actor, target).unwrap_or_else(|| panic!("{actor} does not endorse {target}"));
        assert_eq!(pair.last, known.last, "l of {actor} and {target}");
        close(pair.endorsement, known.endorsement, ROUNDING, || format!("C of {actor} and {target}"));
        close(pair.weight, known.weight, ROUNDING, || format!("w of {actor} and {target}"));
        let error = (pair.reciprocity - known.reciprocity).abs();
        assert!(error <= bound.reciprocity, "r of {actor} and {target}: {} {}", pair.reciprocity, known.reciprocity);
    }
}

/// What does not depend on rates, and that the factors multiply to the influence.
#[track_caller]
fn hold_factors(truth: &Outcome, shards: &[&Shard]) {
    for (name, score) in scores(shards) {
        let person = &truth.people[name];
        close(score.reach, person.reach, ROUNDING, || format!("reach of {name}"));
        close(score.amplification, person.amplification, ROUNDING, || format!("amplification of {name}"));
        let net = score.reach * score.amplification * score.network * score.openness * score.room;
        close(net + score.audience, score.influence, ROUNDING, || format!("product of the factors of {name}"));
        if person.fans == 0 {
            let found = [score.reach, score.amplification, score.network, score.openness, score.room];
            assert_eq!(found, [0.0, 0.0, 0.0, 1.0, 1.0], "the factors of {name}, who has no fan");
        }
    }
}

/// The levels that were announced may stand, the audience is what they make, and so is the scale.
#[track_caller]
fn hold_audience(truth: &Outcome, shards: &[&Shard], bound: Bound) {
    let engine = scores(shards);
    let level = |name: &str| shards.iter().find_map(|shard| shard.follower_level(name)).unwrap_or(0);
    let announced: BTreeMap<String, Level> =
        truth.people.keys().map(|name| (name.clone(), Level::ALL[usize::from(level(name))])).collect();
    let audience = truth.audience_under(&announced);
    let scale = shards[0].scale().votes;
    for (name, score) in &engine {
        close(score.audience, audience[name], ROUNDING, || format!("audience of {name}"));
        assert_eq!(score.scale, scale, "the scale of {name}'s score");
        close(score.score, oracle::score_of(score.influence, scale), 1e-9, || format!("score of {name}"));
    }
    let largest = engine.values().map(|score| score.influence).fold(oracle::SCALE_MIN, f64::max);
    close(scale, largest, 1e-9, || "scale".to_owned());
    for (name, person) in truth.people.iter().filter(|(_, person)| person.following > 0) {
        let score = oracle::score_of(person.net + audience[name.as_str()], scale);
        let announced = announced[name];
        let may_stand = oracle::admissible(person, announced, score, bound.score);
        assert!(may_stand, "{name} with {score} points is announced as {announced:?}");
        if let Some(score) = engine.get(name.as_str()) {
            let may_stand = oracle::admissible(person, announced, score.score, 1e-9);
            assert!(may_stand, "{name} with {} points of the engine is announced as {announced:?}", score.score);
        }
    }
}

/// Errors among the most influential.
pub(crate) fn compare(truth: &Outcome, shards: &[&Shard], top: usize) -> Comparison {
    let engine = scores(shards).into_iter().map(|(name, score)| (name.to_owned(), amounts(&score))).collect();
    // What a follower adds follows from the levels that were announced: the net amount is what rates make.
    let scores = scores(shards);
    let known = rated(truth).map(|(name, person)| {
        let audience = scores.get(name).map_or(person.audience, |score| score.audience);
        let amounts = Amounts { influence: person.net + audience, ..Amounts::from(person) };
        (name.to_owned(), amounts)
    });
    oracle::compare::compare(&known.collect(), &engine, top)
}

fn amounts(score: &Score) -> Amounts {
    let gross = score.reach * score.amplification * score.network;
    Amounts { gross, net: gross * score.openness * score.room, influence: score.influence }
}

fn rated(truth: &Outcome) -> impl Iterator<Item = (&str, &Person)> {
    let rated = truth.people.iter().filter(|(_, person)| person.has_record);
    rated.map(|(name, person)| (name.as_str(), person))
}

fn scores<'a>(shards: &[&'a Shard]) -> BTreeMap<&'a str, Score> {
    shards.iter().flat_map(|shard| shard.scores()).collect()
}

fn keys<'a>(truth: &'a Outcome, shards: &[&Shard]) -> BTreeMap<&'a str, UserKey> {
    truth.people.keys().map(|name| (name.as_str(), shards[0].key(name))).collect()
}

#[track_caller]
fn close(found: f64, known: f64, tolerance: f64, what: impl Fn() -> String) {
    assert!((found - known).abs() <= tolerance * known.abs().max(1e-9), "{}: {found} is not {known}", what());
}
