//! From what is committed about a shard to the shard: the newest usable checkpoint, and the slices after it once more.

use std::collections::VecDeque;
use std::sync::Arc;

use influence::ENGINE_REVISION;
use tracing::warn;
use vocabulary::Timestamp;
use wire::{Gap, JournalRecord, OffsetRange};

use crate::bugs::{Bug, Bugs};
use crate::fault::{Fatal, Fault};
use crate::keeper::{Found, Loaded};
use crate::log::{Past, Positions};
use crate::place::CheckpointPlace;
use crate::planted::Watch;
use crate::seat::Seat;
use crate::seen::Seen;
use crate::settings::{AcceptedGap, Settings};

/// A restore under way is at most so long away from the worker's loop.
const STRETCH_MS: i64 = 100;

/// How far the worker has got with a shard that it owns.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The log has not told yet what is committed.
    Waiting,
    /// A checkpoint is being looked for.
    Loading(Box<PastKnown>),
    /// Slices are done again.
    Repeating(Box<Repeating>),
    /// It takes slices.
    Live(Box<Seat>),
}

/// What is committed about a shard, checked.
#[derive(Debug)]
pub(crate) struct PastKnown {
    pub(crate) journal: Arc<[(i64, JournalRecord)]>,
    starts: Positions,
    /// What the last owner wrote of itself.
    known: String,
}

/// A shard on its way to where it was.
#[derive(Debug)]
pub(crate) struct Repeating {
    pub(crate) seat: Seat,
    journal: VecDeque<(i64, JournalRecord)>,
    bugs: Bugs,
}

/// Checks that a journal is whole, ours, and the same as the offsets that were committed with it.
pub(crate) fn check_past(shard: u16, past: Past, settings: &Settings, bugs: Bugs) -> Result<PastKnown, Fatal> {
    if !bugs.has(Bug::JournalGap) {
        for pair in past.journal.windows(2) {
            check_follows(shard, &pair[0].1, &pair[1])?;
        }
    }
    match past.journal.last() {
        Some((offset, last)) => check_last(shard, *offset, last, &past, settings)?,
        None => check_unused(shard, &past, settings)?,
    }
    Ok(PastKnown { journal: past.journal.into(), starts: past.starts, known: past.known })
}

fn check_follows(shard: u16, before: &JournalRecord, (offset, record): &(i64, JournalRecord)) -> Result<(), Fatal> {
    let is_ours = if record.shard == shard { Ok(()) } else { Err(format!("it is of shard {}", record.shard)) };
    is_ours.and_then(|()| record.check_follows(before)).map_err(|what| Fatal::JournalGap {
        shard,
        sequence: record.sequence,
        offset: *offset,
        what,
    })
}

fn check_last(shard: u16, offset: i64, last: &JournalRecord, past: &Past, settings: &Settings) -> Result<(), Fatal> {
    let sequence = last.sequence;
    let has_other_inputs = last.inputs.len() != settings.inputs.len();
    if last.model_fingerprint != settings.fingerprint() || has_other_inputs {
        let changed = match settings.changes(&past.known) {
            changed if changed.is_empty() && last.engine_revision != ENGINE_REVISION => format!(
                "it was made by revision {} of the engine, this is revision {ENGINE_REVISION}: the formulas are others, and scores \
                 of both are not comparable; run both side by side and compare them with `clout diff`",
                last.engine_revision
            ),
            changed if changed.is_empty() => "which of them is not known".to_owned(),
            changed => changed,
        };
        return Err(Fatal::ModelChanged { shard, sequence, offset, changed });
    }
    let topics = settings.inputs.iter().map(|input| &input.topic).chain([&settings.exchange]);
    let ranges = last.inputs.iter().chain([&last.exchange]);
    let committed = past.inputs_committed.iter().chain([&past.exchange_committed]);
    for ((topic, range), committed) in topics.zip(ranges).zip(committed) {
        // A forgotten one is repaired by the next commit.
        if let Some(committed) = committed.filter(|&committed| committed != range.next) {
            let (topic, partition, journal) = (topic.clone(), shard, range.next);
            return Err(Fatal::OffsetsDiffer { topic, partition, sequence, committed, journal });
        }
    }
    Ok(())
}

fn check_unused(shard: u16, past: &Past, settings: &Settings) -> Result<(), Fatal> {
    let topics = settings.inputs.iter().map(|input| &input.topic).chain([&settings.exchange]);
    let committed = past.inputs_committed.iter().chain([&past.exchange_committed]);
    match topics.zip(committed).find_map(|(topic, committed)| Some((topic, (*committed)?))) {
        Some((topic, committed)) => Err(Fatal::JournalMissing { topic: topic.clone(), partition: shard, committed }),
        None => Ok(()),
    }
}

impl PastKnown {
    /// Where to begin, once it is known which checkpoint there is.
    pub(crate) fn begin(self, shard: u16, loaded: Loaded, settings: &Settings, bugs: Bugs) -> Result<Repeating, Fatal> {
        let Loaded { found, unusable } = loaded;
        let (mut seat, done) = match (found, self.journal.first()) {
            (Some(found), _) => seat_of(*found, settings, bugs),
            (None, None) => (Seat::new(settings, shard, &self.starts), None),
            (None, Some((_, first))) if first.sequence == 0 || bugs.has(Bug::JournalGap) => {
                let mut seat = Seat::new(settings, shard, &Positions::after(first));
                seat.last = Some(first.clone());
                (seat, Some(first.sequence))
            }
            (None, Some((offset, first))) => return Err(self.shortened(shard, *offset, first.sequence, &unusable)),
        };
        let is_after = |(_, record): &&(i64, JournalRecord)| done.is_none_or(|done| record.sequence > done);
        let journal: VecDeque<_> = self.journal.iter().filter(is_after).cloned().collect();
        seat.backlog.pass_over_again(journal.iter().map(|(_, record)| record));
        seat.last_offset = self.journal.last().map_or(-1, |&(offset, _)| offset);
        check_revision(shard, &journal)?;
        Ok(Repeating { seat, journal, bugs })
    }

    /// Where the last owner kept checkpoints.
    pub(crate) fn kept(&self) -> Option<CheckpointPlace> {
        CheckpointPlace::of(&self.known)
    }

    fn shortened(&self, shard: u16, offset: i64, begins: u64, unusable: &[String]) -> Fatal {
        let ends = self.journal.last().map_or(begins, |(_, last)| last.sequence);
        let found = if unusable.is_empty() { "there is none".to_owned() } else { unusable.join(", ") };
        let kept = self.kept().map_or(String::new(), |place| format!("; the shard's last owner kept them in {place}"));
        Fatal::JournalShortened { shard, begins, offset, ends, found, kept }
    }
}

fn seat_of(found: Found, settings: &Settings, bugs: Bugs) -> (Seat, Option<u64>) {
    let Found { record, shard, seen } = found;
    let seen = seen.filter(|_| !bugs.has(Bug::IdsForgotten));
    let seen = settings.dedup_window_ms.map(|window_ms| seen.unwrap_or_else(|| Seen::new(window_ms)));
    let sequence = record.sequence;
    let mut positions = Positions::after(&record);
    if bugs.has(Bug::ExchangeTwice) {
        positions.exchange = record.exchange.first;
    }
    (Seat::after(shard, seen, record, &positions), Some(sequence))
}

/// The same formulas may give other bits in another revision: what it has journaled it must not do again.
fn check_revision(shard: u16, journal: &VecDeque<(i64, JournalRecord)>) -> Result<(), Fatal> {
    match journal.back() {
        Some((offset, last)) if last.engine_revision != ENGINE_REVISION => Err(Fatal::EngineChanged {
            shard,
            sequence: last.sequence,
            offset: *offset,
            made_by: last.engine_revision,
            revision: ENGINE_REVISION,
        }),
        _ => Ok(()),
    }
}

impl Repeating {
    /// Whether the shard is where it was.
    pub(crate) fn is_done(&self) -> bool {
        self.journal.is_empty()
    }

    /// The record of the slice that is done next.
    pub(crate) fn next(&self) -> Option<&JournalRecord> {
        self.journal.front().map(|(_, record)| record)
    }

    /// Slices that are still to be done.
    pub(crate) fn left(&self) -> usize {
        self.journal.len()
    }

    /// Passes over records that are gone and that no slice has taken, if somebody has accepted that just these are; else
    /// says what is missing, and what can be done.
    pub(crate) fn pass_over(&mut self, fault: Fault, settings: &Settings) -> Result<(), Fault> {
        let Fault::Fatal(fatal) = &fault else { return Err(fault) };
        let Fatal::Expired { topic, partition, begins, needed } = &**fatal else { return Err(fault) };
        let Some(input) = settings.inputs.iter().position(|input| input.topic == *topic) else { return Err(fault) };
        let takes = |record: &JournalRecord| record.inputs.get(input).is_some_and(|range| !range.is_empty());
        // Slices that are to be done again cannot do without their records.
        if self.journal.iter().any(|(_, record)| takes(record)) {
            return Err(fault);
        }
        let missing = AcceptedGap { topic: topic.clone(), partition: *partition, first: *needed, next: *begins };
        let is_there = |gap: &&AcceptedGap| gap.topic == missing.topic && gap.partition == missing.partition;
        match settings.accepted_gaps.iter().find(is_there) {
            None => Err(Fatal::Unread { missing }.into()),
            Some(accepted) if *accepted != missing => {
                Err(Fatal::OtherGap { accepted: accepted.clone(), missing }.into())
            }
            Some(accepted) => {
                warn!(gap = %accepted, "records are gone and are passed over, as --accept-gap says");
                self.seat.backlog.pass_over(Gap { input, next: accepted.next });
                Ok(())
            }
        }
    }

    /// Does what was delivered again, for a while.
    pub(crate) fn go_on(
        &mut self,
        settings: &Settings,
        now: impl Fn() -> Timestamp,
        watch: &mut Watch,
    ) -> Result<(), Fatal> {
        let began = now();
        while let Some((offset, record)) = self.journal.front() {
            match self.seat.repeat(record, now(), settings, self.bugs) {
                Ok(None) => return Ok(()),
                _ if self.bugs.has(Bug::JournalGap) => {}
                Ok(Some(done)) => compare(done, record, settings)?,
                Err(what) => {
                    let (shard, sequence, offset) = (record.shard, record.sequence, *offset);
                    return Err(Fatal::JournalGap { shard, sequence, offset, what });
                }
            }
            watch.repeated(&self.seat.shard, self.seat.effects());
            self.journal.pop_front();
            if now() - began >= STRETCH_MS {
                break;
            }
        }
        Ok(())
    }
}

fn compare(done: &JournalRecord, record: &JournalRecord, settings: &Settings) -> Result<(), Fatal> {
    let (shard, sequence) = (record.shard, record.sequence);
    if done.slice_digest != record.slice_digest {
        return Err(Fatal::SliceChanged { shard, sequence, ranges: ranges(record, settings) });
    }
    if done.digest != record.digest {
        let (digest, journal) = (done.digest, record.digest);
        return Err(Fatal::DigestDiffers { shard, sequence, ranges: ranges(record, settings), digest, journal });
    }
    Ok(())
}

/// A slice's offsets, for messages.
fn ranges(record: &JournalRecord, settings: &Settings) -> String {
    let topics = settings.inputs.iter().map(|input| &input.topic).chain([&settings.exchange]);
    let ranges = record.inputs.iter().chain([&record.exchange]);
    let range = |(topic, range): (&String, &OffsetRange)| {
        format!("{topic}[{}] offsets {}..{}", record.shard, range.first, range.next)
    };
    topics.zip(ranges).map(range).collect::<Vec<_>>().join(", ")
}

impl Stage {
    pub(crate) fn live(&self) -> Option<&Seat> {
        match self {
            Stage::Live(seat) => Some(seat),
            _ => None,
        }
    }

    pub(crate) fn live_mut(&mut self) -> Option<&mut Seat> {
        match self {
            Stage::Live(seat) => Some(seat),
            _ => None,
        }
    }

    pub(crate) fn seat(&self) -> Option<&Seat> {
        match self {
            Stage::Live(seat) => Some(seat),
            Stage::Repeating(repeating) => Some(&repeating.seat),
            Stage::Waiting | Stage::Loading(_) => None,
        }
    }

    /// The seat that takes deliveries, if there is one, and the slice that it does again next.
    pub(crate) fn seat_and_next(&self) -> Option<(&Seat, Option<&JournalRecord>)> {
        match self {
            Stage::Repeating(repeating) => Some((&repeating.seat, repeating.next())),
            _ => Some((self.seat()?, None)),
        }
    }

    /// The seat that takes deliveries, if there is one.
    pub(crate) fn seat_mut(&mut self) -> Option<&mut Seat> {
        match self {
            Stage::Live(seat) => Some(seat),
            Stage::Repeating(repeating) => Some(&mut repeating.seat),
            Stage::Waiting | Stage::Loading(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use crate::settings::Holds;

    /// Why a shard is not gone on from whose last record of the journal is this.
    fn refused(last: JournalRecord) -> String {
        let past = Past { journal: vec![(41, last)], ..Past::default() };
        let settings = sample::settings([Holds::Events]);
        check_past(0, past, &settings, Bugs::NONE).expect_err("another model").to_string()
    }

    #[test]
    fn a_shard_of_other_formulas_is_told_from_one_of_other_settings() {
        let end = " (journal sequence 7, offset 41); parameters of the model, partitions, inputs, the clock and the window for \
                   repeated ids never change under one application id; set them back, or start under a new application id";
        let (now, before) = (ENGINE_REVISION, ENGINE_REVISION - 1);
        let of_revision = |engine_revision| JournalRecord { engine_revision, ..sample::journal() };
        assert_eq!(
            refused(of_revision(before)),
            format!(
                "shard 0 was made with other settings: it was made by revision {before} of the engine, this is revision {now}: the \
                 formulas are others, and scores of both are not comparable; run both side by side and compare them with \
                 `clout diff`{end}"
            )
        );
        assert_eq!(
            refused(of_revision(now)),
            format!("shard 0 was made with other settings: which of them is not known{end}")
        );
    }
}
