//! The live view: everybody's last committed record, who stands where, how people moved, and what changes.
//!
//! One writer or several feed it, each person's records in their order; any number of readers ask. People live in a
//! concurrent map; the ranking has one lock, held for microseconds. Invariant: whoever has a record is in the ranking
//! with its score, and both change at once.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use dashmap::DashSet;
use parking_lot::{Mutex, RwLock};
use vocabulary::{Removal, Score, Timestamp};
use wire::Names;

use crate::answer::{Distribution, Movement, Movements, Parts, ScoreAnswer};
use crate::changes::{Change, Changes};
use crate::history::{History, Point};
use crate::ordered::Ordered;
use crate::person::{Named, Person, Record};
use crate::ranking::{Place, Ranking};
use crate::scales::{Scale, Scales};
use crate::split::{self, Moment};

/// Names that a search looks at, one by one, before it goes through the ranking instead,
const SEARCHED_NAMES_MAX: usize = 2_000;
/// and people of the ranking that it looks at then.
const SEARCHED_PLACES_MAX: usize = 10_000;

/// How much a view keeps beside the records, and how the names in it are spelled.
#[derive(Clone, Debug)]
pub struct ViewOptions {
    /// Records of movements, of everybody together: about 200 bytes each at worst.
    pub history_points_max: usize,
    /// Records of movements of one person.
    pub history_points_each_max: usize,
    /// Changes that a reader of the stream may be behind.
    pub changes_max: usize,
    /// The rule by which the application spells names: people are found under every spelling that it folds into theirs.
    pub names: Names,
}

impl Default for ViewOptions {
    fn default() -> ViewOptions {
        ViewOptions {
            history_points_max: 250_000,
            history_points_each_max: 100,
            changes_max: 262_144,
            names: Names::default(),
        }
    }
}

/// One committed record of the table of scores.
#[derive(Clone, Copy, Debug)]
pub enum Update<'a> {
    /// A person's score.
    Scored {
        /// Whose.
        user: &'a str,
        /// What is published about them.
        score: &'a Score,
        /// Counts the model's changes.
        model_version: u32,
    },
    /// A tombstone: the person has no score any more.
    Removed {
        /// Whose score it was.
        user: &'a str,
        /// Why there is none.
        why: Removal,
    },
}

/// Why somebody has no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// Nobody has acted on them, as far as is known.
    NotRated,
    /// They have opted out.
    OptedOut,
}

/// The live view.
#[derive(Debug)]
pub struct View {
    users: DashSet<Named>,
    ranking: RwLock<Ranking>,
    names: RwLock<Ordered<Named>>,
    spelling: Names,
    scales: Scales,
    history: Mutex<History>,
    changes: Changes,
    hashes: RandomState,
    /// Hashes of the names of those who opted out, under a key that only this process knows.
    opted_out: DashSet<u64>,
    is_ready: AtomicBool,
    records: AtomicU64,
    behind: AtomicU64,
    /// Records of the inputs that are not scored yet; the largest number where that is not known.
    unread: AtomicU64,
    /// The newest time that a score is for.
    as_of: AtomicI64,
    /// How many records there were when that was last looked at, and when there were more than before.
    last_applied: Mutex<(u64, Option<Instant>)>,
}

impl Default for View {
    fn default() -> View {
        View::new(ViewOptions::default())
    }
}

/// Part of the ranking.
#[derive(Debug)]
pub struct Page {
    /// The people, the highest score first.
    pub users: Vec<ScoreAnswer>,
    /// How many there are within the range of scores.
    pub total: u64,
    /// Whether more follow.
    pub has_more: bool,
}

impl View {
    /// An empty view.
    pub fn new(options: ViewOptions) -> View {
        View {
            users: DashSet::new(),
            ranking: RwLock::default(),
            names: RwLock::default(),
            spelling: options.names,
            scales: Scales::default(),
            history: Mutex::new(History::new(options.history_points_max, options.history_points_each_max)),
            changes: Changes::new(options.changes_max),
            hashes: RandomState::new(),
            opted_out: DashSet::new(),
            is_ready: AtomicBool::new(false),
            records: AtomicU64::new(0),
            behind: AtomicU64::new(0),
            unread: AtomicU64::new(u64::MAX),
            as_of: AtomicI64::new(Timestamp::MIN),
            last_applied: Mutex::default(),
        }
    }

    /// Takes a committed record over. Records of one person must come in their order.
    pub fn apply(&self, update: Update<'_>) {
        self.records.fetch_add(1, Relaxed);
        match update {
            Update::Scored { user, score, model_version } => self.publish(user, score, model_version),
            Update::Removed { user, why } => self.remove(user, why),
        }
    }

    /// All records that were there at the start have been applied: from now on the view may be asked.
    pub fn caught_up(&self) {
        self.last_applied.lock().0 = self.records();
        self.is_ready.store(true, Relaxed);
    }

    /// Forgets everybody: the table of scores is another one now. Until it has caught up again, nothing is shown.
    pub fn begin_anew(&self) {
        self.is_ready.store(false, Relaxed);
        self.users.clear();
        *self.ranking.write() = Ranking::default();
        *self.names.write() = Ordered::default();
        self.history.lock().clear();
        self.opted_out.clear();
        self.as_of.store(Timestamp::MIN, Relaxed);
        self.changes.break_off();
    }

    /// Whether it has caught up.
    pub fn is_ready(&self) -> bool {
        self.is_ready.load(Relaxed)
    }

    /// Says how many committed records are still to be applied.
    pub fn set_behind(&self, records: u64) {
        self.behind.store(records, Relaxed);
    }

    /// Committed records that are still to be applied, as far as is known.
    pub fn behind(&self) -> u64 {
        self.behind.load(Relaxed)
    }

    /// Tells how many records of the inputs are not scored yet, if that is known.
    pub fn set_unread(&self, records: Option<u64>) {
        self.unread.store(records.unwrap_or(u64::MAX), Relaxed);
    }

    /// Records of the inputs that are not scored yet, if that is known.
    pub fn unread(&self) -> Option<u64> {
        Some(self.unread.load(Relaxed)).filter(|&unread| unread != u64::MAX)
    }

    /// Records that were applied, tombstones included.
    pub fn records(&self) -> u64 {
        self.records.load(Relaxed)
    }

    /// People with a score.
    pub fn people(&self) -> u64 {
        self.ranking.read().len() as u64
    }

    /// People who opted out, as far as tombstones told.
    pub fn opted_out(&self) -> u64 {
        self.opted_out.len() as u64
    }

    /// Votes: the newest scale; `None` before the first record.
    pub fn scale(&self) -> Option<f64> {
        Some(self.scales.newest()?.votes)
    }

    /// The newest time that a score is for; `None` before the first record.
    pub(crate) fn as_of(&self) -> Option<Timestamp> {
        Some(self.as_of.load(Relaxed)).filter(|&as_of| as_of > Timestamp::MIN)
    }

    /// Shows what was applied to those who watch the stream. [`crate::Server`] does it ten times a second.
    pub fn show_changes(&self) {
        self.changes.seal();
        let records = self.records();
        let mut last = self.last_applied.lock();
        // What was there before is older than it looks.
        if std::mem::replace(&mut last.0, records) != records && self.is_ready() {
            last.1 = Some(Instant::now());
        }
    }

    /// For how long nothing was applied, since the first that came after it had caught up.
    pub(crate) fn quiet(&self) -> Option<Duration> {
        self.last_applied.lock().1.map(|at| at.elapsed())
    }

    fn publish(&self, user: &str, score: &Score, model_version: u32) {
        let scale = self.scales.number(Scale { votes: score.scale, version: score.scale_version, model_version });
        let record = Record::new(score, scale);
        let key = self.key(user);
        let person = self.person(user);
        self.opted_out.remove(&key);
        self.as_of.fetch_max(score.as_of, Relaxed);
        let before = self.ranking.write().publish(&person, Some(record));
        match before {
            Some(before) if before.height() != record.height() => self.history.lock().moved(key, &before, &record),
            Some(_) => {}
            None => self.names.write().insert(Named(Arc::clone(&person))),
        }
        if self.is_ready() {
            let moved = record.score - before.map_or(0.0, |before| before.score);
            self.changes.push(Change::scored(person, key, moved));
        }
    }

    fn remove(&self, user: &str, why: Removal) {
        let key = self.key(user);
        match why {
            Removal::OptedOut => _ = self.opted_out.insert(key),
            Removal::OptedIn | Removal::Silent => _ = self.opted_out.remove(&key),
        }
        let Some(Named(person)) = self.users.remove(user) else { return };
        self.ranking.write().publish(&person, None);
        self.names.write().remove(|named| (*named.0.name).cmp(user));
        self.history.lock().forget(key);
        if self.is_ready() {
            self.changes.push(Change::removed(person, key));
        }
    }

    fn person(&self, user: &str) -> Arc<Person> {
        if let Some(named) = self.users.get(user) {
            return Arc::clone(&named.0);
        }
        let person = Arc::new(Person::new(user));
        self.users.insert(Named(Arc::clone(&person)));
        person
    }

    /// The hash of a name, under a key of this process.
    pub(crate) fn key(&self, user: &str) -> u64 {
        self.hashes.hash_one(user)
    }

    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The hash of a person's name, however somebody who asks spells it.
    pub(crate) fn key_of(&self, user: &str) -> u64 {
        self.key(self.spelling.spell(user, &mut String::new()))
    }

    /// One person's score and place.
    pub fn user(&self, user: &str) -> Result<ScoreAnswer, Absence> {
        let mut memory = String::new();
        let user = self.spelling.spell(user, &mut memory);
        let person = self.users.get(user).map(|named| Arc::clone(&named.0));
        person.and_then(|person| self.answer(&person)).ok_or_else(|| self.absence(user))
    }

    fn absence(&self, user: &str) -> Absence {
        if self.opted_out.contains(&self.key(user)) { Absence::OptedOut } else { Absence::NotRated }
    }

    /// A person's score and place, unless there is none.
    pub(crate) fn answer(&self, person: &Arc<Person>) -> Option<ScoreAnswer> {
        let (record, place, total) = {
            let ranking = self.ranking.read();
            let record = person.record()?;
            (record, ranking.place(person, record.height()), ranking.len())
        };
        Some(self.score_answer(&record, &place, total))
    }

    fn score_answer(&self, record: &Record, place: &Place, total: usize) -> ScoreAnswer {
        ScoreAnswer::new(record, place, total, self.scales.get(record.scale))
    }

    fn answers(&self, ranking: &Ranking, first: usize, count: usize) -> Vec<ScoreAnswer> {
        let places = ranking.places(first, count);
        let answer = |place: &Place| Some(self.score_answer(&place.person.record()?, place, ranking.len()));
        places.iter().filter_map(answer).collect()
    }

    /// People with scores in a range, ends included, the highest first: so many of them, after one that was told before,
    /// who is named with what they were ranked by.
    pub fn ranking(&self, scores: (f32, f32), after: Option<(f32, &str)>, limit: usize) -> Page {
        let (lowest, highest) = scores;
        let ranking = self.ranking.read();
        let start = if highest < 100.0 { ranking.higher(highest) } else { 0 };
        let end = ranking.not_lower(lowest);
        let told = after.map_or(0, |(height, user)| {
            let before = ranking.before(height, user);
            before + usize::from(ranking.is_at(before, user))
        });
        let first = start.max(told).min(end.max(start));
        let count = limit.min(end.saturating_sub(first));
        Page {
            users: self.answers(&ranking, first, count),
            total: end.saturating_sub(start) as u64,
            has_more: first + count < end,
        }
    }

    /// A person, and so many before and behind them in the ranking.
    pub fn around(&self, user: &str, limit: usize) -> Result<Vec<ScoreAnswer>, Absence> {
        let mut memory = String::new();
        let user = self.spelling.spell(user, &mut memory);
        let person = self.users.get(user).map(|named| Arc::clone(&named.0)).ok_or_else(|| self.absence(user))?;
        let ranking = self.ranking.read();
        let record = person.record().ok_or_else(|| self.absence(user))?;
        let place = ranking.before(record.height(), user);
        let first = place.saturating_sub(limit);
        Ok(self.answers(&ranking, first, place - first + limit + 1))
    }

    /// People whose name begins so, the highest score first. Of a beginning that tens of thousands share, the best that
    /// are found among the first of the ranking and of the names.
    pub fn search(&self, prefix: &str, limit: usize) -> Vec<ScoreAnswer> {
        let mut memory = String::new();
        let prefix = self.spelling.spell(prefix, &mut memory);
        let (mut found, is_all) = self.named(prefix);
        if !is_all {
            found.extend(self.best(prefix, limit));
        }
        let mut answers: Vec<ScoreAnswer> = self.best_of(found, limit).iter().filter_map(|p| self.answer(p)).collect();
        answers.sort_by_key(|answer| answer.rank);
        answers
    }

    /// People in whose name these letters stand somewhere, in whatever case, among the first of the ranking.
    pub fn search_inside(&self, letters: &str, limit: usize) -> Vec<ScoreAnswer> {
        let letters = self.spelling.spell(letters, &mut String::new()).to_lowercase();
        let first: Vec<_> = self.ranking.read().people_from(0).take(SEARCHED_PLACES_MAX).map(Arc::clone).collect();
        let found = first.iter().filter(|person| person.name.to_lowercase().contains(&letters));
        found.filter_map(|person| self.answer(person)).take(limit).collect()
    }

    /// The first names that begin so, and whether these are all.
    fn named(&self, prefix: &str) -> (Vec<Arc<Person>>, bool) {
        let names = self.names.read();
        let first = names.rank(|named| *named.0.name < *prefix);
        let matching = names.iter_from(first).take_while(|named| named.0.name.starts_with(prefix));
        let found: Vec<_> = matching.take(SEARCHED_NAMES_MAX + 1).map(|named| Arc::clone(&named.0)).collect();
        let is_all = found.len() <= SEARCHED_NAMES_MAX;
        (found, is_all)
    }

    /// The first of the ranking whose names begin so.
    fn best(&self, prefix: &str, limit: usize) -> Vec<Arc<Person>> {
        let ranking = self.ranking.read();
        let people = ranking.people_from(0).take(SEARCHED_PLACES_MAX);
        people.filter(|person| person.name.starts_with(prefix)).take(limit).map(Arc::clone).collect()
    }

    fn best_of(&self, people: Vec<Arc<Person>>, limit: usize) -> Vec<Arc<Person>> {
        let scored = people.into_iter().filter_map(|person| Some((person.record()?.height(), person)));
        let mut scored: Vec<(f32, Arc<Person>)> = scored.collect();
        scored.sort_by(|(height, person), (other_height, other)| {
            other_height.total_cmp(height).then_with(|| person.name.cmp(&other.name))
        });
        scored.dedup_by(|(_, person), (_, other)| Arc::ptr_eq(person, other));
        scored.into_iter().take(limit).map(|(_, person)| person).collect()
    }

    /// How scores are spread.
    pub fn distribution(&self) -> Distribution {
        let ranking = self.ranking.read();
        let total = ranking.len();
        // So many people come behind the one whose score it is.
        let score_of_share = |percent: f64| {
            let behind = ((total as f64 * percent / 100.0) as usize).min(total.saturating_sub(1));
            total.checked_sub(behind + 1).and_then(|rank| ranking.score_at(rank))
        };
        Distribution::new(ranking.points(), score_of_share)
    }

    /// How a person moved, as far as it is remembered, the oldest movement first.
    pub fn history(&self, user: &str) -> Result<Movements, Absence> {
        let user = self.user(user)?.user;
        let points = self.history.lock().points(self.key(&user));
        let points = points.windows(2).map(|ends| self.movement(&ends[0], &ends[1])).collect();
        Ok(Movements { user, points })
    }

    fn movement(&self, before: &Point, after: &Point) -> Movement {
        let parts = split::parts(&self.moment(before), &self.moment(after));
        Movement::new(after, before.score, Parts::new(parts))
    }

    fn moment(&self, point: &Point) -> Moment {
        Moment {
            score: point.score.into(),
            influence: point.influence.into(),
            factors: point.factors.map(f64::from),
            audience: point.audience.into(),
            scale: self.scales.get(point.scale).votes,
        }
    }
}
