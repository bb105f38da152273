//! A world's events with names, attacks among them.

use std::fmt::Write;
use std::vec;

use vocabulary::{Event, Timestamp};

use crate::{Act, Acts, Attack, MergeByTime, World, WorldError, merge_by_time};

/// A world's events in the order of their delivery; each lends its names until the next one.
pub struct Events {
    acts: MergeByTime<Acts, vec::IntoIter<Act>, fn(&Act) -> Timestamp>,
    names: Names,
    actor: String,
    target: String,
}

/// What users are called: those of the world by their numbers, farm members, which come after them, by their farms.
#[derive(Clone, Debug)]
struct Names {
    prefix: String,
    users: u32,
    members: Vec<String>,
}

impl Events {
    pub(crate) fn new(acts: Acts, world: &World, attacks: Vec<Attack>) -> Result<Events, WorldError> {
        let mut members = Vec::new();
        let mut attacking = Vec::new();
        for attack in attacks {
            let numbers = u64::from(world.users) + (members.len() + attack.names.len()) as u64;
            u32::try_from(numbers).map_err(|_| WorldError::TooManyMembers(numbers))?;
            let offset = world.users + members.len() as u32;
            attacking.extend(attack.acts.iter().map(|act| act.renumbered(offset)));
            members.extend(attack.names);
        }
        attacking.sort_by_key(|act| act.at);
        Ok(Events {
            acts: merge_by_time(acts, attacking, |act| act.at),
            names: Names { prefix: world.name_prefix.clone(), users: world.users, members },
            actor: world.name_prefix.clone(),
            target: world.name_prefix.clone(),
        })
    }

    /// The next event; `None` after the last one.
    pub fn next_event(&mut self) -> Option<Event<'_>> {
        let act = self.acts.next()?;
        Some(Event {
            actor: self.names.name(act.actor, &mut self.actor),
            target: self.names.name(act.target, &mut self.target),
            kind: act.kind,
            at: act.at,
        })
    }

    /// Shows all events that are left.
    pub fn for_each(mut self, mut visit: impl FnMut(Event<'_>)) {
        while let Some(event) = self.next_event() {
            visit(event);
        }
    }
}

impl Names {
    /// Writes into the buffer, which holds the prefix, what is not at hand as text.
    fn name<'a>(&'a self, user: u32, buffer: &'a mut String) -> &'a str {
        if user >= self.users {
            return &self.members[(user - self.users) as usize];
        }
        buffer.truncate(self.prefix.len());
        // Writing to a string cannot fail.
        let _ = write!(buffer, "{user}");
        buffer
    }
}
