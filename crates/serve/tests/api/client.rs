//! A server with people in it, and a client that speaks just enough HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use serve::{Running, Server, ServerOptions, Update, View, ViewOptions};
use vocabulary::{Received, Removal, Score};

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The names of `users` in the body.
    pub(crate) fn names(&self) -> Vec<String> {
        let users = self.json()["users"].as_array().unwrap_or_else(|| panic!("{self:?}")).clone();
        users.iter().map(|user| user["user"].as_str().unwrap().to_owned()).collect()
    }
}

/// A running server and its view.
pub(crate) struct Site {
    pub(crate) view: Arc<View>,
    pub(crate) running: Running,
}

impl Site {
    pub(crate) fn start(options: ServerOptions) -> Site {
        Site::of(ViewOptions::default(), options)
    }

    /// With such a view.
    pub(crate) fn of(view: ViewOptions, options: ServerOptions) -> Site {
        let view = Arc::new(View::new(view));
        let options = ServerOptions { listen: ([127, 0, 0, 1], 0).into(), ..options };
        let running = Server::new(Arc::clone(&view), options).start().unwrap();
        Site { view, running }
    }

    /// With people u0 to u99, who have the score of their number.
    pub(crate) fn with_people() -> Site {
        let site = Site::start(ServerOptions::default());
        (0..100_u32).for_each(|number| site.score(&format!("u{number}"), f64::from(number)));
        site.view.caught_up();
        site
    }

    pub(crate) fn score(&self, user: &str, score: f64) {
        let score = score_of(score);
        self.view.apply(Update::Scored { user, score: &score, model_version: 3 });
    }

    pub(crate) fn remove(&self, user: &str) {
        self.remove_for(user, Removal::OptedOut);
    }

    pub(crate) fn remove_for(&self, user: &str, why: Removal) {
        self.view.apply(Update::Removed { user, why });
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"")
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        headers.iter().for_each(|(name, value)| text.push_str(&format!("{name}: {value}\r\n")));
        if !body.is_empty() {
            text.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend(body);
        self.send(&bytes)
    }

    /// Sends these bytes and reads to the end.
    pub(crate) fn send(&self, bytes: &[u8]) -> Answer {
        let mut stream = connect(self.address());
        // A server that has heard enough may hang up.
        let _ = stream.write_all(bytes);
        let mut reader = BufReader::new(stream);
        let (status, headers) = read_head(&mut reader);
        let mut body = Vec::new();
        let _ = reader.read_to_end(&mut body);
        let is_chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        Answer { status, headers, body: if is_chunked { dechunk(&body) } else { body } }
    }
}

/// A score against a scale of 1,000 votes, all of it reach.
pub(crate) fn score_of(score: f64) -> Score {
    let influence = (score / 100.0 * 1000_f64.ln_1p()).exp_m1();
    Score {
        score,
        influence,
        reach: influence,
        amplification: 1.0,
        network: 1.0,
        openness: 1.0,
        room: 1.0,
        audience: 0.0,
        received: Received::from([
            (vocabulary::Kind::Mention, 1),
            (vocabulary::Kind::Retweet, 2),
            (vocabulary::Kind::Reply, u64::MAX),
        ]),
        followers: 4,
        following: 5,
        as_of: 1_700_000_000_000,
        scale: 1000.0,
        scale_version: 7,
        previous: None,
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// The status and the headers; 0 and none if the connection was cut.
pub(crate) fn read_head(reader: &mut impl BufRead) -> (u16, Vec<(String, String)>) {
    let mut lines = Vec::new();
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|len| len > 0) && line.trim_end() != "" {
        lines.push(std::mem::take(&mut line).trim_end().to_owned());
    }
    let status = lines.first().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
    let header = |line: &String| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    (status, lines.iter().skip(1).filter_map(header).collect())
}

fn dechunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") {
        let len = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        body.extend(&bytes[end + 2..][..len]);
        bytes = &bytes[end + 2 + len + 2..];
    }
    body
}
