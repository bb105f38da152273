//! Where a command writes: a file, compressed as its ending says, or the standard output.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

/// zstd's own default.
const ZSTD_LEVEL: i32 = 3;

/// An open output, whole only after [`Output::finish`]. It does not buffer: write large pieces.
pub struct Output(Compressed);

enum Compressed {
    Not(Box<dyn Write>),
    Gzip(GzEncoder<File>),
    Zstd(zstd::Encoder<'static, File>),
}

impl Output {
    /// `-` is the standard output. An existing file is replaced; `.gz` and `.zst` at its end say how to compress.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn create(path: &Path) -> io::Result<Output> {
        if path.as_os_str() == "-" {
            return Ok(Output(Compressed::Not(Box::new(io::stdout().lock()))));
        }
        let file = File::create(path)?;
        Ok(Output(match path.extension().and_then(|ending| ending.to_str()) {
            Some("gz") => Compressed::Gzip(GzEncoder::new(file, Compression::fast())),
            Some("zst") => Compressed::Zstd(zstd::Encoder::new(file, ZSTD_LEVEL)?),
            _ => Compressed::Not(Box::new(file)),
        }))
    }

    /// Writes what is still held back, and the end of a compressed file.
    ///
    /// # Errors
    /// If that fails: the file is then not whole.
    pub fn finish(self) -> io::Result<()> {
        match self.0 {
            Compressed::Not(mut write) => write.flush(),
            Compressed::Gzip(encoder) => encoder.finish()?.flush(),
            Compressed::Zstd(encoder) => encoder.finish()?.flush(),
        }
    }

    fn write_mut(&mut self) -> &mut dyn Write {
        match &mut self.0 {
            Compressed::Not(write) => write,
            Compressed::Gzip(encoder) => encoder,
            Compressed::Zstd(encoder) => encoder,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Compressed::Not(write) => write.flush(),
            // A compressor that is flushed in between compresses worse: `finish` does it once.
            Compressed::Gzip(_) | Compressed::Zstd(_) => Ok(()),
        }
    }
}
