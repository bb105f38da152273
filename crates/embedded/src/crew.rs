//! Worker threads that step shards. A shard travels to its worker with the epoch's work and comes back with the
//! effects, so that nothing is shared and nothing is locked.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use influence::exchange::Section;
use influence::{Arrival, Effects, Profile, Shard, Slice};

use crate::batch::Batch;

/// A shard between two steps.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) shard: Shard,
    pub(crate) number: u16,
    /// What the other shards told it in the epoch before.
    pub(crate) exchange: Vec<Section>,
    pub(crate) effects: Effects,
}

struct Work {
    seats: Vec<Seat>,
    batch: Arc<Batch>,
}

/// One thread.
#[derive(Debug)]
pub(crate) struct Worker {
    work: Option<Sender<Work>>,
    done: Receiver<Vec<Seat>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(crate) fn start(number: usize) -> Worker {
        let (work, inbox) = channel::<Work>();
        let (outbox, done) = channel();
        let run = move || {
            for Work { mut seats, batch } in inbox {
                seats.iter_mut().for_each(|seat| seat.step(&batch));
                drop(batch);
                if outbox.send(seats).is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name(format!("worker-{number}")).spawn(run);
        let thread = Some(thread.expect("the system has no room for another thread"));
        Worker { work: Some(work), done, thread }
    }

    pub(crate) fn begin(&self, seats: Vec<Seat>, batch: Arc<Batch>) {
        let work = self.work.as_ref().expect("the worker is there until it is dropped");
        work.send(Work { seats, batch }).expect("a worker waits for work as long as it lives");
    }

    /// Waits for the seats to come back; a worker's panic goes on in the caller.
    pub(crate) fn finish(&mut self) -> Vec<Seat> {
        match self.done.recv() {
            Ok(seats) => seats,
            Err(_) => match self.thread.take().map(JoinHandle::join) {
                Some(Err(panic)) => std::panic::resume_unwind(panic),
                _ => unreachable!("a worker ends only by a panic"),
            },
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.work.take();
        if let Some(thread) = self.thread.take() {
            // Its panic, if any, has been passed on by `finish`.
            let _ = thread.join();
        }
    }
}

impl Seat {
    fn step(&mut self, batch: &Batch) {
        let events: Vec<Arrival<'_>> = batch.arrivals(self.number).collect();
        let profiles: Vec<Profile<'_>> = batch.profiles(self.number).collect();
        let exchange: Vec<&Section> = self.exchange.iter().collect();
        let people = self.shard.people_len();
        let slice = Slice {
            clock: batch.clock,
            exchange: &exchange,
            profiles: &profiles,
            events: &events,
            sweep: if batch.sweeps_all { people } else { people.div_ceil(SWEEP_SHARE) },
            publishes: true,
            settles: batch.settles,
        };
        self.shard.step(&slice, &mut self.effects);
        self.exchange.clear();
    }
}

/// An epoch's sweep visits one in so many people: everybody about once a minute of processing.
const SWEEP_SHARE: u32 = 600;
