//! What a world says, as bits: for holding one world against another.

use std::collections::BTreeMap;

use embedded::World;
use influence::{Shard, UserKey};
use vocabulary::{Part, Received, Score, Timestamp};

pub(crate) fn scores(world: &World<'_>) -> BTreeMap<String, Score> {
    world.scores().map(|(name, score)| (name.to_owned(), score)).collect()
}

/// All numbers of everybody's record, as bits.
pub(crate) fn score_bits(world: &World<'_>) -> BTreeMap<String, Vec<u64>> {
    world.scores().map(|(name, score)| (name.to_owned(), bits(&score))).collect()
}

fn bits(score: &Score) -> Vec<u64> {
    let parts = score.parts().map(|(_, part)| match part {
        Part::Number(number) => number.to_bits(),
        Part::Count(count) => count,
        Part::Time(at) => at as u64,
    });
    parts.chain([score.scale_version, score.previous.map_or(u64::MAX, f64::to_bits)]).collect()
}

/// All pairs with their numbers as bits: `C`, `l`, `w`, `r`.
pub(crate) fn pair_bits(world: &World<'_>) -> BTreeMap<(UserKey, UserKey), [u64; 4]> {
    let pairs = world.shards().flat_map(Shard::pairs);
    let numbers = |pair: &influence::Endorsement| [pair.endorsement, pair.last, pair.weight, pair.reciprocity];
    pairs.map(|pair| ((pair.actor, pair.target), numbers(&pair).map(f64::to_bits))).collect()
}

/// What does not depend on the order of arrival, on partitions or on thresholds.
#[derive(Debug, PartialEq)]
pub(crate) struct Exact {
    /// `C`, `l` and `w`, as bits.
    pub(crate) pairs: BTreeMap<(UserKey, UserKey), [u64; 3]>,
    pub(crate) follows: Vec<(UserKey, UserKey, Timestamp, bool)>,
    /// What was received; followers, following.
    pub(crate) counts: BTreeMap<String, (Received, u64, u64)>,
    /// As bits.
    pub(crate) reach: BTreeMap<String, u64>,
    pub(crate) as_of: Option<Timestamp>,
}

pub(crate) fn exact_parts(world: &World<'_>) -> Exact {
    let mut follows: Vec<_> = world.shards().flat_map(Shard::followings).collect();
    follows.sort_unstable();
    let counts = |score: &Score| (score.received, score.followers, score.following);
    let scores = scores(world);
    Exact {
        pairs: pair_bits(world).into_iter().map(|(ends, [c, l, w, _])| (ends, [c, l, w])).collect(),
        follows,
        counts: scores.iter().map(|(name, score)| (name.clone(), counts(score))).collect(),
        reach: scores.iter().map(|(name, score)| (name.clone(), score.reach.to_bits())).collect(),
        as_of: world.now(),
    }
}
