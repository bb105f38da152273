//! The log under a worker: Kafka, memory, or one that fails on purpose. As narrow as exactly-once allows.
//!
//! A log owns what is ordered and durable: inputs, exchange, journal, scores, offsets, and who owns which shard. It
//! knows nothing of the model. What every log must keep is told by the suite in `contract.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use influence::exchange::Section;
use influence::{Effects, Shard};
use vocabulary::Timestamp;
use wire::JournalRecord;

use crate::batch::{Batch, Refused};
#[cfg(doc)]
use crate::fault::Fatal;
use crate::fault::Fault;

/// One worker's access to the log.
pub trait Log {
    /// The clock of the outside world; it never goes back.
    fn now(&self) -> Timestamp;

    /// What has become of the ownership of shards since this was last asked. Never waits.
    fn ownership(&mut self) -> Result<Vec<Ownership>, Fault>;

    /// All that is committed about an owned shard, once nothing that an earlier owner began can still change it; until
    /// then `None`: ask again.
    fn past(&mut self, shard: u16) -> Result<Option<Past>, Fault>;

    /// Delivers the shard's records from these positions on.
    ///
    /// # Errors
    /// [`Fatal::Expired`] or [`Fatal::Shortened`] if some of them are not there any more.
    fn seek(&mut self, shard: u16, positions: &Positions) -> Result<(), Fault>;

    /// Adds records to the inbox, each partition's in the order of their offsets and without a gap, as far as there is
    /// room. The exchange has room of its own: what shards tell each other must not wait behind what people do. Returns
    /// when there are some, after so many milliseconds at the latest.
    ///
    /// # Errors
    /// If records are missing: the worker starts anew, and [`Log::seek`] says what is.
    fn fetch(&mut self, wait_ms: i64, room: &Room, inbox: &mut Inbox) -> Result<(), Fault>;

    /// Does what a commit of these steps can do beforehand: readers wait as long as a transaction is open. It may be left out.
    fn prepare(&mut self, _steps: &mut [Step<'_>]) {}

    /// Appends all that the steps want published, and their journal records, and moves the offsets: all or nothing, and
    /// only if this worker still owns the shards. Returns the offset of each step's journal record.
    ///
    /// # Errors
    /// Whatever happened, the worker is not to be used any more: it may or may not have been committed.
    fn commit(&mut self, steps: &mut [Step<'_>]) -> Result<Vec<i64>, Fault>;

    /// The worker has done with a shard that [`Ownership::Revoked`] named: somebody else may have it.
    fn release(&mut self, shard: u16) -> Result<(), Fault>;

    /// Records of a shard's inputs that are stored and cannot be read yet: a transaction before them is open. As of a
    /// while ago; `None` if there are none, or a log has no such thing. Never waits.
    fn unreadable(&self, _shard: u16) -> Option<Unreadable> {
        None
    }

    /// Since when records of each input of a shard are there that could be read and have not come, as far as the log has looked;
    /// `None` where all have come, and nothing at all from a log that does not look. Never waits.
    fn unread_since(&self, _shard: u16) -> Vec<Option<Timestamp>> {
        Vec::new()
    }

    /// Where each input of a shard ended when the log last looked, in the order of the configuration; empty if it has not
    /// looked, or a log has no such thing. Never waits.
    fn ends(&self, _shard: u16) -> Vec<i64> {
        Vec::new()
    }

    /// The first offset that there is of each input of a shard, likewise.
    fn begins(&self, _shard: u16) -> Vec<i64> {
        Vec::new()
    }

    /// Nothing before these offsets is needed any more.
    fn trim(&mut self, shard: u16, journal_offset: i64, exchange_offset: i64) -> Result<(), Fault>;
}

/// Records that are stored and cannot be read yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// How many there are, to the end of the log; marks of transactions count as well.
    pub records: u64,
    /// Since when the first of them could not be read, by the log's clock.
    pub since: Timestamp,
}

/// A change of what a worker owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// The shard is the worker's.
    Assigned(u16),
    /// The shard is wanted back: it stays the worker's until it is released.
    Revoked(u16),
    /// Somebody else has it already.
    Lost(u16),
}

/// What is committed about a shard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// Its journal, with the records' offsets.
    pub journal: Vec<(i64, JournalRecord)>,
    /// Where its first slice begins, if there is no journal yet.
    pub starts: Positions,
    /// The offsets that were committed beside it; `None` where the log has forgotten one.
    pub exchange_committed: Option<i64>,
    /// Likewise, of each input.
    pub inputs_committed: Vec<Option<i64>>,
    /// What the last owner wrote beside them, as [`Settings::known`](crate::Settings::known) has it, and where its checkpoints
    /// are; empty where the log does not keep it.
    pub known: String,
}

/// The next offset to be sliced in each partition of a shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions {
    /// In its part of the exchange.
    pub exchange: i64,
    /// In its part of each input, in the order of the configuration.
    pub inputs: Vec<i64>,
}

impl Positions {
    /// Where the slice of this record ends.
    pub fn after(record: &JournalRecord) -> Positions {
        let inputs = record.inputs.iter().map(|range| range.next).collect();
        Positions { exchange: record.exchange.next, inputs }
    }
}

/// How much of each shard's part of each input the worker will take.
#[derive(Clone, Debug, Default)]
pub struct Room {
    pub(crate) shares: BTreeMap<(u16, usize), Share>,
    /// Shards that have been told enough for now.
    pub(crate) told: BTreeSet<u16>,
}

/// Room for one part of an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

impl Room {
    /// Records of a shard's part of an input: with none it is not to be delivered. More is never lost, only early.
    pub fn records(&self, shard: u16, input: usize) -> usize {
        self.share(shard, input).records
    }

    /// Bytes of such records, as [`Batch::bytes`] counts them: once there are so many no further one is to be delivered.
    pub fn bytes(&self, shard: u16, input: usize) -> usize {
        self.share(shard, input).bytes
    }

    /// Whether a shard takes more of what other shards tell it.
    pub fn has_exchange(&self, shard: u16) -> bool {
        !self.told.contains(&shard)
    }

    fn share(&self, shard: u16, input: usize) -> Share {
        let share = self.shares.get(&(shard, input)).copied().unwrap_or_default();
        // A record has some of both.
        if share.bytes == 0 || share.records == 0 { Share::default() } else { share }
    }
}

/// What a log delivers.
#[derive(Debug, Default)]
pub struct Inbox {
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) cue: Option<Cue>,
}

#[derive(Debug)]
pub(crate) enum Delivery {
    Records { shard: u16, input: usize, batch: Arc<Batch> },
    Exchange { shard: u16, offset: i64, sections: Vec<Section> },
}

/// Where a log itself says when epochs end, as the replay of a file does, so that the same file gives the same epochs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cue {
    /// The clock at the epoch's end.
    pub clock: Timestamp,
    /// Whether the sweep visits everybody.
    pub sweeps_all: bool,
    /// Whether levels and the scale go where they belong without their pauses.
    pub settles: bool,
}

impl Inbox {
    /// Records of a shard's part of an input.
    pub fn records(&mut self, shard: u16, input: usize, batch: Arc<Batch>) {
        self.deliveries.push(Delivery::Records { shard, input, batch });
    }

    /// A record of a shard's part of the exchange.
    pub fn exchange(&mut self, shard: u16, offset: i64, sections: Vec<Section>) {
        self.deliveries.push(Delivery::Exchange { shard, offset, sections });
    }

    /// All of an epoch is delivered.
    pub fn close(&mut self, cue: Cue) {
        self.cue = Some(cue);
    }

    /// Whether nothing was delivered.
    pub fn is_empty(&self) -> bool {
        self.deliveries.is_empty() && self.cue.is_none()
    }
}

/// One shard's part of a transaction.
#[derive(Debug)]
pub struct Step<'a> {
    /// The shard after the step; [`Shard::record`] tells what is published.
    pub shard: &'a Shard,
    /// What the step wants published. A log may take the sections out.
    pub effects: &'a mut Effects,
    /// Records that could not be used.
    pub refused: &'a [Refused],
    /// What the slice was. Where its ranges end is what is committed as offsets, moved or not.
    pub journal: &'a JournalRecord,
}
