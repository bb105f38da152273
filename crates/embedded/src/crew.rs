//! Threads that let workers take their turns. A worker travels to its thread with each round and comes back, so that
//! its shards can be looked at between rounds and nothing is locked.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use pipeline::{Fault, Worker};

use crate::memory::MemoryLog;

/// One thread, and its worker while it is at home.
#[derive(Debug)]
pub(crate) struct Hand {
    worker: Option<Worker<MemoryLog>>,
    work: Option<Sender<Worker<MemoryLog>>>,
    done: Receiver<(Worker<MemoryLog>, Result<(), Fault>)>,
    thread: Option<JoinHandle<()>>,
}

impl Hand {
    pub(crate) fn start(number: usize, worker: Worker<MemoryLog>) -> Hand {
        let (work, inbox) = channel::<Worker<MemoryLog>>();
        let (outbox, done) = channel();
        let run = move || {
            for mut worker in inbox {
                let result = worker.turn();
                if outbox.send((worker, result)).is_err() {
                    return;
                }
            }
        };
        // Without room for another thread the worker takes its turns on the caller's.
        let thread = std::thread::Builder::new().name(format!("worker-{number}")).spawn(run).ok();
        let work = thread.as_ref().map(|_| work);
        Hand { worker: Some(worker), work, done, thread }
    }

    /// The worker, between its turns.
    pub(crate) fn worker(&self) -> &Worker<MemoryLog> {
        self.worker.as_ref().expect("workers are looked at between rounds")
    }

    /// Likewise.
    pub(crate) fn worker_mut(&mut self) -> &mut Worker<MemoryLog> {
        self.worker.as_mut().expect("workers are looked at between rounds")
    }

    /// Sends the worker to take a turn.
    pub(crate) fn begin(&mut self) {
        if let Some(work) = &self.work
            && let Some(worker) = self.worker.take()
        {
            work.send(worker).expect("a thread waits for its worker as long as it lives");
        }
    }

    /// Waits for it to come back; its panic goes on in the caller.
    pub(crate) fn finish(&mut self) -> Result<(), Fault> {
        if self.thread.is_none() {
            return self.worker_mut().turn();
        }
        match self.done.recv() {
            Ok((worker, result)) => {
                self.worker = Some(worker);
                result
            }
            Err(_) => match self.thread.take().map(JoinHandle::join) {
                Some(Err(panic)) => std::panic::resume_unwind(panic),
                _ => unreachable!("a worker's thread ends only by a panic"),
            },
        }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.work.take();
        if let Some(thread) = self.thread.take() {
            // Its panic, if any, has been passed on by `finish`.
            let _ = thread.join();
        }
    }
}
