//! A checkpoint's object: one zstd frame with a checksum, holding a header, a shard's image, and the ids it has seen.

use std::io::{self, Read, Write};

use influence::{HashKey, Model, Shard};
use twox_hash::XxHash3_64;
use wire::{CheckpointHeader, JournalRecord};

use crate::seen::Seen;

/// Of the header and what is around it; the image has one of its own.
const FORMAT_VERSION: u32 = 2;
/// Fast rather than small: a checkpoint is written again and again.
const LEVEL: i32 = 1;
const HEADER_BYTES_MAX: u32 = 1 << 20;

/// A shard as it was after a committed epoch.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    pub(crate) journal: JournalRecord,
    pub(crate) journal_offset: i64,
    pub(crate) image: Vec<u8>,
    pub(crate) seen: Option<Seen>,
}

/// Why an object is of no use. Another one will do, or none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("it is torn or corrupt: {0}")]
    Torn(#[from] io::Error),
    #[error("it is corrupt: {0}")]
    Corrupt(String),
    #[error("its format version is {0}, this program only knows {FORMAT_VERSION}")]
    Version(u32),
    #[error("its name does not say what is in it")]
    Misnamed,
}

impl Checkpoint {
    /// The bytes of the object.
    pub(crate) fn encode(&self) -> io::Result<Vec<u8>> {
        let mut ids = Vec::new();
        self.seen.iter().for_each(|seen| seen.write(&mut ids));
        let header = CheckpointHeader {
            format_version: FORMAT_VERSION,
            journal: self.journal.clone(),
            journal_offset: self.journal_offset,
            image_bytes: self.image.len() as u64,
            image_digest: XxHash3_64::oneshot(&self.image),
            ids_bytes: ids.len() as u64,
            ids_digest: XxHash3_64::oneshot(&ids),
        };
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        let mut encoder = zstd::stream::Encoder::new(Vec::with_capacity(self.image.len() / 2), LEVEL)?;
        encoder.include_checksum(true)?;
        encoder.write_all(&(bytes.len() as u32).to_le_bytes())?;
        encoder.write_all(&bytes)?;
        // A block of its own, so that the first bytes of an object tell it.
        encoder.flush()?;
        encoder.write_all(&self.image)?;
        encoder.write_all(&ids)?;
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
        let bytes = usize::try_from(header.ids_bytes).unwrap_or(usize::MAX).saturating_add(image_bytes);
        image.try_reserve_exact(bytes).map_err(|_| corrupt("its image does not fit into memory"))?;
        // To the very end: only there the frame's checksum is looked at.
        let read = decoder.read_to_end(&mut image);
        if is_careless {
            image.resize(bytes, 0);
        } else {
            read?;
        }
        let ids = image.split_off(image_bytes.min(image.len()));
        let is_whole = image.len() == image_bytes && XxHash3_64::oneshot(&image) == header.image_digest;
        check(is_whole || is_careless, "its image is not the one that was written")?;
        let is_whole = ids.len() as u64 == header.ids_bytes && XxHash3_64::oneshot(&ids) == header.ids_digest;
        check(is_whole || is_careless, "its ids are not those that were written")?;
        let seen = Seen::read(&ids);
        check(seen.is_some() || ids.is_empty() || is_careless, "its ids are none")?;
        Ok(Checkpoint { journal: header.journal, journal_offset: header.journal_offset, image, seen })
    }

    /// The record of the epoch after which the shard was so, of the first bytes of an object.
    pub(crate) fn head(bytes: &[u8]) -> Result<JournalRecord, Unusable> {
        let header = read_header(&mut zstd::stream::Decoder::with_buffer(bytes)?)?;
        if header.format_version == FORMAT_VERSION {
            Ok(header.journal)
        } else {
            Err(Unusable::Version(header.format_version))
        }
    }

    /// The shard of the image.
    pub(crate) fn shard(&self, model: &Model, hash_key: &HashKey, shards: u16) -> Result<Shard, Unusable> {
        Shard::from_image(model, hash_key, self.journal.shard, shards, &self.image)
            .map_err(|error| corrupt(&error.to_string()))
    }
}

fn check(holds: bool, wrong: &str) -> Result<(), Unusable> {
    if holds { Ok(()) } else { Err(corrupt(wrong)) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    const KEY: HashKey = HashKey::new([1, 2]);

    fn checkpoint(has_ids: bool) -> Checkpoint {
        let journal = sample::journal();
        let mut image = Vec::new();
        Shard::new(Model::default(), KEY, 0, 1).copy_image(&mut image);
        let mut seen = Seen::new(1_000);
        assert!((0..50).all(|id| seen.is_new(id, id as i64 * 20)));
        Checkpoint { journal, journal_offset: 5, image, seen: has_ids.then_some(seen) }
    }

    fn ids(checkpoint: &Checkpoint) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        checkpoint.seen.as_ref()?.write(&mut bytes);
        Some(bytes)
    }

    /// What somebody else has packed, with a good checksum around it.
    fn repacked(change: impl FnOnce(&mut Vec<u8>)) -> Result<Checkpoint, Unusable> {
        let mut whole = zstd::decode_all(&checkpoint(true).encode().unwrap()[..]).unwrap();
        change(&mut whole);
        Checkpoint::decode(&zstd::encode_all(&whole[..], LEVEL).unwrap(), false)
    }

    #[test]
    fn what_is_written_is_read() {
        for has_ids in [false, true] {
            let written = checkpoint(has_ids);
            let read = Checkpoint::decode(&written.encode().unwrap(), false).unwrap();
            assert_eq!((&read.journal, read.journal_offset), (&written.journal, 5));
            assert!(read.image == written.image && ids(&read) == ids(&written));
            assert!(read.shard(&Model::default(), &KEY, 1).is_ok());
            let bytes = written.encode().unwrap();
            assert_eq!(Checkpoint::head(&bytes[..bytes.len() - 5]).unwrap(), written.journal);
            assert!(Checkpoint::head(&bytes[..9]).is_err());
        }
    }

    #[test]
    fn whatever_is_missing_or_changed_it_is_refused() {
        let written = checkpoint(true);
        let whole = written.encode().unwrap();
        for place in (0..whole.len()).step_by(whole.len() / 500 + 1) {
            assert!(Checkpoint::decode(&whole[..place], false).is_err(), "{place} bytes of {}", whole.len());
            let mut changed = whole.clone();
            changed[place] ^= 0x08;
            // The memory that the frame asks for may be another one; what is in it may not.
            let is_same = |read: Checkpoint| read.image == written.image && ids(&read) == ids(&written);
            assert!(Checkpoint::decode(&changed, false).map_or(true, is_same), "byte {place} of {}", whole.len());
        }
        let last = |whole: &mut Vec<u8>| *whole.last_mut().unwrap() ^= 1;
        assert_eq!(repacked(last).unwrap_err().to_string(), "it is corrupt: its ids are not those that were written");
        let longer = repacked(|whole| whole.push(0)).unwrap_err().to_string();
        assert_eq!(longer, "it is corrupt: its ids are not those that were written");
        let ids_bytes = ids(&checkpoint(true)).unwrap().len();
        let image = repacked(|whole| *whole.iter_mut().rev().nth(ids_bytes).unwrap() ^= 1).unwrap_err().to_string();
        assert_eq!(image, "it is corrupt: its image is not the one that was written");
    }

    #[test]
    fn an_object_of_another_version_says_so() {
        let Checkpoint { journal, journal_offset, image, .. } = checkpoint(false);
        let (image_bytes, image_digest) = (image.len() as u64, XxHash3_64::oneshot(&image));
        let (ids_bytes, ids_digest) = (0, 0);
        let format_version = 1;
        let header = CheckpointHeader {
            format_version,
            journal,
            journal_offset,
            image_bytes,
            image_digest,
            ids_bytes,
            ids_digest,
        };
        let mut bytes = Vec::new();
        header.encode(&mut bytes);
        let whole = [&(bytes.len() as u32).to_le_bytes()[..], &bytes, &image].concat();
        let old = Checkpoint::decode(&zstd::encode_all(&whole[..], LEVEL).unwrap(), false).unwrap_err();
        assert_eq!(old.to_string(), "its format version is 1, this program only knows 2");
    }
}
