//! JSON objects wherever they begin and end: in an array, over several lines, several on one line.
//!
//! Between objects there may be blanks, commas, brackets and the record separator of RFC 7464. Anything else there is a
//! record of its own, up to the end of its line: nothing is passed over in silence.

use std::io::{self, Read};

use memchr::{memchr, memchr_iter};

use super::Position;
use super::input::{Input, RECORD_BYTES_MAX};
use super::lines::{BYTE_ORDER_MARK, Line};

pub(super) struct Objects<R> {
    input: Input<R>,
    /// The current record is the beginning of what the input has not consumed.
    current_bytes: usize,
    /// Line ends before the current record.
    lines_before: u64,
    /// The rest of a line that is too long is still to be skipped.
    skips_rest: bool,
    /// The longest record.
    bytes_max: usize,
}

/// How far an object was looked at.
#[derive(Default)]
struct Scan {
    bytes: usize,
    depth: usize,
    in_text: bool,
    is_escaped: bool,
}

impl<R: Read> Objects<R> {
    pub(super) fn new(read: R) -> Self {
        Self {
            input: Input::new(read),
            current_bytes: 0,
            lines_before: 0,
            skips_rest: false,
            bytes_max: RECORD_BYTES_MAX,
        }
    }

    /// The same, for a file in which records may have so many bytes.
    pub(super) fn with_bytes_max(self, bytes_max: usize) -> Self {
        Self { bytes_max, ..self }
    }

    /// Goes to the next object, or to what stands where one should be; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        let done = std::mem::take(&mut self.current_bytes);
        self.give_up(done);
        if std::mem::take(&mut self.skips_rest) {
            self.skip_line()?;
        }
        if self.input.offset_bytes() == 0
            && self.input.fill_to(BYTE_ORDER_MARK.len())?
            && self.input.unread().starts_with(BYTE_ORDER_MARK)
        {
            self.give_up(BYTE_ORDER_MARK.len());
        }
        match self.skip_to_record()? {
            None => Ok(None),
            Some(b'{') => self.take_object().map(Some),
            Some(_) => self.take_line().map(Some),
        }
    }

    /// The current record; of one that is too long, the beginning.
    pub(super) fn record(&self) -> &[u8] {
        &self.input.unread()[..self.current_bytes]
    }

    /// Where the current record begins.
    pub(super) fn position(&self) -> Position {
        Position { number: self.lines_before + 1, offset_bytes: self.input.offset_bytes() }
    }

    /// Bytes of the file up to the end of the current record.
    pub(super) fn read_bytes(&self) -> u64 {
        self.input.offset_bytes() + self.current_bytes as u64
    }

    fn give_up(&mut self, bytes: usize) {
        self.lines_before += memchr_iter(b'\n', &self.input.unread()[..bytes]).count() as u64;
        self.input.consume(bytes);
    }

    /// Skips what stands between objects, comments too, and says what comes then.
    fn skip_to_record(&mut self) -> io::Result<Option<u8>> {
        loop {
            let between = |byte: &u8| byte.is_ascii_whitespace() || b",[]\x1e".contains(byte);
            let unread = self.input.unread();
            match unread.iter().position(|byte| !between(byte)) {
                Some(place) if unread[place] == b'#' => {
                    self.give_up(place);
                    self.skip_line()?;
                }
                Some(place) => {
                    let first = unread[place];
                    self.give_up(place);
                    return Ok(Some(first));
                }
                None => {
                    let all = unread.len();
                    self.give_up(all);
                    if !self.input.fill()? {
                        return Ok(None);
                    }
                }
            }
        }
    }

    fn take_object(&mut self) -> io::Result<Line> {
        let mut scan = Scan::default();
        loop {
            let unread = self.input.unread();
            let end = scan.end(&unread[..unread.len().min(self.bytes_max + 1)]);
            if end.map_or(unread.len(), |end| end) > self.bytes_max {
                (self.current_bytes, self.skips_rest) = (self.bytes_max, true);
                return Ok(Line::TooLong);
            }
            if let Some(end) = end {
                self.current_bytes = end;
                return Ok(Line::Whole);
            }
            if !self.input.fill()? {
                // The file ends within the object: the decoder says so.
                self.current_bytes = self.input.unread().len();
                return Ok(Line::Whole);
            }
        }
    }

    fn take_line(&mut self) -> io::Result<Line> {
        let mut searched = 0;
        loop {
            let unread = self.input.unread();
            let found = memchr(b'\n', &unread[searched..]).map(|place| searched + place);
            searched = found.unwrap_or(unread.len());
            if searched > self.bytes_max {
                (self.current_bytes, self.skips_rest) = (self.bytes_max, true);
                return Ok(Line::TooLong);
            }
            if found.is_some() || !self.input.fill()? {
                self.current_bytes = searched;
                return Ok(Line::Whole);
            }
        }
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            if let Some(place) = memchr(b'\n', self.input.unread()) {
                self.give_up(place);
                return Ok(());
            }
            let all = self.input.unread().len();
            self.give_up(all);
            if !self.input.fill()? {
                return Ok(());
            }
        }
    }
}

impl Scan {
    /// Looks at what is new of an object, and says where it ends if that is in it.
    fn end(&mut self, object: &[u8]) -> Option<usize> {
        for (place, byte) in object.iter().enumerate().skip(self.bytes) {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.in_text => self.is_escaped = true,
                b'"' => self.in_text = !self.in_text,
                _ if self.in_text => {}
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(place + 1);
                    }
                }
                _ => {}
            }
        }
        self.bytes = object.len();
        None
    }
}
