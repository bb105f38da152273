//! A process that does not work says so: health, the log, and an exit code that tells why.

use std::time::{Duration, Instant};

use testbroker::Broker;

use crate::cluster::{Events, Member, Options, Scene, address, get, metric, status, wait_until};

/// Until it has joined the group, and has taken its first records.
const BEGUN: Duration = Duration::from_secs(60);
/// A failure ends the process within this time.
const FAILED_MAX: Duration = Duration::from_secs(5);
/// A loop that stands still is seen within this time.
const SEEN: Duration = Duration::from_secs(20);

/// A process that serves its health, with a fault planted.
fn start(scene: &Scene, fault: Option<&str>) -> Member {
    let mut command = scene.command("a", 2);
    command.args(["--listen", "127.0.0.1:0"]);
    command.envs(fault.map(|fault| ("CLOUT_PLANTED_FAULT", fault)));
    Member::start(command, "a", scene.told("a"))
}

#[test]
fn a_worker_that_panics_ends_the_process_within_five_seconds() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker.brokers(), &Options { partitions: 2, ..Options::default() });
    let mut member = start(&scene, Some("panic:500"));
    let address = address(&mut member);
    wait_until("it is ready", BEGUN, || status(&address, "/health/ready") == Some(200));
    let has_panicked = |member: &Member| member.told().contains("panicked: a planted panic");
    scene.feeder().feed(&Events::generated(2_000, 100).acts(), usize::MAX);
    wait_until("a worker panics", BEGUN, || has_panicked(&member));
    let began = Instant::now();
    // Live it is not any more, whether it still answers or not.
    let answers = [get(&address, "/health/live"), get(&address, "/health/ready")];
    let ran = member.wait(FAILED_MAX);
    assert!(began.elapsed() < FAILED_MAX, "{:?}", began.elapsed());
    assert_eq!(ran.code, Some(70), "{}", ran.stderr);
    for (status, body) in answers.into_iter().flatten() {
        assert!(status == 503 && body.contains("panicked"), "{status}: {body}");
    }
    let told = ran.stderr.lines().find(|line| line.contains("panicked: a planted panic")).expect("it is told");
    assert!(told.contains("ERROR") && told.contains("worker-"), "{told}");
    let error = ran.stderr.lines().rfind(|line| line.starts_with("error: ")).expect("an error");
    assert!(error.contains("the thread worker-") && error.contains("please report it"), "{error}");
}

#[test]
fn a_worker_that_hangs_is_not_live() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker.brokers(), &Options { partitions: 2, ..Options::default() });
    let mut member = start(&scene, Some("hang:500"));
    let address = address(&mut member);
    wait_until("it is ready", BEGUN, || status(&address, "/health/ready") == Some(200));
    assert_eq!(status(&address, "/health/live"), Some(200));
    scene.feeder().feed(&Events::generated(2_000, 100).acts(), usize::MAX);
    wait_until("it is not live", BEGUN + SEEN, || status(&address, "/health/live") == Some(503));
    let (status, body) = get(&address, "/health/ready").expect("it answers");
    assert!(status == 503 && body.contains("worker-") && body.contains("has not turned for"), "{status}: {body}");
    let (_, status) = get(&address, "/v1/status").expect("it answers");
    let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
    let standing_ms = status["pipeline"]["standing_ms"].as_u64();
    assert!(standing_ms.is_some_and(|standing_ms| standing_ms >= 10_000), "its shards look live: {status}");
    assert!(metric(&address, "clout_shard_lag_seconds") >= 10.0, "nobody is alarmed: {status}");
    member.check();
    // It cannot stop in good order either.
    let ran = member.end(Duration::from_secs(30));
    assert_eq!(ran.code, Some(75), "{}", ran.stderr);
}

#[test]
fn a_stop_that_gives_up_on_brokers_does_not_look_like_a_good_one() {
    let _room = crate::waits();
    let Some(mut broker) = Broker::own(&[]) else { return };
    let scene = Scene::new(broker.brokers(), &Options { partitions: 2, ..Options::default() });
    let mut member = start(&scene, None);
    let address = address(&mut member);
    let witness = scene.witness();
    scene.feeder().feed(&Events::generated(2_000, 100).acts(), usize::MAX);
    wait_until("it works", BEGUN, || {
        member.check();
        witness.seen().taken() > 0
    });
    drop(witness);
    broker.kill();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(status(&address, "/health/live"), Some(200), "brokers that are away are no reason to start it again");
    let ran = member.end(Duration::from_secs(30));
    assert_eq!(ran.code, Some(75), "{}", ran.stderr);
    assert!(ran.stderr.contains("error: ended before all was finished: "), "{}", ran.stderr);
}

#[test]
fn a_process_that_does_not_know_its_shards_is_not_ready() {
    let _room = crate::waits();
    let Some(mut broker) = Broker::own(&[("group.min.session.timeout.ms", "3000")]) else { return };
    let scene = Scene::new(broker.brokers(), &Options { partitions: 2, ..Options::default() });
    let mut command = scene.command("a", 2);
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--kafka",
        "session.timeout.ms=3000",
        "--kafka",
        "heartbeat.interval.ms=500",
    ]);
    let mut member = Member::start(command, "a", scene.told("a"));
    let address = address(&mut member);
    // Looked at again and again: while it is ready, before and after it tells of its shards, it has one.
    let ready = || {
        let was_ready = status(&address, "/health/ready") == Some(200);
        let (_, told) = get(&address, "/v1/status").unwrap_or_default();
        let is_ready = was_ready && status(&address, "/health/ready") == Some(200);
        assert!(!is_ready || told.matches("elsewhere").count() < 2, "it is ready, and has no shards: {told}");
        is_ready
    };
    wait_until("it is ready", BEGUN, ready);
    broker.kill();
    std::thread::sleep(Duration::from_secs(6));
    broker.start_again();
    wait_until("the group has taken it for dead", BEGUN, || !ready());
    wait_until("it is ready again", BEGUN, ready);
    member.check();
}
