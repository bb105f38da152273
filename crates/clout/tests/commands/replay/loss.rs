//! Input of which nothing, or less than half, can be used: said in one sentence, and nothing that was there is lost.

use crate::replay::program::{Directory, Ran};

const GOOD: &str = "a b 1409144925\n";
const TWITTER: &str = "source,target,created_at\n\
    ana,bo,27th of August\n\
    cy,bo,28th of August\n";
const OUTPUTS: [&str; 2] = ["s.csv", "t.csv"];

/// A directory with the outputs of an earlier run.
fn directory() -> Directory {
    OUTPUTS.iter().fold(Directory::new(), |directory, name| directory.with(name, "what was there\n"))
}

/// Runs it quietly with all outputs, and holds that it says one sentence and leaves the outputs as they were.
#[track_caller]
fn is_lost(directory: &Directory, input: &str, code: i32) -> String {
    let outputs = "--scores-out s.csv --timeline 1d --timeline-out t.csv --dead-letters bad.ndjson";
    for more in ["", "--json"] {
        let ran = directory.replay(&format!("{input} {outputs} -q {more}"));
        assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        OUTPUTS.iter().for_each(|name| assert_eq!(directory.read(name), "what was there\n"));
        no_traces(directory);
        if more == "--json" {
            return ran.stderr;
        }
    }
    unreachable!("there are two runs")
}

/// Nothing that was written aside is left.
#[track_caller]
fn no_traces(directory: &Directory) {
    let names = std::fs::read_dir(directory.path(".")).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().ends_with(".tmp")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn nothing_of_a_file() {
    let directory = directory().with("tw.csv", TWITTER);
    let told = is_lost(&directory, "tw.csv", 1);
    assert!(
        told.starts_with("error: none of the 2 lines of tw.csv can be used (tw.csv:2: time \"27th of Augus"),
        "{told}"
    );
    assert!(told.contains("and 1 more like it); nothing is written"), "{told}");
    assert_eq!(directory.read("bad.ndjson").lines().count(), 2, "what is wrong with the input is kept");
    // No flag makes something of nothing.
    is_lost(&directory, "tw.csv --accept-loss", 1);
    is_lost(&directory, "tw.csv --max-bad 0", 1);
    is_lost(&directory, "tw.csv --max-bad 1", 1);
}

#[test]
fn most_of_a_file() {
    let mut log = GOOD.repeat(200);
    (0..800).for_each(|line| log += &format!("a b {line}Aug\n"));
    let directory = directory().with("log", log).with("half", format!("{GOOD}{GOOD}a b\na b\n"));
    let told = is_lost(&directory, "log", 1);
    assert!(told.contains("800 of 1,000 lines cannot be used, more than half (log:201: "), "{told}");
    assert!(told.contains("--accept-loss"), "{told}");
    let ran = directory.replay("log -q --accept-loss --scores-out s.csv");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert_eq!(directory.read("s.csv").lines().count(), 2, "a header and b");
    assert_eq!(directory.replay("half -q").code, 0, "half is not more than half");
}

#[test]
fn the_header_of_a_file() {
    let directory = directory().with("log.csv", "who,whom\nana,bo\n");
    let told = is_lost(&directory, "log.csv --format csv", 2);
    assert!(told.starts_with("error: log.csv cannot be read as csv: the header in line 1 has no actor"), "{told}");
}

#[test]
fn an_archive_that_breaks_off_before_its_first_line() {
    let log = GOOD.repeat(100);
    let whole = crate::replay::program::gzip(log.as_bytes());
    let directory = directory().with("log.gz", &whole[..12]);
    let told = is_lost(&directory, "log.gz", 1);
    assert!(told.contains("breaks off") && !told.contains("results are those"), "{told}");
}

#[test]
fn one_of_several_files() {
    let directory = directory().with("good", GOOD.repeat(10)).with("tw.csv", TWITTER);
    let told = is_lost(&directory, "good tw.csv", 1);
    assert!(told.contains("none of the 2 lines of tw.csv can be used"), "{told}");
    assert_eq!(directory.replay("good tw.csv -q --accept-loss").code, 0);
    // A file of another time is not lost.
    let directory = Directory::new().with("good", GOOD).with("later", "a b 1509144925\n");
    assert_eq!(directory.replay("good later --until 1409144925 -q").code, 0);
}

/// Who has opted out would be scored.
#[test]
fn a_profile_that_is_not_understood() {
    let profiles =
        "{\"user\":\"b\",\"opted_out\":true}\n{\"user\":\"c\",\"trust\":1}\n{\"user\":\"d\",\"opt_out\":true}\n";
    let directory = directory().with("log", GOOD).with("profiles", profiles);
    let told = is_lost(&directory, "log --profiles profiles", 1);
    assert!(told.contains("1 of 3 profiles cannot be used (profiles:3: ") && told.contains("`opt_out`"), "{told}");
    assert!(told.contains("--accept-loss"), "{told}");
    assert_eq!(directory.replay("log --profiles profiles -q --accept-loss").code, 0);
}

/// An export that failed leaves such a file.
#[test]
fn there_is_no_event() {
    let directory = directory().with("empty", "").with("head.csv", "actor,target,time\n").with("log", GOOD);
    for (input, named) in
        [("empty", "in empty"), ("head.csv", "in head.csv"), ("empty head.csv", "in any of the 2 files")]
    {
        let told = is_lost(&directory, input, 1);
        assert!(told.starts_with(&format!("error: there is no event {named}; nothing is written")), "{told}");
    }
    is_lost(&directory, "empty --accept-loss", 1);
    assert_eq!(directory.replay("empty log -q").code, 0, "one of several may be empty");
    assert_eq!(directory.replay("log -q --until 2001-01-01").code, 0, "what is left out was there");
}

#[test]
fn the_option_that_helps_is_told_with_the_reason() {
    let directory =
        directory().with("log.csv", "actor,target,time\na,b,2012-07-01 12:00:00\nb,a,2012-07-01 12:00:01\n");
    let told = is_lost(&directory, "log.csv", 1);
    assert!(
        told.contains("has no offset from UTC: add Z if it is UTC; --time-zone says where the clock stood"),
        "{told}"
    );
    assert!(told.contains(", and 1 more like it"), "{told}");
    assert_eq!(directory.replay("log.csv -q --time-zone utc").code, 0);
}

#[test]
fn an_interrupted_run_that_has_read_nothing() {
    let directory = directory();
    let mut command = directory.command("- --scores-out s.csv");
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let id = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let _stdin = child.stdin.take();
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert_eq!(directory.read("s.csv"), "what was there\n");
    no_traces(&directory);
}
