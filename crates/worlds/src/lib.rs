//! Synthetic event logs from a seed, for `clout generate`, `clout demo`, benchmarks, property tests and the simulator.
//!
//! - [`World`]: any number of events among any number of users, popularity by Zipf's law, as a stream whose memory
//!   grows with the users and never with the events.
//! - [`Farm`]: an attack on the score, to be mixed into any event log; [`Campaign`]: one whose accounts are partly old.
//! - [`Town`]: an endless world of people with names, to be looked at.
//! - [`SmallWorld`]: a few hundred users and everything that can happen to them, for property tests.
//!
//! The same parameters give the same events, on every machine and for ever: benchmarks are compared across years by
//! it, and a failing seed must fail again. So the generator is ChaCha8 with our own mapping to numbers, powers come
//! from `libm`, and the tests pin digests. Nothing here reads a clock, a file or the machine's randomness.

mod act;
mod acts;
mod bursts;
mod chance;
mod events;
mod farm;
mod follows;
mod handles;
mod merge;
mod popularity;
mod small;
mod story;
mod town;
mod world;

pub use act::Act;
pub use acts::Acts;
pub use events::Events;
pub use farm::{ACTS_MAX, Attack, Campaign, Farm, FarmError};
pub use merge::{MergeByTime, merge_by_time};
pub use small::{Arrival, ProfileChange, SmallWorld};
pub use town::{Town, TownEvents};
pub use world::{Mix, World, WorldError};
