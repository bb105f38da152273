//! Ids of events that were seen in the last while, so that what a producer sends again counts once.
//!
//! An id is kept as a keyed hash of 64 bits over its actor and itself, in the quarter of the window in which it was first
//! seen; whole quarters are forgotten. So an id is known for the window and at most a quarter more, and takes 10 to 21
//! bytes. It is part of a shard's state: it depends on nothing but the shard's slices.

use std::collections::VecDeque;
use std::hash::Hasher;

use hashbrown::HashTable;
use influence::HashKey;
use siphasher::sip::SipHasher13;
use vocabulary::Timestamp;

use crate::digest::fold;

/// Quarters before the one under way that are remembered.
const QUARTERS: i64 = 4;
/// Sets the hash of ids apart from that of names.
const TWEAK: u64 = 0x6964_7320_7365_656e;

/// Hashes ids.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IdHash(SipHasher13);

/// What one shard has seen.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    quarter_ms: i64,
    clock: Timestamp,
    /// Over all ids that were ever new, in their order.
    digest: u64,
    /// The oldest first.
    quarters: VecDeque<Quarter>,
}

#[derive(Clone, Debug)]
struct Quarter {
    /// Quarters since 1970.
    number: i64,
    ids: HashTable<u64>,
}

impl IdHash {
    pub(crate) fn new(hash_key: &HashKey) -> IdHash {
        let [first, second] = hash_key.words();
        IdHash(SipHasher13::new_with_keys(first ^ TWEAK, second))
    }

    pub(crate) fn of(&self, actor: &str, id: &str) -> u64 {
        let mut hasher = self.0;
        hasher.write(&(actor.len() as u32).to_le_bytes());
        hasher.write(actor.as_bytes());
        hasher.write(id.as_bytes());
        hasher.finish()
    }
}

impl Seen {
    /// Nothing yet.
    pub(crate) fn new(window_ms: i64) -> Seen {
        let quarter_ms = (window_ms.saturating_add(QUARTERS - 1) / QUARTERS).max(1);
        Seen { quarter_ms, clock: Timestamp::MIN, digest: 0, quarters: VecDeque::new() }
    }

    /// Moves the clock, which never goes back, and forgets what is older than the window.
    pub(crate) fn advance(&mut self, clock: Timestamp) {
        self.clock = self.clock.max(clock);
        let oldest = self.number().saturating_sub(QUARTERS);
        while self.quarters.front().is_some_and(|quarter| quarter.number < oldest) {
            self.quarters.pop_front();
        }
    }

    /// Whether an id is new at this time; from then on it is not.
    pub(crate) fn is_new(&mut self, id: u64, clock: Timestamp) -> bool {
        self.advance(clock);
        if self.quarters.iter().any(|quarter| quarter.ids.find(id, |&known| known == id).is_some()) {
            return false;
        }
        let number = self.number();
        if self.quarters.back().is_none_or(|quarter| quarter.number < number) {
            self.quarters.push_back(Quarter { number, ids: HashTable::new() });
        }
        if let Some(quarter) = self.quarters.back_mut() {
            quarter.ids.insert_unique(id, id, |&known| known);
        }
        self.digest = fold(self.digest, id);
        true
    }

    fn number(&self) -> i64 {
        self.clock.div_euclid(self.quarter_ms)
    }

    /// Over all ids that were ever new.
    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }

    /// Ids that are known, and the memory they take.
    pub(crate) fn sizes(&self) -> (u64, u64) {
        let len = self.quarters.iter().map(|quarter| quarter.ids.len() as u64).sum();
        (len, self.quarters.iter().map(|quarter| quarter.ids.allocation_size() as u64).sum())
    }

    /// All of it as words, each quarter's ids sorted: the same ids always give the same bytes.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        let mut put = |words: &[u64]| words.iter().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        put(&[self.quarter_ms as u64, self.clock as u64, self.digest, self.quarters.len() as u64]);
        for Quarter { number, ids } in &self.quarters {
            let mut ids: Vec<u64> = ids.iter().copied().collect();
            ids.sort_unstable();
            put(&[*number as u64, ids.len() as u64]);
            put(&ids);
        }
    }

    /// What was written; `None` if these bytes were not.
    pub(crate) fn read(bytes: &[u8]) -> Option<Seen> {
        let (words, []) = bytes.as_chunks::<8>() else { return None };
        let mut words = words.iter().map(|&word| u64::from_le_bytes(word));
        let quarter_ms = i64::try_from(words.next()?).ok().filter(|&quarter_ms| quarter_ms > 0)?;
        let (clock, digest, count) = (words.next()? as Timestamp, words.next()?, words.next()?);
        let mut seen = Seen { quarter_ms, clock, digest, quarters: VecDeque::new() };
        for _ in 0..count {
            let (number, len) = (words.next()? as i64, usize::try_from(words.next()?).ok()?);
            let mut ids = HashTable::with_capacity(len.min(words.len()));
            for _ in 0..len {
                let id = words.next()?;
                ids.insert_unique(id, id, |&known| known);
            }
            seen.quarters.push_back(Quarter { number, ids });
        }
        words.next().is_none().then_some(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(seen: &Seen) -> Vec<u8> {
        let mut bytes = Vec::new();
        seen.write(&mut bytes);
        bytes
    }

    #[test]
    fn an_id_is_known_for_the_window_and_at_most_a_quarter_more() {
        for window_ms in [1, 3, 4, 1_000, 86_400_000] {
            for first in [-5, 0, 1, 999, 1_700_000_000_123] {
                let mut seen = Seen::new(window_ms);
                assert!(seen.is_new(7, first), "{window_ms}");
                assert!(!seen.is_new(7, first + window_ms), "within a window of {window_ms} ms");
                assert!(seen.is_new(7, first + window_ms + window_ms / 4 + 4), "after a window of {window_ms} ms");
            }
        }
    }

    #[test]
    fn a_clock_that_goes_back_forgets_nothing() {
        let mut seen = Seen::new(1_000);
        assert!(seen.is_new(1, 10_000) && seen.is_new(2, 3_000) && !seen.is_new(2, 10_900));
        seen.advance(20_000);
        assert_eq!(seen.sizes().0, 0);
    }

    #[test]
    fn an_id_is_one_of_its_actors() {
        let hash = IdHash::new(&HashKey::new([2, 2]));
        let ids = [("ana", "1"), ("bo", "1"), ("ana", "2"), ("an", "a1"), ("ana1", "")];
        let hashes: std::collections::BTreeSet<u64> = ids.iter().map(|(actor, id)| hash.of(actor, id)).collect();
        assert_eq!(hashes.len(), ids.len());
        assert_ne!(hash.of("ana", "1"), IdHash::new(&HashKey::new([1, 2])).of("ana", "1"));
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else_is() {
        let mut seen = Seen::new(1_000);
        (0..3_000u64).for_each(|id| assert!(seen.is_new(id.wrapping_mul(0x9e37_79b9_7f4a_7c15), id as i64)));
        let whole = bytes(&seen);
        let mut again = Seen::read(&whole).unwrap();
        assert!(bytes(&again) == whole);
        assert!(!again.is_new(2_999u64.wrapping_mul(0x9e37_79b9_7f4a_7c15), 2_999));
        assert_eq!((again.digest(), again.sizes().0), (seen.digest(), seen.sizes().0));
        for len in 0..whole.len() {
            assert!(Seen::read(&whole[..len]).is_none(), "{len} bytes");
        }
        assert!(Seen::read(&[&whole[..], &[0; 8]].concat()).is_none());
        assert!(Seen::read(&[0xff; 64]).is_none());
    }

    #[test]
    fn an_id_takes_10_to_21_bytes() {
        for ids in [10_000u64, 58_000, 100_000, 1_000_000] {
            let mut seen = Seen::new(1_000);
            (0..ids).for_each(|id| assert!(seen.is_new(id.wrapping_mul(0x9e37_79b9_7f4a_7c15), 0)));
            let (len, bytes) = seen.sizes();
            let each = bytes as f64 / len as f64;
            assert!((10.0..21.0).contains(&each), "{each} B an id of {len}");
        }
    }
}
