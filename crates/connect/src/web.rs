//! The client of HTTP that all streams are read by, and what its answers mean.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};

use crate::trouble::{ConnectError, Trouble};
use crate::{Endpoint, MESSAGE_BYTES_MAX, Token};

/// For a connection, its TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(15);
/// For the head of an answer.
const HEAD_MAX: Duration = Duration::from_secs(30);
/// For the next piece of an answer.
const PIECE_MAX: Duration = Duration::from_secs(30);
/// No server is left alone for longer than that.
const WAIT_MAX: Duration = Duration::from_secs(3600);
/// Characters of an error's body that are told.
const TOLD_CHARS_MAX: usize = 160;

/// One server, and who asks it.
pub(crate) struct Web {
    client: Client,
    pub(crate) url: Url,
    /// The address for people, as it was given.
    shown: String,
    token: Option<HeaderValue>,
}

impl Web {
    pub(crate) fn new(agent: &str, endpoint: &Endpoint) -> Result<Web, ConnectError> {
        let (text, schemes, token) = match endpoint {
            Endpoint::Jetstream { url } => (url, &["wss", "ws", "https", "http"][..], None),
            Endpoint::Mastodon { url, token, .. } => (url, &["https", "http"][..], Some(token)),
            Endpoint::GitHub { url, token } => (url, &["https", "http"][..], token.as_ref()),
        };
        let failed = |address: &str, reason: String| ConnectError {
            address: address.to_owned(),
            reason,
            is_unreachable: false,
            was_connected: false,
        };
        let mut url = Url::parse(text).map_err(|error| failed(text, format!("not an address: {error}")))?;
        if !schemes.contains(&url.scheme()) {
            let wanted = format!("not an address of this kind: it begins with {}://", schemes[0]);
            return Err(failed(&shown(&url), wanted));
        }
        if token.is_some() && url.scheme() == "http" && !is_here(&url) {
            return Err(failed(&shown(&url), "a token is sent by https:// alone".to_owned()));
        }
        let as_given = shown(&url);
        // A WebSocket begins as a request of HTTP.
        let as_http = match url.scheme() {
            "wss" => Some("https"),
            "ws" => Some("http"),
            _ => None,
        };
        as_http.into_iter().for_each(|scheme| _ = url.set_scheme(scheme));
        let client = Client::builder().user_agent(agent).connect_timeout(CONNECT_MAX).http1_only().build();
        let client = client.map_err(|error| failed(&as_given, Trouble::of_client(error, false).reason))?;
        let token = token.map(|Token(token)| {
            // A token is visible ASCII, which is a header.
            let mut value = HeaderValue::try_from(format!("Bearer {token}")).unwrap_or(HeaderValue::from_static(""));
            value.set_sensitive(true);
            value
        });
        Ok(Web { client, url, shown: as_given, token })
    }

    /// The server's address, without what is asked of it.
    pub(crate) fn shown(&self) -> String {
        self.shown.clone()
    }

    /// An address below the server's.
    pub(crate) fn below(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        let whole = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&whole);
        url
    }

    pub(crate) fn get(&self, url: Url) -> RequestBuilder {
        let request = self.client.get(url);
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, token.clone()),
            None => request,
        }
    }

    /// The head of an answer.
    pub(crate) async fn ask(&self, request: RequestBuilder, was_connected: bool) -> Result<Response, Trouble> {
        match tokio::time::timeout(HEAD_MAX, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(Trouble::of_client(error, was_connected)),
            Err(_) => Err(Trouble { is_unreachable: true, ..Trouble::passing("no answer in time") }),
        }
    }

    /// What an answer means that is not what was asked for.
    pub(crate) async fn refusal(&self, response: Response, was_connected: bool) -> Trouble {
        let (status, headers) = (response.status(), response.headers().clone());
        let wait = left_alone(status, &headers, now_secs());
        let body = body(response).await.unwrap_or_default();
        let said = told(&body);
        let said = if said.is_empty() { said } else { format!(" ({said})") };
        let advice = match status {
            StatusCode::UNAUTHORIZED if self.token.is_some() => {
                ": the token is not accepted; see that it is one of this server"
            }
            StatusCode::UNAUTHORIZED => ": it wants a token",
            StatusCode::FORBIDDEN if wait.is_none() => ": this is not allowed; see what the token may do",
            StatusCode::NOT_FOUND | StatusCode::GONE => ": there is no such stream at this address",
            _ => "",
        };
        let is_clients = status.is_client_error() && wait.is_none() && status != StatusCode::REQUEST_TIMEOUT;
        let is_about_who = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        Trouble {
            reason: format!("{status}{advice}{said}"),
            is_final: is_clients && (is_about_who || !was_connected),
            is_unreachable: false,
            wait,
        }
    }
}

/// The body of an answer, which must not be larger than a message.
pub(crate) async fn body(mut response: Response) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    while let Some(piece) = piece(&mut response).await? {
        if bytes.len() + piece.len() > MESSAGE_BYTES_MAX {
            return Err(Trouble::passing(format!("an answer has more than {MESSAGE_BYTES_MAX} bytes")));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

async fn piece(response: &mut Response) -> Result<Option<impl AsRef<[u8]> + std::ops::Deref<Target = [u8]>>, Trouble> {
    match tokio::time::timeout(PIECE_MAX, response.chunk()).await {
        Ok(piece) => piece.map_err(|error| Trouble::of_client(error, true)),
        Err(_) => Err(Trouble::passing("the answer breaks off")),
    }
}

/// How long a server wants to be left alone: by `Retry-After`, or as nothing is left of what may be asked in some time.
pub(crate) fn left_alone(status: StatusCode, headers: &HeaderMap, now_secs: u64) -> Option<Duration> {
    if status.is_success() || status.is_redirection() {
        return None;
    }
    let wait = match number(headers, RETRY_AFTER.as_str()) {
        Some(secs) => Some(Duration::from_secs(secs)),
        None if number(headers, "x-ratelimit-remaining") == Some(0) => {
            let reset = number(headers, "x-ratelimit-reset")?;
            Some(Duration::from_secs(reset.saturating_sub(now_secs).max(1)))
        }
        None => (status == StatusCode::TOO_MANY_REQUESTS).then_some(Duration::from_secs(60)),
    };
    wait.map(|wait| wait.min(WAIT_MAX))
}

/// A header that is a whole number.
pub(crate) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// The machine's clock, in seconds since 1970.
pub(crate) fn now_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// An address without the parts that may be secret or say nothing to people.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string().trim_end_matches('/').to_owned()
}

/// Whether an address is of this machine.
fn is_here(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// The beginning of what a server says about an error, on one line; pages for people say nothing.
fn told(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if text.starts_with('<') {
        return String::new();
    }
    text.chars().take(TOLD_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_server_is_left_alone_as_long_as_it_says() {
        let secs = |status: u16, pairs: &[(&'static str, &'static str)]| {
            let status = StatusCode::from_u16(status).unwrap();
            left_alone(status, &headers(pairs), 1_000).map(|wait| wait.as_secs())
        };
        assert_eq!(secs(429, &[("retry-after", "7")]), Some(7));
        assert_eq!(secs(429, &[]), Some(60));
        assert_eq!(secs(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1030")]), Some(30));
        assert_eq!(secs(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "900")]), Some(1));
        assert_eq!(secs(403, &[("x-ratelimit-remaining", "5"), ("x-ratelimit-reset", "1030")]), None);
        assert_eq!(secs(503, &[("retry-after", "100000")]), Some(3600));
        assert_eq!(secs(500, &[]), None);
        assert_eq!(secs(200, &[("retry-after", "7")]), None);
    }

    #[test]
    fn addresses_are_checked_and_secrets_not_shown() {
        let web = |url: &str, token: Option<&str>| {
            let token = token.map(|token| Token::new(token).expect("a token"));
            Web::new("test/1", &Endpoint::GitHub { url: url.to_owned(), token }).map(|web| web.shown())
        };
        assert_eq!(
            web(concat!("https:", "//ana:secret@example.com/v3/?token=1"), None).unwrap(),
            "https://example.com/v3"
        );
        for (url, reason) in [
            ("example.com", "not an address: relative URL without a base"),
            ("ftp://example.com", "not an address of this kind: it begins with https://"),
            ("http://example.com", "a token is sent by https:// alone"),
        ] {
            assert_eq!(web(url, Some("t")).unwrap_err().reason, reason);
        }
        assert!(web("http://127.0.0.1:1", Some("t")).is_ok());
        assert!(Token::new(" a b ").is_none() && Token::new("\n").is_none());
        assert_eq!(format!("{:?}", Token::new(" secret\n")), "Some((hidden))");
    }
}
