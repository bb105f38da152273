//! librdkafka's own calls, where the safe wrapper has none or waits longer than it must. The only module that is unsafe;
//! what it shows to the others is safe.
//!
//! - Partitions are read in batches, each from a queue of its own: 105 to 170 ns a message where polling takes 300.
//! - Records are handed over many at once, where one after the other takes three times as long.
//! - A commit returns when it is done: the wrapper's own flush waits until a tenth of a second is over.
//! - Offsets are sent with the very metadata of the group that was looked at before.
//! - The ends of a topic are asked for at both isolation levels, and its id, with any client.
//! - Of a group its coordinator is asked, who says if it is not to be seen: lists of groups leave it out.
#![allow(unsafe_code, reason = "librdkafka is a C library")]

#[cfg(target_os = "linux")]
mod leaders;
#[cfg(target_os = "linux")]
mod unpack;

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fmt;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use pipeline::{Kept, Stamp};
use rdkafka::admin::AdminClient;
use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{IsError, KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use vocabulary::Timestamp;

use crate::costs::{Costs, Watch};

/// Between two tries to hand records over.
pub(crate) const FULL_WAIT: Duration = Duration::from_millis(1);

/// The librdkafka whose private functions `leaders` and `unpack` wrap: 2.12.1. Another one would be linked as well, and go
/// wrong somewhere; whoever takes one compares those functions first.
const WRAPPED_VERSION: c_int = 0x020c_01ff;
const _: () = assert!(c::RD_KAFKA_VERSION == WRAPPED_VERSION, "another librdkafka: look at native/*.rs first");

/// Whether the librdkafka that is linked is the one that is meant; the compiler has only seen its declarations.
pub(crate) fn check_version() -> Result<(), String> {
    // SAFETY: it has no conditions.
    let linked = unsafe { c::rd_kafka_version() };
    if linked == WRAPPED_VERSION { Ok(()) } else { Err(wrong_version(linked)) }
}

fn wrong_version(linked: c_int) -> String {
    format!(
        "this program is linked with librdkafka {linked:#010x} and made for {WRAPPED_VERSION:#010x}: build it with the \
         versions of its Cargo.lock"
    )
}

/// What librdkafka says of a call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: RDKafkaErrorCode,
    text: String,
    /// The transaction must be aborted, and then another one may begin.
    pub(crate) is_abortable: bool,
    /// The same call goes on where it was.
    pub(crate) is_retriable: bool,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Refusal {
    fn of(code: RDKafkaRespErr) -> Refusal {
        let code = RDKafkaErrorCode::from(code);
        Refusal { code, text: code.to_string(), is_abortable: false, is_retriable: false }
    }

    /// Takes what a call returned.
    fn check(error: *mut c::rd_kafka_error_t) -> Result<(), Refusal> {
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: the error is ours until it is destroyed, and its text lives as long as it does.
        let refusal = unsafe {
            Refusal {
                code: RDKafkaErrorCode::from(c::rd_kafka_error_code(error)),
                text: owned(c::rd_kafka_error_string(error)),
                is_abortable: c::rd_kafka_error_txn_requires_abort(error) != 0,
                is_retriable: c::rd_kafka_error_is_retriable(error) != 0,
            }
        };
        // SAFETY: it is destroyed once, here.
        unsafe { c::rd_kafka_error_destroy(error) };
        Err(refusal)
    }
}

/// # Safety
/// The text must be null, or end with a zero.
unsafe fn owned(text: *const c_char) -> String {
    // SAFETY: the caller says so.
    if text.is_null() { String::new() } else { unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned() }
}

fn millis(time: Duration) -> c_int {
    c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX)
}

/// Wakes the thread that made it whenever a partition that was read dry has something to deliver.
#[derive(Debug)]
pub(crate) struct Wakeup(Thread);

impl Wakeup {
    pub(crate) fn here() -> Arc<Wakeup> {
        Arc::new(Wakeup(thread::current()))
    }
}

unsafe extern "C" fn wake(_: *mut c::rd_kafka_t, wakeup: *mut c_void) {
    // SAFETY: it is the wakeup of a partition, which takes the call-back away before it lets go of it.
    unsafe { &*wakeup.cast::<Wakeup>() }.0.unpark();
}

/// A client's topic. What is under way keeps it as well.
struct Topic(NonNull<c::rd_kafka_topic_t>);

impl Topic {
    fn of<C: ClientContext>(client: &Client<C>, name: &str) -> Result<Topic, Refusal> {
        let invalid = || Refusal::of(RDKafkaRespErr::RD_KAFKA_RESP_ERR__INVALID_ARG);
        let name = CString::new(name).map_err(|_| invalid())?;
        // SAFETY: the client lives, and so does the name; a topic without a configuration takes the client's.
        let topic = unsafe { c::rd_kafka_topic_new(client.native_ptr(), name.as_ptr(), ptr::null_mut()) };
        NonNull::new(topic).map(Topic).ok_or_else(invalid)
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: it is ours, and destroyed once, here.
        unsafe { c::rd_kafka_topic_destroy(self.0.as_ptr()) };
    }
}

/// One partition that a consumer without a group reads from an offset on, into a queue of its own.
pub(crate) struct Partition<C: ConsumerContext> {
    topic: Topic,
    queue: NonNull<c::rd_kafka_queue_t>,
    partition: i32,
    /// Both are used by librdkafka as long as the queue lives.
    _wakeup: Arc<Wakeup>,
    _consumer: Arc<BaseConsumer<C>>,
}

/// What a partition delivers.
pub(crate) enum Delivered<'a> {
    Record(Record<'a>),
    /// A record, or all of a batch whose first offset this is, that cannot be read.
    Packed(i64, Packed),
    /// Nothing more is there for now, and the next record has this offset or a later one.
    End(i64),
    Failed(Refusal),
}

/// Records that lie in a batch that cannot be unpacked, or not as a whole.
pub(crate) struct Packed {
    /// What is known of the key,
    pub(crate) key: Option<Kept>,
    /// and of the value.
    pub(crate) value: Option<Kept>,
    /// Why the rest is not.
    pub(crate) reason: String,
}

/// What a record says of itself or others that cannot be read; `None` for a record as somebody wrote it.
#[cfg(target_os = "linux")]
pub(crate) fn packed(key: Option<&[u8]>, value: Option<&[u8]>) -> Option<Packed> {
    unpack::packed(key, value?)
}

/// The same, where nothing is wrapped.
#[cfg(not(target_os = "linux"))]
pub(crate) fn packed(_: Option<&[u8]>, _: Option<&[u8]>) -> Option<Packed> {
    None
}

/// A record as it lies in librdkafka's memory.
pub(crate) struct Record<'a> {
    pub(crate) offset: i64,
    pub(crate) stamp: Stamp,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
}

/// Room for the messages of one read.
pub(crate) struct Batch(Vec<*mut c::rd_kafka_message_t>);

impl Batch {
    pub(crate) fn of(messages_max: usize) -> Batch {
        Batch(vec![ptr::null_mut(); messages_max])
    }
}

impl<C: ConsumerContext> Partition<C> {
    /// Begins to read at this offset.
    pub(crate) fn start(
        consumer: &Arc<BaseConsumer<C>>,
        topic: &str,
        partition: i32,
        offset: i64,
        wakeup: &Arc<Wakeup>,
    ) -> Result<Partition<C>, Refusal> {
        let topic = Topic::of(consumer.client(), topic)?;
        // SAFETY: the client lives.
        let queue = NonNull::new(unsafe { c::rd_kafka_queue_new(consumer.client().native_ptr()) })
            .ok_or_else(|| Refusal::of(RDKafkaRespErr::RD_KAFKA_RESP_ERR__INVALID_ARG))?;
        let (_wakeup, _consumer) = (Arc::clone(wakeup), Arc::clone(consumer));
        let reading = Partition { topic, queue, partition, _wakeup, _consumer };
        // SAFETY: the wakeup lives until the call-back is taken away, when the partition is dropped.
        unsafe {
            c::rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(wake), Arc::as_ptr(wakeup).cast_mut().cast());
        }
        // SAFETY: topic and queue live as long as the partition, which stops before it destroys them.
        match unsafe { c::rd_kafka_consume_start_queue(reading.topic.0.as_ptr(), partition, offset, queue.as_ptr()) } {
            0 => Ok(reading),
            // SAFETY: it is asked on the thread whose call has failed.
            _ => Err(Refusal::of(unsafe { c::rd_kafka_last_error() })),
        }
    }

    /// Takes what is there, so many messages at most, without waiting. Returns their number.
    pub(crate) fn read(
        &self,
        batch: &mut Batch,
        messages_max: usize,
        costs: &Costs,
        mut take: impl FnMut(Delivered<'_>),
    ) -> usize {
        let mut watch = Watch::start();
        let room = messages_max.min(batch.0.len());
        // SAFETY: the batch has room for so many, and the queue lives.
        let count = unsafe { c::rd_kafka_consume_batch_queue(self.queue.as_ptr(), 0, batch.0.as_mut_ptr(), room) };
        let messages = &batch.0[..usize::try_from(count).unwrap_or(0)];
        watch.book(&costs.fetch);
        for &message in messages {
            // SAFETY: the first `count` were given to us, each is looked at before it is destroyed, once.
            unsafe {
                take(delivered(&*message));
                c::rd_kafka_message_destroy(message);
            }
        }
        watch.book(&costs.decode);
        messages.len()
    }
}

impl<C: ConsumerContext> Drop for Partition<C> {
    fn drop(&mut self) {
        // SAFETY: nobody else uses topic and queue; the topic goes after the queue. Stopping what never started is no harm.
        unsafe {
            c::rd_kafka_consume_stop(self.topic.0.as_ptr(), self.partition);
            c::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, ptr::null_mut());
            c::rd_kafka_queue_destroy(self.queue.as_ptr());
        }
    }
}

/// # Safety
/// The message must live as long as what is made of it.
unsafe fn delivered(message: &c::rd_kafka_message_t) -> Delivered<'_> {
    // SAFETY: of both the message says where they are and how long.
    let (key, value) =
        unsafe { (bytes(message.key, message.key_len, message), bytes(message.payload, message.len, message)) };
    if message.err == RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF {
        return Delivered::End(message.offset);
    }
    if message.err.is_error() {
        let told = value.map(|text| String::from_utf8_lossy(text).into_owned()).filter(|text| !text.is_empty());
        let refusal = Refusal::of(message.err);
        return Delivered::Failed(Refusal { text: told.unwrap_or(refusal.text), ..refusal });
    }
    if let Some(packed) = packed(key, value) {
        return Delivered::Packed(message.offset, packed);
    }
    let mut kind = c::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    // SAFETY: the message lives.
    let at: Timestamp = unsafe { c::rd_kafka_message_timestamp(message, &mut kind) };
    let stamp = match kind {
        c::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => Stamp::Stored(at),
        _ => Stamp::Created(at),
    };
    Delivered::Record(Record { offset: message.offset, stamp, key, value })
}

/// # Safety
/// The bytes must be null, or that many in the memory of the message.
unsafe fn bytes(start: *mut c_void, len: usize, _: &c::rd_kafka_message_t) -> Option<&[u8]> {
    // SAFETY: the caller says so.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start.cast::<u8>(), len) })
}

/// What a group knows of one of its members.
pub(crate) struct GroupMetadata(NonNull<c::rd_kafka_consumer_group_metadata_t>);

impl GroupMetadata {
    /// As of now; `None` without a group.
    pub(crate) fn of<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Option<GroupMetadata> {
        // SAFETY: the client lives.
        NonNull::new(unsafe { c::rd_kafka_consumer_group_metadata(consumer.client().native_ptr()) }).map(GroupMetadata)
    }

    /// Of nobody: a group takes offsets from whoever is no member, as long as it has none.
    #[cfg(test)]
    pub(crate) fn of_nobody(group: &str) -> Option<GroupMetadata> {
        let group = CString::new(group).ok()?;
        // SAFETY: the name is copied.
        NonNull::new(unsafe { c::rd_kafka_consumer_group_metadata_new(group.as_ptr()) }).map(GroupMetadata)
    }

    /// The member's name; empty for none.
    pub(crate) fn member_id(&self) -> String {
        // SAFETY: the name lives as long as the metadata.
        unsafe { owned(c::rd_kafka_consumer_group_metadata_member_id(self.0.as_ptr())) }
    }

    /// Counts the group's rebalances; negative for who is no member.
    pub(crate) fn generation(&self) -> i32 {
        // SAFETY: the metadata lives.
        unsafe { c::rd_kafka_consumer_group_metadata_generation_id(self.0.as_ptr()) }
    }
}

impl Drop for GroupMetadata {
    fn drop(&mut self) {
        // SAFETY: it is destroyed once, here.
        unsafe { c::rd_kafka_consumer_group_metadata_destroy(self.0.as_ptr()) };
    }
}

/// Begins a transaction.
pub(crate) fn begin_transaction<C: ClientContext>(producer: &Client<C>) -> Result<(), Refusal> {
    // SAFETY: the client lives.
    Refusal::check(unsafe { c::rd_kafka_begin_transaction(producer.native_ptr()) })
}

/// Moves a group's offsets with the transaction.
pub(crate) fn send_offsets<C: ClientContext>(
    producer: &Client<C>,
    offsets: &TopicPartitionList,
    group: &GroupMetadata,
    time: Duration,
) -> Result<(), Refusal> {
    // SAFETY: all three live, and are only read.
    Refusal::check(unsafe {
        c::rd_kafka_send_offsets_to_transaction(producer.native_ptr(), offsets.ptr(), group.0.as_ptr(), millis(time))
    })
}

/// Commits a transaction whose delivery reports another thread takes.
pub(crate) fn commit_transaction<C: ClientContext>(producer: &Client<C>, time: Duration) -> Result<(), Refusal> {
    // SAFETY: the client lives.
    Refusal::check(unsafe { c::rd_kafka_commit_transaction(producer.native_ptr(), millis(time)) })
}

/// Returns librdkafka's name of a client; no two clients of a process have the same.
#[cfg(test)]
pub(crate) fn name_of<C: ClientContext>(client: &Client<C>) -> String {
    // SAFETY: the client lives, and its name as long as it does.
    unsafe { owned(c::rd_kafka_name(client.native_ptr())) }
}

/// Begins a new epoch of the producer's transactional id, which fences off every producer with an earlier one.
pub(crate) fn init_transactions<C: ClientContext>(producer: &Client<C>, time: Duration) -> Result<(), Refusal> {
    // SAFETY: the client lives.
    Refusal::check(unsafe { c::rd_kafka_init_transactions(producer.native_ptr(), millis(time)) })
}

/// Aborts it.
pub(crate) fn abort_transaction<C: ClientContext>(producer: &Client<C>, time: Duration) -> Result<(), Refusal> {
    // SAFETY: the client lives.
    Refusal::check(unsafe { c::rd_kafka_abort_transaction(producer.native_ptr(), millis(time)) })
}

/// Records that are handed over at once.
const APPENDED_MAX: usize = 1024;

/// Hands records over, keys and values, for one partition. Where there is no room it waits, for so long at most.
pub(crate) fn append<'a, C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    partition: u16,
    mut records: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    time: Duration,
) -> Result<(), Refusal> {
    let topic = Topic::of(client, topic)?;
    let mut messages = Vec::with_capacity(APPENDED_MAX);
    loop {
        messages.clear();
        messages.extend(records.by_ref().take(APPENDED_MAX).map(|(key, value)| message(key, value)));
        if messages.is_empty() {
            return Ok(());
        }
        append_messages(&topic, partition, &mut messages, time)?;
    }
}

fn message(key: &[u8], value: &[u8]) -> c::rd_kafka_message_t {
    c::rd_kafka_message_t {
        err: RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR,
        rkt: ptr::null_mut(),
        partition: 0,
        payload: value.as_ptr().cast_mut().cast(),
        len: value.len(),
        key: key.as_ptr().cast_mut().cast(),
        key_len: key.len(),
        offset: 0,
        _private: ptr::null_mut(),
    }
}

fn append_messages(
    topic: &Topic,
    partition: u16,
    messages: &mut [c::rd_kafka_message_t],
    time: Duration,
) -> Result<(), Refusal> {
    let (mut rest, until) = (messages, Instant::now() + time);
    loop {
        let (partition, count) = (i32::from(partition), c_int::try_from(rest.len()).unwrap_or(c_int::MAX));
        // SAFETY: the topic lives; keys and values are copied before the call returns.
        unsafe {
            let copy = c::RD_KAFKA_MSG_F_COPY as c_int;
            c::rd_kafka_produce_batch(topic.0.as_ptr(), partition, copy, rest.as_mut_ptr(), count);
        }
        let Some(refused) = rest.iter().position(|message| message.err.is_error()) else { return Ok(()) };
        rest = &mut rest[refused..];
        match rest[0].err {
            // Then there is none for those behind it.
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__QUEUE_FULL if Instant::now() < until => thread::sleep(FULL_WAIT),
            error => return Err(Refusal::of(error)),
        }
    }
}

/// Which end of a partition is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The first offset that there is.
    Begin,
    /// Behind the last record that is committed, or aborted, with nothing pending before it.
    Stable,
    /// Behind the last record.
    Written,
}

/// The ends of partitions, in their order. Whoever is refused asks for the leaders anew first.
pub(crate) fn ends<C: ClientContext>(
    client: &Client<C>,
    partitions: &[(&str, i32)],
    end: End,
    time: Duration,
) -> Result<Vec<i64>, Refusal> {
    let (offset, isolation) = match end {
        End::Begin => (Offset::Beginning, c::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED),
        End::Stable => (Offset::End, c::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED),
        End::Written => (Offset::End, c::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED),
    };
    let list = list(partitions.iter().map(|&(topic, partition)| (topic, partition, offset)))?;
    let asked = Asked::new(client, c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS, time)?;
    // SAFETY: options, list and queue live until the answer is there or has been given up.
    let event = unsafe {
        Refusal::check(c::rd_kafka_AdminOptions_set_isolation_level(asked.options, isolation))?;
        c::rd_kafka_ListOffsets(client.native_ptr(), list.ptr(), asked.options, asked.queue);
        asked.answer(time)?
    };
    // SAFETY: the event is the answer to what was asked, and lives until it is dropped.
    let found = unsafe { listed(event.0) };
    let told = |&(topic, partition): &(&str, i32)| {
        let place = found.iter().find(|(found, of, _)| (found.as_str(), *of) == (topic, partition));
        let told = place.map_or_else(
            || Err(Refusal::of(RDKafkaRespErr::RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)),
            |(_, _, offset)| offset.clone(),
        );
        if told.is_err() {
            UNANSWERED.store(true, Relaxed);
            // The leader may be another one by now, or lead in another epoch: without that, the next answer is the same.
            let _ = client.fetch_metadata(Some(topic), time);
        }
        told
    };
    partitions.iter().map(told).collect()
}

type Listed = Vec<(String, i32, Result<i64, Refusal>)>;

/// # Safety
/// The event must be the answer of a listing.
unsafe fn listed(event: *mut c::rd_kafka_event_t) -> Listed {
    let mut count = 0;
    // SAFETY: the caller says so; the infos and what they point to live as long as the event.
    unsafe {
        let result = c::rd_kafka_event_ListOffsets_result(event);
        if result.is_null() {
            return Vec::new();
        }
        let infos = c::rd_kafka_ListOffsets_result_infos(result, &mut count);
        let infos = if infos.is_null() { &[] } else { slice::from_raw_parts(infos, count) };
        infos
            .iter()
            .map(|&info| {
                let place = &*c::rd_kafka_ListOffsetsResultInfo_topic_partition(info);
                let offset = match place.offset {
                    _ if place.err.is_error() => Err(Refusal::of(place.err)),
                    offset @ 0.. => Ok(offset),
                    // One whose leader has not answered is told without error, and without offset.
                    _ => Err(Refusal::of(RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)),
                };
                (owned(place.topic), place.partition, offset)
            })
            .collect()
    }
}

/// Deletes the records before these offsets.
pub(crate) fn delete_records<'a, C: ClientContext>(
    client: &Client<C>,
    before: impl IntoIterator<Item = (&'a str, i32, i64)>,
    time: Duration,
) -> Result<(), Refusal> {
    let before = before.into_iter().map(|(topic, partition, offset)| (topic, partition, Offset::Offset(offset)));
    let list = list(before)?;
    let asked = Asked::new(client, c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DELETERECORDS, time)?;
    // SAFETY: the request copies the list, and is destroyed once; options and queue live until the answer is there.
    let event = unsafe {
        let mut request = c::rd_kafka_DeleteRecords_new(list.ptr());
        c::rd_kafka_DeleteRecords(client.native_ptr(), &mut request, 1, asked.options, asked.queue);
        c::rd_kafka_DeleteRecords_destroy(request);
        asked.answer(time)?
    };
    // SAFETY: the event is the answer to what was asked; its list lives as long as it does.
    unsafe {
        let result = c::rd_kafka_event_DeleteRecords_result(event.0);
        let offsets = c::rd_kafka_DeleteRecords_result_offsets(result);
        if offsets.is_null() {
            return Ok(());
        }
        let places = slice::from_raw_parts((*offsets).elems, usize::try_from((*offsets).cnt).unwrap_or(0));
        let refused = places.iter().find(|place| place.err.is_error());
        UNANSWERED.store(refused.is_some(), Relaxed);
        refused.map_or(Ok(()), |place| Err(Refusal::of(place.err)))
    }
}

/// What a topic is known by, and how many partitions it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) id: String,
    pub(crate) partitions: usize,
    /// Whether this user may delete it; brokers that do not say so find out when it is tried.
    pub(crate) may_delete: bool,
}

/// A consumer group; one that is not there has no members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DescribedGroup {
    /// As `client at host`.
    pub(crate) members: Vec<String>,
    /// As of topics.
    pub(crate) may_delete: bool,
}

/// By the topics' names.
pub(crate) type Descriptions = Vec<(String, Result<Described, Refusal>)>;

/// Describes topics, in any order.
pub(crate) fn describe<C: ClientContext>(
    client: &Client<C>,
    topics: &[&str],
    time: Duration,
) -> Result<Descriptions, Refusal> {
    let invalid = |_| Refusal::of(RDKafkaRespErr::RD_KAFKA_RESP_ERR__INVALID_ARG);
    let names: Vec<CString> =
        topics.iter().map(|&topic| CString::new(topic)).collect::<Result<_, _>>().map_err(invalid)?;
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let asked = Asked::new(client, c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, time)?;
    // SAFETY: the collection copies the names, and is destroyed once; options and queue live until the answer is there.
    let event = unsafe {
        Refusal::check(c::rd_kafka_AdminOptions_set_include_authorized_operations(asked.options, 1))?;
        let collection = c::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
        c::rd_kafka_DescribeTopics(client.native_ptr(), collection, asked.options, asked.queue);
        c::rd_kafka_TopicCollection_destroy(collection);
        asked.answer(time)?
    };
    let mut count = 0;
    // SAFETY: the event is the answer to what was asked; what it holds lives as long as it does.
    unsafe {
        let result = c::rd_kafka_event_DescribeTopics_result(event.0);
        let found = c::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        let found = if found.is_null() { &[] } else { slice::from_raw_parts(found, count) };
        Ok(found.iter().map(|&topic| (owned(c::rd_kafka_TopicDescription_name(topic)), described(topic))).collect())
    }
}

/// # Safety
/// The description must live.
unsafe fn described(topic: *const c::rd_kafka_TopicDescription_t) -> Result<Described, Refusal> {
    // SAFETY: the caller says so; its parts live as long as it does.
    unsafe {
        let error = c::rd_kafka_TopicDescription_error(topic);
        let code = c::rd_kafka_error_code(error);
        if code.is_error() {
            return Err(Refusal { text: owned(c::rd_kafka_error_string(error)), ..Refusal::of(code) });
        }
        let mut partitions = 0;
        c::rd_kafka_TopicDescription_partitions(topic, &mut partitions);
        let id = owned(c::rd_kafka_Uuid_base64str(c::rd_kafka_TopicDescription_topic_id(topic)));
        let mut count = 0;
        let operations = c::rd_kafka_TopicDescription_authorized_operations(topic, &mut count);
        Ok(Described { id, partitions, may_delete: may_delete(operations, count) })
    }
}

/// # Safety
/// The operations must be null, or so many.
unsafe fn may_delete(operations: *const c::rd_kafka_AclOperation_t, count: usize) -> bool {
    // SAFETY: the caller says so.
    let of = || unsafe { slice::from_raw_parts(operations, count) };
    operations.is_null() || count == 0 || of().contains(&c::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_DELETE)
}

/// Describes a consumer group.
pub(crate) fn describe_group<C: ClientContext>(
    client: &Client<C>,
    group: &str,
    time: Duration,
) -> Result<DescribedGroup, Refusal> {
    let name = CString::new(group).map_err(|_| Refusal::of(RDKafkaRespErr::RD_KAFKA_RESP_ERR__INVALID_ARG))?;
    let mut names = [name.as_ptr()];
    let asked = Asked::new(client, c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, time)?;
    // SAFETY: the name is copied; options and queue live until the answer is there.
    let event = unsafe {
        Refusal::check(c::rd_kafka_AdminOptions_set_include_authorized_operations(asked.options, 1))?;
        c::rd_kafka_DescribeConsumerGroups(
            client.native_ptr(),
            names.as_mut_ptr(),
            names.len(),
            asked.options,
            asked.queue,
        );
        asked.answer(time)?
    };
    let mut count = 0;
    // SAFETY: the event is the answer to what was asked; what it holds lives as long as it does.
    unsafe {
        let result = c::rd_kafka_event_DescribeConsumerGroups_result(event.0);
        let groups = c::rd_kafka_DescribeConsumerGroups_result_groups(result, &mut count);
        match count {
            1 => described_group(*groups),
            _ => Err(Refusal::of(RDKafkaRespErr::RD_KAFKA_RESP_ERR__BAD_MSG)),
        }
    }
}

/// # Safety
/// The description must live.
unsafe fn described_group(group: *const c::rd_kafka_ConsumerGroupDescription_t) -> Result<DescribedGroup, Refusal> {
    // SAFETY: the caller says so; its parts live as long as it does.
    unsafe {
        let error = c::rd_kafka_ConsumerGroupDescription_error(group);
        let code = c::rd_kafka_error_code(error);
        if code.is_error() {
            return Err(Refusal { text: owned(c::rd_kafka_error_string(error)), ..Refusal::of(code) });
        }
        let member = |index| {
            let member = c::rd_kafka_ConsumerGroupDescription_member(group, index);
            let client = owned(c::rd_kafka_MemberDescription_client_id(member));
            format!("{client} at {}", owned(c::rd_kafka_MemberDescription_host(member)))
        };
        let members = (0..c::rd_kafka_ConsumerGroupDescription_member_count(group)).map(member).collect();
        let mut count = 0;
        let operations = c::rd_kafka_ConsumerGroupDescription_authorized_operations(group, &mut count);
        Ok(DescribedGroup { members, may_delete: may_delete(operations, count) })
    }
}

fn list<'a>(places: impl IntoIterator<Item = (&'a str, i32, Offset)>) -> Result<TopicPartitionList, Refusal> {
    let mut list = TopicPartitionList::new();
    for (topic, partition, offset) in places {
        let added = list.add_partition_offset(topic, partition, offset);
        added.map_err(|_| Refusal::of(RDKafkaRespErr::RD_KAFKA_RESP_ERR__INVALID_ARG))?;
    }
    Ok(list)
}

/// Takes what a client tells in the background that nobody polls, as nobody does with one that only asks questions: its
/// context hears of it. A consumer's records would be lost.
pub(crate) fn hear<C: ClientContext>(asking: &AdminClient<C>) {
    let client = asking.inner();
    // SAFETY: the client lives, and its queue as long as it is held here.
    let queue = unsafe { c::rd_kafka_queue_get_main(client.native_ptr()) };
    loop {
        // SAFETY: the queue lives, and the event is ours.
        let event = unsafe { c::rd_kafka_queue_poll(queue, 0) };
        if event.is_null() {
            break;
        }
        let event = Answer(event);
        // SAFETY: the event lives, and so does what it holds until it is dropped.
        unsafe {
            match c::rd_kafka_event_type(event.0) {
                c::RD_KAFKA_EVENT_LOG => {
                    let (mut part, mut text, mut level) = (ptr::null(), ptr::null(), 0);
                    if c::rd_kafka_event_log(event.0, &mut part, &mut text, &mut level) == 0 {
                        client.context().log(log_level(level), &owned(part), &owned(text));
                    }
                }
                c::RD_KAFKA_EVENT_ERROR => {
                    let code = RDKafkaErrorCode::from(c::rd_kafka_event_error(event.0));
                    client.context().error(KafkaError::Global(code), &owned(c::rd_kafka_event_error_string(event.0)));
                }
                _ => {}
            }
        }
    }
    // SAFETY: it was counted for us, and is given back once.
    unsafe { c::rd_kafka_queue_destroy(queue) };
}

fn log_level(level: c_int) -> RDKafkaLogLevel {
    match level {
        ..=3 => RDKafkaLogLevel::Error,
        4 => RDKafkaLogLevel::Warning,
        5 | 6 => RDKafkaLogLevel::Info,
        _ => RDKafkaLogLevel::Debug,
    }
}

/// Whether the last question of this process was not answered.
///
/// While a question waits for a broker that is away, librdkafka (2.12) connects to it again and again at once, whatever
/// `reconnect.backoff.ms` says: each attempt that fails begins the next, and two threads have nothing else to do. So after a question
/// without an answer the next one is put only once some broker has been heard.
static UNANSWERED: AtomicBool = AtomicBool::new(false);

/// Waits until some broker answers.
///
/// # Safety
/// The client must live.
unsafe fn hear_any(client: *mut c::rd_kafka_t, time: Duration) -> Result<(), Refusal> {
    let mut metadata = ptr::null();
    // SAFETY: the caller says so; what is told is given back once.
    unsafe {
        let error = c::rd_kafka_metadata(client, 0, ptr::null_mut(), &mut metadata, millis(time));
        if error.is_error() {
            return Err(Refusal::of(error));
        }
        c::rd_kafka_metadata_destroy(metadata);
    }
    Ok(())
}

/// An administrative request under way.
struct Asked<'a> {
    options: *mut c::rd_kafka_AdminOptions_t,
    queue: *mut c::rd_kafka_queue_t,
    _client: PhantomData<&'a ()>,
}

struct Answer(*mut c::rd_kafka_event_t);

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: it is destroyed once, here.
        unsafe { c::rd_kafka_event_destroy(self.0) };
    }
}

impl<'a> Asked<'a> {
    fn new<C: ClientContext>(
        client: &'a Client<C>,
        what: c::rd_kafka_admin_op_t,
        time: Duration,
    ) -> Result<Asked<'a>, Refusal> {
        let client = client.native_ptr();
        if UNANSWERED.load(Relaxed) {
            // SAFETY: the client lives.
            unsafe { hear_any(client, time)? };
        }
        let mut why = [0 as c_char; 128];
        // SAFETY: the client lives; options and queue are destroyed when this is dropped.
        unsafe {
            let asked = Asked {
                options: c::rd_kafka_AdminOptions_new(client, what),
                queue: c::rd_kafka_queue_new(client),
                _client: PhantomData,
            };
            let set =
                c::rd_kafka_AdminOptions_set_request_timeout(asked.options, millis(time), why.as_mut_ptr(), why.len());
            if set.is_error() { Err(Refusal::of(set)) } else { Ok(asked) }
        }
    }

    /// # Safety
    /// Something must have been asked.
    unsafe fn answer(&self, time: Duration) -> Result<Answer, Refusal> {
        // The request has a limit of its own; beyond it nothing comes.
        let time = time + Duration::from_secs(1);
        // SAFETY: the queue lives, and the event is ours.
        unsafe {
            let event = c::rd_kafka_queue_poll(self.queue, millis(time));
            UNANSWERED.store(event.is_null(), Relaxed);
            if event.is_null() {
                return Err(Refusal::of(RDKafkaRespErr::RD_KAFKA_RESP_ERR__TIMED_OUT));
            }
            let answer = Answer(event);
            let error = c::rd_kafka_event_error(event);
            UNANSWERED.store(error.is_error(), Relaxed);
            if error.is_error() {
                let text = owned(c::rd_kafka_event_error_string(event));
                return Err(Refusal { text, ..Refusal::of(error) });
            }
            Ok(answer)
        }
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        // SAFETY: both are destroyed once, here.
        unsafe {
            c::rd_kafka_AdminOptions_destroy(self.options);
            c::rd_kafka_queue_destroy(self.queue);
        }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::ClientConfig;
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::RDKafkaApiKey;

    use super::*;
    use crate::troubles;

    const TIME: Duration = Duration::from_secs(5);

    #[test]
    fn the_librdkafka_that_is_wrapped_is_the_one_that_is_linked() {
        assert_eq!(check_version(), Ok(()));
        let told = wrong_version(0x020d_00ff);
        assert!(told.contains("librdkafka 0x020d00ff and made for 0x020c01ff"), "{told}");
    }

    #[test]
    fn an_end_is_told_by_whoever_leads() {
        let brokers = MockCluster::new(2).expect("brokers");
        brokers.create_topic("journal", 1, 1).expect("a topic");
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers.bootstrap_servers()).set("group.id", "readers");
        let consumer: BaseConsumer = config.create().expect("a consumer");
        let ask = || ends(consumer.client(), &[("journal", 0)], End::Written, TIME);
        assert_eq!(ask(), Ok(vec![0]));
        brokers.request_errors(RDKafkaApiKey::ListOffsets, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT; 8]);
        let refusal = ask().expect_err("the broker hangs up");
        assert!(troubles::is_passing(refusal.code), "{refusal:?}");
        brokers.clear_request_errors(RDKafkaApiKey::ListOffsets);
        assert_eq!(ask(), Ok(vec![0]));
        // It leads anew, in another epoch than was known.
        for leader in [2, 1] {
            brokers.partition_leader("journal", 0, Some(leader)).expect("it leads");
        }
        let answers: Vec<_> = (0..5).map(|_| ask()).collect();
        assert!(answers.contains(&Ok(vec![0])), "{answers:?}");
    }

    #[test]
    fn whoever_was_not_answered_hears_of_brokers_that_are_back() {
        let brokers = MockCluster::new(1).expect("a broker");
        brokers.create_topic("journal", 1, 1).expect("a topic");
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers.bootstrap_servers()).set("group.id", "readers");
        let consumer: BaseConsumer = config.create().expect("a consumer");
        let ask = |time| ends(consumer.client(), &[("journal", 0)], End::Written, time);
        assert_eq!(ask(TIME), Ok(vec![0]));
        brokers.broker_down(1).expect("it is down");
        for _ in 0..2 {
            let refusal = ask(Duration::from_millis(500)).expect_err("nobody answers");
            assert!(troubles::is_passing(refusal.code), "{refusal:?}");
        }
        brokers.broker_up(1).expect("it is up");
        assert_eq!(ask(TIME), Ok(vec![0]));
    }
}
