//! Blocks: what they swallow, with whom they go, and what they take.

use influence::exchange::Section;
use influence::{Arrival, Effects, HashKey, Model, Shard, Slice, Taken};
use vocabulary::{Event, Kind, Profile, Timestamp};

const DAY: Timestamp = 86_400_000;
const BEGIN: Timestamp = 1_700_000_000_000;
const KEY: HashKey = HashKey::new([1, 2]);

/// Shards that hear of each other a step later, each of them made anew from its image after each step.
struct Shards {
    model: Model,
    shards: Vec<Shard>,
    told: Vec<Vec<Section>>,
    taken: Taken,
}

impl Shards {
    fn new(model: &Model, shards: u16) -> Shards {
        Shards {
            model: model.clone(),
            shards: (0..shards).map(|number| Shard::new(model.clone(), KEY, number, shards)).collect(),
            told: (0..shards).map(|_| Vec::new()).collect(),
            taken: Taken::default(),
        }
    }

    fn home(&self, name: &str) -> u16 {
        match self.shards.len() as u16 {
            1 => 0,
            shards => self.model.partitioner.partition(name, shards),
        }
    }

    fn step(&mut self, clock: Timestamp, profiles: &[Profile<'_>], events: &[Event<'_>]) {
        let count = self.shards.len() as u16;
        let mut told: Vec<Vec<Section>> = (0..count).map(|_| Vec::new()).collect();
        for number in 0..count {
            let events = events.iter().filter(|event| self.home(event.actor) == number);
            let events: Vec<Arrival<'_>> = events.map(|&event| Arrival { clock, event }).collect();
            let profiles: Vec<Profile<'_>> =
                profiles.iter().filter(|profile| self.home(profile.user) == number).cloned().collect();
            let place = usize::from(number);
            let exchange: Vec<&Section> = self.told[place].iter().collect();
            let (sweep, publishes) = (self.shards[place].people_len(), true);
            let slice = Slice {
                clock,
                exchange: &exchange,
                profiles: &profiles,
                events: &events,
                sweep,
                publishes,
                ..Slice::default()
            };
            let mut effects = Effects::default();
            self.shards[place].step(&slice, &mut effects);
            self.taken.add(&effects.taken);
            for (receiver, section) in effects.exchange.into_iter().enumerate().filter(|(_, told)| !told.is_empty()) {
                told[receiver].push(section);
            }
            let mut image = Vec::new();
            self.shards[place].copy_image(&mut image);
            let again = Shard::from_image(&self.model, &KEY, number, count, &image).expect("an image");
            let mut twin = Vec::new();
            again.copy_image(&mut twin);
            assert!(twin == image, "the image of a shard that was made from an image is that image");
            self.shards[place] = again;
        }
        self.told = told;
    }

    /// Some acts, one behind the other, and nobody is in a hurry.
    fn play(&mut self, clock: Timestamp, events: &[Event<'_>]) {
        for event in events {
            self.step(clock, &[], &[*event]);
            self.step(clock, &[], &[]);
        }
    }

    fn profile(&mut self, clock: Timestamp, user: &str, opted_out: bool) {
        self.step(clock, &[Profile { user, opted_out: Some(opted_out), ..Profile::default() }], &[]);
        (0..3).for_each(|_| self.step(clock, &[], &[]));
    }

    fn likes(&self, user: &str) -> u64 {
        self.shards.iter().find_map(|shard| shard.score(user)).map_or(0, |score| score.received.of(Kind::Like))
    }

    fn blocks(&self) -> u64 {
        self.shards.iter().map(|shard| shard.sizes().blocks).sum()
    }
}

/// Names of different shards, if there are several.
fn apart(shards: &Shards) -> [String; 2] {
    let other = (shards.shards.len() > 1) as u16;
    [(0, "ana"), (other, "bo")].map(|(home, name)| {
        (0..).map(|number| format!("{name}{number}")).find(|name| shards.home(name) == home).expect("one of them")
    })
}

fn act<'a>(actor: &'a str, kind: Kind, target: &'a str, at: Timestamp) -> Event<'a> {
    Event { actor, target, kind, at }
}

fn model() -> Model {
    Model::with_half_life(DAY)
}

#[test]
fn what_comes_after_a_block_gives_nothing_until_it_ends() {
    for count in [1, 2, 5] {
        let mut shards = Shards::new(&model(), count);
        let [ana, bo] = &apart(&shards);
        let act = |actor, kind, target| Event { actor, target, kind, at: BEGIN };
        let swallowed = |shards: &Shards| shards.taken.blocked;
        shards.play(BEGIN, &[act(bo, Kind::Like, ana), act(bo, Kind::Follow, ana), act(ana, Kind::Block, bo)]);
        assert_eq!((shards.likes(ana), swallowed(&shards), shards.blocks()), (1, 0, 1), "{count} shards");
        // A block is made twice, and ends once.
        shards.play(BEGIN, &[act(bo, Kind::Like, ana), act(ana, Kind::Block, bo), act(bo, Kind::Quote, ana)]);
        assert_eq!((shards.likes(ana), swallowed(&shards), shards.blocks()), (1, 2, 1), "{count} shards");
        // What the one who blocks does counts, and so does what the other does to somebody else, and the end of a follow.
        shards.play(BEGIN, &[act(ana, Kind::Like, bo), act(bo, Kind::Like, "cy"), act(bo, Kind::Unfollow, ana)]);
        assert_eq!((shards.likes(bo), shards.likes("cy"), swallowed(&shards)), (1, 1, 2), "{count} shards");
        shards.play(BEGIN, &[act(bo, Kind::Follow, ana), act(ana, Kind::Unblock, bo), act(bo, Kind::Like, ana)]);
        assert_eq!((shards.likes(ana), swallowed(&shards), shards.blocks()), (2, 3, 0), "{count} shards");
        let followers = shards.shards.iter().find_map(|shard| shard.score(ana)).expect("ana is rated").followers;
        assert_eq!(followers, 0, "{count} shards: the unfollow counted, and the follow after it did not");
        assert_eq!(shards.taken.accepted[Kind::Block], 2);
        // An end of nothing, and a block of oneself.
        shards.play(BEGIN, &[act(ana, Kind::Unblock, bo), act(ana, Kind::Block, ana), act(ana, Kind::Unblock, "dee")]);
        assert_eq!((shards.blocks(), shards.taken.self_acts), (0, 1), "{count} shards");
    }
}

/// The last one to arrive, whatever it says of its time: nothing is older than what has happened.
#[test]
fn of_a_block_and_its_end_the_last_to_arrive_holds() {
    for count in [1, 3] {
        for (first, second, blocks) in [(Kind::Block, Kind::Unblock, 0), (Kind::Unblock, Kind::Block, 1)] {
            for (times, is_apart) in [((0, 1), true), ((1, 0), true), ((1, 0), false), ((0, 1_000 * DAY), false)] {
                let mut shards = Shards::new(&model(), count);
                let [ana, bo] = &apart(&shards);
                let act = |kind, ago| Event { actor: ana, target: bo, kind, at: BEGIN - ago };
                let events = [act(first, times.0), act(second, times.1)];
                if is_apart {
                    shards.play(BEGIN, &events);
                } else {
                    shards.step(BEGIN, &[], &events);
                    shards.step(BEGIN, &[], &[]);
                }
                assert_eq!(shards.blocks(), blocks, "{count} shards, {first:?}, {times:?}");
            }
        }
    }
}

/// With either of both a block goes, and comes back with neither; and it outlives all else of them.
#[test]
fn a_block_goes_with_either_and_with_nothing_else() {
    for count in [1, 2, 5] {
        for who in [0, 1] {
            let mut shards = Shards::new(&model(), count);
            let names = apart(&shards);
            let [ana, bo] = &names;
            shards.play(BEGIN, &[act(bo, Kind::Like, ana, BEGIN), act(ana, Kind::Block, bo, BEGIN)]);
            assert_eq!(shards.blocks(), 1);
            shards.profile(BEGIN, &names[who], true);
            assert_eq!(shards.blocks(), 0, "{count} shards");
            // Nobody blocks whoever is erased, and whoever is erased blocks nobody.
            shards.play(BEGIN, &[act(ana, Kind::Block, bo, BEGIN)]);
            assert_eq!(shards.blocks(), 0, "{count} shards");
            shards.profile(BEGIN, &names[who], false);
            (0..6).for_each(|_| shards.step(BEGIN, &[], &[]));
            shards.play(BEGIN, &[act(bo, Kind::Like, ana, BEGIN)]);
            assert_eq!((shards.taken.blocked, shards.likes(ana) > 0), (0, true), "{count} shards");
            shards.play(BEGIN, &[act(ana, Kind::Block, bo, BEGIN), act(bo, Kind::Like, ana, BEGIN)]);
            assert_eq!((shards.taken.blocked, shards.blocks()), (1, 1), "{count} shards");
        }
        let forgets = Model { forget_after_ms: Some(3 * DAY), ..model() };
        let mut shards = Shards::new(&forgets, count);
        let [ana, bo] = &apart(&shards);
        shards.play(BEGIN, &[act(ana, Kind::Block, bo, BEGIN)]);
        let later = BEGIN + 100 * DAY;
        (0..10).for_each(|hour| shards.step(later + hour, &[], &[]));
        shards.play(later + DAY, &[act(bo, Kind::Like, ana, later + DAY)]);
        assert_eq!((shards.taken.blocked, shards.blocks(), shards.likes(ana)), (1, 1, 0), "{count} shards");
        // With its end there is nothing left of the two.
        shards.play(later + DAY, &[act(ana, Kind::Unblock, bo, later + DAY)]);
        (2..30).for_each(|day| shards.step(later + day * DAY, &[], &[]));
        let people: u64 = shards.shards.iter().map(|shard| shard.sizes().people).sum();
        assert_eq!((shards.blocks(), people), (0, 0), "{count} shards");
    }
}

/// Somebody of another shard is known by the block alone at first, and acts on them say the name.
#[test]
fn whoever_is_known_by_a_block_is_found_by_name() {
    let mut shards = Shards::new(&model(), 2);
    let [ana, bo] = &apart(&shards);
    let act = |actor, kind, target| Event { actor, target, kind, at: BEGIN };
    shards.play(BEGIN, &[act(ana, Kind::Block, bo)]);
    let known = |shards: &Shards| shards.shards.iter().map(|shard| shard.sizes().remotes).collect::<Vec<_>>();
    assert_eq!(known(&shards), [1, 1]);
    shards.play(BEGIN, &[act(bo, Kind::Like, ana), act(ana, Kind::Unblock, bo), act(bo, Kind::Like, ana)]);
    assert_eq!((known(&shards), shards.taken.blocked, shards.likes(ana)), (vec![1, 1], 1, 1));
    assert!(shards.shards.iter().any(|shard| shard.names().any(|name| name == ana)));
}

/// A world without blocks has the image of one that knows of none, and no byte more.
#[test]
fn whoever_blocks_nobody_takes_no_byte_for_it() {
    let images = [false, true].map(|has_blocks| {
        let mut shards = Shards::new(&model(), 1);
        let names: Vec<String> = (0..100).map(|number| format!("u{number}")).collect();
        let act = |actor: usize, kind, target: usize| {
            let (actor, target) = (&*names[actor % 100], &*names[target % 100]);
            Event { actor, target, kind, at: BEGIN }
        };
        let events: Vec<_> = (0..2_000).map(|n| act(n, Kind::Like, n * 7 + 1 + n / 100)).collect();
        shards.step(BEGIN, &[], &events);
        let before = shards.shards[0].sizes();
        if has_blocks {
            let pairs = || (0..1_000).map(|n| (n, n * 3 + 1 + n / 100));
            let blocks: Vec<_> = pairs().map(|(one, other)| act(one, Kind::Block, other)).collect();
            shards.step(BEGIN, &[], &blocks);
            let sizes = shards.shards[0].sizes();
            let bytes = sizes.follows_bytes - before.follows_bytes;
            assert!(bytes > 0 && bytes <= sizes.blocks * 40, "{bytes} bytes for {} blocks", sizes.blocks);
            let ends: Vec<_> = pairs().map(|(one, other)| act(one, Kind::Unblock, other)).collect();
            shards.step(BEGIN, &[], &ends);
        } else {
            (0..2).for_each(|_| shards.step(BEGIN, &[], &[]));
        }
        assert_eq!(shards.shards[0].sizes().follows_bytes, before.follows_bytes);
        let mut image = Vec::new();
        shards.shards[0].copy_image(&mut image);
        image
    });
    assert_eq!(images[0][0], 13, "the version of the format");
    assert_eq!(images[0].len(), images[1].len());
}

/// What finds no room is refused and counted, on either side.
#[test]
fn blocks_beyond_the_limits_are_refused() {
    for count in [1, 2] {
        let limits = influence::Limits { row: 3, ..influence::Limits::MAX };
        let mut shards = Shards::new(&Model { limits, ..model() }, count);
        let names: Vec<String> = (0..20).map(|number| format!("u{number}")).collect();
        let events: Vec<_> = names
            .iter()
            .flat_map(|name| [("ana", &**name), (name, "bo")])
            .map(|(actor, target)| Event { actor, target, kind: Kind::Block, at: BEGIN })
            .collect();
        shards.step(BEGIN, &[], &events);
        shards.step(BEGIN, &[], &[]);
        assert!(shards.blocks() >= 6 && shards.blocks() < 16, "{} blocks", shards.blocks());
        assert!(shards.taken.refused >= 24, "{:?}", shards.taken);
    }
}
