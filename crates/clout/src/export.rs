//! The command `export`: all that an application keeps about a person, as one document.

use std::collections::BTreeMap;

use clap::Args;
use kafka::{AdminError, closes_of, links_of, names_of};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use wire::{Link, read_name_key};

use crate::config::{Config, Flags};
use crate::exit;
use crate::failure::Failure;
use crate::links::Links;
use crate::stays::{Stay, stays};
use crate::topics::{json, say};
use crate::words::time;

const AFTER_HELP: &str = "\
Reads the topics of scores, closes of days, links and names from their beginning to their end, and changes nothing. What people did, and what \
profiles said, is in the inputs, for as long as these keep records: `clout docs privacy` names all places. What an account gives to whom \
is in the checkpoints: `clout state --user ACCOUNT`.

Examples:
  clout export ana --config clout.toml
  clout export bluesky:did:plc:ana --only > ana.json";

/// Print all that is kept about a person, as JSON
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::ASKS))]
pub struct ExportArgs {
    /// The person, or one of the accounts
    #[arg(value_name = "NAME")]
    name: String,
    /// Only this account, and none that is linked with it
    #[arg(long)]
    only: bool,
    #[command(flatten)]
    config: Flags,
}

/// All that is kept.
#[derive(Debug, Serialize)]
struct Document {
    /// As of this time.
    exported_at: String,
    application: String,
    /// The name under which accounts are linked.
    #[serde(skip_serializing_if = "Option::is_none")]
    person: Option<String>,
    accounts: Vec<Exported>,
    /// Topics that are not there, or that this user may not see.
    not_seen: Vec<String>,
    /// Topics that hold more of these accounts under other keys, or older records, and for how long.
    also_in: Vec<Stay>,
}

/// What is kept of an account.
#[derive(Debug, Default, Serialize)]
struct Exported {
    account: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<ExportedLink>,
    /// What the account is called, and whether it agrees to be found.
    called: BTreeMap<&'static str, String>,
    /// What is published; null where there is no score.
    score: Option<Box<RawValue>>,
    /// How the account stood at the ends of days, the oldest first.
    closes: Vec<Box<RawValue>>,
}

#[derive(Debug, Serialize)]
struct ExportedLink {
    person: String,
    proof: &'static str,
    url: Option<String>,
    linked_at: String,
    checked_at: String,
}

impl From<&Link> for ExportedLink {
    fn from(link: &Link) -> ExportedLink {
        ExportedLink {
            person: link.person.clone(),
            proof: link.proof.word(),
            url: link.url.clone(),
            linked_at: time(link.linked_at),
            checked_at: time(link.checked_at),
        }
    }
}

/// Reads, and prints.
///
/// # Errors
/// If a topic cannot be read.
pub fn run(args: &ExportArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let application = &config.application_id;
    // Without scores there is no application, or this user may not see it.
    kafka::check_exists(&config.connection(), &config.topics().scores)?;
    let links = Links::read(&config.connection(), &links_of(application))?;
    let spelled = config.names.spell(&args.name, &mut String::new()).to_owned();
    let is_person = !args.only && !links.accounts(&args.name).is_empty();
    let names = match (args.only, is_person) {
        (true, _) => vec![spelled],
        (false, true) => links.accounts_of(&args.name),
        (false, false) => links.accounts_of(&spelled),
    };
    let person = names.first().and_then(|account| links.get(account)).map(|link| link.person.clone());
    let mut accounts: BTreeMap<String, Exported> = names
        .into_iter()
        .map(|account| {
            let link = links.get(&account).map(ExportedLink::from);
            (account.clone(), Exported { account, link, ..Exported::default() })
        })
        .collect();
    let mut not_seen = Vec::new();
    let mut read = |topic: &str, each: &mut dyn FnMut(&str, Option<&[u8]>)| -> Result<(), AdminError> {
        if !read_table(&config, topic, each)? {
            not_seen.push(topic.to_owned());
        }
        Ok(())
    };
    read(&config.topics().scores, &mut |key, value| {
        let Some(exported) = accounts.get_mut(key) else { return };
        exported.score = value.and_then(score_json);
    })?;
    read(&closes_of(application), &mut |key, value| {
        let Some(exported) = accounts.get_mut(key) else { return };
        match value {
            Some(value) => exported.closes.extend(close_json(value)),
            None => exported.closes.clear(),
        }
    })?;
    read(&names_of(application), &mut |key, value| {
        let Some((field, user)) = read_name_key(key.as_bytes()) else { return };
        let Some(exported) = accounts.get_mut(user) else { return };
        match value.and_then(|value| std::str::from_utf8(value).ok()) {
            Some(text) => _ = exported.called.insert(field.word(), text.to_owned()),
            None => _ = exported.called.remove(field.word()),
        }
    })?;
    read(&links_of(application), &mut |_, _| ())?;
    let document = Document {
        exported_at: time(crate::words::now()),
        application: application.clone(),
        person,
        accounts: accounts.into_values().collect(),
        not_seen,
        also_in: stays(&config)?,
    };
    say(&json(&document))?;
    Ok(())
}

/// Gives each record of a topic. Returns whether it is there to be seen.
fn read_table(config: &Config, topic: &str, each: &mut dyn FnMut(&str, Option<&[u8]>)) -> Result<bool, AdminError> {
    let of_text = |key: &[u8], value: Option<&[u8]>| {
        if let Ok(key) = std::str::from_utf8(key) {
            each(key, value);
        }
    };
    match kafka::read_table(&config.connection(), topic, of_text) {
        Ok(()) => Ok(true),
        Err(AdminError::Missing(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

fn score_json(value: &[u8]) -> Option<Box<RawValue>> {
    let (user, score, model_version) = wire::decode_versioned_score(value).ok()?;
    let mut text = Vec::new();
    wire::encode_score_json(&user, &score, model_version, &mut text);
    raw(&text)
}

fn close_json(value: &[u8]) -> Option<Box<RawValue>> {
    let close = wire::decode_close(value).ok()?;
    let mut text = Vec::new();
    wire::encode_close_json(&close.user, close.day, &close.score, close.model_version, &mut text);
    raw(&text)
}

fn raw(text: &[u8]) -> Option<Box<RawValue>> {
    let value: Value = serde_json::from_slice(text).ok()?;
    serde_json::value::to_raw_value(&value).ok()
}
