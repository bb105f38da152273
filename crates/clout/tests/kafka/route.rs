//! `clout route`: each record once, under its key, whatever happens to whoever routes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::process::{Child, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use expect_test::expect;
use influence::Partitioner;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use testbroker::Broker;
use wire::{Encoding, EventDecoder};

use crate::common::{Record, Scratch, clout, connection, done, produce, read, run, topic, unique};

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
        note: the configuration has no input TO: whoever reads it has to read events in JSON
        routed 100 records from FROM to TO, 1 dead letter (the first: FROM[1]@53 is not a JSON object)
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

#[test]
fn what_readers_could_not_use_is_refused_before_anything_is_written() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (from, to, letters) = (topic(broker, "raw", 2), topic(broker, "keyed", 3), topic(broker, "letters", 1));
    events(broker, &from, 0..20);
    let route = |words: &str, input: &str| {
        let (source, input) = (format!("{from}{words}"), format!("{to}{input}"));
        let ran = run(
            broker,
            &["route", "--from", &source, "--to", &to, "--input", &input, "--dead-letters", &letters, "--once"],
        );
        format!("{}: {}", ran.code.expect("an exit code"), ran.stderr.replace(&from, "FROM").replace(&to, "TO"))
    };
    expect![[r#"
        2: error: FROM is read as events in JSON, and the configuration reads TO as events in protobuf: what is routed stays as it is written, so that no record could be used there; mend --from, or the configuration's input TO, as by --input TO:json
    "#]]
    .assert_eq(&route(":json", ""));
    for (words, input) in [(":json", ":json:confluent"), (":json:profiles", ":json"), (":confluent:json", ":json")] {
        let told = route(words, input);
        assert!(told.starts_with("2: error: FROM is read as "), "{told}");
    }
    assert_eq!((read(broker, &to).len(), read(broker, &letters).len()), (0, 0));
    expect![[r#"
        0: routed 20 records from FROM to TO, 0 dead letters
    "#]]
    .assert_eq(&route(":json", ":json"));
    check(&read(broker, &to), 3, 20);
}

#[test]
fn where_nothing_can_be_used_it_says_why_and_fails() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (from, to, letters) = (topic(broker, "raw", 1), topic(broker, "keyed", 1), topic(broker, "letters", 1));
    events(broker, &from, 0..20);
    let ran = run(broker, &["route", "--from", &from, "--to", &to, "--dead-letters", &letters, "--once"]);
    let told = ran.stderr.replace(&from, "FROM").replace(&to, "TO").replace(&letters, "LETTERS");
    assert_eq!(ran.code, Some(1), "{told}");
    let error = told.lines().last().unwrap_or_default();
    assert!(error.starts_with("error: none of the 20 records of FROM can be used (FROM[0]@0 is not "), "{told}");
    assert!(error.ends_with("they are in LETTERS; see that they are what --from says (events in protobuf)"), "{told}");
    assert_eq!(read(broker, &letters).len(), 20);
    let arguments = ["route", "--from", &from, "--to", &to, "--dead-letters", &letters, "--once"];
    done(broker, &arguments);
}

/// What is refused again comes back while dead letters are sent again: here each record makes another one.
#[test]
fn once_ends_at_the_end_as_it_was_at_the_start() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (from, to, letters) = (topic(broker, "raw", 2), topic(broker, "keyed", 3), topic(broker, "letters", 1));
    events(broker, &from, 0..100);
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", broker.brokers()).create().expect("a producer");
    let route = kafka::Route {
        from: from.clone(),
        to: to.clone(),
        dead_letters: letters,
        origin: None,
        group: unique("group"),
        instance: "0".to_owned(),
        is_once: true,
        profiles: None,
        names: None,
        look_back: 0,
    };
    let (stop, mut made) = (AtomicBool::new(false), 0);
    let target = |record: kafka::Read<'_>| {
        if made < 1_000 {
            made += 1;
            let again =
                BaseRecord::<str, [u8]>::to(&from).partition(made % 2).payload(record.value.unwrap_or_default());
            producer.send(again).expect("there is room");
            producer.flush(Duration::from_secs(10)).expect("it arrives");
        }
        kafka::Target::Key("ana".to_owned(), 0)
    };
    let routed = kafka::route(&connection(broker), &route, &stop, target, |_| {}).expect("all is well");
    assert_eq!((routed.records, read(broker, &to).len()), (100, 100));
    assert_eq!(made, 100, "each of those that were there has made another one");
    // The next one takes these, and no more.
    let next = |_: kafka::Read<'_>| kafka::Target::Key("ana".to_owned(), 0);
    assert_eq!(kafka::route(&connection(broker), &route, &stop, next, |_| {}).expect("all is well").records, 100);
}

/// Ends the process, if the test does.
pub(super) struct Routing(pub(super) Child);

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
        2: error: topic nowhere-to-go is missing: it is no input of the configuration; name an input, or make the topic with `kafka-topics.sh --create --topic nowhere-to-go --partitions NUMBER`; topic clout-dead-letters is missing: `clout topics create` makes it with all of the application clout; or name another one by --dead-letters
    "#]].assert_eq(&told(&["route", "--from", &from, "--to", "nowhere-to-go"]));
    let letters = topic(broker, "letters", 1);
    let mistyped = from.replacen("raw", "rwa", 1);
    let ran = run(broker, &["route", "--from", &mistyped, "--to", &from, "--dead-letters", &letters]);
    let expected = format!("error: topic {mistyped} is missing: did you mean ");
    assert!(ran.code == Some(2) && ran.stderr.starts_with(&expected), "{:?}: {}", ran.code, ran.stderr);
    expect![[r#"
        2: error: invalid value 'FROM:yaml' for '--from <TOPIC[:WORD...]>': "yaml" is none of events, profiles, protobuf, json, confluent, nor a kind of events, nor a network (bluesky, mastodon, activitypub, x, github, stackexchange, reddit, youtube)

        For more information, try '--help'.
    "#]].assert_eq(&told(&["route", "--from", &format!("{from}:yaml"), "--to", "there"]));
}
