//! Where outputs end up: whole and at the end, in what the name stands for.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};

use crate::replay::program::{Directory, many};

fn log() -> Directory {
    Directory::new().with("log", many(3_000))
}

#[test]
fn an_output_is_replaced_when_it_is_whole() {
    let directory = log().with("s.csv", "what was there\n");
    let reader = fs::File::open(directory.path("s.csv")).unwrap();
    let before = reader.metadata().unwrap();
    assert_eq!(directory.replay("log -q --scores-out s.csv").code, 0);
    assert_ne!(fs::metadata(directory.path("s.csv")).unwrap().ino(), before.ino());
    assert_eq!(std::io::read_to_string(reader).unwrap(), "what was there\n", "who reads it meanwhile reads all of it");
}

#[test]
fn permissions_stay_and_new_ones_are_the_users() {
    let directory = log().with("s.csv", "");
    fs::set_permissions(directory.path("s.csv"), fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(directory.replay("log -q --scores-out s.csv --dead-letters new.ndjson").code, 0);
    let mode = |name: &str| fs::metadata(directory.path(name)).unwrap().permissions().mode() & 0o777;
    fs::write(directory.path("plain"), "").unwrap();
    assert_eq!((mode("s.csv"), mode("new.ndjson")), (0o640, mode("plain")));
}

#[test]
fn links_are_followed() {
    let directory = log().with("there.csv", "what was there\n");
    symlink("there.csv", directory.path("here.csv")).unwrap();
    symlink("not-yet.csv", directory.path("dangling.csv")).unwrap();
    for (link, target) in [("here.csv", "there.csv"), ("dangling.csv", "not-yet.csv")] {
        assert_eq!(directory.replay(&format!("log -q --scores-out {link}")).code, 0);
        assert!(fs::symlink_metadata(directory.path(link)).unwrap().is_symlink());
        assert!(directory.read(target).lines().count() > 50);
    }
    symlink("round.csv", directory.path("round.csv")).unwrap();
    let ran = directory.replay("log -q --scores-out round.csv");
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("too many symbolic links"), "{}", ran.stderr);
}

#[test]
fn pipes_and_devices_are_written_to() {
    let directory = log();
    assert!(std::process::Command::new("mkfifo").arg(directory.path("pipe.csv")).status().unwrap().success());
    let path = directory.path("pipe.csv");
    let reader = std::thread::spawn(move || fs::read_to_string(path).unwrap());
    assert_eq!(directory.replay("log -q --scores-out pipe.csv").code, 0);
    assert!(reader.join().unwrap().lines().count() > 50);
    assert!(fs::metadata(directory.path("pipe.csv")).unwrap().file_type().is_fifo());
    symlink("/dev/stdout", directory.path("out.ndjson")).unwrap();
    for _ in 0..2 {
        // The standard output may be a file with more in it than ours.
        let all = fs::OpenOptions::new().create(true).append(true).open(directory.path("all")).unwrap();
        let status = directory.command("log -q --scores-out out.ndjson").stdout(all).status().unwrap();
        assert_eq!(status.code(), Some(0));
    }
    let lines = directory.read("all").lines().count();
    assert!(lines > 100 && lines.is_multiple_of(2), "{lines}");
}

#[test]
fn what_cannot_be_written_is_told_first_and_stays() {
    let directory = log().with("s.csv", "what was there\n");
    fs::create_dir(directory.path("folder.csv")).unwrap();
    for (output, reason) in [("folder.csv", "is a directory"), ("missing/s.csv", "No such file")] {
        let ran = directory.replay(&format!("log -q --scores-out {output}"));
        assert_eq!(ran.code, 3);
        assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    }
    symlink("/dev/full", directory.path("full.csv")).unwrap();
    let ran = directory.replay("log -q --timeline 1d --timeline-out full.csv --scores-out s.csv");
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot write full.csv: No space left"), "{}", ran.stderr);
    fs::set_permissions(directory.path("s.csv"), fs::Permissions::from_mode(0o400)).unwrap();
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    assert!(is_root || directory.replay("log -q --scores-out s.csv").code == 3);
}
