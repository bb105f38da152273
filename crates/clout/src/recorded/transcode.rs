//! Text in other encodings than UTF-8, as UTF-8. What is not in the encoding ends the reading: a letter that stands for
//! what could not be read would make one name of several.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// What is read at once.
const BUFFER_BYTES: usize = 64 << 10;
/// How the error begins.
pub(crate) const NOT_THE_TEXT: &str = "the text is not";
/// Letters without a mark before them that are looked at, at least.
const PAIRS_MIN: usize = 4;

/// The encoding that the beginning of a file shows: a mark, or ASCII in two bytes each.
pub(crate) fn shown_by(head: &[u8]) -> Option<&'static Encoding> {
    match head {
        // UTF-32, which is not read.
        [0xff, 0xfe, 0, 0, ..] => return None,
        [0xff, 0xfe, ..] => return Some(UTF_16LE),
        [0xfe, 0xff, ..] => return Some(UTF_16BE),
        _ => {}
    }
    let (pairs, _) = head.as_chunks::<2>();
    let is_text = |byte: u8| (0x20..0x7f).contains(&byte) || byte.is_ascii_whitespace();
    let all = |is: fn([u8; 2]) -> (u8, u8)| {
        pairs.len() >= PAIRS_MIN
            && pairs.iter().map(|pair| is(*pair)).all(|(letter, zero)| is_text(letter) && zero == 0)
    };
    match (all(|[first, second]| (first, second)), all(|[first, second]| (second, first))) {
        (true, _) => Some(UTF_16LE),
        (_, true) => Some(UTF_16BE),
        _ => None,
    }
}

/// A stream of another encoding, as UTF-8.
pub(crate) struct Transcoded {
    read: Box<dyn Read>,
    encoding: &'static Encoding,
    decoder: Decoder,
    raw: Vec<u8>,
    text: Vec<u8>,
    given: usize,
    is_at_end: bool,
    /// What comes next is not in the encoding.
    has_failed: bool,
}

impl Transcoded {
    /// The stream itself if it is UTF-8.
    pub(crate) fn of(read: Box<dyn Read>, encoding: &'static Encoding) -> Box<dyn Read> {
        if encoding == UTF_8 {
            return read;
        }
        let (raw, text) = (vec![0; BUFFER_BYTES], Vec::new());
        let decoder = encoding.new_decoder_with_bom_removal();
        Box::new(Transcoded { read, encoding, decoder, raw, text, given: 0, is_at_end: false, has_failed: false })
    }

    fn fill(&mut self) -> io::Result<()> {
        let bytes = loop {
            match self.read.read(&mut self.raw) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.is_at_end = bytes == 0;
        // Three bytes a letter, and what was kept of the piece before.
        self.text.resize(4 * bytes + 16, 0);
        let (result, _, written) =
            self.decoder.decode_to_utf8_without_replacement(&self.raw[..bytes], &mut self.text, self.is_at_end);
        self.text.truncate(written);
        self.given = 0;
        self.has_failed = result != DecoderResult::InputEmpty;
        Ok(())
    }
}

impl Read for Transcoded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.text.len() {
            if self.has_failed {
                let message = format!("{NOT_THE_TEXT} {}", self.encoding.name());
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            if self.is_at_end {
                return Ok(0);
            }
            self.fill()?;
        }
        let bytes = (&self.text[self.given..]).read(buffer)?;
        self.given += bytes;
        Ok(bytes)
    }
}
