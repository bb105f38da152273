//! What `clout run` and `clout serve` say of what they find.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use expect_test::expect;
use testbroker::Broker;

use crate::common::{Scratch, clout, done, read, run, unique};

/// A process that runs in a folder of its own; it ends, if the test does.
pub(crate) struct Running {
    child: Child,
    folder: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Running {
    pub(crate) fn start(broker: &Broker, arguments: &[&str]) -> Running {
        let folder = std::env::temp_dir().join(unique("clout-live"));
        std::fs::create_dir(&folder).expect("a folder");
        let stderr = std::fs::File::create(folder.join("stderr")).expect("a file");
        let mut command = clout(broker, arguments);
        let child = command.current_dir(&folder).stderr(Stdio::from(stderr)).spawn().expect("it starts");
        Running { child, folder }
    }

    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.folder.join("stderr")).expect("text")
    }

    #[track_caller]
    pub(crate) fn until_it_says(&self, what: &str) {
        let until = Instant::now() + Duration::from_secs(60);
        while !self.said().contains(what) {
            assert!(Instant::now() < until, "{what:?} is not said in time:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Asks it to end, and returns what it exits with.
    fn terminate(&mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
        self.ended()
    }

    fn ended(&mut self) -> Option<i32> {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            match self.child.try_wait().expect("a child") {
                Some(status) => return status.code(),
                None if Instant::now() > until => panic!("it does not end:\n{}", self.said()),
                None => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }
}

/// Until so many scores are committed.
#[track_caller]
pub(crate) fn until_scored(broker: &Broker, app: &str, scores: usize) {
    let until = Instant::now() + Duration::from_secs(60);
    while read(broker, &format!("{app}-scores")).len() < scores {
        assert!(Instant::now() < until, "nothing is scored in time");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A log of this moment.
pub(crate) fn recent(events: usize) -> Scratch {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
    let line = |n: usize| format!("u{} v{} {} RT\n", n % 97, n % 31, now - 1);
    Scratch::new("recent.txt", &(0..events).map(line).collect::<String>())
}

#[test]
fn two_processes_of_one_machine_share_the_work_without_a_flag() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (app, events, log) = (unique("two"), unique("events"), recent(3000));
    let name = ["--application-id", &app, "--input", &events];
    done(broker, &[&["topics", "create", "--inputs", "--partitions", "4"], &name[..]].concat());
    let place = std::env::temp_dir().join(&app);
    let arguments = [&["run", "--checkpoints", place.to_str().expect("UTF-8")], &name[..]].concat();
    let mut both = [Running::start(broker, &arguments), Running::start(broker, &arguments)];
    both.iter().for_each(|one| one.until_it_says("joined the group"));
    std::thread::sleep(Duration::from_secs(8));
    done(broker, &[&["feed", log.path(), "-q"], &name[..]].concat());
    until_scored(broker, &app, 31);
    std::thread::sleep(Duration::from_secs(2));
    let said = both.each_ref().map(Running::said);
    for said in &said {
        assert!(!said.contains("begins anew"), "nobody fences anybody off:\n{said}");
    }
    assert_eq!(said.iter().filter(|said| said.contains("_2")).count(), 1, "the second one has a number:\n{said:#?}");
    assert_eq!(both.each_mut().map(Running::terminate), [Some(0), Some(0)]);
    let _ = std::fs::remove_dir_all(&place);
}

#[test]
fn a_parameter_that_changed_is_named_with_what_it_was() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (app, events, log) = (unique("changed"), unique("events"), recent(300));
    let name = ["--application-id", &app, "--input", &events];
    done(broker, &[&["topics", "create", "--inputs", "--partitions", "1"], &name[..]].concat());
    done(broker, &[&["feed", log.path(), "-q"], &name[..]].concat());
    let place = std::env::temp_dir().join(&app);
    let run = [&["run", "--checkpoints", place.to_str().expect("UTF-8")], &name[..]].concat();
    let mut first = Running::start(broker, &run);
    until_scored(broker, &app, 31);
    let refuses = |arguments: &[&str], parts: &[&str]| {
        let mut other = Running::start(broker, arguments);
        assert_eq!(other.ended(), Some(2), "{}", other.said());
        let said = other.said();
        assert!(parts.iter().all(|part| said.contains(part)), "{parts:?}: {said}");
        assert!(
            said.contains("set them back, or start under a new application id") && !said.contains("joined"),
            "{said}"
        );
    };
    refuses(
        &[&run[..], &["--half-life", "7d", "--clock", "event"]].concat(),
        &[
            "clock is event, the application was made with wall",
            "model.half_life is 7d, the application was made with 30d",
            "model.window is 42d, the application was made with 180d",
        ],
    );
    // Another input, one less, and another one in its place.
    let accounts = format!("{app}-accounts");
    done(broker, &["topics", "create", "--inputs", "--application-id", &app, "--input", &events, "--input", &accounts]);
    let profiles = format!("{accounts}:profiles");
    refuses(
        &[&run[..], &["--input", &profiles]].concat(),
        &[
            "inputs is events,profiles, the application was made with events",
            &format!("topics is {events},{accounts}, the application was made with {events}"),
        ],
    );
    let of_other = ["run", "--application-id", &app, "--input", &accounts];
    refuses(&of_other, &[&format!("topics is {accounts}, the application was made with {events}")]);
    assert_eq!(first.said().matches(" has shards ").count(), 1, "nobody has taken any: {}", first.said());
    assert_eq!(first.terminate(), Some(0));
    let mut third = Running::start(broker, &run);
    third.until_it_says("joined the group");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(third.terminate(), Some(0), "as it was it goes on: {}", third.said());
    let _ = std::fs::remove_dir_all(&place);
}

#[test]
fn serve_ends_when_there_is_nothing_to_show() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let app = unique("nothing");
    let began = Instant::now();
    let ran = run(broker, &["serve", "--application-id", &app, "--listen", "127.0.0.1:0"]);
    assert!(began.elapsed() < Duration::from_secs(30), "it took {:?}", began.elapsed());
    let error = ran.stderr.lines().last().unwrap_or_default().replace(&app, "APP");
    expect![[r#"error: topic APP-scores is missing: make what is the application's own with `clout topics create`, the inputs as well with --inputs"#]].assert_eq(&error);
    assert_eq!(ran.code, Some(2));
}

#[test]
fn run_warns_once_when_all_that_comes_is_older_than_the_window() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let (app, events) = (unique("old"), unique("events"));
    let name = ["--application-id", &app, "--input", &events];
    done(broker, &[&["topics", "create", "--inputs", "--partitions", "1"], &name[..]].concat());
    let line = |n: usize| format!("u{} v{} {} RT\n", n % 97, n % 31, 1_577_836_800 + n);
    let log = Scratch::new("log.txt", &(0..3000).map(line).collect::<String>());
    done(broker, &[&["feed", log.path(), "-q"], &name[..]].concat());
    let running = Running::start(broker, &[&["run"], &name[..]].concat());
    let warning = "all events so far are older than the window of 180 days";
    running.until_it_says(warning);
    done(broker, &[&["feed", log.path(), "-q"], &name[..]].concat());
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(running.said().matches(warning).count(), 1, "{}", running.said());
}
