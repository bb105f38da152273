//! Warming: the machine is told what is about to be needed. The memory of a large shard is far away, and many lines
//! travel at once if they are asked for at once, which look-ups that wait for each other never do. Changes nothing.

use prefetch_index::prefetch_index;

use crate::exchange::{Contact, Endorse};
use crate::id::{PersonId, RemoteId, StandingId};
use crate::name::{Hashed, UserKey};
use crate::people::{Known, People, Person, Target};
use crate::row::{Row, Rows, Slot};
use crate::shard::{Act, Shard};

/// Slots of a row that are asked for: of a longer one its own loop asks for the rest.
const WARM_SLOTS_MAX: usize = 32;
/// Slots that share a line, more or less.
const SLOTS_A_LINE: usize = 2;

/// What persons are made of, and what lies in one line always.
type Piece = [u8; 16];
const PIECES_A_PERSON: usize = size_of::<Person>() / size_of::<Piece>();

impl People {
    /// Who these are, as far as they are known: first their entries, then themselves.
    pub(crate) fn find_all(&self, names: &[(Hashed, Hashed)], found: &mut Vec<(Option<Known>, Option<Known>)>) {
        found.clear();
        for (actor, target) in names {
            self.index.warm(actor.key);
            self.index.warm(target.key);
        }
        found.extend(names.iter().map(|(actor, target)| (self.candidate(actor), self.candidate(target))));
        for (name, found) in names.iter().zip(found) {
            found.0 = self.verified(found.0, &name.0);
            found.1 = self.verified(found.1, &name.1);
        }
    }

    #[inline]
    fn candidate(&self, name: &Hashed) -> Option<Known> {
        let candidate = self.index.candidate(name).map(Known::unpack);
        self.warm_known(candidate);
        candidate
    }

    /// Asks for whoever may have these keys: first their entries, then themselves.
    fn warm_keys(&self, keys: impl Iterator<Item = UserKey> + Clone) {
        keys.clone().for_each(|key| self.index.warm(key));
        keys.for_each(|key| self.warm_known(self.candidate_for_key(key)));
    }

    #[inline]
    fn candidate_for_key(&self, key: UserKey) -> Option<Known> {
        self.index.candidate_for_key(key).map(Known::unpack)
    }

    #[inline]
    fn warm_known(&self, known: Option<Known>) {
        match known {
            Some(Known::Here(person)) => self.warm_person(person),
            Some(Known::Away(remote)) => self.warm_remote(remote),
            None => {}
        }
    }

    #[inline]
    fn warm_remote(&self, remote: RemoteId) {
        prefetch_index(&self.remotes.raw, remote.into());
    }

    /// Beginning and end: every second person lies in two lines.
    #[inline]
    fn warm_person(&self, person: PersonId) {
        let first = usize::from(person) * PIECES_A_PERSON;
        let pieces: &[Piece] = bytemuck::cast_slice(&self.persons.raw);
        prefetch_index(pieces, first);
        prefetch_index(pieces, first + PIECES_A_PERSON - 1);
    }

    #[inline]
    fn verified(&self, candidate: Option<Known>, name: &Hashed) -> Option<Known> {
        if self.key_of(candidate?) == name.key { candidate } else { self.find(name) }
    }
}

impl<S: Slot> Rows<S> {
    /// Asks for where the search for this target begins; a dense row is searched from its start.
    #[inline]
    fn warm(&self, row: Row, target: u32) {
        let Some(place) = self.first_place(row, target) else { return };
        self.warm_slots(place, if row.is_table() { SLOTS_A_LINE } else { row.len() as usize });
    }

    #[inline]
    fn warm_slots(&self, start: usize, len: usize) {
        for place in (start..start + len.min(WARM_SLOTS_MAX)).step_by(SLOTS_A_LINE) {
            self.prefetch(place);
        }
    }
}

impl Shard {
    /// Asks for what these events will change: rows and standings first, then the targets' rows for contacts.
    pub(crate) fn warm(&self, acts: &[Act]) {
        for act in acts {
            let Act::Between(actor, target) = *act else { continue };
            self.warm_person_standing(actor);
            let target = match target {
                Known::Here(target) => {
                    let Some(standing) = self.people.persons[target].standing() else { continue };
                    self.warm_standing(standing);
                    self.targets.warm_counts(standing);
                    Target::Here(standing)
                }
                Known::Away(remote) => Target::Away(remote),
            };
            self.edges.warm(self.people.persons[actor].row, target.pack());
        }
        for act in acts {
            if let Act::Between(actor, Known::Here(target)) = *act
                && self.is_endorsed(actor)
            {
                self.warm_edge(target, actor);
            }
        }
    }

    #[inline]
    fn warm_person_standing(&self, person: PersonId) {
        if let Some(standing) = self.people.persons[person].standing() {
            self.warm_standing(standing);
        }
    }

    #[inline]
    fn warm_standing(&self, standing: StandingId) {
        prefetch_index(&self.targets.standings.raw, standing.into());
    }

    /// Who nobody endorses has no contacts to tell.
    #[inline]
    fn is_endorsed(&self, person: PersonId) -> bool {
        let standing = self.people.persons[person].standing();
        standing.is_some_and(|standing| self.targets.standings[standing].fans > 0)
    }

    #[inline]
    fn warm_edge(&self, actor: PersonId, target: PersonId) {
        let row = self.people.persons[actor].row;
        if let Some(standing) = self.people.persons[target].standing() {
            self.edges.warm(row, Target::Here(standing).pack());
        }
    }

    /// Asks for what entries of another shard will change: people, then their standings.
    pub(crate) fn warm_endorsed(&self, entries: &[Endorse]) {
        self.people.warm_keys(entries.iter().map(|entry| entry.target));
        for entry in entries {
            let Some(Known::Here(person)) = self.people.candidate_for_key(entry.target) else { continue };
            if let Some(standing) = self.people.persons[person].standing() {
                self.warm_standing(standing);
                self.targets.warm_counts(standing);
            }
        }
    }

    /// Asks for what contacts of another shard may change: targets, then the actors and what rows keep of them.
    pub(crate) fn warm_contacts(&self, contacts: &[Contact]) {
        contacts.iter().for_each(|contact| self.people.index.warm(contact.actor));
        self.people.warm_keys(contacts.iter().map(|contact| contact.target));
        for contact in contacts {
            let Some(Known::Here(target)) = self.people.candidate_for_key(contact.target) else { continue };
            let row = self.people.persons[target].row;
            if row.len() > 0
                && let Some(Known::Away(actor)) = self.people.candidate_for_key(contact.actor)
            {
                self.people.warm_remote(actor);
                self.edges.warm(row, Known::Away(actor).pack());
            }
        }
    }

    /// Asks for these standings.
    pub(crate) fn warm_standings(&self, standings: &[StandingId]) {
        standings.iter().for_each(|&standing| self.warm_standing(standing));
    }

    /// Asks for the rows that are pushed next, then for whom they endorse.
    pub(crate) fn warm_rows(&self, persons: impl Iterator<Item = PersonId> + Clone) {
        persons.clone().for_each(|person| self.people.warm_person(person));
        let row = |person: PersonId| self.people.persons[person].row;
        for person in persons.clone() {
            self.warm_person_standing(person);
            self.edges.warm_slots(row(person).start(), row(person).extent() as usize);
        }
        let first_edges = |person| self.edges.slots(row(person)).iter().take(WARM_SLOTS_MAX);
        for person in persons.clone() {
            for edge in first_edges(person) {
                match Target::unpack(edge.target) {
                    Target::Here(standing) => self.warm_standing(standing),
                    Target::Away(remote) => self.people.warm_remote(remote),
                }
            }
        }
        if self.people.remotes.is_empty() {
            return;
        }
        for remote in persons.flat_map(first_edges).filter_map(|edge| Target::unpack(edge.target).away()) {
            if let Some(remote) = self.people.remotes.get(remote) {
                self.targets.warm_away(remote.change);
            }
        }
    }

    /// Asks for the people whose standings were touched.
    pub(crate) fn warm_persons(&self, standings: &[StandingId]) {
        self.warm_standings(standings);
        for &standing in standings {
            if let Some(person) = self.targets.standings[standing].person() {
                self.people.warm_person(person);
            }
        }
    }
}
