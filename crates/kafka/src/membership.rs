//! Which shards are this worker's: a consumer that subscribes to the exchange alone, and never reads it.
//!
//! An assignor does not keep several topics together, so one decides for all: who has a partition of the exchange has the
//! shard. Cooperative rebalances take nothing away that was not given back, unless the member was taken for dead.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pipeline::{Fatal, Fault, Ownership, Place, ShardStatus, Status, shard_list};
use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use tracing::{debug, warn};

use crate::admin::AdminError;
use crate::application::Application;
use crate::native::GroupMetadata;
use crate::orphans::Orphans;
use crate::ownership::foreign_members;
use crate::troubles::{Troubles, fault, fault_of};

/// For the group to be told that a member leaves,
const LEAVE_WAIT: Duration = Duration::from_secs(5);
/// and how often that is looked at.
const LEAVE_LOOK: Duration = Duration::from_millis(10);
/// Events of the group that are looked for each time.
const POLLS: usize = 4;

/// A place in the group.
pub(crate) struct Membership {
    // Dropped on a thread of its own: leaving takes time.
    consumer: Option<BaseConsumer<Member>>,
    group: String,
    exchange: String,
    /// One of a process's workers looks for all.
    orphans: Option<Orphans>,
    #[cfg(test)]
    pub(crate) given: Option<crate::contract::Given>,
}

#[derive(Debug)]
struct Member {
    state: Arc<Mutex<State>>,
    worker: usize,
    /// Told there whether it is a member.
    status: Arc<Status>,
    troubles: Troubles,
}

#[derive(Debug, Default)]
struct State {
    changes: Vec<Ownership>,
    /// What the group wants back and has not got yet.
    revoked: Vec<u16>,
    /// What of it the worker has done with.
    released: Vec<u16>,
    /// The member's name when it was last given shards.
    member_id: String,
    is_leaving: bool,
}

impl Membership {
    /// Joins the group.
    pub(crate) fn join(
        application: &Arc<Application>,
        worker: usize,
        status: &Arc<Status>,
        troubles: &Troubles,
    ) -> Result<Membership, Fault> {
        let member = Member { state: Arc::default(), worker, status: Arc::clone(status), troubles: troubles.clone() };
        let consumer = BaseConsumer::from_config_and_context(&application.membership(worker), member)
            .map_err(|error| fault_of("cannot join the group", &error))?;
        let exchange = application.topics.exchange.clone();
        consumer.subscribe(&[&exchange]).map_err(|error| fault_of("cannot join the group", &error))?;
        Ok(Membership {
            consumer: Some(consumer),
            group: application.id.clone(),
            exchange,
            orphans: (worker == 0).then(|| Orphans::watch(application)),
            #[cfg(test)]
            given: None,
        })
    }

    #[cfg(test)]
    pub(crate) fn given(exchange: &str, given: crate::contract::Given) -> Membership {
        Membership {
            consumer: None,
            group: String::new(),
            exchange: exchange.to_owned(),
            orphans: None,
            given: Some(given),
        }
    }

    /// What has become of the ownership of shards; never waits.
    pub(crate) fn changes(&mut self) -> Result<Vec<Ownership>, Fault> {
        #[cfg(test)]
        if let Some(given) = &self.given {
            return Ok(given.changes());
        }
        let Some(consumer) = &self.consumer else { return Ok(Vec::new()) };
        for _ in 0..POLLS {
            match consumer.poll(Duration::ZERO) {
                // A record that was fetched before the partition was paused: nobody wants it.
                None | Some(Ok(_)) => {}
                Some(Err(error)) => self.look_at(&error, &consumer.context().troubles)?,
            }
        }
        if let Some(shards) = self.orphans.as_ref().and_then(Orphans::take) {
            return Err(Fault::Broken(format!(
                "nobody has the shards {}, and the group is at rest: it shares them out when this worker joins anew",
                shard_list(shards)
            )));
        }
        Ok(std::mem::take(&mut consumer.context().state().changes))
    }

    fn look_at(&self, error: &KafkaError, troubles: &Troubles) -> Result<(), Fault> {
        let is_fatal = matches!(error, KafkaError::MessageConsumptionFatal(_));
        match error.rdkafka_error_code() {
            Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition) => {
                Err(Fault::Broken(format!("the topic {} is not there: {error}", self.exchange)))
            }
            Some(Code::PollExceeded) => Err(Fault::Broken("the worker was away for too long".into())),
            Some(Code::InconsistentGroupProtocol) => {
                let consumer = self.consumer.as_ref();
                let evidence =
                    consumer.and_then(|consumer| foreign_members(consumer.client(), &self.group, &self.exchange));
                let evidence =
                    evidence.unwrap_or_else(|| "its members are assigned partitions in another way".to_owned());
                let group = self.group.clone();
                Err(Fatal::Log(AdminError::ForeignGroup { group, evidence }.to_string()).into())
            }
            code if is_fatal => Err(fault(&format!("the group {}", self.group), code, error)),
            code @ Some(Code::TopicAuthorizationFailed | Code::GroupAuthorizationFailed) => {
                Err(fault(&format!("the group {}", self.group), code, error))
            }
            Some(code @ (Code::AllBrokersDown | Code::BrokerTransportFailure)) => {
                troubles.note_unreachable(code, &error.to_string());
                Ok(())
            }
            _ => {
                warn!(%error, "the group is in trouble");
                Ok(())
            }
        }
    }

    /// The worker has done with a shard. What the group wanted back goes together.
    pub(crate) fn release(&mut self, shard: u16) -> Result<(), Fault> {
        #[cfg(test)]
        if let Some(given) = &self.given {
            return given.release(shard);
        }
        let Some(consumer) = &self.consumer else { return Ok(()) };
        let mut state = consumer.context().state();
        state.released.push(shard);
        if state.revoked.is_empty() || !state.revoked.iter().all(|shard| state.released.contains(shard)) {
            return Ok(());
        }
        let mut partitions = TopicPartitionList::new();
        for shard in std::mem::take(&mut state.revoked) {
            partitions.add_partition(&self.exchange, shard.into());
        }
        state.released.clear();
        drop(state);
        consumer.incremental_unassign(&partitions).map_err(|error| fault_of("cannot give shards back", &error))
    }

    /// What a commit must carry so that the group refuses it if the shards are somebody else's. The look at the member's
    /// name comes after: who was thrown out and came back has another one, and has not heard of its loss yet.
    pub(crate) fn fence(&self) -> Result<GroupMetadata, Fault> {
        #[cfg(test)]
        if let Some(given) = &self.given {
            return given.fence();
        }
        let lost = |why: &str| Fault::Broken(format!("the shards may be somebody else's by now: {why}"));
        let consumer = self.consumer.as_ref().ok_or_else(|| lost("this worker has left the group"))?;
        let metadata = GroupMetadata::of(consumer).ok_or_else(|| lost("there is no group"))?;
        let member_id = metadata.member_id();
        if consumer.assignment_lost() {
            return Err(lost("the group took this worker for dead"));
        }
        if member_id.is_empty() || metadata.generation() < 0 || member_id != consumer.context().state().member_id {
            return Err(lost("this worker is another member than it was"));
        }
        Ok(metadata)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            consumer.context().state().is_leaving = true;
            crate::aside::leave_aside(Leaving(consumer));
        }
    }
}

/// A member that leaves. A member whose name outlives it is not let go when its client ends: it has to say so before.
struct Leaving(BaseConsumer<Member>);

impl Drop for Leaving {
    fn drop(&mut self) {
        let until = Instant::now() + LEAVE_WAIT;
        let is_member = || GroupMetadata::of(&self.0).is_some_and(|metadata| !metadata.member_id().is_empty());
        self.0.unsubscribe();
        // The member has no name any more once the group is told; whether it has heard is waited for when the client ends.
        while is_member() && Instant::now() < until {
            let _ = self.0.poll(LEAVE_LOOK);
        }
    }
}

impl Member {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn assign(&self, consumer: &BaseConsumer<Member>, partitions: &TopicPartitionList, shards: Vec<u16>) {
        let assigned = consumer.incremental_assign(partitions).and_then(|()| match partitions.count() {
            0 => Ok(()),
            _ => consumer.pause(partitions),
        });
        if let Err(error) = assigned {
            return warn!(%error, "the group's partitions cannot be taken");
        }
        // Told before the worker hears of them, or the process would be ready for a moment with no shards.
        let loading = ShardStatus { place: Place::Loading, ..ShardStatus::default() };
        shards.iter().for_each(|&shard| self.status.write(shard, &loading));
        self.status.joins_group(self.worker);
        let mut state = self.state();
        state.member_id = GroupMetadata::of(consumer).map(|metadata| metadata.member_id()).unwrap_or_default();
        state.changes.extend(shards.into_iter().map(Ownership::Assigned));
    }

    fn revoke(&self, consumer: &BaseConsumer<Member>, partitions: &TopicPartitionList, shards: Vec<u16>) {
        let mut state = self.state();
        let is_lost = consumer.assignment_lost();
        if is_lost {
            self.status.leaves_group(self.worker);
        }
        if is_lost || state.is_leaving {
            state.revoked.clear();
            state.released.clear();
            state.changes.extend(shards.into_iter().map(Ownership::Lost));
            if let Err(error) = consumer.incremental_unassign(partitions) {
                warn!(%error, "partitions that are lost cannot be let go");
            }
            return;
        }
        // Given back when the worker has done with all of them.
        state.revoked.clone_from(&shards);
        state.released.clear();
        state.changes.extend(shards.into_iter().map(Ownership::Revoked));
    }
}

impl ClientContext for Member {
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

impl ConsumerContext for Member {
    // The default swallows what goes wrong, and gives partitions back before anybody has heard of it.
    fn rebalance(&self, consumer: &BaseConsumer<Member>, what: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let shards: Vec<u16> =
            partitions.elements().iter().filter_map(|place| u16::try_from(place.partition()).ok()).collect();
        let is_given = what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        debug!(?shards, is_given, "rebalance");
        if is_given {
            self.assign(consumer, partitions, shards);
        } else {
            self.revoke(consumer, partitions, shards);
        }
    }
}
