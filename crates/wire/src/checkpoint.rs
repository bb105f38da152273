//! What stands before a shard's image in a checkpoint.

use prost::Message;

use crate::{JournalRecord, Malformed, proto, protobuf};

/// The header of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointHeader {
    /// Counts the changes of the object around the header, from 1. Which ones are known is for its reader to say.
    pub format_version: u32,
    /// The epoch after which the shard was so.
    pub journal: JournalRecord,
    /// Where its record lies in the journal.
    pub journal_offset: i64,
    /// Bytes of the image.
    pub image_bytes: u64,
    /// XXH3-64 of the image.
    pub image_digest: u64,
    /// Bytes of the ids behind the image.
    pub ids_bytes: u64,
    /// XXH3-64 of the ids; 0 where the object is of a version that had none.
    pub ids_digest: u64,
}

impl CheckpointHeader {
    /// Appends the protobuf message, without a length before it.
    ///
    /// # Panics
    ///
    /// If a range of the journal record is none, as [`JournalRecord::encode`] does.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let message = proto::CheckpointHeader {
            format_version: self.format_version,
            journal: Some(self.journal.message()),
            journal_offset: self.journal_offset,
            image_bytes: self.image_bytes,
            image_digest: Some(self.image_digest),
            ids_bytes: self.ids_bytes,
            ids_digest: self.ids_digest,
        };
        message.encode_raw(bytes);
    }

    /// What a protobuf message says.
    pub fn decode(bytes: &[u8]) -> Result<CheckpointHeader, Malformed> {
        let message = proto::CheckpointHeader::decode(bytes).map_err(|error| protobuf::malformed(bytes, &error))?;
        if message.format_version == 0 {
            return Err(Malformed::Missing("format_version"));
        }
        if message.journal_offset < 0 {
            return Err(Malformed::Field(format!("journal_offset {} is negative", message.journal_offset)));
        }
        Ok(CheckpointHeader {
            format_version: message.format_version,
            journal: JournalRecord::from_message(message.journal.ok_or(Malformed::Missing("journal"))?)?,
            journal_offset: message.journal_offset,
            image_bytes: message.image_bytes,
            image_digest: message.image_digest.ok_or(Malformed::Missing("image_digest"))?,
            ids_bytes: message.ids_bytes,
            ids_digest: message.ids_digest,
        })
    }
}
