//! Klout's own API, versions 1 and 2, for programs that were written for it: its addresses, fields, errors and habits, answered
//! from the same view. What it counted and we do not is what comes nearest; docs/klout.md says what.
//!
//! Invariant: whatever is asked, the answer is JSON, is said to be `application/json`, and errors are as Klout's were.

mod ids;
mod keys;
mod percentiles;
mod v1;
mod v2;

pub(crate) use ids::Ids;
pub use keys::{Keys, KeysError, Limits};
pub(crate) use percentiles::Percentiles;

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use tracing::warn;
use views::{Circle, Part, Span};
use vocabulary::Network;

use crate::answer::ScoreAnswer;
use crate::routes::App;
use crate::view::{View, pseudonym};

/// The name under which Klout's API was there.
pub(crate) const HOST: &str = "api.klout.com";
/// What is told of why a call is refused, for clients that look at headers.
const ERROR_CODE: HeaderName = HeaderName::from_static("x-mashery-error-code");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The addresses, by the version of the API. Some clients leave out the v.
pub(crate) const ROUTES: [&str; 3] = ["/v2/{*rest}", "/2/{*rest}", "/1/{*rest}"];

/// Everything under the addresses, by one handler: they were answered with a slash at their end as well, and names in them with
/// whatever letters.
pub(crate) fn routes() -> impl Iterator<Item = (&'static str, MethodRouter<Arc<App>>)> {
    ROUTES.into_iter().map(|path| (path, get(answer)))
}

/// Whether this is an address of Klout's API, whether or not anything is there.
pub(crate) fn is_address(path: &str) -> bool {
    ["/v2", "/2", "/1"]
        .iter()
        .any(|version| path.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Why a call is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The key is missing, or is not one of ours.
    Key,
    /// More calls in this second than the key may make.
    Rate,
    /// More calls today than the key may make; the day ends in so many seconds.
    Quota(u32),
    /// Nobody, or nothing, is there.
    Missing,
    /// More users are asked for at once than may be.
    TooMany,
    /// There is no answer yet.
    Busy,
    /// What went wrong before it came here.
    Other(StatusCode),
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Refusal::Key | Refusal::Rate | Refusal::Quota(_) => StatusCode::FORBIDDEN,
            Refusal::Missing => StatusCode::NOT_FOUND,
            Refusal::TooMany => StatusCode::BAD_REQUEST,
            Refusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Other(status) => status,
        }
    }

    fn description(self) -> &'static str {
        match self {
            Refusal::Key => "Invalid or unprovided API key. All calls must have a key.",
            Refusal::Rate | Refusal::Quota(_) => "Over rate limit.",
            Refusal::Missing => "Not Found: the resource or the user does not exist.",
            Refusal::TooMany => "Bad Request: at most five users in one call.",
            Refusal::Busy => "Service Unavailable: try again later.",
            Refusal::Other(status) => status.canonical_reason().unwrap_or("Error"),
        }
    }

    /// As the version of the API that is at this address told it. Clients of version 1 look into `body`.
    fn response(self, path: &str) -> Response {
        let (status, description) = (self.status(), self.description());
        let mut body = json!({"error": status.as_u16(), "description": description});
        if path.starts_with("/1") {
            body["status"] = status.as_u16().into();
            body["body"] = json!({"error": description});
        }
        let mut response = told(status, &body);
        let headers = response.headers_mut();
        let (code, retry_after) = match self {
            Refusal::Key => (Some("ERR_403_DEVELOPER_INACTIVE"), None),
            Refusal::Rate => (Some("ERR_403_DEVELOPER_OVER_QPS"), Some(1)),
            Refusal::Quota(left) => (Some("ERR_403_DEVELOPER_OVER_RATE"), Some(left)),
            Refusal::Busy => (None, Some(5)),
            _ => (None, None),
        };
        if let Some(code) = code {
            headers.insert(ERROR_CODE, HeaderValue::from_static(code));
        }
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

fn told(status: StatusCode, body: &Value) -> Response {
    let mut bytes = serde_json::to_vec(body).unwrap_or_default();
    if !status.is_success() {
        // A good answer gets its line end with its tag.
        bytes.push(b'\n');
    }
    (status, [(header::CONTENT_TYPE, JSON)], bytes).into_response()
}

/// Makes an error of Klout's of whatever else became of a request.
pub(crate) fn explained(path: &str, response: Response) -> Response {
    let status = response.status();
    let is_ours = response.headers().get(header::CONTENT_TYPE) == Some(&JSON);
    if is_ours || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let mut answer = Refusal::Other(status).response(path);
    if status == StatusCode::NOT_FOUND {
        answer = Refusal::Missing.response(path);
    }
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
}

async fn answer(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    let path = request.uri().path().to_owned();
    let query = Query::of(request.uri().query());
    match answered(&app, &path, &query).await {
        Ok(body) => told(StatusCode::OK, &body),
        Err(refusal) => refusal.response(&path),
    }
}

async fn answered(app: &Arc<App>, path: &str, query: &Query) -> Result<Value, Refusal> {
    app.klout_keys().ok_or(Refusal::Missing)?.admit(query.get("key").unwrap_or_default())?;
    if !app.view.is_ready() {
        return Err(Refusal::Busy);
    }
    let steps: Vec<Cow<'_, str>> = path.split('/').filter(|step| !step.is_empty()).map(unescaped).collect();
    let steps: Vec<&str> = steps.iter().map(|step| &**step).collect();
    match &steps[..] {
        ["1", steps @ ..] => v1::answer(app, steps, query).await,
        [_, steps @ ..] => v2::answer(app, steps, query).await,
        [] => Err(Refusal::Missing),
    }
}

/// An answer that reads the disk, where closes and circles are.
async fn from_disk(
    app: &Arc<App>,
    ask: impl FnOnce(&App) -> Result<Value, Refusal> + Send + 'static,
) -> Result<Value, Refusal> {
    let app = Arc::clone(app);
    spawn_blocking(move || ask(&app)).await.map_err(|_| Refusal::Busy)?
}

/// A step of an address as text; a plus is a plus.
fn unescaped(step: &str) -> Cow<'_, str> {
    if !step.contains('%') {
        return Cow::Borrowed(step);
    }
    let plain = step.replace('+', "%2B");
    let decoded = form_urlencoded::parse(plain.as_bytes()).next().map(|(step, _)| step.into_owned());
    Cow::Owned(decoded.unwrap_or_default())
}

/// What stands behind the question mark. Of what is there twice the first counts, and what is not known is passed over.
#[derive(Debug)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    fn of(query: Option<&str>) -> Query {
        Query(form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// Somebody by their name on Twitter: an account of X with this handle, in whatever case, else somebody of an application
/// without networks who is called so.
fn of_screen_name(view: &View, name: &str) -> Option<ScoreAnswer> {
    let name = name.trim().trim_start_matches('@');
    if name.is_empty() {
        return None;
    }
    let is_x = |user: &str| Network::of_name(user).is_some_and(|(network, _)| network == Network::X);
    let called = view.calling().of_handle(name);
    let by_handle = called.iter().filter(|called| is_x(&called.user)).find_map(|called| view.user(&called.user).ok());
    let lower = name.to_lowercase();
    let by_name = || {
        let names = [name, &lower].into_iter().filter(|name| !name.contains(':')).map(str::to_owned);
        let names = ["x:@", "twitter:@"].into_iter().map(|prefix| format!("{prefix}{lower}")).chain(names);
        names.into_iter().find_map(|name| view.user(&name).ok())
    };
    by_handle.or_else(by_name)
}

/// A number with so many digits behind the point.
fn rounded(number: f64, digits: i32) -> f64 {
    let unit = 10_f64.powi(digits);
    (number * unit).round() / unit
}

/// Whether somebody does not agree to be called by name.
fn is_unlisted(score: &ScoreAnswer) -> bool {
    score.account.as_ref().is_some_and(|account| !account.is_listed)
}

/// What somebody is called: by their handle, else by the name that is scored, without its network. Who does not agree to be
/// called by name has a number that this server made up.
fn nick(view: &View, score: &ScoreAnswer) -> String {
    if is_unlisted(score) {
        return pseudonym(view.key(&score.user));
    }
    let handle = score.account.as_ref().and_then(|account| account.handle.as_deref());
    let own = Network::of_name(&score.user).map_or(&*score.user, |(_, id)| id);
    handle.unwrap_or(own.trim_start_matches('@')).to_owned()
}

/// The people on whom somebody acts most, and those who act most on them.
#[derive(Debug, Default)]
struct Circles {
    /// Klout's influencers.
    idols: Vec<String>,
    /// Klout's influencees.
    fans: Vec<String>,
}

/// Somebody's circles of a month, by names that are scored and may be told, 25 on each side at most. Where none are kept there is
/// nobody in them. It reads the disk.
fn circles(view: &View, user: &str) -> Circles {
    let circle = view.circle(user, Span::Month).unwrap_or_else(|error| {
        warn!(%error, "circles are not read");
        Circle::default()
    });
    let is_told = |user: &str| view.account_of(user).is_some_and(|person| !view.is_unnamed(&person));
    let names = |parts: Vec<Part>| -> Vec<String> {
        parts.into_iter().map(|part| part.user).filter(|user| is_told(user)).collect()
    };
    Circles { idols: names(circle.idols), fans: names(circle.fans) }
}
