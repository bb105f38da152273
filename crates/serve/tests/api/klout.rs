//! Klout's API, asked as its clients of 2011 to 2014 did: their addresses, the order of their parameters, their escapes.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use serve::{Keys, Limits, ServerOptions, Update, ViewOptions};
use wire::NameField::{self, DisplayName, Handle, Listed};

use crate::client::{Answer, Site};
use crate::closes::Kept;

const KEY: &str = "abcdefghijklmnopqrstuvwx";

fn options(limits: Limits) -> (ViewOptions, ServerOptions) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "# of a test\n{KEY}").unwrap();
    let path: PathBuf = file.path().to_owned();
    let keys = Arc::new(Keys::read(&path, limits).unwrap());
    let view = ViewOptions { klout_ids_of: Some("clout".to_owned()), ..ViewOptions::default() };
    (view, ServerOptions { klout: Some(keys), ..ServerOptions::default() })
}

/// People of X, of a network that Klout did not know, and of none.
fn kept() -> Kept {
    let (view, options) = options(Limits::default());
    let mut kept = Kept::of(view, options);
    for (days_ago, score) in [(40, 80.0), (10, 90.0), (7, 91.0), (2, 92.0)] {
        kept.close("x:26565946", days_ago, score, 3);
    }
    kept.settle();
    let people = [
        ("x:26565946", 92.8),
        ("x:7", 54.25),
        ("bluesky:did:plc:a", 40.0),
        ("ana", 75.5),
        ("x:@bo", 12.0),
        ("x:9", 5.0),
    ];
    people.iter().for_each(|(user, score)| kept.site.score(user, *score));
    for (user, field, value) in [
        ("x:26565946", Handle, "JTimberlake"),
        ("x:26565946", DisplayName, "Justin"),
        ("x:7", Handle, "ev"),
        ("bluesky:did:plc:a", Handle, "ana.example"),
        ("x:9", Handle, "shy"),
        ("x:9", Listed, "no"),
    ] {
        call(&kept.site, user, field, value);
    }
    kept.site.view.caught_up();
    kept
}

fn call(site: &Site, user: &str, field: NameField, value: &str) {
    site.view.apply(Update::Called { user, field, value: Some(value) });
}

fn ask(site: &Site, path: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nhost: api.klout.com\r\nconnection: close\r\n\r\n");
    site.send(request.as_bytes())
}

fn told(site: &Site, path: &str) -> Value {
    let answer = ask(site, path);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{path}: {answer:?}");
    answer.json()
}

fn id_of(site: &Site, name: &str) -> String {
    let identity = told(site, &format!("/v2/identity.json/twitter?screenName={name}&key={KEY}"));
    assert_eq!(identity["network"], "ks");
    assert_eq!(identity.as_object().unwrap().len(), 2);
    let id = identity["id"].as_str().unwrap();
    assert!(id.bytes().all(|digit| digit.is_ascii_digit()) && id.parse::<u64>().unwrap() < 1 << 63);
    id.to_owned()
}

#[test]
fn somebody_is_found_by_every_way_that_clients_had() {
    let kept = kept();
    let site = &kept.site;
    let id = id_of(site, "jtimberlake");
    for path in [
        // In whatever case, with the key before the name, escaped, and with what is not known.
        format!("/v2/identity.json/twitter?key={KEY}&screenName=JTIMBERLAKE"),
        format!("/v2/identity.json/twitter?screenName=JTimberlake&key={KEY}&_=1350000000"),
        format!("/v2/identity.json/twitter?screenName=%6ATimberlake&key={KEY}"),
        // As the SDK for PHP, a Java client, and one for Node without the v.
        format!("/v2/identity.json/twitter/?key={KEY}&screenName=jtimberlake"),
        format!("/v2/identity.json/tw/twitter?screenName=jtimberlake&key={KEY}"),
        format!("/2/identity.json/twitter?screenName=jtimberlake&key={KEY}"),
        format!("/v2/identity.json/tw/26565946?key={KEY}"),
        format!("/v2/identity.json/tw/26565946/?key={KEY}"),
        format!("/v2/identity.json/ks/{id}?key={KEY}"),
        format!("/v2/identity.json/klout/{id}/ks?key={KEY}"),
    ] {
        assert_eq!(told(site, &path), json!({"id": id, "network": "ks"}), "{path}");
    }
    // And back.
    for path in
        [format!("/v2/identity.json/klout/{id}/tw?key={KEY}"), format!("/v2/identity.json/klout/{id}?key={KEY}")]
    {
        assert_eq!(told(site, &path), json!({"id": "26565946", "network": "tw"}));
    }
    // Somebody by a handle alone, somebody without a network, somebody of another one.
    assert_ne!(id_of(site, "bo"), id_of(site, "ana"));
    let ana = id_of(site, "ana");
    assert_eq!(
        told(site, &format!("/v2/identity.json/klout/{ana}/tw?key={KEY}")),
        json!({"id": "ana", "network": "tw"})
    );
    assert_eq!(told(site, &format!("/v2/identity.json/tw/ana?key={KEY}"))["id"], *ana);
    let other =
        told(site, &format!("/v2/identity.json/bluesky/did:plc:a?key={KEY}"))["id"].as_str().unwrap().to_owned();
    let back = told(site, &format!("/v2/identity.json/klout/{other}/bluesky?key={KEY}"));
    assert_eq!(back, json!({"id": "did:plc:a", "network": "bluesky"}));
    for path in [
        format!("/v2/identity.json/klout/{other}/tw?key={KEY}"),
        format!("/v2/identity.json/klout/{id}/gp?key={KEY}"),
        format!("/v2/identity.json/twitter?screenName=ana.example&key={KEY}"),
        format!("/v2/identity.json/twitter?key={KEY}"),
        format!("/v2/identity.json/gp/112975106809988327760?key={KEY}"),
        format!("/v2/identity.json/fb/1?key={KEY}"),
        format!("/v2/identity.json/ig/1?key={KEY}"),
        format!("/v2/identity.json/tw/1?key={KEY}"),
        format!("/v2/identity.json/friendster/1?key={KEY}"),
    ] {
        assert_eq!(ask(site, &path).status, 404, "{path}");
    }
}

#[test]
fn a_user_a_score_influence_and_topics_have_klouts_fields() {
    let kept = kept();
    let site = &kept.site;
    let id = id_of(site, "jtimberlake");
    let rounded = |value: &Value| (value.as_f64().unwrap() * 1e3).round() / 1e3;
    let deltas = |value: &Value| ["dayChange", "weekChange", "monthChange"].map(|name| rounded(&value[name]));
    let user = told(site, &format!("/v2/user.json/{id}?key={KEY}"));
    assert_eq!(
        (&user["kloutId"], &user["nick"], &user["score"]["bucket"]),
        (&json!(id), &json!("JTimberlake"), &json!("90-100"))
    );
    assert_eq!((rounded(&user["score"]["score"]), deltas(&user["scoreDeltas"])), (92.8, [0.8, 2.8, 12.8]));
    assert_eq!(user.as_object().unwrap().len(), 4);
    let score = told(site, &format!("/v2/user.json/{id}/score?key={KEY}"));
    assert_eq!(
        (rounded(&score["score"]), &score["bucket"], deltas(&score["scoreDelta"])),
        (92.8, &json!("90-100"), [0.8, 2.8, 12.8])
    );
    assert_eq!(score.as_object().unwrap().len(), 3);
    // Who has no close has not moved, as numbers.
    let ev = id_of(site, "ev");
    let score = told(site, &format!("/v2/user.json/{ev}/score?key={KEY}"));
    assert_eq!(
        score,
        json!({"score": 54.25, "scoreDelta": {"dayChange": 0.0, "weekChange": 0.0, "monthChange": 0.0}, "bucket": "50-59"})
    );
    let influence = told(site, &format!("/v2/user.json/{id}/influence?key={KEY}"));
    let nobody = json!({"myInfluencers": [], "myInfluencees": [], "myInfluencersCount": 0, "myInfluenceesCount": 0});
    assert_eq!(influence, nobody);
    assert_eq!(told(site, &format!("/v2/user.json/{id}/topics?key={KEY}")), json!([]));

    // A rename keeps the id and shows; somebody without a name in public has a number, and who is gone is gone.
    call(site, "x:7", Handle, "evan");
    assert_eq!(told(site, &format!("/v2/user.json/{ev}?key={KEY}"))["nick"], "evan");
    assert_eq!(id_of(site, "evan"), ev);
    let shy = told(site, &format!("/v2/identity.json/tw/9?key={KEY}"))["id"].as_str().unwrap().to_owned();
    assert!(told(site, &format!("/v2/user.json/{shy}?key={KEY}"))["nick"].as_str().unwrap().starts_with("unlisted:"));
    site.remove("x:7");
    for path in [
        format!("/v2/user.json/{ev}?key={KEY}"),
        format!("/v2/identity.json/twitter?screenName=evan&key={KEY}"),
        format!("/v2/identity.json/tw/7?key={KEY}"),
        format!("/v2/identity.json/twitter?screenName=shy&key={KEY}"),
        format!("/v2/identity.json/klout/{shy}/tw?key={KEY}"),
        format!("/1/klout.json?users=evan&key={KEY}"),
    ] {
        assert_eq!(ask(site, &path).status, 404, "{path}");
    }
}

#[test]
fn version_1_takes_up_to_five_people_all_of_them_or_nobody() {
    let kept = kept();
    let site = &kept.site;
    let users = |names: &str| told(site, &format!("/1/klout.json?users={names}&key={KEY}"));
    let pair = |name: &str, score: f64| json!({"twitter_screen_name": name, "kscore": score});
    let both = json!({"status": 200, "users": [pair("JTimberlake", 92.8), pair("ev", 54.25)]});
    for names in ["jtimberlake,ev", "jtimberlake%2Cev", "@JTimberlake,%20ev,", "jtimberlake,ev,"] {
        assert_eq!(users(names), both, "{names}");
    }
    // As a client for Python orders them.
    assert_eq!(
        told(site, &format!("/1/klout.json?key={KEY}&users=ev")),
        json!({"status": 200, "users": [pair("ev", 54.25)]})
    );
    assert_eq!(users("ana")["users"][0], pair("ana", 75.5));
    assert_eq!(users("jtimberlake,ev,ana,bo,ev")["users"].as_array().unwrap().len(), 5);
    for (names, status) in [("ev,nobody", 404), ("nobody", 404), ("", 404), (",", 404), ("ev,ev,ev,ev,ev,ev", 400)] {
        let answer = ask(site, &format!("/1/klout.json?users={names}&key={KEY}"));
        assert_eq!((answer.status, answer.header("content-type")), (status, Some("application/json")), "{names}");
        let body = answer.json();
        assert_eq!((&body["status"], &body["error"]), (&json!(status), &json!(status)), "{names}");
        assert!(body["body"]["error"].is_string() && body["users"].is_null());
    }
    let shown = told(site, &format!("/1/users/show.json?users=jtimberlake&key={KEY}"));
    let user = &shown["users"][0];
    assert_eq!((&user["twitter_id"], &user["twitter_screen_name"]), (&json!("26565946"), &json!("JTimberlake")));
    let score = &user["score"];
    assert_eq!(
        (&score["kscore"], &score["delta_1day"], &score["delta_5day"]),
        (&json!(92.8), &json!(0.8), &json!(1.8))
    );
    assert_eq!(
        (&score["slope"], &score["kclass"], &score["kclass_id"]),
        (&json!(0.36), &json!("Thought Leader"), &json!(13))
    );
    assert_eq!((&score["amplification_score"], &score["network_score"]), (&json!(20.0), &json!(0.0)));
    assert_eq!(score["true_reach"].as_u64(), Some(((92.8_f64 / 100.0 * 1000_f64.ln_1p()).exp_m1()).round() as u64));
    for text in ["description", "kclass_description", "kscore_description"] {
        assert!(score[text].is_string(), "{text}");
    }
    let of_ana = told(site, &format!("/1/users/show.json?users=ana&key={KEY}"));
    assert!(of_ana["users"][0]["twitter_id"].as_str().unwrap().parse::<i64>().is_ok(), "clients read a number from it");
    let list = |path: &str| told(site, &format!("{path}?users=ev,ana&key={KEY}"))["users"].clone();
    let each =
        |name: &str| json!([{"twitter_screen_name": "ev", (name): []}, {"twitter_screen_name": "ana", (name): []}]);
    assert_eq!(list("/1/users/topics.json"), each("topics"));
    assert_eq!(list("/1/soi/influenced_by.json"), each("influencers"));
    assert_eq!(list("/1/soi/influencer_of.json"), each("influencees"));
}

#[test]
fn errors_are_klouts_and_never_html() {
    let kept = kept();
    let site = &kept.site;
    let (id, long) = (id_of(site, "ev"), "x".repeat(9_000));
    let no_key = json!({"error": 403, "description": "Invalid or unprovided API key. All calls must have a key."});
    for path in
        ["/v2/identity.json/twitter?screenName=ev", "/v2/user.json/1?key=", "/v2/user.json/1?key=nobody", "/v2/nothing"]
    {
        let answer = ask(site, path);
        assert_eq!((answer.status, answer.header("content-type")), (403, Some("application/json")), "{path}");
        assert_eq!(
            (answer.header("x-mashery-error-code"), answer.json()),
            (Some("ERR_403_DEVELOPER_INACTIVE"), no_key.clone())
        );
    }
    for (path, status) in [
        ("/v2".to_owned(), 404),
        ("/v2/".to_owned(), 404),
        ("/1".to_owned(), 404),
        (format!("/v2/user.json?key={KEY}"), 404),
        (format!("/v2/user.json//score?key={KEY}"), 404),
        (format!("/v2/user.json/{id}/friends?key={KEY}"), 404),
        (format!("/v2/user.json/{id}/score/more?key={KEY}"), 404),
        (format!("/v2/user.xml/{id}?key={KEY}"), 404),
        (format!("/v2/user.json/0{id}?key={KEY}"), 404),
        (format!("/v2/user.json/-1?key={KEY}"), 404),
        (format!("/v2/user.json/99999999999999999999999999?key={KEY}"), 404),
        (format!("/v2/user.json/%FF%00%2F..?key={KEY}"), 404),
        (format!("/v2/user.json/%?key={KEY}&%&=&&"), 404),
        (format!("/v2/identity.json/tw/../../../etc/passwd?key={KEY}"), 404),
        (format!("/v2/identity.json/twitter?screenName=%00%FF&key={KEY}"), 404),
        (format!("/v2/identity.json/twitter?screenName=bluesky:did:plc:a&key={KEY}"), 404),
        (format!("/v2/identity.json/tw/bluesky:did:plc:a?key={KEY}"), 404),
        (format!("/1/klout.xml?users=ev&key={KEY}"), 404),
        (format!("/1/klout.json?key={KEY}"), 404),
        (format!("/v2/user.json/{long}?key={KEY}"), 414),
    ] {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: api.klout.com\r\naccept: text/html\r\nconnection: close\r\n\r\n");
        let answer = site.send(request.as_bytes());
        assert_eq!((answer.status, answer.header("content-type")), (status, Some("application/json")), "{path}");
        assert_eq!(answer.json()["error"], status, "{path}");
        assert!(answer.json()["description"].is_string());
    }
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let answer = site.ask(method, &format!("/v2/user.json/{id}?key={KEY}"), &[], b"");
        assert_eq!((answer.status, answer.json()["error"].as_u64()), (405, Some(405)), "{method}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert!(answer.header("allow").is_some_and(|allow| allow.contains("GET")));
    }
    let head = site.ask("HEAD", &format!("/v2/user.json/{id}?key={KEY}"), &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    // The name that clients ask under is one of Klout's addresses alone.
    let request = |path: &str, host: &str| {
        site.send(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes())
    };
    assert_eq!(request("/v1/ranking", "api.klout.com").status, 421);
    let other = request(&format!("/v2/user.json/{id}?key={KEY}"), "evil.example");
    assert_eq!((other.status, other.header("content-type")), (421, Some("application/json")));
    // Through a proxy the address is whole.
    assert_eq!(request(&format!("http://api.klout.com/v2/user.json/{id}?key={KEY}"), "api.klout.com").status, 200);
    assert_eq!(request(&format!("/v2/user.json/{id}?key={KEY}"), "localhost").status, 200);
}

#[test]
fn whatever_is_asked_is_answered_in_json() {
    let kept = kept();
    let site = &kept.site;
    let id = id_of(site, "ev");
    let pieces = [
        "v2",
        "1",
        "2",
        "user.json",
        "identity.json",
        "klout.json",
        "twitter",
        "tw",
        "ks",
        "klout",
        &id,
        "score",
        "%",
        "%2F",
        "%00",
        "..",
        "",
        "%C3%A4",
        "ä",
        "soi",
        "users",
        "show.json",
        "topics",
    ];
    let queries = [
        "",
        "?",
        "?key=",
        "?key=%",
        &format!("?key={KEY}"),
        &format!("?key={KEY}&users=%2C%2C"),
        &format!("?key={KEY}&users=ev,%FF"),
        &format!("?users=ev&screenName=%F0%9F%98%80&key={KEY}"),
        &format!("?key={KEY}&key=other&screenName=ev;users=ev"),
    ];
    let (mut seed, mut statuses) = (7_u64, BTreeSet::new());
    let mut draw = |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % most
    };
    for _ in 0..400 {
        let mut path = format!("/{}", ["v2", "1", "2"][draw(3)]);
        (0..draw(5)).for_each(|_| path.push_str(&format!("/{}", pieces[draw(pieces.len())])));
        path.push_str(queries[draw(queries.len())]);
        let answer = ask(site, &path);
        // What is no address at all is refused before anybody looks at it.
        if path.contains('ä') {
            assert!(matches!(answer.status, 200 | 400 | 403 | 404), "{path}");
            continue;
        }
        assert_eq!(answer.header("content-type"), Some("application/json"), "{path}: {answer:?}");
        let body = answer.json();
        assert!(answer.status == 200 || body["error"] == answer.status, "{path}");
        statuses.insert(answer.status);
    }
    assert!(statuses.iter().all(|status| [200, 403, 404].contains(status)), "{statuses:?}");
}

#[test]
fn without_keys_it_is_not_there_and_before_the_scores_are_it_says_so() {
    let site = Site::with_people();
    assert_eq!((site.get("/v2/user.json/1").status, site.get("/1/klout.json").status), (404, 404));
    assert_eq!(site.get("/v2/user.json/1").header("content-type"), Some("application/problem+json"));
    let (view, options) = options(Limits::default());
    let site = Site::of(view, options);
    let answer = ask(&site, &format!("/v2/user.json/1?key={KEY}"));
    assert_eq!(
        (answer.status, answer.json()["error"].as_u64(), answer.header("retry-after")),
        (503, Some(503), Some("5"))
    );
}

#[test]
fn a_key_that_asks_too_much_hears_what_klouts_did() {
    let (view, options) = options(Limits { calls_per_second: None, calls_per_day: Some(3) });
    let site = Site::of(view, options);
    site.score("ana", 20.0);
    site.view.caught_up();
    let path = format!("/v2/identity.json/twitter?screenName=ana&key={KEY}");
    let statuses = [(); 4].map(|()| ask(&site, &path).status);
    assert_eq!(statuses, [200, 200, 200, 403]);
    let answer = ask(&site, &path);
    assert_eq!(answer.header("x-mashery-error-code"), Some("ERR_403_DEVELOPER_OVER_RATE"));
    assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() <= 86_400);
    assert_eq!(answer.json(), json!({"error": 403, "description": "Over rate limit."}));
}

#[test]
fn ids_are_those_of_before_after_a_restart() {
    let (one, other) = (kept(), kept());
    for name in ["jtimberlake", "ev", "ana", "bo"] {
        assert_eq!(id_of(&one.site, name), id_of(&other.site, name));
    }
}
