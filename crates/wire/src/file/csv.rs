//! Lines of fields under a header that says which is which.
//!
//! A line without a quote is split in place. With one, the fields go through `csv-core`, and a quoted field may go on
//! over the lines after it. A quote that never closes costs its own line only.

use std::io::{self, Read};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};
use memchr::{memchr, memchr_iter};
use vocabulary::Event;

use super::columns::{Column, Columns};
use super::lines::Lines;
use crate::event::text;
use crate::kind::KindWords;
use crate::malformed::quote;
use crate::time::TimeReader;
use crate::{Malformed, accept};

/// Columns that a refusal lists.
const NAMES_SHOWN_MAX: usize = 20;

pub(super) const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Between columns there is a run of spaces and tabs, and no quotes.
pub(super) const BLANKS: u8 = b' ';

const ACTOR: [&str; 4] = ["actor", "source", "from", "user"];
const TARGET: [&str; 3] = ["target", "to", "object"];
const TIME: [&str; 7] = ["at", "time", "timestamp", "created_at", "datetime", "date", "timeset"];
const KIND: [&str; 4] = ["kind", "type", "action", "event"];

const PARTS: [&str; 4] = ["actor", "target", "time", "kind"];

/// Which field is which, counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    delimiter: u8,
    actor: usize,
    target: usize,
    time: usize,
    kind: Option<KindColumn>,
    /// There are spaces around the names of the columns: those around the names of users are no part of them either.
    is_padded: bool,
}

/// Where the kind is, or may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KindColumn {
    place: usize,
    pub(super) name: String,
    /// Nobody said so, and other things have that name: an edge is directed, a post is a photo.
    pub(super) is_guess: bool,
    /// It says something else.
    pub(super) is_other: bool,
    /// Rows may end before it, and have the usual kind: where columns have no names, as in lists.
    may_lack: bool,
}

impl Header {
    /// The header that a line is, under the delimiter with which it is one; or what it lacks.
    pub(super) fn from_line(line: &[u8], columns: &Columns) -> Result<Header, String> {
        Header::among(line, columns, &DELIMITERS)
    }

    /// The header of a file that names its delimiter in the line before.
    pub(super) fn from_separated(line: &[u8], columns: &Columns, delimiter: u8) -> Result<Header, String> {
        Header::among(line, columns, &[delimiter])
    }

    fn among(line: &[u8], columns: &Columns, delimiters: &[u8]) -> Result<Header, String> {
        let line = text(line).map_err(|malformed| malformed.to_string())?;
        let found = |delimiter: &u8| Header::from_names(&names(line, *delimiter), columns, *delimiter);
        delimiters.iter().find_map(found).ok_or_else(|| {
            let likely = likely_delimiter(line, delimiters);
            refusal(&names(line, likely), columns)
        })
    }

    fn from_names(names: &[String], columns: &Columns, delimiter: u8) -> Option<Header> {
        let place = |said: &Option<Column>, aliases: &[&str]| match said {
            Some(column) => find_column(names, column),
            None => find(names, aliases),
        };
        let actor = place(&columns.actor, &ACTOR)?;
        let [target, time] = [place(&columns.target, &TARGET)?, place(&columns.time, &TIME)?];
        let kind = match &columns.kind {
            Some(column) => Some(find_column(names, column)?),
            None => find(names, &KIND).filter(|place| ![actor, target, time].contains(place)),
        };
        let is_padded = |place: usize| names[place].trim().len() < names[place].len();
        let is_padded = [Some(actor), Some(target), Some(time), kind].into_iter().flatten().any(is_padded);
        let kind = kind.map(|place| {
            let name = names[place].trim().to_owned();
            let is_guess = columns.kind.is_none() && name != KIND[0];
            KindColumn { place, name, is_guess, is_other: false, may_lack: false }
        });
        Some(Header { delimiter, actor, target, time, kind, is_padded })
    }

    /// That of a file without one, in which columns are told by their numbers, from 0.
    pub(super) fn of_places(delimiter: u8, [actor, target, time]: [usize; 3], kind: Option<usize>) -> Header {
        let kind = kind.map(|place| {
            let name = (place + 1).to_string();
            KindColumn { place, name, is_guess: false, is_other: false, may_lack: true }
        });
        Header { delimiter, actor, target, time, kind, is_padded: false }
    }

    /// That of a file of which all columns were said by their numbers.
    pub(super) fn of_numbers(columns: &Columns, delimiter: u8) -> Option<Header> {
        let number = |column: &Option<Column>| match column {
            Some(Column::Number(number)) => Some(number - 1),
            _ => None,
        };
        let places = [number(&columns.actor)?, number(&columns.target)?, number(&columns.time)?];
        Some(Header::of_places(delimiter, places, number(&columns.kind)))
    }

    /// The same columns with something else between them.
    pub(super) fn between(self, delimiter: u8) -> Header {
        Header { delimiter, ..self }
    }

    pub(super) fn delimiter(&self) -> u8 {
        self.delimiter
    }

    pub(super) fn kind(&self) -> Option<&KindColumn> {
        self.kind.as_ref()
    }

    pub(super) fn kind_mut(&mut self) -> Option<&mut KindColumn> {
        self.kind.as_mut()
    }

    /// Whether a row may end before the kind.
    fn may_lack_kind(&self) -> bool {
        self.kind.as_ref().is_some_and(|kind| kind.may_lack)
    }

    /// Where actor, target, time and kind are.
    fn places(&self) -> [Option<usize>; 4] {
        [Some(self.actor), Some(self.target), Some(self.time), self.kind.as_ref().map(|kind| kind.place)]
    }
}

/// The delimiter that a first line as Excel's `sep=;` says.
pub(super) fn said_delimiter(line: &[u8]) -> Option<u8> {
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    match line {
        [s, e, p, b'=', delimiter] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") && delimiter.is_ascii() => {
            Some(*delimiter)
        }
        _ => None,
    }
}

/// The first of the aliases that is among the names.
fn find(names: &[String], aliases: &[&str]) -> Option<usize> {
    aliases.iter().find_map(|alias| names.iter().position(|name| name.trim() == *alias))
}

fn find_column(names: &[String], column: &Column) -> Option<usize> {
    match column {
        Column::Number(number) => (*number <= names.len()).then_some(number - 1),
        // Names are in lower case by now.
        Column::Name(said) => names.iter().position(|name| name.trim() == said.to_lowercase()),
    }
}

fn names(line: &str, delimiter: u8) -> Vec<String> {
    let mut fields = Fields::new(delimiter);
    fields.feed(line.as_bytes());
    fields.feed(b"\n");
    let name = |field: &[u8]| String::from_utf8_lossy(field).to_lowercase();
    (0..fields.count).filter_map(|place| fields.get(place)).map(name).collect()
}

fn likely_delimiter(line: &str, delimiters: &[u8]) -> u8 {
    let count = |delimiter: &u8| memchr_iter(*delimiter, line.as_bytes()).count();
    delimiters.iter().copied().rev().max_by_key(count).unwrap_or(b',')
}

fn refusal(names: &[String], columns: &Columns) -> String {
    let roles: [(&str, &Option<Column>, &[&str]); 4] = [
        ("actor", &columns.actor, &ACTOR),
        ("target", &columns.target, &TARGET),
        ("time", &columns.time, &TIME),
        ("kind", &columns.kind, &[]),
    ];
    let missing = roles.into_iter().filter_map(|(role, said, aliases)| match said {
        Some(column) if find_column(names, column).is_some() => None,
        Some(Column::Name(name)) => Some(format!("no column {:?} (for the {role})", quote(name))),
        Some(Column::Number(number)) => Some(format!("{} columns, and {role} should be column {number}", names.len())),
        None if aliases.is_empty() || find(names, aliases).is_some() => None,
        None => Some(format!("no {role} (expected one of {})", aliases.join(", "))),
    });
    let missing: Vec<String> = missing.collect();
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
        let fields = Fields::new(header.delimiter);
        Self { header, has_quote: false, fields, alone_until_bytes: 0 }
    }

    /// Makes the current record of `lines` a whole row: extends it while a quote is open.
    pub(super) fn complete<R: Read>(&mut self, lines: &mut Lines<R>) -> io::Result<Result<(), Malformed>> {
        self.has_quote = self.header.delimiter != BLANKS && memchr(b'"', lines.record()).is_some();
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

    /// The event of a row that is complete.
    #[inline]
    pub(super) fn event<'a>(
        &'a self,
        row: &'a [u8],
        kinds: &KindWords,
        times: &TimeReader,
    ) -> Result<Event<'a>, Malformed> {
        let [actor, target, at, kind] = self.parts(row)?;
        let kind = kind.trim();
        let kind = match &self.header.kind {
            Some(KindColumn { is_other: true, name, .. }) if kinds.knows(kind) => {
                Err(Malformed::KindLate { column: quote(name), word: quote(kind) })
            }
            Some(KindColumn { is_other: true, .. }) | None => kinds.kind(None),
            Some(_) => kinds.kind(Some(kind)),
        };
        let [actor, target] = [actor, target].map(|name| if self.header.is_padded { name.trim() } else { name });
        accept::event(actor, target, times.read(at.trim()), kind)
    }

    /// Actor, target, time and kind, the last one empty where no column is for it.
    pub(super) fn parts<'a>(&'a self, row: &'a [u8]) -> Result<[&'a str; 4], Malformed> {
        let row = text(row)?;
        let (parts, columns) = match (self.has_quote, self.header.delimiter) {
            (true, _) => (self.quoted_parts()?, self.fields.count),
            (false, BLANKS) => self.plain_parts(row.split([' ', '\t']).filter(|column| !column.is_empty())),
            (false, delimiter) => self.plain_parts(row.split(char::from(delimiter))),
        };
        let needed = PARTS.len() - usize::from(self.header.may_lack_kind());
        for (part, place) in PARTS.into_iter().zip(self.header.places()).take(needed) {
            if let Some(place) = place.filter(|place| *place >= columns) {
                return Err(Malformed::ShortRow { columns, part, column: place + 1 });
            }
        }
        Ok(parts)
    }

    /// The parts, empty where the row is too short for them, and how many fields there are.
    #[inline]
    fn plain_parts<'a>(&self, fields: impl Iterator<Item = &'a str>) -> ([&'a str; 4], usize) {
        let (mut parts, mut count, places) = ([""; 4], 0, self.header.places());
        for (place, field) in fields.enumerate() {
            for (part, wanted) in parts.iter_mut().zip(places) {
                if wanted == Some(place) {
                    *part = field;
                }
            }
            count = place + 1;
        }
        (parts, count)
    }

    fn quoted_parts(&self) -> Result<[&str; 4], Malformed> {
        let mut parts = [""; 4];
        for (part, wanted) in parts.iter_mut().zip(self.header.places()) {
            *part = text(wanted.and_then(|place| self.fields.get(place)).unwrap_or_default())?;
        }
        Ok(parts)
    }

    /// Looks at a line that stands alone, as a sample is looked at.
    pub(super) fn look_at(&mut self, line: &[u8]) {
        self.has_quote = self.header.delimiter != BLANKS && memchr(b'"', line).is_some();
        if self.has_quote {
            self.fields.abandon();
            self.fields.feed(line);
            self.fields.feed(b"\n");
            self.fields.reader.reset();
        }
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
