//! The scales that records were published against: few, so records hold a number instead.

use std::collections::HashMap;

use parking_lot::RwLock;

/// What 100 stood for, and for which model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    pub(crate) votes: f64,
    pub(crate) version: u64,
    pub(crate) model_version: u32,
}

/// All of them, in the order of their arrival.
#[derive(Debug, Default)]
pub(crate) struct Scales(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    scales: Vec<Scale>,
    numbers: HashMap<(u64, u64, u32), u32>,
}

impl Scales {
    /// The number of a scale, which it has from now on.
    pub(crate) fn number(&self, scale: Scale) -> u32 {
        let key = (scale.votes.to_bits(), scale.version, scale.model_version);
        if let Some(&number) = self.0.read().numbers.get(&key) {
            return number;
        }
        let mut known = self.0.write();
        let next = known.scales.len() as u32;
        let number = *known.numbers.entry(key).or_insert(next);
        if number == next {
            known.scales.push(scale);
        }
        number
    }

    pub(crate) fn get(&self, number: u32) -> Scale {
        self.0.read().scales[number as usize]
    }

    /// The newest.
    pub(crate) fn newest(&self) -> Option<Scale> {
        self.0.read().scales.iter().max_by_key(|scale| (scale.model_version, scale.version)).copied()
    }
}
