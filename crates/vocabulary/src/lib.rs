//! The words that all crates share: kinds, networks, events, profiles, times, what is accepted, and the score.
//!
//! It owns what these are, as plain values, and computes nothing from them. It depends on nothing.

mod admission;
mod event;
mod kind;
mod network;
mod score;

pub use admission::{AHEAD_MS_MAX, AT_MAX, LINKED_MAX, NAME_BYTES_MAX, TRUST_MAX};
pub use event::{Event, Profile, Timestamp};
pub use kind::{Counts, Kind, PerKind, Received};
pub use network::{Id, Network};
pub use score::{Part, Removal, Score};
