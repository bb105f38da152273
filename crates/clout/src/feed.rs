//! The command `feed`: recorded logs into topics, keyed by actor as the workers want them.

mod pacer;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use influence::{Event, Kind, Partitioner, Profile, Timestamp};
use kafka::{Admin, AdminError, Feeder};
use pipeline::Holds;
use wire::{Encoding, encode_event, encode_event_json, parse_kind};

use crate::config::{Config, Flags};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::recorded::gate::Gate;
use crate::recorded::input::BytesRead;
use crate::recorded::log::{Files, Logs};
use crate::recorded::loss::Outcome;
use crate::recorded::progress::{Progress, Watch};
use crate::recorded::rejects::{Letters, Rejects};
use crate::recorded::{ReadingArgs, Sink, Stop};
use crate::words::{count, thousands};
use crate::{ending, exit};
use pacer::{Pace, Pacer};

const AFTER_HELP: &str = "\
Each event goes to the partition of its actor, as `clout run` wants it. Several files are merged by the time of their \
events. Without --topic the events go to the first input of the configuration that holds events.

Examples:
  clout feed higgs-activity_time.txt.gz
  clout feed log.json.zst --rate 50000 --topic events
  clout feed higgs-activity_time.txt.gz --pace 3600 --timestamps event
  clout feed log.csv --topic retweet=retweets --topic mention=mentions --topic reply=mentions --encoding json
  clout generate --events 1000000 | clout feed -";

/// Feed recorded logs into Kafka
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::FEEDS))]
pub struct FeedArgs {
    /// Event logs, or - for the standard input. Those packed by gzip or zstd are recognised and read as they are
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    reading: ReadingArgs,
    /// Leave out events later than this; without it those more than 5 minutes ahead of this machine's clock are bad lines
    #[arg(long, value_name = "TIME", value_parser = wire::parse_time)]
    until: Option<Timestamp>,
    /// Go on up to so many bad lines; 0 tolerates none
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    max_bad: u64,
    /// End well where more than half, or a whole one of several files, cannot be used
    #[arg(long)]
    accept_loss: bool,
    /// Keep bad lines here, untouched and each with its reason, as JSON lines
    #[arg(long, value_name = "FILE")]
    dead_letters: Option<PathBuf>,

    /// Where the events go, or those of one kind; may be repeated [default: the first input that holds events]
    #[arg(long = "topic", value_name = "[KIND=]TOPIC", value_parser = parse_topic)]
    topics: Vec<(Option<Kind>, String)>,
    /// How they are written there: protobuf or json [default: as the configuration says of the topic, else protobuf]
    #[arg(long, value_name = "ENCODING", value_parser = parse_encoding)]
    encoding: Option<Encoding>,
    /// The time that records carry
    #[arg(long, value_enum, default_value_t = Timestamps::Now)]
    timestamps: Timestamps,
    /// At most so many events a second
    #[arg(long, value_name = "NUMBER", value_parser = parse_positive, conflicts_with = "pace")]
    rate: Option<f64>,
    /// At the log's own pace, so many times faster
    #[arg(long, value_name = "FACTOR", value_parser = parse_positive)]
    pace: Option<f64>,
    /// Nothing on the standard error except errors
    #[arg(long, short)]
    quiet: bool,
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
    let files = Files { files: &args.files, profiles: &[], reading: &args.reading };
    let logs = Logs::open(&files, &bytes_read, &interrupt)?;
    let mut feeding = Feeding::new(args, &config, interrupt.clone())?;

    let progress = Progress::new(logs.size_bytes(), bytes_read, args.quiet);
    logs.empty().for_each(|nothing| progress.say(&format!("note: {nothing}")));
    let rejects = Rejects::new(args.max_bad, args.dead_letters.as_deref(), &progress)?;
    let mut gate =
        Gate::new(args.until, config.names.clone(), rejects, Watch { progress: progress.clone(), interrupt });
    let mut files_read = Vec::new();
    let read = logs.read(&mut gate, &mut feeding, &mut files_read);
    let (topics, events) = (feeding.names(), feeding.events);
    let fed = feeding.finish();
    progress.finish();
    gate.notes.lines().iter().for_each(|line| progress.say(line));
    let (counts, reasons, letters) = gate.finish();
    let letters = letters.and_then(|letters| letters.map_or(Ok(()), Letters::keep));

    let bad = counts.bad();
    let skipped = counts.no_target + counts.other_kinds;
    let elapsed = progress.elapsed().as_secs_f64();
    let rate = thousands((events as f64 / elapsed.max(1e-3)) as u64);
    let bad = if bad == 0 { String::new() } else { format!("; {} left out", count(bad, "bad line", "bad lines")) };
    let skipped =
        if skipped == 0 { String::new() } else { format!("; {} no acts", count(skipped, "record is", "records are")) };
    if fed.is_ok() {
        progress.say(&format!(
            "fed {} to {topics} in {elapsed:.2} s, {rate} events/s{bad}{skipped}",
            count(events, "event", "events")
        ));
    }
    let stop = read.and(fed).err();
    let outcome = Outcome {
        counts: &counts,
        files: &files_read,
        reasons: &reasons,
        stop: stop.as_ref(),
        is_accepted: args.accept_loss,
        consequence: "what can be used is fed",
    };
    match (outcome.loss(), stop) {
        (Some(loss), _) => Err(loss.into()),
        (None, Some(stop)) => Err(stop.into()),
        (None, None) => {
            ending::outcome(&supervisor)?;
            Ok(letters?)
        }
    }
}

/// Where each event goes.
struct Feeding {
    feeder: Feeder,
    pacer: Pacer,
    partitioner: Partitioner,
    has_event_times: bool,
    topics: Vec<Topic>,
    /// The place among the topics, by kind.
    by_kind: [Option<usize>; KINDS.len()],
    value: Vec<u8>,
    events: u64,
}

struct Topic {
    name: String,
    encoding: Encoding,
    partitions: u16,
}

const KINDS: [Kind; 5] = [Kind::Mention, Kind::Retweet, Kind::Reply, Kind::Follow, Kind::Unfollow];

fn place(kind: Kind) -> usize {
    KINDS.iter().position(|other| *other == kind).unwrap_or_default()
}

impl Feeding {
    fn new(args: &FeedArgs, config: &Config, interrupt: Interrupt) -> Result<Feeding, Failure> {
        let default = config.inputs.iter().find(|input| input.holds == Holds::Events).map(|input| input.topic.clone());
        let asked = match (&args.topics[..], default) {
            ([], Some(topic)) => vec![(None, topic)],
            (topics, _) => topics.to_vec(),
        };
        let found = Admin::connect(&config.connection())?.find(asked.iter().map(|(_, topic)| topic.as_str()))?;
        let mut topics: Vec<Topic> = Vec::new();
        let mut by_kind = [None; KINDS.len()];
        for (kind, name) in asked {
            let Some(found) = found.get(&name) else { return Err(AdminError::Missing(vec![name]).into()) };
            let configured = config.inputs.iter().find(|input| input.topic == name).map(|input| input.encoding);
            let encoding = args.encoding.or(configured).unwrap_or(Encoding::Protobuf);
            let partitions = u16::try_from(found.partitions).unwrap_or(u16::MAX);
            match kind {
                Some(kind) => by_kind[place(kind)] = Some(topics.len()),
                None => by_kind.iter_mut().for_each(|place| *place = place.or(Some(topics.len()))),
            }
            topics.push(Topic { name, encoding, partitions });
        }
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
            value: Vec::new(),
            events: 0,
        })
    }

    fn names(&self) -> String {
        self.topics.iter().map(|topic| topic.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn finish(self) -> Result<(), Stop> {
        let names = self.names();
        Ok(self.feeder.finish(&names).map_err(Box::new)?)
    }
}

impl Sink for Feeding {
    #[inline]
    fn event(&mut self, event: &Event<'_>) -> Result<(), Stop> {
        let Some(topic) = self.by_kind[place(event.kind)].map(|place| &self.topics[place]) else {
            return Err(Stop::NoTopic(event.kind));
        };
        self.pacer.wait(event.at)?;
        self.value.clear();
        match topic.encoding {
            Encoding::Protobuf => encode_event(event, &mut self.value),
            Encoding::Json => encode_event_json(event, &mut self.value),
        }
        let partition = self.partitioner.partition(event.actor, topic.partitions);
        let at = self.has_event_times.then_some(event.at);
        self.feeder.send(&topic.name, partition, event.actor, &self.value, at).map_err(Box::new)?;
        self.events += 1;
        Ok(())
    }

    /// No file of profiles is read.
    fn profile(&mut self, _: &Profile<'_>) -> Result<(), Stop> {
        Ok(())
    }
}
