//! A message costs at most twice its own size, beside what a few names take, whatever is in it.

#[path = "../common/mod.rs"]
mod common;
mod mutated;

use std::sync::Mutex;

use networks::{Memory, Options, Reader, Source};
use peak_alloc::PeakAlloc;

use common::sample;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Names and ids are bounded, and a message has a few in hand at a time.
const NAMES_BYTES: usize = 32 * 1024;

/// What a message costs is told by what the whole program has in use: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

#[track_caller]
fn check(what: &str, line: &[u8]) {
    let mut reader = Reader::new(Options::default(), Memory::new(0));
    let mut source = Source::of_site(Some("x".to_owned()));
    let mut found = 0_u64;
    let cost = cost(|| reader.read(&mut source, line, &mut |_| found += 1));
    assert!(cost <= 2 * line.len() + NAMES_BYTES, "{what}: {} bytes cost {cost}", line.len());
}

/// Bytes that something has in use beyond what was in use before.
fn cost(work: impl FnOnce()) -> usize {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    work();
    HEAP.peak_usage().saturating_sub(before)
}

#[test]
fn no_message_costs_more_than_twice_its_size() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let record = |inner: &str| {
        format!(
            r#"{{"did":"did:plc:a","time_us":1783175888085434,"kind":"commit","commit":{{"operation":"create","collection":"app.bsky.feed.post","rkey":"1","record":{{{inner}}}}}}}"#
        )
    };
    let many = |piece: &str| vec![piece; 100_000].join(",");
    check("deep", "[".repeat(1_100_000).as_bytes());
    check("deep objects", "{\"a\":".repeat(220_000).as_bytes());
    check("zeros", format!("[{}]", many("0")).as_bytes());
    check("empty objects", format!("{{\"data\":[{}],\"includes\":{{}}}}", many("{}")).as_bytes());
    check(
        "shared tweets and people",
        format!(
            r#"{{"data":[],"includes":{{"tweets":[{}],"users":[{}]}}}}"#,
            many(r#"{"id":"1"}"#),
            many(r#"{"id":"1","username":"a"}"#)
        )
        .as_bytes(),
    );
    let mention = r##"{"features":[{"$type":"app.bsky.richtext.facet#mention","did":"did:plc:b"}]}"##;
    check("mentions", record(&format!("\"facets\":[{}]", many(mention))).as_bytes());
    check("escapes", record(&format!("\"text\":\"{}\"", "\\n".repeat(1_000_000))).as_bytes());
    check("an escaped name", record(&format!("\"langs\":[\"{}\"]", "\\n".repeat(1_000_000))).as_bytes());
    check("an escaped field", record(&format!("\"{}\":1", "\\n".repeat(1_000_000))).as_bytes());
    let text = serde_json::to_string(&record(&format!("\"text\":\"{}\"", "x".repeat(1_000_000)))).unwrap();
    check("a message in a text", format!("{{\"value\":{text}}}").as_bytes());
    let twice = serde_json::to_string(&format!("{{\"value\":{text}}}")).unwrap();
    check("a text in a text", format!("{{\"value\":{twice}}}").as_bytes());
    let thrice = serde_json::to_string(&format!("{{\"value\":{twice}}}")).unwrap();
    check("a text in a text in a text", format!("{{\"value\":{thrice}}}").as_bytes());
    check(
        "a row",
        format!(r#"<row Id="1" PostTypeId="1" OwnerUserId="1" Body="{}" />"#, "&lt;".repeat(300_000)).as_bytes(),
    );
    check("attributes", format!("<row {}/>", r#"a="" "#.repeat(300_000)).as_bytes());
    for name in ["bluesky-jetstream.jsonl", "mastodon-api.jsonl", "x-v1.1.jsonl", "x-v2.json", "github-events.jsonl"] {
        for line in sample(name).unwrap_or_default().split(|byte| *byte == b'\n') {
            check(name, line);
        }
    }
}
