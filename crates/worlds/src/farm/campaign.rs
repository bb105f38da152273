//! When a farm is at work, and how many of its members have been around for longer.

use std::ops::Range;

use vocabulary::Timestamp;

use super::{Attack, Deed, Farm, FarmError, spread};
use crate::Act;
use crate::chance::{Chance, Purpose};

const HOUR_MS: i64 = 3_600_000;

/// A farm with its accounts' history. `"sybil-star:members=300,known=9,hours=24"` parses as one: the options of the farm, and
/// these two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// The farm.
    pub farm: Farm,
    /// So many of those who act have done so once before, at the beginning of the time; those who are nearest to who gains.
    pub known: u32,
    /// The farm is at work for the last so many hours of the time; 0: for all of it.
    pub hours: u32,
}

impl From<Farm> for Campaign {
    /// All accounts are new, and the farm is at work all the time.
    fn from(farm: Farm) -> Campaign {
        Campaign { farm, known: 0, hours: 0 }
    }
}

impl Campaign {
    /// The attack, as [`Farm::attack`] makes it. A known member first does early what it also does later: its acts span
    /// the time from there.
    ///
    /// # Errors
    /// If the farm is too small to be one, has more than [`ACTS_MAX`](super::ACTS_MAX) acts or fewer members than are known,
    /// or the time is empty.
    pub fn attack(&self, number: u32, during: Range<Timestamp>, seed: u64) -> Result<Attack, FarmError> {
        self.check()?;
        if during.is_empty() {
            return Err(FarmError::NoTime);
        }
        let mut chance = Chance::new(seed, Purpose::Farm(number));
        let mut turns = self.farm.turns();
        let early = self.early(&turns.concat());
        chance.shuffle(&mut turns);
        let work = self.work(&during);
        let early_ends = work.start.max(during.start + 1).min(during.start.saturating_add(HOUR_MS));
        let mut acts = spread(&turns.concat(), work, &mut chance);
        if !early.is_empty() {
            acts.extend(spread(&early, during.start..early_ends, &mut chance));
            acts.sort_by_key(|act: &Act| act.at);
        }
        Ok(Attack { names: self.farm.names(number), acts })
    }

    /// How many acts the attack has.
    pub fn acts(&self) -> u64 {
        self.farm.acts() + u64::from(self.known)
    }

    /// The first deed of each known member.
    fn early(&self, deeds: &[Deed]) -> Vec<Deed> {
        let silent = (self.farm.names(0).len() as u32).saturating_sub(self.farm.actors());
        let first_of = |actor: u32| deeds.iter().find(|(by, ..)| *by == actor).copied();
        (silent..silent + self.known).filter_map(first_of).collect()
    }

    fn work(&self, during: &Range<Timestamp>) -> Range<Timestamp> {
        let start = match self.hours {
            0 => during.start,
            hours => during.end.saturating_sub(i64::from(hours) * HOUR_MS).max(during.start),
        };
        start..during.end
    }

    pub(super) fn check(&self) -> Result<(), FarmError> {
        self.farm.check()?;
        let (kind, actors) = (self.farm.kind(), self.farm.actors());
        if self.known > actors {
            return Err(FarmError::TooManyKnown { kind, actors });
        }
        Ok(())
    }
}
