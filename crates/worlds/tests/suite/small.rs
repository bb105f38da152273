//! A small world has everything in it.

use std::collections::BTreeSet;

use proptest::prelude::*;
use vocabulary::Kind;
use worlds::{Act, Arrival, SmallWorld};

fn small(seed: u64) -> SmallWorld {
    SmallWorld {
        seed,
        users: 60,
        events: 2000,
        start: 1_000_000,
        span_ms: 500_000,
        window_ms: 100_000,
        has_blocks: false,
    }
}

/// What one run sees of the world: the newest time, and how late or far apart acts are.
fn lateness_and_gaps(acts: &[Act]) -> (Vec<i64>, Vec<i64>) {
    let (mut newest, mut late, mut gaps) = (acts[0].at, Vec::new(), Vec::new());
    for act in acts {
        if act.at < newest {
            late.push(newest - act.at)
        } else {
            gaps.push(act.at - newest)
        }
        newest = newest.max(act.at);
    }
    (late, gaps)
}

#[test]
fn everything_happens() {
    for seed in 0..20 {
        let world = small(seed);
        let acts = world.acts();
        let is = |is: fn(&Act) -> bool| acts.iter().filter(|act| is(act)).count();
        for kind in Kind::ALL.into_iter().filter(|kind| kind.begins_block().is_none()) {
            assert!(acts.iter().filter(|act| act.kind == kind).count() > 30, "{kind:?} in seed {seed}");
        }
        assert!(is(|act| act.actor == act.target) > 10);
        let pairs: BTreeSet<_> = acts.iter().map(|act| (act.actor, act.target)).collect();
        let mutual = pairs.iter().filter(|(actor, target)| actor < target && pairs.contains(&(*target, *actor)));
        assert!(mutual.count() > 50);
        assert!(pairs.len() < acts.len() * 3 / 4, "pairs act repeatedly");
        let (late, gaps) = lateness_and_gaps(&acts);
        assert!(late.iter().filter(|&&late_ms| late_ms < world.window_ms).count() > 10);
        assert!(late.iter().filter(|&&late_ms| late_ms > world.window_ms).count() > 10);
        assert_eq!(gaps.iter().filter(|&&gap_ms| gap_ms > world.window_ms).count(), 2);
        assert!(gaps.iter().filter(|&&gap_ms| gap_ms == 0).count() > 50);
    }
}

/// And the one who is blocked goes on.
#[test]
fn people_block_each_other_where_that_is_asked_for() {
    for seed in 0..20 {
        let acts = SmallWorld { has_blocks: true, ..small(seed) }.acts();
        let (mut blocked, mut all, mut after) = (BTreeSet::new(), BTreeSet::new(), 0);
        for act in acts.iter().filter(|act| act.actor != act.target) {
            match act.kind.begins_block() {
                Some(true) => _ = blocked.insert((act.target, act.actor)) & all.insert((act.target, act.actor)),
                Some(false) => _ = blocked.remove(&(act.target, act.actor)),
                None => after += usize::from(act.kind.gives() && blocked.contains(&(act.actor, act.target))),
            }
        }
        assert!(all.len() > 50 && blocked.len() < all.len() && after > 100, "seed {seed}: {} {after}", all.len());
    }
}

#[test]
fn profiles_suspend_opt_out_and_opt_in_again() {
    for seed in 0..20 {
        let (mut out, mut outs, mut back, mut trusts) = (BTreeSet::new(), 0, 0, BTreeSet::new());
        for arrival in small(seed).arrivals() {
            let Arrival::Profile(change) = arrival else { continue };
            trusts.insert(change.trust.map(f64::to_bits));
            match change.opted_out {
                Some(true) => outs += usize::from(out.insert(change.user)),
                Some(false) => back += usize::from(out.remove(&change.user)),
                None => assert!(change.trust.is_some(), "a profile says something"),
            }
        }
        assert!(outs > 0 && back > 0);
        assert!(trusts.contains(&None) && trusts.contains(&Some(0.0f64.to_bits())) && trusts.len() == 5);
    }
}

proptest! {
    #[test]
    fn every_small_world_keeps_its_bounds(
        seed: u64, users in 10u32..500, events in 0usize..500, start in -10_000i64..10_000,
        span_ms in 1i64..1_000_000, window_ms in 1i64..1_000_000,
    ) {
        let world = SmallWorld { seed, users, events, start, span_ms, window_ms, has_blocks: seed % 2 == 1 };
        let acts = world.acts();
        prop_assert_eq!(acts.len(), events);
        for act in &acts {
            prop_assert!(act.actor < users && act.target < users);
            prop_assert!((start - 2 * window_ms..start + span_ms).contains(&act.at));
        }
        prop_assert_eq!(world.names().len(), users as usize);
    }
}
