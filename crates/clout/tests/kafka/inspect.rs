//! `clout state` and `clout journal`: what is in the checkpoints and in the journal, and nothing is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use testbroker::Broker;

use crate::common::{Ran, produce, run};
use crate::scene::{PARTITIONS, Scene};

const PAGE: &str = include_str!("../../../../docs/inspect.md");

/// The keys of each object in a document, by the path to it, as the page writes it.
fn keys(at: &str, value: &Value, found: &mut BTreeMap<String, BTreeSet<String>>) {
    match value {
        Value::Object(object) => {
            let path = if at.is_empty() { "the document" } else { at };
            found.entry(path.to_owned()).or_default().extend(object.keys().cloned());
            for (key, value) in object {
                let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
                keys(&path, value, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| keys(&format!("{at}[]"), value, found)),
        _ => {}
    }
}

/// Sees that the page lists the keys of this command's document.
#[track_caller]
pub(crate) fn page_has(command: &str, document: &Value) {
    let table = PAGE.split_once(&format!("<!-- keys of {command} -->\n")).expect("the page has the command").1;
    let rows = table.lines().skip_while(|line| !line.starts_with('|')).skip(2).take_while(|line| line.starts_with('|'));
    let listed = rows.map(|row| {
        let mut cells = row.trim_matches('|').split(" | ");
        let mut cell = || cells.next().expect("a cell").trim().to_owned();
        let path = cell().trim_matches('`').to_owned();
        (path, cell().split(", ").map(|key| key.trim_matches('`').to_owned()).collect::<BTreeSet<_>>())
    });
    let listed: BTreeMap<String, BTreeSet<String>> = listed.collect();
    let mut found = BTreeMap::new();
    keys("", document, &mut found);
    for (path, keys) in &found {
        // Of what is counted by kind the keys are the kinds.
        if !path.ends_with("received") {
            assert_eq!(listed.get(path), Some(keys), "{command}: {path}");
        }
    }
}

/// An application that has scored so many acts on bo, and was ended in good order. Its checkpoints are in the folder.
fn ended<'b>(broker: &'b Broker, folder: &Path, acts: usize) -> Scene<'b> {
    let place = folder.to_str().expect("a path in UTF-8");
    let mut scene = Scene::new(broker, "json", &[]).with(&["--checkpoints", place, "--checkpoint-every", "500ms"]);
    scene.start();
    scene.act(acts, 0);
    scene.wait("all are taken", |scene| scene.metric("clout_events_total") == acts as f64);
    scene.stop();
    scene
}

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        Folder(std::env::temp_dir().join(crate::common::unique("clout-inspect")))
    }

    fn text(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn inspect(scene: &Scene<'_>, arguments: &[&str]) -> Ran {
    let input = format!("{}:json", scene.input);
    let own = [&arguments[..1], &["--application-id", &scene.id, "--input", &input], &arguments[1..]];
    run(scene.broker, &own.concat())
}

#[track_caller]
fn json(scene: &Scene<'_>, arguments: &[&str]) -> Value {
    let ran = inspect(scene, &[arguments, &["--json"]].concat());
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    serde_json::from_str(&ran.stdout).expect("JSON")
}

/// All files below a folder, with what is in them.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        match entry.is_dir() {
            true => found.extend(files(&entry)),
            false => _ = found.insert(entry.clone(), fs::read(&entry).expect("a file")),
        }
    }
    found
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

#[test]
fn checkpoints_say_what_they_hold_of_all_and_of_somebody() {
    const ACTS: usize = 60;
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let folder = Folder::new();
    let scene = ended(broker, &folder.0, ACTS);
    let before = files(&folder.0);
    let here = ["state", "--checkpoints", folder.text()];
    let state = json(&scene, &here);
    page_has("state", &state);
    let checkpoints = state["checkpoints"].as_array().expect("a list");
    assert_eq!((checkpoints.len(), &state["shards"]), (PARTITIONS, &Value::from(PARTITIONS)));
    let sum = |of: &dyn Fn(&Value) -> u64| checkpoints.iter().map(of).sum::<u64>();
    assert_eq!(sum(&|shard| shard["edges"].as_u64().expect("a number")), ACTS as u64);
    assert_eq!(sum(&|shard| shard["people"].as_u64().expect("a number")), ACTS as u64 + 1);
    assert_eq!(sum(&|shard| shard["inputs"][0]["next"].as_u64().expect("an offset")), ACTS as u64);
    let text = inspect(&scene, &here).stdout;
    assert!(text.contains("2 shards of 2") && text.contains("61 people, 60 pairs"), "{text}");

    let bo = json(&scene, &[&here[..], &["--user", "bo", "--top", "3"]].concat());
    page_has("state --user", &bo);
    assert_eq!((bo["status"].as_str(), &bo["score"]["received"]["retweets"]), (Some("rated"), &Value::from(ACTS)));
    assert_eq!((&bo["fans"], bo["top_fans"].as_array().map(Vec::len)), (&Value::from(ACTS), Some(3)));
    let fan = bo["top_fans"][0]["user"].as_str().expect("a name").to_owned();
    let fan = json(&scene, &[&here[..], &["--user", &fan]].concat());
    page_has("state --user", &fan);
    assert_eq!((&fan["acts_on"], &fan["top_targets"][0]["user"]), (&Value::from(1), &Value::from("bo")), "{fan:#}");
    let text = inspect(&scene, &[&here[..], &["--user", "bo"]].concat()).stdout;
    assert!(text.contains("60 fans") && text.contains(", 60 retweets; "), "{text}");
    // What is said to be equal is so.
    let factors: f64 =
        ["reach", "amplification", "network", "openness", "room"].map(|key| number(&bo["score"][key])).iter().product();
    let influence = number(&bo["score"]["influence"]);
    assert!((factors + number(&bo["score"]["audience"]) - influence).abs() < 1e-4 * influence, "{bo:#}");
    assert!(text.contains(" × openness ") && text.contains(" × room "), "{text}");
    let nobody = inspect(&scene, &[&here[..], &["--user", "B o"]].concat());
    assert!(nobody.code == Some(0) && nobody.stdout.contains("unknown"), "{}{}", nobody.stdout, nobody.stderr);

    // Without brokers the heads can be read, and nobody's row.
    let away = ["--brokers", "127.0.0.1:1"];
    let heads = json(&scene, &[&here[..], &away].concat());
    assert!(heads["note"].as_str().is_some_and(|note| note.contains("key of the hash of names")), "{heads:#}");
    assert_eq!(
        (&heads["checkpoints"][0]["people"], &heads["checkpoints"][0]["inputs"]),
        (&Value::Null, &state["checkpoints"][0]["inputs"])
    );
    assert_eq!(inspect(&scene, &[&here[..], &away, &["--user", "bo"]].concat()).code, Some(69));
    // A copy of the application's own folder will do.
    let own = folder.0.join(&scene.id);
    let copy = json(&scene, &["state", "--checkpoints", own.to_str().expect("a path in UTF-8")]);
    assert_eq!(copy["checkpoints"][1]["digest"], state["checkpoints"][1]["digest"]);
    assert!(files(&folder.0) == before, "it has written something");

    // The newest of a shard is torn: the one before it counts, and that is told.
    let newest = before.keys().rfind(|path| path.extension().is_some_and(|end| end == "checkpoint")).expect("one");
    fs::write(newest, b"torn").expect("it can be written");
    let torn = json(&scene, &here);
    let (was, now) = (&state["checkpoints"][1], &torn["checkpoints"][1]);
    assert!(
        now["sequence"].as_u64() < was["sequence"].as_u64()
            && now["unusable"][0].as_str().is_some_and(|why| why.contains("torn")),
        "{now:#}"
    );

    let nowhere = folder.0.join("nowhere");
    for (place, code, told) in [
        (nowhere.as_path(), 2, "there is no such folder"),
        (folder.0.parent().expect("a folder"), 2, "there are no checkpoints"),
    ] {
        let ran = inspect(&scene, &["state", "--checkpoints", place.to_str().expect("a path in UTF-8")]);
        assert!(ran.code == Some(code) && ran.stderr.contains(told), "{:?} {}", ran.code, ran.stderr);
    }
    assert!(!nowhere.exists());
}

#[test]
fn a_journal_says_what_was_committed_and_what_is_wrong_with_it() {
    const ACTS: usize = 40;
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let folder = Folder::new();
    let mut scene = Scene::new(broker, "json", &[]).with(&["--checkpoints", folder.text(), "--checkpoint-every", "1h"]);
    scene.start();
    scene.act(ACTS, 0);
    scene.wait("all are taken", |scene| scene.metric("clout_events_total") == ACTS as f64);
    // It is read while somebody writes to it.
    let journal = json(&scene, &["journal"]);
    page_has("journal", &journal);
    let shards = journal["shards"].as_array().expect("a list");
    assert_eq!((shards.len(), &journal["faults"]), (PARTITIONS, &Value::from(0)));
    let sum = |of: &dyn Fn(&Value) -> u64| shards.iter().map(of).sum::<u64>();
    assert_eq!(sum(&|shard| shard["records"].as_u64().expect("a number")), ACTS as u64);
    let last = |shard: &Value| shard["last"].as_array().and_then(|last| last.last()).cloned().expect("a slice");
    assert_eq!(sum(&|shard| last(shard)["inputs"][0]["next"].as_u64().expect("an offset")), ACTS as u64);
    assert!(shards.iter().all(|shard| shard["is_whole"] == true && shard["first_sequence"] == 0), "{journal:#}");
    let text = inspect(&scene, &["journal", "--shard", "1", "--last", "100000"]).stdout;
    assert!(
        text.contains("genesis to ") && text.contains("where the first slice begins") && !text.contains("shard 0"),
        "{text}"
    );
    scene.stop();
    produce(broker, &format!("{}-journal", scene.id), 0, b"", b"\xff\xff\xff");
    let ran = inspect(&scene, &["journal", "--last", "0"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stdout.contains("FAULT") && ran.stdout.contains("is not a record of a journal"), "{}", ran.stdout);
    assert!(ran.stderr.contains("1 fault in "), "{}", ran.stderr);
}
