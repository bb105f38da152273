//! Reads what an application has published, verifies it against the input, and notes when the broker took it.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use rdkafka::Message;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::message::Timestamp;
use vocabulary::Received;

use crate::stage::PARTITIONS;
use crate::system::System;
use crate::{Failure, interrupt};

/// Between two messages, or the last one and the end.
const SILENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(500);

/// All that is committed in an output.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) messages: u64,
    newest: HashMap<Vec<u8>, Received>,
    /// The number of events that became visible in each millisecond of the broker's clock.
    gains: BTreeMap<i64, u64>,
}

impl Output {
    /// Reads a topic to its end, as it is now.
    pub(crate) fn read(brokers: &str, topic: &str, system: System) -> Result<Output, Failure> {
        let properties = [("enable.partition.eof", "true"), ("queued.max.messages.kbytes", "65536")];
        let consumer: BaseConsumer = benches::committed(brokers, topic, PARTITIONS, &properties)?;
        let (mut output, mut ended, mut heard) = (Output::default(), 0, Instant::now());
        while ended < PARTITIONS {
            interrupt::check()?;
            match consumer.poll(LOOK) {
                Some(Ok(message)) => {
                    let Timestamp::LogAppendTime(at) = message.timestamp() else {
                        return Err(format!("{topic} does not say when messages were appended").into());
                    };
                    let (Some(key), Some(value)) = (message.key(), message.payload()) else {
                        return Err(format!("{topic} has a message without key or value").into());
                    };
                    output.take(key, system.received(value)?, at)?;
                }
                Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
                // The client connects again by itself.
                Some(Err(_)) | None if heard.elapsed() < SILENCE => continue,
                Some(Err(error)) => return Err(error.into()),
                None => return Err(format!("{topic}: no answer for {SILENCE:?}").into()),
            }
            heard = Instant::now();
        }
        Ok(output)
    }

    /// Takes what somebody received, by a message that was appended at this time.
    fn take(&mut self, key: &[u8], received: Received, at: i64) -> Result<(), Failure> {
        let before = match self.newest.get_mut(key) {
            Some(newest) => std::mem::replace(newest, received),
            None => {
                self.newest.insert(key.to_owned(), received);
                Received::default()
            }
        };
        if !received.has_all_of(&before) {
            let key = String::from_utf8_lossy(key);
            return Err(format!("the counts of {key} go backwards: from {before:?} to {received:?}").into());
        }
        self.messages += 1;
        *self.gains.entry(at).or_default() += total(&received) - total(&before);
        Ok(())
    }

    /// Sums the counts of all targets, each as of its newest message.
    pub(crate) fn received(&self) -> Received {
        let mut sum = Received::default();
        for received in self.newest.values() {
            for (kind, count) in received.iter() {
                sum.get_mut(kind).into_iter().for_each(|sum| *sum += count);
            }
        }
        sum
    }

    /// Events a second until this share of events had been appended, and the commit after it had time to come.
    pub(crate) fn rate(&self, share: f64, pace: Duration) -> f64 {
        let all: u64 = self.gains.values().sum();
        let Some((&first, _)) = self.gains.first_key_value() else { return 0.0 };
        let mut seen = 0;
        let enough = self.gains.iter().find(|&(_, gain)| {
            seen += gain;
            seen as f64 >= all as f64 * share
        });
        // Messages without news are output as well.
        let last = if share < 1.0 { enough } else { self.gains.last_key_value() };
        let last = last.map_or(first, |(&at, _)| at);
        let secs = (last - first) as f64 / 1e3 + pace.as_secs_f64();
        all as f64 * share / secs
    }
}

pub(crate) fn total(received: &Received) -> u64 {
    received.values().iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::Kind;

    fn mentions(count: u64) -> Received {
        Received::from([(Kind::Mention, count)])
    }

    fn output() -> Output {
        let mut output = Output::default();
        for (key, count, at) in [("ana", 10, 1_000), ("bo", 40, 1_400), ("ana", 59, 1_900), ("bo", 41, 4_900)] {
            output.take(key.as_bytes(), mentions(count), at).unwrap();
        }
        output
    }

    #[test]
    fn newest_counts_add_up() {
        let output = output();
        assert_eq!((output.messages, output.received()), (4, mentions(100)));
    }

    #[test]
    fn a_count_that_goes_backwards_is_an_error() {
        let error = output().take(b"bo", mentions(40), 5_000).unwrap_err().to_string();
        assert!(error.contains("counts of bo go backwards"), "{error}");
        output().take(b"bo", mentions(41), 5_000).unwrap();
    }

    #[test]
    fn the_rate_is_from_the_first_output_to_the_last_and_a_commit() {
        let pace = Duration::from_millis(100);
        assert_eq!(output().rate(1.0, pace), 100.0 / 4.0);
        assert_eq!(output().rate(0.99, pace), 99.0);
        assert_eq!(Output::default().rate(1.0, pace), 0.0);
        let mut late = output();
        late.take(b"bo", mentions(41), 5_900).unwrap();
        assert_eq!(late.rate(1.0, pace), 100.0 / 5.0);
    }
}
