//! Errors as RFC 9457 has them: `application/problem+json`.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::view::Absence;

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
                ..Problem::new(StatusCode::NOT_FOUND, "not rated yet: nobody has acted on this user")
            },
            Absence::OptedOut => Problem {
                kind: "urn:clout:opted-out",
                title: "Opted out",
                ..Problem::new(StatusCode::GONE, "this user has opted out")
            },
        }
    }

    pub(crate) fn busy(detail: &str) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }
}

/// Makes a problem of every error that is none yet. Nothing is to be kept that does not say so, nor taken for something
/// else than it is.
pub(crate) async fn explain(request: Request, next: Next) -> Response {
    let mut response = explained(next.run(request).await);
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn explained(response: Response) -> Response {
    let status = response.status();
    let is_problem = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == CONTENT_TYPE);
    if is_problem || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let mut problem = Problem::new(status, detail(status)).into_response();
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            problem.headers_mut().insert(name, value.clone());
        }
    }
    problem
}

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
