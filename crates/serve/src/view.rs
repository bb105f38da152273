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
use vocabulary::{Kind, Network, Removal, Score, Timestamp};
use wire::{Link, NameField, Names};

use tracing::warn;
use views::{Base, Circle, Close, Gains, Reader, Span, ViewsError};

use crate::answer::{
    Account, Between, CircleAnswer, CirclePartAnswer, CloseAnswer, Deltas, Distribution, Facet, KindPart, Movement,
    Movements, Mover, Parts, PeoplePart, PeopleParts, PersonPart, ScoreAnswer, Standing,
};
use crate::called::{Called, Calling};
use crate::changes::{Change, Changes};
use crate::closes::{self, Closes, Movers, Of};
use crate::crowd::{self, Crowd, Selected, Window};
use crate::cursor::Cursor;
use crate::history::{History, Point};
use crate::klout::Ids;
use crate::known::{KeyOf, Known};
use crate::link;
use crate::ordered::Ordered;
use crate::people::{People, Summed};
use crate::person::{Named, Person, Record};
use crate::ranking::{Place, Ranking, Within};
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
    /// The closes that are kept on disk, if any are.
    pub closes: Option<Reader>,
    /// Whoever has a lower score and has not said that they are somebody, by a link or by agreeing to be found, is told to
    /// nobody. 0 tells everybody.
    pub unclaimed_below: f32,
    /// The name of the application, of which the ids of Klout's API are made, where that is answered.
    pub klout_ids_of: Option<String>,
}

impl Default for ViewOptions {
    fn default() -> ViewOptions {
        ViewOptions {
            history_points_max: 250_000,
            history_points_each_max: 100,
            changes_max: 262_144,
            names: Names::default(),
            closes: None,
            unclaimed_below: 0.0,
            klout_ids_of: None,
        }
    }
}

/// One committed record of the table of scores, or of that of names.
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
    /// What an account is called.
    Called {
        /// The account, by the name that is scored.
        user: &'a str,
        /// What is said of it.
        field: NameField,
        /// As text; `None` where it is not known any more.
        value: Option<&'a str>,
    },
    /// Whose an account is.
    Linked {
        /// The account, by the name that is scored.
        account: &'a str,
        /// The person; `None` where the account is nobody else's any more.
        link: Option<&'a Link>,
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
    /// What people are called. It outlives their scores.
    calling: Arc<Calling>,
    /// Whom keyed hashes of names are of.
    known: Arc<Known>,
    /// Who has several accounts. It outlives scores as well.
    linked: People,
    unclaimed_below: f32,
    spelling: Names,
    scales: Scales,
    history: Mutex<History>,
    closes: Option<Closes>,
    /// The ids of Klout's API, where it is answered.
    klout: Option<Ids>,
    changes: Changes,
    hashes: RandomState,
    /// Hashes of the names of those who opted out, under a key that only this process knows.
    opted_out: DashSet<u64>,
    is_ready: AtomicBool,
    /// No broker has answered yet.
    waits: AtomicBool,
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
    /// How many there are on the network and within the range of scores.
    pub total: u64,
    /// Where those begin who follow, if any do.
    pub next: Option<Cursor>,
}

/// The part of the ranking that is asked for.
#[derive(Clone, Debug)]
pub struct Part {
    /// People on this network alone.
    pub network: Option<Network>,
    /// People alone who mostly write in this language, by its code.
    pub language: Option<String>,
    /// People alone whose profile declares this country, by its code.
    pub country: Option<String>,
    /// The lowest score, and the highest one; both are in it.
    pub scores: (f32, f32),
}

impl Default for Part {
    fn default() -> Part {
        Part { network: None, language: None, country: None, scores: (0.0, 100.0) }
    }
}

/// What stands for the name of somebody who does not agree to be called by it. The key is that of this process.
pub(crate) fn pseudonym(key: u64) -> String {
    format!("unlisted:{key:016x}")
}

impl View {
    /// An empty view.
    pub fn new(options: ViewOptions) -> View {
        let calling = Arc::<Calling>::default();
        View {
            users: DashSet::new(),
            ranking: RwLock::default(),
            names: RwLock::default(),
            known: Arc::new(Known::new(Arc::clone(&calling))),
            calling,
            linked: People::default(),
            unclaimed_below: options.unclaimed_below,
            spelling: options.names,
            scales: Scales::default(),
            history: Mutex::new(History::new(options.history_points_max, options.history_points_each_max)),
            closes: options.closes.map(Closes::new),
            klout: options.klout_ids_of.as_deref().map(Ids::new),
            changes: Changes::new(options.changes_max),
            hashes: RandomState::new(),
            opted_out: DashSet::new(),
            is_ready: AtomicBool::new(false),
            waits: AtomicBool::new(false),
            records: AtomicU64::new(0),
            behind: AtomicU64::new(0),
            unread: AtomicU64::new(u64::MAX),
            as_of: AtomicI64::new(Timestamp::MIN),
            last_applied: Mutex::default(),
        }
    }

    /// Takes a committed record over. Records of one person must come in their order.
    pub fn apply(&self, update: Update<'_>) {
        self.records.fetch_add(u64::from(!matches!(update, Update::Called { .. } | Update::Linked { .. })), Relaxed);
        match update {
            Update::Scored { user, score, model_version } => self.publish(user, score, model_version),
            Update::Removed { user, why } => self.remove(user, why),
            Update::Called { user, field, value } => self.call(user, field, value),
            Update::Linked { account, link } => self.link(account, link),
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
        self.klout.iter().for_each(Ids::clear);
        *self.ranking.write() = Ranking::default();
        *self.names.write() = Ordered::default();
        self.linked.forget_records();
        self.history.lock().clear();
        self.opted_out.clear();
        self.known.clear();
        self.as_of.store(Timestamp::MIN, Relaxed);
        self.changes.break_off();
    }

    /// Whether it has caught up.
    pub fn is_ready(&self) -> bool {
        self.is_ready.load(Relaxed)
    }

    /// Tells whether no broker has answered yet.
    pub fn set_waits(&self, waits: bool) {
        self.waits.store(waits, Relaxed);
    }

    /// Whether no broker has answered yet, so that nothing can be read.
    pub fn waits(&self) -> bool {
        self.waits.load(Relaxed)
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
    pub fn as_of(&self) -> Option<Timestamp> {
        Some(self.as_of.load(Relaxed)).filter(|&as_of| as_of > Timestamp::MIN)
    }

    /// Shows what was applied to those who watch the stream. [`crate::Server`] does it ten times a second.
    pub fn show_changes(&self) {
        self.changes.seal();
        if let (Some(votes), Some(now)) = (self.scale(), self.as_of()) {
            self.linked.look(votes, now);
        }
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
        self.linked.changed(user, self).into_iter().for_each(|summed| self.note_sum(&summed));
        match before {
            Some(before) if before.height() != record.height() => self.history.lock().moved(key, &before, &record),
            Some(_) => {}
            None => {
                self.known.meet(&person);
                self.names.write().insert(Named(Arc::clone(&person)));
                self.klout.iter().for_each(|ids| ids.insert(&person));
                self.set_facets(&person);
            }
        }
        if self.is_ready() {
            let moved = record.score - before.map_or(0.0, |before| before.score);
            self.changes.push(Change::scored(person, key, moved));
        }
    }

    fn remove(&self, user: &str, why: Removal) {
        let key = self.key(user);
        let is_withheld = || self.account_of(user).is_some_and(|person| self.is_unnamed(&person));
        let is_hidden = self.is_hidden(user) || is_withheld();
        self.known.miss(user, why == Removal::OptedOut);
        match why {
            Removal::OptedOut => {
                self.opted_out.insert(key);
                self.calling.forget(user);
            }
            Removal::OptedIn | Removal::Silent => _ = self.opted_out.remove(&key),
        }
        let Some(Named(person)) = self.users.remove(user) else { return };
        self.ranking.write().publish(&person, None);
        self.linked.changed(user, self).into_iter().for_each(|summed| self.note_sum(&summed));
        self.names.write().remove(|named| (*named.0.name).cmp(user));
        self.history.lock().forget(key);
        self.klout.iter().for_each(|ids| ids.remove(user));
        if self.is_ready() {
            self.changes.push(Change::removed(person, key, is_hidden));
        }
    }

    /// Puts somebody where those are who write and live likewise. Names and scores may be told by two threads: each looks at
    /// what the other has done after what it did itself, so that one of them sees both.
    fn set_facets(&self, person: &Arc<Person>) {
        let mut ranking = self.ranking.write();
        let called = self.calling.get(&person.name);
        let called = called.as_deref();
        let (language, country) =
            (called.and_then(|called| called.language.as_deref()), called.and_then(|called| called.country));
        ranking.set_facets(person, [language, country]);
    }

    fn call(&self, user: &str, field: NameField, value: Option<&str>) {
        if let (NameField::Handle, Some(handle)) = (field, value) {
            // Of a network one account has a handle: who had it before has given it up, whether or not the network has said so.
            self.calling.others_of_handle(user, handle).iter().for_each(|other| self.call(other, field, None));
        }
        let key = self.key(user);
        if self.opted_out.contains(&key) || !self.calling.learn(user, field, value) {
            return;
        }
        let person = self.users.get(user).map(|named| Arc::clone(&named.0));
        if let (NameField::Language | NameField::Country, Some(person)) = (field, &person) {
            self.set_facets(person);
        }
        if !self.is_ready() {
            return;
        }
        // Whoever watches hears the new name with the old score.
        if let Some(person) = person.filter(|person| person.record().is_some()) {
            self.changes.push(Change::scored(person, key, 0.0));
        }
    }

    fn link(&self, account: &str, link: Option<&Link>) {
        for summed in self.linked.link(account, link, self) {
            // Who has other accounts than before did not move by that.
            self.history.lock().forget(self.person_key(&summed.person));
        }
        // Whoever watches hears of the person with the old score.
        let person = self.account_of(account).filter(|person| self.is_ready() && person.record().is_some());
        if let Some(person) = person {
            self.changes.push(Change::scored(person, self.key(account), 0.0));
        }
    }

    /// The accounts of a person add up to something else now.
    fn note_sum(&self, summed: &Summed) {
        let key = self.person_key(&summed.person);
        match (&summed.before, &summed.after) {
            (Some(before), Some(after)) if before.height() != after.height() => {
                self.history.lock().moved(key, before, after);
            }
            (_, None) => self.history.lock().forget(key),
            _ => {}
        }
    }

    /// Whether somebody is told by no name, at least not in a cursor, or in what says that they are gone.
    pub(crate) fn is_unnamed(&self, person: &Person) -> bool {
        self.is_hidden(&person.name) || person.record().is_some_and(|record| self.is_withheld(person, &record))
    }

    pub(crate) fn account_of(&self, user: &str) -> Option<Arc<Person>> {
        self.users.get(user).map(|named| Arc::clone(&named.0))
    }

    pub(crate) fn linked(&self) -> &People {
        &self.linked
    }

    pub(crate) fn scales(&self) -> &Scales {
        &self.scales
    }

    pub(crate) fn unclaimed_below(&self) -> f32 {
        self.unclaimed_below
    }

    pub(crate) fn called(&self, user: &str) -> Option<Arc<Called>> {
        self.calling.get(user)
    }

    pub(crate) fn spell<'a>(&self, user: &'a str, memory: &'a mut String) -> &'a str {
        self.spelling.spell(user, memory)
    }

    /// Asks the ranking. Whoever asks may have it open already: no writer may come in between.
    pub(crate) fn with_ranking<T>(&self, ask: impl FnOnce(&Ranking) -> T) -> T {
        ask(&self.ranking.read_recursive())
    }

    /// What is told of an account beside its score.
    pub(crate) fn account_answer(&self, person: &Arc<Person>, record: &Record) -> Option<Account> {
        let place = self.ranking.read().place(person, record.height());
        account(&person.name, &place, self.calling.get(&person.name).as_deref())
    }

    /// Whether this account is told under no name, unless somebody asks for it by that name.
    pub(crate) fn is_hidden(&self, user: &str) -> bool {
        self.calling.is_hidden(user)
    }

    /// People on each network, and those who are on none.
    pub fn networks(&self) -> (Vec<(Network, u64)>, u64) {
        let ranking = self.ranking.read();
        let count = |network| (network, ranking.line(Some(network)).len() as u64);
        let networks: Vec<(Network, u64)> = Network::of_names().map(count).collect();
        let others = ranking.len() as u64 - networks.iter().map(|(_, people)| people).sum::<u64>();
        (networks, others)
    }

    /// The languages that people mostly write in, and the countries that they declare, with the people of each.
    pub fn facets(&self) -> [Vec<(String, u64)>; 2] {
        let ranking = self.ranking.read();
        [0, 1].map(|values| ranking.values()[values].counts())
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
        person.and_then(|person| self.answer(&person, true)).ok_or_else(|| self.absence(user))
    }

    pub(crate) fn absence(&self, user: &str) -> Absence {
        if self.opted_out.contains(&self.key(user)) { Absence::OptedOut } else { Absence::NotRated }
    }

    /// A person's score and place, unless there is none. Whoever does not agree to be called by name is told by it only to
    /// those who asked by it.
    pub(crate) fn answer(&self, person: &Arc<Person>, is_asked: bool) -> Option<ScoreAnswer> {
        let (record, place, total) = {
            let ranking = self.ranking.read();
            let record = person.record().filter(|record| !self.is_withheld(person, record))?;
            (record, ranking.place(person, record.height()), ranking.len())
        };
        Some(self.score_answer(&record, &place, total, is_asked))
    }

    fn score_answer(&self, record: &Record, place: &Place, total: usize, is_asked: bool) -> ScoreAnswer {
        let name = &*place.person.name;
        let called = self.calling.get(name);
        let is_hidden = called.as_deref().is_some_and(Called::is_hidden);
        let user = if is_hidden && !is_asked { pseudonym(self.key(name)) } else { name.to_owned() };
        let account = account(name, place, called.as_deref());
        let person = if is_hidden { None } else { self.person_of(name) };
        ScoreAnswer::new(user, (account, person), record, place, total, self.scales.get(record.scale))
    }

    fn answers(&self, places: &[Place], total: usize, asked: Option<&str>) -> Vec<ScoreAnswer> {
        let answer = |place: &Place| {
            let is_asked = asked.is_some_and(|asked| *asked == *place.person.name);
            let record = place.person.record().filter(|record| !self.is_withheld(&place.person, record))?;
            Some(self.score_answer(&record, place, total, is_asked))
        };
        places.iter().filter_map(answer).collect()
    }

    /// People of a part of the ranking, the highest first: so many of them, after those who were told before.
    pub fn ranking(&self, part: Part, after: Option<&Cursor>, limit: usize) -> Page {
        let ranking = self.ranking.read();
        let window = Window { scores: part.scores, after, limit };
        let values = [part.language.as_deref(), part.country.as_deref()];
        let of_value = values.iter().zip(ranking.values()).filter_map(|(code, values)| values.of((*code)?));
        let crowds: Vec<&Crowd> = part.network.map(|network| ranking.on(network)).into_iter().chain(of_value).collect();
        // Nobody is of a code that nobody has had.
        let asked = usize::from(part.network.is_some()) + values.iter().flatten().count();
        let selected = match &crowds[..] {
            crowds if crowds.len() < asked => Selected::default(),
            [] => crowd::select(ranking.line(None), &window),
            [crowd] => crowd::select(&crowd.line, &window),
            crowds => crowd::select_common(crowds, ranking.numbered(), &window),
        };
        let Selected { people, first, mut higher, all, total, has_more } = selected;
        let (end, mut last) = (first + people.len(), None);
        let mut users = match asked {
            0 => self.answers(&ranking.places(first, people.len()), ranking.len(), None),
            _ => Vec::with_capacity(people.len()),
        };
        for (place, (person, height)) in (first..).zip(&people) {
            if last.replace(*height).is_some_and(|last| last != *height) {
                higher = place;
            }
            let is_told = |record: &Record| asked > 0 && !self.is_withheld(person, record);
            if let Some(record) = person.record().filter(is_told) {
                let answer = self.score_answer(&record, &ranking.place(person, *height), ranking.len(), false);
                let within = Some(Standing::new(Within { higher, people: all }));
                users.push(ScoreAnswer { within, ..answer });
            }
        }
        let next = people.last().filter(|_| has_more).map(|(person, height)| match self.is_unnamed(person) {
            false => Cursor { height: *height, user: person.name.to_string(), skip: 0 },
            // A name is not told by a cursor either.
            true => Cursor { height: *height, user: String::new(), skip: end - higher },
        });
        Page { users, total: total as u64, next }
    }

    /// A person, and so many before and behind them in the ranking.
    pub fn around(&self, user: &str, limit: usize) -> Result<Vec<ScoreAnswer>, Absence> {
        let mut memory = String::new();
        let user = self.spelling.spell(user, &mut memory);
        let person = self.users.get(user).map(|named| Arc::clone(&named.0)).ok_or_else(|| self.absence(user))?;
        let ranking = self.ranking.read();
        let record = person.record().filter(|record| !self.is_withheld(&person, record));
        let record = record.ok_or_else(|| self.absence(user))?;
        let place = ranking.line(None).before(record.height(), user);
        let first = place.saturating_sub(limit);
        let places = ranking.places(first, place - first + limit + 1);
        Ok(self.answers(&places, ranking.len(), Some(user)))
    }

    /// People whose name, handle or shown name begins so, the highest score first. Of a beginning that tens of thousands
    /// share, the best that are found among the first of the ranking and of the names. Nobody is found who does not agree to
    /// be.
    pub fn search(&self, prefix: &str, limit: usize) -> Vec<ScoreAnswer> {
        let lower = prefix.trim_start_matches('@').to_lowercase();
        let mut memory = String::new();
        let prefix = self.spelling.spell(prefix, &mut memory);
        let (mut found, is_all) = self.named(prefix);
        let (called, is_all_called) = match &*lower {
            "" => (Vec::new(), true),
            lower => self.calling.beginning(lower, SEARCHED_NAMES_MAX),
        };
        found.extend(called.iter().filter_map(|called| Some(Arc::clone(&self.users.get(&*called.user)?.0))));
        if !is_all {
            found.extend(self.best(limit, |person| person.name.starts_with(prefix)));
        }
        if !is_all_called {
            found.extend(self.best(limit, |person| {
                let called = self.calling.get(&person.name);
                called.is_some_and(|called| called.begins_with(&lower))
            }));
        }
        found.extend(self.linked.beginning(prefix, limit).iter().filter_map(|account| self.account_of(account)));
        found.retain(|person| !self.is_unnamed(person));
        let best = self.best_of(found, limit);
        let mut answers: Vec<ScoreAnswer> = best.iter().filter_map(|person| self.answer(person, false)).collect();
        answers.sort_by_key(|answer| answer.rank);
        answers
    }

    /// People in whose name, handle or shown name these letters stand somewhere, in whatever case, among the first of the
    /// ranking.
    pub fn search_inside(&self, letters: &str, limit: usize) -> Vec<ScoreAnswer> {
        let called = letters.trim_start_matches('@').to_lowercase();
        let letters = self.spelling.spell(letters, &mut String::new()).to_lowercase();
        let first: Vec<_> =
            self.ranking.read().line(None).people_from(0).take(SEARCHED_PLACES_MAX).map(Arc::clone).collect();
        let is_found = |person: &&Arc<Person>| {
            let known = self.calling.get(&person.name);
            let is_called = || known.as_deref().is_some_and(|known| !called.is_empty() && known.contains(&called));
            let is_hidden = known.as_deref().is_some_and(Called::is_hidden);
            !is_hidden && (person.name.to_lowercase().contains(&letters) || is_called())
        };
        let found = first.iter().filter(is_found);
        found.filter_map(|person| self.answer(person, false)).take(limit).collect()
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

    /// The first of the ranking of whom this is true.
    fn best(&self, limit: usize, is_wanted: impl Fn(&Person) -> bool) -> Vec<Arc<Person>> {
        let ranking = self.ranking.read();
        let people = ranking.line(None).people_from(0).take(SEARCHED_PLACES_MAX);
        people.filter(|person| is_wanted(person)).take(limit).map(Arc::clone).collect()
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
        let points = self.movements(self.key(&user));
        Ok(Movements { user, points })
    }

    /// The ids of Klout's API, where it is answered.
    pub(crate) fn klout(&self) -> Option<&Ids> {
        self.klout.as_ref()
    }

    /// What accounts are called.
    pub(crate) fn calling(&self) -> &Calling {
        &self.calling
    }

    /// Everybody who has a record, in no order.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = Arc<Person>> + '_ {
        self.users.iter().map(|named| Arc::clone(&named.0))
    }

    /// The closes that are kept on disk, if any are.
    pub(crate) fn closes(&self) -> Option<&Closes> {
        self.closes.as_ref()
    }

    /// Says how many closes are published and not kept yet, if that is known.
    pub fn set_closes_behind(&self, behind: Option<u64>) {
        self.closes.iter().for_each(|closes| closes.set_behind(behind));
    }

    /// Whether a tombstone said that this person has opted out.
    pub fn has_opted_out(&self, user: &str) -> bool {
        self.opted_out.contains(&self.key(user))
    }

    /// Takes over the key under which credits hash names: from now on people are known by it who get a score. So it is told before
    /// scores are, and anew with another table of scores.
    pub fn learn_keys(&self, key_of: KeyOf) {
        self.known.learn(key_of);
    }

    /// Who is behind keyed hashes of names, as far as scores tell.
    pub fn known(&self) -> Arc<dyn views::Names> {
        Arc::<Known>::clone(&self.known)
    }

    /// Says how many records of credits are published and not kept yet, if that is known.
    pub fn set_circles_behind(&self, behind: Option<u64>) {
        self.closes.iter().for_each(|closes| closes.set_circles_behind(behind));
    }

    /// Who gave most to somebody in so long, and to whom that person gave most; nothing where no circles are kept. Whoever has opted out,
    /// is not to be named or has no score is not in it; the totals are of all. It reads the disk.
    ///
    /// # Errors
    /// If the store refuses.
    pub fn circle(&self, user: &str, span: Span) -> Result<Circle, ViewsError> {
        self.closes.as_ref().map_or_else(|| Ok(Circle::default()), |closes| closes.reader.circle(user, span))
    }

    /// The same with everybody's score.
    pub(crate) fn circle_answer(&self, user: &str, span: Span) -> Result<CircleAnswer, ViewsError> {
        let circle = self.circle(user, span)?;
        let parts = |parts: Vec<views::Part>| {
            let part = |part: views::Part| {
                let person = self.users.get(part.user.as_str()).map(|named| Arc::clone(&named.0))?;
                Some(CirclePartAnswer { votes: part.votes, share: part.share, person: self.answer(&person, false)? })
            };
            parts.into_iter().filter_map(part).collect()
        };
        Ok(CircleAnswer {
            user: user.to_owned(),
            by: span.word(),
            fans_votes: circle.fans_total,
            idols_votes: circle.idols_total,
            fans: parts(circle.fans),
            idols: parts(circle.idols),
        })
    }

    /// How far somebody has moved since each of the spans; nothing where no close is kept.
    pub(crate) fn deltas(&self, score: &ScoreAnswer) -> Deltas {
        let delta = |span| {
            let base = self.closes.as_ref()?.reader.base(&score.user, span)?;
            let is_comparable = base.model_version == score.model_version;
            is_comparable.then(|| f64::from(score.score) - f64::from(base.score))
        };
        Deltas { day: delta(Span::Day), week: delta(Span::Week), month: delta(Span::Month) }
    }

    /// Somebody's closes; none where none are kept. It reads the disk.
    pub(crate) fn closes_of(&self, user: &str) -> Result<Vec<Close>, ViewsError> {
        self.closes.as_ref().map_or_else(|| Ok(Vec::new()), |closes| closes.of(user))
    }

    /// Why somebody moved between the closes that held at the ends of two days, or since the first of them; `None` without a
    /// close of the day or before it, or where the model is another one.
    pub(crate) fn between(&self, score: &ScoreAnswer, closes: &[Close], from: i32, to: Option<i32>) -> Option<Between> {
        let at = |day: i32| closes[..closes.partition_point(|close| close.day <= day)].last();
        let from = at(from)?;
        let to_day = to.map(|to| at(to).map_or(to, |close| close.day));
        let (to, (after, model_version)) = match to {
            Some(to) => {
                at(to).map(|close| (Some(close_answer(close)), (closes::moment(close), close.model_version)))?
            }
            None => {
                let record = self.users.get(score.user.as_str())?.0.record()?;
                (None, (self.moment(&Point::from(&record)), score.model_version))
            }
        };
        (from.model_version == model_version).then_some(())?;
        let before = closes::moment(from);
        let parts = split::parts(&before, &after);
        let gains = self.gains(&score.user, from.day, to_day).unwrap_or_else(|error| {
            warn!(%error, "people are not told among the reasons of a movement");
            None
        });
        Some(Between {
            user: score.user.clone(),
            from: close_answer(from),
            to,
            score: after.score,
            change: after.score - before.score,
            parts: Parts::new(parts),
            people: gains.map(|gains| reasons(&gains, &before, &after, parts[..3].iter().sum())),
        })
    }

    fn gains(&self, user: &str, from: i32, to: Option<i32>) -> Result<Option<Gains>, ViewsError> {
        let Some(closes) = &self.closes else { return Ok(None) };
        let to = to.or_else(|| self.as_of().map(closes::day_of));
        to.map_or(Ok(None), |to| closes.reader.gains(user, from, to))
    }

    /// Who rose and who fell most in so long. It looks at everybody, now and then.
    pub(crate) fn movers(&self, span: Span, limit: usize) -> [Vec<Mover>; 2] {
        let Some(closes) = &self.closes else { return [Vec::new(), Vec::new()] };
        let moved = |person: &Person, base: &Base| {
            let record = person.record()?;
            let is_comparable = self.scales.get(record.scale).model_version == base.model_version;
            is_comparable.then_some(record.score - base.score)
        };
        let Movers { up, down } = closes.movers(Of::Accounts, span, |base, offer| {
            for person in self.everybody() {
                let base = base(&person.name);
                if let Some((change, base)) = base.and_then(|base| Some((moved(&person, &base)?, base))) {
                    offer(change, person, base);
                }
            }
        });
        [up, down].map(|people| {
            let mover = |(person, base): &(Arc<Person>, Base)| {
                let change = f64::from(moved(person, base)?);
                Some(Mover { change, since: closes::date(base.day), person: self.answer(person, false)? })
            };
            let mut movers: Vec<Mover> = people.iter().filter_map(mover).take(limit).collect();
            // They have moved on since they were looked for.
            movers.sort_by(|one, other| other.change.abs().total_cmp(&one.change.abs()));
            movers
        })
    }

    /// The movements that are kept under a key, the oldest first.
    pub(crate) fn movements(&self, key: u64) -> Vec<Movement> {
        let points = self.history.lock().points(key);
        points.windows(2).map(|ends| self.movement(&ends[0], &ends[1])).collect()
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

/// What people and kinds did to a score: what fans gave is what reach, amplification and network did together, and what neither new
/// acts nor age explain is that fans count for more, or less.
fn reasons(gains: &Gains, before: &Moment, after: &Moment, by_fans: f64) -> PeopleParts {
    let points = split::points_a_vote(before, after);
    let part = |people: u64, votes: f64, largest: &[(String, f64)]| PeoplePart {
        people,
        points: votes * points,
        largest: largest
            .iter()
            .map(|(user, votes)| PersonPart { user: user.clone(), points: votes * points })
            .collect(),
    };
    let new_fans = part(gains.new_fans, gains.new_votes, &gains.largest_new);
    let known_fans = part(gains.known_fans, gains.known_votes, &gains.largest_known);
    let time = before.given() * (gains.left - 1.0) * points;
    let kinds = Kind::COUNTED.into_iter().zip(gains.kinds);
    let kinds = kinds.filter(|(_, votes)| *votes != 0.0);
    PeopleParts {
        worth: by_fans - new_fans.points - known_fans.points - time,
        kinds: kinds.map(|(kind, votes)| KindPart { kind: kind.word(), points: votes * points }).collect(),
        new_fans,
        known_fans,
        time,
    }
}

pub(crate) fn close_answer(close: &Close) -> CloseAnswer {
    CloseAnswer {
        day: closes::date(close.day),
        score: close.score,
        influence: close.influence,
        model_version: close.model_version,
    }
}

/// What is told of an account beside its score; `None` where it is on no network and is not called anything.
fn account(name: &str, place: &Place, called: Option<&Called>) -> Option<Account> {
    if place.on.is_none() && called.is_none() {
        return None;
    }
    let is_hidden = called.is_some_and(Called::is_hidden);
    let shown = called.filter(|_| !is_hidden);
    let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
    let [handle, own] =
        [shown.and_then(|called| called.handle.as_deref()), shown.and_then(|called| called.url.as_deref())];
    let network = place.on.map(|(_, within)| Standing::new(within));
    let [language, country] = place.among.map(|within| within.filter(|_| !is_hidden).map(Standing::new));
    Some(Account {
        network: place.on.map(|(network, _)| network.prefix()),
        network_rank: network.map(|network| network.rank),
        network_people: network.map(|network| network.people),
        network_share: network.map(|network| network.share),
        language: language.and_then(|standing| Some(Facet { code: shown?.language.as_deref()?.to_owned(), standing })),
        country: country.and_then(|standing| Some(Facet { code: shown?.country?.to_owned(), standing })),
        handle: shown.and_then(|called| text(&called.handle)),
        display_name: shown.and_then(|called| text(&called.display_name)),
        url: if is_hidden { None } else { link::page(name, handle, own) },
        is_bot: called.and_then(|called| called.is_bot),
        is_listed: !is_hidden,
    })
}
