//! Checkpoints in an object store, a real one: written, restored from, while it is slow, full, or away; and what is told at
//! the start if it will not have them.

use std::time::Duration;

use testbroker::Broker;

use super::weed::Weed;
use crate::cluster::{Events, Expected, Member, Options, Scene, Witness, address, get, verify, wait_until};

const WAIT: Duration = Duration::from_secs(90);
const ENDING: Duration = Duration::from_secs(20);
/// What is wrong at the start is told within this time.
const TOLD: Duration = Duration::from_secs(30);
/// How much later each piece comes from a slow store.
const SLOW: Duration = Duration::from_millis(300);

const OPTIONS: Options<'_> = Options {
    partitions: 2,
    replicas: 1,
    client: &[],
    program: &[],
    checkpoint_every: "500ms",
    clock: "event",
    epoch: "20ms",
};

/// A process in a folder of its own that keeps its checkpoints in the store.
fn start(scene: &Scene, weed: &Weed, folder: &str, key: &str, secret: &str) -> Member {
    let options = weed.options(key, secret);
    let options: Vec<&str> = options.iter().map(String::as_str).chain(["--listen", "127.0.0.1:0"]).collect();
    scene.start_in(folder, &options)
}

fn own(scene: &Scene, weed: &Weed, folder: &str) -> Member {
    start(scene, weed, folder, "clout", "pa55word")
}

fn taken(scene: &Scene, witness: &Witness, member: &mut Member) {
    let ends: i64 = scene.admin().ends(&scene.names.input, scene.partitions, true).iter().sum();
    wait_until("all is taken", WAIT, || {
        member.check();
        witness.seen().taken() == ends
    });
}

/// A metric of each shard.
fn metric(member: &mut Member, name: &str) -> Vec<f64> {
    let (_, text) = get(&address(member), "/metrics").expect("it answers");
    let samples = text.lines().filter(|line| line.starts_with(&format!("{name}{{")));
    samples.map(|line| line.rsplit_once(' ').expect("a sample").1.parse().expect("a number")).collect()
}

/// Waits until every shard has a checkpoint of all that it has done.
fn wait_until_saved(scene: &Scene, member: &mut Member) {
    wait_until("checkpoints hold all", WAIT, || {
        let (saved, done) = (metric(member, "clout_checkpoint_sequence"), metric(member, "clout_shard_sequence"));
        saved.len() == usize::from(scene.partitions) && saved == done
    });
}

#[test]
fn checkpoints_in_an_object_store_are_restored_and_its_faults_cost_time_only() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker.brokers(), &OPTIONS);
    let Some(mut weed) = Weed::start(&scene.folder_of("weed")) else { return };
    let (witness, feeder) = (scene.witness(), scene.feeder());
    let events = Events::generated(6_000, 200);
    let acts = events.acts();
    let mut pieces = acts.chunks(1_000);
    let mut piece = || pieces.next().expect("there is more");

    // Killed in the middle; the input is gone, so that nothing but the checkpoints helps.
    let mut member = own(&scene, &weed, "one");
    feeder.feed(piece(), usize::MAX);
    taken(&scene, &witness, &mut member);
    scene.drain(&witness, &mut [&mut member]);
    wait_until_saved(&scene, &mut member);
    assert!((0..scene.partitions).all(|shard| !weed.checkpoints(&scene.id, shard).is_empty()));
    member.kill();
    let admin = scene.admin();
    admin.delete_records(&scene.names.input, &admin.ends(&scene.names.input, scene.partitions, true));
    let mut member = own(&scene, &weed, "two");
    feeder.feed(piece(), usize::MAX);
    taken(&scene, &witness, &mut member);

    // Slow: scoring goes on at its pace.
    weed.door().delay(SLOW);
    feeder.feed(piece(), usize::MAX);
    taken(&scene, &witness, &mut member);
    scene.drain(&witness, &mut [&mut member]);
    wait_until_saved(&scene, &mut member);
    weed.door().delay(Duration::ZERO);

    // Away, and back with what it had.
    weed.kill();
    feeder.feed(piece(), usize::MAX);
    taken(&scene, &witness, &mut member);
    wait_until("it is told", WAIT, || {
        metric(&mut member, "clout_checkpoint_failures").iter().any(|&failures| failures > 0.0)
            && member.told_itself().contains("checkpoint not written: a restore will take longer")
    });
    assert!(!member.told_itself().contains("backing off"), "each attempt is told: {}", member.told_itself());
    weed.start_again(&[]);
    scene.drain(&witness, &mut [&mut member]);
    wait_until_saved(&scene, &mut member);

    // Full: a process begins all the same, and says so.
    member.kill();
    weed.kill();
    weed.start_again(&["-volume.minFreeSpace=100"]);
    let mut member = own(&scene, &weed, "three");
    feeder.feed(piece(), usize::MAX);
    taken(&scene, &witness, &mut member);
    wait_until("it is told", WAIT, || member.told_itself().contains("no checkpoints can be written to s3://"));
    weed.kill();
    weed.start_again(&[]);
    feeder.feed(piece(), usize::MAX);
    scene.drain(&witness, &mut [&mut member]);
    wait_until_saved(&scene, &mut member);
    member.terminate(ENDING);
    verify(&scene, &witness, &Expected { acts: &acts, refused: 0 });
}

#[test]
fn a_store_that_will_not_have_them_is_told_at_the_start_with_what_to_do() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker.brokers(), &OPTIONS);
    let Some(weed) = Weed::start(&scene.folder_of("weed")) else { return };
    let at = "checkpoints cannot be kept at s3://scores/clout: ";
    for (key, secret, parts) in [
        ("nobody", "pa55word", ["listing is refused", "InvalidAccessKeyId", "aws_access_key_id"]),
        ("clout", "wrong", ["listing is refused", "SignatureDoesNotMatch", "aws_secret_access_key"]),
        ("reader", "pa55word", ["writing is refused", "AccessDenied", "s3:PutObject"]),
    ] {
        let ran = start(&scene, &weed, key, key, secret).gives_up(TOLD, &parts);
        assert!(ran.code == Some(2) && ran.stderr.contains(at), "{}", ran.stderr);
    }
    let place = |place: &'static str| ["--checkpoints", place];
    let mistyped = ["--checkpoint-option", "aws_regoin=eu-central-1"];
    for (more, part) in [
        (&place("s3://no-such-bucket/clout")[..], "make the bucket or container first"),
        (&mistyped[..], "\"aws_regoin\" is not an option of S3"),
        (&place("ftp://scores/clout")[..], "s3://, az:// or gs://"),
    ] {
        let options = weed.options("clout", "pa55word");
        let options: Vec<&str> = match more[0] {
            "--checkpoints" => more.iter().copied().chain(options[2..].iter().map(String::as_str)).collect(),
            _ => options.iter().map(String::as_str).chain(more.iter().copied()).collect(),
        };
        let ran = scene.start_in("wrong", &options).gives_up(TOLD, &[part]);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    }
}
