//! Lines of fields under a header that says which is which.
//!
//! A line without a quote is split in place. With one, the fields go through `csv-core`, and a quoted field may go on
//! over the lines after it. A quote that never closes costs its own line only.

use std::io::{self, Read};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};
use influence::{Event, Kind};
use memchr::{memchr, memchr_iter};

use super::lines::Lines;
use crate::event::text;
use crate::kind::kind_or;
use crate::malformed::quote;
use crate::{Malformed, accept, parse_time};

/// Columns that a refusal lists.
const NAMES_SHOWN_MAX: usize = 20;

const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

const ACTOR: [&str; 4] = ["actor", "source", "from", "user"];
const TARGET: [&str; 3] = ["target", "to", "object"];
const TIME: [&str; 4] = ["at", "time", "timestamp", "created_at"];
const KIND: [&str; 4] = ["kind", "type", "action", "event"];

/// Which field is which, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    delimiter: u8,
    actor: usize,
    target: usize,
    time: usize,
    kind: Option<usize>,
    /// There are spaces around the names of the columns: those around the names of users are no part of them either.
    is_padded: bool,
}

impl Header {
    /// The header that a line is, under the delimiter with which it is one; or what it lacks.
    pub(super) fn from_line(line: &[u8]) -> Result<Header, String> {
        let line = text(line).map_err(|malformed| malformed.to_string())?;
        let header =
            DELIMITERS.into_iter().find_map(|delimiter| Header::from_names(&names(line, delimiter), delimiter));
        header.ok_or_else(|| refusal(&names(line, likely_delimiter(line))))
    }

    fn from_names(names: &[String], delimiter: u8) -> Option<Header> {
        let [actor, target, time] = [find(names, &ACTOR)?, find(names, &TARGET)?, find(names, &TIME)?];
        let kind = find(names, &KIND);
        let is_padded = |place: usize| names[place].trim().len() < names[place].len();
        let is_padded = [Some(actor), Some(target), Some(time), kind].into_iter().flatten().any(is_padded);
        Some(Header { delimiter, actor, target, time, kind, is_padded })
    }

    /// Where actor, target, time and kind are.
    fn places(&self) -> [Option<usize>; 4] {
        [Some(self.actor), Some(self.target), Some(self.time), self.kind]
    }
}

/// The first of the aliases that is among the names.
fn find(names: &[String], aliases: &[&str]) -> Option<usize> {
    aliases.iter().find_map(|alias| names.iter().position(|name| name.trim() == *alias))
}

fn names(line: &str, delimiter: u8) -> Vec<String> {
    let mut fields = Fields::new(delimiter);
    fields.feed(line.as_bytes());
    fields.feed(b"\n");
    let name = |field: &[u8]| String::from_utf8_lossy(field).to_lowercase();
    (0..fields.count).filter_map(|place| fields.get(place)).map(name).collect()
}

fn likely_delimiter(line: &str) -> u8 {
    let count = |delimiter: &u8| memchr_iter(*delimiter, line.as_bytes()).count();
    DELIMITERS.into_iter().rev().max_by_key(count).unwrap_or(b',')
}

fn refusal(names: &[String]) -> String {
    let roles: [(&str, &[&str]); 3] = [("actor", &ACTOR), ("target", &TARGET), ("time", &TIME)];
    let missing = roles.into_iter().filter(|(_, aliases)| find(names, aliases).is_none());
    let missing: Vec<String> =
        missing.map(|(role, aliases)| format!("no {role} (expected one of {})", aliases.join(", "))).collect();
    let found: Vec<String> = names.iter().take(NAMES_SHOWN_MAX).map(|name| quote(name.trim())).collect();
    format!("has {}; its columns are: {}", missing.join(", "), found.join(", "))
}

/// Reads the rows under one header.
pub(super) struct Rows {
    header: Header,
    /// The current row has a quote, and its parts are in `fields`.
    has_quote: bool,
    fields: Fields,
    /// Where the file was searched in vain for the end of a quote. Lines before it stand alone, so that no byte is
    /// searched over and over.
    alone_until_bytes: u64,
}

impl Rows {
    pub(super) fn new(header: Header) -> Self {
        Self { header, has_quote: false, fields: Fields::new(header.delimiter), alone_until_bytes: 0 }
    }

    /// Makes the current record of `lines` a whole row: extends it while a quote is open.
    pub(super) fn complete<R: Read>(&mut self, lines: &mut Lines<R>) -> io::Result<Result<(), Malformed>> {
        self.has_quote = memchr(b'"', lines.record()).is_some();
        if !self.has_quote {
            return Ok(Ok(()));
        }
        let alone = lines.position().offset_bytes < self.alone_until_bytes;
        self.fields.clear();
        self.fields.feed(lines.record());
        while !self.fields.feed(b"\n") {
            let next = if alone { None } else { lines.extend()? };
            let Some(next) = next else {
                self.alone_until_bytes = self.alone_until_bytes.max(lines.read_bytes());
                self.fields.abandon();
                lines.cut_to_first_line();
                return Ok(Err(Malformed::QuoteOpen));
            };
            self.fields.feed(&lines.record()[next]);
        }
        Ok(Ok(()))
    }

    /// The event of a row that is complete; `default_kind` is that of files without a column for it.
    pub(super) fn event<'a>(&'a self, row: &'a [u8], default_kind: Option<Kind>) -> Result<Event<'a>, Malformed> {
        let row = text(row)?;
        let [actor, target, at, kind] = match self.has_quote {
            true => self.quoted_parts()?,
            false => self.plain_parts(row),
        };
        let kind = self.header.kind.map(|_| kind.trim());
        let [actor, target] = [actor, target].map(|name| if self.header.is_padded { name.trim() } else { name });
        accept::event(actor, target, parse_time(at.trim()), kind_or(kind, default_kind))
    }

    /// Actor, target, time and kind; empty where the row is too short for them.
    fn plain_parts<'a>(&self, row: &'a str) -> [&'a str; 4] {
        let mut parts = [""; 4];
        for (place, field) in row.split(char::from(self.header.delimiter)).enumerate() {
            for (part, wanted) in parts.iter_mut().zip(self.header.places()) {
                if wanted == Some(place) {
                    *part = field;
                }
            }
        }
        parts
    }

    fn quoted_parts(&self) -> Result<[&str; 4], Malformed> {
        let mut parts = [""; 4];
        for (part, wanted) in parts.iter_mut().zip(self.header.places()) {
            *part = text(wanted.and_then(|place| self.fields.get(place)).unwrap_or_default())?;
        }
        Ok(parts)
    }
}

/// The fields of one row, without their quotes.
struct Fields {
    reader: Reader,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    bytes_written: usize,
    count: usize,
}

impl Fields {
    fn new(delimiter: u8) -> Self {
        let reader = ReaderBuilder::new().delimiter(delimiter).terminator(Terminator::Any(b'\n')).build();
        let mut fields = Self { reader, bytes: vec![0; 1024], ends: vec![0; 32], bytes_written: 0, count: 0 };
        fields.abandon();
        fields
    }

    /// Goes to the beginning of a row.
    fn clear(&mut self) {
        self.bytes_written = 0;
        self.count = 0;
    }

    /// Forgets that a quote is open.
    fn abandon(&mut self) {
        self.reader.reset();
        // A reader takes the mark U+FEFF away from the first bytes it sees: let that be a blank line, not a name.
        self.feed(b"\n");
        self.clear();
    }

    /// Takes more of the row; true when that ends it.
    fn feed(&mut self, mut row: &[u8]) -> bool {
        // To the reader, nothing would mean the end of the file.
        while !row.is_empty() {
            let (bytes, ends) = (&mut self.bytes[self.bytes_written..], &mut self.ends[self.count..]);
            let (result, bytes_taken, bytes_written, ends_written) = self.reader.read_record(row, bytes, ends);
            row = &row[bytes_taken..];
            self.bytes_written += bytes_written;
            self.count += ends_written;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.bytes.resize(self.bytes.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record | ReadRecordResult::End => return true,
            }
        }
        false
    }

    fn get(&self, place: usize) -> Option<&[u8]> {
        let end = *self.ends[..self.count].get(place)?;
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        Some(&self.bytes[start..end])
    }
}
