//! The stream of a world's acts, one slot in time after the other.
//!
//! Memory is for the users only: the two popularities, and pending answers, at most one for each user.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use vocabulary::{Kind, Timestamp};

use crate::bursts::Bursts;
use crate::chance::{Chance, Purpose};
use crate::follows::Follows;
use crate::popularity::Popularity;
use crate::{Act, World};

/// An answer comes within a quarter of an hour, and within a twentieth of the span of a very short world.
const ANSWER_MS_MAX: i64 = 15 * 60 * 1000;
const ANSWER_SPAN_DIVISOR: i64 = 20;

/// How many answers are replies; the others are mentions.
const ANSWER_REPLIES: f64 = 0.75;

/// Of the follows, the share that ends one and the share that returns one.
const UNFOLLOWS: f64 = 0.1;
const FOLLOWS_BACK: f64 = 0.2;

/// How often another target is drawn before the next user is taken: only a steep exponent needs more.
const TARGET_DRAWS: u32 = 32;

/// A world's events in the order of their delivery, users as numbers.
#[derive(Clone, Debug)]
pub struct Acts {
    world: World,
    chance: Chance,
    actors: Popularity,
    targets: Popularity,
    bursts: Bursts,
    follows: Follows,
    /// The next answer on top.
    answers: BinaryHeap<Reverse<Answer>>,
    /// The share of answerable events that are answered, so that answers have theirs of all.
    answered: f64,
    slot: u64,
    slot_ms: f64,
    /// The undelayed time of the newest act.
    now: Timestamp,
}

/// A pending answer; ordered by when it is due, by all else only so that the order is total.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Answer {
    due: Timestamp,
    asked_at: Timestamp,
    actor: u32,
    target: u32,
}

impl Acts {
    /// The world must have passed its check.
    pub(crate) fn new(world: &World) -> Acts {
        let popularity = |exponent, purpose| Popularity::zipf(world.users, exponent, Chance::new(world.seed, purpose));
        let answerable = 1.0 - world.follows - world.self_acts;
        Acts {
            chance: Chance::new(world.seed, Purpose::Acts),
            actors: popularity(world.actor_exponent, Purpose::ActorPopularity),
            targets: popularity(world.target_exponent, Purpose::TargetPopularity),
            bursts: Bursts::new(world.bursts, world.users, world.start, world.span_ms, world.seed),
            follows: Follows::default(),
            answers: BinaryHeap::new(),
            answered: if answerable > 0.0 { world.conversations / answerable } else { 0.0 },
            slot: 0,
            slot_ms: world.span_ms as f64 / world.events.max(1) as f64,
            now: world.start,
            world: world.clone(),
        }
    }

    /// The slots tile the span; an act falls anywhere within its own.
    fn slot_time(&mut self) -> Timestamp {
        let offset_ms = (self.slot as f64 + self.chance.fraction()) * self.slot_ms;
        self.world.start + (offset_ms as i64).min(self.world.span_ms - 1)
    }

    /// The answer that takes this slot: one that is due, or the first one if as many are pending as there are users.
    fn pending_answer(&mut self, at: Timestamp) -> Option<Act> {
        let Reverse(answer) = *self.answers.peek()?;
        if answer.due > at && self.answers.len() < self.world.users as usize {
            return None;
        }
        self.answers.pop();
        self.now = answer.due.clamp(self.now, at);
        let kind = if self.chance.happens(ANSWER_REPLIES) { Kind::Reply } else { Kind::Mention };
        let Answer { actor, target, asked_at, .. } = answer;
        let at = self.delayed(asked_at);
        self.plan_answer(actor, target);
        Some(Act { actor, target, kind, at })
    }

    /// An act that answers none.
    fn fresh(&mut self, at: Timestamp) -> Act {
        self.now = at;
        let World { conversations, follows, self_acts, .. } = self.world;
        let at = self.delayed(self.world.start);
        if follows + self_acts > 0.0 {
            let place = self.chance.fraction() * (1.0 - conversations);
            if place < follows {
                return self.follow(at);
            } else if place < follows + self_acts {
                return self.self_act(at);
            }
        }
        let (actor, target) = self.pair();
        self.plan_answer(actor, target);
        let kind = self.world.mix.kind(self.chance.fraction());
        Act { actor, target, kind, at }
    }

    fn self_act(&mut self, at: Timestamp) -> Act {
        let user = self.actors.draw();
        let kind = self.world.mix.kind(self.chance.fraction());
        Act { actor: user, target: user, kind, at }
    }

    fn follow(&mut self, at: Timestamp) -> Act {
        let place = self.chance.fraction();
        if place < UNFOLLOWS
            && let Some((actor, target)) = self.follows.take_any(&mut self.chance)
        {
            return Act { actor, target, kind: Kind::Unfollow, at };
        }
        let back = if place < UNFOLLOWS + FOLLOWS_BACK { self.follows.any(&mut self.chance) } else { None };
        let (actor, target) = match back {
            Some((follower, followed)) => (followed, follower),
            None => self.pair(),
        };
        self.follows.remember(actor, target, &mut self.chance);
        Act { actor, target, kind: Kind::Follow, at }
    }

    /// Two different users, the target popular or in a burst.
    fn pair(&mut self) -> (u32, u32) {
        let actor = self.actors.draw();
        if let Some(target) = self.bursts.target(self.now, &mut self.chance)
            && target != actor
        {
            return (actor, target);
        }
        for _ in 0..TARGET_DRAWS {
            let target = self.targets.draw();
            if target != actor {
                return (actor, target);
            }
        }
        (actor, (actor + 1) % self.world.users)
    }

    /// Lets the target answer the actor, maybe, some minutes from now.
    fn plan_answer(&mut self, actor: u32, target: u32) {
        if self.chance.happens(self.answered) {
            let wait_ms_max = (self.world.span_ms / ANSWER_SPAN_DIVISOR).clamp(1, ANSWER_MS_MAX);
            let wait_ms = 1 + self.chance.below(wait_ms_max as u64) as i64;
            self.answers.push(Reverse(Answer {
                due: self.now.saturating_add(wait_ms),
                asked_at: self.now,
                actor: target,
                target: actor,
            }));
        }
    }

    /// When the act that is delivered now was done. A late one was done earlier, rather than being held back: that needs
    /// no memory. None is earlier than `earliest`: what it answers, or the start.
    fn delayed(&mut self, earliest: Timestamp) -> Timestamp {
        if !self.chance.happens(self.world.out_of_order) {
            return self.now;
        }
        let delay_ms = 1 + self.chance.below(self.world.delay_ms_max as u64) as i64;
        self.now.saturating_sub(delay_ms).max(earliest)
    }
}

impl Iterator for Acts {
    type Item = Act;

    fn next(&mut self) -> Option<Act> {
        if self.slot == self.world.events {
            return None;
        }
        let at = self.slot_time();
        self.slot += 1;
        let answer = self.pending_answer(at);
        Some(answer.unwrap_or_else(|| self.fresh(at)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.world.events - self.slot).ok();
        (left.unwrap_or(usize::MAX), left)
    }
}
