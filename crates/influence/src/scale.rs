//! The scale: what 100 stands for. Shard 0 sets it from the reports of all shards and tells it to them.

use crate::model::Model;
use vocabulary::Timestamp;

/// The scale is never below this many votes.
pub const SCALE_MIN: f64 = 100.0;

/// Half-times of the scale's way to the largest influence.
const UP_MS: f64 = 3.0 * 3_600_000.0;
const DOWN_MS: f64 = 14.0 * 86_400_000.0;
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
        Scale { votes: SCALE_MIN, version: 0 }
    }
}

impl Scale {
    /// `100 ln(1 + x) / ln(1 + M)`, at most 100.
    #[inline]
    pub fn score(&self, influence: f64) -> f64 {
        self.ruler().score(influence)
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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    /// Votes: the largest influence.
    pub largest: f64,
}

/// Shard 0's view of all shards.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScaleKeeper {
    pub(crate) reports: Vec<Option<Report>>,
    pub(crate) moved_at: Option<Timestamp>,
    /// Steps that the first scale has waited for reports.
    pub(crate) waited_steps: u32,
}

/// How the scale may move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// The end of a recorded log: exactly to the largest influence.
    Settles,
    /// The world is younger than a half-life: to the largest influence at once, as nobody has got used to a scale yet.
    Young,
    /// Part of the way.
    Steady,
}

impl ScaleKeeper {
    pub(crate) fn new(shards: u16) -> ScaleKeeper {
        ScaleKeeper { reports: vec![None; usize::from(shards)], moved_at: None, waited_steps: 0 }
    }

    pub(crate) fn take(&mut self, source: u16, report: Report) {
        // Who is no shard of ours says nothing.
        if let Some(kept) = self.reports.get_mut(usize::from(source)) {
            *kept = Some(report);
        }
    }

    /// Whether the first scale need not wait any longer. Asked once a step.
    pub(crate) fn has_waited(&mut self) -> bool {
        self.waited_steps += 1;
        self.waited_steps > WAIT_STEPS_MAX || self.reports.iter().all(Option::is_some)
    }

    /// The next scale.
    pub(crate) fn next(&mut self, old: &Scale, now: Timestamp, pace: Pace, model: &Model) -> Scale {
        let largest = self.reports.iter().flatten().map(|report| report.largest).fold(SCALE_MIN, f64::max);
        let elapsed_ms = now.saturating_sub(*self.moved_at.get_or_insert(now));
        let mut next = *old;
        let (votes, move_min, pause_ms) = match pace {
            _ if !old.is_set() => (largest, 0.0, 0),
            Pace::Settles => (largest, 1e-12, 0),
            Pace::Young => (largest, MOVE_MIN, 0),
            Pace::Steady => (approach(old.votes, largest, elapsed_ms), MOVE_MIN, model.level_pause_ms),
        };
        if elapsed_ms >= pause_ms && (votes / old.votes - 1.0).abs() >= move_min {
            next.votes = votes;
            next.version = next.version.saturating_add(1);
            self.moved_at = Some(now);
        }
        next
    }
}

/// Whether two influences, as scales, differ enough to be told.
pub(crate) fn is_moved(largest: f64, told: f64) -> bool {
    (largest.max(SCALE_MIN) / told.max(SCALE_MIN) - 1.0).abs() >= MOVE_MIN
}

/// Half of the way, in the logarithm, each half-time: up within hours, down within weeks.
fn approach(votes: f64, goal: f64, elapsed_ms: Timestamp) -> f64 {
    let half_time_ms = if goal > votes { UP_MS } else { DOWN_MS };
    let rest = libm::exp2(-(elapsed_ms as f64) / half_time_ms);
    (goal * libm::pow(votes / goal, rest)).max(SCALE_MIN)
}
