//! `clout feed`: every event once, in the partition of its actor, in order; and what it does when it cannot.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use expect_test::expect;
use influence::Partitioner;
use testbroker::Broker;
use wire::{Encoding, EventDecoder};

use crate::common::{Scratch, done, read, run, topic, unique};

fn log(events: usize) -> Scratch {
    let line = |n: usize| format!("u{} v{} {} {}\n", n % 97, n % 31, 1_577_836_800 + n, ["RT", "MT", "RE"][n % 3]);
    Scratch::new("log.txt", &(0..events).map(line).collect::<String>())
}

#[test]
fn every_event_lies_in_the_partition_of_its_actor_in_order() {
    let Some(broker) = Broker::shared() else { return };
    let (events, log) = (topic(broker, "feed", 3), log(1000));
    done(broker, &["feed", log.path(), "--topic", &events, "--timestamps", "event", "--quiet"]);
    let mut seen: BTreeMap<String, i64> = BTreeMap::new();
    let mut decoder = EventDecoder::new(Encoding::Protobuf, None);
    let records = read(broker, &events);
    assert_eq!(records.len(), 1000);
    for record in &records {
        let event = decoder.decode(&record.value).expect("an event");
        assert_eq!(record.key, event.actor.as_bytes());
        assert_eq!(record.partition, Partitioner::Murmur2.partition(event.actor, 3));
        assert_eq!(record.at, event.at);
        let last = seen.insert(event.actor.to_owned(), event.at);
        assert!(last.is_none_or(|last| last < event.at), "{} goes back", event.actor);
    }
}

#[test]
fn kinds_go_to_topics_of_their_own_as_json() {
    let Some(broker) = Broker::shared() else { return };
    let (retweets, others, log) = (topic(broker, "retweets", 2), topic(broker, "others", 2), log(30));
    let to_retweets = format!("retweet={retweets}");
    let arguments = ["feed", log.path(), "--topic", &to_retweets, "--topic", &others, "--encoding", "json", "--quiet"];
    done(broker, &arguments);
    assert_eq!((read(broker, &retweets).len(), read(broker, &others).len()), (10, 20));
    let first = read(broker, &retweets).into_iter().min_by_key(|record| record.value.clone()).expect("a record");
    let text = String::from_utf8(first.value).expect("text");
    expect![[r#"{"actor":"u0","target":"v0","at":1577836800000,"kind":"retweet"}"#]].assert_eq(&text);
}

#[test]
fn a_rate_and_a_pace_are_kept() {
    let Some(broker) = Broker::shared() else { return };
    let (events, log) = (topic(broker, "paced", 1), log(21));
    for pace in [["--rate", "20"], ["--pace", "20"]] {
        let began = Instant::now();
        done(broker, &[&["feed", log.path(), "--topic", &events][..], &pace].concat());
        assert!(began.elapsed() >= Duration::from_secs(1), "{pace:?} took {:?}", began.elapsed());
    }
}

#[test]
fn what_cannot_be_fed_is_told() {
    let Some(broker) = Broker::shared() else { return };
    let (events, log) = (topic(broker, "few", 1), log(3));
    let told = |arguments: &[&str]| {
        let ran = run(broker, arguments);
        let said = ran.stderr.replace(&events, "EVENTS").replace(log.path(), "log.txt");
        format!("{}: {said}", ran.code.expect("an exit code"))
    };
    expect![[r#"
        #: error: topic missing-## is missing: make what is the application's own with `clout topics create`, the inputs as well with --inputs
    "#]].assert_eq(
        &told(&["feed", log.path(), "--topic", &unique("missing")])
            .replace(&format!("-{}-", std::process::id()), "-")
            .replace(|letter: char| letter.is_ascii_digit(), "#"),
    );
    expect![[r#"
        1: error: no --topic is given for events of the kind retweet: give one, or one for all
    "#]]
    .assert_eq(&told(&["feed", log.path(), "--topic", &format!("reply={events}"), "--quiet"]));
    expect![[r#"
        2: error: cannot read /nowhere: No such file or directory (os error 2)
    "#]]
    .assert_eq(&told(&["feed", "/nowhere", "--topic", &events]));
    expect![[r#"
        2: error: the property linger is not accepted: No such configuration property: "linger"
    "#]]
    .assert_eq(&told(&["feed", log.path(), "--topic", &events, "--kafka", "linger=3"]));
}
