//! Writes what a topic tells: in transactions that hold the offsets as well.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use rusqlite::{Connection, OptionalExtension, params};

use crate::bases::{Bases, Span};
use crate::block::{Codec, Entry, merge};
use crate::calendar::{Day, SPAN_DAYS, first_day, span};
use crate::circles::{CirclesWriter, Names};
use crate::database::{CLOSES, Folder, TABLES, ViewsError, place, times};
use crate::reader::{Reader, Scale, Shared};

/// People whose closes of one day are one block,
pub(crate) const DAY_PEOPLE: u32 = 64;
/// and whose closes of one span are.
pub(crate) const SPAN_PEOPLE: u32 = 8;
/// Closes that wait for a transaction at most.
const PENDING_MAX: usize = 262_144;

/// The topic that is read: another one has other closes, whatever its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub topic: String,
    /// Its id among all that there were.
    pub id: String,
}

/// How far a partition has been read.
#[derive(Clone, Copy, Debug)]
struct Reached {
    next: i64,
    /// The newest day that it told a close of.
    day: Day,
}

/// The one that writes.
pub struct Writer {
    folder: Arc<Folder>,
    pub(crate) connection: Connection,
    pub(crate) codec: Codec,
    pub(crate) shared: Arc<Shared>,
    /// By block: its day and its group of people.
    pending: BTreeMap<(Day, u32), Vec<Entry>>,
    pending_closes: usize,
    reached: BTreeMap<i32, Reached>,
    /// The first day that lies in a block of its own.
    pub(crate) fresh_from: Day,
    next_number: u32,
    /// The span whose days are being laid together, and the next group of people.
    pub(crate) merging: Option<(i32, u32)>,
    /// Whether the log beside the database may still hold what was erased.
    pub(crate) has_remains: bool,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("reached", &self.reached).finish_non_exhaustive()
    }
}

impl Writer {
    pub(crate) fn open(path: &Path) -> Result<Writer, ViewsError> {
        let folder = Arc::new(Folder::take(path)?);
        match Writer::of(folder) {
            Err((folder, error)) if error.is_damage() => {
                tracing::warn!(%error, "the views are damaged: they are made anew");
                folder.remove(CLOSES)?;
                Writer::of(folder).map_err(|(_, error)| error)
            }
            result => result.map_err(|(_, error)| error),
        }
    }

    fn of(folder: Arc<Folder>) -> Result<Writer, (Arc<Folder>, ViewsError)> {
        let connection = match folder.open(CLOSES, TABLES) {
            Ok(connection) => connection,
            Err(error) => return Err((folder, error)),
        };
        let codec = match Codec::new() {
            Ok(codec) => codec,
            Err(error) => return Err((folder, error.into())),
        };
        let shared = Arc::new(Shared::new(folder.file(CLOSES)));
        let mut writer = Writer {
            folder,
            connection,
            codec,
            shared,
            pending: BTreeMap::new(),
            pending_closes: 0,
            reached: BTreeMap::new(),
            fresh_from: Day::MIN,
            next_number: 0,
            merging: None,
            // Whoever was killed may have left some.
            has_remains: true,
        };
        match writer.load() {
            Ok(()) => Ok(writer),
            Err(error) => Err((writer.folder, error)),
        }
    }

    /// Somebody who reads it, beside this one.
    pub fn reader(&self) -> Reader {
        Reader::of(Arc::clone(&self.shared))
    }

    /// Begins to keep circles as well, in a file beside that of closes; readers of this store answer from it.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub fn circles(&self, names: Arc<dyn Names>) -> Result<CirclesWriter, ViewsError> {
        let writer = CirclesWriter::open(Arc::clone(&self.folder), names)?;
        *self.shared.circles.write() = Some(writer.shared());
        Ok(writer)
    }

    fn fact(&self, name: &str) -> Result<Option<i64>, ViewsError> {
        let mut statement = self.connection.prepare_cached("SELECT value FROM facts WHERE name = ?")?;
        Ok(statement.query_row([name], |row| row.get(0)).optional()?)
    }

    /// Takes over what is in the database.
    fn load(&mut self) -> Result<(), ViewsError> {
        self.fresh_from = self.fact("fresh_from")?.map_or(Day::MIN, |day| day as Day);
        self.next_number = self.fact("next_number")?.unwrap_or(0) as u32;
        let mut statement = self.connection.prepare("SELECT partition, next, day FROM offsets")?;
        let reached =
            statement.query_map([], |row| Ok((row.get(0)?, Reached { next: row.get(1)?, day: row.get(2)? })))?;
        self.reached = reached.collect::<Result<_, _>>()?;
        drop(statement);
        let mut statement = self.connection.prepare("SELECT name, number FROM people")?;
        let people = statement.query_map([], |row| Ok((row.get::<_, String>(0)?.into_boxed_str(), row.get(1)?)))?;
        *self.shared.people.write() = people.collect::<Result<HashMap<_, _>, _>>()?;
        drop(statement);
        let mut statement = self.connection.prepare("SELECT votes, version, model FROM scales ORDER BY number")?;
        let scales = statement.query_map([], |row| {
            let (votes, version): (i64, i64) = (row.get(0)?, row.get(1)?);
            Ok(Scale { votes: f64::from_bits(votes as u64), version: version as u64, model_version: row.get(2)? })
        })?;
        *self.shared.scales.write() = scales.collect::<Result<_, _>>()?;
        drop(statement);
        let newest = self.reached.values().map(|reached| reached.day).max().unwrap_or(Day::MIN);
        self.shared.set_newest(newest);
        self.load_bases(newest.saturating_add(1))
    }

    /// Begins the bases of everybody as of this day.
    fn load_bases(&mut self, today: Day) -> Result<(), ViewsError> {
        let mut bases = Bases::new(today);
        // The merged ones are old enough for all spans.
        for (table, until) in [("bases", i64::MAX), ("days", place(bases.limit(Span::Day).saturating_add(1), 0))] {
            let mut statement =
                self.connection.prepare(&format!("SELECT closes FROM {table} WHERE place < ? ORDER BY place"))?;
            let mut rows = statement.query([until])?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                entries.clear();
                self.codec.unpack(row.get_ref(0)?.as_blob().unwrap_or_default(), &mut entries)?;
                entries.iter().for_each(|entry| bases.take(entry));
            }
        }
        *self.shared.bases.write() = bases;
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
        self.drop_pending();
        self.load()?;
        let words = format!("{} {}", source.topic, source.id);
        let known: Option<String> = self
            .connection
            .query_row("SELECT value FROM facts WHERE name = 'source'", [], |row| row.get(0))
            .optional()?;
        if known.as_deref() != Some(&words) {
            self.clear()?;
            self.connection.execute("INSERT OR REPLACE INTO facts VALUES ('source', ?)", [words])?;
        }
        Ok(self.reached.iter().map(|(&partition, reached)| (partition, reached.next)).collect())
    }

    /// Forgets everything.
    fn clear(&mut self) -> Result<(), ViewsError> {
        let tables = ["facts", "offsets", "people", "scales", "days", "spans", "bases"];
        let all: String = tables.iter().map(|table| format!("DELETE FROM {table};")).collect();
        self.overwriting(|writer| Ok(writer.connection.execute_batch(&format!("BEGIN IMMEDIATE; {all} COMMIT"))?))?;
        self.merging = None;
        self.has_remains = true;
        self.load()
    }

    fn drop_pending(&mut self) {
        self.pending.clear();
        self.pending_closes = 0;
    }

    /// Takes a close, which stands before this offset of its partition.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn close(&mut self, partition: i32, next: i64, close: &wire::Close) -> Result<(), ViewsError> {
        let person = self.number(&close.user)?;
        let score = &close.score;
        let scale = Scale { votes: score.scale, version: score.scale_version, model_version: close.model_version };
        let scale = self.scale(scale)?;
        let day = Day::try_from(close.day).unwrap_or(Day::MAX).clamp(0, DAY_MAX);
        let factors = [score.reach, score.amplification, score.network, score.openness, score.room];
        let entry = Entry {
            person,
            day,
            scale,
            score: score.score as f32 + 0.0,
            influence: score.influence as f32,
            factors: factors.map(|factor| factor as f32),
            audience: score.audience as f32,
        };
        self.pending.entry((day, person / DAY_PEOPLE)).or_default().push(entry);
        self.pending_closes += 1;
        self.pass(partition, next, day);
        if self.pending_closes >= PENDING_MAX { self.commit() } else { Ok(()) }
    }

    /// Passes over a record that says nothing.
    pub fn skip(&mut self, partition: i32, next: i64) {
        self.pass(partition, next, Day::MIN);
    }

    fn pass(&mut self, partition: i32, next: i64, day: Day) {
        let reached = self.reached.entry(partition).or_insert(Reached { next, day });
        *reached = Reached { next, day: reached.day.max(day) };
    }

    /// A new person's number is in the transaction of the person's first close.
    fn number(&mut self, user: &str) -> Result<u32, ViewsError> {
        if let Some(&number) = self.shared.people.read().get(user) {
            return Ok(number);
        }
        self.begin_transaction()?;
        let number = self.next_number;
        self.next_number += 1;
        let mut statement = self.connection.prepare_cached("INSERT INTO people VALUES (?, ?)")?;
        statement.execute(params![user, number])?;
        self.shared.people.write().insert(user.into(), number);
        Ok(number)
    }

    fn scale(&mut self, scale: Scale) -> Result<u32, ViewsError> {
        let found = self.shared.scales.read().iter().rposition(|other| *other == scale);
        if let Some(number) = found {
            return Ok(number as u32);
        }
        self.begin_transaction()?;
        let number = self.shared.scales.read().len() as u32;
        let mut statement = self.connection.prepare_cached("INSERT INTO scales VALUES (?, ?, ?, ?)")?;
        statement.execute(params![number, scale.votes.to_bits() as i64, scale.version as i64, scale.model_version])?;
        self.shared.scales.write().push(scale);
        Ok(number)
    }

    pub(crate) fn begin_transaction(&self) -> Result<(), ViewsError> {
        if self.connection.is_autocommit() {
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
        }
        Ok(())
    }

    /// Writes what was taken since the last time, and how far each partition has been read.
    ///
    /// # Errors
    /// If the database refuses: then nothing of it is written, and the store must be opened again.
    pub fn commit(&mut self) -> Result<(), ViewsError> {
        self.begin_transaction()?;
        let pending = std::mem::take(&mut self.pending);
        self.pending_closes = 0;
        for (&(day, group), entries) in &pending {
            match day < self.fresh_from {
                false => self.add("days", place(day, group), entries)?,
                true => self.add_late(day, entries)?,
            }
        }
        let mut statement = self.connection.prepare_cached("INSERT OR REPLACE INTO offsets VALUES (?, ?, ?)")?;
        for (partition, Reached { next, day }) in &self.reached {
            statement.execute(params![partition, next, day])?;
        }
        drop(statement);
        self.set_fact("next_number", self.next_number.into())?;
        self.connection.execute_batch("COMMIT")?;
        let newest = self.reached.values().map(|reached| reached.day).max().unwrap_or(Day::MIN);
        self.shared.set_newest(newest);
        let mut bases = self.shared.bases.write();
        pending.values().flatten().for_each(|entry| bases.take(entry));
        Ok(())
    }

    pub(crate) fn set_fact(&self, name: &str, value: i64) -> Result<(), ViewsError> {
        let mut statement = self.connection.prepare_cached("INSERT OR REPLACE INTO facts VALUES (?, ?)")?;
        statement.execute(params![name, value])?;
        Ok(())
    }

    /// The closes of a block.
    pub(crate) fn block(&mut self, table: &str, place: i64) -> Result<Vec<Entry>, ViewsError> {
        let mut statement = self.connection.prepare_cached(&format!("SELECT closes FROM {table} WHERE place = ?"))?;
        let mut rows = statement.query([place])?;
        let mut entries = Vec::new();
        if let Some(row) = rows.next()? {
            self.codec.unpack(row.get_ref(0)?.as_blob().unwrap_or_default(), &mut entries)?;
        }
        Ok(entries)
    }

    pub(crate) fn put(&mut self, table: &str, place: i64, entries: &[Entry]) -> Result<(), ViewsError> {
        if entries.is_empty() {
            let mut statement = self.connection.prepare_cached(&format!("DELETE FROM {table} WHERE place = ?"))?;
            statement.execute([place])?;
            return Ok(());
        }
        let bytes = self.codec.pack(entries)?;
        let mut statement = self.connection.prepare_cached(&format!("INSERT OR REPLACE INTO {table} VALUES (?, ?)"))?;
        statement.execute(params![place, bytes])?;
        Ok(())
    }

    pub(crate) fn add(&mut self, table: &str, place: i64, new: &[Entry]) -> Result<(), ViewsError> {
        let old = self.block(table, place)?;
        self.put(table, place, &merge(old, new))
    }

    /// Closes of a day that is merged already: a partition is far behind the others.
    fn add_late(&mut self, day: Day, entries: &[Entry]) -> Result<(), ViewsError> {
        for entry in entries {
            self.add("spans", place(span(day), entry.person / SPAN_PEOPLE), &[*entry])?;
            self.renew_bases((entry.person / DAY_PEOPLE).into(), &[*entry])?;
        }
        Ok(())
    }

    /// Keeps each person's newest close among those that are merged.
    pub(crate) fn renew_bases(&mut self, group: i64, entries: &[Entry]) -> Result<(), ViewsError> {
        let mut newest = merge(self.block("bases", group)?, entries);
        newest.reverse();
        newest.dedup_by_key(|entry| entry.person);
        newest.reverse();
        self.put("bases", group, &newest)
    }

    /// Erases somebody's closes, and the name.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn remove(&mut self, partition: i32, next: i64, user: &str) -> Result<(), ViewsError> {
        self.skip(partition, next);
        self.forget(user)
    }

    /// Erases somebody whom another topic says to erase.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn forget(&mut self, user: &str) -> Result<(), ViewsError> {
        let person = self.shared.people.read().get(user).copied();
        let Some(person) = person else { return Ok(()) };
        // What waits may be of this person.
        self.commit()?;
        self.overwriting(|writer| writer.erase(user, person))?;
        self.shared.people.write().remove(user);
        self.shared.bases.write().forget(person);
        self.has_remains = true;
        Ok(())
    }

    /// Does something after which nothing of what it deletes stays in a page that is free.
    fn overwriting(&mut self, work: impl FnOnce(&mut Writer) -> Result<(), ViewsError>) -> Result<(), ViewsError> {
        self.connection.pragma_update(None, "secure_delete", "on")?;
        let done = work(self);
        self.connection.pragma_update(None, "secure_delete", "fast")?;
        done
    }

    fn erase(&mut self, user: &str, person: u32) -> Result<(), ViewsError> {
        self.begin_transaction()?;
        for (table, people) in [("days", DAY_PEOPLE), ("spans", SPAN_PEOPLE)] {
            if let Some(times) = self.times(table)? {
                for time in times {
                    self.drop_person(table, place(time, person / people), person)?;
                }
            }
        }
        self.drop_person("bases", (person / DAY_PEOPLE).into(), person)?;
        self.connection.prepare_cached("DELETE FROM people WHERE name = ?")?.execute([user])?;
        self.connection.execute_batch("COMMIT")?;
        Ok(())
    }

    /// The times of a table's blocks, from the oldest to the newest.
    pub(crate) fn times(&self, table: &str) -> Result<Option<RangeInclusive<i32>>, ViewsError> {
        times(&self.connection, table)
    }

    fn drop_person(&mut self, table: &str, place: i64, person: u32) -> Result<(), ViewsError> {
        let mut entries = self.block(table, place)?;
        let count = entries.len();
        entries.retain(|entry| entry.person != person);
        if entries.len() < count { self.put(table, place, &entries) } else { Ok(()) }
    }

    /// Erases everybody of whom this is true.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn forget_those(&mut self, is_erased: impl Fn(&str) -> bool) -> Result<(), ViewsError> {
        let erased: Vec<Box<str>> = self.shared.people.read().keys().filter(|user| is_erased(user)).cloned().collect();
        erased.iter().try_for_each(|user| self.forget(user))
    }

    /// The number of groups of people that there can be.
    pub(crate) fn groups(&self) -> u32 {
        self.next_number.div_ceil(DAY_PEOPLE)
    }

    /// The newest day that every partition has told of.
    pub(crate) fn reached_by_all(&self) -> Day {
        self.reached.values().map(|reached| reached.day).min().unwrap_or(Day::MIN)
    }

    /// The last day of the newest span that is over for long enough on this day.
    pub(crate) fn mergeable_until(today: Day) -> Day {
        first_day(span(today - crate::calendar::FRESH_DAYS)) - 1
    }
}

/// A span's number must fit beside its place, whatever a topic says.
const DAY_MAX: Day = Day::MAX - 2 * SPAN_DAYS;

/// What readers ask for while somebody writes.
pub(crate) type People = RwLock<HashMap<Box<str>, u32>>;
/// Connections that nobody uses.
pub(crate) type Pool = Mutex<Vec<Connection>>;
