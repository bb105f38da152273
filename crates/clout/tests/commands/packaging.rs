//! What packages take from the program itself: man pages and completions of just this command line.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

// librdkafka is linked with what mends it.
use kafka as _;

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn packed(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("clout-packaging-{name}-{}", std::process::id()));
        let ran = Command::new(env!("CARGO_BIN_EXE_clout")).arg("packaging").arg(&path).output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The commands that the help names.
fn commands() -> Vec<String> {
    let help = Command::new(env!("CARGO_BIN_EXE_clout")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let list = help.split_once("Commands:\n").unwrap().1;
    let lines = list.lines().take_while(|line| !line.is_empty());
    let commands: Vec<String> =
        lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().map(str::to_owned)).collect();
    let commands: Vec<String> = commands.into_iter().filter(|name| !name.is_empty()).collect();
    assert!(commands.len() > 15, "{help}");
    commands
}

#[test]
fn every_command_has_a_man_page_and_nobody_sees_this_one() {
    let folder = Folder::packed("man");
    let pages = names(&folder.0.join("man"));
    let commands = commands();
    assert!(!commands.iter().any(|command| command == "packaging"), "{commands:?}");
    for command in commands.iter().filter(|command| *command != "help") {
        assert!(pages.contains(&format!("clout-{command}.1")), "{command}: {pages:?}");
    }
    assert!(pages.contains("clout.1") && pages.contains("clout-dead-letters-send.1"), "{pages:?}");
    assert!(!pages.iter().any(|page| page.contains("packaging")), "{pages:?}");
    let page = fs::read_to_string(folder.0.join("man/clout-run.1")).unwrap();
    for part in [".TH clout-run 1", "\\-\\-accept\\-gap", "Exit codes:"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    // The same again, as packages are to be.
    let again = Folder::packed("again");
    for page in &pages {
        let read = |folder: &Folder| fs::read(folder.0.join("man").join(page)).unwrap();
        assert!(read(&folder) == read(&again), "{page}");
    }
}

/// A shell completes what somebody has begun to type.
#[test]
fn bash_completes_commands_and_options() {
    let folder = Folder::packed("completions");
    let completions = folder.0.join("completions");
    assert_eq!(names(&completions), ["_clout", "clout.bash", "clout.fish"].map(str::to_owned).into());
    let file = completions.join("clout.bash");
    let complete = |words: &[&str]| {
        let script = format!(
            "source {}; COMP_WORDS=({}); COMP_CWORD={}; _clout clout '{}' '{}'; echo \"${{COMPREPLY[@]}}\"",
            file.display(),
            words.join(" "),
            words.len() - 1,
            words[words.len() - 1],
            words[words.len() - 2]
        );
        let ran = Command::new("bash").args(["-c", &script]).output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    };
    assert_eq!(complete(&["clout", "dead"]).trim(), "dead-letters");
    assert_eq!(complete(&["clout", "run", "--accept"]).trim(), "--accept-gap");
    assert_eq!(complete(&["clout", "dead-letters", "sen"]).trim(), "send");
    assert_eq!(complete(&["clout", "pack"]).trim(), "");
    for file in ["_clout", "clout.fish"] {
        let text = fs::read_to_string(completions.join(file)).unwrap();
        assert!(text.contains("dead-letters") && text.contains("accept-gap") && !text.contains("packaging"), "{file}");
    }
}
