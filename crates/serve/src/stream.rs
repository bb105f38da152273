//! Server-sent events: what changes, as it changes. Each reader walks the one ring of changes at the pace at which it
//! reads; nothing is queued for it. One that falls behind the ring is dropped. Readers take turns, so that thousands of
//! hungry ones leave the threads to whoever asks for a score.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use crate::changes::{Batch, Change, Lost};
use crate::doors::{Pass, Thing, Visitor};
use crate::problem::Problem;
use crate::question::Question;
use crate::routes::App;
use crate::view::{View, pseudonym};

/// A sign of life.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// What is written at once, about.
const CHUNK_BYTES: usize = 32 << 10;
/// After so much work for streams they all rest for as long: half of one processor is theirs at most.
const WORK: Duration = Duration::from_millis(1);
/// Users that one stream may name.
const USERS_MAX: usize = 1_000;

/// Which changes a reader wants.
#[derive(Debug)]
struct Filter {
    /// Hashes of names, sorted; everybody's if there are none.
    users: Vec<u64>,
    /// Points.
    min_change: f32,
}

impl Filter {
    fn read(query: Option<&str>, view: &View) -> Result<Filter, Problem> {
        let mut question = Question::read(query, &["user", "min_change"])?;
        let users = question.all("user");
        if users.len() > USERS_MAX {
            return Err(Problem::bad_request(format!("at most {USERS_MAX} users in one stream")));
        }
        let mut users: Vec<u64> = users.iter().map(|user| view.key_of(user)).collect();
        users.sort_unstable();
        Ok(Filter { users, min_change: question.number("min_change", 0.0..=100.0)?.unwrap_or(0.0) })
    }

    fn wants(&self, change: &Change) -> bool {
        (self.users.is_empty() || self.users.binary_search(&change.key).is_ok())
            && change.moved().is_none_or(|moved| moved.abs() >= self.min_change)
    }
}

/// One reader.
struct Reader {
    app: Arc<App>,
    filter: Filter,
    /// The sequence of the next change to look at.
    next: u64,
    sealed: watch::Receiver<u64>,
    stop: watch::Receiver<bool>,
    greeting: Option<Vec<u8>>,
    /// When it was last told anything.
    told_at: Instant,
    _pass: Option<Pass>,
}

/// Begins a stream, where the reader left off if that is still known.
pub(crate) fn begin(app: Arc<App>, request: &Request) -> Result<Response, Problem> {
    let filter = Filter::read(request.uri().query(), &app.view)?;
    // Every connection has a visitor; only what asks without one has none.
    let pass = request.extensions().get::<Visitor>().map(|visitor| app.doors.enter(Thing::Stream, visitor.peer));
    let pass = pass.transpose().map_err(|full| Problem::full(full, "streams"))?;
    let now = app.view.changes().next();
    let asked = request.headers().get("last-event-id");
    let resumed = asked.and_then(|id| app.sequence(id.to_str().ok()?));
    let next = resumed.filter(|&next| app.view.changes().from(next).is_ok());
    let greeting = match next {
        None if asked.is_some() => format!("event: reset\nid: {}\ndata: {{}}\n\n", app.event_id(now)),
        _ => format!(": ok\nid: {}\n\n", app.event_id(next.unwrap_or(now))),
    };
    let reader = Reader {
        filter,
        next: next.unwrap_or(now),
        sealed: app.view.changes().watch(),
        stop: app.stop.clone(),
        greeting: Some(greeting.into_bytes()),
        told_at: Instant::now(),
        _pass: pass,
        app,
    };
    let chunks = stream::unfold(reader, |mut reader| async move {
        let chunk = reader.chunk().await?;
        Some((Ok::<Bytes, std::convert::Infallible>(chunk), reader))
    });
    let mut response = Body::from_stream(chunks).into_response();
    for (name, value) in [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

impl Reader {
    /// What is to be written next; `None` ends the stream.
    async fn chunk(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting.into());
        }
        while !*self.stop.borrow() {
            self.sealed.borrow_and_update();
            let text = self.news_in_turn().await?;
            if !text.is_empty() {
                self.told_at = Instant::now();
                return Some(text.into());
            }
            let change = async {
                tokio::select! {
                    changed = self.sealed.changed() => changed.is_ok(),
                    stopped = self.stop.changed() => stopped.is_ok(),
                }
            };
            match timeout_at(self.told_at + HEARTBEAT, change).await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(_) => {
                    self.told_at = Instant::now();
                    return Some(format!(": alive\nid: {}\n\n", self.app.event_id(self.next)).into());
                }
            }
        }
        None
    }

    async fn news_in_turn(&mut self) -> Option<Vec<u8>> {
        let app = Arc::clone(&self.app);
        let mut spent = app.turns.lock().await;
        let began = Instant::now();
        let news = self.news();
        *spent += began.elapsed();
        if *spent > WORK {
            sleep(std::mem::take(&mut *spent)).await;
        }
        news
    }

    /// What the reader wants of what there is; `None` if it has fallen behind the ring.
    fn news(&mut self) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        while text.len() < CHUNK_BYTES {
            match self.app.view.changes().from(self.next) {
                Ok(Some(batch)) => self.tell(&batch, &mut text),
                Ok(None) => break,
                Err(Lost) => {
                    self.app.metrics.dropped();
                    return None;
                }
            }
        }
        Some(text)
    }

    /// Writes what the reader wants of a batch, as far as it fits.
    fn tell(&mut self, batch: &Batch, text: &mut Vec<u8>) {
        let mut written = batch.written.lock();
        let skipped = (self.next - batch.first) as usize;
        for (place, change) in batch.changes.iter().enumerate().skip(skipped) {
            self.next += 1;
            if self.filter.wants(change) {
                match &mut *written {
                    // Whoever asked for somebody by name hears that name; all others share what is written once.
                    Some(written) if !self.is_asked(change) => self.tell_shared(change, place, written, text),
                    _ => text.extend(self.write(change)),
                }
            }
            if text.len() >= CHUNK_BYTES {
                return;
            }
        }
    }

    /// Tells a change as it was written for the first reader who wanted it.
    fn tell_shared(&self, change: &Change, place: usize, written: &mut Vec<Bytes>, text: &mut Vec<u8>) {
        if written.len() <= place {
            written.resize(place + 1, Bytes::new());
        }
        if written[place].is_empty() {
            written[place] = self.write(change).into();
        }
        // Of somebody who is gone meanwhile, only that is told, and soon.
        if change.moved().is_none() || change.person.record().is_some() {
            text.extend(&written[place]);
        }
    }

    /// Whether the change is of somebody who is called by name only where somebody asked for that name, as this reader has.
    fn is_asked(&self, change: &Change) -> bool {
        !self.filter.users.is_empty() && (change.is_hidden || self.app.view.is_hidden(&change.person.name))
    }

    /// A change as an event; empty if the person is gone.
    fn write(&self, change: &Change) -> Vec<u8> {
        let is_asked = !self.filter.users.is_empty();
        let (event, data) = match change.moved() {
            None => {
                let user = match change.is_hidden && !is_asked {
                    true => pseudonym(change.key),
                    false => change.person.name.to_string(),
                };
                ("removed", serde_json::to_vec(&serde_json::json!({ "user": user })))
            }
            Some(_) => match self.app.view.answer(&change.person, is_asked) {
                Some(answer) => ("score", serde_json::to_vec(&answer)),
                None => return Vec::new(),
            },
        };
        let Ok(data) = data else { return Vec::new() };
        let mut text = format!("event: {event}\nid: {}\ndata: ", self.app.event_id(self.next)).into_bytes();
        text.extend(data);
        text.extend(b"\n\n");
        text
    }
}
