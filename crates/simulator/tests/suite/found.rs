//! Histories that once failed, each under the name of what was wrong. They were found by seeds and then made short.

use pipeline::{Bugs, Clock};
use simulator::scenario::{Mishap, Topic};
use simulator::{Scenario, run};

#[track_caller]
fn check(scenario: &Scenario) {
    assert_eq!(run(scenario, Bugs::NONE).failure, None);
}

/// Many people, who act on each other all the time.
fn busy(scenario: &mut Scenario, end: i64) {
    for (number, at) in (0..end).step_by(20).enumerate() {
        let (actor, target) = (format!("p{}", number % 17), format!("p{}", number * 7 % 19));
        scenario.retweet(at, &actor, &target, "");
    }
}

/// It wakes up, has lost its shards and not heard of it, and reads on where their new owner has trimmed: that is no
/// reason to give up.
#[test]
fn seed_730_a_zombie_finds_its_exchange_trimmed() {
    for clock in [Clock::Wall, Clock::Event] {
        let mut scenario = Scenario { clock, ..Scenario::quiet(4, 2) };
        busy(&mut scenario, 6_000);
        for worker in [0, 1] {
            scenario.fails(900 + worker as i64 * 2_700, Mishap::Zombie { worker, pause_ms: 2_500 });
        }
        check(&scenario);
    }
}

/// A shard at rest commits nothing, so that the group's offsets stay forgotten until somebody acts.
#[test]
fn seed_642_offsets_of_a_shard_at_rest_are_forgotten() {
    let mut scenario = Scenario::quiet(5, 3);
    scenario.retweet(10, "p1", "p2", "");
    (0..5).for_each(|shard| scenario.fails(1_000, Mishap::ForgetOffsets { shard }));
    check(&scenario);
}

/// Somebody deletes checkpoints while they are written: what was written before does not count any more, so that
/// nothing is trimmed that only they could make up for.
#[test]
fn seed_402_checkpoints_are_deleted_under_a_worker() {
    let mut scenario = Scenario::quiet(1, 2);
    busy(&mut scenario, 3_000);
    scenario.fails(1_000, Mishap::LoseAll { shard: 0 });
    scenario.fails(1_200, Mishap::Move { salt: 1 });
    scenario.fails(1_210, Mishap::Crash { worker: 0, back_ms: 10 });
    scenario.fails(1_210, Mishap::Crash { worker: 1, back_ms: 10 });
    let verdict = run(&scenario, Bugs::NONE);
    assert_eq!((verdict.failure, verdict.errors.len()), (None, 0));
}

/// Retention overtakes a worker that reads on: the restore that follows says what is missing.
#[test]
fn retention_overtakes_a_slow_reader() {
    let mut scenario = Scenario { read_records: 1, ..Scenario::quiet(2, 1) };
    busy(&mut scenario, 3_000);
    (0..2).for_each(|shard| scenario.fails(100, Mishap::Starve { shard, starve_ms: 900 }));
    (0..2).for_each(|shard| scenario.fails(700, Mishap::Outrun { topic: Topic::Input(1), shard }));
    let verdict = run(&scenario, Bugs::NONE);
    assert_eq!(verdict.failure, None);
    assert!(verdict.errors.contains_key("unread"), "{:?}", verdict.errors);
}

/// Records that nobody has read are given up for good, by exactly their offsets: the journal says so, every restore knows
/// of it, and everybody else's acts count.
#[test]
fn a_gap_that_is_accepted_is_passed_over_by_every_restore() {
    let mut accepted = 0;
    for seed in 0..8 {
        let mut scenario = Scenario { seed, read_records: 1, ..Scenario::quiet(2, 1) };
        busy(&mut scenario, 3_000);
        (0..2).for_each(|shard| scenario.fails(100, Mishap::Starve { shard, starve_ms: 900 }));
        (0..2).for_each(|shard| scenario.fails(700, Mishap::Outrun { topic: Topic::Input(1), shard }));
        scenario.fails(1_500, Mishap::Crash { worker: 0, back_ms: 10 });
        scenario.fails(2_000, Mishap::LoseNewest { shard: 1 });
        scenario.fails(2_010, Mishap::Crash { worker: 0, back_ms: 10 });
        let verdict = run(&scenario, Bugs::NONE);
        assert_eq!(verdict.failure, None, "seed {seed}");
        accepted += verdict.errors.get("gap-accepted").copied().unwrap_or(0);
    }
    assert!(accepted > 0);
}

/// Nobody acts for two minutes: scores age all the same, and a worker commits once in ten seconds.
#[test]
fn who_has_nothing_to_do_commits_once_in_ten_seconds() {
    let minutes = 2;
    let epochs = |half_life_ms, clock| {
        let mut scenario = Scenario { clock, ..Scenario::quiet(2, 1) };
        scenario.model = influence::Model::with_half_life(half_life_ms);
        busy(&mut scenario, 1_000);
        let active = run(&scenario, Bugs::NONE);
        scenario.tick_ms = 50;
        // The run goes on as long as something may go wrong.
        scenario.fails(minutes * 60_000, Mishap::StoreFull { full_ms: 10 });
        let idle = run(&scenario, Bugs::NONE);
        assert_eq!((active.failure, idle.failure), (None, None));
        idle.epochs.saturating_sub(active.epochs)
    };
    let month_ms = 30 * 24 * 3_600_000;
    // Each of two shards, six times a minute, and a few for what they tell each other first.
    let most = 2 * 6 * minutes as u64 + 10;
    let (ageing, still) = (epochs(month_ms, Clock::Wall), epochs(month_ms, Clock::Event));
    assert!((6..=most).contains(&ageing), "{ageing} epochs");
    assert!(still <= 10, "{still} epochs where no time passes");
}

#[test]
fn dropped_repeats_are_told() {
    for (window_ms, duplicates) in [(None, 0), (Some(5_000), 9), (Some(40), 0)] {
        let mut scenario = Scenario { dedup_window_ms: window_ms, ..Scenario::quiet(2, 1) };
        (0..10).for_each(|number| scenario.retweet(number * 200, "bo", "ana", "7"));
        let verdict = run(&scenario, Bugs::NONE);
        assert_eq!((verdict.failure, verdict.duplicates), (None, duplicates), "a window of {window_ms:?}");
    }
}

/// What is sent again counts once within the window, and each time without one; another actor's id is another one.
#[test]
fn a_repeated_id_counts_once_whatever_breaks() {
    for (dedup_window_ms, clock) in [(Some(600), Clock::Wall), (Some(600), Clock::Event), (None, Clock::Wall)] {
        let mut scenario = Scenario { dedup_window_ms, clock, ..Scenario::quiet(3, 2) };
        for (number, at) in (0..4_000).step_by(50).enumerate() {
            scenario.retweet(at, &format!("p{}", number % 7), "ana", &(number % 10).to_string());
        }
        scenario.fails(1_000, Mishap::Crash { worker: 0, back_ms: 10 });
        scenario.fails(2_000, Mishap::Seize { salt: 5 });
        scenario.fails(3_000, Mishap::Crash { worker: 1, back_ms: 10 });
        check(&scenario);
    }
}

/// It wakes up in the middle of a restore, and the shard's owner meanwhile has trimmed the journal that it had read.
#[test]
fn seed_1053_a_zombie_restores_from_a_journal_that_was_trimmed_since() {
    check(&Scenario::of(1_053));
}
