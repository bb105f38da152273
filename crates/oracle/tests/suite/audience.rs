//! Levels of followers, and what they are worth.

use std::collections::BTreeMap;

use crate::common::{close, follow, model, names, retweet, score, trust};
use oracle::{Input, Level, Model, Person, admissible, score_of};

/// Someone who is endorsed by one fan and acts on a third, so is active with one vote, a score of 15.
fn active(name: &str) -> [Input<'_>; 2] {
    [retweet("fan", name, 0), retweet(name, "well", 0)]
}

fn audience(inputs: &[Input<'_>]) -> f64 {
    score(inputs).person("ana").audience
}

#[test]
fn a_silent_follower_weighs_nothing() {
    let followers = names(1_000);
    let inputs: Vec<_> = followers.iter().map(|name| follow(name, "ana", 0)).collect();
    assert_eq!(audience(&inputs), 0.0);
    // To act is not enough, nor is to be endorsed.
    assert_eq!(audience(&[follow("bo", "ana", 0), retweet("bo", "cy", 0)]), 0.0);
    assert_eq!(audience(&[follow("bo", "ana", 0), retweet("cy", "bo", 0)]), 0.0);
}

#[test]
fn an_active_follower_weighs_a_tenth() {
    let [one, two] = active("bo");
    // B = log2(1 + 0.1)
    close(audience(&[one, two, follow("bo", "ana", 0)]), 1.1_f64.log2());
    // A quarter of it when mutual.
    close(audience(&[one, two, follow("bo", "ana", 0), follow("ana", "bo", 0)]), 1.025_f64.log2());
    // Nothing when suspended, or when the window has passed.
    assert_eq!(audience(&[one, two, follow("bo", "ana", 0), trust("bo", 0.0)]), 0.0);
    let later = oracle::score(&model(), [one, two, follow("bo", "ana", 0)], Some(crate::common::WINDOW_MS + 1));
    assert_eq!(later.person("ana").audience, 0.0);
}

#[test]
fn a_follower_with_a_score_weighs_more() {
    // Nine fresh fans are nine votes: 100 ln 10 / ln 101 = 49.9, so bo is of level 40 and weighs 1: B = log2 2.
    let fans = names(9);
    let mut inputs: Vec<_> = fans.iter().map(|fan| retweet(fan, "bo", 0)).collect();
    inputs.extend([retweet("bo", "cy", 0), follow("bo", "ana", 0)]);
    let outcome = score(&inputs);
    assert_eq!(outcome.person("bo").level, Level::Score40);
    close(outcome.person("ana").audience, 1.0);
    close(outcome.person("ana").influence, 1.0);
}

#[test]
fn audience_lifts_followers_of_followers() {
    // bo alone has two votes from two fans: 100 ln 3 / ln 101 = 23.8, level 20. So each of his twelve follows adds 0.3.
    let (bosses, fans) = (names(12), ["f", "g"]);
    let mut inputs = Vec::new();
    for boss in &bosses {
        inputs.extend(fans.map(|fan| retweet(fan, boss, 0)));
        inputs.extend([retweet(boss, "well", 0), follow(boss, "ana", 0)]);
    }
    // Each fan gives y = sqrt(1/12) to each: 2 sqrt(1/12) = 0.58 votes, a score of 9.9: active only. Q = 1.2.
    close(audience(&inputs), 2.2_f64.log2());
    // Trust of 12 makes it two votes each: Q = 3.6.
    inputs.extend(fans.map(|fan| trust(fan, 12.0)));
    close(audience(&inputs), 4.6_f64.log2());
}

#[test]
fn who_follows_everybody_is_at_most_active() {
    let (fans, others) = (names(9), (0..2_001).map(|user| format!("other{user}")).collect::<Vec<_>>());
    let mut inputs: Vec<_> = fans.iter().map(|fan| retweet(fan, "bo", 0)).collect();
    inputs.extend([retweet("bo", "cy", 0), follow("bo", "ana", 0)]);
    inputs.extend(others[..1_999].iter().map(|other| follow("bo", other, 0)));
    assert_eq!(score(&inputs).person("bo").level, Level::Score40);
    inputs.push(follow("bo", &others[2_000], 0));
    let outcome = score(&inputs);
    assert!(outcome.person("bo").indiscriminate);
    assert_eq!(outcome.person("bo").level, Level::Active);
    close(outcome.person("ana").audience, 1.1_f64.log2());
}

#[test]
fn levels_of_others_can_be_tried() {
    let outcome = score(&[follow("bo", "ana", 0), follow("cy", "ana", 0), follow("ana", "cy", 0)]);
    let announced = BTreeMap::from([("bo".to_owned(), Level::Score60), ("cy".to_owned(), Level::Score80)]);
    let audience = outcome.audience_under(&announced);
    // Q = 3 + 10/4 for ana; ana herself is not announced, so cy has nobody.
    close(audience["ana"], 6.5_f64.log2());
    assert_eq!((audience["cy"], audience["bo"]), (0.0, 0.0));
}

#[test]
fn a_level_stands_through_two_points_of_fall() {
    let person = Person { silent: false, ..Person::stranger() };
    let stands = |level, score| admissible(&person, level, score, 0.0);
    assert!(stands(Level::Score40, 40.0) && stands(Level::Score40, 38.0) && stands(Level::Score20, 39.9));
    assert!(!stands(Level::Score40, 37.9) && !stands(Level::Score20, 40.0) && !stands(Level::Silent, 0.0));
    assert!(stands(Level::Active, 19.9) && !stands(Level::Active, 20.0) && stands(Level::Score80, 100.0));
    assert!(admissible(&person, Level::Score40, 37.9, 0.2) && admissible(&person, Level::Score20, 40.1, 0.2));
    let silent = Person::stranger();
    assert!(admissible(&silent, Level::Silent, 99.0, 0.0) && !admissible(&silent, Level::Active, 0.0, 0.0));
    let indiscriminate = Person { indiscriminate: true, ..person };
    assert!(admissible(&indiscriminate, Level::Active, 99.0, 0.0));
    assert!(!admissible(&indiscriminate, Level::Score20, 99.0, 0.0));
}

#[test]
fn the_scale_is_the_largest_influence_and_at_least_100() {
    let free = Model { scale: None, ..model() };
    let fans = names(150);
    let inputs: Vec<_> = fans.iter().map(|fan| retweet(fan, "ana", 0)).collect();
    let outcome = oracle::score(&free, inputs.iter().copied(), None);
    close(outcome.scale, 150.0);
    close(outcome.person("ana").score, 100.0);
    let small = oracle::score(&free, inputs[..50].iter().copied(), None);
    close(small.scale, 100.0);
    close(small.person("ana").score, score_of(50.0, 100.0));
}
