//! Bytes to model and back: protobuf, JSON and the file formats of public data sets.
//!
//! This crate owns what an event, a profile, a score and a dead letter look like outside the program, what shards tell
//! each other through the exchange, what the journal and the header of a checkpoint say, and what is accepted as a name
//! and a time. It opens no file, asks no clock and decides nothing about influence.
//!
//! Two invariants: whatever the bytes are, a reader answers with records and reasons, never with a panic; and what a
//! writer here writes, the reader here reads back as the same. The second holds bit for bit for what shards tell each
//! other: from it a shard's state is made again. Numbers of fields are for ever, so every format is told by its schema
//! in `proto/clout/v1`, and unknown fields are ignored.

mod accept;
mod checkpoint;
mod close;
mod credits;
mod dead_letter;
mod event;
mod exchange;
mod facet;
mod file;
mod framing;
mod journal;
mod json;
mod kind;
mod link;
mod malformed;
mod names;
mod naming;
mod profile;
mod proto;
mod protobuf;
mod score;
mod score_json;
mod time;
mod write;

pub use checkpoint::CheckpointHeader;
pub use close::{Close, decode_close, encode_close};
pub use credits::{CREDIT_BYTES, Credits, RATED_BYTES, decode_credits, encode_credits};
pub use dead_letter::DeadLetter;
pub use event::{Encoding, EventDecoder, encode_event, encode_event_with_id};
pub use exchange::{decode_exchange, encode_exchange, encode_exchange_records};
pub use facet::{country_code, language_code};
pub use file::{
    Columns, EventReader, Format, Layout, Note, Pieces, Position, ProfileReader, ProfileRecord, RECORD_BYTES_MAX,
    ReadError, Reading, Reason, Record, UnknownColumns, UnknownFormat, Unrecognised,
};
pub use framing::Framing;
pub use influence::{Credit, Rated};
pub use journal::{Gap, JournalRecord, OffsetRange};
pub use kind::{KindWords, parse_kind};
pub use link::{Link, Proof, decode_link, encode_link, encode_link_json};
pub use malformed::{Malformed, NoAct};
pub use names::{Names, Respelled, Spelling, fold, placeholder, placeholders};
pub use naming::{NameField, cut_name, name_key, read_name_key, yes_or_no};
pub use profile::{ProfileDecoder, encode_profile, encode_profile_json};
pub use score::{
    Called, Place, ScoreFormat, ScoreWriter, columns, decode_score, decode_versioned_score, encode_score, seven_digits,
};
pub use score_json::{encode_close_json, encode_score_json};
pub use time::{TimeFormat, Times, UnknownTimeFormat, parse_time, rfc3339};
pub use vocabulary::AT_MAX;
pub use write::{EventWriter, WriteError, encode_event_json, encode_event_json_with_id};
