//! A Mastodon server's public stream, or what it notifies an account of. It does not tell again what was missed: that is asked of
//! the timeline, or of the list of notifications.

use std::convert::Infallible;
use std::time::Duration;

use reqwest::header::ACCEPT;
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use serde_json::value::RawValue;
use tracing::warn;

use crate::Part;
use crate::event_stream::{Events, parts};
use crate::feed::Feed;
use crate::trouble::{Ended, Trouble};
use crate::web::{Web, body};

/// The server sends a sign of life each 15 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// Statuses, or notifications, of a page; the server gives no more.
const PAGE: usize = 40;
/// Pages that are asked for after an interruption.
const PAGES_MAX: usize = 100;
/// Statuses of other servers have numbers by the time at which they were written, and come later: what was missed is asked for
/// from so long before the position.
const OVERLAP_MS: u64 = 600_000;

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow)]
    id: std::borrow::Cow<'a, str>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Instance {
    configuration: Configuration,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Configuration {
    urls: Addresses,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Addresses {
    streaming: Option<String>,
}

impl Part {
    fn stream(self) -> &'static str {
        match self {
            Part::Public => "/api/v1/streaming/public",
            Part::Local => "/api/v1/streaming/public/local",
            Part::Notifications => "/api/v1/streaming/user/notification",
        }
    }

    /// What was missed is in this list.
    fn list(self) -> &'static str {
        match self {
            Part::Public | Part::Local => "/api/v1/timelines/public",
            Part::Notifications => "/api/v1/notifications",
        }
    }

    /// The events whose numbers are positions.
    fn event(self) -> &'static [u8] {
        match self {
            Part::Public | Part::Local => b"update",
            Part::Notifications => b"notification",
        }
    }
}

/// Follows the stream until it ends.
pub(crate) async fn session(web: &Web, part: Part, feed: &mut Feed) -> Ended {
    match follow(web, part, feed).await {
        Ok(never) => match never {},
        Err(ended) => ended,
    }
}

async fn follow(web: &Web, part: Part, feed: &mut Feed) -> Result<Infallible, Ended> {
    let url = streaming(web, part, feed.was_connected).await?;
    let response = web.ask(web.get(url).header(ACCEPT, "text/event-stream"), feed.was_connected).await?;
    if response.status() != StatusCode::OK {
        return Err(web.refusal(response, feed.was_connected).await.into());
    }
    feed.connected(web.shown())?;
    // What comes meanwhile waits in the connection, so that no status is between the two.
    if let Some(position) = feed.position.clone() {
        fill(web, part, &position, feed).await?;
    }
    let (mut response, mut events) = (response, Events::default());
    loop {
        let piece = match tokio::time::timeout(SILENCE_MAX, response.chunk()).await {
            Ok(Ok(Some(piece))) => piece,
            Ok(Ok(None)) => return Err(Trouble::passing("the server has ended the stream").into()),
            Ok(Err(error)) => return Err(Trouble::of_client(error, true).into()),
            Err(_) => return Err(Trouble::passing("the server says nothing").into()),
        };
        if !events.push(&piece) {
            return Err(Trouble::passing("an event is larger than any status").into());
        }
        while let Some(event) = events.next() {
            let (name, data) = parts(&event);
            let number = (name == part.event()).then(|| number(data)).flatten();
            let position = number.and_then(|number| newer(feed.position.as_deref(), &number));
            feed.message(event, position)?;
        }
    }
}

/// The address of the stream, which may be on a host of its own.
async fn streaming(web: &Web, part: Part, was_connected: bool) -> Result<Url, Ended> {
    let mut url = web.below(part.stream());
    let response = web.ask(web.get(web.below("/api/v2/instance")), was_connected).await?;
    match response.status() {
        StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS => {
            return Err(web.refusal(response, was_connected).await.into());
        }
        StatusCode::OK => {}
        // Servers of other makes do not tell.
        _ => return Ok(url),
    }
    let Instance { configuration } = serde_json::from_slice(&body(response).await?).unwrap_or_default();
    let told = configuration.urls.streaming.as_deref().and_then(|told| Url::parse(told).ok());
    // The token goes nowhere by a less safe way than it was given for.
    if let Some(told) = told.filter(|told| told.scheme() == "wss" && web.url.scheme() == "https") {
        let is_set = url.set_host(told.host_str()).is_ok() && url.set_port(told.port()).is_ok();
        if !is_set {
            return Err(Trouble::passing("the server tells no usable address of its streams").into());
        }
    }
    Ok(url)
}

/// Hands over what the list has behind a position, the oldest first.
async fn fill(web: &Web, part: Part, position: &str, feed: &mut Feed) -> Result<(), Ended> {
    let mut behind = before(position);
    for _ in 0..PAGES_MAX {
        let mut url = web.below(part.list());
        url.query_pairs_mut().append_pair("min_id", &behind).append_pair("limit", &PAGE.to_string());
        if part != Part::Notifications {
            url.query_pairs_mut().append_pair("local", if part == Part::Local { "true" } else { "false" });
        }
        let response = web.ask(web.get(url), true).await?;
        if response.status() != StatusCode::OK {
            return Err(web.refusal(response, true).await.into());
        }
        let page = body(response).await?;
        let statuses: Vec<&RawValue> = serde_json::from_slice(&page)
            .map_err(|error| Trouble::passing(format!("what was missed is told in no list: {error}")))?;
        let mut newest = None;
        for status in statuses.iter().rev() {
            let number = number(status.get().as_bytes());
            let position = number.as_deref().and_then(|number| newer(feed.position.as_deref(), number));
            newest = number.and_then(|number| newer(newest.as_deref(), &number)).or(newest);
            feed.message(status.get().as_bytes().to_vec(), position)?;
        }
        match newest.and_then(|newest| newer(Some(&behind), &newest)) {
            Some(newest) => behind = newest,
            None => return Ok(()),
        }
    }
    warn!(statuses = PAGE * PAGES_MAX, "more was missed than is asked for; the rest is left out");
    Ok(())
}

fn number(status: &[u8]) -> Option<String> {
    let Status { id } = serde_json::from_slice(status).ok()?;
    let is_plain = !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain.then(|| id.into_owned())
}

/// The second number, if it is the newer one.
fn newer(known: Option<&str>, number: &str) -> Option<String> {
    let is_newer = known.is_none_or(|known| (number.len(), number) > (known.len(), known));
    is_newer.then(|| number.to_owned())
}

/// A number from before a position. Mastodon's have milliseconds in front of 16 bits; those of other makes are taken as they are.
fn before(position: &str) -> String {
    match position.parse::<u64>() {
        Ok(number) if number >> 16 > OVERLAP_MS => (((number >> 16) - OVERLAP_MS) << 16).to_string(),
        _ => position.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers() {
        assert_eq!(newer(Some("99"), "100").as_deref(), Some("100"));
        assert_eq!(newer(Some("100"), "99"), None);
        assert_eq!(newer(None, "1").as_deref(), Some("1"));
        assert_eq!(number(br#"{"id":"12","content":"\u0041"}"#).as_deref(), Some("12"));
        for status in [&b"5"[..], br#"{"id":5}"#, br#"{"id":"a b"}"#] {
            assert_eq!(number(status), None);
        }
        assert_eq!(before(&(1_000_000u64 << 16).to_string()), (400_000u64 << 16).to_string());
        assert_eq!((before("12"), before("01HX")), ("12".to_owned(), "01HX".to_owned()));
    }
}
