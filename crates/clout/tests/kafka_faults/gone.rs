//! Things that are gone or not what they were. Each ends in an error that names the thing and the way out, and in exit
//! code 1, or 2 where nothing was begun; or it heals.

use std::fs;
use std::time::Duration;

use testbroker::Broker;

use crate::cluster::{Events, Expected, Member, Options, Scene, Witness, verify, wait_until};

/// What is wrong at the start is told within this time.
const TOLD: Duration = Duration::from_secs(60);
/// Topics are looked at again within this time.
const LOOKED_AT: Duration = Duration::from_secs(90);
const ENDING: Duration = Duration::from_secs(15);

const OPTIONS: Options<'_> = Options {
    partitions: 4,
    replicas: 1,
    client: &[],
    program: &[],
    checkpoint_every: "1h",
    clock: "event",
    epoch: "5ms",
};

/// An application that has taken so many events, and was asked to end.
fn ended(broker: &Broker, events: &Events) -> Scene {
    let scene = Scene::new(broker.brokers(), &OPTIONS);
    let mut member = scene.start("a", 1);
    take(&scene, events, &mut member);
    member.terminate(ENDING);
    scene
}

/// Feeds events and waits until they are taken.
fn take(scene: &Scene, events: &Events, member: &mut Member) {
    let witness = scene.witness();
    scene.feeder().feed(&events.acts(), usize::MAX);
    taken(scene, &witness, member);
}

fn taken(scene: &Scene, witness: &Witness, member: &mut Member) {
    let ends: i64 = scene.admin().ends(&scene.names.input, scene.partitions, true).iter().sum();
    wait_until("all is taken", TOLD, || {
        member.check();
        witness.seen().taken() == ends
    });
}

#[track_caller]
fn gives_up(member: Member, within: Duration, parts: &[&str]) {
    ends(member, 1, within, parts);
}

#[track_caller]
fn ends(member: Member, code: i32, within: Duration, parts: &[&str]) {
    let ran = member.gives_up(within, parts);
    assert_eq!(ran.code, Some(code), "{}", ran.stderr);
}

#[test]
fn input_that_is_still_needed_is_deleted() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = ended(broker, &Events::generated(4_000, 100));
    let admin = scene.admin();
    admin.delete_records(&scene.names.input, &admin.ends(&scene.names.input, scene.partitions, true));
    fs::remove_dir_all(scene.checkpoints()).expect("they are there");
    // Whichever shard is first.
    gives_up(
        scene.start("a", 1),
        TOLD,
        &[
            "-events[",
            "begins at offset ",
            "needs it from 0",
            "retention",
            "put a checkpoint back",
            "new application id",
        ],
    );
}

#[test]
fn an_input_is_deleted_and_created_anew_while_nobody_works() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    for events in [500, 8_000] {
        let scene = ended(broker, &Events::generated(4_000, 100));
        scene.create_anew(&scene.names.input);
        scene.feeder().feed(&Events::generated(events, 100).acts(), usize::MAX);
        gives_up(scene.start("a", 1), TOLD, &["-events", "created anew", "new application id"]);
    }
}

#[test]
fn an_input_is_deleted_and_created_anew_while_somebody_works() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker.brokers(), &OPTIONS);
    let mut member = scene.start("a", 1);
    take(&scene, &Events::generated(1_000, 100), &mut member);
    scene.create_anew(&scene.names.input);
    scene.feeder().feed(&Events::generated(8_000, 100).acts(), usize::MAX);
    gives_up(member, LOOKED_AT, &["-events", "new application id"]);
    gives_up(scene.start("a", 1), TOLD, &["-events", "created anew", "new application id"]);
}

#[test]
fn the_exchange_is_deleted_while_somebody_works() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker.brokers(), &OPTIONS);
    let mut member = scene.start("a", 1);
    take(&scene, &Events::generated(1_000, 100), &mut member);
    scene.admin().delete_topic(&scene.names.exchange);
    gives_up(member, LOOKED_AT, &["-exchange", "does not exist", "new application id"]);
    scene.create(&scene.names.exchange);
    gives_up(scene.start("a", 1), TOLD, &["-exchange", "created anew", "new application id"]);
}

#[test]
fn the_journal_is_deleted() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = ended(broker, &Events::generated(1_000, 100));
    scene.admin().delete_topic(&scene.names.journal);
    ends(scene.start("a", 1), 2, TOLD, &["-journal is missing", "clout topics create"]);
    scene.create(&scene.names.journal);
    gives_up(scene.start("a", 1), TOLD, &["has no journal", "deleted or created anew", "new application id"]);
}

#[test]
fn partitions_are_added() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker.brokers(), &OPTIONS);
    let mut member = scene.start("a", 1);
    take(&scene, &Events::generated(1_000, 100), &mut member);
    scene.admin().grow_topic(&scene.names.input, 6);
    gives_up(member, LOOKED_AT, &["-events has 6 partitions", "clout route", "new application id"]);
    gives_up(scene.start("a", 1), TOLD, &["-events has 6 partitions", "have 4", "clout route"]);
}

#[test]
fn checkpoints_cannot_be_kept() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker.brokers(), &Options { checkpoint_every: "300ms", ..OPTIONS });
    fs::write(scene.checkpoints(), b"no folder").expect("it can be written");
    ends(scene.start("a", 1), 2, TOLD, &["checkpoints cannot be kept at checkpoints"]);
    fs::remove_file(scene.checkpoints()).expect("it is there");
    // It breaks while somebody works, and is repaired: a restore takes longer meanwhile, and nothing else.
    let witness = scene.witness();
    let mut member = scene.start("a", 1);
    let events = Events::generated(2_000, 100);
    let acts = events.acts();
    scene.feeder().feed(&acts[..1_000], usize::MAX);
    taken(&scene, &witness, &mut member);
    let of_shard = scene.checkpoints().join(&scene.id).join("shard-00000");
    let are_written = || fs::read_dir(&of_shard).is_ok_and(|kept| kept.count() > 0);
    wait_until("checkpoints are written", TOLD, are_written);
    fs::remove_dir_all(scene.checkpoints()).expect("they are there");
    fs::write(scene.checkpoints(), b"no folder").expect("it can be written");
    wait_until("it is told", TOLD, || member.told().contains("checkpoint not written: a restore will take longer"));
    scene.feeder().feed(&acts[1_000..], usize::MAX);
    taken(&scene, &witness, &mut member);
    fs::remove_file(scene.checkpoints()).expect("it is there");
    fs::create_dir(scene.checkpoints()).expect("it can be made");
    wait_until("checkpoints are written again", TOLD, are_written);
    scene.drain(&witness, &mut [&mut member]);
    member.terminate(ENDING);
    verify(&scene, &witness, &Expected { acts: &acts, refused: 0 });
}
