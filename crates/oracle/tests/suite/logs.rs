//! The real logs, with the facts that are known of them.

use std::collections::BTreeSet;

use crate::common::{HALF_LIFE_MS, HIGGS, HOUR_MS, log};
use oracle::{Act, Input, Kind, Model, Outcome, snap};

fn score(acts: &[Act<'_>], half_life_ms: i64, window_ms: i64) -> Outcome {
    let model = Model { window_ms, ..Model::new(half_life_ms) };
    oracle::score(&model, acts.iter().copied().map(Input::Act), None)
}

/// The most influential person.
fn first(outcome: &Outcome) -> &str {
    let first = outcome.people.iter().max_by(|(_, one), (_, other)| one.influence.total_cmp(&other.influence));
    first.expect("somebody").0
}

#[test]
fn higgs() {
    let Some(text) = log(HIGGS) else { return };
    let acts = snap::read(&text, Kind::Retweet).unwrap();
    let outcome = score(&acts, HALF_LIFE_MS, 7 * HALF_LIFE_MS);
    assert_eq!(acts.len(), 563_069);
    assert_eq!((outcome.tally.self_acts, outcome.tally.accepted, outcome.tally.late), (7_588, 555_481, 0));
    // Nothing is older than the window: every pair of two people is live.
    let pairs: BTreeSet<_> =
        acts.iter().filter(|act| act.actor != act.target).map(|act| (act.actor, act.target)).collect();
    assert_eq!(outcome.pairs.len(), pairs.len());
    assert_eq!((outcome.people.len(), first(&outcome)), (304_198, "88"));
    let received = outcome.person("88").received;
    assert_eq!(
        (received.of(Kind::Retweet), received.of(Kind::Mention), received.of(Kind::Reply)),
        (18_977, 15_682, 1_324)
    );
}

#[test]
fn higgs_at_hour_96() {
    let Some(text) = log(HIGGS) else { return };
    let mut acts = snap::read(&text, Kind::Retweet).unwrap();
    let end_ms = acts[0].at_ms + 96 * HOUR_MS;
    acts.retain(|act| act.at_ms <= end_ms);
    let outcome = score(&acts, HALF_LIFE_MS, 6 * HALF_LIFE_MS);
    assert_eq!(first(&outcome), "88");
    assert!((outcome.scale - 12_415.0).abs() < 1.0, "{}", outcome.scale);
}

#[test]
fn mathoverflow() {
    let files = [("a2q", Kind::Reply), ("c2a", Kind::Mention), ("c2q", Kind::Mention)];
    let texts = files.map(|(file, kind)| (log(&format!("mathoverflow/sx-mathoverflow-{file}.txt.gz")), kind));
    let mut acts = Vec::new();
    for (text, kind) in &texts {
        let Some(text) = text else { return };
        acts.extend(snap::read(text, *kind).unwrap());
    }
    acts.sort_by_key(|act| act.at_ms);
    let outcome = score(&acts, 60 * 24 * HOUR_MS, 360 * 24 * HOUR_MS);
    assert_eq!(acts.len(), 506_550);
    assert_eq!(outcome.tally.self_acts, 116_109);
    assert_eq!(outcome.tally.accepted, 506_550 - 116_109);
    // 227,991 pairs in all; these were seen in the last 360 days of the log.
    assert_eq!((outcome.people.len(), outcome.pairs.len(), first(&outcome)), (24_759, 31_375, "11142"));
}

#[test]
fn a_line_that_is_none_is_told() {
    let told = |text| snap::read(text, Kind::Mention).unwrap_err().to_string();
    assert_eq!(told("1 2 3\n1 2"), "line 2: \"1 2\" is not `actor target seconds [RT|MT|RE]`");
    assert_eq!(told("1 2 3 QT").get(..7), Some("line 1:"));
    assert_eq!(told("1 2 3 RT 5").get(..7), Some("line 1:"));
    assert_eq!(told("1 2 now").get(..7), Some("line 1:"));
    let read = snap::read("# a comment\n\n1 2 3\r\n4 5 6 RE\n", Kind::Mention).unwrap();
    let found: Vec<_> = read.iter().map(|act| (act.actor, act.target, act.kind, act.at_ms)).collect();
    assert_eq!(found, [("1", "2", Kind::Mention, 3_000), ("4", "5", Kind::Reply, 6_000)]);
}
