//! Room: how many votes strangers can have, and who is a stranger.
//!
//! Fans whom nobody has known for long count together for some fifty votes, and for about two each, divided over all on
//! whom they act; each fan who is known makes room for fifty more. Known is whoever has acted for a half-life, or came
//! in the first half-life of the world, or is vouched for by a profile. All of it is made of acts only, never of
//! influence: one more act raises the room of its receiver and lowers nobody's but through what its actor hands out.

use crate::id::PersonId;
use crate::model::{Room, TIME_MAX};
use crate::people::{Flag, KNOWN, NEVER, Share};
use crate::shard::Shard;
use vocabulary::{Profile, Timestamp};

impl Room {
    /// `B = min(n0 P, m D) + c V`, never below 0.
    #[inline]
    pub(crate) fn votes(&self, newest: f64, whole: f64, known: f64) -> f64 {
        (self.n0 * newest).min(self.m * whole).max(0.0) + self.c * known.max(0.0)
    }

    /// Room that one unit of weight of such a fan makes at most.
    #[inline]
    pub(crate) fn of_one(&self, share: Share) -> f64 {
        self.m * share.whole() + self.c * share.known()
    }
}

/// `(z^-4 + b^-4)^(-1/4)`: the smaller one, and less where both are near.
#[inline]
pub(crate) fn bounded(votes: f64, room: f64) -> f64 {
    let (squared, room_squared) = (votes * votes, room * room);
    let sum = squared * squared + room_squared * room_squared;
    if (1e-250..1e250).contains(&sum) {
        // The quotient is 0.84 to 1.
        votes.min(room) * (votes.max(room) / sum.sqrt().sqrt())
    } else {
        bounded_far(votes, room)
    }
}

/// The same for numbers whose fourth powers are none.
#[cold]
fn bounded_far(votes: f64, room: f64) -> f64 {
    if votes <= 0.0 || room <= 0.0 {
        return 0.0;
    }
    let ratio = votes / room;
    if ratio > 1e5 {
        return room;
    }
    let squared = ratio * ratio;
    votes / (1.0 + squared * squared).sqrt().sqrt()
}

impl Shard {
    /// Whether people who have been around know this one: `q`.
    #[inline]
    pub(crate) fn is_known(&self, person: PersonId) -> bool {
        self.people.persons[person].first <= self.founders_until
    }

    /// An own act. Once they span a half-life the account is known, for as long as it does not pause for a whole window.
    /// Where the clock is live, an act that is dated back is as old as it may be late.
    #[inline]
    pub(crate) fn note_act(&mut self, actor: PersonId, at: Timestamp) {
        let counted = self.model.room.lateness_ms.map_or(at, |late_ms| at.max(self.now.saturating_sub(late_ms)));
        if counted < self.genesis {
            self.take_genesis(counted);
        }
        let kept = self.people.persons[actor];
        if kept.first != KNOWN || !kept.is(Flag::Vouched) && self.is_stale(kept.liveness) {
            // Nothing that lies ahead of the clock makes an account older.
            self.note_act_of_stranger(actor, counted.min(self.now));
        }
    }

    fn note_act_of_stranger(&mut self, actor: PersonId, counted: Timestamp) {
        let newest = self.newest_act(actor);
        let is_vouched = self.people.persons[actor].is(Flag::Vouched);
        let before = if newest.is_some() || is_vouched { self.people.persons[actor].first } else { NEVER };
        self.set_age(actor, before.min(counted), Some(newest.map_or(counted, |newest| newest.max(counted))));
    }

    /// The newest own act, as far as it counts for the age; of somebody who is known it is not kept.
    fn newest_act(&mut self, person: PersonId) -> Option<Timestamp> {
        let kept = self.people.persons[person];
        let is_kept = kept.liveness > 0.0 && kept.first != NEVER && kept.first != KNOWN;
        let span_ms = Timestamp::from(kept.span).saturating_mul(self.model.span_unit_ms());
        (is_kept && !self.is_stale(kept.liveness)).then(|| kept.first.saturating_add(span_ms))
    }

    fn set_age(&mut self, person: PersonId, first: Timestamp, newest: Option<Timestamp>) {
        let span_ms = newest.map_or(0, |newest| newest.saturating_sub(first).max(0));
        let is_known = first == KNOWN || span_ms >= self.model.half_life_ms;
        let kept = &mut self.people.persons[person];
        kept.first = if is_known { KNOWN } else { first };
        kept.span = match self.model.span_unit_ms() {
            _ if is_known => 0,
            // Half-lives of up to 49 days: no division for each act.
            1 => span_ms as u32,
            unit_ms => (span_ms / unit_ms) as u32,
        };
        self.step.digest.fold_both(u64::from(person) << 32 | u64::from(kept.span), kept.first as u64);
    }

    /// What a profile says about the account's age: it counts like a first act, and is not forgotten.
    pub(crate) fn take_age(&mut self, person: PersonId, profile: &Profile<'_>) {
        let created = profile.created.map(|created| created.clamp(-TIME_MAX, TIME_MAX));
        if created.is_none() && !profile.is_verified {
            return;
        }
        let kept = self.people.persons[person];
        let has_paused = !kept.is(Flag::Vouched) && (kept.liveness == 0.0 || self.is_stale(kept.liveness));
        let newest = self.newest_act(person);
        let before = if has_paused { NEVER } else { kept.first };
        self.people.persons[person].set(Flag::Vouched, true);
        let first = if profile.is_verified { KNOWN } else { before.min(created.unwrap_or(NEVER)) };
        self.set_age(person, first, newest);
    }

    /// The world is older than was known: who came in the half-life after its first act is a founder, and known.
    pub(crate) fn take_genesis(&mut self, genesis: Timestamp) {
        if genesis < self.genesis {
            // The first act of all makes founders, so what was until then is not always the latest.
            self.step.founders_until = self.step.founders_until.max(Some(self.founders_until));
            self.set_genesis(genesis);
        }
    }

    /// Looks at those who are founders no more.
    pub(crate) fn review_founders(&mut self) {
        let Some(until) = self.step.founders_until else { return };
        self.step.digest.fold_both(self.genesis as u64, until as u64);
        for person in self.people.persons.keys() {
            let first = self.people.persons[person].first;
            if first <= until && first > self.founders_until {
                self.check(person);
            }
        }
    }

    pub(crate) fn set_genesis(&mut self, genesis: Timestamp) {
        self.genesis = genesis;
        let is_some = genesis != Timestamp::MAX;
        self.founders_until = if is_some { genesis.saturating_add(self.model.half_life_ms) } else { KNOWN };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `A` for lone fans whose acts are all of one moment.
    fn votes(fans: f64, known: f64) -> f64 {
        bounded(fans, Room::default().votes(1.0, fans, known))
    }

    #[test]
    fn strangers_have_room_for_fifty_votes_and_each_known_fan_for_fifty_more() {
        let near = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-6, "{found} {expected}");
        near(votes(30.0, 0.0), 29.0998);
        near(votes(100.0, 0.0), 49.24791);
        near(votes(1_000.0, 0.0), 49.99992);
        near(votes(100.0, 2.0), 95.59349);
        assert_eq!(votes(0.0, 0.0), 0.0);
    }

    #[test]
    fn what_is_bounded_rises_with_both_and_stays_below_both() {
        let sizes = [0.0, 1e-300, 1e-80, 1e-3, 0.7, 1.0, 1.8, 50.0, 1e9, 1e61, 1e63, 1e100, 1e200];
        for votes in sizes {
            let mut last = 0.0;
            for room in sizes {
                let found = bounded(votes, room);
                assert!((0.0..=votes.min(room) * (1.0 + 1e-15)).contains(&found), "{votes} {room}: {found}");
                assert!(found >= last * (1.0 - 1e-15), "{votes} {room}: {found} after {last}");
                assert!((found - bounded(room, votes)).abs() <= 1e-14 * found, "{votes} {room}");
                last = found;
            }
        }
    }
}
