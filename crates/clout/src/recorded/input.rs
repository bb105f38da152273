//! Opening what is read: files and the standard input, packed or not, in which letters and in what format.
//!
//! All of it is recognised by the first bytes, never by the name. Every byte that comes from the system is counted,
//! since the packed size is the only one that is known before the end.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use encoding_rs::Encoding as TextEncoding;
use networks::{Recognised, Refused};
use wire::{Encoding, Format, Layout, ProfileReader, RECORD_BYTES_MAX, Reading, Reason, Unrecognised};

use crate::interrupt::Interrupt;
use crate::recorded::messages::MESSAGE_BYTES_MAX;
use crate::recorded::notes;
use crate::recorded::packing::{Packing, Trailing};
use crate::recorded::pipe::PipeReader;
use crate::recorded::transcode::{Transcoded, shown_by};
use crate::words::thousands;

/// What the format is recognised by, unless the first line is longer.
const HEAD_BYTES: u64 = 64 << 10;
/// What the packing is recognised by.
const MAGIC_BYTES: u64 = 6;
/// What an encoding of text is recognised by.
const LETTERS_BYTES: u64 = 256;
/// How far the end of a first line is looked for that is too long.
const LINE_BYTES_MAX: u64 = 256 << 20;
/// Profiles that are tried.
const SAMPLE_PROFILES: usize = 10;

/// An input, recognised and ready to be read from its beginning.
pub(crate) struct Input {
    /// What people call it.
    pub(crate) name: String,
    pub(crate) packing: Packing,
    /// What stands behind the packed data, once all is read.
    pub(crate) trailing: Trailing,
    /// Bytes as they lie on the disk, where that is known.
    pub(crate) size_bytes: Option<u64>,
    pub(crate) read: Head,
}

/// Bytes that have come from the system, of all inputs.
#[derive(Clone, Debug, Default)]
pub(crate) struct BytesRead(Rc<Cell<u64>>);

impl BytesRead {
    pub(crate) fn get(&self) -> u64 {
        self.0.get()
    }

    /// Puts the count back to what it was: what has come since comes again.
    pub(crate) fn set(&self, bytes: u64) {
        self.0.set(bytes);
    }
}

/// The contents of a file.
pub(crate) enum Contents {
    /// The file has no record.
    Nothing,
    /// The records are events in this layout.
    Events(Box<Layout>),
    /// The records are messages of a network.
    Messages(Recognised),
}

impl Input {
    /// Opens a file or, for `-`, the standard input.
    /// Without an encoding its letters are UTF-8, or UTF-16 if it looks like that.
    pub(crate) fn open(
        path: &Path,
        letters: Option<&'static TextEncoding>,
        bytes_read: &BytesRead,
        interrupt: &Interrupt,
    ) -> Result<Input, InputError> {
        let failed = |source| InputError::Open { path: path.to_owned(), source };
        let (raw, size_bytes) = open(path, interrupt).map_err(failed)?;
        let mut raw = Counted { read: raw, bytes_read: bytes_read.clone() };
        let mut magic = Vec::new();
        // Whatever fails here fails again when it is read for good.
        let failure = raw.by_ref().take(MAGIC_BYTES).read_to_end(&mut magic).err();
        let packing = Packing::of(&magic);
        let raw = Head { head: magic, given: 0, failure, is_whole: false, rest: Box::new(raw) };
        let trailing = Trailing::default();
        let bytes = Head::of(packing.unpack(Box::new(raw), &trailing), LETTERS_BYTES);
        let letters = letters.or_else(|| shown_by(&bytes.head));
        let text: Box<dyn Read> = match letters {
            Some(letters) => Transcoded::of(Box::new(bytes), letters),
            None => Box::new(bytes),
        };
        let mut read = Head::of(text, HEAD_BYTES);
        if !read.head.contains(&b'\n') {
            read.extend(RECORD_BYTES_MAX as u64 + 1 - HEAD_BYTES);
        }
        let name = if is_standard(path) { "stdin".to_owned() } else { path.display().to_string() };
        Ok(Input { name, packing, trailing, size_bytes, read })
    }

    /// Finds out whether the file holds events, in the format that is given or in the one that fits, or messages of networks.
    pub(crate) fn contents(&mut self, given: Option<Format>, reading: &Reading) -> Result<Contents, InputError> {
        let looked = match self.look(given, reading) {
            Ok(None) => return Ok(Contents::Nothing),
            Ok(Some(layout)) if layout.has_events() => return Ok(Contents::Events(Box::new(layout))),
            looked => looked,
        };
        let is_open = given.is_none() && reading.columns.is_empty();
        match (is_open.then(|| self.messages()).flatten(), looked) {
            (Some(recognised), _) => Ok(Contents::Messages(recognised)),
            (None, Ok(layout)) => Ok(layout.map_or(Contents::Nothing, |layout| Contents::Events(Box::new(layout)))),
            (None, Err(unrecognised)) => Err(self.refused(given, &unrecognised)),
        }
    }

    fn look(&self, given: Option<Format>, reading: &Reading) -> Result<Option<Layout>, Unrecognised> {
        let head = &self.read.head;
        if head.is_empty() && self.read.failure.is_none() {
            return Ok(None);
        }
        let unrecognised = match Layout::of(head, given, reading) {
            Ok(layout) => return Ok(Some(layout)),
            Err(unrecognised) => unrecognised,
        };
        if self.read.failure.is_some() && !head.contains(&b'\n') {
            return Ok(Layout::of(head, Some(Format::Snap), &Reading::default()).ok());
        }
        if self.is_blank() { Ok(None) } else { Err(unrecognised) }
    }

    /// Recognises messages of networks; reads on until the first message is whole.
    fn messages(&mut self) -> Option<Recognised> {
        loop {
            let is_whole = self.read.is_whole;
            match networks::recognise(&self.read.head, is_whole) {
                Ok(recognised) => return Some(recognised),
                Err(Refused::CutOff) if self.read.head.len() < MESSAGE_BYTES_MAX && self.read.failure.is_none() => {
                    self.read.extend(3 * self.read.head.len() as u64);
                }
                Err(_) => return None,
            }
        }
    }

    #[cold]
    fn refused(&mut self, given: Option<Format>, unrecognised: &Unrecognised) -> InputError {
        let name = self.name.clone();
        let wrong = match &unrecognised.reason {
            _ if self.read.is_long_line() => format!("its first line is {}", self.read.line_length()),
            Reason::Header(_) | Reason::Record(_) if self.read.is_text() => {
                let wrong = notes::what_is_wrong(unrecognised);
                if given.is_some() { wrong } else { format!("it is nearest to {}, and {wrong}", unrecognised.nearest) }
            }
            _ => String::new(),
        };
        match given {
            Some(format) => InputError::NotAs { name, format, wrong },
            None if self.begins_with_a_profile() => {
                let hint = " of events (it holds profiles: give them by --profiles)";
                InputError::NoEvents { name, hint, wrong: String::new() }
            }
            None => InputError::NoEvents { name, hint: hint(&self.read.head), wrong },
        }
    }

    /// Returns true if the first record is a profile in JSON.
    fn begins_with_a_profile(&self) -> bool {
        let mut reader = ProfileReader::new(&self.read.head[..], Encoding::Json);
        matches!(reader.next(), Ok(Some(record)) if record.profile.is_ok())
    }

    /// How a file of profiles is written; `None` if there is none in it.
    pub(crate) fn encoding(&self) -> Result<Option<Encoding>, InputError> {
        let is_any = |encoding: &Encoding| {
            let mut reader = ProfileReader::new(&self.read.head[..], *encoding);
            (0..SAMPLE_PROFILES).any(|_| matches!(reader.next(), Ok(Some(record)) if record.profile.is_ok()))
        };
        match [Encoding::Json, Encoding::Protobuf].into_iter().find(is_any) {
            Some(encoding) => Ok(Some(encoding)),
            None if self.read.failure.is_some() => Ok(Some(Encoding::Json)),
            None if self.is_blank() => Ok(None),
            None => Err(InputError::NoProfiles {
                name: self.name.clone(),
                hint: hint(&self.read.head),
                reason: self.first_reason().map(|reason| format!(", and the first line {reason}")).unwrap_or_default(),
            }),
        }
    }

    /// Why the first line is not a profile, of a file of JSON.
    fn first_reason(&self) -> Option<String> {
        let mut reader = ProfileReader::new(&self.read.head[..], Encoding::Json);
        let first = reader.next().ok()??;
        let is_json = first.raw.trim_ascii_start().starts_with(b"{");
        first.profile.err().filter(|_| is_json).map(|reason| reason.to_string())
    }

    /// A whole file of blank lines and comments.
    fn is_blank(&self) -> bool {
        let is_whole = (self.read.head.len() as u64) < HEAD_BYTES && self.read.failure.is_none();
        let text = self.read.head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.read.head);
        is_whole && text.split(|byte| *byte == b'\n').all(|line| matches!(line.trim_ascii().first(), None | Some(b'#')))
    }
}

/// The bytes of a file, and its size if it has one. What may keep us waiting is read so that Ctrl-C ends the wait.
fn open(path: &Path, interrupt: &Interrupt) -> io::Result<(Box<dyn Read>, Option<u64>)> {
    if is_standard(path) {
        return Ok((Box::new(PipeReader::start(io::stdin(), interrupt.clone())?), None));
    }
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::Error::other("it is a directory: name the files in it"));
    }
    let file = File::open(path)?;
    match metadata.is_file() {
        true => Ok((Box::new(file), Some(metadata.len()))),
        false => Ok((Box::new(PipeReader::start(file, interrupt.clone())?), None)),
    }
}

/// A stream whose beginning was looked at: it is given again, then what failed behind it, then the rest.
pub(crate) struct Head {
    head: Vec<u8>,
    given: usize,
    failure: Option<io::Error>,
    /// Whether nothing comes behind it.
    is_whole: bool,
    rest: Box<dyn Read>,
}

impl Head {
    fn of(rest: Box<dyn Read>, bytes: u64) -> Head {
        let mut head = Head { head: Vec::new(), given: 0, failure: None, is_whole: false, rest };
        head.extend(bytes);
        head
    }

    /// Looks at so many bytes more.
    fn extend(&mut self, bytes: u64) {
        if self.failure.is_none() {
            let read = self.rest.by_ref().take(bytes).read_to_end(&mut self.head);
            self.is_whole = read.as_ref().is_ok_and(|read| (*read as u64) < bytes);
            self.failure = read.err();
        }
    }

    /// Whether no record is as long as its first line.
    fn is_long_line(&self) -> bool {
        self.head.len() > RECORD_BYTES_MAX && !self.head.contains(&b'\n')
    }

    /// How long the first line is, in words.
    fn line_length(&mut self) -> String {
        let (mut length, mut piece) = (self.head.len() as u64, vec![0; HEAD_BYTES as usize]);
        let is_whole = loop {
            match self.rest.read(&mut piece) {
                Ok(0) | Err(_) => break true,
                Ok(bytes) => match piece[..bytes].iter().position(|byte| *byte == b'\n') {
                    Some(place) => {
                        length += place as u64;
                        break true;
                    }
                    None => length += bytes as u64,
                },
            }
            if length > LINE_BYTES_MAX {
                break false;
            }
        };
        let at_least = if is_whole { "" } else { "more than " };
        let max = thousands(RECORD_BYTES_MAX as u64);
        format!("{at_least}{} bytes long, and a record has at most {max}", thousands(length))
    }

    /// Whether it may be text.
    fn is_text(&self) -> bool {
        !self.head.contains(&0)
            && self.head.iter().filter(|byte| **byte < 0x20 && !byte.is_ascii_whitespace()).count() == 0
    }

    /// Whether this is its first byte, blanks aside.
    pub(crate) fn begins_with(&self, byte: u8) -> bool {
        self.head.trim_ascii_start().first() == Some(&byte)
    }
}

impl Read for Head {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given < self.head.len() {
            let bytes = Cursor::new(&self.head[self.given..]).read(buffer)?;
            self.given += bytes;
            return Ok(bytes);
        }
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => self.rest.read(buffer),
        }
    }
}

struct Counted<R> {
    read: R,
    bytes_read: BytesRead,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.read.read(buffer)?;
        self.bytes_read.0.set(self.bytes_read.0.get() + bytes as u64);
        Ok(bytes)
    }
}

/// Whether a path stands for the standard input or output.
pub(crate) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What a file seems to be that is not read.
fn hint(head: &[u8]) -> &'static str {
    match head {
        [b'P', b'K', 3, 4, ..] => {
            " (it looks like a zip archive: unpack it first; if it is a workbook, save its sheet as CSV)"
        }
        [0xd0, 0xcf, 0x11, 0xe0, ..] => " (it looks like an old workbook: save its sheet as CSV)",
        [b'7', b'z', 0xbc, 0xaf, ..] | [b'R', b'a', b'r', b'!', ..] => " (it looks like an archive: unpack it first)",
        [0x04, 0x22, 0x4d, 0x18, ..] => " (it looks packed by lz4: use lz4cat and -)",
        [b'P', b'A', b'R', b'1', ..] => {
            " (it looks like Parquet: write it as CSV, as DuckDB does by copy (from 'x.parquet') to 'x.csv')"
        }
        [b'O', b'b', b'j', 1, ..] => " (it looks like Avro: write it as lines of JSON, as avro-tools does by tojson)",
        [b'O', b'R', b'C', ..] | [b'A', b'R', b'R', b'O', b'W', b'1', ..] => {
            " (it looks like a table of columns, ORC or Arrow: write it as CSV)"
        }
        _ if head.starts_with(b"SQLite format 3\0") => {
            " (it looks like a database of SQLite: write the table as CSV, as by sqlite3 -header -csv)"
        }
        [b'B', b'Z', b'h', ..] => " (it looks packed by bzip2: use bzcat and -)",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => " (it looks packed by xz: use xzcat and -)",
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => " (it is packed twice: unpack it once and use -)",
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            " (it looks like UTF-32: use iconv -f UTF-32 -t UTF-8 and -)"
        }
        _ if head.get(257..262) == Some(b"ustar") => " (it looks like a tar archive: name the files in it)",
        _ => "",
    }
}

fn colon(text: &str) -> &'static str {
    if text.is_empty() { "" } else { ": " }
}

/// An input that cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// It is not there, or not for us.
    #[error("cannot read {path}", path = .path.display())]
    Open {
        /// The path that was given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is no file of events.
    #[error(
        "{name} is in no known format{hint}{}{wrong}; known are lists of actor, target, time and perhaps kind (snap), \
         tables with a header (csv), JSON objects (json) and protobuf messages each after its length (protobuf)",
        colon(wrong)
    )]
    NoEvents {
        /// The name of the input.
        name: String,
        /// What it seems to be.
        hint: &'static str,
        /// What it is nearest to, and what is wrong then.
        wrong: String,
    },
    /// It is not in the format that was given.
    #[error("{name} cannot be read as {format}{}{wrong}", colon(wrong))]
    NotAs {
        /// The name of the input.
        name: String,
        /// The format.
        format: Format,
        /// What is wrong.
        wrong: String,
    },
    /// It is a folder, and none of its files is one of events.
    #[error("cannot read {path}: it is a directory without a file in a known format", path = .path.display())]
    NoFile {
        /// The folder.
        path: PathBuf,
    },
    /// It is no file of profiles.
    #[error(
        "{name} holds no profiles{hint}{reason}; expected lines as {{\"user\": \"ana\", \"opted_out\": true}} or \
         {{\"user\": \"ana\", \"trust\": 0.5}}, or protobuf messages each after its length"
    )]
    NoProfiles {
        /// The name of the input.
        name: String,
        /// What it seems to be.
        hint: &'static str,
        /// What is wrong with its first line.
        reason: String,
    },
}
