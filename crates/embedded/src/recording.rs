//! What makes a world outlive its process: every round is written down, and after a restart the rounds that were are
//! followed again, from the checkpoints on.
//!
//! The input is not kept: it comes again from its beginning, and its digest must be the one that was written down.

use std::path::Path;

use influence::{HashKey, Model};

use crate::folder::{Folder, Frame};
use crate::memory::{Memory, Round};
use crate::world::{Progress, WorldError};

/// The record of a world's rounds.
#[derive(Debug)]
pub(crate) struct Recording {
    folder: Folder,
    /// Rounds that were committed before.
    known: Vec<Known>,
    /// The round that is taken next; 0 opens the journals.
    round: u64,
    /// Records up to the last round that was closed, and the digest over all of them.
    records: u64,
    digest: u64,
    /// Rounds are stepped that are not written down: the world settles.
    is_over: bool,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    round: u64,
    records: u64,
    digest: u64,
}

impl Recording {
    /// Opens a folder, and puts what is in it back into the log. Returns its hash key, and what had been done.
    pub(crate) fn open(
        path: &Path,
        model: &Model,
        partitions: u16,
        memory: &Memory,
    ) -> Result<(Recording, HashKey, Progress), WorldError> {
        let (folder, hash_key, frames) = Folder::open(path, model, partitions)?;
        let known = |frame: &Frame| Known { round: frame.number, records: frame.records, digest: frame.input_digest };
        let recording = Recording {
            known: frames.iter().map(known).collect(),
            folder,
            round: 0,
            records: 0,
            digest: 0,
            is_over: false,
        };
        let progress = frames.last().map(Frame::progress).unwrap_or_default();
        for frame in &frames {
            memory.put_back(frame.round().map_err(|error| recording.folder.damaged(&error))?);
        }
        Ok((recording, hash_key, progress))
    }

    /// Where checkpoints go.
    pub(crate) fn checkpoints(&self) -> String {
        self.folder.checkpoints().to_string_lossy().into_owned()
    }

    /// Records whose effects are there already.
    pub(crate) fn records_known(&self) -> u64 {
        self.known.last().map_or(0, |known| known.records)
    }

    /// Records up to this round, if it is known.
    pub(crate) fn records_at(&self, round: u64) -> Option<u64> {
        self.known.iter().find(|known| known.round == round).map(|known| known.records)
    }

    /// Whether the journals were opened before.
    pub(crate) fn is_fresh(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether the round that comes is one that was committed before.
    pub(crate) fn is_following(&self) -> bool {
        self.known.last().is_some_and(|last| self.round < last.round)
    }

    /// The last round that was committed before has been closed.
    pub(crate) fn is_at_last(&self) -> bool {
        self.known.last().is_some_and(|last| self.round == last.round)
    }

    /// A round of so many records is closed.
    pub(crate) fn close(&mut self, records: usize, digest: u64) -> Result<(), WorldError> {
        self.round += 1;
        self.records += records as u64;
        self.digest = (self.digest.rotate_left(23) ^ digest).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        match self.known.binary_search_by_key(&self.round, |known| known.round).map(|place| self.known[place]) {
            Ok(known) if (known.records, known.digest) != (self.records, self.digest) => {
                Err(WorldError::OtherInput { records: known.records })
            }
            _ => Ok(()),
        }
    }

    /// Writes down what the round has committed.
    pub(crate) fn commit(&mut self, round: &Round, progress: &Progress, memory: &Memory) -> Result<(), WorldError> {
        self.folder.append(&Frame::of(self.round, self.records, self.digest, round, progress))?;
        Ok(self.folder.trim(memory.trimmed())?)
    }

    /// Whether rounds are written down.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// The input has ended, after so many records: what is stepped now is not written down, so that a log that has
    /// grown goes on from here.
    pub(crate) fn end(&mut self, records: u64) -> Result<(), WorldError> {
        self.is_over = true;
        self.folder.sync()?;
        if self.is_following() {
            return Err(WorldError::ShorterInput { records, taken: self.records_known() });
        }
        Ok(())
    }

    /// Records up to the last round that was closed.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }
}
