//! What shards tell each other: what a record looks like, what comes back, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::common::{bytes, exchange, fixed, mention, number, report, scale, section, unknown_fields};
use expect_test::{Expect, expect};
use influence::exchange::{AudienceChange, BlockNotice, Change, Contact, Endorse, Section, in_five_bytes};
use influence::scale::Scale;
use vocabulary::{Counts, Kind, NAME_BYTES_MAX, Timestamp};
use wire::{AT_MAX, decode_exchange, encode_exchange_records};

fn check_comes_back(sections: &[Section]) {
    let decoded = decode_exchange(&exchange(sections)).unwrap();
    // As text a negative zero differs from zero.
    assert_eq!(format!("{decoded:?}"), format!("{sections:?}"));
}

#[test]
fn sections_come_back_in_their_order() {
    check_comes_back(&[]);
    check_comes_back(&[Section::default()]);
    let leader = Section { source: 0, scale: Some(scale()), ..section() };
    let member = Section { source: u16::MAX, report: Some(report()), ..section() };
    check_comes_back(&[leader, Section { clock: Timestamp::MIN, ..Section::default() }, member.clone(), member]);
    check_comes_back(&[Section { scale: Some(Scale::default()), ..Section::default() }]);
    check_comes_back(&[Section { clock: AT_MAX, landmark: AT_MAX, ..section() }]);
    check_comes_back(&[Section { names: vec!["a".repeat(NAME_BYTES_MAX).into()], ..Section::default() }]);
}

#[test]
fn a_record_may_follow_other_bytes() {
    let mut record = b"before".to_vec();
    wire::encode_exchange(&[section()], &mut record);
    assert_eq!(decode_exchange(&record[6..]), Ok(vec![section()]));
}

/// The bytes are the contract between an old worker and a new one.
#[test]
fn a_record_keeps_its_field_numbers() {
    let check = |section: Section, expected: Expect| {
        expected.assert_eq(&exchange(&[section]).escape_ascii().to_string());
    };
    check(
        Section { landmark: 0, ..section() },
        expect![[
            r#"\n\xea\x01\x08\x03\x18\xda\xb1\xe3\xfe\x83\'\"\ntwitter:12\"\x03b\xc3\xb6R\x08\xef\xcd\xab\x89gE#\x01Z\x01=b\x08\x00\x00\x00\x00\x00\x00\xe0?r\x08\x00\x00\x00\x00\x00\x00\xf0?z\x08\x00\x00\x00\x00\x00\x00\xe8?\x82\x01\x01\x02\x8a\x01\x01\x01\xa2\x01\x08\x01\x00\x00\x00\x00\x00\x00\x00\xaa\x01\x08\x02\x00\x00\x00\x00\x00\x00\x00\xb2\x01\x04\x00\x00\xc0?\xba\x01\x01\x01\xda\x01\x01\x11\xe2\x01\x04\x00\x00\x80>\xf2\x01\x08\x03\x00\x00\x00\x00\x00\x00\x00\xfa\x01\x08\x04\x00\x00\x00\x00\x00\x00\x00\x82\x02\x01\x01\x8a\x02\x01\x00\x9a\x02\x01\x00\xc2\x02\x08\x05\x00\x00\x00\x00\x00\x00\x00\xca\x02\x01\x05\xd2\x02\x01\x01\xda\x02\x01\x01\xe2\x02\x08\x06\x00\x00\x00\x00\x00\x00\x00\xea\x02\x08\x07\x00\x00\x00\x00\x00\x00\x00\xf2\x02\x08\x08\x00\x00\x00\x00\x00\x00\x00\xfa\x02\x08\t\x00\x00\x00\x00\x00\x00\x00\x82\x03\x01\x01\xa0\x03\x80\xc4\xd0\xce\x83\'"#
        ]],
    );
    let all = Change {
        given: 1.0,
        returned: 2.0,
        reach: 3.0,
        weight: 4.0,
        whole: 5.0 + 1.0 / f64::from(1 << 24),
        known: 6.0,
        newest: 7.0,
        fans: -1,
        received: Counts::from([(Kind::Mention, 1), (Kind::Retweet, 2), (Kind::Reply, 300)]),
    };
    check(
        Section { endorse: vec![Endorse { target: 1, change: all }], landmark: 551, ..Section::default() },
        expect![[
            r#"\nl\x10\xa7\x04\x18\x00R\x08\x01\x00\x00\x00\x00\x00\x00\x00Z\x01\xffb\x08\x00\x00\x00\x00\x00\x00\xf0?j\x08\x00\x00\x00\x00\x00\x00\x00@r\x08\x00\x00\x00\x00\x00\x00\x08@z\x08\x00\x00\x00\x00\x00\x00\x10@\x82\x01\x01\x01\x8a\x01\x01\x01\x92\x01\x01\x02\x9a\x01\x02\xac\x02\xda\x01\x01\x0b\xe2\x01\x04\x00\x00\xa0@\xea\x01\x04\x00\x00\xc0@\x92\x02\x04\x00\x00\xe0@\x9a\x02\x01 \xa2\x02\x01\x00"#
        ]],
    );
    let ranked = exchange(&[Section { report: Some(report()), scale: Some(scale()), ..Section::default() }]);
    expect![[r#"\n)\x18\x00\x92\x03\x16\t\x00\x00\x00\x00\x00\x00\x00\x00\x19\x00\x00\x00\x00\x00\x00\xf8? \x01(\x01\x9a\x03\x0b\t\x00\x00\x00\x00\x00J\x93@\x10\x07"#]]
    .assert_eq(&ranked.escape_ascii().to_string());
}

/// Bytes that an entry takes beside those of its section.
fn entry_bytes(change: Change) -> usize {
    let record = |len| exchange(&[Section { endorse: vec![Endorse { target: 1, change }; len], ..Section::default() }]);
    // Both lengths take two bytes each, and so do those of all columns.
    (record(1100).len() - record(1000).len()) / 100
}

#[test]
fn what_did_not_change_costs_nothing() {
    let push = Change { given: 0.5, ..Change::default() };
    let table = [
        ("nothing", Change::default()),
        ("a push", push),
        ("a push to who returns it", Change { returned: 0.25, ..push }),
        ("a first mention", mention()),
        ("another mention", Change { fans: 0, ..mention() }),
        ("a fan forgotten", Change { fans: -1, received: Counts::default(), ..mention() }),
        ("everything", Change { returned: 0.5, received: Counts::new([1; Kind::COUNTED_COUNT]), ..mention() }),
    ];
    let shown: String = table.map(|(what, change)| format!("{:2} {what}\n", entry_bytes(change))).concat();
    expect![[r#"
         9 nothing
        17 a push
        25 a push to who returns it
        41 a first mention
        40 another mention
        40 a fan forgotten
        59 everything
    "#]]
    .assert_eq(&shown);
}

/// Room costs an entry whose other columns are all there at most 16 bytes more than it would take without.
#[test]
fn room_costs_an_entry_at_most_16_bytes() {
    let most = Change {
        given: -1.0 / 3.0,
        returned: -1.0 / 7.0,
        reach: -1.0 / 11.0,
        weight: -1.0 / 13.0,
        fans: i32::MIN,
        received: Counts::new([u32::MAX; Kind::COUNTED_COUNT]),
        ..Change::default()
    };
    let (whole, known) = (in_five_bytes(-1.0 / 17.0), in_five_bytes(-1.0 / 19.0));
    let with_room = Change { whole, known, newest: f32::MAX, ..most };
    let (before, after) = (entry_bytes(most), entry_bytes(with_room));
    assert_eq!((before, after), (77, 92), "bytes without and with room");
    assert!(after - before <= 16);
}

/// Why records are refused whose second section has one of these behind it: columns grow, single fields are replaced.
fn check_refused(appended: impl IntoIterator<Item = Vec<u8>>, expected: Expect) {
    let record = exchange(&[section()]);
    let inner = &record[record.len() - inner_bytes(&record)..];
    let first = exchange(&[Section::default()]);
    let refused = |appended: Vec<u8>| {
        let spoilt = [&first[..], &bytes(1, [inner, &appended].concat())].concat();
        decode_exchange(&spoilt).unwrap_err().to_string() + "\n"
    };
    expected.assert_eq(&appended.into_iter().map(refused).collect::<String>());
}

/// Bytes of the only section of a record, of at most 16,383 bytes.
fn inner_bytes(record: &[u8]) -> usize {
    if record[1] < 0x80 { record.len() - 2 } else { record.len() - 3 }
}

/// The parts of the entry that is there, and of one more, in which nothing of room changed.
fn parts_with(parts: u8) -> Vec<u8> {
    [bytes(11, [0b0011_1101, parts]), bytes(27, [0b1_0001, 0])].concat()
}

/// One more entry in which only of room something changed.
fn target_with_room(parts: u8) -> Vec<u8> {
    [fixed(10, 9), bytes(11, [0b0011_1101, 0]), bytes(27, [0b1_0001, parts])].concat()
}

#[test]
fn columns_have_one_length() {
    let target_with = |parts| [fixed(10, 9), parts_with(parts)].concat();
    check_refused(
        [fixed(10, 9), parts_with(0), target_with(0x02), target_with(0x80), target_with(0xff)],
        expect![[r#"
            sections[1]: endorse_parts has 1 entries, expected 2
            sections[1]: endorse_parts has 2 entries, expected 1
            sections[1]: endorse_returned has 0 entries, expected 1
            sections[1]: endorse_replies has 0 entries, expected 1
            sections[1]: endorse_given has 1 entries, expected 2
        "#]],
    );
    let without_room = [fixed(10, 9), bytes(11, [0b0011_1101, 0])].concat();
    check_refused(
        [without_room, target_with_room(1 << 0), target_with_room(1 << 1), target_with_room(1 << 3)],
        expect![[r#"
            sections[1]: endorse_room has 1 entries, expected 2
            sections[1]: endorse_whole has 1 entries, expected 2
            sections[1]: endorse_known has 0 entries, expected 1
            sections[1]: endorse_newest has 0 entries, expected 1
        "#]],
    );
    check_refused(
        [bytes(28, [0; 4]), bytes(35, [0; 2]), bytes(29, [0; 4]), bytes(36, [0]), bytes(34, [0; 4])],
        expect![[r#"
            sections[1]: endorse_whole has 2 entries, expected 1
            sections[1]: endorse_whole_rest has 2 entries, expected 1
            sections[1]: endorse_known has 1 entries, expected 0
            sections[1]: endorse_known_rest has 1 entries, expected 0
            sections[1]: endorse_newest has 1 entries, expected 0
        "#]],
    );
    check_refused(
        (12..16).map(|column| fixed(column, 0)),
        expect![[r#"
            sections[1]: endorse_given has 2 entries, expected 1
            sections[1]: endorse_returned has 1 entries, expected 0
            sections[1]: endorse_reach has 2 entries, expected 1
            sections[1]: endorse_weight has 2 entries, expected 1
        "#]],
    );
    check_refused(
        (16..20).map(|column| number(column, 1)),
        expect![[r#"
            sections[1]: endorse_fans has 2 entries, expected 1
            sections[1]: endorse_mentions has 2 entries, expected 1
            sections[1]: endorse_retweets has 1 entries, expected 0
            sections[1]: endorse_replies has 1 entries, expected 0
        "#]],
    );
    check_refused(
        [fixed(20, 9), fixed(21, 9), bytes(22, [0; 4]), number(23, 1)],
        expect![[r#"
            sections[1]: contact_target has 1 entries, expected 2
            sections[1]: contact_target has 2 entries, expected 1
            sections[1]: contact_endorsement has 2 entries, expected 1
            sections[1]: contact_wants_answer has 2 entries, expected 1
        "#]],
    );
    check_refused(
        [fixed(30, 9), fixed(31, 9), number(32, 1), number(33, 1)],
        expect![[r#"
            sections[1]: follow_target has 1 entries, expected 2
            sections[1]: follow_target has 2 entries, expected 1
            sections[1]: follow_follows has 2 entries, expected 1
            sections[1]: follow_wants_answer has 2 entries, expected 1
        "#]],
    );
    check_refused(
        [fixed(40, 9), number(41, 1), number(42, 1), number(43, 1)],
        expect![[r#"
            sections[1]: audience_level has 1 entries, expected 2
            sections[1]: audience_level has 2 entries, expected 1
            sections[1]: audience_mutual has 2 entries, expected 1
            sections[1]: audience_followers has 2 entries, expected 1
        "#]],
    );
}

#[test]
fn numbers_are_in_range() {
    let source = |source| number(1, source);
    check_refused(
        [source(65_536), source(u64::from(u32::MAX))],
        expect![[r#"
            sections[1]: source 65536 is above 65535
            sections[1]: source 4294967295 is above 65535
        "#]],
    );
    let landmark = |landmark: i64| number(2, landmark as u64);
    check_refused(
        [landmark(-1), landmark(i64::MIN), landmark(AT_MAX + 1)],
        expect![[r#"
            sections[1]: landmark -1 is not from 0 to 253402207200999
            sections[1]: landmark -9223372036854775808 is not from 0 to 253402207200999
            sections[1]: landmark 253402207201000 is not from 0 to 253402207200999
        "#]],
    );
    let clock = |clock: i64| number(3, clock as u64);
    check_refused(
        [clock(-1), clock(i64::MIN), clock(AT_MAX + 1)],
        expect![[r#"
            sections[1]: clock -1 is not from 0 to 253402207200999
            sections[1]: clock -9223372036854775808 is not from 0 to 253402207200999
            sections[1]: clock 253402207201000 is not from 0 to 253402207200999
        "#]],
    );
    let name = |name: &[u8]| bytes(4, name);
    check_refused(
        [name(b""), name(&[b'a'; NAME_BYTES_MAX + 1]), name(b"\xff")],
        expect![[r#"
            sections[1]: a name is empty
            sections[1]: name of 513 bytes is longer than 512
            is not the protobuf message expected: failed to decode Protobuf message: Section.names: Exchange.sections: invalid string value: data is not UTF-8 encoded
        "#]],
    );
    let audience = |level| [fixed(40, 9), number(41, level), number(42, 0), number(43, 2)].concat();
    check_refused(
        [audience(6), audience(256), audience(u64::MAX)],
        expect![[r#"
            sections[1]: audience_level[1] is 6, above 5
            sections[1]: audience_level[1] is 256, above 5
            sections[1]: audience_level[1] is 4294967295, above 5
        "#]],
    );
}

/// They would poison the sums that they are added to, for ever.
#[test]
fn sums_are_bounded() {
    let endorse = |bit: u64, sum: f64| [fixed(10, 9), parts_with(1 << bit), fixed(12 + bit, sum.to_bits())].concat();
    check_refused(
        [
            endorse(0, f64::NAN),
            endorse(1, f64::INFINITY),
            endorse(2, f64::NEG_INFINITY),
            endorse(3, -f64::NAN),
            endorse(3, -2e100),
        ],
        expect![[r#"
            sections[1]: endorse_given[1] is NaN, not from -1e100 to 1e100
            sections[1]: endorse_returned[0] is inf, not from -1e100 to 1e100
            sections[1]: endorse_reach[1] is -inf, not from -1e100 to 1e100
            sections[1]: endorse_weight[1] is NaN, not from -1e100 to 1e100
            sections[1]: endorse_weight[1] is -20000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000, not from -1e100 to 1e100
        "#]],
    );
    let room = |bit: u32, column, sum: f32| {
        let rests: &[u8] = if bit == 0 { &[0, 0] } else { &[0] };
        let rests = if bit < 3 { bytes(column + 7, rests) } else { Vec::new() };
        [target_with_room(1 << bit), bytes(column, sum.to_le_bytes()), rests].concat()
    };
    check_refused(
        [
            room(0, 28, f32::NAN),
            room(0, 28, f32::NEG_INFINITY),
            room(0, 28, 1e-39),
            room(1, 29, f32::INFINITY),
            room(1, 29, 0.0),
            room(3, 34, -1.0),
            room(3, 34, f32::INFINITY),
        ],
        expect![[r#"
            sections[1]: endorse_whole[1] is NaN, not a normal number
            sections[1]: endorse_whole[1] is -inf, not a normal number
            sections[1]: endorse_whole[1] is 1e-39, not a normal number
            sections[1]: endorse_known[0] is inf, not a normal number
            sections[1]: endorse_known[0] is 0e0, not a normal number
            sections[1]: endorse_newest[0] is -1, not from 0e0 to 3.4028235e38
            sections[1]: endorse_newest[0] is inf, not from 0e0 to 3.4028235e38
        "#]],
    );
    let contact = |sum: f32| [fixed(20, 9), fixed(21, 9), bytes(22, sum.to_le_bytes()), number(23, 0)].concat();
    check_refused(
        [contact(f32::INFINITY), contact(f32::NAN), contact(-1.0)],
        expect![[r#"
            sections[1]: contact_endorsement[1] is inf, not from 0e0 to 3.4028235e38
            sections[1]: contact_endorsement[1] is NaN, not from 0e0 to 3.4028235e38
            sections[1]: contact_endorsement[1] is -1, not from 0e0 to 3.4028235e38
        "#]],
    );
}

#[test]
fn a_report_is_whole() {
    let largest = |largest: f64| fixed(1, largest.to_bits());
    check_refused(
        [bytes(50, "")],
        expect![[r#"
            sections[1]: report.largest is absent
        "#]],
    );
    let wrong = [-1.0, f64::INFINITY, f64::NAN];
    check_refused(
        wrong.map(|number| bytes(50, largest(number))),
        expect![[r#"
            sections[1]: report.largest is -1, not a finite number of at least 0
            sections[1]: report.largest is inf, not a finite number of at least 0
            sections[1]: report.largest is NaN, not a finite number of at least 0
        "#]],
    );
}

#[test]
fn a_scale_is_whole() {
    check_refused(
        [bytes(51, "")],
        expect![[r#"
            sections[1]: scale.votes is 0, not a finite number of at least 1
        "#]],
    );
    check_refused(
        [-1.0, f64::INFINITY, f64::NAN].map(|votes| bytes(51, fixed(1, f64::to_bits(votes)))),
        expect![[r#"
            sections[1]: scale.votes is -1, not a finite number of at least 1
            sections[1]: scale.votes is inf, not a finite number of at least 1
            sections[1]: scale.votes is NaN, not a finite number of at least 1
        "#]],
    );
}

#[test]
fn what_is_no_record_is_refused() {
    let record = exchange(&[section()]);
    // 1 GiB of targets, says the length.
    let long = b"\x0a\x06\x52\x80\x80\x80\x80\x04";
    let records = [&record[..record.len() - 1], b"\x0b", &number(1, 1), &bytes(1, number(10, 1)), long];
    let shown = records.map(|record| decode_exchange(record).unwrap_err().to_string() + "\n").concat();
    expect![[r#"
        is not the protobuf message expected: failed to decode Protobuf message: Exchange.sections: buffer underflow
        is not the protobuf message expected: failed to decode Protobuf message: Exchange.sections: invalid wire type: StartGroup (expected LengthDelimited)
        is not the protobuf message expected: failed to decode Protobuf message: Exchange.sections: invalid wire type: Varint (expected LengthDelimited)
        is not the protobuf message expected: failed to decode Protobuf message: Section.endorse_target: Exchange.sections: invalid wire type: Varint (expected SixtyFourBit)
        is not the protobuf message expected: failed to decode Protobuf message: Section.endorse_target: Exchange.sections: buffer underflow
    "#]].assert_eq(&shown);
}

#[test]
fn unknown_fields_are_ignored() {
    let record = exchange(&[section()]);
    let inner = &record[record.len() - inner_bytes(&record)..];
    let later = [unknown_fields(), bytes(1, [inner, &unknown_fields()].concat()), unknown_fields()].concat();
    assert_eq!(decode_exchange(&later), Ok(vec![section()]));
}

/// Another writer may say that the newest act is as much as reach changed by, and mean what no act is.
#[test]
fn the_newest_act_is_finite_whatever_reach_is() {
    for (reach, newest) in [(2_f64.powi(128), f32::MAX), (-1.0, 0.0), (0.1, 0.1)] {
        let entry = [target_with_room(1 << 4), bytes(11, [0b0011_1101, 1 << 2]), fixed(14, reach.to_bits())].concat();
        let record = exchange(&[section()]);
        let inner = &record[record.len() - inner_bytes(&record)..];
        let read = decode_exchange(&bytes(1, [inner, &entry].concat())).unwrap();
        assert_eq!(read[0].endorse[1].change.newest, newest, "{reach}");
        assert_eq!(decode_exchange(&exchange(&read)), Ok(read));
    }
}

/// Other writers may not pack their columns.
#[test]
fn a_column_may_come_in_pieces() {
    let pieces =
        [fixed(20, 1), fixed(20, 2), bytes(21, [0; 16]), bytes(22, [0; 8]), bytes(23, [0]), number(23, 1)].concat();
    let contact = |actor, wants_answer| Contact { actor, target: 0, endorsement: 0.0, wants_answer };
    let expected =
        Section { clock: Timestamp::MIN, contacts: vec![contact(1, false), contact(2, true)], ..Section::default() };
    assert_eq!(decode_exchange(&bytes(1, pieces)), Ok(vec![expected]));
}

#[test]
#[should_panic(expected = "a change of a sum is NaN")]
fn a_sum_that_is_no_number_is_not_told() {
    let change = Change { weight: f64::NAN, ..mention() };
    exchange(&[Section { endorse: vec![Endorse { target: 1, change }], ..section() }]);
}

#[test]
#[should_panic(expected = "an endorsement is no finite number")]
fn an_endorsement_that_is_no_number_is_not_told() {
    exchange(&[Section {
        contacts: vec![Contact { actor: 1, target: 2, endorsement: f32::INFINITY, wants_answer: false }],
        ..section()
    }]);
}

/// Whatever fits into no record is told in several, in order; what is read back is all of it.
#[test]
fn long_sections_are_told_in_parts() {
    let section = |source: u16, count: u64| Section {
        source,
        clock: 1_600_000_000_000,
        names: (0..count).map(|n| format!("{source}-{n}-{}", "x".repeat(500)).into_boxed_str()).collect(),
        contacts: (0..count)
            .map(|n| Contact { actor: n, target: n + 1, endorsement: 0.5, wants_answer: n % 2 == 0 })
            .collect(),
        audiences: vec![AudienceChange { target: 1, level: 2, mutual: false, followers: 3 }],
        blocks: (0..count).map(|n| BlockNotice { actor: n, target: n + 7, blocks: n % 3 > 0 }).collect(),
        renewed: (0..count).map(|n| n * 3).collect(),
        heard: (0..count).map(|n| n * 5 + 1).collect(),
        ..Section::default()
    };
    let sections = vec![section(0, 1), section(1, 3_000), section(2, 0), section(3, 40)];
    for bytes_max in [600, 20_000, 1_000_000, 100_000_000] {
        let records = encode_exchange_records(sections.clone(), bytes_max);
        assert!(records.iter().all(|record| record.len() <= bytes_max), "{bytes_max}");
        assert!(bytes_max < 100_000_000 || records.len() == 1, "what fits is one record");
        let read: Vec<Section> = records.iter().flat_map(|record| decode_exchange(record).expect("sections")).collect();
        for whole in &sections {
            let parts: Vec<&Section> = read.iter().filter(|part| part.source == whole.source).collect();
            assert!(parts.iter().all(|part| part.clock == whole.clock && !part.is_empty()));
            let names: Vec<_> = parts.iter().flat_map(|part| part.names.clone()).collect();
            let contacts: Vec<_> = parts.iter().flat_map(|part| part.contacts.clone()).collect();
            let blocks: Vec<_> = parts.iter().flat_map(|part| part.blocks.clone()).collect();
            assert_eq!(blocks, whole.blocks);
            let audiences: Vec<_> = parts.iter().flat_map(|part| part.audiences.clone()).collect();
            assert_eq!(
                (names, contacts, audiences),
                (whole.names.clone(), whole.contacts.clone(), whole.audiences.clone())
            );
            let renewed: Vec<_> = parts.iter().flat_map(|part| part.renewed.clone()).collect();
            let heard: Vec<_> = parts.iter().flat_map(|part| part.heard.clone()).collect();
            assert_eq!((renewed, heard), (whole.renewed.clone(), whole.heard.clone()));
            // Who has opted in again is told first: what is told of them in a later part was given since.
            let last = |is_told: fn(&Section) -> bool| parts.iter().rposition(|part| is_told(part)).unwrap_or(0);
            let first =
                |is_told: fn(&Section) -> bool| parts.iter().position(|part| is_told(part)).unwrap_or(usize::MAX);
            assert!(last(|part| !part.renewed.is_empty()) <= first(|part| !part.names.is_empty()));
            assert!(last(|part| !part.heard.is_empty()) <= first(|part| !part.contacts.is_empty()));
        }
        // Names come before what speaks of them.
        let sources: Vec<u16> = read.iter().map(|part| part.source).collect();
        assert!(sources.is_sorted());
    }
}
