//! What is read: formats, packings, kinds, profiles, several files.

use expect_test::expect;
use serde_json::Value;
use vocabulary::Event;
use vocabulary::Kind::{Block, Follow, Like, Mention, Reply, Retweet, Unblock, Unfollow};
use wire::Format;

use crate::replay::program::{Directory, event, file, gzip, many, zstd};

fn events() -> Vec<Event<'static>> {
    vec![
        event(0, "ana", Retweet, "bo"),
        event(1, "cy", Mention, "bo"),
        event(2, "dee", Reply, "bo"),
        event(3, "bo", Retweet, "cy"),
        event(4, "ana", Follow, "cy"),
        event(5, "dee", Follow, "cy"),
        event(6, "dee", Unfollow, "cy"),
        event(7, "x y, \"z\"", Mention, "日本"),
    ]
}

#[test]
fn every_format_and_packing_gives_the_same_scores() {
    let expected = Directory::new().with("log", file(Format::Json, &events())).scores("log");
    assert_eq!(expected.len(), 3);
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Snap) {
        let plain = file(format, &events());
        let halves = plain.split_at(plain.len() / 2);
        let packed = [
            ("plain", plain.clone()),
            ("gzip", gzip(&plain)),
            ("gzip of two members", [gzip(halves.0), gzip(halves.1)].concat()),
            ("zstd", zstd(&plain)),
            ("zstd of two frames", [zstd(halves.0), zstd(halves.1)].concat()),
            ("zstd behind a frame to skip", [b"\x50\x2a\x4d\x18\x02\0\0\0hi", &zstd(&plain)[..]].concat()),
        ];
        for (packing, bytes) in packed {
            let directory = Directory::new().with("log", &bytes);
            assert_eq!(directory.scores("log"), expected, "{format}, {packing}");
            assert_eq!(directory.scores(&format!("--format {format} log")), expected, "{format}, {packing}");
            let ran = directory.replay_stdin("- --scores-out - --quiet", &bytes);
            assert_eq!(crate::replay::program::lines(&ran.stdout), expected, "{format}, {packing}, from stdin");
        }
    }
}

/// In every format, on any number of partitions, and killed in the middle: what comes between a block and its end gives nothing.
#[test]
fn a_block_swallows_what_comes_after_it() {
    let mut events = vec![
        event(0, "bo", Like, "ana"),
        event(1, "ana", Block, "bo"),
        event(2, "bo", Like, "ana"),
        event(3, "bo", Follow, "ana"),
        event(4, "ana", Mention, "bo"),
        event(5, "ana", Unblock, "bo"),
        event(6, "bo", Retweet, "ana"),
        event(7, "ana", Unblock, "cy"),
        event(8, "ana", Block, "cy"),
        event(9, "cy", Reply, "ana"),
    ];
    let others: Vec<String> = (0..40).map(|number| format!("u{number}")).collect();
    for (hours, other) in (10..).zip(&others) {
        events.extend([
            event(hours, "ana", Block, other),
            event(hours, other, Like, "ana"),
            event(hours, other, Like, "bo"),
        ]);
    }
    for format in Format::ALL.into_iter().filter(|format| *format != Format::Snap) {
        let directory = Directory::new().with("log", file(format, &events));
        for partitions in [1, 4, 16] {
            let ran = directory.replay(&format!("log --json --partitions {partitions} --top 50"));
            assert_eq!(ran.code, 0, "{}", ran.stderr);
            let document = ran.document();
            assert_eq!(document["summary"]["left_out"]["blocked"], 43, "{format}, {partitions} partitions");
            let scored = &document["summary"]["scored"];
            assert_eq!((&scored["blocks"], &scored["unblocks"]), (&Value::from(42), &Value::from(2)));
            let counts = |user: &str| {
                let users = document["top"].as_array().expect("a list");
                let found = users.iter().find(|line| line["user"] == user).expect("somebody who is rated");
                ["likes", "retweets", "replies", "mentions", "followers"].map(|kind| found[kind].as_u64().unwrap_or(0))
            };
            assert_eq!(counts("ana"), [1, 1, 0, 0, 0], "{format}, {partitions} partitions");
            assert_eq!(counts("bo"), [40, 0, 0, 1, 0], "{format}, {partitions} partitions");
        }
        let whole = directory.scores("log --partitions 4");
        assert_eq!(directory.scores("log --partitions 4 --state state"), whole, "{format}");
        assert_eq!(
            directory.scores("log --partitions 4 --state state"),
            whole,
            "{format}: read again beside its state"
        );
    }
    let text = "actor,target,kind,at\nana,bo,block,1700000000\nbo,ana,like,1700000001\n";
    let ran = Directory::new().with("log.csv", text).replay("log.csv");
    assert!(ran.stderr.contains("left out  1 act on somebody who blocks the actor"), "{}", ran.stderr);
}

#[test]
fn snap_lists_name_kinds_or_not() {
    let counts = |log: &str, options: &str| {
        let directory = Directory::new().with("log", log);
        let scores = directory.scores(&format!("log {options}"));
        let received = |line: &Value| ["mentions", "replies", "retweets"].map(|kind| line[kind].to_string()).join(" ");
        scores.iter().map(|line| format!("{} {}", line["user"], received(line))).collect::<Vec<_>>().join("; ")
    };
    let with_kinds = "1 2 1254192988 RT\n3 2 1254192989 MT\n3 2 1254192989 RE\n";
    let without = "1 2 1254192988\n3 2 1254192989\n";
    expect![[r#""2" 1 1 1"#]].assert_eq(&counts(with_kinds, ""));
    expect![[r#""2" 1 1 1"#]].assert_eq(&counts(with_kinds, "--kind reply"));
    expect![[r#""2" 2 0 0"#]].assert_eq(&counts(without, ""));
    expect![[r#""2" 0 2 0"#]].assert_eq(&counts(without, "--kind reply"));
    expect![[r#""2" 0 0 2"#]].assert_eq(&counts(without, "--kind RT"));
}

#[test]
fn several_files_are_merged_by_time() {
    let events = events();
    let (one, other): (Vec<_>, Vec<_>) = events.iter().partition(|event| event.at % 2 == 0 && event.actor != "dee");
    let directory = Directory::new()
        .with("all", file(Format::Json, &events))
        .with("one.csv", file(Format::Csv, &one))
        .with("other.pb.gz", gzip(&file(Format::Protobuf, &other)))
        .with("empty", "");
    let expected = directory.scores("all");
    assert_eq!(directory.scores("one.csv other.pb.gz"), expected);
    assert_eq!(directory.scores("other.pb.gz one.csv"), expected);
    let ran = directory.replay("one.csv other.pb.gz empty --scores-out scores.ndjson --top 0");
    expect![[r#"
        exit 0
        note: no events in empty
        read      8 records from 2 files, merged by time, 2020-01-01T00:00:00Z to 2020-01-01T07:00:00Z
        scored    8 events (2 retweets, 2 mentions, 1 reply, 2 follows, 1 unfollow); 6 people, 3 of them rated
    "#]]
    .assert_eq(&ran.told());
}

#[test]
fn an_event_out_of_order_comes_when_its_files_turn_comes() {
    let one = [event(5, "ana", Mention, "bo"), event(1, "ana", Mention, "cy"), event(9, "ana", Mention, "dee")];
    let other = [event(4, "eve", Mention, "bo"), event(6, "eve", Mention, "cy"), event(7, "eve", Mention, "dee")];
    let merged = [other[0], one[0], one[1], other[1], other[2], one[2]];
    let directory = Directory::new()
        .with("one", file(Format::Json, &one))
        .with("other", file(Format::Json, &other))
        .with("merged", file(Format::Json, &merged));
    let moves = |logs: &str| {
        directory.replay(&format!("{logs} --quiet --timeline 1h --timeline-out moves.ndjson"));
        directory.read("moves.ndjson")
    };
    assert_eq!(moves("one other"), moves("merged"));
}

#[test]
fn merging_keeps_logs_of_different_years_inside_the_window() {
    let log = |kind| (0..30).map(|day| event(day * 24 * 30, "ana", kind, "bo")).collect::<Vec<_>>();
    let directory = Directory::new()
        .with("retweets", file(Format::Json, &log(Retweet)))
        .with("mentions", file(Format::Json, &log(Mention)));
    let summary = directory.replay("retweets mentions --json").document()["summary"].clone();
    assert_eq!(summary["scored"]["events"], 60);
    assert_eq!(summary["scored"]["late"], 0);
}

#[test]
fn profiles_count_before_events() {
    let profiles = r#"{"user": "ana", "trust": 0}
{"user": "bo", "opted_out": true}
{"user": "dee", "opted_out": false}
"#;
    let directory = Directory::new()
        .with("log", file(Format::Json, &events()))
        .with("profiles.json.gz", gzip(profiles.as_bytes()))
        .with("none", "");
    let ran =
        directory.replay("log --profiles profiles.json.gz --profiles none --user bo --user cy --user dee --user eve");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    expect![[r#"

        bo  has opted out: nothing is kept or told of them

        cy  score 0.0, rank 2 of 2, above 0.00 % of all

          reach           0.00  active fans; one who stops counts half after 30 days
          amplification   0.00  how much each of them acts: 1 for one act (a reply 0.56, a like 0.29), 5 at most
          network        0.000  what the fans themselves count
          openness       1.000  an open circle: few endorsements are returned
          room           1.000  the log is not longer than a half-life: nobody counts as a stranger yet
          audience        0.00  votes added by followers who are active
          influence       0.00  votes: reach × amplification × network × openness × room + audience; 100 make a score of 100
          received       0 retweets, 0 mentions, 0 replies; 1 follower, follows 0

          no fan inside the window

        dee  is not rated: nobody has acted on them yet, which is not the same as 0

        eve  is not in what was read
    "#]]
    .assert_eq(&ran.stdout);
    expect![[r#"
        exit 0
        note: no profiles in none
        read      8 records from log (json), 2020-01-01T00:00:00Z to 2020-01-01T07:00:00Z
        profiles  3
        scored    7 events (1 retweet, 2 mentions, 1 reply, 2 follows, 1 unfollow); 6 people, 2 of them rated
        left out  1 act of somebody who opted out
    "#]]
    .assert_eq(&ran.told());
}

#[test]
fn workers_change_nothing() {
    let directory = Directory::new().with("log", many(20_000));
    let scores = |options: &str| {
        let ran = directory.replay(&format!("log --scores-out - --quiet {options}"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.stdout
    };
    assert_eq!(scores("--partitions 4"), scores("--partitions 4 --workers 2"));
}
