//! Writes what credits tell: who gave whom how much, day by day, in transactions that hold the offsets as well.
//!
//! A file beside that of closes. Nobody's name is in it: people have numbers, and one table has the keyed hash of each. Whoever is
//! erased loses the hash and all days of their own; in those of others a number stays that nobody has.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::RwLock;
use rusqlite::{Connection, OptionalExtension, params};
use wire::{Credits, Rated};

use crate::calendar::Day;
use crate::database::{CIRCLES, Folder, ViewsError, place};
use crate::given::{Given, Pair};
use crate::writer::{Pool, Source};

/// Days that are kept: of a month, and of some before, which tell who was there already.
pub(crate) const KEPT_DAYS: Day = 40;
/// Acts that wait for a transaction at most.
const PENDING_MAX: usize = 262_144;
const DAY_MS: i64 = 86_400_000;
/// No number of an account.
const NOBODY: u32 = u32::MAX;

pub(crate) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS offsets (partition INTEGER PRIMARY KEY, next INTEGER NOT NULL, day INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (hash INTEGER PRIMARY KEY, number INTEGER NOT NULL, rate REAL NOT NULL, rated_at INTEGER NOT NULL, day INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS given (place INTEGER PRIMARY KEY, pairs BLOB NOT NULL);
";

/// Who is behind the keyed hashes of names. It is asked at the moment of an answer, so that whoever is gone by then is not named.
pub trait Names: Send + Sync + std::fmt::Debug {
    /// The hash of a name; `None` while nobody knows the key.
    fn key(&self, user: &str) -> Option<u64>;
    /// Who has this hash; `None` of somebody who is not to be named, or not known.
    fn name(&self, key: u64) -> Option<String>;
    /// Whether whoever has this hash has been erased.
    fn is_erased(&self, key: u64) -> bool;
}

/// What is known of an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pub(crate) hash: u64,
    /// What one unit of the account's weight is worth, as was told last, and when that was.
    pub(crate) rate: f32,
    rated_at: i64,
    /// The newest day of an act by it or on it.
    day: Day,
    /// Whether it is there: not erased, and not forgotten.
    pub(crate) is_there: bool,
}

/// All accounts: by hash, and by number.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) numbers: HashMap<u64, u32>,
    pub(crate) list: Vec<Account>,
    changed: BTreeSet<u32>,
}

impl Accounts {
    pub(crate) fn get(&self, number: u32) -> Option<&Account> {
        self.list.get(number as usize).filter(|account| account.is_there)
    }

    fn number(&mut self, hash: u64, day: Day) -> u32 {
        let list = &mut self.list;
        let number = *self.numbers.entry(hash).or_insert_with(|| {
            list.push(Account { hash, rate: 0.0, rated_at: i64::MIN, day, is_there: true });
            list.len() as u32 - 1
        });
        let account = &mut self.list[number as usize];
        if account.day < day || account.rated_at == i64::MIN {
            account.day = account.day.max(day);
            self.changed.insert(number);
        }
        number
    }

    /// Acts come late, and partitions in any order. Of an act and a rate of one time the rate is what was told last.
    fn note_rate(&mut self, number: u32, rate: f32, at: i64, is_act: bool) {
        let account = &mut self.list[number as usize];
        if at > account.rated_at || !is_act && at == account.rated_at {
            (account.rate, account.rated_at) = (rate, at);
            self.changed.insert(number);
        }
    }

    fn forget(&mut self, number: u32) {
        let Some(account) = self.list.get_mut(number as usize) else { return };
        self.numbers.remove(&account.hash);
        *account = Account { hash: 0, rate: 0.0, rated_at: i64::MIN, day: Day::MIN, is_there: false };
        self.changed.remove(&number);
    }
}

/// What the writer and readers of circles share.
#[derive(Debug)]
pub(crate) struct SharedCircles {
    pub(crate) file: PathBuf,
    pub(crate) pool: Pool,
    pub(crate) names: Arc<dyn Names>,
    pub(crate) accounts: RwLock<Accounts>,
    /// The newest time of an act, and the half-life.
    pub(crate) clock: RwLock<Clock>,
}

/// What credits are aged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub(crate) now: i64,
    pub(crate) half_life_ms: i64,
    pub(crate) window_ms: i64,
}

impl Clock {
    const UNKNOWN: Clock = Clock { now: i64::MIN, half_life_ms: 0, window_ms: 0 };

    /// What is left now of what was 1 at the end of this day.
    pub(crate) fn left(&self, day: Day) -> f64 {
        self.left_at(day, self.now)
    }

    /// The same, at another time.
    pub(crate) fn left_at(&self, day: Day, at: i64) -> f64 {
        let age = (at - (i64::from(day) + 1) * DAY_MS) as f64 / self.half_life_ms.max(1) as f64;
        (-age).exp2()
    }

    pub(crate) fn today(&self) -> Day {
        day_of(self.now)
    }
}

/// How far a partition has been read.
#[derive(Clone, Copy, Debug)]
struct Reached {
    next: i64,
    day: Day,
}

/// The one that writes circles.
pub struct CirclesWriter {
    _folder: Arc<Folder>,
    connection: Connection,
    shared: Arc<SharedCircles>,
    /// By day and number of the person.
    pending: HashMap<(Day, u32), Given>,
    pending_acts: usize,
    reached: BTreeMap<i32, Reached>,
    expired_until: Day,
    has_remains: bool,
}

impl std::fmt::Debug for CirclesWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CirclesWriter").field("reached", &self.reached).finish_non_exhaustive()
    }
}

pub(crate) fn day_of(at: i64) -> Day {
    at.div_euclid(DAY_MS).clamp(0, 4_000_000) as Day
}

/// Columns of SQLite are signed.
fn signed(hash: u64) -> i64 {
    hash as i64
}

impl CirclesWriter {
    pub(crate) fn open(folder: Arc<Folder>, names: Arc<dyn Names>) -> Result<CirclesWriter, ViewsError> {
        let open = || -> Result<CirclesWriter, ViewsError> {
            let connection = folder.open(CIRCLES, TABLES)?;
            let shared = SharedCircles {
                file: folder.file(CIRCLES),
                pool: Pool::default(),
                names: Arc::clone(&names),
                accounts: RwLock::default(),
                clock: RwLock::new(Clock::UNKNOWN),
            };
            let mut writer = CirclesWriter {
                _folder: Arc::clone(&folder),
                connection,
                shared: Arc::new(shared),
                pending: HashMap::new(),
                pending_acts: 0,
                reached: BTreeMap::new(),
                expired_until: Day::MIN,
                // Whoever was killed may have left some.
                has_remains: true,
            };
            writer.load()?;
            Ok(writer)
        };
        match open() {
            Err(error) if error.is_damage() => {
                tracing::warn!(%error, "the circles are damaged: they are made anew");
                folder.remove(CIRCLES)?;
                open()
            }
            result => result,
        }
    }

    pub(crate) fn shared(&self) -> Arc<SharedCircles> {
        Arc::clone(&self.shared)
    }

    fn fact(&self, name: &str) -> Result<Option<i64>, ViewsError> {
        let mut statement = self.connection.prepare_cached("SELECT value FROM facts WHERE name = ?")?;
        Ok(statement.query_row([name], |row| row.get(0)).optional()?)
    }

    fn load(&mut self) -> Result<(), ViewsError> {
        let mut statement = self.connection.prepare("SELECT partition, next, day FROM offsets")?;
        let reached =
            statement.query_map([], |row| Ok((row.get(0)?, Reached { next: row.get(1)?, day: row.get(2)? })))?;
        self.reached = reached.collect::<Result<_, _>>()?;
        drop(statement);
        let count = self.fact("next_number")?.unwrap_or(0) as usize;
        let nobody = Account { hash: 0, rate: 0.0, rated_at: i64::MIN, day: Day::MIN, is_there: false };
        let mut accounts = Accounts { list: vec![nobody; count], ..Accounts::default() };
        let mut statement = self.connection.prepare("SELECT hash, number, rate, rated_at, day FROM accounts")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (hash, number): (i64, u32) = (row.get(0)?, row.get(1)?);
            let Some(account) = accounts.list.get_mut(number as usize) else { continue };
            let (rate, rated_at, day): (f64, i64, Day) = (row.get(2)?, row.get(3)?, row.get(4)?);
            *account = Account { hash: hash as u64, rate: rate as f32, rated_at, day, is_there: true };
            accounts.numbers.insert(hash as u64, number);
        }
        drop(rows);
        drop(statement);
        *self.shared.accounts.write() = accounts;
        let fact = |name| Ok::<_, ViewsError>(self.fact(name)?.unwrap_or(0));
        let (half_life_ms, window_ms) = (fact("half_life_ms")?, fact("window_ms")?);
        *self.shared.clock.write() = Clock { now: self.fact("now")?.unwrap_or(i64::MIN), half_life_ms, window_ms };
        self.expired_until = Day::MIN;
        Ok(())
    }

    /// Begins to read this topic, and gives the offsets that come next, by partition. What another topic told is dropped.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn begin(&mut self, source: &Source) -> Result<BTreeMap<i32, i64>, ViewsError> {
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        self.pending.clear();
        self.pending_acts = 0;
        self.load()?;
        let words = format!("{} {}", source.topic, source.id);
        let known: Option<String> = self
            .connection
            .query_row("SELECT value FROM facts WHERE name = 'source'", [], |row| row.get(0))
            .optional()?;
        if known.as_deref() != Some(&words) {
            let all: String =
                ["facts", "offsets", "accounts", "given"].map(|table| format!("DELETE FROM {table};")).concat();
            self.overwriting(|writer| {
                Ok(writer.connection.execute_batch(&format!("BEGIN IMMEDIATE; {all} COMMIT"))?)
            })?;
            self.has_remains = true;
            self.connection.execute("INSERT OR REPLACE INTO facts VALUES ('source', ?)", [words])?;
            self.load()?;
        }
        Ok(self.reached.iter().map(|(&partition, reached)| (partition, reached.next)).collect())
    }

    /// Takes a record, which stands before this offset of its partition. Of acts by somebody who is erased only what they gave is
    /// kept, as nobody's; acts on such are dropped.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn take(&mut self, partition: i32, next: i64, record: &Credits) -> Result<(), ViewsError> {
        let shared = Arc::clone(&self.shared);
        let mut accounts = shared.accounts.write();
        let mut newest = Day::MIN;
        {
            let mut clock = shared.clock.write();
            (clock.half_life_ms, clock.window_ms) = (record.half_life_ms, record.window_ms);
            clock.now = record.credits.iter().map(|credit| credit.at).fold(clock.now, i64::max);
        }
        for credit in &record.credits {
            let day = day_of(credit.at);
            newest = newest.max(day);
            if shared.names.is_erased(credit.target) {
                continue;
            }
            let to_end = ((i64::from(day) + 1) * DAY_MS - credit.at) as f64 / record.half_life_ms as f64;
            let left = (-to_end).exp2();
            let votes = (f64::from(credit.votes) * left) as f32;
            // Somebody whose rate is nothing gives nothing.
            let weight = if credit.rate > 0.0 { votes / credit.rate } else { 0.0 };
            let target = accounts.number(credit.target, day);
            let is_erased = shared.names.is_erased(credit.actor);
            let actor = if is_erased { NOBODY } else { accounts.number(credit.actor, day) };
            let given = self.pending.entry((day, target)).or_default();
            if let Some(place) = credit.kind.counted_place() {
                given.kinds[place] += votes;
            }
            if is_erased {
                given.fans.rest = (given.fans.rest.0 + weight, given.fans.rest.1 + votes);
                continue;
            }
            given.fans.add(Pair { other: actor, weight, votes });
            accounts.note_rate(actor, credit.rate, credit.at, true);
            let idols = &mut self.pending.entry((day, actor)).or_default().idols;
            idols.add(Pair { other: target, weight, votes });
        }
        for Rated { actor, rate, at } in &record.rated {
            // Its acts may be in partitions that are read later.
            if !shared.names.is_erased(*actor) {
                let number = accounts.number(*actor, day_of(*at));
                accounts.note_rate(number, *rate, *at, false);
            }
        }
        drop(accounts);
        self.pass(partition, next, newest);
        self.pending_acts += record.credits.len();
        if self.pending_acts >= PENDING_MAX { self.commit() } else { Ok(()) }
    }

    /// Passes over a record that says nothing.
    pub fn skip(&mut self, partition: i32, next: i64) {
        self.pass(partition, next, Day::MIN);
    }

    fn pass(&mut self, partition: i32, next: i64, day: Day) {
        let reached = self.reached.entry(partition).or_insert(Reached { next, day });
        *reached = Reached { next, day: reached.day.max(day) };
    }

    /// Writes what was taken since the last time, and how far each partition has been read.
    ///
    /// # Errors
    /// If the database refuses: then nothing of it is written, and the store must be opened again.
    pub fn commit(&mut self) -> Result<(), ViewsError> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let mut pending: Vec<((Day, u32), Given)> = std::mem::take(&mut self.pending).into_iter().collect();
        self.pending_acts = 0;
        // What lies together is written together.
        pending.sort_unstable_by_key(|(place, _)| *place);
        {
            let mut read = self.connection.prepare_cached("SELECT pairs FROM given WHERE place = ?")?;
            let mut write = self.connection.prepare_cached("INSERT OR REPLACE INTO given VALUES (?, ?)")?;
            for ((day, number), new) in pending {
                let at = place(day, number);
                let kept: Option<Vec<u8>> = read.query_row([at], |row| row.get(0)).optional()?;
                let mut given = kept.map_or_else(|| Ok(Given::default()), |bytes| Given::unpack(&bytes))?;
                given.merge(new);
                write.execute(params![at, given.pack()])?;
            }
            let mut write = self.connection.prepare_cached("INSERT OR REPLACE INTO accounts VALUES (?, ?, ?, ?, ?)")?;
            let mut accounts = self.shared.accounts.write();
            for number in std::mem::take(&mut accounts.changed) {
                if let Some(Account { hash, rate, rated_at, day, .. }) = accounts.get(number) {
                    write.execute(params![signed(*hash), number, f64::from(*rate), rated_at, day])?;
                }
            }
            let mut write = self.connection.prepare_cached("INSERT OR REPLACE INTO offsets VALUES (?, ?, ?)")?;
            for (partition, Reached { next, day }) in &self.reached {
                write.execute(params![partition, next, day])?;
            }
            let Clock { now, half_life_ms, window_ms } = *self.shared.clock.read();
            let mut write = self.connection.prepare_cached("INSERT OR REPLACE INTO facts VALUES (?, ?)")?;
            let count = accounts.list.len() as i64;
            let ageing = [("now", now), ("half_life_ms", half_life_ms), ("window_ms", window_ms)];
            for (name, value) in ageing.into_iter().chain([("next_number", count)]) {
                write.execute(params![name, value])?;
            }
        }
        self.connection.execute_batch("COMMIT")?;
        Ok(())
    }

    /// Drops days that are not kept any more, and accounts of which nothing is left then.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn tidy(&mut self) -> Result<(), ViewsError> {
        let until = self.shared.clock.read().today().saturating_sub(KEPT_DAYS);
        if until > self.expired_until {
            self.commit()?;
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
            self.connection.execute("DELETE FROM given WHERE place < ?", [place(until, 0)])?;
            self.connection.execute("DELETE FROM accounts WHERE day < ?", [until])?;
            self.connection.execute_batch("COMMIT")?;
            let mut accounts = self.shared.accounts.write();
            let is_old = |account: &Account| account.is_there && account.day < until;
            let old = (0..).zip(&accounts.list).filter(|(_, account)| is_old(account));
            let old: Vec<u32> = old.map(|(number, _)| number).collect();
            old.into_iter().for_each(|number| accounts.forget(number));
            self.expired_until = until;
        }
        if self.has_remains {
            let is_busy: bool = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
            // Whoever reads keeps it for a moment.
            self.has_remains = is_busy;
        }
        Ok(())
    }

    /// Erases somebody: the hash, and all days of their own.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn forget(&mut self, user: &str) -> Result<(), ViewsError> {
        match self.shared.names.key(user) {
            Some(key) => self.forget_key(key),
            None => Ok(()),
        }
    }

    fn forget_key(&mut self, key: u64) -> Result<(), ViewsError> {
        let Some(&number) = self.shared.accounts.read().numbers.get(&key) else { return Ok(()) };
        // What waits may be of this person.
        self.commit()?;
        let today = self.shared.clock.read().today();
        self.overwriting(|writer| {
            writer.connection.execute_batch("BEGIN IMMEDIATE")?;
            let first: Option<i64> =
                writer.connection.query_row("SELECT min(place) FROM given", [], |row| row.get(0))?;
            let first = first.map_or(today, crate::database::time_of);
            {
                let mut delete = writer.connection.prepare_cached("DELETE FROM given WHERE place = ?")?;
                for day in first..=today {
                    delete.execute([place(day, number)])?;
                }
            }
            writer.connection.execute("DELETE FROM accounts WHERE hash = ?", [signed(key)])?;
            writer.connection.execute_batch("COMMIT")?;
            Ok(())
        })?;
        self.shared.accounts.write().forget(number);
        self.has_remains = true;
        Ok(())
    }

    /// Erases everybody who is erased elsewhere.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn forget_erased(&mut self) -> Result<(), ViewsError> {
        let erased: Vec<u64> = {
            let accounts = self.shared.accounts.read();
            accounts.numbers.keys().copied().filter(|&key| self.shared.names.is_erased(key)).collect()
        };
        erased.into_iter().try_for_each(|key| self.forget_key(key))
    }

    /// Does something after which nothing of what it deletes stays in a page that is free.
    fn overwriting(
        &mut self,
        work: impl FnOnce(&mut CirclesWriter) -> Result<(), ViewsError>,
    ) -> Result<(), ViewsError> {
        self.connection.pragma_update(None, "secure_delete", "on")?;
        let done = work(self);
        self.connection.pragma_update(None, "secure_delete", "fast")?;
        done
    }
}
