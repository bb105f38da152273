//! Input that cannot be used: told, kept, counted, and survived as far as that makes sense.

use expect_test::{Expect, expect};
use vocabulary::Kind::{Mention, Retweet};
use wire::Format;

use crate::replay::program::{Directory, event, file, gzip, lines, many, zstd};

const SOME_BAD: &str = "\
# who whom when
1 2 1735689600 RT
1
3 2 1735689601 RT extra column
3 2 yesterday RT
3 2 1735689602 VIEW

3 2 1735689603 MT
4 4 1735689604 MT
5 2 1735689605 MT
6 2 1735689606 MT
";

fn check(directory: &Directory, arguments: &str, told: Expect) {
    told.assert_eq(&directory.replay(arguments).told());
}

#[test]
fn bad_lines_are_told_and_the_run_goes_on() {
    let directory = Directory::new().with("log.txt", SOME_BAD);
    check(
        &directory,
        "log.txt",
        expect![[r#"
            exit 0
            log.txt:3: has 1 column, expected actor, target, time and at most a kind
            log.txt:4: has 6 columns, expected actor, target, time and at most a kind
            log.txt:5: time "yesterday" is neither RFC 3339 nor a number of seconds or milliseconds
            note: 1 act was passed over, as their kinds are not scored: "view" 1; --kinds view=mention takes such a one for a mention, view=skip says that it is none
            note: 1 time is not understood; --time-format says how they are written, as in '%d.%m.%Y %H:%M' or '%m/%d/%Y %H:%M'
            read      9 records from log.txt (snap), 2025-01-01T00:00:00Z to 2025-01-01T00:00:06Z
            scored    4 events (1 retweet, 3 mentions); 5 people, 1 of them rated
            left out  1 self-act, 1 act of another kind, 3 malformed lines
        "#]],
    );
    check(
        &directory,
        "log.txt --quiet",
        expect![[r#"
        exit 0
    "#]],
    );
}

#[test]
fn dead_letters_keep_them_with_their_reasons() {
    let directory = Directory::new().with("log.txt", SOME_BAD);
    directory.replay("log.txt --dead-letters bad.ndjson");
    expect![[r#"
        {"source":"log.txt","line":3,"reason":"has 1 column, expected actor, target, time and at most a kind","record":"1"}
        {"source":"log.txt","line":4,"reason":"has 6 columns, expected actor, target, time and at most a kind","record":"3 2 1735689601 RT extra column"}
        {"source":"log.txt","line":5,"reason":"time \"yesterday\" is neither RFC 3339 nor a number of seconds or milliseconds","record":"3 2 yesterday RT"}
    "#]].assert_eq(&directory.read("bad.ndjson"));
}

#[test]
fn only_the_first_bad_lines_are_told() {
    let log = "1 2 1735689600 RT\n".repeat(20) + &"1 2\n".repeat(15);
    let directory = Directory::new().with("log", log);
    check(
        &directory,
        "log",
        expect![[r#"
            exit 0
            log:21: has no time
            log:22: has no time
            log:23: has no time
            log:24: has no time
            log:25: has no time
            log:26: has no time
            log:27: has no time
            log:28: has no time
            log:29: has no time
            log:30: has no time
            and 5 more bad lines; keep all of them with --dead-letters FILE
            read      35 records from log (snap), 2025-01-01T00:00:00Z to 2025-01-01T00:00:00Z
            scored    20 events (20 retweets); 2 people, 1 of them rated
            left out  15 malformed lines
        "#]],
    );
}

#[test]
fn too_many_bad_lines_stop_the_run() {
    let directory = Directory::new().with("log.txt", SOME_BAD);
    check(
        &directory,
        "log.txt --max-bad 2 --accept-loss --scores-out scores.ndjson",
        expect![[r#"
            exit 1
            log.txt:3: has 1 column, expected actor, target, time and at most a kind
            log.txt:4: has 6 columns, expected actor, target, time and at most a kind
            log.txt:5: time "yesterday" is neither RFC 3339 nor a number of seconds or milliseconds
            note: 1 time is not understood; --time-format says how they are written, as in '%d.%m.%Y %H:%M' or '%m/%d/%Y %H:%M'
            read      4 records from log.txt (snap), 2025-01-01T00:00:00Z to 2025-01-01T00:00:00Z
            scored    1 event (1 retweet); 2 people, 1 of them rated
            left out  3 malformed lines
            error: stopped at more bad lines than --max-bad 2: what was read until then counts
        "#]],
    );
    let scores = lines(&directory.read("scores.ndjson"));
    assert_eq!(scores[0]["retweets"], 1, "what came before is scored");
    check(
        &directory,
        "log.txt --max-bad 0 --quiet",
        expect![[r#"
            exit 1
            error: stopped at more bad lines than --max-bad 0: what was read until then counts
        "#]],
    );
    assert_eq!(directory.replay("log.txt --max-bad 3").code, 0);
}

#[test]
fn archives_that_break_off_are_scored_so_far() {
    let log = many(50_000);
    let directory = Directory::new().with("log.gz", gzip(&log)).with("log.zst", zstd(&log));
    let breaks_off = |name: &str| {
        let whole = std::fs::read(directory.path(name)).unwrap();
        std::fs::write(directory.path(name), &whole[..whole.len() / 2]).unwrap();
        let ran = directory.replay(&format!("{name} --scores-out scores.ndjson --json"));
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        let document = ran.document();
        let records = document["summary"]["scored"]["events"].as_u64().unwrap();
        assert!((10_000..40_000).contains(&records), "{records}");
        assert!(ran.stderr.contains(&format!(" after line {records}, byte ")), "{}", ran.stderr);
        assert!(document["summary"]["stopped"].as_str().unwrap().starts_with(name));
        assert_eq!(
            lines(&directory.read("scores.ndjson")).len() as u64,
            document["summary"]["rated"].as_u64().unwrap()
        );
        ran.stderr.split(" after ").next().unwrap().to_owned()
    };
    expect!["error: log.gz breaks off in the middle of the gzip data"].assert_eq(&breaks_off("log.gz"));
    expect!["error: log.zst breaks off in the middle of the zstd data"].assert_eq(&breaks_off("log.zst"));
}

#[test]
fn small_archives_that_break_off_are_told_alike() {
    let log = file(Format::Snap, &[event(0, "ana", Retweet, "bo"), event(1, "ana", Retweet, "cy")]);
    let mut corrupt = gzip(&log);
    let crc_at = corrupt.len() - 8;
    corrupt[crc_at] ^= 1;
    let whole = gzip(&log);
    let directory = Directory::new()
        .with("corrupt.gz", corrupt)
        .with("cut.gz", &whole[..whole.len() - 4])
        .with("head.gz", &whole[..7])
        .with("magic.gz", &whole[..2])
        .with("trailing.gz", [&whole[..], b"rubbish behind the archive"].concat());
    check(
        &directory,
        "corrupt.gz",
        expect![[r#"
            exit 1
            read      2 records from corrupt.gz (snap, gzip), 2020-01-01T00:00:00Z to 2020-01-01T01:00:00Z
            scored    2 events (2 retweets); 3 people, 2 of them rated
            error: corrupt.gz holds corrupt gzip data after line 2, byte 42 of what is unpacked (corrupt gzip stream does not have a matching checksum); what was read until then counts
        "#]],
    );
    check(
        &directory,
        "cut.gz",
        expect![[r#"
            exit 1
            read      2 records from cut.gz (snap, gzip), 2020-01-01T00:00:00Z to 2020-01-01T01:00:00Z
            scored    2 events (2 retweets); 3 people, 2 of them rated
            error: cut.gz breaks off in the middle of the gzip data after line 2, byte 42 of what is unpacked (unexpected end of file); what was read until then counts
        "#]],
    );
    check(
        &directory,
        "head.gz",
        expect![[r#"
            exit 1
            read      0 records from head.gz (snap, gzip)
            scored    0 events; nobody
            error: head.gz breaks off in the middle of the gzip data after line 0, byte 0 of what is unpacked (unexpected end of file); nothing is written, and what is there stays as it was
        "#]],
    );
    check(
        &directory,
        "magic.gz",
        expect![[r#"
            exit 1
            read      0 records from magic.gz (snap, gzip)
            scored    0 events; nobody
            error: magic.gz breaks off in the middle of the gzip data after line 0, byte 0 of what is unpacked (unexpected end of file); nothing is written, and what is there stays as it was
        "#]],
    );
    check(
        &directory,
        "trailing.gz",
        expect![[r#"
            exit 0
            note: trailing.gz: 26 bytes behind the gzip data are no data, and ignored
            read      2 records from trailing.gz (snap, gzip), 2020-01-01T00:00:00Z to 2020-01-01T01:00:00Z
            scored    2 events (2 retweets); 3 people, 2 of them rated
        "#]],
    );
}

#[test]
fn binary_files_that_break_off_are_scored_so_far() {
    let log = file(Format::Protobuf, &[event(0, "ana", Retweet, "bo"), event(1, "ana", Retweet, "cy")]);
    let directory = Directory::new().with("log.pb", &log[..log.len() - 1]);
    check(
        &directory,
        "log.pb",
        expect![[r#"
            exit 1
            read      1 record from log.pb (protobuf), 2020-01-01T00:00:00Z to 2020-01-01T00:00:00Z
            scored    1 event (1 retweet); 2 people, 1 of them rated
            error: log.pb: record 2 at byte 19: file ends within the message; all before it is whole; what was read until then counts
        "#]],
    );
}

#[test]
fn files_of_other_programs_are_called_what_they_are() {
    let files: [(&str, &[u8]); 9] = [
        ("looks like Parquet", b"PAR1\x15\x04\x15"),
        ("looks like a database of SQLite", b"SQLite format 3\0\x10\0"),
        ("looks like Avro", b"Obj\x01\x04\x16"),
        ("ORC or Arrow", b"ORC\n\x0b"),
        ("ORC or Arrow", b"ARROW1\0\0"),
        ("looks like an old workbook", b"\xd0\xcf\x11\xe0\xa1\xb1"),
        ("looks like an archive", b"7z\xbc\xaf\x27\x1c"),
        ("looks like an archive", b"Rar!\x1a\x07"),
        ("packed by lz4", b"\x04\x22\x4d\x18\x60\x40"),
    ];
    for (told, bytes) in files {
        let ran = Directory::new().with("log", bytes).replay("log");
        assert_eq!(ran.code, 2, "{told}: {}", ran.stderr);
        assert!(ran.stderr.contains(told), "{told}: {}", ran.stderr);
    }
}

#[test]
fn what_is_no_event_log_is_refused() {
    let directory = Directory::new()
        .with("novel", "It was the best of times,\nit was the worst of times.\n")
        .with("log.zip", b"PK\x03\x04\x14\0\0\0\x08\0")
        .with("log.xz", b"\xfd7zXZ\0\0\x04")
        .with("twice.gz", gzip(&gzip(b"1 2 3\n")))
        .with("log.csv", "actor,when\nana,5\n");
    check(
        &directory,
        "novel",
        expect![[r#"
            exit 2
            error: novel is in no known format: it is nearest to snap, and line 1: time "the" is neither RFC 3339 nor a number of seconds or milliseconds; --time-format says how they are written, as in '%d.%m.%Y %H:%M' or '%m/%d/%Y %H:%M'; known are lists of actor, target, time and perhaps kind (snap), tables with a header (csv), JSON objects (json) and protobuf messages each after its length (protobuf)
        "#]],
    );
    check(
        &directory,
        "log.zip",
        expect![[r#"
            exit 2
            error: log.zip is in no known format (it looks like a zip archive: unpack it first; if it is a workbook, save its sheet as CSV); known are lists of actor, target, time and perhaps kind (snap), tables with a header (csv), JSON objects (json) and protobuf messages each after its length (protobuf)
        "#]],
    );
    check(
        &directory,
        "log.xz",
        expect![[r#"
            exit 2
            error: log.xz is in no known format (it looks packed by xz: use xzcat and -); known are lists of actor, target, time and perhaps kind (snap), tables with a header (csv), JSON objects (json) and protobuf messages each after its length (protobuf)
        "#]],
    );
    check(
        &directory,
        "twice.gz",
        expect![[r#"
            exit 2
            error: twice.gz is in no known format (it is packed twice: unpack it once and use -); known are lists of actor, target, time and perhaps kind (snap), tables with a header (csv), JSON objects (json) and protobuf messages each after its length (protobuf)
        "#]],
    );
    check(
        &directory,
        "log.csv --format csv",
        expect![[r#"
            exit 2
            error: log.csv cannot be read as csv: the header in line 1 has no target (expected one of target, to, object), no time (expected one of at, time, timestamp, created_at, datetime, date, timeset); its columns are: actor, when; say which column is what with --columns actor=NAME,target=NAME,time=NAME
        "#]],
    );
    check(
        &directory,
        "novel --format snap --max-bad 1",
        expect![[r#"
            exit 1
            novel:1: time "the" is neither RFC 3339 nor a number of seconds or milliseconds
            novel:2: time "the" is neither RFC 3339 nor a number of seconds or milliseconds
            note: 2 times are not understood; --time-format says how they are written, as in '%d.%m.%Y %H:%M' or '%m/%d/%Y %H:%M'
            read      2 records from novel (snap)
            scored    0 events; nobody
            left out  2 malformed lines
            error: none of the 2 lines of novel can be used (novel:1: time "the" is neither RFC 3339 nor a number of seconds or milliseconds; --time-format says how they are written, as in '%d.%m.%Y %H:%M' or '%m/%d/%Y %H:%M', and 1 more like it); nothing is written, and what is there stays as it was
        "#]],
    );
    check(
        &directory,
        "absent",
        expect![[r#"
        exit 2
        error: cannot read absent: No such file or directory (os error 2)
    "#]],
    );
    check(
        &directory,
        ".",
        expect![[r#"
            exit 2
            error: cannot read .: it is a directory without a file in a known format
        "#]],
    );
}

#[test]
fn a_file_that_is_named_twice_counts_once() {
    let directory = Directory::new().with("one", "1 2 1577836803\n4 2 1577836805\n");
    std::fs::create_dir(directory.path("folder")).expect("a folder");
    let directory = directory.with("folder/other", "6 2 1577836807\n");
    std::os::unix::fs::symlink(directory.path("one"), directory.path("folder/link")).expect("a link");
    let told = |arguments: &str| directory.replay(arguments).told();
    for (arguments, again) in [("one one", "one"), ("one ./one", "./one")] {
        let ran = directory.replay(&format!("{arguments} --json"));
        assert_eq!(ran.document()["top"][0]["mentions"], 2, "{arguments}");
        assert!(told(arguments).contains(&format!("note: {again} was named before: it is read once\n")), "{arguments}");
    }
    let ran = directory.replay("one folder folder/other --json");
    assert_eq!(ran.document()["top"][0]["mentions"], 3);
    expect![[r#"
        exit 0
        note: folder/link was named before: it is read once
        note: folder/other was named before: it is read once
        read      3 records from 2 files, merged by time, 2020-01-01T00:00:03Z to 2020-01-01T00:00:07Z
        scored    3 events (3 mentions); 4 people, 1 of them rated
    "#]]
    .assert_eq(&told("one folder folder/other --top 0 --scores-out scores.csv"));
    // All of a folder may have been named before.
    std::fs::remove_file(directory.path("folder/other")).expect("a file");
    assert_eq!(directory.replay("one folder --json").document()["top"][0]["mentions"], 2);
}

#[test]
fn profiles_that_are_given_for_events_are_told() {
    let directory = Directory::new().with("profiles", "{\"user\":\"ana\",\"opted_out\":true}\n");
    check(
        &directory,
        "profiles",
        expect![[r#"
            exit 2
            error: profiles is in no known format of events (it holds profiles: give them by --profiles); known are lists of actor, target, time and perhaps kind (snap), tables with a header (csv), JSON objects (json) and protobuf messages each after its length (protobuf)
        "#]],
    );
}

#[test]
fn a_log_without_events_is_an_error_and_replaces_nothing() {
    let directory = Directory::new()
        .with("empty", "")
        .with("comments", "# nothing\n\n# yet\n")
        .with("log.csv", "actor,target,at\n");
    check(
        &directory,
        "empty",
        expect![[r#"
            exit 1
            note: no events in empty
            read      0 records
            scored    0 events; nobody
            error: there is no event in empty; nothing is written, and what is there stays as it was
        "#]],
    );
    check(
        &directory,
        "comments",
        expect![[r#"
            exit 1
            note: no events in comments
            read      0 records
            scored    0 events; nobody
            error: there is no event in comments; nothing is written, and what is there stays as it was
        "#]],
    );
    check(
        &directory,
        "log.csv --scores-out scores.csv",
        expect![[r#"
            exit 1
            read      0 records from log.csv (csv)
            scored    0 events; nobody
            error: there is no event in log.csv; nothing is written, and what is there stays as it was
        "#]],
    );
    assert!(!std::path::Path::new(&directory.path("scores.csv")).exists(), "there is nothing to write");
    check(
        &directory,
        "empty --format protobuf",
        expect![[r#"
            exit 1
            note: no events in empty
            read      0 records
            scored    0 events; nobody
            error: there is no event in empty; nothing is written, and what is there stays as it was
        "#]],
    );
}

#[test]
fn events_from_the_future_are_bad_lines() {
    let directory = Directory::new().with("log", "1 2 1735689600 RT\n1 2 95617584000 RT\n");
    check(
        &directory,
        "log --dead-letters bad",
        expect![[r#"
            exit 0
            log:2: time 5000-01-01T00:00:00Z lies in the future
            read      2 records from log (snap), 2025-01-01T00:00:00Z to 2025-01-01T00:00:00Z
            scored    1 event (1 retweet); 2 people, 1 of them rated
            left out  1 event from the future
        "#]],
    );
    assert_eq!(lines(&directory.read("bad"))[0]["line"], 2);
    check(
        &directory,
        "log --until 5000-01-01T00:00:00Z",
        expect![[r#"
            exit 0
            read      2 records from log (snap), 2025-01-01T00:00:00Z to 5000-01-01T00:00:00Z
            scored    2 events (2 retweets); 2 people, 1 of them rated
        "#]],
    );
}

#[test]
fn a_few_events_far_beyond_all_others_are_told() {
    let mut events: Vec<_> = (0..10).map(|hour| event(hour, "ana", Mention, "bo")).collect();
    events.push(event(9000, "ana", Mention, "bo"));
    let directory = Directory::new().with("log", file(Format::Json, &events));
    check(
        &directory,
        "log --half-life 1d",
        expect![[r#"
            exit 0
            note: the newest event (2021-01-10T00:00:00Z) lies 374.6 days beyond all others, which have faded by then; --until 2020-01-01T09:00:00Z leaves them out
            read      11 records from log (json), 2020-01-01T00:00:00Z to 2021-01-10T00:00:00Z
            scored    11 events (11 mentions); 2 people, 1 of them rated
        "#]],
    );
    check(
        &directory,
        "log --half-life 1d --until 2020-01-01T09:00:00Z",
        expect![[r#"
            exit 0
            read      11 records from log (json), 2020-01-01T00:00:00Z to 2020-01-01T09:00:00Z
            scored    10 events (10 mentions); 2 people, 1 of them rated
            left out  1 event after --until
        "#]],
    );
}

#[test]
fn late_events_are_counted_and_told() {
    let events = [event(1000, "ana", Mention, "bo"), event(0, "cy", Mention, "bo"), event(1001, "bo", Mention, "bo")];
    let directory = Directory::new().with("log", file(Format::Json, &events));
    check(
        &directory,
        "log --half-life 1d",
        expect![[r#"
            exit 0
            read      3 records from log (json), 2020-01-01T00:00:00Z to 2020-02-11T16:00:00Z
            scored    2 events (2 mentions); 2 people, 1 of them rated
            left out  1 self-act
            late      1 event older than the window of 6 days: counted as received, no more
        "#]],
    );
    assert_eq!(directory.scores("log --half-life 1d")[0]["mentions"], 2);
}
