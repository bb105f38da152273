//! Records that cannot be used go to the dead letters, untouched, with the headers that Kafka Connect gives them; the
//! application goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::message::{Headers, Message};
use rdkafka::topic_partition_list::Offset;
use testbroker::Broker;
use vocabulary::{Event, Kind};
use wire::encode_event;

use crate::cluster::{Events, Expected, Options, Scene, verify};

/// 2100-01-01, in milliseconds.
const FAR: i64 = 4_102_444_800_000;
const WHILE: i64 = 1_341_100_972_000;

/// A record that cannot be used, and what is said of it.
struct Poison {
    partition: u16,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    stage: &'static str,
    class: &'static str,
    message: String,
}

fn event(actor: &str, target: &str, at: i64) -> Vec<u8> {
    let mut value = Vec::new();
    encode_event(&Event { actor, target, kind: Kind::Retweet, at }, &mut value);
    value
}

fn malformed(value: Option<&[u8]>, message: &str) -> Poison {
    Poison {
        partition: 1,
        key: Some(b"ana".to_vec()),
        value: value.map(<[u8]>::to_vec),
        stage: "VALUE_CONVERTER",
        class: "clout.Malformed",
        message: message.to_owned(),
    }
}

fn poisons(scene: &Scene) -> Vec<Poison> {
    let long = "x".repeat(513);
    let home = scene.shard_of("ana");
    let elsewhere = (home + 1) % scene.partitions;
    let transformed = |partition, value, class, message| Poison {
        partition,
        key: None,
        value: Some(value),
        stage: "TRANSFORMATION",
        class,
        message,
    };
    vec![
        malformed(Some(b"\xff\xffnot a message"), "is not the protobuf message expected: "),
        malformed(Some(b""), "has no actor"),
        malformed(None, "has no actor"),
        malformed(Some(&event("ana", &long, WHILE)), "name of 513 bytes is longer than 512"),
        malformed(Some(&event("ana\n", "bo", WHILE)), "name \"ana\\n\" contains the control character U+000A"),
        transformed(home, event("ana", "bo", FAR), "clout.Future", "time 2100-01-01T00:00:00Z lies ".to_owned()),
        transformed(
            elsewhere,
            event("ana", "bo", WHILE),
            "clout.Misrouted",
            format!("user \"ana\" belongs to partition {home}: the topic must be keyed by user, with this partitioner"),
        ),
    ]
}

#[test]
fn poison_is_put_aside_and_the_rest_is_counted() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let events = Events::generated(4_000, 100);
    let acts = events.acts();
    let scene = Scene::new(broker.brokers(), &Options { epoch: "5ms", ..Options::default() });
    let (witness, feeder) = (scene.witness(), scene.feeder());
    let mut member = scene.start("a", 1);
    feeder.feed(&acts[..1_000], usize::MAX);
    let mut expected = BTreeMap::new();
    for poison in poisons(&scene) {
        let before = scene.admin().ends(&scene.names.input, scene.partitions, true);
        feeder.send_raw(poison.partition, poison.key.as_deref(), poison.value.as_deref());
        feeder.flush();
        expected.insert((poison.partition, before[usize::from(poison.partition)]), poison);
    }
    feeder.feed(&acts[1_000..], usize::MAX);
    scene.drain(&witness, &mut [&mut member]);
    member.terminate(Duration::from_secs(15));
    scene.admin().read(&scene.names.dead_letters, &vec![Offset::Beginning; scene.partitions.into()], |letter| {
        let headers: Vec<(String, String)> = letter
            .headers()
            .expect("headers")
            .iter()
            .map(|header| (header.key.to_owned(), String::from_utf8_lossy(header.value.expect("a value")).into_owned()))
            .collect();
        let value = |name: &str| headers.iter().find(|(key, _)| key == name).expect("a header").1.clone();
        let offset: i64 = value("__connect.errors.offset").parse().expect("an offset");
        let partition: u16 = value("__connect.errors.partition").parse().expect("a partition");
        let poison = expected.remove(&(partition, offset)).expect("a record that cannot be used, once");
        let message = value("__connect.errors.exception.message");
        assert!(message.starts_with(&poison.message), "{message}");
        let known = [
            ("topic", scene.names.input.as_str()),
            ("partition", &partition.to_string()),
            ("offset", &offset.to_string()),
            ("stage", poison.stage),
            ("exception.class.name", poison.class),
            ("exception.message", &message),
        ];
        let known = known.map(|(name, value)| (format!("__connect.errors.{name}"), value.to_owned()));
        assert_eq!(headers, known);
        assert_eq!(letter.key(), poison.key.as_deref(), "{message}");
        assert_eq!(letter.payload(), poison.value.as_deref(), "{message}");
    });
    assert!(expected.is_empty(), "some were swallowed: {:?}", expected.keys());
    let refused = poisons(&scene).len();
    verify(&scene, &witness, &Expected { acts: &acts, refused });
}
