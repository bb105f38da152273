//! Events into a topic, as fast as the broker takes them or at a steady rate.

use std::time::{Duration, Instant};

use influence::Model;
use rdkafka::ClientConfig;
use rdkafka::error::KafkaResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use vocabulary::{Event, Kind, Timestamp};
use wire::encode_event;

use crate::{Probes, Recorded};

/// Between two looks at how much is on its way,
const LOOK_EVENTS: u64 = 10_000;
/// which is at most so much.
const IN_FLIGHT_MAX: i32 = 500_000;

/// Appends events to a topic, keyed by actor.
pub struct Feeder {
    producer: BaseProducer,
    topic: String,
    partitions: u16,
    sent: u64,
    value: Vec<u8>,
}

/// A load that does not wait for anybody, with probes: now and then an event on somebody whom nobody knows.
pub struct Load<'a> {
    /// They come again and again.
    pub recorded: &'a Recorded,
    /// Events each time they come again are later by so much.
    pub span_ms: Timestamp,
    /// Events a second, probes not counted.
    pub rate: f64,
    /// When the first probe is sent.
    pub probe_after: Duration,
    /// The time between two probes.
    pub probe_every: Duration,
}

impl Feeder {
    /// A producer for large batches, with these properties of librdkafka over its own.
    ///
    /// # Errors
    /// If there is no such property.
    pub fn new(brokers: &str, topic: &str, partitions: u16, properties: &[(&str, &str)]) -> KafkaResult<Feeder> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", brokers)
            .set("queue.buffering.max.messages", "0")
            .set("batch.num.messages", "100000")
            .set("linger.ms", "5")
            .set("delivery.report.only.error", "true");
        properties.iter().for_each(|&(name, value)| _ = config.set(name, value));
        Ok(Feeder { producer: config.create()?, topic: topic.to_owned(), partitions, sent: 0, value: Vec::new() })
    }

    /// Appends an event, in the partition that producers of Java choose.
    ///
    /// # Errors
    /// If the producer does not take it.
    pub fn send(&mut self, event: &Event<'_>) -> KafkaResult<()> {
        self.value.clear();
        encode_event(event, &mut self.value);
        let partition = Model::default().partitioner.partition(event.actor, self.partitions);
        let record = BaseRecord::to(&self.topic).partition(partition.into()).key(event.actor).payload(&self.value[..]);
        self.producer.send(record).map_err(|(error, _)| error)?;
        self.sent += 1;
        if self.sent.is_multiple_of(LOOK_EVENTS) {
            while self.producer.in_flight_count() > IN_FLIGHT_MAX {
                self.producer.poll(Duration::from_millis(1));
            }
            self.producer.poll(Duration::ZERO);
        }
        Ok(())
    }

    /// Waits until the broker has all that was sent.
    ///
    /// # Errors
    /// If that takes longer than this.
    pub fn flush(&self, within: Duration) -> KafkaResult<()> {
        self.producer.flush(within)
    }

    /// Sends events at the load's rate while it is to go on, by the time since it began.
    ///
    /// # Errors
    /// If the producer does not take one.
    pub fn hold(&mut self, load: &Load<'_>, probes: &Probes, goes_on: impl Fn(Duration) -> bool) -> KafkaResult<()> {
        let (mut sent, mut probed) = (0, 0);
        let began = Instant::now();
        while goes_on(began.elapsed()) {
            let due = (began.elapsed().as_secs_f64() * load.rate) as usize;
            while sent < due {
                self.send(&load.event(sent))?;
                sent += 1;
            }
            if began.elapsed() >= load.probe_after + load.probe_every * probed {
                probed += 1;
                let Event { actor, at, .. } = load.event(sent);
                let target = probes.next();
                self.send(&Event { actor, target: &target, kind: Kind::Retweet, at })?;
            }
            self.producer.poll(Duration::from_millis(1));
        }
        Ok(())
    }
}

impl Load<'_> {
    fn event(&self, number: usize) -> Event<'_> {
        let (times, place) = (number / self.recorded.len(), number % self.recorded.len());
        let event = self.recorded.event(place);
        Event { at: event.at + times as Timestamp * self.span_ms, ..event }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use worlds::World;

    #[test]
    fn a_load_that_comes_again_is_later() {
        let world = World { events: 10, users: 5, ..World::default() };
        let recorded = Recorded::of(&world);
        let (rate, time) = (1.0, Duration::ZERO);
        let load = Load { recorded: &recorded, span_ms: world.span_ms, rate, probe_after: time, probe_every: time };
        assert_eq!(load.event(3), recorded.event(3));
        assert_eq!(load.event(23).target, recorded.event(3).target);
        assert_eq!(load.event(23).at, recorded.event(3).at + 2 * world.span_ms);
    }
}
