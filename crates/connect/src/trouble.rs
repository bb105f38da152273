//! Why a connection ends, and what to do then.

use std::error::Error;
use std::time::Duration;

/// No attempt to follow a stream will go better.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {address}: {reason}")]
pub struct ConnectError {
    /// The address of the stream.
    pub address: String,
    /// Why it cannot be read, and what to do.
    pub reason: String,
    /// Whether no server answers there.
    pub is_unreachable: bool,
    /// Whether it was read before.
    pub was_connected: bool,
}

/// The end of a connection.
#[derive(Debug)]
pub(crate) enum Ended {
    /// Nobody reads any more.
    Unwanted,
    /// Another attempt may go better, or not.
    Trouble(Trouble),
}

/// Why a connection ended, or could not be made.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    pub(crate) reason: String,
    /// Whether another attempt will end the same way.
    pub(crate) is_final: bool,
    /// Whether no server answered.
    pub(crate) is_unreachable: bool,
    /// The time that the server wants to be left alone.
    pub(crate) wait: Option<Duration>,
}

impl Trouble {
    pub(crate) fn passing(reason: impl Into<String>) -> Trouble {
        Trouble { reason: reason.into(), ..Trouble::default() }
    }

    /// What the client of HTTP says. The address is left out, as it is told beside the reason.
    pub(crate) fn of_client(error: reqwest::Error, was_connected: bool) -> Trouble {
        let error = error.without_url();
        let is_unreachable = error.is_connect() || error.is_timeout();
        let reason = innermost(&error);
        let is_tls = ["certificate", "corrupt message", "handshake"].iter().any(|word| reason.contains(word));
        let reason = match (is_tls, error.is_timeout()) {
            (true, _) => format!("TLS is refused: {reason}"),
            (_, true) => "no answer in time".to_owned(),
            _ => reason,
        };
        Trouble { reason, is_final: is_tls && !was_connected, is_unreachable: is_unreachable && !is_tls, wait: None }
    }
}

impl From<Trouble> for Ended {
    fn from(trouble: Trouble) -> Ended {
        Ended::Trouble(trouble)
    }
}

/// The cause behind all causes, which says most.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
