//! A world: its shards, its clock, and the epoch that is being filled while the one before it is stepped.

use std::collections::BTreeSet;
use std::sync::Arc;

use influence::{Collision, Effects, Event, Fan, Model, Partitioner, Profile, Score, Shard, Sizes, Taken, Timestamp};

use crate::batch::Batch;
use crate::crew::{Seat, Worker};

/// Records in an epoch.
const EPOCH_RECORDS_MAX: usize = 65_536;
/// Epochs in a half-life, at least. Shards hear of each other once an epoch: in a sparse log the records alone would span
/// months, during which everybody's influence stands still in the eyes of the other shards.
const EPOCHS_A_HALF_LIFE: i64 = 32;
/// Steps without input within which a world comes to rest; it takes 6 to 13.
const REST_STEPS_MAX: usize = 100_000;
/// Rounds of levels, audiences and the scale at the end of a log.
const SETTLE_ROUNDS_MAX: usize = 32;
/// A report goes to shard 0, which sets the scale, which goes to every shard.
const SCALE_STEPS: usize = 3;
/// Collisions that are kept to be told.
const COLLISIONS_KEPT_MAX: usize = 10;

/// What has been done so far.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// What became of the events.
    pub taken: Taken,
    /// Scores that were published.
    pub published: u64,
    /// Entries that shards told each other.
    pub exchange_entries: u64,
    /// Epochs stepped.
    pub epochs: u64,
    /// Names that were taken for others.
    pub collisions: u64,
    /// The first of them.
    pub first_collisions: Vec<Collision>,
}

/// Sees every shard's effects after each epoch.
type Observer<'a> = Box<dyn FnMut(&Shard, &Effects) + 'a>;

/// All shards of one world, in memory.
pub struct World<'a> {
    partitioner: Partitioner,
    partitions: u16,
    epoch_ms_max: i64,
    workers: Vec<Worker>,
    /// Shards by number; empty while their workers have them.
    seats: Vec<Option<Seat>>,
    is_stepping: bool,
    batch: Batch,
    stepped: Option<Arc<Batch>>,
    /// An empty batch, kept for its memory.
    spare: Batch,
    clock: Timestamp,
    /// The clock when the epoch began that is being filled.
    began: Timestamp,
    opted_out: BTreeSet<String>,
    progress: Progress,
    levels_changed: u64,
    swept: u64,
    observer: Option<Observer<'a>>,
}

impl<'a> World<'a> {
    /// An empty world of so many partitions, stepped by so many threads. The model must be valid.
    pub fn new(model: &Model, partitions: u16, workers: usize) -> World<'a> {
        assert!(partitions > 0, "a world has at least one partition");
        let seat = |number| Seat {
            shard: Shard::new(model.clone(), number, partitions),
            number,
            exchange: Vec::new(),
            effects: Effects::default(),
        };
        World {
            partitioner: model.partitioner,
            partitions,
            epoch_ms_max: if partitions == 1 { Timestamp::MAX } else { model.half_life_ms / EPOCHS_A_HALF_LIFE },
            workers: (0..workers.clamp(1, usize::from(partitions))).map(Worker::start).collect(),
            seats: (0..partitions).map(|number| Some(seat(number))).collect(),
            is_stepping: false,
            batch: Batch::default(),
            stepped: None,
            spare: Batch::default(),
            clock: Timestamp::MIN,
            began: Timestamp::MIN,
            opted_out: BTreeSet::new(),
            progress: Progress::default(),
            levels_changed: 0,
            swept: 0,
            observer: None,
        }
    }

    /// A copy that goes its own way, without an observer: what becomes of it leaves no trace in this one.
    pub fn fork(&mut self) -> World<'static> {
        self.wait();
        World {
            workers: (0..self.workers.len()).map(Worker::start).collect(),
            seats: self.seats.clone(),
            batch: self.batch.clone(),
            stepped: None,
            spare: Batch::default(),
            opted_out: self.opted_out.clone(),
            progress: self.progress.clone(),
            observer: None,
            ..*self
        }
    }

    /// Shows every epoch's effects to this function.
    pub fn observe(&mut self, observer: impl FnMut(&Shard, &Effects) + 'a) {
        self.observer = Some(Box::new(observer));
    }

    /// Takes an event; its time moves the clock.
    pub fn event(&mut self, event: &Event<'_>) {
        // Only accepted events move the clock.
        if event.actor != event.target && !self.opted_out.contains(event.actor) {
            self.advance(event.at);
        }
        let shard = self.shard_of(event.actor);
        self.batch.push(event, shard, self.clock);
        self.close_if_full();
    }

    /// Takes a profile.
    pub fn profile(&mut self, profile: &Profile<'_>) {
        let shard = self.shard_of(profile.user);
        if profile.opted_out {
            self.opted_out.insert(profile.user.to_owned());
        } else {
            self.opted_out.remove(profile.user);
        }
        self.batch.push_profile(profile, shard);
        self.close_if_full();
    }

    fn close_if_full(&mut self) {
        if self.batch.len() >= EPOCH_RECORDS_MAX {
            self.close();
        }
    }

    /// Moves the clock, which never goes back.
    pub fn advance(&mut self, clock: Timestamp) {
        if clock <= self.clock {
            return;
        }
        if self.batch.len() > 0 && clock.saturating_sub(self.began) > self.epoch_ms_max {
            self.close();
        }
        self.clock = clock;
        if self.batch.len() == 0 {
            self.began = clock;
        }
    }

    /// The newest time that is known; `None` before the first event.
    pub fn now(&self) -> Option<Timestamp> {
        (self.clock != Timestamp::MIN).then_some(self.clock)
    }

    /// Ends the epoch: takes the one before it back, and has this one stepped while the next one is filled.
    fn close(&mut self) {
        self.wait();
        self.batch.clock = self.clock;
        let batch = Arc::new(std::mem::replace(&mut self.batch, std::mem::take(&mut self.spare)));
        for (number, worker) in self.workers.iter().enumerate() {
            let own = self.seats.iter_mut().skip(number).step_by(self.workers.len());
            worker.begin(own.filter_map(Option::take).collect(), Arc::clone(&batch));
        }
        self.stepped = Some(batch);
        self.is_stepping = true;
    }

    /// Takes the shards back from the workers, and carries what they told each other.
    fn wait(&mut self) {
        if !std::mem::take(&mut self.is_stepping) {
            return;
        }
        for worker in &mut self.workers {
            for seat in worker.finish() {
                let number = usize::from(seat.number);
                self.seats[number] = Some(seat);
            }
        }
        self.reuse_batch();
        self.progress.epochs += 1;
        for number in 0..self.seats.len() {
            self.take_effects(number);
        }
    }

    fn reuse_batch(&mut self) {
        if let Some(mut batch) = self.stepped.take().and_then(Arc::into_inner) {
            batch.clear();
            self.spare = batch;
        }
    }

    fn take_effects(&mut self, number: usize) {
        let Some(mut seat) = self.seats[number].take() else { return };
        if let Some(observer) = &mut self.observer {
            observer(&seat.shard, &seat.effects);
        }
        let progress = &mut self.progress;
        progress.taken.add(&seat.effects.taken);
        progress.published += seat.effects.scores.len() as u64;
        progress.collisions += seat.effects.collisions.len() as u64;
        for collision in seat.effects.collisions.drain(..) {
            if progress.first_collisions.len() < COLLISIONS_KEPT_MAX {
                progress.first_collisions.push(collision);
            }
        }
        self.levels_changed += seat.effects.levels_changed;
        self.swept += u64::from(seat.effects.swept);
        let sections = std::mem::take(&mut seat.effects.exchange);
        self.seats[number] = Some(seat);
        for (section, seat) in sections.into_iter().zip(&mut self.seats) {
            if let (false, Some(seat)) = (section.is_empty(), seat) {
                self.progress.exchange_entries += section.len() as u64;
                seat.exchange.push(section);
            }
        }
    }

    /// Takes everything that waits, until no rate is off and nothing is under way between shards.
    pub fn rest(&mut self) {
        if self.batch.len() > 0 {
            self.close();
        }
        self.wait();
        for _ in 0..REST_STEPS_MAX {
            if self.is_at_rest() {
                return;
            }
            self.step_alone(false, false);
        }
        unreachable!("the world does not come to rest");
    }

    fn is_at_rest(&self) -> bool {
        let rests = |seat: &Seat| {
            seat.exchange.is_empty() && seat.shard.is_at_rest() && seat.shard.now().is_none_or(|now| now == self.clock)
        };
        self.seats.iter().flatten().all(rests)
    }

    /// An epoch without records.
    fn step_alone(&mut self, sweeps_all: bool, settles: bool) {
        (self.batch.sweeps_all, self.batch.settles) = (sweeps_all, settles);
        self.close();
        self.wait();
        (self.batch.sweeps_all, self.batch.settles) = (false, false);
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
            (0..SCALE_STEPS).for_each(|_| self.step_alone(false, true));
            return self.rest();
        }
        for _ in 0..SETTLE_ROUNDS_MAX {
            let (levels_changed, version) = (self.levels_changed, self.scale_version());
            self.sweep_all(true);
            if levels_changed == self.levels_changed && version == self.scale_version() {
                return;
            }
        }
    }

    fn sweep_all(&mut self, settles: bool) {
        self.rest();
        let goal = self.swept + self.seats.iter().flatten().map(|seat| u64::from(seat.shard.people_len())).sum::<u64>();
        while self.swept < goal {
            self.step_alone(true, settles);
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

    /// The shards, by number. Only at rest: see [`World::rest`].
    pub fn shards(&self) -> impl Iterator<Item = &Shard> {
        assert!(!self.is_stepping, "the shards are at their workers: rest first");
        self.seats.iter().flatten().map(|seat| &seat.shard)
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
