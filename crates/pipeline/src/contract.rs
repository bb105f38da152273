//! What every log must keep, as one suite: whoever implements [`Log`] runs it in its tests.

use std::sync::Arc;

use influence::exchange::{AudienceChange, Section};
use influence::{Arrival, Credit, DAY_MS, ENGINE_REVISION, Effects, HashKey, Model, Shard, Slice};
use vocabulary::{Event, Kind, Profile};
use wire::{Encoding, Framing, JournalRecord, OffsetRange};

use crate::keeper::Keeper;
use crate::log::{Delivery, Inbox, Log, Ownership, Positions, Room, Share, Step};
use crate::settings::{Clock, Holds, Input, Pace, Settings};
use crate::status::Status;
use crate::worker::Worker;

/// Shards of the logs that the suite asks for.
pub const SHARDS: u16 = 2;
/// The key of the suite's names.
pub const HASH_KEY: HashKey = HashKey::new([1, 2]);

/// A log to be tested: with [`SHARDS`] partitions of one input of events, empty, and with nobody who works on it.
pub trait Candidate {
    /// One worker's access.
    type Log: Log;
    /// A new worker joins; it owns nothing.
    fn join(&mut self) -> Self::Log;
    /// A shard is given to a worker at once, whoever has it.
    fn assign(&mut self, shard: u16, log: &Self::Log);
    /// A shard is asked back from its owner.
    fn revoke(&mut self, shard: u16);
    /// Events are appended to a shard's part of the input.
    fn append(&mut self, shard: u16, events: &[Event<'_>]);
    /// Some milliseconds go by.
    fn wait(&mut self);
    /// What is committed of closes in a shard's part of their topic, in its order: users and days; no day for a tombstone.
    fn closes(&mut self, shard: u16) -> Vec<(String, Option<i64>)>;
    /// What is committed of credits to people of a shard, in the order of their topic.
    fn credits(&mut self, shard: u16) -> Vec<Credit>;
}

/// The settings under which the suite works.
pub fn settings() -> Settings {
    Settings {
        model: Model::default(),
        hash_key: HASH_KEY,
        names: wire::Names::default(),
        shards: SHARDS,
        inputs: vec![Input {
            topic: "events".into(),
            holds: Holds::Events,
            encoding: Encoding::Protobuf,
            framing: Framing::Bare,
            kind: Kind::Mention,
        }],
        exchange: "exchange".into(),
        clock: Clock::Wall,
        dedup_window_ms: None,
        closes_ms: None,
        credits: false,
        pace: Pace { epoch_ms: 10, ..Pace::default() },
        checkpoint_every_ms: i64::MAX,
        accepted_gaps: Vec::new(),
    }
}

/// Runs the whole suite, each part on a log of its own.
pub fn check<C: Candidate>(new: impl Fn() -> C) {
    records_come_in_order_from_where_they_are_sought(&mut new());
    what_is_committed_is_found_and_nothing_else(&mut new());
    what_is_told_arrives_once_in_order(&mut new());
    who_has_lost_a_shard_commits_nothing(&mut new());
    a_released_shard_can_be_somebody_elses(&mut new());
    what_is_trimmed_is_gone(&mut new());
    a_worker_that_restores_stands_where_the_other_one_stood(&mut new());
    closes_are_committed_with_their_epoch_or_not_at_all(&mut new());
    credits_are_committed_with_their_epoch_or_not_at_all(&mut new());
}

/// Names that live in a shard.
fn name(shard: u16, number: usize) -> String {
    let lives_here = |name: &String| Model::default().partitioner.partition(name, SHARDS) == shard;
    let names = (0..).map(|salt| format!("p{number}-{salt}"));
    names.filter(lives_here).take(1).collect()
}

fn events(candidate: &mut impl Candidate, shard: u16, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let (actor, target) = (name(shard, number % 5), name(number as u16 % SHARDS, 100 + number % 3));
        let event =
            Event { actor: &actor, target: &target, kind: Kind::Retweet, at: 1_600_000_000_000 + number as i64 };
        candidate.append(shard, &[event]);
    }
}

/// Asks until the answer is there.
fn past<C: Candidate>(candidate: &mut C, log: &mut C::Log, shard: u16) -> crate::Past {
    for _ in 0..1_000 {
        if let Some(past) = log.past(shard).expect("an owner may ask") {
            return past;
        }
        candidate.wait();
    }
    panic!("the past of shard {shard} is never told");
}

fn owned<C: Candidate>(candidate: &mut C, shard: u16) -> C::Log {
    let mut log = candidate.join();
    candidate.assign(shard, &log);
    let changes = log.ownership().expect("a member hears of changes");
    assert!(changes.contains(&Ownership::Assigned(shard)), "{changes:?}");
    log
}

/// What is delivered, so much at least, until nothing comes any more: offsets of records and of the exchange.
fn fetched<C: Candidate>(
    candidate: &mut C,
    log: &mut C::Log,
    shard: u16,
    room: usize,
    expected: usize,
) -> (Vec<i64>, Vec<(i64, Vec<Section>)>) {
    let room = Room { shares: [((shard, 0), Share { records: room, bytes: usize::MAX })].into(), ..Room::default() };
    let (mut records, mut told, mut quiet) = (Vec::new(), Vec::new(), 0);
    while quiet < if records.len() + told.len() < expected { 2_000 } else { 10 } {
        let mut inbox = Inbox::default();
        log.fetch(5, &room, &mut inbox).expect("an owner reads");
        quiet = if inbox.is_empty() { quiet + 1 } else { 0 };
        for delivery in inbox.deliveries {
            match delivery {
                Delivery::Records { shard: of, batch, .. } => {
                    assert_eq!(of, shard);
                    let all = batch.first()..batch.next();
                    records.extend(batch.events(&all).0.map(|stored| stored.offset));
                }
                Delivery::Exchange { shard: of, offset, sections } => {
                    assert_eq!(of, shard);
                    told.push((offset, sections));
                }
            }
        }
        candidate.wait();
    }
    (records, told)
}

/// A record of a journal, with what was taken of the input and of the exchange.
pub fn record(shard: u16, sequence: u64, input: (i64, i64), exchange: (i64, i64)) -> JournalRecord {
    let range = |(first, next)| OffsetRange { first, next };
    JournalRecord {
        shard,
        sequence,
        exchange: range(exchange),
        inputs: vec![range(input)],
        clock: 1_600_000_000_000,
        sweep: 0,
        publishes: true,
        settles: false,
        engine_revision: ENGINE_REVISION,
        model_fingerprint: settings().fingerprint(),
        slice_digest: 1,
        digest: sequence,
        gaps: Vec::new(),
        machine_clock: None,
        closes_ms: None,
    }
}

/// What a shard tells another.
fn section(source: u16, number: u64) -> Section {
    let change = AudienceChange { target: number, level: 0, mutual: false, followers: 1 };
    Section { source, audiences: vec![change], ..Section::default() }
}

fn commit(log: &mut impl Log, journal: &JournalRecord, told: Option<(u16, Section)>) -> Result<i64, crate::Fault> {
    let shard = Shard::new(Model::default(), HASH_KEY, journal.shard, SHARDS);
    let mut effects = Effects { exchange: vec![Section::default(); usize::from(SHARDS)], ..Effects::default() };
    if let Some((target, section)) = told {
        effects.exchange[usize::from(target)] = section;
    }
    let step = Step { shard: &shard, effects: &mut effects, refused: &[], journal };
    let offsets = log.commit(&mut [step])?;
    assert_eq!(offsets.len(), 1, "an offset for each step");
    Ok(offsets[0])
}

fn records_come_in_order_from_where_they_are_sought<C: Candidate>(candidate: &mut C) {
    events(candidate, 0, 0..50);
    let mut log = owned(candidate, 0);
    let starts = past(candidate, &mut log, 0).starts;
    log.seek(0, &starts).expect("the beginning is there");
    assert_eq!(fetched(candidate, &mut log, 0, 0, 0).0, Vec::<i64>::new(), "no room, no records");
    assert_eq!(fetched(candidate, &mut log, 0, 1_000, 50).0, (0..50).collect::<Vec<_>>());
    events(candidate, 0, 50..60);
    assert_eq!(fetched(candidate, &mut log, 0, 1_000, 10).0, (50..60).collect::<Vec<_>>(), "what comes later");
    log.seek(0, &Positions { exchange: 0, inputs: vec![50] }).expect("it is there still");
    assert_eq!(
        fetched(candidate, &mut log, 0, 1_000, 10).0,
        (50..60).collect::<Vec<_>>(),
        "from the offset that is sought"
    );
}

fn what_is_committed_is_found_and_nothing_else<C: Candidate>(candidate: &mut C) {
    let mut log = owned(candidate, 1);
    let before = past(candidate, &mut log, 1);
    assert!(before.journal.is_empty() && before.exchange_committed.is_none());
    assert_eq!(before.inputs_committed, [None]);
    let records = [record(1, 0, (0, 0), (0, 0)), record(1, 1, (0, 7), (0, 2))];
    let offsets: Vec<i64> =
        records.iter().map(|record| commit(&mut log, record, None).expect("it is the owner")).collect();
    assert!(offsets[0] < offsets[1]);
    drop(log);
    let mut next = owned(candidate, 1);
    let after = past(candidate, &mut next, 1);
    assert_eq!(after.journal, offsets.into_iter().zip(records).collect::<Vec<_>>());
    assert_eq!((after.exchange_committed, after.inputs_committed), (Some(2), vec![Some(7)]));
}

fn what_is_told_arrives_once_in_order<C: Candidate>(candidate: &mut C) {
    let mut teller = owned(candidate, 0);
    let mut hearer = owned(candidate, 1);
    let starts = past(candidate, &mut hearer, 1).starts;
    hearer.seek(1, &starts).expect("the beginning is there");
    for number in 0..5 {
        commit(&mut teller, &record(0, number, (0, 0), (0, 0)), Some((1, section(0, number))))
            .expect("it is the owner");
    }
    let told = fetched(candidate, &mut hearer, 1, 0, 5).1;
    let heard =
        |told: &[(i64, Vec<Section>)]| told.iter().flat_map(|(_, sections)| sections.clone()).collect::<Vec<_>>();
    assert_eq!(heard(&told), (0..5).map(|number| section(0, number)).collect::<Vec<_>>());
    assert!(told.windows(2).all(|pair| pair[0].0 < pair[1].0), "offsets rise");
    let third = told[2].0;
    hearer.seek(1, &Positions { exchange: third, inputs: vec![0] }).expect("it is there still");
    assert_eq!(
        heard(&fetched(candidate, &mut hearer, 1, 1_000, 3).1),
        (2..5).map(|number| section(0, number)).collect::<Vec<_>>()
    );
}

fn who_has_lost_a_shard_commits_nothing<C: Candidate>(candidate: &mut C) {
    let mut old = owned(candidate, 0);
    commit(&mut old, &record(0, 0, (0, 0), (0, 0)), None).expect("it is the owner");
    let mut new = owned(candidate, 0);
    let refused = commit(&mut old, &record(0, 1, (0, 3), (0, 0)), Some((1, section(0, 9))));
    assert!(matches!(refused, Err(crate::Fault::Broken(_))), "{refused:?}");
    let past = past(candidate, &mut new, 0);
    assert_eq!(past.journal.len(), 1, "nothing of a refused transaction is there");
    let mut hearer = owned(candidate, 1);
    hearer.seek(1, &Positions { exchange: 0, inputs: vec![0] }).expect("the beginning is there");
    assert!(fetched(candidate, &mut hearer, 1, 1_000, 0).1.is_empty(), "nor has anybody heard of it");
    commit(&mut new, &record(0, 1, (0, 4), (0, 0)), None).expect("it is the owner now");
}

fn a_released_shard_can_be_somebody_elses<C: Candidate>(candidate: &mut C) {
    let mut old = owned(candidate, 0);
    candidate.revoke(0);
    let changes = old.ownership().expect("a member hears of changes");
    assert!(changes.contains(&Ownership::Revoked(0)), "{changes:?}");
    commit(&mut old, &record(0, 0, (0, 0), (0, 0)), None).expect("it is the owner until it releases");
    old.release(0).expect("it is the owner");
    let refused = commit(&mut old, &record(0, 1, (0, 0), (0, 0)), None);
    assert!(matches!(refused, Err(crate::Fault::Broken(_))), "{refused:?}");
    let mut new = owned(candidate, 0);
    assert_eq!(past(candidate, &mut new, 0).journal.len(), 1);
}

fn what_is_trimmed_is_gone<C: Candidate>(candidate: &mut C) {
    let mut log = owned(candidate, 0);
    let journaled = |number| record(0, number, (0, 0), (0, 0));
    let told = |number| Some((0, section(1, number)));
    let offsets: Vec<i64> =
        (0..4).map(|number| commit(&mut log, &journaled(number), told(number)).expect("it is the owner")).collect();
    log.seek(0, &Positions { exchange: 0, inputs: vec![0] }).expect("the beginning is there");
    let heard = fetched(candidate, &mut log, 0, 1_000, 4).1;
    log.trim(0, offsets[2], heard[2].0).expect("it is the owner");
    let past = past(candidate, &mut log, 0);
    assert_eq!(
        past.journal.first().map(|(offset, _)| *offset),
        Some(offsets[2]),
        "the journal begins where it was trimmed"
    );
    let gone = log.seek(0, &Positions { exchange: 0, inputs: vec![0] }).expect_err("it is gone");
    let text = gone.to_string();
    assert!(
        matches!(gone, crate::Fault::Fatal(_)) && text.contains("[0]") && text.contains("application id"),
        "{text}"
    );
}

fn closes_are_committed_with_their_epoch_or_not_at_all<C: Candidate>(candidate: &mut C) {
    let (fan, idol, day) = (name(0, 0), name(0, 1), 1_600_000_000_000 / DAY_MS);
    let mut shard = Shard::new(Model::default(), HASH_KEY, 0, SHARDS);
    let mut effects = Effects::default();
    let event = Event { actor: &fan, target: &idol, kind: Kind::Retweet, at: day * DAY_MS };
    let events = [Arrival { clock: event.at, event }];
    let mut step = |clock, events, profiles, effects: &mut Effects| {
        let slice = Slice { clock, events, profiles, publishes: true, closes_ms: Some(DAY_MS), ..Slice::default() };
        shard.step(&slice, effects);
        shard.clone()
    };
    step(event.at, &events, &[], &mut effects);
    // There is no score before there is a scale.
    (0..20).for_each(|_| drop(step(event.at, &[], &[], &mut effects)));
    let mut log = owned(candidate, 0);
    let commit = |log: &mut C::Log, shard: &Shard, effects: &mut Effects, sequence| {
        let journal = record(0, sequence, (0, 0), (0, 0));
        log.commit(&mut [Step { shard, effects, refused: &[], journal: &journal }])
    };
    for sequence in 0..2 {
        let clock = (day + 1 + sequence as i64) * DAY_MS;
        let closed = step(clock, &[], &[], &mut effects);
        assert_eq!(effects.closes.len(), 1, "ageing moves a score by more than that");
        commit(&mut log, &closed, &mut effects, sequence).expect("it is the owner");
    }
    let mut other = owned(candidate, 0);
    past(candidate, &mut other, 0);
    let closed = step((day + 3) * DAY_MS, &[], &[], &mut effects);
    let refused = commit(&mut log, &closed, &mut effects, 2);
    assert!(matches!(refused, Err(crate::Fault::Broken(_))), "{refused:?}");
    let opts_out = [Profile { user: &idol, opted_out: Some(true), ..Profile::default() }];
    let erased = step((day + 3) * DAY_MS, &[], &opts_out, &mut effects);
    commit(&mut other, &erased, &mut effects, 2).expect("it is the owner now");
    let expected = [Some(day), Some(day + 1), None].map(|day| (idol.clone(), day));
    assert_eq!(candidate.closes(0), expected);
}

/// Credits go with the epoch of the actor's shard, to the partition of the target's.
fn credits_are_committed_with_their_epoch_or_not_at_all<C: Candidate>(candidate: &mut C) {
    let (fan, at) = (name(0, 0), 1_600_000_000_000);
    let idols = [name(0, 1), name(1, 0)];
    let mut shard = Shard::new(Model::default(), HASH_KEY, 0, SHARDS);
    let mut step = |number: i64| {
        let event = |idol| Event { actor: &fan, target: idol, kind: Kind::Retweet, at: at + number };
        let events: Vec<_> = idols.iter().map(|idol| Arrival { clock: at + number, event: event(idol) }).collect();
        let mut effects = Effects::default();
        shard.step(&Slice { clock: at + number, events: &events, credits: true, ..Slice::default() }, &mut effects);
        assert_eq!(effects.credits.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
        (shard.clone(), effects)
    };
    let mut log = owned(candidate, 0);
    let commit = |log: &mut C::Log, (shard, effects): &mut (Shard, Effects), sequence| {
        let journal = record(0, sequence, (0, 0), (0, 0));
        log.commit(&mut [Step { shard, effects, refused: &[], journal: &journal }])
    };
    let steps = [0, 1, 2].map(&mut step);
    let told = |of: &[usize], target: usize| -> Vec<Credit> {
        of.iter().flat_map(|&number| steps[number].1.credits[target].clone()).collect()
    };
    let expected = [told(&[0, 2], 0), told(&[0, 2], 1)];
    let [mut first, mut second, mut third] = steps.clone();
    commit(&mut log, &mut first, 0).expect("it is the owner");
    let mut other = owned(candidate, 0);
    past(candidate, &mut other, 0);
    let refused = commit(&mut log, &mut second, 1);
    assert!(matches!(refused, Err(crate::Fault::Broken(_))), "{refused:?}");
    commit(&mut other, &mut third, 1).expect("it is the owner now");
    assert_eq!([candidate.credits(0), candidate.credits(1)], expected);
}

fn a_worker_that_restores_stands_where_the_other_one_stood<C: Candidate>(candidate: &mut C) {
    let state = |worker: &Worker<C::Log>, shard: u16| worker.state(shard).expect("it is live");
    let work = |candidate: &mut C, records: u64| {
        let log = candidate.join();
        (0..SHARDS).for_each(|shard| candidate.assign(shard, &log));
        let status = Arc::new(Status::new(SHARDS));
        let mut worker = Worker::new(log, Arc::new(settings()), Keeper::none(), Arc::clone(&status));
        for _ in 0..10_000 {
            worker.turn().expect("nothing goes wrong");
            candidate.wait();
            let is_live = worker.shards().count() == usize::from(SHARDS);
            if is_live && status.totals().records >= records {
                return worker;
            }
        }
        panic!("a worker does not come to an end");
    };
    (0..SHARDS).for_each(|shard| events(candidate, shard, 0..40));
    let first = work(candidate, 80);
    // It takes no more turns: what it stands at is committed.
    let (committed, states): (Vec<_>, Vec<_>) =
        (0..SHARDS).map(|shard| (first.committed(shard).cloned(), state(&first, shard))).unzip();
    let log = candidate.join();
    (0..SHARDS).for_each(|shard| candidate.assign(shard, &log));
    // So long a pace that it restores and does nothing else.
    let settings = Settings { pace: Pace { epoch_ms: i64::MAX, ..Pace::default() }, ..settings() };
    let mut second = Worker::new(log, Arc::new(settings), Keeper::none(), Arc::new(Status::new(SHARDS)));
    while second.shards().count() < usize::from(SHARDS) {
        second.turn().expect("nothing goes wrong");
        candidate.wait();
    }
    for shard in 0..SHARDS {
        assert_eq!(second.committed(shard), committed[usize::from(shard)].as_ref());
        assert!(state(&second, shard) == states[usize::from(shard)], "shard {shard} is another one");
    }
}
