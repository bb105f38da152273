//! One application on a broker: its topics, its configuration, its processes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use influence::Partitioner;
use rdkafka::ClientConfig;

use super::admin::Admin;
use super::feeder::Feeder;
use super::process::Member;
use super::witness::Witness;

/// Properties of a topic of which nothing may vanish by itself.
const KEPT: &[(&str, &str)] = &[("retention.ms", "-1")];

const LOOK: Duration = Duration::from_millis(50);
/// An application that has nothing to do commits nothing for so long.
const QUIET: Duration = Duration::from_secs(3);
/// Until everything that was fed is taken, and everybody visited.
const DRAINING: Duration = Duration::from_secs(150);

/// How an application differs from most.
#[derive(Clone)]
pub(crate) struct Options<'a> {
    pub(crate) partitions: u16,
    /// Of each topic.
    pub(crate) replicas: i32,
    /// Properties of clients, beside the brokers' address.
    pub(crate) client: &'a [(&'a str, &'a str)],
    /// Those of the program, where they are others.
    pub(crate) program: &'a [(&'a str, &'a str)],
    pub(crate) checkpoint_every: &'a str,
    pub(crate) clock: &'a str,
    pub(crate) epoch: &'a str,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options {
            partitions: 4,
            replicas: 1,
            client: &[],
            program: &[],
            checkpoint_every: "2s",
            clock: "event",
            epoch: "20ms",
        }
    }
}

/// The application; what it keeps on disk goes when the test ends.
pub(crate) struct Scene {
    pub(crate) id: String,
    pub(crate) names: Names,
    pub(crate) partitions: u16,
    pub(crate) half_life_ms: i64,
    replicas: i32,
    client: ClientConfig,
    program: Vec<(String, String)>,
    checkpoint_every: String,
    clock: String,
    epoch: String,
    folder: PathBuf,
}

/// The names of its topics.
#[derive(Clone)]
pub(crate) struct Names {
    pub(crate) input: String,
    pub(crate) exchange: String,
    pub(crate) journal: String,
    pub(crate) scores: String,
    pub(crate) dead_letters: String,
}

impl Scene {
    /// A new application with topics of its own.
    pub(crate) fn new(brokers: &str, options: &Options<'_>) -> Scene {
        let scene = Scene::without_topics(brokers, options);
        let Names { input, exchange, journal, scores, dead_letters } = &scene.names;
        scene.admin().create_topics(
            &[
                (input, KEPT),
                (exchange, KEPT),
                (journal, KEPT),
                (scores, &[("cleanup.policy", "compact")]),
                (dead_letters, &[]),
            ],
            options.partitions,
        );
        scene
    }

    /// The same, and nobody has made the topics.
    pub(crate) fn without_topics(brokers: &str, options: &Options<'_>) -> Scene {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let id = format!("app{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&id);
        fs::create_dir_all(&folder).expect("a folder");
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", brokers);
        let mut program = vec![("bootstrap.servers".to_owned(), brokers.to_owned())];
        options.client.iter().for_each(|(name, value)| _ = client.set(*name, *value));
        let all = if options.program.is_empty() { options.client } else { options.program };
        program.extend(all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let name = |what: &str| format!("{id}-{what}");
        let names = Names {
            input: name("events"),
            exchange: name("exchange"),
            journal: name("journal"),
            scores: name("scores"),
            dead_letters: name("dead-letters"),
        };
        Scene {
            id,
            names,
            partitions: options.partitions,
            half_life_ms: 48 * 3_600_000,
            replicas: options.replicas,
            client,
            program,
            checkpoint_every: options.checkpoint_every.to_owned(),
            clock: options.clock.to_owned(),
            epoch: options.epoch.to_owned(),
            folder,
        }
    }

    /// Makes a topic of which nothing may vanish by itself.
    pub(crate) fn create(&self, topic: &str) {
        self.admin().create_topics(&[(topic, KEPT)], self.partitions);
    }

    /// Deletes such a topic, and makes it anew.
    pub(crate) fn create_anew(&self, topic: &str) {
        self.admin().delete_topic(topic);
        self.create(topic);
    }

    /// All of its topics.
    pub(crate) fn topics(&self) -> [&str; 5] {
        let Names { input, exchange, journal, scores, dead_letters } = &self.names;
        [input, exchange, journal, scores, dead_letters].map(String::as_str)
    }

    /// The topics that a shard reads, in the journal's order.
    pub(crate) fn read(&self) -> impl Iterator<Item = &str> {
        [self.names.input.as_str(), self.names.exchange.as_str()].into_iter()
    }

    pub(crate) fn shard_of(&self, user: &str) -> u16 {
        Partitioner::default().partition(user, self.partitions)
    }

    pub(crate) fn admin(&self) -> Admin {
        Admin::new(&self.client, self.replicas)
    }

    pub(crate) fn feeder(&self) -> Feeder {
        Feeder::new(&self.client, &self.names.input, self.partitions)
    }

    pub(crate) fn witness(&self) -> Witness {
        Witness::new(&self.client, &self.names, self.partitions)
    }

    /// Where checkpoints are kept.
    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.folder.join("checkpoints")
    }

    /// A process of it, by the name of its instance.
    pub(crate) fn start(&self, instance: &str, workers: usize) -> Member {
        Member::start(self.command(instance, workers), instance, self.told(instance))
    }

    /// How such a process is started.
    pub(crate) fn command(&self, instance: &str, workers: usize) -> Command {
        let config = self.folder.join(format!("{instance}.toml"));
        fs::write(&config, self.config(Some(instance), workers)).expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_clout"));
        command.current_dir(&self.folder).arg("run").arg("--config").arg(&config);
        command
    }

    /// A process without a name, in a folder of its own that has a copy of the configuration.
    pub(crate) fn start_in(&self, folder: &str, arguments: &[&str]) -> Member {
        Member::start(self.command_in(folder, arguments), folder, self.told(folder))
    }

    /// How such a process is started: each with the same command line.
    pub(crate) fn command_in(&self, folder: &str, arguments: &[&str]) -> Command {
        let path = self.folder_of(folder);
        fs::create_dir_all(&path).expect("a folder");
        fs::write(path.join("clout.toml"), self.config(None, 1)).expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_clout"));
        command.current_dir(&path).args(["run", "--config", "clout.toml"]).args(arguments);
        command
    }

    /// Where such a process runs.
    pub(crate) fn folder_of(&self, folder: &str) -> PathBuf {
        self.folder.join(folder)
    }

    /// The same, with more on its command line.
    pub(crate) fn start_with(&self, instance: &str, workers: usize, arguments: &[&str]) -> Member {
        let mut command = self.command(instance, workers);
        command.args(arguments);
        Member::start(command, instance, self.told(instance))
    }

    fn config(&self, instance: Option<&str>, workers: usize) -> String {
        let instance = instance.map_or(String::new(), |instance| format!("instance = \"{instance}\""));
        let Scene { id, half_life_ms, checkpoint_every, clock, epoch, names, .. } = self;
        let (half_life_hours, input) = (half_life_ms / 3_600_000, &names.input);
        let kafka: String = self.program.iter().map(|(name, value)| format!("\"{name}\" = \"{value}\"\n")).collect();
        format!(
            r#"
application_id = "{id}"
{instance}
workers = {workers}
clock = "{clock}"

[[inputs]]
topic = "{input}"

[model]
half_life = "{half_life_hours}h"

[pace]
epoch = "{epoch}"

[checkpoints]
place = "checkpoints"
every = "{checkpoint_every}"

[kafka]
{kafka}"#
        )
    }

    /// Where a process of this name tells what it does.
    pub(crate) fn told(&self, instance: &str) -> PathBuf {
        self.folder.join(format!("{instance}.log"))
    }

    /// Waits until everybody has been visited since these epochs.
    pub(crate) fn advance(&self, witness: &Witness, since: &BTreeMap<u16, u64>, members: &mut [&mut Member]) {
        wait_until("everybody is visited", DRAINING, || {
            members.iter_mut().for_each(|member| member.check());
            witness.seen().has_been_quiet_since(since)
        });
    }

    /// Waits until all that was fed is taken and everybody has been visited since.
    pub(crate) fn drain(&self, witness: &Witness, members: &mut [&mut Member]) {
        let ends: i64 = self.admin().ends(&self.names.input, self.partitions, true).iter().sum();
        let mut before = (Instant::now(), BTreeMap::new());
        wait_until("all is taken and everybody visited", DRAINING, || {
            members.iter_mut().for_each(|member| member.check());
            let seen = witness.seen();
            let now = seen.sequences();
            if now != before.1 || seen.taken() != ends || !seen.is_quiet(self.partitions) {
                before = (Instant::now(), now);
            }
            // Shards may still be telling each other.
            before.0.elapsed() >= QUIET
        });
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("what the processes told is kept in {}", self.folder.display());
        } else {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Waits for a condition, and not for ever.
#[track_caller]
pub(crate) fn wait_until(what: &str, within: Duration, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + within;
    while !is_so() {
        assert!(Instant::now() < until, "after {within:?} it is not so that {what}");
        thread::sleep(LOOK);
    }
}
