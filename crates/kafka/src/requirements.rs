//! What the topics of an application must be, and what follows where one is not.

use std::collections::BTreeMap;
use std::fmt;

use pipeline::KEPT_BYTES_MAX;

use crate::application::RECORD_BYTES_MAX;
use crate::dead_letter::HEADERS_BYTES;
use crate::topics::Topics;

/// Every topic of an application takes records of so many bytes at least.
const RECORD_BYTES_LEAST: usize = 16 << 10;
/// The property that limits the size of a record, and of a batch.
const LIMIT: &str = "max.message.bytes";

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
    /// How people stood at the ends of days.
    History,
    /// What each act gave.
    Credits,
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
    /// Bytes of a record or a batch that it takes; `None` where nobody may see it.
    pub fn record_bytes_max(&self) -> Option<usize> {
        self.properties.get(LIMIT)?.parse().ok()
    }

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
            Role::Input | Role::DeadLetters | Role::History | Role::Credits => &[("cleanup.policy", "delete")],
        }
    }

    /// Properties that it is made with, and that may be others later.
    pub fn first_properties(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        // Nobody can take a record back before.
        let retention_ms = match self {
            // 400 days: charts show a year.
            Role::History => Some("34560000000"),
            // 40 days: circles are of a month at most, and who is new in it is known by what was before.
            Role::Credits => Some("3456000000"),
            _ => None,
        };
        self.properties().iter().copied().chain(retention_ms.map(|retention_ms| ("retention.ms", retention_ms)))
    }

    fn why(self) -> &'static str {
        match self {
            Role::Input => "a shard that is restored needs the same records again, and some would be gone",
            Role::Exchange => "what shards tell each other would vanish before it is taken",
            Role::Journal => "no shard could be restored",
            Role::Scores => "it is the table of the newest scores, not their history",
            Role::DeadLetters => "records without a key could not be kept",
            Role::History => "of each person only one day would be left",
            Role::Credits => "records without a key could not be kept",
        }
    }
}

impl Requirement {
    /// All that an application with these inputs needs.
    pub fn of<'a>(topics: &Topics, inputs: impl IntoIterator<Item = &'a str>) -> Vec<Requirement> {
        let Topics { exchange, journal, scores, dead_letters, history, credits } = topics;
        let own = [
            (exchange, Role::Exchange),
            (journal, Role::Journal),
            (scores, Role::Scores),
            (dead_letters, Role::DeadLetters),
        ];
        let own = own.into_iter().chain(history.iter().map(|history| (history, Role::History)));
        let own = own.chain(credits.iter().map(|credits| (credits, Role::Credits)));
        let own = own.map(|(topic, role)| Requirement { topic: topic.clone(), role });
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
        let properties = self.role.properties().iter().filter_map(property);
        count.into_iter().chain(properties).chain(self.low_limit(found)).collect()
    }

    fn low_limit(&self, found: &Found) -> Option<Difference> {
        let limit = found.record_bytes_max().filter(|&limit| limit < RECORD_BYTES_LEAST && self.role != Role::Input)?;
        let wanted = "1048588";
        let instead = format!(
            "records of {RECORD_BYTES_LEAST} bytes must fit; set it to {wanted}, the brokers' default: kafka-configs.sh \
             --alter --topic {} --add-config {LIMIT}={wanted}",
            self.topic
        );
        Some(Difference { topic: self.topic.clone(), is: format!("has {LIMIT}={limit}"), instead })
    }

    fn other_count(&self, is: usize, wanted: usize) -> Difference {
        let instead = match self.role {
            Role::Input => format!(
                "shard n lives in partition n of every topic, and the others have {wanted}; read a topic with {wanted} \
                 partitions (`clout route` moves the records into one), or score this one under another application id"
            ),
            _ => format!(
                "shard n lives in partition n of every topic, and the others have {wanted}; somebody has changed it: start under a new application id"
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

/// Bytes of the largest record or batch that all of an application's own topics take, as far as their limits can be seen.
pub fn record_bytes_max(requirements: &[Requirement], found: &BTreeMap<String, Found>) -> usize {
    let own = requirements.iter().filter(|required| required.role != Role::Input);
    let limits = own.filter_map(|required| found.get(&required.topic)?.record_bytes_max());
    limits.min().unwrap_or(RECORD_BYTES_MAX).min(RECORD_BYTES_MAX)
}

/// What is to be told where dead letters must be shorter than they could be: inputs take longer records.
pub fn short_letters(requirements: &[Requirement], found: &BTreeMap<String, Found>) -> Option<String> {
    let limit = |required: &Requirement| found.get(&required.topic)?.record_bytes_max();
    let with = |role| requirements.iter().filter(move |required| required.role == role);
    let letters = with(Role::DeadLetters).next()?;
    let (letters_max, wanted) = (limit(letters)?, (2 * KEPT_BYTES_MAX) + HEADERS_BYTES);
    let (input, input_max) =
        with(Role::Input).filter_map(|input| Some((input, limit(input)?))).max_by_key(|of| of.1)?;
    (letters_max < wanted.min(input_max)).then(|| {
        format!(
            "topic {} takes records of {letters_max} bytes, and {} of {input_max}: dead letters are cut to fit; with \
             {LIMIT}={wanted} or more they keep the first {KEPT_BYTES_MAX} bytes of key and value",
            letters.topic, input.topic
        )
    })
}
