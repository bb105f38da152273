//! A mistake of librdkafka's, mended while it is linked.
//!
//! A broker that does not lead a partition any more may name the new leader in its answer to a fetch (KIP-951), or say -1
//! where there is none yet. librdkafka (2.4 to 2.12.1 at least; its issue 5280) makes room for both, fills in the former
//! only, and takes the rest of the room, which is never written, for partitions: their numbers lead anywhere, and sooner or
//! later to a segmentation fault. One restart of a broker in about a hundred did it to a reader of a dozen partitions.
//!
//! The two functions that count and fill are wrapped by the linker (`--wrap`, from the build scripts of every package that
//! links programs), so that a topic has as many partitions as were filled in.

use std::ffi::{c_char, c_int, c_void};

use rdkafka::bindings as c;

/// librdkafka's `rd_kafka_Uuid_t`.
#[repr(C)]
struct Uuid {
    bits: [i64; 2],
    text: [c_char; 23],
}

// librdkafka's functions as they are, by the linker's names for them.
unsafe extern "C" {
    fn __real_rd_kafkap_leader_discovery_set_topic(
        room: *mut c_void,
        metadata: *mut c::rd_kafka_metadata_t,
        topic: c_int,
        id: Uuid,
        name: *mut c_char,
        partitions: c_int,
    );
    fn __real_rd_kafkap_leader_discovery_set_CurrentLeader(
        room: *mut c_void,
        metadata: *mut c::rd_kafka_metadata_t,
        topic: c_int,
        index: c_int,
        partition: i32,
        leader: *mut c_void,
    );
}

/// Makes room for the partitions of a topic: none of them is there yet.
///
/// # Safety
///
/// As librdkafka calls it: its metadata begins with the public one, and has room for that many topics.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_rd_kafkap_leader_discovery_set_topic(
    room: *mut c_void,
    metadata: *mut c::rd_kafka_metadata_t,
    topic: c_int,
    id: Uuid,
    name: *mut c_char,
    partitions: c_int,
) {
    // SAFETY: what librdkafka handed over is handed on, and the topic is there afterwards.
    unsafe {
        __real_rd_kafkap_leader_discovery_set_topic(room, metadata, topic, id, name, partitions);
        count(metadata, topic, 0);
    }
}

/// Fills in the leader of a partition; they come in the order of their indices.
///
/// # Safety
///
/// As librdkafka calls it: after the topic was made, with an index within its room.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_rd_kafkap_leader_discovery_set_CurrentLeader(
    room: *mut c_void,
    metadata: *mut c::rd_kafka_metadata_t,
    topic: c_int,
    index: c_int,
    partition: i32,
    leader: *mut c_void,
) {
    // SAFETY: what librdkafka handed over is handed on, and the topic is there.
    unsafe {
        __real_rd_kafkap_leader_discovery_set_CurrentLeader(room, metadata, topic, index, partition, leader);
        count(metadata, topic, index + 1);
    }
}

/// # Safety
///
/// The metadata has such a topic.
unsafe fn count(metadata: *mut c::rd_kafka_metadata_t, topic: c_int, partitions: c_int) {
    // SAFETY: the caller says so, and nobody else has the metadata yet.
    unsafe { (*(*metadata).topics.offset(topic as isize)).partition_cnt = partitions };
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    use rdkafka::config::RDKafkaLogLevel;
    use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
    use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
    use rdkafka::{ClientConfig, ClientContext};

    use super::*;

    const PARTITIONS: i32 = 8;
    const POLL: Duration = Duration::from_millis(50);

    /// Keeps what librdkafka complains of.
    #[derive(Clone, Default)]
    struct Told(Arc<Mutex<Vec<String>>>);

    impl ClientContext for Told {
        fn log(&self, _: RDKafkaLogLevel, _: &str, text: &str) {
            self.0.lock().expect("nobody panics").push(text.to_owned());
        }
    }

    impl ConsumerContext for Told {}

    #[test]
    fn a_partition_whose_leader_is_not_known_yet_does_no_harm() {
        let told = Told::default();
        let mut config = ClientConfig::new();
        config.set("test.mock.num.brokers", "2").set("group.id", "readers").set("fetch.wait.max.ms", "500");
        config.set_log_level(RDKafkaLogLevel::Warning);
        let consumer: BaseConsumer<Told> = config.create_with_context(told.clone()).expect("a consumer");
        let topic = CString::new("moved").expect("no null");
        let client = consumer.client().native_ptr();
        // SAFETY: the consumer, and its brokers with it, live on.
        let brokers = unsafe { c::rd_kafka_handle_mock_cluster(client) };
        let lead = |partition, leader| {
            // SAFETY: as above, and the name lives on.
            let told = unsafe { c::rd_kafka_mock_partition_set_leader(brokers, topic.as_ptr(), partition, leader) };
            assert_eq!(told, c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR);
        };
        // SAFETY: as above.
        unsafe { c::rd_kafka_mock_topic_create(brokers, topic.as_ptr(), PARTITIONS, 1) };
        (0..PARTITIONS).for_each(|partition| lead(partition, 1));
        let mut places = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            places.add_partition_offset("moved", partition, Offset::Beginning).expect("a place");
        }
        consumer.assign(&places).expect("places");
        poll_for(&consumer, Duration::from_secs(2));
        // All at once, while the broker waits with its answer; the next one names a leader of the first partition only.
        for partition in 0..PARTITIONS {
            lead(partition, 2);
            if partition > 0 {
                // SAFETY: as above.
                unsafe { c::rd_kafka_mock_partition_push_leader_response(brokers, topic.as_ptr(), partition, -1, 1) };
            }
        }
        poll_for(&consumer, Duration::from_secs(2));
        // Each partition without a leader is told once, to whoever asks next: to this one, if the others are slow.
        let all_are_led = || {
            let known = consumer.fetch_metadata(Some("moved"), Duration::from_secs(5)).expect("the brokers answer");
            known.topics()[0].partitions().iter().all(|partition| partition.leader() == 2)
        };
        assert!((0..=PARTITIONS).any(|_| all_are_led()));
        // A partition that nobody has named is none.
        let told = told.0.lock().expect("nobody panics");
        assert!(told.iter().all(|text| !text.contains("not found in cache")), "{told:#?}");
    }

    fn poll_for(consumer: &BaseConsumer<Told>, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            assert!(consumer.poll(POLL).is_none_or(|polled| polled.is_err()), "there is nothing to read");
        }
    }
}
