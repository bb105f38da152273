//! Time without events: landmarks move, everybody ages, a world comes to rest, and what is empty is exactly empty.
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::common::*;
use embedded::World;
use influence::Model;
use oracle::{Act, Input, Kind, Profile};
use vocabulary::Score;

/// A window that outlasts landmarks: they move when they lag by 32 half-lives.
fn long_window() -> Model {
    Model { window_ms: 60 * HOUR, ..Model::with_half_life(HOUR) }
}

fn no_follows<'a>(inputs: Vec<Input<'a>>) -> Vec<Input<'a>> {
    inputs.into_iter().filter(|input| !is_follow(input)).collect()
}

/// A whole number of half-lives later everything is an exact power of two less, whether a landmark has moved or not.
#[test]
fn a_landmark_move_changes_no_bit_of_any_influence() {
    for seed in 0..40 {
        let small = Small::new(seed, &long_window(), 1.0 / 60.0);
        let inputs = no_follows(small.inputs());
        let newest = small.acts().iter().map(|act| act.at_ms).max().expect("there are acts");
        let is_old = |input: &Input<'_>| matches!(input, Input::Act(act) if act.at_ms < newest - 2 * HOUR);
        let inputs: Vec<Input<'_>> = inputs.into_iter().filter(|input| !is_old(input)).collect();
        let landmarks = RefCell::new(BTreeSet::new());
        let mut world = World::new(&long_window(), KEY, [1, 4][(seed % 2) as usize], 1);
        world.observe(|shard, _| {
            landmarks.borrow_mut().insert(shard.landmark());
        });
        take(&mut world, &inputs);
        world.settle();
        let (before, pairs) = (scores(&world), world.sizes().edges);
        let now = world.now().expect("there are acts");
        for half_lives in [1, 20, 29, 31, 33, 50, 55] {
            world.advance(now + half_lives * HOUR);
            world.settle();
            hold_aged(&before, &world, half_lives);
        }
        assert_eq!(world.sizes().edges, pairs);
        drop(world);
        // Before the first event it is 0.
        landmarks.borrow_mut().remove(&0);
        assert!(landmarks.borrow().len() > 1, "no landmark has moved");
    }
}

#[track_caller]
fn hold_aged(before: &BTreeMap<String, Score>, world: &World<'_>, half_lives: i64) {
    let aged = |votes: f64| (votes / (half_lives as f64).exp2()).to_bits();
    for (name, now) in world.scores() {
        let then = &before[name];
        assert_eq!(now.influence.to_bits(), aged(then.influence), "the influence of {name} after {half_lives}");
        assert_eq!(now.reach.to_bits(), aged(then.reach), "the reach of {name}");
        for (now, then) in
            [(now.amplification, then.amplification), (now.network, then.network), (now.openness, then.openness)]
        {
            assert_eq!(now.to_bits(), then.to_bits(), "a factor of {name} after {half_lives} half-lives");
        }
    }
}

/// Two strangers met earlier or later before all others came: landmarks lie elsewhere, and move at other times.
#[test]
fn it_does_not_matter_when_landmarks_move() {
    let model = long_window();
    for seed in 100..130 {
        let small = Small::new(seed, &model, 0.75);
        let inputs = no_follows(small.inputs());
        let first_ms = small.acts().iter().map(|act| act.at_ms).min().expect("there are acts");
        let partitions = [1, 4][(seed % 2) as usize];
        let [one, other] = [3, 11].map(|hours| {
            let strangers = Act { actor: "ann", target: "ben", kind: Kind::Retweet, at_ms: first_ms - hours * HOUR };
            // All clocks start there, in all shards.
            let mut world = World::new(&model, KEY, partitions, 1);
            take(&mut world, &[Input::Act(strangers)]);
            world.rest();
            take(&mut world, &inputs);
            world.settle();
            let known = scores(&world).into_iter().filter(|(name, _)| name != "ben");
            let bits = |score: &Score| {
                [score.influence, score.reach, score.amplification, score.network, score.openness].map(f64::to_bits)
            };
            known.map(|(name, score)| (name, bits(&score))).collect::<Vec<_>>()
        });
        assert_eq!(one, other, "seed {seed}");
    }
}

/// Everybody at exactly 0, with their counts; and then life goes on.
#[test]
fn long_quiet_breaks_nothing() {
    for half_life in [HOUR, 30 * DAY] {
        let model = Model::with_half_life(half_life);
        for (seed, half_lives) in [(0, 7), (1, 1_000), (2, 1_000), (3, 100_000), (4, 100_000), (5, 1_000)] {
            let small = Small::of_any_span(seed, &model);
            let inputs = small.inputs();
            let mut world = world(&model, [1, 4][(seed % 2) as usize], 1, &inputs);
            let before = scores(&world);
            let now = world.now().expect("there are acts") + half_lives * half_life;
            world.advance(now);
            world.settle();
            hold_all_is_quiet(&before, &world);
            let quiet = [&inputs[..], &[Input::Clock(now)]].concat();
            hold(&truth(&model, &quiet), &world.shards().collect::<Vec<_>>(), Bound::SMALL);
            let acts = [("ann", "ben"), ("ben", "u1"), ("u0", "cy")];
            let act = |(actor, target)| Input::Act(Act { actor, target, kind: Kind::Retweet, at_ms: now + 1 });
            let acts = acts.map(act);
            take(&mut world, &acts);
            world.settle();
            let all = [&quiet[..], &acts].concat();
            hold(&truth(&model, &all), &world.shards().collect::<Vec<_>>(), Bound::SMALL);
            // A stranger gives one vote, for which there is room for 1.8.
            let votes = world.score("ben").expect("ben was retweeted").influence;
            assert!((votes - (1.0 + 1.8_f64.powi(-4)).powf(-0.25)).abs() < 1e-9, "{votes}");
        }
    }
}

#[track_caller]
fn hold_all_is_quiet(before: &BTreeMap<String, Score>, world: &World<'_>) {
    assert_eq!((world.scores().count(), world.sizes().edges), (before.len(), 0));
    for (name, score) in world.scores() {
        let then = &before[name];
        assert_eq!(score.received, then.received, "what {name} received is not forgotten");
        assert_eq!(
            (score.followers, score.following),
            (then.followers, then.following),
            "follows of {name} do not age"
        );
        let votes = [score.score, score.influence, score.reach, score.amplification, score.network, score.audience];
        assert_eq!((votes, score.openness), ([0.0; 6], 1.0), "{name}");
    }
}

/// Fans go one by one; when the last has gone, nothing is left, not even rounding.
#[test]
fn sums_of_nobody_are_exactly_0() {
    let model = Model::with_half_life(HOUR);
    for partitions in [1, 4] {
        let fans: Vec<String> = (0..100).map(|fan| format!("fan{fan}")).collect();
        let mut world = World::new(&model, KEY, partitions, 1);
        let retweet = |(fan, age): (&'_ String, i64)| (fan.clone(), 1_700_000_000_000 + age * 77_777);
        let acts: Vec<(String, i64)> = fans.iter().zip(0..).map(retweet).collect();
        for (fan, at_ms) in &acts {
            for target in ["star", "moon"] {
                take(&mut world, &[Input::Act(Act { actor: fan, target, kind: Kind::Retweet, at_ms: *at_ms })]);
            }
        }
        world.settle();
        assert!(world.score("star").expect("the star has fans").influence > 10.0);
        for fan in &fans {
            take(
                &mut world,
                &[Input::Profile(Profile { user: fan, opted_out: Some(true), trust: None, ..Profile::default() })],
            );
        }
        world.settle();
        for name in ["star", "moon"] {
            let score = world.score(name).expect("the record stays");
            let votes = [score.influence, score.reach, score.amplification, score.network];
            assert_eq!(
                (votes, score.openness, score.received.of(vocabulary::Kind::Retweet)),
                ([0.0; 4], 1.0, 100),
                "{name}"
            );
        }
    }
}

/// Rates settle within a few steps of the last event; the sweep goes on announcing levels for up to one round.
#[test]
fn a_crowd_comes_to_rest_soon() {
    for (users, partitions) in [(3_000, 1), (3_000, 4), (3_000, 16), (20_000, 4), (20_000, 16)] {
        let model = Model::with_half_life(DAY);
        let crowd = Crowd::new(u64::from(users), users, &model, 3);
        let inputs = crowd.inputs();
        // Once as they came, and once all in one moment.
        let burst: Vec<Input<'_>> = crowd.acts().iter().map(|act| Input::Act(Act { at_ms: 0, ..*act })).collect();
        for inputs in [&inputs, &burst] {
            let pushed = RefCell::new(Vec::new());
            let mut world = World::new(&model, KEY, partitions, 2);
            world.observe(|_, effects| {
                let events: u64 = effects.taken.accepted.total();
                pushed.borrow_mut().push((events, effects.taken.pushed_edges));
            });
            take(&mut world, inputs);
            world.rest();
            drop(world);
            let (rates, all) = steps_after_the_last_event(&pushed.borrow(), usize::from(partitions));
            eprintln!("{users} people on {partitions} partitions: rates rest after {rates} steps, all after {all}");
            assert!(rates <= 13 && all <= 700, "{users} people on {partitions} partitions: {rates}, {all}");
        }
    }
}

/// Until the last push, and until the last step.
fn steps_after_the_last_event(pushed: &[(u64, u64)], partitions: usize) -> (usize, usize) {
    let steps: Vec<(u64, u64)> = pushed
        .chunks(partitions)
        .map(|step| step.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1)))
        .collect();
    let last_event = steps.iter().rposition(|step| step.0 > 0).expect("there are events");
    let last_push = steps.iter().rposition(|step| step.1 > 0).expect("there are pushes");
    (last_push - last_event, steps.len() - 1 - last_event)
}
