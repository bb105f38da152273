//! Which files are taken for which format.

use wire::{Format, Layout, Reading, Reason};

fn check(expected: Option<Format>, head: impl AsRef<[u8]>) {
    let head = head.as_ref();
    assert_eq!(Format::recognise(head), expected, "{:?}", String::from_utf8_lossy(&head[..head.len().min(200)]));
}

#[test]
fn events_are_recognised() {
    check(Some(Format::Snap), "223789 213163 1341100972 MT\n");
    check(Some(Format::Snap), "# from a data set\n\n9 8 1254192988\n4 4 1254194656\n");
    check(Some(Format::Snap), "\u{feff}ana\tbo\t2012-07-01T00:02:52Z\r\n");
    check(Some(Format::Snap), "1 2 3");
    check(Some(Format::Csv), "actor,target,at,kind\n");
    check(Some(Format::Csv), "\u{feff}# exported\r\n\"User\";\"To\";\"Time\"\r\n");
    check(Some(Format::Csv), "source\ttarget\ttimestamp\n1\t2\t1341100972\n");
    check(Some(Format::Json), r#"{"actor":"ana","target":"bo","at":1,"kind":"reply"}"#);
    check(Some(Format::Json), "# exported\n{\"actor\":\"ana\",\"target\":\"bo\",\"at\":1}\n{\"actor\":\"ana\",\"tar");
    check(Some(Format::Protobuf), b"\x0d\x0a\x03ana\x12\x02bo\x18\x01\x20\x02");
    check(Some(Format::Protobuf), b"\x0d\x0a\x03ana\x12\x02bo\x18\x01\x20\x02\x0d\x0a\x03an");
}

#[test]
fn what_is_written_otherwise_is_recognised_too() {
    check(Some(Format::Json), "[{\"actor\":\"ana\",\"target\":\"bo\",\"at\":1}]\n");
    check(
        Some(Format::Json),
        "[\n{\"actor\":\"ana\",\"target\":\"bo\",\"at\":1},\n{\"actor\":\"ana\",\"target\":\"bo\",\"at\":1}\n]\n",
    );
    check(Some(Format::Json), "{\n  \"actor\": \"ana\",\n  \"target\": \"bo\",\n  \"at\": 1\n}\n");
    check(Some(Format::Json), "{\"actor\":1,\"target\":2,\"at\":1}{\"actor\":1,\"target\":3,\"at\":1}");
    check(Some(Format::Json), format!("[{}]", [r#"{"actor":"ana","target":"bo","at":1}"#; 5000].join(",")));
    check(Some(Format::Snap), "% asym positive\n% 4 3 3\n1 2 1 1082008561\n3 2 1 1082008562\n2 3 -1 1082008563\n");
    check(Some(Format::Csv), "6,2,4,1289241911.72836\n6,5,2,1289241941.53378\n");
    check(Some(Format::Csv), "ana;bo;2014-08-27T13:08:45Z\n");
    check(Some(Format::Csv), "ana|bo|2014-08-27T13:08:45Z|reply\n");
    check(Some(Format::Csv), "sep=;\r\nactor;target;at\r\n");
    check(Some(Format::Json), "{\"actor\":\"ana\",\"at\":1}\n");
}

/// The nearest format, and what is wrong there.
#[test]
fn what_is_not_recognised_is_near_to_something() {
    let check = |head: &str, nearest: Format, line: u64, what: &str| {
        let unrecognised = Layout::of(head.as_bytes(), None, &Reading::default()).unwrap_err();
        let reason = match unrecognised.reason {
            Reason::Record(malformed) => malformed.to_string(),
            Reason::Header(reason) => reason,
            Reason::Nothing => String::new(),
        };
        assert_eq!((unrecognised.nearest, unrecognised.line), (nearest, line), "{head}");
        assert!(reason.contains(what), "{head}: {reason}");
    };
    check(
        "# about\n\nuser_id,screen_name,text\n1,ana,hi\n",
        Format::Csv,
        3,
        "its columns are: user_id, screen_name, text",
    );
    check("{\"actor\":1.5,\"target\":2,\"at\":1}\n", Format::Json, 1, "expected a string or a whole number");
    check("{\"source\":\"ana\"}\n", Format::Json, 1, "has no actor");
    check("ana bo 2014-08-27T13:08:45\n", Format::Snap, 1, "has no offset from UTC");
    check("1 2\n2 3\n", Format::Snap, 1, "has no time");
    // Of more columns than a list has, the fourth is no kind.
    check("1 2 1341100972 12:00:00 +0000\n", Format::Snap, 1, "has 5 columns");
    // Blanks inside an object part no columns.
    check("{\"created_at\":\"Wed Jan 01 12:00:00\"}\n", Format::Json, 1, "has no actor");
}

#[test]
fn a_few_malformed_records_do_not_hide_a_format() {
    check(Some(Format::Snap), "1 2 1341100972\n3 4\n5 6 1341100973\n7 b\n8 9 1\n");
    // A name may begin as an object does.
    check(Some(Format::Snap), "{ ana 1341100972\n");
    check(Some(Format::Snap), b"1 2 1341100972\n\xff\xff\n5 6 1341100973\n");
    check(None, "1 2 1341100972\n3 4\n5 6\n");
}

#[test]
fn what_comes_after_64_kib_does_not_count() {
    let events = "1 2 1341100972\n".repeat(10_000);
    check(Some(Format::Snap), &events);
    check(Some(Format::Snap), [events.as_bytes(), &[0xff; 10]].concat());
    check(None, "# nothing but comments\n".repeat(10_000) + &events);
}

#[test]
fn everything_else_is_not() {
    check(None, "");
    check(None, "\n\n");
    check(None, "\u{feff}");
    check(None, "# a comment\n# and another\n");
    check(None, b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x02\x00\x00\x00\x02\x00\x08\x06\x00\x00\x00");
    check(None, b"\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03events.txt\x00");
    check(None, b"PK\x03\x04\x14\x00\x00\x00\x08\x00");
    check(None, b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n");
    check(None, b"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00>\x00\x01\x00\x00\x00");
    check(None, [0; 4096]);
    check(None, [0xff; 4096]);
    check(None, (0..=255).collect::<Vec<u8>>());
    check(None, "<!DOCTYPE html>\n<html>\n<head><title>404</title></head>\n<body>not found</body>\n</html>\n");
    check(None, "It was the best of times, it was the worst of times,\nit was the age of wisdom, in 1775\n");
    check(None, "From, to and at: words of a novel\n");
    check(None, "{\n  \"target\": \"ana\"\n}\n");
    check(None, "{\"user\":\"ana\",\"trust\":1}\n");
    check(None, "[{\"user\":\"ana\"}]\n");
    check(None, "1,2,3\n4,5,6\n");
    check(None, "a,b\n1409144925,2\n");
    check(None, "id,name,when\n1,ana,2012\n");
    check(None, "1 2\n2 3\n3 4\n");
    check(None, "a\0c\0t\0o\0r\0,\0t\0a\0r\0g\0e\0t\0");
}

#[test]
fn a_format_is_named_by_its_word() {
    for format in Format::ALL {
        assert_eq!(format.to_string().to_uppercase().parse(), Ok(format));
    }
    let error = "xml".parse::<Format>().unwrap_err();
    assert_eq!(error.to_string(), "format \"xml\" is none of snap, csv, json, protobuf");
}
