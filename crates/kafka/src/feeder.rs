//! Writes records as fast as brokers take them, each once, in order.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use crate::admin::{AdminError, reason, refused};
use crate::connection::Connection;
use crate::troubles::{Troubles, is_unreachable};

/// How long brokers may take for what is on its way in the end.
const FLUSH: Duration = Duration::from_secs(120);
/// How long to wait where no more can be on its way.
const FULL: Duration = Duration::from_millis(1);

/// Records did not arrive.
#[derive(Clone, Debug, thiserror::Error)]
#[error("topic {topic} does not take a record: {reason}")]
pub struct FeedError {
    /// Where it should have gone.
    pub topic: String,
    /// What the brokers say.
    pub reason: String,
    /// Nobody says anything, since no broker answers.
    pub is_unreachable: bool,
}

impl FeedError {
    fn new(topic: &str, error: &KafkaError) -> FeedError {
        let is_unreachable = error.rdkafka_error_code().is_some_and(is_unreachable);
        FeedError { topic: topic.to_owned(), reason: advised(error), is_unreachable }
    }

    /// What the clients have told says more.
    fn because(self, troubles: &Troubles) -> FeedError {
        FeedError { reason: troubles.reason().unwrap_or(self.reason), ..self }
    }
}

/// A producer.
pub struct Feeder {
    producer: ThreadedProducer<Deliveries>,
    failed: Arc<Failed>,
    troubles: Troubles,
}

/// The first record that did not arrive.
#[derive(Debug, Default)]
struct Failed {
    has: AtomicBool,
    error: Mutex<Option<FeedError>>,
}

struct Deliveries {
    failed: Arc<Failed>,
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
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let Err((error, message)) = result else { return };
        let mut first = self.failed.error.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| FeedError::new(message.topic(), error).because(&self.troubles));
        self.failed.has.store(true, Relaxed);
    }
}

impl Feeder {
    /// To these brokers.
    ///
    /// # Errors
    /// If a property is wrong.
    pub fn connect(connection: &Connection) -> Result<Feeder, AdminError> {
        let ours = [
            ("linger.ms", "20"),
            ("batch.size", "1000000"),
            ("batch.num.messages", "100000"),
            ("compression.type", "lz4"),
            ("queue.buffering.max.messages", "1000000"),
            ("queue.buffering.max.kbytes", "262144"),
        ];
        // Of what arrives nothing is told, only of what does not: a report for each record would cost more than the record.
        let fixed = [("enable.idempotence", "true"), ("delivery.report.only.error", "true")];
        let owned = |(name, value): (&'static str, &str)| (name, value.to_owned());
        let config = connection.client_with(ours.map(owned), fixed.map(owned));
        let failed = Arc::<Failed>::default();
        let troubles = Troubles::default();
        let deliveries = Deliveries { failed: Arc::clone(&failed), troubles: troubles.clone() };
        let producer = ThreadedProducer::from_config_and_context(&config, deliveries)
            .map_err(|error| refused("cannot connect", error))?;
        Ok(Feeder { producer, failed, troubles })
    }

    /// Gives a record on its way; waits while too many are. Without a time it is stamped now.
    ///
    /// # Errors
    /// If this one cannot go, or an earlier one did not arrive.
    #[inline]
    pub fn send(&self, topic: &str, partition: u16, key: &str, value: &[u8], at: Option<i64>) -> Result<(), FeedError> {
        self.give(topic, partition, key, Some(value), at)
    }

    /// Gives a record of a compacted topic on its way, in the same way; without a value its key goes from there.
    ///
    /// # Errors
    /// If this one cannot go, or an earlier one did not arrive.
    pub fn send_or_erase(&self, topic: &str, partition: u16, key: &str, value: Option<&[u8]>) -> Result<(), FeedError> {
        self.give(topic, partition, key, value, None)
    }

    #[inline]
    fn give(
        &self,
        topic: &str,
        partition: u16,
        key: &str,
        value: Option<&[u8]>,
        at: Option<i64>,
    ) -> Result<(), FeedError> {
        if self.failed.has.load(Relaxed) {
            self.check()?;
        }
        let mut record = BaseRecord::to(topic).partition(i32::from(partition)).key(key);
        (record.payload, record.timestamp) = (value, at);
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(Code::QueueFull), again)) => {
                    std::thread::sleep(FULL);
                    record = again;
                }
                Err((error, _)) => return Err(FeedError::new(topic, &error)),
            }
        }
    }

    /// Waits until all has arrived.
    ///
    /// # Errors
    /// If anything did not.
    pub fn finish(self, topic: &str) -> Result<(), FeedError> {
        let flushed = self.producer.flush(FLUSH);
        self.check()?;
        flushed.map_err(|error| FeedError::new(topic, &error).because(&self.troubles))
    }

    fn check(&self) -> Result<(), FeedError> {
        let error = self.failed.error.lock().unwrap_or_else(PoisonError::into_inner);
        error.clone().map_or(Ok(()), Err)
    }
}

/// A reason, and what to do where that is known.
fn advised(error: &KafkaError) -> String {
    match error.rdkafka_error_code() {
        Some(Code::MessageSizeTooLarge) => {
            format!(
                "{}: raise its max.message.bytes, or give a batch.size below it (--kafka batch.size=...)",
                reason(error)
            )
        }
        _ => reason(error),
    }
}
