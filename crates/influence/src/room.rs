//! Room: how many votes strangers can have, and who is a stranger.
//!
//! Fans whom nobody has known for long count together for some fifty votes, and for about two each, divided over all on
//! whom they act; each fan who is known makes room for fifty more. Known is whoever has acted for a half-life, or came
//! in the first half-life of the world, or is vouched for by a profile. All of it is made of acts only, never of
//! influence: one more act raises the room of its receiver and lowers nobody's but through what its actor hands out.

use crate::model::{Room, TIME_MAX};
use crate::people::{Flag, KNOWN, NEVER, PersonId};
use crate::shard::Shard;
use vocabulary::{Profile, Timestamp};

impl Room {
    /// `B = min(n0 P, m D) + c V`, never below 0.
    #[inline]
    pub(crate) fn votes(&self, newest: f64, whole: f64, known: f64) -> f64 {
        (self.n0 * newest).min(self.m * whole).max(0.0) + self.c * known.max(0.0)
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
        self.people.persons[person as usize].first <= self.founders_until
    }

    /// An own act. Once they span a half-life the account is known, for as long as it does not pause for a whole window.
    #[inline]
    pub(crate) fn note_act(&mut self, actor: PersonId, at: Timestamp) {
        let counted = self.model.room.lateness_ms.map_or(at, |late_ms| at.max(self.now.saturating_sub(late_ms)));
        if counted < self.genesis {
            self.take_genesis(counted);
        }
        let kept = self.people.persons[actor as usize];
        let has_paused = self.is_stale(kept.liveness) && !kept.is(Flag::Vouched);
        if kept.first != KNOWN || has_paused {
            self.note_act_of_stranger(actor, at, counted, has_paused);
        }
    }

    fn note_act_of_stranger(&mut self, actor: PersonId, at: Timestamp, counted: Timestamp, has_paused: bool) {
        let before = if has_paused { NEVER } else { self.people.persons[actor as usize].first };
        let first = before.min(counted);
        // Nothing that lies ahead of the clock makes an account older.
        let spans = at.min(self.now) >= first.saturating_add(self.model.half_life_ms)
            || first < before && before != NEVER && self.has_acted_since(actor, first);
        self.set_first(actor, if spans { KNOWN } else { first });
    }

    /// Whether the newest own act lies a half-life behind this time, as far as `g` tells.
    fn has_acted_since(&self, person: PersonId, first: Timestamp) -> bool {
        let newest = f64::from(self.people.persons[person as usize].liveness);
        let known_from = first.saturating_add(self.model.half_life_ms);
        newest > 0.0 && self.now >= known_from && newest >= f64::from(self.growth.at(known_from, self.landmark) as f32)
    }

    fn set_first(&mut self, person: PersonId, first: Timestamp) {
        self.people.persons[person as usize].first = first;
        self.step.digest.fold_both(u64::from(person), first as u64);
    }

    /// What a profile says about the account's age: it counts like a first act, and is not forgotten.
    pub(crate) fn take_age(&mut self, person: PersonId, profile: &Profile<'_>) {
        let created = profile.created.map(|created| created.clamp(-TIME_MAX, TIME_MAX));
        let before = self.people.persons[person as usize].first;
        let first = if profile.is_verified { KNOWN } else { before.min(created.unwrap_or(NEVER)) };
        if created.is_none() && !profile.is_verified {
            return;
        }
        self.people.persons[person as usize].set(Flag::Vouched, true);
        let spans = first < before && first != KNOWN && self.has_acted_since(person, first);
        self.set_first(person, if spans { KNOWN } else { first });
    }

    /// The world is older than was known: who came in the half-life after its first act is a founder, and known.
    pub(crate) fn take_genesis(&mut self, genesis: Timestamp) {
        if genesis < self.genesis {
            self.step.founders_until.get_or_insert(self.founders_until);
            self.set_genesis(genesis);
        }
    }

    /// Looks at those who are founders no more.
    pub(crate) fn review_founders(&mut self) {
        let Some(until) = self.step.founders_until else { return };
        self.step.digest.fold_both(self.genesis as u64, until as u64);
        for person in 0..self.people.persons.len() as PersonId {
            let first = self.people.persons[person as usize].first;
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
