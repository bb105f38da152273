//! The broker, the input topic and the output topics that all runs share.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use benches::{Feeder, cpu_secs};
use kafka::{Admin, Connection};
use rdkafka::consumer::{BaseConsumer, Consumer};
use tempfile::TempDir;
use testbroker::Broker;
use vocabulary::Received;
use worlds::World;

use crate::programs::{self, Programs, Task};
use crate::running::Running;
use crate::system::System;
use crate::{Failure, Options, interrupt};

pub(crate) const PARTITIONS: u16 = 4;
/// For answers of the broker, and for commands that change something there.
const ANSWER: Duration = Duration::from_secs(60);
/// The broker removes files of topics that are gone meanwhile.
const TIDY: Duration = Duration::from_secs(3);
/// A consumer of somebody whom nobody waits for.
const GROUP: &str = "nobody";

pub(crate) struct Stage {
    broker: Broker,
    admin: Admin,
    looks: BaseConsumer,
    folder: TempDir,
}

/// A topic that all read, and what is in it.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) topic: String,
    pub(crate) events: u64,
    /// What all targets received together.
    pub(crate) received: Received,
}

impl Stage {
    /// Starts the broker.
    pub(crate) fn set() -> Result<Stage, Failure> {
        let broker = Broker::measured().ok_or("no broker")?;
        let connection = Connection::new([("bootstrap.servers".to_owned(), broker.brokers().to_owned())]);
        let admin = Admin::connect(&connection)?;
        let looks = connection.client([("group.id", GROUP.to_owned())]).create()?;
        Ok(Stage { broker, admin, looks, folder: TempDir::new()? })
    }

    /// Makes an input and writes all events of a world into it.
    pub(crate) fn fill(&self, what: &str, world: &World) -> Result<Input, Failure> {
        let topic = format!("{}{what}", own_prefix());
        self.make_input(&topic)?;
        let began = Instant::now();
        let received = feed(world, &mut self.feeder(&topic)?)?;
        println!("{what}: {} events of {} users, written in {:.0?}", world.events, world.users, began.elapsed());
        Ok(Input { topic, events: world.events, received })
    }

    pub(crate) fn brokers(&self) -> &str {
        self.broker.brokers()
    }

    /// Seconds of processor time that the broker has used, where it is ours.
    pub(crate) fn broker_cpu_secs(&self) -> Result<Option<f64>, Failure> {
        Ok(self.broker.process_id().map(cpu_secs).transpose()?)
    }

    /// A producer for an input. Nothing comes twice.
    pub(crate) fn feeder(&self, topic: &str) -> Result<Feeder, Failure> {
        let properties = [("compression.type", "lz4"), ("enable.idempotence", "true")];
        Ok(Feeder::new(self.brokers(), topic, PARTITIONS, &properties)?)
    }

    /// An input's topic: as producers packed it, and for as long as the bench lasts.
    pub(crate) fn make_input(&self, topic: &str) -> Result<(), Failure> {
        let properties = [("compression.type", "producer"), ("retention.ms", "-1")];
        Ok(self.admin.create(topic, PARTITIONS.into(), Some(1), &properties)?)
    }

    /// A folder for an application of this name.
    pub(crate) fn folder(&self, application: &str) -> Result<PathBuf, Failure> {
        let folder = self.folder.path().join(application);
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// Makes an application's topics. Those of outputs say when the broker appended a message.
    pub(crate) fn make_topics(&self, programs: &Programs, system: System, task: &Task<'_>) -> Result<(), Failure> {
        let output = programs::output(task.application);
        if system != System::Clout {
            let properties = [("compression.type", "producer"), ("message.timestamp.type", "LogAppendTime")];
            return Ok(self.admin.create(&output, PARTITIONS.into(), Some(1), &properties)?);
        }
        let create = programs.clout(&["topics", "create", "--replication", "1", "--quiet"], task);
        Running::start("clout topics create", create, &log(task.folder))?.finish(ANSWER)?;
        let arguments = ["--alter", "--entity-type", "topics", "--entity-name", &output];
        let appended = ["--add-config", "message.timestamp.type=LogAppendTime"];
        let altered = self.broker.tool("kafka.admin.ConfigCommand", &[&arguments[..], &appended[..]].concat());
        if altered.status.success() {
            return Ok(());
        }
        Err(format!("{output} cannot be altered: {}", String::from_utf8_lossy(&altered.stderr)).into())
    }

    /// How many messages there are in a topic, and of whatever else takes an offset.
    pub(crate) fn len(&self, topic: &str) -> Result<i64, Failure> {
        let end = |partition: u16| Ok(self.looks.fetch_watermarks(topic, partition.into(), ANSWER)?.1);
        (0..PARTITIONS).map(end).sum()
    }

    /// Removes the topics of an application that has ended, and what it kept.
    pub(crate) fn remove(&self, application: &str) -> Result<(), Failure> {
        self.remove_topics(&format!("{application}-"))?;
        std::fs::remove_dir_all(self.folder.path().join(application))?;
        interrupt::pause(TIDY)
    }

    fn remove_topics(&self, prefix: &str) -> Result<(), Failure> {
        let topics: Vec<String> = self.admin.topics()?.into_iter().filter(|topic| topic.starts_with(prefix)).collect();
        if topics.is_empty() {
            return Ok(());
        }
        Ok(self.admin.delete(&topics.iter().map(String::as_str).collect::<Vec<_>>())?)
    }
}

/// Our own broker goes with all topics; somebody else's is left as it was.
impl Drop for Stage {
    fn drop(&mut self) {
        if self.broker.process_id().is_none()
            && let Err(error) = self.remove_topics(&own_prefix())
        {
            eprintln!("topics {}... are left: {error}", own_prefix());
        }
    }
}

/// What all names begin with that this process gives topics and applications.
pub(crate) fn own_prefix() -> String {
    format!("peers-{}-", std::process::id())
}

/// What an application writes to its outputs as a process.
pub(crate) fn log(folder: &Path) -> PathBuf {
    folder.join("log")
}

/// Actors by Zipf's law with exponent 0.8, targets with 1.1 and ranks of their own; times rise evenly over 30 days.
pub(crate) fn world(options: &Options) -> World {
    World { seed: 42, events: options.events, users: options.users, ..World::reference() }
}

fn feed(world: &World, feeder: &mut Feeder) -> Result<Received, Failure> {
    let mut received = Received::default();
    let mut events = world.events()?;
    while let Some(event) = events.next_event() {
        received.count(event.kind);
        feeder.send(&event)?;
        interrupt::check()?;
    }
    feeder.flush(ANSWER)?;
    Ok(received)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use expect_test::expect;
    use vocabulary::Kind;

    /// The input as lines of text.
    fn lines(arguments: &[&str]) -> Vec<String> {
        let options = Options::parse_from([&["peers"], arguments].concat());
        let mut lines = Vec::new();
        world(&options).events().unwrap().for_each(|event| {
            assert_ne!(event.actor, event.target, "nobody acts on himself");
            lines.push(format!("{} {} {} {}", event.at, event.actor, event.kind.word(), event.target));
        });
        lines
    }

    /// Numbers of different years can be compared.
    #[test]
    fn the_input_is_the_same_for_ever() {
        let few = lines(&["--events", "4", "--users", "1000"]);
        expect![[r#"
            1735915268895 u879 retweet u800
            1736657370156 u425 retweet u612
            1737520639455 u815 retweet u527
            1737951117795 u544 retweet u791"#]]
        .assert_eq(&few.join("\n"));
    }

    #[test]
    fn kinds_come_by_their_shares_and_times_rise_evenly() {
        let lines = lines(&["--events", "20000", "--users", "1000"]);
        let share = |kind: Kind| {
            let word = format!(" {} ", kind.word());
            lines.iter().filter(|line| line.contains(&word)).count() as f64 / lines.len() as f64
        };
        for (kind, expected) in [(Kind::Retweet, 0.6), (Kind::Mention, 0.3), (Kind::Reply, 0.1)] {
            assert!((share(kind) - expected).abs() < 0.02, "{kind:?}: {}", share(kind));
        }
        let times: Vec<i64> = lines.iter().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
        assert!(times.is_sorted());
        let half = (times[10_000] - times[0]) as f64 / (15.0 * 86_400_000.0);
        assert!((half - 1.0).abs() < 0.01, "{half}");
    }

    /// The field numbers that benches/peers/common/src/main/java/clout/peers/Event.java reads.
    #[test]
    fn an_event_has_the_bytes_that_the_peers_read() {
        let event = vocabulary::Event { actor: "bo", target: "ana", kind: Kind::Reply, at: 300 };
        let mut bytes = Vec::new();
        wire::encode_event(&event, &mut bytes);
        assert_eq!(bytes, b"\x0a\x02bo\x12\x03ana\x18\xac\x02\x20\x03");
        let numbers = [Kind::Mention, Kind::Retweet, Kind::Reply].map(Kind::number);
        assert_eq!(numbers, [1, 2, 3]);
    }
}
