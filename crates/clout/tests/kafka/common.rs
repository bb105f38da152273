//! The program against a broker, each test under an application id of its own.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::executor::block_on;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use testbroker::Broker;

use crate::cluster::wait_until;

/// A name that no other test has.
pub(crate) fn unique(what: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("{what}-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Sets how large the records of a topic may be, and waits until the broker goes by it: it hears of it a moment later.
pub(crate) fn limit(broker: &Broker, topic: &str, bytes: &str) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", broker.brokers()).create().expect("a client");
    let limit = AlterConfig::new(ResourceSpecifier::Topic(topic)).set("max.message.bytes", bytes);
    let altered = block_on(admin.alter_configs([&limit], &AdminOptions::new())).expect("the broker answers");
    assert!(altered.iter().all(Result::is_ok), "{altered:?}");
    wait_until("the limit is known", Duration::from_secs(20), || {
        let asked = ResourceSpecifier::Topic(topic);
        let found = block_on(admin.describe_configs([&asked], &AdminOptions::new()))
            .expect("the broker answers")
            .remove(0)
            .expect("the topic is there");
        found.get("max.message.bytes").is_some_and(|entry| entry.value.as_deref() == Some(bytes))
    });
}

/// The program with these arguments, told where the broker is.
pub(crate) fn clout(broker: &Broker, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clout"));
    command.args(arguments).env("CLOUT_KAFKA_BOOTSTRAP_SERVERS", broker.brokers());
    command
}

/// What it did.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn run(broker: &Broker, arguments: &[&str]) -> Ran {
    let Output { status, stdout, stderr } = clout(broker, arguments).output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// Runs it and expects that all is done.
pub(crate) fn done(broker: &Broker, arguments: &[&str]) -> Ran {
    let ran = run(broker, arguments);
    assert_eq!(ran.code, Some(0), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
    ran
}

/// A file that is gone after the test.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str, text: &str) -> Scratch {
        let path = std::env::temp_dir().join(unique("clout-test") + "-" + name);
        std::fs::write(&path, text).expect("a file is written");
        Scratch(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("a path in UTF-8")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub(crate) fn connection(broker: &Broker) -> kafka::Connection {
    kafka::Connection::new([("bootstrap.servers".to_owned(), broker.brokers().to_owned())])
}

/// A new topic.
pub(crate) fn topic(broker: &Broker, what: &str, partitions: usize) -> String {
    let name = unique(what);
    let admin = kafka::Admin::connect(&connection(broker)).expect("a client");
    admin.create(&name, partitions, None, &[]).expect("a topic");
    name
}

/// A record of a topic.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) partition: u16,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) at: i64,
    pub(crate) headers: Vec<(String, String)>,
}

/// All committed records of a topic, partition by partition.
pub(crate) fn read(broker: &Broker, topic: &str) -> Vec<Record> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.brokers())
        .set("group.id", unique("reader"))
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .create()
        .expect("a consumer");
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10)).expect("metadata");
    let mut left = metadata.topics()[0].partitions().len();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..left {
        let place = i32::try_from(partition).expect("few partitions");
        assignment.add_partition_offset(topic, place, Offset::Beginning).expect("an offset");
    }
    consumer.assign(&assignment).expect("an assignment");
    let mut records = Vec::new();
    while left > 0 {
        match consumer.poll(Duration::from_secs(20)).expect("a record, or an end, in time") {
            Ok(message) => records.push(record(&message)),
            Err(KafkaError::PartitionEOF(_)) => left -= 1,
            Err(error) => panic!("{error}"),
        }
    }
    records
}

pub(crate) fn header<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    record.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn record(message: &BorrowedMessage<'_>) -> Record {
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    Record {
        partition: u16::try_from(message.partition()).expect("a partition"),
        key: message.key().unwrap_or_default().to_vec(),
        value: message.payload().unwrap_or_default().to_vec(),
        at: message.timestamp().to_millis().unwrap_or_default(),
        headers: headers.map(|header| (header.key.to_owned(), text(header.value))).collect(),
    }
}

/// Writes one record.
pub(crate) fn produce(broker: &Broker, topic: &str, partition: i32, key: &[u8], value: &[u8]) {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", broker.brokers()).create().expect("a producer");
    producer.send(BaseRecord::to(topic).partition(partition).key(key).payload(value)).expect("there is room");
    producer.flush(Duration::from_secs(10)).expect("it arrives");
}
