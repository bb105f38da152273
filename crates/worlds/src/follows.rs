//! The follows that can still be returned or ended.

use crate::chance::Chance;

/// How many follows are remembered at most: enough to look random, small enough for any world.
const FOLLOWS_MAX: usize = 4096;

/// Some of the follows so far, as (follower, followed) pairs; a full memory forgets one at random for each new one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Follows {
    remembered: Vec<(u32, u32)>,
}

impl Follows {
    pub(crate) fn remember(&mut self, follower: u32, followed: u32, chance: &mut Chance) {
        if self.remembered.len() < FOLLOWS_MAX {
            self.remembered.push((follower, followed));
        } else {
            self.remembered[chance.pick(FOLLOWS_MAX)] = (follower, followed);
        }
    }

    pub(crate) fn any(&self, chance: &mut Chance) -> Option<(u32, u32)> {
        let place = chance.pick(self.remembered.len());
        self.remembered.get(place).copied()
    }

    pub(crate) fn take_any(&mut self, chance: &mut Chance) -> Option<(u32, u32)> {
        let place = chance.pick(self.remembered.len());
        (place < self.remembered.len()).then(|| self.remembered.swap_remove(place))
    }
}
