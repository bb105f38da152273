//! Real messages give exactly the acts that are in them, and each of the others its reason. How many messages of which
//! kind a sample holds was counted by parsing it, apart from this crate; which of them give an act, and why the others do
//! not, was looked up message by message.

use networks::{Found, Options, Source, Tally};

use crate::common::{reader, sample, told};

/// What a sample gives, and how many likes and reposts in it came through somebody's share.
fn read(name: &str) -> Option<(Tally, usize)> {
    let bytes = sample(name)?;
    let mut reader = reader(Options::default());
    let (mut source, mut with_via) = (Source::default(), 0);
    for line in bytes.split(|byte| *byte == b'\n') {
        reader.read(&mut source, line, &mut |found| {
            with_via += usize::from(matches!(found, Found::Act(act) if act.via.is_some()))
        });
    }
    Some((reader.tally().clone(), with_via))
}

#[track_caller]
fn check(name: &str, expected: &str) {
    let Some((tally, _)) = read(name) else { return };
    let expected: String = expected.lines().filter(|line| !line.trim().is_empty()).fold(String::new(), |all, line| {
        // What stands behind two dashes explains the line.
        all + line.split(" -- ").next().unwrap_or(line).trim() + "\n"
    });
    let told: String = told(&tally).lines().fold(String::new(), |all, line| all + line.trim() + "\n");
    assert_eq!(told, expected, "{name}");
}

#[test]
fn jetstream_gives_all_of_its_acts() {
    check(
        "bluesky-jetstream.jsonl",
        "
        Bluesky: 162 messages, 18 posts, 4 deletions -- three follows and a post are gone
        act: retweet 16
        act: reply 7
        act: follow 7
        act: like 105
        act: block 2
        skipped: acts on nobody 9 -- posts that answer nobody: 9 of the 18 do
        skipped: to oneself 3 -- one like and two of the 9 replies
        skipped: other kind 4 -- a status, two updates and a delete of other lexicons
        skipped: says nothing new 2 -- identities without a handle
        ",
    );
    if let Some((_, with_via)) = read("bluesky-jetstream.jsonl") {
        assert_eq!(with_via, 18 + 6);
    }
}

#[test]
fn activity_streams_and_bluesky_objects_give_what_they_say() {
    check(
        "activitystreams2-and-bluesky-objects.jsonl",
        "
        Bluesky: 14 messages, 3 posts, 0 deletions
        act: retweet 1
        act: quote 1
        skipped: acts on nobody 1
        skipped: no actor 11 -- records and views that do not say whose they are
        ActivityPub: 39 messages, 0 posts, 0 deletions
        act: unfollow 2
        skipped: not public 20 -- notes and others that are addressed to nobody, or to people
        skipped: no actor 3
        skipped: author unknown 2 -- likes of posts that were not seen
        skipped: no time 1 -- a follow without a time, and none came before it
        skipped: no id 1 -- an organisation without an id and an address
        skipped: taken back 2
        skipped: other kind 4 -- three accepts and an invitation
        borrowed times 2
        ",
    );
}

#[test]
fn the_api_of_mastodon_gives_public_statuses_and_notifications() {
    check(
        "mastodon-api.jsonl",
        "
        Mastodon: 67 messages, 55 posts, 0 deletions
        act: mention 13
        act: retweet 1
        act: reply 2
        act: like 4
        skipped: acts on nobody 35
        skipped: to oneself 9 -- a boost, two replies, four quotes, two mentions
        skipped: not public 3 -- direct ones, a reply among them
        skipped: edited 4 -- three versions of a history and a source
        borrowed times 1 -- a version 2 group that was asked for alone
        ",
    );
}

#[test]
fn the_stream_of_mastodon_gives_public_statuses() {
    check(
        "mastodon-streaming.txt",
        "
        Mastodon: 10 messages, 3 posts, 1 deletions
        act: mention 1
        skipped: acts on nobody 2
        skipped: not public 5 -- three conversations, a direct status and the notification of one
        skipped: edited 1
        ",
    );
}

#[test]
fn tweets_of_version_1_give_each_act_once() {
    check(
        "x-v1.1.jsonl",
        "
        X: 29 messages, 29 posts, 0 deletions
        act: mention 53
        act: retweet 1 -- five of 6 are of the retweeter's own tweets
        act: reply 10 -- of 12
        act: quote 6 -- of 12
        skipped: acts on nobody 3
        skipped: to oneself 13 -- five retweets, two replies, six quotes
        ",
    );
}

#[test]
fn tweets_of_version_2_find_whom_they_refer_to() {
    check(
        "x-v2.json",
        "
        X: 100 messages, 164 posts, 0 deletions
        act: mention 34 -- two of them are addressed without an answered tweet
        act: retweet 71 -- of 76
        act: reply 8 -- of 10
        act: quote 3 -- of 4
        skipped: acts on nobody 10
        skipped: to oneself 8 -- five retweets, two replies, a quote
        ",
    );
}

#[test]
fn events_of_github_find_their_target() {
    check(
        "github-events.jsonl",
        "
        GitHub: 12 messages, 0 posts, 0 deletions
        act: retweet 1 -- a fork
        act: reply 1 -- a review
        act: like 1 -- a star
        skipped: acts on nobody 6
        skipped: to oneself 2
        skipped: no target 1 -- a comment on a commit, whose author is not told
        ",
    );
}

#[test]
fn webhooks_of_github_find_their_target() {
    check(
        "github-webhooks.jsonl",
        "
        GitHub: 9 messages, 0 posts, 0 deletions
        act: mention 1 -- a sponsorship
        act: retweet 1
        skipped: to oneself 5
        skipped: not public 1 -- a sponsorship that is private
        skipped: taken back 1
        ",
    );
}
