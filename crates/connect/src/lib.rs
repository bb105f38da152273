//! Live streams of social networks: WebSocket, server-sent events, polling.
//!
//! [`Stream::open`] follows one stream on a thread of its own, and hands over whole messages as bytes, each with the position
//! from which the network can tell what comes after it. It begins again by itself where a connection ends, at the newest
//! position that it handed over or a little before it: so nothing is lost, and some messages come twice. It does not
//! know what a message says, and keeps nothing.

mod backoff;
mod feed;
mod trouble;
mod web;

mod event_stream;
mod github;
mod jetstream;
mod mastodon;

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use backoff::Backoff;
use feed::Feed;
pub use trouble::ConnectError;
use trouble::{Ended, Trouble};
use web::Web;

/// The messages that wait for their reader, at most.
const WAITING_MAX: usize = 256;
/// The largest message.
const MESSAGE_BYTES_MAX: usize = 4 << 20;
/// A server that was never reached is given up after this number of attempts.
const FIRST_ATTEMPTS_MAX: u32 = 5;

/// A stream to be followed: the network, its address and the token.
#[derive(Clone, Debug)]
pub enum Endpoint {
    /// Bluesky's Jetstream: a WebSocket. Positions are microseconds since 1970.
    Jetstream {
        /// Its address, as in `wss://example.com/subscribe`.
        url: String,
    },
    /// A Mastodon server's stream of server-sent events. Positions are the numbers of statuses, or of notifications.
    Mastodon {
        /// The address of the server, as in `https://example.com`.
        url: String,
        /// The token of an account on it.
        token: Token,
        /// Which of its streams.
        part: Part,
    },
    /// GitHub's public events, polled. Positions are entity tags.
    GitHub {
        /// The address of the API, as in `https://example.com/api/v3`.
        url: String,
        /// A token, with which more may be asked.
        token: Option<Token>,
    },
}

/// One of the streams of a Mastodon server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What is public.
    Public,
    /// What is public, and written on this server.
    Local,
    /// What the owner of the token is told.
    Notifications,
}

/// A secret that is never shown.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A token, without the white space around it; `None` if it is empty or is not one word of visible ASCII.
    pub fn new(text: &str) -> Option<Token> {
        let text = text.trim();
        let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_word.then(|| Token(text.to_owned()))
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

/// One thing that comes from a stream.
#[derive(Debug)]
pub enum Arrival {
    /// A connection stands; its address is told.
    Connected(String),
    /// A message.
    Message {
        /// Its bytes.
        bytes: Vec<u8>,
        /// The position behind it, and behind all before it.
        position: Option<String>,
    },
    /// The connection ended, or could not be made.
    Disconnected {
        /// Why.
        reason: String,
        /// When it is tried again.
        again_in: Duration,
    },
    /// No attempt will go better. Nothing comes after this.
    Failed(ConnectError),
}

/// A stream that is followed until it is dropped.
#[derive(Debug)]
pub struct Stream {
    arrivals: Receiver<Arrival>,
    _stop: oneshot::Sender<()>,
}

impl Stream {
    /// Follows a stream from a position, or from now on. `agent` is what it calls itself, as in `name/1.0`.
    ///
    /// # Errors
    /// If the system has no room for another thread.
    pub fn open(endpoint: Endpoint, position: Option<String>, agent: &str) -> io::Result<Stream> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (sender, arrivals) = sync_channel(WAITING_MAX);
        let (stop, stopped) = oneshot::channel();
        let (agent, feed) = (agent.to_owned(), Feed::new(sender, position));
        let work = async move {
            tokio::select! {
                () = follow(endpoint, &agent, feed) => {}
                _ = stopped => {}
            }
        };
        thread::Builder::new().name("connect".to_owned()).spawn(move || runtime.block_on(work))?;
        Ok(Stream { arrivals, _stop: stop })
    }

    /// The next thing that comes, if it comes within this time.
    pub fn next(&self, wait: Duration) -> Option<Arrival> {
        match self.arrivals.recv_timeout(wait) {
            Ok(arrival) => Some(arrival),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                // It has failed, and said so.
                thread::sleep(wait);
                None
            }
        }
    }
}

async fn follow(endpoint: Endpoint, agent: &str, mut feed: Feed) {
    let web = match Web::new(agent, &endpoint) {
        Ok(web) => web,
        Err(error) => return feed.failed(error),
    };
    let mut backoff = Backoff::default();
    loop {
        let ended = match &endpoint {
            Endpoint::Jetstream { .. } => jetstream::session(&web, &mut feed).await,
            Endpoint::Mastodon { part, .. } => mastodon::session(&web, *part, &mut feed).await,
            Endpoint::GitHub { .. } => github::session(&web, &mut feed).await,
        };
        let trouble = match ended {
            Ended::Unwanted => return,
            Ended::Trouble(trouble) => trouble,
        };
        if feed.has_flowed() {
            backoff = Backoff::default();
        }
        let Trouble { reason, is_final, is_unreachable, wait } = trouble;
        let is_hopeless = !feed.was_connected && backoff.failures() + 1 >= FIRST_ATTEMPTS_MAX;
        if is_final || is_hopeless {
            let was_connected = feed.was_connected;
            return feed.failed(ConnectError { address: web.shown(), reason, is_unreachable, was_connected });
        }
        let again_in = backoff.next().max(wait.unwrap_or_default());
        if feed.disconnected(reason, again_in).is_err() {
            return;
        }
        tokio::time::sleep(again_in).await;
    }
}
