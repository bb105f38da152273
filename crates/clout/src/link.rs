//! The command `link`: which accounts are one person's, by hand and from a table, and the codes by which people prove it.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use kafka::links_of;
use serde::Serialize;
use wire::{Link, Proof};

use crate::claims::Key;
use crate::columns::table;
use crate::config::{Config, Flags};
use crate::exit;
use crate::failure::Failure;
pub use crate::links::LinkError;
use crate::links::{Change, Ledger, Links};
use crate::shown::shown;
use crate::topics::{json, say};
use crate::words::{count, now, time};

const ADD_HELP: &str = "\
The accounts of one person are added up: `clout serve` shows the person with what each account adds. The link is a record of the topic \
APPLICATION-links, which is made if it is missing. In the same transaction each account's profile says the others, to the first input \
of the configuration that holds profiles: what one account does to another gives nothing from then on.

Examples:
  clout link add bluesky:did:plc:ana activitypub:https://a.example/users/ana --person ana
  clout link add --from links.csv
  clout link add bluesky:did:plc:ana --person ana --code 2CQ7-K3ZJ-9D0A-W5XM-C5Q6-2 --key-file links.key

A table has the columns account and person, and may have proof and url.";

const CODE_HELP: &str = "\
Each account has a code of its own. Its owner posts `clout-verify CODE` from it, and nothing else. `clout connect` and `clout feed` with \
--links-key hear it and link the account; by hand `clout link add ACCOUNT --person PERSON --code CODE` takes a code that fits and refuses \
all others. It needs nothing but the key: a file of 16 bytes or more that nobody else can read.

Examples:
  head -c 32 /dev/urandom > links.key
  clout link code bluesky:did:plc:ana activitypub:https://a.example/users/ana --person ana --key-file links.key";

/// Link accounts of one person, end links, and list them
#[derive(Args, Clone, Debug)]
pub struct LinkArgs {
    #[command(subcommand)]
    command: LinkCommand,
}

#[derive(Subcommand, Clone, Debug)]
enum LinkCommand {
    Add(AddArgs),
    Remove(RemoveArgs),
    List(ListArgs),
    Code(CodeArgs),
}

/// Say that accounts are one person's
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(ADD_HELP, exit::ASKS))]
struct AddArgs {
    /// The accounts, by the names that are scored
    #[arg(value_name = "ACCOUNT", required_unless_present = "from")]
    accounts: Vec<String>,
    /// The person: any name, which no account need have
    #[arg(long, value_name = "NAME", required_unless_present = "from")]
    person: Option<String>,
    /// A CSV table of accounts and people
    #[arg(long, value_name = "FILE", conflicts_with_all = ["accounts", "person", "proof", "proof_url", "code"])]
    from: Option<PathBuf>,
    /// How it is known: operator, claim, rel-me or move
    #[arg(long, value_name = "WORD", value_parser = proof, default_value = "operator")]
    proof: Proof,
    /// Where the proof can be seen
    #[arg(long, value_name = "URL", value_parser = address)]
    proof_url: Option<String>,
    /// The code that the account has posted: one for each account, in their order
    #[arg(long, value_name = "CODE", requires = "key_file")]
    code: Vec<String>,
    /// The key of the codes
    #[arg(long, value_name = "FILE", requires = "code")]
    key_file: Option<PathBuf>,
    /// Take accounts that are linked with somebody else as well
    #[arg(long = "move")]
    moves: bool,
    #[command(flatten)]
    config: Flags,
}

/// Say that accounts are nobody else's any more
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help("Examples:\n  clout link remove bluesky:did:plc:ana", exit::ASKS))]
struct RemoveArgs {
    /// The accounts
    #[arg(value_name = "ACCOUNT", required = true)]
    accounts: Vec<String>,
    #[command(flatten)]
    config: Flags,
}

/// List links
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help("Examples:\n  clout link list\n  clout link list --person ana --json", exit::ASKS))]
struct ListArgs {
    /// Only those of this person
    #[arg(long, value_name = "NAME")]
    person: Option<String>,
    /// One document of JSON on the standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Flags,
}

/// Make the codes that a person posts from their accounts
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(CODE_HELP, exit::PRINTS))]
struct CodeArgs {
    /// The accounts, by the names that are scored
    #[arg(value_name = "ACCOUNT", required = true)]
    accounts: Vec<String>,
    /// The person
    #[arg(long, value_name = "NAME")]
    person: String,
    /// The key of the codes
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
}

fn proof(word: &str) -> Result<Proof, String> {
    Proof::of_word(word).ok_or_else(|| format!("it is none of {}", Proof::ALL.map(Proof::word).join(", ")))
}

fn address(text: &str) -> Result<String, String> {
    let is_one = ["https://", "http://"].iter().any(|scheme| text.starts_with(scheme));
    if is_one { Ok(text.to_owned()) } else { Err("it is no address of http or https".to_owned()) }
}

/// Links, unlinks, lists or makes codes, and tells on the standard output.
///
/// # Errors
/// If a topic cannot be read or written, or what is asked for cannot be.
pub fn run(args: &LinkArgs) -> Result<(), Failure> {
    match &args.command {
        LinkCommand::Add(args) => add(args),
        LinkCommand::Remove(args) => remove(args),
        LinkCommand::List(args) => list(args),
        LinkCommand::Code(args) => code(args),
    }
}

fn add(args: &AddArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let wanted = match (&args.from, &args.person) {
        (Some(file), _) => read(file, &config)?,
        (None, person) => {
            let person = person.clone().unwrap_or_default();
            let proof = check_codes(args, &config, &person)?;
            let change = Change::Link { person, proof, url: args.proof_url.clone() };
            args.accounts.iter().map(|account| (spelled(&config, account), change.clone())).collect()
        }
    };
    let mut ledger = Ledger::open(&config)?;
    if !args.moves {
        wanted.iter().try_for_each(|(account, change)| check_free(&ledger.links, account, change))?;
    }
    let written = ledger.change(&wanted, now())?;
    say(&format!("linked {}: {} written", count(wanted.len() as u64, "account", "accounts"), records(written.links)))?;
    if !ledger.has_profiles() {
        eprintln!(
            "note: no input holds profiles, so the engine does not hear of it: what one account does to another still counts"
        );
    }
    Ok(())
}

/// The proof that is given. With codes it is a claim, and each code must be that of its account.
fn check_codes(args: &AddArgs, config: &Config, person: &str) -> Result<Proof, Failure> {
    let Some(file) = &args.key_file else { return Ok(args.proof) };
    let key = Key::read(file)?;
    if args.code.len() != args.accounts.len() {
        let reason = format!("{} accounts, and {} codes: each needs its own", args.accounts.len(), args.code.len());
        return Err(LinkError::Code(reason).into());
    }
    for (account, code) in args.accounts.iter().zip(&args.code) {
        if !key.fits(person, &spelled(config, account), code) {
            return Err(LinkError::Code(format!("the code of {account} is not the one that was made for it")).into());
        }
    }
    Ok(Proof::Claim)
}

fn check_free(links: &Links, account: &str, change: &Change) -> Result<(), LinkError> {
    match (links.get(account), change) {
        (Some(link), Change::Link { person, .. }) if link.person != *person => {
            Err(LinkError::Taken { account: account.to_owned(), person: link.person.clone() })
        }
        _ => Ok(()),
    }
}

fn remove(args: &RemoveArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let mut ledger = Ledger::open(&config)?;
    let accounts: Vec<String> = args.accounts.iter().map(|account| spelled(&config, account)).collect();
    if let Some(account) = accounts.iter().find(|account| ledger.links.get(account).is_none()) {
        return Err(LinkError::Unknown(account.clone()).into());
    }
    let changes: Vec<_> = accounts.into_iter().map(|account| (account, Change::Unlink)).collect();
    let written = ledger.change(&changes, now())?;
    say(&format!(
        "unlinked {}: {} written",
        count(changes.len() as u64, "account", "accounts"),
        records(written.links)
    ))?;
    Ok(())
}

fn records(number: u64) -> String {
    count(number, "record", "records")
}

/// One link, as it is listed.
#[derive(Serialize)]
struct Listed<'a> {
    person: &'a str,
    account: &'a str,
    proof: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    linked_at: String,
    checked_at: String,
}

fn list(args: &ListArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let links = Links::read(&config.connection(), &links_of(&config.application_id))?;
    let is_wanted = |link: &&Link| args.person.as_ref().is_none_or(|person| link.person == *person);
    let mut found: Vec<&Link> = links.iter().filter(is_wanted).collect();
    found.sort_by(|one, other| (&one.person, &one.account).cmp(&(&other.person, &other.account)));
    if args.json {
        say(&json(&found.iter().map(|link| Listed::of(link)).collect::<Vec<_>>()))?;
        return Ok(());
    }
    let rows: Vec<[String; 4]> = found
        .iter()
        .map(|link| {
            let name = |name: &str| shown(name).into_owned();
            [name(&link.person), name(&link.account), link.proof.word().to_owned(), time(link.linked_at)]
        })
        .collect();
    say(table(["<person", "<account", "<proof", "<since"], &rows).trim_end())?;
    Ok(())
}

impl Listed<'_> {
    fn of(link: &Link) -> Listed<'_> {
        Listed {
            person: &link.person,
            account: &link.account,
            proof: link.proof.word(),
            url: link.url.as_deref(),
            linked_at: time(link.linked_at),
            checked_at: time(link.checked_at),
        }
    }
}

fn code(args: &CodeArgs) -> Result<(), Failure> {
    let key = Key::read(&args.key_file)?;
    for account in &args.accounts {
        say(&format!("{account}  clout-verify {}", key.code(&args.person, account)))?;
    }
    Ok(())
}

fn spelled(config: &Config, account: &str) -> String {
    config.names.spell(account, &mut String::new()).to_owned()
}

/// A row of a table of links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) account: String,
    pub(crate) person: String,
    pub(crate) proof: Proof,
    pub(crate) url: Option<String>,
}

fn read(file: &Path, config: &Config) -> Result<Vec<(String, Change)>, LinkError> {
    let rows = read_rows(file)?;
    let change = |Row { account, person, proof, url }| (spelled(config, &account), Change::Link { person, proof, url });
    Ok(rows.into_iter().map(change).collect())
}

/// The rows of a CSV table of links.
pub(crate) fn read_rows(file: &Path) -> Result<Vec<Row>, LinkError> {
    let refuse = |reason: String| LinkError::File { file: file.display().to_string(), reason };
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(file).map_err(|error| refuse(error.to_string()))?;
    let head = reader.headers().map_err(|error| refuse(error.to_string()))?.clone();
    let column = |name: &str| head.iter().position(|title| title.trim_start_matches('\u{feff}') == name);
    let needed = |name: &str| column(name).ok_or_else(|| refuse(format!("it has no column {name}")));
    let (account, person) = (needed("account")?, needed("person")?);
    let (proof_column, url) = (column("proof"), column("url"));
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| refuse(error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        let text = |column: usize| record.get(column).unwrap_or_default().to_owned();
        let given = |column: Option<usize>| column.map(text).filter(|text| !text.is_empty());
        let proof = given(proof_column).map_or(Ok(Proof::Operator), |word| proof(&word));
        let proof = proof.map_err(|reason| refuse(format!("line {line}: proof: {reason}")))?;
        let url = given(url).map(|url| address(&url)).transpose();
        let url = url.map_err(|reason| refuse(format!("line {line}: url: {reason}")))?;
        let (account, person) = (text(account), text(person));
        if account.is_empty() || person.is_empty() {
            return Err(refuse(format!("line {line} has no account or no person")));
        }
        rows.push(Row { account, person, proof, url });
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_table_is_read_and_its_faults_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("links.csv");
        let read = |text: &str| {
            fs::write(&file, text).unwrap();
            read_rows(&file).map_err(|error| error.to_string())
        };
        let rows = read("person,account,proof\nana, a:1 ,\nana,b:1,claim\n").unwrap();
        assert_eq!((rows[0].account.as_str(), rows[0].proof), ("a:1", Proof::Operator));
        assert_eq!((rows[1].person.as_str(), rows[1].proof), ("ana", Proof::Claim));
        for (text, fault) in [
            ("who,account\nana,a:1\n", "it has no column person"),
            ("person,account,proof\nana,a:1,hearsay\n", "line 2: proof: it is none of operator, claim, rel-me, move"),
            ("person,account,url\nana,a:1,javascript:1\n", "line 2: url: it is no address of http or https"),
            ("person,account\nana,\n", "line 2 has no account or no person"),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.contains(fault), "{told}");
        }
    }
}
