//! A process that was started, and its end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{Failure, interrupt};

/// For an end in good order.
const END: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(50);
/// Of what a process wrote, so many lines tell why it ended.
const TOLD_LINES: usize = 20;

/// It ends with this value, at the latest.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    what: String,
    log: PathBuf,
}

impl Running {
    /// Starts it; what it writes goes behind what is in the log.
    pub(crate) fn start(what: &str, mut command: Command, log: &Path) -> Result<Running, Failure> {
        let output = File::options().create(true).append(true).open(log)?;
        let errors = output.try_clone()?;
        let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        let child = child.map_err(|error| format!("{what} does not start: {error}"))?;
        Ok(Running { child, what: what.to_owned(), log: log.to_owned() })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// # Errors
    /// If it has ended: with its last lines.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        let Some(status) = self.child.try_wait()? else { return Ok(()) };
        let text = fs::read_to_string(&self.log)?;
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(TOLD_LINES)..].join("\n");
        Err(format!("{} has ended, {status}:\n{last}", self.what).into())
    }

    /// Waits until it has ended well by itself.
    pub(crate) fn finish(mut self, within: Duration) -> Result<(), Failure> {
        let until = Instant::now() + within;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > until {
                return Err(format!("{} has not ended after {within:?}", self.what).into());
            }
            interrupt::pause(LOOK)?;
        }
        if self.child.wait()?.success() { Ok(()) } else { self.check() }
    }

    /// Ends it in good order, or else at once.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        if let Some(pid) = i32::try_from(self.id()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::TERM)?;
        }
        let until = Instant::now() + END;
        while self.child.try_wait()?.is_none() && Instant::now() < until {
            interrupt::pause(LOOK)?;
        }
        Ok(())
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no luck; exit 3"]);
        let failed = Running::start("a test", command, &folder.path().join("log")).unwrap();
        let error = failed.finish(Duration::from_secs(60)).unwrap_err().to_string();
        assert!(error.contains("a test has ended") && error.contains("no luck"), "{error}");
    }

    #[test]
    fn what_runs_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sleep");
        command.arg("600");
        let mut running = Running::start("a test", command, &folder.path().join("log")).unwrap();
        running.check().unwrap();
        let process = running.id();
        running.stop().unwrap();
        assert!(!Path::new(&format!("/proc/{process}")).exists());
    }
}
