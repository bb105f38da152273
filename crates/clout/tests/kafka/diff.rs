//! `clout diff`: tables of two applications, and files of two replays.

use std::time::Duration;

use expect_test::expect;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use testbroker::Broker;
use vocabulary::{Received, Score};
use wire::encode_score;

use crate::common::{Scratch, connection, done, run, topic, unique};

fn score(score: f64) -> Score {
    Score {
        score,
        influence: 1.0,
        reach: 1.0,
        amplification: 1.0,
        network: 1.0,
        openness: 1.0,
        room: 1.0,
        audience: 0.0,
        received: Received::from([
            (vocabulary::Kind::Mention, 1),
            (vocabulary::Kind::Retweet, 0),
            (vocabulary::Kind::Reply, 0),
        ]),
        followers: 0,
        following: 0,
        as_of: 1_577_836_800_000,
        scale: 100.0,
        scale_version: 0,
        previous: None,
    }
}

/// Publishes scores of a model; a person without one is erased.
fn publish(broker: &Broker, topic: &str, model_version: u32, scores: &[(&str, Option<f64>)]) {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", broker.brokers()).create().expect("a producer");
    for &(user, points) in scores {
        let mut value = Vec::new();
        points.into_iter().for_each(|points| encode_score(user, &score(points), model_version, &mut value));
        let record = BaseRecord::to(topic).key(user);
        let record = if value.is_empty() { record } else { record.payload(&value) };
        producer.send(record).expect("there is room");
    }
    producer.flush(Duration::from_secs(10)).expect("all arrive");
}

#[test]
fn two_tables_are_compared() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (a, b) = (topic(broker, "old-scores", 2), topic(broker, "new-scores", 2));
    publish(
        broker,
        &a,
        1,
        &[("ana", Some(50.0)), ("bo", Some(9.0)), ("cy", Some(7.0)), ("di", Some(5.0)), ("ed", Some(1.0))],
    );
    publish(broker, &a, 1, &[("bo", Some(10.0)), ("ed", None)]);
    publish(broker, &b, 2, &[("ana", Some(48.0)), ("bo", Some(22.0)), ("cy", Some(7.0)), ("flo", Some(3.0))]);
    let told = done(broker, &["diff", &a, &b]).stdout.replace(&a, "OLD").replace(&b, "NEW");
    expect![[r#"
        A  OLD, model 1, as of 2020-01-01T00:00:00Z
        B  NEW, model 2, as of 2020-01-01T00:00:00Z

        in both               3
        only in A             1
        only in B             1
        rank correlation (Spearman) 1.000000

        change from A to B, points
             0 %     -2.00
             1 %     -2.00
             5 %     -2.00
            25 %     +0.00
            50 %     +0.00
            75 %    +12.00
            95 %    +12.00
            99 %    +12.00
           100 %    +12.00

        moved, either way
        by  0.1 or more             2   66.67 %
        by    1 or more             2   66.67 %
        by    2 or more             2   66.67 %
        by    5 or more             1   33.33 %
        by   10 or more             1   33.33 %

        largest movers
               A       B    change  user
           10.00   22.00    +12.00  bo
           50.00   48.00     -2.00  ana

        only in A, the most influential
           score  user
            5.00  di

        only in B, the most influential
           score  user
            3.00  flo
    "#]]
    .assert_eq(&told);
    let json = done(broker, &["diff", &a, &b, "--json", "--top", "1"]).stdout.replace(&a, "OLD").replace(&b, "NEW");
    expect![[r#"
        {
          "a": {
            "name": "OLD",
            "model_version": 1,
            "as_of": "2020-01-01T00:00:00Z",
            "read": null,
            "stored": null
          },
          "b": {
            "name": "NEW",
            "model_version": 2,
            "as_of": "2020-01-01T00:00:00Z",
            "read": null,
            "stored": null
          },
          "in_both": 3,
          "only_in_a": {
            "people": 1,
            "first": [
              {
                "user": "di",
                "score": 5.0
              }
            ]
          },
          "only_in_b": {
            "people": 1,
            "first": [
              {
                "user": "flo",
                "score": 3.0
              }
            ]
          },
          "spearman": 1.0,
          "changes": [
            {
              "percent": 0.0,
              "points": -2.0
            },
            {
              "percent": 1.0,
              "points": -2.0
            },
            {
              "percent": 5.0,
              "points": -2.0
            },
            {
              "percent": 25.0,
              "points": 0.0
            },
            {
              "percent": 50.0,
              "points": 0.0
            },
            {
              "percent": 75.0,
              "points": 12.0
            },
            {
              "percent": 95.0,
              "points": 12.0
            },
            {
              "percent": 99.0,
              "points": 12.0
            },
            {
              "percent": 100.0,
              "points": 12.0
            }
          ],
          "moved": [
            {
              "points": 0.1,
              "people": 2
            },
            {
              "points": 1.0,
              "people": 2
            },
            {
              "points": 2.0,
              "people": 2
            },
            {
              "points": 5.0,
              "people": 1
            },
            {
              "points": 10.0,
              "people": 1
            }
          ],
          "largest": [
            {
              "user": "bo",
              "a": 10.0,
              "b": 22.0
            }
          ]
        }
    "#]]
    .assert_eq(&json);
}

/// A group as an application's that has read so far, of the only partition.
fn commit(broker: &Broker, group: &str, topic: &str, offset: i64) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.brokers())
        .set("group.id", group)
        .create()
        .expect("a consumer");
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(topic, 0, Offset::Offset(offset)).expect("an offset");
    consumer.commit(&place, CommitMode::Sync).expect("it is committed");
}

#[test]
fn an_application_that_has_read_less_is_told() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (a, b, events) = (unique("live"), unique("trial"), topic(broker, "events", 1));
    let admin = kafka::Admin::connect(&connection(broker)).expect("a client");
    for app in [&a, &b] {
        admin.create(&format!("{app}-scores"), 1, None, &[]).expect("a topic");
        publish(broker, &format!("{app}-scores"), 2, &[("ana", Some(50.0))]);
    }
    (0..100).for_each(|_| crate::common::produce(broker, &events, 0, b"ana", b"{}"));
    commit(broker, &a, &events, 100);
    let arguments = ["diff", &a, &b, "--input", &events];
    let ran = done(broker, &arguments);
    let told = |text: &str| text.replace(&a, "LIVE").replace(&b, "TRIAL");
    // One of which nobody knows how far it is.
    assert_eq!(ran.stderr, "");
    let heads: Vec<String> = told(&ran.stdout).lines().take(2).map(str::to_owned).collect();
    expect![[r#"
        A  LIVE-scores, model 2, as of 2020-01-01T00:00:00Z, 100 of 100 records read
        B  TRIAL-scores, model 2, as of 2020-01-01T00:00:00Z"#]]
    .assert_eq(&heads.join("\n"));
    commit(broker, &b, &events, 30);
    let ran = done(broker, &arguments);
    assert!(
        told(&ran.stdout).contains("\nB  TRIAL-scores, model 2, as of 2020-01-01T00:00:00Z, 30 of 100 records read\n")
    );
    expect!["warning: B has read 70 records less than A: whom and what it lacks may be still to come\n"]
        .assert_eq(&ran.stderr);
    commit(broker, &b, &events, 100);
    assert_eq!(done(broker, &arguments).stderr, "", "they have read the same");
}

#[test]
fn two_files_are_compared_without_a_broker() {
    let _room = crate::waits();
    let a = Scratch::new("a.ndjson", "{\"user\":\"ana\",\"score\":3.5}\n{\"user\":\"bo\",\"score\":1}\n");
    let b = Scratch::new("b.csv", "user,score\nana,3.5\nbo,2\n");
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_clout"))
        .args(["diff", a.path(), b.path()])
        .output()
        .expect("the program runs");
    let told = String::from_utf8_lossy(&output.stdout).replace(a.path(), "a.ndjson").replace(b.path(), "b.csv");
    expect![[r#"
        A  a.ndjson
        B  b.csv

        in both               2
        only in A             0
        only in B             0
        rank correlation (Spearman) 1.000000

        change from A to B, points
             0 %     +0.00
             1 %     +0.00
             5 %     +0.00
            25 %     +0.00
            50 %     +1.00
            75 %     +1.00
            95 %     +1.00
            99 %     +1.00
           100 %     +1.00

        moved, either way
        by  0.1 or more             1   50.00 %
        by    1 or more             1   50.00 %
        by    2 or more             0    0.00 %
        by    5 or more             0    0.00 %
        by   10 or more             0    0.00 %

        largest movers
               A       B    change  user
            1.00    2.00     +1.00  bo
    "#]]
    .assert_eq(&told);
}

#[test]
fn what_holds_no_scores_is_told() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let other = topic(broker, "other", 1);
    crate::common::produce(broker, &other, 0, b"key", b"\xff\xff");
    let told = |arguments: &[&str]| {
        let ran = run(broker, arguments);
        format!("{}: {}", ran.code.expect("an exit code"), ran.stderr.replace(&other, "OTHER"))
    };
    expect![[r#"
        2: error: OTHER holds no scores: is not the protobuf message expected: failed to decode Protobuf message: invalid varint
    "#]].assert_eq(&told(&["diff", &other, &other]));
    let nobody = unique("nobody");
    expect![[r#"
        2: error: NOBODY is no file, no application with a topic NOBODY-scores, and no topic
    "#]]
    .assert_eq(&told(&["diff", &nobody, &nobody]).replace(&nobody, "NOBODY"));
}

/// As of an application that was reset, or has not begun.
#[test]
fn a_side_without_scores_is_told() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (a, b) = (topic(broker, "some", 1), topic(broker, "none", 1));
    publish(broker, &a, 1, &[("ana", Some(50.0))]);
    let warned = done(broker, &["diff", &a, &b]).stderr;
    assert!(warned.contains(&format!("warning: nobody has a score in {b}\n")), "{warned}");
    assert!(!warned.contains(&a), "{warned}");
}
