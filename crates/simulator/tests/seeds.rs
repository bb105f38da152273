//! Many seeds, and that each of them always gives the same run.

use std::thread;

use pipeline::Bugs;
use simulator::{Scenario, Verdict, run};

const SEEDS: u64 = 2_000;

fn failures(seeds: impl Iterator<Item = u64>) -> Vec<(u64, String)> {
    seeds.filter_map(|seed| Some((seed, run(&Scenario::of(seed), Bugs::NONE).failure?))).collect()
}

#[test]
fn whatever_breaks_nothing_is_lost_and_nothing_comes_twice() {
    let odd = thread::spawn(|| failures((1..SEEDS).step_by(2)));
    let mut failed = failures((0..SEEDS).step_by(2));
    failed.extend(odd.join().expect("runs catch their panics"));
    eprintln!("{SEEDS} seeds, {} failed", failed.len());
    if let Some((seed, failure)) = failed.first() {
        panic!("seed {seed}: {failure}\nagain: cargo run -p simulator -- --seed {seed}");
    }
}

#[test]
fn a_seed_always_gives_the_same_run() {
    for seed in [3, 29, 97, 356] {
        let of = |verdict: Verdict| (verdict.digest, verdict.epochs, verdict.rebuilds, verdict.checkpoints);
        assert_eq!(of(run(&Scenario::of(seed), Bugs::NONE)), of(run(&Scenario::of(seed), Bugs::NONE)), "seed {seed}");
    }
}

#[test]
fn every_fault_happens() {
    let mut seen = std::collections::BTreeSet::new();
    (0..400).for_each(|seed| seen.extend(Scenario::of(seed).faults.iter().map(|timed| timed.fault.name())));
    assert_eq!(seen.len(), 21, "{seen:?}");
}
