//! When an event may go: at once, so many a second, or as its log says.

use std::time::{Duration, Instant};

use vocabulary::Timestamp;

use crate::interrupt::Interrupt;
use crate::recorded::Stop;

/// How long Ctrl-C may go unnoticed.
const LOOK: Duration = Duration::from_millis(50);

/// How fast events go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    Full,
    /// Events a second.
    Rate(f64),
    /// The log's own time, so many times faster.
    Times(f64),
}

/// Waits before events that come too early. What is late is not waited for: a pace that cannot be kept is full speed.
pub(crate) struct Pacer {
    pace: Pace,
    interrupt: Interrupt,
    started: Instant,
    events: u64,
    first_at: Option<Timestamp>,
}

impl Pacer {
    pub(crate) fn new(pace: Pace, interrupt: Interrupt) -> Pacer {
        Pacer { pace, interrupt, started: Instant::now(), events: 0, first_at: None }
    }

    /// Returns when an event of this time may go.
    #[inline]
    pub(crate) fn wait(&mut self, at: Timestamp) -> Result<(), Stop> {
        let due_secs = match self.pace {
            Pace::Full => return Ok(()),
            Pace::Rate(rate) => self.events as f64 / rate,
            Pace::Times(factor) => (at - *self.first_at.get_or_insert(at)) as f64 / 1e3 / factor,
        };
        self.events += 1;
        // More than a year is no less endless.
        let due = self.started + Duration::from_secs_f64(due_secs.clamp(0.0, 3e7));
        while let Some(wait) = due.checked_duration_since(Instant::now()).filter(|wait| !wait.is_zero()) {
            if self.interrupt.is_asked() {
                return Err(Stop::Interrupted);
            }
            std::thread::sleep(wait.min(LOOK));
        }
        Ok(())
    }
}
