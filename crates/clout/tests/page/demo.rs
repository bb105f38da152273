//! The program's demo, as somebody starts it at a terminal.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A demo that runs.
pub(crate) struct Demo {
    child: Child,
    pub(crate) address: String,
}

impl Demo {
    /// Starts one with these options, and reads where it is.
    pub(crate) fn start(options: &str) -> Demo {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clout"));
        command.arg("demo").args(options.split_whitespace()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        stdout.read_line(&mut first).unwrap();
        child.stdout = Some(stdout.into_inner());
        let address = first.trim().strip_prefix("Clout is live on ").expect("it says where it is").to_owned();
        Demo { child, address }
    }

    /// Its port.
    pub(crate) fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Presses Ctrl-C, and gives the exit code.
    pub(crate) fn interrupt(mut self) -> Option<i32> {
        self.signal("-INT");
        self.child.wait().unwrap().code()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // What has ended already need not be ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
