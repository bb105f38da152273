//! Digests that are chained from epoch to epoch.

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// A digest with another word in it.
#[inline]
pub(crate) fn fold(digest: u64, word: u64) -> u64 {
    (digest ^ word).wrapping_mul(FACTOR).rotate_left(31)
}

/// The digest up to a step: of all before it, its slice, and what it did.
pub(crate) fn chain(before: u64, slice: u64, step: u64) -> u64 {
    fold(fold(fold(before, slice), step), FACTOR)
}
