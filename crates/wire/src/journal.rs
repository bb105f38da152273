//! The journal: which slice of input made which epoch of a shard.

use influence::Timestamp;
use prost::Message;

use crate::{Malformed, proto, protobuf};

/// Offsets of one partition, from the first to before the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OffsetRange {
    /// The first offset.
    pub first: i64,
    /// The offset behind the last one.
    pub next: i64,
}

impl OffsetRange {
    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.first == self.next
    }

    /// Offsets in it.
    pub fn len(self) -> u64 {
        (self.next - self.first) as u64
    }

    /// Whether it begins where the other ends: nothing is missing between them, and nothing is in both.
    pub fn follows(self, before: OffsetRange) -> bool {
        self.first == before.next
    }
}

/// One epoch of one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRecord {
    /// The shard.
    pub shard: u16,
    /// Counts the shard's epochs; 0 is a record that only says where the first slice begins.
    pub sequence: u64,
    /// The slice's part of the exchange.
    pub exchange: OffsetRange,
    /// The slice's parts of the inputs, in the order of the configuration.
    pub inputs: Vec<OffsetRange>,
    /// The clock at the slice's end; [`Timestamp::MIN`] before there is one.
    pub clock: Timestamp,
    /// People whom the sweep visited at most.
    pub sweep: u32,
    /// Whether scores that moved were published.
    pub publishes: bool,
    /// Whether levels and the scale went where they belong without their pauses.
    pub settles: bool,
    /// The engine that took the slice.
    pub engine_revision: u32,
    /// The model's parameters.
    pub model_fingerprint: u64,
    /// Over the slice's records.
    pub slice_digest: u64,
    /// Over all slices and steps up to this one.
    pub digest: u64,
}

impl JournalRecord {
    /// Appends the protobuf message, without a length before it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.message().encode_raw(out);
    }

    /// What a protobuf message says.
    pub fn decode(bytes: &[u8]) -> Result<JournalRecord, Malformed> {
        JournalRecord::of(proto::JournalRecord::decode(bytes).map_err(protobuf::malformed)?)
    }

    pub(crate) fn message(&self) -> proto::JournalRecord {
        let range = |range: &OffsetRange| proto::OffsetRange { first: range.first, next: range.next };
        proto::JournalRecord {
            shard: u32::from(self.shard),
            sequence: self.sequence,
            exchange: Some(range(&self.exchange)),
            inputs: self.inputs.iter().map(range).collect(),
            clock: (self.clock != Timestamp::MIN).then_some(self.clock),
            sweep: self.sweep,
            publishes: self.publishes,
            settles: self.settles,
            engine_revision: self.engine_revision,
            model_fingerprint: self.model_fingerprint,
            slice_digest: self.slice_digest,
            digest: self.digest,
        }
    }

    pub(crate) fn of(message: proto::JournalRecord) -> Result<JournalRecord, Malformed> {
        let shard = u16::try_from(message.shard)
            .map_err(|_| Malformed::message(format!("shard {} is too large", message.shard)))?;
        Ok(JournalRecord {
            shard,
            sequence: message.sequence,
            exchange: range(message.exchange.ok_or(Malformed::Missing("exchange"))?)?,
            inputs: message.inputs.into_iter().map(range).collect::<Result<_, _>>()?,
            clock: message.clock.unwrap_or(Timestamp::MIN),
            sweep: message.sweep,
            publishes: message.publishes,
            settles: message.settles,
            engine_revision: message.engine_revision,
            model_fingerprint: message.model_fingerprint,
            slice_digest: message.slice_digest,
            digest: message.digest,
        })
    }
}

fn range(range: proto::OffsetRange) -> Result<OffsetRange, Malformed> {
    let proto::OffsetRange { first, next } = range;
    if first < 0 || next < first {
        return Err(Malformed::message(format!("offsets {first}..{next} are none")));
    }
    Ok(OffsetRange { first, next })
}
