//! What clients tell of their troubles, in the background: kept until somebody asks why nothing works.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use pipeline::{Fatal, Fault};
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use tracing::{debug, info, warn};

use crate::health::Told;
use crate::reasons::{Heals, Reason, broker, not_made};

/// Every client tries to reach every broker again and again: the process tells of it once in this time.
const TELL_AGAIN: Duration = Duration::from_secs(10);
/// Brokers of which nothing was told for so long, and that answer, can all be reached.
const OVER: Duration = Duration::from_secs(15);
/// A cause that rarely heals, for so long and without any answer in between, is there to stay.
const STUCK: Duration = Duration::from_secs(4);
/// What a client says of a call that failed comes within this time,
const SAID_WAIT: Duration = Duration::from_secs(1);
/// and is looked for so often.
const SAID_LOOK: Duration = Duration::from_millis(5);

/// The troubles of one worker's clients. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Troubles {
    /// What no retry heals.
    hopeless: Arc<Mutex<Option<String>>>,
    /// What was said of a partition that may not be part of a transaction: the refusal itself names none.
    refused: Arc<Mutex<Option<String>>>,
    /// Why brokers cannot be reached.
    unreachable: Arc<Mutex<Unreachable>>,
    /// Whoever asks tells it: nothing is logged.
    is_quiet: bool,
    /// Where they tell how they do otherwise.
    told: Option<Told>,
}

#[derive(Debug, Default)]
struct Unreachable {
    /// What the clients said since an answer last came, the latest of each weight; by how little it heals.
    said: [Option<Said>; 3],
}

#[derive(Clone, Debug)]
struct Said {
    advice: &'static str,
    text: String,
    first: Instant,
    is_advertised: bool,
}

impl Unreachable {
    /// What tells most of why, of that which is believed.
    fn reason(&self, is_believed: impl Fn(&Said) -> bool) -> Option<String> {
        // An address that nobody knows says more than connections that end.
        let order = [Heals::Never, Heals::Often, Heals::Rarely];
        let said = order.into_iter().find_map(|heals| {
            let said = self.said[heals as usize].as_ref()?;
            (heals != Heals::Rarely || is_believed(said)).then_some(said)
        });
        said.map(|said| said.text.clone())
    }
}

impl Said {
    fn is_stuck(&self) -> bool {
        self.first.elapsed() >= STUCK
    }
}

impl Troubles {
    /// Of a client that lives as long as a question: who asks tells what is wrong.
    pub(crate) fn quiet() -> Troubles {
        Troubles { is_quiet: true, ..Troubles::default() }
    }

    /// Of clients that tell how they do.
    pub(crate) fn telling(told: Told) -> Troubles {
        Troubles { told: Some(told), ..Troubles::default() }
    }

    /// Takes a client's statistics.
    pub(crate) fn statistics(&self, document: &[u8]) {
        self.told.iter().for_each(|told| told.take(document));
    }

    /// Whether there is one that no retry heals.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        match self.hopeless.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            Some(text) => Err(Fatal::Log(text.clone()).into()),
            None => Ok(()),
        }
    }

    /// Whether brokers that have not answered yet will not answer such a client, as far as anybody can tell.
    pub(crate) fn check_stuck(&self) -> Result<(), Fault> {
        self.check()?;
        match &self.unreachable().said[Heals::Rarely as usize] {
            // A client says the same thing once in a while only.
            Some(said) if said.is_stuck() => Err(Fatal::Log(said.text.clone()).into()),
            _ => Ok(()),
        }
    }

    /// There is one from now on.
    pub(crate) fn give_up(&self, text: String) {
        self.hopeless.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(text);
    }

    /// What was said last of a partition that may not be part of a transaction, where that is why a call failed. It is said
    /// on another thread, which may come later.
    pub(crate) fn refused_partition(&self, failed: Option<Code>) -> Option<String> {
        let until = Instant::now() + SAID_WAIT;
        loop {
            let said = self.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
            if said.is_some() || failed != Some(Code::TopicAuthorizationFailed) || Instant::now() >= until {
                return said;
            }
            sleep(SAID_LOOK);
        }
    }

    /// Why brokers cannot be reached, if the clients have said so since they last answered.
    pub(crate) fn reason(&self) -> Option<String> {
        self.unreachable().reason(|_| true)
    }

    /// A broker has answered: what was said before is over.
    pub(crate) fn answered(&self) {
        self.unreachable().said = Default::default();
        let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        if is_over(&mut told, Instant::now()) {
            info!("brokers can be reached again");
        }
    }

    /// A broker has answered where it was looked for first. What was said of addresses that brokers name holds on: a client
    /// says the same thing once in a while only.
    pub(crate) fn let_in(&self) {
        self.unreachable().said.iter_mut().for_each(|said| _ = said.take_if(|said| !said.is_advertised));
    }

    fn unreachable(&self) -> MutexGuard<'_, Unreachable> {
        self.unreachable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, code: Option<Code>, text: &str) {
        let advice = match code {
            // Where a journal ends is not trouble.
            Some(Code::PartitionEOF) => return,
            _ if self.note_reason(text) => return,
            Some(Code::Authentication | Code::SaslAuthenticationFailed) => {
                "the brokers do not accept these credentials: check sasl.* and security.protocol"
            }
            Some(Code::SSL) => "no secure connection to the brokers: check ssl.* and security.protocol",
            Some(code @ (Code::BrokerTransportFailure | Code::AllBrokersDown)) => {
                return self.note_unreachable(code, text);
            }
            _ if self.is_quiet => return,
            // All partitions of a topic that is gone are in the same trouble, one after the other.
            code => {
                match is_time_to_tell(&mut TROUBLE.lock().unwrap_or_else(PoisonError::into_inner), code, Instant::now())
                {
                    true => return warn!(reason = text, "a client is in trouble"),
                    false => return debug!(reason = text, "a client is in trouble"),
                }
            }
        };
        let text = format!("{advice} ({text})");
        self.give_up(text);
    }

    /// Takes what a client says of a connection; whether it is a cause that is known.
    fn note_reason(&self, text: &str) -> bool {
        let Some(Reason { advice, text, heals, is_advertised }) = Reason::of(text, was_up) else { return false };
        {
            let now = Instant::now();
            let mut unreachable = self.unreachable();
            if heals == Heals::Often {
                // Brokers come or go: connections that end say nothing then.
                unreachable.said[Heals::Rarely as usize] = None;
            }
            let said = &mut unreachable.said[heals as usize];
            let first = said.as_ref().filter(|said| said.advice == advice).map_or(now, |said| said.first);
            *said = Some(Said { advice, text: text.clone(), first, is_advertised });
        }
        if heals == Heals::Never {
            self.give_up(text.clone());
        }
        // Connections that end say little: brokers that are just going away end them as well.
        if heals != Heals::Rarely || self.check_stuck().is_err() {
            self.note_unreachable(Code::BrokerTransportFailure, &text);
        }
        true
    }

    /// Brokers cannot be reached: told now and then, whichever client says so and in whatever words.
    pub(crate) fn note_unreachable(&self, code: Code, text: &str) {
        let believed = self.unreachable().reason(Said::is_stuck);
        let reason = match believed {
            Some(reason) => reason,
            // How many are down is no reason; the connections tell theirs.
            None if code == Code::AllBrokersDown => return debug!(text, "brokers cannot be reached"),
            None => text.to_owned(),
        };
        let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        match self.is_quiet || !is_time_to_tell(&mut told, (), Instant::now()) {
            true => debug!(reason, "brokers cannot be reached"),
            false => warn!(reason, "brokers cannot be reached, and are tried again"),
        }
    }
}

/// Brokers that some client of this process has reached at the address that they name.
static WERE_UP: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Takes what is said of a connection that was up until now.
fn note_up(message: &str) {
    let Some(broker) = broker(message) else { return };
    WERE_UP.lock().unwrap_or_else(PoisonError::into_inner).insert(broker.to_owned());
}

fn was_up(broker: &str) -> bool {
    WERE_UP.lock().unwrap_or_else(PoisonError::into_inner).contains(broker)
}

/// What was told, and when last.
type Recent<T> = Vec<(T, Instant)>;

/// When any client of this process told last of brokers that cannot be reached; empty once they are back.
static TOLD: Mutex<Recent<()>> = Mutex::new(Vec::new());
/// When any client of this process told last of other troubles.
static TROUBLE: Mutex<Recent<Option<Code>>> = Mutex::new(Vec::new());

/// Whether it is so long ago that this was told that it is time again; the caller tells then.
fn is_time_to_tell<T: PartialEq>(told: &mut Recent<T>, what: T, now: Instant) -> bool {
    let is_recent = |at: Instant| now.saturating_duration_since(at) < TELL_AGAIN;
    match told.iter_mut().find(|(other, _)| *other == what) {
        Some((_, at)) if is_recent(*at) => return false,
        Some((_, at)) => *at = now,
        None => told.push((what, now)),
    }
    true
}

/// Whether brokers that could not be reached can be again, which nobody has told yet: one that is still away while others
/// answer is told of again and again.
fn is_over(told: &mut Recent<()>, now: Instant) -> bool {
    let is_over = told.first().is_some_and(|(_, at)| now.saturating_duration_since(*at) >= OVER);
    if is_over {
        told.clear();
    }
    is_over
}

impl ClientContext for Troubles {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        // Which of a client's properties are for other kinds of clients is nobody's trouble.
        if fac == "CONFWARN" {
            return debug!(fac, "{message}");
        }
        if is_told_elsewhere(fac, message) {
            return debug!(fac, "{message}");
        }
        // Connections that fail, whatever the level: brokers close those that nobody uses as well.
        if fac == "FAIL" {
            let had_been_up = message.contains("in state UP");
            if had_been_up {
                note_up(message);
            }
            let is_idle = had_been_up && !is_young(message);
            if is_idle || !self.note_reason(message) {
                debug!(fac, "{message}");
            }
            return;
        }
        if self.is_quiet {
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

    fn stats_raw(&self, document: &[u8]) {
        self.statistics(document);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.note(error.rdkafka_error_code(), reason);
    }
}

/// Whether the cause is told by something else: a transaction that fails by the worker, requests that fail with their
/// connection and brokers that are down by the connections; what librdkafka tries again by itself may work then.
fn is_told_elsewhere(fac: &str, message: &str) -> bool {
    // The last one is of a leader that is away: it is said as often as its partition is asked for.
    let signs = ["not found in cache", "brokers are down", "Local: Broker transport failure", ": retrying"];
    ["TXNERR", "ADDOFFSETS"].contains(&fac) || signs.iter().any(|sign| message.contains(sign))
}

/// Whether a connection that was up had just been made when it ended.
fn is_young(message: &str) -> bool {
    let millis = message.split_once(" (after ").and_then(|(_, rest)| rest.split_once("ms in state UP"));
    millis.and_then(|(millis, _)| millis.parse().ok()).is_none_or(|millis: u64| millis < 1_000)
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
    is_moving(code)
        || matches!(
            code,
            Code::UnstableOffsetCommit
                | Code::OperationTimedOut
                | Code::RequestTimedOut
                | Code::BrokerTransportFailure
                | Code::AllBrokersDown
        )
}

/// Whether another broker is to be asked, or the same one in a moment: it is told at once, and asking again costs nothing.
pub(crate) fn is_moving(code: Code) -> bool {
    matches!(
        code,
        // The connection to an address of the configuration goes once the broker's own is known.
        Code::DestroyBroker
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

/// Whether another producer of a name of this process has come: told with the name of the other one once it is known.
static FENCED: AtomicBool = AtomicBool::new(false);

/// Whether that has happened since it was asked last.
pub(crate) fn was_fenced() -> bool {
    FENCED.swap(false, Relaxed)
}

/// What a call's failure means: some failures stay whatever one does.
pub(crate) fn fault(what: &str, code: Option<Code>, text: &dyn std::fmt::Display) -> Fault {
    if code.is_some_and(is_fenced) {
        FENCED.store(true, Relaxed);
    }
    match advice(code) {
        Some(advice) => Fatal::Log(format!("{what}: {text}: {advice}")).into(),
        None => Fault::Broken(format!("{what}: {text}")),
    }
}

/// Why a client failed. One that is of no use any more says only that; what made it so is asked of it.
pub(crate) fn cause<C: ClientContext>(client: &Client<C>, error: &KafkaError) -> Option<Code> {
    match error.rdkafka_error_code() {
        Some(Code::Fatal) => Some(client.fatal_error().map_or(Code::Fatal, |(code, _)| code)),
        code => code,
    }
}

/// Whether another producer of the same name has begun.
pub(crate) fn is_fenced(code: Code) -> bool {
    matches!(code, Code::Fenced | Code::FencedInstanceId | Code::ProducerFenced | Code::InvalidProducerEpoch)
}

/// The way out of a failure that stays whatever one does.
pub(crate) fn advice(code: Option<Code>) -> Option<&'static str> {
    Some(match code? {
        Code::TopicAuthorizationFailed => "this user may not use the topic: grant it, as `clout docs permissions` says",
        Code::GroupAuthorizationFailed => {
            "this user may not use the consumer group: grant it, as `clout docs permissions` says"
        }
        Code::TransactionalIdAuthorizationFailed => {
            "this user may not use the transactional ids: grant it, as `clout docs permissions` says"
        }
        Code::ClusterAuthorizationFailed => "this user may not write: grant it, as `clout docs permissions` says",
        Code::MessageSizeTooLarge => {
            "the topic takes no record or batch of that size: set its max.message.bytes to 1048588 or more, and message.max.bytes \
             of the configuration's section [kafka] no lower"
        }
        Code::InvalidTransactionTimeout => {
            "transaction.timeout.ms is above the brokers' transaction.max.timeout.ms: lower it"
        }
        _ => return None,
    })
}

/// Likewise, of a call of the wrapper.
pub(crate) fn fault_of(what: &str, error: &KafkaError) -> Fault {
    match error {
        KafkaError::ClientConfig(_, text, name, _) => {
            Fatal::Property { what: what.to_owned(), name: name.clone(), reason: text.clone() }.into()
        }
        KafkaError::ClientCreation(text) => Fatal::Log(format!("{what}: {}", not_made(text))).into(),
        _ => fault(what, error.rdkafka_error_code(), error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once_in_a_while_whoever_says_so_and_in_whatever_words() {
        let (mut last, now) = (Vec::new(), Instant::now());
        let mut told = |what, seconds| is_time_to_tell(&mut last, what, now + Duration::from_secs(seconds));
        let later = TELL_AGAIN.as_secs();
        let of_one =
            [told("one", 0), told("one", 0), told("one", later - 1), told("one", later), told("one", later + 1)];
        assert_eq!(of_one, [true, false, false, true, false]);
        assert!(told("another", later + 1), "another trouble is told at once");
    }

    #[test]
    fn brokers_that_are_back_are_told_of_once_and_not_while_one_is_away() {
        let (mut told, now) = (Vec::new(), Instant::now());
        let after = |seconds| now + Duration::from_secs(seconds);
        let (again, over) = (TELL_AGAIN.as_secs(), OVER.as_secs());
        assert!(!is_over(&mut told, now), "they were never away");
        assert!(is_time_to_tell(&mut told, (), after(0)));
        assert!(!is_over(&mut told, after(1)), "another broker has answered");
        assert!(is_time_to_tell(&mut told, (), after(again)));
        assert!(!is_over(&mut told, after(again + 1)));
        assert!(is_over(&mut told, after(again + over)));
        assert!(!is_over(&mut told, after(again + over + 1)), "it is told once");
    }

    #[test]
    fn a_broker_that_was_there_before_is_gone_and_has_no_wrong_address() {
        let troubles = Troubles::quiet();
        let fail = |text: &str| troubles.log(RDKafkaLogLevel::Info, "FAIL", text);
        let refused = "[thrd:gone:1/7]: gone:1/7: Connect to ipv4#10.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)";
        fail(refused);
        assert!(
            troubles.reason().is_some_and(|reason| reason.contains("advertised.listeners")),
            "nobody has ever reached it"
        );
        fail("[thrd:gone:1/7]: gone:1/7: Disconnected (after 5000ms in state UP)");
        fail(refused);
        let reason = troubles.reason().unwrap();
        assert!(reason.starts_with("nobody listens there") && !reason.contains("advertised"), "{reason}");
    }

    #[test]
    fn what_is_said_of_a_partition_after_its_call_has_failed_is_heard() {
        let troubles = Troubles::default();
        let line = "Failed to add partition \"scores\" [0] to transaction: Broker: Topic authorization failed";
        let later = troubles.clone();
        let says = std::thread::spawn(move || {
            sleep(SAID_LOOK * 4);
            later.log(RDKafkaLogLevel::Error, "ADDPARTS", line);
        });
        assert_eq!(troubles.refused_partition(Some(Code::TopicAuthorizationFailed)).as_deref(), Some(line));
        says.join().expect("it says so");
        assert_eq!(troubles.refused_partition(Some(Code::ProducerFenced)), None);
    }

    #[test]
    fn what_is_believed_is_told_first() {
        let troubles = Troubles::default();
        let believed = || troubles.unreachable().reason(Said::is_stuck);
        let (ended, refused) =
            ("b:1/1: Disconnected (after 3ms in state APIVERSION_QUERY)", "b:1/1: Connection refused");
        assert!(troubles.note_reason(ended));
        assert_eq!(believed(), None, "a broker that goes away ends connections as well");
        assert!(troubles.reason().is_some_and(|reason| reason.contains("security.protocol")), "who asks is told");
        assert!(troubles.note_reason(refused));
        assert!(believed().is_some_and(|reason| reason.contains("nobody listens")));
        troubles.answered();
        assert_eq!(believed(), None);
    }

    #[test]
    fn a_line_of_the_client_whose_cause_is_told_elsewhere_is_no_warning() {
        for (fac, message) in [
            ("FAIL", "3/3 brokers are down"),
            ("TXNERR", "Current transaction failed in state InTransaction: Failed to commit offsets to transaction"),
            ("FINDCOORD", "Failed to find the coordinator: Local: Broker transport failure"),
            ("ADDOFFSETS", "Failed to add offsets to transaction on broker TxnCoordinator/1: Broker: Not coordinator"),
            ("GETPID", "Failed to acquire transactional PID: Broker: Coordinator load in progress: retrying"),
        ] {
            assert!(is_told_elsewhere(fac, message), "{message}");
        }
        assert!(!is_told_elsewhere(
            "SESSTMOUT",
            "Consumer group session timed out: revoking assignment and rejoining group"
        ));
    }
}
