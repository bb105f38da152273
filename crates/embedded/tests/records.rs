//! Who has a record: whoever others have acted on since they last opted in, on any number of partitions.
mod common;

use common::*;
use embedded::World;
use influence::Model;
use oracle::{Act, Input, Kind, Profile};

const PARTITIONS: [u16; 3] = [1, 4, 16];

fn act<'a>(actor: &'a str, kind: Kind, target: &'a str, at_ms: i64) -> Input<'a> {
    Input::Act(Act { actor, target, kind, at_ms })
}

fn opted_out(user: &str, opted_out: bool) -> Input<'_> {
    Input::Profile(Profile { user, opted_out, trust: None })
}

fn rated(inputs: &[Input<'_>], partitions: u16) -> Vec<String> {
    let world = world(&Model::with_half_life(HOUR), partitions, 1, inputs);
    scores(&world).into_keys().collect()
}

/// The ends of it cancel out before the other shard hears of them; that there was one does not.
#[test]
fn a_follow_that_ended_at_once_makes_a_record() {
    for partitions in PARTITIONS {
        for times in [(1, 2), (2, 2), (2, 1)] {
            let follow = act("ana", Kind::Follow, "bo", times.0);
            let unfollow = act("ana", Kind::Unfollow, "bo", times.1);
            assert_eq!(rated(&[follow, unfollow], partitions), ["bo"]);
            assert_eq!(rated(&[unfollow, follow], partitions), ["bo"]);
            assert!(rated(&[unfollow], partitions).is_empty());
        }
    }
}

/// What moves among people's old followers is no act on them.
#[test]
fn a_followers_level_makes_no_record() {
    for partitions in PARTITIONS {
        let again = [act("ana", Kind::Follow, "bo", 1), opted_out("bo", true), opted_out("bo", false)];
        let rising = [act("fan", Kind::Retweet, "ana", 2), act("ana", Kind::Retweet, "cy", 2)];
        assert_eq!(rated(&[&again[..], &rising].concat(), partitions), ["ana", "cy"]);
        let repeated = [act("ana", Kind::Follow, "bo", 3)];
        assert_eq!(rated(&[&again[..], &rising, &repeated].concat(), partitions), ["ana", "bo", "cy"]);
    }
}

/// There is no time yet, and nobody to be swept.
#[test]
fn profiles_come_before_any_event() {
    for partitions in PARTITIONS {
        let trust = Input::Profile(Profile { user: "ana", opted_out: false, trust: Some(4.0) });
        let mut world = World::new(&Model::with_half_life(HOUR), KEY, partitions, 1);
        take(&mut world, &[trust, opted_out("bo", true)]);
        world.settle();
        assert_eq!((world.now(), world.scores().count()), (None, 0));
        take(&mut world, &[act("ana", Kind::Retweet, "cy", 5), act("bo", Kind::Retweet, "cy", 5)]);
        world.settle();
        assert_eq!(world.score("cy").expect("ana has acted on cy").influence, 2.0);
    }
}
