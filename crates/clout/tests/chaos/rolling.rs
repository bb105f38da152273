//! A rolling restart, as for an update: three processes under load are asked to end and started again, one after the other.
//!
//! How long a partition goes without a score is asserted only where nothing else wants the processors: that test is run by hand.

use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::thread;
use std::time::{Duration, Instant};

use testbroker::Broker;

use super::mix::{Over, feed};
use super::now_ms;
use crate::cluster::{Events, Expected, Member, Options, Scene, Witness, verify, wait_until};

const INSTANCES: [&str; 3] = ["clout-0", "clout-1", "clout-2"];
const PER_SECOND: usize = 1_000;
/// No partition goes without a score for longer, while events come.
const SILENCE: Duration = Duration::from_secs(5);
/// Until a process is where it should be.
const BEGUN: Duration = Duration::from_secs(90);
const ENDING: Duration = Duration::from_secs(20);
/// The exit code of a process that was asked to end, and left something to be done again.
const UNFINISHED: i32 = 75;
/// Each process is left alone for so long before the next is restarted, as an orchestrator does that waits until it is ready.
const PAUSE: Duration = Duration::from_secs(3);

#[test]
fn counts_stay_exact_through_a_rolling_restart() {
    let _room = crate::works();
    restart_all(1);
}

#[test]
#[ignore = "it takes minutes, and wants the processors for itself"]
fn no_partition_goes_without_a_score_for_long_in_a_rolling_restart() {
    let _room = crate::alone();
    let silences = restart_all(3).unwrap_or_default();
    assert!(silences.iter().all(|silence| *silence <= SILENCE), "a partition had no score for too long: {silences:?}");
}

/// Restarts each process so many times while a log is fed, and sees that counts are exact in the end. Returns, for each round, for
/// how long a partition had no score at most.
fn restart_all(rounds: usize) -> Option<Vec<Duration>> {
    let events = Events::higgs(40_000 * rounds)?;
    let broker = Broker::shared()?;
    let acts = events.acts();
    let scene = Scene::new(broker.brokers(), &Options { partitions: 6, ..Options::default() });
    let (witness, feeder) = (scene.witness(), scene.feeder());
    let mut members: Vec<Member> = INSTANCES.iter().map(|instance| scene.start(instance, 1)).collect();
    let (is_over, fed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut silences = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| feed(&feeder, &acts, PER_SECOND, &is_over, &fed));
        // Even if something goes wrong.
        let _over = Over(&is_over);
        go_on(&scene, &witness, &mut members);
        for round in 0..rounds {
            let (from, began) = (now_ms(), Instant::now());
            for instance in INSTANCES {
                let ended = members.remove(0).end(ENDING);
                // A broker that has no time may abort the last transaction: then it is taken again.
                assert!(matches!(ended.code, Some(0 | UNFINISHED)), "{}", ended.stderr);
                members.push(scene.start(instance, 1));
                go_on(&scene, &witness, &mut members);
                thread::sleep(PAUSE);
            }
            let silence = Duration::from_millis(witness.seen().longest_silence_ms(from, now_ms()) as u64);
            eprintln!(
                "round {round} takes {:.1?}: a partition has no score for {silence:.1?} at most",
                began.elapsed()
            );
            silences.push(silence);
        }
    });
    scene.drain(&witness, &mut members.iter_mut().collect::<Vec<_>>());
    Member::terminate_all(members, ENDING);
    verify(&scene, &witness, &Expected { acts: &acts, refused: 0 });
    Some(silences)
}

/// Waits until every process has a part of the shards, and every shard has gone on.
fn go_on(scene: &Scene, witness: &Witness, members: &mut [Member]) {
    let before = witness.seen().sequences();
    wait_until("every process works, and every shard goes on", BEGUN, || {
        members.iter_mut().for_each(Member::check);
        let work = members.iter().all(|member| member.told_itself().contains(" is live: shards "));
        let now = witness.seen().sequences();
        work && now.len() == usize::from(scene.partitions)
            && now.iter().all(|(shard, sequence)| *sequence > before.get(shard).copied().unwrap_or(0) + 2)
    });
}
