//! `clout serve` against a real broker: it shows what is committed and nothing else, whatever breaks.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use vocabulary::{Received, Score};
// librdkafka is linked with what mends it.
use kafka as _;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use testbroker::Broker;

const TOPIC: &str = "show-scores";
const PARTITIONS: i32 = 4;
const USERS: u32 = 50;
/// Scores above it are never committed.
const HIGHEST: f64 = 50.0;
const WAIT: Duration = Duration::from_secs(60);

struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(brokers: &str) -> Server {
        // Whoever takes the port in between makes the test fail, not lie.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(env!("CARGO_BIN_EXE_clout"))
            .args(["serve", "--application-id", "show", "--brokers", brokers, "--listen", &format!("127.0.0.1:{port}")])
            .env("CLOUT_MODEL_NAMES", "folded")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Server { process, port }
    }

    /// The status and the body; `None` if nobody answers.
    fn get(&self, path: &str) -> Option<(u16, String)> {
        crate::web::get(&format!("127.0.0.1:{}", self.port), path)
    }

    /// Who stands where, once it has caught up.
    fn scores(&self) -> Option<BTreeMap<String, f64>> {
        let (status, body) = self.get("/v1/ranking?limit=1000")?;
        let body: serde_json::Value = (status == 200).then(|| serde_json::from_str(&body).unwrap())?;
        let users = body["users"].as_array().unwrap().iter();
        Some(users.map(|user| (user["user"].as_str().unwrap().into(), user["score"].as_f64().unwrap())).collect())
    }

    fn wait_for(&self, what: &str, is_so: impl Fn(&Server) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            assert!(began.elapsed() < WAIT, "{what} within {WAIT:?}: {:?}", self.get("/v1/status"));
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn stop(mut self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success(), "it stops in good order");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn create_topic(brokers: &str) {
    let admin: AdminClient<_> = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let topic = NewTopic::new(TOPIC, PARTITIONS, TopicReplication::Fixed(1)).set("cleanup.policy", "compact");
    let made = block_on(admin.create_topics([&topic], &AdminOptions::new())).unwrap();
    made.into_iter().for_each(|topic| _ = topic.unwrap());
}

fn producer(brokers: &str) -> Option<BaseProducer> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("transactional.id", "show")
        .set("transaction.timeout.ms", "10000")
        .create()
        .ok()?;
    producer.init_transactions(Duration::from_secs(20)).ok()?;
    Some(producer)
}

fn send(producer: &BaseProducer, user: u32, score: Option<f64>) -> Option<()> {
    let name = format!("u{user}");
    let mut value = Vec::new();
    if let Some(score) = score {
        wire::encode_score(&name, &score_of(score), influence::MODEL_VERSION, &mut value);
    }
    let record = BaseRecord::to(TOPIC).key(&name).partition((user % PARTITIONS as u32) as i32);
    producer.send(if score.is_some() { record.payload(&value) } else { record }).ok()
}

/// All users get a score in one transaction, which is committed or not.
fn publish(producer: &BaseProducer, score: f64, commits: bool) -> Option<()> {
    producer.begin_transaction().ok()?;
    (0..USERS).try_for_each(|user| send(producer, user, Some(score)))?;
    if commits {
        return producer.commit_transaction(Duration::from_secs(20)).ok();
    }
    producer.flush(Duration::from_secs(20)).ok()?;
    producer.abort_transaction(Duration::from_secs(20)).ok()
}

fn score_of(score: f64) -> Score {
    Score {
        score,
        influence: score,
        reach: score,
        amplification: 1.0,
        network: 1.0,
        openness: 1.0,
        room: 1.0,
        audience: 0.0,
        received: Received::default(),
        followers: 0,
        following: 0,
        as_of: 1_700_000_000_000,
        scale: 100.0,
        scale_version: 0,
        previous: None,
    }
}

/// Publishes until it is told to stop: rising scores that are committed, and higher ones in between that are not.
fn publish_all_the_time(brokers: &str, stop: &AtomicBool, committed: &AtomicU32) {
    while !stop.load(Relaxed) {
        let Some(producer) = producer(brokers) else { continue };
        let mut go_on = Some(());
        while go_on.is_some() && !stop.load(Relaxed) {
            let step = committed.load(Relaxed) + 1;
            let score = f64::from(step % 500) / 10.0;
            go_on = publish(&producer, score, true).and_then(|()| publish(&producer, HIGHEST + score + 0.1, false));
            committed.store(step, Relaxed);
        }
    }
}

fn check(scores: &BTreeMap<String, f64>) {
    let uncommitted: Vec<_> = scores.iter().filter(|(_, score)| **score > HIGHEST).collect();
    assert!(uncommitted.is_empty(), "never committed: {uncommitted:?}");
}

#[test]
fn it_shows_what_is_committed_whatever_breaks() {
    let Some(mut broker) = Broker::own(&[]) else { return };
    let brokers = broker.brokers().to_owned();
    create_topic(&brokers);
    let (stop, committed) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        let publishing = scope.spawn(|| publish_all_the_time(&brokers, &stop, &committed));
        let mut server = Server::start(&brokers);
        for round in 0..3 {
            server.wait_for("it shows everybody", |server| {
                let scores = server.scores().unwrap_or_default();
                check(&scores);
                scores.len() == USERS as usize
            });
            let until = Instant::now() + Duration::from_secs(2);
            while Instant::now() < until {
                server.scores().iter().for_each(check);
            }
            match round {
                0 => {
                    broker.kill();
                    assert_eq!(server.get("/health/ready").map(|(status, _)| status), Some(200));
                    broker.start_again();
                }
                // Dropping it kills it.
                _ => server = Server::start(&brokers),
            }
        }
        stop.store(true, Relaxed);
        publishing.join().unwrap();
        let producer = producer(&brokers).unwrap();
        publish(&producer, 12.5, true).unwrap();
        server.wait_for("it shows the last scores", |server| {
            let scores = server.scores().unwrap_or_default();
            check(&scores);
            scores.len() == USERS as usize && scores.values().all(|&score| score == 12.5)
        });
        producer.begin_transaction().unwrap();
        send(&producer, 7, None).unwrap();
        producer.commit_transaction(Duration::from_secs(20)).unwrap();
        let began = Instant::now();
        server.wait_for("a tombstone removes a person", |server| {
            server.get("/v1/users/u7").is_some_and(|(status, _)| status == 410)
        });
        println!("{} transactions; a tombstone was seen after {:?}", committed.load(Relaxed), began.elapsed());
        assert_eq!(server.scores().unwrap().len(), USERS as usize - 1);
        // The configuration folds names, as it does for whoever scores.
        assert_eq!(server.get("/v1/users/@U8").map(|(status, _)| status), Some(200));
        server.stop();
    });
}

#[test]
fn no_token_and_no_path_shows_in_an_answer_or_a_log() {
    const TOKENS: [&str; 2] = ["a-long-token-for-tests", "somebody-elses-token"];
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tokens-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("secret");
    fs::write(&file, TOKENS[0]).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let process = Command::new(env!("CARGO_BIN_EXE_clout"))
        // Nobody is there: what it says of that is looked at as well.
        .args(["serve", "--application-id", "show", "--brokers", "127.0.0.1:1", "--log", "trace", "--tokens-file"])
        .arg(&file)
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .stderr(fs::File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap();
    let server = Server { process, port };
    server.wait_for("it answers", |server| server.get("/health/live").is_some());
    let mut told = String::new();
    for (token, status) in [(TOKENS[0], "200"), (TOKENS[1], "401")] {
        for path in
            ["/v1/status".to_owned(), format!("/v1/status?token={token}"), format!("/{token}/%2e%2e/etc/passwd")]
        {
            let headers = format!("{}authorization: Bearer {token}\r\n", crate::web::HOST);
            let answer = crate::web::ask(&format!("127.0.0.1:{port}"), &path, &headers).unwrap();
            assert!(path != "/v1/status" || answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
            told.push_str(&answer);
        }
    }
    server.stop();
    told.push_str(&fs::read_to_string(folder.join("log")).unwrap());
    for secret in TOKENS.iter().copied().chain(folder.to_str()) {
        assert!(!told.contains(secret), "{secret} in\n{told}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn commands_that_listen_say_what_is_wrong_with_their_options() {
    for (command, option, value, message) in [
        ("serve", "--tokens-file", "nowhere", "cannot read the tokens in nowhere"),
        ("serve", "--host", "https://example.org", "not a host name: it looks like"),
        ("serve", "--cors-origin", "example.org", "is no origin: it looks like https://example.org, or *"),
        ("serve", "--log", "loud,=x", "is no level"),
        ("run", "--tokens-file", "nowhere", "cannot read the tokens in nowhere"),
        ("run", "--host", "example.org:80", "not a host name: it looks like"),
        ("run", "--peer-connections", "0", "not a whole number from 1"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_clout"))
            .args([command, "--application-id", "show", "--brokers", "127.0.0.1:1", "--listen", "127.0.0.1:0"])
            .args([option, value])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(message), "{text}");
    }
}

/// With few open files allowed, one client that takes all it gets hides neither the server's health nor its metrics.
#[cfg(unix)]
#[test]
fn health_is_answered_where_few_files_may_be_open() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let line = format!("ulimit -n 300; exec {} demo --people 50 --port {port}", env!("CARGO_BIN_EXE_clout"));
    let process = Command::new("sh").args(["-c", &line]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let server = Server { process, port };
    server.wait_for("it answers", |server| server.get("/health/ready").is_some_and(|(status, _)| status == 200));
    let streams: Vec<_> = (0..400)
        .filter_map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
            stream.write_all(b"GET /v1/stream HTTP/1.1\r\nhost: localhost\r\n\r\n").ok()?;
            Some(stream)
        })
        .collect();
    for path in ["/health/live", "/health/ready", "/metrics"] {
        assert_eq!(server.get(path).map(|(status, _)| status), Some(200), "{path} beside {} streams", streams.len());
    }
    assert_eq!(server.get("/v1/ranking").map(|(status, _)| status), Some(429), "one address has all that it may have");
    drop(streams);
    server.wait_for("there is room again", |server| server.get("/v1/ranking").is_some_and(|(status, _)| status == 200));
}
