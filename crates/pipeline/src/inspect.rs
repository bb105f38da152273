//! What is kept in a place of checkpoints, for people who ask. Nothing is written, and nothing is decided.

use influence::{HashKey, Model, Shard};
use vocabulary::Timestamp;
use wire::JournalRecord;

use crate::checkpoint::Checkpoint;
use crate::place::CheckpointPlace;
use crate::store::{Named, Store, StoreError};

/// The head of a checkpoint lies in the first block of its frame, which is no longer.
const HEAD_BYTES: u64 = 160 << 10;

/// After which epochs a shard was as its checkpoints say, the newest first; the error: one is of no use, and why.
pub type Heads = Vec<Result<JournalRecord, String>>;

/// A checkpoint that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptCheckpoint {
    /// The shard that it is of.
    pub shard: u16,
    /// The epoch after which the shard was so.
    pub sequence: u64,
    /// Over all slices and steps up to there.
    pub digest: u64,
    /// Its size in the store.
    pub bytes: u64,
    /// When it was written, by the store's clock.
    pub at: Timestamp,
}

/// The content of a checkpoint.
#[derive(Debug)]
pub struct Inspected {
    /// The epoch after which the shard was so.
    pub journal: JournalRecord,
    /// Where its record lies in the journal.
    pub journal_offset: i64,
    /// How many shards the application has; `None` if this program does not know the format of the image.
    pub shards: Option<u16>,
    /// Bytes of the image.
    pub image_bytes: u64,
    image: Vec<u8>,
}

impl Store {
    /// The shards of which checkpoints are kept, or were, by number.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn kept_shards(&self) -> Result<Vec<u16>, StoreError> {
        self.shards()
    }

    /// The checkpoints of a shard, the newest first.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn kept(&self, shard: u16) -> Result<Vec<KeptCheckpoint>, StoreError> {
        let kept = |named: Named| KeptCheckpoint {
            shard,
            sequence: named.sequence,
            digest: named.digest,
            bytes: named.bytes,
            at: named.at,
        };
        Ok(self.list(shard)?.into_iter().map(kept).collect())
    }

    /// Reads the first bytes of each of a shard's checkpoints: after which epoch the shard was so, the newest first; the inner error: it
    /// is of no use, and why. That the rest is whole is not seen so.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn heads(&self, shard: u16) -> Result<Heads, StoreError> {
        let head = |named: Named| -> Result<_, StoreError> {
            let bytes = self.beginning(&named, HEAD_BYTES)?;
            Ok(Checkpoint::head(&bytes).map_err(|error| format!("sequence {}: {error}", named.sequence)))
        };
        self.list(shard)?.into_iter().map(head).collect()
    }

    /// The same of the place of another process; nothing if that is this one. The inner error: it cannot be seen from here, and why.
    ///
    /// # Errors
    /// If that store does not answer.
    pub fn heads_at(&self, shard: u16, kept: &CheckpointPlace) -> Result<Result<Heads, String>, StoreError> {
        match self.reach(kept) {
            Ok(None) => Ok(Ok(Vec::new())),
            Ok(Some(store)) => store.heads(shard).map(Ok),
            Err(reason) => Ok(Err(reason)),
        }
    }

    /// Reads a checkpoint; the inner error: it is of no use, and why.
    ///
    /// # Errors
    /// If the store does not answer.
    pub fn inspect(&self, kept: &KeptCheckpoint) -> Result<Result<Inspected, String>, StoreError> {
        let listed = self.list(kept.shard)?;
        let is_it = |named: &&Named| (named.sequence, named.digest) == (kept.sequence, kept.digest);
        let Some(named) = listed.iter().find(is_it) else { return Ok(Err("it is gone".to_owned())) };
        let bytes = match self.get(named) {
            Err(StoreError::Object(object_store::Error::NotFound { .. })) => return Ok(Err("it is gone".to_owned())),
            bytes => bytes?,
        };
        Ok(Checkpoint::decode(&bytes, false).map(Inspected::of).map_err(|error| error.to_string()))
    }
}

impl Inspected {
    fn of(checkpoint: Checkpoint) -> Inspected {
        let Checkpoint { journal, journal_offset, image, .. } = checkpoint;
        let shards = Shard::of_image(&image).map(|(_, shards)| shards);
        Inspected { journal, journal_offset, shards, image_bytes: image.len() as u64, image }
    }

    /// The shard, and the image given back to the memory.
    ///
    /// # Errors
    /// The reason why this program cannot make it of the image: another format, model or key.
    pub fn into_shard(self, model: &Model, hash_key: &HashKey) -> Result<Shard, String> {
        let shards = self.shards.ok_or("its image is of a format that this program does not know")?;
        Shard::from_image(model, hash_key, self.journal.shard, shards, &self.image).map_err(|error| error.to_string())
    }
}
