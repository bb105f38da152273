//! What is committed about shards, found out beside the worker: its loop goes on meanwhile.
//!
//! The order of the questions is what makes the answer final. Offsets are told once no transaction that moves them is
//! pending; whoever began one earlier and sends its offsets later is refused by the group. Only then the journal's end is
//! asked for, and the journal is read to it, whatever becomes of transactions on the way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use pipeline::{Fatal, Fault, Past, Positions, Unreadable};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tracing::{debug, info, warn};
use vocabulary::Timestamp;
use wire::JournalRecord;

use crate::application::{Application, Start, process_here};
use crate::census::Census;
use crate::native::{End, Packed, Refusal, delete_records, ends, packed};
use crate::ownership::value;
use crate::troubles::{self, Troubles, fault, fault_of, is_unreachable};
use crate::waits::TOLD_EVERY;
use crate::writer::WRITER;

/// For one question.
const TIME: Duration = Duration::from_secs(5);
/// Between two looks at a transaction that is pending.
const PENDING_WAIT: Duration = Duration::from_millis(20);
/// The writer of a transaction that does not end for so long is taken for dead and fenced off,
const PENDING_FENCED: Duration = Duration::from_secs(1);
/// and once more if that could not be done.
const FENCED_AGAIN: Duration = Duration::from_secs(3);
/// A producer's transaction before records of the inputs that does not end for so long is told.
const PENDING_TOLD: Duration = Duration::from_secs(30);
/// For the fence.
const FENCE_TIME: Duration = Duration::from_secs(15);
/// Between two looks at the topics.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Between two looks at what is pending in the exchange: what was there each time has no writer any more.
const WATCH_EVERY: Duration = Duration::from_secs(10);
/// For the next record of a journal; then it is looked whether anybody still waits.
const POLL: Duration = Duration::from_millis(100);

/// Answers a worker's questions about the past, and trims, on a thread of its own.
pub(crate) struct Historian {
    thread: String,
    jobs: Sender<Job>,
    answers: Receiver<Answer>,
    visits: Visits,
    waiting: BTreeMap<u16, Option<Past>>,
    census: Arc<Census>,
    unreadable: Arc<[Blocked]>,
    ends: Ends,
    readable: Readable,
    looked_at: Instant,
    watched_at: Instant,
}

/// What of a shard's inputs is stored and cannot be read yet.
#[derive(Debug, Default)]
struct Blocked {
    records: AtomicU64,
    since: AtomicI64,
}

/// Where the writer of a transaction is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// The first record that is pending is its.
    Pending,
    /// It moves offsets, and its records may not have been stored: else it is whoever wrote last.
    Last,
}

/// Offsets of a journal that are looked at for who wrote last: every other one is the end of a transaction.
const LAST_OFFSETS: i64 = 16;

/// Where the inputs of each shard began and ended, in the order of the configuration, at the last look.
type Ends = Arc<Mutex<BTreeMap<u16, (Vec<i64>, Vec<i64>)>>>;

/// By shard and input, the end of what could be read at a look, and when that was: the first look whose records have not all come.
type Readable = Arc<Mutex<BTreeMap<(u16, usize), (i64, Timestamp)>>>;

/// Of two looks, each with the end of what could be read and its time, the earlier one as long as records before its end have not
/// come, and the later one from then on.
fn first_unread(before: Option<(i64, Timestamp)>, next: Option<i64>, now: (i64, Timestamp)) -> (i64, Timestamp) {
    before.filter(|(end, _)| next.is_some_and(|next| next < *end)).unwrap_or(now)
}

/// Counts what became of each shard, so that no answer is taken for another one's, and nobody looks for one that is not
/// wanted any more: others may write to that journal for ever.
type Visits = Arc<[AtomicU64]>;

/// Something is pending in a partition.
struct Pending {
    /// Where the first record of it is.
    stable: i64,
    /// Its writer was fenced off since: one that is there nevertheless nobody can end.
    is_ended: bool,
}

/// One visit of a shard.
#[derive(Clone, Copy)]
struct Visit {
    shard: u16,
    number: u64,
}

impl Visit {
    fn is_wanted(self, visits: &Visits) -> bool {
        visits[usize::from(self.shard)].load(Relaxed) == self.number
    }
}

enum Job {
    Past(Visit),
    Look,
    /// The shards, each with the next offsets of its inputs to come.
    Watch(BTreeMap<u16, Vec<i64>>, Timestamp),
    Trim {
        shard: u16,
        journal: i64,
        exchange: i64,
    },
}

struct Answer {
    visit: Visit,
    past: Result<Past, Fault>,
}

struct Archive {
    application: Arc<Application>,
    worker: usize,
    consumer: BaseConsumer<Troubles>,
    visits: Visits,
    census: Arc<Census>,
    troubles: Troubles,
    /// What was pending in exchange partitions at the last look.
    pending: BTreeMap<u16, Pending>,
    /// Where the stable ends of inputs' partitions were, if something lay behind them, and since when they are there.
    blocked: BTreeMap<(usize, u16), (i64, Timestamp)>,
    unreadable: Arc<[Blocked]>,
    ends: Ends,
    readable: Readable,
}

impl Historian {
    pub(crate) fn new(application: &Arc<Application>, worker: usize, troubles: &Troubles) -> Result<Historian, Fault> {
        let consumer = BaseConsumer::from_config_and_context(&application.historian(worker), troubles.clone())
            .map_err(|error| fault_of("cannot read journals", &error))?;
        let visits: Visits = (0..application.settings.shards).map(|_| AtomicU64::new(0)).collect();
        let census = Arc::new(Census::take(consumer.client(), application)?);
        let unreadable: Arc<[Blocked]> = (0..application.settings.shards).map(|_| Blocked::default()).collect();
        let (inputs_end, readable) = (Ends::default(), Readable::default());
        let mut archive = Archive {
            application: Arc::clone(application),
            worker,
            consumer,
            visits: Arc::clone(&visits),
            census: Arc::clone(&census),
            troubles: troubles.clone(),
            pending: BTreeMap::new(),
            blocked: BTreeMap::new(),
            unreadable: Arc::clone(&unreadable),
            ends: Arc::clone(&inputs_end),
            readable: Arc::clone(&readable),
        };
        let (jobs, inbox) = channel();
        let (outbox, answers) = channel();
        let run = move || inbox.into_iter().all(|job| archive.work(job, &outbox));
        let name = format!("journals-{worker}");
        thread::Builder::new()
            .name(name.clone())
            .spawn(run)
            .map_err(|error| Fault::Broken(format!("no thread to read journals: {error}")))?;
        let now = Instant::now();
        Ok(Historian {
            thread: name,
            jobs,
            answers,
            visits,
            waiting: BTreeMap::new(),
            census,
            unreadable,
            ends: inputs_end,
            readable,
            looked_at: now,
            watched_at: now,
        })
    }

    /// A shard's past, once it is known; asks for it the first time.
    pub(crate) fn past(&mut self, shard: u16) -> Result<Option<Past>, Fault> {
        self.take_answers()?;
        match self.waiting.get_mut(&shard) {
            Some(answer) => {
                let past = answer.take();
                if past.is_some() {
                    self.waiting.remove(&shard);
                }
                Ok(past)
            }
            None => {
                let job = Job::Past(self.visit(shard));
                self.waiting.insert(shard, None);
                self.ask(job)?;
                Ok(None)
            }
        }
    }

    fn take_answers(&mut self) -> Result<(), Fault> {
        loop {
            let Answer { visit, past } = match self.answers.try_recv() {
                Ok(answer) => answer,
                Err(TryRecvError::Empty) => return Ok(()),
                Err(TryRecvError::Disconnected) => return Err(self.ended()),
            };
            if visit.is_wanted(&self.visits)
                && let Some(waiting) = self.waiting.get_mut(&visit.shard)
            {
                *waiting = Some(past?);
            }
        }
    }

    /// The topics as they were when this worker began.
    pub(crate) fn census(&self) -> &Arc<Census> {
        &self.census
    }

    /// Sees now and then that the topics are still the same.
    pub(crate) fn look(&mut self) -> Result<(), Fault> {
        if self.looked_at.elapsed() < LOOK_EVERY {
            return Ok(());
        }
        self.looked_at = Instant::now();
        self.ask(Job::Look)
    }

    /// What of a shard's inputs is stored and cannot be read yet, as of the last look.
    pub(crate) fn unreadable(&self, shard: u16) -> Option<Unreadable> {
        let blocked = self.unreadable.get(usize::from(shard))?;
        let records = blocked.records.load(Relaxed);
        (records > 0).then(|| Unreadable { records, since: blocked.since.load(Relaxed) })
    }

    /// Since when records of each input of a shard are there that could be read, of which the next to come have these offsets.
    pub(crate) fn unread_since(&self, shard: u16, next: impl Iterator<Item = i64>) -> Vec<Option<Timestamp>> {
        let readable = self.readable.lock().unwrap_or_else(PoisonError::into_inner);
        let since =
            |(input, next)| readable.get(&(shard, input)).filter(|(end, _)| next < *end).map(|(_, since)| *since);
        next.enumerate().map(since).collect()
    }

    /// What could be read of each input of a shard when it began to be read: until the first look that is what is known.
    pub(crate) fn note_readable(&self, shard: u16, ends: &[i64], now: Timestamp) {
        let mut readable = self.readable.lock().unwrap_or_else(PoisonError::into_inner);
        readable.extend(ends.iter().enumerate().map(|(input, &end)| ((shard, input), (end, now))));
    }

    /// Where a shard's inputs began, and where they ended, at the last look.
    pub(crate) fn ends(&self, shard: u16) -> (Vec<i64>, Vec<i64>) {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).get(&shard).cloned().unwrap_or_default()
    }

    /// Sees now and then that nobody has left something open that these shards wait for, and that others have in the inputs.
    pub(crate) fn watch(
        &mut self,
        now: Timestamp,
        shards: impl IntoIterator<Item = (u16, Vec<i64>)>,
    ) -> Result<(), Fault> {
        if self.watched_at.elapsed() < WATCH_EVERY {
            return Ok(());
        }
        self.watched_at = Instant::now();
        self.ask(Job::Watch(shards.into_iter().collect(), now))
    }

    fn ask(&self, job: Job) -> Result<(), Fault> {
        self.jobs.send(job).map_err(|_| self.ended())
    }

    /// Its thread lives as long as it is asked: it ends only by a panic.
    fn ended(&self) -> Fault {
        Fatal::Ended { thread: self.thread.clone() }.into()
    }

    /// What was asked about a shard is not worth anything any more.
    pub(crate) fn forget(&mut self, shard: u16) {
        self.waiting.remove(&shard);
        self.readable.lock().unwrap_or_else(PoisonError::into_inner).retain(|(of, _), _| *of != shard);
        self.visit(shard);
    }

    /// Begins the next visit of a shard.
    fn visit(&self, shard: u16) -> Visit {
        Visit { shard, number: self.visits[usize::from(shard)].fetch_add(1, Relaxed) + 1 }
    }

    pub(crate) fn trim(&self, shard: u16, journal: i64, exchange: i64) -> Result<(), Fault> {
        self.ask(Job::Trim { shard, journal, exchange })
    }
}

impl Drop for Historian {
    fn drop(&mut self) {
        (0..=u16::MAX).zip(self.visits.iter()).for_each(|(shard, _)| _ = self.visit(shard));
    }
}

impl Archive {
    /// Whether anybody waits for more.
    fn work(&mut self, job: Job, outbox: &Sender<Answer>) -> bool {
        match job {
            Job::Past(visit) => outbox.send(Answer { visit, past: self.past(visit) }).is_ok(),
            Job::Look => {
                self.look();
                true
            }
            Job::Watch(next, now) => {
                let shards: Vec<u16> = next.keys().copied().collect();
                self.watch(&shards);
                self.watch_inputs(&shards, now, &next);
                true
            }
            Job::Trim { shard, journal, exchange } => {
                self.trim(shard, journal, exchange);
                true
            }
        }
    }

    fn look(&self) {
        let look = || Ok(Census::take(self.consumer.client(), &self.application)?.check_same(&self.census)?);
        match look() {
            Ok(()) => {}
            Err(Fault::Fatal(why)) => self.troubles.give_up(why.to_string()),
            Err(Fault::Broken(why)) => debug!(why, "the topics are not looked at"),
        }
    }

    fn watch(&mut self, shards: &[u16]) {
        let exchange = &self.application.topics.exchange;
        let before = std::mem::take(&mut self.pending);
        let mut pending = BTreeMap::new();
        for &shard in shards {
            let Ok((stable, written)) = self.pending(exchange, shard) else { continue };
            if stable < written {
                let is_ended = match before.get(&shard).filter(|before| before.stable == stable) {
                    Some(before) => {
                        before.is_ended
                            || self.fence_pending(exchange, shard, Look::Pending).is_ok_and(|fenced| fenced.is_some())
                    }
                    None => false,
                };
                pending.insert(shard, Pending { stable, is_ended });
            }
        }
        self.pending = pending;
    }

    /// Looks at what lies behind open transactions of others. One that does not end keeps everything behind it from us.
    fn watch_inputs(&mut self, shards: &[u16], now: Timestamp, next: &BTreeMap<u16, Vec<i64>>) {
        let inputs = &self.application.settings.inputs;
        let places = || shards.iter().flat_map(|&shard| (0..inputs.len()).map(move |input| (input, shard)));
        let asked: Vec<(&str, i32)> =
            places().map(|(input, shard)| (inputs[input].topic.as_str(), i32::from(shard))).collect();
        let ask = |end| ends(self.consumer.client(), &asked, end, TIME);
        // The stable ends first: what is stored in between can be read, or is seen next time.
        let (Ok(stable), Ok(written), Ok(begins)) = (ask(End::Stable), ask(End::Written), ask(End::Begin)) else {
            return;
        };
        let of_shards = |offsets: &[i64]| offsets.chunks(inputs.len().max(1)).map(<[i64]>::to_vec).collect::<Vec<_>>();
        let inputs_end = shards.iter().copied().zip(of_shards(&begins).into_iter().zip(of_shards(&written))).collect();
        *self.ends.lock().unwrap_or_else(PoisonError::into_inner) = inputs_end;
        let mut readable = self.readable.lock().unwrap_or_else(PoisonError::into_inner);
        // A shard that came meanwhile keeps what was noted when it began.
        for ((input, shard), &end) in places().zip(&stable) {
            let next = next.get(&shard).and_then(|next| next.get(input)).copied();
            let before = readable.get(&(shard, input)).copied();
            readable.insert((shard, input), first_unread(before, next, (end, now)));
        }
        drop(readable);
        let before = std::mem::take(&mut self.blocked);
        let mut found: BTreeMap<u16, (u64, Timestamp)> = BTreeMap::new();
        for (place, (stable, written)) in places().zip(stable.into_iter().zip(written)) {
            if stable < written {
                // Transactions that come and go block nobody: the first offset that cannot be read moves.
                let was = before.get(&place).filter(|(before, _)| *before == stable);
                let since = was.map_or(now, |(_, since)| *since);
                self.blocked.insert(place, (stable, since));
                let (records, oldest) = found.entry(place.1).or_insert((0, since));
                *records += stable.abs_diff(written);
                *oldest = since.min(*oldest);
            }
        }
        for (shard, blocked) in (0..=u16::MAX).zip(self.unreadable.iter()) {
            let (records, since) = found.get(&shard).copied().unwrap_or_default();
            blocked.since.store(since, Relaxed);
            blocked.records.store(records, Relaxed);
            if records > 0 && now - since >= PENDING_TOLD.as_millis() as Timestamp {
                warn!(
                    shard,
                    records,
                    "records are stored and cannot be read: a producer's transaction before them has been open for {} s",
                    (now - since) / 1_000
                );
            }
        }
    }

    fn past(&self, visit: Visit) -> Result<Past, Fault> {
        let shard = visit.shard;
        let mut patience = Patience::new(self, shard);
        let (mut committed, known) = self.committed(visit, &mut patience)?;
        let journal = self.journal(visit, &mut patience)?;
        if !journal.is_empty() {
            self.check_complete(shard, &committed, &known)?;
        }
        let exchange_committed = committed.pop().flatten();
        let starts = if journal.is_empty() { self.starts(visit, &mut patience)? } else { Positions::default() };
        debug!(shard, records = journal.len(), "journal read");
        self.look_at_owner(shard, &known);
        Ok(Past { journal, starts, exchange_committed, inputs_committed: committed, known })
    }

    /// Who was fenced off, and finds that another process of the same instance has written last, knows why.
    fn look_at_owner(&self, shard: u16, known: &str) {
        let instance = &self.application.instance;
        if let Some(process) = twin(known, instance, &process_here())
            && troubles::was_fenced()
        {
            warn!(
                shard,
                "fenced off by process {process}, which is the instance {instance} as well: give each process an --instance of \
                 its own, or none"
            );
        }
    }

    /// A group forgets all its offsets, or those of a topic that was deleted. Of an input that is new it never had any.
    fn check_complete(&self, shard: u16, committed: &[Option<i64>], known: &str) -> Result<(), Fatal> {
        let is_forgotten = committed.iter().all(Option::is_none);
        let gone = self.application.read().zip(committed).find(|(_, offset)| offset.is_none());
        match gone {
            Some((topic, _)) if !is_forgotten => {
                let why = match self.application.settings.changes(known) {
                    changes if changes.is_empty() => "the topic was deleted and created anew".to_owned(),
                    changes => format!("{changes}; set it back"),
                };
                Err(Fatal::Log(format!(
                    "the group {} has no offset of {topic}[{shard}], and has others: {why}, or start under a new application id",
                    self.application.id
                )))
            }
            _ => Ok(()),
        }
    }

    /// The offsets of the group, in the order of the topics that are read; `None` where there is none.
    fn committed(&self, visit: Visit, patience: &mut Patience<'_>) -> Result<(Vec<Option<i64>>, String), Fault> {
        loop {
            self.check_wanted(visit)?;
            match self.ask_committed(visit.shard) {
                Ok(places) => {
                    let known = self.application.read().zip(&places);
                    known.into_iter().try_for_each(|(topic, (_, known))| {
                        self.census.check_id(topic, known.lines().next().unwrap_or_default())
                    })?;
                    // The exchange is the last.
                    let known = places.last().map_or(String::new(), |(_, known)| known.clone());
                    return Ok((places.into_iter().map(|(offset, _)| offset).collect(), known));
                }
                Err(error) if error.rdkafka_error_code() == Some(Code::UnstableOffsetCommit) => {
                    patience.wait_for_writer(Look::Last)
                }
                Err(error) if is_passing(&error) => patience.wait_for_brokers("the offsets of the group", &error),
                Err(error) => {
                    let what = format!("the offsets of shard {} are not told", visit.shard);
                    return Err(fault_of(&what, &error));
                }
            }
        }
    }

    /// Offsets, each with what its topic was known by.
    fn ask_committed(&self, shard: u16) -> Result<Vec<(Option<i64>, String)>, KafkaError> {
        let mut asked = TopicPartitionList::new();
        self.application.read().for_each(|topic| _ = asked.add_partition(topic, shard.into()));
        let answer = self.consumer.committed_offsets(asked, TIME)?;
        let told = |topic: &str| match answer.find_partition(topic, shard.into()) {
            Some(place) => place.error().map(|()| match place.offset() {
                Offset::Offset(offset) => (Some(offset), place.metadata().to_owned()),
                _ => (None, String::new()),
            }),
            None => Ok((None, String::new())),
        };
        self.application.read().map(told).collect()
    }

    fn end(&self, topic: &str, visit: Visit, end: End, patience: &mut Patience<'_>) -> Result<i64, Fault> {
        let shard = visit.shard;
        loop {
            self.check_wanted(visit)?;
            match ends(self.consumer.client(), &[(topic, shard.into())], end, TIME) {
                Ok(ends) => return Ok(ends[0]),
                Err(refusal) if troubles::is_passing(refusal.code) => patience.wait_for_brokers(topic, &refusal),
                Err(refusal) => {
                    return Err(fault(
                        &format!("the end of {topic}[{shard}] is not told"),
                        Some(refusal.code),
                        &refusal,
                    ));
                }
            }
        }
    }

    /// All of a shard's journal that is committed, once nothing that was begun earlier can be committed any more.
    fn journal(&self, visit: Visit, patience: &mut Patience<'_>) -> Result<Vec<(i64, JournalRecord)>, Fault> {
        let shard = visit.shard;
        let topic = &self.application.topics.journal;
        let written = self.end(topic, visit, End::Written, patience)?;
        while self.end(topic, visit, End::Stable, patience)? < written {
            patience.wait_for_writer(Look::Pending);
        }
        let begins = self.end(topic, visit, End::Begin, patience)?;
        if begins >= written {
            return Ok(Vec::new());
        }
        let mut places = TopicPartitionList::new();
        places
            .add_partition_offset(topic, shard.into(), Offset::Offset(begins))
            .and_then(|()| self.consumer.assign(&places))
            .map_err(|error| fault_of(&format!("{topic}[{shard}] cannot be read"), &error))?;
        let journal = self.read(topic, visit, written, patience);
        let _ = self.consumer.unassign();
        journal
    }

    /// What is committed before this end, which is stable.
    fn read(
        &self,
        topic: &str,
        visit: Visit,
        written: i64,
        patience: &mut Patience<'_>,
    ) -> Result<Vec<(i64, JournalRecord)>, Fault> {
        let shard = visit.shard;
        let mut journal = Vec::new();
        loop {
            self.check_wanted(visit)?;
            match self.consumer.poll(POLL) {
                None => patience.tell(topic, "its next record"),
                // What lies at the end may be no record, and is not delivered.
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(journal),
                Some(Ok(message)) if message.offset() >= written => return Ok(journal),
                Some(Err(error)) if is_passing(&error) => patience.tell(topic, &error),
                Some(Err(error)) => return Err(fault_of(&format!("{topic}[{shard}] cannot be read"), &error)),
                Some(Ok(message)) => {
                    let offset = message.offset();
                    let foreign = |error: &dyn std::fmt::Display| {
                        Fatal::Log(format!(
                            "{topic}[{shard}]@{offset} cannot be read: {error}; something else than this program wrote to \
                             the topic: take its records away, or start under a new application id"
                        ))
                    };
                    if let Some(Packed { reason, .. }) = packed(message.key(), message.payload()) {
                        return Err(foreign(&reason).into());
                    }
                    let record = JournalRecord::decode(message.payload().unwrap_or_default());
                    let record = record.map_err(|error| foreign(&error))?;
                    journal.push((offset, record));
                }
            }
        }
    }

    /// Where a shard begins that was never sliced.
    fn starts(&self, visit: Visit, patience: &mut Patience<'_>) -> Result<Positions, Fault> {
        let end = match self.application.start {
            Start::Earliest => End::Begin,
            Start::Latest => End::Stable,
        };
        let inputs = self.application.settings.inputs.iter();
        let inputs = inputs.map(|input| self.end(&input.topic, visit, end, patience)).collect::<Result<_, _>>()?;
        let exchange = self.end(&self.application.topics.exchange, visit, End::Begin, patience)?;
        Ok(Positions { exchange, inputs })
    }

    /// A topic that is not trimmed costs room, and nothing else.
    fn trim(&self, shard: u16, journal: i64, exchange: i64) {
        let topics = &self.application.topics;
        let partition = i32::from(shard);
        let before = [(topics.journal.as_str(), partition, journal), (topics.exchange.as_str(), partition, exchange)];
        let before: Vec<_> = before.into_iter().filter(|&(.., offset)| offset > 0).collect();
        if !before.is_empty()
            && let Err(error) = delete_records(self.consumer.client(), before, TIME)
        {
            if !is_unreachable(error.code) && !troubles::is_passing(error.code) {
                return warn!(shard, %error, "journal and exchange are not trimmed");
            }
            debug!(shard, %error, "journal and exchange are not trimmed yet");
            // Where another node leads by now the next one would be refused as well.
            for topic in [&topics.journal, &topics.exchange] {
                let _ = self.consumer.client().fetch_metadata(Some(topic), TIME);
            }
        }
    }

    /// Ends the transaction that is pending in a shard's partition, whose writer is returned. It is dead, or frozen, or has
    /// lost its shards. This worker's own name is left alone: what a predecessor left open its producer has ended before it
    /// began, and whatever it cannot end itself makes it begin anew.
    fn fence_pending(&self, topic: &str, shard: u16, look: Look) -> Result<Option<String>, KafkaError> {
        let own = self.application.transactional_id(self.worker);
        let fence = || match self.pending_writer(topic, shard, look)? {
            Some(writer) if writer != own => {
                info!(topic, shard, writer, "ends a transaction that was left open");
                let config = self.application.fencer(self.worker, &writer);
                let producer = BaseProducer::from_config_and_context(&config, self.troubles.clone())?;
                producer.init_transactions(FENCE_TIME)?;
                Ok(Some(writer))
            }
            _ => Ok(None),
        };
        fence().inspect_err(|error| warn!(topic, shard, %error, "a transaction that was left open cannot be ended yet"))
    }

    /// The stable end, and the end.
    fn pending(&self, topic: &str, shard: u16) -> Result<(i64, i64), KafkaError> {
        Ok((self.ask_end(topic, shard, End::Stable)?, self.ask_end(topic, shard, End::Written)?))
    }

    /// Once: whoever asks knows what to do if it is not told.
    fn ask_end(&self, topic: &str, shard: u16, end: End) -> Result<i64, KafkaError> {
        let refused = |refusal: Refusal| KafkaError::OffsetFetch(refusal.code);
        ends(self.consumer.client(), &[(topic, shard.into())], end, TIME).map(|ends| ends[0]).map_err(refused)
    }

    /// Who wrote what is pending.
    fn pending_writer(&self, topic: &str, shard: u16, look: Look) -> Result<Option<String>, KafkaError> {
        let (stable, written) = self.pending(topic, shard)?;
        let first = match look {
            Look::Last if stable == written => (written - LAST_OFFSETS).max(self.ask_end(topic, shard, End::Begin)?),
            _ => stable,
        };
        let onlooker =
            BaseConsumer::from_config_and_context(&self.application.onlooker(self.worker), self.troubles.clone())?;
        let mut place = TopicPartitionList::new();
        place.add_partition_offset(topic, shard.into(), Offset::Offset(first))?;
        onlooker.assign(&place)?;
        let (until, mut last) = (Instant::now() + TIME, None);
        while first < written && Instant::now() < until {
            match onlooker.poll(POLL) {
                Some(Ok(message)) => {
                    last = writer(&message).or(last);
                    if first == stable || message.offset() + 1 >= written {
                        break;
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) => break,
                Some(Err(error)) if !is_passing(&error) => return Err(error),
                _ => {}
            }
        }
        Ok(last)
    }

    fn check_wanted(&self, visit: Visit) -> Result<(), Fault> {
        if visit.is_wanted(&self.visits) { Ok(()) } else { Err(Fault::Broken("nobody waits any more".into())) }
    }
}

/// Waits for a transaction to end, whose writer it fences off if that takes long, and for brokers; says so if it takes longer.
struct Patience<'a> {
    archive: &'a Archive,
    shard: u16,
    turns: Turns,
}

impl Patience<'_> {
    fn new(archive: &Archive, shard: u16) -> Patience<'_> {
        Patience { archive, shard, turns: Turns::new(Instant::now()) }
    }

    fn wait_for_writer(&mut self, look: Look) {
        let journal = &self.archive.application.topics.journal;
        if self.turns.is_time_to_fence(Instant::now()) {
            let fenced = self.archive.fence_pending(journal, self.shard, look);
            self.turns.has_fenced(fenced.is_ok_and(|fenced| fenced.is_some()));
        }
        if self.turns.is_time_to_tell(Instant::now()) {
            let writer = self.archive.pending_writer(journal, self.shard, look).ok().flatten();
            warn!(
                topic = journal,
                partition = self.shard,
                writer = writer.as_deref().unwrap_or("not known"),
                "a restore waits for a transaction that does not end: `kafka-transactions.sh find-hanging` says whether it hangs"
            );
        }
        thread::sleep(PENDING_WAIT);
    }

    fn wait_for_brokers(&mut self, what: &str, why: &dyn std::fmt::Display) {
        self.tell(what, why);
        thread::sleep(PENDING_WAIT);
    }

    fn tell(&mut self, topic: &str, why: impl std::fmt::Display) {
        if self.turns.is_time_to_tell(Instant::now()) {
            warn!(topic, partition = self.shard, %why, "a restore waits for the brokers");
        }
    }
}

/// When a writer is fenced off, and when it is told that somebody waits.
#[derive(Debug)]
struct Turns {
    /// `None` once it has been done.
    fence_at: Option<Instant>,
    tell_at: Instant,
}

impl Turns {
    fn new(now: Instant) -> Turns {
        Turns { fence_at: Some(now + PENDING_FENCED), tell_at: now + TOLD_EVERY }
    }

    /// Until it has succeeded: brokers that are away now are back later.
    fn is_time_to_fence(&mut self, now: Instant) -> bool {
        let is_time = self.fence_at.is_some_and(|at| now >= at);
        if is_time {
            self.fence_at = Some(now + FENCED_AGAIN);
        }
        is_time
    }

    /// Not again after it was: a transaction that is open nevertheless hangs, and its writer's next one is not to be ended.
    fn has_fenced(&mut self, is_done: bool) {
        if is_done {
            self.fence_at = None;
        }
    }

    fn is_time_to_tell(&mut self, now: Instant) -> bool {
        let is_time = now >= self.tell_at;
        if is_time {
            self.tell_at = now + TOLD_EVERY;
        }
        is_time
    }
}

/// The process of this instance that was noted as the last owner of a shard, if it is another one than the one here.
fn twin<'a>(known: &'a str, instance: &str, here: &str) -> Option<&'a str> {
    let value = |name: &str| value(known, name);
    value("process").filter(|process| value("instance") == Some(instance) && *process != here)
}

fn writer(record: &BorrowedMessage<'_>) -> Option<String> {
    let header = record.headers()?.iter().find(|header| header.key == WRITER)?;
    String::from_utf8(header.value?.to_vec()).ok()
}

fn is_passing(error: &KafkaError) -> bool {
    error.rdkafka_error_code().is_some_and(troubles::is_passing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_unread_since_the_first_look_whose_records_have_not_all_come() {
        assert_eq!(first_unread(None, Some(5), (9, 100)), (9, 100));
        assert_eq!(first_unread(Some((9, 100)), Some(8), (20, 200)), (9, 100), "one has not come");
        assert_eq!(first_unread(Some((9, 100)), Some(9), (20, 200)), (20, 200));
        assert_eq!(first_unread(Some((9, 100)), None, (20, 200)), (20, 200), "the shard is not read here");
    }

    #[test]
    fn a_writer_is_fenced_off_until_that_succeeds_and_no_more() {
        let began = Instant::now();
        let after = |secs| began + Duration::from_secs(secs);
        let mut turns = Turns::new(began);
        assert!(!turns.is_time_to_fence(began), "transactions come and go");
        assert!(turns.is_time_to_fence(after(1)));
        turns.has_fenced(false);
        assert!(!turns.is_time_to_fence(after(2)));
        assert!(turns.is_time_to_fence(after(4)), "the coordinator was away");
        turns.has_fenced(true);
        assert!(!turns.is_time_to_fence(after(60)), "it hangs, and another one of that writer is under way");
        assert!(turns.is_time_to_tell(after(60)));
        assert!(!turns.is_time_to_tell(after(69)));
        assert!(turns.is_time_to_tell(after(70)));
    }

    #[test]
    fn another_process_of_one_name_is_known_by_what_it_has_noted() {
        let known = "id\nclock=wall\nprocess=12 of host beta\ninstance=twin\n";
        assert_eq!(twin(known, "twin", "7 of host alpha"), Some("12 of host beta"));
        assert_eq!(twin(known, "twin", "12 of host beta"), None, "it is this one");
        assert_eq!(twin(known, "other", "7 of host alpha"), None);
        assert_eq!(twin("id\n", "twin", "7 of host alpha"), None);
    }
}
