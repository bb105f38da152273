//! The sweep: visits everybody in turn, forgets what is older than the window, announces levels, and has looked at
//! again what ageing alone has moved.

use crate::account::Account;
use crate::digest::both;
use crate::id::{PersonId, StandingId};
use crate::people::{Flag, Target};
use crate::row::{NOBODY, Slot};
use crate::shard::Shard;
use crate::standing::Mark;
use vocabulary::{Removal, Timestamp};

/// How far an unfollow may lie ahead of the clock when it is remembered, with room.
const UNFOLLOW_AHEAD_MS: Timestamp = 600_000;

impl Shard {
    /// Visits so many people, or fewer if the budget of edges is spent; at least one.
    pub(crate) fn sweep(&mut self, visits: u32) {
        if self.now == Timestamp::MIN {
            // There have been profiles only.
            return;
        }
        let people = self.people.persons.next_key();
        for visit in 0..visits.min(people.0) {
            if visit > 0 && self.step.edges_left <= 0 {
                break;
            }
            if self.cursor >= people {
                self.cursor = PersonId(0);
                self.rounds = self.rounds.wrapping_add(1);
            }
            self.visit(self.cursor);
            self.cursor.0 += 1;
            self.step.visits += 1;
        }
    }

    fn visit(&mut self, person: PersonId) {
        if self.people.persons[person].is_free() {
            return;
        }
        self.forget_stale(person);
        if self.step.refines {
            self.check(person);
        }
        if self.people.persons[person].is(Flag::Account) {
            if self.renewals.has_left() {
                self.forget_left_follows(person);
            }
            self.forget_unfollows(person);
            self.review_level(person);
        }
        if !self.blocks.is_empty() && self.renewals.has_left() {
            self.forget_left_blocks(person);
        }
        self.forget_silent(person);
        if self.has_nothing_left(person) {
            self.forget_person(person);
        } else if let Some(standing) = self.people.persons[person].standing() {
            self.step.swept.push(standing);
        }
    }

    /// Takes the record of a rated person back whom nobody has acted on for as long as the model says, and gives an
    /// account up that says nothing.
    fn forget_silent(&mut self, person: PersonId) {
        let Some(after_ms) = self.model.forget_after_ms else { return };
        let kept = self.people.persons[person];
        let account = self.accounts.get(person);
        if kept.is(Flag::Account) && account.is_some_and(Account::is_idle) {
            self.close_account(person);
        }
        let Some(standing) = kept.standing() else { return };
        let received = self.targets.standings[standing];
        let has_followers = self.accounts.get(person).is_some_and(|account| account.followers() > 0);
        if !received.has(Mark::Rated) && received.fans == 0 && !has_followers {
            return;
        }
        if received.fans > 0 || has_followers {
            return self.targets.is_not_silent(standing);
        }
        if self.now.saturating_sub(self.targets.silent_since(standing, self.now)) < after_ms {
            return;
        }
        self.step.digest.fold(both(person.0, standing.0));
        self.erase_record(person, Removal::Silent);
        self.targets.make_nameless(standing);
        self.targets.standings[standing].unmark(Mark::Nameless);
    }

    fn close_account(&mut self, person: PersonId) {
        self.accounts.close(person);
        let kept = &mut self.people.persons[person];
        kept.set(Flag::Account, false);
        if let Some(standing) = kept.standing() {
            self.targets.standings[standing].unmark(Mark::Account);
        }
    }

    /// Whether everything would be the same if this person came anew: nothing given inside the window, not rated, and
    /// nothing that a profile says.
    fn has_nothing_left(&mut self, person: PersonId) -> bool {
        let kept = self.people.persons[person];
        let stays = [Flag::Queued, Flag::Account, Flag::OptedOut, Flag::Vouched];
        if kept.row.len() > 0 || stays.into_iter().any(|flag| kept.is(flag)) {
            return false;
        }
        if !self.blocks.is_empty() && self.blocks.has_any(person) {
            return false;
        }
        // What other shards tell before they hear that somebody is forgotten is lost: only who wants that has it.
        if kept.is(Flag::Told) && self.model.forget_after_ms.is_none() {
            return false;
        }
        let received_nothing = kept.standing().is_none_or(|standing| {
            let standing = &self.targets.standings[standing];
            !standing.has(Mark::Rated) && standing.fans == 0 && !standing.is_listed()
        });
        received_nothing
            && (kept.liveness == 0.0 || self.is_stale(kept.liveness))
            && !self.renewals.is_awaited(kept.key)
            && kept.standing().is_none_or(|standing| self.is_named_by_no_unfollow(standing))
    }

    /// An unfollow of somebody who has received nothing is remembered for the window, counted from the last one.
    fn is_named_by_no_unfollow(&mut self, standing: StandingId) -> bool {
        let since = self.targets.silent_since(standing, self.now);
        self.now.saturating_sub(since) > self.model.window_ms.saturating_add(UNFOLLOW_AHEAD_MS)
    }

    /// An unfollow may still name the standing: it is left behind until the sweep has been everywhere.
    fn forget_person(&mut self, person: PersonId) {
        if let Some(standing) = self.people.persons[person].standing() {
            self.targets.standings[standing].leave();
            self.leave_behind(Target::Here(standing));
        }
        self.step.digest.fold(both(person.0, u32::MAX));
        let kept = self.people.persons[person];
        if kept.is(Flag::Told) {
            self.tell_others(kept.key);
        }
        self.people.forget_person(person);
        self.step.forgotten += 1;
    }

    /// Forgets the person's edges that are older than the window, or to somebody who has left them behind.
    pub(crate) fn forget_stale(&mut self, person: PersonId) {
        let row = self.people.persons[person].row;
        let edge_of_window = self.window_edge(self.now);
        let (has_left, renewals) = (self.renewals.has_left(), &self.renewals);
        let is_stale = |edge: &&crate::edge::Edge| {
            edge.target() != NOBODY && (edge.last < edge_of_window || has_left && renewals.is_left(edge.target()))
        };
        let stale: Vec<u32> = self.edges.slots(row).iter().filter(is_stale).map(|edge| edge.target).collect();
        if stale.is_empty() {
            return;
        }
        for target in stale {
            if let Some(place) = self.edges.find(self.people.persons[person].row, target) {
                self.forget(person, place);
            }
        }
        self.settle_contacts();
        // After many subtractions from an `f32` little of it may be right.
        let kept = &mut self.people.persons[person];
        kept.handed_out = self.edges.slots(kept.row).iter().map(|edge| edge.weight()).sum::<f64>() as f32;
        self.step.digest.fold(both(person.0, kept.handed_out.to_bits()));
        self.check(person);
    }

    /// Who was followed has opted in again since: the follow is no more.
    fn forget_left_follows(&mut self, person: PersonId) {
        let Some(account) = self.accounts.get(person) else { return };
        let slots = self.follows.slots(account.follows);
        let left: Vec<crate::account::Follow> =
            slots.iter().copied().filter(|follow| self.renewals.is_left(follow.target)).collect();
        for follow in left {
            let Some(account) = self.accounts.get_mut(person) else { return };
            account.following = account.following.saturating_sub(follow.follows().into());
            let place = self.follows.find(account.follows, follow.target);
            if let Some(place) = place {
                self.drop_follow(person, place);
            }
            if let Some(standing) = self.people.persons[person].standing() {
                self.targets.standings[standing].mark(Mark::Unsaid);
            }
        }
    }

    /// An unfollow is remembered for the window.
    fn forget_unfollows(&mut self, person: PersonId) {
        let Some(account) = self.accounts.get(person) else { return };
        let row = account.follows;
        let is_old =
            |follow: &&crate::account::Follow| follow.target != NOBODY && !follow.follows() && self.is_late(follow.at);
        let old: Vec<u32> = self.follows.slots(row).iter().filter(is_old).map(|follow| follow.target).collect();
        for target in old {
            let Some(account) = self.accounts.get(person) else { return };
            if let Some(place) = self.follows.find(account.follows, target) {
                self.drop_follow(person, place);
            }
        }
    }

    /// Announces the level of somebody who follows others, at most once an hour unless levels are free.
    fn review_level(&mut self, person: PersonId) {
        let Some(account) = self.accounts.get(person) else { return };
        let (held, level_at, follows_nobody) = (account.level, account.level_at, account.following == 0);
        let is_due = level_at == Timestamp::MIN || self.now >= level_at.saturating_add(self.model.level_pause_ms);
        if follows_nobody && held == 0 || !(is_due || self.step.frees_levels) {
            return;
        }
        let level = self.level(person);
        if level != held {
            self.announce_level(person, level);
        }
    }

    /// The level that this person has earned as a follower.
    fn level(&mut self, person: PersonId) -> u32 {
        let kept = self.people.persons[person];
        let Some(standing) = kept.standing() else { return 0 };
        let is_endorsed = self.targets.standings[standing].fans > 0;
        let is_suspended = self.accounts.get(person).is_some_and(Account::is_suspended);
        if !is_endorsed || is_suspended || kept.liveness == 0.0 || self.is_stale(kept.liveness) {
            return 0;
        }
        let score = self.scale.score(self.influence(standing));
        self.accounts.get(person).map_or(0, |account| account.level_for(score, self.step.frees_levels))
    }
}
