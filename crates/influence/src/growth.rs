//! Forward decay: `g(t) = 2^((t - L) / h)`. In this domain nothing decays, values only grow by what happens.
//!
//! `g` has 17 bits of mantissa behind the point, so sums of it in `f64` are exact, and independent of order, while one sum spans less
//! than about 25 half-lives; and an `f32` holds one `g` exactly. Landmarks are whole multiples of the half-life:
//! moving one multiplies by a power of two, exact as well.
//! (Cormode, Shkapenyuk, Srivastava, Xu: "Forward decay", ICDE 2009.)

use vocabulary::Timestamp;

const STEPS: usize = 1024;
/// Of the 52 stored bits of a mantissa, 35 are dropped: 17 stay. An influence is a quotient of two sums of `g`, each
/// off by at most 2^-18, so it is off by at most 7.7e-6.
const DROPPED_BITS: u32 = 35;

/// A landmark `L`, in half-lives since 1970.
pub type Landmark = i64;

/// The function `g` for one half-life.
#[derive(Clone, Debug)]
pub(crate) struct Growth {
    half_life_ms: Timestamp,
    /// Half-lives in a millisecond.
    rate: f64,
    /// `2^(i / STEPS)`.
    powers: Box<[f64]>,
    /// The half-life around the clock, where most events lie: it spares them a division.
    focus: Landmark,
    focus_ms: Timestamp,
}

impl Growth {
    pub(crate) fn new(half_life_ms: Timestamp) -> Growth {
        let powers = (0..STEPS).map(|i| libm::exp2(i as f64 / STEPS as f64)).collect();
        Growth { half_life_ms, rate: 1.0 / half_life_ms as f64, powers, focus: 0, focus_ms: 0 }
    }

    /// Expects times around this one.
    #[inline]
    pub(crate) fn focus(&mut self, now: Timestamp) {
        if now.wrapping_sub(self.focus_ms) as u64 >= self.half_life_ms as u64 {
            self.focus = self.landmark(now);
            self.focus_ms = self.time_of(self.focus);
        }
    }

    /// The last landmark not after this time.
    pub(crate) fn landmark(&self, at: Timestamp) -> Landmark {
        at.div_euclid(self.half_life_ms)
    }

    /// The time of a landmark.
    pub(crate) fn time_of(&self, landmark: Landmark) -> Timestamp {
        landmark.saturating_mul(self.half_life_ms)
    }

    /// `g(at)` for this landmark; more than 1,000 half-lives before it, 0.
    #[inline(always)]
    pub(crate) fn at(&self, at: Timestamp, landmark: Landmark) -> f64 {
        let mut whole = self.focus;
        let mut rest_ms = at.wrapping_sub(self.focus_ms);
        if rest_ms as u64 >= self.half_life_ms as u64 {
            whole = self.landmark(at);
            rest_ms = at.rem_euclid(self.half_life_ms);
        }
        let part = rest_ms as f64 * self.rate;
        let step = (part * STEPS as f64) as usize;
        let rest = (part - step as f64 / STEPS as f64) * std::f64::consts::LN_2;
        let mantissa = self.powers[step] * (1.0 + rest * (1.0 + rest * (0.5 + rest / 6.0)));
        rounded(mantissa) * power_of_two(whole - landmark)
    }
}

/// To 17 bits behind the point, to nearest.
#[inline]
fn rounded(value: f64) -> f64 {
    let half = 1u64 << (DROPPED_BITS - 1);
    f64::from_bits((value.to_bits() + half) >> DROPPED_BITS << DROPPED_BITS)
}

/// `2^exponent`, exact; 0 below and infinite above the range of normal numbers.
#[inline]
pub(crate) fn power_of_two(exponent: i64) -> f64 {
    if exponent < -1022 {
        return 0.0;
    }
    if exponent > 1023 {
        return f64::INFINITY;
    }
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g_has_17_bits_doubles_each_half_life_and_is_monotone() {
        let growth = Growth::new(7 * 86_400_000);
        let mut last = 0.0;
        for at in (1_341_100_972_000..1_341_100_972_000 + 8 * 86_400_000).step_by(977_123) {
            let g = growth.at(at, 2200);
            assert_eq!(g as f32 as f64, g);
            assert_eq!(g.to_bits() % (1 << DROPPED_BITS), 0);
            assert_eq!(growth.at(at + 7 * 86_400_000, 2200), 2.0 * g);
            assert_eq!(growth.at(at, 2201), g / 2.0);
            let exact = libm::exp2((at - 2200 * 7 * 86_400_000) as f64 / (7.0 * 86_400_000.0));
            assert!((g / exact - 1.0).abs() < 4e-6, "{g} {exact}");
            assert!(g >= last);
            last = g;
        }
    }

    #[test]
    fn sums_do_not_depend_on_the_order() {
        let growth = Growth::new(3_600_000);
        let times: Vec<_> = (0..5_000i64).map(|i| (i * 7_919_993) % (20 * 3_600_000)).collect();
        let forward: f64 = times.iter().map(|&at| growth.at(at, 0)).sum();
        let backward: f64 = times.iter().rev().map(|&at| growth.at(at, 0)).sum();
        assert_eq!(forward.to_bits(), backward.to_bits());
    }
}
