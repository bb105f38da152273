//! Clients say goodbye, which takes time, on threads of their own.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Members that are leaving their group.
static LEAVING: Mutex<usize> = Mutex::new(0);
static LEFT: Condvar = Condvar::new();

/// Drops something where nobody waits for it.
pub(crate) fn drop_aside<T: Send + 'static>(what: T) {
    // Without a thread it is dropped here, and somebody waits.
    let _ = thread::Builder::new().name("goodbye".into()).spawn(move || drop(what));
}

/// The same for a member of a group: [`wait_until_left`] waits for it.
pub(crate) fn leave_aside<T: Send + 'static>(member: T) {
    *LEAVING.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    drop_aside(Leaving(Some(member)));
}

/// Waits until no member is leaving any more, and not for longer than that. A process that ends before stays in the group for a
/// session timeout, and whoever joins meanwhile waits for it.
pub(crate) fn wait_until_left(at_most: Duration) {
    let leaving = LEAVING.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = LEFT.wait_timeout_while(leaving, at_most, |leaving| *leaving > 0);
}

struct Leaving<T>(Option<T>);

impl<T> Drop for Leaving<T> {
    fn drop(&mut self) {
        drop(self.0.take());
        *LEAVING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        LEFT.notify_all();
    }
}
