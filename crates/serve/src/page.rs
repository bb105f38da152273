//! The page for people: its files, served at `/`. They are part of the program, and load nothing from anywhere else.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::etag;

/// What the page may do: run its own scripts, and ask this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

/// A file with the path it is served at.
struct File {
    path: &'static str,
    kind: &'static str,
    text: &'static str,
}

macro_rules! file {
    ($name:literal, $kind:expr) => {
        File { path: concat!("/", $name), kind: $kind, text: include_str!(concat!("../page/", $name)) }
    };
}

static FILES: [File; 26] = [
    File { path: "/", kind: HTML, text: include_str!("../page/index.html") },
    file!("style.css", STYLE),
    file!("icon.svg", IMAGE),
    file!("theme.js", SCRIPT),
    file!("theme-button.js", SCRIPT),
    file!("app.js", SCRIPT),
    file!("api.js", SCRIPT),
    file!("live.js", SCRIPT),
    file!("status.js", SCRIPT),
    file!("known.js", SCRIPT),
    file!("dom.js", SCRIPT),
    file!("words.js", SCRIPT),
    file!("charts.js", SCRIPT),
    file!("ranking.js", SCRIPT),
    file!("facets.js", SCRIPT),
    file!("people.js", SCRIPT),
    file!("person.js", SCRIPT),
    file!("accounts.js", SCRIPT),
    file!("circle.js", SCRIPT),
    file!("days.js", SCRIPT),
    file!("reasons.js", SCRIPT),
    file!("movers.js", SCRIPT),
    file!("pipeline.js", SCRIPT),
    file!("search.js", SCRIPT),
    file!("token.js", SCRIPT),
    file!("missing.js", SCRIPT),
];

/// The page's routes. They are open to everybody: what they show comes through the API.
pub(crate) fn routes() -> Router {
    FILES.iter().fold(Router::new(), |router, file| {
        let tag = tag(file.text);
        router.route(file.path, get(move |headers: HeaderMap| async move { answer(file, &tag, &headers) }))
    })
}

fn answer(file: &File, tag: &str, headers: &HeaderMap) -> Response {
    let is_known = headers.get_all(header::IF_NONE_MATCH).iter().any(|known| etag::matches(known, tag));
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => ([(header::CONTENT_TYPE, file.kind)], file.text).into_response(),
    };
    let fixed: [(HeaderName, &str); 5] = [
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::ETAG, tag),
    ];
    let fixed = fixed.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::from_str(value).ok()?)));
    response.headers_mut().extend(fixed);
    response
}

/// Weak, since the same text goes out packed and not.
fn tag(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("W/\"{:016x}\"", hasher.finish())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn header<'a>(response: &'a Response, name: &str) -> &'a str {
        response.headers()[name].to_str().unwrap()
    }

    #[test]
    fn every_file_is_served() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let there: BTreeSet<String> =
            names.filter(|name| name != "index.html").map(|name| format!("/{name}")).collect();
        let served: BTreeSet<String> = FILES.iter().skip(1).map(|file| file.path.to_owned()).collect();
        assert_eq!(there, served);
    }

    #[test]
    fn an_answer_says_what_it_is_and_what_it_may_do() {
        let answered = answer(&FILES[0], &tag("x"), &HeaderMap::new());
        assert_eq!(answered.status(), StatusCode::OK);
        assert_eq!(header(&answered, "content-type"), HTML);
        assert!(header(&answered, "content-security-policy").starts_with("default-src 'none'"));

        let known = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_str(&tag("x")).unwrap())]);
        let answered = answer(&FILES[0], &tag("x"), &known);
        assert_eq!((answered.status(), header(&answered, "etag")), (StatusCode::NOT_MODIFIED, &*tag("x")));
        assert_eq!(answer(&FILES[0], &tag("y"), &known).status(), StatusCode::OK);
    }

    /// The policy would stop them in a browser; here they are not even written.
    #[test]
    fn no_file_loads_anything_from_elsewhere() {
        for file in &FILES {
            for other in ["http://", "https://", "//cdn", "@import", "style=\"", "onclick="] {
                let text = file.text.replace("http://www.w3.org/2000/svg", "");
                assert!(!text.contains(other), "{} has {other}", file.path);
            }
        }
    }
}
