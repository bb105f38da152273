//! The page says what it knows: who is who, since when, whether anything moves, and where somebody was.

use std::sync::Arc;

use pipeline::{Place, ShardStatus, Status, Supervisor};
use serve::{Running, Server, ServerOptions, View, ViewOptions};
use wire::{Names, Spelling};

use crate::browser::{self, Browser};
use crate::tokens::{score_at, score_of};

/// A server whose people do not move unless a test moves them.
struct Still {
    view: Arc<View>,
    server: Running,
}

impl Still {
    fn of(people: &[(&str, f64)]) -> Still {
        let view = Arc::new(View::default());
        people.iter().for_each(|(user, score)| score_of(&view, user, *score));
        view.caught_up();
        Still::with(view)
    }

    fn with(view: Arc<View>) -> Still {
        let options = ServerOptions { listen: ([127, 0, 0, 1], 0).into(), ..ServerOptions::default() };
        let server = Server::new(Arc::clone(&view), options).start().unwrap();
        Still { view, server }
    }

    fn at(&self, hash: &str) -> String {
        format!("http://{}/{hash}", self.server.address())
    }
}

const NAMES: &str = "[...document.querySelectorAll('.rows .name')].map((one) => one.textContent).sort().join('|')";

#[test]
fn no_name_passes_for_another() {
    let Some(_room) = browser::room() else { return };
    let family = "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}";
    let longest = format!("{}:bo", "network".repeat(9));
    let names = [
        "live",
        "\u{202e}evil",
        "bo",
        "bo\u{200b}",
        " bo",
        "e\u{301}ric",
        "\u{e9}ric",
        "a\u{2028}b",
        "\\u{200b}",
        "p\u{430}ypal",
        "\u{421}\u{430}\u{440}\u{430}",
        "\u{41c}\u{430}\u{448}\u{430} K",
        "x:",
        family,
        &longest,
    ];
    let still = Still::of(&names.map(|name| (name, 50.0)));
    Browser::with("names", async |browser| {
        browser.open(&still.at("")).await;
        browser.until(&format!("document.querySelectorAll('.rows li').length === {}", names.len())).await;
        let mut expected = [
            "live",
            "\\u{202e}evil",
            "bo",
            "bo\\u{200b}",
            "\\u{20}bo",
            "e\\u{301}ric",
            "\u{e9}ric",
            "a\\u{2028}b",
            "\\u{5c}u{200b}",
            // A letter that looks Latin beside Latin ones; a name of such letters alone; one that nobody takes for Latin.
            "p\\u{430}ypal Cyrillic",
            "\u{421}\u{430}\u{440}\u{430} Cyrillic",
            "\u{41c}\u{430}\u{448}\u{430} K",
            // Nobody is without a name, and no name is taken for a network.
            "x:",
            family,
            &longest,
        ];
        expected.sort_unstable();
        let found: String = browser.ask(NAMES).await;
        let mut found: Vec<&str> = found.split('|').collect();
        found.sort_unstable();
        assert_eq!(found, expected);
        let isolated: String = browser.ask("getComputedStyle(document.querySelector('.rows .name')).unicodeBidi").await;
        assert_eq!(isolated, "isolate");
        browser.resize(320, 640).await;
        assert_eq!(browser.ask::<u32>("document.documentElement.scrollWidth").await, 320);
        browser.open(&still.at("#/u/%E2%80%AEevil")).await;
        browser.until("document.querySelectorAll('.neighbours li').length === 9").await;
        assert_eq!(browser.ask::<u32>("document.documentElement.scrollWidth").await, 320);
        browser.until("document.querySelector('h1').textContent === '\\\\u{202e}evil'").await;
        browser.until("document.title.includes('\\\\u{202e}evil')").await;
        browser
    });
    still.server.stop();
}

#[test]
fn it_is_live_only_while_something_is_scored() {
    let Some(_room) = browser::room() else { return };
    let still = Still::with(Arc::default());
    Browser::with("pulse", async |browser| {
        browser.open(&still.at("")).await;
        // First it reads what was there before.
        browser.until("document.querySelector('.pulse').dataset.state === 'behind'").await;
        browser.until("document.querySelector('.notice').checkVisibility()").await;
        // Or would, if a broker answered.
        still.view.set_waits(true);
        browser.until("document.querySelector('.pulse').textContent === 'No broker answers'").await;
        browser.until("document.querySelector('.notice').textContent.startsWith('No broker has answered')").await;
        still.view.set_waits(false);
        browser.until("document.querySelector('.pulse').textContent === 'Catching up'").await;
        still.view.caught_up();
        browser.until("document.querySelector('.pulse').dataset.state === 'quiet'").await;
        browser.until("document.querySelector('.notice').hidden").await;
        // Of nobody there is nothing to show.
        browser.until("document.querySelector('.empty').checkVisibility()").await;
        assert!(!browser.ask::<bool>("document.querySelector('.spread').checkVisibility()").await);
        browser.until("document.querySelector('.pulse').textContent.includes('Nothing scored')").await;
        // It makes no scores, so that it has nothing to say about how they are made.
        assert!(browser.ask::<bool>("document.querySelector('.places [data-page=pipeline]').hidden").await);
        assert!(browser.ask::<bool>("document.querySelector('.made-up').hidden").await);
        // What happened long ago is not live, even while it is scored.
        score_at(&still.view, "bo", (40.0, 40.0), 1_700_000_000_000);
        browser.until("document.querySelector('.pulse').textContent === 'Scoring 14 Nov 2023'").await;
        score_of(&still.view, "bo", 41.0);
        browser.until("document.querySelector('.pulse').dataset.state === 'live'").await;
        // Whoever reads much at once is not live either.
        still.view.set_behind(60_000);
        browser.until("document.querySelector('.pulse').dataset.state === 'behind'").await;
        browser.until("document.querySelector('.pulse').textContent === 'Behind by 60,000 records'").await;
        still.view.set_behind(0);
        // Nor is what is scored while most of the input is still to be read.
        still.view.set_unread(Some(70_000));
        browser.until("document.querySelector('.pulse').textContent.startsWith('70,000 records to be read')").await;
        still.view.set_unread(Some(2_000));
        score_of(&still.view, "bo", 41.5);
        browser.until("document.querySelector('.pulse').dataset.state === 'live'").await;
        browser
            .until("document.querySelector('.pulse').textContent.startsWith('2,000 records to be read, none for')")
            .await;
        still.view.set_unread(Some(12));
        score_of(&still.view, "bo", 42.0);
        browser.until("document.querySelector('.pulse').dataset.state === 'live'").await;
        // Of one person, nothing is said about halves and tenths.
        browser.until("document.querySelector('.spread figcaption').textContent.startsWith('The height')").await;
        browser.resize(320, 640).await;
        browser.until("document.querySelector('.pulse').dataset.state === 'quiet'").await;
        browser.until("document.querySelector('.pulse').textContent.includes('Last scored')").await;
        // A telephone says it as well.
        assert!(browser.ask::<u32>("document.querySelector('.pulse-word').clientWidth").await > 60);
        browser.open(&still.at("#/pipeline")).await;
        browser.until("document.querySelector('.verdict')?.dataset.state === 'elsewhere'").await;
        browser.open(&still.at("#/wat")).await;
        browser.until("document.querySelector('h1')?.textContent === 'No such page'").await;
        browser
    });
    still.server.stop();
}

/// Scores that were there when the server started are as old as they are.
#[test]
fn scores_that_nobody_makes_any_more_are_told_as_old() {
    let Some(_room) = browser::room() else { return };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    for (as_of, told) in [(1_700_000_000_000, "Scores of 14 Nov 2023"), (now - 300_000, "Last scored 5 min ago")] {
        let view = Arc::new(View::default());
        score_at(&view, "bo", (40.0, 40.0), as_of);
        view.caught_up();
        let still = Still::with(view);
        Browser::with("stopped", async |browser| {
            browser.open(&still.at("")).await;
            browser.until("document.querySelectorAll('.rows li').length === 1").await;
            // A slow machine may look a minute later.
            let words = "document.querySelector('.pulse').textContent.replace(/[6-9] min/, '5 min')";
            browser.until(&format!("{words} === '{told}'")).await;
            browser
        });
        still.server.stop();
    }
}

/// A worker that waits tells nothing new of its shards.
#[test]
fn a_worker_that_stands_still_is_told_of() {
    let Some(_room) = browser::room() else { return };
    let (view, supervisor) = (Arc::new(View::default()), Supervisor::default());
    view.caught_up();
    let options = ServerOptions { listen: ([127, 0, 0, 1], 0).into(), ..ServerOptions::default() };
    let status = Arc::new(Status::new(2));
    let server = Server::new(view, options).with_pipeline(Arc::clone(&status)).watched_by(&supervisor);
    let server = server.start().unwrap();
    let heartbeat = supervisor.heartbeat("worker-0");
    heartbeat.set_at_work(true);
    heartbeat.wait();
    Browser::with("stands", async |browser| {
        browser.open(&format!("http://{}/#/pipeline", server.address())).await;
        browser.until("document.querySelector('.verdict')?.dataset.state === 'ill'").await;
        browser.until("document.querySelector('.verdict').textContent.includes('stood still for')").await;
        browser.until("document.querySelector('.verdict').textContent.includes('waits for the brokers')").await;
        heartbeat.beat();
        // Of shards that are elsewhere nobody here knows how they do.
        browser.until("document.querySelector('.verdict').dataset.state === 'elsewhere'").await;
        status.write(0, &ShardStatus { place: Place::Live, ..ShardStatus::default() });
        browser.until("document.querySelector('.verdict').dataset.state === 'well'").await;
        browser
    });
    server.stop();
}

#[test]
fn who_goes_back_is_where_they_were() {
    let Some(_room) = browser::room() else { return };
    let people: Vec<(String, f64)> = (0..90).map(|number| (format!("u{number:02}"), f64::from(number))).collect();
    let people: Vec<(&str, f64)> = people.iter().map(|(name, score)| (name.as_str(), *score)).collect();
    let still = Still::of(&people);
    Browser::with("back", async |browser| {
        browser.open(&still.at("")).await;
        browser.until("document.querySelectorAll('.rows li').length === 25").await;
        browser.ask::<Option<()>>("document.querySelector('.more').click()").await;
        browser.until("document.querySelectorAll('.rows li').length === 50").await;
        browser.ask::<Option<()>>("(scrollTo(0, 1400), null)").await;
        browser.until("history.state?.scroll === 1400").await;
        browser.ask::<Option<()>>("document.querySelectorAll('.rows a')[30].click()").await;
        browser.until("document.querySelector('.dial-number') && scrollY === 0").await;
        browser.ask::<Option<()>>("history.back()").await;
        browser.until("document.querySelectorAll('.rows li').length === 50 && scrollY === 1400").await;
        browser
    });
    still.server.stop();
}

const FOUND: &str = "[...document.querySelectorAll('#found [role=option] .name')].map((one) => one.textContent).join()";

#[test]
fn search_finds_what_people_type() {
    let Some(_room) = browser::room() else { return };
    let names = Names::new(Spelling::Folded, [""; 0]);
    let view = Arc::new(View::new(ViewOptions { names, ..ViewOptions::default() }));
    for (user, score) in [("x:kelleratlas", 50.0), ("x:atlas", 40.0), ("x:ana", 30.0)] {
        score_of(&view, user, score);
    }
    view.caught_up();
    let still = Still::with(view);
    Browser::with("search", async |browser| {
        browser.open(&still.at("")).await;
        browser.until("document.querySelectorAll('.rows li').length === 3").await;
        for (typed, found) in [("ATLAS", "atlas,kelleratlas"), ("@ana", "ana"), ("ler", "kelleratlas")] {
            browser.press("/").await;
            browser.press(typed).await;
            browser.until(&format!("{FOUND} === {found:?}")).await;
            browser.press("\u{e00c}").await;
            browser.ask::<Option<()>>("document.activeElement.blur()").await;
        }
        browser.press("/").await;
        browser.press("nobody-like-that\u{e007}").await;
        browser.until("document.querySelector('#found .none')?.textContent.includes('nobody-like-that')").await;
        assert_eq!(browser.ask::<String>("location.hash").await, "");
        // Where names are folded, every spelling leads to the one page of a person.
        browser.open(&still.at("#/u/%40X%3AANA")).await;
        browser.until("location.hash === '#/u/x%3Aana' && document.querySelector('.dial-number')").await;
        browser
    });
    still.server.stop();
}

/// The contrast of two colours as WCAG 2 has it, and what lies behind an element.
const CONTRAST: &str = "((one, other) => {
    const context = document.createElement('canvas').getContext('2d');
    const light = (colour) => {
        context.fillStyle = colour;
        context.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((part) => part / 255)
            .map((part) => part <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b + .05;
    };
    const [a, b] = [light(one), light(other)];
    return Math.max(a, b) / Math.min(a, b);
})";

#[test]
fn what_matters_can_be_seen() {
    let Some(_room) = browser::room() else { return };
    let long = "a-very-long-name-".repeat(30);
    let still = Still::of(&[("ana", 100.0), (&long, 60.0), ("bo", 20.0)]);
    Browser::with("seen", async |browser| {
        browser.open(&still.at("#/u/ana")).await;
        browser.until("document.querySelector('.dial-number')?.textContent === '100.0'").await;
        browser.until("document.querySelector('.score-words').textContent.includes('Nobody scores higher')").await;
        // The number stays within the ticks.
        let text = "(() => { const range = document.createRange(); range.selectNodeContents(document.querySelector('.dial-number')); return range.getBoundingClientRect().width / document.querySelector('.dial').clientWidth; })()";
        let part: f64 = browser.ask(text).await;
        assert!(part < 0.62, "the number takes {part} of the dial");
        // Nothing has moved, so that there is nothing to show of it.
        browser
            .until("document.querySelector('.why-card').hidden && document.querySelector('.curve-card').hidden")
            .await;
        // At 100 the influence still moves.
        for (number, influence) in [110.0, 120.0, 125.0].into_iter().enumerate() {
            score_at(&still.view, "ana", (100.0, influence), 1_700_000_000_000 + 60_000 * number as i64);
        }
        browser.until("document.querySelector('#curve')?.checkVisibility()").await;
        let curve: String = browser.ask("document.querySelector('.history svg').getAttribute('aria-label')").await;
        assert!(curve.contains("influence in votes moved 2 times between 110 and 125"), "{curve}");
        // So do the reasons, which are of all that is remembered.
        browser.until("!document.querySelector('.why-card').hidden").await;
        // Below it the score does; nothing is drawn above 100.
        score_of(&still.view, "ana", 99.5);
        browser.until("!document.querySelector('.why-card').hidden").await;
        let highest: f64 = browser
            .ask("Math.min(...[...document.querySelectorAll('.history .grid')].map((one) => one.getBBox().y))")
            .await;
        assert!(highest < 20.0, "100 is drawn at {highest}");
        // Back at 100 its curve would be flat: that of the influence is not.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
        score_at(&still.view, "ana", (100.0, 130.0), now);
        browser
            .until("document.querySelector('.history svg').getAttribute('aria-label').includes('influence in votes')")
            .await;
        for _ in ["one theme", "the other"] {
            for (what, selector, property) in [
                ("bars", ".spread .bar:not(.here)", "fill"),
                ("the dial", ".dial-track", "stroke"),
                ("the field", ".search input", "borderTopColor"),
            ] {
                browser.until(&format!("document.querySelector({selector:?})")).await;
                let ground = if what == "the field" { "document.body" } else { "document.querySelector('.card')" };
                let colour = format!("getComputedStyle(document.querySelector({selector:?})).{property}");
                let contrast: f64 =
                    browser.ask(&format!("{CONTRAST}({colour}, getComputedStyle({ground}).backgroundColor)")).await;
                assert!(contrast >= 3.0, "{what}: {contrast}");
            }
            browser.click(".theme").await;
        }
        browser.open(&still.at(&format!("#/u/{long}"))).await;
        browser.until("!document.querySelector('.whole').hidden").await;
        let lines = "Math.round(document.querySelector('h1').clientHeight / parseFloat(getComputedStyle(document.querySelector('h1')).lineHeight))";
        assert_eq!(browser.ask::<u32>(lines).await, 3);
        browser.click(".whole").await;
        browser.until(&format!("{lines} > 3")).await;
        browser
    });
    still.server.stop();
}
