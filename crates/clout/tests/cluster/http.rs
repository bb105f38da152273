//! What a process serves, asked for as a probe does.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::process::Member;
use super::scene::wait_until;

/// Until a process that has been started serves.
const SERVING: Duration = Duration::from_secs(60);
const ANSWER: Duration = Duration::from_secs(5);

/// Where a process serves, once it has said so.
pub(crate) fn address(member: &mut Member) -> String {
    let address = |told: &str| Some(told.split_once("address=")?.1.split_whitespace().next()?.to_owned());
    wait_until("it serves", SERVING, || {
        member.check();
        address(&member.told_itself()).is_some()
    });
    address(&member.told_itself()).expect("it was there")
}

/// The status and the body of what is answered to a request with these lines; `None` if nobody answers.
pub(crate) fn get_with(address: &str, path: &str, headers: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(ANSWER)).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// The same of a plain request.
pub(crate) fn get(address: &str, path: &str) -> Option<(u16, String)> {
    get_with(address, path, "host: localhost\r\n")
}

/// The status of a plain request.
pub(crate) fn status(address: &str, path: &str) -> Option<u16> {
    get(address, path).map(|(status, _)| status)
}
