//! Each route: what it answers, and what it says when it cannot.

use std::sync::Arc;
use std::time::Duration;

use pipeline::Status;
use serde_json::json;
use serve::{Server, ServerOptions, Tokens, Update, ViewOptions};
use vocabulary::Removal;
use wire::{Names, Spelling};

use crate::client::{Site, score_of};

#[test]
fn a_score_has_all_its_parts() {
    let site = Site::with_people();
    site.score("bluesky:did:plc:bö/1", 50.0);
    let answer = site.get("/v1/users/bluesky:did:plc:b%C3%B6%2F1");
    assert_eq!(answer.status, 200);
    let mut score = answer.json();
    assert!(score["influence"].as_f64().unwrap() > 30.0 && score["influence"] == score["reach"]);
    score.as_object_mut().unwrap().retain(|name, _| name != "influence" && name != "reach");
    assert_eq!(
        score,
        json!({
            "user": "bluesky:did:plc:bö/1",
            "account": {
                "network": "bluesky", "network_rank": 1, "network_people": 1, "network_share": 100.0, "language": null,
                "country": null, "handle": null, "display_name": null,
                "url": "https://bsky.app/profile/did:plc:b%C3%B6%2F1", "is_bot": null, "is_listed": true,
            },
            "score": 50.0, "rank": 50, "amplification": 1.0, "network": 1.0,
            "openness": 1.0, "room": 1.0, "audience": 0.0, "received": {"mentions": 1, "retweets": 2, "replies": u64::MAX, "likes": 0, "quotes": 0},
            "followers": 4, "following": 5, "percentile": 49.505, "as_of": "2023-11-14T22:13:20Z", "scale": 1000.0,
            "scale_version": 7, "previous": null, "model_version": 3,
        })
    );
    assert_eq!(site.get("/v1/users/u50").json()["rank"], 50);
    assert_eq!(site.get("/v1/users/u50").json()["account"], json!(null));
    assert_eq!(site.get("/v1/users/u49").json()["rank"], 52);
}

#[test]
fn answers_end_their_line() {
    let site = Site::with_people();
    for path in ["/v1/ranking", "/v1/users/u50", "/v1/status", "/v1/users/nobody", "/v1/ranking?limit=x"] {
        let answer = site.get(path);
        assert!(answer.body.ends_with(b"}\n"), "{path}: {}", String::from_utf8_lossy(&answer.body));
    }
}

#[test]
fn not_rated_and_opted_out_are_told_apart() {
    let site = Site::with_people();
    let nobody = site.get("/v1/users/nobody");
    assert_eq!((nobody.status, &nobody.json()["type"]), (404, &json!("urn:clout:not-rated")));
    assert_eq!(nobody.header("content-type"), Some("application/problem+json"));
    site.remove("u99");
    for path in ["/v1/users/u99", "/v1/users/u99/history", "/v1/users/u99/around"] {
        let gone = site.get(path);
        assert_eq!((gone.status, &gone.json()["type"]), (410, &json!("urn:clout:opted-out")), "{path}");
    }
    assert_eq!(site.get("/v1/ranking?limit=2").names(), ["u98", "u97"]);
    assert!(site.get("/v1/search?prefix=u99").names().is_empty());
    assert_eq!(site.get("/v1/distribution").json()["total"], 99);
    site.remove_for("u99", Removal::OptedIn);
    let back = site.get("/v1/users/u99");
    assert_eq!((back.status, &back.json()["type"]), (404, &json!("urn:clout:not-rated")), "opted in again");
    site.score("u99", 12.0);
    assert_eq!(site.get("/v1/users/u99").json()["score"], 12.0);
}

#[test]
fn people_are_found_under_every_spelling_that_is_folded_into_theirs() {
    let names = Names::new(Spelling::Folded, [""; 0]);
    let folded = Site::of(ViewOptions { names, ..ViewOptions::default() }, ServerOptions::default());
    let exact = Site::start(ServerOptions::default());
    for site in [&folded, &exact] {
        site.score("nasa", 20.0);
        site.score("nasa", 21.0);
        site.score("bo", 5.0);
        site.remove("bo");
        site.view.caught_up();
    }
    for (name, removed) in [("@NASA", "@Bo"), ("https:%2F%2Ftwitter.com%2FNASA", "%20BO")] {
        for place in ["", "/around", "/history"] {
            let path = format!("/v1/users/{name}{place}");
            let (found, missing) = (folded.get(&path), exact.get(&path));
            assert_eq!((found.status, missing.status), (200, 404), "{path}");
            assert!(String::from_utf8(found.body).unwrap().contains("\"user\":\"nasa\""), "{path}");
            assert_eq!(folded.get(&format!("/v1/users/{removed}{place}")).status, 410, "{removed}{place}");
        }
    }
    for (question, found) in
        [("prefix=@NA", "nasa"), ("prefix=https://twitter.com/Nasa", "nasa"), ("contains=@AsA", "nasa")]
    {
        let answer = |site: &Site| site.get(&format!("/v1/search?{question}")).json()["users"].to_string();
        assert!(answer(&folded).contains(found), "{question}: {}", answer(&folded));
        assert_eq!(answer(&exact), "[]", "{question}");
    }
    assert_eq!(folded.get("/v1/users/nasa/history").json()["points"].as_array().unwrap().len(), 1);
}

#[test]
fn many_are_looked_up_at_once() {
    let site = Site::with_people();
    site.remove("u1");
    let json_body = [("content-type", "application/json")];
    let answer = site.ask("POST", "/v1/users/lookup", &json_body, br#"{"users":["u3","u1","x","u2"]}"#).json();
    assert_eq!((&answer["found"][0]["user"], &answer["found"][1]["rank"]), (&json!("u3"), &json!(98)));
    assert_eq!(answer["missing"], json!([{"user": "u1", "reason": "opted-out"}, {"user": "x", "reason": "not-rated"}]));
    let many = serde_json::to_vec(&json!({ "users": vec!["u1"; 1001] })).unwrap();
    for (headers, body, status) in [
        (&json_body[..], &many[..], 400),
        (&json_body[..], b"{\"users\":[1]}", 400),
        (&json_body[..], b"\xff", 400),
        (&[], b"{\"users\":[]}", 415),
        (&json_body[..], &vec![b' '; 2 << 20][..], 413),
    ] {
        assert_eq!(site.ask("POST", "/v1/users/lookup", headers, body).status, status);
    }
    assert_eq!(site.get("/v1/users/lookup").status, 404);
}

/// A burst may carry several people above what 100 stands for: their order is that of their influence.
#[test]
fn those_with_a_score_of_100_are_ranked_by_influence() {
    let site = Site::with_people();
    for (user, influence) in [("anna", 1_000.0), ("bert", 3_000.0), ("cleo", 2_000.0)] {
        let score = vocabulary::Score { influence, ..score_of(100.0) };
        site.view.apply(Update::Scored { user, score: &score, model_version: 3 });
    }
    assert_eq!(site.get("/v1/ranking?limit=4").names(), ["bert", "cleo", "anna", "u99"]);
    let ranks = |path: &str| -> Vec<u64> {
        let users = site.get(path).json()["users"].clone();
        users.as_array().expect("users").iter().map(|user| user["rank"].as_u64().expect("a rank")).collect()
    };
    assert_eq!(ranks("/v1/ranking?min_score=99"), [1, 2, 3, 4]);
    let page = site.get("/v1/ranking?limit=2&min_score=99.5");
    assert_eq!(page.json()["total"], 3);
    let cursor = page.json()["next_cursor"].as_str().expect("more").to_owned();
    assert_eq!(site.get(&format!("/v1/ranking?limit=2&min_score=99.5&cursor={cursor}")).names(), ["anna"]);
}

#[test]
fn the_ranking_is_walked_by_cursor() {
    let site = Site::with_people();
    let mut path = "/v1/ranking?limit=7&min_score=10&max_score=29.5".to_owned();
    let mut names = Vec::new();
    loop {
        let page = site.get(&path);
        assert_eq!(page.json()["total"], 20);
        names.extend(page.names());
        let Some(cursor) = page.json()["next_cursor"].as_str().map(str::to_owned) else { break };
        path = format!("/v1/ranking?limit=7&min_score=10&max_score=29.5&cursor={cursor}");
        // Whoever moves meanwhile is told where they are now, nobody else is told twice.
        site.score("u99", 99.5);
    }
    assert_eq!(names, (10..30).rev().map(|number| format!("u{number}")).collect::<Vec<_>>());
    let all = site.get("/v1/ranking");
    assert_eq!((all.names().len(), all.json().get("next_cursor")), (100, None));
    for bad in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=1&limit=2",
        "cursor=x",
        "min_score=-1",
        "max_score=NaN",
        "page=2",
        "min_score=5&max_score=4",
        "cursor=%FF",
    ] {
        let answer = site.get(&format!("/v1/ranking?{bad}"));
        assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/problem+json")), "{bad}");
    }
}

#[test]
fn around_search_and_distribution() {
    let site = Site::with_people();
    assert_eq!(site.get("/v1/users/u50/around?limit=2").names(), ["u52", "u51", "u50", "u49", "u48"]);
    assert_eq!(site.get("/v1/users/u99/around?limit=1").names(), ["u99", "u98"]);
    assert_eq!(site.get("/v1/users/u0/around?limit=1").names(), ["u1", "u0"]);
    assert_eq!(site.get("/v1/search?prefix=u9&limit=3").names(), ["u99", "u98", "u97"]);
    assert_eq!(site.get("/v1/search?prefix=u").names().len(), 20);
    assert!(site.get("/v1/search?prefix=v").names().is_empty());
    assert_eq!(site.get("/v1/search?contains=8&limit=3").names(), ["u98", "u89", "u88"]);
    assert_eq!(site.get("/v1/search?contains=U9&limit=1").names(), ["u99"]);
    for bad in ["", "?prefix=", "?prefix=u&contains=9"] {
        assert_eq!(site.get(&format!("/v1/search{bad}")).status, 400, "{bad}");
    }
    let spread = site.get("/v1/distribution").json();
    assert_eq!((&spread["total"], spread["buckets"].as_array().unwrap().len()), (&json!(100), 100));
    assert_eq!(spread["buckets"][50], json!({"from": 50, "to": 51, "count": 1}));
    assert_eq!(spread["percentiles"][4], json!({"percent": 50.0, "score": 50.0}));
}

#[test]
fn a_movement_says_why() {
    let site = Site::with_people();
    site.score("u10", 20.5);
    site.score("u10", 18.0);
    let history = site.get("/v1/users/u10/history").json();
    let points = history["points"].as_array().unwrap();
    assert_eq!(points.len(), 2);
    assert_eq!((&points[0]["previous"], &points[0]["score"]), (&json!(10.0), &json!(20.5)));
    for point in points {
        let parts = point["parts"].as_object().unwrap();
        let sum: f64 = parts.values().map(|part| part.as_f64().unwrap()).sum();
        let movement = point["score"].as_f64().unwrap() - point["previous"].as_f64().unwrap();
        assert!((sum - movement).abs() < 1e-4, "{point}");
        assert!((parts["reach"].as_f64().unwrap() - movement).abs() < 1e-4, "{point}");
    }
    assert_eq!(site.get("/v1/users/u11/history").json()["points"], json!([]));
}

/// Significant digits of every number that is not whole, in any depth.
fn digits(value: &serde_json::Value) -> Vec<usize> {
    match value {
        // Counts are exact.
        serde_json::Value::Number(number) if number.is_u64() => Vec::new(),
        serde_json::Value::Number(number) => {
            let text = number.to_string();
            let mantissa = text.split('e').next().unwrap().trim_start_matches(['-', '0', '.']).replace('.', "");
            vec![mantissa.trim_end_matches('0').len()]
        }
        serde_json::Value::Array(list) => list.iter().flat_map(digits).collect(),
        serde_json::Value::Object(object) => object.values().flat_map(digits).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn no_estimate_has_more_than_seven_digits() {
    let site = Site::with_people();
    site.score("u10", 20.123_456_789);
    site.score("u10", 18.987_654_321);
    for path in ["users/u10", "users/u10/history", "users/u10/around", "ranking?limit=100", "distribution"] {
        let answer = site.get(&format!("/v1/{path}"));
        let most = digits(&answer.json()).into_iter().max();
        assert!(
            most.is_some_and(|most| most <= 7),
            "{path}: {most:?} digits in {}",
            String::from_utf8_lossy(&answer.body)
        );
    }
    let history = site.get("/v1/users/u10/history").json();
    assert_eq!(
        (&history["points"][1]["previous"], &history["points"][1]["score"]),
        (&json!(20.12346), &json!(18.98765))
    );
}

#[test]
fn answers_are_tagged_compressed_and_shared_with_other_pages() {
    let options = ServerOptions { cors_origins: vec!["https://example.org".into()], ..ServerOptions::default() };
    let site = Site::start(options);
    site.score("ana", 1.0);
    site.view.caught_up();
    let first = site.get("/v1/users/ana");
    let tag = first.header("etag").unwrap();
    let again = site.ask("GET", "/v1/users/ana", &[("if-none-match", tag)], b"");
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(tag)));
    site.score("ana", 2.0);
    assert_eq!(site.ask("GET", "/v1/users/ana", &[("if-none-match", tag)], b"").status, 200);
    let head = site.ask("HEAD", "/v1/users/ana", &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("etag"), site.get("/v1/users/ana").header("etag"));
    for encoding in ["gzip", "br"] {
        let answer = site.ask("GET", "/v1/distribution", &[("accept-encoding", encoding)], b"");
        assert_eq!(answer.header("content-encoding"), Some(encoding));
    }
    let shared = |origin| {
        let answer = site.ask("GET", "/v1/ranking", &[("origin", origin)], b"");
        answer.header("access-control-allow-origin").map(str::to_owned)
    };
    assert_eq!(shared("https://example.org"), Some("https://example.org".into()));
    assert_eq!(shared("https://example.com"), None);
    // A page may read why it was refused.
    let refused = site.ask("GET", "/nothing", &[("origin", "https://example.org")], b"");
    assert_eq!(refused.header("access-control-allow-origin"), Some("https://example.org"));
    let asks = [("origin", "https://example.org"), ("access-control-request-method", "POST")];
    assert_eq!(site.ask("OPTIONS", "/v1/users/lookup", &asks, b"").status, 200);
}

#[test]
fn what_is_mistyped_is_refused_everywhere() {
    let site = Site::with_people();
    let routes = [
        "users/u1",
        "users/u1/history",
        "users/u1/around",
        "users/lookup",
        "ranking",
        "search",
        "distribution",
        "stream",
        "status",
    ];
    for route in routes {
        assert_eq!(site.get(&format!("/v1/{route}?limmit=1")).status, 400, "{route}");
    }
    assert_eq!(site.get("/health/ready?from=probe").status, 200);
}

#[test]
fn tokens_are_asked_for_where_there_are_some() {
    let tokens = Tokens::parse("a-long-token-for-tests").unwrap();
    let site = Site::start(ServerOptions { tokens: Some(tokens), ..ServerOptions::default() });
    site.score("ana", 1.0);
    site.view.caught_up();
    let with = |token: &str| site.ask("GET", "/v1/users/ana", &[("authorization", &format!("Bearer {token}"))], b"");
    assert_eq!(with("a-long-token-for-tests").status, 200);
    for refused in [with("another-long-token"), site.get("/v1/users/ana"), site.get("/v1/status"), site.get("/metrics")]
    {
        assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer")));
        assert!(!String::from_utf8(refused.body).unwrap().contains("long-token"));
    }
    assert_eq!(site.get("/health/live").status, 200);
    assert_eq!(site.get("/health/ready").status, 200);
    assert_eq!(site.get("/openapi.json").status, 200);
}

#[test]
fn a_pipeline_without_scores_asks_for_tokens_as_well() {
    let options = ServerOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        tokens: Some(Tokens::parse("a-long-token-for-tests").unwrap()),
        ..ServerOptions::default()
    };
    let running = Server::for_pipeline(Arc::new(Status::new(1)), options).start().unwrap();
    let site = Site { view: Arc::default(), running };
    for path in ["/v1/status", "/metrics"] {
        assert_eq!(site.get(path).status, 401, "{path}");
        let with = site.ask("GET", path, &[("authorization", "Bearer a-long-token-for-tests")], b"");
        assert_eq!(with.status, 200, "{path}");
    }
    assert_eq!(site.get("/health/live").status, 200);
}

#[test]
fn a_pipeline_without_scores_says_what_its_port_has() {
    let options = ServerOptions { listen: ([127, 0, 0, 1], 0).into(), ..ServerOptions::default() };
    let running = Server::for_pipeline(Arc::new(Status::new(1)), options).start().unwrap();
    let site = Site { view: Arc::default(), running };
    let index = site.get("/");
    assert_eq!(index.status, 200);
    let text = String::from_utf8(index.body).unwrap();
    let paths: Vec<&str> =
        text.lines().filter(|line| line.starts_with('/')).filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(paths.len(), 5, "{text}");
    paths.iter().for_each(|path| assert_eq!(site.get(path).status, 200, "{path}"));
    // The page for people who mistype leads there, and not to a ranking that this port does not have.
    let nothing = site.ask("GET", "/v1/ranking", &[("accept", "text/html")], b"");
    let text = String::from_utf8(nothing.body).unwrap();
    assert_eq!(nothing.status, 404);
    assert!(text.contains("width=device-width") && text.contains("light dark"), "telephones and dark rooms: {text}");
    assert!(text.contains("No such page") && text.contains("<a href=\"/\">") && !text.contains("ranking"), "{text}");
}

#[test]
fn the_status_says_when_something_was_last_scored() {
    let site = Site::with_people();
    let scored = || site.get("/v1/status").json()["view"]["scored_ms_ago"].as_u64();
    std::thread::sleep(Duration::from_millis(300));
    // What was there at the start may be of any age.
    assert_eq!(scored(), None);
    site.score("u1", 5.0);
    std::thread::sleep(Duration::from_millis(700));
    assert!(scored().is_some_and(|ms| (400..5_000).contains(&ms)), "{:?}", scored());
}

#[test]
fn nothing_is_shown_before_the_view_has_caught_up() {
    let site = Site::start(ServerOptions::default());
    site.score("ana", 1.0);
    for path in ["/v1/users/ana", "/v1/ranking", "/v1/stream", "/health/ready"] {
        let answer = site.get(path);
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{path}");
    }
    let view = json!({"ready": false, "users": 1, "records": 1, "lag": 0, "as_of": "2023-11-14T22:13:20Z"});
    assert_eq!(site.get("/v1/status").json()["view"], view);
    assert_eq!(site.get("/health/live").status, 200);
    site.view.caught_up();
    assert_eq!(site.get("/v1/users/ana").status, 200);
}
