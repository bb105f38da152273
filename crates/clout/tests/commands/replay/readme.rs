//! What the README shows is what the program does.

use std::os::unix::fs::symlink;

use crate::replay::program::Directory;
use crate::replay::real_logs::data;

const README: &str = include_str!("../../../../../README.md");

/// The first block of code behind this text.
fn block_behind(text: &str) -> &'static str {
    let behind = &README[README.find(text).unwrap_or_else(|| panic!("the README has no {text:?}"))..];
    let block = behind.split("```").nth(1).unwrap();
    &block[block.find('\n').unwrap() + 1..]
}

/// An empty directory with the log that the README scores.
fn with_higgs() -> Option<Directory> {
    let log = data(&["higgs/higgs-activity_time.txt.gz"])?.remove(0);
    let directory = Directory::new();
    symlink(log, directory.path("higgs-activity_time.txt.gz")).unwrap();
    Some(directory)
}

/// Each line is there, up to the line of an ellipsis and from there on; of what took how long only the beginning.
fn shows(block: &str, printed: &str) {
    let (above, below) = block.split_once("…\n").unwrap();
    assert!(printed.starts_with(above), "the README:\n{above}\nthe program:\n{printed}");
    let timeless = |text: &str| text.lines().filter(|line| !line.starts_with("took ")).collect::<Vec<_>>().join("\n");
    assert!(timeless(printed).ends_with(&timeless(below)), "the README:\n{below}\nthe program:\n{printed}");
    assert!(below.lines().last().unwrap().starts_with("took ") && printed.lines().last().unwrap().starts_with("took "));
}

#[test]
fn what_it_prints_is_what_it_prints() {
    let Some(directory) = with_higgs() else { return };
    let ran = directory.replay("higgs-activity_time.txt.gz");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    shows(block_behind("## What it prints"), &(ran.stdout + &ran.stderr));
}

#[test]
fn one_persons_score_is_explained_by_the_command() {
    let Some(directory) = with_higgs() else { return };
    let command = block_behind("What one person's score is made of").trim();
    let ran = directory.replay(command.strip_prefix("clout replay ").unwrap());
    assert_eq!((ran.code, ran.stdout.starts_with("\n88  score ")), (0, true), "{}{}", ran.stdout, ran.stderr);
}
