//! `docs/output.md` names every column and every key that is written, and no other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::replay::program::{Directory, Ran, many};

const PAGE: &str = include_str!("../../../../../docs/output.md");

/// The rows of the table below this comment: the cells of each.
fn table(mark: &str) -> Vec<Vec<&'static str>> {
    let below = PAGE.split_once(&format!("<!-- {mark} -->\n")).unwrap().1;
    let rows = below.lines().take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// The words in backticks.
fn words(cell: &'static str) -> Vec<&'static str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn columns() -> Vec<&'static str> {
    table("columns").into_iter().map(|row| words(row[0])[0]).collect()
}

/// The keys of an object in the order in which they are written; no name in it has a quotation mark.
fn keys(line: &str) -> Vec<&str> {
    line.split('"').collect::<Vec<_>>().windows(2).filter(|pair| pair[1].starts_with(':')).map(|pair| pair[0]).collect()
}

#[test]
fn all_columns_are_described_and_alike_in_every_format() {
    let directory = Directory::new().with("log", many(3_000));
    for format in ["ndjson", "csv"] {
        let outputs = format!("--scores-out s.{format} --timeline 10d --timeline-out t.{format}");
        assert_eq!(directory.replay(&format!("log -q {outputs}")).code, 0);
    }
    for name in ["s", "t"] {
        let table = directory.read(&format!("{name}.csv"));
        let lines = directory.read(&format!("{name}.ndjson"));
        assert_eq!(table.lines().next().unwrap().split(',').collect::<Vec<_>>(), columns(), "{name}.csv");
        assert!(lines.lines().all(|line| keys(line) == columns()), "{name}.ndjson: {}", lines.lines().next().unwrap());
        assert_eq!(table.lines().count(), lines.lines().count() + 1);
        for (row, line) in table.lines().skip(1).zip(lines.lines()) {
            let line: Value = serde_json::from_str(line).unwrap();
            for (cell, key) in row.split(',').zip(columns()) {
                let is_same = match &line[key] {
                    Value::String(text) => text == cell,
                    number => cell.parse::<f64>().ok() == number.as_f64(),
                };
                assert!(is_same, "{key}: {cell} and {}", line[key]);
            }
        }
    }
    let scores = directory.read("s.csv");
    let digits = |cell: &str| cell.trim_matches(['-', '0', '.']).replace('.', "").trim_start_matches('0').len();
    for cell in scores.lines().skip(1).flat_map(|row| row.split(',').skip(2).take(7)) {
        assert!(digits(cell) <= 7, "{cell}");
    }
    let ranks: Vec<usize> = scores.lines().skip(1).map(|row| row.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert!(ranks[0] == 1 && ranks.is_sorted() && ranks.iter().enumerate().all(|(place, rank)| *rank <= place + 1));
}

/// Adds the keys of each object, by where it stands.
fn collect(path: &str, value: &Value, found: &mut BTreeMap<String, BTreeSet<String>>) {
    match value {
        Value::Object(object) => {
            found.entry(path.to_owned()).or_default().extend(object.keys().cloned());
            for (key, value) in object {
                let dot = if path.is_empty() { "" } else { "." };
                collect(&format!("{path}{dot}{key}"), value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(&format!("{path}[]"), item, found)),
        _ => {}
    }
}

#[test]
fn all_keys_of_the_document_are_described() {
    let far = "u1 u2 2000000000 RT\n";
    let log = [&many(3_000)[..], far.as_bytes()].concat();
    let ran = Directory::new()
        .with("log", log)
        .replay("log --json --top 2 --user u2 --user nobody --timeline 1000d --timeline-out t.csv --history-out d.csv --credits-out c.csv --until 2033-05-19");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let mut found = BTreeMap::new();
    collect("", &ran.document(), &mut found);
    let mut described = BTreeMap::new();
    for row in table("keys") {
        let path = words(row[0]).first().copied().unwrap_or_default();
        let keys = if row[1] == "a line of scores" { columns() } else { words(row[1]) };
        described.insert(path.to_owned(), keys.into_iter().map(str::to_owned).collect::<BTreeSet<_>>());
    }
    // Two names with one hash are not to be had.
    assert!(described.remove("summary.first_collisions[]").is_some());
    assert_eq!(found, described);
}

/// Lines as they were written before ranks were.
const OLD_CSV: &str = "\
user,score,influence,reach,amplification,network,openness,audience,mentions,retweets,replies,followers,following,percentile,as_of,scale
u1,71.25,9.5,0.3333333333333333,1.0,0.0,0.1,0.0,1,2,3,4,5,99.9,2012-07-01T00:02:52.25Z,250.0
";
const OLD_JSON: &str = r#"{"user":"u1","score":71.25,"influence":9.5,"reach":0.3333333333333333,"amplification":1.0,"network":0.0,"openness":0.1,"audience":0.0,"received":{"mentions":1,"retweets":2,"replies":3},"followers":4,"following":5,"percentile":99.9,"as_of":"2012-07-01T00:02:52.25Z","scale":250.0}
"#;

#[test]
fn tables_of_older_versions_are_compared_with_new_ones() {
    let directory = Directory::new().with("log", many(3_000)).with("old.csv", OLD_CSV).with("old.ndjson", OLD_JSON);
    for format in ["ndjson", "csv"] {
        assert_eq!(directory.replay(&format!("log -q --scores-out new.{format}")).code, 0);
    }
    for old in ["old.csv", "old.ndjson"] {
        for new in ["new.csv", "new.ndjson"] {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_clout"));
            let ran =
                Ran::of(command.args(["diff", old, new, "--json"]).current_dir(directory.path("")).output().unwrap());
            assert_eq!(ran.code, 0, "{}", ran.stderr);
            let largest = &ran.document()["largest"][0];
            assert_eq!((&largest["user"], &largest["a"]), (&"u1".into(), &71.25.into()), "{}", ran.stdout);
        }
    }
}
