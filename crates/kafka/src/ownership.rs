//! Whose a consumer group is. Our members subscribe to the exchange and to nothing else, and our offsets carry the ids of
//! their topics: whoever has other members, or offsets without an id and none of the exchange, is another application.

use std::time::Duration;

use rdkafka::client::{Client, ClientContext};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::groups::{GroupInfo, GroupMemberInfo};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tracing::debug;

use crate::admin::AdminError;
use crate::connection::Connection;
use crate::native::{End, ends};
use crate::topics::Topics;
use crate::troubles::Troubles;

/// For one question.
pub(crate) const TIME: Duration = Duration::from_secs(4);
/// What the brokers call a group of consumers.
const CONSUMERS: &str = "consumer";
/// Members that are named.
const NAMED_MAX: usize = 5;

/// Refuses a consumer group that is another application's, before anybody joins it. What the brokers do not say is not
/// held against anybody: a worker looks again when the group does not let it in.
///
/// # Errors
/// If the group has members, or offsets, that are not this application's.
pub fn check_group<'a>(
    connection: &Connection,
    group: &str,
    topics: &Topics,
    inputs: impl IntoIterator<Item = &'a str>,
    partitions: u16,
) -> Result<(), AdminError> {
    let consumer = asker(connection, group).map_err(|error| crate::admin::refused("cannot connect", error))?;
    let foreign = |evidence| AdminError::ForeignGroup { group: group.to_owned(), evidence };
    if let Some(evidence) = foreign_members(consumer.client(), group, &topics.exchange) {
        return Err(foreign(evidence));
    }
    let inputs: Vec<&str> = inputs.into_iter().collect();
    match foreign_offsets(&consumer, &topics.exchange, &inputs, partitions) {
        Ok(None) => Ok(()),
        Ok(Some(evidence)) => Err(foreign(evidence)),
        Err(error) => {
            debug!(%error, group, "the offsets of the group are not looked at");
            Ok(())
        }
    }
}

/// A client that asks about a group, and joins none. What a pending transaction is about to change is of no interest to it.
pub(crate) fn asker(connection: &Connection, group: &str) -> Result<BaseConsumer<Troubles>, KafkaError> {
    let fixed = [("group.id", group.to_owned()), ("isolation.level", "read_uncommitted".to_owned())];
    let config = connection.client_with([("enable.auto.commit", "false".to_owned())], fixed);
    BaseConsumer::from_config_and_context(&config, Troubles::quiet())
}

/// The offsets that the client's group has of so many partitions of each topic.
pub(crate) fn offsets<'a>(
    consumer: &BaseConsumer<Troubles>,
    topics: impl IntoIterator<Item = &'a str>,
    partitions: usize,
) -> Result<TopicPartitionList, KafkaError> {
    let mut asked = TopicPartitionList::new();
    for topic in topics {
        (0..).take(partitions).for_each(|partition| _ = asked.add_partition(topic, partition));
    }
    consumer.committed_offsets(asked, TIME)
}

/// The value of this name in what the owner of a shard has noted.
pub(crate) fn value<'a>(lines: &'a str, name: &str) -> Option<&'a str> {
    lines.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

/// What the last owner of a shard has noted beside its offsets.
#[derive(Clone, Debug)]
pub struct Noted {
    /// The shard.
    pub shard: u16,
    /// Lines: the settings, who it is, and where it keeps checkpoints.
    pub lines: String,
    /// Whether the shard can only be restored from a checkpoint: its journal does not begin at the beginning any more.
    pub is_trimmed: bool,
}

/// What owners of shards have noted, of those that had one. It is empty where the brokers do not say: a worker asks again.
pub fn noted(connection: &Connection, id: &str, topics: &Topics, shards: u16) -> Vec<Noted> {
    ask_noted(connection, id, topics, shards).unwrap_or_else(|reason| {
        debug!(reason, "what owners of shards have noted is not looked at");
        Vec::new()
    })
}

fn ask_noted(connection: &Connection, id: &str, topics: &Topics, shards: u16) -> Result<Vec<Noted>, String> {
    let consumer = asker(connection, id).map_err(|error| error.to_string())?;
    let committed = offsets(&consumer, [topics.exchange.as_str()], shards.into()).map_err(|error| error.to_string())?;
    let journals: Vec<(&str, i32)> = (0..shards).map(|shard| (topics.journal.as_str(), i32::from(shard))).collect();
    let begins = ends(consumer.client(), &journals, End::Begin, TIME).map_err(|refusal| refusal.to_string())?;
    let noted = (0..shards).zip(begins).filter_map(|(shard, begins)| {
        let place = committed.find_partition(&topics.exchange, shard.into())?;
        let lines = place.metadata().to_owned();
        (!lines.is_empty()).then_some(Noted { shard, lines, is_trimmed: begins > 0 })
    });
    Ok(noted.collect())
}

/// What the group's members say that shows another application; `None` if nothing does.
pub(crate) fn foreign_members<C: ClientContext>(client: &Client<C>, group: &str, exchange: &str) -> Option<String> {
    let groups = match client.fetch_group_list(Some(group), TIME) {
        Ok(groups) => groups,
        Err(error) => {
            debug!(%error, group, "the members of the group are not looked at");
            return None;
        }
    };
    foreign_in(groups.groups().iter().find(|found| found.name() == group)?, exchange)
}

fn foreign_in(group: &GroupInfo, exchange: &str) -> Option<String> {
    let is_ours = |member: &&GroupMemberInfo| {
        // What a member that is about to join subscribes to is not told.
        let topics = member.metadata().filter(|metadata| !metadata.is_empty()).and_then(subscribed);
        topics.is_none_or(|topics| topics == [exchange])
    };
    let is_other_kind = !matches!(group.protocol_type(), "" | CONSUMERS);
    let others: Vec<&GroupMemberInfo> =
        group.members().iter().filter(|member| is_other_kind || !is_ours(member)).collect();
    if others.is_empty() {
        return None;
    }
    let name = |member: &&GroupMemberInfo| {
        let topics = member.metadata().and_then(subscribed).map(|topics| format!(" reading {}", topics.join(", ")));
        format!("{} at {}{}", member.client_id(), member.client_host(), topics.unwrap_or_default())
    };
    let mut names: Vec<String> = others.iter().take(NAMED_MAX).map(name).collect();
    if others.len() > NAMED_MAX {
        names.push(format!("and {} more", others.len() - NAMED_MAX));
    }
    let kind = if is_other_kind { format!("a group of kind {}, ", group.protocol_type()) } else { String::new() };
    Some(format!("{kind}members {}", names.join(", ")))
}

/// The topics of a consumer's subscription: a version, and a list of names.
fn subscribed(metadata: &[u8]) -> Option<Vec<&str>> {
    let (_, rest) = metadata.split_first_chunk::<2>()?;
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let mut topics = Vec::new();
    for _ in 0..u32::from_be_bytes(*count) {
        let (name, behind) = split_name(rest)?;
        topics.push(std::str::from_utf8(name).ok()?);
        rest = behind;
    }
    Some(topics)
}

/// Splits a name off the bytes of Kafka's protocol for consumers: its length in two bytes, and then the name.
pub(crate) fn split_name(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, behind) = bytes.split_first_chunk::<2>()?;
    behind.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}

/// Ours are committed together with the exchange's, and each carries the id of its topic.
fn foreign_offsets(
    consumer: &BaseConsumer<Troubles>,
    exchange: &str,
    inputs: &[&str],
    partitions: u16,
) -> Result<Option<String>, KafkaError> {
    let committed = offsets(consumer, inputs.iter().copied().chain([exchange]), partitions.into())?;
    let there = committed.elements();
    let mut there = there.iter().filter(|place| matches!(place.offset(), Offset::Offset(_))).peekable();
    let Some(first) = there.peek().map(|place| format!("{}[{}]", place.topic(), place.partition())) else {
        return Ok(None);
    };
    let is_ours = there.any(|place| place.topic() == exchange || !place.metadata().is_empty());
    Ok((!is_ours).then(|| format!("its offsets, as that of {first}, are not of this program")))
}

#[cfg(test)]
mod tests {
    use super::subscribed;

    #[test]
    fn a_subscription_names_its_topics() {
        let metadata = b"\x00\x01\x00\x00\x00\x02\x00\x03abc\x00\x01d\xff\xff\xff\xff";
        assert_eq!(subscribed(metadata), Some(vec!["abc", "d"]));
        for broken in [&metadata[..1], &metadata[..5], &metadata[..9], b""] {
            assert_eq!(subscribed(broken), None);
        }
    }
}
