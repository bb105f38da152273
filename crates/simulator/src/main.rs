//! Runs seeds, one line each or one for all of them.

#![allow(clippy::print_stdout, reason = "verdicts are for the terminal")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Instant;

use clap::Parser;
use pipeline::{Bug, Bugs};
use simulator::{Scenario, Verdict, run, shrink};

/// Run the worker over a log that fails on purpose.
#[derive(Parser)]
struct Args {
    /// How many seeds
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// One seed, with its history
    #[arg(long)]
    seed: Option<u64>,
    /// Threads
    #[arg(long, default_value_t = 2)]
    threads: u64,
    /// A line for each seed
    #[arg(long)]
    verbose: bool,
    /// A mistake to switch on, as in torn-checkpoint
    #[arg(long, value_parser = bug)]
    bug: Option<Bug>,
}

fn bug(name: &str) -> Result<Bug, String> {
    let word = name.replace('-', "").to_lowercase();
    let known = || Bug::ALL.into_iter().map(|bug| (format!("{bug:?}").to_lowercase(), bug));
    known()
        .find(|(known, _)| *known == word)
        .map(|(_, bug)| bug)
        .ok_or_else(|| format!("none of {}", Bug::ALL.map(|bug| format!("{bug:?}")).join(", ")))
}

fn main() -> ExitCode {
    let args = Args::parse();
    let bugs = args.bug.map_or(Bugs::NONE, Bugs::planted);
    if let Some(seed) = args.seed {
        let scenario = Scenario::of(seed);
        let verdict = run(&scenario, bugs);
        println!("{}", line(seed, &verdict));
        return tell(&scenario, &verdict, bugs);
    }
    let began = Instant::now();
    let next = AtomicU64::new(args.from);
    let (mut all, mut failed) = (Verdict::default(), Vec::new());
    thread::scope(|scope| {
        let (outbox, inbox) = channel();
        for _ in 0..args.threads.max(1) {
            let (outbox, next) = (outbox.clone(), &next);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= args.from + args.seeds || outbox.send((seed, run(&Scenario::of(seed), bugs))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(outbox);
        for (seed, verdict) in inbox {
            if args.verbose || verdict.failure.is_some() {
                println!("{}", line(seed, &verdict));
            }
            add(&mut all, &verdict);
            failed.extend(verdict.failure.map(|_| seed));
        }
    });
    let faults: Vec<String> = all.faults.iter().map(|(name, count)| format!("{name} {count}")).collect();
    println!(
        "{} seeds from {}: {} failed; {} epochs, {} checkpoints, {} rebuilds, {} errors healed from outside; {:.0} s; {}",
        args.seeds,
        args.from,
        failed.len(),
        all.epochs,
        all.checkpoints,
        all.rebuilds,
        all.fatals,
        began.elapsed().as_secs_f64(),
        faults.join(", "),
    );
    failed.sort_unstable();
    match failed.first() {
        Some(&seed) => tell(&Scenario::of(seed), &run(&Scenario::of(seed), bugs), bugs),
        None => ExitCode::SUCCESS,
    }
}

fn add(all: &mut Verdict, verdict: &Verdict) {
    all.epochs += verdict.epochs;
    all.checkpoints += verdict.checkpoints;
    all.rebuilds += verdict.rebuilds;
    all.fatals += verdict.fatals;
    for (name, count) in &verdict.faults {
        *all.faults.entry(name).or_default() += count;
    }
}

fn line(seed: u64, verdict: &Verdict) -> String {
    let scenario = Scenario::of(seed);
    let faults: u64 = verdict.faults.values().sum();
    let word = verdict.failure.as_ref().map_or("ok".to_owned(), |failure| format!("FAILED: {failure}"));
    format!(
        "seed {seed}: {} workers, {} partitions, {} records, {faults} faults, {} rebuilds, {} epochs, {} checkpoints: {word}",
        scenario.workers,
        scenario.shards,
        scenario.records.len(),
        verdict.rebuilds,
        verdict.epochs,
        verdict.checkpoints,
    )
}

/// How to see a failure again, and the shortest history that has it.
fn tell(scenario: &Scenario, verdict: &Verdict, bugs: Bugs) -> ExitCode {
    if verdict.failure.is_none() {
        return ExitCode::SUCCESS;
    }
    let seed = scenario.seed;
    println!("again: cargo run -p simulator -- --seed {seed}");
    let shortest = shrink(scenario, bugs);
    let verdict = run(&shortest, bugs);
    println!("the shortest history that fails: {}", verdict.failure.unwrap_or_default());
    let mut events: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for timed in &shortest.faults {
        events.entry(timed.at).or_default().push(format!("{:?}", timed.fault));
    }
    for record in &shortest.records {
        let value = String::from_utf8_lossy(&record.value).into_owned();
        let value: String = value.chars().take(100).collect();
        events.entry(record.at).or_default().push(format!("input {}[{}] {value:?}", record.input, record.shard));
    }
    for (at, what) in events {
        what.iter().for_each(|what| println!("{at:6} ms  {what}"));
    }
    ExitCode::FAILURE
}
