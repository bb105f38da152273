//! The scale: what 100 stands for. Shard 0 sets it from the reports of all shards and tells it to them.
//!
//! It belongs to everybody: whatever the first one does, nobody falls by more than a point a day through it. It may move
//! freely only while a world is younger than a half-life or catches up on history, before anybody has got used to it, and
//! at the end of a recorded log.

use crate::model::Model;
use crate::tables::{InvalidImage, Put, Reader, check};
use vocabulary::Timestamp;

/// The scale is never below this many votes, unless the model says otherwise.
pub const SCALE_FLOOR: f64 = 100.0;
/// The lowest floor that a model may have.
pub const SCALE_FLOOR_MIN: f64 = 1.0;

const HOUR_MS: Timestamp = 3_600_000;
const DAY_MS: Timestamp = 24 * HOUR_MS;
/// Whoever has 100 keeps this share of the score while the scale rises for a day. It is told in steps of up to a tenth of a
/// point, so that a day may have a tenth of the day before.
const KEPT_A_DAY: f64 = 0.991;
/// Half-time of the scale's way down.
const DOWN_MS: f64 = 14.0 * DAY_MS as f64;
/// A smaller relative move is not worth a version: it would republish everybody.
const MOVE_MIN: f64 = 0.005;
/// Steps for which the first scale waits for the reports of all shards: some may have nobody.
const WAIT_STEPS_MAX: u32 = 10;

/// What 100 stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Votes: `M`.
    pub votes: f64,
    /// Counts the changes of `votes`, from 1; 0 before the first.
    pub version: u64,
}

impl Scale {
    /// Whether it was put where the largest influence is, once at least. Nothing is published before.
    pub(crate) fn is_set(&self) -> bool {
        self.version > 0
    }
}

impl Default for Scale {
    fn default() -> Scale {
        Scale { votes: SCALE_FLOOR, version: 0 }
    }
}

impl Scale {
    /// `100 ln(1 + x) / ln(1 + M)`, at most 100.
    #[inline]
    pub fn score(&self, influence: f64) -> f64 {
        self.ruler().score(influence)
    }

    /// The score, as if it were not bounded by 100.
    pub fn height(&self, influence: f64) -> f64 {
        self.ruler().height(influence)
    }

    /// The scale made ready for many scores.
    pub(crate) fn ruler(&self) -> Ruler {
        Ruler { points: 100.0 / libm::log1p(self.votes) }
    }
}

/// Turns influence into scores.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ruler {
    /// Points for each `e` of influence.
    points: f64,
}

impl Ruler {
    #[inline]
    pub(crate) fn score(self, influence: f64) -> f64 {
        self.height(influence).min(100.0)
    }

    /// The score, as if there were no bound: above 100 for whoever is above the scale.
    #[inline]
    pub(crate) fn height(self, influence: f64) -> f64 {
        self.points * libm::log1p(influence)
    }
}

/// How one shard's people stand.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// Votes: the largest influence of somebody who is not suspended.
    pub largest: f64,
    /// Votes that suspensions and erasures, and acts that fell out of the leader's window, have taken away so far.
    pub taken: f64,
    /// Whether the shard catches up on history: nobody has got used to a scale yet.
    pub is_opening: bool,
    /// Whether its oldest act is younger than a half-life.
    pub is_young: bool,
}

impl Report {
    pub(crate) fn is_sound(&self) -> bool {
        self.largest.is_finite() && self.taken.is_finite() && self.taken >= 0.0
    }
}

/// Shard 0's view of all shards.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScaleKeeper {
    pub(crate) reports: Vec<Option<Report>>,
    pub(crate) moved_at: Option<Timestamp>,
    /// Steps that the first scale has waited for reports.
    pub(crate) waited_steps: u32,
    /// When it last looked.
    pub(crate) looked_at: Option<Timestamp>,
    /// Votes: where the scale is on its way. It is told when it has moved far enough.
    aim: f64,
    /// Votes: the largest influence at the last look.
    largest: f64,
    /// Votes that moderation took, and that the first one lost otherwise than by age, for which the scale was not lowered yet.
    taken: Lately,
    lost: Lately,
}

/// Votes of this span of time and the one before: what is added is there for a whole span at least, and gone after two.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Lately {
    before: f64,
    votes: f64,
    since: Timestamp,
}

impl Lately {
    fn pass(&mut self, now: Timestamp, span_ms: Timestamp) {
        let spans = now.saturating_sub(self.since) / span_ms;
        if spans >= 1 {
            self.before = if spans == 1 { self.votes } else { 0.0 };
            (self.votes, self.since) = (0.0, now);
        }
    }

    fn add(&mut self, votes: f64) {
        self.votes = (self.votes + votes).min(f64::MAX / 2.0);
    }

    fn pay(&mut self, votes: f64) {
        let rest = (votes - self.before).max(0.0);
        self.before = (self.before - votes).max(0.0);
        self.votes = (self.votes - rest).max(0.0);
    }

    fn sum(&self) -> f64 {
        self.before + self.votes
    }
}

/// How the scale may move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// The end of a recorded log: exactly to the largest influence.
    Settles,
    /// While history is caught up on, and as long as the world is young: to the largest influence at once.
    Opens,
    /// As everybody can bear it.
    Steady,
}

impl ScaleKeeper {
    pub(crate) fn new(shards: u16) -> ScaleKeeper {
        ScaleKeeper {
            reports: vec![None; usize::from(shards)],
            moved_at: None,
            waited_steps: 0,
            looked_at: None,
            aim: 0.0,
            largest: 0.0,
            taken: Lately::default(),
            lost: Lately::default(),
        }
    }

    /// `span_ms` is the time within which what moderation took and what the first one lost belong together.
    pub(crate) fn take(&mut self, source: u16, report: Report, now: Timestamp, span_ms: Timestamp) {
        // Who is no shard of ours says nothing.
        if let Some(kept) = self.reports.get_mut(usize::from(source)) {
            let before = kept.map_or(0.0, |kept| kept.taken);
            if report.taken > before {
                self.taken.pass(now, span_ms);
                self.taken.add(report.taken - before);
            }
            *kept = Some(report);
        }
    }

    /// Whether the first scale need not wait any longer. Asked once a step.
    pub(crate) fn has_waited(&mut self) -> bool {
        self.waited_steps += 1;
        self.waited_steps > WAIT_STEPS_MAX || self.reports.iter().all(Option::is_some)
    }

    /// Whether a shard still catches up on history.
    pub(crate) fn is_opening(&self) -> bool {
        self.reports.iter().flatten().any(|report| report.is_opening)
    }

    /// Whether no shard knows of an act that is older than a half-life.
    pub(crate) fn is_young(&self) -> bool {
        self.reports.iter().flatten().all(|report| report.is_young)
    }

    /// The next scale.
    pub(crate) fn next(&mut self, old: &Scale, now: Timestamp, pace: Pace, model: &Model) -> Scale {
        let leads = self.reports.iter().flatten().map(|report| report.largest).fold(0.0, f64::max);
        let largest = leads.max(model.scale_floor);
        let elapsed_ms = now.saturating_sub(self.looked_at.replace(now).unwrap_or(now)).max(0);
        let since_moved_ms = now.saturating_sub(*self.moved_at.get_or_insert(now));
        // Time counts from when somebody was seen above the scale, so that nobody lifts it by what passed before.
        let since_above_ms = if self.largest > self.aim { elapsed_ms.min(day_ms(model)) } else { 0 };
        self.note_loss(leads, now, elapsed_ms, model);
        let (move_min, pause_ms) = match pace {
            _ if !old.is_set() => (0.0, 0),
            Pace::Settles => (1e-12, 0),
            Pace::Opens => (MOVE_MIN, 0),
            Pace::Steady => (MOVE_MIN, model.level_pause_ms.min(day_ms(model) / 24)),
        };
        let is_free = !old.is_set() || pace != Pace::Steady;
        let mut gives_back = false;
        if is_free {
            self.aim = largest;
            (self.taken, self.lost) = (Lately::default(), Lately::default());
        } else {
            self.aim = match self.aim.max(model.scale_floor) {
                aim if largest > aim => risen(aim, since_above_ms, model).min(largest),
                aim => fallen(aim, largest, elapsed_ms, model),
            };
            gives_back = self.give_back(largest, leads);
        }
        let mut next = *old;
        if (gives_back || since_moved_ms >= pause_ms) && (self.aim / old.votes - 1.0).abs() >= move_min {
            next.votes = self.aim;
            next.version = next.version.saturating_add(1);
            self.moved_at = Some(now);
        }
        next
    }

    /// Whoever leads loses nothing by time alone but what ageing takes. What is more is a loss, as long as it does not come
    /// back: somebody's votes go up and down by small amounts all the time.
    fn note_loss(&mut self, leads: f64, now: Timestamp, elapsed_ms: Timestamp, model: &Model) {
        let span_ms = history_ms(model);
        self.taken.pass(now, span_ms);
        self.lost.pass(now, span_ms);
        let aged = self.largest * libm::exp2(-(elapsed_ms as f64) / model.half_life_ms as f64);
        if leads < aged {
            self.lost.add(aged - leads);
        } else {
            self.lost.pay(leads - aged);
        }
        self.largest = leads;
    }

    /// Lowers the scale at once by what moderation took from whoever led, and at least by the share of its votes that this
    /// was, as the scale may lag behind: no further than to who leads now, and not by what was taken from others or lost
    /// otherwise.
    fn give_back(&mut self, largest: f64, leads: f64) -> bool {
        let lost = self.lost.sum();
        let due = self.taken.sum().min(lost);
        let led = leads + lost;
        if due <= 0.0 || due < MOVE_MIN * led {
            return false;
        }
        self.taken.pay(due);
        self.lost.pay(due);
        let before = self.aim;
        let lowered = (self.aim - due).min(self.aim * (1.0 - due / led));
        self.aim = lowered.max(largest).min(before);
        self.aim < before
    }

    pub(crate) fn write_image(&self, to: &mut impl Put) {
        to.time(self.moved_at);
        to.word(self.waited_steps.into());
        to.time(self.looked_at);
        to.words(&[self.aim.to_bits(), self.largest.to_bits()]);
        for lately in [self.taken, self.lost] {
            to.words(&[lately.before.to_bits(), lately.votes.to_bits(), lately.since as u64]);
        }
        for report in &self.reports {
            to.word(report.is_some().into());
            if let Some(Report { largest, taken, is_opening, is_young }) = report {
                to.words(&[largest.to_bits(), taken.to_bits(), (*is_opening).into(), (*is_young).into()]);
            }
        }
    }

    pub(crate) fn read_image(&mut self, from: &mut Reader<'_>) -> Result<(), InvalidImage> {
        self.moved_at = from.time()?;
        let waited = u32::try_from(from.word()?);
        self.waited_steps = waited.map_err(|_| InvalidImage("the scale: has waited for ever".into()))?;
        self.looked_at = from.time()?;
        self.aim = f64::from_bits(from.word()?);
        self.largest = f64::from_bits(from.word()?);
        for lately in [&mut self.taken, &mut self.lost] {
            let (before, votes) = (f64::from_bits(from.word()?), f64::from_bits(from.word()?));
            *lately = Lately { before, votes, since: from.word()? as Timestamp };
        }
        let numbers = [self.aim, self.largest, self.taken.before, self.taken.votes, self.lost.before, self.lost.votes];
        check(numbers.iter().all(|votes| votes.is_finite() && *votes >= 0.0), "the scale: its way is no number")?;
        for report in &mut self.reports {
            *report = match from.flag("reports")? {
                true => Some(Report {
                    largest: f64::from_bits(from.word()?),
                    taken: f64::from_bits(from.word()?),
                    is_opening: from.flag("a report: whether its shard opens")?,
                    is_young: from.flag("a report: whether its shard is young")?,
                }),
                false => None,
            };
            check(report.is_none_or(|report| report.is_sound()), "a report: its largest influence is none")?;
        }
        Ok(())
    }

    /// The parts that no report has, as words.
    pub(crate) fn words(&self) -> [u64; 11] {
        let time = |at: Option<Timestamp>| at.unwrap_or(Timestamp::MIN) as u64;
        let lately = |lately: &Lately| [lately.before.to_bits(), lately.votes.to_bits(), lately.since as u64];
        let ([taken, taken_now, taken_since], [lost, lost_now, lost_since]) = (lately(&self.taken), lately(&self.lost));
        [
            time(self.moved_at),
            self.waited_steps.into(),
            time(self.looked_at),
            self.aim.to_bits(),
            self.largest.to_bits(),
            taken,
            taken_now,
            taken_since,
            lost,
            lost_now,
            lost_since,
        ]
    }
}

/// Whether two influences, as scales, differ enough to be told.
pub(crate) fn is_moved(largest: f64, told: f64, model: &Model) -> bool {
    (largest.max(model.scale_floor) / told.max(model.scale_floor) - 1.0).abs() >= MOVE_MIN
}

/// The unit of the scale's rise: a day or, where scores live shorter, a half-life.
fn day_ms(model: &Model) -> Timestamp {
    model.half_life_ms.min(DAY_MS)
}

/// What is older is history, and a loss within it may be one of moderation: an hour or, where scores live shorter, a half-life.
pub(crate) fn history_ms(model: &Model) -> Timestamp {
    model.half_life_ms.min(HOUR_MS)
}

fn risen(votes: f64, elapsed_ms: Timestamp, model: &Model) -> f64 {
    rise(votes, elapsed_ms, day_ms(model))
}

fn fallen(votes: f64, goal: f64, elapsed_ms: Timestamp, model: &Model) -> f64 {
    fall(votes, goal, elapsed_ms).max(model.scale_floor)
}

/// Up by so much that whoever has 100 loses a point a day.
pub(crate) fn rise(votes: f64, elapsed_ms: Timestamp, day_ms: Timestamp) -> f64 {
    let days = elapsed_ms as f64 / day_ms as f64;
    libm::expm1(libm::log1p(votes) * libm::pow(KEPT_A_DAY, -days))
}

/// Down by half of the way, in the logarithm, each half-time.
pub(crate) fn fall(votes: f64, goal: f64, elapsed_ms: Timestamp) -> f64 {
    let rest = libm::exp2(-(elapsed_ms as f64) / DOWN_MS);
    goal * libm::pow(votes / goal, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = 1_700_000_000_000;

    /// Shard 0 of a world whose first one has so many votes, which looks each ten seconds.
    struct Clockwork {
        keeper: ScaleKeeper,
        scale: Scale,
        model: Model,
        now: Timestamp,
        largest: f64,
        taken: f64,
    }

    impl Clockwork {
        fn new(largest: f64) -> Clockwork {
            let scale = Scale::default();
            let (model, keeper) = (Model::default(), ScaleKeeper::new(1));
            let mut new = Clockwork { keeper, scale, model, now: START, largest, taken: 0.0 };
            new.look(Pace::Opens);
            new
        }

        fn look(&mut self, pace: Pace) {
            let report = Report { largest: self.largest, taken: self.taken, is_opening: false, is_young: false };
            self.keeper.take(0, report, self.now, HOUR_MS);
            self.scale = self.keeper.next(&self.scale, self.now, pace, &self.model);
        }

        fn pass(&mut self, hours: i64) {
            for _ in 0..hours * 360 {
                self.now += 10_000;
                self.look(Pace::Steady);
            }
        }
    }

    #[test]
    fn whoever_has_100_loses_a_point_a_day_at_most_in_large_worlds_and_small_ones() {
        for largest in [100.0, 1_000.0, 20_000.0, 1e9] {
            let mut clockwork = Clockwork::new(largest);
            clockwork.pass(24 * 40);
            clockwork.largest = 1e15;
            for _ in 0..30 {
                let before = clockwork.scale;
                clockwork.pass(24);
                let left = clockwork.scale.score(before.votes);
                assert!((98.99..99.25).contains(&left), "{largest}: {left}");
            }
        }
    }

    #[test]
    fn moderation_gives_back_at_once_what_ageing_gives_back_in_weeks() {
        let attacked = || {
            let mut clockwork = Clockwork::new(60.0);
            clockwork.largest = 900.0;
            clockwork.pass(24 * 10);
            assert!((150.0..170.0).contains(&clockwork.scale.votes), "{}", clockwork.scale.votes);
            clockwork
        };
        let mut aged = attacked();
        (aged.largest, aged.taken) = (60.0, 0.0);
        aged.pass(24);
        assert!(aged.scale.votes > 145.0, "nobody was suspended: {}", aged.scale.votes);
        for hours in [0, 1] {
            let mut moderated = attacked();
            // The shards of the fans may tell before or after the one of the star.
            moderated.taken = 1_000.0;
            moderated.pass(hours);
            moderated.largest = 60.0;
            moderated.look(Pace::Steady);
            assert_eq!(moderated.scale.votes, SCALE_FLOOR, "{hours} h");
        }
        let mut late = attacked();
        late.largest = 60.0;
        late.pass(1);
        late.taken = 1_000.0;
        late.pass(1);
        assert_eq!(late.scale.votes, SCALE_FLOOR);
    }

    #[test]
    fn the_scale_falls_at_once_by_no_more_than_moderation_took_from_the_first() {
        let mut clockwork = Clockwork::new(1_000.0);
        (clockwork.taken, clockwork.largest) = (300.0, 500.0);
        clockwork.pass(1);
        assert!((699.0..701.0).contains(&clockwork.scale.votes), "{}", clockwork.scale.votes);
        // Others lose what they have, day by day; the first one does not.
        let mut clockwork = Clockwork::new(1_000.0);
        for _ in 0..240 {
            clockwork.taken += 100.0;
            clockwork.pass(1);
        }
        assert_eq!(clockwork.scale.votes, 1_000.0);
    }

    #[test]
    fn moderation_that_takes_an_hour_is_given_back_as_well() {
        let mut clockwork = Clockwork::new(1_000.0);
        for _ in 0..360 {
            (clockwork.taken, clockwork.largest) = (clockwork.taken + 2.5, clockwork.largest - 2.5);
            clockwork.now += 10_000;
            clockwork.look(Pace::Steady);
        }
        let Clockwork { scale, largest, .. } = clockwork;
        assert!((scale.votes / largest - 1.0).abs() < 0.05, "{} for {largest} votes", scale.votes);
    }

    /// The scale lags behind whoever fades: it falls by the share that moderation took, and not by so many votes only.
    #[test]
    fn a_scale_that_lags_behind_falls_by_the_share_that_moderation_took() {
        let mut clockwork = Clockwork::new(1_000.0);
        clockwork.largest = 500.0;
        clockwork.pass(3);
        (clockwork.taken, clockwork.largest) = (450.0, 50.0);
        clockwork.pass(1);
        assert_eq!(clockwork.scale.votes, SCALE_FLOOR);
    }

    #[test]
    fn small_losses_that_come_back_lower_no_scale() {
        let mut clockwork = Clockwork::new(1_000.0);
        for look in 0..3_600 {
            clockwork.taken += 100.0;
            clockwork.largest = if look % 2 == 0 { 1_000.0 } else { 996.0 };
            clockwork.now += 10_000;
            clockwork.look(Pace::Steady);
        }
        assert!(clockwork.scale.votes > 994.0, "{}", clockwork.scale.votes);
    }

    #[test]
    fn the_scale_never_leaps_after_a_quiet_time() {
        let mut clockwork = Clockwork::new(1_000.0);
        clockwork.now += 100 * DAY_MS;
        clockwork.largest = 1e9;
        let before = clockwork.scale;
        clockwork.look(Pace::Steady);
        assert_eq!(clockwork.scale, before);
        clockwork.pass(24);
        assert!((98.99..99.21).contains(&clockwork.scale.score(before.votes)));
    }

    #[test]
    fn a_floor_is_where_it_starts() {
        let mut clockwork = Clockwork::new(60.0);
        clockwork.model.scale_floor = 5_000.0;
        clockwork.look(Pace::Settles);
        assert_eq!(clockwork.scale.votes, 5_000.0);
        clockwork.pass(24);
        assert_eq!(clockwork.scale.votes, 5_000.0);
    }
}
