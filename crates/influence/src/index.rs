//! From a key to who has it: linear probing over slots of eight bytes, the check of a name and a place.
//!
//! Owned here because its look-ups are taken apart: the slots of many names are read in one loop, what they point at in
//! the next, so that their ways to memory overlap. A look-up of a name reads one line here and one of its person; one of
//! a key as well, since a check repeats a part of the key.
//!
//! A table that is full grows a little with each name that comes: where a search begins rises with the key in every table, so what
//! has moved to the larger one is one stretch of keys.

use prefetch_index::prefetch_index;

use crate::name::{Hashed, UserKey, has_tag, tag};
use crate::tables::{InvalidImage, Put, Reader, check};

const EMPTY: u64 = u64::MAX;
/// Slots whose keys are read together when the table grows: they lie all over memory.
const CHUNK_SLOTS: usize = 256;
/// Slots that are moved for each name that comes: all are long before the larger table is full.
const SLOTS_AN_INSERT: usize = 32;
/// A smaller table is moved at once.
const SMALL: usize = 1 << 12;

/// The table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    slots: Vec<u64>,
    len: usize,
    growing: Option<Box<Growing>>,
}

/// A larger table on its way.
#[derive(Clone, Debug)]
struct Growing {
    /// First it is filled with empty slots, then with those of the smaller one.
    slots: Vec<u64>,
    capacity: usize,
    /// Of the smaller table the first slot that was moved. It followed an empty one, and so does the first that is left.
    start: usize,
    /// Slots of the smaller table that have moved. What begins in one of them is searched for in the larger table.
    moved: usize,
    /// Slots that are to be moved by now, and are not.
    due: usize,
}

impl Growing {
    /// Whether this key has moved, from a table of so many slots.
    #[inline]
    fn has(&self, key: UserKey, capacity: usize) -> bool {
        self.moved > 0 && self.place(home(key, capacity), capacity) < self.moved
    }

    /// How many slots after the first that was moved.
    #[inline]
    fn place(&self, at: usize, capacity: usize) -> usize {
        if at >= self.start { at - self.start } else { at + capacity - self.start }
    }

    /// Whether what begins among the last slots of the smaller table has come round, to the first that is left.
    fn is_overrun(&self, key: UserKey, at: usize, capacity: usize) -> bool {
        let place = self.place(at, capacity);
        self.moved > 0 && place + 1 >= self.moved && place < self.place(home(key, capacity), capacity)
    }

    /// Adds empty slots until all are there. Whether they were.
    fn is_filled(&mut self) -> bool {
        let missing = self.capacity - self.slots.len();
        self.slots.resize(self.slots.len() + missing.min(2 * CHUNK_SLOTS), EMPTY);
        missing == 0
    }
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
        let slots = self.slots(key);
        prefetch_index(slots, home(key, slots.len()));
    }

    /// The table in which this key is, or would be.
    #[inline]
    fn slots(&self, key: UserKey) -> &[u64] {
        match &self.growing {
            Some(growing) if growing.has(key, self.slots.len()) => &growing.slots,
            _ => &self.slots,
        }
    }

    #[inline]
    fn slots_mut(&mut self, key: UserKey) -> &mut [u64] {
        match &mut self.growing {
            Some(growing) if growing.has(key, self.slots.len()) => &mut growing.slots,
            _ => &mut self.slots,
        }
    }

    /// The place of this name, which `is_it` recognises among those with the same check.
    #[inline]
    pub(crate) fn find(&self, name: &Hashed, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let check = u64::from(name.check);
        search(self.slots(name.key), name.key, |slot| slot >> 32 == check && is_it(slot as u32))
            .map(|(_, slot)| slot as u32)
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
        let (_, slot) = search(self.slots(key), key, |slot| has_tag((slot >> 32) as u32, tag) && is_it(slot as u32))?;
        Some((slot as u32, Hashed { key, check: (slot >> 32) as u32 }))
    }

    /// Enters a name that is not in the table; `key_of` tells the keys of those that are.
    pub(crate) fn insert(&mut self, name: &Hashed, place: u32, key_of: impl Fn(u32) -> UserKey) {
        if self.growing.is_some() {
            self.grow_on(&key_of);
        } else if (self.len + 1) * 5 > self.slots.len() * 4 {
            self.grow(&key_of);
        }
        self.len += 1;
        let capacity = self.slots.len();
        match &mut self.growing {
            Some(growing) if growing.has(name.key, capacity) => {
                put(&mut growing.slots, name.key, packed(name, place));
            }
            _ => {
                let at = put(&mut self.slots, name.key, packed(name, place));
                if self.growing.as_ref().is_some_and(|growing| growing.is_overrun(name.key, at, capacity)) {
                    self.grow_up(key_of);
                }
            }
        }
    }

    /// The name of a key that had none has come.
    pub(crate) fn set_check(&mut self, name: &Hashed, place: u32) {
        let slots = self.slots_mut(name.key);
        if let Some((at, _)) = search(slots, name.key, |slot| slot as u32 == place) {
            slots[at] = packed(name, place);
        }
    }

    /// Takes a place out; `key_of` tells the keys of those that are in the table.
    pub(crate) fn remove(&mut self, key: UserKey, place: u32, key_of: impl Fn(u32) -> UserKey) {
        let slots = self.slots_mut(key);
        let Some((mut gap, _)) = search(slots, key, |slot| slot as u32 == place) else { return };
        let capacity = slots.len();
        let mut at = gap;
        // Later slots of the probe sequence move up, so that no search ends too early.
        loop {
            at = if at + 1 == capacity { 0 } else { at + 1 };
            let slot = slots[at];
            if slot == EMPTY {
                break;
            }
            let travelled = (at + capacity - home(key_of(slot as u32), capacity)) % capacity;
            if travelled >= (at + capacity - gap) % capacity {
                slots[gap] = slot;
                gap = at;
            }
        }
        slots[gap] = EMPTY;
        self.len -= 1;
    }

    fn grow(&mut self, key_of: impl Fn(u32) -> UserKey) {
        let capacity = (self.slots.len() / 4 * 5).max(64);
        let slots = Vec::with_capacity(capacity);
        self.growing = Some(Box::new(Growing { slots, capacity, start: 0, moved: 0, due: 0 }));
        if self.slots.len() < SMALL {
            self.grow_up(key_of);
        }
    }

    /// A name comes while the table grows.
    fn grow_on(&mut self, key_of: impl Fn(u32) -> UserKey) {
        let Some(growing) = &mut self.growing else { return };
        if self.len + 1 >= self.slots.len() {
            // An image may say so.
            return self.grow_up(key_of);
        }
        growing.due += SLOTS_AN_INSERT;
        if growing.due >= CHUNK_SLOTS {
            growing.due -= CHUNK_SLOTS;
            self.move_chunk(key_of);
        }
    }

    /// Moves all that is left.
    fn grow_up(&mut self, key_of: impl Fn(u32) -> UserKey) {
        while self.growing.is_some() {
            self.move_chunk(&key_of);
        }
    }

    /// Moves the next slots, up to one that is empty; after the last ones the larger table is the table.
    fn move_chunk(&mut self, key_of: impl Fn(u32) -> UserKey) {
        let Some(growing) = &mut self.growing else { return };
        if !growing.is_filled() {
            return;
        }
        let capacity = self.slots.len();
        if growing.moved == 0 {
            growing.start = self.slots.iter().position(|&slot| slot == EMPTY).map_or(0, |gap| (gap + 1) % capacity);
        }
        let (mut chunk, mut looked_at) = (Vec::with_capacity(CHUNK_SLOTS), 0);
        let mut is_at_gap = capacity == 0;
        while !is_at_gap {
            let at = (growing.start + growing.moved) % capacity;
            let slot = std::mem::replace(&mut self.slots[at], EMPTY);
            (growing.moved, looked_at) = (growing.moved + 1, looked_at + 1);
            if slot != EMPTY {
                chunk.push((key_of(slot as u32), slot));
            } else {
                is_at_gap = looked_at >= CHUNK_SLOTS || growing.moved >= capacity;
            }
        }
        for (key, slot) in chunk {
            put(&mut growing.slots, key, slot);
        }
        if growing.moved >= capacity {
            self.slots = std::mem::take(&mut growing.slots);
            self.growing = None;
        }
    }

    pub(crate) fn is_growing(&self) -> bool {
        self.growing.is_some()
    }

    pub(crate) fn write_image(&self, to: &mut impl Put) {
        to.word(self.len as u64);
        to.table(&self.slots);
    }

    /// The larger table on its way, if there is one.
    pub(crate) fn write_growing(&self, to: &mut impl Put) {
        let Some(growing) = &self.growing else { return };
        let Growing { slots, capacity, start, moved, due } = &**growing;
        to.words(&[*capacity, *start, *moved, *due].map(|number| number as u64));
        to.table(slots);
    }

    pub(crate) fn read_image(&mut self, from: &mut Reader<'_>) -> Result<(), InvalidImage> {
        self.len = from.word()? as usize;
        self.slots = from.table("the index")?;
        Ok(())
    }

    pub(crate) fn read_growing(&mut self, from: &mut Reader<'_>) -> Result<(), InvalidImage> {
        let mut number = || from.word().map(|word| word as usize);
        let (capacity, start, moved, due) = (number()?, number()?, number()?, number()?);
        let slots: Vec<u64> = from.table("the growing index")?;
        let fits = slots.len() <= capacity && (moved == 0 || slots.len() == capacity);
        // Half as much again is more than any table grows by.
        let is_larger = capacity > self.slots.len() && capacity <= (self.slots.len() / 2 * 3).max(64);
        let is_within = start < self.slots.len().max(1) && moved < self.slots.len().max(1) && due <= capacity;
        check(fits && is_larger && is_within, "the growing index: its sizes do not fit")?;
        self.growing = Some(Box::new(Growing { slots, capacity, start, moved, due }));
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
        let Some(growing) = &self.growing else { return taken(&self.slots, key_of) == Some(self.len) };
        let is_at_gap = |after: usize| capacity == 0 || self.slots[(after + capacity - 1) % capacity] == EMPTY;
        let smaller = taken(&self.slots, |place| key_of(place).filter(|&key| !growing.has(key, capacity)));
        let larger = taken(&growing.slots, |place| key_of(place).filter(|&key| growing.has(key, capacity)));
        let starts_well = growing.moved == 0 || is_at_gap(growing.start + growing.moved);
        starts_well && smaller.zip(larger).is_some_and(|(smaller, larger)| smaller + larger == self.len)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let growing = self.growing.as_ref().map_or(0, |growing| growing.slots.capacity());
        (self.slots.capacity() + growing) * size_of::<u64>()
    }
}

/// Where the slot of this key is that is meant, and the slot.
#[inline]
fn search(slots: &[u64], key: UserKey, mut is_it: impl FnMut(u64) -> bool) -> Option<(usize, u64)> {
    if slots.is_empty() {
        return None;
    }
    let mut at = home(key, slots.len());
    loop {
        let slot = slots[at];
        if slot == EMPTY {
            return None;
        }
        if is_it(slot) {
            return Some((at, slot));
        }
        at = if at + 1 == slots.len() { 0 } else { at + 1 };
    }
}

/// Returns where it is now.
fn put(slots: &mut [u64], key: UserKey, slot: u64) -> usize {
    let mut at = home(key, slots.len());
    while slots[at] != EMPTY {
        at = if at + 1 == slots.len() { 0 } else { at + 1 };
    }
    slots[at] = slot;
    at
}

/// How many places are in these slots; `None` if one of them would not be found, or a search does not come to an end.
fn taken(slots: &[u64], mut key_of: impl FnMut(u32) -> Option<UserKey>) -> Option<usize> {
    let capacity = slots.len();
    if capacity == 0 {
        return Some(0);
    }
    let gap = slots.iter().position(|&slot| slot == EMPTY)?;
    let (mut taken, mut taken_since_gap) = (0, 0);
    for at in (gap..capacity).chain(0..gap) {
        if slots[at] == EMPTY {
            taken_since_gap = 0;
            continue;
        }
        let key = key_of(slots[at] as u32)?;
        let home = home(key, capacity);
        let travelled = if at >= home { at - home } else { at + capacity - home };
        if !has_tag((slots[at] >> 32) as u32, tag(key)) || travelled > taken_since_gap {
            return None;
        }
        (taken, taken_since_gap) = (taken + 1, taken_since_gap + 1);
    }
    Some(taken)
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

    fn is_whole(index: &Index, keys: &[Option<UserKey>]) -> bool {
        let mut left = keys.to_vec();
        index.is_sound(|place| left.get_mut(place as usize)?.take()) && left.iter().all(Option::is_none)
    }

    /// Keys of which many begin their search in one place, and in the last one.
    fn crowded(i: u64) -> UserKey {
        let spread = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        match i % 8 {
            0 => spread | 0xffff_f000 << 32,
            1 => spread >> 20,
            _ => spread,
        }
    }

    #[test]
    fn all_are_found_while_it_grows_whatever_their_keys_are_and_whatever_goes_meanwhile() {
        for key in [|i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15), crowded] {
            let mut index = Index::default();
            let mut keys: Vec<Option<UserKey>> = Vec::new();
            let (mut grew, mut was_read) = (0, 0);
            for i in 0..30_000u64 {
                let name = Hashed::of_whole_check(key(i), (1 + i as u32) << 8);
                let was_growing = index.is_growing();
                index.insert(&name, i as u32, |place| keys[place as usize].expect("only who is there is asked for"));
                keys.push(Some(name.key));
                grew += usize::from(was_growing && !index.is_growing());
                if i % 5 == 4 {
                    let gone = (i.wrapping_mul(0x2545_f491) % i) as usize;
                    if let Some(key) = keys[gone] {
                        index.remove(key, gone as u32, |place| keys[place as usize].expect("it is there"));
                        keys[gone] = None;
                    }
                }
                let is_met = |i: usize| keys[i].is_none_or(|key| index.find_key(key, |at| at == i as u32).is_some());
                assert!(is_met(i as usize) && is_met((i * 7 / 11) as usize) && is_met(i as usize / 2), "{i}");
                if i % 997 == 0 || i % 64 == 0 && index.is_growing() && i < 9_000 {
                    assert!(is_whole(&index, &keys), "{i}");
                }
                // What is made from an image goes on as what the image is of.
                if i % 1_009 == 0 {
                    let (mut image, mut read) = (Vec::new(), Index::default());
                    index.write_image(&mut image);
                    index.write_growing(&mut image);
                    let mut from = Reader(&image);
                    read.read_image(&mut from).expect("it was written");
                    if index.is_growing() {
                        read.read_growing(&mut from).expect("it was written");
                        was_read += 1;
                    }
                    assert!(from.0.is_empty());
                    index = read;
                }
            }
            assert!(
                (0..keys.len()).all(|i| keys[i].is_none_or(|key| index.find_key(key, |at| at == i as u32).is_some()))
            );
            assert!(is_whole(&index, &keys));
            assert!(grew > 5 && was_read > 3, "{grew} {was_read}");
        }
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
            search(index.slots(hashed[place].key), hashed[place].key, |slot| {
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
