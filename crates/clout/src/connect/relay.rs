//! From a stream into topics. Events, profiles, what was learnt and the position behind all of it are one transaction.
//!
//! Whatever fails, nothing is repaired: what was read since the last commit is dropped with all that was learnt, and the next
//! attempt goes on from what is committed. The network then tells again what it told before; what came of it already is
//! known by the ids of its acts. Two processes cannot both write: who begins fences the other one off before it looks
//! how far the stream is read.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, Instant};

use connect::{Arrival, Endpoint, Stream};
use kafka::{AdminError, Connection, Given, Outgoing, Outlet, OutletError, Purpose, Read, Routing, Target, Unusable};
use tracing::{info, warn};
use vocabulary::Timestamp;

use crate::claims::Outcomes;
use crate::config::Config;
use crate::connect::kept::{Kept, Position};
use crate::connect::{ConnectError, LiveError, agent};
use crate::failure::Failure;
use crate::names_topic::NamesTopic;
use crate::route::messages::Messages;

/// A transaction ends after this time,
const EPOCH: Duration = Duration::from_millis(500);
/// or with this number of messages,
const MESSAGES_MAX: u64 = 10_000;
/// or with this number of bytes of them, as what is learnt from them has to fit into a record.
const BYTES_MAX: usize = 8 << 20;
/// After so long without a message it is looked whether somebody else has taken over.
const QUIET_MAX: Duration = Duration::from_secs(5);
/// The time between two looks at which accounts were erased.
const LISTEN_EVERY: Duration = Duration::from_secs(10);
/// How soon somebody who says stop is heard.
const LOOK: Duration = Duration::from_millis(50);
/// How often it is begun again without a transaction in between.
const ATTEMPTS_MAX: u32 = 10;
const BACKOFF: Duration = Duration::from_secs(1);
/// So long another process may take to say who it is: a transaction that it cannot end in this time is void.
const TAKING_OVER: Duration = Duration::from_secs(30);
/// How often it is looked whether it has.
const TAKING_OVER_LOOK: Duration = Duration::from_millis(500);

/// The topics for events, for profiles and for what is kept.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) to: String,
    pub(crate) partitions: u16,
    pub(crate) profiles: Option<String>,
    pub(crate) profile_partitions: u16,
    /// Where it goes what accounts are called.
    pub(crate) names: NamesTopic,
    pub(crate) kept: String,
    /// Where messages go that cannot be used, if there is such a topic.
    pub(crate) letters: Option<Letters>,
}

/// The application's dead letters.
#[derive(Clone, Debug)]
pub(crate) struct Letters {
    pub(crate) topic: String,
    /// The largest record that it takes.
    pub(crate) bytes_max: usize,
}

/// Counts of what was written so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) events: u64,
    pub(crate) profiles: u64,
    /// Messages that cannot be used, as a whole or in part.
    pub(crate) unusable: u64,
    pub(crate) reconnects: u64,
    pub(crate) is_connected: bool,
    pub(crate) last_at: Option<Timestamp>,
    /// The number of claims of accounts, by what became of them.
    pub(crate) claims: Outcomes,
}

/// One stream on its way into topics.
pub(crate) struct Relay<'a> {
    pub(crate) connection: Connection,
    pub(crate) application: String,
    /// What this process is called.
    pub(crate) writer: String,
    pub(crate) stream: String,
    pub(crate) endpoint: Endpoint,
    /// The position to begin at where none is kept.
    pub(crate) start: Option<String>,
    pub(crate) place: &'a Place,
    /// By which accounts are linked that say whose they are.
    pub(crate) config: &'a Config,
}

/// The reason why an attempt ended.
enum Broken {
    Outlet(OutletError),
    Final(Failure),
}

impl From<OutletError> for Broken {
    fn from(error: OutletError) -> Broken {
        Broken::Outlet(error)
    }
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Broken {
        Broken::Final(failure)
    }
}

impl From<LiveError> for Broken {
    fn from(error: LiveError) -> Broken {
        Broken::Final(ConnectError::Live(error).into())
    }
}

impl Relay<'_> {
    /// Relays until somebody says stop; `tell` is told what was done, now and then.
    pub(crate) fn run(&self, mut messages: Messages, stop: &AtomicBool, tell: impl Fn(Told)) -> Result<(), Failure> {
        let (mut told, mut failures, mut alive) = (Told::default(), 0, Instant::now());
        while !stop.load(Relaxed) {
            let before = (told.events, told.profiles);
            let broken = match self.attempt(&mut messages, stop, (&mut told, &mut alive), &tell) {
                Ok(()) => return Ok(()),
                Err(broken) => broken,
            };
            told.is_connected = false;
            tell(told);
            failures = if (told.events, told.profiles) == before { failures + 1 } else { 1 };
            let (reason, is_unreachable) = match broken {
                Broken::Final(failure) => return Err(failure),
                Broken::Outlet(OutletError::Final(error)) => return Err(error.into()),
                Broken::Outlet(OutletError::Passing { reason, is_unreachable }) => (reason, is_unreachable),
                Broken::Outlet(OutletError::Fenced) => {
                    self.find_successor(alive, stop)?;
                    ("the brokers have ended the transaction".to_owned(), false)
                }
            };
            let what = || format!("{} cannot be written", self.place.to);
            if stop.load(Relaxed) {
                let what = format!("the last messages of {} are not written", self.stream);
                return Err(AdminError::Unfinished { what, reason }.into());
            }
            if failures == ATTEMPTS_MAX {
                return Err(match is_unreachable {
                    true => AdminError::Unreachable { brokers: self.connection.brokers().to_owned(), reason },
                    false => AdminError::Refused { what: what(), reason },
                }
                .into());
            }
            warn!(reason, "begins again from what is committed");
            sleep(BACKOFF);
        }
        Ok(())
    }

    /// Ends with an error if another process has taken over. Brokers also end the transactions of a process that was silent for too
    /// long; one that was not has a successor, who may take a while to say who it is.
    fn find_successor(&self, alive: Instant, stop: &AtomicBool) -> Result<(), Failure> {
        let was_silent = alive.elapsed() >= kafka::TRANSACTION_MAX;
        let until = Instant::now() + if was_silent { Duration::ZERO } else { TAKING_OVER };
        loop {
            match self.kept().writer(&self.connection)? {
                Some(by) if by != self.writer => {
                    let (stream, application) = (self.stream.clone(), self.application.clone());
                    return Err(ConnectError::TakenOver { by, stream, application }.into());
                }
                _ if stop.load(Relaxed) || Instant::now() >= until => return Ok(()),
                _ => sleep(TAKING_OVER_LOOK),
            }
        }
    }

    fn kept(&self) -> Kept<'_> {
        Kept { topic: &self.place.kept, stream: &self.stream }
    }

    fn attempt(
        &self,
        messages: &mut Messages,
        stop: &AtomicBool,
        (told, alive): (&mut Told, &mut Instant),
        tell: &impl Fn(Told),
    ) -> Result<(), Broken> {
        let kept = self.kept();
        let mut outlet = Outlet::open(&self.connection, &format!("{}-connect-{}", self.application, self.stream))?;
        kept.claim(&mut outlet, &self.writer)?;
        *alive = Instant::now();
        messages.forget();
        let (mut position, mut heard) = kept.restore(&self.connection, messages)?;
        if position.position.is_none() {
            position.position.clone_from(&self.start);
        }
        told.last_at = position.at;
        let from = position.position.clone();
        let stream = Stream::open(self.endpoint.clone(), from, &agent()).map_err(LiveError::Threads)?;
        let mut open = Open { relay: self, outlet, position, pending: Told::default(), messages: 0, bytes: 0 };
        let (mut began, mut looked, mut listened) = (Instant::now(), Instant::now(), Instant::now());
        loop {
            match stream.next(LOOK) {
                Some(Arrival::Message { bytes, position }) => open.take(messages, &bytes, position)?,
                Some(Arrival::Connected(to)) => {
                    info!(network = self.stream, "connected to {to}");
                    told.is_connected = true;
                }
                Some(Arrival::Disconnected { reason, again_in }) => {
                    warn!(network = self.stream, reason, "disconnected; again in {:.1} s", again_in.as_secs_f64());
                    told.is_connected = false;
                    told.reconnects += 1;
                }
                Some(Arrival::Failed(error)) => {
                    open.commit(messages, told)?;
                    return Err(LiveError::Stream(error).into());
                }
                None => {}
            }
            let is_stopped = stop.load(Relaxed);
            if is_stopped || open.is_full() || began.elapsed() >= EPOCH {
                let is_quiet = open.messages == 0;
                open.commit(messages, told)?;
                open.settle(messages, told)?;
                began = Instant::now();
                match is_quiet {
                    false => *alive = began,
                    true if alive.elapsed() >= QUIET_MAX => {
                        kept.claim(&mut open.outlet, &self.writer)?;
                        *alive = began;
                    }
                    true => {}
                }
            }
            if listened.elapsed() >= LISTEN_EVERY {
                match kept.listen(&self.connection, heard, messages) {
                    Ok(next) => heard = next,
                    Err(error) => warn!(%error, "who was erased lately is not known yet"),
                }
                listened = Instant::now();
            }
            if is_stopped || looked.elapsed() >= EPOCH {
                tell(*told);
                looked = Instant::now();
            }
            if is_stopped {
                return Ok(());
            }
        }
    }
}

/// An attempt at work.
struct Open<'a> {
    relay: &'a Relay<'a>,
    outlet: Outlet,
    position: Position,
    /// The counts of the open transaction.
    pending: Told,
    messages: u64,
    bytes: usize,
}

impl Open<'_> {
    fn is_full(&self) -> bool {
        self.messages >= MESSAGES_MAX || self.bytes >= BYTES_MAX
    }

    fn take(&mut self, messages: &mut Messages, bytes: &[u8], position: Option<String>) -> Result<(), Broken> {
        let place = self.relay.place;
        let (partitions, profile_partitions) = (place.partitions, place.profile_partitions);
        let name_partitions = place.names.partitions;
        let read =
            Read { partition: 0, key: None, value: Some(bytes), partitions, profile_partitions, name_partitions };
        let refused = match messages.target(read) {
            Target::Given { records, refused } => {
                records.iter().try_for_each(|given| self.give(given))?;
                refused
            }
            Target::Refused(reason) => Some(reason),
            Target::Key(..) => None,
        };
        self.messages += 1;
        self.bytes += bytes.len();
        if position.is_some() {
            self.position.position = position;
        }
        match refused {
            // After an interruption the network may tell it again.
            Some(reason) if messages.is_first_unread(bytes) => Ok(self.put_aside(&reason, bytes)?),
            _ => Ok(()),
        }
    }

    /// A message that cannot be used, or not as a whole, becomes a dead letter; without a topic for them it is told.
    fn put_aside(&mut self, reason: &str, value: &[u8]) -> Result<(), OutletError> {
        self.pending.unusable += 1;
        let from = &*self.relay.stream;
        let Some(Letters { topic, bytes_max }) = &self.relay.place.letters else {
            warn!(network = from, reason, "a message cannot be used");
            return Ok(());
        };
        let position = self.position.position.as_deref().and_then(|position| position.parse().ok());
        let unusable = Unusable { from, position: position.unwrap_or_default(), reason, value };
        self.outlet.put_aside(topic, *bytes_max, unusable)
    }

    fn give(&mut self, given: &Given) -> Result<(), OutletError> {
        let Place { to, profiles, names, .. } = self.relay.place;
        let topic = match given.of {
            Purpose::Event => to,
            Purpose::Profile => profiles.as_ref().unwrap_or(to),
            Purpose::Name => &names.topic,
        };
        let (partition, key, value) = (given.partition, &*given.key, given.value.as_deref());
        self.outlet.send(Outgoing { topic, partition, key, value })?;
        match given.of {
            Purpose::Event => self.pending.events += 1,
            Purpose::Profile => self.pending.profiles += 1,
            Purpose::Name => {}
        }
        Ok(())
    }

    /// Writes the links of accounts that said whose they are, and keeps that they are written.
    fn settle(&mut self, messages: &mut Messages, told: &mut Told) -> Result<(), OutletError> {
        let Some(claims) = messages.claims() else { return Ok(()) };
        claims.settle_when_due(self.relay.config);
        told.claims = claims.outcomes();
        match claims.has_settled() {
            true => self.commit_all(messages, told),
            false => Ok(()),
        }
    }

    fn commit(&mut self, messages: &mut Messages, told: &mut Told) -> Result<(), OutletError> {
        if self.messages == 0 {
            return Ok(());
        }
        self.commit_all(messages, told)
    }

    fn commit_all(&mut self, messages: &mut Messages, told: &mut Told) -> Result<(), OutletError> {
        self.position.at = messages.last_at().or(self.position.at);
        self.relay.kept().keep(&mut self.outlet, &mut self.position, &messages.take_news())?;
        self.outlet.commit()?;
        messages.committed();
        let Told { events, profiles, unusable, .. } = std::mem::take(&mut self.pending);
        told.unusable += unusable;
        told.events += events;
        told.profiles += profiles;
        told.last_at = self.position.at;
        (self.messages, self.bytes) = (0, 0);
        Ok(())
    }
}
