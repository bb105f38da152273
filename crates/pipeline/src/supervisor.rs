//! What watches the threads of a process.
//!
//! A thread that panics, fails or ends although nobody asked for that stops the process: the first one is the failure that
//! is reported. Nothing is begun again after a panic, since the same record would end in the same panic, here and in
//! whoever takes the shard over. A loop that stands still is seen by its heartbeat.

use std::any::Any;
use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle, Scope};
use std::time::{Duration, Instant};

use tracing::error;

use crate::fault::Fatal;

/// A loop that works has turned within this time.
pub const TURN_MAX: Duration = Duration::from_secs(10);
/// A loop that waits for brokers, or for the place of checkpoints, has turned within this time: what it waits for gives
/// up by itself before.
pub const WAIT_MAX: Duration = Duration::from_secs(300);

/// What the threads of one process share. Clones are the same.
#[derive(Clone, Debug)]
pub struct Supervisor(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    stop: Arc<AtomicBool>,
    began: Instant,
    failure: Mutex<Option<Arc<Fatal>>>,
    unfinished: Mutex<Option<String>>,
    pulses: Mutex<Vec<Arc<Pulse>>>,
}

/// When a loop has turned last, and when it has to turn next, in milliseconds since the supervisor began.
#[derive(Debug)]
struct Pulse {
    name: String,
    turned_ms: AtomicU64,
    due_ms: AtomicU64,
    is_at_work: AtomicBool,
}

impl Default for Supervisor {
    fn default() -> Supervisor {
        Supervisor::new(Arc::default())
    }
}

impl Supervisor {
    /// Nothing is watched yet. Whoever sets the flag asks all threads to stop.
    #[expect(clippy::disallowed_methods, reason = "told to observers only")]
    pub fn new(stop: Arc<AtomicBool>) -> Supervisor {
        Supervisor(Arc::new(Shared {
            stop,
            began: Instant::now(),
            failure: Mutex::default(),
            unfinished: Mutex::default(),
            pulses: Mutex::default(),
        }))
    }

    /// Set once all threads are to stop.
    pub fn stop_flag(&self) -> &Arc<AtomicBool> {
        &self.0.stop
    }

    /// Whether all threads are to stop.
    pub fn is_stopping(&self) -> bool {
        self.0.stop.load(Relaxed)
    }

    /// Asks all threads to stop.
    pub fn stop(&self) {
        self.0.stop.store(true, Relaxed);
    }

    /// The process cannot go on. The first failure is kept, and all threads are asked to stop.
    pub fn fail(&self, why: Arc<Fatal>) {
        lock(&self.0.failure).get_or_insert(why);
        self.stop();
    }

    /// The first failure.
    pub fn failure(&self) -> Option<Arc<Fatal>> {
        lock(&self.0.failure).clone()
    }

    /// A thread was asked to stop and could not do so in good order.
    pub fn leave_unfinished(&self, why: String) {
        lock(&self.0.unfinished).get_or_insert(why);
    }

    /// Why a thread did not stop in good order.
    pub fn unfinished(&self) -> Option<String> {
        lock(&self.0.unfinished).clone()
    }

    /// Does the work of a thread. Its panic, its error and an end before the stop are failures of the process.
    pub fn watch(&self, thread: &str, work: impl FnOnce() -> Result<(), Box<Fatal>>) {
        let why = match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(())) if self.is_stopping() => return,
            Ok(Ok(())) => Fatal::Ended { thread: thread.to_owned() }.into(),
            Ok(Err(why)) => why,
            Err(panic) => Fatal::panicked(thread, &*panic).into(),
        };
        error!(thread, %why, "gave up");
        self.fail(Arc::from(why));
    }

    /// Starts a thread that is watched.
    ///
    /// # Errors
    /// If the system has no room for another thread.
    pub fn spawn(
        &self,
        thread: &str,
        work: impl FnOnce() -> Result<(), Box<Fatal>> + Send + 'static,
    ) -> io::Result<JoinHandle<()>> {
        let (supervisor, name) = (self.clone(), thread.to_owned());
        Builder::new().name(thread.to_owned()).spawn(move || supervisor.watch(&name, work))
    }

    /// The same inside of a scope. Without room for another thread that is the failure.
    pub fn spawn_scoped<'scope>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        thread: &str,
        work: impl FnOnce() -> Result<(), Box<Fatal>> + Send + 'scope,
    ) {
        let (supervisor, name) = (self.clone(), thread.to_owned());
        let run = move || supervisor.watch(&name, work);
        if let Err(error) = Builder::new().name(thread.to_owned()).spawn_scoped(scope, run) {
            self.fail(Arc::new(Fatal::Thread { thread: thread.to_owned(), reason: error.to_string() }));
        }
    }

    /// A loop that has to turn from now on, until the heartbeat is dropped.
    pub fn heartbeat(&self, thread: &str) -> Heartbeat {
        let (turned_ms, due_ms, is_at_work) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
        let pulse = Arc::new(Pulse { name: thread.to_owned(), turned_ms, due_ms, is_at_work });
        let heartbeat = Heartbeat(Some((self.clone(), Arc::clone(&pulse))));
        heartbeat.beat();
        lock(&self.0.pulses).push(pulse);
        heartbeat
    }

    /// Whether nothing has failed, and every loop has turned in time.
    ///
    /// # Errors
    /// What does not work, in a sentence.
    pub fn check_live(&self) -> Result<(), String> {
        if let Some(why) = self.failure() {
            return Err(why.to_string());
        }
        let now_ms = self.now_ms();
        match lock(&self.0.pulses).iter().find(|pulse| pulse.due_ms.load(Relaxed) < now_ms) {
            Some(pulse) => {
                let secs = now_ms.saturating_sub(pulse.turned_ms.load(Relaxed)) / 1_000;
                Err(format!("{} has not turned for {secs} s", pulse.name))
            }
            None => Ok(()),
        }
    }

    /// How long the loop has not turned that stands still longest, of those that are at work.
    pub fn standing(&self) -> Duration {
        let now_ms = self.now_ms();
        let pulses = lock(&self.0.pulses);
        let at_work = pulses.iter().filter(|pulse| pulse.is_at_work.load(Relaxed));
        let standing_ms = at_work.map(|pulse| now_ms.saturating_sub(pulse.turned_ms.load(Relaxed))).max();
        Duration::from_millis(standing_ms.unwrap_or(0))
    }

    /// Whether it is live, and every loop is at work.
    ///
    /// # Errors
    /// What is not ready, in a sentence.
    pub fn check_ready(&self) -> Result<(), String> {
        self.check_live()?;
        match lock(&self.0.pulses).iter().find(|pulse| !pulse.is_at_work.load(Relaxed)) {
            Some(pulse) => Err(format!("{} is not at work yet", pulse.name)),
            None => Ok(()),
        }
    }

    fn now_ms(&self) -> u64 {
        self.0.began.elapsed().as_millis() as u64
    }
}

/// The sign of life of a loop. The default is one that nobody looks at.
#[derive(Debug, Default)]
pub struct Heartbeat(Option<(Supervisor, Arc<Pulse>)>);

impl Heartbeat {
    /// The loop turns, and does so again within [`TURN_MAX`].
    #[inline]
    pub fn beat(&self) {
        self.expect_next(TURN_MAX);
    }

    /// The loop waits for somebody else until the next beat, for [`WAIT_MAX`] at most.
    pub fn wait(&self) {
        self.expect_next(WAIT_MAX);
    }

    /// Whether the loop does what it is there for, rather than getting ready for that.
    pub fn set_at_work(&self, is_at_work: bool) {
        if let Some((_, pulse)) = &self.0 {
            pulse.is_at_work.store(is_at_work, Relaxed);
        }
    }

    fn expect_next(&self, within: Duration) {
        if let Some((supervisor, pulse)) = &self.0 {
            let now_ms = supervisor.now_ms();
            pulse.turned_ms.store(now_ms, Relaxed);
            pulse.due_ms.store(now_ms + within.as_millis() as u64, Relaxed);
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        if let Some((supervisor, pulse)) = self.0.take() {
            lock(&supervisor.0.pulses).retain(|other| !Arc::ptr_eq(other, &pulse));
        }
    }
}

thread_local! {
    static IS_CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Does something whose panic ends it and nothing else, such as an answer to one client.
///
/// # Errors
/// The panic.
pub fn contain<T>(work: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    let before = IS_CONTAINED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    IS_CONTAINED.set(before);
    done
}

/// Whether a panic of this thread would end what it does now, and nothing else.
pub fn is_contained() -> bool {
    IS_CONTAINED.get()
}

/// The words of a panic.
pub fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without words")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::thread::{scope, sleep};

    use super::*;

    fn failure(of: impl FnOnce() -> Result<(), Box<Fatal>> + Send + 'static) -> Option<String> {
        let supervisor = Supervisor::default();
        supervisor.spawn("worker-7", of).unwrap().join().unwrap();
        assert_eq!(supervisor.failure().is_some(), supervisor.is_stopping());
        supervisor.failure().map(|why| why.to_string())
    }

    #[test]
    fn a_thread_that_panics_fails_or_ends_stops_the_process() {
        let panicked = failure(|| panic!("person {} is NaN", 7)).unwrap();
        assert!(panicked.starts_with("the thread worker-7 panicked: person 7 is NaN; "), "{panicked}");
        let ended = failure(|| Ok(())).unwrap();
        assert!(ended.starts_with("the thread worker-7 has ended"), "{ended}");
        assert_eq!(failure(|| Err(Fatal::Log("no topic".into()).into())).unwrap(), "no topic");
    }

    #[test]
    fn the_first_failure_is_kept_and_an_end_that_was_asked_for_is_none() {
        let supervisor = Supervisor::default();
        supervisor.stop();
        scope(|scope| supervisor.spawn_scoped(scope, "a", || Ok(())));
        assert!(supervisor.failure().is_none());
        scope(|scope| supervisor.spawn_scoped(scope, "b", || Err(Fatal::Log("first".into()).into())));
        scope(|scope| supervisor.spawn_scoped(scope, "c", || panic!("second")));
        assert_eq!(supervisor.failure().unwrap().to_string(), "first");
        assert_eq!(supervisor.check_live(), Err("first".to_owned()));
    }

    #[test]
    fn a_loop_that_stands_still_is_not_live_and_one_that_waits_is() {
        let supervisor = Supervisor::default();
        let heartbeat = supervisor.heartbeat("worker-3");
        assert_eq!(supervisor.check_live(), Ok(()));
        assert_eq!(supervisor.check_ready(), Err("worker-3 is not at work yet".to_owned()));
        heartbeat.set_at_work(true);
        assert_eq!(supervisor.check_ready(), Ok(()));
        heartbeat.expect_next(Duration::ZERO);
        sleep(Duration::from_millis(5));
        assert_eq!(supervisor.check_live(), Err("worker-3 has not turned for 0 s".to_owned()));
        heartbeat.wait();
        assert_eq!(supervisor.check_live(), Ok(()));
        sleep(Duration::from_millis(5));
        assert!(supervisor.standing() >= Duration::from_millis(5), "it waits, and does not turn");
        heartbeat.set_at_work(false);
        assert_eq!(supervisor.standing(), Duration::ZERO, "it has not begun");
        heartbeat.expect_next(Duration::ZERO);
        sleep(Duration::from_millis(5));
        drop(heartbeat);
        assert_eq!(supervisor.check_live(), Ok(()), "a loop that is over need not turn");
    }

    #[test]
    fn what_is_contained_ends_alone() {
        assert!(contain(|| assert!(is_contained())).is_ok());
        let panic = contain(|| panic!("of one answer")).unwrap_err();
        assert_eq!((panic_text(&*panic), is_contained()), ("of one answer", false));
    }
}
