//! What endorsement farms get out of the score: a day of farming, half-life 24 hours, planted into a real log, as of its
//! hour 96. The farms touch nobody else, so their votes are the same in any log; what the log adds is the place.
//!
//! Limits are known and measured here, not hidden. Many fresh accounts that act on one person are fans, as far as events
//! can tell; they get what fans get. How far a pair is mutual is judged by what is left of both sides'
//! acts, so a circle that answers hours later looks more open than it is. And in a tournament nobody returns anything:
//! every pair acts one way only, and no circle of two is there to be seen.
mod common;

use std::fmt::Write;

use common::*;
use embedded::World;
use expect_test::expect;
use influence::{Model, Shard};
use oracle::{Act, Input};
use vocabulary::{Event, Kind, Score, Timestamp};
use worlds::Farm;

const AS_OF_HOURS: i64 = 96;
const FARM_HOURS: i64 = 24;
const MEMBERS: usize = 50;

/// A farm, and the votes that its best member gets at most.
struct Planted {
    what: &'static str,
    votes_max: f64,
    events: Vec<(String, String, Kind, Timestamp)>,
}

fn farmed(number: u32, what: &'static str, votes_max: f64, farm: Farm, end: Timestamp) -> Planted {
    let attack = farm.attack(number, end - FARM_HOURS * HOUR..end, 7).expect("a farm that is one");
    let owned = |event: Event<'_>| (event.actor.to_owned(), event.target.to_owned(), event.kind, event.at);
    Planted { what, votes_max, events: attack.events().map(owned).collect() }
}

/// Retweets in this order, spread evenly over the day.
fn in_order(what: &'static str, votes_max: f64, pairs: &[(usize, usize)], end: Timestamp) -> Planted {
    let name = |member: usize| format!("{what} {member}");
    let at = |place: usize| end - FARM_HOURS * HOUR * (pairs.len() - place) as i64 / pairs.len() as i64;
    let event =
        |(place, &(actor, target)): (usize, &(usize, usize))| (name(actor), name(target), Kind::Retweet, at(place));
    Planted { what, votes_max, events: pairs.iter().enumerate().map(event).collect() }
}

/// Everybody acts on the next so many in the round.
fn rounds(steps: usize) -> Vec<(usize, usize)> {
    (1..=steps).flat_map(|step| (0..MEMBERS).map(move |member| (member, (member + step) % MEMBERS))).collect()
}

fn shuffled(mut pairs: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    Dice::new(3).shuffle(&mut pairs);
    pairs
}

fn farms(end: Timestamp) -> Vec<Planted> {
    let clique = |acts| Farm::Clique { members: 50, acts };
    let boss = |acts| Farm::CliqueWithBoss { members: 50, acts, boss_acts: 20 };
    vec![
        farmed(0, "super fan, 1,000 retweets", 2.5, Farm::SuperFan { acts: 1000 }, end),
        farmed(1, "pair ring, 100 each", 0.5, Farm::PairRing { acts: 100 }, end),
        farmed(2, "clique of 50", 2.0, clique(1), end),
        farmed(3, "clique of 50, tenfold", 5.0, clique(10), end),
        farmed(4, "boss of a clique, 20 each", 45.0, boss(1), end),
        farmed(5, "boss of a clique, tenfold", 45.0, boss(10), end),
        farmed(6, "sybil star of 1,000", 1000.0, Farm::SybilStar { members: 1000 }, end),
        farmed(7, "1,000 silent followers", 0.0, Farm::FollowerFarm { members: 1000 }, end),
        // The known limits.
        in_order("clique in random order", 13.0, &shuffled(rounds(MEMBERS - 1)), end),
        in_order("clique answering late", 14.0, &rounds(MEMBERS - 1), end),
        in_order("tournament", 20.0, &shuffled(rounds(MEMBERS / 2 - 1)), end),
    ]
}

/// The log up to the end, with all farms in it.
fn planted<'a>(farms: &'a [Planted], acts: Vec<Act<'a>>, end: Timestamp) -> Vec<Input<'a>> {
    let mut all: Vec<Act<'a>> = acts.into_iter().filter(|act| act.at_ms <= end).collect();
    for (actor, target, kind, at) in farms.iter().flat_map(|farm| &farm.events) {
        all.push(from_event(&Event { actor, target, kind: *kind, at: *at }));
    }
    all.sort_by_key(|act| act.at_ms);
    all.into_iter().map(Input::Act).chain([Input::Clock(end)]).collect()
}

/// The member with the most influence, and the place in the world.
fn best(world: &World<'_>, farm: &Planted) -> (Score, usize) {
    let members: std::collections::BTreeSet<&str> =
        farm.events.iter().flat_map(|(actor, target, ..)| [actor.as_str(), target.as_str()]).collect();
    let scores = members.into_iter().filter_map(|name| world.score(name));
    let best = scores.max_by(|one, other| one.influence.total_cmp(&other.influence)).expect("a farm has members");
    let place = 1 + world.scores().filter(|(_, score)| score.influence > best.influence).count();
    (best, place)
}

/// At the default thresholds the bounds hold; the table is of fine ones, so that no rounding moves a place.
#[test]
fn farms_in_a_real_log() {
    let Some(log) = higgs() else { return };
    let acts = log.acts();
    let end = acts[0].at_ms + AS_OF_HOURS * HOUR;
    let farms = farms(end);
    let inputs = planted(&farms, acts, end);
    let model = Model::with_half_life(DAY);
    let truth = truth(&model, &inputs);
    let usual = world(&model, 4, 2, &inputs);
    hold(&truth, &usual.shards().collect::<Vec<&Shard>>(), Bound::DEFAULT);
    let sharp = world(&fine(model), 1, 1, &inputs);
    hold(&truth, &sharp.shards().collect::<Vec<&Shard>>(), Bound::FINE);
    let mut table = format!("{:26} {:>6} {:>7} {:>7} {:>5} {:>6}\n", "", "acts", "votes", "at most", "score", "place");
    for farm in &farms {
        let (best, place) = self::best(&sharp, farm);
        let (acts, votes, points) = (farm.events.len(), best.influence, best.score);
        writeln!(table, "{:26} {acts:>6} {votes:>7.2} {:>7.1} {points:>5.1} {place:>6}", farm.what, farm.votes_max)
            .expect("a string takes all");
        for votes in [votes, self::best(&usual, farm).0.influence] {
            assert!(votes <= farm.votes_max, "{}: {votes} votes", farm.what);
        }
    }
    expect![[r#"
                                     acts   votes at most score  place
        super fan, 1,000 retweets    1000    2.23     2.5  12.4   8096
        pair ring, 100 each           200    0.27     0.5   2.5  36790
        clique of 50                 2450    0.85     2.0   6.5  19944
        clique of 50, tenfold       24500    2.24     5.0  12.4   8076
        boss of a clique, 20 each    3450   40.27    45.0  39.4    603
        boss of a clique, tenfold   25500   27.15    45.0  35.3    845
        sybil star of 1,000          1000  721.34  1000.0  69.7     22
        1,000 silent followers       1000    0.00     0.0   0.0  42575
        clique in random order       2450   10.74    13.0  26.1   1962
        clique answering late        2450   12.73    14.0  27.7   1695
        tournament                   1200   19.75    20.0  32.1   1121
    "#]]
    .assert_eq(&table);
}
