//! Clout beside Kafka Streams and Flink: one broker, one topic, one machine, round by round, all measured from outside.
//!
//! `cargo run --release -p benches --bin peers -- --help`; docs/performance.md says what each column is.
#![allow(clippy::print_stdout, reason = "a program that prints a table")]

mod interrupt;
mod live;
mod output;
mod programs;
mod running;
mod stage;
mod system;
mod table;
mod throughput;

use std::error::Error;
use std::fs;
use std::hint;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use clap::Parser;

use live::Lateness;
use programs::Programs;
use stage::Stage;
use system::System;
use table::Table;
use throughput::Run;
use worlds::World;

/// A part of the events, one in so many, warms the broker up.
const WARM_PART: u64 = 10;

type Failure = Box<dyn Error + Send + Sync>;

/// Run Clout, Flink and Kafka Streams in turn on one topic, and print what each takes
#[derive(Clone, Debug, Parser)]
struct Options {
    /// Events in the input
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    events: u64,
    /// Users who act and are acted upon
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(2..))]
    users: u32,
    /// Rounds; in each all systems run once
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Leave out the others
    #[arg(long, value_delimiter = ',', default_values_t = System::ALL)]
    only: Vec<System>,
    /// Burn one core beside
    #[arg(long)]
    busy: bool,
    /// Measure as well how late results are at half of the slowest one's rate, and recovery after `kill -9`
    #[arg(long)]
    live: bool,
    /// Seconds of that load in which probes are counted
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    live_secs: u64,
    /// Write the tables here too: as Markdown, or tab-separated where the name ends in .tsv
    #[arg(long)]
    out: Option<PathBuf>,
    /// The program of Clout; without it, it is built for release
    #[arg(long)]
    program: Option<PathBuf>,
    /// Heap of the peers' Java machines at most
    #[arg(long, default_value = "3g")]
    heap: String,
}

impl Options {
    /// Says in words how the values of a table were made from the rounds.
    fn rounds_told(&self) -> String {
        let rounds = if self.rounds == 1 { "1 round" } else { &format!("{} rounds", self.rounds) };
        let neighbour = if self.busy { ", one core burnt beside" } else { "" };
        format!("{rounds}{neighbour}: medians, and the range of the rounds")
    }
}

fn main() -> Result<(), Failure> {
    let options = Options::parse();
    interrupt::listen()?;
    let programs = Programs::build(&options)?;
    let over = AtomicBool::new(false);
    let tables = thread::scope(|scope| {
        if options.busy {
            scope.spawn(|| burn(&over));
        }
        let _ends = interrupt::Ends(&over);
        measure(&options, &programs)
    })?;
    if let Some(path) = &options.out {
        fs::write(path, written(&tables, path))?;
    }
    Ok(())
}

/// One core has something else to do.
fn burn(over: &AtomicBool) {
    while !over.load(Relaxed) {
        hint::spin_loop();
    }
}

fn measure(options: &Options, programs: &Programs) -> Result<Vec<Table>, Failure> {
    let stage = Stage::set()?;
    // A broker that has just begun is slow: most of what it does then is compiling itself. Nobody is to be first.
    let world = stage::world(options);
    let warm = World { events: world.events.div_ceil(WARM_PART), ..world.clone() };
    let warm = stage.fill("warm", &warm)?;
    for &system in &options.only {
        println!("warm, {system}: {}", throughput::run(&stage, programs, system, 0, &warm)?);
    }
    let input = stage.fill("full", &world)?;
    let mut runs: Vec<(System, Vec<Run>)> = options.only.iter().map(|&system| (system, Vec::new())).collect();
    for round in 1..=options.rounds {
        for place in order(round, runs.len()) {
            let (system, runs) = &mut runs[place];
            let run = throughput::run(&stage, programs, *system, round, &input)?;
            println!("round {round}, {system}: {run}");
            runs.push(run);
        }
    }
    let mut tables = vec![throughput::table(options, &runs)];
    println!("\n{}", tables[0].markdown());
    if options.live {
        let rate = throughput::slowest_rate(&runs) / 2.0;
        tables.push(measure_live(options, programs, &stage, rate)?);
        println!("\n{}", tables[1].markdown());
    }
    Ok(tables)
}

/// Each round begins with another system, so that nobody always comes behind the same one.
fn order(round: u32, systems: usize) -> impl Iterator<Item = usize> {
    (0..systems).map(move |place| (place + round as usize - 1) % systems)
}

fn measure_live(options: &Options, programs: &Programs, stage: &Stage, rate: f64) -> Result<Table, Failure> {
    let load = live::Events::new(options, rate);
    let mut found: Vec<(System, Vec<Lateness>)> = options.only.iter().map(|&system| (system, Vec::new())).collect();
    for round in 1..=options.rounds {
        for place in order(round, found.len()) {
            let (system, found) = &mut found[place];
            let lateness = live::run(stage, programs, *system, round, &load)?;
            println!("round {round}, {system}: {lateness}");
            found.push(lateness);
        }
    }
    Ok(live::table(options, rate, &found))
}

fn written(tables: &[Table], path: &Path) -> String {
    let is_tsv = path.extension().is_some_and(|extension| extension == "tsv");
    let texts: Vec<String> = tables.iter().map(|table| if is_tsv { table.tsv() } else { table.markdown() }).collect();
    texts.join("\n")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn options_are_understood() {
        Options::command().debug_assert();
        let options = Options::parse_from(["peers", "--only", "clout,streams", "--rounds", "1"]);
        assert_eq!(options.only, [System::Clout, System::Streams]);
        assert_eq!(Options::parse_from(["peers"]).only, System::ALL);
    }

    #[test]
    fn each_system_is_first_in_turn() {
        let orders: Vec<Vec<usize>> = (1..=3).map(|round| order(round, 3).collect()).collect();
        assert_eq!(orders, [[0, 1, 2], [1, 2, 0], [2, 0, 1]]);
    }

    #[test]
    fn the_name_of_a_file_says_how_it_is_written() {
        let tables = [Table { title: "T".into(), columns: vec!["a", "b"], rows: vec![vec!["1".into(), "2".into()]] }];
        assert_eq!(written(&tables, Path::new("x.tsv")), "a\tb\n1\t2\n");
        assert_eq!(written(&tables, Path::new("x.md")), "T\n\n| a | b |\n|---|---:|\n| 1 | 2 |\n");
    }
}
