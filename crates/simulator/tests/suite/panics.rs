//! A worker that panics is a process that ends: others take its shards over, and nothing is lost or comes twice.

use pipeline::Bugs;
use simulator::scenario::{Mishap, Moment, PanicPlace};
use simulator::{Scenario, run};

#[track_caller]
fn check(place: PanicPlace, leaves: bool) {
    let mut scenario = Scenario::quiet(2, 2);
    for number in 0..200 {
        let (actor, target) = (format!("p{}", number % 7), format!("p{}", number % 5));
        scenario.retweet(i64::from(number) * 20, &actor, &target, "");
    }
    scenario.fails(1_000, Mishap::Panic { worker: 0, place, leaves, back_ms: 60_000 });
    let verdict = run(&scenario, Bugs::NONE);
    assert_eq!(verdict.failure, None, "{place:?}");
    assert_eq!(verdict.panics, 1, "{place:?}");
    assert!(verdict.taken_over > 0, "{place:?}: nobody takes the shards over");
}

#[test]
fn in_a_step() {
    check(PanicPlace::Step, true);
    check(PanicPlace::Step, false);
}

#[test]
fn in_a_commit() {
    for moment in [Moment::Before, Moment::Sending, Moment::Produced, Moment::Offsets, Moment::After] {
        check(PanicPlace::Commit(moment), true);
        check(PanicPlace::Commit(moment), false);
    }
}

#[test]
fn in_the_work_for_checkpoints() {
    check(PanicPlace::Keeper, true);
    check(PanicPlace::Keeper, false);
}
