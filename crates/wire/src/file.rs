//! Files of events and profiles, read record by record from any `Read`.
//!
//! `layout` looks at a file's beginning and says how it is written. `input` owns the bytes in memory, `lines`, `objects`
//! and `frames` find where a record ends, `snap` and `csv` say what a line means, `reader` puts them
//! together; `pieces` gives what a line or object holds to somebody else. A record that cannot be used is an answer, not an error: only a failing read,
//! a CSV header without the columns, and a broken length in a binary file end the reading.

mod columns;
mod csv;
mod format;
mod frames;
mod input;
mod layout;
mod lines;
mod objects;
mod pieces;
mod read_error;
mod reader;
mod snap;

pub use columns::{Columns, UnknownColumns};
pub use format::{Format, UnknownFormat};
pub use input::RECORD_BYTES_MAX;
pub use layout::{Layout, Note, Reading, Reason, Unrecognised};
pub use pieces::Pieces;
pub use read_error::ReadError;
pub use reader::{EventReader, Position, ProfileReader, ProfileRecord, Record};
