//! Names of people: their keyed hash, and the shard they live in.
//!
//! People choose their names, so an unkeyed hash could be attacked. Two names with one key are told apart by an
//! independent check, which finds all but one in four billion of the collisions.

use siphasher::sip::SipHasher13;

use crate::model::{Model, Partitioner};

/// A name's 64-bit keyed hash: how shards speak of people.
pub type UserKey = u64;

/// Hashes names for one model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameHash {
    hasher: SipHasher13,
    mask: u64,
}

/// What stands for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hashed {
    pub(crate) key: UserKey,
    /// Never 0, which stands for "not known".
    pub(crate) check: u32,
}

impl NameHash {
    pub(crate) fn new(model: &Model) -> NameHash {
        let mask = if model.hash_bits >= 64 { u64::MAX } else { !(u64::MAX >> model.hash_bits) };
        NameHash { hasher: SipHasher13::new_with_keys(model.hash_key[0], model.hash_key[1]), mask }
    }

    #[inline]
    pub(crate) fn of(&self, name: &str) -> Hashed {
        Hashed { key: self.hasher.hash(name.as_bytes()) & self.mask, check: check(name.as_bytes()) }
    }
}

/// A plain multiplicative hash, independent of the key: what collides in one does not in the other. Never 0.
#[inline]
fn check(name: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (words, rest) = name.as_chunks::<8>();
    let last = rest.iter().fold(rest.len() as u64 + 1, |last, &byte| last << 8 | u64::from(byte));
    let mix = |sum: u64, word: u64| (sum ^ word).wrapping_mul(FACTOR).rotate_left(29);
    let sum = words.iter().fold(FACTOR, |sum, &word| mix(sum, u64::from_le_bytes(word)));
    ((mix(sum, last).wrapping_mul(FACTOR) >> 32) as u32).max(1)
}

impl Partitioner {
    /// The partition of this name among so many.
    pub fn partition(self, name: &str, partitions: u16) -> u16 {
        let hash = match self {
            Partitioner::Murmur2 => murmur2(name.as_bytes()) & 0x7fff_ffff,
            Partitioner::Crc32 => crc32(name.as_bytes()),
        };
        (hash % u32::from(partitions)) as u16
    }
}

/// MurmurHash2 with the seed of Kafka's `org.apache.kafka.common.utils.Utils.murmur2`.
fn murmur2(bytes: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ bytes.len() as u32;
    let words = bytes.chunks_exact(4);
    let rest = words.remainder();
    for word in words {
        let mut k = u32::from_le_bytes([word[0], word[1], word[2], word[3]]).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    if !rest.is_empty() {
        for (i, &byte) in rest.iter().enumerate() {
            hash ^= u32::from(byte) << (8 * i);
        }
        hash = hash.wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}

/// CRC-32 (IEEE 802.3), a bit at a time: it is only taken when a name is first seen.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur2_is_the_java_clients() {
        // The vectors of Kafka's UtilsTest.testMurmur2.
        for (text, hash) in [
            ("21", -973932308),
            ("foobar", -790332482),
            ("a-little-bit-long-string", -985981536),
            ("a-little-bit-longer-string", -1486304829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
            ("abc", 479470107),
        ] {
            assert_eq!(murmur2(text.as_bytes()) as i32, hash, "{text}");
        }
    }

    #[test]
    fn crc32_is_the_common_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
