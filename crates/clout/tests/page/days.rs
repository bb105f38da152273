//! A recorded log, day by day: the chart of a year, what moved it, and who moved most.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::browser::{self, Browser};
use crate::hold_quiet;

const WAIT: Duration = Duration::from_secs(60);

/// `clout serve` over what a replay wrote.
struct Recorded {
    process: Child,
    address: String,
    _folder: tempfile::TempDir,
}

fn run(folder: &Path, arguments: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clout"));
    let output = command.args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Recorded {
    fn start() -> Recorded {
        let folder = tempfile::TempDir::new().expect("a folder");
        run(
            folder.path(),
            "generate --users 300 --events 30000 --span 300d --until 2024-11-01T00:00:00Z --out log.json",
        );
        run(
            folder.path(),
            "replay log.json -q --half-life 20d --history-out days.parquet --scores-out scores.parquet --credits-out credits.parquet",
        );
        let log = folder.path().join("log-of-serve");
        let process = Command::new(env!("CARGO_BIN_EXE_clout"))
            .args(["serve", "--listen", "127.0.0.1:0", "--history", "days.parquet", "--scores", "scores.parquet"])
            .args(["--credits", "credits.parquet"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(&log).expect("a file"))
            .spawn()
            .expect("it starts");
        let mut recorded = Recorded { process, address: String::new(), _folder: folder };
        let until = Instant::now() + WAIT;
        loop {
            let told = std::fs::read_to_string(&log).expect("it is there");
            let address = told.split_once("address=").and_then(|(_, rest)| rest.split_whitespace().next());
            if let Some(address) = address.filter(|_| told.contains("all is read")) {
                recorded.address = format!("http://{address}");
                return recorded;
            }
            assert!(Instant::now() < until, "{told}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_year_is_read_day_by_day() {
    let Some(_room) = browser::room() else { return };
    let recorded = Recorded::start();
    Browser::with("days", async |browser| {
        browser.open(&recorded.address).await;
        let movers = "document.querySelectorAll('.movers-card .movers li').length >= 6";
        browser.until(movers).await;
        browser.click(".movers-card .choice button:nth-child(3)").await;
        browser.until("document.querySelector('.movers-card [aria-pressed=true]').textContent === 'Month'").await;
        browser.until(movers).await;
        browser.until("document.querySelector('.pulse').textContent.startsWith('Scores of ')").await;

        // The first has 100 all the time, and a close only where that begins.
        let fifth: String = browser.ask("document.querySelectorAll('.rows a')[4].getAttribute('href')").await;
        browser.ask::<String>(&format!("location.hash = {fifth:?}")).await;
        browser.until("document.querySelector('.days-card .curve')?.getAttribute('d').split('H').length > 100").await;
        let label = "document.querySelector('.days-card svg').getAttribute('aria-label')";
        assert!(browser.ask::<String>(label).await.starts_with("The score moved "));
        browser.until("[...document.querySelectorAll('.deltas li')].filter((one) => !one.hidden).length === 3").await;
        explains_every_span(&browser).await;
        shows_the_circle(&browser).await;
        hold_quiet(&browser, |_| false).await;
        browser.resize(360, 740).await;
        browser.ask::<Option<()>>("location.reload()").await;
        browser.until("document.querySelector('.days-card .curve')").await;
        let wide: u32 = browser.ask("document.documentElement.scrollWidth").await;
        assert!(wide <= 360, "{wide} wide");
        assert_eq!(browser.ask::<Vec<String>>(crate::TOO_SMALL_FOR_A_FINGER).await, [""; 0]);
        browser
    });
}

/// The reasons that are shown add up to the movement that is told, but for the rounding of seven of them.
async fn explains_every_span(browser: &Browser) {
    for (place, span) in ["Day", "Week", "Month", "Year"].into_iter().enumerate() {
        browser.click(&format!(".days-card .choice button:nth-child({})", place + 1)).await;
        browser
            .until(&format!("document.querySelector('.days-card [aria-pressed=true]').textContent === {span:?}"))
            .await;
        browser.until("document.querySelectorAll('.days-card .reasons li').length === 7").await;
        browser.until("document.querySelector('.days-card .why-words').textContent.match(/since the end of/)").await;
    }
    let number = "(text) => Number(text.replace('−', '-').replace('–', '0'))";
    let sum: f64 = browser
        .ask(&format!(
            "[...document.querySelectorAll('.days-card .reasons .cell-change')].map((one) => ({number})(one.textContent)).reduce((a, b) => a + b)"
        ))
        .await;
    let words: String = browser.ask("document.querySelector('.days-card .why-words').textContent").await;
    let moved: f64 = words.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default();
    assert!((sum.abs() - moved).abs() < 0.5, "{sum} and {words}");
}

/// Who influences whom, in each of the spans, and people in the words of a month.
async fn shows_the_circle(browser: &Browser) {
    browser.click(".days-card .choice button:nth-child(3)").await;
    browser.until("document.querySelector('.days-card .why-words').textContent.includes('By people: ')").await;
    browser.until("document.querySelector('.circle-card .choice button')?.getBoundingClientRect().width > 0").await;
    for (place, span) in ["Day", "Week", "Month"].into_iter().enumerate() {
        browser.click(&format!(".circle-card .choice button:nth-child({})", place + 1)).await;
        browser
            .until(&format!("document.querySelector('.circle-card [aria-pressed=true]').textContent === {span:?}"))
            .await;
    }
    for side in ["Fans", "Acts on"] {
        let shown = format!(
            "[...document.querySelectorAll('.circle-side')].find((one) => one.querySelector('h3').textContent === {side:?}).querySelectorAll('li').length >= 10"
        );
        browser.until(&shown).await;
    }
}
