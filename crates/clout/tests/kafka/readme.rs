//! The README's recipe for Kafka, pasted as it stands into an empty folder, ends with the people of a replay.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use testbroker::Broker;

use crate::common::unique;
use crate::web;

const README: &str = include_str!("../../../../README.md");
/// For all that the recipe does, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(300);
const PEOPLE: usize = 20;
/// Points by which a live score and a replayed one may differ: shards know each other's rates to `eps` only.
pub(super) const POINTS: f64 = 1.0;

fn block(mark: &str) -> &'static str {
    let behind = README.split_once(&format!("<!-- {mark} -->\n```sh\n")).expect("the README has the block").1;
    behind.split_once("```").expect("the block ends").0
}

/// Two ports that nobody listens on, below the range from which the system takes those of outgoing connections.
fn free_ports() -> [u16; 2] {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let first = 30_000 + (std::process::id() % 2_000) as u16;
    let mut free = (first..32_768).filter(is_free);
    [(); 2].map(|()| free.next().expect("a port"))
}

/// A shell in a folder of its own; what it has started ends with it.
struct Shell {
    child: Child,
    folder: PathBuf,
}

impl Shell {
    fn paste(text: &str) -> Shell {
        let folder = std::env::temp_dir().join(unique("clout-recipe"));
        fs::create_dir(&folder).expect("a folder");
        let program = Path::new(env!("CARGO_BIN_EXE_clout")).parent().expect("a folder");
        let path = std::env::join_paths(
            [program.to_owned()]
                .into_iter()
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
        );
        let output = |name: &str| Stdio::from(File::create(folder.join(name)).expect("a file"));
        let mut command = Command::new("bash");
        command.args(["-c", text]).current_dir(&folder).env("PATH", path.expect("a path")).process_group(0);
        let child = command.stdin(Stdio::null()).stdout(output("stdout")).stderr(output("stderr")).spawn();
        Shell { child: child.expect("bash runs"), folder }
    }

    /// Waits until the last line is done; what was printed.
    #[track_caller]
    fn printed(&mut self) -> String {
        let until = Instant::now() + PATIENCE;
        while self.child.try_wait().expect("a child").is_none() {
            assert!(Instant::now() < until, "it does not end:\n{}", self.told());
            std::thread::sleep(Duration::from_millis(100));
        }
        self.read("stdout")
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap_or_default()
    }

    fn told(&self) -> String {
        ["stdout", "stderr", "run.log", "serve.log"].map(|name| format!("{name}:\n{}", self.read(name))).concat()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        // Whoever has ended already need not be.
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Names and scores, the highest first.
fn people(list: &Value) -> Vec<(String, f64)> {
    let row = |row: &Value| (row["user"].as_str().expect("a name").to_owned(), row["score"].as_f64().expect("a score"));
    list.as_array().expect("a list").iter().map(row).collect()
}

/// Both name the same people in the same order, but for those who are nearly alike.
fn are_alike(live: &[(String, f64)], replayed: &[(String, f64)]) -> bool {
    live.len() == PEOPLE
        && live.iter().zip(replayed).all(|((user, score), (at_its_place, expected))| {
            let is_close = (score - expected).abs() <= POINTS;
            let found = replayed.iter().find(|(other, _)| other == user);
            let is_tie = found.is_some_and(|(_, theirs)| (theirs - expected).abs() <= POINTS / 10.0);
            is_close && (user == at_its_place || is_tie)
        })
}

/// The recipe for this broker and these ports.
fn recipe(broker: &Broker, metrics: u16, shown: u16) -> String {
    let own = [
        ("localhost:9092", broker.brokers().to_owned()),
        ("127.0.0.1:9464", format!("127.0.0.1:{metrics}")),
        ("localhost:9464", format!("localhost:{metrics}")),
        ("clout serve --config clout.toml", format!("clout serve --config clout.toml --listen 127.0.0.1:{shown}")),
        ("localhost:8080", format!("localhost:{shown}")),
    ];
    own.iter().fold(block("the recipe").to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the recipe has no {from}");
        text.replace(from, to)
    })
}

#[test]
fn the_recipe_ends_with_the_people_of_a_replay() {
    let _room = crate::waits();
    let Some(broker) = Broker::own(&[]) else { return };
    let [metrics, shown] = free_ports();
    // Metrics have a port that somebody else has: it ends, and says why.
    let listener = TcpListener::bind(("127.0.0.1", metrics)).expect("a port");
    let mut shell = Shell::paste(&recipe(&broker, metrics, shown));
    let printed = shell.printed();
    assert!(printed.contains("0 of 100,000 events are scored."), "{printed}\n{}", shell.told());
    assert!(printed.contains("--listen 127.0.0.1:0") && printed.contains("Address already in use"), "{printed}");
    drop((shell, listener, broker));

    // That one has the events already.
    let Some(broker) = Broker::own(&[]) else { return };
    let mut shell = Shell::paste(&recipe(&broker, metrics, shown));
    let printed = shell.printed();
    let last = printed.lines().last().unwrap_or_default();
    let answer: Value = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {}", shell.told()));
    assert_eq!(people(&answer["users"]).len(), PEOPLE, "{}", shell.told());

    let replay = Command::new(env!("CARGO_BIN_EXE_clout"))
        .args(["replay", "log.json", "--json", "--top", &PEOPLE.to_string()])
        .current_dir(&shell.folder)
        .output()
        .expect("the program runs");
    let replayed: Value = serde_json::from_slice(&replay.stdout).expect("a document");
    let replayed = people(&replayed["top"]);
    // A loaded machine may be later than the recipe thinks.
    let (mut live, until) = (people(&answer["users"]), Instant::now() + Duration::from_secs(60));
    while !are_alike(&live, &replayed) {
        assert!(Instant::now() < until, "live {live:#?}\nreplayed {replayed:#?}\n{}", shell.told());
        std::thread::sleep(Duration::from_millis(500));
        let path = format!("/v1/ranking?limit={PEOPLE}");
        let (_, answer) = web::get(&format!("127.0.0.1:{shown}"), &path).expect("an answer");
        live = people(&serde_json::from_str::<Value>(&answer).expect("JSON")["users"]);
    }
    tries_another_model(&shell);
}

/// The trial beside the live application, line by line: made, run, compared, and gone again.
fn tries_another_model(shell: &Shell) {
    let program = |line: &str| {
        let line = line.split(" #").next().unwrap_or_default();
        let mut command = Command::new(env!("CARGO_BIN_EXE_clout"));
        command.args(line.strip_prefix("clout ").expect("a command").split_whitespace()).current_dir(&shell.folder);
        command
    };
    let done = |line: &str| {
        let output = program(line).output().expect("the program runs");
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text")).concat();
        assert!(output.status.success(), "{line}: {text}");
        text
    };
    let [create, run, diff, reset] = block("the trial").lines().collect::<Vec<_>>()[..] else { panic!("four lines") };
    done(create);
    let mut trial = program(run).stderr(Stdio::null()).spawn().expect("it starts");
    let until = Instant::now() + PATIENCE;
    let compared = loop {
        let compared = done(diff);
        if compared.lines().any(|line| line.starts_with("B  trial") && line.contains("100,000 of 100,000 records read"))
        {
            break compared;
        }
        assert!(Instant::now() < until, "the trial has not read all: {compared}");
        std::thread::sleep(Duration::from_secs(1));
    };
    assert!(Command::new("kill").args(["-INT", &trial.id().to_string()]).status().expect("kill runs").success());
    assert!(trial.wait().expect("it ends").success(), "Ctrl-C ends it well");
    assert!(compared.contains("change from A to B"), "{compared}");
    let gone = done(reset);
    assert!(gone.contains("removed trial-scores"), "{gone}");
}
