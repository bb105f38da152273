//! Reads a topic from its first committed record to its last, as it stands now.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Header, Headers, Message};
use rdkafka::metadata::MetadataPartition;
use rdkafka::{Offset, TopicPartitionList};
use tracing::debug;
use vocabulary::Timestamp;

use crate::admin::{AdminError, reason, refused};
use crate::connection::Connection;
use crate::dead_letter::header;
use crate::native::{End, Packed, Refusal, ends, packed};
use crate::troubles::Troubles;

/// How long brokers may say nothing.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a group is asked how far it is: a user who may not know never gets an answer.
const ASK: Duration = Duration::from_secs(4);

/// A transaction that is about to be committed is waited for so long,
const PENDING: Duration = Duration::from_secs(2);
/// and looked at so often.
const LOOK: Duration = Duration::from_millis(20);

/// How far a consumer group has come with some topics, as sums over their partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The offsets that it has committed.
    pub read: u64,
    /// The offsets at which the topics end.
    pub stored: u64,
    /// Whether the group has committed anything; one that has not is taken to begin with the first records.
    pub has_begun: bool,
}

/// Asks how far a consumer group has come, of which it is no member.
pub struct Onlooker {
    consumer: BaseConsumer<Troubles>,
    group: String,
}

impl Onlooker {
    /// Somebody who may ask again and again; `None` if the configuration makes no client.
    pub fn new(connection: &Connection, group: &str) -> Option<Onlooker> {
        let fixed = [("group.id", group.to_owned()), ("enable.auto.commit", "false".to_owned())];
        let client = connection.client_with([], fixed);
        let consumer = BaseConsumer::from_config_and_context(&client, Troubles::quiet()).ok()?;
        Some(Onlooker { consumer, group: group.to_owned() })
    }

    /// How far the group has come with those of these topics that are there; `None` if brokers do not tell.
    pub fn progress(&self, topics: &[&str]) -> Option<Progress> {
        let told = |error: KafkaError| debug!(%error, group = self.group, "how far the group has come is not known");
        let metadata = self.consumer.fetch_metadata(None, TIMEOUT).map_err(told).ok()?;
        let mut asked = TopicPartitionList::new();
        for topic in metadata.topics().iter().filter(|topic| topics.contains(&topic.name())) {
            topic.partitions().iter().for_each(|partition| _ = asked.add_partition(topic.name(), partition.id()));
        }
        let committed = self.consumer.committed_offsets(asked, ASK).map_err(told).ok()?;
        let mut progress = Progress { read: 0, stored: 0, has_begun: false };
        for place in committed.elements() {
            let watermarks = self.consumer.fetch_watermarks(place.topic(), place.partition(), TIMEOUT);
            let (first, end) = watermarks.map_err(told).ok()?;
            let read = match place.offset() {
                Offset::Offset(read) => read,
                _ => first,
            };
            progress.has_begun |= matches!(place.offset(), Offset::Offset(_));
            progress.read += u64::try_from(read).unwrap_or_default();
            progress.stored += u64::try_from(end).unwrap_or_default();
        }
        Some(progress)
    }
}

/// A record as it lies in a topic.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    /// Its partition.
    pub(crate) partition: u16,
    /// Its offset.
    pub(crate) offset: i64,
    /// The time that it carries.
    pub(crate) at: Option<Timestamp>,
    /// Its key.
    pub(crate) key: Option<&'a [u8]>,
    /// Its value.
    pub(crate) value: Option<&'a [u8]>,
    headers: Option<&'a BorrowedHeaders>,
}

impl<'a> Entry<'a> {
    fn of(message: &'a BorrowedMessage<'_>) -> Entry<'a> {
        Entry {
            partition: u16::try_from(message.partition()).unwrap_or(u16::MAX),
            offset: message.offset(),
            at: message.timestamp().to_millis(),
            key: message.key(),
            value: message.payload(),
            headers: message.headers(),
        }
    }

    /// The same record with another value.
    pub(crate) fn with_value<'b>(&self, value: Option<&'b [u8]>) -> Entry<'b>
    where
        'a: 'b,
    {
        Entry { value, ..*self }
    }

    /// The text of a header, if it has one of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&'a str> {
        header(self.headers?, name)
    }

    /// Its headers, for a record that is made of it.
    pub(crate) fn headers(&self) -> impl Iterator<Item = Header<'a, &'a [u8]>> + use<'a> {
        self.headers.into_iter().flat_map(Headers::iter)
    }
}

/// Gives each record's key and value, partition by partition in the order of their offsets. A value may be missing: then
/// its key is not in the table any more.
///
/// # Errors
/// If the topic is not there, or cannot be read to its end.
pub fn read_table(
    connection: &Connection,
    topic: &str,
    mut each: impl FnMut(&[u8], Option<&[u8]>),
) -> Result<(), AdminError> {
    read_topic(connection, topic, None, |entry| {
        each(entry.key.unwrap_or_default(), entry.value);
        Ok(())
    })
}

/// The same of a topic with one partition, from an offset on. Returns the offset from which there is more to come.
///
/// # Errors
/// As [`read_table`].
pub fn read_table_from(
    connection: &Connection,
    topic: &str,
    from: i64,
    mut each: impl FnMut(&[u8], Option<&[u8]>),
) -> Result<i64, AdminError> {
    let mut next = from;
    read_range(connection, topic, (Offset::Offset(from), None), |entry| {
        next = entry.offset + 1;
        each(entry.key.unwrap_or_default(), entry.value);
        Ok(())
    })?;
    Ok(next)
}

/// The first record of a topic that is stamped with this time or a later one: its partition, and its offset. By the topic's
/// `message.timestamp.type` the stamp is of the producer's clock or of the broker's.
///
/// # Errors
/// If the brokers do not answer, or this user may not see the topic.
pub fn stamped_from(
    connection: &Connection,
    topic: &str,
    partitions: u16,
    at_ms: i64,
) -> Result<Option<(u16, i64)>, AdminError> {
    let consumer = consumer(connection, &Troubles::quiet())?;
    let mut times = TopicPartitionList::new();
    (0..partitions)
        .try_for_each(|partition| times.add_partition_offset(topic, partition.into(), Offset::Offset(at_ms)))
        .and_then(|()| consumer.offsets_for_times(times, TIMEOUT))
        .map_err(|error| refused(&format!("the times of {topic} are not told"), error))
        .map(|found| {
            found.elements().iter().find_map(|place| match (place.partition(), place.offset()) {
                (partition, Offset::Offset(offset)) => Some((u16::try_from(partition).ok()?, offset)),
                _ => None,
            })
        })
}

/// One that reads partitions from their beginning to their end, and never commits.
fn consumer(connection: &Connection, troubles: &Troubles) -> Result<BaseConsumer<Troubles>, AdminError> {
    let ours = [("fetch.queue.backoff.ms", "10"), ("queued.max.messages.kbytes", "16384")];
    let fixed = [
        // It never joins one: the client asks for a name all the same.
        ("group.id", "clout-readers"),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("enable.partition.eof", "true"),
        ("isolation.level", "read_committed"),
        ("auto.offset.reset", "earliest"),
    ];
    let owned = |(name, value): (&'static str, &str)| (name, value.to_owned());
    let config = connection.client_with(ours.map(owned), fixed.map(owned));
    BaseConsumer::from_config_and_context(&config, troubles.clone()).map_err(|error| refused("cannot connect", error))
}

/// Gives each committed record of a topic as it stands now, in the order of their offsets within a partition; with `ends`, those
/// before these offsets of partition 0, 1, and so on.
///
/// # Errors
/// If the topic is not there, or cannot be read to its end, or `each` says so.
pub(crate) fn read_topic(
    connection: &Connection,
    topic: &str,
    ends: Option<&[i64]>,
    each: impl FnMut(&Entry<'_>) -> Result<(), AdminError>,
) -> Result<(), AdminError> {
    read_range(connection, topic, (Offset::Beginning, ends), each)
}

fn read_range(
    connection: &Connection,
    topic: &str,
    (begin, ends): (Offset, Option<&[i64]>),
    mut each: impl FnMut(&Entry<'_>) -> Result<(), AdminError>,
) -> Result<(), AdminError> {
    let troubles = Troubles::quiet();
    let failed = |error: KafkaError| {
        let what = format!("topic {topic} cannot be read");
        match troubles.reason() {
            Some(reason) => AdminError::Refused { what, reason },
            None => refused(&what, error),
        }
    };
    let consumer = consumer(connection, &troubles)?;
    let metadata = consumer.fetch_metadata(None, TIMEOUT).map_err(|error| AdminError::Unreachable {
        brokers: connection.brokers().to_owned(),
        reason: reason(&error),
    })?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Err(AdminError::Missing(vec![topic.to_owned()]));
    };
    let mut assignment = TopicPartitionList::new();
    for partition in found.partitions() {
        assignment.add_partition_offset(topic, partition.id(), begin).map_err(failed)?;
    }
    if ends.is_none() {
        let partitions: Vec<i32> = found.partitions().iter().map(MetadataPartition::id).collect();
        wait_for_pending(&consumer, topic, &partitions);
    }
    consumer.assign(&assignment).map_err(failed)?;
    let is_beyond = |entry: &Entry<'_>| {
        ends.is_some_and(|ends| ends.get(usize::from(entry.partition)).is_none_or(|&end| entry.offset >= end))
    };
    // A partition that grows meanwhile has several ends: the first one counts.
    let mut unread: BTreeSet<i32> = found.partitions().iter().map(MetadataPartition::id).collect();
    while !unread.is_empty() {
        match consumer.poll(TIMEOUT) {
            Some(Ok(message)) if !unread.contains(&message.partition()) => {}
            Some(Ok(message)) => match (Entry::of(&message), packed(message.key(), message.payload())) {
                (entry, _) if is_beyond(&entry) => _ = unread.remove(&message.partition()),
                (_, Some(Packed { reason, .. })) => {
                    let what = format!("topic {topic} cannot be read at offset {}", message.offset());
                    return Err(AdminError::Refused { what, reason });
                }
                (entry, None) => each(&entry)?,
            },
            Some(Err(KafkaError::PartitionEOF(partition))) => _ = unread.remove(&partition),
            // The client looks for the coordinator of a group that it never joins.
            Some(Err(error)) if error.rdkafka_error_code() == Some(Code::GroupAuthorizationFailed) => {}
            Some(Err(error)) => return Err(failed(error)),
            None => return Err(failed(KafkaError::MessageConsumption(Code::OperationTimedOut))),
        }
    }
    Ok(())
}

/// Waits until what was written by now is committed or taken back: else whoever reads right after somebody else's commit would
/// miss it. A transaction that hangs is not waited for, nor brokers that do not tell.
fn wait_for_pending(consumer: &BaseConsumer<Troubles>, topic: &str, partitions: &[i32]) {
    let places: Vec<(&str, i32)> = partitions.iter().map(|&partition| (topic, partition)).collect();
    let ask = |end| ends(consumer.client(), &places, end, ASK);
    let wait = || {
        let (written, until) = (ask(End::Written)?, Instant::now() + PENDING);
        while ask(End::Stable)?.iter().zip(&written).any(|(stable, written)| stable < written) && Instant::now() < until
        {
            sleep(LOOK);
        }
        Ok(())
    };
    wait().unwrap_or_else(|refusal: Refusal| debug!(%refusal, topic, "whether something is pending is not known"));
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rdkafka::ClientConfig;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
    use testbroker::Broker;

    use super::*;

    #[test]
    fn what_is_about_to_be_committed_is_read() {
        const TIME: Duration = Duration::from_secs(20);
        let Some(broker) = Broker::shared() else { return };
        let topic = format!("pending-{}", std::process::id());
        crate::contract::create_topics(broker.brokers(), &[], &topic);
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", broker.brokers());
        let producer: BaseProducer = client.set("transactional.id", &topic).create().expect("a producer");
        producer.init_transactions(TIME).expect("the broker answers");
        let begin = |key: &str| {
            producer.begin_transaction().expect("it begins");
            producer.send(BaseRecord::to(&topic).key(key).payload("told").partition(0)).expect("there is room");
            producer.flush(TIME).expect("it is stored");
        };
        let connection = Connection::new([("bootstrap.servers".to_owned(), broker.brokers().to_owned())]);
        let read = || {
            let mut keys = Vec::new();
            let each = |key: &[u8], _: Option<&[u8]>| keys.push(String::from_utf8_lossy(key).into_owned());
            read_table(&connection, &topic, each).map(|()| keys)
        };
        begin("ana");
        producer.commit_transaction(TIME).expect("it ends");
        begin("ben");
        thread::scope(|scope| {
            let reads = scope.spawn(read);
            thread::sleep(PENDING / 4);
            producer.commit_transaction(TIME).expect("it ends");
            assert_eq!(reads.join().expect("it reads").expect("all of it"), ["ana", "ben"]);
        });
        // One that hangs is not.
        begin("eve");
        assert_eq!(read().expect("all that is committed"), ["ana", "ben"]);
        producer.abort_transaction(TIME).expect("it ends");
    }
}
