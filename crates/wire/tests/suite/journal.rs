//! The journal and the headers of checkpoints: what a record looks like, what comes back, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::common::{bytes, checkpoint_header, fixed, journal_record, message, number, unknown_fields};
use expect_test::{Expect, expect};
use vocabulary::Timestamp;
use wire::{AT_MAX, CheckpointHeader, JournalRecord, OffsetRange};

fn check_comes_back(record: JournalRecord) {
    assert_eq!(JournalRecord::decode(&message(|bytes| record.encode(bytes))), Ok(record));
}

#[test]
fn a_record_comes_back() {
    check_comes_back(journal_record());
    check_comes_back(JournalRecord { clock: Timestamp::MIN, inputs: Vec::new(), ..journal_record() });
    check_comes_back(JournalRecord { clock: 0, settles: true, digest: 0, sequence: 0, ..journal_record() });
    let largest = OffsetRange { first: i64::MAX, next: i64::MAX };
    check_comes_back(JournalRecord { shard: u16::MAX, clock: AT_MAX, exchange: largest, ..journal_record() });
    check_comes_back(JournalRecord { closes_ms: Some(86_400_000), ..journal_record() });
    let header = CheckpointHeader { journal_offset: 0, image_bytes: 0, ..checkpoint_header() };
    assert_eq!(CheckpointHeader::decode(&message(|bytes| header.encode(bytes))), Ok(header));
}

/// A shard is restored from bytes that older programs wrote.
#[test]
fn records_keep_their_field_numbers() {
    let record = message(|bytes| journal_record().encode(bytes));
    expect![[r#"\x08\x03\x10\xac\x02\x1a\x00\"\x04\x08\x05\x10\x07\"\x04\x08\t\x10\t(\xda\xb1\xe3\xfe\x83\'0\xe8\x078\x01H\x01Q\x02\x00\x00\x00\x00\x00\x00\x00Y\x00\x00\x00\x00\x00\x00\x00\x00a\xff\xff\xff\xff\xff\xff\xff\xff"#]].assert_eq(&record.escape_ascii().to_string());
    let header = message(|bytes| checkpoint_header().encode(bytes));
    expect![[r#"\x08\x01\x12<\x08\x03\x10\xac\x02\x1a\x00\"\x04\x08\x05\x10\x07\"\x04\x08\t\x10\t(\xda\xb1\xe3\xfe\x83\'0\xe8\x078\x01H\x01Q\x02\x00\x00\x00\x00\x00\x00\x00Y\x00\x00\x00\x00\x00\x00\x00\x00a\xff\xff\xff\xff\xff\xff\xff\xff\x18\xe7$ \x80\x80\x80\x80\x04)\x00\x00\x00\x00\x00\x00\x00\x000\x80\x80@9\xff\xff\xff\xff\xff\xff\xff\xff"#]].assert_eq(&header.escape_ascii().to_string());
}

fn check_refused(records: impl IntoIterator<Item = Vec<u8>>, expected: Expect) {
    let refused = |record: Vec<u8>| JournalRecord::decode(&record).unwrap_err().to_string() + "\n";
    expected.assert_eq(&records.into_iter().map(refused).collect::<String>());
}

/// A record with this behind it, which replaces what the record says.
fn spoilt(appended: Vec<u8>) -> Vec<u8> {
    [message(|bytes| journal_record().encode(bytes)), appended].concat()
}

#[test]
fn every_digest_is_there() {
    let range = || bytes(3, "");
    let words = |fields: &[u64]| fields.iter().flat_map(|&field| fixed(field, 0)).collect::<Vec<_>>();
    let with_range = |fields: &[u64]| [range(), words(fields)].concat();
    check_refused(
        [Vec::new(), words(&[10, 11, 12]), with_range(&[11, 12]), with_range(&[10, 12]), with_range(&[10, 11])],
        expect![[r#"
            has no exchange
            has no exchange
            has no model_fingerprint
            has no slice_digest
            has no digest
        "#]],
    );
    let least = JournalRecord::decode(&with_range(&[10, 11, 12])).unwrap();
    assert_eq!((least.shard, least.sequence, least.clock), (0, 0, Timestamp::MIN));
}

/// Field 15: a program that knows no closes passes it over, and one that does reads none where there is none.
#[test]
fn whether_days_were_closed_is_told_only_where_they_were() {
    let plain = message(|bytes| journal_record().encode(bytes));
    let closes = message(|bytes| JournalRecord { closes_ms: Some(300), ..journal_record() }.encode(bytes));
    assert_eq!(closes, [plain, number(15, 300)].concat());
    let refused = JournalRecord::decode(&spoilt(number(15, u64::MAX))).unwrap_err().to_string();
    assert_eq!(refused, "closes_ms is -1, below 0");
}

#[test]
fn numbers_are_in_range() {
    check_refused(
        [spoilt(number(1, 65_536))],
        expect![[r#"
        shard 65536 is above 65535
    "#]],
    );
    let range = |first: i64, next: i64| [number(1, first as u64), number(2, next as u64)].concat();
    let ranges = [bytes(3, range(1, 0)), bytes(4, range(-1, 0)), bytes(4, range(i64::MAX, i64::MIN))];
    check_refused(
        ranges.map(spoilt),
        expect![[r#"
        exchange 1..0 is no range of offsets
        inputs[2] -1..0 is no range of offsets
        inputs[2] 9223372036854775807..-9223372036854775808 is no range of offsets
    "#]],
    );
    let clocks = [-1, i64::MIN, AT_MAX + 1].map(|clock| spoilt(number(5, clock as u64)));
    check_refused(
        clocks,
        expect![[r#"
        clock -1 is not from 0 to 253402207200999
        clock -9223372036854775808 is not from 0 to 253402207200999
        clock 253402207201000 is not from 0 to 253402207200999
    "#]],
    );
}

#[test]
fn what_is_no_record_is_refused() {
    let mut cut = spoilt(Vec::new());
    cut.pop();
    check_refused(
        [cut, spoilt(number(12, 1))],
        expect![[r#"
        is not the protobuf message expected: failed to decode Protobuf message: JournalRecord.digest: buffer underflow
        is not the protobuf message expected: failed to decode Protobuf message: JournalRecord.digest: invalid wire type: Varint (expected SixtyFourBit)
    "#]],
    );
}

#[test]
fn a_header_is_whole() {
    let journal = bytes(2, message(|bytes| journal_record().encode(bytes)));
    let spoilt = |appended: Vec<u8>| [message(|bytes| checkpoint_header().encode(bytes)), appended].concat();
    let headers = [
        Vec::new(),
        number(1, 1),
        [number(1, 1), journal].concat(),
        spoilt(number(3, u64::MAX)),
        spoilt(bytes(2, number(1, 65_536))),
    ];
    let shown = headers.map(|header| CheckpointHeader::decode(&header).unwrap_err().to_string() + "\n").concat();
    expect![[r#"
        has no format_version
        has no journal
        has no image_digest
        journal_offset -1 is negative
        shard 65536 is above 65535
    "#]]
    .assert_eq(&shown);
}

#[test]
fn unknown_fields_are_ignored() {
    assert_eq!(JournalRecord::decode(&spoilt(unknown_fields())), Ok(journal_record()));
    let header = [message(|bytes| checkpoint_header().encode(bytes)), bytes(2, unknown_fields()), unknown_fields()];
    assert_eq!(CheckpointHeader::decode(&header.concat()), Ok(checkpoint_header()));
}

#[test]
#[should_panic(expected = "is no range of offsets")]
fn a_range_that_goes_back_is_not_written() {
    let back = OffsetRange { first: 2, next: 1 };
    message(|bytes| JournalRecord { exchange: back, ..journal_record() }.encode(bytes));
}

/// All ranges of a few offsets, and the largest.
fn ranges() -> impl Iterator<Item = OffsetRange> + Clone {
    let offsets = [0, 1, 2, 5, i64::MAX - 1, i64::MAX];
    let pairs = offsets.into_iter().flat_map(move |first| offsets.map(|next| OffsetRange { first, next }));
    pairs.filter(|range| range.first <= range.next)
}

#[test]
#[allow(clippy::len_zero, reason = "that the two agree is the law")]
fn a_range_is_empty_exactly_if_it_has_no_offsets() {
    for range in ranges() {
        assert_eq!(range.is_empty(), range.len() == 0, "{range:?}");
        assert_eq!(range.is_empty(), range.follows(range), "{range:?}");
    }
    assert!(OffsetRange::default().is_empty());
    assert_eq!(OffsetRange { first: 0, next: i64::MAX }.len(), i64::MAX as u64);
}

#[test]
fn ranges_that_follow_each_other_tile() {
    for (previous, range) in ranges().flat_map(|previous| ranges().map(move |range| (previous, range))) {
        let over_all = OffsetRange { first: previous.first, next: range.next };
        let has_gap = range.first > previous.next;
        let overlaps = range.first < previous.next;
        assert_eq!(range.follows(previous), !has_gap && !overlaps, "{range:?} behind {previous:?}");
        if range.follows(previous) {
            assert_eq!(over_all.len(), previous.len() + range.len(), "{range:?} behind {previous:?}");
        }
    }
}
