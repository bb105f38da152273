//! The page of `clout demo` in a real browser: what people see, and that it goes on when the server comes back.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod browser;
mod days;
mod demo;
mod honest;
mod networks;
#[path = "../room/mod.rs"]
mod room;
mod tokens;

use browser::Browser;
use demo::Demo;

/// Every score of the ranking, in the page.
const SCORES: &str = "[...document.querySelectorAll('.rows .cell-score')].map((score) => score.textContent).join()";
const RANKING_IS_THERE: &str = "document.querySelectorAll('.rows li').length === 25";

fn small(port: &str) -> String {
    format!("--people 400 --head-start 1d --port {port}")
}

async fn wait_until_scores_move(browser: &Browser) {
    browser.until(RANKING_IS_THERE).await;
    let before: String = browser.ask(SCORES).await;
    browser.until(&format!("{SCORES} !== {before:?}")).await;
}

/// No complaint but of this source, about this address.
async fn hold_quiet(browser: &Browser, is_expected: impl Fn(&browser::Complaint) -> bool) {
    let complaints = browser.complaints().await;
    assert!(complaints.iter().all(is_expected), "{complaints:#?}");
}

#[test]
fn people_look_search_and_read_why() {
    let Some(_room) = browser::room() else { return };
    let demo = Demo::start(&small("0"));
    Browser::with("looks", async |browser| {
        browser.open(&demo.address).await;
        wait_until_scores_move(&browser).await;
        browser.until("document.querySelector('.pulse').dataset.state === 'live'").await;
        browser.until("document.querySelectorAll('.spread .bar').length > 5").await;
        searches_by_keyboard(&browser).await;
        reads_about_a_person(&browser).await;
        holds_to_one_rank(&browser).await;
        says_that_it_is_made_up(&browser).await;
        looks_after_the_pipeline(&browser).await;
        keeps_the_theme(&browser).await;
        hold_quiet(&browser, |_| false).await;
        reads_about_a_stranger(&browser, &demo.address).await;
        fits_on_a_telephone(&browser, &demo.address).await;
        hold_quiet(&browser, |complaint| complaint.message.contains("/v1/users/stranger/around?")).await;
        let requests = browser.requests().await;
        // The browser's own pages and what lies within an address are on no host.
        let is_local = |url: &str| url.starts_with("chrome:") || url.starts_with("data:");
        let elsewhere: Vec<_> =
            requests.iter().filter(|url| !url.starts_with(&demo.address) && !is_local(url)).collect();
        assert!(requests.len() > 10 && elsewhere.is_empty(), "{elsewhere:?}");
        browser
    });
    assert_eq!(demo.interrupt(), Some(0));
}

#[test]
fn a_log_that_is_at_its_end_is_told_to_be() {
    let Some(_room) = browser::room() else { return };
    let log = std::env::temp_dir().join(format!("clout-page-{}.csv", std::process::id()));
    std::fs::write(&log, "actor,target,at\nana,bo,1738324800\ncy,bo,1738324805\n").unwrap();
    let demo = Demo::start(&format!("{} --port 0", log.display()));
    Browser::with("ends", async |browser| {
        browser.open(&demo.address).await;
        browser.until("document.querySelectorAll('.rows li').length === 1").await;
        browser.until("document.querySelector('.pulse').textContent === 'At its end'").await;
        browser.until("document.querySelector('.made-up').textContent.endsWith('.csv is at its end.')").await;
        browser
    });
    assert_eq!(demo.interrupt(), Some(0));
    std::fs::remove_file(log).unwrap();
}

async fn searches_by_keyboard(browser: &Browser) {
    let name: String = browser.ask("document.querySelectorAll('.rows .name')[7].textContent").await;
    browser.press("/").await;
    browser.until("document.activeElement.id === 'search'").await;
    let typed: String = name.chars().take(name.chars().count() - 1).collect();
    browser.press(&typed).await;
    let found = "[...document.querySelectorAll('#found [role=option] .name')].map((one) => one.textContent)";
    browser.until(&format!("{found}.includes({name:?})")).await;
    let place: usize = browser.ask(&format!("{found}.indexOf({name:?})")).await;
    for _ in 0..=place {
        browser.press("\u{e015}").await;
    }
    browser.until(&format!("document.querySelector('[aria-selected=true] .name')?.textContent === {name:?}")).await;
    browser.press("\u{e007}").await;
    browser.until(&format!("document.querySelector('.person-head h1')?.textContent === {name:?}")).await;
    let hash: String = browser.ask("location.hash").await;
    assert!(hash.starts_with("#/u/") && hash.contains(&name), "{hash}");
}

async fn reads_about_a_person(browser: &Browser) {
    browser.until("Number(document.querySelector('.dial-number')?.textContent) > 0").await;
    browser.until("document.querySelectorAll('.factor-number').length === 6").await;
    browser.until("document.querySelectorAll('.neighbours li').length >= 5").await;
    browser.until("document.querySelector('.neighbours [aria-current]')").await;
    // Why it moved, the movements themselves, and the curve they make.
    browser.until("document.querySelectorAll('.reasons li').length === 7").await;
    browser.until("document.querySelector('.moves .move-words')?.textContent.match(/[+−]\\d/)").await;
    browser.until("document.querySelector('.history .curve')?.getAttribute('d').length > 10").await;
    let parts: f64 = browser
        .ask("[...document.querySelectorAll('.counts dd')].map((one) => +one.textContent.replace(',', '')).reduce((a, b) => a + b)")
        .await;
    assert!(parts > 0.0, "somebody of the first ten has received something");
    // Five kinds of acts, and on a line of their own who follows whom.
    let tops: Vec<f64> =
        browser.ask("[...document.querySelectorAll('.counts dd')].map((one) => one.getBoundingClientRect().top)").await;
    let (acts, follows) = tops.split_at(5);
    assert!(acts.iter().all(|top| *top == acts[0]) && follows[0] > acts[0] && follows == [follows[0]; 2], "{tops:?}");
}

/// The person's own line among those nearby says what stands on top.
async fn holds_to_one_rank(browser: &Browser) {
    for _ in 0..15 {
        let ranks: [String; 2] = browser
            .ask("[document.querySelector('.big-line').textContent, 'Rank ' + document.querySelector('.neighbours [aria-current] .cell-rank').textContent]")
            .await;
        assert_eq!(ranks[0], ranks[1]);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

async fn says_that_it_is_made_up(browser: &Browser) {
    let line: String = browser.ask("document.querySelector('.made-up').textContent").await;
    assert_eq!(line, "A made-up town of 400 people: 10 minutes of it pass in a second.");
}

async fn looks_after_the_pipeline(browser: &Browser) {
    browser.click(".places [data-page=pipeline]").await;
    browser.until("document.querySelector('.verdict')?.dataset.state === 'well'").await;
    browser.until("document.querySelectorAll('.shards tbody tr[data-place=live]').length === 4").await;
    browser.until("document.querySelector('.places [aria-current=page]').textContent === 'Pipeline'").await;
    browser.until("document.activeElement.tagName === 'H1'").await;
}

async fn keeps_the_theme(browser: &Browser) {
    let ground = "getComputedStyle(document.body).backgroundColor";
    let before: String = browser.ask(ground).await;
    browser.click(".theme").await;
    let chosen: String = browser.ask(ground).await;
    assert_ne!(before, chosen);
    browser.ask::<Option<()>>("location.reload()").await;
    browser.until("document.querySelector('.verdict')?.dataset.state === 'well'").await;
    assert_eq!(browser.ask::<String>(ground).await, chosen);
}

async fn reads_about_a_stranger(browser: &Browser, address: &str) {
    browser.open(&format!("{address}/#/u/stranger")).await;
    browser.until("document.querySelector('.absent h2')?.textContent === 'Not rated yet'").await;
}

/// What can be touched and is smaller than 44 pixels; links within a sentence may be.
const TOO_SMALL_FOR_A_FINGER: &str = "[...document.querySelectorAll('a, button, input')]
    .filter((one) => one.checkVisibility() && !one.matches('.skip, p:not(.crumb) a'))
    .map((one) => [one, one.getBoundingClientRect()])
    .filter(([, box]) => box.height < 44 || box.width < 44)
    .map(([one, box]) => one.outerHTML.slice(0, 60) + ` is ${box.width} by ${box.height}`)";

async fn fits_on_a_telephone(browser: &Browser, address: &str) {
    browser.resize(360, 740).await;
    let first = "document.querySelector('.rows a').getAttribute('href')";
    browser.open(&format!("{address}/#/")).await;
    browser.until(RANKING_IS_THERE).await;
    let person: String = browser.ask(first).await;
    for (hash, there) in [
        ("#/", RANKING_IS_THERE),
        (&person, "document.querySelector('.neighbours li')"),
        ("#/pipeline", "document.querySelector('.shards td')"),
    ] {
        browser.ask::<String>(&format!("location.hash = {hash:?}")).await;
        browser.until(there).await;
        let wide: u32 = browser.ask("document.documentElement.scrollWidth").await;
        assert!(wide <= 360, "{hash} is {wide} wide");
        assert_eq!(browser.ask::<Vec<String>>(TOO_SMALL_FOR_A_FINGER).await, [""; 0], "{hash}");
    }
}

/// A server that is frozen, or to which the way is dead, refuses nothing: it only says nothing.
#[test]
fn a_server_that_says_nothing_is_not_taken_for_one_that_is_there() {
    let Some(_room) = browser::room() else { return };
    let demo = Demo::start(&small("0"));
    Browser::with("frozen", async |browser| {
        browser.open(&demo.address).await;
        wait_until_scores_move(&browser).await;
        demo.signal("-STOP");
        browser.until("document.querySelector('.pulse').dataset.state === 'lost'").await;
        browser.until("document.querySelector('.notice').textContent.includes('does not answer')").await;
        demo.signal("-CONT");
        browser.until("document.querySelector('.pulse').dataset.state === 'live'").await;
        browser
    });
    assert_eq!(demo.interrupt(), Some(0));
}

/// Names that are longer than their place take two lines, nothing is pushed out of the window, and the whole of each can be read.
#[test]
fn long_names_have_room() {
    let Some(_room) = browser::room() else { return };
    let events: String = (0..3_000)
        .map(|number| {
            let name = |number: u64| format!("did:plc:a_rather_long_name_of_somebody_{:05}", number % 40);
            format!("{} {} {} RT\n", name(number * 7 + 1), name(number * number), 1_735_689_600 + 40 * number)
        })
        .collect();
    let log = std::env::temp_dir().join(format!("clout-long-names-{}.txt", std::process::id()));
    std::fs::write(&log, events).unwrap();
    let demo = Demo::start(&format!("{} --port 0 --speed 1h --half-life 1h --head-start 1h", log.display()));
    Browser::with("long-names", async |browser| {
        browser.resize(1280, 900).await;
        browser.open(&demo.address).await;
        browser.until("document.querySelectorAll('.movers li').length > 0").await;
        let inside = "[...document.querySelectorAll('.mover-score, .side-column .cell-change, .rows .name')]
            .every((one) => one.getBoundingClientRect().right <= document.documentElement.clientWidth)";
        assert!(browser.ask::<bool>(inside).await);
        // Nothing is cut off: no text is wider or higher than its place.
        let whole = "[...document.querySelectorAll('.rows .name')]
            .every((one) => one.scrollWidth <= one.clientWidth && one.scrollHeight <= one.clientHeight + 1)";
        assert!(browser.ask::<bool>(whole).await);
        let title: String = browser.ask("document.querySelector('.rows .name').title").await;
        assert!(title.starts_with("did:plc:a_rather_long_name_of_somebody_"), "{title}");
        // What stands before the first colon of an identifier is no network.
        assert_eq!(browser.ask::<u32>("document.querySelectorAll('.network:not(:empty)').length").await, 0);
        browser
    });
    assert_eq!(demo.interrupt(), Some(0));
    let _ = std::fs::remove_file(log);
}

#[test]
fn the_page_goes_on_when_the_server_comes_back() {
    let Some(_room) = browser::room() else { return };
    let demo = Demo::start(&small("0"));
    let (address, port) = (demo.address.clone(), demo.port().to_owned());
    Browser::with("returns", async |browser| {
        browser.open(&address).await;
        wait_until_scores_move(&browser).await;
        hold_quiet(&browser, |_| false).await;
        assert_eq!(demo.interrupt(), Some(0));
        browser.until("document.querySelector('.pulse').dataset.state === 'lost'").await;
        browser.until("document.querySelector('.notice').textContent.includes('does not answer')").await;
        // What was there stays.
        browser.until(RANKING_IS_THERE).await;
        let demo = Demo::start(&small(&port));
        browser.until("document.querySelector('.pulse').dataset.state === 'live'").await;
        browser.until("document.querySelector('.notice').textContent.includes('is back')").await;
        // Of the time between, the browser itself says that nobody answered.
        hold_quiet(&browser, |complaint| complaint.source == "network").await;
        wait_until_scores_move(&browser).await;
        hold_quiet(&browser, |_| false).await;
        drop(demo);
        browser
    });
}
