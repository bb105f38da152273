//! Reads the table of scores, or that of names or links, from its beginning, and goes on: what is committed, and nothing else.
//!
//! No group: every reader reads all partitions and keeps its own offsets, so any number of them need no coordination. An
//! end of a partition is told by the broker, since its last offsets may be markers that are never delivered.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pipeline::{Fatal, Fault, Heartbeat};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tracing::{debug, info, warn};
use vocabulary::{Removal, Score};
use wire::{Close, Credits, Link, NameField, Names, ProfileDecoder, read_name_key};

use crate::admin::precisely;
use crate::connection::Connection;
use crate::native::{self, End, ends};
use crate::troubles::{Troubles, fault, fault_of, is_passing};
use crate::writer::REMOVED;

/// For one question to the brokers.
const TIME: Duration = Duration::from_secs(5);
/// Between two looks at the topic itself,
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// and while it is not there, or brokers do not answer.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// What comes of the table.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// A person's score.
    Scored {
        /// Whose.
        user: String,
        /// What was published.
        score: Box<Score>,
        /// Counts the model's changes.
        model_version: u32,
    },
    /// A tombstone: the person has no score any more.
    Removed {
        /// Whose score it was.
        user: String,
        /// Why there is none.
        why: Removal,
    },
    /// How a person stood at the end of a day.
    Closed(Box<Close>),
    /// What acts gave.
    Credits(Box<Credits>),
    /// What an account is called.
    Called {
        /// The account.
        user: String,
        /// What is said of it.
        field: NameField,
        /// The text; `None` where it is not known any more.
        value: Option<String>,
    },
    /// Whose an account is.
    Linked {
        /// The account.
        account: String,
        /// The person; `None` where the account is nobody else's any more.
        link: Option<Box<Link>>,
    },
    /// All that was there at the start has been read.
    CaughtUp,
    /// The topic is another one now: what was read is void, and reading begins anew.
    Anew,
}

/// Says what a record is.
type Say = Box<dyn FnMut(&BorrowedMessage<'_>) -> Option<Reading> + Send>;

/// A reader of all partitions.
pub struct ScoreReader {
    topic: String,
    /// Says what a record is.
    say: Say,
    consumer: BaseConsumer<Troubles>,
    troubles: Troubles,
    partitions: BTreeMap<i32, Partition>,
    /// Where partitions go on that have been read before.
    known: BTreeMap<i32, i64>,
    is_caught_up: bool,
    look_at: Instant,
    behind: u64,
    place: (i32, i64),
    connection: Connection,
    /// A broker has answered.
    is_answered: bool,
}

/// Where the reader is in a partition.
#[derive(Clone, Copy, Debug)]
struct Partition {
    /// The next offset.
    next: i64,
    /// The end when it was begun.
    goal: i64,
    /// Nothing more was there when the broker was last asked.
    is_at_end: bool,
}

impl ScoreReader {
    /// A reader of this topic. It does not wait for the brokers.
    ///
    /// # Errors
    /// If a property of the connection is not accepted.
    pub fn new(connection: &Connection, topic: &str) -> Result<ScoreReader, Fault> {
        ScoreReader::of(connection, topic, Box::new(reading))
    }

    /// A reader of a topic of names, which tells what accounts are called and nothing of scores. It does not wait for the
    /// brokers.
    ///
    /// # Errors
    /// If a property of the connection is not accepted.
    pub fn of_names(connection: &Connection, topic: &str) -> Result<ScoreReader, Fault> {
        ScoreReader::of(connection, topic, Box::new(naming))
    }

    /// A reader of a topic of links, which tells whose accounts are and nothing of scores. It does not wait for the brokers.
    ///
    /// # Errors
    /// If a property of the connection is not accepted.
    pub fn of_links(connection: &Connection, topic: &str) -> Result<ScoreReader, Fault> {
        ScoreReader::of(connection, topic, Box::new(linking))
    }

    /// A reader of a topic of closes. It does not wait for the brokers.
    ///
    /// # Errors
    /// If a property of the connection is not accepted.
    pub fn of_closes(connection: &Connection, topic: &str) -> Result<ScoreReader, Fault> {
        ScoreReader::of(connection, topic, Box::new(closing))
    }

    /// A reader of a topic of profiles, which tells what countries accounts declare and nothing else. `names` says how they
    /// are spelled. It does not wait for the brokers.
    ///
    /// # Errors
    /// If a property of the connection is not accepted.
    pub fn of_profiles(
        connection: &Connection,
        topic: &str,
        mut decoder: ProfileDecoder,
        names: Names,
    ) -> Result<ScoreReader, Fault> {
        let mut respelled = String::new();
        let say = move |message: &BorrowedMessage<'_>| {
            // Records that are no profiles are told of by those who score.
            let profile = decoder.decode(message.payload()?).ok()?;
            // Who opts out takes back what was declared.
            let value = match profile.opted_out {
                Some(true) => None,
                _ => Some(profile.country?.to_owned()),
            };
            let user = names.spell(profile.user, &mut respelled).to_owned();
            Some(Reading::Called { user, field: NameField::Country, value })
        };
        ScoreReader::of(connection, topic, Box::new(say))
    }

    /// A reader of a topic of credits. It does not wait for the brokers.
    ///
    /// # Errors
    /// If a property of the connection is not accepted.
    pub fn of_credits(connection: &Connection, topic: &str) -> Result<ScoreReader, Fault> {
        ScoreReader::of(connection, topic, Box::new(crediting))
    }

    /// The topic's id among all that there were; `None` if there is no such topic, or the brokers do not answer.
    ///
    /// # Errors
    /// If somebody has to do something first.
    pub fn id(&self) -> Result<Option<String>, Fault> {
        let cannot = |refusal: native::Refusal| match is_passing(refusal.code) || is_unknown(refusal.code) {
            true => Ok(None),
            false => Err(fault(&format!("{} is not told about", self.topic), Some(refusal.code), &refusal)),
        };
        match native::describe(self.consumer.client(), &[&self.topic], TIME) {
            Ok(described) => match described.into_iter().next() {
                Some((_, Ok(described))) => Ok(Some(described.id)),
                Some((_, Err(refusal))) => cannot(refusal),
                None => Ok(None),
            },
            Err(refusal) => cannot(refusal),
        }
    }

    /// Begins partitions at these offsets, as far as they are still there, and the others at their beginnings.
    pub fn go_on_from(&mut self, offsets: BTreeMap<i32, i64>) {
        self.known = offsets;
    }

    /// The offset that comes next in each partition.
    pub fn reached(&self) -> impl Iterator<Item = (i32, i64)> + '_ {
        self.partitions.iter().map(|(&number, partition)| (number, partition.next))
    }

    /// The partition and the next offset of the record that was read last.
    pub fn place(&self) -> (i32, i64) {
        self.place
    }

    fn of(connection: &Connection, topic: &str, say: Say) -> Result<ScoreReader, Fault> {
        native::check_version().map_err(Fatal::Log)?;
        let ours = [
            ("client.id", "clout-serve".to_owned()),
            ("fetch.wait.max.ms", "100".to_owned()),
            ("queued.max.messages.kbytes", "65536".to_owned()),
        ];
        let fixed = [
            // It never joins one: the client asks for a name all the same.
            ("group.id", format!("{topic}-readers")),
            ("enable.auto.commit", "false".to_owned()),
            ("enable.auto.offset.store", "false".to_owned()),
            ("enable.partition.eof", "true".to_owned()),
            ("isolation.level", "read_committed".to_owned()),
            ("auto.offset.reset", "error".to_owned()),
            ("allow.auto.create.topics", "false".to_owned()),
        ];
        let troubles = Troubles::default();
        let consumer = BaseConsumer::from_config_and_context(&connection.client_with(ours, fixed), troubles.clone())
            .map_err(|error| fault_of(&format!("{topic} cannot be read"), &error))?;
        Ok(ScoreReader {
            topic: topic.to_owned(),
            say,
            consumer,
            troubles,
            partitions: BTreeMap::new(),
            known: BTreeMap::new(),
            is_caught_up: false,
            look_at: Instant::now(),
            behind: 0,
            place: (0, 0),
            connection: connection.clone(),
            is_answered: false,
        })
    }

    /// Records that are committed and not read yet, as of the last look.
    pub fn behind(&self) -> u64 {
        self.behind
    }

    /// Whether a broker has answered since it was made.
    pub fn is_answered(&self) -> bool {
        self.is_answered
    }

    /// What comes next, after so long at the latest. Each call is a beat.
    ///
    /// # Errors
    /// If somebody has to do something first. Brokers that are away are waited for.
    pub fn read(&mut self, wait: Duration, heartbeat: &Heartbeat) -> Result<Option<Reading>, Fault> {
        heartbeat.beat();
        self.check_troubles()?;
        if Instant::now() >= self.look_at {
            heartbeat.wait();
            let is_other = self.look()?;
            heartbeat.beat();
            if is_other {
                return Ok(Some(self.begin_anew()));
            }
        }
        if !self.is_caught_up && self.has_reached_goals() {
            self.is_caught_up = true;
            // What was behind is read. What has come since is looked for at once.
            self.behind = 0;
            self.look_at = Instant::now();
            return Ok(Some(Reading::CaughtUp));
        }
        match self.consumer.poll(wait) {
            None => Ok(None),
            Some(Ok(message)) => {
                let reading = (self.say)(&message);
                let (partition, next) = (message.partition(), message.offset() + 1);
                drop(message);
                self.passed(partition, next);
                Ok(reading)
            }
            Some(Err(error)) => self.judge(&error),
        }
    }

    /// A reader that no broker has answered yet gives up what looks like a wrong configuration.
    fn check_troubles(&self) -> Result<(), Fault> {
        let checked = if self.is_answered { self.troubles.check() } else { self.troubles.check_stuck() };
        checked.map_err(|fault| Fatal::Log(precisely(&self.connection, &fault.to_string())).into())
    }

    fn passed(&mut self, partition: i32, next: i64) {
        self.place = (partition, next);
        if let Some(partition) = self.partitions.get_mut(&partition) {
            partition.next = next;
            partition.is_at_end = false;
        }
    }

    fn has_reached_goals(&self) -> bool {
        let has_reached = |partition: &Partition| partition.is_at_end || partition.next >= partition.goal;
        !self.partitions.is_empty() && self.partitions.values().all(has_reached)
    }

    fn judge(&mut self, error: &KafkaError) -> Result<Option<Reading>, Fault> {
        match error {
            KafkaError::PartitionEOF(partition) => {
                if let Some(partition) = self.partitions.get_mut(partition) {
                    partition.is_at_end = true;
                }
                return Ok(None);
            }
            _ => match error.rdkafka_error_code() {
                Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => return Ok(Some(self.begin_anew())),
                Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => {
                    self.look_at = Instant::now();
                }
                // The client looks for the coordinator of a group that it never joins.
                Some(Code::GroupAuthorizationFailed) => return Ok(None),
                _ => {}
            },
        }
        match fault_of(&format!("{} cannot be read", self.topic), error) {
            Fault::Broken(reason) => {
                debug!(reason, "reading goes on");
                Ok(None)
            }
            fault => Err(fault),
        }
    }

    fn begin_anew(&mut self) -> Reading {
        warn!(topic = self.topic, "the topic is another one now: all of it is read anew");
        self.known.clear();
        let _ = self.consumer.unassign();
        self.partitions.clear();
        self.is_caught_up = false;
        self.behind = 0;
        self.look_at = Instant::now();
        Reading::Anew
    }

    /// Looks at the topic, begins partitions that are new, and says whether it is another topic than before.
    fn look(&mut self) -> Result<bool, Fault> {
        let result = self.compare();
        self.look_at = Instant::now() + if self.partitions.is_empty() { LOOK_AGAIN } else { LOOK_EVERY };
        match result {
            Err(Fault::Broken(reason)) => {
                debug!(reason, "the brokers are asked again");
                self.look_at = Instant::now() + LOOK_AGAIN;
                Ok(false)
            }
            result => {
                self.is_answered = true;
                self.troubles.answered();
                result
            }
        }
    }

    fn compare(&mut self) -> Result<bool, Fault> {
        let Some(count) = self.count_partitions()? else { return Ok(!self.partitions.is_empty()) };
        let ends = self.ends(count, End::Stable)?;
        let is_shorter = |(number, partition): (&i32, &Partition)| {
            usize::try_from(*number).ok().and_then(|number| ends.get(number)).is_none_or(|&end| end < partition.next)
        };
        if self.partitions.iter().any(is_shorter) {
            return Ok(true);
        }
        if self.partitions.len() < ends.len() {
            self.begin(count, &ends)?;
        }
        let left = |(partition, end): (&Partition, &i64)| if partition.is_at_end { 0 } else { end - partition.next };
        self.behind = self.partitions.values().zip(&ends).map(left).sum::<i64>().max(0) as u64;
        Ok(false)
    }

    /// How many there are; `None` if there is no such topic.
    fn count_partitions(&self) -> Result<Option<i32>, Fault> {
        let cannot = |error: KafkaError| fault_of(&format!("{} is not told about", self.topic), &error);
        let metadata = self.consumer.fetch_metadata(Some(&self.topic), TIME).map_err(cannot)?;
        let Some(topic) = metadata.topics().first() else { return Ok(None) };
        match topic.error().map(Code::from) {
            None => Ok(Some(topic.partitions().len() as i32).filter(|&count| count > 0)),
            Some(Code::UnknownTopicOrPartition) => Ok(None),
            Some(code) => Err(fault(&format!("{} is not told about", self.topic), Some(code), &code)),
        }
    }

    fn ends(&self, count: i32, end: End) -> Result<Vec<i64>, Fault> {
        let places: Vec<(&str, i32)> = (0..count).map(|partition| (self.topic.as_str(), partition)).collect();
        ends(self.consumer.client(), &places, end, TIME).map_err(|refusal| {
            let what = format!("the ends of {} are not told", self.topic);
            if is_passing(refusal.code) { Fault::Broken(what) } else { fault(&what, Some(refusal.code), &refusal) }
        })
    }

    /// Reads partitions that are new from their beginnings, and the others on.
    fn begin(&mut self, count: i32, ends: &[i64]) -> Result<(), Fault> {
        let begins = self.ends(count, End::Begin)?;
        let mut places = TopicPartitionList::new();
        for (number, (&begin, &goal)) in (0..count).zip(begins.iter().zip(ends)) {
            let known = self.known.remove(&number).unwrap_or(begin);
            if known < begin {
                warn!("{}[{number}]: the records from {known} to {begin} are gone: nobody read them here", self.topic);
            }
            let fresh = Partition { next: known.max(begin), goal, is_at_end: false };
            let next = self.partitions.entry(number).or_insert(fresh).next;
            places
                .add_partition_offset(&self.topic, number, Offset::Offset(next))
                .map_err(|error| fault_of("offsets are not taken", &error))?;
        }
        info!(topic = self.topic, partitions = count, "reading");
        self.consumer.assign(&places).map_err(|error| fault_of(&format!("{} cannot be read", self.topic), &error))
    }
}

/// What a record says; `None` if it is no score, which is told.
fn reading(message: &BorrowedMessage<'_>) -> Option<Reading> {
    let place = || format!("{}[{}]@{}", message.topic(), message.partition(), message.offset());
    let Some(value) = message.payload() else {
        let user = message.key().and_then(|key| std::str::from_utf8(key).ok());
        if user.is_none() {
            warn!("{} is a tombstone of nobody: it is left out", place());
        }
        return user.map(|user| Reading::Removed { user: user.to_owned(), why: removal(message) });
    };
    if let Some(native::Packed { reason, .. }) = native::packed(message.key(), Some(value)) {
        warn!("{} is left out: {reason}", place());
        return None;
    }
    match wire::decode_versioned_score(value) {
        Ok((user, score, model_version)) => Some(Reading::Scored { user, score: Box::new(score), model_version }),
        Err(error) => {
            warn!("{} is no score: {error}: it is left out", place());
            None
        }
    }
}

/// What a record of a topic of closes says; `None` if it is no close, which is told.
fn closing(message: &BorrowedMessage<'_>) -> Option<Reading> {
    let Some(value) = message.payload() else { return reading(message) };
    match wire::decode_close(value) {
        Ok(close) => Some(Reading::Closed(Box::new(close))),
        Err(error) => {
            let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
            warn!("{topic}[{partition}]@{offset} is no close: {error}: it is left out");
            None
        }
    }
}

/// What a record of a topic of credits says; `None` if it is none, which is told.
fn crediting(message: &BorrowedMessage<'_>) -> Option<Reading> {
    match wire::decode_credits(message.payload().unwrap_or_default()) {
        Ok(credits) => Some(Reading::Credits(Box::new(credits))),
        Err(error) => {
            let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
            warn!("{topic}[{partition}]@{offset} holds no credits: {error}: it is left out");
            None
        }
    }
}

/// What a record of a topic of names says; `None` if it is none, which is told.
fn naming(message: &BorrowedMessage<'_>) -> Option<Reading> {
    let key = message.key().and_then(read_name_key);
    let value = message.payload().map(std::str::from_utf8).transpose();
    match (key, value) {
        (Some((field, user)), Ok(value)) => {
            Some(Reading::Called { user: user.to_owned(), field, value: value.map(str::to_owned) })
        }
        _ => {
            let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
            debug!("{topic}[{partition}]@{offset} says nothing of a name: it is left out");
            None
        }
    }
}

/// What a record of a topic of links says; `None` if it is none, which is told.
fn linking(message: &BorrowedMessage<'_>) -> Option<Reading> {
    let place = || format!("{}[{}]@{}", message.topic(), message.partition(), message.offset());
    let Some(account) = message.key().and_then(|key| std::str::from_utf8(key).ok()) else {
        warn!("{} links nobody: it is left out", place());
        return None;
    };
    let account = account.to_owned();
    match message.payload().map(wire::decode_link).transpose() {
        Ok(link) => Some(Reading::Linked { account, link: link.map(Box::new) }),
        Err(error) => {
            warn!("{} is no link: {error}: it is left out", place());
            None
        }
    }
}

fn is_unknown(code: Code) -> bool {
    matches!(code, Code::UnknownTopicOrPartition | Code::UnknownTopic)
}

/// What the header of a tombstone says; one without is of somebody who has opted out.
fn removal(message: &BorrowedMessage<'_>) -> Removal {
    let header = message.headers().and_then(|headers| headers.iter().find(|header| header.key == REMOVED));
    let word = header.and_then(|header| header.value);
    let is_it = |why: &Removal| word == Some(why.word().as_bytes());
    Removal::ALL.into_iter().find(is_it).unwrap_or(Removal::OptedOut)
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use rdkafka::ClientConfig;
    use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
    use rdkafka::client::DefaultClientContext;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
    use testbroker::Broker;

    use super::*;

    const TOPIC: &str = "reader-scores";

    struct Table {
        admin: AdminClient<DefaultClientContext>,
        brokers: String,
        reader: ScoreReader,
    }

    impl Table {
        fn on(brokers: &str) -> Table {
            let mut config = ClientConfig::new();
            config.set("bootstrap.servers", brokers);
            let connection = Connection::new([("bootstrap.servers".to_owned(), brokers.to_owned())]);
            Table {
                admin: config.create().unwrap(),
                brokers: brokers.to_owned(),
                reader: ScoreReader::new(&connection, TOPIC).unwrap(),
            }
        }

        fn create(&self, partitions: i32) {
            let topic = NewTopic::new(TOPIC, partitions, TopicReplication::Fixed(1)).set("cleanup.policy", "compact");
            let made = block_on(self.admin.create_topics([&topic], &AdminOptions::new())).unwrap();
            made.into_iter().for_each(|topic| _ = topic.unwrap());
        }

        fn remove(&self, user: &str, partition: i32) {
            // One that knows no partitions of earlier.
            let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", &self.brokers).create().unwrap();
            producer.send(BaseRecord::<str, [u8]>::to(TOPIC).key(user).partition(partition)).unwrap();
            producer.flush(TIME).unwrap();
        }

        /// The next reading, as text.
        fn next(&mut self) -> String {
            let until = Instant::now() + Duration::from_secs(60);
            while Instant::now() < until {
                match self.reader.read(Duration::from_millis(50), &Heartbeat::default()).unwrap() {
                    Some(Reading::Removed { user, .. }) => return user,
                    Some(other) => return format!("{other:?}"),
                    None => {}
                }
            }
            "nothing".into()
        }
    }

    #[test]
    fn it_reads_from_the_beginning_and_notices_when_the_topic_becomes_another_one() {
        let Some(broker) = Broker::shared() else { return };
        let mut table = Table::on(broker.brokers());
        assert!(
            matches!(table.reader.read(Duration::ZERO, &Heartbeat::default()), Ok(None)),
            "the topic is waited for"
        );
        table.create(2);
        table.remove("ana", 0);
        assert_eq!([table.next(), table.next()], ["ana", "CaughtUp"]);
        assert_eq!(table.reader.behind(), 0, "all was read");
        table.remove("bo", 1);
        assert_eq!(table.next(), "bo");
        let more = [NewPartitions::new(TOPIC, 3)];
        block_on(table.admin.create_partitions(&more, &AdminOptions::new())).unwrap();
        table.remove("cy", 2);
        assert_eq!(table.next(), "cy");
        block_on(table.admin.delete_topics(&[TOPIC], &AdminOptions::new())).unwrap();
        assert_eq!(table.next(), "Anew");
        table.create(1);
        table.remove("di", 0);
        assert_eq!([table.next(), table.next()], ["di", "CaughtUp"]);
    }
}
