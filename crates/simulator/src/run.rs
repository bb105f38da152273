//! One run: workers take turns, records arrive, things go wrong, until everything has come to rest.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;

use influence::HashKey;
use pipeline::{Bugs, Clock, Fault, Holds, Input, Keeper, Pace, Settings, Status, Store, Worker};
use vocabulary::Kind;

use crate::broker::{Broker, Topic};
use crate::harm::Harm;
use crate::judge;
use crate::log::{FaultyLog, Hooks, PLANTED, Shared};
use crate::scenario::{BEGIN, Form, Scenario};
use crate::store::FaultyStore;
use crate::subscriber::Subscriber;

/// Longer than this no run takes to come to rest.
const TICKS_MAX: u64 = 4_000;
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
    /// Workers that panicked because it was planted.
    pub panics: u64,
    /// Shards of those that another worker took slices for before they were back.
    pub taken_over: u64,
    /// Errors that only somebody from outside could heal, and that were to be expected, by name.
    pub errors: BTreeMap<&'static str, u64>,
    /// Epochs committed.
    pub epochs: u64,
    /// Checkpoints written.
    pub checkpoints: u64,
    /// Events that were dropped because one with their id was there, as workers have told.
    pub duplicates: u64,
    /// People who have no record any more, or one that lacks what came before a silence.
    pub forgotten: u64,
    /// Closes of days.
    pub closes: u64,
    /// Acts of which it is told what they gave.
    pub credits: u64,
    /// Over all that was committed: the same seed gives the same.
    pub digest: u64,
}

impl Verdict {
    /// Adds another run's counts.
    pub fn add(&mut self, other: &Verdict) {
        self.epochs += other.epochs;
        self.checkpoints += other.checkpoints;
        self.rebuilds += other.rebuilds;
        self.panics += other.panics;
        self.taken_over += other.taken_over;
        self.duplicates += other.duplicates;
        self.forgotten += other.forgotten;
        self.closes += other.closes;
        self.credits += other.credits;
        other.faults.iter().for_each(|(name, count)| *self.faults.entry(name).or_default() += count);
        other.errors.iter().for_each(|(name, count)| *self.errors.entry(name).or_default() += count);
    }
}

/// A run under way.
pub struct Simulation<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) shared: Shared,
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) slots: Vec<Slot>,
    status: Arc<Status>,
    subscriber: Subscriber,
    pub(crate) store_away_until: i64,
    pub(crate) store_full_until: i64,
    bugs: Bugs,
    /// What was done that only an error can answer, and how to undo it.
    pub(crate) harm: Vec<Harm>,
    /// All of it, undone or not.
    pub(crate) provoked: Vec<Harm>,
    pub(crate) verdict: Verdict,
    pub(crate) now: i64,
    tick: u64,
}

/// A worker, alive or not.
pub(crate) struct Slot {
    pub(crate) worker: Option<Worker<FaultyLog>>,
    pub(crate) hooks: Rc<RefCell<Hooks>>,
    pub(crate) back_at: i64,
    pub(crate) paused_until: i64,
    /// Once it has died it stays dead for so long.
    pub(crate) dead_ms: i64,
    /// It leaves the group when it panics.
    pub(crate) leaves: bool,
    /// The shards that it took slices for when it panicked, until somebody does again.
    pub(crate) orphans: Vec<u16>,
    /// It comes back with other settings.
    pub(crate) other: Option<Arc<Settings>>,
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

fn settings(scenario: &Scenario) -> Settings {
    let input = |(number, form): (usize, &Form)| Input {
        topic: if number == 0 { "profiles".into() } else { format!("events-{number}") },
        holds: if number == 0 { Holds::Profiles } else { Holds::Events },
        encoding: form.encoding,
        framing: form.framing,
        kind: Kind::Mention,
    };
    Settings {
        model: scenario.model.clone(),
        hash_key: HashKey::new([scenario.seed, 1]),
        names: wire::Names::default(),
        shards: scenario.shards,
        inputs: scenario.inputs.iter().enumerate().map(input).collect(),
        exchange: "exchange".into(),
        clock: scenario.clock,
        dedup_window_ms: scenario.dedup_window_ms,
        closes_ms: scenario.closes_ms,
        credits: scenario.credits,
        pace: Pace {
            epoch_ms: scenario.epoch_ms,
            epoch_records_max: scenario.epoch_records,
            epoch_bytes_max: scenario.epoch_bytes,
            backlog_bytes_max: scenario.epoch_bytes * 2,
            backlog_records_max: scenario.epoch_records.max(scenario.read_records) * 2,
            lag_ms_max: 1_000,
        },
        checkpoint_every_ms: scenario.checkpoint_every_ms,
        accepted_gaps: Vec::new(),
    }
}

impl<'a> Simulation<'a> {
    fn new(scenario: &'a Scenario, bugs: Bugs) -> Simulation<'a> {
        let shared = Shared {
            broker: Rc::new(RefCell::new(Broker::new(scenario.shards, BEGIN))),
            starved: Rc::default(),
            read_records: scenario.read_records,
            is_stored: scenario.is_stored,
            bugs,
        };
        let slot = || Slot {
            worker: None,
            hooks: Rc::default(),
            back_at: BEGIN,
            paused_until: BEGIN,
            dead_ms: 0,
            leaves: false,
            orphans: Vec::new(),
            other: None,
        };
        Simulation {
            scenario,
            shared,
            store: FaultyStore::new(),
            settings: Arc::new(settings(scenario)),
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
        let tick_ms = scenario.tick_ms;
        let records_end = scenario.records.iter().map(|record| record.at);
        let faults_end =
            scenario.faults.iter().map(|timed| timed.at + timed.fault.lasts_ms().min(scenario.patience_ms()));
        let end = BEGIN + records_end.chain(faults_end).max().unwrap_or(0) + tick_ms;
        while self.now < end {
            self.advance(tick_ms);
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
        self.verdict.duplicates = self.status.totals().duplicates;
        if self.settings.clock == Clock::Event {
            self.restart_at_rest()?;
        }
        judge::judge(self)
    }

    /// Where only events move the clock, an application at rest has nothing to say when it is started again.
    fn restart_at_rest(&mut self) -> Result<(), String> {
        let scores = |of: &Self| -> Vec<[i64; 2]> {
            let broker = of.shared.broker.borrow();
            let end = |shard| [Topic::Scores, Topic::History].map(|topic| broker.bounds(topic, shard).1);
            (0..of.scenario.shards).map(end).collect()
        };
        let said = scores(self);
        (0..self.slots.len()).for_each(|number| self.end_worker(number));
        self.drain()?;
        let says = scores(self);
        if says != said {
            return Err(format!(
                "at rest, and started again, it publishes scores or closes: their topics end at {says:?}, not {said:?}"
            ));
        }
        Ok(())
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
        self.look_at_orphans();
        self.subscriber.poll(&self.shared.broker.borrow())?;
        self.look_at_checkpoints()
    }

    /// Counts the shards of workers that have panicked which others take slices for now.
    fn look_at_orphans(&mut self) {
        for number in 0..self.slots.len() {
            let orphans = std::mem::take(&mut self.slots[number].orphans);
            // Once it is back it may be its own successor.
            if self.slots[number].worker.is_none() {
                let (taken, left) = orphans.into_iter().partition(|&shard| self.live_worker(shard).is_some());
                let taken: Vec<u16> = taken;
                self.verdict.taken_over += taken.len() as u64;
                self.slots[number].orphans = left;
            }
        }
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
        let turned = catch_unwind(AssertUnwindSafe(|| worker.turn())).unwrap_or_else(|panic| {
            if panic.downcast_ref::<&str>() != Some(&PLANTED) {
                resume_unwind(panic);
            }
            self.end_panicked(number);
            Ok(())
        });
        match turned {
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
        if self.shared.broker.borrow().answers().is_err() {
            return;
        }
        let slot = &mut self.slots[number];
        let mut settings = Arc::clone(slot.other.as_ref().unwrap_or(&self.settings));
        if self.scenario.closes_unevenly && number % 2 == 1 {
            Arc::make_mut(&mut settings).closes_ms = None;
        }
        *slot.hooks.borrow_mut() = Hooks::default();
        let log = FaultyLog::join(&self.shared, number, &settings, Rc::clone(&slot.hooks));
        let store = Store::new(Arc::clone(&self.store) as Arc<_>, Default::default()).expect("a runtime for the store");
        let keeper = Keeper::within(store, &settings, self.bugs);
        let mut worker = Worker::new(log, settings, keeper, Arc::clone(&self.status));
        worker.plant(self.bugs);
        slot.worker = Some(worker);
    }

    /// Drops a worker that has panicked: what it holds is worth nothing, whatever it looks like. It comes back as a new
    /// process does.
    fn end_panicked(&mut self, number: usize) {
        self.verdict.panics += 1;
        let slot = &mut self.slots[number];
        let Some(worker) = slot.worker.take() else { return };
        slot.orphans = worker.shards().map(|(shard, _)| shard).collect();
        slot.back_at = slot.back_at.max(self.now + std::mem::take(&mut slot.dead_ms).max(BACKOFF_MS));
        if slot.leaves {
            worker.log().leave();
        }
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

    /// Nothing goes wrong any more, nothing comes any more: everything comes to rest, and all counts are published.
    fn drain(&mut self) -> Result<(), String> {
        self.undo();
        for slot in &mut self.slots {
            (slot.back_at, slot.paused_until, slot.dead_ms) = (self.now, self.now, 0);
        }
        (self.store_away_until, self.store_full_until) = (BEGIN, BEGIN);
        self.store.panic_next(false);
        self.shared.starved.borrow_mut().clear();
        self.shared.broker.borrow_mut().away_until = BEGIN;
        let mut quiet = 0;
        for _ in 0..TICKS_MAX {
            self.advance(self.scenario.epoch_ms.max(self.scenario.tick_ms));
            self.turns()?;
            let rests = self.is_at_rest();
            quiet += u64::from(rests);
            // The sweep visits everybody once more, and publishes what nobody else did. Now and then shards report how
            // their people stand.
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
            let committed = judge::reached(broker, topic, shard);
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
            if !judge::is_journaled(&broker, shard, sequence, digest) {
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
