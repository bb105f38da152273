//! A shard that was made from an image does what the original does, bit by bit, and a step's digest tells apart
//! whatever is not the same.
use crate::common::*;
use influence::exchange::Section;
use influence::{Arrival, Effects, HashKey, Model, Partitioner, Shard, Slice};
use oracle::Input;
use vocabulary::{Profile, Timestamp};

/// Slices hold up to so many records.
const SLICE_RECORDS_MAX: usize = 40;

/// One under which names share keys, for some seeds.
fn key(seed: u64) -> HashKey {
    KEY.with_bits(if seed % 7 == 3 { 5 } else { 64 })
}

/// A model in which much is under way: budgets that leave pushes undone.
fn model(seed: u64) -> Model {
    let edges_a_step_max = [1 << 18, 1, 30][(seed % 3) as usize];
    let partitioner = [Partitioner::Murmur2, Partitioner::Crc32][(seed / 2 % 2) as usize];
    Model { edges_a_step_max, partitioner, ..Model::with_half_life(HOUR) }
}

fn small(seed: u64, model: &Model) -> Small {
    Small::of(seed, model, [0.1, 0.9, 2.5, 7.0, 14.0][(seed % 5) as usize], seed % 2 == 1)
}

/// One epoch of one shard.
#[derive(Clone, Default)]
struct Round<'a> {
    clock: Timestamp,
    sections: Vec<Section>,
    profiles: Vec<Profile<'a>>,
    events: Vec<Arrival<'a>>,
    sweep: u32,
    publishes: bool,
    settles: bool,
    closes_ms: Option<Timestamp>,
}

impl Round<'_> {
    fn step(&self, shard: &mut Shard) -> Effects {
        let exchange: Vec<&Section> = self.sections.iter().collect();
        let slice = Slice {
            clock: self.clock,
            exchange: &exchange,
            profiles: &self.profiles,
            events: &self.events,
            sweep: self.sweep,
            publishes: self.publishes,
            settles: self.settles,
            closes_ms: self.closes_ms,
            ..Slice::default()
        };
        let mut effects = Effects::default();
        shard.step(&slice, &mut effects);
        effects
    }
}

/// Some shards, and what has been told and not yet heard.
struct Run<'a> {
    shards: Vec<Shard>,
    partitioner: Partitioner,
    mail: Vec<Vec<Section>>,
    rest: &'a [Input<'a>],
    clock: Timestamp,
    dice: Dice,
    /// Milliseconds of a day that is closed.
    closes_ms: Option<Timestamp>,
}

impl<'a> Run<'a> {
    fn new(model: &Model, shards: u16, seed: u64, inputs: &'a [Input<'a>]) -> Run<'a> {
        Run {
            shards: (0..shards).map(|shard| Shard::new(model.clone(), key(seed), shard, shards)).collect(),
            partitioner: model.partitioner,
            mail: vec![Vec::new(); usize::from(shards)],
            rest: inputs,
            clock: Timestamp::MIN,
            dice: Dice::new(seed),
            closes_ms: [None, Some(HOUR), Some(7 * HOUR)][(seed % 3) as usize],
        }
    }

    /// The next records, for each shard its own, and what it hears of the others; `None` at the end of the world.
    fn rounds(&mut self) -> Option<Vec<Round<'a>>> {
        if self.rest.is_empty() {
            return None;
        }
        let count = 1 + self.dice.roll(SLICE_RECORDS_MAX);
        let (inputs, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        let mut rounds = vec![Round::default(); self.shards.len()];
        for input in inputs {
            self.deal(input, &mut rounds);
        }
        for (round, mail) in rounds.iter_mut().zip(&mut self.mail) {
            // Some is heard later, in the order in which it was told.
            let heard = if self.dice.roll(4) == 0 { self.dice.roll(mail.len() + 1) } else { mail.len() };
            round.sections = mail.drain(..heard).collect();
            round.clock = self.clock;
            round.sweep = [0, 1, 5, u32::MAX][self.dice.roll(4)];
            round.publishes = self.dice.roll(5) > 0;
            round.settles = self.dice.roll(9) == 0;
            round.closes_ms = self.closes_ms;
        }
        Some(rounds)
    }

    fn deal(&mut self, input: &Input<'a>, rounds: &mut [Round<'a>]) {
        match input {
            Input::Clock(clock) => self.clock = self.clock.max(*clock),
            Input::Act(act) => {
                self.clock = self.clock.max(act.at_ms);
                let arrival = Arrival { clock: self.clock, event: event(act) };
                rounds[self.shard_of(act.actor)].events.push(arrival);
            }
            Input::Profile(change) => rounds[self.shard_of(change.user)].profiles.push(profile(change)),
        }
    }

    fn shard_of(&self, name: &str) -> usize {
        usize::from(self.partitioner.partition(name, self.shards.len() as u16))
    }

    fn post(&mut self, effects: Effects) {
        for (mail, section) in self.mail.iter_mut().zip(effects.exchange) {
            if !section.is_empty() {
                mail.push(section);
            }
        }
    }

    /// Steps all shards through so many rounds.
    fn advance(&mut self, rounds: usize) {
        for _ in 0..rounds {
            let Some(rounds) = self.rounds() else { return };
            for (shard, round) in rounds.iter().enumerate() {
                let effects = round.step(&mut self.shards[shard]);
                self.post(effects);
            }
        }
    }
}

fn image(shard: &Shard) -> Vec<u8> {
    // What was in the buffer before does not matter.
    let mut image = vec![0xaa; 1_000];
    shard.copy_image(&mut image);
    assert_eq!(image.len(), shard.image_bytes());
    image
}

/// What the worlds were made for: that it happened.
#[derive(Debug, Default)]
struct Seen {
    images: usize,
    queued: usize,
    remotes: usize,
    follows: usize,
    erased: usize,
    collisions: usize,
    strangers: usize,
    landmark_moves: usize,
    levels: u64,
}

#[test]
fn a_shard_from_an_image_goes_on_as_the_original() {
    let mut seen = Seen::default();
    for seed in 0..300 {
        let model = model(seed);
        let small = small(seed, &model);
        let shards = [1, 2, 3, 5][(seed / 3 % 4) as usize];
        go_on_beside_twins(seed, &model, shards, &small.inputs(), &mut seen);
    }
    eprintln!("{seen:?}");
    assert!(seen.images > 3_000 && seen.queued > 500 && seen.remotes > 1_000 && seen.follows > 1_000);
    assert!(
        seen.erased > 50 && seen.collisions > 50 && seen.strangers > 50 && seen.landmark_moves > 50 && seen.levels > 50
    );
}

fn go_on_beside_twins(seed: u64, model: &Model, shards: u16, inputs: &[Input<'_>], seen: &mut Seen) {
    let mut run = Run::new(model, shards, seed, inputs);
    let mut twins = run.shards.clone();
    let mut epoch = 0;
    while let Some(rounds) = run.rounds() {
        epoch += 1;
        let images_are_taken = run.dice.roll(4) == 0;
        for (number, round) in rounds.iter().enumerate() {
            let landmark = run.shards[number].landmark();
            let effects = round.step(&mut run.shards[number]);
            let same = round.step(&mut twins[number]);
            assert_eq!(format!("{same:?}"), format!("{effects:?}"), "seed {seed}, epoch {epoch}, shard {number}");
            seen.erased += effects.removed.len();
            seen.collisions += effects.collisions.len();
            let told = round.sections.iter().flat_map(|section| &section.names);
            let left_out = |name: &str| effects.collisions.iter().any(|collision| collision.second == name);
            seen.strangers += told.filter(|name| left_out(name)).count();
            seen.levels += effects.levels_changed;
            seen.landmark_moves += usize::from(![0, run.shards[number].landmark()].contains(&landmark));
            run.post(effects);
            if images_are_taken {
                let image = image(&run.shards[number]);
                assert!(image == self::image(&twins[number]), "seed {seed}, epoch {epoch}, shard {number}: image");
                twins[number] = restored(model, key(seed), number as u16, shards, &image);
                let sizes = run.shards[number].sizes();
                seen.images += 1;
                seen.queued += usize::from(sizes.queued > 0);
                seen.remotes += usize::from(sizes.remotes > 0);
                seen.follows += usize::from(sizes.follows > 0);
            }
        }
    }
}

fn restored(model: &Model, key: HashKey, shard: u16, shards: u16, image: &[u8]) -> Shard {
    let restored = Shard::from_image(model, &key, shard, shards, image).expect("an image");
    assert!(self::image(&restored) == image, "the image of a restored shard is that image");
    restored
}

/// Whatever the change, in any part of what a shard is given: another state or other effects have another digest.
#[test]
fn a_digest_tells_apart_whatever_is_not_the_same() {
    let (mut tried, mut different) = (0, 0);
    for seed in 1_000..1_300 {
        let model = model(seed);
        let small = small(seed, &model);
        let inputs = small.inputs();
        let mut run = Run::new(&model, [1, 2, 3][(seed % 3) as usize], seed, &inputs);
        let epochs = run.dice.roll(12);
        run.advance(epochs);
        let Some(rounds) = run.rounds() else { continue };
        for (number, round) in rounds.iter().enumerate() {
            let step = |round: &Round<'_>| {
                let mut shard = run.shards[number].clone();
                let effects = round.step(&mut shard);
                (effects.digest, image(&shard), format!("{:?}", Effects { digest: 0, ..effects }))
            };
            let known = step(round);
            assert!(known == step(round));
            for _ in 0..30 {
                let (what, changed) = changed(round, &mut Dice::new(run.dice.roll(usize::MAX) as u64), small.names());
                let found = step(&changed);
                let is_same = (&found.1, &found.2) == (&known.1, &known.2);
                assert!(is_same || found.0 != known.0, "seed {seed}, shard {number}: {what}");
                tried += 1;
                different += usize::from(!is_same);
            }
        }
    }
    eprintln!("{different} of {tried} changes made a difference");
    assert!(different * 2 > tried);
}

/// A slice with one thing in it changed.
fn changed<'a>(round: &Round<'a>, dice: &mut Dice, names: &'a [String]) -> (String, Round<'a>) {
    let mut changed = round.clone();
    let any_name = &names[dice.roll(names.len())][..];
    let entry = |dice: &mut Dice, len: usize| (len > 0).then(|| dice.roll(len));
    if let Some(place) = entry(dice, round.events.len())
        && dice.roll(3) > 0
    {
        let event = &mut changed.events[place].event;
        match dice.roll(6) {
            0 => event.actor = any_name,
            1 => event.target = any_name,
            2 => event.target = "somebody who never was",
            3 => event.at -= 60_000 * (1 + dice.roll(300) as i64),
            4 => event.kind = vocabulary::Kind::ALL[dice.roll(vocabulary::Kind::COUNT)],
            _ => drop(changed.events.remove(place)),
        }
        return (format!("{:?} changed", round.events[place]), changed);
    }
    if let Some(place) = entry(dice, round.profiles.len())
        && dice.roll(2) > 0
    {
        let profile = &mut changed.profiles[place];
        match dice.roll(3) {
            0 => profile.opted_out = if profile.opted_out == Some(true) { None } else { Some(true) },
            1 => profile.trust = Some(0.625),
            _ => profile.user = any_name,
        }
        return (format!("{:?} changed", round.profiles[place]), changed);
    }
    if let Some(place) = entry(dice, round.sections.len())
        && dice.roll(5) > 0
    {
        return (change_section(&mut changed.sections[place], dice), changed);
    }
    match dice.roll(4) {
        0 => changed.clock += 1 + dice.roll(100 * HOUR as usize) as i64,
        1 => changed.sweep = dice.roll(5) as u32,
        2 => changed.publishes = !changed.publishes,
        _ => changed.settles = !changed.settles,
    }
    ("the plan changed".to_owned(), changed)
}

fn change_section(section: &mut Section, dice: &mut Dice) -> String {
    let before = format!("{section:?}");
    let (which, place) = (dice.roll(8), dice.roll(1 << 20));
    match which {
        1.. if !section.blocks.is_empty() && place % 5 == 0 => {
            any(&mut section.blocks, place).into_iter().for_each(|notice| notice.blocks ^= true);
        }
        0 => drop(any(&mut section.names, place).map(|name| *name = "somebody else".into())),
        1 => drop(any(&mut section.contacts, place).map(|contact| contact.endorsement *= 0.5)),
        2 => drop(any(&mut section.contacts, place).map(|contact| contact.wants_answer ^= true)),
        3 => drop(any(&mut section.follows, place).map(|notice| notice.follows ^= true)),
        4 => drop(any(&mut section.audiences, place).map(|change| change.followers += 1)),
        5 => drop(section.scale.as_mut().map(|scale| scale.votes += 0.25)),
        6 if place % 4 == 0 => drop(section.report.as_mut().map(|report| report.is_opening ^= true)),
        6 if place % 4 == 1 => drop(section.report.as_mut().map(|report| report.is_young ^= true)),
        6 if place % 4 == 2 => drop(section.report.as_mut().map(|report| report.taken += 0.25)),
        6 => drop(section.report.as_mut().map(|report| report.largest += 0.25)),
        _ => drop(any(&mut section.endorse, place).map(|entry| change_sums(&mut entry.change, dice))),
    }
    format!("{before} changed")
}

fn any<T>(entries: &mut [T], place: usize) -> Option<&mut T> {
    let len = entries.len().max(1);
    entries.get_mut(place % len)
}

fn change_sums(change: &mut influence::exchange::Change, dice: &mut Dice) {
    match dice.roll(6) {
        0 => change.given *= 1.25,
        1 => change.returned += 0.25,
        2 => change.reach += 0.25,
        3 => change.weight += 0.25,
        4 => change.fans += 1,
        _ => change.received.get_mut(vocabulary::Kind::Reply).into_iter().for_each(|count| *count += 1),
    }
}

/// A shard among three in which there is some of everything, and what comes next.
fn busy<'a>(seed: u64, model: &Model, inputs: &'a [Input<'a>]) -> (Shard, Vec<Round<'a>>) {
    let mut run = Run::new(model, 3, seed, inputs);
    run.advance(8);
    let shard = run.shards[0].clone();
    let rounds = (0..4).filter_map(|_| run.rounds()).map(|mut rounds| rounds.swap_remove(0)).collect();
    (shard, rounds)
}

#[test]
fn images_of_others_are_refused_and_say_why() {
    let model = model(0);
    let small = small(0, &model);
    let inputs = small.inputs();
    let (shard, _) = busy(0, &model, &inputs);
    let image = image(&shard);
    let refused_under = |key: HashKey, model: &Model, shard, shards, image: &[u8]| {
        Shard::from_image(model, &key, shard, shards, image).expect_err("it is refused").to_string()
    };
    let refused = |model: &Model, shard, shards, image: &[u8]| refused_under(key(0), model, shard, shards, image);
    let mut newer = image.clone();
    newer[0] += 16;
    let mut longer = image.clone();
    longer.push(0);
    let messages = [
        refused(&model, 0, 4, &image),
        refused(&model, 1, 3, &image),
        refused(&Model { rho: 0.8, ..model.clone() }, 0, 3, &image),
        refused_under(HashKey::new([1, 3]), &model, 0, 3, &image),
        refused(&model, 0, 3, &newer),
        refused(&model, 0, 3, &longer),
        refused(&model, 0, 3, &image[..image.len() - 1]),
        refused(&model, 0, 3, &image[..image.len() / 2]),
        refused(&model, 0, 3, &[]),
    ];
    expect_test::expect![[r#"
        it is of shard 0 of 3, not of 0 of 4
        it is of shard 0 of 3, not of 1 of 3
        it is of a model with other parameters, or another hash key
        it is of a model with other parameters, or another hash key
        it is of version 29 of the format, this program reads versions 5 to 28: the shard is made anew from its events
        there are bytes after its end
        it breaks off
        edges: 38 entries are more than there are bytes
        it breaks off"#]]
    .assert_eq(&messages.join("\n"));
}

#[test]
fn no_part_of_an_image_is_one() {
    let model = model(4);
    let small = small(4, &model);
    let inputs = small.inputs();
    let (shard, _) = busy(4, &model, &inputs);
    let image = image(&shard);
    for len in (0..image.len()).rev().step_by(7) {
        assert!(Shard::from_image(&model, &key(4), 0, 3, &image[..len]).is_err(), "{len} of {} bytes", image.len());
    }
}

/// Damage that makes tables not fit together is seen. Other damage makes another shard's image: it goes on, wrongly,
/// and does not panic.
#[test]
fn damaged_images_are_refused_or_go_on() {
    let (mut refused, mut accepted) = (0, 0);
    for seed in 0..30 {
        let model = model(seed);
        let small = small(seed, &model);
        let inputs = small.inputs();
        let (shard, rounds) = busy(seed, &model, &inputs);
        let image = image(&shard);
        let mut dice = Dice::new(seed);
        for _ in 0..1_500 {
            let damaged = damaged(&image, &mut dice);
            match Shard::from_image(&model, &key(seed), 0, 3, &damaged) {
                Err(_) => refused += 1,
                Ok(mut found) => {
                    // What says that it is of a version before becomes one of now.
                    let is_older = damaged[0] < 13;
                    let is_same = self::image(&found) == damaged;
                    assert!(is_same || is_older, "seed {seed}: an image of what was read is what was read");
                    rounds.iter().for_each(|round| drop(round.step(&mut found)));
                    accepted += 1;
                }
            }
        }
    }
    eprintln!("{refused} refused, {accepted} accepted");
    assert!(refused > 15_000 && accepted > 5_000);
}

/// A bit flipped, a word replaced, or one part copied over another.
fn damaged(image: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut damaged = image.to_vec();
    // The header is small: it comes more often than by chance.
    let end = [image.len(), image.len() / 2, 200][dice.roll(3)].min(image.len());
    let place = dice.roll(end);
    match dice.roll(4) {
        0 | 1 => damaged[place] ^= 1 << dice.roll(8),
        2 => {
            let word = place / 4 * 4;
            let value = [0, 1, u32::MAX, 1 << 31, dice.roll(100) as u32][dice.roll(5)];
            damaged.get_mut(word..word + 4).into_iter().for_each(|word| word.copy_from_slice(&value.to_le_bytes()));
        }
        _ => {
            let (from, len) = (dice.roll(image.len()) / 8 * 8, 8 * (1 + dice.roll(4)));
            let from = from.min(image.len() - len);
            let to = (place / 8 * 8).min(image.len() - len);
            damaged.copy_within(from..from + len, to);
        }
    }
    damaged
}
