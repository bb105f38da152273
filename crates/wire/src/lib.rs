//! Bytes to model and back: protobuf, JSON and the file formats of public data sets.
//!
//! This crate owns what an event, a profile, a score and a dead letter look like outside the program, what shards tell
//! each other and what a journal and a checkpoint say, and what is accepted as a name and a time. It opens no file, asks no clock and decides nothing about influence.
//!
//! Two invariants: whatever the bytes are, a reader answers with events and reasons, never with a panic; and what a
//! writer here writes, the reader here reads back as the same event.

mod accept;
mod checkpoint;
mod dead_letter;
mod event;
mod exchange;
mod file;
mod journal;
mod json;
mod kind;
mod malformed;
mod profile;
mod proto;
mod protobuf;
mod score;
mod time;
mod write;

pub use accept::AT_MAX;
pub use checkpoint::CheckpointHeader;
pub use dead_letter::DeadLetter;
pub use event::{Encoding, EventDecoder, encode_event};
pub use exchange::{decode_exchange, encode_exchange};
pub use file::{
    EventReader, Format, Position, ProfileReader, ProfileRecord, RECORD_BYTES_MAX, ReadError, Record, UnknownFormat,
};
pub use journal::{JournalRecord, OffsetRange};
pub use kind::{kind_word, parse_kind};
pub use malformed::Malformed;
pub use profile::ProfileDecoder;
pub use score::{ScoreFormat, ScoreWriter, decode_score, encode_score};
pub use time::parse_time;
pub use write::{EventWriter, WriteError};
