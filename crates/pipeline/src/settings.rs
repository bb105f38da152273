//! What a worker is told before it starts.

use influence::{Model, Timestamp};
use wire::Encoding;

/// How far an event may lie beyond the time at which it was stored.
pub(crate) const AHEAD_MS_MAX: i64 = 5 * 60_000;

/// The settings that all workers of one application share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What scores are made by.
    pub model: Model,
    /// Partitions of each input, and of the exchange.
    pub shards: u16,
    /// The inputs, in the order in which a slice takes them.
    pub inputs: Vec<Input>,
    /// The exchange's name, for messages.
    pub exchange: String,
    /// What moves a shard's clock.
    pub clock: Clock,
    /// How input is cut into epochs.
    pub pace: Pace,
    /// Milliseconds between two checkpoints of a shard.
    pub checkpoint_every_ms: i64,
}

/// A topic of events or profiles.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name.
    pub topic: String,
    /// What its records are.
    pub holds: Holds,
    /// How they are written.
    pub encoding: Encoding,
}

/// What an input's records are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Events, keyed by actor.
    Events,
    /// Profiles, keyed by user.
    Profiles,
}

/// What moves a shard's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The worker's wall clock: all events of a slice arrive at its end.
    Wall,
    /// The newest event that was taken, and what other shards know of: history moves at its own pace.
    Event,
    /// The time at which the log stored each event: the log has its own clock, and has looked for events from the future
    /// itself.
    Stored,
}

/// How input is cut into epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// An epoch ends after so many milliseconds,
    pub epoch_ms: i64,
    /// or when so many records wait.
    pub epoch_records_max: usize,
    /// No more records than that are kept in memory before they are sliced.
    pub backlog_records_max: usize,
    /// Nothing is published while a shard lags by more than so many milliseconds.
    pub lag_ms_max: Timestamp,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { epoch_ms: 100, epoch_records_max: 1 << 16, backlog_records_max: 1 << 18, lag_ms_max: 60_000 }
    }
}
