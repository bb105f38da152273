//! Bluesky's Jetstream.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use testbroker::Broker;

use super::jetstream::{Jetstream, Manners, time};
use super::{Connector, Scene, acts_of, by_kind, replayed, samples};
use crate::cluster::{get, metric, wait_until};
use crate::common::read;

const BLUESKY: &[&str] = &["bluesky"];
const SOON: Duration = Duration::from_secs(40);

/// The lines of the sample in the order of their times, as the server sends them.
fn sample() -> Option<(String, Vec<String>)> {
    let path = samples()?.join("bluesky-jetstream.jsonl");
    let text = std::fs::read_to_string(&path).expect("a sample");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort_by_key(|line| time(line));
    Some((path.to_str().expect("a path").to_owned(), lines))
}

/// People who follow somebody, like something, and end the follow of somebody before; a second each.
fn lines(count: usize) -> Vec<String> {
    let line = |number: usize| {
        let (n, micros) = (number / 3, (1_767_225_600 + number) * 1_000_000);
        let commit = |did: usize, operation: &str, collection: &str, record: &str| {
            format!(
                r#"{{"did":"did:plc:u{did}","time_us":{micros},"kind":"commit","commit":{{"operation":"{operation}","collection":"app.bsky.{collection}","rkey":"r"{record}}}}}"#
            )
        };
        match number % 3 {
            0 => commit(n, "create", "graph.follow", &format!(r#","record":{{"subject":"did:plc:v{n}"}}"#)),
            1 => {
                let subject = format!(r#","record":{{"subject":{{"uri":"at://did:plc:v{n}/app.bsky.feed.post/1"}}}}"#);
                commit(n, "create", "feed.like", &subject)
            }
            _ => commit(n.saturating_sub(500), "delete", "graph.follow", ""),
        }
    };
    (0..count).map(line).collect()
}

fn last(lines: &[String]) -> String {
    time(lines.last().expect("a line")).to_string()
}

/// Waits until all lines are read.
fn wait(scene: &Scene, lines: &[String]) {
    wait_until("all is read", SOON, || scene.position("bluesky").as_deref() == Some(&last(lines)));
}

#[test]
fn what_a_torn_stream_with_an_outage_gives_is_what_replay_reads_in_its_lines() {
    let _room = crate::waits();
    let (Some(broker), Some((path, lines))) = (Broker::shared(), sample()) else { return };
    let manners =
        Manners { ends_after: 90, is_out_for: 2, goes_back: true, is_torn: true, pause: Duration::from_millis(5) };
    let (server, scene) = (Jetstream::start(lines.clone(), manners), Scene::new(broker, BLUESKY));
    let connector = scene.start(&server.url(), &[]);
    wait(&scene, &lines);
    let (code, told) = connector.stop();
    assert_eq!(code, Some(0), "{told}");
    let acts = scene.acts();
    assert_eq!(acts, acts_of(lines.iter().map(String::as_str)), "{told}");
    assert_eq!(by_kind(&acts), replayed(broker, &path));
    // It says who it is, asks for what it reads, and goes on shortly before where it was.
    let asked = server.asked();
    let version = env!("CARGO_PKG_VERSION");
    let begins = format!("clout/{version} cursor=0&wantedCollections=app.bsky.feed.like&");
    assert!(asked[0].starts_with(&begins), "{asked:?}");
    let cursor = asked[1].rsplit_once("&cursor=").expect("a cursor").1.parse::<i64>().expect("a number");
    assert!((time(&lines[60])..time(&lines[110])).contains(&(cursor + 5_000_000)), "{asked:?}");
    assert!(server.pongs() > 0);
    assert!(told.contains("connected to ws://127.0.0.1:"), "{told}");
    assert!(told.contains("disconnected; again in "), "{told}");
    assert!(told.contains("wrote "), "{told}");
    // What became of accounts is there.
    assert!(told.contains(&format!("to {}\n", scene.accounts)), "{told}");
}

#[test]
fn killed_ten_times_it_writes_each_event_once_and_knows_what_was_said_before() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let lines = lines(6_000);
    let manners = Manners { pause: Duration::from_micros(1_200), goes_back: true, ..Manners::default() };
    let (server, scene) = (Jetstream::start(lines.clone(), manners), Scene::new(broker, BLUESKY));
    let mut in_the_middle = 0;
    for round in 0..10u64 {
        let before = scene.position("bluesky");
        let connector = scene.start(&server.url(), &[]);
        // Half of them are killed while they begin, the others once they have gone on.
        if round % 2 == 1 {
            wait_until("it goes on", SOON, || scene.position("bluesky") != before);
        }
        std::thread::sleep(Duration::from_millis(300 + 97 * (round * 7 % 10)));
        connector.kill();
        in_the_middle += u32::from(scene.position("bluesky").is_some_and(|position| position != last(&lines)));
    }
    assert!(in_the_middle >= 5, "it was killed in the middle of something {in_the_middle} times");
    let connector = scene.start(&server.url(), &[]);
    wait(&scene, &lines);
    connector.kill();
    let (acts, expected) = (scene.acts(), acts_of(lines.iter().map(String::as_str)));
    assert_eq!(acts.values().filter(|times| **times != 1).count(), 0, "an event came twice");
    assert_eq!(by_kind(&acts), by_kind(&expected));
    assert!(acts == expected);
}

#[test]
fn of_two_at_once_the_second_one_goes_on() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let lines = lines(4_000);
    let manners = Manners { pause: Duration::from_millis(2), ..Manners::default() };
    let (server, scene) = (Jetstream::start(lines.clone(), manners), Scene::new(broker, BLUESKY));
    let mut first = scene.start(&server.url(), &[]);
    wait_until("the first one writes", SOON, || scene.position("bluesky").is_some());
    let mut second = scene.start(&server.url(), &[]);
    let (code, told) = first.ended();
    assert_eq!(code, Some(1), "{told}");
    let taken = format!("reads bluesky for the application {} now, and goes on with it", scene.application);
    assert!(told.contains(&taken) && !told.contains("begins again"), "{told}");
    // Both begin at once.
    let mut third = scene.start(&server.url(), &[]);
    let mut fourth = scene.start(&server.url(), &[]);
    assert_eq!(second.ended().0, Some(1));
    wait_until("one of two ends", SOON, || {
        [&mut third, &mut fourth].into_iter().any(|connector| connector.child.try_wait().expect("it runs").is_some())
    });
    wait(&scene, &lines);
    assert!(scene.acts() == acts_of(lines.iter().map(String::as_str)));
}

#[test]
fn what_becomes_of_accounts_is_known_after_a_restart() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let account = |second: i64, what: &str| {
        let micros = (1_767_225_600 + second) * 1_000_000;
        format!(r#"{{"did":"did:plc:a","time_us":{micros},"kind":"account","account":{{{what}}}}}"#)
    };
    let suspended = account(10, r#""active":false,"status":"suspended""#);
    let scene = Scene::new(broker, BLUESKY);
    let trusts = || {
        let mut decoder = wire::ProfileDecoder::new(wire::Encoding::Json);
        let records = read(broker, &scene.accounts);
        records.iter().map(|record| decoder.decode(&record.value).expect("a profile").trust).collect::<Vec<_>>()
    };
    for (lines, expected) in [
        (vec![suspended.clone()], vec![Some(0.0)]),
        (vec![suspended, account(30, r#""active":true"#)], vec![Some(0.0), Some(1.0)]),
    ] {
        let server = Jetstream::start(lines.clone(), Manners::default());
        let connector = scene.start(&server.url(), &[]);
        wait(&scene, &lines);
        let (code, told) = connector.stop();
        assert_eq!(code, Some(0), "{told}");
        assert_eq!(trusts(), expected, "{told}");
    }
}

#[test]
fn what_it_does_is_measured() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let lines = lines(300);
    let (server, scene) = (Jetstream::start(lines.clone(), Manners::default()), Scene::new(broker, BLUESKY));
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    let listen = port.to_string();
    let _connector = scene.start(&server.url(), &["--listen", &listen]);
    wait(&scene, &lines);
    wait_until("all is counted", SOON, || metric(&listen, "clout_messages_total") == 300.0);
    assert_eq!(metric(&listen, "clout_connect_connected"), 1.0);
    assert_eq!(metric(&listen, "clout_connect_reconnects_total"), 0.0);
    assert_eq!(metric(&listen, "clout_message_acts_total"), 201.0);
    let written = format!("clout_connect_written_records_total{{topic=\"{}\"}}", scene.to);
    assert_eq!(metric(&listen, &written), 201.0);
    // The lines are of the beginning of 2026.
    assert!(metric(&listen, "clout_connect_lag_seconds") > 1e6);
}

#[test]
fn what_cannot_be_read_is_told() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker, BLUESKY);
    let server = Jetstream::start(Vec::new(), Manners::default());
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
    for (url, code, told) in [
        (
            "ftp://example.com".to_owned(),
            2,
            "error: cannot read ftp://example.com: not an address of this kind: it begins with wss://",
        ),
        (format!("wss://{}/subscribe", server.address), 2, "TLS is refused: "),
        (format!("ws://{nobody}/subscribe"), 69, "Connection refused"),
    ] {
        let mut connector = scene.start(&url, &[]);
        let (ended, said) = connector.ended();
        assert_eq!(ended, Some(code), "{url}: {said}");
        assert!(said.contains(told), "{url}: {said}");
    }
    let nowhere = Scene { to: "nowhere-to-go".to_owned(), ..scene };
    let (ended, said) = nowhere.start("ws://127.0.0.1:1", &[]).ended();
    assert!(ended == Some(2) && said.contains("topic nowhere-to-go is missing"), "{said}");
}

#[test]
fn a_demo_shows_what_happens_without_kafka() {
    let _room = crate::waits();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_micros();
    let like = |n: u128| {
        format!(
            r#"{{"did":"did:plc:u{n}","time_us":{},"kind":"commit","commit":{{"operation":"create","collection":"app.bsky.feed.like","rkey":"r","record":{{"subject":{{"uri":"at://did:plc:star/app.bsky.feed.post/1"}}}}}}}}"#,
            now - 60_000_000 + n * 100_000
        )
    };
    let server = Jetstream::start((0..600).map(like).collect(), Manners::default());
    let url = format!("ws://{}/subscribe", server.address);
    let mut command = Command::new(env!("CARGO_BIN_EXE_clout"));
    command.args(["demo", "--connect", "bluesky", "--port", "0", "--url", &url]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut demo = Connector { child };
    let mut line = String::new();
    let out = demo.child.stdout.take().expect("a pipe");
    BufReader::new(out).read_line(&mut line).expect("it says where it is");
    let address = line.trim().strip_prefix("Clout is live on http://").expect("an address").to_owned();
    wait_until("all is scored", SOON, || {
        let (_, told) = get(&address, "/v1/users/bluesky:did:plc:star").unwrap_or_default();
        told.contains("\"likes\":600") || told.contains("\"likes\": 600")
    });
    let (_, status) = get(&address, "/v1/status").expect("it answers");
    assert!(status.contains("\"what\":\"Bluesky\""), "{status}");
    assert!(server.asked()[0].contains("&cursor="), "it begins some minutes ago: {:?}", server.asked());
}
