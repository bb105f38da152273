//! Lets workers live: each on a thread of its own, with new clients after whatever broke the old ones, until somebody says
//! stop or something happens that no retry heals.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use pipeline::{Fatal, Fault, Heartbeat, Keeper, Status, StoreError, Supervisor, Worker};
use tracing::{info, warn};

use crate::application::Application;
use crate::aside::wait_until_left;
use crate::log::KafkaLog;
use crate::native;

/// Between the end of a worker and its next beginning; doubled each time,
const BACKOFF: Duration = Duration::from_millis(100);
/// up to this,
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// and from the beginning again once a worker has lived for so long.
const HEALTHY: Duration = Duration::from_secs(10);
/// For members to leave the group, at a stop: one that is being let in leaves then, as the group hears only one question of a member
/// at a time. A new group waits 3 s for more members (`group.initial.rebalance.delay.ms`).
const LEAVING: Duration = Duration::from_secs(6);
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
    /// Who hears that one of them cannot go on, and says stop.
    pub supervisor: &'a Supervisor,
}

impl Workers<'_> {
    /// Works until somebody says stop; then each worker finishes its epoch, writes checkpoints and leaves the group. The
    /// first that no retry heals, or that panics, is the supervisor's failure: the others stop in good order then.
    pub fn run(&self) {
        if let Err(why) = native::check_version() {
            return self.supervisor.fail(Arc::new(Fatal::Log(why)));
        }
        thread::scope(|scope| {
            for number in 0..self.count {
                let name = format!("worker-{number}");
                let heartbeat = Arc::new(self.supervisor.heartbeat(&name));
                self.supervisor.spawn_scoped(scope, &name, move || self.live(number, &heartbeat));
            }
        });
        wait_until_left(LEAVING);
    }

    /// One worker after the other in one place of the group.
    fn live(&self, number: usize, heartbeat: &Arc<Heartbeat>) -> Result<(), Box<Fatal>> {
        let mut backoff = BACKOFF;
        while !self.supervisor.is_stopping() {
            let began = Instant::now();
            let ended = self.work(number, heartbeat);
            match ended {
                Ok(()) => break,
                Err(Fault::Fatal(fatal)) => return Err(fatal),
                Err(Fault::Broken(why)) if self.supervisor.is_stopping() => {
                    warn!(worker = number, why, "could not stop in good order: what was not committed is taken again");
                    self.supervisor.leave_unfinished(why);
                    break;
                }
                Err(Fault::Broken(why)) => {
                    self.status.rebuilt();
                    warn!(worker = number, why, "begins anew from what is committed");
                }
            }
            if began.elapsed() > HEALTHY {
                backoff = BACKOFF;
            }
            heartbeat.wait();
            self.pause(backoff);
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
        Ok(())
    }

    fn work(&self, number: usize, heartbeat: &Arc<Heartbeat>) -> Result<(), Fault> {
        self.status.leaves_group(number);
        heartbeat.wait();
        let stop = self.supervisor.stop_flag();
        let keeper = (self.keeper)().map_err(|error| Fault::Broken(format!("checkpoints cannot be kept: {error}")))?;
        let log = KafkaLog::join(self.application, number, stop, self.status)?;
        info!(worker = number, "joined the group {}", self.application.id);
        let settings = Arc::clone(&self.application.settings);
        let mut worker = Worker::new(log, settings, keeper, Arc::clone(self.status));
        let ran = worker.run(stop, heartbeat);
        if ran.is_err() {
            // In this order: a process without shards that waits for its group is not ready.
            self.status.leaves_group(number);
            worker.lose();
        }
        ran
    }

    fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        while !self.supervisor.is_stopping() && Instant::now() < until {
            thread::sleep(LOOK);
        }
    }
}
