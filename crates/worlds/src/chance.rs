//! The one source of chance: ChaCha8, mapped to numbers here and nowhere else, so that no library's change of mind
//! about ranges or shuffles can change a world.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a stream of chance is for. Each purpose draws from its own, so that asking for one thing more does not change
/// another.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    Acts,
    ActorPopularity,
    TargetPopularity,
    Bursts,
    SmallWorld,
    Handles,
    Stories,
    /// The farm of that number.
    Farm(u32),
}

impl Purpose {
    fn stream(self) -> u64 {
        match self {
            Purpose::Acts => 0,
            Purpose::ActorPopularity => 1,
            Purpose::TargetPopularity => 2,
            Purpose::Bursts => 3,
            Purpose::SmallWorld => 4,
            Purpose::Handles => 5,
            Purpose::Stories => 6,
            Purpose::Farm(number) => (1 << 32) + u64::from(number),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    pub(crate) fn new(seed: u64, purpose: Purpose) -> Chance {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(purpose.stream());
        Chance(generator)
    }

    /// A whole number below `limit` and, independent of it, an even 32-bit fraction, from one draw.
    pub(crate) fn below_with_fraction(&mut self, limit: u64) -> (u64, u32) {
        let product = u128::from(self.0.next_u64()) * u128::from(limit);
        ((product >> 64) as u64, (product >> 32) as u32)
    }

    /// A whole number below `limit`; 0 if that is 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.below_with_fraction(limit).0
    }

    /// One of `count` users or places.
    pub(crate) fn pick(&mut self, count: usize) -> usize {
        self.below(count as u64) as usize
    }

    pub(crate) fn user(&mut self, users: u32) -> u32 {
        self.below(u64::from(users)) as u32
    }

    /// At least 0, below 1, in steps of 2^-53.
    pub(crate) fn fraction(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True in `share` of the cases; draws nothing for a share of 0.
    pub(crate) fn happens(&mut self, share: f64) -> bool {
        share > 0.0 && self.fraction() < share
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.pick(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_draw_apart_and_seeds_draw_apart() {
        let first = |seed, purpose| Chance::new(seed, purpose).below(u64::MAX);
        let draws = [
            first(1, Purpose::Acts),
            first(2, Purpose::Acts),
            first(1, Purpose::Bursts),
            first(1, Purpose::Farm(0)),
            first(1, Purpose::Farm(1)),
        ];
        for (index, draw) in draws.iter().enumerate() {
            assert!(!draws[..index].contains(draw));
        }
    }

    #[test]
    fn draws_stay_in_their_range() {
        let mut chance = Chance::new(7, Purpose::Acts);
        for _ in 0..10_000 {
            assert!(chance.below(3) < 3);
            let fraction = chance.fraction();
            assert!((0.0..1.0).contains(&fraction));
        }
        assert_eq!(chance.below(0), 0);
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u32> = (0..100).collect();
        Chance::new(7, Purpose::Acts).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
