//! `clout route` of messages of networks: each record's events once, whatever happens to whoever routes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use expect_test::expect;
use influence::Partitioner;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use testbroker::Broker;
use wire::{Encoding, EventDecoder, ProfileDecoder};

use super::route::Routing;
use crate::cluster::wait_until;
use crate::common::{Record, clout, done, read, run, topic};

/// Writes records, one behind the other, three to each partition in turn.
fn produce_all(broker: &Broker, topic: &str, partitions: i32, values: impl IntoIterator<Item = impl AsRef<[u8]>>) {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", broker.brokers()).create().expect("a producer");
    for (number, value) in (0..).zip(values) {
        let record = BaseRecord::<str, [u8]>::to(topic).partition(number / 3 % partitions).payload(value.as_ref());
        producer.send(record).expect("there is room");
    }
    producer.flush(Duration::from_secs(20)).expect("it arrives");
}

/// The samples of networks, if they are there.
fn samples() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("CLOUT_DATA").map_or(beside, PathBuf::from).join("networks");
    let is_there = folder.exists();
    let is_required = std::env::var("CLOUT_DATA_REQUIRED").is_ok_and(|value| value == "1");
    assert!(is_there || !is_required, "{} is not there; name its folder by CLOUT_DATA", folder.display());
    if !is_there {
        eprintln!("skipped: {} is not there; name its folder by CLOUT_DATA", folder.display());
    }
    is_there.then_some(folder)
}

/// What each event says, with how often it is there. Each lies where its actor does.
fn events(records: &[Record], partitions: u16) -> BTreeMap<String, usize> {
    let mut decoder = EventDecoder::new(Encoding::Protobuf, None);
    let mut found = BTreeMap::new();
    for record in records {
        let event = decoder.decode(&record.value).expect("an event");
        assert_eq!(record.key, event.actor.as_bytes());
        assert_eq!(record.partition, Partitioner::Murmur2.partition(event.actor, partitions));
        *found.entry(format!("{} {} {}", event.actor, event.kind.word(), event.target)).or_default() += 1;
    }
    found
}

#[test]
fn samples_give_what_replay_reads_in_them() {
    let _room = crate::waits();
    let (Some(broker), Some(samples)) = (Broker::shared(), samples()) else { return };
    for (name, words) in [
        ("bluesky-jetstream.jsonl", "bluesky"),
        ("activitystreams2-and-bluesky-objects.jsonl", "bluesky:activitypub"),
        ("mastodon-api.jsonl", "mastodon"),
        ("mastodon-streaming.txt", "mastodon"),
        ("x-v1.1.jsonl", "x"),
        ("x-v2.json", "x"),
        ("github-events.jsonl", "github"),
        ("github-webhooks.jsonl", "github"),
    ] {
        let path = samples.join(name);
        let text = std::fs::read_to_string(&path).expect("a sample");
        let (from, to, letters) = (topic(broker, "raw", 1), topic(broker, "events", 3), topic(broker, "letters", 1));
        match name.ends_with(".json") {
            true => produce_all(broker, &from, 1, [&text]),
            false => produce_all(broker, &from, 1, text.lines()),
        }
        let source = format!("{from}:{words}");
        let told =
            done(broker, &["route", "--from", &source, "--to", &to, "--dead-letters", &letters, "--once"]).stderr;
        let routed: Vec<&str> = told.lines().filter(|line| line.contains(" message")).collect();
        let replayed = done(broker, &["replay", path.to_str().expect("a path"), "--top", "0"]).stderr;
        let replayed: Vec<&str> = replayed.lines().filter_map(|line| line.strip_prefix("network   ")).collect();
        assert_eq!(routed, replayed, "{name}: {told}");
        let written = read(broker, &to);
        assert!(told.contains(&format!(", {} event", written.len())), "{name}: {told}");
        assert!(!events(&written, 3).is_empty(), "{name}");
        assert_eq!(read(broker, &letters).len(), 0, "{name}");
    }
}

/// A line of Jetstream, so many seconds after 2026-01-01.
fn line(second: usize, did: &str, kind: &str, what: &str) -> String {
    let micros = (1_767_225_600 + second) * 1_000_000;
    format!(r#"{{"did":"{did}","time_us":{micros},"kind":"{kind}","{kind}":{what}}}"#)
}

fn commit(second: usize, did: &str, operation: &str, collection: &str, rkey: &str, record: &str) -> String {
    let record = if record.is_empty() { String::new() } else { format!(r#","record":{record}"#) };
    let what = format!(r#"{{"operation":"{operation}","collection":"app.bsky.{collection}","rkey":"{rkey}"{record}}}"#);
    line(second, did, "commit", &what)
}

/// Each person follows somebody, and ends that much later; between these somebody else likes a post.
fn messages(numbers: Range<usize>) -> impl Iterator<Item = String> {
    numbers.map(|number| {
        let did = format!("did:plc:u{}", number / 3);
        let subject = format!("did:plc:v{}", number / 3);
        match number % 3 {
            0 => commit(number, &did, "create", "graph.follow", "f", &format!(r#"{{"subject":"{subject}"}}"#)),
            1 => {
                let post = format!(r#"{{"subject":{{"uri":"at://{subject}/app.bsky.feed.post/1"}}}}"#);
                commit(number, &did, "create", "feed.like", "l", &post)
            }
            // The follow of somebody who came long before.
            _ => {
                let number = (number / 3).saturating_sub(1_500);
                commit(number, &format!("did:plc:u{number}"), "delete", "graph.follow", "f", "")
            }
        }
    })
}

#[test]
fn killed_again_and_again_it_writes_each_event_once_and_knows_what_was_said_before() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (from, to, letters) = (topic(broker, "raw", 2), topic(broker, "events", 3), topic(broker, "letters", 1));
    let source = format!("{from}:bluesky");
    let arguments =
        ["route", "--from", &source, "--to", &to, "--dead-letters", &letters, "--kafka", "session.timeout.ms=1500"];
    const ROUND: usize = 6_000;
    for round in 0..4 {
        produce_all(broker, &from, 2, messages(round * ROUND..(round + 1) * ROUND));
        let mut command = clout(broker, &arguments);
        let mut routing = Routing(command.stderr(Stdio::null()).spawn().expect("it starts"));
        if round % 2 == 0 {
            // In the middle of something.
            std::thread::sleep(Duration::from_millis(1_200));
        } else {
            let before = read(broker, &to).len();
            wait_until("it goes on", Duration::from_secs(60), || read(broker, &to).len() > before);
        }
        routing.0.kill().expect("it is killed");
    }
    done(broker, &[&arguments[..], &["--once"]].concat());
    let found = events(&read(broker, &to), 3);
    assert_eq!(found.values().filter(|times| **times != 1).count(), 0, "an event came twice");
    let of = |kind: &str| found.keys().filter(|event| event.contains(&format!(" {kind} "))).count();
    // Each follow has ended whose turn it was; that of the first one was deleted again and again, and counts once.
    let people = 4 * ROUND / 3;
    assert_eq!((of("follow"), of("like"), of("unfollow")), (people, people, people - 1_500));
    assert_eq!(read(broker, &letters).len(), 0);
}

#[test]
fn what_cannot_be_read_is_a_dead_letter_and_the_rest_is_counted() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (from, to, letters) = (topic(broker, "raw", 1), topic(broker, "events", 1), topic(broker, "letters", 1));
    let accounts = topic(broker, "accounts", 1);
    let account = |second, what: &str| line(second, "did:plc:a", "account", what);
    let follow = commit(1, "did:plc:a", "create", "graph.follow", "f", r#"{"subject":"did:plc:b"}"#);
    let star = r#"{"id":"1","type":"WatchEvent","actor":{"id":1,"login":"a"},"repo":{"id":2,"name":"b/c"},"payload":{"action":"started"},"org":{"id":3,"login":"b"},"created_at":"2026-01-01T00:00:00Z"}"#;
    let records = [
        follow.clone(),
        "{\"broken\"".to_owned(),
        follow,
        account(2, r#"{"active":false,"status":"suspended"}"#),
        star.to_owned(),
        r#"{"something":"else"}"#.to_owned(),
        commit(3, "did:plc:a", "delete", "graph.follow", "f", ""),
        account(4, r#"{"active":true}"#),
    ];
    produce_all(broker, &from, 1, &records[..5]);
    let (source, input) = (format!("{from}:bluesky"), format!("{accounts}:profiles:json"));
    let arguments = ["route", "--from", &source, "--to", &to, "--dead-letters", &letters, "--input", &input, "--once"];
    let told = |arguments: &[&str]| {
        let told = done(broker, arguments).stderr;
        told.replace(&from, "FROM").replace(&to, "TO").replace(&accounts, "ACCOUNTS")
    };
    expect![[r#"
        Bluesky: 3 messages: 1 follow; skipped: repeated 1
        GitHub: 1 message: no acts; skipped: of another network 1
        no network: 1 message: no acts; skipped: malformed 1
        routed 5 records from FROM to TO, 1 event, 1 profile to ACCOUNTS, 1 dead letter (the first: FROM[0]@1 is neither JSON nor a row of a dump)
    "#]]
    .assert_eq(&told(&arguments));
    // Another process knows whom the follow was of, and that the account was suspended.
    produce_all(broker, &from, 1, &records[5..]);
    expect![[r#"
        Bluesky: 2 messages: 1 unfollow
        no network: 1 message: no acts; skipped: not recognised 1
        routed 3 records from FROM to TO, 1 event, 1 profile to ACCOUNTS, 0 dead letters
    "#]]
    .assert_eq(&told(&arguments));
    let mut decoder = ProfileDecoder::new(Encoding::Json);
    let trusts: Vec<Option<f64>> =
        read(broker, &accounts).iter().map(|record| decoder.decode(&record.value).expect("a profile").trust).collect();
    assert_eq!(trusts, [Some(0.0), Some(1.0)]);
    let letter = read(broker, &letters).pop().expect("a dead letter");
    assert_eq!(letter.value, b"{\"broken\"");
    // One that does not look back does not.
    let group = format!("{from}-again");
    let again = [&arguments[..], &["--group", &group, "--look-back", "0"]].concat();
    assert!(told(&again).contains("Bluesky: 5 messages: 1 follow, 1 unfollow; skipped: repeated 1\n"));
    produce_all(broker, &from, 1, [commit(5, "did:plc:a", "delete", "graph.follow", "f", "")]);
    assert!(told(&again).contains("Bluesky: 1 message: no acts\n"));
}

#[test]
fn what_is_of_another_network_is_told_and_options_of_messages_need_a_network() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (from, to, letters) = (topic(broker, "raw", 1), topic(broker, "events", 1), topic(broker, "letters", 1));
    let follow = commit(1, "did:plc:a", "create", "graph.follow", "f", r#"{"subject":"did:plc:b"}"#);
    produce_all(broker, &from, 1, [follow]);
    let ran = |words: &str, more: &[&str]| {
        let source = format!("{from}{words}");
        let arguments = ["route", "--from", &source, "--to", &to, "--dead-letters", &letters, "--once"];
        let ran = run(broker, &[&arguments[..], more].concat());
        format!("{:?}: {}", ran.code, ran.stderr.replace(&from, "FROM").replace(&to, "TO"))
    };
    expect![[r#"
        Some(2): error: --site is for messages of networks: say of which, as in --from TOPIC:bluesky
    "#]]
    .assert_eq(&ran("", &["--site", "mathoverflow.net"]));
    expect![[r#"
        Some(1): Bluesky: 1 message: no acts; skipped: of another network 1
        routed 1 record from FROM to TO, 0 events, 0 dead letters
        error: none of the 1 message of FROM is of Mastodon or GitHub: see that --from says of which networks they are; what they are of is told above
    "#]]
    .assert_eq(&ran(":mastodon:github", &[]));
}

#[test]
fn a_route_that_listens_tells_what_came_of_messages() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (from, to, letters) = (topic(broker, "raw", 1), topic(broker, "events", 1), topic(broker, "letters", 1));
    produce_all(broker, &from, 1, messages(0..30));
    let source = format!("{from}:bluesky");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    let listen = port.to_string();
    let arguments = ["route", "--from", &source, "--to", &to, "--dead-letters", &letters, "--listen", &listen];
    let mut command = clout(broker, &arguments);
    let _routing = Routing(command.stderr(Stdio::null()).spawn().expect("it starts"));
    let get = |path: &str| {
        use std::io::{Read, Write};
        let mut answer = String::new();
        let Ok(mut stream) = std::net::TcpStream::connect(port) else { return answer };
        let asked = write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        if asked.is_ok() {
            _ = stream.read_to_string(&mut answer);
        }
        answer
    };
    wait_until("all is counted", Duration::from_secs(60), || {
        let text = get("/metrics");
        [
            "clout_message_acts_total{network=\"bluesky\",kind=\"follow\"} 10\n".to_owned(),
            "clout_message_acts_total{network=\"bluesky\",kind=\"like\"} 10\n".to_owned(),
            "clout_message_acts_total{network=\"bluesky\",kind=\"unfollow\"} 1\n".to_owned(),
            "clout_messages_skipped_total{network=\"bluesky\",reason=\"repeated\"} 9\n".to_owned(),
            format!("clout_route_read_records_total{{topic=\"{from}\"}} 30\n"),
        ]
        .iter()
        .all(|line| text.contains(line.as_str()))
    });
    assert!(get("/health/ready").starts_with("HTTP/1.1 200 "), "{}", get("/health/ready"));
}
