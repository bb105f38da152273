//! Whose turn it is to be checkpointed.

use std::collections::BTreeMap;

use vocabulary::Timestamp;

use crate::keeper::Saved;
use crate::status::ShardStatus;

/// The rounds of checkpoints: one shard at a time, each when it is due.
#[derive(Debug)]
pub(crate) struct Rounds {
    every_ms: i64,
    shards: BTreeMap<u16, Round>,
    /// The shard whose checkpoint is being written.
    under_way: Option<u16>,
    /// Memory for the next image.
    pub(crate) room: Option<Vec<u8>>,
    /// Whether that has been asked for.
    pub(crate) is_asked: bool,
    /// Whether the last checkpoint, of whatever shard, could not be written.
    is_failing: bool,
}

#[derive(Clone, Copy, Debug)]
struct Round {
    due_at: Timestamp,
    pause_us: u64,
    /// When the image of the last one was taken.
    began_at: Timestamp,
    saved: Option<(u64, Timestamp, u64)>,
    failures: u64,
}

impl Rounds {
    pub(crate) fn new(every_ms: i64) -> Rounds {
        Rounds { every_ms, shards: BTreeMap::new(), under_way: None, room: None, is_asked: false, is_failing: false }
    }

    /// A shard has come; shards that come together are spread over the time between two rounds.
    pub(crate) fn enter(&mut self, shard: u16, now: Timestamp) {
        let share = self.every_ms / (self.shards.len() as i64 + 1);
        let due_at = now.saturating_add(self.every_ms - share / 2);
        self.shards.insert(shard, Round { due_at, pause_us: 0, began_at: now, saved: None, failures: 0 });
    }

    pub(crate) fn forget(&mut self, shard: u16) {
        self.shards.remove(&shard);
        if self.under_way == Some(shard) {
            self.under_way = None;
        }
    }

    /// The shard to be checkpointed now.
    pub(crate) fn due(&self, now: Timestamp) -> Option<u16> {
        if self.under_way.is_some() {
            return None;
        }
        let due = self.shards.iter().filter(|(_, round)| round.due_at <= now);
        due.min_by_key(|(_, round)| round.due_at).map(|(&shard, _)| shard)
    }

    pub(crate) fn is_under_way(&self, shard: u16) -> bool {
        self.under_way == Some(shard)
    }

    pub(crate) fn is_saved(&self, shard: u16, sequence: u64) -> bool {
        self.shards.get(&shard).and_then(|round| round.saved).is_some_and(|(saved, ..)| saved == sequence)
    }

    /// True if the last checkpoint of any shard could not be written: the next one would hardly be either.
    pub(crate) fn is_failing(&self) -> bool {
        self.is_failing
    }

    pub(crate) fn began(&mut self, shard: u16, pause_us: u64, now: Timestamp) {
        self.under_way = Some(shard);
        self.is_asked = false;
        if let Some(round) = self.shards.get_mut(&shard) {
            (round.pause_us, round.began_at) = (pause_us, now);
        }
    }

    /// Nothing has happened since the last one.
    pub(crate) fn skip(&mut self, shard: u16, now: Timestamp) {
        if let Some(round) = self.shards.get_mut(&shard) {
            round.due_at = now.saturating_add(self.every_ms);
        }
    }

    /// A checkpoint is safe; milliseconds since its image was taken, if the shard is still here.
    pub(crate) fn saved(&mut self, shard: u16, saved: &Saved, now: Timestamp) -> Option<i64> {
        self.end(shard);
        self.is_failing = false;
        let round = self.shards.get_mut(&shard)?;
        round.saved = Some((saved.sequence, now, saved.bytes));
        round.failures = 0;
        round.due_at = now.saturating_add(self.every_ms);
        Some(now.saturating_sub(round.began_at))
    }

    pub(crate) fn failed(&mut self, shard: u16, now: Timestamp) {
        self.end(shard);
        self.is_failing = true;
        if let Some(round) = self.shards.get_mut(&shard) {
            round.failures += 1;
            round.due_at = now.saturating_add(self.every_ms);
        }
    }

    fn end(&mut self, shard: u16) {
        if self.under_way == Some(shard) {
            self.under_way = None;
        }
    }

    /// What is known about a shard's checkpoints.
    pub(crate) fn status(&self, shard: u16) -> ShardStatus {
        let Some(round) = self.shards.get(&shard) else { return ShardStatus::default() };
        let (sequence, at, bytes) = round.saved.unwrap_or_default();
        ShardStatus {
            checkpoint_sequence: sequence,
            checkpoint_at: at,
            checkpoint_bytes: bytes,
            checkpoint_pause_us: round.pause_us,
            checkpoint_failures: round.failures,
            ..ShardStatus::default()
        }
    }
}
