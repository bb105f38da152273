//! What clients tell of their troubles, in the background: kept until somebody asks why nothing works.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pipeline::{Fatal, Fault};
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use tracing::{debug, info, warn};

/// Every client tries to reach every broker again and again: it is told once in this time.
const TELL_AGAIN: Duration = Duration::from_secs(10);

/// The troubles of one worker's clients. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Troubles {
    /// What no retry heals.
    hopeless: Arc<Mutex<Option<String>>>,
    /// What was said of a partition that may not be part of a transaction: the refusal itself names none.
    refused: Arc<Mutex<Option<String>>>,
    /// When it was told last that brokers cannot be reached.
    unreachable: Arc<Mutex<Option<Instant>>>,
}

impl Troubles {
    /// Whether there is one that no retry heals.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        match self.hopeless.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(text) => Err(Fatal::Log(text.clone()).into()),
            None => Ok(()),
        }
    }

    /// There is one from now on.
    pub(crate) fn give_up(&self, text: String) {
        self.hopeless.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(text);
    }

    /// What was said last of a partition that may not be part of a transaction.
    pub(crate) fn refused_partition(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, code: Option<Code>, reason: &str) {
        let advice = match code {
            Some(Code::Authentication | Code::SaslAuthenticationFailed) => {
                "the brokers do not accept these credentials: check sasl.* and security.protocol"
            }
            Some(Code::SSL) => "no secure connection to the brokers: check ssl.* and security.protocol",
            // Where a journal ends is not trouble.
            Some(Code::PartitionEOF) => return,
            Some(Code::BrokerTransportFailure | Code::AllBrokersDown) => return self.note_unreachable(reason),
            _ => return warn!(reason, "a client is in trouble"),
        };
        let text = format!("{advice} ({reason})");
        self.give_up(text);
    }

    /// Brokers cannot be reached: told now and then.
    pub(crate) fn note_unreachable(&self, reason: &str) {
        let mut told = self.unreachable.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_some_and(|told| told.elapsed() < TELL_AGAIN) {
            return debug!(reason, "brokers cannot be reached");
        }
        *told = Some(Instant::now());
        warn!(reason, "brokers cannot be reached, and are tried again");
    }
}

impl ClientContext for Troubles {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        // Which of a client's properties are for other kinds of clients is nobody's trouble.
        if fac == "CONFWARN" {
            return debug!(fac, "{message}");
        }
        if fac == "ADDPARTS" && message.contains("authorization failed") {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(message.to_owned());
        }
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                warn!(fac, "{message}")
            }
            RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice => info!(fac, "{message}"),
            RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => debug!(fac, "{message}"),
        }
    }

    // The default reads the whole document each time.
    fn stats_raw(&self, _: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        self.note(error.rdkafka_error_code(), reason);
    }
}

impl ConsumerContext for Troubles {}

impl ProducerContext for Troubles {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// Whether it says that no broker answers.
pub(crate) fn is_unreachable(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::MessageTimedOut
    )
}

/// Whether asking again will do.
pub(crate) fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::UnstableOffsetCommit
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::NotLeaderForPartition
            | Code::LeaderNotAvailable
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
            | Code::OffsetNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
            | Code::WaitingForCoordinator
    )
}

/// What a call's failure means: some failures stay whatever one does.
pub(crate) fn fault(what: &str, code: Option<Code>, text: &dyn std::fmt::Display) -> Fault {
    let advice = match code {
        Some(Code::TopicAuthorizationFailed) => {
            "this user may not use the topic: grant it, as docs/permissions.md says"
        }
        Some(Code::GroupAuthorizationFailed) => {
            "this user may not use the consumer group: grant it, as docs/permissions.md says"
        }
        Some(Code::TransactionalIdAuthorizationFailed) => {
            "this user may not use the transactional ids: grant it, as docs/permissions.md says"
        }
        Some(Code::ClusterAuthorizationFailed) => "this user may not write: grant it, as docs/permissions.md says",
        Some(Code::MessageSizeTooLarge) => {
            "the topic takes no record or batch of that size: set its max.message.bytes to 1048588 or more, and message.max.bytes \
             of the configuration's section [kafka] no lower"
        }
        Some(Code::InvalidTransactionTimeout) => {
            "transaction.timeout.ms is above the brokers' transaction.max.timeout.ms: lower it"
        }
        _ => return Fault::Broken(format!("{what}: {text}")),
    };
    Fatal::Log(format!("{what}: {text}: {advice}")).into()
}

/// Likewise, of a call of the wrapper.
pub(crate) fn fault_of(what: &str, error: &KafkaError) -> Fault {
    match error {
        KafkaError::ClientConfig(_, text, name, _) => {
            Fatal::Property { what: what.to_owned(), name: name.clone(), reason: text.clone() }.into()
        }
        _ => fault(what, error.rdkafka_error_code(), error),
    }
}
