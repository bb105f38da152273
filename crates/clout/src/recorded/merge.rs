//! Several logs as one, by the time of their events. Each log keeps its own order: what is out of order in a file comes
//! when the file's turn comes. A message of a network is read when its turn comes, and not before: what it says may need
//! what an earlier one in another file has said.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use vocabulary::{Event, Kind, Timestamp};

use crate::recorded::Sink;
use crate::recorded::Stop;
use crate::recorded::gate::Gate;
use crate::recorded::log::{EventLog, Log, Next, Opener};

/// Takes the events of all logs; of equal times the log that was named first comes first.
pub(crate) fn merge(logs: &mut [Log], opener: &Opener<'_>, gate: &mut Gate, sink: &mut impl Sink) -> Result<(), Stop> {
    let mut waiting: Vec<Waiting> = logs.iter().map(|_| Waiting::none()).collect();
    let mut turns = BinaryHeap::with_capacity(logs.len());
    for (place, log) in logs.iter_mut().enumerate() {
        if let Some(at) = waiting[place].fill(log, gate)? {
            turns.push(Reverse((at, place)));
        }
    }
    while let Some(Reverse((_, place))) = turns.pop() {
        let next = turns.peek().map(|Reverse(turn)| *turn);
        loop {
            match &mut logs[place] {
                Log::Events(_) => sink.event(&waiting[place].event(), "")?,
                Log::Messages(log) => log.give_next(opener, gate, sink)?,
            }
            let Some(at) = waiting[place].fill(&mut logs[place], gate)? else { break };
            if next.is_some_and(|next| next < (at, place)) {
                turns.push(Reverse((at, place)));
                break;
            }
        }
    }
    Ok(())
}

/// A log's next event, kept while others have their turn. Its memory is used again for the one after it.
struct Waiting {
    /// Actor and target, one behind the other.
    names: String,
    actor_bytes: usize,
    kind: Kind,
    at: Timestamp,
}

impl Waiting {
    fn none() -> Waiting {
        Waiting { names: String::new(), actor_bytes: 0, kind: Kind::Mention, at: Timestamp::MIN }
    }

    /// Goes to what comes next in the log, and says when that happened; `None` at the end.
    fn fill(&mut self, log: &mut Log, gate: &mut Gate) -> Result<Option<Timestamp>, Stop> {
        match log {
            Log::Events(log) => Ok(self.take(log, gate)?.then_some(self.at)),
            Log::Messages(log) => log.fill(gate),
        }
    }

    /// Takes the log's next event; false at the end.
    fn take(&mut self, log: &mut EventLog, gate: &mut Gate) -> Result<bool, Stop> {
        loop {
            let filled = log.next(gate, |event| {
                self.set(event);
                Ok(())
            })?;
            match filled {
                Next::Event(()) => return Ok(true),
                Next::StaysOut => {}
                Next::End => return Ok(false),
            }
        }
    }

    fn set(&mut self, event: &Event<'_>) {
        self.names.clear();
        self.names.push_str(event.actor);
        self.names.push_str(event.target);
        (self.actor_bytes, self.kind, self.at) = (event.actor.len(), event.kind, event.at);
    }

    fn event(&self) -> Event<'_> {
        let (actor, target) = self.names.split_at(self.actor_bytes);
        Event { actor, target, kind: self.kind, at: self.at }
    }
}
