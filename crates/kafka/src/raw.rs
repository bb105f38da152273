//! The yardstick of benchmarks: how fast librdkafka alone hands over a topic's records.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pipeline::Fault;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::application::Application;
use crate::native::{Batch, Delivered, End, Partition, Wakeup, ends};
use crate::troubles::{Troubles, fault, fault_of};

/// What was read.
#[derive(Clone, Copy, Debug)]
pub struct RawRead {
    /// Records.
    pub messages: usize,
    /// Seconds from the first of them to the last.
    pub secs: f64,
}

/// Reads a topic from its beginning to its end, on this thread, and looks at nothing.
///
/// # Errors
/// If it cannot be read.
pub fn raw_read(application: &Application, topic: &str) -> Result<RawRead, Fault> {
    let consumer = BaseConsumer::from_config_and_context(&application.reader(0), Troubles::default())
        .map_err(|error| fault_of("cannot read", &error))?;
    let consumer = Arc::new(consumer);
    let cannot = |refusal: crate::native::Refusal| fault(&format!("cannot read {topic}"), Some(refusal.code), &refusal);
    let places: Vec<(&str, i32)> = (0..i32::from(application.settings.shards)).map(|place| (topic, place)).collect();
    let written = ends(consumer.client(), &places, End::Written, Duration::from_secs(10)).map_err(cannot)?;
    let wakeup = Wakeup::here();
    let start = |&(topic, place): &(&str, i32)| Partition::start(&consumer, topic, place, 0, &wakeup);
    let partitions = places.iter().map(start).collect::<Result<Vec<_>, _>>().map_err(cannot)?;
    let (mut batch, mut left, mut messages) = (Batch::of(4_096), written.iter().sum::<i64>(), 0);
    let mut began = None;
    while left > 0 {
        let before = messages;
        for partition in &partitions {
            partition.read(&mut batch, 4_096, &application.costs, |delivered| {
                if let Delivered::Record(_) = delivered {
                    left -= 1;
                    messages += 1;
                }
            });
        }
        if messages == before {
            std::thread::park_timeout(Duration::from_millis(10));
        } else {
            began.get_or_insert_with(Instant::now);
        }
    }
    application.costs.reset();
    Ok(RawRead { messages, secs: began.map_or(0.0, |began| began.elapsed().as_secs_f64()) })
}
