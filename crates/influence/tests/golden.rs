//! Images of earlier versions of the format are read, and the shards go on.

use std::collections::BTreeSet;

use expect_test::expect;
use influence::{Arrival, Effects, HashKey, Model, Shard, Slice};
use vocabulary::{Event, Kind, Timestamp};

const HOUR: Timestamp = 3_600_000;
const BEGIN: Timestamp = 1_700_000_000_000;

/// Written by the program of 28 November 2026, after three days of acts, follows, an unfollow, a trust and two opt-outs.
const VERSION_2: &[u8] = include_bytes!("golden/version-2.image");

fn model() -> Model {
    Model { forget_after_ms: Some(100 * HOUR), ..Model::with_half_life(24 * HOUR) }
}

fn read(image: &[u8]) -> Shard {
    Shard::from_image(&model(), &HashKey::new([1, 2]), 0, 1, image).expect("an image")
}

/// Everybody's votes, bit by bit, followers, and mentions, retweets and replies.
fn told(shard: &Shard) -> String {
    let line = |(name, score): (&str, vocabulary::Score)| {
        let [mentions, retweets, replies] =
            [Kind::Mention, Kind::Retweet, Kind::Reply].map(|kind| score.received.of(kind));
        let votes = score.influence.to_bits();
        format!("{name} {votes:016x} {} {mentions} {retweets} {replies}\n", score.followers)
    };
    shard.scores().map(line).collect::<BTreeSet<_>>().into_iter().collect()
}

#[test]
fn an_image_of_version_2_is_read() {
    assert_eq!(VERSION_2[..8], 2_u64.to_le_bytes());
    let mut shard = read(VERSION_2);
    // As the program that wrote it told them.
    expect![[r#"
        ana 3ffb7013f62726c2 1 0 1 1
        bo 400b98aa94e77882 1 1 3 1
        cy 400bb9b4377e5ebe 0 2 1 0
        di 3ff24cca871c71c7 0 0 0 1
        once 3fdae89a5091f97a 0 0 1 0
    "#]]
    .assert_eq(&told(&shard));
    assert_eq!((shard.opted_out("never"), shard.opted_out("gone")), (Some(true), Some(true)));
    // Its image is one of today, which both go on from alike.
    let mut image = Vec::new();
    shard.copy_image(&mut image);
    assert_eq!(image[..8], 3_u64.to_le_bytes());
    let mut again = read(&image);
    let mut other = Vec::new();
    again.copy_image(&mut other);
    assert!(image == other);
    for (hour, events) in [
        (31, vec![Event { actor: "eve", target: "bo", kind: Kind::Retweet, at: BEGIN + 31 * HOUR }]),
        (32, vec![Event { actor: "eve", target: "new", kind: Kind::Mention, at: BEGIN + 32 * HOUR }]),
        (200, vec![]),
        (400, vec![]),
        (600, vec![]),
    ] {
        let clock = BEGIN + hour * HOUR;
        let events: Vec<Arrival<'_>> = events.into_iter().map(|event| Arrival { clock, event }).collect();
        let digests = [&mut shard, &mut again].map(|shard| {
            let sweep = shard.people_len();
            let slice = Slice { clock, events: &events, sweep, publishes: true, ..Slice::default() };
            let mut effects = Effects::default();
            shard.step(&slice, &mut effects);
            effects.digest
        });
        assert_eq!(digests[0], digests[1], "hour {hour}");
        assert_eq!(told(&shard), told(&again), "hour {hour}");
        if hour == 32 {
            let bo = shard.score("bo").expect("four have retweeted bo");
            assert_eq!(bo.received.of(Kind::Retweet), 4, "counts go on");
        }
    }
    // Only who is followed is left of those on whom nobody acts any more.
    let left: Vec<String> = told(&shard).lines().map(|line| line.split(' ').take(1).collect()).collect();
    assert_eq!(left, ["ana", "bo"]);
}
