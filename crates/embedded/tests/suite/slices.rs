//! Whatever the slices, and however late shards hear of each other: the same people, pairs, counts and follows, and
//! influence within the bound.
use std::ops::Range;

use crate::common::*;
use influence::Model;

fn check(model: &Model, seeds: Range<u64>, each: Bound, all: Bound) {
    let mut errors = Errors::default();
    for seed in seeds {
        eprintln!("seed {seed}");
        let small = Small::of_any_span(seed, model);
        let inputs = small.inputs();
        let mut lab = Lab::new(model, [1, 2, 3, 7][(seed % 4) as usize], seed);
        lab.run(&inputs);
        errors.add(&hold(&truth(model, &inputs), &lab.shards(), each));
    }
    errors.hold_mean(all);
}

#[test]
fn slices_of_any_size() {
    check(&Model::with_half_life(HOUR), 0..1_000, Bound::SMALL, Bound { mean: 0.012, ..Bound::DEFAULT });
}

#[test]
fn slices_of_any_size_to_five_digits_when_thresholds_are_fine() {
    check(&fine(Model::with_half_life(HOUR)), 1_000..1_500, Bound::FINE, Bound::FINE);
}

/// A step that may touch a few edges only: pushes wait in the queue, the sweep goes on where it stopped.
#[test]
fn a_small_budget_of_edges() {
    let model = Model { edges_a_step_max: 3, ..fine(Model::with_half_life(HOUR)) };
    check(&model, 1_500..1_600, Bound::FINE, Bound::FINE);
}
