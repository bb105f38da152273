//! What is written is read back as the same events, in every format, for every name that is accepted.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use influence::{Event, Kind};
use proptest::prelude::*;
use wire::{AT_MAX, EventReader, EventWriter, Format, WriteError};

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
