//! What comes in and what does not: every record passes here once, before anything is done with it.

use std::time::{SystemTime, UNIX_EPOCH};

use influence::{Event, Profile, Timestamp};
use wire::{ProfileRecord, Record};

use crate::failure::OutputError;
use crate::recorded::Stop;
use crate::recorded::progress::Watch;
use crate::recorded::rejects::Rejects;
use crate::words;

/// How far a clock may be behind others.
const AHEAD_MS_MAX: i64 = 5 * 60_000;

/// Lets records in, counts those that stay out.
pub(crate) struct Gate {
    until: Option<Timestamp>,
    /// `--until` or, without it, the machine's clock at the start with some room.
    latest: Timestamp,
    pub(crate) counts: Counts,
    rejects: Rejects,
    pub(crate) watch: Watch,
}

/// What became of the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Records of events, good and bad.
    pub(crate) records: u64,
    /// Those that are no event.
    pub(crate) malformed: u64,
    /// Those that the machine's clock says cannot have happened.
    pub(crate) future: u64,
    /// Those later than `--until`.
    pub(crate) after_until: u64,
    /// Profiles.
    pub(crate) profiles: u64,
    /// Records that are no profile.
    pub(crate) malformed_profiles: u64,
}

impl Gate {
    pub(crate) fn new(until: Option<Timestamp>, rejects: Rejects, watch: Watch) -> Gate {
        let latest = until.unwrap_or_else(|| now().saturating_add(AHEAD_MS_MAX));
        Gate { until, latest, counts: Counts::default(), rejects, watch }
    }

    /// Looks up now and then; to be called before each record.
    #[inline]
    pub(crate) fn look(&self) -> Result<(), Stop> {
        self.watch.look(self.counts.records + self.counts.profiles)
    }

    /// The event of a record, if it may come in.
    #[inline]
    pub(crate) fn admit<'r>(&mut self, file: &str, record: Record<'r>) -> Result<Option<Event<'r>>, Stop> {
        self.counts.records += 1;
        match record.event {
            Ok(event) if event.at <= self.latest => Ok(Some(event)),
            Ok(event) => self.leave_out(file, record.position.number, event.at, record.raw).map(|()| None),
            Err(malformed) => {
                self.counts.malformed += 1;
                self.rejects.take(file, record.position.number, &malformed, record.raw).map(|()| None)
            }
        }
    }

    #[cold]
    fn leave_out(&mut self, file: &str, line: u64, at: Timestamp, raw: &[u8]) -> Result<(), Stop> {
        if self.until.is_some() {
            self.counts.after_until += 1;
            return Ok(());
        }
        self.counts.future += 1;
        let reason = format!("time {} lies in the future", words::time(at));
        self.rejects.take(file, line, &reason, raw)
    }

    /// The profile of a record, if there is one.
    pub(crate) fn admit_profile<'r>(
        &mut self,
        file: &str,
        record: ProfileRecord<'r>,
    ) -> Result<Option<Profile<'r>>, Stop> {
        match record.profile {
            Ok(profile) => {
                self.counts.profiles += 1;
                Ok(Some(profile))
            }
            Err(malformed) => {
                self.counts.malformed_profiles += 1;
                self.rejects.take(file, record.position.number, &malformed, record.raw).map(|()| None)
            }
        }
    }

    /// The counts, and whether all dead letters are written.
    pub(crate) fn finish(self) -> (Counts, Result<(), OutputError>) {
        (self.counts, self.rejects.finish())
    }
}

/// The machine's clock.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::try_from(since.as_millis()).unwrap_or(Timestamp::MAX)
}
