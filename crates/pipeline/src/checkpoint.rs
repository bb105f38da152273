//! A checkpoint's object: one zstd frame with a checksum, holding a header and a shard's image.

use std::io::{self, Read, Write};

use influence::{Model, Shard};
use twox_hash::XxHash3_64;
use wire::{CheckpointHeader, JournalRecord};

/// Of the header and what is around it; the image has one of its own.
const FORMAT_VERSION: u32 = 1;
/// Fast rather than small: a checkpoint is written again and again.
const LEVEL: i32 = 1;
const HEADER_BYTES_MAX: u32 = 1 << 20;

/// A shard as it was after a committed epoch.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    pub(crate) journal: JournalRecord,
    pub(crate) journal_offset: i64,
    pub(crate) image: Vec<u8>,
}

/// Why an object is of no use. Another one will do, or none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("it is torn or corrupt: {0}")]
    Torn(#[from] io::Error),
    #[error("it is corrupt: {0}")]
    Corrupt(String),
    #[error("its format version is {0}, this program knows {FORMAT_VERSION}")]
    Version(u32),
    #[error("its name does not say what is in it")]
    Misnamed,
}

impl Checkpoint {
    /// The bytes of the object.
    pub(crate) fn encode(&self) -> io::Result<Vec<u8>> {
        let header = CheckpointHeader {
            format_version: FORMAT_VERSION,
            journal: self.journal.clone(),
            journal_offset: self.journal_offset,
            image_bytes: self.image.len() as u64,
            image_digest: XxHash3_64::oneshot(&self.image),
        };
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        let mut encoder = zstd::stream::Encoder::new(Vec::with_capacity(self.image.len() / 2), LEVEL)?;
        encoder.include_checksum(true)?;
        encoder.write_all(&(bytes.len() as u32).to_le_bytes())?;
        encoder.write_all(&bytes)?;
        encoder.write_all(&self.image)?;
        encoder.finish()
    }

    /// What is in an object's bytes, if they are whole. A careless reader takes what there is.
    pub(crate) fn decode(bytes: &[u8], is_careless: bool) -> Result<Checkpoint, Unusable> {
        let mut decoder = zstd::stream::Decoder::with_buffer(bytes)?;
        let header = read_header(&mut decoder)?;
        if header.format_version != FORMAT_VERSION {
            return Err(Unusable::Version(header.format_version));
        }
        let mut image = Vec::new();
        let image_bytes = usize::try_from(header.image_bytes).unwrap_or(usize::MAX);
        image.try_reserve_exact(image_bytes).map_err(|_| corrupt("its image does not fit into memory"))?;
        // To the very end: only there the frame's checksum is looked at.
        let read = decoder.read_to_end(&mut image);
        if is_careless {
            image.resize(image_bytes, 0);
        } else {
            read?;
            let is_whole = image.len() == image_bytes && XxHash3_64::oneshot(&image) == header.image_digest;
            is_whole.then_some(()).ok_or_else(|| corrupt("its image is not the one that was written"))?;
        }
        Ok(Checkpoint { journal: header.journal, journal_offset: header.journal_offset, image })
    }

    /// The shard of the image.
    pub(crate) fn shard(&self, model: &Model, shards: u16) -> Result<Shard, Unusable> {
        Shard::from_image(model, self.journal.shard, shards, &self.image).map_err(|error| corrupt(&error.to_string()))
    }
}

fn corrupt(what: &str) -> Unusable {
    Unusable::Corrupt(what.to_owned())
}

fn read_header(read: &mut impl Read) -> Result<CheckpointHeader, Unusable> {
    let mut len = [0; 4];
    read.read_exact(&mut len)?;
    let len = u32::from_le_bytes(len);
    if len > HEADER_BYTES_MAX {
        return Err(corrupt("its header is too long"));
    }
    let mut bytes = vec![0; len as usize];
    read.read_exact(&mut bytes)?;
    CheckpointHeader::decode(&bytes).map_err(|error| corrupt(&error.to_string()))
}
