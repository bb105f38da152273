//! What acts gave, as `--credits-out` writes it.

use std::collections::BTreeMap;

use serde_json::Value;
use vocabulary::Kind;

use crate::replay::parquet::{asked, python};
use crate::replay::program::{Directory, generated, lines, many};

fn world() -> Vec<u8> {
    let kinds = [(Kind::Mention, 0.3), (Kind::Retweet, 0.3), (Kind::Reply, 0.2), (Kind::Like, 0.1), (Kind::Quote, 0.1)];
    let mix = kinds.into_iter().fold(worlds::Mix::none(), |mix, (kind, weight)| mix.with(kind, weight));
    generated(worlds::World { users: 300, events: 20_000, follows: 0.1, mix, ..worlds::World::default() })
}

fn number(row: &Value, name: &str) -> f64 {
    row[name].as_f64().unwrap_or_else(|| panic!("{name} of {row}"))
}

fn text<'r>(row: &'r Value, name: &str) -> &'r str {
    row[name].as_str().unwrap_or_else(|| panic!("{name} of {row}"))
}

/// The window is so long that nothing is forgotten: what acts added to the weights of pairs, aged, times the newest rates, is what the fans
/// of everybody give.
#[test]
fn what_acts_gave_adds_up_to_what_the_engine_publishes() {
    let directory = Directory::new().with("log", world());
    for partitions in [1, 4] {
        let options = "--half-life 30d --window 1500d";
        let out = "--credits-out credits.ndjson --scores-out scores.ndjson";
        let ran = directory.replay(&format!("log --json {options} --partitions {partitions} {out}"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let rows = lines(&directory.read("credits.ndjson"));
        let (acts, rates): (Vec<&Value>, Vec<&Value>) = rows.iter().partition(|row| !row["target"].is_null());
        let summary = ran.document()["summary"].clone();
        assert_eq!(
            (&summary["credits"]["acts"], &summary["credits"]["rates"]),
            (&acts.len().into(), &rates.len().into())
        );
        assert!(acts.len() > 15_000 && !rates.is_empty(), "{} acts, {} rates", acts.len(), rates.len());
        assert!(rates.iter().all(|row| row["kind"].is_null() && row["votes"].is_null()));
        // Of one time a rate that changed holds before that of an act.
        let mut newest = BTreeMap::<&str, (i64, bool, f64)>::new();
        for row in &rows {
            let told = (wire::parse_time(text(row, "at")).unwrap(), row["target"].is_null(), number(row, "rate"));
            let kept = newest.entry(text(row, "actor")).or_insert(told);
            if (told.0, told.1) >= (kept.0, kept.1) {
                *kept = told;
            }
        }
        let end = wire::parse_time(text(&ran.document()["summary"], "as_of")).unwrap();
        let mut given = BTreeMap::<&str, f64>::new();
        let mut counts = BTreeMap::<(&str, &str), u64>::new();
        for row in acts {
            let age = (end - wire::parse_time(text(row, "at")).unwrap()) as f64 / number(row, "half_life_ms");
            let weight = number(row, "votes") / number(row, "rate") * (-age).exp2();
            *given.entry(text(row, "target")).or_default() += weight * newest[text(row, "actor")].2;
            *counts.entry((text(row, "target"), text(row, "kind"))).or_default() += 1;
        }
        let scores = lines(&directory.read("scores.ndjson"));
        assert!(scores.len() > 200 && given.len() == scores.len(), "{} and {}", given.len(), scores.len());
        for line in &scores {
            let user = text(line, "user");
            let published = number(line, "reach") * number(line, "amplification") * number(line, "network");
            let by_credits = given[user];
            assert!(
                (by_credits - published).abs() < 1e-5 * published,
                "{user} on {partitions}: {by_credits} by credits, {published} published"
            );
            for kind in Kind::COUNTED {
                let told = counts.get(&(user, kind.word())).copied().unwrap_or(0);
                assert_eq!(line[kind.plural()], told, "{user}: {}", kind.word());
            }
        }
    }
}

#[test]
fn scores_are_the_same_with_credits_and_two_runs_write_the_same_bytes() {
    let directory = Directory::new().with("log", world());
    for partitions in [1, 4] {
        let run = |options: &str| {
            let out = format!("log --quiet --half-life 3d --partitions {partitions} --scores-out scores.csv {options}");
            let ran = directory.replay(&out);
            assert_eq!(ran.code, 0, "{}", ran.stderr);
            directory.read("scores.csv")
        };
        let without = run("--history-out days.csv");
        let days = directory.read("days.csv");
        let with = run("--history-out days.csv --credits-out one.csv");
        assert!(with == without && directory.read("days.csv") == days, "on {partitions} partitions");
        run("--credits-out other.csv");
        assert!(directory.read("one.csv") == directory.read("other.csv"), "a look at days tells nothing");
    }
}

#[test]
fn columns_and_packed_lines_hold_what_lines_hold() {
    let Some(python) = python() else { return };
    let directory = Directory::new().with("log", world());
    for name in ["c.csv", "c.csv.gz", "c.ndjson.zst", "c.parquet"] {
        assert_eq!(directory.replay(&format!("log -q --credits-out {name}")).code, 0, "{name}");
    }
    assert_eq!(directory.read("c.csv").lines().next(), Some("actor,target,kind,at,votes,rate,half_life_ms,window_ms"));
    let read = |from: &str| {
        format!(
            "select actor, target, kind, \"at\"::timestamptz as happened, votes::float as votes, rate::float as rate, \
             half_life_ms::bigint as h, window_ms::bigint as w from {from}"
        )
    };
    let csv = |name: &str| read(&format!("read_csv('{name}', types={{'actor': 'VARCHAR', 'target': 'VARCHAR'}})"));
    let tables = [csv("c.csv"), csv("c.csv.gz"), read("read_json('c.ndjson.zst')"), read("'c.parquet'")];
    let mut queries =
        vec!["select count(*) > 15000, count(target) < count(*), count(distinct kind) from 'c.parquet'".to_owned()];
    for (one, other) in tables.iter().zip(&tables[1..]) {
        queries.extend([format!("select count(*) from ({one} except all {other})")]);
        queries.extend([format!("select count(*) from ({other} except all {one})")]);
    }
    queries.push("select list(column_type) from (describe from 'c.parquet')".to_owned());
    let queries: Vec<&str> = queries.iter().map(String::as_str).collect();
    assert_eq!(
        asked(&python, &directory, &queries),
        format!(
            "[(True, True, 5)]\n{}[(['VARCHAR', 'VARCHAR', 'VARCHAR', 'TIMESTAMP WITH TIME ZONE', 'FLOAT', 'FLOAT', 'BIGINT', 'BIGINT'],)]\n",
            "[(0,)]\n".repeat(6)
        )
    );
}

#[test]
fn the_standard_output_has_lines_and_what_cannot_be_is_refused() {
    let directory = Directory::new().with("log", many(3_000));
    let ran = directory.replay("log --credits-out -");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let rows = lines(&ran.stdout);
    assert!(rows.len() > 1_000 && rows.iter().all(|row| row["rate"].is_number()), "{}", rows.len());
    let acts = rows.iter().filter(|row| row["target"].is_string()).count();
    assert!(
        ran.stderr.contains(&format!("credits   of {},{:03} acts, and ", acts / 1_000, acts % 1_000)),
        "{}",
        ran.stderr
    );
    for (options, message) in [
        ("--credits-out c.txt", "--credits-out c.txt: the name must end in"),
        ("--credits-out c.parquet.gz", "or in .parquet"),
        ("--credits-out log", "--credits-out log"),
        ("--scores-out c.csv --credits-out c.csv", "--credits-out c.csv would overwrite a file"),
        ("--scores-out - --credits-out -", "both want the standard output"),
        ("--credits-out c.csv --state folder", "cannot be used with"),
    ] {
        let ran = directory.replay(&format!("log {options}"));
        assert!(ran.code == 2 && ran.stderr.contains(message), "{options}: {}", ran.stderr);
    }
    let ran = directory.with("bad", "nothing of it is an event\n").replay("bad --credits-out c.csv");
    assert!(ran.code != 0, "{}", ran.stderr);
}

#[test]
fn the_query_of_the_page_tells_who_gives_most() {
    let Some(python) = python() else { return };
    let page = include_str!("../../../../../docs/output.md");
    let (_, block) = page.split_once("<!-- the query -->\n```sql\n").expect("the page has it");
    let query = block.split_once(";\n```").expect("an end").0;
    let directory = Directory::new().with("log", world());
    let ran = directory
        .replay("log --json --half-life 5d --eps 1e-6 --top 10 --credits-out credits.parquet --scores-out s.csv");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let script =
        format!("select list({{'target': target, 'actor': actor, 'votes': votes}})::json::varchar from ({query})");
    let told = asked(&python, &directory, &[&script]);
    let told = told.trim().trim_start_matches("[('").trim_end_matches("',)]");
    let pairs: Vec<Value> = serde_json::from_str(told).expect("a list");
    assert_eq!(pairs.len(), 10, "{told}");
    for pair in &pairs {
        let (target, actor) = (text(pair, "target"), text(pair, "actor"));
        let shown = directory.replay(&format!("log --json --half-life 5d --eps 1e-6 --user {target}")).document();
        let fans = shown["users"][0]["score"]["top_fans"].as_array().or(shown["users"][0]["top_fans"].as_array());
        let fans = fans.unwrap_or_else(|| panic!("{shown}"));
        let fan = fans.iter().find(|fan| fan["user"] == actor).unwrap_or_else(|| panic!("{actor} in {fans:?}"));
        let (votes, shown) = (number(pair, "votes"), number(fan, "votes"));
        assert!((votes - shown).abs() < 2e-3 * shown, "{actor} gives {target} {votes}, and {shown} by the engine");
    }
}
