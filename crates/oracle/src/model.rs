//! The model's parameters, and how it ages things.

use crate::input::Kind;

/// The parameters of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// `h`: after this time a vote is worth half.
    pub half_life_ms: i64,
    /// How long an interaction is remembered.
    pub window_ms: i64,
    /// `k`: what an act of each kind adds to the endorsement of its pair, in votes, in the order of [`Kind::ALL`].
    pub weights: [f64; Kind::ALL.len()],
    /// `rho`, 0 to 1: how much a wholly closed circle loses.
    pub rho: f64,
    /// How many votes strangers can have.
    pub room: Room,
    /// `mu`: votes for each doubling of the standing audience.
    pub mu: f64,
    /// `M`, what a score of 100 stands for; `None`: the largest influence found.
    pub scale: Option<f64>,
    /// How long nobody must have acted on somebody who has neither fan nor follower, until what they received is forgotten;
    /// `None`: never.
    pub forget_after_ms: Option<i64>,
    /// Bits after the leading one to which `g` is rounded (the engine: 17, an error of at most 2^-18); `None`: not rounded.
    pub mantissa_bits: Option<u32>,
}

/// `B = min(n0 P, m D) + c V`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Room {
    /// `n0`: votes that fresh fans have in sum.
    pub n0: f64,
    /// `m`: votes of each of them.
    pub m: f64,
    /// `c`: votes for which a known fan makes room.
    pub c: f64,
    /// For the age of its account an act is at most this much older than its arrival.
    pub lateness_ms: Option<i64>,
}

impl Default for Room {
    fn default() -> Self {
        Self { n0: 50.0, m: 1.8, c: 50.0, lateness_ms: None }
    }
}

impl Model {
    /// The default model with this half-life, and a window of six of them.
    pub fn new(half_life_ms: i64) -> Self {
        assert!(half_life_ms > 0, "a half-life of {half_life_ms} ms");
        Self {
            half_life_ms,
            window_ms: 6 * half_life_ms,
            weights: Kind::ALL.map(Kind::endorsement),
            rho: 0.9,
            room: Room::default(),
            mu: 1.0,
            scale: None,
            forget_after_ms: None,
            mantissa_bits: None,
        }
    }

    /// Whether something of this time is older than the window. Exactly one window old is not.
    pub fn is_forgotten(&self, at_ms: i64, now_ms: i64) -> bool {
        at_ms < now_ms.saturating_sub(self.window_ms)
    }

    /// `g(at)` for a landmark near `now_ms`: the last whole multiple of the half-life.
    ///
    /// Sums are taken of these, and divided by `g(now, now)` at the end.
    pub fn g(&self, at_ms: i64, now_ms: i64) -> f64 {
        let landmark_ms = now_ms - now_ms.rem_euclid(self.half_life_ms);
        let age_ms = at_ms - landmark_ms;
        let half_lives = age_ms.div_euclid(self.half_life_ms) as f64;
        let rest = age_ms.rem_euclid(self.half_life_ms) as f64 / self.half_life_ms as f64;
        self.rounded(rest.exp2()) * half_lives.exp2()
    }

    /// Rounds a mantissa in [1, 2] to the nearest that the model knows.
    fn rounded(&self, mantissa: f64) -> f64 {
        match self.mantissa_bits {
            Some(bits) => {
                let steps = f64::from(bits).exp2();
                (mantissa * steps).round() / steps
            }
            None => mantissa,
        }
    }
}
