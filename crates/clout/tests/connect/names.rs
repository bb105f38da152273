//! What a network says of names and of accounts, from its stream to the API: within seconds, and exactly what is true now.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use testbroker::Broker;

use super::jetstream::{Jetstream, Manners, time};
use super::{Connector, Scene};
use crate::cluster::{get, wait_until};
use crate::common::{done, header, produce, read, unique};
use crate::usage::live::Running;
use crate::web::address_in;

const SOON: Duration = Duration::from_secs(60);
const STAR: &str = "bluesky:did:plc:star";

/// Lines of Jetstream, a second after each other.
pub(super) struct Lines(pub(super) Vec<String>, pub(super) u128);

impl Lines {
    /// Starts a server that tells these lines and a connector, and waits until that has read them all.
    pub(super) fn relayed(&self, scene: &Scene, within: Duration) -> (Jetstream, Connector) {
        let server = Jetstream::start(self.0.clone(), Manners::default());
        let connector = scene.start(&server.url(), &[]);
        let last = time(self.0.last().expect("a line")).to_string();
        wait_until("all is read", within, || scene.position("bluesky").as_deref() == Some(&last));
        (server, connector)
    }

    pub(super) fn add(&mut self, did: &str, kind: &str, what: &str) {
        let micros = self.1 + self.0.len() as u128 * 10_000;
        self.0.push(format!(r#"{{"did":"did:plc:{did}","time_us":{micros},"kind":"{kind}","{kind}":{what}}}"#));
    }

    pub(super) fn commit(&mut self, did: &str, operation: &str, collection: &str, rkey: &str, record: &str) {
        let what =
            format!(r#"{{"operation":"{operation}","collection":"app.bsky.{collection}","rkey":"{rkey}"{record}}}"#);
        self.add(did, "commit", &what);
    }

    /// So many people like what somebody wrote.
    pub(super) fn likes(&mut self, of: &str, fans: usize) {
        let subject = format!(r#","record":{{"subject":{{"uri":"at://did:plc:{of}/app.bsky.feed.post/1"}}}}"#);
        (0..fans).for_each(|fan| self.commit(&format!("{of}-fan{fan}"), "create", "feed.like", "l", &subject));
    }

    /// A post in a language.
    pub(super) fn post(&mut self, did: &str, rkey: &str, language: &str) {
        self.commit(did, "create", "feed.post", rkey, &format!(r#","record":{{"text":"x","langs":["{language}"]}}"#));
    }

    pub(super) fn handle(&mut self, did: &str, handle: &str) {
        self.add(did, "identity", &format!(r#"{{"did":"did:plc:{did}","handle":"{handle}","seq":1}}"#));
    }

    pub(super) fn profile(&mut self, did: &str, name: &str, label: &str) {
        let labels = if label.is_empty() { String::new() } else { format!(r#"{{"val":"{label}"}}"#) };
        let record = format!(r#","record":{{"displayName":"{name}","labels":{{"values":[{labels}]}}}}"#);
        self.commit(did, "update", "actor.profile", "self", &record);
    }

    pub(super) fn account(&mut self, did: &str, status: &str) {
        let is_active = status.is_empty();
        self.add(did, "account", &format!(r#"{{"active":{is_active},"did":"did:plc:{did}","status":"{status}"}}"#));
    }
}

fn answer(address: &str, path: &str) -> (u16, Value) {
    let (status, body) = get(address, path).unwrap_or_default();
    (status, serde_json::from_str(&body).unwrap_or_default())
}

#[test]
fn a_rename_shows_the_new_handle_who_hides_is_not_named_and_who_is_deleted_is_gone() {
    let _room = crate::works();
    let Some(broker) = Broker::shared() else { return };
    let (app, events, accounts) = (unique("names"), unique("events"), unique("accounts"));
    let profiles = format!("{accounts}:profiles:json");
    let inputs = ["--application-id", &app, "--input", &events, "--input", &profiles];
    done(broker, &[&["topics", "create", "--inputs", "--partitions", "2"], &inputs[..]].concat());
    let (to, accounts) = (events.clone(), accounts.clone());
    let scene = Scene { broker, application: app.clone(), to, accounts, network: &["bluesky"] };

    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_micros();
    let mut lines = Lines(Vec::new(), now - 120_000_000);
    for (did, fans) in [("star", 40), ("shy", 30), ("gone", 20), ("hidden", 10)] {
        lines.likes(did, fans);
        lines.handle(did, &format!("{did}.example.com"));
        lines.profile(did, &format!("The {did}"), if did == "shy" { "!no-unauthenticated" } else { "" });
    }
    for (rkey, language) in [("p1", "nl"), ("p2", "nl-BE")] {
        lines.post("star", rkey, language);
        lines.post("gone", rkey, language);
    }
    let broken = r#"{"did":"did:plc:broken","#;
    lines.0.insert(3, broken.to_owned());
    let (_first, connector) = lines.relayed(&scene, SOON);
    // What cannot be read is put aside, in the transaction of the others.
    let letters = read(broker, &format!("{app}-dead-letters"));
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!(letter.value, broken.as_bytes());
    assert_eq!(header(letter, "__connect.errors.topic"), Some("bluesky"));
    assert_eq!(header(letter, "__connect.errors.exception.message"), Some("is neither JSON nor a row of a dump"));

    let run = [&["run", "--listen", "127.0.0.1:0"], &inputs[..]].concat();
    let _run = Running::start(broker, &run);
    let serve = Running::start(broker, &[&["serve", "--listen", "127.0.0.1:0"], &inputs[..]].concat());
    wait_until("it serves", SOON, || address_in(&serve.said()).is_some());
    let address = address_in(&serve.said()).expect("an address").to_owned();
    let user = |name: &str| answer(&address, &format!("/v1/users/{name}"));
    let is_scored = |did: &str, fans: u64| user(&format!("bluesky:did:plc:{did}")).1["received"]["likes"] == fans;
    wait_until("all are scored", SOON, || is_scored("star", 40) && is_scored("hidden", 10) && is_scored("gone", 20));
    wait_until("all are called by name", SOON, || user(STAR).1["account"]["handle"] == "star.example.com");
    let language = || user(STAR).1["account"]["language"]["code"].clone();
    wait_until("it is known who writes in Dutch", SOON, || language() == "nl");
    let facets = || answer(&address, "/v1/facets").1;
    wait_until("both are counted", SOON, || {
        facets()["languages"][0] == serde_json::json!({"value": "nl", "people": 2})
    });
    // A profile that its owner's application wrote.
    let partition = influence::Partitioner::Murmur2.partition(STAR, 2);
    let profile = format!(r#"{{"user":"{STAR}","country":"nl"}}"#);
    produce(broker, &scene.accounts, partition.into(), STAR.as_bytes(), profile.as_bytes());
    let of_both = || answer(&address, "/v1/ranking?network=bluesky&language=nl&country=NL").1;
    wait_until("it is known who says Netherlands", SOON, || of_both()["total"] == 1);
    assert_eq!(of_both()["users"][0]["within"], serde_json::json!({"rank": 1, "people": 1, "share": 100.0}));
    let ranking = || answer(&address, "/v1/ranking?network=bluesky").1;
    let told = ranking();
    assert_eq!(told["total"], 4, "{told}");
    assert!(told.to_string().contains("The gone") && told.to_string().contains("hidden.example.com"), "{told}");
    assert!(!told.to_string().contains("shy"), "{told}");
    assert!(told.to_string().contains("\"user\":\"unlisted:"), "{told}");
    let search = |prefix: &str| answer(&address, &format!("/v1/search?prefix={prefix}")).1["users"].clone();
    assert_eq!(search("the%20star")[0]["user"], STAR);
    assert_eq!(search("shy"), serde_json::json!([]));

    // A new handle, a label that is gone, an account that is deleted and one that is hidden by its owner.
    connector.kill();
    lines.handle("star", "new.example.com");
    lines.profile("shy", "The shy", "");
    lines.account("gone", "deleted");
    lines.account("hidden", "deactivated");
    // Two in Dutch are more than one in English, for who remembers them.
    lines.post("star", "p3", "en");
    lines.post("shy", "p3", "en");
    let score = user(STAR).1["score"].clone();
    let (_second, connector) = lines.relayed(&scene, SOON);
    let began = std::time::Instant::now();
    wait_until("who is deleted is gone", SOON, || user("bluesky:did:plc:gone").0 == 410);
    wait_until("who is renamed is so", SOON, || user(STAR).1["account"]["handle"] == "new.example.com");
    wait_until("who is hidden is so", SOON, || !ranking().to_string().contains("hidden.example.com"));
    wait_until("who is listed again is so", SOON, || ranking().to_string().contains("shy.example.com"));
    wait_until("what others write in is known", SOON, || {
        facets()["languages"].as_array().is_some_and(|all| all.len() == 2)
    });
    assert_eq!(language(), "nl", "{}", facets());
    eprintln!("all of it within {:?}", began.elapsed());
    let told = ranking();
    assert!(!told.to_string().contains("gone") && !told.to_string().contains("star.example"), "{told}");
    assert_eq!(user(STAR).1["score"], score, "a rename moves no score");
    assert_eq!((&told["total"], search("new.ex")[0]["user"].clone()), (&Value::from(3), Value::from(STAR)));

    // Who is deleted is called nothing in the topic either, from the records that a compaction would keep.
    let mut names: std::collections::BTreeMap<Vec<u8>, Vec<u8>> = std::collections::BTreeMap::new();
    for record in read(broker, &format!("{app}-names")) {
        names.insert(record.key, record.value);
    }
    let value = |key: &str| names.get(key.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned());
    assert_eq!(value(&format!("handle/{STAR}")).as_deref(), Some("new.example.com"));
    assert_eq!(value("handle/bluesky:did:plc:gone").as_deref(), Some(""));
    assert_eq!(value("display_name/bluesky:did:plc:gone").as_deref(), Some(""));

    assert_eq!(value("language/bluesky:did:plc:gone").as_deref(), Some(""));
    assert_eq!(value(&format!("language/{STAR}")).as_deref(), Some("nl"));
    let mut kept: std::collections::BTreeMap<Vec<u8>, Vec<u8>> = std::collections::BTreeMap::new();
    for record in read(broker, &format!("{app}-connect")) {
        kept.insert(record.key, record.value);
    }
    let kept = |key: &str| kept.get(key.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned());
    assert!(
        kept(&format!("bluesky/language/{STAR}")).is_some_and(|kept| kept.contains(" nl 2") && kept.contains(" en 1"))
    );
    assert_eq!(kept("bluesky/language/bluesky:did:plc:gone").as_deref(), Some(""));

    // One that begins later knows all of it before it shows anybody.
    let late = Running::start(broker, &[&["serve", "--listen", "127.0.0.1:0"], &inputs[..]].concat());
    wait_until("it serves", SOON, || address_in(&late.said()).is_some());
    let address = address_in(&late.said()).expect("an address").to_owned();
    wait_until("it is ready", SOON, || get(&address, "/health/ready").is_some_and(|(status, _)| status == 200));
    let (_, told) = answer(&address, "/v1/ranking");
    let told = told.to_string();
    assert!(told.contains("new.example.com") && told.contains("The shy"), "{told}");
    let late_has = || answer(&address, "/v1/ranking?language=nl&country=NL").1["total"] == 1;
    wait_until("it knows languages and countries as well", SOON, late_has);
    assert!(!told.contains("hidden") && !told.contains("gone"), "{told}");
    let (code, told) = connector.stop();
    assert_eq!(code, Some(0), "{told}");
}
