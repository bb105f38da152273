//! One shard of a worker: its state, what waits for it, and the doing of slices.

use std::collections::BTreeSet;

use influence::exchange::Section;
use influence::{Collision, ENGINE_REVISION, Effects, Shard, Slice};
use tracing::warn;
use vocabulary::Timestamp;
use wire::{JournalRecord, NoAct, OffsetRange};

use crate::backlog::{Backlog, Cut, Day};
use crate::batch::Refused;
use crate::bugs::{Bug, Bugs};
use crate::checkpoint::Checkpoint;
use crate::digest::{chain, fold};
use crate::fault::Fatal;
use crate::log::{Cue, Delivery, Positions, Share, Step};
use crate::seen::Seen;
use crate::settings::{Clock, Holds, Settings};
use crate::slice::{Plan, gather};
use crate::tour::Tour;

/// For a log that says when an epoch is due the sweep visits one in so many people.
const SWEEP_SHARE: u32 = 600;
/// By the clock of events a shard whose inputs are at their end settles, as a replay does at the end of its log, until
/// the sweep has visited everybody so many times since another shard told anything,
const SETTLING_SWEEPS: u64 = 3;
/// and no longer than until it has so many times in all: levels at a threshold and the scale may move each other for ever.
const SETTLING_SWEEPS_MAX: u64 = 50;
/// Names that are warned of, each once while a shard stays: a metric counts the rest.
const WARNINGS_MAX: usize = 100;
/// Once nothing happens any more, it visits everybody once more, at least so many an epoch,
const SWEEP_QUIET_MIN: u32 = 4_096;
/// and then at least so many each time that the shard looks how scores have aged.
const SWEEP_IDLE_MIN: u32 = 65_536;
/// Slices that a shard that closes the days of events waits at most for the first scale: a minute where an epoch lasts 100 ms.
const SCALE_WAITS_MAX: u32 = 600;
/// Milliseconds between two such looks.
pub(crate) const IDLE_MS: i64 = 10_000;
/// Ageing moves no score by a tenth of a point in less than a 150th of a half-life: everybody is looked at ten times as
/// often, but not more than once a minute, and once an hour at least.
const LOOKS_A_HALF_LIFE: i64 = 1_500;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// A shard between two epochs.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) number: u16,
    pub(crate) shard: Shard,
    pub(crate) backlog: Backlog,
    /// The journal's record of the last epoch that is committed or was done again; `None` before the first.
    pub(crate) last: Option<JournalRecord>,
    /// Where that record lies.
    pub(crate) last_offset: i64,
    /// Ids of events that it knows, where they are looked at.
    seen: Option<Seen>,
    effects: Effects,
    pub(crate) refused: Vec<Refused>,
    /// Records of the step, by input.
    pub(crate) records: Vec<u64>,
    /// Records of the step that are no acts, by reason.
    pub(crate) skipped: [u64; NoAct::ALL.len()],
    /// Events that the step left out because they were there already.
    pub(crate) duplicates: u64,
    /// Names that were warned of, since their hash is another name's.
    warned: BTreeSet<String>,
    pub(crate) ignored: u64,
    /// What the epoch under way is to be journaled as.
    next: Option<JournalRecord>,
    /// People whom the sweep has visited since a record of an input came. Only says when settling is over.
    visits_at_end: u64,
    /// The same, since another shard told anything as well.
    visits_untold: u64,
    /// People whom the sweep has visited since something else happened than ageing. Nothing but the pace depends on it.
    visited: u32,
    /// How the sweep goes round.
    tour: Tour,
    /// When it last took a slice.
    pub(crate) stepped_at: Timestamp,
    /// Whether it has had something to do ever since.
    is_busy: bool,
    /// Whether it has taken a slice here.
    has_stepped: bool,
    /// Whether profiles may be there that it has not read: who had opted out before an act must not be told because of it.
    awaits_profiles: bool,
    /// Slices for which it has waited for the first scale.
    scale_waits: u32,
}

/// What a shard has to do, by how soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Work {
    /// Nothing: time changes nothing either.
    Nothing,
    /// Scores age.
    Ageing,
    /// Everybody is to be visited since something happened.
    Quieting,
    /// There is input, or there are pushes.
    Input,
}

impl Seat {
    pub(crate) fn new(settings: &Settings, number: u16, starts: &Positions) -> Seat {
        let shard = Shard::new(settings.model.clone(), settings.hash_key, number, settings.shards);
        Seat::at(shard, settings.dedup_window_ms.map(Seen::new), number, None, Backlog::new(starts))
    }

    /// A shard as it was after this record.
    pub(crate) fn after(shard: Shard, seen: Option<Seen>, record: JournalRecord, positions: &Positions) -> Seat {
        Seat::at(shard, seen, record.shard, Some(record), Backlog::new(positions))
    }

    fn at(shard: Shard, seen: Option<Seen>, number: u16, last: Option<JournalRecord>, backlog: Backlog) -> Seat {
        Seat {
            number,
            shard,
            backlog,
            last,
            last_offset: -1,
            seen,
            effects: Effects::default(),
            refused: Vec::new(),
            records: Vec::new(),
            skipped: Default::default(),
            duplicates: 0,
            warned: BTreeSet::new(),
            ignored: 0,
            next: None,
            visits_at_end: 0,
            visits_untold: 0,
            visited: 0,
            tour: Tour::default(),
            stepped_at: Timestamp::MIN,
            is_busy: false,
            has_stepped: false,
            awaits_profiles: true,
            scale_waits: 0,
        }
    }

    /// Takes what the log delivers for it.
    pub(crate) fn deliver(&mut self, delivery: Delivery, settings: &Settings) -> Result<(), Fatal> {
        match delivery {
            Delivery::Records { input, batch, .. } => self.backlog.push_batch(settings, self.number, input, batch),
            Delivery::Exchange { offset, sections, .. } => {
                self.backlog.push_sections(settings, self.number, offset, sections)
            }
        }
    }

    /// The first record of a journal: it says where the first slice begins.
    pub(crate) fn open(&mut self, settings: &Settings) {
        let positions = self.backlog.positions();
        let here = |offset| OffsetRange { first: offset, next: offset };
        let fingerprint = settings.fingerprint();
        self.effects = Effects::default();
        self.next = Some(JournalRecord {
            shard: self.number,
            sequence: 0,
            exchange: here(positions.exchange),
            inputs: positions.inputs.iter().map(|&offset| here(offset)).collect(),
            clock: Timestamp::MIN,
            sweep: 0,
            publishes: true,
            settles: false,
            engine_revision: ENGINE_REVISION,
            model_fingerprint: fingerprint,
            slice_digest: 0,
            digest: chain(fingerprint, u64::from(self.number), u64::from(settings.shards)),
            gaps: Vec::new(),
            machine_clock: None,
            closes_ms: settings.closes_ms,
        });
    }

    /// What there is to do.
    pub(crate) fn work(&self, clock: Clock) -> Work {
        let people = self.shard.people_len();
        if !self.shard.is_at_rest() || !self.backlog.is_empty() || self.backlog.has_gap() {
            Work::Input
        } else if self.visited < people
            || self.shard.looks_for_leader()
            || clock == Clock::Event && people > 0 && !self.has_settled(people)
        {
            Work::Quieting
        } else if people > 0 && clock != Clock::Event {
            Work::Ageing
        } else {
            Work::Nothing
        }
    }

    /// How many people the sweep visits.
    fn sweep(&self, settings: &Settings, work: Work, now: Timestamp) -> u32 {
        let people = self.shard.people_len();
        let epoch_ms = settings.pace.epoch_ms;
        // Where it had nothing to do since, that is no measure of how long an epoch lasts.
        let elapsed_ms = if self.is_busy { now.saturating_sub(self.stepped_at) } else { epoch_ms };
        let share = self.tour.due(people, now, elapsed_ms);
        match work {
            Work::Input => share,
            Work::Quieting => share.max(SWEEP_QUIET_MIN),
            Work::Nothing | Work::Ageing => {
                let round_ms = (settings.model.half_life_ms / LOOKS_A_HALF_LIFE).clamp(MINUTE_MS, HOUR_MS);
                let share = i64::from(people) * IDLE_MS / round_ms;
                u32::try_from(share).unwrap_or(u32::MAX).max(SWEEP_IDLE_MIN)
            }
        }
    }

    /// Hears since when records of each input are there that have not come; nothing from a log that does not look.
    pub(crate) fn look(&mut self, settings: &Settings, unread: &[Option<Timestamp>]) {
        self.backlog.look(unread);
        let holds_profiles = |input: &usize| settings.inputs[*input].holds == Holds::Profiles;
        let has_all = || (0..unread.len()).filter(holds_profiles).all(|input| self.backlog.has_all_of(input));
        self.awaits_profiles = self.awaits_profiles && !has_all();
    }

    /// Whether its first day would end before there is a scale, and nobody would be closed: it takes no more events until there is
    /// one, and not for ever.
    fn waits_for_scale(&mut self) -> bool {
        let waits = self.shard.waits_for_scale() && self.scale_waits < SCALE_WAITS_MAX;
        self.scale_waits += u32::from(waits);
        waits
    }

    /// Takes a slice of what waits.
    pub(crate) fn step(
        &mut self,
        settings: &Settings,
        epoch_records: usize,
        now: Timestamp,
        cue: Option<Cue>,
        bugs: Bugs,
    ) {
        let people = self.shard.people_len();
        let work = self.work(settings.clock);
        let lags = |oldest: Timestamp| now.saturating_sub(oldest) > settings.pace.lag_ms_max;
        let publishes = !self.backlog.oldest().is_some_and(lags);
        let day_ms = settings.closes_ms.filter(|_| settings.clock == Clock::Event);
        let day = day_ms.map(|day_ms| Day { clock: self.shard.now().unwrap_or(Timestamp::MIN), day_ms });
        let holds_events = self.awaits_profiles || day_ms.is_some() && self.waits_for_scale();
        let is_held = |input: usize| holds_events && settings.inputs[input].holds == Holds::Events;
        let epoch = Share { records: epoch_records, bytes: settings.pace.epoch_bytes_max };
        let cut = self.backlog.cut(epoch, day, is_held);
        let is_caught_up = self.backlog.is_caught_up();
        self.tour.note(now, people, is_caught_up);
        let plan = match cue {
            None => Plan {
                clock: now.max(self.shard.now().unwrap_or(now)),
                sweep: self.sweep(settings, work, now),
                publishes,
                settles: settings.clock == Clock::Event && self.is_at_end(&cut, is_caught_up, people),
                machine_clock: (settings.clock == Clock::Event).then_some(now),
                closes_ms: settings.closes_ms,
            },
            Some(Cue { clock, sweeps_all, settles }) => {
                let sweep = if sweeps_all { people } else { people.div_ceil(SWEEP_SHARE) };
                Plan { clock, sweep, publishes: true, settles, machine_clock: None, closes_ms: settings.closes_ms }
            }
        };
        // Whoever had the shard before may have left counts unpublished.
        if !cut.parts.is_empty() || !cut.sections.is_empty() || !self.has_stepped {
            self.tour.came(now);
        }
        self.run(cut, plan, settings, bugs);
        self.visits_at_end += u64::from(self.effects.swept);
        self.visits_untold += u64::from(self.effects.swept);
        let before = if work == Work::Input { 0 } else { self.visited };
        // What is not published has to be looked at again.
        let swept = if self.effects.publishes { self.effects.swept } else { 0 };
        self.visited = before.saturating_add(swept);
        self.tour.visited(swept, self.shard.people_len());
        (self.stepped_at, self.has_stepped) = (now, true);
        self.is_busy = self.work(settings.clock) >= Work::Quieting;
    }

    /// Milliseconds since the oldest counts came that may not be published yet; 0 if all are.
    pub(crate) fn unpublished_ms(&self, now: Timestamp) -> i64 {
        self.tour.unpublished_ms(now)
    }

    /// Whether the inputs have nothing more, and the shard has not settled since they had.
    fn is_at_end(&mut self, cut: &Cut, is_caught_up: bool, people: u32) -> bool {
        let has_more = !is_caught_up || !cut.parts.is_empty();
        if has_more {
            self.visits_at_end = 0;
        }
        if has_more || !cut.sections.is_empty() {
            self.visits_untold = 0;
        }
        !has_more && !self.has_settled(people)
    }

    fn has_settled(&self, people: u32) -> bool {
        let people = u64::from(people);
        self.visits_untold > SETTLING_SWEEPS * people || self.visits_at_end > SETTLING_SWEEPS_MAX * people
    }

    /// Does the slice of a committed record again, once all of it was delivered. Its effects are out already: what is
    /// returned is the record that comes out now, to be compared.
    ///
    /// # Errors
    /// The slice does not follow what was done before.
    pub(crate) fn repeat(
        &mut self,
        record: &JournalRecord,
        now: Timestamp,
        settings: &Settings,
        bugs: Bugs,
    ) -> Result<Option<&JournalRecord>, String> {
        let Some(mut cut) = self.backlog.cut_again(record)? else { return Ok(None) };
        let clock = if bugs.has(Bug::StepLooksAtClock) { now } else { record.clock };
        let JournalRecord { sweep, publishes, settles, machine_clock, closes_ms, .. } = *record;
        let closes_ms = if bugs.has(Bug::ClosesAsTold) { settings.closes_ms } else { closes_ms };
        let plan = Plan { clock, sweep, publishes, settles, machine_clock, closes_ms };
        if bugs.has(Bug::F32Drift) {
            cut.sections.iter_mut().for_each(drift);
        }
        self.run(cut, plan, settings, bugs);
        self.last = self.next.take();
        Ok(self.last.as_ref())
    }

    fn run(&mut self, mut cut: Cut, mut plan: Plan, settings: &Settings, bugs: Bugs) {
        if bugs.has(Bug::BlocksUnheard) {
            cut.sections.iter_mut().for_each(|section| section.blocks.clear());
        }
        if settings.clock == Clock::Event {
            let told = cut.sections.iter().map(|section| section.clock);
            plan.clock = told.chain(self.shard.now()).max().unwrap_or(Timestamp::MIN);
        }
        if let Some(seen) = &mut self.seen {
            seen.advance(plan.clock);
        }
        let gathered = gather(&cut, &plan, settings, self.seen.as_mut(), bugs);
        let sections: Vec<&Section> = cut.sections.iter().collect();
        let slice = Slice {
            clock: plan.clock,
            exchange: &sections,
            profiles: &gathered.profiles,
            events: &gathered.events,
            sweep: plan.sweep,
            publishes: plan.publishes,
            settles: plan.settles,
            machine_clock: plan.machine_clock,
            is_live: settings.clock != Clock::Stored,
            closes_ms: plan.closes_ms,
            credits: settings.credits,
        };
        self.shard.step(&slice, &mut self.effects);
        (self.refused, self.records) = (gathered.refused, gathered.records);
        (self.duplicates, self.ignored) = (gathered.duplicates, gathered.ignored);
        self.skipped = gathered.skipped;
        let (slice_digest, step_digest) = (gathered.digest, self.effects.digest);
        let step_digest = self.seen.as_ref().map_or(step_digest, |seen| fold(step_digest, seen.digest()));
        let last = self.last.as_ref().expect("a journal is opened before its first slice");
        self.next = Some(JournalRecord {
            shard: self.number,
            sequence: last.sequence + 1,
            exchange: cut.exchange,
            inputs: cut.inputs,
            clock: match settings.clock {
                Clock::Event => self.shard.now().unwrap_or(Timestamp::MIN),
                Clock::Wall | Clock::Stored => plan.clock,
            },
            sweep: plan.sweep,
            publishes: plan.publishes,
            settles: plan.settles,
            engine_revision: ENGINE_REVISION,
            model_fingerprint: last.model_fingerprint,
            slice_digest,
            digest: chain(last.digest, slice_digest, step_digest),
            gaps: cut.gaps,
            machine_clock: plan.machine_clock,
            closes_ms: plan.closes_ms,
        });
    }

    /// The shard as it is, after the epoch of this record.
    pub(crate) fn checkpoint(&self, journal: JournalRecord, room: Vec<u8>) -> Checkpoint {
        let mut image = room;
        self.shard.copy_image(&mut image);
        Checkpoint { journal, journal_offset: self.last_offset, image, seen: self.seen.clone() }
    }

    /// All that a later slice can read, as bytes.
    pub(crate) fn state(&self) -> Vec<u8> {
        let mut state = Vec::new();
        self.shard.copy_image(&mut state);
        self.seen.iter().for_each(|seen| seen.write(&mut state));
        state
    }

    /// Ids of events that it knows, and the memory they take.
    pub(crate) fn ids(&self) -> (u64, u64) {
        self.seen.as_ref().map_or((0, 0), Seen::sizes)
    }

    /// What is to be committed.
    pub(crate) fn transaction(&mut self) -> Option<Step<'_>> {
        let journal = self.next.as_ref()?;
        Some(Step { shard: &self.shard, effects: &mut self.effects, refused: &self.refused, journal })
    }

    /// The epoch is committed, and its record lies here.
    pub(crate) fn committed(&mut self, journal_offset: i64) {
        self.last = self.next.take();
        self.last_offset = journal_offset;
        self.refused.clear();
        self.warn_of_collisions();
    }

    fn warn_of_collisions(&mut self) {
        for Collision { first, second } in &self.effects.collisions {
            if self.warned.len() < WARNINGS_MAX && self.warned.insert(second.clone()) {
                let first = first.as_deref().unwrap_or("a name that another shard holds, or that was erased");
                warn!(
                    shard = self.number,
                    first, second, "two names have one hash: what the second does and receives is left out"
                );
            }
        }
    }

    /// What the last step did. A log may have taken the sections.
    pub(crate) fn effects(&self) -> &Effects {
        &self.effects
    }

    /// Records of inputs in the epoch under way.
    pub(crate) fn next_records(&self) -> u64 {
        self.next.iter().flat_map(|next| &next.inputs).map(|range| range.len()).sum()
    }

    /// The record of the epoch under way.
    pub(crate) fn next(&self) -> Option<&JournalRecord> {
        self.next.as_ref()
    }
}

/// What [`Bug::F32Drift`] does.
fn drift(section: &mut Section) {
    for entry in &mut section.endorse {
        entry.change.given = f64::from(entry.change.given as f32);
        entry.change.returned = f64::from(entry.change.returned as f32);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use influence::Model;
    use vocabulary::{Event, Kind};

    use super::*;
    use crate::batch::{Batch, Stamp};
    use crate::sample;
    use crate::settings::Holds;

    const BEGIN: Timestamp = 1_700_000_000_000;

    /// One shard by a clock that the test moves.
    struct Bench {
        settings: Settings,
        seat: Seat,
        now: Timestamp,
        offset: i64,
    }

    impl Bench {
        fn new() -> Bench {
            let settings = Settings { shards: 1, model: Model::default(), ..sample::settings([Holds::Events]) };
            let mut seat = Seat::new(&settings, 0, &Positions { exchange: 0, inputs: vec![0] });
            seat.open(&settings);
            seat.committed(0);
            Bench { settings, seat, now: BEGIN, offset: 0 }
        }

        /// An epoch that takes these mentions and lasts so long. Returns the mentions of each who was published.
        fn epoch(&mut self, acts: &[(&str, &str)], lasts_ms: i64) -> Vec<(String, u64)> {
            let mut batch = Batch::new(self.offset);
            for (actor, target) in acts {
                let event = Event { actor, target, kind: Kind::Mention, at: self.now };
                batch.push_event(self.offset, &event, Stamp::Created(self.now));
                self.offset += 1;
            }
            if !acts.is_empty() {
                self.seat.backlog.push_batch(&self.settings, 0, 0, Arc::new(batch)).expect("it follows");
            }
            self.seat.look(&self.settings, &[]);
            self.seat.step(&self.settings, usize::MAX, self.now, None, Bugs::NONE);
            let shard = &self.seat.shard;
            let scores = self.seat.effects().scores.iter().filter_map(|published| shard.record(published));
            let told = scores.map(|(user, score)| (user.to_owned(), score.received.of(Kind::Mention))).collect();
            self.seat.committed(0);
            self.now += lasts_ms;
            told
        }
    }

    /// Epochs are slow and always bring something, and there are many people to visit.
    #[test]
    fn a_count_that_moves_no_score_is_published_within_five_seconds() {
        let mut bench = Bench::new();
        let users: Vec<String> = (0..3_000).map(|number| format!("u{number}")).collect();
        let all: Vec<(&str, &str)> = users.iter().map(|user| ("fan", user.as_str())).collect();
        (0..30).for_each(|_| drop(bench.epoch(&all, 100)));
        while bench.seat.work(Clock::Wall) > Work::Ageing {
            bench.epoch(&[], 100);
        }
        assert_eq!(bench.seat.unpublished_ms(bench.now), 0);
        let began = bench.now;
        let mut told = bench.epoch(&[("fan", "u1717")], 900);
        assert!(
            bench.seat.unpublished_ms(bench.now) > 0,
            "its score has not moved, and its turn does not come at once"
        );
        while !told.contains(&("u1717".to_owned(), 31)) {
            assert!(bench.now - began <= 5_000, "it is not published after {} ms", bench.now - began);
            told = bench.epoch(&[("other", "somebody")], 900);
            assert!(bench.seat.unpublished_ms(bench.now) <= 5_000);
        }
    }
}
