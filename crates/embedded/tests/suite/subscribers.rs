//! Whoever subscribes to a log in memory sees what is committed, all of it and nothing else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use embedded::{Manner, Memory, MemoryLog};
use influence::{HashKey, Model, Shard};
use pipeline::{Batch, Clock, Decoder, Holds, Input, Keeper, Pace, RawRecord, Settings, Stamp, Status, Worker};
use vocabulary::{Event, Kind, Profile};
use wire::{Encoding, Framing};

const SHARDS: u16 = 3;
const PROFILES: usize = 0;
const EVENTS: usize = 1;

/// The newest score of everybody, and `None` for who is erased.
type Table = BTreeMap<String, Option<f64>>;

const KEY: HashKey = HashKey::new([1, 2]);

fn settings(hash_key: HashKey, epoch_ms: i64) -> Arc<Settings> {
    let input = |(topic, holds): (&str, Holds)| Input {
        topic: topic.to_owned(),
        holds,
        encoding: Encoding::Protobuf,
        framing: Framing::Bare,
        kind: Kind::Mention,
    };
    Arc::new(Settings {
        model: Model::default(),
        hash_key,
        names: wire::Names::default(),
        shards: SHARDS,
        inputs: [("profiles", Holds::Profiles), ("events", Holds::Events)].map(input).into(),
        exchange: "exchange".to_owned(),
        clock: Clock::Event,
        dedup_window_ms: None,
        closes_ms: None,
        credits: false,
        pace: Pace { epoch_ms, ..Pace::default() },
        checkpoint_every_ms: i64::MAX,
        accepted_gaps: Vec::new(),
    })
}

fn subscribed(memory: &Memory) -> Arc<Mutex<Table>> {
    let table = Arc::new(Mutex::new(Table::new()));
    let seen = Arc::clone(&table);
    memory.subscribe(move |shard, effects| {
        let mut seen = seen.lock().expect("no subscriber panics");
        for published in &effects.scores {
            let (user, score) = shard.record(published).expect("who is published has a record");
            seen.insert(user.to_owned(), Some(score.score));
        }
        seen.extend(effects.removed.iter().map(|removed| (removed.name.to_string(), None)));
    });
    table
}

fn worker(memory: &Memory, epoch_ms: i64) -> Worker<MemoryLog> {
    let log = memory.join();
    (0..SHARDS).for_each(|shard| memory.assign(shard, &log));
    Worker::new(log, settings(KEY, epoch_ms), Keeper::none(), Arc::new(Status::new(SHARDS)))
}

fn turns(worker: &mut Worker<MemoryLog>, number: usize) {
    (0..number).for_each(|_| worker.turn().expect("a log in memory does not fail"));
}

fn append_act(memory: &Memory, offset: i64, actor: &str, target: &str) {
    let event = Event { actor, target, kind: Kind::Retweet, at: 1_000 + offset };
    let mut batch = Batch::new(offset);
    batch.push_event(offset, &event, Stamp::Stored(event.at));
    memory.append(Model::default().partitioner.partition(actor, SHARDS), EVENTS, Arc::new(batch));
}

#[test]
fn scores_and_tombstones_reach_a_subscriber() {
    let memory = Memory::new(SHARDS, &["profiles", "events"], Manner::default());
    let table = subscribed(&memory);
    let mut worker = worker(&memory, 0);
    for (offset, fan) in ["bo", "cy", "dee"].into_iter().enumerate() {
        append_act(&memory, offset as i64, fan, "ana");
    }
    append_act(&memory, 3, "ana", "eve");
    turns(&mut worker, 50);
    let known: Table = worker
        .shards()
        .flat_map(|(_, shard)| shard.scores())
        .map(|(user, score)| (user.to_owned(), Some(score.score)))
        .collect();
    assert_eq!(known.keys().collect::<Vec<_>>(), ["ana", "eve"]);
    assert_eq!(*table.lock().expect("no subscriber panics"), known);

    let mut batch = Batch::new(0);
    batch.push_profile(0, &Profile { user: "eve", opted_out: Some(true), trust: None, ..Profile::default() });
    memory.append(Model::default().partitioner.partition("eve", SHARDS), PROFILES, Arc::new(batch));
    turns(&mut worker, 50);
    assert_eq!(table.lock().expect("no subscriber panics")["eve"], None);
}

#[test]
fn what_a_worker_has_read_and_not_committed_reaches_nobody() {
    let memory = Memory::new(SHARDS, &["profiles", "events"], Manner { keeps: true, ..Manner::default() });
    let table = subscribed(&memory);
    let mut loser = worker(&memory, i64::MAX);
    turns(&mut loser, 1);
    append_act(&memory, 0, "bo", "ana");
    turns(&mut loser, 1);
    assert_eq!(*table.lock().expect("no subscriber panics"), Table::new());

    let mut heir = worker(&memory, 0);
    turns(&mut loser, 1);
    turns(&mut heir, 50);
    let table = table.lock().expect("no subscriber panics");
    assert_eq!(table.keys().collect::<Vec<_>>(), ["ana"]);
}

/// What a shard of few people holds is counted once a second: whoever looks after the first events finds them.
#[test]
fn the_sizes_of_a_small_shard_are_those_of_a_second_ago() {
    let memory = Memory::new(SHARDS, &["profiles", "events"], Manner::default());
    let log = memory.join();
    (0..SHARDS).for_each(|shard| memory.assign(shard, &log));
    let status = Arc::new(Status::new(SHARDS));
    let mut worker = Worker::new(log, settings(KEY, 0), Keeper::none(), Arc::clone(&status));
    let edges = || status.shards().map(|shard| shard.sizes.edges).sum::<u64>();
    turns(&mut worker, 50);
    assert_eq!(edges(), 0, "the shards are live, and empty");
    append_act(&memory, 0, "bo", "ana");
    turns(&mut worker, 50);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    turns(&mut worker, 50);
    assert_eq!(edges(), 1);
}

/// Posts and views among the records are no dead letters: they are counted by reason, and offsets move on.
#[test]
fn records_that_are_no_acts_are_passed_over_and_counted() {
    let mut settings = (*settings(KEY, 0)).clone();
    settings.shards = 1;
    settings.inputs[EVENTS].encoding = Encoding::Json;
    let settings = Arc::new(settings);
    let memory = Memory::new(1, &["profiles", "events"], Manner::default());
    let log = memory.join();
    memory.assign(0, &log);
    let status = Arc::new(Status::new(1));
    let mut worker = Worker::new(log, Arc::clone(&settings), Keeper::none(), Arc::clone(&status));
    let mut decoder = Decoder::new(&settings, EVENTS);
    let records = [
        r#"{"actor":"ana","at":1409144925}"#,
        r#"{"actor":1,"target":2,"at":1409144925,"kind":"reply"}"#,
        r#"{"actor":"ana","target":"","at":1409144925,"kind":"mention"}"#,
        r#"{"actor":"ana","target":"bo","at":1409144925,"kind":"view"}"#,
        r#"{"actor":"ana","target":"bo","at":1409144925,"kind":"#,
        r#"{"actor":"ana","target":null,"at":1409144925,"kind":"mention"}"#,
    ];
    for (offset, record) in (0..).zip(records) {
        let mut batch = Batch::new(offset);
        let stamp = Stamp::Stored(1_409_144_925_000);
        let raw = RawRecord { offset, stamp, key: Some(b"key"), value: Some(record.as_bytes()) };
        decoder.decode(0, &raw, 1_409_144_925_000, &mut batch);
        memory.append(0, EVENTS, Arc::new(batch));
    }
    turns(&mut worker, 50);
    let totals = status.totals();
    assert_eq!((totals.records, totals.refused, totals.skipped), (6, 1, [3, 1]));
    assert_eq!(totals.accepted.total(), 1);
    let people: Vec<_> =
        worker.shards().flat_map(|(_, shard)| shard.scores()).map(|(user, _)| user.to_owned()).collect();
    assert_eq!(people, ["2"]);
}

/// A text that a subscriber of the log writes.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics while writing").write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Two names with one key, both at home in this shard.
fn alike(hash_key: HashKey, shard: u16) -> [String; 2] {
    let hash = Shard::new(Model::default(), hash_key, 0, 1);
    let mut seen = BTreeMap::new();
    let names = (0..).map(|number| format!("n{number}"));
    let mut at_home = names.filter(|name| Model::default().partitioner.partition(name, SHARDS) == shard);
    let alike = at_home.find_map(|name| Some([seen.insert(hash.key(&name), name.clone())?, name]));
    alike.expect("of many names two are alike")
}

/// A worker that scores live leaves the second of two names with one key out, counts what it leaves out, and warns once.
#[test]
fn names_with_one_key_are_counted_and_warned_of_live() {
    let hash_key = KEY.with_bits(16);
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let memory = Memory::new(SHARDS, &["profiles", "events"], Manner::default());
    let table = subscribed(&memory);
    let status = Arc::new(Status::new(SHARDS));
    let joined = memory.join();
    (0..SHARDS).for_each(|shard| memory.assign(shard, &joined));
    let mut worker = Worker::new(joined, settings(hash_key, 0), Keeper::none(), Arc::clone(&status));
    let partition = |name: &str| Model::default().partitioner.partition(name, SHARDS);
    let [first, second] = alike(hash_key, 0);
    let stranger = |shard| (0..).map(|number| format!("s{number}")).find(move |name| partition(name) == shard);
    let (near, far) = (stranger(0).expect("a name"), stranger(1).expect("a name"));
    tracing::subscriber::with_default(subscriber, || {
        append_act(&memory, 0, &near, &first);
        turns(&mut worker, 20);
        for offset in 1..4 {
            append_act(&memory, offset, &near, &second);
            turns(&mut worker, 20);
        }
        // Of the second name the other shard tells; its own people do not know the first.
        append_act(&memory, 0, &far, &second);
        append_act(&memory, 4, &second, &near);
        turns(&mut worker, 20);
        let mut batch = Batch::new(0);
        batch.push_profile(0, &Profile { user: &second, opted_out: Some(true), trust: None, ..Profile::default() });
        memory.append(0, PROFILES, Arc::new(batch));
        turns(&mut worker, 20);
    });
    // Three acts nearby, one from afar, one of its own, and its profile.
    assert_eq!(status.totals().collided, 6);
    let table = table.lock().expect("no subscriber panics");
    assert_eq!(table.keys().collect::<Vec<_>>(), [&first]);
    assert!(table[&first].is_some(), "the first has not opted out");
    let text = String::from_utf8(log.0.lock().expect("nobody panics while writing").clone()).expect("a log is text");
    let warnings: Vec<&str> = text.lines().filter(|line| line.contains("two names have one hash")).collect();
    assert_eq!(warnings.len(), 1, "{text}");
    assert!(warnings[0].contains(" WARN ") && warnings[0].contains(&first) && warnings[0].contains(&second), "{text}");
}
