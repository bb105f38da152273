//! The command `route`: a topic that is keyed otherwise becomes one that is keyed as the workers want it, exactly once.

use clap::Args;
use kafka::{Route, Routed, Target};
use pipeline::Holds;
use wire::Encoding;

use crate::config::{Config, Flags, Input};
use crate::exit::{self, ExitCode};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::keyer::{Keyed, Keyer};
use crate::words::{count, thousands};
use crate::{ending, missing};

const AFTER_HELP: &str = "\
Each record is read once, and written once, to the partition of its actor, or of its user for profiles, as names are \
spelled (--names); value, time and headers stay as they are, so both topics have one encoding. One that is no event, or that the \
topic does not take, goes to the dead letters with the reason in its headers. Records and offsets move in one transaction: \
whatever happens, nothing is lost and nothing comes twice. Several processes share \
the partitions of what is read, if each has an --instance of its own.

Examples, with a clout.toml that has the inputs `events`, of encoding json, and `accounts`, which holds profiles:
  clout route --config clout.toml --from raw-events:json --to events
  clout route --config clout.toml --from accounts-by-id:profiles --to accounts --once
  clout route --config clout.toml --from clout-dead-letters:json --origin events --to events --once

Without a file the input is named by a flag, with its encoding:
  clout route --from raw-events:json --to events --input events:json

The third one sends dead letters again, once the input is configured as its records are written, or a clock is right. \
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
    /// Stop at the end of what is there when it starts
    #[arg(long)]
    once: bool,
    /// Nothing on the standard error except errors
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    config: Flags,
}

/// Why records are not routed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// A topic cannot be routed into itself.
    #[error("--from and --to are both {0}: name another topic")]
    Itself(String),
    /// Whoever reads the topic could not use what would be written to it.
    #[error(
        "{from} is read as {is}, and the configuration reads {to} as {wanted}: what is routed stays as it is written, so that no \
         record could be used there; mend --from, or the configuration's input {to}, as by --input {to}{words}"
    )]
    Otherwise {
        /// What is read.
        from: String,
        /// How it is written.
        is: String,
        /// Where it was to go.
        to: String,
        /// How that is read.
        wanted: String,
        /// The words of an input that is written as what is read.
        words: String,
    },
    /// Nothing could be used.
    #[error(
        "none of the {records} of {from} can be used ({first}): they are {place}; see that they are what --from says ({is})"
    )]
    Nothing {
        /// How many.
        records: String,
        /// What was read.
        from: String,
        /// Where the first one is, and what is wrong with it.
        first: String,
        /// Where they are now.
        place: String,
        /// How they were read.
        is: String,
    },
}

impl RouteError {
    /// Nothing is done before records are read.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            RouteError::Itself(_) | RouteError::Otherwise { .. } => ExitCode::Nothing,
            RouteError::Nothing { .. } => ExitCode::Stopped,
        }
    }
}

/// So many records are refused, and none is used, before that is told of while it goes on.
const REFUSED_TOLD: u64 = 100;

/// Routes until it is told to stop, and tells on the standard error what it did.
///
/// # Errors
/// If it cannot begin, or cannot go on.
pub fn run(args: &RouteArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let from = args.from.topic.clone();
    if from == args.to {
        return Err(RouteError::Itself(from).into());
    }
    check_reader(&config, args)?;
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
    let mut keyer = Keyer::new(&args.from, &config);
    let partitioner = keyer.partitioner();
    let target = |key: Option<&[u8]>, value: Option<&[u8]>, partitions: u16| match keyer.keyed(key, value) {
        Ok(Keyed { user, .. }) => Target::Key(user.to_owned(), partitioner.partition(user, partitions)),
        Err(why) => Target::Refused(why),
    };
    let supervisor = ending::supervise(&Interrupt::install())?;
    let mut is_warned = args.quiet || args.once;
    let warn = |routed: &Routed| {
        if !is_warned && routed.records == 0 && routed.dead_letters >= REFUSED_TOLD {
            is_warned = true;
            eprintln!("warning: {}", nothing(args, &route, routed));
        }
    };
    let routed = kafka::route(&config.connection(), &route, supervisor.stop_flag(), target, warn);
    let routed = routed.map_err(|error| missing::explained(error, &config, &missing_use(&route)))?;
    ending::outcome(&supervisor)?;
    if !args.quiet {
        eprintln!("{}", done(&route, &routed));
    }
    match routed.records == 0 && routed.dead_letters > 0 {
        true => Err(nothing(args, &route, &routed).into()),
        false => Ok(()),
    }
}

/// Refuses what the readers of the topic could not use, as far as the configuration tells how they read it.
fn check_reader(config: &Config, args: &RouteArgs) -> Result<(), RouteError> {
    let (from, to) = (&args.from, &args.to);
    let is_like = |input: &Input| {
        (input.holds, input.encoding, input.is_confluent) == (from.holds, from.encoding, from.is_confluent)
    };
    match config.inputs.iter().find(|input| input.topic == *to) {
        Some(input) if !is_like(input) => Err(RouteError::Otherwise {
            from: from.topic.clone(),
            is: written(from),
            to: to.clone(),
            wanted: written(input),
            words: words(from),
        }),
        Some(_) => Ok(()),
        None if args.quiet || is_like(&Input::default()) => Ok(()),
        None => {
            eprintln!("note: the configuration has no input {to}: whoever reads it has to read {}", written(from));
            Ok(())
        }
    }
}

/// How the records of an input are written.
fn written(input: &Input) -> String {
    let holds = if input.holds == Holds::Events { "events" } else { "profiles" };
    let encoding = if input.encoding == Encoding::Json { "JSON" } else { "protobuf" };
    let framing = if input.is_confluent { " in the Confluent wire format" } else { "" };
    format!("{holds} in {encoding}{framing}")
}

/// The words of an input that is written so.
fn words(input: &Input) -> String {
    let holds = if input.holds == Holds::Events { "" } else { ":profiles" };
    let encoding = if input.encoding == Encoding::Json { ":json" } else { "" };
    let framing = if input.is_confluent { ":confluent" } else { "" };
    format!("{holds}{encoding}{framing}")
}

/// What is said where none of the records can be used.
fn nothing(args: &RouteArgs, route: &Route, routed: &Routed) -> RouteError {
    let stay = route.dead_letters == route.from;
    RouteError::Nothing {
        records: count(routed.dead_letters, "record", "records"),
        from: route.from.clone(),
        first: routed.first_refused.clone().unwrap_or_default(),
        place: if stay { "left there".to_owned() } else { format!("in {}", route.dead_letters) },
        is: written(&args.from),
    }
}

/// What was done, in a line.
fn done(route: &Route, routed: &Routed) -> String {
    let (records, letters) =
        (count(routed.records, "record", "records"), count(routed.dead_letters, "dead letter", "dead letters"));
    let stay = if route.dead_letters == route.from { " that cannot be used stay there" } else { "" };
    let first = routed.first_refused.as_ref().map_or(String::new(), |first| format!(" (the first: {first})"));
    let left_out = match (&route.origin, routed.left_out) {
        (_, 0) => String::new(),
        (Some(origin), left_out) => {
            format!(", {} of other topics than {origin}, or sent again before, left out", thousands(left_out))
        }
        (None, left_out) => format!(", {} that were sent again before left out", thousands(left_out)),
    };
    format!("routed {records} from {} to {}, {letters}{stay}{first}{left_out}", route.from, route.to)
}

/// What the topics of a route are for.
fn missing_use(route: &Route) -> impl Fn(&str) -> missing::Use + '_ {
    |topic| match topic {
        topic if topic == route.from => missing::Use::Read,
        topic if topic == route.dead_letters => missing::Use::DeadLetters,
        _ => missing::Use::Written,
    }
}
