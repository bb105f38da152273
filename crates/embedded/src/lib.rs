//! All shards of one world in memory, stepped epoch by epoch over worker threads, for replay and demo.
//!
//! Owns the cutting of a recorded log into epochs and the exchange between shards. Never reads a file. Invariant: the
//! same input with the same number of partitions gives the same bits, whatever the number of workers.

mod batch;
mod crew;
mod world;

pub use world::{Progress, World};
