//! What is committed, and what accounts are called, on its way to the view. Until the head start is over only the newest
//! score of each person is kept: what moves in the first seconds is days of history, and would hide all that comes after.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use influence::{Effects, MODEL_VERSION, Removed, Shard};
use serve::{Update, View};
use vocabulary::Score;
use wire::Link;

use crate::recorded::naming::Said;

/// Passes on to the view what is committed, from the opening on.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    view: Arc<View>,
    /// `None` once it is open.
    held: Arc<Mutex<Option<BTreeMap<String, Score>>>>,
}

impl Opening {
    pub(crate) fn new(view: &Arc<View>) -> Opening {
        Opening { view: Arc::clone(view), held: Arc::new(Mutex::new(Some(BTreeMap::new()))) }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.view.is_ready()
    }

    /// Shows what was held back, and everything from now on.
    pub(crate) fn open(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for (user, score) in held.take().into_iter().flatten() {
            self.show(&user, &score);
        }
        self.view.caught_up();
    }

    /// Takes what was committed of a shard.
    pub(crate) fn take(&self, shard: &Shard, effects: &Effects) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for (user, score) in effects.scores.iter().filter_map(|published| shard.record(published)) {
            match &mut *held {
                Some(held) => drop(held.insert(user.to_owned(), score)),
                None => self.show(user, &score),
            }
        }
        for Removed { name, why } in &effects.removed {
            match &mut *held {
                Some(held) => drop(held.remove(&**name)),
                None => self.view.apply(Update::Removed { user: name, why: *why }),
            }
        }
    }

    /// Takes what an account is called.
    pub(crate) fn call(&self, Said { user, field, value }: &Said) {
        self.view.apply(Update::Called { user, field: *field, value: value.as_deref() });
    }

    /// Takes whose an account is.
    pub(crate) fn link(&self, account: &str, link: Option<&Link>) {
        self.view.apply(Update::Linked { account, link });
    }

    fn show(&self, user: &str, score: &Score) {
        self.view.apply(Update::Scored { user, score, model_version: MODEL_VERSION });
    }
}
