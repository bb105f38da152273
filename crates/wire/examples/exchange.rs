//! What the exchange of a log costs: bytes and nanoseconds an entry, on one core and from memory.
//!
//! `zcat higgs-activity_time.txt.gz | cargo run --release -p wire --example exchange [shards]`

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement looks at a clock and prints")]

use std::hint::black_box;
use std::io::stdin;
use std::time::Instant;

use influence::exchange::Section;
use influence::{Arrival, Effects, HashKey, Model, Shard, Slice};
use vocabulary::{Event, Kind, Timestamp};
use wire::{EventReader, Format, decode_exchange, encode_exchange};

type Failure = Box<dyn std::error::Error>;

const ROUNDS: usize = 5;
/// Of one shard, as many as come in about 100 ms.
const SLICE_EVENTS: usize = 10_000;
const SWEEP: u32 = 10_000;

struct Act {
    actor: String,
    target: String,
    kind: Kind,
    at: Timestamp,
}

fn main() -> Result<(), Failure> {
    let shards = std::env::args().nth(1).map_or(Ok(4), |shards| shards.parse())?;
    let records = exchange(&acts()?, shards);
    report("all", &records)?;
    report("endorse", &only(&records, |section| Section { endorse: section.endorse, ..Section::default() }))?;
    report("contacts", &only(&records, |section| Section { contacts: section.contacts, ..Section::default() }))?;
    report("names", &only(&records, |section| Section { names: section.names, ..Section::default() }))?;
    Ok(())
}

/// The same records with one kind of entry only.
fn only(records: &[Vec<Section>], part: fn(Section) -> Section) -> Vec<Vec<Section>> {
    let parts =
        |record: &Vec<Section>| record.iter().cloned().map(part).filter(|section| !section.is_empty()).collect();
    records.iter().map(parts).collect()
}

fn acts() -> Result<Vec<Act>, Failure> {
    let mut reader = EventReader::new(stdin().lock(), Format::Snap, None);
    let mut acts = Vec::new();
    while let Some(record) = reader.next()? {
        let Event { actor, target, kind, at } = record.event?;
        acts.push(Act { actor: actor.to_owned(), target: target.to_owned(), kind, at });
    }
    acts.sort_by_key(|act| act.at);
    Ok(acts)
}

/// What shards tell each other over a log: for each epoch and each shard that is told something, one record.
fn exchange(acts: &[Act], shards: u16) -> Vec<Vec<Section>> {
    let model = Model::default();
    let mut world: Vec<_> =
        (0..shards).map(|shard| Shard::new(model.clone(), HashKey::new([1, 2]), shard, shards)).collect();
    let mut told = vec![Vec::new(); usize::from(shards)];
    let mut records = Vec::new();
    for acts in acts.chunks(SLICE_EVENTS * usize::from(shards)) {
        let taken: Vec<Vec<Section>> = told.iter_mut().map(std::mem::take).collect();
        for ((shard, taken), events) in world.iter_mut().zip(&taken).zip(&arrivals(acts, &model, shards)) {
            for (target, section) in step(shard, taken, events).into_iter().enumerate() {
                if !section.is_empty() {
                    told[target].push(section);
                }
            }
        }
        records.extend(taken.into_iter().filter(|record| !record.is_empty()));
    }
    records
}

/// The events of each shard.
fn arrivals<'a>(acts: &'a [Act], model: &Model, shards: u16) -> Vec<Vec<Arrival<'a>>> {
    let mut arrivals = vec![Vec::new(); usize::from(shards)];
    for Act { actor, target, kind, at } in acts {
        let event = Event { actor, target, kind: *kind, at: *at };
        let shard = model.partitioner.partition(actor, shards);
        arrivals[usize::from(shard)].push(Arrival { clock: *at, event });
    }
    arrivals
}

fn step(shard: &mut Shard, told: &[Section], events: &[Arrival<'_>]) -> Vec<Section> {
    let exchange: Vec<_> = told.iter().collect();
    let clock = events.last().map_or(Timestamp::MIN, |arrival| arrival.clock);
    let slice = Slice { clock, exchange: &exchange, events, sweep: SWEEP, publishes: true, ..Slice::default() };
    let mut effects = Effects::default();
    shard.step(&slice, &mut effects);
    effects.exchange
}

/// Prints the best of some rounds, which disturb each other least.
fn report(what: &str, records: &[Vec<Section>]) -> Result<(), Failure> {
    let entries = records.iter().flatten().map(Section::len).sum::<usize>().max(1) as f64;
    let encode = || records.iter().map(encoded).collect::<Vec<_>>();
    let messages = encode();
    let bytes = messages.iter().map(Vec::len).sum::<usize>() as f64 / entries;
    let encode_ns = best_ns(|| Ok(encode().len()))? / entries;
    let decode_ns =
        best_ns(|| messages.iter().try_fold(0, |sum, record| Ok(sum + decode_exchange(record)?.len())))? / entries;
    println!(
        "{what:9} {entries:9.0} entries {bytes:5.1} B an entry; encode {encode_ns:5.1} ns, decode {decode_ns:5.1} ns"
    );
    Ok(())
}

fn encoded(record: &Vec<Section>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_exchange(record, &mut bytes);
    bytes
}

fn best_ns(round: impl Fn() -> Result<usize, Failure>) -> Result<f64, Failure> {
    let mut best_secs = f64::INFINITY;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        black_box(round()?);
        best_secs = best_secs.min(started.elapsed().as_secs_f64());
    }
    Ok(best_secs * 1e9)
}
