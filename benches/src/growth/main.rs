//! This bench measures the processor time of an event as work grows: more people, more events, more partitions, one person
//! whom everybody acts on, one account that acts on everybody. It runs `clout replay` as users start it, and prints a curve
//! each, with its exponent.
//!
//! `cargo build --release -p clout && cargo run --release -p benches --bin growth -- [--most N] [--out docs/growth.svg]`
#![allow(clippy::print_stdout, reason = "a program that prints a table")]

mod picture;
mod source;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use benches::{cpu_secs, has_ended};
use clap::Parser;

use crate::picture::Curve;
use crate::source::Source;

pub(crate) type Failure = Box<dyn Error>;

/// Between two looks whether a run has ended.
const LOOK: Duration = Duration::from_millis(5);

/// Measure what an event costs as people, events, partitions, fans and targets grow
#[derive(Parser)]
struct Args {
    /// Events of the large inputs, and people of the largest
    #[arg(long, default_value_t = 10_000_000)]
    most: u64,
    /// Runs of each size; the fastest counts
    #[arg(long, default_value_t = 1)]
    rounds: u32,
    /// Draw the curves here
    #[arg(long)]
    out: Option<PathBuf>,
}

/// One thing that grows.
struct Series {
    title: &'static str,
    grows: &'static str,
    runs: Vec<(u64, Source, [u32; 2])>,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("events.pb");
    let mut curves = Vec::new();
    for series in series(args.most) {
        println!("{}", series.title);
        println!("{:>12} {:>12} {:>16} {:>12} {:>10}", series.grows, "events", "events/s", "us an event", "seconds");
        let mut points = Vec::new();
        let mut written = None;
        for (size, source, shares) in series.runs {
            if written != Some(source) {
                source.write(&file)?;
                written = Some(source);
            }
            let events = source.events() as f64;
            let mut fastest = Run { secs: f64::INFINITY, cpu_secs: f64::INFINITY };
            for _ in 0..args.rounds.max(1) {
                let run = replay(&file, shares)?;
                fastest = if run.cpu_secs < fastest.cpu_secs { run } else { fastest };
            }
            let cost_us = fastest.cpu_secs * 1e6 / events;
            println!(
                "{size:>12} {events:>12.0} {:>16.0} {cost_us:>12.3} {:>10.2}",
                events / fastest.secs,
                fastest.secs
            );
            points.push((size as f64, cost_us));
        }
        let curve = Curve { title: series.title, grows: series.grows, points };
        println!("what an event costs grows with {} to the power of {:.2}\n", series.grows, curve.exponent());
        curves.push(curve);
    }
    if let Some(out) = args.out {
        std::fs::write(&out, picture::draw(&curves))?;
        println!("drawn in {}", out.display());
    }
    Ok(())
}

fn series(most: u64) -> Vec<Series> {
    let sizes = |from: u64, to: u64| {
        let steps = (0..).flat_map(move |power: u32| [from * 10_u64.pow(power), 3 * from * 10_u64.pow(power)]);
        steps.take_while(move |&size| size <= to).collect::<Vec<u64>>()
    };
    let users = (most / 10).max(2);
    let alone = [1, 1];
    let world = |events: u64, users: u64| Source::World { events, users };
    let of_one = |source: fn(u64, u64) -> Source| {
        sizes(most / 1_000, most / 10).into_iter().map(|size| (size, source(most / 5, size), alone)).collect()
    };
    vec![
        Series {
            title: "more people",
            grows: "people",
            runs: sizes(most / 100, most).into_iter().map(|size| (size, world(most, size), alone)).collect(),
        },
        Series {
            title: "more events",
            grows: "events",
            runs: sizes(most / 10, 3 * most).into_iter().map(|size| (size, world(size, users), alone)).collect(),
        },
        Series {
            title: "more partitions, of two workers from two on",
            grows: "partitions",
            runs: (0..7)
                .map(|power| 1 << power)
                .map(|size| (size, world(most, users), [size as u32, size.min(2) as u32]))
                .collect(),
        },
        Series {
            title: "more fans of one person",
            grows: "fans",
            runs: of_one(|events, fans| Source::Star { events, fans }),
        },
        Series {
            title: "more targets of one account, whose worth moves",
            grows: "targets",
            runs: of_one(|events, targets| Source::Row { events, targets }),
        },
    ]
}

#[derive(Clone, Copy)]
struct Run {
    secs: f64,
    cpu_secs: f64,
}

fn replay(file: &Path, [partitions, workers]: [u32; 2]) -> Result<Run, Failure> {
    let clout = std::env::current_exe()?.with_file_name("clout");
    let started = Instant::now();
    let mut child = Command::new(&clout)
        .args(["replay", "--quiet", "--half-life", "7d", "--partitions", &partitions.to_string()])
        .args(["--workers", &workers.to_string()])
        .arg(file)
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("{}: {error}: build it with cargo build --release -p clout", clout.display()))?;
    while !has_ended(child.id())? {
        std::thread::sleep(LOOK);
    }
    let run = Run { secs: started.elapsed().as_secs_f64(), cpu_secs: cpu_secs(child.id())? };
    let status = child.wait()?;
    if !status.success() {
        return Err(format!("clout replay ended with {status}").into());
    }
    Ok(run)
}
