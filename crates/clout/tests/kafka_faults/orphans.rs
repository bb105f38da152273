//! No shard is nobody's for long, whenever a member of the group dies.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientConfig, ClientContext};
use testbroker::Broker;

use crate::cluster::{Options, Scene, wait_until};

/// Until the group has shared its shards out,
const SHARED_OUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// A member of the group that is asked to give shards back.
struct Asked {
    gives: bool,
    is_asked: AtomicBool,
}

impl ClientContext for Asked {}

impl ConsumerContext for Asked {
    fn rebalance(&self, consumer: &BaseConsumer<Asked>, what: RDKafkaRespErr, places: &mut TopicPartitionList) {
        match what {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => consumer.incremental_assign(places),
            _ if self.gives => consumer.incremental_unassign(places),
            _ => {
                self.is_asked.store(true, Relaxed);
                Ok(())
            }
        }
        .expect("the group's partitions are taken and given");
    }
}

/// A member with a name of its own.
fn member(scene: &Scene, brokers: &str, gives: bool) -> BaseConsumer<Asked> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", &scene.id).set("group.instance.id", "another");
    config.set("partition.assignment.strategy", "cooperative-sticky").set("enable.auto.commit", "false");
    let member: BaseConsumer<Asked> =
        config.create_with_context(Asked { gives, is_asked: AtomicBool::new(false) }).expect("a consumer");
    member.subscribe(&[&scene.names.exchange]).expect("it joins");
    member
}

#[test]
fn shards_that_a_member_has_given_back_and_nobody_was_given_are_shared_out_again() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let scene = Scene::new(broker.brokers(), &Options { partitions: 2, ..Options::default() });
    let first = member(&scene, broker.brokers(), false);
    wait_until("it has both shards", SHARED_OUT, || {
        let _ = first.poll(POLL);
        first.assignment().is_ok_and(|places| places.count() == 2)
    });
    let mut process = scene.start("a", 1);
    wait_until("it is asked for one of them", SHARED_OUT, || {
        let _ = first.poll(POLL);
        first.context().is_asked.load(Relaxed)
    });
    // It dies, and another one takes its place: the shard that it was to give back is not in what it is given.
    std::mem::forget(first);
    let second = member(&scene, broker.brokers(), true);
    wait_until("the shard is somebody's again", SHARED_OUT, || {
        let _ = second.poll(POLL);
        process.check();
        process.told().contains("worker-0 is live: shards ")
    });
    let told = process.told();
    let told_of = told.lines().find(|line| line.contains("nobody has the shards ")).expect("it is told");
    assert!(told_of.contains("WARN") && told_of.contains("joins anew"), "{told_of}");
    process.kill();
}
