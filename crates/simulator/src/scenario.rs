//! What a seed stands for: a world, its records, and everything that goes wrong. All of it is data, so that a history
//! that fails can be made shorter.

use std::collections::BTreeSet;

use influence::{Event, Kind, Model, Partitioner, Profile};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use wire::{Encoding, ProfileDecoder, encode_event};

/// The virtual time at which everything begins, milliseconds since 1970.
pub const BEGIN: i64 = 1_700_000_000_000;

/// One run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What it was made from.
    pub seed: u64,
    /// Partitions, each a shard.
    pub shards: u16,
    /// Workers, each with its own place in the group.
    pub workers: usize,
    /// The inputs' encodings; the first input holds profiles.
    pub inputs: Vec<Encoding>,
    /// The model.
    pub model: Model,
    /// Milliseconds of an epoch.
    pub epoch_ms: i64,
    /// Records of an epoch.
    pub epoch_records: usize,
    /// Records that one read returns.
    pub read_records: usize,
    /// Milliseconds between checkpoints.
    pub checkpoint_every_ms: i64,
    /// What is appended to the inputs, by time.
    pub records: Vec<Arrival>,
    /// What goes wrong, by time.
    pub faults: Vec<Timed>,
}

/// A record of an input.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Milliseconds after the beginning.
    pub at: i64,
    /// Which input.
    pub input: usize,
    /// The partition it is appended to.
    pub shard: u16,
    /// Its key.
    pub key: Vec<u8>,
    /// Its value.
    pub value: Vec<u8>,
}

/// A fault and when it happens, milliseconds after the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timed {
    /// When.
    pub at: i64,
    /// What.
    pub fault: Mishap,
}

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields say who, for how long, and where")]
pub enum Mishap {
    /// The worker dies between two turns, and comes back after a while.
    Crash { worker: usize, back_ms: i64 },
    /// It dies inside its next commit.
    CrashInCommit { worker: usize, moment: Moment, back_ms: i64 },
    /// The answer to its next commit is lost; it happened, or it did not, or it happens later.
    Ambiguous { worker: usize, happens: Happens },
    /// It stands still, and goes on as if nothing had been.
    Pause { worker: usize, pause_ms: i64 },
    /// As a pause; and then its first commit comes before it has heard of anything.
    Zombie { worker: usize, pause_ms: i64 },
    /// Shards move to other workers, one after the other.
    Move { salt: u64 },
    /// Shards move at once: their owners do not hear of it first.
    Seize { salt: u64 },
    /// No call to the log succeeds.
    LogAway { away_ms: i64 },
    /// Records of one shard's inputs do not come.
    Starve { shard: u16, starve_ms: i64 },
    /// No call to the checkpoint store succeeds.
    StoreAway { away_ms: i64 },
    /// Nothing can be written to it.
    StoreFull { full_ms: i64 },
    /// Its next object is written in part.
    Torn,
    /// Bytes of the newest checkpoint of a shard change.
    Corrupt { shard: u16 },
    /// The shard inside its newest checkpoint changes, and what is around it does not.
    Rotten { shard: u16 },
    /// The newest checkpoint of a shard is lost.
    LoseNewest { shard: u16 },
    /// All checkpoints of a shard are lost.
    LoseAll { shard: u16 },
    /// A checkpoint of another history appears.
    Stale { shard: u16 },
    /// The journal of a shard is shortened by so many records too many, and its checkpoints are lost.
    ShortenJournal { shard: u16 },
    /// An input of a shard loses records that a restore needs.
    ShortenInput { shard: u16 },
    /// A record is missing in the middle of a journal.
    PunchJournal { shard: u16 },
    /// A worker comes back with other parameters of the model.
    OtherModel { worker: usize },
}

/// Where in a commit a worker dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing has been sent.
    Before,
    /// Records have been sent, offsets not.
    Produced,
    /// All has been sent but the end.
    Offsets,
    /// It is committed, and nobody has heard of it.
    After,
}

/// What becomes of a transaction whose answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the field says after how long")]
pub enum Happens {
    /// It was committed.
    Did,
    /// It was not, and is given up.
    DidNot,
    /// The end arrives later, if nobody has fenced it off by then.
    Later { ms: i64 },
}

impl Mishap {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Mishap::Crash { .. } => "crash",
            Mishap::CrashInCommit { .. } => "crash-in-commit",
            Mishap::Ambiguous { .. } => "ambiguous",
            Mishap::Pause { .. } => "pause",
            Mishap::Zombie { .. } => "zombie",
            Mishap::Move { .. } => "move",
            Mishap::Seize { .. } => "seize",
            Mishap::LogAway { .. } => "log-away",
            Mishap::Starve { .. } => "starve",
            Mishap::StoreAway { .. } => "store-away",
            Mishap::StoreFull { .. } => "store-full",
            Mishap::Torn => "torn",
            Mishap::Corrupt { .. } => "corrupt",
            Mishap::Rotten { .. } => "rotten",
            Mishap::LoseNewest { .. } => "lose-newest",
            Mishap::LoseAll { .. } => "lose-all",
            Mishap::Stale { .. } => "stale",
            Mishap::ShortenJournal { .. } => "shorten-journal",
            Mishap::ShortenInput { .. } => "shorten-input",
            Mishap::PunchJournal { .. } => "punch-journal",
            Mishap::OtherModel { .. } => "other-model",
        }
    }
}

const HOUR: i64 = 3_600_000;

/// Draws things.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(ChaCha8Rng::seed_from_u64(seed))
    }

    /// 0 to `below` - 1.
    pub(crate) fn roll(&mut self, below: u64) -> u64 {
        self.0.next_u64() % below.max(1)
    }

    fn ms(&mut self, from: i64, to: i64) -> i64 {
        from + self.roll((to - from) as u64) as i64
    }

    pub(crate) fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.roll(list.len() as u64) as usize]
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.roll(times) == 0
    }
}

impl Scenario {
    /// The run of a seed.
    pub fn of(seed: u64) -> Scenario {
        let mut dice = Dice::new(seed);
        let shards = dice.pick(&[1, 1, 2, 3, 4, 5]);
        let workers = dice.pick(&[1, 2, 2, 3, 4]);
        let events = dice.pick(&[1, 1, 2, 3]);
        let encodings = [Encoding::Protobuf, Encoding::Json];
        let inputs = (0..=events).map(|_| dice.pick(&encodings)).collect();
        let half_life = dice.pick(&[200, 1_000, 20_000, HOUR, 30 * 24 * HOUR]);
        let mut model = Model::with_half_life(half_life);
        model.edges_a_step_max = dice.pick(&[1, 20, 1 << 18, 1 << 18]);
        model.partitioner = dice.pick(&[Partitioner::Murmur2, Partitioner::Crc32]);
        let length_ms = dice.pick(&[600, 1_500, 3_000]);
        let mut scenario = Scenario {
            seed,
            shards,
            workers,
            inputs,
            model,
            epoch_ms: dice.pick(&[20, 50, 100]),
            epoch_records: dice.pick(&[3, 10, 50, 1_000]),
            read_records: dice.pick(&[1, 3, 20, 1_000]),
            checkpoint_every_ms: dice.pick(&[150, 400, 1_500, 1_000_000]),
            records: Vec::new(),
            faults: Vec::new(),
        };
        scenario.records = records(&scenario, length_ms, &mut dice);
        scenario.faults = faults(&scenario, length_ms, &mut dice);
        scenario
    }
}

fn records(scenario: &Scenario, length_ms: i64, dice: &mut Dice) -> Vec<Arrival> {
    let people = dice.pick(&[3, 8, 20, 40]);
    let count = dice.pick(&[40, 120, 300]);
    let (has_poison, has_profiles, has_follows) = (dice.once_in(2), dice.once_in(2), dice.once_in(2));
    let is_uneven = dice.once_in(4);
    let favourite = format!("p{}", dice.roll(people));
    let mut records: Vec<Arrival> = Vec::new();
    for _ in 0..count {
        let at = dice.ms(0, length_ms);
        if has_profiles && dice.once_in(25) {
            records.push(profile(scenario, at, &format!("p{}", dice.roll(people)), dice));
            continue;
        }
        let input = 1 + dice.roll(scenario.inputs.len() as u64 - 1) as usize;
        if has_poison && dice.once_in(12) {
            records.push(poison(scenario, at, input, dice));
            continue;
        }
        let actor = if is_uneven && !dice.once_in(5) { favourite.clone() } else { format!("p{}", dice.roll(people)) };
        let target = format!("p{}", dice.roll(people));
        let kinds: &[Kind] = if has_follows { &Kind::ALL } else { &Kind::ALL[..3] };
        let event =
            Event { actor: &actor, target: &target, kind: dice.pick(kinds), at: event_time(scenario, at, dice) };
        let arrival = arrival(scenario, at, input, &event);
        if dice.once_in(20) {
            records.push(Arrival { at: at + dice.ms(0, 300), ..arrival.clone() });
        }
        records.push(arrival);
    }
    records.sort_by_key(|record| record.at);
    keep_opted_out(&mut records);
    records
}

/// Who has opted out stays so: what an opt-in counts depends on how long others' acts were on their way.
fn keep_opted_out(records: &mut Vec<Arrival>) {
    let mut gone = BTreeSet::new();
    records.retain(|record| {
        let is_profile = record.input == 0;
        let opts_out = is_profile && !gone.contains(&record.key) && is_opt_out(&record.value);
        let stays = !is_profile || !gone.contains(&record.key);
        if opts_out {
            gone.insert(record.key.clone());
        }
        stays
    });
}

fn is_opt_out(value: &[u8]) -> bool {
    let decodes = |encoding| ProfileDecoder::new(encoding).decode(value).is_ok_and(|profile| profile.opted_out);
    decodes(Encoding::Json) || decodes(Encoding::Protobuf)
}

/// Mostly now, sometimes late, sometimes far too late, sometimes a bit ahead.
fn event_time(scenario: &Scenario, at: i64, dice: &mut Dice) -> i64 {
    let now = BEGIN + at;
    match dice.roll(12) {
        0 => now - dice.ms(0, scenario.model.half_life_ms.min(HOUR) * 3),
        1 => now - scenario.model.window_ms.min(HOUR * 1_000) - dice.ms(0, 1_000),
        // The oracle's clock follows events; where half-lives are short it would be another clock than the slices'.
        2 if scenario.model.half_life_ms >= HOUR => now + dice.ms(0, 2_000),
        _ => now - dice.ms(0, 50),
    }
}

fn home(scenario: &Scenario, user: &str) -> u16 {
    if scenario.shards == 1 { 0 } else { scenario.model.partitioner.partition(user, scenario.shards) }
}

fn arrival(scenario: &Scenario, at: i64, input: usize, event: &Event<'_>) -> Arrival {
    let shard = home(scenario, event.actor);
    Arrival { at, input, shard, key: event.actor.as_bytes().to_vec(), value: value(scenario.inputs[input], event) }
}

fn value(encoding: Encoding, event: &Event<'_>) -> Vec<u8> {
    let mut value = Vec::new();
    match encoding {
        Encoding::Protobuf => encode_event(event, &mut value),
        Encoding::Json => {
            let kind = wire::kind_word(event.kind);
            let (actor, target, at) = (event.actor, event.target, event.at);
            value = format!(r#"{{"actor":"{actor}","target":"{target}","kind":"{kind}","at":{at}}}"#).into_bytes();
        }
    }
    value
}

/// Trust, or opting out for good: what comes after an opt-in depends on how long others' acts were on their way.
fn profile(scenario: &Scenario, at: i64, user: &str, dice: &mut Dice) -> Arrival {
    let opted_out = dice.once_in(5);
    let profile = Profile { user, opted_out, trust: (!opted_out).then(|| dice.pick(&[0.0, 0.5, 1.0, 3.0])) };
    let value = match scenario.inputs[0] {
        Encoding::Json => match profile.trust {
            Some(trust) => format!(r#"{{"user":"{user}","trust":{trust:.1}}}"#),
            None => format!(r#"{{"user":"{user}","opted_out":true}}"#),
        }
        .into_bytes(),
        Encoding::Protobuf => {
            // Field 1 the user, field 2 opted out, field 3 trust.
            let mut bytes = vec![0x0a, user.len() as u8];
            bytes.extend_from_slice(user.as_bytes());
            if opted_out {
                bytes.extend_from_slice(&[0x10, 1]);
            }
            if let Some(trust) = profile.trust {
                bytes.push(0x19);
                bytes.extend_from_slice(&trust.to_le_bytes());
            }
            bytes
        }
    };
    Arrival { at, input: 0, shard: home(scenario, user), key: user.as_bytes().to_vec(), value }
}

/// A record that cannot be used.
fn poison(scenario: &Scenario, at: i64, input: usize, dice: &mut Dice) -> Arrival {
    let encoding = scenario.inputs[input];
    let now = BEGIN + at;
    let event = |actor, target, at| Event { actor, target, kind: Kind::Mention, at };
    let long = "x".repeat(600);
    let (value, shard) = match dice.roll(7) {
        0 => (b"\xff\xfe no record at all".to_vec(), dice.roll(u64::from(scenario.shards)) as u16),
        1 => (Vec::new(), dice.roll(u64::from(scenario.shards)) as u16),
        2 => (value(encoding, &event("p1", "", now)), home(scenario, "p1")),
        3 => (value(encoding, &event("p1", &long, now)), home(scenario, "p1")),
        4 => (value(encoding, &event("p1", "p2", now + 400 * 24 * HOUR)), home(scenario, "p1")),
        5 => {
            let bytes = value(Encoding::Json, &event("p1", "p2", now));
            let text = String::from_utf8_lossy(&bytes).replace("mention", "shout");
            (text.into_bytes(), home(scenario, "p1"))
        }
        _ => {
            // Somebody of another partition, if there is one.
            let shard = (home(scenario, "p1") + 1) % scenario.shards;
            let at = if scenario.shards == 1 { now + HOUR } else { now };
            (value(encoding, &event("p1", "p2", at)), shard)
        }
    };
    Arrival { at, input, shard, key: b"poison".to_vec(), value }
}

fn faults(scenario: &Scenario, length_ms: i64, dice: &mut Dice) -> Vec<Timed> {
    let count = dice.pick(&[0, 1, 2, 4, 8, 14]);
    // Some seeds have one kind of fault only, some all of them.
    let kind = dice.once_in(3).then(|| dice.roll(20));
    let mut faults: Vec<Timed> = (0..count)
        .map(|_| {
            let which = kind.unwrap_or_else(|| dice.roll(20));
            Timed { at: dice.ms(0, length_ms + 500), fault: fault(scenario, which, dice) }
        })
        .collect();
    faults.sort_by_key(|timed| timed.at);
    faults
}

fn fault(scenario: &Scenario, which: u64, dice: &mut Dice) -> Mishap {
    let worker = dice.roll(scenario.workers as u64) as usize;
    let shard = dice.roll(u64::from(scenario.shards)) as u16;
    let back_ms = dice.pick(&[10, 200, 3_000]);
    match which {
        0 => Mishap::Crash { worker, back_ms },
        1 | 2 => {
            let moment = dice.pick(&[Moment::Before, Moment::Produced, Moment::Offsets, Moment::After]);
            Mishap::CrashInCommit { worker, moment, back_ms }
        }
        3 => {
            let later = Happens::Later { ms: dice.pick(&[30, 400, 3_000]) };
            Mishap::Ambiguous { worker, happens: dice.pick(&[Happens::Did, Happens::DidNot, later]) }
        }
        4 => Mishap::Pause { worker, pause_ms: dice.pick(&[50, 800, 2_500]) },
        5 => Mishap::Zombie { worker, pause_ms: dice.pick(&[800, 2_500]) },
        6 | 7 => Mishap::Move { salt: dice.roll(1 << 20) },
        8 => Mishap::Seize { salt: dice.roll(1 << 20) },
        9 => Mishap::LogAway { away_ms: dice.pick(&[50, 500]) },
        10 => Mishap::Starve { shard, starve_ms: dice.pick(&[300, 5_000, 200_000]) },
        11 => Mishap::StoreAway { away_ms: dice.pick(&[100, 1_000]) },
        12 => Mishap::StoreFull { full_ms: dice.pick(&[100, 2_000]) },
        13 => Mishap::Torn,
        14 => dice.pick(&[Mishap::Corrupt { shard }, Mishap::Rotten { shard }]),
        15 => dice.pick(&[Mishap::LoseNewest { shard }, Mishap::LoseAll { shard }]),
        16 => Mishap::Stale { shard },
        17 => dice.pick(&[Mishap::ShortenJournal { shard }, Mishap::ShortenInput { shard }]),
        18 => Mishap::PunchJournal { shard },
        _ => Mishap::OtherModel { worker },
    }
}
