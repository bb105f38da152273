//! Panics: each is told as an error with the name of its thread, and ends the process with a code of its own.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use pipeline::{Fatal, Supervisor, is_contained, panic_text};
use tracing::{dispatcher, error};

use crate::failure::Failure;

/// The first panic of this process that was not contained.
static FIRST: OnceLock<Arc<Fatal>> = OnceLock::new();
/// Who hears of it at once, before anything is unwound.
static SUPERVISORS: Mutex<Vec<Supervisor>> = Mutex::new(Vec::new());

/// Does a command. A panic of any thread by then is what it failed with.
///
/// # Errors
/// What the command failed with.
pub fn report(command: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    panic::set_hook(Box::new(hear));
    let done = catch_unwind(AssertUnwindSafe(command));
    match (FIRST.get(), done) {
        (Some(why), _) => Err(Failure::Internal(Arc::clone(why))),
        (None, Ok(done)) => done,
        (None, Err(panic)) => Err(Failure::Internal(Fatal::panicked("main", &*panic).into())),
    }
}

/// A panic of any thread is this one's failure.
pub(crate) fn tell(supervisor: &Supervisor) {
    SUPERVISORS.lock().unwrap_or_else(PoisonError::into_inner).push(supervisor.clone());
}

fn hear(info: &PanicHookInfo<'_>) {
    let thread = thread::current().name().unwrap_or("without a name").to_owned();
    let text = panic_text(info.payload()).to_owned();
    let place = info.location().map_or_else(String::new, ToString::to_string);
    say(&thread, &text, &place);
    if is_contained() {
        return;
    }
    let why = FIRST.get_or_init(|| Arc::new(Fatal::Panicked { thread, message: format!("{text} ({place})") }));
    for supervisor in &*SUPERVISORS.lock().unwrap_or_else(PoisonError::into_inner) {
        supervisor.fail(Arc::clone(why));
    }
}

/// To the log, or to people where there is none.
fn say(thread: &str, text: &str, place: &str) {
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    let backtrace = backtrace.unwrap_or_default();
    if dispatcher::has_been_set() {
        error!(thread, place, backtrace, "panicked: {text}");
    } else {
        // Nobody is left to be told that nobody can be told.
        let _ = writeln!(io::stderr(), "thread {thread} panicked at {place}: {text}\n{backtrace}");
    }
}
