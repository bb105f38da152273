//! Who has a record: whoever others have acted on since they last opted in, on any number of partitions.
use crate::common::*;
use embedded::World;
use influence::Model;
use oracle::{Act, Input, Kind, Profile};

const PARTITIONS: [u16; 3] = [1, 4, 16];

fn act<'a>(actor: &'a str, kind: Kind, target: &'a str, at_ms: i64) -> Input<'a> {
    Input::Act(Act { actor, target, kind, at_ms })
}

fn opted_out(user: &str, opted_out: bool) -> Input<'_> {
    Input::Profile(Profile { user, opted_out: Some(opted_out), trust: None, ..Profile::default() })
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
        let trust = Input::Profile(Profile { user: "ana", opted_out: None, trust: Some(4.0), ..Profile::default() });
        let mut world = World::new(&Model::with_half_life(HOUR), KEY, partitions, 1);
        take(&mut world, &[trust, opted_out("bo", true)]);
        world.settle();
        assert_eq!((world.now(), world.scores().count()), (None, 0));
        take(&mut world, &[act("ana", Kind::Retweet, "cy", 5), act("bo", Kind::Retweet, "cy", 5)]);
        world.settle();
        // A founder's whole vote of a trust of 4 makes room for some 200.
        let votes = world.score("cy").expect("ana has acted on cy").influence;
        assert!((votes - 2.0).abs() < 1e-7, "{votes}");
    }
}

fn given<'a>(fans: &'a [String], kinds: [Kind; 3], at_ms: i64) -> Vec<Input<'a>> {
    fans.iter().flat_map(|fan| kinds.map(|kind| act(fan, kind, "ana", at_ms))).collect()
}

/// As if what was given before and meanwhile had never been: votes, fans, followers and counts.
#[test]
fn who_opts_in_again_has_what_was_given_since() {
    let fans = |when: &str| (0..20).map(|fan| format!("{when} {fan}")).collect::<Vec<_>>();
    let (before, meanwhile) = (fans("before"), fans("meanwhile"));
    for partitions in PARTITIONS {
        let mut all = given(&before, [Kind::Retweet, Kind::Follow, Kind::Reply], 1_000);
        all.push(opted_out("ana", true));
        all.extend(given(&meanwhile, [Kind::Mention, Kind::Follow, Kind::Unfollow], 2_000));
        all.push(opted_out("ana", false));
        let nobody = world(&Model::with_half_life(HOUR), partitions, 1, &all);
        assert_eq!((nobody.score("ana"), nobody.opted_out("ana")), (None, Some(false)));
        // One who gave before and one who is new.
        let since = [act("before 3", Kind::Retweet, "ana", 3_000), act("new", Kind::Retweet, "ana", 3_000)];
        all.extend(since);
        let world = world(&Model::with_half_life(HOUR), partitions, 1, &all);
        let found = world.score("ana").expect("ana was retweeted after opting in");
        assert!((found.influence - 2.0).abs() < 1e-4, "{partitions}: {found:?}");
        assert_eq!(found.received, vocabulary::Received::from([(vocabulary::Kind::Retweet, 2)]));
        assert_eq!((found.reach, found.followers, found.audience), (2.0, 0, 0.0), "{partitions}");
    }
}

/// Nobody has acted on them yet, and nothing is known of them: whatever comes, no record does, until they opt in.
#[test]
fn an_opt_out_holds_before_anybody_acts() {
    for partitions in PARTITIONS {
        let acts = [
            act("fan", Kind::Retweet, "bo", 1_000),
            act("bo", Kind::Retweet, "cy", 1_000),
            act("fan", Kind::Follow, "bo", 1_000),
            act("fan", Kind::Retweet, "cy", 1_000),
        ];
        let before = [&[opted_out("bo", true)][..], &acts].concat();
        assert_eq!(rated(&before, partitions), ["cy"]);
        let world = world(&Model::with_half_life(HOUR), partitions, 1, &before);
        assert_eq!(world.opted_out("bo"), Some(true));
        let again = [&before[..], &[opted_out("bo", false)], &acts].concat();
        assert_eq!(rated(&again, partitions), ["bo", "cy"]);
    }
}
