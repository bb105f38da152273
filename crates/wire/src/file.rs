//! Files of events and profiles, read record by record from any `Read`.
//!
//! `input` owns the bytes in memory, `lines` and `frames` find where a record ends, `snap` and `csv` say what a line
//! means, `reader` puts them together. A record that cannot be used is an answer, not an error: only a failing read,
//! a CSV header without the columns, and a broken length in a binary file end the reading.

mod csv;
mod format;
mod frames;
mod input;
mod lines;
mod read_error;
mod reader;
mod recognise;
mod snap;

pub use format::{Format, UnknownFormat};
pub use input::RECORD_BYTES_MAX;
pub use read_error::ReadError;
pub use reader::{EventReader, Position, ProfileReader, ProfileRecord, Record};
