//! Requests of tests to a server on this machine.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const ANSWER: Duration = Duration::from_secs(5);
/// The header that every request must have.
pub(crate) const HOST: &str = "host: localhost\r\n";

/// The status and the body of the answer to a plain request; `None` if nobody answers.
pub(crate) fn get(address: &str, path: &str) -> Option<(u16, String)> {
    get_with(address, path, HOST)
}

/// The status and the body of the answer to a request with these headers, each of them a line.
pub(crate) fn get_with(address: &str, path: &str, headers: &str) -> Option<(u16, String)> {
    let answer = ask(address, path, headers)?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// The whole answer to a request with these headers.
pub(crate) fn ask(address: &str, path: &str, headers: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(ANSWER)).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// The sum of a metric over its labels; 0 as long as nobody tells it.
pub(crate) fn metric(address: &str, name: &str) -> f64 {
    let (_, text) = get(address, "/metrics").unwrap_or_default();
    let lines = text.lines().filter(|line| line.starts_with(name) && !line.starts_with('#'));
    lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

/// Where a process serves, by what it has told in its log.
pub(crate) fn address_in(told: &str) -> Option<&str> {
    told.split_once("address=")?.1.split_whitespace().next()
}
