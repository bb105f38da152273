//! Running the program in a directory of its own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use vocabulary::{Event, Kind};
use wire::{EventWriter, Format};

/// 2020-01-01T00:00:00Z.
const START: i64 = 1_577_836_800_000;
const HOUR: i64 = 3_600_000;

/// A directory that goes when the test ends; the program runs in it, so that messages name files without a path.
pub(crate) struct Directory(PathBuf);

/// What a run has left.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Directory {
    pub(crate) fn new() -> Directory {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("replay-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file; the directory again, so that one line sets a scene.
    pub(crate) fn with(self, name: &str, bytes: impl AsRef<[u8]>) -> Directory {
        fs::write(self.path(name), bytes).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clout"));
        command.current_dir(&self.0).arg("replay").args(arguments.split_whitespace());
        command.env_remove("COLUMNS");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs `clout replay` with these arguments.
    pub(crate) fn replay(&self, arguments: &str) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    pub(crate) fn replay_stdin(&self, arguments: &str, stdin: &[u8]) -> Ran {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        std::thread::scope(|scope| {
            // A program that ends early does not read all of it.
            scope.spawn(move || drop(pipe.write_all(stdin)));
            Ran::of(child.wait_with_output().unwrap())
        })
    }

    /// The table of all scores that a run gives, each line parsed; it must go well.
    pub(crate) fn scores(&self, arguments: &str) -> Vec<Value> {
        let ran = self.replay(&format!("{arguments} --scores-out - --quiet"));
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{arguments}");
        lines(&ran.stdout)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Ran {
    pub(crate) fn of(output: std::process::Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The exit code and the standard error, without how long it took.
    pub(crate) fn told(&self) -> String {
        let lines = self.stderr.lines().filter(|line| !line.starts_with("took "));
        lines.fold(format!("exit {}\n", self.code), |told, line| told + line + "\n")
    }

    pub(crate) fn document(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// Lines of JSON.
pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// `ana retweets bo` at so many hours.
pub(crate) fn event<'a>(hours: i64, actor: &'a str, kind: Kind, target: &'a str) -> Event<'a> {
    Event { actor, target, kind, at: START + hours * HOUR }
}

/// These events as a file.
pub(crate) fn file(format: Format, events: &[Event<'_>]) -> Vec<u8> {
    let mut writer = EventWriter::new(Vec::new(), format);
    events.iter().for_each(|event| writer.write(event).unwrap());
    writer.finish().unwrap()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(bytes, 3).unwrap()
}

/// So many events of a hundred people over thirty days, one in ten of them a follow.
pub(crate) fn many(events: u64) -> Vec<u8> {
    generated(worlds::World { users: 100, events, follows: 0.1, ..worlds::World::default() })
}

/// The events of a world.
pub(crate) fn generated(world: worlds::World) -> Vec<u8> {
    let mut events = world.events().unwrap();
    let mut writer = EventWriter::new(Vec::new(), Format::Snap);
    while let Some(event) = events.next_event() {
        writer.write(&event).unwrap();
    }
    writer.finish().unwrap()
}
