//! One log has one ranking: by `replay`, live by the clock of the machine, and live by the clock of the events, once it is read.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testbroker::Broker;

use super::live::Running;
use super::readme::POINTS;
use crate::cluster::wait_until;
use crate::common::{Record, done, read, unique};

/// The time for an application to read the log and come to rest, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(50);

/// The score of each person, and how many acts of each kind, followers and followed the person has.
type Table = BTreeMap<String, (f64, BTreeMap<&'static str, u64>)>;

const COUNTED: [&str; 5] = ["mentions", "retweets", "replies", "followers", "following"];

fn replayed(csv: &str) -> Table {
    let mut lines = csv.lines();
    let columns: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let place = |name: &str| columns.iter().position(|column| *column == name).expect("a column");
    let (user, score, counts) = (place("user"), place("score"), COUNTED.map(|name| (name, place(name))));
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let counts = counts.map(|(name, at)| (name, fields[at].parse().expect("a count")));
        (fields[user].to_owned(), (fields[score].parse().expect("a score"), counts.into()))
    };
    lines.map(row).collect()
}

fn published(broker: &Broker, app: &str) -> Table {
    let row = |record: Record| {
        let (user, score) = wire::decode_score(&record.value).expect("a score");
        let received = score.received.iter().map(|(kind, count)| (kind.plural(), count));
        let counts = received.chain([("followers", score.followers), ("following", score.following)]);
        (user.to_owned(), (score.score, counts.filter(|(name, _)| COUNTED.contains(name)).collect()))
    };
    read(broker, &format!("{app}-scores")).into_iter().map(row).collect()
}

/// The most that a score is off, and of how many people counts are others.
fn differences(live: &Table, replayed: &Table) -> (f64, usize) {
    replayed.iter().fold((0.0, 0), |(points, people), (user, (score, counts))| match live.get(user) {
        Some((live, counted)) => (points.max((live - score).abs()), people + usize::from(counted != counts)),
        None => (f64::INFINITY, people + 1),
    })
}

/// Waits until an application has published what a replay says: the same counts, and scores that differ by no more than rates may.
#[track_caller]
fn until_as_replayed(broker: &Broker, app: &str, replayed: &Table) {
    let until = Instant::now() + PATIENCE;
    loop {
        let (points, counts) = differences(&published(broker, app), replayed);
        if points <= POINTS && counts == 0 {
            break;
        }
        assert!(Instant::now() < until, "{app} is {points} points off, other counts of {counts} people");
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn a_log_with_follows_is_scored_live_as_replayed() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let folder = TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (log, csv) = (path("log.json"), path("scores.csv"));
    done(
        broker,
        &["generate", "--users", "1000", "--events", "30000", "--follows", "0.1", "--seed", "3", "-q", "--out", &log],
    );
    done(broker, &["replay", "-q", &log, "--scores-out", &csv]);
    let replayed = replayed(&fs::read_to_string(&csv).expect("a table"));
    for clock in ["event", "wall"] {
        let (app, events, place) = (unique(&format!("same-{clock}")), unique("events"), path(clock));
        let name = ["--application-id", &app, "--input", &events];
        done(broker, &[&["topics", "create", "--inputs", "--partitions", "4"], &name[..]].concat());
        done(broker, &[&["feed", &log, "-q"], &name[..]].concat());
        let running =
            Running::start(broker, &[&["run", "--checkpoints", &place, "--clock", clock], &name[..]].concat());
        running.until_it_says("is live");
        until_as_replayed(broker, &app, &replayed);
    }
}

/// Nothing is published of a state that is older than `pace.lag`, and nobody who had opted out is told of by an act that was read
/// before the profile.
#[test]
fn what_an_application_finds_is_read_before_it_is_published_and_profiles_first() {
    const PEOPLE: usize = 1_000;
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let folder = TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (log, csv, said) = (path("log.json"), path("scores.csv"), path("profiles.json"));
    done(broker, &["generate", "--users", "1000", "--events", "60000", "--seed", "5", "-q", "--out", &log]);
    let replay = ["replay", "-q", &log, "--scores-out", &csv];
    done(broker, &replay);
    let users: Vec<String> = replayed(&fs::read_to_string(&csv).expect("a table")).into_keys().collect();
    let opted_out: Vec<String> =
        users.iter().step_by(7).map(|user| format!("{{\"user\":\"{user}\",\"opted_out\":true}}\n")).collect();
    fs::write(&said, opted_out.concat()).expect("a file");
    done(broker, &[&replay[..], &["--profiles", &said]].concat());
    let replayed = replayed(&fs::read_to_string(&csv).expect("a table"));
    let (app, events, accounts, place) = (unique("finds"), unique("events"), unique("accounts"), path("state"));
    let holds = format!("{accounts}:profiles");
    let name = ["--application-id", &app, "--input", &events, "--input", &holds];
    done(broker, &[&["topics", "create", "--inputs", "--partitions", "2"], &name[..]].concat());
    done(broker, &[&["feed", &log, "-q"], &name[..]].concat());
    done(broker, &[&["feed", "--profiles", &said, "-q"], &name[..]].concat());
    std::thread::sleep(Duration::from_secs(2));
    let pace = ["--lag", "1s", "--epoch", "1ms", "--epoch-records", "500"];
    let running = Running::start(broker, &[&["run", "--checkpoints", &place], &pace[..], &name[..]].concat());
    running.until_it_says("is live");
    until_as_replayed(broker, &app, &replayed);
    let records = read(broker, &format!("{app}-scores")).len();
    assert!(records < 6 * PEOPLE, "{records} records: it published what it had not read to the end");
}

/// Days that a recorded log closes, with how many people were closed.
fn closed_days(csv: &str) -> BTreeMap<i64, usize> {
    let mut lines = csv.lines();
    let end = lines.next().expect("a header").split(',').position(|column| column == "as_of").expect("ends of days");
    let mut days = BTreeMap::new();
    for line in lines {
        let end: jiff::Timestamp = line.split(',').nth(end).expect("an end").parse().expect("a time");
        *days.entry(end.as_second() / 86_400 - 1).or_default() += 1;
    }
    days
}

#[test]
fn history_that_is_read_by_the_clock_of_events_has_its_first_days() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let folder = TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (log, csv, place) = (path("log.json"), path("days.csv"), path("state"));
    let span = ["--start", "2024-03-01T00:00:00Z", "--until", "2024-03-13T00:00:00Z"];
    done(broker, &[&["generate", "--users", "500", "--events", "60000", "-q", "--out", &log], &span[..]].concat());
    done(broker, &["replay", "-q", &log, "--history-out", &csv]);
    let recorded = closed_days(&fs::read_to_string(&csv).expect("a table"));
    let (app, events) = (unique("days"), unique("events"));
    let name = ["--application-id", &app, "--input", &events, "--history-closes", "true"];
    done(broker, &[&["topics", "create", "--inputs", "--partitions", "4"], &name[..]].concat());
    done(broker, &[&["feed", &log, "-q"], &name[..4]].concat());
    let running = Running::start(broker, &[&["run", "--checkpoints", &place, "--clock", "event"], &name[..]].concat());
    running.until_it_says("is live");
    let until = Instant::now() + PATIENCE;
    loop {
        let mut closed: BTreeMap<i64, usize> = BTreeMap::new();
        for record in read(broker, &format!("{app}-history")) {
            let close = wire::decode_close(&record.value).expect("a close");
            *closed.entry(close.day).or_default() += 1;
        }
        // The last day has no end before something happens behind it. How many of the others' people are closed depends on how
        // far each partition has been read by then.
        let days = || recorded.iter().rev().skip(1);
        let are_there = days().all(|(day, _)| closed.contains_key(day));
        if are_there && 2 * closed.values().sum::<usize>() >= days().map(|(_, people)| people).sum::<usize>() {
            break;
        }
        assert!(Instant::now() < until, "it has closed {closed:?}, a replay {recorded:?}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Blocks are told to the shards of those whom they are against, outlive the process, and end; a replay of the same says the same.
#[test]
fn what_a_blocked_person_does_gives_nothing_live_as_in_a_replay() {
    const PAIRS: u64 = 24;
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let folder = TempDir::new().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (app, events, place) = (unique("blocks"), unique("events"), path("state"));
    let name = ["--application-id", &app, "--input", &events];
    done(broker, &[&["topics", "create", "--inputs", "--partitions", "4"], &name[..]].concat());
    let start = || Running::start(broker, &[&["run", "--checkpoints", &place], &name[..]].concat());
    let begun = jiff::Timestamp::now().as_second() - 100;
    let mut log = String::new();
    let mut feed = |part: i64, lines: Vec<String>| {
        let lines: String = lines.iter().map(|line| line.replace("AT", &(begun + part).to_string())).collect();
        log.push_str(&lines);
        fs::write(path("part"), &lines).expect("a file");
        done(broker, &[&["feed", &path("part"), "-q"], &name[..]].concat());
    };
    let mentions = |table: &Table, user: &str| table.get(user).map_or(0, |(_, counts)| counts["mentions"]);
    let wait = |what: &str, is_so: &dyn Fn(&Table) -> bool| {
        wait_until(what, PATIENCE, || is_so(&published(broker, &app)));
    };
    let act = |pair: u64| format!("a{pair} b{pair} AT MT\n");
    // Whoever is marked has come behind the blocks of the same actor.
    let marks = |part: &str| (0..PAIRS).map(|pair| format!("b{pair} {part}{pair} AT MT\n")).collect::<Vec<_>>();
    let running = start();
    feed(0, (0..PAIRS).flat_map(|pair| [act(pair), act(pair)]).collect());
    wait("all have two mentions", &|table| (0..PAIRS).all(|pair| mentions(table, &format!("b{pair}")) == 2));
    let blocks = (0..PAIRS).step_by(2).map(|pair| format!("b{pair} a{pair} AT BL\n"));
    feed(1, blocks.chain(marks("m")).collect());
    wait("blocks are read", &|table| (0..PAIRS).all(|pair| mentions(table, &format!("m{pair}")) == 1));
    std::thread::sleep(Duration::from_secs(1));
    drop(running);
    let _running = start();
    feed(2, (0..PAIRS).flat_map(|pair| [act(pair), act(pair), act(pair)]).collect());
    let ends = (0..PAIRS).step_by(4).map(|pair| format!("b{pair} a{pair} AT UB\n"));
    wait("acts come through where nobody blocks", &|table| {
        (1..PAIRS).step_by(2).all(|pair| mentions(table, &format!("b{pair}")) == 5)
    });
    feed(3, ends.chain(marks("n")).collect());
    wait("ends of blocks are read", &|table| (0..PAIRS).all(|pair| mentions(table, &format!("n{pair}")) == 1));
    std::thread::sleep(Duration::from_secs(1));
    feed(4, (0..PAIRS).map(act).collect());
    let expected = |pair: u64| match pair % 4 {
        0 => 3,
        2 => 2,
        _ => 6,
    };
    wait("blocks have ended for some", &|table| {
        (0..PAIRS).all(|pair| mentions(table, &format!("b{pair}")) == expected(pair))
    });
    fs::write(path("log"), &log).expect("a file");
    done(broker, &["replay", "-q", &path("log"), "--partitions", "4", "--scores-out", &path("scores.csv")]);
    let replayed = replayed(&fs::read_to_string(path("scores.csv")).expect("a table"));
    assert!((0..PAIRS).all(|pair| mentions(&replayed, &format!("b{pair}")) == expected(pair)), "{replayed:?}");
}
