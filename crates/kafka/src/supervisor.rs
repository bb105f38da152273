//! Lets workers live: each on a thread of its own, with new clients after whatever broke the old ones, until somebody says
//! stop or something happens that no retry heals.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pipeline::{Fatal, Fault, Keeper, Status, StoreError, Worker};
use tracing::{error, info, warn};

use crate::application::Application;
use crate::log::KafkaLog;
use crate::native;

/// Between the end of a worker and its next beginning; doubled each time,
const BACKOFF: Duration = Duration::from_millis(100);
/// up to this,
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// and from the beginning again once a worker has lived for so long.
const HEALTHY: Duration = Duration::from_secs(60);
/// How soon a pause ends when somebody says stop.
const LOOK: Duration = Duration::from_millis(50);

/// The workers of one process.
pub struct Workers<'a> {
    /// What they are workers of.
    pub application: &'a Arc<Application>,
    /// How many.
    pub count: usize,
    /// Makes the keeper of a worker's checkpoints.
    pub keeper: &'a (dyn Fn() -> Result<Keeper, StoreError> + Sync),
    /// Where they say how they are.
    pub status: &'a Arc<Status>,
}

impl Workers<'_> {
    /// Works until somebody says stop; then each worker finishes its epoch, writes checkpoints and leaves the group.
    ///
    /// # Errors
    /// The first thing that no retry heals. The other workers have stopped in good order then.
    pub fn run(&self, stop: &Arc<AtomicBool>) -> Result<(), Box<Fatal>> {
        native::check_version().map_err(Fatal::Log)?;
        let fatal: Mutex<Option<Box<Fatal>>> = Mutex::new(None);
        let given_up = &fatal;
        thread::scope(|scope| {
            for number in 0..self.count {
                let live = move || {
                    if let Err(why) = self.live(number, stop) {
                        error!(worker = number, %why, "gave up");
                        given_up.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
                        stop.store(true, Relaxed);
                    }
                };
                if let Err(why) = thread::Builder::new().name(format!("worker-{number}")).spawn_scoped(scope, live) {
                    let why = Fatal::Log(format!("no thread for worker {number}: {why}"));
                    given_up.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why.into());
                    stop.store(true, Relaxed);
                }
            }
        });
        fatal.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// One worker after the other in one place of the group.
    fn live(&self, number: usize, stop: &Arc<AtomicBool>) -> Result<(), Box<Fatal>> {
        let mut backoff = BACKOFF;
        while !stop.load(Relaxed) {
            let began = Instant::now();
            match self.work(number, stop) {
                Ok(()) => break,
                Err(Fault::Fatal(fatal)) => return Err(fatal),
                Err(Fault::Broken(why)) => {
                    self.status.rebuilt();
                    warn!(worker = number, why, "begins anew from what is committed");
                }
            }
            if began.elapsed() > HEALTHY {
                backoff = BACKOFF;
            }
            pause(backoff, stop);
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
        Ok(())
    }

    fn work(&self, number: usize, stop: &Arc<AtomicBool>) -> Result<(), Fault> {
        let keeper = (self.keeper)().map_err(|error| Fault::Broken(format!("checkpoints cannot be kept: {error}")))?;
        let log = KafkaLog::join(self.application, number, stop)?;
        info!(worker = number, "joined the group {}", self.application.id);
        let settings = Arc::clone(&self.application.settings);
        Worker::new(log, settings, keeper, Arc::clone(self.status)).run(stop)
    }
}

fn pause(time: Duration, stop: &AtomicBool) {
    let until = Instant::now() + time;
    while !stop.load(Relaxed) && Instant::now() < until {
        thread::sleep(LOOK);
    }
}
