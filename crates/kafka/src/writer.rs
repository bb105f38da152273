//! One transaction an epoch: scores, what shards tell each other, dead letters, journal records, and the group's offsets.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use influence::exchange::Section;
use influence::{Close, Credit, MODEL_VERSION, Rated, Removed};
use pipeline::{Fault, Positions, Reason, Refused, Step};
use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tracing::warn;
use vocabulary::Score;
use wire::{
    CREDIT_BYTES, Encoding, RATED_BYTES, encode_close, encode_close_json, encode_credits, encode_exchange_records,
    encode_score, encode_score_json,
};

use crate::application::{Application, TRANSACTION_TIMEOUT_MS};
use crate::aside::drop_aside;
use crate::census::Census;
use crate::connection::ASKED_TWICE;
use crate::costs::Watch;
use crate::dead_letter::{DeadLetter, ENCODING, Form, is_about_the_record};
use crate::membership::Membership;
use crate::native::{
    FULL_WAIT, Refusal, abort_transaction, append, begin_transaction, commit_transaction, init_transactions,
    send_offsets,
};
use crate::troubles::{self, Troubles, fault, fault_of};
use crate::waits::Waits;

/// For everything that waits for the brokers: a transaction gives up by itself before.
const TIME: Duration = Duration::from_millis(TRANSACTION_TIMEOUT_MS as u64 + 5_000);
/// How soon somebody who says stop is heard meanwhile,
const SLICE: Duration = Duration::from_secs(1);
/// but while offsets are sent: what has no answer by then is aborted, and a group's coordinator that is killed is away as long.
const OFFSETS_SLICE: Duration = Duration::from_secs(10);
/// and for how long the brokers are waited for then.
const STOP_TIME: Duration = Duration::from_secs(10);
/// While a transaction of another member of this name is being ended, or the coordinator moves.
const INIT_TIME: Duration = Duration::from_secs(60);
/// A rebalance that ends while a transaction is under way refuses its offsets: so often it is begun anew.
const ATTEMPTS_MAX: usize = 5;
/// The header of a tombstone of the table of scores that says why it is there.
pub(crate) const REMOVED: &str = "clout.removed";
/// A header of what shards wait for: whose transaction it is part of.
pub(crate) const WRITER: &str = "transactional.id";
/// What a record has around its value, headers and the batch's beginning included.
const FRAME_BYTES: usize = 1_024;

/// The transactional producer of a worker.
pub(crate) struct Writer {
    application: Arc<Application>,
    worker: usize,
    producer: Option<ThreadedProducer<Deliveries>>,
    delivered: Arc<Delivered>,
    prepared: Prepared,
    transactional_id: String,
    patience: Patience,
    waits: Waits,
    troubles: Troubles,
    /// Whether a request of the last transaction may have been sent twice, so that the next one takes a new producer.
    is_stale: bool,
    /// Told with the offsets, so that nobody takes another topic of the same name for the one they are of.
    census: Option<Arc<Census>>,
    /// Told with the offset of the exchange: the id of its topic, and what the owner is.
    known: String,
}

/// What has become of the records of the transaction under way.
#[derive(Debug)]
struct Delivered {
    /// Of each shard, the offset of the journal record that was delivered last.
    journal: Box<[AtomicI64]>,
    dead_letters: String,
    /// A dead letter was refused for what it is.
    letter_refused: AtomicBool,
    first_failure: Mutex<Option<KafkaError>>,
}

impl Delivered {
    fn of(application: &Application) -> Delivered {
        let shards = usize::from(application.settings.shards);
        Delivered {
            journal: (0..shards).map(|_| AtomicI64::new(-1)).collect(),
            dead_letters: application.topics.dead_letters.clone(),
            letter_refused: AtomicBool::new(false),
            first_failure: Mutex::default(),
        }
    }
}

type EncodeScore = fn(&str, &Score, u32, &mut Vec<u8>);
type EncodeClose = fn(&str, i64, &Score, u32, &mut Vec<u8>);

/// What an epoch has to say, as bytes.
#[derive(Debug, Default)]
struct Prepared {
    is_ready: bool,
    scores: Table,
    closes: Table,
    /// What each shard is told, as records.
    told: BTreeMap<u16, Vec<Vec<u8>>>,
    /// What acts gave to the people of each shard, as records.
    credits: BTreeMap<u16, Vec<Vec<u8>>>,
}

/// Records of one topic that are keyed by user.
#[derive(Debug, Default)]
struct Table {
    /// Names and values, one after the other.
    bytes: Vec<u8>,
    records: Vec<Encoded>,
}

#[derive(Clone, Copy, Debug)]
struct Encoded {
    shard: u16,
    name_len: usize,
    value_len: usize,
}

impl Table {
    fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
    }

    fn push(&mut self, shard: u16, user: &str, encode: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.extend(user.as_bytes());
        let begins = self.bytes.len();
        encode(&mut self.bytes);
        let (name_len, value_len) = (user.len(), self.bytes.len() - begins);
        self.records.push(Encoded { shard, name_len, value_len });
    }

    /// Shards, names and values.
    fn records(&self) -> impl Iterator<Item = (u16, &[u8], &[u8])> {
        let mut rest = &self.bytes[..];
        self.records.iter().map(move |&Encoded { shard, name_len, value_len }| {
            let (name, others) = rest.split_at(name_len);
            let (value, others) = others.split_at(value_len);
            rest = others;
            (shard, name, value)
        })
    }
}

impl Prepared {
    fn take(&mut self, steps: &mut [Step<'_>], application: &Application) {
        self.scores.clear();
        self.closes.clear();
        self.told = told(steps, application.record_bytes_max);
        self.credits.clear();
        if application.topics.credits.is_some() {
            self.credits = credits(steps, application);
        }
        for step in steps {
            let number = step.journal.shard;
            let (encode_score, encode_close): (EncodeScore, EncodeClose) = match application.outputs {
                Encoding::Protobuf => (encode_score, encode_close),
                Encoding::Json => (encode_score_json, encode_close_json),
            };
            for (user, score) in step.effects.scores.iter().filter_map(|published| step.shard.record(published)) {
                self.scores.push(number, user, |bytes| encode_score(user, &score, MODEL_VERSION, bytes));
            }
            for Close { person, day, score } in &step.effects.closes {
                if let Some(user) = step.shard.name(*person) {
                    self.closes.push(number, user, |bytes| encode_close(user, *day, score, MODEL_VERSION, bytes));
                }
            }
        }
        self.is_ready = true;
    }
}

/// How long brokers that do not answer are waited for.
struct Patience {
    stop: Arc<AtomicBool>,
    /// When it was noticed.
    stopped_at: Cell<Option<Instant>>,
}

impl Patience {
    /// Goes on with a call until it is done, or it has taken too long.
    fn call(&self, slice: Duration, call: impl Fn(Duration) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let began = Instant::now();
        loop {
            match call(if self.stop.load(Relaxed) { SLICE } else { slice }) {
                Err(refusal) if refusal.is_retriable && began.elapsed() < TIME && !self.is_over() => {}
                done => return done,
            }
        }
    }

    /// Whether somebody has said stop, a while ago.
    fn is_over(&self) -> bool {
        if self.stopped_at.get().is_none() && self.stop.load(Relaxed) {
            self.stopped_at.set(Some(Instant::now()));
        }
        self.stopped_at.get().is_some_and(|at| at.elapsed() >= STOP_TIME)
    }
}

/// Takes delivery reports. A record carries its shard's number plus one if it is a journal record, else 0.
struct Deliveries {
    delivered: Arc<Delivered>,
    troubles: Troubles,
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        self.troubles.log(level, fac, message);
    }

    fn stats_raw(&self, document: &[u8]) {
        self.troubles.statistics(document);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.troubles.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    #[inline]
    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        match (result, number.checked_sub(1)) {
            (Ok(_), None) => {}
            (Ok(message), Some(shard)) => self.delivered.journal[shard].store(message.offset(), Relaxed),
            (Err((error, message)), _) => {
                if message.topic() == self.delivered.dead_letters
                    && error.rdkafka_error_code().is_some_and(is_about_the_record)
                {
                    self.delivered.letter_refused.store(true, Relaxed);
                }
                let mut first = self.delivered.first_failure.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert_with(|| error.clone());
            }
        }
    }
}

/// Why a transaction was not committed.
enum Failed {
    /// It is certain that it was not, and why passes by itself.
    Passing(Refusal),
    Fault(Fault),
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Failed {
        Failed::Fault(fault)
    }
}

impl Writer {
    /// A producer that has fenced off what another one of its name left open.
    pub(crate) fn new(
        application: &Arc<Application>,
        worker: usize,
        stop: &Arc<AtomicBool>,
        troubles: &Troubles,
    ) -> Result<Writer, Fault> {
        let mut writer = Writer {
            application: Arc::clone(application),
            worker,
            producer: None,
            delivered: Arc::new(Delivered::of(application)),
            prepared: Prepared::default(),
            transactional_id: application.transactional_id(worker),
            waits: Waits::of(&application.transactional_id(worker)),
            troubles: troubles.clone(),
            is_stale: false,
            patience: Patience { stop: Arc::clone(stop), stopped_at: Cell::new(None) },
            census: None,
            known: String::new(),
        };
        writer.open(&[])?;
        Ok(writer)
    }

    /// Replaces the producer by a new one of the same transactional id. It has a new epoch, so brokers refuse requests of the one before
    /// that reach them late, such as the end of a transaction, which would end the next one.
    fn open(&mut self, shards: &[u16]) -> Result<(), Fault> {
        self.producer.take().into_iter().for_each(drop_aside);
        self.delivered = Arc::new(Delivered::of(&self.application));
        let deliveries = Deliveries { delivered: Arc::clone(&self.delivered), troubles: self.troubles.clone() };
        let producer = ThreadedProducer::from_config_and_context(&self.application.writer(self.worker), deliveries)
            .map_err(|error| fault_of("cannot write", &error))?;
        // Who asks for transactions before a broker is there asks again half a second later.
        let _ = producer.client().fetch_metadata(Some(&self.application.topics.journal), SLICE);
        let began = Instant::now();
        let begin = || loop {
            match init_transactions(producer.client(), SLICE) {
                Err(refusal) if refusal.is_retriable && began.elapsed() < INIT_TIME && !self.patience.is_over() => {}
                done => return done,
            }
        };
        let begun = self.waits.during("the start of transactions", shards, begin);
        begun.map_err(|refusal| match refusal.code {
            // What the clients have told meanwhile says more.
            Code::OperationTimedOut => self.troubles.check().err().unwrap_or_else(|| {
                Fault::Broken(format!(
                    "no transactions yet: {refusal}; are the brokers at {} up?",
                    self.application.connection.brokers()
                ))
            }),
            code => fault(&format!("no transactions as {}", self.transactional_id), Some(code), &refusal),
        })?;
        self.producer = Some(producer);
        self.is_stale = false;
        Ok(())
    }

    /// The topics are these.
    pub(crate) fn know(&mut self, census: &Arc<Census>) {
        self.known = self.application.known(census.id(&self.application.topics.exchange));
        self.census = Some(Arc::clone(census));
    }

    /// Returns the name of its producer, which changes with each new one.
    #[cfg(test)]
    pub(crate) fn producer_name(&self) -> String {
        crate::native::name_of(self.producer().expect("it has one").client())
    }

    fn producer(&self) -> Result<&ThreadedProducer<Deliveries>, Fault> {
        self.producer.as_ref().ok_or_else(|| Fault::Broken("the writer has stopped".into()))
    }

    /// Makes bytes of what the steps have to say: no transaction is open meanwhile.
    pub(crate) fn prepare(&mut self, steps: &mut [Step<'_>]) {
        let mut watch = Watch::start();
        self.prepared.take(steps, &self.application);
        watch.book(&self.application.costs.encode);
    }

    /// Appends it all, and moves the offsets, or does nothing.
    pub(crate) fn commit(&mut self, steps: &mut [Step<'_>], membership: &Membership) -> Result<Vec<i64>, Fault> {
        if !self.prepared.is_ready {
            self.prepared.take(steps, &self.application);
        }
        self.prepared.is_ready = false;
        // Nothing is begun for shards that are gone.
        membership.fence()?;
        let shards: Vec<u16> = steps.iter().map(|step| step.journal.shard).collect();
        if self.is_stale {
            self.open(&shards)?;
        }
        let mut form = Form::within(self.application.record_bytes_max);
        let (mut attempt, began) = (1, Instant::now());
        let mut attempt_began = began;
        while let Err(failed) = self.attempt(steps, &shards, membership, form) {
            // What can be aborted is, so that nobody waits for it; else the next producer of this name does it.
            let aborted = self.abort(&shards);
            // What has become of all records is known by now.
            let letter_refused = self.delivered.letter_refused.swap(false, Relaxed);
            match failed {
                _ if letter_refused && form != Form::Place && aborted.is_ok() => {
                    warn!(
                        topic = self.application.topics.dead_letters,
                        "a dead letter was refused: those of this epoch only say where the record is, and what is wrong"
                    );
                    form = Form::Place;
                }
                // The brokers are about to agree on who leads what: as long as the shards are this worker's it goes on.
                Failed::Passing(refusal) if troubles::is_passing(refusal.code) && began.elapsed() < TIME => {}
                Failed::Passing(_) if attempt < ATTEMPTS_MAX => attempt += 1,
                Failed::Passing(refusal) => return Err(fault("the transaction", Some(refusal.code), &refusal)),
                Failed::Fault(fault) => return Err(fault),
            }
            aborted?;
            self.open(&shards)?;
            attempt_began = Instant::now();
        }
        self.is_stale = attempt_began.elapsed() >= ASKED_TWICE;
        let offset = |step: &Step<'_>| self.delivered.journal[usize::from(step.journal.shard)].load(Relaxed);
        Ok(steps.iter().map(offset).collect())
    }

    fn attempt(
        &mut self,
        steps: &[Step<'_>],
        shards: &[u16],
        membership: &Membership,
        form: Form,
    ) -> Result<(), Failed> {
        let mut watch = Watch::start();
        // What is left of an aborted one is no cause of this one's end.
        self.delivered.first_failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        let client = self.producer()?.client();
        begin_transaction(client).map_err(|refusal| self.failed("no transaction can begin", refusal))?;
        self.send(steps, form)?;
        watch.book(&self.application.costs.produce);
        let group = membership.fence()?;
        let offsets = self.offsets(steps)?;
        let client = self.producer()?.client();
        let send = || self.patience.call(OFFSETS_SLICE, |time| send_offsets(client, &offsets, &group, time));
        self.waits.during("the group is to take offsets", shards, send).map_err(|refusal| {
            match refusal.code {
                // The group has counted on since it was asked; it is asked again.
                Code::IllegalGeneration | Code::RebalanceInProgress if refusal.is_abortable => Failed::Passing(refusal),
                // Its coordinator has moved.
                code if refusal.is_abortable && troubles::is_passing(code) => Failed::Passing(refusal),
                _ => self.failed("the offsets are refused", refusal),
            }
        })?;
        watch.book(&self.application.costs.offsets);
        let commit = || self.patience.call(SLICE, |time| commit_transaction(client, time));
        let committed = self.waits.during("a transaction is to be committed", shards, commit);
        watch.book(&self.application.costs.commit);
        committed.map_err(|refusal| self.failed("the transaction", refusal))
    }

    fn failed(&self, what: &str, refusal: Refusal) -> Failed {
        let first = self.delivered.first_failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        let by_refusal = match self.troubles.refused_partition(Some(refusal.code)) {
            Some(partition) => fault(what, Some(refusal.code), &format!("{refusal} ({partition})")),
            None => fault(what, Some(refusal.code), &refusal),
        };
        // Of the records that are dropped with a transaction it is told only that they are.
        let is_cause =
            |error: &KafkaError| !matches!(error.rdkafka_error_code(), Some(Code::PurgeQueue | Code::PurgeInflight));
        Failed::Fault(match (by_refusal, first.filter(is_cause)) {
            (Fault::Broken(_), Some(error)) => {
                fault_of(&format!("{what}: {refusal}, since a record was not stored"), &error)
            }
            (by_refusal, _) => by_refusal,
        })
    }

    fn abort(&mut self, shards: &[u16]) -> Result<(), Fault> {
        let client = self.producer()?.client();
        let abort = || self.patience.call(SLICE, |time| abort_transaction(client, time));
        match self.waits.during("a transaction is to be aborted", shards, abort) {
            // The brokers know of none: nothing of it has reached them.
            Err(refusal) if refusal.code == Code::InvalidTransactionalState => Ok(()),
            Err(refusal) => Err(fault("the transaction cannot be aborted", Some(refusal.code), &refusal)),
            Ok(()) => Ok(()),
        }
    }

    fn send(&self, steps: &[Step<'_>], form: Form) -> Result<(), Fault> {
        let mut journal = Vec::new();
        let Application { topics, settings, .. } = &*self.application;
        for step in steps {
            let shard = step.journal.shard;
            // Who was erased and came back within one step is there in the end.
            let closes_removed = topics.history.iter().map(|history| (history, &step.effects.closes_removed));
            for (topic, removed) in [(&topics.scores, &step.effects.removed)].into_iter().chain(closes_removed) {
                for Removed { name, why } in removed {
                    let why =
                        OwnedHeaders::new_with_capacity(1).insert(Header { key: REMOVED, value: Some(why.word()) });
                    self.produce(record(topic, shard).key(name.as_bytes()).headers(why))?;
                }
            }
            for refused in step.refused {
                self.put_aside(&settings.inputs[refused.input].topic, shard, refused, form)?;
            }
            journal.clear();
            step.journal.encode(&mut journal);
            let journal = record(&topics.journal, shard).payload(&journal[..]).headers(self.signature());
            self.produce(journal.delivery_opaque(usize::from(shard) + 1))?;
        }
        let closes = topics.history.iter().map(|history| (history, &self.prepared.closes));
        for (topic, table) in [(&topics.scores, &self.prepared.scores)].into_iter().chain(closes) {
            let mut records = table.records().peekable();
            while let Some(&(shard, ..)) = records.peek() {
                let of_shard = std::iter::from_fn(|| records.next_if(|&(of, ..)| of == shard));
                let of_shard = of_shard.map(|(_, user, value)| (user, value));
                append(self.producer()?.client(), topic, shard, of_shard, TIME).map_err(|refusal| {
                    fault(&format!("records for {topic} cannot be stored"), Some(refusal.code), &refusal)
                })?;
            }
        }
        for (topic, (&shard, records)) in
            topics.credits.iter().flat_map(|topic| self.prepared.credits.iter().map(move |of| (topic, of)))
        {
            for credits in records {
                self.produce(record(topic, shard).payload(&credits[..]))?;
            }
        }
        for (&shard, records) in &self.prepared.told {
            for sections in records {
                self.produce(record(&topics.exchange, shard).payload(&sections[..]).headers(self.signature()))?;
            }
        }
        Ok(())
    }

    /// Writes a dead letter, to the partition of its own number. If the client takes no record of that size it is one
    /// that only says where the record is.
    fn put_aside(&self, topic: &str, shard: u16, refused: &Refused, form: Form) -> Result<(), Fault> {
        let letters = &self.application.topics.dead_letters;
        let reason = refused.reason.to_string();
        let letter = dead_letter(topic, shard, refused, &reason);
        let as_json = |form| (self.application.outputs == Encoding::Json).then(|| letter.json(form));
        let whole = as_json(form);
        match self.try_produce(letter_record(letters, shard, &letter, form, whole.as_deref()))? {
            Err(error) if error.rdkafka_error_code().is_some_and(is_about_the_record) && form != Form::Place => {
                let place = as_json(Form::Place);
                self.produce(letter_record(letters, shard, &letter, Form::Place, place.as_deref()))
            }
            Err(error) => Err(self.not_stored(letters, &error)),
            Ok(()) => Ok(()),
        }
    }

    fn signature(&self) -> OwnedHeaders {
        OwnedHeaders::new_with_capacity(1).insert(Header { key: WRITER, value: Some(&self.transactional_id) })
    }

    /// Hands a record over; if there is no room, waits until there is.
    #[inline]
    fn produce(&self, record: BaseRecord<'_, [u8], [u8], usize>) -> Result<(), Fault> {
        let topic = record.topic;
        self.try_produce(record)?.map_err(|error| self.not_stored(topic, &error))
    }

    fn not_stored(&self, topic: &str, error: &KafkaError) -> Fault {
        let code = self.producer.as_ref().and_then(|producer| troubles::cause(producer.client(), error));
        fault(&format!("a record for {topic} cannot be stored"), code, error)
    }

    /// The same; the inner error: the client does not take the record.
    #[inline]
    fn try_produce(&self, record: BaseRecord<'_, [u8], [u8], usize>) -> Result<Result<(), KafkaError>, Fault> {
        let producer = self.producer()?;
        let Err((error, mut record)) = producer.send(record) else { return Ok(Ok(())) };
        let (mut error, until) = (error, Instant::now() + TIME);
        while error.rdkafka_error_code() == Some(Code::QueueFull) && Instant::now() < until {
            thread::sleep(FULL_WAIT);
            match producer.send(record) {
                Ok(()) => return Ok(Ok(())),
                Err(back) => (error, record) = back,
            }
        }
        Ok(Err(error))
    }

    /// Of all partitions of the shards, moved or not: brokers forget those that nobody commits.
    fn offsets(&self, steps: &[Step<'_>]) -> Result<TopicPartitionList, Fault> {
        let mut list = TopicPartitionList::new();
        for step in steps {
            let Positions { exchange, inputs } = Positions::after(step.journal);
            for (topic, offset) in self.application.read().zip(inputs.into_iter().chain([exchange])) {
                let mut place = list.add_partition(topic, step.journal.shard.into());
                place.set_offset(Offset::Offset(offset)).map_err(|error| fault_of("the offsets", &error))?;
                place.set_metadata(match topic == self.application.topics.exchange {
                    true => self.known.as_str(),
                    false => self.census.as_ref().map_or("", |census| census.id(topic)),
                });
            }
        }
        Ok(list)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.producer.take().into_iter().for_each(drop_aside);
    }
}

/// What each shard is told, a section from each that tells it, in as few records as take it.
fn told(steps: &mut [Step<'_>], record_bytes_max: usize) -> BTreeMap<u16, Vec<Vec<u8>>> {
    let mut told: BTreeMap<u16, Vec<Section>> = BTreeMap::new();
    for step in steps {
        let sections = (0..).zip(step.effects.exchange.drain(..)).filter(|(_, section)| !section.is_empty());
        sections.for_each(|(shard, section)| told.entry(shard).or_default().push(section));
    }
    let bytes_max = record_bytes_max.saturating_sub(FRAME_BYTES);
    told.into_iter().map(|(shard, sections)| (shard, encode_exchange_records(sections, bytes_max))).collect()
}

/// What acts gave to the people of each shard, of all steps together, in as few records as take it.
fn credits(steps: &[Step<'_>], application: &Application) -> BTreeMap<u16, Vec<Vec<u8>>> {
    let mut given: BTreeMap<u16, (Vec<Credit>, Vec<Rated>)> = BTreeMap::new();
    for step in steps {
        if !step.effects.rated.is_empty() {
            given.entry(step.journal.shard).or_default().1.extend_from_slice(&step.effects.rated);
        }
        let of_shards = (0..).zip(&step.effects.credits).filter(|(_, credits)| !credits.is_empty());
        of_shards.for_each(|(shard, credits)| given.entry(shard).or_default().0.extend_from_slice(credits));
    }
    let a_record = (application.record_bytes_max.saturating_sub(FRAME_BYTES) / (CREDIT_BYTES + RATED_BYTES)).max(1);
    let model = &application.settings.model;
    let ageing = (model.half_life_ms, model.window_ms);
    let records = |credits: &[Credit], rated: &[Rated]| {
        let (mut credits, mut rated) = (credits.chunks(a_record), rated.chunks(a_record));
        let mut records = Vec::new();
        loop {
            let (credits, rated) = (credits.next(), rated.next());
            if credits.is_none() && rated.is_none() {
                return records;
            }
            let mut bytes = Vec::new();
            encode_credits(credits.unwrap_or_default(), rated.unwrap_or_default(), ageing, &mut bytes);
            records.push(bytes);
        }
    };
    given.into_iter().map(|(shard, (credits, rated))| (shard, records(&credits, &rated))).collect()
}

fn record(topic: &str, shard: u16) -> BaseRecord<'_, [u8], [u8], usize> {
    BaseRecord::with_opaque_to(topic, 0).partition(shard.into())
}

fn dead_letter<'a>(topic: &'a str, shard: u16, refused: &'a Refused, reason: &'a str) -> DeadLetter<'a> {
    let (stage, class) = match refused.reason {
        Reason::Malformed(_) => ("VALUE_CONVERTER", "clout.Malformed"),
        Reason::Misrouted { .. } => ("TRANSFORMATION", "clout.Misrouted"),
        Reason::Future { .. } => ("TRANSFORMATION", "clout.Future"),
        Reason::Packed(_) => ("KAFKA_CONSUME", "clout.Packed"),
    };
    let (key, value) = (refused.key.as_ref(), refused.value.as_ref());
    DeadLetter { topic, partition: shard.into(), offset: refused.offset, stage, class, reason, key, value }
}

fn letter_record<'a>(
    topic: &'a str,
    shard: u16,
    letter: &DeadLetter<'a>,
    form: Form,
    as_json: Option<&'a [u8]>,
) -> BaseRecord<'a, [u8], [u8], usize> {
    let headers = OwnedHeaders::new();
    let headers = match as_json {
        Some(_) => headers.insert(Header { key: ENCODING, value: Some("json") }),
        None => headers,
    };
    let (key, value, headers) = letter.parts(form, headers);
    let mut record = record(topic, shard).headers(headers);
    (record.key, record.payload) = (key, as_json.or(value));
    record
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use rdkafka::ClientConfig;
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;
    use crate::Connection;
    use crate::native::GroupMetadata;

    /// For what takes seconds.
    const WITHIN: Duration = Duration::from_secs(20);

    #[test]
    fn offsets_are_taken_soon_after_the_group_has_a_coordinator_again() {
        let brokers = MockCluster::new(3).expect("brokers");
        brokers.create_topic("exchange", 1, 1).expect("a topic");
        let connection = Connection::new([("bootstrap.servers".to_owned(), brokers.bootstrap_servers())]);
        let config: ClientConfig = Application::transactional(&connection, "writer", "output", 1_000_000);
        let producer: ThreadedProducer<_> = config.create().expect("a producer");
        producer.init_transactions(WITHIN).expect("a start");
        begin_transaction(producer.client()).expect("a transaction");
        producer.send(BaseRecord::<(), str>::to("exchange").payload("told")).map_err(|(error, _)| error).expect("room");
        producer.flush(WITHIN).expect("it is stored");
        // Longer than librdkafka tries by itself; then no connection changes any more.
        let away = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE; 3];
        brokers.request_errors(RDKafkaApiKey::FindCoordinator, &away);
        let (done, is_done) = channel();
        thread::spawn(move || {
            let mut offsets = TopicPartitionList::new();
            offsets.add_partition_offset("exchange", 0, Offset::Offset(1)).expect("a place");
            let group = GroupMetadata::of_nobody("readers").expect("a group");
            let sent = send_offsets(producer.client(), &offsets, &group, OFFSETS_SLICE);
            let _ = done.send(sent.and_then(|()| commit_transaction(producer.client(), WITHIN)));
        });
        assert_eq!(is_done.recv_timeout(WITHIN), Ok(Ok(())), "it is asked for no more");
        drop(brokers);
    }
}
