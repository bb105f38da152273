//! The lines of a text file that are records: no comments, no blank lines, no byte order mark, no carriage return.
//!
//! Invariant: the current record is the beginning of what the input has not consumed, so that it can be extended by
//! the lines after it (a quoted field may hold newlines) or cut back to its first line.

use std::io::{self, Read};
use std::ops::Range;

use memchr::memchr;

use super::Position;
use super::input::{Input, RECORD_BYTES_MAX};

pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) struct Lines<R> {
    input: Input<R>,
    current: Extent,
    /// Lines before the current record.
    lines_before: u64,
    /// The rest of a line that is too long is still to be skipped.
    skips_rest: bool,
    /// The longest record.
    bytes_max: usize,
    /// Lines that begin with `%` are comments as well, as in KONECT's lists.
    has_percent_comments: bool,
}

/// How far the current record goes.
#[derive(Clone, Copy, Default)]
struct Extent {
    lines: u64,
    /// Without the end of the last line.
    bytes: usize,
    /// With it.
    bytes_with_end: usize,
}

/// What a line is to the record it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Whole,
    TooLong,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(read: R) -> Self {
        Self {
            input: Input::new(read),
            current: Extent::default(),
            lines_before: 0,
            skips_rest: false,
            bytes_max: RECORD_BYTES_MAX,
            has_percent_comments: false,
        }
    }

    /// The same, for a file in which records may have so many bytes.
    pub(super) fn with_bytes_max(self, bytes_max: usize) -> Self {
        Self { bytes_max, ..self }
    }

    /// The same, for files in which lines that begin with `%` are comments as well.
    pub(super) fn with_percent_comments(self, has_percent_comments: bool) -> Self {
        Self { has_percent_comments, ..self }
    }

    /// Goes to the next line that is a record; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            self.give_up_current();
            if self.skips_rest {
                self.skip_rest()?;
            }
            if self.input.offset_bytes() == 0 {
                self.skip_byte_order_mark()?;
            }
            let Some(line) = self.take_line(0)? else { return Ok(None) };
            if line == Line::TooLong || is_record(self.record(), self.has_percent_comments) {
                return Ok(Some(line));
            }
        }
    }

    /// Adds the line after the current record to it and says where in the record that line is; `None` if there is
    /// none or the record would be too long.
    pub(super) fn extend(&mut self) -> io::Result<Option<Range<usize>>> {
        let before = self.current;
        match self.take_line(before.bytes_with_end)? {
            Some(Line::Whole) => Ok(Some(before.bytes_with_end..self.current.bytes)),
            _ => {
                self.current = before;
                Ok(None)
            }
        }
    }

    /// Cuts the current record back to its first line and says how much that leaves to be read again.
    pub(super) fn cut_to_first_line(&mut self) -> usize {
        let record = &self.input.unread()[..self.current.bytes_with_end];
        let bytes = memchr(b'\n', record).unwrap_or(record.len());
        let given_back = record.len().saturating_sub(bytes + 1);
        let bytes_with_end = record.len() - given_back;
        self.current = Extent { lines: 1, bytes: without_return(&record[..bytes]), bytes_with_end };
        given_back
    }

    /// The current record; of a line that is too long, the beginning.
    pub(super) fn record(&self) -> &[u8] {
        &self.input.unread()[..self.current.bytes]
    }

    /// Where the current record begins.
    pub(super) fn position(&self) -> Position {
        Position { number: self.lines_before + 1, offset_bytes: self.input.offset_bytes() }
    }

    /// Bytes of the file up to the end of the current record.
    pub(super) fn read_bytes(&self) -> u64 {
        self.input.offset_bytes() + self.current.bytes_with_end as u64
    }

    fn give_up_current(&mut self) {
        let done = std::mem::take(&mut self.current);
        self.lines_before += done.lines;
        self.input.consume(done.bytes_with_end);
    }

    /// Extends the current record by the line that begins `from` bytes behind what is consumed.
    fn take_line(&mut self, from: usize) -> io::Result<Option<Line>> {
        let mut searched = from;
        loop {
            let unread = self.input.unread();
            let found = memchr(b'\n', &unread[searched..]).map(|place| searched + place);
            let end = found.unwrap_or(unread.len());
            if end > self.bytes_max {
                self.skips_rest = from == 0;
                self.reach(self.bytes_max, self.bytes_max);
                return Ok(Some(Line::TooLong));
            }
            if found.is_some() {
                self.reach(without_return(&unread[..end]), end + 1);
                return Ok(Some(Line::Whole));
            }
            searched = end;
            if !self.input.fill()? {
                break;
            }
        }
        if searched == from {
            return Ok(None);
        }
        self.reach(without_return(&self.input.unread()[..searched]), searched);
        Ok(Some(Line::Whole))
    }

    fn reach(&mut self, bytes: usize, bytes_with_end: usize) {
        self.current = Extent { lines: self.current.lines + 1, bytes, bytes_with_end };
    }

    fn skip_rest(&mut self) -> io::Result<()> {
        self.skips_rest = false;
        loop {
            let unread = self.input.unread();
            if let Some(place) = memchr(b'\n', unread) {
                self.input.consume(place + 1);
                return Ok(());
            }
            self.input.consume(unread.len());
            if !self.input.fill()? {
                return Ok(());
            }
        }
    }

    fn skip_byte_order_mark(&mut self) -> io::Result<()> {
        let enough = self.input.fill_to(BYTE_ORDER_MARK.len())?;
        if enough && self.input.unread().starts_with(BYTE_ORDER_MARK) {
            self.input.consume(BYTE_ORDER_MARK.len());
        }
        Ok(())
    }
}

/// False for comments and blank lines.
pub(super) fn is_record(line: &[u8], has_percent_comments: bool) -> bool {
    match line.trim_ascii_start().first() {
        Some(b'#') | None => false,
        Some(b'%') => !has_percent_comments,
        Some(_) => true,
    }
}

/// The length of a line without the carriage return that some systems end it with.
fn without_return(line: &[u8]) -> usize {
    line.len() - usize::from(line.ends_with(b"\r"))
}

/// The beginning of a file without the mark that some editors put there.
pub(super) fn without_byte_order_mark(head: &[u8]) -> &[u8] {
    head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head)
}
