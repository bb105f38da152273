//! The command `route`: a topic that is keyed otherwise, or that holds messages of networks, becomes one that is keyed as the
//! workers want it, exactly once.

mod from;
pub(crate) mod messages;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use clap::Args;
use kafka::{Read, Route, Routed, Routing, Target};
use networks::{Network, Options, Tally};
use pipeline::Holds;
use serve::{Counted, Running, Server};
use wire::Encoding;

use crate::config::{Config, Flags, Input};
use crate::exit::{self, ExitCode};
use crate::failure::Failure;
use crate::feed::{check_holds, check_not_own, encoding_of};
use crate::http::{HttpArgs, not_listening};
use crate::interrupt::Interrupt;
use crate::keyer::{Keyed, Keyer};
use crate::names_topic::NamesTopic;
use crate::recorded::NetworkArgs;
use crate::words::{count, thousands};
use crate::{ending, missing};
use from::{From, Holding};
use messages::{Counts, Encodings, Messages};

const AFTER_HELP: &str = "\
Each record is read once, and written once, to the partition of its actor, or of its user for profiles, as names are \
spelled (--names); value, time and headers stay as they are, so both topics have one encoding. One that is no event, or that the \
topic does not take, goes to the dead letters with the reason in its headers. Records and offsets move in one transaction: \
whatever happens, nothing is lost and nothing comes twice. Several processes share \
the partitions of what is read, if each has an --instance of its own.

Messages of networks, one or several a record as the network sends them, give the events that are in them: none, one or many. They \
are written as the configuration reads the topic, else as protobuf. What a network says of accounts goes to the topic of \
profiles. Messages that give nothing are counted by their reason; those that cannot be read are dead letters. What one message tells \
about later ones is learnt again at a start, from as many records as --look-back says; `clout docs networks` says more.

Examples, with a clout.toml that has the inputs `events`, of encoding json, and `accounts`, which holds profiles:
  clout route --config clout.toml --from raw-events:json --to events
  clout route --config clout.toml --from accounts-by-id:profiles --to accounts --once
  clout route --config clout.toml --from clout-dead-letters:json --origin events --to events --once
  clout route --config clout.toml --from jetstream:bluesky --to events --listen 127.0.0.1:9465

Without a file the input is named by a flag, with its encoding:
  clout route --from raw-events:json --to events --input events:json

The third one sends dead letters again, once the input is configured as its records are written, or a clock is right. \
What cannot be used all the same stays in the dead letters.";

/// Key a topic by actor, or make events of messages of networks, exactly once
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::RUNS_ON))]
pub struct RouteArgs {
    /// The topic that is read; a word may be events or profiles, protobuf or json, confluent, or networks whose messages it holds:
    /// bluesky, mastodon, activitypub, x, github, stackexchange, reddit, youtube
    #[arg(long, value_name = "TOPIC[:WORD...]", value_parser = From::parse)]
    from: From,
    /// Where the records go
    #[arg(long, value_name = "TOPIC")]
    to: String,
    /// Where those go that cannot be used [default: the application's dead letters]
    #[arg(long, value_name = "TOPIC")]
    dead_letters: Option<String>,
    /// The topic for profiles that are found in messages of networks [default: the first input that holds profiles]
    #[arg(long, value_name = "TOPIC")]
    profiles_topic: Option<String>,
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
    /// Records of each partition that are read again at a start, so that what earlier messages of networks said is known
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000)]
    look_back: u64,
    /// Serve metrics and health at this address, such as 127.0.0.1:9465
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Nothing on the standard error except errors
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    networks: NetworkArgs,
    #[command(flatten)]
    config: Flags,
    #[command(flatten)]
    http: HttpArgs,
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
    /// An option is given that messages of networks alone have.
    #[error("{0} is for messages of networks: say of which, as in --from TOPIC:bluesky")]
    NoMessages(&'static str),
    /// Nothing is of the network.
    #[error(
        "none of the {messages} of {from} is of {networks}: see that --from says of which networks they are; what they are of is \
         told above"
    )]
    NoneOf {
        /// The number of messages, in words.
        messages: String,
        /// The topic that was read.
        from: String,
        /// The networks that were expected.
        networks: String,
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
            RouteError::Itself(_) | RouteError::Otherwise { .. } | RouteError::NoMessages(_) => ExitCode::Nothing,
            RouteError::Nothing { .. } | RouteError::NoneOf { .. } => ExitCode::Stopped,
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
    let default_group = || format!("{}-route-{from}-{}", config.application_id, args.to);
    let route = Route {
        to: args.to.clone(),
        profiles: None,
        names: None,
        dead_letters: args.dead_letters.clone().unwrap_or(config.topics().dead_letters),
        group: args.group.clone().unwrap_or_else(default_group),
        instance: args.instance.clone(),
        is_once: args.once,
        origin: args.origin.clone(),
        look_back: 0,
        from,
    };
    match &args.from.holding {
        Holding::Records(input) => {
            args.check_no_messages()?;
            check_not_own(&config, &args.to)?;
            check_reader(&config, args, input)?;
            let mut keyer = Keyer::new(input, &config);
            let partitioner = keyer.partitioner();
            let target = |read: Read<'_>| match keyer.keyed(read.key, read.value) {
                Ok(Keyed { user, .. }) => Target::Key(user.to_owned(), partitioner.partition(user, read.partitions)),
                Err(why) => Target::Refused(why),
            };
            Run { args, config: &config, route, counts: None }.go(target)
        }
        Holding::Messages(networks) => {
            let first = || config.inputs.iter().find(|input| input.holds == Holds::Profiles);
            let profiles = args.profiles_topic.clone().or_else(|| first().map(|input| input.topic.clone()));
            check_holds(&config, &args.to, Holds::Events)?;
            profiles.iter().try_for_each(|topic| check_holds(&config, topic, Holds::Profiles))?;
            let profile_encoding = profiles.as_ref().map(|topic| encoding_of(&config, topic, None)).transpose()?;
            let encodings = Encodings {
                events: encoding_of(&config, &args.to, None)?,
                profiles: profile_encoding.unwrap_or(Encoding::Protobuf),
            };
            let options = Options { connected: networks.clone(), only: networks.clone(), ..args.networks.options() };
            let (names, site) = (config.names.clone(), args.networks.site.clone());
            let messages = Messages::new(options, site, names, config.model.partitioner, &encodings);
            let names = NamesTopic::find_if_allowed(&config.connection(), &config.application_id);
            let names = names.map(|names| names.topic);
            let route = Route { profiles, names, look_back: args.look_back, ..route };
            let counts = Some((networks.as_slice(), messages.counts()));
            Run { args, config: &config, route, counts }.go(messages)
        }
    }
}

impl RouteArgs {
    /// Refuses options that records of events and profiles do not have.
    fn check_no_messages(&self) -> Result<(), RouteError> {
        let NetworkArgs { site, channel, owner } = &self.networks;
        let options = [
            ("--profiles-topic", self.profiles_topic.is_some()),
            ("--site", site.is_some()),
            ("--channel", channel.is_some()),
            ("--owner", owner.is_some()),
        ];
        match options.into_iter().find(|(_, is_given)| *is_given) {
            Some((option, _)) => Err(RouteError::NoMessages(option)),
            None => Ok(()),
        }
    }
}

/// A route that is about to run.
struct Run<'a> {
    args: &'a RouteArgs,
    config: &'a Config,
    route: Route,
    /// The networks whose messages are read, and what has come of them.
    counts: Option<(&'a [Network], Arc<Mutex<Counts>>)>,
}

impl Run<'_> {
    fn go(&self, routing: impl Routing) -> Result<(), Failure> {
        let Run { args, config, route, .. } = self;
        let supervisor = ending::supervise(&Interrupt::install())?;
        let counted = Arc::new(Counted::default());
        let server = |options| Server::for_route(Arc::clone(&counted), options).watched_by(&supervisor).start();
        let served = args.listen.map(|listen| args.http.options(listen)).transpose()?;
        let server = served.map(server).transpose().map_err(not_listening)?;
        if let Some(server) = server.as_ref().filter(|_| !args.quiet) {
            eprintln!("serving metrics at http://{}/metrics", server.address());
        }
        let mut is_warned = args.quiet || args.once;
        let told = |routed: &Routed| {
            self.count(routed, &counted);
            if !is_warned && routed.read >= REFUSED_TOLD {
                let nothing = self.nothing(routed);
                is_warned = nothing.is_some() || routed.records > 0;
                nothing.iter().for_each(|nothing| eprintln!("warning: {nothing}"));
            }
        };
        let routed = kafka::route(&config.connection(), route, supervisor.stop_flag(), routing, told);
        server.into_iter().for_each(Running::stop);
        let routed = routed.map_err(|error| missing::explained(error, config, &missing_use(route)))?;
        ending::outcome(&supervisor)?;
        if !args.quiet {
            self.tell(&routed);
        }
        self.nothing(&routed).map_or(Ok(()), |nothing| Err(nothing.into()))
    }

    /// The counts of all messages whose records are committed.
    fn messages(&self) -> Option<(&[Network], Counts)> {
        let (networks, counts) = self.counts.as_ref()?;
        Some((networks, counts.lock().unwrap_or_else(PoisonError::into_inner).clone()))
    }

    /// Brings the metrics up to date.
    fn count(&self, routed: &Routed, counted: &Counted) {
        let route = &self.route;
        counted.set("clout_route_read_records_total", &[("topic", &route.from)], routed.read);
        counted.set("clout_route_written_records_total", &[("topic", &route.to)], routed.records);
        if let Some(profiles) = &route.profiles {
            counted.set("clout_route_written_records_total", &[("topic", profiles)], routed.profiles);
        }
        counted.set("clout_dead_letters_total", &[("reason", "malformed")], routed.dead_letters);
        if let Some((_, Counts { tally, .. })) = self.messages() {
            count_messages(&tally, counted);
        }
    }

    /// Tells people what was done.
    fn tell(&self, routed: &Routed) {
        if let Some((_, counts)) = self.messages() {
            counts.tell();
        }
        eprintln!("{}", done(&self.route, routed, self.counts.is_some()));
    }

    /// The error where none of what was read can be used.
    fn nothing(&self, routed: &Routed) -> Option<RouteError> {
        if routed.records > 0 {
            return None;
        }
        match self.messages() {
            None if routed.dead_letters > 0 => Some(nothing(self.args, &self.route, routed)),
            None => None,
            Some((networks, Counts { tally, .. })) => {
                let known: u64 = networks.iter().map(|network| tally.of(Some(*network)).messages).sum();
                match tally.messages() {
                    0 => (routed.dead_letters > 0).then(|| nothing(self.args, &self.route, routed)),
                    _ if known > 0 => None,
                    messages if all_unread(&tally) == messages => Some(nothing(self.args, &self.route, routed)),
                    messages => Some(RouteError::NoneOf {
                        messages: count(messages, "message", "messages"),
                        from: self.route.from.clone(),
                        networks: from::titles(networks),
                    }),
                }
            }
        }
    }
}

/// Brings the metrics of messages up to date.
pub(crate) fn count_messages(tally: &Tally, counted: &Counted) {
    for network in Network::ALL {
        let (word, counts) = (network.word(), tally.of(Some(network)));
        if counts.messages > 0 {
            counted.set("clout_messages_total", &[("network", word)], counts.messages);
        }
        for (kind, count) in counts.kinds() {
            counted.set("clout_message_acts_total", &[("network", word), ("kind", kind.word())], count);
        }
    }
    for network in Network::ALL.into_iter().map(Some).chain([None]) {
        let word = network.map_or("none", Network::word);
        for (reason, count) in tally.of(network).reasons() {
            let reason = reason.word().replace(' ', "_");
            counted.set("clout_messages_skipped_total", &[("network", word), ("reason", &reason)], count);
        }
    }
}

/// The messages that are neither JSON nor a row.
fn all_unread(tally: &Tally) -> u64 {
    let counts = tally.of(None);
    counts.skipped(networks::Reason::Malformed) + counts.skipped(networks::Reason::TooDeep)
}

/// Refuses what the readers of the topic could not use, as far as the configuration tells how they read it.
fn check_reader(config: &Config, args: &RouteArgs, from: &Input) -> Result<(), RouteError> {
    let to = &args.to;
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
        is: match &args.from.holding {
            Holding::Records(input) => written(input),
            Holding::Messages(networks) => format!("messages of {}", from::titles(networks)),
        },
    }
}

/// A line that says what was written.
fn done(route: &Route, routed: &Routed, is_of_messages: bool) -> String {
    let letters = count(routed.dead_letters, "dead letter", "dead letters");
    let records = match is_of_messages {
        true => count(routed.read, "record", "records"),
        false => count(routed.records, "record", "records"),
    };
    let given = match (is_of_messages, &route.profiles) {
        (false, _) => String::new(),
        (true, None) => format!(", {}", count(routed.records, "event", "events")),
        (true, Some(profiles)) => {
            let (events, changes) =
                (count(routed.records, "event", "events"), count(routed.profiles, "profile", "profiles"));
            format!(", {events}, {changes} to {profiles}")
        }
    };
    let stay = if route.dead_letters == route.from { " that cannot be used stay there" } else { "" };
    let first = routed.first_refused.as_ref().map_or(String::new(), |first| format!(" (the first: {first})"));
    let left_out = match (&route.origin, routed.left_out) {
        (_, 0) => String::new(),
        (Some(origin), left_out) => {
            format!(", {} of other topics than {origin}, or sent again before, left out", thousands(left_out))
        }
        (None, left_out) => format!(", {} that were sent again before left out", thousands(left_out)),
    };
    format!("routed {records} from {} to {}{given}, {letters}{stay}{first}{left_out}", route.from, route.to)
}

/// What the topics of a route are for.
fn missing_use(route: &Route) -> impl Fn(&str) -> missing::Use + '_ {
    |topic| match topic {
        topic if topic == route.from => missing::Use::Read,
        topic if topic == route.dead_letters => missing::Use::DeadLetters,
        _ => missing::Use::Written,
    }
}
