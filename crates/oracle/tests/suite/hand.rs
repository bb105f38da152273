//! Small cases worked out by hand: weights, rates, circles, ageing.

use crate::common::{HALF_LIFE_MS, WINDOW_MS, act, close, model, retweet, score};
use oracle::{Act, Input, Kind, Level, Model, Profile, Room, score_of};

fn retweets<'a>(count: usize, actor: &'a str, target: &'a str) -> Vec<Input<'a>> {
    vec![retweet(actor, target, 0); count]
}

#[test]
fn one_fresh_fan_is_one_vote() {
    // C = l = 1, w = 5 / (1 + 4) = 1; R = S = 1, A = 0, so y = 1 and G = 1.
    let outcome = score(&[retweet("ana", "bo", 0)]);
    let (ana, bo) = (outcome.person("ana"), outcome.person("bo"));
    close(outcome.pair("ana", "bo").unwrap().weight, 1.0);
    close(ana.handed_out, 1.0);
    close(ana.liveness, 1.0);
    close(ana.rate, 1.0);
    close(bo.gross, 1.0);
    close(bo.influence, 1.0);
    close(bo.reach * bo.amplification * bo.network * bo.openness * bo.room, bo.net);
    // A score of 15.019.
    close(bo.score, 100.0 * 2.0_f64.ln() / 101.0_f64.ln());
}

#[test]
fn one_reply_is_five_ninths() {
    // C = 0.5, l = 1, w = 2.5 / 4.5 = 5/9; y = sqrt(9/5), G = 5/9 sqrt(9/5) = sqrt(5/9).
    let outcome = score(&[act("ana", Kind::Reply, "bo", 0)]);
    close(outcome.pair("ana", "bo").unwrap().weight, 5.0 / 9.0);
    close(outcome.person("bo").gross, (5.0_f64 / 9.0).sqrt());
}

#[test]
fn two_targets_share_a_fan() {
    // R = 2, y = sqrt(1/2), so each gets 0.707.
    let outcome = score(&[retweet("ana", "bo", 0), retweet("ana", "cy", 0)]);
    close(outcome.person("bo").gross, 0.5_f64.sqrt());
    close(outcome.person("cy").gross, 0.5_f64.sqrt());
}

#[test]
fn a_fan_with_a_fan_counts_for_more() {
    // ana gives bo 1; bo has S + A = 1 + 1 and R = 1, so y = sqrt 2 goes to cy.
    let outcome = score(&[retweet("ana", "bo", 0), retweet("bo", "cy", 0)]);
    close(outcome.person("bo").rate, 2.0_f64.sqrt());
    close(outcome.person("cy").gross, 2.0_f64.sqrt());
    close(outcome.person("cy").network, 2.0_f64.sqrt());
}

#[test]
fn repeats_saturate() {
    // C = 1000, l = 1: w = 5000 / 1004 = 4.980, never 5; y = 1 / sqrt w, so G = sqrt w = 2.232.
    let outcome = score(&retweets(1_000, "ana", "bo"));
    close(outcome.pair("ana", "bo").unwrap().weight, 5_000.0 / 1_004.0);
    close(outcome.person("bo").influence, (5_000.0_f64 / 1_004.0).sqrt());
    assert_eq!(outcome.person("bo").received.of(Kind::Retweet), 1_000);
}

#[test]
fn a_super_fan_stays_below_two_and_a_half_votes() {
    let votes = |count| score(&retweets(count, "ana", "bo")).person("bo").influence;
    assert!([1, 10, 100, 10_000].windows(2).all(|pair| votes(pair[0]) < votes(pair[1])));
    assert!(votes(100_000) < 2.5);
}

#[test]
fn a_pair_ring_keeps_a_tenth() {
    // w = R = 1, r = a = 1, A = G / 10, G = y; y^2 = 1 + y / 10, so y = 0.05 + sqrt(0.0025 + 1).
    let outcome = score(&[retweet("ana", "bo", 0), retweet("bo", "ana", 0)]);
    let ana = outcome.person("ana");
    close(ana.closed, 1.0);
    close(ana.rate, 0.05 + 1.0025_f64.sqrt());
    close(ana.net, 0.1 * ana.gross);
    close(ana.gross, ana.rate);
    close(ana.openness, 0.1);
}

#[test]
fn what_is_returned_is_bounded_by_the_smaller_side() {
    // C is 1 from ana and 4 from bo: r is min(1, 4/1) = 1 for ana's edge, and 1/4 for bo's.
    let mut inputs = retweets(4, "bo", "ana");
    inputs.extend(retweets(1, "ana", "bo"));
    let outcome = score(&inputs);
    close(outcome.pair("ana", "bo").unwrap().reciprocity, 1.0);
    close(outcome.pair("bo", "ana").unwrap().reciprocity, 0.25);
    // ana's only fan is bo: a = r = 1/4, and A = G (1 - 0.9 / 256).
    let ana = outcome.person("ana");
    close(ana.closed, 0.25);
    close(ana.net, ana.gross * (1.0 - 0.9 / 256.0));
}

#[test]
fn answering_some_fans_costs_little() {
    // Of ten fans with y = w = 1, one is answered: its w r is 1 of about 10, and a^4 is about 1e-4.
    let fans = crate::common::names(10);
    let mut inputs: Vec<_> = fans.iter().map(|fan| retweet(fan, "ana", 0)).collect();
    inputs.push(retweet("ana", &fans[0], 0));
    let ana = score(&inputs).person("ana");
    assert!(ana.openness > 0.998, "{}", ana.openness);
}

#[test]
fn a_half_life_halves_a_vote() {
    // C = l = 1/2: w = 5/4 / (1/2 + 2) = 1/2; S = R = 1/2, so y = 1 still, and G = 1/2.
    let outcome = oracle::score(&model(), [retweet("ana", "bo", 0)], Some(HALF_LIFE_MS));
    close(outcome.person("ana").rate, 1.0);
    close(outcome.person("bo").gross, 0.5);
    close(outcome.person("bo").reach, 0.5);
}

#[test]
fn an_older_act_adds_its_rest() {
    // C = 1/2 + 1, l = 1: w = 7.5 / 5.5.
    let outcome = score(&[retweet("ana", "bo", 0), retweet("ana", "bo", HALF_LIFE_MS)]);
    let pair = outcome.pair("ana", "bo").unwrap();
    close(pair.endorsement, 1.5);
    close(pair.weight, 7.5 / 5.5);
    assert_eq!((pair.acts.of(Kind::Retweet), pair.newest_ms), (2, HALF_LIFE_MS));
}

#[test]
fn a_mantissa_is_rounded_to_its_bits() {
    let exact = Model::new(HALF_LIFE_MS);
    let rounded = Model { mantissa_bits: Some(17), ..exact.clone() };
    for at_ms in [0, 1, 12_345_678, HALF_LIFE_MS - 1, HALF_LIFE_MS, -5 * HALF_LIFE_MS - 77] {
        let (found, wished) = (rounded.g(at_ms, HALF_LIFE_MS), exact.g(at_ms, HALF_LIFE_MS));
        assert!((found - wished).abs() <= wished / 262_144.0, "{found} is not near {wished}");
        assert_eq!((found * 2.0_f64.powi(30)).fract(), 0.0);
    }
    assert_eq!(rounded.g(-WINDOW_MS, 0), 1.0 / 64.0);
}

#[test]
fn scores_run_from_0_to_100() {
    close(score_of(0.0, 100.0), 0.0);
    // 51.957
    close(score_of(10.0, 100.0), 100.0 * 11.0_f64.ln() / 101.0_f64.ln());
    close(score_of(100.0, 100.0), 100.0);
    close(score_of(1e6, 100.0), 100.0);
}

#[test]
fn nothing_is_an_empty_world() {
    let outcome = score(&[]);
    assert!(outcome.people.is_empty());
    let stranger = outcome.person("ana");
    assert_eq!((stranger.influence, stranger.openness, stranger.level), (0.0, 1.0, Level::Silent));
    assert!(!stranger.has_record);
}

/// Days after the first act of all.
fn day(number: i64) -> i64 {
    number * HALF_LIFE_MS
}

/// Everybody and the room they have, in a world that began ten days before with an act of somebody else.
fn with_room(inputs: &[Input<'_>]) -> oracle::Outcome {
    let model = Model { room: Room::default(), ..model() };
    oracle::score(&model, [retweet("elder", "another", day(0))].into_iter().chain(inputs.iter().copied()), None)
}

#[test]
fn two_strangers_have_room_for_3_6_votes_and_one_known_for_51_8() {
    // D = 2 and P = 1, so B = min(50, 1.8 2) = 3.6, and Z = 2.
    let strangers = [retweet("ana", "bo", day(10)), retweet("cy", "bo", day(10))];
    let bo = with_room(&strangers).person("bo");
    close(bo.space, 3.6);
    close(bo.net, (2.0_f64.powi(-4) + 3.6_f64.powi(-4)).powf(-0.25));
    close(bo.room, bo.net / 2.0);
    // cy has acted on bo one half-life before as well: C = 1.5, l = 1, w = 7.5 / 5.5 = R, z = 1 / R. So D = 2 and V = 1.
    let known = [retweet("cy", "bo", day(9)), strangers[0], strangers[1]];
    let outcome = with_room(&known);
    assert!(outcome.person("cy").known && !outcome.person("ana").known);
    close(outcome.person("bo").space, 53.6);
    // A millisecond less is no half-life.
    let nearly = [retweet("cy", "bo", day(9) + 1), strangers[0], strangers[1]];
    assert!(!with_room(&nearly).person("cy").known);
}

#[test]
fn a_stranger_who_acts_on_three_makes_a_third_of_the_room_for_each() {
    let targets = ["bo", "cy", "dee"].map(|target| retweet("ana", target, day(10)));
    close(with_room(&targets).person("cy").space, 0.6);
    // One who counts for half as much makes half of it.
    let half = [&[crate::common::trust("ana", 0.5)], &targets[..]].concat();
    close(with_room(&half).person("cy").space, 0.3);
}

#[test]
fn founders_the_verified_and_old_accounts_are_known() {
    let profile =
        |user, created_ms, is_verified| Input::Profile(Profile { user, created_ms, is_verified, ..Profile::default() });
    let inputs = [
        retweet("founder", "bo", day(1)),
        retweet("too late", "bo", day(1) + 1),
        profile("old", Some(day(9)), false),
        profile("new", Some(day(9) + 1), false),
        profile("verified", None, true),
        profile("silent", Some(day(2)), false),
        retweet("old", "bo", day(10)),
        retweet("new", "bo", day(10)),
        retweet("verified", "bo", day(10)),
    ];
    let outcome = with_room(&inputs);
    let known = |name: &str| outcome.person(name).known;
    assert_eq!(["founder", "old", "verified"].map(known), [true; 3]);
    assert_eq!(["too late", "new", "silent", "nobody"].map(known), [false; 4]);
}

#[test]
fn an_act_that_arrives_late_is_as_old_as_it_says_unless_the_clock_is_live() {
    let inputs = [retweet("elder", "another", day(0)), Input::Clock(day(10)), retweet("ana", "bo", day(8))];
    let again = Input::Act(Act { actor: "ana", target: "bo", kind: Kind::Retweet, at_ms: day(10) });
    for (lateness_ms, known) in [(None, true), (Some(day(2)), true), (Some(day(1) - 1), false), (Some(0), false)] {
        let model = Model { room: Room { lateness_ms, ..Room::default() }, ..model() };
        let outcome = oracle::score(&model, inputs.iter().copied().chain([again]), None);
        assert_eq!(outcome.person("ana").known, known, "{lateness_ms:?}");
    }
}
