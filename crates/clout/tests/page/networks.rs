//! From a file of networks' messages to the page with one command: the filter, names, links out, and who is not named.

use crate::browser::{self, Browser};
use crate::demo::Demo;
use crate::{TOO_SMALL_FOR_A_FINGER, hold_quiet};

/// Acts on people of Bluesky, GitHub and the Fediverse, and what they are called.
fn log() -> String {
    let mut lines = Vec::new();
    let at = |number: u64| 1_767_225_600 + number * 60;
    let mut bluesky = |number: u64, did: &str, kind: &str, what: &str| {
        let micros = at(number) * 1_000_000;
        lines.push(format!(r#"{{"did":"did:plc:{did}","time_us":{micros},"kind":"{kind}","{kind}":{what}}}"#));
    };
    let profile = |name: &str, labels: &str| {
        format!(
            r#"{{"operation":"update","collection":"app.bsky.actor.profile","rkey":"self","record":{{"displayName":"{name}","labels":{{"values":[{labels}]}}}}}}"#
        )
    };
    bluesky(0, "star", "identity", r#"{"did":"did:plc:star","handle":"star.example.com","seq":1}"#);
    // A name that would be more than text, if it were not written as text.
    bluesky(0, "star", "commit", &profile("<b>The Star</b>", r#"{"val":"bot"}"#));
    bluesky(0, "shy", "identity", r#"{"did":"did:plc:shy","handle":"shy.example.com","seq":1}"#);
    bluesky(0, "shy", "commit", &profile("Shy One", r#"{"val":"!no-unauthenticated"}"#));
    let post = |rkey: u32| {
        format!(
            r#"{{"operation":"create","collection":"app.bsky.feed.post","rkey":"{rkey}","record":{{"text":"x","langs":["nl"]}}}}"#
        )
    };
    bluesky(0, "star", "commit", &post(1));
    bluesky(0, "shy", "commit", &post(2));
    for fan in 0..20 {
        for (of, fans) in [("star", 20), ("shy", 12), ("other", 5)] {
            if fan < fans {
                let what = format!(
                    r#"{{"operation":"create","collection":"app.bsky.feed.repost","rkey":"{of}","record":{{"subject":{{"uri":"at://did:plc:{of}/app.bsky.feed.post/1"}}}}}}"#
                );
                bluesky(fan + 1, &format!("fan{fan}"), "commit", &what);
            }
        }
    }
    for fan in 0..8 {
        lines.push(format!(
            r#"{{"id":"{fan}","type":"IssueCommentEvent","actor":{{"id":{fan},"login":"fan{fan}"}},"repo":{{"id":1,"name":"o/r"}},"payload":{{"action":"created","issue":{{"user":{{"id":99,"login":"maker"}}}},"comment":{{"id":{fan},"body":"x"}}}},"public":true,"created_at":"2026-01-01T00:{:02}:30Z"}}"#,
            fan + 21
        ));
    }
    lines.join("\n") + "\n"
}

#[test]
fn people_of_networks_are_shown_by_name_with_a_link_and_filtered() {
    let Some(_room) = browser::room() else { return };
    let log_path = std::env::temp_dir().join(format!("clout-networks-{}.ndjson", std::process::id()));
    std::fs::write(&log_path, log()).unwrap();
    let demo = Demo::start(&format!("{} --port 0 --head-start 1d", log_path.display()));
    Browser::with("networks", async |browser| {
        browser.open(&demo.address).await;
        browser.until("document.querySelectorAll('.rows li').length === 4").await;
        let names = "[...document.querySelectorAll('.rows .name')].map((one) => one.textContent).join('|')";
        browser.until(&format!("{names} === '<b>The Star</b>|Unlisted account|@maker|did:plc:other'")).await;
        let handles: String = browser
            .ask("[...document.querySelectorAll('.rows .handle')].map((one) => one.textContent).join('|')")
            .await;
        assert_eq!(handles, "@star.example.com");
        let filters = "[...document.querySelectorAll('.filter a')].map((one) => one.textContent).join('|')";
        let told: String = browser.ask(filters).await;
        assert_eq!(told, "All4|BlueskyBsBluesky3|GitHubGHGitHub1");
        // Whoever does not agree to be named has neither page nor link.
        let shy: bool = browser.ask("document.body.innerHTML.includes('shy')").await;
        assert!(!shy);
        let links = "[...document.querySelectorAll('.rows li')].map((row) => row.querySelectorAll('a').length).join()";
        let told: String = browser.ask(links).await;
        assert_eq!(told, "2,0,2,2");
        let out: Vec<String> = browser
            .ask("[...document.querySelectorAll('.rows a.out')].map((one) => `${one.href} ${one.rel} ${one.target}`)")
            .await;
        let [star, maker, other] = &out[..] else { panic!("{out:?}") };
        assert_eq!(star, "https://bsky.app/profile/did:plc:star noopener noreferrer nofollow _blank");
        assert!(maker.starts_with("https://github.com/maker ") && other.contains("did:plc:other"), "{out:?}");

        browser.resize(360, 740).await;
        for hash in ["#/", "#/on/bluesky", "#/u/bluesky%3Adid%3Aplc%3Astar", "#/"] {
            browser.ask::<String>(&format!("location.hash = {hash:?}")).await;
            browser.until("document.querySelector('.rows .out, .account .out')").await;
            let wide: u32 = browser.ask("document.documentElement.scrollWidth").await;
            assert!(wide <= 360, "{hash} is {wide} wide");
            assert_eq!(browser.ask::<Vec<String>>(TOO_SMALL_FOR_A_FINGER).await, [""; 0], "{hash}");
        }
        browser.resize(1280, 900).await;
        browser.until("document.querySelector(\".filter a[href='#/on/bluesky']\")").await;
        browser.click(".filter a[href='#/on/bluesky']").await;
        browser.until("document.querySelector('h1').textContent === 'Ranking on Bluesky'").await;
        browser.until("document.querySelectorAll('.rows li').length === 3").await;
        browser.until("document.querySelector('.lead').textContent.startsWith('3 people are rated on Bluesky.')").await;
        browser.until("document.querySelector('.filter [aria-current]').textContent.includes('Bluesky')").await;

        // Who writes in Dutch, which is seen and not said; of whom one is not named.
        let options = "[...document.querySelectorAll('.facets select:not([hidden]) option')].map((one) => one.textContent).join('|')";
        let told: String = browser.ask(options).await;
        assert_eq!(told, "Writes in any language|Writes in Dutch · 2");
        let choose = "(() => { const field = document.querySelector('.facets select'); field.value = 'nl'; field.dispatchEvent(new Event('change')); return location.hash; })()";
        let hash: String = browser.ask(choose).await;
        assert_eq!(hash, "#/by/network%3Dbluesky%26language%3Dnl");
        browser.until("document.querySelectorAll('.rows li').length === 2").await;
        let lead = "2 people are rated on Bluesky, writing in Dutch.";
        browser.until(&format!("document.querySelector('.lead').textContent.startsWith({lead:?})")).await;
        browser.until("document.querySelector('.facets select').value === 'nl'").await;
        let ranks = "[...document.querySelectorAll('.cell-rank')].map((one) => one.textContent).join()";
        assert_eq!(browser.ask::<String>(ranks).await, "1,2");
        browser.click(".rows a").await;
        browser.until("document.querySelector('.account .facet')?.textContent === 'Writes in Dutch: 1 of 2'").await;
        browser.click(".account .facet").await;
        browser
            .until("document.querySelector('.lead')?.textContent.startsWith('2 people are rated, writing in Dutch.')")
            .await;

        // By shown name, and by handle.
        for (typed, found) in [("the st", "<b>The Star</b>"), ("@star.ex", "<b>The Star</b>"), ("make", "@maker")] {
            browser.press("/").await;
            browser.until("document.activeElement.id === 'search'").await;
            browser.press(typed).await;
            browser.until(&format!("document.querySelector('#found .name')?.textContent === {found:?}")).await;
            browser.press("\u{e00c}").await;
            browser.ask::<Option<bool>>("document.activeElement.blur() || null").await;
        }
        browser.press("/").await;
        browser.until("document.activeElement.id === 'search'").await;
        browser.press("star.ex").await;
        browser.until("document.querySelector('#found [role=option]')").await;
        browser.press("\u{e007}").await;
        browser.until("document.querySelector('.person-head h1')?.textContent === '<b>The Star</b>'").await;
        browser.until("document.querySelector('.account .handle')?.textContent === '@star.example.com'").await;
        browser.until("document.querySelector('.account .out')?.textContent === 'On Bluesky'").await;
        hold_quiet(&browser, |_| false).await;
        browser
    });
    assert_eq!(demo.interrupt(), Some(0));
    std::fs::remove_file(log_path).unwrap();
}
