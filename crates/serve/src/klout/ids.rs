//! The ids by which Klout told people: numbers of at most 63 bits, written as text.

use std::hash::Hasher;
use std::sync::Arc;

use dashmap::DashMap;
use sha2::{Digest, Sha256};
use siphasher::sip::SipHasher13;

use crate::person::Person;

/// The ids of everybody with a score. An id is the hash of the name under a key that is made of the application's name: it is
/// the same after a restart, and at every server of the application.
#[derive(Debug)]
pub(crate) struct Ids {
    key: [u8; 16],
    people: DashMap<u64, Arc<Person>>,
}

impl Ids {
    /// Those of an application.
    pub(crate) fn new(application: &str) -> Ids {
        let digest = Sha256::new().chain_update("clout klout ids\0").chain_update(application).finalize();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        Ids { key, people: DashMap::new() }
    }

    /// The id of a name, whether or not anybody has it.
    pub(crate) fn of(&self, user: &str) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(user.as_bytes());
        hasher.finish() >> 1
    }

    pub(crate) fn insert(&self, person: &Arc<Person>) {
        self.people.insert(self.of(&person.name), Arc::clone(person));
    }

    pub(crate) fn remove(&self, user: &str) {
        self.people.remove_if(&self.of(user), |_, person| *person.name == *user);
    }

    pub(crate) fn clear(&self) {
        self.people.clear();
    }

    /// The person of an id that is written as it is told.
    pub(crate) fn find(&self, text: &str) -> Option<Arc<Person>> {
        let id: u64 = text.parse().ok().filter(|id: &u64| id.to_string() == text)?;
        self.people.get(&id).map(|person| Arc::clone(&person))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_back_and_is_the_same_everywhere() {
        let (ids, again, other) = (Ids::new("clout"), Ids::new("clout"), Ids::new("other"));
        for name in ["ana", "x:12", "bluesky:did:plc:ä"] {
            let person = Arc::new(Person::new(name));
            ids.insert(&person);
            let id = ids.of(name);
            assert!(id < 1 << 63 && id == again.of(name) && id != other.of(name));
            assert!(ids.find(&id.to_string()).is_some_and(|found| Arc::ptr_eq(&found, &person)));
            for odd in [format!("0{id}"), format!("+{id}"), format!(" {id}"), format!("{id}.0"), "x".into()] {
                assert!(ids.find(&odd).is_none(), "{odd}");
            }
            ids.remove(name);
            assert!(ids.find(&id.to_string()).is_none());
        }
        // It is in the hands of others: it must not change from version to version.
        assert_eq!(ids.of("ana"), 5_435_452_888_166_918_220);
    }
}
