//! From a key to who has it: linear probing over slots of eight bytes, the check of a name and a place.
//!
//! Owned here because its look-ups are taken apart: the slots of many names are read in one loop, what they point at in
//! the next, so that their ways to memory overlap. A look-up of a name reads one line here and one of its person; one of
//! a key as well, since a check repeats a part of the key.

use prefetch_index::prefetch_index;

use crate::name::{Hashed, UserKey, has_tag, tag};
use crate::tables::{InvalidImage, Put, Reader};

const EMPTY: u64 = u64::MAX;
/// Slots whose keys are read together when the table grows: they lie all over memory.
const CHUNK_SLOTS: usize = 256;

/// The table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    slots: Vec<u64>,
    len: usize,
}

impl Index {
    /// The first place with the check of this name. Whether it is the name's place is for the caller to see.
    #[inline]
    pub(crate) fn candidate(&self, name: &Hashed) -> Option<u32> {
        self.find(name, |_| true)
    }

    /// Asks for the line on which the search for this key begins.
    #[inline]
    pub(crate) fn warm(&self, key: UserKey) {
        prefetch_index(&self.slots, home(key, self.slots.len()));
    }

    /// The place of this name, which `is_it` recognises among those with the same check.
    #[inline]
    pub(crate) fn find(&self, name: &Hashed, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let check = u64::from(name.check);
        self.search(name.key, |slot| slot >> 32 == check && is_it(slot as u32)).map(|at| self.slots[at] as u32)
    }

    /// The first place that may be this key's.
    #[inline]
    pub(crate) fn candidate_for_key(&self, key: UserKey) -> Option<u32> {
        self.find_key(key, |_| true).map(|(place, _)| place)
    }

    /// The place of this key, which `is_it` recognises, and what is known of its name.
    #[inline]
    pub(crate) fn find_key(&self, key: UserKey, mut is_it: impl FnMut(u32) -> bool) -> Option<(u32, Hashed)> {
        let tag = tag(key);
        let at = self.search(key, |slot| has_tag((slot >> 32) as u32, tag) && is_it(slot as u32))?;
        Some((self.slots[at] as u32, Hashed { key, check: (self.slots[at] >> 32) as u32 }))
    }

    #[inline]
    fn search(&self, key: UserKey, mut is_it: impl FnMut(u64) -> bool) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = home(key, self.slots.len());
        loop {
            let slot = self.slots[at];
            if slot == EMPTY {
                return None;
            }
            if is_it(slot) {
                return Some(at);
            }
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
    }

    /// Enters a name that is not in the table; `key_of` tells the keys of those that are.
    pub(crate) fn insert(&mut self, name: &Hashed, place: u32, key_of: impl Fn(u32) -> UserKey) {
        if (self.len + 1) * 5 > self.slots.len() * 4 {
            self.grow(key_of);
        }
        self.len += 1;
        self.put(name.key, packed(name, place));
    }

    /// The name of a key that had none has come.
    pub(crate) fn set_check(&mut self, name: &Hashed, place: u32) {
        if let Some(at) = self.search(name.key, |slot| slot as u32 == place) {
            self.slots[at] = packed(name, place);
        }
    }

    /// Takes a place out; `key_of` tells the keys of those that are in the table.
    pub(crate) fn remove(&mut self, key: UserKey, place: u32, key_of: impl Fn(u32) -> UserKey) {
        let Some(mut gap) = self.search(key, |slot| slot as u32 == place) else { return };
        let capacity = self.slots.len();
        let mut at = gap;
        // Later slots of the probe sequence move up, so that no search ends too early.
        loop {
            at = if at + 1 == capacity { 0 } else { at + 1 };
            let slot = self.slots[at];
            if slot == EMPTY {
                break;
            }
            let travelled = (at + capacity - home(key_of(slot as u32), capacity)) % capacity;
            if travelled >= (at + capacity - gap) % capacity {
                self.slots[gap] = slot;
                gap = at;
            }
        }
        self.slots[gap] = EMPTY;
        self.len -= 1;
    }

    fn put(&mut self, key: UserKey, slot: u64) {
        let mut at = home(key, self.slots.len());
        while self.slots[at] != EMPTY {
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
        self.slots[at] = slot;
    }

    fn grow(&mut self, key_of: impl Fn(u32) -> UserKey) {
        let capacity = (self.slots.len() / 4 * 5).max(64);
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; capacity]);
        let mut moved = Vec::with_capacity(CHUNK_SLOTS);
        for chunk in old.chunks(CHUNK_SLOTS) {
            moved.clear();
            moved.extend(chunk.iter().filter(|&&slot| slot != EMPTY).map(|&slot| (key_of(slot as u32), slot)));
            moved.iter().for_each(|&(key, slot)| self.put(key, slot));
        }
    }

    pub(crate) fn write_image(&self, to: &mut impl Put) {
        to.word(self.len as u64);
        to.table(&self.slots);
    }

    pub(crate) fn read_image(&mut self, from: &mut Reader<'_>) -> Result<(), InvalidImage> {
        self.len = from.word()? as usize;
        self.slots = from.table("the index")?;
        Ok(())
    }

    /// Checks in an image of before repeat nothing of their keys, which `key_of` tells.
    pub(crate) fn upgrade_checks(&mut self, key_of: impl Fn(u32) -> Option<UserKey>) {
        for slot in self.slots.iter_mut().filter(|slot| **slot != EMPTY) {
            let place = *slot as u32;
            if let Some(key) = key_of(place) {
                *slot = packed(&Hashed::of_whole_check(key, (*slot >> 32) as u32), place);
            }
        }
    }

    /// Whether a search for the key of each place in it would find it, and every search comes to an end. `key_of` tells
    /// the key of a place, each once, and nothing if there is no such place.
    pub(crate) fn is_sound(&self, mut key_of: impl FnMut(u32) -> Option<UserKey>) -> bool {
        let capacity = self.slots.len();
        let Some(gap) = self.slots.iter().position(|&slot| slot == EMPTY) else {
            return capacity == 0 && self.len == 0;
        };
        let (mut taken, mut taken_since_gap) = (0, 0);
        for at in (gap..capacity).chain(0..gap) {
            if self.slots[at] == EMPTY {
                taken_since_gap = 0;
                continue;
            }
            let Some(key) = key_of(self.slots[at] as u32) else { return false };
            if !has_tag((self.slots[at] >> 32) as u32, tag(key)) {
                return false;
            }
            let home = home(key, capacity);
            let travelled = if at >= home { at - home } else { at + capacity - home };
            if travelled > taken_since_gap {
                return false;
            }
            (taken, taken_since_gap) = (taken + 1, taken_since_gap + 1);
        }
        taken == self.len
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u64>()
    }
}

#[inline]
fn packed(name: &Hashed, place: u32) -> u64 {
    u64::from(name.check) << 32 | u64::from(place)
}

#[inline]
fn home(key: UserKey, capacity: usize) -> usize {
    (((key >> 32) * capacity as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{HashKey, NameHash};

    #[test]
    fn finds_what_was_entered_also_among_equal_checks_and_places() {
        let key = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) & !(0xff << 36);
        let names: Vec<Hashed> = (0..5_000).map(|i| Hashed::of_whole_check(key(i), (1 + i as u32 % 7) << 8)).collect();
        let mut index = Index::default();
        for (place, name) in names.iter().enumerate() {
            index.insert(name, place as u32, |place| names[place as usize].key);
        }
        for (place, name) in names.iter().enumerate() {
            let is_it = |place: u32| names[place as usize].key == name.key;
            assert_eq!(index.find(name, is_it), Some(place as u32));
            assert_eq!(index.find_key(name.key, is_it), Some((place as u32, *name)));
        }
        assert_eq!(index.find(&Hashed::of_whole_check(12_345 << 32, 9 << 8), |_| true), None);
        // Every third goes again, and all others are still found.
        let is_gone = |place: usize| place.is_multiple_of(3);
        for (place, name) in names.iter().enumerate().filter(|&(place, _)| is_gone(place)) {
            index.remove(name.key, place as u32, |place| names[place as usize].key);
        }
        for (place, name) in names.iter().enumerate() {
            let found = index.find_key(name.key, |found| found == place as u32);
            assert_eq!(found.is_some(), !is_gone(place));
        }
        let mut left: Vec<bool> = (0..names.len()).map(|place| !is_gone(place)).collect();
        assert!(index.is_sound(|place| std::mem::take(&mut left[place as usize]).then(|| names[place as usize].key)));
    }

    /// Slots that a search for each of these names looks at, in the mean, in a table of all of them.
    fn probes(names: &[String], searched: std::ops::Range<usize>, key: [u64; 2]) -> f64 {
        let hash = NameHash::new(&HashKey::new(key));
        let hashed: Vec<Hashed> = names.iter().map(|name| hash.of(name)).collect();
        let mut index = Index::default();
        for (place, name) in hashed.iter().enumerate() {
            index.insert(name, place as u32, |place| hashed[place as usize].key);
        }
        let count = searched.len() as f64;
        let mut probes = 0u64;
        for place in searched {
            index.search(hashed[place].key, |slot| {
                probes += 1;
                slot as u32 == place as u32
            });
        }
        probes as f64 / count
    }

    /// Names whose keys share their first bits crowd into one place of the table, for those who know the key. Under one
    /// that was drawn they are as quickly found as any others.
    #[test]
    fn names_that_were_made_to_be_slow_are_not_under_another_key() {
        const PEOPLE: usize = 40_000;
        const CRAFTED: usize = 4_000;
        let known = [0x636c_6f75_7420_6b31, 0x6974_7369_7073_7570];
        let hash = NameHash::new(&HashKey::new(known));
        let crafted = (0..).map(|number| format!("crafted-{number}")).filter(|name| hash.of(name).key >> 54 == 5);
        let others = (0..).map(|number| format!("other-{number}"));
        let people = || (0..PEOPLE).map(|number| format!("person-{number}"));
        let crafted: Vec<String> = people().chain(crafted.take(CRAFTED)).collect();
        let others: Vec<String> = people().chain(others.take(CRAFTED)).collect();
        let probes = |names, key| probes(names, PEOPLE..PEOPLE + CRAFTED, key);
        assert!(probes(&crafted, known) > 100.0 * probes(&others, known), "the attack is one");
        for key in [[1, 2], [0x0123_4567_89ab_cdef, 7], [u64::MAX, u64::MAX - 1], [3, known[1]], [known[0], 3]] {
            let (slow, usual) = (probes(&crafted, key), probes(&others, key));
            assert!(slow < 1.5 * usual, "{slow} slots for a crafted name, {usual} for another");
        }
    }
}
