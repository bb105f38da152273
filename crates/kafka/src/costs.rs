//! Where a worker's time goes, as sums: a few clock readings a batch, for benchmarks and whoever is curious.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// Nanoseconds, summed over all workers of the process.
#[derive(Debug, Default)]
pub struct Costs {
    /// Taking messages from librdkafka's queues.
    pub fetch: AtomicU64,
    /// Bytes to events and sections.
    pub decode: AtomicU64,
    /// Scores and sections to bytes.
    pub encode: AtomicU64,
    /// Handing them over.
    pub produce: AtomicU64,
    /// Waiting until the group's offsets are part of the transaction.
    pub offsets: AtomicU64,
    /// Waiting until everything is stored and the transaction is committed.
    pub commit: AtomicU64,
    /// Waiting for records.
    pub idle: AtomicU64,
}

impl Costs {
    /// Begins to count anew.
    pub fn reset(&self) {
        let Costs { fetch, decode, encode, produce, offsets, commit, idle } = self;
        [fetch, decode, encode, produce, offsets, commit, idle].iter().for_each(|sum| sum.store(0, Relaxed));
    }
}

/// A watch that is read between two pieces of work.
pub(crate) struct Watch(Instant);

impl Watch {
    pub(crate) fn start() -> Watch {
        Watch(Instant::now())
    }

    /// Books what has passed since it was read last.
    pub(crate) fn book(&mut self, sum: &AtomicU64) {
        let now = Instant::now();
        let nanos = u64::try_from((now - self.0).as_nanos()).unwrap_or(u64::MAX);
        sum.fetch_add(nanos, Relaxed);
        self.0 = now;
    }
}
