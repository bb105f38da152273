//! A world is what its parameters ask for.

#![allow(clippy::unwrap_used)]

use expect_test::{Expect, expect};
use proptest::prelude::*;
use vocabulary::{Kind, Timestamp};
use worlds::{Act, Mix, World, WorldError};

fn acts(world: &World) -> Vec<Act> {
    world.acts().unwrap().collect()
}

fn share(acts: &[Act], is: impl Fn(&Act) -> bool) -> f64 {
    acts.iter().filter(|act| is(act)).count() as f64 / acts.len() as f64
}

#[track_caller]
fn near(measured: f64, asked: f64, tolerance: f64) {
    assert!((measured - asked).abs() <= tolerance, "{measured} is not within {tolerance} of {asked}");
}

/// How often each user is there, most often first.
fn counts(users: u32, of: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut counts = vec![0; users as usize];
    of.for_each(|user| counts[user as usize] += 1);
    counts.sort_unstable_by(|a, b| b.cmp(a));
    counts
}

/// The counts that Zipf's law lets expect at the first ranks.
fn check_zipf(counts: &[u32], exponent: f64) {
    let weight = |rank: usize| libm::pow(rank as f64, -exponent);
    let (events, weights): (u32, f64) = (counts.iter().sum(), (1..=counts.len()).map(weight).sum());
    for rank in [1, 2, 3, 5, 10] {
        let expected = f64::from(events) * weight(rank) / weights;
        near(f64::from(counts[rank - 1]), expected, 5.0 * expected.sqrt());
    }
}

#[test]
fn popularity_follows_zipf() {
    let world = World { events: 500_000, ..World::default() };
    let acts = acts(&world);
    check_zipf(&counts(world.users, acts.iter().map(|act| act.actor)), 0.8);
    check_zipf(&counts(world.users, acts.iter().map(|act| act.target)), 1.1);
}

/// A tenth of the benchmarks' world, against what Zipf's law lets expect; the whole one is measured by the example `facts`.
#[test]
fn a_tenth_of_the_reference_world_has_its_facts() {
    let world = World { users: 100_000, events: 1_000_000, ..World::reference() };
    let acts = acts(&world);
    let actors = counts(world.users, acts.iter().map(|act| act.actor));
    let targets = counts(world.users, acts.iter().map(|act| act.target));
    let seen = |counts: &[u32]| counts.iter().filter(|&&count| count > 0).count() as f64;
    let top = |top: usize| f64::from(targets[..top].iter().sum::<u32>()) / 1e6;
    near(seen(&actors), 96_550.0, 300.0);
    near(seen(&targets), 64_693.0, 300.0);
    near(top(1), 0.1347, 0.002);
    near(top(10), 0.3611, 0.002);
}

#[test]
fn popular_actors_are_not_the_popular_targets() {
    let top = |world: &World, of: fn(&Act) -> u32| {
        let mut counts = vec![0; world.users as usize];
        acts(world).iter().for_each(|act| counts[of(act) as usize] += 1);
        (0..world.users).max_by_key(|&user| counts[user as usize]).unwrap()
    };
    let same = (0..20).filter(|&seed| {
        let world = World { seed, events: 5000, ..World::default() };
        top(&world, |act| act.actor) == top(&world, |act| act.target)
    });
    assert_eq!(same.count(), 0);
}

#[test]
fn kinds_are_mixed_as_asked() {
    let mix = Mix::none().with(Kind::Retweet, 1.0).with(Kind::Mention, 1.0).with(Kind::Reply, 2.0);
    let acts = acts(&World { mix, ..World::default() });
    near(share(&acts, |act| act.kind == Kind::Retweet), 0.25, 0.01);
    near(share(&acts, |act| act.kind == Kind::Mention), 0.25, 0.01);
    near(share(&acts, |act| act.kind == Kind::Reply), 0.5, 0.01);
}

/// Whether the event before it, by minutes, was between the same two users the other way round.
fn share_of_answers(acts: &[Act]) -> f64 {
    let mut newest = std::collections::BTreeMap::new();
    let mut answers = 0;
    for act in acts {
        let asked_at: Option<&Timestamp> = newest.get(&(act.target, act.actor));
        answers += usize::from(asked_at.is_some_and(|asked_at| (1..=15 * 60_000).contains(&(act.at - asked_at))));
        newest.insert((act.actor, act.target), act.at);
    }
    answers as f64 / acts.len() as f64
}

#[test]
fn shares_are_shares_of_all_events() {
    let world = World {
        users: 100_000,
        conversations: 0.3,
        follows: 0.2,
        self_acts: 0.1,
        target_exponent: 0.5,
        ..World::default()
    };
    let acts = acts(&world);
    let is_follow = |act: &Act| matches!(act.kind, Kind::Follow | Kind::Unfollow);
    near(share_of_answers(&acts), 0.3, 0.01);
    near(share(&acts, is_follow), 0.2, 0.01);
    near(share(&acts, |act| act.kind == Kind::Unfollow), 0.02, 0.002);
    near(share(&acts, |act| act.actor == act.target), 0.1, 0.01);
    let answered_all = World { conversations: 1.0, ..World::default() };
    assert!(share_of_answers(&answered_all.acts().unwrap().collect::<Vec<_>>()) > 0.9);
}

#[test]
fn unfollows_end_follows() {
    let world = World { follows: 1.0, ..World::default() };
    let mut followed = std::collections::BTreeSet::new();
    for act in acts(&world) {
        match act.kind {
            Kind::Follow => followed.insert((act.actor, act.target)),
            _ => {
                assert!(followed.contains(&(act.actor, act.target)));
                continue;
            }
        };
    }
}

#[test]
fn a_burst_makes_a_passer_by_the_target_of_half_the_events_for_a_hundredth_of_the_span() {
    let world = World { bursts: 4, target_exponent: 0.0, events: 400_000, ..World::default() };
    let counts = counts(world.users, acts(&world).iter().map(|act| act.target));
    for &count in &counts[..4] {
        near(f64::from(count), 2040.0, 200.0);
    }
    assert!(counts[4] < 100);
}

#[test]
fn late_events_are_as_many_and_as_late_as_asked() {
    let world = World { out_of_order: 0.2, delay_ms_max: 3_600_000, events: 1_000_000, ..World::default() };
    let (mut newest, mut late, mut latest_ms) = (world.start, 0, 0);
    for act in acts(&world) {
        late += u32::from(act.at < newest);
        latest_ms = latest_ms.max(newest - act.at);
        newest = newest.max(act.at);
    }
    near(f64::from(late) / 1e6, 0.2, 0.002);
    assert!((3_500_000..=3_600_000).contains(&latest_ms));
}

#[test]
fn times_rise_evenly() {
    let world = World::default();
    let acts = acts(&world);
    assert!(acts.is_sorted_by_key(|act| act.at));
    for (place, act) in acts.iter().enumerate().step_by(1000) {
        let even = world.start + place as i64 * world.span_ms / world.events as i64;
        assert!((even..=even + world.span_ms / world.events as i64).contains(&act.at));
    }
}

fn any_world() -> impl Strategy<Value = World> {
    let sizes = (any::<u64>(), 2u32..50, 0u64..500, -1_000_000i64..1_000_000, 1i64..10_000_000);
    let shares = (0.0..0.5, 0.0..0.5, 0u32..5, 0.0..=1.0, 1i64..1_000_000);
    let exponents = (0.0..30.0, 0.0..30.0);
    (sizes, shares, exponents).prop_map(|(sizes, shares, exponents)| World {
        seed: sizes.0,
        users: sizes.1,
        events: sizes.2,
        start: sizes.3,
        span_ms: sizes.4,
        conversations: shares.0,
        follows: shares.1,
        bursts: shares.2,
        out_of_order: shares.3,
        delay_ms_max: shares.4,
        actor_exponent: exponents.0,
        target_exponent: exponents.1,
        ..World::default()
    })
}

proptest! {
    #[test]
    fn every_world_keeps_its_bounds(world in any_world()) {
        let acts = acts(&world);
        prop_assert_eq!(acts.len() as u64, world.events);
        let mut newest = world.start;
        for act in acts {
            prop_assert!(act.actor != act.target);
            prop_assert!(act.actor < world.users && act.target < world.users);
            prop_assert!((world.start..world.start + world.span_ms).contains(&act.at));
            prop_assert!(newest - act.at <= world.delay_ms_max);
            newest = newest.max(act.at);
        }
    }
}

fn refuse(change: impl Fn(&mut World), message: Expect) {
    let mut world = World::default();
    change(&mut world);
    let error: WorldError = world.check().unwrap_err();
    message.assert_eq(&error.to_string());
    assert!(world.acts().is_err());
}

#[test]
fn what_is_no_world_is_told_why() {
    refuse(
        |world| world.users = 1,
        expect!["users is 1: a world needs at least 2, one to act and one to be acted upon"],
    );
    refuse(|world| world.bursts = 10_001, expect!["bursts is 10001: give at most 10000"]);
    refuse(
        |world| world.span_ms = 0,
        expect!["span is out of range: it takes at least 1 ms, and the end must be a time that can be written down"],
    );
    refuse(
        |world| world.start = i64::MAX,
        expect!["span is out of range: it takes at least 1 ms, and the end must be a time that can be written down"],
    );
    refuse(
        |world| (world.out_of_order, world.delay_ms_max) = (0.1, 0),
        expect!["max-delay is 0 ms while some events are out of order: give at least 1 ms"],
    );
    refuse(
        |world| world.actor_exponent = f64::NAN,
        expect!["actor-exponent is NaN: give a number from 0 (all alike) to 30; 0.8 to 1.2 is usual"],
    );
    refuse(
        |world| world.target_exponent = -1.0,
        expect!["target-exponent is -1: give a number from 0 (all alike) to 30; 0.8 to 1.2 is usual"],
    );
    refuse(
        |world| world.mix = Mix::none(),
        expect!["mix: the weights of retweet, mention, reply, quote and like must be at least 0 and one of them above"],
    );
    refuse(
        |world| world.follows = 1.5,
        expect!["follows is 1.5: a share is a number from 0 to 1, 0.25 being a quarter of all events"],
    );
    refuse(
        |world| (world.follows, world.conversations) = (0.75, 0.5),
        expect![
            "conversations, follows and self-acts add up to 1.25: they are shares of all events, so lower them to 1"
        ],
    );
    refuse(
        |world| world.name_prefix = "a b".to_owned(),
        expect![[r#"name prefix "a b": no spaces, commas or quotes, and at most 502 bytes"#]],
    );
}
