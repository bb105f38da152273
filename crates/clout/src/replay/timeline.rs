//! How scores moved: at every step of event time, and at its end.

use std::path::{Path, PathBuf};

use embedded::World;
use serde::Serialize;
use vocabulary::Timestamp;
use wire::ScoreFormat;

use crate::failure::OutputError;
use crate::output::{Output, Whole};
use crate::recorded::Stop;
use crate::recorded::progress::Watch;
use crate::replay::ranking::{Ranking, Whom};
use crate::table::{TableFormat, TableWriter, write_failed};
use crate::words::{count, thousands, time};

/// Steps of a timeline: a minute, over nearly two years.
const STEPS_MAX: u64 = 1_000_000;
/// Rows that are written without a word.
const ROWS_MANY: u64 = 3_000_000;

/// Scores at the whole multiples of a step, as if each were the end of the log, and at the end.
pub(crate) struct Steps {
    step_ms: i64,
    /// The next multiple; `None` before the first event.
    next: Option<Timestamp>,
    /// The first event.
    first: Timestamp,
    /// The last time that was written.
    last: Option<Timestamp>,
    whom: Whom,
    path: PathBuf,
    writer: TableWriter<Output>,
    written: Written,
    watch: Watch,
}

/// How much a timeline holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Written {
    pub(crate) rows: u64,
    pub(crate) times: u64,
}

impl Written {
    /// Takes the rows of one more time. What people should know, once there are many.
    fn add(&mut self, rows: u64, at: Timestamp) -> Option<String> {
        let was_many = self.rows >= ROWS_MANY;
        self.rows += rows;
        self.times += 1;
        (self.rows >= ROWS_MANY && !was_many).then(|| {
            let (all, rows) = (thousands(self.rows), count(rows, "row", "rows"));
            let until = time(at);
            format!(
                "note: the timeline has {all} rows up to {until}, and each step adds {rows}: --user or --top narrow it, \
                 a longer step makes fewer"
            )
        })
    }
}

impl Steps {
    pub(crate) fn create(step_ms: i64, path: &Path, whom: Whom, watch: Watch) -> Result<Steps, OutputError> {
        let output = Output::create(path).map_err(OutputError::to(path))?;
        let format = TableFormat::of(path).unwrap_or(TableFormat::Lines(ScoreFormat::Json));
        let writer = TableWriter::new(output, format, false).map_err(write_failed(path))?;
        let written = Written::default();
        Ok(Steps { step_ms, next: None, first: 0, last: None, whom, path: path.to_owned(), writer, written, watch })
    }

    /// Writes the steps that are over when an event of this time comes.
    #[inline]
    pub(crate) fn write_before(&mut self, at: Timestamp, world: &mut World<'static>) -> Result<(), Stop> {
        match self.next {
            Some(next) if at <= next => Ok(()),
            Some(_) => {
                self.check(at)?;
                self.write_steps(at - 1, world)
            }
            None => {
                self.first = at;
                self.next = at
                    .div_euclid(self.step_ms)
                    .checked_add(i64::from(at.rem_euclid(self.step_ms) > 0))
                    .and_then(|number| number.checked_mul(self.step_ms));
                Ok(())
            }
        }
    }

    /// Refuses steps that would fill the disk before they are begun.
    fn check(&self, to: Timestamp) -> Result<(), Stop> {
        let (step_ms, from) = (self.step_ms, self.first);
        match self.next.is_some() && to.abs_diff(from) / step_ms.unsigned_abs() > STEPS_MAX {
            true => Err(Stop::Steps { step_ms, from, to, steps_max: STEPS_MAX }),
            false => Ok(()),
        }
    }

    /// Writes the steps up to this time.
    pub(crate) fn write_until(&mut self, end: Timestamp, world: &mut World<'static>) -> Result<(), Stop> {
        self.check(end)?;
        self.write_steps(end, world)
    }

    fn write_steps(&mut self, end: Timestamp, world: &mut World<'static>) -> Result<(), Stop> {
        while let Some(next) = self.next.filter(|&next| next <= end) {
            if self.watch.interrupt.is_asked() {
                return Err(Stop::Interrupted);
            }
            // What the step needs to be settled must not be seen in what comes after it.
            let mut then = world.fork();
            then.advance(next);
            then.settle();
            self.write(&then, next)?;
            self.next = next.checked_add(self.step_ms);
        }
        Ok(())
    }

    /// Writes the scores as of the end, of a world that is settled there.
    pub(crate) fn write_end(&mut self, world: &World<'static>) -> Result<(), Stop> {
        match world.now().filter(|&end| self.last != Some(end)) {
            Some(end) => self.write(world, end),
            None => Ok(()),
        }
    }

    fn write(&mut self, world: &World<'static>, at: Timestamp) -> Result<(), Stop> {
        let written = Ranking::of(world).write_to(&mut self.writer, &self.whom);
        let rows = written.map_err(write_failed(&self.path))?;
        self.last = Some(at);
        if let Some(many) = self.written.add(rows, at) {
            self.watch.progress.say(&many);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_rows_are_told_once() {
        let mut written = Written::default();
        assert_eq!(written.add(2_999_999, 0), None);
        assert_eq!(
            written.add(1234, 86_400_000).as_deref(),
            Some(
                "note: the timeline has 3,001,233 rows up to 1970-01-02T00:00:00Z, and each step adds 1,234 rows: \
                 --user or --top narrow it, a longer step makes fewer"
            )
        );
        assert_eq!(written.add(5_000_000, 0), None);
        assert_eq!(written, Written { rows: 8_001_233, times: 3 });
    }
}
