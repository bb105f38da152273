//! The whole command, from a file on disk to the ranking: `clout replay` as a process on two cores. A plain decayed
//! counter that reads the same file is the yardstick.
//!
//! `cargo build --release -p clout && cargo run --release -p benches --bin replay -- [EVENTS] [USERS]`
#![allow(clippy::print_stdout, reason = "a program that prints a table")]

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use benches::{Counter, DAY_MS};
use wire::{EventReader, EventWriter, Format};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("clout-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let result = run(&folder);
    std::fs::remove_dir_all(&folder)?;
    result
}

fn run(folder: &Path) -> Result<(), Box<dyn Error>> {
    let world = benches::world();
    println!("{} events of {} users, half-life 7 days, scores of everybody written", world.events, world.users);
    for format in [Format::Snap, Format::Json, Format::Protobuf] {
        let path = folder.join(format!("events.{format}"));
        write(&world, format, &path)?;
        let counter_secs = count(format, &path)?;
        let replay_secs = replay(&path, folder)?;
        let rate = |secs: f64| world.events as f64 / secs / 1e6;
        println!(
            "{format:>9}: clout replay {:.2} M events/s; reading and a plain decayed counter {:.2}; ratio {:.2}",
            rate(replay_secs),
            rate(counter_secs),
            counter_secs / replay_secs
        );
        std::fs::remove_file(path)?;
    }
    Ok(())
}

fn write(world: &worlds::World, format: Format, path: &Path) -> Result<(), Box<dyn Error>> {
    let mut writer = EventWriter::new(BufWriter::with_capacity(1 << 20, File::create(path)?), format);
    let mut events = world.events()?;
    while let Some(event) = events.next_event() {
        writer.write(&event)?;
    }
    writer.finish()?.into_inner()?.sync_all()?;
    Ok(())
}

fn count(format: Format, path: &Path) -> Result<f64, Box<dyn Error>> {
    let started = Instant::now();
    let mut counter = Counter::new(7 * DAY_MS);
    let mut reader = EventReader::new(File::open(path)?, format, None);
    while let Some(record) = reader.next()? {
        counter.take(&record.event?);
    }
    assert!(counter.people() > 0, "the file holds no events");
    Ok(started.elapsed().as_secs_f64())
}

fn replay(path: &Path, folder: &Path) -> Result<f64, Box<dyn Error>> {
    let clout: PathBuf = std::env::current_exe()?.with_file_name("clout");
    let started = Instant::now();
    let status = Command::new(&clout)
        .args(["replay", "--quiet", "--half-life", "7d", "--scores-out"])
        .arg(folder.join("scores.ndjson"))
        .arg(path)
        .stdout(std::process::Stdio::null())
        .status()
        .map_err(|error| format!("{}: {error}: build it with cargo build --release -p clout", clout.display()))?;
    if !status.success() {
        return Err(format!("clout replay ended with {status}").into());
    }
    Ok(started.elapsed().as_secs_f64())
}
