//! Recorded logs: files and pipes in any format, read as one log by the time of their events.
//!
//! Owns everything between the names of files and an event that may come in; what becomes of it is a `Sink`'s. What
//! files look like belongs to `wire`. The order of the modules is the path of an event.

pub(crate) mod folder;
pub(crate) mod input;
pub(crate) mod packing;
pub(crate) mod pipe;
pub(crate) mod reading;
pub(crate) mod transcode;

pub(crate) mod gate;
pub(crate) mod log;
pub(crate) mod loss;
pub(crate) mod merge;
pub(crate) mod messages;
pub(crate) mod naming;
pub(crate) mod notes;
pub(crate) mod people;
pub(crate) mod rejects;
pub(crate) mod spoken;

pub(crate) mod progress;

use std::path::PathBuf;

use embedded::WorldError;
use kafka::FeedError;
use vocabulary::{Event, Kind, Profile, Timestamp};
use wire::Names;

pub use input::InputError;
pub use log::Unreadable;
pub use loss::Loss;
pub use reading::{NetworkArgs, ReadingArgs};

use crate::claims::Claimed;
use crate::failure::{Failure, OutputError};
use crate::interrupt::Interrupt;
use gate::Gate;
use input::BytesRead;
use log::{Files, Logs};
use naming::Said;
use progress::{Progress, Watch};
use rejects::Rejects;

/// Bad lines that are tolerated, as by `replay`.
const BAD_MAX: u64 = 1000;

/// Shows all events of some files that `replay` would score, in its order. Profiles are passed over.
///
/// # Errors
/// If a file cannot be read to its end, or too many of its lines are bad.
pub fn read_events(
    files: &[PathBuf],
    reading: &ReadingArgs,
    networks: &NetworkArgs,
    take: impl FnMut(&Event<'_>),
) -> Result<(), Failure> {
    let (interrupt, bytes_read) = (Interrupt::install(), BytesRead::default());
    let logs = Logs::open(&Files { files, profiles: &[], reading, networks }, &bytes_read, &interrupt)?;
    let progress = Progress::new(logs.size_bytes(), bytes_read, false);
    let rejects = Rejects::new(BAD_MAX, None, &progress)?;
    let mut gate = Gate::new(None, Names::default(), rejects, Watch { progress: progress.clone(), interrupt });
    let read = logs.read(&mut gate, &mut Events(take), &mut Vec::new());
    progress.finish();
    Ok(read?)
}

/// Has an eye for events alone.
struct Events<F>(F);

impl<F: FnMut(&Event<'_>)> Sink for Events<F> {
    fn event(&mut self, event: &Event<'_>, _id: &str) -> Result<(), Stop> {
        (self.0)(event);
        Ok(())
    }

    fn profile(&mut self, _profile: &Profile<'_>) -> Result<(), Stop> {
        Ok(())
    }

    fn found(&mut self, _profile: &Profile<'_>) -> Result<(), Stop> {
        Ok(())
    }
}

/// What takes the records, one after the other.
pub(crate) trait Sink {
    /// Takes an event, and the id that names it among its actor's; empty where it has none.
    fn event(&mut self, event: &Event<'_>, id: &str) -> Result<(), Stop>;

    /// Takes a profile of a file of profiles; all of them come before the events.
    fn profile(&mut self, profile: &Profile<'_>) -> Result<(), Stop>;

    /// Takes a profile that was found among the events.
    fn found(&mut self, profile: &Profile<'_>) -> Result<(), Stop>;

    /// Whether it takes what accounts are called.
    fn takes_names(&self) -> bool {
        false
    }

    /// Takes what an account says of whose it is.
    fn claimed(&mut self, _claim: Claimed) -> Result<(), Stop> {
        Ok(())
    }

    /// Takes what an account is called, if it takes names.
    fn called(&mut self, _said: &Said) -> Result<(), Stop> {
        Ok(())
    }
}

/// Why the reading ended before the end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Stop {
    /// Somebody pressed Ctrl-C.
    #[error("interrupted: what was read until then counts")]
    Interrupted,
    /// More lines are bad than are tolerated.
    #[error("stopped at more bad lines than --max-bad {bad_max}: what was read until then counts")]
    TooManyBad {
        /// So many are tolerated.
        bad_max: u64,
    },
    /// An input breaks off.
    #[error(transparent)]
    Unreadable(Box<Unreadable>),
    /// A file that was there cannot be opened any more.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The state cannot be kept, or is not that of this input.
    #[error(transparent)]
    State(#[from] Box<WorldError>),
    /// The brokers do not take a record.
    #[error(transparent)]
    Feed(#[from] Box<FeedError>),
    /// Events of a kind have nowhere to go.
    #[error("no --topic is given for events of the kind {}: give one, or one for all", .0.word())]
    NoTopic(Kind),
    /// A timeline that nobody would want to read.
    #[error(
        "--timeline {}: from {} to {} that is more than {} steps: a longer one makes fewer",
        crate::words::duration(*.step_ms), crate::words::time(*.from), crate::words::time(*.to),
        crate::words::thousands(*.steps_max)
    )]
    Steps {
        /// The step.
        step_ms: i64,
        /// The first event,
        from: Timestamp,
        /// and one that is too far from it.
        to: Timestamp,
        /// So many are written.
        steps_max: u64,
    },
    /// The timeline or a dead letter cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
}
