//! A world: its shards, its clock, and the round that is being filled while the one before it is stepped.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use influence::{Collision, Effects, Fan, HashKey, Model, Partitioner, Shard, Sizes, Taken};
use pipeline::{Clock, Cue, Fault, Holds, Input, Keeper, Pace, Settings, Status, Store, StoreError, Worker};
use vocabulary::{Event, Kind, Profile, Score, Timestamp};
use wire::{Encoding, Framing};

use crate::crew::Hand;
use crate::feed::Feed;
use crate::folder::FolderError;
use crate::memory::{Manner, Memory, MemoryLog};
use crate::recording::Recording;

/// Records in a round.
const ROUND_RECORDS_MAX: usize = 65_536;
/// Rounds in a half-life, at least. Shards hear of each other once a round: in a sparse log the records alone would span
/// months, during which everybody's influence stands still in the eyes of the other shards.
const ROUNDS_A_HALF_LIFE: i64 = 32;
/// Steps without input within which a world comes to rest; it takes 6 to 13.
const REST_STEPS_MAX: usize = 100_000;
/// Rounds of levels, audiences and the scale at the end of a log.
const SETTLE_ROUNDS_MAX: usize = 32;
/// A report goes to shard 0, which sets the scale, which goes to every shard.
const SCALE_STEPS: usize = 3;
/// Collisions that are kept to be told.
const COLLISIONS_KEPT_MAX: usize = 10;
/// The inputs: profiles count before events.
pub(crate) const INPUTS: [&str; 2] = ["profiles", "events"];
/// How often a checkpoint that is being read is looked for.
const LOOK: Duration = Duration::from_millis(1);

/// What has been done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What became of the events.
    pub taken: Taken,
    /// Scores that were published.
    pub published: u64,
    /// Entries that shards told each other.
    pub exchange_entries: u64,
    /// Epochs stepped.
    pub epochs: u64,
    /// The first names that were left out, as their hash is another name's.
    pub first_collisions: Vec<Collision>,
}

/// Where a world goes on that outlived its process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resumed {
    /// Events and profiles whose effects are there already.
    pub records: u64,
    /// Those among them that are taken once more, since the last checkpoint.
    pub repeated: u64,
}

/// Why a world does not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorldError {
    /// Its folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Its checkpoints cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A worker has given up.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// What was taken before is not what comes now.
    #[error(
        "the input is not the one that the state was made of: it differs within its first {records} events and profiles; \
         use the same files and options, which may have grown at the end, or another folder"
    )]
    OtherInput {
        /// By then it differs.
        records: u64,
    },
    /// Less comes than was taken before.
    #[error(
        "the input ends after {records} events and profiles, the state was made of {taken}: use the same files and \
         options, which may have grown at the end, or another folder"
    )]
    ShorterInput {
        /// What there is.
        records: u64,
        /// What there was.
        taken: u64,
    },
}

/// Sees every shard's effects after each epoch.
type Observer<'a> = Box<dyn FnMut(&Shard, &Effects) + 'a>;

/// All shards of one world, in memory. With a folder it can be killed at any moment and goes on from where it was.
///
/// A world in memory never fails. After a failure of its folder a world takes nothing more, and [`World::check`] says why.
pub struct World<'a> {
    partitioner: Partitioner,
    partitions: u16,
    round_ms_max: i64,
    memory: Memory,
    hands: Vec<Hand>,
    is_stepping: bool,
    feed: Feed,
    /// Records that are being stepped.
    stepped: Feed,
    clock: Timestamp,
    /// The clock when the round began that is being filled.
    began: Timestamp,
    opted_out: BTreeSet<String>,
    /// Of the round that is being filled: whom somebody blocked, or blocks no more, and who did.
    blocked: BTreeMap<String, BTreeSet<String>>,
    has_blocks: bool,
    progress: Progress,
    levels_changed: u64,
    swept: u64,
    observer: Option<Observer<'a>>,
    recording: Option<Recording>,
    failure: Option<WorldError>,
    has_failed: bool,
    /// The round that is stepped was committed before.
    is_following: bool,
}

impl<'a> World<'a> {
    /// An empty world of so many partitions, stepped by so many threads. The model must be valid. No result depends on
    /// the key, which strangers must not know: see [`pipeline::draw_hash_key`].
    pub fn new(model: &Model, hash_key: HashKey, partitions: u16, workers: usize) -> World<'a> {
        World::in_memory(Arc::new(settings(model, hash_key, partitions, i64::MAX)), workers)
    }

    fn in_memory(settings: Arc<Settings>, workers: usize) -> World<'a> {
        let memory = memory(settings.shards);
        let hands = hands(&memory, &settings, workers, |_| Ok(Keeper::none()));
        let mut world = World::of(&settings, memory, hands.expect("no keeper of nothing fails"));
        world.settle_in();
        world
    }

    /// The same, whose epochs tell what each act gave: see [`World::observe`].
    pub fn with_credits(model: &Model, hash_key: HashKey, partitions: u16, workers: usize) -> World<'a> {
        let settings = Settings { credits: true, ..settings(model, hash_key, partitions, i64::MAX) };
        World::in_memory(Arc::new(settings), workers)
    }

    /// A world in a folder, which keeps its key: an empty one, or one that was killed, which goes on from where it was once it is given the
    /// same input from its beginning. Each shard is checkpointed after so many milliseconds.
    ///
    /// # Errors
    /// If the folder cannot be used, or is of another world.
    pub fn open(
        model: &Model,
        partitions: u16,
        workers: usize,
        path: &Path,
        checkpoint_every_ms: i64,
    ) -> Result<(World<'a>, Resumed), WorldError> {
        let memory = memory(partitions);
        let (recording, hash_key, progress) = Recording::open(path, model, partitions, &memory)?;
        let settings = Arc::new(settings(model, hash_key, partitions, checkpoint_every_ms));
        let place = recording.checkpoints();
        let keeper = |_| Ok(Keeper::beside(Store::open(&place, [])?, &settings)?);
        let hands = hands(&memory, &settings, workers, keeper)?;
        let mut world = World { progress, recording: Some(recording), ..World::of(&settings, memory, hands) };
        world.settle_in();
        world.check().map(|()| world.resumed()).map(|resumed| (world, resumed))
    }

    fn of(settings: &Settings, memory: Memory, hands: Vec<Hand>) -> World<'a> {
        let Settings { model, shards, .. } = settings;
        World {
            partitioner: model.partitioner,
            partitions: *shards,
            round_ms_max: if *shards == 1 { Timestamp::MAX } else { model.half_life_ms / ROUNDS_A_HALF_LIFE },
            memory,
            hands,
            is_stepping: false,
            feed: Feed::new(*shards),
            stepped: Feed::new(*shards),
            clock: Timestamp::MIN,
            began: Timestamp::MIN,
            opted_out: BTreeSet::new(),
            blocked: BTreeMap::new(),
            has_blocks: false,
            progress: Progress::default(),
            levels_changed: 0,
            swept: 0,
            observer: None,
            recording: None,
            failure: None,
            has_failed: false,
            is_following: false,
        }
    }

    /// Lets the workers find out where their shards are.
    fn settle_in(&mut self) {
        while let Some(hand) = self.hands.iter_mut().find(|hand| !hand.worker().has_begun()) {
            if let Err(fault) = hand.worker_mut().turn() {
                return self.fail(fault);
            }
            std::thread::sleep(if self.recording.is_some() { LOOK } else { Duration::ZERO });
        }
        if self.recording.as_ref().is_none_or(Recording::is_fresh) {
            self.end_round(true);
        }
    }

    fn resumed(&self) -> Resumed {
        let Some(recording) = &self.recording else { return Resumed::default() };
        let from = (0..self.partitions).filter_map(|shard| self.worker_of(shard).sequence(shard)).min().unwrap_or(0);
        let records = recording.records_known();
        let repeated = records - recording.records_at(from).unwrap_or(0);
        Resumed { records, repeated }
    }

    /// Why the world takes nothing more, if it does not.
    ///
    /// # Errors
    /// What has failed.
    pub fn check(&mut self) -> Result<(), WorldError> {
        self.failure.take().map_or(Ok(()), Err)
    }

    /// Whether the world takes nothing more.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Whether what comes is still held against what was taken before.
    pub fn is_resuming(&self) -> bool {
        self.recording.as_ref().is_some_and(Recording::is_following)
    }

    fn fail(&mut self, failure: impl Into<WorldError>) {
        self.has_failed = true;
        self.failure.get_or_insert(failure.into());
    }

    /// A copy that goes its own way, in memory and without an observer: what becomes of it leaves no trace in this one.
    pub fn fork(&mut self) -> World<'static> {
        self.wait();
        let memory = self.memory.fork();
        let fork = |(number, hand): (usize, &Hand)| {
            let log = memory.join();
            memory.hand_over(hand.worker().shards().map(|(shard, _)| shard), &log);
            Hand::start(number, hand.worker().fork(log))
        };
        World {
            hands: self.hands.iter().enumerate().map(fork).collect(),
            memory,
            feed: self.feed.clone(),
            stepped: self.stepped.clone(),
            opted_out: self.opted_out.clone(),
            blocked: self.blocked.clone(),
            progress: self.progress.clone(),
            observer: None,
            recording: None,
            failure: None,
            ..*self
        }
    }

    /// Shows every epoch's effects to this function. Epochs that are followed after a restart are not shown again.
    pub fn observe(&mut self, observer: impl FnMut(&Shard, &Effects) + 'a) {
        self.observer = Some(Box::new(observer));
    }

    /// Takes an event; its time moves the clock.
    pub fn event(&mut self, event: &Event<'_>) {
        // Only accepted events move the clock.
        if event.actor != event.target && !self.opted_out.contains(event.actor) {
            self.advance(event.at);
        }
        if self.partitions > 1 {
            self.keep_blocks_in_order(event);
        }
        let shard = self.shard_of(event.actor);
        self.feed.event(shard, event, self.clock);
        self.close_if_full();
    }

    /// What comes after a block does not count, and what comes after its end does, in every shard: shards hear of each other
    /// once a round, so that one ends before the first act that hangs on a block in it.
    fn keep_blocks_in_order(&mut self, event: &Event<'_>) {
        if event.kind.begins_block().is_some() {
            self.has_blocks = true;
            self.blocked.entry(event.target.to_owned()).or_default().insert(event.actor.to_owned());
        } else if self.blocked.get(event.actor).is_some_and(|by| by.contains(event.target)) {
            self.close(Cue::default());
        }
    }

    /// Takes a profile.
    pub fn profile(&mut self, profile: &Profile<'_>) {
        let shard = self.shard_of(profile.user);
        let opts_in = profile.opted_out == Some(false) && self.opted_out.remove(profile.user);
        if profile.opted_out == Some(true) {
            self.opted_out.insert(profile.user.to_owned());
        }
        // What comes before an opt-in does not count after it, and what comes after it does: in every shard. With somebody who
        // opts out their blocks end.
        let ends_rounds = (opts_in || profile.opted_out == Some(true) && self.has_blocks) && self.partitions > 1;
        // What an account did before it was linked counts.
        if (ends_rounds || profile.linked.is_some()) && self.feed.len() > 0 {
            self.close(Cue::default());
        }
        self.feed.profile(shard, profile);
        if ends_rounds {
            self.close(Cue::default());
        }
        self.close_if_full();
    }

    fn close_if_full(&mut self) {
        if self.feed.len() >= ROUND_RECORDS_MAX {
            self.close(Cue::default());
        }
    }

    /// Moves the clock, which never goes back.
    pub fn advance(&mut self, clock: Timestamp) {
        if clock <= self.clock {
            return;
        }
        if self.feed.len() > 0 && clock.saturating_sub(self.began) > self.round_ms_max {
            self.close(Cue::default());
        }
        self.clock = clock;
        if self.feed.len() == 0 {
            self.began = clock;
        }
    }

    /// The newest time that is known; `None` before the first event.
    pub fn now(&self) -> Option<Timestamp> {
        (self.clock != Timestamp::MIN).then_some(self.clock)
    }

    /// Ends the round: takes the one before it back, and has this one stepped while the next one is filled.
    fn close(&mut self, cue: Cue) {
        self.blocked.clear();
        self.wait();
        std::mem::swap(&mut self.feed, &mut self.stepped);
        let is_following = match self.recording.as_mut().filter(|recording| !recording.is_over()) {
            Some(recording) => {
                let is_following = recording.is_following();
                if let Err(error) = recording.close(self.stepped.len(), self.stepped.digest()) {
                    self.fail(error);
                }
                is_following
            }
            None => false,
        };
        if !self.has_failed {
            self.stepped.append_to(&self.memory);
            if !is_following {
                self.memory.cue(Cue { clock: self.clock, ..cue });
            }
            self.hands.iter_mut().for_each(Hand::begin);
            self.is_stepping = true;
            self.is_following = is_following;
        }
        self.feed.follow(&self.stepped);
    }

    /// Takes the workers back, and carries what their shards told each other.
    fn wait(&mut self) {
        if !std::mem::take(&mut self.is_stepping) {
            return;
        }
        for place in 0..self.hands.len() {
            if let Err(fault) = self.hands[place].finish() {
                self.fail(fault);
            }
        }
        match self.is_following {
            true => self.catch_up(),
            false => self.end_round(false),
        }
    }

    /// After the last round that was committed before, all shards are where they were.
    fn catch_up(&mut self) {
        let is_last = self.recording.as_ref().is_some_and(Recording::is_at_last);
        while !self.has_failed
            && let Some(hand) = self.hands.iter_mut().find(|hand| is_last && !hand.worker().is_live())
        {
            if let Err(fault) = hand.worker_mut().turn() {
                self.fail(fault);
            }
        }
    }

    /// Delivers what shards told each other, notes what they did, and writes it down. The first round only opens journals.
    fn end_round(&mut self, opens: bool) {
        let records = self.recording.as_ref().is_some_and(|recording| !recording.is_over());
        let round = self.memory.end_round(records);
        self.progress.exchange_entries += round.entries;
        self.progress.epochs += u64::from(!opens);
        for shard in 0..self.partitions {
            self.note_effects(shard);
        }
        if let Some(recording) = self.recording.as_mut().filter(|_| records && !self.has_failed)
            && let Err(error) = recording.commit(&round, &self.progress, &self.memory)
        {
            self.fail(error);
        }
    }

    fn note_effects(&mut self, shard: u16) {
        let hand = &self.hands[usize::from(shard) % self.hands.len()];
        let Some((shard, effects)) = hand.worker().effects(shard) else { return };
        if let Some(observer) = &mut self.observer {
            observer(shard, effects);
        }
        let progress = &mut self.progress;
        progress.taken.add(&effects.taken);
        progress.published += effects.scores.len() as u64;
        for collision in &effects.collisions {
            let first = &mut progress.first_collisions;
            if first.len() < COLLISIONS_KEPT_MAX && first.iter().all(|told| told.second != collision.second) {
                first.push(collision.clone());
            }
        }
        self.levels_changed += effects.levels_changed;
        self.swept += u64::from(effects.swept);
    }

    /// Takes everything that waits, until no rate is off and nothing is under way between shards.
    pub fn rest(&mut self) {
        self.wait();
        self.end_recording();
        if self.feed.len() > 0 {
            self.close(Cue::default());
        }
        self.wait();
        for _ in 0..REST_STEPS_MAX {
            if self.is_at_rest() || self.has_failed {
                return;
            }
            self.step_alone(Cue::default());
        }
        unreachable!("the world does not come to rest");
    }

    /// What a world does to come to rest is not written down: more input may come in another run.
    fn end_recording(&mut self) {
        let Some(recording) = self.recording.as_mut().filter(|recording| !recording.is_over()) else { return };
        let records = recording.records() + self.feed.len() as u64;
        if let Err(error) = recording.end(records) {
            return self.fail(error);
        }
        for place in 0..self.hands.len() {
            let worker = self.hands[place].worker_mut();
            if let Err(fault) = worker.checkpoint() {
                return self.fail(fault);
            }
            worker.keep_no_checkpoints();
        }
    }

    fn is_at_rest(&self) -> bool {
        let rests = |shard: &Shard| shard.is_at_rest() && shard.now().is_none_or(|now| now == self.clock);
        !self.memory.is_telling() && self.shards().all(rests)
    }

    /// An epoch without records.
    fn step_alone(&mut self, cue: Cue) {
        self.close(cue);
        self.wait();
    }

    /// The end of a recorded log: forgets what is older than the window, and moves levels and the scale where they
    /// belong as of the clock.
    pub fn settle(&mut self) {
        if self.now().is_none() {
            return self.rest();
        }
        self.sweep_all(false);
        if self.shards().all(|shard| !shard.has_accounts()) {
            // Without followers there are no levels, and the scale moves as soon as all shards have reported.
            return self.settle_scale();
        }
        for _ in 0..SETTLE_ROUNDS_MAX {
            let (levels_changed, version) = (self.levels_changed, self.scale_version());
            self.sweep_all(true);
            // Shard 0 hears an epoch later how the others stand.
            self.settle_scale();
            if levels_changed == self.levels_changed && version == self.scale_version() {
                return;
            }
        }
    }

    fn settle_scale(&mut self) {
        (0..SCALE_STEPS).for_each(|_| self.step_alone(Cue { settles: true, ..Cue::default() }));
        self.rest();
    }

    fn sweep_all(&mut self, settles: bool) {
        self.rest();
        let goal = self.swept + self.shards().map(|shard| u64::from(shard.people_len())).sum::<u64>();
        while self.swept < goal && !self.has_failed {
            self.step_alone(Cue { sweeps_all: true, settles, ..Cue::default() });
        }
        self.rest();
    }

    fn scale_version(&self) -> u64 {
        self.shards().map(|shard| shard.scale().version).max().unwrap_or(0)
    }

    /// What has been done; epochs under way are not in it.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    fn worker_of(&self, shard: u16) -> &Worker<MemoryLog> {
        self.hands[usize::from(shard) % self.hands.len()].worker()
    }

    /// The shards, by number. Only at rest: see [`World::rest`].
    pub fn shards(&self) -> impl Iterator<Item = &Shard> {
        assert!(!self.is_stepping, "the shards are at their workers: rest first");
        (0..self.partitions).filter_map(|shard| self.worker_of(shard).shard(shard))
    }

    /// Everybody who is rated. Only at rest.
    pub fn scores(&self) -> impl Iterator<Item = (&str, Score)> {
        self.shards().flat_map(Shard::scores)
    }

    /// One person's record. Only at rest.
    pub fn score(&self, name: &str) -> Option<Score> {
        self.shards().nth(usize::from(self.shard_of(name)))?.score(name)
    }

    /// Whether a person has opted out; `None` if nothing is known of such a person. Only at rest.
    pub fn opted_out(&self, name: &str) -> Option<bool> {
        self.shards().nth(usize::from(self.shard_of(name)))?.opted_out(name)
    }

    /// The names of all who acted or were acted upon, and have not opted out. Only at rest.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.shards().flat_map(Shard::names)
    }

    /// One person's fans, those who give most first. Only at rest.
    pub fn fans(&self, name: &str) -> Vec<Fan> {
        let mut fans: Vec<Fan> = self.shards().flat_map(|shard| shard.fans(name)).collect();
        fans.sort_by(|a, b| b.votes.total_cmp(&a.votes).then_with(|| a.name.cmp(&b.name)));
        fans
    }

    /// What all shards hold. Only at rest.
    pub fn sizes(&self) -> Sizes {
        self.shards().fold(Sizes::default(), |mut sum, shard| {
            sum.add(&shard.sizes());
            sum
        })
    }

    fn shard_of(&self, name: &str) -> u16 {
        if self.partitions == 1 { 0 } else { self.partitioner.partition(name, self.partitions) }
    }
}

fn memory(partitions: u16) -> Memory {
    assert!(partitions > 0, "a world has at least one partition");
    Memory::new(partitions, &INPUTS, Manner { in_rounds: true, keeps: false })
}

/// The log itself cuts epochs, so that no pace does.
fn settings(model: &Model, hash_key: HashKey, shards: u16, checkpoint_every_ms: i64) -> Settings {
    let input = |(topic, holds): (&str, Holds)| Input {
        topic: topic.to_owned(),
        holds,
        encoding: Encoding::Protobuf,
        framing: Framing::Bare,
        kind: Kind::Mention,
    };
    let pace = Pace {
        epoch_ms: i64::MAX,
        epoch_records_max: usize::MAX,
        epoch_bytes_max: usize::MAX,
        backlog_records_max: usize::MAX,
        backlog_bytes_max: usize::MAX,
        ..Pace::default()
    };
    Settings {
        model: model.clone(),
        hash_key,
        names: wire::Names::default(),
        shards,
        inputs: INPUTS.into_iter().zip([Holds::Profiles, Holds::Events]).map(input).collect(),
        exchange: "exchange".to_owned(),
        clock: Clock::Stored,
        dedup_window_ms: None,
        closes_ms: None,
        credits: false,
        pace,
        checkpoint_every_ms,
        accepted_gaps: Vec::new(),
    }
}

/// The workers, each with every so-manieth shard.
fn hands(
    memory: &Memory,
    settings: &Arc<Settings>,
    workers: usize,
    mut keeper: impl FnMut(usize) -> Result<Keeper, WorldError>,
) -> Result<Vec<Hand>, WorldError> {
    let workers = workers.clamp(1, usize::from(settings.shards));
    let status = Arc::new(Status::new(settings.shards));
    let mut hand = |number: usize| {
        let log = memory.join();
        (0..settings.shards).skip(number).step_by(workers).for_each(|shard| memory.assign(shard, &log));
        let worker = Worker::new(log, Arc::clone(settings), keeper(number)?, Arc::clone(&status));
        Ok(Hand::start(number, worker))
    };
    (0..workers).map(&mut hand).collect()
}
