//! What the log says of a start, of a process that comes and one that goes, of a takeover, and of brokers that are away, as
//! docs/configuration.md shows it.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use testbroker::Broker;

use super::{BEGUN, CLIENT, ENDING, while_fed};
use crate::cluster::{Events, Member, Options, Scene, address, status, wait_until};

/// Until brokers that are away are told of, and that they are back.
const TOLD: Duration = Duration::from_secs(60);
/// Brokers that are away are told of once in this time.
const AGAIN: Duration = Duration::from_secs(10);
/// For so long a broker is away: requests fail meanwhile, transactions do not.
const AWAY: Duration = Duration::from_secs(12);
/// The section that shows it, and what it calls a host and a folder.
const SECTION: &str = "## What the log says";
const HOST: &str = "alpha";
const FOLDER: &str = "/srv";

/// Lines from their level on, without what differs from run to run: numbers, and which process was there before.
fn shapes(told: &str) -> Vec<String> {
    let told = told.replace("/srv/two", "/srv/one");
    let level = |line: &str| ["INFO", "WARN", "ERROR"].into_iter().find_map(|level| line.find(level));
    let shape = |line: &str| {
        // Which client sees first why brokers are away is a matter of chance.
        let line = line.split_once(" reason=").map_or(line, |(line, _)| line);
        let mut shape = String::new();
        for letter in line[level(line)?..].trim_end().chars() {
            let letter = if letter.is_ascii_digit() { '0' } else { letter };
            if letter != '0' || !shape.ends_with('0') {
                shape.push(letter);
            }
        }
        Some(shape)
    };
    told.lines().filter_map(shape).collect()
}

/// What a process has told, with the words of the documentation.
fn told(scene: &Scene, told: &str) -> Vec<String> {
    let host = kafka::host_name().expect("this system tells its name");
    let folder = scene.folder_of("").display().to_string();
    let text = told.replace(&folder, &format!("{FOLDER}/")).replace(&scene.id, "clout");
    let names = [(format!("host {host}"), format!("host {HOST}")), (format!("\"{host}"), format!("\"{HOST}"))];
    shapes(&names.into_iter().fold(text, |text, (name, word)| text.replace(&name, &word)))
}

/// Lines of the documentation.
fn documented() -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let text = fs::read_to_string(path).expect("it is there");
    let section = text.split_once(SECTION).expect("the section").1;
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    shapes(&section.split("```").skip(1).step_by(2).collect::<String>())
}

fn says(member: &Member, what: &str) {
    wait_until(&format!("{} says {what:?}", member.name), BEGUN, || member.told_itself().contains(what));
}

/// What was told of an outage that began then: few warnings, each with the cause. Returns the other ones.
fn other_warnings(away: &str, began: Instant) -> Vec<String> {
    let warnings = away.lines().filter(|line| line.contains(" WARN ")).map(str::to_owned);
    let (causes, others): (Vec<String>, Vec<_>) = warnings.partition(|line| line.contains("brokers cannot be reached"));
    let most = 1 + began.elapsed().as_secs() / AGAIN.as_secs();
    assert!((1..=most).contains(&(causes.len() as u64)), "a warning, and {most} at most: {causes:#?}");
    let names_it = |line: &String| line.contains("nobody listens there") && !line.contains("advertised.listeners");
    assert!(causes.iter().all(names_it), "each names the cause, which is not an address: {causes:#?}");
    others
}

#[test]
fn a_start_a_rebalance_a_takeover_and_lost_brokers_are_a_line_or_two_each() {
    let _room = crate::works();
    let Some(mut broker) = Broker::own(&[]) else { return };
    // Whoever has nothing to write has no transaction that could fail.
    let scene = Scene::new(broker.brokers(), &Options { client: CLIENT, clock: "wall", ..Options::default() });
    let mut first = scene.start_in("one", &["--listen", "127.0.0.1:0"]);
    says(&first, "worker-0 is live: shards 0-3");
    let address = address(&mut first);
    let second = scene.start_in("two", &[]);
    says(&first, "and no longer");
    says(&second, "is live");
    second.kill();
    let has_all_again = |times| {
        wait_until("the first one has all again", BEGUN, || {
            first.told().matches("is live: shards 0-3").count() == times
        });
    };
    has_all_again(2);
    let third = scene.start_in("two", &[]);
    says(&third, "is live");
    third.terminate(ENDING);
    has_all_again(3);
    let quiet = told(&scene, &first.told());
    let about = |what: &str| quiet.iter().filter(|line| line.contains(what)).count();
    assert_eq!(about(" has shards "), 5, "one line each time that shards come or go: {quiet:#?}");
    assert_eq!(about("WARN"), 0, "{quiet:#?}");

    let (before, began) = (first.told().len(), Instant::now());
    broker.kill();
    wait_until("it says that brokers are away", TOLD, || first.told()[before..].contains("brokers cannot be reached"));
    wait_until("it has no shards any more", TOLD, || first.told()[before..].contains("worker-0 has no shards"));
    for (path, code) in [("/health/live", 200), ("/health/ready", 503)] {
        assert_eq!(status(&address, path), Some(code), "{path}, as docs/configuration.md says");
    }
    broker.start_again();
    has_all_again(4);
    assert_eq!(other_warnings(&first.told()[before..], began), [""; 0]);
    let ran = first.end(ENDING);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);

    let second = fs::read_to_string(scene.told("two")).expect("text");
    let (all, documented) = ([told(&scene, &ran.stderr), told(&scene, &second)].concat(), documented());
    eprintln!("{}\n----\n{second}", ran.stderr);
    for line in &documented {
        assert!(all.contains(line), "docs/configuration.md shows {line:?}, and that is not told: {all:#?}");
    }
    // What librdkafka says by itself carries its own name for it; how it goes is told of twice a minute.
    for line in all.iter().filter(|line| !line.contains(" fac=") && !line.starts_with("INFO working ")) {
        assert!(documented.contains(line), "docs/configuration.md does not show {line:?}: {documented:#?}");
    }
}

#[test]
fn brokers_that_go_away_while_all_are_at_work_are_told_of_now_and_then() {
    let _room = crate::works();
    let Some(mut broker) = Broker::own(&[]) else { return };
    let scene = Scene::new(broker.brokers(), &Options { client: CLIENT, ..Options::default() });
    let witness = scene.witness();
    let events = Events::generated(20_000, 300);
    let acts = events.acts();
    let member = scene.start_in("one", &[]);
    says(&member, "worker-0 is live: shards 0-3");
    while_fed(&scene, &acts, 200, || {
        wait_until("it works", BEGUN, || witness.seen().taken() > 100);
        let (before, began) = (member.told().len(), Instant::now());
        broker.kill();
        thread::sleep(AWAY);
        broker.start_again();
        let taken = witness.seen().taken();
        wait_until("it works again", BEGUN, || witness.seen().taken() > taken + 100);
        let away = member.told()[before..].to_owned();
        eprintln!("{away}");
        // A transaction that took too long is the worker's own story; requests that fail with their connection are none.
        let others = other_warnings(&away, began);
        assert!(others.iter().all(|line| !line.contains("ransport failure")), "{others:#?}");
    });
    member.terminate(ENDING);
}
