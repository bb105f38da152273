//! Whoever posts the codes that were made for their accounts is one person, live and from files, until they post that they are not.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use testbroker::Broker;

use super::jetstream::{Jetstream, Manners, time};
use super::names::Lines;
use super::{Connector, Scene};
use crate::cluster::{get, metric, wait_until};
use crate::common::{done, read, run, unique};
use crate::usage::live::Running;
use crate::web::address_in;

const SOON: Duration = Duration::from_secs(60);
const ANA: &str = "bluesky:did:plc:ana";
const TWIN: &str = "bluesky:did:plc:twin";
const STAR: &str = "bluesky:did:plc:star";
const FEDERATED: &str = "activitypub:https://a.example/users/ana";

/// The line that somebody posts for an account of a person.
fn word(scene: &Scene, key: &str, person: &str, account: &str) -> String {
    let told = done(scene.broker, &["link", "code", account, "--person", person, "--key-file", key]).stdout;
    told.trim_end().split_once("  ").expect("an account and its line").1.to_owned()
}

fn says(lines: &mut Lines, did: &str, rkey: &str, text: &str) {
    lines.commit(did, "create", "feed.post", rkey, &format!(r#","record":{{"text":"{text}"}}"#));
}

/// A connector that has read all lines and hears claims, and the address of its metrics.
fn hears(scene: &Scene, lines: &Lines, key: &str) -> (Jetstream, Connector, String) {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").to_string();
    let server = Jetstream::start(lines.0.clone(), Manners::default());
    let connector = scene.start(&server.url(), &["--links-key", key, "--listen", &free]);
    let last = time(lines.0.last().expect("a line")).to_string();
    wait_until("all is read", SOON, || scene.position("bluesky").as_deref() == Some(&last));
    (server, connector, free)
}

/// What is kept of claims that are not settled.
fn waiting(scene: &Scene) -> Vec<String> {
    let records = read(scene.broker, &format!("{}-connect", scene.application));
    let mut newest = std::collections::BTreeMap::new();
    for record in records.iter().filter(|record| record.key.starts_with(b"bluesky/claim/")) {
        newest.insert(String::from_utf8_lossy(&record.key).into_owned(), !record.value.is_empty());
    }
    newest.into_iter().filter(|(_, is_there)| *is_there).map(|(key, _)| key).collect()
}

#[test]
fn who_claims_their_accounts_by_posts_is_one_person_until_they_say_otherwise() {
    let _room = crate::works();
    let Some(broker) = Broker::shared() else { return };
    let scratch = tempfile::TempDir::new().expect("a folder");
    let path = |name: &str| scratch.path().join(name).to_str().expect("a path").to_owned();
    let (key, other_key) = (path("links.key"), path("other.key"));
    fs::write(&key, [7; 32]).expect("a file");
    fs::write(&other_key, [8; 32]).expect("a file");
    let (app, to, accounts) = (unique("claims"), unique("events"), unique("accounts"));
    let profiles = format!("{accounts}:profiles:json");
    let inputs = ["--application-id", &app, "--input", &to, "--input", &profiles];
    done(broker, &[&["topics", "create", "--inputs", "--partitions", "2"], &inputs[..]].concat());
    let scene = Scene { broker, application: app.clone(), to: to.clone(), accounts, network: &["bluesky"] };
    let _running = Running::start(broker, &[&["run", "--clock", "event", "--lag", "52w"], &inputs[..]].concat());
    let served = Running::start(broker, &[&["serve", "--listen", "127.0.0.1:0"], &inputs[..]].concat());
    wait_until("it serves", SOON, || address_in(&served.said()).is_some());
    let address = address_in(&served.said()).expect("an address").to_owned();
    let person = |name: &str| -> Value {
        let (status, body) = get(&address, &format!("/v1/people/{name}")).unwrap_or_default();
        if status == 200 { serde_json::from_str(&body).unwrap_or_default() } else { Value::Null }
    };
    let accounts_of = |name: &str| person(name)["accounts"].as_array().map_or(0, Vec::len);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_micros();
    let mut lines = Lines(Vec::new(), now - 120_000_000);
    [("ana", 3), ("twin", 2), ("star", 4), ("mallory", 1)].iter().for_each(|(did, fans)| lines.likes(did, *fans));
    let ana = word(&scene, &key, "ana-of-two", ANA);
    says(&mut lines, "ana", "p1", &ana);
    // Nobody else comes to be somebody: not by the code of another one, nor with another key, nor by writing of it, nor by the name.
    says(&mut lines, "mallory", "p1", &ana);
    says(&mut lines, "mallory", "p2", &word(&scene, &key, "ana-of-two", STAR));
    says(&mut lines, "mallory", "p3", &word(&scene, &other_key, "ana-of-two", "bluesky:did:plc:mallory"));
    says(&mut lines, "star", "p1", &format!("see {}", word(&scene, &key, "ana-of-two", STAR)));
    lines.handle("mallory", "ana-of-two.example");
    let (_first, connector, metrics) = hears(&scene, &lines, &key);
    // One account is a person of one.
    wait_until("the first one is shown", SOON, || accounts_of("ana-of-two") == 1);
    let counted = |result: &str| {
        let wanted = format!(r#"clout_connect_claims_total{{network="bluesky",result="{result}"}}"#);
        metric(&metrics, &wanted)
    };
    wait_until("all are counted", SOON, || counted("linked") == 1.0 && counted("wrong") == 3.0);

    // From a file, and another network.
    let status = format!(
        r#"{{"id":"9","uri":"https://a.example/users/ana/statuses/9","url":"https://a.example/@ana/9","visibility":"public","created_at":"2026-07-04T10:00:00Z","content":"<p>{}</p>","account":{{"id":"1","acct":"ana","uri":"https://a.example/users/ana","url":"https://a.example/@ana"}}}}"#,
        word(&scene, &key, "ana-of-two", FEDERATED)
    );
    // Somebody passes it on, which is their act, and not their claim.
    let boost = format!(
        r#"{{"id":"10","uri":"https://a.example/users/bo/statuses/10/activity","visibility":"public","created_at":"2026-07-04T11:00:00Z","content":"","account":{{"id":"2","acct":"bo","uri":"https://a.example/users/bo"}},"reblog":{status}}}"#
    );
    let file = path("statuses.jsonl");
    fs::write(&file, format!("{status}\n{boost}\n")).expect("a file");
    let fed = run(broker, &[&["feed", &file, "--links-key", &key], &inputs[..]].concat());
    assert!(fed.code == Some(0) && fed.stderr.contains("1 claim: linked 1"), "{}", fed.stderr);
    let listed = done(broker, &[&["link", "list", "--json"], &inputs[..]].concat()).stdout;
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let proofs: Vec<_> =
        listed.as_array().expect("links").iter().map(|link| (&link["account"], &link["proof"], &link["url"])).collect();
    let wanted = serde_json::json!([
        [FEDERATED, "claim", "https://a.example/@ana/9"],
        [ANA, "claim", "https://bsky.app/profile/did:plc:ana/post/p1"]
    ]);
    assert_eq!(serde_json::json!(proofs), wanted);

    // The second one on the same network, and all of it once more, as networks do.
    says(&mut lines, "twin", "p1", &word(&scene, &key, "ana-of-two", TWIN));
    connector.kill();
    let (_second, connector, _) = hears(&scene, &lines, &key);
    wait_until("three are one", SOON, || accounts_of("ana-of-two") == 3);
    let received = |word: &str| person("ana-of-two")["received"][word].as_u64();
    wait_until("all of it is added up", SOON, || (received("likes"), received("retweets")) == (Some(5), Some(1)));

    // And no more, whatever was said before.
    says(&mut lines, "ana", "p2", "clout-unlink-me");
    says(&mut lines, "mallory", "p4", "clout-unlink-me");
    connector.kill();
    let (_third, connector, _) = hears(&scene, &lines, &key);
    wait_until("two are left", SOON, || accounts_of("ana-of-two") == 2);
    connector.kill();
    lines.likes("twin", 1);
    let (_fourth, connector, metrics) = hears(&scene, &lines, &key);
    wait_until("nothing is left to be settled", SOON, || waiting(&scene).is_empty());
    assert!(metric(&metrics, r#"clout_connect_claims_total{network="bluesky",result="linked"}"#) == 0.0);
    assert_eq!(accounts_of("ana-of-two"), 2);
    let links = done(broker, &[&["link", "list"], &inputs[..]].concat()).stdout;
    assert!(!links.contains(ANA) && links.contains(TWIN) && links.contains(FEDERATED), "{links}");
    let (code, told) = connector.stop();
    assert!(code == Some(0) && !told.contains("2CQ7"), "{told}");
}
