//! Errors as RFC 9457 has them: `application/problem+json`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::doors::Full;
use crate::klout;
use crate::routes::App;
use crate::view::Absence;

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// Why a request was not answered.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Names the problem: `about:blank` where the status says all.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// What is wrong, and what to do.
    detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        let title = status.canonical_reason().unwrap_or("Error");
        Problem { kind: "about:blank", title, status: status.as_u16(), detail: detail.into() }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn absent(absence: Absence) -> Problem {
        match absence {
            Absence::NotRated => Problem {
                kind: "urn:clout:not-rated",
                title: "Not rated",
                ..Problem::new(
                    StatusCode::NOT_FOUND,
                    "not rated: nobody has acted on this user, or the user opted out before being rated",
                )
            },
            Absence::OptedOut => Problem {
                kind: "urn:clout:opted-out",
                title: "Opted out",
                ..Problem::new(StatusCode::GONE, "this user has opted out")
            },
        }
    }

    /// Nothing is known of the day from which a movement was asked for.
    pub(crate) fn no_close() -> Problem {
        Problem {
            kind: "urn:clout:no-close",
            title: "No close",
            ..Problem::new(
                StatusCode::NOT_FOUND,
                "no close: nobody closed that day or before it under this model, or no closes are kept here",
            )
        }
    }

    pub(crate) fn busy(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// Nobody more is let in.
    pub(crate) fn full(full: Full, what: &str) -> Problem {
        match full {
            Full::All => Problem::busy(format!("there are too many {what}: try again later")),
            Full::Peer => Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                format!("your address has too many {what}: close some, or try again later"),
            ),
        }
    }

    /// Whether the request was for another server.
    pub(crate) fn is_misdirected(&self) -> bool {
        self.status == StatusCode::MISDIRECTED_REQUEST.as_u16()
    }

    #[cfg(test)]
    pub(crate) fn status(&self) -> u16 {
        self.status
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut body = serde_json::to_vec(&self).unwrap_or_default();
        // The prompt of whoever asks by `curl` stands below it.
        body.push(b'\n');
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

/// What a browser may do with an answer that is not the page's: show it, load nothing for it.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Makes a problem of every error that is none yet. Nothing is to be kept that does not say so, nor taken for something
/// else than it is, nor put into another site's page.
pub(crate) async fn explain(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let is_for_people = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let is_for_people = is_for_people.is_some_and(|accept| accept.contains("text/html"));
    let nothing = is_for_people.then_some(if app.has_scores { NOTHING } else { NOTHING_FOR_OPERATORS });
    let of_klout = Some(request.uri().path()).filter(|path| app.is_klout(path)).map(str::to_owned);
    let response = next.run(request).await;
    let mut response = match of_klout {
        Some(path) => klout::explained(&path, response),
        None => explained(response, nothing),
    };
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// People get this page where there is nothing.
fn explained(response: Response, nothing: Option<&'static str>) -> Response {
    let status = response.status();
    let is_problem = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == CONTENT_TYPE);
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    if let Some(page) = nothing.filter(|_| status == StatusCode::NOT_FOUND) {
        return (status, Html(page)).into_response();
    }
    let mut problem = Problem::new(status, detail(status)).into_response();
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            problem.headers_mut().insert(name, value.clone());
        }
    }
    problem
}

macro_rules! nothing {
    ($where_to:literal) => {
        concat!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
            "<meta name=\"color-scheme\" content=\"light dark\"><title>No such page</title>",
            "<h1>No such page</h1><p>Nothing is at this address. <a href=\"/\">",
            $where_to,
            "</a></p></html>"
        )
    };
}

/// The page for somebody with a browser who has mistyped an address.
const NOTHING: &str = nothing!("To the ranking");

/// The same where no scores are shown.
const NOTHING_FOR_OPERATORS: &str = nothing!("What this port has");

fn detail(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "the address is not valid: names must be percent-encoded UTF-8",
        StatusCode::NOT_FOUND => "nothing is here: /openapi.json tells what is; a slash in a name is written %2F",
        StatusCode::METHOD_NOT_ALLOWED => "this address does not take this method: see the header allow",
        StatusCode::PAYLOAD_TOO_LARGE => "the body is too large: ask for fewer users at once",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "the body must be application/json",
        _ => "the request could not be answered",
    }
}
