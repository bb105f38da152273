//! Holding the shards at the end of a run against the oracle, which knows nothing of epochs, partitions and faults.

use std::collections::{BTreeMap, BTreeSet};

use influence::exchange::Section;
use influence::{Effects, Shard, Slice};
use oracle::compare::Amounts;
use oracle::{Act, Input, Level, Outcome, Person, Profile};
use pipeline::Clock;
use vocabulary::{Kind, Received, Score};

use crate::judge::{self, History};
use crate::run::Simulation;

/// The model's bound at the default thresholds, and room for the accuracy of `g`.
const WORST: f64 = 0.072;
/// Steps within which copies of the shards settle.
const STEPS_MAX: usize = 5_000;

/// So much earlier a shard may forget somebody than the oracle, whatever breaks: it hears of acts in other shards later, and
/// the oracle's clock follows events that are ahead.
const HEARD_LATE_MS: i64 = 10_000;

/// Copies of all shards are brought to one time and to rest; everybody is then within the bound. Returns how many people
/// were forgotten.
pub(crate) fn check(simulation: &Simulation<'_>, history: &History) -> Result<u64, String> {
    let shards = (0..simulation.scenario.shards)
        .filter_map(|shard| simulation.live_worker(shard).and_then(|worker| worker.shard(shard)).cloned());
    let newest = history.slices.iter().flat_map(|slice| &slice.events).map(|act| act.at).max();
    let shards = settled(shards.collect(), newest.unwrap_or(i64::MIN))?;
    let now = shards.iter().filter_map(Shard::now).max();
    let inputs = inputs(history, simulation.scenario.clock);
    let outcome = |forget_after_ms| {
        let inputs = inputs.iter().copied().chain(now.map(Input::Clock));
        oracle::score(&oracle::Model { forget_after_ms, ..model(simulation) }, inputs, None)
    };
    let truth = outcome(None);
    let engine: BTreeMap<&str, Score> = shards.iter().flat_map(Shard::scores).collect();
    let scenario = simulation.scenario;
    let late_ms = if scenario.shards == 1 && !scenario.has_events_ahead() { 0 } else { HEARD_LATE_MS };
    let least = match scenario.model.forget_after_ms {
        None => Some(truth.clone()),
        Some(after_ms) if after_ms > late_ms => Some(outcome(Some(after_ms - late_ms))),
        Some(_) => None,
    };
    check_exact_parts(&engine, least.as_ref(), &truth)?;
    let pairs: usize = shards.iter().map(|shard| shard.pairs().len()).sum();
    if pairs != truth.pairs.len() {
        return Err(format!("there are {pairs} pairs, and should be {}", truth.pairs.len()));
    }
    check_amounts(&shards, &engine, &truth)?;
    check_forgetting(simulation, shards.clone(), &engine, &truth)?;
    let has_all = |(name, person): &(&String, &Person)| {
        engine.get(name.as_str()).is_some_and(|score| score.received == received(person))
    };
    let rated = truth.people.iter().filter(|(_, person)| person.has_record);
    Ok(rated.filter(|person| !has_all(person)).count() as u64)
}

fn received(person: &Person) -> Received {
    Received::from(Kind::COUNTED.map(|known| (known, person.received.of(kind(known)))))
}

/// Who has a record, and with which counts: no more than what ever came, and what is remembered at least.
fn check_exact_parts(engine: &BTreeMap<&str, Score>, least: Option<&Outcome>, most: &Outcome) -> Result<(), String> {
    let rated = |outcome: &Outcome| -> BTreeSet<String> {
        let rated = outcome.people.iter().filter(|(_, person)| person.has_record);
        rated.map(|(name, _)| name.clone()).collect()
    };
    let (found, most_rated) = (engine.keys().map(|&name| name.to_owned()).collect(), rated(most));
    let least_rated = least.map(rated).unwrap_or_default();
    if !most_rated.is_superset(&found) || !least_rated.is_subset(&found) {
        return Err(format!("{found:?} are rated, and should be {least_rated:?}, of {most_rated:?} at most"));
    }
    for (user, score) in engine {
        let person = most.person(user);
        let (most, least) = (received(&person), least.map(|least| received(&least.person(user))).unwrap_or_default());
        let is_between = most.has_all_of(&score.received) && score.received.has_all_of(&least);
        if !is_between || (score.followers, score.following) != (person.followers, person.following) {
            return Err(format!(
                "{user} has {:?}, and should have {:?}, with counts from {least:?} to {most:?}",
                (score.received, score.followers, score.following),
                (person.followers, person.following)
            ));
        }
    }
    Ok(())
}

/// As much later as the model says, just those who had neither a fan nor a follower are forgotten.
fn check_forgetting(
    simulation: &Simulation<'_>,
    shards: Vec<Shard>,
    engine: &BTreeMap<&str, Score>,
    truth: &Outcome,
) -> Result<(), String> {
    let Some(after_ms) = simulation.scenario.model.forget_after_ms else { return Ok(()) };
    let later = settled(shards, truth.now_ms.saturating_add(after_ms))?;
    let left: BTreeSet<&str> = later.iter().flat_map(Shard::scores).map(|(name, _)| name).collect();
    let is_heard = |name: &&str| {
        let person = truth.person(name);
        person.fans > 0 || person.followers > 0
    };
    let heard: BTreeSet<&str> = engine.keys().copied().filter(is_heard).collect();
    match left == heard {
        true => Ok(()),
        false => Err(format!("after a silence {left:?} are rated, and should be {heard:?}")),
    }
}

/// Followers' levels are announced in time; under those that were, everybody's influence is within the bound.
fn check_amounts(shards: &[Shard], engine: &BTreeMap<&str, Score>, truth: &Outcome) -> Result<(), String> {
    let level = |name: &str| shards.iter().find_map(|shard| shard.follower_level(name)).unwrap_or(0);
    let announced = truth.people.keys().map(|name| (name.clone(), Level::ALL[usize::from(level(name))]));
    let audience = truth.audience_under(&announced.collect());
    for (user, score) in engine {
        if (score.audience - audience[*user]).abs() > 1e-9 {
            return Err(format!("{user} has an audience of {}, and should have {}", score.audience, audience[*user]));
        }
    }
    let amounts = |(user, score): (&&str, &Score)| {
        let gross = score.reach * score.amplification * score.network;
        ((*user).to_owned(), Amounts { gross, net: gross * score.openness * score.room, influence: score.influence })
    };
    let engine: BTreeMap<String, Amounts> = engine.iter().map(amounts).collect();
    let known = truth.people.iter().filter(|(name, _)| engine.contains_key(name.as_str()));
    let amounts = |(user, person): (&String, &Person)| {
        let influence = person.net + audience[user.as_str()];
        (user.clone(), Amounts { gross: person.gross, net: person.net, influence })
    };
    let known: BTreeMap<String, Amounts> = known.map(amounts).collect();
    let comparison = oracle::compare::compare(&known, &engine, usize::MAX);
    let worst = comparison.gross.worst.max(comparison.net.worst).max(comparison.influence.worst);
    if worst > WORST || worst.is_nan() {
        return Err(format!("influence is not within the bound: {comparison}"));
    }
    Ok(())
}

fn settled(mut shards: Vec<Shard>, newest: i64) -> Result<Vec<Shard>, String> {
    let clock = shards.iter().filter_map(Shard::now).max();
    let Some(clock) = clock.map(|clock| clock.max(newest)) else { return Ok(shards) };
    let mut told: Vec<Vec<Section>> = vec![Vec::new(); shards.len()];
    let (mut effects, mut quiet) = (Effects::default(), 0);
    for _ in 0..STEPS_MAX {
        let taken = std::mem::replace(&mut told, vec![Vec::new(); shards.len()]);
        let mut is_quiet = taken.iter().all(Vec::is_empty);
        for (shard, taken) in shards.iter_mut().zip(&taken) {
            let exchange: Vec<&Section> = taken.iter().collect();
            let sweep = shard.people_len();
            shard.step(&Slice { clock, exchange: &exchange, sweep, publishes: true, ..Slice::default() }, &mut effects);
            for (target, section) in effects.exchange.drain(..).enumerate().filter(|(_, told)| !told.is_empty()) {
                told[target].push(section);
            }
            is_quiet &= shard.is_at_rest();
        }
        quiet = if is_quiet { quiet + 1 } else { 0 };
        // A small budget of edges lets a sweep visit few at a time.
        if quiet > 100 {
            return Ok(shards);
        }
    }
    Err("copies of the shards do not settle".into())
}

fn model(simulation: &Simulation<'_>) -> oracle::Model {
    let model = &simulation.scenario.model;
    let influence::Room { n0, m, c, lateness_ms } = model.room;
    oracle::Model {
        window_ms: model.window_ms,
        rho: model.rho,
        room: oracle::Room { n0, m, c, lateness_ms },
        mu: model.mu,
        mantissa_bits: Some(17),
        ..oracle::Model::new(model.half_life_ms)
    }
}

/// All that was taken, by the clocks of the slices, where those are not events' own.
fn inputs(history: &History, clock: Clock) -> Vec<Input<'_>> {
    let mut inputs = Vec::new();
    for slice in &history.slices {
        let profiles = slice.profiles.iter().map(|(user, opted_out, trust)| Profile {
            user,
            opted_out: *opted_out,
            trust: *trust,
            ..Profile::default()
        });
        inputs.extend(profiles.map(Input::Profile));
        if clock == Clock::Wall && slice.clock > i64::MIN {
            inputs.push(Input::Clock(slice.clock));
        }
        // What does not count is still told when it is.
        let act = |act| match act {
            &judge::Act { at, counts: false, .. } => (clock == Clock::Event).then_some(Input::Clock(at)),
            judge::Act { actor, target, kind: known, at, .. } => {
                Some(Input::Act(Act { actor, target, kind: kind(*known), at_ms: *at }))
            }
        };
        inputs.extend(slice.events.iter().filter_map(act));
    }
    inputs
}

/// A kind in the oracle's words.
pub(crate) fn kind(kind: Kind) -> oracle::Kind {
    oracle::Kind::of_word(kind.word()).expect("the oracle knows all kinds")
}
