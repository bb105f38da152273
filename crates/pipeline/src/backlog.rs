//! What a shard was delivered and has not sliced yet, and the cutting of slices from it.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use influence::Timestamp;
use influence::exchange::Section;
use wire::{JournalRecord, OffsetRange};

use crate::batch::Batch;
use crate::fault::Fatal;
use crate::log::Positions;
use crate::settings::{Pace, Settings};

/// One shard's backlog.
#[derive(Clone, Debug)]
pub(crate) struct Backlog {
    exchange: Lane<Vec<Section>>,
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
    pub(crate) sections: Vec<Section>,
    pub(crate) parts: Vec<Part>,
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
        Lane { waiting: VecDeque::new(), sliced: position, delivered: position }
    }

    /// Takes what lies at these offsets; there may be holes before it, where a log keeps marks of its own.
    fn push(&mut self, offsets: Range<i64>, number: u64, what: T) -> Result<(), i64> {
        if offsets.start < self.delivered {
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

    fn range(&self, next: i64) -> OffsetRange {
        OffsetRange { first: self.sliced, next }
    }
}

impl Backlog {
    pub(crate) fn new(positions: &Positions) -> Backlog {
        Backlog {
            exchange: Lane::new(positions.exchange),
            inputs: positions.inputs.iter().map(|&position| Lane::new(position)).collect(),
            deliveries: 0,
        }
    }

    /// Where the next slice begins.
    pub(crate) fn positions(&self) -> Positions {
        Positions { exchange: self.exchange.sliced, inputs: self.inputs.iter().map(|lane| lane.sliced).collect() }
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
        self.exchange.push(offset..offset + 1, self.deliveries, sections).map_err(|expected| Fatal::Untidy {
            topic: settings.exchange.clone(),
            partition: shard,
            delivered: offset,
            expected,
        })
    }

    /// How much more of each input may be delivered, when so many records of each may wait. What the next slice that is
    /// done again needs may always come: it cannot be cut before.
    pub(crate) fn room(&self, records_max: usize, next: Option<&JournalRecord>) -> impl Iterator<Item = usize> {
        self.inputs.iter().enumerate().map(move |(input, lane)| {
            let needed = next.and_then(|record| record.inputs.get(input)).map_or(0, |range| range.next);
            let waiting: usize = lane.waiting.iter().map(|waiting| waiting.what.len()).sum();
            if lane.delivered < needed { usize::MAX } else { records_max.saturating_sub(waiting) }
        })
    }

    /// Records of inputs that wait.
    pub(crate) fn records(&self) -> usize {
        self.inputs.iter().flat_map(|lane| &lane.waiting).map(|waiting| waiting.what.len()).sum()
    }

    /// Whether anything waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.exchange.waiting.is_empty() && self.inputs.iter().all(|lane| lane.waiting.is_empty())
    }

    /// When the oldest record that waits was stored.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        let first = |lane: &Lane<Arc<Batch>>| lane.waiting.front().and_then(|waiting| waiting.what.stamp_at());
        self.inputs.iter().filter_map(first).min()
    }

    /// Cuts a slice of what waits: all of the exchange, and of each input its share of the records of an epoch, in
    /// whole batches.
    pub(crate) fn cut(&mut self, pace: &Pace) -> Cut {
        let share = (pace.epoch_records_max / self.inputs.len().max(1)).max(1);
        let exchange = self.exchange.range(self.exchange.delivered);
        let inputs = self.inputs.iter().map(|lane| {
            let mut records = 0;
            let fits = |waiting: &&Waiting<Arc<Batch>>| {
                let fits = records < share;
                records += waiting.what.len();
                fits
            };
            lane.range(lane.waiting.iter().take_while(fits).last().map_or(lane.sliced, |waiting| waiting.next))
        });
        let inputs = inputs.collect();
        self.take(exchange, inputs)
    }

    /// Cuts the slice of a journal record, once all of it was delivered.
    pub(crate) fn cut_again(&mut self, record: &JournalRecord) -> Result<Option<Cut>, String> {
        let mut holds = self.exchange.holds(record.exchange)?;
        if record.inputs.len() != self.inputs.len() {
            return Err(format!("it has {} inputs, there are {}", record.inputs.len(), self.inputs.len()));
        }
        for (lane, &range) in self.inputs.iter().zip(&record.inputs) {
            holds &= lane.holds(range)?;
        }
        Ok(holds.then(|| self.take(record.exchange, record.inputs.clone())))
    }

    fn take(&mut self, exchange: OffsetRange, inputs: Vec<OffsetRange>) -> Cut {
        let mut cut = Cut { exchange, inputs, ..Cut::default() };
        while self.exchange.waiting.front().is_some_and(|waiting| waiting.next <= exchange.next) {
            cut.sections.extend(self.exchange.waiting.pop_front().into_iter().flat_map(|waiting| waiting.what));
        }
        self.exchange.sliced = exchange.next;
        for (input, (lane, range)) in self.inputs.iter_mut().zip(&cut.inputs).enumerate() {
            lane.take_parts(input, *range, &mut cut.parts);
        }
        cut
    }
}

impl Lane<Arc<Batch>> {
    fn take_parts(&mut self, input: usize, range: OffsetRange, parts: &mut Vec<Part>) {
        while let Some(waiting) = self.waiting.front() {
            if waiting.what.first() >= range.next {
                break;
            }
            let (batch, number, is_whole) = (Arc::clone(&waiting.what), waiting.number, waiting.next <= range.next);
            parts.push(Part { input, batch, offsets: range.first..range.next, number });
            if !is_whole {
                break;
            }
            self.waiting.pop_front();
        }
        self.sliced = range.next;
    }
}
