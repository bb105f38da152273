//! What is published while a new world is read: never against a scale that does not know the people yet.

use std::collections::BTreeMap;

use influence::exchange::Section;
use influence::{Arrival, Effects, HashKey, Model, Partitioner, Shard, Slice};
use vocabulary::{Event, Kind, Timestamp};

const HOUR: Timestamp = 3_600_000;
const START: Timestamp = 1_700_000_000_000;

/// Shards that tell each other what they have to, an epoch later, and the table of all that was published.
struct World {
    shards: Vec<Shard>,
    inboxes: Vec<Vec<Section>>,
    table: BTreeMap<String, (f64, f64)>,
    partitioner: Partitioner,
}

impl World {
    fn new(shards: u16) -> World {
        let model = Model::with_half_life(24 * HOUR);
        World {
            shards: (0..shards).map(|shard| Shard::new(model.clone(), HashKey::new([1, 2]), shard, shards)).collect(),
            inboxes: vec![Vec::new(); usize::from(shards)],
            table: BTreeMap::new(),
            partitioner: model.partitioner,
        }
    }

    fn step(&mut self, clock: Timestamp, acts: &[(String, String, Timestamp)]) {
        let shards = self.shards.len() as u16;
        let inboxes = std::mem::replace(&mut self.inboxes, vec![Vec::new(); usize::from(shards)]);
        for ((number, shard), inbox) in (0..).zip(&mut self.shards).zip(&inboxes) {
            let own = acts.iter().filter(|(actor, ..)| self.partitioner.partition(actor, shards) == number);
            let event = |(actor, target, at): &'_ (String, String, Timestamp)| (actor.clone(), target.clone(), *at);
            let own: Vec<_> = own.map(event).collect();
            let arrival = |(actor, target, at): &'static (String, String, Timestamp)| Arrival {
                clock: *at,
                event: Event { actor, target, kind: Kind::Retweet, at: *at },
            };
            // Leaked: a test is short.
            let events: Vec<Arrival<'static>> = Vec::leak(own).iter().map(arrival).collect();
            let exchange: Vec<&Section> = inbox.iter().collect();
            let sweep = shard.people_len().div_ceil(40);
            let slice =
                Slice { clock, exchange: &exchange, events: &events, sweep, publishes: true, ..Slice::default() };
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
fn by_the_clock_of_events_the_scale_needs_no_time_behind_the_last_one() {
    let acts = acts();
    let mut world = World::new(3);
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
