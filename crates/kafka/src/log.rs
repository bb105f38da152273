//! The log on Kafka, as one worker has it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{SystemTime, UNIX_EPOCH};

use pipeline::{Fault, Inbox, Log, Ownership, Past, Positions, Room, Status, Step, Unreadable};
use vocabulary::Timestamp;

use crate::application::Application;
use crate::health::Told;
use crate::historian::Historian;
use crate::membership::Membership;
use crate::reader::Reader;
use crate::troubles::Troubles;
use crate::writer::Writer;

/// One worker's access to Kafka: after a failure it is dropped, and another one made.
pub struct KafkaLog {
    // The order in which they are dropped: who writes is fenced last.
    reader: Reader,
    historian: Historian,
    writer: Writer,
    membership: Membership,
    troubles: Troubles,
    owned: BTreeSet<u16>,
    /// Shards without a journal.
    new: BTreeSet<u16>,
    now: Timestamp,
}

impl KafkaLog {
    /// Makes a worker's clients, which tell there how they do, and joins the group. The thread that calls is the worker's. Once it is to stop, it
    /// waits for brokers only for a while.
    ///
    /// # Errors
    /// If the brokers do not answer, or do not let it in.
    pub fn join(
        application: &Arc<Application>,
        worker: usize,
        stop: &Arc<AtomicBool>,
        status: &Arc<Status>,
    ) -> Result<KafkaLog, Fault> {
        let troubles = Troubles::telling(Told::to(status, application.client_prefix()));
        // Whatever a predecessor of the same name left open is ended before anything is taken over.
        let writer = Writer::new(application, worker, stop, &troubles)?;
        let membership = Membership::join(application, worker, status, &troubles)?;
        KafkaLog::of(application, worker, membership, writer, troubles)
    }

    pub(crate) fn of(
        application: &Arc<Application>,
        worker: usize,
        membership: Membership,
        mut writer: Writer,
        troubles: Troubles,
    ) -> Result<KafkaLog, Fault> {
        let historian = Historian::new(application, worker, &troubles)?;
        writer.know(historian.census());
        Ok(KafkaLog {
            reader: Reader::new(application, worker, &troubles)?,
            historian,
            writer,
            membership,
            troubles,
            owned: BTreeSet::new(),
            new: BTreeSet::new(),
            now: Timestamp::MIN,
        })
    }

    #[cfg(test)]
    pub(crate) fn membership(&self) -> &Membership {
        &self.membership
    }

    fn forget(&mut self, shard: u16) {
        self.owned.remove(&shard);
        self.reader.stop(shard);
        self.historian.forget(shard);
        self.new.remove(&shard);
    }
}

impl Log for KafkaLog {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // A machine's clock that is set back stands still here.
        self.now.max(Timestamp::try_from(since.as_millis()).unwrap_or(Timestamp::MAX))
    }

    fn ownership(&mut self) -> Result<Vec<Ownership>, Fault> {
        self.now = self.now();
        self.troubles.check()?;
        self.historian.look()?;
        let next = |shard: &u16| (*shard, self.reader.next(*shard).collect());
        self.historian.watch(self.now, self.owned.iter().map(next))?;
        let changes = self.membership.changes()?;
        for change in &changes {
            match *change {
                Ownership::Assigned(shard) => _ = self.owned.insert(shard),
                Ownership::Revoked(_) => {}
                Ownership::Lost(shard) => self.forget(shard),
            }
        }
        Ok(changes)
    }

    fn past(&mut self, shard: u16) -> Result<Option<Past>, Fault> {
        let past = self.historian.past(shard)?;
        if past.as_ref().is_some_and(|past| past.journal.is_empty()) {
            self.new.insert(shard);
        }
        Ok(past)
    }

    fn seek(&mut self, shard: u16, positions: &Positions) -> Result<(), Fault> {
        let is_new = self.new.contains(&shard);
        let now = self.now();
        let readable = self.reader.start(shard, positions, is_new)?;
        self.historian.note_readable(shard, &readable, now);
        Ok(())
    }

    fn fetch(&mut self, wait_ms: i64, room: &Room, inbox: &mut Inbox) -> Result<(), Fault> {
        let now = self.now();
        self.reader.fetch(wait_ms, now, room, inbox)
    }

    fn prepare(&mut self, steps: &mut [Step<'_>]) {
        self.writer.prepare(steps);
    }

    fn commit(&mut self, steps: &mut [Step<'_>]) -> Result<Vec<i64>, Fault> {
        match steps.iter().find(|step| !self.owned.contains(&step.journal.shard)) {
            Some(step) => Err(Fault::Broken(format!("shard {} is not this worker's any more", step.journal.shard))),
            None => self.writer.commit(steps, &self.membership),
        }
    }

    fn release(&mut self, shard: u16) -> Result<(), Fault> {
        self.forget(shard);
        self.membership.release(shard)
    }

    fn unreadable(&self, shard: u16) -> Option<Unreadable> {
        self.historian.unreadable(shard)
    }

    fn unread_since(&self, shard: u16) -> Vec<Option<Timestamp>> {
        self.historian.unread_since(shard, self.reader.next(shard))
    }

    fn ends(&self, shard: u16) -> Vec<i64> {
        self.historian.ends(shard).1
    }

    fn begins(&self, shard: u16) -> Vec<i64> {
        self.historian.ends(shard).0
    }

    fn trim(&mut self, shard: u16, journal_offset: i64, exchange_offset: i64) -> Result<(), Fault> {
        self.historian.trim(shard, journal_offset, exchange_offset)
    }
}
