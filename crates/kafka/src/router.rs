//! Reads a topic and writes each record to where its key says, exactly once: records and offsets move in one transaction.
//!
//! Whatever fails, nothing is repaired: the transaction is aborted and the reading begins again at the committed offsets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};
use tracing::warn;

use crate::admin::{Admin, AdminError, reason, refused};
use crate::connection::Connection;
use crate::troubles::is_unreachable;

/// For everything that waits for the brokers.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A transaction ends after this time,
const EPOCH: Duration = Duration::from_millis(500);
/// or with so many records.
const RECORDS_MAX: u64 = 100_000;
/// How soon somebody who says stop is heard.
const LOOK: Duration = Duration::from_millis(50);
/// How often it is begun again without a transaction in between.
const ATTEMPTS_MAX: u32 = 10;
const BACKOFF: Duration = Duration::from_secs(1);

/// From where to where.
#[derive(Clone, Debug)]
pub struct Route {
    /// What is read.
    pub from: String,
    /// Where records go.
    pub to: String,
    /// Where those go that have no key.
    pub dead_letters: String,
    /// The consumer group whose offsets say how far it is.
    pub group: String,
    /// This process among all of the group.
    pub instance: String,
    /// Whether to stop at the end of what there is.
    pub is_once: bool,
}

/// Where a record goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Under this key, to its partition among so many.
    Key(String, u16),
    /// To the dead letters, and why.
    Refused(String),
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Routed {
    /// Records under their keys.
    pub records: u64,
    /// Records that could not be used.
    pub dead_letters: u64,
}

/// Why an attempt ended.
enum Broken {
    /// Another one may go better.
    Passing { reason: String, is_unreachable: bool },
    /// None will.
    Final(AdminError),
}

/// Routes until somebody says stop, or once to the end. `target` is told a key, a value and the partitions there are.
///
/// # Errors
/// If a topic is missing, the brokers refuse, or nothing goes on for several attempts.
pub fn route(
    connection: &Connection,
    route: &Route,
    stop: &AtomicBool,
    mut target: impl FnMut(Option<&[u8]>, Option<&[u8]>, u16) -> Target,
) -> Result<Routed, AdminError> {
    let needed = [&route.from, &route.to, &route.dead_letters].map(String::as_str);
    let found = Admin::connect(connection)?.find(needed)?;
    let missing: Vec<String> =
        needed.iter().filter(|topic| !found.contains_key(**topic)).map(|topic| (*topic).to_owned()).collect();
    if !missing.is_empty() {
        return Err(AdminError::Missing(missing));
    }
    let count = |topic: &String| u16::try_from(found[topic].partitions).unwrap_or(u16::MAX);
    let (partitions, letters) = (count(&route.to), count(&route.dead_letters));
    let mut routed = Routed::default();
    let mut failures = 0;
    loop {
        let before = routed;
        let broken = match Attempt::begin(connection, route, partitions, letters) {
            Ok(mut attempt) => match attempt.run(stop, &mut target, &mut routed) {
                Ok(()) => return Ok(routed),
                Err(broken) => broken,
            },
            Err(broken) => broken,
        };
        failures = if routed == before { failures + 1 } else { 1 };
        match broken {
            Broken::Final(error) => return Err(error),
            Broken::Passing { reason, .. } if stop.load(Relaxed) => {
                let what = format!("the last records of {} are not routed", route.from);
                return Err(AdminError::Unfinished { what, reason });
            }
            Broken::Passing { reason, is_unreachable: true } if failures == ATTEMPTS_MAX => {
                return Err(AdminError::Unreachable { brokers: connection.brokers().to_owned(), reason });
            }
            Broken::Passing { reason, .. } if failures == ATTEMPTS_MAX => {
                return Err(AdminError::Refused { what: format!("{} cannot be routed", route.from), reason });
            }
            Broken::Passing { reason, .. } => warn!(reason, "begins again from what is committed"),
        }
        sleep(BACKOFF);
        if stop.load(Relaxed) {
            // Nothing is pending between two attempts.
            return Ok(routed);
        }
    }
}

/// Notes when partitions are taken away: what was read of them must not be committed.
#[derive(Clone, Default)]
struct Watch(Arc<AtomicBool>);

impl ClientContext for Watch {}

impl ConsumerContext for Watch {
    fn pre_rebalance(&self, _: &BaseConsumer<Watch>, rebalance: &Rebalance<'_>) {
        if !matches!(rebalance, Rebalance::Assign(_)) {
            self.0.store(true, Relaxed);
        }
    }
}

/// One consumer, one producer, as long as nothing breaks.
struct Attempt<'a> {
    route: &'a Route,
    partitions: u16,
    letters: u16,
    watch: Watch,
    consumer: BaseConsumer<Watch>,
    producer: ThreadedProducer<DefaultProducerContext>,
    /// Where to go on, by partition; empty where no transaction is open.
    next: BTreeMap<i32, i64>,
    pending: Routed,
}

impl<'a> Attempt<'a> {
    fn begin(connection: &Connection, route: &'a Route, partitions: u16, letters: u16) -> Result<Attempt<'a>, Broken> {
        let watch = Watch::default();
        let fixed = [
            ("group.id", route.group.as_str()),
            // All partitions are given up in each rebalance, and begin again at the committed offsets.
            ("partition.assignment.strategy", "range"),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("enable.partition.eof", "true"),
            ("isolation.level", "read_committed"),
            ("auto.offset.reset", "earliest"),
        ];
        let ours = [("session.timeout.ms", "10000"), ("fetch.queue.backoff.ms", "10")];
        let owned = |(name, value): (&'static str, &str)| (name, value.to_owned());
        let consumer = connection.client_with(ours.map(owned), fixed.map(owned)).create_with_context(watch.clone());
        let consumer: BaseConsumer<Watch> = consumer.map_err(wrong)?;
        let id = format!("{}-{}", route.group, route.instance);
        let fixed = [("transactional.id", id.as_str()), ("enable.idempotence", "true")];
        let ours = [
            ("transaction.timeout.ms", "30000"),
            ("linger.ms", "20"),
            ("compression.type", "lz4"),
            ("retry.backoff.ms", "10"),
        ];
        let producer: ThreadedProducer<DefaultProducerContext> =
            connection.client_with(ours.map(owned), fixed.map(owned)).create().map_err(wrong)?;
        producer.init_transactions(TIMEOUT).map_err(passing)?;
        consumer.subscribe(&[&route.from]).map_err(passing)?;
        Ok(Attempt {
            route,
            partitions,
            letters,
            watch,
            consumer,
            producer,
            next: BTreeMap::new(),
            pending: Routed::default(),
        })
    }

    fn run(
        &mut self,
        stop: &AtomicBool,
        target: &mut impl FnMut(Option<&[u8]>, Option<&[u8]>, u16) -> Target,
        routed: &mut Routed,
    ) -> Result<(), Broken> {
        let mut began = Instant::now();
        let mut ended: BTreeSet<i32> = BTreeSet::new();
        loop {
            // The consumer's records live as long as it is not used: it is shared, what is counted is not.
            let polled = self.consumer.poll(LOOK).map(|polled| polled.map(|message| self.transform(&message, target)));
            if self.watch.0.swap(false, Relaxed) {
                ended.clear();
                self.abort()?;
                began = Instant::now();
            }
            match polled {
                Some(Ok(record)) => {
                    ended.remove(&record.partition);
                    self.produce(record)?;
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => _ = ended.insert(partition),
                Some(Err(error)) => return Err(passing(error)),
                None => {}
            }
            let is_stopped = stop.load(Relaxed);
            let is_full = self.pending.records + self.pending.dead_letters >= RECORDS_MAX;
            let is_at_end = self.is_at_end(&ended);
            if is_stopped || is_at_end || is_full || began.elapsed() >= EPOCH {
                self.commit(routed)?;
                began = Instant::now();
            }
            if is_stopped || (is_at_end && self.route.is_once) {
                return Ok(());
            }
        }
    }

    fn is_at_end(&self, ended: &BTreeSet<i32>) -> bool {
        let assigned = || self.consumer.assignment().map_or(0, |assignment| assignment.count());
        !ended.is_empty() && ended.len() == assigned()
    }

    fn transform(
        &self,
        message: &BorrowedMessage<'_>,
        target: &mut impl FnMut(Option<&[u8]>, Option<&[u8]>, u16) -> Target,
    ) -> Record {
        Record {
            target: target(message.key(), message.payload(), self.partitions),
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            at: message.timestamp().to_millis(),
            headers: message.headers().map(|headers| headers.detach()).unwrap_or_default(),
        }
    }

    fn produce(&mut self, record: Record) -> Result<(), Broken> {
        if self.next.is_empty() {
            self.producer.begin_transaction().map_err(passing)?;
        }
        self.next.insert(record.partition, record.offset + 1);
        let Record { target, partition, offset, key, value, at, headers } = record;
        let (topic, to, key, headers) = match target {
            Target::Key(key, to) => {
                self.pending.records += 1;
                (&self.route.to, i32::from(to), Some(key.into_bytes()), headers)
            }
            Target::Refused(why) => {
                self.pending.dead_letters += 1;
                let headers = told(headers, &self.route.from, partition, offset, &why);
                (&self.route.dead_letters, partition % i32::from(self.letters), key, headers)
            }
        };
        let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(to).headers(headers);
        (record.key, record.payload, record.timestamp) = (key.as_deref(), value.as_deref(), at);
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(Code::QueueFull), again)) => {
                    sleep(Duration::from_millis(1));
                    record = again;
                }
                Err((error, _)) => return Err(passing(error)),
            }
        }
    }

    /// Gives up what is not committed. The reading begins again at the committed offsets by itself, since it is a rebalance
    /// that makes this necessary.
    fn abort(&mut self) -> Result<(), Broken> {
        self.pending = Routed::default();
        match std::mem::take(&mut self.next).is_empty() {
            true => Ok(()),
            false => self.producer.abort_transaction(TIMEOUT).map_err(passing),
        }
    }

    fn commit(&mut self, routed: &mut Routed) -> Result<(), Broken> {
        if self.next.is_empty() {
            return Ok(());
        }
        let mut offsets = TopicPartitionList::new();
        for (&partition, &next) in &self.next {
            offsets.add_partition_offset(&self.route.from, partition, Offset::Offset(next)).map_err(passing)?;
        }
        let group = self.consumer.group_metadata().filter(|_| !self.consumer.assignment_lost());
        let group =
            group.ok_or_else(|| passing_by("the group has given the partitions to somebody else".to_owned(), false))?;
        self.producer.send_offsets_to_transaction(&offsets, &group, TIMEOUT).map_err(passing)?;
        self.producer.commit_transaction(TIMEOUT).map_err(passing)?;
        self.next.clear();
        let Routed { records, dead_letters } = std::mem::take(&mut self.pending);
        routed.records += records;
        routed.dead_letters += dead_letters;
        Ok(())
    }
}

/// A record as it was, and where it goes.
struct Record {
    target: Target,
    partition: i32,
    offset: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    at: Option<i64>,
    headers: OwnedHeaders,
}

/// Kafka Connect's headers, behind those that the record has.
fn told(headers: OwnedHeaders, topic: &str, partition: i32, offset: i64, why: &str) -> OwnedHeaders {
    let told = [
        ("topic", topic),
        ("partition", &partition.to_string()),
        ("offset", &offset.to_string()),
        ("stage", "VALUE_CONVERTER"),
        ("exception.class.name", "clout.Malformed"),
        ("exception.message", why),
    ];
    told.into_iter().fold(headers, |headers, (name, value)| {
        headers.insert(Header { key: &format!("__connect.errors.{name}"), value: Some(value) })
    })
}

fn wrong(error: KafkaError) -> Broken {
    Broken::Final(refused("cannot connect", error))
}

/// What no attempt heals is told at once.
fn passing(error: KafkaError) -> Broken {
    match error.rdkafka_error_code() {
        Some(
            Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::SaslAuthenticationFailed,
        ) => Broken::Final(refused("this user may not do it", error)),
        code => passing_by(reason(&error), code.is_some_and(is_unreachable)),
    }
}

fn passing_by(reason: String, is_unreachable: bool) -> Broken {
    Broken::Passing { reason, is_unreachable }
}
