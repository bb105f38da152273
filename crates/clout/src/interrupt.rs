//! Ctrl-C: the first one asks the command to finish with what it has, the second one ends the program at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether somebody has asked the program to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens to Ctrl-C and to a request to terminate, from now on.
    pub(crate) fn install() -> Interrupt {
        let interrupt = Interrupt::default();
        let asked = Arc::clone(&interrupt.0);
        let listen = move || {
            if asked.swap(true, Ordering::Relaxed) {
                crate::output::remove_unfinished();
                std::process::exit(130);
            }
        };
        // A second command in one process keeps the first one's listener: only tests do that.
        let _ = ctrlc::set_handler(listen);
        interrupt
    }

    /// What is set when somebody asks; setting it is asking.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
