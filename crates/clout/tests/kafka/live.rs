//! What `clout run` and `clout serve` say of what they find.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use expect_test::expect;
use testbroker::Broker;

use crate::common::{Scratch, clout, done, run, unique};

/// Ends the process, if the test does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn serve_ends_when_there_is_nothing_to_show() {
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
    let Some(broker) = Broker::shared() else { return };
    let (app, events) = (unique("old"), unique("events"));
    let name = ["--application-id", &app, "--input", &events];
    done(broker, &[&["topics", "create", "--inputs", "--partitions", "1"], &name[..]].concat());
    let line = |n: usize| format!("u{} v{} {} RT\n", n % 97, n % 31, 1_577_836_800 + n);
    let log = Scratch::new("log.txt", &(0..3000).map(line).collect::<String>());
    done(broker, &[&["feed", log.path(), "-q"], &name[..]].concat());
    let said = Scratch::new("stderr", "");
    let place = said.path().to_owned() + "-checkpoints";
    let stderr = std::fs::File::create(said.path()).expect("a file");
    let arguments = [&["run", "--checkpoints", &place], &name[..]].concat();
    let running = Running(clout(broker, &arguments).stderr(Stdio::from(stderr)).spawn().expect("it starts"));
    let warning = "all events so far are older than the window of 180 days and count nothing";
    let told = || std::fs::read_to_string(said.path()).expect("text").matches(warning).count();
    let until = Instant::now() + Duration::from_secs(60);
    while told() == 0 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(100));
    }
    done(broker, &[&["feed", log.path(), "-q"], &name[..]].concat());
    std::thread::sleep(Duration::from_secs(2));
    drop(running);
    let _ = std::fs::remove_dir_all(&place);
    assert_eq!(told(), 1, "{}", std::fs::read_to_string(said.path()).expect("text"));
}
