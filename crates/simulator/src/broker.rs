//! A broker in memory, with Kafka's rules: transactions that are pending until their end, readers that wait behind them,
//! marks that take offsets, fencing by producer and by group, retention.

use std::collections::BTreeMap;

use pipeline::Ownership;

pub(crate) use crate::scenario::Topic;

/// A record of a partition.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    state: State,
    /// Its key.
    pub(crate) key: Vec<u8>,
    /// Its value; `None` deletes the key from a table.
    pub(crate) value: Option<Vec<u8>>,
    /// When it was stored.
    pub(crate) stored_at: i64,
    /// Headers.
    pub(crate) headers: Vec<(&'static str, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Pending(TransactionId),
    Committed,
    Aborted,
    /// A mark at the end of a transaction: it takes an offset and is never delivered.
    Mark,
}

type TransactionId = u64;
/// A member of the group, never given twice.
pub(crate) type Member = u64;
/// A producer's name, which outlives it, and how often it was given.
pub(crate) type Producer = (usize, u64);

#[derive(Clone, Debug, Default)]
struct Partition {
    records: Vec<Record>,
    begins: i64,
    /// What lies behind it does not seem to be there.
    ends: Option<i64>,
    /// Records that a fault has changed, as they were.
    originals: BTreeMap<i64, Record>,
}

impl Partition {
    fn append(&mut self, record: Record) -> i64 {
        self.records.push(record);
        self.records.len() as i64 - 1
    }

    fn ends(&self) -> i64 {
        self.ends.unwrap_or(self.records.len() as i64)
    }
}

#[derive(Clone, Debug, Default)]
struct Transaction {
    producer: Producer,
    /// With the first offset of its records.
    partitions: BTreeMap<(Topic, u16), i64>,
    offsets: Vec<((Topic, u16), i64)>,
    times_out_at: i64,
}

#[derive(Clone, Debug, Default)]
struct MemberState {
    worker: usize,
    heard_at: i64,
    changes: Vec<Ownership>,
}

/// The broker.
#[derive(Clone, Debug)]
pub(crate) struct Broker {
    /// Virtual time.
    pub(crate) now: i64,
    /// Until when no call succeeds.
    pub(crate) away_until: i64,
    /// Until when only small dead letters are taken.
    pub(crate) small_letters_until: i64,
    shards: u16,
    partitions: BTreeMap<(Topic, u16), Partition>,
    transactions: BTreeMap<TransactionId, Transaction>,
    next_transaction: TransactionId,
    producers: BTreeMap<usize, u64>,
    offsets: BTreeMap<(Topic, u16), i64>,
    members: BTreeMap<Member, MemberState>,
    next_member: Member,
    owners: BTreeMap<u16, Member>,
    /// Where shards are to go, once their owners have released them.
    wanted: BTreeMap<u16, Member>,
    /// Ends that are still on their way.
    late_ends: Vec<(i64, TransactionId, Producer)>,
    salt: u64,
    /// Shards go where they are given, and nowhere else.
    is_by_hand: bool,
}

/// Why a call did not succeed.
pub(crate) type Refusal = &'static str;

/// A record is larger than its topic takes.
pub(crate) const TOO_LARGE: Refusal = "the record is too large";
/// Bytes of a small dead letter.
const SMALL_LETTER_BYTES: usize = 60;

const TRANSACTION_TIMEOUT_MS: i64 = 2_000;
const SESSION_TIMEOUT_MS: i64 = 700;

impl Broker {
    /// An empty broker.
    pub(crate) fn new(shards: u16, now: i64) -> Broker {
        Broker {
            now,
            away_until: i64::MIN,
            small_letters_until: i64::MIN,
            shards,
            partitions: BTreeMap::new(),
            transactions: BTreeMap::new(),
            next_transaction: 0,
            producers: BTreeMap::new(),
            offsets: BTreeMap::new(),
            members: BTreeMap::new(),
            next_member: 0,
            owners: BTreeMap::new(),
            wanted: BTreeMap::new(),
            late_ends: Vec::new(),
            salt: 0,
            is_by_hand: false,
        }
    }

    /// Whether calls succeed.
    pub(crate) fn answers(&self) -> Result<(), Refusal> {
        if self.now < self.away_until { Err("the broker does not answer") } else { Ok(()) }
    }

    /// Time goes on: late ends arrive, transactions and sessions time out.
    pub(crate) fn tick(&mut self, now: i64) {
        self.now = now;
        let due: Vec<_> = self.late_ends.extract_if(.., |(at, ..)| *at <= now).collect();
        for (_, transaction, producer) in due {
            // Refused if somebody has fenced it off: nobody is there to be told.
            let _ = self.end(transaction, producer, true);
        }
        let old: Vec<_> =
            self.transactions.iter().filter(|(_, open)| open.times_out_at <= now).map(|(&id, _)| id).collect();
        old.into_iter().for_each(|id| self.finish(id, false));
        let silent = |member: &MemberState| now - member.heard_at > SESSION_TIMEOUT_MS;
        let dead: Vec<Member> = self.members.iter().filter(|(_, member)| silent(member)).map(|(&id, _)| id).collect();
        dead.into_iter().for_each(|member| self.leave(member));
    }

    /// A producer of this name: what an older one has begun is given up, and it can end nothing any more.
    pub(crate) fn init_producer(&mut self, name: usize) -> Producer {
        let epoch = self.producers.entry(name).or_default();
        *epoch += 1;
        let producer = (name, *epoch);
        let open = self.transactions.iter().filter(|(_, open)| open.producer.0 == name).map(|(&id, _)| id);
        let open: Vec<TransactionId> = open.collect();
        open.into_iter().for_each(|id| self.finish(id, false));
        producer
    }

    fn check_producer(&self, producer: Producer) -> Result<(), Refusal> {
        if self.producers.get(&producer.0) == Some(&producer.1) { Ok(()) } else { Err("the producer is fenced") }
    }

    /// Begins a transaction.
    pub(crate) fn begin(&mut self, producer: Producer) -> Result<TransactionId, Refusal> {
        self.check_producer(producer)?;
        let id = self.next_transaction;
        self.next_transaction += 1;
        let times_out_at = self.now + TRANSACTION_TIMEOUT_MS;
        self.transactions.insert(id, Transaction { producer, times_out_at, ..Transaction::default() });
        Ok(id)
    }

    /// Appends a record in a transaction; returns its offset.
    pub(crate) fn produce(
        &mut self,
        transaction: TransactionId,
        topic: Topic,
        shard: u16,
        (key, value): (Vec<u8>, Option<Vec<u8>>),
        headers: Vec<(&'static str, String)>,
    ) -> Result<i64, Refusal> {
        let bytes = key.len() + value.as_ref().map_or(0, Vec::len);
        if topic == Topic::DeadLetters && self.now < self.small_letters_until && bytes > SMALL_LETTER_BYTES {
            return Err(TOO_LARGE);
        }
        let open = self.transactions.get_mut(&transaction).ok_or("the transaction is over")?;
        let (state, stored_at) = (State::Pending(transaction), self.now);
        let partition = self.partitions.entry((topic, shard)).or_default();
        let offset = partition.append(Record { state, key, value, stored_at, headers });
        open.partitions.entry((topic, shard)).or_insert(offset);
        Ok(offset)
    }

    /// Appends a record outside of any transaction.
    pub(crate) fn store(&mut self, topic: Topic, shard: u16, key: Vec<u8>, value: Option<Vec<u8>>) -> i64 {
        let (state, stored_at) = (State::Committed, self.now);
        let partition = self.partitions.entry((topic, shard)).or_default();
        partition.append(Record { state, key, value, stored_at, headers: Vec::new() })
    }

    /// Adds offsets to a transaction, if the member owns the shard.
    pub(crate) fn send_offsets(
        &mut self,
        transaction: TransactionId,
        member: Member,
        shard: u16,
        offsets: impl IntoIterator<Item = (Topic, i64)>,
    ) -> Result<(), Refusal> {
        if self.owners.get(&shard) != Some(&member) {
            return Err("the group has given the shard to another member");
        }
        let open = self.transactions.get_mut(&transaction).ok_or("the transaction is over")?;
        open.offsets.extend(offsets.into_iter().map(|(topic, offset)| ((topic, shard), offset)));
        Ok(())
    }

    /// Commits offsets outside of any transaction.
    pub(crate) fn store_offset(&mut self, topic: Topic, shard: u16, offset: i64) {
        self.offsets.insert((topic, shard), offset);
    }

    /// Ends a transaction.
    pub(crate) fn end(&mut self, transaction: TransactionId, producer: Producer, commits: bool) -> Result<(), Refusal> {
        self.check_producer(producer)?;
        if !self.transactions.contains_key(&transaction) {
            return Err("the transaction is over");
        }
        self.finish(transaction, commits);
        Ok(())
    }

    /// The end of a transaction arrives later.
    pub(crate) fn end_later(&mut self, at: i64, transaction: TransactionId, producer: Producer) {
        self.late_ends.push((at, transaction, producer));
    }

    fn finish(&mut self, id: TransactionId, commits: bool) {
        let Some(open) = self.transactions.remove(&id) else { return };
        let state = if commits { State::Committed } else { State::Aborted };
        for (place, first) in &open.partitions {
            let partition = self.partitions.entry(*place).or_default();
            let own = partition.records.iter_mut().skip(*first as usize);
            own.filter(|record| record.state == State::Pending(id)).for_each(|record| record.state = state);
            let mark =
                Record { state: State::Mark, key: Vec::new(), value: None, stored_at: self.now, headers: Vec::new() };
            partition.records.push(mark);
        }
        if commits {
            self.offsets.extend(open.offsets);
        }
    }

    /// The committed records from this offset on, at most so many, and the position behind them. Readers wait behind
    /// the first record that is pending.
    pub(crate) fn read(&self, topic: Topic, shard: u16, from: i64, records_max: usize) -> (Vec<(i64, &Record)>, i64) {
        let Some(partition) = self.partitions.get(&(topic, shard)) else { return (Vec::new(), from) };
        let mut found = Vec::new();
        let mut position = from;
        for (offset, record) in (from..partition.ends()).zip(partition.records.iter().skip(from.max(0) as usize)) {
            match record.state {
                State::Pending(_) => break,
                State::Committed if found.len() == records_max => break,
                State::Committed => found.push((offset, record)),
                State::Aborted | State::Mark => {}
            }
            position = offset + 1;
        }
        (found, position)
    }

    /// The first offset and the one behind the last record, whatever has become of it.
    pub(crate) fn bounds(&self, topic: Topic, shard: u16) -> (i64, i64) {
        self.partitions.get(&(topic, shard)).map_or((0, 0), |partition| (partition.begins, partition.ends()))
    }

    /// The newest committed record of a partition, trimmed or not, that this function is looking for.
    pub(crate) fn newest<T>(&self, topic: Topic, shard: u16, find: impl FnMut(&Record) -> Option<T>) -> Option<T> {
        let records = &self.partitions.get(&(topic, shard))?.records;
        records.iter().rev().filter(|record| record.state == State::Committed).find_map(find)
    }

    /// Whether nothing is pending anywhere.
    pub(crate) fn is_stable(&self) -> bool {
        self.transactions.is_empty()
    }

    /// The committed offset; the error: a transaction that would change it is pending.
    pub(crate) fn committed(&self, topic: Topic, shard: u16) -> Result<Option<i64>, Refusal> {
        let is_pending =
            self.transactions.values().any(|open| open.offsets.iter().any(|(place, _)| *place == (topic, shard)));
        if is_pending { Err("its offsets are not stable") } else { Ok(self.offsets.get(&(topic, shard)).copied()) }
    }

    /// Records before this offset are gone; or come back, when a fault is undone.
    pub(crate) fn set_begin(&mut self, topic: Topic, shard: u16, begins: i64) {
        self.partitions.entry((topic, shard)).or_default().begins = begins;
    }

    /// Records from this offset on do not seem to be there, or do again.
    pub(crate) fn set_end(&mut self, topic: Topic, shard: u16, ends: Option<i64>) {
        self.partitions.entry((topic, shard)).or_default().ends = ends;
    }

    /// Takes one record out of the middle of a partition.
    pub(crate) fn take_out(&mut self, topic: Topic, shard: u16, offset: i64) {
        self.alter(topic, shard, offset, |record| record.state = State::Aborted);
    }

    /// Makes another record of one.
    pub(crate) fn replace(&mut self, topic: Topic, shard: u16, offset: i64, value: Vec<u8>) {
        self.alter(topic, shard, offset, |record| record.value = Some(value));
    }

    fn alter(&mut self, topic: Topic, shard: u16, offset: i64, change: impl FnOnce(&mut Record)) {
        let partition = self.partitions.entry((topic, shard)).or_default();
        if let Some(record) = partition.records.get_mut(offset as usize) {
            partition.originals.entry(offset).or_insert_with(|| record.clone());
            change(record);
        }
    }

    /// Makes a record what it was.
    pub(crate) fn put_back(&mut self, topic: Topic, shard: u16, offset: i64) {
        let partition = self.partitions.entry((topic, shard)).or_default();
        if let Some(original) = partition.originals.remove(&offset) {
            partition.records[offset as usize] = original;
        }
    }

    /// The group does not know a shard's offsets any more.
    pub(crate) fn forget_offsets(&mut self, shard: u16) {
        self.offsets.retain(|(_, of), _| *of != shard);
    }

    /// A worker joins the group.
    pub(crate) fn join(&mut self, worker: usize) -> Member {
        let member = self.next_member;
        self.next_member += 1;
        self.members.insert(member, MemberState { worker, heard_at: self.now, changes: Vec::new() });
        self.rebalance(false);
        member
    }

    /// A member goes, in good order or not: its shards are somebody else's.
    pub(crate) fn leave(&mut self, member: Member) {
        self.members.remove(&member);
        self.owners.retain(|_, owner| *owner != member);
        self.rebalance(false);
    }

    /// Everybody leaves, whatever they have begun is given up.
    pub(crate) fn dismiss(&mut self) {
        let open: Vec<TransactionId> = self.transactions.keys().copied().collect();
        open.into_iter().for_each(|id| self.finish(id, false));
        self.members.clear();
        self.owners.clear();
    }

    /// Shards are spread anew.
    pub(crate) fn shuffle(&mut self, salt: u64, at_once: bool) {
        self.salt = salt;
        self.rebalance(at_once);
    }

    fn rebalance(&mut self, at_once: bool) {
        let members: Vec<Member> = self.members.keys().copied().collect();
        if members.is_empty() || self.is_by_hand {
            return;
        }
        for shard in 0..self.shards {
            let spread = (u64::from(shard) + self.salt.wrapping_mul(31 + u64::from(shard))) as usize;
            let wanted = members[spread % members.len()];
            self.wanted.insert(shard, wanted);
            match self.owners.get(&shard).copied() {
                Some(owner) if owner == wanted => {}
                Some(owner) if at_once => {
                    self.tell(owner, Ownership::Lost(shard));
                    self.assign(shard, wanted);
                }
                Some(owner) => self.tell(owner, Ownership::Revoked(shard)),
                None => self.assign(shard, wanted),
            }
        }
    }

    fn assign(&mut self, shard: u16, member: Member) {
        self.owners.insert(shard, member);
        self.tell(member, Ownership::Assigned(shard));
    }

    fn tell(&mut self, member: Member, change: Ownership) {
        if let Some(member) = self.members.get_mut(&member) {
            member.changes.retain(|told| !is_undone(*told, change));
            member.changes.push(change);
        }
    }

    /// From now on shards are given by hand.
    #[cfg(test)]
    pub(crate) fn stop_balancing(&mut self) {
        self.is_by_hand = true;
    }

    #[cfg(test)]
    pub(crate) fn members(&self) -> usize {
        self.members.len()
    }

    /// A shard is given to a member at once.
    #[cfg(test)]
    pub(crate) fn give(&mut self, shard: u16, member: Member) {
        if let Some(owner) = self.owners.get(&shard).copied() {
            self.tell(owner, Ownership::Lost(shard));
        }
        self.assign(shard, member);
    }

    /// A shard is asked back.
    #[cfg(test)]
    pub(crate) fn take_back(&mut self, shard: u16) {
        if let Some(owner) = self.owners.get(&shard).copied() {
            self.tell(owner, Ownership::Revoked(shard));
        }
        self.wanted.remove(&shard);
    }

    /// A member is heard of, and hears what has changed; `None`: it is a member no longer.
    pub(crate) fn hear(&mut self, member: Member) -> Option<Vec<Ownership>> {
        let now = self.now;
        let state = self.members.get_mut(&member)?;
        state.heard_at = now;
        Some(std::mem::take(&mut state.changes))
    }

    /// A member releases a shard, which goes where it is wanted.
    pub(crate) fn release(&mut self, member: Member, shard: u16) -> Result<(), Refusal> {
        if self.owners.get(&shard) != Some(&member) {
            return Err("the group has given the shard to another member");
        }
        self.owners.remove(&shard);
        if let Some(&wanted) = self.wanted.get(&shard).filter(|wanted| self.members.contains_key(wanted)) {
            self.assign(shard, wanted);
        }
        Ok(())
    }

    /// Who owns a shard.
    pub(crate) fn owner(&self, shard: u16) -> Option<Member> {
        self.owners.get(&shard).copied()
    }

    /// Which worker a member is.
    pub(crate) fn worker(&self, member: Member) -> Option<usize> {
        Some(self.members.get(&member)?.worker)
    }
}

/// A shard that is wanted back before its assignment was heard of.
fn is_undone(told: Ownership, change: Ownership) -> bool {
    matches!((told, change), (Ownership::Revoked(told), Ownership::Revoked(change)) if told == change)
}
