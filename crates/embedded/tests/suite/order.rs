//! The order of arrival: as long as nothing comes later than the window, it changes no exact part, bit by bit, and the
//! others within the bound.
use crate::common::*;
use influence::Model;
use oracle::{Act, Input};

#[track_caller]
fn check(model: &Model, acts: &[Act<'_>], shuffles: u64, bound: Bound) {
    let in_order: Vec<Input<'_>> = acts.iter().copied().map(Input::Act).collect();
    let truth = truth(model, &in_order);
    let exact = exact_parts(&world(model, 1, 1, &in_order));
    for shuffle in 0..shuffles {
        let mut shuffled = in_order.clone();
        Dice::new(shuffle).shuffle(&mut shuffled);
        let world = world(model, [1, 4, 16][(shuffle % 3) as usize], 2, &shuffled);
        assert!(exact_parts(&world) == exact, "shuffle {shuffle}");
        hold(&truth, &world.shards().collect::<Vec<_>>(), bound);
    }
}

#[test]
fn small_worlds_shuffled() {
    let model = Model::with_half_life(HOUR);
    for seed in 0..60 {
        eprintln!("seed {seed}");
        let small = Small::new(seed, &model, 0.4);
        // Profiles count where they stand, and who comes later than the window is not counted anywhere else.
        let acts: Vec<Act<'_>> = small.acts();
        let newest = acts.iter().map(|act| act.at_ms).max().expect("there are acts");
        let acts: Vec<Act<'_>> = acts.into_iter().filter(|act| act.at_ms >= newest - model.window_ms).collect();
        check(&model, &acts, 3, Bound::SMALL);
        check(&fine(model.clone()), &acts, 3, Bound::FINE);
    }
}

#[test]
fn higgs_shuffled() {
    let Some(log) = higgs() else { return };
    check(&Model::default(), &log.acts(), 2, Bound::DEFAULT);
}
