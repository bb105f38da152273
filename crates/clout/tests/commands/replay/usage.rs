//! Options that cannot be followed, and the help that says which can.

use expect_test::{Expect, expect};

use crate::replay::program::Directory;

/// The first line that a refusal says; nothing may be printed or done.
fn refuse(arguments: &str, told: Expect) {
    let directory = Directory::new().with("log", "1 2 1735689600 RT\n").with("other.csv", "actor,target,at\n");
    let ran = directory.replay(arguments);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{arguments}");
    told.assert_eq(ran.stderr.lines().next().unwrap());
    assert_eq!(directory.read("log"), "1 2 1735689600 RT\n");
}

#[test]
fn bad_options_are_told_with_what_would_be_good() {
    refuse("", expect!["error: the following required arguments were not provided:"]);
    refuse(
        "log --half-life 30",
        expect![
            "error: invalid value '30' for '--half-life <DURATION>': 30 what? add a unit, as in 30ms, 30s, 30m, 30h, 30d, 30w or 30y"
        ],
    );
    refuse(
        "log --half-life 40000d",
        expect!["error: --half-life: the half-life must be longer than nothing and at most 100 years"],
    );
    refuse(
        "log --half-life 1d --window 64d",
        expect!["error: --window: the window must be longer than nothing and shorter than 64 half-lives"],
    );
    refuse(
        "log --kind-weight like=0",
        expect!["error: --kind-weight: the weight of a like is 0, it must be 0.001 to 10"],
    );
    refuse(
        "log --kind-weight like",
        expect![
            "error: invalid value 'like' for '--kind-weight <KIND=WEIGHT,...>': not a kind and its weight, as in like=0.5"
        ],
    );
    refuse(
        "log --kind-weight unfollow=1",
        expect![[
            r#"error: invalid value 'unfollow=1' for '--kind-weight <KIND=WEIGHT,...>': "unfollow" is none of retweet, mention, reply, quote, like"#
        ]],
    );
    refuse("log --eps 0", expect!["error: --eps: eps is 0, it must be 5e-7 to 0.5"]);
    refuse("log --eps 0.7", expect!["error: --eps: eps is 0.7, it must be 5e-7 to 0.5"]);
    refuse(
        "log --contact-threshold 1e-9",
        expect!["error: --contact-threshold: the contact threshold is 0.000000001, it must be 5e-7 to 0.5"],
    );
    refuse("log --partitions 0", expect!["error: invalid value '0' for '--partitions <NUMBER>': 0 is not in 1..=4096"]);
    refuse(
        "log --workers 2",
        expect!["error: --workers 2: there are only --partitions 1 to work on; raise --partitions or lower --workers"],
    );
    refuse(
        "log --format xml",
        expect![[
            r#"error: invalid value 'xml' for '--format <FORMAT>': format "xml" is none of snap, csv, json, protobuf"#
        ]],
    );
    refuse(
        "log --kind love",
        expect![[
            r#"error: invalid value 'love' for '--kind <KIND>': kind "love" is none of mention, retweet, reply, follow, unfollow, like, quote, block, unblock"#
        ]],
    );
    refuse(
        "log --until tomorrow",
        expect![[
            r#"error: invalid value 'tomorrow' for '--until <TIME>': time "tomorrow" is neither RFC 3339 nor a number of seconds or milliseconds: write it as 2014-08-27 or 2014-08-27T13:08:45Z"#
        ]],
    );
    refuse(
        "log --until 2025-01-01T00:00:00",
        expect![[
            r#"error: invalid value '2025-01-01T00:00:00' for '--until <TIME>': time "2025-01-01T00:00:00" has no offset from UTC: add Z if it is UTC"#
        ]],
    );
    refuse(
        "log --max-bad many",
        expect!["error: invalid value 'many' for '--max-bad <NUMBER>': invalid digit found in string"],
    );
    refuse("log --timeline 1d", expect!["error: the following required arguments were not provided:"]);
    refuse(
        "log --timeline daily --timeline-out steps.csv",
        expect![
            "error: invalid value 'daily' for '--timeline <STEP>': not a duration: write a number and a unit, as in 500ms, 90s, 10m, 12h, 1.5d, 2w or 1y"
        ],
    );
    refuse(
        "log --timeline all --timeline-out steps.csv",
        expect![
            "error: invalid value 'all' for '--timeline <STEP>': there is no timeline of all movements, as what a replay publishes on its way follows its own rounds and not the log's time: give a step, as in 1h; --user and --top make it short"
        ],
    );
    refuse("log --timeline-out steps.csv", expect!["error: the following required arguments were not provided:"]);
    refuse(
        "log --scores-out scores.txt",
        expect![
            "error: --scores-out scores.txt: the name must end in .ndjson or .csv, with or without .gz or .zst behind, or in .parquet"
        ],
    );
    refuse(
        "log --scores-out scores",
        expect![
            "error: --scores-out scores: the name must end in .ndjson or .csv, with or without .gz or .zst behind, or in .parquet"
        ],
    );
    refuse(
        "log --scores-out - --json",
        expect!["error: --scores-out and --json both want the standard output: write one of them to a file"],
    );
    refuse(
        "log --scores-out - --user 1",
        expect!["error: --scores-out and --user both want the standard output: write one of them to a file"],
    );
    refuse(
        "log --scores-out - --dead-letters -",
        expect!["error: --scores-out and --dead-letters both want the standard output: write one of them to a file"],
    );
    refuse("- -", expect!["error: - is given twice: the standard input can be read only once"]);
    refuse("log --profiles - -", expect!["error: - is given twice: the standard input can be read only once"]);
    refuse(
        "log --dead-letters ./log",
        expect!["error: --dead-letters ./log would overwrite a file that this run reads or writes as well"],
    );
    refuse(
        "other.csv log --scores-out other.csv",
        expect!["error: --scores-out other.csv would overwrite a file that this run reads or writes as well"],
    );
    refuse(
        "log --scores-out a.csv --timeline 1d --timeline-out a.csv",
        expect!["error: --timeline-out a.csv would overwrite a file that this run reads or writes as well"],
    );
    refuse(
        "log --profiles other.csv",
        expect![[
            r#"error: other.csv holds no profiles; expected lines as {"user": "ana", "opted_out": true} or {"user": "ana", "trust": 0.5}, or protobuf messages each after its length"#
        ]],
    );
    refuse("log --colour", expect!["error: unexpected argument '--colour' found"]);
}

#[test]
fn the_help_shows_examples_and_exit_codes() {
    let directory = Directory::new();
    let ran = directory.replay("--help");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    for part in
        ["Examples:\n  clout replay ", "Exit codes:\n  0    all done", "  130  interrupted", "merged by the time"]
    {
        assert!(ran.stdout.contains(part), "{part}");
    }
    for option in [
        "--format",
        "--kind",
        "--profiles",
        "--half-life",
        "--window",
        "--partitions",
        "--workers",
        "--until",
        "--top",
        "--user",
        "--scores-out",
        "--timeline",
        "--timeline-out",
        "--dead-letters",
        "--max-bad",
        "--quiet",
        "--json",
        "--eps",
        "--contact-threshold",
        "--columns",
        "--kinds",
        "--time-zone",
        "--time-format",
        "--text-encoding",
    ] {
        assert!(ran.stdout.contains(&format!("{option} ")) || ran.stdout.contains(&format!("{option}\n")), "{option}");
    }
}

#[test]
fn a_demo_of_nothing_is_refused() {
    let directory = Directory::new().with("empty.json", "");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_clout"));
    let ran = command.current_dir(directory.path("")).args(["demo", "empty.json", "--port", "0"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(2));
    let told = String::from_utf8(ran.stderr).unwrap();
    assert!(told.contains("there is no event in empty.json"), "{told}");
}
