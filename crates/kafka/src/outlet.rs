//! Writes records in transactions, as the only one of its name: whoever opens an outlet ends what an earlier one of the same name
//! has left open, and keeps it from writing any more.
//!
//! What was written is told by the topics alone: a commit whose answer is lost may have happened. So nothing is repaired:
//! an outlet that has failed is dropped, and the next one is opened before anybody looks at what is committed.

use std::thread::sleep;
use std::time::{Duration, Instant};

use pipeline::Kept;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};

use crate::admin::{AdminError, reason, refused};
use crate::connection::{ASKED_TWICE, Connection};
use crate::dead_letter::{DeadLetter, Form, is_about_the_record};
use crate::troubles::{Troubles, cause, is_fenced, is_unreachable};

/// For everything that waits for the brokers.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Brokers end a transaction that is open for so long.
pub const TRANSACTION_MAX: Duration = Duration::from_secs(30);
/// How long to wait where no more can be on its way.
const FULL: Duration = Duration::from_millis(1);

/// The reason why an outlet is of no use any more.
#[derive(Debug)]
pub enum OutletError {
    /// Another one may go better.
    Passing {
        /// What the brokers, or their client, say.
        reason: String,
        /// Whether no broker answers.
        is_unreachable: bool,
    },
    /// Brokers have ended it: somebody has opened another one of the same name, or it was silent for too long.
    Fenced,
    /// None will go better.
    Final(AdminError),
}

/// A record to be written.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Its topic.
    pub topic: &'a str,
    /// Its partition.
    pub partition: u16,
    /// Its key.
    pub key: &'a str,
    /// Its value; without one the key goes from a compacted topic.
    pub value: Option<&'a [u8]>,
}

/// Something that came from elsewhere and cannot be used.
#[derive(Clone, Copy, Debug)]
pub struct Unusable<'a> {
    /// Where it came from.
    pub from: &'a str,
    /// How far that was read.
    pub position: i64,
    /// Why it cannot be used.
    pub reason: &'a str,
    /// All of it.
    pub value: &'a [u8],
}

/// The producer of a name.
pub struct Outlet {
    connection: Connection,
    producer: ThreadedProducer<Troubles>,
    troubles: Troubles,
    name: String,
    is_open: bool,
    /// Whether the request that ended the last transaction may have been sent twice, so that the next one takes a new producer.
    is_stale: bool,
}

impl Outlet {
    /// Takes the name over.
    ///
    /// # Errors
    /// If brokers do not answer, or refuse.
    pub fn open(connection: &Connection, name: &str) -> Result<Outlet, OutletError> {
        let fixed = [("transactional.id", name), ("enable.idempotence", "true")];
        let ours = [
            ("transaction.timeout.ms", TRANSACTION_MAX.as_millis().to_string()),
            ("linger.ms", "20".to_owned()),
            ("compression.type", "lz4".to_owned()),
            ("retry.backoff.ms", "10".to_owned()),
        ];
        let config = connection.client_with(ours, fixed.map(|(name, value)| (name, value.to_owned())));
        let troubles = Troubles::quiet();
        let producer = ThreadedProducer::from_config_and_context(&config, troubles.clone())
            .map_err(|error| OutletError::Final(refused("cannot connect", error)))?;
        let (connection, name) = (connection.clone(), name.to_owned());
        let outlet = Outlet { connection, producer, troubles, name, is_open: false, is_stale: false };
        outlet.producer.init_transactions(TIMEOUT).map_err(|error| outlet.broken(error, None))?;
        Ok(outlet)
    }

    /// Gives a record on its way, in the transaction that the next commit ends.
    ///
    /// # Errors
    /// If it cannot go: all since the last commit is void then.
    pub fn send(&mut self, outgoing: Outgoing<'_>) -> Result<(), OutletError> {
        let Outgoing { topic, partition, key, value } = outgoing;
        let mut record = BaseRecord::to(topic).partition(partition.into()).key(key);
        record.payload = value;
        self.give(topic, record)
    }

    /// Gives a dead letter on its way, in the same transaction; the topic takes records of so many bytes.
    ///
    /// # Errors
    /// As for any record.
    pub fn put_aside(&mut self, topic: &str, bytes_max: usize, unusable: Unusable<'_>) -> Result<(), OutletError> {
        let Unusable { from, position, reason, value } = unusable;
        let value = Kept::of(value);
        let letter = DeadLetter {
            topic: from,
            partition: 0,
            offset: position,
            stage: "VALUE_CONVERTER",
            class: "clout.Malformed",
            reason,
            key: None,
            value: Some(&value),
        };
        let (_, value, headers) = letter.parts(Form::within(bytes_max), OwnedHeaders::new());
        let mut record = BaseRecord::<str, [u8]>::to(topic).partition(0).headers(headers);
        record.payload = value;
        self.give(topic, record)
    }

    fn give(&mut self, topic: &str, mut record: BaseRecord<'_, str, [u8]>) -> Result<(), OutletError> {
        if self.is_stale {
            *self = Outlet::open(&self.connection, &self.name)?;
        }
        let broken = |error| self.broken(error, Some(topic));
        if !self.is_open {
            self.producer.begin_transaction().map_err(broken)?;
        }
        while let Err((error, again)) = self.producer.send(record) {
            if !matches!(error, KafkaError::MessageProduction(Code::QueueFull)) {
                return Err(broken(error));
            }
            sleep(FULL);
            record = again;
        }
        self.is_open = true;
        Ok(())
    }

    /// Ends the transaction: all of its records are there, or none.
    ///
    /// # Errors
    /// If they are not there, or if it is not known.
    pub fn commit(&mut self) -> Result<(), OutletError> {
        if !self.is_open {
            return Ok(());
        }
        let began = Instant::now();
        let until = began + TIMEOUT;
        loop {
            match self.producer.commit_transaction(TIMEOUT) {
                Ok(()) => break,
                Err(KafkaError::Transaction(error)) if error.is_retriable() && Instant::now() < until => {}
                Err(error) => return Err(self.broken(error, None)),
            }
        }
        self.is_open = false;
        self.is_stale = began.elapsed() >= ASKED_TWICE;
        Ok(())
    }

    fn broken(&self, error: KafkaError, topic: Option<&str>) -> OutletError {
        let code = cause(self.producer.client(), &error);
        let what = match code {
            Some(code) if is_fenced(code) => return OutletError::Fenced,
            Some(Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed) => self
                .troubles
                .refused_partition(code)
                .unwrap_or_else(|| format!("{} cannot be written", topic.unwrap_or("a topic"))),
            Some(Code::TransactionalIdAuthorizationFailed) => {
                format!("the transactional id {} cannot be used", self.name)
            }
            Some(Code::SaslAuthenticationFailed) => "cannot log in".to_owned(),
            Some(code) if is_about_the_record(code) => format!("{} does not take a record", topic.unwrap_or("a topic")),
            code => {
                let is_unreachable = code.is_some_and(is_unreachable);
                let said = code.map_or_else(|| reason(&error), |code| code.to_string());
                let reason = self.troubles.reason().unwrap_or(said);
                return OutletError::Passing { reason, is_unreachable };
            }
        };
        OutletError::Final(refused(&what, error))
    }
}
