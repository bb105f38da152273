//! Many seeds, and that each of them always gives the same run.

use std::thread;

use pipeline::Bugs;
use simulator::{Scenario, Verdict, again, line, run, shortest};

const SEEDS: u64 = 1_000;

/// All runs together, and the first seed that fails.
fn all(seeds: impl Iterator<Item = u64>) -> (Verdict, Option<u64>) {
    let (mut all, mut failed) = (Verdict::default(), None);
    for seed in seeds {
        let scenario = Scenario::of(seed);
        let verdict = run(&scenario, Bugs::NONE);
        if verdict.failure.is_some() {
            eprintln!("{}", line(&scenario, &verdict));
            failed.get_or_insert(seed);
        }
        all.add(&verdict);
    }
    (all, failed)
}

/// Every fault happens, and every error that there is for people is told and healed.
#[test]
fn whatever_breaks_nothing_is_lost_and_nothing_comes_twice() {
    let odd = thread::spawn(|| all((1..SEEDS).step_by(2)));
    let (mut verdict, failed) = all((0..SEEDS).step_by(2));
    let (others, failed_too) = odd.join().expect("runs catch their panics");
    verdict.add(&others);
    if let Some(seed) = failed.or(failed_too) {
        panic!("seed {seed} fails\n{}\n{}", again(seed, None), shortest(&Scenario::of(seed), Bugs::NONE));
    }
    assert_eq!(verdict.faults.len(), 37, "{:?}", verdict.faults);
    assert!(
        verdict.panics > 100 && verdict.taken_over > 50,
        "{} panics, {} shards",
        verdict.panics,
        verdict.taken_over
    );
    assert_eq!(verdict.errors.len(), 12, "{:?}", verdict.errors);
    assert!(verdict.closes > 10_000, "{} closes", verdict.closes);
    assert!(verdict.credits > 10_000, "{} credits", verdict.credits);
    assert!(verdict.forgotten > 200, "{} people forgotten", verdict.forgotten);
}

#[test]
fn a_seed_always_gives_the_same_run() {
    for seed in [3, 29, 97, 356] {
        let of = |verdict: Verdict| (verdict.digest, verdict.epochs, verdict.rebuilds, verdict.checkpoints);
        assert_eq!(of(run(&Scenario::of(seed), Bugs::NONE)), of(run(&Scenario::of(seed), Bugs::NONE)), "seed {seed}");
    }
}
