//! Whatever the bytes are and however they arrive, reading ends, without a panic, and says the same.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::io::{self, Read};

use crate::common::{checkpoint_header, exchange, journal_record, message, report, scale, section};
use influence::MODEL_VERSION;
use influence::exchange::Section;
use proptest::prelude::*;
use vocabulary::Kind;
use wire::{
    CheckpointHeader, Encoding, EventDecoder, EventReader, Format, Framing, JournalRecord, Layout, Malformed,
    ProfileDecoder, ProfileReader, ReadError, Reading, TimeFormat, Times, decode_exchange, decode_score, encode_score,
    parse_time,
};

/// Gives a few bytes at a time, interrupted now and then, and fails at the end if told to.
struct Trickle<'a> {
    bytes: &'a [u8],
    step: usize,
    turn: usize,
    fails: bool,
}

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        if self.turn.is_multiple_of(7) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if self.bytes.is_empty() && self.fails {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let (now, later) = self.bytes.split_at(self.step.min(self.bytes.len()).min(buffer.len()));
        buffer[..now.len()].copy_from_slice(now);
        self.bytes = later;
        Ok(now.len())
    }
}

/// Everything that a reader says about a file, and what it covers.
fn read_all(read: impl Read, format: Format) -> (Vec<String>, u64) {
    read_to_end(EventReader::new(read, format, Some(Kind::Reply)))
}

fn read_to_end(mut reader: EventReader<impl Read>) -> (Vec<String>, u64) {
    let mut said = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(record)) => said.push(format!("{record:?}")),
            Ok(None) => break,
            Err(error) => {
                said.push(format!("{error}"));
                break;
            }
        }
    }
    (said, reader.bytes())
}

/// Bytes that often are nearly a record.
fn junk() -> impl Strategy<Value = Vec<u8>> {
    let piece = proptest::sample::select(vec![
        &b"\""[..],
        b"\"\"",
        b",",
        b";",
        b"\t",
        b" ",
        b"\n",
        b"\r\n",
        b"#",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\x00",
        b"ana",
        b"bo",
        b"1341100972",
        b"RT",
        b"-",
        b".",
        b"{\"actor\":\"",
        b"\"at\":",
        b"}",
        b"[",
        b"\\u00",
        b"\xf0\x9f\xa6\x80",
        b"\x80",
        b"\x0a\x03ana",
        b"\x12\x02bo",
        b"\x20\x02",
        b"\x0b",
        b"actor,target,at,kind\n",
        b"ana,bo,1,RT\n",
        b"ana bo 1 RT\n",
        b"a\"b,\"\n",
        b"sep=;\n",
        b"%",
        b"1 2 -1 1341100972\n",
        b"1,2,4,1341100972.5\n",
        b"{\"actor\":1,\"target\":2,\"at\":20140827}",
        b"{\"actor\":1,\"at\":1}\n",
        b"{\n\"actor\": \"a\",\n\"target\": \"b\", \"at\": 1}",
        b"]",
        b"\"type\":\"photo\"",
        b"<[1356998400]>",
        b"2014-08-27",
        b" 13:08:45 UTC",
        b"8/27/2014",
        b"20140827",
        b"Wed Aug 27 13:08:45 +0000 2014",
        b"Source,Target,Weight,Type,Timestamp\n",
        b"a,b,1,Directed,1356998400\n",
    ]);
    let pieces = proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat());
    prop_oneof![proptest::collection::vec(any::<u8>(), 0..300), pieces.clone(), pieces.prop_map(with_header)]
}

fn with_header(rows: Vec<u8>) -> Vec<u8> {
    [&b"actor,target,at,kind\n"[..], &rows].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn reading_says_the_same_however_the_bytes_arrive(bytes in junk(), step in 1usize..9) {
        for format in Format::ALL {
            let (said, covered) = read_all(&bytes[..], format);
            prop_assert!(said.len() <= bytes.len() + 1);
            prop_assert!(covered <= bytes.len() as u64);
            let trickle = Trickle { bytes: &bytes, step, turn: 0, fails: false };
            prop_assert_eq!(read_all(trickle, format), (said, covered));
        }
    }

    /// However a file is looked at, and whatever is said of it, it is read as whole as its bytes are.
    #[test]
    fn every_layout_reads_to_the_end(bytes in junk(), step in 1usize..9, said in 0usize..5) {
        let columns = ["actor=1,target=2,time=4", "actor=actor,target=at", "time=3,kind=1", "actor=2,target=1,time=at,kind=kind"];
        let mut reading = Reading::default();
        if let Some(columns) = columns.get(said) {
            reading.columns = columns.parse().unwrap();
        }
        if said == 1 {
            reading.times = Times::of_files(Some("%Y-%m-%d".parse::<TimeFormat>().unwrap()), None);
        }
        for given in [None, Some(Format::Snap), Some(Format::Csv), Some(Format::Json), Some(Format::Protobuf)] {
            let Ok(layout) = Layout::of(&bytes, given, &reading) else { continue };
            let (said, covered) = read_to_end(EventReader::with_layout(&bytes[..], &layout));
            prop_assert!(said.len() <= bytes.len() + 1);
            prop_assert!(covered <= bytes.len() as u64);
            let trickle = Trickle { bytes: &bytes, step, turn: 0, fails: false };
            prop_assert_eq!(read_to_end(EventReader::with_layout(trickle, &layout)), (said, covered));
        }
    }

    /// A text that is read as a time is one that people would write, and none makes a panic.
    #[test]
    fn times_never_panic(text in "[0-9TZ:/.,+ -]{0,20}|[ -~]{0,30}|\\PC{0,12}", format in "%?[A-Za-z%:.]{0,6}") {
        if let Ok(at) = parse_time(&text) {
            prop_assert!((0..=wire::AT_MAX).contains(&at));
        }
        let _ = format.parse::<TimeFormat>();
        if let Ok(format) = format!("%Y{format}").parse::<TimeFormat>() {
            let reading = Reading { times: Times::of_files(Some(format), None), ..Reading::default() };
            let line = format!("a,b,{text}\n");
            if let Ok(layout) = Layout::of(line.as_bytes(), Some(Format::Csv), &reading) {
                read_to_end(EventReader::with_layout(line.as_bytes(), &layout));
            }
        }
    }

    #[test]
    fn recognising_and_decoding_never_panic(bytes in junk()) {
        let _ = Format::recognise(&bytes);
        for encoding in [Encoding::Json, Encoding::Protobuf] {
            for framing in [Framing::Bare, Framing::Confluent] {
                let _ = EventDecoder::new(encoding, None).framed(framing).decode(&bytes);
                let _ = ProfileDecoder::new(encoding).framed(framing).decode(&bytes);
            }
            let mut profiles = ProfileReader::new(&bytes[..], encoding);
            while let Ok(Some(_)) = profiles.next() {}
        }
    }

    /// Whoever looks at ids takes the same events; only an id that is none is told.
    #[test]
    fn an_id_changes_nothing_else(bytes in junk()) {
        for encoding in [Encoding::Json, Encoding::Protobuf] {
            let (mut with_id, mut without) = (EventDecoder::new(encoding, None), EventDecoder::new(encoding, None));
            let event = without.decode(&bytes);
            match with_id.decode_with_id(&bytes).map(|(event, _)| event) {
                Err(Malformed::Id) => prop_assert!(event.is_ok()),
                same => prop_assert_eq!(same, event),
            }
        }
    }

    /// A zero, the number of a schema, and whatever comes.
    #[test]
    fn frames_never_panic(number in any::<u32>(), rest in junk()) {
        let bytes = [&[0][..], &number.to_be_bytes(), &rest].concat();
        let decode = |encoding, framing, bytes: &[u8]| {
            EventDecoder::new(encoding, None).framed(framing).decode(bytes).map(|event| format!("{event:?}"))
        };
        let opened = decode(Encoding::Json, Framing::Confluent, &bytes);
        prop_assert_eq!(opened, decode(Encoding::Json, Framing::Bare, &rest));
        let first = [&bytes[..5], &[0], &rest].concat();
        let opened = decode(Encoding::Protobuf, Framing::Confluent, &first);
        prop_assert_eq!(opened, decode(Encoding::Protobuf, Framing::Bare, &rest));
        let _ = decode(Encoding::Protobuf, Framing::Confluent, &bytes);
    }

    #[test]
    fn every_line_is_accounted_for(bytes in junk()) {
        let mut reader = EventReader::new(&bytes[..], Format::Snap, None);
        let mut end_before = 0;
        while let Some(record) = reader.next().unwrap() {
            let start = record.position.offset_bytes as usize;
            let line = 1 + bytes[..start].iter().filter(|byte| **byte == b'\n').count() as u64;
            prop_assert_eq!(record.position.number, line);
            prop_assert!(start >= end_before);
            prop_assert_eq!(&bytes[start..start + record.raw.len()], record.raw);
            end_before = start + record.raw.len();
        }
    }
}

/// Records of logs of our own, as they are when they are whole.
fn whole_records() -> Vec<Vec<u8>> {
    let ranked = Section { report: Some(report()), scale: Some(scale()), ..Section::default() };
    vec![
        exchange(&[section()]),
        exchange(&[section(), ranked, section()]),
        message(|bytes| journal_record().encode(bytes)),
        message(|bytes| checkpoint_header().encode(bytes)),
        message(|bytes| encode_score("ana", &crate::common::score(), MODEL_VERSION, bytes)),
    ]
}

/// A whole record, of which some bytes are others, and then a piece is another.
fn spoilt() -> impl Strategy<Value = Vec<u8>> {
    let record = proptest::sample::select(whole_records());
    let changes = proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4);
    let piece = proptest::collection::vec(any::<u8>(), 0..4);
    (record, changes, any::<[proptest::sample::Index; 2]>(), proptest::option::of(piece)).prop_map(
        |(mut record, changes, ends, piece)| {
            for (place, byte) in changes {
                let place = place.index(record.len());
                record[place] = byte;
            }
            if let Some(piece) = piece {
                let [first, last] = ends.map(|end| end.index(record.len()));
                record.splice(first.min(last)..first.max(last), piece);
            }
            record
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    /// Whatever is accepted is written again, and then says the same.
    #[test]
    fn records_of_our_own_logs_never_panic(bytes in prop_oneof![1 => junk(), 3 => spoilt()]) {
        if let Ok(sections) = decode_exchange(&bytes) {
            prop_assert_eq!(decode_exchange(&exchange(&sections)), Ok(sections));
        }
        if let Ok(record) = JournalRecord::decode(&bytes) {
            prop_assert_eq!(JournalRecord::decode(&message(|bytes| record.encode(bytes))), Ok(record));
        }
        if let Ok(header) = CheckpointHeader::decode(&bytes) {
            prop_assert_eq!(CheckpointHeader::decode(&message(|bytes| header.encode(bytes))), Ok(header));
        }
        if let Ok((user, score)) = decode_score(&bytes) {
            let again = message(|bytes| encode_score(&user, &score, MODEL_VERSION, bytes));
            prop_assert_eq!(decode_score(&again), Ok((user, score)));
        }
    }
}

#[test]
fn a_failing_read_says_how_far_it_got() {
    let file = b"ana bo 1 RT\nana bo 2 RT\nana b";
    let mut reader = EventReader::new(Trickle { bytes: file, step: 5, turn: 0, fails: true }, Format::Snap, None);
    assert!(reader.next().unwrap().is_some());
    assert!(reader.next().unwrap().is_some());
    let error = reader.next().unwrap_err();
    assert!(matches!(error, ReadError::Io { records: 2, bytes: 24, .. }), "{error:?}");
    assert_eq!(error.to_string(), "read fails after 2 records and 24 bytes");
}

/// Each line opens a quote that the next ones do not close: looking for the end from each anew would take minutes.
#[test]
fn open_quotes_on_every_line_are_read_in_linear_time() {
    let file = with_header(b"a\"b,\"\n".repeat(500_000));
    let (said, covered) = read_all(&file[..], Format::Csv);
    assert_eq!((said.len(), covered), (500_000, file.len() as u64));
}

/// Objects that never close, one after the other: each is looked at once.
#[test]
fn open_objects_are_read_in_linear_time() {
    let file = [&b"[{\"actor\":1,\"target\":2,\"at\":1},\n"[..], &b"{\"a\":[\n".repeat(2_000_000)].concat();
    let layout = Layout::of(&file[..40], Some(Format::Json), &Reading::default()).unwrap();
    let (said, covered) = read_to_end(EventReader::with_layout(&file[..], &layout));
    assert!(said.len() < 100, "{}", said.len());
    assert_eq!(covered, file.len() as u64);
}
