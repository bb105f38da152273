//! This bench measures how long the first hundred people of a filtered ranking take, where people have networks, languages and
//! countries, and how much memory languages and countries take.
//!
//! `cargo run --release -p benches --bin filter -- [USERS]`
#![allow(clippy::print_stdout, reason = "a program that prints a table")]

use std::error::Error;
use std::fs;
use std::time::{Duration, Instant};

use serve::{Part, Update, View, ViewOptions};
use vocabulary::{Network, Received, Score};
use wire::NameField;

const REPEATS: usize = 200;
const LIMIT: usize = 100;
/// Their shares of people in percent; who is left writes in none that is known.
const LANGUAGES: [(&str, u64); 6] = [("en", 55), ("ja", 15), ("pt", 10), ("de", 5), ("nl", 2), ("fy", 0)];
const COUNTRIES: [(&str, u64); 4] = [("US", 20), ("DE", 3), ("NL", 1), ("SM", 0)];

fn main() -> Result<(), Box<dyn Error>> {
    let users = std::env::args().nth(1).map_or(Ok(1_000_000), |users| users.parse::<u64>())?;
    let view = View::new(ViewOptions::default());
    let names: Vec<String> = (0..users).map(name).collect();
    let before = resident_bytes();
    for (number, user) in (0..).zip(&names) {
        let score = score(mixed(number) % 1_000_000);
        view.apply(Update::Scored { user, score: &score, model_version: 1 });
    }
    let scored = resident_bytes();
    for (number, user) in (0..).zip(&names) {
        let say = |field, value| view.apply(Update::Called { user, field, value: Some(value) });
        // Nobody who scores high writes in Frisian: the worst case of a walk down the ranking.
        let is_low = mixed(number) % 1_000_000 < 100_000;
        let frisian = (is_low && number % 5 == 0).then_some("fy");
        if let Some(language) = frisian.or_else(|| drawn(&LANGUAGES, mixed(number ^ 0x5555))) {
            say(NameField::Language, language);
        }
        if let Some(country) = drawn(&COUNTRIES, mixed(number ^ 0xaaaa)) {
            say(NameField::Country, country);
        }
    }
    let called = resident_bytes();
    view.caught_up();
    let each = |bytes: u64| bytes / users;
    println!(
        "{users} people: {} B each, and {} B more with language and country",
        each(scored - before),
        each(called - scored)
    );
    println!("{:<40} {:>9} {:>9} {:>9}", "the first 100", "people", "median", "slowest");
    let network = Some(Network::X);
    for (label, network, language, country) in [
        ("everybody", None, None, None),
        ("on x", network, None, None),
        ("language en", None, Some("en"), None),
        ("on x, language en", network, Some("en"), None),
        ("on x, language nl", network, Some("nl"), None),
        ("on x, language fy, who all score low", network, Some("fy"), None),
        ("language en, country US", None, Some("en"), Some("US")),
        ("on x, language en, country US", network, Some("en"), Some("US")),
        ("on x, language nl, country NL", network, Some("nl"), Some("NL")),
    ] {
        let part = || Part {
            network,
            language: language.map(str::to_owned),
            country: country.map(str::to_owned),
            ..Part::default()
        };
        let first = measure(|| view.ranking(part(), None, LIMIT).total);
        line(label, &first);
        // The page behind the hundredth one.
        let cursor = view.ranking(part(), None, LIMIT).next;
        if let (Some(cursor), true) = (cursor, network.is_some() && language.is_some()) {
            line("  and the page behind", &measure(|| view.ranking(part(), Some(&cursor), LIMIT).total));
        }
    }
    Ok(())
}

fn line(label: &str, (total, times): &(u64, Vec<Duration>)) {
    let ms = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
    let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
    println!("{label:<40} {total:>9} {:>9} {:>9}", ms(median), ms(slowest));
}

fn measure(ask: impl Fn() -> u64) -> (u64, Vec<Duration>) {
    let mut total = 0;
    let mut times: Vec<Duration> = (0..REPEATS)
        .map(|_| {
            let began = Instant::now();
            total = ask();
            began.elapsed()
        })
        .collect();
    times.sort();
    (total, times)
}

fn name(number: u64) -> String {
    let prefix = ["x:", "bluesky:did:plc:", "x:", "github:"][(mixed(number) >> 40) as usize % 4];
    format!("{prefix}{number}")
}

/// The one into whose share of a hundred a number falls.
fn drawn(values: &[(&'static str, u64)], number: u64) -> Option<&'static str> {
    let mut left = (number >> 20) % 100;
    values
        .iter()
        .find(|(_, share)| left.checked_sub(*share).inspect(|&rest| left = rest).is_none())
        .map(|(value, _)| *value)
}

/// A number that looks drawn by lot.
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn score(millionth: u64) -> Score {
    let score = millionth as f64 / 10_000.0;
    Score {
        score,
        influence: (score / 100.0 * 1000_f64.ln_1p()).exp_m1(),
        reach: score,
        amplification: 1.0,
        network: 1.0,
        openness: 1.0,
        room: 1.0,
        audience: 0.0,
        received: Received::from([]),
        followers: 0,
        following: 0,
        as_of: 1_700_000_000_000,
        scale: 1000.0,
        scale_version: 1,
        previous: None,
    }
}

fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = status.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4_096
}
