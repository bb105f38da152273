//! GitHub's public events: a list that is asked for again and again, as often as the server allows.

use std::convert::Infallible;
use std::time::Duration;

use reqwest::header::{ACCEPT, ETAG, HeaderMap, IF_NONE_MATCH};
use reqwest::{Response, StatusCode, Url};

use crate::feed::Feed;
use crate::trouble::Ended;
use crate::web::{Web, body, now_secs, number};

/// Between two questions, unless the server says otherwise.
const INTERVAL: Duration = Duration::from_secs(60);
/// Pages of the list; the server has no more.
const PAGES_MAX: usize = 3;

/// Asks until something fails.
pub(crate) async fn session(web: &Web, feed: &mut Feed) -> Ended {
    match poll(web, feed).await {
        Ok(never) => match never {},
        Err(ended) => ended,
    }
}

async fn poll(web: &Web, feed: &mut Feed) -> Result<Infallible, Ended> {
    let mut is_told = false;
    loop {
        let mut first = web.below("/events");
        first.set_query(Some("per_page=100"));
        let known = feed.position.clone();
        let response = ask(web, first, known.as_deref(), feed.was_connected).await?;
        let headers = response.headers().clone();
        if !is_told {
            feed.connected(web.shown())?;
            is_told = true;
        }
        if response.status() != StatusCode::NOT_MODIFIED {
            take(web, feed, response).await?;
        }
        tokio::time::sleep(pause(&headers)).await;
    }
}

/// Asks for a page.
async fn ask(web: &Web, url: Url, known: Option<&str>, was_connected: bool) -> Result<Response, Ended> {
    let mut request =
        web.get(url).header(ACCEPT, "application/vnd.github+json").header("x-github-api-version", "2022-11-28");
    if let Some(known) = known {
        request = request.header(IF_NONE_MATCH, known);
    }
    let response = web.ask(request, was_connected).await?;
    match response.status() {
        StatusCode::OK | StatusCode::NOT_MODIFIED => Ok(response),
        _ => Err(web.refusal(response, was_connected).await.into()),
    }
}

/// Hands over all pages, the oldest first: the position is behind all of them.
async fn take(web: &Web, feed: &mut Feed, first: Response) -> Result<(), Ended> {
    let tag = first.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    let (mut pages, mut next) = (Vec::new(), Some(first));
    while let Some(response) = next.take() {
        let (headers, base) = (response.headers().clone(), response.url().clone());
        pages.push(body(response).await?);
        let url = next_page(&headers, &base).filter(|_| pages.len() < PAGES_MAX && affords(&headers));
        if let Some(url) = url {
            next = Some(ask(web, url, None, true).await?);
        }
    }
    while let Some(page) = pages.pop() {
        feed.message(page, tag.clone().filter(|_| pages.is_empty()))?;
    }
    Ok(())
}

/// The address of the page behind this one, on the same server.
fn next_page(headers: &HeaderMap, base: &Url) -> Option<Url> {
    let links = headers.get("link")?.to_str().ok()?;
    let link = links.split(',').find(|link| link.contains("rel=\"next\""))?;
    let url = base.join(link.split_once('<')?.1.split_once('>')?.0).ok()?;
    (url.origin() == base.origin()).then_some(url)
}

fn interval(headers: &HeaderMap) -> Duration {
    number(headers, "x-poll-interval").map_or(INTERVAL, |secs| Duration::from_secs(secs.max(1)))
}

/// What the server still allows until it counts anew.
struct Allowance {
    questions: u64,
    secs: u64,
}

impl Allowance {
    fn of(headers: &HeaderMap) -> Option<Allowance> {
        let (questions, reset) = (number(headers, "x-ratelimit-remaining")?, number(headers, "x-ratelimit-reset")?);
        Some(Allowance { questions, secs: reset.saturating_sub(now_secs()).max(1) })
    }
}

/// Whether one more page leaves enough for a question in each interval.
fn affords(headers: &HeaderMap) -> bool {
    Allowance::of(headers)
        .is_none_or(|left| left.questions > left.secs / interval(headers).as_secs() + PAGES_MAX as u64)
}

/// The time until the next question: as the server says, and so that what it allows lasts.
fn pause(headers: &HeaderMap) -> Duration {
    let least = interval(headers);
    match Allowance::of(headers) {
        Some(Allowance { questions: 0, secs }) => least.max(Duration::from_secs(secs)),
        Some(Allowance { questions, secs }) => least.max(Duration::from_secs(secs / questions)),
        None => least,
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, String)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::try_from(value).unwrap())).collect()
    }

    #[test]
    fn what_the_server_allows_lasts() {
        let left = |questions: u64, secs: u64| {
            let reset = (now_secs() + secs).to_string();
            headers(&[("x-ratelimit-remaining", questions.to_string()), ("x-ratelimit-reset", reset)])
        };
        assert_eq!(pause(&headers(&[])), INTERVAL);
        assert_eq!(pause(&headers(&[("x-poll-interval", "7".to_owned())])), Duration::from_secs(7));
        assert_eq!(pause(&left(4_000, 3_600)), INTERVAL);
        let secs = |headers| pause(&headers).as_secs();
        assert!((115..=120).contains(&secs(left(30, 3_600))));
        assert!((3_595..=3_600).contains(&secs(left(0, 3_600))));
        assert!(affords(&left(4_000, 3_600)) && affords(&headers(&[])));
        assert!(!affords(&left(60, 3_600)), "without a token there is one question a minute");
    }

    #[test]
    fn the_next_page_is_on_the_same_server() {
        let base = Url::parse("https://a.example.com/events").unwrap();
        let next = |link: &str| next_page(&headers(&[("link", link.to_owned())]), &base).map(|url| url.to_string());
        let last = "<https://a.example.com/events?page=3>; rel=\"last\"";
        let second = "<https://a.example.com/events?page=2>; rel=\"next\"";
        assert_eq!(next(&format!("{second}, {last}")).as_deref(), Some("https://a.example.com/events?page=2"));
        assert_eq!(next(last), None);
        assert_eq!(next("<https://b.example.com/events?page=2>; rel=\"next\""), None);
    }
}
