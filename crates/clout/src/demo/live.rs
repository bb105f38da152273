//! What a network tells, into the log as it comes.

use std::time::{Duration, Instant};

use connect::{Arrival, Stream};
use networks::{Memory, Options, Reader, Source};
use pipeline::{Stamp, Supervisor};
use vocabulary::{AHEAD_MS_MAX, Profile, Timestamp};
use wire::{Names, Respelled};

use crate::connect::{LiveArgs, LiveError, LiveNetwork, agent, now_ms};
use crate::demo::feeder::{Partitions, WAITING_MAX};
use crate::demo::hearing::Hearing;
use crate::demo::opening::Opening;
use crate::demo::workers::{ACCOUNTS, EVENTS, Workers};
use crate::demo::{PATIENCE, TICK, say};
use crate::failure::{Failure, OutputError};
use crate::recorded::messages::FACTS_MAX;
use crate::recorded::people::Change;
use crate::route::messages::{ACTS_MAX, messages};

/// Messages that are taken at once.
const MESSAGES_MAX: usize = 1 << 12;
/// What is no older than that is what happens now.
const FRESH_MS: i64 = 5_000;

/// A network that is read.
pub(crate) struct Live {
    stream: Stream,
    hearing: Hearing,
    /// When the first connection stood.
    connected_at: Option<Instant>,
    /// When the newest act happened.
    newest_at: Option<Timestamp>,
}

impl Live {
    /// Follows a network, from a time before now on where it can be asked for it.
    pub(crate) fn open(network: LiveNetwork, args: &LiveArgs, head_start_ms: i64) -> Result<Live, LiveError> {
        let endpoint = args.endpoint(network)?;
        let start = network.position_at(now_ms().saturating_sub(head_start_ms));
        let owner = args.notifications_of.clone();
        let options = Options { only: vec![network.network()], owner, drops_repeats: true, ..Options::default() };
        Ok(Live {
            stream: Stream::open(endpoint, start, &agent()).map_err(LiveError::Threads)?,
            hearing: Hearing::new(Reader::new(options, Memory::bounded(FACTS_MAX, ACTS_MAX)), Source::default()),
            connected_at: None,
            newest_at: None,
        })
    }

    /// Feeds the log until somebody asks to stop. Says where the page is once it shows what happens now.
    pub(crate) fn feed(
        mut self: Box<Live>,
        mut partitions: Partitions,
        workers: &Workers,
        (opening, welcome): (&Opening, &str),
        supervisor: &Supervisor,
    ) -> Result<(), Failure> {
        while !supervisor.is_stopping() {
            let waiting = workers.waiting(partitions.appended());
            match waiting < WAITING_MAX {
                true => self.take(&mut partitions, opening)?,
                false => std::thread::sleep(TICK),
            }
            let is_fresh = self.newest_at.is_some_and(|at| at >= now_ms().saturating_sub(FRESH_MS));
            let is_patient = self.connected_at.is_none_or(|at| at.elapsed() <= PATIENCE);
            if !opening.is_open() && (is_fresh || !is_patient) {
                opening.open();
                say(welcome).map_err(OutputError::to("-".as_ref()))?;
            }
        }
        Ok(())
    }

    /// Appends what has come.
    fn take(&mut self, partitions: &mut Partitions, opening: &Opening) -> Result<(), LiveError> {
        let (mut wait, mut left) = (TICK, MESSAGES_MAX);
        self.hearing.findings.clear();
        while left > 0 {
            match self.stream.next(wait) {
                Some(Arrival::Message { bytes, .. }) => {
                    messages(&bytes).for_each(|message| self.hearing.hear(message));
                    left -= 1;
                }
                Some(Arrival::Connected(address)) => {
                    self.connected_at.get_or_insert_with(Instant::now);
                    eprintln!("connected to {address}");
                }
                Some(Arrival::Disconnected { reason, again_in }) => {
                    eprintln!("disconnected: {reason}; again in {:.1} s", again_in.as_secs_f64());
                }
                Some(Arrival::Failed(error)) => return Err(error.into()),
                None => break,
            }
            wait = Duration::ZERO;
        }
        self.hearing.said.drain(..).for_each(|said| opening.call(&said));
        self.append(partitions);
        Ok(())
    }

    fn append(&mut self, partitions: &mut Partitions) {
        let (mut events, mut accounts) = (partitions.batches(EVENTS), partitions.batches(ACCOUNTS));
        for Change { user, opted_out, trust } in self.hearing.findings.changes.drain(..) {
            let batch = &mut accounts[partitions.of(&user)];
            batch.push_profile(batch.next(), &Profile { user: &user, opted_out, trust, ..Profile::default() });
        }
        let (names, mut respelled, stored_at) = (Names::default(), Respelled::default(), now_ms());
        for (event, _) in self.hearing.findings.acts() {
            // What cannot be scored is left out: here is nobody who looks at it.
            let Ok(Some(event)) = names.event(event, &mut respelled) else { continue };
            if event.at > stored_at.saturating_add(AHEAD_MS_MAX) {
                continue;
            }
            let batch = &mut events[partitions.of(event.actor)];
            batch.push_event(batch.next(), &event, Stamp::Stored(stored_at.max(event.at)));
            self.newest_at = self.newest_at.max(Some(event.at));
        }
        partitions.append(ACCOUNTS, accounts);
        partitions.append(EVENTS, events);
    }
}
