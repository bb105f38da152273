//! What a shard was delivered and has not sliced yet, and the cutting of slices from it.

use std::collections::VecDeque;
use std::mem::size_of_val;
use std::ops::Range;
use std::sync::Arc;

use influence::exchange::Section;
use vocabulary::Timestamp;
use wire::{Gap, JournalRecord, OffsetRange};

use crate::batch::Batch;
use crate::fault::Fatal;
use crate::log::{Positions, Share};
use crate::settings::Settings;

/// However little room there is, so many bytes of what the next repeated slice needs may come at a time.
const NEEDED_BYTES: usize = 1 << 20;

/// One shard's backlog.
#[derive(Clone, Debug)]
pub(crate) struct Backlog {
    exchange: Lane<Vec<Section>>,
    /// Of the sections that wait.
    exchange_bytes: usize,
    inputs: Vec<Lane<Arc<Batch>>>,
    /// Counts deliveries: what came first has the smaller number.
    deliveries: u64,
}

/// What was delivered of one partition.
#[derive(Clone, Debug)]
struct Lane<T> {
    waiting: VecDeque<Waiting<T>>,
    /// The next offset to be sliced.
    sliced: i64,
    /// The offset behind the last record that was delivered.
    delivered: i64,
    /// What lies before this offset and is not sliced yet is gone, and is passed over.
    passed_over: i64,
    /// Whether records are there that have not come, as far as the log has looked.
    is_unread: bool,
    /// When the oldest record that waits was stored, here or in the log; the least time if nobody knows.
    behind: Option<Timestamp>,
}

#[derive(Clone, Debug)]
struct Waiting<T> {
    next: i64,
    number: u64,
    what: T,
}

/// The input of one slice, with where it lies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cut {
    pub(crate) exchange: OffsetRange,
    pub(crate) inputs: Vec<OffsetRange>,
    /// What of it is passed over.
    pub(crate) gaps: Vec<Gap>,
    pub(crate) sections: Vec<Section>,
    pub(crate) parts: Vec<Part>,
}

/// Where a shard's clock stands that closes days, and how long they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Day {
    pub(crate) clock: Timestamp,
    pub(crate) day_ms: Timestamp,
}

/// A batch's records inside a slice.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) input: usize,
    pub(crate) batch: Arc<Batch>,
    pub(crate) offsets: Range<i64>,
    /// When it was delivered, among others. Nothing may depend on it.
    pub(crate) number: u64,
}

impl<T> Lane<T> {
    fn new(position: i64) -> Lane<T> {
        Lane {
            waiting: VecDeque::new(),
            sliced: position,
            delivered: position,
            passed_over: i64::MIN,
            is_unread: false,
            behind: Some(Timestamp::MIN),
        }
    }

    /// Takes what lies at these offsets; there may be holes before it, where a log keeps marks of its own.
    fn push(&mut self, offsets: Range<i64>, number: u64, what: T) -> Result<(), i64> {
        // What is passed over may be there again when its slice is done again.
        if offsets.end <= self.passed_over {
            return Ok(());
        }
        if offsets.start < self.delivered && offsets.start >= self.passed_over {
            return Err(self.delivered);
        }
        self.delivered = offsets.end;
        self.waiting.push_back(Waiting { next: offsets.end, number, what });
        Ok(())
    }

    /// Whether the slice that ends here can be cut; the error: it cannot, ever.
    fn holds(&self, range: OffsetRange) -> Result<bool, String> {
        if range.first != self.sliced {
            return Err(format!("its slice begins at offset {} where {} is due", range.first, self.sliced));
        }
        Ok(range.is_empty() || self.delivered >= range.next)
    }

    /// Nothing before this offset will be delivered.
    fn pass_over(&mut self, to: i64) {
        self.delivered = self.delivered.max(to);
        self.passed_over = self.passed_over.max(to);
    }

    fn has_gap(&self) -> bool {
        self.passed_over > self.sliced
    }

    fn range(&self, next: i64) -> OffsetRange {
        OffsetRange { first: self.sliced, next }
    }
}

impl Backlog {
    pub(crate) fn new(positions: &Positions) -> Backlog {
        Backlog {
            exchange: Lane::new(positions.exchange),
            exchange_bytes: 0,
            inputs: positions.inputs.iter().map(|&position| Lane::new(position)).collect(),
            deliveries: 0,
        }
    }

    /// Where the next slice begins.
    pub(crate) fn positions(&self) -> Positions {
        Positions { exchange: self.exchange.sliced, inputs: self.inputs.iter().map(|lane| lane.sliced).collect() }
    }

    /// Where the log has to go on.
    pub(crate) fn wanted(&self) -> Positions {
        Positions { exchange: self.exchange.delivered, inputs: self.inputs.iter().map(|lane| lane.delivered).collect() }
    }

    /// The next records of an input, to this offset, are gone: the next slice says so.
    pub(crate) fn pass_over(&mut self, gap: Gap) {
        self.inputs[gap.input].pass_over(gap.next);
    }

    /// Passes over what the next slices that are done again have passed over, so that the log need not have it.
    pub(crate) fn pass_over_again<'a>(&mut self, records: impl Iterator<Item = &'a JournalRecord> + Clone) {
        for (input, lane) in self.inputs.iter_mut().enumerate() {
            let is_next = |record: &&JournalRecord| record.inputs.get(input).is_some_and(|range| !range.is_empty());
            let gaps = records.clone().find(is_next).into_iter().flat_map(|record| &record.gaps);
            gaps.filter(|gap| gap.input == input).for_each(|gap| lane.pass_over(gap.next));
        }
    }

    pub(crate) fn push_batch(
        &mut self,
        settings: &Settings,
        shard: u16,
        input: usize,
        batch: Arc<Batch>,
    ) -> Result<(), Fatal> {
        self.deliveries += 1;
        let offsets = batch.first()..batch.next();
        self.inputs[input].push(offsets, self.deliveries, Arc::clone(&batch)).map_err(|expected| Fatal::Untidy {
            topic: settings.inputs[input].topic.clone(),
            partition: shard,
            delivered: batch.first(),
            expected,
        })
    }

    pub(crate) fn push_sections(
        &mut self,
        settings: &Settings,
        shard: u16,
        offset: i64,
        sections: Vec<Section>,
    ) -> Result<(), Fatal> {
        self.deliveries += 1;
        self.exchange_bytes += sections.iter().map(section_bytes).sum::<usize>();
        self.exchange.push(offset..offset + 1, self.deliveries, sections).map_err(|expected| Fatal::Untidy {
            topic: settings.exchange.clone(),
            partition: shard,
            delivered: offset,
            expected,
        })
    }

    /// How much more of each input may be delivered, when so much of each may wait. What the next slice that is done
    /// again needs may always come, bit by bit: it cannot be cut before.
    pub(crate) fn room(&self, most: Share, next: Option<&JournalRecord>) -> impl Iterator<Item = Share> {
        self.inputs.iter().enumerate().map(move |(input, lane)| {
            let needed = next.and_then(|record| record.inputs.get(input)).map_or(0, |range| range.next);
            let waiting = lane.waiting();
            let bytes = most.bytes.saturating_sub(waiting.bytes);
            match lane.delivered < needed {
                true => Share { records: usize::MAX, bytes: bytes.max(NEEDED_BYTES) },
                false => Share { records: most.records.saturating_sub(waiting.records), bytes },
            }
        })
    }

    /// Whether so much of what other shards tell waits that no more is to come, unless the next repeated slice needs it.
    pub(crate) fn is_told(&self, bytes_max: usize, next: Option<&JournalRecord>) -> bool {
        let needed = next.map_or(0, |record| record.exchange.next);
        self.exchange_bytes >= bytes_max && self.exchange.delivered >= needed
    }

    /// Whether a part of an input, or of the exchange, has as many bytes waiting as it may.
    pub(crate) fn is_full(&self, bytes_max: usize) -> bool {
        self.exchange_bytes >= bytes_max || self.inputs.iter().any(|lane| lane.waiting().bytes >= bytes_max)
    }

    /// What waits of all inputs.
    pub(crate) fn waiting(&self) -> Share {
        self.inputs.iter().map(Lane::waiting).fold(Share::default(), |sum, lane| Share {
            records: sum.records + lane.records,
            bytes: sum.bytes + lane.bytes,
        })
    }

    /// Whether anything waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.exchange.waiting.is_empty() && self.inputs.iter().all(|lane| lane.waiting.is_empty())
    }

    /// Whether records are passed over, and no slice has said so yet.
    pub(crate) fn has_gap(&self) -> bool {
        self.inputs.iter().any(Lane::has_gap)
    }

    /// Hears of which inputs the log has records that have not come.
    pub(crate) fn look(&mut self, unread: &[Option<Timestamp>]) {
        for (input, lane) in self.inputs.iter_mut().enumerate() {
            lane.is_unread = unread.get(input).is_some_and(Option::is_some);
            let first = lane.waiting.front().and_then(|waiting| waiting.what.stamp_at());
            // What has not come is younger than what came last.
            lane.behind = first.or(lane.behind.filter(|_| lane.is_unread));
        }
    }

    /// When the oldest record that waits was stored, whether it has come or not, as of the last look: the least time if nobody
    /// knows, as of an input of which nothing has come yet.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.inputs.iter().filter_map(|lane| lane.behind).min()
    }

    /// Whether nothing waits, here or in the log.
    pub(crate) fn is_caught_up(&self) -> bool {
        self.is_empty() && !self.inputs.iter().any(|lane| lane.is_unread)
    }

    /// Whether nothing of an input waits, here or in the log.
    pub(crate) fn has_all_of(&self, input: usize) -> bool {
        self.inputs.get(input).is_none_or(|lane| lane.waiting.is_empty() && !lane.is_unread)
    }

    /// Cuts a slice of what waits: all of the exchange, and of each input its share of the records and bytes of an
    /// epoch, in whole batches; of inputs that are held back, nothing. From a shard that closes days, and whose clock is moved by
    /// events and stands here, it takes no
    /// event behind the end of a day, as long as there are others: so all that is due is done when the day ends.
    pub(crate) fn cut(&mut self, epoch: Share, day: Option<Day>, is_held: impl Fn(usize) -> bool) -> Cut {
        let day_ends = day.and_then(|day| self.day_ends(day));
        let share = |all: usize| (all / self.inputs.len().max(1)).max(1);
        let (records_max, bytes_max) = (share(epoch.records), share(epoch.bytes));
        let exchange = self.exchange.range(self.exchange.delivered);
        let inputs = self.inputs.iter().enumerate().map(|(input, lane)| {
            let (mut records, mut bytes) = (0, 0);
            let is_held = is_held(input);
            let fits = |waiting: &&Waiting<Arc<Batch>>| {
                let fits = !is_held && records < records_max && bytes < bytes_max;
                records += waiting.what.len();
                bytes += waiting.what.bytes();
                fits
            };
            let mut next = lane.sliced;
            for waiting in lane.waiting.iter().take_while(fits) {
                let later = day_ends.and_then(|ends| waiting.what.first_since(lane.sliced, ends));
                next = later.unwrap_or(waiting.next);
                if later.is_some() {
                    break;
                }
            }
            lane.range(next.max(lane.passed_over))
        });
        let inputs = inputs.collect();
        let gap = |(input, lane): (usize, &Lane<_>)| lane.has_gap().then_some(Gap { input, next: lane.passed_over });
        let gaps = self.inputs.iter().enumerate().filter_map(gap).collect();
        self.take(exchange, inputs, gaps)
    }

    /// The end of the day in which the clock stands, or in which the first event that waits takes it.
    fn day_ends(&self, Day { clock, day_ms }: Day) -> Option<Timestamp> {
        let first = |lane: &Lane<Arc<Batch>>| lane.waiting.front().and_then(|next| next.what.first_at(lane.sliced));
        self.inputs.iter().filter_map(first).min().map(|at| influence::end_of_day(at.max(clock), day_ms))
    }

    /// Cuts the slice of a journal record, once all of it was delivered.
    pub(crate) fn cut_again(&mut self, record: &JournalRecord) -> Result<Option<Cut>, String> {
        let mut holds = self.exchange.holds(record.exchange)?;
        if record.inputs.len() != self.inputs.len() {
            return Err(format!("it has {} inputs, there are {}", record.inputs.len(), self.inputs.len()));
        }
        record.gaps.iter().for_each(|&gap| self.pass_over(gap));
        for (lane, &range) in self.inputs.iter().zip(&record.inputs) {
            holds &= lane.holds(range)?;
        }
        Ok(holds.then(|| self.take(record.exchange, record.inputs.clone(), record.gaps.clone())))
    }

    fn take(&mut self, exchange: OffsetRange, inputs: Vec<OffsetRange>, gaps: Vec<Gap>) -> Cut {
        let mut cut = Cut { exchange, inputs, gaps, ..Cut::default() };
        while self.exchange.waiting.front().is_some_and(|waiting| waiting.next <= exchange.next) {
            cut.sections.extend(self.exchange.waiting.pop_front().into_iter().flat_map(|waiting| waiting.what));
        }
        self.exchange_bytes -= cut.sections.iter().map(section_bytes).sum::<usize>();
        self.exchange.sliced = exchange.next;
        for (input, (lane, range)) in self.inputs.iter_mut().zip(&cut.inputs).enumerate() {
            let gap = cut.gaps.iter().find(|gap| gap.input == input);
            lane.take_parts(input, gap.map_or(range.first, |gap| gap.next), range.next, &mut cut.parts);
        }
        cut
    }
}

/// Memory that what a shard tells takes.
fn section_bytes(section: &Section) -> usize {
    let names: usize = section.names.iter().map(|name| size_of_val(name) + name.len()).sum();
    let Section { endorse, contacts, follows, audiences, blocks, .. } = section;
    let entries = [size_of_val(&endorse[..]), size_of_val(&contacts[..]), size_of_val(&follows[..])];
    size_of_val(section)
        + names
        + entries.iter().sum::<usize>()
        + size_of_val(&audiences[..])
        + size_of_val(&blocks[..])
}

impl Lane<Arc<Batch>> {
    fn waiting(&self) -> Share {
        let sum = |sum: Share, waiting: &Waiting<Arc<Batch>>| Share {
            records: sum.records + waiting.what.len(),
            bytes: sum.bytes + waiting.what.bytes(),
        };
        self.waiting.iter().fold(Share::default(), sum)
    }

    fn take_parts(&mut self, input: usize, first: i64, next: i64, parts: &mut Vec<Part>) {
        while let Some(waiting) = self.waiting.front() {
            if waiting.what.first() >= next {
                break;
            }
            let (batch, number, is_whole) = (Arc::clone(&waiting.what), waiting.number, waiting.next <= next);
            parts.push(Part { input, batch, offsets: first..next, number });
            if !is_whole {
                break;
            }
            self.waiting.pop_front();
        }
        self.sliced = next;
    }
}

#[cfg(test)]
mod tests {
    use influence::DAY_MS;
    use vocabulary::{Event, Kind};

    use super::*;
    use crate::batch::{Kept, Reason, Refused, Stamp};
    use crate::sample;
    use crate::settings::Holds;

    fn settings() -> Settings {
        Settings { shards: 1, ..sample::settings([Holds::Events]) }
    }

    const EPOCH: Share = Share { records: 1 << 14, bytes: 16 << 20 };

    /// A batch of one bad record of so many bytes.
    fn bad(offset: i64, bytes: usize) -> Arc<Batch> {
        let mut batch = Batch::new(offset);
        let value = Some(Kept::of(&vec![b'x'; bytes]));
        let reason = Reason::Malformed(wire::Malformed::NoObject);
        batch.push_refused(Refused { input: 0, offset, key: None, value, reason });
        Arc::new(batch)
    }

    fn backlog(batches: impl IntoIterator<Item = Arc<Batch>>) -> Backlog {
        let mut backlog = Backlog::new(&Positions { exchange: 0, inputs: vec![0] });
        batches.into_iter().for_each(|batch| backlog.push_batch(&settings(), 0, 0, batch).unwrap());
        backlog
    }

    #[test]
    fn what_waits_is_counted_in_bytes_and_of_bad_records_only_the_beginning_is_kept() {
        let backlog = backlog((0..10).map(|offset| bad(offset, 1_000_000)));
        let waiting = backlog.waiting();
        assert_eq!(waiting.records, 10);
        assert!((655_360..670_000).contains(&waiting.bytes), "{}", waiting.bytes);
        let room = |bytes| backlog.room(Share { records: 100, bytes }, None).next().unwrap();
        assert_eq!(room(600_000).bytes, 0);
        assert_eq!(room(1_000_000).bytes, 1_000_000 - waiting.bytes);
        assert!(backlog.is_full(600_000) && !backlog.is_full(1_000_000));
        let mut batch = Batch::new(0);
        batch.push_event(0, &Event { actor: "ana", target: "bo", kind: Kind::Reply, at: 1 }, Stamp::Created(1));
        assert!((30..100).contains(&batch.bytes()), "{}", batch.bytes());
    }

    #[test]
    fn a_slice_has_its_share_of_bytes_and_one_batch_at_least() {
        let mut backlog = backlog((0..10).map(|offset| bad(offset, 60_000)));
        let epoch = |bytes| Share { records: 1 << 14, bytes };
        assert_eq!(backlog.cut(epoch(1), None, |_| false).inputs, [OffsetRange { first: 0, next: 1 }]);
        assert_eq!(backlog.cut(epoch(130_000), None, |_| false).inputs, [OffsetRange { first: 1, next: 4 }]);
        assert_eq!(backlog.cut(epoch(usize::MAX), None, |_| false).inputs, [OffsetRange { first: 4, next: 10 }]);
    }

    /// A batch of acts at these times, in days.
    fn acts(first: i64, days: &[f64]) -> Arc<Batch> {
        let mut batch = Batch::new(first);
        for (offset, day) in (first..).zip(days) {
            let at = (day * DAY_MS as f64) as Timestamp;
            batch.push_event(offset, &Event { actor: "ana", target: "bo", kind: Kind::Reply, at }, Stamp::Created(at));
        }
        Arc::new(batch)
    }

    #[test]
    fn a_shard_lags_while_its_log_has_more_even_if_nothing_waits_here() {
        let settings = Settings { shards: 1, ..sample::settings([Holds::Events, Holds::Profiles]) };
        let mut backlog = Backlog::new(&Positions { exchange: 0, inputs: vec![0, 0] });
        let all = |backlog: &mut Backlog| drop(backlog.cut(EPOCH, None, |_| false));
        let day = |days: f64| (days * DAY_MS as f64) as Timestamp;
        backlog.look(&[Some(9), None]);
        assert_eq!(backlog.oldest(), Some(Timestamp::MIN), "nobody knows");
        backlog.push_batch(&settings, 0, 0, acts(0, &[0.5, 0.9])).unwrap();
        backlog.look(&[Some(9), None]);
        assert_eq!(backlog.oldest(), Some(day(0.5)));
        all(&mut backlog);
        backlog.look(&[Some(9), None]);
        assert_eq!(backlog.oldest(), Some(day(0.5)), "what comes next is younger, and has waited as well");
        assert!(!backlog.is_caught_up() && !backlog.has_all_of(0) && backlog.has_all_of(1));
        backlog.look(&[None, None]);
        assert_eq!((backlog.oldest(), backlog.is_caught_up()), (None, true));
        backlog.look(&[Some(9), None]);
        assert_eq!(backlog.oldest(), None, "it has only just been stored");
        backlog.push_batch(&settings, 0, 0, acts(2, &[7.0])).unwrap();
        backlog.look(&[]);
        assert_eq!(backlog.oldest(), Some(day(7.0)));
        let held = backlog.cut(EPOCH, None, |input| input == 0);
        assert_eq!(held.inputs[0], OffsetRange { first: 2, next: 2 });
    }

    #[test]
    fn where_days_are_closed_a_slice_ends_with_its_day() {
        let settings = Settings { shards: 1, ..sample::settings([Holds::Events, Holds::Events]) };
        let mut backlog = Backlog::new(&Positions { exchange: 0, inputs: vec![0, 0] });
        let mut push = |input, batch| backlog.push_batch(&settings, 0, input, batch).unwrap();
        // An act of the fourth day comes early, and one of the first day late.
        push(0, acts(0, &[0.5, 0.9, 3.1, 1.2]));
        push(0, acts(4, &[3.2, 3.3]));
        push(1, acts(0, &[1.0, 1.5]));
        push(1, acts(2, &[0.1, 2.0]));
        let mut clock = Timestamp::MIN;
        let mut cut = |newest: f64| {
            let cut = backlog.cut(EPOCH, Some(Day { clock, day_ms: DAY_MS }), |_| false);
            clock = clock.max((newest * DAY_MS as f64) as Timestamp);
            cut.inputs.iter().map(|range| (range.first, range.next)).collect::<Vec<_>>()
        };
        assert_eq!(cut(0.9), [(0, 2), (0, 0)]);
        assert_eq!(cut(1.5), [(2, 2), (0, 3)], "what is late goes with the day of the clock");
        assert_eq!(cut(2.0), [(2, 2), (3, 4)]);
        assert_eq!(cut(3.3), [(2, 6), (4, 4)], "up to where the clock is then");
        assert_eq!(cut(3.3), [(6, 6), (4, 4)]);
        assert!(backlog.is_empty());
    }

    /// However much waits already, or however small the bound has become since.
    #[test]
    fn what_the_next_repeated_slice_needs_may_always_come() {
        let backlog = backlog((0..10).map(|offset| bad(offset, 60_000)));
        let range = |next| OffsetRange { first: 0, next };
        let record = |next| JournalRecord { inputs: vec![range(next)], exchange: range(5), ..JournalRecord::default() };
        let room = |next| backlog.room(Share { records: 1, bytes: 1 }, Some(&record(next))).next().unwrap();
        assert_eq!(room(10), Share::default());
        assert_eq!(room(11), Share { records: usize::MAX, bytes: NEEDED_BYTES });
        assert!(!backlog.is_told(0, Some(&record(10))), "the exchange is needed to offset 5");
        assert!(backlog.is_told(0, None));
    }
}
