//! What `clout serve --views` keeps on disk: killed at any moment it loses and doubles nothing, and what is lost is made again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::Value;
use testbroker::Broker;
use vocabulary::{Received, Score};

use crate::cluster::{Dice, wait_until};
use crate::common::{clout, connection, unique};
use crate::web;

const TIME: Duration = Duration::from_secs(60);
const DAY_MS: i64 = 86_400_000;
/// 2024-01-01.
const BEGIN: i64 = 19_723;
const DAYS: i64 = 200;
const PEOPLE: i64 = 60;
const PARTITIONS: usize = 3;
/// Whose closes go by a tombstone of their topic, by one of the scores alone, and by one after which they come back.
const ERASED: &str = "somebody-who-is-erased";
const OPTED_OUT: &str = "somebody-who-has-opted-out";
const BACK: &str = "somebody-who-comes-back";
const GONE_ON: i64 = 90;

/// An application without an engine: its tables, and the closes that were told.
struct Told {
    app: String,
    producer: BaseProducer,
    /// By user and day.
    closes: BTreeMap<String, BTreeMap<i64, f64>>,
}

fn score_of(score: f64, as_of: i64) -> Score {
    Score {
        score,
        influence: score * 3.0,
        reach: score * 2.0,
        amplification: 1.5,
        network: 1.0,
        openness: 1.0,
        room: 1.0,
        audience: 0.0,
        received: Received::default(),
        followers: 0,
        following: 0,
        as_of,
        scale: 100.0,
        scale_version: as_of as u64 / DAY_MS as u64,
        previous: None,
    }
}

impl Told {
    fn new(broker: &Broker) -> Told {
        let app = unique("views");
        let admin = kafka::Admin::connect(&connection(broker)).expect("a client");
        for (what, policy) in [("scores", "compact"), ("history", "delete")] {
            let properties = [("cleanup.policy", policy)];
            admin.create(&format!("{app}-{what}"), PARTITIONS, None, &properties).expect("a topic");
        }
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", broker.brokers())
            .set("transactional.id", &app)
            .create()
            .expect("a producer");
        producer.init_transactions(TIME).expect("transactions");
        Told { app, producer, closes: BTreeMap::new() }
    }

    fn send(&self, what: &str, user: &str, value: Option<&[u8]>) {
        let topic = format!("{}-{what}", self.app);
        let partition = user.bytes().map(usize::from).sum::<usize>() % PARTITIONS;
        let record = BaseRecord::to(&topic).key(user).partition(partition as i32);
        let gone = Header { key: "clout.removed", value: Some("opted-out") };
        let record = match value {
            Some(value) => record.payload(value),
            None => record.headers(OwnedHeaders::new().insert(gone)),
        };
        self.producer.send(record).map_err(|(error, _)| error).expect("it is sent");
    }

    fn in_transaction(&mut self, tell: impl FnOnce(&mut Told)) {
        self.producer.begin_transaction().expect("a transaction");
        tell(self);
        self.producer.commit_transaction(TIME).expect("it is committed");
    }

    fn close(&mut self, user: &str, day: i64, points: f64) {
        let mut value = Vec::new();
        wire::encode_close(user, BEGIN + day, &score_of(points, (BEGIN + day + 1) * DAY_MS), 1, &mut value);
        self.send("history", user, Some(&value));
        self.closes.entry(user.to_owned()).or_default().insert(day, points);
    }

    /// One day of everybody, some of whom have not moved.
    fn day(&mut self, day: i64) {
        self.in_transaction(|told| {
            for person in 0..PEOPLE {
                if (person + day) % 5 > 0 {
                    let points = ((person * 37 + day * 11) % 900) as f64 / 10.0;
                    told.close(&format!("u{person}"), day, points);
                }
            }
            for user in [ERASED, OPTED_OUT, BACK] {
                if day < GONE_ON || user == BACK && day > GONE_ON + 10 {
                    told.close(user, day, 5.0);
                }
            }
            if day == GONE_ON {
                told.send("history", ERASED, None);
                told.send("history", BACK, None);
                [ERASED, BACK, OPTED_OUT].iter().for_each(|user| _ = told.closes.remove(*user));
            }
        });
    }

    /// The scores of now, of those who have one.
    fn scores(&mut self) {
        let now = (BEGIN + DAYS) * DAY_MS + 1_000;
        self.in_transaction(|told| {
            let users: Vec<String> = told.closes.keys().cloned().collect();
            for user in users {
                let mut value = Vec::new();
                wire::encode_score(&user, &score_of(50.0, now), 1, &mut value);
                told.send("scores", &user, Some(&value));
            }
            told.send("scores", OPTED_OUT, None);
            told.send("scores", ERASED, None);
        });
    }
}

/// `clout serve` over a folder of views; it ends with the test.
struct Showing {
    process: Child,
    told: PathBuf,
}

impl Showing {
    fn start(broker: &Broker, app: &str, folder: &Path) -> Showing {
        let told = folder.with_extension("log");
        let file = std::fs::File::create(&told).expect("a file");
        let folder = folder.to_str().expect("a path");
        let arguments = ["serve", "--application-id", app, "--listen", "127.0.0.1:0", "--views", folder];
        let mut command = clout(broker, &arguments);
        let process = command.stdin(Stdio::null()).stderr(file).spawn().expect("it starts");
        Showing { process, told }
    }

    /// The answer to a question, once it answers.
    fn ask(&self, path: &str) -> Option<Value> {
        let told = std::fs::read_to_string(&self.told).expect("text");
        let (status, body) = web::get(web::address_in(&told)?, path)?;
        (status == 200).then(|| serde_json::from_str(&body).expect("JSON"))
    }

    /// The closes of everybody who has a score, and who moved.
    fn shows(&self, users: &BTreeSet<String>) -> Option<BTreeMap<String, BTreeMap<i64, f64>>> {
        let one = |user: &String| {
            let answer = self.ask(&format!("/v1/users/{user}/history"))?;
            let closes = answer["closes"].as_array().expect("closes").iter().map(|close| {
                let day = close["day"].as_str().expect("a day");
                let at = wire::parse_time(&format!("{day}T00:00:00Z")).expect("a date");
                (at / DAY_MS - BEGIN, close["score"].as_f64().expect("a score"))
            });
            let closes: Vec<_> = closes.collect();
            assert!(closes.windows(2).all(|pair| pair[0].0 < pair[1].0), "{user} is closed twice: {closes:?}");
            Some((user.clone(), closes.into_iter().collect()))
        };
        users.iter().map(one).collect()
    }

    fn movers(&self) -> Vec<Value> {
        ["day", "week", "month"]
            .iter()
            .filter_map(|span| self.ask(&format!("/v1/movers?span={span}&limit=100")))
            .collect()
    }

    fn kill(&mut self) {
        self.process.kill().expect("it is killed");
        self.process.wait().expect("it is ours");
    }
}

impl Drop for Showing {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// No file of the folder has the name of somebody who is gone.
fn has_no_trace(folder: &Path) -> bool {
    std::fs::read_dir(folder).expect("a folder").all(|file| {
        let bytes = std::fs::read(file.expect("a file").path()).unwrap_or_default();
        [ERASED, OPTED_OUT].iter().all(|name| memchr::memmem::find(&bytes, name.as_bytes()).is_none())
    })
}

fn killed_it_loses_and_doubles_nothing(kills: i64) {
    let Some(broker) = Broker::shared() else { return };
    let scratch = tempfile::TempDir::new().expect("a folder");
    let mut told = Told::new(broker);
    let folder = scratch.path().join("killed");
    let mut dice = Dice::new(18);
    let days_a_kill = DAYS / kills;
    for round in 0..kills {
        let mut showing = Showing::start(broker, &told.app, &folder);
        let until = if round + 1 == kills { DAYS } else { (round + 1) * days_a_kill };
        (round * days_a_kill..until).for_each(|day| told.day(day));
        if round == kills / 2 {
            told.scores();
        }
        thread::sleep(dice.millis(0..1_600));
        showing.kill();
    }
    told.scores();
    let users: BTreeSet<String> = told.closes.keys().cloned().collect();
    let shows_all = |showing: &Showing| showing.shows(&users).is_some_and(|shown| shown == told.closes);
    let settled = |showing: &Showing, folder: &Path| {
        wait_until("it shows what was told", TIME, || shows_all(showing));
        wait_until("who is erased leaves no trace", TIME, || has_no_trace(folder));
        // Who moved is looked for every ten seconds.
        let mut movers = showing.movers();
        wait_until("the movers stay", TIME, || {
            thread::sleep(Duration::from_secs(11));
            let before = std::mem::replace(&mut movers, showing.movers());
            before == movers && movers[0]["up"].as_array().is_some_and(|up| !up.is_empty())
        });
        movers
    };
    let mut showing = Showing::start(broker, &told.app, &folder);
    let movers = settled(&showing, &folder);
    showing.kill();
    drop(showing);
    // What is lost is made again from the topic: the same, and nobody comes back.
    std::fs::remove_dir_all(&folder).expect("it is lost");
    let showing = Showing::start(broker, &told.app, &folder);
    assert_eq!(settled(&showing, &folder), movers);
    // Whoever opts out while it runs is gone within seconds.
    let mut told = told;
    told.in_transaction(|told| told.send("scores", "u7", None));
    wait_until("an opt-out takes the closes", TIME, || showing.ask("/v1/users/u7/history").is_none());
    wait_until("the name is gone", TIME, || {
        showing.ask("/v1/status").is_some_and(|status| status["view"]["closes"]["people"] == PEOPLE)
    });
}

#[test]
fn killed_five_times_it_loses_and_doubles_nothing() {
    let _room = crate::waits();
    killed_it_loses_and_doubles_nothing(5);
}

/// Two minutes.
#[test]
#[ignore = "fifty kills: by hand"]
fn killed_fifty_times_it_loses_and_doubles_nothing() {
    killed_it_loses_and_doubles_nothing(50);
}
