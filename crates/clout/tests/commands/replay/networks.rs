//! What networks really send, from the file to the scores. The counts of the samples were taken by parsing them, as their
//! README says; what is skipped, and why, was looked up message by message.

use std::fs;

use expect_test::{Expect, expect};
use serde_json::Value;

use crate::replay::program::{Directory, gzip, lines, zstd};
use crate::replay::real_logs::data;

/// A sample of a network.
fn sample(name: &str) -> Option<String> {
    let paths = data(&[&format!("networks/{name}")])?;
    Some(paths[0].display().to_string())
}

/// The summary's lines about networks, and how many events are scored, of a run that goes well.
fn told(directory: &Directory, arguments: &str) -> String {
    let ran = directory.replay(&format!("{arguments} --json"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let summary = &ran.document()["summary"];
    let told = directory.replay(&format!("{arguments} --top 0"));
    let networks: Vec<&str> = told.stderr.lines().filter_map(|line| line.strip_prefix("network   ")).collect();
    // For programs it is the same.
    assert_eq!(summary["networks"].as_array().unwrap().len(), networks.len());
    let acts: u64 = summary["networks"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|read| read["acts"].as_object().unwrap().values())
        .map(|acts| acts.as_u64().unwrap())
        .sum();
    let scored = &summary["scored"];
    assert_eq!(scored["events"].as_u64(), Some(acts), "every act is scored: {}", told.stderr);
    format!("{}\n{} scored\n", networks.join("\n"), scored["events"])
}

#[track_caller]
fn check(name: &str, expected: Expect) {
    let Some(path) = sample(name) else { return };
    expected.assert_eq(&told(&Directory::new(), &path));
}

#[test]
fn every_sample_gives_its_verified_counts() {
    check(
        "bluesky-jetstream.jsonl",
        expect![[r#"
            Bluesky: 162 messages: 16 retweets, 7 replies, 105 likes, 7 follows, 2 blocks; skipped: acts on nobody 9, to oneself 3, other kind 4, says nothing new 2
            137 scored
        "#]],
    );
    check(
        "activitystreams2-and-bluesky-objects.jsonl",
        expect![[r#"
            Bluesky: 14 messages: 1 retweet, 1 quote; skipped: acts on nobody 1, no actor 11
            ActivityPub: 39 messages: 2 unfollows; skipped: not public 20, no actor 3, author unknown 2, no time 1, no id 1, taken back 2, other kind 4; 2 acts have the time of the message before
            4 scored
        "#]],
    );
    check(
        "mastodon-api.jsonl",
        expect![[r#"
            Mastodon: 67 messages: 1 retweet, 4 mentions, 1 reply, 2 likes; skipped: acts on nobody 35, to oneself 9, not public 3, repeated 12, edited 4; 1 act has the time of the message before
            8 scored
        "#]],
    );
    check(
        "mastodon-streaming.txt",
        expect![[r#"
            Mastodon: 10 messages: 1 mention; skipped: acts on nobody 2, not public 5, edited 1
            1 scored
        "#]],
    );
    check(
        "x-v1.1.jsonl",
        expect![[r#"
            X: 29 messages: 1 retweet, 53 mentions, 7 replies, 3 quotes; skipped: acts on nobody 3, to oneself 13, repeated 6
            64 scored
        "#]],
    );
    check(
        "x-v2.json",
        expect![[r#"
            X: 100 messages: 71 retweets, 34 mentions, 8 replies, 3 quotes; skipped: acts on nobody 10, to oneself 8
            116 scored
        "#]],
    );
    check(
        "github-events.jsonl",
        expect![[r#"
            GitHub: 12 messages: 1 retweet, 1 reply, 1 like; skipped: acts on nobody 6, to oneself 2, no target 1
            3 scored
        "#]],
    );
    check(
        "github-webhooks.jsonl",
        expect![[r#"
            GitHub: 9 messages: 1 retweet, 1 mention; skipped: to oneself 5, not public 1, taken back 1
            2 scored
        "#]],
    );
}

const ANA: &str = "did:plc:ana";

/// A line of Jetstream, so many seconds after 2026-01-01: a record of somebody.
fn record(second: i64, did: &str, collection: &str, rkey: &str, record: &str) -> String {
    let micros = (1_767_225_600 + second) * 1_000_000;
    format!(
        r#"{{"did":"{did}","time_us":{micros},"kind":"commit","commit":{{"operation":"create","collection":"app.bsky.{collection}","rkey":"{rkey}","record":{record}}}}}"#
    )
}

/// A like of a post of Ana's.
fn like(second: i64, did: &str) -> String {
    let subject = format!(r#"{{"subject":{{"uri":"at://{ANA}/app.bsky.feed.post/1"}}}}"#);
    record(second, did, "feed.like", &second.to_string(), &subject)
}

/// What the network says of an account.
fn account(kind: &str, did: &str, what: &str) -> String {
    format!(r#"{{"did":"{did}","time_us":1767225600000000,"kind":"{kind}","{kind}":{what}}}"#)
}

#[test]
fn a_rename_moves_no_score_and_people_are_called_what_they_were_called_last() {
    let before = [
        account("identity", ANA, r#"{"handle":"old.example.com"}"#),
        like(1, "did:plc:bo"),
        record(2, ANA, "actor.profile", "self", r#"{"displayName":"Ana, \"the\" first"}"#),
        like(3, "did:plc:cy"),
    ];
    let renamed = account("identity", ANA, r#"{"handle":"new.example.com"}"#);
    let after = [&before[..], &[renamed, account("identity", "did:plc:cy", r#"{"handle":"cy.example.com"}"#)]].concat();
    let directory = Directory::new().with("before", before.join("\n")).with("after", after.join("\n"));
    let table = |name: &str| {
        let ran = directory.replay(&format!("{name} --scores-out scores.csv --top 1"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        directory.read("scores.csv")
    };
    let (old, new) = (table("before"), table("after"));
    assert_eq!(old.replace("old.example.com", "new.example.com"), new);
    assert!(new.starts_with("user,rank,score,"), "{new}");
    assert!(new.lines().next().unwrap().ends_with(",handle,display_name,is_bot,language,country"), "{new}");
    let line = new.lines().nth(1).unwrap();
    assert!(line.starts_with("bluesky:did:plc:ana,1,"), "{new}");
    assert!(line.ends_with(r#",new.example.com,"Ana, ""the"" first",,,"#), "{new}");

    // The ranking, and whoever is asked for by handle.
    let ran = directory.replay("after");
    assert!(ran.stdout.contains(r#"@new.example.com Ana, "the" first"#), "{}", ran.stdout);
    let ran = directory.replay("after --user @new.example.com");
    assert!(ran.stdout.contains("bluesky:did:plc:ana"), "{}", ran.stdout);
    assert!(ran.stdout.contains("@cy.example.com"), "{}", ran.stdout);
    let document = directory.replay("after --json --top 1 --user new.example.com").document();
    let top: &Value = &document["top"][0];
    assert_eq!((&top["user"], &top["handle"]), (&"bluesky:did:plc:ana".into(), &"new.example.com".into()));
    assert_eq!((&top["display_name"], &top["is_bot"]), (&"Ana, \"the\" first".into(), &Value::Null));
    assert_eq!(document["users"][0]["user"], "bluesky:did:plc:ana");

    // Other logs have no such columns.
    let plain = Directory::new().with("log", "1 2 1254192988 RT\n");
    assert!(plain.scores("log")[0].get("handle").is_none());
}

/// A post of somebody who answers another one's, in a language.
fn answer(second: i64, did: &str, target: &str, language: &str) -> String {
    let answered = format!("at://{target}/app.bsky.feed.post/1");
    let reply = format!(r#"{{"root":{{"uri":"{answered}"}},"parent":{{"uri":"{answered}"}}}}"#);
    let post = format!(r#"{{"text":"x","langs":["{language}"],"reply":{reply}}}"#);
    record(second, did, "feed.post", &format!("p{second}"), &post)
}

#[test]
fn the_list_is_narrowed_to_a_network_a_language_and_a_country() {
    let (bo, cy) = ("did:plc:bo", "did:plc:cy");
    let mut lines = vec![
        answer(1, ANA, bo, "nl-BE"),
        answer(2, ANA, cy, "en"),
        answer(3, ANA, cy, "nl"),
        answer(4, bo, ANA, "nl"),
        answer(5, cy, ANA, "en"),
        answer(6, "did:plc:di", ANA, "und"),
    ];
    // What an archive repeats is written once.
    (0..5).for_each(|_| lines.push(answer(2, ANA, cy, "en")));
    let profiles = format!(
        "{{\"user\":\"bluesky:{ANA}\",\"country\":\"be\"}}\n{{\"user\":\"bluesky:{bo}\",\"country\":\"Gent, BE\"}}\n"
    );
    let directory = Directory::new().with("log", lines.join("\n")).with("profiles", profiles);
    let listed = |conditions: &str| {
        let document = directory.replay(&format!("log --profiles profiles --json {conditions}")).document();
        let top = document["top"].as_array().unwrap().clone();
        let names: Vec<String> =
            top.iter().map(|one| one["user"].as_str().unwrap().replace("bluesky:did:plc:", "")).collect();
        (names.join(" "), document["where"].clone())
    };
    let (all, nobody_asked) = listed("");
    assert_eq!((all.as_str(), nobody_asked), ("ana cy bo", Value::Null));
    for (conditions, expected) in [
        ("--where language=nl", "ana bo"),
        ("--where network=bluesky,language=nl", "ana bo"),
        ("--where language=en --top 1", "cy"),
        ("--where country=BE", "ana"),
        ("--where language=nl --where country=BE", "ana"),
        ("--where network=x", ""),
    ] {
        assert_eq!(listed(conditions).0, expected, "{conditions}");
    }
    let (_, among) = listed("--where language=nl,network=bluesky --top 1");
    let expected = serde_json::json!({"network": "bluesky", "language": "nl", "country": null, "people": 2});
    assert_eq!(among, expected);
    let ran = directory.replay("log --profiles profiles --where language=nl,country=BE --scores-out scores.csv");
    assert!(ran.stdout.contains("The only one rated, writing in nl and saying BE"), "{}", ran.stdout);
    let table = directory.read("scores.csv");
    let ends = |user: &str, end: &str| table.lines().any(|line| line.starts_with(user) && line.ends_with(end));
    assert!(
        ends("bluesky:did:plc:ana,1,", ",nl,BE")
            && ends("bluesky:did:plc:bo,", ",nl,")
            && ends("bluesky:did:plc:cy,", ",en,"),
        "{table}"
    );
    let ran = directory.replay("log --where network=x");
    assert!(ran.stdout.contains("Nobody is rated on x"), "{}", ran.stdout);
    for (conditions, told) in [
        ("colour=red", "there are network, language, country"),
        ("languages=nl", "did you mean language?"),
        ("country=Belgium", "ISO 3166-1"),
        ("language=nl,language=en", "has a key twice"),
    ] {
        let ran = directory.replay(&format!("log --where {conditions}"));
        assert!(ran.code == 2 && ran.stderr.contains(told), "{conditions}: {} {}", ran.code, ran.stderr);
    }
}

#[test]
fn accounts_that_are_suspended_give_nothing_and_deleted_ones_are_erased() {
    let log = |accounts: &[String]| {
        let acts: Vec<String> = (1..4).map(|second| like(second, &format!("did:plc:{second}"))).collect();
        [accounts, &acts].concat().join("\n")
    };
    let score = |accounts: &[String]| {
        let directory = Directory::new().with("log", log(accounts));
        let document = directory.replay("log --json --user bluesky:did:plc:ana").document();
        let user = &document["users"][0];
        (user["status"].as_str().unwrap().to_owned(), user["score"]["influence"].as_f64())
    };
    let gone = |status: &str, did: &str| account("account", did, &format!(r#"{{"active":false,"status":"{status}"}}"#));
    let back = |did: &str| account("account", did, r#"{"active":true}"#);
    let (_, all) = score(&[]);
    let (_, less) = score(&[gone("takendown", "did:plc:1")]);
    assert!(less < all, "{less:?} {all:?}");
    assert_eq!(score(&[gone("suspended", "did:plc:1"), back("did:plc:1")]).1, all);
    assert_eq!(score(&[gone("throttled", "did:plc:1")]).1, all);
    assert_eq!(score(&[gone("deleted", ANA)]), ("opted out".to_owned(), None));
}

#[test]
fn people_who_are_not_listed_are_scored_and_not_called_by_name() {
    let hidden = record(
        0,
        ANA,
        "actor.profile",
        "self",
        r#"{"displayName":"Ana","labels":{"values":[{"val":"!no-unauthenticated"}]}}"#,
    );
    let directory = Directory::new().with("log", [hidden, like(1, "did:plc:bo")].join("\n"));
    let scores = directory.scores("log");
    assert_eq!((&scores[0]["user"], &scores[0]["display_name"]), (&"bluesky:did:plc:ana".into(), &Value::Null));
    assert!(!directory.replay("log").stdout.contains("Ana"));
}

#[test]
fn files_in_several_pieces_count_each_act_once_whatever_packs_them() {
    let likes: Vec<String> = (1..50).map(|second| like(second, &format!("did:plc:{}", second % 7))).collect();
    let expected = Directory::new().with("log", likes.join("\n")).scores("log");
    let packed_long = {
        let mut encoder = ::zstd::Encoder::new(Vec::new(), 3).unwrap();
        encoder.long_distance_matching(true).unwrap();
        encoder.window_log(30).unwrap();
        std::io::Write::write_all(&mut encoder, likes[..30].join("\n").as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let indented = likes[20..].join(",").replace(",\"", ",\n  \"");
    let directory = Directory::new()
        .with("a.zst", packed_long)
        .with("b.gz", gzip(likes[10..40].join("\r\n").as_bytes()))
        .with("c.json", format!("[{indented}]"))
        .with("all.zst", zstd(likes.join("\n").as_bytes()));
    assert_eq!(directory.scores("all.zst"), expected);
    assert_eq!(directory.scores("a.zst b.gz c.json"), expected);
    assert_eq!(directory.scores("c.json a.zst b.gz"), expected);
    let ran = directory.replay_stdin("- --scores-out - --quiet", likes.join("\n").as_bytes());
    assert_eq!(lines(&ran.stdout), expected);
    expect![[r#"
        Bluesky: 89 messages: 49 likes; skipped: repeated 40
        49 scored
    "#]]
    .assert_eq(&told(&directory, "a.zst b.gz c.json"));
}

/// A question, an answer to it and, in another file, comments on both.
const POSTS: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<posts>
  <row Id="1" PostTypeId="1" CreationDate="2009-06-28T07:00:00.000" OwnerUserId="10" />
  <row Id="2" PostTypeId="2" ParentId="1" CreationDate="2009-06-28T08:00:00.000" OwnerUserId="11" />
  <row Id="3" PostTypeId="1" CreationDate="2009-06-28T10:00:00.000" OwnerUserId="12" />
  <row Id="4" PostTypeId="2" ParentId="3" CreationDate="2009-06-28T12:00:00.000" OwnerUserId="10" />
</posts>
"#;
const COMMENTS: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<comments>
  <row Id="1" PostId="1" Text="x" CreationDate="2009-06-28T07:30:00.000" UserId="11" />
  <row Id="2" PostId="3" Text="x" CreationDate="2009-06-28T11:00:00.000" UserId="10" />
  <row Id="3" PostId="4" Text="x" CreationDate="2009-06-28T13:00:00.000" UserId="12" />
</comments>
"#;

#[test]
fn a_folder_is_read_and_what_one_file_says_is_known_in_the_others() {
    let directory = Directory::new();
    fs::create_dir_all(directory.path("dump/math.example.com")).unwrap();
    // Comments come first by name, and their posts are known all the same: messages are read in the order of their times.
    let directory = directory
        .with("dump/math.example.com/Comments.xml", COMMENTS)
        .with("dump/math.example.com/Posts.xml", POSTS)
        .with("dump/math.example.com/License.txt", "Everybody may read this.\n")
        .with("dump/likes.ndjson.gz", gzip([like(1, "did:plc:bo"), like(2, "did:plc:cy")].join("\n").as_bytes()))
        .with("dump/log.txt", "1 2 1254192988 RT\n")
        .with("dump/.hidden", "1 2 1254192988 RT\n");
    let ran = directory.replay("dump --top 0 --scores-out scores.ndjson");
    expect![[r#"
        exit 0
        note: dump: 1 file is in no known format, and passed over: dump/math.example.com/License.txt
        note: the 2 newest events (2026-01-01T00:00:01Z to 2026-01-01T00:00:02Z) lie 16.3 years beyond all others, which have faded by then; --until 2009-09-29T02:56:28Z leaves them out
        read      10 records from 4 files, merged by time, 2009-06-28T07:30:00Z to 2026-01-01T00:00:02Z
        network   Bluesky: 2 messages: 2 likes
        network   Stack Exchange: 7 messages: 5 replies; skipped: acts on nobody 2
        scored    8 events (1 retweet, 5 replies, 2 likes); 6 people, 4 of them rated
    "#]].assert_eq(&ran.told());
    let scores = lines(&directory.read("scores.ndjson"));
    let users: Vec<&str> = scores.iter().map(|line| line["user"].as_str().unwrap()).collect();
    assert!(users.contains(&"stackexchange:math.example.com:10"), "{users:?}");
    // Without a folder of its own, its site is said.
    let site = directory.scores("dump/math.example.com/Posts.xml --site mathoverflow.net");
    assert_eq!(site[0]["user"].as_str().unwrap().split(':').nth(1), Some("mathoverflow.net"));

    fs::create_dir_all(directory.path("texts")).unwrap();
    let directory = directory.with("texts/License.txt", "Everybody may read this.\n");
    let ran = directory.replay("texts");
    expect![[r#"
        exit 2
        error: cannot read texts: it is a directory without a file in a known format
    "#]]
    .assert_eq(&ran.told());
    let ran = directory.replay("dump --scores-out dump/scores.csv");
    expect![[r#"
        exit 2
        error: --scores-out dump/scores.csv would overwrite a file that this run reads or writes as well
    "#]]
    .assert_eq(&ran.told());
}

#[test]
fn what_is_of_no_network_is_told_as_before() {
    let directory = Directory::new()
        .with("objects", "{\"a\":1}\n{\"b\":2}\n")
        .with("page", "<html>\n<row a=\"1\" />\n</html>\n")
        .with("long", format!("{{\"a\":\"{}\"}}\n{{\"b\":1}}\n", "x".repeat(3 << 20)));
    for name in ["objects", "page", "long"] {
        let ran = directory.replay(name);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.starts_with(&format!("error: {name} is in no known format")), "{}", ran.stderr);
    }
    // A format that is given is the one that is read.
    let directory = directory.with("likes", like(1, "did:plc:bo"));
    assert_ne!(directory.replay("likes --format json").code, 0);
    assert_eq!(directory.replay("likes").code, 0);
}

#[test]
fn broken_lines_among_messages_are_bad_lines() {
    let log = [&like(1, "did:plc:bo"), "{\"did\":", "{\"hello\":1}", &like(2, "did:plc:cy")[..]].join("\n");
    let directory = Directory::new().with("log", log);
    let ran = directory.replay("log --top 0 --dead-letters bad.ndjson");
    expect![[r#"
        exit 0
        log:2: is neither JSON nor a row of a dump
        read      4 records from log (Bluesky), 2026-01-01T00:00:01Z to 2026-01-01T00:00:02Z
        network   Bluesky: 2 messages: 2 likes
        network   no network: 2 messages: no acts; skipped: malformed 1, not recognised 1
        scored    2 events (2 likes); 3 people, 1 of them rated
        left out  1 malformed line
    "#]]
    .assert_eq(&ran.told());
    assert_eq!(lines(&directory.read("bad.ndjson")).len(), 1);
    assert_eq!(directory.replay("log --max-bad 0").code, 1);
}

#[test]
fn a_message_longer_than_a_line_of_events_is_read() {
    let many: Vec<String> = (1..12_000).map(|second| like(second, &format!("did:plc:{second}"))).collect();
    let answer = format!("{{\"items\":[{}]}}", many.join(","));
    assert!(answer.len() > 2 << 20);
    let directory = Directory::new().with("answer.json", answer).with("lines", many.join("\n"));
    assert_eq!(directory.scores("answer.json"), directory.scores("lines"));
}

/// Messages that have an actor and a time by the names of our own events, and no target.
const FLAT: &str = r#"{"id":"https://a.example.com/1","type":"Follow","actor":"https://a.example.com/users/a","object":"https://b.example.com/users/b","published":"2026-01-01T00:00:00Z"}
{"repository":{"owner":"bo","name":"x","id":5},"created_at":"2012/03/10 22:42:14 -0800","public":true,"actor":"ana","payload":{"action":"started"},"type":"WatchEvent"}"#;

#[test]
fn messages_that_look_like_posts_without_a_target_are_of_their_network() {
    let directory = Directory::new().with("log", FLAT).with("posts", "{\"actor\":\"ana\",\"at\":1738324800}\n");
    expect![[r#"
        ActivityPub: 1 message: 1 follow
        GitHub: 1 message: 1 like; 1 act on a handle without an id
        2 scored
    "#]]
    .assert_eq(&told(&directory, "log"));
    // A log of posts without a target is one of events still.
    let ran = directory.replay("posts");
    assert!(ran.stderr.contains("1 post without a target"), "{}", ran.stderr);
}
