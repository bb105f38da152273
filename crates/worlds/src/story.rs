//! Big days: somebody rises to be on everybody's lips, and fades again. One after the other, for ever.

use vocabulary::Timestamp;

use crate::chance::Chance;

const HOUR_MS: u64 = 60 * 60 * 1000;

/// How long one lasts, and how long nothing happens before it, in milliseconds from and to.
const LASTS_MS: (u64, u64) = (5 * HOUR_MS, 14 * HOUR_MS);
const QUIET_MS: (u64, u64) = (HOUR_MS / 2, 4 * HOUR_MS);
/// The part of its time after which it is at its peak.
const RISE: f64 = 0.3;
/// The share of all acts at the peak, from and to.
const SHARE: (f64, f64) = (0.08, 0.3);

/// The story that is told, or the next one.
#[derive(Clone, Debug)]
pub(crate) struct Stories {
    people: u32,
    chance: Chance,
    story: Story,
}

#[derive(Clone, Copy, Debug)]
struct Story {
    hero: u32,
    from: Timestamp,
    until: Timestamp,
    share: f64,
}

impl Stories {
    pub(crate) fn new(people: u32, start: Timestamp, mut chance: Chance) -> Stories {
        let story = Story::after(start, people, &mut chance);
        Stories { people, chance, story }
    }

    /// Whom an act at this time is about because of a story. Times must not fall from call to call.
    pub(crate) fn hero(&mut self, at: Timestamp, chance: &mut Chance) -> Option<u32> {
        while self.story.until <= at {
            self.story = Story::after(self.story.until, self.people, &mut self.chance);
        }
        chance.happens(self.story.share_at(at)).then_some(self.story.hero)
    }
}

impl Story {
    fn after(end: Timestamp, people: u32, chance: &mut Chance) -> Story {
        let mut between = |(from, to): (u64, u64)| (from + chance.below(to - from)) as i64;
        let from = end + between(QUIET_MS);
        let until = from + between(LASTS_MS);
        let share = SHARE.0 + (SHARE.1 - SHARE.0) * chance.fraction();
        Story { hero: chance.user(people), from, until, share }
    }

    /// Rises in a line to the peak, and falls in a line.
    fn share_at(&self, at: Timestamp) -> f64 {
        let part = (at - self.from) as f64 / (self.until - self.from) as f64;
        let height = if part < RISE { part / RISE } else { (1.0 - part) / (1.0 - RISE) };
        self.share * height.max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_rises_and_falls() {
        let story = Story { hero: 1, from: 1_000, until: 2_000, share: 0.2 };
        let check = |at, share: f64| assert!((story.share_at(at) - share).abs() < 1e-9, "at {at}");
        check(0, 0.0);
        check(1_000, 0.0);
        check(1_150, 0.1);
        check(1_300, 0.2);
        check(1_650, 0.1);
        check(2_000, 0.0);
    }
}
