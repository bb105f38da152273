//! What must hold of an application that has come to rest and whose processes have ended, whatever was done to them.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use oracle::Act;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::Offset;
use vocabulary::{Kind, Received, Score};
use wire::{JournalRecord, OffsetRange, decode_score};

use super::admin::Admin;
use super::scene::{Scene, wait_until};
use super::truth;
use super::witness::{Seen, Witness};

/// A transaction that a killed process left open ends by then.
const HANGING: Duration = Duration::from_secs(30);
/// A subscriber has seen all by then.
const CATCHING_UP: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

/// What went in.
pub(crate) struct Expected<'a> {
    pub(crate) acts: &'a [Act<'a>],
    /// Records that could not be used.
    pub(crate) refused: usize,
}

/// Judges it all.
pub(crate) fn verify(scene: &Scene, witness: &Witness, expected: &Expected<'_>) {
    let admin = scene.admin();
    nothing_hangs(scene, &admin);
    let table = table(scene, &admin);
    // Somebody who reads what is published may be late, after a broker was away.
    let until = Instant::now() + CATCHING_UP;
    let is_late = |seen: &Seen| seen.table != table || seen.dead_letters != expected.refused;
    while Instant::now() < until && is_late(&witness.seen()) {
        thread::sleep(LOOK);
    }
    let seen = &*witness.seen();
    assert!(seen.wrong.is_empty(), "a subscriber saw what must not be: {:#?}", seen.wrong);
    slices_tile(scene, &admin, seen);
    offsets_are_at_the_end(scene, &admin, seen);
    assert_eq!(seen.dead_letters, expected.refused, "dead letters");
    same_tables(&table, &seen.table);
    counts_are_exact(&table, expected.acts);
    truth::check(scene, seen, &table, expected.acts);
}

/// What a new subscriber reads is what one has seen who was there all the time.
fn same_tables(read: &BTreeMap<String, Score>, seen: &BTreeMap<String, Score>) {
    let users: BTreeSet<_> = read.keys().chain(seen.keys()).collect();
    let differ = |user: &&&String| read.get(**user) != seen.get(**user);
    let differing = users.iter().filter(differ).count();
    let first: Vec<_> =
        users.iter().filter(differ).take(5).map(|&user| (user, read.get(user), seen.get(user))).collect();
    assert!(first.is_empty(), "{differing} of {} users are not what a subscriber has seen: {first:#?}", users.len());
}

/// No transaction is left open.
fn nothing_hangs(scene: &Scene, admin: &Admin) {
    for topic in scene.topics() {
        wait_until(&format!("no transaction hangs on {topic}"), HANGING, || {
            admin.ends(topic, scene.partitions, true) == admin.ends(topic, scene.partitions, false)
        });
    }
}

/// Each shard's slices cover its inputs without gap or overlap, from the beginning.
fn slices_tile(scene: &Scene, admin: &Admin, seen: &Seen) {
    for shard in 0..scene.partitions {
        let journal = seen.journals.get(&shard).expect("every shard has a journal");
        let first = &journal[0];
        assert_eq!(first.sequence, 0, "shard {shard} begins in the middle");
        assert!(ranges(first).all(|range| range.next == 0), "shard {shard} does not begin at the beginning");
        for pair in journal.windows(2) {
            let follows = ranges(&pair[0]).zip(ranges(&pair[1])).all(|(before, range)| range.follows(before));
            let is_next = pair[1].sequence == pair[0].sequence + 1;
            assert!(
                follows && is_next,
                "shard {shard}: {:?} does not follow {:?}\n{}",
                pair[1],
                pair[0],
                journal_around(scene, admin, seen, shard, pair[0].sequence)
            );
        }
    }
}

/// Where the records around this sequence are in a shard's journal, by what the witness saw and by what a new reader finds: whether
/// the journal has lost a record, or whoever watched it.
fn journal_around(scene: &Scene, admin: &Admin, seen: &Seen, shard: u16, sequence: u64) -> String {
    let is_near = |record: &JournalRecord| record.shard == shard && record.sequence.abs_diff(sequence) <= 4;
    let mut told = String::from("offset and sequence of the journal's records around it");
    let watched = seen.journals[&shard].iter().zip(&seen.journal_offsets[&shard]);
    let watched: Vec<_> =
        watched.filter(|(record, _)| is_near(record)).map(|(record, &offset)| (offset, record.sequence)).collect();
    told += &format!("\n  seen as they came: {watched:?}");
    for (is_committed, readers) in [(true, "committed ones"), (false, "all, aborted ones as well")] {
        let mut found = Vec::new();
        let mut first = None;
        admin.read_partition(&scene.names.journal, shard.into(), is_committed, |message| {
            first.get_or_insert(message.offset());
            match JournalRecord::decode(message.payload().unwrap_or_default()) {
                Ok(record) if is_near(&record) => found.push(format!("({}, {})", message.offset(), record.sequence)),
                Ok(_) => {}
                Err(error) => found.push(format!("({}, {error})", message.offset())),
            }
        });
        told += &format!("\n  read now, {readers}, of those from offset {first:?} on: {found:?}");
    }
    told
}

/// The inputs' ranges, and then the exchange's.
fn ranges(record: &JournalRecord) -> impl Iterator<Item = OffsetRange> {
    record.inputs.iter().copied().chain([record.exchange])
}

/// The last slices end where the topics end, and so say the group's offsets.
fn offsets_are_at_the_end(scene: &Scene, admin: &Admin, seen: &Seen) {
    let last = |shard| seen.journals[&shard].last().expect("every shard has a journal");
    for (place, topic) in scene.read().enumerate() {
        let ends: Vec<i64> = (0..scene.partitions)
            .map(|shard| ranges(last(shard)).nth(place).expect("a range of each topic").next)
            .collect();
        let committed = admin.committed(&scene.id, topic, scene.partitions);
        assert_eq!(committed, ends.iter().map(|&end| Some(end)).collect::<Vec<_>>(), "offsets of the group on {topic}");
        let from: Vec<Offset> = ends.into_iter().map(Offset::Offset).collect();
        admin.read(topic, &from, |message| {
            panic!("{topic}[{}]@{} was taken by nobody", message.partition(), message.offset());
        });
    }
}

/// The table as somebody finds it who comes now.
fn table(scene: &Scene, admin: &Admin) -> BTreeMap<String, Score> {
    let mut table = BTreeMap::new();
    let from = vec![Offset::Beginning; scene.partitions.into()];
    admin.read(&scene.names.scores, &from, |message| {
        let key = String::from_utf8_lossy(message.key().expect("a user")).into_owned();
        match message.payload() {
            Some(value) => _ = table.insert(key, decode_score(value).expect("a score").1),
            None => _ = table.remove(&key),
        }
    });
    table
}

/// What was received of each kind is what a plain program counts, of everybody.
fn counts_are_exact(table: &BTreeMap<String, Score>, acts: &[Act<'_>]) {
    let (found, counted) = (found(table), counted(acts));
    let differs = |(user, received): &(&&str, &Received)| found.get(**user) != Some(received);
    let wrong: Vec<_> = counted.iter().filter(differs).collect();
    assert!(
        wrong.is_empty(),
        "{} of {} counts differ, such as {:?}, in the table {:?}",
        wrong.len(),
        counted.len(),
        wrong[0],
        found.get(*wrong[0].0)
    );
    assert_eq!(found.len(), counted.len(), "people in the table");
}

/// Whether they are so by now.
pub(crate) fn has_exact_counts(table: &BTreeMap<String, Score>, acts: &[Act<'_>]) -> bool {
    found(table) == counted(acts)
}

fn found(table: &BTreeMap<String, Score>) -> BTreeMap<&str, Received> {
    table.iter().map(|(user, score)| (user.as_str(), score.received)).collect()
}

fn counted<'a>(acts: &[Act<'a>]) -> BTreeMap<&'a str, Received> {
    let mut counted: BTreeMap<&str, Received> = BTreeMap::new();
    for act in acts.iter().filter(|act| act.actor != act.target && act.kind != oracle::Kind::Unfollow) {
        let received = counted.entry(act.target).or_default();
        received.count(Kind::of_word(act.kind.word()).expect("the engine knows all kinds"));
    }
    counted
}
