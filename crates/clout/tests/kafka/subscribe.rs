//! The programs of docs/subscribe.md read scores and closes, as they stand there.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tempfile::TempDir;
use testbroker::Broker;

use super::live::{Running, recent, until_scored};
use crate::cluster::wait_until;
use crate::common::{Scratch, done, read, unique};

const PAGE: &str = include_str!("../../../../docs/subscribe.md");
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
    skipped(&format!("{} has no {}; .ci/tools names them", python.display(), PACKAGES.join(", ")));
    None
}

/// Whether there is a compiler for Java, unless somebody insists. Maven is there where a broker is.
fn has_compiler() -> bool {
    let asked = Command::new("javac").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_there = asked.is_ok_and(|status| status.success());
    if !is_there {
        skipped("there is no javac");
    }
    is_there
}

#[track_caller]
fn skipped(why: &str) {
    assert!(std::env::var("CLOUT_TOOLS_REQUIRED") != Ok("1".to_owned()), "{why}");
    eprintln!("skipped: {why}");
}

/// A folder with the definitions of the messages where a program looks for them; it ends with the test.
fn with_definitions(sources: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto/clout/v1");
    let copies = folder.path().join(sources).join("clout/v1");
    fs::create_dir_all(&copies).expect("a folder");
    for name in ["score.proto", "history.proto"] {
        fs::copy(proto.join(name), copies.join(name)).expect("a file");
    }
    folder
}

/// Runs a line of a page in a folder, with this program for the one that it names.
#[track_caller]
fn line_runs(program: &Path, line: &str, folder: &Path) {
    let ran = Command::new(program).args(line.split_whitespace().skip(1)).current_dir(folder).status();
    assert!(ran.expect("it runs").success(), "{line}");
}

/// The program while it runs, line by line.
struct Reading {
    child: Child,
    lines: Receiver<String>,
}

impl Reading {
    fn start(command: &mut Command) -> Reading {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
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
    let folder = with_definitions("proto");
    let folder = folder.path();
    fs::write(folder.join("scores.py"), block("the consumer")).expect("a file");
    line_runs(&python, block("the classes"), folder);

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
    command.args(["scores.py", broker.brokers(), &app]).current_dir(folder);
    let mistyped = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&mistyped.stderr).into_owned();
    assert_eq!((mistyped.status.code(), said), (Some(1), format!("there is no topic {app}\n")));

    let scores = format!("{app}-scores");
    let reading =
        Reading::start(Command::new(&python).args(["scores.py", broker.brokers(), &scores]).current_dir(folder));
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
}

/// What the Java program prints of a close.
fn line(close: &wire::Close) -> String {
    let day = jiff::civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(close.day));
    let score = &close.score;
    let moved = score.previous.map_or(String::new(), |previous| format!(" {:+.2}", score.score - previous));
    format!("{day} {} {:.2}{moved}", close.user, score.score)
}

#[test]
fn the_java_program_of_the_page_reads_closes() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared().filter(|_| has_compiler()) else { return };
    let app = unique("closes");
    let folder = with_definitions("src/main/protobuf");
    let folder = folder.path();
    fs::create_dir_all(folder.join("src/main/java")).expect("a folder");
    fs::write(folder.join("src/main/java/Closes.java"), block("the Java program")).expect("a file");
    fs::write(folder.join("pom.xml"), block("the Java project")).expect("a file");
    line_runs(Path::new("mvn"), block("the Java program is built"), folder);

    let (log, events) = (folder.join("log.json"), format!("{app}-events"));
    let log = log.to_str().expect("UTF-8");
    let span = ["--start", "2024-03-01T00:00:00Z", "--until", "2024-03-06T00:00:00Z"];
    done(broker, &[&["generate", "--users", "40", "--events", "3000", "-q", "--out", log], &span[..]].concat());
    let name = ["--application-id", &app, "--input", &events];
    let closes = ["--history-closes", "true"];
    done(broker, &[&["topics", "create", "--inputs", "--partitions", "1"], &closes[..], &name[..]].concat());
    done(broker, &[&["feed", log, "-q"], &name[..]].concat());
    let _running = Running::start(broker, &[&["run", "--clock", "event"], &closes[..], &name[..]].concat());
    let history = format!("{app}-history");
    wait_until("days are closed", PATIENCE, || read(broker, &history).len() >= 40);

    let program = |topic: &str| {
        let mut command = Command::new("java");
        let arguments = ["-cp", "target/classes:target/jars/*", "Closes", broker.brokers(), topic, &app];
        command.args(arguments).current_dir(folder);
        command
    };
    let mistyped = program(&app).output().expect("it runs");
    let said = String::from_utf8_lossy(&mistyped.stderr).into_owned();
    assert_eq!((mistyped.status.code(), said), (Some(1), format!("there is no topic {app}\n")));

    let reading = Reading::start(&mut program(&history));
    let records = read(broker, &history);
    for record in &records {
        assert_eq!(reading.next(), line(&wire::decode_close(&record.value).expect("a close")));
    }
}
