//! What a world is asked to be, and the refusal of what it cannot be.

use vocabulary::{Kind, NAME_BYTES_MAX, PerKind, Timestamp};

use crate::{Acts, Attack, Events};

const MINUTE_MS: i64 = 60 * 1000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// Times are spread in `f64`: whole milliseconds far below its 53 bits.
const SPAN_MS_MAX: i64 = 1 << 50;

/// Beyond it the second most popular user is never drawn, nor is anybody else.
const EXPONENT_MAX: f64 = 30.0;

const BURSTS_MAX: u32 = 10_000;

/// The longest number that is appended to a name's prefix.
const DIGITS_MAX: usize = 10;

/// The parameters of a synthetic event log. All shares are shares of all events, from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// The same seed and parameters give the same events for ever.
    pub seed: u64,
    /// How many users there are, at least 2; most worlds leave some of them silent.
    pub users: u32,
    /// How many events there are, attacks not counted.
    pub events: u64,
    /// No event is earlier.
    pub start: Timestamp,
    /// Every event is earlier than `start` plus this, in milliseconds; they are spread evenly.
    pub span_ms: i64,
    /// Zipf exponent of how often users act; 0 is everybody alike.
    pub actor_exponent: f64,
    /// Zipf exponent of how often users are acted upon, by ranks of their own.
    pub target_exponent: f64,
    /// What is done in an event that is neither a follow nor an answer.
    pub mix: Mix,
    /// Share of events in which a target answers an event within a quarter of an hour. Answers are answered as well, so
    /// that pairs talk back and forth.
    pub conversations: f64,
    /// Share of follows: new ones, follows back, and one in ten an unfollow.
    pub follows: f64,
    /// Share of events on oneself.
    pub self_acts: f64,
    /// How often, for a hundredth of the span, half of all new events go to one user.
    pub bursts: u32,
    /// Share of events delivered late.
    pub out_of_order: f64,
    /// How late an event is at most, in milliseconds.
    pub delay_ms_max: i64,
    /// A user's name is this and a number.
    pub name_prefix: String,
}

/// How often each kind is drawn, as weights of any sum. Follows have none: they are a share of their own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mix(PerKind<f64>);

impl Default for Mix {
    fn default() -> Mix {
        Mix::none().with(Kind::Retweet, 0.6).with(Kind::Mention, 0.3).with(Kind::Reply, 0.1)
    }
}

impl Mix {
    /// All weights are 0.
    pub fn none() -> Mix {
        Mix(PerKind::default())
    }

    /// The same with this weight of a kind.
    pub fn with(mut self, kind: Kind, weight: f64) -> Mix {
        self.set(kind, weight);
        self
    }

    /// Sets the weight of a kind.
    pub fn set(&mut self, kind: Kind, weight: f64) {
        self.0[kind] = weight;
    }

    /// The kinds that can be drawn, in words.
    pub fn words() -> String {
        let words: Vec<&str> = Kind::listed_counted().map(Kind::word).collect();
        match words.split_last() {
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
            None => String::new(),
        }
    }

    fn sum(&self) -> f64 {
        Kind::listed_counted().map(|kind| self.0[kind]).sum()
    }

    /// Whether all weights are at least 0 and finite, and one of them above.
    fn is_fine(&self) -> bool {
        Kind::listed_counted().all(|kind| (0.0..f64::INFINITY).contains(&self.0[kind])) && self.sum() > 0.0
    }

    /// The kind at a place from 0 to 1, the weights laid end to end in the order of lists for people.
    pub(crate) fn kind(&self, place: f64) -> Kind {
        let place = place * self.sum();
        let mut end = 0.0;
        let mut last = Kind::Mention;
        for kind in Kind::listed_counted().filter(|kind| self.0[*kind] > 0.0) {
            end += self.0[kind];
            last = kind;
            if place < end {
                break;
            }
        }
        last
    }
}

impl Default for World {
    /// A world for trying things out: 10,000 users, 100,000 events in the 30 days from 2025-01-01.
    fn default() -> World {
        World {
            seed: 1,
            users: 10_000,
            events: 100_000,
            start: 1_735_689_600_000,
            span_ms: 30 * DAY_MS,
            actor_exponent: 0.8,
            target_exponent: 1.1,
            mix: Mix::default(),
            conversations: 0.0,
            follows: 0.0,
            self_acts: 0.0,
            bursts: 0,
            out_of_order: 0.0,
            delay_ms_max: 10 * MINUTE_MS,
            name_prefix: "u".to_owned(),
        }
    }
}

impl World {
    /// The world of the benchmarks: a million users, ten million events, 30 days. About 962,000 users act, 562,000 are
    /// acted upon, the first of them by 12.4 % of all events and the first ten by 33 %.
    pub fn reference() -> World {
        World { users: 1_000_000, events: 10_000_000, ..World::default() }
    }

    /// The events in the order of their delivery, users as numbers below [`World::users`].
    ///
    /// Takes some 200 ns and 16 bytes a user before the first event.
    ///
    /// # Errors
    /// If a parameter is out of its range.
    pub fn acts(&self) -> Result<Acts, WorldError> {
        self.check()?;
        Ok(Acts::new(self))
    }

    /// The events in the order of their delivery, with names.
    ///
    /// # Errors
    /// If a parameter is out of its range.
    pub fn events(&self) -> Result<Events, WorldError> {
        self.events_with(Vec::new())
    }

    /// The events in the order of their delivery, those of attacks among them by time.
    ///
    /// # Errors
    /// If a parameter is out of its range, or there are more users and farm members than numbers.
    pub fn events_with(&self, attacks: Vec<Attack>) -> Result<Events, WorldError> {
        Events::new(self.acts()?, self, attacks)
    }

    /// # Errors
    /// If a parameter is out of its range: the first one found.
    pub fn check(&self) -> Result<(), WorldError> {
        if self.users < 2 {
            return Err(WorldError::Users(self.users));
        }
        if self.bursts > BURSTS_MAX {
            return Err(WorldError::Bursts(self.bursts));
        }
        self.check_times()?;
        self.check_numbers()?;
        self.check_shares()?;
        check_prefix(&self.name_prefix)
    }

    fn check_times(&self) -> Result<(), WorldError> {
        let end = self.start.checked_add(self.span_ms);
        if !(1..=SPAN_MS_MAX).contains(&self.span_ms) || end.is_none() {
            return Err(WorldError::Span);
        }
        if self.out_of_order > 0.0 && self.delay_ms_max < 1 {
            return Err(WorldError::Delay(self.delay_ms_max));
        }
        Ok(())
    }

    fn check_numbers(&self) -> Result<(), WorldError> {
        let exponents = [("actor", self.actor_exponent), ("target", self.target_exponent)];
        for (whose, exponent) in exponents {
            if !(0.0..=EXPONENT_MAX).contains(&exponent) {
                return Err(WorldError::Exponent { whose, exponent });
            }
        }
        if !self.mix.is_fine() {
            return Err(WorldError::Mix);
        }
        Ok(())
    }

    fn check_shares(&self) -> Result<(), WorldError> {
        let shares = [
            ("conversations", self.conversations),
            ("follows", self.follows),
            ("self-acts", self.self_acts),
            ("out-of-order", self.out_of_order),
        ];
        for (of, share) in shares {
            if !(0.0..=1.0).contains(&share) {
                return Err(WorldError::Share { of, share });
            }
        }
        let sum = self.conversations + self.follows + self.self_acts;
        if sum > 1.0 {
            return Err(WorldError::SharesSum(sum));
        }
        Ok(())
    }
}

fn check_prefix(prefix: &str) -> Result<(), WorldError> {
    let breaks_formats = |letter: char| letter.is_whitespace() || letter.is_control() || "\",".contains(letter);
    if prefix.len() + DIGITS_MAX > NAME_BYTES_MAX || prefix.contains(breaks_formats) {
        return Err(WorldError::NamePrefix(prefix.to_owned()));
    }
    Ok(())
}

/// Why a world cannot be: which parameter, and what it takes.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WorldError {
    /// Too few users for an event.
    #[error("users is {0}: a world needs at least 2, one to act and one to be acted upon")]
    Users(u32),
    /// More bursts than anybody could tell apart.
    #[error("bursts is {0}: give at most {BURSTS_MAX}")]
    Bursts(u32),
    /// The span is empty, or runs out of the range of timestamps.
    #[error("span is out of range: it takes at least 1 ms, and the end must be a time that can be written down")]
    Span,
    /// Events are late by nothing.
    #[error("max-delay is {0} ms while some events are out of order: give at least 1 ms")]
    Delay(i64),
    /// A Zipf exponent that no world has.
    #[error("{whose}-exponent is {exponent}: give a number from 0 (all alike) to {EXPONENT_MAX}; 0.8 to 1.2 is usual")]
    Exponent {
        /// Of actors or of targets.
        whose: &'static str,
        /// What was asked for.
        exponent: f64,
    },
    /// A weight below 0, or all of them 0.
    #[error("mix: the weights of {} must be at least 0 and one of them above", Mix::words())]
    Mix,
    /// Not a share.
    #[error("{of} is {share}: a share is a number from 0 to 1, 0.25 being a quarter of all events")]
    Share {
        /// What the share is of.
        of: &'static str,
        /// What was asked for.
        share: f64,
    },
    /// More than everything.
    #[error("conversations, follows and self-acts add up to {0}: they are shares of all events, so lower them to 1")]
    SharesSum(f64),
    /// Not the start of a name.
    #[error("name prefix {0:?}: no spaces, commas or quotes, and at most {max} bytes", max = NAME_BYTES_MAX - DIGITS_MAX)]
    NamePrefix(String),
    /// User numbers run out.
    #[error("{0} users and farm members: there are numbers for 4,294,967,295")]
    TooManyMembers(u64),
}
