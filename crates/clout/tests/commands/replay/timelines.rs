//! How scores moved.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::replay::program::{Directory, generated, lines, many};

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
    assert_eq!(times.len(), 7, "{times:?}");
    assert_eq!(times[0], "2025-01-02T00:00:00Z", "a whole multiple of five days since 1970");
    let end = times[6].to_owned();
    assert!(!end.ends_with("T00:00:00Z"), "the log ends within a step: {end}");
    assert_eq!(steps[&end], lines(&directory.read("with.ndjson")), "the end is there");
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
fn an_end_at_a_step_is_written_once() {
    let directory = Directory::new().with("log", "ana bo 1735689600 RT\nana cy 1735693200 RT\n");
    for (options, times) in [
        ("--timeline 1h", &["2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z"][..]),
        (
            "--timeline 1h --until 2025-01-01T01:30:00Z",
            &["2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z", "2025-01-01T01:30:00Z"],
        ),
        ("--timeline 1000d", &["2025-01-01T01:00:00Z"]),
    ] {
        let ran = directory.replay(&format!("log {options} --timeline-out steps.ndjson --user bo"));
        let steps = lines(&directory.read("steps.ndjson"));
        assert_eq!(steps.iter().map(|line| line["as_of"].as_str().unwrap()).collect::<Vec<_>>(), times, "{options}");
        let (rows, word) = (times.len(), if times.len() == 1 { "time" } else { "times" });
        let told = format!("timeline  {rows} row{}, as of {rows} {word}", if rows == 1 { "" } else { "s" });
        assert!(ran.stderr.contains(&told), "{told}: {}", ran.stderr);
    }
    let summary = directory.replay("log --json --timeline 1h --timeline-out steps.csv").document()["summary"].clone();
    assert_eq!((&summary["timeline"]["rows"], &summary["timeline"]["times"]), (&3.into(), &2.into()));
}

#[test]
fn steps_that_would_fill_the_disk_are_not_begun() {
    let directory = Directory::new().with("log", "ana bo 1735689600 RT\nana cy 1738281600 RT\n");
    let ran = directory.replay("log --timeline 1ms --timeline-out steps.csv");
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let error = "error: --timeline 1 ms: from 2025-01-01T00:00:00Z to 2025-01-31T00:00:00Z that is more than 1,000,000 steps: a \
                 longer one makes fewer";
    assert!(ran.stderr.contains(error), "{}", ran.stderr);
    // Those up to an end that is asked for are counted as well.
    let directory = directory.with("one", "ana bo 1735689600 RT\n");
    let ran = directory.replay("one --timeline 1ms --timeline-out steps.csv --until 2025-01-31T00:00:00Z");
    assert!(ran.code == 2 && ran.stderr.contains(error), "{}", ran.stderr);
    assert!(!directory.path("steps.csv").exists(), "what is not whole is not there");
}

#[test]
fn a_timeline_is_of_those_who_are_asked_for() {
    let directory = Directory::new().with("log", many(20_000));
    let rows = |options: &str| {
        let ran = directory.replay(&format!("log --quiet --timeline 10d --timeline-out t.ndjson {options}"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        lines(&directory.read("t.ndjson"))
    };
    let all = rows("");
    assert_eq!(rows("--top 0"), all);
    let of = |is_of: &dyn Fn(&Value) -> bool| all.iter().filter(|line| is_of(line)).cloned().collect::<Vec<_>>();
    let (is_first, is_user) = (|line: &Value| line["rank"].as_u64() <= Some(3), |line: &Value| line["user"] == "u50");
    assert_eq!(rows("--user u50"), of(&is_user));
    assert_eq!(rows("--top 3"), of(&is_first));
    assert_eq!(rows("--names folded --top 3 --user @U50"), of(&|line| is_first(line) || is_user(line)));
    assert!(of(&is_first).len() > 6 && !of(&is_user).is_empty() && all.len() > 100);
    assert_eq!(rows("--user nobody"), Vec::<Value>::new());
}

#[test]
fn two_runs_write_the_same_bytes() {
    let world = worlds::World { users: 300, events: 20_000, follows: 0.1, ..worlds::World::default() };
    let directory = Directory::new().with("log", generated(world)).with("profiles", r#"{"user": "u1", "trust": 2}"#);
    for partitions in [1, 4, 16] {
        let run = |number: u32| {
            let options = format!("--partitions {partitions} --profiles profiles --quiet --user u1 --user u2 --top 20");
            let files = format!("--scores-out scores-{number}.csv --timeline 5d --timeline-out moves-{number}.ndjson");
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
