//! Kafka to Kafka, exactly once, the broker on the same machine: how fast, where the time goes, and how late a score is.
//!
//! `cargo run --release -p benches --bin kafka -- [EVENTS] [USERS]` starts a broker of its own, or uses that of
//! `KAFKA_BROKERS`.
#![allow(clippy::print_stdout, reason = "a program that prints a table")]

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use benches::{DAY_MS, Recorded};
use futures::executor::block_on;
use influence::{Event, Kind, Model};
use kafka::{Application, Connection, Start, Topics, Workers};
use pipeline::{Clock, Holds, Input, Keeper, Pace, Settings, Status};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use testbroker::Broker;
use wire::{Encoding, Framing, encode_event};

type Failure = Box<dyn Error>;

const PARTITIONS: u16 = 4;
const WORKERS: usize = 2;
/// Between two looks at how far the workers are.
const LOOK: Duration = Duration::from_millis(5);
/// Nothing has moved for so long: everything is done.
const QUIET: Duration = Duration::from_millis(1_500);
/// Seconds of events at half of the rate that was reached.
const HALF_LOAD_SECS: u64 = 20;
/// Between two events whose scores are waited for.
const PROBE_EVERY: Duration = Duration::from_millis(10);

fn main() -> Result<(), Failure> {
    let world = benches::world();
    let Some(broker) = Broker::shared() else { return Err("no broker".into()) };
    let recorded = Recorded::of(&world);
    println!("{} events of {} users, {PARTITIONS} partitions, {WORKERS} workers", world.events, world.users);
    let bench = Bench::new(broker.brokers(), "full")?;
    let fed = bench.feed(&recorded)?;
    println!("fed            {:>9.0} events/s", recorded.len() as f64 / fed.as_secs_f64());
    let raw = kafka::raw_read(&bench.application, bench.events())?;
    println!("raw read       {:>9.0} messages/s, one thread, the yardstick", raw.messages as f64 / raw.secs);
    let rate = bench.run_until_drained(recorded.len() as u64)?;
    println!("               {:>9.2} of the yardstick", rate / (raw.messages as f64 / raw.secs));
    Bench::new(broker.brokers(), "half")?.at_half_load(&recorded, rate / 2.0)
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
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", brokers).create()?;
        let partitions = i32::from(PARTITIONS);
        let named = [&events, &topics.exchange, &topics.journal, &topics.scores, &topics.dead_letters];
        let new = named.map(|topic| NewTopic::new(topic, partitions, TopicReplication::Fixed(1)));
        for created in block_on(admin.create_topics(&new, &AdminOptions::new()))? {
            created.map_err(|(topic, error)| format!("{topic}: {error}"))?;
        }
        let settings = Settings {
            model: Model::with_half_life(7 * DAY_MS),
            shards: PARTITIONS,
            inputs: vec![Input {
                topic: events,
                holds: Holds::Events,
                encoding: Encoding::Protobuf,
                framing: Framing::Bare,
            }],
            exchange: topics.exchange.clone(),
            clock: Clock::Event,
            dedup_window_ms: None,
            // What was fed before the workers begin is not late.
            pace: Pace { lag_ms_max: i64::MAX, ..Pace::default() },
            checkpoint_every_ms: i64::MAX,
        };
        let application = Application {
            id,
            instance: "bench".into(),
            connection: Connection::new([("bootstrap.servers".to_owned(), brokers.to_owned())]),
            topics,
            start: Start::Earliest,
            settings: Arc::new(settings),
            costs: Arc::default(),
        };
        Ok(Bench { application: Arc::new(application), brokers: brokers.to_owned() })
    }

    fn events(&self) -> &str {
        &self.application.settings.inputs[0].topic
    }

    fn producer(&self) -> Result<BaseProducer, Failure> {
        Ok(ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("queue.buffering.max.messages", "0")
            .set("batch.num.messages", "100000")
            .set("linger.ms", "5")
            .create()?)
    }

    /// Appends all events, keyed by actor.
    fn feed(&self, recorded: &Recorded) -> Result<Duration, Failure> {
        let producer = self.producer()?;
        let began = Instant::now();
        let mut value = Vec::new();
        for number in 0..recorded.len() {
            self.send(&producer, &recorded.event(number), &mut value)?;
            if number % 10_000 == 0 {
                while producer.in_flight_count() > 500_000 {
                    producer.poll(Duration::from_millis(1));
                }
                producer.poll(Duration::ZERO);
            }
        }
        producer.flush(Duration::from_secs(60))?;
        Ok(began.elapsed())
    }

    fn send(&self, producer: &BaseProducer, event: &Event<'_>, value: &mut Vec<u8>) -> Result<(), Failure> {
        value.clear();
        encode_event(event, value);
        let partition = Model::default().partitioner.partition(event.actor, PARTITIONS);
        let record = BaseRecord::to(self.events()).partition(partition.into()).key(event.actor).payload(&value[..]);
        Ok(producer.send(record).map_err(|(error, _)| error)?)
    }

    fn work<T>(&self, watch: impl FnOnce(&Status) -> T) -> Result<T, Failure> {
        let (status, stop) = (Arc::new(Status::new(PARTITIONS)), AtomicBool::new(false));
        let keeper = || Ok(Keeper::none());
        let workers = Workers { application: &self.application, count: WORKERS, keeper: &keeper, status: &status };
        thread::scope(|scope| {
            let working = scope.spawn(|| workers.run(&stop));
            let seen = watch(&status);
            stop.store(true, Relaxed);
            working.join().map_err(|_| "a worker panicked")??;
            Ok(seen)
        })
    }

    /// From the first record that was taken to the last score that was committed.
    fn run_until_drained(&self, events: u64) -> Result<f64, Failure> {
        let (secs, totals) = self.work(|status| {
            while status.totals().records == 0 {
                thread::sleep(LOOK);
            }
            let began = Instant::now();
            let (mut seen, mut moved_at) = ((0, 0), Instant::now());
            while seen.0 < events || moved_at.elapsed() < QUIET {
                let totals = status.totals();
                if (totals.records, totals.published) != seen {
                    (seen, moved_at) = ((totals.records, totals.published), Instant::now());
                }
                thread::sleep(LOOK);
            }
            ((moved_at - began).as_secs_f64(), status.totals())
        })?;
        let rate = totals.records as f64 / secs;
        println!("exactly once   {rate:>9.0} events/s from the first record to the last committed score, {secs:.1} s");
        println!(
            "               {:.2} scores an event, {:.2} exchange entries an event, {} transactions of {:.1} ms, {:.1} ms of it the commit",
            totals.published as f64 / totals.records as f64,
            totals.exchange_entries as f64 / totals.records as f64,
            totals.epochs,
            totals.epoch_us as f64 / totals.epochs as f64 / 1e3,
            totals.commit_us as f64 / totals.epochs as f64 / 1e3,
        );
        self.tell_costs(secs * WORKERS as f64, totals.epoch_us as f64 / 1e6, totals.commit_us as f64 / 1e6, events);
        Ok(rate)
    }

    fn tell_costs(&self, thread_secs: f64, epoch_secs: f64, commit_secs: f64, events: u64) {
        let costs = &self.application.costs;
        let secs = |sum: &AtomicU64| sum.load(Relaxed) as f64 / 1e9;
        let rows = [
            ("waiting for records", secs(&costs.idle)),
            ("fetch", secs(&costs.fetch)),
            ("decode", secs(&costs.decode)),
            ("model", epoch_secs - commit_secs),
            ("exchange, encode and produce", secs(&costs.produce)),
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
    fn at_half_load(&self, recorded: &Recorded, rate: f64) -> Result<(), Failure> {
        let over = AtomicBool::new(false);
        let (latencies, totals) = self.work(|status| {
            thread::scope(|scope| {
                let seen = scope.spawn(|| self.watch_probes(&over));
                let sent = self.feed_at(recorded, rate);
                thread::sleep(Duration::from_secs(3));
                over.store(true, Relaxed);
                let seen = seen.join().expect("the watcher does not panic");
                (sent.and_then(|sent| Ok(latencies(&sent, &seen?))), status.totals())
            })
        })?;
        let latencies = latencies?;
        let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        println!(
            "half load      {rate:>9.0} events/s for {HALF_LOAD_SECS} s: event to visible score p50 {:.0} ms, p99 {:.0} ms, worst \
             {:.0} ms of {} probes; {} transactions of {:.1} ms, {:.1} ms of it the commit",
            at(0.5),
            at(0.99),
            at(1.0),
            latencies.len(),
            totals.epochs,
            totals.epoch_us as f64 / totals.epochs as f64 / 1e3,
            totals.commit_us as f64 / totals.epochs as f64 / 1e3,
        );
        Ok(())
    }

    /// Sends events at this rate, and now and then one on somebody whom nobody knew. Returns when each of these was sent.
    fn feed_at(&self, recorded: &Recorded, rate: f64) -> Result<Vec<SystemTime>, Failure> {
        let producer = self.producer()?;
        let (mut sent, mut probes, mut value) = (0usize, Vec::new(), Vec::new());
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(HALF_LOAD_SECS) {
            let due = (began.elapsed().as_secs_f64() * rate) as usize;
            while sent < due {
                self.send(&producer, &recorded.event(sent % recorded.len()), &mut value)?;
                sent += 1;
            }
            if began.elapsed() >= PROBE_EVERY * probes.len() as u32 {
                let (actor, at) =
                    (recorded.event(sent % recorded.len()).actor, recorded.event(sent % recorded.len()).at);
                let target = format!("probe-{}", probes.len());
                probes.push(SystemTime::now());
                self.send(&producer, &Event { actor, target: &target, kind: Kind::Retweet, at }, &mut value)?;
            }
            producer.poll(Duration::from_millis(1));
        }
        producer.flush(Duration::from_secs(10))?;
        Ok(probes)
    }

    /// When the scores of probes could be seen.
    fn watch_probes(&self, over: &AtomicBool) -> Result<HashMap<usize, SystemTime>, String> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("group.id", "nobody")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("fetch.wait.max.ms", "10")
            .create()
            .map_err(|error| error.to_string())?;
        let mut places = TopicPartitionList::new();
        for partition in 0..i32::from(PARTITIONS) {
            let added = places.add_partition_offset(&self.application.topics.scores, partition, Offset::Beginning);
            added.map_err(|error| error.to_string())?;
        }
        consumer.assign(&places).map_err(|error| error.to_string())?;
        let mut seen = HashMap::new();
        while !over.load(Relaxed) {
            let Some(Ok(message)) = consumer.poll(Duration::from_millis(10)) else { continue };
            let key = message.key().and_then(|key| std::str::from_utf8(key).ok());
            if let Some(number) = key.and_then(|key| key.strip_prefix("probe-")).and_then(|number| number.parse().ok())
            {
                seen.entry(number).or_insert_with(SystemTime::now);
            }
        }
        Ok(seen)
    }
}

fn latencies(sent: &[SystemTime], seen: &HashMap<usize, SystemTime>) -> Vec<Duration> {
    let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let lost = Duration::from_secs(999);
    let mut latencies: Vec<Duration> = (sent.iter().enumerate())
        .map(|(number, sent)| seen.get(&number).map_or(lost, |seen| since(*seen).saturating_sub(since(*sent))))
        .collect();
    latencies.sort_unstable();
    latencies
}
