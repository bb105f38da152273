//! Numbers for Prometheus. What the pipeline and the view count themselves is read when somebody looks; only requests are
//! measured as they come.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use pipeline::{
    ClientHealth, DURATION_BOUNDS_US, DurationCounts, Place, REASONS, RestoreOffsets, ShardStatus, Status, Totals,
};

use crate::closes::end_of;
use crate::process;
use crate::status::{now_ms, place_word};
use crate::view::View;

/// Seconds.
const REQUEST_BOUNDS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];
/// First digits of a status.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
/// The route of requests that fit none.
const NO_ROUTE: &str = "none";

/// What kind of number it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One metric: its name, and what it says, labels included.
struct Metric {
    kind: Kind,
    name: &'static str,
    help: &'static str,
}

const fn metric(kind: Kind, name: &'static str, help: &'static str) -> Metric {
    Metric { kind, name, help }
}

/// All metrics, in the order of the page.
const METRICS: &[Metric] = {
    use Kind::{Counter, Gauge, Histogram};
    &[
        metric(Counter, "clout_input_records_total", "Records of inputs that were sliced"),
        metric(Counter, "clout_events_total", "Accepted events, by kind"),
        metric(Counter, "clout_dead_letters_total", "Records that could not be used, by reason"),
        metric(
            Counter,
            "clout_skipped_records_total",
            "Records that are whole and no acts, by reason: no_target (a post) or other_kind",
        ),
        metric(
            Counter,
            "clout_shard_full_total",
            "Records and entries that were left out since their shard holds no more",
        ),
        metric(
            Counter,
            "clout_blocked_events_total",
            "Acts and follows that gave nothing, since their target blocks the actor",
        ),
        metric(
            Counter,
            "clout_own_account_events_total",
            "Acts of one account of a person on another one, which gave nothing",
        ),
        metric(Counter, "clout_people_forgotten_total", "People who were forgotten, since nothing was left of them"),
        metric(
            Counter,
            "clout_name_collisions_total",
            "Acts and profiles that were left out, as the hash of a name is another name's",
        ),
        metric(Counter, "clout_ignored_records_total", "Records by or on names that stand for nobody"),
        metric(
            Gauge,
            "clout_input_refused_share",
            "Share of dead letters among the newest records, up to 1,000 of each partition, by input",
        ),
        metric(
            Gauge,
            "clout_input_lag_records",
            "Records that are stored and not sliced, by input and shard, as of the last 10 s",
        ),
        metric(
            Counter,
            "clout_records_passed_over_total",
            "Records that were gone before they were read, and were passed over by `--accept-gap`",
        ),
        metric(Counter, "clout_scores_published_total", "Scores that were published"),
        metric(Counter, "clout_closes_published_total", "Closes of days that were published"),
        metric(Counter, "clout_exchange_entries_total", "What shards told each other"),
        metric(Counter, "clout_pushed_edges_total", "Edges that pushes touched"),
        metric(Histogram, "clout_epoch_duration_seconds", "Time of an epoch, its transaction included"),
        metric(Histogram, "clout_transaction_duration_seconds", "Time of a transaction"),
        metric(Counter, "clout_transaction_aborts_total", "Transactions that failed"),
        metric(Counter, "clout_rebalances_total", "Changes of which shards are owned here"),
        metric(Counter, "clout_restores_begun_total", "Shards that came here and whose past was looked for"),
        metric(Histogram, "clout_restore_duration_seconds", "Time from when a shard came until it was live"),
        metric(Counter, "clout_checkpoints_failed_total", "Checkpoints that could not be written"),
        metric(Histogram, "clout_checkpoint_duration_seconds", "Time from a checkpoint's image until it was safe"),
        metric(
            Gauge,
            "clout_shard_place",
            "1 where the shard stands, by shard and place: elsewhere, loading, restoring or live",
        ),
        metric(
            Gauge,
            "clout_shard_lag_seconds",
            "Time since the oldest record that waits was stored, or since one cannot be read or does not come, by shard",
        ),
        metric(
            Gauge,
            "clout_shard_unpublished_seconds",
            "Time since the oldest exact counts came that may not be published yet, by shard",
        ),
        metric(
            Gauge,
            "clout_shard_unreadable_records",
            "Records that are stored and cannot be read yet, as a transaction before them is open, by shard",
        ),
        metric(Gauge, "clout_shard_sequence", "The last committed sequence, by shard"),
        metric(
            Gauge,
            "clout_shard_last_commit_timestamp_seconds",
            "When the shard last committed a slice, since 1970, by shard; no series before it has",
        ),
        metric(Gauge, "clout_shard_clock_seconds", "The newest time the shard knows of, since 1970, by shard"),
        metric(Gauge, "clout_shard_restore_slices", "Slices that a restore still has to do again, by shard"),
        metric(Gauge, "clout_shard_people", "People the shard knows, by shard"),
        metric(Gauge, "clout_shard_rated_people", "People with a score, by shard"),
        metric(Gauge, "clout_shard_remote_people", "People of other shards whom people of this one act on, by shard"),
        metric(Gauge, "clout_shard_edges", "Edges, by shard"),
        metric(Gauge, "clout_shard_follows", "Follows, by shard"),
        metric(
            Gauge,
            "clout_shard_blocks",
            "Pairs in which one blocks the other, by the shard of the one who is blocked",
        ),
        metric(Gauge, "clout_shard_queued_pushes", "Pushes that wait for the next epoch, by shard"),
        metric(Gauge, "clout_shard_memory_bytes", "Memory, by shard and part: people, edges, names and follows"),
        metric(Gauge, "clout_checkpoint_sequence", "The sequence of the last checkpoint, 0 if there is none, by shard"),
        metric(
            Gauge,
            "clout_checkpoint_age_seconds",
            "Time since the last checkpoint, by shard; no series if there is none",
        ),
        metric(Gauge, "clout_checkpoint_size_bytes", "Size of the last checkpoint, by shard"),
        metric(
            Gauge,
            "clout_checkpoint_pause_seconds",
            "Time that the worker stood still for the last checkpoint, by shard",
        ),
        metric(Gauge, "clout_checkpoint_failures", "Checkpoints in a row that could not be written, by shard"),
        metric(
            Gauge,
            "clout_restore_needs_offset",
            "The first offset that a restore from the older checkpoint would read, by input and shard",
        ),
        metric(
            Gauge,
            "clout_input_first_offset",
            "The first offset that the input still has, by input and shard, as of the last 10 s",
        ),
        metric(
            Gauge,
            "clout_kafka_connections",
            "Connections of a client to brokers that are wanted, by client and state: up or down",
        ),
        metric(
            Gauge,
            "clout_kafka_round_trip_seconds",
            "Round trip of 99 in 100 requests of the last 10 s, at the slowest broker, by client",
        ),
        metric(
            Gauge,
            "clout_kafka_wait_seconds",
            "Time that 99 in 100 records of the last 10 s waited in the client, for the slowest broker, by client",
        ),
        metric(
            Gauge,
            "clout_kafka_throttle_seconds",
            "The longest time by which a broker has slowed the client down on purpose in the last 10 s, by client",
        ),
        metric(
            Gauge,
            "clout_kafka_queued_records",
            "Records that wait in the client, or were sent and are not acknowledged, by client",
        ),
        metric(Counter, "clout_kafka_errors_total", "Requests that failed or got no answer in time, by client"),
        metric(
            Counter,
            "clout_route_read_records_total",
            "Records that `clout route` has read, once what comes of them is committed, by topic",
        ),
        metric(Counter, "clout_route_written_records_total", "Records that `clout route` has written, by topic"),
        metric(
            Counter,
            "clout_messages_total",
            "Messages of networks that `clout route` or `clout connect` has read, by network",
        ),
        metric(Counter, "clout_message_acts_total", "Acts that were found in them, by network and kind"),
        metric(
            Counter,
            "clout_messages_skipped_total",
            "Messages, and parts of messages, that gave no act, by network and reason",
        ),
        metric(Counter, "clout_connect_written_records_total", "Records that `clout connect` has written, by topic"),
        metric(Counter, "clout_connect_reconnects_total", "Connections to a network that ended or failed, by network"),
        metric(Gauge, "clout_connect_connected", "1 while the network is connected, by network"),
        metric(
            Gauge,
            "clout_connect_lag_seconds",
            "Time since the newest message that was written happened, by network",
        ),
        metric(
            Counter,
            "clout_connect_claims_total",
            "What accounts say of whose they are, as `clout connect` hears it with `--links-key` or `--link-by`, by network and result",
        ),
        metric(Gauge, "clout_view_ready", "1 when the view has caught up since the start"),
        metric(Gauge, "clout_view_users", "People with a score in the view"),
        metric(Counter, "clout_view_records_total", "Records of the table of scores that were applied"),
        metric(Gauge, "clout_view_lag_records", "Committed records that are still to be applied"),
        metric(Gauge, "clout_view_opted_out", "People who opted out, as far as the view was told"),
        metric(Gauge, "clout_views_lag_records", "Closes that are published and not kept yet, where closes are kept"),
        metric(
            Gauge,
            "clout_circles_lag_records",
            "Records of credits that are published and not kept yet, where circles are kept",
        ),
        metric(
            Gauge,
            "clout_circles_accounts",
            "Accounts that acted or were acted on in the days of circles, where these are kept",
        ),
        metric(Gauge, "clout_views_people", "People with a close, where closes are kept"),
        metric(
            Gauge,
            "clout_views_newest_day_timestamp_seconds",
            "The end of the newest day of which somebody has a close, since 1970, where closes are kept",
        ),
        metric(Gauge, "clout_scale_votes", "The influence that stands for 100"),
        metric(Histogram, "clout_http_request_duration_seconds", "Time until an answer begins, by route"),
        metric(Counter, "clout_http_responses_total", "Answers, by the status' first digit"),
        metric(Gauge, "clout_http_connections", "Connections that are open"),
        metric(Gauge, "clout_http_streams", "Streams that are open"),
        metric(Counter, "clout_http_streams_dropped_total", "Streams that ended since their readers fell behind"),
        metric(Gauge, "clout_build_info", "1, by the version that runs"),
        metric(
            Gauge,
            "clout_model_info",
            "1, by the fingerprint of all settings that never change under one application id",
        ),
        metric(Gauge, "process_resident_memory_bytes", "Memory that the system has given to the process"),
        metric(Counter, "process_cpu_seconds_total", "Processor time of the process"),
        metric(Gauge, "process_start_time_seconds", "When the process began, since 1970"),
        metric(Gauge, "process_open_fds", "Files and connections that are open"),
        metric(Gauge, "process_max_fds", "Files and connections that may be open at once"),
        metric(Gauge, "process_threads", "Threads of the process"),
    ]
};

/// Counts of a process that has neither a pipeline nor a view, by metric and labels.
#[derive(Debug, Default)]
pub struct Counted(Mutex<BTreeMap<(&'static str, Labels), u64>>);

type Labels = Vec<(&'static str, String)>;

impl Counted {
    /// Sets a count. The metric is one of the table in `docs/metrics.md`.
    pub fn set(&self, metric: &'static str, labels: &[(&'static str, &str)], count: u64) {
        debug_assert!(METRICS.iter().any(|known| known.name == metric), "{metric} is not in the table");
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((metric, labels), count);
    }
}

/// The metrics of one server.
pub(crate) struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    requests: BTreeMap<&'static str, Histogram>,
    responses: [Counter; CLASSES.len()],
    dropped: Counter,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// What a scrape looks at beside the view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    pub(crate) connections: usize,
    pub(crate) streams: usize,
}

impl Metrics {
    /// For these routes.
    pub(crate) fn new(routes: impl IntoIterator<Item = &'static str>) -> Metrics {
        let builder = PrometheusBuilder::new();
        // Refused only if there are none.
        let builder = builder.set_buckets(&REQUEST_BOUNDS).unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        METRICS.iter().for_each(|metric| describe(&recorder, metric));
        let requests = routes.into_iter().chain([NO_ROUTE]);
        let requests = requests.map(|route| {
            let key = key("clout_http_request_duration_seconds", &[("route", route)]);
            (route, recorder.register_histogram(&key, &METADATA))
        });
        let requests = requests.collect();
        let responses = CLASSES.map(|class| {
            recorder.register_counter(&key("clout_http_responses_total", &[("status", class)]), &METADATA)
        });
        let dropped = recorder.register_counter(&key("clout_http_streams_dropped_total", &[]), &METADATA);
        Metrics { handle: recorder.handle(), recorder, requests, responses, dropped }
    }

    /// An answer began after so long.
    pub(crate) fn answered(&self, route: Option<&str>, status: u16, duration: Duration) {
        let route = route.filter(|route| self.requests.contains_key(route)).unwrap_or(NO_ROUTE);
        if let Some(requests) = self.requests.get(route) {
            requests.record(duration.as_secs_f64());
        }
        if let Some(responses) = self.responses.get(usize::from(status / 100).wrapping_sub(1)) {
            responses.increment(1);
        }
    }

    /// A reader of the stream fell behind.
    pub(crate) fn dropped(&self) {
        self.dropped.increment(1);
    }

    /// What is waiting in histograms is added up, so that it does not pile up while nobody looks.
    pub(crate) fn tidy(&self) {
        self.handle.run_upkeep();
    }

    /// Takes what is counted elsewhere.
    pub(crate) fn read_counted(&self, counted: &Counted) {
        for ((metric, labels), &count) in &*counted.0.lock().unwrap_or_else(PoisonError::into_inner) {
            let labels: Vec<(&'static str, &str)> = labels.iter().map(|(name, value)| (*name, &**value)).collect();
            match METRICS.iter().any(|known| known.name == *metric && known.kind == Kind::Gauge) {
                true => self.gauge(metric, &labels).set(count as f64),
                false => self.counter(metric, &labels).absolute(count),
            }
        }
    }

    /// The exposition.
    pub(crate) fn text(&self, view: Option<&View>, pipeline: Option<&Status>, open: Open) -> String {
        self.gauge("clout_build_info", &[("version", env!("CARGO_PKG_VERSION"))]).set(1.0);
        self.gauge("clout_http_connections", &[]).set(open.connections as f64);
        self.gauge("clout_http_streams", &[]).set(open.streams as f64);
        let mut text = String::new();
        process::numbers().iter().for_each(|(name, number)| series(&mut text, name, &[(String::new(), *number)]));
        if let Some(view) = view {
            self.read_view(view);
        }
        let Some(pipeline) = pipeline else { return self.handle.render() + &text };
        let totals = pipeline.totals();
        self.read_totals(&totals);
        for (input, share) in pipeline.refused_shares() {
            self.gauge("clout_input_refused_share", &[("input", &input)]).set(share);
        }
        (0..).zip(pipeline.shards()).for_each(|(shard, status)| self.read_shard(shard, &status));
        durations(&mut text, "clout_epoch_duration_seconds", &totals.epoch_durations, totals.epoch_us);
        durations(&mut text, "clout_transaction_duration_seconds", &totals.commit_durations, totals.commit_us);
        durations(&mut text, "clout_restore_duration_seconds", &totals.restore_durations, totals.restore_us);
        durations(&mut text, "clout_checkpoint_duration_seconds", &totals.checkpoint_durations, totals.checkpoint_us);
        come_and_go(&mut text, pipeline);
        self.handle.render() + &text
    }

    fn read_view(&self, view: &View) {
        self.gauge("clout_view_ready", &[]).set(f64::from(u8::from(view.is_ready())));
        self.gauge("clout_view_users", &[]).set(view.people() as f64);
        self.counter("clout_view_records_total", &[]).absolute(view.records());
        self.gauge("clout_view_lag_records", &[]).set(view.behind() as f64);
        self.gauge("clout_view_opted_out", &[]).set(view.opted_out() as f64);
        if let Some(closes) = view.closes() {
            let progress = closes.reader.progress();
            self.gauge("clout_views_people", &[]).set(progress.people as f64);
            closes.behind().into_iter().for_each(|lag| self.gauge("clout_views_lag_records", &[]).set(lag as f64));
            closes
                .circles_behind()
                .into_iter()
                .for_each(|lag| self.gauge("clout_circles_lag_records", &[]).set(lag as f64));
            if let Some(circles) = closes.reader.circles_progress() {
                self.gauge("clout_circles_accounts", &[]).set(circles.accounts as f64);
            }
            let end = progress.newest_day.map(|day| end_of(day) / 1_000);
            end.into_iter().for_each(|end| self.gauge("clout_views_newest_day_timestamp_seconds", &[]).set(end as f64));
        }
        if let Some(votes) = view.scale() {
            self.gauge("clout_scale_votes", &[]).set(votes);
        }
    }

    fn read_totals(&self, totals: &Totals) {
        for (kind, &count) in totals.accepted.iter() {
            self.counter("clout_events_total", &[("kind", kind.word())]).absolute(count);
        }
        for (reason, &count) in REASONS.iter().zip(&totals.refused_by) {
            self.counter("clout_dead_letters_total", &[("reason", reason)]).absolute(count);
        }
        for (reason, &count) in wire::NoAct::ALL.iter().zip(&totals.skipped) {
            self.counter("clout_skipped_records_total", &[("reason", reason.name())]).absolute(count);
        }
        for (name, count) in [
            ("clout_input_records_total", totals.records),
            ("clout_shard_full_total", totals.full),
            ("clout_blocked_events_total", totals.blocked),
            ("clout_own_account_events_total", totals.own_accounts),
            ("clout_people_forgotten_total", totals.forgotten),
            ("clout_name_collisions_total", totals.collided),
            ("clout_ignored_records_total", totals.ignored),
            ("clout_records_passed_over_total", totals.passed_over),
            ("clout_scores_published_total", totals.published),
            ("clout_closes_published_total", totals.closes),
            ("clout_exchange_entries_total", totals.exchange_entries),
            ("clout_pushed_edges_total", totals.pushed_edges),
            ("clout_transaction_aborts_total", totals.aborts),
            ("clout_rebalances_total", totals.rebalances),
            ("clout_restores_begun_total", totals.restores_begun),
            ("clout_checkpoints_failed_total", totals.checkpoints_failed),
        ] {
            self.counter(name, &[]).absolute(count);
        }
    }

    fn read_shard(&self, shard: u16, status: &ShardStatus) {
        let shard = &*shard.to_string();
        for place in [Place::Elsewhere, Place::Loading, Place::Restoring, Place::Live] {
            let is_there = f64::from(u8::from(place == status.place));
            self.gauge("clout_shard_place", &[("shard", shard), ("place", place_word(place))]).set(is_there);
        }
        let sizes = &status.sizes;
        for (name, number) in [
            ("clout_shard_lag_seconds", status.lag_ms as f64 / 1e3),
            ("clout_shard_unpublished_seconds", status.unpublished_ms as f64 / 1e3),
            ("clout_shard_unreadable_records", status.unreadable as f64),
            ("clout_shard_sequence", status.sequence as f64),
            ("clout_shard_clock_seconds", status.clock as f64 / 1e3),
            ("clout_shard_restore_slices", status.restore_left as f64),
            ("clout_shard_people", sizes.people as f64),
            ("clout_shard_rated_people", sizes.rated as f64),
            ("clout_shard_remote_people", sizes.remotes as f64),
            ("clout_shard_edges", sizes.edges as f64),
            ("clout_shard_follows", sizes.follows as f64),
            ("clout_shard_blocks", sizes.blocks as f64),
            ("clout_shard_queued_pushes", sizes.queued as f64),
            ("clout_checkpoint_sequence", status.checkpoint_sequence as f64),
            ("clout_checkpoint_size_bytes", status.checkpoint_bytes as f64),
            ("clout_checkpoint_pause_seconds", status.checkpoint_pause_us as f64 / 1e6),
            ("clout_checkpoint_failures", status.checkpoint_failures as f64),
        ] {
            self.gauge(name, &[("shard", shard)]).set(number);
        }
        for (part, bytes) in [
            ("people", sizes.people_bytes),
            ("edges", sizes.edges_bytes),
            ("names", sizes.names_bytes),
            ("follows", sizes.follows_bytes),
        ] {
            self.gauge("clout_shard_memory_bytes", &[("shard", shard), ("part", part)]).set(bytes as f64);
        }
    }

    fn gauge(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Gauge {
        self.recorder.register_gauge(&key(name, labels), &METADATA)
    }

    fn counter(&self, name: &'static str, labels: &[(&'static str, &str)]) -> Counter {
        self.recorder.register_counter(&key(name, labels), &METADATA)
    }
}

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

fn key(name: &'static str, labels: &[(&'static str, &str)]) -> Key {
    Key::from_parts(name, labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect::<Vec<_>>())
}

fn describe(recorder: &PrometheusRecorder, metric: &Metric) {
    let name = KeyName::from_const_str(metric.name);
    match metric.kind {
        Kind::Counter => recorder.describe_counter(name, None, metric.help.into()),
        Kind::Gauge => recorder.describe_gauge(name, None, metric.help.into()),
        Kind::Histogram => recorder.describe_histogram(name, None, metric.help.into()),
    }
}

/// What is not there for every shard, or not always.
fn come_and_go(text: &mut String, pipeline: &Status) {
    let shards = || (0..).zip(pipeline.shards());
    let of_shards = |number: &dyn Fn(&ShardStatus) -> Option<f64>| -> Vec<(String, f64)> {
        let numbers = shards().filter_map(|(shard, status): (u16, _)| Some((shard, number(&status)?)));
        numbers.map(|(shard, number)| (format!("{{shard=\"{shard}\"}}"), number)).collect()
    };
    let committed = |status: &ShardStatus| (status.committed_at > 0).then_some(status.committed_at as f64 / 1e3);
    series(text, "clout_shard_last_commit_timestamp_seconds", &of_shards(&committed));
    let now = now_ms();
    let age = |status: &ShardStatus| {
        (status.checkpoint_sequence > 0).then(|| (now - status.checkpoint_at).max(0) as f64 / 1e3)
    };
    series(text, "clout_checkpoint_age_seconds", &of_shards(&age));
    // Topics have no letters that a label would have to escape.
    let lags = pipeline.lag_records().into_iter();
    let lags = lags.map(|(input, shard, records)| (format!("{{input=\"{input}\",shard=\"{shard}\"}}"), records as f64));
    series(text, "clout_input_lag_records", &lags.collect::<Vec<_>>());
    restores(text, pipeline);
    clients(text, pipeline);
    let fingerprint = pipeline.fingerprint();
    let models = [(format!("{{fingerprint=\"{fingerprint:016x}\"}}"), 1.0)];
    series(text, "clout_model_info", if fingerprint == 0 { &[] } else { &models });
}

/// What a restore depends on.
fn restores(text: &mut String, pipeline: &Status) {
    let offsets = pipeline.restore_offsets();
    let of = |offset: fn(&RestoreOffsets) -> i64| -> Vec<(String, f64)> {
        let labels = |input: &str, shard: &u16| format!("{{input=\"{input}\",shard=\"{shard}\"}}");
        offsets.iter().map(|(input, shard, offsets)| (labels(input, shard), offset(offsets) as f64)).collect()
    };
    series(text, "clout_restore_needs_offset", &of(|offsets| offsets.needs));
    series(text, "clout_input_first_offset", &of(|offsets| offsets.first));
}

/// How the clients of the log do. Their names have no letters that a label would have to escape, unless somebody has chosen them.
fn clients(text: &mut String, pipeline: &Status) {
    let clients: Vec<(String, ClientHealth)> = pipeline.clients();
    let label = |name: &str| name.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
    let of = |number: fn(&ClientHealth) -> f64| -> Vec<(String, f64)> {
        clients.iter().map(|(name, health)| (format!("{{client=\"{}\"}}", label(name)), number(health))).collect()
    };
    let states = clients.iter().flat_map(|(name, health)| {
        let of =
            |state: &str, number: u64| (format!("{{client=\"{}\",state=\"{state}\"}}", label(name)), number as f64);
        [of("up", health.up), of("down", health.down)]
    });
    series(text, "clout_kafka_connections", &states.collect::<Vec<_>>());
    series(text, "clout_kafka_round_trip_seconds", &of(|health| health.round_trip_us as f64 / 1e6));
    series(text, "clout_kafka_wait_seconds", &of(|health| health.wait_us as f64 / 1e6));
    series(text, "clout_kafka_throttle_seconds", &of(|health| health.throttle_ms as f64 / 1e3));
    series(text, "clout_kafka_queued_records", &of(|health| health.queued as f64));
    series(text, "clout_kafka_errors_total", &of(|health| health.errors as f64));
}

/// Writes what is counted elsewhere, by labels: nothing if there is none.
fn series(text: &mut String, name: &str, samples: &[(String, f64)]) {
    let Some(metric) = METRICS.iter().find(|metric| metric.name == name && !samples.is_empty()) else { return };
    let kind = if metric.kind == Kind::Counter { "counter" } else { "gauge" };
    let _ = write!(text, "# HELP {name} {}\n# TYPE {name} {kind}\n", metric.help);
    samples.iter().for_each(|(labels, number)| _ = writeln!(text, "{name}{labels} {number}"));
    text.push('\n');
}

/// Writes a histogram that was counted elsewhere.
fn durations(text: &mut String, name: &str, counts: &DurationCounts, sum_us: u64) {
    let help = METRICS.iter().find(|metric| metric.name == name).map_or("", |metric| metric.help);
    let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} histogram\n");
    let bounds = DURATION_BOUNDS_US.iter().map(|&bound| (bound as f64 / 1e6).to_string()).chain(["+Inf".to_owned()]);
    let mut sum = 0;
    for (bound, count) in bounds.zip(counts) {
        sum += count;
        let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {sum}");
    }
    let _ = write!(text, "{name}_sum {}\n{name}_count {sum}\n\n", sum_us as f64 / 1e6);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the page's table.
    fn rows() -> String {
        let row = |metric: &Metric| {
            let kind = format!("{:?}", metric.kind).to_lowercase();
            format!("| `{}` | {kind} | {} |\n", metric.name, metric.help)
        };
        METRICS.iter().map(row).collect()
    }

    /// Of a process that has done a bit of everything.
    fn busy_status() -> Status {
        let status = Status::new(2);
        status.reads(["events"]);
        status.has_fingerprint(0xfe);
        let shard =
            ShardStatus { place: Place::Live, committed_at: 5_000, checkpoint_sequence: 7, ..Default::default() };
        status.write(1, &shard);
        status.lags(1, [12]);
        status.restores_from(1, [RestoreOffsets { needs: 70, first: 60 }]);
        let health =
            ClientHealth { up: 3, round_trip_us: 2_500, throttle_ms: 40, errors: 2, ..ClientHealth::default() };
        status.client("0-output", health);
        status
    }

    #[test]
    fn what_is_not_there_has_no_series() {
        let metrics = Metrics::new([]);
        let text = |status: &Status| metrics.text(None, Some(status), Open { connections: 0, streams: 0 });
        let busy = text(&busy_status());
        for line in [
            "clout_shard_last_commit_timestamp_seconds{shard=\"1\"} 5\n",
            "clout_input_lag_records{input=\"events\",shard=\"1\"} 12\n",
            "clout_model_info{fingerprint=\"00000000000000fe\"} 1\n",
            "clout_restore_needs_offset{input=\"events\",shard=\"1\"} 70\n",
            "clout_input_first_offset{input=\"events\",shard=\"1\"} 60\n",
            "clout_kafka_connections{client=\"0-output\",state=\"up\"} 3\n",
            "clout_kafka_connections{client=\"0-output\",state=\"down\"} 0\n",
            "clout_kafka_round_trip_seconds{client=\"0-output\"} 0.0025\n",
            "clout_kafka_throttle_seconds{client=\"0-output\"} 0.04\n",
            "clout_kafka_errors_total{client=\"0-output\"} 2\n",
            "\nclout_checkpoint_age_seconds{shard=\"1\"} ",
        ] {
            assert!(busy.contains(line), "{line}{busy}");
        }
        // A shard that has gone leaves nothing behind that looks as if it were here.
        let status = busy_status();
        status.write(1, &ShardStatus::default());
        let gone = text(&status);
        for name in [
            "clout_shard_last_commit_timestamp_seconds",
            "clout_input_lag_records",
            "clout_checkpoint_age_seconds",
            "clout_restore_needs_offset",
        ] {
            assert!(!busy.contains(&format!("{name}{{shard=\"0\"}}")) && !gone.contains(name), "{gone}");
        }
    }

    /// Of a process that routes.
    fn counted() -> Counted {
        let counted = Counted::default();
        counted.set("clout_route_read_records_total", &[("topic", "raw")], 7);
        counted.set("clout_route_written_records_total", &[("topic", "events")], 5);
        counted.set("clout_messages_total", &[("network", "bluesky")], 8);
        counted.set("clout_message_acts_total", &[("network", "bluesky"), ("kind", "like")], 5);
        counted.set("clout_messages_skipped_total", &[("network", "none"), ("reason", "not_recognised")], 2);
        counted.set("clout_connect_written_records_total", &[("topic", "events")], 5);
        counted.set("clout_connect_reconnects_total", &[("network", "bluesky")], 1);
        counted.set("clout_connect_connected", &[("network", "bluesky")], 1);
        counted.set("clout_connect_lag_seconds", &[("network", "bluesky")], 3);
        counted.set("clout_connect_claims_total", &[("network", "bluesky"), ("result", "linked")], 1);
        counted
    }

    #[test]
    fn counts_of_a_route_are_those_that_were_set_last() {
        let (metrics, counted) = (Metrics::new([]), counted());
        counted.set("clout_messages_total", &[("network", "bluesky")], 9);
        metrics.read_counted(&counted);
        let text = metrics.text(None, None, Open { connections: 0, streams: 0 });
        for line in [
            "clout_messages_total{network=\"bluesky\"} 9\n",
            "clout_message_acts_total{network=\"bluesky\",kind=\"like\"} 5\n",
            "clout_messages_skipped_total{network=\"none\",reason=\"not_recognised\"} 2\n",
            "clout_route_read_records_total{topic=\"raw\"} 7\n",
            "clout_connect_lag_seconds{network=\"bluesky\"} 3\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
    }

    /// Of the commands `demo`, `serve` and `run`; the first one has the counts of `route` as well.
    fn expositions() -> [String; 3] {
        let folder = tempfile::TempDir::new().unwrap();
        let (mut writer, closes) = views::open(folder.path()).unwrap();
        let view = View::new(crate::ViewOptions { closes: Some(closes), ..crate::ViewOptions::default() });
        view.set_closes_behind(Some(2));
        view.set_circles_behind(Some(3));
        writer.circles(view.known()).unwrap();
        let score = vocabulary::Score {
            score: 1.0,
            influence: 1.0,
            reach: 1.0,
            amplification: 1.0,
            network: 1.0,
            openness: 1.0,
            room: 1.0,
            audience: 0.0,
            received: vocabulary::Received::default(),
            followers: 0,
            following: 0,
            as_of: 0,
            scale: 100.0,
            scale_version: 0,
            previous: None,
        };
        view.apply(crate::Update::Scored { user: "ana", score: &score, model_version: 0 });
        writer.close(0, 1, &wire::Close { user: "ana".into(), day: 19_723, score, model_version: 0 }).unwrap();
        writer.commit().unwrap();
        let status = busy_status();
        [(Some(&view), Some(&status)), (Some(&view), None), (None, Some(&status))].map(|(view, pipeline)| {
            let metrics = Metrics::new(["/v1/ranking"]);
            metrics.answered(Some("/v1/ranking"), 200, Duration::from_millis(3));
            metrics.answered(Some("/else"), 404, Duration::from_millis(3));
            if view.is_some() && pipeline.is_some() {
                metrics.read_counted(&counted());
            }
            metrics.text(view, pipeline, Open { connections: 1, streams: 0 })
        })
    }

    #[test]
    fn the_page_lists_what_there_is() {
        let page = include_str!("../../../docs/metrics.md");
        assert!(page.contains(&rows()), "docs/metrics.md must have this table:\n{}", rows());
    }

    #[test]
    fn the_exposition_is_what_the_page_lists_and_reads_well() {
        let [text, ..] = expositions();
        for metric in METRICS {
            let kind = format!("# TYPE {} {}\n", metric.name, format!("{:?}", metric.kind).to_lowercase());
            assert_eq!(text.matches(&kind).count(), 1, "{kind}{text}");
            assert!(text.contains(&format!("# HELP {} {}\n", metric.name, metric.help)));
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter);
        }
        let mut family = "";
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                family = kind.split(' ').next().unwrap();
                assert!(METRICS.iter().any(|metric| metric.name == family), "{line}");
            } else if !line.starts_with("# HELP ") {
                let (name, value) = line.rsplit_once(' ').unwrap();
                assert!(name.starts_with(family), "{line}");
                assert!(value.parse::<f64>().is_ok(), "{line}");
            }
        }
    }

    #[test]
    fn promtool_accepts_the_exposition() {
        use std::io::Write;
        use std::process::{Command, Stdio};
        for exposition in expositions() {
            let mut promtool = Command::new("promtool");
            let promtool = promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
            let Ok(mut promtool) = promtool else {
                let is_required = std::env::var("CLOUT_TOOLS_REQUIRED").is_ok_and(|value| value == "1");
                assert!(!is_required, "promtool not found");
                eprintln!("skipped: promtool not found; on Debian: apt-get install prometheus");
                return;
            };
            promtool.stdin.take().unwrap().write_all(exposition.as_bytes()).unwrap();
            let output = promtool.wait_with_output().unwrap();
            // What it only advises against is told there as well.
            assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }

    #[test]
    fn a_histogram_of_the_pipeline_adds_up() {
        let mut text = String::new();
        let mut counts = DurationCounts::default();
        (counts[0], counts[2], counts[15]) = (3, 2, 1);
        durations(&mut text, "clout_epoch_duration_seconds", &counts, 2_500_000);
        for line in
            ["_bucket{le=\"0.001\"} 3", "_bucket{le=\"0.005\"} 5", "_bucket{le=\"+Inf\"} 6", "_sum 2.5", "_count 6"]
        {
            assert!(text.contains(line), "{text}");
        }
    }
}
