//! The program against a broker, each test under an application id of its own.

use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use testbroker::Broker;

/// A name that no other test has.
pub(crate) fn unique(what: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("{what}-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// The program with these arguments, told where the broker is.
pub(crate) fn clout(broker: &Broker, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clout"));
    command.args(arguments).env("CLOUT_KAFKA_BOOTSTRAP_SERVERS", broker.brokers());
    command
}

/// What it did.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn run(broker: &Broker, arguments: &[&str]) -> Ran {
    let Output { status, stdout, stderr } = clout(broker, arguments).output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Ran { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// Runs it and expects that all is done.
pub(crate) fn done(broker: &Broker, arguments: &[&str]) -> Ran {
    let ran = run(broker, arguments);
    assert_eq!(ran.code, Some(0), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
    ran
}
