//! The model of Clout: who is how influential, as a deterministic state machine.
//!
//! Owns the state of one shard: people, the endorsement graph, follows, scores. Never does I/O, waits, fails or looks
//! at a clock. Invariant: a shard's state is a function of the slices it was given, bit by bit.

pub mod model;

pub mod exchange;
pub mod shard;

mod account;
mod apart;
mod blocks;
mod contact;
mod credit;
mod digest;
mod edge;
mod endorse;
mod follow;
mod growth;
mod history;
mod id;
mod image;
mod index;
mod name;
mod people;
mod profile;
mod publish;
mod push;
mod renewal;
mod room;
mod row;
mod section;
mod siblings;
mod sound;
mod standing;
mod sweep;
mod tables;
mod warm;

pub mod explain;
pub mod scale;
pub mod summed;

pub use account::LEVELS;
pub use credit::{Credit, Rated};
pub use explain::{Endorsement, Fan, Sizes};
pub use growth::Landmark;
pub use history::{CLOSED_MOVE, DAY_MS, end_of_day};
pub use id::PersonId;
pub use model::{ENGINE_REVISION, InvalidModel, Limits, MODEL_VERSION, Model, Partitioner, Room};
pub use name::{HashKey, UserKey};
pub use people::Collision;
pub use shard::{Arrival, Close, Effects, Published, Removed, Shard, Slice, Taken};
pub use tables::InvalidImage;
// Until all who say `influence::Event` say `vocabulary::Event`.
pub use vocabulary::{Event, Kind, NAME_BYTES_MAX, Profile, Received, Removal, Score, TRUST_MAX, Timestamp};
