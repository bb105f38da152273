//! How scores moved: everybody's at every step of event time, or each movement as it is published.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use embedded::World;
use influence::{Effects, Removal, Score, Shard, Timestamp};
use serde::Serialize;
use wire::{ScoreFormat, ScoreWriter};

use crate::failure::OutputError;
use crate::interrupt::Interrupt;
use crate::output::{Output, Whole};
use crate::recorded::Stop;
use crate::replay::ranking::{Ranking, table_format, write_failed};
use crate::words;

/// Everybody's score at the whole multiples of a step, as if each were the end of the log.
pub(crate) struct Steps {
    step_ms: i64,
    /// The next multiple; `None` before the first event.
    next: Option<Timestamp>,
    path: PathBuf,
    writer: ScoreWriter<Output>,
    interrupt: Interrupt,
}

impl Steps {
    pub(crate) fn create(step_ms: i64, path: &Path, interrupt: Interrupt) -> Result<Steps, OutputError> {
        let output = Output::create(path).map_err(OutputError::to(path))?;
        let writer = ScoreWriter::new(output, table_format(path).unwrap_or(ScoreFormat::Json));
        Ok(Steps { step_ms, next: None, path: path.to_owned(), writer, interrupt })
    }

    /// Writes the steps that are over when an event of this time comes.
    #[inline]
    pub(crate) fn write_before(&mut self, at: Timestamp, world: &mut World<'static>) -> Result<(), Stop> {
        match self.next {
            Some(next) if at <= next => Ok(()),
            Some(_) => self.write_until(at - 1, world),
            None => {
                self.next = at
                    .div_euclid(self.step_ms)
                    .checked_add(i64::from(at.rem_euclid(self.step_ms) > 0))
                    .and_then(|number| number.checked_mul(self.step_ms));
                Ok(())
            }
        }
    }

    /// Writes the steps up to this time.
    pub(crate) fn write_until(&mut self, end: Timestamp, world: &mut World<'static>) -> Result<(), Stop> {
        while let Some(next) = self.next.filter(|&next| next <= end) {
            if self.interrupt.is_asked() {
                return Err(Stop::Interrupted);
            }
            // What the step needs to be settled must not be seen in what comes after it.
            let mut then = world.fork();
            then.advance(next);
            then.settle();
            Ranking::of(&then).write_to(&mut self.writer).map_err(write_failed(&self.path))?;
            self.next = next.checked_add(self.step_ms);
        }
        Ok(())
    }

    pub(crate) fn finish(self) -> Result<Whole, OutputError> {
        let output = self.writer.finish().map_err(write_failed(&self.path))?;
        output.finish().map_err(OutputError::to(&self.path))
    }
}

/// Every movement as it is published.
pub(crate) struct Movements {
    path: PathBuf,
    /// `None` once it is finished or has failed.
    lines: Option<Lines>,
    failure: Option<io::Error>,
}

enum Lines {
    Json(BufWriter<Output>),
    Csv(Box<csv::Writer<Output>>),
}

/// One line; of somebody who is erased only who and when.
#[derive(Serialize)]
struct Movement<'a> {
    user: &'a str,
    at: &'a str,
    score: Option<f64>,
    previous: Option<f64>,
    influence: Option<f64>,
    reach: Option<f64>,
    amplification: Option<f64>,
    network: Option<f64>,
    openness: Option<f64>,
    audience: Option<f64>,
    percentile: Option<f64>,
    scale: Option<f64>,
}

impl Movements {
    pub(crate) fn create(path: &Path) -> Result<Movements, OutputError> {
        let output = Output::create(path).map_err(OutputError::to(path))?;
        let lines = match table_format(path) {
            Some(ScoreFormat::Csv) => Lines::Csv(Box::new(csv::Writer::from_writer(output))),
            _ => Lines::Json(BufWriter::new(output)),
        };
        Ok(Movements { path: path.to_owned(), lines: Some(lines), failure: None })
    }

    /// Takes what a shard's step has published. A failure is told at the end.
    pub(crate) fn note(&mut self, shard: &Shard, effects: &Effects) {
        if let Err(failure) = self.write(shard, effects) {
            (self.lines, self.failure) = (None, Some(failure));
        }
    }

    fn write(&mut self, shard: &Shard, effects: &Effects) -> io::Result<()> {
        let (Some(lines), Some(now)) = (&mut self.lines, shard.now()) else { return Ok(()) };
        let at = words::time(now);
        for published in &effects.scores {
            if let Some((user, score)) = shard.record(published) {
                lines.write(&Movement::of(user, &at, &score))?;
            }
        }
        let erased = effects.removed.iter().filter(|removed| removed.why != Removal::OptedIn);
        erased.map(|removed| &removed.name).try_for_each(|user| lines.write(&Movement::erased(user, &at)))
    }

    /// What was written; `None` if it was finished before.
    pub(crate) fn finish(&mut self) -> Result<Option<Whole>, OutputError> {
        let finished = match (self.failure.take(), self.lines.take()) {
            (Some(failure), _) => Err(failure),
            (None, Some(lines)) => lines.finish().map(Some),
            (None, None) => Ok(None),
        };
        finished.map_err(OutputError::to(&self.path))
    }
}

impl Lines {
    fn write(&mut self, movement: &Movement<'_>) -> io::Result<()> {
        match self {
            Lines::Csv(writer) => writer.serialize(movement).map_err(io::Error::from),
            Lines::Json(write) => {
                serde_json::to_writer(&mut *write, movement)?;
                write.write_all(b"\n")
            }
        }
    }

    fn finish(self) -> io::Result<Whole> {
        match self {
            Lines::Csv(writer) => writer.into_inner().map_err(|error| error.into_error())?.finish(),
            Lines::Json(write) => write.into_inner().map_err(io::IntoInnerError::into_error)?.finish(),
        }
    }
}

impl<'a> Movement<'a> {
    fn of(user: &'a str, at: &'a str, score: &Score) -> Movement<'a> {
        Movement {
            user,
            at,
            score: Some(score.score),
            previous: score.previous,
            influence: Some(score.influence),
            reach: Some(score.reach),
            amplification: Some(score.amplification),
            network: Some(score.network),
            openness: Some(score.openness),
            audience: Some(score.audience),
            percentile: Some(score.percentile),
            scale: Some(score.scale),
        }
    }

    fn erased(user: &'a str, at: &'a str) -> Movement<'a> {
        Movement {
            user,
            at,
            score: None,
            previous: None,
            influence: None,
            reach: None,
            amplification: None,
            network: None,
            openness: None,
            audience: None,
            percentile: None,
            scale: None,
        }
    }
}
