//! `clout dead-letters`: what could not be used is counted, shown, and sent again, each record once.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use testbroker::Broker;

use super::inspect::page_has;
use crate::common::{Ran, clout, done, header, limit, read, run};
use crate::scene::Scene;

const HOUR_MS: i64 = 3_600_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the command on the letters of an application whose input is as it is configured now.
fn letters(scene: &Scene<'_>, arguments: &[&str]) -> Ran {
    run(scene.broker, &words(scene, arguments).iter().map(String::as_str).collect::<Vec<_>>())
}

fn words(scene: &Scene<'_>, arguments: &[&str]) -> Vec<String> {
    let input = format!("{}:{}", scene.input, scene.encoding);
    let own = ["dead-letters", arguments[0], "--application-id", &scene.id, "--input", &input];
    own.iter().chain(&arguments[1..]).map(|&word| word.to_owned()).collect()
}

fn json(scene: &Scene<'_>, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    let ran = letters(scene, &arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).expect("JSON")
}

/// Of the records of the input, those that were dead letters: where they lay.
fn sent(scene: &Scene<'_>) -> Vec<String> {
    let records = read(scene.broker, &scene.input);
    records.iter().filter_map(|record| header(record, "clout.sent.from").map(str::to_owned)).collect()
}

#[test]
fn what_was_put_aside_is_counted_shown_and_sent_again_once() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let mut scene = Scene::new(broker, "protobuf", &[]);
    scene.start();
    scene.act(20, 0);
    scene.produce(&[], &[("k", &vec![b'x'; 70_000])]);
    scene.wait("all are refused", |scene| scene.metric("clout_dead_letters_total") == 21.0);
    // The input is mended; some of what comes now cannot be used all the same.
    scene.stop();
    scene.encoding = "json";
    scene.start();
    scene.produce(&[], &[("k", b"no event")]);
    scene.act(2, HOUR_MS);
    scene.wait("these are refused", |scene| scene.metric("clout_dead_letters_total") == 3.0);

    let counts = json(&scene, &["count"]);
    page_has("count", &counts);
    let number = |of: &Value, name: &str| of[name].as_u64().expect("a number");
    let all = ["letters", "sent", "sendable", "stay"].map(|name| number(&counts, name));
    assert_eq!(all, [24, 0, 20, 4], "{counts:#}");
    let by: Vec<_> = counts["counts"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|count| {
            let (input, reason) = (count["input"].as_str(), count["reason"].as_str());
            (input, reason, ["letters", "sendable", "stay"].map(|name| number(count, name)))
        })
        .collect();
    let input = Some(scene.input.as_str());
    assert_eq!(by, [(input, Some("future"), [2, 0, 2]), (input, Some("malformed"), [22, 20, 2])]);
    let text = letters(&scene, &["count"]).stdout;
    assert!(text.contains("24 dead letters, 0 of them sent again") && text.contains("has not come"), "{text}");

    let shown = json(&scene, &["show", "--last", "30"]);
    page_has("show", &shown);
    let shown = shown["letters"].as_array().expect("a list");
    let cut = shown.iter().find(|letter| letter["value_bytes"] == 70_000).expect("the long one");
    assert_eq!(cut["value"].as_str().map(str::len), Some(65_536));
    assert!(
        cut["stays_since"].as_str().is_some_and(|why| why.contains("70,000 bytes: all of it is at offset")),
        "{cut}"
    );
    let place = format!("{}:{}", cut["partition"], cut["offset"]);
    let one = letters(&scene, &["show", "--at", &place]).stdout;
    assert!(one.contains("65,536 of 70,000 bytes") && one.lines().count() == 6 && one.len() < 2_000, "{one}");
    assert_eq!(shown.iter().filter(|letter| letter["state"] == "can be sent").count(), 20);
    assert!(letters(&scene, &["show", "--reason", "packed"]).stdout.contains("no such dead letters"));

    // Nothing is sent unasked, and nothing that cannot be used.
    let dry = letters(&scene, &["send"]).stdout;
    assert!(dry.contains("20 dead letters") && dry.contains("nothing is sent without --yes"), "{dry}");
    let future = json(&scene, &["send", "--reason", "future", "--yes"]);
    page_has("send", &future);
    assert_eq!((number(&future, "letters"), number(&future, "stay")), (0, 2));
    assert_eq!(sent(&scene), Vec::<String>::new());
    let told = letters(&scene, &["send", "--yes"]).stdout;
    assert!(told.starts_with("sent 20 dead letters of ") && told.contains("4 stay"), "{told}");
    scene.wait("all are counted", |scene| scene.metric("clout_events_total") == 20.0);
    let again = letters(&scene, &["send", "--yes"]).stdout;
    assert!(again.starts_with("sent 0 dead letters") && again.contains("20 sent before"), "{again}");
    assert_eq!(number(&json(&scene, &["count"]), "sent"), 20);

    // The other way back knows what was sent.
    let (from, reads) = (format!("{}:json", scene.letters()), format!("{}:json", scene.input));
    let route =
        ["route", "--application-id", &scene.id, "--from", &from, "--origin", &scene.input, "--to", &scene.input];
    let said = done(broker, &[&route[..], &["--input", &reads, "--once"]].concat()).stderr;
    assert!(said.starts_with("routed 2 records from ") && said.contains("sent again before"), "{said}");
    let sent = sent(&scene);
    assert_eq!((sent.len(), sent.iter().collect::<BTreeSet<_>>().len()), (20, 20), "{sent:?}");
    // Headers of the dead letter do not come along.
    let records = read(broker, &scene.input);
    let back = records.iter().find(|record| header(record, "clout.sent.from").is_some()).expect("one that was sent");
    assert_eq!(back.headers.len(), 1, "{back:?}");
}

#[test]
fn whoever_is_killed_or_sends_beside_another_sends_nothing_twice() {
    const LETTERS: usize = 12_000;
    let _room = crate::works();
    let Some(broker) = Broker::shared() else { return };
    let mut scene = Scene::new(broker, "protobuf", &[]);
    scene.start();
    scene.act(LETTERS, 0);
    scene.wait("all are refused", |scene| scene.metric("clout_dead_letters_total") == LETTERS as f64);
    scene.stop();
    scene.encoding = "json";
    let words = words(&scene, &["send", "--yes"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let start = || {
        let mut command = clout(broker, &words);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
    };
    // It is killed once a part is there for everybody.
    let mut first = start();
    let until = Instant::now() + PATIENCE;
    while sent(&scene).is_empty() {
        assert!(Instant::now() < until, "nothing is sent");
        sleep(Duration::from_millis(20));
    }
    let _ = first.kill();
    let _ = first.wait();
    let beside = [start(), start()];
    for mut process in beside {
        assert!(process.wait().is_ok_and(|status| matches!(status.code(), Some(0 | 1))), "one may be fenced off");
    }
    let last = done(broker, &words).stdout;
    assert!(last.starts_with("sent "), "{last}");
    let sent = sent(&scene);
    assert_eq!((sent.len(), sent.iter().collect::<BTreeSet<_>>().len()), (LETTERS, LETTERS));
}

#[test]
fn what_the_input_does_not_take_is_told_and_holds_up_nothing_else() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let mut scene = Scene::new(broker, "protobuf", &[]);
    scene.start();
    scene.act(5, 0);
    let large =
        format!(r#"{{"actor":"ana","target":"bo","kind":"reply","at":1700000000,"note":"{}"}}"#, "x".repeat(50_000));
    scene.produce(&[], &[("ana", large.as_bytes())]);
    scene.wait("all are refused", |scene| scene.metric("clout_dead_letters_total") == 6.0);
    scene.stop();
    scene.encoding = "json";
    // One record that packs well would fit.
    limit(broker, &scene.input, "1500");
    let arguments = ["send", "--yes", "--kafka", "compression.type=none"];
    let ran = letters(&scene, &arguments);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    let parts = ["1 dead letter is not sent", "raise its max.message.bytes", &scene.input];
    assert!(
        ran.stdout.starts_with("sent 5 ") && parts.iter().all(|part| ran.stderr.contains(part)),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    limit(broker, &scene.input, "1048588");
    assert!(letters(&scene, &["send", "--yes"]).stdout.starts_with("sent 1 dead letter of "));
    assert_eq!(sent(&scene).len(), 6);
}

/// `[outputs] encoding = "json"`: scores and dead letters are read by who has no schema, and all that reads them here reads
/// both.
#[test]
fn outputs_of_json_are_shown_and_sent_again_as_well() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let mut scene = Scene::new(broker, "json", &[]).with(&["--output-encoding", "json"]);
    scene.start();
    scene.act(20, 0);
    scene.produce(&[], &[("k", b"no event"), ("k", b"\xff\x00")]);
    scene.wait("these are refused", |scene| scene.metric("clout_dead_letters_total") == 2.0);
    scene.wait("scores are published", |scene| scene.metric("clout_scores_published_total") > 0.0);
    let scores = read(broker, &format!("{}-scores", scene.id));
    let score: Value = serde_json::from_slice(&scores.last().expect("a score").value).expect("JSON");
    assert_eq!((&score["user"], &score["retweets"]), (&"bo".into(), &20.into()), "{score}");
    let told = letters(&scene, &["show"]).stdout;
    assert!(told.contains("no event"), "{told}");

    let records = read(broker, &scene.letters());
    assert!(records.iter().all(|record| header(record, "clout.encoding") == Some("json")));
    let told: Vec<Value> = records.iter().map(|record| serde_json::from_slice(&record.value).expect("JSON")).collect();
    let of = |name: &str| told.iter().filter_map(|letter| letter[name].as_str()).collect::<Vec<_>>();
    assert_eq!((of("value"), of("value_base64")), (vec!["no event"], vec!["/wA="]), "{told:?}");
    assert_eq!((of("key"), of("class")), (vec!["k", "k"], vec!["clout.Malformed"; 2]));
    assert!(told.iter().all(|letter| letter["topic"] == scene.input.as_str() && letter["offset"].is_u64()));

    // What becomes an event once the input is mended goes back as the record that it was.
    scene.stop();
    scene.encoding = "protobuf";
    scene.start();
    scene.act(5, 0);
    scene.wait("these are refused", |scene| scene.metric("clout_dead_letters_total") == 5.0);
    scene.stop();
    scene.encoding = "json";
    let told = letters(&scene, &["send", "--yes"]).stdout;
    assert!(told.starts_with("sent 5 dead letters of "), "{told}");
    scene.start();
    scene.wait("all are counted", |scene| scene.metric("clout_events_total") == 5.0);
    let back = read(broker, &scene.input).into_iter().filter(|record| header(record, "clout.sent.from").is_some());
    let back: Vec<_> = back.collect();
    assert!(
        back.len() == 5
            && back.iter().all(|record| record.headers.len() == 1 && record.value.starts_with(b"{\"actor\""))
    );
}
