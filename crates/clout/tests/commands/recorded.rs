//! `clout serve` over what a replay wrote: no broker, the same page and API.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const WAIT: Duration = Duration::from_secs(60);

/// `clout serve` over what a replay wrote.
pub(crate) struct Showing {
    process: Child,
    log: std::path::PathBuf,
}

impl Showing {
    pub(crate) fn start(folder: &Path, arguments: &str) -> Showing {
        let log = folder.join("log-of-serve");
        let process = Command::new(env!("CARGO_BIN_EXE_clout"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments.split(' '))
            .current_dir(folder)
            // Nobody is there, and nobody is asked.
            .env("CLOUT_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(&log).expect("it works"))
            .spawn()
            .expect("it works");
        Showing { process, log }
    }

    pub(crate) fn get(&self, path: &str) -> Option<(u16, String)> {
        let told = std::fs::read_to_string(&self.log).expect("it works");
        crate::web::get(crate::web::address_in(&told)?, path)
    }

    pub(crate) fn ask(&self, path: &str) -> Value {
        let until = Instant::now() + WAIT;
        loop {
            match self.get(path) {
                Some((200, body)) => return serde_json::from_str(&body).expect("it works"),
                answer => assert!(
                    Instant::now() < until && !matches!(answer, Some((400 | 404 | 410, _))),
                    "{path}: {answer:?}: {}",
                    std::fs::read_to_string(&self.log).expect("it works")
                ),
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until all files are read.
    pub(crate) fn once_read(self) -> Showing {
        let until = Instant::now() + WAIT;
        while !std::fs::read_to_string(&self.log).expect("it works").contains("all is read") {
            assert!(Instant::now() < until, "{}", std::fs::read_to_string(&self.log).expect("it works"));
            thread::sleep(Duration::from_millis(50));
        }
        self
    }

    pub(crate) fn stop(mut self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("it works").success());
        assert!(self.process.wait().expect("it works").success(), "it stops in good order");
    }
}

impl Drop for Showing {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn run(folder: &Path, arguments: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clout"));
    let output = command.args(arguments.split(' ')).current_dir(folder).output().expect("it works");
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) fn lines(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path)
        .expect("it is there")
        .lines()
        .map(|line| serde_json::from_str(line).expect("it is there"))
        .collect()
}

/// Closes by user, as the file says.
fn closes_of(lines: &[Value]) -> BTreeMap<String, Vec<(String, f64)>> {
    let mut closes = BTreeMap::<String, Vec<(String, f64)>>::new();
    for line in lines {
        let end = wire::parse_time(line["as_of"].as_str().expect("it is there")).expect("it is there");
        let day = wire::rfc3339(end - 86_400_000).expect("it is there")[..10].to_owned();
        let user = line["user"].as_str().expect("it is there").to_owned();
        closes.entry(user).or_default().push((day, line["score"].as_f64().expect("it is there")));
    }
    closes
}

#[test]
fn a_recorded_log_is_browsed_without_kafka() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    run(folder, "generate --users 200 --events 20000 --span 90d --out log.json");
    for format in ["ndjson", "csv.gz", "parquet"] {
        run(
            folder,
            &format!("replay log.json -q --half-life 10d --history-out days.{format} --scores-out scores.{format}"),
        );
    }
    let (days, scores) = (lines(&folder.join("days.ndjson")), lines(&folder.join("scores.ndjson")));
    let closes = closes_of(&days);
    assert!(closes.len() > 50 && days.len() > 1_000);
    for format in ["ndjson", "csv.gz", "parquet"] {
        let showing = Showing::start(folder, &format!("--history days.{format} --scores scores.{format}"));
        for score in scores.iter().step_by(17) {
            let user = score["user"].as_str().unwrap();
            let mut shown = showing.ask(&format!("/v1/users/{user}"));
            for name in ["score", "influence", "room", "received", "as_of", "scale", "followers"] {
                let told = if name == "received" { shown[name]["mentions"].take() } else { shown[name].take() };
                let written = &score[if name == "received" { "mentions" } else { name }];
                let is_same = told == *written
                    || told
                        .as_f64()
                        .zip(written.as_f64())
                        .is_some_and(|(one, other)| (one - other).abs() <= 1e-6 * other.abs());
                assert!(is_same, "{format}, {user}: {name} is {told} and {written}");
            }
            let history = showing.ask(&format!("/v1/users/{user}/history"));
            let told: Vec<(String, f64)> = history["closes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|close| (close["day"].as_str().unwrap().into(), close["score"].as_f64().unwrap()))
                .collect();
            assert_eq!(told, closes[user], "{format}, {user}");
            // The reasons add up for everybody.
            let movement = showing.ask(&format!("/v1/users/{user}/movement?from={}", told[0].0));
            let parts: f64 = movement["parts"].as_object().unwrap().values().map(|part| part.as_f64().unwrap()).sum();
            assert!((parts - movement["change"].as_f64().unwrap()).abs() < 1e-3, "{format}, {user}: {movement}");
        }
        let movers = showing.ask("/v1/movers?span=month");
        assert!(movers["up"].as_array().unwrap().len() + movers["down"].as_array().unwrap().len() > 5, "{movers}");
        showing.stop();
    }
}

#[test]
fn without_scores_everybody_has_the_score_of_the_last_day_and_a_folder_is_filled_once() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    run(folder, "generate --users 50 --events 3000 --span 30d --out log.json");
    run(folder, "replay log.json -q --history-out days.ndjson");
    let closes = closes_of(&lines(&folder.join("days.ndjson")));
    for _ in 0..2 {
        let showing = Showing::start(folder, "--history days.ndjson --views kept");
        let ranking = showing.ask("/v1/ranking?limit=1000");
        let ranking = ranking["users"].as_array().unwrap();
        assert_eq!(ranking.len(), closes.len());
        for one in ranking {
            let user = one["user"].as_str().unwrap();
            assert_eq!(one["score"].as_f64(), closes[user].last().map(|(_, score)| *score));
            let history = showing.ask(&format!("/v1/users/{user}/history"));
            assert_eq!(history["closes"].as_array().unwrap().len(), closes[user].len());
        }
        showing.stop();
    }
}

/// What everybody gave to whom in the newest 30 days of a log, aged, at the newest rates: by target and actor.
fn given(credits: &[Value]) -> BTreeMap<(String, String), f64> {
    let at = |row: &Value| wire::parse_time(row["at"].as_str().expect("it is there")).expect("it is there");
    let number = |row: &Value, name: &str| row[name].as_f64().expect("it is there");
    let (acts, changes): (Vec<&Value>, Vec<&Value>) = credits.iter().partition(|row| row["target"].is_string());
    let now = acts.iter().map(|row| at(row)).max().expect("it is there");
    let mut rates = BTreeMap::<&str, (i64, f64)>::new();
    // Of one time the change of a rate is newer than an act.
    for row in acts.iter().chain(&changes) {
        let kept = rates.entry(row["actor"].as_str().expect("it is there")).or_insert((i64::MIN, 0.0));
        if at(row) >= kept.0 {
            *kept = (at(row), number(row, "rate"));
        }
    }
    let mut given = BTreeMap::new();
    for row in acts.into_iter().filter(|row| at(row).div_euclid(86_400_000) >= now.div_euclid(86_400_000) - 30) {
        let name = |what: &str| row[what].as_str().expect("it is there").to_owned();
        let left = (-((now - at(row)) as f64) / number(row, "half_life_ms")).exp2();
        *given.entry((name("target"), name("actor"))).or_default() +=
            number(row, "votes") / number(row, "rate") * left * rates[&*name("actor")].1;
    }
    given
}

#[test]
fn circles_of_a_recorded_log_are_those_of_its_credits() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    run(folder, "generate --users 100 --events 6000 --span 60d --out log.json");
    for format in ["ndjson", "csv.zst", "parquet"] {
        let options = format!("--half-life 20d --credits-out credits.{format}");
        run(folder, &format!("replay log.json -q --history-out days.csv --scores-out scores.csv {options}"));
    }
    let credits = lines(&folder.join("credits.ndjson"));
    let given = given(&credits);
    for format in ["ndjson", "csv.zst", "parquet"] {
        // The second time the file is not read again.
        for _ in 0..2 {
            let arguments =
                format!("--history days.csv --scores scores.csv --credits credits.{format} --views kept-{format}");
            let showing = Showing::start(folder, &arguments).once_read();
            let mut fans_seen = 0;
            for user in (0..100).map(|number| format!("u{number}")) {
                let Some((200, body)) = showing.get(&format!("/v1/users/{user}/circle")) else { continue };
                let circle: Value = serde_json::from_str(&body).unwrap();
                let of = |(target, _): &(String, String)| *target == user;
                let fans: Vec<_> = given.iter().filter(|(pair, _)| of(pair)).collect();
                let total: f64 = fans.iter().map(|(_, votes)| **votes).sum();
                let told = circle["fans_votes"].as_f64().unwrap();
                assert!((told - total).abs() <= 1e-5 * total + 1e-6, "{format}, {user}: {told} and {total}");
                for part in circle["fans"].as_array().unwrap() {
                    let fan = part["person"]["user"].as_str().unwrap().to_owned();
                    let expected = given[&(user.clone(), fan.clone())];
                    let told = part["votes"].as_f64().unwrap();
                    assert!((told - expected).abs() <= 1e-5 * expected, "{format}, {user}: {fan} {told}, {expected}");
                    fans_seen += 1;
                }
                assert!(fans.is_empty() || !circle["fans"].as_array().unwrap().is_empty(), "{circle}");
            }
            assert!(fans_seen > 500, "{fans_seen}");
            showing.stop();
        }
    }
}

#[test]
fn a_file_that_is_no_table_is_told_of() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("days.csv"), "user,score\nana,1\n").unwrap();
    std::fs::write(folder.path().join("days.ndjson"), "{\"user\":\"ana\",\"as_of\":\"2024-01-02T00:00:00Z\"}\n")
        .unwrap();
    std::fs::write(
        folder.path().join("good.ndjson"),
        "{\"user\":\"ana\",\"score\":1.5,\"as_of\":\"2024-01-02T00:00:00Z\"}\n",
    )
    .unwrap();
    for (arguments, message) in [
        ("--history days.csv", "days.csv cannot be read as a table of scores: row 1: it has no as_of"),
        ("--history days.ndjson", "days.ndjson cannot be read as a table of scores: row 1: it has no score"),
        ("--history nowhere.parquet", "nowhere.parquet"),
        ("--scores days.csv", "--history"),
        ("--credits days.csv", "--history"),
        ("--history good.ndjson --credits days.csv", "days.csv cannot be read as a table of credits: row 1: "),
        ("--history good.ndjson --credits nowhere.csv", "nowhere.csv"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_clout"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments.split(' '))
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(message), "{arguments}: {text}");
    }
}
