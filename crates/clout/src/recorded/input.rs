//! Opening what is read: files and the standard input, packed or not, and what format they are in.
//!
//! Packing and format are recognised by the first bytes, never by the name. Every byte that comes from the system is
//! counted, since the packed size is the only one that is known before the end.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use wire::{Encoding, Format, ProfileReader};

use crate::interrupt::Interrupt;
use crate::recorded::pipe::PipeReader;

/// What the format is recognised by.
const HEAD_BYTES: u64 = 64 << 10;
/// What the packing is recognised by.
const MAGIC_BYTES: u64 = 6;
/// What is read of a packed file at once.
const BUFFER_BYTES: usize = 128 << 10;
/// Profiles that are tried.
const SAMPLE_PROFILES: usize = 10;

/// An input, recognised and ready to be read from its beginning.
pub(crate) struct Input {
    /// What people call it.
    pub(crate) name: String,
    pub(crate) packing: Packing,
    /// Bytes as they lie on the disk, where that is known.
    pub(crate) size_bytes: Option<u64>,
    pub(crate) read: Head,
}

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Not,
    Gzip,
    Zstd,
}

/// Bytes that have come from the system, of all inputs.
#[derive(Clone, Debug, Default)]
pub(crate) struct BytesRead(Rc<Cell<u64>>);

impl BytesRead {
    pub(crate) fn get(&self) -> u64 {
        self.0.get()
    }
}

impl Input {
    /// Opens a file or, for `-`, the standard input.
    pub(crate) fn open(path: &Path, bytes_read: &BytesRead, interrupt: &Interrupt) -> Result<Input, InputError> {
        let failed = |source| InputError::Open { path: path.to_owned(), source };
        let (raw, size_bytes) = open(path, interrupt).map_err(failed)?;
        let mut raw = Counted { read: raw, bytes_read: bytes_read.clone() };
        let mut magic = Vec::new();
        // Whatever fails here fails again when it is read for good.
        let failure = raw.by_ref().take(MAGIC_BYTES).read_to_end(&mut magic).err();
        let packing = Packing::of(&magic);
        let raw = Head { head: magic, given: 0, failure, rest: Box::new(raw) };
        let read = Head::of(packing.unpack(raw).map_err(failed)?);
        let name = if is_standard(path) { "stdin".to_owned() } else { path.display().to_string() };
        Ok(Input { name, packing, size_bytes, read })
    }

    /// The format of a file of events, unless it is given; `None` if there is no event in it.
    pub(crate) fn format(&self, given: Option<Format>) -> Result<Option<Format>, InputError> {
        let head = &self.read.head;
        match given.or_else(|| Format::recognise(head)) {
            Some(_) if head.is_empty() && self.read.failure.is_none() => Ok(None),
            Some(format) => Ok(Some(format)),
            None if self.read.failure.is_some() && !head.contains(&b'\n') => Ok(Some(Format::Snap)),
            None if self.is_blank() => Ok(None),
            None => Err(InputError::NoEvents { name: self.name.clone(), hint: hint(head) }),
        }
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

impl Packing {
    fn of(magic: &[u8]) -> Packing {
        match magic {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            // A frame of data, or one to be skipped, as parallel packers write before the first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packing::Zstd,
            _ => Packing::Not,
        }
    }

    fn unpack(self, raw: impl Read + 'static) -> io::Result<Box<dyn Read>> {
        match self {
            Packing::Not => Ok(Box::new(raw)),
            Packing::Gzip => Ok(Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, raw)))),
            Packing::Zstd => Ok(Box::new(zstd::Decoder::with_buffer(BufReader::with_capacity(BUFFER_BYTES, raw))?)),
        }
    }
}

impl fmt::Display for Packing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Packing::Not => "not packed",
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
        })
    }
}

/// A stream whose beginning was looked at: it is given again, then what failed behind it, then the rest.
pub(crate) struct Head {
    head: Vec<u8>,
    given: usize,
    failure: Option<io::Error>,
    rest: Box<dyn Read>,
}

impl Head {
    fn of(mut rest: Box<dyn Read>) -> Head {
        let mut head = Vec::new();
        let failure = rest.by_ref().take(HEAD_BYTES).read_to_end(&mut head).err();
        Head { head, given: 0, failure, rest }
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
        [b'P', b'K', 3, 4, ..] => " (it looks like a zip archive: unpack it first)",
        [b'B', b'Z', b'h', ..] => " (it looks packed by bzip2: use bzcat and -)",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => " (it looks packed by xz: use xzcat and -)",
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => " (it is packed twice: unpack it once and use -)",
        _ if head.get(257..262) == Some(b"ustar") => " (it looks like a tar archive: name the files in it)",
        _ => "",
    }
}

/// An input that cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// It is not there, or not for us.
    #[error("cannot read {path}", path = .path.display())]
    Open {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is no file of events.
    #[error(
        "{name} is in no known format{hint}; expected lines of \"actor target time\" or \"actor target time kind\" (snap), \
         a csv header that names actor, target and time, one json object a line, or protobuf messages each after its \
         length; if it is one of them all the same, say which with --format"
    )]
    NoEvents {
        /// Which one.
        name: String,
        /// What it seems to be.
        hint: &'static str,
    },
    /// It is no file of profiles.
    #[error(
        "{name} holds no profiles{hint}{reason}; expected lines as {{\"user\": \"ana\", \"opted_out\": true}} or \
         {{\"user\": \"ana\", \"trust\": 0.5}}, or protobuf messages each after its length"
    )]
    NoProfiles {
        /// Which one.
        name: String,
        /// What it seems to be.
        hint: &'static str,
        /// What is wrong with its first line.
        reason: String,
    },
}
