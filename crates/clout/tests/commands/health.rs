//! What a process ends with, and how that is told: one cause has one code, whichever command it ends. No broker is needed.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

// librdkafka is linked with what mends it.
use kafka as _;

/// A failure ends the process within this time.
const FAILED_MAX: Duration = Duration::from_secs(5);
/// A loop that stands still is seen within this time.
const SEEN: Duration = Duration::from_secs(60);

fn clout(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clout"));
    command.args(arguments.split_whitespace()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A demo with a planted fault; it ends with the test.
struct Demo {
    child: Child,
    address: String,
}

impl Demo {
    fn start(fault: &str) -> Demo {
        // So little of history passes before the page opens that the fault comes after it.
        Demo::spawn(clout("demo --port 0 --people 500 --head-start 1h --speed 1d").env("CLOUT_PLANTED_FAULT", fault))
    }

    fn spawn(command: &mut Command) -> Demo {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        stdout.read_line(&mut first).unwrap();
        // What follows fits into the pipe.
        child.stdout = Some(stdout.into_inner());
        let address = first.trim().strip_prefix("Clout is live on http://").unwrap().to_owned();
        Demo { child, address }
    }

    /// The status and the body; `None` if nobody answers.
    fn get(&self, path: &str) -> Option<(u16, String)> {
        crate::web::get(&self.address, path)
    }

    /// The exit code, and what it told, once it has ended.
    fn wait(&mut self, within: Duration) -> (Option<i32>, String) {
        let until = Instant::now() + within;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "it does not end within {within:?}");
            thread::sleep(Duration::from_millis(20));
        }
        let mut told = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        (self.child.wait().unwrap().code(), told)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Days have passed in a second when the page opens, and the scale goes its way in hours.
#[test]
fn a_demo_opens_with_one_person_at_the_top() {
    for seed in [1, 2] {
        let demo = Demo::spawn(&mut clout(&format!("demo --port 0 --seed {seed} --speed 1s")));
        let until = Instant::now() + Duration::from_secs(60);
        while demo.get("/health/ready").is_none_or(|(status, _)| status != 200) {
            assert!(Instant::now() < until, "it does not open");
            thread::sleep(Duration::from_millis(20));
        }
        let (_, ranking) = demo.get("/v1/ranking?limit=3").unwrap();
        let ranking: serde_json::Value = serde_json::from_str(&ranking).unwrap();
        let scores: Vec<f64> = (0..3).map(|place| ranking["users"][place]["score"].as_f64().unwrap()).collect();
        assert!(scores[0] > 99.0 && scores[1] < 100.0 && scores[2] < 100.0, "seed {seed}: {scores:?}");
    }
}

#[test]
fn a_worker_of_the_demo_that_panics_ends_it() {
    let mut demo = Demo::start("panic:2000");
    // From the panic on nobody is told that it lives; before that, it does.
    let began = Instant::now();
    while demo.get("/health/live").is_some_and(|(status, _)| status == 200) {
        assert!(began.elapsed() < SEEN, "it does not panic");
        thread::sleep(Duration::from_millis(5));
    }
    let (code, told) = demo.wait(FAILED_MAX);
    assert_eq!(code, Some(70), "{told}");
    assert!(told.contains("thread worker-") && told.contains("panicked at"), "{told}");
    assert!(told.lines().last().unwrap().starts_with("error: the thread worker-"), "{told}");
    assert!(told.contains("please report it"), "{told}");
}

#[test]
fn a_worker_of_the_demo_that_hangs_is_seen() {
    let mut demo = Demo::start("hang:2000");
    let began = Instant::now();
    let body = loop {
        match demo.get("/health/live") {
            Some((503, body)) => break body,
            _ => assert!(began.elapsed() < SEEN, "it looks live"),
        }
        thread::sleep(Duration::from_millis(100));
    };
    assert!(body.contains("worker-") && body.contains("has not turned for"), "{body}");
    assert_eq!(demo.get("/health/ready").map(|(status, _)| status), Some(503));
    for option in ["", "--live"] {
        let (code, told) = probe(&format!("{} {option}", demo.address));
        assert!(code == Some(1) && told.contains("answers 503") && told.contains("has not turned for"), "{told}");
    }
    assert!(demo.child.try_wait().unwrap().is_none(), "whoever asked decides");
    assert!(Command::new("kill").args(["-TERM", &demo.child.id().to_string()]).status().unwrap().success());
    let (code, told) = demo.wait(Duration::from_secs(30));
    assert_eq!(code, Some(75), "{told}");
}

/// A probe with a slip of the pen must not look like a process that is down.
#[test]
fn a_probe_of_what_is_no_address_is_refused() {
    for address in ["9464", ":9464", "http://127.0.0.1:9464", "localhost:9464/health"] {
        let output = clout(&format!("health {address}")).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{address}");
        assert!(text(&output).contains("expected HOST:PORT, as in 127.0.0.1:9464"), "{}", text(&output));
    }
}

/// What a container's health check would see.
fn probe(arguments: &str) -> (Option<i32>, String) {
    let output = clout(&format!("health {arguments}")).output().unwrap();
    (output.status.code(), text(&output))
}

#[test]
fn a_probe_needs_no_shell() {
    // After so many records it would panic.
    let demo = Demo::start(&format!("panic:{}", u64::MAX));
    let (address, began) = (demo.address.clone(), Instant::now());
    while probe(&address).0 != Some(0) {
        assert!(began.elapsed() < SEEN, "{:?}", probe(&address));
    }
    assert_eq!(probe(&format!("{address} --live")), (Some(0), String::new()));
    drop(demo);
    let (code, told) = probe(&address);
    assert!(code == Some(1) && told.contains(&format!("{address} does not answer")), "{told}");
    let (code, told) = probe("nowhere.invalid:1");
    assert!(code == Some(1) && told.contains("nowhere.invalid:1 does not answer"), "{told}");
}

#[test]
fn a_panic_of_a_replay_asks_for_a_report() {
    let mut child = clout("replay -").stdin(Stdio::piped()).env("CLOUT_PLANTED_FAULT", "panic:1").spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"1 2 1735689600 RT\n2 1 1735689700 RT\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let told = text(&output);
    assert_eq!(output.status.code(), Some(70), "{told}");
    let last = told.lines().last().unwrap();
    assert!(last.starts_with("error: the thread ") && last.contains("please report it"), "{told}");
}

#[test]
fn an_address_that_cannot_be_listened_on_has_one_code() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let serve = "serve --application-id nobody --brokers 127.0.0.1:1 --listen";
    let is_free = "another process listens there; name another port, or say ";
    for (arguments, advice) in [
        (format!("{serve} 127.0.0.1:{port}"), format!("{is_free}`--listen 127.0.0.1:0`, which takes a free one")),
        (format!("demo --port {port}"), format!("{is_free}`--port 0`, which takes a free one")),
        (format!("{serve} 192.0.2.1:8080"), "this machine does not have the address".to_owned()),
    ] {
        let output = clout(&arguments).output().unwrap();
        let told = text(&output);
        assert_eq!(output.status.code(), Some(71), "{arguments}: {told}");
        assert!(told.contains(&advice), "{arguments}: {told}");
        assert!(told.contains("cannot listen on "), "{arguments}: {told}");
    }
}

#[test]
fn no_broker_has_one_code() {
    let nobody = "--brokers 127.0.0.1:1";
    let commands = [
        format!("topics create {nobody}"),
        format!("reset --yes {nobody}"),
        format!("route --from a --to b {nobody}"),
        format!("feed - {nobody}"),
        format!("diff a b {nobody}"),
        format!("state --user ana {nobody}"),
        format!("journal {nobody}"),
        format!("dead-letters count {nobody}"),
        format!("dead-letters show {nobody}"),
        format!("dead-letters send --yes {nobody}"),
    ];
    let children = commands.map(|arguments| {
        let mut child = clout(&arguments).stdin(Stdio::piped()).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(b"1 2 1735689600 RT\n");
        (arguments, child)
    });
    for (arguments, child) in children {
        let output = child.wait_with_output().unwrap();
        let told = text(&output);
        assert_eq!(output.status.code(), Some(69), "{arguments}: {told}");
        assert!(told.contains("no broker answers at 127.0.0.1:1"), "{arguments}: {told}");
    }
}

/// The rows of the README's table, without anything between words.
fn table() -> Vec<String> {
    let readme = include_str!("../../../../README.md");
    let rows = readme.split_once("| exit code | meaning |\n").unwrap().1.lines().skip(1);
    let rows = rows.take_while(|row| row.starts_with('|'));
    rows.map(|row| squeezed(&row.replace('|', " "))).collect()
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_help_tells_the_codes_of_the_table_in_its_words() {
    let table = table();
    assert!(table.len() > 5, "{table:?}");
    for command in [
        "",
        "demo",
        "replay",
        "run",
        "serve",
        "generate",
        "topics create",
        "topics check",
        "feed",
        "route",
        "connect",
        "diff",
        "docs",
        "reset",
        "health",
        "doctor",
        "state",
        "journal",
        "dead-letters count",
        "dead-letters show",
        "dead-letters send",
    ] {
        let output = clout(&format!("{command} --help")).output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        let told = squeezed(help.split_once("Exit codes:").unwrap_or_else(|| panic!("{command}: {help}")).1);
        let rows: Vec<&String> = table.iter().filter(|row| told.contains(row.as_str())).collect();
        assert!(rows.len() > 2, "{command}: {told}");
        let all = rows.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        assert_eq!(told, all, "clout {command}");
    }
}
