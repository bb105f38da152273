//! Follows: the newest of follow and unfollow wins, and what a follower weighs depends on who it is.

use crate::account::Follow;
use crate::digest::both;
use crate::exchange::FollowNotice;
use crate::id::PersonId;
use crate::people::{Flag, Known, Target};
use crate::shard::{AudienceAway, FollowAway, Shard};
use crate::standing::Mark;
use vocabulary::{Kind, Timestamp};

/// What a follow gives to its target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gives {
    is_mutual: bool,
    /// False between accounts of one person.
    counts: bool,
}

impl Gives {
    /// What a follow that is kept gives, or gave until it ended.
    pub(crate) fn of(kept: &Follow) -> Gives {
        Gives { is_mutual: kept.is_mutual(), counts: !kept.is_own() }
    }
}

impl Shard {
    /// A follow is between accounts of one person from now on, or is so no more: what it gave is taken back, or given again.
    pub(crate) fn set_own_follow(&mut self, actor: PersonId, target: Target, is_own: bool) {
        let Some(account) = self.accounts.get(actor) else { return };
        let level = account.level;
        let Some(place) = self.follows.find(account.follows, target.pack()) else { return };
        let kept = self.follows.at_mut(place);
        if !kept.follows() || kept.is_own() == is_own {
            return;
        }
        kept.set_own(is_own);
        let is_mutual = kept.is_mutual();
        self.step.digest.fold_both(both(actor.0, target.pack()), 2 + u64::from(is_own));
        self.tell_audience(target, level, is_mutual, if is_own { -1 } else { 1 });
    }

    /// Takes a follow or unfollow.
    pub(crate) fn follow(&mut self, actor: PersonId, target: Known, kind: Kind, at: Timestamp) {
        let follows = kind == Kind::Follow;
        if !follows && self.is_unknown_target(target) && self.is_late(at) {
            return;
        }
        let target = self.target(target);
        self.step.digest.fold_both(both(actor.0, target.pack()), at as u64);
        self.step.digest.fold(follows.into());
        self.open_account(actor);
        match self.find_follow(actor, target) {
            Some(place) => self.renew_follow(actor, place, follows, at),
            // An unfollow that is too old to be remembered.
            None if !follows && self.is_late(at) => {}
            None if !self.has_room_to_follow(actor) => self.step.taken.refuse(kind),
            None if follows => self.begin_follow(actor, target, at),
            // Remembered for the window, for a follow that arrives late.
            None => self.remember_unfollow(actor, target, at),
        }
    }

    fn has_room_to_follow(&self, actor: PersonId) -> bool {
        self.accounts.get(actor).is_some_and(|account| self.follows.has_room(account.follows))
    }

    fn is_unknown_target(&self, target: Known) -> bool {
        matches!(target, Known::Here(person) if self.people.persons[person].standing().is_none())
    }

    pub(crate) fn open_account(&mut self, person: PersonId) -> &mut crate::account::Account {
        let kept = &mut self.people.persons[person];
        kept.set(Flag::Account, true);
        if let Some(standing) = kept.standing() {
            self.targets.standings[standing].mark(Mark::Account);
        }
        self.accounts.open(person)
    }

    /// The actor's follow or remembered unfollow of the target. An unfollow older than the window counts as absent.
    fn find_follow(&mut self, actor: PersonId, target: Target) -> Option<usize> {
        let account = self.accounts.get(actor)?;
        let place = self.follows.find(account.follows, target.pack())?;
        let kept = *self.follows.at(place);
        if !kept.follows() && self.is_late(kept.at) {
            self.drop_follow(actor, place);
            return None;
        }
        Some(place)
    }

    pub(crate) fn drop_follow(&mut self, actor: PersonId, place: usize) {
        if let Some(account) = self.accounts.get_mut(actor) {
            self.step.digest.fold(both(actor.0, self.follows.at(place).target));
            self.follows.remove(&mut account.follows, place);
        }
    }

    fn begin_follow(&mut self, actor: PersonId, target: Target, at: Timestamp) {
        self.insert_follow(actor, Follow::new(target, true, false, at));
        self.set_follows(actor, target, true, Gives { is_mutual: false, counts: true });
    }

    fn remember_unfollow(&mut self, actor: PersonId, target: Target, at: Timestamp) {
        self.insert_follow(actor, Follow::new(target, false, false, at));
        self.keep_named(actor, target);
    }

    /// Whom a remembered unfollow names is known for as long as it is remembered. Their own shard decides that, so it has
    /// to hear of it.
    fn keep_named(&mut self, actor: PersonId, target: Target) {
        match target {
            Target::Here(standing) => self.targets.is_named(standing),
            Target::Away(_) if self.model.forget_after_ms.is_some() => self.tell_follow(actor, target, false, false),
            Target::Away(_) => {}
        }
    }

    fn insert_follow(&mut self, actor: PersonId, follow: Follow) {
        let account = self.accounts.open(actor);
        self.follows.insert(&mut account.follows, follow);
    }

    fn renew_follow(&mut self, actor: PersonId, place: usize, follows: bool, at: Timestamp) {
        let kept = *self.follows.at(place);
        let wins = at > kept.at || (at == kept.at && !follows);
        let (target, late) = (Target::unpack(kept.target), self.is_late(at));
        if wins && !follows && late {
            self.drop_follow(actor, place);
        } else if wins {
            let is_mutual = kept.is_mutual() && follows && kept.follows();
            let renewed = self.follows.at_mut(place);
            *renewed = Follow::new(target, follows, is_mutual, at);
            renewed.set_own(kept.is_own() && follows);
        }
        if wins && follows != kept.follows() {
            self.set_follows(actor, target, follows, Gives::of(&kept));
        } else if follows {
            // Nothing begins, but the target has been acted upon.
            self.tell_follow(actor, target, kept.follows(), true);
        } else if wins && !late {
            self.keep_named(actor, target);
        }
    }

    /// A follow has begun or ended: the target's tally, the target's side of it, and our own count.
    pub(crate) fn set_follows(&mut self, actor: PersonId, target: Target, follows: bool, gives: Gives) {
        let account = self.accounts.open(actor);
        let sign = if follows { 1 } else { -1 };
        account.following = account.following.saturating_add_signed(sign);
        let level = account.level;
        if gives.counts {
            self.tell_audience(target, level, gives.is_mutual, sign);
        }
        self.tell_follow(actor, target, follows, follows);
        if let Some(standing) = self.people.persons[actor].standing() {
            self.targets.standings[standing].mark(Mark::Unsaid);
        }
    }

    /// Changes the tally of whoever is followed.
    pub(crate) fn tell_audience(&mut self, target: Target, level: u32, is_mutual: bool, followers: i32) {
        match target {
            Target::Here(standing) => {
                let Some(person) = self.targets.standings[standing].person() else { return };
                self.take_audience(person, level, is_mutual, followers);
            }
            Target::Away(target) => {
                let level = level as u8;
                self.step.audiences_away.push(AudienceAway { target, level, mutual: is_mutual, followers });
            }
        }
    }

    pub(crate) fn take_audience(&mut self, person: PersonId, level: u32, is_mutual: bool, followers: i32) {
        self.open_account(person).count(level, is_mutual, followers);
        self.step.digest.fold_both(both(person.0, level << 1 | u32::from(is_mutual)), followers as u64);
        let standing = self.standing(person);
        let kept = &mut self.targets.standings[standing];
        if !kept.has(Mark::Nameless) {
            kept.mark(Mark::Unsaid);
        }
        self.targets.touch(standing);
    }

    /// A follow makes a record, however soon it ended, and ends a silence.
    fn rate_followed(&mut self, person: PersonId) {
        let standing = self.standing(person);
        self.targets.is_not_silent(standing);
        let kept = &mut self.targets.standings[standing];
        if !kept.has(Mark::Nameless) {
            kept.mark(Mark::Rated);
            kept.mark(Mark::Unsaid);
        }
        self.targets.touch(standing);
    }

    fn tell_follow(&mut self, actor: PersonId, target: Target, follows: bool, wants_answer: bool) {
        match target {
            Target::Here(standing) => {
                let Some(person) = self.targets.standings[standing].person() else { return };
                if wants_answer {
                    self.rate_followed(person);
                }
                let Some(own) = self.people.persons[actor].standing() else { return };
                self.take_notice(Target::Here(own), person, follows, wants_answer);
            }
            Target::Away(target) => {
                self.step.follows_away.push(FollowAway { target, actor, follows, wants_answer });
            }
        }
    }

    pub(crate) fn take_notice_away(&mut self, source: u16, notice: &FollowNotice) {
        if self.people.is_stranger(source, notice.target) {
            self.step.taken.collided += u64::from(notice.wants_answer);
            return;
        }
        let Some(Known::Here(target)) = self.people.find_key(notice.target) else { return };
        if !notice.follows && self.model.forget_after_ms.is_some() {
            let standing = self.standing(target);
            self.targets.is_named(standing);
        }
        // Only news of a follow asks.
        if notice.wants_answer {
            self.rate_followed(target);
        }
        let Some(actor) = self.people.neighbour(source, notice.actor) else { return };
        self.take_notice(Target::Away(actor), target, notice.follows, notice.wants_answer);
    }

    /// `person` learns whether `actor`, whom they may follow, follows them.
    fn take_notice(&mut self, actor: Target, person: PersonId, follows: bool, wants_answer: bool) {
        let Some(account) = self.accounts.get(person) else { return };
        let level = account.level;
        let Some(place) = self.follows.find(account.follows, actor.pack()) else { return };
        let kept = self.follows.at_mut(place);
        if !kept.follows() {
            return;
        }
        let (was_mutual, counts) = (kept.is_mutual(), kept.counts());
        kept.set_mutual(follows);
        self.step.digest.fold_both(both(person.0, kept.target), follows.into());
        if counts && was_mutual != follows {
            self.tell_audience(actor, level, was_mutual, -1);
            self.tell_audience(actor, level, follows, 1);
        }
        if wants_answer {
            self.tell_follow(person, actor, true, false);
        }
    }

    /// A follower's level has changed: all whom they follow hear of it.
    pub(crate) fn announce_level(&mut self, person: PersonId, level: u32) {
        let account = self.accounts.open(person);
        let before = std::mem::replace(&mut account.level, level);
        account.level_at = self.now;
        let row = account.follows;
        self.step.levels_changed += 1;
        self.step.digest.fold(both(person.0, level));
        self.step.edges_left -= i64::from(row.len());
        let follows: Vec<Follow> = self.follows.slots(row).iter().copied().filter(Follow::counts).collect();
        for follow in follows {
            let target = Target::unpack(follow.target);
            self.tell_audience(target, before, follow.is_mutual(), -1);
            self.tell_audience(target, level, follow.is_mutual(), 1);
        }
    }
}
