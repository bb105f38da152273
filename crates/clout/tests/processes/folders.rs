//! Processes in different folders, and on different hosts.

use std::fs;
use std::process::Command;
use std::time::Duration;

use oracle::Act;
use testbroker::Broker;

use super::{BEGUN, CLIENT, ENDING};
use crate::cluster::{Events, Expected, Member, Options, Scene, Witness, has_exact_counts, verify, wait_until};

/// The counts of everybody are exact so soon after all is taken, by the clock of the processes.
const EXACT_MS: i64 = 5_000;
/// Until all is taken.
const TAKEN: Duration = Duration::from_secs(90);
const FOLDERS: [&str; 3] = ["one", "two", "three"];

fn options() -> Options<'static> {
    Options { client: CLIENT, checkpoint_every: "500ms", ..Options::default() }
}

/// Waits until the journals say that everything that was fed is taken.
fn wait_until_taken(scene: &Scene, witness: &Witness, members: &mut [Member]) {
    let ends: i64 = scene.admin().ends(&scene.names.input, scene.partitions, true).iter().sum();
    wait_until("all is taken", TAKEN, || {
        members.iter_mut().for_each(Member::check);
        witness.seen().taken() == ends
    });
}

/// So many processes, each in a folder of its own; the last one is killed when half of the events are fed.
fn count(broker: &Broker, processes: usize, acts: &[Act<'_>]) {
    let scene = Scene::new(broker.brokers(), &options());
    let (witness, feeder) = (scene.witness(), scene.feeder());
    let mut members: Vec<Member> = FOLDERS[..processes].iter().map(|folder| scene.start_in(folder, &[])).collect();
    let (first, rest) = acts.split_at(acts.len() / 2);
    wait_until("every shard has begun", BEGUN, || witness.seen().sequences().len() == usize::from(scene.partitions));
    feeder.feed(first, 1_000);
    members.pop().expect("a process").kill();
    if members.is_empty() {
        members.push(scene.start_in("another", &[]));
    }
    feeder.feed(rest, 1_000);
    wait_until_taken(&scene, &witness, &mut members);
    wait_until("everybody's counts are exact", TAKEN, || has_exact_counts(&witness.seen().table, acts));
    let exact_ms = witness.seen().counted_after_ms();
    eprintln!("{processes} processes: exact {exact_ms} ms after the last event was taken");
    assert!(exact_ms <= EXACT_MS, "{processes} processes: {exact_ms} ms");
    scene.drain(&witness, &mut members.iter_mut().collect::<Vec<_>>());
    Member::terminate_all(members, ENDING);
    verify(&scene, &witness, &Expected { acts, refused: 0 });
}

#[test]
fn one_two_and_three_processes_of_different_folders_count_the_same() {
    let _room = crate::works();
    let Some(broker) = Broker::shared() else { return };
    let events = Events::generated(8_000, 4_000);
    let acts = events.acts();
    (1..=FOLDERS.len()).for_each(|processes| count(broker, processes, &acts));
}

/// Runs a command as on another host, on which a folder of this one is empty; `None`, which is told, where that cannot be.
fn on_another_host(command: &Command, hidden: &std::path::Path) -> Option<Command> {
    let is_there = Command::new("unshare").args(["-r", "-u", "-m", "true"]).status();
    if !is_there.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this system lets nobody have a host name of their own");
        return None;
    }
    let mut elsewhere = Command::new("unshare");
    elsewhere.args(["-r", "-u", "-m", "sh", "-c"]);
    elsewhere.arg(r#"hostname elsewhere && mount -t tmpfs none "$0" && exec "$@""#).arg(hidden);
    elsewhere.arg(command.get_program()).args(command.get_args());
    elsewhere.current_dir(command.get_current_dir().expect("a folder"));
    Some(elsewhere)
}

#[test]
fn a_host_that_does_not_see_the_checkpoints_is_refused_and_one_that_does_is_not() {
    let _room = crate::works();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker.brokers(), &options());
    let witness = scene.witness();
    let mut first = scene.start_in("one", &[]);
    scene.feeder().feed(&Events::generated(500, 100).acts(), usize::MAX);
    wait_until_taken(&scene, &witness, std::slice::from_mut(&mut first));
    let there = scene.folder_of("one");
    let command = scene.command_in("two", &[]);
    let Some(elsewhere) = on_another_host(&command, &there) else { return };
    let ran = Member::start(elsewhere, "elsewhere", scene.told("elsewhere")).wait(ENDING);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    let kept = format!("in {} of host ", there.join("checkpoints").display());
    for part in [&kept, "which this process cannot use", "as checkpoints.place of all", "s3://bucket/clout"] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("joined the group"), "nothing is taken away: {}", ran.stderr);
    // The folder is there as well: it has the id that was written down, wherever it is mounted.
    let hidden = scene.folder_of("nothing");
    fs::create_dir_all(&hidden).expect("a folder");
    let sees = on_another_host(&scene.command_in("three", &[]), &hidden).expect("as before");
    let mut third = Member::start(sees, "three", scene.told("three"));
    first.terminate(ENDING);
    wait_until("it has taken over", BEGUN, || {
        third.check();
        third.told().contains("is live: shards 0-3")
    });
    third.terminate(ENDING);
}

#[test]
fn who_lacks_a_checkpoint_says_where_they_were() {
    let _room = crate::works();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker.brokers(), &options());
    let (witness, feeder) = (scene.witness(), scene.feeder());
    let mut first = scene.start_in("one", &[]);
    wait_until("every shard has begun", BEGUN, || witness.seen().sequences().len() == usize::from(scene.partitions));
    feeder.feed(&Events::generated(3_000, 100).acts(), 1_000);
    wait_until_taken(&scene, &witness, std::slice::from_mut(&mut first));
    first.terminate(ENDING);
    let place = scene.folder_of("one").join("checkpoints");
    fs::remove_dir_all(&place).expect("they are there");
    let ran = scene.start_in("two", &[]).wait(ENDING);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    for part in
        [&format!("in {} of host ", place.display()), "No such file or directory", "copy what is in the old place"]
    {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
    let ran = scene.start_in("one", &[]).wait(ENDING);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let kept = format!("the shard's last owner kept them in {} of host ", place.display());
    assert!(ran.stderr.contains(&kept), "{kept}: {}", ran.stderr);
}
