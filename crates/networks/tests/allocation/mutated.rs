//! Broken messages: whatever happens to a real one, its reader neither panics nor goes on without a reason, and has no more
//! than twice the message in use.
//!
//! `CLOUT_MUTATED` is how many broken lines are read of each sample; 20,000 if it is not set.

use networks::{Found, Memory, Options, Reader, Source};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::common::sample;
use crate::{ALONE, NAMES_BYTES, cost};

const SAMPLES: [&str; 8] = [
    "bluesky-jetstream.jsonl",
    "activitystreams2-and-bluesky-objects.jsonl",
    "mastodon-api.jsonl",
    "mastodon-streaming.txt",
    "x-v1.1.jsonl",
    "x-v2.json",
    "github-events.jsonl",
    "github-webhooks.jsonl",
];

/// Messages of networks of which there is no sample.
const WRITTEN: [(&str, &str); 3] = [
    (
        "reddit",
        r#"{"id":"c1","author":"Bo","author_fullname":"t2_b","parent_id":"t3_p1","link_id":901,"body":"x","subreddit":"r","created_utc":"1500000001"}"#,
    ),
    (
        "youtube",
        r#"{"kind":"youtube#commentThread","id":"c","snippet":{"channelId":"UCx","topLevelComment":{"kind":"youtube#comment","id":"c","snippet":{"authorChannelId":{"value":"UCa"},"publishedAt":"2025-07-20T22:49:19Z"}}},"replies":{"comments":[{"id":"c.d","snippet":{"parentId":"c","authorChannelId":{"value":"UCb"},"publishedAt":"2025-07-20T22:49:20Z"}}]}}"#,
    ),
    (
        "stackexchange",
        r#"<row Id="2" PostTypeId="2" ParentId="1" CreationDate="2009-06-28T08:14:29.363" OwnerUserId="11" Body="&lt;p&gt;a &amp; b&lt;/p&gt;" />
<row Id="7" PostId="2" Text="x" CreationDate="2009-06-28T09:14:29.363" UserId="10" />"#,
    ),
];

/// What is put into a line in place of a part of it.
const PIECES: [&str; 24] = [
    "",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "null",
    "true",
    "-1",
    "1e999",
    "99999999999999999999",
    "\\",
    "\\u0000",
    "\\ud800",
    "\"\"",
    "{}",
    "[]",
    "\u{202e}é",
    "&#0;",
    "<",
    "did:",
    "\n",
];

fn read(reader: &mut Reader, source: &mut Source, line: &[u8]) {
    let before = reader.tally().messages();
    let mut found = 0;
    let cost = cost(|| {
        reader.read(source, line, &mut |what| {
            found += 1;
            if let Found::Act(act) = what {
                assert_ne!(act.actor, act.target);
                assert!(act.at >= 0 && !act.actor.id.is_empty() && !act.target.id.is_empty());
                assert!(!act.actor.to_string().chars().any(char::is_control));
            }
        });
    });
    let text = String::from_utf8_lossy;
    assert!(cost <= 2 * line.len() + NAMES_BYTES, "{} bytes cost {cost}: {}", line.len(), text(line));
    let read = reader.tally().messages() - before;
    // An empty answer is a message of nothing; whatever is counted is explained.
    assert!(read == 0 || found > 0, "{}", text(line));
}

#[test]
fn broken_lines_are_told_and_nothing_panics() {
    let lines_max: u32 = std::env::var("CLOUT_MUTATED").map_or(20_000, |text| text.parse().expect("a number"));
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let samples = SAMPLES.iter().filter_map(|name| Some((*name, sample(name)?)));
    let written = WRITTEN.iter().map(|(network, lines)| (*network, lines.as_bytes().to_vec()));
    for (name, bytes) in samples.chain(written) {
        let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| line.len() > 2).collect();
        // Lines are long: what is broken must not lie in a text each time.
        let change = (any::<prop::sample::Index>(), 0..40_usize, prop::sample::select(PIECES.to_vec()));
        let plan = (any::<prop::sample::Index>(), prop::collection::vec(change, 1..4), any::<bool>());
        let reader = Reader::new(Options::default(), Memory::bounded(100, 100));
        let reading = std::cell::RefCell::new((reader, Source::of_site(Some("x".to_owned()))));
        let config = Config { cases: lines_max, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        runner
            .run(&plan, |(which, changes, is_short)| {
                // The answers of X are long: a part of one is as good.
                let mut line = lines[which.index(lines.len())].to_vec();
                line.truncate(8000);
                for (at, len, piece) in changes {
                    let start = if is_short { at.index(line.len().clamp(1, 300)) } else { at.index(line.len().max(1)) };
                    let start = start.min(line.len());
                    let end = (start + len).min(line.len());
                    line.splice(start..end, piece.bytes());
                }
                let (reader, source) = &mut *reading.borrow_mut();
                read(reader, source, &line);
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        println!("{name}: {lines_max} broken lines");
    }
}
