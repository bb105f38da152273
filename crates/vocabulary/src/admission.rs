//! The bounds of what is accepted. Who looks at them, and what becomes of the rest, is decided elsewhere.

use crate::Timestamp;

/// The longest user name that is accepted, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 512;

/// The largest trust that is accepted: what an account hands out counts at most so many times.
pub const TRUST_MAX: f64 = 10.0;

/// Other accounts of one person that are accepted: one of two people has hardly ever that many.
pub const LINKED_MAX: usize = 31;

/// The last time that is accepted: 9999-12-30T22:00:00.999Z, the last one that RFC 3339 can write at any offset.
pub const AT_MAX: Timestamp = 253_402_207_200_999;

/// Milliseconds that an event may lie ahead of the clock of the machine that takes it: five minutes. An event beyond
/// them is from the future and is refused.
pub const AHEAD_MS_MAX: i64 = 5 * 60_000;
