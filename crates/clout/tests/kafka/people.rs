//! Who is meant by a record, and who goes: names that differ in writing, names of nobody, people who leave or are forgotten.

use std::collections::BTreeMap;

use influence::Partitioner;
use testbroker::Broker;
use vocabulary::Score;

use crate::common::{header, read};
use crate::scene::{PARTITIONS, Scene, topic_of_profiles};

const HOUR: i64 = 3_600_000;
const BEGIN: i64 = 1_600_000_000_000;

fn shard(name: &str) -> u16 {
    Partitioner::Murmur2.partition(name, PARTITIONS as u16)
}

/// The first name of this kind that holds.
fn name(kind: &str, holds: impl Fn(&str) -> bool) -> String {
    (0..).map(|number| format!("{kind}{number}")).find(|name| holds(name)).expect("there are many")
}

/// What the newest record about each person says: a score, or why there is none any more.
fn people(scene: &Scene<'_>) -> BTreeMap<String, Result<Score, String>> {
    let newest = |record: &crate::common::Record| {
        let name = String::from_utf8(record.key.clone()).expect("a name");
        if record.value.is_empty() {
            return (name, Err(header(record, "clout.removed").unwrap_or("no reason").to_owned()));
        }
        let (user, score) = wire::decode_score(&record.value).expect("a score");
        assert_eq!(user, name);
        (name, Ok(score))
    };
    read(scene.broker, &format!("{}-scores", scene.id)).iter().map(newest).collect()
}

fn retweets(scene: &Scene<'_>, name: &str) -> Option<u64> {
    people(scene).get(name)?.as_ref().ok().map(|score| score.received.of(vocabulary::Kind::Retweet))
}

fn is_removed(scene: &Scene<'_>, name: &str, reason: &str) -> bool {
    people(scene).get(name).is_some_and(|newest| newest.as_ref().err().is_some_and(|why| why == reason))
}

/// A retweet under a key; actor and target are written as JSON.
fn act(scene: &Scene<'_>, key: &str, actor: &str, target: &str, at: i64, more: &str) {
    let value = format!(r#"{{"actor":{actor},"target":{target},"kind":"retweet","at":{at}{more}}}"#);
    scene.produce(&[], &[(key, value.as_bytes())]);
}

/// A record of the topic of profiles; a tombstone without a value.
fn profile(scene: &Scene<'_>, topic: &str, key: &str, value: Option<&str>) {
    scene.produce_to(topic, &[], &[(key, value.map(str::as_bytes))]);
}

#[test]
fn people_are_found_erased_renewed_and_forgotten_on_a_real_broker() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let accounts = topic_of_profiles(broker);
    let profiles = format!("{accounts}:profiles:json");
    let mut scene = Scene::new(broker, "json", &[]).with(
        &[
            &["--input", &profiles, "--clock", "event", "--half-life", "1h", "--forget-after", "1h"][..],
            &["--names", "folded", "--ignore-user", "NA", "--dedup-window", "1d"],
        ]
        .concat(),
    );
    scene.start();
    // Of one shard: what an opt-in renews holds there at once.
    let fan = name("ana", |name| shard(name) == shard("bo"));
    let elsewhere = name("eve", |name| shard(name) != shard(&name.to_uppercase()));

    // Names that differ in writing are one person, numbers are names, and large ones are exact.
    act(&scene, &fan, &format!(r#""@{}""#, fan.to_uppercase()), r#""BO""#, BEGIN, "");
    act(&scene, "carl", r#"" Carl ""#, r#""https://twitter.com/Bo""#, BEGIN, "");
    let id = 9_007_199_254_740_993_u64;
    act(&scene, "42", "42", &id.to_string(), BEGIN, r#","id":9007199254740993"#);
    act(&scene, "42", "42", &id.to_string(), BEGIN, r#","id":9007199254740993"#);
    act(&scene, "42", "42", &id.to_string(), BEGIN, r#","id":9007199254740992"#);
    // Nobody acts, somebody acts on nobody, and one act lies where its actor is not.
    act(&scene, "na", r#""NA""#, r#""bo""#, BEGIN, "");
    act(&scene, &fan, &format!(r#""{fan}""#), r#""na""#, BEGIN, "");
    let key = elsewhere.to_uppercase();
    act(&scene, &key, &format!(r#""{key}""#), r#""bo""#, BEGIN, "");
    let number = id.to_string();
    scene.wait("all are rated", |scene| retweets(scene, "bo") == Some(2) && retweets(scene, &number) == Some(2));
    scene.wait("all are taken", |scene| scene.metric("clout_input_records_total") == 8.0);
    assert_eq!(people(&scene).into_keys().collect::<Vec<_>>(), [number.as_str(), "bo"]);
    assert_eq!(scene.metric("clout_ignored_records_total"), 2.0);
    let [letter] = &read(broker, &scene.letters())[..] else { panic!("one dead letter") };
    assert_eq!(letter.key, key.as_bytes());

    // Out, and in again: from nothing.
    profile(&scene, &accounts, "bo", Some(r#"{"user":"@Bo","opted_out":true}"#));
    profile(&scene, &accounts, &number, None);
    scene
        .wait("both are gone", |scene| is_removed(scene, "bo", "opted-out") && is_removed(scene, &number, "opted-out"));
    profile(&scene, &accounts, "bo", Some(r#"{"user":"BO","opted_out":false}"#));
    scene.wait("one is back", |scene| is_removed(scene, "bo", "opted-in"));
    act(&scene, "42", "42", &number, BEGIN, "");
    act(&scene, &fan, &format!(r#""{fan}""#), r#""bo""#, BEGIN, "");
    scene.wait("from nothing", |scene| retweets(scene, "bo") == Some(1));
    assert!(is_removed(&scene, &number, "opted-out"), "an act that arrives late brings nobody back");

    // Nobody acts on them for a window of six hours and one more.
    for day in 1..4 {
        act(&scene, &fan, &format!(r#""{fan}""#), r#""di""#, BEGIN + day * 24 * HOUR, "");
        act(&scene, "42", "42", r#""di""#, BEGIN + day * 24 * HOUR, "");
        let so_far = (day * 2) as u64;
        scene.wait("the next day is there", |scene| retweets(scene, "di") == Some(so_far));
    }
    scene.wait("the silent are forgotten", |scene| is_removed(scene, "bo", "silent"));
    scene.stop();
    let left: Vec<_> = people(&scene).into_iter().filter_map(|(name, newest)| newest.ok().map(|_| name)).collect();
    assert_eq!(left, ["di"]);
    assert_eq!(read(broker, &scene.letters()).len(), 1);
}
