//! Sections of the exchange: taking another shard's, and making our own.

use crate::exchange::{AudienceChange, Contact, Endorse, FollowNotice, Section};
use crate::growth::power_of_two;
use crate::name::UserKey;
use crate::people::PersonId;
use crate::shard::{Effects, Shard};

impl Shard {
    /// Takes what another shard has told.
    pub(crate) fn take_section(&mut self, section: &Section) {
        self.advance(section.clock);
        // Bounded, so that nothing becomes infinite: sums of so much earlier or later are none.
        let factor = power_of_two(section.landmark.saturating_sub(self.landmark).clamp(-256, 256));
        for name in &section.names {
            // Others of this name may have been told of by their key alone.
            self.step.taken.refused += u64::from(self.people.resolve(name).is_none());
        }
        for entry in &section.endorse {
            self.take_endorse(entry, factor);
        }
        for contact in &section.contacts {
            self.take_contact_away(contact, factor);
            self.settle_contacts();
        }
        for notice in &section.follows {
            self.take_notice_away(notice);
        }
        for change in &section.audiences {
            if let Some(person) = self.person_told_of(change.target) {
                self.take_audience(person, u32::from(change.level), change.mutual, change.followers);
            }
        }
        if let Some(report) = &section.report {
            self.step.digest.fold_report(report);
            self.keeper.take(section.source, report.clone());
            self.step.was_told = true;
        }
        if let Some(scale) = &section.scale {
            self.step.digest.fold_scale(scale);
            self.scale = scale.clone();
        }
    }

    fn take_endorse(&mut self, entry: &Endorse, factor: f64) {
        if let Some(person) = self.person_told_of(entry.target) {
            let standing = self.standing(person);
            self.targets.give(standing, &entry.change.rescaled(factor).bounded());
        }
    }

    /// The person of this shard with this key, unless the shard is full.
    fn person_told_of(&mut self, key: UserKey) -> Option<PersonId> {
        let person = self.people.person(key);
        self.step.taken.refused += u64::from(person.is_none() && self.people.find_key(key).is_none());
        person
    }

    /// Hands the step's entries and counts over.
    pub(crate) fn send(&mut self, effects: &mut Effects) {
        effects.taken = std::mem::take(&mut self.step.taken);
        effects.levels_changed = std::mem::take(&mut self.step.levels_changed);
        effects.swept = std::mem::take(&mut self.step.visits);
        effects.erased = std::mem::take(&mut self.step.erased);
        effects.collisions = std::mem::take(&mut self.people.collisions);
        effects.exchange.clear();
        let (shard, shards) = (self.people.home.shard, self.people.home.shards);
        effects.exchange.extend((0..shards).map(|_| Section {
            source: shard,
            landmark: self.landmark,
            clock: self.now,
            ..Section::default()
        }));
        if shards > 1 {
            self.send_endorsements(&mut effects.exchange);
            self.send_notices(&mut effects.exchange);
            self.send_scale(&mut effects.exchange);
        }
    }

    fn send_endorsements(&mut self, exchange: &mut [Section]) {
        for (shard, name) in self.people.names_to_tell.drain(..) {
            exchange[usize::from(shard)].names.push(name);
        }
        for (remote, change) in self.targets.away.drain(..) {
            let remote = &mut self.people.remotes[remote as usize];
            remote.change = 0;
            exchange[usize::from(remote.shard)].endorse.push(Endorse { target: remote.key, change });
        }
        for section in exchange.iter_mut() {
            section.endorse.sort_unstable_by_key(|entry| entry.target);
        }
    }

    fn send_notices(&mut self, exchange: &mut [Section]) {
        for (shard, contact) in self.step.contacts_away.drain(..) {
            exchange[usize::from(shard)].contacts.push(contact);
        }
        for (shard, notice) in self.step.follows_away.drain(..) {
            exchange[usize::from(shard)].follows.push(notice);
        }
        for (shard, change) in self.step.audiences_away.drain(..) {
            exchange[usize::from(shard)].audiences.push(change);
        }
        for section in exchange {
            coalesce_contacts(&mut section.contacts);
            coalesce_follows(&mut section.follows);
            coalesce_audiences(&mut section.audiences);
        }
    }

    fn send_scale(&mut self, exchange: &mut [Section]) {
        if let Some(report) = self.step.report.take() {
            exchange[0].report = Some(report);
        }
        if let Some(scale) = &self.coming_scale {
            for section in &mut exchange[1..] {
                section.scale = Some(scale.clone());
            }
        }
    }
}

/// Of two contacts of one pair the later is sent; it wants an answer if either did.
fn coalesce_contacts(contacts: &mut Vec<Contact>) {
    contacts.sort_by_key(|contact| (contact.target, contact.actor));
    contacts.dedup_by(|later, kept| {
        let is_same = (later.target, later.actor) == (kept.target, kept.actor);
        if is_same {
            *kept = Contact { wants_answer: kept.wants_answer || later.wants_answer, ..*later };
        }
        is_same
    });
}

/// Of two follows of one pair the later is sent; it wants an answer if either did.
fn coalesce_follows(follows: &mut Vec<FollowNotice>) {
    follows.sort_by_key(|notice| (notice.target, notice.actor));
    follows.dedup_by(|later, kept| {
        let is_same = (later.target, later.actor) == (kept.target, kept.actor);
        if is_same {
            *kept = FollowNotice { wants_answer: kept.wants_answer || later.wants_answer, ..*later };
        }
        is_same
    });
}

fn coalesce_audiences(audiences: &mut Vec<AudienceChange>) {
    audiences.sort_by_key(|change| (change.target, change.level, change.mutual));
    audiences.dedup_by(|later, kept| {
        let is_same = (later.target, later.level, later.mutual) == (kept.target, kept.level, kept.mutual);
        if is_same {
            kept.followers = kept.followers.saturating_add(later.followers);
        }
        is_same
    });
    audiences.retain(|change| change.followers != 0);
}
