//! The log of one simulated worker: everything as bytes, every call may fail.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use influence::exchange::Section;
use influence::{Effects, MODEL_VERSION, Removed, Shard};
use pipeline::{
    Batch, Bug, Bugs, Decoder, Fatal, Fault, Inbox, Kept, Log, Ownership, Past, Positions, RawRecord, Room, Settings,
    Stamp, Step,
};
use wire::{JournalRecord, decode_exchange, encode_close, encode_credits, encode_exchange, encode_score};

use crate::broker::{Broker, Member, Producer, TOO_LARGE, Topic};
use crate::scenario::{Happens, Moment};

/// Headers that say how long a key and a value were, where the dead letter does not have all of it.
pub(crate) const KEY_BYTES: &str = "clout.key.bytes";
pub(crate) const VALUE_BYTES: &str = "clout.value.bytes";

/// How much of a record a dead letter has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// The beginning of key and value.
    Cut,
    /// Only where it is, and what is wrong.
    Place,
}

/// What is to go wrong with the next commit.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CommitFault {
    /// The worker dies.
    Crash(Moment),
    /// The answer is lost.
    Lost(Happens),
}

/// What the driver does to one worker's log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hooks {
    /// For the next commit.
    pub(crate) commit: Option<CommitFault>,
    /// The worker has died inside a call.
    pub(crate) has_died: bool,
    /// It dies by a panic.
    pub(crate) panics: bool,
    /// It does not hear of the next changes of ownership.
    pub(crate) is_deaf: bool,
}

/// One worker's access to the broker.
#[derive(Debug)]
pub(crate) struct FaultyLog {
    broker: Rc<RefCell<Broker>>,
    /// Its faults, which the driver sets.
    pub(crate) hooks: Rc<RefCell<Hooks>>,
    settings: Arc<Settings>,
    member: Member,
    producer: Producer,
    decoders: Vec<Decoder>,
    positions: BTreeMap<u16, Positions>,
    read_records: usize,
    /// Shards of which no input comes, until when.
    starved: Rc<RefCell<BTreeMap<u16, i64>>>,
    is_stored: bool,
    turn: u64,
    bugs: Bugs,
}

/// What all logs of a run share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    /// The broker.
    pub(crate) broker: Rc<RefCell<Broker>>,
    /// Starved shards.
    pub(crate) starved: Rc<RefCell<BTreeMap<u16, i64>>>,
    /// Records of a read.
    pub(crate) read_records: usize,
    /// The time of a record is the log's, not its producer's.
    pub(crate) is_stored: bool,
    /// A planted mistake.
    pub(crate) bugs: Bugs,
}

impl FaultyLog {
    /// A worker joins.
    pub(crate) fn join(
        shared: &Shared,
        worker: usize,
        settings: &Arc<Settings>,
        hooks: Rc<RefCell<Hooks>>,
    ) -> FaultyLog {
        let mut broker = shared.broker.borrow_mut();
        FaultyLog {
            member: broker.join(worker),
            producer: broker.init_producer(worker),
            broker: Rc::clone(&shared.broker),
            hooks,
            decoders: (0..settings.inputs.len()).map(|input| Decoder::new(settings, input)).collect(),
            settings: Arc::clone(settings),
            positions: BTreeMap::new(),
            read_records: shared.read_records,
            starved: Rc::clone(&shared.starved),
            is_stored: shared.is_stored,
            turn: 0,
            bugs: shared.bugs,
        }
    }

    /// Leaves the group in good order, and gives up what it has begun.
    pub(crate) fn leave(&self) {
        let mut broker = self.broker.borrow_mut();
        broker.leave(self.member);
    }

    /// Its place in the group.
    #[cfg(test)]
    pub(crate) fn member(&self) -> Member {
        self.member
    }

    fn topics(&self) -> impl Iterator<Item = Topic> + use<> {
        (0..self.settings.inputs.len()).map(Topic::Input).chain([Topic::Exchange])
    }

    fn name(&self, topic: Topic) -> String {
        match topic {
            Topic::Input(input) => self.settings.inputs[input].topic.clone(),
            _ => self.settings.exchange.clone(),
        }
    }

    /// What a reader needs must be there.
    fn check_bounds(&self, broker: &Broker, shard: u16, positions: &Positions) -> Result<(), Fatal> {
        let needed = positions.inputs.iter().copied().chain([positions.exchange]);
        for (topic, needed) in self.topics().zip(needed) {
            let (begins, ends) = broker.bounds(topic, shard);
            let (topic, partition) = (self.name(topic), shard);
            if needed < begins {
                return Err(Fatal::Expired { topic, partition, begins, needed });
            }
            if needed > ends {
                return Err(Fatal::Shortened { topic, partition, ends, needed });
            }
        }
        Ok(())
    }

    fn die(&self) -> Fault {
        if self.hooks.borrow().panics {
            panic_silently();
        }
        self.hooks.borrow_mut().has_died = true;
        Fault::Broken("the worker dies".into())
    }

    fn send(
        &self,
        broker: &mut Broker,
        transaction: u64,
        steps: &[Step<'_>],
        told: &BTreeMap<u16, Vec<Section>>,
        form: Form,
    ) -> Result<Vec<i64>, &'static str> {
        let mut offsets = Vec::new();
        for step in steps {
            let shard = step.journal.shard;
            for (user, score) in step.effects.scores.iter().filter_map(|published| step.shard.record(published)) {
                let mut value = Vec::new();
                encode_score(user, &score, MODEL_VERSION, &mut value);
                let record = (user.as_bytes().to_vec(), Some(value));
                broker.produce(transaction, Topic::Scores, shard, record, Vec::new())?;
            }
            for Removed { name, .. } in &step.effects.removed {
                broker.produce(transaction, Topic::Scores, shard, (name.as_bytes().to_vec(), None), Vec::new())?;
            }
            for record in history(step.shard, step.effects) {
                match self.bugs.has(Bug::ClosesOutside) {
                    true => broker.store(Topic::History, shard, record.0, record.1),
                    false => broker.produce(transaction, Topic::History, shard, record, Vec::new())?,
                };
            }
            let Effects { credits, rated, .. } = &*step.effects;
            for target in 0..self.settings.shards {
                let credits = credits.get(usize::from(target)).map_or(&[][..], Vec::as_slice);
                let rated = if target == shard { &rated[..] } else { &[] };
                if credits.is_empty() && rated.is_empty() {
                    continue;
                }
                let mut value = Vec::new();
                let ageing = (self.settings.model.half_life_ms, self.settings.model.window_ms);
                encode_credits(credits, rated, ageing, &mut value);
                match self.bugs.has(Bug::CreditsOutside) {
                    true => broker.store(Topic::Credits, target, Vec::new(), Some(value)),
                    false => {
                        broker.produce(transaction, Topic::Credits, target, (Vec::new(), Some(value)), Vec::new())?
                    }
                };
            }
            for refused in step.refused {
                let mut headers = vec![
                    ("__connect.errors.topic", self.settings.inputs[refused.input].topic.clone()),
                    ("__connect.errors.partition", shard.to_string()),
                    ("__connect.errors.offset", refused.offset.to_string()),
                    ("__connect.errors.exception.message", refused.reason.to_string()),
                ];
                let mut kept = |kept: &Option<Kept>, name| {
                    let kept = kept.as_ref()?;
                    let bytes = (form == Form::Cut).then(|| kept.bytes().to_vec());
                    if bytes.as_ref().map(Vec::len) != Some(kept.whole_len()) {
                        headers.push((name, kept.whole_len().to_string()));
                    }
                    bytes
                };
                let record = (kept(&refused.key, KEY_BYTES).unwrap_or_default(), kept(&refused.value, VALUE_BYTES));
                broker.produce(transaction, Topic::DeadLetters, shard, record, headers)?;
            }
            let mut value = Vec::new();
            step.journal.encode(&mut value);
            offsets.push(match self.bugs.has(Bug::OffsetsOutside) {
                true => broker.store(Topic::Journal, shard, Vec::new(), Some(value)),
                false => broker.produce(transaction, Topic::Journal, shard, (Vec::new(), Some(value)), Vec::new())?,
            });
        }
        for (target, sections) in told {
            let mut value = Vec::new();
            encode_exchange(sections, &mut value);
            broker.produce(transaction, Topic::Exchange, *target, (Vec::new(), Some(value)), Vec::new())?;
        }
        Ok(offsets)
    }

    fn send_offsets(&self, broker: &mut Broker, transaction: u64, steps: &[Step<'_>]) -> Result<(), &'static str> {
        for Step { journal, .. } in steps {
            let ends = journal.inputs.iter().map(|range| range.next).chain([journal.exchange.next]);
            let offsets: Vec<(Topic, i64)> = self.topics().zip(ends).collect();
            if self.bugs.has(Bug::OffsetsOutside) {
                offsets.iter().for_each(|&(topic, offset)| broker.store_offset(topic, journal.shard, offset));
            }
            broker.send_offsets(transaction, self.member, journal.shard, offsets)?;
        }
        Ok(())
    }
}

/// What a step says of history, as records: who is not to be shown any more, and closes.
pub(crate) fn history(shard: &Shard, effects: &Effects) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let tombstones = effects.closes_removed.iter().map(|Removed { name, .. }| (name.as_bytes().to_vec(), None));
    let closes = effects.closes.iter().filter_map(|close| {
        let (user, mut value) = (shard.name(close.person)?, Vec::new());
        encode_close(user, close.day, &close.score, MODEL_VERSION, &mut value);
        Some((user.as_bytes().to_vec(), Some(value)))
    });
    tombstones.chain(closes).collect()
}

/// What a panic that was meant to be says.
pub(crate) const PLANTED: &str = "a planted panic";

/// Panics, and nobody hears of it but whoever catches it.
pub(crate) fn panic_silently() {
    std::panic::resume_unwind(Box::new(PLANTED));
}

/// Takes out what the steps tell other shards.
fn told(steps: &mut [Step<'_>]) -> BTreeMap<u16, Vec<Section>> {
    let mut told: BTreeMap<u16, Vec<Section>> = BTreeMap::new();
    for step in steps {
        for (target, section) in (0..).zip(step.effects.exchange.drain(..)).filter(|(_, told)| !told.is_empty()) {
            told.entry(target).or_default().push(section);
        }
    }
    told
}

/// Another record that could have been there.
pub(crate) fn changed(topic: Topic, value: &[u8]) -> Vec<u8> {
    let mut changed = Vec::new();
    match topic {
        Topic::Journal => {
            let Ok(mut record) = JournalRecord::decode(value) else { return changed };
            record.engine_revision += 1;
            record.encode(&mut changed);
        }
        Topic::Exchange => {
            let Ok(mut sections) = decode_exchange(value) else { return changed };
            for entry in sections.iter_mut().flat_map(|section| &mut section.endorse) {
                entry.change.given += 1.0;
            }
            encode_exchange(&sections, &mut changed);
        }
        _ => changed.extend_from_slice(&value[..value.len() / 2]),
    }
    changed
}

fn broken(refusal: &'static str) -> Fault {
    Fault::Broken(refusal.into())
}

impl Log for FaultyLog {
    fn now(&self) -> i64 {
        self.broker.borrow().now
    }

    fn ownership(&mut self) -> Result<Vec<Ownership>, Fault> {
        if std::mem::take(&mut self.hooks.borrow_mut().is_deaf) {
            return Ok(Vec::new());
        }
        let mut broker = self.broker.borrow_mut();
        broker.answers().map_err(broken)?;
        let changes = broker.hear(self.member);
        let changes = changes.ok_or_else(|| broken("the group does not know this member any more"))?;
        for change in &changes {
            if let Ownership::Lost(shard) = change {
                self.positions.remove(shard);
            }
        }
        Ok(changes)
    }

    fn past(&mut self, shard: u16) -> Result<Option<Past>, Fault> {
        let broker = self.broker.borrow();
        broker.answers().map_err(broken)?;
        let (begins, ends) = broker.bounds(Topic::Journal, shard);
        let (records, position) = broker.read(Topic::Journal, shard, begins, usize::MAX);
        if position < ends {
            return Ok(None);
        }
        let mut past =
            Past { starts: Positions { exchange: 0, inputs: vec![0; self.settings.inputs.len()] }, ..Past::default() };
        for topic in self.topics() {
            let Ok(committed) = broker.committed(topic, shard) else { return Ok(None) };
            match topic {
                Topic::Exchange => past.exchange_committed = committed,
                _ => past.inputs_committed.push(committed),
            }
        }
        for (offset, record) in records {
            let journal = JournalRecord::decode(record.value.as_deref().unwrap_or_default());
            let journal = journal.map_err(|error| Fatal::Log(format!("journal[{shard}]@{offset} {error}")))?;
            past.journal.push((offset, journal));
        }
        Ok(Some(past))
    }

    fn seek(&mut self, shard: u16, positions: &Positions) -> Result<(), Fault> {
        let broker = self.broker.borrow();
        broker.answers().map_err(broken)?;
        self.check_bounds(&broker, shard, positions)?;
        self.positions.insert(shard, positions.clone());
        Ok(())
    }

    fn fetch(&mut self, _wait_ms: i64, room: &Room, inbox: &mut Inbox) -> Result<(), Fault> {
        let broker = self.broker.borrow();
        broker.answers().map_err(broken)?;
        self.positions.iter().try_for_each(|(&shard, positions)| self.check_bounds(&broker, shard, positions))?;
        self.turn += 1;
        let inputs = self.settings.inputs.len();
        for (&shard, positions) in &mut self.positions {
            let is_starved = self.starved.borrow().get(&shard).is_some_and(|&until| broker.now < until);
            // Topics take turns, so that their records arrive in another order each time.
            for place in 0..if is_starved { 0 } else { inputs } {
                let input = (place + self.turn as usize) % inputs;
                if (self.turn + input as u64).is_multiple_of(3) && inputs > 1 {
                    continue;
                }
                let position = &mut positions.inputs[input];
                let records_max = self.read_records.min(room.records(shard, input));
                let (records, next) = broker.read(Topic::Input(input), shard, *position, records_max);
                let mut batch = Batch::new(*position);
                for (offset, record) in &records {
                    let value = record.value.as_deref();
                    let stamp = if self.is_stored { Stamp::Stored } else { Stamp::Created };
                    let (offset, stamp, key) = (*offset, stamp(record.stored_at), Some(&record.key[..]));
                    let raw = RawRecord { offset, stamp, key, value };
                    self.decoders[input].decode(shard, &raw, broker.now, &mut batch);
                }
                *position = next;
                if !batch.is_empty() {
                    inbox.records(shard, input, Arc::new(batch));
                }
            }
            let told_max = if room.has_exchange(shard) { usize::MAX } else { 0 };
            let (records, next) = broker.read(Topic::Exchange, shard, positions.exchange, told_max);
            for (offset, record) in records {
                let sections = decode_exchange(record.value.as_deref().unwrap_or_default());
                let sections = sections.map_err(|error| Fatal::Log(format!("exchange[{shard}]@{offset} {error}")))?;
                inbox.exchange(shard, offset, sections);
            }
            positions.exchange = next;
        }
        Ok(())
    }

    fn commit(&mut self, steps: &mut [Step<'_>]) -> Result<Vec<i64>, Fault> {
        let fault = self.hooks.borrow_mut().commit.take();
        let mut broker = self.broker.borrow_mut();
        broker.answers().map_err(broken)?;
        let dies_at = |moment| matches!(fault, Some(CommitFault::Crash(at)) if at == moment);
        if dies_at(Moment::Before) {
            return Err(self.die());
        }
        let told = told(steps);
        let mut transaction = broker.begin(self.producer).map_err(broken)?;
        if dies_at(Moment::Sending) {
            // Refused or not: it dies.
            let _ = self.send(&mut broker, transaction, &steps[..1], &told, Form::Cut);
            return Err(self.die());
        }
        let mut sent = self.send(&mut broker, transaction, steps, &told, Form::Cut);
        if sent == Err(TOO_LARGE) {
            broker.end(transaction, self.producer, false).map_err(broken)?;
            transaction = broker.begin(self.producer).map_err(broken)?;
            sent = self.send(&mut broker, transaction, steps, &told, Form::Place);
        }
        if sent.is_ok() && dies_at(Moment::Produced) {
            return Err(self.die());
        }
        let sent = sent.and_then(|offsets| self.send_offsets(&mut broker, transaction, steps).map(|()| offsets));
        let offsets = match sent {
            Ok(offsets) => offsets,
            Err(refusal) => {
                // Given up in good order; if that is refused as well, the broker does it.
                let _ = broker.end(transaction, self.producer, false);
                return Err(broken(refusal));
            }
        };
        match fault {
            Some(CommitFault::Crash(Moment::Offsets)) => return Err(self.die()),
            Some(CommitFault::Lost(Happens::DidNot)) => return Err(broken("the answer is lost")),
            Some(CommitFault::Lost(Happens::Later { ms })) => {
                let at = broker.now + ms;
                broker.end_later(at, transaction, self.producer);
                return Err(self.die());
            }
            _ => {}
        }
        broker.end(transaction, self.producer, true).map_err(broken)?;
        match fault {
            Some(CommitFault::Crash(Moment::After)) => Err(self.die()),
            Some(CommitFault::Lost(Happens::Did)) => Err(broken("the answer is lost")),
            _ => Ok(offsets),
        }
    }

    fn release(&mut self, shard: u16) -> Result<(), Fault> {
        self.positions.remove(&shard);
        let mut broker = self.broker.borrow_mut();
        broker.answers().map_err(broken)?;
        broker.release(self.member, shard).map_err(broken)
    }

    /// It looks all the time: a worker hears at once what it has not been given.
    fn unread_since(&self, shard: u16) -> Vec<Option<i64>> {
        let broker = self.broker.borrow();
        let next = self.positions.get(&shard).into_iter().flat_map(|positions| positions.inputs.iter().enumerate());
        let is_unread = |(input, &next): (usize, &i64)| !broker.read(Topic::Input(input), shard, next, 1).0.is_empty();
        next.map(|place| is_unread(place).then_some(broker.now)).collect()
    }

    fn trim(&mut self, shard: u16, journal_offset: i64, exchange_offset: i64) -> Result<(), Fault> {
        let mut broker = self.broker.borrow_mut();
        broker.answers().map_err(broken)?;
        for (topic, begins) in [(Topic::Journal, journal_offset), (Topic::Exchange, exchange_offset)] {
            let before = broker.bounds(topic, shard).0;
            broker.set_begin(topic, shard, begins.max(before));
        }
        Ok(())
    }
}
