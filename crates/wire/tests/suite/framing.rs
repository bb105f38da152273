//! What may stand before a record, and the id that may be in it.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use vocabulary::{Event, Kind};
use wire::{Encoding, EventDecoder, Framing, ProfileDecoder, encode_event, encode_event_with_id};

const JSON: &str = r#"{"actor":"ana","target":"bo","at":1341100972,"kind":"retweet"}"#;
const EVENT: Event<'_> = Event { actor: "ana", target: "bo", kind: Kind::Retweet, at: 1_341_100_972_000 };

fn message() -> Vec<u8> {
    let mut message = Vec::new();
    encode_event(&EVENT, &mut message);
    message
}

fn check(encoding: Encoding, records: &[Vec<u8>], expected: Expect) {
    let mut decoder = EventDecoder::new(encoding, None).framed(Framing::Confluent);
    let mut shown = String::new();
    for record in records {
        match decoder.decode(record) {
            Ok(event) => writeln!(shown, "{} {:?} {}", event.actor, event.kind, event.target).unwrap(),
            Err(reason) => writeln!(shown, "{reason}").unwrap(),
        }
    }
    expected.assert_eq(&shown);
}

#[test]
fn json_stands_behind_a_zero_and_four_bytes() {
    let framed = |head: &[u8]| [head, JSON.as_bytes()].concat();
    check(
        Encoding::Json,
        &[
            framed(&[0, 0, 0, 0, 7]),
            framed(&[0, 255, 255, 255, 255]),
            framed(&[]),
            framed(&[1, 0, 0, 0, 7]),
            framed(&[0, 0, 0, 0, 7, 0]),
            vec![0, 0, 0, 0],
            vec![0, 0, 0, 0, 7],
            vec![],
        ],
        expect![[r#"
            ana Retweet bo
            ana Retweet bo
            is not in the Confluent wire format: begins with byte 0x7b where 0 is due
            is not in the Confluent wire format: begins with byte 0x01 where 0 is due
            is not a JSON object
            is not in the Confluent wire format: 4 bytes cannot hold a zero and the number of a schema
            is not a JSON object
            is not in the Confluent wire format: 0 bytes cannot hold a zero and the number of a schema
        "#]],
    );
}

#[test]
fn protobuf_says_as_well_where_its_message_stands() {
    let framed = |indexes: &[u8]| [&[0, 0, 0, 0, 7], indexes, &message()].concat();
    check(
        Encoding::Protobuf,
        &[
            // The first message, as all serialisers write it, and as it may be written.
            framed(&[0]),
            framed(&[2, 0]),
            // The second message, and the third one in it.
            framed(&[2, 2]),
            framed(&[4, 2, 4]),
            // Two bytes for a small number, and a large one.
            framed(&[0x80, 0]),
            framed(&[2, 0xfe, 0xff, 0xff, 0xff, 0x0f]),
            // Without indexes the first field is taken for them.
            framed(&[]),
            framed(&[1]),
            framed(&[2, 1]),
            framed(&[0x82, 1]),
            [&[0, 0, 0, 0, 7][..], &[0xff; 11]].concat(),
            vec![0, 0, 0, 0, 7],
            vec![0, 0, 0, 0, 7, 4, 0],
            vec![0, 0, 0, 0, 7, 0],
            message(),
            vec![],
        ],
        expect![[r#"
            ana Retweet bo
            ana Retweet bo
            ana Retweet bo
            ana Retweet bo
            ana Retweet bo
            ana Retweet bo
            is not in the Confluent wire format: message index -2 is negative
            is not in the Confluent wire format: -1 message indexes are not 0 to 64
            is not in the Confluent wire format: message index -1 is negative
            is not in the Confluent wire format: 65 message indexes are not 0 to 64
            is not in the Confluent wire format: a message index is no number
            is not in the Confluent wire format: a message index is no number
            is not in the Confluent wire format: a message index is no number
            has no actor
            is not in the Confluent wire format: begins with byte 0x0a where 0 is due
            is not in the Confluent wire format: 0 bytes cannot hold a zero and the number of a schema
        "#]],
    );
}

#[test]
fn profiles_are_framed_likewise() {
    let mut json = ProfileDecoder::new(Encoding::Json).framed(Framing::Confluent);
    assert_eq!(json.decode(b"\0\0\0\0\x09{\"user\":\"ana\",\"trust\":1}").unwrap().user, "ana");
    let mut protobuf = ProfileDecoder::new(Encoding::Protobuf).framed(Framing::Confluent);
    assert_eq!(protobuf.decode(b"\0\0\0\0\x09\0\x0a\x03ana\x10\0").unwrap().opted_out, Some(false));
    assert!(protobuf.decode(b"\x0a\x03ana").is_err());
}

fn check_ids(encoding: Encoding, records: &[Vec<u8>], expected: Expect) {
    let mut decoder = EventDecoder::new(encoding, None);
    let mut shown = String::new();
    for record in records {
        let takes_it = decoder.decode(record).is_ok();
        match decoder.decode_with_id(record) {
            Ok((event, id)) => writeln!(shown, "{} {id:?}", event.actor).unwrap(),
            Err(reason) => writeln!(shown, "{reason}; taken where ids do not count: {takes_it}").unwrap(),
        }
    }
    expected.assert_eq(&shown);
}

#[test]
fn an_id_names_an_event_among_its_actors() {
    let json = |id: &str| JSON.replace('}', &format!(",\"id\":{id}}}")).into_bytes();
    let ids = ["\"a-1\"", "\"\\u00e9\\n\"", "\"\"", "null", "7", "-7", "18446744073709551615"];
    let others = ["1.5", "99999999999999999999", "true", "[1,{\"a\":2}]", "{\"a\":[1]}", "\"a"];
    let records: Vec<Vec<u8>> = ids.into_iter().chain(others).map(json).collect();
    check_ids(
        Encoding::Json,
        &records,
        expect![[r#"
        ana "a-1"
        ana "é\n"
        ana ""
        ana ""
        ana "7"
        ana "-7"
        ana "18446744073709551615"
        id is neither a string nor a whole number; taken where ids do not count: true
        id is neither a string nor a whole number; taken where ids do not count: true
        id is neither a string nor a whole number; taken where ids do not count: true
        id is neither a string nor a whole number; taken where ids do not count: true
        id is neither a string nor a whole number; taken where ids do not count: true
        is not the JSON expected: EOF while parsing a string at column 70; taken where ids do not count: false
    "#]],
    );
    let with_id = |id: &str| {
        let mut message = Vec::new();
        encode_event_with_id(&EVENT, id, &mut message);
        message
    };
    let records = [message(), with_id("a-1"), with_id("é\n"), [message(), b"\x2a\x01\xff".to_vec()].concat()];
    check_ids(
        Encoding::Protobuf,
        &records,
        expect![[r#"
        ana ""
        ana "a-1"
        ana "é\n"
        is not the protobuf message expected: failed to decode Protobuf message: Event.id: invalid string value: data is not UTF-8 encoded; taken where ids do not count: false
    "#]],
    );
}
