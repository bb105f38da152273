//! What readers keep on disk: daily closes of everybody, and who gave whom how much, in an embedded store.
//!
//! Owns a folder with a database of SQLite in it. The offsets up to which a topic was read are in the same transactions as what
//! was read, so a process that is killed at any moment loses nothing and doubles nothing. All of it is a cache of topics:
//! deleting the folder costs the time to read the topic again. Knows no broker and no clock.

mod bases;
mod block;
mod calendar;
mod circle;
mod circles;
mod given;
mod reader;
mod tidy;
mod writer;

mod database;

pub use bases::{Base, Span};
pub use circle::{CIRCLE_PEOPLE, Circle, CirclesProgress, Gains, Part};
pub use circles::{CirclesWriter, Names};
pub use database::ViewsError;
pub use reader::{Close, Progress, Reader};
pub use writer::{Source, Writer};

use std::path::Path;

/// Opens the store of a folder, which is made where it is not there yet.
///
/// # Errors
/// If it cannot be read or written, or if another process has it open.
pub fn open(folder: &Path) -> Result<(Writer, Reader), ViewsError> {
    let writer = Writer::open(folder)?;
    let reader = writer.reader();
    Ok((writer, reader))
}
