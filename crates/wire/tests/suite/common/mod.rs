//! Protobuf by hand: messages as bytes that no writer of ours would make, and records to spoil.

#![allow(dead_code, reason = "each test file takes what it needs")]

use influence::exchange::{AudienceChange, BlockNotice, Change, Contact, Endorse, FollowNotice, Section};
use influence::scale::{Report, Scale};
use vocabulary::{Counts, Kind, Received, Score};
use wire::{CheckpointHeader, JournalRecord, OffsetRange, encode_exchange};

/// A field that is a varint.
pub(crate) fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

/// A field of eight bytes.
pub(crate) fn fixed(field: u64, value: u64) -> Vec<u8> {
    [&varint(field << 3 | 1)[..], &value.to_le_bytes()].concat()
}

/// A field of bytes: a string, a message or a packed column.
pub(crate) fn bytes(field: u64, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    [&varint(field << 3 | 2)[..], &varint(value.len() as u64), value].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut varint = Vec::new();
    while value > 0x7f {
        varint.push(value as u8 | 0x80);
        value >>= 7;
    }
    varint.push(value as u8);
    varint
}

/// Fields of every wire type that no schema of ours has.
pub(crate) fn unknown_fields() -> Vec<u8> {
    [number(1000, 7), fixed(1001, u64::MAX), bytes(1002, "later"), vec![0xdd, 0x3e, 1, 2, 3, 4]].concat()
}

/// The record of these sections.
pub(crate) fn exchange(sections: &[Section]) -> Vec<u8> {
    let mut record = Vec::new();
    encode_exchange(sections, &mut record);
    record
}

/// One entry of each kind.
pub(crate) fn section() -> Section {
    Section {
        source: 3,
        landmark: 551,
        clock: 1_341_100_972_250,
        names: vec!["twitter:12".into(), "bö".into()],
        endorse: vec![Endorse { target: 0x0123_4567_89ab_cdef, change: mention() }],
        contacts: vec![Contact { actor: 1, target: 2, endorsement: 1.5, wants_answer: true }],
        follows: vec![FollowNotice { actor: 3, target: 4, follows: true, wants_answer: false }],
        audiences: vec![AudienceChange { target: 5, level: 5, mutual: true, followers: -1 }],
        blocks: vec![BlockNotice { actor: 8, target: 9, blocks: true }],
        renewed: vec![6],
        heard: vec![7],
        genesis: Some(1_341_000_000_000),
        report: None,
        scale: None,
    }
}

/// What a first mention changes.
pub(crate) fn mention() -> Change {
    Change {
        given: 0.5,
        returned: 0.0,
        reach: 1.0,
        weight: 0.75,
        whole: 0.25,
        known: 0.0,
        newest: 1.0,
        fans: 1,
        received: Counts::from([(Kind::Mention, 1)]),
    }
}

pub(crate) fn report() -> Report {
    Report { largest: 0.0, taken: 1.5, is_opening: true, is_young: true }
}

pub(crate) fn scale() -> Scale {
    Scale { votes: 1234.5, version: 7 }
}

pub(crate) fn journal_record() -> JournalRecord {
    JournalRecord {
        shard: 3,
        sequence: 300,
        exchange: OffsetRange { first: 0, next: 0 },
        inputs: vec![OffsetRange { first: 5, next: 7 }, OffsetRange { first: 9, next: 9 }],
        clock: 1_341_100_972_250,
        sweep: 1000,
        publishes: true,
        settles: false,
        engine_revision: 1,
        model_fingerprint: 2,
        slice_digest: 0,
        digest: u64::MAX,
        gaps: Vec::new(),
        machine_clock: None,
        closes_ms: None,
    }
}

pub(crate) fn checkpoint_header() -> CheckpointHeader {
    CheckpointHeader {
        format_version: 1,
        journal: journal_record(),
        journal_offset: 4711,
        image_bytes: 1 << 30,
        image_digest: 0,
        ids_bytes: 1 << 20,
        ids_digest: u64::MAX,
    }
}

/// Every number is another, and some are at their ends.
pub(crate) fn score() -> Score {
    Score {
        score: 71.25,
        influence: 1e21,
        reach: 1.0 / 3.0,
        amplification: 1.0,
        network: 0.0,
        openness: 0.1,
        room: 0.5,
        audience: 5e-324,
        received: Received::from([(Kind::Mention, 1), (Kind::Retweet, 2), (Kind::Reply, u64::MAX)]),
        followers: 4,
        following: 5,
        as_of: 1_341_100_972_250,
        scale: 250.0,
        scale_version: 3,
        previous: Some(70.0),
    }
}

/// The message that something encodes.
pub(crate) fn message(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut message = Vec::new();
    encode(&mut message);
    message
}
