//! The log in memory keeps what every log must keep.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use embedded::{Manner, Memory, MemoryLog};
use pipeline::contract::{Candidate, SHARDS, check};
use pipeline::{Batch, Stamp};
use vocabulary::Event;

struct InMemory {
    memory: Memory,
    ends: [i64; SHARDS as usize],
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
}

#[test]
fn the_log_in_memory() {
    let manner = Manner { in_rounds: false, keeps: true };
    check(|| InMemory { memory: Memory::new(SHARDS, &["events"], manner), ends: [0; SHARDS as usize] });
}
