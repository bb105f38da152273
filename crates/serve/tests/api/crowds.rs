//! Many connections: one address leaves room for others, and health and metrics are answered whatever is full.

use std::io::{BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serve::{Server, ServerOptions};
use tokio::net::TcpSocket;

use crate::client::{Answer, Site, read_head};

/// An answer is soon there, or not at all.
const SOON: Duration = Duration::from_secs(2);

/// A site on all addresses of this machine, so that there are several to ask from.
fn site(options: ServerOptions) -> Site {
    let view = Arc::new(serve::View::default());
    view.caught_up();
    let options = ServerOptions { listen: (Ipv4Addr::UNSPECIFIED, 0).into(), ..options };
    let running = Server::new(Arc::clone(&view), options).start().unwrap();
    Site { view, running }
}

/// Any address of 127.0.0.0/8 is this machine.
fn connect_from(site: &Site, last: u8) -> TcpStream {
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, site.address().port()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into()).unwrap();
        socket.connect(to).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

fn ask_on(mut stream: TcpStream, path: &str) -> Option<Answer> {
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).ok()?;
    let mut reader = BufReader::new(stream);
    let (status, headers) = read_head(&mut reader);
    let len = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    (status > 0).then_some(Answer { status, headers, body })
}

/// A probe asks once: whatever else there is, it is answered at once.
fn hold_operators_get_answers(site: &Site, from: u8) {
    for path in ["/health/live", "/health/ready", "/metrics"] {
        let began = Instant::now();
        let answer = ask_on(connect_from(site, from), path);
        assert_eq!(answer.map(|answer| answer.status), Some(200), "{path}");
        assert!(began.elapsed() < SOON, "{path} after {:?}", began.elapsed());
    }
}

#[test]
fn one_address_leaves_room_for_others() {
    let site = site(ServerOptions { connections_max: 64, ..ServerOptions::default() });
    let idle: Vec<_> = (0..300).map(|_| connect_from(&site, 1)).collect();
    let mine = ask_on(connect_from(&site, 1), "/v1/ranking").unwrap();
    assert_eq!((mine.status, mine.header("connection")), (429, Some("close")), "{mine:?}");
    assert!(mine.json()["detail"].as_str().unwrap().contains("your address"), "{mine:?}");
    let another = ask_on(connect_from(&site, 2), "/v1/ranking").unwrap();
    assert_eq!(another.status, 200, "{another:?}");
    hold_operators_get_answers(&site, 1);
    drop(idle);
    let began = Instant::now();
    while ask_on(connect_from(&site, 1), "/v1/ranking").is_none_or(|answer| answer.status != 200) {
        assert!(began.elapsed() < SOON, "who has gone makes room");
    }
}

#[test]
fn health_and_metrics_are_answered_when_all_is_full() {
    let site = site(ServerOptions { connections_max: 64, peer_connections_max: Some(64), ..ServerOptions::default() });
    // Streams, idle connections, slow heads: each holds what it has.
    let mut held: Vec<_> = (0..64).map(|place| connect_from(&site, 1 + place % 4)).collect();
    for (place, stream) in held.iter_mut().enumerate() {
        let text = ["", "GET /v1/ranking HTTP/1.1\r\nho", "GET /v1/stream HTTP/1.1\r\nhost: localhost\r\n\r\n"];
        stream.write_all(text[place % text.len()].as_bytes()).unwrap();
    }
    let refused = ask_on(connect_from(&site, 9), "/v1/ranking").unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")), "{refused:?}");
    hold_operators_get_answers(&site, 9);
    hold_operators_get_answers(&site, 1);
    // Somebody knocks all the time, and says nothing; here from the very address of the probe.
    let stop = AtomicBool::new(false);
    let answers = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Relaxed) {
                let crowd: Vec<_> = (0..100).map(|_| connect_from(&site, 1)).collect();
                std::thread::sleep(Duration::from_millis(50));
                drop(crowd);
            }
        });
        let ask = |_| ask_on(connect_from(&site, 1), "/health/live").map(|answer| answer.status);
        let answers: Vec<_> = (0..20).map(ask).collect();
        // Whatever came of it, the knocking ends.
        stop.store(true, Relaxed);
        answers
    });
    assert_eq!(answers, [Some(200); 20]);
}

#[test]
fn streams_of_one_address_leave_room_for_others() {
    let site = site(ServerOptions { streams_max: 16, ..ServerOptions::default() });
    let open = |from| {
        let mut stream = connect_from(&site, from);
        stream.write_all(b"GET /v1/stream HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        let mut reader = BufReader::new(stream);
        (read_head(&mut reader).0, reader)
    };
    let mine: Vec<_> = (0..8).map(|_| open(1)).collect();
    assert!(mine.iter().all(|(status, _)| *status == 200));
    assert_eq!(open(1).0, 429);
    let others: Vec<_> = (0..8).map(|_| open(2)).collect();
    assert!(others.iter().all(|(status, _)| *status == 200));
    assert_eq!(open(3).0, 503);
    assert_eq!(ask_on(connect_from(&site, 1), "/v1/ranking").unwrap().status, 200);
}

#[test]
fn names_of_other_servers_get_nothing() {
    let site = Site::start(ServerOptions { hosts: vec!["scores.example.org".into()], ..ServerOptions::default() });
    site.view.caught_up();
    let status = |head: &str| site.send(format!("GET {head}connection: close\r\n\r\n").as_bytes()).status;
    let port = site.address().port();
    for path in ["/", "/v1/ranking", "/v1/status", "/metrics", "/openapi.json", "/app.js", "/nothing"] {
        assert_eq!(status(&format!("{path} HTTP/1.1\r\nhost: evil.example:{port}\r\n")), 421, "{path}");
        assert_eq!(status(&format!("{path} HTTP/1.1\r\n")), 400, "{path}");
        assert_eq!(status(&format!("{path} HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n")), 400, "{path}");
    }
    for host in ["localhost", "127.0.0.1", "[::1]", "Scores.Example.Org"] {
        assert_eq!(status(&format!("/v1/ranking HTTP/1.1\r\nhost: {host}:{port}\r\n")), 200, "{host}");
    }
    // A probe goes by an address that nobody has written down.
    assert_eq!(status("/health/live HTTP/1.1\r\nhost: 192.0.2.1:8080\r\n"), 200);
    let wrong = ServerOptions { hosts: vec!["https://example.org".into()], ..ServerOptions::default() };
    let error = Server::new(Arc::default(), wrong).start().unwrap_err();
    assert!(error.to_string().contains("is not a host name"), "{error}");
}

#[test]
fn no_answer_is_for_another_site() {
    let site = Site::with_people();
    for path in ["/v1/users/u1", "/v1/users/nobody", "/metrics", "/nothing", "/", "/app.js"] {
        let answer = site.get(path);
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
    }
}
