//! People of whom nothing is left are forgotten, and their memory is used again.

use influence::{Arrival, Effects, Event, HashKey, Kind, Model, Profile, Shard, Sizes, Slice, Timestamp};

const DAY: Timestamp = 86_400_000;
const BEGIN: Timestamp = 1_700_000_000_000;

fn shard() -> Shard {
    Shard::new(Model::with_half_life(DAY), HashKey::new([1, 2]), 0, 1)
}

fn step(shard: &mut Shard, clock: Timestamp, profiles: &[Profile<'_>], events: &[Event<'_>]) -> Effects {
    let events: Vec<Arrival<'_>> = events.iter().map(|&event| Arrival { clock, event }).collect();
    let sweep = shard.people_len();
    let slice = Slice { clock, profiles, events: &events, sweep, publishes: true, ..Slice::default() };
    let mut effects = Effects::default();
    shard.step(&slice, &mut effects);
    effects
}

fn bytes(sizes: &Sizes) -> u64 {
    sizes.people_bytes + sizes.edges_bytes + sizes.names_bytes + sizes.follows_bytes
}

/// Each day 200 accounts act once and never again. A year of them takes the memory of a month.
#[test]
fn a_year_of_people_who_act_once_takes_the_memory_of_a_window() {
    let mut shard = shard();
    let (mut forgotten, mut after_a_month) = (0, Sizes::default());
    for day in 0..365 {
        let names: Vec<String> =
            (0..200).map(|fan| format!("fan {fan} of day {day}, with a name of some length")).collect();
        let at = BEGIN + day * DAY;
        let events: Vec<Event<'_>> =
            names.iter().map(|name| Event { actor: name, target: "star", kind: Kind::Retweet, at }).collect();
        forgotten += step(&mut shard, at, &[], &events).forgotten;
        let sizes = shard.sizes();
        assert!(sizes.people <= 1 + 200 * 9, "day {day}: {sizes:?}");
        if day == 30 {
            after_a_month = sizes;
        }
    }
    let sizes = shard.sizes();
    assert!(bytes(&sizes) <= bytes(&after_a_month) * 11 / 10, "{after_a_month:?} {sizes:?}");
    assert_eq!(forgotten + sizes.people, 200 * 365 + 1);
    let star = shard.score("star").expect("all act on the star");
    assert_eq!(star.received.retweets, 200 * 365);
    let votes: f64 = (0..=6).map(|age| 200.0 * 0.5f64.powi(age)).sum();
    assert!((star.influence / votes - 1.0).abs() < 0.01, "{} votes, not {votes}", star.influence);
    let mut image = Vec::new();
    shard.copy_image(&mut image);
    let again = Shard::from_image(&Model::with_half_life(DAY), &HashKey::new([1, 2]), 0, 1, &image).expect("an image");
    assert_eq!(again.sizes().people, sizes.people);
}

/// Rated people, the trusted, those who opted out and whoever follows stay.
#[test]
fn who_may_still_matter_stays() {
    let mut shard = shard();
    let act = |actor, target, kind| Event { actor, target, kind, at: BEGIN };
    let events = [
        act("fan", "rated", Kind::Mention),
        act("follower", "followed", Kind::Follow),
        act("late", "unfollowed", Kind::Unfollow),
    ];
    let profile = |user, opted_out, trust| Profile { user, opted_out, trust };
    let profiles = [profile("trusted", false, Some(2.0)), profile("gone", true, None), profile("nothing", false, None)];
    step(&mut shard, BEGIN, &profiles, &events);
    for day in 7..12 {
        step(&mut shard, BEGIN + day * DAY, &[], &[]);
    }
    let is_known = |name| shard.opted_out(name).is_some();
    for name in ["rated", "follower", "followed", "trusted", "gone"] {
        assert!(is_known(name), "{name} is forgotten");
    }
    assert!(!is_known("fan") && !is_known("unfollowed") && !is_known("nothing"));
    // Who comes back is as new, and so is who was unfollowed.
    let at = BEGIN + 20 * DAY;
    let again = [
        Event { actor: "fan", target: "unfollowed", kind: Kind::Retweet, at },
        Event { actor: "late", target: "unfollowed", kind: Kind::Follow, at },
    ];
    step(&mut shard, at, &[], &again);
    let found = shard.score("unfollowed").expect("a fan and a follower");
    assert_eq!((found.influence, found.received.retweets, found.followers), (1.0, 1, 1));
}

/// The bytes of a name that was erased are another's later.
#[test]
fn opting_out_and_in_leaves_no_bytes() {
    let mut shard = shard();
    let event = Event { actor: "fan", target: "a name of some length", kind: Kind::Mention, at: BEGIN };
    step(&mut shard, BEGIN, &[], &[event]);
    let before = shard.sizes().names_bytes;
    for turn in 0..2_000 {
        let profile = Profile { user: "a name of some length", opted_out: turn % 2 == 0, trust: None };
        step(&mut shard, BEGIN + turn, &[profile], &[event]);
    }
    let sizes = shard.sizes();
    assert!(sizes.names_bytes < before + 200, "{before} {sizes:?}");
    assert!(sizes.people_bytes < 100_000, "standings that were left behind are used again: {sizes:?}");
}
