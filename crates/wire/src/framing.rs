//! What may stand before a record's own bytes: nothing, or what the serialisers of a schema registry write.

use crate::{Encoding, Malformed};

/// A zero, and the number of the schema in four bytes.
const HEAD_BYTES: usize = 5;
/// Messages may lie in messages this deep; nobody nests schemas deeper.
const INDEXES_MAX: i64 = 64;

/// What stands before each record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// Nothing.
    #[default]
    Bare,
    /// The Confluent wire format: a zero byte and four bytes that number the schema; in protobuf also where the message
    /// stands in its schema. The numbers are not looked at: what follows must be the message expected.
    Confluent,
}

impl Framing {
    /// The record's own bytes.
    pub(crate) fn open(self, bytes: &[u8], encoding: Encoding) -> Result<&[u8], Malformed> {
        match (self, encoding) {
            (Framing::Bare, _) => Ok(bytes),
            (Framing::Confluent, Encoding::Json) => behind_head(bytes),
            (Framing::Confluent, Encoding::Protobuf) => behind_indexes(behind_head(bytes)?),
        }
    }
}

fn behind_head(bytes: &[u8]) -> Result<&[u8], Malformed> {
    match bytes.split_at_checked(HEAD_BYTES) {
        Some(([0, ..], rest)) => Ok(rest),
        Some(([first, ..], _)) => wrong(format!("begins with byte {first:#04x} where 0 is due")),
        _ => wrong(format!("{} bytes cannot hold a zero and the number of a schema", bytes.len())),
    }
}

/// Behind how many indexes there are and the indexes themselves; a single zero stands for one index, 0.
fn behind_indexes(mut bytes: &[u8]) -> Result<&[u8], Malformed> {
    let count = index(&mut bytes)?;
    if !(0..=INDEXES_MAX).contains(&count) {
        return wrong(format!("{count} message indexes are not 0 to {INDEXES_MAX}"));
    }
    for _ in 0..count {
        let index = index(&mut bytes)?;
        if index < 0 {
            return wrong(format!("message index {index} is negative"));
        }
    }
    Ok(bytes)
}

/// A varint in which small negative numbers are small as well.
fn index(bytes: &mut &[u8]) -> Result<i64, Malformed> {
    let number = prost::encoding::decode_varint(bytes).or_else(|_| wrong("a message index is no number".to_owned()))?;
    Ok((number >> 1) as i64 ^ -((number & 1) as i64))
}

fn wrong<T>(what: String) -> Result<T, Malformed> {
    Err(Malformed::Framing(what))
}
