//! The records of one round: a batch for each shard and input.

use std::sync::Arc;

use pipeline::{Batch, Stamp};
use vocabulary::{Event, Profile, Timestamp};

use crate::memory::Memory;

/// Where profiles and events stand among the inputs.
const PROFILES: usize = 0;
const EVENTS: usize = 1;

/// A round's records, by shard.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    shards: Vec<[Arc<Batch>; 2]>,
    records: usize,
}

impl Feed {
    pub(crate) fn new(shards: u16) -> Feed {
        Feed { shards: (0..shards).map(|_| [PROFILES, EVENTS].map(|_| Arc::new(Batch::new(0)))).collect(), records: 0 }
    }

    /// Records in it.
    pub(crate) fn len(&self) -> usize {
        self.records
    }

    #[inline]
    pub(crate) fn event(&mut self, shard: u16, event: &Event<'_>, clock: Timestamp) {
        let batch = own(&mut self.shards[usize::from(shard)][EVENTS]);
        batch.push_event(batch.next(), event, Stamp::Stored(clock));
        self.records += 1;
    }

    pub(crate) fn profile(&mut self, shard: u16, profile: &Profile<'_>) {
        let batch = own(&mut self.shards[usize::from(shard)][PROFILES]);
        batch.push_profile(batch.next(), profile);
        self.records += 1;
    }

    /// Appends all of it to the log.
    pub(crate) fn append_to(&self, memory: &Memory) {
        for (shard, batches) in (0..).zip(&self.shards) {
            for (input, batch) in batches.iter().enumerate().filter(|(_, batch)| !batch.is_empty()) {
                memory.append(shard, input, Arc::clone(batch));
            }
        }
    }

    /// A digest of all of it.
    pub(crate) fn digest(&self) -> u64 {
        self.shards
            .iter()
            .flatten()
            .fold(0, |digest: u64, batch| (digest.rotate_left(17) ^ batch.digest()).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Empties it; it begins where the other one ends.
    pub(crate) fn follow(&mut self, before: &Feed) {
        self.records = 0;
        for (batches, before) in self.shards.iter_mut().zip(&before.shards) {
            for (batch, before) in batches.iter_mut().zip(before) {
                own(batch).restart(before.next());
            }
        }
    }
}

/// The batch, which the log has done with. If it has not, a new one takes its place.
#[inline]
fn own(batch: &mut Arc<Batch>) -> &mut Batch {
    if Arc::get_mut(batch).is_none() {
        *batch = Arc::new(Batch::new(batch.next()));
    }
    Arc::get_mut(batch).expect("a batch is nobody else's from its beginning until it is appended")
}
