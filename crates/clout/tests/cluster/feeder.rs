//! Somebody who produces events: keyed by actor, each once, whatever becomes of the broker meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use influence::Partitioner;
use oracle::Act;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use vocabulary::{Event, Kind};
use wire::encode_event;

/// Records that are handed over between two looks at the time.
const PIECE: usize = 64;
/// Between two tries to hand over a record.
const FULL_WAIT: Duration = Duration::from_millis(5);
/// For everything that is under way.
const FLUSH_TIME: Duration = Duration::from_secs(90);

pub(crate) struct Feeder {
    producer: ThreadedProducer<DefaultProducerContext>,
    topic: String,
    partitions: u16,
}

impl Feeder {
    pub(crate) fn new(client: &ClientConfig, topic: &str, partitions: u16) -> Feeder {
        let mut client = client.clone();
        // A record that was stored and not acknowledged is not stored again.
        client.set("enable.idempotence", "true").set("linger.ms", "20").set("message.timeout.ms", "0");
        // It is back soon after the brokers are, however often they go.
        client.set("reconnect.backoff.max.ms", "100");
        let producer = client.create().expect("a producer");
        Feeder { producer, topic: topic.to_owned(), partitions }
    }

    /// Produces these, so many a second, and waits until all are stored.
    pub(crate) fn feed(&self, acts: &[Act<'_>], per_second: usize) {
        self.feed_and_count(acts, per_second, &AtomicUsize::new(0));
    }

    /// The same, and tells how many are handed over.
    pub(crate) fn feed_and_count(&self, acts: &[Act<'_>], per_second: usize, fed: &AtomicUsize) {
        let began = Instant::now();
        for (piece, acts) in acts.chunks(PIECE).enumerate() {
            let due = Duration::from_secs_f64((piece * PIECE) as f64 / per_second as f64);
            thread::sleep(due.saturating_sub(began.elapsed()));
            acts.iter().for_each(|act| self.send(act));
            fed.fetch_add(acts.len(), Relaxed);
        }
        self.producer.flush(FLUSH_TIME).expect("the broker takes all of it");
    }

    fn send(&self, act: &Act<'_>) {
        let mut value = Vec::new();
        encode_event(&event(act), &mut value);
        let partition = self.partition(act.actor);
        self.send_raw(partition, Some(act.actor.as_bytes()), Some(&value));
    }

    /// Where a user's records go.
    pub(crate) fn partition(&self, user: &str) -> u16 {
        Partitioner::default().partition(user, self.partitions)
    }

    /// Any record, to any partition.
    pub(crate) fn send_raw(&self, partition: u16, key: Option<&[u8]>, value: Option<&[u8]>) {
        let mut record = BaseRecord::<[u8], [u8]>::to(&self.topic).partition(partition.into());
        record.key = key;
        record.payload = value;
        while let Err((error, back)) = self.producer.send(record) {
            assert_eq!(error.rdkafka_error_code(), Some(Code::QueueFull), "{error}");
            thread::sleep(FULL_WAIT);
            record = back;
        }
    }

    /// Waits until all is stored.
    pub(crate) fn flush(&self) {
        self.producer.flush(FLUSH_TIME).expect("the broker takes all of it");
    }
}

/// An event in the engine's words.
pub(crate) fn event<'a>(act: &Act<'a>) -> Event<'a> {
    let kind = Kind::of_word(act.kind.word()).expect("the engine knows all kinds");
    Event { actor: act.actor, target: act.target, kind, at: act.at_ms }
}
