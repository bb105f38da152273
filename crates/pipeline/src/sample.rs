//! Settings and a journal record that tests begin with, and change in what they try.

use influence::{HashKey, Model};
use vocabulary::Kind;
use wire::{Encoding, Framing, JournalRecord, Names, OffsetRange};

use crate::settings::{Clock, Holds, Input, Pace, Settings};

/// Four shards by the wall clock, and a topic of JSON for each of these.
pub(crate) fn settings<const N: usize>(inputs: [Holds; N]) -> Settings {
    let (encoding, framing, kind) = (Encoding::Json, Framing::Bare, Kind::Mention);
    let input = |holds| Input { topic: "events".into(), holds, encoding, framing, kind };
    Settings {
        model: Model::default(),
        hash_key: HashKey::new([1, 2]),
        names: Names::default(),
        shards: 4,
        inputs: inputs.map(input).into(),
        exchange: "exchange".into(),
        clock: Clock::Wall,
        dedup_window_ms: None,
        closes_ms: None,
        credits: false,
        pace: Pace::default(),
        checkpoint_every_ms: 1,
        accepted_gaps: Vec::new(),
    }
}

/// An epoch of shard 0 that has read six records of one input.
pub(crate) fn journal() -> JournalRecord {
    JournalRecord {
        shard: 0,
        sequence: 7,
        exchange: OffsetRange::default(),
        inputs: vec![OffsetRange { first: 3, next: 9 }],
        clock: 1_600_000_000_000,
        sweep: 1,
        publishes: true,
        settles: false,
        engine_revision: 1,
        model_fingerprint: 2,
        slice_digest: 3,
        digest: 4,
        gaps: Vec::new(),
        machine_clock: None,
        closes_ms: None,
    }
}
