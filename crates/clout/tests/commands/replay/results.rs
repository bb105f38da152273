//! What is printed and written when all goes well.

use expect_test::{Expect, expect};
use serde_json::Value;
use vocabulary::Event;
use vocabulary::Kind::{self, Follow, Mention, Reply, Retweet};
use wire::Format;

use crate::replay::program::{Directory, Ran, event, file, lines, many};

fn events() -> Vec<Event<'static>> {
    vec![
        event(0, "ana", Retweet, "bo"),
        event(1, "cy", Mention, "bo"),
        event(2, "bo", Reply, "cy"),
        event(2, "ana", Retweet, "cy"),
        event(3, "dee", Retweet, "ana"),
        event(4, "dee", Follow, "bo"),
        event(5, "dee", Retweet, "dee"),
    ]
}

fn directory() -> Directory {
    Directory::new().with("log", file(Format::Json, &events()))
}

#[test]
fn the_top_is_a_table() {
    let ran = directory().replay("log --half-life 1d");
    assert_eq!(ran.code, 0);
    expect![[r#"
        All 3 rated, as of 2020-01-01T04:00:00Z, half-life 1 day; a score of 100 is 100 votes

        #  user      score                        reach  amplif.  network  openness  room  audience  retweets  mentions  replies
        1  bo         27.2  █████▌                  1.8     1.00     1.41      0.99  1.00       0.0         1         1        0
        2  cy         24.3  ████▉                   1.9     0.78     1.57      0.90  1.00       0.0         1         0        1
        3  ana        14.7  ███                     1.0     1.00     1.00      1.00  1.00       0.0         1         0        0
    "#]].assert_eq(&ran.stdout);
    expect![[r#"
        exit 0
        read      7 records from log (json), 2020-01-01T00:00:00Z to 2020-01-01T04:00:00Z
        scored    6 events (3 retweets, 1 mention, 1 reply, 1 follow); 4 people, 3 of them rated
        left out  1 self-act
    "#]]
    .assert_eq(&ran.told());
    let took = ran.stderr.lines().last().unwrap();
    assert!(took.starts_with("took ") && took.contains(" events/s"), "{took}");
}

#[test]
fn likes_and_quotes_have_columns_where_somebody_received_one() {
    let log = "ana\tbo\t1577836800\tlike\ncy\tbo\t1577836801\tQT\ncy\tana\t1577836802\tLI\n";
    let directory = Directory::new().with("log", log);
    let ran = directory.replay("log --scores-out scores.csv");
    expect![[r#"
        All 2 rated, as of 2020-01-01T00:00:02Z, half-life 30 days; a score of 100 is 100 votes

        #  user      score                        reach  amplif.  network  openness  room  audience  retweets  mentions  replies  quotes  likes
        1  bo         19.7  ████                    2.0     0.65     1.15      1.00  1.00       0.0         0         0        0       1      1
        2  ana         5.0  █                       1.0     0.29     0.88      1.00  1.00       0.0         0         0        0       0      1
    "#]].assert_eq(&ran.stdout);
    expect![[r#"
        exit 0
        read      3 records from log (snap), 2020-01-01T00:00:00Z to 2020-01-01T00:00:02Z
        scored    3 events (1 quote, 2 likes); 3 people, 2 of them rated
    "#]]
    .assert_eq(&ran.told());
    expect![[r#"
        user,rank,score,influence,reach,amplification,network,openness,room,audience,mentions,retweets,replies,likes,quotes,followers,following,percentile,as_of,scale
        bo,1,19.74511,1.487457,2.0,0.6470588,1.149398,1.0,1.0,0.0,0,0,0,1,1,0,0,50.0,2020-01-01T00:00:02Z,100.0
        ana,2,4.982651,0.2585438,1.0,0.2941176,0.8790491,1.0,0.9999999,0.0,0,0,0,1,0,0,0,0.0,2020-01-01T00:00:02Z,100.0
    "#]].assert_eq(&directory.read("scores.csv"));
}

#[test]
fn the_table_is_as_long_as_asked_for() {
    let lines = |options: &str| directory().replay(&format!("log {options}")).stdout.lines().count();
    assert_eq!(lines(""), 6);
    assert_eq!(lines("--top 1"), 4);
    assert_eq!(lines("--top 0"), 0);
    assert!(directory().replay("log --user ana --top 1").stdout.starts_with("Top 1 of 3 rated"));
}

#[test]
fn one_person_is_explained() {
    let ran = directory().replay("log --half-life 1d --user bo --user dee --user eve");
    expect![[r#"

        bo  score 27.2, rank 1 of 3, above 66.66 % of all

          reach           1.81  active fans; one who stops counts half after 1 day
          amplification   1.00  how much each of them acts: 1 for one act (a reply 0.56, a like 0.29), 5 at most
          network        1.405  what the fans themselves count
          openness       0.989  some endorsements are returned
          room           1.000  the log is not longer than a half-life: nobody counts as a stranger yet
          audience        0.00  votes added by followers who are active
          influence       2.51  votes: reach × amplification × network × openness × room + audience; 100 make a score of 100
          received       1 retweet, 1 mention, 0 replies; 1 follower, follows 0

          2 fans   votes   share    rate acts, faded returned
          cy       1.630  64.2 %   1.778        0.92     51 %
          ana      0.910  35.8 %   1.022        0.89      0 %

        dee  is not rated: nobody has acted on them yet, which is not the same as 0

        eve  is not in what was read
    "#]]
    .assert_eq(&ran.stdout);
}

#[test]
fn the_score_table_has_exactly_these_keys() {
    let text = directory().replay("log --scores-out - --quiet").stdout;
    let first = text.lines().next().unwrap();
    let keys: Vec<&str> =
        first.split('"').filter(|part| part.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')).collect();
    expect!["user bo rank score influence reach amplification network openness room audience mentions retweets replies likes quotes followers following percentile as_of scale"].assert_eq(&keys.join(" "));
    expect![[r#""mentions":1,"retweets":1,"replies":0,"likes":0,"quotes":0,"followers":1,"following":0,"percentile":66.6667,"as_of":"2020-01-01T04:00:00Z","scale":100.0}"#]].assert_eq(&first[first.find("\"mentions").unwrap()..]);
    let scores = lines(&text);
    let score = |line: &Value| line["score"].as_f64().unwrap();
    assert!(scores.is_sorted_by(|a, b| score(a) >= score(b)));
    let percentiles: Vec<f64> = scores.iter().map(|line| line["percentile"].as_f64().unwrap()).collect();
    for (percentile, expected) in percentiles.iter().zip([66.6667, 33.3333, 0.0]) {
        assert!((percentile - expected).abs() < 1e-4, "{percentiles:?}");
    }
}

#[test]
fn equal_scores_have_one_percentile_and_are_sorted_by_name() {
    let events = ["di", "bo", "cy"].map(|target| event(0, "ana", Mention, target));
    let scores = Directory::new().with("log", file(Format::Json, &events)).scores("log");
    assert_eq!(scores.iter().map(|line| line["user"].as_str().unwrap()).collect::<Vec<_>>(), ["bo", "cy", "di"]);
    assert!(scores.iter().all(|line| line["percentile"] == 0.0));
}

#[test]
fn the_score_table_is_packed_as_its_name_says() {
    let directory = directory();
    let expected = directory.replay("log --scores-out - --quiet").stdout;
    for name in ["scores.ndjson", "scores.jsonl", "scores.ndjson.gz", "scores.jsonl.zst"] {
        assert_eq!(directory.replay(&format!("log --quiet --top 0 --scores-out {name}")).code, 0);
        let bytes = std::fs::read(directory.path(name)).unwrap();
        let bytes = match name.rsplit('.').next() {
            Some("gz") => std::io::read_to_string(flate2::read::GzDecoder::new(&bytes[..])).unwrap(),
            Some("zst") => std::io::read_to_string(::zstd::Decoder::new(&bytes[..]).unwrap()).unwrap(),
            _ => String::from_utf8(bytes).unwrap(),
        };
        assert_eq!(bytes, expected, "{name}");
    }
    directory.replay("log --quiet --scores-out scores.csv");
    let table = directory.read("scores.csv");
    expect![[r#"
        user,rank,score
        bo,1,28.48195
        cy,2,24.99811
        ana,3,15.0086"#]]
    .assert_eq(
        &table.lines().map(|line| line.split(',').take(3).collect::<Vec<_>>().join(",")).collect::<Vec<_>>().join("\n"),
    );
}

#[test]
fn json_is_one_document() {
    let ran = directory().replay("log --json --top 1 --user bo --user dee --user eve");
    assert_eq!(ran.stdout.lines().count(), 1);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let document = ran.document();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    expect!["summary top users"].assert_eq(&keys(&document));
    expect!["as_of credits edges events_per_second files first_collisions first_event_at follows half_life_ms history last_event_at left_out networks notes outliers partitions peak_memory_bytes people profiles rated records scale scored scores_published seconds stopped timeline window_ms workers"].assert_eq(&keys(&document["summary"]));
    expect![[r#"{"blocks":0,"events":6,"follows":1,"late":0,"likes":0,"mentions":1,"quotes":0,"replies":1,"retweets":3,"unblocks":0,"unfollows":0}"#]]
    .assert_eq(&document["summary"]["scored"].to_string());
    expect![[
        r#"{"after_until":0,"blocked":0,"collided":0,"future":0,"ignored":0,"malformed":0,"malformed_profiles":0,"no_target":0,"opted_out":0,"other_kinds":0,"own_accounts":0,"self_acts":1,"shard_full":0}"#
    ]]
    .assert_eq(&document["summary"]["left_out"].to_string());
    expect![[r#"[{"bytes":459,"file":"log","format":"json","packing":null,"records":7,"understood":7}]"#]]
        .assert_eq(&document["summary"]["files"].to_string());
    assert_eq!(document["top"].as_array().unwrap().len(), 1);
    let users = document["users"].as_array().unwrap();
    let statuses: Vec<_> = users.iter().map(|user| user["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["rated", "not rated", "unknown"]);
    assert_eq!(users[0]["score"]["user"], "bo");
    assert_eq!(users[0]["fans"], 2);
    let shares: f64 = users[0]["top_fans"].as_array().unwrap().iter().map(|fan| fan["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-6);
}

#[test]
fn until_scores_as_of_then() {
    let directory = directory().with("first", file(Format::Json, &events()[..4]));
    assert_eq!(directory.scores("log --until 2020-01-01T02:00:00Z"), directory.scores("first"));
    let ran = directory.replay("log --top 0 --until 2020-01-01T02:30:00Z");
    expect![[r#"
        exit 0
        read      7 records from log (json), 2020-01-01T00:00:00Z to 2020-01-01T02:00:00Z
        scored    4 events (2 retweets, 1 mention, 1 reply); 3 people, 2 of them rated
        left out  3 events after --until
    "#]]
    .assert_eq(&ran.told());
    let later = directory.scores("log --until 2020-02-01T00:00:00Z");
    assert!(later.iter().all(|line| line["as_of"] == "2020-02-01T00:00:00Z"), "the clock moves beyond the log");
    let reach = |scores: &[Value]| scores.iter().map(|line| line["reach"].as_f64().unwrap()).sum::<f64>();
    let now = directory.scores("log");
    let halved = reach(&now) * (-(31.0 * 24.0 - 5.0 + 2.0) / (30.0 * 24.0) * std::f64::consts::LN_2).exp();
    assert!((reach(&later) / halved - 1.0).abs() < 0.01, "{} {halved}", reach(&later));
    check_told(
        "log --until 2019-01-01T00:00:00Z",
        &directory,
        expect![[r#"
            exit 0
            note: all events are later than --until, so nobody is rated
            read      7 records from log (json)
            scored    0 events; nobody
            left out  7 events after --until
        "#]],
    );
    check_told(
        "log --until 1577836800",
        &directory,
        expect![[r#"
            exit 0
            read      7 records from log (json), 2020-01-01T00:00:00Z to 2020-01-01T00:00:00Z
            scored    1 event (1 retweet); 2 people, 1 of them rated
            left out  6 events after --until
        "#]],
    );
}

fn check_told(arguments: &str, directory: &Directory, told: Expect) {
    told.assert_eq(&directory.replay(arguments).told());
}

#[test]
fn the_knobs_of_accuracy_do_what_they_say() {
    let directory = Directory::new().with("log", many(5000));
    // What fans give, and what followers add: a follower whose score is at a level's threshold may be on either side.
    let influence = |options: &str| -> Vec<(String, f64, f64)> {
        let scores = directory.scores(&format!("log {options}"));
        let number = |line: &Value, key: &str| line[key].as_f64().unwrap();
        let person = |line: &Value| {
            let (influence, audience) = (number(line, "influence"), number(line, "audience"));
            (line["user"].as_str().unwrap().to_owned(), influence - audience, audience)
        };
        let mut people: Vec<_> = scores.iter().map(person).collect();
        people.sort_by(|a, b| a.0.cmp(&b.0));
        people
    };
    let exact = influence("--eps 1e-6 --contact-threshold 1e-6");
    let finer = influence("--eps 1e-5 --contact-threshold 1e-5");
    let coarse = influence("");
    let error = |found: &[(String, f64, f64)]| {
        found.iter().zip(&exact).map(|(found, exact)| (found.1 / exact.1 - 1.0).abs()).fold(0.0, f64::max)
    };
    let audience_error =
        coarse.iter().zip(&exact).map(|(coarse, exact)| (coarse.2 - exact.2).abs()).fold(0.0, f64::max);
    // The largest step of one follower is from 3 to 10: log2(11 / 4) votes.
    assert!(audience_error < 1.46, "{audience_error}");
    assert!(error(&finer) < 1e-4, "{}", error(&finer));
    assert!((1e-4..0.08).contains(&error(&coarse)), "{}", error(&coarse));
}

#[test]
fn kinds_weigh_what_is_asked_for() {
    let log = [("a", Kind::Mention, "mentioned"), ("b", Kind::Like, "liked"), ("c", Kind::Like, "liked")];
    let log = log.map(|(actor, kind, target)| event(0, actor, kind, target));
    let directory = Directory::new().with("log", file(Format::Json, &log));
    let influence = |options: &str| -> Vec<(String, f64)> {
        let scores = directory.scores(&format!("log {options}"));
        scores
            .iter()
            .map(|line| (line["user"].as_str().unwrap().to_owned(), line["influence"].as_f64().unwrap()))
            .collect()
    };
    let as_they_are = influence("");
    assert_eq!((&*as_they_are[0].0, as_they_are[1].1), ("liked", 1.0));
    let alike = influence("--kind-weight like=1");
    assert_eq!(alike, [("liked".to_owned(), 2.0), ("mentioned".to_owned(), 1.0)]);
    assert!(influence("--kind-weight like=0.01,mention=5") != as_they_are);
}

/// The names of all who are rated, as programs read them.
fn users(directory: &Directory) -> Vec<String> {
    directory.scores("log").iter().map(|line| line["user"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn names_of_all_kinds_pass_through() {
    let names = ["a,b", "quote\"d", "two words", "日本", "-", "=1+1", "\u{202e}evil"];
    let events: Vec<_> = names.iter().map(|name| event(0, "ana", Mention, name)).collect();
    let directory = Directory::new().with("log", file(Format::Json, &events));
    let mut found = users(&directory);
    let mut expected = names.map(str::to_owned).to_vec();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn names_that_look_alike_are_told_apart_on_a_terminal() {
    let events = [
        event(0, "ana", Mention, "live"),
        event(1, "bo", Mention, "\u{202e}evil"),
        event(2, "cy", Mention, "live\u{200b}"),
        event(3, "dee ", Mention, "live"),
    ];
    let directory = Directory::new().with("log", file(Format::Json, &events));
    for (arguments, names) in
        [("log", &["\\u{202e}evil", "live\\u{200b}"][..]), ("log --user live", &["dee\\u{20}"][..])]
    {
        let ran = directory.replay(arguments);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(names.iter().all(|name| ran.stdout.contains(name)), "{names:?} in\n{}", ran.stdout);
        assert!(!ran.stdout.contains(['\u{202e}', '\u{200b}']), "{}", ran.stdout);
    }
    // The names themselves stay as they are where programs read them.
    let users = users(&directory);
    assert!(users.contains(&"\u{202e}evil".to_owned()), "{users:?}");
}

#[test]
fn a_name_that_nobody_has_is_told_with_those_that_are_near() {
    let events = [
        event(0, "ana", Mention, "twitter:kelleratlas"),
        event(1, "Bo", Mention, "ana"),
        event(2, "cy", Mention, "bluesky:did:plc:flo"),
        event(3, "gone", Mention, "ana"),
    ];
    let directory = Directory::new()
        .with("log", file(Format::Json, &events))
        .with("profiles", "{\"user\":\"gone\",\"opted_out\":true}");
    for (user, said) in [
        ("ANA", ": did you mean ana?"),
        ("@ana", ": did you mean ana?"),
        ("bo", ": did you mean Bo?"),
        ("KellerAtlas", ": did you mean twitter:kelleratlas?"),
        ("twitter:kellratlas", ": did you mean twitter:kelleratlas?"),
        ("flo", ": did you mean bluesky:did:plc:flo?"),
        ("mastodon:ana", ": did you mean ana?"),
        ("eve", ""),
        ("GONE", ""),
    ] {
        let ran = directory.replay(&format!("log --profiles profiles -q --user {user}"));
        assert_eq!((ran.code, ran.stdout), (0, format!("\n{user}  is not in what was read{said}\n")));
    }
    let user = &directory.replay("log --json --user ANA").document()["users"][0];
    assert_eq!((user["status"].as_str(), &user["did_you_mean"]), (Some("unknown"), &serde_json::json!(["ana"])));
}

#[test]
fn equal_people_share_a_rank() {
    let events = ["di", "bo", "cy", "bo"].map(|target| event(0, "ana", Mention, target));
    let scores = Directory::new().with("log", file(Format::Json, &events[..3])).scores("log");
    assert_eq!(scores.iter().map(|line| line["rank"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 1, 1]);
    let scores = Directory::new().with("log", file(Format::Json, &events)).scores("log");
    assert_eq!(scores.iter().map(|line| line["rank"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 2]);
}

#[test]
fn tables_are_as_wide_as_they_may_be() {
    let (long, other) = ("x".repeat(500), "y".repeat(40));
    let mut events = vec![event(0, "ana", Mention, &long), event(1, &other, Retweet, &long)];
    events.extend(["bo", "cy", "dee", "eve"].map(|actor| event(2, actor, Mention, "ana")));
    let directory = Directory::new().with("log", file(Format::Json, &events));
    let table = |columns: &str| {
        let ran =
            Ran::of(directory.command("log --top 20 --user ana --user cy").env("COLUMNS", columns).output().unwrap());
        assert_eq!(ran.code, 0);
        ran.stdout
    };
    for width in [44, 60, 80, 100, 200] {
        let table = table(&width.to_string());
        for line in table.lines() {
            assert!(console::measure_text_width(line) <= width, "{width}: {line}");
        }
        assert!(table.contains('…'));
    }
    for all in [table("nonsense"), directory.replay("log").stdout] {
        assert!(all.contains(&long) && all.contains("audience") && !all.contains('…'), "{all}");
    }
}

#[test]
fn what_one_act_gives_is_told_for_the_weights_that_hold() {
    let directory = directory();
    let told = |weights: &str| directory.replay(&format!("log --user bo {weights}")).stdout;
    let check = |weights, expected: &str| {
        let told = told(weights);
        assert!(told.contains(expected), "{weights}: {told}");
    };
    check("", "1 for one act (a reply 0.56, a like 0.29), 5 at most");
    check("--kind-weight reply=1 --kind-weight like=1", "1 for one act, 5 at most");
    check(
        "--kind-weight mention=2 --kind-weight like=0.1",
        "1 for one act (a mention 1.67, a reply 0.56, a like 0.12), 5 at most",
    );
}
