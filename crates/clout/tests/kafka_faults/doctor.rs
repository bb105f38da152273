//! What `clout doctor` finds: faults that are planted one by one, and none where all is well.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Output};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use testbroker::Broker;

use super::weed::Weed;
use crate::cluster::{Events, Expected, NewTopics, Options, Scene, verify};

/// A process that ends does so within this time.
const SOON: Duration = Duration::from_secs(15);

/// The doctor of a process that would be started so, with these arguments over its configuration.
pub(crate) fn doctor(scene: &Scene, arguments: &[&str]) -> Output {
    let process = scene.command("a", 1);
    let mut command = Command::new(process.get_program());
    command.arg("doctor").args(process.get_args().skip(1)).args(arguments);
    command.current_dir(process.get_current_dir().expect("a folder")).output().expect("it runs")
}

/// The verdicts by check, and all that is said.
fn findings(output: &Output) -> (BTreeMap<String, Vec<String>>, String) {
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut verdicts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let report: serde_json::Value = serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    for finding in report["findings"].as_array().expect("findings") {
        let text = |name: &str| finding[name].as_str().expect("text").to_owned();
        verdicts.entry(text("check")).or_default().push(text("verdict"));
    }
    (verdicts, told)
}

/// Sees that one check has this verdict, with these words, and that the exit code says whether there are faults.
#[track_caller]
fn finds(scene: &Scene, arguments: &[&str], check: &str, verdict: &str, words: &[&str]) {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    let output = doctor(scene, &arguments);
    let (verdicts, told) = findings(&output);
    assert!(verdicts[check].iter().any(|found| found == verdict), "{check} is not a {verdict}: {told}");
    words.iter().for_each(|word| assert!(told.contains(word), "{word:?} is not told: {told}"));
    let has_faults = verdicts.values().flatten().any(|verdict| verdict == "fault");
    assert_eq!(output.status.code(), Some(i32::from(has_faults)), "{output:?}");
}

/// An application whose topics differ in some properties from those that tests use.
fn scene(broker: &Broker, properties: &[(&str, &[(&str, &str)])]) -> Scene {
    let scene =
        Scene::without_topics(broker.brokers(), &Options { partitions: 2, clock: "wall", ..Options::default() });
    let of = |topic: &str, usual: &'static [(&'static str, &'static str)]| -> Vec<(&str, &str)> {
        let own = properties.iter().find(|(end, _)| topic.ends_with(&format!("-{end}")));
        own.map_or_else(|| usual.to_vec(), |(_, own)| own.to_vec())
    };
    let for_ever: &[(&str, &str)] = &[("retention.ms", "-1"), ("retention.bytes", "-1")];
    let [input, exchange, journal, scores, letters] = scene.topics();
    let topics = [
        (input, of(input, &[("retention.ms", "-1")])),
        (exchange, of(exchange, for_ever)),
        (journal, of(journal, for_ever)),
        (scores, of(scores, &[("cleanup.policy", "compact")])),
        (letters, of(letters, &[])),
    ];
    let topics: Vec<(&str, &[(&str, &str)])> =
        topics.iter().map(|(name, properties)| (*name, properties.as_slice())).collect();
    let topics: NewTopics<'_> = &topics;
    scene.admin().create_topics(topics, 2);
    scene
}

#[test]
fn what_is_well_is_told_as_well_and_nothing_is_left_behind() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = scene(broker, &[]);
    let place = scene.checkpoints();
    let place = place.to_str().expect("a path in UTF-8");
    let two = format!("{},127.0.0.1:1", broker.brokers());
    let (verdicts, told) = findings(&doctor(&scene, &["--checkpoints", place, "--brokers", &two, "--json"]));
    // One broker keeps one copy.
    let copies = verdicts["copies"].iter().all(|verdict| verdict == "warning");
    let rest = verdicts.iter().filter(|(check, _)| *check != "copies").flat_map(|(_, verdicts)| verdicts);
    assert!(copies && rest.clone().count() == 11 && rest.into_iter().all(|verdict| verdict == "fine"), "{told}");
    assert_eq!(fs::read_dir(place).expect("it is made").count(), 1, "the application's folder");
    let ends = scene.topics().map(|topic| scene.admin().ends(topic, 2, true));
    assert!(ends.iter().flatten().all(|&end| end == 0), "{ends:?}");
    // For people.
    let output = doctor(&scene, &[]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.code() == Some(0) && told.lines().any(|line| line.starts_with("ok       brokers")), "{told}");
    let (verdicts, told) = findings(&doctor(&scene, &["--offline", "--brokers", "127.0.0.1:1", "--json"]));
    assert!(verdicts["brokers"] == ["skipped"] && verdicts["checkpoints"] == ["skipped"], "{told}");
}

#[test]
fn faults_of_the_configuration_and_of_this_host() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = scene(broker, &[]);
    let input = scene.names.input.as_str();
    finds(&scene, &["--brokers", "127.0.0.1:1"], "brokers", "fault", &["no broker answers at 127.0.0.1:1"]);
    finds(&scene, &["--offline", "--checkpoints", "here"], "settings", "warning", &["name it in full"]);
    finds(&scene, &["--offline", "--clock", "event"], "settings", "warning", &["for history"]);
    finds(&scene, &["--offline"], "settings", "warning", &["name several"]);
    finds(&scene, &["--input", "nowhere"], "topics", "fault", &["nowhere is missing", "clout topics create"]);
    let file = scene.folder_of("file");
    fs::write(&file, "no folder").expect("it can be written");
    let file = file.to_str().expect("a path in UTF-8");
    finds(&scene, &["--checkpoints", file], "checkpoints", "fault", &["checkpoints cannot be kept at"]);
    finds(&scene, &["--checkpoints", "ftp://a/b"], "checkpoints", "fault", &["s3://, az:// or gs://"]);
    let mistyped = ["--checkpoints", "s3://a/b", "--checkpoint-option", "aws_regoin=eu"];
    finds(&scene, &mistyped, "checkpoints", "fault", &["is not an option of S3"]);
    // What is no configuration has the exit code of all commands.
    for wrong in [&["--workers", "none"][..], &["--input", input, "--input", input], &["--kafka", "sasl.pasword=a"]] {
        assert_eq!(doctor(&scene, wrong).status.code(), Some(2), "{wrong:?}");
    }
    let process = scene.command("a", 1);
    let config = process.get_args().nth(2).expect("a file").to_str().expect("UTF-8");
    let line = format!("ulimit -n 512; {} doctor --config {config} --offline --json", process.get_program().display());
    let limited = Command::new("bash").args(["-c", &line]).output().expect("bash runs");
    assert_eq!(findings(&limited).0["open files"], ["warning"], "{limited:?}");
}

/// An application whose input has one record, stamped so many seconds ahead of now.
fn stamped_ahead(broker: &Broker, secs: i64) -> Scene {
    let scene = scene(broker, &[]);
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", broker.brokers()).create().expect("a producer");
    let at_ms = jiff::Timestamp::now().as_millisecond() + secs * 1_000;
    let record = BaseRecord::<(), _>::to(&scene.names.input).partition(1).payload("{}").timestamp(at_ms);
    producer.send(record).map_err(|(error, _)| error).expect("there is room");
    producer.flush(Duration::from_secs(20)).expect("it is taken");
    scene
}

#[test]
fn faults_of_topics_and_of_the_group() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let hour: &[(&str, &str)] = &[("retention.ms", "3600000")];
    finds(&scene(broker, &[("events", hour)]), &[], "retention", "warning", &["for 1 h", "after 24 h"]);
    finds(&scene(broker, &[("events", hour)]), &["--outage", "30m"], "retention", "fine", &[]);
    finds(&stamped_ahead(broker, 30), &[], "clocks", "fine", &[]);
    finds(&stamped_ahead(broker, 600), &[], "clocks", "warning", &["-events[1]@0 is stamped more than a minute ahead"]);
    let bytes: &[(&str, &str)] = &[("retention.bytes", "1000000")];
    finds(&scene(broker, &[("events", bytes)]), &[], "retention", "warning", &["retention.bytes"]);
    let strict: &[(&str, &str)] = &[("min.insync.replicas", "2")];
    finds(&scene(broker, &[("dead-letters", strict)]), &[], "copies", "fault", &["nothing can be written"]);
    finds(&scene(broker, &[]), &[], "copies", "warning", &["gone with its broker"]);
    let compact: &[(&str, &str)] = &[("cleanup.policy", "compact")];
    finds(&scene(broker, &[("journal", compact)]), &[], "topics", "fault", &["no shard could be restored"]);
    let small: &[(&str, &str)] = &[("max.message.bytes", "1000")];
    finds(&scene(broker, &[("scores", small)]), &[], "topics", "fault", &["max.message.bytes"]);
    let grown = scene(broker, &[]);
    grown.admin().grow_topic(&grown.names.scores, 3);
    finds(&grown, &[], "topics", "fault", &["has 3 partitions"]);
    let spoiled = scene(broker, &[]);
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", broker.brokers()).create().expect("a producer");
    for topic in [&spoiled.names.journal, &spoiled.names.exchange] {
        let record = BaseRecord::<(), _>::to(topic).partition(1).payload("not ours");
        producer.send(record).map_err(|(error, _)| error).expect("there is room");
    }
    producer.flush(Duration::from_secs(20)).expect("it is taken");
    finds(
        &spoiled,
        &[],
        "restores",
        "fault",
        &[
            "shard 1 cannot be restored",
            "-journal[1]@0 is not a record of a journal",
            "shard 1 stops",
            "-exchange[1]@0 is not what shards tell each other",
        ],
    );
    let foreign = scene(broker, &[]);
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", broker.brokers()).set("group.id", &foreign.id);
    let consumer: BaseConsumer = client.create().expect("a consumer");
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(&foreign.names.input, 0, Offset::Offset(0)).expect("a place");
    consumer.commit(&offsets, CommitMode::Sync).expect("the broker answers");
    finds(&foreign, &[], "group", "fault", &["used by another application"]);
}

/// Records that a restore would read are deleted: from the older checkpoint first, then from both.
#[test]
fn records_that_a_restore_needs_and_that_are_gone() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let options = Options { partitions: 1, checkpoint_every: "300ms", ..Options::default() };
    let scene = Scene::new(broker.brokers(), &options);
    let place = scene.checkpoints();
    let here = ["--checkpoints", place.to_str().expect("a path in UTF-8")];
    finds(&scene, &here, "restores", "fine", &["there are no checkpoints in "]);
    let (witness, events) = (scene.witness(), Events::generated(400, 40));
    let (acts, feeder) = (events.acts(), scene.feeder());
    let mut member = scene.start("a", 1);
    // Each part gets a checkpoint.
    for part in acts.chunks(100) {
        feeder.feed(part, usize::MAX);
        scene.drain(&witness, &mut [&mut member]);
    }
    // The last ones go behind the checkpoints.
    member.kill();
    feeder.feed(&acts[..100], usize::MAX);
    finds(&scene, &here, "restores", "fine", &["have what checkpoints need"]);
    // From another folder of this host they are found as well, where the last owner has noted them.
    let another = scene.folder_of("another");
    finds(
        &scene,
        &["--checkpoints", another.to_str().expect("UTF-8")],
        "restores",
        "fine",
        &["have what checkpoints need"],
    );
    let end = scene.admin().ends(&scene.names.input, 1, true)[0];
    let needed: Vec<i64> = {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clout"));
        let process = scene.command("a", 1);
        command.arg("state").args(process.get_args().skip(1)).args(here).arg("--json");
        let output = command.current_dir(process.get_current_dir().expect("a folder")).output().expect("it runs");
        let state: serde_json::Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        vec![state["checkpoints"][0]["inputs"][0]["next"].as_i64().expect("an offset")]
    };
    assert!(needed[0] < end, "{needed:?} {end}");
    scene.admin().delete_records(&scene.names.input, &[end]);
    finds(&scene, &here, "restores", "fault", &["shard 0 cannot be restored", "needs", "raise retention.ms"]);
    fs::remove_dir_all(&place).expect("it was there");
    finds(&scene, &here, "restores", "fault", &["shard 0 cannot be restored", "there is no checkpoint of it in "]);
}

/// What the doctor says of topics that are gone, or were made anew, is what mends it.
#[test]
fn an_application_whose_input_was_deleted_goes_on_under_the_id_that_is_advised() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let options = Options { partitions: 2, ..Options::default() };
    let old = Scene::new(broker.brokers(), &options);
    let events = Events::generated(200, 20);
    let (witness, acts) = (old.witness(), events.acts());
    let mut member = old.start("a", 1);
    old.feeder().feed(&acts, usize::MAX);
    old.drain(&witness, &mut [&mut member]);
    member.terminate(SOON);
    let place = old.checkpoints();
    let here = ["--checkpoints", place.to_str().expect("a path in UTF-8")];
    finds(&old, &here, "topics", "fine", &["with 2 partitions"]);
    old.admin().delete_topic(&old.names.input);
    let advised = ["start under a new application id", "`clout topics create --inputs`"];
    let missing = [&advised[..], &["-events is missing, and the application has worked with it"]].concat();
    finds(&old, &here, "topics", "fault", &missing);
    old.start("a", 1).gives_up(SOON, &missing);
    // One who makes it anew all the same is told as well.
    old.create(&old.names.input);
    finds(&old, &here, "topics", "fault", &[&advised[..], &["-events was deleted and created anew"]].concat());
    old.admin().delete_topic(&old.names.input);

    let mut new = Scene::without_topics(broker.brokers(), &options);
    new.names.input = old.names.input.clone();
    let process = new.command("a", 1);
    let mut create = Command::new(process.get_program());
    create.args(["topics", "create", "--inputs", "--partitions", "2"]).args(process.get_args().skip(1));
    let created = create.current_dir(process.get_current_dir().expect("a folder")).output().expect("it runs");
    assert!(created.status.success(), "{created:?}");
    finds(&new, &here, "topics", "fine", &["with 2 partitions"]);
    let witness = new.witness();
    let mut member = new.start("a", 1);
    new.feeder().feed(&acts, usize::MAX);
    new.drain(&witness, &mut [&mut member]);
    member.terminate(SOON);
    verify(&new, &witness, &Expected { acts: &acts, refused: 0 });
}

#[test]
fn each_topic_that_an_application_has_lost_is_told_and_dead_letters_are_made_anew() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let options = Options { partitions: 2, ..Options::default() };
    let scene = Scene::new(broker.brokers(), &options);
    let events = Events::generated(200, 20);
    let witness = scene.witness();
    let mut member = scene.start("a", 1);
    scene.feeder().feed(&events.acts(), usize::MAX);
    scene.drain(&witness, &mut [&mut member]);
    member.terminate(SOON);
    scene.admin().delete_topic(&scene.names.dead_letters);
    finds(&scene, &[], "topics", "fault", &["-dead-letters is missing", "make what is the application's own"]);
    scene.create(&scene.names.dead_letters);
    finds(&scene, &[], "topics", "fine", &[]);
    // A name that is mistyped was never read.
    finds(
        &scene,
        &["--input", "nowhere"],
        "topics",
        "fault",
        &["nowhere is missing", "the inputs as well with --inputs"],
    );
    let [_, exchange, journal, scores, _] = scene.topics();
    let lost = |told: String| finds(&scene, &[], "topics", "fault", &[&told, "new application id"]);
    for topic in [exchange, journal] {
        scene.admin().delete_topic(topic);
        lost(format!("{topic} is missing, and the application has worked with it"));
        scene.create(topic);
        lost(format!("{topic} was deleted and created anew"));
    }
    scene.admin().delete_topic(scores);
    lost(format!("{scores} is missing, and the application has worked with it"));
}

#[test]
fn faults_of_an_object_store() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = scene(broker, &[]);
    let Some(mut weed) = Weed::start(&scene.folder_of("weed")) else { return };
    let options = |key: &str, secret: &str| weed.options(key, secret);
    for (key, secret, verdict, words) in [
        ("clout", "pa55word", "fine", &["can be listed, written, read and deleted"][..]),
        ("clout", "wrong", "fault", &["SignatureDoesNotMatch"]),
        ("reader", "pa55word", "fault", &["writing is refused", "s3:PutObject"]),
    ] {
        let options = options(key, secret);
        let arguments: Vec<&str> = options.iter().map(String::as_str).collect();
        finds(&scene, &arguments, "checkpoints", verdict, words);
    }
    let options = options("clout", "pa55word");
    weed.kill();
    let arguments: Vec<&str> = options.iter().map(String::as_str).collect();
    finds(&scene, &arguments, "checkpoints", "fault", &["does not answer", "check that the store runs"]);
}
