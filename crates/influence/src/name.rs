//! Names of people: their keyed hash, and the shard they live in.
//!
//! People choose their names, so an unkeyed hash could be attacked. One pass gives 88 bits: the key by which shards speak
//! of a person, and a check that tells two names with one key apart.

use std::fmt;

use siphasher::sip128::SipHasher13;

use crate::model::Partitioner;

/// The first 64 bits of a name's keyed hash: how shards speak of people.
pub type UserKey = u64;

/// The secret of the hash of names. It is drawn once for an application or a run, and no result depends on it: whoever
/// knows it can make names that share a [`UserKey`], or that take long to look up. It has no default, so that no key that
/// everybody knows is ever in force.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HashKey {
    words: [u64; 2],
    bits: u32,
}

impl HashKey {
    /// The key of these words.
    pub const fn new(words: [u64; 2]) -> HashKey {
        HashKey { words, bits: 64 }
    }

    /// The same key for a hash of 1 to 64 bits: few bits provoke collisions, in tests.
    #[must_use]
    pub const fn with_bits(self, bits: u32) -> HashKey {
        assert!(bits >= 1 && bits <= 64);
        HashKey { bits, ..self }
    }

    /// Its words, for other hashes that strangers must not foresee. They are secret.
    pub const fn words(&self) -> [u64; 2] {
        self.words
    }

    /// The key under which shards know this name.
    pub fn user_key(&self, name: &str) -> UserKey {
        NameHash::new(self).of(name).key
    }

    /// Bits of a [`UserKey`] that are used.
    pub(crate) const fn bits(&self) -> u32 {
        self.bits
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(secret)")
    }
}

/// Hashes names under one key.
#[derive(Clone, Copy)]
pub(crate) struct NameHash {
    hasher: SipHasher13,
    mask: u64,
}

/// What stands for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hashed {
    pub(crate) key: UserKey,
    /// The last 8 bits of the key, below 24 more bits of the hash. These are never 0, which stands for "not known".
    pub(crate) check: u32,
}

/// The bits of a check that are the key's. A table from keys to places keeps checks and no keys: whose tag is another is
/// somebody else, and need not be looked at.
const TAG: u32 = 0xff;

/// The part of a key that a check repeats.
#[inline]
pub(crate) fn tag(key: UserKey) -> u32 {
    key as u32 & TAG
}

/// Whether this is the tag of the check's key.
#[inline]
pub(crate) fn has_tag(check: u32, tag: u32) -> bool {
    check & TAG == tag
}

impl Hashed {
    #[inline]
    fn new(key: UserKey, check: u32) -> Hashed {
        Hashed { key, check: (check & !TAG).max(TAG + 1) | tag(key) }
    }

    /// Of somebody whose name is not known.
    pub(crate) fn nameless(key: UserKey) -> Hashed {
        Hashed { key, check: tag(key) }
    }

    /// What a check of 32 bits, 0 for a name that is not known, has become: images of before have such.
    pub(crate) fn of_whole_check(key: UserKey, check: u32) -> Hashed {
        if check == 0 { Hashed::nameless(key) } else { Hashed::new(key, check) }
    }

    /// Whether the name is known.
    #[inline]
    pub(crate) fn is_named(self) -> bool {
        self.check & !TAG != 0
    }
}

impl NameHash {
    pub(crate) fn new(key: &HashKey) -> NameHash {
        let [first, second] = key.words;
        NameHash { hasher: SipHasher13::new_with_keys(first, second), mask: u64::MAX << (64 - key.bits) }
    }

    #[inline]
    pub(crate) fn of(&self, name: &str) -> Hashed {
        let (first, second) = self.hasher.hash(name.as_bytes()).as_u64();
        Hashed::new(first & self.mask, second as u32)
    }
}

impl fmt::Debug for NameHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NameHash(secret)")
    }
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
    fn each_bit_of_the_key_counts_and_none_is_printed() {
        let key = HashKey::new([0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210]);
        let hashed = NameHash::new(&key).of("ana");
        for bit in 0..64 {
            for word in 0..2 {
                let mut words = key.words();
                words[word] ^= 1 << bit;
                let other = NameHash::new(&HashKey::new(words)).of("ana");
                assert!(other.key != hashed.key && other.check != hashed.check, "bit {bit} of word {word}");
            }
        }
        assert_eq!(NameHash::new(&key.with_bits(8)).of("ana").key, hashed.key >> 56 << 56);
        for text in [format!("{key:?}"), format!("{:?}", NameHash::new(&key))] {
            assert!(!text.contains("81985529216486895") && !text.contains("123456789abcdef"), "{text}");
        }
    }

    #[test]
    fn crc32_is_the_common_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
