//! Sections of the exchange: taking another shard's, and making our own.
//!
//! Entries lie in the order in which their source met the people: a key says nothing about the order in which they count,
//! so no result depends on the key of the hash.

use crate::blocks::{BlockAway, coalesce_blocks};
use crate::exchange::{AudienceChange, BlockNotice, Contact, Endorse, FollowNotice, SUM_MAX, Section};
use crate::growth::power_of_two;
use crate::model::TIME_MAX;
use crate::people::{LeftOut, Remote};
use crate::scale::{Report, Scale, history_ms};
use crate::shard::{AudienceAway, ContactAway, Effects, FollowAway, Shard};

/// Entries whose places in the index are asked for together, so that the ways to memory overlap.
const CHUNK_ENTRIES: usize = 64;

impl Shard {
    /// Takes what another shard has told.
    pub(crate) fn take_section(&mut self, section: &Section) {
        self.advance(section.clock);
        // Bounded, so that nothing becomes infinite: sums of so much earlier or later are none.
        let factor = power_of_two(section.landmark.saturating_sub(self.landmark).clamp(-256, 256));
        let source = section.source;
        for name in &section.names {
            // What is done to somebody who is left out is counted where it arrives.
            let heard = self.people.hear(source, name, &mut self.step.digest);
            self.step.taken.refused += u64::from(heard == Err(LeftOut::Full));
        }
        self.take_heard(section);
        if let Some(genesis) = section.genesis {
            self.take_genesis(genesis.clamp(-TIME_MAX, TIME_MAX));
        }
        for chunk in section.endorse.chunks(CHUNK_ENTRIES) {
            self.warm_endorsed(chunk);
            for entry in chunk {
                if self.renewals.is_heard(entry.target, source) {
                    self.take_endorse(source, entry, factor);
                }
            }
        }
        for chunk in section.contacts.chunks(CHUNK_ENTRIES) {
            self.warm_contacts(chunk);
            for contact in chunk {
                if self.renewals.is_heard(contact.target, source) {
                    self.take_contact_away(source, contact, factor);
                    self.settle_contacts();
                }
            }
        }
        for notice in &section.follows {
            if self.renewals.is_heard(notice.target, source) {
                self.take_notice_away(source, notice);
            }
        }
        for change in &section.audiences {
            if !self.renewals.is_heard(change.target, source) {
                continue;
            }
            match self.people.meant(source, change.target) {
                Ok(person) => self.take_audience(person, u32::from(change.level), change.mutual, change.followers),
                // Notices of the follows have been counted.
                Err(LeftOut::Collided) => {}
                Err(LeftOut::Full) => self.step.taken.refused += 1,
            }
        }
        for notice in &section.blocks {
            if self.renewals.is_heard(notice.target, source) {
                self.take_block_away(source, notice);
            }
        }
        if let Some(report) = &section.report {
            self.step.digest.fold_report(report);
            let [largest, taken] = [report.largest, report.taken].map(|votes| votes.min(SUM_MAX));
            let report = Report { largest, taken, ..*report };
            self.keeper.take(section.source, report, self.now, history_ms(&self.model));
            self.step.was_told = true;
        }
        if let Some(scale) = &section.scale {
            self.step.digest.fold_scale(scale);
            self.scale = Scale { votes: scale.votes.min(SUM_MAX), ..*scale };
        }
    }

    fn take_endorse(&mut self, source: u16, entry: &Endorse, factor: f64) {
        match self.people.meant(source, entry.target) {
            Ok(person) => {
                let standing = self.standing(person);
                let change = entry.change.rescaled(factor).bounded();
                self.note_forgotten(standing, &change);
                self.targets.give(standing, &change);
            }
            Err(LeftOut::Collided) => {
                let acts = entry.change.received.iter().map(|(_, acts)| u64::from(acts)).sum();
                self.step.taken.collided = self.step.taken.collided.saturating_add(acts);
            }
            Err(LeftOut::Full) => self.step.taken.refused += 1,
        }
    }

    /// Hands the step's entries and counts over.
    pub(crate) fn send(&mut self, effects: &mut Effects) {
        effects.taken = std::mem::take(&mut self.step.taken);
        effects.levels_changed = std::mem::take(&mut self.step.levels_changed);
        effects.swept = std::mem::take(&mut self.step.visits);
        effects.forgotten = std::mem::take(&mut self.step.forgotten);
        effects.removed = std::mem::take(&mut self.step.removed);
        effects.closes_removed = std::mem::take(&mut self.step.closes_removed);
        effects.credits.iter_mut().for_each(Vec::clear);
        std::mem::swap(&mut effects.credits, &mut self.step.credits);
        effects.rated.clear();
        std::mem::swap(&mut effects.rated, &mut self.step.rated);
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
            self.send_blocks(&mut effects.exchange);
            self.send_renewals(&mut effects.exchange);
            self.send_genesis(&mut effects.exchange);
            self.send_scale(&mut effects.exchange);
        }
        self.step.founders_until = None;
    }

    fn send_endorsements(&mut self, exchange: &mut [Section]) {
        for (shard, name) in self.people.names_to_tell.drain(..) {
            exchange[usize::from(shard)].names.push(name);
        }
        // Changes are large: their places are put in order, and not they.
        let mut order = std::mem::take(&mut self.step.order);
        order.clear();
        order.extend((0_u64..).zip(&self.targets.away).map(|(place, (remote, _))| u64::from(*remote) << 32 | place));
        order.sort_unstable();
        for place in order.iter().map(|entry| *entry as u32 as usize) {
            let (remote, change) = &self.targets.away[place];
            let remote = &mut self.people.remotes[*remote];
            remote.change = 0;
            if let Some(section) = section_of(exchange, remote) {
                section.endorse.push(Endorse { target: remote.key, change: change.told() });
            }
        }
        self.targets.away.clear();
        self.step.order = order;
    }

    fn send_notices(&mut self, exchange: &mut [Section]) {
        let (persons, remotes) = (&self.people.persons, &self.people.remotes);
        let step = &mut self.step;
        coalesce_contacts(&mut step.contacts_away);
        for ContactAway { target, actor, endorsement, wants_answer } in step.contacts_away.drain(..) {
            let (actor, target) = (persons[actor].key, &remotes[target]);
            let contact = Contact { actor, target: target.key, endorsement, wants_answer };
            if let Some(section) = section_of(exchange, target) {
                section.contacts.push(contact);
            }
        }
        coalesce_follows(&mut step.follows_away);
        for FollowAway { target, actor, follows, wants_answer } in step.follows_away.drain(..) {
            let (actor, target) = (persons[actor].key, &remotes[target]);
            let notice = FollowNotice { actor, target: target.key, follows, wants_answer };
            if let Some(section) = section_of(exchange, target) {
                section.follows.push(notice);
            }
        }
        coalesce_audiences(&mut step.audiences_away);
        for AudienceAway { target, level, mutual, followers } in step.audiences_away.drain(..) {
            let target = &remotes[target];
            let change = AudienceChange { target: target.key, level, mutual, followers };
            if let Some(section) = section_of(exchange, target) {
                section.audiences.push(change);
            }
        }
    }

    /// Sends the blocks that began or ended.
    fn send_blocks(&mut self, exchange: &mut [Section]) {
        let (persons, remotes) = (&self.people.persons, &self.people.remotes);
        coalesce_blocks(&mut self.step.blocks_away);
        for BlockAway { target, actor, blocks } in self.step.blocks_away.drain(..) {
            let (actor, target) = (persons[actor].key, &remotes[target]);
            let notice = BlockNotice { actor, target: target.key, blocks };
            if let Some(section) = section_of(exchange, target) {
                section.blocks.push(notice);
            }
        }
    }

    /// Shard 0 hears of the first act of each shard, and tells the others of the first of all.
    fn send_genesis(&mut self, exchange: &mut [Section]) {
        if self.step.founders_until.is_none() {
            return;
        }
        let told = if self.people.home.shard == 0 { &mut exchange[1..] } else { &mut exchange[..1] };
        told.iter_mut().for_each(|section| section.genesis = Some(self.genesis));
    }

    fn send_scale(&mut self, exchange: &mut [Section]) {
        if let Some(report) = self.step.report.take() {
            exchange[0].report = Some(report);
        }
        if let Some(scale) = &self.coming_scale {
            for section in &mut exchange[1..] {
                section.scale = Some(*scale);
            }
        }
    }
}

/// The section for the shard of this person; none for one who was left behind.
fn section_of<'a>(exchange: &'a mut [Section], remote: &Remote) -> Option<&'a mut Section> {
    exchange.get_mut(usize::from(remote.shard)).filter(|_| remote.is_somebody())
}

/// Of two contacts of one pair the later is sent; it wants an answer if either did.
fn coalesce_contacts(contacts: &mut Vec<ContactAway>) {
    contacts.sort_by_key(|contact| (contact.target, contact.actor));
    contacts.dedup_by(|later, kept| {
        let is_same = (later.target, later.actor) == (kept.target, kept.actor);
        if is_same {
            *kept = ContactAway { wants_answer: kept.wants_answer || later.wants_answer, ..*later };
        }
        is_same
    });
}

/// Of two follows of one pair the later is sent; it wants an answer if either did.
fn coalesce_follows(follows: &mut Vec<FollowAway>) {
    follows.sort_by_key(|notice| (notice.target, notice.actor));
    follows.dedup_by(|later, kept| {
        let is_same = (later.target, later.actor) == (kept.target, kept.actor);
        if is_same {
            *kept = FollowAway { wants_answer: kept.wants_answer || later.wants_answer, ..*later };
        }
        is_same
    });
}

fn coalesce_audiences(audiences: &mut Vec<AudienceAway>) {
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
