//! Piece by piece through a file that somebody else understands: lines, or JSON objects wherever they are.

use std::io::Read;

use super::lines::{Line, Lines};
use super::objects::Objects;
use super::reader::Source;
use super::{Position, ReadError};

/// Finds where pieces begin and end, and nothing more.
pub struct Pieces<R> {
    source: Source<R>,
    pieces: u64,
    is_too_long: bool,
}

impl<R: Read> Pieces<R> {
    /// The lines of a file, without those that are blank or begin with `#`. Longer ones than this are not read.
    pub fn lines(read: R, bytes_max: usize) -> Self {
        Self::of(Source::Lines(Lines::new(read).with_bytes_max(bytes_max)))
    }

    /// The JSON objects of a file, and what else stands where one should be. Longer ones than this are not read.
    pub fn objects(read: R, bytes_max: usize) -> Self {
        Self::of(Source::Objects(Objects::new(read).with_bytes_max(bytes_max)))
    }

    fn of(source: Source<R>) -> Self {
        Self { source, pieces: 0, is_too_long: false }
    }

    /// Goes to the next piece; false at the end of the file. After an error the file cannot be read on.
    pub fn go_on(&mut self) -> Result<bool, ReadError> {
        let Some(line) = self.source.next(self.pieces)? else { return Ok(false) };
        self.pieces += 1;
        self.is_too_long = line == Line::TooLong;
        Ok(true)
    }

    /// The current piece, or the beginning of one that is too long.
    pub fn piece(&self) -> Result<&[u8], &[u8]> {
        let piece = self.source.record();
        if self.is_too_long { Err(piece) } else { Ok(piece) }
    }

    /// Where the current piece begins.
    pub fn position(&self) -> Position {
        self.source.position()
    }

    /// Bytes of the file up to the end of the current piece.
    pub fn bytes(&self) -> u64 {
        self.source.read_bytes()
    }
}
