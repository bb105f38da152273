//! Event by event, profile by profile through a file of any format.

use std::io::Read;

use influence::{Event, Kind, Profile};

use super::csv::{Header, Rows};
use super::frames::Frames;
use super::lines::{Line, Lines};
use super::{Format, ReadError, snap};
use crate::event::text;
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
    default_kind: Option<Kind>,
    records: u64,
}

/// What a record of the file is.
enum Meaning {
    Snap,
    /// Rows, as soon as the header is read.
    Csv(Option<Box<Rows>>),
    Single(EventDecoder),
}

impl<R: Read> EventReader<R> {
    /// A reader from the beginning of a file. `default_kind` is the kind of events that name none, which a SNAP list,
    /// a CSV file without that column and a JSON object may do; without it they are malformed.
    pub fn new(read: R, format: Format, default_kind: Option<Kind>) -> Self {
        let meaning = match format {
            Format::Snap => Meaning::Snap,
            Format::Csv => Meaning::Csv(None),
            Format::Json => Meaning::Single(EventDecoder::new(Encoding::Json, default_kind)),
            Format::Protobuf => Meaning::Single(EventDecoder::new(Encoding::Protobuf, default_kind)),
        };
        let source = match format {
            Format::Protobuf => Source::Frames(Frames::new(read)),
            Format::Snap | Format::Csv | Format::Json => Source::Lines(Lines::new(read)),
        };
        Self { source, meaning, default_kind, records: 0 }
    }

    /// The next record, good or malformed; `None` at the end of the file. After an error the file cannot be read on.
    #[allow(clippy::should_implement_trait, reason = "a record borrows from the reader, which no iterator can do")]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        self.read_header()?;
        let Some(line) = self.source.next(self.records)? else { return Ok(None) };
        let completed = self.complete_row(line)?;
        self.records += 1;
        let raw = self.source.record();
        let event = match &mut self.meaning {
            _ if line == Line::TooLong => Err(Malformed::LineTooLong),
            Meaning::Snap => text(raw).and_then(|line| snap::event(line, self.default_kind)),
            Meaning::Csv(Some(rows)) => completed.and_then(|()| rows.event(raw, self.default_kind)),
            Meaning::Csv(None) => Err(Malformed::Missing("header")),
            Meaning::Single(decoder) => decoder.decode(raw),
        };
        Ok(Some(Record { position: self.source.position(), raw, event }))
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
        let (Meaning::Csv(rows @ None), Source::Lines(lines)) = (&mut self.meaning, &mut self.source) else {
            return Ok(());
        };
        let line = lines.next().map_err(|error| ReadError::io(0, lines.read_bytes(), error))?;
        let header = match line {
            None => return Ok(()),
            Some(Line::TooLong) => Err(Malformed::LineTooLong.to_string()),
            Some(Line::Whole) => Header::from_line(lines.record()),
        };
        let header = header.map_err(|reason| ReadError::Header { line: lines.position().number, reason })?;
        *rows = Some(Box::new(Rows::new(header)));
        Ok(())
    }

    fn complete_row(&mut self, line: Line) -> Result<Result<(), Malformed>, ReadError> {
        match (&mut self.meaning, &mut self.source) {
            (Meaning::Csv(Some(rows)), Source::Lines(lines)) if line == Line::Whole => {
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
enum Source<R> {
    Lines(Lines<R>),
    Frames(Frames<R>),
}

impl<R: Read> Source<R> {
    fn next(&mut self, records: u64) -> Result<Option<Line>, ReadError> {
        match self {
            Source::Lines(lines) => lines.next().map_err(|error| ReadError::io(records, lines.read_bytes(), error)),
            Source::Frames(frames) => Ok(frames.next()?.then_some(Line::Whole)),
        }
    }

    fn record(&self) -> &[u8] {
        match self {
            Source::Lines(lines) => lines.record(),
            Source::Frames(frames) => frames.record(),
        }
    }

    fn position(&self) -> Position {
        match self {
            Source::Lines(lines) => lines.position(),
            Source::Frames(frames) => frames.position(),
        }
    }

    fn read_bytes(&self) -> u64 {
        match self {
            Source::Lines(lines) => lines.read_bytes(),
            Source::Frames(frames) => frames.read_bytes(),
        }
    }
}
