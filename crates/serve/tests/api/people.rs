//! People with several accounts: what they add up to, where they stand, and who is not told of.

use std::io::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};
use serve::{Keys, Limits, ServerOptions, Update, ViewOptions};
use vocabulary::Removal;
use wire::{Link, NameField, Proof};

use crate::client::{Site, score_of};
use crate::closes::Kept;

pub(crate) fn link(site: &Site, person: &str, accounts: &[&str]) {
    for account in accounts {
        let link = Link {
            account: (*account).to_owned(),
            person: person.to_owned(),
            accounts: accounts.iter().map(|account| (*account).to_owned()).collect(),
            proof: Proof::Claim,
            url: Some("https://a.example/1".to_owned()),
            checked_at: 1_700_000_000_000,
            linked_at: 1_700_000_000_000,
        };
        site.view.apply(Update::Linked { account, link: Some(&link) });
    }
}

fn unlink(site: &Site, account: &str) {
    site.view.apply(Update::Linked { account, link: None });
}

fn call(site: &Site, user: &str, field: NameField, value: &str) {
    site.view.apply(Update::Called { user, field, value: Some(value) });
}

fn number(answer: &Value, name: &str) -> f64 {
    answer[name].as_f64().unwrap_or_else(|| panic!("{name} of {answer}"))
}

/// All people as the ranking tells them: name, rank and influence.
fn ranking(site: &Site, limit: usize) -> Vec<(String, u64, f64)> {
    let mut path = format!("/v1/people?limit={limit}");
    let mut people = Vec::new();
    loop {
        let page = site.get(&path).json();
        for person in page["people"].as_array().unwrap() {
            let (name, rank) = (person["person"].as_str().unwrap().to_owned(), person["rank"].as_u64().unwrap());
            people.push((name, rank, number(person, "influence")));
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/v1/people?limit={limit}&cursor={cursor}"),
            None => return people,
        }
    }
}

#[test]
fn accounts_add_up_to_a_person_who_stands_among_all_people_once() {
    let site = Site::with_people();
    link(&site, "ana", &["u40", "u30", "u20"]);
    let person = site.get("/v1/people/ana").json();
    let by_hand: f64 = [40.0, 30.0, 20.0].map(|score| score_of(score).influence).iter().sum();
    assert!((number(&person, "influence") / by_hand - 1.0).abs() < 1e-6, "{person}");
    let product: f64 =
        ["reach", "amplification", "network", "openness", "room"].map(|part| number(&person, part)).iter().product();
    assert!(((product + number(&person, "audience")) / by_hand - 1.0).abs() < 1e-6, "{person}");
    let points = 100.0 * by_hand.ln_1p() / 1000_f64.ln_1p();
    assert!((number(&person, "score") - points).abs() < 1e-4, "{person}");
    assert_eq!((person["received"]["mentions"].clone(), person["followers"].clone()), (json!(3), json!(12)));
    let accounts: Vec<&str> =
        person["accounts"].as_array().unwrap().iter().map(|part| part["user"].as_str().unwrap()).collect();
    assert_eq!(accounts, ["u40", "u30", "u20"]);
    let shares: f64 = person["accounts"].as_array().unwrap().iter().map(|part| number(part, "share")).sum();
    assert!((shares - 100.0).abs() < 0.001 && person["accounts"][0]["proof"] == "claim", "{person}");

    // By any account as well, and each account tells its person.
    assert_eq!(site.get("/v1/people/u20").json(), person);
    let account = site.get("/v1/users/u20").json();
    assert_eq!((&account["person"]["person"], &account["person"]["rank"]), (&json!("ana"), &person["rank"]));
    assert_eq!(site.get("/v1/users/u21").json().get("person"), None);
    assert_eq!(site.get("/v1/search?prefix=an").names(), ["u40", "u30", "u20"]);

    // Among all people once, on pages of any size; ranks and totals are those of people.
    let all = ranking(&site, 1000);
    assert_eq!(all.len(), 98);
    assert_eq!(site.get("/v1/people").json()["total"], 98);
    assert_eq!(ranking(&site, 7), all);
    assert_eq!(ranking(&site, 1), all);
    let place = all.iter().position(|(name, ..)| name == "ana").unwrap();
    assert_eq!(all[place].1, place as u64 + 1);
    assert!(all.windows(2).all(|pair| pair[0].2 >= pair[1].2 && pair[0].1 < pair[1].1), "{all:?}");
    let lower = all.iter().filter(|(_, _, influence)| *influence < by_hand * 0.999_999).count() as f64;
    assert!((number(&person, "percentile") - 100.0 * lower / 98.0).abs() < 1e-3, "{person}");
    // The ranking of accounts is as it was.
    assert_eq!(site.get("/v1/ranking?limit=1000").names().len(), 100);

    // An account moves: so does the person, and that is remembered.
    site.score("u40", 60.0);
    let moved = site.get("/v1/people/ana").json();
    assert!(number(&moved, "score") > number(&person, "score") + 5.0);
    let points = site.get("/v1/people/ana/history").json()["points"].clone();
    assert_eq!(points.as_array().unwrap().len(), 1);
    assert!((number(&points[0], "score") - number(&moved, "score")).abs() < 1e-4, "{points} {moved}");
}

#[test]
fn who_has_one_account_is_that_account_and_unlinking_leaves_nothing_behind() {
    let site = Site::with_people();
    let before: Vec<Value> = (0..100).map(|number| site.get(&format!("/v1/users/u{number}")).json()).collect();
    let people = ranking(&site, 1000);
    let alone = site.get("/v1/people/u40").json();
    for name in ["score", "rank", "influence", "reach", "network", "percentile", "scale", "as_of", "received"] {
        assert_eq!(alone[name], before[40][name], "{name}");
    }
    assert_eq!((&alone["is_linked"], &alone["accounts"][0]["share"]), (&json!(false), &json!(100.0)));
    link(&site, "ana", &["u40", "u30"]);
    let linked = site.get("/v1/people/ana").body;
    let linked_ranking = ranking(&site, 1000);
    unlink(&site, "u40");
    unlink(&site, "u30");
    assert_eq!(site.get("/v1/people/ana").status, 404);
    assert_eq!(ranking(&site, 1000), people);
    let after: Vec<Value> = (0..100).map(|number| site.get(&format!("/v1/users/u{number}")).json()).collect();
    assert_eq!(after, before);
    link(&site, "ana", &["u40", "u30"]);
    assert_eq!(site.get("/v1/people/ana").body, linked, "linked again: the same bytes");
    assert_eq!(ranking(&site, 1000), linked_ranking);
    // Another person's: the first has what is left.
    link(&site, "bo", &["u30"]);
    let [ana, bo] = ["ana", "bo"].map(|name| site.get(&format!("/v1/people/{name}")).json());
    assert_eq!((&ana["score"], &bo["score"]), (&before[40]["score"], &before[30]["score"]));
    // Whoever has opted out adds nothing any more.
    site.remove("u40");
    assert_eq!(site.get("/v1/people/ana").status, 404);
    assert_eq!(ranking(&site, 1000).len(), 99);
}

#[test]
fn an_account_that_does_not_agree_to_be_found_is_named_in_no_answer_about_its_person() {
    let site = Site::with_people();
    link(&site, "ana", &["u40", "u30", "u20"]);
    call(&site, "u40", NameField::DisplayName, "Ana Lista");
    call(&site, "u30", NameField::DisplayName, "Ana Hidden");
    let whole = site.get("/v1/people/ana").json();
    call(&site, "u30", NameField::Listed, "no");
    let person = site.get("/v1/people/ana").json();
    assert_eq!((&person["influence"], &person["unlisted"]), (&whole["influence"], &json!(1)));
    assert!(number(&person, "unlisted_share") > 0.0);
    assert_eq!(person["called"], "Ana Lista");
    for path in ["/v1/people/ana", "/v1/people?limit=100", "/v1/users/u40", "/v1/search?prefix=an", "/v1/people/u20"] {
        let text = String::from_utf8(site.get(path).body).unwrap();
        assert!(!text.contains("\"u30\"") && !text.contains("Hidden"), "{path}: {text}");
    }
    // Whoever asks for that account hears of it alone.
    let asked = site.get("/v1/people/u30").json();
    assert_eq!((&asked["is_linked"], &asked["accounts"].as_array().unwrap().len()), (&json!(false), &1));
    assert_eq!(site.get("/v1/users/u30").json().get("person"), None);
    // All of them: the person has no name either.
    ["u40", "u20"].iter().for_each(|user| call(&site, user, NameField::Listed, "no"));
    let text = String::from_utf8(site.get("/v1/people?limit=100").body).unwrap();
    assert!(!text.contains("\"ana\"") && !text.contains("Ana Lista") && text.contains("unlisted:"), "{text}");
    // Pages that end with nobody's name go on where they ended.
    (0..100).for_each(|number| call(&site, &format!("u{number}"), NameField::Listed, "no"));
    let pages: Vec<f64> = ranking(&site, 3).into_iter().map(|(_, _, influence)| influence).collect();
    let all: Vec<f64> = ranking(&site, 1000).into_iter().map(|(_, _, influence)| influence).collect();
    assert_eq!(pages, all);
    assert_eq!(all.len(), 98);
}

#[test]
fn people_who_have_not_said_that_they_are_somebody_are_told_to_nobody_below_a_score() {
    let site = Site::of(ViewOptions { unclaimed_below: 20.0, ..ViewOptions::default() }, ServerOptions::default());
    (0..100_u32).for_each(|number| site.score(&format!("u{number}"), f64::from(number)));
    site.view.caught_up();
    call(&site, "u5", NameField::Listed, "yes");
    link(&site, "ana", &["u6", "u7"]);
    let told: Vec<String> = site.get("/v1/ranking?limit=1000").names();
    assert_eq!(told.len(), 83, "80 with 20 points or more, and three who have said so");
    for user in ["u5", "u6", "u7", "u20"] {
        assert_eq!(
            (site.get(&format!("/v1/users/{user}")).status, told.contains(&user.to_owned())),
            (200, true),
            "{user}"
        );
    }
    for user in ["u0", "u4", "u8", "u19"] {
        assert_eq!(site.get(&format!("/v1/users/{user}")).status, 404, "{user}");
        assert_eq!(site.get(&format!("/v1/users/{user}/around")).status, 404, "{user}");
        assert_eq!(site.get(&format!("/v1/users/{user}/history")).status, 404, "{user}");
        assert_eq!(site.get(&format!("/v1/people/{user}")).status, 404, "{user}");
        for path in [
            "/v1/search?prefix=u&limit=100",
            "/v1/search?contains=u&limit=100",
            "/v1/people?limit=1000",
            "/v1/users/u20/around?limit=100",
        ] {
            let text = String::from_utf8(site.get(path).body).unwrap();
            assert!(!text.contains(&format!("\"{user}\"")), "{path} names {user}");
        }
    }
    assert_eq!(site.get("/v1/search?prefix=u1&limit=100").names(), [""; 0], "u1 and u10 to u19");
    // Nor in a part of the ranking.
    for (user, score) in [("x:1", 19.0), ("x:2", 21.0)] {
        site.score(user, score);
        call(&site, user, NameField::Language, "nl");
    }
    for query in ["network=x", "language=nl", "network=x&language=nl"] {
        assert_eq!(site.get(&format!("/v1/ranking?{query}")).names(), ["x:2"], "{query}");
    }
    // With more points they are there at once.
    site.score("u8", 21.0);
    assert_eq!(site.get("/v1/users/u8").status, 200);
}

#[test]
fn people_who_moved_most_are_told_once_with_what_their_accounts_add_up_to() {
    let mut kept = Kept::of(ViewOptions::default(), ServerOptions::default());
    // Each of ana's accounts has moved less than bo, and both together have as well.
    for (user, before) in [("x:1", 30.0), ("x:2", 28.0), ("bo", 20.0), ("cy", 50.0), ("x:3", 40.0)] {
        kept.close(user, 3, before, 3);
    }
    kept.settle();
    let site = &kept.site;
    for (user, now) in
        [("x:1", 36.0), ("x:2", 36.0), ("bo", 30.0), ("cy", 44.0), ("x:3", 40.0), ("x:4", 39.0), ("di", 9.0)]
    {
        site.score(user, now);
    }
    link(site, "ana", &["x:1", "x:2"]);
    // One of eve's accounts is new: it has added all that it has since.
    link(site, "eve", &["x:3", "x:4"]);
    site.view.caught_up();
    let movers = |path: &str| -> Vec<(String, f64)> {
        let answer = site.get(path).json();
        let of = |way: &str| answer[way].as_array().unwrap().clone();
        let moved = |one: Value| (one["person"]["person"].as_str().unwrap().to_owned(), number(&one, "change"));
        of("up").into_iter().chain(of("down")).map(moved).collect()
    };
    let points = |scores: &[f64]| {
        let influence: f64 = scores.iter().map(|score| score_of(*score).influence).sum();
        100.0 * influence.ln_1p() / 1000_f64.ln_1p()
    };
    let expected = [
        ("bo", 10.0),
        ("eve", points(&[40.0, 39.0]) - 40.0),
        ("ana", points(&[36.0, 36.0]) - points(&[30.0, 28.0])),
        ("cy", -6.0),
    ];
    let found = movers("/v1/movers/people");
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((name, change), (expected, by)) in found.iter().zip(expected) {
        assert!(name == expected && (change - by).abs() < 1e-4, "{found:?}, and not {expected} by {by}");
    }
    assert_eq!(movers("/v1/movers/people?limit=1").len(), 2);
    assert_eq!(movers("/v1/movers/people?span=month"), []);
    for query in ["?span=year", "?limit=0", "?of=people"] {
        assert_eq!(site.get(&format!("/v1/movers/people{query}")).status, 400, "{query}");
    }
    // Who is gone since is in no list; what is left of the person has not moved so far.
    site.remove("bo");
    assert!(movers("/v1/movers/people").iter().all(|(name, _)| name != "bo"));
}

#[test]
fn who_takes_a_handle_over_inherits_nothing() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "abcdefghijklmnopqrstuvwx").unwrap();
    let keys = Arc::new(Keys::read(file.path(), Limits::default()).unwrap());
    let view = ViewOptions { klout_ids_of: Some("clout".to_owned()), ..ViewOptions::default() };
    let mut kept = Kept::of(view, ServerOptions { klout: Some(keys), ..ServerOptions::default() });
    kept.close("x:1", 3, 60.0, 3);
    kept.settle();
    let site = &kept.site;
    let klout = |path: &str| {
        let separator = if path.contains('?') { '&' } else { '?' };
        site.get(&format!("{path}{separator}key=abcdefghijklmnopqrstuvwx"))
    };
    site.score("x:1", 70.0);
    // Another network's handle of the same letters is another one.
    site.score("github:5", 10.0);
    call(site, "x:1", NameField::Handle, "Star");
    call(site, "x:1", NameField::DisplayName, "The Star");
    call(site, "github:5", NameField::Handle, "star");
    link(site, "ana", &["x:1", "bluesky:did:plc:a"]);
    site.view.caught_up();
    let before = site.get("/v1/users/x:1").json();
    let id = klout("/v2/identity.json/twitter?screenName=star").json()["id"].clone();

    // Another account has the handle now, with and without the network having said what the first one is called since.
    for (round, (other, says_so)) in [("x:2", true), ("x:3", false)].into_iter().enumerate() {
        if says_so {
            call(site, "x:1", NameField::Handle, "moon");
        } else {
            call(site, "x:1", NameField::Handle, "star");
        }
        call(site, other, NameField::Handle, "star");
        assert_eq!(klout("/v2/identity.json/twitter?screenName=star").status, 404, "{other} has no score yet");
        assert_eq!(klout("/1/klout.json?users=star").status, 404);
        assert_eq!(site.get("/v1/search?prefix=star").names(), ["github:5"]);
        site.score(other, 1.0 + round as f64);
        assert_eq!(site.get("/v1/search?prefix=star").names(), ["github:5", other]);
        assert_eq!(site.get("/v1/search?prefix=@STAR").names(), ["github:5", other]);
        let taker = site.get(&format!("/v1/users/{other}")).json();
        assert_eq!((number(&taker, "score"), taker.get("person")), (1.0 + round as f64, None), "{taker}");
        assert_eq!((&taker["account"]["handle"], &taker["account"]["display_name"]), (&json!("star"), &Value::Null));
        let history = site.get(&format!("/v1/users/{other}/history")).json();
        assert_eq!((&history["closes"], &history["deltas"]["day"]), (&json!([]), &Value::Null));
        assert_eq!(site.get(&format!("/v1/users/{other}/circle")).json()["fans"], json!([]));
        let person = site.get(&format!("/v1/people/{other}")).json();
        assert_eq!((&person["person"], &person["is_linked"]), (&json!(other), &json!(false)));
        // Klout's clients get the account that has the handle, under an id of its own, and nothing of the other.
        let taken = klout("/v2/identity.json/twitter?screenName=star").json()["id"].clone();
        assert_ne!(taken, id);
        let user = klout(&format!("/v2/user.json/{}", taken.as_str().unwrap())).json();
        assert_eq!((&user["nick"], &user["score"]["score"]), (&json!("star"), &taker["score"]), "{user}");
        assert_eq!(user["scoreDeltas"]["dayChange"], 0.0);
        let shown = klout("/1/users/show.json?users=star").json()["users"][0].clone();
        assert_eq!(
            (&shown["twitter_id"], &shown["score"]["kscore"]),
            (&json!(&other[2..]), &json!(1.0 + round as f64))
        );

        // Who had it keeps all but the handle.
        let after = site.get("/v1/users/x:1").json();
        for name in ["score", "influence", "received", "as_of"] {
            assert_eq!(after[name], before[name], "{name}");
        }
        assert_eq!(
            (&after["person"]["person"], &after["account"]["display_name"]),
            (&json!("ana"), &json!("The Star"))
        );
        let handle = if says_so { json!("moon") } else { Value::Null };
        assert_eq!(after["account"]["handle"], handle);
        assert_eq!(site.get("/v1/users/x:1/history").json()["deltas"]["day"], 10.0);
        assert_eq!(klout(&format!("/v2/user.json/{}/score", id.as_str().unwrap())).json()["score"], before["score"]);
        site.view.apply(Update::Removed { user: other, why: Removal::OptedOut });
        assert_eq!(klout("/v2/identity.json/twitter?screenName=star").status, 404, "nobody has it by then");
    }
    assert_eq!(site.get("/v1/users/github:5").json()["account"]["handle"], "star");
    // An opt-out of whoever has it gives it back to nobody either; the same of hosts of their own, which share no handles.
    for (user, handle) in [
        ("activitypub:https://a.example/u", "star"),
        ("activitypub:https://b.example.com/u", "star"),
        ("activitypub:https://c.example.com/u", "star@c.example.com"),
    ] {
        site.score(user, 5.0);
        call(site, user, NameField::Handle, handle);
    }
    assert_eq!(site.get("/v1/users/activitypub:https:%2F%2Fa.example%2Fu").json()["account"]["handle"], "star");
}

#[test]
fn the_scale_of_people_is_that_of_accounts_until_somebody_has_more() {
    let site = Site::with_people();
    link(&site, "ana", &["u40", "u30"]);
    site.view.show_changes();
    assert_eq!(number(&site.get("/v1/people/ana").json(), "scale"), 1000.0);
    // Together more than anybody, from now on: the scale goes up by and by, and nobody falls by more than a point a day.
    link(&site, "bo", &["u99", "u98"]);
    site.view.show_changes();
    let scale = |site: &Site| number(&site.get("/v1/people/u97").json(), "scale");
    let before = number(&site.get("/v1/people/u97").json(), "score");
    assert_eq!((scale(&site), number(&site.get("/v1/people/bo").json(), "score")), (1000.0, 100.0));
    for hour in 1..=48_i64 {
        let later = vocabulary::Score { as_of: 1_700_000_000_000 + hour * 3_600_000, ..score_of(0.0) };
        site.view.apply(Update::Scored { user: "u0", score: &later, model_version: 3 });
        site.view.show_changes();
        if hour == 24 {
            let fell = before - number(&site.get("/v1/people/u97").json(), "score");
            assert!((0.3..=1.0).contains(&fell), "{fell}");
        }
    }
    assert!(scale(&site) > 1_080.0, "{}", scale(&site));
    let account = site.get("/v1/users/u97").json();
    assert_eq!((number(&account, "scale"), number(&account, "score")), (1000.0, before), "accounts stay as they are");
    let people = site.get("/v1/people?limit=3").json();
    let scores: Vec<f64> = people["people"].as_array().unwrap().iter().map(|person| number(person, "score")).collect();
    assert!(scores[0] == 100.0 && scores[1] < before && scores[1] > scores[2], "{scores:?}");
}

#[test]
fn export_has_all_that_is_known_and_wants_a_token() {
    let site = Site::with_people();
    link(&site, "ana", &["u40", "u30"]);
    let refused = site.get("/v1/people/ana/export");
    assert_eq!((refused.status, refused.json()["status"].clone()), (403, json!(403)));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    std::fs::write(&file, "a-token-of-the-operator\n").unwrap();
    let tokens = serve::Tokens::read(&file).unwrap();
    let site = Site::start(ServerOptions { tokens: Some(tokens), ..ServerOptions::default() });
    (0..100_u32).for_each(|number| site.score(&format!("u{number}"), f64::from(number)));
    site.view.caught_up();
    link(&site, "ana", &["u40", "u30"]);
    call(&site, "u30", NameField::Handle, "ana.example");
    call(&site, "u30", NameField::Listed, "no");
    assert_eq!(site.get("/v1/people/ana/export").status, 401);
    let ask = |path: &str| site.ask("GET", path, &[("authorization", "Bearer a-token-of-the-operator")], b"");
    for name in ["ana", "u40", "u30"] {
        let all = ask(&format!("/v1/people/{name}/export")).json();
        assert_eq!(all["person"]["accounts"].as_array().unwrap().len(), 2, "{name}: {all}");
        let hidden =
            all["accounts"].as_array().unwrap().iter().find(|account| account["score"]["user"] == "u30").unwrap();
        assert_eq!((&hidden["handle"], &hidden["agrees_to_be_found"]), (&json!("ana.example"), &json!(false)));
    }
    // Erased: nothing that this server tells has any of it.
    ["u40", "u30"].iter().for_each(|user| site.remove(user));
    ["u40", "u30"].iter().for_each(|user| unlink(&site, user));
    for path in [
        "/v1/people/ana/export",
        "/v1/people/ana",
        "/v1/search?prefix=ana",
        "/v1/search?contains=ana",
        "/v1/ranking?limit=1000",
        "/v1/people?limit=1000",
        "/v1/status",
        "/metrics",
    ] {
        let text = String::from_utf8(ask(path).body).unwrap();
        for trace in ["\"ana\"", "ana.example", "\"u40\"", "\"u30\""] {
            assert!(!text.contains(trace), "{path} has {trace}: {text}");
        }
    }
}

/// Whoever asks for the ranking looks at it again for each person: no writer may come in between and wait for the other.
#[test]
fn a_ranking_with_linked_people_is_told_while_everybody_moves() {
    let site = Site::with_people();
    (0..50).for_each(|pair| {
        link(&site, &format!("p{pair}"), &[&format!("u{pair}"), &format!("u{}", pair + 50)]);
    });
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0_u32;
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                number = (number + 37) % 10_000;
                site.score(&format!("u{}", number % 100), f64::from(number) / 100.0);
            }
        });
        for _ in 0..30 {
            for path in ["/v1/ranking?limit=1000", "/v1/people?limit=1000", "/v1/users/u50/around?limit=20"] {
                assert_eq!(site.get(path).status, 200, "{path}");
            }
        }
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
