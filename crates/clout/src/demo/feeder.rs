//! Puts what has happened by now into the log.

use std::sync::Arc;
use std::time::Instant;

use embedded::Memory;
use influence::Partitioner;
use pipeline::{Batch, Stamp};
use vocabulary::{Event, Profile, Timestamp};

use crate::demo::opening::Opening;
use crate::demo::source::{Bad, Source, What, now};
use crate::demo::workers::{ACCOUNTS, EVENTS, INPUTS, SHARDS};
use crate::recorded::people::Change;

/// Records that may wait in the log before history waits for them.
pub(crate) const WAITING_MAX: u64 = 1 << 17;
/// Events that are appended at once.
const BATCH_MAX: usize = 1 << 14;
/// Seconds for which nothing happens, at most: then history leaps.
const QUIET_SECS_MAX: i64 = 3;

/// The time of history, which runs faster than ours.
#[derive(Debug)]
pub(crate) struct History {
    from: Timestamp,
    since: Instant,
    /// Milliseconds of history in a second.
    speed_ms: i64,
}

/// What a turn has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fed {
    /// All that has happened by now.
    Enough,
    /// More has happened by now.
    More,
    /// Nothing will happen any more.
    End,
}

/// A batch for each partition.
pub(crate) type Batches = [Batch; SHARDS as usize];

/// The partitions of the log.
pub(crate) struct Partitions {
    memory: Memory,
    partitioner: Partitioner,
    /// The end of each partition, by input.
    ends: [[i64; SHARDS as usize]; INPUTS],
    appended: u64,
}

impl Partitions {
    pub(crate) fn new(memory: Memory, partitioner: Partitioner) -> Partitions {
        Partitions { memory, partitioner, ends: [[0; SHARDS as usize]; INPUTS], appended: 0 }
    }

    /// Empty batches behind what is there.
    pub(crate) fn batches(&self, input: usize) -> Batches {
        self.ends[input].map(Batch::new)
    }

    /// The partition of a name.
    pub(crate) fn of(&self, name: &str) -> usize {
        usize::from(self.partitioner.partition(name, SHARDS))
    }

    pub(crate) fn append(&mut self, input: usize, batches: Batches) {
        for (shard, batch) in (0..).zip(batches).filter(|(_, batch)| !batch.is_empty()) {
            self.ends[input][usize::from(shard)] = batch.next();
            self.appended += batch.len() as u64;
            self.memory.append(shard, input, Arc::new(batch));
        }
    }

    /// Records so far.
    pub(crate) fn appended(&self) -> u64 {
        self.appended
    }
}

/// Appends the source's events to the partitions of their actors, and tells the page what accounts are called.
pub(crate) struct Feeder {
    source: Source,
    partitions: Partitions,
    opening: Opening,
}

impl Feeder {
    pub(crate) fn new(source: Source, partitions: Partitions, opening: &Opening) -> Feeder {
        Feeder { source, partitions, opening: opening.clone() }
    }

    /// History so long after the first event.
    pub(crate) fn begin(&self, head_start_ms: i64, speed_ms: i64) -> History {
        let from = self.source.next_at().unwrap_or(0).saturating_add(head_start_ms);
        History { from, since: Instant::now(), speed_ms }
    }

    /// Appends what has happened by now.
    pub(crate) fn feed(&mut self, history: &mut History) -> Fed {
        let Feeder { source, partitions, opening } = self;
        let (mut batches, mut accounts) = (partitions.batches(EVENTS), partitions.batches(ACCOUNTS));
        history.pass();
        let stored_at = now();
        let mut left = BATCH_MAX;
        while let Some(at) = source.next_at()
            && history.has_come_to(at)
            && left > 0
        {
            left -= 1;
            source.take(|at, what| match what {
                What::Event { actor, target, kind } => {
                    let (batch, event) = (&mut batches[partitions.of(actor)], Event { actor, target, kind: *kind, at });
                    // History may overtake our clock: nobody stores what has not happened yet.
                    batch.push_event(batch.next(), &event, Stamp::Stored(stored_at.max(at)));
                }
                What::Change(Change { user, opted_out, trust }) => {
                    let batch = &mut accounts[partitions.of(user)];
                    let (opted_out, trust) = (*opted_out, *trust);
                    batch.push_profile(batch.next(), &Profile { user, opted_out, trust, ..Profile::default() });
                }
                What::Said(said) => opening.call(said),
                What::Linked(link) => {
                    let (batch, linked) = (&mut accounts[partitions.of(&link.account)], link.others());
                    let profile = Profile { user: &link.account, linked: Some(&linked), ..Profile::default() };
                    batch.push_profile(batch.next(), &profile);
                    opening.link(&link.account, Some(link));
                }
                What::Unlinked(account) => opening.link(account, None),
            });
        }
        partitions.append(ACCOUNTS, accounts);
        partitions.append(EVENTS, batches);
        match source.next_at() {
            None => Fed::End,
            Some(_) if left == 0 => Fed::More,
            Some(_) => Fed::Enough,
        }
    }

    /// Lets the log be read first: what is not taken yet must not pile up.
    pub(crate) fn pause(&self, history: &mut History) -> Fed {
        history.stand_still();
        Fed::More
    }

    /// Records so far.
    pub(crate) fn appended(&self) -> u64 {
        self.partitions.appended()
    }

    /// What could not be used of the source.
    pub(crate) fn bad(&self) -> Bad {
        self.source.bad()
    }
}

impl History {
    /// Moves on to now.
    fn pass(&mut self) {
        let now = Instant::now();
        let passed_ms = (now - self.since).as_secs_f64() * self.speed_ms as f64;
        (self.from, self.since) = (self.from.saturating_add(passed_ms as i64), now);
    }

    /// Lets the time since the last turn pass for nothing.
    fn stand_still(&mut self) {
        self.since = Instant::now();
    }

    /// Whether this time has come; it comes at once if it is too far away to be waited for.
    fn has_come_to(&mut self, at: Timestamp) -> bool {
        let wait_ms = at.saturating_sub(self.from);
        if wait_ms > self.speed_ms.saturating_mul(QUIET_SECS_MAX) {
            self.from = at;
        }
        self.from >= at
    }
}
