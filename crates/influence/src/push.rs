//! Pushes: telling all targets of a row that the rate changed.

use crate::digest::both;
use crate::endorse::Rates;
use crate::exchange::Change;
use crate::id::PersonId;
use crate::people::{Flag, Person, Target};
use crate::row::NOBODY;
use crate::shard::Shard;
use crate::standing::{Mark, Told};

/// People whose rates are looked at together, and rows that are pushed together: so their reads overlap in memory.
const CHUNK_PERSONS: usize = 256;
const CHUNK_ROWS: usize = 32;

/// The share of `eps` by which a rate may be off where nothing more comes,
const REFINED: f64 = 0.1;
/// and the least that this comes to: rates are kept in an `f32`.
const REFINED_MIN: f64 = 1e-5;

impl Shard {
    /// Queues people whose rate is off, and pushes first in first out while the budget lasts, at least one row.
    pub(crate) fn push_pending(&mut self) {
        self.check_touched();
        let mut is_first = true;
        while !self.queue.is_empty() {
            let chunk = self.queue.len().min(CHUNK_ROWS);
            self.warm_rows(self.queue.range(..chunk).copied());
            for _ in 0..chunk {
                if self.step.edges_left <= 0 && !std::mem::take(&mut is_first) {
                    return;
                }
                is_first = false;
                let Some(person) = self.queue.pop_front() else { return };
                self.people.persons[person].set(Flag::Queued, false);
                self.push_row(person, None);
            }
            if self.queue.is_empty() {
                self.check_touched();
            }
        }
    }

    /// Queues those among the touched whose rate is off by now.
    fn check_touched(&mut self) {
        let mut unchecked = std::mem::take(&mut self.targets.unchecked);
        for chunk in unchecked.chunks(CHUNK_PERSONS) {
            self.warm_persons(chunk);
            for &standing in chunk {
                let kept = &mut self.targets.standings[standing];
                kept.unmark(Mark::Unchecked);
                if let Some(person) = kept.person() {
                    self.check(person);
                }
            }
        }
        unchecked.clear();
        self.targets.unchecked = unchecked;
    }

    /// Queues this person if the rate is off.
    pub(crate) fn check(&mut self, person: PersonId) {
        let handed_out = f64::from(self.people.persons[person].handed_out);
        if handed_out > 0.0 {
            let rates = self.rates(person, handed_out);
            self.enqueue_if_off(person, rates);
        }
    }

    /// The share by which a rate may be off untold.
    #[inline]
    fn eps(&self) -> f64 {
        let eps = self.model.eps;
        if self.step.refines { (REFINED * eps).max(REFINED_MIN).min(eps) } else { eps }
    }

    #[inline]
    pub(crate) fn enqueue_if_off(&mut self, person: PersonId, rates: Rates) {
        let eps = self.eps();
        let kept = &mut self.people.persons[person];
        if are_off(&rates, kept, eps) && !kept.is(Flag::Queued) {
            kept.set(Flag::Queued, true);
            self.queue.push_back(person);
        }
    }

    /// Publishes rates to all targets: the given ones, or the present ones if the published ones are off.
    pub(crate) fn push_row(&mut self, person: PersonId, rates: Option<Rates>) {
        let row = self.people.persons[person].row;
        let mut weights = std::mem::take(&mut self.step.weights);
        weights.clear();
        weights.extend(self.edges.slots(row).iter().map(|edge| edge.weight()));
        let handed_out: f64 = weights.iter().sum();
        self.people.persons[person].handed_out = handed_out as f32;
        let next = rates.unwrap_or_else(|| self.rates(person, handed_out));
        if rates.is_some() || are_off(&next, &self.people.persons[person], self.eps()) {
            self.publish_rates(person, next, &weights);
        }
        let kept = &self.people.persons[person];
        self.step
            .digest
            .fold_both(both(person.0, kept.rate.to_bits()), both(kept.handed_out.to_bits(), kept.row.len()));
        self.step.digest.fold(kept.share.to_bits().into());
        self.step.weights = weights;
    }

    fn publish_rates(&mut self, person: PersonId, rates: Rates, weights: &[f64]) {
        let kept = &mut self.people.persons[person];
        let risen = f64::from(rates.rate) - f64::from(kept.rate);
        let risen_whole = rates.share.whole() - kept.share.whole();
        let risen_known = rates.share.known() - kept.share.known();
        (kept.rate, kept.share) = (rates.rate, rates.share);
        let row = kept.row;
        if self.step.wants_credits && risen != 0.0 {
            self.note_rated(person);
        }
        for (edge, weight) in self.edges.slots(row).iter().zip(weights) {
            if edge.target == NOBODY {
                continue;
            }
            let given = risen * weight;
            let returned = if edge.returned > 0.0 { given * edge.reciprocity() } else { 0.0 };
            let (whole, known) = (risen_whole * weight, risen_known * weight);
            match Target::unpack(edge.target) {
                Target::Here(standing) => self.targets.give_rate(standing, &Told { given, returned, whole, known }),
                Target::Away(remote) => {
                    let change = Change { given, returned, whole, known, ..Change::default() };
                    self.targets.away(&mut self.people.remotes, remote).add(&change);
                }
            }
        }
        self.step.edges_left -= weights.len() as i64;
        self.step.taken.pushed_edges += u64::from(row.len());
    }
}

/// Where room binds, votes are off by as much as shares are, and not by half of it: yet shares move twice as far as rates.
const SHARE_EPS: f64 = 1.3;

/// `|y - p| > eps y`, or the same of the share, or the actor has become known.
#[inline]
fn are_off(rates: &Rates, published: &Person, eps: f64) -> bool {
    let is_off = |now: f64, told: f64, eps: f64| (now - told).abs() > eps * now;
    is_off(rates.rate.into(), published.rate.into(), eps)
        || is_off(rates.share.whole(), published.share.whole(), SHARE_EPS * eps)
        || rates.share.is_known() != published.share.is_known()
}
