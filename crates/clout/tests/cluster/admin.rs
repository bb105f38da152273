//! What an administrator asks for and does.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::executor::block_on;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

const TIME: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(100);

pub(crate) struct Admin {
    client: ClientConfig,
    admin: AdminClient<DefaultClientContext>,
    /// Of each topic that it makes.
    replicas: i32,
}

/// Topics to be made, each with its properties.
pub(crate) type NewTopics<'a> = &'a [(&'a str, &'a [(&'a str, &'a str)])];

impl Admin {
    pub(crate) fn new(client: &ClientConfig, replicas: i32) -> Admin {
        Admin { client: client.clone(), admin: client.create().expect("a client"), replicas }
    }

    /// Makes topics, and waits until they are there.
    pub(crate) fn create_topics(&self, topics: NewTopics<'_>, partitions: u16) {
        let new = topics.iter().map(|(name, properties)| {
            let topic = NewTopic::new(name, partitions.into(), TopicReplication::Fixed(self.replicas));
            properties.iter().fold(topic, |topic, (name, value)| topic.set(name, value))
        });
        // Before it is asked it knows the brokers by their own addresses: connections to those of the configuration go then.
        self.admin.inner().fetch_metadata(None, TIME).expect("the broker answers");
        let new: Vec<NewTopic<'_>> = new.collect();
        let create = || block_on(self.admin.create_topics(&new, &AdminOptions::new()));
        let mut created = create();
        // One that goes while it is asked says nothing of what became of that.
        let is_gone =
            |created: &Result<_, KafkaError>| matches!(created, Err(KafkaError::AdminOp(Code::DestroyBroker)));
        let is_repeated = is_gone(&created);
        for _ in 0..10 {
            if !is_gone(&created) {
                break;
            }
            created = create();
        }
        for topic in created.expect("the broker answers") {
            let is_new = !matches!(topic, Err((_, Code::TopicAlreadyExists)) if is_repeated);
            assert!(!is_new || topic.is_ok(), "it is new: {topic:?}");
        }
        // A broker that has just started answers before it knows of them itself.
        super::wait_until("the topics are there", TIME, || {
            let known = self.admin.inner().fetch_metadata(None, TIME).expect("the broker answers");
            let led = |name: &str| {
                let found = known.topics().iter().find(|topic| topic.name() == name);
                found.map_or(0, |found| found.partitions().iter().filter(|partition| partition.leader() >= 0).count())
            };
            topics.iter().all(|(name, _)| led(name) == usize::from(partitions))
        });
    }

    /// Whether every replica of every topic, Kafka's own too, has every record; not if nobody says so.
    pub(crate) fn are_all_in_sync(&self) -> bool {
        self.admin.inner().fetch_metadata(None, TIME).is_ok_and(|known| {
            let mut partitions = known.topics().iter().flat_map(|topic| topic.partitions());
            partitions.all(|partition| partition.isr().len() == partition.replicas().len())
        })
    }

    /// Deletes a topic, and waits until nobody knows of it.
    pub(crate) fn delete_topic(&self, topic: &str) {
        let deleted = block_on(self.admin.delete_topics(&[topic], &AdminOptions::new()));
        deleted.expect("the broker answers").into_iter().for_each(|topic| _ = topic.expect("it was there"));
        let consumer = self.consumer(true);
        super::wait_until("the topic is gone", TIME, || {
            let known = consumer.fetch_metadata(Some(topic), TIME).expect("the broker answers");
            known.topics().iter().all(|topic| topic.error().is_some())
        });
    }

    pub(crate) fn grow_topic(&self, topic: &str, partitions: usize) {
        let more = NewPartitions::new(topic, partitions);
        let grown = block_on(self.admin.create_partitions([&more], &AdminOptions::new()));
        grown.expect("the broker answers").into_iter().for_each(|topic| _ = topic.expect("it grows"));
        // A broker may answer before it knows of them itself.
        super::wait_until("the topic has grown", TIME, || {
            let known = self.admin.inner().fetch_metadata(Some(topic), TIME).expect("the broker answers");
            known.topics().iter().any(|topic| topic.partitions().len() == partitions)
        });
    }

    /// Deletes the records before these offsets of partition 0, 1, and so on.
    pub(crate) fn delete_records(&self, topic: &str, before: &[i64]) {
        let mut list = TopicPartitionList::new();
        for (partition, &offset) in (0..).zip(before) {
            list.add_partition_offset(topic, partition, Offset::Offset(offset)).expect("a place");
        }
        let deleted = block_on(self.admin.delete_records(&list, &AdminOptions::new()));
        let deleted = deleted.expect("the broker answers");
        deleted.elements().iter().for_each(|place| place.error().expect("they are deleted"));
    }

    /// The offsets behind the last record of each partition: of those that can still be taken back as well, or not.
    pub(crate) fn ends(&self, topic: &str, partitions: u16, is_stable: bool) -> Vec<i64> {
        let consumer = self.consumer(is_stable);
        // Whoever led a partition a moment ago may be asked first.
        let end = |partition| {
            let mut end = consumer.fetch_watermarks(topic, partition, TIME);
            super::wait_until("the broker answers", TIME, || {
                end.is_ok() || {
                    end = consumer.fetch_watermarks(topic, partition, TIME);
                    false
                }
            });
            end.expect("it has answered").1
        };
        (0..i32::from(partitions)).map(end).collect()
    }

    /// The offsets of a group.
    pub(crate) fn committed(&self, group: &str, topic: &str, partitions: u16) -> Vec<Option<i64>> {
        let consumer: BaseConsumer = self.config(true).set("group.id", group).create().expect("a consumer");
        let mut asked = TopicPartitionList::new();
        (0..i32::from(partitions)).for_each(|partition| _ = asked.add_partition(topic, partition));
        let told = consumer.committed_offsets(asked, TIME).expect("the broker answers");
        let offset = |place: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| match place.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        told.elements().iter().map(offset).collect()
    }

    /// Puts a record aside as `clout run` does.
    pub(crate) fn put_letter(&self, letters: &str, topic: &str, value: &[u8]) {
        let producer: BaseProducer = self.client.create().expect("a producer");
        let told = [
            ("__connect.errors.topic", topic),
            ("__connect.errors.partition", "0"),
            ("__connect.errors.offset", "0"),
            ("__connect.errors.exception.class.name", "clout.Malformed"),
        ];
        let headers = told
            .into_iter()
            .fold(OwnedHeaders::new(), |headers, (key, value)| headers.insert(Header { key, value: Some(value) }));
        let record = BaseRecord::<[u8], [u8]>::to(letters).partition(0).payload(value).headers(headers);
        producer.send(record).map_err(|(error, _)| error).expect("there is room");
        producer.flush(TIME).expect("the broker takes it");
    }

    /// All committed records from these offsets to the end, partition by partition.
    pub(crate) fn read(&self, topic: &str, from: &[Offset], mut take: impl FnMut(&BorrowedMessage<'_>)) {
        let mut places = TopicPartitionList::new();
        for (partition, &offset) in (0..).zip(from) {
            places.add_partition_offset(topic, partition, offset).expect("a place");
        }
        self.read_places(topic, &places, true, &mut take);
    }

    /// All records of one partition that are still there, or the committed ones of them.
    pub(crate) fn read_partition(
        &self,
        topic: &str,
        partition: i32,
        is_stable: bool,
        mut take: impl FnMut(&BorrowedMessage<'_>),
    ) {
        let mut places = TopicPartitionList::new();
        places.add_partition_offset(topic, partition, Offset::Beginning).expect("a place");
        self.read_places(topic, &places, is_stable, &mut take);
    }

    fn read_places(
        &self,
        topic: &str,
        places: &TopicPartitionList,
        is_stable: bool,
        take: &mut dyn FnMut(&BorrowedMessage<'_>),
    ) {
        let consumer = self.consumer(is_stable);
        consumer.assign(places).expect("the broker answers");
        let mut open = places.count();
        while open > 0 {
            match consumer.poll(POLL) {
                None => {}
                Some(Ok(message)) => take(&message),
                Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
                Some(Err(error)) => panic!("{topic} cannot be read: {error}"),
            }
        }
    }

    fn consumer(&self, is_stable: bool) -> BaseConsumer {
        self.config(is_stable).create().expect("a consumer")
    }

    fn config(&self, is_stable: bool) -> ClientConfig {
        let mut config = self.client.clone();
        let level = if is_stable { "read_committed" } else { "read_uncommitted" };
        config.set("group.id", "nobody").set("isolation.level", level).set("enable.partition.eof", "true");
        config.set("enable.auto.commit", "false").set("auto.offset.reset", "error");
        // The end of an empty partition is told with the first answer.
        config.set("fetch.wait.max.ms", "10");
        config
    }
}
