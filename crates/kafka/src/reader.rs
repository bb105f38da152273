//! The records of a worker's shards: each partition from the offset that it is told, in batches, each as far as there is
//! room for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use pipeline::{Batch as Records, Decoder, Fatal, Fault, Inbox, Positions, RawRecord, Reason, Refused, Room, Stamp};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode as Code;
use tracing::warn;
use vocabulary::Timestamp;
use wire::{Spelling, decode_exchange};

use crate::application::Application;
use crate::costs::Watch;
use crate::native::{Batch, Delivered, End, Packed, Partition, Record, Refusal, Wakeup, ends};
use crate::troubles::{Troubles, fault, fault_of, is_passing};

/// Messages that are taken from a partition at once,
const MESSAGES_MAX: usize = 4_096;
/// so many to begin with, and as many later as make a batch of
const MESSAGES_FIRST: usize = 256;
/// about so many bytes.
const BATCH_BYTES: usize = 1 << 20;
/// Records that are taken before the worker looks at something else.
const RECORDS_MAX: usize = 32_768;
/// So many records of a new shard say whether its inputs are keyed as they should be:
const PROOF_RECORDS: usize = 100;
/// by another partitioner, one in as many as there are partitions would be right, and the rest not.
const MISROUTED_SHARE: usize = 3;
/// Between two warnings of records that are old.
const WARN_AGAIN: Duration = Duration::from_secs(600);
/// For answers of the brokers.
const TIME: Duration = Duration::from_secs(10);
/// Between two questions.
const ASK_WAIT: Duration = Duration::from_millis(20);

/// Reads a worker's shards.
pub(crate) struct Reader {
    application: Arc<Application>,
    // Dropped before the consumer, each stops its partition first.
    shards: BTreeMap<u16, Lanes>,
    consumer: Option<Arc<BaseConsumer<Troubles>>>,
    decoders: Vec<Decoder>,
    wakeup: Arc<Wakeup>,
    batch: Batch,
    /// Shards that were never sliced, with how many of their first records there were, and were somebody else's.
    unproven: BTreeMap<u16, (usize, usize)>,
    /// When it was last said of an input that its records may be deleted before they are read.
    warned: Vec<Option<Instant>>,
    turn: usize,
}

/// The partitions of one shard.
struct Lanes {
    inputs: Vec<Lane>,
    exchange: Partition<Troubles>,
}

/// A partition of an input, how many of its messages make a batch, and which offset is the next to come.
struct Lane {
    partition: Partition<Troubles>,
    messages_max: usize,
    next: i64,
}

impl Reader {
    pub(crate) fn new(application: &Arc<Application>, worker: usize, troubles: &Troubles) -> Result<Reader, Fault> {
        let consumer = BaseConsumer::from_config_and_context(&application.reader(worker), troubles.clone())
            .map_err(|error| fault_of("cannot read", &error))?;
        let settings = &application.settings;
        Ok(Reader {
            application: Arc::clone(application),
            shards: BTreeMap::new(),
            consumer: Some(Arc::new(consumer)),
            decoders: (0..settings.inputs.len()).map(|input| Decoder::new(settings, input)).collect(),
            wakeup: Wakeup::here(),
            batch: Batch::of(MESSAGES_MAX),
            unproven: BTreeMap::new(),
            warned: vec![None; settings.inputs.len()],
            turn: 0,
        })
    }

    /// Reads a shard from these positions on. Returns where what can be read of each input ends.
    pub(crate) fn start(&mut self, shard: u16, positions: &Positions, is_new: bool) -> Result<Vec<i64>, Fault> {
        self.stop(shard);
        let readable = self.check(shard, positions)?;
        let consumer = self.consumer.as_ref().ok_or_else(|| Fault::Broken("the reader has stopped".into()))?;
        let offsets = || positions.inputs.iter().copied().chain([positions.exchange]);
        let start = |(topic, offset): (&str, i64)| {
            Partition::start(consumer, topic, shard.into(), offset, &self.wakeup)
                .map_err(|refusal| fault(&format!("cannot read {topic}[{shard}]"), Some(refusal.code), &refusal))
        };
        let mut lanes = self.application.read().zip(offsets()).map(start).collect::<Result<Vec<_>, _>>()?;
        let exchange = lanes.pop().ok_or_else(|| Fault::Broken("there is no exchange".into()))?;
        if is_new {
            self.unproven.insert(shard, (0, 0));
        }
        let lane = |(partition, next)| Lane { partition, messages_max: MESSAGES_FIRST, next };
        let inputs = lanes.into_iter().zip(offsets()).map(lane).collect();
        self.shards.insert(shard, Lanes { inputs, exchange });
        Ok(readable)
    }

    /// The next offset to come of each input of a shard; of a shard that is not read, none.
    pub(crate) fn next(&self, shard: u16) -> impl Iterator<Item = i64> {
        self.shards.get(&shard).into_iter().flat_map(|lanes| lanes.inputs.iter().map(|lane| lane.next))
    }

    /// What is needed must be there. Returns where what can be read of each input ends.
    fn check(&self, shard: u16, positions: &Positions) -> Result<Vec<i64>, Fault> {
        let consumer = self.consumer.as_ref().ok_or_else(|| Fault::Broken("the reader has stopped".into()))?;
        let places: Vec<(&str, i32)> = self.application.read().map(|topic| (topic, shard.into())).collect();
        let ask = |end| {
            let until = Instant::now() + TIME;
            loop {
                match ends(consumer.client(), &places, end, TIME) {
                    Ok(offsets) => return Ok(offsets),
                    Err(refusal) if is_passing(refusal.code) && Instant::now() < until => thread::sleep(ASK_WAIT),
                    Err(refusal) => {
                        return Err(fault("the ends of the inputs are not told", Some(refusal.code), &refusal));
                    }
                }
            }
        };
        let mut stable = ask(End::Stable)?;
        stable.truncate(positions.inputs.len());
        let (begins, written) = (ask(End::Begin)?, ask(End::Written)?);
        let needed = positions.inputs.iter().copied().chain([positions.exchange]);
        for (((topic, _), needed), (begins, ends)) in places.iter().zip(needed).zip(begins.into_iter().zip(written)) {
            let (topic, partition) = ((*topic).to_owned(), shard);
            if needed > ends {
                return Err(Fatal::Shortened { topic, partition, ends, needed }.into());
            }
            if needed < begins {
                return Err(Fatal::Expired { topic, partition, begins, needed }.into());
            }
        }
        Ok(stable)
    }

    /// Reads a shard no more.
    pub(crate) fn stop(&mut self, shard: u16) {
        self.shards.remove(&shard);
        self.unproven.remove(&shard);
    }

    /// Adds what there is to the inbox, after so long at the latest.
    pub(crate) fn fetch(&mut self, wait_ms: i64, now: Timestamp, room: &Room, inbox: &mut Inbox) -> Result<(), Fault> {
        let until = Instant::now() + Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0));
        loop {
            let records = self.take(now, room, inbox)?;
            let left = until.saturating_duration_since(Instant::now());
            if records > 0 || left.is_zero() {
                return Ok(());
            }
            // Whatever arrives in between has woken this thread already.
            let mut watch = Watch::start();
            thread::park_timeout(left);
            watch.book(&self.application.costs.idle);
        }
    }

    /// Takes what is there, partition by partition, beginning with another shard each time.
    fn take(&mut self, now: Timestamp, room: &Room, inbox: &mut Inbox) -> Result<usize, Fault> {
        self.turn += 1;
        let Reader { application, shards, decoders, batch, unproven, warned, .. } = self;
        let first = self.turn % shards.len().max(1);
        let mut taken = 0;
        let numbers: Vec<u16> = shards.keys().copied().collect();
        for shard in numbers.iter().skip(first).chain(numbers.iter().take(first)).copied() {
            let Some(lanes) = shards.get_mut(&shard) else { continue };
            if room.has_exchange(shard) {
                taken += take_exchange(application, shard, &lanes.exchange, batch, inbox)?;
            }
            for (input, (lane, decoder)) in lanes.inputs.iter_mut().zip(&mut *decoders).enumerate() {
                let records = room.records(shard, input).min(RECORDS_MAX.saturating_sub(taken));
                let room = LaneRoom { records, bytes: room.bytes(shard, input) };
                let place = Place { application, shard, input };
                let mut oldest = Timestamp::MAX;
                taken += take_records(&place, lane, decoder, room, now, batch, unproven, inbox, &mut oldest)?;
                warn_of_age(&place, now, oldest, &mut warned[input]);
            }
        }
        Ok(taken)
    }
}

/// Where records come from.
struct Place<'a> {
    application: &'a Application,
    shard: u16,
    input: usize,
}

impl Place<'_> {
    fn topic(&self) -> &str {
        &self.application.settings.inputs[self.input].topic
    }
}

/// What is taken of a lane at most.
#[derive(Clone, Copy)]
struct LaneRoom {
    records: usize,
    bytes: usize,
}

#[expect(clippy::too_many_arguments, reason = "they are the reader's own parts, borrowed one by one")]
fn take_records(
    place: &Place<'_>,
    lane: &mut Lane,
    decoder: &mut Decoder,
    room: LaneRoom,
    now: Timestamp,
    batch: &mut Batch,
    unproven: &mut BTreeMap<u16, (usize, usize)>,
    inbox: &mut Inbox,
    oldest: &mut Timestamp,
) -> Result<usize, Fault> {
    let (mut taken, mut bytes) = (0, 0);
    while taken < room.records && bytes < room.bytes {
        let mut records: Option<Records> = None;
        let mut failed = None;
        let messages_max = lane.messages_max.min(room.records - taken);
        let next = &mut lane.next;
        let count = lane.partition.read(batch, messages_max, &place.application.costs, |delivered| match delivered {
            Delivered::End(offset) => *next = offset.max(*next),
            Delivered::Record(Record { offset, stamp, key, value }) => {
                let records = records.get_or_insert_with(|| Records::new(offset));
                let (Stamp::Created(at) | Stamp::Stored(at)) = stamp;
                // A record without a time has a negative one.
                if at >= 0 {
                    *oldest = at.min(*oldest);
                }
                let raw = RawRecord { offset, stamp, key, value };
                decoder.decode(place.shard, &raw, now, records);
            }
            Delivered::Packed(offset, Packed { key, value, reason }) => {
                let reason = Reason::Packed(reason);
                let records = records.get_or_insert_with(|| Records::new(offset));
                records.push_refused(Refused { input: place.input, offset, key, value, reason });
            }
            Delivered::Failed(refusal) => failed = Some(refusal),
        });
        if let Some(records) = records {
            lane.next = records.next().max(lane.next);
            prove(place, &records, unproven)?;
            taken += records.len();
            bytes += records.bytes();
            lane.messages_max = (BATCH_BYTES * records.len() / records.bytes().max(1)).clamp(1, MESSAGES_MAX);
            inbox.records(place.shard, place.input, Arc::new(records));
        }
        if let Some(refusal) = failed {
            return Err(read_fault(place.topic(), place.shard, &refusal));
        }
        if count == 0 {
            break;
        }
    }
    Ok(taken)
}

/// Brokers delete by the time that records carry, whether they were read or not: said in good time, now and then.
fn warn_of_age(place: &Place<'_>, now: Timestamp, oldest: Timestamp, warned: &mut Option<Instant>) {
    let Some(&retention_ms) = place.application.retention_ms.get(place.topic()) else { return };
    let age_ms = now.saturating_sub(oldest);
    if age_ms <= retention_ms / 2 || warned.is_some_and(|at| at.elapsed() < WARN_AGAIN) {
        return;
    }
    *warned = Some(Instant::now());
    warn!(
        topic = place.topic(),
        partition = place.shard,
        age_hours = age_ms / 3_600_000,
        retention_hours = retention_ms / 3_600_000,
        "records are older than half of their topic's retention.ms: brokers delete them by the time that their producers give \
         them, perhaps before they are read; raise it, or set message.timestamp.type=LogAppendTime"
    );
}

/// The first records of a new shard must not be other shards'.
fn prove(place: &Place<'_>, records: &Records, unproven: &mut BTreeMap<u16, (usize, usize)>) -> Result<(), Fault> {
    let Some((seen, misrouted)) = unproven.get_mut(&place.shard) else { return Ok(()) };
    *seen += records.len();
    *misrouted += records.misrouted();
    let (seen, misrouted) = (*seen, *misrouted);
    if seen < PROOF_RECORDS {
        return Ok(());
    }
    unproven.remove(&place.shard);
    if misrouted * MISROUTED_SHARE < seen {
        return Ok(());
    }
    let (topic, shard) = (place.topic(), place.shard);
    let is_folded = place.application.settings.names.spelling() == Spelling::Folded;
    Err(Fatal::Log(format!(
        "{topic}[{shard}]: {misrouted} of the first {seen} records (to offset {}) belong to other partitions: the topic is \
         not keyed by user{} with this partitioner; set the one that its producers use (murmur2 for Java, consistent for \
         librdkafka), or re-key the topic with `clout route`",
        records.next(),
        if is_folded { " as names are folded (model.names)" } else { "" },
    ))
    .into())
}

fn take_exchange(
    application: &Application,
    shard: u16,
    partition: &Partition<Troubles>,
    batch: &mut Batch,
    inbox: &mut Inbox,
) -> Result<usize, Fault> {
    let topic = &application.topics.exchange;
    let mut failed = None;
    let foreign = |offset: i64, error: &dyn std::fmt::Display| {
        Fatal::Log(format!(
            "{topic}[{shard}]@{offset} cannot be read: {error}; something else than this program wrote to the topic: take \
             its records away, or start under a new application id"
        ))
    };
    let count = partition.read(batch, MESSAGES_MAX, &application.costs, |delivered| match delivered {
        Delivered::Record(record) => match decode_exchange(record.value.unwrap_or_default()) {
            Ok(sections) => inbox.exchange(shard, record.offset, sections),
            Err(error) => failed = Some(foreign(record.offset, &error).into()),
        },
        Delivered::Packed(offset, Packed { reason, .. }) => failed = Some(foreign(offset, &reason).into()),
        Delivered::End(_) => {}
        Delivered::Failed(refusal) => failed = Some(read_fault(topic, shard, &refusal)),
    });
    failed.map_or(Ok(count), Err)
}

fn read_fault(topic: &str, shard: u16, refusal: &Refusal) -> Fault {
    match refusal.code {
        // The next restore finds out which end is missing.
        Code::AutoOffsetReset | Code::OffsetOutOfRange => {
            Fault::Broken(format!("{topic}[{shard}] does not have the next offset any more: {refusal}"))
        }
        // It would be fetched again, and be the same.
        Code::BadCompression | Code::BadMessage | Code::NotImplemented => Fatal::Log(format!(
            "cannot read {topic}[{shard}]: {refusal}; if no client can, delete the records to the end of this batch \
             (kafka-delete-records.sh), and start once with the `--accept-gap` that the next error names"
        ))
        .into(),
        code => fault(&format!("cannot read {topic}[{shard}]"), Some(code), refusal),
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shards.clear();
        if let Some(consumer) = self.consumer.take() {
            crate::aside::drop_aside(consumer);
        }
    }
}
