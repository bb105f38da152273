//! Everything that is kept of a person is looked for after it was exported and erased: in every file, in what compacted topics say
//! now, and in the answer of every route. What a topic with a retention still holds, `clout forget` has named with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use memchr::memmem;
use serde_json::Value;
use testbroker::Broker;
use vocabulary::{Event, Kind};

use super::Scene;
use super::jetstream::{Jetstream, Manners, time};
use super::names::Lines;
use crate::cluster::wait_until;
use crate::common::{connection, done, produce, read, unique};
use crate::usage::live::Running;
use crate::web;

const SOON: Duration = Duration::from_secs(90);
const PARTITIONS: u16 = 2;
const DAY: u128 = 86_400_000_000;
const TOKEN: &str = "a-token-of-many-letters";
const KEY: &str = "akeyofmanyletters";
/// One on Bluesky, whom a connector reads, and one on X, by number.
const ANA: &str = "bluesky:did:plc:anatheerased";
const TWIN: &str = "x:7310498213305";
/// Those who stay.
const OTHERS: [&str; 4] = ["bluesky:did:plc:star", "bluesky:did:plc:moon", "x:9000001", "x:9000002"];

/// What is looked for, and what it is called where it is found.
struct Trace {
    what: String,
    bytes: Vec<u8>,
}

/// All that stands for the two accounts and their person.
struct Traces(Vec<Trace>);

impl Traces {
    fn add(&mut self, what: &str, bytes: &[u8]) {
        self.0.push(Trace { what: what.to_owned(), bytes: bytes.to_vec() });
    }

    fn add_number(&mut self, what: &str, number: u64) {
        self.add(&format!("{what}, decimal"), number.to_string().as_bytes());
        self.add(&format!("{what}, hexadecimal"), format!("{number:016x}").as_bytes());
        self.add(&format!("{what}, hexadecimal"), format!("{number:016X}").as_bytes());
        self.add(&format!("{what}, as bytes"), &number.to_le_bytes());
        self.add(&format!("{what}, as bytes"), &number.to_be_bytes());
    }

    fn of(app: &str, broker: &Broker) -> Traces {
        let mut traces = Traces(Vec::new());
        for text in
            ["ana-of-two", "anatheerased", "7310498213305", "ana-handle", "AnaOnX", "Ana Ærøskøbing", "ana-page"]
        {
            traces.add(text, text.as_bytes());
        }
        let key = kafka::hash_key(&connection(broker), &kafka::Topics::of(app)).expect("a key");
        for account in [ANA, TWIN] {
            traces.add_number(&format!("the hash of {account}"), key.user_key(account));
        }
        traces
    }

    fn found(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let is_in = |trace: &&Trace| memmem::find(bytes, &trace.bytes).is_some();
        self.0.iter().filter(is_in).map(|trace| trace.what.as_str()).collect()
    }
}

/// The files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.flatten().flat_map(|entry| below(entry.path())).collect()
}

/// What a file holds, unpacked if it is packed; nothing of one that is gone by now.
fn content(file: &Path) -> Vec<u8> {
    let bytes = fs::read(file).unwrap_or_default();
    let is_packed = bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
    if is_packed { zstd::decode_all(&bytes[..]).unwrap_or(bytes) } else { bytes }
}

/// What is found in the files below a folder.
fn in_files<'t>(folder: &Path, traces: &'t Traces) -> BTreeMap<PathBuf, BTreeSet<&'t str>> {
    let found = files(folder).into_iter().map(|file| (traces.found(&content(&file)), file));
    found.filter(|(found, _)| !found.is_empty()).map(|(found, file)| (file, found)).collect()
}

/// What is found in a topic: in all records, or in the newest value under each key.
fn in_topic<'t>(broker: &Broker, topic: &str, is_compacted: bool, traces: &'t Traces) -> BTreeSet<&'t str> {
    let records = read(broker, topic);
    let mut newest = BTreeMap::new();
    for (place, record) in records.iter().enumerate() {
        newest.insert(&record.key, place);
    }
    let is_there = |place: usize| newest.get(&records[place].key) == Some(&place) && !records[place].value.is_empty();
    let left = (0..records.len()).filter(|&place| !is_compacted || is_there(place)).map(|place| &records[place]);
    left.flat_map(|record| traces.found(&[&record.key[..], b"\n", &record.value].concat())).collect()
}

/// A server, with all that it can be asked.
struct Shown {
    address: String,
    _process: Running,
}

impl Shown {
    fn start(broker: &Broker, inputs: &[&str], scratch: &Path, views: &str) -> Shown {
        let path = |name: &str| scratch.join(name).to_str().expect("a path").to_owned();
        let (views, tokens, keys) = (path(views), path("tokens"), path("keys"));
        let own =
            ["serve", "--listen", "127.0.0.1:0", "--views", &views, "--tokens-file", &tokens, "--klout-keys", &keys];
        let process = Running::start(broker, &[&own[..], inputs].concat());
        wait_until("it serves", SOON, || web::address_in(&process.said()).is_some());
        let address = web::address_in(&process.said()).expect("an address").to_owned();
        let shown = Shown { address, _process: process };
        wait_until("it is ready", SOON, || shown.get("/health/ready").0 == 200);
        shown
    }

    fn get(&self, path: &str) -> (u16, String) {
        let headers = format!("{}authorization: Bearer {TOKEN}\r\n", web::HOST);
        web::get_with(&self.address, path, &headers).unwrap_or_default()
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path).1).unwrap_or_default()
    }

    /// What comes of a request within a few seconds, as a stream does not end.
    fn listen(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(2))).expect("a socket");
        stream.write_all(request.as_bytes()).expect("it is sent");
        let (mut told, mut chunk) = (Vec::new(), [0; 65_536]);
        while let Ok(read @ 1..) = stream.read(&mut chunk) {
            told.extend(&chunk[..read]);
        }
        String::from_utf8_lossy(&told).into_owned()
    }

    /// Every route of the API's document, asked for these people, and all of Klout's.
    fn answers(&self, people: &[&str]) -> BTreeMap<String, (u16, String)> {
        let mut answers = BTreeMap::new();
        let document = self.json("/openapi.json");
        let paths = document["paths"].as_object().expect("paths");
        assert!(paths.len() > 20, "{paths:?}");
        let today = (now() / DAY) as i64;
        let from = wire::rfc3339((today - 4) * 86_400_000).expect("a day")[..10].to_owned();
        for (path, item) in paths {
            if item.get("get").is_none() || path == "/v1/stream" {
                continue;
            }
            let named = path.contains('{');
            for person in people.iter().take(if named { people.len() } else { 1 }) {
                let path = path.replace("{user}", person).replace("{person}", person);
                let queries: &[&str] = match &*path {
                    path if path.ends_with("/movement") => &["?from=FROM"],
                    path if path.ends_with("/circle") => &["?by=day", "?by=week", "?by=month"],
                    path if path.ends_with("/around") => &["?limit=100"],
                    path if path.starts_with("/v1/movers") => &["?span=day&limit=100", "?span=week&limit=100"],
                    "/v1/search" => {
                        &["?prefix=a", "?prefix=b", "?prefix=7", "?prefix=x", "?contains=ana", "?contains=7310"]
                    }
                    "/v1/ranking" => &["?limit=1000", "?network=x", "?network=bluesky", "?language=nl", "?country=DK"],
                    "/v1/people" => &["?limit=1000"],
                    _ => &[""],
                };
                for query in queries {
                    let address = path.clone() + &query.replace("FROM", &from);
                    answers.insert(address.clone(), self.get(&address));
                }
            }
        }
        let body = serde_json::json!({ "users": people }).to_string();
        let head = format!("host: localhost\r\nauthorization: Bearer {TOKEN}\r\nconnection: close\r\n");
        let length = body.len();
        let post = format!(
            "POST /v1/users/lookup HTTP/1.1\r\n{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        answers.insert("lookup".to_owned(), (200, self.listen(&post)));
        answers.insert("stream".to_owned(), (200, self.listen(&format!("GET /v1/stream HTTP/1.1\r\n{head}\r\n"))));
        answers.insert("/".to_owned(), self.get("/"));
        answers.extend(self.klout(people));
        answers
    }

    fn klout(&self, people: &[&str]) -> BTreeMap<String, (u16, String)> {
        let mut answers = BTreeMap::new();
        let mut ask = |path: String| answers.insert(path.clone(), self.get(&path)).is_some();
        for person in people {
            let id = self.klout_id(person);
            for rest in ["", "/score", "/influence", "/topics"] {
                ask(format!("/v2/user.json/{id}{rest}?key={KEY}"));
            }
            ask(format!("/v2/identity.json/klout/{id}/tw?key={KEY}"));
            let name = person.split_once(':').map_or(*person, |(_, id)| id);
            ask(format!("/v2/identity.json/twitter?screenName={name}&key={KEY}"));
            for route in ["klout", "users/show", "users/topics", "soi/influenced_by", "soi/influencer_of"] {
                ask(format!("/1/{route}.json?users=name{name}&key={KEY}"));
            }
        }
        answers
    }

    fn klout_id(&self, person: &str) -> String {
        let (network, id) = person.split_once(':').unwrap_or(("tw", person));
        let network = if network == "x" { "tw" } else { network };
        let identity = self.json(&format!("/v2/identity.json/{network}/{id}?key={KEY}"));
        identity["id"].as_str().unwrap_or("0").to_owned()
    }

    /// In which answers about others something is found.
    fn found<'t>(&self, traces: &'t Traces) -> BTreeMap<String, BTreeSet<&'t str>> {
        let found = self.answers(&OTHERS).into_iter().map(|(path, (_, body))| (path, traces.found(body.as_bytes())));
        found.filter(|(_, found)| !found.is_empty()).collect()
    }
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_micros()
}

fn act(scene: &Scene, actor: &str, target: &str, kind: Kind, at: u128) {
    let mut value = Vec::new();
    wire::encode_event(&Event { actor, target, kind, at: (at / 1000) as i64 }, &mut value);
    let partition = influence::Partitioner::Murmur2.partition(actor, PARTITIONS);
    produce(scene.broker, &scene.to, partition.into(), actor.as_bytes(), &value);
}

/// Everybody acts on everybody on a day, on X.
fn day_on_x(scene: &Scene, day: u128) {
    for (number, actor) in (0_u128..).zip([TWIN, "x:9000001", "x:9000002", "x:9000003"]) {
        for target in [TWIN, "x:9000001", "x:9000002", ANA, "bluesky:did:plc:star"] {
            if actor != target {
                act(scene, actor, target, Kind::Retweet, day + number);
            }
        }
    }
}

fn day_on_bluesky(lines: &mut Lines, day: u128, with_ana: bool) {
    lines.1 = day - lines.0.len() as u128 * 10_000;
    for (did, fans) in [("star", 4), ("moon", 3)] {
        lines.likes(did, fans);
    }
    if with_ana {
        for fan in 0..5 {
            let subject = r#","record":{"subject":{"uri":"at://did:plc:anatheerased/app.bsky.feed.post/1"}}"#;
            lines.commit(&format!("admirer{fan}"), "create", "feed.like", &format!("l{}", lines.0.len()), subject);
        }
        for target in ["star", "moon"] {
            let subject = format!(r#","record":{{"subject":{{"uri":"at://did:plc:{target}/app.bsky.feed.post/1"}}}}"#);
            let rkey = format!("r{}", lines.0.len());
            lines.commit("anatheerased", "create", "feed.like", &rkey, &subject);
            lines.commit("star", "create", "graph.follow", &rkey, r#","record":{"subject":"did:plc:anatheerased"}"#);
        }
    }
}

#[test]
fn who_is_erased_is_in_no_file_no_table_and_no_answer() {
    let _room = crate::works();
    let Some(broker) = Broker::shared() else { return };
    let scratch = tempfile::TempDir::new().expect("a folder");
    let (app, to, accounts) = (unique("erased"), unique("events"), unique("accounts"));
    let profiles = format!("{accounts}:profiles:json");
    let inputs = ["--application-id", &app, "--input", &to, "--input", &profiles];
    let all = ["--history-closes", "true", "--output-credits", "true"];
    let made = ["topics", "create", "--inputs", "--partitions", "2"];
    done(broker, &[&made[..], &all, &inputs].concat());
    let scene =
        Scene { broker, application: app.clone(), to: to.clone(), accounts: accounts.clone(), network: &["bluesky"] };
    for (file, text) in [("tokens", TOKEN), ("keys", KEY)] {
        let path = scratch.path().join(file);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a file");
    }
    let checkpoints = scratch.path().join("checkpoints");
    let places = ["--checkpoints", checkpoints.to_str().expect("a path"), "--checkpoint-every", "1s"];
    let own = ["run", "--listen", "127.0.0.1:0", "--clock", "event", "--lag", "52w"];
    let running = Running::start(broker, &[&own[..], &places, &all, &inputs].concat());

    // Four days on two networks.
    let first = now() / DAY * DAY - 4 * DAY + 3_600_000_000;
    let mut lines = Lines(Vec::new(), first);
    for (did, handle, name) in
        [("anatheerased", "ana-handle.example", "Ana Ærøskøbing"), ("star", "star.example", "Star")]
    {
        lines.handle(did, handle);
        lines.profile(did, name, "");
        lines.post(did, "p1", "nl");
    }
    (0..4).for_each(|day| day_on_bluesky(&mut lines, first + day * DAY, true));
    (0..4).for_each(|day| day_on_x(&scene, first + day * DAY));
    let (_first, connector) = lines.relayed(&scene, SOON);
    let names = format!("{app}-names");
    for (field, value) in
        [("handle", "AnaOnX"), ("display_name", "Ana Ærøskøbing"), ("url", "https://a.example/ana-page")]
    {
        produce(broker, &names, 0, format!("{field}/{TWIN}").as_bytes(), value.as_bytes());
    }
    for account in ["x:9000001", "x:9000002"] {
        let name = format!("name{}", &account[2..]);
        produce(broker, &names, 0, format!("handle/{account}").as_bytes(), name.as_bytes());
    }
    let country = format!(r#"{{"user":"{ANA}","country":"DK"}}"#);
    let partition = influence::Partitioner::Murmur2.partition(ANA, PARTITIONS);
    produce(broker, &accounts, partition.into(), ANA.as_bytes(), country.as_bytes());
    done(broker, &[&["link", "add", ANA, TWIN, "--person", "ana-of-two"], &inputs[..]].concat());

    // Before: it is everywhere, so that what is found nowhere later could have been found.
    let shown = Shown::start(broker, &inputs, scratch.path(), "views");
    let mut traces = Traces::of(&app, broker);
    let closes = |user: &str| shown.json(&format!("/v1/users/{user}/history"))["closes"].as_array().map_or(0, Vec::len);
    wait_until("days are closed", SOON, || closes(ANA) >= 2 && closes(TWIN) >= 2);
    wait_until("circles are kept", SOON, || {
        shown.json(&format!("/v1/users/{}/circle", OTHERS[0]))["fans"].to_string().contains("anatheerased")
    });
    for account in [ANA, TWIN] {
        let id = shown.klout_id(account);
        assert!(id.len() > 5, "{account} has no id");
        traces.add(&format!("the Klout id of {account}"), id.as_bytes());
    }
    wait_until("a checkpoint has it", SOON, || {
        let found = in_files(&checkpoints, &traces);
        found.values().flatten().any(|what| what.starts_with("anatheerased"))
            && found.values().flatten().any(|what| what.ends_with("as bytes"))
    });
    let before: BTreeSet<&str> = in_files(scratch.path(), &traces).into_values().flatten().collect();
    assert!(before.contains("7310498213305"), "{before:?}");
    let views = in_files(&scratch.path().join("views"), &traces);
    assert!(views.values().flatten().any(|what| *what == "anatheerased"), "{views:?}");
    let before = shown.found(&traces);
    for path in
        ["/v1/ranking?limit=1000", "/v1/people?limit=1000", "/v1/movers?span=day&limit=100", "/v1/search?contains=ana"]
    {
        assert!(before.contains_key(path), "{path} is not in {:?}", before.keys());
    }
    for end in ["/circle?by=month", "/influence?key=akeyofmanyletters", "/around?limit=100"] {
        assert!(before.keys().any(|path| path.ends_with(end)), "{end} is not in {:?}", before.keys());
    }
    let own_topics = ["scores", "history", "links", "names", "connect", "credits"].map(|what| format!("{app}-{what}"));
    for topic in &own_topics {
        assert!(!in_topic(broker, topic, false, &traces).is_empty(), "{topic}");
    }

    // Exported, with all of it.
    let exported: Value =
        serde_json::from_str(&done(broker, &[&["export", "ana-of-two"], &inputs[..]].concat()).stdout).expect("JSON");
    let parts = exported["accounts"].as_array().expect("accounts");
    assert_eq!((parts.len(), &exported["not_seen"]), (2, &serde_json::json!([])), "{exported}");
    for part in parts {
        let (closes, called) =
            (part["closes"].as_array().map_or(0, Vec::len), part["called"].as_object().map_or(0, |all| all.len()));
        assert!(closes >= 2 && called >= 2 && part["score"]["score"].as_f64().is_some(), "{part}");
    }
    let (status, body) = shown.get("/v1/people/ana-of-two/export");
    assert!(status == 200 && body.contains("AnaOnX") && body.contains("ana-handle"), "{status} {body}");

    // Erased, while everything runs.
    let told = done(broker, &[&["forget", "ana-of-two", "--yes"], &inputs[..]].concat());
    wait_until("nobody is shown", SOON, || {
        [ANA, TWIN].iter().all(|user| shown.get(&format!("/v1/users/{user}")).0 == 410)
    });
    // The network goes on to tell of the account, and others go on to act.
    connector.kill();
    lines.handle("anatheerased", "ana-handle-again.example");
    lines.profile("anatheerased", "Ana Ærøskøbing", "");
    lines.post("anatheerased", "p2", "nl");
    day_on_bluesky(&mut lines, now() - 60_000_000, true);
    let (_second, connector) = lines.relayed(&scene, SOON);
    day_on_x(&scene, now() - 30_000_000);
    let still_shown = || -> BTreeMap<String, BTreeSet<String>> {
        let owned = |found: BTreeSet<&str>| found.into_iter().map(str::to_owned).collect();
        shown.found(&traces).into_iter().map(|(path, found)| (path, owned(found))).collect()
    };
    let mut left = still_shown();
    let until = std::time::Instant::now() + SOON;
    while !left.is_empty() && std::time::Instant::now() < until {
        std::thread::sleep(Duration::from_secs(1));
        left = still_shown();
    }
    assert_eq!(left, BTreeMap::new(), "answers about others");
    for (path, (status, body)) in shown.answers(&[ANA, TWIN, "ana-of-two"]) {
        let is_about = path.contains('?') || path.starts_with("/v1/users/") || path.starts_with("/v1/people/");
        assert!(!is_about || status != 200 || traces.found(body.as_bytes()).is_empty(), "{path}: {status} {body}");
    }

    // Files: of the views none has it. Checkpoints have the keyed hash alone: it stays erased by that, and what others gave is under it.
    let is_hash = |what: &&str| what.starts_with("the hash") && what.ends_with("as bytes");
    let in_place = || {
        let mut found = in_files(scratch.path(), &traces);
        for (file, found) in &mut found {
            if file.starts_with(&checkpoints) {
                found.retain(|what| !is_hash(what));
            }
        }
        found.retain(|_, found| !found.is_empty());
        found
    };
    let mut place = in_place();
    let (until, mut later) = (std::time::Instant::now() + SOON, 0);
    while !place.is_empty() && std::time::Instant::now() < until {
        // Checkpoints are written where something happens.
        later += 1;
        day_on_x(&scene, now() - 20_000_000 + later);
        std::thread::sleep(Duration::from_secs(1));
        place = in_place();
    }
    assert_eq!(place, BTreeMap::new(), "files");

    // Topics: what compacted ones say now, and what others hold is told with how long.
    let admin = kafka::Admin::connect(&connection(broker)).expect("a client");
    let topics: Vec<String> =
        admin.topics().expect("topics").into_iter().filter(|topic| topic.starts_with(&app)).collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).chain([&*to, &*accounts]).collect();
    let found = admin.find(topics.iter().copied()).expect("they are there");
    assert!(topics.len() >= 11, "{topics:?}");
    for topic in topics {
        let is_compacted = found[topic].properties["cleanup.policy"].contains("compact");
        if is_compacted {
            assert_eq!(in_topic(broker, topic, true, &traces), BTreeSet::new(), "{topic}");
        }
        let line = told.stdout.lines().find(|line| line.split_whitespace().next() == Some(topic));
        let held = in_topic(broker, topic, false, &traces);
        let line = line.unwrap_or_else(|| {
            assert!(held.is_empty(), "{topic} has {held:?}, and is not told of: {}", told.stdout);
            "nothing is in it until nothing"
        });
        assert!(line.contains("for ") || line.contains("until "), "{line}");
    }
    let line = |topic: &str| told.stdout.lines().find(|line| line.starts_with(topic)).unwrap_or_default().to_owned();
    assert!(line(&format!("{app}-credits")).contains("for 40 days"), "{}", told.stdout);
    assert!(line(&to).contains("for 7 days"), "{}", told.stdout);

    // One that has to make its views anew brings nobody back.
    let anew = Shown::start(broker, &inputs, scratch.path(), "views-anew");
    wait_until("it has circles and closes", SOON, || {
        let has = |what: &str| anew.json(&format!("/v1/users/{}/{what}", OTHERS[0]));
        has("history")["closes"].as_array().is_some_and(|closes| closes.len() >= 2)
            && has("circle")["fans"].as_array().is_some_and(|fans| !fans.is_empty())
    });
    wait_until("its files have nobody", SOON, || in_files(&scratch.path().join("views-anew"), &traces).is_empty());
    assert_eq!(anew.found(&traces), BTreeMap::new());
    let (code, told) = connector.stop();
    assert_eq!(code, Some(0), "{told}");
    drop(running);
}

#[test]
fn a_connector_that_runs_hears_of_an_erasure_and_tells_no_name_any_more() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker, &["bluesky"]);
    // One who is called otherwise all the time, for longer than the test takes.
    let mut lines = Lines(Vec::new(), now() - 120_000_000);
    (0..6_000).for_each(|number| lines.handle("anatheerased", &format!("ana-{number}.example")));
    let first = time(&lines.0[0]);
    let server = Jetstream::start(lines.0, Manners { pause: Duration::from_millis(100), ..Manners::default() });
    let connector = scene.start(&server.url(), &[]);
    let names = format!("{}-names", scene.application);
    let handle = || -> Option<Vec<u8>> {
        let key = format!("handle/{ANA}").into_bytes();
        read(broker, &names).into_iter().rfind(|record| record.key == key).map(|record| record.value)
    };
    let lines_read =
        || scene.position("bluesky").and_then(|at| at.parse().ok()).map_or(0, |at: i64| (at - first) / 10_000);
    wait_until("it has a name", SOON, || lines_read() > 0 && handle().is_some_and(|handle| !handle.is_empty()));
    let input = format!("{}:profiles:json", scene.accounts);
    done(broker, &["forget", ANA, "--yes", "--application-id", &scene.application, "--input", &input]);
    // A name that was written before the connector heard of it is taken back.
    let erased_at = lines_read();
    wait_until("it has none", SOON, || {
        lines_read() > erased_at + 150 && handle().is_some_and(|handle| handle.is_empty())
    });
    let seen_at = lines_read();
    wait_until("more is read", SOON, || lines_read() > seen_at + 20);
    assert_eq!(handle(), Some(Vec::new()));
    let (code, told) = connector.stop();
    assert_eq!(code, Some(0), "{told}");
}
