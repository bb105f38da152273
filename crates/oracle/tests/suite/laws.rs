//! What holds in every world: worlds from seeds.

use std::collections::BTreeMap;

use crate::common::{Dice, HALF_LIFE_MS, WINDOW_MS, close, model, names, opt_out, retweet, trust, world};
use oracle::{Counts, Input, Model, Outcome, compare};

const SEEDS: std::ops::Range<u64> = 0..40;
const CROWD: usize = 40;
const EVENTS: u64 = 600;

fn score(inputs: &[Input<'_>], as_of_ms: Option<i64>) -> Outcome {
    oracle::score(&Model::new(HALF_LIFE_MS), inputs.iter().copied(), as_of_ms)
}

/// Checks a law in worlds of half a window, with some accounts of another trust.
fn in_worlds(law: impl Fn(u64, Vec<Input<'_>>)) {
    let names = names(CROWD);
    for seed in SEEDS {
        let mut inputs = vec![trust(&names[1], 0.0), trust(&names[2], 3.0)];
        inputs.extend(world(&names, seed, EVENTS, WINDOW_MS / 2));
        law(seed, inputs);
    }
}

#[test]
fn order_changes_nothing_within_a_window() {
    in_worlds(|seed, mut inputs| {
        let straight = score(&inputs, None);
        Dice::new(seed).shuffle(&mut inputs);
        assert_eq!(straight, score(&inputs, None), "seed {seed}");
    });
}

#[test]
fn time_alone_halves_everybody() {
    in_worlds(|seed, inputs| {
        let now = score(&inputs, None);
        let later = score(&inputs, Some(now.now_ms + HALF_LIFE_MS));
        for (name, person) in &now.people {
            let aged = &later.people[name];
            close(aged.gross, person.gross / 2.0);
            close(aged.net, person.net / 2.0);
            close(aged.rate, person.rate);
            assert_eq!(aged.received, person.received, "seed {seed}, {name}");
        }
    });
}

#[test]
fn the_formulas_hold_for_everybody() {
    in_worlds(|seed, inputs| {
        let outcome = score(&inputs, None);
        let mut sums: BTreeMap<&str, [f64; 3]> = BTreeMap::new();
        for ((actor, target), pair) in &outcome.pairs {
            let rate = outcome.people[actor].rate;
            sums.entry(actor).or_default()[0] += pair.weight;
            sums.entry(target).or_default()[1] += pair.weight * rate;
            sums.entry(target).or_default()[2] += pair.weight * rate * pair.reciprocity;
            assert!(pair.weight <= 5.0 * pair.last && pair.endorsement >= pair.last / 2.0, "seed {seed}");
        }
        for (name, person) in &outcome.people {
            let [handed_out, gross, returned] = sums.get(name.as_str()).copied().unwrap_or_default();
            close(person.handed_out, handed_out);
            close(person.gross, gross);
            close(person.returned, returned);
            close(
                person.rate.powi(2) * handed_out,
                if handed_out > 0.0 { person.trust * (person.liveness + person.net) } else { 0.0 },
            );
            close(person.reach * person.amplification * person.network * person.openness * person.room, person.net);
            close(person.influence, person.net + person.audience);
            assert!((0.0..=1.0).contains(&person.closed) && (0.0..=100.0).contains(&person.score), "seed {seed}");
        }
    });
}

#[test]
fn one_more_fan_never_harms_the_target_by_itself() {
    in_worlds(|seed, inputs| {
        let before = score(&inputs, None);
        let more = [&inputs[..], &[retweet("stranger", "user000", before.now_ms)]].concat();
        let after = score(&more, None);
        assert!(after.person("user000").gross > before.person("user000").gross, "seed {seed}");
    });
}

#[test]
fn received_counts_are_those_of_the_input() {
    in_worlds(|seed, inputs| {
        let outcome = score(&inputs, None);
        let mut counted: BTreeMap<&str, Counts> = BTreeMap::new();
        for input in &inputs {
            if let Input::Act(act) = input
                && act.actor != act.target
            {
                counted.entry(act.target).or_default().add(act.kind);
            }
        }
        for (name, person) in &outcome.people {
            assert_eq!(person.received, counted.get(name.as_str()).copied().unwrap_or_default(), "seed {seed}, {name}");
        }
        let accepted: u64 = outcome.people.values().map(|person| person.received.total()).sum();
        assert_eq!(outcome.tally.accepted, accepted);
        assert_eq!(accepted + outcome.tally.self_acts, EVENTS);
    });
}

#[test]
fn levels_are_admissible_and_their_audience_is_found_again() {
    in_worlds(|seed, inputs| {
        let outcome = score(&inputs, None);
        let levels = outcome.people.iter().map(|(name, person)| (name.clone(), person.level)).collect();
        let audience = outcome.audience_under(&levels);
        for (name, person) in &outcome.people {
            assert!(oracle::admissible(person, person.level, person.score, 0.0), "seed {seed}, {name}");
            close(audience[name.as_str()], person.audience);
        }
    });
}

#[test]
fn long_worlds_with_erasures_keep_the_window() {
    let names = names(CROWD);
    for seed in SEEDS {
        let mut inputs = world(&names, seed, 4 * EVENTS, 5 * WINDOW_MS);
        inputs.insert(inputs.len() * 3 / 4, opt_out(&names[3]));
        let outcome = oracle::score(&model(), inputs, None);
        let oldest_ms = outcome.now_ms - WINDOW_MS;
        assert!(outcome.pairs.values().all(|pair| pair.newest_ms >= oldest_ms), "seed {seed}");
        assert!(outcome.pairs.keys().all(|(actor, target)| actor != target && *actor != names[3]), "seed {seed}");
        assert!(outcome.tally.dropped > 0 && outcome.person(&names[3]).fans > 0, "seed {seed}");
    }
}

#[test]
fn a_comparison_finds_what_was_changed() {
    let names = names(CROWD);
    let outcome = score(&world(&names, 1, EVENTS, WINDOW_MS / 2), None);
    let truth = outcome.amounts();
    let same = compare::compare(&truth, &truth, 10);
    assert_eq!((same.compared, same.missing, same.unknown), (10, 0, 0));
    assert_eq!((same.gross.worst, same.influence.mean), (0.0, 0.0));

    let mut wrong = truth.clone();
    wrong.get_mut("user000").unwrap().gross *= 1.05;
    wrong.remove("user001");
    wrong.insert("nobody".to_owned(), compare::Amounts::default());
    let found = compare::compare(&truth, &wrong, CROWD);
    assert_eq!((found.missing, found.unknown), (1, 1));
    assert_eq!((found.gross.worst, found.gross.worst_user.as_str()), (1.0, "user001"));
    close(found.gross.mean, 1.05 / truth.len() as f64);
    assert!(found.to_string().contains("worst 1.000e0 (user001)"), "{found}");
}
