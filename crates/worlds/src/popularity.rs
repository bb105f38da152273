//! Who is drawn how often: Zipf's law over users in random order, one draw and one memory access a user.
//!
//! That access misses the cache in a large world, and would be all that generating costs; so users are drawn ahead in
//! batches, whose accesses overlap.

use crate::chance::Chance;

/// An alias table (Walker 1977, built as by Vose 1991). The columns are the users themselves, not their ranks, which
/// saves the look-up from rank to user.
#[derive(Clone, Debug)]
pub(crate) struct Popularity {
    columns: Vec<Column>,
    chance: Chance,
    drawn: [u32; BATCH_USERS],
    /// How many of the drawn ones are handed out.
    taken: usize,
}

const BATCH_USERS: usize = 64;

/// One user's column: drawn, it yields its own user for fractions below `own`, else `other`.
#[derive(Clone, Copy, Debug)]
struct Column {
    own: u32,
    other: u32,
}

impl Popularity {
    /// Ranks dealt at random; the user at rank r, from 1, weighs r to the power of minus `exponent`.
    pub(crate) fn zipf(users: u32, exponent: f64, mut chance: Chance) -> Popularity {
        let mut ranks: Vec<u32> = (1..=users).collect();
        chance.shuffle(&mut ranks);
        let weights: Vec<f64> = (ranks.iter()).map(|&rank| libm::pow(f64::from(rank), -exponent)).collect();
        Popularity::of_weights(weights, chance)
    }

    /// Consumes the weights: they become what is left of them in each column, 1 being a full one.
    fn of_weights(mut weights: Vec<f64>, chance: Chance) -> Popularity {
        let scale = weights.len() as f64 / weights.iter().sum::<f64>();
        weights.iter_mut().for_each(|weight| *weight *= scale);
        let (mut light, mut heavy): (Vec<u32>, Vec<u32>) =
            (0..weights.len() as u32).partition(|&user| weights[user as usize] < 1.0);
        let mut columns: Vec<Column> =
            (0..weights.len() as u32).map(|user| Column { own: u32::MAX, other: user }).collect();
        while let (Some(poor), Some(&rich)) = (light.pop(), heavy.last()) {
            let own = weights[poor as usize];
            columns[poor as usize] = Column { own: (own * 4_294_967_296.0) as u32, other: rich };
            weights[rich as usize] -= 1.0 - own;
            if weights[rich as usize] < 1.0 {
                heavy.pop();
                light.push(rich);
            }
        }
        // Whoever is left is full but for rounding, and yields itself as it began.
        Popularity { columns, chance, drawn: [0; BATCH_USERS], taken: BATCH_USERS }
    }

    pub(crate) fn draw(&mut self) -> u32 {
        if self.taken == BATCH_USERS {
            self.draw_batch();
        }
        self.taken += 1;
        self.drawn[self.taken - 1]
    }

    fn draw_batch(&mut self) {
        for drawn in &mut self.drawn {
            let (user, fraction) = self.chance.below_with_fraction(self.columns.len() as u64);
            let column = self.columns[user as usize];
            *drawn = if fraction < column.own { user as u32 } else { column.other };
        }
        self.taken = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Purpose;

    fn check(weights: &[f64]) {
        const DRAWS: u32 = 200_000;
        let chance = Chance::new(1, Purpose::Acts);
        let mut popularity = Popularity::of_weights(weights.to_vec(), chance);
        let mut drawn = vec![0u32; weights.len()];
        for _ in 0..DRAWS {
            drawn[popularity.draw() as usize] += 1;
        }
        let total: f64 = weights.iter().sum();
        for (user, &weight) in weights.iter().enumerate() {
            let share = f64::from(drawn[user]) / f64::from(DRAWS);
            assert!((share - weight / total).abs() < 0.005, "user {user} of {weights:?}: {share}");
        }
    }

    #[test]
    fn users_are_drawn_by_their_weights() {
        check(&[1.0]);
        check(&[1.0, 1.0]);
        check(&[1.0, 1000.0, 1.0]);
        check(&[4.0, 3.0, 2.0, 1.0, 0.5, 0.25]);
        check(&[1e-300, 1.0, 2.0, 0.0]);
    }
}
