//! The process of one broker, and the folder of its data.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/test-broker/broker");

/// What the script exits with where there is no Java or no Maven.
const UNAVAILABLE: i32 = 69;

/// The script, for one of its commands, and for the version that was asked for.
pub(crate) fn script(action: &str) -> Command {
    let mut command = Command::new(SCRIPT);
    command.arg(action);
    if let Some(version) = std::env::var_os("CLOUT_KAFKA_VERSION").filter(|version| !version.is_empty()) {
        command.arg("--kafka").arg(version);
    }
    command
}

/// What one of Kafka's own tools, by the name of its class, says of these brokers.
pub(crate) fn tool(brokers: &str, class: &str, arguments: &[&str]) -> Output {
    let told = script("jars").output().expect("bash runs the broker's script").stdout;
    let jars = PathBuf::from(String::from_utf8_lossy(&told).trim()).join("*");
    let mut command = Command::new("java");
    command.args(["-Xmx100m", "-XX:TieredStopAtLevel=1", "-cp"]).arg(jars).arg(class);
    command.args(["--bootstrap-server", brokers]).args(arguments).output().expect("java runs")
}

/// Whether the script says that there is no Java or no Maven; any other failure is ours.
pub(crate) fn is_unavailable(code: Option<i32>) -> bool {
    assert_eq!(code, Some(UNAVAILABLE), "the broker does not start: the reason stands above");
    true
}

/// A folder that is removed in the end.
#[derive(Debug)]
pub(crate) struct Data(PathBuf);

impl Data {
    pub(crate) fn new() -> Data {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Data(std::env::temp_dir().join(format!("clout-broker-{}-{number}", std::process::id())))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        // One that was never made need not be removed.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// For how long a broker is wanted: one that compiles its code lightly starts with half the work, and is slower later.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Life {
    Minutes,
    Measured,
}

/// A broker that runs.
#[derive(Debug)]
pub(crate) struct Process {
    script: Child,
    /// The broker lives while this is open.
    input: Option<ChildStdin>,
    brokers: String,
    java: String,
}

impl Process {
    /// Starts one and waits until it takes requests; `None` where there is no Java or no Maven.
    pub(crate) fn start(data: &Path, life: Life, properties: &[(&str, &str)], format: &[&str]) -> Option<Process> {
        let mut command = script("run");
        command.args(["--remove", "--data"]).arg(data);
        match life {
            Life::Minutes => command.arg("--short"),
            // Kafka's own default.
            Life::Measured => command.args(["--heap", "1g"]),
        };
        properties.iter().for_each(|(name, value)| _ = command.arg("--set").arg(format!("{name}={value}")));
        format.iter().for_each(|argument| _ = command.arg("--format").arg(argument));
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = piped.spawn().expect("bash runs the broker's script");
        let input = script.stdin.take();
        let mut line = String::new();
        let output = script.stdout.take().expect("the output is a pipe");
        BufReader::new(output).read_line(&mut line).expect("the script writes text");
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            [brokers, java, ..] => Some(Process { script, input, brokers: brokers.to_owned(), java: java.to_owned() }),
            _ => {
                is_unavailable(script.wait().expect("the script ends").code());
                None
            }
        }
    }

    pub(crate) fn brokers(&self) -> &str {
        &self.brokers
    }

    pub(crate) fn id(&self) -> Option<u32> {
        self.java.parse().ok()
    }

    pub(crate) fn signal(&self, option: &str) {
        let sent = Command::new("kill").args([option, &self.java]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the broker is not there any more");
    }

    /// Asks the broker to end in good order, its data stay.
    pub(crate) fn terminate(mut self) {
        self.signal("-TERM");
        self.script.wait().expect("the script ends with the broker");
    }

    /// Kills the broker, its data stay. The script must see it while its input is open.
    pub(crate) fn kill(mut self) {
        self.signal("-KILL");
        self.script.wait().expect("the script ends with the broker");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.input = None;
        // It has nothing more to say, and the system keeps nothing of it.
        let _ = self.script.wait();
    }
}
