//! `clout connect`: what a network tells becomes events, each once, whatever happens to the network, to the connection, and to
//! whoever reads.

mod http;
mod jetstream;

mod bluesky;
mod claims;
mod erased;
mod github;
mod mastodon;
mod names;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use networks::{Found, Memory, Options, Reader, Source};
use testbroker::Broker;
use wire::{Encoding, EventDecoder};

use crate::common::{Record, clout, done, read, topic, unique};

/// The samples of networks, if they are there.
fn samples() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("CLOUT_DATA").map_or(beside, PathBuf::from).join("networks");
    let is_required = std::env::var("CLOUT_DATA_REQUIRED").is_ok_and(|value| value == "1");
    assert!(folder.exists() || !is_required, "{} is not there; name its folder by CLOUT_DATA", folder.display());
    if !folder.exists() {
        eprintln!("skipped: {} is not there; name its folder by CLOUT_DATA", folder.display());
    }
    folder.exists().then_some(folder)
}

/// Topics of a test of its own, and those who write them.
struct Scene {
    broker: &'static Broker,
    application: String,
    to: String,
    accounts: String,
    network: &'static [&'static str],
}

/// A process of the program; it ends with the test.
struct Connector {
    child: Child,
}

impl Drop for Connector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Connector {
    /// Ends it at once.
    fn kill(mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it ends");
    }

    /// Asks it to stop, and returns what it told.
    fn stop(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status().expect("kill is there");
        assert!(asked.success());
        self.ended()
    }

    /// Waits for its end.
    fn ended(&mut self) -> (Option<i32>, String) {
        let mut told = String::new();
        self.child.stderr.take().expect("a pipe").read_to_string(&mut told).expect("text");
        (self.child.wait().expect("it ends").code(), told)
    }
}

impl Scene {
    fn new(broker: &'static Broker, network: &'static [&'static str]) -> Scene {
        let (to, accounts) = (topic(broker, "events", 3), topic(broker, "accounts", 2));
        Scene { broker, application: unique("connect"), to, accounts, network }
    }

    fn command(&self, url: &str, more: &[&str]) -> Command {
        let input = format!("{}:profiles:json", self.accounts);
        let own = ["--application-id", &self.application, "--to", &self.to, "--input", &input, "--url", url];
        let mut command = clout(self.broker, &[&["connect"], self.network, &own, more].concat());
        command.stderr(Stdio::piped()).stdout(Stdio::null()).env_remove("RUST_LOG");
        command
    }

    fn start(&self, url: &str, more: &[&str]) -> Connector {
        Connector { child: self.command(url, more).spawn().expect("it starts") }
    }

    /// How far the stream is read, by what is kept of it.
    fn position(&self, stream: &str) -> Option<String> {
        let kept = format!("{}-connect", self.application);
        let admin = kafka::Admin::connect(&crate::common::connection(self.broker)).expect("a client");
        if admin.find([kept.as_str()]).expect("an answer").is_empty() {
            return None;
        }
        let key = format!("{stream}/position").into_bytes();
        let record = read(self.broker, &kept).into_iter().rfind(|record| record.key == key)?;
        let value: serde_json::Value = serde_json::from_slice(&record.value).expect("JSON");
        Some(value["position"].as_str()?.to_owned())
    }

    /// Who acted on whom and how, with how often that is there.
    fn acts(&self) -> BTreeMap<String, usize> {
        acts(&read(self.broker, &self.to))
    }
}

fn acts(records: &[Record]) -> BTreeMap<String, usize> {
    let mut decoder = EventDecoder::new(Encoding::Protobuf, None);
    let mut found = BTreeMap::new();
    for record in records {
        let event = decoder.decode(&record.value).expect("an event");
        assert_eq!(record.key, event.actor.as_bytes());
        *found.entry(format!("{} {} {} {}", event.actor, event.kind.word(), event.target, event.at)).or_default() += 1;
    }
    found
}

/// The acts that messages have, each told once.
fn acts_of<'a>(messages: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let options = Options { drops_repeats: true, ..Options::default() };
    let (mut reader, mut source) = (Reader::new(options, Memory::new(1 << 20)), Source::default());
    let mut found = BTreeMap::new();
    for message in messages {
        reader.read(&mut source, message.as_bytes(), &mut |what| {
            if let Found::Act(act) = what {
                let text = format!("{} {} {} {}", act.actor, act.kind.word(), act.target, act.at);
                *found.entry(text).or_default() += 1;
            }
        });
    }
    found
}

/// The acts of each kind that `clout replay` reads in a file.
fn replayed(broker: &Broker, path: &str) -> BTreeMap<String, u64> {
    let told = done(broker, &["replay", path, "--top", "0", "--json"]).stdout;
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    let networks = told["summary"]["networks"].as_array().expect("networks");
    let mut found = BTreeMap::new();
    for network in networks {
        for (kind, count) in network["acts"].as_object().expect("kinds") {
            *found.entry(kind.clone()).or_default() += count.as_u64().expect("a number");
        }
    }
    found
}

/// The same of acts that were found.
fn by_kind(acts: &BTreeMap<String, usize>) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for (act, times) in acts {
        let word = act.split(' ').nth(1).expect("a kind");
        let kind = wire::parse_kind(word).expect("a kind");
        *found.entry(kind.plural().to_owned()).or_default() += *times as u64;
    }
    found
}
