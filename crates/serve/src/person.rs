//! What the view keeps of a person: the last committed record, small.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32};

use parking_lot::Mutex;
use vocabulary::{Received, Score, Timestamp};

/// Somebody with a score, or who had one.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) name: Box<str>,
    record: Mutex<Record>,
    /// The number in the ranking, which sets of people are made of; only the ranking looks at it.
    pub(crate) number: AtomicU32,
    /// The language and the country in the ranking, by their places there; 0 is none.
    pub(crate) facets: [AtomicU16; 2],
}

macro_rules! record {
    ($($(#[doc = $what:literal])+ $factor:ident)+) => {
        /// A record with 7 digits for each number that is an estimate, and all digits for each that is a count. Half a
        /// hundred-thousandth of a point is far below the tenth of a point that is published.
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub(crate) struct Record {
            pub(crate) as_of: Timestamp,
            pub(crate) received: Received,
            pub(crate) score: f32,
            pub(crate) influence: f32,
            $(pub(crate) $factor: f32,)+
            /// Not a number if there was none before.
            pub(crate) previous: f32,
            pub(crate) followers: u32,
            pub(crate) following: u32,
            /// Its place among [`crate::scales::Scales`].
            pub(crate) scale: u32,
            /// No: nothing was published yet, or the person has opted out.
            pub(crate) is_published: bool,
        }

        impl Record {
            /// Of a score against a scale that the view knows.
            pub(crate) fn new(score: &Score, scale: u32) -> Record {
                let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
                Record {
                    as_of: score.as_of,
                    received: score.received,
                    // Zero, not a negative zero: ranks compare.
                    score: score.score as f32 + 0.0,
                    influence: score.influence as f32,
                    $($factor: score.$factor as f32,)+
                    previous: score.previous.map_or(f32::NAN, |previous| previous as f32),
                    followers: count(score.followers),
                    following: count(score.following),
                    scale,
                    is_published: true,
                }
            }

            /// The same as a score, to as many digits as are kept, against this scale.
            pub(crate) fn score(&self, scale: f64, scale_version: u64) -> Score {
                Score {
                    score: self.score.into(),
                    influence: self.influence.into(),
                    $($factor: self.$factor.into(),)+
                    received: self.received,
                    followers: self.followers.into(),
                    following: self.following.into(),
                    as_of: self.as_of,
                    scale,
                    scale_version,
                    previous: self.previous().map(f64::from),
                }
            }
        }
    };
}
vocabulary::each_factor!(record);

impl Record {
    /// What people are ranked by.
    pub(crate) fn height(&self) -> f32 {
        height(self.score, self.influence)
    }

    /// The score of the record before, if there was one.
    pub(crate) fn previous(&self) -> Option<f32> {
        Some(self.previous).filter(|previous| !previous.is_nan())
    }
}

/// What people are ranked by: the score. Whoever is above what 100 stands for has 100, and their order is that of
/// their influence.
pub(crate) fn height(score: f32, influence: f32) -> f32 {
    if score < 100.0 { score } else { 100.0 + influence.max(0.0) }
}

impl Person {
    pub(crate) fn new(name: &str) -> Person {
        Person {
            name: name.into(),
            record: Mutex::default(),
            number: AtomicU32::new(u32::MAX),
            facets: Default::default(),
        }
    }

    /// The last record, if there is one.
    pub(crate) fn record(&self) -> Option<Record> {
        Some(*self.record.lock()).filter(|record| record.is_published)
    }

    /// Replaces the record, or erases it; the one before is given back.
    pub(crate) fn publish(&self, record: Option<Record>) -> Option<Record> {
        let before = std::mem::replace(&mut *self.record.lock(), record.unwrap_or_default());
        Some(before).filter(|record| record.is_published)
    }
}

/// A person as an item of a set or a list, by name.
#[derive(Clone, Debug)]
pub(crate) struct Named(pub(crate) Arc<Person>);

impl Borrow<str> for Named {
    fn borrow(&self) -> &str {
        &self.0.name
    }
}

impl Hash for Named {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

impl PartialEq for Named {
    fn eq(&self, other: &Named) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Named {}

impl PartialOrd for Named {
    fn partial_cmp(&self, other: &Named) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Named {
    fn cmp(&self, other: &Named) -> Ordering {
        self.0.name.cmp(&other.0.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_small() {
        // With the two counts of its pointer, and eight bytes by which it is found in sets; each kind of events that is counted takes eight bytes.
        let of_kinds = size_of::<Received>();
        assert_eq!(of_kinds, 8 * vocabulary::Kind::COUNTED_COUNT);
        assert_eq!(size_of::<Person>() + 2 * size_of::<usize>() - of_kinds, 112);
    }
}
