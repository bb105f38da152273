//! What is done now and then: bases move on with the days, days become spans, weeks keep one close.

use crate::bases::Span;
use crate::block::Entry;
use crate::calendar::{Day, daily_from, first_day, span, week};
use crate::database::{ViewsError, place};
use crate::writer::{DAY_PEOPLE, SPAN_PEOPLE, Writer};

/// Groups of people in one transaction: some two million closes.
const GROUPS_AT_ONCE: u32 = 1_024;

impl Writer {
    /// Moves on to this day, and tidies up one span at most; says whether more is to be done. Where all has been read, days are
    /// over when the day says so, else when every partition has told of later ones.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn tidy(&mut self, today: i32, is_caught_up: bool) -> Result<bool, ViewsError> {
        // Nothing is erased for good inside a transaction, and the first close of somebody begins one.
        if !self.connection.is_autocommit() {
            self.commit()?;
        }
        let today = today.max(self.shared.newest().saturating_add(1));
        self.advance(today)?;
        self.erase_remains()?;
        let over = if is_caught_up { today } else { self.reached_by_all() };
        if over == Day::MIN {
            return Ok(false);
        }
        match self.merging.map_or_else(|| self.next_to_merge(over), |merging| Ok(Some(merging)))? {
            Some((number, group)) => self.merge_some(number, group).map(|()| true),
            None => self.thin_next(over),
        }
    }

    /// The bases of everybody as of this day.
    fn advance(&mut self, today: Day) -> Result<(), ViewsError> {
        let before = self.shared.bases.read().today;
        if today <= before {
            return Ok(());
        }
        let mut bases = self.shared.bases.write();
        bases.today = today;
        for window in Span::ALL {
            let (from, until) = (window.limit(before).saturating_add(1).max(0), window.limit(today).saturating_add(1));
            if from >= until {
                continue;
            }
            let mut statement = self
                .connection
                .prepare_cached("SELECT closes FROM days WHERE place >= ? AND place < ? ORDER BY place")?;
            let mut rows = statement.query([place(from, 0), place(until, 0)])?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                entries.clear();
                self.codec.unpack(row.get_ref(0)?.as_blob().unwrap_or_default(), &mut entries)?;
                entries.iter().for_each(|entry| bases.take_for(window, entry));
            }
        }
        Ok(())
    }

    /// The oldest span that has blocks of days, if it is over for long enough, and its first group of people.
    fn next_to_merge(&self, over: Day) -> Result<Option<(i32, u32)>, ViewsError> {
        let Some(days) = self.times("days")? else { return Ok(None) };
        let number = span(*days.start());
        Ok((first_day(number + 1) - 1 <= Writer::mergeable_until(over)).then_some((number, 0)))
    }

    /// Lays the days of a span together, by people, for some groups of them.
    fn merge_some(&mut self, number: i32, first: u32) -> Result<(), ViewsError> {
        self.commit()?;
        self.begin_transaction()?;
        let days = first_day(number)..first_day(number + 1);
        let end = (first + GROUPS_AT_ONCE).min(self.groups());
        for group in first..end {
            let mut entries: Vec<Entry> = Vec::new();
            for day in days.clone() {
                let mut of_day = self.block("days", place(day, group))?;
                if !of_day.is_empty() {
                    entries.append(&mut of_day);
                    self.put("days", place(day, group), &[])?;
                }
            }
            if entries.is_empty() {
                continue;
            }
            entries.sort_by_key(Entry::key);
            self.renew_bases(group.into(), &entries)?;
            for few in entries.chunk_by(|one, other| one.person / SPAN_PEOPLE == other.person / SPAN_PEOPLE) {
                self.add("spans", place(number, few[0].person / SPAN_PEOPLE), few)?;
            }
        }
        let is_over = end == self.groups();
        if is_over {
            self.set_fact("fresh_from", days.end.into())?;
        }
        self.connection.execute_batch("COMMIT")?;
        self.merging = (!is_over).then_some((number, end));
        if is_over {
            self.fresh_from = days.end;
        }
        Ok(())
    }

    /// Keeps the last close of each week in the oldest span that is not kept daily any more.
    fn thin_next(&mut self, over: Day) -> Result<bool, ViewsError> {
        let thinned: i32 = match self.fact_of("thinned_until")? {
            Some(span) => span as i32,
            None => {
                let Some(spans) = self.times("spans")? else { return Ok(false) };
                *spans.start()
            }
        };
        if first_day(thinned + 1) > daily_from(over).min(self.fresh_from) {
            return Ok(false);
        }
        self.commit()?;
        self.begin_transaction()?;
        let places: Vec<i64> = {
            let mut statement =
                self.connection.prepare_cached("SELECT place FROM spans WHERE place >= ? AND place < ?")?;
            let places = statement.query_map([place(thinned, 0), place(thinned + 1, 0)], |row| row.get(0))?;
            places.collect::<Result<_, _>>()?
        };
        for place in places {
            let entries = weekly(self.block("spans", place)?);
            self.put("spans", place, &entries)?;
        }
        self.set_fact("thinned_until", (thinned + 1).into())?;
        self.connection.execute_batch("COMMIT")?;
        Ok(true)
    }

    fn fact_of(&self, name: &str) -> Result<Option<i64>, ViewsError> {
        let value = self.connection.query_row("SELECT value FROM facts WHERE name = ?", [name], |row| row.get(0));
        match value {
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(None),
            value => Ok(Some(value?)),
        }
    }

    /// Empties the log beside the database, in which pages stand as they were before somebody was erased.
    fn erase_remains(&mut self) -> Result<(), ViewsError> {
        if self.has_remains {
            let is_busy: bool = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
            // Whoever reads keeps it for a moment.
            self.has_remains = is_busy;
        }
        Ok(())
    }
}

/// Each person's last close of each week; they are in their order.
pub(crate) fn weekly(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.reverse();
    entries.dedup_by_key(|entry| (entry.person, week(entry.day)));
    entries.reverse();
    entries
}

const _: () = assert!(DAY_PEOPLE.is_multiple_of(SPAN_PEOPLE), "a group of a span lies in one of a day");
