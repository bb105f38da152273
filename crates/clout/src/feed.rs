//! The command `feed`: recorded logs and profiles into topics, keyed by actor and by user as the workers want them.

mod pacer;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use influence::Partitioner;
use kafka::{Admin, Feeder, Topics};
use pipeline::{Clock, Holds};
use vocabulary::{Event, Kind, PerKind, Profile, Timestamp};
use wire::{
    Encoding, encode_event_json_with_id, encode_event_with_id, encode_profile, encode_profile_json, name_key,
    parse_kind,
};

use crate::claims::{ClaimArgs, Claimed, Hearing};
use crate::config::{Config, Flags};
use crate::duration::{DurationError, parse_duration};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::names_topic::NamesTopic;
use crate::recorded::gate::Gate;
use crate::recorded::input::{BytesRead, is_standard};
use crate::recorded::log::{Files, Logs};
use crate::recorded::loss::Outcome;
use crate::recorded::messages::{Networks, summaries};
use crate::recorded::naming::Said;
use crate::recorded::progress::{Progress, Watch};
use crate::recorded::rejects::{Letters, Rejects};
use crate::recorded::{NetworkArgs, ReadingArgs, Sink, Stop};
use crate::words::{count, thousands};
use crate::{ending, exit, missing, words};
use pacer::{Pace, Pacer};

const AFTER_HELP: &str = "\
Each event goes to the partition of its actor, as `clout run` wants it, each profile to that of its user. Several files \
are merged by the time of their events; profiles come first. Without --topic the events go to the first input of the \
configuration that holds events, without --profiles-topic the profiles to the first that holds profiles.

Examples:
  clout feed higgs-activity_time.txt.gz
  clout feed log.json.zst --rate 50000 --topic events
  clout feed higgs-activity_time.txt.gz --speed 1h --timestamps event
  clout feed log.csv --topic retweet=retweets --topic mention=mentions --topic reply=mentions --encoding json
  clout generate --events 1000000 | clout feed -
  clout feed --profiles profiles.json --profiles-topic accounts";

/// Feed recorded logs and profiles into Kafka
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::FEEDS))]
pub struct FeedArgs {
    /// Event logs, messages of networks, folders of both, or - for the standard input. Those packed by gzip or zstd are
    /// recognised and read as they are
    #[arg(value_name = "FILE", required_unless_present = "profiles")]
    files: Vec<PathBuf>,
    /// Profiles: trust and opt-outs, as JSON lines or protobuf; may be repeated
    #[arg(long, value_name = "FILE")]
    profiles: Vec<PathBuf>,
    #[command(flatten)]
    reading: ReadingArgs,
    #[command(flatten)]
    networks: NetworkArgs,
    /// Leave out events later than this; without it those more than 5 minutes ahead of this machine's clock are bad lines
    #[arg(long, value_name = "TIME", value_parser = crate::words::parse_time)]
    until: Option<Timestamp>,
    /// Go on up to so many bad lines; 0 tolerates none
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    max_bad: u64,
    /// End well where more than half, or a whole one of several files, cannot be used, and where there is nothing to feed
    #[arg(long)]
    accept_loss: bool,
    /// Keep bad lines here, untouched and each with its reason, as JSON lines
    #[arg(long, value_name = "FILE")]
    dead_letters: Option<PathBuf>,

    /// Where the events go, or those of one kind; may be repeated [default: the first input that holds events]
    #[arg(long = "topic", value_name = "[KIND=]TOPIC", value_parser = parse_topic)]
    topics: Vec<(Option<Kind>, String)>,
    /// The topic that profiles are written to [default: the first input that holds profiles]
    #[arg(long, value_name = "TOPIC")]
    profiles_topic: Option<String>,
    /// How they are written there: protobuf or json [default: as the configuration says of the topic, else protobuf]
    #[arg(long, value_name = "ENCODING", value_parser = parse_encoding)]
    encoding: Option<Encoding>,
    /// The time that records carry
    #[arg(long, value_enum, default_value_t = Timestamps::Now)]
    timestamps: Timestamps,
    /// At most so many events a second
    #[arg(long, value_name = "NUMBER", value_parser = parse_positive, conflicts_with = "pace")]
    rate: Option<f64>,
    /// At the log's own pace: how much of its time passes in a second, as in 1h
    #[arg(long = "speed", alias = "pace", value_name = "DURATION", value_parser = parse_speed)]
    pace: Option<f64>,
    /// Nothing on the standard error except errors
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    claims: ClaimArgs,
    #[command(flatten)]
    config: Flags,
}

/// The time that a record carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Timestamps {
    /// When it is fed
    Now,
    /// When the event happened
    Event,
}

fn parse_topic(text: &str) -> Result<(Option<Kind>, String), String> {
    match text.split_once('=') {
        Some((kind, topic)) => Ok((Some(parse_kind(kind).map_err(|error| error.to_string())?), topic.to_owned())),
        None => Ok((None, text.to_owned())),
    }
}

fn parse_encoding(text: &str) -> Result<Encoding, String> {
    match text {
        "protobuf" => Ok(Encoding::Protobuf),
        "json" => Ok(Encoding::Json),
        _ => Err("there are protobuf and json".to_owned()),
    }
}

/// A speed, which is the time of the log that passes in one second, as a factor.
fn parse_speed(text: &str) -> Result<f64, DurationError> {
    Ok(parse_duration(text)? as f64 / 1e3)
}

fn parse_positive(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| *number > 0.0 && number.is_finite());
    number.ok_or_else(|| "not a number above zero".to_owned())
}

/// Feeds the logs, and tells on the standard error what was fed.
///
/// # Errors
/// If nothing could be begun, or the reading or the writing stopped early: what was read until then is fed all the same.
pub fn run(args: &FeedArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let interrupt = Interrupt::install();
    let supervisor = ending::supervise(&interrupt)?;
    let bytes_read = BytesRead::default();
    let files =
        Files { files: &args.files, profiles: &args.profiles, reading: &args.reading, networks: &args.networks };
    let logs = Logs::open(&files, &bytes_read, &interrupt)?.hearing_kin(args.claims.hears_kin());
    let mut feeding = Feeding::new(args, &config, logs.has_messages(), interrupt.clone())?;

    let progress = Progress::new(logs.size_bytes(), bytes_read, args.quiet);
    logs.passed().for_each(|passed| progress.say(&format!("note: {passed}")));
    let rejects = Rejects::new(args.max_bad, args.dead_letters.as_deref(), &progress)?;
    let mut gate =
        Gate::new(args.until, config.names.clone(), rejects, Watch { progress: progress.clone(), interrupt });
    let mut files_read = Vec::new();
    let read = logs.read(&mut gate, &mut feeding, &mut files_read);
    if let Some(warning) = feeding.all_old() {
        progress.say(&format!("warning: {warning}"));
    }
    let (topics, events, profiles) = (feeding.names(), feeding.events, feeding.profiles);
    let left_profiles = feeding.left_profiles;
    let claims = feeding.claims.take();
    let fed = feeding.finish();
    progress.finish();
    gate.notes.lines().iter().for_each(|line| progress.say(line));
    let networks = gate.networks.take();
    let (counts, reasons, letters) = gate.finish();
    summaries(networks.as_deref().map(Networks::tally)).iter().for_each(|network| progress.say(&network.line()));
    if left_profiles > 0 {
        let accounts = count(left_profiles, "account", "accounts");
        progress.say(&format!("note: no topic takes what networks say of {accounts}: --profiles-topic names one"));
    }
    // What accounts say of whose they are is written once the rest is.
    let settled = match (claims, fed.is_ok()) {
        (Some(mut claims), true) => {
            claims.committed();
            let settled = claims.settle(&config);
            claims.outcomes().line().iter().for_each(|line| progress.say(line));
            settled
        }
        _ => Ok(()),
    };
    let letters = letters.and_then(|letters| letters.map_or(Ok(()), Letters::keep));

    let bad = counts.bad() + counts.malformed_profiles;
    let skipped = counts.no_target + counts.other_kinds;
    let elapsed = progress.elapsed().as_secs_f64();
    let rate = thousands((events as f64 / elapsed.max(1e-3)) as u64);
    let bad = if bad == 0 { String::new() } else { format!("; {} left out", count(bad, "bad line", "bad lines")) };
    let skipped = if skipped == 0 {
        String::new()
    } else {
        format!("; {}", count(skipped, "record is no act", "records are no acts"))
    };
    let fed_any = events + profiles > 0;
    if fed.is_ok() {
        let profiles = (profiles > 0).then(|| count(profiles, "profile", "profiles"));
        let events = (events > 0 || profiles.is_none()).then(|| count(events, "event", "events"));
        let rate = events.as_ref().map_or(String::new(), |_| format!(", {rate} events/s"));
        let what = profiles.into_iter().chain(events).collect::<Vec<_>>().join(" and ");
        progress.say(&format!("fed {what} to {topics} in {elapsed:.2} s{rate}{bad}{skipped}"));
    }
    let stop = read.and(fed).err();
    let outcome = Outcome {
        counts: &counts,
        files: &files_read,
        reasons: &reasons,
        stop: stop.as_ref(),
        is_accepted: args.accept_loss,
        consequence: if fed_any { "what can be used is fed" } else { "nothing is fed" },
        empty: (!args.accept_loss).then(|| nothing_in(args)),
    };
    match (outcome.loss(), stop) {
        (Some(loss), _) => Err(loss.into()),
        (None, Some(stop)) => Err(stop.into()),
        (None, None) => {
            ending::outcome(&supervisor)?;
            settled?;
            Ok(letters?)
        }
    }
}

/// The error where the files have nothing to feed.
fn nothing_in(args: &FeedArgs) -> String {
    let what = if args.files.is_empty() { "profile" } else { "event" };
    let files = if args.files.is_empty() { &args.profiles } else { &args.files };
    let place = match &files[..] {
        [one] if is_standard(one) => "the standard input".to_owned(),
        [one] => one.display().to_string(),
        files => format!("any of the {} files", files.len()),
    };
    format!("there is no {what} in {place}: --accept-loss takes it for a time in which nothing has happened")
}

/// Where each event goes.
struct Feeding {
    feeder: Feeder,
    pacer: Pacer,
    partitioner: Partitioner,
    has_event_times: bool,
    topics: Vec<Topic>,
    /// The place among the topics, by kind.
    by_kind: PerKind<Option<usize>>,
    /// The place of that of profiles.
    of_profiles: Option<usize>,
    /// The topic of what accounts are called, where networks say it.
    names_topic: Option<NamesTopic>,
    /// The listener for claims; `None` if none are to be heard.
    claims: Option<Hearing>,
    spelling: wire::Names,
    value: Vec<u8>,
    events: u64,
    profiles: u64,
    /// Profiles that have no topic.
    left_profiles: u64,
    /// Of the acts; follows do not fade.
    newest: Timestamp,
    /// The window in milliseconds: older acts count nothing by the wall clock. `None` where events move the clock.
    window_ms: Option<i64>,
}

/// The reasons why a topic cannot take what is fed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedTopicError {
    /// The configuration says that the topic holds the other kind of records.
    #[error(
        "topic {topic} holds {holds}, as the configuration says, and {what} are to go there: {advice}, or mend `holds` of this \
         input"
    )]
    Holds {
        /// The topic that was asked for.
        topic: String,
        /// The kind of records that it holds: events or profiles.
        holds: &'static str,
        /// The kind of records that were to be written to it.
        what: &'static str,
        /// The option that names the right topic.
        advice: &'static str,
    },
    /// An application writes the topic itself.
    #[error(
        "topic {topic} is one that the application {application} writes itself, and nobody else may: name a topic of events or of \
         profiles"
    )]
    Own {
        /// The topic that was asked for.
        topic: String,
        /// The application whose it is.
        application: String,
    },
    /// The configuration says that the topic is written in another way.
    #[error("topic {topic} is read {wanted}, as the configuration says, and {is} is to go there: {advice}")]
    Encoding {
        /// The topic that was asked for.
        topic: String,
        /// How it is read.
        wanted: &'static str,
        /// How records would be written to it.
        is: &'static str,
        /// The way out.
        advice: &'static str,
    },
    /// There is no topic of profiles.
    #[error("no input of the configuration holds profiles: name their topic by --profiles-topic")]
    NoProfiles,
    /// There is no topic of events.
    #[error("no input of the configuration holds events: name their topic by --topic")]
    NoEvents,
}

/// Refuses to write to a topic that an application writes itself.
pub(crate) fn check_not_own(config: &Config, topic: &str) -> Result<(), Failure> {
    let owner = match Topics::maybe_of(topic) {
        Some(application) if application == config.application_id => Some(application),
        Some(_) => Admin::connect(&config.connection())?.owner(topic)?,
        None => None,
    };
    match owner {
        Some(application) => {
            let (topic, application) = (topic.to_owned(), application.to_owned());
            Err(FeedTopicError::Own { topic, application }.into())
        }
        None => Ok(()),
    }
}

/// Refuses to write events to an input of profiles, profiles to an input of events, and either to a topic of the application's own.
pub(crate) fn check_holds(config: &Config, topic: &str, wanted: Holds) -> Result<(), Failure> {
    check_not_own(config, topic)?;
    let is_other = config.inputs.iter().any(|input| input.topic == topic && input.holds != wanted);
    let (holds, what, advice) = match wanted {
        Holds::Events => ("profiles", "events", "give profiles by --profiles FILE"),
        Holds::Profiles => ("events", "profiles", "name another one by --profiles-topic"),
    };
    match is_other {
        true => Err(FeedTopicError::Holds { topic: topic.to_owned(), holds, what, advice }.into()),
        false => Ok(()),
    }
}

/// How records are written to a topic: as the configuration reads it, if it does.
pub(crate) fn encoding_of(config: &Config, topic: &str, asked: Option<Encoding>) -> Result<Encoding, FeedTopicError> {
    let Some(input) = config.inputs.iter().find(|input| input.topic == topic) else {
        return Ok(asked.unwrap_or(Encoding::Protobuf));
    };
    let word = |encoding| if encoding == Encoding::Json { "as JSON" } else { "as protobuf" };
    let encoding = asked.unwrap_or(input.encoding);
    let refused = |wanted, advice| {
        let is = if encoding == Encoding::Json { "JSON" } else { "protobuf" };
        Err(FeedTopicError::Encoding { topic: topic.to_owned(), wanted, is, advice })
    };
    match encoding {
        _ if input.is_confluent => {
            refused("in the Confluent wire format", "plain records are written; leave `confluent` of this input out")
        }
        encoding if encoding != input.encoding => {
            refused(word(input.encoding), "leave --encoding out, or mend `encoding` of this input")
        }
        encoding => Ok(encoding),
    }
}

struct Topic {
    name: String,
    encoding: Encoding,
    partitions: u16,
}

impl Feeding {
    fn new(args: &FeedArgs, config: &Config, has_messages: bool, interrupt: Interrupt) -> Result<Feeding, Failure> {
        let first = |holds| config.inputs.iter().find(|input| input.holds == holds).map(|input| input.topic.clone());
        let asked = match (&args.topics[..], args.files.is_empty()) {
            (_, true) => Vec::new(),
            ([], false) => vec![(None, first(Holds::Events).ok_or(FeedTopicError::NoEvents)?)],
            (topics, false) => topics.to_vec(),
        };
        let for_profiles = match (&args.profiles_topic, args.profiles.is_empty()) {
            // What networks say of accounts goes where profiles go, if they go anywhere.
            (None, true) if has_messages => first(Holds::Profiles),
            (Some(topic), true) if has_messages => Some(topic.clone()),
            (_, true) => None,
            (Some(topic), false) => Some(topic.clone()),
            (None, false) => Some(first(Holds::Profiles).ok_or(FeedTopicError::NoProfiles)?),
        };
        asked.iter().try_for_each(|(_, topic)| check_holds(config, topic, Holds::Events))?;
        for_profiles.iter().try_for_each(|topic| check_holds(config, topic, Holds::Profiles))?;
        let names = asked.iter().map(|(_, topic)| topic).chain(&for_profiles);
        let found = kafka::there(&config.connection(), names.map(String::as_str), [])
            .map_err(|error| missing::explained(error, config, &|_| missing::Use::Written))?;
        let topic = |name: String| {
            let encoding = encoding_of(config, &name, args.encoding)?;
            let partitions = u16::try_from(found[&name].partitions).unwrap_or(u16::MAX);
            Ok::<_, Failure>(Topic { name, encoding, partitions })
        };
        let mut topics: Vec<Topic> = Vec::new();
        let mut by_kind: PerKind<Option<usize>> = PerKind::default();
        for (kind, name) in asked {
            match kind {
                Some(kind) => by_kind[kind] = Some(topics.len()),
                None => Kind::ALL.into_iter().for_each(|kind| by_kind[kind] = by_kind[kind].or(Some(topics.len()))),
            }
            topics.push(topic(name)?);
        }
        let of_profiles = for_profiles.as_ref().map(|_| topics.len());
        topics.extend(for_profiles.map(topic).transpose()?);
        let pace = match (args.rate, args.pace) {
            (Some(rate), _) => Pace::Rate(rate),
            (None, Some(factor)) => Pace::Times(factor),
            (None, None) => Pace::Full,
        };
        Ok(Feeding {
            feeder: Feeder::connect(&config.connection())?,
            pacer: Pacer::new(pace, interrupt),
            partitioner: config.model.partitioner,
            has_event_times: args.timestamps == Timestamps::Event,
            topics,
            by_kind,
            of_profiles,
            names_topic: has_messages
                .then(|| NamesTopic::find_if_allowed(&config.connection(), &config.application_id))
                .flatten(),
            claims: args.claims.hearing()?,
            spelling: config.names.clone(),
            value: Vec::new(),
            events: 0,
            profiles: 0,
            left_profiles: 0,
            newest: Timestamp::MIN,
            window_ms: (config.clock == Clock::Wall).then_some(config.model.window_ms),
        })
    }

    fn names(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for topic in &self.topics {
            if !names.contains(&topic.name.as_str()) {
                names.push(&topic.name);
            }
        }
        names.join(", ")
    }

    /// The warning for a log whose newest act is older than the window; `None` if something counts.
    fn all_old(&self) -> Option<String> {
        let window_ms = self.window_ms?;
        let is_old = self.newest != Timestamp::MIN && self.newest < words::now().saturating_sub(window_ms);
        is_old.then(|| words::all_old(window_ms))
    }

    fn finish(self) -> Result<(), Stop> {
        let names = self.names();
        Ok(self.feeder.finish(&names).map_err(Box::new)?)
    }
}

impl Sink for Feeding {
    #[inline]
    fn event(&mut self, event: &Event<'_>, id: &str) -> Result<(), Stop> {
        let Some(topic) = self.by_kind[event.kind].map(|place| &self.topics[place]) else {
            return Err(Stop::NoTopic(event.kind));
        };
        self.pacer.wait(event.at)?;
        self.value.clear();
        match topic.encoding {
            Encoding::Protobuf => encode_event_with_id(event, id, &mut self.value),
            Encoding::Json => encode_event_json_with_id(event, id, &mut self.value),
        }
        if event.kind.is_counted() {
            self.newest = self.newest.max(event.at);
        }
        let partition = self.partitioner.partition(event.actor, topic.partitions);
        let at = self.has_event_times.then_some(event.at);
        self.feeder.send(&topic.name, partition, event.actor, &self.value, at).map_err(Box::new)?;
        self.events += 1;
        Ok(())
    }

    fn profile(&mut self, profile: &Profile<'_>) -> Result<(), Stop> {
        let Some(topic) = self.of_profiles.map(|place| &self.topics[place]) else {
            self.left_profiles += 1;
            return Ok(());
        };
        self.value.clear();
        match topic.encoding {
            Encoding::Protobuf => encode_profile(profile, &mut self.value),
            Encoding::Json => encode_profile_json(profile, &mut self.value),
        }
        let partition = self.partitioner.partition(profile.user, topic.partitions);
        self.feeder.send(&topic.name, partition, profile.user, &self.value, None).map_err(Box::new)?;
        self.profiles += 1;
        Ok(())
    }

    fn found(&mut self, profile: &Profile<'_>) -> Result<(), Stop> {
        self.profile(profile)
    }

    fn claimed(&mut self, claimed: Claimed) -> Result<(), Stop> {
        if let Some(claims) = &mut self.claims {
            claims.hear(claimed, &self.spelling);
        }
        Ok(())
    }

    fn takes_names(&self) -> bool {
        self.names_topic.is_some()
    }

    fn called(&mut self, said: &Said) -> Result<(), Stop> {
        let Some(NamesTopic { topic, partitions }) = &self.names_topic else { return Ok(()) };
        let Said { user, field, value } = said;
        let (partition, key) = (self.partitioner.partition(user, *partitions), name_key(*field, user));
        let value = value.as_deref().map(str::as_bytes);
        self.feeder.send_or_erase(topic, partition, &key, value).map_err(Box::new)?;
        Ok(())
    }
}
