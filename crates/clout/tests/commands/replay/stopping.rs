//! Runs that end before their time: Ctrl-C, readers that go away, disks that are full.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::replay::program::{Directory, Ran, lines, many};

#[test]
#[cfg(unix)]
fn ctrl_c_stops_cleanly_with_the_result_so_far() {
    let directory = Directory::new();
    for signal in ["-INT", "-TERM"] {
        let mut child = directory.command("- --scores-out scores.ndjson").stdin(Stdio::piped()).spawn().unwrap();
        // It is still writing when the program is told to stop: the pipe stays open, and the wait must end all the same.
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(&many(10_000)).unwrap();
        pipe.write_all(b"bad\n").unwrap();
        pipe.flush().unwrap();
        let mut told = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        stderr.read_line(&mut told).unwrap();
        assert_eq!(told, "stdin:10001: has 1 column, expected actor, target, time and at most a kind\n");
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let rest = std::io::read_to_string(&mut stderr).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{signal}: {rest}");
        assert!(rest.contains("scored    10,000 events"), "{rest}");
        assert!(rest.ends_with("error: interrupted: what was read until then counts\n"), "{rest}");
        assert!(!lines(&directory.read("scores.ndjson")).is_empty());
        drop(pipe);
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let directory = Directory::new().with("log", many(20_000));
    for arguments in ["log --quiet", "log --quiet --json", "log --quiet --scores-out -"] {
        let mut child = directory.command(arguments).spawn().unwrap();
        drop(child.stdout.take());
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{arguments}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told() {
    let directory = Directory::new().with("log", many(1000));
    let full = || Stdio::from(std::fs::File::options().write(true).open("/dev/full").unwrap());
    for arguments in ["log", "log --json", "log --scores-out -"] {
        let output = directory.command(arguments).stdout(full()).output().unwrap();
        let ran = Ran::of(output);
        assert_eq!(ran.code, 3, "{arguments}: {}", ran.stderr);
        assert!(
            ran.stderr.ends_with("error: cannot write the standard output: No space left on device (os error 28)\n"),
            "{}",
            ran.stderr
        );
    }
    let ran = directory.replay("log --quiet --scores-out /nowhere/scores.csv");
    assert_eq!(ran.told(), "exit 3\nerror: cannot write /nowhere/scores.csv: No such file or directory (os error 2)\n");
}
