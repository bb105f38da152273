//! `clout feed`: every event once, in the partition of its actor, in order; and what it does when it cannot.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use expect_test::expect;
use influence::Partitioner;
use testbroker::Broker;
use wire::{Encoding, EventDecoder, ProfileDecoder};

use crate::common::{Scratch, connection, done, read, run, topic, unique};

fn log(events: usize) -> Scratch {
    let line = |n: usize| format!("u{} v{} {} {}\n", n % 97, n % 31, 1_577_836_800 + n, ["RT", "MT", "RE"][n % 3]);
    Scratch::new("log.txt", &(0..events).map(line).collect::<String>())
}

#[test]
fn every_event_lies_in_the_partition_of_its_actor_in_order() {
    let _room = crate::waits();
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
    let _room = crate::waits();
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
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (events, log) = (topic(broker, "paced", 1), log(21));
    for pace in [["--rate", "20"], ["--speed", "20s"]] {
        let began = Instant::now();
        done(broker, &[&["feed", log.path(), "--topic", &events][..], &pace].concat());
        assert!(began.elapsed() >= Duration::from_secs(1), "{pace:?} took {:?}", began.elapsed());
    }
}

#[test]
fn what_cannot_be_fed_is_told() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (events, log) = (topic(broker, "few", 1), log(3));
    let told = |arguments: &[&str]| {
        let ran = run(broker, arguments);
        let said = ran.stderr.replace(&events, "EVENTS").replace(log.path(), "log.txt");
        format!("{}: {said}", ran.code.expect("an exit code"))
    };
    let nowhere = unique("of-no-such-name");
    expect![[r#"
        2: error: topic NOWHERE is missing: it is no input of the configuration; name an input, or make the topic with `kafka-topics.sh --create --topic NOWHERE --partitions NUMBER`
    "#]].assert_eq(&told(&["feed", log.path(), "--topic", &nowhere]).replace(&nowhere, "NOWHERE"));
    let input = format!("{events}:json");
    expect![[r#"
        2: error: topic EVENTS is read as JSON, as the configuration says, and protobuf is to go there: leave --encoding out, or mend `encoding` of this input
    "#]]
    .assert_eq(&told(&["feed", log.path(), "--input", &input, "--encoding", "protobuf"]));
    let framed = told(&["feed", log.path(), "--input", &format!("{input}:confluent")]);
    assert!(framed.starts_with("2: error: topic EVENTS is read in the Confluent wire format"), "{framed}");
    let missing = unique("absent");
    let told_of_input = told(&["feed", log.path(), "--input", &missing]);
    assert!(told_of_input.contains("`clout topics create --inputs` makes it"), "{told_of_input}");
    expect![[r#"
        1: error: no --topic is given for events of the kind retweet: give one, or one for all
    "#]]
    .assert_eq(&told(&["feed", log.path(), "--topic", &format!("reply={events}"), "--quiet"]));
    expect![[r#"
        2: error: cannot read /nowhere: No such file or directory (os error 2)
    "#]]
    .assert_eq(&told(&["feed", "/nowhere", "--topic", &events]));
    expect![[r#"
        2: error: --kafka: librdkafka has no property for kafka.linger: did you mean kafka.linger.ms?
    "#]]
    .assert_eq(&told(&["feed", log.path(), "--topic", &events, "--kafka", "linger=3"]));
}

#[test]
fn profiles_go_to_their_topic_by_user() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (accounts, log) = (topic(broker, "accounts", 3), log(10));
    let text = "{\"user\":\"ana\",\"opted_out\":true}\n{\"user\":\"bo\",\"trust\":0.5}\n";
    let profiles = Scratch::new("profiles.json", text);
    let input = format!("{accounts}:profiles:json");
    let said = done(broker, &["feed", "--profiles", profiles.path(), "--input", &input]).stderr;
    assert!(said.contains(&format!("fed 2 profiles to {accounts} in ")), "{said}");
    let mut records = read(broker, &accounts);
    records.sort_by(|a, b| a.key.cmp(&b.key));
    for (record, user) in records.iter().zip(["ana", "bo"]) {
        assert_eq!(
            (record.key.as_slice(), record.partition),
            (user.as_bytes(), Partitioner::Murmur2.partition(user, 3))
        );
    }
    let values: Vec<_> = records.iter().map(|record| String::from_utf8_lossy(&record.value)).collect();
    assert_eq!(values, [r#"{"user":"ana","opted_out":true}"#, r#"{"user":"bo","trust":0.5}"#]);

    // With events, into both topics at once, in protobuf.
    let events = topic(broker, "events", 1);
    let arguments =
        ["feed", log.path(), "--profiles", profiles.path(), "--input", &events, "--profiles-topic", &accounts];
    let said = done(broker, &arguments).stderr;
    assert!(said.contains(&format!("fed 2 profiles and 10 events to {events}, {accounts} in ")), "{said}");
    let mut decoder = ProfileDecoder::new(Encoding::Protobuf);
    let records = read(broker, &accounts);
    let mut trusts: Vec<_> = records.iter().filter(|record| !record.value.starts_with(b"{")).collect();
    trusts.sort_by(|a, b| a.key.cmp(&b.key));
    let trusts: Vec<_> = trusts.iter().map(|record| decoder.decode(&record.value).expect("a profile").trust).collect();
    assert_eq!(trusts, [None, Some(0.5)]);
}

#[test]
fn a_topic_that_holds_something_else_is_refused() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (accounts, events, log) = (topic(broker, "accounts", 1), topic(broker, "events", 1), log(5));
    let profiles = Scratch::new("profiles.json", "{\"user\":\"ana\",\"opted_out\":true}\n");
    let holds = format!("{accounts}:profiles");
    let told = |arguments: &[&str]| {
        let ran = run(broker, &[&["feed", "--input", &events], arguments].concat());
        let said = ran.stderr.replace(&accounts, "ACCOUNTS").replace(&events, "EVENTS");
        format!("{}: {said}", ran.code.expect("an exit code"))
    };
    for topics in [&accounts, &format!("reply={accounts}")] {
        expect![[r#"
            2: error: topic ACCOUNTS holds profiles, as the configuration says, and events are to go there: give profiles by --profiles FILE, or mend `holds` of this input
        "#]]
        .assert_eq(&told(&["--input", &holds, log.path(), "--topic", topics]));
    }
    expect![[r#"
        2: error: topic EVENTS holds events, as the configuration says, and profiles are to go there: name another one by --profiles-topic, or mend `holds` of this input
    "#]]
    .assert_eq(&told(&["--profiles", profiles.path(), "--profiles-topic", &events]));
    expect![[r#"
        2: error: no input of the configuration holds profiles: name their topic by --profiles-topic
    "#]]
    .assert_eq(&told(&["--profiles", profiles.path()]));
    assert!(read(broker, &accounts).is_empty());

    // What an application writes itself nobody else may, whichever application asks.
    let app = unique("owner");
    done(broker, &["topics", "create", "--application-id", &app, "--input", &events]);
    for own in ["exchange", "journal", "scores", "dead-letters"].map(|what| format!("{app}-{what}")) {
        for asking in [app.as_str(), "clout"] {
            let said = told(&["--application-id", asking, log.path(), "--topic", &own]);
            let expected = format!("2: error: topic {own} is one that the application {app} writes itself");
            assert!(said.starts_with(&expected), "{said}");
        }
        assert!(read(broker, &own).is_empty(), "{own}");
    }
    let named = format!("{}-scores", unique("game"));
    kafka::Admin::connect(&connection(broker)).and_then(|admin| admin.create(&named, 1, None, &[])).expect("a topic");
    assert!(told(&[log.path(), "--topic", &named]).starts_with("0: "), "an application of this name has no journal");
}

#[test]
fn a_feed_of_nothing_is_told_unless_that_is_meant() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (events, empty, table) =
        (topic(broker, "nothing", 1), Scratch::new("empty", ""), Scratch::new("table.csv", "actor,target,at\n"));
    for log in [&empty, &table] {
        let ran = run(broker, &["feed", log.path(), "--topic", &events]);
        let expected = format!(
            "error: there is no event in {}: --accept-loss takes it for a time in which nothing has happened; nothing is fed\n",
            log.path()
        );
        assert!(ran.code == Some(1) && ran.stderr.ends_with(&expected), "{:?}: {}", ran.code, ran.stderr);
        done(broker, &["feed", log.path(), "--topic", &events, "--accept-loss"]);
    }
}

#[test]
fn history_is_told_that_it_moves_no_score_by_the_wall_clock() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (events, log) = (topic(broker, "old", 1), log(5));
    let warning = "warning: all events so far are older than the window of 180 days: they count as received and move no \
                   score; for history set clock = \"event\"\n";
    let fed = |log: &Scratch| {
        done(broker, &["feed", log.path(), "--topic", &events, "--topic", &format!("reply={events}")]).stderr
    };
    let said = fed(&log);
    assert!(said.contains(warning), "{said}");
    assert!(said.contains(&format!("to {events} in ")), "a topic is named once: {said}");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_secs();
    let recent = Scratch::new("recent.txt", &format!("a b 1577836800 RT\na b {now} RT\n"));
    let said = fed(&recent);
    assert!(!said.contains("warning"), "one is recent: {said}");
    let event_clock = Scratch::new("clout.toml", "clock = \"event\"");
    let said = done(broker, &["feed", log.path(), "--topic", &events, "--config", event_clock.path()]).stderr;
    assert!(!said.contains("warning"), "{said}");
}

#[test]
fn messages_of_networks_become_events_with_ids_and_profiles() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (events, accounts) = (topic(broker, "events", 2), topic(broker, "accounts", 2));
    let like = r#"{"did":"did:plc:bo","time_us":1767225600000000,"kind":"commit","commit":{"operation":"create","collection":"app.bsky.feed.like","rkey":"1","record":{"subject":{"uri":"at://did:plc:ana/app.bsky.feed.post/x"}}}}"#;
    let gone = r#"{"did":"did:plc:cy","time_us":1767225600000000,"kind":"account","account":{"active":false,"status":"takendown"}}"#;
    let log = Scratch::new("jetstream.ndjson", &[like, gone, like].join("\n"));
    let arguments = ["feed", log.path(), "--topic", &events, "--encoding", "json", "--profiles-topic", &accounts];
    let said = done(broker, &arguments).stderr;
    assert!(said.contains("Bluesky: 3 messages: 1 like; skipped: repeated 1\n"), "{said}");
    assert!(said.contains(&format!("fed 1 profile and 1 event to {events}, {accounts} in ")), "{said}");
    let values = |topic: &str| -> Vec<String> {
        read(broker, topic).into_iter().map(|record| String::from_utf8(record.value).expect("text")).collect()
    };
    expect![[r#"
        [
            "{\"actor\":\"bluesky:did:plc:bo\",\"target\":\"bluesky:did:plc:ana\",\"at\":1767225600000,\"kind\":\"like\",\"id\":\"bluesky:did:plc:bo/app.bsky.feed.like/1\"}",
        ]
    "#]]
    .assert_debug_eq(&values(&events));
    assert_eq!(values(&accounts), [r#"{"user":"bluesky:did:plc:cy","trust":0.0}"#]);

    // In protobuf the id is there as well, and without a topic of profiles they are left out.
    let others = topic(broker, "events", 1);
    let said = done(broker, &["feed", log.path(), "--topic", &others]).stderr;
    let left_out = "note: no topic takes what networks say of 1 account: --profiles-topic names one\n";
    assert!(said.contains(left_out), "{said}");
    let records = read(broker, &others);
    let mut decoder = EventDecoder::new(Encoding::Protobuf, None);
    let (event, id) = decoder.decode_with_id(&records[0].value).expect("an event");
    assert_eq!((event.actor, id), ("bluesky:did:plc:bo", "bluesky:did:plc:bo/app.bsky.feed.like/1"));
}
