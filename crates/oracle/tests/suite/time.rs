//! The clock, the window, lateness, and follows in any order.

use crate::common::{HALF_LIFE_MS, WINDOW_MS, act, follow, model, retweet, score, unfollow};
use oracle::{Follow, Input, Kind, Outcome, Tally};

/// Two others act, so that the clock stands at `at_ms`.
fn clock(at_ms: i64) -> Input<'static> {
    retweet("tick", "tock", at_ms)
}

fn follows(inputs: &[Input<'_>]) -> Option<Follow> {
    score(inputs).follow("ana", "bo").copied()
}

fn since(since_ms: i64) -> Option<Follow> {
    Some(Follow { since_ms, mutual: false, counts: true })
}

#[test]
fn an_act_is_forgotten_after_the_window() {
    let as_of = |at_ms| oracle::score(&model(), [retweet("ana", "bo", 0)], Some(at_ms));
    assert_eq!(as_of(WINDOW_MS).person("bo").reach, 1.0 / 64.0);
    let later = as_of(WINDOW_MS + 1);
    assert!(later.pairs.is_empty());
    assert_eq!(later.person("bo").reach, 0.0);
    assert_eq!(later.person("bo").received.of(Kind::Retweet), 1);
    assert!(later.person("bo").has_record);
}

#[test]
fn a_forgotten_edge_begins_anew() {
    // Each act is a window and 1 ms after the one before.
    let outcome = score(&[retweet("ana", "bo", 0), retweet("ana", "bo", WINDOW_MS + 1)]);
    let pair = outcome.pair("ana", "bo").unwrap();
    assert_eq!((pair.acts.of(Kind::Retweet), pair.endorsement), (1, 1.0));
    assert_eq!(outcome.person("bo").received.of(Kind::Retweet), 2);
}

#[test]
fn an_edge_is_forgotten_by_the_clock_not_by_its_next_act() {
    // The second act is only half a window younger than the first, but arrives when that is forgotten.
    let first = retweet("ana", "bo", 0);
    let second = retweet("ana", "bo", WINDOW_MS / 2);
    let touched = |inputs: &[Input<'_>]| score(inputs).pair("ana", "bo").map(|pair| pair.acts.of(Kind::Retweet));
    assert_eq!(touched(&[first, second, clock(WINDOW_MS + 1)]), Some(2));
    assert_eq!(touched(&[first, clock(WINDOW_MS + 1), second]), Some(1));
    assert_eq!(touched(&[first, Input::Clock(WINDOW_MS + 1), second]), Some(1));
    assert_eq!(touched(&[clock(WINDOW_MS + 1), first, second]), Some(1));
}

#[test]
fn a_late_act_is_counted_and_changes_nothing_else() {
    let outcome = score(&[clock(WINDOW_MS + 1), retweet("ana", "bo", 0)]);
    assert_eq!(outcome.tally, Tally { accepted: 2, late: 1, ..Tally::default() });
    assert!(outcome.pair("ana", "bo").is_none());
    assert_eq!(outcome.person("ana").acted_ms, None);
    let received = outcome.person("bo").received;
    assert_eq!((received.of(Kind::Retweet), received.total()), (1, 1));
    assert!(outcome.person("bo").has_record);
    assert_eq!(outcome.now_ms, WINDOW_MS + 1);
}

#[test]
fn an_act_on_oneself_is_counted_and_ignored() {
    let outcome = score(&[retweet("ana", "bo", 0), retweet("bo", "bo", HALF_LIFE_MS)]);
    assert_eq!(outcome.tally.self_acts, 1);
    assert_eq!(outcome.now_ms, 0);
    assert_eq!(outcome.person("bo").received.of(Kind::Retweet), 1);
    assert_eq!(outcome.person("bo").acted_ms, None);
}

#[test]
fn the_newest_of_follow_and_unfollow_wins_in_any_order() {
    let three = [follow("ana", "bo", 1), unfollow("ana", "bo", 2), follow("ana", "bo", 3)];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(follows(&order.map(|place| three[place])), since(3));
    }
    assert_eq!(follows(&[three[0], three[1]]), None);
    assert_eq!(follows(&[three[1], three[0]]), None);
}

#[test]
fn an_unfollow_wins_a_tie() {
    assert_eq!(follows(&[follow("ana", "bo", 1), unfollow("ana", "bo", 1)]), None);
    assert_eq!(follows(&[unfollow("ana", "bo", 1), follow("ana", "bo", 1)]), None);
}

#[test]
fn a_follow_is_accepted_at_any_age() {
    assert_eq!(follows(&[clock(9 * WINDOW_MS), follow("ana", "bo", 5)]), since(5));
    assert_eq!(follows(&[follow("ana", "bo", 5), clock(9 * WINDOW_MS)]), since(5));
}

#[test]
fn an_unfollow_is_remembered_for_the_window() {
    let remembered = |at_ms| follows(&[unfollow("ana", "bo", 5), clock(at_ms), follow("ana", "bo", 4)]);
    assert_eq!(remembered(WINDOW_MS + 5), None);
    assert_eq!(remembered(WINDOW_MS + 6), since(4));
}

#[test]
fn a_late_unfollow_ends_an_older_follow_and_is_not_remembered() {
    let late = [follow("ana", "bo", 4), clock(WINDOW_MS + 6), unfollow("ana", "bo", 5)];
    assert_eq!(follows(&late), None);
    assert_eq!(score(&late).tally.late, 0);
    assert_eq!(follows(&[&late[..], &[follow("ana", "bo", 4)]].concat()), since(4));
    assert_eq!(follows(&[follow("ana", "bo", 6), clock(WINDOW_MS + 6), unfollow("ana", "bo", 5)]), since(6));
}

#[test]
fn follows_move_the_clock_and_make_nobody_live() {
    let outcome = score(&[retweet("ana", "bo", 0), follow("ana", "bo", HALF_LIFE_MS)]);
    assert_eq!(outcome.now_ms, HALF_LIFE_MS);
    assert_eq!(outcome.person("ana").liveness, 0.5);
    let bo = outcome.person("bo");
    assert_eq!((bo.followers, bo.received.of(Kind::Follow), outcome.person("ana").following), (1, 1, 1));
}

#[test]
fn a_follow_back_is_mutual_until_either_ends_it() {
    let both = [follow("ana", "bo", 1), follow("bo", "ana", 2)];
    assert!(follows(&both).unwrap().mutual);
    assert!(!follows(&[&both[..], &[unfollow("bo", "ana", 3)]].concat()).unwrap().mutual);
}

#[test]
fn a_follow_alone_makes_a_record() {
    let outcome: Outcome = score(&[act("ana", Kind::Follow, "bo", 0)]);
    assert!(outcome.person("bo").has_record);
    assert!(!outcome.person("ana").has_record);
}

#[test]
fn an_unfollow_alone_makes_none() {
    assert!(!score(&[unfollow("ana", "bo", 0)]).person("bo").has_record);
    // A follow does, however soon it ended.
    assert!(score(&[unfollow("ana", "bo", 1), follow("ana", "bo", 0)]).person("bo").has_record);
}
