//! Rated people on whom nobody acts any more are forgotten when the model says so, and nobody else is.
use std::collections::BTreeMap;

use crate::common::*;
use embedded::World;
use influence::Model;
use oracle::Input;
use vocabulary::{Kind, Score};

const SEEDS: u64 = 160;
/// Parts of the window between two looks of the sweep at everybody.
const LOOKS: i64 = 10;

/// What is compared of somebody: counts received, followers, and people who are followed.
type Held = ([u64; Kind::COUNTED_COUNT], u64, u64);

/// Silence begins when the sweep first sees it, and ends in a record's removal when the sweep comes again: people who are
/// near that differ between an oracle that forgets on time and one that forgets three looks later, and are left out. All
/// others have exactly what they received since they were last forgotten, or no record; but what another shard tells of
/// somebody while their own shard forgets them may be lost.
#[test]
fn who_is_silent_for_long_enough_is_forgotten_and_nobody_else() {
    let model = Model::with_half_life(HOUR);
    let look_ms = model.window_ms / LOOKS;
    let model = Model { forget_after_ms: Some(model.window_ms * 7 / 10), ..model };
    let (mut compared, mut left_out, mut forgotten, mut back) = (0, 0, 0, 0);
    let mut lost: Vec<String> = Vec::new();
    for seed in 0..SEEDS {
        let small = Small::new(seed, &model, 12.0);
        let inputs = with_looks(&small.inputs(), look_ms);
        let outcome = |forget_after_ms| {
            oracle::score(&oracle::Model { forget_after_ms, ..oracle_model(&model) }, inputs.iter().copied(), None)
        };
        let [on_time, later] =
            [0, 3].map(|looks| outcome(model.forget_after_ms.map(|after_ms| after_ms + looks * look_ms)));
        let never = outcome(None);
        let partitions = [1, 4, 16][(seed % 3) as usize];
        let engine = held_by_engine(&model, partitions, &inputs);
        for (name, person) in &on_time.people {
            if person.received != later.person(name).received {
                left_out += 1;
                continue;
            }
            compared += 1;
            let all = never.person(name).received;
            forgotten += u64::from(!person.has_record && all != person.received);
            back += u64::from(person.has_record && all != person.received);
            let (found, expected) = (engine.get(name).copied(), person.has_record.then(|| held_by_oracle(person)));
            if found == expected {
                continue;
            }
            let told = format!("seed {seed}, {partitions} partitions: {name} has {found:?}, not {expected:?}");
            let [found, expected] = [found, expected].map(Option::unwrap_or_default);
            let is_less = found.0.iter().zip(expected.0).all(|(&found, expected)| found <= expected);
            assert!(partitions > 1 && is_less && found.1 <= expected.1 && found.2 <= expected.2, "{told}");
            lost.push(told);
        }
        let unknown = engine.keys().find(|&name| !on_time.people.contains_key(name));
        assert_eq!(unknown, None, "seed {seed}");
    }
    eprintln!("{}", lost.join("\n"));
    eprintln!("{compared} compared, {left_out} left out, {forgotten} forgotten, {back} of whom are back");
    assert!(lost.len() * 1_000 < compared, "{} of {compared}: {lost:#?}", lost.len());
    assert!(forgotten > SEEDS && back > SEEDS, "{forgotten} and {back}");
    assert!(left_out * 10 < compared, "{left_out} of {compared} are too near to say");
}

fn held_by_engine(model: &Model, partitions: u16, inputs: &[Input<'_>]) -> BTreeMap<String, Held> {
    let mut world = World::new(model, KEY, partitions, 1);
    for input in inputs {
        take(&mut world, &[*input]);
        if matches!(input, Input::Clock(_)) {
            world.settle();
        }
    }
    let held = |score: &Score| (Kind::COUNTED.map(|kind| score.received.of(kind)), score.followers, score.following);
    world.scores().map(|(name, score)| (name.to_owned(), held(&score))).collect()
}

fn held_by_oracle(person: &oracle::Person) -> Held {
    let count = |kind: Kind| person.received.of(oracle::Kind::of_word(kind.word()).expect("one kind"));
    (Kind::COUNTED.map(count), person.followers, person.following)
}

/// The clock moves on, and everybody is looked at, so often.
fn with_looks<'a>(inputs: &[Input<'a>], look_ms: i64) -> Vec<Input<'a>> {
    let mut all = Vec::new();
    let mut next = None;
    for &input in inputs {
        if let Input::Act(act) = input {
            let at = next.get_or_insert(act.at_ms + look_ms);
            while *at < act.at_ms {
                all.push(Input::Clock(*at));
                *at += look_ms;
            }
        }
        all.push(input);
    }
    all.extend(next.map(Input::Clock));
    all
}
