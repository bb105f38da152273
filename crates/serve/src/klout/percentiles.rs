//! How people are spread by their factor network, as of the last minute: version 1 told it from 0 to 100.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::view::View;

/// Everybody is looked at at most so often.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// The factor of everybody, the lowest first, and when that was looked at.
#[derive(Debug, Default)]
pub(crate) struct Percentiles(Mutex<Option<(Instant, Vec<f32>)>>);

impl Percentiles {
    /// The share of people whose network is lower, 0 to 100. Now and then it looks at everybody.
    pub(crate) fn of(&self, view: &View, network: f32) -> f64 {
        let mut known = self.0.lock();
        let is_new = known.as_ref().is_some_and(|(at, all)| at.elapsed() < LOOK_EVERY && !all.is_empty());
        if !is_new {
            let networks = view.everybody().filter_map(|person| Some(person.record()?.network));
            let mut networks: Vec<f32> = networks.collect();
            networks.sort_unstable_by(f32::total_cmp);
            *known = Some((Instant::now(), networks));
        }
        let networks = known.as_ref().map_or(&[][..], |(_, networks)| networks);
        let lower = networks.partition_point(|other| *other < network);
        lower as f64 / networks.len().max(1) as f64 * 100.0
    }
}
