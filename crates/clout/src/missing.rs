//! What is said of a topic that is not there: what it would be for tells what to do.

use kafka::{Admin, AdminError, Lost};
use tracing::debug;

use crate::config::{Config, keys};
use crate::failure::Failure;

/// What a command does with a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It reads it: whoever writes it makes it.
    Read,
    /// It writes it.
    Written,
    /// It puts aside what it cannot use.
    DeadLetters,
}

/// Topics that are not there, each with what to do.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct MissingTopics(Vec<String>);

/// Topics that an application has worked with and that are not there any more: new ones of their names are of no use to it.
#[derive(Debug, thiserror::Error)]
#[error(
    "{}: with a new topic of this name {application} does not go on; start under a new application id, for which \
     `clout topics create --inputs` makes what is missing, and which counts what the inputs still have",
    .lost.iter().map(Lost::to_string).collect::<Vec<_>>().join("; ")
)]
pub struct LostTopics {
    application: String,
    lost: Vec<Lost>,
}

impl LostTopics {
    /// Those of the application, if there are any. What the brokers do not say is not held against anybody.
    pub(crate) fn of(config: &Config) -> Option<LostTopics> {
        let inputs = config.inputs.iter().map(|input| input.topic.as_str());
        let lost = kafka::lost(&config.connection(), &config.application_id, &config.topics(), inputs);
        let lost = lost.unwrap_or_else(|error| {
            debug!(%error, "it is not known what the application has worked with");
            Vec::new()
        });
        (!lost.is_empty()).then(|| LostTopics { application: config.application_id.clone(), lost })
    }
}

/// The failure with advice, if it is that topics are missing. Others stay as they are.
pub(crate) fn explained(error: AdminError, config: &Config, of: &impl Fn(&str) -> Use) -> Failure {
    let AdminError::Missing(topics) = &error else { return error.into() };
    let there = Admin::connect(&config.connection()).and_then(|admin| admin.topics()).unwrap_or_default();
    let line = |topic: &String| {
        let near = keys::nearest(topic, there.iter().map(String::as_str).filter(|there| there != topic));
        let near = near.map_or(String::new(), |near| format!("did you mean {near}? If not, "));
        format!("topic {topic} is missing: {near}{}", advice(topic, config, of(topic)))
    };
    MissingTopics(topics.iter().map(line).collect()).into()
}

/// The failure with what an application has lost, or with the topics that mistyped inputs may stand for. What is neither, as far as
/// one can tell, stays as it is.
pub(crate) fn suggested(error: AdminError, config: &Config) -> Failure {
    let AdminError::Missing(topics) = &error else { return error.into() };
    if let Some(lost) = LostTopics::of(config) {
        return lost.into();
    }
    let is_input = |topic: &&String| config.inputs.iter().any(|input| input.topic == **topic);
    let there = Admin::connect(&config.connection()).and_then(|admin| admin.topics()).unwrap_or_default();
    let is_near = |topic: &&String| keys::nearest(topic, there.iter().map(String::as_str)).is_some();
    let mistyped: Vec<String> = topics.iter().filter(is_input).filter(is_near).cloned().collect();
    match mistyped.is_empty() {
        true => error.into(),
        false => explained(AdminError::Missing(mistyped), config, &|_| Use::Written),
    }
}

fn advice(topic: &str, config: &Config, of: Use) -> String {
    let application = &config.application_id;
    let is_input = config.inputs.iter().any(|input| input.topic == *topic);
    match of {
        Use::Read => "nothing has been written under this name; check the name, and kafka.bootstrap.servers".to_owned(),
        Use::DeadLetters if *topic == config.topics().dead_letters => format!(
            "`clout topics create` makes it with all of the application {application}; or name another one by --dead-letters"
        ),
        Use::DeadLetters => {
            format!("make it with `kafka-topics.sh --create --topic {topic}`, or leave --dead-letters out")
        }
        Use::Written if is_input => {
            format!("it is an input of the application {application}: `clout topics create --inputs` makes it")
        }
        Use::Written => format!(
            "it is no input of the configuration; name an input, or make the topic with `kafka-topics.sh --create --topic {topic} \
             --partitions NUMBER`"
        ),
    }
}
