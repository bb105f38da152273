//! Health for operators: how far the view is, and how the pipeline of this process does, if it has one.

use std::collections::VecDeque;
use std::ops::Not;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use pipeline::{Place, ShardStatus, Status, Supervisor, Totals};
use serde::Serialize;
use utoipa::ToSchema;
use views::{CirclesProgress, Progress};

use crate::answer::seven;
use crate::closes::{self, Closes};
use crate::server::Demo;
use crate::view::View;

/// Rates are means over so many of these.
const SAMPLE: Duration = Duration::from_secs(1);
const SAMPLES: usize = 10;
/// A loop that works turns more often than that.
const STANDING: Duration = Duration::from_secs(2);

/// How the process does.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatusAnswer {
    /// The live view; absent where no scores are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) view: Option<ViewStatus>,
    /// The pipeline; absent where scores come from elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pipeline: Option<PipelineStatus>,
    /// What is shown, if it is a demo; absent where it is real.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) demo: Option<DemoStatus>,
}

/// What a demo shows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DemoStatus {
    /// What it is.
    pub(crate) what: String,
    /// Seconds of it in a second.
    pub(crate) speed: f64,
    /// Whether it is at its end, and nothing moves any more.
    pub(crate) has_ended: bool,
}

impl DemoStatus {
    pub(crate) fn new(demo: &Demo) -> DemoStatus {
        DemoStatus { what: demo.what.clone(), speed: demo.speed, has_ended: demo.has_ended.load(Relaxed) }
    }
}

/// How far the live view is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ViewStatus {
    /// Whether it has caught up since the start.
    ready: bool,
    /// True while no broker has answered since the start, so that nothing is read; absent otherwise.
    #[serde(skip_serializing_if = "Not::not")]
    waits_for_brokers: bool,
    /// People with a score.
    users: u64,
    /// Records that were applied.
    records: u64,
    /// Committed records that are still to be applied.
    lag: u64,
    /// Records of the inputs that those who score have still to read; absent where brokers do not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<u64>,
    /// Milliseconds since a record was applied, of those that came after it had caught up; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    scored_ms_ago: Option<u64>,
    /// The newest time that a score is for, RFC 3339; absent if there is no score.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    as_of: Option<String>,
    /// The closes that are kept; absent where none are.
    #[serde(skip_serializing_if = "Option::is_none")]
    closes: Option<ClosesStatus>,
    /// The circles that are kept; absent where none are.
    #[serde(skip_serializing_if = "Option::is_none")]
    circles: Option<CirclesStatus>,
}

/// How far the circles that are kept are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CirclesStatus {
    /// Accounts that acted or were acted on in the days that are kept.
    accounts: u64,
    /// Records of credits that are published and not kept yet; absent where brokers do not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag: Option<u64>,
    /// The newest day of an act; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date", example = "2026-11-29")]
    newest_day: Option<String>,
}

impl CirclesStatus {
    fn new(closes: &Closes) -> Option<CirclesStatus> {
        let CirclesProgress { accounts, newest_day } = closes.reader.circles_progress()?;
        Some(CirclesStatus { accounts, lag: closes.circles_behind(), newest_day: newest_day.map(closes::date) })
    }
}

/// How far the closes that are kept are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClosesStatus {
    /// People with a close.
    people: u64,
    /// Closes that are published and not kept yet; absent where brokers do not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag: Option<u64>,
    /// The newest day of which somebody has a close; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date", example = "2026-11-29")]
    newest_day: Option<String>,
}

impl ClosesStatus {
    fn new(closes: &Closes) -> ClosesStatus {
        let Progress { people, newest_day } = closes.reader.progress();
        ClosesStatus { people, lag: closes.behind(), newest_day: newest_day.map(closes::date) }
    }
}

impl ViewStatus {
    pub(crate) fn new(view: &View) -> ViewStatus {
        ViewStatus {
            ready: view.is_ready(),
            waits_for_brokers: view.waits() && !view.is_ready(),
            users: view.people(),
            records: view.records(),
            lag: view.behind(),
            unread: view.unread(),
            scored_ms_ago: view.quiet().map(|quiet| quiet.as_millis() as u64),
            as_of: view.as_of().and_then(wire::rfc3339),
            closes: view.closes().map(ClosesStatus::new),
            circles: view.closes().and_then(CirclesStatus::new),
        }
    }
}

/// How the pipeline does.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PipelineStatus {
    /// Accepted events a second, on average over the last ten seconds.
    #[serde(serialize_with = "seven")]
    events_per_second: f64,
    /// Milliseconds since the oldest record that waits was stored, or since one cannot be read; null while no shard is live here, or
    /// one is being restored.
    lag_ms: Option<i64>,
    /// Milliseconds since the oldest exact counts came that may not be published yet; 0 if all are, null as `lag_ms`.
    unpublished_ms: Option<i64>,
    /// Milliseconds for which the worker that stands still longest has not turned, as it waits for brokers, for its group or for
    /// the place of checkpoints: what is told of its shards is as old. 0 while all turn.
    standing_ms: u64,
    /// Milliseconds of an epoch, commit included, on average over the last ten seconds.
    #[serde(serialize_with = "seven")]
    epoch_ms: f64,
    /// Milliseconds of a commit, on average over the last ten seconds.
    #[serde(serialize_with = "seven")]
    commit_ms: f64,
    /// Scores published since the start.
    published: u64,
    /// Dead letters since the start.
    dead_letters: u64,
    /// All shards, those of other processes included.
    shards: Vec<ShardAnswer>,
}

/// How a shard does.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShardAnswer {
    /// Its number.
    shard: u16,
    /// Where it stands: elsewhere, loading, restoring or live.
    place: &'static str,
    /// Slices that are still to be done again.
    restore_left: u64,
    /// The last committed sequence.
    sequence: u64,
    /// Milliseconds since the oldest record that waits was stored, or since one cannot be read; null unless it is live here.
    lag_ms: Option<i64>,
    /// Milliseconds since the oldest exact counts came that may not be published yet; 0 if all are, null unless it is live here.
    unpublished_ms: Option<i64>,
    /// Records that are stored and cannot be read yet, as a transaction before them is open.
    unreadable_records: u64,
    /// People it knows.
    people: u64,
    /// People with a score.
    rated: u64,
    /// Edges.
    edges: u64,
    /// Follows.
    follows: u64,
    /// The last checkpoint's sequence; 0 if there is none.
    checkpoint_sequence: u64,
    /// Milliseconds since the last checkpoint; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint_age_ms: Option<i64>,
    /// Its size.
    checkpoint_bytes: u64,
    /// Milliseconds that the worker stood still for it.
    #[serde(serialize_with = "seven")]
    checkpoint_pause_ms: f64,
    /// Checkpoints that could not be written, since the last one that was.
    checkpoint_failures: u64,
}

impl ShardAnswer {
    fn new(shard: u16, status: &ShardStatus, now: i64) -> ShardAnswer {
        let is_live = status.place == Place::Live;
        let has_checkpoint = status.checkpoint_sequence > 0;
        ShardAnswer {
            shard,
            place: place_word(status.place),
            restore_left: status.restore_left,
            sequence: status.sequence,
            lag_ms: is_live.then_some(status.lag_ms),
            unpublished_ms: is_live.then_some(status.unpublished_ms),
            unreadable_records: status.unreadable,
            people: status.sizes.people,
            rated: status.sizes.rated,
            edges: status.sizes.edges,
            follows: status.sizes.follows,
            checkpoint_sequence: status.checkpoint_sequence,
            checkpoint_age_ms: has_checkpoint.then_some((now - status.checkpoint_at).max(0)),
            checkpoint_bytes: status.checkpoint_bytes,
            checkpoint_pause_ms: status.checkpoint_pause_us as f64 / 1e3,
            checkpoint_failures: status.checkpoint_failures,
        }
    }
}

/// Where a shard stands, in a word.
pub(crate) fn place_word(place: Place) -> &'static str {
    match place {
        Place::Elsewhere => "elsewhere",
        Place::Loading => "loading",
        Place::Restoring => "restoring",
        Place::Live => "live",
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// Makes rates of sums: remembers what they were during the last seconds.
#[derive(Debug)]
pub(crate) struct Rates(Mutex<Samples>);

/// Sums as of some moments, the oldest first.
#[derive(Debug)]
struct Samples(VecDeque<(Instant, Totals)>);

#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    events_per_second: f64,
    epoch_ms: f64,
    commit_ms: f64,
}

impl Rates {
    pub(crate) fn new() -> Rates {
        Rates(Mutex::new(Samples(VecDeque::from([(Instant::now(), Totals::default())]))))
    }

    /// To be called now and then: takes a sample once a second.
    pub(crate) fn sample(&self, status: &Status) {
        self.0.lock().take(Instant::now(), || status.totals());
    }

    /// How the pipeline does now.
    pub(crate) fn of(&self, status: &Status, supervisor: &Supervisor) -> PipelineStatus {
        let totals = status.totals();
        let mean = self.0.lock().mean(Instant::now(), totals);
        let shards: Vec<ShardStatus> = status.shards().collect();
        let are_restored = shards.iter().all(|shard| matches!(shard.place, Place::Live | Place::Elsewhere));
        let live = || shards.iter().filter(|shard| shard.place == Place::Live);
        let now = now_ms();
        let standing = supervisor.standing().max(status.outside_group().unwrap_or_default());
        PipelineStatus {
            events_per_second: mean.events_per_second,
            lag_ms: live().map(|shard| shard.lag_ms).max().filter(|_| are_restored),
            unpublished_ms: live().map(|shard| shard.unpublished_ms).max().filter(|_| are_restored),
            standing_ms: if standing < STANDING { 0 } else { standing.as_millis() as u64 },
            epoch_ms: mean.epoch_ms,
            commit_ms: mean.commit_ms,
            published: totals.published,
            dead_letters: totals.refused,
            shards: (0..).zip(&shards).map(|(number, shard)| ShardAnswer::new(number, shard, now)).collect(),
        }
    }
}

impl Samples {
    fn take(&mut self, now: Instant, totals: impl FnOnce() -> Totals) {
        if self.0.back().is_some_and(|(at, _)| now.saturating_duration_since(*at) < SAMPLE) {
            return;
        }
        self.0.push_back((now, totals()));
        if self.0.len() > SAMPLES {
            self.0.pop_front();
        }
    }

    /// Since the oldest sample.
    fn mean(&self, now: Instant, totals: Totals) -> Mean {
        let Some((at, before)) = self.0.front() else { return Mean::default() };
        let passed = now.saturating_duration_since(*at).as_secs_f64().max(SAMPLE.as_secs_f64());
        let epochs = (totals.epochs - before.epochs).max(1) as f64;
        Mean {
            events_per_second: (totals.accepted.total() - before.accepted.total()) as f64 / passed,
            epoch_ms: (totals.epoch_us - before.epoch_us) as f64 / epochs / 1e3,
            commit_ms: (totals.commit_us - before.commit_us) as f64 / epochs / 1e3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_of_the_last_ten_seconds_whoever_asks_and_how_often() {
        let began = Instant::now();
        let after = |secs| began + Duration::from_secs(secs);
        let totals = |epochs| Totals { epochs, epoch_us: epochs * 2_000, ..Totals::default() };
        let of_epochs = |samples: &Samples, secs, epochs| samples.mean(after(secs), totals(epochs)).epoch_ms;
        let mut samples = Samples(VecDeque::from([(began, totals(0))]));
        assert_eq!(of_epochs(&samples, 1, 100), 2.0);
        // Ten epochs a second of two milliseconds each; then a minute of none.
        (1..=20).for_each(|secs| samples.take(after(secs), || totals(secs * 10)));
        samples.take(after(20) + Duration::from_millis(500), || panic!("once a second is enough"));
        assert_eq!((samples.0.len(), samples.0.front().map(|(at, _)| *at)), (10, Some(after(11))));
        assert_eq!(of_epochs(&samples, 21, 210), 2.0);
        (21..=80).for_each(|secs| samples.take(after(secs), || totals(200)));
        assert_eq!(of_epochs(&samples, 81, 200), 0.0, "what was long ago does not count");
    }
}
