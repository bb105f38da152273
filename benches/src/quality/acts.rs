//! A log in memory, people by number in the order in which they first appear.

use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;

use clout::recorded::{NetworkArgs, ReadingArgs, read_events};
use vocabulary::{Event, Kind, Timestamp};

/// One act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Act {
    pub(crate) actor: u32,
    pub(crate) target: u32,
    pub(crate) kind: Kind,
    pub(crate) at: Timestamp,
}

/// All acts, in order of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acts {
    pub(crate) names: Vec<String>,
    numbers: HashMap<String, u32>,
    pub(crate) list: Vec<Act>,
}

impl Acts {
    /// Reads files, each with its own options; acts on oneself are left out.
    ///
    /// # Errors
    /// If one cannot be read.
    pub(crate) fn read(files: &[(PathBuf, ReadingArgs)], networks: &NetworkArgs) -> Result<Acts, Box<dyn Error>> {
        let mut acts = Acts::default();
        for (path, reading) in files {
            read_events(std::slice::from_ref(path), reading, networks, |event| acts.take(event))?;
        }
        acts.list.sort_by_key(|act| act.at);
        Ok(acts)
    }

    pub(crate) fn take(&mut self, event: &Event<'_>) {
        if event.actor != event.target {
            let (actor, target) = (self.number(event.actor), self.number(event.target));
            self.list.push(Act { actor, target, kind: event.kind, at: event.at });
        }
    }

    fn number(&mut self, name: &str) -> u32 {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.names.len() as u32;
        self.names.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }

    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    pub(crate) fn people(&self) -> usize {
        self.names.len()
    }

    /// The acts later than the first time, up to the second one.
    pub(crate) fn between(&self, after: Timestamp, until: Timestamp) -> &[Act] {
        let place = |at: Timestamp| self.list.partition_point(|act| act.at <= at);
        &self.list[place(after)..place(until).max(place(after))]
    }

    /// By how many distinct people everybody is acted upon in that time; a follow is no such act.
    pub(crate) fn engagers(&self, after: Timestamp, until: Timestamp) -> Vec<f64> {
        let counted = self.between(after, until).iter().filter(|act| act.kind.is_counted());
        let mut pairs: Vec<(u32, u32)> = counted.map(|act| (act.target, act.actor)).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut engagers = vec![0.0; self.people()];
        pairs.iter().for_each(|&(target, _)| engagers[target as usize] += 1.0);
        engagers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engagers_are_distinct_and_of_the_time_after_the_cut() {
        let mut acts = Acts::default();
        for (actor, target, kind, at) in [
            ("bo", "ana", Kind::Mention, 10),
            ("bo", "ana", Kind::Retweet, 11),
            ("bo", "ana", Kind::Reply, 12),
            ("cy", "ana", Kind::Reply, 12),
            ("di", "ana", Kind::Follow, 12),
            ("ana", "ana", Kind::Mention, 12),
            ("ana", "bo", Kind::Like, 20),
            ("cy", "bo", Kind::Like, 21),
        ] {
            acts.take(&Event { actor, target, kind, at });
        }
        assert_eq!(acts.find("ana"), Some(1));
        assert_eq!(acts.engagers(10, 20), [1.0, 2.0, 0.0, 0.0], "of bo, ana, cy and di");
        assert_eq!(acts.engagers(12, 30), [2.0, 0.0, 0.0, 0.0]);
    }
}
