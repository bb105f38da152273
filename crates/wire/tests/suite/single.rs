//! Single records, profiles, scores and dead letters: what they look like.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use crate::common::{bytes, fixed, message, score, unknown_fields};
use expect_test::{Expect, expect};
use proptest::prelude::*;
use vocabulary::{Event, Kind, Received, Score};
use wire::{
    DeadLetter, Encoding, EventDecoder, Malformed, Place, ProfileReader, ScoreFormat, ScoreWriter, decode_score,
    encode_event, encode_score, parse_kind, parse_time, seven_digits,
};

#[test]
fn a_decoder_is_used_again_and_again() {
    let event = Event { actor: "ana", target: "bo", kind: Kind::Follow, at: 5 };
    let mut bytes = Vec::new();
    encode_event(&event, &mut bytes);
    let mut decoder = EventDecoder::new(Encoding::Protobuf, Some(Kind::Reply));
    assert_eq!(decoder.decode(&bytes), Ok(event));
    assert_eq!(decoder.decode(b""), Err(Malformed::Missing("actor")));
    assert_eq!(decoder.decode(&bytes), Ok(event));

    let mut decoder = EventDecoder::new(Encoding::Json, Some(Kind::Follow));
    let json = br#"{"actor":"\u0061na","target":"bo","at":0.005}"#;
    assert_eq!(decoder.decode(json), Ok(event));
    assert!(decoder.decode(b"").is_err());
    assert_eq!(decoder.decode(json), Ok(event));
}

#[test]
fn numbers_up_to_1e11_are_seconds_and_above_it_milliseconds() {
    for (text, at) in [
        ("0", 0),
        ("-0", 0),
        ("0.0005", 1),
        ("1341100972", 1_341_100_972_000),
        ("+1341100972.9994", 1_341_100_972_999),
        ("100000000000", 100_000_000_000_000),
        ("100000000001", 100_000_000_001),
        ("1341100972250.4", 1_341_100_972_250),
        ("253402207200999", 253_402_207_200_999),
        ("9999-12-30T22:00:00.999Z", 253_402_207_200_999),
        ("1970-01-01t00:00:00z", 0),
        ("1409144925000000", 1_409_144_925_000),
        ("1409144925000000000", 1_409_144_925_000),
        ("1409144925000000.5", 1_409_144_925_000),
        ("1409144925,5", 1_409_144_925_500),
        ("2014-08-27", 1_409_097_600_000),
        ("2014-08-27 13:08:45+00", 1_409_144_925_000),
        ("2014-08-27 13:08:45 UTC", 1_409_144_925_000),
        ("2014-08-27 15:08:45 +0200", 1_409_144_925_000),
        ("2014/08/27 13:08:45 GMT", 1_409_144_925_000),
        ("Wed, 27 Aug 2014 13:08:45 +0000", 1_409_144_925_000),
        ("Wed Aug 27 13:08:45 +0000 2014", 1_409_144_925_000),
        ("Wed Aug 27 13:08:45 UTC 2014", 1_409_144_925_000),
        ("27/Aug/2014:13:08:45 +0000", 1_409_144_925_000),
        ("<[1409144925, 1409144999]>", 1_409_144_925_000),
    ] {
        assert_eq!(parse_time(text), Ok(at), "{text}");
    }
    assert_eq!(parse_time("18446744073709551615"), Err(Malformed::TimeTooLate("18446744073709551615".into())));
    assert_eq!(parse_time("1e300"), Err(Malformed::TimeTooLate("1e300".into())));
    assert_eq!(parse_time("1861-05-01"), Err(Malformed::TimeTooEarly("1861-05-01".into())));
    for text in ["2014-08-27 13:08:45", "Wed Aug 27 13:08:45 2014", "2014-08-27T13:08"] {
        assert_eq!(parse_time(text), Err(Malformed::TimeWithoutOffset(text.into())));
    }
    for text in ["8/27/2014 13:08", "27.08.2014", "08-27-2014"] {
        assert_eq!(parse_time(text), Err(Malformed::TimeAmbiguous(text.into())));
    }
    for text in ["1,409", "yesterday", "1_000", "0x10", "inf", "NaN"] {
        assert_eq!(parse_time(text), Err(Malformed::Time(text.into())));
    }
    assert_eq!(parse_time(""), Err(Malformed::Missing("time")));
    assert_eq!(parse_kind("reTweet"), Ok(Kind::Retweet));
}

fn check_profiles(encoding: Encoding, file: &[u8], expected: Expect) {
    let mut reader = ProfileReader::new(file, encoding);
    let mut shown = String::new();
    while let Some(record) = reader.next().unwrap() {
        let number = record.position.number;
        shown += &match record.profile {
            Ok(profile) => format!("{number}: {} {:?} {:?}\n", profile.user, profile.opted_out, profile.trust),
            Err(reason) => format!("{number}: {reason}\n"),
        };
    }
    expected.assert_eq(&shown);
}

#[test]
fn a_profile_says_what_it_says_and_leaves_the_rest() {
    check_profiles(
        Encoding::Json,
        br#"{"user":"ana"}
{"user":"b\u00f6","opted_out":true,"trust":0,"display_name":"Bo","country":"SE","created_at":1,"verified":false}
{"user":"ana","trust":null,"opted_out":null}
{"user":"ana","trust":-0.5}
{"user":"ana","trust":10}
{"user":"ana","trust":10.000000000000002}
{"user":"ana","trust":1e150}
{"user":"ana","trust":"much"}
{"opted_out":true}
{"user":"ana","optedOut":true}
{"user":"ana","opted_out":false}
{"user":"ana","verified":true}"#,
        expect![[r#"
            1: says nothing: a profile has opted_out, trust, created_at, verified (true) or linked
            2: bö Some(true) Some(0.0)
            3: says nothing: a profile has opted_out, trust, created_at, verified (true) or linked
            4: trust -0.5 is not a number from 0 to 10
            5: ana None Some(10.0)
            6: trust 10.000000000000002 is not a number from 0 to 10
            7: trust 1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000 is not a number from 0 to 10
            8: is not the JSON expected: invalid type: string "much", expected f64 at column 28
            9: has no user
            10: is not the JSON expected: unknown field `optedOut`, expected one of `user`, `opted_out`, `trust`, `display_name`, `country`,... at column 24
            11: ana Some(false) None
            12: ana None None
        "#]],
    );
    check_profiles(
        Encoding::Protobuf,
        b"\x05\x0a\x03ana\x10\x0a\x03ana\x10\x01\x19\0\0\0\0\0\0\xe0\x3f\x0e\x0a\x03ana\x19\0\0\0\0\0\0\xf0\x7f\x00",
        expect![[r#"
            1: says nothing: a profile has opted_out, trust, created_at, verified (true) or linked
            2: ana Some(true) Some(0.5)
            3: trust inf is not a number from 0 to 10
            4: has no user
        "#]],
    );
}

const PLACE: Place = Place { rank: 1, percentile: 99.9 };

fn scores(format: ScoreFormat) -> String {
    let mut writer = ScoreWriter::new(Vec::new(), format);
    writer.write("ana", PLACE, &score()).unwrap();
    writer.write("b,\"o\"\\", Place { rank: 2, ..PLACE }, &Score { as_of: 0, ..score() }).unwrap();
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

#[test]
fn scores_are_lines() {
    expect![[r#"
        {"user":"ana","rank":1,"score":71.25,"influence":1e+21,"reach":0.3333333,"amplification":1.0,"network":0.0,"openness":0.1,"room":0.5,"audience":5e-324,"mentions":1,"retweets":2,"replies":18446744073709551615,"likes":0,"quotes":0,"followers":4,"following":5,"percentile":99.9,"as_of":"2012-07-01T00:02:52.25Z","scale":250.0}
        {"user":"b,\"o\"\\","rank":2,"score":71.25,"influence":1e+21,"reach":0.3333333,"amplification":1.0,"network":0.0,"openness":0.1,"room":0.5,"audience":5e-324,"mentions":1,"retweets":2,"replies":18446744073709551615,"likes":0,"quotes":0,"followers":4,"following":5,"percentile":99.9,"as_of":"1970-01-01T00:00:00Z","scale":250.0}
    "#]].assert_eq(&scores(ScoreFormat::Json));
    expect![[r#"
        user,rank,score,influence,reach,amplification,network,openness,room,audience,mentions,retweets,replies,likes,quotes,followers,following,percentile,as_of,scale
        ana,1,71.25,1e+21,0.3333333,1.0,0.0,0.1,0.5,5e-324,1,2,18446744073709551615,0,0,4,5,99.9,2012-07-01T00:02:52.25Z,250.0
        "b,""o""\",2,71.25,1e+21,0.3333333,1.0,0.0,0.1,0.5,5e-324,1,2,18446744073709551615,0,0,4,5,99.9,1970-01-01T00:00:00Z,250.0
    "#]].assert_eq(&scores(ScoreFormat::Csv));
}

#[test]
fn a_score_that_is_no_number_is_refused() {
    let mut writer = ScoreWriter::new(Vec::new(), ScoreFormat::Json);
    let error = writer.write("ana", PLACE, &Score { reach: f64::NAN, ..score() }).unwrap_err();
    assert_eq!(error.to_string(), "reach of \"ana\" is NaN, not a finite number");
    let error = writer.write("ana", PLACE, &Score { as_of: i64::MAX, ..score() }).unwrap_err();
    assert_eq!(error.to_string(), "as_of of \"ana\" is 9223372036854775807 ms, outside the years -9999 to 9999");
    assert!(writer.finish().unwrap().is_empty());
}

/// The bytes are the contract with everyone who kept a copy of the schema.
#[test]
fn a_score_in_protobuf_keeps_its_field_numbers() {
    let mut bytes = Vec::new();
    let small = Score { influence: 0.0, reach: 0.0, openness: 0.0, audience: 0.0, ..score() };
    encode_score("ana", &small, 2, &mut bytes);
    expect![[r#"\n\x03ana\x11\x00\x00\x00\x00\x00\xd0Q@)\x00\x00\x00\x00\x00\x00\xf0?J\x0f\x08\x01\x10\x02\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01P\x04X\x05h\xda\xb1\xe3\xfe\x83\'q\x00\x00\x00\x00\x00@o@x\x03\x81\x01\x00\x00\x00\x00\x00\x80Q@\x88\x01\x02\x91\x01\x00\x00\x00\x00\x00\x00\xe0?"#]].assert_eq(&bytes.escape_ascii().to_string());
}

#[test]
fn a_score_in_protobuf_comes_back() {
    let nothing = Score {
        score: 0.0,
        influence: 0.0,
        reach: 0.0,
        amplification: 0.0,
        openness: 0.0,
        room: 0.0,
        audience: 0.0,
        received: Received::default(),
        followers: 0,
        following: 0,
        as_of: 0,
        scale: 0.0,
        scale_version: 0,
        previous: None,
        ..score()
    };
    let rising = Score { previous: Some(0.0), as_of: i64::MIN, scale_version: u64::MAX, ..score() };
    for score in [score(), nothing, rising] {
        let message = message(|bytes| encode_score("bö", &score, 2, bytes));
        assert_eq!(decode_score(&message), Ok(("bö".into(), score)));
        let later = [message, unknown_fields()].concat();
        assert_eq!(decode_score(&later), Ok(("bö".into(), score)));
    }
    assert_eq!(decode_score(&bytes(1, "bö")), Ok(("bö".into(), Score { room: 1.0, ..nothing })));
}

/// Its factors multiply to the influence as they did.
#[test]
fn a_score_of_the_model_before_room_had_room_for_all() {
    let before = message(|bytes| encode_score("bö", &Score { room: 0.0, ..score() }, 1, bytes));
    assert_eq!(decode_score(&before), Ok(("bö".into(), Score { room: 1.0, ..score() })));
}

#[test]
fn a_score_in_protobuf_is_of_somebody_and_finite() {
    let spoilt = |appended: Vec<u8>| [message(|bytes| encode_score("ana", &score(), 2, bytes)), appended].concat();
    let number = |field, number: f64| fixed(field, number.to_bits());
    let messages = [
        Vec::new(),
        spoilt(bytes(1, "")),
        spoilt(bytes(1, "a\n")),
        spoilt(bytes(1, "a".repeat(513))),
        spoilt(number(2, f64::NAN)),
        spoilt(number(14, f64::INFINITY)),
        spoilt(number(16, f64::NEG_INFINITY)),
        spoilt(bytes(9, [0xff])),
    ];
    let shown = messages.map(|message| decode_score(&message).unwrap_err().to_string() + "\n").concat();
    expect![[r#"
        has no user
        has no user
        name "a\n" contains the control character U+000A
        name of 513 bytes is longer than 512
        score is NaN, not a finite number
        scale is inf, not a finite number
        previous is -inf, not a finite number
        is not the protobuf message expected: failed to decode Protobuf message: Score.received: invalid varint
    "#]]
    .assert_eq(&shown);
}

proptest! {
    #[test]
    fn numbers_of_a_score_have_seven_digits(numbers in proptest::collection::vec(proptest::num::f64::NORMAL | proptest::num::f64::ZERO, 2)) {
        let score = Score { score: numbers[0], scale: numbers[1], ..score() };
        for format in [ScoreFormat::Json, ScoreFormat::Csv] {
            let mut writer = ScoreWriter::new(Vec::new(), format);
            writer.write("ana", PLACE, &score).unwrap();
            let text = String::from_utf8(writer.finish().unwrap()).unwrap();
            let line = text.lines().last().unwrap();
            let (first, last) = match format {
                ScoreFormat::Json => (line.split(['{', ':', ',']).nth(6), line.trim_end_matches('}').split(':').next_back()),
                ScoreFormat::Csv => (line.split(',').nth(2), line.split(',').next_back()),
            };
            for (text, number) in [first.unwrap(), last.unwrap()].into_iter().zip(&numbers) {
                prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), format!("{number:.6e}").parse::<f64>().unwrap().to_bits());
            }
        }
    }

    #[test]
    fn usual_numbers_have_seven_digits(number in -1e7..1e7_f64, tenths in -16..10_i32) {
        let number = number * 10_f64.powi(tenths);
        let (found, exact) = (seven_digits(number), format!("{number:.6e}").parse::<f64>().unwrap());
        // A number half way between two may go to either.
        prop_assert!((found - number).abs() <= (exact - number).abs() * (1.0 + 1e-6), "{} {} {}", number, found, exact);
        let text = found.to_string();
        let digits = text.trim_start_matches(['-', '0', '.']).replace('.', "");
        prop_assert!(digits.trim_end_matches('0').len() <= 7, "{} {}", number, found);
    }
}

#[test]
fn numbers_at_the_edges_have_seven_digits() {
    for (number, text) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0 / 3.0, "0.3333333"),
        (0.7453062403449742, "0.7453062"),
        (99.999_999_9, "100"),
        (9_999_999.6, "10000000"),
        (0.099_999_999_9, "0.1"),
        (123_456_789.0, "123456800"),
        (1.234_567_89e-9, "0.000000001234568"),
        (1e14 + 0.5, "100000000000000"),
    ] {
        assert_eq!(seven_digits(number).to_string(), text);
    }
}

#[test]
fn a_dead_letter_keeps_the_record() {
    let reason = Malformed::Kind("XX".into());
    let mut out = Vec::new();
    for record in [&b"ana \"bo\"\t1 XX"[..], b"ana\xffbo"] {
        DeadLetter { source: "events.txt", line: 3, reason: &reason, record }.write(&mut out).unwrap();
    }
    expect![[r#"
        {"source":"events.txt","line":3,"reason":"kind \"XX\" is none of mention, retweet, reply, follow, unfollow, like, quote, block, unblock","record":"ana \"bo\"\t1 XX"}
        {"source":"events.txt","line":3,"reason":"kind \"XX\" is none of mention, retweet, reply, follow, unfollow, like, quote, block, unblock","record_base64":"YW5h/2Jv"}
    "#]].assert_eq(&String::from_utf8(out).unwrap());
}
