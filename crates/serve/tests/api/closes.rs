//! What closes that are kept on disk add to the API: charts, deltas, reasons, movers.

use serde_json::json;
use serve::{ServerOptions, ViewOptions};
use tempfile::TempDir;
use views::{Source, Writer};

use crate::client::{Site, score_of};

const DAY_MS: i64 = 86_400_000;
/// `as_of` of scores is in the day after the newest that has ended.
const TODAY: i64 = 1_700_000_000_000 / DAY_MS;

/// A site whose people closed on days, so many before the one that has not ended.
pub(crate) struct Kept {
    pub(crate) site: Site,
    writer: Writer,
    next: i64,
    _folder: TempDir,
}

impl Kept {
    fn new() -> Kept {
        Kept::of(ViewOptions::default(), ServerOptions::default())
    }

    /// Nobody yet.
    pub(crate) fn of(view: ViewOptions, options: ServerOptions) -> Kept {
        let folder = TempDir::new().unwrap();
        let (mut writer, closes) = views::open(folder.path()).unwrap();
        writer.begin(&Source { topic: "app-history".into(), id: "one".into() }).unwrap();
        let site = Site::of(ViewOptions { closes: Some(closes), ..view }, options);
        Kept { site, writer, next: 0, _folder: folder }
    }

    /// People u0 to u99 with the score of their number, of whom u50 had 10 long ago.
    pub(crate) fn with_people() -> Kept {
        let mut kept = Kept::new();
        kept.close("u50", 40, 10.0, 3);
        kept.settle();
        (0..100_u32).for_each(|number| kept.site.score(&format!("u{number}"), f64::from(number)));
        kept.site.view.caught_up();
        kept
    }

    pub(crate) fn close(&mut self, user: &str, days_ago: i64, score: f64, model_version: u32) {
        self.next += 1;
        let day = TODAY - days_ago;
        let score = vocabulary::Score { as_of: (day + 1) * DAY_MS, ..score_of(score) };
        self.writer.close(0, self.next, &wire::Close { user: user.into(), day, score, model_version }).unwrap();
    }

    pub(crate) fn settle(&mut self) {
        self.writer.commit().unwrap();
        while self.writer.tidy(TODAY as i32, true).unwrap() {}
    }
}

/// Of ana, who rose, bo, who fell, and cy, who is new.
fn kept() -> Kept {
    let mut kept = Kept::new();
    for (days_ago, score) in [(400, 1.0), (40, 10.0), (20, 20.0), (5, 30.0), (2, 35.0), (1, 38.0)] {
        kept.close("ana", days_ago, score, 3);
    }
    kept.close("bo", 3, 60.0, 3);
    kept.close("cy", 1, 5.0, 3);
    kept.settle();
    for (user, score) in [("ana", 40.0), ("bo", 50.0), ("cy", 5.0), ("di", 1.0)] {
        kept.site.score(user, score);
    }
    kept.site.view.caught_up();
    kept
}

#[test]
fn deltas_are_from_the_newest_close_that_is_old_enough() {
    let Kept { site, .. } = &kept();
    let deltas = |user: &str| site.get(&format!("/v1/users/{user}/history")).json()["deltas"].clone();
    // The close of yesterday is less than a day old.
    assert_eq!(deltas("ana"), json!({"day": 5.0, "week": 20.0, "month": 30.0}));
    assert_eq!(deltas("bo"), json!({"day": -10.0, "week": null, "month": null}));
    assert_eq!(deltas("cy"), json!({"day": null, "week": null, "month": null}));
    assert_eq!(deltas("di"), json!({"day": null, "week": null, "month": null}));
}

#[test]
fn the_chart_is_whole_or_of_the_newest_days() {
    let Kept { site, .. } = &kept();
    let days = |query: &str| -> Vec<String> {
        let answer = site.get(&format!("/v1/users/ana/history{query}")).json();
        let closes = answer["closes"].as_array().unwrap().clone();
        closes.iter().map(|close| close["day"].as_str().unwrap().to_owned()).collect()
    };
    let all = ["2022-10-10", "2023-10-05", "2023-10-25", "2023-11-09", "2023-11-12", "2023-11-13"];
    assert_eq!(days(""), all);
    assert_eq!(days("?days=30"), all[2..]);
    assert!(days("?days=0").is_empty());
    assert_eq!(site.get("/v1/users/ana/history?days=-1").status, 400);
    let close = site.get("/v1/users/cy/history").json()["closes"][0].clone();
    let influence = close["influence"].as_f64().unwrap();
    assert!((influence - score_of(5.0).influence).abs() < 1e-5);
    assert_eq!(close, json!({"day": "2023-11-13", "score": 5.0, "influence": influence, "model_version": 3}));
}

#[test]
fn reasons_between_two_days_add_up() {
    let Kept { site, .. } = &kept();
    let get = |query: &str| site.get(&format!("/v1/users/ana/movement{query}"));
    for (query, from, to, change) in [
        ("?from=2023-10-20", "2023-10-05", json!(null), 30.0),
        ("?from=2023-10-05&to=2023-11-01", "2023-10-05", json!("2023-10-25"), 10.0),
        ("?from=2023-11-12&to=2023-11-12", "2023-11-12", json!("2023-11-12"), 0.0),
    ] {
        let answer = get(query).json();
        assert_eq!((&answer["from"]["day"], &answer["to"]["day"]), (&json!(from), &to), "{query}");
        assert_eq!(answer["change"], change, "{query}");
        let parts = answer["parts"].as_object().unwrap();
        let sum: f64 = parts.values().map(|part| part.as_f64().unwrap()).sum();
        assert!((sum - change).abs() < 1e-4 && parts["scale"] == 0.0, "{answer}");
    }
    for query in ["", "?from=", "?from=yesterday", "?from=2023-11-12&to=2023-11-11", "?from=2023-11-12&to=x"] {
        assert_eq!(get(query).status, 400, "{query}");
    }
    let none = get("?from=2022-10-01");
    assert_eq!((none.status, &none.json()["type"]), (404, &json!("urn:clout:no-close")));
    assert_eq!(site.get("/v1/users/nobody/movement?from=2023-10-20").json()["type"], "urn:clout:not-rated");
}

#[test]
fn movers_are_told_the_furthest_first() {
    let Kept { site, .. } = &kept();
    let movers = |query: &str| {
        let answer = site.get(&format!("/v1/movers{query}")).json();
        ["up", "down"].map(|way| -> Vec<(String, f64)> {
            let movers = answer[way].as_array().unwrap();
            movers
                .iter()
                .map(|one| (one["person"]["user"].as_str().unwrap().into(), one["change"].as_f64().unwrap()))
                .collect()
        })
    };
    assert_eq!(movers(""), [vec![("ana".to_owned(), 5.0)], vec![("bo".to_owned(), -10.0)]]);
    assert_eq!(movers("?span=month&limit=1"), [vec![("ana".to_owned(), 30.0)], vec![]]);
    for query in ["?span=year", "?limit=0", "?limit=101", "?days=1"] {
        assert_eq!(site.get(&format!("/v1/movers{query}")).status, 400, "{query}");
    }
    // Who has gone since they were looked for is in no list.
    site.remove("ana");
    assert_eq!(movers(""), [vec![], vec![("bo".to_owned(), -10.0)]]);
    assert_eq!(site.get("/v1/users/ana/history").status, 410);
    assert_eq!(site.get("/v1/users/ana/movement?from=2023-10-20").status, 410);
}

#[test]
fn another_model_is_another_series() {
    let mut kept = Kept::new();
    kept.close("ana", 50, 10.0, 2);
    kept.close("ana", 10, 20.0, 3);
    kept.settle();
    kept.site.score("ana", 25.0);
    kept.site.view.caught_up();
    let answer = kept.site.get("/v1/users/ana/history").json();
    assert_eq!(answer["deltas"], json!({"day": 5.0, "week": 5.0, "month": null}));
    assert_eq!(answer["closes"].as_array().unwrap().len(), 2);
    assert_eq!(kept.site.get("/v1/users/ana/movement?from=2023-10-01").json()["type"], "urn:clout:no-close");
    assert_eq!(kept.site.get("/v1/movers?span=month").json()["up"], json!([]));
}

#[test]
fn the_status_says_how_far_closes_are() {
    let mut kept = kept();
    let closes = |kept: &Kept| kept.site.get("/v1/status").json()["view"]["closes"].clone();
    assert_eq!(closes(&kept), json!({"people": 3, "newest_day": "2023-11-13"}));
    kept.site.view.set_closes_behind(Some(7));
    kept.writer.forget("bo").unwrap();
    assert_eq!(closes(&kept), json!({"people": 2, "lag": 7, "newest_day": "2023-11-13"}));
    let metrics = String::from_utf8(kept.site.get("/metrics").body).unwrap();
    assert!(
        metrics.contains("\nclout_views_lag_records 7\n") && metrics.contains("\nclout_views_people 2\n"),
        "{metrics}"
    );
    assert_eq!(Site::with_people().get("/v1/status").json()["view"]["closes"], json!(null));
}
