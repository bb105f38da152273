//! How people stood at the ends of days: at 00:00 UTC of event time everybody whose score has moved since their last line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use embedded::World;
use influence::scale::Scale;
use influence::{CLOSED_MOVE, DAY_MS, end_of_day};
use vocabulary::{Score, Timestamp};
use wire::ScoreFormat;

use crate::failure::OutputError;
use crate::output::{Output, Whole};
use crate::recorded::Stop;
use crate::recorded::progress::Watch;
use crate::replay::ranking::Ranking;
use crate::replay::timeline::Written;
use crate::table::{TableFormat, TableWriter, write_failed};

/// Closes of the days that have ended.
pub(crate) struct Days {
    /// The end of the day in which the last event lay; `None` before the first event.
    ends: Option<Timestamp>,
    /// For each person the score of the last close, as if it were not bounded by 100.
    closed: BTreeMap<String, f64>,
    path: PathBuf,
    writer: TableWriter<Output>,
    written: Written,
    watch: Watch,
}

impl Days {
    pub(crate) fn create(path: &Path, watch: Watch) -> Result<Days, OutputError> {
        let output = Output::create(path).map_err(OutputError::to(path))?;
        let format = TableFormat::of(path).unwrap_or(TableFormat::Lines(ScoreFormat::Json));
        let writer = TableWriter::new(output, format, false).map_err(write_failed(path))?;
        let (closed, written) = (BTreeMap::new(), Written::default());
        Ok(Days { ends: None, closed, path: path.to_owned(), writer, written, watch })
    }

    /// Closes the day that is over when an event of this time comes.
    #[inline]
    pub(crate) fn close_before(&mut self, at: Timestamp, world: &mut World<'static>) -> Result<(), Stop> {
        match self.ends {
            Some(ends) if at < ends => Ok(()),
            Some(ends) => self.pass(ends, at, world),
            None => {
                self.ends = Some(end_of_day(at, DAY_MS));
                Ok(())
            }
        }
    }

    /// Closes the day that is over at the end of the log.
    pub(crate) fn close_until(&mut self, end: Timestamp, world: &mut World<'static>) -> Result<(), Stop> {
        match self.ends {
            Some(ends) if ends <= end => self.pass(ends, end, world),
            _ => Ok(()),
        }
    }

    /// Of several days in a row without an event the first and the last are closed, as by an application that is live.
    fn pass(&mut self, first: Timestamp, clock: Timestamp, world: &mut World<'static>) -> Result<(), Stop> {
        let next = end_of_day(clock, DAY_MS);
        self.close(first, world)?;
        if next - DAY_MS > first {
            self.close(next - DAY_MS, world)?;
        }
        self.ends = Some(next);
        Ok(())
    }

    fn close(&mut self, end: Timestamp, world: &mut World<'static>) -> Result<(), Stop> {
        if self.watch.interrupt.is_asked() {
            return Err(Stop::Interrupted);
        }
        // What the close needs to be settled must not be seen in what comes after it.
        let mut then = world.fork();
        then.advance(end);
        then.settle();
        let closed = &mut self.closed;
        let has_moved = |user: &str, score: &Score| {
            let height = Scale { votes: score.scale, version: score.scale_version }.height(score.influence);
            let moves = closed.get(user).is_none_or(|before| (height - before).abs() >= CLOSED_MOVE);
            if moves {
                closed.insert(user.to_owned(), height);
            }
            moves
        };
        let ranking = Ranking::of(&then);
        self.written.rows += ranking.write_those(&mut self.writer, has_moved).map_err(write_failed(&self.path))?;
        self.written.times += 1;
        // Who was erased, and comes back, begins anew.
        self.closed.retain(|user, _| then.score(user).is_some());
        Ok(())
    }

    pub(crate) fn written(&self) -> Written {
        self.written
    }

    pub(crate) fn finish(self) -> Result<Whole, OutputError> {
        let output = self.writer.finish().map_err(write_failed(&self.path))?;
        output.finish().map_err(OutputError::to(&self.path))
    }
}
