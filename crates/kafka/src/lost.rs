//! Topics that an application has worked with, and that are gone or are others now. It does not go on without them, nor with new
//! ones of these names: offsets, checkpoints and scores are about the old ones.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::topic_partition_list::Offset;

use crate::admin::{Admin, AdminError, refused};
use crate::connection::Connection;
use crate::native::Described;
use crate::ownership::{asker, offsets, value};
use crate::topics::Topics;

/// For one question.
const TIME: Duration = Duration::from_secs(4);

/// A topic that an application cannot go on without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Its name.
    pub topic: String,
    /// Whether there is another topic of this name now.
    pub is_there: bool,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lost { topic, is_there } = self;
        match is_there {
            true => write!(f, "topic {topic} was deleted and created anew since the application worked with it"),
            false => write!(f, "topic {topic} is missing, and the application has worked with it"),
        }
    }
}

/// Those topics of an application that are not the ones that it has worked with; none of an application that is new. Dead letters
/// are not among them: a new topic is as good.
///
/// # Errors
/// If the brokers do not answer.
pub fn lost<'a>(
    connection: &Connection,
    group: &str,
    topics: &Topics,
    inputs: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Lost>, AdminError> {
    let Topics { exchange, journal, scores, .. } = topics;
    let mut read: Vec<&str> = inputs.into_iter().collect();
    read.push(exchange);
    let names: Vec<&str> = read.iter().copied().chain([journal.as_str(), scores.as_str()]).collect();
    let admin = Admin::connect(connection)?;
    let (mut there, mut missing) = (BTreeMap::new(), BTreeSet::new());
    for (topic, described) in admin.describe_topics(&names, TIME)? {
        match described {
            Ok(described) => _ = there.insert(topic, described),
            Err(refusal) if matches!(refusal.code, Code::UnknownTopicOrPartition | Code::UnknownTopic) => {
                missing.insert(topic);
            }
            // Whether it is there is not for this user to know.
            Err(_) => {}
        }
    }
    let partitions = there.values().map(|described| described.partitions).max().unwrap_or(0);
    let noted = Notes::ask(connection, group, &read, partitions)?;
    let journaled = match there.get(journal) {
        Some(described) => Some(admin.written(journal, described.partitions)?.iter().any(|&end| end > 0)),
        None => None,
    };
    if noted.0.is_empty() && journaled != Some(true) {
        return Ok(Vec::new());
    }
    let is_another = |topic: &str, described: &Described| {
        (topic == journal && journaled == Some(false))
            || (read.contains(&topic) && noted.is_of_another(topic, exchange, &described.id))
    };
    let lost = |topic: &str| {
        let is_there = there.get(topic).is_some_and(|described| is_another(topic, described));
        let is_own = !read.contains(&topic) || topic == exchange;
        let is_gone = missing.contains(topic) && (is_own || noted.reads(topic, exchange));
        (is_there || is_gone).then(|| Lost { topic: topic.to_owned(), is_there })
    };
    Ok(names.iter().copied().filter_map(lost).collect())
}

/// What an application has noted beside its offsets, by topic and partition.
struct Notes(BTreeMap<(String, i32), String>);

impl Notes {
    fn ask(connection: &Connection, group: &str, read: &[&str], partitions: usize) -> Result<Notes, AdminError> {
        let consumer = asker(connection, group).map_err(|error| refused("cannot connect", error))?;
        let what = format!("the offsets of the group {group} are not told");
        let committed = offsets(&consumer, read.iter().copied(), partitions).map_err(|error| refused(&what, error))?;
        let elements = committed.elements();
        let ours =
            elements.iter().filter(|place| matches!(place.offset(), Offset::Offset(_)) && !place.metadata().is_empty());
        Ok(Notes(
            ours.map(|place| ((place.topic().to_owned(), place.partition()), place.metadata().to_owned())).collect(),
        ))
    }

    /// Whether what is noted is of another topic than that of this id. Brokers forget the offsets of a topic with the topic: those
    /// of others are left then.
    fn is_of_another(&self, topic: &str, exchange: &str, id: &str) -> bool {
        let has_other_id = |noted: &str| noted.lines().next().is_some_and(|other| !other.is_empty() && other != id);
        let mut of_topic = self.0.iter().filter(|((other, _), _)| other == topic).map(|(_, noted)| noted).peekable();
        if of_topic.peek().is_some() {
            return of_topic.any(|noted| has_other_id(noted));
        }
        match topic == exchange {
            true => !self.0.is_empty(),
            false => self.reads(topic, exchange),
        }
    }

    /// Whether a topic is one of the inputs that the application was made with: one that was added, or is mistyped, is not.
    fn reads(&self, topic: &str, exchange: &str) -> bool {
        let of_exchange = self.0.iter().filter(|((other, _), _)| other == exchange);
        let mut inputs = of_exchange.filter_map(|(_, noted)| value(noted, "topics"));
        inputs.any(|inputs| inputs.split(',').any(|other| other == topic))
    }
}

#[cfg(test)]
mod tests {
    use super::Notes;

    #[test]
    fn a_topic_is_another_one_if_its_id_is_or_if_only_its_offsets_are_forgotten() {
        let noted = |places: &[(&str, &str)]| {
            Notes(places.iter().map(|(topic, noted)| (((*topic).to_owned(), 0), (*noted).to_owned())).collect())
        };
        let both = noted(&[("events", "one"), ("exchange", "two\ntopics=events\n")]);
        assert!(!both.is_of_another("events", "exchange", "one") && !both.is_of_another("exchange", "exchange", "two"));
        assert!(both.is_of_another("events", "exchange", "three") && both.is_of_another("exchange", "exchange", "one"));
        let without_input = noted(&[("exchange", "two\ntopics=profiles,events\n")]);
        assert!(without_input.is_of_another("events", "exchange", "one"));
        assert!(!without_input.is_of_another("added", "exchange", "one"));
        assert!(without_input.reads("events", "exchange") && !without_input.reads("evnts", "exchange"));
        assert!(noted(&[("events", "one")]).is_of_another("exchange", "exchange", "two"));
        assert!(!noted(&[]).is_of_another("exchange", "exchange", "two"));
    }
}
