//! How many records a second each reader and writer gets through, on one core and from memory.
//!
//! `cargo run --release -p wire --example speed [records]`

#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement looks at a clock and prints")]

use std::hint::black_box;
use std::io::sink;
use std::time::Instant;

use vocabulary::{Event, Kind, Received, Score};
use wire::{EventReader, EventWriter, Format, Place, ScoreFormat, ScoreWriter};

type Failure = Box<dyn std::error::Error>;

const ROUNDS: usize = 5;

fn main() -> Result<(), Failure> {
    let records = std::env::args().nth(1).map_or(Ok(1_000_000), |records| records.parse())?;
    for format in Format::ALL {
        let file = events_file(format, records)?;
        report("read", format.name(), records, file.len(), || read(&file, format))?;
        report("write", format.name(), records, file.len(), || Ok(events_file(format, records)?.len()))?;
    }
    for (name, format) in [("scores json", ScoreFormat::Json), ("scores csv", ScoreFormat::Csv)] {
        report("write", name, records, 0, || write_scores(format, records))?;
    }
    Ok(())
}

/// Prints the best of some rounds, which disturb each other least.
fn report(
    what: &str,
    name: &str,
    records: usize,
    bytes: usize,
    round: impl Fn() -> Result<usize, Failure>,
) -> Result<(), Failure> {
    let mut best_secs = f64::INFINITY;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        black_box(round()?);
        best_secs = best_secs.min(started.elapsed().as_secs_f64());
    }
    let (millions, megabytes) = (records as f64 / 1e6 / best_secs, bytes as f64 / 1e6 / best_secs);
    println!("{what:5} {name:11} {millions:6.2} million records/s {megabytes:6.0} MB/s");
    Ok(())
}

fn read(file: &[u8], format: Format) -> Result<usize, Failure> {
    let mut reader = EventReader::new(file, format, None);
    let mut name_bytes = 0;
    while let Some(record) = reader.next()? {
        name_bytes += record.event?.actor.len();
    }
    Ok(name_bytes)
}

fn events_file(format: Format, records: usize) -> Result<Vec<u8>, Failure> {
    let mut writer = EventWriter::new(Vec::with_capacity(records * 80), format);
    let mut actor = String::new();
    for number in 0..records {
        actor.clear();
        std::fmt::Write::write_fmt(&mut actor, format_args!("{}", number * 7919 % 456_626))?;
        let kind = Kind::ALL[number % 5];
        writer.write(&Event {
            actor: &actor,
            target: "twitter:88",
            kind,
            at: 1_341_100_972_000 + number as i64 * 1000,
        })?;
    }
    Ok(writer.finish()?)
}

fn write_scores(format: ScoreFormat, records: usize) -> Result<usize, Failure> {
    let mut writer = ScoreWriter::new(sink(), format);
    for number in 0..records {
        let part = number as f64 * 1.000_123_456_789;
        let score = Score {
            score: part.sqrt(),
            influence: part,
            reach: part / 3.0,
            amplification: 1.0 + 1.0 / (part + 1.0),
            network: part.cbrt(),
            openness: 0.123_456,
            room: 0.987_654,
            audience: 0.0,
            received: Received::from([
                (vocabulary::Kind::Mention, number as u64),
                (vocabulary::Kind::Retweet, 12),
                (vocabulary::Kind::Reply, 3),
            ]),
            followers: 17,
            following: number as u64 % 100,
            as_of: 1_341_100_972_000,
            scale: 1_234.567_89,
            scale_version: 1,
            previous: None,
        };
        let place = Place { rank: 1 + number as u64, percentile: part / 1e5 };
        writer.write("twitter:4711", place, &score)?;
    }
    writer.finish()?;
    Ok(records)
}
