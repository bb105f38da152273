//! What endorsement farms get out of the model: one day of farming, half-life 24 hours, planted into a real log.
//!
//! Farms touch nobody else, so their votes are the same with and without the log; what it adds is the place they reach.
//! Accounts that are known get `votes`, since
//! - a pair counts as returned by what is left of its acts, so the further apart in time they lie, the more open it looks;
//! - nobody returns anything in a tournament, so its circle is not seen as closed at all.
//!
//! Fresh ones get at most `wished`: there is no room for more.

use std::iter::repeat_n;

use crate::common::{Dice, HALF_LIFE_MS, HIGGS, HOUR_MS, log};
use oracle::{Act, Input, Kind, Model, Outcome, Person, Room, snap};

const FARM_HOURS: i64 = 24;
const AS_OF_HOURS: i64 = 96;
const CLIQUE: usize = 50;
const SILENT: usize = 1_000;

/// Who acts on whom, by number, in order of time.
type Plan = Vec<(usize, usize)>;

struct Farm {
    name: &'static str,
    kind: Kind,
    plan: Plan,
    /// What its best member has at most while its accounts are fresh.
    wished: f64,
    /// What its best member has where strangers have room without bound.
    votes: f64,
}

fn farm(name: &'static str, wished: f64, votes: f64, plan: Plan) -> Farm {
    Farm { name, kind: Kind::Retweet, plan, wished, votes }
}

fn farms() -> Vec<Farm> {
    let silent = (1..=SILENT).map(|follower| (follower, 0)).collect();
    vec![
        farm("super fan", 2.0, 2.230, times(1_000, vec![(0, 1)])),
        farm("pair ring", 0.5, 0.273, times(100, vec![(0, 1), (1, 0)])),
        farm("clique, a pair at a time", 2.0, 0.862, clique_by_pair()),
        farm("clique, at random", 2.0, 11.13, shuffled(clique_by_distance())),
        farm("clique, by distance", 2.0, 12.74, clique_by_distance()),
        farm("clique tenfold, a pair at a time", 2.0, 2.251, times(10, clique_by_pair())),
        farm("clique tenfold, by distance", 2.0, 4.832, times(10, clique_by_distance())),
        farm("boss of fans", 50.0, 96.03, shuffled(boss())),
        farm("boss of a clique", 11.0, 86.67, shuffled(joined(clique_by_distance(), boss()))),
        farm("boss of a tenfold clique", 11.0, 45.62, shuffled(joined(times(10, clique_by_distance()), boss()))),
        farm("tournament", 2.0, 18.31, tournament()),
        farm("tournament tenfold", 2.0, 76.51, times(10, tournament())),
        Farm { kind: Kind::Follow, ..farm("silent followers", 0.0, 0.0, silent) },
    ]
}

/// Everybody acts on everybody, each time on somebody one further away.
fn clique_by_distance() -> Plan {
    circles(CLIQUE - 1)
}

/// Each pair acts in one direction only.
fn tournament() -> Plan {
    circles(CLIQUE / 2 - 1)
}

fn circles(steps: usize) -> Plan {
    (1..=steps).flat_map(|step| (0..CLIQUE).map(move |member| (member, (member + step) % CLIQUE))).collect()
}

/// Everybody acts on everybody, the two acts of a pair one after the other.
fn clique_by_pair() -> Plan {
    let pairs = shuffled((0..CLIQUE).flat_map(|one| (0..one).map(move |other| (one, other))).collect());
    pairs.into_iter().flat_map(|(one, other)| [(one, other), (other, one)]).collect()
}

/// Everybody acts twenty times on one who acts on nobody.
fn boss() -> Plan {
    times(20, (0..CLIQUE).map(|member| (member, CLIQUE)).collect())
}

fn times(count: usize, plan: Plan) -> Plan {
    repeat_n(plan, count).flatten().collect()
}

fn joined(one: Plan, other: Plan) -> Plan {
    [one, other].concat()
}

fn shuffled(mut plan: Plan) -> Plan {
    Dice::new(3).shuffle(&mut plan);
    plan
}

fn member(farm: &Farm, number: usize) -> String {
    format!("{}#{number}", farm.name)
}

/// A farm's acts, each with the names of its actor and target, spread evenly over the hours before the end.
fn events(farm: &Farm, end_ms: i64) -> Vec<(String, String, Kind, i64)> {
    let begin_ms = end_ms - FARM_HOURS * HOUR_MS;
    let at_ms = |place: usize| begin_ms + FARM_HOURS * HOUR_MS * (place as i64 + 1) / farm.plan.len() as i64;
    let event = |(place, &(actor, target))| (member(farm, actor), member(farm, target), farm.kind, at_ms(place));
    farm.plan.iter().enumerate().map(event).collect()
}

/// All farms among the others' acts.
fn planted(farms: &[Farm], others: &[Act<'_>], end_ms: i64, room: Room) -> Outcome {
    let events: Vec<_> = farms.iter().flat_map(|farm| events(farm, end_ms)).collect();
    let farmed = events.iter().map(|&(ref actor, ref target, kind, at_ms)| Act { actor, target, kind, at_ms });
    let mut acts: Vec<Act<'_>> = others.iter().copied().filter(|act| act.at_ms <= end_ms).chain(farmed).collect();
    acts.sort_by_key(|act| act.at_ms);
    let model = Model { room, ..Model::new(HALF_LIFE_MS) };
    oracle::score(&model, acts.into_iter().map(Input::Act), Some(end_ms))
}

fn best<'o>(outcome: &'o Outcome, farm: &Farm) -> &'o Person {
    let prefix = format!("{}#", farm.name);
    let members = outcome.people.range(prefix.clone()..).take_while(|(name, _)| name.starts_with(&prefix));
    members
        .map(|(_, person)| person)
        .max_by(|one, other| one.influence.total_cmp(&other.influence))
        .expect("a farm has members")
}

fn boundless() -> Room {
    Room { n0: 1e9, m: 1e9, ..Room::default() }
}

fn print(farms: &[Farm], outcome: &Outcome) {
    for farm in farms {
        let Person { influence, gross, closed, .. } = best(outcome, farm);
        let place = 1 + outcome.people.values().filter(|person| person.influence > *influence).count();
        let Farm { name, wished, .. } = farm;
        eprintln!("{name:32} wished {wished:4} votes {influence:7.3} G {gross:7.3} a {closed:.3} place {place}");
    }
}

/// Prints the table, then holds it against the votes that are known.
#[track_caller]
fn check(farms: &[Farm], outcome: &Outcome) {
    print(farms, outcome);
    for farm in farms {
        let votes = best(outcome, farm).influence;
        assert!((votes - farm.votes).abs() <= 0.005 * farm.votes, "{}: {votes} is not {}", farm.name, farm.votes);
    }
}

#[test]
fn farms_alone() {
    let farms = farms();
    check(&farms, &planted(&farms, &[], AS_OF_HOURS * HOUR_MS, boundless()));
}

#[test]
fn farms_among_the_crowd() {
    let Some(text) = log(HIGGS) else { return };
    let acts = snap::read(&text, Kind::Retweet).unwrap();
    let farms = farms();
    let end_ms = acts[0].at_ms + AS_OF_HOURS * HOUR_MS;
    check(&farms, &planted(&farms, &acts, end_ms, boundless()));
    let fresh = planted(&farms, &acts, end_ms, Room::default());
    print(&farms, &fresh);
    for farm in &farms {
        let votes = best(&fresh, farm).influence;
        assert!(votes <= farm.wished, "{}: {votes} votes, and {} are wished", farm.name, farm.wished);
    }
}
