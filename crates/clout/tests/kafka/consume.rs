//! The program of docs/consume.md reads the table of scores, as it stands there.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use testbroker::Broker;

use super::live::{Running, recent, until_scored};
use crate::common::{Scratch, done, unique};

const PAGE: &str = include_str!("../../../../docs/consume.md");
/// The packages that the page names, as files of the folder of tools.
const PACKAGES: [&str; 2] = ["confluent_kafka", "grpc_tools"];
/// For a line that must come.
const PATIENCE: Duration = Duration::from_secs(60);

fn block(mark: &str) -> &'static str {
    let behind = PAGE.split_once(&format!("<!-- {mark} -->\n")).expect("the page has the block").1;
    let (_, code) = behind.split_once('\n').expect("a fence");
    code.split_once("```").expect("the block ends").0
}

/// The Python that has what `.ci/tools` names; `None` without it, unless somebody insists.
fn python() -> Option<PathBuf> {
    let folder = std::env::var_os("CLOUT_TOOLS").map(PathBuf::from);
    let python = folder.map_or_else(|| PathBuf::from("python3"), |folder| folder.join("python3"));
    let imports = format!("import {}", PACKAGES.join(", "));
    let ran = Command::new(&python).args(["-c", &imports]).stderr(Stdio::null()).status();
    if ran.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    let message = format!("skipped: {} has no {}; .ci/tools names them", python.display(), PACKAGES.join(", "));
    assert!(std::env::var("CLOUT_TOOLS_REQUIRED") != Ok("1".to_owned()), "{message}");
    eprintln!("{message}");
    None
}

/// The program while it runs, line by line.
struct Reading {
    child: Child,
    lines: Receiver<String>,
}

impl Reading {
    fn start(python: &Path, folder: &Path, arguments: &[&str]) -> Reading {
        let mut command = Command::new(python);
        command.arg("scores.py").args(arguments).current_dir(folder).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let (told, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).all(|line| told.send(line).is_ok()));
        Reading { child, lines }
    }

    #[track_caller]
    fn next(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line, in time")
    }

    /// Reads until there is this line.
    #[track_caller]
    fn until(&self, expected: &str) {
        while self.next() != expected {}
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_program_of_the_page_reads_the_scores_and_what_becomes_of_them() {
    let _room = crate::waits();
    let (Some(broker), Some(python)) = (Broker::shared(), python()) else { return };
    let app = unique("consumed");
    let folder = std::env::temp_dir().join(&app);
    fs::create_dir_all(folder.join("proto/clout/v1")).expect("a folder");
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto/clout/v1/score.proto");
    fs::copy(proto, folder.join("proto/clout/v1/score.proto")).expect("a file");
    fs::write(folder.join("scores.py"), block("the consumer")).expect("a file");
    let mut words = block("the classes").split_whitespace();
    assert_eq!(words.next(), Some("python"));
    let made = Command::new(&python).args(words).current_dir(&folder).status().expect("it runs");
    assert!(made.success(), "the classes are made");

    let (events, accounts) = (format!("{app}-events"), format!("{app}-accounts"));
    let profiles = format!("{accounts}:profiles");
    let name = ["--application-id", &app, "--input", &events, "--input", &profiles];
    done(broker, &[&["topics", "create", "--inputs", "--partitions", "2"], &name[..]].concat());
    let log = recent(3_000);
    done(broker, &[&["feed", log.path(), "-q"], &name[..]].concat());
    let _running = Running::start(broker, &[&["run"], &name[..]].concat());
    until_scored(broker, &app, 31);
    std::thread::sleep(Duration::from_secs(5));

    let mut command = Command::new(&python);
    command.args(["scores.py", broker.brokers(), &app]).current_dir(&folder);
    let mistyped = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&mistyped.stderr).into_owned();
    assert_eq!((mistyped.status.code(), said), (Some(1), format!("there is no topic {app}\n")));

    let scores = format!("{app}-scores");
    let reading = Reading::start(&python, &folder, &[broker.brokers(), &scores]);
    let first: Vec<String> = (0..10).map(|_| reading.next()).collect();
    let ranked: Vec<f64> =
        first.iter().map(|line| line.split_whitespace().next().expect("a score").parse().expect("a number")).collect();
    assert!(ranked.is_sorted_by(|one, next| one >= next) && ranked[0] <= 100.0 && ranked[9] > 0.0, "{first:?}");
    assert!(
        first.iter().all(|line| line.split_whitespace().nth(1).is_some_and(|user| user.starts_with('v'))),
        "{first:?}"
    );
    let gone = Scratch::new("gone.json", "{\"user\":\"v7\",\"opted_out\":true}\n");
    done(broker, &[&["feed", "--profiles", gone.path(), "-q"], &name[..]].concat());
    reading.until("    - v7 (opted-out)");
    drop(reading);
    let _ = fs::remove_dir_all(&folder);
}
