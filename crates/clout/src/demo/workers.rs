//! The pipeline in this process: a log in memory, and workers on threads of their own.

use std::sync::Arc;
use std::thread::JoinHandle;

use embedded::{Manner, Memory};
use influence::{HashKey, Model};
use pipeline::{
    Clock, Fatal, Fault, Holds, Input, Keeper, Pace, Settings, Status, Store, Supervisor, Worker, draw_hash_key,
};
use vocabulary::Kind;
use wire::{Encoding, Framing};

use crate::demo::opening::Opening;
use crate::failure::Failure;

/// People are spread over so many,
pub(crate) const SHARDS: u16 = 4;
/// which so many threads own.
const WORKERS: u16 = 2;
/// The inputs, by their numbers.
pub(crate) const EVENTS: usize = 0;
pub(crate) const ACCOUNTS: usize = 1;
pub(crate) const INPUTS: usize = 2;
const NAMES: [&str; INPUTS] = ["events", "accounts"];
/// Short epochs, also while much waits: shards hear of each other, and the scale of everybody, once an epoch.
const EPOCH_RECORDS_MAX: usize = 4_096;
const CHECKPOINT_EVERY_MS: i64 = 15_000;

/// Workers that run until they are told to stop.
pub(crate) struct Workers {
    memory: Memory,
    status: Arc<Status>,
    supervisor: Supervisor,
    threads: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts them over an empty log; what they commit is shown.
    pub(crate) fn start(model: &Model, opening: &Opening, supervisor: &Supervisor) -> Result<Workers, Failure> {
        let memory = Memory::new(SHARDS, &NAMES, Manner::default());
        let opening = opening.clone();
        memory.subscribe(move |shard, effects| opening.take(shard, effects));
        let status = Arc::new(Status::new(SHARDS));
        let mut workers = Workers { memory, status, supervisor: supervisor.clone(), threads: Vec::new() };
        let settings = Arc::new(settings(model, draw_hash_key().map_err(Failure::Randomness)?));
        (0..WORKERS).try_for_each(|number| workers.start_one(number, &settings))?;
        Ok(workers)
    }

    fn start_one(&mut self, number: u16, settings: &Arc<Settings>) -> Result<(), Failure> {
        let log = self.memory.join();
        (number..SHARDS).step_by(usize::from(WORKERS)).for_each(|shard| self.memory.assign(shard, &log));
        let keeper = Keeper::beside(Store::open("memory:///", [])?, settings)?;
        let mut worker = Worker::new(log, Arc::clone(settings), keeper, Arc::clone(&self.status));
        let name = format!("worker-{number}");
        let heartbeat = Arc::new(self.supervisor.heartbeat(&name));
        let stop = Arc::clone(self.supervisor.stop_flag());
        let thread = self.supervisor.spawn(&name, move || worker.run(&stop, &heartbeat).map_err(fatal));
        self.threads.push(thread.map_err(Failure::Threads)?);
        Ok(())
    }

    pub(crate) fn memory(&self) -> Memory {
        self.memory.clone()
    }

    pub(crate) fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status)
    }

    /// Of so many records in the log, those that no commit has taken.
    pub(crate) fn waiting(&self, appended: u64) -> u64 {
        appended.saturating_sub(self.status.totals().records)
    }

    /// Transactions so far.
    pub(crate) fn epochs(&self) -> u64 {
        self.status.totals().epochs
    }

    /// Waits until all have stopped.
    pub(crate) fn join(self) {
        // What a thread ended with, the supervisor knows.
        self.threads.into_iter().for_each(|thread| _ = thread.join());
    }
}

/// A log in memory does not break: what does is not to be begun anew.
fn fatal(fault: Fault) -> Box<Fatal> {
    match fault {
        Fault::Fatal(why) => why,
        Fault::Broken(why) => Fatal::Log(why).into(),
    }
}

fn settings(model: &Model, hash_key: HashKey) -> Settings {
    let input = |number: usize, holds| {
        let (topic, framing) = (NAMES[number].to_owned(), Framing::Bare);
        Input { topic, holds, encoding: Encoding::Protobuf, framing, kind: Kind::Mention }
    };
    let inputs = vec![input(EVENTS, Holds::Events), input(ACCOUNTS, Holds::Profiles)];
    Settings {
        model: model.clone(),
        hash_key,
        names: wire::Names::default(),
        shards: SHARDS,
        inputs,
        exchange: "exchange".to_owned(),
        clock: Clock::Event,
        dedup_window_ms: None,
        closes_ms: None,
        credits: false,
        pace: Pace { epoch_records_max: EPOCH_RECORDS_MAX, ..Pace::default() },
        checkpoint_every_ms: CHECKPOINT_EVERY_MS,
        accepted_gaps: Vec::new(),
    }
}
