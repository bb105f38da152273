//! What later messages do not say again: who wrote which post, which account a handle means, whom a follow or a block was of.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

use crate::{ActId, Learnt, Network};

/// What a fact is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum About {
    /// The id of a post to the id of its author.
    Author = 0,
    /// A handle, or another address, to an account's id.
    Alias = 1,
    /// The id of a record to the account that was followed.
    Follow = 2,
    /// The id of an account to the network that it is a copy from.
    Copy = 3,
    /// The id of a record to the account that was blocked.
    Block = 4,
    /// The id of an account to those that its profile links to as its own.
    Me = 5,
    /// The id of an account to the one that it has moved to.
    MovedTo = 6,
    /// The id of an account to those that it says it was before.
    KnownAs = 7,
}

/// Facts learnt from messages, at most a given number of them: the older half is forgotten when it is full.
///
/// A fact that was forgotten costs some acts, which are counted as skipped; nothing else.
#[derive(Debug)]
pub struct Memory {
    newer: BTreeMap<u64, Box<str>>,
    older: BTreeMap<u64, Box<str>>,
    half: usize,
    /// Hashes of the acts that were read, where repeats are dropped.
    acts: HashTable<u64>,
    older_acts: HashTable<u64>,
    acts_half: usize,
    /// What is new since it was taken, where somebody takes it.
    learnt: Option<Learnt>,
}

impl Memory {
    /// A memory for this many facts, 0 is no memory, and for all acts.
    pub fn new(facts: usize) -> Memory {
        Memory::bounded(facts, usize::MAX)
    }

    /// A memory for this many facts and acts. An act that was forgotten is not known as a repeat.
    pub fn bounded(facts: usize, acts: usize) -> Memory {
        Memory {
            newer: BTreeMap::new(),
            older: BTreeMap::new(),
            half: facts / 2,
            acts: HashTable::new(),
            older_acts: HashTable::new(),
            acts_half: acts / 2,
            learnt: None,
        }
    }

    /// The same, for somebody who keeps elsewhere what is learnt: see [`Reader::take_learnt`](crate::Reader::take_learnt).
    #[must_use]
    pub fn noting(self) -> Memory {
        Memory { learnt: Some(Learnt::default()), ..self }
    }

    pub(crate) fn take_learnt(&mut self) -> Learnt {
        self.learnt.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Learns again what was learnt and kept elsewhere.
    pub(crate) fn relearn(&mut self, learnt: &Learnt) {
        if self.half > 0 {
            learnt.facts.iter().for_each(|(hash, value)| self.insert(*hash, value.clone()));
        }
        learnt.acts.iter().for_each(|hash| _ = self.insert_act(*hash));
    }

    pub(crate) fn learn(&mut self, about: About, network: Network, key: &str, value: &str) {
        if self.half == 0 {
            return;
        }
        let hash = hash(about, network, key);
        if self.newer.get(&hash).is_some_and(|known| **known == *value) {
            return;
        }
        if let Some(learnt) = &mut self.learnt {
            learnt.facts.push((hash, value.into()));
        }
        self.insert(hash, value.into());
    }

    fn insert(&mut self, hash: u64, value: Box<str>) {
        if self.newer.len() >= self.half {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(hash, value);
    }

    /// Whether an act was not read before. Each is kept in 9 to 18 bytes.
    pub(crate) fn is_first(&mut self, id: ActId<'_>) -> bool {
        let mut hasher = SipHasher13::new();
        hasher.write(id.network.prefix().as_bytes());
        id.message.hash(&mut hasher);
        id.part.map(|(kind, place)| (kind.number(), place)).hash(&mut hasher);
        self.note_first(hasher.finish())
    }

    /// Whether a post was not read before. It is remembered as an act is.
    pub(crate) fn is_first_post(&mut self, network: Network, id: &str) -> bool {
        self.is_first_of(0xfd, network, id)
    }

    /// Whether a post by which an account says whose it is was not read before. It is remembered as an act is.
    pub(crate) fn is_first_claim(&mut self, network: Network, id: &str) -> bool {
        self.is_first_of(0xfc, network, id)
    }

    fn is_first_of(&mut self, what: u8, network: Network, id: &str) -> bool {
        let mut hasher = SipHasher13::new();
        hasher.write_u8(what);
        hasher.write(network.prefix().as_bytes());
        id.hash(&mut hasher);
        self.note_first(hasher.finish())
    }

    /// Whether a message that cannot be read has not come before: it is remembered as an act is, by its bytes.
    pub(crate) fn is_first_unread(&mut self, message: &[u8]) -> bool {
        let mut hasher = SipHasher13::new();
        hasher.write_u8(0xfe);
        hasher.write(message);
        self.note_first(hasher.finish())
    }

    fn note_first(&mut self, hash: u64) -> bool {
        let is_first = self.insert_act(hash);
        if let Some(learnt) = self.learnt.as_mut().filter(|_| is_first) {
            learnt.acts.push(hash);
        }
        is_first
    }

    /// Remembers an act. Returns false if it was known.
    fn insert_act(&mut self, hash: u64) -> bool {
        let is_in = |acts: &HashTable<u64>| acts.find(hash, |known| *known == hash).is_some();
        let is_first = !is_in(&self.acts) && !is_in(&self.older_acts);
        if is_first {
            if self.acts.len() >= self.acts_half {
                self.older_acts = std::mem::take(&mut self.acts);
            }
            self.acts.insert_unique(hash, hash, |known| *known);
        }
        is_first
    }

    pub(crate) fn recall(&self, about: About, network: Network, key: &str) -> Option<&str> {
        let hash = hash(about, network, key);
        self.newer.get(&hash).or_else(|| self.older.get(&hash)).map(AsRef::as_ref)
    }
}

fn hash(about: About, network: Network, key: &str) -> u64 {
    // A fixed key and algorithm: what is recalled must not differ from run to run, nor between versions.
    let mut hasher = SipHasher13::new();
    hasher.write_u8(about as u8);
    hasher.write(network.prefix().as_bytes());
    hasher.write_u8(0xff);
    hasher.write(key.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newer_half_of_the_acts_is_known() {
        let mut memory = Memory::bounded(0, 4);
        let mut is_first = |message| memory.is_first(ActId { network: Network::Bluesky, message, part: None });
        let firsts = ["a", "a", "b", "b", "c", "a", "d", "e", "d", "c", "a"].map(&mut is_first);
        // With the fifth one the first two are forgotten.
        assert_eq!(firsts, [true, false, true, false, true, false, true, true, false, false, true]);
    }
}
