//! Trust, opt-out and opt-in.

use crate::common::{close, follow, opt_in, opt_out, retweet, score, trust};
use oracle::{Counts, Input, Kind};

#[test]
fn a_suspended_account_hands_out_nothing() {
    let outcome = score(&[retweet("ana", "bo", 0), retweet("cy", "bo", 0), trust("ana", 0.0)]);
    let bo = outcome.person("bo");
    assert_eq!(outcome.person("ana").rate, 0.0);
    // Both are fans of weight 1, one of which is worth nothing.
    close(bo.gross, 1.0);
    close(bo.reach, 2.0);
    close(bo.network, 0.5);
}

#[test]
fn only_suspended_fans_are_worth_nothing() {
    let bo = score(&[trust("ana", 0.0), retweet("ana", "bo", 0)]).person("bo");
    assert_eq!((bo.gross, bo.closed, bo.openness), (0.0, 0.0, 1.0));
}

#[test]
fn trust_counts_by_its_root() {
    let bo = score(&[trust("ana", 2.0), retweet("ana", "bo", 0)]).person("bo");
    close(bo.gross, 2.0_f64.sqrt());
}

#[test]
fn a_profile_that_says_nothing_of_trust_leaves_it() {
    let silent_about_it = opt_in("ana");
    assert_eq!(score(&[trust("ana", 2.0), silent_about_it]).person("ana").trust, 2.0);
}

/// bo endorses cy, is endorsed and followed by ana, follows back, and is trusted.
fn before() -> Vec<Input<'static>> {
    vec![
        retweet("bo", "cy", 0),
        retweet("ana", "bo", 0),
        follow("ana", "bo", 0),
        follow("bo", "ana", 0),
        trust("bo", 2.0),
    ]
}

fn and_then(more: &[Input<'static>]) -> Vec<Input<'static>> {
    [&before(), more].concat()
}

#[test]
fn opt_out_erases_what_is_ones_own() {
    let outcome = score(&and_then(&[opt_out("bo")]));
    let bo = outcome.person("bo");
    assert!(bo.opted_out && !bo.has_record && bo.silent);
    assert!(outcome.pair("bo", "cy").is_none() && outcome.follow("bo", "ana").is_none());
    assert_eq!((bo.acted_ms, bo.trust, bo.received), (None, 1.0, Counts::default()));
    assert!(!outcome.follow("ana", "bo").unwrap().mutual);
    // What bo gave is gone; that it was given stays counted.
    assert_eq!(outcome.person("cy").gross, 0.0);
    assert_eq!(outcome.person("cy").received.of(Kind::Retweet), 1);
}

#[test]
fn what_others_gave_goes_on_without_a_name() {
    let bo = score(&and_then(&[opt_out("bo"), retweet("ana", "bo", 0)])).person("bo");
    // C = 2, l = 1: w = 10/6, and G = sqrt w.
    close(bo.gross, (10.0_f64 / 6.0).sqrt());
    assert_eq!((bo.fans, bo.followers, bo.received.total()), (1, 1, 0));
}

#[test]
fn later_events_of_theirs_are_dropped() {
    let outcome = score(&and_then(&[opt_out("bo"), retweet("bo", "dee", 7), retweet("bo", "bo", 8)]));
    assert_eq!((outcome.tally.dropped, outcome.tally.self_acts, outcome.now_ms), (1, 1, 0));
    assert!(!outcome.people.contains_key("dee"));
}

#[test]
fn opt_in_begins_from_nothing() {
    let back = [opt_out("bo"), retweet("ana", "bo", 0), opt_in("bo")];
    let bo = score(&and_then(&back)).person("bo");
    assert!(!bo.opted_out && !bo.has_record);
    assert_eq!((bo.trust, bo.fans, bo.followers), (1.0, 0, 0));
    let counted = score(&and_then(&[&back[..], &[retweet("ana", "bo", 0)]].concat())).person("bo");
    assert_eq!((counted.received.of(Kind::Retweet), counted.has_record), (1, true));
}

#[test]
fn opt_out_before_any_event() {
    let outcome = score(&[opt_out("ana"), retweet("ana", "bo", 0), retweet("bo", "ana", 0)]);
    assert_eq!((outcome.tally.accepted, outcome.tally.dropped), (1, 1));
    assert!(outcome.person("ana").opted_out);
}

#[test]
#[should_panic(expected = "ana has a trust of NaN")]
fn trust_is_a_number() {
    score(&[trust("ana", f64::NAN)]);
}
