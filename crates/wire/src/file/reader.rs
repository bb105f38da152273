//! Event by event, profile by profile through a file of any format.

use std::io::Read;

use vocabulary::{Event, Kind, Profile};

use super::columns::Columns;
use super::csv::{Header, Rows};
use super::frames::Frames;
use super::layout::{Layout, Shape};
use super::lines::{Line, Lines};
use super::objects::Objects;
use super::{Format, ReadError, snap};
use crate::event::text;
use crate::json::Terms;
use crate::kind::KindWords;
use crate::{Encoding, EventDecoder, Malformed, ProfileDecoder};

/// Where a record is in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// In text formats the line, in binary ones the record; counted from 1.
    pub number: u64,
    /// Bytes of the file before the record.
    pub offset_bytes: u64,
}

/// One record of a file of events.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<'a> {
    /// Where it begins.
    pub position: Position,
    /// The record as it is in the file, without the end of the line or the length before it; of a line that is too
    /// long, the beginning.
    pub raw: &'a [u8],
    /// The event, or why there is none.
    pub event: Result<Event<'a>, Malformed>,
}

/// One record of a file of profiles.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileRecord<'a> {
    /// Where it begins.
    pub position: Position,
    /// The record as it is in the file, as for events.
    pub raw: &'a [u8],
    /// The profile, or why there is none.
    pub profile: Result<Profile<'a>, Malformed>,
}

/// Reads the events of a file. It reads large pieces: a buffer in between is of no use.
pub struct EventReader<R> {
    source: Source<R>,
    meaning: Meaning,
    decoder: EventDecoder,
    /// Lines at the beginning that are no rows: the header of a table.
    lines_to_skip: u8,
    records: u64,
}

/// What a record of the file is.
enum Meaning {
    Snap,
    /// Rows under a header that is still to be read.
    Header(Columns),
    Rows(Box<Rows>),
    Single,
}

impl<R: Read> EventReader<R> {
    /// A reader from the beginning of a file that is written as usual. `default_kind` is the kind of events that name
    /// none, which a SNAP list, a CSV file without that column and a JSON object may do; without it they are malformed.
    pub fn new(read: R, format: Format, default_kind: Option<Kind>) -> Self {
        let terms = Terms { kinds: KindWords::new(default_kind), ..Terms::default() };
        let meaning = match format {
            Format::Snap => Meaning::Snap,
            Format::Csv => Meaning::Header(Columns::default()),
            Format::Json | Format::Protobuf => Meaning::Single,
        };
        let source = match format {
            Format::Protobuf => Source::Frames(Frames::new(read)),
            Format::Snap | Format::Csv | Format::Json => Source::Lines(Lines::new(read)),
        };
        Self {
            source,
            meaning,
            decoder: EventDecoder::with_terms(encoding(format), terms),
            lines_to_skip: 0,
            records: 0,
        }
    }

    /// A reader from the beginning of a file that was looked at.
    pub fn with_layout(read: R, layout: &Layout) -> Self {
        let decoder = EventDecoder::with_terms(encoding(layout.format()), layout.terms());
        let (meaning, lines_to_skip) = match &layout.shape {
            Shape::Snap => (Meaning::Snap, 0),
            Shape::Table { header, lines_before_rows } => {
                (Meaning::Rows(Box::new(Rows::new(header.clone()))), *lines_before_rows)
            }
            Shape::TableBelow(columns) => (Meaning::Header(columns.clone()), 0),
            Shape::Json { .. } | Shape::Protobuf => (Meaning::Single, 0),
        };
        let source = match &layout.shape {
            Shape::Protobuf => Source::Frames(Frames::new(read)),
            Shape::Json { is_scattered: true, .. } => Source::Objects(Objects::new(read)),
            _ => Source::Lines(Lines::new(read).with_percent_comments(layout.has_percent_comments)),
        };
        Self { source, meaning, decoder, lines_to_skip, records: 0 }
    }

    /// The next record, good or malformed; `None` at the end of the file. After an error the file cannot be read on.
    #[allow(clippy::should_implement_trait, reason = "a record borrows from the reader, which no iterator can do")]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        if self.records == 0 {
            self.read_header()?;
        }
        let Some(line) = self.source.next(self.records)? else { return Ok(None) };
        let completed = self.complete_row(line)?;
        self.records += 1;
        let raw = self.source.record();
        let Terms { kinds, times, .. } = self.decoder.terms();
        let event = match &self.meaning {
            _ if line == Line::TooLong => Err(Malformed::LineTooLong),
            Meaning::Snap => text(raw).and_then(|line| snap::event(line, kinds, times)),
            Meaning::Rows(rows) => completed.and_then(|()| rows.event(raw, kinds, times)),
            Meaning::Header(_) => Err(Malformed::Missing("header")),
            Meaning::Single => self.decoder.decode(raw),
        };
        Ok(Some(Record { position: self.source.position(), raw, event }))
    }

    /// Dates without a time of day so far, each taken for its midnight.
    pub fn midnights(&self) -> u64 {
        self.decoder.terms().times.midnights()
    }

    /// Records so far, good and malformed.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Bytes of the file up to the end of the last record.
    pub fn bytes(&self) -> u64 {
        self.source.read_bytes()
    }

    fn read_header(&mut self) -> Result<(), ReadError> {
        for _ in 0..std::mem::take(&mut self.lines_to_skip) {
            self.source.next(0)?;
        }
        let (Meaning::Header(columns), Source::Lines(lines)) = (&self.meaning, &mut self.source) else {
            return Ok(());
        };
        let line = lines.next().map_err(|error| ReadError::io(0, lines.read_bytes(), error))?;
        let header = match line {
            None => return Ok(()),
            Some(Line::TooLong) => Err(Malformed::LineTooLong.to_string()),
            Some(Line::Whole) => Header::from_line(lines.record(), columns),
        };
        let header = header.map_err(|reason| ReadError::Header { line: lines.position().number, reason })?;
        self.meaning = Meaning::Rows(Box::new(Rows::new(header)));
        Ok(())
    }

    fn complete_row(&mut self, line: Line) -> Result<Result<(), Malformed>, ReadError> {
        match (&mut self.meaning, &mut self.source) {
            (Meaning::Rows(rows), Source::Lines(lines)) if line == Line::Whole => {
                rows.complete(lines).map_err(|error| ReadError::io(self.records, lines.read_bytes(), error))
            }
            _ => Ok(Ok(())),
        }
    }
}

/// Reads the profiles of a file: lines of JSON, or protobuf messages, each after its length as a varint.
pub struct ProfileReader<R> {
    source: Source<R>,
    decoder: ProfileDecoder,
    records: u64,
}

impl<R: Read> ProfileReader<R> {
    /// A reader from the beginning of a file.
    pub fn new(read: R, encoding: Encoding) -> Self {
        let source = match encoding {
            Encoding::Json => Source::Lines(Lines::new(read)),
            Encoding::Protobuf => Source::Frames(Frames::new(read)),
        };
        Self { source, decoder: ProfileDecoder::new(encoding), records: 0 }
    }

    /// The next record, good or malformed; `None` at the end of the file. After an error the file cannot be read on.
    #[allow(clippy::should_implement_trait, reason = "a record borrows from the reader, which no iterator can do")]
    pub fn next(&mut self) -> Result<Option<ProfileRecord<'_>>, ReadError> {
        let Some(line) = self.source.next(self.records)? else { return Ok(None) };
        self.records += 1;
        let raw = self.source.record();
        let profile = match line {
            Line::TooLong => Err(Malformed::LineTooLong),
            Line::Whole => self.decoder.decode(raw),
        };
        Ok(Some(ProfileRecord { position: self.source.position(), raw, profile }))
    }

    /// Records so far, good and malformed.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Bytes of the file up to the end of the last record.
    pub fn bytes(&self) -> u64 {
        self.source.read_bytes()
    }
}

/// Where records come from: it knows where each ends, and not what it means.
pub(super) enum Source<R> {
    Lines(Lines<R>),
    Objects(Objects<R>),
    Frames(Frames<R>),
}

/// How single records of a format are written; lists and tables have none of these.
fn encoding(format: Format) -> Encoding {
    if format == Format::Protobuf { Encoding::Protobuf } else { Encoding::Json }
}

impl<R: Read> Source<R> {
    pub(super) fn next(&mut self, records: u64) -> Result<Option<Line>, ReadError> {
        match self {
            Source::Lines(lines) => lines.next().map_err(|error| ReadError::io(records, lines.read_bytes(), error)),
            Source::Objects(objects) => {
                objects.next().map_err(|error| ReadError::io(records, objects.read_bytes(), error))
            }
            Source::Frames(frames) => Ok(frames.next()?.then_some(Line::Whole)),
        }
    }

    pub(super) fn record(&self) -> &[u8] {
        match self {
            Source::Lines(lines) => lines.record(),
            Source::Objects(objects) => objects.record(),
            Source::Frames(frames) => frames.record(),
        }
    }

    pub(super) fn position(&self) -> Position {
        match self {
            Source::Lines(lines) => lines.position(),
            Source::Objects(objects) => objects.position(),
            Source::Frames(frames) => frames.position(),
        }
    }

    pub(super) fn read_bytes(&self) -> u64 {
        match self {
            Source::Lines(lines) => lines.read_bytes(),
            Source::Objects(objects) => objects.read_bytes(),
            Source::Frames(frames) => frames.read_bytes(),
        }
    }
}
