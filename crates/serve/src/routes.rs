//! The routes of version 1, and what every request passes on its way to them.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, MatchedPath, Path, RawQuery, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use pipeline::{Place, Status, Supervisor};
use tokio::sync::{Mutex, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{Any, CorsLayer};
use tracing::warn;
use views::Span;
use vocabulary::Network;

use crate::answer::{
    Between, CircleAnswer, Distribution, FacetsAnswer, HistoryAnswer, LookupAnswer, LookupQuestion, Missing,
    MoversAnswer, Networks, RankingAnswer, ScoreAnswer, Users,
};
use crate::closes::{self, MOVERS_MAX};
use crate::cursor::Cursor;
use crate::doors::{Doors, Thing, Visitor};
use crate::host::Hosts;
use crate::klout::{self, Keys, Percentiles};
use crate::metrics::{Counted, Metrics, Open};
use crate::persons::{PeopleAnswer, PeopleMoversAnswer, PersonAnswer, PersonExport, PersonHistory};
use crate::problem::{Problem, explain};
use crate::question::{self, Question};
use crate::server::{Demo, ServerOptions};
use crate::status::{DemoStatus, Rates, StatusAnswer, ViewStatus};
use crate::tokens::Tokens;
use crate::view::{Part, View, close_answer};
use crate::{etag, openapi, page, stream};

/// Users in one lookup.
const LOOKUP_MAX: usize = 1_000;
/// Bytes of a body: a thousand of the longest names fit.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Bytes of an address,
const ADDRESS_BYTES_MAX: usize = 8 << 10;
/// and of all headers. Above twice as much the connection is cut.
const HEADERS_BYTES_MAX: usize = 16 << 10;

/// Why there is no answer yet.
const WAITING: &str = "no broker has answered yet: nothing can be read";
const CATCHING_UP: &str = "the view is still catching up with the scores: try again soon";

/// What the routes answer from.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) view: Arc<View>,
    /// Whether anything is applied to the view: else only the pipeline is told about.
    pub(crate) has_scores: bool,
    pub(crate) pipeline: Option<Arc<Status>>,
    /// The counts of a process that routes.
    pub(crate) counted: Option<Arc<Counted>>,
    pub(crate) supervisor: Supervisor,
    pub(crate) rates: Rates,
    pub(crate) metrics: Metrics,
    pub(crate) doors: Arc<Doors>,
    hosts: Hosts,
    /// The names that Klout's API is asked under, which are one more.
    klout_hosts: Hosts,
    klout: Option<Arc<Keys>>,
    pub(crate) percentiles: Percentiles,
    demo: Option<Demo>,
    /// Whose turn it is to write what a stream tells next, and how long that took since they last rested.
    pub(crate) turns: Mutex<Duration>,
    pub(crate) stop: watch::Receiver<bool>,
    tokens: Option<Tokens>,
    request_timeout: Duration,
    /// Tells sequences of this process from those of another.
    process: u32,
}

impl App {
    pub(crate) fn new(
        view: Option<Arc<View>>,
        pipeline: Option<Arc<Status>>,
        options: &ServerOptions,
        doors: Arc<Doors>,
        stop: watch::Receiver<bool>,
    ) -> App {
        App {
            has_scores: view.is_some(),
            view: view.unwrap_or_default(),
            pipeline,
            counted: None,
            supervisor: Supervisor::default(),
            rates: Rates::new(),
            metrics: Metrics::new(routed(options.klout.is_some())),
            doors,
            demo: options.demo.clone(),
            hosts: Hosts::new(options.listen.ip(), &options.hosts),
            klout_hosts: Hosts::new(options.listen.ip(), &options.hosts).and(klout::HOST),
            klout: options.klout.clone(),
            percentiles: Percentiles::default(),
            turns: Mutex::default(),
            stop,
            tokens: options.tokens.clone(),
            request_timeout: options.request_timeout,
            process: RandomState::new().hash_one("process") as u32,
        }
    }

    /// Whether the process can be asked, and all that it is there for works; the error says what does not.
    fn check_ready(&self) -> Result<(), String> {
        self.supervisor.check_ready()?;
        if self.has_scores {
            return match (self.view.is_ready(), self.view.waits()) {
                (true, _) => Ok(()),
                (false, true) => Err(WAITING.to_owned()),
                (false, false) => Err(CATCHING_UP.to_owned()),
            };
        }
        if self.pipeline.as_ref().is_some_and(|status| status.outside_group().is_some()) {
            return Err("a worker waits for its group to tell which shards it has".to_owned());
        }
        let shards = self.pipeline.iter().flat_map(|status| status.shards());
        let is_restored = |place| !matches!(place, Place::Loading | Place::Restoring);
        match (0_u16..).zip(shards).find(|(_, shard)| !is_restored(shard.place)) {
            Some((number, _)) => Err(format!("shard {number} is being restored")),
            None => Ok(()),
        }
    }

    /// No input of which nearly everything becomes dead letters; the error names it.
    fn check_inputs(&self) -> Result<(), String> {
        let refusing = self.pipeline.as_ref().map(|status| status.refusing()).unwrap_or_default();
        if refusing.is_empty() {
            return Ok(());
        }
        Err(refusing.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    /// The keys of Klout's API, where it is answered.
    pub(crate) fn klout_keys(&self) -> Option<&Keys> {
        self.klout.as_deref()
    }

    /// Whether this is an address of Klout's API, and that is answered.
    pub(crate) fn is_klout(&self, path: &str) -> bool {
        self.klout.is_some() && self.has_scores && klout::is_address(path)
    }

    /// The id of the event before this sequence.
    pub(crate) fn event_id(&self, next: u64) -> String {
        format!("{:08x}-{next}", self.process)
    }

    /// The sequence after the event of this id, if it was this process that gave it.
    pub(crate) fn sequence(&self, event_id: &str) -> Option<u64> {
        let (process, next) = event_id.split_once('-')?;
        (process == format!("{:08x}", self.process)).then_some(())?;
        next.parse().ok()
    }
}

/// Routes that need no scores.
const WITHOUT_SCORES: [&str; 5] = ["/v1/status", "/metrics", "/health/live", "/health/ready", "/openapi.json"];

/// What a process without scores has, for whoever opens its address.
const INDEX: &str = "\
Clout: this port is for operators.

/v1/status      where each shard stands
/metrics        for Prometheus
/health/live    whether the process works
/health/ready   whether it has all that it needs
/openapi.json   all of it for programs

The ranking and its API are at the address of `clout serve`.
";

async fn index() -> &'static str {
    INDEX
}

/// Every route of the API but the page's, as the OpenAPI document lists them.
pub(crate) fn table() -> Vec<(&'static str, MethodRouter<Arc<App>>)> {
    vec![
        ("/v1/users/{user}", get(user)),
        ("/v1/users/{user}/history", get(history)),
        ("/v1/users/{user}/movement", get(movement)),
        ("/v1/users/{user}/circle", get(circle)),
        ("/v1/users/{user}/around", get(around)),
        // Somebody may be called so.
        ("/v1/users/lookup", post(lookup).get(user_lookup)),
        ("/v1/people", get(people)),
        ("/v1/people/{person}", get(person)),
        ("/v1/people/{person}/history", get(person_history)),
        ("/v1/people/{person}/export", get(export)),
        ("/v1/ranking", get(ranking)),
        ("/v1/movers", get(movers)),
        ("/v1/movers/people", get(people_movers)),
        ("/v1/networks", get(networks)),
        ("/v1/facets", get(facets)),
        ("/v1/search", get(search)),
        ("/v1/distribution", get(distribution)),
        ("/v1/stream", get(changes)),
        ("/v1/status", get(status)),
        ("/metrics", get(metrics)),
        ("/health/live", get(live)),
        ("/health/ready", get(ready)),
        ("/openapi.json", get(document)),
    ]
}

/// The addresses whose answers are timed each by itself.
fn routed(has_klout: bool) -> impl Iterator<Item = &'static str> {
    let klout = klout::ROUTES.into_iter().filter(move |_| has_klout);
    table().into_iter().map(|(path, _)| path).chain(klout)
}

/// All routes, and what a request passes on its way.
pub(crate) fn router(app: Arc<App>, cors_origins: &[String]) -> Router {
    let table = table().into_iter().filter(|(path, _)| app.has_scores || WITHOUT_SCORES.contains(path));
    let api = table.fold(Router::new(), |router, (path, method)| router.route(path, method));
    let api = api.layer(from_fn_with_state(Arc::clone(&app), admit)).with_state(Arc::clone(&app));
    let has_scores = app.has_scores;
    let klout = klout::routes().filter(|_| app.has_scores && app.klout.is_some());
    let klout = klout.fold(Router::new(), |router, (path, method)| router.route(path, method));
    let api = api.merge(klout.with_state(Arc::clone(&app)));
    let page = if has_scores { page::routes() } else { Router::new().route("/", get(index)) };
    // The first is the outermost. One layer of all: each of its own would be packed into a box for every request.
    api.merge(page).layer((
        from_fn_with_state(Arc::clone(&app), measure),
        cors(cors_origins),
        from_fn_with_state(Arc::clone(&app), explain),
        from_fn_with_state(Arc::clone(&app), let_in),
        from_fn_with_state(app, in_time),
        CompressionLayer::new().quality(CompressionLevel::Fastest),
        from_fn(etag::tag),
        DefaultBodyLimit::max(BODY_BYTES_MAX),
    ))
}

fn cors(origins: &[String]) -> CorsLayer {
    let layer = CorsLayer::new()
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_NONE_MATCH,
            header::HeaderName::from_static("last-event-id"),
        ])
        .expose_headers([header::ETAG])
        .max_age(Duration::from_secs(3_600));
    if origins.iter().any(|origin| origin == "*") {
        layer.allow_origin(Any)
    } else {
        layer.allow_origin(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect::<Vec<_>>())
    }
}

/// Lets in who has a token, where one is needed, and asks for patience until the view has caught up.
async fn admit(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_open = is_health(path) || path == "/openapi.json";
    let authorization = request.headers().get(header::AUTHORIZATION).map_or(&b""[..], HeaderValue::as_bytes);
    if !is_open && app.tokens.as_ref().is_some_and(|tokens| !tokens.allow(authorization)) {
        return Problem::new(StatusCode::UNAUTHORIZED, "a token is needed, in the header authorization: Bearer ...")
            .into_response();
    }
    if path.starts_with("/v1/") && path != "/v1/status" && !app.view.is_ready() {
        return not_ready().into_response();
    }
    next.run(request).await
}

fn not_ready() -> Problem {
    Problem::busy(CATCHING_UP)
}

async fn measure(State(app): State<Arc<App>>, route: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let response = next.run(request).await;
    let route = route.as_ref().map(MatchedPath::as_str);
    app.metrics.answered(route, response.status().as_u16(), began.elapsed());
    response
}

async fn in_time(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    match timeout(app.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(StatusCode::REQUEST_TIMEOUT, "the request did not arrive in time").into_response(),
    }
}

/// Lets in what is for this server and within its limits.
async fn let_in(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let hosts = if app.is_klout(request.uri().path()) { &app.klout_hosts } else { &app.hosts };
    match hosts.check(&request) {
        // Probes go by address, whatever the server is called.
        Err(problem) if !(is_health(request.uri().path()) && problem.is_misdirected()) => problem.into_response(),
        _ => within_limits(request, next).await,
    }
}

fn is_health(path: &str) -> bool {
    path.starts_with("/health/")
}

async fn within_limits(request: Request, next: Next) -> Response {
    let guest = request.extensions().get::<Visitor>().and_then(|visitor| visitor.guest);
    let path = request.uri().path();
    if let Some(full) = guest.filter(|_| !(is_health(path) || path == "/metrics")) {
        return Problem::full(full, "connections").into_response();
    }
    let address = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
    if address > ADDRESS_BYTES_MAX {
        let detail = format!("the address has more than {ADDRESS_BYTES_MAX} bytes");
        return Problem::new(StatusCode::URI_TOO_LONG, detail).into_response();
    }
    if headers > HEADERS_BYTES_MAX {
        let detail = format!("the headers have more than {HEADERS_BYTES_MAX} bytes");
        return Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail).into_response();
    }
    next.run(request).await
}

type Answer<T> = Result<Json<T>, Problem>;
type Shared = State<Arc<App>>;

/// One person's score.
#[utoipa::path(get, path = "/v1/users/{user}", tag = "scores",
    params(("user" = String, Path, description = "The name, percent-encoded: a slash is %2F.")),
    responses((status = 200, body = ScoreAnswer, description = "The score."), (status = 404, body = Problem, description = "Not rated yet."),
        (status = 410, body = Problem, description = "Opted out.")))]
async fn user(State(app): Shared, Path(user): Path<String>, RawQuery(query): RawQuery) -> Answer<ScoreAnswer> {
    Question::none(query.as_deref())?;
    app.view.user(&user).map(Json).map_err(Problem::absent)
}

async fn user_lookup(State(app): Shared, RawQuery(query): RawQuery) -> Answer<ScoreAnswer> {
    Question::none(query.as_deref())?;
    app.view.user("lookup").map(Json).map_err(Problem::absent)
}

/// How a person moved, and why: since this server started, and day by day where closes are kept.
#[utoipa::path(get, path = "/v1/users/{user}/history", tag = "scores",
    params(("user" = String, Path, description = "The name, percent-encoded: a slash is %2F."),
        ("days" = Option<u32>, Query, description = "Closes of the newest so many days, none with 0; all that are kept unless told otherwise.",
            minimum = 0, maximum = 100000)),
    responses((status = 200, body = HistoryAnswer, description = "The movements and closes that are kept."),
        (status = 404, body = Problem, description = "Not rated yet."), (status = 410, body = Problem, description = "Opted out.")))]
async fn history(State(app): Shared, Path(user): Path<String>, RawQuery(query): RawQuery) -> Answer<HistoryAnswer> {
    let days = Question::read(query.as_deref(), &["days"])?.number("days", 0..=100_000)?;
    let score = app.view.user(&user).map_err(Problem::absent)?;
    let kept = app.view.history(&user).map_err(Problem::absent)?;
    let deltas = app.view.deltas(&score);
    let mut closes = if days == Some(0) { Vec::new() } else { closes_of(&app, &score.user).await? };
    if let (Some(days), Some(last)) = (days, closes.last().map(|close| close.day)) {
        closes.retain(|close| close.day > last - days);
    }
    let closes = closes.iter().map(close_answer).collect();
    Ok(Json(HistoryAnswer { user: kept.user, points: kept.points, deltas, closes }))
}

/// Somebody's closes, which are on a disk.
async fn closes_of(app: &Arc<App>, user: &str) -> Result<Vec<views::Close>, Problem> {
    let closes = closes_of_all(app, vec![user.to_owned()]).await?;
    Ok(closes.into_iter().next().unwrap_or_default())
}

/// The closes of each of these accounts.
async fn closes_of_all(app: &Arc<App>, users: Vec<String>) -> Result<Vec<Vec<views::Close>>, Problem> {
    if app.view.closes().is_none() {
        return Ok(Vec::new());
    }
    let app = Arc::clone(app);
    let read = spawn_blocking(move || app.view.closes_of_all(&users)).await;
    match read {
        Ok(Ok(closes)) => Ok(closes),
        Ok(Err(error)) => {
            warn!(%error, "closes are not shown");
            Err(Problem::busy("the closes cannot be read now: the server's log says why"))
        }
        Err(_) => Err(Problem::busy("the closes were not read to their end: try again")),
    }
}

/// Why a person moved between two days: points that each factor added, which add up to the movement.
#[utoipa::path(get, path = "/v1/users/{user}/movement", tag = "scores",
    params(("user" = String, Path, description = "The name, percent-encoded: a slash is %2F."),
        ("from" = String, Query, description = "The day at whose end the movement begins, as in 2026-11-01: the newest close of it or before it."),
        ("to" = Option<String>, Query, description = "The day at whose end it ends; now unless told otherwise.")),
    responses((status = 200, body = Between, description = "The movement."),
        (status = 404, body = Problem, description = "Not rated yet, or there is no close of that day or before it."),
        (status = 410, body = Problem, description = "Opted out.")))]
async fn movement(State(app): Shared, Path(user): Path<String>, RawQuery(query): RawQuery) -> Answer<Between> {
    let mut question = Question::read(query.as_deref(), &["from", "to"])?;
    let mut day = |name| question.text(name)?.map(|text| day_of(name, &text)).transpose();
    let (from, to) = (day("from")?, day("to")?);
    let from = from.ok_or_else(|| Problem::bad_request("from is missing: a day as in 2026-11-01"))?;
    if to.is_some_and(|to| to < from) {
        return Err(Problem::bad_request("to is before from"));
    }
    let score = app.view.user(&user).map_err(Problem::absent)?;
    let closes = closes_of(&app, &score.user).await?;
    let between = spawn_blocking(move || app.view.between(&score, &closes, from, to)).await;
    let between = between.map_err(|_| Problem::busy("the reasons were not looked for to the end: try again"))?;
    between.map(Json).ok_or_else(Problem::no_close)
}

/// Who influences whom: those who acted on a person and those on whom the person acted, by the votes that it gave.
#[utoipa::path(get, path = "/v1/users/{user}/circle", tag = "scores",
    params(("user" = String, Path, description = "The name, percent-encoded: a slash is %2F."),
        ("by" = Option<String>, Query, description = "Acts of the last day, week or month; month unless told otherwise.")),
    responses((status = 200, body = CircleAnswer, description = "The people; nobody where no credits are kept."),
        (status = 404, body = Problem, description = "Not rated yet."), (status = 410, body = Problem, description = "Opted out.")))]
async fn circle(State(app): Shared, Path(user): Path<String>, RawQuery(query): RawQuery) -> Answer<CircleAnswer> {
    let word = Question::read(query.as_deref(), &["by"])?.text("by")?;
    let span = span(word.as_deref().unwrap_or(Span::Month.word()), "by")?;
    let score = app.view.user(&user).map_err(Problem::absent)?;
    match spawn_blocking(move || app.view.circle_answer(&score.user, span)).await {
        Ok(Ok(circle)) => Ok(Json(circle)),
        Ok(Err(error)) => {
            warn!(%error, "circles are not shown");
            Err(Problem::busy("the circle cannot be read now: the server's log says why"))
        }
        Err(_) => Err(Problem::busy("the circle was not read to its end: try again")),
    }
}

fn span(word: &str, name: &str) -> Result<Span, Problem> {
    let span = Span::ALL.into_iter().find(|span| span.word() == word);
    span.ok_or_else(|| Problem::bad_request(format!("{name} is day, week or month")))
}

fn day_of(name: &str, text: &str) -> Result<i32, Problem> {
    closes::day_of_date(text).ok_or_else(|| Problem::bad_request(format!("{name} is not a day as in 2026-11-01")))
}

/// Who rose and who fell most in a day, a week or a month, as of the last seconds.
#[utoipa::path(get, path = "/v1/movers", tag = "ranking",
    params(("span" = Option<String>, Query, description = "day, week or month; day unless told otherwise."),
        ("limit" = Option<u16>, Query, description = "People in each direction, 1 to 100; 10 unless told otherwise.",
            minimum = 1, maximum = 100)),
    responses((status = 200, body = MoversAnswer, description = "The people; nobody where no closes are kept.")))]
async fn movers(State(app): Shared, RawQuery(query): RawQuery) -> Answer<MoversAnswer> {
    let (span, limit) = span_and_limit(query.as_deref())?;
    let found = spawn_blocking(move || app.view.movers(span, limit)).await;
    let [up, down] = found.map_err(|_| Problem::busy("nobody was looked for to the end: try again"))?;
    Ok(Json(MoversAnswer { span: span.word(), up, down }))
}

/// People who rose and who fell most in a day, a week or a month, as of the last seconds: whoever has several accounts once, with what
/// they add up to.
#[utoipa::path(get, path = "/v1/movers/people", tag = "people",
    params(("span" = Option<String>, Query, description = "day, week or month; day unless told otherwise."),
        ("limit" = Option<u16>, Query, description = "People in each direction, 1 to 100; 10 unless told otherwise.",
            minimum = 1, maximum = 100)),
    responses((status = 200, body = PeopleMoversAnswer, description = "The people; nobody where no closes are kept.")))]
async fn people_movers(State(app): Shared, RawQuery(query): RawQuery) -> Answer<PeopleMoversAnswer> {
    let (span, limit) = span_and_limit(query.as_deref())?;
    let found = spawn_blocking(move || app.view.people_movers(span, limit)).await;
    let [up, down] = found.map_err(|_| Problem::busy("nobody was looked for to the end: try again"))?;
    Ok(Json(PeopleMoversAnswer { span: span.word(), up, down }))
}

/// In how long, and how many at most.
fn span_and_limit(query: Option<&str>) -> Result<(Span, usize), Problem> {
    let mut question = Question::read(query, &["span", "limit"])?;
    let limit = question.number("limit", 1..=MOVERS_MAX)?.unwrap_or(10);
    let word = question.text("span")?.unwrap_or_else(|| Span::Day.word().to_owned());
    Ok((span(&word, "span")?, limit))
}

/// A person, and those before and behind in the ranking.
#[utoipa::path(get, path = "/v1/users/{user}/around", tag = "ranking",
    params(("user" = String, Path, description = "The name, percent-encoded: a slash is %2F."),
        ("limit" = Option<u16>, Query, description = "People on either side, 1 to 100; 5 unless told otherwise.",
            minimum = 1, maximum = 100)),
    responses((status = 200, body = Users, description = "The people."), (status = 404, body = Problem, description = "Not rated yet."),
        (status = 410, body = Problem, description = "Opted out.")))]
async fn around(State(app): Shared, Path(user): Path<String>, RawQuery(query): RawQuery) -> Answer<Users> {
    let limit = Question::read(query.as_deref(), &["limit"])?.number("limit", 1..=100)?.unwrap_or(5);
    app.view.around(&user, limit).map(|users| Json(Users { users })).map_err(Problem::absent)
}

/// Many people's scores at once.
#[utoipa::path(post, path = "/v1/users/lookup", tag = "scores", request_body = LookupQuestion,
    responses((status = 200, body = LookupAnswer, description = "Who was found, and who not.")))]
async fn lookup(State(app): Shared, request: Request) -> Answer<LookupAnswer> {
    Question::none(request.uri().query())?;
    let LookupQuestion { users } = read_json(request).await?;
    if users.len() > LOOKUP_MAX {
        return Err(Problem::bad_request(format!("at most {LOOKUP_MAX} users at once")));
    }
    let mut answer = LookupAnswer { found: Vec::new(), missing: Vec::new() };
    for user in users {
        match app.view.user(&user) {
            Ok(score) => answer.found.push(score),
            Err(absence) => answer.missing.push(Missing { user, reason: absence.into() }),
        }
    }
    Ok(Json(answer))
}

async fn read_json(request: Request) -> Result<LookupQuestion, Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().is_none_or(|kind| !kind.trim().eq_ignore_ascii_case("application/json")) {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/json"));
    }
    let bytes = Bytes::from_request(request, &()).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body has more than {BODY_BYTES_MAX} bytes"))
        }
        status => Problem::new(status, "the body broke off"),
    })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Problem::bad_request(format!("the body is not like {{\"users\": [\"ana\"]}}: {error}")))
}

/// The ranking of people, the highest score first: whoever has several accounts is in it once, with what they add up to.
#[utoipa::path(get, path = "/v1/people", tag = "people",
    params(("limit" = Option<u16>, Query, description = "People in one answer, 1 to 1,000; 100 unless told otherwise.",
            minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the answer before.")),
    responses((status = 200, body = PeopleAnswer, description = "Part of the ranking.")))]
async fn people(State(app): Shared, RawQuery(query): RawQuery) -> Answer<PeopleAnswer> {
    let mut question = Question::read(query.as_deref(), &["limit", "cursor"])?;
    let limit = question.number("limit", 1..=1_000)?.unwrap_or(100);
    let cursor = question.text("cursor")?.map(|text| Cursor::decode(&text)).transpose()?;
    Ok(Json(app.view.people_from(cursor.as_ref(), limit)))
}

/// A person: what all accounts add up to, and what each of them adds.
#[utoipa::path(get, path = "/v1/people/{person}", tag = "people",
    params(("person" = String, Path, description = "The name under which accounts were linked, or that of an account, percent-encoded: a slash is %2F.")),
    responses((status = 200, body = PersonAnswer, description = "The person."), (status = 404, body = Problem, description = "Not rated yet."),
        (status = 410, body = Problem, description = "Opted out.")))]
async fn person(State(app): Shared, Path(person): Path<String>, RawQuery(query): RawQuery) -> Answer<PersonAnswer> {
    Question::none(query.as_deref())?;
    app.view.whole_person(&person).map(Json).map_err(Problem::absent)
}

/// How a person moved since this server started, and day by day where closes are kept: of all accounts together.
#[utoipa::path(get, path = "/v1/people/{person}/history", tag = "people",
    params(("person" = String, Path, description = "The name under which accounts were linked, or that of an account, percent-encoded: a slash is %2F.")),
    responses((status = 200, body = PersonHistory, description = "The movements and closes that are kept."),
        (status = 404, body = Problem, description = "Not rated yet."), (status = 410, body = Problem, description = "Opted out.")))]
async fn person_history(
    State(app): Shared,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer<PersonHistory> {
    Question::none(query.as_deref())?;
    let person = app.view.whole_person(&name).map_err(Problem::absent)?;
    let closes = closes_of_all(&app, app.view.accounts_of(&person)).await?;
    app.view.person_history(&name, &closes).map(Json).map_err(Problem::absent)
}

/// All that this server knows of a person, with accounts that do not agree to be found: only where tokens are needed.
#[utoipa::path(get, path = "/v1/people/{person}/export", tag = "people",
    params(("person" = String, Path, description = "The name under which accounts were linked, or that of an account, percent-encoded: a slash is %2F.")),
    responses((status = 200, body = PersonExport, description = "All of it."), (status = 403, body = Problem, description = "This server asks nobody for a token."),
        (status = 404, body = Problem, description = "Not rated yet."), (status = 410, body = Problem, description = "Opted out.")))]
async fn export(State(app): Shared, Path(name): Path<String>, RawQuery(query): RawQuery) -> Answer<PersonExport> {
    Question::none(query.as_deref())?;
    if app.tokens.is_none() {
        let detail = "this server asks nobody for a token, and tells nobody all that it knows of a person";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    let person = app.view.person_as(&name, true).map_err(Problem::absent)?;
    let closes = closes_of_all(&app, app.view.accounts_of(&person)).await?;
    app.view.export(&name, &closes).map(Json).map_err(Problem::absent)
}
/// What the ranking may be asked for by.
const RANKING_WORDS: [&str; 7] = ["limit", "cursor", "network", "language", "country", "min_score", "max_score"];

/// The ranking, the highest score first.
#[utoipa::path(get, path = "/v1/ranking", tag = "ranking",
    params(("limit" = Option<u16>, Query, description = "People in one answer, 1 to 1,000; 100 unless told otherwise.",
            minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "next_cursor of the answer before."),
        ("network" = Option<String>, Query, description = "People on this network alone: a word of /v1/networks."),
        ("language" = Option<String>, Query, description = "People alone who mostly write in this language, by its code: nl."),
        ("country" = Option<String>, Query, description = "People alone whose profile declares this country, by its code: NL."),
        ("min_score" = Option<f32>, Query, description = "The lowest score, 0 to 100.", minimum = 0, maximum = 100),
        ("max_score" = Option<f32>, Query, description = "The highest score, 0 to 100.", minimum = 0, maximum = 100)),
    responses((status = 200, body = RankingAnswer, description = "Part of the ranking.")))]
async fn ranking(State(app): Shared, RawQuery(query): RawQuery) -> Answer<RankingAnswer> {
    let mut question = Question::read(query.as_deref(), &RANKING_WORDS)?;
    let limit = question.number("limit", 1..=1_000)?.unwrap_or(100);
    let network = question.text("network")?.map(|word| network_of(&word)).transpose()?;
    let language = question.text("language")?.map(|tag| question::language(&tag)).transpose()?;
    let country = question.text("country")?.map(|code| question::country(&code)).transpose()?;
    let lowest = question.number("min_score", 0.0..=100.0)?.unwrap_or(0.0);
    let highest = question.number("max_score", 0.0..=100.0)?.unwrap_or(100.0);
    if lowest > highest {
        return Err(Problem::bad_request("min_score is above max_score"));
    }
    let cursor = question.text("cursor")?.map(|text| Cursor::decode(&text)).transpose()?;
    let page = app.view.ranking(Part { network, language, country, scores: (lowest, highest) }, cursor.as_ref(), limit);
    let next_cursor = page.next.as_ref().map(Cursor::encode);
    Ok(Json(RankingAnswer { next_cursor, total: page.total, users: page.users }))
}

/// The network of a word that somebody asks for.
fn network_of(word: &str) -> Result<Network, Problem> {
    Network::of_prefix(word).ok_or_else(|| Problem::bad_request(question::no_network(word)))
}

/// The networks by which the ranking can be filtered, and the people on each.
#[utoipa::path(get, path = "/v1/networks", tag = "ranking",
    responses((status = 200, body = Networks, description = "All networks, also those on which nobody is rated.")))]
async fn networks(State(app): Shared, RawQuery(query): RawQuery) -> Answer<Networks> {
    Question::none(query.as_deref())?;
    Ok(Json(Networks::new(app.view.networks())))
}

/// What the ranking can be filtered by, and the people of each value.
#[utoipa::path(get, path = "/v1/facets", tag = "ranking",
    responses((status = 200, body = FacetsAnswer, description = "The values of which somebody with a score is.")))]
async fn facets(State(app): Shared, RawQuery(query): RawQuery) -> Answer<FacetsAnswer> {
    Question::none(query.as_deref())?;
    Ok(Json(FacetsAnswer::new(app.view.networks(), app.view.facets())))
}

/// People whose name, handle or shown name begins so or, with `contains`, has these letters somewhere; the highest score first.
#[utoipa::path(get, path = "/v1/search", tag = "ranking",
    params(("prefix" = Option<String>, Query, description = "The beginning of a name, with its network, or in whatever case of a handle or a shown name."),
        ("contains" = Option<String>, Query, description = "Letters of a name, a handle or a shown name, in whatever case: of the 10,000 highest scores. Either this or prefix."),
        ("limit" = Option<u16>, Query, description = "People, 1 to 100; 20 unless told otherwise.",
            minimum = 1, maximum = 100)),
    responses((status = 200, body = Users, description = "The people.")))]
async fn search(State(app): Shared, RawQuery(query): RawQuery) -> Answer<Users> {
    let mut question = Question::read(query.as_deref(), &["prefix", "contains", "limit"])?;
    let limit = question.number("limit", 1..=100)?.unwrap_or(20);
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let users = match (given(question.text("prefix")?), given(question.text("contains")?)) {
        (Some(prefix), None) => app.view.search(&prefix, limit),
        (None, Some(letters)) => app.view.search_inside(&letters, limit),
        _ => return Err(Problem::bad_request("either prefix, the beginning of a name, or contains, letters of it")),
    };
    Ok(Json(Users { users }))
}

/// How scores are spread.
#[utoipa::path(get, path = "/v1/distribution", tag = "ranking", responses((status = 200, body = Distribution, description = "The distribution.")))]
async fn distribution(State(app): Shared, RawQuery(query): RawQuery) -> Answer<Distribution> {
    Question::none(query.as_deref())?;
    Ok(Json(app.view.distribution()))
}

/// Scores as they change: server-sent events.
///
/// `event: score` with a score, `event: removed` with a user who has opted out, `event: reset` where the last event is
/// too long ago: then ask for everything again.
#[utoipa::path(get, path = "/v1/stream", tag = "scores",
    params(("user" = Option<Vec<String>>, Query, description = "Only these people; may be repeated.", explode = true),
        ("min_change" = Option<f32>, Query, description = "Only movements of so many points.",
            minimum = 0, maximum = 100),
        ("last-event-id" = Option<String>, Header, description = "The id of the last event that was read.")),
    responses((status = 200, body = String, content_type = "text/event-stream", description = "Events, until either side ends it."),
        (status = 429, body = Problem, description = "Too many streams of one address."),
        (status = 503, body = Problem, description = "Too many streams.")))]
async fn changes(State(app): Shared, request: Request) -> Result<Response, Problem> {
    stream::begin(app, &request)
}

/// How the process does, for operators.
#[utoipa::path(get, path = "/v1/status", tag = "operation", responses((status = 200, body = StatusAnswer, description = "The status.")))]
async fn status(State(app): Shared, RawQuery(query): RawQuery) -> Answer<StatusAnswer> {
    Question::none(query.as_deref())?;
    let pipeline = app.pipeline.as_deref().map(|status| app.rates.of(status, &app.supervisor));
    let view = app.has_scores.then(|| ViewStatus::new(&app.view));
    let demo = app.demo.as_ref().map(DemoStatus::new);
    Ok(Json(StatusAnswer { view, pipeline, demo }))
}

/// Numbers for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = 200, body = String, content_type = "text/plain", description = "The exposition.")))]
async fn metrics(State(app): Shared) -> Response {
    let open = Open { connections: app.doors.count(Thing::Connection), streams: app.doors.count(Thing::Stream) };
    app.counted.iter().for_each(|counted| app.metrics.read_counted(counted));
    let text = app.metrics.text(app.has_scores.then_some(&*app.view), app.pipeline.as_deref(), open);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// Whether the process works: nothing has failed, and every loop has turned in time.
#[utoipa::path(get, path = "/health/live", tag = "operation",
    responses((status = 200, body = String, description = "It does."),
        (status = 503, body = Problem, description = "It does not: start it again.")))]
async fn live(State(app): Shared) -> Result<&'static str, Problem> {
    app.supervisor.check_live().map(|()| "live\n").map_err(Problem::busy)
}

/// Whether it is live, each worker is in the group, and the view has caught up; without a view, no shard is being restored.
/// Never while nearly all records of an input become dead letters.
#[utoipa::path(get, path = "/health/ready", tag = "operation",
    responses((status = 200, body = String, description = "It is."),
        (status = 503, body = Problem, description = "Not yet, or not any more.")))]
async fn ready(State(app): Shared) -> Result<&'static str, Problem> {
    app.check_inputs().map_err(Problem::busy)?;
    app.check_ready().map(|()| "ready\n").map_err(Problem::busy)
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "operation",
    responses((status = 200, body = serde_json::Value, description = "OpenAPI 3.1.")))]
async fn document() -> Response {
    Json(openapi::document()).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::body::Body;
    use tower::ServiceExt;

    use super::*;
    use crate::doors::Bounds;

    #[test]
    fn the_document_lists_the_routes_and_nothing_else() {
        let document = serde_json::to_value(openapi::document()).unwrap();
        let documented: BTreeSet<String> = document["paths"].as_object().unwrap().keys().cloned().collect();
        let routed: BTreeSet<String> = table().into_iter().map(|(path, _)| path.to_owned()).collect();
        assert_eq!(documented, routed);
    }

    #[tokio::test]
    async fn the_document_lists_the_methods_and_nothing_else() {
        let document = serde_json::to_value(openapi::document()).unwrap();
        let options = ServerOptions::default();
        let doors = Doors::new(Bounds::granted(&options));
        let app = App::new(Some(Arc::default()), None, &options, doors, watch::channel(false).1);
        app.view.caught_up();
        let router = router(Arc::new(app), &[]);
        for (path, methods) in document["paths"].as_object().unwrap() {
            for method in ["GET", "POST", "PUT", "DELETE"] {
                let address = path.replace("{user}", "ana").replace("{person}", "ana");
                let request = Request::builder().method(method).uri(address).header("host", "localhost");
                let request = request.body(Body::empty()).unwrap();
                let is_taken =
                    router.clone().oneshot(request).await.unwrap().status() != StatusCode::METHOD_NOT_ALLOWED;
                // Somebody may be called lookup.
                let is_name = path == "/v1/users/lookup" && method == "GET";
                assert_eq!(is_taken, is_name || methods.get(method.to_lowercase()).is_some(), "{method} {path}");
            }
        }
    }
}
