//! Room: the numbers of small groups of strangers, what any group of them can have, and that nobody can be harmed by it.
use std::collections::BTreeMap;

use crate::common::*;
use influence::{Model, Room, Shard};
use oracle::{Act, Input, Kind, Profile};

/// When the strangers of these tests act; the world is ten days older.
const NOW: i64 = 1_700_000_000_000;
const ELDERS: [&str; 2] = ["an elder", "another"];

/// Whoever acts in this world comes too late to be one of its founders.
fn genesis<'a>() -> Input<'a> {
    Input::Act(Act { actor: ELDERS[0], target: ELDERS[1], kind: Kind::Retweet, at_ms: NOW - 10 * DAY })
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("f{number}")).collect()
}

fn act<'a>(actor: &'a str, target: &'a str, at_ms: i64) -> Input<'a> {
    Input::Act(Act { actor, target, kind: Kind::Retweet, at_ms })
}

fn known(user: &str) -> Input<'_> {
    Input::Profile(Profile { user, created_ms: Some(NOW - 2 * DAY), ..Profile::default() })
}

/// Everybody's votes in a world of fine thresholds with these inputs, held against the oracle.
fn votes(partitions: u16, inputs: &[Input<'_>]) -> BTreeMap<String, f64> {
    let model = fine(Model::with_half_life(DAY));
    let all: Vec<Input<'_>> = [genesis()].into_iter().chain(inputs.iter().copied()).collect();
    let world = world(&model, partitions, 1, &all);
    hold(&truth(&model, &all), &world.shards().collect::<Vec<&Shard>>(), Bound::FINE);
    scores(&world).into_iter().map(|(name, score)| (name, score.influence)).collect()
}

#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 2e-6, "{found} is not {expected}");
}

#[test]
fn lone_strangers_have_room_for_fifty_votes() {
    for (fans, known_fans, expected) in [(30, 0, 29.0998), (100, 0, 49.24791), (1_000, 0, 49.99992), (100, 2, 95.59349)]
    {
        let names = names(fans);
        let acts = names.iter().map(|name| act(name, "star", NOW));
        let inputs: Vec<Input<'_>> = names[..known_fans].iter().map(|name| known(name)).chain(acts).collect();
        for partitions in [1, 4] {
            close(votes(partitions, &inputs)["star"], expected);
        }
    }
}

#[test]
fn strangers_who_return_nothing_have_less_than_two_votes_each() {
    let names = names(50);
    let pairs = |members: usize, steps: usize| {
        let pairs = (0..members).flat_map(move |one| (1..=steps).map(move |step| (one, (one + step) % members)));
        pairs.map(|(one, other)| act(&names[one], &names[other], NOW)).collect::<Vec<_>>()
    };
    let founders = |inputs: &[Input<'_>]| {
        let model = fine(Model::with_half_life(DAY));
        scores(&world(&model, 1, 1, inputs))["f0"].influence
    };
    let tournament = pairs(50, 24);
    close(votes(4, &tournament)["f7"], 1.798955);
    let circle = pairs(3, 1);
    close(votes(1, &circle)["f1"], 1.386113);
    // In a world as young as they are everybody is known.
    assert!(founders(&tournament) > 24.0 && founders(&circle) > 1.617);
}

/// The example of `docs/model.md`, where di is known and nobody is a founder, and that example as it stands there.
#[test]
fn the_example_of_the_documentation() {
    let day = |ago: i64| NOW - ago * DAY;
    let retweets = |actor, target, times| vec![act(actor, target, NOW); times];
    let of_kind = |actor, target, kind, at_ms| vec![Input::Act(Act { actor, target, kind, at_ms })];
    let mut inputs = [
        of_kind("di", "ana", Kind::Reply, day(1)),
        retweets("bo", "ana", 1),
        retweets("cy", "ana", 4),
        of_kind("di", "eve", Kind::Mention, NOW),
        retweets("fay", "di", 1),
        retweets("gus", "di", 1),
        retweets("hal", "di", 1),
    ]
    .concat();
    let before = votes(1, &inputs);
    close(before["di"], 2.932527);
    close(before["ana"], 3.067056);
    close(before["eve"], 1.754316);
    inputs.extend(of_kind("ana", "bo", Kind::Reply, NOW));
    let after = votes(4, &inputs);
    close(after["bo"], 0.151612);
    close(after["ana"], 3.137614);
}

/// Groups of strangers on which nobody else acts, whatever they do and in whatever order, a few of them known.
#[test]
fn any_group_of_strangers_has_1_8_votes_each_in_sum_and_none_has_more_than_50() {
    let mut fullest: f64 = 0.0;
    for seed in 0..250 {
        let mut dice = Dice::new(seed);
        let names = names(3 + dice.roll(120));
        let known_members = if seed % 3 == 0 { dice.roll(4).min(names.len()) } else { 0 };
        let mut inputs: Vec<Input<'_>> = names[..known_members].iter().map(|name| known(name)).collect();
        // Few or many targets, few or many actors; some act again and again.
        let (actors, targets) = (1 + dice.roll(names.len()), 1 + dice.roll(names.len()));
        let mut times: Vec<i64> = (0..20 + dice.roll(1_500)).map(|_| NOW - dice.roll(DAY as usize) as i64).collect();
        times.sort_unstable();
        for at_ms in times {
            let (actor, target) = (dice.roll(actors), names.len() - 1 - dice.roll(targets));
            if actor != target {
                let kind = [Kind::Retweet, Kind::Mention, Kind::Reply, Kind::Like, Kind::Quote][dice.roll(5)];
                inputs.push(Input::Act(Act { actor: &names[actor], target: &names[target], kind, at_ms }));
            }
        }
        let votes = votes([1, 4, 16][seed as usize % 3], &inputs);
        let members = votes.iter().filter(|(name, _)| name.starts_with('f')).map(|(_, votes)| *votes);
        let (sum, largest) = members.fold((0.0, 0.0_f64), |(sum, largest), votes| (sum + votes, largest.max(votes)));
        let room = 50.0 * known_members as f64;
        let (sum_max, largest_max) = (1.8 * names.len() as f64 + room, 50.0 + room);
        assert!(
            sum <= sum_max && largest <= largest_max,
            "seed {seed}: {sum} of {sum_max}, {largest} of {largest_max}"
        );
        fullest = fullest.max(sum / sum_max).max(largest / largest_max);
    }
    eprintln!("the fullest has {fullest:.2} of its bound");
    assert!(fullest > 0.8, "groups that come nowhere near their bound prove nothing: {fullest}");
}

/// Rooms so narrow that small worlds fill them, and the usual one.
fn rooms() -> [Room; 3] {
    let room = Room::default();
    [room, Room { n0: 1.0, m: 0.5, c: 0.7, ..room }, Room { n0: 3.0, m: 0.9, c: 0.0, ..room }]
}

/// Nobody can lower a person by acting on them: not by one act more of anybody, of any kind and age, in any world.
#[test]
fn no_act_of_others_on_a_person_lowers_that_person() {
    let mut bounded = 0;
    for seed in 0..300 {
        let model = Model { room: rooms()[seed as usize % 3], ..Model::with_half_life(HOUR) };
        let small = Small::new(seed, &model, 0.9);
        let mut inputs = small.inputs();
        let before = truth(&model, &inputs);
        let mut dice = Dice::new(seed);
        let names = small.names();
        let actor = dice.roll(names.len());
        let target = (actor + 1 + dice.roll(names.len() - 1)) % names.len();
        let age = if dice.roll(2) == 0 { 0 } else { dice.roll(model.window_ms as usize / 2) as i64 };
        let kind = [Kind::Retweet, Kind::Mention, Kind::Reply, Kind::Like, Kind::Quote][dice.roll(5)];
        let (actor, target) = (names[actor].as_str(), names[target].as_str());
        inputs.push(Input::Act(Act { actor, target, kind, at_ms: before.now_ms - age }));
        let (old, new) = (before.person(target), truth(&model, &inputs).person(target));
        assert!(new.net >= old.net * (1.0 - 1e-9), "seed {seed}, {actor} on {target}: {new:?} {old:?}");
        bounded += usize::from(old.net > 0.0 && old.room < 0.9);
    }
    assert!(bounded > 30, "room binds {bounded} of 300 people only");
}

/// With rooms that bind, with profiles that tell ages, and where events may be back-dated: the engine is the oracle's.
#[test]
fn small_worlds_of_narrow_rooms() {
    let mut strangers = 0;
    for seed in 5_000..5_240 {
        let lateness_ms = (seed % 2 == 0).then_some(HOUR / 5);
        let room = Room { lateness_ms, ..rooms()[seed as usize % 3] };
        let coarse = Model { room, ..Model::with_half_life(HOUR) };
        let (model, bound) = if seed % 4 < 2 { (fine(coarse), Bound::FINE) } else { (coarse, Bound::SMALL) };
        let small = Small::of_any_span(seed, &model);
        let inputs = small.inputs();
        let truth = truth(&model, &inputs);
        strangers += truth.people.values().filter(|person| !person.known && person.handed_out > 0.0).count();
        let world = world(&model, [1, 4, 16][(seed / 5 % 3) as usize], 1, &inputs);
        eprintln!("seed {seed}");
        hold(&truth, &world.shards().collect::<Vec<&Shard>>(), bound);
    }
    assert!(strangers > 500, "{strangers} strangers");
}

/// An account whose acts are said to be old is as new as their arrival, where the clock is live.
#[test]
fn back_dated_acts_make_nobody_known() {
    let model = |lateness_ms| {
        let room = Room { lateness_ms, ..Room::default() };
        fine(Model { room, ..Model::with_half_life(DAY) })
    };
    let names = names(100);
    let back_dated = names.iter().map(|name| act(name, "old star", NOW - 2 * DAY));
    let inputs: Vec<Input<'_>> = [genesis(), Input::Clock(NOW - HOUR)]
        .into_iter()
        .chain(back_dated)
        .chain(names.iter().map(|name| act(name, "star", NOW)))
        .collect();
    for (lateness_ms, at_least, at_most) in [(None, 99.0 / 1.25, 100.0), (Some(HOUR), 40.0, 50.0)] {
        let model = model(lateness_ms);
        let world = world(&model, 4, 1, &inputs);
        hold(&truth(&model, &inputs), &world.shards().collect::<Vec<&Shard>>(), Bound::FINE);
        let votes = world.score("star").expect("a hundred have acted").influence;
        assert!((at_least..=at_most).contains(&votes), "{votes} votes with {lateness_ms:?}");
    }
}

/// Who has not acted for a whole window is as new as somebody who was forgotten, whether that has happened or not; an
/// account whose age a profile tells is not.
#[test]
fn after_a_window_without_an_act_an_account_begins_anew() {
    let model = fine(Model::with_half_life(DAY));
    let pause = model.window_ms + DAY;
    let old = |user| Input::Profile(Profile { user, is_verified: true, ..Profile::default() });
    let inputs = [
        genesis(),
        old("verified"),
        act("known", "ana", NOW),
        act("verified", "ana", NOW),
        act("known", "ana", NOW + 2 * DAY),
        act("verified", "ana", NOW + 2 * DAY),
        act("known", "bo", NOW + 2 * DAY + pause),
        act("verified", "cy", NOW + 2 * DAY + pause),
    ];
    for until in [6, inputs.len()] {
        let truth = truth(&model, &inputs[..until]);
        let world = world(&model, 4, 1, &inputs[..until]);
        hold(&truth, &world.shards().collect::<Vec<&Shard>>(), Bound::FINE);
        assert_eq!((truth.person("known").known, truth.person("verified").known), (until == 6, true));
    }
}

/// The first acts of a world make founders, for as long as nobody is known to have come before.
#[test]
fn founders_are_strangers_once_the_world_turns_out_to_be_older() {
    let model = fine(Model::with_half_life(DAY));
    let names = names(100);
    let fans = names.iter().map(|name| act(name, "star", NOW));
    let inputs: Vec<Input<'_>> = fans.chain([act(ELDERS[0], ELDERS[1], NOW - 2 * DAY)]).collect();
    for (partitions, until) in [(1, 100), (1, 101), (4, 100), (4, 101)] {
        let world = world(&model, partitions, 1, &inputs[..until]);
        hold(&truth(&model, &inputs[..until]), &world.shards().collect::<Vec<&Shard>>(), Bound::FINE);
        let votes = world.score("star").expect("a hundred have acted").influence;
        assert_eq!(votes > 50.0, until == 100, "{votes} votes after {until} acts on {partitions} partitions");
    }
}

/// To the millisecond, in whatever order the acts arrive.
#[test]
fn acts_that_span_a_half_life_make_known() {
    let model = fine(Model::with_half_life(DAY));
    for (span_ms, is_known) in [(DAY - 1, false), (DAY, true)] {
        let mut acts = [act("fan", "ana", NOW), act("fan", "bo", NOW - span_ms), act("fan", "bo", NOW - span_ms / 2)];
        for _ in 0..3 {
            acts.rotate_left(1);
            let inputs: Vec<Input<'_>> = [genesis()].into_iter().chain(acts).chain([Input::Clock(NOW)]).collect();
            let truth = truth(&model, &inputs);
            assert_eq!(truth.person("fan").known, is_known, "{inputs:?}");
            let world = world(&model, 4, 1, &inputs);
            hold(&truth, &world.shards().collect::<Vec<&Shard>>(), Bound::FINE);
        }
    }
}
