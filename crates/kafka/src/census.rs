//! Which topics there are: their ids, and how many partitions they have. A topic that was deleted and created anew has
//! another id, whatever lies in it: offsets of the old one mean nothing there.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use pipeline::{Fatal, Fault};
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode as Code;

use crate::application::Application;
use crate::native::{Described, Refusal, describe};
use crate::troubles::{fault, is_passing};

/// For one question.
const TIME: Duration = Duration::from_secs(5);
/// A topic that is missing for so long is gone; brokers do not hear of a new one all at once.
const MISSING_WAIT: Duration = Duration::from_secs(3);
/// Brokers that do not answer for so long are another matter.
const ANSWER_WAIT: Duration = Duration::from_secs(30);
/// Between two questions.
const ASK_WAIT: Duration = Duration::from_millis(100);

/// The topics that an application reads and writes.
#[derive(Debug)]
pub(crate) struct Census {
    topics: BTreeMap<String, Described>,
}

impl Census {
    /// As the brokers say now.
    ///
    /// # Errors
    /// Fatal if a topic is missing or has another number of partitions than there are shards.
    pub(crate) fn take<C: ClientContext>(client: &Client<C>, application: &Application) -> Result<Census, Fault> {
        let began = Instant::now();
        loop {
            match Census::ask(client, application) {
                Ok(census) => return census.check_size(application),
                Err((topic, refusal)) => {
                    let is_missing = matches!(refusal.code, Code::UnknownTopicOrPartition | Code::UnknownTopic);
                    let passed = began.elapsed();
                    if is_missing && passed > MISSING_WAIT {
                        return Err(missing(&topic).into());
                    }
                    if !(is_missing || is_passing(refusal.code)) || passed > ANSWER_WAIT {
                        return Err(fault(&format!("{topic} is not told of"), Some(refusal.code), &refusal));
                    }
                    thread::sleep(ASK_WAIT);
                }
            }
        }
    }

    fn ask<C: ClientContext>(client: &Client<C>, application: &Application) -> Result<Census, (String, Refusal)> {
        let topics = &application.topics;
        let names: Vec<&str> = application
            .read()
            .chain([topics.journal.as_str(), topics.scores.as_str()])
            .chain(topics.history.as_deref())
            .chain(topics.credits.as_deref())
            .collect();
        let described = describe(client, &names, TIME).map_err(|refusal| (names.join(", "), refusal))?;
        let topics = described.into_iter().map(|(name, described)| {
            described.map(|described| (name.clone(), described)).map_err(|refusal| (name, refusal))
        });
        Ok(Census { topics: topics.collect::<Result<_, _>>()? })
    }

    fn check_size(self, application: &Application) -> Result<Census, Fault> {
        let shards = application.settings.shards;
        match self.topics.iter().find(|(_, described)| described.partitions != usize::from(shards)) {
            Some((topic, Described { partitions, .. })) => Err(Fatal::Log(format!(
                "{topic} has {partitions} partitions, and there are {shards} shards: all topics of an application have \
                 the same number, for ever; put the events into new topics (`clout route`) and start under a new \
                 application id"
            ))
            .into()),
            None => Ok(self),
        }
    }

    /// What a topic is known by.
    pub(crate) fn id(&self, topic: &str) -> &str {
        self.topics.get(topic).map_or("", |described| &described.id)
    }

    /// Whether a topic is still the one of this id. One that is not known may be any.
    pub(crate) fn check_id(&self, topic: &str, id: &str) -> Result<(), Fatal> {
        let now = self.id(topic);
        if id.is_empty() || now.is_empty() || id == now {
            return Ok(());
        }
        Err(Fatal::Log(format!(
            "{topic} is not the topic that was read before (its id is {now}, and was {id}): it was deleted and created \
             anew; start under a new application id"
        )))
    }

    /// Whether all topics are still those of an earlier look.
    pub(crate) fn check_same(&self, before: &Census) -> Result<(), Fatal> {
        before.topics.iter().try_for_each(|(topic, described)| self.check_id(topic, &described.id))
    }
}

fn missing(topic: &str) -> Fatal {
    Fatal::Log(format!(
        "the topic {topic} does not exist any more: it was deleted; start under a new application id, with topics that \
         `clout topics create` makes"
    ))
}
