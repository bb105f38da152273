//! The command `forget`: erases a person, with all accounts, wherever something is kept under their names.

use clap::Args;

use crate::columns::table;
use crate::config::{Config, Flags};
use crate::exit;
use crate::failure::Failure;
use crate::links::{Ledger, LinkError};
use crate::stays::stays;
use crate::topics::say;
use crate::words::{count, now};

const AFTER_HELP: &str = "\
All accounts of the person opt out, their links end, and what they are called is erased, in one transaction. The engine erases their \
scores, edges, follows and closes, and takes nothing of them any more; `clout serve` shows them gone within a second. Nothing is \
erased without --yes. An account opts in again by a profile that says `\"opted_out\": false`.

What topics still hold after that, and for how long, it tells of each; `clout docs privacy` says why.

Examples:
  clout forget bluesky:did:plc:ana
  clout forget ana --yes";

/// Erase a person with all accounts
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::ASKS))]
pub struct ForgetArgs {
    /// The person, or one of the accounts
    #[arg(value_name = "NAME")]
    name: String,
    /// Only this account, and none that is linked with it
    #[arg(long)]
    only: bool,
    /// Erase; without it nothing is erased
    #[arg(long, short)]
    yes: bool,
    #[command(flatten)]
    config: Flags,
}

/// Erases, and tells on the standard output what was written.
///
/// # Errors
/// If nobody has agreed, or a topic cannot be read or written.
pub fn run(args: &ForgetArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let name = config.names.spell(&args.name, &mut String::new()).to_owned();
    let mut ledger = Ledger::open_to_erase(&config)?;
    let accounts = match args.only {
        true => vec![name],
        // A person need not be called as accounts are.
        false if ledger.links.accounts(&args.name).is_empty() => ledger.links.accounts_of(&name),
        false => ledger.links.accounts_of(&args.name),
    };
    let listed = accounts.join(", ");
    if !args.yes {
        return Err(LinkError::NotAgreed(format!("all that is known of {listed} goes")).into());
    }
    let written = ledger.forget(&accounts, now())?;
    let what = count(accounts.len() as u64, "account", "accounts");
    say(&format!("forgot {what}: {listed}"))?;
    eprintln!(
        "{} to the profiles, {} to the links, {} to the names, {} to what connectors keep",
        count(written.profiles, "record", "records"),
        count(written.links, "record", "records"),
        count(written.names, "record", "records"),
        count(written.kept, "record", "records")
    );
    tell_what_stays(&config)
}

/// Prints what topics still hold, and until when. The erasure is done all the same where the user may not see that.
fn tell_what_stays(config: &Config) -> Result<(), Failure> {
    let stays = match stays(config) {
        Ok(stays) => stays,
        Err(error) => {
            eprintln!("note: how long topics keep what they hold cannot be looked at: {error}");
            return Ok(());
        }
    };
    let rows: Vec<[String; 3]> =
        stays.into_iter().map(|stay| [stay.topic, stay.holds.to_owned(), stay.until]).collect();
    say(&format!("\n{}", table(["<topic", "<still holds", "<until"], &rows).trim_end()))?;
    say(
        "\nCheckpoints keep a keyed hash of each account, by which it stays forgotten; those of before go once two newer are there.",
    )?;
    Ok(())
}
