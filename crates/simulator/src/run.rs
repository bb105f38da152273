//! One run: workers take turns, records arrive, things go wrong, until everything has come to rest.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use influence::Model;
use pipeline::{Bugs, Clock, Fatal, Fault, Holds, Input, Keeper, Pace, Settings, Status, Store, Worker};

use crate::broker::{Broker, Topic};
use crate::judge;
use crate::log::{CommitFault, FaultyLog, Hooks, Shared};
use crate::scenario::{BEGIN, Happens, Mishap, Scenario, Timed};
use crate::store::FaultyStore;
use crate::subscriber::Subscriber;

/// Virtual milliseconds between two rounds of turns.
const TICK_MS: i64 = 10;
/// Longer than this no run takes to come to rest.
const TICKS_MAX: u64 = 4_000;
/// More often than this no run is healed from outside.
const FATALS_MAX: u64 = 100;
/// A worker that has failed comes back after so long.
const BACKOFF_MS: i64 = 30;

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// What is wrong, if anything is.
    pub failure: Option<String>,
    /// Faults that happened, by name.
    pub faults: BTreeMap<&'static str, u64>,
    /// Workers that were rebuilt.
    pub rebuilds: u64,
    /// Errors that only somebody from outside could heal, and that were to be expected.
    pub fatals: u64,
    /// Epochs committed.
    pub epochs: u64,
    /// Checkpoints written.
    pub checkpoints: u64,
    /// Over all that was committed: the same seed gives the same.
    pub digest: u64,
}

/// A run under way.
pub struct Simulation<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) shared: Shared,
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) settings: Arc<Settings>,
    slots: Vec<Slot>,
    status: Arc<Status>,
    subscriber: Subscriber,
    store_away_until: i64,
    store_full_until: i64,
    bugs: Bugs,
    /// What was done that only an error can answer, and how to undo it.
    harm: Vec<Harm>,
    /// All of it, undone or not.
    provoked: Vec<Harm>,
    pub(crate) verdict: Verdict,
    now: i64,
    tick: u64,
}

/// A worker, alive or not.
struct Slot {
    worker: Option<Worker<FaultyLog>>,
    hooks: Rc<RefCell<Hooks>>,
    back_at: i64,
    paused_until: i64,
    /// Once it has died it stays dead for so long.
    dead_ms: i64,
    /// It comes back with other parameters.
    has_other_model: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    /// Records are gone.
    Begin {
        topic: Topic,
        shard: u16,
    },
    /// A checkpoint is gone, or of no use.
    Checkpoint {
        shard: u16,
    },
    /// All are.
    Checkpoints {
        shard: u16,
    },
    Punched {
        shard: u16,
        offset: i64,
    },
    Model {
        worker: usize,
    },
}

/// Runs a scenario to its end and judges it.
pub fn run(scenario: &Scenario, bugs: Bugs) -> Verdict {
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let mut simulation = Simulation::new(scenario, bugs);
        if let Err(failure) = simulation.live() {
            simulation.verdict.failure = Some(failure);
        }
        std::mem::take(&mut simulation.verdict)
    }));
    lived.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without words");
        Verdict { failure: Some(format!("a panic: {text}")), ..Verdict::default() }
    })
}

pub(crate) fn settings(scenario: &Scenario, model: Model) -> Settings {
    let input = |(number, encoding): (usize, &wire::Encoding)| Input {
        topic: if number == 0 { "profiles".into() } else { format!("events-{number}") },
        holds: if number == 0 { Holds::Profiles } else { Holds::Events },
        encoding: *encoding,
    };
    Settings {
        model,
        shards: scenario.shards,
        inputs: scenario.inputs.iter().enumerate().map(input).collect(),
        exchange: "exchange".into(),
        clock: Clock::Wall,
        pace: Pace {
            epoch_ms: scenario.epoch_ms,
            epoch_records_max: scenario.epoch_records,
            backlog_records_max: scenario.epoch_records.max(scenario.read_records) * 2,
            lag_ms_max: 1_000,
        },
        checkpoint_every_ms: scenario.checkpoint_every_ms,
    }
}

impl<'a> Simulation<'a> {
    fn new(scenario: &'a Scenario, bugs: Bugs) -> Simulation<'a> {
        let shared = Shared {
            broker: Rc::new(RefCell::new(Broker::new(scenario.shards, BEGIN))),
            starved: Rc::default(),
            read_records: scenario.read_records,
            bugs,
        };
        let slot = || Slot {
            worker: None,
            hooks: Rc::default(),
            back_at: BEGIN,
            paused_until: BEGIN,
            dead_ms: 0,
            has_other_model: false,
        };
        Simulation {
            scenario,
            shared,
            store: FaultyStore::new(),
            settings: Arc::new(settings(scenario, scenario.model.clone())),
            slots: (0..scenario.workers).map(|_| slot()).collect(),
            status: Arc::new(Status::new(scenario.shards)),
            subscriber: Subscriber::new(scenario.shards),
            store_away_until: BEGIN,
            store_full_until: BEGIN,
            bugs,
            harm: Vec::new(),
            provoked: Vec::new(),
            verdict: Verdict::default(),
            now: BEGIN,
            tick: 0,
        }
    }

    fn live(&mut self) -> Result<(), String> {
        let scenario = self.scenario;
        let (mut records, mut faults) = (scenario.records.iter().peekable(), scenario.faults.iter().peekable());
        let end =
            scenario.records.iter().map(|record| record.at).chain(scenario.faults.iter().map(|timed| timed.at)).max();
        let end = BEGIN + end.unwrap_or(0) + TICK_MS;
        while self.now < end {
            self.advance(TICK_MS);
            while let Some(record) = records.next_if(|record| BEGIN + record.at <= self.now) {
                let mut broker = self.shared.broker.borrow_mut();
                broker.store(Topic::Input(record.input), record.shard, record.key.clone(), Some(record.value.clone()));
            }
            while let Some(timed) = faults.next_if(|timed| BEGIN + timed.at <= self.now) {
                self.go_wrong(timed);
            }
            self.turns()?;
        }
        self.drain()?;
        judge::judge(self)
    }

    fn advance(&mut self, ms: i64) {
        self.now += ms;
        self.tick += 1;
        self.shared.broker.borrow_mut().tick(self.now);
        self.store.set(self.now < self.store_away_until, self.now < self.store_full_until);
    }

    /// Every worker takes a turn, in another order each time.
    fn turns(&mut self) -> Result<(), String> {
        let count = self.slots.len();
        for place in 0..count {
            let first = (self.scenario.seed.wrapping_add(self.tick * 7) % count as u64) as usize;
            self.turn((place + first) % count)?;
        }
        self.subscriber.poll(&self.shared.broker.borrow())?;
        self.look_at_checkpoints()
    }

    fn turn(&mut self, number: usize) -> Result<(), String> {
        let slot = &mut self.slots[number];
        if self.now < slot.paused_until || self.now < slot.back_at {
            return Ok(());
        }
        if slot.worker.is_none() {
            self.start(number);
        }
        let Some(worker) = &mut self.slots[number].worker else { return Ok(()) };
        match worker.turn() {
            Ok(()) => Ok(()),
            Err(Fault::Broken(_)) => {
                self.verdict.rebuilds += 1;
                self.end_worker(number);
                Ok(())
            }
            Err(Fault::Fatal(fatal)) => {
                self.end_worker(number);
                self.heal(number, &fatal)
            }
        }
    }

    fn start(&mut self, number: usize) {
        let slot = &mut self.slots[number];
        let mut model = self.scenario.model.clone();
        if slot.has_other_model {
            model.rho /= 2.0;
        }
        if self.shared.broker.borrow().answers().is_err() {
            return;
        }
        let settings =
            if slot.has_other_model { Arc::new(settings(self.scenario, model)) } else { Arc::clone(&self.settings) };
        *slot.hooks.borrow_mut() = Hooks::default();
        let log = FaultyLog::join(&self.shared, number, &settings, Rc::clone(&slot.hooks));
        let store = Store::new(Arc::clone(&self.store) as Arc<_>, Default::default()).expect("a runtime for the store");
        let keeper = Keeper::within(store, &settings.model, self.scenario.shards, self.bugs);
        let mut worker = Worker::new(log, settings, keeper, Arc::clone(&self.status));
        worker.plant(self.bugs);
        slot.worker = Some(worker);
    }

    /// Drops a worker. One that has died does not say goodbye.
    fn end_worker(&mut self, number: usize) {
        let slot = &mut self.slots[number];
        let Some(worker) = slot.worker.take() else { return };
        if slot.hooks.borrow().has_died {
            slot.back_at = slot.back_at.max(self.now + std::mem::take(&mut slot.dead_ms));
        } else {
            worker.log().leave();
            slot.back_at = slot.back_at.max(self.now + BACKOFF_MS);
        }
    }

    fn go_wrong(&mut self, timed: &Timed) {
        *self.verdict.faults.entry(timed.fault.name()).or_default() += 1;
        let now = self.now;
        match timed.fault {
            Mishap::Crash { worker, back_ms } => {
                let slot = &mut self.slots[worker];
                slot.hooks.borrow_mut().has_died = true;
                slot.worker = None;
                slot.back_at = now + back_ms;
            }
            Mishap::CrashInCommit { worker, moment, back_ms } => {
                self.slots[worker].hooks.borrow_mut().commit = Some(CommitFault::Crash(moment));
                self.slots[worker].dead_ms = back_ms;
            }
            Mishap::Ambiguous { worker, happens } => {
                self.slots[worker].hooks.borrow_mut().commit = Some(CommitFault::Lost(happens));
                if let Happens::Later { ms } = happens {
                    // Who comes back sooner fences the end off: sometimes it does, sometimes somebody else is waiting.
                    self.slots[worker].dead_ms = ms * (self.scenario.seed % 3) as i64;
                }
            }
            Mishap::Pause { worker, pause_ms } => self.slots[worker].paused_until = now + pause_ms,
            Mishap::Zombie { worker, pause_ms } => {
                self.slots[worker].paused_until = now + pause_ms;
                self.slots[worker].hooks.borrow_mut().is_deaf = true;
            }
            Mishap::Move { salt } => self.shared.broker.borrow_mut().shuffle(salt, false),
            Mishap::Seize { salt } => self.shared.broker.borrow_mut().shuffle(salt, true),
            Mishap::LogAway { away_ms } => self.shared.broker.borrow_mut().away_until = now + away_ms,
            Mishap::Starve { shard, starve_ms } => {
                self.shared.starved.borrow_mut().insert(shard, now + starve_ms);
            }
            Mishap::StoreAway { away_ms } => self.store_away_until = now + away_ms,
            Mishap::StoreFull { full_ms } => self.store_full_until = now + full_ms,
            Mishap::Torn => self.store.tear_next(),
            Mishap::Corrupt { shard } => self.corrupt(shard),
            Mishap::Rotten { shard } => self.rot(shard),
            Mishap::LoseNewest { shard } => {
                self.do_harm(Harm::Checkpoint { shard });
                self.store.list_shard(shard).first().into_iter().for_each(|path| self.store.lose(path));
            }
            Mishap::LoseAll { shard } => {
                self.do_harm(Harm::Checkpoints { shard });
                self.store.list_shard(shard).iter().for_each(|path| self.store.lose(path));
            }
            Mishap::Stale { shard } => self.put_stale(shard),
            Mishap::ShortenJournal { shard } => {
                self.store.list_shard(shard).iter().for_each(|path| self.store.lose(path));
                self.shorten(Topic::Journal, shard);
                self.lose_owner(shard);
            }
            Mishap::ShortenInput { shard } => {
                self.store.list_shard(shard).iter().for_each(|path| self.store.lose(path));
                self.shorten(Topic::Input(1), shard);
                self.lose_owner(shard);
            }
            Mishap::PunchJournal { shard } => self.punch(shard),
            // A shard without a journal would take any model.
            Mishap::OtherModel { .. } if !self.all_have_journals() => {}
            Mishap::OtherModel { worker } => {
                self.slots[worker].has_other_model = true;
                self.slots[worker].worker = None;
                self.do_harm(Harm::Model { worker });
            }
        }
    }

    fn do_harm(&mut self, harm: Harm) {
        self.harm.push(harm);
        self.provoked.push(harm);
    }

    fn corrupt(&mut self, shard: u16) {
        self.do_harm(Harm::Checkpoint { shard });
        if let Some(path) = self.store.list_shard(shard).first() {
            let at = self.scenario.seed as usize;
            self.store.change(path, |bytes| {
                let place = at % bytes.len().max(1);
                bytes.iter_mut().skip(place).take(3).for_each(|byte| *byte ^= 0x5a);
            });
        }
    }

    /// Whatever the frame's own checksum says, the image is not the one that was written.
    fn rot(&mut self, shard: u16) {
        self.do_harm(Harm::Checkpoint { shard });
        let Some(path) = self.store.list_shard(shard).into_iter().next() else { return };
        let seed = self.scenario.seed as usize;
        self.store.change(&path, |bytes| {
            let Ok(mut whole) = zstd::decode_all(&bytes[..]) else { return };
            // Behind the header there are tables of numbers.
            let place = (whole.len() / 3 + seed * 8) % whole.len().max(1);
            whole.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1);
            if let Ok(packed) = zstd::encode_all(&whole[..], 1) {
                *bytes = packed;
            }
        });
    }

    /// The newest checkpoint of a shard under a digest that nobody has journaled.
    fn put_stale(&mut self, shard: u16) {
        if let Some(path) = self.store.list_shard(shard).first()
            && let Some((_, sequence, digest)) = crate::store::parse(path)
        {
            let other = format!("shard-{shard:05}/{:020}-{:016x}.checkpoint", sequence + 1, digest ^ 1);
            self.store.change(path, |_| {});
            self.store.write(&other.into(), b"of another history".to_vec());
        }
    }

    fn all_have_journals(&self) -> bool {
        let broker = self.shared.broker.borrow();
        (0..self.scenario.shards).all(|shard| !broker.read(Topic::Journal, shard, 0, 1).0.is_empty())
    }

    fn shorten(&mut self, topic: Topic, shard: u16) {
        let mut broker = self.shared.broker.borrow_mut();
        let (was, ends) = broker.bounds(topic, shard);
        // The last record of a journal stays: it lies before the mark of its transaction.
        let begins = if topic == Topic::Journal { ends - 2 } else { ends };
        broker.set_begin(topic, shard, begins.max(was));
        drop(broker);
        self.do_harm(Harm::Begin { topic, shard });
        self.do_harm(Harm::Checkpoints { shard });
    }

    fn punch(&mut self, shard: u16) {
        let mut broker = self.shared.broker.borrow_mut();
        let (begins, _) = broker.bounds(Topic::Journal, shard);
        let (records, _) = broker.read(Topic::Journal, shard, begins, usize::MAX);
        let offsets: Vec<i64> = records.iter().map(|(offset, _)| *offset).collect();
        if let [_, .., middle, _] = offsets[..] {
            broker.punch(Topic::Journal, shard, middle, true);
            drop(broker);
            self.do_harm(Harm::Punched { shard, offset: middle });
            self.lose_owner(shard);
        }
    }

    /// Whoever has the shard dies, so that somebody must restore it.
    fn lose_owner(&mut self, shard: u16) {
        let owner =
            self.shared.broker.borrow().owner(shard).and_then(|owner| self.shared.broker.borrow().worker(owner));
        if let Some(worker) = owner {
            self.slots[worker].worker = None;
        }
    }

    /// An error that nobody inside can heal: it must be one that was provoked, it must say where and what to do, and
    /// once its cause is undone everything goes on.
    fn heal(&mut self, number: usize, fatal: &Fatal) -> Result<(), String> {
        let text = fatal.to_string();
        let is_provoked = match fatal {
            Fatal::ModelChanged { .. } => {
                self.provoked.iter().any(|harm| matches!(harm, Harm::Model { worker } if *worker == number))
            }
            Fatal::JournalShortened { shard, .. } => {
                self.was_shortened(Topic::Journal, *shard) || self.has_lost_checkpoints(*shard)
            }
            Fatal::JournalMissing { partition, .. } => self.was_shortened(Topic::Journal, *partition),
            Fatal::Expired { partition, .. } => self.was_shortened(Topic::Input(1), *partition),
            Fatal::JournalGap { shard, .. } => self
                .provoked
                .iter()
                .any(|harm| matches!(harm, Harm::Punched { shard: punched, .. } if punched == shard)),
            _ => false,
        };
        if !is_provoked {
            return Err(format!("worker {number} gave up for no reason: {text}"));
        }
        let says_where = text.chars().any(|c| c.is_ascii_digit()) && text.contains("offset");
        let says_what_to_do = text.contains("application id");
        if !(says_where && says_what_to_do) {
            return Err(format!("an error does not say where, or what to do: {text}"));
        }
        self.verdict.fatals += 1;
        if self.verdict.fatals > FATALS_MAX {
            return Err(format!("what was undone does not heal it: {text}"));
        }
        self.undo();
        Ok(())
    }

    fn was_shortened(&self, topic: Topic, shard: u16) -> bool {
        self.provoked
            .iter()
            .any(|harm| matches!(harm, Harm::Begin { topic: t, shard: s } if (*t, *s) == (topic, shard)))
    }

    /// Two are kept, so that one may be lost.
    fn has_lost_checkpoints(&self, shard: u16) -> bool {
        let lost = |harm: &Harm| match harm {
            Harm::Checkpoints { shard: lost } if *lost == shard => 2,
            Harm::Checkpoint { shard: lost } if *lost == shard => 1,
            _ => 0,
        };
        self.provoked.iter().map(lost).sum::<usize>() >= 2
    }

    fn undo(&mut self) {
        let mut broker = self.shared.broker.borrow_mut();
        for harm in self.harm.drain(..) {
            match harm {
                Harm::Begin { topic, shard } => broker.set_begin(topic, shard, 0),
                // Nobody has them: everything is done again.
                Harm::Checkpoint { shard } | Harm::Checkpoints { shard } => {
                    [Topic::Journal, Topic::Exchange].iter().for_each(|topic| broker.set_begin(*topic, shard, 0));
                }
                Harm::Punched { shard, offset } => broker.punch(Topic::Journal, shard, offset, false),
                Harm::Model { worker } => self.slots[worker].has_other_model = false,
            }
        }
    }

    /// Nothing goes wrong any more, nothing comes any more: everything comes to rest, and all counts are published.
    fn drain(&mut self) -> Result<(), String> {
        self.undo();
        for slot in &mut self.slots {
            (slot.back_at, slot.paused_until, slot.has_other_model) = (self.now, self.now, false);
            slot.dead_ms = 0;
        }
        (self.store_away_until, self.store_full_until) = (BEGIN, BEGIN);
        self.shared.starved.borrow_mut().clear();
        self.shared.broker.borrow_mut().away_until = BEGIN;
        let mut quiet = 0;
        for _ in 0..TICKS_MAX {
            self.advance(self.scenario.epoch_ms.max(TICK_MS));
            self.turns()?;
            let rests = self.is_at_rest();
            quiet += u64::from(rests);
            // The sweep publishes what nobody else did: one visit an epoch for each of the few people of a shard. Now
            // and then shards report how their people stand.
            if rests && quiet > 60 {
                return Ok(());
            }
        }
        let broker = self.shared.broker.borrow();
        let pending = if broker.is_stable() { "" } else { ", with a transaction pending" };
        let restless = (0..self.scenario.shards).filter(|&shard| !self.is_shard_at_rest(&broker, shard));
        Err(format!("shards {:?} do not come to rest{pending}", restless.collect::<Vec<_>>()))
    }

    fn is_at_rest(&self) -> bool {
        let broker = self.shared.broker.borrow();
        broker.is_stable() && (0..self.scenario.shards).all(|shard| self.is_shard_at_rest(&broker, shard))
    }

    fn is_shard_at_rest(&self, broker: &Broker, shard: u16) -> bool {
        let mut topics = (0..self.scenario.inputs.len()).map(Topic::Input).chain([Topic::Exchange]);
        let is_read = topics.all(|topic| {
            let committed = broker.committed(topic, shard).ok().flatten().unwrap_or(0);
            broker.read(topic, shard, committed, 1).0.is_empty()
        });
        let live = self.live_worker(shard).and_then(|worker| worker.shard(shard));
        is_read && live.is_some_and(|shard| shard.is_at_rest())
    }

    /// The worker that owns a shard and steps it.
    pub(crate) fn live_worker(&self, shard: u16) -> Option<&Worker<FaultyLog>> {
        let broker = self.shared.broker.borrow();
        let number = broker.worker(broker.owner(shard)?)?;
        self.slots[number].worker.as_ref().filter(|worker| worker.shard(shard).is_some())
    }

    /// A checkpoint is only ever one of a committed epoch.
    fn look_at_checkpoints(&mut self) -> Result<(), String> {
        for (shard, sequence, digest) in self.store.take_put() {
            self.verdict.checkpoints += 1;
            let broker = self.shared.broker.borrow();
            let is_known = judge::journal(&broker, shard)?
                .iter()
                .any(|record| (record.sequence, record.digest) == (sequence, digest));
            if !is_known {
                return Err(format!(
                    "a checkpoint of shard {shard} was written for sequence {sequence}, which is not committed"
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn subscriber(&self) -> &Subscriber {
        &self.subscriber
    }
}
