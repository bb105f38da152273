//! Clients say goodbye, which takes time, on threads of their own.

use std::thread;

/// Drops something where nobody waits for it.
pub(crate) fn drop_aside<T: Send + 'static>(what: T) {
    // Without a thread it is dropped here, and somebody waits.
    let _ = thread::Builder::new().name("goodbye".into()).spawn(move || drop(what));
}
