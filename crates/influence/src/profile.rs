//! Profiles: trust, and opting out, which erases a person and everything they gave.

use crate::digest::both;
use crate::follow::Gives;
use crate::id::PersonId;
use crate::people::{Flag, Known, Target};
use crate::row::{NOBODY, Row};
use crate::shard::{Removed, Shard};
use vocabulary::{Profile, Removal, TRUST_MAX, Timestamp};

impl Shard {
    /// Takes a profile. What it does not speak of stays as it is, an opt-out above all.
    pub(crate) fn take_profile(&mut self, profile: &Profile<'_>) {
        let person = match self.people.resolve(profile.user) {
            Ok(Known::Here(person)) => person,
            Ok(Known::Away(_)) => return self.step.taken.misrouted += 1,
            Err(why) => return self.step.taken.leave_out(why),
        };
        let trust = profile.trust.filter(|trust| !trust.is_nan()).map(|trust| trust.clamp(0.0, TRUST_MAX));
        // No trust that is accepted has these bits.
        let bits = trust.map_or(u64::MAX, f64::to_bits);
        self.step.digest.fold_both(both(person.0, profile.opted_out.map_or(2, u32::from)), bits);
        match (self.has_opted_out(person), profile.opted_out) {
            (false, Some(true)) => {
                self.forget_linked(profile.user);
                self.erase(person);
            }
            (true, Some(false)) => self.opt_in(person, profile.user),
            _ => {}
        }
        if !self.has_opted_out(person) {
            if let Some(trust) = trust {
                let before = self.trust(person);
                if trust < before {
                    self.note_taken(self.depends_on(person, trust / before) + self.own(person, trust));
                }
                self.open_account(person).trust = trust;
            }
            self.take_age(person, profile);
            if let Some(linked) = profile.linked {
                self.take_linked(person, profile.user, linked);
            }
            self.check(person);
        }
    }

    /// Votes by which the scale does not go any more when this person's trust is so much: all of somebody who is suspended.
    fn own(&self, person: PersonId, trust: f64) -> f64 {
        let standing = self.people.persons[person].standing().filter(|_| trust == 0.0);
        standing.map_or(0.0, |standing| self.influence(standing))
    }

    /// The name comes back. Trust is 1 again, and everything starts from nothing: what others gave before and
    /// meanwhile does not count.
    fn opt_in(&mut self, person: PersonId, name: &str) {
        self.people.persons[person].set(Flag::OptedOut, false);
        if !self.people.name(person, name) {
            self.step.taken.refused += 1;
        }
        self.renew(person);
        self.step.removed.push(Removed { name: name.into(), why: Removal::OptedIn });
    }

    /// Name, row, follows, liveness, rate, trust, level and counts go; what others gave stays, for a slot without a
    /// name, since they will take it back.
    fn erase(&mut self, person: PersonId) {
        let standing = self.standing(person);
        self.note_taken(self.depends_on(person, 0.0) + self.influence(standing));
        self.erase_record(person, Removal::OptedOut);
        self.erase_row(person);
        self.erase_follows(person);
        self.erase_blocks(person);
        let kept = &mut self.people.persons[person];
        kept.set(Flag::OptedOut, true);
        kept.forget_acts();
        self.people.names.erase(person);
        self.targets.make_nameless(standing);
    }

    /// Takes a published record back.
    pub(crate) fn erase_record(&mut self, person: PersonId, why: Removal) {
        let Some(standing) = self.people.persons[person].standing() else { return };
        self.erase_closes(person, standing, why);
        let published = self.targets.standings[standing].published;
        if published.is_nan() {
            return;
        }
        if let Some(name) = self.people.names.get(person) {
            self.step.removed.push(Removed { name: name.into(), why });
        }
    }

    fn erase_row(&mut self, person: PersonId) {
        let row = self.people.persons[person].row;
        let targets: Vec<u32> =
            self.edges.slots(row).iter().map(|edge| edge.target).filter(|&target| target != NOBODY).collect();
        for target in targets {
            if let Some(place) = self.edges.find(self.people.persons[person].row, target) {
                self.forget(person, place);
            }
        }
        self.settle_contacts();
    }

    fn erase_follows(&mut self, person: PersonId) {
        let Some(account) = self.accounts.get(person) else { return };
        let follows: Vec<_> = self.follows.slots(account.follows).to_vec();
        for follow in follows.iter().filter(|follow| follow.target != NOBODY && follow.follows()) {
            self.set_follows(person, Target::unpack(follow.target), false, Gives::of(follow));
        }
        let account = self.accounts.open(person);
        self.follows.clear(&mut account.follows);
        debug_assert_eq!(account.follows, Row::default());
        (account.trust, account.level, account.level_at, account.following) = (1.0, 0, Timestamp::MIN, 0);
    }
}
