//! All tests of the workspace, with several of their programs side by side.
//!
//! `cargo test` runs one program after the other, and the longest of ours wait for brokers, browsers and clocks for most of the time:
//! here what computes runs meanwhile, and gives way. What a program prints is shown when it has ended, in one piece.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use serde::Deserialize;

use crate::{Failure, as_from_a_shell};

/// As many programs run at once.
const LANES: usize = 3;

/// The programs that take longest, in the order in which they are started, by package and target. A program that is not listed is started after them.
const LONGEST: &[(&str, &str, Nature)] = &[
    ("clout", "brokers", Nature::Waits { tests: 10 }),
    ("embedded", "suite", Nature::Computes),
    ("clout", "page", Nature::Waits { tests: 4 }),
    ("simulator", "suite", Nature::Computes),
    ("clout", "commands", Nature::Computes),
    ("kafka", "kafka", Nature::Waits { tests: 8 }),
    ("serve", "api", Nature::Waits { tests: 8 }),
    ("testbroker", "broker", Nature::Waits { tests: 8 }),
];

/// What a program of tests does for most of its time.
#[derive(Clone, Copy, Debug)]
enum Nature {
    /// It waits for other processes, and this many of its tests run at once.
    Waits { tests: usize },
    /// It computes, as many tests at once as there are processors, and gives way to those that wait.
    Computes,
}

/// A program of tests, or the documentation's examples.
#[derive(Debug)]
struct Program {
    /// As `cargo test` calls it.
    title: String,
    /// What runs only its tests.
    again: String,
    nature: Nature,
    command: Vec<PathBuf>,
    /// That of its package.
    folder: Option<PathBuf>,
}

/// What a program printed, and how it ended.
struct Ran {
    printed: Vec<u8>,
    status: ExitStatus,
}

/// Runs all tests whose names have one of these filters in them; other arguments are passed on to each program as well.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut programs = build()?;
    programs.push(Program::of_documentation());
    let (began, number) = (Instant::now(), programs.len());
    eprintln!("{number} programs of tests, {LANES} at once: what one prints is shown when it has ended");
    programs.reverse();
    let waiting = Mutex::new(programs);
    let next = || waiting.lock().ok()?.pop();
    let (ended, all) = mpsc::channel();
    let (mut tests, mut failed) = (0, Vec::new());
    thread::scope(|scope| -> Result<(), Failure> {
        for _ in 0..LANES {
            let ended = ended.clone();
            scope.spawn(move || {
                while let Some(program) = next() {
                    let ran = program.run(arguments);
                    // Nobody listens any more once something could not be shown.
                    if ended.send((program, ran)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(ended);
        for (Program { title, again, .. }, ran) in all {
            let ran = ran.map_err(|error| format!("{title}: {error}"))?;
            show(&title, &ran.printed)?;
            tests += passed(&ran.printed);
            if !ran.status.success() {
                failed.push(format!("{} ended with {}: {again}", title.trim_start(), ran.status));
            }
        }
        Ok(())
    })?;
    let took = began.elapsed().as_secs();
    if failed.is_empty() {
        eprintln!("{tests} tests of {number} programs pass, in {took} s");
        return Ok(());
    }
    Err(format!("{} of {number} programs fail, in {took} s\n  {}", failed.len(), failed.join("\n  ")).into())
}

/// Shows in one piece what a program printed.
fn show(title: &str, printed: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{title}")?;
    out.write_all(printed)?;
    out.flush()
}

/// How many tests passed, by the last lines of a program.
fn passed(printed: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(printed);
    let results = text.lines().filter_map(|line| line.strip_prefix("test result: "));
    let numbers = results.filter_map(|line| line.split_once(". ")?.1.split_once(" passed")?.0.parse::<u64>().ok());
    numbers.sum()
}

impl Program {
    fn of_documentation() -> Program {
        let command = [env!("CARGO"), "test", "--workspace", "--doc", "--"].map(PathBuf::from).to_vec();
        let again = "cargo test --workspace --doc".to_owned();
        Program {
            title: "   Doc-tests of all crates".to_owned(),
            again,
            nature: Nature::Computes,
            command,
            folder: None,
        }
    }

    fn run(&self, arguments: &[String]) -> io::Result<Ran> {
        let mut command = match self.nature {
            Nature::Waits { .. } => Command::new(&self.command[0]),
            Nature::Computes => gives_way(&self.command[0]),
        };
        as_from_a_shell(&mut command).args(&self.command[1..]).args(arguments).stdin(Stdio::null());
        // As `cargo test` starts it.
        if let Some(folder) = &self.folder {
            command.current_dir(folder).env("CARGO_MANIFEST_DIR", folder);
        }
        if let Nature::Waits { tests } = self.nature
            && std::env::var_os("RUST_TEST_THREADS").is_none()
        {
            command.env("RUST_TEST_THREADS", tests.to_string());
        }
        // Not a pipe: what a program leaves behind could hold it open.
        let mut file = tempfile::tempfile()?;
        let status = command.stdout(file.try_clone()?).stderr(file.try_clone()?).status()?;
        let mut printed = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut printed)?;
        Ok(Ran { printed, status })
    }
}

/// Starts a program so that others go first, where the system has a command for that.
fn gives_way(program: &Path) -> Command {
    let has_nice = Command::new("nice").arg("true").output().is_ok_and(|ran| ran.status.success());
    if !has_nice {
        return Command::new(program);
    }
    let mut command = Command::new("nice");
    command.args([OsStr::new("-n"), OsStr::new("10"), program.as_os_str()]);
    command
}

/// What cargo says of a program that it has built, as far as it matters here.
#[derive(Deserialize)]
struct Message {
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
    src_path: PathBuf,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// Builds all programs of tests, and returns them in the order in which they are to be started.
fn build() -> Result<Vec<Program>, Failure> {
    let arguments = ["test", "--workspace", "--no-run", "--message-format=json-render-diagnostics"];
    let ran = as_from_a_shell(Command::new(env!("CARGO")).args(arguments)).stderr(Stdio::inherit()).output()?;
    if !ran.status.success() {
        return Err("the tests cannot be built: the reason stands above".into());
    }
    let text = String::from_utf8(ran.stdout)?;
    let mut programs = BTreeMap::new();
    for line in text.lines() {
        if let Some((place, program)) = of_message(serde_json::from_str(line)?) {
            programs.insert((place, program.title.clone()), program);
        }
    }
    Ok(programs.into_values().collect())
}

/// The program of tests that this message tells of, if it does, and its place in the order.
fn of_message(message: Message) -> Option<(usize, Program)> {
    let (Some(manifest), Some(target), Some(executable)) = (message.manifest_path, message.target, message.executable)
    else {
        return None;
    };
    if !message.profile.is_some_and(|profile| profile.test) {
        return None;
    }
    let folder = manifest.parent()?.to_owned();
    let package = folder.file_name()?.to_str()?;
    let place = LONGEST.iter().position(|(of, name, _)| *of == package && *name == target.name);
    let nature = place.map_or(Nature::Computes, |place| LONGEST[place].2);
    let source = target.src_path.strip_prefix(&folder).unwrap_or(&target.src_path).display();
    let (unit, only) = match target.kind.first().map(String::as_str) {
        Some("test") => ("", format!("--test {}", target.name)),
        Some("bin") => ("unittests ", format!("--bin {}", target.name)),
        _ => ("unittests ", "--lib".to_owned()),
    };
    let title = format!("     Running {unit}{source} ({})", executable.display());
    let again = format!("cargo test -p {package} {only}");
    Some((
        place.unwrap_or(LONGEST.len()),
        Program { title, again, nature, command: vec![executable], folder: Some(folder) },
    ))
}
