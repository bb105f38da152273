//! How a process that works until somebody says stop ends: in good order, or within a bound whatever happens.

use std::sync::Arc;
use std::thread::{Builder, sleep};
use std::time::{Duration, Instant};

use pipeline::{Fatal, Supervisor};

use crate::failure::{Failure, tell};
use crate::interrupt::Interrupt;
use crate::panics;

/// A stop waits no longer than that for brokers that are away; who runs programs often kills them after half a minute.
const STOP_MAX: Duration = Duration::from_secs(25);
/// After a failure the other threads have so long to stop in good order.
const FAILED_MAX: Duration = Duration::from_secs(4);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// What was not finished when somebody said stop.
#[derive(Debug, thiserror::Error)]
#[error("ended before all was finished: {0}; what was not committed is taken again")]
pub struct Unfinished(pub(crate) String);

/// A supervisor that hears of Ctrl-C and of panics, and ends the process if a stop takes too long: librdkafka waits for a
/// group's coordinator however long it is away, and a failure must be seen by whoever starts processes again.
///
/// # Errors
/// If the system has no room for a thread.
pub(crate) fn supervise(interrupt: &Interrupt) -> Result<Supervisor, Failure> {
    let supervisor = Supervisor::new(interrupt.flag());
    panics::tell(&supervisor);
    let watched = supervisor.clone();
    Builder::new().name("deadline".into()).spawn(move || wait(&watched)).map_err(Failure::Threads)?;
    Ok(supervisor)
}

/// What a process ends with whose threads have all stopped.
///
/// # Errors
/// The first failure, or what was left unfinished.
pub(crate) fn outcome(supervisor: &Supervisor) -> Result<(), Failure> {
    match (supervisor.failure(), supervisor.unfinished()) {
        (Some(why), _) => Err(failed(why)),
        (None, Some(why)) => Err(Unfinished(why).into()),
        (None, None) => Ok(()),
    }
}

fn failed(why: Arc<Fatal>) -> Failure {
    match *why {
        Fatal::Panicked { .. } | Fatal::Ended { .. } => Failure::Internal(why),
        _ => Failure::Fatal(why),
    }
}

fn wait(supervisor: &Supervisor) {
    while !supervisor.is_stopping() {
        sleep(LOOK);
    }
    let (stopped_at, mut failed_at) = (Instant::now(), None);
    loop {
        let failure = supervisor.failure();
        let since_failure = failure.as_ref().map(|_| failed_at.get_or_insert_with(Instant::now).elapsed());
        if stopped_at.elapsed() >= STOP_MAX || since_failure.is_some_and(|passed| passed >= FAILED_MAX) {
            let why = || Unfinished("the brokers, or the place of checkpoints, do not answer".to_owned()).into();
            let failure = failure.map_or_else(why, failed);
            tell(&failure);
            std::process::exit(failure.exit_code().code().into());
        }
        sleep(LOOK);
    }
}
