//! The public stream of a Mastodon server.

use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use testbroker::Broker;

use super::http::{Request, Server, answer};
use super::{Scene, acts_of, by_kind, replayed, samples};
use crate::cluster::wait_until;
use crate::common::Scratch;

const MASTODON: &[&str] = &["mastodon"];
const SOON: Duration = Duration::from_secs(40);
/// Between two statuses.
const PAUSE: Duration = Duration::from_millis(15);

/// The number of a status: milliseconds, and 16 bits.
fn number(n: usize) -> u64 {
    (1_767_225_600_000 + n as u64 * 1_000) << 16
}

/// Each mentions somebody.
fn statuses(count: usize) -> Vec<String> {
    let status = |n: usize| {
        let at = format!("2026-01-01T{:02}:{:02}:{:02}.000Z", n / 3_600, n / 60 % 60, n % 60);
        format!(
            r#"{{"id":"{}","uri":"https://example.com/users/u{n}/statuses/{n}","created_at":"{at}","visibility":"public","language":"en","content":"<p>@v{n}</p>","in_reply_to_id":null,"in_reply_to_account_id":null,"reblog":null,"account":{{"id":"1{n}","username":"u{n}","acct":"u{n}","uri":"https://example.com/users/u{n}","url":"https://example.com/@u{n}"}},"mentions":[{{"id":"2{n}","username":"v{n}","acct":"v{n}","url":"https://example.com/@v{n}"}}]}}"#,
            number(n)
        )
    };
    (0..count).map(status).collect()
}

/// Sends bytes in pieces that end anywhere.
fn torn(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    bytes.chunks(613).try_for_each(|piece| {
        stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes())?;
        stream.write_all(piece)?;
        stream.write_all(b"\r\n")
    })
}

const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n:)\n";

fn begin(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(&STREAM[..STREAM.len() - 3])?;
    torn(stream, b":)\n\n")
}

/// Statuses are written one after the other from when the first one asks; who comes later hears those that come then, and
/// finds the others in the timeline.
struct Instance {
    statuses: Vec<String>,
    begun: OnceLock<Instant>,
}

impl Instance {
    fn written(&self) -> usize {
        let passed = self.begun.get_or_init(Instant::now).elapsed();
        (passed.as_micros() / PAUSE.as_micros()).try_into().unwrap_or(usize::MAX).min(self.statuses.len())
    }

    fn serve(&self, asked: usize, request: &Request, stream: &mut TcpStream) {
        if request.header("authorization") != Some("Bearer secret") {
            let error = "{\"error\":\"The access token is invalid\"}";
            return answer(stream, "401 Unauthorized", "", error);
        }
        match request.path.as_str() {
            "/api/v1/streaming/public" => _ = self.stream(asked, stream),
            "/api/v1/timelines/public" => {
                let behind: u64 = request.pair("min_id").and_then(|id| id.parse().ok()).expect("a number");
                let first = (0..self.statuses.len()).find(|&n| number(n) > behind).unwrap_or(self.statuses.len());
                let last = self.written().min(first + 40).max(first);
                let page: Vec<&str> = self.statuses[first..last].iter().rev().map(String::as_str).collect();
                answer(stream, "200 OK", "content-type: application/json\r\n", &format!("[{}]", page.join(",")));
            }
            _ => answer(stream, "404 Not Found", "", "{\"error\":\"Record not found\"}"),
        }
    }

    fn stream(&self, asked: usize, stream: &mut TcpStream) -> std::io::Result<()> {
        begin(stream)?;
        let mut next = self.written();
        let ends_at = if asked < 3 { next + 60 } else { usize::MAX };
        while next < ends_at {
            let written = self.written();
            for status in &self.statuses[next..written] {
                torn(stream, format!("event: update\ndata: {status}\n\n").as_bytes())?;
            }
            next = written;
            torn(stream, b":thump\n\n")?;
            thread::sleep(PAUSE);
        }
        Ok(())
    }
}

#[test]
fn what_was_missed_is_found_in_the_timeline_and_each_event_written_once() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let statuses = statuses(600);
    let instance = Arc::new(Instance { statuses: statuses.clone(), begun: OnceLock::new() });
    let server = Server::start(move |asked, request, stream| instance.serve(asked, request, stream));
    let scene = Scene::new(broker, MASTODON);
    let stream = format!("mastodon:{}", server.address);
    let token = Scratch::new("token", "secret\n");
    let start = || scene.start(&server.url(), &["--token-file", token.path()]);
    // It is not killed before it has read anything: then nobody knows where it was.
    let connector = start();
    wait_until("something is read", SOON, || scene.position(&stream).is_some());
    // The first connection ends by itself meanwhile.
    thread::sleep(Duration::from_millis(1_500));
    connector.kill();
    for round in 0..3 {
        let connector = start();
        thread::sleep(Duration::from_millis(900 + 300 * round));
        connector.kill();
    }
    let connector = start();
    let last = number(statuses.len() - 1).to_string();
    wait_until("all is read", SOON, || scene.position(&stream).as_deref() == Some(&last));
    let (code, told) = connector.stop();
    assert_eq!(code, Some(0), "{told}");
    let acts = scene.acts();
    assert_eq!(acts, acts_of(statuses.iter().map(String::as_str)), "{told}");
    let log = Scratch::new("statuses.jsonl", &statuses.join("\n"));
    assert_eq!(by_kind(&acts), replayed(broker, log.path()));
    let asked = server.asked();
    assert!(asked.iter().any(|request| request.path == "/api/v1/timelines/public"));
    let version = env!("CARGO_PKG_VERSION");
    assert!(asked.iter().all(|request| request.header("user-agent") == Some(&*format!("clout/{version}"))));
}

#[test]
fn the_sample_gives_what_replay_reads_in_it() {
    let _room = crate::waits();
    let (Some(broker), Some(samples)) = (Broker::shared(), samples()) else { return };
    let path = samples.join("mastodon-streaming.txt");
    let text = std::fs::read_to_string(&path).expect("a sample");
    let sent = text.clone();
    let server = Server::start(move |_, request, stream| match request.path.as_str() {
        "/api/v1/streaming/public" => {
            let sent = begin(stream).and_then(|()| torn(stream, sent.as_bytes())).and_then(|()| torn(stream, b"\n\n"));
            thread::sleep(if sent.is_ok() { SOON } else { Duration::ZERO });
        }
        "/api/v1/timelines/public" => answer(stream, "200 OK", "", "[]"),
        _ => answer(stream, "404 Not Found", "", ""),
    });
    let scene = Scene::new(broker, MASTODON);
    let token = Scratch::new("token", "secret\n");
    let expected = acts_of(text.lines());
    assert!(!expected.is_empty());
    let connector = scene.start(&server.url(), &["--token-file", token.path()]);
    wait_until("all is written", SOON, || scene.acts().len() >= expected.len());
    let (code, told) = connector.stop();
    assert_eq!((code, scene.acts()), (Some(0), expected), "{told}");
    assert_eq!(by_kind(&scene.acts()), replayed(broker, path.to_str().expect("a path")));
}

/// Somebody likes, boosts, follows and answers; all but the first two are missed, and are in the list.
#[test]
fn what_an_account_is_notified_of_becomes_events() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let ana = "https://example.com/users/ana";
    let person = |name: &str| {
        format!(
            r#"{{"id":"1","username":"{name}","acct":"{name}","uri":"https://example.com/users/{name}","url":"https://example.com/@{name}"}}"#
        )
    };
    let status = |author: &str, mentions: &str| {
        let author = person(author);
        format!(
            r#"{{"id":"9","uri":"{ana}/statuses/9","created_at":"2026-01-01T00:00:00.000Z","visibility":"public","content":"","in_reply_to_id":null,"in_reply_to_account_id":null,"reblog":null,"account":{author},"mentions":[{mentions}]}}"#
        )
    };
    let mention = r#"{"id":"1","username":"ana","acct":"ana","url":"https://example.com/@ana"}"#;
    let notification = |id: u32, kind: &str, by: &str, status: Option<String>| {
        let status = status.map_or(String::new(), |status| format!(r#","status":{status}"#));
        let by = person(by);
        format!(r#"{{"id":"{id}","type":"{kind}","created_at":"2026-01-01T00:00:{id}.000Z","account":{by}{status}}}"#)
    };
    let all = [
        notification(11, "favourite", "bo", Some(status("ana", ""))),
        notification(12, "reblog", "cy", Some(status("ana", ""))),
        notification(13, "follow", "dee", None),
        notification(14, "mention", "eve", Some(status("eve", mention))),
        notification(15, "admin.report", "eve", None),
    ];
    let sent = all.clone();
    let server = Server::start(move |_, request, stream| match request.path.as_str() {
        "/api/v1/streaming/user/notification" => {
            let first: Vec<String> =
                sent[..2].iter().map(|text| format!("event: notification\ndata: {text}\n\n")).collect();
            let told = begin(stream).and_then(|()| torn(stream, first.concat().as_bytes()));
            thread::sleep(if told.is_ok() { Duration::from_millis(300) } else { Duration::ZERO });
        }
        "/api/v1/notifications" => {
            let behind: u32 = request.pair("min_id").and_then(|id| id.parse().ok()).expect("a number");
            let page: Vec<&str> = sent.iter().skip(behind as usize - 10).rev().map(String::as_str).collect();
            answer(stream, "200 OK", "content-type: application/json\r\n", &format!("[{}]", page.join(",")));
        }
        _ => answer(stream, "404 Not Found", "", "{}"),
    });
    let scene = Scene::new(broker, MASTODON);
    let token = Scratch::new("token", "secret\n");
    let connector = scene.start(&server.url(), &["--token-file", token.path(), "--notifications-of", ana]);
    wait_until("all is written", SOON, || scene.acts().len() >= 4);
    // Once more all of it, and nothing comes twice.
    wait_until("it has connected again", SOON, || {
        server.asked().iter().filter(|request| request.path == "/api/v1/streaming/user/notification").count() > 2
    });
    let (code, told) = connector.stop();
    assert_eq!(code, Some(0), "{told}");
    let expected = ["follows", "likes", "mentions", "retweets"].map(|kind| (kind.to_owned(), 1));
    assert_eq!(by_kind(&scene.acts()), expected.into(), "{told}");
}

#[test]
fn what_is_missing_or_refused_is_told() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let instance = Instance { statuses: statuses(1), begun: OnceLock::new() };
    let server = Server::start(move |asked, request, stream| instance.serve(asked, request, stream));
    let scene = Scene::new(broker, MASTODON);
    let wrong = Scratch::new("token", "wrong");
    for (url, more, expected) in [
        (server.url(), &["--token-file", wrong.path()][..], "401 Unauthorized: the token is not accepted"),
        (server.url(), &[], "Mastodon shows its public stream to accounts alone: give the token of one"),
        ("http://example.com".to_owned(), &["--token-file", wrong.path()], "a token is sent by https:// alone"),
    ] {
        let (code, told) = scene.start(&url, more).ended();
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains(expected), "{told}");
    }
}
