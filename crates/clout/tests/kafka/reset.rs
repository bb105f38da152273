//! `clout reset`: as if the application had never run, but never under the feet of its members.

use std::time::Duration;

use expect_test::expect;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use testbroker::Broker;

use crate::common::{connection, done, produce, read, run, unique};

#[test]
fn everything_of_the_application_goes_but_its_inputs() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (app, input) = (unique("reset"), unique("events"));
    let checkpoints = std::env::temp_dir().join(&app);
    let of_app = ["--application-id", &app, "--input", &input];
    done(broker, &[&["topics", "create", "--inputs", "--partitions", "2"][..], &of_app].concat());
    let topics = kafka::Topics::of(&app);
    for topic in [&topics.exchange, &topics.scores, &input] {
        produce(broker, topic, 1, b"key", b"value");
    }
    let arguments = ["reset", "--yes", "--checkpoints", checkpoints.to_str().expect("UTF-8")];
    let told = done(broker, &[&arguments[..], &of_app].concat()).stdout;
    let told = told.replace(&app, "APP").replace(std::env::temp_dir().to_str().expect("UTF-8"), "TMP");
    let _ = std::fs::remove_dir_all(&checkpoints);
    expect![[r#"
        emptied APP-exchange, 2 partitions
        emptied APP-journal, 2 partitions
        emptied APP-scores, 2 partitions
        emptied APP-dead-letters, 2 partitions
        deleted 0 checkpoints in TMP/APP
    "#]]
    .assert_eq(&told);
    assert_eq!([&topics.exchange, &topics.scores, &input].map(|topic| read(broker, topic).len()), [0, 0, 1]);
    assert_eq!(
        kafka::check_topics(&connection(broker), &topics, [input.as_str()]).ok().map(|checked| checked.partitions),
        Some(2)
    );
}

#[test]
fn nothing_is_left_of_an_application_that_is_not_needed_any_more() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (app, input) = (unique("gone"), unique("events"));
    let checkpoints = std::env::temp_dir().join(&app);
    let of_app = ["--application-id", &app, "--input", &input];
    done(broker, &[&["topics", "create", "--inputs", "--partitions", "1"][..], &of_app].concat());
    let admin = kafka::Admin::connect(&connection(broker)).expect("a client");
    for of_connectors in ["connect", "names"] {
        admin.create(&format!("{app}-{of_connectors}"), 1, None, &[]).expect("a topic");
    }
    let arguments = ["reset", "--topics", "--yes", "--checkpoints", checkpoints.to_str().expect("UTF-8")];
    let told = done(broker, &[&arguments[..], &of_app].concat()).stdout;
    let told = told.replace(&app, "APP").replace(std::env::temp_dir().to_str().expect("UTF-8"), "TMP");
    assert!(!checkpoints.join(&app).exists(), "its folder is gone");
    let _ = std::fs::remove_dir_all(&checkpoints);
    expect![[r#"
        removed APP-exchange
        removed APP-journal
        removed APP-scores
        removed APP-dead-letters
        removed APP-connect
        removed APP-names
        deleted 0 checkpoints in TMP/APP
    "#]]
    .assert_eq(&told);
    let ran = run(broker, &[&["topics", "check"][..], &of_app].concat());
    assert!(ran.stderr.contains(&format!("topics {app}-exchange, {app}-journal, ")), "{}", ran.stderr);
    assert!(read(broker, &input).is_empty(), "the input is there");
    let again = done(broker, &[&arguments[..], &of_app].concat());
    assert!(again.stderr.contains(&format!("there was nothing of an application {app} at ")), "{}", again.stderr);
}

#[test]
fn members_and_those_who_do_not_agree_keep_it() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (app, input) = (unique("alive"), unique("events"));
    let of_app = ["--application-id", &app, "--input", &input];
    done(broker, &[&["topics", "create", "--inputs", "--partitions", "1"][..], &of_app].concat());
    let told = |arguments: &[&str]| {
        let ran = run(broker, &[arguments, &of_app].concat());
        format!("{}: {}", ran.code.expect("an exit code"), ran.stderr.replace(&app, "APP"))
    };
    expect![[r#"
        2: error: nothing is removed: say yes, or --yes; all scores, closes and dead letters of APP go, with APP-exchange, APP-journal, APP-scores, APP-dead-letters, its offsets and checkpoints
    "#]]
    .assert_eq(&told(&["reset"]));

    let member: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.brokers())
        .set("group.id", &app)
        .set("client.id", "worker-0")
        .create()
        .expect("a consumer");
    member.subscribe(&[&format!("{app}-exchange")]).expect("a subscription");
    while member.assignment().is_ok_and(|assignment| assignment.count() == 0) {
        member.poll(Duration::from_millis(100));
    }
    expect![[r#"
        2: note: APP has members: waiting up to 17 s for their end
        error: APP is alive: stop its members first (worker-0 at /127.0.0.1)
    "#]]
    .assert_eq(&told(&["reset", "--yes"]));
}
