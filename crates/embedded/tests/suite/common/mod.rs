//! What the tests share: real logs, generated worlds, and the engine's answers in the oracle's words.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unused_imports, reason = "each test file uses a part of it")]

mod crowd;
mod lab;
mod logs;
mod snapshot;
mod truth;

use embedded::World;
use influence::{HashKey, Model};
use oracle::{Act, Input};
use vocabulary::{Event, Kind, Profile};

pub(crate) use crowd::{Crowd, Small};
pub(crate) use lab::Lab;
pub(crate) use logs::{Log, higgs, mathoverflow};
pub(crate) use snapshot::{Exact, exact_parts, pair_bits, score_bits, scores};
pub(crate) use truth::{Bound, Errors, compare, hold, hold_exact_parts};

/// The key of the names in tests: worlds under one key can be compared by the keys of their people.
pub(crate) const KEY: HashKey = HashKey::new([1, 2]);
pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const DAY: i64 = 24 * HOUR;

/// Thresholds so fine that only rounding is left between the engine and the fixpoint.
pub(crate) fn fine(model: Model) -> Model {
    Model { eps: 1e-6, contact_growth: 1e-6, ..model }
}

/// The oracle's parameters for a model of the engine, `g` rounded as the engine does.
pub(crate) fn oracle_model(model: &Model) -> oracle::Model {
    let influence::Room { n0, m, c, lateness_ms } = model.room;
    oracle::Model {
        window_ms: model.window_ms,
        weights: oracle::Kind::ALL.map(|oracle_kind| model.weights[kind(oracle_kind)]),
        rho: model.rho,
        room: oracle::Room { n0, m, c, lateness_ms },
        mu: model.mu,
        forget_after_ms: model.forget_after_ms,
        mantissa_bits: Some(17),
        ..oracle::Model::new(model.half_life_ms)
    }
}

pub(crate) fn truth(model: &Model, inputs: &[Input<'_>]) -> oracle::Outcome {
    oracle::score(&oracle_model(model), inputs.iter().copied(), None)
}

pub(crate) fn kind(kind: oracle::Kind) -> Kind {
    Kind::of_word(kind.word()).expect("the engine knows all kinds")
}

pub(crate) fn event<'a>(act: &Act<'a>) -> Event<'a> {
    Event { actor: act.actor, target: act.target, kind: kind(act.kind), at: act.at_ms }
}

pub(crate) fn profile<'a>(profile: &oracle::Profile<'a>) -> Profile<'a> {
    let oracle::Profile { user, opted_out, trust, created_ms, is_verified, linked } = *profile;
    Profile { user, opted_out, trust, created: created_ms, is_verified, linked, country: None }
}

/// A world that has taken all of this, and has settled.
pub(crate) fn world(model: &Model, partitions: u16, workers: usize, inputs: &[Input<'_>]) -> World<'static> {
    let mut world = World::new(model, KEY, partitions, workers);
    take(&mut world, inputs);
    world.settle();
    world
}

pub(crate) fn take(world: &mut World<'_>, inputs: &[Input<'_>]) {
    for input in inputs {
        match input {
            Input::Act(act) => world.event(&event(act)),
            Input::Clock(clock) => world.advance(*clock),
            Input::Profile(change) => {
                // A profile counts where it stands: what came before is taken first.
                world.rest();
                world.profile(&profile(change));
                world.rest();
            }
        }
    }
}

/// An event in the oracle's words.
pub(crate) fn from_event<'a>(event: &Event<'a>) -> Act<'a> {
    let kind = oracle::Kind::of_word(event.kind.word()).expect("the oracle knows all kinds");
    Act { actor: event.actor, target: event.target, kind, at_ms: event.at }
}

pub(crate) fn is_follow(input: &Input<'_>) -> bool {
    matches!(input, Input::Act(act) if matches!(act.kind, oracle::Kind::Follow | oracle::Kind::Unfollow))
}

/// A small generator (splitmix64), so that a seed means the same everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// 0 to `below` - 1
    pub(crate) fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % below as u64) as usize
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            items.swap(place, self.roll(place + 1));
        }
    }
}
