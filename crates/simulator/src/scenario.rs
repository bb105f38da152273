//! What a seed stands for: a world, its records, and everything that goes wrong. All of it is data, so that a history
//! that fails can be made shorter.

use std::collections::BTreeSet;

use influence::{Model, Partitioner};
use pipeline::{Clock, KEPT_BYTES_MAX};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use vocabulary::{Event, Kind, Profile};
use wire::{Encoding, Framing, ProfileDecoder, encode_event_with_id};

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
    /// How the inputs are written; the first one holds profiles.
    pub inputs: Vec<Form>,
    /// The model.
    pub model: Model,
    /// What moves the shards' clocks.
    pub clock: Clock,
    /// The time of a record is when the log stored it, not what its producer says.
    pub is_stored: bool,
    /// Milliseconds within which events with one id count once.
    pub dedup_window_ms: Option<i64>,
    /// Milliseconds of a day that is closed.
    pub closes_ms: Option<i64>,
    /// Whether what each act gave is told.
    pub credits: bool,
    /// Every other worker closes no days.
    pub closes_unevenly: bool,
    /// Milliseconds between two rounds of turns.
    pub tick_ms: i64,
    /// Milliseconds of an epoch.
    pub epoch_ms: i64,
    /// Records of an epoch.
    pub epoch_records: usize,
    /// Bytes of an epoch; twice as many may wait.
    pub epoch_bytes: usize,
    /// Records that one read returns.
    pub read_records: usize,
    /// Milliseconds between checkpoints.
    pub checkpoint_every_ms: i64,
    /// What is appended to the inputs, by time.
    pub records: Vec<Arrival>,
    /// What goes wrong, by time.
    pub faults: Vec<Timed>,
}

/// How an input is written.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "it says what it is")]
pub struct Form {
    pub encoding: Encoding,
    pub framing: Framing,
}

/// A topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// An input, by number.
    Input(usize),
    /// What shards tell each other.
    Exchange,
    /// Which slices made which epochs.
    Journal,
    /// What is published.
    Scores,
    /// What could not be used.
    DeadLetters,
    /// How people stood at the ends of days.
    History,
    /// What each act gave.
    Credits,
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
    /// It panics in its next step, commit, or work for checkpoints. It has left the group in good order by then, or not.
    Panic { worker: usize, place: PanicPlace, leaves: bool, back_ms: i64 },
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
    /// Dead letters are taken only if they are small.
    SmallLetters { small_ms: i64 },
    /// Records of one shard's inputs do not come.
    Starve { shard: u16, starve_ms: i64 },
    /// No call to the checkpoint store succeeds.
    StoreAway { away_ms: i64 },
    /// Nothing can be written to it.
    StoreFull { full_ms: i64 },
    /// The next checkpoint of a shard is written in part, or its answer is lost.
    Torn { shard: u16, tear: Tear },
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
    /// The newest checkpoint of a shard is an older one under its name.
    Old { shard: u16 },
    /// Retention takes records that a restore needs, and the checkpoints are lost.
    Shorten { topic: Topic, shard: u16 },
    /// Retention takes records that nobody has read yet.
    Outrun { topic: Topic, shard: u16 },
    /// A topic ends before what was read of it.
    Cut { topic: Topic, shard: u16 },
    /// The journal of a shard is lost, and its checkpoints are; the group's offsets are not.
    LoseJournal { shard: u16 },
    /// A record is missing in the middle of a journal.
    PunchJournal { shard: u16 },
    /// A record that was taken becomes another one, and the checkpoints are lost.
    Change { topic: Topic, shard: u16 },
    /// The last epoch of a shard was made by another engine.
    OtherEngine { shard: u16 },
    /// The group forgets a shard's offsets.
    ForgetOffsets { shard: u16 },
    /// Somebody else moves one of them.
    MoveOffsets { shard: u16 },
    /// A worker comes back with other parameters of the model.
    OtherModel { worker: usize },
    /// A worker comes back with another window for repeated ids.
    OtherWindow { worker: usize },
}

/// Where a worker panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanicPlace {
    /// A shard has been stepped.
    Step,
    /// In a commit.
    Commit(Moment),
    /// A checkpoint is read or written.
    Keeper,
}

/// How a checkpoint is written wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tear {
    /// In part, and the store says so.
    Told,
    /// In part, and the store says that it is whole.
    Untold,
    /// Whole, and the store says that it is not.
    Lost,
}

/// Where in a commit a worker dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing has been sent.
    Before,
    /// Some records have been sent.
    Sending,
    /// Records have been sent, offsets not.
    Produced,
    /// All has been sent but the end.
    Offsets,
    /// It is committed, and nobody has heard of it.
    After,
}

const MOMENTS: [Moment; 5] = [Moment::Before, Moment::Sending, Moment::Produced, Moment::Offsets, Moment::After];

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
            Mishap::Panic { place: PanicPlace::Step, .. } => "panic-in-step",
            Mishap::Panic { place: PanicPlace::Commit(_), .. } => "panic-in-commit",
            Mishap::Panic { place: PanicPlace::Keeper, .. } => "panic-in-keeper",
            Mishap::Pause { .. } => "pause",
            Mishap::Zombie { .. } => "zombie",
            Mishap::Move { .. } => "move",
            Mishap::Seize { .. } => "seize",
            Mishap::LogAway { .. } => "log-away",
            Mishap::SmallLetters { .. } => "small-letters",
            Mishap::Starve { starve_ms: MINUTE.., .. } => "starve-for-minutes",
            Mishap::Starve { .. } => "starve",
            Mishap::StoreAway { .. } => "store-away",
            Mishap::StoreFull { .. } => "store-full",
            Mishap::Torn { .. } => "torn",
            Mishap::Corrupt { .. } => "corrupt",
            Mishap::Rotten { .. } => "rotten",
            Mishap::LoseNewest { .. } => "lose-newest",
            Mishap::LoseAll { .. } => "lose-all",
            Mishap::Stale { .. } => "stale",
            Mishap::Old { .. } => "old",
            Mishap::Shorten { topic: Topic::Journal, .. } => "shorten-journal",
            Mishap::Shorten { topic: Topic::Exchange, .. } => "shorten-exchange",
            Mishap::Shorten { .. } => "shorten-input",
            Mishap::Outrun { .. } => "outrun",
            Mishap::Cut { .. } => "cut",
            Mishap::LoseJournal { .. } => "lose-journal",
            Mishap::PunchJournal { .. } => "punch-journal",
            Mishap::Change { topic: Topic::Exchange, .. } => "change-exchange",
            Mishap::Change { .. } => "change-input",
            Mishap::OtherEngine { .. } => "other-engine",
            Mishap::ForgetOffsets { .. } => "forget-offsets",
            Mishap::MoveOffsets { .. } => "move-offsets",
            Mishap::OtherModel { .. } => "other-model",
            Mishap::OtherWindow { .. } => "other-window",
        }
    }

    /// For how long it goes on.
    pub(crate) fn lasts_ms(&self) -> i64 {
        match *self {
            Mishap::Crash { back_ms: ms, .. }
            | Mishap::CrashInCommit { back_ms: ms, .. }
            | Mishap::Panic { back_ms: ms, .. }
            | Mishap::Ambiguous { happens: Happens::Later { ms }, .. }
            | Mishap::Pause { pause_ms: ms, .. }
            | Mishap::Zombie { pause_ms: ms, .. }
            | Mishap::LogAway { away_ms: ms }
            | Mishap::SmallLetters { small_ms: ms }
            | Mishap::Starve { starve_ms: ms, .. }
            | Mishap::StoreAway { away_ms: ms }
            | Mishap::StoreFull { full_ms: ms } => ms,
            _ => 0,
        }
    }
}

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

const HALF_LIVES: [i64; 5] = [200, 1_000, 20_000, HOUR, 30 * 24 * HOUR];
/// So many of them are short.
const SHORT: usize = 3;

/// After so much silence rated people are forgotten: at once, or after a while that no transaction takes.
const FORGET_AFTER: [Option<i64>; 8] = [None, None, None, None, None, Some(1), Some(300), Some(20_000)];

/// Days.
const CLOSES: [Option<i64>; 4] = [None, None, Some(300), Some(1_000)];
/// Days of runs that take minutes.
const CLOSES_SLOW: [Option<i64>; 3] = [None, Some(7_000), Some(60_000)];

/// The kinds of events in all worlds.
const PLAIN: [Kind; 7] =
    [Kind::Mention, Kind::Retweet, Kind::Reply, Kind::Follow, Kind::Unfollow, Kind::Like, Kind::Quote];

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
        let mut form = || Form {
            encoding: dice.pick(&[Encoding::Protobuf, Encoding::Json]),
            framing: dice.pick(&[Framing::Bare, Framing::Bare, Framing::Confluent]),
        };
        let inputs = (0..=events).map(|_| form()).collect();
        let clock = dice.pick(&[Clock::Wall, Clock::Wall, Clock::Event]);
        // Where clocks follow events each shard has its own; with short half-lives the truth would depend on which.
        let half_lives = if clock == Clock::Event && shards > 1 { &HALF_LIVES[SHORT..] } else { &HALF_LIVES };
        let half_life = dice.pick(half_lives);
        // Some runs take minutes, at a slower pace.
        let (tick_ms, lengths_ms): (i64, &[i64]) =
            if dice.once_in(12) { (500, &[4 * MINUTE]) } else { (10, &[600, 1_500, 3_000]) };
        let mut model = Model::with_half_life(half_life);
        model.edges_a_step_max = dice.pick(&[1, 20, 1 << 18, 1 << 18]);
        model.partitioner = dice.pick(&[Partitioner::Murmur2, Partitioner::Crc32]);
        let length_ms = dice.pick(lengths_ms);
        let mut scenario = Scenario {
            seed,
            shards,
            workers,
            inputs,
            model,
            clock,
            is_stored: dice.once_in(3),
            dedup_window_ms: dice.pick(&[None, None, Some(100), Some(1_000), Some(20_000), Some(HOUR)]),
            closes_ms: None,
            credits: false,
            closes_unevenly: false,
            tick_ms,
            epoch_ms: dice.pick(&[20, 50, 100]),
            epoch_records: dice.pick(&[3, 10, 50, 1_000]),
            epoch_bytes: dice.pick(&[200, 5_000, 1 << 24]),
            read_records: dice.pick(&[1, 3, 20, 1_000]),
            checkpoint_every_ms: dice.pick(&[150, 400, 1_500, 1_000_000]),
            records: Vec::new(),
            faults: Vec::new(),
        };
        scenario.records = records(&scenario, length_ms, &mut dice);
        scenario.faults = faults(&scenario, length_ms, &mut dice);
        // Drawn last, so that older seeds keep the rest of what they stand for.
        scenario.model.forget_after_ms = dice.pick(&FORGET_AFTER);
        scenario.closes(&mut dice);
        // A block of somebody who is being forgotten at that moment may be lost between two shards; and whoever closes no days tells
        // nobody that a close is forgotten.
        let forgets = scenario.model.forget_after_ms.is_some();
        if dice.once_in(2) && (!forgets || shards == 1 && !scenario.closes_unevenly) {
            scenario.block(length_ms, &mut dice);
        }
        scenario.credits = dice.once_in(2);
        scenario
    }

    /// A few block each other, and act on each other all the same.
    fn block(&mut self, length_ms: i64, dice: &mut Dice) {
        let people = dice.pick(&[3, 8]);
        for _ in 0..dice.pick(&[10, 60, 150]) {
            let at = dice.ms(0, length_ms);
            let (actor, target) = (format!("p{}", dice.roll(people)), format!("p{}", dice.roll(people)));
            let kind = dice.pick(&[Kind::Block, Kind::Block, Kind::Unblock, Kind::Mention, Kind::Like, Kind::Follow]);
            let event = Event { actor: &actor, target: &target, kind, at: event_time(self, at, dice) };
            let input = 1 + dice.roll(self.inputs.len() as u64 - 1) as usize;
            self.records.push(arrival(self, at, input, &event, ""));
        }
        self.records.sort_by_key(|record| record.at);
    }

    /// Days of less than a second or of some; a step tells all closes, or few of them.
    fn closes(&mut self, dice: &mut Dice) {
        let is_slow = self.tick_ms > 10;
        self.closes_ms = dice.pick(if is_slow { &CLOSES_SLOW } else { &CLOSES });
        self.closes_unevenly = dice.once_in(4);
        if self.closes_ms.is_some_and(|day_ms| day_ms >= 1_000) && dice.once_in(2) {
            // Of 40 people each, before the day ends.
            self.model.limits.closes_a_step = 8;
        }
    }

    /// A run in which nothing goes wrong and nothing happens, to be told what does: one input of events in JSON.
    pub fn quiet(shards: u16, workers: usize) -> Scenario {
        let form = Form { encoding: Encoding::Json, framing: Framing::Bare };
        Scenario {
            seed: 1,
            shards,
            workers,
            inputs: vec![form; 2],
            model: Model::with_half_life(HOUR),
            clock: Clock::Wall,
            is_stored: false,
            dedup_window_ms: None,
            closes_ms: None,
            credits: false,
            closes_unevenly: false,
            tick_ms: 10,
            epoch_ms: 50,
            epoch_records: 50,
            epoch_bytes: 1 << 24,
            read_records: 20,
            checkpoint_every_ms: 150,
            records: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Somebody retweets somebody, so many milliseconds after the beginning; the id may be empty.
    pub fn retweet(&mut self, at: i64, actor: &str, target: &str, id: &str) {
        let event = Event { actor, target, kind: Kind::Retweet, at: BEGIN + at };
        self.records.push(arrival(self, at, 1, &event, id));
    }

    /// Something goes wrong, so many milliseconds after the beginning.
    pub fn fails(&mut self, at: i64, fault: Mishap) {
        self.faults.push(Timed { at, fault });
    }

    /// Whether some events lie ahead of the clock. The oracle's clock follows events; where half-lives are short it would be
    /// another clock than the slices'.
    pub(crate) fn has_events_ahead(&self) -> bool {
        self.model.half_life_ms >= HOUR
    }

    /// So long a fault may go on after the last record.
    pub(crate) fn patience_ms(&self) -> i64 {
        self.tick_ms * 200
    }
}

fn records(scenario: &Scenario, length_ms: i64, dice: &mut Dice) -> Vec<Arrival> {
    let people = dice.pick(&[3, 8, 20, 40]);
    let count = dice.pick(&[40, 120, 300]);
    let (has_poison, has_profiles, has_follows) = (dice.once_in(2), dice.once_in(2), dice.once_in(2));
    let has_ids = scenario.dedup_window_ms.is_some() || dice.once_in(4);
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
        let kinds: &[Kind] = if has_follows { &PLAIN } else { &Kind::COUNTED };
        let event =
            Event { actor: &actor, target: &target, kind: dice.pick(kinds), at: event_time(scenario, at, dice) };
        // Few ids, so that different events have one, of one actor or not.
        let id = if has_ids && !dice.once_in(4) { dice.roll(60).to_string() } else { String::new() };
        let arrival = arrival(scenario, at, input, &event, &id);
        if dice.once_in(if has_ids { 5 } else { 20 }) {
            records.push(Arrival { at: at + dice.ms(0, 300), ..arrival.clone() });
        }
        records.push(arrival);
    }
    records.sort_by_key(|record| record.at);
    keep_opted_out(scenario, &mut records);
    records
}

/// Who has opted out stays so: what an opt-in counts depends on how long others' acts were on their way.
fn keep_opted_out(scenario: &Scenario, records: &mut Vec<Arrival>) {
    let Form { encoding, framing } = scenario.inputs[0];
    let mut decoder = ProfileDecoder::new(encoding).framed(framing);
    let mut gone = BTreeSet::new();
    records.retain(|record| {
        let is_profile = record.input == 0;
        let opts_out = is_profile
            && !gone.contains(&record.key)
            && decoder.decode(&record.value).is_ok_and(|profile| profile.opted_out == Some(true));
        let stays = !is_profile || !gone.contains(&record.key);
        if opts_out {
            gone.insert(record.key.clone());
        }
        stays
    });
}

/// Mostly now, sometimes late, sometimes far too late, sometimes a bit ahead.
fn event_time(scenario: &Scenario, at: i64, dice: &mut Dice) -> i64 {
    let now = BEGIN + at;
    match dice.roll(12) {
        0 => now - dice.ms(0, scenario.model.half_life_ms.min(HOUR) * 3),
        // Which of several clocks makes it late is for the shard to say.
        1 if scenario.clock != Clock::Event || scenario.shards == 1 => {
            now - scenario.model.window_ms.min(HOUR * 1_000) - dice.ms(0, 1_000)
        }
        2 if scenario.has_events_ahead() => now + dice.ms(0, 2_000),
        _ => now - dice.ms(0, 50),
    }
}

fn home(scenario: &Scenario, user: &str) -> u16 {
    if scenario.shards == 1 { 0 } else { scenario.model.partitioner.partition(user, scenario.shards) }
}

fn arrival(scenario: &Scenario, at: i64, input: usize, event: &Event<'_>, id: &str) -> Arrival {
    let shard = home(scenario, event.actor);
    let value = framed(scenario.inputs[input], value(scenario.inputs[input].encoding, event, id));
    Arrival { at, input, shard, key: event.actor.as_bytes().to_vec(), value }
}

fn value(encoding: Encoding, event: &Event<'_>, id: &str) -> Vec<u8> {
    let mut value = Vec::new();
    match encoding {
        Encoding::Protobuf => encode_event_with_id(event, id, &mut value),
        Encoding::Json => {
            let kind = event.kind.word();
            let (actor, target, at) = (event.actor, event.target, event.at);
            // A number and a text are one id.
            let id = match (id, at % 2) {
                ("", _) => String::new(),
                (id, 0) => format!(r#","id":{id}"#),
                (id, _) => format!(r#","id":"{id}""#),
            };
            value = format!(r#"{{"actor":"{actor}","target":"{target}","kind":"{kind}","at":{at}{id}}}"#).into_bytes();
        }
    }
    value
}

fn framed(form: Form, value: Vec<u8>) -> Vec<u8> {
    let head: &[u8] = match (form.framing, form.encoding) {
        (Framing::Bare, _) => &[],
        (Framing::Confluent, Encoding::Json) => &[0, 0, 0, 0, 7],
        (Framing::Confluent, Encoding::Protobuf) => &[0, 0, 0, 0, 7, 0],
    };
    [head, &value].concat()
}

/// Trust, or opting out for good: what comes after an opt-in depends on how long others' acts were on their way.
fn profile(scenario: &Scenario, at: i64, user: &str, dice: &mut Dice) -> Arrival {
    let opted_out = dice.once_in(5).then_some(true);
    let trust = opted_out.is_none().then(|| dice.pick(&[0.0, 0.5, 1.0, 3.0]));
    let profile = Profile { user, opted_out, trust, ..Profile::default() };
    let value = match scenario.inputs[0].encoding {
        Encoding::Json => match profile.trust {
            Some(trust) => format!(r#"{{"user":"{user}","trust":{trust:.1}}}"#),
            None => format!(r#"{{"user":"{user}","opted_out":true}}"#),
        }
        .into_bytes(),
        Encoding::Protobuf => {
            // Field 1 the user, field 2 opted out, field 3 trust.
            let mut bytes = vec![0x0a, user.len() as u8];
            bytes.extend_from_slice(user.as_bytes());
            if opted_out == Some(true) {
                bytes.extend_from_slice(&[0x10, 1]);
            }
            if let Some(trust) = profile.trust {
                bytes.push(0x19);
                bytes.extend_from_slice(&trust.to_le_bytes());
            }
            bytes
        }
    };
    let value = framed(scenario.inputs[0], value);
    Arrival { at, input: 0, shard: home(scenario, user), key: user.as_bytes().to_vec(), value }
}

/// A record that cannot be used.
fn poison(scenario: &Scenario, at: i64, input: usize, dice: &mut Dice) -> Arrival {
    let form = scenario.inputs[input];
    let value = |event: &Event<'_>| framed(form, value(form.encoding, event, ""));
    let now = BEGIN + at;
    let event = |actor, target, at| Event { actor, target, kind: Kind::Mention, at };
    let long = "x".repeat(600);
    let (value, shard) = match dice.roll(9) {
        0 => (b"\xff\xfe no record at all".to_vec(), dice.roll(u64::from(scenario.shards)) as u16),
        1 => (Vec::new(), dice.roll(u64::from(scenario.shards)) as u16),
        2 => (value(&event("p1", "", now)), home(scenario, "p1")),
        3 => (value(&event("p1", &long, now)), home(scenario, "p1")),
        4 => (value(&event("p1", "p2", now + 400 * 24 * HOUR)), home(scenario, "p1")),
        8 => (vec![b'x'; KEPT_BYTES_MAX + 1_000], dice.roll(u64::from(scenario.shards)) as u16),
        5 => {
            let text = format!(r#"{{"actor":"p1","target":"p2","kind":"shout","at":{now}}}"#);
            (framed(form, text.into_bytes()), home(scenario, "p1"))
        }
        6 => {
            // Refused only where ids count.
            let text = format!(r#"{{"actor":"p1","target":"p2","kind":"reply","at":{now},"id":[7]}}"#);
            (framed(Form { encoding: Encoding::Json, ..form }, text.into_bytes()), home(scenario, "p1"))
        }
        _ => {
            // Somebody of another partition, if there is one.
            let shard = (home(scenario, "p1") + 1) % scenario.shards;
            let at = if scenario.shards == 1 { now + HOUR } else { now };
            (value(&event("p1", "p2", at)), shard)
        }
    };
    Arrival { at, input, shard, key: b"poison".to_vec(), value }
}

fn faults(scenario: &Scenario, length_ms: i64, dice: &mut Dice) -> Vec<Timed> {
    let count = dice.pick(&[0, 1, 2, 4, 8, 14]);
    // Some seeds have one kind of fault only, some all of them.
    let kind = dice.once_in(3).then(|| dice.roll(KINDS));
    let mut faults: Vec<Timed> = (0..count)
        .map(|_| {
            let which = kind.unwrap_or_else(|| dice.roll(KINDS));
            Timed { at: dice.ms(0, length_ms + 500), fault: fault(scenario, which, dice) }
        })
        .collect();
    if scenario.tick_ms > 10 && dice.once_in(2) {
        let shard = dice.roll(u64::from(scenario.shards)) as u16;
        let fault = Mishap::Starve { shard, starve_ms: dice.ms(2 * MINUTE, 3 * MINUTE) };
        faults.push(Timed { at: dice.ms(0, MINUTE), fault });
    }
    // Drawn last, so that older seeds keep the rest of what they stand for.
    for _ in 0..dice.pick(&[0, 0, 1, 3]) {
        faults.push(Timed { at: dice.ms(0, length_ms + 500), fault: panic(scenario, dice) });
    }
    faults.sort_by_key(|timed| timed.at);
    faults
}

fn panic(scenario: &Scenario, dice: &mut Dice) -> Mishap {
    let worker = dice.roll(scenario.workers as u64) as usize;
    let moment = dice.pick(&MOMENTS);
    let place = dice.pick(&[PanicPlace::Step, PanicPlace::Commit(moment), PanicPlace::Keeper]);
    Mishap::Panic { worker, place, leaves: dice.once_in(2), back_ms: dice.pick(&[10, 200, 3_000]) }
}

/// Rolls of [`fault`].
const KINDS: u64 = 28;

fn fault(scenario: &Scenario, which: u64, dice: &mut Dice) -> Mishap {
    let worker = dice.roll(scenario.workers as u64) as usize;
    let shard = dice.roll(u64::from(scenario.shards)) as u16;
    let input = dice.roll(scenario.inputs.len() as u64) as usize;
    let back_ms = dice.pick(&[10, 200, 3_000]);
    match which {
        0 => Mishap::Crash { worker, back_ms },
        1 | 2 => {
            let moment = dice.pick(&MOMENTS);
            Mishap::CrashInCommit { worker, moment, back_ms }
        }
        3 => {
            let later = Happens::Later { ms: dice.pick(&[30, 400, 1_200, 1_900, 3_000]) };
            Mishap::Ambiguous { worker, happens: dice.pick(&[Happens::Did, Happens::DidNot, later]) }
        }
        4 => Mishap::Pause { worker, pause_ms: dice.pick(&[50, 800, 2_500]) },
        5 => Mishap::Zombie { worker, pause_ms: dice.pick(&[800, 2_500]) },
        6 | 7 => Mishap::Move { salt: dice.roll(1 << 20) },
        8 => Mishap::Seize { salt: dice.roll(1 << 20) },
        9 => Mishap::LogAway { away_ms: dice.pick(&[50, 500, 3_000]) },
        10 => Mishap::Starve { shard, starve_ms: dice.pick(&[300, 2_000]) },
        11 => Mishap::StoreAway { away_ms: dice.pick(&[100, 1_000]) },
        12 => Mishap::StoreFull { full_ms: dice.pick(&[100, 2_000]) },
        13 => Mishap::Torn { shard, tear: dice.pick(&[Tear::Told, Tear::Untold, Tear::Lost]) },
        14 => dice.pick(&[Mishap::Corrupt { shard }, Mishap::Rotten { shard }]),
        15 => dice.pick(&[Mishap::LoseNewest { shard }, Mishap::LoseAll { shard }]),
        16 => dice.pick(&[Mishap::Stale { shard }, Mishap::Old { shard }]),
        17 => Mishap::Shorten { topic: dice.pick(&[Topic::Journal, Topic::Exchange, Topic::Input(input)]), shard },
        18 => Mishap::PunchJournal { shard },
        19 => Mishap::OtherModel { worker },
        20 => Mishap::OtherWindow { worker },
        21 => Mishap::Outrun { topic: Topic::Input(input), shard },
        22 => Mishap::Cut { topic: dice.pick(&[Topic::Exchange, Topic::Input(input)]), shard },
        23 => Mishap::LoseJournal { shard },
        24 => Mishap::Change { topic: dice.pick(&[Topic::Exchange, Topic::Input(input)]), shard },
        25 => Mishap::OtherEngine { shard },
        26 => Mishap::SmallLetters { small_ms: dice.pick(&[300, 3_000]) },
        _ => dice.pick(&[Mishap::ForgetOffsets { shard }, Mishap::MoveOffsets { shard }]),
    }
}
