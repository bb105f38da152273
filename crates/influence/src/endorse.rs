//! An act that endorses: it changes one edge, and by that its target's sums.

use crate::credit::Given;
use crate::digest::both;
use crate::edge::Edge;
use crate::exchange::Change;
use crate::id::{PersonId, StandingId};
use crate::people::{Flag, Known, Share, Target};
use crate::row::Slot;
use crate::shard::Shard;
use crate::standing::Mark;
use vocabulary::{Counts, Kind, Timestamp};

/// An actor whose rate is off by more than this has it pushed before the act counts: otherwise a fresh weight would
/// be multiplied by a stale rate, a visible spike and then cancellation.
const STALE_RATE: f32 = 1.5;

/// What an actor's targets are told of one unit of its weight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    /// `y = (s (S + A) / R)^(1/2)`: what it is worth.
    pub(crate) rate: f32,
    /// `z = s S / R`: its share of the actor's one whole vote, and whether the actor is known.
    pub(crate) share: Share,
}

impl Shard {
    /// Takes a mention, retweet or reply.
    pub(crate) fn endorse(&mut self, actor: PersonId, target: Known, kind: Kind, endorsement: f64, at: Timestamp) {
        let target = self.target(target);
        if self.is_late(at) {
            self.step.taken.late += 1;
            return self.targets.give_act(&mut self.people.remotes, target, &Change::default(), kind);
        }
        let at_most = at.min(self.now.saturating_add(self.ahead_max_ms));
        let g = self.growth.at(at_most, self.landmark);
        let place = self.fresh_edge(actor, target);
        if place.is_none() && !self.edges.has_room(self.people.persons[actor].row) {
            return self.step.taken.refuse(kind);
        }
        let before = place.map_or(Edge { target: target.pack(), ..Edge::EMPTY }, |place| *self.edges.at(place));
        let mut after = before;
        after.add(endorsement * g, g);
        let weight_before = if place.is_some() { before.weight() } else { 0.0 };
        let weight_after = after.weight();
        self.note_act(actor, at);
        let person = &mut self.people.persons[actor];
        person.liveness = person.liveness.max(g as f32);
        let grown = weight_after - weight_before;
        let rates = self.ready_rates(actor, grown);
        let person = &self.people.persons[actor];
        let (published, share) = (f64::from(person.rate), person.share);
        let change = Change {
            given: published * grown,
            returned: published * (weight_after * after.reciprocity() - weight_before * before.reciprocity()),
            reach: f64::from(after.last) - f64::from(before.last),
            weight: grown,
            whole: share.whole() * grown,
            known: share.known() * grown,
            newest: g as f32,
            fans: i32::from(place.is_none()),
            received: Counts::default(),
        };
        self.targets.give_act(&mut self.people.remotes, target, &change, kind);
        if self.step.wants_credits {
            self.note_credit(Given { actor, target, kind, at: at_most, g }, &change);
        }
        let digest = &mut self.step.digest;
        let person = &self.people.persons[actor];
        digest.fold_both(after.endorsement.to_bits(), both(after.target, after.last.to_bits()));
        digest.fold_both(
            both(actor.0, after.returned.to_bits()),
            both(person.handed_out.to_bits(), person.liveness.to_bits()) ^ u64::from(person.share.to_bits()) << 16,
        );
        self.keep(actor, place, after);
        self.enqueue_if_off(actor, rates);
    }

    /// The rates with the act in them; pushed at once if the published one is far off. Adds the act's weight to `R`.
    #[inline]
    fn ready_rates(&mut self, actor: PersonId, grown: f64) -> Rates {
        let handed_out = f64::from(self.people.persons[actor].handed_out) + grown;
        let rates = self.rates(actor, handed_out);
        let published = self.people.persons[actor].rate;
        if rates.rate > STALE_RATE * published || published > STALE_RATE * rates.rate {
            self.push_row(actor, Some(rates));
        }
        let person = &mut self.people.persons[actor];
        person.handed_out = (f64::from(person.handed_out) + grown) as f32;
        rates
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
                let place = self.edges.insert(&mut self.people.persons[actor].row, edge);
                self.tell(actor, place, true);
            }
        }
    }

    /// Where the actor's row keeps the target. An edge older than the window is forgotten first, and begun anew.
    #[inline]
    fn fresh_edge(&mut self, actor: PersonId, target: Target) -> Option<usize> {
        let place = self.edges.find(self.people.persons[actor].row, target.pack())?;
        if self.is_stale(self.edges.at(place).last) {
            self.forget(actor, place);
            return None;
        }
        Some(place)
    }

    /// Removes an edge, takes back what it gave, and tells the other side.
    pub(crate) fn forget(&mut self, actor: PersonId, place: usize) {
        let edge = *self.edges.at(place);
        let person = &mut self.people.persons[actor];
        let (rate, share, weight) = (f64::from(person.rate), person.share, edge.weight());
        let change = Change {
            given: -rate * weight,
            returned: -rate * weight * edge.reciprocity(),
            reach: -f64::from(edge.last),
            weight: -weight,
            whole: -share.whole() * weight,
            known: -share.known() * weight,
            newest: 0.0,
            fans: -1,
            received: Counts::default(),
        };
        self.step.digest.fold_both(both(actor.0, edge.target), edge.endorsement.to_bits());
        self.edges.remove(&mut person.row, place);
        if person.row.len() == 0 {
            // Nobody is left to whom the rate was published.
            (person.handed_out, person.rate, person.share) = (0.0, 0.0, Share::default());
        } else {
            person.handed_out = (f64::from(person.handed_out) - weight).max(0.0) as f32;
        }
        let target = Target::unpack(edge.target);
        if let Target::Here(standing) = target {
            self.note_forgotten(standing, &change);
        }
        self.targets.give_to(&mut self.people.remotes, target, &change);
        self.send_contact(actor, target, 0.0, false);
    }

    /// What the person's targets are to be told; nothing for who hands out nothing.
    #[inline]
    pub(crate) fn rates(&self, person: PersonId, handed_out: f64) -> Rates {
        let is_known = self.is_known(person);
        if handed_out <= 0.0 {
            return Rates { rate: 0.0, share: Share::new(0.0, is_known) };
        }
        let kept = &self.people.persons[person];
        let earned = kept.standing().map_or(0.0, |standing| self.earned(standing).votes);
        let trust = if kept.is(Flag::Account) { self.trust(person) } else { 1.0 };
        let liveness = f64::from(kept.liveness);
        let part = trust / handed_out;
        let rate = (part * (liveness + earned)).sqrt().min(f64::from(f32::MAX)) as f32;
        Rates { rate, share: Share::new((part * liveness).min(f64::from(f32::MAX)) as f32, is_known) }
    }

    #[inline]
    pub(crate) fn earned(&self, standing: StandingId) -> crate::standing::Earned {
        self.targets.standings[standing].earned(&self.model)
    }

    pub(crate) fn trust(&self, person: PersonId) -> f64 {
        self.accounts.get(person).map_or(1.0, |account| account.trust)
    }

    #[inline]
    pub(crate) fn has_opted_out(&self, person: PersonId) -> bool {
        self.people.persons[person].is(Flag::OptedOut)
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
        let kept = &mut self.people.persons[person];
        kept.standing().unwrap_or_else(|| {
            let standing = self.targets.add(person);
            kept.set_standing(standing);
            if kept.is(Flag::Account) {
                self.targets.standings[standing].mark(Mark::Account);
            }
            standing
        })
    }
}
