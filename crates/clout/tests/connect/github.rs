//! GitHub's public events.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use testbroker::Broker;

use super::http::{Request, Server, answer};
use super::{Scene, acts_of, by_kind, replayed, samples};
use crate::cluster::wait_until;
use crate::common::Scratch;

const GITHUB: &[&str] = &["github"];
const SOON: Duration = Duration::from_secs(40);

/// Two lists, one after the other. The first one has two pages, the second one repeats some of the first.
fn serve(lines: &[String], is_second: &AtomicBool, number: usize, request: &Request, stream: &mut TcpStream) {
    let list = |lines: &[String]| format!("[{}]", lines.join(","));
    let limits = "x-poll-interval: 1\r\nx-ratelimit-remaining: 4000\r\nx-ratelimit-reset: 1\r\n";
    match (number, request.path.as_str()) {
        (0, _) => answer(stream, "429 Too Many Requests", "retry-after: 2\r\n", ""),
        (_, "/events") if request.pair("page") == Some("2") => answer(stream, "200 OK", limits, &list(&lines[..3])),
        (_, "/events") => {
            let tag = if is_second.load(SeqCst) { "\"b\"" } else { "\"a\"" };
            let headers = format!("{limits}etag: {tag}\r\n");
            if request.header("if-none-match") == Some(tag) {
                return answer(stream, "304 Not Modified", &headers, "");
            }
            let next = format!("link: </events?per_page=100&page=2>; rel=\"next\"\r\n{headers}");
            match is_second.load(SeqCst) {
                false => answer(stream, "200 OK", &next, &list(&lines[3..6])),
                true => answer(stream, "200 OK", &headers, &list(&lines[4..])),
            }
        }
        _ => answer(stream, "404 Not Found", "", "{\"message\":\"Not Found\"}"),
    }
}

#[test]
fn pages_are_read_once_and_the_server_is_asked_as_it_wants() {
    let _room = crate::waits();
    let (Some(broker), Some(samples)) = (Broker::shared(), samples()) else { return };
    let path = samples.join("github-events.jsonl");
    let text = std::fs::read_to_string(&path).expect("a sample");
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let is_second = Arc::new(AtomicBool::new(false));
    let server = {
        let (lines, is_second) = (lines.clone(), Arc::clone(&is_second));
        Server::start(move |number, request, stream| serve(&lines, &is_second, number, request, stream))
    };
    let scene = Scene::new(broker, GITHUB);
    let stream = format!("github:{}", server.address);
    let token = Scratch::new("token", "secret\n");
    let start = || scene.start(&server.url(), &["--token-file", token.path()]);
    let connector = start();
    let is_known = |tag: &str| scene.position(&stream).as_deref() == Some(tag);
    wait_until("the first list is read", SOON, || is_known("\"a\""));
    let asked_by_then = server.asked().len();
    wait_until("it asks again", SOON, || server.asked().len() > asked_by_then);
    connector.kill();
    is_second.store(true, SeqCst);
    let before = server.asked().len();
    let connector = start();
    wait_until("the second list is read", SOON, || is_known("\"b\""));
    let (code, told) = connector.stop();
    assert_eq!(code, Some(0), "{told}");
    let acts = scene.acts();
    assert_eq!(acts, acts_of(lines.iter().map(String::as_str)), "{told}");
    assert_eq!(by_kind(&acts), replayed(broker, path.to_str().expect("a path")));
    let asked = server.asked();
    let version = env!("CARGO_PKG_VERSION");
    for request in &asked {
        assert_eq!(request.header("user-agent"), Some(&*format!("clout/{version}")));
        assert_eq!(request.header("authorization"), Some("Bearer secret"));
    }
    let since = |number: usize| asked[number].at - asked[number - 1].at;
    assert!(since(1) >= Duration::from_secs(2), "{:?}", since(1));
    // The second page is asked for at once, and the list again after the server's interval, by its tag.
    assert_eq!((asked[2].pair("page"), asked[3].header("if-none-match")), (Some("2"), Some("\"a\"")));
    assert!(since(3) >= Duration::from_secs(1), "{:?}", since(3));
    assert_eq!(asked[before].header("if-none-match"), Some("\"a\""), "the tag is kept");
}

#[test]
fn what_the_server_refuses_is_told() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let server = Server::start(|_, request, stream| match request.header("authorization") {
        Some(_) => answer(stream, "401 Unauthorized", "", "{\"message\":\"Bad credentials\"}"),
        None => answer(stream, "404 Not Found", "", "<html>"),
    });
    let scene = Scene::new(broker, GITHUB);
    let (token, nothing) = (Scratch::new("token", "secret\n"), Scratch::new("token", "\n"));
    for (more, expected) in [
        (
            &["--token-file", token.path()][..],
            "401 Unauthorized: the token is not accepted; see that it is one of this server ({\"message\":\"Bad credentials\"})",
        ),
        (&[], "404 Not Found: there is no such stream at this address"),
        (&["--token-file", nothing.path()], "does not hold a token: it is one word, on one line"),
        (&["--local"], "--local is not for GitHub"),
    ] {
        let (code, told) = scene.start(&server.url(), more).ended();
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains(expected) && !told.contains("secret"), "{told}");
    }
}
