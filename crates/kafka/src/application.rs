//! What all workers of one application share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use pipeline::Settings;
use rdkafka::ClientConfig;
use wire::Encoding;

use crate::connection::{ASKS_AGAIN, Connection};
use crate::costs::Costs;
use crate::health::STATISTICS_MS;
use crate::topics::Topics;

/// Heartbeats that do not come for so long: the member is taken for dead. Kafka Streams' is 45 s. It is longer than a cluster
/// needs to miss a node (9 s by default) and to make another one the group's coordinator: else all shards would be lost then.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(15);
/// Brokers may be away for so long while a transaction is under way, and it goes on; Kafka Streams gives up after 10 s.
/// Nobody waits as long for one that was left open: who takes a shard over fences its writer off.
pub(crate) const TRANSACTION_TIMEOUT_MS: u32 = 30_000;

/// Bytes of a record or a batch that every topic takes whose limit is the brokers' default.
pub const RECORD_BYTES_MAX: usize = 1_000_000;
/// Bytes of records that wait in the memory of a worker's readers, of all partitions together,
const FETCHED_BYTES_MAX: usize = 64 << 20;
/// and of one partition at least and at most, in KiB.
const FETCHED_KBYTES: std::ops::RangeInclusive<usize> = 1_024..=16_384;

/// Brokers take 4,096 by default.
const KNOWN_BYTES_MAX: usize = 3_000;

/// The machine's name, where the system tells it.
pub fn host_name() -> Option<String> {
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    told.or_else(|| std::env::var("HOSTNAME").ok()).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// This process among those of all hosts, for people.
pub(crate) fn process_here() -> String {
    format!("{} of host {}", std::process::id(), host_name().unwrap_or_default())
}

/// One application: its name, its topics, and how its clients are set.
#[derive(Clone, Debug)]
pub struct Application {
    /// Consumer group, and the beginning of the names of everything that belongs to it.
    pub id: String,
    /// Names this process among all of the application, and stays the same when it is started again.
    pub instance: String,
    /// How to reach the brokers.
    pub connection: Connection,
    /// Its own topics.
    pub topics: Topics,
    /// Where an application that is new begins to read its inputs.
    pub start: Start,
    /// Bytes of the largest record or batch that all of its own topics take.
    pub record_bytes_max: usize,
    /// Milliseconds for which topics keep their records, where that has an end and is known.
    pub retention_ms: BTreeMap<String, i64>,
    /// Where checkpoints of this process are, in the lines of [`pipeline::CheckpointPlace`].
    pub checkpoints: String,
    /// The encoding of scores, closes and dead letters.
    pub outputs: Encoding,
    /// What its workers are told.
    pub settings: Arc<Settings>,
    /// Where their time goes.
    pub costs: Arc<Costs>,
}

/// Where a shard's first slice begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// At the first record that there is.
    #[default]
    Earliest,
    /// Behind the last one.
    Latest,
}

fn properties<'a>(pairs: &[(&'a str, &str)]) -> BTreeMap<&'a str, String> {
    pairs.iter().map(|&(name, value)| (name, value.to_owned())).collect()
}

impl Application {
    /// What is written beside a shard's offsets, in one line each: its topic's id, the settings by name, who writes, and where
    /// its checkpoints are.
    pub(crate) fn known(&self, id: &str) -> String {
        let Application { settings, instance, checkpoints, .. } = self;
        let all = format!("{id}\n{}process={}\ninstance={instance}\n{checkpoints}", settings.known(), process_here());
        // More than brokers take is not worth a commit.
        if all.len() <= KNOWN_BYTES_MAX { all } else { id.to_owned() }
    }

    /// The topics that a shard reads: the inputs in the order of the configuration, and then the exchange.
    pub(crate) fn read(&self) -> impl Iterator<Item = &str> + Clone {
        self.settings.inputs.iter().map(|input| input.topic.as_str()).chain([self.topics.exchange.as_str()])
    }

    /// How the ids of its clients begin.
    pub(crate) fn client_prefix(&self) -> String {
        format!("{}-{}-", self.id, self.instance)
    }

    /// The consumer that says which shards are whose.
    pub(crate) fn membership(&self, worker: usize) -> ClientConfig {
        let ours = properties(&[
            ("session.timeout.ms", &SESSION_TIMEOUT.as_millis().to_string()),
            ("heartbeat.interval.ms", "2000"),
            // A coordinator that says nothing is asked for before the session is over.
            ("coordinator.query.interval.ms", "2000"),
            ("statistics.interval.ms", STATISTICS_MS),
            ("client.id", &format!("{}{worker}-ownership", self.client_prefix())),
        ]);
        let fixed = properties(&[
            ("group.id", &self.id),
            // Who is started again takes its own place: nobody has to be missed first, and nobody else moves.
            ("group.instance.id", &self.transactional_id(worker)),
            ("group.protocol", "classic"),
            ("partition.assignment.strategy", "cooperative-sticky"),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("isolation.level", "read_committed"),
            ("auto.offset.reset", "latest"),
        ]);
        self.connection.client_with(ours, fixed)
    }

    /// The consumer of records: without a group, each partition read from where it is told.
    pub(crate) fn reader(&self, worker: usize) -> ClientConfig {
        let ours = properties(&[
            // A partition that is new waits for the end of the request under way.
            ("fetch.wait.max.ms", "100"),
            ("fetch.queue.backoff.ms", "10"),
            ("fetch.error.backoff.ms", "100"),
            // Empty records count no bytes there.
            ("queued.min.messages", "100000"),
            ("queued.max.messages.kbytes", &self.fetched_kbytes().to_string()),
            // Records that are packed well are many times as large in memory. Where a batch is larger it grows by itself.
            ("fetch.message.max.bytes", "8192"),
            // Of what is fetched at once: no limit that a batch could pass and never be read.
            ("receive.message.max.bytes", "2147483647"),
            ("client.id", &format!("{}{worker}-input", self.client_prefix())),
        ]);
        let fixed = properties(&[
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            // Marks of transactions at an end are no records that come.
            ("enable.partition.eof", "true"),
            ("isolation.level", "read_committed"),
            ("auto.offset.reset", "error"),
        ]);
        self.connection.client_with(ours, fixed)
    }

    /// What waits in the reader's memory of one partition, if this worker had all of them.
    fn fetched_kbytes(&self) -> usize {
        let partitions = usize::from(self.settings.shards) * self.read().count();
        (FETCHED_BYTES_MAX / 1_024 / partitions.max(1)).clamp(*FETCHED_KBYTES.start(), *FETCHED_KBYTES.end())
    }

    /// The consumer that reads journals, and asks for what is committed.
    pub(crate) fn historian(&self, worker: usize) -> ClientConfig {
        let ours = properties(&[
            // The next journal waits for the end of the request under way, and so does whoever waits for its shard.
            ("fetch.wait.max.ms", "20"),
            ("fetch.queue.backoff.ms", "10"),
            ("fetch.error.backoff.ms", "100"),
            ("client.id", &format!("{}{worker}-journal", self.client_prefix())),
        ]);
        let fixed = properties(&[
            // It reads with the group's offsets, and never joins.
            ("group.id", &self.id),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("enable.partition.eof", "true"),
            // `committed` waits for pending transactions as well.
            ("isolation.level", "read_committed"),
            ("auto.offset.reset", "error"),
        ]);
        self.connection.client_with(ours, fixed)
    }

    /// The consumer that sees what is pending in a journal.
    pub(crate) fn onlooker(&self, worker: usize) -> ClientConfig {
        let mut config = self.historian(worker);
        config.set("isolation.level", "read_uncommitted");
        config
    }

    /// The producer that ends what another one left open.
    pub(crate) fn fencer(&self, worker: usize, transactional_id: &str) -> ClientConfig {
        let mut config = self.writer(worker);
        config.set("transactional.id", transactional_id);
        config
    }

    /// A worker that is started again fences off what it left open.
    pub(crate) fn transactional_id(&self, worker: usize) -> String {
        format!("{}-{}-{worker}", self.id, self.instance)
    }

    /// The transactional producer.
    pub(crate) fn writer(&self, worker: usize) -> ClientConfig {
        let client = format!("{}{worker}-output", self.client_prefix());
        Application::transactional(&self.connection, &self.transactional_id(worker), &client, self.record_bytes_max)
    }

    /// A transactional producer of this name.
    pub(crate) fn transactional(
        connection: &Connection,
        id: &str,
        client: &str,
        record_bytes_max: usize,
    ) -> ClientConfig {
        let ours = properties(&[
            // A commit right after another one waits for it; the default of 100 ms is the whole transaction's time.
            ("retry.backoff.ms", "2"),
            ("retry.backoff.max.ms", "100"),
            // Without it a partition without a leader is asked for as often as that.
            ("topic.metadata.refresh.fast.interval.ms", "100"),
            ASKS_AGAIN,
            ("linger.ms", "5"),
            ("statistics.interval.ms", STATISTICS_MS),
            ("queue.buffering.max.messages", "0"),
            ("queue.buffering.max.kbytes", "65536"),
            ("batch.num.messages", "100000"),
            ("batch.size", &record_bytes_max.to_string()),
            ("transaction.timeout.ms", &TRANSACTION_TIMEOUT_MS.to_string()),
            ("client.id", client),
        ]);
        let fixed = properties(&[("transactional.id", id), ("enable.idempotence", "true")]);
        connection.client_with(ours, fixed)
    }
}
