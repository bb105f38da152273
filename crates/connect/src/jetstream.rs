//! Bluesky's Jetstream: a WebSocket that is asked from a time on.

use std::io::Read;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::header::{CONNECTION, UPGRADE};
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::MESSAGE_BYTES_MAX;
use crate::feed::Feed;
use crate::trouble::{Ended, Trouble};
use crate::web::Web;

/// Collections that are asked for unless the address names some: whoever asks for all gets three times as much.
const COLLECTIONS: [&str; 6] = [
    "app.bsky.feed.like",
    "app.bsky.feed.post",
    "app.bsky.feed.repost",
    "app.bsky.graph.follow",
    "app.bsky.graph.block",
    "app.bsky.actor.profile",
];
/// What messages that are packed by zstd begin with.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Servers stamp messages by clocks of their own, so each is asked for what came so long before the position.
const OVERLAP_MICROS: i64 = 5_000_000;
/// After so long without a message the server is asked whether it is there, and given up after twice that.
const SILENCE_MAX: Duration = Duration::from_secs(20);

#[derive(Deserialize)]
struct Stamped {
    time_us: Option<i64>,
}

/// Follows the stream until it ends.
pub(crate) async fn session(web: &Web, feed: &mut Feed) -> Ended {
    match follow(web, feed).await {
        Ok(never) => match never {},
        Err(ended) => ended,
    }
}

async fn follow(web: &Web, feed: &mut Feed) -> Result<std::convert::Infallible, Ended> {
    let url = asked(&web.url, feed.position.as_deref());
    let key = generate_key();
    let request = web
        .get(url)
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", &key);
    let response = web.ask(request, feed.was_connected).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(match response.status().is_success() {
            true => Trouble { is_final: !feed.was_connected, ..Trouble::passing("it is not a WebSocket") }.into(),
            false => web.refusal(response, feed.was_connected).await.into(),
        });
    }
    let accepted = response.headers().get("sec-websocket-accept").map(|value| value.as_bytes().to_vec());
    if accepted.as_deref() != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
        return Err(Trouble::passing("it is not a WebSocket: it answers another key").into());
    }
    let socket = response.upgrade().await.map_err(|error| Trouble::of_client(error, feed.was_connected))?;
    let limits =
        WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES_MAX)).max_frame_size(Some(MESSAGE_BYTES_MAX));
    let mut socket = WebSocketStream::from_raw_socket(socket, Role::Client, Some(limits)).await;
    feed.connected(web.shown())?;
    let mut is_silent = false;
    loop {
        let message = match tokio::time::timeout(SILENCE_MAX, socket.next()).await {
            Ok(Some(message)) => message.map_err(broken)?,
            Ok(None) => return Err(Trouble::passing("the server has ended the stream").into()),
            Err(_) if is_silent => return Err(Trouble::passing("the server says nothing").into()),
            Err(_) => {
                is_silent = true;
                socket.send(Message::Ping(Default::default())).await.map_err(broken)?;
                continue;
            }
        };
        is_silent = false;
        match message {
            Message::Text(text) => {
                let position = position(text.as_bytes());
                feed.message(text.as_bytes().to_vec(), position)?;
            }
            Message::Binary(bytes) => {
                let bytes = unpacked(&bytes)?;
                let position = position(&bytes);
                feed.message(bytes, position)?;
            }
            Message::Close(frame) => {
                let why = frame.map_or_else(String::new, |frame| format!(": {frame}"));
                return Err(Trouble::passing(format!("the server has closed the stream{why}")).into());
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
}

/// A message that is sent as bytes: some servers pack each by itself.
fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, Trouble> {
    if !bytes.starts_with(&ZSTD_MAGIC) {
        return Ok(bytes.to_vec());
    }
    let mut message = Vec::new();
    let mut unpacking = || {
        let packed = zstd::stream::read::Decoder::new(bytes)?;
        packed.take(MESSAGE_BYTES_MAX as u64 + 1).read_to_end(&mut message)
    };
    match unpacking() {
        Ok(size) if size <= MESSAGE_BYTES_MAX => Ok(message),
        Ok(_) => Err(Trouble::passing("a message is larger than any")),
        Err(error) => Err(Trouble::passing(format!("a message cannot be unpacked: {error}"))),
    }
}

fn broken(error: Error) -> Trouble {
    Trouble::passing(format!("the stream breaks off: {error}"))
}

/// The address with what is wanted.
fn asked(url: &Url, position: Option<&str>) -> Url {
    let mut url = url.clone();
    let has = |name: &str| url.query_pairs().any(|(key, _)| key == name);
    let (has_collections, has_limit) = (has("wantedCollections"), has("maxMessageSizeBytes"));
    // What the address says of a beginning holds until a position is known.
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(key, _)| key != "cursor" || position.is_none())
        // Messages that the server packs want its dictionary, which is not ours to ship.
        .filter(|(key, _)| key != "compress")
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    url.set_query(None);
    {
        let mut pairs = url.query_pairs_mut();
        pairs.extend_pairs(kept);
        if !has_collections {
            pairs.extend_pairs(COLLECTIONS.map(|collection| ("wantedCollections", collection)));
        }
        if !has_limit {
            pairs.append_pair("maxMessageSizeBytes", &MESSAGE_BYTES_MAX.to_string());
        }
        if let Some(micros) = position.and_then(|position| position.parse::<i64>().ok()) {
            pairs.append_pair("cursor", &micros.saturating_sub(OVERLAP_MICROS).to_string());
        }
    }
    url
}

/// The time that the server stamped a message with.
fn position(message: &[u8]) -> Option<String> {
    let Stamped { time_us } = serde_json::from_slice(message).ok()?;
    Some(time_us?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_asked_for_what_came_shortly_before_the_position() {
        let query = |url: &str, position| {
            let url = asked(&Url::parse(url).unwrap(), position);
            url.query().unwrap_or_default().replace("wantedCollections=app.bsky.", "")
        };
        let all = "feed.like&feed.post&feed.repost&graph.follow&graph.block&actor.profile&maxMessageSizeBytes=4194304";
        assert_eq!(query("https://a.example.com/subscribe", None), all);
        assert_eq!(query("https://a.example.com/subscribe", Some("9000000")), format!("{all}&cursor=4000000"));
        let own = "https://a.example.com/subscribe?wantedCollections=x.y&cursor=1&compress=true&maxMessageSizeBytes=9";
        assert_eq!(query(own, None), "wantedCollections=x.y&cursor=1&maxMessageSizeBytes=9");
        assert_eq!(query(own, Some("9000000")), "wantedCollections=x.y&maxMessageSizeBytes=9&cursor=4000000");
    }

    #[test]
    fn a_packed_message_is_unpacked_and_a_torn_one_is_told() {
        let message = br#"{"did":"a","time_us":12,"kind":"commit"}"#;
        let packed = zstd::stream::encode_all(&message[..], 3).unwrap();
        assert_eq!(unpacked(&packed).unwrap(), message);
        assert_eq!(unpacked(message).unwrap(), message);
        assert!(unpacked(&packed[..packed.len() - 1]).unwrap_err().reason.starts_with("a message cannot be unpacked"));
        // Whatever it claims to be, no more is unpacked than a message may have.
        let large = zstd::stream::encode_all(&vec![0; MESSAGE_BYTES_MAX + 1][..], 3).unwrap();
        assert!(unpacked(&large).is_err());
    }

    #[test]
    fn a_position_is_the_servers_time() {
        assert_eq!(position(br#"{"did":"a","time_us":12,"kind":"commit"}"#).as_deref(), Some("12"));
        for message in [&b"{}"[..], b"[]", b"no", br#"{"time_us":"x"}"#] {
            assert_eq!(position(message), None);
        }
    }
}
