//! What the tests share: real logs, and the engine's answers in the oracle's words.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use embedded::World;
use influence::{Event, Kind, Model, Profile, Score};
use oracle::compare::{Amounts, Comparison};
use oracle::{Act, Input};

pub const HOUR: i64 = 3_600_000;
pub const DAY: i64 = 24 * HOUR;

/// The text of a real log, or `None`, said aloud, where it is not there.
pub fn data(path: &str) -> Option<String> {
    let root = std::env::var_os("CLOUT_DATA").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"));
    let Ok(file) = std::fs::File::open(root.join(path)) else {
        eprintln!("skipped: {} is not there (set CLOUT_DATA to the folder that has {path})", root.display());
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    Some(text)
}

pub fn higgs() -> Option<String> {
    data("higgs/higgs-activity_time.txt.gz")
}

pub fn kind(kind: oracle::Kind) -> Kind {
    match kind {
        oracle::Kind::Mention => Kind::Mention,
        oracle::Kind::Retweet => Kind::Retweet,
        oracle::Kind::Reply => Kind::Reply,
        oracle::Kind::Follow => Kind::Follow,
        oracle::Kind::Unfollow => Kind::Unfollow,
    }
}

pub fn event<'a>(act: &Act<'a>) -> Event<'a> {
    Event { actor: act.actor, target: act.target, kind: kind(act.kind), at: act.at_ms }
}

/// A world that has taken all of this, and has settled.
pub fn world<'a>(model: &Model, partitions: u16, workers: usize, inputs: &[Input<'_>]) -> World<'a> {
    let mut world = World::new(model, partitions, workers);
    for input in inputs {
        match input {
            Input::Act(act) => world.event(&event(act)),
            Input::Clock(clock) => world.advance(*clock),
            Input::Profile(profile) => {
                // A profile counts where it stands: what came before is taken first.
                world.rest();
                let (user, opted_out, trust) = (profile.user, profile.opted_out, profile.trust);
                world.profile(&Profile { user, opted_out, trust });
                world.rest();
            }
        }
    }
    world.settle();
    world
}

pub fn acts<'a>(acts: &[Act<'a>]) -> Vec<Input<'a>> {
    acts.iter().map(|act| Input::Act(*act)).collect()
}

/// The oracle's parameters for a model of the engine.
pub fn oracle_model(model: &Model) -> oracle::Model {
    oracle::Model { window_ms: model.window_ms, ..oracle::Model::new(model.half_life_ms) }
}

pub fn amounts(score: &Score) -> Amounts {
    let gross = score.reach * score.amplification * score.network;
    Amounts { gross, net: gross * score.openness, influence: score.influence }
}

pub fn scores(world: &World<'_>) -> BTreeMap<String, Score> {
    world.scores().map(|(name, score)| (name.to_owned(), score)).collect()
}

pub fn compare(oracle: &oracle::Outcome, world: &World<'_>, top: usize) -> Comparison {
    let engine = world.scores().map(|(name, score)| (name.to_owned(), amounts(&score))).collect();
    oracle::compare::compare(&oracle.amounts(), &engine, top)
}
