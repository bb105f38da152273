//! Whoever interrupts the program is heard wherever it waits: it then ends as after an error, its processes and folders with it.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::Failure;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Tells threads that it is over when this goes, also by an error or a panic.
pub(crate) struct Ends<'a>(pub(crate) &'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Takes interrupts and requests to end from now on.
pub(crate) fn listen() -> Result<(), Failure> {
    Ok(ctrlc::set_handler(|| INTERRUPTED.store(true, Relaxed))?)
}

/// # Errors
/// If somebody interrupted the program.
pub(crate) fn check() -> Result<(), Failure> {
    if INTERRUPTED.load(Relaxed) { Err("interrupted".into()) } else { Ok(()) }
}

/// Waits so long.
///
/// # Errors
/// If somebody interrupts the program.
pub(crate) fn pause(time: Duration) -> Result<(), Failure> {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        check()?;
        thread::sleep(left.min(LOOK));
    }
    check()
}
