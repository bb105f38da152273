//! The yardstick: the least that a scorer does, one decayed sum for each person, by name.

use std::collections::HashMap;

use vocabulary::{Event, Timestamp};

/// Decayed counts of what people received.
pub struct Counter {
    half_life_ms: f64,
    sums: HashMap<Box<str>, (f64, Timestamp)>,
}

impl Counter {
    /// An empty one.
    pub fn new(half_life_ms: Timestamp) -> Counter {
        Counter { half_life_ms: half_life_ms as f64, sums: HashMap::new() }
    }

    /// Counts an event.
    pub fn take(&mut self, event: &Event<'_>) {
        match self.sums.get_mut(event.target) {
            Some((sum, at)) => {
                *sum = *sum * ((*at - event.at) as f64 / self.half_life_ms).exp2() + 1.0;
                *at = event.at;
            }
            None => {
                self.sums.insert(event.target.into(), (1.0, event.at));
            }
        }
    }

    /// People counted.
    pub fn people(&self) -> usize {
        self.sums.len()
    }
}
