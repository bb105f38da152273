//! Rankings by language and country, and by several of them at once.

use serde_json::{Value, json};
use serve::{ServerOptions, Update};
use vocabulary::Removal;
use wire::NameField::{self, Country, Handle, Language, Listed};

use crate::client::Site;

fn call(site: &Site, user: &str, field: NameField, value: Option<&str>) {
    site.view.apply(Update::Called { user, field, value });
}

/// 600 people, of whom the number says all: the score, the network, the language and the country.
fn site() -> Site {
    let site = Site::start(ServerOptions::default());
    for number in 0..600_u32 {
        let user = name(number);
        // What is known before there is a score counts as well.
        let is_early = number.is_multiple_of(2);
        let tell = || {
            call(&site, &user, Language, language(number));
            call(&site, &user, Country, country(number));
        };
        is_early.then(tell);
        site.score(&user, f64::from(number / 2) / 3.0);
        (!is_early).then(tell);
    }
    site.view.caught_up();
    site
}

fn name(number: u32) -> String {
    format!("{}{number:03}", ["u", "x:", "bluesky:did:plc:"][number as usize % 3])
}

fn language(number: u32) -> Option<&'static str> {
    [Some("nl"), Some("en"), None, Some("nl"), Some("pt-BR")][number as usize % 5]
}

fn country(number: u32) -> Option<&'static str> {
    [Some("NL"), None, Some("BE"), Some("Amsterdam"), None, Some("nl"), None][number as usize % 7]
}

/// The people of whom this is true, in the order of the ranking.
fn expected(is_in: impl Fn(u32) -> bool) -> Vec<String> {
    let mut people: Vec<u32> = (0..600).filter(|&number| is_in(number)).collect();
    people.sort_by_key(|&number| (std::cmp::Reverse(number / 2), name(number)));
    people.into_iter().map(name).collect()
}

fn pages(site: &Site, question: &str, limit: usize) -> Vec<Value> {
    let (mut users, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = site.get(&format!("/v1/ranking?{question}&limit={limit}{cursor}")).json();
        users.extend(page["users"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return users };
        cursor = format!("&cursor={next}");
    }
}

#[test]
fn every_filter_has_its_people_in_order_with_their_places_whatever_the_page() {
    let site = site();
    let is_x = |number: u32| number % 3 == 1;
    let is_nl = |number: u32| language(number) == Some("nl");
    let is_of = |number: u32| matches!(country(number), Some("NL" | "nl"));
    let everybody = expected(|_| true);
    let check = |question: &str, expected: Vec<String>| {
        for limit in [1_000, 50, 7] {
            let users = pages(&site, question, limit);
            let names: Vec<&str> = users.iter().map(|user| user["user"].as_str().unwrap()).collect();
            assert_eq!(names, expected, "{question} {limit}");
            for user in &users {
                let higher = users.iter().filter(|other| other["score"].as_f64() > user["score"].as_f64()).count();
                let within = &user["within"];
                assert_eq!(
                    (within["rank"].as_u64(), within["people"].as_u64()),
                    (Some(higher as u64 + 1), Some(users.len() as u64))
                );
                let share = (higher + 1) as f64 / users.len() as f64 * 100.0;
                assert!((within["share"].as_f64().unwrap() - share).abs() < 1e-3, "{within}");
                let place = everybody.iter().position(|name| user["user"] == **name).unwrap();
                let first = everybody.iter().position(|name| {
                    let number = |name: &str| name[name.len() - 3..].parse::<u32>().unwrap() / 2;
                    number(name) == number(&everybody[place])
                });
                assert_eq!(user["rank"].as_u64(), first.map(|first| first as u64 + 1));
            }
        }
        let page = site.get(&format!("/v1/ranking?{question}&limit=3")).json();
        assert_eq!(page["total"], expected.len(), "{question}");
    };
    check("language=nl", expected(is_nl));
    check("language=nl-BE", expected(is_nl));
    check("language=pt", expected(|number| number % 5 == 4));
    check("country=NL", expected(is_of));
    check("country=nl&network=x", expected(|number| is_of(number) && is_x(number)));
    check("network=x&language=nl", expected(|number| is_x(number) && is_nl(number)));
    check("language=nl&country=NL", expected(|number| is_nl(number) && is_of(number)));
    check("network=x&language=nl&country=NL", expected(|number| is_x(number) && is_nl(number) && is_of(number)));
    check("language=de", Vec::new());
    check("language=nl&country=DE", Vec::new());
    check("network=github&language=nl", Vec::new());
}

#[test]
fn a_range_of_scores_narrows_what_is_in_common_and_keeps_the_places() {
    let site = site();
    let users = pages(&site, "network=x&language=nl&min_score=20&max_score=60", 9);
    let all = pages(&site, "network=x&language=nl", 1_000);
    let is_in = |user: &&Value| (20.0..=60.0).contains(&user["score"].as_f64().unwrap());
    assert_eq!(users, all.iter().filter(is_in).cloned().collect::<Vec<_>>());
    assert!(users.len() > 10);
    let page = site.get("/v1/ranking?network=x&language=nl&min_score=20&max_score=60&limit=2").json();
    assert_eq!(page["total"], users.len());
}

#[test]
fn people_come_and_go_change_their_language_and_are_counted() {
    let site = site();
    let counts = |list: &str| {
        let facets = site.get("/v1/facets").json();
        let list = facets[list].as_array().unwrap().clone();
        list.iter()
            .map(|facet| (facet["value"].as_str().unwrap().to_owned(), facet["people"].as_u64().unwrap()))
            .collect::<Vec<_>>()
    };
    let pairs =
        |pairs: &[(&str, u64)]| pairs.iter().map(|(value, people)| ((*value).to_owned(), *people)).collect::<Vec<_>>();
    assert_eq!(counts("languages"), pairs(&[("nl", 240), ("en", 120), ("pt", 120)]));
    assert_eq!(counts("countries"), pairs(&[("NL", 171), ("BE", 86)]), "free text is no country");
    assert_eq!(counts("networks"), pairs(&[("bluesky", 200), ("x", 200)]));

    let user = "x:598";
    call(&site, user, Language, Some("de"));
    let account = site.get(&format!("/v1/users/{user}")).json()["account"].clone();
    assert_eq!(account["language"], json!({"code": "de", "rank": 1, "people": 1, "share": 100.0}));
    assert_eq!(
        (&account["network_rank"], &account["network_people"], &account["network_share"]),
        (&json!(1), &json!(200), &json!(0.5))
    );
    call(&site, user, Language, None);
    assert_eq!(site.get(&format!("/v1/users/{user}")).json()["account"]["language"], Value::Null);
    assert!(counts("languages").iter().all(|(language, _)| language != "de"));

    // Who opts out is in no list, and what was known of them is gone.
    let (gone, silent) = (name(3), name(5));
    let of = |language: &str| pages(&site, &format!("language={language}"), 1_000).len();
    let before = of("nl");
    site.remove(&gone);
    site.remove_for(&silent, Removal::Silent);
    assert_eq!(of("nl"), before - 2);
    site.remove_for(&gone, Removal::OptedIn);
    site.score(&gone, 50.0);
    site.score(&silent, 50.0);
    assert_eq!(of("nl"), before - 1, "what was said of a silent one still holds");

    // Somebody without a name in public is ranked without one, and it is not told how they write.
    let hidden = name(0);
    call(&site, &hidden, Listed, Some("no"));
    let users = pages(&site, "language=nl", 1_000);
    assert!(users.iter().all(|user| user["user"] != *hidden) && users.len() == before - 1);
    assert_eq!(site.get(&format!("/v1/users/{hidden}")).json()["account"]["language"], Value::Null);
    // The table of scores is another one: what accounts are called stays.
    site.view.begin_anew();
    site.score(&silent, 10.0);
    call(&site, &silent, Handle, Some("five"));
    site.view.caught_up();
    assert_eq!((of("nl"), counts("networks")), (1, pairs(&[("bluesky", 1)])));
}

#[test]
fn what_is_no_code_is_refused_and_said() {
    let site = site();
    for (question, told) in [
        ("language=dutch", "language is a code"),
        ("language=", "language is a code"),
        ("language=und", "language is a code"),
        ("country=Netherlands", "country is a code of ISO 3166-1"),
        ("country=XX", "country is a code of ISO 3166-1"),
        ("country=NL&country=BE", "country is there twice"),
        ("lang=nl", "no parameter is called \"lang\""),
    ] {
        let answer = site.get(&format!("/v1/ranking?{question}"));
        assert_eq!(answer.status, 400, "{question}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(told), "{question}: {}", answer.json());
    }
    // A cursor that skips without end ends.
    let cursor = "QKAAAAAxODQ0Njc0NDA3MzcwOTU1MTYxNQ";
    for question in ["network=x", "network=x&language=nl", "limit=1"] {
        assert!(site.get(&format!("/v1/ranking?{question}&cursor={cursor}")).names().is_empty(), "{question}");
    }
}
