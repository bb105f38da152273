//! Writes and reads checkpoints, beside the worker or, where a simulator wants every run to be the same, within it.
//!
//! It keeps the two newest checkpoints of a shard and deletes what is older. It never decides anything about a shard:
//! a checkpoint that cannot be written costs time at the next restore, and nothing else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::Duration;

use influence::{HashKey, Model, Shard};
use tracing::{debug, info, warn};
use wire::JournalRecord;

use crate::bugs::{Bug, Bugs};
use crate::checkpoint::{Checkpoint, Unusable};
use crate::fault::Fatal;
use crate::place::CheckpointPlace;
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
        /// Where the last owner kept them.
        kept: Option<CheckpointPlace>,
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
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    sequence: u64,
    pub(crate) journal_offset: i64,
    pub(crate) exchange_offset: i64,
    /// The first offsets of the inputs that a restore reads.
    pub(crate) inputs: Vec<i64>,
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
    /// Places of other processes that were taken from.
    told: BTreeSet<String>,
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
        let JournalRecord { sequence, exchange, ref inputs, .. } = *record;
        let inputs = inputs.iter().map(|range| range.next).collect();
        Mark { sequence, journal_offset, exchange_offset: exchange.next, inputs }
    }
}

impl Clerk {
    fn new(store: Store, settings: &Settings, bugs: Bugs) -> Clerk {
        let Settings { model, hash_key, shards, .. } = settings;
        let (model, hash_key, shards) = (model.clone(), *hash_key, *shards);
        Clerk {
            store,
            model,
            hash_key,
            shards,
            bugs,
            spare: Vec::new(),
            usable: BTreeMap::new(),
            told: BTreeSet::new(),
        }
    }

    fn take(&mut self, job: Job) -> Done {
        match job {
            Job::Room { bytes } => Done::Room(self.room(bytes)),
            Job::Save { checkpoint } => Done::Saved { shard: checkpoint.journal.shard, result: self.save(*checkpoint) },
            Job::Load { shard, journal, kept } => {
                Done::Loaded { shard, result: self.load(shard, &journal, kept.as_ref()) }
            }
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
        let oldest_kept = usable.len().checked_sub(KEPT).map(|place| usable[place].clone());
        if let Some(oldest) = &oldest_kept {
            let mut old = listed.iter().filter(|named| named.sequence < oldest.sequence);
            old.try_for_each(|named| self.store.delete(named))?;
        }
        debug!(shard, sequence, bytes = size, "checkpoint written");
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
    fn load(
        &mut self,
        shard: u16,
        journal: &[(i64, JournalRecord)],
        kept: Option<&CheckpointPlace>,
    ) -> Result<Loaded, StoreError> {
        let mut unusable = Vec::new();
        if let Some(kept) = kept.filter(|_| !journal.is_empty())
            && let Some(reason) = self.bring(shard, journal, kept)?
        {
            unusable.push(format!("{kept} cannot be read from here: {reason}"));
        }
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

    /// Copies the checkpoints that the last owner kept in a place of its own, so that from now on they are here: the journal
    /// is trimmed as if they had been written here. What was in the way of that over there is told.
    fn bring(
        &mut self,
        shard: u16,
        journal: &[(i64, JournalRecord)],
        kept: &CheckpointPlace,
    ) -> Result<Option<String>, StoreError> {
        let listed = self.store.reach(kept).and_then(|other| match other {
            Some(other) => other.list(shard).map(|listed| Some((other, listed))).map_err(|error| error.to_string()),
            None => Ok(None),
        });
        let (other, listed) = match listed {
            Ok(Some(there)) => there,
            Ok(None) => return Ok(None),
            Err(reason) => return Ok(Some(reason)),
        };
        for named in listed {
            let place = journal.binary_search_by_key(&named.sequence, |(_, record)| record.sequence);
            if !place.is_ok_and(|place| journal[place].1.digest == named.digest) {
                continue;
            }
            match other.get(&named) {
                Ok(bytes) => self.store.put(shard, named.sequence, named.digest, bytes)?,
                Err(StoreError::Object(object_store::Error::NotFound { .. })) => continue,
                Err(error) => return Ok(Some(error.to_string())),
            }
            debug!(shard, sequence = named.sequence, from = %kept, "checkpoint copied");
            if self.told.insert(kept.to_string()) {
                info!("takes over checkpoints that another process has kept in {kept}");
            }
        }
        Ok(None)
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::sample;
    use crate::settings::Holds;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("clout-keeper-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Folder(path)
        }

        fn clerk(&self, process: &str) -> Clerk {
            let path = self.0.join(process);
            let location = path.to_str().unwrap();
            let store = Store::open(location, []).unwrap().below("app").identified(location, "here").unwrap();
            Clerk::new(store, &sample::settings([Holds::Events]), Bugs::NONE)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const SHARD: u16 = 3;

    fn checkpoint(sequence: u64) -> Checkpoint {
        let settings = sample::settings([Holds::Events]);
        let journal = JournalRecord { shard: SHARD, sequence, digest: 100 + sequence, ..sample::journal() };
        let mut image = Vec::new();
        Shard::new(settings.model, settings.hash_key, SHARD, settings.shards).copy_image(&mut image);
        Checkpoint { journal, journal_offset: sequence as i64, image, seen: None }
    }

    fn sequences(clerk: &Clerk) -> Vec<u64> {
        clerk.store.list(SHARD).unwrap().iter().map(|named| named.sequence).collect()
    }

    fn folder_of(clerk: &Clerk) -> &Path {
        Path::new(&clerk.store.place().unwrap().location)
    }

    #[test]
    fn the_next_owner_copies_what_the_last_one_has_kept() {
        let folder = Folder::new("copies");
        let (mut last, mut next) = (folder.clerk("last"), folder.clerk("next"));
        for sequence in [5, 7] {
            last.save(checkpoint(sequence)).unwrap();
        }
        // Of an epoch that was never committed, and one of a history that another owner went on with.
        last.store.put(SHARD, 9, 109, b"image".to_vec()).unwrap();
        last.store.put(SHARD, 6, 999, b"image".to_vec()).unwrap();
        let journal: Vec<_> = (0..=8).map(|sequence| (sequence as i64, checkpoint(sequence).journal)).collect();
        let kept = last.store.place().unwrap().clone();
        let loaded = next.load(SHARD, &journal, Some(&kept)).unwrap();
        assert_eq!(loaded.found.unwrap().record.sequence, 7);
        assert_eq!((loaded.unusable, sequences(&next)), (Vec::new(), vec![7, 5]));
        // They are its own from now on: it goes on where the last one's folder is gone.
        fs::remove_dir_all(folder_of(&last)).unwrap();
        next.save(checkpoint(8)).unwrap();
        let loaded = next.load(SHARD, &journal, next.store.place().cloned().as_ref()).unwrap();
        assert_eq!((loaded.found.unwrap().record.sequence, sequences(&next)), (8, vec![8, 7]));
    }

    #[test]
    fn a_place_that_cannot_be_read_is_told_beside_what_there_is() {
        let folder = Folder::new("away");
        let (last, mut next) = (folder.clerk("last"), folder.clerk("next"));
        let journal = [(8, checkpoint(8).journal)];
        let kept = last.store.place().unwrap().clone();
        fs::remove_dir_all(folder_of(&last)).unwrap();
        let told =
            format!("{} of host here cannot be read from here: No such file or directory (os error 2)", kept.location);
        let loaded = next.load(SHARD, &journal, Some(&kept)).unwrap();
        assert!(loaded.found.is_none());
        assert_eq!(loaded.unusable, std::slice::from_ref(&told));
        next.save(checkpoint(8)).unwrap();
        let loaded = next.load(SHARD, &journal, Some(&kept)).unwrap();
        assert!(loaded.found.is_some(), "somebody has put one here: {:?}", loaded.unusable);
        assert_eq!(loaded.unusable, [told]);
        // A shard that is new has nothing to bring.
        assert_eq!(next.load(2, &[], Some(&kept)).unwrap().unusable, [""; 0]);
    }
}
