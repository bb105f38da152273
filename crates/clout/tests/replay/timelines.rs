//! How scores moved.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::program::{Directory, generated, lines, many};

#[test]
fn each_step_is_what_until_gives() {
    let world = worlds::World { users: 100, events: 20_000, follows: 0.1, ..worlds::World::default() };
    let directory = Directory::new().with("log", generated(world));
    assert_eq!(
        directory.replay("log --quiet --timeline 5d --timeline-out steps.ndjson --scores-out with.ndjson").code,
        0
    );
    let mut steps: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in lines(&directory.read("steps.ndjson")) {
        steps.entry(line["as_of"].as_str().unwrap().to_owned()).or_default().push(line);
    }
    let times: Vec<&str> = steps.keys().map(String::as_str).collect();
    assert_eq!(times.len(), 6, "{times:?}");
    assert_eq!(times[0], "2025-01-02T00:00:00Z", "a whole multiple of five days since 1970");
    for (time, step) in steps {
        assert_eq!(by_user(step), by_user(directory.scores(&format!("log --until {time}"))), "{time}");
    }
    directory.replay("log --quiet --scores-out without.ndjson");
    assert_eq!(directory.read("with.ndjson"), directory.read("without.ndjson"), "looking at a score does not move it");
}

fn by_user(table: Vec<Value>) -> BTreeMap<String, Value> {
    table.into_iter().map(|line| (line["user"].as_str().unwrap().to_owned(), line)).collect()
}

#[test]
fn all_movements_lead_to_the_final_scores() {
    let directory = Directory::new().with("log", many(200_000));
    for name in ["moves.ndjson", "moves.jsonl.gz", "moves.csv"] {
        let ran =
            directory.replay(&format!("log --quiet --timeline all --timeline-out {name} --scores-out scores.ndjson"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    let mut last: BTreeMap<String, f64> = BTreeMap::new();
    for line in lines(&directory.read("moves.ndjson")) {
        let user = line["user"].as_str().unwrap().to_owned();
        let before = last.insert(user, line["score"].as_f64().unwrap());
        match (before, line["previous"].as_f64()) {
            (Some(before), Some(previous)) => assert!((before - previous).abs() <= 1e-4, "{before}: {line}"),
            (before, previous) => assert_eq!(before, previous, "{line}"),
        }
    }
    for line in lines(&directory.read("scores.ndjson")) {
        let published = last[line["user"].as_str().unwrap()];
        assert!((published - line["score"].as_f64().unwrap()).abs() <= 0.1, "{line}");
    }
    let packed = std::fs::read(directory.path("moves.jsonl.gz")).unwrap();
    let unpacked = std::io::read_to_string(flate2::read::GzDecoder::new(&packed[..])).unwrap();
    assert_eq!(unpacked, directory.read("moves.ndjson"));
    let table = directory.read("moves.csv");
    assert_eq!(table.lines().count(), unpacked.lines().count() + 1);
    assert!(table.starts_with("user,at,score,previous,influence,reach,"));
}

#[test]
fn those_who_vanish_are_told() {
    let directory =
        Directory::new().with("log", "ana bo 1735689600 RT\n").with("profiles", r#"{"user": "bo", "opted_out": true}"#);
    directory.replay("log --profiles profiles --quiet --timeline all --timeline-out moves.ndjson");
    assert_eq!(directory.read("moves.ndjson"), "", "one who was never there does not vanish");
}

/// Each run draws another key for the hash of names, and nothing that it writes shows it.
#[test]
fn two_runs_write_the_same_bytes() {
    let world = worlds::World { users: 300, events: 20_000, follows: 0.1, ..worlds::World::default() };
    let directory = Directory::new().with("log", generated(world)).with("profiles", r#"{"user": "1", "trust": 2}"#);
    for partitions in [1, 4, 16] {
        let run = |number: u32| {
            let options = format!("--partitions {partitions} --profiles profiles --quiet --user 1 --user 2");
            let files = format!("--scores-out scores-{number}.csv --timeline all --timeline-out moves-{number}.ndjson");
            let ran = directory.replay(&format!("log {options} {files}"));
            assert_eq!(ran.code, 0, "{}", ran.stderr);
            [
                ran.stdout,
                directory.read(&format!("scores-{number}.csv")),
                directory.read(&format!("moves-{number}.ndjson")),
            ]
        };
        let first = run(1);
        assert!(first[1..].iter().all(|text| text.lines().count() > 10), "{}", first[2].len());
        for number in 2..5 {
            assert!(run(number) == first, "run {number} on {partitions} partitions");
        }
    }
}
