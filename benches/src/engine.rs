//! The engine alone: one shard, one thread, the reference world in memory; names included, reading excluded. A plain
//! decayed counter over the same events is the yardstick.
//!
//! `cargo run --release -p benches --bin engine -- [EVENTS] [USERS]`
#![allow(clippy::print_stdout, reason = "a program that prints a table")]

use std::time::Instant;

use benches::{Counter, DAY_MS, Recorded};
use influence::{Arrival, Effects, HashKey, Model, Shard, Slice, Taken};
use vocabulary::Timestamp;

/// As many as a shard of `clout run` takes where it is not behind.
const SLICE_EVENTS: usize = 16_384;

fn main() {
    let world = benches::world();
    let started = Instant::now();
    let recorded = Recorded::of(&world);
    println!("{} events of {} users made in {:.1} s", world.events, world.users, started.elapsed().as_secs_f64());
    let counter_rate = decayed_counter(&recorded);
    let engine_rate = engine(&recorded);
    println!("engine / counter: {:.2}", engine_rate / counter_rate);
    drop(recorded);
    follows(&worlds::World { follows: 0.5, events: world.events / 5, users: world.users / 5, ..world });
}

fn decayed_counter(recorded: &Recorded) -> f64 {
    let mut counter = Counter::new(7 * DAY_MS);
    let started = Instant::now();
    for number in 0..recorded.len() {
        counter.take(&recorded.event(number));
    }
    let rate = recorded.len() as f64 / started.elapsed().as_secs_f64();
    println!("plain decayed counter: {:.2} M events/s ({} people)", rate / 1e6, counter.people());
    rate
}

/// What follows cost: half of these events are follows.
fn follows(world: &worlds::World) {
    let (shard, ..) = scored(&Recorded::of(world));
    let sizes = shard.sizes();
    println!(
        "follows: {:.1} B a follow, accounts included ({} follows among {} people)",
        sizes.follows_bytes as f64 / sizes.follows.max(1) as f64,
        sizes.follows,
        sizes.people
    );
}

/// What a run was like.
struct Run {
    taken: Taken,
    published: usize,
    slowest_secs: f64,
    secs: f64,
}

fn scored(recorded: &Recorded) -> (Shard, Run) {
    let mut shard = Shard::new(Model::with_half_life(7 * DAY_MS), HashKey::new([1, 2]), 0, 1);
    let mut effects = Effects::default();
    let mut run = Run { taken: Taken::default(), published: 0, slowest_secs: 0.0, secs: 0.0 };
    let mut clock = Timestamp::MIN;
    let mut arrivals: Vec<Arrival<'_>> = Vec::with_capacity(SLICE_EVENTS);
    for first in (0..recorded.len()).step_by(SLICE_EVENTS) {
        arrivals.clear();
        for number in first..recorded.len().min(first + SLICE_EVENTS) {
            let event = recorded.event(number);
            clock = clock.max(event.at);
            arrivals.push(Arrival { clock, event });
        }
        let sweep = shard.people_len().div_ceil(600);
        let slice = Slice { clock, events: &arrivals, sweep, publishes: true, ..Slice::default() };
        let begun = Instant::now();
        shard.step(&slice, &mut effects);
        let secs = begun.elapsed().as_secs_f64();
        run.secs += secs;
        run.slowest_secs = run.slowest_secs.max(secs);
        run.taken.add(&effects.taken);
        run.published += effects.scores.len();
    }
    (shard, run)
}

fn engine(recorded: &Recorded) -> f64 {
    let (shard, run) = scored(recorded);
    let events = recorded.len() as f64;
    let rate = events / run.secs;
    let sizes = shard.sizes();
    let people = sizes.people.max(1) as f64;
    let usual_secs = run.secs * SLICE_EVENTS as f64 / events;
    println!(
        "engine: {:.2} M events/s; a slice of {SLICE_EVENTS} events takes {:.1} ms, the slowest {:.1} ms",
        rate / 1e6,
        usual_secs * 1e3,
        run.slowest_secs * 1e3
    );
    println!(
        "  {} people, {} rated, {} edges; {:.2} edges pushed and {:.2} scores published an event",
        sizes.people,
        sizes.rated,
        sizes.edges,
        run.taken.pushed_edges as f64 / events,
        run.published as f64 / events
    );
    println!(
        "  {:.1} B a person, {:.1} B an edge; names {:.1} B a person",
        sizes.people_bytes as f64 / people,
        sizes.edges_bytes as f64 / sizes.edges.max(1) as f64,
        sizes.names_bytes as f64 / people
    );
    rate
}
