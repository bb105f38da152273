//! Whom keyed hashes of names are of: those who have a score now, and can be named.

use std::fmt;
use std::sync::Arc;

use dashmap::{DashMap, DashSet};
use parking_lot::RwLock;
use views::Names;

use crate::called::Calling;
use crate::person::Person;

/// The keyed hash of a name, as an application tells its people apart in credits.
pub type KeyOf = Arc<dyn Fn(&str) -> u64 + Send + Sync>;

/// People by the keyed hash of their names. It is empty, and costs nothing, until the key is known.
pub(crate) struct Known {
    key_of: RwLock<Option<KeyOf>>,
    people: DashMap<u64, Arc<Person>>,
    /// Hashes of those who opted out, as far as tombstones told.
    erased: DashSet<u64>,
    calling: Arc<Calling>,
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("people", &self.people.len()).finish_non_exhaustive()
    }
}

impl Known {
    pub(crate) fn new(calling: Arc<Calling>) -> Known {
        Known { key_of: RwLock::new(None), people: DashMap::new(), erased: DashSet::new(), calling }
    }

    /// Takes over another key, under which nobody is known yet.
    pub(crate) fn learn(&self, key_of: KeyOf) {
        *self.key_of.write() = Some(key_of);
        self.clear();
    }

    /// Somebody has a score.
    pub(crate) fn meet(&self, person: &Arc<Person>) {
        if let Some(key) = self.key(&person.name) {
            self.erased.remove(&key);
            self.people.insert(key, Arc::clone(person));
        }
    }

    /// Somebody has none any more.
    pub(crate) fn miss(&self, user: &str, is_erased: bool) {
        let Some(key) = self.key(user) else { return };
        self.people.remove(&key);
        match is_erased {
            true => _ = self.erased.insert(key),
            false => _ = self.erased.remove(&key),
        }
    }

    pub(crate) fn clear(&self) {
        self.people.clear();
        self.erased.clear();
    }
}

impl Names for Known {
    fn key(&self, user: &str) -> Option<u64> {
        let key_of = self.key_of.read().clone()?;
        Some(key_of(user))
    }

    fn name(&self, key: u64) -> Option<String> {
        let person = Arc::clone(&*self.people.get(&key)?);
        let is_shown = person.record().is_some() && !self.calling.is_hidden(&person.name);
        is_shown.then(|| person.name.to_string())
    }

    fn is_erased(&self, key: u64) -> bool {
        self.erased.contains(&key)
    }
}
