//! What must hold at the end of a run.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use influence::exchange::{BlockNotice, Section};
use influence::{Credit, Effects, Rated, Shard, UserKey};
use pipeline::{Clock, KEPT_BYTES_MAX, Keeper, Status, Store, Worker};
use vocabulary::{Event, Kind, Received};
use wire::{
    Close, EventDecoder, JournalRecord, OffsetRange, ProfileDecoder, decode_close, decode_credits, decode_exchange,
};

use crate::broker::{Broker, Record, Topic};
use crate::log::{FaultyLog, Hooks, KEY_BYTES, Shared, VALUE_BYTES, history};
use crate::run::Simulation;
use crate::scenario::{Form, Mishap, Timed};
use crate::truth;

/// How far an event may lie ahead of its slice's clock.
const AHEAD_MS_MAX: i64 = 5 * 60_000;
/// Turns within which a shard is restored.
const TURNS_MAX: usize = 100_000;

/// The committed journal of a shard, from its beginning, trimmed or not.
pub(crate) fn journal(broker: &Broker, shard: u16) -> Result<Vec<JournalRecord>, String> {
    let (records, _) = broker.read(Topic::Journal, shard, 0, usize::MAX);
    let decode = |(_, record): (i64, &Record)| JournalRecord::decode(record.value.as_deref().unwrap_or_default());
    records.into_iter().map(decode).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// Whether an epoch with this digest is committed.
pub(crate) fn is_journaled(broker: &Broker, shard: u16, sequence: u64, digest: u64) -> bool {
    let decode = |record: &Record| JournalRecord::decode(record.value.as_deref().unwrap_or_default()).ok();
    let found =
        broker.newest(Topic::Journal, shard, |record| decode(record).filter(|record| record.sequence <= sequence));
    found.is_some_and(|record| (record.sequence, record.digest) == (sequence, digest))
}

/// How far a shard's part of a topic is taken: by the group's offsets or, where they are forgotten, by the journal.
pub(crate) fn reached(broker: &Broker, topic: Topic, shard: u16) -> i64 {
    let by_journal = || {
        let decode = |record: &Record| JournalRecord::decode(record.value.as_deref().unwrap_or_default()).ok();
        let last = broker.newest(Topic::Journal, shard, decode)?;
        places(&last).find_map(|(of, range)| (of == topic).then_some(range.next))
    };
    broker.committed(topic, shard).ok().flatten().or_else(by_journal).unwrap_or(0)
}

/// Judges a run that has come to rest.
pub(crate) fn judge(simulation: &mut Simulation<'_>) -> Result<(), String> {
    let broker = simulation.shared.broker.borrow();
    let mut journals = Vec::new();
    for shard in 0..simulation.scenario.shards {
        let journal = journal(&broker, shard)?;
        tiles(simulation, &broker, shard, &journal)?;
        simulation.verdict.epochs += journal.len() as u64;
        simulation.verdict.digest ^= journal.last().map_or(0, |last| last.digest).rotate_left(u32::from(shard));
        journals.push(journal);
    }
    simulation.subscriber().check(&broker)?;
    let history = History::of(simulation, &broker, &journals)?;
    history.check_dead_letters(simulation, &broker)?;
    history.check_table(simulation)?;
    check_published(simulation)?;
    simulation.verdict.closes = check_closes(simulation, &broker)?;
    for shard in 0..simulation.scenario.shards {
        simulation.verdict.credits += committed_credits(simulation, shard)?.0.len() as u64;
    }
    simulation.verdict.forgotten = truth::check(simulation, &history)?;
    drop(broker);
    restores(simulation)
}

/// The slices of a shard cover its inputs without gap or overlap, to their ends, and so say the offsets.
fn tiles(simulation: &Simulation<'_>, broker: &Broker, shard: u16, journal: &[JournalRecord]) -> Result<(), String> {
    let wrong = |what: String| Err(format!("the journal of shard {shard}: {what}"));
    let (Some(first), Some(last)) = (journal.first(), journal.last()) else { return wrong("is empty".into()) };
    if first.sequence != 0 || ranges(first).any(|range| range.next != 0) {
        return wrong("does not begin at the beginning".into());
    }
    // Whole reads are taken until the input's share of an epoch is there.
    let share = (simulation.settings.pace.epoch_records_most() / first.inputs.len().max(1)).max(1);
    let records_max = (share + simulation.scenario.read_records) as u64;
    let is_long =
        |record: &&JournalRecord| record.gaps.is_empty() && record.inputs.iter().any(|range| range.len() > records_max);
    if let Some(record) = journal.iter().find(is_long) {
        return wrong(format!("the slice of sequence {} is longer than {records_max} records", record.sequence));
    }
    for pair in journal.windows(2) {
        let follows = ranges(&pair[0]).zip(ranges(&pair[1])).all(|(before, range)| range.follows(before));
        if pair[1].sequence != pair[0].sequence + 1 || !follows {
            return wrong(format!("sequence {} does not follow {}", pair[1].sequence, pair[0].sequence));
        }
    }
    for (topic, range) in places(last) {
        if !broker.read(topic, shard, range.next, 1).0.is_empty() {
            return wrong(format!("{topic:?} has records from offset {} that no slice took", range.next));
        }
        let is_forgotten = |timed: &Timed| timed.fault == Mishap::ForgetOffsets { shard };
        let may_be_none = simulation.scenario.faults.iter().any(is_forgotten);
        let committed = broker.committed(topic, shard)?;
        if committed != Some(range.next) && (committed.is_some() || !may_be_none) {
            return wrong(format!("{topic:?} is committed to another offset than {}", range.next));
        }
    }
    Ok(())
}

/// The inputs' ranges, and then the exchange's.
fn ranges(record: &JournalRecord) -> impl Iterator<Item = OffsetRange> {
    record.inputs.iter().copied().chain([record.exchange])
}

/// The ranges with their topics.
pub(crate) fn places(record: &JournalRecord) -> impl Iterator<Item = (Topic, OffsetRange)> {
    (0..record.inputs.len()).map(Topic::Input).chain([Topic::Exchange]).zip(ranges(record))
}

/// What the slices took, in the order of their clocks.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) slices: Vec<Slice>,
    /// What had to be refused: shard, input, offset.
    refused: BTreeSet<(u16, usize, i64)>,
}

#[derive(Debug)]
pub(crate) struct Slice {
    pub(crate) clock: i64,
    /// Users, whether they opt out, and their trust.
    pub(crate) profiles: Vec<(String, Option<bool>, Option<f64>)>,
    pub(crate) events: Vec<Act>,
}

#[derive(Debug)]
pub(crate) struct Act {
    pub(crate) actor: String,
    pub(crate) target: String,
    pub(crate) kind: Kind,
    pub(crate) at: i64,
    /// Whether it is no block, nor swallowed by one.
    pub(crate) counts: bool,
}

/// Who blocks whom, as far as one shard knows, whose acts they swallow: by their keys.
#[derive(Debug)]
struct Blocked {
    /// Knows the keys.
    names: Shard,
    /// Who blocks, and who is blocked.
    pairs: BTreeSet<(UserKey, UserKey)>,
    gone: BTreeSet<UserKey>,
}

impl Blocked {
    fn new(simulation: &Simulation<'_>) -> Blocked {
        let names = Shard::new(simulation.scenario.model.clone(), simulation.settings.hash_key, 0, 1);
        Blocked { names, pairs: BTreeSet::new(), gone: BTreeSet::new() }
    }

    fn set(&mut self, actor: UserKey, target: UserKey, blocks: bool) {
        if !blocks {
            self.pairs.remove(&(actor, target));
        } else if !self.gone.contains(&target) {
            self.pairs.insert((actor, target));
        }
    }

    fn erase(&mut self, user: UserKey) {
        self.gone.insert(user);
        self.pairs.retain(|&(actor, target)| actor != user && target != user);
    }

    /// Goes through a slice as the shard does: what others have told, profiles, events.
    fn take(&mut self, notices: &[BlockNotice], slice: &mut Slice, is_home: impl Fn(&str) -> bool) {
        notices.iter().for_each(|notice| self.set(notice.actor, notice.target, notice.blocks));
        for (user, ..) in slice.profiles.iter().filter(|(_, opted_out, _)| *opted_out == Some(true)) {
            self.erase(self.names.key(user));
        }
        for act in slice.events.iter_mut().filter(|act| act.actor != act.target) {
            let (actor, target) = (self.names.key(&act.actor), self.names.key(&act.target));
            match act.kind.begins_block() {
                Some(_) if self.gone.contains(&actor) => act.counts = false,
                Some(blocks) => {
                    act.counts = false;
                    if is_home(&act.target) {
                        self.set(actor, target, blocks);
                    }
                }
                None => act.counts = !act.kind.gives() || !self.pairs.contains(&(target, actor)),
            }
        }
    }
}

/// What a plain program knows of a shard while it goes through its slices.
#[derive(Debug, Default)]
struct Reader {
    /// The shard's clock before the slice.
    clock: i64,
    /// The newest time at which an id was looked at.
    ids_clock: i64,
    /// The quarter of the window in which an actor's id was first seen.
    ids: BTreeMap<(String, String), i64>,
}

impl Reader {
    fn new() -> Reader {
        Reader { clock: i64::MIN, ids_clock: i64::MIN, ids: BTreeMap::new() }
    }

    /// Whether an event counts, which has the id of another one inside the window: of the four quarters before this one
    /// all ids are known.
    fn is_new(&mut self, window_ms: i64, actor: &str, id: &str, clock: i64) -> bool {
        self.ids_clock = self.ids_clock.max(clock);
        let quarter = self.ids_clock.div_euclid((window_ms + 3) / 4);
        let first = self.ids.entry((actor.to_owned(), id.to_owned())).or_insert(i64::MIN);
        let is_new = quarter.saturating_sub(*first) > 4;
        if is_new {
            *first = quarter;
        }
        is_new
    }
}

impl History {
    fn of(simulation: &Simulation<'_>, broker: &Broker, journals: &[Vec<JournalRecord>]) -> Result<History, String> {
        let mut history = History::default();
        for journal in journals {
            let (mut reader, mut blocked) = (Reader::new(), Blocked::new(simulation));
            for record in journal {
                history.take(simulation, broker, record, &mut reader, &mut blocked)?;
            }
        }
        history.slices.sort_by_key(|slice| slice.clock);
        Ok(history)
    }

    fn take(
        &mut self,
        simulation: &Simulation<'_>,
        broker: &Broker,
        record: &JournalRecord,
        reader: &mut Reader,
        blocked: &mut Blocked,
    ) -> Result<(), String> {
        let scenario = simulation.scenario;
        let mut slice = Slice { clock: record.clock, profiles: Vec::new(), events: Vec::new() };
        let is_home = |user: &str| {
            scenario.shards == 1 || scenario.model.partitioner.partition(user, scenario.shards) == record.shard
        };
        let told = told(broker, record)?;
        reader.clock = reader.clock.max(told.iter().map(|section| section.clock).max().unwrap_or(i64::MIN));
        for (input, range) in record.inputs.iter().enumerate() {
            let (records, _) = broker.read(Topic::Input(input), record.shard, range.first, usize::MAX);
            let gap = record.gaps.iter().find(|gap| gap.input == input);
            let is_gone = |offset: i64| gap.is_some_and(|gap| offset < gap.next);
            let taken = records.into_iter().take_while(|(offset, _)| *offset < range.next);
            for (offset, stored) in taken.filter(|(offset, _)| !is_gone(*offset)) {
                let value = stored.value.as_deref().unwrap_or_default();
                let Form { encoding, framing } = scenario.inputs[input];
                let is_taken = if input == 0 {
                    let mut decoder = ProfileDecoder::new(encoding).framed(framing);
                    decoder.decode(value).ok().filter(|profile| is_home(profile.user)).map(|profile| {
                        slice.profiles.push((profile.user.to_owned(), profile.opted_out, profile.trust));
                    })
                } else {
                    let latest = match scenario.clock {
                        Clock::Wall if !scenario.is_stored => record.clock,
                        _ => stored.stored_at,
                    };
                    let mut decoder = EventDecoder::new(encoding, Some(Kind::Mention)).framed(framing);
                    let decoded = match scenario.dedup_window_ms {
                        None => decoder.decode(value).map(|event| (event, "")),
                        Some(_) => decoder.decode_with_id(value),
                    };
                    // What is no act is passed over, and is no dead letter.
                    if decoded.as_ref().is_err_and(|malformed| malformed.no_act().is_some()) {
                        continue;
                    }
                    let event = decoded.ok().filter(|(event, _)| is_home(event.actor));
                    let event = event.filter(|(event, _)| event.at <= latest.saturating_add(AHEAD_MS_MAX));
                    event.map(|(Event { actor, target, kind, at }, id)| {
                        let clock = if scenario.clock == Clock::Wall { record.clock } else { reader.clock.max(at) };
                        let window_ms = scenario.dedup_window_ms.filter(|_| !id.is_empty());
                        if window_ms.is_none_or(|window_ms| reader.is_new(window_ms, actor, id, clock)) {
                            let (actor, target) = (actor.to_owned(), target.to_owned());
                            slice.events.push(Act { actor, target, kind, at, counts: true });
                        }
                    })
                };
                if is_taken.is_none() {
                    self.refused.insert((record.shard, input, offset));
                }
            }
        }
        reader.clock = record.clock;
        let notices: Vec<BlockNotice> = told.into_iter().flat_map(|section| section.blocks).collect();
        blocked.take(&notices, &mut slice, is_home);
        self.slices.push(slice);
        Ok(())
    }

    /// Exactly what had to be refused, once each: untouched, or cut as its headers say.
    fn check_dead_letters(&self, simulation: &Simulation<'_>, broker: &Broker) -> Result<(), String> {
        let mut found = BTreeSet::new();
        let mut faults = simulation.scenario.faults.iter();
        let has_small = faults.any(|timed| matches!(timed.fault, Mishap::SmallLetters { .. }));
        for shard in 0..simulation.scenario.shards {
            for (_, letter) in broker.read(Topic::DeadLetters, shard, 0, usize::MAX).0 {
                let header =
                    |name: &str| letter.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
                let topic = header("__connect.errors.topic").unwrap_or_default();
                let input = simulation.settings.inputs.iter().position(|input| input.topic == topic);
                let offset = header("__connect.errors.offset").and_then(|offset| offset.parse::<i64>().ok());
                let (Some(input), Some(offset)) = (input, offset) else {
                    return Err("a dead letter without headers".into());
                };
                let original = broker.read(Topic::Input(input), shard, offset, 1).0;
                let is_right = original.first().is_some_and(|(at, record)| {
                    let parts = [
                        (Some(&record.key), Some(&letter.key), header(KEY_BYTES)),
                        (record.value.as_ref(), letter.value.as_ref(), header(VALUE_BYTES)),
                    ];
                    *at == offset
                        && parts.into_iter().all(|(whole, kept, bytes)| is_kept(whole, kept, bytes, has_small))
                });
                if !is_right || !found.insert((shard, input, offset)) {
                    return Err(format!("the dead letter of {topic}[{shard}]@{offset} comes twice or was changed"));
                }
            }
        }
        match found.symmetric_difference(&self.refused).next() {
            Some((shard, input, offset)) => {
                Err(format!("input {input}[{shard}]@{offset} is refused by one, and not by the other"))
            }
            None => Ok(()),
        }
    }

    /// The table of scores has the counts of a plain program; who was forgotten has what came since, or is not there.
    fn check_table(&self, simulation: &Simulation<'_>) -> Result<(), String> {
        let mut counts: BTreeMap<&str, Received> = BTreeMap::new();
        let mut gone: BTreeSet<&str> = BTreeSet::new();
        for slice in &self.slices {
            gone.extend(
                slice.profiles.iter().filter(|profile| profile.1 == Some(true)).map(|profile| profile.0.as_str()),
            );
            let acts = slice
                .events
                .iter()
                .filter(|act| act.counts && act.actor != act.target && !gone.contains(act.actor.as_str()));
            for act in acts {
                let received = counts.entry(&act.target).or_default();
                received.count(act.kind);
            }
        }
        let table = &simulation.subscriber().table;
        let forgets = simulation.scenario.model.forget_after_ms.is_some();
        for (user, received) in
            counts.iter().filter(|(user, received)| **received != Received::default() && !gone.contains(*user))
        {
            let found = table.get(*user).map(|score| score.received);
            let is_part = forgets && found.is_none_or(|found| received.has_all_of(&found));
            if found != Some(*received) && !is_part {
                return Err(format!("{user} received {received:?}, the table says {found:?}"));
            }
        }
        match table.keys().find(|user| gone.contains(user.as_str()) || !counts.contains_key(user.as_str())) {
            Some(user) => Err(format!("{user} is in the table, and nobody acted on them, or they are erased")),
            None => Ok(()),
        }
    }
}

/// Whether a letter has as much of a key or a value as it should, and says how long that was if it is not all.
fn is_kept(whole: Option<&Vec<u8>>, kept: Option<&Vec<u8>>, bytes: Option<&str>, may_be_none: bool) -> bool {
    let whole = whole.map_or(&[][..], Vec::as_slice);
    let kept = kept.map_or(&[][..], Vec::as_slice);
    match bytes {
        None => kept == whole,
        Some(bytes) => {
            let beginning = &whole[..whole.len().min(KEPT_BYTES_MAX)];
            let is_as_long = kept == beginning || (may_be_none && kept.is_empty());
            is_as_long && bytes == whole.len().to_string()
        }
    }
}

/// What other shards have told in a slice.
fn told(broker: &Broker, record: &JournalRecord) -> Result<Vec<Section>, String> {
    let (records, _) = broker.read(Topic::Exchange, record.shard, record.exchange.first, usize::MAX);
    let mut told = Vec::new();
    for (_, stored) in records.into_iter().take_while(|(offset, _)| *offset < record.exchange.next) {
        let sections =
            decode_exchange(stored.value.as_deref().unwrap_or_default()).map_err(|error| error.to_string())?;
        told.extend(sections);
    }
    Ok(told)
}

/// The table of scores is what the shards believe they have published.
fn check_published(simulation: &Simulation<'_>) -> Result<(), String> {
    let mut table = simulation.subscriber().table.clone();
    for shard in 0..simulation.scenario.shards {
        let Some(shard) = simulation.live_worker(shard).and_then(|worker| worker.shard(shard)) else { continue };
        for (user, score) in shard.scores() {
            let found = table.remove(user).map(|score| score.score as f32);
            let published = score.previous.map(|score| score as f32);
            if found != published {
                return Err(format!("{user} has {found:?} in the table, and their shard has published {published:?}"));
            }
        }
    }
    match table.keys().next() {
        Some(user) => Err(format!("{user} is in the table, and no shard knows of them")),
        None => Ok(()),
    }
}

/// Closes of a person come day after day, none twice, each telling the one before, and end with an erasure. Returns how many there
/// are. That none is missing, and none otherwise than it was, [`restores`] finds out.
fn check_closes(simulation: &Simulation<'_>, broker: &Broker) -> Result<u64, String> {
    let mut count = 0;
    for shard in 0..simulation.scenario.shards {
        let mut last: BTreeMap<String, Close> = BTreeMap::new();
        for (_, record) in broker.read(Topic::History, shard, 0, usize::MAX).0 {
            let user = String::from_utf8_lossy(&record.key).into_owned();
            let Some(value) = &record.value else {
                last.remove(&user);
                continue;
            };
            let close = decode_close(value).map_err(|error| format!("a close is none: {error}"))?;
            let day_ms = simulation.scenario.closes_ms.unwrap_or(1);
            let ends = (close.day + 1).saturating_mul(day_ms);
            if close.user != user || close.score.as_of != ends {
                return Err(format!(
                    "a close of {user} is of {}, as of {} on day {}",
                    close.user, close.score.as_of, close.day
                ));
            }
            // Where every other worker closes no days, one begins anew with each shard it gets.
            let is_even = !simulation.scenario.closes_unevenly;
            if let Some(before) = last.get(&user) {
                let kept = (f64::from(before.score.score as f32) * 1e4).round() / 1e4;
                let follows = before.day < close.day && close.score.received.has_all_of(&before.score.received);
                if !follows || is_even && close.score.previous != Some(kept) {
                    return Err(format!("a close of {user} does not follow the one before: {before:?} {close:?}"));
                }
            } else if is_even && close.score.previous.is_some() {
                return Err(format!("the first close of {user} tells of one before"));
            }
            last.insert(user, close);
            count += 1;
        }
    }
    Ok(count)
}

/// A shard that is restored, from nothing and from every checkpoint, is the one that lives.
fn restores(simulation: &Simulation<'_>) -> Result<(), String> {
    let live = |shard: u16| simulation.live_worker(shard).and_then(|worker| worker.state(shard));
    let live: Vec<Option<Vec<u8>>> = (0..simulation.scenario.shards).map(live).collect();
    let compare = |keeper: Keeper, is_whole: bool, what: &str| {
        let restored = restored(simulation, keeper, is_whole).map_err(|error| format!("{what}: {error}"))?;
        for (shard, live) in (0..).zip(&live) {
            if restored.state(shard) != *live {
                return Err(format!("shard {shard} restored from {what} is not the one that lives"));
            }
        }
        Ok(())
    };
    compare(Keeper::none(), true, "nothing")?;
    compare_told(simulation)?;
    simulation.store.set(false, false);
    while (0..simulation.scenario.shards).any(|shard| !simulation.store.list_shard(shard).is_empty()) {
        let store = Store::new(Arc::clone(&simulation.store) as Arc<_>, Default::default())
            .map_err(|error| error.to_string())?;
        let keeper = Keeper::within(store, &simulation.settings, Default::default());
        compare(keeper, true, "its checkpoints")?;
        for shard in 0..simulation.scenario.shards {
            simulation.store.list_shard(shard).first().into_iter().for_each(|path| simulation.store.lose(path));
        }
    }
    Ok(())
}

/// A record of the topic of closes.
type KeyAndValue = (Vec<u8>, Option<Vec<u8>>);

/// What slices tell beside scores.
#[derive(Default)]
struct Told {
    /// Of each shard's people.
    closes: BTreeMap<u16, Vec<KeyAndValue>>,
    /// To each shard's people, by the actor's shard and then in the order of acts.
    credits: BTreeMap<u16, Vec<Credit>>,
    /// Of each shard's actors.
    rated: BTreeMap<u16, Vec<Rated>>,
}

/// What the slices say of history and credits, done again from the first, is what was committed: closes record by record and byte by
/// byte, credits act by act, whatever the order in which shards told them.
fn compare_told(simulation: &Simulation<'_>) -> Result<(), String> {
    let rebuilt: Arc<Mutex<Told>> = Arc::default();
    let (shards, into) = (simulation.scenario.shards, Arc::clone(&rebuilt));
    let watch = move |shard: &Shard, effects: &Effects| {
        let mut rebuilt = into.lock().unwrap_or_else(PoisonError::into_inner);
        rebuilt.closes.entry(shard.number()).or_default().extend(history(shard, effects));
        rebuilt.rated.entry(shard.number()).or_default().extend_from_slice(&effects.rated);
        for (target, credits) in (0..).zip(&effects.credits) {
            rebuilt.credits.entry(target).or_default().extend_from_slice(credits);
        }
    };
    restored_watched(simulation, Keeper::none(), true, Some(Box::new(watch)))?;
    let Told { closes: rebuilt, mut credits, mut rated } =
        std::mem::take(&mut *rebuilt.lock().unwrap_or_else(PoisonError::into_inner));
    for shard in 0..shards {
        let (mut committed, are_rated) = committed_credits(simulation, shard)?;
        let mut given = credits.remove(&shard).unwrap_or_default();
        let order = |credit: &Credit| {
            let Credit { actor, target, kind, at, subject, votes, rate } = *credit;
            (actor, target, at, kind.number(), subject, votes.to_bits(), rate.to_bits())
        };
        committed.sort_by_key(order);
        given.sort_by_key(order);
        if are_rated != rated.remove(&shard).unwrap_or_default() {
            return Err(format!("the rates of actors of shard {shard} are not those that its slices make"));
        }
        if committed != given {
            return Err(format!(
                "the credits to shard {shard} are not those that its slices make: {} instead of {}",
                committed.len(),
                given.len()
            ));
        }
    }
    let broker = simulation.shared.broker.borrow();
    for shard in 0..shards {
        let (committed, _) = broker.read(Topic::History, shard, 0, usize::MAX);
        let committed = committed.into_iter().map(|(_, record)| (record.key.clone(), record.value.clone()));
        let rebuilt = rebuilt.get(&shard).map_or(&[][..], Vec::as_slice);
        if !committed.eq(rebuilt.iter().cloned()) {
            return Err(format!("the closes of shard {shard} are not those that its slices make"));
        }
    }
    Ok(())
}

fn committed_credits(simulation: &Simulation<'_>, shard: u16) -> Result<(Vec<Credit>, Vec<Rated>), String> {
    let broker = simulation.shared.broker.borrow();
    let (mut credits, mut rated) = (Vec::new(), Vec::new());
    for (_, record) in broker.read(Topic::Credits, shard, 0, usize::MAX).0 {
        let record = decode_credits(record.value.as_deref().unwrap_or_default());
        let record = record.map_err(|error| format!("a record of credits is none: {error}"))?;
        credits.extend(record.credits);
        rated.extend(record.rated);
    }
    Ok((credits, rated))
}

/// Sees what is done again.
type Watch = Box<dyn FnMut(&Shard, &Effects) + Send>;

fn restored(simulation: &Simulation<'_>, keeper: Keeper, is_whole: bool) -> Result<Worker<FaultyLog>, String> {
    restored_watched(simulation, keeper, is_whole, None)
}

/// A new worker that has restored all shards from a copy of what is committed, and done nothing else.
fn restored_watched(
    simulation: &Simulation<'_>,
    keeper: Keeper,
    is_whole: bool,
    watch: Option<Watch>,
) -> Result<Worker<FaultyLog>, String> {
    let mut broker = simulation.shared.broker.borrow().clone();
    broker.dismiss();
    for shard in 0..if is_whole { simulation.scenario.shards } else { 0 } {
        broker.set_begin(Topic::Journal, shard, 0);
        broker.set_begin(Topic::Exchange, shard, 0);
    }
    let shared = Shared {
        broker: Rc::new(RefCell::new(broker)),
        starved: Rc::default(),
        bugs: Default::default(),
        ..simulation.shared.clone()
    };
    let shared = Shared { read_records: 1_000, ..shared };
    let log = FaultyLog::join(&shared, 0, &simulation.settings, Rc::new(RefCell::new(Hooks::default())));
    let status = Arc::new(Status::new(simulation.scenario.shards));
    let mut worker = Worker::new(log, Arc::clone(&simulation.settings), keeper, status);
    watch.into_iter().for_each(|watch| worker.watch_repeated(watch));
    for _ in 0..TURNS_MAX {
        worker.turn().map_err(|fault| fault.to_string())?;
        if worker.is_live() && worker.shards().count() == usize::from(simulation.scenario.shards) {
            return Ok(worker);
        }
    }
    Err("it does not come to an end".into())
}
