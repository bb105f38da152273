//! What the runtime costs: beside the engine alone, for a checkpoint, and for a restore.
//!
//! `cargo run --release -p benches --bin runtime -- [EVENTS] [USERS]`
#![allow(clippy::print_stdout, reason = "a program that prints a table")]

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use benches::{DAY_MS, Recorded};
use embedded::{Manner, Memory, World};
use influence::{Arrival, Effects, HashKey, Model, Shard, Slice};
use pipeline::{Batch, Clock, Holds, Input, Keeper, Pace, Place, Settings, Stamp, Status, Store, Worker};
use vocabulary::{Event, Kind, Timestamp};
use wire::{Encoding, Framing};

type Failure = Box<dyn Error>;

const SLICE_EVENTS: usize = 65_536;
const PAIRS: usize = 5;
/// What comes after the checkpoint: thirty seconds at a quarter of a million events.
const SECONDS: usize = 30;
const EVENTS_A_SECOND: usize = 250_000;
const MIB: f64 = 1024.0 * 1024.0;

fn main() -> Result<(), Failure> {
    let world = benches::world();
    let recorded = Recorded::of(&world);
    println!("{} events of {} users", world.events, world.users);
    beside_the_engine(&recorded);
    let folder = std::env::temp_dir().join(format!("clout-runtime-{}", std::process::id()));
    let measured = checkpoint_and_restore(&recorded, &folder);
    fs::remove_dir_all(&folder)?;
    measured
}

const KEY: HashKey = HashKey::new([1, 2]);

fn model() -> Model {
    Model::with_half_life(7 * DAY_MS)
}

/// Pairs of runs, each with the events of a fifth of the log, so that both see the same machine.
fn beside_the_engine(recorded: &Recorded) {
    let events = recorded.len() / 5;
    let mut ratios: Vec<f64> = (0..PAIRS)
        .map(|pair| {
            let (engine_secs, runtime_secs) = if pair % 2 == 0 {
                let engine_secs = engine_secs(recorded, events);
                (engine_secs, runtime_secs(recorded, events))
            } else {
                let runtime_secs = runtime_secs(recorded, events);
                (engine_secs(recorded, events), runtime_secs)
            };
            let rate = |secs: f64| events as f64 / secs / 1e6;
            println!("engine {:.2} M events/s, with the runtime {:.2}", rate(engine_secs), rate(runtime_secs));
            runtime_secs / engine_secs
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!("the runtime takes {:.3} of the engine's time (median of {PAIRS} pairs)", ratios[PAIRS / 2]);
}

/// The engine alone, its slices made beside the clock that is read.
fn engine_secs(recorded: &Recorded, events: usize) -> f64 {
    let mut shard = Shard::new(model(), KEY, 0, 1);
    let (mut effects, mut clock, mut secs) = (Effects::default(), Timestamp::MIN, 0.0);
    let mut arrivals: Vec<Arrival<'_>> = Vec::with_capacity(SLICE_EVENTS);
    for first in (0..events).step_by(SLICE_EVENTS) {
        arrivals.clear();
        for number in first..events.min(first + SLICE_EVENTS) {
            let event = recorded.event(number);
            clock = clock.max(event.at);
            arrivals.push(Arrival { clock, event });
        }
        let sweep = shard.people_len().div_ceil(600);
        let began = Instant::now();
        shard.step(&Slice { clock, events: &arrivals, sweep, publishes: true, ..Slice::default() }, &mut effects);
        secs += began.elapsed().as_secs_f64();
    }
    let began = Instant::now();
    while !shard.is_at_rest() {
        let sweep = shard.people_len().div_ceil(600);
        shard.step(&Slice { clock, sweep, publishes: true, ..Slice::default() }, &mut effects);
    }
    secs + began.elapsed().as_secs_f64()
}

/// The same through the log in memory and the worker: reading, slices, digests, journal, commit, and all else.
fn runtime_secs(recorded: &Recorded, events: usize) -> f64 {
    let mut world = World::new(&model(), KEY, 1, 1);
    let began = Instant::now();
    (0..events).for_each(|number| world.event(&recorded.event(number)));
    world.rest();
    began.elapsed().as_secs_f64()
}

fn settings() -> Settings {
    Settings {
        model: model(),
        hash_key: KEY,
        names: wire::Names::default(),
        shards: 1,
        inputs: vec![Input {
            topic: "events".into(),
            holds: Holds::Events,
            encoding: Encoding::Protobuf,
            framing: Framing::Bare,
            kind: Kind::Mention,
        }],
        exchange: "exchange".into(),
        clock: Clock::Stored,
        dedup_window_ms: None,
        closes_ms: None,
        credits: false,
        pace: Pace { backlog_records_max: usize::MAX, ..Pace::default() },
        checkpoint_every_ms: i64::MAX,
        accepted_gaps: Vec::new(),
    }
}

/// Appends some of the log as if it had just happened, in batches as a broker's reads give them.
fn append(memory: &Memory, recorded: &Recorded, range: std::ops::Range<usize>, late_ms: i64) {
    const BATCH_EVENTS: usize = 4_096;
    for first in range.clone().step_by(BATCH_EVENTS) {
        let mut batch = Batch::new(first as i64);
        for number in first..range.end.min(first + BATCH_EVENTS) {
            let event = recorded.event(number % recorded.len());
            let event = Event { at: event.at + late_ms, ..event };
            batch.push_event(number as i64, &event, Stamp::Stored(event.at));
        }
        memory.append(0, 0, Arc::new(batch));
    }
}

fn checkpoint_and_restore(recorded: &Recorded, folder: &Path) -> Result<(), Failure> {
    let memory = Memory::new(1, &["events"], Manner { in_rounds: false, keeps: true });
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
    let late_ms = now - recorded.event(recorded.len() - 1).at;
    append(&memory, recorded, 0..recorded.len(), late_ms);
    let settings = |every_ms| Arc::new(Settings { checkpoint_every_ms: every_ms, ..settings() });
    let status = Arc::new(Status::new(1));
    let mut worker = start(&memory, &settings(i64::MAX), folder, &status)?;
    while status.totals().records < recorded.len() as u64 {
        worker.turn()?;
    }
    worker.stop()?;
    drop(worker);

    // A worker that checkpoints as soon as it may, while it has nothing else to do.
    let mut worker = start(&memory, &settings(1), folder, &status)?;
    while status.shard(0).checkpoint_bytes == 0 || status.shard(0).checkpoint_pause_us == 0 {
        worker.turn()?;
    }
    let first = status.shard(0);
    let sequence = first.checkpoint_sequence;
    while status.shard(0).checkpoint_sequence == sequence {
        worker.turn()?;
    }
    let shard = status.shard(0);
    let sizes = worker.shard(0).map(Shard::sizes).unwrap_or_default();
    let memory_bytes = sizes.people_bytes + sizes.edges_bytes + sizes.names_bytes + sizes.follows_bytes;
    println!(
        "checkpoint of {} people and {} edges: pause {:.0} ms (the first one {:.0} ms), {:.0} MiB for {:.0} MiB in memory",
        sizes.people,
        sizes.edges,
        shard.checkpoint_pause_us as f64 / 1e3,
        first.checkpoint_pause_us as f64 / 1e3,
        shard.checkpoint_bytes as f64 / MIB,
        memory_bytes as f64 / MIB
    );
    drop(worker);

    // Thirty seconds of journal after the last checkpoint, and then somebody else takes over.
    let mut worker = start(&memory, &settings(i64::MAX), folder, &status)?;
    let goal = status.totals().records;
    while status.shard(0).place != Place::Live {
        worker.turn()?;
    }
    let more = SECONDS * EVENTS_A_SECOND;
    for second in 0..SECONDS * 10 {
        let from = recorded.len() + second * EVENTS_A_SECOND / 10;
        append(&memory, recorded, from..from + EVENTS_A_SECOND / 10, late_ms);
        while status.totals().records < goal + ((second + 1) * EVENTS_A_SECOND / 10) as u64 {
            worker.turn()?;
        }
    }
    drop(worker);
    let began = Instant::now();
    let mut worker = start(&memory, &settings(i64::MAX), folder, &status)?;
    while status.shard(0).place != Place::Restoring {
        worker.turn()?;
    }
    let loaded_secs = began.elapsed().as_secs_f64();
    while status.shard(0).place != Place::Live {
        worker.turn()?;
    }
    println!(
        "restore: {:.1} s, of which {loaded_secs:.1} s for the checkpoint and the rest for {more} events once more",
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

fn start(
    memory: &Memory,
    settings: &Arc<Settings>,
    folder: &Path,
    status: &Arc<Status>,
) -> Result<Worker<embedded::MemoryLog>, Failure> {
    let log = memory.join();
    memory.assign(0, &log);
    let store = Store::open(&folder.to_string_lossy(), [])?;
    let keeper = Keeper::beside(store, settings)?;
    Ok(Worker::new(log, Arc::clone(settings), keeper, Arc::clone(status)))
}
