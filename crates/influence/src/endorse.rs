//! An act that endorses: it changes one edge, and by that its target's sums.

use crate::digest::both;
use crate::edge::Edge;
use crate::exchange::Change;
use crate::people::{Flag, Known, PersonId, StandingId, Target};
use crate::row::Slot;
use crate::shard::Shard;
use crate::standing::Mark;
use vocabulary::{Counts, Kind, Timestamp};

/// An actor whose rate is off by more than this has it pushed before the act counts: otherwise a fresh weight would
/// be multiplied by a stale rate, a visible spike and then cancellation.
const STALE_RATE: f32 = 1.5;

impl Shard {
    /// Takes a mention, retweet or reply.
    pub(crate) fn endorse(&mut self, actor: PersonId, target: Known, kind: Kind, endorsement: f64, at: Timestamp) {
        let target = self.target(target);
        let received = Counts::from([(kind, 1)]);
        if self.is_late(at) {
            self.step.taken.late += 1;
            let change = Change { received, ..Change::default() };
            return self.targets.give_to(&mut self.people.remotes, target, &change);
        }
        let g = self.growth.at(at.min(self.now.saturating_add(self.ahead_max_ms)), self.landmark);
        let place = self.fresh_edge(actor, target);
        if place.is_none() && !self.edges.has_room(self.people.persons[actor as usize].row) {
            return self.step.taken.refuse(kind);
        }
        let before = place.map_or(Edge { target: target.pack(), ..Edge::EMPTY }, |place| *self.edges.at(place));
        let mut after = before;
        after.add(endorsement * g, g);
        let weight_before = if place.is_some() { before.weight() } else { 0.0 };
        let weight_after = after.weight();
        let person = &mut self.people.persons[actor as usize];
        person.liveness = person.liveness.max(g as f32);
        let rate = self.ready_rate(actor, weight_after - weight_before);
        let published = f64::from(self.people.persons[actor as usize].rate);
        let change = Change {
            given: published * (weight_after - weight_before),
            returned: published * (weight_after * after.reciprocity() - weight_before * before.reciprocity()),
            reach: f64::from(after.last) - f64::from(before.last),
            weight: weight_after - weight_before,
            fans: i32::from(place.is_none()),
            received,
        };
        self.targets.give_to(&mut self.people.remotes, target, &change);
        let digest = &mut self.step.digest;
        let person = &self.people.persons[actor as usize];
        digest.fold_both(after.endorsement.to_bits(), both(after.target, after.last.to_bits()));
        digest.fold_both(
            both(actor, after.returned.to_bits()),
            both(person.handed_out.to_bits(), person.liveness.to_bits()),
        );
        self.keep(actor, place, after);
        self.enqueue_if_off(actor, rate);
    }

    /// The rate with the act in it; pushed at once if the published one is far off. Adds the act's weight to `R`.
    #[inline]
    fn ready_rate(&mut self, actor: PersonId, grown: f64) -> f32 {
        let handed_out = f64::from(self.people.persons[actor as usize].handed_out) + grown;
        let rate = self.rate(actor, handed_out);
        let published = self.people.persons[actor as usize].rate;
        if rate > STALE_RATE * published || published > STALE_RATE * rate {
            self.push_row(actor, Some(rate));
        }
        let person = &mut self.people.persons[actor as usize];
        person.handed_out = (f64::from(person.handed_out) + grown) as f32;
        rate
    }

    /// Writes the edge, and tells the target's side what it should know of it.
    #[inline]
    fn keep(&mut self, actor: PersonId, place: Option<usize>, edge: Edge) {
        match place {
            Some(place) => {
                *self.edges.at_mut(place) = edge;
                if edge.is_worth_telling(self.model.contact_growth) {
                    self.tell(actor, place, false);
                }
            }
            None => {
                let place = self.edges.insert(&mut self.people.persons[actor as usize].row, edge);
                self.tell(actor, place, true);
            }
        }
    }

    /// Where the actor's row keeps the target. An edge older than the window is forgotten first, and begun anew.
    #[inline]
    fn fresh_edge(&mut self, actor: PersonId, target: Target) -> Option<usize> {
        let place = self.edges.find(self.people.persons[actor as usize].row, target.pack())?;
        if self.is_stale(self.edges.at(place).last) {
            self.forget(actor, place);
            return None;
        }
        Some(place)
    }

    /// Removes an edge, takes back what it gave, and tells the other side.
    pub(crate) fn forget(&mut self, actor: PersonId, place: usize) {
        let edge = *self.edges.at(place);
        let person = &mut self.people.persons[actor as usize];
        let (rate, weight) = (f64::from(person.rate), edge.weight());
        let change = Change {
            given: -rate * weight,
            returned: -rate * weight * edge.reciprocity(),
            reach: -f64::from(edge.last),
            weight: -weight,
            fans: -1,
            received: Counts::default(),
        };
        self.step.digest.fold_both(both(actor, edge.target), edge.endorsement.to_bits());
        self.edges.remove(&mut person.row, place);
        if person.row.len() == 0 {
            // Nobody is left to whom the rate was published.
            (person.handed_out, person.rate) = (0.0, 0.0);
        } else {
            person.handed_out = (f64::from(person.handed_out) - weight).max(0.0) as f32;
        }
        let target = Target::unpack(edge.target);
        self.targets.give_to(&mut self.people.remotes, target, &change);
        self.send_contact(actor, target, 0.0, false);
    }

    /// `y = (s (S + A) / R)^(1/2)`: what one unit of the person's weight is worth; 0 for who hands out nothing.
    #[inline]
    pub(crate) fn rate(&self, person: PersonId, handed_out: f64) -> f32 {
        if handed_out <= 0.0 {
            return 0.0;
        }
        let kept = &self.people.persons[person as usize];
        let earned = kept.standing().map_or(0.0, |standing| self.earned(standing).votes);
        let trust = if kept.is(Flag::Account) { self.trust(person) } else { 1.0 };
        let liveness = f64::from(kept.liveness);
        (trust * (liveness + earned) / handed_out).sqrt().min(f64::from(f32::MAX)) as f32
    }

    #[inline]
    pub(crate) fn earned(&self, standing: StandingId) -> crate::standing::Earned {
        self.targets.standings[standing as usize].earned(self.model.rho)
    }

    pub(crate) fn trust(&self, person: PersonId) -> f64 {
        self.accounts.get(person).map_or(1.0, |account| account.trust)
    }

    #[inline]
    pub(crate) fn has_opted_out(&self, person: PersonId) -> bool {
        self.people.persons[person as usize].is(Flag::OptedOut)
    }

    /// Somebody as rows keep them; who is acted upon for the first time gets a standing.
    #[inline]
    pub(crate) fn target(&mut self, known: Known) -> Target {
        match known {
            Known::Here(person) => Target::Here(self.standing(person)),
            Known::Away(remote) => Target::Away(remote),
        }
    }

    #[inline]
    pub(crate) fn standing(&mut self, person: PersonId) -> StandingId {
        let kept = &mut self.people.persons[person as usize];
        kept.standing().unwrap_or_else(|| {
            let standing = self.targets.add(person);
            kept.set_standing(standing);
            if kept.is(Flag::Account) {
                self.targets.standings[standing as usize].mark(Mark::Account);
            }
            standing
        })
    }
}
