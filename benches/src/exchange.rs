//! This program counts the entries that shards send each other through the exchange, and their bytes before compression, with
//! the fields of room and without them.
//!
//! `cargo run --release -p benches --bin exchange -- [EVENTS] [USERS]`
#![allow(clippy::print_stdout, reason = "a program that prints a table")]

use benches::{DAY_MS, Recorded};
use influence::exchange::{Change, Section};
use influence::{Arrival, Effects, HashKey, Model, Shard, Slice};
use vocabulary::Timestamp;

const SHARDS: u16 = 4;
/// Events of all shards in one epoch: half a second at full load, and a calm one.
const EPOCH_EVENTS: [usize; 2] = [65_536, 1_000];

fn main() {
    let recorded = Recorded::of(&benches::world());
    for events in EPOCH_EVENTS {
        let told = run(&recorded, events);
        let taken = recorded.len() as f64;
        let bytes = |bytes: u64| bytes as f64 / taken;
        println!("{SHARDS} shards, {events} events an epoch:");
        println!(
            "  {:.2} entries of endorsements an event, {:.1} B each with room, {:.1} without",
            told.entries as f64 / taken,
            told.entries_bytes as f64 / told.entries as f64,
            told.roomless_bytes as f64 / told.entries as f64
        );
        println!(
            "  {:.1} B an event in all, {:.1} without room",
            bytes(told.all_bytes),
            bytes(told.all_bytes - (told.entries_bytes - told.roomless_bytes))
        );
    }
}

/// The totals of one run.
#[derive(Default)]
struct Told {
    entries: u64,
    /// Of the entries alone.
    entries_bytes: u64,
    /// Of them without what room is made of.
    roomless_bytes: u64,
    /// Of whole records.
    all_bytes: u64,
}

impl Told {
    fn add(&mut self, section: &Section) {
        let alone = Section { endorse: section.endorse.clone(), ..Section::default() };
        let mut roomless = alone.clone();
        for entry in &mut roomless.endorse {
            entry.change = Change { whole: 0.0, known: 0.0, newest: 0.0, ..entry.change };
        }
        self.entries += section.endorse.len() as u64;
        self.entries_bytes += bytes(alone);
        self.roomless_bytes += bytes(roomless);
        self.all_bytes += bytes(section.clone());
    }
}

fn bytes(section: Section) -> u64 {
    let mut record = Vec::new();
    wire::encode_exchange(&[section], &mut record);
    record.len() as u64
}

fn run(recorded: &Recorded, epoch_events: usize) -> Told {
    let model = Model::with_half_life(7 * DAY_MS);
    let shard = |number| Shard::new(model.clone(), HashKey::new([1, 2]), number, SHARDS);
    let mut shards: Vec<Shard> = (0..SHARDS).map(shard).collect();
    let mut told = Told::default();
    let mut clock = Timestamp::MIN;
    let mut waiting: Vec<Vec<Section>> = vec![Vec::new(); shards.len()];
    for first in (0..recorded.len()).step_by(epoch_events) {
        let mut arrivals: Vec<Vec<Arrival<'_>>> = vec![Vec::new(); shards.len()];
        for number in first..recorded.len().min(first + epoch_events) {
            let event = recorded.event(number);
            clock = clock.max(event.at);
            let home = model.partitioner.partition(event.actor, SHARDS);
            arrivals[usize::from(home)].push(Arrival { clock, event });
        }
        let taken = std::mem::replace(&mut waiting, vec![Vec::new(); shards.len()]);
        for (shard, (events, sections)) in shards.iter_mut().zip(arrivals.iter().zip(&taken)) {
            let exchange: Vec<&Section> = sections.iter().collect();
            let sweep = shard.people_len().div_ceil(600);
            let slice = Slice { clock, exchange: &exchange, events, sweep, publishes: true, ..Slice::default() };
            let mut effects = Effects::default();
            shard.step(&slice, &mut effects);
            for (inbox, section) in waiting.iter_mut().zip(effects.exchange).filter(|(_, section)| !section.is_empty())
            {
                told.add(&section);
                inbox.push(section);
            }
        }
    }
    told
}
