//! Records that cannot be used never stop an application, whatever their size and number; and the way back.

use testbroker::Broker;

use crate::common::{connection, done, header, limit, read, run, unique};
use crate::scene::Scene;

const DAY_MS: i64 = 86_400_000;

#[test]
fn records_of_any_size_are_put_aside_cut_and_the_application_goes_on() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let mut scene = Scene::new(broker, "json", &[]);
    scene.act(10, 0);
    // The largest that a broker takes at its defaults, with a key of 1 byte.
    let most = vec![b'x'; 1_048_493];
    scene.produce(&[], &[("k", &most)]);
    let vast = vec![b'x'; 150_000_000];
    let packed =
        |codec| [("compression.type", codec), ("batch.size", "160000000"), ("queue.buffering.max.kbytes", "400000")];
    scene.produce(&packed("gzip"), &[("k", &vast)]);
    scene.produce(&packed("zstd"), &[("k", &vast)]);
    drop(vast);
    let long_key = "k".repeat(500_000);
    scene.produce(&[], &[(&long_key, b"no event")]);
    scene.act(10, 0);
    scene.start();
    scene.wait("all are taken", |scene| scene.metric("clout_input_records_total") == 24.0);
    assert_eq!(scene.metric("clout_events_total"), 20.0);
    let mut letters = read(broker, &scene.letters());
    letters
        .sort_by_key(|letter| header(letter, "clout.value.bytes").map_or(0, |bytes| bytes.parse().expect("a number")));
    let found: Vec<_> = letters
        .iter()
        .map(|letter| {
            let bytes = |name| header(letter, name);
            (letter.key.len(), letter.value.len(), bytes("clout.key.bytes"), bytes("clout.value.bytes"))
        })
        .collect();
    assert_eq!(
        found,
        [
            (65_536, 8, Some("500000"), None),
            (1, 65_536, None, Some("1048493")),
            (1, 65_536, None, Some("150000000")),
            (1, 65_536, None, Some("150000000")),
        ]
    );
    assert!(letters.iter().all(|letter| header(letter, "__connect.errors.topic") == Some(&scene.input)));
    // Nothing of it comes again.
    scene.kill();
    scene.start();
    scene.act(5, 0);
    scene.wait("it goes on", |scene| scene.metric("clout_events_total") == 5.0);
    assert_eq!(read(broker, &scene.letters()).len(), 4);
}

/// By the time that producers give them, whenever they are read.
#[test]
fn records_that_are_older_than_half_of_the_retention_are_told_of() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let mut scene = Scene::new(broker, "json", &[("retention.ms", "604800000")]);
    scene.start();
    let told = "records are older than half of their topic's retention.ms";
    scene.act_at(3, -3 * DAY_MS);
    scene.wait("they are taken", |scene| scene.metric("clout_events_total") == 3.0);
    assert!(!scene.told().contains(told), "{}", scene.told());
    // Half an hour more: the reader looks at its clock before it waits.
    scene.act_at(3, -4 * DAY_MS - DAY_MS / 48);
    scene.wait("it is told", |scene| scene.told().contains(told));
    let line = scene.told().lines().find(|line| line.contains(told)).expect("a line").to_owned();
    assert!(line.contains("age_hours=96") && line.contains("retention_hours=168"), "{line}");
}

#[test]
fn a_larger_limit_of_the_input_is_no_matter() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let mut scene = Scene::new(broker, "json", &[("max.message.bytes", "3000000")]);
    scene.start();
    scene.act(2, 0);
    scene.produce(&[], &[("ana", &vec![b'x'; 1_500_000])]);
    scene.act(2, 0);
    scene.wait("all are taken", |scene| scene.metric("clout_input_records_total") == 5.0);
    let [letter] = &read(broker, &scene.letters())[..] else { panic!("one letter") };
    assert_eq!((letter.value.len(), header(letter, "clout.value.bytes")), (65_536, Some("1500000")));
}

#[test]
fn a_dead_letter_that_is_refused_tells_the_place_and_the_reason() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let mut scene = Scene::new(broker, "json", &[]);
    scene.start();
    scene.act(2, 0);
    scene.wait("it works", |scene| scene.metric("clout_events_total") == 2.0);
    limit(broker, &scene.letters(), "2000");
    scene.produce(&[], &[("ana", &vec![b'x'; 100_000])]);
    scene.act(2, 0);
    scene.wait("all are taken", |scene| scene.metric("clout_input_records_total") == 5.0);
    let [letter] = &read(broker, &scene.letters())[..] else { panic!("one letter") };
    assert_eq!((letter.key.len(), letter.value.len()), (0, 0));
    let told = ["clout.key.bytes", "clout.value.bytes", "__connect.errors.exception.message"];
    assert_eq!(told.map(|name| header(letter, name)), [Some("3"), Some("100000"), Some("is not a JSON object")]);
    assert!(scene.told().contains("a dead letter was refused"));
}

/// Of all codecs: what packs well is in memory a thousand times as large as on the broker, and more.
#[test]
fn a_packed_flood_of_bad_records_does_not_fill_the_memory() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    for codec in ["gzip", "zstd"] {
        let mut scene = Scene::new(broker, "json", &[]);
        scene.start();
        scene.act(2, 0);
        scene.wait("it works", |scene| scene.metric("clout_events_total") == 2.0);
        let before = scene.process_kib("VmRSS");
        let bad = vec![b'x'; 500_000];
        let keys: Vec<String> = (0..1_600).map(|n| format!("k{n}")).collect();
        let records: Vec<(&str, &[u8])> = keys.iter().map(|key| (&key[..], &bad[..])).collect();
        scene.kill();
        scene.produce(&[("compression.type", codec), ("queue.buffering.max.kbytes", "100000")], &records);
        scene.start();
        scene.wait("all are taken", |scene| scene.metric("clout_input_records_total") == 1_600.0);
        let grown = scene.process_kib("VmHWM").saturating_sub(before) / 1_024;
        eprintln!("{codec}: {grown} MiB more at most");
        assert!(grown < 190, "{codec}: {grown} MiB more");
        assert_eq!(scene.metric("clout_dead_letters_total"), 1_600.0);
    }
}

#[test]
fn an_input_that_is_nearly_all_dead_letters_is_told_and_there_is_a_way_back() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let mut scene = Scene::new(broker, "protobuf", &[]);
    scene.start();
    scene.act(2_000, 0);
    scene.wait("all are refused", |scene| scene.metric("clout_dead_letters_total") == 2_000.0);
    scene.wait("it is not ready", |scene| scene.get("/health/ready").is_some_and(|(status, _)| status == 503));
    let (_, answer) = scene.get("/health/ready").expect("an answer");
    for words in [&scene.input, "malformed", "encoding", "clout docs dead-letters"] {
        assert!(answer.contains(words) && scene.told().contains(words), "{words}: {answer}");
    }
    assert_eq!(scene.metric("clout_input_refused_share"), 1.0);
    // The right encoding; and the letters once more.
    scene.stop();
    scene.encoding = "json";
    scene.start();
    let from = format!("{}:json", scene.letters());
    let (id, input) = (scene.id.clone(), scene.input.clone());
    let reads = format!("{input}:json");
    let route = [
        "route",
        "--application-id",
        &id,
        "--from",
        &from,
        "--origin",
        &input,
        "--to",
        &input,
        "--input",
        &reads,
        "--once",
    ];
    let said = done(broker, &route).stderr;
    assert!(said.starts_with("routed 2,000 records from "), "{said}");
    scene.wait("all are counted", |scene| scene.metric("clout_events_total") == 2_000.0);
    scene.wait("it is ready", |scene| scene.get("/health/ready").is_some_and(|(status, _)| status == 200));
    // A second time there is nothing to send; and what is no event stays where it is.
    scene.produce(&[], &[("k", b"no event"), ("k", &vec![b'x'; 70_000])]);
    scene.wait("they are refused", |scene| scene.metric("clout_dead_letters_total") == 2.0);
    let ran = run(broker, &route);
    let parts =
        ["routed 0 records", "2 dead letters that cannot be used stay there", "none of the 2 records", "left there"];
    assert!(
        ran.code == Some(1) && parts.iter().all(|part| ran.stderr.contains(part)),
        "{:?}: {}",
        ran.code,
        ran.stderr
    );
    assert_eq!(read(broker, &scene.letters()).len(), 2_002);
}

#[test]
fn clocks_that_are_ahead_are_told_until_they_are_right() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let mut scene = Scene::new(broker, "json", &[]);
    scene.start();
    scene.act(2_000, 3_600_000);
    scene.wait("it is not ready", |scene| {
        scene.get("/health/ready").is_some_and(|(_, answer)| answer.contains("future") && answer.contains("time zones"))
    });
    scene.act(400, 0);
    scene.wait("it is ready", |scene| scene.get("/health/ready").is_some_and(|(status, _)| status == 200));
}

#[test]
fn what_a_topic_does_not_take_is_routed_to_the_dead_letters() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker, "json", &[("max.message.bytes", "2000000")]);
    let admin = kafka::Admin::connect(&connection(broker)).expect("a client");
    let to = unique("small");
    admin.create(&to, 3, None, &[("max.message.bytes", "50000")]).expect("a topic");
    scene.act(500, 0);
    // An event all the same; it does not pack well.
    let mut state = 1_u64;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'0' + ((state ^ state >> 29) >> 40) as u8 % 42)
    };
    let noise: String = (0..400_000).map(|_| letter()).filter(|letter| *letter != '\\').collect();
    let large = format!(r#"{{"actor":"ana","target":"bo","kind":"reply","at":1700000000,"note":"{noise}"}}"#);
    scene.produce(&[], &[("ana", large.as_bytes())]);
    let from = format!("{}:json", scene.input);
    let said = done(broker, &["route", "--application-id", &scene.id, "--from", &from, "--to", &to, "--once"]).stderr;
    assert!(said.contains("routed 500 records") && said.contains("1 dead letter"), "{said}");
    assert_eq!(read(broker, &to).len(), 500);
    let [letter] = &read(broker, &scene.letters())[..] else { panic!("one letter") };
    assert_eq!(letter.value.len(), 65_536);
    assert!(header(letter, "__connect.errors.exception.message").is_some_and(|why| why.contains("max.message.bytes")));
}
