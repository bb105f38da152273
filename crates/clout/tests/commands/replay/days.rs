//! How people stood at the ends of days.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::replay::program::{Directory, generated, lines};

fn by_time(table: Vec<Value>) -> BTreeMap<String, BTreeMap<String, Value>> {
    let mut days: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    for line in table {
        let [as_of, user] = ["as_of", "user"].map(|key| line[key].as_str().expect("a text").to_owned());
        assert!(days.entry(as_of).or_default().insert(user, line).is_none(), "once a day");
    }
    days
}

#[test]
fn each_line_is_what_until_gives_and_who_has_none_has_not_moved() {
    let world = worlds::World { users: 100, events: 20_000, follows: 0.1, ..worlds::World::default() };
    let directory = Directory::new().with("log", generated(world));
    let ran = directory.replay("log --half-life 3d --history-out days.ndjson --scores-out with.ndjson");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let days = by_time(lines(&directory.read("days.ndjson")));
    let rows: usize = days.values().map(BTreeMap::len).sum();
    assert!(
        ran.stderr.contains(&format!("history   {} rows, as of {} times", words(rows), days.len())),
        "{}",
        ran.stderr
    );
    assert!(days.len() > 20 && days.keys().all(|time| time.ends_with("T00:00:00Z")), "{:?}", days.keys());
    let mut last: BTreeMap<String, f64> = BTreeMap::new();
    for (number, (time, day)) in days.iter().enumerate() {
        // The event at midnight is of the next day; no event of this log is.
        if number % 6 == 0 {
            for line in directory.scores(&format!("log --half-life 3d --until {time}")) {
                let user = line["user"].as_str().expect("a name");
                let score = line["score"].as_f64().expect("a number");
                match day.get(user) {
                    Some(close) => assert_eq!(*close, line, "{time}"),
                    None => {
                        assert!((score - last[user]).abs() < 0.0501, "{user} has moved from {} to {score}", last[user])
                    }
                }
            }
        }
        last.extend(day.iter().map(|(user, line)| (user.clone(), line["score"].as_f64().expect("a number"))));
    }
    directory.replay("log --quiet --half-life 3d --scores-out without.ndjson");
    assert_eq!(directory.read("with.ndjson"), directory.read("without.ndjson"), "looking at a day does not move it");
    let summary = directory.replay("log --json --half-life 3d --history-out days.csv").document()["summary"].clone();
    assert_eq!(summary["history"]["rows"], rows);
}

/// As the program writes numbers.
fn words(number: usize) -> String {
    match number {
        ..1_000 => number.to_string(),
        _ => format!("{},{:03}", number / 1_000, number % 1_000),
    }
}

#[test]
fn two_runs_write_the_same_bytes_and_partitions_agree_as_scores_do() {
    let world = worlds::World { users: 300, events: 20_000, follows: 0.1, ..worlds::World::default() };
    let directory = Directory::new().with("log", generated(world));
    let run = |file: &str, partitions: u32, options: &str| {
        let ran = directory.replay(&format!("log --quiet {options} --partitions {partitions} --history-out {file}"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        std::fs::read(directory.path(file)).expect("it is written")
    };
    for name in ["days.csv", "days.ndjson", "days.parquet"] {
        assert!(run(name, 1, "") == run(name, 1, ""), "{name}");
    }
    assert!(run("days.csv", 4, "") == run("days.csv", 4, ""), "on 4 partitions");
    let days = |partitions| {
        // So that rates are told however little they are off.
        run("days.ndjson", partitions, "--eps 1e-6 --contact-threshold 1e-6");
        by_time(lines(&directory.read("days.ndjson")))
    };
    let (one, four) = (days(1), days(4));
    assert!(one.keys().eq(four.keys()), "the days are the same");
    let (mut both, mut alone) = (0, 0);
    for (time, one) in &one {
        let four = &four[time];
        for (user, line) in one {
            let Some(other) = four.get(user) else {
                alone += 1;
                continue;
            };
            both += 1;
            let score = |line: &Value| line["score"].as_f64().expect("a number");
            assert!((score(line) - score(other)).abs() < 0.02, "{time} {line} {other}");
            assert_eq!(line["mentions"], other["mentions"], "{time} {user}");
        }
    }
    assert!(both > 1_000 && alone * 20 < both, "{both} in both, {alone} in one");
}

#[test]
fn days_without_events_are_passed_over_and_the_end_is_said_by_until() {
    let directory = Directory::new().with("log", "ana bo 1735689600 RT\nana bo 1736035200 RT\n");
    for (options, times) in [
        ("", &["2025-01-02T00:00:00Z", "2025-01-05T00:00:00Z"][..]),
        ("--until 2025-01-06", &["2025-01-02T00:00:00Z", "2025-01-05T00:00:00Z", "2025-01-06T00:00:00Z"]),
        ("--until 2025-01-01T12:00:00Z", &[]),
    ] {
        let ran = directory.replay(&format!("log --quiet --half-life 2d --history-out days.ndjson {options}"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let days = lines(&directory.read("days.ndjson"));
        assert_eq!(
            days.iter().map(|line| line["as_of"].as_str().expect("a time")).collect::<Vec<_>>(),
            times,
            "{options}"
        );
    }
    // The event at midnight of the fifth is of the next day.
    assert_eq!(lines(&directory.read("days.ndjson")).len(), 0);
    let refused = directory.replay("log --history-out days.txt");
    assert!(
        refused.code == 2 && refused.stderr.contains("--history-out days.txt: the name must end in"),
        "{}",
        refused.stderr
    );
    let refused = directory.replay("log --history-out days.csv --state folder");
    assert!(refused.code == 2 && refused.stderr.contains("cannot be used with"), "{}", refused.stderr);
}
