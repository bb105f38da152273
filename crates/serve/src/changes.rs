//! What has changed lately, numbered, for those who watch: nobody's own queue, one ring that all read at their own pace.
//!
//! Changes are sealed in batches, so that a thousand readers take hold of one list, and hold no lock of the writer's while
//! they look through it. What is to be told of a new change is written once for all of them. Whoever falls behind the ring
//! has lost his place.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use crate::person::Person;

/// Changes in one batch.
const BATCH_MAX: usize = 256;
/// The newest batches keep what was written of them, about half a kilobyte a change.
const WRITTEN_BATCHES_MAX: usize = 64;
/// An erased name stays no longer than that, for those who have to hear of it.
const KEPT_FOR: Duration = Duration::from_secs(300);

/// One change.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) person: Arc<Person>,
    /// The hash of the name.
    pub(crate) key: u64,
    /// Points; NaN if the person was removed.
    moved: f32,
    /// Whether somebody who was removed is told under no name.
    pub(crate) is_hidden: bool,
}

impl Change {
    pub(crate) fn scored(person: Arc<Person>, key: u64, moved: f32) -> Change {
        Change { person, key, moved, is_hidden: false }
    }

    pub(crate) fn removed(person: Arc<Person>, key: u64, is_hidden: bool) -> Change {
        Change { person, key, moved: f32::NAN, is_hidden }
    }

    /// Points, unless the person was removed.
    pub(crate) fn moved(&self) -> Option<f32> {
        Some(self.moved).filter(|moved| !moved.is_nan())
    }
}

/// Changes in a row.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The sequence of the first.
    pub(crate) first: u64,
    pub(crate) changes: Vec<Change>,
    /// What readers are told of each change, once one of them has asked; `None` where the batch is too old for that.
    pub(crate) written: Mutex<Option<Vec<Bytes>>>,
    sealed_at: Instant,
}

impl Batch {
    fn new(first: u64, changes: Vec<Change>, sealed_at: Instant) -> Batch {
        Batch { first, changes, written: Mutex::new(Some(Vec::new())), sealed_at }
    }

    /// The sequence after the last.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.changes.len() as u64
    }
}

/// The ring.
#[derive(Debug)]
pub(crate) struct Changes {
    open: Mutex<Vec<Change>>,
    sealed: RwLock<Ring>,
    next: watch::Sender<u64>,
    changes_max: usize,
}

#[derive(Debug, Default)]
struct Ring {
    batches: VecDeque<Arc<Batch>>,
    count: usize,
    next: u64,
}

impl Changes {
    /// It keeps about so many.
    pub(crate) fn new(changes_max: usize) -> Changes {
        Changes { open: Mutex::default(), sealed: RwLock::default(), next: watch::channel(0).0, changes_max }
    }

    pub(crate) fn push(&self, change: Change) {
        let mut open = self.open.lock();
        open.push(change);
        if open.len() >= BATCH_MAX {
            self.seal_open(&mut open);
        }
    }

    /// Shows readers what there is, and forgets what is too old. Only here they are woken: all of them for each batch would
    /// be too often.
    pub(crate) fn seal(&self) {
        let next = self.seal_open(&mut self.open.lock());
        self.next.send_if_modified(|known| std::mem::replace(known, next) != next);
    }

    fn seal_open(&self, open: &mut Vec<Change>) -> u64 {
        let mut ring = self.sealed.write();
        let now = Instant::now();
        if !open.is_empty() {
            let batch = Batch::new(ring.next, std::mem::take(open), now);
            ring.next = batch.next();
            ring.count += batch.changes.len();
            ring.batches.push_back(Arc::new(batch));
            let aged = ring.batches.len().checked_sub(WRITTEN_BATCHES_MAX + 1);
            if let Some(batch) = aged.and_then(|aged| ring.batches.get(aged)) {
                *batch.written.lock() = None;
            }
        }
        while let Some(oldest) = ring.batches.front()
            && (ring.count > self.changes_max || now.duration_since(oldest.sealed_at) > KEPT_FOR)
        {
            ring.count -= oldest.changes.len();
            ring.batches.pop_front();
        }
        ring.next
    }

    /// Forgets all changes, and lets nobody go on from where they were.
    pub(crate) fn break_off(&self) {
        let mut open = self.open.lock();
        open.clear();
        let mut ring = self.sealed.write();
        ring.batches.clear();
        ring.count = 0;
        ring.next += 1;
        self.next.send_replace(ring.next);
    }

    /// Wakes whoever waits for changes.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.next.subscribe()
    }

    /// The sequence after the last sealed change.
    pub(crate) fn next(&self) -> u64 {
        self.sealed.read().next
    }

    /// The first batch with changes from this sequence on; `Err` if some of them are forgotten or never were.
    pub(crate) fn from(&self, sequence: u64) -> Result<Option<Arc<Batch>>, Lost> {
        let ring = self.sealed.read();
        let oldest = ring.batches.front().map_or(ring.next, |batch| batch.first);
        if sequence < oldest || sequence > ring.next {
            return Err(Lost);
        }
        let batch = ring.batches.partition_point(|batch| batch.next() <= sequence);
        Ok(ring.batches.get(batch).cloned())
    }
}

/// What a reader asks for is not in the ring.
#[derive(Debug, PartialEq)]
pub(crate) struct Lost;

#[cfg(test)]
mod tests {
    use super::*;

    fn push(changes: &Changes, count: usize) {
        let person = Arc::new(Person::new("ana"));
        (0..count).for_each(|_| changes.push(Change::scored(Arc::clone(&person), 1, 0.5)));
    }

    fn first(changes: &Changes, sequence: u64) -> Result<Option<u64>, Lost> {
        Ok(changes.from(sequence)?.map(|batch| batch.first))
    }

    #[test]
    fn readers_go_on_from_where_they_were_or_hear_that_they_cannot() {
        let changes = Changes::new(3000);
        push(&changes, 10);
        assert_eq!(first(&changes, 0), Ok(None));
        changes.seal();
        assert_eq!(first(&changes, 0), Ok(Some(0)));
        assert_eq!(first(&changes, 9), Ok(Some(0)));
        assert_eq!(first(&changes, 10), Ok(None));
        assert_eq!(first(&changes, 11), Err(Lost));
        push(&changes, 4096);
        assert_eq!(first(&changes, 0), Err(Lost));
        assert_eq!(first(&changes, 4106), Ok(None));
        assert_eq!(changes.next(), 4106);
        let kept: usize = changes.sealed.read().batches.iter().map(|batch| batch.changes.len()).sum();
        assert!(kept <= 3000 && kept == changes.sealed.read().count);
        changes.break_off();
        assert_eq!(first(&changes, 4106), Err(Lost));
        assert_eq!(first(&changes, 4107), Ok(None));
    }
}
