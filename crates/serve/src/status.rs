//! Health for operators: how far the view is, and how the pipeline of this process does, if it has one.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use pipeline::{Place, ShardStatus, Status, Totals};
use serde::Serialize;
use utoipa::ToSchema;

use crate::view::View;

/// Rates are means over at least that long.
const SAMPLE: Duration = Duration::from_secs(1);

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
}

/// How far the live view is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ViewStatus {
    /// Whether it has caught up since the start.
    ready: bool,
    /// People with a score.
    users: u64,
    /// Records that were applied.
    records: u64,
    /// Committed records that are still to be applied.
    lag: u64,
    /// Milliseconds since a record was applied, of those that came after it had caught up; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    scored_ms_ago: Option<u64>,
    /// The newest time that a score is for, RFC 3339; absent if there is no score.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    as_of: Option<String>,
}

impl ViewStatus {
    pub(crate) fn new(view: &View) -> ViewStatus {
        ViewStatus {
            ready: view.is_ready(),
            users: view.people(),
            records: view.records(),
            lag: view.behind(),
            scored_ms_ago: view.quiet().map(|quiet| quiet.as_millis() as u64),
            as_of: view.as_of().and_then(wire::rfc3339),
        }
    }
}

/// How the pipeline does.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PipelineStatus {
    /// Accepted events a second.
    events_per_second: f64,
    /// Milliseconds since the oldest record that waits was stored, or since one cannot be read.
    lag_ms: i64,
    /// Milliseconds since the oldest exact counts came that may not be published yet; 0 if all are.
    unpublished_ms: i64,
    /// Milliseconds of an epoch, on average, commit included.
    epoch_ms: f64,
    /// Milliseconds of a commit, on average.
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
    /// Milliseconds since the oldest record that waits was stored, or since one cannot be read.
    lag_ms: i64,
    /// Milliseconds since the oldest exact counts came that may not be published yet; 0 if all are.
    unpublished_ms: i64,
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
    checkpoint_pause_ms: f64,
    /// Checkpoints that could not be written, since the last one that was.
    checkpoint_failures: u64,
}

impl ShardAnswer {
    fn new(shard: u16, status: &ShardStatus, now: i64) -> ShardAnswer {
        let has_checkpoint = status.checkpoint_sequence > 0;
        ShardAnswer {
            shard,
            place: place_word(status.place),
            restore_left: status.restore_left,
            sequence: status.sequence,
            lag_ms: status.lag_ms,
            unpublished_ms: status.unpublished_ms,
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

/// Makes rates of sums: remembers what they were a moment ago.
#[derive(Debug)]
pub(crate) struct Rates(Mutex<Sample>);

#[derive(Debug)]
struct Sample {
    at: Instant,
    totals: Totals,
    last: Mean,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    events_per_second: f64,
    epoch_ms: f64,
    commit_ms: f64,
}

impl Rates {
    pub(crate) fn new() -> Rates {
        Rates(Mutex::new(Sample { at: Instant::now(), totals: Totals::default(), last: Mean::default() }))
    }

    /// How the pipeline does now.
    pub(crate) fn of(&self, status: &Status) -> PipelineStatus {
        let totals = status.totals();
        let mean = self.0.lock().mean(totals);
        let shards: Vec<ShardStatus> = status.shards().collect();
        let now = now_ms();
        PipelineStatus {
            events_per_second: mean.events_per_second,
            lag_ms: shards.iter().map(|shard| shard.lag_ms).max().unwrap_or(0),
            unpublished_ms: shards.iter().map(|shard| shard.unpublished_ms).max().unwrap_or(0),
            epoch_ms: mean.epoch_ms,
            commit_ms: mean.commit_ms,
            published: totals.published,
            dead_letters: totals.refused,
            shards: (0..).zip(&shards).map(|(number, shard)| ShardAnswer::new(number, shard, now)).collect(),
        }
    }
}

impl Sample {
    fn mean(&mut self, totals: Totals) -> Mean {
        let passed = self.at.elapsed();
        if passed >= SAMPLE {
            let events = |totals: &Totals| totals.accepted.total();
            let epochs = (totals.epochs - self.totals.epochs).max(1) as f64;
            self.last = Mean {
                events_per_second: (events(&totals) - events(&self.totals)) as f64 / passed.as_secs_f64(),
                epoch_ms: (totals.epoch_us - self.totals.epoch_us) as f64 / epochs / 1e3,
                commit_ms: (totals.commit_us - self.totals.commit_us) as f64 / epochs / 1e3,
            };
            self.at = Instant::now();
            self.totals = totals;
        }
        self.last
    }
}
