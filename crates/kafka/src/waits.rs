//! Tells what a worker waits for, beside the worker: a call to librdkafka may not come back for a while.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use tracing::warn;

/// Somebody who waits for so long says so, again and again.
pub(crate) const TOLD_EVERY: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The call to the brokers that one writer waits for, if any.
#[derive(Debug)]
pub(crate) struct Waits(Arc<Mutex<Option<Wait>>>);

#[derive(Debug)]
struct Wait {
    what: &'static str,
    shards: Vec<u16>,
    began: Instant,
    tell_at: Instant,
}

impl Waits {
    /// Nothing yet. The thread that tells ends with it.
    pub(crate) fn of(writer: &str) -> Waits {
        let waits = Waits(Arc::default());
        let (seen, writer) = (Arc::downgrade(&waits.0), writer.to_owned());
        // Without a thread nothing is told, and all else works.
        let _ = thread::Builder::new().name("waits".into()).spawn(move || watch(&seen, &writer));
        waits
    }

    /// Does something that may take a while.
    pub(crate) fn during<T>(&self, what: &'static str, shards: &[u16], work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        *lock(&self.0) = Some(Wait { what, shards: shards.to_vec(), began, tell_at: began + TOLD_EVERY });
        let done = work();
        *lock(&self.0) = None;
        done
    }
}

fn watch(waits: &Weak<Mutex<Option<Wait>>>, writer: &str) {
    while let Some(waits) = waits.upgrade() {
        if let Some(wait) = lock(&waits).as_mut()
            && Instant::now() >= wait.tell_at
        {
            wait.tell_at += TOLD_EVERY;
            warn!(writer, shards = ?wait.shards, secs = wait.began.elapsed().as_secs(), "waits for the brokers: {}", wait.what);
        }
        drop(waits);
        thread::sleep(LOOK_EVERY);
    }
}

fn lock(wait: &Mutex<Option<Wait>>) -> MutexGuard<'_, Option<Wait>> {
    wait.lock().unwrap_or_else(PoisonError::into_inner)
}
