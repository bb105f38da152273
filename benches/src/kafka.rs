//! Kafka to Kafka, exactly once, the broker on the same machine: how fast, where the time goes, and how late a score is.
//!
//! `cargo run --release -p benches --bin kafka -- [EVENTS] [USERS] [NAME=VALUE...]` starts a broker of its own, or uses that of
//! `KAFKA_BROKERS`. Names are those of properties of clients, and `pace.epoch`, `pace.records`, `history.closes`, `outputs.credits`.
#![allow(clippy::print_stdout, reason = "a program that prints a table")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use benches::{DAY_MS, Feeder, LOST, Load, Probes, Recorded, at_share};
use influence::{HashKey, Model};
use kafka::{Admin, Application, Connection, Requirement, Start, Topics, Workers};
use pipeline::{Clock, Holds, Input, Keeper, Pace, Place, Settings, Status, Supervisor};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use testbroker::Broker;
use vocabulary::Kind;
use wire::{Encoding, Framing};

type Failure = Box<dyn Error>;

const PARTITIONS: u16 = 4;
const WORKERS: usize = 2;
/// Between two looks at how far the workers are.
const LOOK: Duration = Duration::from_millis(5);
/// All shards are live for so long: the workers have shared them.
const SETTLED: Duration = Duration::from_secs(5);
/// For answers of the broker.
const ANSWER: Duration = Duration::from_secs(10);
/// Events at half of the rate that was reached come for so long,
const HALF_LOAD: Duration = Duration::from_secs(20);
/// and so few a second, which make small epochs, for so long.
const SMALL_LOAD: (f64, Duration) = (2_000.0, Duration::from_secs(16));
/// Scores are waited for from then on: a new application has its first scale, and everybody is published who was rated before.
const PROBE_AFTER: Duration = Duration::from_secs(6);
/// Between two events whose scores are waited for.
const PROBE_EVERY: Duration = Duration::from_millis(10);

fn main() -> Result<(), Failure> {
    let world = benches::world();
    let Some(broker) = Broker::measured() else { return Err("no broker".into()) };
    let recorded = Recorded::of(&world);
    println!("{} events of {} users, {PARTITIONS} partitions, {WORKERS} workers", world.events, world.users);
    // A broker that has just begun is slow: most of what it does then is compiling itself, for each kind of load anew.
    let warm = Recorded::of(&worlds::World { events: world.events / 10, users: world.users / 10, ..world });
    let bench = Bench::new(broker.brokers(), "warm")?;
    bench.feed(&warm)?;
    println!("a first run warms the broker up:");
    let rate = bench.run_until_drained(warm.len() as u64)?;
    Bench::new(broker.brokers(), "warm-half")?.at_load("half of it", &warm, rate / 2.0, HALF_LOAD)?;
    println!();
    let bench = Bench::new(broker.brokers(), "full")?;
    let fed = bench.feed(&recorded)?;
    println!("fed            {:>9.0} events/s", recorded.len() as f64 / fed.as_secs_f64());
    let raw = kafka::raw_read(&bench.application, bench.events())?;
    println!("raw read       {:>9.0} messages/s, one thread, the yardstick", raw.messages as f64 / raw.secs);
    let rate = bench.run_until_drained(recorded.len() as u64)?;
    println!("               {:>9.2} of the yardstick", rate / (raw.messages as f64 / raw.secs));
    Bench::new(broker.brokers(), "half")?.at_load("half load", &recorded, rate / 2.0, HALF_LOAD)?;
    let (rate, time) = SMALL_LOAD;
    Bench::new(broker.brokers(), "small")?.at_load("small epochs", &recorded, rate, time)
}

struct Bench {
    application: Arc<Application>,
    brokers: String,
}

impl Bench {
    fn new(brokers: &str, what: &str) -> Result<Bench, Failure> {
        let id = format!("bench-{what}-{}", std::process::id());
        let topics = Topics::of(&id);
        let events = format!("{id}-events");
        let ours = ["pace.", "history.", "outputs."];
        let (own, given): (Vec<_>, Vec<_>) = std::env::args()
            .skip(3)
            .filter_map(|arg| arg.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
            .partition(|(name, _)| ours.iter().any(|begin| name.starts_with(begin)));
        // What was fed before the workers begin is not late.
        let mut pace = Pace { lag_ms_max: i64::MAX, ..Pace::default() };
        let (mut closes, mut credits) = (false, false);
        for (name, value) in own {
            match name.as_str() {
                "pace.epoch" => pace.epoch_ms = value.parse()?,
                "pace.records" => pace.epoch_records_max = value.parse()?,
                "history.closes" => closes = value.parse()?,
                "outputs.credits" => credits = value.parse()?,
                _ => {
                    let there = "pace.epoch, in milliseconds, pace.records, history.closes and outputs.credits";
                    return Err(format!("there are {there}, not {name}").into());
                }
            }
        }
        let topics = topics.with_history(&id, closes).with_credits(&id, credits);
        let connection =
            Connection::new([("bootstrap.servers".to_owned(), brokers.to_owned())].into_iter().chain(given));
        let admin = Admin::connect(&connection)?;
        for Requirement { topic, role } in Requirement::of(&topics, [events.as_str()]) {
            admin.create(&topic, PARTITIONS.into(), Some(1), role.properties())?;
        }
        let settings = Settings {
            model: Model::with_half_life(7 * DAY_MS),
            hash_key: HashKey::new([1, 2]),
            names: wire::Names::default(),
            shards: PARTITIONS,
            inputs: vec![Input {
                topic: events,
                holds: Holds::Events,
                encoding: Encoding::Protobuf,
                framing: Framing::Bare,
                kind: Kind::Mention,
            }],
            exchange: topics.exchange.clone(),
            clock: Clock::Event,
            dedup_window_ms: None,
            closes_ms: closes.then_some(DAY_MS),
            credits,
            pace,
            checkpoint_every_ms: i64::MAX,
            accepted_gaps: Vec::new(),
        };
        let application = Application {
            checkpoints: String::new(),
            record_bytes_max: kafka::RECORD_BYTES_MAX,
            id,
            instance: "bench".into(),
            connection,
            topics,
            start: Start::Earliest,
            retention_ms: Default::default(),
            outputs: wire::Encoding::Protobuf,
            settings: Arc::new(settings),
            costs: Arc::default(),
        };
        Ok(Bench { application: Arc::new(application), brokers: brokers.to_owned() })
    }

    fn events(&self) -> &str {
        &self.application.settings.inputs[0].topic
    }

    fn feeder(&self) -> Result<Feeder, Failure> {
        Ok(Feeder::new(&self.brokers, self.events(), PARTITIONS, &[])?)
    }

    /// Appends all events.
    fn feed(&self, recorded: &Recorded) -> Result<Duration, Failure> {
        let mut feeder = self.feeder()?;
        let began = Instant::now();
        for number in 0..recorded.len() {
            feeder.send(&recorded.event(number))?;
        }
        feeder.flush(Duration::from_secs(60))?;
        Ok(began.elapsed())
    }

    /// Lets workers work while somebody watches. Gives as well how long transactions took, in order.
    fn work<T>(&self, watch: impl FnOnce(&Status) -> T) -> Result<(T, Vec<f64>), Failure> {
        let (status, supervisor) = (Arc::new(Status::new(PARTITIONS)), Supervisor::default());
        let keeper = || Ok(Keeper::none());
        let workers = Workers {
            application: &self.application,
            count: WORKERS,
            keeper: &keeper,
            status: &status,
            supervisor: &supervisor,
        };
        thread::scope(|scope| {
            let working = scope.spawn(|| workers.run());
            let timing = scope.spawn(|| transactions(&status, supervisor.stop_flag()));
            let seen = watch(&status);
            supervisor.stop();
            working.join().map_err(|_| "a worker panicked")?;
            supervisor.failure().map_or(Ok(()), Err)?;
            Ok((seen, timing.join().map_err(|_| "who watches transactions panicked")?))
        })
    }

    /// From the first record that was taken until the scores are committed that all of them make: the group lags nowhere, in
    /// the input or the exchange. (The sweep goes on for a minute, and moves scores by what the thresholds kept back.)
    fn run_until_drained(&self, events: u64) -> Result<f64, Failure> {
        let (drained, transactions) = self.work(|status| {
            while status.totals().records == 0 {
                thread::sleep(LOOK);
            }
            let began = Instant::now();
            while status.totals().records < events {
                thread::sleep(LOOK);
            }
            self.wait_for_exchange().map(|()| (began.elapsed().as_secs_f64(), status.totals()))
        })?;
        let (secs, totals) = drained?;
        let rate = totals.records as f64 / secs;
        println!("exactly once   {rate:>9.0} events/s from the first record to the last committed score, {secs:.1} s");
        println!(
            "               {:.2} scores an event, {:.2} exchange entries an event, {}",
            totals.published as f64 / totals.records as f64,
            totals.exchange_entries as f64 / totals.records as f64,
            told(&transactions),
        );
        self.tell_costs(secs * WORKERS as f64, totals.epoch_us as f64 / 1e6, totals.commit_us as f64 / 1e6, events);
        Ok(rate)
    }

    /// Until the group has taken what shards have told each other so far.
    fn wait_for_exchange(&self) -> Result<(), Failure> {
        let exchange = &self.application.topics.exchange;
        let config = self.application.connection.client([("group.id", self.application.id.clone())]);
        let consumer: BaseConsumer = config.create()?;
        let mut places = TopicPartitionList::new();
        let mut ends = Vec::new();
        for partition in 0..i32::from(PARTITIONS) {
            places.add_partition(exchange, partition);
            ends.push(consumer.fetch_watermarks(exchange, partition, ANSWER)?.1);
        }
        loop {
            let committed = consumer.committed_offsets(places.clone(), ANSWER)?;
            let taken = |(place, end): (rdkafka::topic_partition_list::TopicPartitionListElem<'_>, &i64)| matches!(place.offset(), Offset::Offset(offset) if offset >= *end);
            if committed.elements().into_iter().zip(&ends).all(taken) {
                return Ok(());
            }
            thread::sleep(LOOK);
        }
    }

    fn tell_costs(&self, thread_secs: f64, epoch_secs: f64, commit_secs: f64, events: u64) {
        let costs = &self.application.costs;
        let secs = |sum: &AtomicU64| sum.load(Relaxed) as f64 / 1e9;
        let rows = [
            ("waiting for records", secs(&costs.idle)),
            ("fetch", secs(&costs.fetch)),
            ("decode", secs(&costs.decode)),
            ("model", epoch_secs - commit_secs - secs(&costs.encode)),
            ("exchange and scores to bytes", secs(&costs.encode)),
            ("produce", secs(&costs.produce)),
            ("offsets", secs(&costs.offsets)),
            ("commit", secs(&costs.commit)),
        ];
        println!("where the workers' time goes:");
        for (what, secs) in rows {
            let (share, nanos) = (secs / thread_secs * 100.0, secs / events as f64 * 1e9);
            println!("  {what:<30} {share:>5.1} %  {nanos:>6.0} ns an event");
        }
    }

    /// Events at a steady rate, and how long it takes until a score that they make can be seen.
    fn at_load(&self, what: &str, recorded: &Recorded, rate: f64, time: Duration) -> Result<(), Failure> {
        let (over, probes) = (AtomicBool::new(false), Probes::default());
        let scores = &self.application.topics.scores;
        let (fed, transactions) = self.work(|status| {
            let mut live_since = Instant::now();
            while live_since.elapsed() < SETTLED {
                if (0..PARTITIONS).any(|shard| status.shard(shard).place != Place::Live) {
                    live_since = Instant::now();
                }
                thread::sleep(LOOK);
            }
            thread::scope(|scope| {
                let watching = scope.spawn(|| probes.watch(&self.brokers, scores, PARTITIONS, &over));
                let fed = self.feed_at(recorded, rate, time, &probes);
                thread::sleep(Duration::from_secs(3));
                over.store(true, Relaxed);
                let watched = watching.join().expect("the watcher does not panic");
                fed.and_then(|began| Ok(watched.map(|()| began)?))
            })
        })?;
        let latencies = probes.latencies(fed?, Instant::now());
        let at = |share: f64| at_share(&latencies, share).unwrap_or(LOST).as_secs_f64() * 1e3;
        println!(
            "{what:<14} {rate:>9.0} events/s for {time:?}: event to visible score p50 {:.0} ms, p99 {:.0} ms, worst {:.0} ms of {} \
             probes; {}",
            at(0.5),
            at(0.99),
            at(1.0),
            latencies.len(),
            told(&transactions),
        );
        Ok(())
    }

    /// Sends events at this rate, and now and then a probe. Returns when it began.
    fn feed_at(&self, recorded: &Recorded, rate: f64, time: Duration, probes: &Probes) -> Result<Instant, Failure> {
        let mut feeder = self.feeder()?;
        let (probe_after, probe_every) = (PROBE_AFTER, PROBE_EVERY);
        let load = Load { recorded, span_ms: 30 * DAY_MS, rate, probe_after, probe_every };
        let began = Instant::now();
        feeder.hold(&load, probes, |elapsed| elapsed < time)?;
        feeder.flush(ANSWER)?;
        Ok(began)
    }
}

/// How long transactions took while somebody worked, in milliseconds and in order; two that end within a look count as equal.
fn transactions(status: &Status, stop: &AtomicBool) -> Vec<f64> {
    let (mut transactions, mut seen) = (Vec::new(), status.totals());
    while !stop.load(Relaxed) {
        thread::sleep(LOOK);
        let totals = status.totals();
        let ended = totals.epochs - seen.epochs;
        let millis = (totals.commit_us - seen.commit_us) as f64 / ended as f64 / 1e3;
        transactions.extend((0..ended).map(|_| millis));
        seen = totals;
    }
    transactions.sort_by(f64::total_cmp);
    transactions
}

fn told(transactions: &[f64]) -> String {
    let [half, most] = [0.5, 0.99].map(|share| at_share(transactions, share).unwrap_or(f64::NAN));
    format!("{} transactions, p50 {half:.1} ms, p99 {most:.1} ms", transactions.len())
}
