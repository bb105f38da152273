//! What observers may know about a worker: numbers that it leaves here once an epoch, for whoever looks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use influence::{Sizes, Taken};
use vocabulary::{PerKind, Timestamp};
use wire::NoAct;

use crate::batch::Reason;
use crate::log::Step;
use crate::refusals::{Refusals, Refusing};

/// The status of all shards of one application in this process. Reading it stops nobody; numbers that belong together
/// may be an epoch apart.
#[derive(Debug)]
pub struct Status {
    began: Instant,
    shards: Box<[Cell]>,
    rebuilds: AtomicU64,
    epochs: AtomicU64,
    records: AtomicU64,
    accepted: PerKind<AtomicU64>,
    late: AtomicU64,
    published: AtomicU64,
    closes: AtomicU64,
    refused: [AtomicU64; REASONS.len()],
    full: AtomicU64,
    blocked: AtomicU64,
    own_accounts: AtomicU64,
    skipped: [AtomicU64; NoAct::ALL.len()],
    forgotten: AtomicU64,
    duplicates: AtomicU64,
    collided: AtomicU64,
    ignored: AtomicU64,
    exchange_entries: AtomicU64,
    pushed_edges: AtomicU64,
    epoch_us: Durations,
    commit_us: Durations,
    aborts: AtomicU64,
    passed_over: AtomicU64,
    rebalances: AtomicU64,
    restores_begun: AtomicU64,
    restore_us: Durations,
    checkpoints_failed: AtomicU64,
    checkpoint_us: Durations,
    fingerprint: AtomicU64,
    /// Records that wait, by shard and input.
    lags: Mutex<BTreeMap<(u16, usize), u64>>,
    /// What a restore depends on, by shard and input.
    restores: Mutex<BTreeMap<(u16, usize), RestoreOffsets>>,
    /// The log's clients by name, with how many errors each had told of last.
    clients: Mutex<BTreeMap<String, (ClientHealth, u64)>>,
    /// Workers that are members of no group, and since when, in milliseconds from the beginning of the status.
    outside: Mutex<BTreeMap<usize, u64>>,
    /// Taken once an epoch.
    refusals: Mutex<Refusals>,
}

/// Why records become dead letters, in the order of [`Totals::refused_by`].
pub const REASONS: [&str; 4] = ["malformed", "misrouted", "future", "packed"];

/// A worker whose shards take slices tells of them once a second: one that has not for this time stands still.
const STANDING_MS: u64 = 5_000;

/// Microseconds up to which durations are counted together; what is longer comes last.
pub const DURATION_BOUNDS_US: [u64; 15] = [
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    10_000_000,
    60_000_000,
    300_000_000,
    1_800_000_000,
];

/// How many durations lie between two bounds each.
pub type DurationCounts = [u64; DURATION_BOUNDS_US.len() + 1];

#[derive(Debug, Default)]
struct Durations {
    sum_us: AtomicU64,
    counts: [AtomicU64; DURATION_BOUNDS_US.len() + 1],
}

impl Durations {
    fn add(&self, duration_us: u64) {
        self.sum_us.fetch_add(duration_us, Relaxed);
        self.counts[DURATION_BOUNDS_US.partition_point(|&bound| bound < duration_us)].fetch_add(1, Relaxed);
    }

    fn counts(&self) -> DurationCounts {
        std::array::from_fn(|bound| self.counts[bound].load(Relaxed))
    }
}

/// Where a shard of this process stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Place {
    /// It is not owned here.
    #[default]
    Elsewhere = 0,
    /// Its past is being looked for.
    Loading = 1,
    /// Slices are done again.
    Restoring = 2,
    /// It takes slices.
    Live = 3,
}

/// What is known about one shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardStatus {
    /// The stage in which the shard is.
    pub place: Place,
    /// Slices that are still to be done again.
    pub restore_left: u64,
    /// The last committed sequence.
    pub sequence: u64,
    /// When it last took a slice that is committed, by the log's clock; 0 if it has taken none here.
    pub committed_at: Timestamp,
    /// Its clock.
    pub clock: Timestamp,
    /// Milliseconds since the oldest record that waits was stored, or since one cannot be read or does not come; 0 if none waits.
    pub lag_ms: i64,
    /// Milliseconds since the oldest exact counts came that may not be published yet; 0 if all are.
    pub unpublished_ms: i64,
    /// Records of its inputs that are stored and cannot be read yet, as a transaction before them is open.
    pub unreadable: u64,
    /// The last checkpoint's sequence; 0 if there is none.
    pub checkpoint_sequence: u64,
    /// When it was written, by the log's clock.
    pub checkpoint_at: Timestamp,
    /// Its size.
    pub checkpoint_bytes: u64,
    /// How long the worker stood still for it.
    pub checkpoint_pause_us: u64,
    /// Checkpoints that could not be written, since the last one that was.
    pub checkpoint_failures: u64,
    /// What the shard holds; counted every ten seconds.
    pub sizes: Sizes,
    /// Ids of events that are known, where repeats are told by them; counted with the sizes.
    pub ids: u64,
    /// The memory they take.
    pub ids_bytes: u64,
}

impl ShardStatus {
    /// What is to be thought of it so long after it was told.
    fn seen(mut self, since_ms: u64) -> ShardStatus {
        if self.place == Place::Live && since_ms >= STANDING_MS {
            self.lag_ms = self.lag_ms.saturating_add_unsigned(since_ms);
        }
        self
    }
}

/// Sums over all shards and workers of this process since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Workers that began anew after something broke.
    pub rebuilds: u64,
    /// Transactions.
    pub epochs: u64,
    /// Records of inputs.
    pub records: u64,
    /// Accepted events, by kind.
    pub accepted: PerKind<u64>,
    /// Accepted ones among them that were older than the window: counted as received, and nothing else.
    pub late: u64,
    /// Scores.
    pub published: u64,
    /// Closes of days that were published.
    pub closes: u64,
    /// Dead letters.
    pub refused: u64,
    /// Dead letters by reason, in the order of [`REASONS`].
    pub refused_by: [u64; REASONS.len()],
    /// Events, profiles, names and entries that found their shard full.
    pub full: u64,
    /// Acts on people who block the actor: they gave nothing.
    pub blocked: u64,
    /// Acts of one account of a person on another one: they gave nothing.
    pub own_accounts: u64,
    /// Records that are no acts, by reason, in the order of [`NoAct::ALL`]: counted and passed over.
    pub skipped: [u64; NoAct::ALL.len()],
    /// People who were forgotten, since nothing was left of them.
    pub forgotten: u64,
    /// Events that were dropped because one with their id was there already.
    pub duplicates: u64,
    /// Acts and profiles that were left out, as the hash of a name is another name's.
    pub collided: u64,
    /// Records by or on names that stand for nobody.
    pub ignored: u64,
    /// What shards told each other.
    pub exchange_entries: u64,
    /// Edges that pushes touched.
    pub pushed_edges: u64,
    /// Microseconds spent in epochs, commits included.
    pub epoch_us: u64,
    /// Microseconds spent in commits.
    pub commit_us: u64,
    /// Epochs by their duration, commits included.
    pub epoch_durations: DurationCounts,
    /// Commits by their duration.
    pub commit_durations: DurationCounts,
    /// Records that were gone before they were read, and were passed over on purpose.
    pub passed_over: u64,
    /// Transactions that failed: whether they were committed is for the next owner to find out.
    pub aborts: u64,
    /// Changes of what is owned here: shards that came, were wanted back or were lost together count once.
    pub rebalances: u64,
    /// Shards that came, and whose past was looked for.
    pub restores_begun: u64,
    /// Microseconds spent until such shards took slices.
    pub restore_us: u64,
    /// Restores by their duration, of shards that take slices.
    pub restore_durations: DurationCounts,
    /// Checkpoints that could not be written.
    pub checkpoints_failed: u64,
    /// Microseconds until checkpoints were safe.
    pub checkpoint_us: u64,
    /// Checkpoints that are safe, by how long that took.
    pub checkpoint_durations: DurationCounts,
}

/// Offsets of one shard's part of an input that a restore depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoreOffsets {
    /// The first one that a restore would read that begins with the older of the two checkpoints that are kept.
    pub needs: i64,
    /// The first one that there is.
    pub first: i64,
}

/// How a client of the log does, as it says itself every ten seconds; times and counts are those since then, but for errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientHealth {
    /// Connections to brokers that work.
    pub up: u64,
    /// Connections that are wanted and do not.
    pub down: u64,
    /// Microseconds of the round trip of 99 in 100 requests, at the slowest broker.
    pub round_trip_us: u64,
    /// Microseconds that 99 in 100 records wait in the client before they are sent, for the slowest broker.
    pub wait_us: u64,
    /// The longest time in milliseconds by which a broker has slowed the client down on purpose.
    pub throttle_ms: u64,
    /// Records that wait in the client, or were sent and are not acknowledged.
    pub queued: u64,
    /// Requests that failed or got no answer in time.
    pub errors: u64,
}

/// A shard's status, number by number.
#[derive(Debug, Default)]
struct Cell {
    place: AtomicU8,
    numbers: [AtomicU64; 9],
    times: [AtomicI64; 5],
    sizes: [AtomicU64; SIZES],
    /// Milliseconds from the beginning of the status until this was told.
    told_at_ms: AtomicU64,
}

/// What one epoch adds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Epoch {
    pub(crate) records: u64,
    pub(crate) taken: Taken,
    pub(crate) forgotten: u64,
    pub(crate) published: u64,
    pub(crate) closes: u64,
    pub(crate) refused: [u64; REASONS.len()],
    pub(crate) skipped: [u64; NoAct::ALL.len()],
    pub(crate) duplicates: u64,
    pub(crate) ignored: u64,
    pub(crate) exchange_entries: u64,
    pub(crate) passed_over: u64,
}

impl Epoch {
    /// Adds records that are no acts, by reason.
    pub(crate) fn skip(&mut self, skipped: &[u64; NoAct::ALL.len()]) {
        self.skipped.iter_mut().zip(skipped).for_each(|(sum, more)| *sum += more);
    }

    /// Adds what a step did, and is about to be committed.
    pub(crate) fn add(&mut self, step: &Step<'_>) {
        self.taken.add(&step.effects.taken);
        self.forgotten += step.effects.forgotten;
        self.records += step.journal.inputs.iter().map(|range| range.len()).sum::<u64>();
        let passed_over = |gap: &wire::Gap| gap.next.abs_diff(step.journal.inputs[gap.input].first);
        let gone: u64 = step.journal.gaps.iter().map(passed_over).sum();
        self.passed_over += gone;
        self.records -= gone;
        self.published += step.effects.scores.len() as u64;
        self.closes += step.effects.closes.len() as u64;
        step.refused.iter().for_each(|refused| self.refused[place(&refused.reason)] += 1);
        self.exchange_entries += step.effects.exchange.iter().map(|section| section.len() as u64).sum::<u64>();
    }
}

/// The reason's place among [`REASONS`].
pub(crate) fn place(reason: &Reason) -> usize {
    match reason {
        Reason::Malformed(_) => 0,
        Reason::Misrouted { .. } => 1,
        Reason::Future { .. } => 2,
        Reason::Packed(_) => 3,
    }
}

impl Status {
    /// Of so many shards, none of them here.
    #[expect(clippy::disallowed_methods, reason = "told to observers only")]
    pub fn new(shards: u16) -> Status {
        Status {
            began: Instant::now(),
            shards: (0..shards).map(|_| Cell::default()).collect(),
            rebuilds: AtomicU64::new(0),
            epochs: AtomicU64::new(0),
            records: AtomicU64::new(0),
            accepted: Default::default(),
            late: AtomicU64::new(0),
            published: AtomicU64::new(0),
            closes: AtomicU64::new(0),
            refused: Default::default(),
            full: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
            own_accounts: AtomicU64::new(0),
            skipped: Default::default(),
            forgotten: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            collided: AtomicU64::new(0),
            ignored: AtomicU64::new(0),
            exchange_entries: AtomicU64::new(0),
            pushed_edges: AtomicU64::new(0),
            epoch_us: Durations::default(),
            commit_us: Durations::default(),
            aborts: AtomicU64::new(0),
            passed_over: AtomicU64::new(0),
            rebalances: AtomicU64::new(0),
            restores_begun: AtomicU64::new(0),
            restore_us: Durations::default(),
            checkpoints_failed: AtomicU64::new(0),
            checkpoint_us: Durations::default(),
            fingerprint: AtomicU64::new(0),
            lags: Mutex::default(),
            restores: Mutex::default(),
            clients: Mutex::default(),
            outside: Mutex::default(),
            refusals: Mutex::default(),
        }
    }

    fn now_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    /// One shard's; of a number that there is not, the default.
    pub fn shard(&self, number: u16) -> ShardStatus {
        self.shards.get(usize::from(number)).map_or(ShardStatus::default(), Cell::read)
    }

    /// All shards'. A live one whose worker stands still lags by that time as well: what has come since nobody has looked.
    pub fn shards(&self) -> impl Iterator<Item = ShardStatus> {
        let now_ms = self.now_ms();
        self.shards.iter().map(move |cell| cell.read().seen(now_ms.saturating_sub(cell.told_at_ms.load(Relaxed))))
    }

    /// A worker begins anew.
    pub fn rebuilt(&self) {
        self.rebuilds.fetch_add(1, Relaxed);
    }

    /// The sums.
    pub fn totals(&self) -> Totals {
        let refused_by: [u64; REASONS.len()] = std::array::from_fn(|reason| self.refused[reason].load(Relaxed));
        Totals {
            rebuilds: self.rebuilds.load(Relaxed),
            epochs: self.epochs.load(Relaxed),
            records: self.records.load(Relaxed),
            accepted: PerKind::from_fn(|kind| self.accepted[kind].load(Relaxed)),
            late: self.late.load(Relaxed),
            published: self.published.load(Relaxed),
            closes: self.closes.load(Relaxed),
            refused: refused_by.iter().sum(),
            refused_by,
            full: self.full.load(Relaxed),
            blocked: self.blocked.load(Relaxed),
            own_accounts: self.own_accounts.load(Relaxed),
            skipped: std::array::from_fn(|reason| self.skipped[reason].load(Relaxed)),
            forgotten: self.forgotten.load(Relaxed),
            duplicates: self.duplicates.load(Relaxed),
            collided: self.collided.load(Relaxed),
            ignored: self.ignored.load(Relaxed),
            exchange_entries: self.exchange_entries.load(Relaxed),
            pushed_edges: self.pushed_edges.load(Relaxed),
            epoch_us: self.epoch_us.sum_us.load(Relaxed),
            commit_us: self.commit_us.sum_us.load(Relaxed),
            epoch_durations: self.epoch_us.counts(),
            commit_durations: self.commit_us.counts(),
            aborts: self.aborts.load(Relaxed),
            passed_over: self.passed_over.load(Relaxed),
            rebalances: self.rebalances.load(Relaxed),
            restores_begun: self.restores_begun.load(Relaxed),
            restore_us: self.restore_us.sum_us.load(Relaxed),
            restore_durations: self.restore_us.counts(),
            checkpoints_failed: self.checkpoints_failed.load(Relaxed),
            checkpoint_us: self.checkpoint_us.sum_us.load(Relaxed),
            checkpoint_durations: self.checkpoint_us.counts(),
        }
    }

    /// What scores are made by: the digest of all that never changes under one application id.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint.load(Relaxed)
    }

    /// Scores are made by this.
    pub fn has_fingerprint(&self, fingerprint: u64) {
        self.fingerprint.store(fingerprint, Relaxed);
    }

    pub(crate) fn restore_began(&self) {
        self.restores_begun.fetch_add(1, Relaxed);
    }

    /// A shard takes slices, so long after it came.
    pub(crate) fn restored(&self, duration_ms: i64) {
        self.restore_us.add(micros(duration_ms));
    }

    /// A checkpoint is safe, so long after its image was taken.
    pub(crate) fn checkpoint_written(&self, duration_ms: i64) {
        self.checkpoint_us.add(micros(duration_ms));
    }

    pub(crate) fn checkpoint_failed(&self) {
        self.checkpoints_failed.fetch_add(1, Relaxed);
    }

    /// These inputs are read, in the order of the configuration.
    pub fn reads<'a>(&self, topics: impl IntoIterator<Item = &'a str>) {
        self.refusals().read(topics);
    }

    /// Inputs of which nearly all new records become dead letters.
    pub fn refusing(&self) -> Vec<Refusing> {
        self.refusals().refusing()
    }

    /// The share of dead letters among the newest records, by input: up to a thousand of each partition.
    pub fn refused_shares(&self) -> Vec<(String, f64)> {
        self.refusals().shares()
    }

    /// Records of inputs that were stored at the last look and are not sliced, by input and shard; marks of transactions
    /// count as well.
    pub fn lag_records(&self) -> Vec<(String, u16, u64)> {
        let lags = self.lags.lock().unwrap_or_else(PoisonError::into_inner);
        let refusals = self.refusals();
        let named = |(&(shard, input), &records): (&(u16, usize), &u64)| Some((refusals.topic(input)?, shard, records));
        lags.iter().filter_map(named).collect()
    }

    /// So many records of each input of a shard wait.
    pub fn lags(&self, shard: u16, records: impl IntoIterator<Item = u64>) {
        let mut lags = self.lags.lock().unwrap_or_else(PoisonError::into_inner);
        records.into_iter().enumerate().for_each(|(input, records)| _ = lags.insert((shard, input), records));
    }

    /// What a restore depends on, by input and shard.
    pub fn restore_offsets(&self) -> Vec<(String, u16, RestoreOffsets)> {
        let restores = self.restores.lock().unwrap_or_else(PoisonError::into_inner);
        let refusals = self.refusals();
        let named = |(&(shard, input), &offsets): (&(u16, usize), &RestoreOffsets)| {
            Some((refusals.topic(input)?, shard, offsets))
        };
        restores.iter().filter_map(named).collect()
    }

    /// What a restore of a shard depends on, by input.
    pub fn restores_from(&self, shard: u16, offsets: impl IntoIterator<Item = RestoreOffsets>) {
        let mut restores = self.restores.lock().unwrap_or_else(PoisonError::into_inner);
        offsets.into_iter().enumerate().for_each(|(input, offsets)| _ = restores.insert((shard, input), offsets));
    }

    /// The log's clients by name; errors since the process began.
    pub fn clients(&self) -> Vec<(String, ClientHealth)> {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.iter().map(|(name, (health, _))| (name.clone(), *health)).collect()
    }

    /// A client of this name says how it does; one that is made anew counts its errors from the beginning.
    pub fn client(&self, name: &str, health: ClientHealth) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, told) = clients.get(name).copied().unwrap_or_default();
        let more = health.errors.checked_sub(told).unwrap_or(health.errors);
        clients.insert(name.to_owned(), (ClientHealth { errors: before.errors + more, ..health }, health.errors));
    }

    /// A worker is not a member of its group: it has just begun, or was taken for dead.
    pub fn leaves_group(&self, worker: usize) {
        let now_ms = self.now_ms();
        self.outside().entry(worker).or_insert(now_ms);
    }

    /// A worker is a member of its group, and knows which shards it has; it may have none.
    pub fn joins_group(&self, worker: usize) {
        self.outside().remove(&worker);
    }

    /// How long the worker that waits for longest has waited for its group; `None` if all are members.
    pub fn outside_group(&self) -> Option<Duration> {
        let since_ms = self.outside().values().min().copied()?;
        Some(Duration::from_millis(self.now_ms().saturating_sub(since_ms)))
    }

    fn outside(&self) -> MutexGuard<'_, BTreeMap<usize, u64>> {
        self.outside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A shard stands like this.
    pub fn write(&self, number: u16, status: &ShardStatus) {
        if status.place == Place::Elsewhere {
            self.refusals().forget(number);
            self.lags.lock().unwrap_or_else(PoisonError::into_inner).retain(|(shard, _), _| *shard != number);
            self.restores.lock().unwrap_or_else(PoisonError::into_inner).retain(|(shard, _), _| *shard != number);
        }
        if let Some(cell) = self.shards.get(usize::from(number)) {
            cell.write(status);
            cell.told_at_ms.store(self.now_ms(), Relaxed);
        }
    }

    pub(crate) fn add(&self, epoch: &Epoch) {
        self.records.fetch_add(epoch.records, Relaxed);
        for (kind, &more) in epoch.taken.accepted.iter() {
            self.accepted[kind].fetch_add(more, Relaxed);
        }
        self.late.fetch_add(epoch.taken.late, Relaxed);
        self.published.fetch_add(epoch.published, Relaxed);
        self.closes.fetch_add(epoch.closes, Relaxed);
        for (sum, more) in self.refused.iter().zip(epoch.refused) {
            sum.fetch_add(more, Relaxed);
        }
        self.full.fetch_add(epoch.taken.refused, Relaxed);
        self.blocked.fetch_add(epoch.taken.blocked, Relaxed);
        self.own_accounts.fetch_add(epoch.taken.own_accounts, Relaxed);
        for (sum, more) in self.skipped.iter().zip(epoch.skipped) {
            sum.fetch_add(more, Relaxed);
        }
        self.forgotten.fetch_add(epoch.forgotten, Relaxed);
        self.duplicates.fetch_add(epoch.duplicates, Relaxed);
        self.collided.fetch_add(epoch.taken.collided, Relaxed);
        self.ignored.fetch_add(epoch.ignored, Relaxed);
        self.passed_over.fetch_add(epoch.passed_over, Relaxed);
        self.exchange_entries.fetch_add(epoch.exchange_entries, Relaxed);
        self.pushed_edges.fetch_add(epoch.taken.pushed_edges, Relaxed);
    }

    pub(crate) fn took(&self, epoch_us: u64, commit_us: u64) {
        self.epochs.fetch_add(1, Relaxed);
        self.epoch_us.add(epoch_us);
        self.commit_us.add(commit_us);
    }

    pub(crate) fn aborted(&self) {
        self.aborts.fetch_add(1, Relaxed);
    }

    pub(crate) fn rebalanced(&self) {
        self.rebalances.fetch_add(1, Relaxed);
    }
}

fn micros(duration_ms: i64) -> u64 {
    u64::try_from(duration_ms).unwrap_or(0).saturating_mul(1_000)
}

impl Cell {
    fn write(&self, status: &ShardStatus) {
        let ShardStatus {
            place,
            restore_left,
            sequence,
            committed_at,
            clock,
            lag_ms,
            unpublished_ms,
            unreadable,
            checkpoint_sequence,
            checkpoint_at,
            checkpoint_bytes,
            checkpoint_pause_us,
            checkpoint_failures,
            sizes,
            ids,
            ids_bytes,
        } = *status;
        self.place.store(place as u8, Relaxed);
        let checkpoint = [checkpoint_sequence, checkpoint_bytes, checkpoint_pause_us, checkpoint_failures];
        let numbers = [restore_left, sequence].into_iter().chain(checkpoint).chain([ids, ids_bytes, unreadable]);
        self.numbers.iter().zip(numbers).for_each(|(cell, number)| cell.store(number, Relaxed));
        let times = [clock, lag_ms, checkpoint_at, unpublished_ms, committed_at];
        self.times.iter().zip(times).for_each(|(cell, time)| cell.store(time, Relaxed));
        self.sizes.iter().zip(list(&sizes)).for_each(|(cell, size)| cell.store(size, Relaxed));
    }

    fn read(&self) -> ShardStatus {
        let number = |place: usize| self.numbers[place].load(Relaxed);
        let time = |place: usize| self.times[place].load(Relaxed);
        ShardStatus {
            place: match self.place.load(Relaxed) {
                1 => Place::Loading,
                2 => Place::Restoring,
                3 => Place::Live,
                _ => Place::Elsewhere,
            },
            restore_left: number(0),
            sequence: number(1),
            clock: time(0),
            lag_ms: time(1),
            unpublished_ms: time(3),
            committed_at: time(4),
            checkpoint_sequence: number(2),
            checkpoint_at: time(2),
            checkpoint_bytes: number(3),
            checkpoint_pause_us: number(4),
            checkpoint_failures: number(5),
            sizes: of_list(std::array::from_fn(|place| self.sizes[place].load(Relaxed))),
            unreadable: number(8),
            ids: number(6),
            ids_bytes: number(7),
        }
    }
}

const SIZES: usize = 11;

fn list(sizes: &Sizes) -> [u64; SIZES] {
    let Sizes { people, rated, remotes, edges, follows, blocks, queued, .. } = *sizes;
    let Sizes { people_bytes, edges_bytes, names_bytes, follows_bytes, .. } = *sizes;
    [people, rated, remotes, edges, follows, blocks, queued, people_bytes, edges_bytes, names_bytes, follows_bytes]
}

fn of_list(list: [u64; SIZES]) -> Sizes {
    let [people, rated, remotes, edges, follows, blocks, queued, bytes @ ..] = list;
    let [people_bytes, edges_bytes, names_bytes, follows_bytes] = bytes;
    Sizes {
        people,
        rated,
        remotes,
        edges,
        follows,
        blocks,
        queued,
        people_bytes,
        edges_bytes,
        names_bytes,
        follows_bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_whose_worker_stands_still_lags_by_that_time() {
        let live = ShardStatus { place: Place::Live, lag_ms: 300, ..ShardStatus::default() };
        assert_eq!(live.seen(STANDING_MS - 1), live);
        assert_eq!(live.seen(60_000).lag_ms, 60_300);
        let restoring = ShardStatus { place: Place::Restoring, ..live };
        assert_eq!(restoring.seen(60_000), restoring);
        let status = Status::new(1);
        status.write(0, &live);
        assert_eq!(status.shards().map(|shard| shard.lag_ms).collect::<Vec<_>>(), [300]);
    }
}
