//! Files that are packed by gzip or zstd, one member after the other. What stands behind the last one is no data: it is
//! counted, and the reading is well.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use flate2::bufread::GzDecoder;

/// What is read of a packed file at once.
const BUFFER_BYTES: usize = 128 << 10;
/// What a member is recognised by.
const MAGIC_BYTES: usize = 4;
/// The largest window that zstd has: 2 GiB, as archives of years of posts are packed with.
const WINDOW_LOG_MAX: u32 = if cfg!(target_pointer_width = "64") { 31 } else { 30 };

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Not,
    Gzip,
    Zstd,
}

impl Packing {
    pub(crate) fn of(magic: &[u8]) -> Packing {
        match magic {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            // A frame of data, or one to be skipped, as parallel packers write before the first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Packing::Zstd,
            _ => Packing::Not,
        }
    }

    pub(crate) fn unpack(self, raw: Box<dyn Read>, trailing: &Trailing) -> Box<dyn Read> {
        match self {
            Packing::Not => raw,
            packing => {
                Box::new(Members { packing, state: State::Between(Peeked::new(raw)), trailing: trailing.clone() })
            }
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

/// What stands behind the packed data.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trailing(Rc<Cell<(u64, bool)>>);

impl Trailing {
    /// Bytes, and whether they are other than zeros.
    pub(crate) fn get(&self) -> (u64, bool) {
        self.0.get()
    }

    fn add(&self, bytes: &[u8]) {
        let (count, is_other) = self.0.get();
        self.0.set((count + bytes.len() as u64, is_other || bytes.iter().any(|byte| *byte != 0)));
    }
}

/// All members of a packed file as one stream.
struct Members {
    packing: Packing,
    state: State,
    trailing: Trailing,
}

enum State {
    Between(Peeked),
    Gzip(Box<GzDecoder<Peeked>>),
    Zstd(Box<zstd::Decoder<'static, Peeked>>),
    End,
}

impl Read for Members {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            // After an error nothing more is read.
            self.state = match std::mem::replace(&mut self.state, State::End) {
                State::End => return Ok(0),
                State::Between(peeked) => self.begin(peeked)?,
                State::Gzip(mut decoder) => match decoder.read(buffer)? {
                    0 if !buffer.is_empty() => State::Between(decoder.into_inner()),
                    bytes => {
                        self.state = State::Gzip(decoder);
                        return Ok(bytes);
                    }
                },
                State::Zstd(mut decoder) => match decoder.read(buffer)? {
                    0 if !buffer.is_empty() => State::Between(decoder.finish()),
                    bytes => {
                        self.state = State::Zstd(decoder);
                        return Ok(bytes);
                    }
                },
            }
        }
    }
}

impl Members {
    fn begin(&self, mut peeked: Peeked) -> io::Result<State> {
        let magic = peeked.peek(MAGIC_BYTES)?;
        if Packing::of(magic) != self.packing {
            self.drain(peeked)?;
            return Ok(State::End);
        }
        Ok(match self.packing {
            Packing::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(peeked)?.single_frame();
                decoder.window_log_max(WINDOW_LOG_MAX)?;
                State::Zstd(Box::new(decoder))
            }
            _ => State::Gzip(Box::new(GzDecoder::new(peeked))),
        })
    }

    fn drain(&self, mut peeked: Peeked) -> io::Result<()> {
        loop {
            let bytes = peeked.fill_buf()?;
            if bytes.is_empty() {
                return Ok(());
            }
            self.trailing.add(bytes);
            let all = bytes.len();
            peeked.consume(all);
        }
    }
}

/// A buffer of which several bytes can be looked at before they are taken.
struct Peeked {
    read: Box<dyn Read>,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Peeked {
    fn new(read: Box<dyn Read>) -> Peeked {
        Peeked { read, buffer: vec![0; BUFFER_BYTES].into(), start: 0, end: 0 }
    }

    /// The next so many bytes, fewer at the end.
    fn peek(&mut self, bytes: usize) -> io::Result<&[u8]> {
        if self.end - self.start < bytes {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            while self.end < bytes && self.fill()? > 0 {}
        }
        Ok(&self.buffer[self.start..self.end.min(self.start + bytes)])
    }

    fn fill(&mut self) -> io::Result<usize> {
        loop {
            match self.read.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    let bytes = result?;
                    self.end += bytes;
                    return Ok(bytes);
                }
            }
        }
    }
}

impl Read for Peeked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.fill_buf()?.read(buffer)?;
        self.consume(bytes);
        Ok(bytes)
    }
}

impl BufRead for Peeked {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.fill()?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, bytes: usize) {
        self.start = self.end.min(self.start + bytes);
    }
}
