//! What each file format means: the file, and what is read from it, one line a record.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use vocabulary::{Event, Kind};
use wire::{EventReader, EventWriter, Format};

fn show(file: &[u8], format: Format, default_kind: Option<Kind>) -> String {
    let mut reader = EventReader::new(file, format, default_kind);
    let mut shown = String::new();
    loop {
        match reader.next() {
            Ok(None) => return shown,
            Err(error) => return shown + &format!("{error}\n"),
            Ok(Some(record)) => {
                let number = record.position.number;
                match record.event {
                    Ok(Event { actor, target, kind, at }) => {
                        writeln!(shown, "{number}: {actor} {} {target} at {at}", kind.word()).unwrap()
                    }
                    Err(reason) => writeln!(shown, "{number}: {reason}").unwrap(),
                }
            }
        }
    }
}

fn check(format: Format, file: impl AsRef<[u8]>, expected: Expect) {
    expected.assert_eq(&show(file.as_ref(), format, None));
}

#[test]
fn snap_is_actor_target_time_kind() {
    check(
        Format::Snap,
        "223789 213163 1341100972 MT\n\
         ana\tbo   1341100972.250 retweet \r\n\
         # a comment\n\
         \n\
         a#b bo 1341100972250 Re\n\
         ana bo 2012-07-01T02:02:52+02:00 FO\n\
         ana bo 2012-07-01T00:02:52.5Z un\n\
         ana bo 0 UNFOLLOW",
        expect![[r#"
            1: 223789 mention 213163 at 1341100972000
            2: ana retweet bo at 1341100972250
            5: a#b reply bo at 1341100972250
            6: ana follow bo at 1341100972000
            7: ana unfollow bo at 1341100972500
            8: ana unfollow bo at 0
        "#]],
    );
}

#[test]
fn snap_without_a_kind_has_the_default_kind() {
    let file = "ana bo 1341100972\nana bo 1341100972 RT";
    expect![[r#"
        1: ana reply bo at 1341100972000
        2: ana retweet bo at 1341100972000
    "#]]
    .assert_eq(&show(file.as_bytes(), Format::Snap, Some(Kind::Reply)));
    check(
        Format::Snap,
        file,
        expect![[r#"
            1: has no kind
            2: ana retweet bo at 1341100972000
        "#]],
    );
}

#[test]
fn a_record_that_cannot_be_used_says_why_and_the_next_one_is_read() {
    check(
        Format::Snap,
        b"ana\n\
          ana bo\n\
          ana bo then RT\n\
          ana bo 2012-07-01 00:02:52 RT\n\
          ana bo 2012-07-01T00:02:52 RT\n\
          ana bo -5 RT\n\
          ana bo 1969-12-31T23:59:59.999Z RT\n\
          ana bo 1e300 RT\n\
          ana bo NaN RT\n\
          ana bo inf RT\n\
          ana bo 1 XX\n\
          ana bo 1 RT 7 8\n\
          ana b\xffo 1 RT\n\
          ana b\x07o 1 RT\n\
          ana b\xc2\x85o 1 RT\n\
          ana bo 1 RT\n",
        expect![[r#"
            1: has 1 column, expected actor, target, time and at most a kind
            2: has no time
            3: time "then" is neither RFC 3339 nor a number of seconds or milliseconds
            4: time "2012-07-01" is a date without a time of day
            5: time "2012-07-01T00:02:52" has no offset from UTC: add Z if it is UTC
            6: time -5 is before 1970-01-01T00:00:00Z
            7: time 1969-12-31T23:59:59.999Z is before 1970-01-01T00:00:00Z
            8: time 1e300 is after 9999-12-30T22:00:00Z
            9: time "NaN" is neither RFC 3339 nor a number of seconds or milliseconds
            10: time "inf" is neither RFC 3339 nor a number of seconds or milliseconds
            11: kind "XX" is none of mention, retweet, reply, follow, unfollow, like, quote, block, unblock
            12: has 6 columns, expected actor, target, time and at most a kind
            13: line is not UTF-8 (byte 0xff at 5)
            14: name "b\u{7}o" contains the control character U+0007
            15: name "b\u{85}o" contains the control character U+0085
            16: ana retweet bo at 1000
        "#]],
    );
}

#[test]
fn a_name_has_at_most_512_bytes() {
    let (longest, longer) = ("é".repeat(256), "é".repeat(300));
    check(
        Format::Snap,
        format!("{longest} bo 1 RT\nana {longer} 1 RT"),
        expect![[r#"
            1: éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé retweet bo at 1000
            2: name of 600 bytes is longer than 512
        "#]],
    );
}

#[test]
fn a_line_of_more_than_a_mebibyte_is_malformed_and_skipped() {
    let long = "x".repeat(5_000_000);
    for format in [Format::Snap, Format::Json] {
        expect![[r#"
            2: line is longer than 1048576 bytes
        "#]]
        .assert_eq(&show(format!("#\n{long}\n\n").as_bytes(), format, None));
    }
    check(
        Format::Csv,
        format!("actor,target,at,kind\n{long}\nana,bo,1,RT\n{long}"),
        expect![[r#"
            2: line is longer than 1048576 bytes
            3: ana retweet bo at 1000
            4: line is longer than 1048576 bytes
        "#]],
    );
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_name() {
    check(
        Format::Snap,
        "\u{feff}ana bo 1 RT\n",
        expect![[r#"
            1: ana retweet bo at 1000
        "#]],
    );
    check(
        Format::Csv,
        "\u{feff}actor,target,at,kind\r\n\u{feff}ana,\"b,o\",1,RT",
        expect![[r#"
            2: ﻿ana retweet b,o at 1000
        "#]],
    );
}

#[test]
fn csv_finds_its_columns_by_name() {
    let expected = expect![[r#"
        2: ana retweet bo at 1341100972000
    "#]];
    for file in [
        "actor,target,at,kind\nana,bo,1341100972,RT",
        "Kind,Created_At,Object,User\nretweet,1341100972000,bo,ana",
        "id;text;source;to;timestamp;action\n17;hello, world;ana;bo;2012-07-01T00:02:52Z;RETWEET",
        "FROM\tTO\tTIME\tTYPE\tmore\nana\tbo\t1341100972.0\trt\tand more",
        "\"actor\",target,\"at\",event\n\"ana\",bo,1341100972,\"RT\"",
        "actor, target , at, kind\nana, bo , 1341100972 , RT",
        "user,actor,target,at,kind\n17,ana,bo,1341100972,RT",
    ] {
        expected.assert_eq(&show(file.as_bytes(), Format::Csv, None));
    }
    expected.assert_eq(&show(b"actor,target,at\nana,bo,1341100972", Format::Csv, Some(Kind::Retweet)));
}

#[test]
fn csv_quotes_reach_over_lines_and_a_quote_without_an_end_costs_one_line() {
    check(
        Format::Csv,
        "actor,target,at,text,kind\n\
         \"a \"\"n\"\", a\",bo,1,\"first\n\
         # second\n\n\
         third\",RT\n\
         ana,5\" bo,2,\"\",RT\n\
         ana,bo,3,\"open,RT\n\
         ana,bo,4,,RT\n\
         ana,bo,5,,RT\n",
        expect![[r#"
            2: a "n", a retweet bo at 1000
            6: ana retweet 5" bo at 2000
            7: has a quote that is not closed
            8: ana retweet bo at 4000
            9: ana retweet bo at 5000
        "#]],
    );
}

#[test]
fn csv_rows_that_are_too_short_lack_something() {
    check(
        Format::Csv,
        "actor,target,at,kind\nana\nana,bo\nana,bo,1\nana,bo,1,RT,more\n,bo,1,RT\nana, ,1,RT",
        expect![[r#"
            2: has 1 column: target is column 2
            3: has 2 columns: time is column 3
            4: has 3 columns: kind is column 4
            5: ana retweet bo at 1000
            6: has no actor
            7: ana retweet   at 1000
        "#]],
    );
}

#[test]
fn csv_without_the_columns_is_refused() {
    check(
        Format::Csv,
        "# about\nid;Who;target\n1;ana;bo\n",
        expect![[r#"
            line 2: header has no actor (expected one of actor, source, from, user), no time (expected one of at, time, timestamp, created_at, datetime, date, timeset); its columns are: id, who, target
        "#]],
    );
    check(Format::Csv, "# nothing\n\n", expect![""]);
}

#[test]
fn json_is_an_object_a_line() {
    check(
        Format::Json,
        r##"{"actor":"ana","target":"bo","at":1341100972000,"kind":"retweet"}
# a comment
{"kind":"MT","at":1341100972,"target":"b\u00f6\"","actor":"\ud83e\udd80","more":{"at":[1,null]}}
{"actor":"ana","target":"bo","timestamp":1341100972.25,"type":"reply"}
{"actor":"ana","target":"bo","time":"2012-07-01T00:02:52Z","type":"x","kind":"FO"}
{"actor":"ana","target":"bo","at":null,"time":"1341100972","kind":"unfollow"}
  {"actor":"ana","target":"bo","at":1.341100972e9,"kind":"Unfollow"}  "##,
        expect![[r#"
            1: ana retweet bo at 1341100972000
            3: 🦀 mention bö" at 1341100972000
            4: ana reply bo at 1341100972250
            5: ana follow bo at 1341100972000
            6: ana unfollow bo at 1341100972000
            7: ana unfollow bo at 1341100972000
        "#]],
    );
}

#[test]
fn json_that_is_no_event_says_why() {
    check(
        Format::Json,
        r#"{"actor":"ana","target":"bo","at":1}
{"actor":"ana","at":1,"kind":"reply"}
{"actor":"ana","target":"bo","kind":"reply"}
{"actor":12,"target":"bo","at":1,"kind":"reply"}
{"actor":"ana","target":"bo","at":true,"kind":"reply"}
{"actor":"ana","target":"bo","at":"2012-07-01T00:02:52","kind":"reply"}
{"actor":"ana","target":"bo","at":-1,"kind":"reply"}
{"actor":"ana","target":"bo","at":18446744073709551615,"kind":"reply"}
{"actor":"ana","target":"bo","at":1e999,"kind":"reply"}
{"actor":"ana","target":"b\no","at":1,"kind":"reply"}
{"actor":"ana","actor":"bo","target":"bo","at":1,"kind":"reply"}
{"actor":"ana","target":"bo","at":1,"kind":"reply"
["ana","bo",1,"reply"] x
{}"#,
        expect![[r#"
            1: has no kind
            2: has no target
            3: has no time
            4: 12 reply bo at 1000
            5: is not the JSON expected: invalid type: boolean `true`, expected seconds, milliseconds or RFC 3339 at column 38
            6: time "2012-07-01T00:02:52" has no offset from UTC: add Z if it is UTC
            7: time -1 is before 1970-01-01T00:00:00Z
            8: time 18446744073709551615 is after 9999-12-30T22:00:00Z
            9: is not the JSON expected: number out of range at column 39
            10: name "b\no" contains the control character U+000A
            11: is not the JSON expected: duplicate field `actor` at column 22
            12: is not the JSON expected: EOF while parsing an object at column 50
            13: is not a JSON object
            14: has no actor
        "#]],
    );
    assert!(
        show(&[b"[".repeat(100_000), b"\n".to_vec()].concat(), Format::Json, None).contains("is not a JSON object")
    );
}

const ANA_RETWEETS_BO: &[u8] = b"\x0a\x03ana\x12\x02bo\x18\xe0\xd8\xbe\x85\x84\x27\x20\x02";

fn framed(messages: &[&[u8]]) -> Vec<u8> {
    let mut file = Vec::new();
    for message in messages {
        assert!(message.len() < 128, "a length of one byte");
        file.push(message.len() as u8);
        file.extend_from_slice(message);
    }
    file
}

#[test]
fn protobuf_is_a_length_and_a_message() {
    let later_field = [ANA_RETWEETS_BO, b"\x2a\x01i\xa2\x06\x03new"].concat();
    check(
        Format::Protobuf,
        framed(&[
            ANA_RETWEETS_BO,
            &later_field,
            b"",
            b"\x0a\x03ana\x12\x02bo",
            b"\x0a\x03ana\x12\x02bo\x20\x63",
            b"\x0a\x03ana\x12\x02bo\x20\x05",
            b"\x0a\x03an\xff\x12\x02bo\x20\x05",
            b"\x0a\x30ana",
            ANA_RETWEETS_BO,
        ]),
        expect![[r#"
            1: ana retweet bo at 1341115051104
            2: ana retweet bo at 1341115051104
            3: has no actor
            4: has no kind
            5: kind 99 is none of 1 (mention), 2 (retweet), 3 (reply), 4 (follow), 5 (unfollow), 6 (like), 7 (quote), 8 (block), 9 (unblock)
            6: ana unfollow bo at 0
            7: is not the protobuf message expected: failed to decode Protobuf message: Event.actor: invalid string value: data is not UTF-8 encoded
            8: is not the protobuf message expected: failed to decode Protobuf message: Event.actor: buffer underflow
            9: ana retweet bo at 1341115051104
        "#]],
    );
}

#[test]
fn protobuf_with_a_broken_length_is_read_up_to_there() {
    let whole = framed(&[ANA_RETWEETS_BO, ANA_RETWEETS_BO]);
    check(
        Format::Protobuf,
        &whole[..whole.len() - 1],
        expect![[r#"
        1: ana retweet bo at 1341115051104
        record 2 at byte 19: file ends within the message; all before it is whole
    "#]],
    );
    check(
        Format::Protobuf,
        [&whole[..], b"\xff\xff\x7f more"].concat(),
        expect![[r#"
        1: ana retweet bo at 1341115051104
        2: ana retweet bo at 1341115051104
        record 3 at byte 38: length is not a number up to 1048576; all before it is whole
    "#]],
    );
    check(
        Format::Protobuf,
        [&whole[..], b"\x80"].concat(),
        expect![[r#"
        1: ana retweet bo at 1341115051104
        2: ana retweet bo at 1341115051104
        record 3 at byte 38: file ends within the length; all before it is whole
    "#]],
    );
    check(
        Format::Protobuf,
        [&[0x80; 12][..], b"\x01"].concat(),
        expect![[r#"
        record 1 at byte 0: length is not a number up to 1048576; all before it is whole
    "#]],
    );
}

#[test]
fn a_file_is_written_like_this() {
    let events = [
        Event { actor: "twitter:12", target: "bö", kind: Kind::Retweet, at: 1_341_100_972_000 },
        Event { actor: "a,\"b\"", target: "#c", kind: Kind::Unfollow, at: 1_341_100_972_250 },
        Event { actor: "ana", target: "bo", kind: Kind::Reply, at: 5 },
    ];
    let write = |format| {
        let mut writer = EventWriter::new(Vec::new(), format);
        for event in &events {
            writer.write(event).unwrap();
        }
        String::from_utf8(writer.finish().unwrap()).unwrap()
    };
    expect![[r#"
        twitter:12 bö 1341100972 RT
        a,"b" #c 1341100972.250 UN
        ana bo 0.005 RE
    "#]]
    .assert_eq(&write(Format::Snap));
    expect![[r##"
        actor,target,at,kind
        twitter:12,bö,1341100972000,retweet
        "a,""b""","#c",1341100972250,unfollow
        ana,bo,1970-01-01T00:00:00.005Z,reply
    "##]]
    .assert_eq(&write(Format::Csv));
    expect![[r##"
        {"actor":"twitter:12","target":"bö","at":1341100972000,"kind":"retweet"}
        {"actor":"a,\"b\"","target":"#c","at":1341100972250,"kind":"unfollow"}
        {"actor":"ana","target":"bo","at":"1970-01-01T00:00:00.005Z","kind":"reply"}
    "##]]
    .assert_eq(&write(Format::Json));
}

#[test]
fn an_event_that_would_not_be_read_back_is_not_written() {
    let event = Event { actor: "ana", target: "bo", kind: Kind::Retweet, at: 1 };
    let refuse = |format, event: Event<'_>| {
        let mut writer = EventWriter::new(Vec::new(), format);
        let error = writer.write(&event).unwrap_err();
        assert!(writer.finish().unwrap().is_empty() || format == Format::Csv);
        error.to_string()
    };
    expect![[
        r#"name "b o" has a space or begins like a comment: no snap list can carry it, but csv, json and protobuf can"#
    ]]
    .assert_eq(&refuse(Format::Snap, Event { target: "b o", ..event }));
    expect![[r##"name "#ana" has a space or begins like a comment: no snap list can carry it, but csv, json and protobuf can"##]].assert_eq(&refuse(Format::Snap, Event { actor: "#ana", ..event }));
    expect!["event has no actor"].assert_eq(&refuse(Format::Csv, Event { actor: "", ..event }));
    expect![[r#"event name "b\no" contains the control character U+000A"#]]
        .assert_eq(&refuse(Format::Json, Event { target: "b\no", ..event }));
    expect!["event time -1 is before 1970-01-01T00:00:00Z"]
        .assert_eq(&refuse(Format::Protobuf, Event { at: -1, ..event }));
}
