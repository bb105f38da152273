//! Bad lines: told, kept, counted, up to a limit.

use std::fmt::Display;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use wire::DeadLetter;

use crate::failure::OutputError;
use crate::output::{Output, Whole};
use crate::recorded::Stop;
use crate::recorded::loss::Reasons;
use crate::recorded::progress::Progress;

/// Bad lines that are told one by one.
const TOLD_MAX: u64 = 10;

/// What becomes of bad lines.
pub(crate) struct Rejects {
    bad: u64,
    bad_max: u64,
    reasons: Reasons,
    progress: Progress,
    dead_letters: Option<DeadLetters>,
}

struct DeadLetters {
    path: PathBuf,
    write: BufWriter<Output>,
}

impl Rejects {
    pub(crate) fn new(bad_max: u64, dead_letters: Option<&Path>, progress: &Progress) -> Result<Rejects, OutputError> {
        let create = |path: &Path| {
            let output = Output::create(path).map_err(OutputError::to(path))?;
            Ok(DeadLetters { path: path.to_owned(), write: BufWriter::new(output) })
        };
        let dead_letters = dead_letters.map(create).transpose()?;
        Ok(Rejects { bad: 0, bad_max, reasons: Reasons::default(), progress: progress.clone(), dead_letters })
    }

    /// Takes a bad line, or in binary files a bad record, counted from 1.
    pub(crate) fn take(&mut self, file: &str, line: u64, reason: &dyn Display, record: &[u8]) -> Result<(), Stop> {
        self.take_advised(file, line, reason, None, record)
    }

    /// The same of one against which an option may help: where it is the reason for giving up, that is told with it.
    pub(crate) fn take_advised(
        &mut self,
        file: &str,
        line: u64,
        reason: &dyn Display,
        advice: Option<&str>,
        record: &[u8],
    ) -> Result<(), Stop> {
        self.bad += 1;
        let reason = &reason.to_string();
        match advice {
            Some(advice) => self.reasons.note(file, line, &format!("{reason}; {advice}")),
            None => self.reasons.note(file, line, reason),
        }
        if self.bad <= TOLD_MAX {
            self.progress.say(&format!("{file}:{line}: {reason}"));
        }
        if let Some(DeadLetters { path, write }) = &mut self.dead_letters {
            let letter = DeadLetter { source: file, line, reason: &reason, record };
            letter.write(write).map_err(OutputError::to(path))?;
        }
        if self.bad > self.bad_max {
            return Err(Stop::TooManyBad { bad_max: self.bad_max });
        }
        Ok(())
    }

    /// Takes a record that is no act, and no bad line.
    pub(crate) fn skip(&mut self, file: &str, line: u64, reason: &dyn Display) {
        self.reasons.note(file, line, &reason.to_string());
    }

    /// Tells how many were not told, and completes the file of dead letters. Says why the bad lines are bad.
    pub(crate) fn finish(self) -> (Reasons, Result<Option<Letters>, OutputError>) {
        let untold = self.bad.saturating_sub(TOLD_MAX);
        if untold > 0 {
            let place = if self.dead_letters.is_some() { "" } else { "; keep all of them with --dead-letters FILE" };
            self.progress.say(&format!("and {untold} more bad lines{place}"));
        }
        (self.reasons, self.dead_letters.map(DeadLetters::finish).transpose())
    }
}

/// All bad lines, in a file that is not in its place yet.
pub(crate) struct Letters {
    path: PathBuf,
    whole: Whole,
}

impl DeadLetters {
    fn finish(self) -> Result<Letters, OutputError> {
        let DeadLetters { path, write } = self;
        let finish = || write.into_inner().map_err(io::IntoInnerError::into_error)?.finish();
        let whole = finish().map_err(OutputError::to(&path))?;
        Ok(Letters { path, whole })
    }
}

impl Letters {
    /// Puts them in their place.
    pub(crate) fn keep(self) -> Result<(), OutputError> {
        self.whole.keep().map_err(OutputError::to(&self.path))
    }
}
