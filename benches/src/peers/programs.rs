//! The programs as users start them: they are built first, and run with the settings that docs/performance.md names.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::running::Running;
use crate::system::System;
use crate::{Failure, Options};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// For a build from nothing, all downloads included.
const BUILD: Duration = Duration::from_secs(3600);

/// Packages of Java 17 that Flink reads by reflection and that have to be opened to it.
const FLINK_OPENS: [&str; 9] = ["lang", "lang.reflect", "util", "util.concurrent", "net", "time", "text", "io", "nio"];

/// The programs that are compared, and the heap that the Java machines get.
#[derive(Debug)]
pub(crate) struct Programs {
    clout: PathBuf,
    /// A folder for each peer, with its jar and those that it needs.
    peers: PathBuf,
    heap: String,
}

/// The input and output of one application, and the folder that it may write to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task<'a> {
    pub(crate) brokers: &'a str,
    pub(crate) input: &'a str,
    pub(crate) application: &'a str,
    pub(crate) folder: &'a Path,
}

impl Programs {
    /// Builds what these options want to run.
    pub(crate) fn build(options: &Options) -> Result<Programs, Failure> {
        let target = target()?;
        let (clout, peers) = (target.join("release/clout"), target.join("peers"));
        let given = options.program.as_ref().map(|program| program.canonicalize()).transpose()?;
        if options.only.contains(&System::Clout) && given.is_none() {
            let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            cargo.args(["build", "--release", "-p", "clout", "--target-dir"]).arg(&target);
            build("cargo", cargo, &target)?;
        }
        if options.only.iter().any(|&system| system != System::Clout) {
            let mut maven = Command::new("mvn");
            maven.args(["-q", "-B", "-Dstyle.color=never", "-f", "benches/peers/pom.xml", "package"]);
            maven.arg(joined("-Dpeers.target=", &peers));
            build("mvn", maven, &target)?;
        }
        Ok(Programs { clout: given.unwrap_or(clout), peers, heap: options.heap.clone() })
    }

    /// A command of Clout's, with no settings but those that it is given.
    pub(crate) fn clout(&self, arguments: &[&str], task: &Task<'_>) -> Command {
        let mut command = Command::new(&self.clout);
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CLOUT_")) {
            command.env_remove(name);
        }
        command.args(arguments).args(["--brokers", task.brokers]).args(["--application-id", task.application]);
        command.args(["--input", task.input]).current_dir(task.folder);
        command
    }

    /// Makes the command that starts an application, which runs until it is ended.
    pub(crate) fn run(&self, system: System, task: &Task<'_>) -> Command {
        match system {
            System::Clout => {
                let mut command = self.clout(&["run", "--clock", "event", "--half-life", "7d"], task);
                command.args(["--lag", "3650d", "--workers", "2"]);
                command
            }
            System::Flink => {
                let opens = FLINK_OPENS.map(|package| format!("--add-opens=java.base/java.{package}=ALL-UNNAMED"));
                self.java("flink", &opens, "clout.peers.FlinkJob", task)
            }
            System::Streams => self.java("streams", &[], "clout.peers.StreamsJob", task),
        }
    }

    fn java(&self, peer: &str, options: &[String], class: &str, task: &Task<'_>) -> Command {
        let jars = self.peers.join(peer);
        let mut path = joined("", &jars.join("*"));
        path.push(joined(":", &jars.join("lib/*")));
        let mut command = Command::new("java");
        command.arg(format!("-Xmx{}", self.heap)).arg("-XX:+UseParallelGC").args(options);
        command.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn").arg("-cp").arg(path).arg(class);
        command.args([task.brokers, task.input, &output(task.application), task.application]);
        command.arg(task.folder.join("state")).current_dir(task.folder);
        command
    }
}

/// The topic that an application publishes in.
pub(crate) fn output(application: &str) -> String {
    kafka::Topics::of(application).scores
}

/// Finds the folder that cargo builds into: this program lies there itself.
fn target() -> Result<PathBuf, Failure> {
    let program = env::current_exe()?;
    let target = program.parent().and_then(Path::parent);
    Ok(target.ok_or("the folder of this program is not known")?.to_owned())
}

fn build(what: &str, mut command: Command, target: &Path) -> Result<(), Failure> {
    eprintln!("{what} builds");
    command.current_dir(ROOT);
    let log = tempfile::Builder::new().prefix("peers-build").tempfile_in(target)?;
    Running::start(what, command, log.path())?.finish(BUILD)
}

fn joined(text: &str, path: &Path) -> OsString {
    let mut joined = OsString::from(text);
    joined.push(path);
    joined
}
