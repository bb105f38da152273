//! Farms do what they are known for, inside the time they are given and inside the log they attack.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write;

use expect_test::{Expect, expect};
use worlds::{Act, Attack, Campaign, Farm, FarmError, World, merge_by_time};

const HOUR: i64 = 3_600_000;

/// How often each pair acts, as in `fan -> star: 1000 Retweet`; equal lines of different members as one.
fn check(farm: &str, expected: Expect) {
    let farm: Farm = farm.parse().unwrap();
    let role = |name: &str| name.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '-').to_owned();
    let attack = farm.attack(3, 1000..2_000_000, 1).unwrap();
    assert_eq!(attack.acts.len() as u64, farm.acts());
    assert!(attack.acts.is_sorted_by_key(|act| act.at));
    assert!(attack.acts.iter().all(|act| (1000..2_000_000).contains(&act.at)));
    let mut pairs = BTreeMap::new();
    for event in attack.events() {
        *pairs.entry((event.actor, event.target, event.kind)).or_insert(0) += 1;
    }
    let mut lines = BTreeMap::new();
    for ((actor, target, kind), times) in pairs {
        *lines.entry((role(actor), role(target), kind, times)).or_insert(0) += 1;
    }
    let mut text = format!("{} members, first {}\n", attack.names.len(), attack.names[0]);
    for ((actor, target, kind, times), pairs) in lines {
        writeln!(text, "{pairs} x {actor} -> {target}: {times} {kind:?}").unwrap();
    }
    expected.assert_eq(&text);
}

#[test]
fn each_kind_of_farm() {
    check(
        "super-fan",
        expect![[r#"
        2 members, first farm:superfan:3:star
        1 x farm:superfan:3:fan -> farm:superfan:3:star: 1000 Retweet
    "#]],
    );
    check(
        "pair-ring",
        expect![[r#"
        2 members, first farm:pairring:3:left
        1 x farm:pairring:3:left -> farm:pairring:3:right: 100 Retweet
        1 x farm:pairring:3:right -> farm:pairring:3:left: 100 Retweet
    "#]],
    );
    check(
        "clique",
        expect![[r#"
        50 members, first farm:clique:3:member0
        2450 x farm:clique:3:member -> farm:clique:3:member: 1 Retweet
    "#]],
    );
    check(
        "clique:members=5,acts=10",
        expect![[r#"
        5 members, first farm:clique:3:member0
        20 x farm:clique:3:member -> farm:clique:3:member: 10 Retweet
    "#]],
    );
    check(
        "clique-with-boss",
        expect![[r#"
        51 members, first farm:cliquewithboss:3:boss
        50 x farm:cliquewithboss:3:member -> farm:cliquewithboss:3:boss: 20 Retweet
        2450 x farm:cliquewithboss:3:member -> farm:cliquewithboss:3:member: 1 Retweet
    "#]],
    );
    check(
        "sybil-star",
        expect![[r#"
        1001 members, first farm:sybilstar:3:star
        1000 x farm:sybilstar:3:sybil -> farm:sybilstar:3:star: 1 Retweet
    "#]],
    );
    check(
        "follower-farm",
        expect![[r#"
        1001 members, first farm:followerfarm:3:star
        1000 x farm:followerfarm:3:follower -> farm:followerfarm:3:star: 1 Follow
    "#]],
    );
}

#[test]
fn farms_in_which_nobody_answers_at_once() {
    check(
        "ring:members=7,acts=3",
        expect![[r#"
        7 members, first farm:ring:3:member0
        7 x farm:ring:3:member -> farm:ring:3:member: 3 Retweet
    "#]],
    );
    check(
        "tournament",
        expect![[r#"
        50 members, first farm:tournament:3:member0
        1200 x farm:tournament:3:member -> farm:tournament:3:member: 1 Retweet
    "#]],
    );
    check(
        "tournament:members=7",
        expect![[r#"
        7 members, first farm:tournament:3:member0
        21 x farm:tournament:3:member -> farm:tournament:3:member: 1 Retweet
    "#]],
    );
    check(
        "random-clique",
        expect![[r#"
        50 members, first farm:randomclique:3:member0
        2450 x farm:randomclique:3:member -> farm:randomclique:3:member: 1 Retweet
    "#]],
    );
    check(
        "late-clique:acts=2",
        expect![[r#"
        50 members, first farm:lateclique:3:member0
        2450 x farm:lateclique:3:member -> farm:lateclique:3:member: 2 Retweet
    "#]],
    );
    check(
        "layers",
        expect![[r#"
        1001 members, first farm:layers:3:star
        187500 x farm:layers:3:layer -> farm:layers:3:layer: 1 Retweet
        250 x farm:layers:3:layer -> farm:layers:3:star: 1 Retweet
    "#]],
    );
    check(
        "layers:layers=3,members=2,acts=5",
        expect![[r#"
        7 members, first farm:layers:3:star
        8 x farm:layers:3:layer -> farm:layers:3:layer: 5 Retweet
        2 x farm:layers:3:layer -> farm:layers:3:star: 1 Retweet
    "#]],
    );
}

fn attack(farm: &str) -> Attack {
    farm.parse::<Campaign>().unwrap().attack(0, 0..40 * 24 * HOUR, 1).unwrap()
}

/// Pairs as numbers of acts from the first to the answer.
fn answers(attack: &Attack) -> Vec<usize> {
    let is_answer = |act: &Act, to: &Act| (act.actor, act.target) == (to.target, to.actor);
    let answer = |(place, act): (usize, &Act)| attack.acts[place..].iter().position(|later| is_answer(later, act));
    attack.acts.iter().enumerate().filter_map(answer).collect()
}

#[test]
fn nobody_of_a_ring_or_tournament_returns_an_act() {
    for farm in ["ring", "tournament", "tournament:members=8,acts=3", "layers:members=9"] {
        assert_eq!(answers(&attack(farm)), [], "{farm}");
    }
}

/// A pair's first act and its answer lie half of all acts apart on average, in random order a third.
#[test]
fn members_of_a_late_clique_answer_as_late_as_can_be() {
    let late = answers(&attack("late-clique:members=20"));
    let at_random = answers(&attack("random-clique:members=20"));
    assert_eq!((late.len(), at_random.len()), (190, 190));
    let mean = |answers: &[usize]| answers.iter().sum::<usize>() / answers.len();
    assert!(mean(&late) > 150 && (100..160).contains(&mean(&at_random)), "{} {}", mean(&late), mean(&at_random));
    assert!(late.iter().max() > Some(&340) && at_random.iter().min() < Some(&20));
    let acts = attack("late-clique:members=20").acts;
    assert!(acts[..20].iter().all(|act| act.target == (act.actor + 1) % 20), "all act on their next one first");
}

/// Known accounts have acted long before, those nearest to the star first; all others are as new as the farm.
#[test]
fn known_members_have_acted_before() {
    let day = 24 * HOUR;
    for (farm, known) in [
        ("sybil-star:members=30,known=4,hours=24", ["sybil0", "sybil1", "sybil2", "sybil3"]),
        ("tournament:members=9,known=4,hours=24", ["member0", "member1", "member2", "member3"]),
        ("layers:members=3,known=4,hours=24", ["layer1-0", "layer1-1", "layer1-2", "layer2-0"]),
    ] {
        let attack = attack(farm);
        let campaign: Campaign = farm.parse().unwrap();
        assert_eq!(attack.acts.len() as u64, campaign.acts());
        assert!(attack.acts.is_sorted_by_key(|act| act.at));
        let (early, work) = attack.acts.split_at(4);
        assert!(early.iter().all(|act| act.at < HOUR) && work.iter().all(|act| (39 * day..40 * day).contains(&act.at)));
        let name = |act: &Act| attack.names[act.actor as usize].rsplit(':').next().unwrap().to_owned();
        let mut names: Vec<_> = early.iter().map(name).collect();
        names.sort_unstable();
        assert_eq!(names, known, "{farm}");
        for act in early {
            let again = work.iter().any(|later| (later.actor, later.target) == (act.actor, act.target));
            assert!(again, "{farm}: they do later what they did early");
        }
        let fresh: Campaign = farm.replace("known=4,", "").parse().unwrap();
        assert_eq!(fresh.attack(0, 0..40 * day, 1).unwrap().acts, work, "{farm}: what else happens is the same");
    }
}

/// What comes back an hour later is worth less in the eyes of who looks for circles: pods do not wait.
#[test]
fn members_of_a_clique_return_an_act_at_once() {
    for farm in ["pair-ring", "clique", "clique:acts=3", "clique-with-boss"] {
        let attack = farm.parse::<Farm>().unwrap().attack(0, 0..10_000_000, 1).unwrap();
        let among_members: Vec<_> = attack.events().filter(|event| !event.target.ends_with("boss")).collect();
        for turn in among_members.chunks(2) {
            assert_eq!((turn[0].actor, turn[0].target), (turn[1].target, turn[1].actor), "{farm}");
        }
    }
}

#[test]
fn acts_are_spread_evenly() {
    let attack = Farm::SuperFan { acts: 100 }.attack(0, 0..100_000, 1).unwrap();
    for (place, act) in (0..).zip(&attack.acts) {
        assert!((place * 1000..(place + 1) * 1000).contains(&act.at));
    }
}

#[test]
fn a_farm_that_is_none_is_refused() {
    let refuse = |farm: Farm, during| farm.attack(0, during, 1).unwrap_err();
    assert_eq!(refuse(Farm::SuperFan { acts: 1 }, 5..5), FarmError::NoTime);
    assert!(matches!(refuse(Farm::SybilStar { members: 0 }, 0..5), FarmError::TooSmall { .. }));
    assert!(matches!(refuse(Farm::Clique { members: 9999, acts: 9999 }, 0..5), FarmError::TooLarge { .. }));
}

fn all_attacks(world: &World) -> Vec<Attack> {
    let during = world.start..world.start + world.span_ms;
    let attack = |(farm, number): (&Farm, u32)| farm.attack(number, during.clone(), world.seed).unwrap();
    Farm::ALL.iter().zip(0..).map(attack).collect()
}

#[test]
fn attacks_come_among_the_worlds_events_by_time() {
    let world = World { users: 100, events: 20_000, ..World::default() };
    let attacks = all_attacks(&world);
    let (mut own, mut attacking, mut newest) = (Vec::new(), 0, world.start);
    let mut events = world.events_with(attacks.clone()).unwrap();
    while let Some(event) = events.next_event() {
        assert!(event.at >= newest);
        newest = event.at;
        if event.actor.starts_with("farm:") {
            assert!(event.target.starts_with("farm:"));
            attacking += 1;
        } else {
            own.push((event.actor.to_owned(), event.target.to_owned(), event.at));
        }
    }
    assert_eq!(attacking, attacks.iter().map(|attack| attack.acts.len()).sum::<usize>());
    let mut unattacked = Vec::new();
    let events = world.events().unwrap();
    events.for_each(|event| unattacked.push((event.actor.to_owned(), event.target.to_owned(), event.at)));
    assert_eq!(own, unattacked);
}

#[test]
fn any_log_can_be_attacked() {
    let attack = Farm::PairRing { acts: 10 }.attack(0, 0..1000, 1).unwrap();
    let other = Farm::SuperFan { acts: 10 }.attack(1, 0..1000, 1).unwrap();
    let merged: Vec<_> = merge_by_time(attack.events(), other.events(), |event| event.at).collect();
    assert_eq!(merged.len(), 30);
    assert!(merged.is_sorted_by_key(|event| event.at));
}
