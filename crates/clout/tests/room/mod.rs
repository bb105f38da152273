//! How much of the machine the tests of one program may take at once.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// All the room there is. Two cores have enough for it.
pub(crate) const ALL: usize = 8;

static TAKEN: Mutex<Taken> = Mutex::new(Taken { free: ALL, next: 0, served: 0 });
static CHANGED: Condvar = Condvar::new();

/// Whoever comes first is served first, so that those who want much are not passed over.
struct Taken {
    free: usize,
    next: u64,
    served: u64,
}

/// Room that is given back in the end.
pub(crate) struct Room(usize);

/// Waits until there is so much room.
pub(crate) fn take(amount: usize) -> Room {
    let mut taken = lock();
    let place = taken.next;
    taken.next += 1;
    while taken.served != place || taken.free < amount {
        taken = CHANGED.wait(taken).unwrap_or_else(PoisonError::into_inner);
    }
    taken.served += 1;
    taken.free -= amount;
    drop(taken);
    CHANGED.notify_all();
    Room(amount)
}

fn lock() -> MutexGuard<'static, Taken> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Room {
    fn drop(&mut self) {
        lock().free += self.0;
        CHANGED.notify_all();
    }
}
