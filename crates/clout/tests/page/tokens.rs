//! A server that wants tokens, and the page that asks for one.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serve::{Server, ServerOptions, Tokens, Update, View};
use vocabulary::{Received, Score, Timestamp};

use crate::browser::{self, Browser};

const TOKEN: &str = "a-long-token-for-tests";

fn score(view: &View, score: f64) {
    score_of(view, "ana", score);
}

/// Publishes somebody's score for now.
pub(crate) fn score_of(view: &View, user: &str, score: f64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    score_at(view, user, (score, score), now);
}

/// Publishes somebody's score and influence for some time.
pub(crate) fn score_at(view: &View, user: &str, (score, influence): (f64, f64), as_of: Timestamp) {
    let score = Score {
        score,
        influence,
        reach: score,
        amplification: 1.0,
        network: 1.0,
        openness: 1.0,
        room: 1.0,
        audience: 0.0,
        received: Received::default(),
        followers: 0,
        following: 0,
        as_of,
        scale: 100.0,
        scale_version: 0,
        previous: None,
    };
    view.apply(Update::Scored { user, score: &score, model_version: 1 });
}

#[test]
fn the_page_asks_for_a_token_and_goes_on_with_it() {
    let Some(_room) = browser::room() else { return };
    let view = Arc::new(View::default());
    score(&view, 10.0);
    view.caught_up();
    let tokens = Some(Tokens::parse(TOKEN).unwrap());
    let options = ServerOptions { listen: ([127, 0, 0, 1], 0).into(), tokens, ..ServerOptions::default() };
    let server = Server::new(Arc::clone(&view), options).start().unwrap();
    Browser::with("tokens", async |browser| {
        browser.open(&format!("http://{}/#/u/ana", server.address())).await;
        browser.until("document.activeElement.id === 'token'").await;
        browser.press("not-the-right-token\u{e007}").await;
        browser.until("document.querySelector('.refused').textContent.includes('not accepted')").await;
        // It is selected, so typing replaces it.
        browser.press(&format!("{TOKEN}\u{e007}")).await;
        browser.until("document.querySelector('.dial-number')?.textContent.startsWith('10')").await;
        // Nothing has been scored since it was started, so nothing is live.
        browser.until("document.querySelector('.pulse').dataset.state === 'quiet'").await;
        // The stream has it as well.
        score(&view, 20.0);
        browser.until("document.querySelector('.dial-number')?.textContent.startsWith('20')").await;
        browser.until("document.querySelector('.pulse').dataset.state === 'live'").await;
        browser.ask::<Option<()>>("location.reload()").await;
        browser.until("document.querySelector('.dial-number')?.textContent.startsWith('20')").await;
        let complaints = browser.complaints().await;
        assert!(complaints.iter().all(|one| one.message.contains("401")), "{complaints:#?}");
        let addresses = browser.requests().await;
        assert!(addresses.iter().all(|address| !address.contains(TOKEN)), "{addresses:?}");
        browser
    });
    server.stop();
}
