//! Mistakes that are switched on are found; without them the same seeds pass.

use pipeline::{Bug, Bugs};
use simulator::{Scenario, run, shrink};

/// Seeds within which a mistake must be found.
const SEEDS: u64 = 1_500;

/// The first seed that fails, and how.
fn first(bug: Bug) -> (u64, String) {
    let fails = |seed| Some((seed, run(&Scenario::of(seed), Bugs::planted(bug)).failure?));
    (0..SEEDS).find_map(fails).unwrap_or_else(|| panic!("{bug:?} is not found"))
}

#[track_caller]
fn check(bug: Bug, words: &[&str]) {
    let (seed, failure) = first(bug);
    eprintln!("{bug:?}: seed {seed}: {failure}");
    assert!(words.iter().any(|words| failure.contains(words)), "seed {seed} fails otherwise than expected: {failure}");
    assert_eq!(run(&Scenario::of(seed), Bugs::NONE).failure, None, "seed {seed} fails without the mistake");
}

#[test]
fn a_step_that_looks_at_a_clock() {
    check(Bug::StepLooksAtClock, &["gave another state"]);
}

#[test]
fn a_result_that_depends_on_the_order_of_a_hash_map() {
    check(Bug::HashMapOrder, &["gave another state"]);
}

#[test]
fn a_result_that_depends_on_the_order_in_which_records_arrived() {
    check(Bug::ArrivalOrder, &["gave another state", "are not those it was made of"]);
}

#[test]
fn a_checkpoint_taken_before_its_epochs_commit() {
    check(Bug::CheckpointBeforeCommit, &["which is not committed"]);
}

#[test]
fn exchange_entries_applied_twice_after_a_restore() {
    check(Bug::ExchangeTwice, &["begins at offset", "does not follow", "gave another state", "come twice"]);
}

#[test]
fn a_torn_checkpoint_accepted() {
    check(Bug::TornCheckpoint, &["is not the one that lives", "gave another state", "should have", "panic"]);
}

#[test]
fn a_journal_gap_ignored() {
    check(
        Bug::JournalGap,
        &["does not follow", "received", "goes back", "is said to have had", "is not the one that lives"],
    );
}

#[test]
fn rounding_on_the_way_to_whoever_does_a_slice_again() {
    check(Bug::F32Drift, &["gave another state"]);
}

#[test]
fn ids_forgotten_by_a_restore() {
    check(Bug::IdsForgotten, &["gave another state", "is not the one that lives"]);
}

#[test]
fn offsets_outside_the_transaction() {
    check(
        Bug::OffsetsOutside,
        &["is committed to", "gave up for no reason", "received", "is said to have had", "journal"],
    );
}

#[test]
fn closes_that_depend_on_who_does_a_slice_again() {
    check(Bug::ClosesAsTold, &["gave another state", "are not those that its slices make"]);
}

#[test]
fn closes_outside_the_transaction() {
    check(Bug::ClosesOutside, &["a close of", "are not those that its slices make"]);
}

#[test]
fn credits_outside_the_transaction() {
    check(Bug::CreditsOutside, &["the credits to shard", "the rates of actors"]);
}

#[test]
fn blocks_of_other_shards_that_are_not_heard() {
    check(Bug::BlocksUnheard, &["received"]);
}

#[test]
fn a_failure_becomes_a_short_history() {
    let (seed, _) = first(Bug::JournalGap);
    let whole = Scenario::of(seed);
    let short = shrink(&whole, Bugs::planted(Bug::JournalGap));
    assert!(run(&short, Bugs::planted(Bug::JournalGap)).failure.is_some());
    assert!(short.records.len() < whole.records.len() && short.faults.len() <= whole.faults.len());
}
