//! Writes and reads checkpoints, beside the worker or, where a simulator wants every run to be the same, within it.
//!
//! It keeps the two newest checkpoints of a shard and deletes what is older. It never decides anything about a shard:
//! a checkpoint that cannot be written costs time at the next restore, and nothing else.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::Duration;

use influence::{HashKey, Model, Shard};
use tracing::{info, warn};
use wire::JournalRecord;

use crate::bugs::{Bug, Bugs};
use crate::checkpoint::{Checkpoint, Unusable};
use crate::fault::Fatal;
use crate::seen::Seen;
use crate::settings::Settings;
use crate::store::{Named, Store, StoreError};

/// Checkpoints of a shard that are kept.
const KEPT: usize = 2;
/// How much larger a buffer is made than the shard was when it was asked for.
const ROOM: (usize, usize) = (9, 8);

/// The name of a keeper's thread.
const THREAD: &str = "checkpoints";

/// Keeps the checkpoints of one worker's shards.
#[derive(Debug)]
pub struct Keeper {
    desk: Desk,
    /// Jobs under way.
    pending: usize,
}

#[derive(Debug)]
enum Desk {
    /// On a thread of its own.
    Beside { jobs: Sender<Job>, done: Receiver<Done> },
    /// Whenever [`Keeper::work`] is called.
    Within { clerk: Box<Clerk>, jobs: VecDeque<Job> },
    /// No checkpoints at all.
    None { done: VecDeque<Done> },
}

/// What a keeper is asked for.
#[derive(Debug)]
pub(crate) enum Job {
    /// A buffer of touched memory: copying into fresh memory takes ten times as long.
    Room {
        bytes: usize,
    },
    Save {
        checkpoint: Box<Checkpoint>,
    },
    Load {
        shard: u16,
        journal: Arc<[(i64, JournalRecord)]>,
    },
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Done {
    Room(Vec<u8>),
    Saved { shard: u16, result: Result<Saved, StoreError> },
    Loaded { shard: u16, result: Result<Loaded, StoreError> },
}

/// A checkpoint that is safe.
#[derive(Clone, Debug)]
pub(crate) struct Saved {
    pub(crate) sequence: u64,
    pub(crate) bytes: u64,
    /// The older of those that are kept: what is before it is not needed any more.
    pub(crate) oldest_kept: Option<Mark>,
}

/// Where a usable checkpoint stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    sequence: u64,
    pub(crate) journal_offset: i64,
    pub(crate) exchange_offset: i64,
}

/// A shard and the ids it has seen, and the journal's record of the epoch after which it was so.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) record: JournalRecord,
    pub(crate) shard: Shard,
    pub(crate) seen: Option<Seen>,
}

/// The newest checkpoint that can be used.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) found: Option<Box<Found>>,
    /// What was found and is of no use, for messages.
    pub(crate) unusable: Vec<String>,
}

#[derive(Debug)]
struct Clerk {
    store: Store,
    model: Model,
    hash_key: HashKey,
    shards: u16,
    bugs: Bugs,
    /// The buffer of the last checkpoint.
    spare: Vec<u8>,
    /// For each shard, the checkpoints that were written or read here, the oldest first.
    usable: BTreeMap<u16, Vec<Mark>>,
}

impl Keeper {
    /// A keeper with a thread of its own.
    ///
    /// # Errors
    /// If the system has no room for another thread.
    pub fn beside(store: Store, settings: &Settings) -> Result<Keeper, StoreError> {
        let mut clerk = Clerk::new(store, settings, Bugs::NONE);
        let (jobs, inbox) = channel();
        let (outbox, done) = channel();
        let run = move || inbox.into_iter().all(|job| outbox.send(clerk.take(job)).is_ok());
        std::thread::Builder::new().name(THREAD.into()).spawn(run).map_err(StoreError::Thread)?;
        Ok(Keeper { desk: Desk::Beside { jobs, done }, pending: 0 })
    }

    /// A keeper that works when it is told to.
    pub fn within(store: Store, settings: &Settings, bugs: Bugs) -> Keeper {
        let clerk = Box::new(Clerk::new(store, settings, bugs));
        Keeper { desk: Desk::Within { clerk, jobs: VecDeque::new() }, pending: 0 }
    }

    /// A keeper of nothing: restores go through the whole journal.
    pub fn none() -> Keeper {
        Keeper { desk: Desk::None { done: VecDeque::new() }, pending: 0 }
    }

    /// Whether checkpoints are kept.
    pub(crate) fn keeps(&self) -> bool {
        !matches!(self.desk, Desk::None { .. })
    }

    pub(crate) fn ask(&mut self, job: Job) {
        match &mut self.desk {
            Desk::Beside { jobs, .. } => {
                // A thread that has ended is found out when it is asked what is done.
                let _ = jobs.send(job);
            }
            Desk::Within { jobs, .. } => jobs.push_back(job),
            Desk::None { done } => match job {
                Job::Load { shard, .. } => {
                    done.push_back(Done::Loaded { shard, result: Ok(Loaded { found: None, unusable: Vec::new() }) });
                }
                Job::Room { .. } | Job::Save { .. } => return,
            },
        }
        self.pending += 1;
    }

    /// What has come of a job, if any is done.
    ///
    /// # Errors
    /// The keeper's thread has ended.
    pub(crate) fn poll(&mut self) -> Result<Option<Done>, Fatal> {
        let done = match &mut self.desk {
            Desk::Beside { done, .. } => match done.try_recv() {
                Ok(done) => Some(done),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => return Err(ended()),
            },
            Desk::Within { clerk, jobs } => jobs.pop_front().map(|job| clerk.take(job)),
            Desk::None { done } => done.pop_front(),
        };
        self.pending -= usize::from(done.is_some());
        Ok(done)
    }

    /// Waits for a job that is under way; `None` if there is none, or after that time.
    ///
    /// # Errors
    /// The keeper's thread has ended.
    pub(crate) fn wait(&mut self, time: Duration) -> Result<Option<Done>, Fatal> {
        if self.pending == 0 {
            return Ok(None);
        }
        let Desk::Beside { done, .. } = &self.desk else { return self.poll() };
        match done.recv_timeout(time) {
            Ok(done) => {
                self.pending -= 1;
                Ok(Some(done))
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(ended()),
        }
    }
}

fn ended() -> Fatal {
    Fatal::Ended { thread: THREAD.to_owned() }
}

impl Mark {
    fn of(record: &JournalRecord, journal_offset: i64) -> Mark {
        let JournalRecord { sequence, exchange, .. } = *record;
        Mark { sequence, journal_offset, exchange_offset: exchange.next }
    }
}

impl Clerk {
    fn new(store: Store, settings: &Settings, bugs: Bugs) -> Clerk {
        let Settings { model, hash_key, shards, .. } = settings;
        let (model, hash_key, shards) = (model.clone(), *hash_key, *shards);
        Clerk { store, model, hash_key, shards, bugs, spare: Vec::new(), usable: BTreeMap::new() }
    }

    fn take(&mut self, job: Job) -> Done {
        match job {
            Job::Room { bytes } => Done::Room(self.room(bytes)),
            Job::Save { checkpoint } => Done::Saved { shard: checkpoint.journal.shard, result: self.save(*checkpoint) },
            Job::Load { shard, journal } => Done::Loaded { shard, result: self.load(shard, &journal) },
        }
    }

    fn room(&mut self, bytes: usize) -> Vec<u8> {
        let mut room = std::mem::take(&mut self.spare);
        let wanted = bytes / ROOM.1 * ROOM.0;
        if room.capacity() < bytes {
            // Zeros would be promised by the system, and given when they are read: ones are written.
            room = vec![1; wanted];
        }
        room.clear();
        room
    }

    fn save(&mut self, checkpoint: Checkpoint) -> Result<Saved, StoreError> {
        let JournalRecord { shard, sequence, digest, .. } = checkpoint.journal;
        let bytes =
            checkpoint.encode().map_err(|source| object_store::Error::Generic { store: "zstd", source: source.into() });
        let bytes = bytes?;
        self.spare = checkpoint.image;
        let size = bytes.len() as u64;
        self.store.put(shard, sequence, digest, bytes)?;
        let listed = self.store.list(shard)?;
        // Somebody may have deleted what was written here.
        let is_there = |known: &Mark| listed.iter().any(|named| named.sequence == known.sequence);
        self.usable.entry(shard).or_default().retain(is_there);
        let usable = self.note(Mark::of(&checkpoint.journal, checkpoint.journal_offset), shard);
        let oldest_kept = usable.len().checked_sub(KEPT).map(|place| usable[place]);
        if let Some(oldest) = oldest_kept {
            let mut old = listed.iter().filter(|named| named.sequence < oldest.sequence);
            old.try_for_each(|named| self.store.delete(named))?;
        }
        info!(shard, sequence, bytes = size, "checkpoint written");
        Ok(Saved { sequence, bytes: size, oldest_kept })
    }

    fn note(&mut self, mark: Mark, shard: u16) -> &[Mark] {
        let usable = self.usable.entry(shard).or_default();
        usable.retain(|known| known.sequence < mark.sequence);
        usable.push(mark);
        let old = usable.len().saturating_sub(KEPT);
        usable.drain(..old);
        usable
    }

    /// The newest checkpoint that the journal knows and that is whole.
    fn load(&mut self, shard: u16, journal: &[(i64, JournalRecord)]) -> Result<Loaded, StoreError> {
        let mut unusable = Vec::new();
        for named in self.store.list(shard)? {
            let found = match journal.binary_search_by_key(&named.sequence, |(_, record)| record.sequence) {
                Ok(place) => self.look_at(&named, &journal[place])?,
                Err(_) => Err("the journal does not hold its sequence".to_owned()),
            };
            match found {
                Ok((mark, found)) => {
                    self.note(mark, shard);
                    return Ok(Loaded { found: Some(Box::new(found)), unusable });
                }
                Err(reason) => {
                    warn!(shard, sequence = named.sequence, reason, "checkpoint not used");
                    unusable.push(format!("sequence {}: {reason}", named.sequence));
                }
            }
        }
        Ok(Loaded { found: None, unusable })
    }

    /// The shard of a checkpoint; the inner error: it is of no use.
    fn look_at(
        &self,
        named: &Named,
        (offset, record): &(i64, JournalRecord),
    ) -> Result<Result<(Mark, Found), String>, StoreError> {
        if named.digest != record.digest {
            return Ok(Err("it is of another history than the journal".to_owned()));
        }
        let bytes = match self.store.get(named) {
            Ok(bytes) => bytes,
            Err(StoreError::Object(object_store::Error::NotFound { .. })) => return Ok(Err("it is gone".to_owned())),
            Err(error) => return Err(error),
        };
        let found = self.decode(&bytes, record);
        Ok(found.map(|found| (Mark::of(record, *offset), found)).map_err(|reason| reason.to_string()))
    }

    fn decode(&self, bytes: &[u8], record: &JournalRecord) -> Result<Found, Unusable> {
        let checkpoint = Checkpoint::decode(bytes, self.bugs.has(Bug::TornCheckpoint))?;
        if checkpoint.journal != *record {
            return Err(Unusable::Misnamed);
        }
        let shard = checkpoint.shard(&self.model, &self.hash_key, self.shards)?;
        Ok(Found { record: checkpoint.journal, shard, seen: checkpoint.seen })
    }
}
