//! What credits that are kept on disk add to the API: who influences whom, and people among the reasons of a movement.

use std::sync::Arc;

use serde_json::{Value, json};
use serve::{ServerOptions, ViewOptions};
use tempfile::TempDir;
use views::{CirclesWriter, Source, Writer};
use vocabulary::Kind;
use wire::{Credit, Credits};

use crate::client::{Site, score_of};

const DAY_MS: i64 = 86_400_000;
/// `as_of` of scores is in the day after the newest that has ended.
const TODAY: i64 = 1_700_000_000_000 / DAY_MS;

struct Kept {
    site: Site,
    closes: Writer,
    circles: CirclesWriter,
    _folder: TempDir,
}

fn key(user: &str) -> u64 {
    user.bytes().fold(7, |key: u64, byte| (key ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn credit(actor: &str, target: &str, days_ago: i64, votes: f32, kind: Kind) -> Credit {
    let at = (TODAY - days_ago) * DAY_MS + 3_600_000;
    Credit { actor: key(actor), target: key(target), kind, at, subject: 0, votes, rate: 2.0 }
}

/// Of ana, who has fans of long ago and new ones, and acts on bo.
fn kept() -> Kept {
    let folder = TempDir::new().unwrap();
    let (mut closes, reader) = views::open(folder.path()).unwrap();
    closes.begin(&Source { topic: "app-history".into(), id: "one".into() }).unwrap();
    let site = Site::of(ViewOptions { closes: Some(reader), ..ViewOptions::default() }, ServerOptions::default());
    site.view.learn_keys(Arc::new(key));
    let mut circles = closes.circles(site.view.known()).unwrap();
    circles.begin(&Source { topic: "app-credits".into(), id: "one".into() }).unwrap();
    for (next, (days_ago, score)) in (1..).zip([(20, 10.0), (5, 20.0)]) {
        let day = TODAY - days_ago;
        let score = vocabulary::Score { as_of: (day + 1) * DAY_MS, ..score_of(score) };
        closes.close(0, next, &wire::Close { user: "ana".into(), day, score, model_version: 3 }).unwrap();
    }
    closes.commit().unwrap();
    let credits = vec![
        credit("bo", "ana", 25, 3.0, Kind::Mention),
        credit("bo", "ana", 3, 1.0, Kind::Retweet),
        credit("cy", "ana", 2, 2.0, Kind::Retweet),
        credit("ghost", "ana", 2, 4.0, Kind::Like),
        credit("ana", "bo", 1, 0.5, Kind::Reply),
    ];
    let ageing = 30 * DAY_MS;
    circles.take(0, 1, &Credits { half_life_ms: ageing, window_ms: 6 * ageing, credits, rated: Vec::new() }).unwrap();
    circles.commit().unwrap();
    for (user, score) in [("ana", 25.0), ("bo", 50.0), ("cy", 5.0), ("di", 1.0)] {
        site.score(user, score);
    }
    site.view.caught_up();
    Kept { site, closes, circles, _folder: folder }
}

fn users(answer: &Value, side: &str) -> Vec<(String, f64)> {
    let parts = answer[side].as_array().unwrap().iter();
    parts
        .map(|part| (part["person"]["user"].as_str().unwrap().to_owned(), part["person"]["score"].as_f64().unwrap()))
        .collect()
}

#[test]
fn a_circle_has_those_who_give_most_with_their_scores() {
    let Kept { site, .. } = &kept();
    let circle = |query: &str| site.get(&format!("/v1/users/ana/circle{query}")).json();
    let month = circle("");
    assert_eq!((month["user"].clone(), month["by"].clone()), (json!("ana"), json!("month")));
    assert_eq!(users(&month, "fans"), [("bo".to_owned(), 50.0), ("cy".to_owned(), 5.0)], "nobody without a score");
    assert_eq!(users(&month, "idols"), [("bo".to_owned(), 50.0)]);
    let number = |value: &Value| value.as_f64().unwrap();
    let (fans, all) = (month["fans"].as_array().unwrap(), number(&month["fans_votes"]));
    let named: f64 = fans.iter().map(|fan| number(&fan["votes"])).sum();
    assert!(all > named + 3.0, "{month}");
    assert!(fans.iter().all(|fan| (number(&fan["share"]) - number(&fan["votes"]) / all).abs() < 1e-5), "{month}");
    assert_eq!(users(&circle("?by=week"), "fans").first().map(|(user, _)| user.clone()), Some("cy".to_owned()));
    let day = users(&circle("?by=day"), "fans");
    assert_eq!(day, [("cy".to_owned(), 5.0)], "of a whole day, and of what has passed of today");
    for query in ["?by=year", "?by=", "?span=day"] {
        assert_eq!(site.get(&format!("/v1/users/ana/circle{query}")).status, 400, "{query}");
    }
    assert_eq!(site.get("/v1/users/nobody/circle").status, 404);
    assert_eq!(users(&site.get("/v1/users/di/circle").json(), "fans"), []);
    // Where nothing is kept there is nobody.
    let empty = Site::with_people().get("/v1/users/u50/circle").json();
    assert_eq!((&empty["fans"], &empty["fans_votes"]), (&json!([]), &json!(0.0)));
}

#[test]
fn whoever_opts_out_is_in_no_circle_and_in_no_reason() {
    let mut kept = kept();
    kept.site.remove("bo");
    let answer = kept.site.get("/v1/users/ana/circle").json();
    assert_eq!((users(&answer, "fans").len(), users(&answer, "idols").len()), (1, 0), "at once");
    assert!(!kept.site.get("/v1/users/ana/movement?from=2023-11-01").json().to_string().contains("\"bo\""));
    kept.circles.forget("bo").unwrap();
    let answer = kept.site.get("/v1/users/ana/circle").json();
    assert_eq!(users(&answer, "fans"), [("cy".to_owned(), 5.0)]);
    assert_eq!(kept.site.get("/v1/users/bo/circle").status, 410);
    kept.closes.forget("bo").unwrap();
}

#[test]
fn people_among_the_reasons_add_up() {
    let Kept { site, .. } = &kept();
    for (query, new, known) in
        [("?from=2023-10-25", 2, 1), ("?from=2023-11-09", 2, 1), ("?from=2023-10-25&to=2023-11-09", 0, 0)]
    {
        let answer = site.get(&format!("/v1/users/ana/movement{query}")).json();
        let (people, parts) = (&answer["people"], &answer["parts"]);
        let number = |value: &Value| value.as_f64().unwrap();
        assert_eq!(
            (&people["new_fans"]["people"], &people["known_fans"]["people"]),
            (&json!(new), &json!(known)),
            "{answer}"
        );
        let fans = number(&people["new_fans"]["points"]) + number(&people["known_fans"]["points"]);
        let sum = fans + number(&people["worth"]) + number(&people["time"]);
        let by_factors: f64 = ["reach", "amplification", "network"].iter().map(|part| number(&parts[part])).sum();
        assert!((sum - by_factors).abs() < 1e-4, "{answer}");
        let kinds: f64 = people["kinds"].as_array().unwrap().iter().map(|kind| number(&kind["points"])).sum();
        assert!((kinds - fans).abs() < 1e-4, "{answer}");
        assert!(number(&people["time"]) <= 0.0, "{answer}");
    }
    let answer = site.get("/v1/users/ana/movement?from=2023-10-25").json();
    assert_eq!(answer["people"]["new_fans"]["largest"][0]["user"], "cy", "the largest has no name: {answer}");
    assert_eq!(answer["people"]["known_fans"]["largest"][0]["user"], "bo");
}

#[test]
fn the_status_says_how_far_circles_are() {
    let kept = kept();
    kept.site.view.set_circles_behind(Some(9));
    let circles = kept.site.get("/v1/status").json()["view"]["circles"].clone();
    assert_eq!(circles, json!({"accounts": 4, "lag": 9, "newest_day": "2023-11-13"}));
    let metrics = String::from_utf8(kept.site.get("/metrics").body).unwrap();
    assert!(metrics.contains("\nclout_circles_lag_records 9\n"), "{metrics}");
    assert!(metrics.contains("\nclout_circles_accounts 4\n"), "{metrics}");
}
