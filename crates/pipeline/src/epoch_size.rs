//! How many records an epoch takes: few where all that comes is soon taken, so that it is soon visible, and more where more wait
//! than that anyway. An epoch's own costs are then shared by more records, and who moved often is published once.

use vocabulary::Timestamp;

use crate::settings::Pace;

/// How long an epoch of many records is to last, its transaction included: whatever else the machine does meanwhile.
const LASTS_MS: i64 = 800;
/// Where events move the clock an epoch of many records is no more than this part of a half-life: shards hear of each other
/// between epochs.
const EPOCHS_A_HALF_LIFE: i64 = 8;

/// The size of a worker's epochs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EpochSize {
    least: usize,
    most: usize,
    now: usize,
}

/// What an epoch was.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    pub(crate) records: usize,
    /// How long it took, its transaction included.
    pub(crate) lasted_ms: i64,
    /// How far it moved the clock.
    pub(crate) span_ms: Timestamp,
}

impl EpochSize {
    pub(crate) fn new(pace: &Pace) -> EpochSize {
        EpochSize { least: pace.epoch_records_max, most: pace.epoch_records_most(), now: pace.epoch_records_max }
    }

    /// Records that are enough for an epoch, and the most that it takes of a shard.
    pub(crate) fn records(self) -> usize {
        self.now
    }

    /// An epoch has ended.
    pub(crate) fn took(&mut self, taken: Taken, half_life_ms: i64) {
        let is_full = taken.records >= self.now;
        let span_ms = half_life_ms / EPOCHS_A_HALF_LIFE;
        let is_long = taken.lasted_ms > LASTS_MS || taken.span_ms > span_ms;
        let stays_short = taken.lasted_ms.saturating_mul(2) <= LASTS_MS && taken.span_ms.saturating_mul(2) <= span_ms;
        if is_long || taken.records < self.now / 2 {
            self.now = (self.now / 2).max(self.least);
        } else if is_full && stays_short {
            self.now = self.now.saturating_mul(2).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF_LIFE_MS: i64 = 604_800_000;

    /// A worker that scores so many records in a millisecond while so many come, and spends some on each epoch. Returns the
    /// largest epoch, the longest, and the last.
    fn works(scores: usize, comes: usize, backlog: usize, span_a_record: i64) -> (usize, i64, usize) {
        let mut size = EpochSize::new(&Pace::default());
        let (mut waits, mut largest, mut longest, mut last) = (backlog, 0, 0, 0);
        for _ in 0..1_000 {
            // What comes until an epoch is due.
            let pause_ms = if waits >= size.records() { 0 } else { 100 };
            waits += comes * pause_ms;
            let records = waits.min(size.records());
            let lasted_ms = 20 + (records / scores) as i64;
            waits += comes * lasted_ms as usize;
            waits -= records;
            size.took(Taken { records, lasted_ms, span_ms: records as i64 * span_a_record }, HALF_LIFE_MS);
            (largest, longest, last) = (largest.max(records), longest.max(lasted_ms), records);
        }
        (largest, longest, last)
    }

    #[test]
    fn epochs_are_small_as_long_as_all_that_comes_is_taken() {
        for comes in [1, 10, 60, 90] {
            let (largest, ..) = works(300, comes, 0, 0);
            assert!(largest <= Pace::default().epoch_records_max, "{comes} a millisecond: {largest}");
        }
    }

    #[test]
    fn a_backlog_makes_them_larger_until_it_is_read() {
        let (largest, longest, last) = works(300, 50, 20_000_000, 0);
        assert!(largest >= 1 << 16, "{largest}");
        assert!(longest <= LASTS_MS + 100, "{longest}");
        assert!(last <= Pace::default().epoch_records_max, "{last}");
    }

    #[test]
    fn they_stay_short_where_the_machine_is_slow_or_events_lie_far_apart() {
        let (largest, longest, _) = works(50, 100, 20_000_000, 0);
        assert!(largest <= 1 << 15 && longest <= 2 * LASTS_MS, "{largest} {longest}");
        let (largest, ..) = works(300, 50, 20_000_000, HALF_LIFE_MS / 200_000);
        assert!(largest <= 1 << 15, "{largest}");
        let (largest, ..) = works(300, 50, 20_000_000, HALF_LIFE_MS);
        assert_eq!(largest, Pace::default().epoch_records_max);
    }
}
