//! The command `generate`: a synthetic event log into a file.
//!
//! Owns the words of the command line and of the summary; what a world is belongs to the crate `worlds`, what a file
//! of events looks like to `wire`.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use influence::Model;
use vocabulary::{Kind, Timestamp};
use wire::{AT_MAX, EventWriter, Format, WriteError};
use worlds::{Attack, Campaign, Events, FarmError, Mix, World, WorldError};

use crate::duration::parse_duration;
use crate::exit;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::words::{count, duration, now, time};

const AFTER_HELP: &str = "\
Farms:
  super-fan[:acts=1000]                                one account retweets one star
  pair-ring[:acts=100]                                 two accounts retweet each other
  clique[:members=50,acts=1]                           all members retweet all others
  clique-with-boss[:members=50,acts=1,boss-acts=20]    a clique whose members also retweet a boss
  sybil-star[:members=1000]                            fresh accounts retweet one star once each
  follower-farm[:members=1000]                         silent accounts follow one star
  ring[:members=50,acts=100]                           each member retweets the next one of a circle
  tournament[:members=50,acts=1]                       each member retweets the next half of a circle: nobody returns it
  random-clique[:members=50,acts=1]                    a clique in random order
  late-clique[:members=50,acts=1]                      a clique that answers as late as can be
  layers[:layers=4,members=250,acts=1]                 all of a layer retweet all of the next one, the last one a star

  Their members are called farm:<kind>:<number>:<role>, as in farm:superfan:0:star. Every kind also takes hours=H, to be at
  work for the last H hours of the span only, and known=K: K of its members have acted once before, at the beginning of the
  span. So sybil-star:members=300,known=9,hours=24 are 300 accounts of which 9 are as old as the log.

Examples:
  clout generate --out small.json
  clout generate --users 1000000 --events 10000000 --until 2025-01-31T00:00:00Z --out reference.pb.zst
  clout generate --farm super-fan --farm clique:members=20,acts=10 --out attacked.csv.gz
  clout generate --span 60d --farm layers:members=100,hours=24,known=5 --out layers.json
  clout generate --conversations 0.2 --follows 0.1 --out-of-order 0.05 --format csv | head";

/// The span of a log whose ends are not both given.
const SPAN_MS: i64 = 30 * 86_400_000;

/// Write a synthetic event log that ends now.
///
/// With --until or --start the same seed and options give the same events, whenever and on every machine; without, the same
/// ones at other times.
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::READS), allow_negative_numbers = true)]
pub struct GenerateArgs {
    /// The file that is written, compressed if its name ends in .gz or .zst, or - for the standard output. One that is there
    /// already and has something in it is replaced only with --force, when the log is whole
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub out: PathBuf,
    /// How to write: snap, csv, json (one object a line) or protobuf (each message after its length); without it as the
    /// file's name says (.txt, .csv, .json, .pb, each with or without .gz or .zst); json on the standard output
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Another seed gives another world
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// How many users there are, at 16 bytes of memory each
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000)]
    pub users: u32,
    /// How many events to write, those of farms not counted
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000)]
    pub events: u64,
    /// No event is earlier, in RFC 3339 [default: a span before the end]
    #[arg(long, value_name = "TIME", value_parser = crate::words::parse_time)]
    pub start: Option<Timestamp>,
    /// All events are earlier, in RFC 3339 [default: now, or a span after the start]
    #[arg(long, value_name = "TIME", value_parser = crate::words::parse_time)]
    pub until: Option<Timestamp>,
    /// The time from the beginning to the end, over which events are spread evenly, those of farms as well [default: 30d, or from --start to --until]
    #[arg(long = "span", value_name = "DURATION", value_parser = parse_duration)]
    pub span_ms: Option<i64>,
    /// Zipf exponent of how often users act; 0 is all alike
    #[arg(long, value_name = "NUMBER", default_value_t = 0.8)]
    pub actor_exponent: f64,
    /// Zipf exponent of how often users are acted upon
    #[arg(long, value_name = "NUMBER", default_value_t = 1.1)]
    pub target_exponent: f64,
    /// Weights of the kinds; one left out weighs 0
    #[arg(long, value_name = "KIND=WEIGHT,...", default_value = "retweet=0.6,mention=0.3,reply=0.1", value_parser = parse_mix)]
    pub mix: Mix,
    /// Share of events that answer another one within a quarter of an hour
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub conversations: f64,
    /// Share of follows, one in ten of them an unfollow
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub follows: f64,
    /// Share of events on oneself
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub self_acts: f64,
    /// How often half of all new events go to one user, for a hundredth of the span
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub bursts: u32,
    /// Share of events that come late
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub out_of_order: f64,
    /// How late they come at most
    #[arg(long = "max-delay", value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub delay_ms_max: i64,
    /// What a user's name begins with; a number follows
    #[arg(long, value_name = "TEXT", default_value = "u")]
    pub name_prefix: String,
    /// Add an attack, as listed below; may be given several times
    #[arg(long = "farm", value_name = "KIND[:OPTION=NUMBER,...]")]
    pub farms: Vec<Campaign>,
    /// Replace a file that is there already
    #[arg(long)]
    pub force: bool,
    /// Say nothing when done
    #[arg(long, short)]
    pub quiet: bool,
}

/// Writes the log, and a summary to the standard error.
///
/// # Errors
/// If an option is out of its range, or the output cannot be written. A reader that goes away is none.
pub fn run(args: GenerateArgs) -> Result<(), GenerateError> {
    let world = args.world(now());
    let attacks = args.attacks(&world)?;
    let summary = summary(&args, &world, &attacks);
    let events = world.events_with(attacks)?;
    args.check_ending()?;
    args.check_free()?;
    match write(events, args.format(), &args.out) {
        Err(error) if error.is_broken_pipe() => return Ok(()),
        written => written?,
    }
    if !args.quiet {
        eprint!("{summary}");
    }
    Ok(())
}

impl GenerateArgs {
    fn world(&self, now: Timestamp) -> World {
        // Late events are written later than they happened, and none is from the future.
        let (start, span_ms) = match (self.start, self.until, self.span_ms) {
            (Some(start), Some(until), None) => (start, until.saturating_sub(start)),
            (Some(start), _, span_ms) => (start, span_ms.unwrap_or(SPAN_MS)),
            (None, until, span_ms) => {
                let span_ms = span_ms.unwrap_or(SPAN_MS);
                (until.unwrap_or(now).saturating_sub(span_ms), span_ms)
            }
        };
        World {
            seed: self.seed,
            users: self.users,
            events: self.events,
            start,
            span_ms,
            actor_exponent: self.actor_exponent,
            target_exponent: self.target_exponent,
            mix: self.mix,
            conversations: self.conversations,
            follows: self.follows,
            self_acts: self.self_acts,
            bursts: self.bursts,
            out_of_order: self.out_of_order,
            delay_ms_max: self.delay_ms_max,
            name_prefix: self.name_prefix.clone(),
        }
    }

    /// A name that says another format than the one that is written would mislead whoever reads the file.
    fn check_ending(&self) -> Result<(), GenerateError> {
        let is_stream = self.out.as_os_str() == "-" || self.out.starts_with("/dev");
        match self.format.or_else(|| format_of_name(&self.out)) {
            None if !is_stream => Err(GenerateError::Ending(self.out.clone())),
            _ => Ok(()),
        }
    }

    /// What somebody has collected must not be lost to what is made up.
    fn check_free(&self) -> Result<(), GenerateError> {
        let is_something = |metadata: Metadata| metadata.is_file() && metadata.len() > 0;
        match self.out.as_os_str() != "-" && !self.force && fs::metadata(&self.out).is_ok_and(is_something) {
            true => Err(GenerateError::There(self.out.clone())),
            false => Ok(()),
        }
    }

    fn format(&self) -> Format {
        self.format.or_else(|| format_of_name(&self.out)).unwrap_or(Format::Json)
    }

    /// The farms at work for the whole span, numbered as they are given.
    fn attacks(&self, world: &World) -> Result<Vec<Attack>, GenerateError> {
        if let (Some(start), Some(until)) = (self.start, self.until) {
            match self.span_ms {
                Some(_) => return Err(GenerateError::ThreeTimes),
                None if until <= start => return Err(GenerateError::Backwards),
                None => {}
            }
        }
        world.check()?;
        if world.start < 0 {
            return Err(GenerateError::Beginning);
        }
        let during = world.start..world.start + world.span_ms;
        if during.end > AT_MAX {
            return Err(GenerateError::End);
        }
        let attack = |(farm, number): (&Campaign, u32)| farm.attack(number, during.clone(), world.seed);
        Ok(self.farms.iter().zip(0..).map(attack).collect::<Result<_, _>>()?)
    }
}

/// The format that a file's name tells by its ending, that of a compression left out.
fn format_of_name(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "txt" | "snap" => Some(Format::Snap),
        "csv" => Some(Format::Csv),
        "json" | "jsonl" | "ndjson" => Some(Format::Json),
        "pb" | "protobuf" => Some(Format::Protobuf),
        "gz" | "zst" => format_of_name(Path::new(path.file_stem()?)),
        _ => None,
    }
}

/// Weights as in `retweet=0.6,mention=0.3`.
fn parse_mix(text: &str) -> Result<Mix, MixError> {
    let mut mix = Mix::none();
    for part in text.split(',') {
        let (word, number) = part.split_once('=').ok_or_else(|| MixError::Weight(part.to_owned()))?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word);
        let kind = kind.ok_or_else(|| MixError::Kind(word.to_owned()))?;
        if !kind.is_counted() {
            return Err(MixError::Follow);
        }
        mix.set(kind, number.parse().map_err(|_| MixError::Weight(part.to_owned()))?);
    }
    Ok(mix)
}

fn write(mut events: Events, format: Format, out: &Path) -> Result<(), GenerateError> {
    let failed = |source| GenerateError::Output { path: out.to_owned(), source };
    let refused = |error| match error {
        WriteError::Io(source) => failed(source),
        error => GenerateError::Event(error),
    };
    let mut writer = EventWriter::new(Output::create(out).map_err(failed)?, format);
    let interrupt = Interrupt::install();
    while let Some(event) = events.next_event() {
        writer.write(&event).map_err(refused)?;
        if interrupt.is_asked() {
            return Err(GenerateError::Interrupted);
        }
    }
    let whole = writer.finish().map_err(refused)?.finish().map_err(failed)?;
    whole.keep().map_err(failed)
}

/// What was written, whom to look for, and what to do next.
fn summary(args: &GenerateArgs, world: &World, attacks: &[Attack]) -> String {
    let attacking: usize = attacks.iter().map(|attack| attack.acts.len()).sum();
    let events = |number: u64| count(number, "event", "events");
    let mut lines = vec![
        format!(
            "wrote {} of {}, format {}",
            events(args.events),
            count(args.users.into(), "user", "users"),
            args.format()
        ),
        format!("from {} to {} ({})", time(world.start), time(world.start + world.span_ms), duration(world.span_ms)),
    ];
    if !attacks.is_empty() {
        let farms = count(attacks.len() as u64, "farm", "farms");
        lines.push(format!("and {} of {farms}; look for", events(attacking as u64)));
    }
    for (attack, farm) in attacks.iter().zip(&args.farms) {
        let [first, second, ..] = attack.names.as_slice() else { continue };
        let more = match attack.names.len() - 2 {
            0 => String::new(),
            others => format!(" and {others} more"),
        };
        lines.push(format!("  {first}, {second}{more} ({}, {})", farm.farm.kind(), events(attack.acts.len() as u64)));
    }
    if !attacks.is_empty() && world.span_ms <= Model::default().half_life_ms {
        lines.push(
            "note: in the first half-life of a log nobody counts as a stranger: score it with a half-life that is shorter than its \
             span, as by --half-life 7d, or write a longer one, as by --span 60d"
                .to_owned(),
        );
    }
    if args.out.as_os_str() != "-" {
        lines.push(format!("next: clout replay {}", args.out.display()));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Why no log was written, or not all of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// An option of the world is out of its range.
    #[error(transparent)]
    World(#[from] WorldError),
    /// Events would have times that no format has.
    #[error("start and span reach beyond the year 9999: give a shorter --span, or an earlier --start or --until")]
    End,
    /// Events would have times that no format has.
    #[error("the span begins before 1970: give a shorter --span, or a later --start or --until")]
    Beginning,
    /// Beginning, end and length are said, and two of them say it all.
    #[error("--start, --until and --span: give two of them")]
    ThreeTimes,
    /// It would end before it begins.
    #[error("--until must be later than --start")]
    Backwards,
    /// A farm that cannot be.
    #[error(transparent)]
    Farm(#[from] FarmError),
    /// The output cannot be created or written.
    #[error("cannot write {path}", path = path.display())]
    Output {
        /// Where to.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody pressed Ctrl-C.
    #[error("interrupted: no file is written")]
    Interrupted,
    /// A file's name does not say how to write it.
    #[error(
        "--out {}: the name must end in .json, .csv, .txt or .pb, with or without .gz or .zst behind, or --format say how to \
         write it", .0.display()
    )]
    Ending(PathBuf),
    /// Something would be lost.
    #[error("--out {}: the file is there already; name another one, or say --force to replace it", .0.display())]
    There(PathBuf),
    /// The format has no way to write an event.
    #[error(transparent)]
    Event(WriteError),
}

impl GenerateError {
    /// True when whoever read the output, as `head` does, has seen enough.
    fn is_broken_pipe(&self) -> bool {
        matches!(self, GenerateError::Output { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// Why a text is no mix of kinds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum MixError {
    #[error("{0:?} is not a kind and its weight, as in retweet=0.6")]
    Weight(String),
    #[error("no kind to mix is called {0:?}: there are {kinds}", kinds = Mix::words())]
    Kind(String),
    #[error("follows are no part of the mix: ask for a share of them with --follows")]
    Follow,
}
