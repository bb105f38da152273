//! One process of the program, and what is done to it.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const LOOK: Duration = Duration::from_millis(20);

/// A process that works, until the test ends at the latest.
pub(crate) struct Member {
    child: Child,
    pub(crate) name: String,
    told: PathBuf,
    /// Bytes that earlier processes of this name have told.
    told_before: usize,
}

/// What a process has left.
pub(crate) struct Ran {
    /// `None` if it was killed.
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

impl Member {
    /// Starts it; what it tells goes to a file of its own.
    pub(crate) fn start(mut command: Command, name: &str, told: PathBuf) -> Member {
        let file = File::options().create(true).append(true).open(&told).expect("a file for what it tells");
        let told_before = file.metadata().expect("it is there").len() as usize;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let child = command.spawn().expect("the program starts");
        Member { child, name: name.to_owned(), told, told_before }
    }

    /// The system's number of it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power cut does.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        let status = self.child.wait().expect("it is ours");
        assert_eq!(status.code(), None, "{} had ended before: {}", self.name, self.told());
    }

    /// Stops it where it is, in the middle of whatever it does.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    /// Asks it to end, which it does in good order; how long that took.
    pub(crate) fn terminate(self, within: Duration) -> Duration {
        let (name, began) = (self.name.clone(), Instant::now());
        let ran = self.end(within);
        assert_eq!(ran.code, Some(0), "{name} was asked to end: {}", ran.stderr);
        began.elapsed()
    }

    /// Asks all of them to end at once: what one of them takes over while it ends itself, and tells others, would be taken by nobody.
    pub(crate) fn terminate_all(members: Vec<Member>, within: Duration) {
        members.iter().for_each(|member| member.signal("-TERM"));
        for member in members {
            let name = member.name.clone();
            let ran = member.wait(within);
            assert_eq!(ran.code, Some(0), "{name} was asked to end: {}", ran.stderr);
        }
    }

    /// Asks it to end, in whatever order.
    pub(crate) fn end(self, within: Duration) -> Ran {
        self.signal("-TERM");
        self.wait(within)
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(mut self, within: Duration) -> Ran {
        let until = Instant::now() + within;
        loop {
            if let Some(status) = self.status() {
                return Ran { code: status.code(), stderr: self.told() };
            }
            assert!(Instant::now() < until, "{} does not end within {within:?}: {}", self.name, self.told());
            thread::sleep(LOOK);
        }
    }

    /// Whether it runs, and has not given up.
    pub(crate) fn check(&mut self) {
        if let Some(status) = self.status() {
            panic!("{} has ended with {status}: {}", self.name, self.told());
        }
    }

    /// Waits until it has ended with an error that has all these parts.
    #[track_caller]
    pub(crate) fn gives_up(self, within: Duration, parts: &[&str]) -> Ran {
        let ran = self.wait(within);
        let error = ran.stderr.lines().rfind(|line| line.starts_with("error: ")).unwrap_or_default();
        for part in parts {
            assert!(error.contains(part), "{part:?} is not in {error:?}\n{}", ran.stderr);
        }
        ran
    }

    /// All that processes of this name have told so far.
    pub(crate) fn told(&self) -> String {
        fs::read_to_string(&self.told).unwrap_or_default()
    }

    /// All that this one has told so far.
    pub(crate) fn told_itself(&self) -> String {
        self.told().split_off(self.told_before)
    }

    fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is ours")
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "{} is not there any more: {}", self.name, self.told());
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
