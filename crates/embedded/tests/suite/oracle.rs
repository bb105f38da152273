//! The engine against a dense recomputation, on real logs and on generated worlds.
use std::ops::Range;

use crate::common::*;
use influence::{Model, Shard};
use oracle::Input;
use vocabulary::Kind;

fn check(
    model: &Model,
    partitions: u16,
    inputs: &[Input<'_>],
    truth: &oracle::Outcome,
    bound: Bound,
) -> oracle::compare::Comparison {
    let world = world(model, partitions, 2, inputs);
    let shards: Vec<&Shard> = world.shards().collect();
    eprintln!("{partitions} partitions: {}", compare(truth, &shards, 1_000));
    hold(truth, &shards, bound)
}

fn check_log(log: Option<Log>, model: &Model, partitions: &[u16]) {
    let Some(log) = log else { return };
    let inputs = log.inputs();
    let truth = truth(model, &inputs);
    for &partitions in partitions {
        check(model, partitions, &inputs, &truth, Bound::DEFAULT);
    }
    check(&fine(model.clone()), 1, &inputs, &truth, Bound::FINE);
}

#[test]
fn higgs_with_a_half_life_of_30_days() {
    check_log(higgs(), &Model::default(), &[1, 4, 16]);
}

#[test]
fn higgs_with_a_half_life_of_a_day() {
    check_log(higgs(), &Model::with_half_life(DAY), &[1, 4]);
}

/// Six years, of which the window keeps the last one.
#[test]
fn mathoverflow_with_a_half_life_of_60_days() {
    check_log(mathoverflow(), &Model::with_half_life(60 * DAY), &[1, 4, 16]);
}

/// Twelve half-lives, of which the window keeps six.
#[test]
fn a_crowd() {
    let model = Model::with_half_life(DAY);
    let crowd = Crowd::new(1, 20_000, &model, 12);
    let inputs = crowd.inputs();
    let truth = truth(&model, &inputs);
    for partitions in [1, 4, 16] {
        check(&model, partitions, &inputs, &truth, Bound::DEFAULT);
    }
    check(&fine(model), 4, &inputs, &truth, Bound::FINE);
}

/// Follows, profiles, lateness, forgetting, self-acts: worlds of all spans, by the seed. Everybody enters the mean, down to
/// those with a single fan.
fn check_small_worlds(model: &Model, seeds: Range<u64>, each: Bound, all: Bound) {
    check_smalls(model, seeds, Small::of_any_span, each, all);
}

fn check_smalls(model: &Model, seeds: Range<u64>, small: impl Fn(u64, &Model) -> Small, each: Bound, all: Bound) {
    let mut errors = Errors::default();
    for seed in seeds {
        eprintln!("seed {seed}");
        let small = small(seed, model);
        let inputs = small.inputs();
        let partitions = [1, 4, 16][(seed / 5 % 3) as usize];
        errors.add(&check(model, partitions, &inputs, &truth(model, &inputs), each));
    }
    errors.hold_mean(all);
}

#[test]
fn small_worlds() {
    check_small_worlds(&Model::with_half_life(HOUR), 0..600, Bound::SMALL, Bound { mean: 0.012, ..Bound::DEFAULT });
}

#[test]
fn small_worlds_to_five_digits_when_thresholds_are_fine() {
    check_small_worlds(&fine(Model::with_half_life(HOUR)), 1_000..1_300, Bound::FINE, Bound::FINE);
}

/// People block each other, end that, and go on as if they did not know: what is swallowed is swallowed in every shard.
#[test]
fn small_worlds_with_blocks() {
    let model = Model::with_half_life(HOUR);
    let swallowed = std::cell::Cell::new(0);
    let small = |seed, model: &Model| {
        let small = Small::with_blocks(seed, model);
        swallowed.set(swallowed.get() + truth(model, &small.inputs()).tally.blocked);
        small
    };
    check_smalls(&model, 4_000..4_600, small, Bound::SMALL, Bound { mean: 0.012, ..Bound::DEFAULT });
    assert!(swallowed.get() > 20_000, "{} acts were swallowed", swallowed.get());
    check_smalls(&fine(model), 4_600..4_750, Small::with_blocks, Bound::FINE, Bound::FINE);
}

#[test]
fn small_worlds_of_other_weights() {
    let mut model = fine(Model::with_half_life(HOUR));
    for (kind, weight) in [(Kind::Like, 10.0), (Kind::Quote, 0.001), (Kind::Reply, 1.5), (Kind::Retweet, 0.3)] {
        model.weights[kind] = weight;
    }
    check_small_worlds(&model, 3_000..3_100, Bound::FINE, Bound::FINE);
}

/// The window need not be a multiple of the half-life, nor longer.
#[test]
fn small_worlds_of_other_windows() {
    for (window, seeds) in [(HOUR / 3, 2_000..2_050), (HOUR + 1, 2_050..2_100), (40 * HOUR + 7, 2_100..2_150)] {
        let model = Model { window_ms: window, ..Model::with_half_life(HOUR) };
        check_small_worlds(&fine(model), seeds, Bound::FINE, Bound::FINE);
    }
}
