//! What a worker is told before it starts.

use influence::{HashKey, Model};
use twox_hash::XxHash3_64;
use vocabulary::{Kind, Timestamp};
use wire::{Encoding, Framing, Names};

use crate::digest::fold;

/// The settings that all workers of one application share.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What scores are made by.
    pub model: Model,
    /// The key of the hash of names: all workers have the same.
    pub hash_key: HashKey,
    /// The rule that folds spellings of a name, and the names that are ignored.
    pub names: Names,
    /// Partitions of each input, and of the exchange.
    pub shards: u16,
    /// The inputs, in the order in which a slice takes them.
    pub inputs: Vec<Input>,
    /// The exchange's name, for messages.
    pub exchange: String,
    /// What moves a shard's clock.
    pub clock: Clock,
    /// Milliseconds within which an event with the id of another one of its actor counts as the same and is dropped;
    /// `None`: ids are not looked at. Each id takes 10 to 21 bytes of memory for the window and a quarter more.
    pub dedup_window_ms: Option<i64>,
    /// Milliseconds of a day, if days are closed: see [`influence::Close`]. It may change, as the journal says which slices closed
    /// days; another day than [`influence::DAY_MS`] only in tests.
    pub closes_ms: Option<Timestamp>,
    /// Whether what each act gave is told: see [`influence::Credit`]. It may change.
    pub credits: bool,
    /// How input is cut into epochs.
    pub pace: Pace,
    /// Milliseconds between two checkpoints of a shard.
    pub checkpoint_every_ms: i64,
    /// Records that are known to be gone, and are passed over if just these are missing.
    pub accepted_gaps: Vec<AcceptedGap>,
}

/// Offsets of a partition of an input that somebody gives up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedGap {
    /// The input's topic.
    pub topic: String,
    /// The partition, and the shard.
    pub partition: u16,
    /// The first offset.
    pub first: i64,
    /// The offset behind the last one.
    pub next: i64,
}

impl std::fmt::Display for AcceptedGap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let AcceptedGap { topic, partition, first, next } = self;
        write!(f, "{topic}:{partition}:{first}-{next}")
    }
}

impl Settings {
    /// Over all that decides what a slice becomes, bit for bit: it never changes under one application id. Encodings and
    /// the pace may. A topic's name is not in it: offsets tell which topic was read.
    pub fn fingerprint(&self) -> u64 {
        let Settings { model, hash_key, names, shards, inputs, clock, dedup_window_ms, .. } = self;
        let dedup = dedup_window_ms.map_or([0, 0], |window_ms| [1, window_ms as u64]);
        let words = [u64::from(*shards), *clock as u64].into_iter().chain(dedup);
        let holds = inputs.iter().map(|input| input.holds as u64);
        let ignored = names.ignored().map(|name| XxHash3_64::oneshot(name.as_bytes()));
        // Names as they are add nothing: applications that are older than the choice go on.
        let names: Vec<u64> = match *names == Names::default() {
            true => Vec::new(),
            false => [names.spelling() as u64].into_iter().chain(ignored).collect(),
        };
        // Nor does a mention, which is what files have meant all along.
        let kinds = inputs.iter().zip(0_u64..).filter(|(input, _)| input.kind != Kind::Mention);
        let kinds = kinds.flat_map(|(input, place)| [u64::MAX - place, input.kind as u64]);
        words.chain(holds).chain(names).chain(kinds).fold(model.fingerprint(hash_key), fold)
    }
}

/// A topic of events or profiles.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name.
    pub topic: String,
    /// What its records are.
    pub holds: Holds,
    /// How they are written,
    pub encoding: Encoding,
    /// and what stands before each.
    pub framing: Framing,
    /// The kind of JSON events that name none.
    pub kind: Kind,
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
    /// or when so many records wait, and no more are taken of each shard. While more wait than an epoch takes, epochs grow, up to
    /// [`Pace::epoch_records_most`].
    pub epoch_records_max: usize,
    /// or when so many bytes wait: of each shard no more are taken, but for one batch.
    pub epoch_bytes_max: usize,
    /// No more records than that are kept in memory before they are sliced,
    pub backlog_records_max: usize,
    /// and no more bytes; as much again of what other shards tell.
    pub backlog_bytes_max: usize,
    /// Nothing is published while a shard lags by more than so many milliseconds.
    pub lag_ms_max: Timestamp,
}

impl Pace {
    /// Records that an epoch takes of a shard where many wait.
    pub fn epoch_records_most(&self) -> usize {
        self.epoch_records_max.max(self.backlog_records_max / 2)
    }
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            epoch_ms: 100,
            epoch_records_max: 1 << 14,
            epoch_bytes_max: 16 << 20,
            backlog_records_max: 1 << 18,
            backlog_bytes_max: 32 << 20,
            lag_ms_max: 60_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::Spelling;

    use super::*;
    use crate::sample;

    fn settings() -> Settings {
        sample::settings([Holds::Profiles, Holds::Events])
    }

    fn changed(change: fn(&mut Settings)) -> u64 {
        let mut settings = settings();
        change(&mut settings);
        settings.fingerprint()
    }

    #[test]
    fn what_decides_what_a_slice_becomes_is_in_the_fingerprint() {
        let changes: [fn(&mut Settings); 16] = [
            |settings| settings.inputs[1].kind = Kind::Retweet,
            |settings| settings.inputs[1].kind = Kind::Reply,
            |settings| settings.names = Names::new(Spelling::Folded, [""; 0]),
            |settings| settings.names = Names::new(Spelling::Folded, ["na"]),
            |settings| settings.names = Names::new(Spelling::Exact, ["na"]),
            |settings| settings.names = Names::new(Spelling::Exact, ["na", "null"]),
            |settings| settings.model.rho /= 2.0,
            |settings| settings.hash_key = HashKey::new([1, 3]),
            |settings| settings.shards = 5,
            |settings| settings.clock = Clock::Event,
            |settings| settings.clock = Clock::Stored,
            |settings| settings.dedup_window_ms = Some(0),
            |settings| settings.dedup_window_ms = Some(1),
            |settings| settings.inputs.reverse(),
            |settings| settings.inputs.truncate(1),
            |settings| settings.inputs.push(settings.inputs[1].clone()),
        ];
        let mut seen = std::collections::BTreeSet::from([settings().fingerprint()]);
        assert!(changes.into_iter().all(|change| seen.insert(changed(change))));
    }

    #[test]
    fn names_encodings_and_the_pace_may_change() {
        let changes: [fn(&mut Settings); 7] = [
            |settings| settings.exchange.push('2'),
            |settings| settings.inputs[0].topic.push('2'),
            |settings| {
                (settings.inputs[0].encoding, settings.inputs[0].framing) = (Encoding::Protobuf, Framing::Confluent)
            },
            |settings| settings.pace.epoch_ms = 7,
            |settings| settings.closes_ms = Some(7),
            |settings| settings.credits = true,
            |settings| settings.checkpoint_every_ms = 7,
        ];
        assert!(changes.into_iter().all(|change| changed(change) == settings().fingerprint()));
    }
}
