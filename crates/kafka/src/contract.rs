//! Kafka keeps what every log must keep. Shards are given by hand here, as no group would: that it fences is shown with
//! real groups elsewhere.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::executor::block_on;
use influence::{Credit, Effects, Model, Shard};
use pipeline::contract::{Candidate, HASH_KEY, SHARDS, check, record, settings};
use pipeline::{Fault, Log, Ownership, Settings, Step};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use testbroker::Broker;
use vocabulary::Event;
use wire::{decode_close, decode_credits, encode_event};

use crate::membership::Membership;
use crate::native::GroupMetadata;
use crate::troubles::Troubles;
use crate::writer::{WRITER, Writer};
use crate::{Application, Connection, KafkaLog, Start, Topics};

/// For what takes a second or two.
const TIME: Duration = Duration::from_secs(30);

/// Who has which shard, said by the test.
#[derive(Debug, Default)]
struct Register {
    owners: BTreeMap<u16, usize>,
    changes: BTreeMap<usize, Vec<Ownership>>,
}

/// One worker's place in it.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    register: Arc<Mutex<Register>>,
    member: usize,
    group: String,
}

impl Given {
    pub(crate) fn changes(&self) -> Vec<Ownership> {
        self.register.lock().unwrap().changes.remove(&self.member).unwrap_or_default()
    }

    pub(crate) fn release(&self, shard: u16) -> Result<(), Fault> {
        self.register.lock().unwrap().owners.remove(&shard);
        Ok(())
    }

    pub(crate) fn fence(&self) -> Result<GroupMetadata, Fault> {
        let register = self.register.lock().unwrap();
        let unheard = register.changes.get(&self.member).into_iter().flatten();
        if unheard.into_iter().any(|change| matches!(change, Ownership::Lost(_))) {
            return Err(Fault::Broken("it is somebody else's".into()));
        }
        Ok(GroupMetadata::of_nobody(&self.group).expect("a name for the group"))
    }
}

pub(crate) fn create_topics(brokers: &str, own: &[&str], input: &str) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a client");
    let topics = own.iter().chain([&input]);
    let topics: Vec<NewTopic<'_>> =
        topics.map(|topic| NewTopic::new(topic, SHARDS.into(), TopicReplication::Fixed(1))).collect();
    let created = block_on(admin.create_topics(&topics, &AdminOptions::new())).expect("the broker answers");
    created.into_iter().for_each(|topic| _ = topic.expect("it is new"));
}

struct OnKafka {
    application: Arc<Application>,
    register: Arc<Mutex<Register>>,
    producer: BaseProducer,
    members: usize,
}

/// Names that nobody has used, whoever uses the same broker.
fn unique(what: &str) -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("{what}-{now:x}-{}", NUMBER.fetch_add(1, Relaxed))
}

fn application(brokers: &str) -> Application {
    let id = unique("contract");
    let topics = Topics::of(&id).with_history(&id, true).with_credits(&id, true);
    let mut settings: Settings = settings();
    settings.inputs[0].topic = format!("{id}-events");
    settings.exchange.clone_from(&topics.exchange);
    Application {
        checkpoints: String::new(),
        id,
        instance: "here".into(),
        connection: Connection::new([("bootstrap.servers".to_owned(), brokers.to_owned())]),
        topics,
        record_bytes_max: crate::RECORD_BYTES_MAX,
        start: Start::Earliest,
        retention_ms: BTreeMap::new(),
        outputs: wire::Encoding::Protobuf,
        settings: Arc::new(settings),
        costs: Arc::default(),
    }
}

/// All of its own.
fn own_topics(topics: &Topics) -> Vec<&str> {
    let own = [&topics.exchange, &topics.journal, &topics.scores, &topics.dead_letters];
    own.into_iter().chain(&topics.history).chain(&topics.credits).map(String::as_str).collect()
}

impl OnKafka {
    fn new(brokers: &str) -> OnKafka {
        let application = application(brokers);
        create_topics(brokers, &own_topics(&application.topics), &application.settings.inputs[0].topic);
        let producer = ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a producer");
        OnKafka { application: Arc::new(application), register: Arc::default(), producer, members: 0 }
    }

    fn member(log: &KafkaLog) -> usize {
        log.membership().given.as_ref().expect("shards are given").member
    }
}

impl Candidate for OnKafka {
    type Log = KafkaLog;

    fn join(&mut self) -> KafkaLog {
        let member = self.members;
        self.members += 1;
        let given = Given { register: Arc::clone(&self.register), member, group: self.application.id.clone() };
        let membership = Membership::given(&self.application.topics.exchange, given);
        let troubles = Troubles::default();
        let writer = Writer::new(&self.application, member, &Arc::default(), &troubles).expect("a producer");
        KafkaLog::of(&self.application, member, membership, writer, troubles).expect("a log")
    }

    fn assign(&mut self, shard: u16, log: &KafkaLog) {
        let member = OnKafka::member(log);
        let mut register = self.register.lock().unwrap();
        if let Some(before) = register.owners.insert(shard, member) {
            register.changes.entry(before).or_default().push(Ownership::Lost(shard));
        }
        register.changes.entry(member).or_default().push(Ownership::Assigned(shard));
    }

    fn revoke(&mut self, shard: u16) {
        let mut register = self.register.lock().unwrap();
        let owner = register.owners[&shard];
        register.changes.entry(owner).or_default().push(Ownership::Revoked(shard));
    }

    fn append(&mut self, shard: u16, events: &[Event<'_>]) {
        for event in events {
            let mut value = Vec::new();
            encode_event(event, &mut value);
            let topic = &self.application.settings.inputs[0].topic;
            let record = BaseRecord::to(topic).partition(shard.into()).key(event.actor).payload(&value);
            self.producer.send(record).map_err(|(error, _)| error).expect("there is room");
        }
        self.producer.flush(Duration::from_secs(10)).expect("the broker takes it");
    }

    fn wait(&mut self) {
        thread::sleep(Duration::from_millis(10));
    }

    fn closes(&mut self, shard: u16) -> Vec<(String, Option<i64>)> {
        let history = self.application.topics.history.as_deref().expect("days are closed");
        let close = |key: Option<&[u8]>, value: Option<&[u8]>| {
            let user = String::from_utf8(key.expect("a key").to_vec()).expect("a name");
            (user, value.map(|value| decode_close(value).expect("a close").day))
        };
        self.committed(history, shard, close)
    }

    fn credits(&mut self, shard: u16) -> Vec<Credit> {
        let credits = self.application.topics.credits.as_deref().expect("credits are told");
        let record = |_: Option<&[u8]>, value: Option<&[u8]>| decode_credits(value.expect("a value")).expect("credits");
        self.committed(credits, shard, record).into_iter().flat_map(|record| record.credits).collect()
    }
}

impl OnKafka {
    /// What is committed in a partition.
    fn committed<T>(&self, topic: &str, shard: u16, say: impl Fn(Option<&[u8]>, Option<&[u8]>) -> T) -> Vec<T> {
        let mut config = self.application.connection.client_with([], [("group.id", "readers".to_owned())]);
        config.set("isolation.level", "read_committed").set("enable.partition.eof", "true");
        let reader: BaseConsumer = config.create().expect("a reader");
        let mut place = TopicPartitionList::new();
        place.add_partition_offset(topic, shard.into(), Offset::Beginning).expect("a place");
        reader.assign(&place).expect("it is there");
        let (mut said, until) = (Vec::new(), Instant::now() + TIME);
        while Instant::now() < until {
            match reader.poll(Duration::from_millis(100)) {
                None => {}
                Some(Ok(record)) => {
                    said.push(say(record.key(), record.payload()));
                }
                Some(Err(KafkaError::PartitionEOF(_))) => return said,
                Some(Err(error)) => panic!("{error}"),
            }
        }
        panic!("{topic} has no end: {} records", said.len());
    }
}

#[test]
fn the_log_on_kafka() {
    let Some(broker) = Broker::shared() else { return };
    check(|| OnKafka::new(broker.brokers()));
}

#[test]
fn a_transaction_that_was_left_open_is_ended_by_who_waits_for_it() {
    let Some(broker) = Broker::shared() else { return };
    let mut here = OnKafka::new(broker.brokers());
    let Application { topics, .. } = &*here.application;
    let dead: BaseProducer = here.application.fencer(0, "dead").create().unwrap();
    dead.init_transactions(TIME).unwrap();
    dead.begin_transaction().unwrap();
    let signature = OwnedHeaders::new().insert(Header { key: WRITER, value: Some("dead") });
    let journal = BaseRecord::<(), str>::to(&topics.journal).partition(0).payload("half").headers(signature);
    dead.send(journal).map_err(|(error, _)| error).unwrap();
    dead.flush(TIME).unwrap();
    let mut log = here.join();
    here.assign(0, &log);
    // Left alone it would end after half a minute, at the earliest.
    let until = Instant::now() + TIME / 2;
    let past = loop {
        log.ownership().unwrap();
        match log.past(0).unwrap() {
            Some(past) => break past,
            None => assert!(Instant::now() < until, "nobody ends it"),
        }
        here.wait();
    };
    assert!(past.journal.is_empty());
    assert!(dead.commit_transaction(TIME).is_err());
}

/// What a producer has asked for may reach the brokers late: its epoch is over then.
#[test]
fn no_transaction_can_be_ended_by_what_was_asked_for_an_earlier_one() {
    const BROKER: i32 = 1;
    let brokers = MockCluster::new(BROKER).expect("a broker");
    let application = Arc::new(application(&brokers.bootstrap_servers()));
    let input = application.settings.inputs[0].topic.as_str();
    for topic in own_topics(&application.topics).into_iter().chain([input]) {
        brokers.create_topic(topic, SHARDS.into(), 1).expect("a topic");
    }
    let given = Given { register: Arc::default(), member: 0, group: application.id.clone() };
    let membership = Membership::given(&application.topics.exchange, given);
    let mut writer = Writer::new(&application, 0, &Arc::default(), &Troubles::default()).expect("a producer");
    let shard = Shard::new(Model::default(), HASH_KEY, 0, SHARDS);
    let mut commit = |sequence| {
        let (before, journal, mut effects) =
            (writer.producer_name(), record(0, sequence, (0, 0), (0, 0)), Effects::default());
        let step = Step { shard: &shard, effects: &mut effects, refused: &[], journal: &journal };
        writer.commit(&mut [step], &membership).expect("it is committed");
        writer.producer_name() != before
    };
    assert!(!commit(0), "nothing is on its way any more");
    // It is aborted, and begun anew.
    let refusal = RDKafkaRespErr::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION;
    brokers.request_errors(RDKafkaApiKey::TxnOffsetCommit, &[refusal]);
    assert!(commit(1));
    // Each answer comes so late that in the end some question may have been asked twice.
    brokers.broker_round_trip_time(BROKER, Duration::from_millis(800)).expect("a broker");
    assert!(!commit(2), "it goes on with the one it began with");
    brokers.broker_round_trip_time(BROKER, Duration::ZERO).expect("a broker");
    assert!(commit(3));
    assert!(!commit(4));
    drop(brokers);
}
