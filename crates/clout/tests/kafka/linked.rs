//! People with several accounts on a real broker: linked, told to the engine, shown, exported, and erased everywhere.

use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;
use testbroker::Broker;

use crate::cluster::wait_until;
use crate::common::{Record, Scratch, clout, connection, done, read, run};
use crate::scene::{Scene, topic_of_profiles};
use crate::web;

const TIME: Duration = Duration::from_secs(60);
const BEGIN: i64 = 1_600_000_000_000;

/// A server that shows an application.
struct Shown {
    process: Child,
    told: Scratch,
}

impl Drop for Shown {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Shown {
    fn start(scene: &Scene<'_>) -> Shown {
        let told = Scratch::new("serve", "");
        let arguments = ["serve", "--application-id", &scene.id, "--listen", "127.0.0.1:0", "--input", &scene.input];
        let stderr = std::fs::File::create(told.path()).expect("a file");
        let mut command = clout(scene.broker, &arguments);
        let process = command.stderr(stderr).stdout(Stdio::null()).spawn().expect("the program starts");
        let shown = Shown { process, told };
        wait_until("it shows all", TIME, || shown.get("/health/ready").is_some_and(|(status, _)| status == 200));
        shown
    }

    fn get(&self, path: &str) -> Option<(u16, String)> {
        let told = std::fs::read_to_string(self.told.path()).unwrap_or_default();
        web::get(web::address_in(&told)?, path)
    }

    fn json(&self, path: &str) -> Option<Value> {
        self.get(path).filter(|(status, _)| *status == 200).and_then(|(_, body)| serde_json::from_str(&body).ok())
    }
}

fn act(scene: &Scene<'_>, actor: &str, target: &str, at: i64) {
    let value = format!(r#"{{"actor":"{actor}","target":"{target}","kind":"retweet","at":{at}}}"#);
    scene.produce(&[], &[(actor, value.as_bytes())]);
}

fn with<'a>(ours: &'a [String], arguments: &[&'a str]) -> Vec<&'a str> {
    arguments.iter().copied().chain(ours.iter().map(String::as_str)).collect()
}

/// The newest value under each key of a compacted topic that has this text in its key or its value.
fn holding<'r>(records: &'r [Record], text: &str) -> Vec<&'r Record> {
    let has = |bytes: &[u8]| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    let is_newest = |place: usize| !records[place + 1..].iter().any(|later| later.key == records[place].key);
    let newest = records.iter().enumerate().filter(|(place, _)| is_newest(*place)).map(|(_, record)| record);
    newest.filter(|record| !record.value.is_empty() && (has(&record.key) || has(&record.value))).collect()
}

#[test]
fn linked_accounts_are_added_up_exported_and_forgotten_with_all_that_is_kept() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let accounts = topic_of_profiles(broker);
    let admin = kafka::Admin::connect(&connection(broker)).expect("a client");
    let profiles = format!("{accounts}:profiles:json");
    let mut scene = Scene::new(broker, "json", &[]).with(&["--input", &profiles, "--clock", "event"]);
    let names = format!("{}-names", scene.id);
    admin.create(&names, 1, None, &[("cleanup.policy", "compact")]).expect("a topic");
    scene.start();
    let (ana, twin) = ("bluesky:did:plc:ana", "x:1234567");
    for (number, target) in [(0, ana), (1, ana), (2, ana), (3, twin), (4, twin), (5, "x:7")] {
        act(&scene, &format!("x:{}", 100 + number), target, BEGIN + number);
    }
    for (field, value) in [("handle", "ana.example"), ("display_name", "Ana Ærø")] {
        scene.produce_to(&names, &[], &[(&format!("{field}/{ana}"), Some(value.as_bytes()))]);
    }
    let shown = Shown::start(&scene);
    let influence = |path: &str| shown.json(path).and_then(|answer| answer["influence"].as_f64());
    let retweets = |path: &str| shown.json(path).and_then(|answer| answer["received"]["retweets"].as_u64());
    wait_until("all are rated", TIME, || {
        [(ana, 3), (twin, 2)].iter().all(|(user, count)| retweets(&format!("/v1/users/{user}")) == Some(*count))
    });
    let ours = ["--application-id", &scene.id, "--input", &scene.input, "--input", &profiles].map(str::to_owned);
    let linked = done(broker, &with(&ours, &["link", "add", ana, twin, "--person", "ana-of-two"]));
    assert_eq!(linked.stdout, "linked 2 accounts: 2 records written\n", "{}", linked.stderr);
    let refused = run(broker, &with(&ours, &["link", "add", twin, "--person", "somebody-else"]));
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("x:1234567 is linked as ana-of-two"), "{}", refused.stderr);

    // Shown at once, with what each adds.
    wait_until("the person is shown", TIME, || retweets("/v1/people/ana-of-two") == Some(5));
    let person = shown.json("/v1/people/ana-of-two").expect("a person");
    assert_eq!(person["accounts"].as_array().map(Vec::len), Some(2), "{person}");
    assert_eq!(shown.json("/v1/people/x:1234567"), Some(person));
    // The engine has heard of it: what one does to the other gives nothing.
    wait_until("the engine has read it", TIME, || scene.metric("clout_input_records_total") == 8.0);
    let before = influence(&format!("/v1/users/{ana}"));
    act(&scene, twin, ana, BEGIN + 10);
    act(&scene, ana, twin, BEGIN + 11);
    scene.wait("own acts are left out", |scene| scene.metric("clout_own_account_events_total") == 2.0);
    assert_eq!(influence(&format!("/v1/users/{ana}")), before);

    // A copy of all that is kept.
    let exported: Value =
        serde_json::from_str(&done(broker, &with(&ours, &["export", "ana-of-two"])).stdout).expect("a document");
    assert_eq!(exported["person"], "ana-of-two");
    let of_ana = &exported["accounts"][0];
    assert_eq!((of_ana["account"].as_str(), of_ana["called"]["handle"].as_str()), (Some(ana), Some("ana.example")));
    assert!(of_ana["score"]["influence"].as_f64() > Some(0.0) && of_ana["link"]["proof"] == "operator", "{of_ana}");
    assert_eq!(exported["accounts"][1]["account"], twin);

    // Erased: no compacted topic and no answer has any of it.
    let asked = run(broker, &with(&ours, &["forget", twin]));
    assert_eq!(asked.code, Some(2), "{}", asked.stderr);
    assert!(asked.stderr.contains("all that is known of bluesky:did:plc:ana, x:1234567 goes"), "{}", asked.stderr);
    done(broker, &with(&ours, &["forget", twin, "--yes"]));
    wait_until("nobody is shown", TIME, || {
        let paths = [format!("/v1/users/{ana}"), format!("/v1/users/{twin}")];
        paths.iter().all(|path| shown.get(path).is_some_and(|(status, _)| status == 410))
    });
    let traces = ["ana-of-two", ana, twin, "ana.example", "Ana Ærø"];
    for what in ["scores", "links", "names"] {
        let records = read(broker, &format!("{}-{what}", scene.id));
        for trace in traces {
            assert!(holding(&records, trace).is_empty(), "{what} has {trace}");
        }
    }
    for path in [
        "/v1/ranking?limit=100",
        "/v1/people?limit=100",
        "/v1/search?prefix=ana",
        "/v1/search?contains=ana",
        "/v1/people/ana-of-two",
        "/metrics",
    ] {
        let (_, body) = shown.get(path).expect("an answer");
        for trace in traces {
            assert!(!body.contains(trace), "{path} has {trace}: {body}");
        }
    }
    let exported = done(broker, &with(&ours, &["export", ana])).stdout;
    let exported: Value = serde_json::from_str(&exported).expect("a document");
    let left = &exported["accounts"][0];
    assert!(left["score"].is_null() && left["called"].as_object().is_some_and(serde_json::Map::is_empty), "{exported}");
    assert_eq!(exported.get("person"), None);
    // What comes later brings nobody back.
    act(&scene, "x:200", ana, BEGIN + 20);
    act(&scene, ana, "x:7", BEGIN + 21);
    scene.wait("both are read", |scene| scene.metric("clout_input_records_total") >= 14.0);
    assert_eq!(shown.get(&format!("/v1/users/{ana}")).map(|(status, _)| status), Some(410));
    scene.stop();
}
