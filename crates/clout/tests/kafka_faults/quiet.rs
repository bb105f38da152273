//! Nothing comes, or nothing can be read, or what should be read is gone; and a group that is somebody else's.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use oracle::{Act, Kind};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use testbroker::Broker;

use crate::cluster::{Member, Options, Scene, address, metric, wait_until};

const TOLD: Duration = Duration::from_secs(60);
const ENDING: Duration = Duration::from_secs(15);
/// Somebody who has an error in the configuration knows within this time.
const SOON: Duration = Duration::from_secs(15);

const OPTIONS: Options<'_> = Options {
    partitions: 2,
    replicas: 1,
    client: &[],
    program: &[],
    checkpoint_every: "1h",
    clock: "wall",
    epoch: "100ms",
};

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64
}

/// Each of so many people acts on the next one.
fn ring(names: &[String], at_ms: i64) -> Vec<Act<'_>> {
    let pairs = names.iter().zip(names.iter().cycle().skip(1));
    pairs.map(|(actor, target)| Act { actor, target, kind: Kind::Retweet, at_ms }).collect()
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("user{number}")).collect()
}

#[track_caller]
fn gives_up(member: Member, within: Duration, parts: &[&str]) {
    let ran = member.gives_up(within, parts);
    assert!(ran.code.is_some_and(|code| code != 0), "{}", ran.stderr);
}

/// The last offset of each partition of the input is the mark of a transaction.
fn ends_with_a_mark(broker: &Broker, scene: &Scene) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", broker.brokers())
        .set("transactional.id", format!("{}-mark", scene.id))
        .create()
        .expect("a producer");
    producer.init_transactions(TOLD).expect("the broker answers");
    producer.begin_transaction().expect("it begins");
    for partition in 0..2 {
        let record = BaseRecord::<str, str>::to(&scene.names.input).payload("{}").partition(partition);
        producer.send(record).map_err(|(error, _)| error).expect("there is room");
    }
    producer.flush(TOLD).expect("they are stored");
    producer.abort_transaction(TOLD).expect("it ends");
}

#[test]
fn who_has_nothing_to_do_commits_once_in_ten_seconds_and_hears_at_once() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker.brokers(), &OPTIONS);
    let witness = scene.witness();
    let mut member = scene.start_with("a", 1, &["--listen", "127.0.0.1:0"]);
    let address = address(&mut member);
    let names = names(43);
    scene.feeder().feed(&ring(&names, now_ms()), usize::MAX);
    scene.drain(&witness, &mut [&mut member]);
    ends_with_a_mark(broker, &scene);
    // Within ten seconds shards tell how their people stand after what happened, and a minute after they have caught up that
    // they have: what is between these is looked at.
    thread::sleep(Duration::from_secs(13));
    let before = witness.seen().sequences();
    let scores = witness.seen().scores;
    let ends = |topic: &str| scene.admin().ends(topic, 2, true).iter().sum::<i64>();
    let journal = ends(&scene.names.journal);
    let (while_idle, began) = (Duration::from_secs(40), Instant::now());
    while began.elapsed() < while_idle {
        member.check();
        thread::sleep(Duration::from_millis(200));
    }
    let after = witness.seen().sequences();
    let epochs = before.iter().map(|(shard, sequence)| after[shard] - sequence).max().expect("shards");
    eprintln!("idle for 40 s: {epochs} transactions, {} offsets of the journal", ends(&scene.names.journal) - journal);
    assert!((1..=5).contains(&epochs), "{epochs} transactions in 40 s");
    assert_eq!(metric(&address, "clout_shard_lag_seconds"), 0.0, "a mark is no record that waits");
    // It has slept, and wakes up.
    let fresh = ["ana".to_owned(), "bo".to_owned()];
    let acts = ring(&fresh, now_ms());
    let (feeder, began) = (scene.feeder(), Instant::now());
    feeder.feed(&acts[..1], usize::MAX);
    wait_until("the score is there", Duration::from_secs(5), || witness.seen().scores > scores);
    eprintln!("a score after {:?}", began.elapsed());
    member.terminate(ENDING);
}

#[test]
fn records_that_are_gone_unread_are_passed_over_if_just_these_are_given_up() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker.brokers(), &Options { partitions: 1, ..OPTIONS });
    let (witness, admin, names) = (scene.witness(), scene.admin(), names(10));
    let mut member = scene.start("a", 1);
    scene.feeder().feed(&ring(&names, now_ms()), usize::MAX);
    scene.drain(&witness, &mut [&mut member]);
    member.terminate(ENDING);
    // Five that nobody reads, and one behind them.
    scene.feeder().feed(&ring(&names[..5], now_ms()), usize::MAX);
    let input = &scene.names.input;
    let gone = admin.ends(input, 1, true);
    scene.feeder().feed(&ring(&names[..2], now_ms())[..1], usize::MAX);
    admin.delete_records(input, &gone);
    let gap = format!("{input}:0:10-{}", gone[0]);
    gives_up(scene.start("a", 1), TOLD, &[&format!("--accept-gap {gap}"), "CreateTime", "new application id"]);
    for wrong in [format!("{input}:0:9-{}", gone[0]), format!("{input}:0:10-{}", gone[0] + 1)] {
        let member = scene.start_with("a", 1, &["--accept-gap", &wrong]);
        gives_up(
            member,
            TOLD,
            &[&format!("--accept-gap {wrong} is not what is missing"), &format!("--accept-gap {gap}")],
        );
    }
    let other = scene.start_with("a", 1, &["--accept-gap", "another:0:10-15"]);
    gives_up(other, TOLD, &["another:0:10-15: the topic is not one of the inputs"]);
    let mut member = scene.start_with("a", 1, &["--accept-gap", &gap, "--listen", "127.0.0.1:0"]);
    let address = address(&mut member);
    scene.drain(&witness, &mut [&mut member]);
    assert!(member.told().contains("records are gone and are passed over"), "{}", member.told());
    assert_eq!(metric(&address, "clout_records_passed_over_total"), (gone[0] - 10) as f64);
    let gaps: Vec<i64> = {
        let seen = witness.seen();
        seen.journals[&0].iter().flat_map(|record| record.gaps.iter().map(|gap| gap.next)).collect()
    };
    assert_eq!(gaps, gone);
    member.kill();
    // From the checkpoint before the gap, which is the only one, and without the flag.
    let mut member = scene.start("a", 1);
    scene.drain(&witness, &mut [&mut member]);
    scene.feeder().feed(&ring(&names, now_ms()), usize::MAX);
    scene.drain(&witness, &mut [&mut member]);
    member.terminate(ENDING);
}

#[test]
fn records_behind_an_open_transaction_are_told_as_lag() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker.brokers(), &Options { partitions: 1, ..OPTIONS });
    let mut member = scene.start_with("a", 1, &["--listen", "127.0.0.1:0"]);
    let address = address(&mut member);
    let witness = scene.witness();
    let names = names(10);
    scene.feeder().feed(&ring(&names, now_ms()), usize::MAX);
    scene.drain(&witness, &mut [&mut member]);
    assert_eq!(metric(&address, "clout_shard_unreadable_records"), 0.0);
    let hangs: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", broker.brokers())
        .set("transactional.id", &scene.id)
        .create()
        .expect("a producer");
    hangs.init_transactions(TOLD).expect("the broker answers");
    hangs.begin_transaction().expect("it begins");
    hangs
        .send(BaseRecord::<str, str>::to(&scene.names.input).key("ana").payload("{}").partition(0))
        .expect("there is room");
    hangs.flush(TOLD).expect("it is stored");
    scene.feeder().feed(&ring(&names, now_ms()), usize::MAX);
    wait_until("it is told", TOLD, || metric(&address, "clout_shard_unreadable_records") >= 11.0);
    wait_until("it lags", TOLD, || metric(&address, "clout_shard_lag_seconds") >= 5.0);
    hangs.abort_transaction(TOLD).expect("it ends");
    wait_until("it lags no more", TOLD, || {
        metric(&address, "clout_shard_unreadable_records") + metric(&address, "clout_shard_lag_seconds") == 0.0
    });
    member.terminate(ENDING);
}

/// Another application's consumer, by its name and the assignor's.
fn stranger(broker: &Broker, group: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", broker.brokers())
        .set("group.id", group)
        .set("client.id", "billing")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("partition.assignment.strategy", "range")
        .create()
        .expect("a consumer")
}

/// A process that was away for longer than its session finds others in its group.
#[test]
fn a_group_that_another_application_takes_meanwhile_is_named() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let program = &[("session.timeout.ms", "2000"), ("heartbeat.interval.ms", "500")];
    let scene = Scene::new(broker.brokers(), &Options { program, ..OPTIONS });
    let witness = scene.witness();
    let mut member = scene.start("a", 1);
    scene.feeder().feed(&ring(&names(10), now_ms()), usize::MAX);
    scene.drain(&witness, &mut [&mut member]);
    member.freeze();
    let foreign = stranger(broker, &scene.id);
    foreign.subscribe(&[&scene.names.input]).expect("it subscribes");
    wait_until("the other application has the group", TOLD, || {
        let _ = foreign.poll(Duration::from_millis(100));
        foreign.assignment().is_ok_and(|places| places.count() > 0)
    });
    member.thaw();
    let group = format!("the group {} is used by another application", scene.id);
    gives_up(member, TOLD, &[&group, "billing at ", "choose another application_id"]);
}

#[test]
fn a_group_of_another_application_is_not_joined() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker.brokers(), &OPTIONS);
    scene.feeder().feed(&ring(&names(10), now_ms()), usize::MAX);
    let foreign = stranger(broker, &scene.id);
    foreign.subscribe(&[&scene.names.input]).expect("it subscribes");
    let (mut read, until) = (0, Instant::now() + TOLD);
    while read < 10 {
        assert!(Instant::now() < until, "the other consumer reads nothing");
        read += usize::from(matches!(foreign.poll(Duration::from_millis(100)), Some(Ok(_))));
    }
    foreign.commit_consumer_state(CommitMode::Sync).expect("it commits");
    let group = format!("the group {} is used by another application", scene.id);
    gives_up(scene.start("a", 1), SOON, &[&group, "billing at ", "choose another application_id"]);
    drop(foreign);
    let left = || {
        let member = scene.start("b", 1);
        let ran = member.wait(SOON);
        ran.stderr.lines().rfind(|line| line.starts_with("error: ")).unwrap_or_default().to_owned()
    };
    wait_until("the other consumer has left", TOLD, || {
        let told = left();
        assert!(told.contains(&group), "{told}");
        told.contains("its offsets") && told.contains("choose another application_id")
    });
}
