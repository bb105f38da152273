//! The scale of an application that lives by the clock of its machine: free while the world is young, everybody's later, and
//! given back when those who lifted it are suspended.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use testbroker::Broker;
use vocabulary::Score;

use crate::common::read;
use crate::scene::{Scene, topic_of_profiles};

const HALF_LIFE_MS: i64 = 40_000;
const STRANGERS: usize = 4_000;

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_millis() as i64
}

/// So many accounts of a kind act on somebody once.
fn fans(scene: &Scene<'_>, kind: &str, count: usize, on: &str) {
    let at = now_ms();
    let acts: Vec<(String, String)> = (0..count)
        .map(|fan| format!("{kind}{fan}"))
        .map(|fan| (fan.clone(), format!(r#"{{"actor":"{fan}","target":"{on}","kind":"retweet","at":{at}}}"#)))
        .collect();
    let records: Vec<(&str, &[u8])> = acts.iter().map(|(key, value)| (&key[..], value.as_bytes())).collect();
    scene.produce(&[], &records);
}

fn scores(scene: &Scene<'_>) -> Vec<(String, Score)> {
    let records = read(scene.broker, &format!("{}-scores", scene.id));
    let score = |record: &crate::common::Record| {
        let (user, score) = wire::decode_score(&record.value).expect("a score");
        (user.to_owned(), score)
    };
    records.iter().map(score).collect()
}

/// Everybody's newest record.
fn newest(scene: &Scene<'_>) -> BTreeMap<String, Score> {
    scores(scene).into_iter().collect()
}

/// The scale of the newest version, and the first time at which a record was made with it.
fn scale(scene: &Scene<'_>) -> Score {
    let scores = scores(scene).into_iter().map(|(_, score)| score);
    scores.max_by_key(|score| (score.scale_version, std::cmp::Reverse(score.as_of))).expect("a score")
}

#[test]
fn strangers_do_not_lift_the_scale_of_a_live_application_and_what_they_did_is_undone() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let accounts = topic_of_profiles(broker);
    let profiles = format!("{accounts}:profiles:json");
    // Strangers have as much room as anybody: only the scale is left to hold them.
    let room = ["--room-n0", "1000000", "--room-m", "1000000"];
    let mut scene =
        Scene::new(broker, "json", &[]).with(&[&["--input", &profiles, "--half-life", "40s"], &room[..]].concat());
    scene.start();

    // Young: the scale goes to whoever is first, so that only one has 100.
    let begun = now_ms();
    fans(&scene, "fan", 600, "first");
    scene.wait("the scale is where the first one is", |scene| {
        newest(scene).get("first").is_some_and(|first| first.influence > 250.0 && first.scale < 1.02 * first.influence)
    });
    fans(&scene, "other", 900, "second");
    scene.wait("the scale is where the next first one is", |scene| {
        let newest = newest(scene);
        let second = newest.get("second").filter(|second| second.scale < 1.02 * second.influence);
        second.is_some_and(|second| newest["first"].influence < second.influence && newest["first"].score < 99.0)
    });

    // Older than a half-life, and than the minute in which an application opens: it belongs to everybody.
    let left_ms = u64::try_from(begun + HALF_LIFE_MS.max(60_000) + 15_000 - now_ms()).unwrap_or(0);
    std::thread::sleep(Duration::from_millis(left_ms));
    fans(&scene, "late", 1, "first");
    let before = scale(&scene);
    fans(&scene, "stranger", STRANGERS, "star");
    scene.wait("the star is there", |scene| {
        newest(scene).get("star").is_some_and(|star| star.influence > 2.0 * before.scale)
    });
    for second in 0..15 {
        fans(&scene, &format!("later{second}-"), 1, "first");
        std::thread::sleep(Duration::from_secs(1));
    }
    let lifted = scale(&scene);
    let half_lives = (now_ms() - before.as_of) as f64 / HALF_LIFE_MS as f64;
    let risen = lifted.scale.ln_1p() / before.scale.ln_1p();
    assert!(
        risen <= 0.991_f64.powf(-half_lives),
        "{} to {} votes in {half_lives} half-lives",
        before.scale,
        lifted.scale
    );

    // Suspended: nobody feels it any more.
    let bots: Vec<(String, String)> = (0..STRANGERS)
        .map(|bot| (format!("stranger{bot}"), format!(r#"{{"user":"stranger{bot}","trust":0}}"#)))
        .collect();
    let records: Vec<(&str, Option<&[u8]>)> =
        bots.iter().map(|(key, value)| (&key[..], Some(value.as_bytes()))).collect();
    scene.produce_to(&accounts, &[], &records);
    scene.wait("the scale is back where the first one is", |scene| {
        fans(scene, "more", 1, "first");
        let (scale, newest) = (scale(scene).scale, newest(scene));
        let leads = newest["first"].influence.max(newest["second"].influence);
        newest["star"].influence < 1.0 && scale < 0.8 * before.scale && scale <= 1.1 * leads.max(100.0)
    });
    scene.stop();
}
