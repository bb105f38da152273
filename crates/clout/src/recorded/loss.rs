//! When too much of the input is lost for the results to be worth anything: nothing of a file, or more than half, could be
//! used, or a profile: somebody who has opted out would be scored. What was asked to be left out, as by --until, is not lost.

use crate::exit::ExitCode;
use crate::recorded::Stop;
use crate::recorded::gate::Counts;
use crate::recorded::log::FileRead;
use crate::words::{count, thousands};

/// Reasons that are told apart.
const REASONS_MAX: usize = 64;

/// Why bad records are bad, by file.
#[derive(Debug, Default)]
pub(crate) struct Reasons(Vec<Reason>);

#[derive(Debug)]
struct Reason {
    file: String,
    /// What all reasons of this kind have in common.
    kind: String,
    records: u64,
    /// The first one, and its place.
    first: String,
    line: u64,
}

impl Reasons {
    /// Takes one.
    pub(crate) fn note(&mut self, file: &str, line: u64, text: &str) {
        let (kind, kinds) = (kind(text), self.0.len());
        match self.0.iter_mut().find(|reason| reason.kind == kind && reason.file == file) {
            Some(reason) => reason.records += 1,
            None if kinds == REASONS_MAX => {}
            None => self.0.push(Reason { file: file.to_owned(), kind, records: 1, first: text.to_owned(), line }),
        }
    }

    /// The most frequent one of a file, or of all, with its place.
    fn main(&self, file: Option<&str>) -> String {
        let reasons = self.0.iter().filter(|reason| file.is_none_or(|file| reason.file == file));
        // Of equal ones the first.
        let Some(main) = reasons.rev().max_by_key(|reason| reason.records) else { return "see above".to_owned() };
        let Reason { file, first, line, records, .. } = main;
        match records - 1 {
            0 => format!("{file}:{line}: {first}"),
            more => format!("{file}:{line}: {first}, and {} more like it", thousands(more)),
        }
    }
}

/// A reason without what differs from line to line: what is quoted, and numbers.
fn kind(text: &str) -> String {
    let parts = text.split('"').step_by(2);
    parts.flat_map(str::chars).filter(|letter| !letter.is_ascii_digit()).collect()
}

/// Too little of the input could be used.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
pub struct Loss {
    sentence: String,
    is_interrupted: bool,
}

/// What was read, and how it ended.
pub(crate) struct Outcome<'a> {
    pub(crate) counts: &'a Counts,
    pub(crate) files: &'a [FileRead],
    pub(crate) reasons: &'a Reasons,
    pub(crate) stop: Option<&'a Stop>,
    /// Whether somebody wants the rest all the same.
    pub(crate) is_accepted: bool,
    /// What becomes of the outputs.
    pub(crate) consequence: &'static str,
    /// What an input without any record is told as; `None` where that is no loss.
    pub(crate) empty: Option<String>,
}

impl Loss {
    pub(crate) fn exit_code(&self) -> ExitCode {
        if self.is_interrupted { ExitCode::Interrupted } else { ExitCode::Stopped }
    }
}

impl Outcome<'_> {
    /// The loss, if it is too much.
    pub(crate) fn loss(&self) -> Option<Loss> {
        let sentence = self.nothing().or_else(|| self.most().filter(|_| !self.is_accepted))?;
        let is_interrupted = matches!(self.stop, Some(Stop::Interrupted));
        Some(Loss { sentence: format!("{sentence}; {}", self.consequence), is_interrupted })
    }

    fn understood(&self) -> u64 {
        self.files.iter().map(|file| file.understood).sum()
    }

    /// What is said if nothing at all could be used.
    fn nothing(&self) -> Option<String> {
        if self.understood() > 0 {
            return None;
        }
        let Counts { records, profiles, malformed_profiles, .. } = *self.counts;
        match self.stop {
            Some(Stop::Interrupted) => Some("interrupted before anything could be used".to_owned()),
            Some(Stop::Unreadable(unreadable)) => Some(unreadable.what()),
            Some(Stop::TooManyBad { .. }) | None if records > 0 => Some(self.none_of(None, records)),
            Some(Stop::TooManyBad { .. }) | None if profiles == 0 && malformed_profiles > 0 => {
                let profiles = count(malformed_profiles, "profile", "profiles");
                Some(format!("none of the {profiles} can be used ({})", self.reasons.main(None)))
            }
            None if records + profiles == 0 => self.empty.clone(),
            _ => None,
        }
    }

    /// What is said if a whole file could not be used, most of all, or a profile.
    fn most(&self) -> Option<String> {
        let Counts { records, profiles, malformed_profiles, .. } = *self.counts;
        let (bad, main) = (self.counts.bad(), || self.reasons.main(None));
        let advice = "mend them, or say --accept-loss to go on with the rest";
        let is_whole = !matches!(self.stop, Some(Stop::Interrupted));
        if bad > self.understood() && is_whole {
            let [bad, records] = [bad, records].map(thousands);
            return Some(format!("{bad} of {records} lines cannot be used, more than half ({}): {advice}", main()));
        }
        if malformed_profiles > 0 && is_whole {
            let [bad, all] = [malformed_profiles, profiles + malformed_profiles].map(thousands);
            return Some(format!("{bad} of {all} profiles cannot be used ({}): {advice}", main()));
        }
        let lost = self.files.iter().find(|file| file.records > 0 && file.understood == 0 && is_whole)?;
        Some(format!("{}: {advice}", self.none_of(Some(&lost.file), lost.records)))
    }

    fn none_of(&self, file: Option<&str>, records: u64) -> String {
        let lines = match records {
            1 => "the only line".to_owned(),
            lines => format!("none of the {} lines", thousands(lines)),
        };
        let whose = match (file, self.files) {
            (Some(file), _) => format!(" of {file}"),
            (None, [one]) => format!(" of {}", one.file),
            (None, _) => String::new(),
        };
        let can = if records == 1 { "cannot" } else { "can" };
        format!("{lines}{whose} {can} be used ({})", self.reasons.main(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_reason_is_told_with_its_first_place() {
        let mut reasons = Reasons::default();
        reasons.note("log", 1, "has no target");
        (2..5).for_each(|line| reasons.note("log", line, &format!("time \"{line} Aug\" is none of 2")));
        (5..9).for_each(|line| reasons.note("other", line, "has no target"));
        assert_eq!(reasons.main(None), "other:5: has no target, and 3 more like it");
        assert_eq!(reasons.main(Some("log")), "log:2: time \"2 Aug\" is none of 2, and 2 more like it");
        (0..1_000).for_each(|line| reasons.note(&line.to_string(), line, "is not JSON"));
        assert_eq!(reasons.0.len(), REASONS_MAX);
    }
}
