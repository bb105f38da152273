//! `clout topics create`, and what is told of topics that are otherwise.

use expect_test::expect;
use testbroker::Broker;

use crate::common::{connection, done, limit, run, topic, unique};

#[test]
fn topics_are_made_once_and_found_the_next_time() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (app, input) = (unique("make"), unique("events"));
    let arguments = ["topics", "create", "--application-id", &app, "--input", &input, "--inputs", "--partitions", "3"];
    let made = done(broker, &arguments).stdout.replace(&app, "APP").replace(&input, "INPUT");
    expect![[r#"
        made  INPUT: 3 partitions, 1 copy, cleanup.policy=delete
        made  APP-exchange: 3 partitions, 1 copy, cleanup.policy=delete, retention.ms=-1, retention.bytes=-1
        made  APP-journal: 3 partitions, 1 copy, cleanup.policy=delete, retention.ms=-1, retention.bytes=-1
        made  APP-scores: 3 partitions, 1 copy, cleanup.policy=compact
        made  APP-dead-letters: 3 partitions, 1 copy, cleanup.policy=delete
    "#]]
    .assert_eq(&made);
    let found = done(broker, &["topics", "create", "--application-id", &app, "--input", &input]).stdout;
    assert_eq!(found.replace(&app, "APP").replace(&input, "INPUT"), made.replace("made ", "found"));
    let checked = done(broker, &["topics", "check", "--application-id", &app, "--input", &input]).stdout;
    assert_eq!(checked, found);
    let topics = kafka::Topics::of(&app);
    let connection = kafka::Connection::new([("bootstrap.servers".to_owned(), broker.brokers().to_owned())]);
    assert_eq!(
        kafka::check_topics(&connection, &topics, [input.as_str()]).ok().map(|checked| checked.partitions),
        Some(3)
    );
}

/// Days that were closed once are emptied by `reset` also where none are closed now, with the retention that somebody has set.
#[test]
fn the_topic_of_closes_is_made_where_days_are_closed_and_emptied_in_any_case() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (app, input) = (unique("closes"), unique("events"));
    let ran = |arguments: &[&str]| {
        let ran = done(broker, &[arguments, &["--application-id", &app, "--input", &input]].concat());
        ran.stdout.replace(&app, "APP").replace(&input, "INPUT")
    };
    ran(&["topics", "create", "--inputs", "--partitions", "2"]);
    let made = ran(&["topics", "create", "--history-closes", "true"]);
    let line = "made  APP-history: 2 partitions, 1 copy, cleanup.policy=delete, retention.ms=34560000000\n";
    assert!(made.ends_with(line) && made.matches("made ").count() == 1, "{made}");
    assert!(ran(&["topics", "check", "--history-closes", "true"]).ends_with(&line.replace("made ", "found")));
    assert!(!ran(&["topics", "check"]).contains("history"), "nobody asks for it");
    let credits = ran(&["topics", "create", "--history-closes", "true", "--output-credits", "true"]);
    assert!(
        credits.ends_with("made  APP-credits: 2 partitions, 1 copy, cleanup.policy=delete, retention.ms=3456000000\n"),
        "{credits}"
    );
    assert!(ran(&["reset", "--yes", "--checkpoints", "none"]).contains("emptied APP-history, 2 partitions"));
    assert!(ran(&["topics", "check", "--history-closes", "true"]).ends_with(&line.replace("made ", "found")));
}

#[test]
fn what_differs_is_told_with_the_way_out() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    // A name that is like that of no other topic.
    let (app, input, other) = (unique("differ"), unique("zebra-crossings"), unique("others"));
    let told = |arguments: &[&str]| {
        let ran = run(broker, arguments);
        let said = ran.stderr.replace(&app, "APP").replace(&input, "INPUT").replace(&other, "OTHER");
        format!("{}: {said}", ran.code.expect("an exit code"))
    };
    let create = ["topics", "create", "--application-id", &app];
    expect![[r#"
        2: error: topic INPUT is missing: make what is the application's own with `clout topics create`, the inputs as well with --inputs
    "#]].assert_eq(&told(&[&create[..], &["--input", &input]].concat()));
    done(broker, &[&create[..], &["--input", &input, "--inputs", "--partitions", "2"]].concat());
    done(broker, &["topics", "create", "--application-id", &other, "--input", &other, "--inputs", "--partitions", "3"]);
    expect![[r#"
        1: error: topic OTHER has 3 partitions: shard n lives in partition n of every topic, and the others have 2; read a topic with 2 partitions (`clout route` moves the records into one), or score this one under another application id
    "#]].assert_eq(&told(&[&create[..], &["--input", &input, "--input", &other]].concat()));
    expect![[r#"
        1: error: topic OTHER-scores has 3 partitions: shard n lives in partition n of every topic, and the others have 2; read a topic with 2 partitions (`clout route` moves the records into one), or score this one under another application id; topic OTHER-scores has cleanup.policy=compact: a shard that is restored needs the same records again, and some would be gone; set it to delete: kafka-configs.sh --alter --topic OTHER-scores --add-config cleanup.policy=delete
    "#]].assert_eq(&told(&[&create[..], &["--input", &format!("{other}-scores")]].concat()));
}

/// Advice to make what is missing would make the wrong topic.
#[test]
fn an_input_that_is_mistyped_is_told_what_it_may_be() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (app, input) = (unique("typed"), unique("walruses-at-sea"));
    done(broker, &["topics", "create", "--application-id", &app, "--input", &input, "--inputs", "--partitions", "1"]);
    let mistyped = format!("{input}s");
    let expected = format!(
        "topic {mistyped} is missing: did you mean {input}? If not, it is an input of the application {app}: `clout topics create \
         --inputs` makes it"
    );
    // Which doctor tries out.
    let place = std::env::temp_dir().join(&app);
    let doctor = ["doctor", "--checkpoints", place.to_str().expect("text")];
    for command in [&["run"][..], &["topics", "check"], &["topics", "create"], &doctor] {
        let ran = run(broker, &[command, &["--application-id", &app, "--input", &mistyped]].concat());
        assert!((ran.stdout + &ran.stderr).contains(&expected), "{command:?}: {}", ran.stderr);
    }
    let _ = std::fs::remove_dir_all(&place);
}

/// The limits of topics: one that is too low is refused, one of dead letters that is below an input's is told.
#[test]
fn limits_of_topics_are_compared() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (app, input) = (unique("limits"), unique("events"));
    let tell = |command: &str| {
        let ran = run(broker, &["topics", command, "--application-id", &app, "--input", &input]);
        (ran.code, (ran.stdout + &ran.stderr).replace(&app, "APP").replace(&input, "INPUT"))
    };
    done(broker, &["topics", "create", "--application-id", &app, "--input", &input, "--inputs", "--partitions", "1"]);
    let letters = format!("{app}-dead-letters");
    limit(broker, &letters, "100000");
    for command in ["create", "check"] {
        let (code, told) = tell(command);
        assert_eq!(code, Some(0), "{told}");
        let words = "note: topic APP-dead-letters takes records of 100000 bytes, and INPUT of 1048588: dead letters are cut to fit";
        assert!(told.contains(words), "{command}: {told}");
    }
    limit(broker, &letters, "16383");
    for command in ["create", "check"] {
        let (code, told) = tell(command);
        let words = "error: topic APP-dead-letters has max.message.bytes=16383: records of 16384 bytes must fit; set it to 1048588";
        assert!(code == Some(1) && told.contains(words), "{command}: {code:?} {told}");
    }
    limit(broker, &letters, "1048588");
    let (code, told) = tell("check");
    assert!(code == Some(0) && !told.contains("note: "), "{told}");
}

#[test]
fn a_slip_of_the_pen_is_told_as_what_it_is_and_nothing_is_made() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let app = unique("slip");
    let create = |partitions: &str, inputs: &[&str]| {
        let ran = run(
            broker,
            &[&["topics", "create", "-q", "--application-id", &app, "--partitions", partitions], inputs].concat(),
        );
        let said = ran.stderr.replace(&app, "APP");
        format!("{}: {}{said}", ran.code.expect("an exit code"), ran.stdout)
    };
    let made = topic(broker, "made", 2);
    let told = create("6", &["--input", &made]).replace(&made, "INPUT");
    expect![[r#"
        2: error: --partitions 6 does not fit: topic INPUT has 2 partitions, and all topics of an application have the same number; leave it out, or name another application id and other inputs
    "#]]
    .assert_eq(&told);
    let exchange = format!("{app}-exchange");
    let admin = kafka::Admin::connect(&connection(broker)).expect("a client");
    let checked = run(broker, &["topics", "check", "--application-id", &app, "--input", &made]);
    assert_eq!(checked.code, Some(2), "{}", checked.stderr);
    assert!(checked.stderr.contains(&format!("topics {exchange}, ")), "{}", checked.stderr);
    assert!(admin.find([exchange.as_str()]).expect("an answer").is_empty(), "nothing is made");
    assert_eq!(create("2", &["--input", &made]), "0: ");
    let told = create("12", &["--input", &made]).replace(&made, "INPUT");
    expect![[r#"
        2: error: --partitions 12 does not fit: topics INPUT, APP-dead-letters, APP-exchange, APP-journal, APP-scores have 2 partitions, and all topics of an application have the same number; leave it out, or name another application id and other inputs
    "#]]
    .assert_eq(&told);
}

#[test]
fn without_a_broker_it_says_where_it_looked() {
    let _room = crate::waits();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_clout"))
        .args(["topics", "create", "--brokers", "127.0.0.1:1"])
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(69));
    expect![[r#"
        error: no broker answers at 127.0.0.1:1: nobody listens there: check kafka.bootstrap.servers, and that the brokers run (127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused)
    "#]].assert_eq(&String::from_utf8_lossy(&output.stderr));
}
