//! The engine against a dense recomputation.
mod common;

use common::*;
use influence::Model;

fn within(comparison: &oracle::compare::Comparison, worst: f64, mean: f64) {
    println!("{comparison}");
    assert_eq!((comparison.missing, comparison.unknown), (0, 0));
    for errors in [&comparison.gross, &comparison.net, &comparison.influence] {
        assert!(errors.worst <= worst && errors.mean <= mean, "{comparison}");
    }
}

#[test]
fn higgs_agrees() {
    let Some(text) = higgs() else { return };
    let inputs = acts(&oracle::snap::read(&text, oracle::Kind::Mention).unwrap());
    let model = Model::default();
    let truth = oracle::score(&oracle_model(&model), inputs.iter().copied(), None);
    for partitions in [1, 4, 16] {
        let world = world(&model, partitions, 2, &inputs);
        within(&compare(&truth, &world, 1_000), 0.07, 0.01);
    }
}

#[test]
fn higgs_agrees_to_five_digits_when_thresholds_are_fine() {
    let Some(text) = higgs() else { return };
    let inputs = acts(&oracle::snap::read(&text, oracle::Kind::Mention).unwrap());
    let model = Model { eps: 1e-6, contact_growth: 1e-6, ..Model::with_half_life(DAY) };
    let truth = oracle::score(&oracle_model(&model), inputs.iter().copied(), None);
    within(&compare(&truth, &world(&model, 1, 1, &inputs), 1_000), 1e-5, 1e-5);
}
