//! What ends the reading of a file. How far it got is part of the message: the caller needs it to go on.

use std::io;

/// The file cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A read failed.
    #[error("read fails after {records} records and {bytes} bytes")]
    Io {
        /// Records that were read before.
        records: u64,
        /// Bytes of the file up to the end of the last of them.
        bytes: u64,
        /// What the system says.
        source: io::Error,
    },
    /// The first line of a CSV file does not name the columns of an event.
    #[error("line {line}: header {reason}")]
    Header {
        /// The header's line, counted from 1.
        line: u64,
        /// Which columns were found and which are expected.
        reason: String,
    },
    /// The length before a binary record makes no sense, or the file ends too early: where the next record
    /// begins is lost.
    #[error("record {number} at byte {offset_bytes}: {what}; all before it is whole", number = .records + 1)]
    Frame {
        /// Records that were read before.
        records: u64,
        /// Where the length begins, in bytes from the beginning of the file.
        offset_bytes: u64,
        /// What is wrong.
        what: &'static str,
    },
}

impl ReadError {
    pub(super) fn io(records: u64, bytes: u64, source: io::Error) -> Self {
        Self::Io { records, bytes, source }
    }
}
