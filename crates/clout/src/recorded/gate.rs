//! What comes in and what does not: every record passes here once, before anything is done with it.

use std::collections::HashMap;
use std::fmt::Display;

use vocabulary::{AHEAD_MS_MAX, Event, Profile, Timestamp};
use wire::{Malformed, Names, NoAct, ProfileRecord, Record, Respelled};

use crate::failure::OutputError;
use crate::recorded::Stop;
use crate::recorded::loss::Reasons;
use crate::recorded::messages::Networks;
use crate::recorded::notes::{self, Notes};
use crate::recorded::progress::Watch;
use crate::recorded::rejects::{Letters, Rejects};
use crate::words;

/// Lets records in, counts those that stay out.
pub(crate) struct Gate {
    until: Option<Timestamp>,
    /// `--until` or, without it, the machine's clock at the start with some room.
    latest: Timestamp,
    pub(crate) names: Names,
    respelled: Respelled,
    pub(crate) counts: Counts,
    pub(crate) notes: Notes,
    rejects: Rejects,
    pub(crate) watch: Watch,
    /// The state that all messages of networks share; `None` if no file has such messages.
    pub(crate) networks: Option<Box<Networks>>,
    /// The countries that files of profiles declare.
    pub(crate) countries: HashMap<Box<str>, &'static str>,
}

/// What becomes of a record.
pub(crate) enum Admitted<T> {
    /// It comes in.
    In(T),
    /// It is understood, and left out since somebody wants it so.
    Left,
    /// It is whole, and no act.
    NoAct,
    /// It cannot be used.
    Bad,
}

/// What became of the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Records of events, good and bad.
    pub(crate) records: u64,
    /// Those that are broken.
    pub(crate) malformed: u64,
    /// Whole ones that act on nobody: posts.
    pub(crate) no_target: u64,
    /// Whole ones of kinds that are not scored.
    pub(crate) other_kinds: u64,
    /// Those that the machine's clock says cannot have happened.
    pub(crate) future: u64,
    /// Those later than `--until`.
    pub(crate) after_until: u64,
    /// Events by or on names that stand for nobody.
    pub(crate) ignored: u64,
    /// Profiles.
    pub(crate) profiles: u64,
    /// Records that are no profile.
    pub(crate) malformed_profiles: u64,
}

impl Counts {
    /// Records of events that cannot be used.
    pub(crate) fn bad(&self) -> u64 {
        self.malformed + self.future
    }

    /// Takes a record that is no act.
    fn skip(&mut self, malformed: &Malformed) {
        match malformed.no_act() {
            Some(NoAct::NoTarget) => self.no_target += 1,
            Some(NoAct::OtherKind) => self.other_kinds += 1,
            None => {}
        }
    }
}

impl Gate {
    pub(crate) fn new(until: Option<Timestamp>, names: Names, rejects: Rejects, watch: Watch) -> Gate {
        let latest = until.unwrap_or_else(|| words::now().saturating_add(AHEAD_MS_MAX));
        let (counts, notes) = (Counts::default(), Notes::default());
        let respelled = Respelled::default();
        Gate {
            until,
            latest,
            names,
            respelled,
            counts,
            notes,
            rejects,
            watch,
            networks: None,
            countries: HashMap::new(),
        }
    }

    /// Looks up now and then; to be called before each record.
    #[inline]
    pub(crate) fn look(&self) -> Result<(), Stop> {
        self.watch.look(self.counts.records + self.counts.profiles)
    }

    /// The event of a record, if it may come in.
    #[inline]
    pub(crate) fn admit<'r>(&'r mut self, file: &str, record: Record<'r>) -> Result<Admitted<Event<'r>>, Stop> {
        self.counts.records += 1;
        self.judge(file, record.position.number, record.event, record.raw)
    }

    /// An event of a record that is counted, if it may come in.
    #[inline]
    pub(crate) fn judge<'r>(
        &'r mut self,
        file: &str,
        line: u64,
        event: Result<Event<'r>, Malformed>,
        raw: &[u8],
    ) -> Result<Admitted<Event<'r>>, Stop> {
        let Gate { until, latest, names, respelled, counts, rejects, notes, .. } = self;
        match event.and_then(|event| names.event(event, respelled)) {
            Ok(Some(event)) if event.at <= *latest => {
                notes.look(event.actor, event.target);
                Ok(Admitted::In(event))
            }
            Ok(None) => {
                counts.ignored += 1;
                Ok(Admitted::Left)
            }
            Ok(Some(_)) if until.is_some() => {
                counts.after_until += 1;
                Ok(Admitted::Left)
            }
            Ok(Some(event)) => {
                counts.future += 1;
                let reason = format!("time {} lies in the future", words::time(event.at));
                rejects.take(file, line, &reason, raw).map(|()| Admitted::Bad)
            }
            // What is no act is counted and passed over: it is not broken, and no dead letter.
            Err(malformed) if malformed.no_act().is_some() => {
                counts.skip(&malformed);
                notes.skipped(&malformed);
                rejects.skip(file, line, &malformed);
                Ok(Admitted::NoAct)
            }
            Err(malformed) => {
                counts.malformed += 1;
                notes.bad(&malformed);
                rejects.take_advised(file, line, &malformed, notes::advice(&malformed), raw).map(|()| Admitted::Bad)
            }
        }
    }

    /// Takes a record that cannot be read at all.
    pub(crate) fn bad(&mut self, file: &str, line: u64, reason: &dyn Display, raw: &[u8]) -> Result<(), Stop> {
        self.counts.malformed += 1;
        self.rejects.take(file, line, reason, raw)
    }

    /// The profile of a record, if there is one.
    pub(crate) fn admit_profile<'r>(
        &'r mut self,
        file: &str,
        record: ProfileRecord<'r>,
    ) -> Result<Admitted<Profile<'r>>, Stop> {
        match record.profile.and_then(|profile| self.names.profile(profile, &mut self.respelled)) {
            Ok(profile) => {
                self.counts.profiles += 1;
                if let Some(Profile { user, country: Some(country), .. }) = profile {
                    self.countries.insert(user.into(), country);
                }
                Ok(profile.map_or(Admitted::Left, Admitted::In))
            }
            Err(malformed) => {
                self.counts.malformed_profiles += 1;
                self.rejects.take(file, record.position.number, &malformed, record.raw).map(|()| Admitted::Bad)
            }
        }
    }

    /// The counts, why bad records are bad, and the dead letters if they could be written.
    pub(crate) fn finish(self) -> (Counts, Reasons, Result<Option<Letters>, OutputError>) {
        let (reasons, letters) = self.rejects.finish();
        (self.counts, reasons, letters)
    }
}
