//! The command `route`: a topic that is keyed otherwise becomes one that is keyed as the workers want it, exactly once.

use clap::Args;
use kafka::{Route, Target};
use pipeline::Holds;
use wire::{EventDecoder, Framing, ProfileDecoder};

use crate::config::{Config, Flags, Input};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::words::{count, thousands};
use crate::{ending, exit};

const AFTER_HELP: &str = "\
Each record is read once, and written once, to the partition of its actor, or of its user for profiles, as names are \
spelled (--names); value, time and headers stay as they are. One that is no event, or that the topic does not take, goes to \
the dead letters with the reason in its headers. Records and offsets move in one transaction: whatever happens, nothing is \
lost and nothing comes twice. Several processes share \
the partitions of what is read, if each has an --instance of its own.

Examples:
  clout route --from raw-events:json --to events
  clout route --from accounts-by-id:profiles --to accounts --once
  clout route --from events-4 --to events-12 --once
  clout route --from clout-dead-letters:json --origin events --to events --once

The last one sends dead letters again, once the input is configured as its records are written, or a clock is right. \
What cannot be used all the same stays in the dead letters.";

/// Key a topic by actor, exactly once
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::RUNS_ON))]
pub struct RouteArgs {
    /// What is read; a word may be events or profiles, protobuf or json, confluent
    #[arg(long, value_name = "TOPIC[:WORD...]", value_parser = Input::parse)]
    from: Input,
    /// Where the records go
    #[arg(long, value_name = "TOPIC")]
    to: String,
    /// Where those go that cannot be used [default: the application's dead letters]
    #[arg(long, value_name = "TOPIC")]
    dead_letters: Option<String>,
    /// Of dead letters only those that come from this topic
    #[arg(long, value_name = "TOPIC")]
    origin: Option<String>,
    /// The consumer group whose offsets say how far it is [default: APPLICATION-route-FROM-TO]
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Names this process among all of the group; the same when it is started again
    #[arg(long, value_name = "NAME", default_value = "0")]
    instance: String,
    /// Stop at the end of what there is
    #[arg(long)]
    once: bool,
    /// Nothing on the standard error except errors
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    config: Flags,
}

/// Why a record has no place to go before it is looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// A topic cannot be routed into itself.
    #[error("--from and --to are both {0}: name another topic")]
    Itself(String),
}

/// Routes until it is told to stop, and tells on the standard error what it did.
///
/// # Errors
/// If it cannot begin, or cannot go on.
pub fn run(args: &RouteArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let Input { topic: from, holds, encoding, is_confluent, kind } = args.from.clone();
    if from == args.to {
        return Err(RouteError::Itself(from).into());
    }
    let default_group = || format!("{}-route-{from}-{}", config.application_id, args.to);
    let route = Route {
        to: args.to.clone(),
        dead_letters: args.dead_letters.clone().unwrap_or(config.topics().dead_letters),
        group: args.group.clone().unwrap_or_else(default_group),
        instance: args.instance.clone(),
        is_once: args.once,
        origin: args.origin.clone(),
        from,
    };
    let partitioner = config.model.partitioner;
    let framing = if is_confluent { Framing::Confluent } else { Framing::Bare };
    let mut events = EventDecoder::new(encoding, Some(kind)).framed(framing);
    let mut profiles = ProfileDecoder::new(encoding).framed(framing);
    let mut memory = String::new();
    let target = |key: Option<&[u8]>, value: Option<&[u8]>, partitions: u16| {
        let user = match (holds, value) {
            (Holds::Events, value) => events.decode(value.unwrap_or_default()).map(|event| event.actor),
            (Holds::Profiles, Some(value)) => profiles.decode(value).map(|profile| profile.user),
            (Holds::Profiles, None) => profiles.decode_tombstone(key).map(|profile| profile.user),
        };
        match user.map(|user| config.names.spell(user, &mut memory)) {
            Ok("") => Target::Refused("has no user: nothing is left of the name when it is folded".to_owned()),
            Ok(user) => Target::Key(user.to_owned(), partitioner.partition(user, partitions)),
            Err(malformed) => Target::Refused(malformed.to_string()),
        }
    };
    let supervisor = ending::supervise(&Interrupt::install())?;
    let routed = kafka::route(&config.connection(), &route, supervisor.stop_flag(), target)?;
    ending::outcome(&supervisor)?;
    if !args.quiet {
        let (records, letters) =
            (count(routed.records, "record", "records"), count(routed.dead_letters, "dead letter", "dead letters"));
        let stay = if route.dead_letters == route.from { " that cannot be used stay there" } else { "" };
        let left_out = match (&route.origin, routed.left_out) {
            (Some(origin), left_out @ 1..) => {
                format!(", {} of other topics than {origin} left out", thousands(left_out))
            }
            _ => String::new(),
        };
        eprintln!("routed {records} from {} to {}, {letters}{stay}{left_out}", route.from, route.to);
    }
    Ok(())
}
