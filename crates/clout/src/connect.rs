//! The command `connect`: what happens on a network becomes events in Kafka while it happens, exactly once.

pub(crate) mod kept;
mod live;
mod relay;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError};

use clap::Args;
use kafka::{Admin, RECORD_BYTES_MAX, host_name, kept_of};
use networks::Options;
use pipeline::Holds;
use serve::{Counted, Running, Server};
use vocabulary::Timestamp;
use wire::Encoding;

use crate::claims::ClaimArgs;
use crate::config::{Config, Flags};
use crate::duration::parse_duration;
use crate::exit::{self, ExitCode};
use crate::failure::Failure;
use crate::feed::{check_holds, encoding_of};
use crate::http::{HttpArgs, not_listening};
use crate::interrupt::Interrupt;
use crate::logs::LogArgs;
use crate::names_topic::NamesTopic;
use crate::route::count_messages;
use crate::route::messages::{Counts, Encodings, Messages};
use crate::words::count;
use crate::{ending, missing};
pub use live::LiveError;
pub(crate) use live::{LiveArgs, LiveNetwork, agent, now_ms};
use relay::{Letters, Place, Relay, Told};

const AFTER_HELP: &str = "\
Events go to the partitions of their actors, as `clout run` wants them. What a network says of accounts goes to the topic of profiles. \
Events and the position in the stream that they cover are one transaction: whatever happens, nothing is lost and nothing comes \
twice. The position, and what later messages need of earlier ones, is in the topic APPLICATION-connect, which is made if it is \
missing; what accounts are called goes to APPLICATION-names, as well. With --links-key accounts that post `clout-verify CODE` are linked in APPLICATION-links; a second process for the same network takes over from the first one, which ends. `clout docs networks` says what each \
network tells, and what not.

Examples, with a clout.toml that has an input for events:
  clout connect bluesky --config clout.toml --listen 127.0.0.1:9466
  clout connect bluesky --config clout.toml --back 1d
  clout connect mastodon --config clout.toml --url https://example.com --token-file token.txt
  clout connect mastodon --config clout.toml --url https://example.com --token-file token.txt \
    --notifications-of https://example.com/users/ana
  clout connect github --config clout.toml --token-file token.txt

Without Kafka: clout demo --connect bluesky";

/// Read a network live, and make events of it, exactly once
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::RUNS_ON))]
pub struct ConnectArgs {
    /// The network
    #[arg(value_enum, value_name = "NETWORK")]
    network: LiveNetwork,
    #[command(flatten)]
    live: LiveArgs,
    /// Begin with what happened so long ago, where no position is known yet; Bluesky tells of the last 36 hours
    #[arg(long = "back", value_name = "DURATION", value_parser = parse_duration)]
    back_ms: Option<i64>,
    /// Where the events go [default: the first input that holds events]
    #[arg(long, value_name = "TOPIC")]
    to: Option<String>,
    /// The topic for what becomes of accounts [default: the first input that holds profiles]
    #[arg(long, value_name = "TOPIC")]
    profiles_topic: Option<String>,
    /// Serve metrics and health at this address, such as 127.0.0.1:9466
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    claims: ClaimArgs,
    #[command(flatten)]
    config: Flags,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    logs: LogArgs,
}

/// The reason why a network is not read, or is not read any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The stream, or what it needs.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// There is no topic for events.
    #[error("the configuration has no input that holds events: name one by --input, or a topic by --to")]
    NoTopic,
    /// The topic of positions is not compacted, so that they would be lost.
    #[error(
        "topic {topic} has cleanup.policy={policy}, so that positions would be lost: set it to compact: kafka-configs.sh --alter \
         --topic {topic} --add-config cleanup.policy=compact"
    )]
    NotCompacted {
        /// The topic.
        topic: String,
        /// Its `cleanup.policy`.
        policy: String,
    },
    /// The topic holds what this program did not write.
    #[error(
        "topic {topic} holds {key}, which cannot be read: it is the topic of connectors alone; remove the record, or name another application id"
    )]
    Foreign {
        /// The topic.
        topic: String,
        /// The key of the record.
        key: String,
    },
    /// Another process has taken over.
    #[error("another process ({by}) reads {stream} for the application {application} now, and goes on with it")]
    TakenOver {
        /// The name of the other process.
        by: String,
        /// The stream.
        stream: String,
        /// The application.
        application: String,
    },
}

impl ConnectError {
    /// The exit code: an error before anything is written has done nothing.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            ConnectError::Live(error) => error.exit_code(),
            ConnectError::TakenOver { .. } => ExitCode::Stopped,
            _ => ExitCode::Nothing,
        }
    }
}

/// Reads until it is told to stop.
///
/// # Errors
/// If it cannot begin, or cannot go on.
pub fn run(args: &ConnectArgs) -> Result<(), Failure> {
    args.logs.begin();
    let config = Config::load(&args.config)?;
    let endpoint = args.live.endpoint(args.network)?;
    let stream = args.live.stream_name(args.network);
    let first = |holds| config.inputs.iter().find(|input| input.holds == holds).map(|input| input.topic.clone());
    let to = args.to.clone().or_else(|| first(Holds::Events)).ok_or(ConnectError::NoTopic)?;
    let profiles = args.profiles_topic.clone().or_else(|| first(Holds::Profiles));
    check_holds(&config, &to, Holds::Events)?;
    profiles.iter().try_for_each(|topic| check_holds(&config, topic, Holds::Profiles))?;
    let profile_encoding = profiles.as_ref().map(|topic| encoding_of(&config, topic, None)).transpose()?;
    let encodings = Encodings {
        events: encoding_of(&config, &to, None)?,
        profiles: profile_encoding.unwrap_or(Encoding::Protobuf),
    };
    let network = args.network.network();
    let options = Options {
        connected: vec![network],
        only: vec![network],
        owner: args.live.notifications_of.clone(),
        drops_repeats: true,
        hears_kin: args.claims.hears_kin(),
        ..Options::default()
    };
    let messages = Messages::new(options, None, config.names.clone(), config.model.partitioner, &encodings)
        .noting(&config.application_id)
        .hearing(args.claims.hearing()?);
    let interrupt = Interrupt::install();
    let supervisor = ending::supervise(&interrupt)?;
    let kept = kept_of(&config.application_id);
    let place = places(&config, &to, profiles.as_deref(), &kept)?;
    let counted = Arc::new(Counted::default());
    let server = |options| Server::for_route(Arc::clone(&counted), options).watched_by(&supervisor).start();
    let served = args.listen.map(|listen| args.http.options(listen)).transpose()?;
    let server = served.map(server).transpose().map_err(not_listening)?;
    if let Some(server) = &server {
        eprintln!("serving metrics at http://{}/metrics", server.address());
    }
    let counts = messages.counts();
    let written = [AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0)];
    let tell = |told: Told| {
        let word = network.word();
        let labels = [("network", word)];
        let Counts { tally, .. } = counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        count_messages(&tally, &counted);
        counted.set("clout_connect_written_records_total", &[("topic", &place.to)], told.events);
        if let Some(profiles) = &place.profiles {
            counted.set("clout_connect_written_records_total", &[("topic", profiles)], told.profiles);
        }
        counted.set("clout_dead_letters_total", &[("reason", "malformed")], told.unusable);
        counted.set("clout_connect_reconnects_total", &labels, told.reconnects);
        counted.set("clout_connect_connected", &labels, told.is_connected.into());
        if args.claims.are_heard() {
            for (word, number) in told.claims.by_word() {
                counted.set("clout_connect_claims_total", &[("network", network.word()), ("result", word)], number);
            }
        }
        if let Some(at) = told.last_at {
            let lag_ms = now_ms().saturating_sub(at).max(0);
            counted.set("clout_connect_lag_seconds", &labels, lag_ms.unsigned_abs() / 1_000);
        }
        written[0].store(told.events, Relaxed);
        written[1].store(told.profiles, Relaxed);
        written[2].store(told.unusable, Relaxed);
    };
    let relay = Relay {
        connection: config.connection(),
        application: config.application_id.clone(),
        writer: format!("{}-{}-{}", host_name().unwrap_or_default(), std::process::id(), now_ms()),
        start: args.back_ms.and_then(|back_ms| args.network.position_at(now_ms().saturating_sub(back_ms))),
        stream,
        endpoint,
        place: &place,
        config: &config,
    };
    let relayed = relay.run(messages, supervisor.stop_flag(), tell);
    server.into_iter().for_each(Running::stop);
    counts.lock().unwrap_or_else(PoisonError::into_inner).tell();
    eprintln!("{}", done(&place, &written));
    relayed?;
    ending::outcome(&supervisor)
}

/// Finds the topics, and makes the one for what is kept if it is missing.
fn places(config: &Config, to: &str, profiles: Option<&str>, kept: &str) -> Result<Place, Failure> {
    let (connection, letters) = (config.connection(), config.topics().dead_letters);
    let found = kafka::there(&connection, [to].into_iter().chain(profiles), [kept, letters.as_str()])
        .map_err(|error| missing::explained(error, config, &|_| missing::Use::Written))?;
    let admin = Admin::connect(&connection)?;
    match found.get(kept).map(|found| found.properties.get("cleanup.policy")) {
        None => admin.create(kept, 1, None, &[("cleanup.policy", "compact")])?,
        Some(Some(policy)) if policy != "compact" => {
            return Err(ConnectError::NotCompacted { topic: kept.to_owned(), policy: policy.clone() }.into());
        }
        Some(_) => {}
    }
    let names = NamesTopic::find(&admin, &config.application_id)?;
    let partitions =
        |topic: &str| found.get(topic).map_or(0, |found| u16::try_from(found.partitions).unwrap_or(u16::MAX));
    Ok(Place {
        to: to.to_owned(),
        partitions: partitions(to),
        profiles: profiles.map(str::to_owned),
        profile_partitions: profiles.map_or(0, partitions),
        names,
        kept: kept.to_owned(),
        letters: found.get(&letters).map(|found| {
            let bytes_max = found.record_bytes_max().unwrap_or(RECORD_BYTES_MAX).min(RECORD_BYTES_MAX);
            Letters { topic: letters.clone(), bytes_max }
        }),
    })
}

/// A line that says what was written.
fn done(place: &Place, written: &[AtomicU64; 3]) -> String {
    let [events, profiles, unusable] = written.each_ref().map(|count| count.load(Relaxed));
    let events = format!("{} to {}", count(events, "event", "events"), place.to);
    let profiles = place
        .profiles
        .as_ref()
        .map_or(String::new(), |topic| format!(", {} to {topic}", count(profiles, "profile", "profiles")));
    let unusable = match (&place.letters, unusable) {
        (_, 0) => String::new(),
        (Some(Letters { topic, .. }), letters) => {
            format!(", {} to {topic}", count(letters, "dead letter", "dead letters"))
        }
        (None, messages) => format!(", and none of {} that cannot be used", count(messages, "message", "messages")),
    };
    format!("wrote {events}{profiles}{unusable}")
}

/// Milliseconds since 1970 as microseconds, in which Bluesky counts.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.saturating_mul(1_000)
}
