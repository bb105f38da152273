//! The messages of a binary file, each after its length as a varint. A broken length is the end: nothing in the
//! bytes says where the next message begins.

use std::io::{self, Read};
use std::ops::Range;

use super::input::{Input, RECORD_BYTES_MAX};
use super::{Position, ReadError};

/// A varint of 64 bits.
const VARINT_BYTES_MAX: usize = 10;

pub(super) struct Frames<R> {
    input: Input<R>,
    /// The current message within what the input has not consumed.
    current: Range<usize>,
    number: u64,
}

/// What stands before a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// The bytes of the length itself, and those of the message.
    Known { prefix_bytes: usize, message_bytes: usize },
    /// More bytes are needed to tell.
    Cut,
    /// No message is so long.
    Broken,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(read: R) -> Self {
        Self { input: Input::new(read), current: 0..0, number: 0 }
    }

    /// Goes to the next message; false at the end.
    pub(super) fn next(&mut self) -> Result<bool, ReadError> {
        self.input.consume(self.current.end);
        self.current = 0..0;
        let read = self.find_message();
        let found = read.map_err(|error| ReadError::io(self.number, self.input.offset_bytes(), error))?;
        match found {
            Found::End => Ok(false),
            Found::Message(message) => {
                self.current = message;
                self.number += 1;
                Ok(true)
            }
            Found::Broken(what) => {
                Err(ReadError::Frame { records: self.number, offset_bytes: self.input.offset_bytes(), what })
            }
        }
    }

    fn find_message(&mut self) -> io::Result<Found> {
        loop {
            match length(self.input.unread()) {
                Length::Broken => return Ok(Found::Broken("length is not a number up to 1048576")),
                Length::Cut if self.input.fill()? => {}
                Length::Cut if self.input.unread().is_empty() => return Ok(Found::End),
                Length::Cut => return Ok(Found::Broken("file ends within the length")),
                Length::Known { prefix_bytes, message_bytes } => {
                    let end = prefix_bytes + message_bytes;
                    return match self.input.fill_to(end)? {
                        true => Ok(Found::Message(prefix_bytes..end)),
                        false => Ok(Found::Broken("file ends within the message")),
                    };
                }
            }
        }
    }

    /// The current message.
    pub(super) fn record(&self) -> &[u8] {
        &self.input.unread()[self.current.clone()]
    }

    /// Where the length before the current message begins.
    pub(super) fn position(&self) -> Position {
        Position { number: self.number, offset_bytes: self.input.offset_bytes() }
    }

    /// Bytes of the file up to the end of the current message.
    pub(super) fn read_bytes(&self) -> u64 {
        self.input.offset_bytes() + self.current.end as u64
    }
}

enum Found {
    End,
    Message(Range<usize>),
    Broken(&'static str),
}

/// The length at the beginning of `bytes`.
pub(super) fn length(bytes: &[u8]) -> Length {
    let mut message_bytes = 0u64;
    for (place, byte) in bytes.iter().take(VARINT_BYTES_MAX).enumerate() {
        message_bytes |= u64::from(byte & 0x7f) << (7 * place);
        if message_bytes > RECORD_BYTES_MAX as u64 {
            return Length::Broken;
        }
        if byte & 0x80 == 0 {
            return Length::Known { prefix_bytes: place + 1, message_bytes: message_bytes as usize };
        }
    }
    if bytes.len() < VARINT_BYTES_MAX { Length::Cut } else { Length::Broken }
}
