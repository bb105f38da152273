//! People of whom nothing is left are forgotten, and their memory is used again.

use std::collections::{BTreeMap, BTreeSet};

use influence::exchange::Section;
use influence::{Arrival, Effects, HashKey, Model, Shard, Sizes, Slice};
use vocabulary::{Event, Kind, Profile, Removal, Timestamp};

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
    assert_eq!(star.received.of(vocabulary::Kind::Retweet), 200 * 365);
    // All of them are strangers but those of the first day: of some 397 votes there is room for 50.
    let open: f64 = (0..=6).map(|age| 200.0 * 0.5f64.powi(age)).sum();
    let votes = (open.powi(-4) + 50_f64.powi(-4)).sqrt().sqrt().recip();
    assert!((star.influence / votes - 1.0).abs() < 0.01, "{} votes, not {votes}", star.influence);
    let mut image = Vec::new();
    shard.copy_image(&mut image);
    let again = Shard::from_image(&Model::with_half_life(DAY), &HashKey::new([1, 2]), 0, 1, &image).expect("an image");
    assert_eq!(again.sizes().people, sizes.people);
}

/// Seed 262 of the simulator: whom a lone unfollow names is not forgotten before a follow that arrives late has met it.
#[test]
fn an_unfollow_outlives_the_sweep() {
    let mut shard = shard();
    let act = |kind, at| Event { actor: "ana", target: "bo", kind, at };
    step(&mut shard, BEGIN, &[], &[act(Kind::Unfollow, BEGIN)]);
    for hour in 1..10 {
        step(&mut shard, BEGIN + hour * DAY / 24, &[], &[]);
    }
    step(&mut shard, BEGIN + DAY, &[], &[act(Kind::Follow, BEGIN - 3_000)]);
    assert_eq!(shard.score("bo").map_or(0, |score| score.followers), 0);
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
    let profile = |user, opted_out, trust| Profile { user, opted_out, trust, ..Profile::default() };
    let profiles = [
        profile("trusted", None, Some(2.0)),
        profile("gone", Some(true), None),
        profile("nothing", Some(false), None),
        Profile { user: "old", created: Some(BEGIN - DAY), ..Profile::default() },
        Profile { user: "verified", is_verified: true, ..Profile::default() },
    ];
    step(&mut shard, BEGIN, &profiles, &events);
    // An unfollow is remembered for a window behind the first look at whom it names.
    for day in 7..16 {
        step(&mut shard, BEGIN + day * DAY, &[], &[]);
    }
    let is_known = |name| shard.opted_out(name).is_some();
    for name in ["rated", "follower", "followed", "trusted", "gone", "old", "verified"] {
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
    assert_eq!((found.received.of(vocabulary::Kind::Retweet), found.followers), (1, 1));
    // A stranger gives one vote, for which there is room for 1.8.
    assert!((found.influence - (1.0 + 1.8_f64.powi(-4)).sqrt().sqrt().recip()).abs() < 1e-9, "{found:?}");
}

/// The bytes of a name that was erased are another's later.
#[test]
fn opting_out_and_in_leaves_no_bytes() {
    let mut shard = shard();
    let event = Event { actor: "fan", target: "a name of some length", kind: Kind::Mention, at: BEGIN };
    step(&mut shard, BEGIN, &[], &[event]);
    let before = shard.sizes().names_bytes;
    for turn in 0..2_000 {
        let profile = Profile {
            user: "a name of some length",
            opted_out: Some(turn % 2 == 0),
            trust: None,
            ..Profile::default()
        };
        step(&mut shard, BEGIN + turn, &[profile], &[event]);
    }
    let sizes = shard.sizes();
    assert!(sizes.names_bytes < before + 200, "{before} {sizes:?}");
    assert!(sizes.people_bytes < 100_000, "standings that were left behind are used again: {sizes:?}");
}

/// Shards that hear of each other a step later.
struct Shards {
    shards: Vec<Shard>,
    told: Vec<Vec<Section>>,
    names: BTreeMap<String, Option<f64>>,
}

impl Shards {
    fn new(model: &Model, shards: u16) -> Shards {
        let shard = |number| Shard::new(model.clone(), HashKey::new([1, 2]), number, shards);
        let told = (0..shards).map(|_| Vec::new()).collect();
        Shards { shards: (0..shards).map(shard).collect(), told, names: BTreeMap::new() }
    }

    fn step(&mut self, clock: Timestamp, events: &[Event<'_>]) {
        let (count, model) = (self.shards.len() as u16, Model::default());
        let mut told: Vec<Vec<Section>> = (0..count).map(|_| Vec::new()).collect();
        for (number, shard) in (0..).zip(&mut self.shards) {
            let is_here = |event: &&Event<'_>| count == 1 || model.partitioner.partition(event.actor, count) == number;
            let events: Vec<Arrival<'_>> =
                events.iter().filter(is_here).map(|&event| Arrival { clock, event }).collect();
            let exchange: Vec<&Section> = self.told[usize::from(number)].iter().collect();
            let sweep = shard.people_len();
            let slice =
                Slice { clock, exchange: &exchange, events: &events, sweep, publishes: true, ..Slice::default() };
            let mut effects = Effects::default();
            shard.step(&slice, &mut effects);
            for removed in &effects.removed {
                assert_eq!(removed.why, Removal::Silent);
                assert!(self.names.insert(removed.name.to_string(), None).flatten().is_some(), "{removed:?}");
            }
            for (name, score) in effects.scores.iter().filter_map(|published| shard.record(published)) {
                self.names.insert(name.to_owned(), Some(score.influence));
            }
            let sections = effects.exchange.into_iter().enumerate().filter(|(_, section)| !section.is_empty());
            sections.for_each(|(receiver, section)| told[receiver].push(section));
            let mut image = Vec::new();
            shard.copy_image(&mut image);
            *shard = Shard::from_image(shard_model(), &HashKey::new([1, 2]), number, count, &image).expect("an image");
        }
        self.told = told;
    }

    fn sizes(&self) -> Sizes {
        let mut all = Sizes::default();
        self.shards.iter().for_each(|shard| all.add(&shard.sizes()));
        all
    }
}

fn shard_model() -> &'static Model {
    static MODEL: std::sync::OnceLock<Model> = std::sync::OnceLock::new();
    MODEL.get_or_init(|| Model { forget_after_ms: Some(3 * DAY), ..Model::with_half_life(DAY) })
}

/// Each day 60 names are acted on once by 60 accounts that come once, and a few by the same all the time. With 1, 2 and 4
/// shards the memory of a year is that of a window, all records have their names, and those of whom nobody speaks are taken
/// back. Whoever comes back after that begins anew.
#[test]
fn a_year_of_names_that_are_acted_on_once_takes_the_memory_of_a_window() {
    for count in [1, 2, 4] {
        let mut shards = Shards::new(shard_model(), count);
        let mut after_two_months = Sizes::default();
        for day in 0..365 {
            let at = BEGIN + day * DAY;
            let fans: Vec<String> = (0..60).map(|fan| format!("fan {fan} of day {day}")).collect();
            let names: Vec<String> = (0..60).map(|name| format!("name {name} of day {day}")).collect();
            let act = |actor, target, kind| Event { actor, target, kind, at };
            let mut events: Vec<Event<'_>> =
                fans.iter().zip(&names).map(|(fan, name)| act(fan, name, Kind::Retweet)).collect();
            events.extend(names.iter().take(5).flat_map(|name| {
                [act("star", name, Kind::Mention), act("moon", name, Kind::Follow), act("moon", name, Kind::Unfollow)]
            }));
            events.extend(["star", "moon"].map(|name| act(&fans[0], name, Kind::Reply)));
            if day % 40 == 0 {
                events.push(act("star", "now and then", Kind::Retweet));
            }
            shards.step(at, &events);
            shards.step(at + 1, &[]);
            shards.step(at + 2, &[]);
            if day % 40 == 0 {
                let votes = shards.names["now and then"].expect("the star has just acted");
                assert!(votes > 0.1, "{count} shards, day {day}: {votes}");
            }
            if day == 60 {
                after_two_months = shards.sizes();
            }
        }
        let sizes = shards.sizes();
        assert!(bytes(&sizes) <= bytes(&after_two_months) * 12 / 10, "{count}: {after_two_months:?} {sizes:?}");
        assert!(sizes.people < 4_000 && sizes.remotes < 4_000, "{count}: {sizes:?}");
        let rated: BTreeSet<&str> =
            shards.shards.iter().flat_map(|shard| shard.scores().map(|(name, _)| name)).collect();
        let published = shards.names.iter().filter(|(_, votes)| votes.is_some()).map(|(name, _)| &name[..]);
        assert_eq!(published.collect::<BTreeSet<&str>>(), rated, "{count} shards");
        assert!(shards.names.len() >= 60 * 365 + 3, "{count}: everybody was published once");
        assert!(rated.contains("star") && !rated.contains("name 7 of day 100"), "{count}");
    }
}

/// Names that live in different shards, if there are several.
fn apart(shards: u16) -> [String; 3] {
    let partitioner = Model::default().partitioner;
    let home = |name: &str| if shards == 1 { 0 } else { partitioner.partition(name, shards) };
    let name = |what: &str, shard: u16| {
        let is_there = |name: &String| home(name) == shard;
        (0..).map(|number| format!("{what}{number}")).find(is_there).expect("names for all shards")
    };
    [name("fan", 1 % shards), name("stranger", 2 % shards), name("star", 0)]
}

/// Silence ends by an act, and an unfollow is no act: whoever was never followed by its actor is forgotten as if it had not
/// been. A follow that a newer unfollow has ended is one.
#[test]
fn an_unfollow_does_not_end_a_silence_and_a_follow_does_however_soon_it_ended() {
    for count in [1, 4] {
        for (kind, removed_on) in [(None, 9), (Some(Kind::Unfollow), 9), (Some(Kind::Follow), 11)] {
            let mut shards = Shards::new(shard_model(), count);
            let [fan, stranger, star] = &apart(count);
            let act = |actor, kind, day| Event { actor, target: star, kind, at: BEGIN + day * DAY };
            shards.step(BEGIN, &[act(fan, Kind::Mention, 0)]);
            let mut removed = None;
            for day in 1..20 {
                let events = match kind {
                    // At noon: an unfollow of nobody whom they follow, and for the other a follow before it.
                    Some(kind) if day == 8 => vec![act(stranger, Kind::Unfollow, 8), act(stranger, kind, 7)],
                    _ => Vec::new(),
                };
                shards.step(BEGIN + day * DAY + DAY / 2, &events);
                (1..4).for_each(|later| shards.step(BEGIN + day * DAY + DAY / 2 + later, &[]));
                if shards.names[star].is_none() {
                    removed.get_or_insert(day);
                }
            }
            assert_eq!(removed, Some(removed_on), "{count} shards, {kind:?}");
        }
    }
}

/// Whom an unfollow names is known as long as it is remembered, whichever shard remembers it.
#[test]
fn an_unfollow_outlives_the_sweep_of_another_shard() {
    for count in [1, 4] {
        let mut shards = Shards::new(shard_model(), count);
        let [_, actor, target] = &apart(count);
        let act = |kind, at| Event { actor, target, kind, at };
        shards.step(BEGIN, &[act(Kind::Unfollow, BEGIN)]);
        (1..10).for_each(|hour| shards.step(BEGIN + hour * DAY / 24, &[]));
        shards.step(BEGIN + DAY, &[act(Kind::Follow, BEGIN - 3_000)]);
        (1..4).for_each(|later| shards.step(BEGIN + DAY + later, &[]));
        let followers = shards.shards.iter().find_map(|shard| shard.score(target)).map(|score| score.followers);
        assert_eq!(followers, Some(0), "{count} shards");
        // Later nothing is left of either.
        (2..30).for_each(|day| shards.step(BEGIN + day * DAY, &[]));
        assert_eq!(shards.sizes().people, 0, "{count} shards");
    }
}
