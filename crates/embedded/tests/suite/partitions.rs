//! Partitions and workers: what is exact is the same on any number of partitions, the rest within the bound; workers
//! change nothing at all.
use crate::common::*;
use influence::Model;
use oracle::Input;

/// Forgetting, lateness, profiles: the clock is the same for all partitions.
#[test]
fn exact_parts_are_the_same_on_any_number_of_partitions() {
    let model = Model::with_half_life(HOUR);
    for seed in 5_000..5_150 {
        let small = Small::of_any_span(seed, &model);
        let inputs = small.inputs();
        let exact = exact_parts(&world(&model, 1, 1, &inputs));
        for partitions in [4, 16] {
            let found = exact_parts(&world(&model, partitions, 1, &inputs));
            assert!(found == exact, "seed {seed} on {partitions} partitions: {found:?} is not {exact:?}");
        }
    }
}

/// What a block swallows, by the order in which all of it arrives.
#[test]
fn blocks_swallow_the_same_on_any_number_of_partitions() {
    let model = Model::with_half_life(HOUR);
    for seed in 5_150..5_300 {
        let small = Small::with_blocks(seed, &model);
        let inputs = small.inputs();
        let truth = truth(&model, &inputs);
        let one = world(&model, 1, 1, &inputs);
        let (exact, taken) = (exact_parts(&one), one.progress().taken);
        assert_eq!((taken.blocked, taken.accepted.total()), (truth.tally.blocked, truth.tally.accepted), "seed {seed}");
        for partitions in [4, 16] {
            let found = world(&model, partitions, 1, &inputs);
            assert!(exact_parts(&found) == exact, "seed {seed} on {partitions} partitions");
            assert_eq!(found.progress().taken.blocked, taken.blocked, "seed {seed} on {partitions} partitions");
            assert_eq!(found.sizes().blocks, one.sizes().blocks, "seed {seed} on {partitions} partitions");
        }
    }
}

#[test]
fn a_crowd_is_the_same_on_any_number_of_partitions() {
    let model = Model::with_half_life(DAY);
    check(&model, &Crowd::new(2, 10_000, &model, 12).inputs());
}

#[test]
fn higgs_is_the_same_on_any_number_of_partitions() {
    let Some(log) = higgs() else { return };
    check(&Model::with_half_life(DAY), &log.inputs());
}

#[track_caller]
fn check(model: &Model, inputs: &[Input<'_>]) {
    let one = world(model, 1, 1, inputs);
    let (exact, net) = (exact_parts(&one), net(&one));
    for partitions in [4, 16] {
        let several = world(model, partitions, 2, inputs);
        assert!(exact_parts(&several) == exact, "{partitions} partitions");
        let comparison = oracle::compare::compare(&net, &self::net(&several), 1_000);
        eprintln!("{partitions} partitions and one: {comparison}");
        assert_eq!((comparison.missing, comparison.unknown), (0, 0));
        for errors in [&comparison.gross, &comparison.net] {
            assert!(errors.worst <= Bound::DEFAULT.worst && errors.mean <= Bound::DEFAULT.mean, "{comparison}");
        }
    }
}

/// Amounts without the audience, which jumps with the followers' levels.
fn net(world: &embedded::World<'_>) -> std::collections::BTreeMap<String, oracle::compare::Amounts> {
    let net = |score: vocabulary::Score| {
        let gross = score.reach * score.amplification * score.network;
        oracle::compare::Amounts {
            gross,
            net: gross * score.openness * score.room,
            influence: gross * score.openness * score.room,
        }
    };
    world.scores().map(|(name, score)| (name.to_owned(), net(score))).collect()
}

#[track_caller]
fn check_workers(model: &Model, partitions: u16, inputs: &[Input<'_>]) {
    let one = world(model, partitions, 1, inputs);
    let (scores, pairs, progress) = (score_bits(&one), pair_bits(&one), format!("{:?}", one.progress()));
    for workers in [2, 4] {
        let several = world(model, partitions, workers, inputs);
        assert_eq!(format!("{:?}", several.progress()), progress, "{workers} workers on {partitions} partitions");
        assert!(score_bits(&several) == scores, "scores of {workers} workers on {partitions} partitions");
        assert!(pair_bits(&several) == pairs, "pairs of {workers} workers on {partitions} partitions");
    }
}

#[test]
fn workers_change_no_bit() {
    let model = Model::with_half_life(HOUR);
    for seed in 6_000..6_030 {
        let small = Small::of_any_span(seed, &model);
        check_workers(&model, [4, 16][(seed % 2) as usize], &small.inputs());
    }
    let crowd = Crowd::new(3, 10_000, &model, 12);
    check_workers(&model, 4, &crowd.inputs());
    check_workers(&model, 16, &crowd.inputs());
}

#[test]
fn workers_change_no_bit_of_higgs() {
    let Some(log) = higgs() else { return };
    check_workers(&Model::with_half_life(DAY), 4, &log.inputs());
}
