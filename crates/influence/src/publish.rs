//! Publishing: which scores moved, and what their records say.

use crate::people::{PersonId, StandingId};
use crate::scale::{Pace, Report, Ruler, is_moved};
use crate::shard::{Effects, Published, Shard};
use crate::standing::Mark;
use vocabulary::Score;
use vocabulary::Timestamp;

/// Milliseconds between two reports of a shard,
const REPORT_MS: Timestamp = 10_000;
/// and between two of a young one whose largest influence moves.
const REPORT_YOUNG_MS: Timestamp = 1_000;

/// Standings that are looked at together, so that their reads overlap in memory.
const CHUNK_STANDINGS: usize = 256;

/// A clock's `g`, and the scale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    g: f64,
    ruler: Ruler,
}

/// Why a score is looked at.
#[derive(Clone, Copy)]
struct Looks {
    is_visit: bool,
    publishes: bool,
}

/// The largest influence seen.
struct Lead {
    leader: Option<StandingId>,
    influence: f64,
}

impl Lead {
    #[inline]
    fn contend(&mut self, standing: StandingId, influence: f64) {
        if influence > self.influence {
            *self = Lead { leader: Some(standing), influence };
        }
    }
}

impl Shard {
    /// Publishes the scores that moved among those that were touched or visited.
    pub(crate) fn publish(&mut self, publishes: bool, effects: &mut Effects) {
        effects.scores.clear();
        effects.publishes = publishes;
        if self.now == Timestamp::MIN {
            return;
        }
        self.set_first_scale_alone();
        let publishes = publishes && (self.scale.is_set() || self.step.settles);
        effects.publishes = publishes;
        let now = self.moment();
        let mut lead = self.lead(self.leader, &now);
        let mut touched = std::mem::take(&mut self.targets.touched);
        for chunk in touched.chunks(CHUNK_STANDINGS) {
            self.warm_standings(chunk);
            for &standing in chunk {
                self.targets.standings[standing as usize].unmark(Mark::Touched);
                let influence = self.look_at(standing, &now, Looks { is_visit: false, publishes }, effects);
                lead.contend(standing, influence);
            }
        }
        touched.clear();
        self.targets.touched = touched;
        let mut round_lead = self.lead(self.round_leader, &now);
        let mut swept = std::mem::take(&mut self.step.swept);
        for &standing in &swept {
            let influence = self.look_at(standing, &now, Looks { is_visit: true, publishes }, effects);
            lead.contend(standing, influence);
            round_lead.contend(standing, influence);
        }
        swept.clear();
        self.step.swept = swept;
        (self.leader, self.round_leader) = (lead.leader, round_lead.leader);
    }

    /// Publishes a score if it moved; on the sweep's visit also if only counts did. Above the scale it moves as if 100 were
    /// no bound: the influence in the record must not grow old. Returns the influence.
    #[inline]
    fn look_at(&mut self, standing: StandingId, now: &Moment, looks: Looks, effects: &mut Effects) -> f64 {
        let kept = &self.targets.standings[standing as usize];
        kept.fold_into(&mut self.step.digest);
        if !kept.has(Mark::Rated) {
            return 0.0;
        }
        let influence = self.influence_at(standing, now);
        let height = now.ruler.height(influence);
        let before = f64::from(kept.published);
        // Nothing published yet is NaN, and no move from it is small.
        let stands = (height - before).abs() < self.model.published_move;
        if looks.publishes && (!stands || looks.is_visit && kept.has(Mark::Unsaid)) {
            self.step.digest.fold(height.to_bits());
            if let Some(person) = kept.person() {
                effects.scores.push(Published { person, previous: kept.published });
            }
            let kept = &mut self.targets.standings[standing as usize];
            kept.published = height as f32;
            kept.unmark(Mark::Unsaid);
        }
        influence
    }

    /// Who leads so far; the sweep's rounds start afresh, so that a fall is seen.
    fn lead(&self, leader: Option<StandingId>, now: &Moment) -> Lead {
        let leader = leader.filter(|&leader| self.targets.standings[leader as usize].has(Mark::Rated));
        Lead { leader, influence: leader.map_or(0.0, |leader| self.influence_at(leader, now)) }
    }

    /// What all scores of this moment are made with.
    pub(crate) fn moment(&self) -> Moment {
        let is_new = self.now == Timestamp::MIN;
        let g = if is_new { 1.0 } else { self.growth.at(self.now, self.landmark) };
        Moment { g, ruler: self.scale.ruler() }
    }

    /// `x = A / g(now) + B`, votes.
    pub(crate) fn influence(&self, standing: StandingId) -> f64 {
        self.influence_at(standing, &self.moment())
    }

    #[inline]
    fn influence_at(&self, standing: StandingId, now: &Moment) -> f64 {
        self.earned(standing).votes / now.g + self.audience(standing)
    }

    #[inline]
    fn audience(&self, standing: StandingId) -> f64 {
        let kept = &self.targets.standings[standing as usize];
        if !kept.has(Mark::Account) {
            return 0.0;
        }
        let account = kept.person().and_then(|person| self.accounts.get(person));
        account.map_or(0.0, |account| account.audience(self.model.mu))
    }

    /// The whole record of a standing.
    pub(crate) fn score_at(&self, standing: StandingId, now: &Moment) -> Score {
        let kept = &self.targets.standings[standing as usize];
        let earned = kept.earned(&self.model);
        let audience = self.audience(standing);
        let influence = earned.votes / now.g + audience;
        let person = kept.person().filter(|_| kept.has(Mark::Account));
        let account = person.and_then(|person| self.accounts.get(person));
        let share = |part: f64, of: f64| if of > 0.0 { (part / of).clamp(f64::MIN, f64::MAX) } else { 0.0 };
        Score {
            score: now.ruler.score(influence),
            influence,
            reach: kept.reach / now.g,
            amplification: share(kept.weight, kept.reach),
            network: share(earned.given, kept.weight),
            openness: earned.openness,
            room: earned.room(),
            audience,
            received: self.targets.received(standing),
            followers: account.map_or(0, |account| account.followers()),
            following: account.map_or(0, |account| u64::from(account.following)),
            as_of: self.now,
            scale: self.scale.votes,
            scale_version: self.scale.version,
            previous: (!kept.published.is_nan()).then_some(f64::from(kept.published).min(100.0)),
        }
    }

    /// What is published of somebody, as the last step left it; `None` if that step erased them.
    pub fn record(&self, published: &Published) -> Option<(&str, Score)> {
        let standing = self.people.persons[published.person as usize].standing()?;
        // What an `f32` holds beyond four digits behind the point is noise.
        let score = || (f64::from(published.previous).min(100.0) * 1e4).round() / 1e4;
        let previous = (!published.previous.is_nan()).then(score);
        Some((self.name(published.person)?, Score { previous, ..self.score_at(standing, &self.moment()) }))
    }

    /// The name of a person, unless it is not known or erased.
    pub fn name(&self, person: PersonId) -> Option<&str> {
        self.people.names.get(person)
    }

    /// Everybody who is rated, in order of first being acted upon.
    pub fn scores(&self) -> impl Iterator<Item = (&str, Score)> {
        let now = self.moment();
        let rated = |&(_, standing): &(usize, &crate::standing::Standing)| standing.has(Mark::Rated);
        self.targets.standings.iter().enumerate().filter(rated).filter_map(move |(id, standing)| {
            Some((self.name(standing.person()?)?, self.score_at(id as StandingId, &now)))
        })
    }

    /// Shard 0 hears how our people stand: at first, every ten seconds, and at the end of a log; while the world is
    /// young, also soon after the largest influence has moved, or as soon as nothing comes any more. Where nothing has
    /// changed there is nothing to tell; shard 0 itself looks all the same, as the scale moves by time.
    pub(crate) fn report(&mut self, is_idle: bool) {
        if self.now == Timestamp::MIN {
            return;
        }
        let is_due = |pause_ms| self.reported_at.is_none_or(|at| self.now >= at.saturating_add(pause_ms));
        let largest = self.largest();
        let has_moved = self.pace() == Pace::Young
            && (is_idle || is_due(REPORT_YOUNG_MS))
            && is_moved(largest, self.reported_largest);
        let has_news =
            self.reported_at.is_none() || is_moved(largest, self.reported_largest) || self.people.home.shard == 0;
        let waits_for_first = self.people.home.shard == 0 && !self.scale.is_set() && self.coming_scale.is_none();
        let is_told = std::mem::take(&mut self.step.was_told);
        if !(is_due(REPORT_MS) && has_news || self.step.settles || has_moved || waits_for_first || is_told) {
            return;
        }
        (self.reported_at, self.reported_largest) = (Some(self.now), largest);
        let report = Report { largest };
        if self.people.home.shard == 0 {
            self.keeper.take(0, report);
            self.set_scale();
        } else {
            self.step.report = Some(report);
        }
    }

    fn largest(&self) -> f64 {
        let leader = self.leader.filter(|&leader| self.targets.standings[leader as usize].has(Mark::Rated));
        leader.map_or(0.0, |leader| self.influence(leader))
    }

    fn pace(&self) -> Pace {
        match self.now.saturating_sub(self.began_at) < self.model.half_life_ms {
            _ if self.step.settles => Pace::Settles,
            true => Pace::Young,
            false => Pace::Steady,
        }
    }

    fn set_scale(&mut self) {
        if !self.scale.is_set() && !self.step.settles && !self.keeper.has_waited() {
            return;
        }
        let next = self.keeper.next(&self.scale, self.now, self.pace(), &self.model);
        if next != self.scale {
            self.coming_scale = Some(next);
        }
    }

    /// Where there is one shard only, the first scale holds before anything is published.
    fn set_first_scale_alone(&mut self) {
        if self.scale.is_set() || self.people.home.shards > 1 {
            return;
        }
        let now = self.moment();
        let is_rated = |&&standing: &&StandingId| self.targets.standings[standing as usize].has(Mark::Rated);
        let touched = self.targets.touched.iter().chain(&self.step.swept).filter(is_rated);
        let largest = touched.map(|&standing| self.influence_at(standing, &now)).fold(0.0, f64::max);
        self.keeper.take(0, Report { largest });
        self.scale = self.keeper.next(&self.scale, self.now, self.pace(), &self.model);
    }
}
