//! An event whose users are numbers.

use vocabulary::{Event, Kind, Timestamp};

/// An event with user numbers in place of names: what they are called is up to whoever holds the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Act {
    /// The number of who acts.
    pub actor: u32,
    /// The number of who is acted upon.
    pub target: u32,
    /// What was done.
    pub kind: Kind,
    /// When it was done: event time.
    pub at: Timestamp,
}

impl Act {
    /// The event itself, with the names at the users' numbers.
    ///
    /// # Panics
    /// If a number has no name.
    pub fn named<'a>(&self, names: &'a [String]) -> Event<'a> {
        Event { actor: &names[self.actor as usize], target: &names[self.target as usize], kind: self.kind, at: self.at }
    }

    /// The same act among users whose numbers are higher by `offset`.
    pub(crate) fn renumbered(self, offset: u32) -> Act {
        Act { actor: self.actor + offset, target: self.target + offset, ..self }
    }
}
