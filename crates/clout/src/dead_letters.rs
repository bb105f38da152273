//! The command `dead-letters`: how many there are and why, what they are, and the way back to the topics that they come from.

use std::collections::BTreeMap;
use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use kafka::{Dispatched, Letter, Recipient};
use pipeline::REASONS;
use serde::Serialize;
use vocabulary::{AHEAD_MS_MAX, Timestamp};

use crate::columns::table;
use crate::config::{Config, Flags, Input};
use crate::exit;
use crate::failure::Failure;
use crate::keyer::{Keyed, Keyer};
use crate::missing;
use crate::shown::shown;
use crate::topics::{json, say};
use crate::words::{count, now, thousands, time};

const COUNT_HELP: &str = "\
Reads the application's dead letters, and changes nothing. A letter can be sent again if the record is whole, and the configuration \
reads it as what it is.

Examples:
  clout dead-letters count --config clout.toml
  clout dead-letters count --config clout.toml --origin events --json";

const SHOW_HELP: &str = "\
Reads the application's dead letters, and changes nothing.

Examples:
  clout dead-letters show --config clout.toml
  clout dead-letters show --config clout.toml --reason malformed --last 3
  clout dead-letters show --config clout.toml --at 3:1042 --whole";

const SEND_HELP: &str = "\
Without --yes it says what would be sent, and sends nothing. Each letter goes to the topic that it comes from, to the partition of \
its actor, and is sent once: that it was stands in the topic of dead letters from then on. A second call, or one after a failure, sends \
what was not sent. What cannot be used as the input is configured now stays for a later call.

Examples:
  clout dead-letters send --config clout.toml
  clout dead-letters send --config clout.toml --reason malformed --yes";

/// Letters of a key or a value that are shown of it.
const SHOWN_MAX: usize = 400;

/// Count, show and send again what could not be used
#[derive(Args, Clone, Debug)]
pub struct DeadLettersArgs {
    #[command(subcommand)]
    command: DeadLettersCommand,
}

#[derive(Subcommand, Clone, Debug)]
enum DeadLettersCommand {
    Count(CountArgs),
    Show(ShowArgs),
    Send(SendArgs),
}

/// Count dead letters by input and reason
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(COUNT_HELP, exit::ASKS))]
struct CountArgs {
    #[command(flatten)]
    which: Which,
    /// One document of JSON on the standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Flags,
}

/// Show dead letters: where the record is, what is wrong, and what is kept of it
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(SHOW_HELP, exit::ASKS))]
struct ShowArgs {
    #[command(flatten)]
    which: Which,
    /// The number of letters that are shown, the newest of all
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    last: usize,
    /// Keys and values in full
    #[arg(long)]
    whole: bool,
    /// One document of JSON on the standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Flags,
}

/// Send dead letters again to the topics that they come from, each once
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(SEND_HELP, exit::ASKS))]
struct SendArgs {
    #[command(flatten)]
    which: Which,
    /// Send; without it nothing is sent
    #[arg(long, short)]
    yes: bool,
    /// One document of JSON on the standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Flags,
}

/// Of all letters these.
#[derive(Args, Clone, Debug)]
struct Which {
    /// Only those that come from this topic
    #[arg(long, value_name = "TOPIC")]
    origin: Option<String>,
    /// Only those with this reason
    #[arg(long, value_name = "REASON", value_parser = clap::builder::PossibleValuesParser::new(REASONS))]
    reason: Option<String>,
    /// Only the one at this place in the topic of dead letters
    #[arg(long, value_name = "PARTITION:OFFSET", value_parser = parse_place)]
    at: Option<(u16, i64)>,
}

fn parse_place(text: &str) -> Result<(u16, i64), String> {
    let parts =
        text.split_once(':').and_then(|(partition, offset)| Some((partition.parse().ok()?, offset.parse().ok()?)));
    parts.filter(|(_, offset)| *offset >= 0).ok_or_else(|| format!("{text:?} is not a place, as in 3:1042"))
}

impl Which {
    fn has(&self, letter: &Letter<'_>) -> bool {
        self.origin.as_deref().is_none_or(|origin| letter.topic() == Some(origin))
            && self.reason.as_ref().is_none_or(|reason| letter.reason() == *reason)
            && self.at.is_none_or(|place| (letter.partition, letter.offset) == place)
    }
}

/// Not all that can be sent was taken.
#[derive(Debug, thiserror::Error)]
#[error("{} not sent: {first}", count(*.refused, "dead letter is", "dead letters are"))]
pub struct NotTaken {
    refused: u64,
    first: String,
}

/// Counts, shows or sends, and tells on the standard output.
///
/// # Errors
/// If the topic is not there or cannot be read, or the brokers refuse.
pub fn run(args: &DeadLettersArgs) -> Result<(), Failure> {
    match &args.command {
        DeadLettersCommand::Count(args) => {
            let letters = Letters::new(&args.config)?;
            let counts = letters.count(&args.which)?;
            say(&match args.json {
                true => json(&counts),
                false => counts.text(),
            })?;
        }
        DeadLettersCommand::Show(args) => show(args)?,
        DeadLettersCommand::Send(args) => send(args)?,
    }
    Ok(())
}

/// The dead letters of an application.
struct Letters {
    config: Config,
    topic: String,
    /// Partitions of the inputs that are there.
    partitions: BTreeMap<String, u16>,
}

/// A letter was sent before, can be sent, or stays.
enum Fate {
    /// It was sent.
    Sent,
    /// It can be sent.
    Goes(Recipient),
    /// It stays, and why.
    Stays(String),
}

impl Fate {
    fn word(&self) -> &'static str {
        match self {
            Fate::Sent => "sent again",
            Fate::Goes(_) => "can be sent",
            Fate::Stays(_) => "stays",
        }
    }
}

impl Letters {
    fn new<const REACH: u8>(flags: &Flags<REACH>) -> Result<Letters, Failure> {
        let config = Config::load(flags)?;
        let topic = config.topics().dead_letters;
        Ok(Letters { config, topic, partitions: BTreeMap::new() })
    }

    /// The same, which knows the inputs.
    fn with_inputs(mut self) -> Result<Letters, Failure> {
        let names = || self.config.inputs.iter().map(|input| input.topic.as_str());
        let found = kafka::there(&self.config.connection(), names(), [])
            .map_err(|error| missing::explained(error, &self.config, &|_| missing::Use::Written))?;
        let partitions =
            |(name, found): (String, kafka::Found)| (name, u16::try_from(found.partitions).unwrap_or(u16::MAX));
        self.partitions = found.into_iter().map(partitions).collect();
        Ok(self)
    }

    fn read(&self, each: impl FnMut(&Letter<'_>)) -> Result<(), Failure> {
        let read = kafka::read_letters(&self.config.connection(), &self.topic, each);
        read.map_err(|error| missing::explained(error, &self.config, &|_| missing::Use::DeadLetters))
    }

    fn count(&self, which: &Which) -> Result<Counts, Failure> {
        let mut judge = Judge::new(&self.config, &self.partitions);
        let mut counts = Counts { topic: self.topic.clone(), ..Counts::default() };
        self.read(|letter| {
            if which.has(letter) {
                counts.add(letter, &judge.fate(letter));
            }
        })?;
        counts.finish();
        Ok(counts)
    }
}

/// Judges letters by the configuration: the fate of each follows from the record and from the inputs.
struct Judge<'j> {
    inputs: BTreeMap<&'j str, Keyer>,
    partitions: &'j BTreeMap<String, u16>,
    now: Timestamp,
}

impl<'j> Judge<'j> {
    fn new(config: &'j Config, partitions: &'j BTreeMap<String, u16>) -> Judge<'j> {
        let keyer = |input: &'j Input| (input.topic.as_str(), Keyer::new(input, config));
        Judge { inputs: config.inputs.iter().map(keyer).collect(), partitions, now: now() }
    }

    fn fate(&mut self, letter: &Letter<'_>) -> Fate {
        if letter.is_sent {
            return Fate::Sent;
        }
        let Some(topic) = letter.topic() else {
            return Fate::Stays(
                "it does not say where it comes from: something else than this program wrote it".to_owned(),
            );
        };
        if let Some(bytes) = letter.value_bytes() {
            let place = letter.place().map_or(String::new(), |(partition, offset)| {
                format!(": all of it is at offset {offset} of {topic}[{partition}], as long as that keeps it")
            });
            return Fate::Stays(format!("it was cut, the whole value has {} bytes{place}", thousands(bytes)));
        }
        let Some(keyer) = self.inputs.get_mut(topic) else {
            return Fate::Stays(format!("{topic} is not an input of this configuration"));
        };
        let partitioner = keyer.partitioner();
        match keyer.keyed(letter.key, letter.value) {
            Ok(Keyed { at: Some(at), .. }) if at > self.now.saturating_add(AHEAD_MS_MAX) => {
                Fate::Stays(format!("its time, {}, has not come", time(at)))
            }
            Ok(Keyed { user, .. }) => {
                let partitions = self.partitions.get(topic).copied().unwrap_or(1);
                let partition = partitioner.partition(user, partitions);
                Fate::Goes(Recipient { topic: topic.to_owned(), partition, key: user.to_owned() })
            }
            Err(why) => Fate::Stays(why),
        }
    }
}

/// The numbers of letters that `count` prints, by input and reason.
#[derive(Debug, Default, Serialize)]
struct Counts {
    topic: String,
    letters: u64,
    sent: u64,
    sendable: u64,
    stay: u64,
    counts: Vec<Count>,
    #[serde(skip)]
    by: BTreeMap<(Option<String>, String), Count>,
}

/// Letters of one input with one reason.
#[derive(Clone, Debug, Default, Serialize)]
struct Count {
    input: Option<String>,
    reason: String,
    letters: u64,
    sent: u64,
    sendable: u64,
    stay: u64,
    first_at: Option<String>,
    last_at: Option<String>,
    /// The place of the first letter that stays, and the reason.
    stays_since: Option<String>,
    #[serde(skip)]
    span: Option<(Timestamp, Timestamp)>,
}

impl Counts {
    fn add(&mut self, letter: &Letter<'_>, fate: &Fate) {
        let by = (letter.topic().map(str::to_owned), letter.reason());
        let of = self.by.entry(by).or_insert_with_key(|(input, reason)| Count {
            input: input.clone(),
            reason: reason.clone(),
            ..Count::default()
        });
        of.letters += 1;
        if let Some(at) = letter.at {
            let (first, last) = of.span.unwrap_or((at, at));
            of.span = Some((first.min(at), last.max(at)));
        }
        match fate {
            Fate::Sent => of.sent += 1,
            Fate::Goes(_) => of.sendable += 1,
            Fate::Stays(why) => {
                of.stay += 1;
                let place = || format!("{}[{}]@{}: {why}", self.topic, letter.partition, letter.offset);
                of.stays_since.get_or_insert_with(place);
            }
        }
    }

    fn finish(&mut self) {
        self.counts = std::mem::take(&mut self.by).into_values().collect();
        for count in &mut self.counts {
            (count.first_at, count.last_at) =
                (count.span.map(|span| time(span.0)), count.span.map(|span| time(span.1)));
            self.letters += count.letters;
            self.sent += count.sent;
            self.sendable += count.sendable;
            self.stay += count.stay;
        }
    }

    fn text(&self) -> String {
        let all = count(self.letters, "dead letter", "dead letters");
        let mut text = format!("{}: {all}, {} of them sent again\n", self.topic, thousands(self.sent));
        if self.counts.is_empty() {
            return text.trim_end().to_owned();
        }
        let rows: Vec<[String; 8]> = self
            .counts
            .iter()
            .map(|count| {
                let number = thousands;
                let at = |at: &Option<String>| at.clone().unwrap_or_default();
                [
                    count.input.clone().unwrap_or_else(|| "?".to_owned()),
                    count.reason.clone(),
                    number(count.letters),
                    number(count.sent),
                    number(count.sendable),
                    number(count.stay),
                    at(&count.first_at),
                    at(&count.last_at),
                ]
            })
            .collect();
        let head = ["<input", "<reason", "letters", "sent again", "can be sent", "stay", "<first", "<last"];
        let _ = write!(text, "\n{}", table(head, &rows));
        let stays: Vec<&str> = self.counts.iter().filter_map(|count| count.stays_since.as_deref()).collect();
        if !stays.is_empty() {
            let _ = write!(text, "\nstay, the first of each line:\n  {}", stays.join("\n  "));
        }
        text.trim_end().to_owned()
    }
}

/// A letter as `show --json` prints it.
#[derive(Debug, Serialize)]
struct Shown {
    partition: u16,
    offset: i64,
    put_aside_at: Option<String>,
    input: Option<String>,
    input_partition: Option<u16>,
    input_offset: Option<i64>,
    reason: String,
    said: String,
    state: &'static str,
    /// The reason why it cannot be sent.
    stays_since: Option<String>,
    key: Option<String>,
    key_base64: Option<String>,
    key_bytes: Option<u64>,
    value: Option<String>,
    value_base64: Option<String>,
    value_bytes: Option<u64>,
    #[serde(skip)]
    texts: [String; 2],
}

/// The document that `show --json` prints.
#[derive(Serialize)]
struct Shows<'a> {
    topic: &'a str,
    letters: &'a [Shown],
}

impl Shown {
    fn of(letter: &Letter<'_>, fate: &Fate, is_whole: bool) -> Shown {
        let text = |bytes: Option<&[u8]>| bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).map(str::to_owned);
        let base64 = |bytes: Option<&[u8]>| {
            bytes.filter(|bytes| std::str::from_utf8(bytes).is_err()).map(|bytes| STANDARD.encode(bytes))
        };
        let len = |bytes: Option<&[u8]>, whole: Option<u64>| whole.or_else(|| Some(bytes?.len() as u64));
        let Letter { partition, offset, key, value, .. } = *letter;
        let (key_bytes, value_bytes) = (len(key, letter.key_bytes()), len(value, letter.value_bytes()));
        Shown {
            partition,
            offset,
            put_aside_at: letter.at.map(time),
            input: letter.topic().map(str::to_owned),
            input_partition: letter.place().map(|(partition, _)| partition),
            input_offset: letter.place().map(|(_, offset)| offset),
            reason: letter.reason(),
            said: letter.said().to_owned(),
            state: fate.word(),
            stays_since: if let Fate::Stays(why) = fate { Some(why.clone()) } else { None },
            key: text(key),
            key_base64: base64(key),
            key_bytes,
            value: text(value),
            value_base64: base64(value),
            value_bytes,
            texts: [(key, key_bytes), (value, value_bytes)].map(|(bytes, whole)| readable(bytes, whole, is_whole)),
        }
    }

    fn text(&self, topic: &str) -> String {
        let from = match (&self.input, self.input_partition, self.input_offset) {
            (Some(input), Some(partition), Some(offset)) => format!("{input}[{partition}]@{offset}"),
            _ => "?".to_owned(),
        };
        let at = self.put_aside_at.as_deref().unwrap_or_default();
        let stays = self.stays_since.as_ref().map_or(String::new(), |why| format!(": {}", shown(why)));
        let [key, value] = &self.texts;
        format!(
            "{topic}[{}]@{}  {at}\n  from    {from}\n  wrong   {}: {}\n  state   {}{stays}\n  key     {key}\n  value   {value}\n",
            self.partition,
            self.offset,
            self.reason,
            shown(&self.said),
            self.state
        )
    }
}

/// Bytes as people can read them, the beginning of long ones.
fn readable(bytes: Option<&[u8]>, whole: Option<u64>, is_whole: bool) -> String {
    let Some(bytes) = bytes else { return whole.map_or("none".to_owned(), |whole| format!("({})", not_kept(whole))) };
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => shown(text).into_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
    };
    let letters_max = if is_whole { usize::MAX } else { SHOWN_MAX };
    let cut = text.char_indices().nth(letters_max).map(|(end, _)| format!("{}…", &text[..end]));
    let more = match whole {
        Some(whole) if whole > bytes.len() as u64 => {
            format!("  ({} of {} bytes)", thousands(bytes.len() as u64), thousands(whole))
        }
        _ => String::new(),
    };
    cut.unwrap_or(text) + &more
}

fn not_kept(whole: u64) -> String {
    format!("{} bytes, not kept", thousands(whole))
}

fn show(args: &ShowArgs) -> Result<(), Failure> {
    let letters = Letters::new(&args.config)?;
    let mut judge = Judge::new(&letters.config, &letters.partitions);
    // The newest of all partitions, of which each comes by itself.
    let mut newest: BTreeMap<(Option<Timestamp>, u16, i64), Shown> = BTreeMap::new();
    letters.read(|letter| {
        if args.which.has(letter) {
            let fate = judge.fate(letter);
            newest.insert((letter.at, letter.partition, letter.offset), Shown::of(letter, &fate, args.whole));
            if newest.len() > args.last {
                newest.pop_first();
            }
        }
    })?;
    let newest: Vec<Shown> = newest.into_values().collect();
    let text = match args.json {
        true => json(&Shows { topic: &letters.topic, letters: &newest }),
        false if newest.is_empty() => format!("{}: no such dead letters", letters.topic),
        false => {
            newest.iter().map(|shown| shown.text(&letters.topic)).collect::<Vec<_>>().join("\n").trim_end().to_owned()
        }
    };
    Ok(say(&text)?)
}

/// The document that `send --json` prints.
#[derive(Serialize)]
struct Report<'r> {
    topic: &'r str,
    is_sent: bool,
    letters: u64,
    sent_before: u64,
    stay: u64,
    refused: u64,
    first_refused: Option<&'r str>,
    stays_since: Vec<&'r str>,
}

fn send(args: &SendArgs) -> Result<(), Failure> {
    let letters = Letters::new(&args.config)?.with_inputs()?;
    if !args.yes {
        let counts = letters.count(&args.which)?;
        return tell(args, &counts, None);
    }
    let (config, topic) = (&letters.config, &letters.topic);
    let mut judge = Judge::new(config, &letters.partitions);
    let mut counts = Counts { topic: topic.clone(), ..Counts::default() };
    let id = format!("{}-dead-letters", config.application_id);
    let to: Vec<&str> = config.inputs.iter().map(|input| input.topic.as_str()).collect();
    let sent = kafka::send_letters(&config.connection(), topic, &id, &to, |letter| {
        if !args.which.has(letter) {
            return None;
        }
        let fate = judge.fate(letter);
        counts.add(letter, &fate);
        match fate {
            Fate::Goes(to) => Some(to),
            Fate::Sent | Fate::Stays(_) => None,
        }
    });
    let sent = sent.map_err(|error| missing::explained(error, config, &|_| missing::Use::DeadLetters))?;
    counts.finish();
    tell(args, &counts, Some(&sent))?;
    match sent {
        Dispatched { refused, first_refused: Some(first), .. } => Err(NotTaken { refused, first }.into()),
        _ => Ok(()),
    }
}

fn tell(args: &SendArgs, counts: &Counts, sent: Option<&Dispatched>) -> Result<(), Failure> {
    let stays: Vec<&str> = counts.counts.iter().filter_map(|count| count.stays_since.as_deref()).collect();
    let letters = sent.map_or(counts.sendable, |sent| sent.letters);
    let first_refused = sent.and_then(|sent| sent.first_refused.as_deref());
    let refused = sent.map_or(0, |sent| sent.refused);
    let topic = counts.topic.as_str();
    if args.json {
        let (is_sent, sent_before, stay) = (sent.is_some(), counts.sent, counts.stay);
        let stays_since = stays;
        let report = Report { topic, is_sent, letters, sent_before, stay, refused, first_refused, stays_since };
        return Ok(say(&json(&report))?);
    }
    let dead_letters = |number| count(number, "dead letter", "dead letters");
    let mut text = match sent {
        Some(_) => format!("sent {} of {topic} again", dead_letters(letters)),
        None => format!("{} of {topic} would be sent again: nothing is sent without --yes", dead_letters(letters)),
    };
    if counts.sent > 0 {
        let _ = write!(text, "\n{} sent before", thousands(counts.sent));
    }
    if counts.stay > 0 {
        let _ = write!(text, "\n{} stay, the first of each input and reason:", thousands(counts.stay));
        stays.iter().for_each(|stays| _ = write!(text, "\n  {}", shown(stays)));
    }
    Ok(say(&text)?)
}
