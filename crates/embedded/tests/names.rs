//! Names: any UTF-8 up to 512 bytes, and two names with one key, which a hash of a few bits provokes.
mod common;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use common::*;
use embedded::World;
use influence::{Event, Kind, Model, NAME_BYTES_MAX, Shard};
use oracle::{Act, Input};

fn retweet<'a>(actor: &'a str, target: &'a str) -> Event<'a> {
    Event { actor, target, kind: Kind::Retweet, at: 1_700_000_000_000 }
}

/// Empty, blank, with zeros and line ends, of every width of UTF-8, right to left, equal but for their normal form.
fn odd_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "",
        " ",
        "\0",
        "\0\0",
        "a\0",
        "\n",
        "ä",
        "a\u{308}",
        "東京",
        "🦀",
        "\u{202e}olleh",
        "\u{feff}",
        "bluesky:did:plc:x",
    ]
    .map(str::to_owned)
    .to_vec();
    for unit in ["x", "ß", "語", "🦀"] {
        names.push(unit.repeat(NAME_BYTES_MAX / unit.len()));
        names.push(unit.repeat(NAME_BYTES_MAX / unit.len() - 1));
    }
    // Names of all lengths, and pairs that differ in their last byte only.
    names.extend((1..=NAME_BYTES_MAX).map(|len| "y".repeat(len)));
    names.extend((1..=NAME_BYTES_MAX).map(|len| "y".repeat(len - 1) + "z"));
    names
}

#[test]
fn any_name_comes_back_as_it_was() {
    let names = odd_names();
    for partitions in [1, 4] {
        let mut world = World::new(&Model::default(), partitions, 1);
        for (name, next) in names.iter().zip(names.iter().cycle().skip(1)) {
            assert!(name.len() <= NAME_BYTES_MAX);
            world.event(&retweet(name, next));
        }
        world.settle();
        let found: BTreeSet<String> = world.scores().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(found, names.iter().cloned().collect());
        assert_eq!(world.progress().collisions, 0);
        for name in &names {
            assert_eq!(world.score(name).expect("everybody was retweeted").received.retweets, 1, "{name:?}");
        }
    }
}

/// A name that is erased is nowhere any more; one that comes while its owner has opted out is dropped.
#[test]
fn an_erased_name_is_gone() {
    let name = "somebody whose name is found nowhere else";
    for partitions in [1, 4] {
        let erased = RefCell::new(Vec::new());
        let mut world = World::new(&Model::default(), partitions, 1);
        world.observe(|_, effects| erased.borrow_mut().extend(effects.erased.iter().map(|name| name.to_string())));
        let opt_out = |opted_out| Input::Profile(oracle::Profile { user: name, opted_out, trust: None });
        let act =
            Input::Act(Act { actor: "the only fan there is", target: name, kind: oracle::Kind::Retweet, at_ms: 5 });
        take(&mut world, &[act, opt_out(true), act]);
        world.settle();
        assert!(!holds(&world, name) && holds(&world, "the only fan there is"));
        assert_eq!((world.score(name), world.opted_out(name)), (None, Some(true)));
        take(&mut world, &[opt_out(false), act]);
        world.settle();
        assert_eq!(world.score(name).expect("the fan has retweeted again").received.retweets, 1);
        drop(world);
        assert_eq!(erased.into_inner(), [name]);
    }
}

/// Whether the name's bytes are anywhere in the shards.
fn holds(world: &World<'_>, name: &str) -> bool {
    let bytes = format!("{:?}", name.as_bytes());
    let everything = format!("{:?}", world.shards().collect::<Vec<_>>());
    everything.contains(name) || everything.contains(bytes.trim_matches(['[', ']']))
}

/// What a world of few keys told of: the second names of collisions.
fn told(model: &Model, partitions: u16, inputs: &[Input<'_>]) -> BTreeSet<String> {
    let told = RefCell::new(BTreeSet::new());
    let mut world = World::new(model, partitions, 1);
    world.observe(|_, effects| {
        told.borrow_mut().extend(effects.collisions.iter().map(|collision| collision.second.clone()));
    });
    take(&mut world, inputs);
    world.settle();
    for (name, score) in world.scores() {
        let votes = [score.influence, score.reach, score.network, score.audience];
        assert!(votes.iter().all(|votes| votes.is_finite() && *votes >= 0.0), "{name}: {score:?}");
    }
    assert_eq!(world.progress().collisions > 0, !world.progress().first_collisions.is_empty());
    drop(world);
    told.into_inner()
}

/// With 8 bits there are 256 people. Of those with one key who meet in a shard, all but the first are told of.
#[test]
fn names_with_one_key_are_told_where_they_meet() {
    let model = Model { hash_bits: 8, ..Model::with_half_life(HOUR) };
    for (seed, partitions) in (0..60).zip([1, 4, 3, 16].into_iter().cycle()) {
        let small = Small::of_any_span(seed, &model);
        let acts: Vec<Input<'_>> = small.acts().into_iter().map(Input::Act).collect();
        let told = told(&model, partitions, &acts);
        let known = known_by_shard(&model, partitions, &small.acts(), &told);
        for ((shard, key), names) in &known {
            let untold: Vec<_> = names.iter().filter(|&&name| !told.contains(name)).collect();
            assert!(untold.len() <= 1, "seed {seed}, shard {shard} of {partitions}: {untold:?} share {key:x}");
        }
        for name in &told {
            let alike = known.values().any(|names| names.len() > 1 && names.contains(name.as_str()));
            assert!(alike, "seed {seed}: {name} met nobody with the same key");
        }
    }
}

/// The names that come to a shard, by shard and key: its people who act, whom they act upon, and who is acted upon.
fn known_by_shard<'a>(
    model: &Model,
    partitions: u16,
    acts: &[Act<'a>],
    told: &BTreeSet<String>,
) -> BTreeMap<(u16, u64), BTreeSet<&'a str>> {
    let hash = Shard::new(model.clone(), 0, 1);
    let mut known = BTreeMap::<_, BTreeSet<_>>::new();
    let home = |name: &str| model.partitioner.partition(name, partitions);
    for act in acts.iter().filter(|act| act.actor != act.target) {
        known.entry((home(act.actor), hash.key(act.actor))).or_default().insert(act.actor);
        // Who is taken for somebody of another shard is turned away.
        if !told.contains(act.actor) {
            for shard in [home(act.actor), home(act.target)] {
                known.entry((shard, hash.key(act.target))).or_default().insert(act.target);
            }
        }
    }
    known
}

/// Whoever opts out takes along all who have the same key; nothing breaks by it.
#[test]
fn names_with_one_key_break_nothing() {
    let model = Model { hash_bits: 3, ..Model::with_half_life(HOUR) };
    for (seed, partitions) in (100..200).zip([1, 4, 3, 16].into_iter().cycle()) {
        let small = Small::of_any_span(seed, &model);
        assert!(!told(&model, partitions, &small.inputs()).is_empty());
    }
}
