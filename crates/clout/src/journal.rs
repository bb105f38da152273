//! The command `journal`: what was committed, slice by slice, as the journal has it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;

use clap::Args;
use kafka::Journaled;
use serde::Serialize;
use vocabulary::Timestamp;
use wire::{JournalRecord, OffsetRange};

use crate::columns::table;
use crate::config::{Config, Flags};
use crate::exit;
use crate::failure::Failure;
use crate::topics::{json, say};
use crate::words::{count, decimal, thousands, time};

const AFTER_HELP: &str = "\
Reads the application's journal, and changes nothing. Each slice is one shard's part of a transaction: the offsets that it took of each \
input and of what other shards told. A journal that begins with sequence 0 is whole; others were trimmed below a checkpoint. \
It fails if slices do not follow each other, or a record is not one of a journal.

Examples:
  clout journal --config clout.toml
  clout journal --config clout.toml --shard 3 --last 20
  clout journal --config clout.toml --last 0 --json";

/// Show what was committed: slices with their offsets, times, rates and gaps
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::ASKS))]
pub struct JournalArgs {
    /// Slices of each shard to list: the newest
    #[arg(long, value_name = "NUMBER", default_value_t = 3)]
    last: usize,
    /// Only this shard; may be repeated
    #[arg(long, value_name = "NUMBER")]
    shard: Vec<u16>,
    /// One document of JSON on the standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: Flags,
}

/// A journal is not what it must be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// It has faults.
    #[error(
        "{} in {topic}: see above; a shard whose journal has one cannot be restored behind it, unless a checkpoint lies after it",
        count(*.faults as u64, "fault", "faults")
    )]
    Faults {
        /// The topic.
        topic: String,
        /// How many.
        faults: usize,
    },
    /// A shard was asked for that there is not.
    #[error("there is no shard {number}: {topic} has {}, counted from 0", count(*.shards as u64, "partition", "partitions"))]
    NoShard {
        /// The topic.
        topic: String,
        /// The shard.
        number: u16,
        /// How many there are.
        shards: usize,
    },
}

/// Reads, and tells on the standard output.
///
/// # Errors
/// If the journal is not there or cannot be read, or has faults.
pub fn run(args: &JournalArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let topic = config.topics().journal;
    let mut shards: BTreeMap<u16, Shard> = BTreeMap::new();
    let pending = kafka::read_journal(&config.connection(), &topic, |journaled| {
        if args.shard.is_empty() || args.shard.contains(&journaled.shard) {
            let shard = shards.entry(journaled.shard).or_insert_with(|| Shard::new(journaled.shard));
            shard.take(journaled, args.last, &config);
        }
    })?;
    let has = |number: &u16| usize::from(*number) < pending.len();
    if let Some(&number) = args.shard.iter().find(|number| !has(number)) {
        return Err(JournalError::NoShard { topic, number, shards: pending.len() }.into());
    }
    for (number, &records) in
        (0..).zip(&pending).filter(|(number, _)| args.shard.is_empty() || args.shard.contains(number))
    {
        shards.entry(number).or_insert_with(|| Shard::new(number)).pending = records;
    }
    let mut shards: Vec<Shard> = shards.into_values().collect();
    shards.iter_mut().for_each(Shard::finish);
    let faults = shards.iter().map(|shard| shard.faults.len()).sum();
    say(&match args.json {
        true => json(&Report { topic: &topic, faults, shards: &shards }),
        false => text(&topic, &shards),
    })?;
    if faults > 0 { Err(JournalError::Faults { topic, faults }.into()) } else { Ok(()) }
}

/// The document that `--json` prints.
#[derive(Serialize)]
struct Report<'r> {
    topic: &'r str,
    faults: usize,
    shards: &'r [Shard],
}

/// The journal of one shard.
#[derive(Debug, Serialize)]
struct Shard {
    shard: u16,
    /// Whether it begins with the record that says where the first slice does.
    is_whole: bool,
    first_sequence: Option<u64>,
    last_sequence: Option<u64>,
    slices: u64,
    records: u64,
    first_at: Option<String>,
    last_at: Option<String>,
    records_per_second: Option<f64>,
    slices_per_second: Option<f64>,
    /// Behind the last that can be read, as a transaction is open.
    pending: u64,
    engine_revisions: BTreeSet<u32>,
    model_fingerprints: BTreeSet<String>,
    gaps: Vec<GapLine>,
    faults: Vec<String>,
    last: VecDeque<SliceLine>,
    #[serde(skip)]
    before: Option<JournalRecord>,
    #[serde(skip)]
    span: Option<(Timestamp, Timestamp)>,
}

/// Records that were gone, and were passed over on purpose.
#[derive(Debug, Serialize)]
struct GapLine {
    sequence: u64,
    input: String,
    first: i64,
    next: i64,
}

/// One record of the journal.
#[derive(Debug, Serialize)]
struct SliceLine {
    sequence: u64,
    offset: i64,
    committed_at: Option<String>,
    clock: Option<String>,
    records: u64,
    inputs: Vec<RangeLine>,
    exchange: RangeLine,
    publishes: bool,
    settles: bool,
    closes_days: bool,
    sweep: u32,
    engine_revision: u32,
    digest: String,
}

/// Offsets of a topic, from the first to before the next.
#[derive(Debug, Serialize)]
struct RangeLine {
    topic: String,
    first: i64,
    next: i64,
}

impl RangeLine {
    fn new(topic: String, range: &OffsetRange) -> RangeLine {
        RangeLine { topic, first: range.first, next: range.next }
    }

    fn text(&self) -> String {
        format!("{} {}..{}", self.topic, self.first, self.next)
    }
}

/// The name of an input by its place, as far as the configuration has one.
fn input(config: &Config, place: usize) -> String {
    config.inputs.get(place).map_or_else(|| format!("input {place}"), |input| input.topic.clone())
}

impl Shard {
    fn new(shard: u16) -> Shard {
        Shard {
            shard,
            is_whole: false,
            first_sequence: None,
            last_sequence: None,
            slices: 0,
            records: 0,
            first_at: None,
            last_at: None,
            records_per_second: None,
            slices_per_second: None,
            pending: 0,
            engine_revisions: BTreeSet::new(),
            model_fingerprints: BTreeSet::new(),
            gaps: Vec::new(),
            faults: Vec::new(),
            last: VecDeque::new(),
            before: None,
            span: None,
        }
    }

    fn take(&mut self, journaled: Journaled, last: usize, config: &Config) {
        let Journaled { shard, offset, at, record } = journaled;
        let journal = config.topics().journal;
        let record = match record {
            Ok(record) => record,
            Err(why) => {
                return self.faults.push(format!("{journal}[{shard}]@{offset} is not a record of a journal: {why}"));
            }
        };
        if let Some(Err(why)) = self.before.as_ref().map(|before| record.check_follows(before)) {
            self.faults.push(format!("{journal}[{shard}]@{offset}, sequence {}: {why}", record.sequence));
        }
        if record.sequence > 0 {
            self.slices += 1;
        } else {
            self.is_whole |= self.first_sequence.is_none();
        }
        self.first_sequence.get_or_insert(record.sequence);
        self.last_sequence = Some(record.sequence);
        for gap in &record.gaps {
            let first = record.inputs.get(gap.input).map_or(gap.next, |range| range.first);
            self.gaps.push(GapLine {
                sequence: record.sequence,
                input: input(config, gap.input),
                first,
                next: gap.next,
            });
        }
        let gone: u64 = record
            .gaps
            .iter()
            .map(|gap| record.inputs.get(gap.input).map_or(0, |range| gap.next.abs_diff(range.first)))
            .sum();
        let records = record.inputs.iter().map(|range| range.len()).sum::<u64>().saturating_sub(gone);
        self.records += records;
        self.engine_revisions.insert(record.engine_revision);
        self.model_fingerprints.insert(format!("{:016x}", record.model_fingerprint));
        if let Some(at) = at {
            let (first, last) = self.span.unwrap_or((at, at));
            self.span = Some((first.min(at), last.max(at)));
        }
        if last > 0 {
            if self.last.len() == last {
                self.last.pop_front();
            }
            self.last.push_back(SliceLine {
                sequence: record.sequence,
                offset,
                committed_at: at.map(time),
                clock: (record.clock != Timestamp::MIN).then(|| time(record.clock)),
                records,
                inputs: (0..)
                    .zip(&record.inputs)
                    .map(|(place, range)| RangeLine::new(input(config, place), range))
                    .collect(),
                exchange: RangeLine::new(config.topics().exchange, &record.exchange),
                publishes: record.publishes,
                settles: record.settles,
                closes_days: record.closes_ms.is_some(),
                sweep: record.sweep,
                engine_revision: record.engine_revision,
                digest: format!("{:016x}", record.digest),
            });
        }
        self.before = Some(record);
    }

    fn finish(&mut self) {
        let Some((first, last)) = self.span else { return };
        (self.first_at, self.last_at) = (Some(time(first)), Some(time(last)));
        if last > first {
            let per_second = |number: u64| (number as f64 * 1e6 / (last - first) as f64).round() / 1e3;
            self.records_per_second = Some(per_second(self.records));
            self.slices_per_second = Some(per_second(self.slices));
        }
    }

    fn row(&self) -> [String; 10] {
        let rate = |rate: Option<f64>| rate.map_or(String::new(), |rate| decimal(rate, 1));
        let sequences = match (self.first_sequence, self.last_sequence) {
            (Some(_), Some(last)) if self.is_whole => format!("genesis to {}", thousands(last)),
            (Some(first), Some(last)) => format!("{} to {}", thousands(first), thousands(last)),
            _ => "none".to_owned(),
        };
        [
            self.shard.to_string(),
            sequences,
            self.first_at.clone().unwrap_or_default(),
            self.last_at.clone().unwrap_or_default(),
            thousands(self.slices),
            rate(self.slices_per_second),
            thousands(self.records),
            rate(self.records_per_second),
            self.gaps.len().to_string(),
            thousands(self.pending),
        ]
    }
}

fn text(topic: &str, shards: &[Shard]) -> String {
    let slices = shards.iter().map(|shard| shard.slices).sum();
    let shards_count = count(shards.len() as u64, "shard", "shards");
    let mut text = format!("{topic}: {shards_count}, {}\n\n", count(slices, "slice", "slices"));
    let head =
        ["shard", "<sequences", "<first", "<last", "slices", "a second", "records", "a second", "gaps", "pending"];
    text += &table(head, &shards.iter().map(Shard::row).collect::<Vec<_>>());
    for Shard { shard, last, .. } in shards.iter().filter(|shard| !shard.last.is_empty()) {
        let row = |slice: &SliceLine| {
            let inputs: Vec<String> = slice.inputs.iter().map(RangeLine::text).collect();
            let does = [(slice.publishes, "publishes"), (slice.settles, "settles"), (slice.closes_days, "closes days")];
            let what = match slice.sequence {
                0 => "genesis: where the first slice begins".to_owned(),
                _ => does.into_iter().filter_map(|(so, what)| so.then_some(what)).collect::<Vec<_>>().join(", "),
            };
            [
                thousands(slice.sequence),
                thousands(slice.offset.unsigned_abs()),
                slice.committed_at.clone().unwrap_or_default(),
                thousands(slice.records),
                inputs.join(", "),
                slice.exchange.text(),
                slice.clock.clone().unwrap_or_default(),
                what,
            ]
        };
        let head = ["sequence", "offset", "<committed", "records", "<inputs", "<exchange", "<clock", "<it"];
        let _ = write!(text, "\nshard {shard}\n{}", table(head, &last.iter().map(row).collect::<Vec<_>>()));
    }
    for Shard { shard, gaps, faults, engine_revisions, model_fingerprints, .. } in shards {
        for GapLine { sequence, input, first, next } in gaps {
            let _ =
                write!(text, "\ngap: {input}[{shard}] offsets {first}..{next} were passed over in sequence {sequence}");
        }
        if engine_revisions.len() > 1 || model_fingerprints.len() > 1 {
            let revisions: Vec<String> = engine_revisions.iter().map(u32::to_string).collect();
            let fingerprints: Vec<&str> = model_fingerprints.iter().map(String::as_str).collect();
            let _ = write!(
                text,
                "\nshard {shard} was scored by revisions {} of the engine, with the settings {}",
                revisions.join(", "),
                fingerprints.join(", ")
            );
        }
        faults.iter().for_each(|fault| _ = write!(text, "\nFAULT {fault}"));
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use wire::Gap;

    use super::*;
    use crate::config::Flags;

    fn record(sequence: u64, first: i64, next: i64) -> JournalRecord {
        JournalRecord { shard: 1, sequence, inputs: vec![OffsetRange { first, next }], ..JournalRecord::default() }
    }

    /// The text about records that were committed a second apart.
    fn read(records: &[Result<JournalRecord, String>]) -> Shard {
        let config = Config::of(&Flags::<0>::default(), []).expect("the defaults");
        let mut shard = Shard::new(1);
        for (offset, record) in (10..).zip(records) {
            let at = Some(1_700_000_000_000 + (offset - 10) * 1_000);
            shard.take(Journaled { shard: 1, offset, at, record: record.clone() }, 2, &config);
        }
        shard.finish();
        shard
    }

    #[test]
    fn a_whole_journal_is_counted() {
        let gap = JournalRecord { gaps: vec![Gap { input: 0, next: 30 }], ..record(3, 20, 50) };
        let shard = read(&[Ok(record(0, 5, 5)), Ok(record(1, 5, 15)), Ok(record(2, 15, 20)), Ok(gap)]);
        assert!(shard.is_whole && shard.faults.is_empty(), "{shard:?}");
        assert_eq!((shard.first_sequence, shard.last_sequence, shard.slices, shard.records), (Some(0), Some(3), 3, 35));
        assert_eq!((shard.records_per_second, shard.slices_per_second), (Some(11.667), Some(1.0)));
        assert_eq!(shard.last.iter().map(|slice| slice.sequence).collect::<Vec<_>>(), [2, 3]);
        let text = text("app-journal", &[shard]);
        for part in
            ["1 shard, 3 slices", "genesis to 3", "events 20..50", "gap: events[1] offsets 20..30 were passed over"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn what_does_not_follow_is_a_fault() {
        let broken = || Err("it breaks off".to_owned());
        let shard = read(&[Ok(record(7, 5, 9)), Ok(record(8, 10, 12)), broken(), Ok(record(10, 12, 13))]);
        let told = [
            "[1]@11, sequence 8: a slice begins at offset 10 where 9 is due",
            "[1]@12 is not a record of a journal: it breaks off",
            "[1]@13, sequence 10: the record before it has sequence 8",
        ];
        assert!(!shard.is_whole && shard.faults.len() == 3, "{:?}", shard.faults);
        told.iter().zip(&shard.faults).for_each(|(told, fault)| assert!(fault.ends_with(told), "{fault}"));
    }
}
