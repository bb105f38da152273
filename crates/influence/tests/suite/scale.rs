//! What is published while a new world is read: never against a scale that does not know the people yet.

use std::collections::BTreeMap;

use influence::exchange::Section;
use influence::{Arrival, Effects, HashKey, Model, Partitioner, Room, Shard, Slice};
use vocabulary::{Event, Kind, Profile, Timestamp};

const HOUR: Timestamp = 3_600_000;
const DAY: Timestamp = 24 * HOUR;
const START: Timestamp = 1_700_000_000_000;

/// Shards that tell each other what they have to, an epoch later, and the table of all that was published.
struct World {
    /// The machine's clock, where events move the shards'.
    machine_clock: Option<Timestamp>,
    publishes: bool,
    /// Epochs in a round of the sweep.
    round: u32,
    shards: Vec<Shard>,
    inboxes: Vec<Vec<Section>>,
    table: BTreeMap<String, (f64, f64)>,
    partitioner: Partitioner,
}

impl World {
    fn new(shards: u16) -> World {
        World::of(Model::with_half_life(24 * HOUR), shards)
    }

    fn of(model: Model, shards: u16) -> World {
        World {
            machine_clock: None,
            publishes: true,
            round: 40,
            shards: (0..shards).map(|shard| Shard::new(model.clone(), HashKey::new([1, 2]), shard, shards)).collect(),
            inboxes: vec![Vec::new(); usize::from(shards)],
            table: BTreeMap::new(),
            partitioner: model.partitioner,
        }
    }

    fn step(&mut self, clock: Timestamp, acts: &[(String, String, Timestamp)]) {
        self.step_with(clock, acts, &[]);
    }

    /// One epoch, in which profiles come.
    fn step_with(&mut self, clock: Timestamp, acts: &[(String, String, Timestamp)], profiles: &[Profile<'_>]) {
        let shards = self.shards.len() as u16;
        let inboxes = std::mem::replace(&mut self.inboxes, vec![Vec::new(); usize::from(shards)]);
        for ((number, shard), inbox) in (0..).zip(&mut self.shards).zip(&inboxes) {
            let own = acts.iter().filter(|(actor, ..)| self.partitioner.partition(actor, shards) == number);
            let event = |(actor, target, at): &'_ (String, String, Timestamp)| (actor.clone(), target.clone(), *at);
            let own: Vec<_> = own.map(event).collect();
            // By the clock of events they move it; else it is the machine's, and they may be as old as they like.
            let by_events = self.machine_clock.is_some();
            let arrival = |(actor, target, at): &'static (String, String, Timestamp)| Arrival {
                clock: if by_events { *at } else { clock },
                event: Event { actor, target, kind: Kind::Retweet, at: *at },
            };
            // Leaked: a test is short.
            let events: Vec<Arrival<'static>> = Vec::leak(own).iter().map(arrival).collect();
            let exchange: Vec<&Section> = inbox.iter().collect();
            let is_own = |profile: &&Profile<'_>| self.partitioner.partition(profile.user, shards) == number;
            let profiles: Vec<_> = profiles.iter().filter(is_own).cloned().collect();
            let sweep = shard.people_len().div_ceil(self.round);
            let (publishes, machine_clock) = (self.publishes, self.machine_clock);
            let slice = Slice {
                clock,
                exchange: &exchange,
                profiles: &profiles,
                events: &events,
                sweep,
                publishes,
                machine_clock,
                is_live: machine_clock.is_some(),
                ..Slice::default()
            };
            let mut effects = Effects::default();
            shard.step(&slice, &mut effects);
            for published in &effects.scores {
                let (name, score) = shard.record(published).expect("a record of what was published");
                assert!(score.scale_version > 0, "{name} is published before there is a scale");
                let before = self.table.insert(name.to_owned(), (score.score, score.influence));
                let is_said = score.previous.zip(before).is_some_and(|(said, (was, _))| (said - was).abs() < 1e-3);
                assert!(is_said || before.is_none() && score.previous.is_none(), "{name} had {before:?}: {score:?}");
            }
            for (to, section) in effects.exchange.into_iter().enumerate().filter(|(_, section)| !section.is_empty()) {
                self.inboxes[to].push(section);
            }
        }
    }
}

/// Thirty stars with 2,000, 1,900, ... fans, who act in the same hour, in an order that favours nobody.
fn acts() -> Vec<(String, String, Timestamp)> {
    let star = |star: usize| (0..2_000 - 60 * star).map(move |fan| (fan * 31 % 2_000, star, fan));
    let mut acts: Vec<_> = (0..30).flat_map(star).collect();
    acts.sort_unstable();
    let at = |number: usize| START + number as Timestamp * HOUR / 40_000;
    let act = |(number, &(_, star, fan)): (usize, &(usize, usize, usize))| {
        (format!("f{star}-{fan}"), format!("star{star}"), at(number))
    };
    acts.iter().enumerate().map(act).collect()
}

#[test]
fn who_reads_a_backlog_puts_the_scale_where_it_belongs() {
    let acts = acts();
    for shards in [1, 3] {
        let mut world = World::new(shards);
        // The clock is the wall's: it hardly moves while the backlog is read, and then it waits.
        let now = START + HOUR;
        for (epoch, part) in acts.chunks(997).enumerate() {
            world.step(now + 100 * epoch as Timestamp, part);
        }
        let read = now + 100 * acts.len().div_ceil(997) as Timestamp;
        (0..50).for_each(|epoch| world.step(read + 100 * epoch, &[]));
        let scale = world.shards[0].scale().votes;
        let largest = world.table.values().map(|(_, influence)| *influence).fold(0.0, f64::max);
        assert!(
            (scale / largest - 1.0).abs() < 0.01,
            "{shards} shards: 100 stands for {scale}, the first has {largest}"
        );
        for (name, (score, influence)) in &world.table {
            let due = 100.0 * influence.ln_1p() / largest.ln_1p();
            assert!((score - due).abs() < 0.2, "{shards} shards: {name} has {score} and should have {due}");
        }
        let at_the_top = world.table.values().filter(|(score, _)| *score == 100.0).count();
        assert!(at_the_top <= 1, "{shards} shards: {at_the_top} have 100");
    }
}

#[test]
fn by_the_clock_of_events_history_needs_no_time_behind_its_last_event() {
    let acts = acts();
    let mut world = World { machine_clock: Some(START + 300 * HOUR), ..World::new(3) };
    let end = acts.last().expect("acts").2;
    acts.chunks(9_000).for_each(|part| world.step(part.last().expect("acts").2, part));
    (0..60).for_each(|_| world.step(end, &[]));
    let (first, _) = world.table["star0"];
    let (second, _) = world.table["star1"];
    assert!(first > 99.8 && second < first, "{first}, {second}");
}

/// Once a world is older than a half-life the scale takes hours: meanwhile records above it say how influence grows.
#[test]
fn who_is_above_the_scale_is_published_as_their_influence_moves() {
    let mut world = World::new(1);
    world.step(START, &acts());
    let later = START + 30 * HOUR;
    (0..50).for_each(|epoch| world.step(later + 100 * epoch, &[]));
    let fans = |batch: usize, count: usize, at: Timestamp| -> Vec<_> {
        (0..count).map(|fan| (format!("new{batch}-{fan}"), "star0".to_owned(), at)).collect()
    };
    for batch in 0..8 {
        let now = later + 10_000 + 100 * batch as Timestamp;
        world.step(now, &fans(batch, 2_000 + 500 * batch, now));
        let (score, published) = world.table["star0"];
        let (_, is) = world.shards[0].scores().find(|(name, _)| *name == "star0").expect("they are rated");
        assert!((published / is.influence - 1.0).abs() < 0.01, "{batch}: {published} and {}", is.influence);
        assert!(batch < 1 || score == 100.0, "they are above the scale: {score}");
    }
}

/// Twelve people of a small world, each with fewer fans than the one before, all of it so many days ago.
fn history(now: Timestamp, days: i64) -> Vec<(String, String, Timestamp)> {
    let person = |person: usize| (0..600 - 40 * person).map(move |fan| (fan * 37 % 600, person));
    let mut acts: Vec<_> = (0..12).flat_map(person).collect();
    acts.sort_unstable();
    let at = |place: usize| now - days * DAY + (place as Timestamp) * HOUR / 100;
    let act = |(place, &(fan, person)): (usize, &(usize, usize))| {
        (format!("f{person}-{fan}"), format!("person{person}"), at(place))
    };
    acts.iter().enumerate().map(act).collect()
}

fn month() -> Model {
    Model::with_half_life(30 * DAY)
}

/// A model in which strangers have as much room as anybody: what is left to hold them is the scale.
fn without_room() -> Model {
    Model { room: Room { n0: 1e9, m: 1e9, ..Room::default() }, ..month() }
}

fn fans(of: &str, count: usize, at: Timestamp) -> Vec<(String, String, Timestamp)> {
    (0..count).map(|fan| (format!("{of}-fan{fan}"), of.to_owned(), at)).collect()
}

fn suspended(user: &str) -> Profile<'_> {
    Profile { user, trust: Some(0.0), ..Profile::default() }
}

/// How many people have 100, by what is published.
fn at_the_top(world: &World) -> usize {
    world.table.values().filter(|(score, _)| *score > 99.95).count()
}

#[test]
fn an_application_that_catches_up_sets_its_scale_before_anybody_is_published() {
    let now = START + 30 * 24 * HOUR;
    for shards in [1, 3] {
        let mut world = World { publishes: false, ..World::of(month(), shards) };
        let acts = history(now, 40);
        let parts: Vec<_> = acts.chunks(331).collect();
        for (epoch, part) in (0..).zip(&parts) {
            world.step(now + 100 * epoch, part);
        }
        assert!(world.table.is_empty(), "{shards} shards: {:?}", world.table);
        let read = now + 100 * parts.len() as Timestamp;
        for epoch in 0..60 {
            world.publishes = epoch >= 4;
            world.step(read + 100 * epoch, &[]);
            assert!(at_the_top(&world) <= 1, "{shards} shards: {:?}", world.table);
        }
        assert_eq!((world.table.len(), at_the_top(&world)), (12, 1), "{shards} shards: {:?}", world.table);
    }
}

/// The log comes while the application is there already: people are published as they come, but the first of them are not
/// all of one rank for weeks.
#[test]
fn history_that_comes_later_sets_the_scale_as_well() {
    let now = START + 30 * 24 * HOUR;
    for shards in [1, 3] {
        let mut world = World::of(month(), shards);
        (0..10).for_each(|epoch| world.step(now - HOUR + 100 * epoch, &[]));
        world.step(now - HOUR, &[("bo".into(), "ana".into(), now - HOUR)]);
        // Older than a half-life: what sets the scale is that it comes as history, and not that the world is young.
        let acts = history(now, 40);
        for (epoch, part) in (0..).zip(acts.chunks(1_331)) {
            world.step(now + 100 * epoch, part);
        }
        (0..80).for_each(|epoch| world.step(now + 5_000 + 100 * epoch, &[]));
        assert_eq!((world.table.len(), at_the_top(&world)), (13, 1), "{shards} shards: {:?}", world.table);
        // From then on it belongs to everybody, however old the events are that come one by one.
        let before = world.table["person11"].0;
        for minute in 2..24 * 60 {
            let at = now + minute * 60_000;
            let fan = |fan: Timestamp| (format!("late{minute}-{fan}"), "person0".to_owned(), at - 3 * 24 * HOUR);
            world.step(at, &[fan(0), fan(1)]);
        }
        let fall = before - world.table["person11"].0;
        assert!((0.5..2.0).contains(&fall), "{shards} shards: {fall} points, half of a point of it by age");
    }
}

#[test]
fn a_configured_floor_is_where_the_scale_starts() {
    let mut world = World::of(Model { scale_floor: 5_000.0, ..month() }, 3);
    (0..20).for_each(|epoch| world.step(START + 100 * epoch, &[(format!("f{epoch}"), "ana".into(), START)]));
    (0..60).for_each(|epoch| world.step(START + 2_000 + 100 * epoch, &[]));
    assert_eq!(world.shards[1].scale().votes, 5_000.0);
    assert!((world.table["ana"].0 - 100.0 * libm::log1p(20.0) / libm::log1p(5_000.0)).abs() < 0.2, "{:?}", world.table);
}

/// A farm lifts the scale for ten days. An hour after its accounts are suspended it is forgotten, also if its star was above
/// the scale until then, whoever leads now.
#[test]
fn what_a_farm_did_to_the_scale_is_undone_when_it_is_suspended() {
    for (shards, round) in [(1, 40), (3, 40), (1, 600), (3, 600)] {
        let mut world = World { round, ..World::of(without_room(), shards) };
        world.step(START, &fans("honest", 300, START));
        (0..60).for_each(|epoch| world.step(START + 100 * epoch, &[]));
        let later = START + 31 * DAY;
        (0..31 * 24).for_each(|hour| world.step(START + hour * HOUR, &[]));
        let before = world.shards[0].scale().votes;
        world.step(later, &fans("star", 1_000, later));
        (0..24 * 30).for_each(|step| world.step(later + step * HOUR / 3, &[]));
        let attacked = world.shards[0].scale().votes;
        let risen = attacked.ln_1p() / before.ln_1p();
        assert!((1.08..1.095).contains(&risen), "{shards} shards: {before} to {attacked} in ten days");
        let now = later + 10 * DAY;
        let farm: Vec<String> = (0..1_000).map(|fan| format!("star-fan{fan}")).collect();
        world.step_with(now, &[], &farm.iter().map(|user| suspended(user)).collect::<Vec<_>>());
        (0..720).for_each(|epoch| world.step(now + 5_000 * epoch, &[]));
        let (_, leads) = world.table["honest"];
        let scale = world.shards[0].scale().votes;
        assert!((scale / leads - 1.0).abs() < 0.02, "{shards} shards: {scale}, and {leads} votes lead");
    }
}

/// Whoever leads is suspended, erased, or only trusted less, in a world that is older than a half-life.
#[test]
fn the_scale_falls_at_once_when_the_first_one_is_suspended_or_erased() {
    let [suspends, erases, doubts] = [
        suspended("star"),
        Profile { user: "star", opted_out: Some(true), ..Profile::default() },
        Profile { user: "star", trust: Some(0.1), ..Profile::default() },
    ];
    for shards in [1, 3] {
        for (profile, falls) in [(&suspends, true), (&erases, true), (&doubts, false)] {
            let mut world = World::of(month(), shards);
            world.step(START, &[fans("star", 4_000, START), fans("honest", 1_000, START)].concat());
            (0..31 * 24).for_each(|hour| world.step(START + hour * HOUR, &[]));
            let now = START + 31 * DAY;
            let before = world.shards[0].scale().votes;
            assert!((1_950.0..2_600.0).contains(&before), "{shards} shards: {before}");
            world.step_with(now, &[], std::slice::from_ref(profile));
            (0..720).for_each(|epoch| world.step(now + 5_000 * epoch, &[]));
            let scale = world.shards[0].scale().votes;
            let (score, leads) = world.table["honest"];
            if falls {
                assert!(
                    (scale / leads - 1.0).abs() < 0.03 && score > 99.5,
                    "{shards} shards: {scale} for {leads} votes"
                );
            } else {
                assert!((scale / before - 1.0).abs() < 0.02, "{shards} shards: {before}, then {scale}");
            }
            let star = world.shards.iter().flat_map(Shard::scores).find(|(name, _)| *name == "star");
            let votes = star.map(|(_, star)| star.influence);
            match profile.opted_out {
                Some(_) => assert_eq!(votes, None),
                // What others have given stays: it measures nobody any more.
                None => assert!((1_900.0..2_000.0).contains(&votes.expect("a star")), "{votes:?}"),
            }
            // Who comes back is no shock either.
            world.step_with(now + 2 * HOUR, &[], &[Profile { user: "star", trust: Some(1.0), ..Profile::default() }]);
            (0..24 * 60).for_each(|minute| world.step(now + 2 * HOUR + minute * 60_000, &[]));
            let fall = score - world.table["honest"].0;
            assert!(fall < 1.5, "{shards} shards: {fall} points in a day, half of a point of it by age");
        }
    }
}

/// Acts that fall out of the window all at once are forgotten, and not slowly.
#[test]
fn the_scale_falls_at_once_by_what_falls_out_of_the_window() {
    for shards in [1, 3] {
        let mut world = World::of(Model { window_ms: 31 * DAY, ..month() }, shards);
        world.step(START, &fans("star", 4_000, START));
        (0..24).for_each(|hour| world.step(START + hour * HOUR, &[]));
        world.step(START + DAY, &fans("honest", 1_000, START + DAY));
        (25..30 * 24).for_each(|hour| world.step(START + hour * HOUR, &[]));
        let end = START + 31 * DAY - HOUR / 2;
        (0..2).for_each(|_| world.step(end, &[]));
        let before = world.shards[0].scale().votes;
        assert!(before > 1_900.0, "{shards} shards: {before}");
        (0..720).for_each(|epoch| world.step(end + 10_000 * epoch, &[]));
        let (scale, (_, leads)) = (world.shards[0].scale().votes, world.table["honest"]);
        assert!((scale / leads - 1.0).abs() < 0.03, "{shards} shards: {before}, then {scale} for {leads} votes");
    }
}

/// From nothing, on and on, with everybody growing: at no time do several people stand at 100.
#[test]
fn in_a_young_world_that_grows_only_the_first_one_has_100() {
    for shards in [1, 3] {
        let model = Model { room: without_room().room, ..Model::with_half_life(3 * DAY) };
        let mut world = World { round: 4, ..World::of(model, shards) };
        for hour in 0..70 {
            let at = START + hour * HOUR;
            for person in 0..12 {
                // Each of them is ahead of the others in turn.
                let count = 1 + (hour / 6 + person * 5) % 12;
                let fan = |fan: i64| (format!("{hour} {person} {fan}"), format!("person{person}"), at);
                world.step(at, &(0..count).map(fan).collect::<Vec<_>>());
            }
            (1..15).for_each(|epoch| world.step(at + 10_000 * epoch, &[]));
            let first = world.table.values().map(|(_, influence)| *influence).fold(0.0, f64::max);
            for (name, (score, influence)) in &world.table {
                let has_as_many = *influence > 0.98 * first;
                assert!(*score < 99.95 || has_as_many, "{shards} shards, hour {hour}, {name}: {:?}", world.table);
            }
        }
        let scale = world.shards[0].scale().votes;
        assert!(scale > 250.0, "{shards} shards: {scale} {:?}", world.table);
        // Once it is older than a half-life the scale belongs to everybody.
        let later = START + 4 * DAY;
        world.step(later, &fans("star", 20_000, later));
        let before = *world.shards[0].scale();
        (1..24 * 60).for_each(|minute| world.step(later + minute * 60_000, &[]));
        let left = world.shards[0].scale().score(before.votes);
        assert!((98.9..99.3).contains(&left), "{shards} shards: whoever had 100 has {left}");
    }
}

/// Where events move the clock an application catches up on history, lives, has a quiet night, and lives on.
#[test]
fn by_the_clock_of_events_the_scale_is_free_until_history_has_been_caught_up_with() {
    let begun = START + 40 * DAY;
    for shards in [1, 3] {
        let model = Model { room: without_room().room, ..Model::with_half_life(5 * DAY) };
        let mut world = World { publishes: false, machine_clock: Some(begun), ..World::of(model, shards) };
        let acts = history(begun, 20);
        for (epoch, part) in (0..).zip(acts.chunks(331)) {
            world.machine_clock = Some(begun + 100 * epoch);
            world.step(part.last().expect("acts").2, part);
        }
        assert!(world.table.is_empty(), "{shards} shards: {:?}", world.table);
        let end = acts.last().expect("acts").2;
        for epoch in 0..60 {
            world.publishes = epoch >= 4;
            world.machine_clock = Some(begun + 10_000 + 100 * epoch);
            world.step(end, &[]);
            assert!(at_the_top(&world) <= 1, "{shards} shards: {:?}", world.table);
        }
        assert_eq!((world.table.len(), at_the_top(&world)), (12, 1), "{shards} shards: {:?}", world.table);
        // It lives: somebody acts each ten minutes.
        let live = |from: Timestamp, minutes: i64, world: &mut World| {
            for minute in (0..minutes).step_by(10) {
                let at = from + minute * 60_000;
                world.machine_clock = Some(at);
                world.step(at, &[(format!("{at}"), format!("person{}", minute % 12), at)]);
            }
        };
        live(begun + HOUR, 24 * 60, &mut world);
        let before = *world.shards[0].scale();
        let attack = begun + HOUR + DAY;
        world.machine_clock = Some(attack);
        world.step(attack, &fans("star", 5_000, attack));
        // Nobody acts for five hours, which is no history.
        for minute in 1..300 {
            world.machine_clock = Some(attack + minute * 60_000);
            world.step(attack, &[]);
        }
        live(attack + 5 * HOUR, 19 * 60, &mut world);
        let left = world.shards[0].scale().score(before.votes);
        assert!((98.9..99.9).contains(&left), "{shards} shards: whoever had 100 has {left}");
    }
}
