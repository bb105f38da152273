//! What is written is read back as the same events, in every format, for every name that is accepted.

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
