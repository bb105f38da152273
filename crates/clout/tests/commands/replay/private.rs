//! The folder of `--state` holds who acts on whom: nobody else may look into it, a folder that is not ours is left as it is,
//! and nothing is written through a link.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

use crate::replay::program::{Directory, Ran, many};

const OPTIONS: &str = "log --quiet --state state --checkpoint-every 20ms";
const SEGMENT: &str = "journal/00000000000000000000";

fn directory() -> Directory {
    Directory::new().with("log", many(200_000)).with("victim", "precious")
}

/// A directory with a state that is gone on with.
fn with_state() -> Directory {
    let directory = directory();
    assert_eq!(directory.replay(OPTIONS).code, 0);
    directory
}

/// Everything below a folder: what it is, its mode, and what is in it.
fn everything(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let bytes = if metadata.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        let text = format!("{:o} {}", metadata.mode(), String::from_utf8_lossy(&bytes));
        found.insert(path.display().to_string(), text);
        if metadata.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found
}

fn hold_refused(ran: &Ran, told: &str) {
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
}

#[test]
fn only_the_owner_may_look_in() {
    let directory = directory();
    let run = |umask: &str| {
        let line = format!("umask {umask}; exec {} replay {OPTIONS}", env!("CARGO_BIN_EXE_clout"));
        let ran = Ran::of(Command::new("sh").args(["-c", &line]).current_dir(directory.path(".")).output().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    };
    let hold_private = || {
        let found = everything(&directory.path("state"));
        assert!(found.keys().any(|path| path.ends_with(".checkpoint")), "{:?}", found.keys());
        for (path, text) in found {
            let mode = text.split(' ').next().unwrap();
            assert!(["40700", "100600"].contains(&mode), "{path} has the mode {mode}");
        }
    };
    run("000");
    hold_private();
    // What an earlier program left open is closed.
    for path in everything(&directory.path("state")).keys() {
        let mode = if Path::new(path).is_dir() { 0o755 } else { 0o644 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    run("000");
    for (path, text) in everything(&directory.path("state")) {
        // A checkpoint is replaced by the next one; nobody else gets into its folder.
        assert!(path.ends_with(".checkpoint") || !text.starts_with("100644"), "{path}");
        assert!(!text.starts_with("40755"), "{path}");
    }
}

#[test]
fn a_folder_of_something_else_is_left_as_it_is() {
    type Make = fn(&Path);
    let others: [Make; 7] = [
        |folder| fs::write(folder.join("lock"), "precious").unwrap(),
        |folder| fs::write(folder.join("letter"), "x").unwrap(),
        |folder| fs::write(folder.join("manifest.new"), "precious").unwrap(),
        |folder| fs::create_dir(folder.join("lock")).unwrap(),
        |folder| symlink("/nowhere", folder.join("lock")).unwrap(),
        |folder| {
            fs::create_dir(folder.join("journal")).unwrap();
            fs::write(folder.join(SEGMENT), "precious").unwrap();
        },
        |folder| {
            fs::create_dir(folder.join("checkpoints")).unwrap();
            fs::write(folder.join("checkpoints/letter"), "x").unwrap();
        },
    ];
    for (number, make) in others.into_iter().enumerate() {
        let directory = directory();
        let folder = directory.path("state");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        make(&folder);
        let before = everything(&folder);
        hold_refused(&directory.replay(OPTIONS), "state holds other files");
        assert_eq!(everything(&folder), before, "case {number}");
    }
}

#[test]
fn what_a_killed_run_leaves_at_its_beginning_is_gone_on_with() {
    let directory = directory();
    let folder = directory.path("state");
    fs::create_dir_all(folder.join("journal")).unwrap();
    fs::create_dir_all(folder.join("checkpoints")).unwrap();
    fs::write(folder.join("lock"), "").unwrap();
    fs::write(folder.join("manifest.new"), "").unwrap();
    assert_eq!(directory.replay(OPTIONS).code, 0);
}

#[test]
fn nothing_is_written_through_a_link() {
    for name in ["lock", "manifest", "manifest.new", SEGMENT] {
        for is_hard in [false, true] {
            let directory = with_state();
            let path = directory.path("state").join(name);
            let _ = fs::remove_file(&path);
            match is_hard {
                true => fs::hard_link(directory.path("victim"), &path).unwrap(),
                false => symlink("../victim".replace("..", directory.path(".").to_str().unwrap()), &path).unwrap(),
            }
            let ran = directory.replay(OPTIONS);
            assert_eq!(directory.read("victim"), "precious", "{name}, hard: {is_hard}");
            if name != "manifest.new" {
                hold_refused(&ran, if is_hard { "a hard link" } else { "it is a link" });
            }
        }
    }
    for name in ["journal", "checkpoints", "checkpoints/shard-00000"] {
        let directory = with_state();
        let (path, elsewhere) = (directory.path("state").join(name), directory.path("elsewhere"));
        fs::rename(&path, &elsewhere).unwrap();
        symlink(&elsewhere, &path).unwrap();
        let before = everything(&elsewhere);
        let ran = directory.replay(OPTIONS);
        assert_eq!(everything(&elsewhere), before, "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains("it is a link"), "{name}: {}", ran.stderr);
    }
}

#[test]
fn a_pipe_does_not_keep_it_waiting() {
    for name in ["lock", "manifest", SEGMENT] {
        let directory = with_state();
        let path = directory.path("state").join(name);
        fs::remove_file(&path).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        hold_refused(&directory.replay(OPTIONS), "it is not a plain file");
    }
}

#[test]
fn a_folder_of_somebody_else_is_left_as_it_is() {
    let directory = directory();
    let folder = directory.path("state");
    fs::create_dir(&folder).unwrap();
    if chown(&folder, Some(12_345), None).is_err() {
        eprintln!("skipped: only root can give a folder away");
        return;
    }
    let before = everything(&folder);
    hold_refused(&directory.replay(OPTIONS), "it belongs to another user");
    assert_eq!(everything(&folder), before);
    // A folder within it is ours.
    let within = OPTIONS.replace("--state state", "--state state/ours");
    assert_eq!(directory.replay(&within).code, 0);
    // So is a file of somebody else within a folder of ours.
    let directory = with_state();
    chown(directory.path("state/lock"), Some(12_345), None).unwrap();
    hold_refused(&directory.replay(OPTIONS), "it belongs to another user");
}

#[test]
fn a_link_to_a_folder_of_ours_may_be_named() {
    let directory = with_state();
    fs::rename(directory.path("state"), directory.path("disk")).unwrap();
    symlink("disk", directory.path("state")).unwrap();
    assert_eq!(directory.replay(OPTIONS).code, 0);
}
