//! The worker: one thread that owns shards and takes their input, an epoch at a time. The first file to read.
//!
//! ```text
//!            ┌────────────────────────── Log ──────────────────────────┐
//!            │ ownership   past     inputs, exchange        commit     │
//!            └─────┬─────────┬────────────┬───────────────────▲────────┘
//!              assigned   journal      records     scores, exchange, dead letters,
//!                  ▼         ▼            ▼         journal and offsets: all or nothing
//! Stage:     Waiting ─> Loading ─> Repeating ─> Live ─────────┘
//!                          ▲    slices once more  │ slice ─> Shard::step ─> effects
//!                          └──────── Keeper ◄─────┘
//!                          checkpoints: only after their epoch's commit
//! ```
//!
//! A shard's state is a function of its slices, and the journal says which they were. So a worker that cannot go on
//! drops all it has: whoever owns its shards next stands, after a restore, where the last commit stood, bit by bit.
//! It never asks a clock but the log's, and never publishes what is not journaled in the same transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use influence::{Effects, Shard};
use tracing::{debug, info, warn};
use vocabulary::Timestamp;
use wire::JournalRecord;

use crate::bugs::{Bug, Bugs};
use crate::epoch_size::{EpochSize, Taken};
use crate::fault::Fault;
use crate::keeper::{Done, Job, Keeper, Loaded};
use crate::log::{Cue, Delivery, Inbox, Log, Ownership, Room, Share, Step};
use crate::planted::{Planted, Watch};
use crate::refusals::Change;
use crate::restore::{Stage, check_past};
use crate::rounds::Rounds;
use crate::seat::{IDLE_MS, Seat, Work};
use crate::settings::Settings;
use crate::shard_list::shard_list;
use crate::status::{Epoch, Place, RestoreOffsets, ShardStatus, Status};
use crate::stopwatch::Stopwatch;
use crate::supervisor::Heartbeat;

/// How long a shard that is wanted back waits for its checkpoint.
const RELEASE_WAIT: Duration = Duration::from_secs(30);
/// Changes of ownership and checkpoints are looked after at least that often,
const WAIT_MS_MAX: i64 = 1_000;
/// and checkpoints that are being read sooner.
const RESTORING_WAIT_MS_MAX: i64 = 5;
/// How long a worker without work waits for something before it looks at them.
const IDLE_WAIT_MS: i64 = 100;
/// Milliseconds between two looks at how shards do while nothing is committed.
const STATUS_MS: Timestamp = 1_000;
/// Milliseconds between two counts of what a shard holds: that looks at all of it.
const SIZES_MS: Timestamp = 10_000;
/// A shard of no more people than this is counted with each look, and one that was never counted at once.
const FEW: u32 = 50_000;
/// Milliseconds between two warnings that a shard is full.
const FULL_TOLD_MS: Timestamp = 60_000;

/// One worker. After an error it must be dropped.
#[derive(Debug)]
pub struct Worker<L> {
    log: L,
    settings: Arc<Settings>,
    shards: BTreeMap<u16, Stage>,
    keeper: Keeper,
    rounds: Rounds,
    inbox: Inbox,
    room: Room,
    epoch_ended: Timestamp,
    epoch_size: EpochSize,
    status: Arc<Status>,
    sized_at: Timestamp,
    /// Likewise of shards of few people.
    few_sized_at: Timestamp,
    /// When it was last said that a shard is full.
    full_told_at: Timestamp,
    heartbeat: Arc<Heartbeat>,
    told_at: Timestamp,
    /// When shards came that do not take slices yet.
    came_at: BTreeMap<u16, Timestamp>,
    /// The first offsets of the inputs that a restore of a shard would read.
    needed: BTreeMap<u16, Vec<i64>>,
    /// Whether shards have come since it was last said that all are live, and the slices that were done again for them.
    is_news: bool,
    repeated: usize,
    bugs: Bugs,
    planted: Planted,
    watch: Watch,
}

impl<L: Log> Worker<L> {
    /// A worker that owns nothing yet.
    pub fn new(log: L, settings: Arc<Settings>, keeper: Keeper, status: Arc<Status>) -> Worker<L> {
        status.reads(settings.inputs.iter().map(|input| input.topic.as_str()));
        status.has_fingerprint(settings.fingerprint());
        Worker {
            epoch_ended: log.now(),
            epoch_size: EpochSize::new(&settings.pace),
            log,
            rounds: Rounds::new(settings.checkpoint_every_ms),
            settings,
            shards: BTreeMap::new(),
            keeper,
            inbox: Inbox::default(),
            room: Room::default(),
            status,
            sized_at: Timestamp::MIN,
            few_sized_at: Timestamp::MIN,
            full_told_at: Timestamp::MIN,
            heartbeat: Arc::default(),
            told_at: Timestamp::MIN,
            came_at: BTreeMap::new(),
            needed: BTreeMap::new(),
            is_news: false,
            repeated: 0,
            bugs: Bugs::NONE,
            planted: Planted::of_environment(),
            watch: Watch::default(),
        }
    }

    /// Switches a mistake on.
    #[cfg(feature = "planted-bugs")]
    pub fn plant(&mut self, bugs: Bugs) {
        self.bugs = bugs;
    }

    /// Lets it panic in its next step.
    #[cfg(feature = "planted-bugs")]
    pub fn plant_panic(&mut self) {
        self.planted = Planted::unwind();
    }

    /// Shows what comes of slices that are done again to this function: it is out already, and is thrown away.
    #[cfg(feature = "planted-bugs")]
    pub fn watch_repeated(&mut self, watch: impl FnMut(&Shard, &Effects) + Send + 'static) {
        self.watch = Watch::new(watch);
    }

    /// Takes turns until it is told to stop, and then gives everything back in good order. Each turn is a beat.
    ///
    /// # Errors
    /// If a turn fails. Nothing that was not committed is lost, it is taken again from the log; what it had is still told
    /// as its own until [`Worker::lose`].
    pub fn run(&mut self, stop: &AtomicBool, heartbeat: &Arc<Heartbeat>) -> Result<(), Fault> {
        self.heartbeat = Arc::clone(heartbeat);
        heartbeat.set_at_work(true);
        let ran = self.turns(stop).and_then(|()| self.stop());
        heartbeat.set_at_work(false);
        ran
    }

    fn turns(&mut self, stop: &AtomicBool) -> Result<(), Fault> {
        while !stop.load(Ordering::Relaxed) {
            self.turn()?;
        }
        Ok(())
    }

    /// One round of the loop: takes what the log and the keeper have to tell, and steps its shards if an epoch is due.
    pub fn turn(&mut self) -> Result<(), Fault> {
        self.heartbeat.beat();
        self.take_ownership()?;
        self.take_checkpoints()?;
        // Of the epoch before this turn, of which all is safe by now.
        if !self.bugs.has(Bug::CheckpointBeforeCommit) {
            self.begin_checkpoint();
        }
        self.ask_for_pasts()?;
        let cue = self.fetch()?;
        self.repeat_slices()?;
        self.open_journals()?;
        if cue.is_some() || self.is_due() {
            self.epoch(cue)?;
        }
        if self.log.now().saturating_sub(self.told_at) >= STATUS_MS {
            self.tell_status();
        }
        Ok(())
    }

    /// An epoch: each shard takes a slice, and what comes of all of them is committed at once.
    fn epoch(&mut self, cue: Option<Cue>) -> Result<(), Fault> {
        let watch = Stopwatch::start();
        let now = self.log.now();
        // Shards age together: one transaction for all of them.
        let all_idle = self.work() <= Work::Ageing;
        let epoch_records = self.epoch_size.records();
        let mut taken = Taken::default();
        for seat in self.shards.values_mut().filter_map(Stage::live_mut) {
            let steps = match seat.work(self.settings.clock) {
                Work::Input | Work::Quieting => true,
                Work::Ageing => all_idle || now.saturating_sub(seat.stepped_at) >= IDLE_MS,
                Work::Nothing => false,
            };
            if cue.is_some() || steps {
                seat.look(&self.settings, &self.log.unread_since(seat.number));
                let clock = seat.shard.now();
                seat.step(&self.settings, epoch_records, now, cue, self.bugs);
                taken.records += seat.records.iter().sum::<u64>() as usize;
                let moved_ms = clock.zip(seat.shard.now()).map_or(0, |(before, after)| after - before);
                taken.span_ms = taken.span_ms.max(moved_ms);
                self.planted.stepped(|| seat.next_records());
                self.heartbeat.beat();
            }
        }
        if self.bugs.has(Bug::CheckpointBeforeCommit) {
            self.begin_checkpoint();
            self.take_checkpoints()?;
        }
        let commit_us = self.commit()?;
        self.epoch_ended = self.log.now();
        taken.lasted_ms = self.epoch_ended - now;
        self.epoch_size.took(taken, self.settings.model.half_life_ms);
        self.status.took(watch.us(), commit_us);
        Ok(())
    }

    /// Commits what the seats have stepped; nothing if none has.
    fn commit(&mut self) -> Result<u64, Fault> {
        let live = self.shards.values_mut().filter_map(Stage::live_mut);
        let mut steps: Vec<Step<'_>> = live.filter_map(Seat::transaction).collect();
        if steps.is_empty() {
            return Ok(0);
        }
        let mut epoch = Epoch::default();
        steps.iter().for_each(|step| epoch.add(step));
        self.log.prepare(&mut steps);
        let watch = Stopwatch::start();
        self.heartbeat.wait();
        let offsets = self.log.commit(&mut steps).inspect_err(|_| self.status.aborted())?;
        self.heartbeat.beat();
        let stepped = self.shards.values_mut().filter_map(Stage::live_mut).filter(|seat| seat.next().is_some());
        let mut refusals = self.status.refusals();
        for (seat, offset) in stepped.zip(offsets) {
            epoch.duplicates += seat.duplicates;
            epoch.ignored += seat.ignored;
            for (input, &records) in seat.records.iter().enumerate() {
                refusals.take(input, seat.number, records, &seat.refused);
            }
            epoch.skip(&seat.skipped);
            seat.committed(offset);
        }
        let changes = refusals.changes(self.log.now());
        drop(refusals);
        changes.iter().for_each(tell_change);
        self.status.add(&epoch);
        self.warn_if_full(epoch.taken.refused);
        self.tell_status();
        Ok(watch.us())
    }

    /// At most once a minute: a shard that is full refuses much.
    fn warn_if_full(&mut self, refused: u64) {
        let now = self.log.now();
        if refused > 0 && now.saturating_sub(self.full_told_at) >= FULL_TOLD_MS {
            self.full_told_at = now;
            warn!(
                refused,
                "a shard holds no more people, names or pairs: what goes beyond is left out; rebuild with more partitions"
            );
        }
    }

    fn is_due(&self) -> bool {
        let pace = &self.settings.pace;
        let live = || self.shards.values().filter_map(Stage::live);
        let (mut records, mut bytes) = (0, 0);
        for waiting in live().map(|seat| seat.backlog.waiting()) {
            records += waiting.records;
            bytes += waiting.bytes;
        }
        let work = self.work();
        let is_time = self.pace_ms(work).is_some_and(|pace_ms| self.log.now() - self.epoch_ended >= pace_ms);
        let is_much = records >= self.epoch_size.records() || bytes >= pace.epoch_bytes_max;
        let is_full = || live().any(|seat| seat.backlog.is_full(self.most().bytes));
        is_time || work == Work::Input && (is_much || is_full())
    }

    /// What is most urgent.
    fn work(&self) -> Work {
        let live = self.shards.values().filter_map(Stage::live);
        live.map(|seat| seat.work(self.settings.clock)).max().unwrap_or(Work::Nothing)
    }

    /// Milliseconds from one epoch to the next, if there is to be one.
    fn pace_ms(&self, work: Work) -> Option<i64> {
        let epoch_ms = self.settings.pace.epoch_ms;
        match work {
            Work::Input | Work::Quieting => Some(epoch_ms),
            Work::Ageing => Some(epoch_ms.max(IDLE_MS)),
            Work::Nothing => None,
        }
    }

    /// Takes what has come and gone; returns the shards of which that is told.
    fn take_ownership(&mut self) -> Result<BTreeSet<u16>, Fault> {
        let changes = self.log.ownership()?;
        if changes.is_empty() {
            return Ok(BTreeSet::new());
        }
        self.status.rebalanced();
        let (mut changed, mut left) = (BTreeSet::new(), BTreeSet::new());
        for change in changes {
            let (Ownership::Assigned(shard) | Ownership::Revoked(shard) | Ownership::Lost(shard)) = change;
            changed.insert(shard);
            match change {
                Ownership::Assigned(shard) => {
                    left.remove(&shard);
                    self.is_news = true;
                    self.shards.insert(shard, Stage::Waiting);
                    self.came_at.insert(shard, self.log.now());
                    self.status.restore_began();
                    self.tell(shard, Place::Loading, 0);
                }
                Ownership::Revoked(shard) => {
                    left.insert(shard);
                    self.release(shard)?;
                }
                Ownership::Lost(shard) => {
                    left.insert(shard);
                    self.forget(shard);
                }
            }
        }
        self.tell_ownership(&left);
        Ok(changed)
    }

    /// One line a rebalance.
    fn tell_ownership(&self, left: &BTreeSet<u16>) {
        let has = match self.shards.is_empty() {
            true => "no shards".to_owned(),
            false => format!("shards {}", shard_list(self.shards.keys().copied())),
        };
        match left.is_empty() {
            true => info!("{} has {has}", thread_name()),
            false => info!("{} has {has}, and no longer {}", thread_name(), shard_list(left.iter().copied())),
        }
    }

    /// Gives a shard back, with a checkpoint, so that whoever gets it has little to do again.
    fn release(&mut self, shard: u16) -> Result<(), Fault> {
        self.checkpoint_now(shard)?;
        self.forget(shard);
        self.log.release(shard)
    }

    /// Lets go of everything without a checkpoint: after a fault nobody knows whose it is.
    pub fn lose(&mut self) {
        self.owned().into_iter().for_each(|shard| self.forget(shard));
    }

    fn forget(&mut self, shard: u16) {
        debug!(shard, "gone");
        self.shards.remove(&shard);
        self.came_at.remove(&shard);
        self.needed.remove(&shard);
        self.rounds.forget(shard);
        self.tell(shard, Place::Elsewhere, 0);
    }

    /// Takes what the keeper has done.
    fn take_checkpoints(&mut self) -> Result<(), Fault> {
        while let Some(done) = self.keeper.poll()? {
            self.take_done(done)?;
        }
        Ok(())
    }

    fn take_done(&mut self, done: Done) -> Result<(), Fault> {
        match done {
            Done::Room(room) => self.rounds.room = Some(room),
            Done::Loaded { shard, result } => {
                let loaded =
                    result.map_err(|error| Fault::Broken(format!("shard {shard} cannot be restored: {error}")))?;
                self.begin_repeating(shard, loaded)?;
            }
            Done::Saved { shard, result } => match result {
                Ok(saved) => {
                    if let Some(duration_ms) = self.rounds.saved(shard, &saved, self.log.now()) {
                        self.status.checkpoint_written(duration_ms);
                    }
                    if let Some(oldest) = saved.oldest_kept
                        && self.shards.contains_key(&shard)
                    {
                        self.log.trim(shard, oldest.journal_offset, oldest.exchange_offset)?;
                        self.needed.insert(shard, oldest.inputs);
                    }
                }
                Err(error) => {
                    warn!(shard, %error, "checkpoint not written: a restore will take longer");
                    self.rounds.failed(shard, self.log.now());
                    self.status.checkpoint_failed();
                }
            },
        }
        Ok(())
    }

    /// Asks the log for what is committed about shards that are new here.
    fn ask_for_pasts(&mut self) -> Result<(), Fault> {
        for (&shard, stage) in &mut self.shards {
            if let Stage::Waiting = stage
                && let Some(past) = self.log.past(shard)?
            {
                let past = check_past(shard, past, &self.settings, self.bugs)?;
                self.keeper.ask(Job::Load { shard, journal: Arc::clone(&past.journal), kept: past.kept() });
                *stage = Stage::Loading(Box::new(past));
            }
        }
        Ok(())
    }

    fn begin_repeating(&mut self, shard: u16, loaded: Loaded) -> Result<(), Fault> {
        // The shard may have gone meanwhile, and come back: then it is loaded once more.
        let Some(stage @ Stage::Loading(_)) = self.shards.get_mut(&shard) else { return Ok(()) };
        if let Stage::Loading(past) = std::mem::replace(stage, Stage::Waiting) {
            let mut repeating = match past.begin(shard, loaded, &self.settings, self.bugs) {
                Ok(repeating) => repeating,
                Err(fatal) => {
                    // Whoever has had the shard meanwhile may have trimmed the journal since it was read.
                    let has_changed = self.take_ownership()?.contains(&shard);
                    return if has_changed { Ok(()) } else { Err(fatal.into()) };
                }
            };
            self.heartbeat.wait();
            while let Err(fault) = self.log.seek(shard, &repeating.seat.backlog.wanted()) {
                if let Err(fault) = repeating.pass_over(fault, &self.settings) {
                    // Who has the shard now may have trimmed what it was to begin with.
                    self.take_ownership()?;
                    return if self.shards.contains_key(&shard) { Err(fault) } else { Ok(()) };
                }
            }
            debug!(shard, slices = repeating.left(), "restoring");
            self.needed.insert(shard, repeating.seat.backlog.wanted().inputs);
            self.repeated += repeating.left();
            *stage = Stage::Repeating(Box::new(repeating));
        }
        Ok(())
    }

    /// Does slices again that are committed already, as far as their records have been delivered.
    fn repeat_slices(&mut self) -> Result<(), Fault> {
        for (&shard, stage) in &mut self.shards {
            let Stage::Repeating(repeating) = stage else { continue };
            repeating.go_on(&self.settings, || self.log.now(), &mut self.watch)?;
            self.heartbeat.beat();
            if !repeating.is_done() {
                let (place, restore_left) = (Place::Restoring, repeating.left() as u64);
                let lag_ms = self.came_at.get(&shard).map_or(0, |came_at| self.log.now() - came_at);
                self.status.write(shard, &ShardStatus { place, restore_left, lag_ms, ..ShardStatus::default() });
            } else if let Stage::Repeating(repeating) = std::mem::replace(stage, Stage::Waiting) {
                let now = self.log.now();
                self.rounds.enter(shard, now);
                if let Some(came_at) = self.came_at.remove(&shard) {
                    self.status.restored(now - came_at);
                }
                *stage = Stage::Live(Box::new(repeating.seat));
                self.status.write(shard, &ShardStatus { place: Place::Live, ..ShardStatus::default() });
                debug!(shard, "live");
            }
        }
        if self.is_news && self.is_live() && !self.shards.is_empty() {
            self.is_news = false;
            let slices = std::mem::take(&mut self.repeated);
            let shards = shard_list(self.shards.keys().copied());
            info!(slices, "{} is live: shards {shards}", thread_name());
        }
        Ok(())
    }

    /// Shards that never took a slice begin their journal.
    fn open_journals(&mut self) -> Result<(), Fault> {
        for seat in self.shards.values_mut().filter_map(Stage::live_mut).filter(|seat| seat.last.is_none()) {
            seat.open(&self.settings);
        }
        self.commit().map(|_| ())
    }

    /// Takes records until an epoch is due, or the log says that one is.
    fn fetch(&mut self) -> Result<Option<Cue>, Fault> {
        let epoch_ms = self.settings.pace.epoch_ms;
        let now = self.log.now();
        let work = self.work();
        // Who has nothing to do waits for something, however long ago the last epoch was.
        let left_ms = self
            .pace_ms(work)
            .map_or(IDLE_WAIT_MS, |pace_ms| self.epoch_ended.saturating_add(pace_ms).saturating_sub(now));
        let wait_ms_max = if self.is_live() { WAIT_MS_MAX } else { RESTORING_WAIT_MS_MAX };
        let look_ms = if work <= Work::Ageing { IDLE_WAIT_MS } else { epoch_ms };
        let wait_ms = left_ms.clamp(0, look_ms.min(wait_ms_max));
        self.make_room();
        self.log.fetch(wait_ms, &self.room, &mut self.inbox).map_err(Fault::unless_lost)?;
        for delivery in self.inbox.deliveries.drain(..) {
            let (Delivery::Records { shard, .. } | Delivery::Exchange { shard, .. }) = delivery;
            // What comes for a shard that has just gone is somebody else's.
            if let Some(seat) = self.shards.get_mut(&shard).and_then(Stage::seat_mut) {
                seat.deliver(delivery, &self.settings)?;
            }
        }
        Ok(self.inbox.cue.take())
    }

    /// Each part of an input has its share of what may wait, so that none starves another.
    fn make_room(&mut self) {
        let most = self.most();
        self.room.shares.clear();
        self.room.told.clear();
        for (&shard, stage) in &self.shards {
            let Some((seat, next)) = stage.seat_and_next() else { continue };
            let room = seat.backlog.room(most, next).enumerate();
            self.room.shares.extend(room.map(|(input, share)| ((shard, input), share)));
            if seat.backlog.is_told(most.bytes, next) {
                self.room.told.insert(shard);
            }
        }
    }

    /// What may wait of each part of an input.
    fn most(&self) -> Share {
        let lanes = (self.shards.len() * self.settings.inputs.len()).max(1);
        let pace = &self.settings.pace;
        let share = |all: usize| (all / lanes).max(1);
        Share { records: share(pace.backlog_records_max), bytes: share(pace.backlog_bytes_max) }
    }

    /// Takes the image of a shard whose checkpoint is due, once there is touched memory to copy it to.
    fn begin_checkpoint(&mut self) {
        if !self.keeper.keeps() {
            return;
        }
        let Some(shard) = self.rounds.due(self.log.now()) else { return };
        let Some(Stage::Live(seat)) = self.shards.get(&shard) else { return };
        let is_early = self.bugs.has(Bug::CheckpointBeforeCommit);
        let Some(journal) = seat.next().filter(|_| is_early).or(seat.last.as_ref()) else { return };
        if self.rounds.is_saved(shard, journal.sequence) {
            return self.rounds.skip(shard, self.log.now());
        }
        match self.rounds.room.take() {
            Some(room) => {
                let watch = Stopwatch::start();
                let checkpoint = Box::new(seat.checkpoint(journal.clone(), room));
                self.rounds.began(shard, watch.us(), self.log.now());
                self.keeper.ask(Job::Save { checkpoint });
            }
            None if !self.rounds.is_asked => {
                self.rounds.is_asked = true;
                self.keeper.ask(Job::Room { bytes: seat.shard.image_bytes() });
            }
            None => {}
        }
    }

    /// Writes a shard's checkpoint and waits until it is safe, or for long enough.
    fn checkpoint_now(&mut self, shard: u16) -> Result<(), Fault> {
        let Some(Stage::Live(seat)) = self.shards.get(&shard) else { return Ok(()) };
        let Some(journal) = seat.last.clone() else { return Ok(()) };
        // A store that is away would hold up whoever waits for the shard, and a stop.
        if !self.keeper.keeps() || self.rounds.is_failing() || self.rounds.is_saved(shard, journal.sequence) {
            return Ok(());
        }
        let checkpoint = Box::new(seat.checkpoint(journal, self.rounds.room.take().unwrap_or_default()));
        self.rounds.began(shard, 0, self.log.now());
        self.keeper.ask(Job::Save { checkpoint });
        while self.rounds.is_under_way(shard)
            && let Some(done) = {
                self.heartbeat.wait();
                self.keeper.wait(RELEASE_WAIT)?
            }
        {
            self.take_done(done)?;
        }
        Ok(())
    }

    fn owned(&self) -> Vec<u16> {
        self.shards.keys().copied().collect()
    }

    /// Writes checkpoints of everything and gives it back.
    pub fn stop(&mut self) -> Result<(), Fault> {
        self.owned().into_iter().try_for_each(|shard| self.release(shard))
    }

    /// Writes checkpoints of everything, and keeps it.
    pub fn checkpoint(&mut self) -> Result<(), Fault> {
        self.owned().into_iter().try_for_each(|shard| self.checkpoint_now(shard))
    }

    fn tell(&self, shard: u16, place: Place, restore_left: u64) {
        self.status.write(shard, &ShardStatus { place, restore_left, ..ShardStatus::default() });
    }

    fn tell_status(&mut self) {
        let now = self.log.now();
        self.told_at = now;
        let (counts, counts_few) =
            (now.saturating_sub(self.sized_at) >= SIZES_MS, now.saturating_sub(self.few_sized_at) >= STATUS_MS);
        for (&shard, stage) in &mut self.shards {
            // How old what waits for it is nobody knows before it is restored: as old as the wait at least.
            if let (Stage::Waiting | Stage::Repeating(_), Some(came_at)) = (&*stage, self.came_at.get(&shard)) {
                let known = self.status.shard(shard);
                self.status.write(shard, &ShardStatus { lag_ms: now - came_at, ..known });
            }
            if let Stage::Live(seat) = stage {
                let unread = self.log.unread_since(shard);
                seat.look(&self.settings, &unread);
                let known = self.status.shard(shard);
                let is_few = seat.shard.people_len() <= FEW;
                let counts = counts || counts_few && is_few || known.sizes.people == 0;
                let sizes = if counts { seat.shard.sizes() } else { known.sizes };
                let (ids, ids_bytes) = if counts { seat.ids() } else { (known.ids, known.ids_bytes) };
                let unreadable = self.log.unreadable(shard);
                let unreadable_since = unreadable.map(|unreadable| unreadable.since);
                let oldest = seat.backlog.oldest().filter(|at| *at > Timestamp::MIN);
                let since = unread.into_iter().chain([oldest, unreadable_since]).flatten().min();
                let lag_ms = since.map_or(0, |since| (now - since).max(0));
                let status = ShardStatus {
                    place: Place::Live,
                    restore_left: 0,
                    sequence: seat.last.as_ref().map_or(0, |last| last.sequence),
                    committed_at: seat.stepped_at.max(0),
                    clock: seat.shard.now().unwrap_or_default(),
                    lag_ms,
                    unpublished_ms: seat.unpublished_ms(now),
                    unreadable: unreadable.map_or(0, |unreadable| unreadable.records),
                    sizes,
                    ids,
                    ids_bytes,
                    ..self.rounds.status(shard)
                };
                self.status.write(shard, &status);
                let sliced = seat.backlog.positions().inputs;
                let ends = self.log.ends(shard);
                self.status.lags(shard, ends.iter().zip(&sliced).map(|(end, sliced)| (end - sliced).max(0) as u64));
                let needed = self.needed.get(&shard).into_iter().flatten();
                let offsets = needed.zip(self.log.begins(shard));
                self.status.restores_from(shard, offsets.map(|(&needs, first)| RestoreOffsets { needs, first }));
            }
        }
        if counts {
            self.sized_at = now;
        }
        if counts_few {
            self.few_sized_at = now;
        }
    }

    /// The log under it.
    pub fn log(&self) -> &L {
        &self.log
    }

    /// The log under it.
    pub fn log_mut(&mut self) -> &mut L {
        &mut self.log
    }

    /// The shards that take slices, by number.
    pub fn shards(&self) -> impl Iterator<Item = (u16, &Shard)> {
        self.shards.iter().filter_map(|(&number, stage)| Some((number, &stage.live()?.shard)))
    }

    /// A shard, if it takes slices.
    pub fn shard(&self, number: u16) -> Option<&Shard> {
        Some(&self.shards.get(&number)?.live()?.shard)
    }

    /// All of a shard that a later slice can read, as bytes; `None` unless it takes slices.
    pub fn state(&self, number: u16) -> Option<Vec<u8>> {
        Some(self.shards.get(&number)?.live()?.state())
    }

    /// A shard that takes slices, with what its last step did; a log may have taken the sections out.
    pub fn effects(&self, number: u16) -> Option<(&Shard, &Effects)> {
        let seat = self.shards.get(&number)?.live()?;
        Some((&seat.shard, seat.effects()))
    }

    /// The last sequence that a shard has done, for the first time or again.
    pub fn sequence(&self, number: u16) -> Option<u64> {
        Some(self.shards.get(&number)?.seat()?.last.as_ref()?.sequence)
    }

    /// Whether it knows the past of all shards that it owns, and takes records for them.
    pub fn has_begun(&self) -> bool {
        !self.shards.is_empty()
            && self.shards.values().all(|stage| stage.seat().is_some_and(|seat| seat.last.is_some()))
    }

    /// Writes no checkpoints any more.
    pub fn keep_no_checkpoints(&mut self) {
        self.keeper = Keeper::none();
    }

    /// The last committed record of a shard that takes slices.
    pub fn committed(&self, shard: u16) -> Option<&JournalRecord> {
        self.shards.get(&shard)?.live()?.last.as_ref()
    }

    /// Whether all shards that it owns take slices.
    pub fn is_live(&self) -> bool {
        self.shards.values().all(|stage| stage.live().is_some())
    }

    /// A copy of it over another log, without checkpoints: what becomes of it leaves no trace in this one. Only the
    /// shards that take slices come along, with nothing of what waits for them.
    pub fn fork<M: Log>(&self, log: M) -> Worker<M> {
        let live = self.shards.iter().filter_map(|(&number, stage)| Some((number, stage.live()?)));
        let copy = |seat: &Seat| Stage::Live(Box::new(seat.clone()));
        let shards = live.map(|(number, seat)| (number, copy(seat))).collect();
        let status = Arc::new(Status::new(self.settings.shards));
        let mut fork = Worker::new(log, Arc::clone(&self.settings), Keeper::none(), status);
        (fork.shards, fork.bugs) = (shards, self.bugs);
        fork
    }
}

impl<L> Drop for Worker<L> {
    /// Whatever it ended with, a panic as well: it has no shard any more.
    fn drop(&mut self) {
        let nowhere = ShardStatus::default();
        self.shards.keys().for_each(|&shard| self.status.write(shard, &nowhere));
    }
}

/// The thread is called as its worker is.
fn thread_name() -> String {
    std::thread::current().name().unwrap_or("a worker").to_owned()
}

fn tell_change(change: &Change) {
    match change {
        Change::Refuses(refusing) => warn!("{refusing}"),
        Change::Recovers { topic } => info!(topic, "most records of the input can be used again"),
    }
}
