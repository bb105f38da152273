//! The log in memory, and worlds over it: all shards of one log, stepped round by round, for replays and demos.
//!
//! Owns the cutting of a recorded log into rounds, the exchange between shards in memory, and the folder in which a
//! world outlives its process. Never reads an input file. Invariant: the same input with the same number of partitions
//! gives the same bits, whatever the number of workers, and however often the process was killed.

pub mod memory;
pub mod world;

mod crew;
mod feed;
mod folder;
mod recording;

pub use folder::FolderError;
pub use memory::{Manner, Memory, MemoryLog};
pub use world::{Progress, Resumed, World, WorldError};
