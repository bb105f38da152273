//! The command `reset`: an application as if it had never run.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use kafka::{Admin, AdminError, Connection, Found, Requirement, Role, SESSION_TIMEOUT, kept_of, links_of, names_of};
use pipeline::StoreError;

use crate::config::{Config, StoreFlags, capitalised};
use crate::exit;
use crate::failure::Failure;
use crate::topics::say;
use crate::words::count;

const AFTER_HELP: &str = "\
What it removes: the records of NAME-exchange, NAME-journal, NAME-scores, NAME-dead-letters, NAME-history and NAME-credits, which are made \
anew as they were, the offsets of the group NAME, and the checkpoints. The inputs are not touched: `clout run` then begins where \
`start` says. A `clout serve` that runs empties its view, and shows the new table as it grows. To score history again beside \
a running application, use another application id instead.

With --topics the application's topics are removed and not made anew, those of connectors and links as well (NAME-connect, NAME-names, NAME-links): nothing is \
left of it. The checkpoints are those in \
checkpoints.place; what other processes have kept in folders of their own stays, and nobody reads it any more.

Examples:
  clout reset --application-id trial --topics
  clout reset --config clout.toml --partitions 12 --yes";

/// The group knows of the end of a process after a session timeout at the latest, and this time.
const LEAVING: Duration = Duration::from_secs(2);
/// Between two looks at the group.
const LOOK: Duration = Duration::from_millis(100);

/// Remove all that an application has made, to start again
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::ASKS))]
pub struct ResetArgs {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Remove the application's topics as well, instead of making them anew
    #[arg(long)]
    topics: bool,
    /// Partitions of the topics that are made anew [default: those of the inputs]
    #[arg(long, conflicts_with = "topics", value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=4096))]
    partitions: Option<u16>,
    #[command(flatten)]
    config: StoreFlags,
}

/// Why nothing, or not all, was removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResetError {
    /// Somebody works on it.
    #[error("{application} is alive: stop its members first ({})", .members.join(", "))]
    Alive {
        /// Which application.
        application: String,
        /// Who.
        members: Vec<String>,
    },
    /// Nobody has agreed.
    #[error("nothing is removed: say yes, or --yes; {0}")]
    NotAgreed(String),
    /// Checkpoints cannot be deleted.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Removes, and tells on the standard output what it removed.
///
/// # Errors
/// If members are alive, nobody agrees, or the brokers refuse.
pub fn run(args: &ResetArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let application = &config.application_id;
    let admin = Admin::connect(&config.connection())?;
    // Days that were closed once, and credits, are removed also where none are told now.
    let topics = config.topics().with_history(application, true).with_credits(application, true);
    let requirements = Requirement::of(&topics, config.inputs.iter().map(|input| input.topic.as_str()));
    let (inputs, own): (Vec<&Requirement>, Vec<_>) =
        requirements.iter().partition(|required| required.role == Role::Input);
    let mut found = admin.find_seen(names(&own))?;
    let own: Vec<&Requirement> = own.into_iter().filter(|required| found.contains_key(&required.topic)).collect();
    // Of those that may not be seen nothing is needed.
    found.extend(admin.find(names(&inputs))?);
    // What connectors keep stays with the inputs, unless all is to go.
    let kept_names = [kept_of(application), names_of(application), links_of(application)];
    let kept = match args.topics {
        true => admin.find(kept_names.iter().map(String::as_str))?,
        false => BTreeMap::new(),
    };
    let patience = leaving(&config.connection());
    refuse_alive(&admin, application, patience)?;
    let removable = names(&own).map(|topic| (topic, &found[topic]));
    admin.check_removable(application, removable.chain(kept.iter().map(|(topic, found)| (topic.as_str(), found))))?;
    agree(args, application, &names(&own).chain(kept.keys().map(String::as_str)).collect::<Vec<_>>())?;
    // Somebody may have come while we waited for the answer.
    refuse_alive(&admin, application, patience)?;

    let of_inputs = config.inputs.iter().find_map(|input| Some(found.get(&input.topic)?.partitions));
    let shards = found.values().map(|found| found.partitions).max().unwrap_or_default();
    let mut is_there = !own.is_empty();
    for required in own {
        let before = &found[&required.topic];
        if args.topics {
            admin.delete(&[&required.topic])?;
            say(&format!("removed {}", required.topic))?;
            continue;
        }
        let partitions = args.partitions.map(usize::from).or(of_inputs).unwrap_or(before.partitions);
        anew(&admin, required, before, partitions)?;
        say(&format!("emptied {}, {partitions} partitions", required.topic))?;
    }
    for topic in kept.keys() {
        admin.delete(&[topic.as_str()])?;
        say(&format!("removed {topic}"))?;
        is_there = true;
    }
    if admin.delete_group(application)? {
        say(&format!("removed the offsets of the group {application}"))?;
        is_there = true;
    }
    let store = config.store().map_err(ResetError::from)?;
    let deleted = store.clear(u16::try_from(shards).unwrap_or(u16::MAX)).map_err(ResetError::from)?;
    if args.topics {
        store.forget().map_err(ResetError::from)?;
    }
    let place = &config.checkpoints.place;
    say(&format!("deleted {} in {place}", count(deleted as u64, "checkpoint", "checkpoints")))?;
    if !is_there && deleted == 0 {
        let brokers = config.connection().brokers().to_owned();
        eprintln!("note: there was nothing of an application {application} at {brokers}, nor in {place}");
    } else if store.is_folder() {
        eprintln!(
            "note: checkpoints of processes that keep theirs in other folders stay there, and nobody reads them any more"
        );
    }
    Ok(())
}

fn names<'a>(of: &'a [&Requirement]) -> impl Iterator<Item = &'a str> {
    of.iter().map(|required| required.topic.as_str())
}

/// How long members that have just ended may still be told of.
fn leaving(connection: &Connection) -> Duration {
    let configured = connection.number("session.timeout.ms").map(|millis| Duration::from_millis(millis as u64));
    configured.unwrap_or(SESSION_TIMEOUT) + LEAVING
}

fn refuse_alive(admin: &Admin, application: &str, patience: Duration) -> Result<(), Failure> {
    let until = Instant::now() + patience;
    let mut is_told = false;
    loop {
        match admin.members(application)? {
            members if members.is_empty() => return Ok(()),
            members if Instant::now() >= until => {
                return Err(ResetError::Alive { application: application.to_owned(), members }.into());
            }
            _ => {
                if !std::mem::replace(&mut is_told, true) {
                    eprintln!("note: {application} has members: waiting up to {} s for their end", patience.as_secs());
                }
                thread::sleep(LOOK);
            }
        }
    }
}

fn agree(args: &ResetArgs, application: &str, topics: &[&str]) -> Result<(), ResetError> {
    if args.yes {
        return Ok(());
    }
    let topics = topics.join(", ");
    let what =
        format!("all scores, closes and dead letters of {application} go, with {topics}, its offsets and checkpoints");
    if !io::stdin().is_terminal() {
        return Err(ResetError::NotAgreed(what));
    }
    // Nobody is left to be asked if nobody can be told.
    let _ = write!(io::stderr(), "{}. Type yes to go on: ", capitalised(&what));
    let mut answer = String::new();
    match io::stdin().read_line(&mut answer) {
        Ok(_) if answer.trim() == "yes" => Ok(()),
        _ => Err(ResetError::NotAgreed(what)),
    }
}

/// The topic without its records: a compacted topic cannot be emptied, and an exchange begins at offset 0.
fn anew(admin: &Admin, required: &Requirement, before: &Found, partitions: usize) -> Result<(), AdminError> {
    // A property that is named twice is refused.
    let properties: BTreeMap<&str, &str> =
        before.own_properties().chain(required.role.properties().iter().copied()).collect();
    let properties: Vec<(&str, &str)> = properties.into_iter().collect();
    admin.delete(&[&required.topic])?;
    admin.create(&required.topic, partitions, u16::try_from(before.replication).ok(), &properties)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_patient_as_long_as_members_may_be_told_of() {
        let of = |properties: &[(&str, &str)]| {
            let owned = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            leaving(&Connection::new(owned))
        };
        assert_eq!(of(&[]), SESSION_TIMEOUT + LEAVING);
        assert_eq!(of(&[("session.timeout.ms", "45000")]), Duration::from_secs(45) + LEAVING);
    }
}
