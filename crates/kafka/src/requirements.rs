//! What the topics of an application must be, and what follows where one is not.

use std::collections::BTreeMap;
use std::fmt;

use crate::application::EXCHANGE_RECORD_BYTES_MAX;
use crate::topics::Topics;

/// A topic that an application needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Its name.
    pub topic: String,
    /// What it is for.
    pub role: Role,
}

/// What an application needs a topic for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It is read; somebody else writes it.
    Input,
    /// What shards tell each other.
    Exchange,
    /// Which slice made which epoch.
    Journal,
    /// The table of scores.
    Scores,
    /// Records that could not be used.
    DeadLetters,
}

/// A topic as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Its partitions.
    pub partitions: usize,
    /// Copies of each.
    pub replication: usize,
    /// Its properties; empty where nobody may see them.
    pub properties: BTreeMap<String, String>,
    /// Names of those that were set for this topic alone.
    pub set: Vec<String>,
}

impl Found {
    /// The properties that were set for this topic alone.
    pub fn own_properties(&self) -> impl Iterator<Item = (&str, &str)> {
        self.set.iter().filter_map(|name| Some((name.as_str(), self.properties.get(name)?.as_str())))
    }
}

/// Something about a topic that an application cannot work with, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The topic.
    pub topic: String,
    /// How it is.
    pub is: String,
    /// What must be instead, and how to get there.
    pub instead: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "topic {} {}: {}", self.topic, self.is, self.instead)
    }
}

const FOR_EVER: [(&str, &str); 3] = [("cleanup.policy", "delete"), ("retention.ms", "-1"), ("retention.bytes", "-1")];

impl Role {
    /// Properties that it must have.
    pub fn properties(self) -> &'static [(&'static str, &'static str)] {
        match self {
            // What is not needed any more is trimmed; what is needed must not go before.
            Role::Exchange | Role::Journal => &FOR_EVER,
            Role::Scores => &[("cleanup.policy", "compact")],
            Role::Input | Role::DeadLetters => &[("cleanup.policy", "delete")],
        }
    }

    /// Properties that it is made with, and may have otherwise.
    pub fn made_with(self) -> &'static [(&'static str, &'static str)] {
        match self {
            // What a worker tells a shard in one epoch is one record.
            Role::Exchange => &[("max.message.bytes", EXCHANGE_RECORD_BYTES_MAX)],
            _ => &[],
        }
    }

    fn why(self) -> &'static str {
        match self {
            Role::Input => "records would vanish before they count",
            Role::Exchange => "what shards tell each other would vanish before it is taken",
            Role::Journal => "no shard could be restored",
            Role::Scores => "it is the table of the newest scores, not their history",
            Role::DeadLetters => "records without a key could not be kept",
        }
    }
}

impl Requirement {
    /// All that an application with these inputs needs.
    pub fn of<'a>(topics: &Topics, inputs: impl IntoIterator<Item = &'a str>) -> Vec<Requirement> {
        let Topics { exchange, journal, scores, dead_letters } = topics;
        let own = [
            (exchange, Role::Exchange),
            (journal, Role::Journal),
            (scores, Role::Scores),
            (dead_letters, Role::DeadLetters),
        ];
        let own = own.into_iter().map(|(topic, role)| Requirement { topic: topic.clone(), role });
        let inputs = inputs.into_iter().map(|topic| Requirement { topic: topic.to_owned(), role: Role::Input });
        inputs.chain(own).collect()
    }

    /// What is wrong with a topic that should have so many partitions.
    pub(crate) fn judge(&self, found: &Found, partitions: usize) -> Vec<Difference> {
        let count = (found.partitions != partitions).then(|| self.other_count(found.partitions, partitions));
        let property = |&(name, value): &(&str, &str)| {
            let other = found.properties.get(name).filter(|other| *other != value)?;
            Some(self.other_property(name, other, value))
        };
        count.into_iter().chain(self.role.properties().iter().filter_map(property)).collect()
    }

    fn other_count(&self, is: usize, wanted: usize) -> Difference {
        let instead = match self.role {
            Role::Input => format!(
                "shard n lives in partition n of every topic, and the others have {wanted}; write this one anew with \
                 {wanted} partitions (`clout route` moves the records), or make the application's own topics anew with \
                 {is} (`clout reset`)"
            ),
            _ => format!(
                "shard n lives in partition n of every topic, and the others have {wanted}; begin anew with `clout reset`"
            ),
        };
        Difference { topic: self.topic.clone(), is: format!("has {is} partitions"), instead }
    }

    fn other_property(&self, name: &str, is: &str, wanted: &str) -> Difference {
        let instead = format!(
            "{}; set it to {wanted}: kafka-configs.sh --alter --topic {} --add-config {name}={wanted}",
            self.role.why(),
            self.topic
        );
        Difference { topic: self.topic.clone(), is: format!("has {name}={is}"), instead }
    }
}
