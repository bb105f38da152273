//! Rows: what one person keeps about each of many targets, in one arena.
//!
//! A small row is a dense list that is searched from its start; a large one is a hash table with linear probing,
//! in the same slots. A row grows by a third or a half, so that it is about three quarters full. The place of a
//! slot follows from the history of the row alone, never from an address or a random number.

use prefetch_index::prefetch_index;

use crate::model::Limits;
use crate::tables::{Claims, InvalidImage, Put, Reader, check};

/// One slot of a row.
pub(crate) trait Slot: Copy {
    /// A slot that holds nothing.
    const EMPTY: Self;
    /// Whom it is about; [`NOBODY`] when empty.
    fn target(&self) -> u32;
    /// Whether the rest of it could be.
    fn is_sound(&self) -> bool;
}

/// The target of an empty slot.
pub(crate) const NOBODY: u32 = u32::MAX;

const CLASSES: usize = 48;
const LEN_BITS: u32 = 26;
const DENSE_CLASS_MAX: u32 = 8;
/// Slots of each class of rows: 0, 1, 2, 3, 4, 6, 8, 12, 16, then tables of 24, 32, 48, 64, 96, …
const CAPACITY: [u32; CLASSES] = {
    let mut capacity = [
        0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    let mut class = 11;
    while class < CLASSES {
        capacity[class] = 2 * capacity[class - 2];
        class += 1;
    }
    capacity
};

/// Where a row lies: its first slot, its class and its length, in 8 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Row {
    start: u32,
    class_and_len: u32,
}

impl Row {
    #[inline]
    pub(crate) fn len(self) -> u32 {
        self.class_and_len & ((1 << LEN_BITS) - 1)
    }

    #[inline]
    fn class(self) -> u32 {
        self.class_and_len >> LEN_BITS
    }

    #[inline]
    fn capacity(self) -> u32 {
        CAPACITY[self.class() as usize]
    }

    /// The place of the first slot.
    #[inline]
    pub(crate) fn start(self) -> usize {
        self.start as usize
    }

    #[inline]
    pub(crate) fn is_table(self) -> bool {
        self.class() > DENSE_CLASS_MAX
    }

    /// Slots that have to be looked at to see all of it.
    #[inline]
    pub(crate) fn extent(self) -> u32 {
        if self.is_table() { self.capacity() } else { self.len() }
    }

    #[inline]
    fn is_full(self) -> bool {
        if self.is_table() { self.len() >= self.capacity() / 5 * 4 } else { self.len() == self.capacity() }
    }

    /// Whether there are such rows. A table is never full: a search in it ends at an empty slot.
    fn is_whole(self) -> bool {
        match self.class() as usize {
            0 => self == Row::default(),
            class => class < CLASSES && self.len() > 0 && self.len() <= CAPACITY[class] - u32::from(self.is_table()),
        }
    }

    fn set_len(&mut self, len: u32) {
        debug_assert!(len < 1 << LEN_BITS, "rows are limited to fewer");
        self.class_and_len = self.class() << LEN_BITS | len;
    }
}

/// All rows of a shard.
#[derive(Clone, Debug)]
pub(crate) struct Rows<S> {
    slots: Vec<S>,
    /// For each class, the first slots of the pieces that rows have left.
    free: Vec<Vec<u32>>,
    len: usize,
    len_max: u32,
    slots_max: u32,
}

impl<S: Slot> Rows<S> {
    pub(crate) fn new(limits: &Limits) -> Rows<S> {
        let (len_max, slots_max) = (limits.row, limits.slots);
        Rows { slots: Vec::new(), free: vec![Vec::new(); CLASSES], len: 0, len_max, slots_max }
    }

    /// Whether the row can take one more target.
    pub(crate) fn has_room(&self, row: Row) -> bool {
        row.len() < self.len_max && (!row.is_full() || self.can_allocate(row.class() + 1))
    }

    fn can_allocate(&self, class: u32) -> bool {
        let class = class as usize;
        class < CLASSES
            && (!self.free[class].is_empty() || self.slots.len() + CAPACITY[class] as usize <= self.slots_max as usize)
    }

    /// Entries in all rows.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<S>() + self.free.iter().map(|list| list.capacity() * 4).sum::<usize>()
    }

    /// The slots of a row, empty ones among them.
    #[inline]
    pub(crate) fn slots(&self, row: Row) -> &[S] {
        &self.slots[row.start as usize..(row.start + row.extent()) as usize]
    }

    /// The slots of a row with their places.
    pub(crate) fn places(&self, row: Row) -> impl Iterator<Item = (usize, &S)> {
        (row.start as usize..).zip(self.slots(row))
    }

    #[inline]
    pub(crate) fn slots_mut(&mut self, row: Row) -> &mut [S] {
        &mut self.slots[row.start as usize..(row.start + row.extent()) as usize]
    }

    #[inline]
    pub(crate) fn at(&self, at: usize) -> &S {
        &self.slots[at]
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, at: usize) -> &mut S {
        &mut self.slots[at]
    }

    /// Where the row keeps this target.
    #[inline(always)]
    pub(crate) fn find(&self, row: Row, target: u32) -> Option<usize> {
        if row.is_table() {
            let (at, found) = self.probe(row, target);
            return found.then_some(at);
        }
        let start = row.start as usize;
        let dense = &self.slots[start..start + row.len() as usize];
        dense.iter().position(|slot| slot.target() == target).map(|i| start + i)
    }

    /// Asks for the line of a slot.
    #[inline]
    pub(crate) fn prefetch(&self, place: usize) {
        prefetch_index(&self.slots, place);
    }

    /// Where the search for this target begins.
    #[inline]
    pub(crate) fn first_place(&self, row: Row, target: u32) -> Option<usize> {
        let offset = if row.is_table() { home(target, row.capacity() as usize) } else { 0 };
        (row.len() > 0).then_some(row.start as usize + offset)
    }

    /// The target's slot, or the empty one where it would go.
    #[inline]
    fn probe(&self, row: Row, target: u32) -> (usize, bool) {
        let capacity = row.capacity() as usize;
        let table = &self.slots[row.start as usize..row.start as usize + capacity];
        let mut place = home(target, capacity);
        loop {
            let seen = table[place].target();
            if seen == target || seen == NOBODY {
                return (row.start as usize + place, seen == target);
            }
            place += 1;
            if place == capacity {
                place = 0;
            }
        }
    }

    /// Adds a target that the row does not have, and has room for; returns its place.
    pub(crate) fn insert(&mut self, row: &mut Row, slot: S) -> usize {
        if row.is_full() {
            self.resize(row, row.class() + 1);
        }
        self.len += 1;
        self.put(row, slot)
    }

    fn put(&mut self, row: &mut Row, slot: S) -> usize {
        let at = if row.is_table() { self.probe(*row, slot.target()).0 } else { (row.start + row.len()) as usize };
        self.slots[at] = slot;
        row.set_len(row.len() + 1);
        at
    }

    /// Takes the slot at this place out of the row.
    pub(crate) fn remove(&mut self, row: &mut Row, at: usize) {
        if row.is_table() {
            self.close_gap(*row, at - row.start as usize);
        } else {
            let last = (row.start + row.len() - 1) as usize;
            self.slots[at] = self.slots[last];
        }
        row.set_len(row.len() - 1);
        self.len -= 1;
        self.shrink(row);
    }

    /// Empties the row.
    pub(crate) fn clear(&mut self, row: &mut Row) {
        self.len -= row.len() as usize;
        self.release(*row);
        *row = Row::default();
    }

    /// Moves later slots of the probe sequence up, so that no search ends too early.
    fn close_gap(&mut self, row: Row, gap: usize) {
        let capacity = row.capacity() as usize;
        let table = &mut self.slots[row.start as usize..row.start as usize + capacity];
        let (mut gap, mut place) = (gap, gap);
        loop {
            place = (place + 1) % capacity;
            if table[place].target() == NOBODY {
                break;
            }
            let travelled = (place + capacity - home(table[place].target(), capacity)) % capacity;
            let to_gap = (place + capacity - gap) % capacity;
            if travelled >= to_gap {
                table[gap] = table[place];
                gap = place;
            }
        }
        table[gap] = S::EMPTY;
    }

    /// Gives memory back once a row has fallen to a third of what it holds.
    fn shrink(&mut self, row: &mut Row) {
        if row.len() == 0 {
            self.release(*row);
            *row = Row::default();
        } else if row.len() * 3 < row.capacity() && row.class() > 2 && self.can_allocate(row.class() - 2) {
            self.resize(row, row.class() - 2);
        }
    }

    fn resize(&mut self, row: &mut Row, class: u32) {
        let old = *row;
        *row = self.allocate(class);
        if row.is_table() || old.is_table() {
            for place in old.start..old.start + old.extent() {
                let slot = self.slots[place as usize];
                if slot.target() != NOBODY {
                    self.put(row, slot);
                }
            }
        } else {
            self.slots.copy_within(old.start as usize..(old.start + old.len()) as usize, row.start as usize);
            row.set_len(old.len());
        }
        self.release(old);
    }

    fn allocate(&mut self, class: u32) -> Row {
        let capacity = CAPACITY[class as usize] as usize;
        let start = self.free[class as usize].pop().unwrap_or_else(|| {
            let start = self.slots.len();
            grow(&mut self.slots, capacity);
            self.slots.resize(start + capacity, S::EMPTY);
            start as u32
        });
        let row = Row { start, class_and_len: class << LEN_BITS };
        if row.is_table() {
            self.slots[start as usize..start as usize + capacity].fill(S::EMPTY);
        }
        row
    }

    /// Frees the row's piece. What it holds stays there until the piece is taken again.
    fn release(&mut self, row: Row) {
        if row.class() > 0 {
            self.free[row.class() as usize].push(row.start);
        }
    }
}

impl<S: Slot + bytemuck::Pod> Rows<S> {
    pub(crate) fn write_image(&self, to: &mut impl Put) {
        to.word(self.len as u64);
        to.table(&self.slots);
        self.free.iter().for_each(|list| to.table(list));
    }

    pub(crate) fn read_image(&mut self, part: &str, from: &mut Reader<'_>) -> Result<(), InvalidImage> {
        self.len = from.word()? as usize;
        self.slots = from.table(part)?;
        for list in &mut self.free {
            *list = from.table(part)?;
        }
        Ok(())
    }

    /// Checks that these rows and the free pieces fill the arena without overlap, and that the rows hold what they say.
    pub(crate) fn check(
        &self,
        part: &str,
        rows: impl Iterator<Item = Row> + Clone,
        is_there: impl Fn(u32) -> bool,
    ) -> Result<(), InvalidImage> {
        let mut claims = Claims::new(self.slots.len());
        let lies = |row: Row| row.is_whole() && claims.claim_all(row.start(), row.capacity() as usize);
        check(rows.clone().all(lies), &format!("{part}: a row lies where it cannot"))?;
        let mut free = (0..).zip(&self.free).flat_map(|(class, list)| list.iter().map(move |&start| (class, start)));
        let lies =
            |(class, start): (usize, u32)| class > 0 && claims.claim_all(start as usize, CAPACITY[class] as usize);
        check(free.all(lies), &format!("{part}: a free piece lies where it cannot"))?;
        check(claims.count == self.slots.len(), &format!("{part}: slots are lost"))?;
        check(
            rows.clone().map(|row| row.len() as usize).sum::<usize>() == self.len,
            &format!("{part}: are more or less"),
        )?;
        let mut rows = rows;
        check(rows.all(|row| self.is_filled(row, &is_there)), &format!("{part}: a row does not hold what it says"))
    }

    /// Whether a row that lies in the arena has as many entries as it says, each of them possible.
    fn is_filled(&self, row: Row, is_there: impl Fn(u32) -> bool) -> bool {
        let taken = self.slots(row).iter().filter(|slot| slot.target() != NOBODY);
        taken.clone().count() == row.len() as usize
            && taken.clone().all(|slot| is_there(slot.target()) && slot.is_sound())
    }
}

#[inline]
fn home(target: u32, capacity: usize) -> usize {
    ((u64::from(target.wrapping_mul(0x9e37_79b1)) * capacity as u64) >> 32) as usize
}

/// Lists of up to so many entries do double.
const SMALL: usize = 1 << 14;

/// Makes room for more, a sixteenth at a time: large tables would waste much by doubling.
pub(crate) fn grow<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more.max(list.len() / 16).max(list.len().min(SMALL)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    impl Slot for (u32, u64) {
        const EMPTY: (u32, u64) = (NOBODY, 0);
        fn target(&self) -> u32 {
            self.0
        }
        fn is_sound(&self) -> bool {
            true
        }
    }

    #[test]
    fn rows_hold_what_a_map_holds() {
        let mut rows = Rows::<(u32, u64)>::new(&Limits::MAX);
        let mut list = [Row::default(); 5];
        let mut maps = vec![BTreeMap::new(); 5];
        let mut random = 1u64;
        for step in 0..200_000u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let which = (random >> 60) as usize % 5;
            let target = (random >> 33) as u32 % [3, 12, 30, 300, 3_000][which];
            let growing = (step / 20_000) % 2 == 0;
            match rows.find(list[which], target) {
                Some(at) if !growing => {
                    assert_eq!(Some(rows.at(at).1), maps[which].remove(&target));
                    rows.remove(&mut list[which], at);
                }
                Some(at) => assert_eq!(rows.at(at).1, maps[which][&target]),
                None if growing => {
                    rows.insert(&mut list[which], (target, step));
                    maps[which].insert(target, step);
                }
                None => assert!(!maps[which].contains_key(&target)),
            }
        }
        for (row, map) in list.iter().zip(&maps) {
            let mut held: Vec<_> = rows.slots(*row).iter().copied().filter(|slot| slot.0 != NOBODY).collect();
            held.sort();
            assert_eq!(held, map.iter().map(|(&k, &v)| (k, v)).collect::<Vec<_>>());
        }
        assert_eq!(rows.len(), maps.iter().map(BTreeMap::len).sum::<usize>());
    }
}
