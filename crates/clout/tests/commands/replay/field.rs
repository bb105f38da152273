//! Files as people have them: they are read, or refused with the reason that is known, and nothing is passed over in
//! silence.

use std::fmt::Write;

use expect_test::{Expect, expect};

use crate::replay::program::{Directory, gzip, lines, zstd};

/// What is told and, in the order of the ranking, who received what.
fn read(log: impl AsRef<[u8]>, options: &str) -> String {
    let directory = Directory::new().with("log", log);
    let ran = directory.replay(&format!("log --scores-out scores.ndjson {options}"));
    let mut shown = ran.told();
    if ran.code == 0 {
        for line in lines(&directory.read("scores.ndjson")) {
            let counts = ["mentions", "retweets", "replies"].map(|kind| line[kind].to_string()).join(" ");
            writeln!(shown, "{}: {counts}", line["user"].as_str().unwrap()).unwrap();
        }
    }
    shown
}

fn check(log: impl AsRef<[u8]>, options: &str, expected: Expect) {
    expected.assert_eq(&read(log, options));
}

const GEPHI: &str = "\
Source,Target,Weight,Type,Timestamp
ana,bo,1,Directed,1356998400
cy,bo,2,Undirected,1356999400
bo,cy,3,Directed,1357000400
";

#[test]
fn a_type_that_is_no_kind_is_not_taken_for_it() {
    check(
        GEPHI,
        "",
        expect![[r#"
        exit 0
        note: log: "type" is not taken for the kind, as none of its values is one (Directed, Undirected); --columns kind=type takes it, and --kinds says what its words mean
        read      3 records from log (csv), 2013-01-01T00:00:00Z to 2013-01-01T00:33:20Z
        scored    3 events (3 mentions); 3 people, 2 of them rated
        bo: 2 0 0
        cy: 1 0 0
    "#]],
    );
    check(
        GEPHI,
        "--kinds directed=reply,undirected=skip",
        expect![[r#"
        exit 0
        read      3 records from log (csv), 2013-01-01T00:00:00Z to 2013-01-01T00:33:20Z
        scored    2 events (2 replies); 3 people, 2 of them rated
        left out  1 act of another kind
        cy: 0 0 1
        bo: 0 0 1
    "#]],
    );
    check(
        GEPHI,
        "--columns kind=type",
        expect![[r#"
            exit 1
            note: 3 acts were passed over, as their kinds are not scored: "directed" 2, "undirected" 1; --kinds directed=mention takes such a one for a mention, directed=skip says that it is none
            read      3 records from log (csv)
            scored    0 events; nobody
            left out  3 acts of other kinds
            error: none of the 3 lines of log can be used (log:2: kind "Directed" is none of mention, retweet, reply, follow, unfollow, like, quote, block, unblock, and 2 more like it); nothing is written, and what is there stays as it was
        "#]],
    );
    let posts = "actor,target,at,action\nana,bo,1409144925,photo\ncy,bo,1409144926,video\ndi,bo,1409144927,\n";
    check(
        posts,
        "--kind retweet",
        expect![[r#"
        exit 0
        note: log: "action" is not taken for the kind, as none of its values is one (photo, video); --columns kind=action takes it, and --kinds says what its words mean
        read      3 records from log (csv), 2014-08-27T13:08:45Z to 2014-08-27T13:08:47Z
        scored    3 events (3 retweets); 4 people, 1 of them rated
        bo: 0 3 0
    "#]],
    );
    // One value that is a kind, and it is the kind.
    check(
        posts.replace("photo", "retweet"),
        "",
        expect![[r#"
        exit 0
        note: 1 act was passed over, as their kinds are not scored: "video" 1; --kinds video=mention takes such a one for a mention, video=skip says that it is none
        read      3 records from log (csv), 2014-08-27T13:08:45Z to 2014-08-27T13:08:47Z
        scored    2 events (1 retweet, 1 mention); 3 people, 1 of them rated
        left out  1 act of another kind
        bo: 1 1 0
    "#]],
    );
    // A kind that comes late is not passed over.
    let late = format!("actor,target,at,type\n{}ana,cy,1409144925,reply\n", "ana,bo,1409144925,text\n".repeat(120));
    check(
        late,
        "",
        expect![[r#"
        exit 0
        log:122: column "type" holds the kind "reply" here, and no kind in the first rows, so that it is not read
        note: log: "type" is not taken for the kind, as none of its values is one (text); --columns kind=type takes it, and --kinds says what its words mean
        note: 1 line holds a kind in a column that was not taken for it; --columns kind=NAME takes it
        read      121 records from log (csv), 2014-08-27T13:08:45Z to 2014-08-27T13:08:45Z
        scored    120 events (120 mentions); 2 people, 1 of them rated
        left out  1 malformed line
        bo: 120 0 0
    "#]],
    );
    let json = r#"{"actor":"ana","target":"bo","at":1409144925,"type":"photo"}
{"actor":"cy","target":"bo","at":1409144925,"type":{"of":"thing"}}
"#;
    check(
        json,
        "",
        expect![[r#"
        exit 0
        note: log: "type" is not taken for the kind, as none of its values is one (photo); --columns kind=type takes it, and --kinds says what its words mean
        read      2 records from log (json), 2014-08-27T13:08:45Z to 2014-08-27T13:08:45Z
        scored    2 events (2 mentions); 3 people, 1 of them rated
        bo: 2 0 0
    "#]],
    );
}

#[test]
fn times_of_gephi_are_read() {
    let timeset = "Source,Target,timeset\nana,bo,<[1356998400]>\ncy,bo,\"<[1356999400.0, 1357000400.0]>\"\n";
    check(
        timeset,
        "",
        expect![[r#"
        exit 0
        read      2 records from log (csv), 2013-01-01T00:00:00Z to 2013-01-01T00:16:40Z
        scored    2 events (2 mentions); 3 people, 1 of them rated
        bo: 2 0 0
    "#]],
    );
}

fn posts() -> String {
    let posts = (1..=1500).map(|number| format!("u{number},,{}\n", 1_409_144_925 + number));
    let acts = (1..=100).map(|number| format!("r{number},bo,{}\n", 1_409_149_999 + number));
    format!("source,target,created_at\n{}", posts.chain(acts).collect::<String>())
}

#[test]
fn posts_without_a_target_are_no_bad_lines() {
    check(
        posts(),
        "--max-bad 0",
        expect![[r#"
        exit 0
        read      1,600 records from log (csv), 2014-08-27T14:33:20Z to 2014-08-27T14:34:59Z
        scored    100 events (100 mentions); 101 people, 1 of them rated
        left out  1,500 posts without a target
        bo: 100 0 0
    "#]],
    );
    let directory = Directory::new().with("log", posts() + "broken\n");
    let ran = directory.replay("log --json --dead-letters bad");
    assert_eq!(ran.code, 0);
    let left_out = &ran.document()["summary"]["left_out"];
    assert_eq!((&left_out["no_target"], &left_out["malformed"]), (&1500.into(), &1.into()));
    assert_eq!(lines(&directory.read("bad")).len(), 1, "what is broken, and nothing else");
    assert_eq!(directory.replay("log --max-bad 0").code, 1);
    let json = "{\"actor\":\"ana\",\"at\":1}\n{\"actor\":\"ana\",\"target\":null,\"at\":1409144925}\n\
                {\"actor\":\"ana\",\"target\":\"\",\"at\":1409144925}\n{\"actor\":\"cy\",\"target\":\"bo\",\"at\":1409144925}\n";
    check(
        json,
        "--max-bad 0",
        expect![[r#"
        exit 0
        read      4 records from log (json), 2014-08-27T13:08:45Z to 2014-08-27T13:08:45Z
        scored    1 event (1 mention); 2 people, 1 of them rated
        left out  3 posts without a target
        bo: 1 0 0
    "#]],
    );
}

#[test]
fn other_kinds_are_no_bad_lines() {
    let log = "1 2 1409144925 RT\n1 2 1409144926 VIEW\n3 2 1409144927 view\n4 2 1409144928 SHARE\n5 2 1409144929 MT\n";
    check(
        log,
        "--max-bad 0",
        expect![[r#"
        exit 0
        note: 3 acts were passed over, as their kinds are not scored: "view" 2, "share" 1; --kinds view=mention takes such a one for a mention, view=skip says that it is none
        read      5 records from log (snap), 2014-08-27T13:08:45Z to 2014-08-27T13:08:49Z
        scored    2 events (1 retweet, 1 mention); 3 people, 1 of them rated
        left out  3 acts of other kinds
        2: 1 1 0
    "#]],
    );
    check(
        log,
        "--max-bad 0 --kinds view=skip --kinds share=retweet",
        expect![[r#"
        exit 0
        read      5 records from log (snap), 2014-08-27T13:08:45Z to 2014-08-27T13:08:49Z
        scored    3 events (2 retweets, 1 mention); 4 people, 1 of them rated
        left out  2 acts of other kinds
        2: 1 2 0
    "#]],
    );
    check(
        log,
        "--kinds RT=reply,view=mention",
        expect![[r#"
        exit 0
        note: 1 act was passed over, as their kinds are not scored: "share" 1; --kinds share=mention takes such a one for a mention, share=skip says that it is none
        read      5 records from log (snap), 2014-08-27T13:08:45Z to 2014-08-27T13:08:49Z
        scored    4 events (3 mentions, 1 reply); 4 people, 1 of them rated
        left out  1 act of another kind
        2: 3 0 1
    "#]],
    );
    check(
        log,
        "--kinds view",
        expect![[r#"
        exit 2
        error: invalid value 'view' for '--kinds <WORD=KIND|skip,...>': not a word and its kind, as in share=retweet or view=skip

        For more information, try '--help'.
    "#]],
    );
    check(
        log,
        "--kinds view=love",
        expect![[r#"
            exit 2
            error: invalid value 'view=love' for '--kinds <WORD=KIND|skip,...>': kind "love" is none of mention, retweet, reply, follow, unfollow, like, quote, block, unblock, or skip

            For more information, try '--help'.
        "#]],
    );
}

const TIMES: &str = "\
source,target,created_at
ana,bo,2014-08-27 13:08:45
cy,bo,2014-08-27 13:08:46+00
di,bo,2014-08-27 13:08:47+00:00
eve,bo,2014-08-27 13:08:48 UTC
fay,bo,8/27/2014 13:08
gus,bo,2014-08-27
hal,bo,Wed Aug 27 13:08:45 +0000 2014
ike,bo,\"Wed, 27 Aug 2014 13:08:45 +0000\"
";

#[test]
fn times_are_read_or_told() {
    check(
        TIMES,
        "",
        expect![[r#"
        exit 0
        log:2: time "2014-08-27 13:08:45" has no offset from UTC: add Z if it is UTC
        log:6: time "8/27/2014 13:08" has its year last, and whether the day or the month comes first differs
        note: log: 1 time is a date without a time of day: midnight is meant, in UTC or in --time-zone
        note: 1 time has no offset from UTC; --time-zone says where the clock stood, as in utc, +02:00 or Europe/Berlin
        note: 1 time is not understood; --time-format says how they are written, as in '%d.%m.%Y %H:%M' or '%m/%d/%Y %H:%M'
        read      8 records from log (csv), 2014-08-27T00:00:00Z to 2014-08-27T13:08:48Z
        scored    6 events (6 mentions); 7 people, 1 of them rated
        left out  2 malformed lines
        bo: 6 0 0
    "#]],
    );
    check(
        TIMES,
        "--time-zone utc",
        expect![[r#"
        exit 0
        log:6: time "8/27/2014 13:08" has its year last, and whether the day or the month comes first differs
        note: log: 1 time is a date without a time of day: midnight is meant, in UTC or in --time-zone
        note: 1 time is not understood; --time-format says how they are written, as in '%d.%m.%Y %H:%M' or '%m/%d/%Y %H:%M'
        read      8 records from log (csv), 2014-08-27T00:00:00Z to 2014-08-27T13:08:48Z
        scored    7 events (7 mentions); 8 people, 1 of them rated
        left out  1 malformed line
        bo: 7 0 0
    "#]],
    );
    let american = "source,target,created_at\nana,bo,8/27/2014 13:08\ncy,bo,8/28/2014 1:08\n";
    let directory = Directory::new().with("log", american);
    let span = |options: &[&str]| {
        let mut command = directory.command("log --json");
        let ran = crate::replay::program::Ran::of(command.args(options).output().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let summary = &ran.document()["summary"];
        format!("{} to {}", summary["first_event_at"], summary["last_event_at"])
    };
    let format = "%m/%d/%Y %H:%M";
    assert_eq!(
        span(&["--time-format", format, "--time-zone", "Europe/Berlin"]),
        r#""2014-08-27T11:08:00Z" to "2014-08-27T23:08:00Z""#
    );
    for zone in ["+2", "+02", "+0200", "+02:00"] {
        let found = span(&["--time-format", format, "--time-zone", zone]);
        assert_eq!(found, r#""2014-08-27T11:08:00Z" to "2014-08-27T23:08:00Z""#, "{zone}");
    }
    assert_eq!(
        span(&["--time-format", format, "--time-zone", "-05:00"]),
        r#""2014-08-27T18:08:00Z" to "2014-08-28T06:08:00Z""#
    );
    check(
        "ana bo 1409144925\n",
        "--time-zone Berlin",
        expect![[r#"
        exit 2
        error: invalid value 'Berlin' for '--time-zone <ZONE>': not a time zone: write utc, an offset as +02:00, or a name as Europe/Berlin

        For more information, try '--help'.
    "#]],
    );
    check(
        "ana bo 1409144925\n",
        "--time-format yesterday",
        expect![[r#"
        exit 2
        error: invalid value 'yesterday' for '--time-format <PATTERN>': not a time format: write a pattern, as in '%m/%d/%Y %H:%M' or %Y%m%d, or the unit of numbers: s, ms, us, ns

        For more information, try '--help'.
    "#]],
    );
    check(
        "ana bo 1409144925\n",
        "--time-format %q",
        expect![[r#"
        exit 2
        error: invalid value '%q' for '--time-format <PATTERN>': no time can be read by "%q" (strptime parsing failed: found unrecognized specifier directive `q`): a pattern names at least the year (%Y), or is one of s, ms, us, ns

        For more information, try '--help'.
    "#]],
    );
    check(
        "source;target;time\nana;bo;1409144925,5\ncy;bo;1409144926,25\n",
        "",
        expect![[r#"
        exit 0
        read      2 records from log (csv), 2014-08-27T13:08:45.5Z to 2014-08-27T13:08:46.25Z
        scored    2 events (2 mentions); 3 people, 1 of them rated
        bo: 2 0 0
    "#]],
    );
}

#[test]
fn numbers_that_are_no_seconds_are_dates_or_told() {
    check(
        "source,target,time\nana,bo,20140827\ncy,bo,20160827\n",
        "",
        expect![[r#"
        exit 0
        note: log: times as 20140827 are taken for dates (%Y%m%d); --time-format s takes them for seconds since 1970
        note: log: 2 times are dates without a time of day: midnight is meant, in UTC or in --time-zone
        read      2 records from log (csv), 2014-08-27T00:00:00Z to 2016-08-27T00:00:00Z
        scored    2 events (2 mentions); 2 people, 1 of them rated
        bo: 2 0 0
    "#]],
    );
    check(
        "source,target,time\nana,bo,20140827\ncy,bo,20160827\n",
        "--time-format s",
        expect![[r#"
        exit 0
        note: all times lie in 1970, from 1970-08-22T02:40:27Z to 1970-08-22T08:13:47Z: whole numbers are seconds since then; if these count something else, say it with --time-format (s, ms, us, ns, %Y or %Y%m%d), as acts fade with time
        read      2 records from log (csv), 1970-08-22T02:40:27Z to 1970-08-22T08:13:47Z
        scored    2 events (2 mentions); 3 people, 1 of them rated
        bo: 2 0 0
    "#]],
    );
    check(
        "ana bo 20140827\ncy bo 20160827\nana cy 123\n",
        "",
        expect![[r#"
        exit 0
        note: all times lie in 1970, from 1970-01-01T00:02:03Z to 1970-08-22T08:13:47Z: whole numbers are seconds since then; if these count something else, say it with --time-format (s, ms, us, ns, %Y or %Y%m%d), as acts fade with time
        read      3 records from log (snap), 1970-01-01T00:02:03Z to 1970-08-22T08:13:47Z
        scored    3 events (3 mentions); 3 people, 2 of them rated
        late      1 event older than the window of 180 days: counted as received, no more
        bo: 2 0 0
        cy: 1 0 0
    "#]],
    );
    check(
        "{\"actor\":\"ana\",\"target\":\"bo\",\"at\":20140827}\n",
        "",
        expect![[r#"
        exit 0
        note: log: times as 20140827 are taken for dates (%Y%m%d); --time-format s takes them for seconds since 1970
        note: log: 1 time is a date without a time of day: midnight is meant, in UTC or in --time-zone
        read      1 record from log (json), 2014-08-27T00:00:00Z to 2014-08-27T00:00:00Z
        scored    1 event (1 mention); 2 people, 1 of them rated
        bo: 1 0 0
    "#]],
    );
    check(
        "source,target,time\nana,bo,1999\ncy,bo,2001\ndi,bo,1861\n",
        "",
        expect![[r#"
        exit 0
        log:4: time 1861 is before 1970-01-01T00:00:00Z
        note: log: times as 1999 are taken for dates (%Y); --time-format s takes them for seconds since 1970
        note: log: 3 times are dates without a time of day: midnight is meant, in UTC or in --time-zone
        read      3 records from log (csv), 1999-01-01T00:00:00Z to 2001-01-01T00:00:00Z
        scored    2 events (2 mentions); 2 people, 1 of them rated
        left out  1 malformed line
        bo: 2 0 0
    "#]],
    );
    check(
        "source,target,time\nana,bo,201408271308\ncy,bo,201408271309\n",
        "--time-zone utc",
        expect![[r#"
        exit 0
        note: log: times as 201408271308 are taken for dates (%Y%m%d%H%M); --time-format s takes them for seconds since 1970
        read      2 records from log (csv), 2014-08-27T13:08:00Z to 2014-08-27T13:09:00Z
        scored    2 events (2 mentions); 3 people, 1 of them rated
        bo: 2 0 0
    "#]],
    );
    // Lists that count from the beginning, and a spreadsheet's days.
    check(
        "582 364 0\n168 472 2797\n168 912 3304\n",
        "",
        expect![[r#"
        exit 0
        note: all times lie in 1970, from 1970-01-01T00:00:00Z to 1970-01-01T00:55:04Z: whole numbers are seconds since then; if these count something else, say it with --time-format (s, ms, us, ns, %Y or %Y%m%d), as acts fade with time
        read      3 records from log (snap), 1970-01-01T00:00:00Z to 1970-01-01T00:55:04Z
        scored    3 events (3 mentions); 5 people, 3 of them rated
        364: 1 0 0
        912: 1 0 0
        472: 1 0 0
    "#]],
    );
    check(
        "source,target,time\nana,bo,41878.547\ncy,bo,41879.5\n",
        "",
        expect![[r#"
        exit 0
        note: all times lie in 1970, from 1970-01-01T11:37:58.547Z to 1970-01-01T11:37:59.5Z: whole numbers are seconds since then; if these count something else, say it with --time-format (s, ms, us, ns, %Y or %Y%m%d), as acts fade with time
        read      2 records from log (csv), 1970-01-01T11:37:58.547Z to 1970-01-01T11:37:59.5Z
        scored    2 events (2 mentions); 3 people, 1 of them rated
        bo: 2 0 0
    "#]],
    );
    check(
        "ana bo 1409144925000000\ncy bo 1409144925000000000\n",
        "",
        expect![[r#"
        exit 0
        read      2 records from log (snap), 2014-08-27T13:08:45Z to 2014-08-27T13:08:45Z
        scored    2 events (2 mentions); 3 people, 1 of them rated
        bo: 2 0 0
    "#]],
    );
    check(
        "ana bo 1000\ncy bo 2000\n",
        "--time-format ms",
        expect![[r#"
        exit 0
        note: all times lie in 1970, from 1970-01-01T00:00:01Z to 1970-01-01T00:00:02Z: whole numbers are seconds since then; if these count something else, say it with --time-format (s, ms, us, ns, %Y or %Y%m%d), as acts fade with time
        read      2 records from log (snap), 1970-01-01T00:00:01Z to 1970-01-01T00:00:02Z
        scored    2 events (2 mentions); 3 people, 1 of them rated
        bo: 2 0 0
    "#]],
    );
}

const KONECT: &str = "% asym positive\n% 4 3 3\n1 2 1 1082008561\n3 2 1 1082008562\n2 3 -1 1082008563\n";

#[test]
fn lists_with_weights_are_read() {
    check(
        KONECT,
        "",
        expect![[r#"
        exit 0
        note: log: column 3 is taken for a weight, which is not used whether it is negative or not, and column 4 for the time; --columns says it otherwise
        read      3 records from log (snap), 2004-04-15T05:56:01Z to 2004-04-15T05:56:03Z
        scored    3 events (3 mentions); 3 people, 2 of them rated
        2: 2 0 0
        3: 1 0 0
    "#]],
    );
    check(
        KONECT,
        "--format snap",
        expect![[r#"
        exit 0
        note: log: column 3 is taken for a weight, which is not used whether it is negative or not, and column 4 for the time; --columns says it otherwise
        read      3 records from log (snap), 2004-04-15T05:56:01Z to 2004-04-15T05:56:03Z
        scored    3 events (3 mentions); 3 people, 2 of them rated
        2: 2 0 0
        3: 1 0 0
    "#]],
    );
    check(
        "6,2,4,1289241911.72836\n6,5,2,1289241941.53378\n1,15,1,1289243140.39049\n",
        "",
        expect![[r#"
        exit 0
        note: log: column 3 is taken for a weight, which is not used whether it is negative or not, and column 4 for the time; --columns says it otherwise
        read      3 records from log (csv), 2010-11-08T18:45:11.728Z to 2010-11-08T19:05:40.39Z
        scored    3 events (3 mentions); 5 people, 3 of them rated
        15: 1 0 0
        5: 1 0 0
        2: 1 0 0
    "#]],
    );
    check(
        "6,2,4,1289241911.72836\n6,5,2,1289241941.53378\n",
        "--columns actor=2,target=1,time=4",
        expect![[r#"
        exit 0
        read      2 records from log (csv), 2010-11-08T18:45:11.728Z to 2010-11-08T18:45:41.534Z
        scored    2 events (2 mentions); 3 people, 1 of them rated
        6: 2 0 0
    "#]],
    );
    check(
        "% bip\n1 2 1\n1 3 1\n",
        "",
        expect![[r#"
        exit 0
        note: all times lie in 1970, from 1970-01-01T00:00:01Z to 1970-01-01T00:00:01Z: whole numbers are seconds since then; if these count something else, say it with --time-format (s, ms, us, ns, %Y or %Y%m%d), as acts fade with time
        read      2 records from log (snap), 1970-01-01T00:00:01Z to 1970-01-01T00:00:01Z
        scored    2 events (2 mentions); 3 people, 2 of them rated
        2: 1 0 0
        3: 1 0 0
    "#]],
    );
    check(
        "ana,bo,1409144925,reply\ncy,bo,1409144926,retweet\n",
        "",
        expect![[r#"
        exit 0
        note: log: there is no header: columns 1, 2, 3 and 4 are taken for actor, target, time and kind; --columns says it otherwise
        read      2 records from log (csv), 2014-08-27T13:08:45Z to 2014-08-27T13:08:46Z
        scored    2 events (1 retweet, 1 reply); 3 people, 1 of them rated
        bo: 0 1 1
    "#]],
    );
    // As in a list between blanks, a kind may be left out, in the first line as in others.
    let lines = "ana,bo,1409144925\nbo,cy,1409144926,reply\ncy,bo,1409144927,foo\n";
    for (text, options) in [
        (lines.to_owned(), ""),
        (lines.to_owned(), "--columns actor=1,target=2,time=3,kind=4"),
        (lines.replace(',', " "), ""),
    ] {
        let directory = Directory::new().with("log", text);
        let ran = directory.replay(&format!("log {options}"));
        assert!(ran.stderr.contains("2 events (1 mention, 1 reply)"), "{options}: {}", ran.stderr);
        assert!(ran.stderr.contains("foo"), "{options}: {}", ran.stderr);
    }
    // One that is no kind in any of the first lines is not read, and a kind in it is told of later.
    let many = "ana,bo,1409144925,12\n".repeat(5_000) + "ana,bo,1409144925,reply\n";
    let ran = Directory::new().with("log", many).replay("log");
    assert!(ran.stderr.contains("5,000 events (5,000 mentions)"), "{}", ran.stderr);
    assert!(ran.stderr.contains("column \"4\" holds the kind \"reply\" here"), "{}", ran.stderr);
}

const REDDIT: &str = "SOURCE_SUBREDDIT\tTARGET_SUBREDDIT\tPOST_ID\tTIMESTAMP\tLINK_SENTIMENT\tPROPERTIES\n\
                      ana\tbo\t1u4nrps\t2013-12-31 16:39:58\t1\t345.0,298.0,0.75\n";
const RTWEET: &str = "user_id,screen_name,created_at,in_reply_to_screen_name,text\n\
                      1,ana,2014-08-27T13:08:45Z,bo,\"hi, bo\"\n2,cy,2014-08-27T13:08:46Z,,hello\n";

#[test]
fn columns_are_named_or_numbered() {
    check(
        REDDIT,
        "",
        expect![[r#"
        exit 2
        error: log is in no known format: it is nearest to csv, and the header in line 1 has no actor (expected one of actor, source, from, user), no target (expected one of target, to, object); its columns are: source_subreddit, target_subreddit, post_id, timestamp, link_sentiment, properties; say which column is what with --columns actor=NAME,target=NAME,time=NAME; known are lists of actor, target, time and perhaps kind (snap), tables with a header (csv), JSON objects (json) and protobuf messages each after its length (protobuf)
    "#]],
    );
    check(
        REDDIT,
        "--columns actor=source_subreddit,target=TARGET_SUBREDDIT --time-zone utc",
        expect![[r#"
        exit 0
        read      1 record from log (csv), 2013-12-31T16:39:58Z to 2013-12-31T16:39:58Z
        scored    1 event (1 mention); 2 people, 1 of them rated
        bo: 1 0 0
    "#]],
    );
    check(
        RTWEET,
        "",
        expect![[r#"
        exit 2
        error: log is in no known format: it is nearest to csv, and the header in line 1 has no actor (expected one of actor, source, from, user), no target (expected one of target, to, object); its columns are: user_id, screen_name, created_at, in_reply_to_screen_name, text; say which column is what with --columns actor=NAME,target=NAME,time=NAME; known are lists of actor, target, time and perhaps kind (snap), tables with a header (csv), JSON objects (json) and protobuf messages each after its length (protobuf)
    "#]],
    );
    check(
        RTWEET,
        "--format csv",
        expect![[r#"
        exit 2
        error: log cannot be read as csv: the header in line 1 has no actor (expected one of actor, source, from, user), no target (expected one of target, to, object); its columns are: user_id, screen_name, created_at, in_reply_to_screen_name, text; say which column is what with --columns actor=NAME,target=NAME,time=NAME
    "#]],
    );
    check(
        RTWEET,
        "--columns actor=screen_name,target=in_reply_to_screen_name",
        expect![[r#"
        exit 0
        read      2 records from log (csv), 2014-08-27T13:08:45Z to 2014-08-27T13:08:45Z
        scored    1 event (1 mention); 2 people, 1 of them rated
        left out  1 post without a target
        bo: 1 0 0
    "#]],
    );
    check(
        RTWEET,
        "--columns actor=2,target=4,time=3",
        expect![[r#"
        exit 0
        note: log: the first line is no event, and taken for a header
        read      2 records from log (csv), 2014-08-27T13:08:45Z to 2014-08-27T13:08:45Z
        scored    1 event (1 mention); 2 people, 1 of them rated
        left out  1 post without a target
        bo: 1 0 0
    "#]],
    );
    check(
        RTWEET,
        "--columns actor=screen_name,target=reply_to",
        expect![[r#"
        exit 2
        error: log is in no known format: it is nearest to csv, and the header in line 1 has no column "reply_to" (for the target); its columns are: user_id, screen_name, created_at, in_reply_to_screen_name, text; say which column is what with --columns actor=NAME,target=NAME,time=NAME; known are lists of actor, target, time and perhaps kind (snap), tables with a header (csv), JSON objects (json) and protobuf messages each after its length (protobuf)
    "#]],
    );
    check(
        RTWEET,
        "--columns actor=screen_name,target=9",
        expect![[r#"
        exit 2
        error: log is in no known format: it is nearest to csv, and the header in line 1 has 5 columns, and target should be column 9; its columns are: user_id, screen_name, created_at, in_reply_to_screen_name, text; say which column is what with --columns actor=NAME,target=NAME,time=NAME; known are lists of actor, target, time and perhaps kind (snap), tables with a header (csv), JSON objects (json) and protobuf messages each after its length (protobuf)
    "#]],
    );
    check(
        RTWEET,
        "--columns who=screen_name",
        expect![[r#"
        exit 2
        error: invalid value 'who=screen_name' for '--columns <actor=NAME,target=NAME,time=NAME,kind=NAME>': events have no "who": there are actor, target, time and kind

        For more information, try '--help'.
    "#]],
    );
    check(
        "sep=;\r\nsource;target;time\r\nana;bo;1409144925\r\n",
        "",
        expect![[r#"
        exit 0
        read      1 record from log (csv), 2014-08-27T13:08:45Z to 2014-08-27T13:08:45Z
        scored    1 event (1 mention); 2 people, 1 of them rated
        bo: 1 0 0
    "#]],
    );
    let json = "{\"who\":\"ana\",\"whom\":\"bo\",\"ts\":1409144925,\"actor\":\"x\",\"verb\":\"RT\"}\n";
    check(
        json,
        "--columns actor=who,target=whom,time=ts,kind=verb",
        expect![[r#"
        exit 0
        read      1 record from log (json), 2014-08-27T13:08:45Z to 2014-08-27T13:08:45Z
        scored    1 event (1 retweet); 2 people, 1 of them rated
        bo: 0 1 0
    "#]],
    );
    check(
        json,
        "",
        expect![[r#"
            exit 1
            read      1 record from log (json)
            scored    0 events; nobody
            left out  1 post without a target
            error: the only line of log cannot be used (log:1: has no target); nothing is written, and what is there stays as it was
        "#]],
    );
}

#[test]
fn json_is_read_as_it_comes() {
    let ids = "{\"actor\":12,\"target\":9007199254740993,\"at\":1409144925}\n\
               {\"actor\":14,\"target\":9007199254740992,\"at\":1409144926}\n\
               {\"actor\":18446744073709551615,\"target\":13,\"at\":1409144926}\n";
    check(
        ids,
        "",
        expect![[r#"
        exit 0
        read      3 records from log (json), 2014-08-27T13:08:45Z to 2014-08-27T13:08:46Z
        scored    3 events (3 mentions); 6 people, 3 of them rated
        13: 1 0 0
        9007199254740992: 1 0 0
        9007199254740993: 1 0 0
    "#]],
    );
    check(
        "{\"actor\":12.0,\"target\":13,\"at\":1409144925}\n",
        "",
        expect![[r#"
        exit 2
        error: log is in no known format: it is nearest to json, and line 1: is not the JSON expected: invalid type: floating point `12.0`, expected a string or a whole number below 2^64 at column 13; known are lists of actor, target, time and perhaps kind (snap), tables with a header (csv), JSON objects (json) and protobuf messages each after its length (protobuf)
    "#]],
    );
    check(
        ids.to_owned() + "{\"actor\":1e20,\"target\":13,\"at\":1409144925}\n",
        "",
        expect![[r#"
        exit 0
        log:4: is not the JSON expected: invalid type: floating point `1e+20`, expected a string or a whole number below 2^64 at column 13
        read      4 records from log (json), 2014-08-27T13:08:45Z to 2014-08-27T13:08:46Z
        scored    3 events (3 mentions); 6 people, 3 of them rated
        left out  1 malformed line
        13: 1 0 0
        9007199254740992: 1 0 0
        9007199254740993: 1 0 0
    "#]],
    );
    let one = "{\"actor\":\"ana\",\"target\":\"bo\",\"at\":1409144925}";
    let other = "{\"actor\":\"cy\",\"target\":\"bo\",\"at\":1409144926,\"text\":\"} ] \\\" {\"}";
    let pretty = |object: &str| object.replace(',', ",\n  ").replace('{', "{\n  ").replace("{\n  \"}", "{\"}");
    let scattered = [
        format!("[{one},\n{other}]\n"),
        format!("[{one},{other}]"),
        format!("[\n  {one}\n  ,\n  {other}\n]\n"),
        format!("{one}{other}\n"),
        format!("{one} {other}"),
        format!("{}\n{}\n", pretty(one), pretty(other)),
        format!("[\n{},\n{}\n]", pretty(one), pretty(other)),
        format!("\x1e{one}\n\x1e{other}\n"),
        format!("\u{feff}[{one},{other}]"),
    ];
    let lines = read(format!("{one}\n{other}\n"), "");
    assert!(lines.contains("bo: 2 0 0"), "{lines}");
    for log in scattered {
        assert_eq!(read(&log, ""), lines, "{log}");
        assert_eq!(read(&log, "--format json"), lines, "{log}");
    }
    check(
        format!("[{one},\nnonsense\n{{\"actor\":1}},\n{other},{{\"actor\":"),
        "",
        expect![[r#"
        exit 0
        log:2: is not a JSON object
        log:4: is not the JSON expected: EOF while parsing a value at column 9
        read      5 records from log (json), 2014-08-27T13:08:45Z to 2014-08-27T13:08:46Z
        scored    2 events (2 mentions); 3 people, 1 of them rated
        left out  1 post without a target, 2 malformed lines
        bo: 2 0 0
    "#]],
    );
}

#[test]
fn ids_that_a_spreadsheet_has_ruined_are_told() {
    let log = "source,target,time\n7.91557E+17,3.14159E+17,1409144925\n7.91557E+17,2.71828E+17,1409144926\n\
               1.0,2.0,1409144927\n1,2,1409144927\n";
    check(
        log,
        "",
        expect![[r#"
        exit 0
        note: 4 names as "7.91557E+17" have been rounded by a spreadsheet: several people may be one by now
        note: 2 names as "1.0" are whole numbers that were made fractions: 1.0 and 1 are two people
        read      4 records from log (csv), 2014-08-27T13:08:45Z to 2014-08-27T13:08:47Z
        scored    4 events (4 mentions); 7 people, 4 of them rated
        2: 1 0 0
        2.0: 1 0 0
        2.71828E+17: 1 0 0
        3.14159E+17: 1 0 0
    "#]],
    );
}

/// So many events, packed so that a window of 2 GiB is wanted.
fn with_long_window(log: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = ::zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.set_parameter(::zstd::zstd_safe::CParameter::WindowLog(31)).unwrap();
    encoder.long_distance_matching(true).unwrap();
    // Not all at once: its size must not be known.
    log.chunks(1000).for_each(|piece| encoder.write_all(piece).unwrap());
    encoder.finish().unwrap()
}

#[test]
fn archives_are_read_to_their_end_and_no_further() {
    let log = "ana bo 1409144925\ncy bo 1409144926\n";
    check(
        with_long_window(log.as_bytes()),
        "",
        expect![[r#"
        exit 0
        read      2 records from log (snap, zstd), 2014-08-27T13:08:45Z to 2014-08-27T13:08:46Z
        scored    2 events (2 mentions); 3 people, 1 of them rated
        bo: 2 0 0
    "#]],
    );
    check(
        [gzip(log.as_bytes()), vec![0; 512]].concat(),
        "",
        expect![[r#"
        exit 0
        note: log: 512 zero bytes behind the gzip data are no data, and ignored
        read      2 records from log (snap, gzip), 2014-08-27T13:08:45Z to 2014-08-27T13:08:46Z
        scored    2 events (2 mentions); 3 people, 1 of them rated
        bo: 2 0 0
    "#]],
    );
    check(
        [gzip(log.as_bytes()), b"garbage".to_vec()].concat(),
        "",
        expect![[r#"
        exit 0
        note: log: 7 bytes behind the gzip data are no data, and ignored
        read      2 records from log (snap, gzip), 2014-08-27T13:08:45Z to 2014-08-27T13:08:46Z
        scored    2 events (2 mentions); 3 people, 1 of them rated
        bo: 2 0 0
    "#]],
    );
    check(
        [zstd(log.as_bytes()), vec![0; 5]].concat(),
        "",
        expect![[r#"
        exit 0
        note: log: 5 zero bytes behind the zstd data are no data, and ignored
        read      2 records from log (snap, zstd), 2014-08-27T13:08:45Z to 2014-08-27T13:08:46Z
        scored    2 events (2 mentions); 3 people, 1 of them rated
        bo: 2 0 0
    "#]],
    );
    check(
        [zstd(log.as_bytes()), b"(garbage".to_vec()].concat(),
        "",
        expect![[r#"
        exit 0
        note: log: 8 bytes behind the zstd data are no data, and ignored
        read      2 records from log (snap, zstd), 2014-08-27T13:08:45Z to 2014-08-27T13:08:46Z
        scored    2 events (2 mentions); 3 people, 1 of them rated
        bo: 2 0 0
    "#]],
    );
}

#[test]
fn other_letters_are_read_or_told() {
    let log = "source,target,time\nJosé,bo,1409144925\ncy,José,1409144926\n";
    let utf_16 = |bom: &str, bytes: fn(u16) -> [u8; 2]| {
        format!("{bom}{log}").encode_utf16().flat_map(bytes).collect::<Vec<u8>>()
    };
    let expected = read(log, "");
    for encoded in [
        utf_16("\u{feff}", u16::to_le_bytes),
        utf_16("\u{feff}", u16::to_be_bytes),
        gzip(&utf_16("\u{feff}", u16::to_le_bytes)),
    ] {
        let told = read(&encoded, "").replace("(csv, gzip)", "(csv)");
        assert_eq!(told, expected);
    }
    let plain = "ana bo 1409144925\ncy bo 1409144926\n";
    let without_mark: Vec<u8> = plain.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read(&without_mark, ""), read(plain, ""));
    let latin_1: Vec<u8> = log.chars().map(|letter| letter as u8).collect();
    check(
        &latin_1,
        "",
        expect![[r#"
            exit 1
            log:2: line is not UTF-8 (byte 0xe9 at 3)
            log:3: line is not UTF-8 (byte 0xe9 at 6)
            note: 2 lines are not UTF-8; --text-encoding says what they are, as in latin1 or windows-1251
            read      2 records from log (csv)
            scored    0 events; nobody
            left out  2 malformed lines
            error: none of the 2 lines of log can be used (log:2: line is not UTF-8 (byte 0xe9 at 3); --text-encoding says what they are, as in latin1 or windows-1251, and 1 more like it); nothing is written, and what is there stays as it was
        "#]],
    );
    assert_eq!(read(&latin_1, "--text-encoding latin1"), expected);
    check(
        log,
        "--text-encoding klingon",
        expect![[r#"
        exit 2
        error: invalid value 'klingon' for '--text-encoding <NAME>': not a text encoding: there are utf-8, utf-16le, latin1, windows-1251, shift_jis and others

        For more information, try '--help'.
    "#]],
    );
    let mut broken = utf_16("\u{feff}", u16::to_le_bytes);
    broken.extend([0, 0xd8, b'x', 0]);
    check(
        &broken,
        "",
        expect![[r#"
        exit 1
        read      2 records from log (csv), 2014-08-27T13:08:45Z to 2014-08-27T13:08:46Z
        scored    2 events (2 mentions); 3 people, 2 of them rated
        error: log cannot be read on after line 3, byte 59 (the text is not UTF-16LE); what was read until then counts
    "#]],
    );
}

#[test]
fn a_first_line_that_is_too_long_is_told_by_its_length() {
    check(
        "x".repeat(3_000_000),
        "",
        expect![[r#"
        exit 2
        error: log is in no known format: its first line is 3,000,000 bytes long, and a record has at most 1,048,576; known are lists of actor, target, time and perhaps kind (snap), tables with a header (csv), JSON objects (json) and protobuf messages each after its length (protobuf)
    "#]],
    );
    let long =
        format!("{{\"actor\":\"ana\",\"target\":\"bo\",\"at\":1409144925,\"text\":\"{}\"}}\n", "x".repeat(200_000));
    check(
        long.repeat(2),
        "",
        expect![[r#"
        exit 0
        read      2 records from log (json), 2014-08-27T13:08:45Z to 2014-08-27T13:08:45Z
        scored    2 events (2 mentions); 2 people, 1 of them rated
        bo: 2 0 0
    "#]],
    );
}

#[test]
fn options_take_what_people_write() {
    let log = "1 2 1341100972 RT\n3 2 1341359999 RT\n4 2 1341360000 RT\n5 2 1341360001 RT\n";
    check(
        log,
        "--until 2012-07-04",
        expect![[r#"
        exit 0
        read      4 records from log (snap), 2012-07-01T00:02:52Z to 2012-07-04T00:00:00Z
        scored    3 events (3 retweets); 4 people, 1 of them rated
        left out  1 event after --until
        2: 0 3 0
    "#]],
    );
    let directory = Directory::new().with("log", log);
    let half_life = |text: &str| {
        let ran =
            crate::replay::program::Ran::of(directory.command("log --json --half-life").arg(text).output().unwrap());
        ran.document()["summary"]["half_life_ms"].as_i64().unwrap()
    };
    assert_eq!([half_life("1.5d"), half_life("36h")], [129_600_000; 2]);
    assert_eq!([half_life("7 d"), half_life("7 days")], [604_800_000; 2]);
    assert_eq!(half_life("1y"), 31_536_000_000);
}

/// The page's examples: the options and who received how much stand above each.
#[test]
fn the_examples_of_the_page_are_read() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/formats.md")).unwrap();
    let mut examples = 0;
    for example in page.split("<!-- read: ").skip(1) {
        let (said, rest) = example.split_once(" -->\n```\n").unwrap();
        let (log, _) = rest.split_once("```").unwrap();
        let (options, expected) = said.split_once(';').unwrap();
        let [user, "received", number] = expected.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{said}") };
        let scores = Directory::new().with("log", log).scores(&format!("log {options}"));
        let score = scores.iter().find(|score| score["user"] == user).unwrap();
        let received = ["mentions", "retweets", "replies"].map(|kind| score[kind].as_u64().unwrap());
        assert_eq!(received.iter().sum::<u64>().to_string(), number, "{log}");
        examples += 1;
    }
    assert_eq!(examples, 5);
}

#[test]
fn a_number_below_zero_is_a_wrong_value_and_no_unknown_option() {
    for (options, value) in [("--top -1", "'-1'"), ("--half-life -3d", "'-3d'"), ("--max-bad -0.5", "'-0.5'")] {
        let refused = Directory::new().with("log", "ana bo 1409144925\n").replay(&format!("log {options}"));
        assert!(refused.code == 2 && refused.stderr.contains(&format!("invalid value {value}")), "{}", refused.stderr);
    }
}
