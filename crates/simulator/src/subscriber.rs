//! Somebody who subscribes to the scores: what they have once seen stays.

use std::collections::BTreeMap;

use vocabulary::Score;
use wire::decode_score;

use crate::broker::{Broker, Topic};

type Seen = (i64, Vec<u8>, Option<Vec<u8>>);

/// A reader of committed scores.
#[derive(Debug)]
pub(crate) struct Subscriber {
    positions: Vec<i64>,
    /// What was seen: offset, key and value.
    seen: Vec<Vec<Seen>>,
    /// The table that comes of it.
    pub(crate) table: BTreeMap<String, Score>,
}

impl Subscriber {
    /// A subscriber to all partitions.
    pub(crate) fn new(shards: u16) -> Subscriber {
        let shards = usize::from(shards);
        Subscriber { positions: vec![0; shards], seen: vec![Vec::new(); shards], table: BTreeMap::new() }
    }

    /// Reads on. Counts and times of a person never go back, except by erasure.
    pub(crate) fn poll(&mut self, broker: &Broker) -> Result<(), String> {
        for shard in 0..self.positions.len() {
            let (records, next) = broker.read(Topic::Scores, shard as u16, self.positions[shard], usize::MAX);
            for (offset, record) in records {
                self.seen[shard].push((offset, record.key.clone(), record.value.clone()));
                self.take(&record.key, record.value.as_deref())?;
            }
            self.positions[shard] = next;
        }
        Ok(())
    }

    fn take(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), String> {
        let Some(value) = value else {
            self.table.remove(&String::from_utf8_lossy(key).into_owned());
            return Ok(());
        };
        let (user, score) = decode_score(value).map_err(|error| format!("a score is none: {error}"))?;
        if let Some(before) = self.table.get(&user) {
            let (then, now) = (before.received, score.received);
            let goes_back =
                !now.has_all_of(&then) || score.as_of < before.as_of || score.scale_version < before.scale_version;
            if goes_back {
                return Err(format!("what is published of {user} goes back: {then:?} to {now:?}"));
            }
        }
        // As a shard keeps it and tells it again.
        let kept = |score: &Score| (f64::from(score.score as f32) * 1e4).round() / 1e4;
        let before = self.table.get(&user).map(kept);
        if score.previous != before {
            return Err(format!("{user} is said to have had {:?} before, and had {before:?}", score.previous));
        }
        self.table.insert(user, score);
        Ok(())
    }

    /// What was seen is what is committed in the end, each record once, in its order.
    pub(crate) fn check(&self, broker: &Broker) -> Result<(), String> {
        for (shard, seen) in self.seen.iter().enumerate() {
            let (records, _) = broker.read(Topic::Scores, shard as u16, 0, usize::MAX);
            let committed =
                records.into_iter().map(|(offset, record)| (offset, record.key.clone(), record.value.clone()));
            if !committed.eq(seen.iter().cloned()) {
                return Err(format!("the scores of shard {shard} are not those that were seen"));
            }
        }
        Ok(())
    }
}
