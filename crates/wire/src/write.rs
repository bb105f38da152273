//! Events as files, in every format that is read.

use std::io::{self, BufWriter, Write};

use serde::Serialize;
use vocabulary::{Event, Timestamp};

use crate::file::Format;
use crate::{Malformed, accept, encode_event, time};

/// What is given to the system at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Something could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// A write failed.
    #[error("write fails")]
    Io(#[from] io::Error),
    /// The event would be read back as malformed.
    #[error("event {0}")]
    Malformed(#[from] Malformed),
    /// SNAP separates columns by whitespace and begins comments with `#`, or with `%` where the first line does: this
    /// name would be taken for that.
    #[error(
        "name {0:?} has a space or begins like a comment: no snap list can carry it, but csv, json and protobuf can"
    )]
    SnapName(String),
    /// A part of a score that is not a number.
    #[error("{part} of {user:?} is {number}, not a finite number")]
    NotFinite {
        /// Whose score it is.
        user: String,
        /// The part of the score.
        part: &'static str,
        /// What it is.
        number: f64,
    },
    /// A time that no date can be given to.
    #[error("as_of of {user:?} is {as_of} ms, outside the years -9999 to 9999")]
    AsOf {
        /// Whose score it is.
        user: String,
        /// Milliseconds since 1970.
        as_of: Timestamp,
    },
}

/// Writes events to a file. It buffers; `finish` says whether everything arrived.
pub struct EventWriter<W: Write> {
    write: BufWriter<W>,
    format: Format,
    /// One record, so that of an event that is refused nothing is written.
    record: Vec<u8>,
    has_header: bool,
}

impl<W: Write> EventWriter<W> {
    /// A writer from the beginning of a file.
    pub fn new(write: W, format: Format) -> Self {
        Self { write: BufWriter::with_capacity(BUFFER_BYTES, write), format, record: Vec::new(), has_header: false }
    }

    /// Writes one event: in SNAP and CSV a line, in JSON an object on a line, in protobuf a length and a message.
    pub fn write(&mut self, event: &Event<'_>) -> Result<(), WriteError> {
        accept::event(event.actor, event.target, Ok(event.at), Ok(event.kind))?;
        self.record.clear();
        match self.format {
            Format::Snap => snap(event, &mut self.record)?,
            Format::Csv => csv(event, &mut self.record)?,
            Format::Json => json(event, "", &mut self.record)?,
            Format::Protobuf => protobuf(event, &mut self.record),
        }
        self.write_header()?;
        self.write.write_all(&self.record)?;
        Ok(())
    }

    /// Writes what is left, the header of an empty CSV file included, and gives the file back.
    pub fn finish(mut self) -> Result<W, WriteError> {
        self.write_header()?;
        self.write.flush()?;
        self.write.into_inner().map_err(|error| WriteError::Io(error.into_error()))
    }

    fn write_header(&mut self) -> io::Result<()> {
        if self.format == Format::Csv && !self.has_header {
            self.write.write_all(b"actor,target,at,kind\n")?;
        }
        self.has_header = true;
        Ok(())
    }
}

fn snap(event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), WriteError> {
    let has_space = |name: &&str| name.contains(' ');
    let hides = event.actor.starts_with(['#', '%', '\u{feff}']);
    let refused = [event.actor, event.target].into_iter().find(has_space).or(hides.then_some(event.actor));
    if let Some(name) = refused {
        return Err(WriteError::SnapName(name.to_owned()));
    }
    let (secs, millis) = (event.at / 1000, event.at % 1000);
    write!(out, "{} {} ", event.actor, event.target)?;
    match millis {
        _ if !time::reads_as_seconds(event.at) => write!(out, "{}", event.at)?,
        0 => write!(out, "{secs}")?,
        _ => write!(out, "{secs}.{millis:03}")?,
    }
    writeln!(out, " {}", event.kind.code())?;
    Ok(())
}

fn csv(event: &Event<'_>, out: &mut Vec<u8>) -> io::Result<()> {
    csv_field(event.actor, out);
    out.push(b',');
    csv_field(event.target, out);
    match at(event.at) {
        At::Millis(at) => write!(out, ",{at}")?,
        At::Rfc3339(at) => write!(out, ",{at}")?,
    }
    writeln!(out, ",{}", event.kind.word())
}

/// A name as a field: quoted if it could be taken for more than one, or, at the beginning of a line, for a comment.
pub(crate) fn csv_field(name: &str, out: &mut Vec<u8>) {
    let special = |byte: u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    let blank = name.trim_ascii().is_empty();
    if !blank && !name.trim_ascii_start().starts_with('#') && !name.bytes().any(special) {
        out.extend_from_slice(name.as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(name.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}

/// Appends an event as one JSON object, without a line end.
pub fn encode_event_json(event: &Event<'_>, out: &mut Vec<u8>) {
    encode_event_json_with_id(event, "", out);
}

/// The same with the id that names the event among its actor's; empty for none.
pub fn encode_event_json_with_id(event: &Event<'_>, id: &str, out: &mut Vec<u8>) {
    // Memory takes everything.
    if json(event, id, out).is_ok() {
        out.pop();
    }
}

fn json(event: &Event<'_>, id: &str, out: &mut Vec<u8>) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        actor: &'a str,
        target: &'a str,
        at: At,
        kind: &'static str,
        #[serde(skip_serializing_if = "str::is_empty")]
        id: &'a str,
    }
    let line = Line { actor: event.actor, target: event.target, at: at(event.at), kind: event.kind.word(), id };
    serde_json::to_writer(&mut *out, &line)?;
    out.push(b'\n');
    Ok(())
}

/// A time in CSV and JSON.
#[derive(Serialize)]
#[serde(untagged)]
enum At {
    Millis(Timestamp),
    Rfc3339(String),
}

/// Milliseconds, but a date where such a small number would be read as seconds.
fn at(at: Timestamp) -> At {
    match time::rfc3339(at) {
        Some(date) if !time::reads_as_millis(at) => At::Rfc3339(date),
        _ => At::Millis(at),
    }
}

fn protobuf(event: &Event<'_>, out: &mut Vec<u8>) {
    encode_event(event, out);
    let mut length = [0; 10];
    let mut rest = &mut length[..];
    prost::encoding::encode_varint(out.len() as u64, &mut rest);
    let prefix_bytes = 10 - rest.len();
    out.splice(0..0, length[..prefix_bytes].iter().copied());
}
