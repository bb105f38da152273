//! The journal: which slice of input made which epoch of a shard.

use prost::Message;
use vocabulary::Timestamp;

use crate::{Malformed, proto, protobuf};

/// Offsets of one partition, from the first to before the next. `0 <= first <= next`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OffsetRange {
    /// The first offset.
    pub first: i64,
    /// The offset behind the last one; the first one of the range that follows.
    pub next: i64,
}

impl OffsetRange {
    /// Whether there is none: exactly if `len` is 0.
    pub fn is_empty(self) -> bool {
        self.first == self.next
    }

    /// Offsets in it. Of ranges that follow each other, the sum is that of one range over all of them.
    pub fn len(self) -> u64 {
        self.next.abs_diff(self.first)
    }

    /// Whether it begins where the other ends: nothing is missing between them, and nothing is in both. An empty range
    /// follows itself.
    pub fn follows(self, previous: OffsetRange) -> bool {
        self.first == previous.next
    }

    /// Whether it begins at an offset and does not end before.
    fn is_valid(self) -> bool {
        0 <= self.first && self.first <= self.next
    }
}

/// Which slice made which epoch of a shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalRecord {
    /// The shard.
    pub shard: u16,
    /// Counts the shard's epochs; 0 is a record that only says where the first slice begins.
    pub sequence: u64,
    /// The slice's part of the exchange.
    pub exchange: OffsetRange,
    /// The slice's parts of the inputs, in the order of the configuration.
    pub inputs: Vec<OffsetRange>,
    /// The clock at the slice's end; [`Timestamp::MIN`] before there is one, which travels as absent.
    pub clock: Timestamp,
    /// People whom the sweep visited at most.
    pub sweep: u32,
    /// Whether scores that moved were published.
    pub publishes: bool,
    /// Whether levels and the scale went where they belong without their pauses.
    pub settles: bool,
    /// The engine that took the slice.
    pub engine_revision: u32,
    /// The model's parameters, and how records become events.
    pub model_fingerprint: u64,
    /// Over the slice's records alone.
    pub slice_digest: u64,
    /// Over all slices and steps up to this one, chained.
    pub digest: u64,
    /// Records that were gone before they were read, and were passed over on purpose: the first ones of a slice's part of
    /// an input.
    pub gaps: Vec<Gap>,
    /// The machine's clock when the slice was cut, where events move the clock.
    pub machine_clock: Option<Timestamp>,
    /// Milliseconds of a day, if days were closed; longer than nothing.
    pub closes_ms: Option<Timestamp>,
}

/// The first offsets of a slice's part of an input that nobody has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The place of the input in the slice's inputs.
    pub input: usize,
    /// The offset behind the last one that was passed over; not beyond the end of the part.
    pub next: i64,
}

impl JournalRecord {
    /// Whether it is the record that comes right after another one of its shard: no slice and no offset lies between them.
    ///
    /// # Errors
    /// What is not so.
    pub fn check_follows(&self, before: &JournalRecord) -> Result<(), String> {
        if self.shard != before.shard {
            return Err(format!("it is of shard {}", self.shard));
        }
        if self.sequence != before.sequence + 1 {
            return Err(format!("the record before it has sequence {}", before.sequence));
        }
        if self.inputs.len() != before.inputs.len() {
            return Err(format!("it has {} inputs, the one before it {}", self.inputs.len(), before.inputs.len()));
        }
        let pairs = before.inputs.iter().zip(&self.inputs).chain([(&before.exchange, &self.exchange)]);
        match pairs.into_iter().find(|(before, range)| !range.follows(**before)) {
            Some((before, range)) => {
                Err(format!("a slice begins at offset {} where {} is due", range.first, before.next))
            }
            None => Ok(()),
        }
    }

    /// Appends the protobuf message, without a length before it.
    ///
    /// # Panics
    ///
    /// If a range is none: whoever reads the journal could not go on behind the record.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        self.message().encode_raw(bytes);
    }

    /// What a protobuf message says.
    pub fn decode(bytes: &[u8]) -> Result<JournalRecord, Malformed> {
        JournalRecord::from_message(
            proto::JournalRecord::decode(bytes).map_err(|error| protobuf::malformed(bytes, &error))?,
        )
    }

    pub(crate) fn message(&self) -> proto::JournalRecord {
        proto::JournalRecord {
            shard: u32::from(self.shard),
            sequence: self.sequence,
            exchange: Some(range_message(&self.exchange)),
            inputs: self.inputs.iter().map(range_message).collect(),
            clock: protobuf::clock_message(self.clock),
            sweep: self.sweep,
            publishes: self.publishes,
            settles: self.settles,
            engine_revision: self.engine_revision,
            model_fingerprint: Some(self.model_fingerprint),
            slice_digest: Some(self.slice_digest),
            digest: Some(self.digest),
            gaps: self.gaps.iter().map(gap_message).collect(),
            machine_clock: self.machine_clock,
            closes_ms: self.closes_ms.unwrap_or(0),
        }
    }

    pub(crate) fn from_message(message: proto::JournalRecord) -> Result<JournalRecord, Malformed> {
        let inputs = message.inputs.into_iter().enumerate();
        let inputs: Vec<OffsetRange> =
            inputs.map(|(place, input)| range(|| format!("inputs[{place}]"), input)).collect::<Result<_, _>>()?;
        let gaps = message.gaps.iter().map(|message| gap(message, &inputs)).collect::<Result<_, _>>()?;
        let machine_clock = message.machine_clock.map(|clock| protobuf::clock(Some(clock)));
        Ok(JournalRecord {
            shard: shard(message.shard)?,
            sequence: message.sequence,
            exchange: range(|| "exchange".to_owned(), message.exchange.ok_or(Malformed::Missing("exchange"))?)?,
            inputs,
            clock: protobuf::clock(message.clock).map_err(Malformed::Field)?,
            sweep: message.sweep,
            publishes: message.publishes,
            settles: message.settles,
            engine_revision: message.engine_revision,
            model_fingerprint: message.model_fingerprint.ok_or(Malformed::Missing("model_fingerprint"))?,
            slice_digest: message.slice_digest.ok_or(Malformed::Missing("slice_digest"))?,
            digest: message.digest.ok_or(Malformed::Missing("digest"))?,
            gaps,
            machine_clock: machine_clock.transpose().map_err(Malformed::Field)?,
            closes_ms: closes_ms(message.closes_ms)?,
        })
    }
}

fn range_message(range: &OffsetRange) -> proto::OffsetRange {
    assert!(range.is_valid(), "{range:?} is no range of offsets");
    proto::OffsetRange { first: range.first, next: range.next }
}

fn gap_message(gap: &Gap) -> proto::Gap {
    proto::Gap { input: u32::try_from(gap.input).unwrap_or(u32::MAX), next: gap.next }
}

fn gap(message: &proto::Gap, inputs: &[OffsetRange]) -> Result<Gap, Malformed> {
    let proto::Gap { input, next } = *message;
    let range = usize::try_from(input).ok().and_then(|input| Some((input, inputs.get(input)?)));
    match range {
        Some((input, range)) if range.first <= next && next <= range.next => Ok(Gap { input, next }),
        _ => Err(Malformed::Field(format!("a gap of input {input} to offset {next} is not in the slice"))),
    }
}

fn closes_ms(day_ms: i64) -> Result<Option<Timestamp>, Malformed> {
    match day_ms {
        0 => Ok(None),
        1.. => Ok(Some(day_ms)),
        _ => Err(Malformed::Field(format!("closes_ms is {day_ms}, below 0"))),
    }
}

fn shard(shard: u32) -> Result<u16, Malformed> {
    u16::try_from(shard).map_err(|_| Malformed::Field(format!("shard {shard} is above 65535")))
}

fn range(field: impl FnOnce() -> String, message: proto::OffsetRange) -> Result<OffsetRange, Malformed> {
    let range = OffsetRange { first: message.first, next: message.next };
    if !range.is_valid() {
        return Err(Malformed::Field(format!("{} {}..{} is no range of offsets", field(), range.first, range.next)));
    }
    Ok(range)
}
