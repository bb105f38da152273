//! Daily closes: how everybody whose score has moved stood at the end of a day, 00:00 UTC of the clock.
//!
//! All closes of a day are taken at once, before anything that is later than its end is taken, and told over the steps that
//! follow, a bounded number in each. Nothing of this changes a score. What was told last is kept for each person apart from the
//! standing, in four bytes; a shard without closes keeps nothing.

use std::collections::VecDeque;

use crate::digest::{Digest, both};
use crate::id::{PersonId, StandingId};
use crate::shard::{Close, Effects, Removed, Shard, Slice};
use crate::standing::{Mark, Targets, UNPUBLISHED};
use crate::tables::{InvalidImage, Put, Reader, check};
use typed_index_collections::TiVec;
use vocabulary::{Kind, Received, Removal, Score, Timestamp};

/// Milliseconds of a day.
pub const DAY_MS: Timestamp = 86_400_000;
/// Points by which a score must have moved since the last close, as if it were not bounded by 100.
pub const CLOSED_MOVE: f64 = 0.05;
/// Numbers of a close that are kept beside its counts.
const NUMBERS: usize = 8;

/// The end of the day in which this time lies, where days are so long: 00:00 UTC of the next one.
pub fn end_of_day(at: Timestamp, day_ms: Timestamp) -> Timestamp {
    (at.div_euclid(day_ms) + 1).saturating_mul(day_ms)
}

/// What a shard keeps for its closes.
#[derive(Clone, Debug)]
pub(crate) struct History {
    day_ms: Timestamp,
    /// For each standing the score of the last close, as if it were not bounded by 100; NaN, or beyond the end, if there is none.
    closed: TiVec<StandingId, f32>,
    /// Closes that are taken and not told yet, oldest first.
    waiting: VecDeque<Waiting>,
    /// Of them, those that this step has to tell.
    due: usize,
    /// Whether people are closed whose score was never published: where events move the clock, history is read first and
    /// published last.
    closes_unpublished: bool,
}

/// A close that is not told yet.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    standing: StandingId,
    score: Score,
}

impl History {
    fn new(day_ms: Timestamp) -> History {
        let (closed, waiting) = (TiVec::new(), VecDeque::new());
        History { day_ms, closed, waiting, due: 0, closes_unpublished: false }
    }

    pub(crate) fn is_told(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The person is erased: what is not told yet is not told any more.
    fn forget(&mut self, standing: StandingId) {
        if let Some(closed) = self.closed.get_mut(standing) {
            *closed = UNPUBLISHED;
        }
    }

    /// What is told from now on is of people who are there; standings may be those of others later.
    fn drop_forgotten(&mut self) {
        let closed = &self.closed;
        self.waiting.retain(|waiting| !closed[waiting.standing].is_nan());
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.closed.capacity() * size_of::<f32>() + self.waiting.capacity() * size_of::<Waiting>()
    }

    pub(crate) fn write_image(&self, to: &mut impl Put) {
        to.word(self.day_ms as u64);
        to.table(&self.closed.raw);
        to.words(&[self.waiting.len() as u64, Kind::COUNTED_COUNT as u64]);
        for Waiting { standing, score } in &self.waiting {
            to.word((*standing).into());
            to.words(&numbers(score).map(f64::to_bits));
            to.words(score.received.values());
            to.words(&[score.followers, score.following, score.as_of as u64, score.scale_version]);
            to.words(&[score.scale.to_bits(), score.previous.is_some().into()]);
            score.previous.iter().for_each(|previous| to.word(previous.to_bits()));
        }
    }

    pub(crate) fn read_image(from: &mut Reader<'_>, targets: &Targets) -> Result<History, InvalidImage> {
        let day_ms = from.word()? as Timestamp;
        check(day_ms > 0, "closes: a day is none")?;
        let closed: TiVec<StandingId, f32> = from.table("closes")?.into();
        let is_theirs = |(closed, standing): (&f32, &crate::standing::Standing)| {
            closed.to_bits() == UNPUBLISHED.to_bits()
                || closed.is_finite() && *closed >= 0.0 && standing.has(Mark::Rated)
        };
        let are_there = closed.len() <= targets.standings.len();
        check(are_there && closed.iter().zip(&targets.standings).all(is_theirs), "closes: somebody's is none")?;
        let (count, kinds) = (from.word()?, from.word()?);
        check(kinds == Kind::COUNTED_COUNT as u64, "closes: they count other kinds")?;
        let mut history = History { closed, ..History::new(day_ms) };
        for _ in 0..count {
            let standing = from.word()?;
            let standing = usize::try_from(standing).ok().filter(|&standing| standing < history.closed.len());
            let standing =
                standing.map(StandingId::from).ok_or_else(|| InvalidImage("closes: nobody's waits".into()))?;
            history.waiting.push_back(Waiting { standing, score: read_score(from)? });
        }
        Ok(history)
    }
}

fn numbers(score: &Score) -> [f64; NUMBERS] {
    let [(_, reach), (_, amplification), (_, network), (_, openness), (_, room), (_, audience)] = score.factors();
    [score.score, score.influence, reach, amplification, network, openness, room, audience]
}

fn read_score(from: &mut Reader<'_>) -> Result<Score, InvalidImage> {
    let mut numbers = [0.0; NUMBERS];
    for number in &mut numbers {
        *number = f64::from_bits(from.word()?);
    }
    let mut received = [0; Kind::COUNTED_COUNT];
    for count in &mut received {
        *count = from.word()?;
    }
    let [score, influence, reach, amplification, network, openness, room, audience] = numbers;
    let (followers, following, as_of, scale_version) = (from.word()?, from.word()?, from.word()?, from.word()?);
    let scale = f64::from_bits(from.word()?);
    let has_previous = from.flag("closes: whether there was one before")?;
    let previous = if has_previous { Some(f64::from_bits(from.word()?)) } else { None };
    let all = numbers.iter().chain([&scale]).chain(&previous);
    check(all.into_iter().all(|number| number.is_finite()), "closes: one that waits is no number")?;
    Ok(Score {
        score,
        influence,
        reach,
        amplification,
        network,
        openness,
        room,
        audience,
        received: Received::new(received),
        followers,
        following,
        as_of: as_of as Timestamp,
        scale,
        scale_version,
        previous,
    })
}

impl Shard {
    /// Begins closes with the first slice that has them, and forgets them with the first that has none.
    pub(crate) fn note_closing(&mut self, slice: &Slice<'_>) {
        let day_ms = slice.closes_ms.filter(|&day_ms| day_ms > 0);
        if self.history.as_ref().map(|history| history.day_ms) != day_ms {
            self.history = day_ms.map(|day_ms| Box::new(History::new(day_ms)));
            self.set_alarm();
        }
        if let Some(history) = &mut self.history {
            history.closes_unpublished = slice.machine_clock.is_some() || !slice.is_live;
            // In a recorded log nobody waits for the end of a transaction.
            history.due = if slice.is_live { 0 } else { usize::MAX };
        }
    }

    /// The time from which on the clock has to be looked at: a day ends, or the landmark lags too far.
    pub(crate) fn set_alarm(&mut self) {
        let history = self.history.as_ref().filter(|_| self.now != Timestamp::MIN);
        let ends = history.map_or(Timestamp::MAX, |history| end_of_day(self.now, history.day_ms));
        self.alarm = self.landmark_until.min(ends);
    }

    /// Moves the clock over the ends of days. Where it passes several at once nothing has happened in between: closes are as of
    /// the end of the day in which it stood, and of the last one.
    pub(crate) fn pass_days(&mut self, clock: Timestamp) {
        let Some(history) = self.history.as_ref().filter(|_| self.now != Timestamp::MIN) else { return };
        let day_ms = history.day_ms;
        let (first, last) = (end_of_day(self.now, day_ms), end_of_day(clock, day_ms) - day_ms);
        if first <= last {
            self.close_day(first);
        }
        if first < last {
            self.close_day(last);
        }
    }

    fn close_day(&mut self, end: Timestamp) {
        self.set_clock(end);
        // Nobody has a score before there is a scale.
        if !self.scale.is_set() {
            return;
        }
        let Some(mut history) = self.history.take() else { return };
        history.drop_forgotten();
        history.due = history.due.max(history.waiting.len());
        history.closed.resize(self.targets.standings.len(), UNPUBLISHED);
        self.step.digest.fold(end as u64);
        let now = self.moment();
        for standing in self.targets.standings.keys() {
            let kept = &self.targets.standings[standing];
            if !kept.has(Mark::Rated) || !history.closes_unpublished && kept.published.is_nan() {
                continue;
            }
            let height = now.height(self.influence_at(standing, &now)) as f32;
            let closed = &mut history.closed[standing];
            // Nothing closed yet is NaN, and no move from it is small.
            if f64::from((height - *closed).abs()) < CLOSED_MOVE {
                continue;
            }
            let previous = (!closed.is_nan()).then(|| four_digits(f64::from(*closed).min(100.0)));
            *closed = height;
            self.step.digest.fold_both(standing.into(), height.to_bits().into());
            let score = Score { previous, ..self.score_at(standing, &now) };
            history.waiting.push_back(Waiting { standing, score });
        }
        self.history = Some(history);
    }

    /// Tells closes that wait.
    pub(crate) fn tell_closes(&mut self, effects: &mut Effects) {
        effects.closes.clear();
        let Some(history) = &mut self.history else { return };
        let (a_step, day_ms) = (self.model.limits.closes_a_step as usize, history.day_ms);
        let due = history.due.max(a_step).min(history.waiting.len());
        history.due = 0;
        for Waiting { standing, score } in history.waiting.drain(..due) {
            let has_closed = history.closed.get(standing).is_some_and(|closed| !closed.is_nan());
            let person = self.targets.standings[standing].person();
            if let Some(person) = person.filter(|_| has_closed) {
                effects.closes.push(Close { person, day: score.as_of.div_euclid(day_ms) - 1, score });
            }
        }
        if history.waiting.is_empty() {
            history.waiting = VecDeque::new();
        }
    }

    /// Takes a person's closes back, as far as that can be done: those that wait, and by a tombstone those that are told.
    pub(crate) fn erase_closes(&mut self, person: PersonId, standing: StandingId, why: Removal) {
        let Some(history) = &mut self.history else { return };
        history.forget(standing);
        if !self.targets.standings[standing].has(Mark::Rated) {
            return;
        }
        if let Some(name) = self.people.names.get(person) {
            self.step.closes_removed.push(Removed { name: name.into(), why });
        }
    }

    /// Folds in what the step told of closes; nothing where there are none.
    pub(crate) fn fold_closes(&self, effects: &Effects, digest: &mut Digest) {
        if let Some(history) = &self.history {
            let waiting = history.waiting.len() as u64;
            digest.fold_both(both(effects.closes.len() as u32, effects.closes_removed.len() as u32), waiting);
        }
    }
}

/// What an `f32` holds beyond four digits behind the point is noise.
pub(crate) fn four_digits(score: f64) -> f64 {
    (score * 1e4).round() / 1e4
}
