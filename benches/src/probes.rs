//! How late a score is: events on people whom nobody knew, and when their scores can be seen.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

const PREFIX: &str = "probe-";

/// What a probe counts as whose score was never seen.
pub const LOST: Duration = Duration::from_secs(999);

/// Probes by number: when they were sent, and when they were seen first.
#[derive(Debug, Default)]
pub struct Probes {
    sent: Mutex<Vec<Instant>>,
    seen: Mutex<HashMap<usize, Instant>>,
}

impl Probes {
    /// The target of the next probe, which is sent now.
    pub fn next(&self) -> String {
        let mut sent = lock(&self.sent);
        sent.push(Instant::now());
        format!("{PREFIX}{}", sent.len() - 1)
    }

    /// Notes which probes are visible in a topic of scores, to those who read what is committed, until it is over.
    ///
    /// # Errors
    /// If there can be no consumer.
    pub fn watch(&self, brokers: &str, topic: &str, partitions: u16, over: &AtomicBool) -> KafkaResult<()> {
        let consumer = committed(brokers, topic, partitions, &[("fetch.wait.max.ms", "10")])?;
        while !over.load(Relaxed) {
            let Some(Ok(message)) = consumer.poll(Duration::from_millis(10)) else { continue };
            if let Some(number) = message.key().and_then(number) {
                lock(&self.seen).entry(number).or_insert_with(Instant::now);
            }
        }
        Ok(())
    }

    /// From when a probe was sent until it was seen, of those that were sent between these times, in order.
    pub fn latencies(&self, from: Instant, to: Instant) -> Vec<Duration> {
        let (sent, seen) = (lock(&self.sent), lock(&self.seen));
        let asked = sent.iter().enumerate().filter(|(_, sent)| (from..=to).contains(sent));
        let latency = |(number, &sent): (usize, &Instant)| seen.get(&number).map_or(LOST, |&seen| seen - sent);
        let mut latencies: Vec<Duration> = asked.map(latency).collect();
        latencies.sort_unstable();
        latencies
    }

    /// When a probe could be seen first that was sent at this time or later.
    pub fn first_seen(&self, sent_from: Instant) -> Option<Instant> {
        let (sent, seen) = (lock(&self.sent), lock(&self.seen));
        let asked = sent.iter().enumerate().filter(|&(_, &sent)| sent >= sent_from);
        asked.filter_map(|(number, _)| seen.get(&number)).min().copied()
    }
}

/// A consumer of all partitions from their beginnings, which sees what is committed, and is no member of a group.
///
/// # Errors
/// If there is no such property.
pub fn committed(
    brokers: &str,
    topic: &str,
    partitions: u16,
    properties: &[(&str, &str)],
) -> KafkaResult<BaseConsumer> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("group.id", "nobody")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed");
    properties.iter().for_each(|&(name, value)| _ = config.set(name, value));
    let consumer: BaseConsumer = config.create()?;
    let mut places = TopicPartitionList::new();
    for partition in 0..i32::from(partitions) {
        places.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&places)?;
    Ok(consumer)
}

fn number(key: &[u8]) -> Option<usize> {
    std::str::from_utf8(key).ok()?.strip_prefix(PREFIX)?.parse().ok()
}

/// Nobody leaves these half written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_known_by_its_key() {
        let probes = Probes::default();
        let keys = [probes.next(), probes.next()];
        assert_eq!(keys.map(|key| number(key.as_bytes())), [Some(0), Some(1)]);
        assert_eq!([&b"u12"[..], b"probe-", b"probe-x", b"\xff"].map(number), [None; 4]);
    }

    #[test]
    fn latencies_are_those_of_the_time_asked_for() {
        let began = Instant::now();
        let at = |secs| began + Duration::from_secs(secs);
        let probes = Probes {
            sent: Mutex::new(vec![at(1), at(2), at(3), at(4)]),
            seen: Mutex::new(HashMap::from([(0, at(9)), (1, at(5)), (3, at(5))])),
        };
        assert_eq!(probes.latencies(at(2), at(4)), [1, 3, 999].map(Duration::from_secs));
        assert_eq!(probes.first_seen(at(2)), Some(at(5)));
        assert_eq!(probes.first_seen(at(5)), None);
    }
}
