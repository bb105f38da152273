//! Requests that mean no good get an error or are cut.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use serve::ServerOptions;

use crate::client::{Site, connect};

#[test]
fn every_error_is_a_problem() {
    let site = Site::with_people();
    let long = "x".repeat(9_000);
    let header = [("x-long", "y".repeat(20_000))];
    let header = header.each_ref().map(|(name, value)| (*name, value.as_str()));
    for (answer, status) in [
        (site.get("/nothing"), 404),
        (site.get("/v1/users/a/b"), 404),
        (site.ask("DELETE", "/v1/ranking", &[], b""), 405),
        (site.get(&format!("/v1/users/{long}")), 414),
        (site.ask("GET", "/v1/ranking", &header, b""), 431),
        (site.get("/v1/users/%FF%FE"), 400),
        (site.get("/v1/search?prefix=%FF"), 400),
        (site.get("/v1/users/%2e%2e%2f%2e%2e%2fetc%2fpasswd"), 404),
    ] {
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let problem = answer.json();
        assert_eq!(problem["status"], status);
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
    assert!(site.ask("DELETE", "/v1/ranking", &[], b"").header("allow").is_some_and(|allow| allow.contains("GET")));
}

#[test]
fn somebody_with_a_browser_is_told_in_words() {
    let site = Site::with_people();
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let answer = site.ask("GET", "/nothing", &browser, b"");
    assert_eq!((answer.status, answer.header("content-type")), (404, Some("text/html; charset=utf-8")));
    assert!(String::from_utf8(answer.body).unwrap().contains("No such page"));
    // The API speaks to programs, whoever asks.
    let answer = site.ask("GET", "/v1/users/nobody", &browser, b"");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
}

#[test]
fn what_is_no_http_is_refused_or_cut() {
    let site = Site::with_people();
    let endless = format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(1 << 20));
    let mut noise = vec![0_u8; 4096];
    noise.iter_mut().zip(1_u32..).for_each(|(byte, at)| *byte = (at.wrapping_mul(2_654_435_761) >> 24) as u8);
    for bytes in
        [endless.as_bytes(), &noise, b"\r\n\r\n\r\n", b"GET /v1/users/\xff HTTP/1.1\r\nhost: localhost\r\n\r\n", b"GET"]
    {
        let mut stream = connect(site.address());
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer);
        assert!(answer.is_empty() || text.starts_with("HTTP/1.1 4"), "{text}");
    }
    assert_eq!(site.get("/health/live").status, 200);
}

/// Of this process, where the system tells: the server runs in it, and so do those who ask.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()).unwrap_or(0) * 1024
}

#[test]
fn giant_heads_and_bodies_take_no_memory_to_speak_of() {
    let site = Site::with_people();
    let piece = vec![b'x'; 1 << 20];
    let before = resident_bytes();
    let post = "POST /v1/users/lookup HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let heads = [
        "GET / HTTP/1.1\r\nx: ".to_owned(),
        format!("{post}content-length: 999999999999\r\n\r\n"),
        format!("{post}transfer-encoding: chunked\r\n\r\n40000000\r\n"),
    ];
    let mut open = Vec::new();
    for head in heads.iter().cycle().take(150) {
        let mut stream = connect(site.address());
        stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        // Four megabytes each, as far as somebody takes them.
        let _ = stream.write_all(head.as_bytes()).and_then(|()| (0..4).try_for_each(|_| stream.write_all(&piece)));
        open.push(stream);
    }
    let grown = resident_bytes().saturating_sub(before) >> 20;
    assert!(grown < 150, "{grown} MiB more for 150 connections");
    assert_eq!(site.get("/health/live").status, 200);
}

#[test]
fn slow_ones_are_cut_and_idle_ones_do_not_keep_others_out() {
    let options = ServerOptions {
        request_timeout: Duration::from_secs(1),
        peer_connections_max: Some(4_000),
        ..ServerOptions::default()
    };
    let site = Site::start(options);
    site.view.caught_up();
    let idle: Vec<_> = (0..2_000).map(|_| connect(site.address())).collect();
    let mut slow_head = connect(site.address());
    slow_head.write_all(b"GET /v1/ranking HTTP/1.1\r\nho").unwrap();
    let mut slow_body = connect(site.address());
    slow_body
        .write_all(b"POST /v1/users/lookup HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{")
        .unwrap();
    assert_eq!(site.get("/health/live").status, 200);
    let began = Instant::now();
    let mut text = [0; 12];
    slow_body.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"HTTP/1.1 408");
    let mut rest = Vec::new();
    let _ = slow_head.read_to_end(&mut rest);
    assert!(began.elapsed() < Duration::from_secs(20), "a slow head is cut after ten seconds");
    drop(idle);
}

#[test]
fn whatever_is_asked_gets_an_answer_or_a_problem() {
    const PIECES: [&str; 24] = [
        "/",
        "v1",
        "users",
        "u1",
        "ranking",
        "stream",
        "history",
        "?",
        "&",
        "=",
        "limit",
        "cursor",
        "prefix",
        "%",
        "%2F",
        "%00",
        "%F0%9F%99%82",
        "..",
        "-1",
        "1e999",
        "min_score",
        ":",
        "\u{7f}",
        "user=u1",
    ];
    let site = Site::with_people();
    let mut seed = 7_u32;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as usize % below
    };
    for _ in 0..300 {
        let path: String = (0..next(12)).map(|_| PIECES[next(PIECES.len())]).collect();
        // A stream would not end.
        let path = format!("/v1/{path}").replace("/v1/stream", "/v1/strea");
        let method = ["GET", "POST", "HEAD", "OPTIONS", "BREW"][next(5)];
        let answer = site.ask(method, &path, &[("content-type", "application/json")], b"{\"users\": [\"u1\"");
        // A byte that no address may hold ends it before anything of ours sees it.
        let is_http = !path.contains('\u{7f}');
        assert!((200..500).contains(&answer.status), "{method} {path}: {answer:?}");
        if answer.status >= 400 && is_http && method != "HEAD" {
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{method} {path}: {answer:?}");
        }
    }
}
