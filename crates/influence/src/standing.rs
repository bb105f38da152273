//! What people received: the sums of the model on the target's side, and what has to be told to other shards.

use prefetch_index::prefetch_index;

use crate::apart::Apart;
use crate::digest::{Digest, both};
use crate::exchange::Change;
use crate::id::{PersonId, RemoteId, StandingId};
use crate::model::Model;
use crate::people::{Remote, Target};
use crate::room::bounded;
use crate::row::grow;
use crate::tables::{InvalidImage, Put, Reader, check};
use std::collections::BTreeMap;
use typed_index_collections::{TiSlice, TiVec};
use vocabulary::{Counts, Kind, Received, Timestamp};

/// Below this share of the weight `G` reads as 0: endorsers that are all suspended leave a residue.
const RESIDUE: f64 = 1e-12;

/// Kinds that are counted beside the sums: the first of [`Kind::COUNTED`].
const WITH_SUMS: usize = Kind::WITH_SUMS_COUNT;

/// The score of somebody who has none. Its bits are in images, so they are spelled out.
pub(crate) const UNPUBLISHED: f32 = f32::from_bits(0x7fc0_0000);

/// What one person of this shard received, but for the counts: 64 bytes in one line of memory, sums in the landmark domain.
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Standing {
    /// `G`, as stored: unclamped.
    pub(crate) given: f64,
    /// `H`, as stored: unclamped.
    pub(crate) returned: f64,
    /// `D`: the fans' shares of whole votes, as stored: unclamped.
    pub(crate) whole: f64,
    /// `V`: the part of it that is of known fans, as stored: unclamped.
    pub(crate) known: f64,
    /// Sum of `w` over fans.
    pub(crate) weight: f64,
    /// Sum of `l` over fans.
    pub(crate) reach: f64,
    person_and_marks: u32,
    /// `P`: `g` of the newest act.
    pub(crate) newest: f32,
    /// The last published score, as if it were not bounded by 100; NaN if there is none.
    pub(crate) published: f32,
    /// The in-degree.
    pub(crate) fans: u32,
}

/// What has happened to a standing and is not dealt with yet.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum Mark {
    /// The person has an [`Account`](crate::account::Account).
    Account = 1 << 26,
    /// Erased: counts are not kept.
    Nameless = 1 << 27,
    /// In this step: the score is to be looked at.
    Touched = 1 << 28,
    /// The rate is to be looked at.
    Unchecked = 1 << 29,
    /// Exact counts have moved since the last record.
    Unsaid = 1 << 30,
    /// Somebody has acted on this person.
    Rated = 1 << 31,
}

const PERSON: u32 = (1 << 26) - 1;
/// Whose a standing is that was left behind, or is free.
const NOBODY: PersonId = PersonId(PERSON);

/// Changes of a target's sums that a push makes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) given: f64,
    pub(crate) returned: f64,
    pub(crate) whole: f64,
    pub(crate) known: f64,
}

/// The parts of a person's influence that come from endorsements, in the landmark domain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Earned {
    /// `G`, clamped.
    pub(crate) given: f64,
    /// `1 - rho a^4`.
    pub(crate) openness: f64,
    /// `A`.
    pub(crate) votes: f64,
}

impl Earned {
    /// `A / Z`; 1 where there is no vote.
    pub(crate) fn room(&self) -> f64 {
        let open = self.given * self.openness;
        if open > 0.0 { self.votes / open } else { 1.0 }
    }
}

impl Standing {
    fn new(person: PersonId) -> Standing {
        debug_assert!(person < NOBODY, "people are limited to fewer");
        Standing {
            given: 0.0,
            returned: 0.0,
            reach: 0.0,
            weight: 0.0,
            whole: 0.0,
            known: 0.0,
            newest: 0.0,
            fans: 0,
            published: UNPUBLISHED,
            person_and_marks: person.0,
        }
    }

    #[inline]
    pub(crate) fn person(&self) -> Option<PersonId> {
        let person = PersonId(self.person_and_marks & PERSON);
        (person != NOBODY).then_some(person)
    }

    /// Its person has left it behind: it is nobody's. The sums stay for others to take back.
    pub(crate) fn leave(&mut self) {
        self.unmark(Mark::Account);
        self.unmark(Mark::Nameless);
        self.person_and_marks |= PERSON;
    }

    /// Whether a list of the step names it.
    pub(crate) fn is_listed(&self) -> bool {
        self.has(Mark::Touched) || self.has(Mark::Unchecked)
    }

    #[inline]
    pub(crate) fn has(&self, mark: Mark) -> bool {
        self.person_and_marks & mark as u32 != 0
    }

    #[inline]
    fn has_both_touched_and_unchecked(&self) -> bool {
        const BOTH: u32 = Mark::Touched as u32 | Mark::Unchecked as u32;
        self.person_and_marks & BOTH == BOTH
    }

    #[inline]
    pub(crate) fn mark(&mut self, mark: Mark) {
        self.person_and_marks |= mark as u32;
    }

    #[inline]
    pub(crate) fn unmark(&mut self, mark: Mark) {
        self.person_and_marks &= !(mark as u32);
    }

    /// `Z = G (1 - rho a^4)`: closed circles are discounted. `A = (Z^-4 + B^-4)^(-1/4)`: there is room for so many.
    #[inline]
    pub(crate) fn earned(&self, model: &Model) -> Earned {
        if self.given <= (RESIDUE * self.weight).max(0.0) {
            return Earned { given: 0.0, openness: 1.0, votes: 0.0 };
        }
        // Most people return nothing.
        let openness = if self.returned <= 0.0 {
            1.0
        } else {
            let closed = (self.returned / self.given).min(1.0);
            let squared = closed * closed;
            1.0 - model.rho * (squared * squared)
        };
        let room = model.room.votes(f64::from(self.newest), self.whole, self.known);
        Earned { given: self.given, openness, votes: bounded(self.given * openness, room) }
    }

    #[inline]
    fn take(&mut self, change: &Change) {
        self.given += change.given;
        self.returned += change.returned;
        self.reach += change.reach;
        self.weight += change.weight;
        self.whole += change.whole;
        self.known += change.known;
        self.newest = self.newest.max(change.newest);
        self.fans = self.fans.saturating_add_signed(change.fans);
        if self.fans == 0 {
            self.settle();
        }
    }

    #[inline]
    pub(crate) fn fold_into(&self, digest: &mut Digest) {
        digest.fold_both(self.given.to_bits(), self.returned.to_bits());
        digest.fold_both(self.weight.to_bits(), self.reach.to_bits());
        digest.fold_both(self.whole.to_bits(), self.known.to_bits());
        let published = both(self.published.to_bits(), self.newest.to_bits());
        digest.fold_both(both(self.person_and_marks, self.fans), published);
    }

    /// Nobody is left: what the sums still hold is rounding.
    #[inline]
    fn settle(&mut self) {
        (self.given, self.returned, self.reach, self.weight) = (0.0, 0.0, 0.0, 0.0);
        (self.whole, self.known) = (0.0, 0.0);
    }

    fn is_finite(&self) -> bool {
        let sums = [self.given, self.returned, self.weight, self.whole, self.known, self.newest.into(), self.reach];
        let is_score = self.published.is_nan() || self.published.is_finite() && self.published >= 0.0;
        is_score && sums.iter().all(|sum| sum.is_finite())
    }

    fn rescale(&mut self, factor: f64) {
        self.given *= factor;
        self.returned *= factor;
        self.reach *= factor;
        self.weight *= factor;
        self.whole *= factor;
        self.known *= factor;
        self.newest = (f64::from(self.newest) * factor) as f32;
    }
}

/// All whom this shard's people act upon: standings of its own, and changes for those of other shards.
#[derive(Clone, Debug)]
pub(crate) struct Targets {
    pub(crate) standings: TiVec<StandingId, Standing>,
    /// For each standing the counts of the kinds that are counted here.
    counts: TiVec<StandingId, [u32; WITH_SUMS]>,
    /// Over all counts that have moved in this step.
    counted: Digest,
    /// People without a fan and without a follower who are rated or were named by an unfollow: since when, and what they
    /// had received by then.
    silent: BTreeMap<StandingId, (Timestamp, u64)>,
    /// Standings to be used again.
    pub(crate) free: Vec<StandingId>,
    /// Counts beyond 32 bits, in units of 2^32.
    carries: BTreeMap<StandingId, [u32; WITH_SUMS]>,
    /// Counts of the other kinds.
    pub(crate) apart: Apart,
    /// Standings whose score is to be looked at, in the order in which they were touched.
    pub(crate) touched: Vec<StandingId>,
    /// Standings whose person's rate is to be looked at, likewise.
    pub(crate) unchecked: Vec<StandingId>,
    /// This step's changes for people of other shards.
    pub(crate) away: Vec<(RemoteId, Change)>,
}

impl Targets {
    pub(crate) fn new() -> Targets {
        Targets {
            standings: TiVec::new(),
            counts: TiVec::new(),
            counted: Digest::default(),
            silent: BTreeMap::new(),
            free: Vec::new(),
            carries: BTreeMap::new(),
            apart: Apart::new(),
            touched: Vec::new(),
            unchecked: Vec::new(),
            away: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, person: PersonId) -> StandingId {
        if let Some(standing) = self.free.pop() {
            self.standings[standing] = Standing::new(person);
            self.counts[standing] = [0; WITH_SUMS];
            return standing;
        }
        let standing = self.standings.next_key();
        grow(&mut self.standings.raw, 1);
        self.standings.push(Standing::new(person));
        grow(&mut self.counts.raw, 1);
        self.counts.push([0; WITH_SUMS]);
        standing
    }

    /// A standing that is nobody's, and that no row and no list names any more, can be used again.
    pub(crate) fn free(&mut self, standing: StandingId) {
        self.carries.remove(&standing);
        self.apart.remove(standing);
        self.silent.remove(&standing);
        let mut empty = Standing::new(PersonId(PERSON - 1));
        empty.leave();
        self.standings[standing] = empty;
        self.counts[standing] = [0; WITH_SUMS];
        self.free.push(standing);
    }

    /// Changes a standing of this shard.
    #[inline]
    pub(crate) fn give(&mut self, standing: StandingId, change: &Change) {
        let kept = &mut self.standings[standing];
        kept.take(change);
        if change.received != Counts::default() {
            self.count(standing, change.received.values());
        }
        self.touch(standing);
    }

    /// What a push does to a standing: rates change, weights do not.
    #[inline]
    pub(crate) fn give_rate(&mut self, standing: StandingId, told: &Told) {
        let kept = &mut self.standings[standing];
        kept.given += told.given;
        kept.returned += told.returned;
        kept.whole += told.whole;
        kept.known += told.known;
        self.touch(standing);
    }

    #[inline]
    pub(crate) fn touch(&mut self, standing: StandingId) {
        let kept = &mut self.standings[standing];
        if !kept.has_both_touched_and_unchecked() {
            self.enlist(standing);
        }
    }

    #[inline]
    fn enlist(&mut self, standing: StandingId) {
        let kept = &mut self.standings[standing];
        if !kept.has(Mark::Touched) {
            kept.mark(Mark::Touched);
            self.touched.push(standing);
        }
        if !kept.has(Mark::Unchecked) {
            kept.mark(Mark::Unchecked);
            self.unchecked.push(standing);
        }
    }

    /// Changes whoever it is by an act of this kind.
    #[inline]
    pub(crate) fn give_act(
        &mut self,
        remotes: &mut TiSlice<RemoteId, Remote>,
        target: Target,
        change: &Change,
        kind: Kind,
    ) {
        match target {
            Target::Here(standing) => {
                self.standings[standing].take(change);
                self.count_act(standing, kind);
                self.touch(standing);
            }
            Target::Away(remote) => {
                let away = self.away(remotes, remote);
                away.add(change);
                away.received.get_mut(kind).into_iter().for_each(|count| *count = count.saturating_add(1));
            }
        }
    }

    #[inline]
    fn count_act(&mut self, standing: StandingId, kind: Kind) {
        match kind.counted_place() {
            Some(place) if place < WITH_SUMS => {
                if self.starts_counting(standing) {
                    self.count_at(standing, place, 1);
                }
            }
            _ => self.count(standing, Counts::from([(kind, 1)]).values()),
        }
    }

    fn count(&mut self, standing: StandingId, received: &[u32; Kind::COUNTED_COUNT]) {
        if !self.starts_counting(standing) {
            return;
        }
        let (with_sums, apart) = received.split_at(WITH_SUMS);
        for (place, &more) in with_sums.iter().enumerate().filter(|(_, more)| **more != 0) {
            self.count_at(standing, place, more);
        }
        if apart.iter().any(|count| *count != 0) {
            self.apart.add(standing, apart);
        }
    }

    /// Whether this is somebody whose acts are counted: who is so is rated from now on.
    #[inline]
    fn starts_counting(&mut self, standing: StandingId) -> bool {
        let kept = &mut self.standings[standing];
        if kept.has(Mark::Nameless) {
            return false;
        }
        kept.person_and_marks |= Mark::Rated as u32 | Mark::Unsaid as u32;
        true
    }

    #[inline]
    fn count_at(&mut self, standing: StandingId, place: usize, more: u32) {
        let count = &mut self.counts[standing][place];
        let (sum, carried) = count.overflowing_add(more);
        *count = sum;
        self.counted.fold_both(both(standing.0, place as u32), sum.into());
        if carried {
            let carries = &mut self.carries.entry(standing).or_default()[place];
            *carries = carries.saturating_add(1);
        }
    }

    /// Exact counts.
    pub(crate) fn received(&self, standing: StandingId) -> Received {
        let carries = self.carries.get(&standing).copied().unwrap_or_default();
        let kept = self.counts[standing];
        let apart = self.apart.counts(standing);
        Received::new(std::array::from_fn(|place| match place.checked_sub(WITH_SUMS) {
            None => u64::from(carries[place]) << 32 | u64::from(kept[place]),
            Some(place) => apart[place],
        }))
    }

    /// The person is erased: exact counts and the last record go, the sums stay for others to take back.
    pub(crate) fn make_nameless(&mut self, standing: StandingId) {
        self.counts[standing] = [0; WITH_SUMS];
        let kept = &mut self.standings[standing];
        kept.published = UNPUBLISHED;
        kept.unmark(Mark::Rated);
        kept.unmark(Mark::Unsaid);
        kept.mark(Mark::Nameless);
        self.carries.remove(&standing);
        self.apart.remove(standing);
        self.silent.remove(&standing);
    }

    /// Since when nobody has acted on somebody, who has neither fan nor follower now.
    pub(crate) fn silent_since(&mut self, standing: StandingId, now: Timestamp) -> Timestamp {
        let received = self.received(standing).values().iter().copied().fold(0, u64::wrapping_add);
        let silent = self.silent.entry(standing).or_insert((now, received));
        if silent.1 != received {
            *silent = (now, received);
        }
        silent.0
    }

    /// An unfollow is no act on anybody: it does not end the silence of somebody who is rated. It begins the time anew for
    /// which anybody else is known.
    pub(crate) fn is_named(&mut self, standing: StandingId) {
        if !self.standings[standing].has(Mark::Rated) {
            self.is_not_silent(standing);
        }
    }

    pub(crate) fn is_not_silent(&mut self, standing: StandingId) {
        if !self.silent.is_empty() {
            self.silent.remove(&standing);
        }
    }

    pub(crate) fn rescale(&mut self, factor: f64) {
        self.standings.iter_mut().for_each(|standing| standing.rescale(factor));
        for (_, change) in &mut self.away {
            *change = change.rescaled(factor);
        }
    }

    pub(crate) fn write_image(&self, to: &mut impl Put) {
        to.table(&self.standings.raw);
        to.table(&self.counts.raw);
        to.table(&self.free);
        to.table(&self.touched);
        to.table(&self.unchecked);
        to.word(self.silent.len() as u64);
        for (&standing, &(since, received)) in &self.silent {
            to.words(&[standing.into(), since as u64, received]);
        }
        to.word(self.carries.len() as u64);
        for (&standing, &[mentions, retweets, replies]) in &self.carries {
            to.elements(&[standing.0, mentions, retweets, replies]);
        }
        self.apart.write_image(to);
    }

    pub(crate) fn read_image(&mut self, from: &mut Reader<'_>) -> Result<(), InvalidImage> {
        self.standings = from.table("standings")?.into();
        self.counts = from.table("counts")?.into();
        check(self.counts.len() == self.standings.len(), "counts: there are more of them than standings, or fewer")?;
        self.free = from.table("free standings")?;
        self.touched = from.table("touched standings")?;
        self.unchecked = from.table("unchecked standings")?;
        let silent: Vec<[u64; 3]> = from.table("the silent")?;
        let is_there = |silent: &[u64; 3]| silent[0] < self.standings.len() as u64;
        let is_sorted = silent.is_sorted_by(|one, next| one[0] < next[0]);
        check(is_sorted && silent.iter().all(is_there), "the silent: somebody is not there, or there twice")?;
        self.silent = silent
            .into_iter()
            .map(|[standing, since, received]| (StandingId(standing as u32), (since as i64, received)))
            .collect();
        let carries: Vec<[u32; 4]> = from.table("carries")?;
        let is_there = |carry: &[u32; 4]| (carry[0] as usize) < self.standings.len();
        let is_sorted = carries.is_sorted_by(|one, next| one[0] < next[0]);
        check(is_sorted && carries.iter().all(is_there), "carries: somebody is not there, or there twice")?;
        self.carries = carries.into_iter().map(|[standing, a, b, c]| (StandingId(standing), [a, b, c])).collect();
        self.apart.read_image(from, self.standings.len())
    }

    /// Asks for the counts of a standing.
    #[inline]
    pub(crate) fn warm_counts(&self, standing: StandingId) {
        prefetch_index(&self.counts.raw, standing.into());
    }

    /// Asks for this step's change of somebody of another shard, if there is one: its place from 1.
    #[inline]
    pub(crate) fn warm_away(&self, change: u32) {
        prefetch_index(&self.away, (change as usize).wrapping_sub(1));
    }

    /// What the step has counted, folded.
    pub(crate) fn take_counted(&mut self) -> u64 {
        std::mem::take(&mut self.counted).value()
    }

    /// Whether what everybody received is told in numbers.
    pub(crate) fn is_finite(&self) -> bool {
        self.standings.iter().all(Standing::is_finite)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.standings.capacity() * size_of::<Standing>()
            + self.counts.capacity() * size_of::<[u32; WITH_SUMS]>()
            + 4 * (self.touched.capacity() + self.unchecked.capacity())
            + self.away.capacity() * size_of::<(RemoteId, Change)>()
            + self.apart.memory_bytes()
    }

    /// The change of somebody of another shard in this step.
    #[inline]
    pub(crate) fn away(&mut self, remotes: &mut TiSlice<RemoteId, Remote>, remote: RemoteId) -> &mut Change {
        let change = &mut remotes[remote].change;
        if *change == 0 {
            self.away.push((remote, Change::default()));
            *change = self.away.len() as u32;
        }
        &mut self.away[*change as usize - 1].1
    }

    /// Changes whoever it is.
    #[inline]
    pub(crate) fn give_to(&mut self, remotes: &mut TiSlice<RemoteId, Remote>, target: Target, change: &Change) {
        match target {
            Target::Here(standing) => self.give(standing, change),
            Target::Away(remote) => self.away(remotes, remote).add(change),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_beyond_32_bits() {
        let mut targets = Targets::new();
        let standing = targets.add(PersonId(0));
        let received = Counts::from([(Kind::Mention, u32::MAX), (Kind::Retweet, 1)]);
        for _ in 0..3 {
            targets.give(standing, &Change { received, fans: 1, ..Change::default() });
        }
        let expected = Received::from([(Kind::Mention, 3 * u64::from(u32::MAX)), (Kind::Retweet, 3)]);
        assert_eq!(targets.received(standing), expected);
    }
}
