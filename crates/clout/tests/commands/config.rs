//! What a configuration says, by file, environment and flags, and what is told of one that is not understood.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use clap::Parser;
use clout::config::{Config, RunFlags};
use expect_test::{Expect, expect};
use vocabulary::Kind;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    flags: RunFlags,
}

/// A file that is gone after the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(text: &str) -> Scratch {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("clout-config-{}-{}.toml", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).expect("a file is written");
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// What the three layers say together, or what is told of them.
fn load(file: &str, environment: &[(&str, &str)], flags: &[&str]) -> Result<Config, String> {
    let file = Scratch::new(file);
    let path = file.0.to_str().expect("a path in UTF-8");
    let line = ["clout", "--config", path].into_iter().chain(flags.iter().copied());
    let line = Line::try_parse_from(line).map_err(|error| error.to_string())?;
    let environment = environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
    Config::of(&line.flags, environment).map_err(|error| error.to_string().replace(path, "clout.toml"))
}

fn refused(file: &str, environment: &[(&str, &str)], flags: &[&str], expected: &Expect) {
    let told = load(file, environment, flags).map(|_| ()).expect_err("it is not understood");
    expected.assert_eq(&told);
}

#[test]
fn nothing_said_is_a_whole_configuration() {
    let config = load("", &[], &[]).expect("defaults");
    assert_eq!(config.application_id, "clout");
    assert_eq!(config.workers, 1);
    // Events are believed to be as old as they say where they move the clock alone.
    let room = influence::Room { lateness_ms: Some(3_600_000), ..influence::Room::default() };
    assert_eq!(config.model, influence::Model { room, ..influence::Model::default() });
    let recorded = load("clock = \"event\"", &[], &[]).expect("a clock");
    assert_eq!(recorded.model, influence::Model::default());
    assert_eq!(config.hash_key, None, "no key that everybody knows is in force");
    assert_eq!(config.pace, pipeline::Pace::default());
    assert_eq!(config.connection().brokers(), "localhost:9092");
    assert_eq!(config.settings(4, influence::HashKey::new([1, 2])).inputs[0].topic, "events");
    assert_eq!(config.topics().journal, "clout-journal");
    assert_eq!(config.topics().history, None);
}

#[test]
fn days_are_closed_where_somebody_says_so() {
    let day_ms = |config: &Config| config.settings(4, influence::HashKey::new([1, 2])).closes_ms;
    let config = load("[history]\ncloses = true", &[], &[]).expect("it is known");
    assert_eq!((config.topics().history.as_deref(), day_ms(&config)), (Some("clout-history"), Some(86_400_000)));
    let config = load("[history]\ncloses = true", &[("CLOUT_HISTORY_CLOSES", "false")], &[]).expect("it is known");
    assert_eq!((config.topics().history, day_ms(&config)), (None, None));
    let refused = load("[history]\ncloses = \"daily\"", &[], &[]).expect_err("it is no such word");
    assert!(refused.contains("history.closes") && refused.contains("true, false"), "{refused}");
}

#[test]
fn of_what_is_said_twice_the_later_layer_wins() {
    let file = "workers = 2\napplication_id = \"a\"\n[model]\nhalf_life = \"1d\"\n[kafka]\nbootstrap.servers = \"f:1\"";
    let environment = [("CLOUT_WORKERS", "3"), ("CLOUT_APPLICATION_ID", "b"), ("CLOUT_KAFKA_BOOTSTRAP_SERVERS", "e:1")];
    let config = load(file, &environment, &["--workers", "4"]).expect("all is understood");
    assert_eq!((config.workers, config.application_id.as_str()), (4, "b"));
    assert_eq!((config.model.half_life_ms, config.model.window_ms), (86_400_000, 6 * 86_400_000));
    assert_eq!(config.connection().brokers(), "e:1");
    let config = load(file, &environment, &["--brokers", "l:1"]).expect("all is understood");
    assert_eq!(config.connection().brokers(), "l:1");
}

#[test]
fn kinds_weigh_what_each_layer_says() {
    let file = "[model.kinds]\nlike = 0.5\nreply = 1";
    let config = load(file, &[("CLOUT_MODEL_KINDS", "like=0.125,RT=2")], &["--kind-weight", "quote=3"]).unwrap();
    let weights = Kind::COUNTED.map(|kind| (kind.word(), config.model.weights[kind]));
    assert_eq!(weights, [("mention", 1.0), ("retweet", 2.0), ("reply", 1.0), ("like", 0.125), ("quote", 3.0)]);
}

#[test]
fn inputs_are_said_in_three_ways() {
    let file = "[[inputs]]\ntopic = \"a\"\nencoding = \"json\"\nkind = \"reply\"\n[[inputs]]\ntopic = \"p\"\nholds = \"profiles\"";
    let topics = |config: &Config| config.inputs.iter().map(|input| format!("{input:?}")).collect::<Vec<_>>();
    let in_file = load(file, &[], &[]).expect("a file");
    assert_eq!(
        topics(&in_file),
        topics(&load("", &[("CLOUT_INPUTS", "a:json:reply, p:profiles")], &[]).expect("variables"))
    );
    let flags = ["--input", "a:reply:json", "--input", "p:profiles"];
    let other = "[[inputs]]\ntopic = \"z\"";
    assert_eq!(topics(&in_file), topics(&load(other, &[], &flags).expect("flags")));
}

#[test]
fn secrets_come_from_files_and_are_never_printed() {
    let secret = Scratch::new("pa55word\n");
    let path = secret.0.display();
    let file = format!("[kafka]\nsasl.password.file = \"{path}\"\nsasl.username = \"me\"");
    let shown = format!("{:?}", load(&file, &[], &[]).expect("it is understood"));
    assert!(shown.contains(r#""sasl.password": "(hidden)""#) && !shown.contains("pa55word"), "{shown}");
    let from_variable = [("CLOUT_KAFKA_SASL_PASSWORD_FILE", secret.0.to_str().expect("UTF-8"))];
    let shown = format!("{:?}", load("", &from_variable, &[]).expect("it is understood"));
    assert!(shown.contains(r#""sasl.password": "(hidden)""#), "{shown}");
    let options = "[checkpoints]\noptions.aws_secret_access_key = \"pa55word\"";
    assert!(!format!("{:?}", load(options, &[], &[]).expect("it is understood")).contains("pa55word"));
}

#[test]
fn variables_of_others_are_left_alone() {
    let environment = [("CLOUT_SERVICE_HOST", "10.0.0.1"), ("CLOUT_KAFKA_PORT", "tcp://10.0.0.1:9092")];
    assert!(load("", &environment, &[]).is_ok());
}

#[test]
fn what_is_not_understood_is_told_with_its_place() {
    refused("\nworker = 2", &[], &[], &expect!["clout.toml:2: no key is called worker: did you mean workers?"]);
    refused(
        "[model]\nhalflife = \"1d\"",
        &[],
        &[],
        &expect!["clout.toml:2: no key is called model.halflife: did you mean model.half_life?"],
    );
    refused(
        "[modle]\nhalf_life = \"1d\"",
        &[],
        &[],
        &expect!["clout.toml:1: no key is called modle: did you mean model?"],
    );
    refused("colour = \"red\"", &[], &[], &expect!["clout.toml:1: no key is called colour: did you mean clock?"]);
    refused(
        "[[inputs]]\ntopic = \"a\"\nformat = \"json\"",
        &[],
        &[],
        &expect!["clout.toml:3: no key is called inputs.format; `clout docs configuration` lists all"],
    );
    refused("[[inputs]]\nholds = \"events\"", &[], &[], &expect!["clout.toml:1: inputs: has an entry without a topic"]);
    refused(
        "[[inputs]]\ntopic = \"a\"\n[[inputs]]\ntopic = \"a\"",
        &[],
        &[],
        &expect!["configuration: inputs: names a twice: a topic is read once"],
    );
    refused(
        "inputs = \"a\"",
        &[],
        &[],
        &expect!["clout.toml:1: inputs: wants a table for each topic, under [[inputs]]"],
    );
    refused("kafka = 3", &[], &[], &expect!["clout.toml:1: kafka: wants a table, under [kafka]"]);
    refused(
        "workers = [1]",
        &[],
        &[],
        &expect!["clout.toml:1: workers: wants a single value: text, a number, true or false"],
    );
    refused("workers = 0", &[], &[], &expect![[r#"clout.toml:1: workers: "0" is not a whole number from 1 on"#]]);
    refused("workers = ", &[], &[], &expect!["clout.toml:1: string values must be quoted, expected literal string"]);
    refused(
        "[model]\nhalf_life = 30",
        &[],
        &[],
        &expect!["clout.toml:2: model.half_life: 30 what? add a unit, as in 30ms, 30s, 30m, 30h, 30d, 30w or 30y"],
    );
    refused(
        "[model.kinds]\nlike = 0",
        &[],
        &[],
        &expect!["clout.toml:2: model.kinds.like: the weight of a like is 0, it must be 0.001 to 10"],
    );
    refused(
        "[model]\nkinds.love = 1",
        &[],
        &[],
        &expect![[r#"clout.toml:2: model.kinds.love: "love" is none of retweet, mention, reply, quote, like"#]],
    );
    refused(
        "[model.kinds]\nfollow = 1",
        &[],
        &[],
        &expect![[r#"clout.toml:2: model.kinds.follow: "follow" is none of retweet, mention, reply, quote, like"#]],
    );
    refused("[model]\nkinds = 1", &[], &[], &expect!["clout.toml:2: model.kinds: wants a table, under [model.kinds]"]);
    refused(
        "",
        &[("CLOUT_MODEL_KINDS", "like=much")],
        &[],
        &expect![[r#"CLOUT_MODEL_KINDS: model.kinds.like: "much" is not a number, as in 0.5"#]],
    );
    refused("", &[], &["--kind-weight", "like"], &expect!["--kind-weight: model.kinds: wants NAME=VALUE"]);
    refused("[model]\n\neps = 0.9", &[], &[], &expect!["clout.toml:3: model.eps: eps is 0.9, it must be 5e-7 to 0.5"]);
    refused(
        "[model]\nhash_key = \"abc\"",
        &[],
        &[],
        &expect!["clout.toml:2: model.hash_key: is not a key of 32 hexadecimal digits"],
    );
    refused("[model]\nhash_key.file = \"/nowhere\"", &[], &[], &expect!["clout.toml:2: cannot read /nowhere"]);
    refused(
        "[kafka]\ngroup.id = \"mine\"",
        &[],
        &[],
        &expect!["clout.toml:2: kafka.group.id: is Clout's own to set: leave it out"],
    );
    refused(
        "[kafka]\nbootstrap.server = \"b:1\"",
        &[],
        &[],
        &expect![
            "clout.toml:2: librdkafka has no property for kafka.bootstrap.server: did you mean kafka.bootstrap.servers?"
        ],
    );
    refused(
        "[kafka]\n\nsecurity.protocol = \"tls\"",
        &[],
        &[],
        &expect![[
            r#"clout.toml:3: kafka.security.protocol: Invalid value "tls" for configuration property "security.protocol""#
        ]],
    );
    refused(
        "",
        &[],
        &["--kafka", "session.timeout.ms=soon"],
        &expect![[
            r#"--kafka: kafka.session.timeout.ms: Invalid value for configuration property "session.timeout.ms""#
        ]],
    );
    refused(
        "[kafka]\nsasl.pasword.file = \"/dev/null\"",
        &[],
        &[],
        &expect![
            "clout.toml:2: librdkafka has no property for kafka.sasl.pasword.file: did you mean kafka.sasl.password?"
        ],
    );
    refused(
        "application_id = \"my app\"",
        &[],
        &[],
        &expect![[
            r#"clout.toml:1: application_id: "my app" is no name for topics: 1 to 200 of a-z, A-Z, 0-9, '.', '_' and '-'"#
        ]],
    );
    refused("", &[("CLOUT_CLOCK", "sun")], &[], &expect![[r#"CLOUT_CLOCK: clock: "sun" is none of wall, event"#]]);
    refused(
        "",
        &[("CLOUT_INPUTS", "a:yaml")],
        &[],
        &expect![[
            r#"CLOUT_INPUTS: inputs: "yaml" is none of events, profiles, protobuf, json, confluent, nor a kind of events"#
        ]],
    );
    refused("", &[], &["--start", "now"], &expect![[r#"--start: start: "now" is none of earliest, latest"#]]);
    refused("", &[], &["--kafka", "linger.ms"], &expect!["--kafka: kafka: wants NAME=VALUE"]);
}
