//! The bytes of a file that are in memory: read in large pieces, looked at in place, given up in order.

use std::io::{self, ErrorKind, Read};

/// The longest record that is accepted, in bytes: a line, or a message after its length.
pub const RECORD_BYTES_MAX: usize = 1 << 20;

/// What is read at once; the buffer only grows for a record that is longer.
const BUFFER_BYTES: usize = 512 << 10;

/// A window on what is read: `unread` begins where the last `consume` ended.
pub(super) struct Input<R> {
    read: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    offset_bytes: u64,
}

impl<R: Read> Input<R> {
    pub(super) fn new(read: R) -> Self {
        Self { read, buffer: vec![0; BUFFER_BYTES], start: 0, end: 0, offset_bytes: 0 }
    }

    /// The bytes in memory that are not consumed.
    pub(super) fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Bytes of the file before `unread`.
    pub(super) fn offset_bytes(&self) -> u64 {
        self.offset_bytes
    }

    /// Gives up the first bytes of `unread`.
    pub(super) fn consume(&mut self, bytes: usize) {
        assert!(bytes <= self.end - self.start, "consumes what is not there");
        self.start += bytes;
        self.offset_bytes += bytes as u64;
    }

    /// Reads on behind `unread`; false at the end of the file.
    pub(super) fn fill(&mut self) -> io::Result<bool> {
        if self.end == self.buffer.len() {
            self.make_room();
        }
        loop {
            match self.read.read(&mut self.buffer[self.end..]) {
                Ok(bytes) => {
                    self.end += bytes;
                    return Ok(bytes > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads on until `unread` has so many bytes; false if the file ends before.
    pub(super) fn fill_to(&mut self, bytes: usize) -> io::Result<bool> {
        while self.unread().len() < bytes {
            if !self.fill()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn make_room(&mut self) {
        if self.start == 0 {
            self.buffer.resize(self.buffer.len() * 2, 0);
            return;
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
    }
}
