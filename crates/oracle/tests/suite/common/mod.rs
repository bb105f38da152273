//! Shorthand for tests: events as lines, worlds from a seed, and the real logs.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::PathBuf;

use oracle::{Act, Input, Kind, Model, Outcome, Profile, Room};

pub(crate) const HOUR_MS: i64 = 3_600_000;

/// A half-life of one day, so a window of six.
pub(crate) const HALF_LIFE_MS: i64 = 24 * HOUR_MS;
pub(crate) const WINDOW_MS: i64 = 6 * HALF_LIFE_MS;

/// A scale of 100, so that scores do not depend on who else is there, and no bound for strangers.
pub(crate) fn model() -> Model {
    let room = Room { n0: 1e9, m: 1e9, ..Room::default() };
    Model { scale: Some(100.0), room, ..Model::new(HALF_LIFE_MS) }
}

pub(crate) fn act<'a>(actor: &'a str, kind: Kind, target: &'a str, at_ms: i64) -> Input<'a> {
    Input::Act(Act { actor, target, kind, at_ms })
}

pub(crate) fn retweet<'a>(actor: &'a str, target: &'a str, at_ms: i64) -> Input<'a> {
    act(actor, Kind::Retweet, target, at_ms)
}

pub(crate) fn follow<'a>(actor: &'a str, target: &'a str, at_ms: i64) -> Input<'a> {
    act(actor, Kind::Follow, target, at_ms)
}

pub(crate) fn unfollow<'a>(actor: &'a str, target: &'a str, at_ms: i64) -> Input<'a> {
    act(actor, Kind::Unfollow, target, at_ms)
}

pub(crate) fn trust(user: &str, trust: f64) -> Input<'_> {
    Input::Profile(Profile { user, opted_out: None, trust: Some(trust), ..Profile::default() })
}

pub(crate) fn opt_out(user: &str) -> Input<'_> {
    Input::Profile(Profile { user, opted_out: Some(true), ..Profile::default() })
}

pub(crate) fn opt_in(user: &str) -> Input<'_> {
    Input::Profile(Profile { user, opted_out: Some(false), ..Profile::default() })
}

pub(crate) fn score(inputs: &[Input<'_>]) -> Outcome {
    oracle::score(&model(), inputs.iter().copied(), None)
}

#[track_caller]
pub(crate) fn close(found: f64, wished: f64) {
    assert!((found - wished).abs() <= 1e-9 * wished.abs().max(1e-3), "{found} is not {wished}");
}

/// A small generator (xorshift64*), so that a seed means the same world everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// 0 to `below` - 1
    pub(crate) fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) % below
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            items.swap(place, self.roll(place as u64 + 1) as usize);
        }
    }
}

const KINDS: [Kind; 8] = [
    Kind::Mention,
    Kind::Mention,
    Kind::Retweet,
    Kind::Retweet,
    Kind::Reply,
    Kind::Follow,
    Kind::Follow,
    Kind::Unfollow,
];

/// Events of a crowd over `span_ms`, in order of time; low numbers are popular. Names come from `names`.
pub(crate) fn world(names: &[String], seed: u64, events: u64, span_ms: i64) -> Vec<Input<'_>> {
    let mut dice = Dice::new(seed);
    let crowd = names.len() as u64;
    (0..events)
        .map(|event| {
            let actor = dice.roll(crowd) as usize;
            let bound = 1 + dice.roll(crowd);
            let target = dice.roll(bound) as usize;
            let kind = KINDS[dice.roll(KINDS.len() as u64) as usize];
            act(&names[actor], kind, &names[target], span_ms * event as i64 / events as i64)
        })
        .collect()
}

pub(crate) fn names(crowd: usize) -> Vec<String> {
    (0..crowd).map(|user| format!("user{user:03}")).collect()
}

/// The text of a compressed log, or `None` (and a word about it) where there is no such file and need not be.
pub(crate) fn log(path: &str) -> Option<String> {
    let near = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("CLOUT_DATA").map_or(near, PathBuf::from);
    let Ok(file) = std::fs::File::open(folder.join(path)) else {
        let is_required = std::env::var_os("CLOUT_DATA_REQUIRED").is_some();
        assert!(!is_required, "no {path} in {}, and CLOUT_DATA_REQUIRED is set", folder.display());
        eprintln!("skipped: no {path} in {}", folder.display());
        return None;
    };
    Some(std::io::read_to_string(flate2::read::GzDecoder::new(file)).expect("a compressed text"))
}

pub(crate) const HIGGS: &str = "higgs/higgs-activity_time.txt.gz";
