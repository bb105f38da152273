//! People of several networks: the filtered ranking, what accounts are called, and who is not called by name.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use serve::{Part, ServerOptions, Update};
use vocabulary::{Network, Removal};
use wire::NameField::{self, Bot, DisplayName, Handle, Listed, There, Url};

use crate::client::Site;

const FEDIVERSE: &str = "activitypub:https://a.example/users/";

/// 30 people: u0, bluesky:did:plc:1, x:2, u3 and so on, who have the score of their number.
fn site() -> Site {
    let site = Site::start(ServerOptions::default());
    for number in 0..30_u32 {
        let prefix = ["u", "bluesky:did:plc:", "x:"][number as usize % 3];
        site.score(&format!("{prefix}{number}"), f64::from(number));
    }
    site.view.caught_up();
    site
}

fn call(site: &Site, user: &str, field: NameField, value: &str) {
    site.view.apply(Update::Called { user, field, value: Some(value) });
}

fn ranks(answer: &Value, name: &str) -> Vec<u64> {
    let users = answer["users"].as_array().unwrap();
    users.iter().map(|user| user["account"][name].as_u64().or_else(|| user[name].as_u64()).unwrap()).collect()
}

#[test]
fn the_ranking_of_a_network_has_its_people_their_number_and_its_pages() {
    let site = site();
    let mut path = "/v1/ranking?network=bluesky&limit=3&min_score=5".to_owned();
    let mut names = Vec::new();
    loop {
        let page = site.get(&path).json();
        assert_eq!(page["total"], 8, "10 people, less those with 1 and 4 points");
        names.extend(site.get(&path).names());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/ranking?network=bluesky&limit=3&min_score=5&cursor={cursor}");
        // It is live, and nobody is told twice.
        site.score("bluesky:did:plc:1", 29.0);
        site.score("bluesky:did:plc:1", 1.0);
    }
    let expected: Vec<String> = (7..30).step_by(3).rev().map(|number| format!("bluesky:did:plc:{number}")).collect();
    assert_eq!(names, expected);
    let first = site.get("/v1/ranking?network=bluesky&limit=3").json();
    assert_eq!(ranks(&first, "rank"), [2, 5, 8]);
    assert_eq!(ranks(&first, "network_rank"), [1, 2, 3]);
    let all = site.get("/v1/ranking?limit=4").json();
    assert_eq!(all["total"], 30);
    assert_eq!(all["users"][0]["account"]["network"], "x");
    assert_eq!(all["users"][2]["account"], json!(null), "u27 is on no network");

    // Somebody goes, somebody comes; a synonym is the same network.
    site.remove("x:29");
    site.score("twitter:31", 31.0);
    let x = site.get("/v1/ranking?network=twitter&limit=2");
    assert_eq!((x.names(), x.json()["total"].clone()), (vec!["twitter:31".to_owned(), "x:26".to_owned()], json!(10)));
    assert!(site.get("/v1/ranking?network=github").names().is_empty());
    let networks = site.get("/v1/networks").json();
    let people = |word: &str| {
        let networks = networks["networks"].as_array().unwrap();
        networks.iter().find(|network| network["network"] == word).unwrap()["people"].as_u64().unwrap()
    };
    assert_eq!((people("bluesky"), people("x"), people("github"), &networks["others"]), (10, 10, 0, &json!(10)));
    for (bad, detail) in [
        ("network=friendster", "no network is called \"friendster\": there are bluesky, activitypub, x, "),
        ("network=blusky", "did you mean bluesky?"),
        ("network=", "no network is called \"\""),
        ("network=x&network=x", "network is there twice"),
        ("netwrk=x", "did you mean network?"),
    ] {
        let answer = site.get(&format!("/v1/ranking?{bad}"));
        assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/problem+json")), "{bad}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(detail), "{bad}: {}", answer.json());
    }
}

#[test]
fn people_are_shown_and_found_by_what_they_are_called_now() {
    let site = site();
    let (ana, bo) = ("bluesky:did:plc:28", format!("{FEDIVERSE}bo"));
    site.score(&bo, 12.0);
    call(&site, ana, Handle, "Ana.example.com");
    call(&site, ana, DisplayName, "Ana Ærlig");
    call(&site, ana, Bot, "yes");
    call(&site, &bo, Url, "https://a.example/@bo");
    call(&site, &bo, Handle, "bo@a.example");
    call(&site, "bluesky:did:plc:nobody", Handle, "ana.nobody.example");
    let account = site.get(&format!("/v1/users/{ana}")).json()["account"].clone();
    let expected = json!({
        "network": "bluesky", "network_rank": 1, "network_people": 10, "network_share": 10.0, "language": null, "country": null,
        "handle": "Ana.example.com", "display_name": "Ana Ærlig",
        "url": "https://bsky.app/profile/did:plc:28", "is_bot": true, "is_listed": true,
    });
    assert_eq!(account, expected);
    let address = format!("/v1/users/{}", bo.replace('/', "%2F"));
    assert_eq!(site.get(&address).json()["account"]["url"], "https://a.example/@bo");
    let found = |question: &str| site.get(&format!("/v1/search?{question}")).names();
    for question in ["prefix=ana.ex", "prefix=@ANA", "prefix=ana%20%C3%A6", "contains=example.com", "contains=%C3%86rl"]
    {
        assert_eq!(found(question), [ana], "{question}");
    }
    assert_eq!(found("prefix=bo@"), [&*bo]);
    assert_eq!(found("prefix=bluesky:did:plc:28"), [ana], "by the name that is scored as well");

    // A rename shows the new handle with the old score.
    let before = site.get(&format!("/v1/users/{ana}")).json();
    call(&site, ana, Handle, "zoe.example.com");
    let after = site.get(&format!("/v1/users/{ana}")).json();
    assert_eq!((&after["score"], &after["account"]["handle"]), (&before["score"], &json!("zoe.example.com")));
    assert!(found("prefix=ana.ex").is_empty());
    assert_eq!(found("prefix=zoe"), [ana]);

    // Names outlive a score, but not an opt-out.
    site.remove_for(ana, Removal::Silent);
    site.score(ana, 28.0);
    assert_eq!(site.get(&format!("/v1/users/{ana}")).json()["account"]["handle"], "zoe.example.com");
    site.remove(ana);
    call(&site, ana, Handle, "zoe.example.com");
    assert_eq!(site.get(&format!("/v1/users/{ana}")).status, 410);
    assert!(found("prefix=zoe").is_empty());
    site.remove_for(ana, Removal::OptedIn);
    site.score(ana, 28.0);
    assert_eq!(site.get(&format!("/v1/users/{ana}")).json()["account"]["handle"], json!(null));
}

/// Whoever does not agree to be found is scored, and called by name nowhere but in the answer to a question by that name.
#[test]
fn nobody_is_called_by_name_who_does_not_agree_to_be() {
    for (field, hides, shows) in [(Listed, "no", "yes"), (There, "no", "yes")] {
        let site = site();
        let ana = format!("{FEDIVERSE}ana");
        site.score(&ana, 29.5);
        call(&site, &ana, Handle, "ana@a.example");
        call(&site, &ana, DisplayName, "Ana");
        let paths = [
            "/v1/ranking",
            "/v1/ranking?limit=1",
            "/v1/ranking?network=activitypub",
            "/v1/users/x:29/around",
            "/v1/search?prefix=activitypub",
            "/v1/search?prefix=ana",
            "/v1/search?contains=ana",
            "/v1/search?contains=a.example",
        ];
        let tells = |path: &str| String::from_utf8(site.get(path).body).unwrap().contains("a.example");
        for path in paths {
            assert!(tells(path), "{path}");
        }
        call(&site, &ana, field, hides);
        for path in paths {
            assert!(!tells(path), "{path}");
        }
        // Still there, with rank and number.
        let first = site.get("/v1/ranking?limit=1").json();
        assert_eq!((&first["users"][0]["score"], &first["total"]), (&json!(29.5), &json!(31)));
        let pseudonym = first["users"][0]["user"].as_str().unwrap().to_owned();
        assert!(pseudonym.starts_with("unlisted:"), "{pseudonym}");
        assert_eq!(site.get(&format!("/v1/users/{pseudonym}")).status, 404);
        let account = &first["users"][0]["account"];
        let expected = json!({
            "network": "activitypub", "network_rank": 1, "network_people": 1, "network_share": 100.0, "language": null,
            "country": null, "handle": null, "display_name": null, "url": null,
            "is_bot": null, "is_listed": false,
        });
        assert_eq!(account, &expected);
        // Neither does the cursor tell the name, and the next page goes on behind.
        let cursor = first["next_cursor"].as_str().unwrap();
        let decoded = base64_of(cursor);
        assert!(!String::from_utf8_lossy(&decoded).contains("a.example"));
        assert_eq!(site.get(&format!("/v1/ranking?limit=2&cursor={cursor}")).names(), ["x:29", "bluesky:did:plc:28"]);
        // Whoever knows the name is told the score.
        let asked = site.get(&format!("/v1/users/{}", ana.replace('/', "%2F"))).json();
        assert_eq!((&asked["user"], &asked["account"]), (&json!(ana), &expected));
        call(&site, &ana, field, shows);
        for path in paths {
            assert!(tells(path), "{path}");
        }
    }
}

fn base64_of(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Pages end at people who are not named, many of them with one score.
#[test]
fn pages_tell_everybody_once_whoever_is_named() {
    let site = Site::start(ServerOptions::default());
    for number in 0..60_u32 {
        let user = format!("{FEDIVERSE}{number:02}");
        site.score(&user, f64::from(number / 20));
        if number % 3 > 0 {
            call(&site, &user, Listed, "no");
        }
    }
    site.view.caught_up();
    for network in ["", "&network=activitypub"] {
        for limit in [1, 4, 7, 25] {
            let (mut path, mut names) = (format!("/v1/ranking?limit={limit}{network}"), Vec::new());
            loop {
                let answer = site.get(&path);
                names.extend(answer.names());
                let answer = answer.json();
                let Some(cursor) = answer["next_cursor"].as_str() else { break };
                path = format!("/v1/ranking?limit={limit}{network}&cursor={cursor}");
            }
            let told = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!((told, names.len()), (60, 60), "{limit}{network}");
        }
    }
}

/// A million people on three networks: what the filter costs. Run by hand, as it measures: `cargo test --release -p serve --test
/// api -- --ignored --nocapture filter`.
#[test]
#[ignore = "measures"]
fn what_a_filter_costs() {
    let site = Site::start(ServerOptions::default());
    let prefixes = ["bluesky:did:plc:", "activitypub:https://a.example/users/", "x:", "u"];
    for number in 0..1_000_000_u32 {
        // Few are on the last network, and spread over all scores.
        let place = if number % 1_000 == 0 { 2 } else { [0, 1, 3][number as usize % 3] };
        let score = f64::from(number.wrapping_mul(2_654_435_761) >> 8) / f64::from(1_u32 << 24) * 99.0;
        site.score(&format!("{}{number}", prefixes[place]), score);
    }
    site.view.caught_up();
    for network in [None, Some(Network::Bluesky), Some(Network::X)] {
        let mut times: Vec<Duration> = (0..200)
            .map(|_| {
                let began = Instant::now();
                let page = site.view.ranking(Part { network, ..Part::default() }, None, 100);
                assert_eq!(page.users.len(), 100);
                began.elapsed()
            })
            .collect();
        times.sort_unstable();
        eprintln!("{network:?}: the first 100 in {:?}, p99 {:?}", times[100], times[198]);
    }
}
