//! The log that fails on purpose keeps what every log must keep, as long as nothing fails.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use influence::Credit;
use pipeline::Bugs;
use pipeline::contract::{Candidate, SHARDS, check, settings};
use vocabulary::Event;
use wire::{decode_close, decode_credits, encode_event};

use crate::broker::{Broker, Record, Topic};
use crate::log::{FaultyLog, Shared};
use crate::scenario::BEGIN;

struct Simulated {
    shared: Shared,
}

impl Candidate for Simulated {
    type Log = FaultyLog;

    fn join(&mut self) -> FaultyLog {
        let worker = self.shared.broker.borrow().members();
        FaultyLog::join(&self.shared, worker, &Arc::new(settings()), Rc::default())
    }

    fn assign(&mut self, shard: u16, log: &FaultyLog) {
        self.shared.broker.borrow_mut().give(shard, log.member());
    }

    fn revoke(&mut self, shard: u16) {
        self.shared.broker.borrow_mut().take_back(shard);
    }

    fn append(&mut self, shard: u16, events: &[Event<'_>]) {
        for event in events {
            let mut value = Vec::new();
            encode_event(event, &mut value);
            self.shared.broker.borrow_mut().store(Topic::Input(0), shard, event.actor.as_bytes().to_vec(), Some(value));
        }
    }

    fn wait(&mut self) {
        let mut broker = self.shared.broker.borrow_mut();
        broker.now += 2;
    }

    fn closes(&mut self, shard: u16) -> Vec<(String, Option<i64>)> {
        let broker = self.shared.broker.borrow();
        let (records, _) = broker.read(Topic::History, shard, 0, usize::MAX);
        let close = |(_, record): (i64, &Record)| {
            let day = record.value.as_ref().map(|value| decode_close(value).expect("a close").day);
            (String::from_utf8(record.key.clone()).expect("a name"), day)
        };
        records.into_iter().map(close).collect()
    }

    fn credits(&mut self, shard: u16) -> Vec<Credit> {
        let broker = self.shared.broker.borrow();
        let (records, _) = broker.read(Topic::Credits, shard, 0, usize::MAX);
        let credits = |(_, record): (i64, &Record)| decode_credits(record.value.as_deref().expect("a value"));
        records.into_iter().flat_map(|record| credits(record).expect("credits").credits).collect()
    }
}

#[test]
fn the_log_that_fails_on_purpose() {
    for read_records in [1, 7, 1_000] {
        check(|| {
            let mut broker = Broker::new(SHARDS, BEGIN);
            broker.stop_balancing();
            Simulated {
                shared: Shared {
                    broker: Rc::new(RefCell::new(broker)),
                    starved: Rc::default(),
                    read_records,
                    is_stored: false,
                    bugs: Bugs::NONE,
                },
            }
        });
    }
}
