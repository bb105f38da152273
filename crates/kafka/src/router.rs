//! Reads a topic and writes each record to where its key says, or other records in its place, exactly once: records and
//! offsets move in one transaction.
//!
//! Whatever fails, nothing is repaired: the transaction is aborted and the reading begins again at the committed offsets. What
//! the routing has learnt is then forgotten, and learnt again from the records before these offsets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use pipeline::Kept;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, DeliveryResult, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};
use tracing::warn;

use crate::admin::{Admin, AdminError, reason, refused, there};
use crate::aside::drop_aside;
use crate::connection::{ASKED_TWICE, ASKS_AGAIN, Connection};
use crate::dead_letter::{DeadLetter, FROM_TOPIC, Form, cut_letter, header, is_about_the_record};
use crate::letters::{SENT, Sent};
use crate::native::{Packed, packed};
use crate::troubles::{Troubles, cause, is_unreachable};

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
/// Bytes of the largest record, as it is in memory; so many may be on their way.
const RECORD_BYTES_MAX: usize = 64 << 20;
/// What a record has around its key and value.
const FRAME_BYTES: usize = 1_024;
/// A dead letter keeps the headers that its record had if they have no more bytes.
const HEADERS_BYTES_MAX: usize = 64 << 10;

/// From where to where.
#[derive(Clone, Debug)]
pub struct Route {
    /// What is read.
    pub from: String,
    /// Where records go.
    pub to: String,
    /// Where profiles go that are found in records,
    pub profiles: Option<String>,
    /// and what accounts are called.
    pub names: Option<String>,
    /// Where those go that cannot be used. Where it is what is read, they stay there as they are.
    pub dead_letters: String,
    /// Of dead letters only those that come from this topic.
    pub origin: Option<String>,
    /// The consumer group whose offsets say how far it is.
    pub group: String,
    /// This process among all of the group.
    pub instance: String,
    /// Whether to stop at the end of what there is.
    pub is_once: bool,
    /// The most records before the committed offset of each partition that are read again when it comes here, so that what they
    /// say is known.
    pub look_back: u64,
}

/// Where a record goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Under this key, to its partition among so many.
    Key(String, u16),
    /// To the dead letters, and why.
    Refused(String),
    /// Other records are written in its place, and it goes to the dead letters as well if a part of it cannot be used.
    Given {
        /// The records, in the order in which they are written.
        records: Vec<Given>,
        /// Why a part of it cannot be used.
        refused: Option<String>,
    },
}

/// A record that is written in the place of one that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// What it is, which says to which topic it goes.
    pub of: Purpose,
    /// Its partition there.
    pub partition: u16,
    /// Its key.
    pub key: String,
    /// Its value; without one its key goes from a compacted topic.
    pub value: Option<Vec<u8>>,
}

/// What is written in the place of a record that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An event.
    Event,
    /// A profile.
    Profile,
    /// What an account is called.
    Name,
}

/// A record of the topic that is read.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
    /// The partition in which it is.
    pub partition: i32,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
    /// The partitions of the topic that records go to.
    pub partitions: u16,
    /// The partitions of the topic of profiles; 0 if there is none.
    pub profile_partitions: u16,
    /// The partitions of the topic of names; 0 if there is none.
    pub name_partitions: u16,
}

/// Says where records go. A routing may learn from records; it is told when what it has learnt is void.
pub trait Routing {
    /// Where a record goes.
    fn target(&mut self, read: Read<'_>) -> Target;

    /// Learns from a record that was routed before, by this process or by another one.
    fn recall(&mut self, _read: Read<'_>) {}

    /// Forgets all that was read, as it is read again from what is committed.
    fn forget(&mut self) {}

    /// The targets of all records since the last time are committed.
    fn committed(&mut self) {}
}

impl<F: FnMut(Read<'_>) -> Target> Routing for F {
    fn target(&mut self, read: Read<'_>) -> Target {
        self(read)
    }
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routed {
    /// Records that were read.
    pub read: u64,
    /// Records that were written under their keys.
    pub records: u64,
    /// Profiles that were found in records and written.
    pub profiles: u64,
    /// Records that could not be used.
    pub dead_letters: u64,
    /// Records that were left out: they come from another topic than was asked for, or are dead letters that were sent again
    /// before, or say that others were.
    pub left_out: u64,
    /// The first record that could not be used: where it is, and what is wrong with it.
    pub first_refused: Option<String>,
}

impl Routed {
    fn add(&mut self, more: Routed) {
        self.read += more.read;
        self.records += more.records;
        self.profiles += more.profiles;
        self.dead_letters += more.dead_letters;
        self.left_out += more.left_out;
        self.first_refused = self.first_refused.take().or(more.first_refused);
    }
}

/// The reason why an attempt ended.
enum Broken {
    /// Another one may go better.
    Passing { reason: String, is_unreachable: bool },
    /// None will.
    Final(AdminError),
}

/// Routes until somebody says stop, or once to the end as it is now: what comes meanwhile is not waited for. `routing` says where
/// each record goes; `told` is told what was done by the last transaction and all before it.
///
/// # Errors
/// If a topic is missing, the brokers refuse, or nothing goes on for several attempts.
pub fn route(
    connection: &Connection,
    route: &Route,
    stop: &AtomicBool,
    mut routing: impl Routing,
    mut told: impl FnMut(&Routed),
) -> Result<Routed, AdminError> {
    let needed =
        || [&route.from, &route.to, &route.dead_letters].into_iter().chain(&route.profiles).chain(&route.names);
    let found = there(connection, needed().map(String::as_str), [])?;
    let ends = match route.is_once {
        true => Some(Admin::connect(connection)?.ends(&route.from, found[&route.from].partitions)?),
        false => None,
    };
    let sent = match route.dead_letters == route.from {
        true => Sent::read(connection, &route.from, None)?,
        false => Sent::default(),
    };
    let count = |topic: &String| u16::try_from(found[topic].partitions).unwrap_or(u16::MAX);
    let (partitions, letters) = (count(&route.to), count(&route.dead_letters));
    let of = |topic: &Option<String>| topic.as_ref().map_or(0, count);
    let (profile_partitions, name_partitions) = (of(&route.profiles), of(&route.names));
    let mut routed = Routed::default();
    let mut failures = 0;
    let troubles = Troubles::default();
    let mut refused = Refusals::default();
    let record_bytes_max = connection.number("message.max.bytes").unwrap_or(RECORD_BYTES_MAX);
    let to_limit = |topic: &str| found[topic].record_bytes_max().unwrap_or(crate::RECORD_BYTES_MAX);
    let letter = to_limit(&route.dead_letters).min(crate::RECORD_BYTES_MAX);
    let profiles = route.profiles.as_ref().map_or(letter, |topic| to_limit(topic));
    let limits = Limits { record_bytes_max, batch: to_limit(&route.to).min(letter).min(profiles), letter };
    loop {
        let before = routed.clone();
        let known = refused.len();
        let ends = ends.as_deref();
        let plan = Plan {
            route,
            partitions,
            profile_partitions,
            name_partitions,
            letters,
            limits,
            ends,
            refused: &refused,
            sent: &sent,
        };
        let broken = match Attempt::begin(connection, plan, &troubles) {
            Ok(mut attempt) => match attempt.run(stop, &mut routing, &mut routed, &mut told) {
                Ok(()) => return Ok(routed),
                Err(broken) => {
                    refused.extend(attempt.refused_now());
                    broken
                }
            },
            Err(broken) => broken,
        };
        // A record that was refused goes another way now: that is a step forward as well.
        if refused.len() > known {
            failures = 0;
            continue;
        }
        let why = |reason: String| troubles.reason().unwrap_or(reason);
        failures = if routed == before { failures + 1 } else { 1 };
        match broken {
            Broken::Final(error) => return Err(error),
            Broken::Passing { reason, .. } if stop.load(Relaxed) => {
                let what = format!("the last records of {} are not routed", route.from);
                return Err(AdminError::Unfinished { what, reason: why(reason) });
            }
            Broken::Passing { reason, is_unreachable: true } if failures == ATTEMPTS_MAX => {
                return Err(AdminError::Unreachable { brokers: connection.brokers().to_owned(), reason: why(reason) });
            }
            Broken::Passing { reason, .. } if failures == ATTEMPTS_MAX => {
                return Err(AdminError::Refused {
                    what: format!("{} cannot be routed", route.from),
                    reason: why(reason),
                });
            }
            Broken::Passing { reason, .. } => warn!(reason = why(reason), "begins again from what is committed"),
        }
        sleep(BACKOFF);
        if stop.load(Relaxed) {
            // Nothing is pending between two attempts.
            return Ok(routed);
        }
    }
}

/// Notes when partitions are taken away: what was read of them must not be committed. Notes as well when some come, as what
/// was said in them before is to be learnt.
#[derive(Clone, Default)]
struct Watch {
    has_lost: Arc<AtomicBool>,
    has_gained: Arc<AtomicBool>,
    troubles: Troubles,
}

impl ClientContext for Watch {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        self.troubles.log(level, fac, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.troubles.error(error, reason);
    }
}

impl ConsumerContext for Watch {
    fn pre_rebalance(&self, _: &BaseConsumer<Watch>, rebalance: &Rebalance<'_>) {
        if !matches!(rebalance, Rebalance::Assign(_)) {
            self.has_lost.store(true, Relaxed);
        }
    }

    fn post_rebalance(&self, _: &BaseConsumer<Watch>, rebalance: &Rebalance<'_>) {
        if matches!(rebalance, Rebalance::Assign(_)) {
            self.has_gained.store(true, Relaxed);
        }
    }
}

/// What records are not to be larger than.
#[derive(Clone, Copy)]
struct Limits {
    /// A record, as it is in memory.
    record_bytes_max: usize,
    /// A batch.
    batch: usize,
    /// A dead letter.
    letter: usize,
}

/// Records that a topic has refused, as they were read, with the topic: partitions and offsets.
type Refusals = BTreeSet<Place>;

/// Where a record was read, and where it goes.
type Place = (i32, i64, Goal);

/// Where a record was on its way to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Goal {
    Records,
    DeadLetters,
}

/// Takes delivery reports: each record carries where it was read, and where it goes.
#[derive(Clone)]
struct Deliveries {
    refused: Arc<Mutex<Refusals>>,
    troubles: Troubles,
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        self.troubles.log(level, fac, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.troubles.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Place>;

    fn delivery(&self, result: &DeliveryResult<'_>, place: Self::DeliveryOpaque) {
        if let Err((error, _)) = result
            && error.rdkafka_error_code().is_some_and(is_about_the_record)
        {
            self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(*place);
        }
    }
}

/// What all attempts have in common.
#[derive(Clone, Copy)]
struct Plan<'a> {
    route: &'a Route,
    /// Partitions of the topic that records go to, of those of profiles and of names, and of the dead letters.
    partitions: u16,
    profile_partitions: u16,
    name_partitions: u16,
    letters: u16,
    limits: Limits,
    /// The offsets at which partitions end for this run, by number; `None`: it goes on.
    ends: Option<&'a [i64]>,
    refused: &'a Refusals,
    /// Dead letters that were sent again before.
    sent: &'a Sent,
}

impl Plan<'_> {
    /// Whether a record came after the run began, which ends before it.
    fn is_beyond(&self, partition: i32, offset: i64) -> bool {
        let end = self.ends.and_then(|ends| ends.get(usize::try_from(partition).ok()?));
        end.is_some_and(|&end| offset >= end)
    }

    fn read<'m>(&self, message: &'m BorrowedMessage<'_>) -> Read<'m> {
        Read {
            partition: message.partition(),
            key: message.key(),
            value: message.payload(),
            partitions: self.partitions,
            profile_partitions: self.profile_partitions,
            name_partitions: self.name_partitions,
        }
    }

    /// Whether a record is passed over: it comes from another topic than is asked for, is a dead letter that was sent again, or
    /// a note of that.
    fn leaves_out(&self, message: &BorrowedMessage<'_>) -> bool {
        self.is_of_origin(message.headers()) == Some(false) || self.is_done(message)
    }

    /// Whether a record comes from the topic that is asked for, if one is.
    fn is_of_origin(&self, headers: Option<&BorrowedHeaders>) -> Option<bool> {
        let wanted = self.route.origin.as_deref()?;
        Some(headers.and_then(|headers| header(headers, FROM_TOPIC)) == Some(wanted))
    }

    /// Whether it is a dead letter that was sent again, or a note of that.
    fn is_done(&self, message: &BorrowedMessage<'_>) -> bool {
        let is_sent = u16::try_from(message.partition()).is_ok_and(|place| self.sent.has(place, message.offset()));
        is_sent || message.headers().is_some_and(|headers| header(headers, SENT).is_some())
    }
}

/// Makes a producer, which ends the transaction that another one of its transactional id left open.
fn producer(
    connection: &Connection,
    plan: Plan<'_>,
    troubles: &Troubles,
) -> Result<(ThreadedProducer<Deliveries>, Deliveries), Broken> {
    let Plan { route, limits, .. } = plan;
    let id = route.transactional_id();
    let fixed = [("transactional.id", id.as_str()), ("enable.idempotence", "true")];
    let ours = [
        ("transaction.timeout.ms", "30000"),
        ("linger.ms", "20"),
        ("compression.type", "lz4"),
        ("retry.backoff.ms", "10"),
        ASKS_AGAIN,
        ("message.max.bytes", &RECORD_BYTES_MAX.to_string()),
        ("batch.size", &limits.batch.to_string()),
        ("queue.buffering.max.kbytes", &(RECORD_BYTES_MAX / 1_024).to_string()),
    ];
    let owned = |(name, value): (&'static str, &str)| (name, value.to_owned());
    let deliveries = Deliveries { refused: Arc::default(), troubles: troubles.clone() };
    let config = connection.client_with(ours.map(owned), fixed.map(owned));
    let producer: ThreadedProducer<Deliveries> = config.create_with_context(deliveries.clone()).map_err(wrong)?;
    let broken = |error: KafkaError| route.broken(&error, error.rdkafka_error_code(), troubles);
    producer.init_transactions(TIMEOUT).map_err(broken)?;
    Ok((producer, deliveries))
}

/// One consumer, one producer, as long as nothing breaks.
struct Attempt<'a> {
    connection: &'a Connection,
    plan: Plan<'a>,
    watch: Watch,
    /// Shared, as its records live as long as it is not used.
    consumer: Arc<BaseConsumer<Watch>>,
    producer: ThreadedProducer<Deliveries>,
    deliveries: Deliveries,
    /// Where to go on, by partition; empty where no transaction is open.
    next: BTreeMap<i32, i64>,
    pending: Routed,
}

impl<'a> Attempt<'a> {
    fn begin(connection: &'a Connection, plan: Plan<'a>, troubles: &Troubles) -> Result<Attempt<'a>, Broken> {
        let Plan { route, .. } = plan;
        let watch = Watch { troubles: troubles.clone(), ..Watch::default() };
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
        let ours = [
            ("session.timeout.ms", "10000"),
            // Looking back takes its time.
            ("max.poll.interval.ms", "1800000"),
            ("fetch.queue.backoff.ms", "10"),
            // As of the workers' readers.
            ("queued.max.messages.kbytes", "16384"),
            ("fetch.message.max.bytes", "8192"),
            ("receive.message.max.bytes", "2147483647"),
        ];
        let owned = |(name, value): (&'static str, &str)| (name, value.to_owned());
        let consumer = connection.client_with(ours.map(owned), fixed.map(owned)).create_with_context(watch.clone());
        let consumer: BaseConsumer<Watch> = consumer.map_err(wrong)?;
        let (producer, deliveries) = producer(connection, plan, troubles)?;
        let broken = |error: KafkaError| route.broken(&error, error.rdkafka_error_code(), troubles);
        consumer.subscribe(&[&route.from]).map_err(broken)?;
        let (next, pending) = (BTreeMap::new(), Routed::default());
        Ok(Attempt { connection, plan, watch, consumer: Arc::new(consumer), producer, deliveries, next, pending })
    }

    fn run(
        &mut self,
        stop: &AtomicBool,
        routing: &mut impl Routing,
        routed: &mut Routed,
        told: &mut impl FnMut(&Routed),
    ) -> Result<(), Broken> {
        let mut began = Instant::now();
        let mut ended: BTreeSet<i32> = BTreeSet::new();
        let consumer = Arc::clone(&self.consumer);
        loop {
            let polled = consumer.poll(LOOK);
            if self.watch.has_lost.swap(false, Relaxed) {
                ended.clear();
                self.abort()?;
                began = Instant::now();
            }
            match polled {
                Some(Ok(message)) if self.plan.is_beyond(message.partition(), message.offset()) => {
                    ended.insert(message.partition());
                }
                Some(Ok(message)) => {
                    ended.remove(&message.partition());
                    if self.watch.has_gained.swap(false, Relaxed) {
                        routing.forget();
                        self.look_back(stop, routing, &message)?;
                        if stop.load(Relaxed) {
                            // It is not taken, and nothing before it is pending.
                            return Ok(());
                        }
                        began = Instant::now();
                    }
                    let record = self.transform(&message, routing);
                    self.produce(record)?;
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => _ = ended.insert(partition),
                Some(Err(error)) if error.rdkafka_error_code() == Some(Code::TopicAuthorizationFailed) => {
                    return Err(Broken::Final(refused(&format!("{} cannot be read", self.plan.route.from), error)));
                }
                Some(Err(error)) => return Err(self.broken(error)),
                None => {}
            }
            let is_stopped = stop.load(Relaxed);
            let is_full = self.pending.read >= RECORDS_MAX;
            let is_at_end = self.is_at_end(&ended);
            if is_stopped || is_at_end || is_full || began.elapsed() >= EPOCH {
                self.commit(routed)?;
                routing.committed();
                told(routed);
                began = Instant::now();
            }
            if is_stopped || (is_at_end && self.plan.route.is_once) {
                return Ok(());
            }
        }
    }

    fn is_at_end(&self, ended: &BTreeSet<i32>) -> bool {
        let assigned = || self.consumer.assignment().map_or(0, |assignment| assignment.count());
        !ended.is_empty() && ended.len() == assigned()
    }

    /// Reads again what was routed before, of all partitions that are here now: what is said there is known to the routing.
    /// `first` is the first record to come.
    fn look_back(
        &self,
        stop: &AtomicBool,
        routing: &mut impl Routing,
        first: &BorrowedMessage<'_>,
    ) -> Result<(), Broken> {
        let Plan { route, .. } = self.plan;
        let broken = |error| self.broken(error);
        if route.look_back == 0 {
            return Ok(());
        }
        let assigned = self.consumer.assignment().map_err(broken)?;
        let committed = self.consumer.committed_offsets(assigned, TIMEOUT).map_err(broken)?;
        let back = i64::try_from(route.look_back).unwrap_or(i64::MAX);
        let mut starts = TopicPartitionList::new();
        // Where the records of a partition end that were routed before.
        let mut unread: BTreeMap<i32, i64> = BTreeMap::new();
        for place in committed.elements_for_topic(&route.from) {
            let partition = place.partition();
            let Offset::Offset(end) = place.offset() else { continue };
            let end = if partition == first.partition() { end.min(first.offset()) } else { end };
            let (low, _) = self.consumer.fetch_watermarks(&route.from, partition, TIMEOUT).map_err(broken)?;
            let start = end.saturating_sub(back).max(low);
            if start < end {
                starts.add_partition_offset(&route.from, partition, Offset::Offset(start)).map_err(broken)?;
                unread.insert(partition, end);
            }
        }
        let fixed = [
            ("group.id", route.group.as_str()),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("enable.partition.eof", "true"),
            ("isolation.level", "read_committed"),
            ("auto.offset.reset", "earliest"),
        ];
        let ours = [("queued.max.messages.kbytes", "16384"), ("fetch.queue.backoff.ms", "10")];
        let owned = |(name, value): (&'static str, &str)| (name, value.to_owned());
        let config = self.connection.client_with(ours.map(owned), fixed.map(owned));
        let watch = Watch { troubles: self.watch.troubles.clone(), ..Watch::default() };
        let consumer: BaseConsumer<Watch> = config.create_with_context(watch).map_err(wrong)?;
        consumer.assign(&starts).map_err(broken)?;
        while !unread.is_empty() && !stop.load(Relaxed) {
            match consumer.poll(LOOK) {
                Some(Ok(message)) => {
                    let (partition, offset) = (message.partition(), message.offset());
                    let end = unread.get(&partition).copied().unwrap_or(0);
                    let is_packed = || packed(message.key(), message.payload()).is_some();
                    if offset < end && !self.plan.leaves_out(&message) && !is_packed() {
                        routing.recall(self.plan.read(&message));
                    }
                    if offset + 1 >= end {
                        unread.remove(&partition);
                    }
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => _ = unread.remove(&partition),
                Some(Err(error)) => return Err(self.broken(error)),
                None => {}
            }
        }
        Ok(())
    }

    /// What has become known of records that are refused.
    fn refused_now(self) -> Refusals {
        // Aborted, all reports have been taken.
        let _ = self.producer.abort_transaction(TIMEOUT);
        std::mem::take(&mut *self.deliveries.refused.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn transform(&self, message: &BorrowedMessage<'_>, routing: &mut impl Routing) -> Record {
        let (partition, offset, headers) = (message.partition(), message.offset(), message.headers());
        let value = message.payload();
        let place = |what| {
            let refuse = |why: String| Destination::DeadLetters(why);
            let is_refused = self.plan.refused.contains(&(partition, offset, Goal::Records));
            let bytes = value.map_or(0, <[u8]>::len) + message.key_len() + headers_bytes(headers) + FRAME_BYTES;
            match what {
                Target::Refused(why) => refuse(why),
                Target::Given { .. } if is_refused => {
                    let Route { to, profiles, .. } = self.plan.route;
                    let topics = profiles.as_ref().map_or(to.clone(), |profiles| format!("{to} or {profiles}"));
                    refuse(format!("{topics} does not take what it says: raise its max.message.bytes"))
                }
                Target::Given { records, refused } => Destination::Given(records, refused),
                Target::Key(..) if is_refused || bytes > self.plan.limits.record_bytes_max => refuse(format!(
                    "{} takes no record of {bytes} bytes: raise its max.message.bytes",
                    self.plan.route.to
                )),
                Target::Key(key, to) => Destination::Partition(key, to),
            }
        };
        let packed = packed(message.key(), value);
        let destination = match &packed {
            Some(Packed { reason, .. }) => Destination::DeadLetters(reason.clone()),
            None if self.plan.leaves_out(message) => Destination::LeftOut,
            None => match headers.and_then(cut_letter) {
                Some(why) => Destination::DeadLetters(why),
                None => place(routing.target(self.plan.read(message))),
            },
        };
        let whole = |bytes: Option<&[u8]>| match destination {
            Destination::Partition(..) => bytes.map(<[u8]>::to_vec),
            _ => None,
        };
        let cut = |bytes: Option<&[u8]>| match destination {
            Destination::DeadLetters(_) | Destination::Given(_, Some(_)) => bytes.map(Kept::of),
            _ => None,
        };
        let bytes_max = if matches!(destination, Destination::Partition(..)) { usize::MAX } else { HEADERS_BYTES_MAX };
        let headers = headers.filter(|headers| headers_bytes(Some(headers)) <= bytes_max);
        let (cut_key, cut_value) = match packed {
            Some(Packed { key, value, .. }) => (key, value),
            None => (cut(message.key()), cut(value)),
        };
        let headers = headers.map(|headers| headers.detach()).unwrap_or_default();
        let at = message.timestamp().to_millis();
        let aside = Aside { partition, offset, key: cut_key, value: cut_value, at, headers };
        Record { value: whole(value), aside, destination }
    }

    fn produce(&mut self, record: Record) -> Result<(), Broken> {
        if self.next.is_empty() {
            self.producer.begin_transaction().map_err(|error| self.broken(error))?;
        }
        let Record { destination, value, aside } = record;
        let (partition, offset, at, route) = (aside.partition, aside.offset, aside.at, self.plan.route);
        self.next.insert(partition, offset + 1);
        self.pending.read += 1;
        if let Destination::DeadLetters(why) | Destination::Given(_, Some(why)) = &destination {
            self.pending.dead_letters += 1;
            let first = || format!("{}[{partition}]@{offset} {why}", route.from);
            self.pending.first_refused.get_or_insert_with(first);
        }
        match destination {
            Destination::LeftOut => self.pending.left_out += 1,
            Destination::Partition(key, to) => {
                self.pending.records += 1;
                let place = Box::new((partition, offset, Goal::Records));
                let mut record =
                    BaseRecord::with_opaque_to(&route.to, place).partition(to.into()).headers(aside.headers);
                (record.key, record.payload, record.timestamp) = (Some(key.as_bytes()), value.as_deref(), at);
                self.send(record)?;
            }
            Destination::Given(records, why) => {
                records.iter().try_for_each(|given| self.give(given, (partition, offset), at))?;
                why.map_or(Ok(()), |why| self.put_aside(&why, aside))?;
            }
            Destination::DeadLetters(why) => self.put_aside(&why, aside)?,
        }
        Ok(())
    }

    /// Writes a record in the place of the one that was read at this partition and offset.
    fn give(&mut self, given: &Given, (partition, offset): (i32, i64), at: Option<i64>) -> Result<(), Broken> {
        let Plan { route, .. } = self.plan;
        let topic = match given.of {
            Purpose::Event => Some(&route.to),
            Purpose::Profile => route.profiles.as_ref(),
            Purpose::Name => route.names.as_ref(),
        };
        // What has no topic is not given.
        let Some(topic) = topic else { return Ok(()) };
        let place = Box::new((partition, offset, Goal::Records));
        let mut record = BaseRecord::with_opaque_to(topic, place).partition(given.partition.into());
        (record.key, record.payload, record.timestamp) = (Some(given.key.as_bytes()), given.value.as_deref(), at);
        self.send(record)?;
        match given.of {
            Purpose::Event => self.pending.records += 1,
            Purpose::Profile => self.pending.profiles += 1,
            Purpose::Name => {}
        }
        Ok(())
    }

    /// Writes a dead letter. What is one already, and where it belongs, stays there.
    fn put_aside(&self, why: &str, aside: Aside) -> Result<(), Broken> {
        let Plan { route, letters, limits, refused, .. } = self.plan;
        if route.dead_letters == route.from {
            return Ok(());
        }
        let Aside { partition, offset, key, value, at, headers } = aside;
        let letter = DeadLetter {
            topic: &route.from,
            partition,
            offset,
            stage: "VALUE_CONVERTER",
            class: "clout.Malformed",
            reason: why,
            key: key.as_ref(),
            value: value.as_ref(),
        };
        let (form, headers) = match refused.contains(&(partition, offset, Goal::DeadLetters)) {
            true => (Form::Place, OwnedHeaders::new()),
            false => (Form::within(limits.letter), headers),
        };
        let (key, value, headers) = letter.parts(form, headers);
        let place = Box::new((partition, offset, Goal::DeadLetters));
        let to = partition % i32::from(letters);
        let mut record = BaseRecord::with_opaque_to(&route.dead_letters, place).partition(to).headers(headers);
        (record.key, record.payload, record.timestamp) = (key, value, at);
        self.send(record)
    }

    fn send(&self, mut record: BaseRecord<'_, [u8], [u8], Box<Place>>) -> Result<(), Broken> {
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(Code::QueueFull), again)) => {
                    sleep(Duration::from_millis(1));
                    record = again;
                }
                Err((error, record)) => {
                    if error.rdkafka_error_code().is_some_and(is_about_the_record) {
                        let mut refused = self.deliveries.refused.lock().unwrap_or_else(PoisonError::into_inner);
                        refused.insert(*record.delivery_opaque);
                    }
                    return Err(self.broken(error));
                }
            }
        }
    }

    fn broken(&self, error: KafkaError) -> Broken {
        let code = cause(self.producer.client(), &error);
        self.plan.route.broken(&error, code, &self.watch.troubles)
    }

    /// Gives up what is not committed. The reading begins again at the committed offsets by itself, since it is a rebalance
    /// that makes this necessary.
    fn abort(&mut self) -> Result<(), Broken> {
        self.pending = Routed::default();
        match std::mem::take(&mut self.next).is_empty() {
            true => Ok(()),
            false => {
                self.producer.abort_transaction(TIMEOUT).map_err(|error| self.broken(error))?;
                self.renew()
            }
        }
    }

    /// Replaces the producer by one with a new epoch, so that a late request of an ended transaction cannot end the next one.
    fn renew(&mut self) -> Result<(), Broken> {
        let (producer, deliveries) = producer(self.connection, self.plan, &self.watch.troubles)?;
        drop_aside(std::mem::replace(&mut self.producer, producer));
        self.deliveries = deliveries;
        Ok(())
    }

    fn commit(&mut self, routed: &mut Routed) -> Result<(), Broken> {
        if self.next.is_empty() {
            return Ok(());
        }
        let mut offsets = TopicPartitionList::new();
        let broken = |error| self.broken(error);
        for (&partition, &next) in &self.next {
            offsets.add_partition_offset(&self.plan.route.from, partition, Offset::Offset(next)).map_err(broken)?;
        }
        let group = self.consumer.group_metadata().filter(|_| !self.consumer.assignment_lost());
        let group =
            group.ok_or_else(|| passing_by("the group has given the partitions to somebody else".to_owned(), false))?;
        let began = Instant::now();
        self.producer.send_offsets_to_transaction(&offsets, &group, TIMEOUT).map_err(broken)?;
        self.producer.commit_transaction(TIMEOUT).map_err(broken)?;
        self.next.clear();
        routed.add(std::mem::take(&mut self.pending));
        if began.elapsed() >= ASKED_TWICE { self.renew() } else { Ok(()) }
    }
}

/// A record as it was, and where it goes.
struct Record {
    destination: Destination,
    /// Of what goes under its key.
    value: Option<Vec<u8>>,
    aside: Aside,
}

/// What a dead letter of a record has of it.
struct Aside {
    partition: i32,
    offset: i64,
    /// Of what cannot be used.
    key: Option<Kept>,
    value: Option<Kept>,
    at: Option<i64>,
    headers: OwnedHeaders,
}

/// Where a record goes.
enum Destination {
    Partition(String, u16),
    Given(Vec<Given>, Option<String>),
    DeadLetters(String),
    LeftOut,
}

fn headers_bytes(headers: Option<&BorrowedHeaders>) -> usize {
    let headers = headers.into_iter().flat_map(|headers| headers.iter());
    headers.map(|header| header.key.len() + header.value.map_or(0, <[u8]>::len) + 10).sum()
}

fn wrong(error: KafkaError) -> Broken {
    Broken::Final(refused("cannot connect", error))
}

impl Route {
    fn transactional_id(&self) -> String {
        format!("{}-{}", self.group, self.instance)
    }

    /// What no attempt heals is told at once, with what is refused.
    fn broken(&self, error: &KafkaError, code: Option<Code>, troubles: &Troubles) -> Broken {
        let Route { to, dead_letters, group, .. } = self;
        let what = match code {
            Some(Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed) => {
                troubles.refused_partition(code).unwrap_or_else(|| format!("{to} or {dead_letters} cannot be written"))
            }
            Some(Code::GroupAuthorizationFailed) => format!("the group {group} cannot be used"),
            Some(Code::TransactionalIdAuthorizationFailed) => {
                format!("the transactional id {} cannot be used", self.transactional_id())
            }
            Some(Code::SaslAuthenticationFailed) => "cannot log in".to_owned(),
            Some(code) => return passing_by(code.to_string(), is_unreachable(code)),
            None => return passing_by(reason(error), false),
        };
        Broken::Final(refused(&what, error.clone()))
    }
}

fn passing_by(reason: String, is_unreachable: bool) -> Broken {
    Broken::Passing { reason, is_unreachable }
}
