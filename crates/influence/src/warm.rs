//! Warming: reading what is about to be needed, in loops whose reads do not wait for each other. The memory of a
//! large shard is far away, and the machine fetches many lines at once if it is told of them at once. Changes nothing.

use std::hint::black_box;

use crate::name::Hashed;
use crate::people::{Known, People, PersonId, StandingId};
use crate::row::{Row, Rows, Slot};
use crate::shard::{Act, Shard};

/// Of a longer row the first push reads the rest: its own loop is long enough to overlap.
const WARM_EDGES_MAX: usize = 32;

impl People {
    /// Who these are, as far as they are known: first their entries, then themselves.
    pub(crate) fn find_all(&self, names: &[(Hashed, Hashed)], found: &mut Vec<(Option<Known>, Option<Known>)>) {
        found.clear();
        let candidate = |name: &Hashed| self.index.candidate(name).map(Known::unpack);
        found.extend(names.iter().map(|(actor, target)| (candidate(actor), candidate(target))));
        for (name, found) in names.iter().zip(found) {
            found.0 = self.verified(found.0, &name.0);
            found.1 = self.verified(found.1, &name.1);
        }
    }

    #[inline]
    fn verified(&self, candidate: Option<Known>, name: &Hashed) -> Option<Known> {
        if self.key_of(candidate?) == name.key { candidate } else { self.find(name) }
    }
}

impl<S: Slot> Rows<S> {
    #[inline]
    fn warm(&self, row: Row, target: u32) -> u32 {
        self.first_place(row, target).map_or(0, |place| self.at(place).target())
    }
}

impl Shard {
    /// Reads what these events will change: rows and standings first, then the targets' rows for contacts.
    pub(crate) fn warm(&self, acts: &[Act]) {
        let mut sum = 0u32;
        for act in acts {
            if let Act::Between(actor, Known::Here(target)) = *act {
                sum ^= self.warm_standing(target) ^ self.warm_standing(actor);
            }
        }
        for act in acts {
            if let Act::Between(actor, Known::Here(target)) = *act {
                sum ^= self.warm_edge(actor, target);
                if self.is_endorsed(actor) {
                    sum ^= self.warm_edge(target, actor);
                }
            }
        }
        black_box(sum);
    }

    #[inline]
    fn warm_standing(&self, person: PersonId) -> u32 {
        let standing = self.people.persons[person as usize].standing();
        standing.map_or(0, |standing| self.targets.standings[standing as usize].fans)
    }

    /// Who nobody endorses has no contacts to tell.
    #[inline]
    fn is_endorsed(&self, person: PersonId) -> bool {
        let standing = self.people.persons[person as usize].standing();
        standing.is_some_and(|standing| self.targets.standings[standing as usize].fans > 0)
    }

    #[inline]
    fn warm_edge(&self, actor: PersonId, target: PersonId) -> u32 {
        let row = self.people.persons[actor as usize].row;
        let standing = self.people.persons[target as usize].standing();
        standing.map_or(0, |standing| self.edges.warm(row, standing))
    }

    /// Reads these standings, beginning and end.
    pub(crate) fn warm_standings(&self, standings: &[StandingId]) {
        black_box(standings.iter().fold(0, |sum, &standing| {
            let kept = &self.targets.standings[standing as usize];
            sum ^ kept.fans ^ (kept.given.to_bits() as u32)
        }));
    }

    /// Reads the rows that are pushed next, then whom they endorse.
    pub(crate) fn warm_rows(&self, persons: impl Iterator<Item = PersonId> + Clone) {
        let row = |person: PersonId| self.people.persons[person as usize].row;
        let mut sum = persons.clone().fold(0, |sum, person| sum ^ self.edges.warm(row(person), 0));
        for person in persons {
            for edge in self.edges.slots(row(person)).iter().take(WARM_EDGES_MAX) {
                let standing = self.targets.standings.get(edge.target as usize);
                sum ^= standing.map_or(0, |standing| standing.fans);
            }
        }
        black_box(sum);
    }

    /// Reads the people whose standings were touched.
    pub(crate) fn warm_persons(&self, standings: &[StandingId]) {
        let person = |&standing: &StandingId| self.targets.standings[standing as usize].person();
        black_box(
            standings
                .iter()
                .fold(0, |sum, standing| sum ^ self.people.persons[person(standing) as usize].rate.to_bits()),
        );
    }
}
