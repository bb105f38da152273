//! Laws of the model that hold in every world.
use std::collections::{BTreeMap, BTreeSet};

use crate::common::*;
use embedded::World;
use influence::{Arrival, Effects, Model, Shard, Slice};
use oracle::{Act, Input, Profile};
use vocabulary::{Event, Kind};

/// One event more, now, and nothing else: what became of the shards' world by it.
fn step(shard: &mut Shard, event: Event<'_>) -> Effects {
    let clock = shard.now().expect("the shard has taken events");
    let mut effects = Effects::default();
    let events = [Arrival { clock, event }];
    shard.step(&Slice { clock, events: &events, ..Slice::default() }, &mut effects);
    effects
}

/// An act of anybody on anybody, at most half a window old.
fn any_event<'a>(dice: &mut Dice, names: &'a [String], shard: &Shard, model: &Model) -> Event<'a> {
    let actor = dice.roll(names.len());
    let target = (actor + 1 + dice.roll(names.len() - 1)) % names.len();
    let age = if dice.roll(2) == 0 { 0 } else { dice.roll(model.window_ms as usize / 2) as i64 };
    let at = shard.now().expect("the shard has taken events") - age;
    let kind = [Kind::Retweet, Kind::Mention, Kind::Reply, Kind::Follow][dice.roll(4)];
    Event { actor: &names[actor], target: &names[target], kind, at }
}

/// The thresholds are so coarse that most acts move no rate; those that do are left out.
#[test]
fn an_act_never_lowers_its_targets_influence_while_rates_stand() {
    let model = Model { eps: 0.5, ..Model::with_half_life(HOUR) };
    let (mut held, mut tried) = (0, 0);
    for seed in 0..60 {
        let small = Small::new(seed, &model, 0.7);
        let world = world(&model, 1, 1, &small.inputs());
        let shard = world.shards().next().expect("there is one");
        let mut dice = Dice::new(seed);
        for _ in 0..60 {
            let event = any_event(&mut dice, small.names(), shard, &model);
            let mut after = shard.clone();
            let effects = step(&mut after, event);
            tried += 1;
            if effects.taken.pushed_edges > 0 {
                continue;
            }
            held += 1;
            let Some(new) = after.score(event.target) else { continue };
            let Some(old) = shard.score(event.target) else { continue };
            let no_less = |new: f64, old: f64| new >= old * (1.0 - 1e-13);
            assert!(no_less(new.influence, old.influence), "seed {seed}, {event:?}: {new:?} {old:?}");
            assert!(no_less(new.reach, old.reach), "seed {seed}, {event:?}: {new:?} {old:?}");
            assert!(new.audience >= old.audience, "seed {seed}, {event:?}: {new:?} {old:?}");
        }
    }
    assert!(held * 2 > tried, "{held} of {tried} acts moved no rate");
}

/// What the actor's shard tells the target's of an act: more, never less.
#[test]
fn an_act_never_enters_its_targets_sums_negatively() {
    let model = Model { eps: 0.5, ..Model::with_half_life(HOUR) };
    let mut seen = 0;
    for seed in 100..160 {
        let small = Small::new(seed, &model, 0.7);
        let world = world(&model, 2, 1, &small.inputs());
        let shard = world.shards().next().expect("there are two");
        let mut dice = Dice::new(seed);
        for _ in 0..60 {
            let event = any_event(&mut dice, small.names(), shard, &model);
            let effects = step(&mut shard.clone(), event);
            if effects.taken.pushed_edges > 0 {
                continue;
            }
            for entry in &effects.exchange[1].endorse {
                assert_eq!(entry.target, shard.key(event.target));
                let change = entry.change;
                assert!(change.given >= 0.0 && change.reach >= 0.0 && change.weight >= 0.0, "{event:?}: {change:?}");
                assert!(change.whole >= 0.0 && change.known >= 0.0 && change.newest >= 0.0, "{event:?}: {change:?}");
                assert!(change.fans >= 0, "{event:?}: {change:?}");
                seen += 1;
            }
        }
    }
    assert!(seen > 300, "{seen} acts told of");
}

fn ranking(world: &World<'_>) -> Vec<String> {
    let mut ranked: Vec<_> = world.scores().map(|(name, score)| (score.influence, name.to_owned())).collect();
    ranked.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    ranked.into_iter().map(|(_, name)| name).collect()
}

#[test]
fn time_alone_changes_no_order_while_nothing_is_forgotten() {
    let model = Model::with_half_life(HOUR);
    for seed in 200..260 {
        let small = Small::new(seed, &model, 0.1);
        let inputs: Vec<Input<'_>> = small.inputs().into_iter().filter(|input| !is_follow(input)).collect();
        let mut world = world(&model, [1, 4][(seed % 2) as usize], 1, &inputs);
        let (before, pairs) = (ranking(&world), world.sizes().edges);
        let now = world.now().expect("there are acts");
        // The oldest act that counts is 0.6 windows old.
        for age in [1, 7 * HOUR / 13, HOUR, 2 * HOUR] {
            world.advance(now + age);
            world.settle();
            assert_eq!(ranking(&world), before, "seed {seed} after {age} ms");
        }
        assert_eq!(world.sizes().edges, pairs);
    }
}

/// Everybody's numbers without the history of publishing.
fn numbers(world: &World<'_>) -> BTreeMap<String, Vec<u64>> {
    let of = |score: &vocabulary::Score| {
        let numbers = score.factors().map(|(_, factor)| factor.to_bits());
        let exact = score.received.values().iter().copied().chain([score.followers, score.following]);
        exact.chain(numbers).chain([score.influence.to_bits(), score.score.to_bits()]).collect()
    };
    world.scores().map(|(name, score)| (name.to_owned(), of(&score))).collect()
}

fn levels(world: &World<'_>, names: &[String]) -> Vec<Option<u8>> {
    let level = |name: &String| world.shards().find_map(|shard| shard.follower_level(name));
    names.iter().map(level).collect()
}

#[test]
fn an_unfollow_takes_a_follow_back_exactly() {
    let model = Model::with_half_life(HOUR);
    let (mut tried, mut same_levels) = (0, 0);
    for seed in 300..400 {
        let small = Small::new(seed, &model, 0.7);
        let inputs = small.inputs();
        let truth = truth(&model, &inputs);
        let rated: Vec<&str> = truth.people.iter().filter(|(_, p)| p.has_record).map(|(name, _)| &**name).collect();
        let mut dice = Dice::new(seed);
        let (actor, target) = (&small.names()[dice.roll(small.names().len())], rated[dice.roll(rated.len())]);
        if truth.follow(actor, target).is_some() || truth.person(actor).opted_out || actor == target {
            continue;
        }
        let act = |kind| Input::Act(Act { actor, target, kind, at_ms: truth.now_ms });
        let (follow, unfollow) = (act(oracle::Kind::Follow), act(oracle::Kind::Unfollow));
        let partitions = [1, 4][(seed % 2) as usize];
        let mut without = world(&model, partitions, 1, &inputs);
        without.settle();
        // At once, and after everybody has heard of the follow.
        for is_heard in [false, true] {
            let mut with = world(&model, partitions, 1, &inputs);
            take(&mut with, &[follow]);
            if is_heard {
                with.rest();
                let before = without.score(target).expect("the target is rated").followers;
                assert_eq!(with.score(target).expect("the target is rated").followers, before + 1);
            }
            take(&mut with, &[unfollow]);
            with.settle();
            tried += 1;
            // A level may outlive what it was announced for: by two points.
            if levels(&with, small.names()) == levels(&without, small.names()) {
                same_levels += 1;
                assert_eq!(numbers(&with), numbers(&without), "seed {seed}");
            }
        }
    }
    assert!(tried > 100 && same_levels * 10 > tried * 9, "{same_levels} of {tried} worlds with the same levels");
}

/// Both worlds have the same clock; in the other, the person never did anything.
#[test]
fn erasure_leaves_what_a_world_without_that_persons_acts_has() {
    for (model, bound) in [(Model::with_half_life(HOUR), 0.14), (fine(Model::with_half_life(HOUR)), 2e-5)] {
        for seed in 400..500 {
            let small = Small::of_any_span(seed, &model);
            let mut dice = Dice::new(seed);
            let user = small.names()[dice.roll(small.names().len())].as_str();
            // Only acts: a profile of theirs would erase them before.
            let acts = small.acts();
            let erased = Profile { user, opted_out: Some(true), trust: None, ..Profile::default() };
            eprintln!("seed {seed}");
            check_erasure(&model, [1, 4][(seed % 2) as usize], &acts, erased, bound);
        }
    }
}

fn check_erasure(model: &Model, partitions: u16, acts: &[Act<'_>], erased: Profile<'_>, bound: f64) {
    let user = erased.user;
    let erased = Input::Profile(erased);
    let with: Vec<Input<'_>> = acts.iter().copied().map(Input::Act).chain([erased]).collect();
    let without: Vec<Input<'_>> = acts
        .iter()
        .filter(|act| act.actor != act.target)
        .map(|act| if act.actor == user { Input::Clock(act.at_ms) } else { Input::Act(*act) })
        .chain([erased])
        .collect();
    let (with, without) = (world(model, partitions, 1, &with), world(model, partitions, 1, &without));
    assert_eq!(with.score(user), None);
    let (with, without) = (scores(&with), scores(&without));
    let names: BTreeSet<&String> = with.keys().chain(without.keys()).collect();
    for name in names {
        let erased = with.get(name).unwrap_or_else(|| panic!("{name} has lost the record"));
        let gross = |score: &vocabulary::Score| score.reach * score.amplification * score.network;
        match without.get(name) {
            // Only the erased person had acted on them: the record stays, and has nothing in it but counts.
            None => assert_eq!((erased.influence, erased.reach, erased.followers), (0.0, 0.0, 0), "{name}"),
            Some(never) => {
                assert_eq!((erased.followers, erased.following), (never.followers, never.following), "{name}");
                assert!((erased.reach / never.reach - 1.0).abs() < 1e-11 || erased.reach == never.reach, "{name}");
                let error = (gross(erased) - gross(never)).abs();
                assert!(error <= bound * gross(never), "{name}: {} is not {}", gross(erased), gross(never));
            }
        }
    }
}
