//! Runs seeds, one line each.

#![allow(clippy::print_stdout, reason = "verdicts are for the terminal")]

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use clap::Parser;
use pipeline::{Bug, Bugs};
use simulator::{Scenario, Verdict, again, bug_name, line, run, shortest};

/// Run the worker over a log that fails on purpose.
#[derive(Parser)]
struct Args {
    /// How many seeds
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// One seed
    #[arg(long)]
    seed: Option<u64>,
    /// Threads
    #[arg(long, default_value_t = 2)]
    threads: u64,
    /// Lines only for seeds that fail
    #[arg(long)]
    quiet: bool,
    /// A mistake to switch on, as in torn-checkpoint
    #[arg(long, value_parser = bug)]
    bug: Option<Bug>,
}

fn bug(name: &str) -> Result<Bug, String> {
    let known = Bug::ALL.into_iter().find(|bug| bug_name(*bug) == name);
    known.ok_or_else(|| format!("none of {}", Bug::ALL.map(bug_name).join(", ")))
}

fn main() -> ExitCode {
    let mut args = Args::parse();
    if let Some(seed) = args.seed {
        (args.from, args.seeds) = (seed, 1);
    }
    let bugs = args.bug.map_or(Bugs::NONE, Bugs::planted);
    let (began, next) = (Instant::now(), AtomicU64::new(args.from));
    let failed = thread::scope(|scope| {
        let (outbox, inbox) = channel();
        for _ in 0..args.threads.max(1) {
            let (outbox, next, end) = (outbox.clone(), &next, args.from.saturating_add(args.seeds));
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || outbox.send((seed, run(&Scenario::of(seed), bugs))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(outbox);
        tell(&args, &inbox, began)
    });
    match failed {
        Some(seed) => {
            println!("{}\n{}", again(seed, args.bug), shortest(&Scenario::of(seed), bugs));
            ExitCode::FAILURE
        }
        None => ExitCode::SUCCESS,
    }
}

/// A line for each run and one for all; the first seed that fails.
fn tell(args: &Args, inbox: &Receiver<(u64, Verdict)>, began: Instant) -> Option<u64> {
    let (mut all, mut failed) = (Verdict::default(), Vec::new());
    for (seed, verdict) in inbox {
        if !args.quiet || verdict.failure.is_some() {
            println!("{}", line(&Scenario::of(seed), &verdict));
        }
        if verdict.failure.is_some() {
            println!("{}", again(seed, args.bug));
            failed.push(seed);
        }
        all.add(&verdict);
    }
    let list = |counts: &std::collections::BTreeMap<&str, u64>| {
        counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
    };
    println!(
        "{} seeds from {}: {} failed; {} epochs, {} checkpoints, {} rebuilds, {} people forgotten, {} closes, {} credits; {:.0} s; faults: {}; errors healed from outside: {}",
        args.seeds,
        args.from,
        failed.len(),
        all.epochs,
        all.checkpoints,
        all.rebuilds,
        all.forgotten,
        all.closes,
        all.credits,
        began.elapsed().as_secs_f64(),
        list(&all.faults),
        list(&all.errors),
    );
    failed.into_iter().min()
}
