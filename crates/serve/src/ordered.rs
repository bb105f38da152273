//! A list that stays sorted while millions of its items come and go: chunks of at most 512 items. A move shifts a few
//! kilobytes, a rank adds up the lengths of the chunks before it.

use std::cmp::Ordering;

const CHUNK_MAX: usize = 512;

/// Items in their order. No chunk is empty, and `lens` are the chunks' lengths.
#[derive(Debug)]
pub(crate) struct Ordered<T> {
    chunks: Vec<Vec<T>>,
    lens: Vec<u32>,
}

impl<T> Default for Ordered<T> {
    fn default() -> Ordered<T> {
        Ordered { chunks: Vec::new(), lens: Vec::new() }
    }
}

impl<T: Ord> Ordered<T> {
    pub(crate) fn insert(&mut self, item: T) {
        let (chunk, at) = self.place(|other| *other < item);
        // What comes after everything goes to the end of the last chunk.
        let (chunk, at) = match self.lens.last() {
            None => return self.add_chunk(0, vec![item]),
            Some(&len) if chunk == self.chunks.len() => (chunk - 1, len as usize),
            Some(_) => (chunk, at),
        };
        let items = &mut self.chunks[chunk];
        items.insert(at, item);
        self.lens[chunk] += 1;
        if items.len() > CHUNK_MAX {
            self.split(chunk);
        }
    }

    /// Takes out the item that compares equal.
    pub(crate) fn remove(&mut self, compare: impl Fn(&T) -> Ordering) -> Option<T> {
        let (chunk, at) = self.place(|item| compare(item) == Ordering::Less);
        let found = self.chunks.get(chunk)?.get(at)?;
        if compare(found) != Ordering::Equal {
            return None;
        }
        let item = self.chunks[chunk].remove(at);
        self.lens[chunk] -= 1;
        self.tidy(chunk);
        Some(item)
    }

    fn add_chunk(&mut self, chunk: usize, mut items: Vec<T>) {
        items.reserve_exact((CHUNK_MAX + 1).saturating_sub(items.len()));
        self.lens.insert(chunk, items.len() as u32);
        self.chunks.insert(chunk, items);
    }

    fn split(&mut self, chunk: usize) {
        let back = self.chunks[chunk].split_off(CHUNK_MAX / 2);
        self.lens[chunk] = self.chunks[chunk].len() as u32;
        self.add_chunk(chunk + 1, back);
    }

    /// Joins a chunk that has become small to its neighbour, if both fit well into one.
    fn tidy(&mut self, chunk: usize) {
        let is_small = |chunk: usize| self.lens.get(chunk).is_some_and(|&len| len as usize <= CHUNK_MAX / 4);
        if self.lens[chunk] == 0 {
            self.chunks.remove(chunk);
            self.lens.remove(chunk);
        } else if is_small(chunk) && is_small(chunk + 1) {
            let back = self.chunks.remove(chunk + 1);
            self.chunks[chunk].extend(back);
            self.lens[chunk] += self.lens.remove(chunk + 1);
        }
    }
}

impl<T> Ordered<T> {
    /// How many items are before; these must be the first ones.
    pub(crate) fn rank(&self, is_before: impl Fn(&T) -> bool) -> usize {
        let (chunk, at) = self.place(is_before);
        self.lens[..chunk].iter().map(|&len| len as usize).sum::<usize>() + at
    }

    /// The items from this place on.
    pub(crate) fn iter_from(&self, rank: usize) -> impl Iterator<Item = &T> {
        let mut left = rank;
        let is_after = |&&len: &&u32| {
            let skips = left >= len as usize;
            left -= if skips { len as usize } else { 0 };
            skips
        };
        let chunk = self.lens.iter().take_while(is_after).count();
        self.chunks[chunk..].iter().flatten().skip(left)
    }

    /// The chunk and the place in it of the first item that is not before.
    fn place(&self, is_before: impl Fn(&T) -> bool) -> (usize, usize) {
        let chunk = self.chunks.partition_point(|items| items.last().is_some_and(&is_before));
        match self.chunks.get(chunk) {
            Some(items) => (chunk, items.partition_point(is_before)),
            None => (chunk, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_sorted_list() {
        let mut list = Ordered::default();
        let mut plain = Vec::new();
        let mut number = 1_u64;
        for step in 0..20_000 {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let item = number >> 51;
            let place = plain.partition_point(|other| *other < item);
            // It grows, and then shrinks.
            if (number >> 20) % 10 < if step < 10_000 { 8 } else { 2 } {
                list.insert(item);
                plain.insert(place, item);
            } else {
                let found = plain.get(place) == Some(&item);
                assert_eq!(list.remove(|other| other.cmp(&item)), found.then(|| plain.remove(place)));
            }
            assert_eq!(list.rank(|other| *other < item), place);
            assert_eq!(
                list.iter_from(place).take(3).collect::<Vec<_>>(),
                plain.iter().skip(place).take(3).collect::<Vec<_>>()
            );
        }
        assert_eq!(list.rank(|_| true), plain.len());
        assert!(list.iter_from(0).eq(plain.iter()));
        assert!(list.chunks.iter().map(Vec::len).eq(list.lens.iter().map(|&len| len as usize)));
    }
}
