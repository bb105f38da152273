//! Somebody who subscribes to scores, journals and dead letters all the time, and reads what is committed. What they have
//! once seen stays: no record comes twice, and nothing that is told of a user goes back.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use vocabulary::Score;
use wire::{JournalRecord, decode_score};

use super::scene::Names;

const POLL: Duration = Duration::from_millis(100);
/// For one question.
const ANSWER: Duration = Duration::from_secs(5);

pub(crate) struct Witness {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    thread: Option<JoinHandle<()>>,
}

/// All that was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Of each topic and partition, the last offset.
    last: BTreeMap<(String, i32), i64>,
    /// The table that the scores make.
    pub(crate) table: BTreeMap<String, Score>,
    /// Records on the score topic.
    pub(crate) scores: usize,
    /// Of each shard, the journal.
    pub(crate) journals: BTreeMap<u16, Vec<JournalRecord>>,
    /// The offset of each of its records.
    pub(crate) journal_offsets: BTreeMap<u16, Vec<i64>>,
    /// When each of its records was written, in milliseconds of the program's clock.
    epochs_at_ms: BTreeMap<u16, Vec<i64>>,
    /// When each score was written, for each partition, likewise.
    scores_at_ms: BTreeMap<i32, Vec<i64>>,
    pub(crate) dead_letters: usize,
    /// When a record of the inputs was taken last, in milliseconds of the program's clock,
    taken_at_ms: i64,
    /// and when somebody's counts were published last.
    counted_at_ms: i64,
    /// What must not be.
    pub(crate) wrong: Vec<String>,
}

impl Witness {
    /// Begins at the beginning of these topics.
    pub(crate) fn new(client: &ClientConfig, names: &Names, partitions: u16) -> Witness {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Seen::default())));
        let mut client = client.clone();
        client.set("group.id", "witness").set("isolation.level", "read_committed");
        client.set("enable.auto.commit", "false").set("auto.offset.reset", "error");
        // Journals are trimmed behind checkpoints: it must be back soon after the brokers are.
        client.set("reconnect.backoff.max.ms", "100").set("fetch.error.backoff.ms", "100");
        let consumer: BaseConsumer = client.create().expect("a consumer");
        let (is_over, notes, names) = (Arc::clone(&stop), Arc::clone(&seen), names.clone());
        begin(&consumer, &names, partitions);
        let watch = move || {
            while !is_over.load(Relaxed) {
                let Some(polled) = consumer.poll(POLL) else { continue };
                let mut seen = lock(&notes);
                match polled {
                    Ok(message) => seen.take(&names, &message),
                    Err(error) => match error.rdkafka_error_code() {
                        Some(Code::BrokerTransportFailure | Code::AllBrokersDown | Code::OperationTimedOut) => {}
                        _ => {
                            let away = seen.away(&consumer, &names, partitions);
                            seen.wrong.push(format!("the witness cannot read on: {error}, {away:?}"));
                        }
                    },
                }
            }
        };
        Witness { stop, seen, thread: Some(thread::spawn(watch)) }
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        self.thread.take().into_iter().for_each(|thread| _ = thread.join());
    }
}

/// All that is watched.
fn places_of(names: &Names, partitions: u16) -> impl Iterator<Item = (&str, i32)> {
    let topics = [&names.scores, &names.journal, &names.dead_letters];
    topics
        .into_iter()
        .flat_map(move |topic| (0..i32::from(partitions)).map(move |partition| (topic.as_str(), partition)))
}

/// Reads from the first record that there ever was: one that is gone already is told.
fn begin(consumer: &BaseConsumer, names: &Names, partitions: u16) {
    let mut places = TopicPartitionList::new();
    for (topic, partition) in places_of(names, partitions) {
        places.add_partition_offset(topic, partition, Offset::Offset(0)).expect("a place");
    }
    consumer.assign(&places).expect("places of topics");
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().expect("nobody panics while they look")
}

impl Seen {
    /// Where the next records are not there.
    fn away(&self, consumer: &BaseConsumer, names: &Names, partitions: u16) -> Vec<String> {
        let away = |(topic, partition): (&str, i32)| {
            let next = self.last.get(&(topic.to_owned(), partition)).map_or(0, |last| last + 1);
            match consumer.fetch_watermarks(topic, partition, ANSWER) {
                Ok((begin, end)) if (begin..=end).contains(&next) => None,
                told => Some(format!("{topic}[{partition}] at {next}, there is {told:?}")),
            }
        };
        places_of(names, partitions).filter_map(away).collect()
    }

    fn take(&mut self, names: &Names, message: &BorrowedMessage<'_>) {
        let place = (message.topic().to_owned(), message.partition());
        let before = self.last.insert(place, message.offset());
        if before.is_some_and(|before| before >= message.offset()) {
            self.wrong.push(format!("{}[{}]@{} comes twice", message.topic(), message.partition(), message.offset()));
        }
        match message.topic() {
            topic if topic == names.scores => self.take_score(message),
            topic if topic == names.journal => self.take_journal(message),
            _ => self.dead_letters += 1,
        }
    }

    fn take_journal(&mut self, message: &BorrowedMessage<'_>) {
        match JournalRecord::decode(message.payload().unwrap_or_default()) {
            Ok(record) => {
                let journal = self.journals.entry(record.shard).or_default();
                if journal.last().is_none_or(|last| last.inputs != record.inputs) {
                    self.taken_at_ms = self.taken_at_ms.max(written_at_ms(message));
                }
                self.journal_offsets.entry(record.shard).or_default().push(message.offset());
                self.epochs_at_ms.entry(record.shard).or_default().push(written_at_ms(message));
                journal.push(record);
            }
            Err(error) => self.wrong.push(format!("a journal record is none: {error}")),
        }
    }

    fn take_score(&mut self, message: &BorrowedMessage<'_>) {
        self.scores += 1;
        self.scores_at_ms.entry(message.partition()).or_default().push(written_at_ms(message));
        let key = String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned();
        let Some(value) = message.payload() else {
            self.table.remove(&key);
            return;
        };
        match decode_score(value) {
            Ok((user, score)) if user == key => {
                self.compare(&user, &score);
                if self.table.get(&user).is_none_or(|before| before.received != score.received) {
                    self.counted_at_ms = self.counted_at_ms.max(written_at_ms(message));
                }
                self.table.insert(user, score);
            }
            Ok((user, _)) => self.wrong.push(format!("the score of {user} has the key {key}")),
            Err(error) => self.wrong.push(format!("a score is none: {error}")),
        }
    }

    /// Counts and times of a user never go back.
    fn compare(&mut self, user: &str, score: &Score) {
        let Some(before) = self.table.get(user) else { return };
        let (then, now) = (before.received, score.received);
        let goes_back =
            !now.has_all_of(&then) || score.as_of < before.as_of || score.scale_version < before.scale_version;
        if goes_back {
            self.wrong.push(format!("what is told of {user} goes back: {before:?} to {score:?}"));
        }
    }

    /// The last epoch of each shard.
    pub(crate) fn sequences(&self) -> BTreeMap<u16, u64> {
        let last = |(&shard, journal): (&u16, &Vec<JournalRecord>)| Some((shard, journal.last()?.sequence));
        self.journals.iter().filter_map(last).collect()
    }

    /// Milliseconds from the last record of the inputs that was taken to the last counts that were published.
    pub(crate) fn counted_after_ms(&self) -> i64 {
        self.counted_at_ms - self.taken_at_ms
    }

    /// The longest time for which a shard has begun no epoch between these two times, in milliseconds.
    pub(crate) fn longest_stand_ms(&self, from_ms: i64, to_ms: i64) -> i64 {
        longest_pause_ms(&self.epochs_at_ms, from_ms, to_ms)
    }

    /// The longest time for which a partition had no score between these two times, in milliseconds.
    pub(crate) fn longest_silence_ms(&self, from_ms: i64, to_ms: i64) -> i64 {
        longest_pause_ms(&self.scores_at_ms, from_ms, to_ms)
    }

    /// Records of inputs that were taken.
    pub(crate) fn taken(&self) -> i64 {
        let taken = |journal: &Vec<JournalRecord>| {
            journal.last().map_or(0, |record| record.inputs.iter().map(|range| range.next).sum())
        };
        self.journals.values().map(taken).sum()
    }

    /// Whether each shard's last epoch was one in which nothing was waited for: the sweep visits many people then, here all
    /// that there are.
    pub(crate) fn is_quiet(&self, partitions: u16) -> bool {
        (0..partitions)
            .all(|shard| self.journals.get(&shard).is_some_and(|journal| journal.last().is_some_and(is_quiet)))
    }

    /// Whether each shard has had such an epoch since these.
    pub(crate) fn has_been_quiet_since(&self, since: &BTreeMap<u16, u64>) -> bool {
        let later = |shard: u16, sequence: u64| {
            self.journals[&shard].iter().rev().take_while(move |record| record.sequence > sequence)
        };
        since.iter().all(|(&shard, &sequence)| later(shard, sequence).any(is_quiet))
    }
}

/// The longest time without one of these between these two, for any of the keys.
fn longest_pause_ms<K>(times: &BTreeMap<K, Vec<i64>>, from_ms: i64, to_ms: i64) -> i64 {
    let longest = |times: &Vec<i64>| {
        let inside = times.iter().copied().filter(|time| (from_ms..to_ms).contains(time));
        let ends: Vec<i64> = [from_ms].into_iter().chain(inside).chain([to_ms]).collect();
        ends.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    };
    times.values().map(longest).max().unwrap_or(to_ms - from_ms)
}

/// When its producer wrote it.
fn written_at_ms(message: &BorrowedMessage<'_>) -> i64 {
    message.timestamp().to_millis().expect("producers say when")
}

/// The sweep visits few people while something happens, and that many at least when nothing does.
const QUIET_SWEEP: u32 = 4_096;

fn is_quiet(record: &JournalRecord) -> bool {
    record.sweep >= QUIET_SWEEP
}
