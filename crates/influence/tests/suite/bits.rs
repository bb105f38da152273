//! Whatever the bits of what it is given: a shard does not panic, its numbers are finite, and what it cannot hold it
//! refuses and counts.

use influence::exchange::{AudienceChange, BlockNotice, Change, Contact, Endorse, FollowNotice, Section};
use influence::scale::{Report, SCALE_FLOOR_MIN, Scale};
use influence::{Arrival, Effects, HashKey, LEVELS, Limits, Model, Shard, Slice};
use vocabulary::{Counts, Event, Kind, NAME_BYTES_MAX, Profile, Score, TRUST_MAX, Timestamp};

const KEY: HashKey = HashKey::new([1, 2]);

/// Small numbers that look like chance, from a seed.
struct Dice(u64);

impl Dice {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ self.0 >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        mixed ^ mixed >> 33
    }

    fn roll(&mut self, below: usize) -> usize {
        (self.bits() % below as u64) as usize
    }

    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.roll(values.len())]
    }

    /// Any bits, with those at the ends more often than by chance.
    fn float(&mut self) -> f64 {
        let odd = [0.0, -0.0, 1.0, f64::NAN, f64::INFINITY, -f64::INFINITY, f64::MAX, f64::MIN, 5e-324, 1e100, 1e150];
        if self.roll(2) == 0 { self.one_of(&odd) } else { f64::from_bits(self.bits()) }
    }

    fn single(&mut self) -> f32 {
        if self.roll(2) == 0 { self.float() as f32 } else { f32::from_bits(self.bits() as u32) }
    }

    fn time(&mut self) -> Timestamp {
        let odd = [0, 1, -1, Timestamp::MIN, Timestamp::MIN + 1, Timestamp::MAX, 1 << 60, 1_700_000_000_000];
        match self.roll(4) {
            0 => self.one_of(&odd),
            1 => self.bits() as i64,
            _ => 1_700_000_000_000 + self.roll(1_000_000_000) as i64,
        }
    }

    fn count(&mut self) -> i32 {
        if self.roll(3) == 0 { self.one_of(&[i32::MIN, -1, 0, 1, i32::MAX]) } else { self.roll(5) as i32 }
    }
}

fn name(number: usize) -> String {
    format!("user {number}")
}

/// What another shard would never say.
fn section(dice: &mut Dice, keys: &[u64]) -> Section {
    let some = |dice: &mut Dice| dice.roll(6);
    let change = |dice: &mut Dice| Change {
        given: dice.float(),
        returned: dice.float(),
        reach: dice.float(),
        weight: dice.float(),
        whole: dice.float(),
        known: dice.float(),
        newest: dice.single(),
        fans: dice.count(),
        received: Counts::new(std::array::from_fn(|_| dice.count() as u32)),
    };
    let endorse = (0..some(dice)).map(|_| Endorse { target: dice.one_of(keys), change: change(dice) }).collect();
    let contact = |dice: &mut Dice| Contact {
        actor: dice.one_of(keys),
        target: dice.one_of(keys),
        endorsement: dice.single(),
        wants_answer: dice.roll(2) == 0,
    };
    let notice = |dice: &mut Dice| FollowNotice {
        actor: dice.one_of(keys),
        target: dice.one_of(keys),
        follows: dice.roll(2) == 0,
        wants_answer: dice.roll(2) == 0,
    };
    let audience = |dice: &mut Dice| AudienceChange {
        target: dice.one_of(keys),
        level: dice.one_of(&[0, 1, LEVELS as u8 - 1, LEVELS as u8, u8::MAX]),
        mutual: dice.roll(2) == 0,
        followers: dice.count(),
    };
    let block =
        |dice: &mut Dice| BlockNotice { actor: dice.one_of(keys), target: dice.one_of(keys), blocks: dice.roll(3) > 0 };
    let (largest, taken) = (dice.float(), dice.float().abs());
    let (is_opening, is_young) = (dice.roll(2) == 0, dice.roll(2) == 0);
    let votes = dice.float();
    Section {
        source: dice.one_of(&[0, 1, 2, 3, u16::MAX]),
        landmark: dice.time() / 86_400_000,
        clock: dice.time(),
        names: (0..some(dice)).map(|_| name(dice.roll(40)).into()).collect(),
        endorse,
        contacts: (0..some(dice)).map(|_| contact(dice)).collect(),
        follows: (0..some(dice)).map(|_| notice(dice)).collect(),
        audiences: (0..some(dice)).map(|_| audience(dice)).collect(),
        blocks: (0..some(dice)).map(|_| block(dice)).collect(),
        renewed: (0..dice.roll(3)).map(|_| dice.one_of(keys)).collect(),
        heard: (0..dice.roll(3)).map(|_| dice.one_of(keys)).collect(),
        genesis: (dice.roll(4) == 0).then(|| dice.time()),
        // What is no number here a decoder refuses.
        report: (largest >= 0.0 && largest.is_finite() && taken.is_finite()).then_some(Report {
            largest,
            taken,
            is_opening,
            is_young,
        }),
        scale: (votes >= SCALE_FLOOR_MIN && votes.is_finite()).then(|| Scale { votes, version: dice.bits() }),
    }
}

fn check_finite(shard: &Shard, seed: u64) {
    shard.scores().for_each(|(name, score)| check_score(name, &score, seed));
}

fn check_score(name: &str, score: &Score, seed: u64) {
    assert!((0.0..=100.0).contains(&score.score), "seed {seed}: {name} {score:?}");
    let numbers = [score.influence, score.reach, score.amplification, score.network, score.openness, score.audience];
    assert!(numbers.iter().all(|number| number.is_finite()), "seed {seed}: {name} {score:?}");
    assert!((0.0..=1.0 + 1e-9).contains(&score.room), "seed {seed}: {name} {score:?}");
    assert!(score.influence >= 0.0 && score.scale.is_finite(), "seed {seed}: {name} {score:?}");
}

/// Profiles, events and clocks of any bits; sections too, if there are other shards.
fn run(seed: u64, model: &Model, shards: u16) -> (Shard, Effects, u64) {
    let mut dice = Dice(seed);
    let mut shard = Shard::new(model.clone(), KEY, 0, shards);
    let names: Vec<String> = (0..60).map(name).chain(["x".repeat(NAME_BYTES_MAX)]).collect();
    let keys: Vec<u64> = names.iter().map(|name| shard.key(name)).chain([0, 1, u64::MAX]).collect();
    let (mut effects, mut sum) = (Effects::default(), Effects::default());
    let mut events_given = 0;
    for _ in 0..40 {
        let any_clock = dice.time();
        let clock = if dice.roll(8) == 0 { any_clock } else { 1_700_000_000_000 + dice.roll(2_000_000_000) as i64 };
        let trust = |dice: &mut Dice| match dice.roll(3) {
            0 => None,
            1 => Some(dice.float()),
            _ => Some(TRUST_MAX),
        };
        let profiles: Vec<Profile<'_>> = (0..dice.roll(4))
            .map(|_| Profile {
                user: &names[dice.roll(names.len())],
                opted_out: [None, None, Some(false), Some(false), Some(false), Some(true)][dice.roll(6)],
                trust: trust(&mut dice),
                created: (dice.roll(4) == 0).then(|| dice.time()),
                is_verified: dice.roll(8) == 0,
                linked: [None, None, None, Some(""), Some(&*names[dice.roll(names.len())])][dice.roll(5)],
                ..Profile::default()
            })
            .collect();
        let events: Vec<Arrival<'_>> = (0..dice.roll(60))
            .map(|_| {
                let event = Event {
                    actor: &names[dice.roll(names.len())],
                    target: &names[dice.roll(names.len())],
                    kind: dice.one_of(&Kind::ALL),
                    at: dice.time(),
                };
                Arrival { clock: if dice.roll(2) == 0 { clock } else { dice.time() }, event }
            })
            .collect();
        let sections: Vec<Section> =
            (0..if shards > 1 { dice.roll(4) } else { 0 }).map(|_| section(&mut dice, &keys)).collect();
        let sections: Vec<&Section> = sections.iter().collect();
        let slice = Slice {
            clock,
            exchange: &sections,
            profiles: &profiles,
            events: &events,
            sweep: dice.roll(30) as u32,
            publishes: dice.roll(8) > 0,
            settles: dice.roll(8) == 0,
            machine_clock: (dice.roll(3) == 0).then(|| dice.time()),
            is_live: dice.roll(4) > 0,
            closes_ms: dice.one_of(&[None, Some(influence::DAY_MS), Some(1_000), Some(Timestamp::MAX), Some(0)]),
            credits: seed.is_multiple_of(2),
        };
        shard.step(&slice, &mut effects);
        for credit in effects.credits.iter().flatten() {
            let numbers = [credit.votes, credit.rate];
            assert!(numbers.iter().all(|number| number.is_finite() && *number >= 0.0), "{credit:?} of seed {seed}");
        }
        for close in &effects.closes {
            check_score("a close", &close.score, seed);
        }
        check_finite(&shard, seed);
        for told in effects.exchange.iter().flat_map(|section| &section.endorse) {
            let Change { given, returned, reach, weight, whole, known, newest, .. } = told.change;
            let sums = [given, returned, reach, weight, whole, known, newest.into()];
            assert!(sums.iter().all(|sum| sum.is_finite()), "seed {seed}: {told:?}");
        }
        assert!(effects.exchange.iter().flat_map(|section| &section.contacts).all(|told| told.endorsement.is_finite()));
        events_given += events.len() as u64;
        sum.taken.add(&effects.taken);
    }
    (shard, sum, events_given)
}

#[test]
fn any_bits_leave_all_numbers_finite() {
    for seed in 0..400 {
        let half_life_ms: i64 = [1, 1_000, 86_400_000, 36_500 * 86_400_000][seed as usize % 4];
        let model = Model::with_half_life(half_life_ms);
        run(seed, &model, [1, 2, 3][seed as usize % 3]);
    }
}

/// One account of the highest trust there is cannot give more than ten of the usual one.
#[test]
fn the_trust_of_one_profile_is_bounded() {
    for trust in [1e6, 1e30, 1e150, f64::MAX, f64::INFINITY] {
        let mut shard = Shard::new(Model::default(), KEY, 0, 1);
        let profiles = [Profile { user: "ana", opted_out: None, trust: Some(trust), ..Profile::default() }];
        let event = Event { actor: "ana", target: "bo", kind: Kind::Retweet, at: 1_700_000_000_000 };
        let events = [Arrival { clock: event.at, event }];
        let slice =
            Slice { clock: event.at, profiles: &profiles, events: &events, publishes: true, ..Slice::default() };
        shard.step(&slice, &mut Effects::default());
        let votes = shard.score("bo").expect("ana has retweeted bo").influence;
        assert!((votes - TRUST_MAX.sqrt()).abs() < 1e-6, "a trust of {trust} gives {votes} votes");
    }
}

/// Each limit by itself: what goes beyond is refused, all else is taken, and all is counted.
#[test]
fn what_a_shard_cannot_hold_is_refused_and_counted() {
    let limits: [(&str, Limits); 5] = [
        ("people", Limits { people: 10, ..Limits::MAX }),
        ("remotes", Limits { remotes: 5, ..Limits::MAX }),
        ("bytes of names", Limits { names_bytes: 120, ..Limits::MAX }),
        ("row", Limits { row: 3, ..Limits::MAX }),
        ("slots", Limits { slots: 20, ..Limits::MAX }),
    ];
    for (what, limits) in limits {
        for seed in 0..60 {
            let shards = if what == "remotes" { 2 } else { [1, 2][seed as usize % 2] };
            let model = Model { limits, ..Model::with_half_life(86_400_000) };
            let (shard, effects, given) = run(seed, &model, shards);
            let taken = effects.taken;
            assert!(taken.refused > 0, "{what}, seed {seed}: nothing was refused");
            let counted = taken.accepted.total() + taken.self_acts + taken.opted_out + taken.blocked + taken.misrouted;
            let counted = counted + taken.own_accounts;
            assert!(counted + taken.refused >= given, "{what}, seed {seed}: {given} {taken:?}");
            let sizes = shard.sizes();
            assert!(
                sizes.people <= limits.people.into() && sizes.remotes <= limits.remotes.into(),
                "{what}: {sizes:?}"
            );
            let mut image = Vec::new();
            shard.copy_image(&mut image);
            let again = Shard::from_image(&model, &KEY, 0, shards, &image).expect("a full shard has an image");
            assert_eq!(again.sizes().people, sizes.people);
        }
    }
}
