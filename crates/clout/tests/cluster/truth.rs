//! Published scores held against the oracle, which knows nothing of epochs, partitions and faults.

use std::collections::BTreeMap;

use oracle::{Act, Input, Outcome, Person, score_of};
use vocabulary::Score;

use super::scene::Scene;
use super::witness::Seen;

/// The model's bound on `|x - x*|` as a share of `G`, with room for the accuracy of `g`.
const WORST: f64 = 0.072;
/// A score that has moved by less is not published, and what was published is an `f32`.
const MOVE: f64 = 0.1 + 1e-5;

/// Everybody's score is the one that an influence within the bound gives, or one that had not moved enough since.
pub(crate) fn check(scene: &Scene, seen: &Seen, table: &BTreeMap<String, Score>, acts: &[Act<'_>]) {
    let model = oracle::Model { mantissa_bits: Some(17), ..oracle::Model::new(scene.half_life_ms) };
    let truth = oracle::score(&model, acts.iter().copied().map(Input::Act), None);
    let rated = truth.people.iter().filter(|(_, person)| person.has_record);
    assert!(rated.map(|(user, _)| user).eq(table.keys()), "others are rated than should be");
    let newest = table.values().max_by_key(|score| score.scale_version).map_or(0.0, |score| score.scale);
    let mut worst: f64 = 0.0;
    for (user, score) in table {
        let clock = seen.journals[&scene.shard_of(user)].last().expect("it has a journal").clock;
        worst = worst.max(check_one(user, score, &truth, clock, newest));
    }
    eprintln!("{} people: the worst score is off by {worst:.3} points, scale {newest:.1}", table.len());
}

/// How far the score is from the oracle's.
fn check_one(user: &str, score: &Score, truth: &Outcome, clock: i64, scale: f64) -> f64 {
    let Person { influence, gross, .. } = truth.person(user);
    // The shard knows of no later time.
    let aging = ((truth.now_ms - clock) as f64 / truth.model.half_life_ms as f64).exp2();
    let (known, bound) = (influence * aging, WORST * gross * aging);
    let least = score_of((known - bound).max(0.0), scale) - MOVE;
    let most = score_of(known + bound, scale) + MOVE;
    let found = score.score;
    assert!((least..=most).contains(&found), "{user} has {found} points, and should have {least} to {most}: {score:?}");
    (found - score_of(known, scale)).abs()
}
