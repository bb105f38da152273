//! Circles from outside: who gave most is told, once, however the process ends; whoever is erased leaves no trace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use views::{CirclesWriter, Names, Reader, Source, Span, Writer};
use vocabulary::Kind;
use wire::{Credit, Credits, Rated};

const DAY_MS: i64 = 86_400_000;
const HALF_LIFE_MS: i64 = 30 * DAY_MS;
/// 2024-01-01.
const BEGIN: i64 = 19_723;

/// Names that have a score, and those who have been erased.
#[derive(Debug, Default)]
struct Known {
    rated: Mutex<BTreeMap<u64, String>>,
    erased: Mutex<BTreeSet<u64>>,
}

fn key(user: &str) -> u64 {
    user.bytes().fold(0xcbf2_9ce4_8422_2325, |key, byte| (key ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

impl Known {
    fn of(users: &[&str]) -> Arc<Known> {
        let known = Known::default();
        *known.rated.lock().expect("nobody panics here") =
            users.iter().map(|user| (key(user), (*user).to_owned())).collect();
        Arc::new(known)
    }

    fn erase(&self, user: &str) {
        self.rated.lock().expect("nobody panics here").remove(&key(user));
        self.erased.lock().expect("nobody panics here").insert(key(user));
    }
}

impl Names for Known {
    fn key(&self, user: &str) -> Option<u64> {
        Some(key(user))
    }

    fn name(&self, key: u64) -> Option<String> {
        self.rated.lock().expect("nobody panics here").get(&key).cloned()
    }

    fn is_erased(&self, key: u64) -> bool {
        self.erased.lock().expect("nobody panics here").contains(&key)
    }
}

fn credit(actor: &str, target: &str, day: i64, weight: f32, rate: f32) -> Credit {
    Credit {
        actor: key(actor),
        target: key(target),
        kind: if weight > 0.5 { Kind::Retweet } else { Kind::Like },
        at: (BEGIN + day) * DAY_MS + 1_000,
        subject: 0,
        votes: weight * rate,
        rate,
    }
}

fn record(credits: Vec<Credit>) -> Credits {
    Credits { half_life_ms: HALF_LIFE_MS, window_ms: 6 * HALF_LIFE_MS, credits, rated: Vec::new() }
}

struct Store {
    writer: CirclesWriter,
    reader: Reader,
    _closes: Writer,
}

fn open(folder: &Path, known: &Arc<Known>) -> Store {
    let (closes, reader) = views::open(folder).expect("the store works");
    let names: Arc<dyn Names> = Arc::<Known>::clone(known);
    let mut writer = closes.circles(names).expect("the store works");
    writer.begin(&Source { topic: "app-credits".into(), id: "one".into() }).expect("the store works");
    Store { writer, reader, _closes: closes }
}

fn names(parts: &[views::Part]) -> Vec<&str> {
    parts.iter().map(|part| part.user.as_str()).collect()
}

/// Ana's fans: bo gives most, then cy; dee has no score. The newest act of each says what their weight is worth.
fn sample() -> Vec<Credits> {
    vec![
        record(vec![
            credit("bo", "ana", 0, 1.0, 4.0),
            credit("cy", "ana", 0, 1.0, 1.0),
            credit("dee", "ana", 0, 1.0, 3.0),
        ]),
        record(vec![
            credit("bo", "eve", 6, 1.0, 2.0),
            credit("cy", "ana", 8, 0.25, 1.0),
            credit("ana", "bo", 8, 1.0, 0.5),
        ]),
    ]
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-5 * (1.0 + other.abs())
}

#[test]
fn a_circle_is_of_its_days_and_of_the_newest_rates() {
    let (folder, known) = (TempDir::new().unwrap(), Known::of(&["ana", "bo", "cy", "eve"]));
    let mut store = open(folder.path(), &known);
    for (number, record) in (1..).zip(&sample()) {
        store.writer.take(0, number, record).unwrap();
    }
    store.writer.commit().unwrap();
    // What is left after eight days.
    let left = (-8.0_f64 / 30.0).exp2();
    let month = store.reader.circle("ana", Span::Month).unwrap();
    assert_eq!((names(&month.fans), names(&month.idols)), (vec!["bo", "cy"], vec!["bo"]));
    let votes = [2.0 * left, left + 0.25, 3.0 * left];
    let total: f64 = votes.iter().sum();
    assert!(near(month.fans[0].votes, votes[0]) && near(month.fans[1].votes, votes[1]), "{month:?}");
    assert!(near(month.fans_total, total) && near(month.fans[0].share, votes[0] / total), "{month:?}");
    assert!(near(month.idols_total, 0.5));
    let day = store.reader.circle("ana", Span::Day).unwrap();
    assert_eq!((names(&day.fans), names(&day.idols)), (vec!["cy"], vec!["bo"]));
    assert!(near(day.fans_total, 0.25) && near(day.fans[0].share, 1.0), "{day:?}");
    assert_eq!(names(&store.reader.circle("ana", Span::Week).unwrap().fans), ["cy"]);
    assert_eq!(names(&store.reader.circle("bo", Span::Month).unwrap().idols), ["eve", "ana"], "that was later");
    assert_eq!(store.reader.circle("nobody", Span::Month).unwrap(), views::Circle::default());

    // Cy counts for ten times as much from now on: all that is left of what cy gave.
    let rated = |rate, day: i64| Rated { actor: key("cy"), rate, at: (BEGIN + day) * DAY_MS + 1_000 };
    let record = Credits { rated: vec![rated(10.0, 8), rated(5.0, 7)], ..record(Vec::new()) };
    store.writer.take(1, 1, &record).unwrap();
    store.writer.commit().unwrap();
    let month = store.reader.circle("ana", Span::Month).unwrap();
    assert_eq!(names(&month.fans), ["cy", "bo"]);
    assert!(near(month.fans[0].votes, 10.0 * votes[1]), "{month:?}");
}

#[test]
fn gains_tell_new_fans_from_those_of_before() {
    let (folder, known) = (TempDir::new().unwrap(), Known::of(&["ana", "bo", "cy", "eve", "new"]));
    let mut store = open(folder.path(), &known);
    for (number, record) in (1..).zip(&sample()) {
        store.writer.take(0, number, record).unwrap();
    }
    store.writer.take(0, 3, &record(vec![credit("new", "ana", 9, 1.0, 1.5)])).unwrap();
    store.writer.commit().unwrap();
    let gains = store.reader.gains("ana", (BEGIN + 5) as i32, (BEGIN + 9) as i32).unwrap().expect("they are kept");
    assert_eq!((gains.new_fans, gains.known_fans), (1, 1));
    assert_eq!((gains.largest_new[0].0.as_str(), gains.largest_known[0].0.as_str()), ("new", "cy"));
    let left = (-1.0_f64 / 30.0).exp2();
    assert!(near(gains.new_votes, 1.5) && near(gains.known_votes, 0.25 * left), "{gains:?}");
    assert!(near(gains.kinds.iter().sum::<f64>(), gains.new_votes + gains.known_votes), "{gains:?}");
    assert_eq!(gains.kinds.iter().filter(|votes| **votes > 0.0).count(), 2);
    // What was there at the end of the sixth day has aged until the newest act, on the tenth.
    let aged = (-((4.0 * DAY_MS as f64 + 1_000.0 - DAY_MS as f64) / HALF_LIFE_MS as f64)).exp2();
    assert!(near(gains.left, aged), "{} and {aged}", gains.left);
    assert_eq!(store.reader.gains("ana", (BEGIN - 100) as i32, (BEGIN + 9) as i32).unwrap(), None, "too long ago");
    assert_eq!(store.reader.gains("nobody", BEGIN as i32, (BEGIN + 9) as i32).unwrap(), None);
}

/// Whatever was taken and not committed is read again from the offsets; nothing is lost, and nothing counts twice.
#[test]
fn a_process_that_ends_at_any_moment_loses_and_doubles_nothing() {
    let known = Known::of(&["ana", "bo", "cy", "eve"]);
    let records: Vec<Credits> = (0..60)
        .map(|number| {
            record(vec![credit("bo", "ana", number / 10, 0.25, 1.0), credit("cy", "ana", number / 10, 0.5, 1.0)])
        })
        .collect();
    let whole = {
        let folder = TempDir::new().unwrap();
        let mut store = open(folder.path(), &known);
        (1..).zip(&records).for_each(|(next, record)| store.writer.take(0, next, record).unwrap());
        store.writer.commit().unwrap();
        store.reader.circle("ana", Span::Month).unwrap()
    };
    let folder = TempDir::new().unwrap();
    let mut taken = 0;
    for lives in 1..=30 {
        let mut store = open(folder.path(), &known);
        let begins = store.writer.begin(&Source { topic: "app-credits".into(), id: "one".into() }).unwrap();
        let next = begins.get(&0).copied().unwrap_or(0) as usize;
        for (number, record) in (next..).zip(&records[next..]).take(7) {
            store.writer.take(0, number as i64 + 1, record).unwrap();
            taken += 1;
            // Of seven it commits some, and then it is gone.
            if (number + lives) % 4 == 0 {
                store.writer.commit().unwrap();
            }
        }
    }
    let mut store = open(folder.path(), &known);
    let begins = store.writer.begin(&Source { topic: "app-credits".into(), id: "one".into() }).unwrap();
    let next = begins[&0] as usize;
    (next..)
        .zip(&records[next..])
        .for_each(|(number, record)| store.writer.take(0, number as i64 + 1, record).unwrap());
    store.writer.commit().unwrap();
    assert!(taken > records.len(), "some were taken again");
    let found = store.reader.circle("ana", Span::Month).unwrap();
    assert_eq!(names(&found.fans), names(&whole.fans));
    assert!(near(found.fans_total, whole.fans_total), "{} and {}", found.fans_total, whole.fans_total);
    drop(store);
    // Another topic of the same name has other acts.
    let mut store = open(folder.path(), &known);
    assert!(store.writer.begin(&Source { topic: "app-credits".into(), id: "two".into() }).unwrap().is_empty());
    assert_eq!(store.reader.circle("ana", Span::Month).unwrap(), views::Circle::default());
}

#[test]
fn days_end_and_what_is_damaged_is_made_anew() {
    let (folder, known) = (TempDir::new().unwrap(), Known::of(&["ana", "bo", "cy", "eve"]));
    let mut store = open(folder.path(), &known);
    for day in 0..100 {
        store
            .writer
            .take(0, day + 1, &record(vec![credit(if day < 10 { "cy" } else { "bo" }, "ana", day, 1.0, 1.0)]))
            .unwrap();
        store.writer.commit().unwrap();
        store.writer.tidy().unwrap();
    }
    let progress = store.reader.circles_progress().expect("circles are kept");
    assert_eq!((progress.accounts, progress.newest_day), (2, Some((BEGIN + 99) as i32)), "cy is not known any more");
    assert_eq!(names(&store.reader.circle("ana", Span::Month).unwrap().fans), ["bo"]);
    drop(store);
    let database = rusqlite::Connection::open(folder.path().join("circles.db")).unwrap();
    let days: i64 = database.query_row("SELECT count(DISTINCT place >> 32) FROM given", [], |row| row.get(0)).unwrap();
    assert_eq!(days, 41);
    drop(database);
    std::fs::write(folder.path().join("circles.db"), b"this is no database, and long enough to be looked at as one")
        .unwrap();
    let store = open(folder.path(), &known);
    assert_eq!(store.reader.circle("ana", Span::Month).unwrap(), views::Circle::default());
}

/// Bytes of all files of the folder.
fn bytes(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder).expect("the folder is there");
    files.flat_map(|file| std::fs::read(file.expect("a file").path()).expect("a file")).collect()
}

/// A key of a row as SQLite writes it: eight times seven bits, each with a bit that says that more follows, and then eight.
fn in_sqlite(key: u64) -> [u8; 9] {
    assert!(key >> 56 != 0, "a small one is shorter");
    std::array::from_fn(|byte| if byte == 8 { key as u8 } else { (key >> (57 - 7 * byte)) as u8 | 0x80 })
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(bytes, part).is_some()
}

#[test]
fn whoever_is_erased_leaves_no_trace_and_stays_away() {
    let (folder, known) = (TempDir::new().unwrap(), Known::of(&["ana", "bo", "cy", "eve"]));
    let mut store = open(folder.path(), &known);
    let crowd: Vec<String> = (0..3_000).map(|number| format!("fan{number}")).collect();
    for (number, record) in (1..).zip(&sample()) {
        store.writer.take(0, number, record).unwrap();
    }
    let acts = crowd.iter().flat_map(|fan| [credit(fan, "bo", 3, 0.5, 1.0), credit("bo", fan, 4, 0.5, 1.0)]).collect();
    store.writer.take(0, 3, &record(acts)).unwrap();
    store.writer.commit().unwrap();
    let hash = in_sqlite(key("bo"));
    assert!(has(&bytes(folder.path()), &hash), "it is looked for as it is written");
    assert!(has(&bytes(folder.path()), &in_sqlite(key("fan2999"))) && !has(&bytes(folder.path()), b"fan2999"));
    let before = store.reader.circle("ana", Span::Month).unwrap();
    assert_eq!(names(&before.fans), ["bo", "cy"]);

    known.erase("bo");
    assert_eq!(names(&store.reader.circle("ana", Span::Month).unwrap().fans), ["cy"], "at once");
    store.writer.forget("bo").unwrap();
    store.writer.tidy().unwrap();
    assert!(!has(&bytes(folder.path()), &hash), "the hash is there still");
    assert_eq!(store.reader.circle("bo", Span::Month).unwrap(), views::Circle::default());
    let after = store.reader.circle("ana", Span::Month).unwrap();
    assert_eq!((names(&after.fans), names(&after.idols)), (vec!["cy"], vec![]));

    // What others do to bo, and what comes late of bo, brings nobody back.
    let late =
        vec![credit("bo", "ana", 9, 1.0, 1.0), credit("cy", "bo", 9, 1.0, 1.0), credit("cy", "ana", 9, 1.0, 1.0)];
    store.writer.take(0, 4, &record(late)).unwrap();
    store.writer.commit().unwrap();
    assert!(!has(&bytes(folder.path()), &hash));
    assert_eq!(names(&store.reader.circle("ana", Span::Day).unwrap().fans), ["cy"]);
    let votes = 2.0 + 0.25 * (-1.0_f64 / 30.0).exp2();
    assert!(near(store.reader.circle("ana", Span::Day).unwrap().fans_total, votes), "what bo gave is told as nobody's");
    drop(store);

    // Made anew from the topic, before anybody says who is erased, and then swept.
    let folder = TempDir::new().unwrap();
    let fresh = Known::of(&["ana", "cy", "eve"]);
    let mut store = open(folder.path(), &fresh);
    for (number, record) in (1..).zip(&sample()) {
        store.writer.take(0, number, record).unwrap();
    }
    store.writer.commit().unwrap();
    fresh.erase("bo");
    store.writer.forget_erased().unwrap();
    store.writer.tidy().unwrap();
    assert!(!has(&bytes(folder.path()), &hash));
}
