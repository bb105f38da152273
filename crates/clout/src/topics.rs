//! The command `topics`: makes what an application needs on Kafka, and says what is wrong with what is there.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use clap::builder::RangedU64ValueParser;
use clap::{Args, Subcommand};
use kafka::{Admin, AdminError, Found, Requirement, Role};
use serde::Serialize;

use crate::config::{Config, Flags};
use crate::failure::{Failure, OutputError};
use crate::words::count;
use crate::{exit, missing};

const AFTER_HELP: &str = "\
Makes the topics NAME-exchange, NAME-journal, NAME-scores, NAME-dead-letters of the application, NAME-history where it \
closes days, and NAME-credits where it tells credits, each with as many partitions as the inputs have. Topics that are there already are \
looked at and left as they are.

Examples:
  clout topics create --replication 3
  clout topics create --input mentions --input retweets --inputs --partitions 12
  clout topics create --config clout.toml";

/// Topics that are made unless there is an input to go by.
const PARTITIONS: usize = 4;

/// Make and check the topics of an application
#[derive(Args, Clone, Debug)]
pub struct TopicsArgs {
    #[command(subcommand)]
    command: TopicsCommand,
}

#[derive(Subcommand, Clone, Debug)]
enum TopicsCommand {
    Create(CreateArgs),
    Check(CheckArgs),
}

/// Make the topics that are missing, and check those that are there
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::ASKS))]
struct CreateArgs {
    /// Partitions of each topic [default: those of the inputs, 4 if there are none]
    #[arg(long, value_name = "NUMBER", value_parser = RangedU64ValueParser::<u16>::new().range(1..=4096))]
    partitions: Option<u16>,
    /// Copies of each partition [default: the brokers' default]
    #[arg(long, value_name = "NUMBER", value_parser = RangedU64ValueParser::<u16>::new().range(1..=1000))]
    replication: Option<u16>,
    /// Make the inputs as well, where they are missing
    #[arg(long = "inputs")]
    makes_inputs: bool,
    /// Nothing on the standard output
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    config: Flags,
}

/// Check the topics that are there, and change nothing
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help("Examples:\n  clout topics check --config clout.toml", exit::ASKS))]
struct CheckArgs {
    /// Nothing on the standard output
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    config: Flags,
}

/// The topics that are there have another number of partitions than was asked for.
#[derive(Debug, thiserror::Error)]
#[error(
    "--partitions {asked} does not fit: {} {} partitions, and all topics of an application have the same number; leave it out, or \
     name another application id and other inputs",
    have(.topics), .found
)]
pub struct PartitionsError {
    asked: usize,
    found: usize,
    topics: Vec<String>,
}

fn have(topics: &[String]) -> String {
    match topics {
        [topic] => format!("topic {topic} has"),
        topics => format!("topics {} have", topics.join(", ")),
    }
}

/// Makes and checks, and tells on the standard output what it did.
///
/// # Errors
/// If a topic is missing that is not to be made, or one differs from what it must be, or the brokers refuse.
pub fn run(args: &TopicsArgs) -> Result<(), Failure> {
    match &args.command {
        TopicsCommand::Create(args) => create(args),
        TopicsCommand::Check(args) => check_only(args),
    }
}

/// Tells what there is, or what is missing or wrong.
fn check_only(args: &CheckArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let requirements = Requirement::of(&config.topics(), config.inputs.iter().map(|input| input.topic.as_str()));
    let found = kafka::there(&config.connection(), requirements.iter().map(|required| required.topic.as_str()), [])
        .map_err(|error| missing::suggested(error, &config))?;
    if !args.quiet {
        requirements.iter().try_for_each(|required| say(&line("found", required, &found[&required.topic])))?;
    }
    note(&requirements, &found, args.quiet)?;
    check(&requirements, &found, kafka::partitions(&requirements, &found).unwrap_or_default())
}

fn create(args: &CreateArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let requirements = Requirement::of(&config.topics(), config.inputs.iter().map(|input| input.topic.as_str()));
    let admin = Admin::connect(&config.connection())?;
    let names = || requirements.iter().map(|required| required.topic.as_str());
    let mut found = admin.find_seen(names())?;

    let asked = args.partitions.map(usize::from);
    asked.map_or(Ok(()), |asked| check_asked(asked, &found))?;
    let partitions = kafka::partitions(&requirements, &found).or(asked).unwrap_or(PARTITIONS);
    // Nothing is made beside what is wrong already.
    check(&requirements, &found, partitions)?;
    let is_missing = |required: &&Requirement| !found.contains_key(&required.topic);
    let (wanted, left): (Vec<_>, Vec<_>) =
        requirements.iter().filter(is_missing).partition(|required| required.role != Role::Input || args.makes_inputs);
    let there = |topics: &[&str]| kafka::there(&config.connection(), topics.iter().copied(), []);
    if !left.is_empty() {
        let left: Vec<&str> = left.into_iter().map(|required| required.topic.as_str()).collect();
        found.extend(there(&left).map_err(|error| missing::suggested(error, &config))?);
    }
    let made: Vec<&str> = wanted.iter().map(|required| required.topic.as_str()).collect();
    for required in wanted.iter().copied() {
        let properties: Vec<_> = required.role.first_properties().collect();
        admin.create(&required.topic, partitions, args.replication, &properties)?;
    }
    found.extend(there(&made)?);
    for required in &requirements {
        let verb = if made.contains(&required.topic.as_str()) { "made " } else { "found" };
        if !args.quiet {
            say(&line(verb, required, &found[&required.topic]))?;
        }
    }
    note(&requirements, &found, args.quiet)?;
    check(&requirements, &found, partitions)
}

/// Tells of limits that are low and will do.
fn note(requirements: &[Requirement], found: &BTreeMap<String, Found>, is_quiet: bool) -> Result<(), OutputError> {
    let note = kafka::short_letters(requirements, found).filter(|_| !is_quiet);
    note.map_or(Ok(()), |told| say(&format!("note: {told}")))
}

fn check(requirements: &[Requirement], found: &BTreeMap<String, Found>, partitions: usize) -> Result<(), Failure> {
    match kafka::differences(requirements, found, partitions) {
        differences if differences.is_empty() => Ok(()),
        differences => Err(AdminError::Differ(differences).into()),
    }
}

/// What was asked for is compared first: where all topics that are there agree, it is a slip of the pen.
fn check_asked(asked: usize, found: &BTreeMap<String, Found>) -> Result<(), PartitionsError> {
    match found.values().map(|found| found.partitions).next() {
        Some(first) if first != asked && found.values().all(|found| found.partitions == first) => {
            Err(PartitionsError { asked, found: first, topics: found.keys().cloned().collect() })
        }
        _ => Ok(()),
    }
}

fn line(verb: &str, required: &Requirement, found: &Found) -> String {
    let property = |(name, _)| Some(format!("{name}={}", found.properties.get(name)?));
    let properties: Vec<String> = required.role.first_properties().filter_map(property).collect();
    let Found { partitions, replication, .. } = found;
    let (topic, properties) = (&required.topic, properties.join(", "));
    let count = |number: &usize, one, many| count(*number as u64, one, many);
    let partitions = count(partitions, "partition", "partitions");
    let copies = count(replication, "copy", "copies");
    format!("{verb} {topic}: {partitions}, {copies}, {properties}")
}

/// A document of JSON, as the options `--json` print it. Strings and numbers are always JSON.
pub(crate) fn json(document: &impl Serialize) -> String {
    serde_json::to_string_pretty(document).unwrap_or_default()
}

/// A line on the standard output. A reader that goes away has seen enough.
pub(crate) fn say(line: &str) -> Result<(), OutputError> {
    let failed = OutputError::to(Path::new("-"));
    match writeln!(io::stdout(), "{line}").map_err(failed) {
        Err(error) if error.is_broken_pipe() => Ok(()),
        said => said,
    }
}
