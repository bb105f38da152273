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
        let refused_tls = refused_tls(&reason).filter(|_| is_unreachable);
        let is_tls = refused_tls.is_some();
        let reason = match (refused_tls, error.is_timeout()) {
            (Some(why), _) => format!("TLS is refused: {why}"),
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

/// Why there is no TLS with a server, if that is the reason: of OpenSSL's `error:CODE:LIBRARY:FUNCTION:REASON:FILE` the
/// reason, and of the certificate what is wrong with it.
fn refused_tls(reason: &str) -> Option<&str> {
    let fields = || reason.strip_prefix("error:").map(|rest| rest.split(':'));
    if fields().and_then(|mut fields| fields.nth(1)) == Some("SSL routines") {
        return fields().and_then(|mut fields| fields.nth(3));
    }
    // Whoever is asked for TLS and does not speak it ends the connection.
    (reason.contains("certificate") || reason == "unexpected EOF").then_some(reason)
}

/// The cause behind all causes, which says most.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_openssls_words_the_reason_is_told() {
        let text = "error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/record/ssl3_record.c:354:";
        assert_eq!(refused_tls(text), Some("wrong version number"));
        assert_eq!(refused_tls("self-signed certificate"), Some("self-signed certificate"));
        assert_eq!(refused_tls("Connection refused (os error 111)"), None);
    }
}
