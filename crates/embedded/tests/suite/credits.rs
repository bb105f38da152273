//! Credits: what acts gave, held against every edge that is there in the end; and that nothing else depends on them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use embedded::World;
use influence::{Credit, Effects, Model, Rated, Shard, UserKey};
use vocabulary::{Event, Kind};

use crate::common::{DAY, KEY, event, exact_parts, higgs, scores};

type Pair = (UserKey, UserKey);
/// Acts, and rates that changed.
type Told = (Vec<Credit>, Vec<Rated>);

/// A world of a log, and all credits that it has told.
fn credited(model: &Model, partitions: u16, events: &[Event<'_>]) -> (World<'static>, Told) {
    let told: Arc<Mutex<Told>> = Arc::default();
    let into = Arc::clone(&told);
    let mut world = World::with_credits(model, KEY, partitions, 1);
    world.observe(move |_: &Shard, effects: &Effects| {
        let mut told = into.lock().expect("nobody panics here");
        told.0.extend(effects.credits.iter().flatten());
        told.1.extend(&effects.rated);
    });
    events.iter().for_each(|event| world.event(event));
    world.settle();
    let told = std::mem::take(&mut *told.lock().expect("nobody panics here"));
    (world, told)
}

/// Weight and votes of every edge that is there.
fn edges(world: &World<'_>) -> HashMap<Pair, (f64, f64)> {
    let mut edges = HashMap::new();
    for shard in world.shards() {
        let rates: HashMap<UserKey, f64> = shard.names().map(|name| (shard.key(name), shard.rate(name))).collect();
        let votes = |pair: &influence::Endorsement| pair.weight * rates[&pair.actor];
        edges.extend(shard.pairs().iter().map(|pair| ((pair.actor, pair.target), (pair.weight, votes(pair)))));
    }
    edges
}

/// What is left of what acts gave: the weight of each pair, and what it gives at the newest rate of the actor.
fn by_credits((credits, rated): &Told, now: i64, model: &Model) -> HashMap<Pair, (f64, f64)> {
    let mut newest_acts = HashMap::<Pair, i64>::new();
    for credit in credits {
        let newest = newest_acts.entry((credit.actor, credit.target)).or_insert(credit.at);
        *newest = credit.at.max(*newest);
    }
    let (mut weights, mut rates) = (HashMap::<Pair, f64>::new(), HashMap::<UserKey, (i64, f64)>::new());
    for credit in credits {
        // A pair without an act inside the window is forgotten.
        if newest_acts[&(credit.actor, credit.target)] < now - model.window_ms {
            continue;
        }
        let age = (now - credit.at) as f64 / model.half_life_ms as f64;
        let weight = f64::from(credit.votes) / f64::from(credit.rate) * (-age).exp2();
        *weights.entry((credit.actor, credit.target)).or_default() += weight;
    }
    let acts = credits.iter().map(|credit| (credit.actor, credit.at, credit.rate));
    for (actor, at, rate) in acts.chain(rated.iter().map(|rated| (rated.actor, rated.at, rated.rate))) {
        let newest = rates.entry(actor).or_insert((at, rate.into()));
        if newest.0 <= at {
            *newest = (at, rate.into());
        }
    }
    weights.into_iter().map(|(pair, weight)| (pair, (weight, weight * rates[&pair.0].1))).collect()
}

fn is_near(one: f64, other: f64, share: f64) -> bool {
    (one - other).abs() <= share * one.abs().max(other.abs()) + 1e-12
}

/// Each fan acts on one idol alone and is nobody's, so that no rate changes by more than ageing does.
#[test]
fn what_acts_gave_is_what_is_given() {
    let model = Model { eps: 0.5, ..Model::with_half_life(10 * DAY) };
    let names: Vec<String> = (0..300).map(|number| format!("fan{number}")).collect();
    let idols = ["ana", "bo", "cy", "dee", "eve"];
    let events: Vec<Event<'_>> = (0..300)
        .map(|number| Event {
            actor: &names[number],
            target: idols[number % 5],
            kind: [Kind::Mention, Kind::Reply, Kind::Like][number % 3],
            at: 1_600_000_000_000 + number as i64 * DAY / 20,
        })
        .collect();
    for partitions in [1, 3] {
        let (world, credits) = credited(&model, partitions, &events);
        let now = world.now().expect("a clock");
        let (credits, _) = credits;
        assert_eq!(credits.len(), events.len());
        for idol in idols {
            let key = world.shards().next().expect("a shard").key(idol);
            let of = credits.iter().filter(|credit| credit.target == key);
            let aged = |credit: &Credit| {
                f64::from(credit.votes) * (-((now - credit.at) as f64) / model.half_life_ms as f64).exp2()
            };
            let (given, score) = (of.map(aged).sum::<f64>(), world.score(idol).expect("a score"));
            let published = score.reach * score.amplification * score.network;
            assert!(
                is_near(given, published, 1e-4),
                "{idol} of {partitions}: {given} by credits, {published} published"
            );
        }
    }
}

/// Acts of one pair add up to its weight, whatever else moves, and nothing else changes with credits.
#[test]
fn acts_add_up_to_the_weight_of_each_pair() {
    let Some(log) = higgs() else { return };
    let acts = log.acts();
    let events: Vec<Event<'_>> = acts.iter().take(100_000).map(event).collect();
    let model = Model::with_half_life(DAY);
    for partitions in [1, 4] {
        let (world, credits) = credited(&model, partitions, &events);
        let (told, there) = (by_credits(&credits, world.now().expect("a clock"), &model), edges(&world));
        for (pair, (weight, _)) in &there {
            let found = told.get(pair).map_or(0.0, |(weight, _)| *weight);
            assert!(is_near(found, *weight, 1e-3), "{pair:?}: {found} by credits, and its weight is {weight}");
        }
        let mut without = World::new(&model, KEY, partitions, 1);
        events.iter().for_each(|event| without.event(event));
        without.settle();
        assert!(scores(&world) == scores(&without) && exact_parts(&world) == exact_parts(&without));
    }
}

/// The ten who give most to each of the thousand highest, and the sums, by credits and by a look at every edge.
#[test]
fn who_gives_most_is_who_credits_say() {
    let Some(log) = higgs() else { return };
    let acts = log.acts();
    let events: Vec<Event<'_>> = acts.iter().map(event).collect();
    for half_life_ms in [DAY, 30 * DAY] {
        let model = Model::with_half_life(half_life_ms);
        let (world, credits) = credited(&model, 4, &events);
        let told = by_credits(&credits, world.now().expect("a clock"), &model);
        let there = edges(&world);
        let by_target = |edges: &HashMap<Pair, (f64, f64)>| {
            let mut fans: HashMap<UserKey, Vec<(f64, UserKey)>> = HashMap::new();
            edges.iter().for_each(|((actor, target), (_, votes))| {
                fans.entry(*target).or_default().push((*votes, *actor));
            });
            let by_votes =
                |one: &(f64, UserKey), other: &(f64, UserKey)| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1));
            fans.values_mut().for_each(|fans| fans.sort_by(by_votes));
            fans
        };
        let (told, there) = (by_target(&told), by_target(&there));
        let key = world.shards().next().expect("a shard");
        let mut ranking: Vec<(f64, UserKey)> =
            world.scores().map(|(name, score)| (score.influence, key.key(name))).collect();
        ranking.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        let (mut places, mut same, mut off, mut errors) = (0, 0, 0, Vec::new());
        for (_, person) in ranking.iter().take(1_000) {
            let (told, there) = (told.get(person).map_or(&[][..], Vec::as_slice), &there[person][..]);
            let top = &there[..there.len().min(10)];
            // Of those who give as much as the tenth any are right.
            let least = top.last().map_or(0.0, |(votes, _)| votes * 0.999_999);
            let votes: HashMap<UserKey, f64> = there.iter().map(|(votes, fan)| (*fan, *votes)).collect();
            let found =
                told.iter().take(top.len()).filter(|(_, fan)| votes.get(fan).is_some_and(|votes| *votes >= least));
            (places, same) = (places + top.len(), same + found.count());
            let sums = [told, there].map(|fans| fans.iter().map(|(votes, _)| votes).sum::<f64>());
            errors.push((sums[0] / sums[1] - 1.0).abs());
            off += usize::from((sums[0] / sums[1] - 1.0).abs() > 0.05);
        }
        errors.sort_by(f64::total_cmp);
        eprintln!(
            "half-life {} d: {same} of {places} places, sums off by {:.4} in the median, {:.4} at 99 %, {:.4} at most; {off} by more than 5 %",
            half_life_ms / DAY,
            errors[500],
            errors[990],
            errors[999]
        );
        assert!(10 * same >= 9 * places, "{same} of {places}");
        assert_eq!(off, 0, "off by more than 5 %: {off}");
    }
}
