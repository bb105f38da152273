//! Daily closes: what they say, of whom, and that nothing else depends on them.

use std::collections::BTreeMap;

use influence::{Arrival, Close, Effects, HashKey, Model, Shard, Slice, end_of_day};
use vocabulary::{Event, Kind, Profile, Timestamp};

const KEY: HashKey = HashKey::new([1, 2]);
const HOUR: Timestamp = 3_600_000;
const DAY: Timestamp = 24 * HOUR;
/// Midnight of 2024-03-01.
const BEGIN: Timestamp = 1_709_251_200_000;
const FIRST_DAY: i64 = BEGIN / DAY;

/// One shard of a live application, whose clock is moved by events.
struct World {
    shard: Shard,
    effects: Effects,
    closes: bool,
    told: Vec<(String, Close)>,
    removed: Vec<String>,
}

impl World {
    fn new(closes: bool) -> World {
        let shard = Shard::new(Model::default(), KEY, 0, 1);
        World { shard, effects: Effects::default(), closes, told: Vec::new(), removed: Vec::new() }
    }

    fn step(&mut self, acts: &[(Timestamp, &str, &str)], profiles: &[Profile<'_>]) {
        let events: Vec<Arrival<'_>> = acts
            .iter()
            .map(|&(at, actor, target)| Arrival { clock: at, event: Event { actor, target, kind: Kind::Mention, at } })
            .collect();
        let machine_clock = Some(BEGIN + 1_000 * DAY);
        let slice = Slice {
            clock: self.shard.now().unwrap_or(Timestamp::MIN),
            profiles,
            events: &events,
            sweep: 10,
            publishes: true,
            machine_clock,
            is_live: true,
            closes_ms: self.closes.then_some(DAY),
            ..Slice::default()
        };
        self.shard.step(&slice, &mut self.effects);
        for close in &self.effects.closes {
            let name = self.shard.name(close.person).expect("nobody is erased by the step that tells a close");
            self.told.push((name.to_owned(), *close));
        }
        self.removed.extend(self.effects.closes_removed.iter().map(|removed| removed.name.to_string()));
    }

    fn image(&self) -> Vec<u8> {
        let mut image = Vec::new();
        self.shard.copy_image(&mut image);
        image
    }

    /// Days since the first, names, and mentions received.
    fn told(&self) -> Vec<(i64, &str, u64)> {
        let told = self.told.iter();
        told.map(|(name, close)| (close.day - FIRST_DAY, name.as_str(), close.score.received.of(Kind::Mention)))
            .collect()
    }
}

#[test]
fn a_close_is_as_of_the_end_of_the_day_before_anything_later_is_taken() {
    let mut world = World::new(true);
    world.step(&[(BEGIN + HOUR, "bo", "ana"), (BEGIN + 2 * HOUR, "cy", "ana"), (BEGIN + 3 * HOUR, "ana", "bo")], &[]);
    assert_eq!(world.told(), [], "the day has not ended");
    // The third mention of ana is of the next day, and so is that of di.
    world.step(
        &[(BEGIN + 23 * HOUR, "cy", "bo"), (BEGIN + 25 * HOUR, "di", "ana"), (BEGIN + 26 * HOUR, "ana", "di")],
        &[],
    );
    assert_eq!(world.told(), [(0, "ana", 2), (0, "bo", 2)]);
    let ana = world.told[0].1.score;
    assert_eq!((ana.as_of, ana.previous), (BEGIN + DAY, None));
    assert!(ana.score > 0.0 && ana.influence > 0.0 && ana.scale >= 100.0);
    let product = ana.reach * ana.amplification * ana.network * ana.openness * ana.room + ana.audience;
    assert!((ana.influence - product).abs() < 1e-9, "its factors multiply to the influence");
    world.step(&[(BEGIN + 2 * DAY, "bo", "ana")], &[]);
    assert_eq!(&world.told()[2..], [(1, "ana", 3), (1, "bo", 2), (1, "di", 1)]);
    assert_eq!(world.told[2].1.score.previous, Some((ana.score * 1e4).round() / 1e4), "the close before");
}

#[test]
fn who_has_not_moved_has_no_close_and_days_without_an_event_are_passed_over() {
    let mut world = World::new(true);
    // At a half-life of 30 days a vote loses a sixth of a point a day.
    world.step(&[(BEGIN + HOUR, "bo", "ana")], &[]);
    world.step(&[(BEGIN + 9 * DAY + HOUR, "ana", "cy")], &[]);
    assert_eq!(world.told(), [(0, "ana", 1), (8, "ana", 1)], "of nine days the first and the last");
    let fell = world.told[0].1.score.score - world.told[1].1.score.score;
    assert!((0.5..3.0).contains(&fell), "{fell}");
    // After so many half-lives nothing is left to move.
    world.step(&[(BEGIN + 2_000 * DAY, "ana", "di")], &[]);
    world.told.clear();
    world.step(&[(BEGIN + 2_001 * DAY, "ana", "di")], &[]);
    assert_eq!(world.told(), [(2_000, "di", 1)], "ana and cy stay at nothing");
}

/// Who was told, when, and all that is exact do not depend on where slices are cut; nor does a score depend on closes.
#[test]
fn slices_of_any_size_give_the_same_closes_and_closes_change_nothing() {
    let names: Vec<String> = (0..40).map(|number| format!("u{number}")).collect();
    let acts: Vec<(Timestamp, &str, &str)> = (0..3_000_usize)
        .map(|place| {
            let at = BEGIN + place as Timestamp * 6 * 60_000;
            (at, names[place * 7 % 40].as_str(), names[place * place * 3 % 37 + 1].as_str())
        })
        .filter(|(_, actor, target)| actor != target)
        .collect();
    let run = |size: usize, closes: bool| {
        let mut world = World::new(closes);
        // There is a scale after the first slice.
        world.step(&acts[..1], &[]);
        acts[1..].chunks(size).for_each(|acts| world.step(acts, &[]));
        world
    };
    let exact = |world: &World| -> BTreeMap<(i64, String), (u64, u64)> {
        let told = world.told.iter();
        told.map(|(name, close)| {
            let Close { day, score, .. } = close;
            ((*day, name.clone()), (score.received.of(Kind::Mention), score.reach.to_bits()))
        })
        .collect()
    };
    let one = run(1, true);
    assert!(one.told.len() > 100, "{}", one.told.len());
    assert!(one.told.windows(2).all(|pair| pair[0].1.day <= pair[1].1.day));
    let day = |world: &World, day: i64| {
        exact(world).into_iter().filter(|((of, _), _)| *of == FIRST_DAY + day).collect::<BTreeMap<_, _>>()
    };
    for size in [7, 240, 1_000] {
        let other = run(size, true);
        // Who has moved by nearly 0.05 may be on the one side here and on the other there.
        for number in 0..10 {
            let (one, other) = (day(&one, number), day(&other, number));
            let both = one.keys().filter(|close| other.contains_key(*close)).count();
            assert!(both * 10 >= one.len().max(other.len()) * 8, "slices of {size}, day {number}: {one:?} {other:?}");
            assert!(
                one.iter().all(|(close, exact)| other.get(close).is_none_or(|other| other == exact)),
                "{one:?} {other:?}"
            );
        }
        assert_eq!(other.told, run(size, true).told, "the same slices give the same closes, bit by bit");
    }
    let (with, without) = (run(100, true), run(100, false));
    assert!(with.shard.scores().eq(without.shard.scores()), "closes change no score");
    assert_eq!(without.told, []);
    assert_eq!(Shard::of_image(&with.image()), Some((0, 1)));
}

/// Twenty thousand people: more than a step tells.
fn crowd() -> (Vec<String>, World) {
    let names: Vec<String> = (0..20_000).map(|number| format!("user {number}")).collect();
    let mut world = World::new(true);
    // Each acts on the next.
    let pairs = names.iter().zip(names.iter().cycle().skip(1));
    let acts: Vec<(Timestamp, &str, &str)> =
        pairs.map(|(actor, target)| (BEGIN + HOUR, actor.as_str(), target.as_str())).collect();
    world.step(&acts, &[]);
    (names, world)
}

#[test]
fn closes_are_told_over_several_steps_and_a_shard_from_an_image_goes_on_with_them() {
    let (names, mut world) = crowd();
    world.step(&[(BEGIN + DAY, "fan", "user 1")], &[]);
    assert_eq!(world.told.len(), 16_384, "no transaction is larger than that");
    assert!(!world.shard.is_at_rest(), "there are more");
    let mut again = World {
        shard: Shard::from_image(&Model::default(), &KEY, 0, 1, &world.image()).expect("an image"),
        told: world.told.clone(),
        ..World::new(true)
    };
    assert_eq!(again.image(), world.image());
    for world in [&mut world, &mut again] {
        world.step(&[(BEGIN + DAY + HOUR, "fan", "user 0")], &[]);
    }
    assert_eq!(world.told, again.told);
    assert_eq!(world.effects.digest, again.effects.digest);
    assert_eq!(world.told.len(), names.len());
    let last = world.told.last().expect("the last one");
    assert_eq!((last.0.as_str(), last.1.score.received.of(Kind::Mention)), ("user 0", 1), "as of the end of the day");
}

#[test]
fn a_day_that_ends_before_all_is_told_has_the_rest_told_first() {
    let (names, mut world) = crowd();
    world.step(&[(BEGIN + DAY, "fan", "user 1")], &[]);
    world.step(&[(BEGIN + 2 * DAY, "fan", "user 2")], &[]);
    while !world.shard.is_at_rest() {
        world.step(&[], &[]);
    }
    let first = world.told.iter().filter(|(_, close)| close.day == FIRST_DAY).count();
    assert_eq!(first, names.len());
    let second: Vec<_> = world.told.iter().skip(first).collect();
    assert!(second.len() > names.len() / 2 && second.iter().all(|(_, close)| close.day == FIRST_DAY + 1));
}

#[test]
fn who_is_erased_has_no_close_any_more_and_begins_anew() {
    let (_, mut world) = crowd();
    world.step(&[(BEGIN + DAY, "fan", "user 1")], &[]);
    let opts = |user, opted_out| Profile { user, opted_out: Some(opted_out), ..Profile::default() };
    // One is told already, one is not, and one was never there.
    world.step(&[], &[opts("user 5", true), opts("user 19000", true), opts("stranger", true)]);
    assert_eq!(world.removed, ["user 5", "user 19000"]);
    let is_told = |world: &World, user: &str| world.told.iter().filter(|(name, _)| name == user).count();
    assert_eq!(["user 5", "user 19000", "user 18999"].map(|user| is_told(&world, user)), [1, 0, 1]);
    world.step(&[(BEGIN + 2 * DAY, "fan", "user 5")], &[opts("user 5", false)]);
    world.step(&[(BEGIN + 3 * DAY, "fan", "user 1")], &[]);
    world.step(&[], &[]);
    world.step(&[], &[]);
    let anew: Vec<_> = world.told.iter().filter(|(name, _)| name == "user 5").skip(1).collect();
    let seen: Vec<_> = anew.iter().map(|(_, close)| (close.day - FIRST_DAY, close.score.previous)).collect();
    assert_eq!(seen, [(2, None)], "without what was before");
    assert_eq!(is_told(&world, "user 19000"), 0);
}

#[test]
fn closes_can_be_switched_off_and_on() {
    let mut world = World::new(false);
    world.step(&[(BEGIN + HOUR, "bo", "ana")], &[]);
    let without = world.image();
    (world.closes, world.shard) = (true, world.shard.clone());
    world.step(&[(BEGIN + DAY - HOUR, "cy", "ana")], &[]);
    assert!(world.image().len() > without.len());
    world.step(&[(BEGIN + DAY, "di", "ana")], &[]);
    assert_eq!(world.told(), [(0, "ana", 2)]);
    world.closes = false;
    world.step(&[(BEGIN + 2 * DAY, "eve", "ana")], &[]);
    assert_eq!(world.told(), [(0, "ana", 2)]);
    world.closes = true;
    world.step(&[(BEGIN + 3 * DAY, "fay", "ana")], &[]);
    world.step(&[(BEGIN + 4 * DAY, "gus", "ana")], &[]);
    assert_eq!(&world.told()[1..], [(2, "ana", 4), (3, "ana", 5)], "from the first slice on that closes days");
    assert_eq!(world.told[1].1.score.previous, None);
}

/// By this machine's clock whoever has no record yet has no close either: the application still reads what was there before it.
#[test]
fn by_the_wall_clock_only_who_was_published_is_closed() {
    for (publishes, expected) in [(true, 1), (false, 0)] {
        let mut shard = Shard::new(Model::default(), KEY, 0, 1);
        let mut effects = Effects::default();
        let event = Event { actor: "bo", target: "ana", kind: Kind::Mention, at: BEGIN };
        let events = [Arrival { clock: BEGIN + HOUR, event }];
        let slice = |clock, events, publishes| Slice {
            clock,
            events,
            sweep: 10,
            publishes,
            is_live: true,
            closes_ms: Some(DAY),
            ..Slice::default()
        };
        shard.step(&slice(BEGIN + HOUR, &events, publishes), &mut effects);
        shard.step(&slice(end_of_day(BEGIN, DAY) + 7, &[], true), &mut effects);
        assert_eq!(effects.closes.len(), expected, "published: {publishes}");
    }
}
