//! Settings that tests begin with, and change in what they try.

use influence::{HashKey, Model};
use vocabulary::Kind;
use wire::{Encoding, Framing, Names};

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
        pace: Pace::default(),
        checkpoint_every_ms: 1,
        accepted_gaps: Vec::new(),
    }
}
