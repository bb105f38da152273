//! A log in memory: partitions, who owns them, and what is committed. For replays and demos; with a folder it outlives
//! the process.
//!
//! All members share it behind a lock that is taken once an epoch, never for a record. In rounds, what shards tell each
//! other is delivered with the round after: the same input then gives the same bits, whatever the threads do.
//! Subscribers see what a commit publishes in the order of commits, and nothing that is not committed.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use influence::exchange::Section;
use influence::{Effects, Shard};
use pipeline::{Batch, Cue, Fatal, Fault, Inbox, Log, Ownership, Past, Positions, Room, Step};
use vocabulary::Timestamp;
use wire::JournalRecord;

/// A worker's name in the log, never given twice.
type Member = u64;

/// The log. Clones are the same log.
#[derive(Clone, Debug)]
pub struct Memory {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    core: Mutex<Core>,
    arrived: Condvar,
}

/// How a log in memory behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Manner {
    /// What shards tell each other waits for the end of the round.
    pub in_rounds: bool,
    /// Records are kept when they have been delivered, for workers that restore; else they must be appended again.
    pub keeps: bool,
}

#[derive(Debug)]
struct Core {
    manner: Manner,
    partitions: Vec<Partition>,
    members: BTreeMap<Member, MemberState>,
    next_member: Member,
    topics: Vec<String>,
    /// This round's sections, with the shard they are for.
    told: Vec<(u16, Section)>,
    /// This round's journal records.
    journaled: Vec<JournalRecord>,
    subscribers: Subscribers,
}

/// Sees what a commit publishes of one shard.
type Subscriber = Box<dyn FnMut(&Shard, &Effects) + Send>;

#[derive(Default)]
struct Subscribers(Vec<Subscriber>);

/// What belongs to one shard.
#[derive(Debug)]
struct Partition {
    inputs: Vec<VecDeque<Arc<Batch>>>,
    input_ends: Vec<i64>,
    exchange: VecDeque<(i64, Vec<Section>)>,
    exchange_end: i64,
    journal: VecDeque<(i64, JournalRecord)>,
    journal_end: i64,
    committed: Option<Positions>,
    owner: Option<Member>,
    /// From where on its owner wants records.
    sought: Option<Positions>,
    /// Journal records before this one are not needed any more.
    trimmed: i64,
}

#[derive(Debug, Default)]
struct MemberState {
    changes: Vec<Ownership>,
    cue: Option<Cue>,
}

/// One worker's access to a log in memory.
#[derive(Debug)]
pub struct MemoryLog {
    memory: Memory,
    member: Member,
}

/// What a round has committed.
#[derive(Debug, Default)]
pub(crate) struct Round {
    pub(crate) journal: Vec<JournalRecord>,
    /// Records of the exchange, with their shards and offsets.
    pub(crate) exchange: Vec<(u16, i64, Vec<Section>)>,
    /// Entries that shards have told each other.
    pub(crate) entries: u64,
}

impl Memory {
    /// An empty log with so many partitions, and inputs of these names.
    pub fn new(partitions: u16, inputs: &[&str], manner: Manner) -> Memory {
        let partition = || Partition {
            inputs: vec![VecDeque::new(); inputs.len()],
            input_ends: vec![0; inputs.len()],
            exchange: VecDeque::new(),
            exchange_end: 0,
            journal: VecDeque::new(),
            journal_end: 0,
            committed: None,
            owner: None,
            sought: None,
            trimmed: 0,
        };
        let core = Core {
            manner,
            partitions: (0..partitions).map(|_| partition()).collect(),
            members: BTreeMap::new(),
            next_member: 0,
            topics: inputs.iter().map(|&input| input.to_owned()).collect(),
            told: Vec::new(),
            journaled: Vec::new(),
            subscribers: Subscribers::default(),
        };
        Memory { shared: Arc::new(Shared { core: Mutex::new(core), arrived: Condvar::new() }) }
    }

    /// A new worker's access to it. It owns nothing.
    pub fn join(&self) -> MemoryLog {
        let mut core = self.core();
        let member = core.next_member;
        core.next_member += 1;
        core.members.insert(member, MemberState::default());
        MemoryLog { memory: self.clone(), member }
    }

    /// Gives a shard to a worker, at once: whoever had it has lost it.
    pub fn assign(&self, shard: u16, log: &MemoryLog) {
        let mut core = self.core();
        let partition = &mut core.partitions[usize::from(shard)];
        partition.sought = None;
        let before = partition.owner.replace(log.member);
        if let Some(before) = before.and_then(|before| core.members.get_mut(&before)) {
            before.changes.push(Ownership::Lost(shard));
        }
        if let Some(member) = core.members.get_mut(&log.member) {
            member.changes.push(Ownership::Assigned(shard));
        }
        self.shared.arrived.notify_all();
    }

    /// Asks a shard's owner to release it.
    pub fn revoke(&self, shard: u16) {
        let mut core = self.core();
        let owner = core.partitions[usize::from(shard)].owner;
        if let Some(member) = owner.and_then(|owner| core.members.get_mut(&owner)) {
            member.changes.push(Ownership::Revoked(shard));
        }
        self.shared.arrived.notify_all();
    }

    /// Appends records to a shard's part of an input. They must begin where it ends, or later.
    pub fn append(&self, shard: u16, input: usize, batch: Arc<Batch>) {
        let mut core = self.core();
        let partition = &mut core.partitions[usize::from(shard)];
        assert!(batch.first() >= partition.input_ends[input], "records must be appended in the order of their offsets");
        partition.input_ends[input] = batch.next();
        partition.inputs[input].push_back(batch);
        self.shared.arrived.notify_all();
    }

    /// Shows what is published from now on to this function, a shard at a time: scores by [`Shard::record`], and who is
    /// erased. It is called within the commit, so it must be quick and must not use the log.
    pub fn subscribe(&self, subscriber: impl FnMut(&Shard, &Effects) + Send + 'static) {
        self.core().subscribers.0.push(Box::new(subscriber));
    }

    /// Tells all workers that an epoch ends with what has been appended.
    pub(crate) fn cue(&self, cue: Cue) {
        self.core().members.values_mut().for_each(|member| member.cue = Some(cue));
        self.shared.arrived.notify_all();
    }

    /// Ends a round: what shards have told each other can be delivered now, in the order of who told it. Returns what
    /// the round has committed, if it is asked for.
    pub(crate) fn end_round(&self, is_asked: bool) -> Round {
        let mut core = self.core();
        let mut told = std::mem::take(&mut core.told);
        told.sort_by_key(|(shard, section)| (*shard, section.source));
        let entries = told.iter().map(|(_, section)| section.len() as u64).sum();
        let mut round = Round { journal: std::mem::take(&mut core.journaled), exchange: Vec::new(), entries };
        round.journal.sort_by_key(|record| record.shard);
        let mut told = told.into_iter().peekable();
        while let Some((shard, section)) = told.next() {
            let mut sections = vec![section];
            while let Some((_, section)) = told.next_if(|(other, _)| *other == shard) {
                sections.push(section);
            }
            let kept = is_asked.then(|| sections.clone());
            let offset = core.partitions[usize::from(shard)].tell(sections);
            round.exchange.extend(kept.map(|sections| (shard, offset, sections)));
        }
        round
    }

    /// Puts back what a round has committed.
    pub(crate) fn put_back(&self, round: Round) {
        let mut core = self.core();
        for record in round.journal {
            let partition = &mut core.partitions[usize::from(record.shard)];
            partition.committed = Some(Positions::after(&record));
            partition.journal_end = record.sequence as i64 + 1;
            partition.journal.push_back((record.sequence as i64, record));
        }
        for (shard, offset, sections) in round.exchange {
            let partition = &mut core.partitions[usize::from(shard)];
            partition.exchange_end = offset + 1;
            partition.exchange.push_back((offset, sections));
        }
    }

    /// Whether a shard has been told something that it has not taken.
    pub(crate) fn is_telling(&self) -> bool {
        let core = self.core();
        core.partitions.iter().any(|partition| {
            let taken = partition.committed.as_ref().map_or(0, |positions| positions.exchange);
            partition.exchange_end > taken
        })
    }

    /// Rounds before this one are not needed any more.
    pub(crate) fn trimmed(&self) -> i64 {
        self.core().partitions.iter().map(|partition| partition.trimmed).min().unwrap_or(0)
    }

    /// A copy of what is under way between shards, for a world that goes its own way.
    pub(crate) fn fork(&self) -> Memory {
        let core = self.core();
        let partitions = core.partitions.iter().map(Partition::fork).collect();
        let core = Core {
            manner: core.manner,
            partitions,
            members: BTreeMap::new(),
            next_member: 0,
            topics: core.topics.clone(),
            told: Vec::new(),
            journaled: Vec::new(),
            subscribers: Subscribers::default(),
        };
        Memory { shared: Arc::new(Shared { core: Mutex::new(core), arrived: Condvar::new() }) }
    }

    /// Lets a worker go on with shards that it has already.
    pub(crate) fn hand_over(&self, shards: impl IntoIterator<Item = u16>, log: &MemoryLog) {
        let mut core = self.core();
        for shard in shards {
            let partition = &mut core.partitions[usize::from(shard)];
            partition.owner = Some(log.member);
            partition.sought = partition.committed.clone();
        }
    }

    /// A thread that panics with the lock in its hand leaves numbers that are whole: each is written at once.
    fn core(&self) -> MutexGuard<'_, Core> {
        self.shared.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscribers {
    fn show(&mut self, step: &Step<'_>) {
        self.0.iter_mut().for_each(|subscriber| subscriber(step.shard, step.effects));
    }
}

impl fmt::Debug for Subscribers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} subscribers", self.0.len())
    }
}

impl Partition {
    fn tell(&mut self, sections: Vec<Section>) -> i64 {
        let offset = self.exchange_end;
        self.exchange_end += 1;
        self.exchange.push_back((offset, sections));
        offset
    }

    fn fork(&self) -> Partition {
        Partition {
            inputs: vec![VecDeque::new(); self.inputs.len()],
            input_ends: self.input_ends.clone(),
            exchange: self.exchange.clone(),
            exchange_end: self.exchange_end,
            journal: VecDeque::new(),
            journal_end: self.journal_end,
            committed: self.committed.clone(),
            owner: None,
            sought: None,
            trimmed: 0,
        }
    }

    /// Delivers what comes next, and moves on.
    fn deliver(&mut self, shard: u16, keeps: bool, room: &Room, inbox: &mut Inbox) {
        let Some(sought) = &mut self.sought else { return };
        for (input, batches) in self.inputs.iter_mut().enumerate() {
            let mut room = room.records(shard, input);
            let position = &mut sought.inputs[input];
            let first = batches.partition_point(|batch| batch.next() <= *position);
            for batch in batches.iter().skip(first) {
                if room == 0 {
                    break;
                }
                room = room.saturating_sub(batch.len());
                *position = batch.next();
                inbox.records(shard, input, Arc::clone(batch));
            }
            if !keeps {
                batches.drain(..batches.partition_point(|batch| batch.next() <= *position));
            }
        }
        let first = self.exchange.partition_point(|(offset, _)| *offset < sought.exchange);
        if keeps {
            self.exchange.iter().skip(first).for_each(|(offset, told)| inbox.exchange(shard, *offset, told.clone()));
        } else {
            let told = self.exchange.drain(..).skip(first);
            told.for_each(|(offset, told)| inbox.exchange(shard, offset, told));
        }
        sought.exchange = sought.exchange.max(self.exchange_end);
    }
}

impl Core {
    fn owned(&mut self, shard: u16, member: Member) -> Result<&mut Partition, Fault> {
        let partition = &mut self.partitions[usize::from(shard)];
        if partition.owner == Some(member) {
            return Ok(partition);
        }
        Err(Fault::Broken(format!("shard {shard} has another owner")))
    }

    fn commit(&mut self, steps: &mut [Step<'_>]) -> Vec<i64> {
        let manner = self.manner;
        let mut offsets = Vec::with_capacity(steps.len());
        for step in &mut *steps {
            let partition = &mut self.partitions[usize::from(step.journal.shard)];
            partition.committed = Some(Positions::after(step.journal));
            offsets.push(partition.journal_end);
            if manner.keeps {
                partition.journal.push_back((partition.journal_end, step.journal.clone()));
            }
            partition.journal_end += 1;
            if manner.in_rounds {
                self.journaled.push(step.journal.clone());
            }
        }
        for step in steps {
            self.subscribers.show(step);
            let told = (0..).zip(step.effects.exchange.drain(..)).filter(|(_, section)| !section.is_empty());
            self.told.extend(told);
        }
        offsets
    }

    /// Outside rounds what was told can be delivered at once: one record for each shard that it is for.
    fn tell(&mut self) {
        let told = std::mem::take(&mut self.told);
        let mut groups: BTreeMap<u16, Vec<Section>> = BTreeMap::new();
        told.into_iter().for_each(|(shard, section)| groups.entry(shard).or_default().push(section));
        for (shard, sections) in groups {
            self.partitions[usize::from(shard)].tell(sections);
        }
    }

    /// What a restore needs must be there still.
    fn check_begins(&self, shard: u16, positions: &Positions) -> Result<(), Fatal> {
        let partition = &self.partitions[usize::from(shard)];
        let inputs = partition.inputs.iter().zip(&partition.input_ends).zip(&positions.inputs).zip(&self.topics);
        let inputs = inputs.map(|(((batches, &end), &needed), topic)| {
            let begins = batches.front().map_or(end, |batch| batch.first());
            (topic.as_str(), begins, end, needed)
        });
        let exchange_begins = partition.exchange.front().map_or(partition.exchange_end, |(offset, _)| *offset);
        let exchange = ("exchange", exchange_begins, partition.exchange_end, positions.exchange);
        for (topic, begins, ends, needed) in inputs.chain([exchange]) {
            let (topic, partition) = (topic.to_owned(), shard);
            if needed > ends {
                return Err(Fatal::Shortened { topic, partition, ends, needed });
            }
            if needed < begins {
                return Err(Fatal::Expired { topic, partition, begins, needed });
            }
        }
        Ok(())
    }
}

impl Log for MemoryLog {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_millis() as Timestamp
    }

    fn ownership(&mut self) -> Result<Vec<Ownership>, Fault> {
        let mut core = self.memory.core();
        Ok(core.members.get_mut(&self.member).map(|member| std::mem::take(&mut member.changes)).unwrap_or_default())
    }

    fn past(&mut self, shard: u16) -> Result<Option<Past>, Fault> {
        let mut core = self.memory.core();
        let inputs = core.topics.len();
        let partition = core.owned(shard, self.member)?;
        let committed = partition.committed.as_ref();
        let inputs_committed = match committed {
            Some(positions) => positions.inputs.iter().copied().map(Some).collect(),
            None => vec![None; inputs],
        };
        Ok(Some(Past {
            journal: partition.journal.iter().cloned().collect(),
            starts: Positions { exchange: 0, inputs: vec![0; inputs] },
            exchange_committed: committed.map(|positions| positions.exchange),
            inputs_committed,
            known: String::new(),
        }))
    }

    fn seek(&mut self, shard: u16, positions: &Positions) -> Result<(), Fault> {
        let mut core = self.memory.core();
        core.owned(shard, self.member)?;
        if core.manner.keeps {
            core.check_begins(shard, positions)?;
        }
        core.partitions[usize::from(shard)].sought = Some(positions.clone());
        Ok(())
    }

    fn fetch(&mut self, wait_ms: i64, room: &Room, inbox: &mut Inbox) -> Result<(), Fault> {
        let mut core = self.memory.core();
        for is_last in [false, true] {
            let Core { partitions, manner, .. } = &mut *core;
            for (shard, partition) in
                (0..).zip(partitions).filter(|(_, partition)| partition.owner == Some(self.member))
            {
                partition.deliver(shard, manner.keeps, room, inbox);
            }
            if let Some(cue) = core.members.get_mut(&self.member).and_then(|member| member.cue.take()) {
                inbox.close(cue);
            }
            if is_last || !inbox.is_empty() || core.manner.in_rounds {
                break;
            }
            let wait = Duration::from_millis(wait_ms.max(0) as u64);
            let waited = self.memory.shared.arrived.wait_timeout(core, wait);
            core = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    fn commit(&mut self, steps: &mut [Step<'_>]) -> Result<Vec<i64>, Fault> {
        let mut core = self.memory.core();
        for step in &*steps {
            core.owned(step.journal.shard, self.member)?;
        }
        let offsets = core.commit(steps);
        if !core.manner.in_rounds {
            core.tell();
            self.memory.shared.arrived.notify_all();
        }
        Ok(offsets)
    }

    fn release(&mut self, shard: u16) -> Result<(), Fault> {
        let mut core = self.memory.core();
        let partition = core.owned(shard, self.member)?;
        (partition.owner, partition.sought) = (None, None);
        Ok(())
    }

    fn trim(&mut self, shard: u16, journal_offset: i64, exchange_offset: i64) -> Result<(), Fault> {
        let mut core = self.memory.core();
        let partition = core.owned(shard, self.member)?;
        let journal = partition.journal.partition_point(|(offset, _)| *offset < journal_offset);
        partition.journal.drain(..journal);
        let exchange = partition.exchange.partition_point(|(offset, _)| *offset < exchange_offset);
        partition.exchange.drain(..exchange);
        partition.trimmed = journal_offset;
        Ok(())
    }
}
