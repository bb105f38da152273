//! The log in memory keeps what every log must keep.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use embedded::{Manner, Memory, MemoryLog};
use influence::Credit;
use pipeline::contract::{Candidate, SHARDS, check};
use pipeline::{Batch, Stamp};
use vocabulary::Event;

struct InMemory {
    memory: Memory,
    ends: [i64; SHARDS as usize],
    closes: Arc<Mutex<Vec<Told>>>,
    credits: Arc<Mutex<[Vec<Credit>; SHARDS as usize]>>,
}

/// A shard, a user, and the day that was closed, if it is no tombstone.
type Told = (u16, String, Option<i64>);

impl InMemory {
    fn new(manner: Manner) -> InMemory {
        let memory = Memory::new(SHARDS, &["events"], manner);
        let closes: Arc<Mutex<Vec<Told>>> = Arc::default();
        let credits: Arc<Mutex<[Vec<Credit>; SHARDS as usize]>> = Arc::default();
        let given = Arc::clone(&credits);
        let told = Arc::clone(&closes);
        memory.subscribe(move |shard, effects| {
            let mut given = given.lock().expect("nobody panics here");
            given.iter_mut().zip(&effects.credits).for_each(|(all, new)| all.extend_from_slice(new));
            let mut told = told.lock().expect("nobody panics here");
            let number = shard.number();
            told.extend(effects.closes_removed.iter().map(|removed| (number, removed.name.to_string(), None)));
            let close =
                |close: &influence::Close| Some((number, shard.name(close.person)?.to_owned(), Some(close.day)));
            told.extend(effects.closes.iter().filter_map(close));
        });
        InMemory { memory, ends: [0; SHARDS as usize], closes, credits }
    }
}

impl Candidate for InMemory {
    type Log = MemoryLog;

    fn join(&mut self) -> MemoryLog {
        self.memory.join()
    }

    fn assign(&mut self, shard: u16, log: &MemoryLog) {
        self.memory.assign(shard, log);
    }

    fn revoke(&mut self, shard: u16) {
        self.memory.revoke(shard);
    }

    fn append(&mut self, shard: u16, events: &[Event<'_>]) {
        let end = &mut self.ends[usize::from(shard)];
        let mut batch = Batch::new(*end);
        for event in events {
            batch.push_event(*end, event, Stamp::Created(event.at));
            *end += 1;
        }
        self.memory.append(shard, 0, Arc::new(batch));
    }

    fn wait(&mut self) {
        thread::sleep(Duration::from_millis(1));
    }

    fn closes(&mut self, shard: u16) -> Vec<(String, Option<i64>)> {
        let told = self.closes.lock().expect("nobody panics here");
        told.iter().filter(|(of, ..)| *of == shard).map(|(_, user, day)| (user.clone(), *day)).collect()
    }

    fn credits(&mut self, shard: u16) -> Vec<Credit> {
        self.credits.lock().expect("nobody panics here")[usize::from(shard)].clone()
    }
}

#[test]
fn the_log_in_memory() {
    let manner = Manner { in_rounds: false, keeps: true };
    check(|| InMemory::new(manner));
}
