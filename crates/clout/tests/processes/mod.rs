//! Many processes of one application, started with one command line: they share the work, take over from each other, and
//! find each other's checkpoints. What they tell of it is in the log.

mod closes;
mod credits;
mod folders;
mod log;
mod names;
mod restarts;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use oracle::Act;

use crate::cluster::Scene;

/// A member that is silent for so long is taken for dead.
const SESSION: Duration = Duration::from_secs(6);
const CLIENT: &[(&str, &str)] = &[("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "1000")];
/// A process that is asked to end does so within this time.
const ENDING: Duration = Duration::from_secs(20);
/// Until a process is where it should be, at the start.
const BEGUN: Duration = Duration::from_secs(60);

/// Does this while the acts are fed, so many a second, and no longer.
fn while_fed(scene: &Scene, acts: &[Act<'_>], per_second: usize, body: impl FnOnce()) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let feeder = scene.feeder();
            acts.chunks(100).take_while(|_| !is_over.load(Relaxed)).for_each(|acts| feeder.feed(acts, per_second));
        });
        let _over = Over(&is_over);
        body();
    });
}

/// Says that it is over, in any case.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
