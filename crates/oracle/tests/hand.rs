//! Small cases worked out by hand: weights, rates, circles, ageing.

mod common;

use common::{HALF_LIFE_MS, WINDOW_MS, act, close, model, retweet, score};
use oracle::{Input, Kind, Level, Model, score_of};

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
    close(bo.reach * bo.amplification * bo.network * bo.openness, bo.net);
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
    let fans = common::names(10);
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
