//! Scores in Parquet, in the hands of DuckDB.

use std::path::PathBuf;
use std::process::Command;

use crate::replay::program::{Directory, generated, many};

/// A Python that has DuckDB, as `.ci/tools` installs it; `None` without, unless somebody insists.
pub(crate) fn python() -> Option<PathBuf> {
    let folders = std::env::var_os("CLOUT_TOOLS").or_else(|| std::env::var_os("PATH")).unwrap_or_default();
    let has_duckdb = |python: &PathBuf| {
        Command::new(python).args(["-c", "import duckdb"]).output().is_ok_and(|output| output.status.success())
    };
    let found = std::env::split_paths(&folders).map(|folder| folder.join("python3")).find(has_duckdb);
    if found.is_none() {
        let message = "skipped: no python3 with duckdb found; .ci/tools names it";
        assert!(std::env::var("CLOUT_TOOLS_REQUIRED") != Ok("1".to_owned()), "{message}");
        eprintln!("{message}");
    }
    found
}

/// Runs queries in DuckDB and returns their rows, a line a query.
pub(crate) fn asked(python: &PathBuf, directory: &Directory, queries: &[&str]) -> String {
    let script = "import duckdb, sys\nfor q in sys.argv[1:]: print(duckdb.sql(\"set TimeZone = 'UTC'; set enable_progress_bar = false\") or duckdb.sql(q).fetchall())";
    let output =
        Command::new(python).args(["-c", script]).args(queries).current_dir(directory.path(".")).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn columns_hold_what_lines_hold() {
    let Some(python) = python() else { return };
    // More people than are held in memory.
    let rest: String =
        (0..135_000).map(|user| format!("fan{} {user} {}\n", user % 1_000, 1_600_000_000 + user)).collect();
    let world = worlds::World { users: 5_000, events: 40_000, follows: 0.1, ..worlds::World::default() };
    let directory = Directory::new().with("log", generated(world)).with("rest", rest);
    for name in ["s.parquet", "s.csv"] {
        assert_eq!(directory.replay(&format!("log rest -q --scores-out {name}")).code, 0);
    }
    let both = "from (from 's.parquet' select * replace (strftime(as_of, '%Y-%m-%dT%H:%M:%S.%gZ') as as_of))";
    let lines = "from (from read_csv('s.csv', types={'user': 'VARCHAR', 'as_of': 'VARCHAR'}) select * replace \
                 (strftime(as_of::timestamptz, '%Y-%m-%dT%H:%M:%S.%gZ') as as_of))";
    let differences = |one: &str, other: &str| format!("select count(*) from ({one} except {other})");
    let queries = [
        &differences(both, lines),
        &differences(lines, both),
        "select count(*) = (select count(*) from 's.csv') and count(*) > 131072 from 's.parquet'",
        "select list(column_type) from (describe from 's.parquet')",
    ];
    assert_eq!(
        asked(&python, &directory, &queries),
        format!(
            "[(0,)]\n[(0,)]\n[(True,)]\n[(['VARCHAR', 'UBIGINT', {}{}'DOUBLE', 'TIMESTAMP WITH TIME ZONE', 'DOUBLE'],)]\n",
            "'DOUBLE', ".repeat(vocabulary::Score::default().factors().len() + 2),
            "'UBIGINT', ".repeat(vocabulary::Kind::COUNTED.len() + 2),
        )
    );
}

#[test]
fn what_a_network_calls_people_is_null_where_it_is_not_known() {
    let Some(python) = python() else { return };
    let post = r#"{"id_str":"1","created_at":"Wed Jan 01 12:00:00 +0000 2025","full_text":"@bo","lang":"en","user":{"id_str":"11","screen_name":"ana","name":"Ana \u00c9"},"entities":{"user_mentions":[{"id_str":"12","screen_name":"bo","name":"Bo"},{"id_str":"11","screen_name":"ana","name":"Ana"}]}}"#;
    let answer = r#"{"id_str":"2","created_at":"Wed Jan 01 13:00:00 +0000 2025","full_text":"@ana","lang":"en","in_reply_to_status_id_str":"1","in_reply_to_user_id_str":"11","in_reply_to_screen_name":"ana","user":{"id_str":"13","screen_name":"cy","name":"Cy"},"entities":{"user_mentions":[]}}"#;
    let directory = Directory::new().with("posts.jsonl", format!("{post}\n{answer}\n"));
    let ran = directory.replay("posts.jsonl --scores-out s.parquet --scores-out s.parquet");
    assert_ne!(ran.code, 0, "an option is given once");
    let ran = directory.replay("posts.jsonl --scores-out s.parquet");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let queries = ["select user, handle, display_name, is_bot, language, country from 's.parquet' order by user"];
    assert_eq!(
        asked(&python, &directory, &queries),
        "[('x:11', 'ana', 'Ana É', None, 'en', None), ('x:12', None, None, None, None, None)]\n"
    );
}

#[test]
fn timelines_are_columns_too_and_diff_reads_them() {
    let directory = Directory::new().with("log", many(3_000));
    let ran = directory.replay("log -q --timeline 1d --timeline-out steps.parquet --scores-out a.parquet");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(directory.replay("log -q --scores-out b.csv.gz").code, 0);
    let diff = |a: &str, b: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_clout"))
            .args(["diff", a, b, "--json"])
            .current_dir(directory.path("."))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let same = diff("a.parquet", "b.csv.gz");
    assert_eq!(same["a"]["as_of"], same["b"]["as_of"]);
    assert_eq!(same, {
        let mut reversed = diff("b.csv.gz", "b.csv.gz");
        reversed["a"] = same["a"].clone();
        reversed["b"] = same["b"].clone();
        reversed
    });
    let Some(python) = python() else { return };
    let queries = ["select count(distinct as_of) > 1 from 'steps.parquet'"];
    assert_eq!(asked(&python, &directory, &queries), "[(True,)]\n");
}

#[test]
fn parquet_is_not_packed_once_more() {
    let ran = Directory::new().with("log", many(10)).replay("log --scores-out s.parquet.gz");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("or in .parquet"), "{}", ran.stderr);
}

#[test]
fn the_queries_of_the_page_tell_what_the_files_hold() {
    let Some(python) = python() else { return };
    let page = include_str!("../../../../../docs/subscribe.md");
    let (_, block) = page.split_once("<!-- the queries -->\n```sql\n").expect("the page has them");
    let queries: Vec<&str> = block.split_once("```").expect("an end").0.split_terminator(";\n").collect();
    let directory = Directory::new().with("log", many(20_000));
    let ran = directory.replay("log --json --top 10 --scores-out scores.parquet --history-out days.parquet");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let told = asked(&python, &directory, &queries);
    let answers: Vec<&str> = told.lines().collect();
    let top: Vec<String> = ran.document()["top"]
        .as_array()
        .expect("a ranking")
        .iter()
        .map(|row| format!("({}, '{}'", row["rank"], row["user"].as_str().expect("a name")))
        .collect();
    assert!(answers.len() == 3 && top.len() == 10 && top.iter().all(|row| answers[0].contains(row)), "{told}{top:?}");
    let people = asked(&python, &directory, &["select sum(people) from (select 1 as people from 'scores.parquet')"]);
    let counted = asked(&python, &directory, &[&format!("select sum(people) from ({})", queries[1])]);
    assert_eq!(counted, people);
    assert_eq!(answers[2].matches('(').count(), 10, "{told}");
}
