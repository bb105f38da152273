//! Short times in which everybody turns to one user.

use vocabulary::Timestamp;

use crate::chance::{Chance, Purpose};

/// The share of events in a burst that goes to its target.
const TARGET_SHARE: f64 = 0.5;

/// A burst lasts a hundredth of the world's span, less if there are so many that they would fill half of it.
const SPAN_DIVISOR_MIN: i64 = 100;

#[derive(Clone, Copy, Debug)]
struct Burst {
    from: Timestamp,
    until: Timestamp,
    target: u32,
}

/// Bursts in the order of their times, which never overlap, and the first one that is not over.
#[derive(Clone, Debug)]
pub(crate) struct Bursts {
    bursts: Vec<Burst>,
    current: usize,
}

impl Bursts {
    /// Each in its own equal part of the span, on a target drawn evenly: a passer-by's big day.
    pub(crate) fn new(count: u32, users: u32, start: Timestamp, span_ms: i64, seed: u64) -> Bursts {
        let mut chance = Chance::new(seed, Purpose::Bursts);
        let part_ms = span_ms / i64::from(count.max(1));
        let length_ms = (span_ms / SPAN_DIVISOR_MIN).min(part_ms / 2);
        let bursts = (0..i64::from(count)).map(|index| {
            let free_ms = (part_ms - length_ms) as u64;
            let from = start + index * part_ms + chance.below(free_ms) as i64;
            Burst { from, until: from + length_ms, target: chance.user(users) }
        });
        Bursts { bursts: bursts.collect(), current: 0 }
    }

    /// The target that an event at this time goes to because of a burst. Times must not fall from call to call.
    pub(crate) fn target(&mut self, at: Timestamp, chance: &mut Chance) -> Option<u32> {
        while self.bursts.get(self.current)?.until <= at {
            self.current += 1;
        }
        let burst = self.bursts[self.current];
        (burst.from <= at && chance.happens(TARGET_SHARE)).then_some(burst.target)
    }
}
