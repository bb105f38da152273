//! Names: any UTF-8 up to 512 bytes, and two names with one key, which a hash of a few bits provokes.
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::common::*;
use embedded::World;
use influence::{HashKey, Model, Removed, Shard};
use oracle::{Act, Input};
use pipeline::draw_hash_key;
use vocabulary::{Event, Kind, NAME_BYTES_MAX, Profile};

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
        let mut world = World::new(&Model::default(), KEY, partitions, 1);
        for (name, next) in names.iter().zip(names.iter().cycle().skip(1)) {
            assert!(name.len() <= NAME_BYTES_MAX);
            world.event(&retweet(name, next));
        }
        world.settle();
        let found: BTreeSet<String> = world.scores().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(found, names.iter().cloned().collect());
        assert_eq!(world.progress().taken.collided, 0);
        for name in &names {
            assert_eq!(
                world.score(name).expect("everybody was retweeted").received.of(vocabulary::Kind::Retweet),
                1,
                "{name:?}"
            );
        }
    }
}

/// A name that is erased is nowhere any more; one that comes while its owner has opted out is dropped.
#[test]
fn an_erased_name_is_gone() {
    let name = "somebody whose name is found nowhere else";
    for partitions in [1, 4] {
        let erased = RefCell::new(Vec::new());
        let mut world = World::new(&Model::default(), KEY, partitions, 1);
        world.observe(|_, effects| {
            let removed = effects.removed.iter().map(|Removed { name, why }| format!("{} {name}", why.word()));
            erased.borrow_mut().extend(removed);
        });
        let opt_out = |opted_out| {
            Input::Profile(oracle::Profile {
                user: name,
                opted_out: Some(opted_out),
                trust: None,
                ..oracle::Profile::default()
            })
        };
        let act =
            Input::Act(Act { actor: "the only fan there is", target: name, kind: oracle::Kind::Retweet, at_ms: 5 });
        take(&mut world, &[act, opt_out(true), act]);
        world.settle();
        assert!(!holds(&world, name) && holds(&world, "the only fan there is"));
        assert_eq!((world.score(name), world.opted_out(name)), (None, Some(true)));
        take(&mut world, &[opt_out(false), act]);
        world.settle();
        assert_eq!(world.score(name).expect("the fan has retweeted again").received.of(vocabulary::Kind::Retweet), 1);
        drop(world);
        assert_eq!(erased.into_inner(), [format!("opted-out {name}"), format!("opted-in {name}")]);
    }
}

/// Whether the name's bytes are anywhere in the shards.
fn holds(world: &World<'_>, name: &str) -> bool {
    let bytes = format!("{:?}", name.as_bytes());
    let everything = format!("{:?}", world.shards().collect::<Vec<_>>());
    everything.contains(name) || everything.contains(bytes.trim_matches(['[', ']']))
}

/// A world of few keys that has taken this and settled, and the names that it left out.
fn few_keys(bits: u32, model: &Model, partitions: u16, inputs: &[Input<'_>]) -> (World<'static>, BTreeSet<String>) {
    let told = Rc::new(RefCell::new(BTreeSet::new()));
    let seen = Rc::clone(&told);
    let mut world = World::new(model, KEY.with_bits(bits), partitions, 1);
    world.observe(move |_, effects| {
        seen.borrow_mut().extend(effects.collisions.iter().map(|collision| collision.second.clone()));
    });
    take(&mut world, inputs);
    world.settle();
    for (name, score) in world.scores() {
        let votes = [score.influence, score.reach, score.network, score.audience];
        assert!(votes.iter().all(|votes| votes.is_finite() && *votes >= 0.0), "{name}: {score:?}");
    }
    let told = told.take();
    assert_eq!(told.is_empty(), world.progress().first_collisions.is_empty());
    (world, told)
}

fn acts<'a>(small: &'a Small) -> Vec<Act<'a>> {
    small.acts().into_iter().filter(|act| act.actor != act.target).collect()
}

fn inputs<'a>(acts: &[Act<'a>]) -> Vec<Input<'a>> {
    acts.iter().copied().map(Input::Act).collect()
}

/// With 8 bits there are 256 people. Of those with one key who meet in a shard, all but the first are told of. The window
/// is longer than the log: a key whose first holder is forgotten may have another one.
#[test]
fn names_with_one_key_are_told_where_they_meet() {
    let model = Model::with_half_life(100_000 * HOUR);
    for (seed, partitions) in (0..60).zip([1, 4, 3, 16].into_iter().cycle()) {
        let small = Small::of_any_span(seed, &Model::with_half_life(HOUR));
        let acts = acts(&small);
        let (_, told) = few_keys(8, &model, partitions, &inputs(&acts));
        for ((shard, key), names) in &known_by_shard(&model, partitions, &acts, |actor| !told.contains(actor)) {
            let untold: Vec<_> = names.iter().filter(|&&name| !told.contains(name)).collect();
            assert!(untold.len() <= 1, "seed {seed}, shard {shard} of {partitions}: {untold:?} share {key:x}");
        }
        let all = known_by_shard(&model, partitions, &acts, |_| true);
        for name in &told {
            let alike = all.values().any(|names| names.len() > 1 && names.contains(name.as_str()));
            assert!(alike, "seed {seed}: {name} met nobody with the same key");
        }
    }
}

/// The names that come to a shard, by shard and key: its people who act, whom they act upon if they are `heard`, and who
/// is acted upon.
fn known_by_shard<'a>(
    model: &Model,
    partitions: u16,
    acts: &[Act<'a>],
    is_heard: impl Fn(&str) -> bool,
) -> BTreeMap<(u16, u64), BTreeSet<&'a str>> {
    let hash = Shard::new(model.clone(), KEY.with_bits(8), 0, 1);
    let mut known = BTreeMap::<_, BTreeSet<_>>::new();
    let home = |name: &str| model.partitioner.partition(name, partitions);
    for act in acts {
        known.entry((home(act.actor), hash.key(act.actor))).or_default().insert(act.actor);
        if is_heard(act.actor) {
            for shard in [home(act.actor), home(act.target)] {
                known.entry((shard, hash.key(act.target))).or_default().insert(act.target);
            }
        }
    }
    known
}

/// Whoever is rated has received what the log says of this very name, from those of whom the log says it.
#[test]
fn names_with_one_key_are_never_merged() {
    let model = Model::with_half_life(HOUR);
    let mut left_out = [0; 3];
    for seed in 200..320 {
        let small = Small::of_any_span(seed, &model);
        let acts = acts(&small);
        for (place, partitions) in [1, 2, 4].into_iter().enumerate() {
            let (world, told) = few_keys(8, &model, partitions, &inputs(&acts));
            left_out[place] += told.len();
            for (name, score) in world.scores() {
                let by = |is_heard: &dyn Fn(&str) -> bool| {
                    let on_them = acts.iter().filter(|act| act.target == name && is_heard(act.actor));
                    Kind::COUNTED
                        .map(|kind| on_them.clone().filter(|act| crate::common::kind(act.kind) == kind).count() as u64)
                };
                let received = score.received.values();
                let (least, most) = (by(&|actor| !told.contains(name) && !told.contains(actor)), by(&|_| true));
                let what = format!("seed {seed}, {partitions} partitions, {name}");
                assert!(
                    (0..received.len()).all(|kind| least[kind] <= received[kind] && received[kind] <= most[kind]),
                    "{what}"
                );
                for fan in world.fans(name) {
                    let is_fan = acts.iter().any(|act| (act.actor, act.target) == (&*fan.name, name));
                    assert!(is_fan, "{what}: {} is no fan", fan.name);
                }
                assert!(score.followers <= acts.iter().filter(|act| act.target == name).count() as u64, "{what}");
            }
        }
    }
    assert!(left_out.iter().all(|&names| names > 100), "{left_out:?}");
}

/// What is left out moves nobody: the others have what they would have if it had never been in the log. All of them are
/// known from the start, as sums are in the order in which people came to be known.
#[test]
fn who_is_left_out_changes_nobodys_score() {
    let model = Model::with_half_life(HOUR);
    for seed in 400..460 {
        let small = Small::of_any_span(seed, &model);
        let acts = acts(&small);
        let (_, told) = few_keys(8, &model, 1, &inputs(&acts));
        let is_heard = |act: &Act<'_>| !told.contains(act.actor) && !told.contains(act.target);
        let heard: BTreeSet<&str> =
            acts.iter().filter(|act| is_heard(act)).flat_map(|act| [act.actor, act.target]).collect();
        let first = acts.iter().find(|act| is_heard(act)).expect("somebody is heard");
        let known =
            heard.iter().filter(|name| **name != first.actor).map(|target| Input::Act(Act { target, ..*first }));
        let known: Vec<Input<'_>> = known.collect();
        let all = [known.clone(), inputs(&acts)].concat();
        let (world, told_again) = few_keys(8, &model, 1, &all);
        assert_eq!(told, told_again, "seed {seed}");
        // Time passes all the same.
        let passed = acts.iter().map(|&act| if is_heard(&act) { Input::Act(act) } else { Input::Clock(act.at_ms) });
        let others = [known, passed.collect()].concat();
        let without = self::world(&model, 1, 1, &others);
        let left_out = acts.iter().filter(|&act| !is_heard(act)).count() as u64;
        assert_eq!(world.progress().taken.collided, left_out, "seed {seed}");
        let (with, without) = (score_bits(&world), score_bits(&without));
        for (name, bits) in &with {
            assert_eq!(Some(bits), without.get(name), "seed {seed}, {name}");
        }
        assert_eq!(with.len(), without.len(), "seed {seed}");
    }
}

/// Two names of one key, both at home in the same of four shards, and two others in each of the other shards.
fn two_alike(hash_key: HashKey) -> ([String; 2], Vec<String>) {
    let model = Model::default();
    let hash = Shard::new(model.clone(), hash_key, 0, 1);
    let home = |name: &str| model.partitioner.partition(name, 4);
    let names = || (0..).map(|number| format!("n{number}"));
    let mut seen = BTreeMap::new();
    let [first, second] = names()
        .find_map(|name| {
            let before = seen.insert((home(&name), hash.key(&name)), name.clone())?;
            Some([before, name])
        })
        .expect("of many names two are alike");
    let others = (0..4).filter(|&shard| shard != home(&first)).flat_map(|shard| {
        let strange = |name: &String| home(name) == shard && hash.key(name) != hash.key(&first);
        names().map(|name| format!("other-{name}")).filter(strange).take(2).collect::<Vec<_>>()
    });
    let others = others.collect();
    ([first, second], others)
}

/// Whatever is done to the second name or by it does not reach the first, whichever way it comes.
#[test]
fn the_second_name_cannot_touch_the_first() {
    let hash_key = KEY.with_bits(16);
    let ([first, second], others) = two_alike(hash_key);
    for partitions in [1, 2, 4] {
        let at = retweet("", "").at;
        let act = |world: &mut World<'_>, actor: &str, kind, target: &str| {
            world.event(&Event { actor, target, kind, at });
        };
        let tell = |with_second: bool| {
            let mut world = World::new(&Model::default(), hash_key, partitions, 1);
            act(&mut world, &others[0], Kind::Retweet, &first);
            act(&mut world, &first, Kind::Retweet, &others[1]);
            act(&mut world, &first, Kind::Follow, &others[2]);
            world.rest();
            if with_second {
                for other in &others {
                    for kind in [Kind::Retweet, Kind::Mention, Kind::Reply, Kind::Follow, Kind::Unfollow, Kind::Follow]
                    {
                        act(&mut world, &second, kind, other);
                        act(&mut world, &second, kind, &first);
                        // Those in the first one's circle aside, whose own scores depend on whom they act upon.
                        if *other != others[0] && *other != others[1] && *other != others[2] {
                            act(&mut world, other, kind, &second);
                        }
                    }
                }
                world.rest();
                for (opted_out, trust) in [(None, Some(0.0)), (Some(false), Some(10.0)), (Some(true), None)] {
                    world.profile(&Profile { user: &second, opted_out, trust, ..Profile::default() });
                    world.rest();
                }
            }
            world.settle();
            world
        };
        let (alone, world) = (tell(false), tell(true));
        assert!(score_bits(&world) == score_bits(&alone), "{partitions} partitions");
        assert_eq!((world.score(&second), world.opted_out(&second)), (None, None), "{partitions} partitions");
        assert_eq!(world.fans(&first).len(), 1, "{partitions} partitions");
        // Acts by it and on it, and its profiles.
        let (others, kinds) = (others.len() as u64, 6);
        let least = others * kinds * 2 + 3;
        let taken = &world.progress().taken;
        assert!(taken.collided >= least + 4 * 3, "{partitions} partitions: {taken:?}");
        let collisions = &world.progress().first_collisions;
        assert_eq!(collisions[0].second, second);
        assert!(collisions.iter().any(|collision| collision.first.as_ref() == Some(&first)), "{collisions:?}");
    }
}

/// Who opts out takes nobody along who has the same key, and nothing breaks.
#[test]
fn names_with_one_key_break_nothing() {
    let model = Model::with_half_life(HOUR);
    for (seed, partitions) in (100..200).zip([1, 4, 3, 16].into_iter().cycle()) {
        let small = Small::of_any_span(seed, &model);
        assert!(!few_keys(3, &model, partitions, &small.inputs()).1.is_empty());
    }
}

/// These two had one key under the key that was once in the source.
#[test]
fn names_that_were_made_to_collide_are_two_people() {
    let [victim, thief] = ["z:kvsgnjidhkr7g", "z:2xrdm2xbbks2c"];
    let once = HashKey::new([0x636c_6f75_7420_6b31, 0x6974_7369_7073_7570]);
    for key in [once, KEY, draw_hash_key().unwrap(), draw_hash_key().unwrap()] {
        for partitions in [1, 4] {
            let mut world = World::new(&Model::default(), key, partitions, 1);
            (0..400).for_each(|fan| world.event(&retweet(&format!("fan-{fan}"), victim)));
            world.event(&retweet(thief, "accomplice"));
            world.rest();
            world.profile(&Profile { user: thief, opted_out: None, trust: Some(0.5), ..Profile::default() });
            world.profile(&Profile { user: thief, opted_out: Some(true), trust: None, ..Profile::default() });
            world.settle();
            assert_eq!(
                world.score(victim).expect("400 people have retweeted them").received.of(vocabulary::Kind::Retweet),
                400
            );
            assert_eq!((world.opted_out(victim), world.opted_out(thief)), (Some(false), Some(true)));
            assert_eq!(world.score("accomplice").map(|score| score.influence), Some(0.0));
            assert_eq!(world.progress().taken.collided, 0);
        }
    }
}

/// Neither a bit of anybody's score nor the order in which people come depends on the key.
#[test]
fn no_result_depends_on_the_key() {
    let model = Model { edges_a_step_max: 300, ..Model::with_half_life(HOUR) };
    let smalls: Vec<Small> = (7_000..7_040).map(|seed| Small::of_any_span(seed, &model)).collect();
    let crowd = Crowd::new(5, 10_000, &model, 12);
    let logs: Vec<Vec<Input<'_>>> = smalls.iter().map(|small| small.inputs()).chain([crowd.inputs()]).collect();
    for (log, inputs) in logs.iter().enumerate() {
        for partitions in [1, 2, 4, 16] {
            let told = |key: HashKey| {
                let mut world = World::new(&model, key, partitions, 1);
                take(&mut world, inputs);
                world.settle();
                let order: Vec<String> = world.scores().map(|(name, _)| name.to_owned()).collect();
                (order, score_bits(&world), world.progress().clone())
            };
            let known = told(KEY);
            for key in [HashKey::new([u64::MAX, 7]), draw_hash_key().unwrap()] {
                assert!(told(key) == known, "log {log} on {partitions} partitions under {:x?}", key.words());
            }
        }
    }
}
