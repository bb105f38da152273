//! `clout route`: each record once, under its key, whatever happens to whoever routes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use expect_test::expect;
use influence::Partitioner;
use testbroker::Broker;
use wire::{Encoding, EventDecoder};

use crate::common::{Record, Scratch, clout, done, produce, read, run, topic};

/// Records in which number and order are what counts.
fn events(broker: &Broker, topic: &str, numbers: Range<usize>) {
    let line = |n: usize| format!("u{} v{n} {} RT\n", n % 13, 1_577_836_800 + n);
    let log = Scratch::new("log.txt", &numbers.map(line).collect::<String>());
    // Keyed for another number of partitions, as librdkafka does it.
    done(
        broker,
        &["feed", log.path(), "--topic", topic, "--partitioner", "consistent", "--encoding", "json", "--quiet"],
    );
}

/// Every event lies where its actor does, and each comes exactly once.
fn check(records: &[Record], partitions: u16, count: usize) {
    let mut decoder = EventDecoder::new(Encoding::Json, None);
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for record in records {
        let event = decoder.decode(&record.value).expect("an event");
        assert_eq!(record.key, event.actor.as_bytes());
        assert_eq!(record.partition, Partitioner::Murmur2.partition(event.actor, partitions));
        *times.entry(event.target.to_owned()).or_default() += 1;
    }
    assert_eq!(times.values().filter(|times| **times != 1).count(), 0, "an event came twice");
    assert_eq!(times.len(), count);
}

#[test]
fn records_are_keyed_and_what_is_none_is_kept() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (from, to, letters) = (topic(broker, "raw", 2), topic(broker, "keyed", 3), topic(broker, "letters", 1));
    events(broker, &from, 0..100);
    produce(broker, &from, 1, b"some key", b"no event");
    let source = format!("{from}:json");
    let arguments = ["route", "--from", &source, "--to", &to, "--dead-letters", &letters, "--once"];
    let told = done(broker, &arguments).stderr.replace(&from, "FROM").replace(&to, "TO");
    expect![[r#"
        routed 100 records from FROM to TO, 1 dead letter
    "#]]
    .assert_eq(&told);
    check(&read(broker, &to), 3, 100);
    let letter = read(broker, &letters).pop().expect("a dead letter");
    assert_eq!((&letter.key[..], &letter.value[..]), (&b"some key"[..], &b"no event"[..]));
    let headers = letter.headers.iter().map(|(name, value)| format!("{name}={value}\n")).collect::<String>();
    expect![[r#"
        __connect.errors.topic=FROM
        __connect.errors.partition=1
        __connect.errors.offset=53
        __connect.errors.stage=VALUE_CONVERTER
        __connect.errors.exception.class.name=clout.Malformed
        __connect.errors.exception.message=is not a JSON object
    "#]]
    .assert_eq(&headers.replace(&from, "FROM"));
    // A second time there is nothing to do.
    done(broker, &arguments);
    check(&read(broker, &to), 3, 100);
}

/// Ends the process, if the test does.
struct Routing(Child);

impl Drop for Routing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn killed_again_and_again_it_writes_each_record_once() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (from, to, letters) = (topic(broker, "raw", 2), topic(broker, "keyed", 3), topic(broker, "letters", 1));
    let source = format!("{from}:json");
    let arguments =
        ["route", "--from", &source, "--to", &to, "--dead-letters", &letters, "--kafka", "session.timeout.ms=1500"];
    for round in 0..3 {
        events(broker, &from, round * 5000..(round + 1) * 5000);
        let mut command = clout(broker, &arguments);
        let mut routing = Routing(command.stderr(Stdio::null()).spawn().expect("it starts"));
        std::thread::sleep(Duration::from_millis(1200));
        routing.0.kill().expect("it is killed");
    }
    let began = Instant::now();
    done(broker, &[&arguments[..], &["--once"]].concat());
    assert!(began.elapsed() < Duration::from_secs(30), "it took {:?}", began.elapsed());
    check(&read(broker, &to), 3, 3 * 5000);
}

#[test]
fn what_cannot_be_routed_is_told() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let from = topic(broker, "raw", 1);
    let told = |arguments: &[&str]| {
        let ran = run(broker, arguments);
        format!("{}: {}", ran.code.expect("an exit code"), ran.stderr.replace(&from, "FROM"))
    };
    expect![[r#"
        2: error: --from and --to are both FROM: name another topic
    "#]]
    .assert_eq(&told(&["route", "--from", &from, "--to", &from]));
    expect![[r#"
        2: error: topics nowhere-to-go, clout-dead-letters are missing: make what is the application's own with `clout topics create`, the inputs as well with --inputs
    "#]].assert_eq(&told(&["route", "--from", &from, "--to", "nowhere-to-go"]));
    expect![[r#"
        2: error: invalid value 'FROM:yaml' for '--from <TOPIC[:WORD...]>': "yaml" is none of events, profiles, protobuf, json, confluent, nor a kind of events

        For more information, try '--help'.
    "#]].assert_eq(&told(&["route", "--from", &format!("{from}:yaml"), "--to", "there"]));
}
