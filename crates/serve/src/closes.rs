//! What daily closes say: somebody's chart, how much they moved in a day, a week, a month, and who moved most.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use views::{Base, Close, Reader, Span, ViewsError};

use crate::person::Person;
use crate::split::Moment;

/// People who moved most are looked for at most so often,
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// and so many in each direction are known.
pub(crate) const MOVERS_MAX: usize = 100;
/// Points by which somebody has moved at least: less is not closed either.
const MOVED_MIN: f32 = 0.05;

/// The closes that readers keep, and how far they are.
#[derive(Debug)]
pub(crate) struct Closes {
    pub(crate) reader: Reader,
    behind: AtomicU64,
    circles_behind: AtomicU64,
    movers: [[Mutex<Option<Found>>; Span::ALL.len()]; 2],
}

/// Of whom those are who moved most.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    /// Of accounts.
    Accounts,
    /// Of people: whoever has several accounts once, with what these add up to.
    People,
}

/// Where those are offered who moved: by how many points, who, and from what.
pub(crate) type Offer<'a> = &'a mut dyn FnMut(f32, Arc<Person>, Base);

/// Who moved most, when that was looked for.
#[derive(Clone, Debug)]
struct Found {
    at: Instant,
    movers: Movers,
}

/// Those who moved most, the furthest first, with the closes from which they did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Movers {
    pub(crate) up: Vec<(Arc<Person>, Base)>,
    pub(crate) down: Vec<(Arc<Person>, Base)>,
}

impl Closes {
    pub(crate) fn new(reader: Reader) -> Closes {
        Closes {
            reader,
            behind: AtomicU64::new(u64::MAX),
            circles_behind: AtomicU64::new(u64::MAX),
            movers: Default::default(),
        }
    }

    /// Closes that are published and not kept yet, if that is known.
    pub(crate) fn behind(&self) -> Option<u64> {
        Some(self.behind.load(Relaxed)).filter(|&behind| behind != u64::MAX)
    }

    pub(crate) fn set_behind(&self, behind: Option<u64>) {
        self.behind.store(behind.unwrap_or(u64::MAX), Relaxed);
    }

    /// Records of credits that are published and not kept yet, if that is known.
    pub(crate) fn circles_behind(&self) -> Option<u64> {
        Some(self.circles_behind.load(Relaxed)).filter(|&behind| behind != u64::MAX)
    }

    pub(crate) fn set_circles_behind(&self, behind: Option<u64>) {
        self.circles_behind.store(behind.unwrap_or(u64::MAX), Relaxed);
    }

    /// Who moved most in so long, as of the last seconds. `look` offers everybody, who is told from which closes accounts move.
    pub(crate) fn movers(
        &self,
        of: Of,
        span: Span,
        look: impl FnOnce(&dyn Fn(&str) -> Option<Base>, Offer<'_>),
    ) -> Movers {
        let mut found = self.movers[of as usize][span as usize].lock();
        if let Some(Found { movers, .. }) = found.as_ref().filter(|found| found.at.elapsed() < LOOK_EVERY) {
            return movers.clone();
        }
        let (mut up, mut down) = (Most::default(), Most::default());
        self.reader.bases(span, |base| {
            look(base, &mut |change, person, base| match change {
                up_by if up_by >= MOVED_MIN => up.offer(up_by, person, base),
                down_by if down_by <= -MOVED_MIN => down.offer(-down_by, person, base),
                _ => {}
            });
        });
        let movers = Movers { up: up.sorted(), down: down.sorted() };
        *found = Some(Found { at: Instant::now(), movers: movers.clone() });
        movers
    }

    /// Somebody's closes.
    pub(crate) fn of(&self, user: &str) -> Result<Vec<Close>, ViewsError> {
        self.reader.closes(user)
    }
}

/// The largest of what was offered.
#[derive(Default)]
struct Most(Vec<(f32, Arc<Person>, Base)>);

impl Most {
    fn offer(&mut self, change: f32, person: Arc<Person>, base: Base) {
        self.0.push((change, person, base));
        // Sorted now and then: most are told apart from the largest by that.
        if self.0.len() >= 16 * MOVERS_MAX {
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.0.sort_by(|(one, person, _), (other, neighbour, _)| {
            other.total_cmp(one).then_with(|| person.name.cmp(&neighbour.name))
        });
        self.0.truncate(MOVERS_MAX);
    }

    fn sorted(mut self) -> Vec<(Arc<Person>, Base)> {
        self.settle();
        self.0.into_iter().map(|(_, person, base)| (person, base)).collect()
    }
}

/// A close, as far as a movement comes from it.
pub(crate) fn moment(close: &Close) -> Moment {
    Moment {
        score: close.score.into(),
        influence: close.influence.into(),
        factors: close.factors.map(f64::from),
        audience: close.audience.into(),
        scale: close.scale,
    }
}

const DAY_MS: i64 = 86_400_000;

/// The end of a day, 00:00 UTC of the next one.
pub(crate) fn end_of(day: i32) -> i64 {
    (i64::from(day) + 1) * DAY_MS
}

/// The day of a time.
pub(crate) fn day_of(at: i64) -> i32 {
    at.div_euclid(DAY_MS).clamp(0, 4_000_000) as i32
}

/// A day as `2026-11-29`.
pub(crate) fn date(day: i32) -> String {
    let mut date = wire::rfc3339(i64::from(day) * DAY_MS).unwrap_or_default();
    date.truncate(10);
    date
}

/// The day that a text says.
pub(crate) fn day_of_date(text: &str) -> Option<i32> {
    let is_date = text.len() == 10 && text.is_ascii();
    is_date.then(|| wire::parse_time(&format!("{text}T00:00:00Z")).ok().map(day_of))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        for (day, text) in [(0, "1970-01-01"), (19_723, "2024-01-01"), (20_786, "2026-11-29")] {
            assert_eq!((date(day).as_str(), day_of_date(text)), (text, Some(day)));
            assert_eq!(day_of(end_of(day)), day + 1);
        }
        for text in ["", "2024-13-01", "2024-01-01T00:00:00Z", "yesterday", "2024-1-1", "20240101  "] {
            assert_eq!(day_of_date(text), None, "{text}");
        }
    }
}
