//! The worker: what turns a log of events into a log of scores, exactly once.
//!
//! Owns slices, epochs, the journal, checkpoints and restores; everything that is durable or ordered belongs to a
//! [`Log`], everything about influence to `influence`. Invariants: what is published is journaled in the same
//! transaction; a shard's state is a function of its journaled slices; a checkpoint stands for those that were cut off.

pub mod log;
pub mod private;
pub mod worker;

#[cfg(feature = "contract")]
pub mod contract;

mod backlog;
mod batch;
mod decode;
mod digest;
mod seat;
mod seen;
mod slice;
mod tour;

mod checkpoint;
mod cloud;
mod inspect;
mod keeper;
mod known;
mod place;
mod restore;
mod rounds;
mod store;

mod bugs;
mod draw;
mod epoch_size;
mod fault;
mod planted;
mod refusals;
mod settings;
mod shard_list;
mod status;
mod stopwatch;
mod supervisor;

#[cfg(test)]
mod sample;

pub use batch::{Batch, KEPT_BYTES_MAX, Kept, Reason, Refused, Stamp};
pub use bugs::{Bug, Bugs};
pub use decode::{Decoder, RawRecord};
pub use draw::draw_hash_key;
pub use fault::{Fatal, Fault};
// For readers of scores, who know no shards.
pub use influence::summed;
pub use inspect::{Heads, Inspected, KeptCheckpoint};
pub use keeper::Keeper;
pub use known::HASH_KEY;
pub use log::{Cue, Inbox, Log, Ownership, Past, Positions, Room, Step, Unreadable};
pub use place::CheckpointPlace;
pub use refusals::Refusing;
pub use settings::{AcceptedGap, Clock, Holds, Input, Pace, Settings};
pub use shard_list::shard_list;
pub use status::{
    ClientHealth, DURATION_BOUNDS_US, DurationCounts, Place, REASONS, RestoreOffsets, ShardStatus, Status, Totals,
};
pub use store::{Doing, Store, StoreError};
pub use supervisor::{Heartbeat, Supervisor, TURN_MAX, WAIT_MAX, contain, is_contained, panic_text};
pub use worker::Worker;
