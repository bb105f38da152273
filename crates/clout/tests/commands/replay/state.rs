//! Runs that outlive their process.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::replay::program::{Directory, many};

/// A small generator (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ mixed >> 27) % below
    }
}

const OPTIONS: &str = "--half-life 12h --state state --checkpoint-every 40ms --scores-out scores.csv";

/// Gives a log to a run piece by piece, and kills it in the middle of a piece.
fn feed_and_kill(directory: &Directory, options: &str, log: &[u8], moment: usize, wait: Duration) {
    let mut child = directory.command(&format!("- {options}")).stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    for piece in log[..moment].chunks(64 << 10) {
        pipe.write_all(piece).unwrap();
        thread::sleep(Duration::from_millis(2));
    }
    thread::sleep(wait);
    // On Unix this is SIGKILL.
    child.kill().unwrap();
    child.wait().unwrap();
}

fn check_kills(partitions: u16, seed: u64) {
    let log = many(700_000);
    let directory = Directory::new().with("log", &log);
    let options = format!("{OPTIONS} --partitions {partitions} --workers {}", partitions.min(2));
    let mut dice = Dice(seed);
    let ran =
        directory.replay(&format!("log --quiet --half-life 12h --partitions {partitions} --scores-out whole.csv"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for kill in 0..20 {
        // Later and later: otherwise nearly all kills would come after the last new round.
        let reach = log.len() as u64 * (kill + 1) / 20;
        let moment = dice.roll(reach) as usize;
        feed_and_kill(&directory, &options, &log, moment, Duration::from_millis(dice.roll(40)));
    }
    let ran = directory.replay_stdin(&format!("- {options}"), &log);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("resumed state: the first "), "{}", ran.stderr);
    assert!(directory.read("scores.csv") == directory.read("whole.csv"), "other scores after twenty kills");
}

#[test]
#[cfg(unix)]
fn killed_at_twenty_random_moments_a_run_ends_as_if_nothing_had_been() {
    check_kills(1, 1);
}

#[test]
#[cfg(unix)]
fn the_same_with_four_partitions_and_two_threads() {
    check_kills(4, 2);
}

#[test]
fn a_run_that_was_not_disturbed_is_the_same_with_and_without_a_state() {
    let directory = Directory::new().with("log", many(300_000));
    let plain = directory.replay("log --json --top 50");
    let kept = directory.replay("log --json --top 50 --state state");
    let again = directory.replay("log --json --top 50 --state state");
    let document = |ran: &crate::replay::program::Ran| {
        let mut document = ran.document();
        for part in ["seconds", "events_per_second", "peak_memory_bytes"] {
            document["summary"].as_object_mut().unwrap().remove(part);
        }
        document
    };
    assert!(document(&plain) == document(&kept), "another document");
    assert!(document(&plain) == document(&again), "another document after a restart");
    assert_eq!(kept.stderr, "");
    assert!(
        again.stderr.starts_with("resumed state: the first 262,144 records were taken before\n"),
        "{}",
        again.stderr
    );
}

#[test]
fn a_log_that_has_grown_goes_on() {
    let log = many(400_000);
    let part = log[..log.len() / 2].iter().rposition(|&byte| byte == b'\n').unwrap() + 1;
    let directory = Directory::new().with("log", &log[..part]);
    for partitions in [1, 3] {
        let options =
            format!("log --quiet --partitions {partitions} --scores-out scores.csv --state state{partitions}");
        fs::write(directory.path("log"), &log[..part]).unwrap();
        assert_eq!(directory.replay(&options).code, 0);
        fs::write(directory.path("log"), &log).unwrap();
        assert_eq!(directory.replay(&options).code, 0);
        let whole = directory.replay(&format!("log --quiet --partitions {partitions} --scores-out whole.csv"));
        assert_eq!(whole.code, 0);
        assert!(directory.read("scores.csv") == directory.read("whole.csv"), "{partitions} partitions");
    }
}

#[test]
fn what_does_not_belong_to_the_state_is_told() {
    let log = many(200_000);
    let directory = Directory::new().with("log", &log).with("short", &log[..log.len() / 4]);
    let mut other = log.clone();
    // Somebody else acts first.
    other[0] ^= 1;
    let directory = directory.with("other", other);
    assert_eq!(directory.replay("log --state state --quiet").code, 0);
    for (arguments, code, told) in [
        (
            "other --state state",
            2,
            "error: the input is not the one that the state was made of: it differs within its \
           first 65536 events and profiles; use the same files and options, which may have grown at the end, or another folder",
        ),
        ("short --state state", 2, "error: the input ends after"),
        (
            "log --state state --half-life 1d",
            2,
            "error: state was made with other options of the model: use the same again, or another folder",
        ),
        (
            "log --state state --partitions 2",
            2,
            "error: state was made with other partitions: use the same again, or another folder",
        ),
        ("log --state log", 2, "error: log cannot be used: "),
        ("log --state .", 2, "error: . holds other files: name an empty folder, or one that an earlier run has made"),
        (
            "log --state state --timeline 1d --timeline-out t.csv",
            2,
            "error: the argument '--state <FOLDER>' cannot be used with '--timeline",
        ),
    ] {
        let ran = directory.replay(&format!("{arguments} --quiet"));
        assert_eq!(ran.code, code, "{arguments}: {}", ran.stderr);
        assert!(ran.stderr.contains(told), "{arguments}: {}", ran.stderr);
    }
    for input in ["other", "short"] {
        let ran = directory.replay(&format!("{input} --state state"));
        assert!(!ran.stderr.contains("resumed"), "{}", ran.stderr);
    }
    // Nothing of that has harmed it.
    assert_eq!(directory.replay("log --state state --quiet").code, 0);
}

#[test]
fn damage_is_told_or_healed() {
    let directory = Directory::new().with("log", many(400_000));
    let options = "log --quiet --state state --scores-out scores.csv --checkpoint-every 20ms";
    assert_eq!(directory.replay(options).code, 0);
    let scores = directory.read("scores.csv");
    // A torn end of the journal is a round less, a broken checkpoint a checkpoint less.
    let journal = directory.path("state/journal").join(format!("{:020}", 0));
    let bytes = fs::read(&journal).unwrap();
    fs::write(&journal, &bytes[..bytes.len() - 5]).unwrap();
    let checkpoints = fs::read_dir(directory.path("state/checkpoints/shard-00000")).unwrap();
    for checkpoint in checkpoints.take(1) {
        fs::write(checkpoint.unwrap().path(), b"nothing").unwrap();
    }
    assert_eq!(directory.replay(options).code, 0);
    assert_eq!(directory.read("scores.csv"), scores);
    fs::remove_dir_all(directory.path("state/checkpoints")).unwrap();
    assert_eq!(directory.replay(options).code, 0);
    assert_eq!(directory.read("scores.csv"), scores);
}
