//! How many shards there are: as many as each topic has partitions.

use std::time::Duration;

use pipeline::{Fatal, Fault};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::connection::Connection;
use crate::topics::Topics;
use crate::troubles::{Troubles, fault_of};

const TIME: Duration = Duration::from_secs(10);

/// The number of partitions that all topics of an application have.
///
/// # Errors
/// Fatal if a topic is missing, or has another number of partitions than the first input; else if the brokers do not answer.
pub fn shards(connection: &Connection, inputs: &[&str], topics: &Topics) -> Result<u16, Fault> {
    let troubles = Troubles::default();
    let client = BaseConsumer::from_config_and_context(&connection.client([]), troubles.clone())
        .map_err(|error| fault_of("cannot reach the brokers", &error))?;
    let Topics { exchange, journal, scores, dead_letters: _ } = topics;
    let own = [exchange, journal, scores].map(String::as_str);
    let mut first: Option<(&str, usize)> = None;
    for &topic in inputs.iter().chain(&own) {
        let count = match count(&client, topic) {
            Ok(count) => count,
            Err(error) => {
                // Errors in the background say more than that the time is over.
                client.poll(Duration::ZERO);
                return Err(troubles.check().err().unwrap_or_else(|| fault_of("cannot reach the brokers", &error)));
            }
        };
        match (count, first) {
            (0, _) => return Err(missing(topic).into()),
            (count, None) => first = Some((topic, count)),
            (count, Some((other, expected))) if count != expected => {
                return Err(Fatal::Log(format!(
                    "{topic} has {count} partitions, and {other} has {expected}: all topics of an application have the same \
                     number; if it was raised, put the events into new topics (`clout route`) and start under a new \
                     application id"
                ))
                .into());
            }
            _ => {}
        }
    }
    let (topic, count) = first.ok_or_else(|| Fatal::Log("there is no input: name a topic".to_owned()))?;
    u16::try_from(count).map_err(|_| Fatal::Log(format!("{topic} has {count} partitions, at most 65535 can be")).into())
}

fn missing(topic: &str) -> Fatal {
    Fatal::Log(format!("the topic {topic} does not exist: make it, as `clout topics create` does"))
}

/// Partitions of a topic; 0 if there is none.
fn count(client: &BaseConsumer<Troubles>, topic: &str) -> Result<usize, KafkaError> {
    let metadata = client.fetch_metadata(Some(topic), TIME)?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else { return Ok(0) };
    match found.error().map(Code::from) {
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => Ok(0),
        Some(code) => Err(KafkaError::MetadataFetch(code)),
        None => Ok(found.partitions().len()),
    }
}
