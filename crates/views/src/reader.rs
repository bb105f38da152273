//! Answers from what is committed, while somebody writes.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use parking_lot::RwLock;
use rusqlite::{Connection, OptionalExtension};

use crate::bases::{Base, Bases, Span};
use crate::block::{Codec, Entry};
use crate::calendar::{Day, daily_from};
use crate::circle::{Circle, CirclesProgress, Gains};
use crate::circles::SharedCircles;
use crate::database::{ViewsError, open_reading, place, times};
use crate::tidy::weekly;
use crate::writer::{DAY_PEOPLE, People, Pool, SPAN_PEOPLE};

/// What 100 stood for, and for which model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    pub(crate) votes: f64,
    pub(crate) version: u64,
    pub(crate) model_version: u32,
}

/// How somebody stood at the end of a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Close {
    /// The day that has ended, since 1970.
    pub day: i32,
    /// 0 to 100.
    pub score: f32,
    /// Votes.
    pub influence: f32,
    /// Reach, amplification, network, openness, room.
    pub factors: [f32; 5],
    /// Votes.
    pub audience: f32,
    /// Votes: the influence that stood for 100.
    pub scale: f64,
    /// Scores of different models are not comparable.
    pub model_version: u32,
}

/// How far the store is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// People with a close.
    pub people: u64,
    /// The newest day that somebody's close is of; `None` before the first.
    pub newest_day: Option<i32>,
}

/// What the writer and its readers share.
#[derive(Debug)]
pub(crate) struct Shared {
    file: PathBuf,
    pool: Pool,
    pub(crate) people: People,
    pub(crate) scales: RwLock<Vec<Scale>>,
    pub(crate) bases: RwLock<Bases>,
    newest: AtomicI32,
    /// Circles, where they are kept.
    pub(crate) circles: RwLock<Option<Arc<SharedCircles>>>,
}

impl Shared {
    pub(crate) fn new(file: PathBuf) -> Shared {
        Shared {
            file,
            pool: Pool::default(),
            people: RwLock::new(HashMap::new()),
            scales: RwLock::default(),
            bases: RwLock::new(Bases::new(Day::MIN)),
            newest: AtomicI32::new(Day::MIN),
            circles: RwLock::default(),
        }
    }

    /// The newest day of a close.
    pub(crate) fn newest(&self) -> Day {
        self.newest.load(Relaxed)
    }

    pub(crate) fn set_newest(&self, day: Day) {
        self.newest.store(day, Relaxed);
    }
}

/// Somebody who reads the store. Clones share all they have.
#[derive(Clone, Debug)]
pub struct Reader {
    shared: Arc<Shared>,
}

impl Reader {
    pub(crate) fn of(shared: Arc<Shared>) -> Reader {
        Reader { shared }
    }

    /// How far the store is.
    pub fn progress(&self) -> Progress {
        let newest_day = Some(self.shared.newest()).filter(|&day| day > Day::MIN);
        Progress { people: self.shared.people.read().len() as u64, newest_day }
    }

    /// Somebody's closes, the oldest first: daily for 400 days, and before that the last of each week.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn closes(&self, user: &str) -> Result<Vec<Close>, ViewsError> {
        let Some(&person) = self.shared.people.read().get(user) else { return Ok(Vec::new()) };
        let connection = self.shared.pool.lock().pop();
        let connection = connection.map_or_else(|| open_reading(&self.shared.file), Ok)?;
        let entries = self.entries(&connection, person);
        self.shared.pool.lock().push(connection);
        let scales = self.shared.scales.read();
        Ok(entries?.iter().filter_map(|entry| Some(close(entry, scales.get(entry.scale as usize)?))).collect())
    }

    /// Who gave most to somebody in so long, and to whom that person gave most; nothing where no circles are kept. The newest act of all
    /// is as of now.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn circle(&self, user: &str, span: Span) -> Result<Circle, ViewsError> {
        self.circles().map_or_else(|| Ok(Circle::default()), |circles| circles.circle(user, span))
    }

    /// What acts gave somebody between the ends of two days; `None` where no circles are kept, or not of these days.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn gains(&self, user: &str, from: i32, to: i32) -> Result<Option<Gains>, ViewsError> {
        self.circles().map_or(Ok(None), |circles| circles.gains(user, from, to))
    }

    /// How far circles are; `None` where none are kept.
    pub fn circles_progress(&self) -> Option<CirclesProgress> {
        self.circles().map(|circles| circles.progress())
    }

    fn circles(&self) -> Option<Arc<SharedCircles>> {
        self.shared.circles.read().clone()
    }

    fn entries(&self, connection: &Connection, person: u32) -> Result<Vec<Entry>, ViewsError> {
        let mut found: Vec<Entry> = Vec::new();
        // All of one moment: a span is merged in one transaction.
        let moment = connection.unchecked_transaction()?;
        let mut codec = Codec::new()?;
        for (table, group) in [("spans", person / SPAN_PEOPLE), ("days", person / DAY_PEOPLE)] {
            let Some(times) = times(&moment, table)? else { continue };
            let mut statement = moment.prepare_cached(&format!("SELECT closes FROM {table} WHERE place = ?"))?;
            let mut block = Vec::new();
            for time in times {
                let bytes: Option<Vec<u8>> = statement.query_row([place(time, group)], |row| row.get(0)).optional()?;
                if let Some(bytes) = bytes {
                    block.clear();
                    codec.unpack(&bytes, &mut block)?;
                    found.extend(block.iter().filter(|entry| entry.person == person));
                }
            }
        }
        found.sort_by_key(|entry| entry.day);
        // Whether the old ones are thinned out yet is nobody's business.
        let old = found.partition_point(|entry| entry.day < daily_from(self.today()));
        let daily = found.split_off(old);
        let mut entries = weekly(found);
        entries.extend(daily);
        Ok(entries)
    }

    /// The day that has not ended yet.
    fn today(&self) -> Day {
        self.shared.bases.read().today.max(self.shared.newest().saturating_add(1))
    }

    /// The newest close of somebody that is at least so old; `None` if there is none.
    pub fn base(&self, user: &str, span: Span) -> Option<Base> {
        let &person = self.shared.people.read().get(user)?;
        self.shared.bases.read().get(span, person, &self.shared.scales.read())
    }

    /// The same of everybody who is asked for, at one moment.
    pub fn bases<T>(&self, span: Span, ask: impl FnOnce(&dyn Fn(&str) -> Option<Base>) -> T) -> T {
        let (people, bases) = (self.shared.people.read(), self.shared.bases.read());
        let scales = self.shared.scales.read();
        ask(&|user| bases.get(span, *people.get(user)?, &scales))
    }
}

fn close(entry: &Entry, scale: &Scale) -> Close {
    Close {
        day: entry.day,
        score: entry.score,
        influence: entry.influence,
        factors: entry.factors,
        audience: entry.audience,
        scale: scale.votes,
        model_version: scale.model_version,
    }
}
