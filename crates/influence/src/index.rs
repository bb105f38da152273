//! From a key to who has it: linear probing over slots of eight bytes, a tag and a place.
//!
//! Owned here because its look-ups are taken apart: the slots of many keys are read in one loop, what they point at in
//! the next, so that their ways to memory overlap. One look-up reads one line. Slots lie in the order of their tags, so
//! growing by a quarter reads and writes from front to back. Nothing is ever removed.

use crate::name::UserKey;

const EMPTY: u64 = u64::MAX;

/// The table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    slots: Vec<u64>,
    len: usize,
}

impl Index {
    /// The first place whose tag is the key's. Whether it is the key's place is for the caller to see.
    #[inline]
    pub(crate) fn candidate(&self, key: UserKey) -> Option<u32> {
        self.find(key, |_| true)
    }

    /// The place of this key, which `is_it` recognises.
    #[inline]
    pub(crate) fn find(&self, key: UserKey, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = home(key, self.slots.len());
        loop {
            let slot = self.slots[at];
            if slot >> 32 == key >> 32 && slot != EMPTY && is_it(slot as u32) {
                return Some(slot as u32);
            }
            if slot == EMPTY {
                return None;
            }
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
    }

    /// Enters a key that is not in the table.
    pub(crate) fn insert(&mut self, key: UserKey, place: u32) {
        if (self.len + 1) * 5 > self.slots.len() * 4 {
            self.grow();
        }
        self.len += 1;
        self.put(key >> 32 << 32 | u64::from(place));
    }

    fn put(&mut self, slot: u64) {
        let mut at = home(slot, self.slots.len());
        while self.slots[at] != EMPTY {
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
        self.slots[at] = slot;
    }

    fn grow(&mut self) {
        let capacity = (self.slots.len() / 4 * 5).max(64);
        let old = std::mem::replace(&mut self.slots, vec![EMPTY; capacity]);
        for slot in old.into_iter().filter(|&slot| slot != EMPTY) {
            self.put(slot);
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u64>()
    }
}

/// By the tag alone, which is all that a slot keeps of the key.
#[inline]
fn home(key: u64, capacity: usize) -> usize {
    (((key >> 32) * capacity as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_entered_also_among_equal_tags() {
        let keys: Vec<u64> = (0..5_000u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) & !(1 << 40)).collect();
        let keys: Vec<u64> = keys.into_iter().flat_map(|key| [key, key ^ 1]).collect();
        let mut index = Index::default();
        for (place, &key) in keys.iter().enumerate() {
            let is_it = |other: u32| keys[other as usize] == key;
            if index.find(key, is_it).is_none() {
                index.insert(key, place as u32);
            }
        }
        for &key in &keys {
            let found = index.find(key, |place| keys[place as usize] == key);
            assert_eq!(found.map(|place| keys[place as usize]), Some(key));
        }
        assert_eq!(index.find(12_345 << 32, |_| true), None);
    }
}
