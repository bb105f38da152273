//! Contacts: both sides of a pair know what the other endorses them with, so that circles can be seen.

use crate::digest::both;
use crate::exchange::{Change, Contact};
use crate::id::PersonId;
use crate::people::{Known, Target};
use crate::shard::{ContactAway, ContactHere, Shard};

impl Shard {
    /// Tells the target's side what the edge at this place has become.
    pub(crate) fn tell(&mut self, actor: PersonId, place: usize, wants_answer: bool) {
        let edge = self.edges.at_mut(place);
        edge.told = edge.endorsement as f32;
        let (target, told) = (Target::unpack(edge.target), edge.told);
        self.send_contact(actor, target, told, wants_answer);
    }

    /// To this shard at once, to another with the step's section.
    pub(crate) fn send_contact(&mut self, actor: PersonId, target: Target, endorsement: f32, wants_answer: bool) {
        match target {
            Target::Here(standing) => {
                // Whom nobody endorses the target does not endorse either.
                let Some(own) = self.people.persons[actor].standing() else { return };
                if self.targets.standings[own].fans == 0 {
                    return;
                }
                let Some(target) = self.targets.standings[standing].person() else { return };
                if self.people.persons[target].row.len() > 0 {
                    let actor = Target::Here(own);
                    self.step.contacts_here.push_back(ContactHere { actor, target, endorsement, wants_answer });
                }
            }
            Target::Away(target) => {
                self.step.contacts_away.push(ContactAway { target, actor, endorsement, wants_answer });
            }
        }
    }

    /// Deals with contacts between people of this shard, and with the answers.
    #[inline]
    pub(crate) fn settle_contacts(&mut self) {
        while let Some(contact) = self.step.contacts_here.pop_front() {
            self.take_contact(contact);
        }
    }

    /// A contact from another shard; sums are multiplied by `factor` to be for our landmark.
    pub(crate) fn take_contact_away(&mut self, source: u16, contact: &Contact, factor: f64) {
        if self.people.is_stranger(source, contact.target) {
            return;
        }
        let Some(Known::Here(target)) = self.people.find_key(contact.target) else { return };
        // Most pairs are of one side only.
        if self.people.persons[target].row.len() == 0 {
            return;
        }
        let Some(actor) = self.people.neighbour(source, contact.actor) else { return };
        self.take_contact(ContactHere {
            actor: Target::Away(actor),
            target,
            endorsement: (f64::from(contact.endorsement) * factor).max(0.0).min(f64::from(f32::MAX)) as f32,
            wants_answer: contact.wants_answer,
        });
    }

    /// The target of a contact learns how far its own endorsement of the actor is returned.
    fn take_contact(&mut self, contact: ContactHere) {
        let kept = &self.people.persons[contact.target];
        let (row, rate) = (kept.row, f64::from(kept.rate));
        let Some(place) = self.edges.find(row, contact.actor.pack()) else { return };
        if self.is_stale(self.edges.at(place).last) {
            return;
        }
        let edge = self.edges.at_mut(place);
        let before = edge.reciprocity();
        edge.returned = contact.endorsement;
        self.step.digest.fold_both(both(contact.target.0, edge.target), edge.returned.to_bits().into());
        let returned = rate * edge.weight() * (edge.reciprocity() - before);
        let answers = contact.wants_answer || edge.is_worth_telling(self.model.contact_growth);
        if returned != 0.0 {
            let change = Change { returned, ..Change::default() };
            self.targets.give_to(&mut self.people.remotes, contact.actor, &change);
        }
        if answers {
            self.tell(contact.target, place, false);
        }
    }
}
