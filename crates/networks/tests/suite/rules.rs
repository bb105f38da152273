//! The rules that hold on every network, and the traps of each, one message a line.

use networks::{Found, Network, Options, Reader, Source};

use crate::common::reader;

/// What these lines give: acts with their ids, profiles that say more than a name, deletions, and reasons.
fn read_with(reader: &mut Reader, source: &mut Source, lines: &str) -> String {
    let mut told = Vec::new();
    for line in lines.lines() {
        reader.read(source, line.as_bytes(), &mut |found| match found {
            Found::Act(act) => told.push(format!("{} {} -> {} [{}]", act.kind.word(), act.actor, act.target, act.id)),
            Found::Profile(profile) => {
                if let Some(standing) = profile.standing {
                    told.push(format!("{} is {standing:?}", profile.account));
                }
                if profile.is_bot == Some(true) {
                    told.push(format!("{} is a bot", profile.account));
                }
                if profile.is_listed == Some(false) {
                    told.push(format!("{} is not listed", profile.account));
                }
                if let Some(moved) = profile.moved_to {
                    told.push(format!("{} moved to {moved}", profile.account));
                }
            }
            Found::Deletion(deletion) => told.push(format!("gone {}", deletion.id)),
            Found::Skipped(_, reason) => told.push(format!("skipped: {reason}")),
            Found::Post(_) | Found::Claim(_) | Found::Kin(_) => {}
        });
    }
    told.join("\n")
}

#[track_caller]
fn check(lines: &str, expected: &str) {
    check_with(Options::default(), lines, expected);
}

#[track_caller]
fn check_with(options: Options, lines: &str, expected: &str) {
    check_of(Source::default(), options, lines, expected);
}

#[track_caller]
fn check_of(mut source: Source, options: Options, lines: &str, expected: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(read_with(&mut reader(options), &mut source, lines), expected.join("\n"), "{lines}");
}

#[test]
fn a_retweet_is_one_act_and_its_mentions_none() {
    check(
        r#"{"id_str":"9","created_at":"Thu Mar 10 23:12:12 +0000 2016","text":"RT @b","user":{"id_str":"1"},"retweeted_status":{"id_str":"8","text":"@c","user":{"id_str":"2"}},"entities":{"user_mentions":[{"id_str":"2","screen_name":"b"},{"id_str":"3","screen_name":"c"}]}}"#,
        "retweet x:1 -> x:2 [x:9#retweet]",
    );
}

#[test]
fn a_reply_is_one_act_and_mentions_of_others() {
    check(
        r#"{"id_str":"9","created_at":"Thu Mar 10 23:12:12 +0000 2016","text":"@b @c @c","user":{"id_str":"1"},"in_reply_to_status_id_str":"8","in_reply_to_user_id_str":"2","entities":{"user_mentions":[{"id_str":"2"},{"id_str":"3"},{"id_str":"3"},{"id_str":"1"}]}}"#,
        "
        reply x:1 -> x:2 [x:9#reply]
        mention x:1 -> x:3 [x:9#mention.1]
        skipped: to oneself
        ",
    );
}

#[test]
fn whom_a_tweet_addresses_without_an_answered_tweet_is_mentioned() {
    check(
        r#"{"id":"9","created_at":"2021-06-26T19:56:26.000Z","text":"@b","author_id":"1","in_reply_to_user_id":"2","entities":{"mentions":[{"username":"b","id":"2"}]}}"#,
        "mention x:1 -> x:2 [x:9#mention]",
    );
}

#[test]
fn an_edited_tweet_has_the_ids_of_its_first_version_and_names_are_found_in_any_case() {
    check(
        r#"{"data":[{"id":"10","edit_history_tweet_ids":["9","10"],"created_at":"2021-06-26T19:56:26.000Z","text":"@B @zed","author_id":"1","entities":{"mentions":[{"username":"B"},{"username":"Zed"}]}}],"includes":{"users":[{"id":"2","username":"b","name":"Bo"}]}}"#,
        "
        mention x:1 -> x:2 [x:9#mention]
        mention x:1 -> x:@zed [x:9#mention.1]
        ",
    );
}

#[test]
fn a_retweet_without_a_target_is_skipped_and_flattened_tweets_have_it_inside() {
    check(
        r#"{"data":{"id":"9","created_at":"2021-06-26T19:56:26.000Z","text":"RT","author_id":"1","referenced_tweets":[{"type":"retweeted","id":"8"}]},"matching_rules":[]}
{"id":"11","created_at":"2021-06-26T19:56:26.000Z","text":"RT","author_id":"1","referenced_tweets":[{"type":"retweeted","id":"7","author_id":"3"}]}"#,
        "
        skipped: no target
        retweet x:1 -> x:3 [x:11#retweet]
        ",
    );
}

#[test]
fn people_who_protect_their_tweets_are_not_read() {
    check(
        r#"{"id_str":"9","created_at":"Thu Mar 10 23:12:12 +0000 2016","text":"@b","user":{"id_str":"1","protected":true},"entities":{"user_mentions":[{"id_str":"2"}]}}
{"data":[{"id":"9","created_at":"2021-06-26T19:56:26.000Z","text":"@b","author_id":"1","entities":{"mentions":[{"username":"b","id":"2"}]}}],"includes":{"users":[{"id":"1","username":"a","protected":true}]}}"#,
        "
        skipped: not public
        skipped: not public
        ",
    );
}

#[test]
fn notices_of_streams_are_told_apart() {
    check(
        r#"{"delete":{"status":{"id":1234,"id_str":"1234","user_id":3}}}
{"limit":{"track":1234}}
{"id":"1","action":"delete","created_at":"2021-06-26T19:56:26.000Z","reason":"deactivated"}"#,
        "
        gone 1234
        skipped: notice
        gone 1
        ",
    );
}

#[test]
fn likes_and_reposts_of_feeds_are_none_and_unfollows_are_of_whom_was_followed() {
    check(
        r#"{"did":"did:plc:a","time_us":1783175888085434,"kind":"commit","commit":{"operation":"create","collection":"app.bsky.feed.like","rkey":"1","record":{"subject":{"uri":"at://did:plc:b/app.bsky.feed.generator/x"}}}}
{"did":"did:plc:a","time_us":1783175888085434,"kind":"commit","commit":{"operation":"create","collection":"app.bsky.graph.follow","rkey":"2","record":{"subject":"did:plc:b"}}}
{"did":"did:plc:a","time_us":1783175889085434,"kind":"commit","commit":{"operation":"delete","collection":"app.bsky.graph.follow","rkey":"2"}}
{"did":"did:plc:a","time_us":1783175889085434,"kind":"commit","commit":{"operation":"delete","collection":"app.bsky.feed.like","rkey":"1"}}"#,
        "
        skipped: not of a post
        follow bluesky:did:plc:a -> bluesky:did:plc:b [bluesky:did:plc:a/app.bsky.graph.follow/2]
        gone did:plc:a/app.bsky.graph.follow/2
        unfollow bluesky:did:plc:a -> bluesky:did:plc:b [bluesky:did:plc:a/app.bsky.graph.follow/2#unfollow]
        skipped: taken back
        ",
    );
}

#[test]
fn lines_of_jetstream_of_2024_and_open_statuses_are_read() {
    check(
        r#"{"did":"did:plc:a","time_us":1725911162329308,"type":"com","commit":{"type":"c","collection":"app.bsky.feed.repost","rkey":"1","record":{"subject":{"uri":"at://did:plc:b/app.bsky.feed.post/x"}}}}
{"did":"did:plc:a","time_us":1,"kind":"account","account":{"active":false,"did":"did:plc:a","status":"takendown"}}
{"did":"did:plc:a","time_us":1,"kind":"account","account":{"active":false,"did":"did:plc:a","status":"deleted"}}
{"did":"did:plc:a","time_us":1,"kind":"account","account":{"active":false,"did":"did:plc:a","status":"brand new"}}
{"did":"did:plc:a","time_us":1,"kind":"commit","commit":{"operation":"update","collection":"app.bsky.actor.profile","rkey":"self","record":{"displayName":"A","labels":{"values":[{"val":"!no-unauthenticated"}]}}}}"#,
        "
        retweet bluesky:did:plc:a -> bluesky:did:plc:b [bluesky:did:plc:a/app.bsky.feed.repost/1]
        bluesky:did:plc:a is Suspended
        bluesky:did:plc:a is Deleted
        skipped: says nothing new
        bluesky:did:plc:a is not listed
        ",
    );
}

#[test]
fn a_post_that_answers_quotes_and_mentions_gives_all_of_these() {
    check(
        r##"{"did":"did:plc:a","time_us":1783175888085434,"kind":"commit","commit":{"operation":"create","collection":"app.bsky.feed.post","rkey":"1","record":{"reply":{"parent":{"uri":"at://did:plc:b/app.bsky.feed.post/x"}},"embed":{"$type":"app.bsky.embed.recordWithMedia","record":{"record":{"uri":"at://did:plc:c/app.bsky.feed.post/y"}}},"facets":[{"features":[{"$type":"app.bsky.richtext.facet#mention","did":"did:plc:b"},{"$type":"app.bsky.richtext.facet#mention","did":"did:plc:d"}]}]}}}"##,
        "
        reply bluesky:did:plc:a -> bluesky:did:plc:b [bluesky:did:plc:a/app.bsky.feed.post/1#reply]
        quote bluesky:did:plc:a -> bluesky:did:plc:c [bluesky:did:plc:a/app.bsky.feed.post/1#quote]
        mention bluesky:did:plc:a -> bluesky:did:plc:d [bluesky:did:plc:a/app.bsky.feed.post/1#mention.1]
        ",
    );
}

const BRIDGED: &str = r#"{"id":"https://a.example.com/1","type":"Follow","actor":"https://a.example.com/users/a","object":"https://bsky.brid.gy/ap/did:plc:b","published":"2026-01-01T00:00:00Z"}
{"did":"did:plc:m","time_us":1783175888085434,"kind":"identity","identity":{"did":"did:plc:m","handle":"a.example.com.ap.brid.gy"}}
{"did":"did:plc:m","time_us":1783175888085434,"kind":"commit","commit":{"operation":"create","collection":"app.bsky.graph.follow","rkey":"2","record":{"subject":"did:plc:b"}}}"#;

#[test]
fn bridged_copies_are_dropped_where_the_original_is_read() {
    let connected = vec![Network::Bluesky, Network::ActivityPub];
    let options = Options { connected, ..Options::default() };
    check_with(options, BRIDGED, "skipped: bridged copy\nskipped: bridged copy");
    check(
        BRIDGED,
        "
        follow activitypub:https://a.example.com/users/a -> activitypub:https://bsky.brid.gy/ap/did:plc:b [activitypub:https://a.example.com/1]
        follow bluesky:did:plc:m -> bluesky:did:plc:b [bluesky:did:plc:m/app.bsky.graph.follow/2]
        ",
    );
}

#[test]
fn activities_are_read_in_all_their_forms() {
    check(
        r#"{"@context":"https://www.w3.org/ns/activitystreams","id":"https://a.example.com/1","type":"Announce","actor":"https://a.example.com/users/a","published":"2026-01-01T00:00:00Z","to":"as:Public","cc":["https://b.example.com/users/b","https://a.example.com/users/a/followers"],"object":"https://b.example.com/objects/7"}
{"id":"https://a.example.com/2","type":"Like","actor":{"id":"https://a.example.com/users/a"},"object":"https://b.example.com/ap/users/12/statuses/9"}
{"id":"https://a.example.com/3","type":"Create","actor":"https://a.example.com/users/a","to":["https://www.w3.org/ns/activitystreams#Public"],"object":{"id":"https://a.example.com/users/a/statuses/3","type":"Note","attributedTo":"https://a.example.com/users/a","published":"2026-01-01T00:00:00Z","inReplyTo":"https://b.example.com/users/b/statuses/1","tag":[{"type":"Mention","href":"https://b.example.com/@b"},{"type":"Mention","href":"https://c.example.com/users/c"}]}}
{"id":"https://a.example.com/4","type":"Create","actor":"https://a.example.com/users/a","to":"https://a.example.com/users/a/followers","object":{"id":"https://a.example.com/users/a/statuses/4","type":"Note","attributedTo":"https://a.example.com/users/a"}}
{"id":"https://a.example.com/5","type":"Undo","actor":"https://a.example.com/users/a","object":{"type":"Follow","actor":"https://a.example.com/users/a","object":"https://b.example.com/users/b"}}
{"id":"https://a.example.com/6","type":"Delete","actor":"https://a.example.com/users/a","object":"https://a.example.com/users/a"}
{"id":"https://a.example.com/7","type":"Move","actor":"https://a.example.com/users/a","object":"https://a.example.com/users/a","target":"https://b.example.com/users/a"}
{"id":"https://l.example.com/8","type":"Announce","actor":"https://l.example.com/c/x","to":["as:Public"],"object":{"id":"https://l.example.com/like/1","type":"Like","actor":"https://l.example.com/u/z","object":"https://a.example.com/users/a/statuses/3"}}"#,
        "
        retweet activitypub:https://a.example.com/users/a -> activitypub:https://b.example.com/users/b [activitypub:https://a.example.com/1]
        like activitypub:https://a.example.com/users/a -> activitypub:https://b.example.com/ap/users/12 [activitypub:https://a.example.com/2]
        reply activitypub:https://a.example.com/users/a -> activitypub:https://b.example.com/users/b [activitypub:https://a.example.com/users/a/statuses/3#reply]
        mention activitypub:https://a.example.com/users/a -> activitypub:https://c.example.com/users/c [activitypub:https://a.example.com/users/a/statuses/3#mention.1]
        skipped: not public
        unfollow activitypub:https://a.example.com/users/a -> activitypub:https://b.example.com/users/b [activitypub:https://a.example.com/5]
        activitypub:https://a.example.com/users/a is Deleted
        activitypub:https://a.example.com/users/a moved to https://b.example.com/users/a
        like activitypub:https://l.example.com/u/z -> activitypub:https://a.example.com/users/a [activitypub:https://l.example.com/like/1]
        ",
    );
}

#[test]
fn nobody_speaks_for_others() {
    check(
        r#"{"id":"https://e.example.com/1","type":"Create","actor":"https://e.example.com/users/e","to":"as:Public","object":{"id":"https://a.example.com/2","type":"Note","attributedTo":"https://a.example.com/users/a","published":"2026-01-01T00:00:00Z"}}
{"id":"https://e.example.com/2","type":"Undo","actor":"https://e.example.com/users/e","object":{"type":"Follow","actor":"https://a.example.com/users/a","object":"https://b.example.com/users/b"}}
{"id":"https://e.example.com/3","type":"Delete","actor":"https://e.example.com/users/e","object":"https://a.example.com/users/a"}"#,
        "
        skipped: actor is not the author
        skipped: actor is not the author
        skipped: actor is not the author
        ",
    );
}

#[test]
fn one_star_is_one_act_however_it_is_told_and_owners_are_learnt() {
    check(
        r#"{"id":"1","type":"WatchEvent","actor":{"id":7,"login":"ana"},"repo":{"id":5,"name":"Bo/x"},"payload":{"action":"started"},"public":true,"created_at":"2026-01-01T00:00:00Z"}
{"action":"started","sender":{"id":7,"login":"ana"},"repository":{"id":5,"owner":{"id":8,"login":"bo"},"updated_at":"2026-01-01T00:00:00Z"}}
{"action":"created","starred_at":"2026-01-01T00:00:00Z","sender":{"id":7,"login":"ana"},"repository":{"id":5,"owner":{"id":8,"login":"bo"}}}
{"id":"2","type":"WatchEvent","actor":{"id":7,"login":"ana"},"repo":{"id":6,"name":"bo/y"},"payload":{"action":"started"},"public":true,"created_at":"2026-01-01T00:00:00Z"}
{"id":"3","type":"WatchEvent","actor":{"id":7,"login":"ana"},"repo":{"id":6,"name":"bo/y"},"payload":{},"public":false,"created_at":"2026-01-01T00:00:00Z"}"#,
        "
        like github:7 -> github:@bo [github:star/7/5]
        like github:7 -> github:8 [github:star/7/5]
        like github:7 -> github:8 [github:star/7/5]
        like github:7 -> github:8 [github:star/7/6]
        skipped: not public
        ",
    );
}

#[test]
fn the_archive_of_2012_is_read_and_bots_are_marked() {
    check(
        r#"{"repository":{"owner":"bo","name":"x","id":5},"actor_attributes":{"login":"ana","type":"User"},"created_at":"2012/03/10 22:42:14 -0800","public":true,"actor":"ana","payload":{"action":"started"},"type":"WatchEvent"}
{"actor":"ana","public":true,"created_at":"2013-01-01T00:00:48-08:00","type":"FollowEvent","payload":{"target":{"id":3,"login":"cy"}}}
{"id":"9","type":"IssueCommentEvent","actor":{"id":4,"login":"dependabot[bot]"},"repo":{"id":5,"name":"bo/x"},"payload":{"action":"created","issue":{"id":1,"user":{"id":3,"login":"cy"}},"comment":{"id":2}},"public":true,"created_at":"2026-01-01T00:00:00Z"}"#,
        "
        like github:@ana -> github:@bo [github:star/ana/5]
        follow github:@ana -> github:3 [github:follow/ana/3]
        github:4 is a bot
        reply github:4 -> github:3 [github:comment/2]
        ",
    );
}

#[test]
fn comments_of_reddit_find_their_parent() {
    check(
        r#"{"id":"p1","author":"ana","author_fullname":"t2_a","title":"x","subreddit":"r","created_utc":1500000000}
{"id":"c1","author":"Bo","parent_id":"t3_p1","link_id":"t3_p1","body":"x","subreddit":"r","created_utc":"1500000001"}
{"id":"c2","author":"ana","author_fullname":"t2_a","parent_id":"t1_c1","link_id":"t3_p1","body":"x","subreddit":"r","created_utc":1500000002.0}
{"id":"c3","author":"ana","parent_id":"t3_p1","link_id":"t3_p1","body":"x","subreddit":"r","created_utc":1500000003}
{"id":"c4","author":"[deleted]","parent_id":"t3_p1","link_id":"t3_p1","body":"x","subreddit":"r","created_utc":1500000003}
{"id":"c5","author":"cy","parent_id":"t1_gone","link_id":"t3_p1","body":"x","subreddit":"r","created_utc":1500000003}
{"id":"c6","author":"cy","parent_id":null,"link_id":901,"body":"x","subreddit":"r","created_utc":1500000004}"#,
        "
        skipped: acts on nobody
        reply reddit:u/Bo -> reddit:t2_a [reddit:t1_c1]
        reply reddit:t2_a -> reddit:u/Bo [reddit:t1_c2]
        skipped: to oneself
        skipped: no actor
        skipped: author unknown
        reply reddit:u/cy -> reddit:t2_a [reddit:t1_c6]
        ",
    );
}

/// What is around the rows is no message, and whatever else is no row is told.
#[test]
fn lines_of_a_dump_that_are_no_rows_are_told() {
    let lines = [
        r#"<?xml version="1.0" encoding="utf-8"?>"#,
        "<posts>",
        r#"<ROW Id="1" PostTypeId="1" OwnerUserId="5" />"#,
        r#"<posts Id="1">"#,
        "<rows",
        "<!-- rows -->",
        "</posts>",
    ];
    check(&lines.join("\n"), &["skipped: malformed"; 3].join("\n"));
}

#[test]
fn threads_of_youtube_answer_the_channel_and_the_first_comment() {
    let thread = r#"{"kind":"youtube#commentThreadListResponse","items":[{"kind":"youtube#commentThread","id":"c","snippet":{CHANNEL"videoId":"v","topLevelComment":{"kind":"youtube#comment","id":"c","snippet":{"authorChannelId":{"value":"UCa"},"publishedAt":"2025-07-20T22:49:19Z"}}},"replies":{"comments":[{"kind":"youtube#comment","id":"c.d","snippet":{"parentId":"c","authorChannelId":{"value":"UCb"},"publishedAt":"2025-07-20T22:49:20Z"}}]}}]}"#;
    check(
        &thread.replace("CHANNEL", r#""channelId":"UCx","#),
        "
        reply youtube:UCa -> youtube:UCx [youtube:c]
        reply youtube:UCb -> youtube:UCa [youtube:c.d]
        ",
    );
    let answer = "reply youtube:UCb -> youtube:UCa [youtube:c.d]";
    check(&thread.replace("CHANNEL", ""), &format!("skipped: channel unknown\n{answer}"));
    let options = Options { channel: Some("UCy".to_owned()), ..Options::default() };
    check_with(
        options,
        &thread.replace("CHANNEL", ""),
        &format!("reply youtube:UCa -> youtube:UCy [youtube:c]\n{answer}"),
    );
}

const ROWS: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<posts>
  <row Id="1" PostTypeId="1" CreationDate="2009-06-28T07:14:29.363" OwnerUserId="10" Body="&lt;p&gt;a &amp; b&lt;/p&gt;" />
  <row Id="2" PostTypeId="2" ParentId="1" CreationDate="2009-06-28T08:14:29.363" OwnerUserId="11" Body="" />
  <row Id="3" PostTypeId="2" ParentId="1" CreationDate="2009-06-28T08:14:29.363" OwnerDisplayName="gone" Body="" />
</posts>
  <row Id="7" PostId="2" Text="x" CreationDate="2009-06-28T09:14:29.363" UserId="10" />
  <row Id="8" PostId="99" Text="x" CreationDate="2009-06-28T09:14:29.363" UserId="10" />
  <row Id="-1" Reputation="1" CreationDate="2009-06-28T00:00:00.000" DisplayName="Community" />
  <row Id="1" PostId="2" VoteTypeId="2" CreationDate="2009-06-28T00:00:00.000" />
  <row Id="1" PostId="2" VoteTypeId="2"#;

#[test]
fn rows_of_stack_exchange_answer_the_owner_of_the_post() {
    check_of(
        Source::of_site(Some("mathoverflow".to_owned())),
        Options::default(),
        ROWS,
        "
        skipped: acts on nobody
        reply stackexchange:mathoverflow:11 -> stackexchange:mathoverflow:10 [stackexchange:mathoverflow:post:2]
        skipped: no actor
        reply stackexchange:mathoverflow:10 -> stackexchange:mathoverflow:11 [stackexchange:mathoverflow:comment:7]
        skipped: author unknown
        stackexchange:mathoverflow:-1 is a bot
        skipped: no actor
        skipped: malformed
        ",
    );
    check(ROWS.lines().nth(2).unwrap_or_default(), "skipped: site unknown");
}

#[test]
fn a_mention_names_the_account_that_was_learnt_for_its_address() {
    let mention = r#"{"id":"9","uri":"https://h.example.com/ap/users/1/statuses/9","visibility":"unlisted","created_at":"2026-01-01T00:00:00Z","account":{"id":"1","acct":"a","uri":"https://h.example.com/ap/users/1","url":"https://h.example.com/@a","bot":true,"noindex":true},"content":"","mentions":[{"id":"2","url":"https://h.example.com/@b","acct":"b"}]}"#;
    let account = r#"{"id":"2","acct":"b","username":"b","uri":"https://h.example.com/ap/users/2","url":"https://h.example.com/@b"}"#;
    let mention_of = |name: &str| {
        format!(
            "activitypub:https://h.example.com/ap/users/1 is a bot
            activitypub:https://h.example.com/ap/users/1 is not listed
            mention activitypub:https://h.example.com/ap/users/1 -> activitypub:https://h.example.com/{name} \
             [activitypub:https://h.example.com/ap/users/1/statuses/9#mention]"
        )
    };
    check(mention, &mention_of("users/b"));
    check(&format!("{account}\n{mention}"), &mention_of("ap/users/2"));
    check(&mention.replace("unlisted", "private"), "skipped: not public");
    check(&mention.replace("\"visibility\":\"unlisted\",", ""), "skipped: not public");
}

#[test]
fn follows_among_notifications_need_their_owner() {
    let follow = r#"{"id":"5","type":"follow","created_at":"2026-01-01T00:00:00Z","account":{"id":"1","acct":"a","uri":"https://h.example.com/users/a"}}"#;
    check(follow, "skipped: owner of the notifications unknown");
    let options = Options { owner: Some("https://h.example.com/@me".to_owned()), ..Options::default() };
    let id = "[activitypub:https://h.example.com/users/me/notifications/5]";
    let act = "follow activitypub:https://h.example.com/users/a -> activitypub:https://h.example.com/users/me";
    check_with(options, follow, &format!("{act} {id}"));
}

#[test]
fn messages_that_are_wrapped_are_unpacked_and_others_are_told() {
    check(
        r#"{"stream":["public"],"event":"delete","payload":"12345"}
{"stream":["public"],"event":"update","payload":"{\"id\":\"1\",\"visibility\":\"direct\",\"account\":{}}"}
{"topic":"raw","value":{"did":"did:plc:a","time_us":1,"kind":"identity","identity":{}}}
{"topic":"raw","value":"{\"did\":\"did:plc:a\",\"time_us\":1,\"kind\":\"identity\",\"identity\":{}}"}
[{"limit":{"track":1}},[{"limit":{"track":2}}]]
{"hello":"world"}
{"did":"did:plc:a","time_us":1
nonsense
42
:)
event: filters_changed
data: undefined
"#,
        "
        gone 12345
        skipped: not public
        skipped: says nothing new
        skipped: says nothing new
        skipped: notice
        skipped: notice
        skipped: not recognised
        skipped: malformed
        skipped: malformed
        skipped: malformed
        skipped: notice
        ",
    );
    check(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)), "skipped: too deep");
    check(&format!("{}1{}", "[".repeat(20), "]".repeat(20)), "skipped: too deep");
}

#[test]
fn an_act_that_is_told_again_counts_once_where_that_is_asked_for() {
    let like = r#"{"did":"did:plc:a","time_us":1783175888085434,"kind":"commit","commit":{"operation":"create","collection":"app.bsky.feed.like","rkey":"1","record":{"subject":{"uri":"at://did:plc:b/app.bsky.feed.post/x"}}}}"#;
    let act = "like bluesky:did:plc:a -> bluesky:did:plc:b [bluesky:did:plc:a/app.bsky.feed.like/1]";
    let twice = format!("{like}\n{like}");
    check(&twice, &format!("{act}\n{act}"));
    let options = Options { drops_repeats: true, ..Options::default() };
    check_with(options, &twice, &format!("{act}\nskipped: repeated"));
}

/// What each line says of its account: whether it is there, and whether it agrees to be found.
#[track_caller]
fn check_accounts(lines: &[(&str, &str)]) {
    let (mut reader, mut source) = (reader(Options::default()), Source::default());
    for (line, expected) in lines {
        let mut told = Vec::new();
        reader.read(&mut source, line.as_bytes(), &mut |found| match found {
            Found::Profile(profile) => {
                told.extend(profile.standing.map(|standing| format!("{} is {standing:?}", profile.account)));
                told.extend(profile.is_listed.map(|is| format!("{} is listed: {is}", profile.account)));
            }
            Found::Skipped(_, reason) => told.push(format!("skipped: {reason}")),
            _ => {}
        });
        assert_eq!(told.join(", "), *expected, "{line}");
    }
}

#[test]
fn a_profile_of_bluesky_is_told_whole_so_that_a_label_that_is_gone_holds_no_more() {
    let profile = |labels: &str| {
        format!(
            r#"{{"did":"did:plc:a","time_us":1725911162329308,"type":"com","kind":"commit","commit":{{"rev":"3l3qo2vutsw2b","type":"u","operation":"update","collection":"app.bsky.actor.profile","rkey":"self","record":{{"$type":"app.bsky.actor.profile","createdAt":"2024-09-09T19:46:02.102Z","displayName":"A"{labels}}},"cid":"bafyreidc6"}}}}"#
        )
    };
    let label = r#","labels":{"$type":"com.atproto.label.defs#selfLabels","values":[{"val":"!no-unauthenticated"}]}"#;
    let none = r#","labels":{"$type":"com.atproto.label.defs#selfLabels","values":[]}"#;
    let listed = "bluesky:did:plc:a is listed: true";
    check_accounts(&[
        (&profile(label), "bluesky:did:plc:a is listed: false"),
        (&profile(none), listed),
        (&profile(label), "bluesky:did:plc:a is listed: false"),
        (&profile(""), listed),
    ]);
}

#[test]
fn a_suspension_on_mastodon_is_lifted_where_its_end_is_told() {
    let account = |suspended: &str| {
        format!(
            r#"{{"id":"23634","username":"ana","acct":"ana","display_name":"Ana","locked":false,"bot":false,"discoverable":true,"indexable":true,"group":false,"created_at":"2016-11-24T10:02:12.085Z","note":"","url":"https://a.example.com/@ana","uri":"https://a.example.com/users/ana","followers_count":1{suspended}}}"#
        )
    };
    let (listed, name) = ("is listed: true", "activitypub:https://a.example.com/users/ana");
    check_accounts(&[
        (&account(r#","suspended":true"#), &format!("{name} is Suspended, {name} {listed}")),
        (&account(""), &format!("{name} {listed}")),
        (&account(r#","suspended":false"#), &format!("{name} is Active, {name} {listed}")),
    ]);
    let actor = |suspended: bool| {
        format!(
            r#"{{"@context":["https://www.w3.org/ns/activitystreams",{{"toot":"http://joinmastodon.org/ns#","suspended":"toot:suspended"}}],"id":"https://a.example.com/users/ana","type":"Person","preferredUsername":"ana","name":"Ana","discoverable":true,"suspended":{suspended}}}"#
        )
    };
    check_accounts(&[(&actor(true), &format!("{name} is Suspended")), (&actor(false), &format!("{name} is Active"))]);
}

#[test]
fn what_becomes_of_accounts_on_x_is_read_in_both_versions() {
    check_accounts(&[
        (r#"{"user_delete":{"id":771136850,"timestamp_ms":"1432228153548"}}"#, "x:771136850 is Deleted"),
        (r#"{"user_undelete":{"id":771136850,"timestamp_ms":"1432228149062"}}"#, "x:771136850 is Active"),
        (r#"{"user_suspend":{"id":3120539094,"timestamp_ms":"1432228194217"}}"#, "x:3120539094 is Suspended"),
        (r#"{"user_unsuspend":{"id":3120539094,"timestamp_ms":"1432228194219"}}"#, "x:3120539094 is Active"),
        (r#"{"user_protect":{"id":3182003550,"timestamp_ms":"1432228177137"}}"#, "x:3182003550 is listed: false"),
        (r#"{"user_unprotect":{"id":3182003550,"timestamp_ms":"1432228177139"}}"#, "x:3182003550 is listed: true"),
        (r#"{"user_withheld":{"user":{"id":1375036644},"withheld_in_countries":["XY"]}}"#, "skipped: notice"),
        (r#"{"user_delete":{"timestamp_ms":"1432228153548"}}"#, "skipped: notice"),
        (
            r#"{"data":{"user_delete":{"user":{"id":"1375036644"},"event_at":"2022-06-27T23:49:41.839+00:00"}}}"#,
            "x:1375036644 is Deleted",
        ),
        (
            r#"{"data":{"user_undelete":{"user":{"id":"1375036644"},"event_at":"2022-06-27T23:49:41.839+00:00"}}}"#,
            "x:1375036644 is Active",
        ),
        (
            r#"{"data":{"user_suspend":{"user":{"id":"3120539094"},"event_at":"2022-06-27T23:49:41.839+00:00"}}}"#,
            "x:3120539094 is Suspended",
        ),
        (
            r#"{"data":{"user_unsuspend":{"user":{"id":"3120539094"},"event_at":"2022-06-27T23:49:41.839+00:00"}}}"#,
            "x:3120539094 is Active",
        ),
    ]);
}

/// What a block swallows is for whoever knows all networks and files to say; here a block and its end are told.
#[test]
fn blocks_and_their_ends_are_told() {
    let line = |did: &str, operation: &str, what: &str, rkey: u32, record: &str| {
        format!(
            r#"{{"did":"did:plc:{did}","time_us":1783175888085434,"kind":"commit","commit":{{"operation":"{operation}","collection":"app.bsky.{what}","rkey":"{rkey}"{record}}}}}"#
        )
    };
    let subject = |did: &str| format!(r#","record":{{"subject":"did:plc:{did}"}}"#);
    let like = |did: &str, rkey: u32, of: &str| {
        let subject = format!(r#","record":{{"subject":{{"uri":"at://did:plc:{of}/app.bsky.feed.post/1"}}}}"#);
        line(did, "create", "feed.like", rkey, &subject)
    };
    let lines = [
        line("a", "create", "graph.follow", 1, &subject("b")),
        like("a", 2, "b"),
        line("b", "create", "graph.block", 3, &subject("a")),
        like("a", 4, "b"),
        line("a", "create", "graph.follow", 5, &subject("b")),
        like("a", 6, "c"),
        like("b", 7, "a"),
        line("a", "delete", "graph.follow", 1, ""),
        // Another record of the same block, and the end of one that was never seen.
        line("b", "create", "graph.block", 8, &subject("a")),
        line("b", "delete", "graph.block", 9, ""),
        like("a", 10, "b"),
        line("b", "delete", "graph.block", 3, ""),
        like("a", 11, "b"),
        line("b", "create", "graph.block", 12, r#","record":{"subject":"a"}"#),
    ];
    let id = "bluesky:did:plc:";
    check(
        &lines.join("\n"),
        &format!(
            "follow {id}a -> {id}b [{id}a/app.bsky.graph.follow/1]
            like {id}a -> {id}b [{id}a/app.bsky.feed.like/2]
            block {id}b -> {id}a [{id}b/app.bsky.graph.block/3]
            like {id}a -> {id}b [{id}a/app.bsky.feed.like/4]
            follow {id}a -> {id}b [{id}a/app.bsky.graph.follow/5]
            like {id}a -> {id}c [{id}a/app.bsky.feed.like/6]
            like {id}b -> {id}a [{id}b/app.bsky.feed.like/7]
            gone did:plc:a/app.bsky.graph.follow/1
            unfollow {id}a -> {id}b [{id}a/app.bsky.graph.follow/1#unfollow]
            block {id}b -> {id}a [{id}b/app.bsky.graph.block/8]
            gone did:plc:b/app.bsky.graph.block/9
            like {id}a -> {id}b [{id}a/app.bsky.feed.like/10]
            gone did:plc:b/app.bsky.graph.block/3
            unblock {id}b -> {id}a [{id}b/app.bsky.graph.block/3#unblock]
            like {id}a -> {id}b [{id}a/app.bsky.feed.like/11]
            skipped: no target"
        ),
    );

    let (ana, bo) = ("https://a.example.com/users/ana", "https://b.example.com/users/bo");
    let activity = |id: u32, kind: &str, by: &str, object: &str| {
        format!(
            r#"{{"@context":"https://www.w3.org/ns/activitystreams","id":"https://a.example.com/{id}","type":"{kind}","actor":"{by}","published":"2026-01-01T00:00:00Z","object":{object}}}"#
        )
    };
    let text = |text: &str| format!("\"{text}\"");
    let lines = [
        activity(1, "Block", ana, &text(bo)),
        activity(2, "Follow", bo, &text(ana)),
        activity(3, "Undo", bo, &activity(1, "Block", ana, &text(bo))),
        activity(4, "Follow", bo, &text(ana)),
        activity(5, "Undo", ana, &activity(1, "Block", ana, &text(bo))),
        activity(6, "Follow", bo, &text(ana)),
        activity(7, "Block", ana, &text(bo)),
        activity(8, "Undo", ana, &text("https://a.example.com/7")),
        activity(9, "Follow", bo, &text(ana)),
        activity(10, "Block", ana, "{}"),
    ];
    check(
        &lines.join("\n"),
        &format!(
            "block activitypub:{ana} -> activitypub:{bo} [activitypub:https://a.example.com/1]
            follow activitypub:{bo} -> activitypub:{ana} [activitypub:https://a.example.com/2]
            skipped: actor is not the author
            follow activitypub:{bo} -> activitypub:{ana} [activitypub:https://a.example.com/4]
            unblock activitypub:{ana} -> activitypub:{bo} [activitypub:https://a.example.com/5]
            follow activitypub:{bo} -> activitypub:{ana} [activitypub:https://a.example.com/6]
            block activitypub:{ana} -> activitypub:{bo} [activitypub:https://a.example.com/7]
            unblock activitypub:{ana} -> activitypub:{bo} [activitypub:https://a.example.com/8]
            follow activitypub:{bo} -> activitypub:{ana} [activitypub:https://a.example.com/9]
            skipped: no target"
        ),
    );

    let event = |event: &str, source: u32, target: u32| {
        format!(
            r#"{{"event":"{event}","created_at":"Thu Mar 10 23:12:12 +0000 2016","source":{{"id_str":"{source}"}},"target":{{"id_str":"{target}"}}}}"#
        )
    };
    let lines = [event("block", 1, 2), event("follow", 2, 1), event("unblock", 1, 2), event("follow", 2, 1)];
    check(
        &lines.join("\n"),
        "block x:1 -> x:2 [x:block/1/2/1457651532000]
        follow x:2 -> x:1 [x:follow/2/1/1457651532000]
        unblock x:1 -> x:2 [x:unblock/1/2/1457651532000]
        follow x:2 -> x:1 [x:follow/2/1/1457651532000]",
    );
}

/// Whoever posts the word and nothing else objects; who writes about it, or passes it on, does not.
#[test]
fn a_post_of_one_word_objects_to_being_scored() {
    let post = |did: &str, rkey: u32, text: &str| {
        let record = format!(r#","record":{{"$type":"app.bsky.feed.post","text":"{text}"}}"#);
        format!(
            r#"{{"did":"did:plc:{did}","time_us":1783175888085434,"kind":"commit","commit":{{"operation":"create","collection":"app.bsky.feed.post","rkey":"{rkey}"{record}}}}}"#
        )
    };
    let lines = [post("a", 1, "clout-forget-me"), post("b", 2, "say clout-forget-me"), post("c", 3, "hello")];
    let mut objected = Vec::new();
    let mut reader = reader(Options::default());
    let mut source = networks::Source::default();
    for line in &lines {
        reader.read(&mut source, line.as_bytes(), &mut |found| {
            if let networks::Found::Profile(profile) = found
                && profile.standing == Some(networks::Standing::Objected)
            {
                objected.push(profile.account.to_string());
            }
        });
    }
    assert_eq!(objected, ["bluesky:did:plc:a"]);
}

/// Who claims what, by these messages: `account code page`, or `account is apart page`.
fn claims(options: Options, messages: &[String]) -> Vec<String> {
    let (mut reader, mut source) = (reader(options), networks::Source::default());
    let mut told = Vec::new();
    for message in messages {
        reader.read(&mut source, message.as_bytes(), &mut |found| {
            if let Found::Claim(claim) = found {
                let (code, url) = (claim.code.unwrap_or("is apart"), claim.url.unwrap_or("nowhere"));
                told.push(format!("{} {code} {url}", claim.account));
            }
        });
    }
    told
}

/// An account's own post says whose the account is, on every network with texts.
#[test]
fn a_post_of_a_code_alone_is_a_claim_of_its_author() {
    let jetstream = |text: &str| {
        format!(
            r#"{{"did":"did:plc:a","time_us":1783175888085434,"kind":"commit","commit":{{"operation":"create","collection":"app.bsky.feed.post","rkey":"3l","record":{{"$type":"app.bsky.feed.post","text":"{text}"}}}}}}"#
        )
    };
    let told = claims(
        Options::default(),
        &[
            jetstream("clout-verify 2CQ7-K3ZJ"),
            jetstream("@clout.example clout-unlink-me"),
            r#"{"id":"9","uri":"https://a.example/users/ana/statuses/9","url":"https://a.example/@ana/9","visibility":"public","created_at":"2026-07-04T10:00:00Z","content":"<p>clout-verify 2CQ7-K3ZJ</p>","account":{"id":"1","acct":"ana","uri":"https://a.example/users/ana","url":"https://a.example/@ana"}}"#.to_owned(),
            r#"{"@context":"https://www.w3.org/ns/activitystreams","id":"https://b.example.com/users/ana/statuses/9/activity","type":"Create","actor":"https://b.example.com/users/ana","to":["https://www.w3.org/ns/activitystreams#Public"],"object":{"id":"https://b.example.com/users/ana/statuses/9","type":"Note","attributedTo":"https://b.example.com/users/ana","published":"2026-07-04T10:00:00Z","content":"<p>clout-verify 2CQ7-K3ZJ</p>"}}"#.to_owned(),
            r#"{"id":"abc","author":"Ana","author_fullname":"t2_1","link_id":"t3_q","parent_id":"t3_q","created_utc":1720000000,"subreddit":"a","body":"clout-verify 2CQ7-K3ZJ","permalink":"/r/a/comments/q/_/abc/"}"#.to_owned(),
            r#"{"id":"abd","author":"Ana","author_fullname":"t2_1","created_utc":1720000000,"subreddit":"a","title":"hello","selftext":"clout-verify 2CQ7-K3ZJ","permalink":"/r/a/comments/abd/hello/"}"#.to_owned(),
            r#"{"id":"1","type":"IssueCommentEvent","actor":{"id":7,"login":"ana"},"repo":{"id":1,"name":"bo/r"},"payload":{"action":"created","issue":{"id":3,"user":{"id":8,"login":"bo"}},"comment":{"id":5,"html_url":"https://github.com/bo/r/issues/1#issuecomment-5","user":{"id":7,"login":"ana"},"body":"clout-verify 2CQ7-K3ZJ"}},"public":true,"created_at":"2026-07-04T10:00:00Z"}"#.to_owned(),
            r#"{"id":12,"id_str":"12","user":{"id_str":"2","screen_name":"ana"},"created_at":"Wed Mar 09 03:32:12 +0000 2016","lang":"en","text":"@clout clout-verify 2CQ7-K3ZJ","entities":{"user_mentions":[]}}"#.to_owned(),
            r#"{"data":{"id":"13","author_id":"2","created_at":"2026-07-04T10:00:00Z","text":"clout-unlink-me"}}"#.to_owned(),
            r#"{"kind":"youtube#comment","id":"Ug","snippet":{"authorChannelId":{"value":"UCa"},"channelId":"UCb","publishedAt":"2026-07-04T10:00:00Z","textDisplay":"clout-verify 2CQ7-K3ZJ"}}"#.to_owned(),
        ],
    );
    assert_eq!(
        told,
        [
            "bluesky:did:plc:a 2CQ7-K3ZJ https://bsky.app/profile/did:plc:a/post/3l",
            "bluesky:did:plc:a is apart https://bsky.app/profile/did:plc:a/post/3l",
            "activitypub:https://a.example/users/ana 2CQ7-K3ZJ https://a.example/@ana/9",
            "activitypub:https://b.example.com/users/ana 2CQ7-K3ZJ https://b.example.com/users/ana/statuses/9",
            "reddit:t2_1 2CQ7-K3ZJ https://www.reddit.com/r/a/comments/q/_/abc/",
            "reddit:t2_1 2CQ7-K3ZJ https://www.reddit.com/r/a/comments/abd/hello/",
            "github:7 2CQ7-K3ZJ https://github.com/bo/r/issues/1#issuecomment-5",
            "x:2 2CQ7-K3ZJ https://x.com/i/status/12",
            "x:2 is apart https://x.com/i/status/13",
            "youtube:UCa 2CQ7-K3ZJ nowhere",
        ]
    );
    // A network tells its messages again after an interruption.
    let options = || Options { drops_repeats: true, ..Options::default() };
    let post = jetstream("clout-verify 2CQ7-K3ZJ");
    assert_eq!(claims(options(), &[post.clone(), post]).len(), 1);
}

/// Nobody claims for another one: not who boosts, quotes or passes on the post, nor who writes of it, nor a server for people of another.
#[test]
fn what_others_pass_on_is_no_claim() {
    const PUBLIC: &str = r#""to":["https://www.w3.org/ns/activitystreams#Public"]"#;
    let note = |by: &str, content: &str| {
        format!(
            r#"{{"id":"{by}/statuses/9","type":"Note","attributedTo":"{by}","published":"2026-07-04T10:00:00Z",{PUBLIC},"content":"{content}"}}"#
        )
    };
    let activity = |kind: &str, by: &str, object: &str| {
        format!(
            r#"{{"@context":"https://www.w3.org/ns/activitystreams","id":"{by}/activities/{kind}","type":"{kind}","actor":"{by}","published":"2026-07-04T10:00:00Z",{PUBLIC},"object":{object}}}"#
        )
    };
    let (ana, evil) = ("https://a.example/users/ana", "https://evil.example/users/e");
    let claim = note(ana, "<p>clout-verify 2CQ7-K3ZJ</p>");
    let forged = [
        // A boost with the post in it, the post in an activity of another server, and a whole activity that another server passes on.
        activity("Announce", evil, &claim),
        activity("Create", evil, &claim),
        activity("Announce", evil, &activity("Create", ana, &claim)),
        activity("Announce", evil, &activity("Announce", evil, &activity("Create", ana, &claim))),
        activity("Announce", evil, &activity("Create", ana, &note(ana, "clout-forget-me"))),
        activity("Update", ana, &claim),
        activity("Create", ana, &note(ana, "<p>look: clout-verify 2CQ7-K3ZJ</p>")),
        // Statuses that boost it, and that quote it.
        r#"{"id":"9","uri":"https://a.example/users/bo/statuses/9/activity","visibility":"public","created_at":"2026-07-04T10:00:00Z","content":"<p>clout-verify 2CQ7-K3ZJ</p>","account":{"id":"2","acct":"bo","uri":"https://a.example/users/bo"},"reblog":{"uri":"https://a.example/users/ana/statuses/9","visibility":"public","content":"<p>clout-verify 2CQ7-K3ZJ</p>","account":{"id":"1","acct":"ana","uri":"https://a.example/users/ana"}}}"#.to_owned(),
        r#"{"id":"10","uri":"https://a.example/users/bo/statuses/10","visibility":"public","created_at":"2026-07-04T10:00:00Z","content":"<p>ha</p>","account":{"id":"2","acct":"bo","uri":"https://a.example/users/bo"},"quote":{"state":"accepted","quoted_status":{"uri":"https://a.example/users/ana/statuses/9","visibility":"public","content":"<p>clout-verify 2CQ7-K3ZJ</p>","account":{"id":"1","acct":"ana","uri":"https://a.example/users/ana"}}}}"#.to_owned(),
        // Direct messages are read by nobody.
        r#"{"id":"11","uri":"https://a.example/users/ana/statuses/11","visibility":"direct","created_at":"2026-07-04T10:00:00Z","content":"<p>clout-verify 2CQ7-K3ZJ</p>","account":{"id":"1","acct":"ana","uri":"https://a.example/users/ana"}}"#.to_owned(),
        r#"{"id_str":"12","user":{"id_str":"2","screen_name":"bo"},"created_at":"Wed Mar 09 03:32:12 +0000 2016","text":"clout-verify 2CQ7-K3ZJ","entities":{"user_mentions":[]},"retweeted_status":{"id_str":"11","text":"clout-verify 2CQ7-K3ZJ","user":{"id_str":"1"},"entities":{"user_mentions":[]}}}"#.to_owned(),
        // Somebody else edits a comment, or is told with it.
        r#"{"id":"1","type":"IssueCommentEvent","actor":{"id":9,"login":"evil"},"repo":{"id":1,"name":"bo/r"},"payload":{"action":"created","issue":{"id":3,"user":{"id":8,"login":"bo"}},"comment":{"id":5,"user":{"id":7,"login":"ana"},"body":"clout-verify 2CQ7-K3ZJ"}},"public":true,"created_at":"2026-07-04T10:00:00Z"}"#.to_owned(),
    ];
    for message in forged {
        assert_eq!(claims(Options::default(), std::slice::from_ref(&message)), [""; 0], "{message}");
        let mut reader = reader(Options::default());
        reader.read(&mut networks::Source::default(), message.as_bytes(), &mut |found| {
            let is_objection =
                matches!(found, Found::Profile(profile) if profile.standing == Some(networks::Standing::Objected));
            assert!(!is_objection, "{message}");
        });
    }
    // In an answer it is the answerer's own: a code fits its account alone.
    let answer = activity("Create", evil, &note(evil, "<p>@ana clout-verify 2CQ7-K3ZJ</p>"));
    assert_eq!(claims(Options::default(), &[answer]), [format!("activitypub:{evil} 2CQ7-K3ZJ {evil}/statuses/9")]);
}

/// Which accounts say of each other that they are one person's, after these messages.
fn kin(messages: &[&str]) -> Vec<String> {
    let options = Options { hears_kin: true, drops_repeats: true, ..Options::default() };
    let (mut reader, mut source) = (reader(options), Source::default());
    let mut told = Vec::new();
    for message in messages {
        reader.read(&mut source, message.as_bytes(), &mut |found| {
            if let Found::Kin(kin) = found {
                told.push(format!("{} {} {:?}", kin.account, kin.other, kin.how));
            }
        });
    }
    told
}

/// A status of Mastodon by somebody whose profile has these fields.
fn status_of(name: &str, host: &str, fields: &[(&str, &str)]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(rel, link)| {
            let value = format!(r#"<a href=\"{link}\" target=\"_blank\" rel=\"{rel}\"><span>x</span></a>"#);
            format!(r#"{{"name":"Elsewhere","value":"{value}","verified_at":"2026-01-01T00:00:00.000+00:00"}}"#)
        })
        .collect();
    let fields = fields.join(",");
    format!(
        r#"{{"id":"9","uri":"https://{host}/users/{name}/statuses/9","visibility":"public","created_at":"2026-07-04T10:00:00Z","content":"<p>hi</p>","account":{{"id":"1","acct":"{name}","uri":"https://{host}/users/{name}","url":"https://{host}/@{name}","display_name":"Ana","fields":[{fields}]}}}}"#
    )
}

#[test]
fn profiles_that_link_to_each_other_as_their_own_are_one_persons_and_one_way_links_and_likeness_are_nothing() {
    const ME: &str = "nofollow noopener me";
    let one =
        status_of("ana", "a.example", &[("nofollow", "https://example.org/"), (ME, "https://b.example.com/@ana")]);
    let other = status_of("ana", "b.example.com", &[(ME, "https://a.example/@ana")]);
    let pair = ["activitypub:https://a.example/users/ana activitypub:https://b.example.com/users/ana RelMe"];
    assert_eq!(kin(&[&one, &other]), pair);
    assert_eq!(kin(&[&other, &one, &other, &one]), pair, "once");
    // An actor of ActivityPub says it in another form.
    let actor = r#"{"@context":"https://www.w3.org/ns/activitystreams","id":"https://b.example.com/users/ana","type":"Person","preferredUsername":"ana","attachment":[{"type":"PropertyValue","name":"Elsewhere","value":"<a href=\"https://a.example/@ana\" rel=\"me\">x</a>"}]}"#;
    assert_eq!(kin(&[&one, actor]), pair);

    // One alone, a link that is no one's own, somebody of the same name, and somebody else who links.
    let plain = status_of("ana", "b.example.com", &[("nofollow", "https://a.example/@ana")]);
    let alike = status_of("ana", "b.example.com", &[]);
    let stranger = status_of("bo", "b.example.com", &[(ME, "https://a.example/@ana")]);
    for others in [&[&one, &plain][..], &[&one, &alike], &[&one, &stranger], &[&stranger, &one]] {
        let messages: Vec<&str> = others.iter().map(|message| message.as_str()).collect();
        assert_eq!(kin(&messages), [""; 0]);
    }
    // What was taken back before the other one said it.
    assert_eq!(kin(&[&one, &status_of("ana", "a.example", &[]), &other]), [""; 0]);
    // A server that passes on a profile of another one, and one that lists it.
    let passed = |kind: &str, key: &str| {
        let update = format!(r#"{{"type":"Update","actor":"https://b.example.com/users/ana","object":{actor}}}"#);
        format!(
            r#"{{"@context":"https://www.w3.org/ns/activitystreams","id":"https://evil.example/9","type":"{kind}","actor":"https://evil.example/users/e","to":["as:Public"],"{key}":{update}}}"#
        )
    };
    assert_eq!(kin(&[&one, &passed("Announce", "object")]), [""; 0]);
    assert_eq!(kin(&[&one, &passed("OrderedCollection", "orderedItems")]), [""; 0]);
}

#[test]
fn a_move_holds_once_the_new_account_says_that_it_was_the_old_one() {
    let moved = |by: &str, old: &str| {
        format!(
            r#"{{"@context":"https://www.w3.org/ns/activitystreams","id":"https://a.example/moves/1","type":"Move","actor":"{by}","object":"{old}","target":"https://b.example.com/users/ana","to":["https://a.example/users/ana/followers"]}}"#
        )
    };
    let actor = |also: &str| {
        format!(
            r#"{{"@context":"https://www.w3.org/ns/activitystreams","id":"https://b.example.com/users/ana","type":"Person","preferredUsername":"ana","alsoKnownAs":{also}}}"#
        )
    };
    let (old, evil) = ("https://a.example/users/ana", "https://evil.example/users/e");
    let says = actor(&format!(r#"["https://c.example.com/users/z","{old}"]"#));
    let pair = ["activitypub:https://b.example.com/users/ana activitypub:https://a.example/users/ana Move"];
    assert_eq!(kin(&[&moved(old, old), &says]), pair);
    assert_eq!(kin(&[&says, &moved(old, old)]), pair);
    let update = format!(
        r#"{{"@context":"https://www.w3.org/ns/activitystreams","id":"https://b.example.com/u","type":"Update","actor":"https://b.example.com/users/ana","to":["as:Public"],"object":{says}}}"#
    );
    assert_eq!(kin(&[&moved(old, old), &update]), pair);
    // The old one's own profile says it as well.
    let profile = format!(
        r#"{{"@context":"https://www.w3.org/ns/activitystreams","id":"{old}","type":"Person","preferredUsername":"ana","movedTo":"https://b.example.com/users/ana"}}"#
    );
    assert_eq!(kin(&[&says, &profile]), pair);
    // One way alone, a move that somebody else declares, and a new account that names others.
    for messages in [
        &[&moved(old, old)][..],
        &[&says],
        &[&moved(old, old), &actor("[]")],
        &[&moved(evil, old), &says],
        &[&moved(evil, evil), &says],
        &[&moved(old, old), &actor(r#"["https://a.example/users/anna"]"#)],
    ] {
        let messages: Vec<&str> = messages.iter().map(|message| message.as_str()).collect();
        assert_eq!(kin(&messages), [""; 0], "{messages:?}");
    }
    assert_eq!(claims(Options::default(), &[moved(old, old), says]), [""; 0]);
}
