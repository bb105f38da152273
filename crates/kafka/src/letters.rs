//! Dead letters once more: what lies in their topic, and the way back to where they come from.
//!
//! A letter that is sent again is noted in its own partition, in the transaction that sends it. So each is sent once, whoever
//! sends, whatever is chosen, and whatever fails on the way: a later call reads the notes, after it has fenced off an earlier
//! one that was left open.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

use crate::admin::{Admin, AdminError, reason, refused, there};
use crate::application::RECORD_BYTES_MAX;
use crate::aside::drop_aside;
use crate::connection::Connection;
use crate::dead_letter::{
    CLASS, CLASS_PREFIX, CONNECT, ENCODING, FROM_OFFSET, FROM_PARTITION, FROM_TOPIC, KEY_BYTES, REASON, VALUE_BYTES,
    is_about_the_record, opened,
};
use crate::requirements::Found;
use crate::table::{Entry, read_topic};
use crate::troubles::{self, Troubles};

/// The header of a note: how many letters it says were sent.
pub(crate) const SENT: &str = "clout.sent";
/// The header of a record that was a dead letter: the place of that letter.
pub const SENT_FROM: &str = "clout.sent.from";
/// Letters of a note: it stays below the least that a topic takes.
const NOTED_MAX: usize = 1_000;
/// A transaction takes so many letters,
const LETTERS_MAX: usize = 5_000;
/// or so many bytes of them.
const BYTES_MAX: usize = 8 << 20;
/// For everything that waits for the brokers.
const TIME: Duration = Duration::from_secs(30);
/// So long at most others' transactions may keep the newest letters, and notes, from us.
const OPEN: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// A dead letter.
#[derive(Clone, Copy)]
pub struct Letter<'a> {
    /// The partition in which it lies.
    pub partition: u16,
    /// Its offset there.
    pub offset: i64,
    /// The time at which it was put aside.
    pub at: Option<Timestamp>,
    /// The record's key, or the beginning of it.
    pub key: Option<&'a [u8]>,
    /// The record's value, or the beginning of it.
    pub value: Option<&'a [u8]>,
    /// Whether it was sent again.
    pub is_sent: bool,
    entry: &'a Entry<'a>,
}

impl<'a> Letter<'a> {
    /// The topic that the record was read from.
    pub fn topic(&self) -> Option<&'a str> {
        self.entry.header(FROM_TOPIC)
    }

    /// Its partition and its offset there.
    pub fn place(&self) -> Option<(u16, i64)> {
        let number = |name| self.entry.header(name);
        Some((number(FROM_PARTITION)?.parse().ok()?, number(FROM_OFFSET)?.parse().ok()?))
    }

    /// The reason in a word: malformed, misrouted, future or packed.
    pub fn reason(&self) -> String {
        let class = self.entry.header(CLASS).unwrap_or("unknown");
        class.strip_prefix(CLASS_PREFIX).map_or_else(|| class.to_owned(), str::to_lowercase)
    }

    /// The text that says what is wrong.
    pub fn said(&self) -> &'a str {
        self.entry.header(REASON).unwrap_or_default()
    }

    /// Bytes of the whole key, where the letter does not have all of it.
    pub fn key_bytes(&self) -> Option<u64> {
        self.entry.header(KEY_BYTES)?.parse().ok()
    }

    /// Bytes of the whole value, where the letter does not have all of it.
    pub fn value_bytes(&self) -> Option<u64> {
        self.entry.header(VALUE_BYTES)?.parse().ok()
    }
}

/// Which letters of a topic were sent again.
#[derive(Debug, Default)]
pub(crate) struct Sent(BTreeMap<u16, Vec<i64>>);

/// The content of a note: offsets of letters that were sent.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Note {
    sent: Vec<i64>,
}

impl Sent {
    pub(crate) fn read(connection: &Connection, topic: &str, ends: Option<&[i64]>) -> Result<Sent, AdminError> {
        let mut sent = Sent::default();
        read_topic(connection, topic, ends, |entry| {
            if entry.header(SENT).is_some() {
                let note: Note = serde_json::from_slice(entry.value.unwrap_or_default()).map_err(|error| {
                    let Entry { partition, offset, .. } = entry;
                    AdminError::Refused {
                        what: format!("{topic}[{partition}]@{offset} does not say what was sent"),
                        reason: format!("{error}; something else than this program wrote it: nothing is sent"),
                    }
                })?;
                sent.0.entry(entry.partition).or_default().extend(note.sent);
            }
            Ok(())
        })?;
        sent.0.values_mut().for_each(|offsets| offsets.sort_unstable());
        Ok(sent)
    }

    pub(crate) fn has(&self, partition: u16, offset: i64) -> bool {
        self.0.get(&partition).is_some_and(|offsets| offsets.binary_search(&offset).is_ok())
    }

    fn letter<'a>(&self, entry: &'a Entry<'a>) -> Option<Letter<'a>> {
        let Entry { partition, offset, at, key, value, .. } = *entry;
        let is_sent = self.has(partition, offset);
        entry.header(SENT).is_none().then_some(Letter { partition, offset, at, key, value, is_sent, entry })
    }
}

/// Gives all dead letters of a topic that are there now, partition by partition.
///
/// # Errors
/// If the topic is not there, or cannot be read.
pub fn read_letters(connection: &Connection, topic: &str, mut each: impl FnMut(&Letter<'_>)) -> Result<(), AdminError> {
    there(connection, [topic], [])?;
    let sent = Sent::read(connection, topic, None)?;
    read_topic(connection, topic, None, |entry| {
        let value = value_of(entry);
        sent.letter(&entry.with_value(value.as_deref())).iter().for_each(&mut each);
        Ok(())
    })
}

/// The value of the record that a letter is about, however the letter is written.
fn value_of<'a>(entry: &Entry<'a>) -> Option<Cow<'a, [u8]>> {
    match entry.header(ENCODING) {
        Some("json") => opened(entry.value?).map(Cow::Owned),
        _ => entry.value.map(Cow::Borrowed),
    }
}

/// The place to which a letter is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The topic.
    pub topic: String,
    /// Its partition.
    pub partition: u16,
    /// The key of the record.
    pub key: String,
}

/// The outcome of sending letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dispatched {
    /// Letters that were sent.
    pub letters: u64,
    /// Letters that the topics which they were for do not take.
    pub refused: u64,
    /// Where the first of those lies, and why it is not taken.
    pub first_refused: Option<String>,
}

/// Sends those letters again that are chosen, each once, to these topics: what was sent before is offered, and stays. They are stamped
/// with the time at which they are sent. Letters that come meanwhile are left for the next time.
///
/// # Errors
/// If the brokers refuse: letters that were sent by then are noted, and the same call goes on behind them.
pub fn send_letters(
    connection: &Connection,
    topic: &str,
    transactional_id: &str,
    to: &[&str],
    mut choose: impl FnMut(&Letter<'_>) -> Option<Recipient>,
) -> Result<Dispatched, AdminError> {
    let found = there(connection, [topic].into_iter().chain(to.iter().copied()), [])?;
    let admin = Admin::connect(connection)?;
    let partitions = found[topic].partitions;
    // A batch that a topic does not take would take small letters with it.
    let limits = found.values().filter_map(Found::record_bytes_max);
    let batch_bytes = limits.min().unwrap_or(RECORD_BYTES_MAX).min(RECORD_BYTES_MAX);
    let mut sender = Sender::new(connection, topic, transactional_id, batch_bytes)?;
    let ends = sender.wait_for_others(&admin, partitions)?;
    drop(admin);
    let sent = Sent::read(connection, topic, Some(&ends))?;
    read_topic(connection, topic, Some(&ends), |entry| {
        let value = value_of(entry);
        let entry = entry.with_value(value.as_deref());
        let Some(letter) = sent.letter(&entry) else { return Ok(()) };
        let Some(to) = choose(&letter).filter(|_| !letter.is_sent) else { return Ok(()) };
        sender.take(&letter, to)
    })?;
    sender.flush()?;
    Ok(sender.dispatched)
}

/// A letter on its way.
struct Parcel {
    partition: u16,
    offset: i64,
    to: Recipient,
    value: Option<Vec<u8>>,
    headers: OwnedHeaders,
}

/// Takes delivery reports: a record carries its place among those of the transaction plus one, a note 0.
#[derive(Clone, Default)]
struct Deliveries {
    refused: Arc<Mutex<BTreeMap<usize, String>>>,
    troubles: Troubles,
}

impl Deliveries {
    fn note(&self, place: usize, error: &KafkaError) {
        if error.rdkafka_error_code().is_some_and(is_about_the_record) {
            self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(place, reason(error));
        }
    }

    fn take(&self) -> BTreeMap<usize, String> {
        std::mem::take(&mut *self.refused.lock().unwrap_or_else(PoisonError::into_inner))
    }
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
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, place: usize) {
        if let Err((error, _)) = result {
            self.note(place, error);
        }
    }
}

fn producer(
    connection: &Connection,
    transactional_id: &str,
    batch_bytes: usize,
) -> Result<(ThreadedProducer<Deliveries>, Deliveries), AdminError> {
    let batch_bytes = batch_bytes.to_string();
    let ours = [
        ("transaction.timeout.ms", "60000"),
        ("compression.type", "lz4"),
        ("linger.ms", "5"),
        ("batch.size", batch_bytes.as_str()),
    ];
    let fixed = [("transactional.id", transactional_id), ("enable.idempotence", "true")];
    let owned = |(name, value): (&'static str, &str)| (name, value.to_owned());
    let config = connection.client_with(ours.map(owned), fixed.map(owned));
    let deliveries = Deliveries::default();
    let producer = ThreadedProducer::from_config_and_context(&config, deliveries.clone())
        .map_err(|error| refused("cannot connect", error))?;
    Ok((producer, deliveries))
}

/// Sends letters, some thousand in a transaction.
struct Sender<'a> {
    connection: &'a Connection,
    topic: &'a str,
    transactional_id: &'a str,
    batch_bytes: usize,
    producer: ThreadedProducer<Deliveries>,
    deliveries: Deliveries,
    parcels: Vec<Parcel>,
    bytes: usize,
    dispatched: Dispatched,
}

impl<'a> Sender<'a> {
    /// Ends what an earlier one has left open, or another one is about to do.
    fn new(
        connection: &'a Connection,
        topic: &'a str,
        transactional_id: &'a str,
        batch_bytes: usize,
    ) -> Result<Sender<'a>, AdminError> {
        let (producer, deliveries) = producer(connection, transactional_id, batch_bytes)?;
        let sender = Sender {
            connection,
            topic,
            transactional_id,
            batch_bytes,
            producer,
            deliveries,
            parcels: Vec::new(),
            bytes: 0,
            dispatched: Dispatched::default(),
        };
        sender.begin()?;
        Ok(sender)
    }

    fn begin(&self) -> Result<(), AdminError> {
        self.producer.init_transactions(TIME).map_err(|error| self.failed(error))
    }

    /// Replaces the producer after an aborted transaction: late requests of that cannot end the next one, and a new producer numbers its
    /// batches from the beginning.
    fn begin_anew(&mut self) -> Result<(), AdminError> {
        let (producer, deliveries) = producer(self.connection, self.transactional_id, self.batch_bytes)?;
        drop_aside(std::mem::replace(&mut self.producer, producer));
        self.deliveries = deliveries;
        self.begin()
    }

    /// Where the topic ends, once all that lies before can be read: notes of an earlier one among it.
    fn wait_for_others(&self, admin: &Admin, partitions: usize) -> Result<Vec<i64>, AdminError> {
        let written = admin.written(self.topic, partitions)?;
        let until = Instant::now() + OPEN;
        while admin.ends(self.topic, partitions)?.iter().zip(&written).any(|(stable, written)| stable < written) {
            if Instant::now() >= until {
                return Err(AdminError::Refused {
                    what: "nothing is sent".to_owned(),
                    reason: format!(
                        "a transaction on {} has been open for {} s: a scorer that is frozen, or `kafka-transactions.sh \
                         find-hanging` names it",
                        self.topic,
                        OPEN.as_secs()
                    ),
                });
            }
            sleep(LOOK);
        }
        Ok(written)
    }

    fn take(&mut self, letter: &Letter<'_>, to: Recipient) -> Result<(), AdminError> {
        let Letter { partition, offset, value, entry, .. } = *letter;
        let from = format!("{}[{partition}]@{offset}", self.topic);
        let own =
            |name: &str| name.starts_with(CONNECT) || [KEY_BYTES, VALUE_BYTES, SENT_FROM, ENCODING].contains(&name);
        let kept = entry.headers().filter(|header| !own(header.key));
        let headers = kept.fold(OwnedHeaders::new(), |headers, header| headers.insert(header));
        let headers = headers.insert(Header { key: SENT_FROM, value: Some(&from) });
        self.bytes += value.map_or(0, <[u8]>::len) + to.key.len();
        self.parcels.push(Parcel { partition, offset, to, value: value.map(<[u8]>::to_vec), headers });
        match self.parcels.len() >= LETTERS_MAX || self.bytes >= BYTES_MAX {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Sends what is there, without what is refused for what it is.
    fn flush(&mut self) -> Result<(), AdminError> {
        while !self.parcels.is_empty() {
            let tried = self.transaction();
            if tried.is_ok() {
                self.dispatched.letters += self.parcels.len() as u64;
                self.parcels.clear();
                break;
            }
            // Aborted, all reports have been taken.
            let aborted = self.producer.abort_transaction(TIME);
            let refused = self.deliveries.take();
            if refused.keys().all(|&place| place == 0) || aborted.is_err() {
                return tried.map_err(|error| self.failed(error));
            }
            for (place, why) in refused.into_iter().rev().filter(|(place, _)| *place > 0) {
                let Parcel { partition, offset, to, .. } = self.parcels.remove(place - 1);
                self.dispatched.refused += 1;
                self.dispatched.first_refused = Some(format!(
                    "{}[{partition}]@{offset}: topic {} does not take it: {why}: raise its max.message.bytes",
                    self.topic, to.topic
                ));
            }
            self.begin_anew()?;
        }
        self.bytes = 0;
        Ok(())
    }

    /// The records, and the notes that they were sent: all or nothing.
    fn transaction(&self) -> Result<(), KafkaError> {
        self.producer.begin_transaction()?;
        let mut sent: BTreeMap<u16, Vec<i64>> = BTreeMap::new();
        for (place, parcel) in (1..).zip(&self.parcels) {
            let Parcel { partition, offset, to, value, headers } = parcel;
            sent.entry(*partition).or_default().push(*offset);
            let mut record = BaseRecord::with_opaque_to(&to.topic, place).partition(to.partition.into());
            (record.key, record.payload) = (Some(to.key.as_bytes()), value.as_deref());
            self.produce(record.headers(headers.clone()))?;
        }
        for (partition, offsets) in &sent {
            for offsets in offsets.chunks(NOTED_MAX) {
                let note = serde_json::to_vec(&Note { sent: offsets.to_vec() }).unwrap_or_default();
                let count = offsets.len().to_string();
                let headers = OwnedHeaders::new().insert(Header { key: SENT, value: Some(&count) });
                let record = BaseRecord::with_opaque_to(self.topic, 0).partition((*partition).into());
                self.produce(record.payload(&note[..]).headers(headers))?;
            }
        }
        let until = Instant::now() + TIME;
        loop {
            match self.producer.commit_transaction(TIME) {
                Err(KafkaError::Transaction(error)) if error.is_retriable() && Instant::now() < until => {}
                committed => return committed,
            }
        }
    }

    fn produce(&self, mut record: BaseRecord<'_, [u8], [u8], usize>) -> Result<(), KafkaError> {
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(Code::QueueFull), again)) => {
                    sleep(Duration::from_millis(1));
                    record = again;
                }
                Err((error, record)) => {
                    self.deliveries.note(record.delivery_opaque, &error);
                    return Err(error);
                }
            }
        }
    }

    fn failed(&self, error: KafkaError) -> AdminError {
        let code = troubles::cause(self.producer.client(), &error);
        let what = match code {
            Some(Code::TransactionalIdAuthorizationFailed) => {
                format!("the transactional id {} cannot be used", self.transactional_id)
            }
            Some(code) if troubles::is_fenced(code) => {
                return AdminError::Refused {
                    what: "the rest is not sent".to_owned(),
                    reason: "another process has begun to send the same letters, and goes on with it".to_owned(),
                };
            }
            Some(Code::TopicAuthorizationFailed) => self
                .deliveries
                .troubles
                .refused_partition(code)
                .unwrap_or_else(|| format!("an input or {} cannot be written", self.topic)),
            _ => format!("dead letters of {} cannot be sent", self.topic),
        };
        match (code, self.deliveries.troubles.reason()) {
            (Some(Code::OperationTimedOut), Some(reason)) => AdminError::Refused { what, reason },
            _ => refused(&what, error),
        }
    }
}
