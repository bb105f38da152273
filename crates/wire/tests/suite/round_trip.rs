//! What is written is read back as the same: events in every format, for every name that is accepted, and what shards
//! tell each other, the journal and scores, bit for bit.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::common::{exchange, message};
use influence::exchange::{
    AudienceChange, BlockNotice, Change, Contact, Endorse, FollowNotice, SUM_MAX, Section, in_five_bytes,
};
use influence::scale::{Report, SCALE_FLOOR_MIN, Scale};
use proptest::collection::vec;
use proptest::num::{f32, f64};
use proptest::prelude::*;
use vocabulary::{Counts, Event, Kind, Received, Score, Timestamp};
use wire::{
    AT_MAX, CheckpointHeader, EventReader, EventWriter, Format, Gap, JournalRecord, OffsetRange, WriteError,
    decode_exchange, decode_score, encode_score,
};

type Owned = (String, String, Kind, i64);

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        "[#\u{feff},;\t\"\\\\ a'{}éß🦀\u{2028}]{1,6}",
        proptest::string::string_regex("\\PC{1,120}").unwrap(),
    ]
    .prop_filter("is no name", |name| !name.contains(char::is_control))
}

fn at() -> impl Strategy<Value = i64> {
    prop_oneof![0..=AT_MAX, 0..200_000i64, 99_999_999_000..100_000_001_000i64, Just(AT_MAX), Just(100_000_000_000_000)]
}

fn events() -> impl Strategy<Value = Vec<Owned>> {
    let kind = proptest::sample::select(Kind::ALL.to_vec());
    proptest::collection::vec((name(), name(), kind, at()), 0..20)
}

fn event((actor, target, kind, at): &Owned) -> Event<'_> {
    Event { actor, target, kind: *kind, at: *at }
}

/// The file, and the events that the format can carry.
fn write<'a>(events: &'a [Owned], format: Format) -> (Vec<u8>, Vec<Event<'a>>) {
    let mut writer = EventWriter::new(Vec::new(), format);
    let mut written = Vec::new();
    for event in events.iter().map(event) {
        match writer.write(&event) {
            Ok(()) => written.push(event),
            Err(WriteError::SnapName(_)) => assert_eq!(format, Format::Snap),
            Err(error) => panic!("{error}"),
        }
    }
    (writer.finish().unwrap(), written)
}

proptest! {
    #[test]
    fn every_format_reads_what_it_writes(events in events()) {
        for format in Format::ALL {
            let (file, written) = write(&events, format);
            let mut reader = EventReader::new(&file[..], format, None);
            for event in written {
                let record = reader.next().unwrap().unwrap();
                prop_assert_eq!(record.event, Ok(event), "{}", format);
            }
            prop_assert_eq!(reader.next().unwrap(), None);
            prop_assert_eq!(reader.bytes(), file.len() as u64);
        }
    }

    #[test]
    fn every_format_is_recognised(events in events()) {
        for format in Format::ALL {
            let (file, written) = write(&events, format);
            let expected = (format == Format::Csv || !written.is_empty()).then_some(format);
            prop_assert_eq!(Format::recognise(&file), expected);
        }
    }
}

#[test]
fn a_file_of_many_buffers_is_read_to_the_end() {
    for format in Format::ALL {
        let mut writer = EventWriter::new(Vec::new(), format);
        let actor = |number: i64| "a".repeat((number * number % 97) as usize + 1);
        let at = |number: i64| 1_341_100_972_000 + number;
        for number in 0..50_000 {
            let actor = actor(number);
            writer.write(&Event { actor: &actor, target: "bo", kind: Kind::Reply, at: at(number) }).unwrap();
        }
        let file = writer.finish().unwrap();
        let mut reader = EventReader::new(&file[..], format, None);
        for number in 0..50_000 {
            let event = reader.next().unwrap().unwrap().event.unwrap();
            assert_eq!((event.actor, event.at), (&*actor(number), at(number)), "{format}");
        }
        assert!(reader.next().unwrap().is_none());
        assert_eq!((reader.records(), reader.bytes()), (50_000, file.len() as u64));
    }
}

#[test]
fn a_record_of_nearly_a_mebibyte_is_read() {
    let text = "words\n".repeat(140_000);
    let header = "text,actor,target,at,kind\n";
    let csv = format!("{header}\"{text}\",ana,bo,1,reply\n");
    let json = format!("{{\"text\":{text:?},\"actor\":\"ana\",\"target\":\"bo\",\"at\":1,\"kind\":\"reply\"}}\n");
    let snap = format!("ana bo {}1 reply\n", " ".repeat(1_000_000));
    for (format, file) in [(Format::Csv, csv), (Format::Json, json), (Format::Snap, snap)] {
        let record = file.strip_prefix(header).unwrap_or(&file);
        let twice = [&file, record].concat();
        let mut reader = EventReader::new(twice.as_bytes(), format, None);
        for _ in 0..2 {
            let record = reader.next().unwrap().unwrap();
            assert_eq!(record.event, Ok(Event { actor: "ana", target: "bo", kind: Kind::Reply, at: 1000 }), "{format}");
        }
        assert_eq!(reader.next().unwrap(), None);
    }
}

/// Finite numbers, both zeros and the smallest among them.
fn sum() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(-0.0), f64::NORMAL | f64::SUBNORMAL | f64::NEGATIVE | f64::POSITIVE]
        .prop_map(|sum| sum % SUM_MAX)
}

/// What five bytes tell: as many digits as they hold.
fn sum_in_five_bytes() -> impl Strategy<Value = f64> {
    let sum = (f32::NORMAL | f32::NEGATIVE | f32::POSITIVE, any::<u8>());
    let with_rest =
        |(digits, rest): (_, u8)| in_five_bytes(f64::from(digits) * (1.0 + f64::from(rest) / 2_f64.powi(31)));
    prop_oneof![Just(0.0), sum.prop_map(with_rest)]
}

/// What room is made of: of nobody, of strangers, of known fans alone, of both.
fn room() -> impl Strategy<Value = (f64, f64, f32)> {
    let known = prop_oneof![Just(None), Just(Some(0.0)), sum_in_five_bytes().prop_map(Some)];
    let newest = prop_oneof![Just(0.0), Just(1.5), f32::NORMAL | f32::SUBNORMAL | f32::POSITIVE];
    (sum_in_five_bytes(), known, newest).prop_map(|(whole, known, newest)| (whole, known.unwrap_or(whole), newest))
}

fn change() -> impl Strategy<Value = Change> {
    let count = || prop_oneof![Just(0), Just(1), any::<u32>()];
    let fans = prop_oneof![Just(0), Just(1), any::<i32>()];
    let received = Kind::COUNTED.map(|_| count()).prop_map(Counts::new);
    (sum(), sum(), sum(), sum(), room(), fans, received).prop_map(
        |(given, returned, reach, weight, (whole, known, newest), fans, received)| Change {
            given,
            returned,
            // A new fan's newest act is what reach grows by.
            reach: if newest == 1.5 { 1.5 } else { reach },
            weight,
            whole,
            known,
            newest,
            fans,
            received,
        },
    )
}

fn contact() -> impl Strategy<Value = Contact> {
    let sum = prop_oneof![Just(0.0), Just(-0.0), f32::NORMAL | f32::SUBNORMAL | f32::POSITIVE];
    (any::<u64>(), any::<u64>(), sum, any::<bool>()).prop_map(|(actor, target, endorsement, wants_answer)| Contact {
        actor,
        target,
        endorsement,
        wants_answer,
    })
}

fn notice() -> impl Strategy<Value = FollowNotice> {
    (any::<u64>(), any::<u64>(), any::<bool>(), any::<bool>())
        .prop_map(|(actor, target, follows, wants_answer)| FollowNotice { actor, target, follows, wants_answer })
}

fn audience() -> impl Strategy<Value = AudienceChange> {
    (any::<u64>(), 0..6u8, any::<bool>(), any::<i32>()).prop_map(|(target, level, mutual, followers)| AudienceChange {
        target,
        level,
        mutual,
        followers,
    })
}

fn report() -> impl Strategy<Value = Report> {
    let largest = prop_oneof![Just(0.0), Just(-0.0), f64::NORMAL | f64::SUBNORMAL | f64::POSITIVE];
    let taken = prop_oneof![Just(0.0), f64::NORMAL | f64::SUBNORMAL | f64::POSITIVE];
    (largest, taken, any::<bool>(), any::<bool>()).prop_map(|(largest, taken, is_opening, is_young)| Report {
        largest,
        taken,
        is_opening,
        is_young,
    })
}

fn scale() -> impl Strategy<Value = Scale> {
    let votes = f64::NORMAL | f64::SUBNORMAL | f64::POSITIVE;
    (votes, any::<u64>()).prop_map(|(votes, version)| Scale { votes: votes.max(SCALE_FLOOR_MIN), version })
}

fn clock() -> impl Strategy<Value = Timestamp> {
    prop_oneof![Just(Timestamp::MIN), at()]
}

fn block() -> impl Strategy<Value = BlockNotice> {
    any::<(u64, u64, bool)>().prop_map(|(actor, target, blocks)| BlockNotice { actor, target, blocks })
}

fn section() -> impl Strategy<Value = Section> {
    let told = (vec(name(), 0..4), vec((any::<u64>(), change()), 0..20));
    let notices = (vec(contact(), 0..6), vec(notice(), 0..4), vec(audience(), 0..4), vec(block(), 0..4));
    let renewals = (vec(any::<u64>(), 0..3), vec(any::<u64>(), 0..3));
    let ranked = (
        proptest::option::weighted(0.1, 0..=AT_MAX),
        proptest::option::weighted(0.1, report()),
        proptest::option::weighted(0.1, scale()),
    );
    (any::<u16>(), 0..=AT_MAX, clock(), told, notices, renewals, ranked).prop_map(
        |(source, landmark, clock, told, (contacts, follows, audiences, blocks), (renewed, heard), ranked)| Section {
            source,
            landmark,
            clock,
            names: told.0.into_iter().map(String::into_boxed_str).collect(),
            endorse: told.1.into_iter().map(|(target, change)| Endorse { target, change }).collect(),
            contacts,
            follows,
            audiences,
            blocks,
            renewed,
            heard,
            genesis: ranked.0,
            report: ranked.1,
            scale: ranked.2,
        },
    )
}

fn range() -> impl Strategy<Value = OffsetRange> {
    (0..=i64::MAX, 0..=i64::MAX).prop_map(|(one, other)| OffsetRange { first: one.min(other), next: one.max(other) })
}

/// The first half of every second part.
fn gaps_of(inputs: &[OffsetRange]) -> Vec<Gap> {
    let gap = |(input, range): (usize, &OffsetRange)| Gap { input, next: range.first + (range.next - range.first) / 2 };
    inputs.iter().enumerate().step_by(2).map(gap).collect()
}

fn journal_record() -> impl Strategy<Value = JournalRecord> {
    let ranges = (range(), vec(range(), 0..5));
    let how = (clock(), any::<u32>(), any::<bool>(), any::<bool>(), any::<u32>());
    (any::<u16>(), any::<u64>(), ranges, how, any::<[u64; 3]>()).prop_map(
        |(shard, sequence, (exchange, inputs), (clock, sweep, publishes, settles, engine_revision), digests)| {
            let [model_fingerprint, slice_digest, digest] = digests;
            JournalRecord {
                shard,
                sequence,
                exchange,
                clock,
                sweep,
                publishes,
                settles,
                engine_revision,
                model_fingerprint,
                slice_digest,
                digest,
                gaps: gaps_of(&inputs),
                machine_clock: (publishes && clock != Timestamp::MIN).then_some(clock),
                closes_ms: (sweep % 2 == 0).then_some(i64::from(sweep) + 1),
                inputs,
            }
        },
    )
}

fn score() -> impl Strategy<Value = Score> {
    // Without negative zeros: in a score they come back as zero.
    let numbers = vec(sum().prop_map(|sum| sum + 0.0), 10);
    let received = any::<[u64; Kind::COUNTED_COUNT]>().prop_map(Received::new);
    let parts = (numbers, received, any::<[u64; 3]>(), any::<i64>(), any::<bool>());
    parts.prop_map(|(numbers, received, counts, as_of, has_previous)| {
        let [followers, following, scale_version] = counts;
        Score {
            score: numbers[0],
            influence: numbers[1],
            reach: numbers[2],
            amplification: numbers[3],
            network: numbers[4],
            openness: numbers[5],
            room: numbers[8],
            audience: numbers[6],
            received,
            followers,
            following,
            as_of,
            scale: numbers[7],
            scale_version,
            previous: has_previous.then_some(numbers[9]),
        }
    })
}

proptest! {
    #[test]
    fn the_exchange_comes_back_bit_for_bit(sections in vec(section(), 0..4)) {
        let decoded = decode_exchange(&exchange(&sections)).unwrap();
        // As text a negative zero differs from zero, and no two numbers are the same.
        prop_assert_eq!(format!("{decoded:?}"), format!("{sections:?}"));
    }

    #[test]
    fn the_journal_and_headers_come_back(
        journal in journal_record(), format_version in 1..=u32::MAX, journal_offset in 0..=i64::MAX, parts in any::<[u64; 4]>()
    ) {
        prop_assert_eq!(JournalRecord::decode(&message(|bytes| journal.encode(bytes))), Ok(journal.clone()));
        let [image_bytes, image_digest, ids_bytes, ids_digest] = parts;
        let header = CheckpointHeader {
            format_version,
            journal,
            journal_offset,
            image_bytes,
            image_digest,
            ids_bytes,
            ids_digest,
        };
        prop_assert_eq!(CheckpointHeader::decode(&message(|bytes| header.encode(bytes))), Ok(header));
    }

    #[test]
    fn scores_come_back_bit_for_bit(user in name(), score in score(), model_version in 2..=u32::MAX) {
        let (decoded_user, decoded) = decode_score(&message(|bytes| encode_score(&user, &score, model_version, bytes))).unwrap();
        prop_assert_eq!(decoded_user, user);
        prop_assert_eq!(format!("{decoded:?}"), format!("{score:?}"));
    }
}
