//! The stream of changes: what arrives, what is left out, and how a reader goes on.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serve::{ServerOptions, Update};
use wire::NameField;

use crate::client::{Site, connect, read_head};

struct Events(BufReader<TcpStream>);

#[derive(Debug, Default, PartialEq)]
struct Event {
    name: String,
    id: String,
    data: String,
}

impl Events {
    fn open(site: &Site, path: &str, last: Option<&str>) -> Events {
        let mut stream = connect(site.address());
        let last = last.map_or(String::new(), |id| format!("last-event-id: {id}\r\n"));
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{last}\r\n").as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let (status, headers) = read_head(&mut reader);
        assert_eq!(status, 200);
        assert!(headers.contains(&("content-type".into(), "text/event-stream".into())), "{headers:?}");
        Events(reader)
    }

    /// The next event with a name; `None` at the end.
    fn next(&mut self) -> Option<Event> {
        let mut event = Event::default();
        let mut line = String::new();
        while self.0.read_line(&mut line).unwrap() > 0 {
            match line.trim_end().split_once(": ") {
                Some(("event", name)) => event.name = name.into(),
                Some(("id", id)) => event.id = id.into(),
                Some(("data", data)) => event.data = data.into(),
                _ if line == "\n" && !event.name.is_empty() => return Some(event),
                _ => {}
            }
            line.clear();
        }
        None
    }

    fn next_score(&mut self) -> (String, f64) {
        let event = self.next().unwrap();
        assert_eq!(event.name, "score");
        let score: serde_json::Value = serde_json::from_str(&event.data).unwrap();
        (score["user"].as_str().unwrap().into(), score["score"].as_f64().unwrap())
    }
}

#[test]
fn changes_arrive_as_they_are_asked_for() {
    let site = Site::with_people();
    let mut all = Events::open(&site, "/v1/stream", None);
    let mut some = Events::open(&site, "/v1/stream?user=u1&user=u2", None);
    let mut large = Events::open(&site, "/v1/stream?min_change=5", None);
    site.score("u3", 3.5);
    site.score("u1", 20.0);
    site.remove("u2");
    assert_eq!(all.next_score(), ("u3".into(), 3.5));
    assert_eq!(all.next_score(), ("u1".into(), 20.0));
    for events in [&mut some, &mut large] {
        assert_eq!(events.next_score(), ("u1".into(), 20.0));
        let removed = events.next().unwrap();
        assert_eq!((&*removed.name, &*removed.data), ("removed", r#"{"user":"u2"}"#));
    }
}

/// A rename is told with the old score. Whoever does not agree to be named is named to those who asked by that name.
#[test]
fn names_change_and_are_not_told_of_those_who_do_not_agree() {
    let site = Site::with_people();
    let ana = "bluesky:did:plc:ana";
    site.score(ana, 50.0);
    let call = |field, value| site.view.apply(Update::Called { user: ana, field, value: Some(value) });
    call(NameField::Handle, "ana.example");
    // Streams begin behind what was before.
    site.view.show_changes();
    let mut all = Events::open(&site, "/v1/stream", None);
    let mut some = Events::open(&site, &format!("/v1/stream?user={ana}"), None);
    let next = |events: &mut Events| -> (String, String) {
        let Event { name, data, .. } = events.next().unwrap();
        (name, data)
    };
    call(NameField::Handle, "zoe.example");
    for events in [&mut all, &mut some] {
        let (_, renamed) = next(events);
        assert!(renamed.contains("\"score\":50.0") && renamed.contains("zoe.example"), "{renamed}");
    }
    call(NameField::Listed, "no");
    site.score(ana, 60.0);
    for _ in 0..2 {
        let (name, data) = next(&mut all);
        assert!(name == "score" && data.contains("\"user\":\"unlisted:"), "{data}");
        assert!(!data.contains("did:plc") && !data.contains("zoe"), "{data}");
        let (_, data) = next(&mut some);
        assert!(data.contains(ana) && !data.contains("zoe"), "{data}");
    }
    site.remove(ana);
    let (name, data) = next(&mut all);
    assert!(name == "removed" && data.starts_with("{\"user\":\"unlisted:"), "{data}");
    assert_eq!(next(&mut some), ("removed".into(), format!("{{\"user\":\"{ana}\"}}")));
}

#[test]
fn a_reader_goes_on_where_it_was_or_hears_that_it_cannot() {
    let site = Site::with_people();
    let mut events = Events::open(&site, "/v1/stream", None);
    site.score("u3", 3.5);
    let last = events.next().unwrap().id;
    drop(events);
    site.score("u4", 4.5);
    let mut events = Events::open(&site, "/v1/stream", Some(&last));
    assert_eq!(events.next_score(), ("u4".into(), 4.5));
    for unknown in ["00000000-1", "x", "", &last.replace('-', "-9999")] {
        let mut events = Events::open(&site, "/v1/stream", Some(unknown));
        assert_eq!(events.next().unwrap().name, "reset", "{unknown}");
    }
    // Those who fall behind have to begin again.
    (0..300_000_u32).for_each(|step| site.score("u5", f64::from(step % 50)));
    let mut events = Events::open(&site, "/v1/stream", Some(&last));
    assert_eq!(events.next().unwrap().name, "reset");
}

#[test]
fn a_reader_whom_nothing_concerns_hears_a_sign_of_life() {
    let site = Site::with_people();
    let mut events = Events::open(&site, "/v1/stream?user=u1", None);
    let began = std::time::Instant::now();
    let mut line = String::new();
    let mut steps = (0..40_u32).cycle();
    // Others move all the time.
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| while !line.contains(": alive") && events.0.read_line(&mut line).unwrap() > 0 {});
        while !reading.is_finished() {
            site.score("u2", steps.next().map_or(0.0, f64::from));
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    });
    assert!(line.contains(": alive"), "{line}");
    assert!((10..20).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[test]
fn streams_are_bounded_and_end_with_the_server() {
    let site = Site::start(ServerOptions { streams_max: 2, ..ServerOptions::default() });
    site.view.caught_up();
    let mut first = Events::open(&site, "/v1/stream", None);
    let second = Events::open(&site, "/v1/stream", None);
    assert_eq!(site.get("/v1/stream").status, 503);
    drop(second);
    let began = std::time::Instant::now();
    // The place of one who has gone is free after the next sign of life that nobody took.
    site.running.stop();
    assert_eq!(first.next(), None);
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
}
