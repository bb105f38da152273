//! Publishing: which scores moved, and what their records say.

use crate::event::Timestamp;
use crate::people::{Flag, PersonId, StandingId};
use crate::scale::{Report, rank};
use crate::score::{Received, Score};
use crate::shard::{Effects, Published, Shard};
use crate::standing::Mark;

/// Milliseconds between two reports of a shard.
const REPORT_MS: Timestamp = 10_000;

impl Shard {
    /// Publishes the scores that moved among those that were touched or visited.
    pub(crate) fn publish(&mut self, publishes: bool, effects: &mut Effects) {
        effects.scores.clear();
        if self.now == Timestamp::MIN {
            return;
        }
        let g_now = self.growth.at(self.now, self.landmark);
        let mut touched = std::mem::take(&mut self.targets.touched);
        for &standing in &touched {
            if self.targets.standings[standing as usize].has(Mark::Touched) {
                self.targets.standings[standing as usize].unmark(Mark::Touched);
                self.look_at(standing, g_now, false, publishes, effects);
            }
        }
        touched.clear();
        self.targets.touched = touched;
        let mut swept = std::mem::take(&mut self.step.swept);
        for &standing in &swept {
            self.look_at(standing, g_now, true, publishes, effects);
            self.follow_leader(standing, g_now, true);
        }
        swept.clear();
        self.step.swept = swept;
    }

    /// Publishes a score if it moved; on the sweep's visit also if only counts did.
    fn look_at(&mut self, standing: StandingId, g_now: f64, is_visit: bool, publishes: bool, effects: &mut Effects) {
        let kept = &self.targets.standings[standing as usize];
        if !kept.has(Mark::Rated) {
            return;
        }
        let influence = self.influence_at(standing, g_now);
        assert!(influence.is_finite(), "the influence of person {} is {influence}", kept.person());
        self.follow_leader(standing, g_now, false);
        let score = self.scale.score(influence);
        let kept = &self.targets.standings[standing as usize];
        let before = kept.published;
        let has_moved = before.is_nan() || (score - f64::from(before)).abs() >= self.model.published_move;
        if publishes && (has_moved || is_visit && kept.has(Mark::Unsaid)) {
            let person = kept.person();
            effects.scores.push(Published { person, score: self.score_at(standing, g_now) });
            self.note_published(standing, score);
        }
    }

    fn note_published(&mut self, standing: StandingId, score: f64) {
        let kept = &mut self.targets.standings[standing as usize];
        if !kept.published.is_nan() {
            self.ranks[rank(f64::from(kept.published))] -= 1;
        }
        kept.published = score as f32;
        kept.unmark(Mark::Unsaid);
        self.ranks[rank(f64::from(score as f32))] += 1;
    }

    /// Keeps track of the largest influence; the sweep's rounds start it afresh, so that a fall is seen.
    fn follow_leader(&mut self, standing: StandingId, g_now: f64, is_visit: bool) {
        let leader = if is_visit { self.round_leader } else { self.leader };
        let leads = leader.is_none_or(|leader| {
            let leading = &self.targets.standings[leader as usize];
            !leading.has(Mark::Rated) || self.influence_at(standing, g_now) > self.influence_at(leader, g_now)
        });
        if leads && is_visit {
            self.round_leader = Some(standing);
        } else if leads {
            self.leader = Some(standing);
        }
    }

    /// `x = A / g(now) + B`, votes.
    pub(crate) fn influence(&self, standing: StandingId) -> f64 {
        self.influence_at(standing, self.growth.at(self.now, self.landmark))
    }

    #[inline]
    fn influence_at(&self, standing: StandingId, g_now: f64) -> f64 {
        self.earned(standing).votes / g_now + self.audience(standing)
    }

    #[inline]
    fn audience(&self, standing: StandingId) -> f64 {
        let person = self.targets.standings[standing as usize].person();
        if !self.people.persons[person as usize].is(Flag::Account) {
            return 0.0;
        }
        self.accounts.get(person).map_or(0.0, |account| account.audience(self.model.mu))
    }

    /// The whole record of a standing.
    pub(crate) fn score_at(&self, standing: StandingId, g_now: f64) -> Score {
        let kept = &self.targets.standings[standing as usize];
        let earned = kept.earned(self.model.rho);
        let audience = self.audience(standing);
        let influence = earned.votes / g_now + audience;
        let account = self.accounts.get(kept.person());
        let [mentions, retweets, replies] = self.targets.received(standing);
        let share = |part: f64, of: f64| if of > 0.0 { part / of } else { 0.0 };
        let score = self.scale.score(influence);
        Score {
            score,
            influence,
            reach: kept.reach / g_now,
            amplification: share(kept.weight, kept.reach),
            network: share(earned.given, kept.weight),
            openness: earned.openness,
            audience,
            received: Received { mentions, retweets, replies },
            followers: account.map_or(0, |account| account.followers()),
            following: account.map_or(0, |account| u64::from(account.following)),
            percentile: self.scale.percentile(score),
            as_of: self.now,
            scale: self.scale.votes,
            scale_version: self.scale.version,
            previous: (!kept.published.is_nan()).then_some(f64::from(kept.published)),
        }
    }

    /// The name of a person, unless it is not known or erased.
    pub fn name(&self, person: PersonId) -> Option<&str> {
        self.people.names.get(person)
    }

    /// Everybody who is rated, in order of first being acted upon.
    pub fn scores(&self) -> impl Iterator<Item = (&str, Score)> {
        let g_now = if self.now == Timestamp::MIN { 1.0 } else { self.growth.at(self.now, self.landmark) };
        let rated = |&(_, standing): &(usize, &crate::standing::Standing)| standing.has(Mark::Rated);
        self.targets.standings.iter().enumerate().filter(rated).filter_map(move |(id, standing)| {
            Some((self.name(standing.person())?, self.score_at(id as StandingId, g_now)))
        })
    }

    /// Every ten seconds, and at the end of a log, shard 0 hears how our people stand.
    pub(crate) fn report(&mut self) {
        let is_due = self.reported_at.is_none_or(|at| self.now >= at.saturating_add(REPORT_MS));
        if self.now == Timestamp::MIN || !(is_due || self.step.settles) {
            return;
        }
        self.reported_at = Some(self.now);
        let leader = self.leader.filter(|&leader| self.targets.standings[leader as usize].has(Mark::Rated));
        let largest = leader.map_or(0.0, |leader| self.influence(leader));
        let report = Report { largest, ranks: self.ranks.clone() };
        if self.people.home.shard == 0 {
            self.keeper.take(0, report);
            self.set_scale();
        } else {
            self.step.report = Some(report);
        }
    }

    fn set_scale(&mut self) {
        let next = self.keeper.next(&self.scale, self.now, self.step.settles, &self.model);
        if next != self.scale {
            self.scale = next.clone();
            self.step.new_scale = Some(next);
        }
    }
}
