//! Publishing: which scores moved, and what their records say.

use crate::account::Account;
use crate::exchange::Change;
use crate::history::four_digits;
use crate::id::{PersonId, StandingId};
use crate::scale::{Pace, Report, Ruler, history_ms, is_moved};
use crate::shard::{Effects, Outlook, Published, Seen, Shard, Slice};
use crate::standing::Mark;
use vocabulary::Score;
use vocabulary::Timestamp;

/// Milliseconds between two reports of a shard,
const REPORT_MS: Timestamp = 10_000;
/// and between two of one that opens or is young, and whose largest influence moves.
const REPORT_FREE_MS: Timestamp = 1_000;
/// How long after the last sign of history a shard still opens: rates come to rest meanwhile.
const OPENING_MS: Timestamp = 60_000;
/// So many old events, and no fewer than new ones, are history that is read, and not a few late ones.
const HISTORY_EVENTS_MIN: usize = 64;

/// Standings that are looked at together, so that their reads overlap in memory.
const CHUNK_STANDINGS: usize = 256;

/// A clock's `g`, and the scale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    g: f64,
    ruler: Ruler,
}

impl Moment {
    /// The score of an influence, as if there were no bound.
    pub(crate) fn height(&self, influence: f64) -> f64 {
        self.ruler.height(influence)
    }
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
                self.targets.standings[standing].unmark(Mark::Touched);
                let influence = self.look_at(standing, &now, Looks { is_visit: false, publishes }, effects);
                lead.contend(standing, influence);
            }
        }
        touched.clear();
        self.targets.touched = touched;
        let mut swept = std::mem::take(&mut self.step.swept);
        for &standing in &swept {
            let influence = self.look_at(standing, &now, Looks { is_visit: true, publishes }, effects);
            lead.contend(standing, influence);
        }
        swept.clear();
        self.step.swept = swept;
        self.leader = lead.leader;
        self.look_for_fall(lead.influence);
    }

    /// Whoever led and fell may be followed by somebody who was visited before the fall. So a fall is told once everybody was
    /// visited since, and no deeper than to the most that anybody led with meanwhile: nobody had more when visited.
    fn look_for_fall(&mut self, influence: f64) {
        let (people, now, half_life_ms) = (self.people.persons.len() as u32, self.now, self.model.half_life_ms);
        let aged = |seen: Seen| seen.aged(now, half_life_ms);
        let here = Seen { votes: influence, at: now };
        let outlook = &mut self.outlook;
        outlook.round_left = outlook.round_left.saturating_sub(self.step.visits);
        if influence >= aged(outlook.round_led) {
            outlook.round_led = here;
        }
        if influence >= aged(outlook.led) {
            (outlook.led, outlook.is_unsure) = (here, false);
        }
        let ends = outlook.round_left == 0;
        if ends {
            outlook.led = Seen { votes: aged(outlook.led).min(aged(outlook.round_led)), at: now };
        }
        let falls = is_moved(influence, aged(outlook.led), &self.model);
        // What falls on soon after is of the same fall.
        let falls_on =
            outlook.round_left > people - people / 8 && is_moved(influence, aged(outlook.round_led), &self.model);
        if ends || falls && (!outlook.is_unsure || falls_on) {
            (outlook.round_left, outlook.round_led) = (people, here);
        }
        outlook.is_unsure = falls;
    }

    /// Publishes a score if it moved; on the sweep's visit also if only counts did. Above the scale it moves as if 100 were
    /// no bound: the influence in the record must not grow old. Returns the influence, as far as the scale goes by it.
    #[inline]
    fn look_at(&mut self, standing: StandingId, now: &Moment, looks: Looks, effects: &mut Effects) -> f64 {
        let kept = &self.targets.standings[standing];
        kept.fold_into(&mut self.step.digest);
        if !kept.has(Mark::Rated) {
            return 0.0;
        }
        let account = self.account_of(standing);
        let influence =
            self.earned(standing).votes / now.g + account.map_or(0.0, |account| account.audience(self.model.mu));
        let may_lead = !account.is_some_and(Account::is_suspended);
        let kept = &self.targets.standings[standing];
        let height = now.ruler.height(influence);
        let before = f64::from(kept.published);
        // Nothing published yet is NaN, and no move from it is small.
        let stands = (height - before).abs() < self.model.published_move;
        if looks.publishes && (!stands || looks.is_visit && kept.has(Mark::Unsaid)) {
            self.step.digest.fold(height.to_bits());
            if let Some(person) = kept.person() {
                effects.scores.push(Published { person, previous: kept.published });
            }
            let kept = &mut self.targets.standings[standing];
            kept.published = height as f32;
            kept.unmark(Mark::Unsaid);
        }
        if may_lead { influence } else { 0.0 }
    }

    /// Who led before the step.
    fn lead(&self, leader: Option<StandingId>, now: &Moment) -> Lead {
        let leader = leader.filter(|&leader| self.may_lead(leader));
        Lead { leader, influence: leader.map_or(0.0, |leader| self.influence_at(leader, now)) }
    }

    /// Whether 100 may stand for this influence: who is suspended keeps it, and is no measure of others.
    fn may_lead(&self, standing: StandingId) -> bool {
        let is_rated = self.targets.standings[standing].has(Mark::Rated);
        is_rated && !self.account_of(standing).is_some_and(Account::is_suspended)
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
    pub(crate) fn influence_at(&self, standing: StandingId, now: &Moment) -> f64 {
        self.earned(standing).votes / now.g + self.audience(standing)
    }

    #[inline]
    fn audience(&self, standing: StandingId) -> f64 {
        self.account_of(standing).map_or(0.0, |account| account.audience(self.model.mu))
    }

    #[inline]
    fn account_of(&self, standing: StandingId) -> Option<&Account> {
        let kept = &self.targets.standings[standing];
        if !kept.has(Mark::Account) {
            return None;
        }
        kept.person().and_then(|person| self.accounts.get(person))
    }

    /// The whole record of a standing.
    pub(crate) fn score_at(&self, standing: StandingId, now: &Moment) -> Score {
        let kept = &self.targets.standings[standing];
        let earned = kept.earned(&self.model);
        let account = self.account_of(standing);
        let audience = account.map_or(0.0, |account| account.audience(self.model.mu));
        let influence = earned.votes / now.g + audience;
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
        let standing = self.people.persons[published.person].standing()?;
        let score = || four_digits(f64::from(published.previous).min(100.0));
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
        let rated = |&(_, standing): &(StandingId, &crate::standing::Standing)| standing.has(Mark::Rated);
        self.targets
            .standings
            .iter_enumerated()
            .filter(rated)
            .filter_map(move |(id, standing)| Some((self.name(standing.person()?)?, self.score_at(id, &now))))
    }

    /// Shard 0 hears how our people stand: at first, every ten seconds, and at the end of a log; while the shard opens
    /// or is young, also soon after the largest influence has moved, or as soon as nothing comes any more. Where nothing has
    /// changed there is nothing to tell; shard 0 itself looks all the same, as the scale moves by time.
    pub(crate) fn report(&mut self, is_idle: bool) {
        if self.now == Timestamp::MIN {
            return;
        }
        let is_due = |pause_ms| self.reported_at.is_none_or(|at| self.now >= at.saturating_add(pause_ms));
        let report = self.report_of(self.largest());
        let is_moved = is_moved(report.largest, self.reported_largest, &self.model);
        let is_free = report.is_opening || report.is_young;
        let has_moved = is_free && (is_idle || is_due(REPORT_FREE_MS)) && is_moved;
        let others = (report.taken, report.is_opening, report.is_young)
            != (self.outlook.told_taken, self.outlook.told_opening, self.outlook.told_young);
        let has_news = self.reported_at.is_none() || is_moved || others || self.people.home.shard == 0;
        let waits_for_first = self.people.home.shard == 0 && !self.scale.is_set() && self.coming_scale.is_none();
        let is_told = std::mem::take(&mut self.step.was_told);
        if !(is_due(REPORT_MS) && has_news || self.step.settles || has_moved || waits_for_first || is_told) {
            return;
        }
        (self.reported_at, self.reported_largest) = (Some(self.now), report.largest);
        self.outlook.told_taken = report.taken;
        (self.outlook.told_opening, self.outlook.told_young) = (report.is_opening, report.is_young);
        if self.people.home.shard == 0 {
            self.keeper.take(0, report, self.now, history_ms(&self.model));
            self.set_scale();
        } else {
            self.step.report = Some(report);
        }
    }

    fn largest(&self) -> f64 {
        if self.outlook.is_unsure && !self.step.settles {
            return self.outlook.led.aged(self.now, self.model.half_life_ms);
        }
        let leader = self.leader.filter(|&leader| self.may_lead(leader));
        leader.map_or(0.0, |leader| self.influence(leader))
    }

    fn report_of(&self, largest: f64) -> Report {
        let Outlook { taken, oldest_act, .. } = self.outlook;
        let is_young = self.now.saturating_sub(oldest_act) < self.model.half_life_ms;
        Report { largest, taken, is_opening: self.step.is_opening, is_young }
    }

    /// The end of a log settles the scale; where events move the clock, only if the log is history.
    fn pace(&self) -> Pace {
        match self.keeper.is_opening() {
            is_opening if self.step.settles && (is_opening || !self.step.is_live) => Pace::Settles,
            is_opening if is_opening || self.keeper.is_young() => Pace::Opens,
            _ => Pace::Steady,
        }
    }

    /// Frees levels at the end of a log, and while a live shard opens and has caught up: a level is then that of the score. If
    /// nothing more comes, such a shard also tells rates that are off by less than `eps`.
    pub(crate) fn note_catching_up(&mut self, slice: &Slice<'_>) {
        let opens = self.opening_clock(slice) <= self.outlook.opening_until;
        let has_caught_up = slice.is_live && slice.publishes && opens;
        self.step.frees_levels = slice.settles || has_caught_up;
        self.step.refines = has_caught_up && slice.events.is_empty();
    }

    /// A shard opens with its first slice, and does so while it catches up on what came before it was there, and while it
    /// reads history: where events move the clock until it has caught up once, else in its own first half-life.
    /// Then nobody has got used to a scale yet.
    pub(crate) fn note_opening(&mut self, slice: &Slice<'_>) {
        if self.now == Timestamp::MIN {
            return;
        }
        let history_ms = history_ms(&self.model);
        let is_old = |at: Timestamp, clock: Timestamp| clock.saturating_sub(at) > history_ms;
        let reads_history = match slice.machine_clock {
            // Later the clock goes with the events, and so does the scale.
            Some(clock) => !self.outlook.has_opened && !slice.events.is_empty() && is_old(self.now, clock),
            None => {
                let is_new = self.now.saturating_sub(self.began_at) < self.model.half_life_ms;
                let old = || slice.events.iter().filter(|arrival| is_old(arrival.event.at, arrival.clock)).count();
                is_new && old() >= HISTORY_EVENTS_MIN.max(slice.events.len() / 2)
            }
        };
        let catches_up = !slice.publishes || !self.queue.is_empty();
        let clock = self.opening_clock(slice);
        if reads_history || !self.outlook.has_opened && catches_up || self.outlook.opening_until == Timestamp::MIN {
            self.outlook.opening_until = clock.saturating_add(OPENING_MS);
        }
        self.step.is_opening = clock <= self.outlook.opening_until;
        self.outlook.has_opened |= !self.step.is_opening;
    }

    /// The clock by which a shard opens: the machine's where events move the shard's own, which may leap.
    fn opening_clock(&self, slice: &Slice<'_>) -> Timestamp {
        slice.machine_clock.unwrap_or(self.now)
    }

    /// Somebody who is moderated has handed out these votes, or had them.
    pub(crate) fn note_taken(&mut self, votes: f64) {
        if votes.is_finite() && votes > 0.0 {
            self.outlook.taken = (self.outlook.taken + votes).min(f64::MAX);
        }
    }

    /// Takes note of the time of an act inside the window.
    #[cold]
    pub(crate) fn note_older_act(&mut self, at: Timestamp) {
        if !self.is_late(at) {
            self.outlook.oldest_act = at;
        }
    }

    /// Votes that all others lose at most if this person's trust becomes so small a share of what it is: what it hands out
    /// goes with the root of the trust, the room that it makes with the trust.
    pub(crate) fn depends_on(&self, person: PersonId, share: f64) -> f64 {
        let kept = &self.people.persons[person];
        let given = f64::from(kept.rate) * (1.0 - share.sqrt());
        let room = self.model.room.of_one(kept.share) * (1.0 - share);
        f64::from(kept.handed_out) * (given + room) / self.moment().g
    }

    /// Takes note of votes of the leader that nobody gives any more, as the acts are older than the window: ageing does not
    /// take them.
    #[inline]
    pub(crate) fn note_forgotten(&mut self, standing: StandingId, change: &Change) {
        if change.fans < 0 && self.leader == Some(standing) {
            let room = self.model.room.votes(f64::INFINITY, -change.whole, -change.known);
            self.note_taken((room - change.given) / self.moment().g);
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
        let touched = self.targets.touched.iter().chain(&self.step.swept).filter(|&&standing| self.may_lead(standing));
        let largest = touched.map(|&standing| self.influence_at(standing, &now)).fold(0.0, f64::max);
        let report = self.report_of(largest);
        self.keeper.take(0, report, self.now, history_ms(&self.model));
        self.scale = self.keeper.next(&self.scale, self.now, self.pace(), &self.model);
    }
}
