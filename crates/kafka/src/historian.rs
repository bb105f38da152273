//! What is committed about shards, found out beside the worker: its loop goes on meanwhile.
//!
//! The order of the questions is what makes the answer final. Offsets are told once no transaction that moves them is
//! pending; whoever began one earlier and sends its offsets later is refused by the group. Only then the journal's end is
//! asked for, and the journal is read to it, whatever becomes of transactions on the way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use pipeline::{Fatal, Fault, Past, Positions};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tracing::{debug, warn};
use wire::JournalRecord;

use crate::application::{Application, Start};
use crate::native::{End, delete_records, ends};
use crate::troubles::{self, Troubles, fault, fault_of};

/// For one question.
const TIME: Duration = Duration::from_secs(5);
/// Between two looks at a transaction that is pending.
const PENDING_WAIT: Duration = Duration::from_millis(20);
/// For the next record of a journal; then it is looked whether anybody still waits.
const POLL: Duration = Duration::from_millis(100);

/// Answers a worker's questions about the past, and trims, on a thread of its own.
pub(crate) struct Historian {
    jobs: Sender<Job>,
    answers: Receiver<Answer>,
    /// Counts what became of each shard, so that no answer is taken for another one's.
    visits: BTreeMap<u16, u64>,
    waiting: BTreeMap<u16, Option<Past>>,
    is_over: Arc<AtomicBool>,
}

enum Job {
    Past { shard: u16, visit: u64 },
    Trim { shard: u16, journal: i64, exchange: i64 },
}

struct Answer {
    shard: u16,
    visit: u64,
    past: Result<Past, Fault>,
}

struct Archive {
    application: Arc<Application>,
    consumer: BaseConsumer<Troubles>,
    is_over: Arc<AtomicBool>,
}

impl Historian {
    pub(crate) fn new(application: &Arc<Application>, worker: usize, troubles: &Troubles) -> Result<Historian, Fault> {
        let consumer = BaseConsumer::from_config_and_context(&application.historian(worker), troubles.clone())
            .map_err(|error| fault_of("cannot read journals", &error))?;
        let is_over = Arc::new(AtomicBool::new(false));
        let archive = Archive { application: Arc::clone(application), consumer, is_over: Arc::clone(&is_over) };
        let (jobs, inbox) = channel();
        let (outbox, answers) = channel();
        let run = move || inbox.into_iter().all(|job| archive.work(job, &outbox));
        thread::Builder::new()
            .name(format!("journals-{worker}"))
            .spawn(run)
            .map_err(|error| Fault::Broken(format!("no thread to read journals: {error}")))?;
        Ok(Historian { jobs, answers, visits: BTreeMap::new(), waiting: BTreeMap::new(), is_over })
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
                let visit = self.visits.entry(shard).or_default();
                *visit += 1;
                let job = Job::Past { shard, visit: *visit };
                self.waiting.insert(shard, None);
                self.ask(job)?;
                Ok(None)
            }
        }
    }

    fn take_answers(&mut self) -> Result<(), Fault> {
        while let Ok(Answer { shard, visit, past }) = self.answers.try_recv() {
            if self.visits.get(&shard) == Some(&visit)
                && let Some(waiting) = self.waiting.get_mut(&shard)
            {
                *waiting = Some(past?);
            }
        }
        Ok(())
    }

    fn ask(&self, job: Job) -> Result<(), Fault> {
        self.jobs.send(job).map_err(|_| Fault::Broken("the thread that reads journals has ended".into()))
    }

    /// What was asked about a shard is not worth anything any more.
    pub(crate) fn forget(&mut self, shard: u16) {
        self.waiting.remove(&shard);
        *self.visits.entry(shard).or_default() += 1;
    }

    pub(crate) fn trim(&self, shard: u16, journal: i64, exchange: i64) -> Result<(), Fault> {
        self.ask(Job::Trim { shard, journal, exchange })
    }
}

impl Drop for Historian {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
    }
}

impl Archive {
    /// Whether anybody waits for more.
    fn work(&self, job: Job, outbox: &Sender<Answer>) -> bool {
        match job {
            _ if self.is_over.load(Relaxed) => false,
            Job::Past { shard, visit } => outbox.send(Answer { shard, visit, past: self.past(shard) }).is_ok(),
            Job::Trim { shard, journal, exchange } => {
                self.trim(shard, journal, exchange);
                true
            }
        }
    }

    fn past(&self, shard: u16) -> Result<Past, Fault> {
        let mut committed = self.committed(shard)?;
        let exchange_committed = committed.pop().flatten();
        let journal = self.journal(shard)?;
        let starts = if journal.is_empty() { self.starts(shard)? } else { Positions::default() };
        debug!(shard, records = journal.len(), "journal read");
        Ok(Past { journal, starts, exchange_committed, inputs_committed: committed })
    }

    /// The offsets of the group, in the order of the topics that are read; `None` where there is none.
    fn committed(&self, shard: u16) -> Result<Vec<Option<i64>>, Fault> {
        loop {
            self.check_over()?;
            let mut asked = TopicPartitionList::new();
            self.application.read().for_each(|topic| _ = asked.add_partition(topic, shard.into()));
            let answer = match self.consumer.committed_offsets(asked, TIME) {
                Ok(answer) => answer,
                Err(error) if is_passing(&error) => continue,
                Err(error) => return Err(fault_of(&format!("the offsets of shard {shard} are not told"), &error)),
            };
            let offset = |topic: &str| match answer.find_partition(topic, shard.into()) {
                Some(place) => place.error().map(|()| match place.offset() {
                    Offset::Offset(offset) => Some(offset),
                    _ => None,
                }),
                None => Ok(None),
            };
            match self.application.read().map(offset).collect::<Result<Vec<_>, _>>() {
                Ok(offsets) => return Ok(offsets),
                Err(error) if is_passing(&error) => thread::sleep(PENDING_WAIT),
                Err(error) => return Err(fault_of(&format!("the offsets of shard {shard} are not told"), &error)),
            }
        }
    }

    fn end(&self, topic: &str, shard: u16, end: End) -> Result<i64, Fault> {
        loop {
            self.check_over()?;
            match ends(self.consumer.client(), &[(topic, shard.into())], end, TIME) {
                Ok(ends) => return Ok(ends[0]),
                Err(refusal) if troubles::is_passing(refusal.code) => thread::sleep(PENDING_WAIT),
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
    fn journal(&self, shard: u16) -> Result<Vec<(i64, JournalRecord)>, Fault> {
        let topic = &self.application.topics.journal;
        let written = self.end(topic, shard, End::Written)?;
        while self.end(topic, shard, End::Stable)? < written {
            thread::sleep(PENDING_WAIT);
        }
        let begins = self.end(topic, shard, End::Begin)?;
        if begins >= written {
            return Ok(Vec::new());
        }
        let mut places = TopicPartitionList::new();
        places
            .add_partition_offset(topic, shard.into(), Offset::Offset(begins))
            .and_then(|()| self.consumer.assign(&places))
            .map_err(|error| fault_of(&format!("{topic}[{shard}] cannot be read"), &error))?;
        let journal = self.read(topic, shard);
        let _ = self.consumer.unassign();
        journal
    }

    fn read(&self, topic: &str, shard: u16) -> Result<Vec<(i64, JournalRecord)>, Fault> {
        let mut journal = Vec::new();
        loop {
            self.check_over()?;
            match self.consumer.poll(POLL) {
                None => {}
                // The end was stable before anybody began to read.
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok(journal),
                Some(Err(error)) if is_passing(&error) => {}
                Some(Err(error)) => return Err(fault_of(&format!("{topic}[{shard}] cannot be read"), &error)),
                Some(Ok(message)) => {
                    let offset = message.offset();
                    let record = JournalRecord::decode(message.payload().unwrap_or_default()).map_err(|error| {
                        Fatal::Log(format!(
                            "{topic}[{shard}]@{offset} cannot be read: {error}; something else than this program wrote to \
                             the topic: take its records away, or start under a new application id"
                        ))
                    })?;
                    journal.push((offset, record));
                }
            }
        }
    }

    /// Where a shard begins that was never sliced.
    fn starts(&self, shard: u16) -> Result<Positions, Fault> {
        let end = match self.application.start {
            Start::Earliest => End::Begin,
            Start::Latest => End::Stable,
        };
        let inputs = self.application.settings.inputs.iter();
        let inputs = inputs.map(|input| self.end(&input.topic, shard, end)).collect::<Result<_, _>>()?;
        Ok(Positions { exchange: self.end(&self.application.topics.exchange, shard, End::Begin)?, inputs })
    }

    /// A topic that is not trimmed costs room, and nothing else.
    fn trim(&self, shard: u16, journal: i64, exchange: i64) {
        let topics = &self.application.topics;
        let partition = i32::from(shard);
        let before = [(topics.journal.as_str(), partition, journal), (topics.exchange.as_str(), partition, exchange)];
        if let Err(error) = delete_records(self.consumer.client(), before.into_iter().filter(|place| place.2 > 0), TIME)
        {
            warn!(shard, %error, "journal and exchange are not trimmed");
        }
    }

    fn check_over(&self) -> Result<(), Fault> {
        if self.is_over.load(Relaxed) { Err(Fault::Broken("nobody waits any more".into())) } else { Ok(()) }
    }
}

fn is_passing(error: &KafkaError) -> bool {
    error.rdkafka_error_code().is_some_and(troubles::is_passing)
}
