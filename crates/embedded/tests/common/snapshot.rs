//! What a world says, as bits: for holding one world against another.

use std::collections::BTreeMap;

use embedded::World;
use influence::{Shard, UserKey};
use vocabulary::{Score, Timestamp};

pub(crate) fn scores(world: &World<'_>) -> BTreeMap<String, Score> {
    world.scores().map(|(name, score)| (name.to_owned(), score)).collect()
}

/// All numbers of everybody's record, as bits.
pub(crate) fn score_bits(world: &World<'_>) -> BTreeMap<String, [u64; 17]> {
    world.scores().map(|(name, score)| (name.to_owned(), bits(&score))).collect()
}

fn bits(score: &Score) -> [u64; 17] {
    [
        score.score.to_bits(),
        score.influence.to_bits(),
        score.reach.to_bits(),
        score.amplification.to_bits(),
        score.network.to_bits(),
        score.openness.to_bits(),
        score.audience.to_bits(),
        score.received.mentions,
        score.received.retweets,
        score.received.replies,
        score.followers,
        score.following,
        score.percentile.to_bits(),
        score.as_of as u64,
        score.scale.to_bits(),
        score.scale_version,
        score.previous.map_or(u64::MAX, f64::to_bits),
    ]
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
    /// Mentions, retweets, replies, followers, following.
    pub(crate) counts: BTreeMap<String, [u64; 5]>,
    /// As bits.
    pub(crate) reach: BTreeMap<String, u64>,
    pub(crate) as_of: Option<Timestamp>,
}

pub(crate) fn exact_parts(world: &World<'_>) -> Exact {
    let mut follows: Vec<_> = world.shards().flat_map(Shard::followings).collect();
    follows.sort_unstable();
    let counts = |score: &Score| {
        let received = score.received;
        [received.mentions, received.retweets, received.replies, score.followers, score.following]
    };
    let scores = scores(world);
    Exact {
        pairs: pair_bits(world).into_iter().map(|(ends, [c, l, w, _])| (ends, [c, l, w])).collect(),
        follows,
        counts: scores.iter().map(|(name, score)| (name.clone(), counts(score))).collect(),
        reach: scores.iter().map(|(name, score)| (name.clone(), score.reach.to_bits())).collect(),
        as_of: world.now(),
    }
}
