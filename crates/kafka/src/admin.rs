//! Topics and groups from outside: what there is, what is missing, making and removing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigEntry, ConfigSource, NewTopic, OwnedResourceSpecifier, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::metadata::{Metadata, MetadataPartition};
use tracing::warn;

use crate::connection::Connection;
use crate::native::{Described, DescribedGroup, Descriptions, End, Refusal, describe, describe_group, ends, hear};
use crate::reasons::not_made;
use crate::requirements::{Difference, Found, Requirement, Role, record_bytes_max, short_letters};
use crate::topics::Topics;
use crate::troubles::{Troubles, advice, is_moving, is_passing};

/// How long brokers may take for an answer: a person waits, and is told why nothing works within ten seconds.
const TIMEOUT: Duration = Duration::from_secs(8);
/// How often it is looked whether they let us in.
const LOG_IN: Duration = Duration::from_millis(500);
/// A look may always take so long.
const LOOK_MIN: Duration = Duration::from_secs(2);
/// How long a client may take to find out whether only a host name is wrong.
const PROBE: Duration = TIMEOUT;
/// For a question that is asked again.
const LOOK_AT_ONCE: Duration = Duration::from_secs(2);
/// How long a topic may take to be there, or gone.
const CHANGE: Duration = Duration::from_secs(30);
/// A topic that has just been made may not be known to every broker yet, nor any topic to one that has just started: it is missing
/// once it has been so for this time,
const MISSING: Duration = Duration::from_secs(2);
/// and so often, each time by a new connection: that leads to any of the brokers.
const LOOKS: u32 = 6;
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(100);

/// Why topics or groups cannot be looked at or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// A property of the connection is wrong.
    #[error("the property {name} is not accepted: {reason}")]
    Property {
        /// The name of the property.
        name: String,
        /// What librdkafka says.
        reason: String,
    },
    /// No broker answers.
    #[error("no broker answers at {brokers}: {reason}")]
    Unreachable {
        /// Where they were looked for.
        brokers: String,
        /// What librdkafka says.
        reason: String,
    },
    /// The consumer group is somebody else's.
    #[error("the group {group} is used by another application ({evidence}): choose another application_id")]
    ForeignGroup {
        /// The id of the group.
        group: String,
        /// What shows it.
        evidence: String,
    },
    /// Topics are not there.
    #[error("{} missing: make what is the application's own with `clout topics create`, the inputs as well with --inputs", names(.0))]
    Missing(Vec<String>),
    /// Topics are otherwise than they must be.
    #[error("{}", lines(.0))]
    Differ(Vec<Difference>),
    /// Somebody said stop, and the brokers did not answer any more.
    #[error("{what}: {reason}; what was not committed is taken again")]
    Unfinished {
        /// What is not finished.
        what: String,
        /// Why.
        reason: String,
    },
    /// The brokers refuse.
    #[error("{what}: {reason}")]
    Refused {
        /// What was asked for.
        what: String,
        /// What they say.
        reason: String,
    },
}

fn names(topics: &[String]) -> String {
    match topics {
        [topic] => format!("topic {topic} is"),
        topics => format!("topics {} are", topics.join(", ")),
    }
}

fn lines(differences: &[Difference]) -> String {
    differences.iter().map(Difference::to_string).collect::<Vec<_>>().join("; ")
}

/// What topics that are as they must be have in common, and what else is known of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Partitions of each.
    pub partitions: u16,
    /// Bytes of the largest record or batch that all of its own topics take.
    pub record_bytes_max: usize,
    /// Milliseconds for which topics keep their records, where that has an end and is told.
    pub retention_ms: BTreeMap<String, i64>,
}

/// Checks all topics of an application.
///
/// # Errors
/// If one is missing, has another number of partitions than the application's own, or would lose what is needed.
pub fn check_topics<'a>(
    connection: &Connection,
    topics: &Topics,
    inputs: impl IntoIterator<Item = &'a str>,
) -> Result<Checked, AdminError> {
    let requirements = Requirement::of(topics, inputs);
    let found = there(connection, requirements.iter().map(|required| required.topic.as_str()), [])?;
    let partitions = partitions(&requirements, &found).unwrap_or(0);
    match differences(&requirements, &found, partitions) {
        differences if differences.is_empty() => {
            short_letters(&requirements, &found).into_iter().for_each(|told| warn!("{told}"));
            let retention = |(topic, found): (&String, &Found)| {
                let retention_ms = found.properties.get("retention.ms")?.parse().ok();
                Some((topic.clone(), retention_ms.filter(|&retention_ms: &i64| retention_ms > 0)?))
            };
            Ok(Checked {
                partitions: u16::try_from(partitions).unwrap_or(u16::MAX),
                record_bytes_max: record_bytes_max(&requirements, &found),
                retention_ms: found.iter().filter_map(retention).collect(),
            })
        }
        differences => Err(AdminError::Differ(differences)),
    }
}

/// Whether a topic is there.
///
/// # Errors
/// If it is not, or no broker lets us see.
pub fn check_exists(connection: &Connection, topic: &str) -> Result<(), AdminError> {
    until_there(|| {
        let admin = Admin::connect(connection)?;
        let metadata = admin.metadata(LOOK_AT_ONCE)?;
        if metadata.topics().iter().any(|found| found.name() == topic) {
            return Ok(((), Vec::new()));
        }
        admin.check_seen(&[topic])?;
        Ok(((), vec![topic.to_owned()]))
    })
}

/// These topics, all of which must be there and may be seen, and those of the others that are there.
///
/// # Errors
/// If one is missing or may not be seen, or the brokers do not answer.
pub fn there<'a>(
    connection: &Connection,
    topics: impl IntoIterator<Item = &'a str>,
    others: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeMap<String, Found>, AdminError> {
    let topics: Vec<&str> = topics.into_iter().collect();
    let all: Vec<&str> = topics.iter().copied().chain(others).collect();
    until_there(|| {
        let found = Admin::connect(connection)?.find_seen(all.iter().copied())?;
        let missing = topics.iter().filter(|topic| !found.contains_key(**topic)).map(|&topic| topic.to_owned());
        let missing = missing.collect();
        Ok((found, missing))
    })
}

/// Looks until no topic is missing, for a while.
fn until_there<T>(mut look: impl FnMut() -> Result<(T, Vec<String>), AdminError>) -> Result<T, AdminError> {
    let (until, mut looks) = (Instant::now() + MISSING, 0);
    loop {
        looks += 1;
        let (found, missing) = look()?;
        if missing.is_empty() {
            return Ok(found);
        }
        if looks >= LOOKS && Instant::now() >= until {
            return Err(AdminError::Missing(missing));
        }
        std::thread::sleep(LOOK);
    }
}

/// How many partitions an application has: as most of its own topics that are there, or else as the first input.
pub fn partitions(requirements: &[Requirement], found: &BTreeMap<String, Found>) -> Option<usize> {
    let of = |is_input: bool| {
        let topics = requirements.iter().filter(move |required| (required.role == Role::Input) == is_input);
        topics.filter_map(|required| Some(found.get(&required.topic)?.partitions))
    };
    let own: Vec<usize> = of(false).collect();
    let topics_with = |count: &usize| own.iter().filter(|other| *other == count).count();
    own.iter().copied().max_by_key(topics_with).or_else(|| of(true).next())
}

/// Sees that brokers answer and let us in. A client tries for ever, whatever the reason, and tells it in the background.
fn log_in(client: &AdminClient<Troubles>, connection: &Connection) -> Result<(), AdminError> {
    let troubles = client.inner().context();
    let until = Instant::now() + TIMEOUT;
    loop {
        let Err(error) = client.inner().fetch_metadata(None, LOG_IN) else {
            troubles.let_in();
            return Ok(());
        };
        hear(client);
        if let Err(hopeless) = troubles.check_stuck() {
            let what = format!("cannot log in at {}", connection.brokers());
            return Err(AdminError::Refused { what, reason: precisely(connection, &hopeless.to_string()) });
        }
        if Instant::now() >= until {
            return Err(unreachable(connection.brokers(), troubles, &error));
        }
    }
}

/// A certificate that is not trusted may only be one for another host: then that is what is told.
pub(crate) fn precisely(connection: &Connection, reason: &str) -> String {
    let is_other_host = || {
        let config = connection.without_host_name()?.client([]);
        let probe = AdminClient::from_config_and_context(&config, Troubles::quiet()).ok()?;
        let until = Instant::now() + PROBE;
        while Instant::now() < until {
            let answer = probe.inner().fetch_metadata(None, LOG_IN);
            hear(&probe);
            match probe.inner().context().reason() {
                Some(why) if why.contains("certificate verify failed") => return None,
                None if answer.is_err() => {}
                // Whatever else is wrong, the certificate was accepted.
                _ => return Some(()),
            }
        }
        None
    };
    let Some((_, words)) = reason.split_once(" (").filter(|(_, words)| words.contains("certificate verify failed"))
    else {
        return reason.to_owned();
    };
    match is_other_host() {
        Some(()) => format!(
            "the certificate of the brokers is made for other host names than those in kafka.bootstrap.servers: use a name \
             that stands in the certificate, or have one made for these names ({words}"
        ),
        None => reason.to_owned(),
    }
}

fn unreachable(brokers: &str, troubles: &Troubles, error: &KafkaError) -> AdminError {
    let unknown = || format!("check kafka.bootstrap.servers and how to log in ({})", reason(error));
    AdminError::Unreachable { brokers: brokers.to_owned(), reason: troubles.reason().unwrap_or_else(unknown) }
}

/// What is wrong with the topics that are there.
pub fn differences(
    requirements: &[Requirement],
    found: &BTreeMap<String, Found>,
    partitions: usize,
) -> Vec<Difference> {
    let judge = |required: &Requirement| Some(required.judge(found.get(&required.topic)?, partitions));
    requirements.iter().filter_map(judge).flatten().collect()
}

/// A connection for such questions.
pub struct Admin {
    client: AdminClient<Troubles>,
    troubles: Troubles,
    brokers: String,
    began: Instant,
}

impl Admin {
    /// Of these brokers, which have answered then.
    ///
    /// # Errors
    /// If a property is wrong, or no broker answers or lets us in: the client's own reason is told, within ten seconds.
    pub fn connect(connection: &Connection) -> Result<Admin, AdminError> {
        let (troubles, began) = (Troubles::quiet(), Instant::now());
        let client: AdminClient<Troubles> =
            AdminClient::from_config_and_context(&connection.client([]), troubles.clone())
                .map_err(|error| refused("cannot connect", error))?;
        log_in(&client, connection)?;
        Ok(Admin { client, troubles, brokers: connection.brokers().to_owned(), began })
    }

    /// For what is looked at first: a person knows within ten seconds, however long it took until a broker answered.
    fn look(&self) -> AdminOptions {
        AdminOptions::new().request_timeout(Some(self.left()))
    }

    fn left(&self) -> Duration {
        (TIMEOUT + LOG_IN).saturating_sub(self.began.elapsed()).max(LOOK_MIN)
    }

    /// What an answer that did not come is called; where the clients know why, that is told.
    fn failed(&self, what: &str, error: KafkaError) -> AdminError {
        match error {
            // They went away in between, or name addresses that are of no use.
            KafkaError::AdminOp(code) if is_passing(code) => self.unreachable(&error),
            error => refused(what, error),
        }
    }

    /// Likewise, of an answer that says no.
    fn refusal(&self, what: &str, refusal: &Refusal) -> AdminError {
        match refusal.code {
            code if is_passing(code) => self.unreachable(&KafkaError::AdminOp(code)),
            code => AdminError::Refused { what: what.to_owned(), reason: advised(Some(code), refusal.to_string()) },
        }
    }

    /// Those of these topics that are there, of which this user may see each.
    ///
    /// # Errors
    /// If the brokers do not answer, or one may not be seen: it could be there or not.
    pub fn find_seen<'a>(
        &self,
        topics: impl IntoIterator<Item = &'a str>,
    ) -> Result<BTreeMap<String, Found>, AdminError> {
        let topics: Vec<&str> = topics.into_iter().collect();
        let found = self.find(topics.iter().copied())?;
        let others: Vec<&str> = topics.into_iter().filter(|topic| !found.contains_key(*topic)).collect();
        self.check_seen(&others)?;
        Ok(found)
    }

    /// The application whose own topic this is, if there is one: its journal and its exchange are there as well.
    ///
    /// # Errors
    /// If brokers do not answer, or refuse.
    pub fn owner<'t>(&self, topic: &'t str) -> Result<Option<&'t str>, AdminError> {
        let Some(application) = Topics::maybe_of(topic) else { return Ok(None) };
        let Topics { exchange, journal, .. } = Topics::of(application);
        let metadata = self.metadata(TIMEOUT)?;
        let is_there = |name: &str| metadata.topics().iter().any(|topic| topic.name() == name);
        Ok((is_there(&exchange) && is_there(&journal)).then_some(application))
    }

    /// Sees that topics are missing, and not only hidden: whoever asks what there is hears nothing of those.
    fn check_seen(&self, missing: &[&str]) -> Result<(), AdminError> {
        let hidden = self.describe_topics(missing, self.left())?.into_iter().filter_map(|(topic, described)| {
            described.is_err_and(|refusal| refusal.code == Code::TopicAuthorizationFailed).then_some(topic)
        });
        match hidden.collect::<Vec<_>>() {
            hidden if hidden.is_empty() => Ok(()),
            hidden => {
                let what = format!("{} cannot be looked at", hidden.join(", "));
                Err(refused_by(&what, Code::TopicAuthorizationFailed))
            }
        }
    }

    pub(crate) fn describe_topics(&self, topics: &[&str], time: Duration) -> Result<Descriptions, AdminError> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let what = format!("{} cannot be looked at", topics.join(", "));
        again(|| describe(self.client.inner(), topics, time)).map_err(|refusal| self.refusal(&what, &refusal))
    }

    /// Those of these topics that are there, and that this user may see.
    ///
    /// # Errors
    /// If the brokers do not answer.
    pub fn find<'a>(&self, topics: impl IntoIterator<Item = &'a str>) -> Result<BTreeMap<String, Found>, AdminError> {
        let topics: Vec<&str> = topics.into_iter().collect();
        // Asked for one topic, a broker may make it.
        let metadata = self.metadata(TIMEOUT)?;
        let mut found = BTreeMap::new();
        for topic in metadata.topics().iter().filter(|topic| topics.contains(&topic.name())) {
            let replication = topic.partitions().first().map_or(0, |partition| partition.replicas().len());
            let partitions = topic.partitions().len();
            found.insert(topic.name().to_owned(), Found { partitions, replication, ..Found::default() });
        }
        self.describe(&topics, &mut found)?;
        Ok(found)
    }

    /// The offsets behind the last committed record of each partition of a topic that has so many.
    pub(crate) fn ends(&self, topic: &str, partitions: usize) -> Result<Vec<i64>, AdminError> {
        self.end(topic, partitions, End::Stable)
    }

    /// The same for the last record, committed or not.
    pub(crate) fn written(&self, topic: &str, partitions: usize) -> Result<Vec<i64>, AdminError> {
        self.end(topic, partitions, End::Written)
    }

    /// The first offset that there is of each partition of a topic that has so many.
    ///
    /// # Errors
    /// If the brokers do not answer, or this user may not see the topic.
    pub fn first_offsets(&self, topic: &str, partitions: usize) -> Result<Vec<i64>, AdminError> {
        self.end(topic, partitions, End::Begin)
    }

    fn end(&self, topic: &str, partitions: usize, end: End) -> Result<Vec<i64>, AdminError> {
        let places: Vec<(&str, i32)> = (0..).take(partitions).map(|partition| (topic, partition)).collect();
        let what = format!("the end of {topic} is not told");
        again(|| ends(self.client.inner(), &places, end, self.left())).map_err(|refusal| self.refusal(&what, &refusal))
    }

    /// The names of all topics that this user may see.
    ///
    /// # Errors
    /// If the brokers do not answer.
    pub fn topics(&self) -> Result<Vec<String>, AdminError> {
        Ok(self.metadata(TIMEOUT)?.topics().iter().map(|topic| topic.name().to_owned()).collect())
    }

    fn metadata(&self, time: Duration) -> Result<Metadata, AdminError> {
        self.client.inner().fetch_metadata(None, time).map_err(|error| self.unreachable(&error))
    }

    fn describe(&self, topics: &[&str], found: &mut BTreeMap<String, Found>) -> Result<(), AdminError> {
        // Of topics that are not there one is asked for all the same: a broker that can be reached says so.
        let names = found.keys().map(String::as_str);
        let names: Vec<&str> =
            if found.is_empty() { topics.iter().take(1).copied().collect() } else { names.collect() };
        let asked: Vec<_> = names.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect();
        if asked.is_empty() {
            return Ok(());
        }
        let answers = again(|| block_on(self.client.describe_configs(&asked, &self.look())))
            .map_err(|error| self.failed("cannot look at the topics", error))?;
        if found.is_empty() {
            return Ok(());
        }
        for answer in answers {
            let resource = match answer {
                Ok(resource) => resource,
                Err(code) => {
                    warn!(%code, "the properties of a topic cannot be looked at, and are not checked");
                    continue;
                }
            };
            let OwnedResourceSpecifier::Topic(topic) = &resource.specifier else { continue };
            let Some(found) = found.get_mut(topic) else { continue };
            let is_set = |entry: &&ConfigEntry| entry.source == ConfigSource::DynamicTopic;
            found.set = resource.entries.iter().filter(is_set).map(|entry| entry.name.clone()).collect();
            found.properties =
                resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect();
        }
        Ok(())
    }

    /// What the brokers drew for a topic when it was made: another topic of the same name has another one.
    ///
    /// # Errors
    /// If the brokers do not answer, or give topics no ids.
    pub(crate) fn topic_id(&self, topic: &str) -> Result<String, AdminError> {
        let what = format!("the id of topic {topic} is not known");
        let refused = |refusal: Refusal| self.refusal(&what, &refusal);
        let described = again(|| describe(self.client.inner(), &[topic], TIMEOUT)).map_err(refused)?;
        match described.into_iter().next().map(|(_, described)| described.map_err(refused)).transpose()? {
            Some(Described { id, .. }) if !id.trim_matches(['A', '=']).is_empty() => Ok(id),
            _ => Err(AdminError::Refused { what, reason: "these brokers give topics no ids".to_owned() }),
        }
    }

    /// Makes a topic and waits until it is there, and each partition has a leader. Without a number of copies the brokers' default holds.
    ///
    /// # Errors
    /// If the brokers refuse.
    pub fn create(
        &self,
        topic: &str,
        partitions: usize,
        replication: Option<u16>,
        properties: &[(&str, &str)],
    ) -> Result<(), AdminError> {
        let replicas = replication.map_or(-1, i32::from);
        let partitions_asked = i32::try_from(partitions).unwrap_or(i32::MAX);
        let new = NewTopic::new(topic, partitions_asked, TopicReplication::Fixed(replicas));
        let new = properties.iter().fold(new, |new, &(name, value)| new.set(name, value));
        let what = format!("topic {topic} cannot be made");
        let mut asks = 0;
        let answers = again(|| {
            asks += 1;
            block_on(self.client.create_topics([&new], &options()))
        })
        .map_err(|error| self.failed(&what, error))?;
        answers.into_iter().try_for_each(|answer| match answer {
            // The answer to the first question may have been lost.
            Err((_, Code::TopicAlreadyExists)) if asks > 1 => Ok(()),
            answer => answer.map(drop).map_err(|(_, code)| refused_by(&what, code)),
        })?;
        let has_leader = |partition: &MetadataPartition| partition.leader() >= 0;
        self.wait(topic, |found| found.len() == partitions && found.iter().all(has_leader), &what)
    }

    /// Removes topics, where they are there, and waits until they are gone.
    ///
    /// # Errors
    /// If the brokers refuse.
    pub fn delete(&self, topics: &[&str]) -> Result<(), AdminError> {
        let what = format!("{} cannot be removed", topics.join(", "));
        let answers = again(|| block_on(self.client.delete_topics(topics, &options())))
            .map_err(|error| self.failed(&what, error))?;
        for answer in answers {
            match answer {
                Ok(_) | Err((_, Code::UnknownTopicOrPartition)) => {}
                Err((_, code)) => return Err(refused_by(&what, code)),
            }
        }
        topics.iter().try_for_each(|topic| self.wait(topic, <[_]>::is_empty, &what))
    }

    /// Until a topic's partitions are as they should be.
    fn wait(&self, topic: &str, is_done: impl Fn(&[MetadataPartition]) -> bool, what: &str) -> Result<(), AdminError> {
        let looks = CHANGE.as_millis() / LOOK.as_millis();
        for _ in 0..looks {
            let metadata =
                self.client.inner().fetch_metadata(None, TIMEOUT).map_err(|error| self.unreachable(&error))?;
            let found = metadata.topics().iter().find(|found| found.name() == topic);
            if is_done(found.map_or(&[], |found| found.partitions())) {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
        Err(AdminError::Refused { what: what.to_owned(), reason: "the brokers take too long".to_owned() })
    }

    /// Members of a consumer group that are alive, as `client at host`.
    ///
    /// # Errors
    /// If the brokers do not answer, or this user may not see the group.
    pub fn members(&self, group: &str) -> Result<Vec<String>, AdminError> {
        Ok(self.describe_group(group)?.members)
    }

    fn describe_group(&self, group: &str) -> Result<DescribedGroup, AdminError> {
        let what = format!("the group {group} cannot be looked at");
        // It may be getting another coordinator, or the first.
        again(|| describe_group(self.client.inner(), group, TIMEOUT)).map_err(|refusal| self.refusal(&what, &refusal))
    }

    /// Sees that this user may remove a group and topics, and make these anew as they are: half of it is worse than nothing.
    ///
    /// # Errors
    /// If a permission is missing, or the brokers do not answer.
    pub fn check_removable<'a>(
        &self,
        group: &str,
        topics: impl IntoIterator<Item = (&'a str, &'a Found)>,
    ) -> Result<(), AdminError> {
        let (topics, found): (Vec<&str>, Vec<&Found>) = topics.into_iter().unzip();
        let may_not = |operation: &str, what: &str| AdminError::Refused {
            what: "nothing is removed".to_owned(),
            reason: format!(
                "this user has no permission {operation} on {what}: grant it, as `clout docs permissions` says"
            ),
        };
        if !self.describe_group(group)?.may_delete {
            return Err(may_not("Delete", &format!("the group {group}")));
        }
        for (topic, described) in self.describe_topics(&topics, TIMEOUT)? {
            let what = format!("{topic} cannot be looked at");
            if !described.map_err(|refusal| self.refusal(&what, &refusal))?.may_delete {
                return Err(may_not("Delete", &format!("the topic {topic}")));
            }
        }
        if let Some((topic, _)) = topics.iter().zip(found).find(|(_, found)| found.properties.is_empty()) {
            return Err(may_not("DescribeConfigs", &format!("the topic {topic}")));
        }
        // Whoever may make a topic hears that it is there.
        let anew: Vec<NewTopic<'_>> =
            topics.iter().map(|topic| NewTopic::new(topic, 1, TopicReplication::Fixed(-1))).collect();
        if anew.is_empty() {
            return Ok(());
        }
        let answers = again(|| block_on(self.client.create_topics(&anew, &options().validate_only(true))))
            .map_err(|error| self.failed("nothing is removed", error))?;
        let denied = answers.into_iter().find_map(|answer| match answer {
            Err((topic, Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed)) => Some(topic),
            _ => None,
        });
        denied.map_or(Ok(()), |topic| Err(may_not("Create", &format!("the topic {topic}"))))
    }

    /// Removes a consumer group and its offsets; false if there is none.
    ///
    /// # Errors
    /// If the brokers refuse.
    pub fn delete_group(&self, group: &str) -> Result<bool, AdminError> {
        let what = format!("group {group} cannot be removed");
        let answers = again(|| block_on(self.client.delete_groups(&[group], &options())))
            .map_err(|error| self.failed(&what, error))?;
        match answers.into_iter().next() {
            Some(Err((_, Code::GroupIdNotFound))) => Ok(false),
            Some(Err((_, code))) => Err(refused_by(&what, code)),
            Some(Ok(_)) | None => Ok(true),
        }
    }

    fn unreachable(&self, error: &KafkaError) -> AdminError {
        hear(&self.client);
        unreachable(&self.brokers, &self.troubles, error)
    }
}

/// What an error of a client says.
trait Coded {
    fn code(&self) -> Option<Code>;
}

impl Coded for KafkaError {
    fn code(&self) -> Option<Code> {
        match self {
            KafkaError::AdminOp(code) => Some(*code),
            error => error.rdkafka_error_code(),
        }
    }
}

impl Coded for Refusal {
    fn code(&self) -> Option<Code> {
        Some(self.code)
    }
}

/// Asks again while a question went to the wrong broker, or its connection was replaced meanwhile: a person need not hear of that.
fn again<T, E: Coded>(mut ask: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let until = Instant::now() + TIMEOUT;
    loop {
        match ask() {
            Err(error) if error.code().is_some_and(is_moving) && Instant::now() < until => std::thread::sleep(LOOK),
            told => return told,
        }
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT))
}

pub(crate) fn refused(what: &str, error: KafkaError) -> AdminError {
    match error {
        KafkaError::ClientConfig(_, reason, name, _) => AdminError::Property { name, reason },
        KafkaError::ClientCreation(text) => AdminError::Refused { what: what.to_owned(), reason: not_made(&text) },
        error => {
            let code = error.code();
            AdminError::Refused { what: what.to_owned(), reason: advised(code, reason(&error)) }
        }
    }
}

fn refused_by(what: &str, code: Code) -> AdminError {
    AdminError::Refused { what: what.to_owned(), reason: advised(Some(code), code.to_string()) }
}

/// With the way out, where there is one.
fn advised(code: Option<Code>, reason: String) -> String {
    match advice(code) {
        Some(advice) => format!("{reason}: {advice}"),
        None => reason,
    }
}

/// What brokers say, without the name of the call.
pub(crate) fn reason(error: &KafkaError) -> String {
    match error {
        KafkaError::AdminOp(code) => code.to_string(),
        error => error.rdkafka_error_code().map_or_else(|| error.to_string(), |code| code.to_string()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn who_went_to_the_wrong_broker_is_asked_again_and_a_no_is_a_no() {
        let asks = |codes: &[Code]| {
            let mut left = codes.iter();
            let mut asked = 0;
            let told = again(|| {
                asked += 1;
                left.next().map_or(Ok(()), |&code| Err(KafkaError::AdminOp(code)))
            });
            (asked, told.err().and_then(|error| error.code()))
        };
        assert_eq!(asks(&[Code::DestroyBroker, Code::NotCoordinator]), (3, None));
        assert_eq!(
            asks(&[Code::DestroyBroker, Code::TopicAuthorizationFailed]),
            (2, Some(Code::TopicAuthorizationFailed))
        );
        // That one takes as long as it takes, and has had its time.
        assert_eq!(asks(&[Code::OperationTimedOut]), (1, Some(Code::OperationTimedOut)));
    }

    #[test]
    fn a_topic_that_has_just_been_made_is_looked_for_again() {
        let mut looks = 0;
        let found = until_there(|| {
            looks += 1;
            Ok((looks, if looks < 3 { vec!["events".to_owned()] } else { Vec::new() }))
        });
        assert_eq!(found.unwrap(), 3);
        let missing = until_there(|| Ok(((), vec!["events".to_owned()]))).unwrap_err();
        assert!(missing.to_string().starts_with("topic events is missing"), "{missing}");
    }
}
