//! The parameters of the model. They may never change under one application id: other parameters are another model.

use std::fmt;

use siphasher::sip::SipHasher13;

use crate::name::HashKey;
use crate::scale::{SCALE_FLOOR, SCALE_FLOOR_MIN};
use vocabulary::{Kind, PerKind, Timestamp};

const SECOND: Timestamp = 1_000;
const MINUTE: Timestamp = 60 * SECOND;
const HOUR: Timestamp = 60 * MINUTE;
const DAY: Timestamp = 24 * HOUR;

/// The window may be this many half-lives: beyond it an `f32` could not hold an edge's age.
pub const WINDOW_HALF_LIVES_MAX: i64 = 64;

/// The landmark follows the clock when it lags by more than this many half-lives.
pub(crate) const LANDMARK_LAG_MAX: i64 = 32;

/// Counts the changes after which the same slices give other bits.
pub const ENGINE_REVISION: u32 = 7;

/// Counts the models whose scores are not comparable: each record tells it.
pub const MODEL_VERSION: u32 = 2;

/// An event may lie this many half-lives ahead of the clock; one that lies further counts as if it lay there.
pub(crate) const AHEAD_HALF_LIVES_MAX: i64 = 32;

/// Times are taken between this one and its negative: no sum of two of them overflows.
pub(crate) const TIME_MAX: Timestamp = 1 << 60;

/// Weights that kinds may have: pairs keep their endorsements apart by a thousandth of a vote.
const WEIGHTS: std::ops::RangeInclusive<f64> = 0.001..=10.0;

/// A scale of as many votes as there are people on earth, and a hundred times that.
const SCALE_FLOOR_MAX: f64 = 1e12;

/// What one shard can hold. What would go beyond it is refused and counted: [`Taken::refused`](crate::Taken::refused).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// People of the shard.
    pub people: u32,
    /// People of other shards whom it knows.
    pub remotes: u32,
    /// Bytes of names.
    pub names_bytes: u64,
    /// Targets of one actor.
    pub row: u32,
    /// Slots of all rows, for edges and for follows each.
    pub slots: u32,
    /// Closes of a day that one step tells, unless the next day ends before all are told.
    pub closes_a_step: u32,
}

impl Limits {
    /// What ids and places can number.
    pub const MAX: Limits = Limits {
        people: (1 << 26) - 2,
        remotes: (1 << 31) - 2,
        names_bytes: 16 << 30,
        row: (1 << 26) - 1,
        slots: u32::MAX,
        closes_a_step: 1 << 14,
    };
}

/// How many votes strangers can have: `B = min(n0 P, m D) + c V`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Room {
    /// Votes that all fans have together whom nobody has known for long.
    pub n0: f64,
    /// Votes that each of them has at most, divided over all on whom it acts.
    pub m: f64,
    /// Votes for which each known fan makes room, divided likewise.
    pub c: f64,
    /// For the age of its account an act is at most so many milliseconds older than its arrival: whoever can date events
    /// back makes nobody known. `None`: where events move the clock, history is taken as it is told.
    pub lateness_ms: Option<Timestamp>,
}

impl Default for Room {
    fn default() -> Room {
        Room { n0: 50.0, m: 1.8, c: 50.0, lateness_ms: None }
    }
}

/// What a parameter of [`Room`] may be; a million is as good as no bound.
const ROOM_MAX: f64 = 1e9;

/// All that decides how events become scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Milliseconds after which an act counts half.
    pub half_life_ms: Timestamp,
    /// Milliseconds without an act after which a pair is forgotten.
    pub window_ms: Timestamp,
    /// `k`: votes that an act of each kind adds to an endorsement; those of follows and unfollows are not used.
    pub weights: PerKind<f64>,
    /// How much a fully closed circle is discounted, 0 to 1.
    pub rho: f64,
    /// How many votes strangers can have.
    pub room: Room,
    /// Votes that a doubling of the standing audience adds.
    pub mu: f64,
    /// A rate that is off by more than this share is pushed.
    pub eps: f64,
    /// A mutual pair is told an endorsement that has grown by this share.
    pub contact_growth: f64,
    /// Edges that the pushes, and the announced levels, of one step may touch.
    pub edges_a_step_max: u32,
    /// How a name finds its shard.
    pub partitioner: Partitioner,
    /// Points by which a score must move to be published.
    pub published_move: f64,
    /// Milliseconds between two levels of a follower, and between two versions of the scale.
    pub level_pause_ms: Timestamp,
    /// Votes: the scale is never lower, and starts there.
    pub scale_floor: f64,
    /// Milliseconds without a fan and without a follower after which a rated person is removed; `None`: never.
    pub forget_after_ms: Option<Timestamp>,
    /// What one shard can hold; lower than [`Limits::MAX`] only in tests.
    pub limits: Limits,
}

/// How a name finds its partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Partitioner {
    /// The Java client's default.
    #[default]
    Murmur2,
    /// librdkafka's `consistent`: the default of C, Python and Go producers.
    Crc32,
}

impl Default for Model {
    fn default() -> Model {
        Model {
            half_life_ms: 30 * DAY,
            window_ms: 180 * DAY,
            weights: PerKind::from_fn(Kind::weight),
            rho: 0.9,
            room: Room::default(),
            mu: 1.0,
            eps: 0.05,
            contact_growth: 0.002,
            edges_a_step_max: 1 << 18,
            partitioner: Partitioner::Murmur2,
            published_move: 0.1,
            level_pause_ms: HOUR,
            scale_floor: SCALE_FLOOR,
            forget_after_ms: None,
            limits: Limits::MAX,
        }
    }
}

impl Model {
    /// The default model with this half-life and a window of six of them.
    pub fn with_half_life(half_life_ms: Timestamp) -> Model {
        Model { half_life_ms, window_ms: half_life_ms.saturating_mul(6), ..Model::default() }
    }

    /// What ages of accounts are kept in: so that those below a half-life fit into 32 bits.
    pub(crate) fn span_unit_ms(&self) -> Timestamp {
        (self.half_life_ms >> 32) + 1
    }

    /// Over all parameters, bit for bit, and the key of the hash of names: states of different fingerprints have nothing to
    /// do with each other. The key cannot be read from it.
    pub fn fingerprint(&self, hash_key: &HashKey) -> u64 {
        let Model {
            half_life_ms,
            window_ms,
            weights,
            rho,
            room: Room { n0, m, c, lateness_ms },
            mu,
            eps,
            contact_growth,
            edges_a_step_max,
            partitioner,
            published_move,
            level_pause_ms,
            scale_floor,
            forget_after_ms,
            limits,
        } = self;
        let mut words = vec![
            *half_life_ms as u64,
            *window_ms as u64,
            rho.to_bits(),
            n0.to_bits(),
            m.to_bits(),
            c.to_bits(),
            mu.to_bits(),
            eps.to_bits(),
            contact_growth.to_bits(),
            u64::from(*edges_a_step_max),
            u64::from(hash_key.bits()),
            *partitioner as u64,
            published_move.to_bits(),
            *level_pause_ms as u64,
        ];
        words.extend(forget_after_ms.map(|after_ms| after_ms as u64));
        words.extend(lateness_ms.map(|lateness_ms| !(lateness_ms as u64)));
        if *scale_floor != SCALE_FLOOR {
            words.extend([u64::MAX, scale_floor.to_bits()]);
        }
        // Only what is configured otherwise: another kind in the table is no other model.
        for (kind, weight) in weights.iter().filter(|(kind, weight)| **weight != kind.weight()) {
            words.extend([kind.number() as u64, weight.to_bits()]);
        }
        if *limits != Limits::MAX {
            let Limits { people, remotes, names_bytes, row, slots, closes_a_step } = *limits;
            words.extend([people.into(), remotes.into(), names_bytes, row.into(), slots.into(), closes_a_step.into()]);
        }
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let [first, second] = hash_key.words();
        SipHasher13::new_with_keys(first, second).hash(&bytes)
    }

    /// Says what is wrong with a model that cannot be computed.
    pub fn validate(&self) -> Result<(), InvalidModel> {
        let wrong = |what: String| Err(InvalidModel(what));
        if self.half_life_ms <= 0 || self.half_life_ms > 36_500 * DAY {
            return wrong("the half-life must be longer than nothing and at most 100 years".into());
        }
        if self.window_ms <= 0 || self.window_ms / WINDOW_HALF_LIVES_MAX >= self.half_life_ms {
            return wrong(format!(
                "the window must be longer than nothing and shorter than {WINDOW_HALF_LIVES_MAX} half-lives"
            ));
        }
        for kind in Kind::COUNTED {
            let weight = self.weights[kind];
            if !WEIGHTS.contains(&weight) {
                let (word, least, most) = (kind.word(), WEIGHTS.start(), WEIGHTS.end());
                return wrong(format!("the weight of a {word} is {weight}, it must be {least} to {most}"));
            }
        }
        if !(SCALE_FLOOR_MIN..=SCALE_FLOOR_MAX).contains(&self.scale_floor) {
            return wrong(format!("the scale's floor must be {SCALE_FLOOR_MIN} to {SCALE_FLOOR_MAX:e} votes"));
        }
        if self.forget_after_ms.is_some_and(|after_ms| after_ms <= 0) {
            return wrong("the time after which people are forgotten must be longer than nothing".into());
        }
        // Rates and what pairs were told are kept as `f32`: a finer threshold would never come to rest.
        for (name, threshold) in [("eps", self.eps), ("the contact threshold", self.contact_growth)] {
            if !(5e-7..=0.5).contains(&threshold) {
                return wrong(format!("{name} is {threshold}, it must be 5e-7 to 0.5"));
            }
        }
        let (limits, max) = (self.limits, Limits::MAX);
        let are_possible = limits.people <= max.people
            && limits.remotes <= max.remotes
            && limits.names_bytes <= max.names_bytes
            && limits.row <= max.row;
        if !are_possible {
            return wrong(format!("the limits {limits:?} are beyond {max:?}"));
        }
        let Room { n0, m, c, lateness_ms } = self.room;
        for (name, value, most) in [("rho", self.rho, 1.0), ("mu", self.mu, 1e6), ("c", c, ROOM_MAX)] {
            if !(0.0..=most).contains(&value) {
                return wrong(format!("{name} is {value}, it must be 0 to {most}"));
            }
        }
        for (name, value) in [("n0", n0), ("m", m)] {
            if !(value > 0.0 && value <= ROOM_MAX) {
                return wrong(format!("{name} is {value}, it must be above 0, and at most {ROOM_MAX}"));
            }
        }
        if lateness_ms.is_some_and(|lateness_ms| lateness_ms < 0) {
            return wrong("the time for which a first act may be late must be at least nothing".into());
        }
        Ok(())
    }
}

/// Why a model cannot be computed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidModel(String);

impl fmt::Display for InvalidModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidModel {}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: HashKey = HashKey::new([1, 2]);

    #[test]
    fn each_parameter_is_in_the_fingerprint() {
        type Change = fn(&mut Model);
        let changes: [(&str, Change); 24] = [
            ("half-life", |model| model.half_life_ms += 1),
            ("window", |model| model.window_ms += 1),
            ("weight of a like", |model| model.weights[Kind::Like] = 0.5),
            ("weight of a quote", |model| model.weights[Kind::Quote] = 0.5),
            ("rho", |model| model.rho = model.rho.next_up()),
            ("n0", |model| model.room.n0 = model.room.n0.next_up()),
            ("m", |model| model.room.m = model.room.m.next_up()),
            ("c", |model| model.room.c = model.room.c.next_up()),
            ("lateness", |model| model.room.lateness_ms = Some(1)),
            ("mu", |model| model.mu = model.mu.next_up()),
            ("eps", |model| model.eps = model.eps.next_up()),
            ("contact growth", |model| model.contact_growth = model.contact_growth.next_up()),
            ("edges a step", |model| model.edges_a_step_max += 1),
            ("partitioner", |model| model.partitioner = Partitioner::Crc32),
            ("published move", |model| model.published_move = model.published_move.next_up()),
            ("level pause", |model| model.level_pause_ms += 1),
            ("scale floor", |model| model.scale_floor = 1_000.0),
            ("forget after", |model| model.forget_after_ms = Some(1)),
            ("people", |model| model.limits.people -= 1),
            ("remotes", |model| model.limits.remotes -= 1),
            ("bytes of names", |model| model.limits.names_bytes -= 1),
            ("row", |model| model.limits.row -= 1),
            ("slots", |model| model.limits.slots -= 1),
            ("closes a step", |model| model.limits.closes_a_step -= 1),
        ];
        let mut seen = std::collections::BTreeSet::from([Model::default().fingerprint(&KEY)]);
        for (name, change) in changes {
            let mut model = Model::default();
            change(&mut model);
            assert!(seen.insert(model.fingerprint(&KEY)), "{name}");
            assert_eq!(model.fingerprint(&KEY), model.clone().fingerprint(&KEY));
        }
        for key in [HashKey::new([0, 2]), HashKey::new([1, 2 | 1 << 63]), KEY.with_bits(63)] {
            assert!(seen.insert(Model::default().fingerprint(&key)), "the hash key");
        }
    }

    /// Logs and checkpoints hold it: where it changes, all of them are of another model.
    #[test]
    fn the_fingerprint_of_the_default_model_stays() {
        assert_eq!(Model::default().fingerprint(&KEY), 16_572_719_344_134_311_857);
    }
}
