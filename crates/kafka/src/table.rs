//! Reads a topic from its first committed record to its last, as it stands now.

use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use crate::admin::{AdminError, reason, refused};
use crate::connection::Connection;
use crate::native::{Packed, packed};
use crate::troubles::Troubles;

/// How long brokers may say nothing.
const TIMEOUT: Duration = Duration::from_secs(30);

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
    let troubles = Troubles::quiet();
    let failed = |error: &KafkaError| AdminError::Refused {
        what: format!("topic {topic} cannot be read"),
        reason: troubles.reason().unwrap_or_else(|| reason(error)),
    };
    let ours = [("fetch.queue.backoff.ms", "10"), ("queued.max.messages.kbytes", "16384")];
    let fixed = [
        ("group.id", "clout-diff"),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("enable.partition.eof", "true"),
        ("isolation.level", "read_committed"),
        ("auto.offset.reset", "earliest"),
    ];
    let owned = |(name, value): (&'static str, &str)| (name, value.to_owned());
    let config = connection.client_with(ours.map(owned), fixed.map(owned));
    let consumer = BaseConsumer::from_config_and_context(&config, troubles.clone())
        .map_err(|error| refused("cannot connect", error))?;
    let metadata = consumer.fetch_metadata(None, TIMEOUT).map_err(|error| AdminError::Unreachable {
        brokers: connection.brokers().to_owned(),
        reason: reason(&error),
    })?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Err(AdminError::Missing(vec![topic.to_owned()]));
    };
    let mut assignment = TopicPartitionList::new();
    for partition in found.partitions() {
        let added = assignment.add_partition_offset(topic, partition.id(), Offset::Beginning);
        added.map_err(|error| failed(&error))?;
    }
    consumer.assign(&assignment).map_err(|error| failed(&error))?;
    let mut unread = found.partitions().len();
    while unread > 0 {
        match consumer.poll(TIMEOUT) {
            Some(Ok(message)) => match packed(message.key(), message.payload()) {
                Some(Packed { reason, .. }) => {
                    let what = format!("topic {topic} cannot be read at offset {}", message.offset());
                    return Err(AdminError::Refused { what, reason });
                }
                None => each(message.key().unwrap_or_default(), message.payload()),
            },
            Some(Err(KafkaError::PartitionEOF(_))) => unread -= 1,
            Some(Err(error)) => return Err(failed(&error)),
            None => {
                return Err(failed(&KafkaError::MessageConsumption(
                    rdkafka::error::RDKafkaErrorCode::OperationTimedOut,
                )));
            }
        }
    }
    Ok(())
}
