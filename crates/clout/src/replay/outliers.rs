//! A few events far beyond all others: the newest time is "now", so one mistyped year would make everybody fade.
//!
//! Times are kept as clusters with a gap between each and the next. A gap counts when it is longer than the window, so
//! that all before it is forgotten, and longer than half of the span before it. More events only widen spans and
//! narrow gaps, so a gap that does not count never will: its sides are joined at once. Each gap that is left multiplies
//! the span by 1.5, so there are never more than a hundred clusters, whatever the log.

use vocabulary::Timestamp;

/// So many events are few in any log, and one in so many in a large one.
const FEW_EVENTS: u64 = 10;
const FEW_SHARE: u64 = 1000;

/// The times of all events that moved the clock.
#[derive(Clone, Debug)]
pub(crate) struct Clusters {
    window_ms: i64,
    clusters: Vec<Cluster>,
    /// Where the last time went: the next one is likely to go there as well.
    current: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cluster {
    from: Timestamp,
    to: Timestamp,
    events: u64,
}

/// A few events far beyond all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outliers {
    pub(crate) events: u64,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    /// The newest time of all the others.
    pub(crate) others_to: Timestamp,
}

impl Clusters {
    pub(crate) fn new(window_ms: i64) -> Clusters {
        Clusters { window_ms, clusters: Vec::new(), current: 0 }
    }

    /// Takes the time of an event.
    #[inline]
    pub(crate) fn note(&mut self, at: Timestamp) {
        match self.clusters.get_mut(self.current) {
            Some(cluster) if (cluster.from..=cluster.to).contains(&at) => cluster.events += 1,
            _ => self.place(at),
        }
    }

    fn place(&mut self, at: Timestamp) {
        if let Some(last) = self.clusters.last_mut()
            && (last.to..=last.to.saturating_add(self.window_ms)).contains(&at)
        {
            (last.to, last.events) = (at, last.events + 1);
            self.current = self.clusters.len() - 1;
            return;
        }
        let place = self.clusters.partition_point(|cluster| cluster.to < at);
        match self.clusters.get_mut(place) {
            Some(cluster) if cluster.from <= at => cluster.events += 1,
            _ => self.clusters.insert(place, Cluster { from: at, to: at, events: 1 }),
        }
        self.join();
        self.current = self.clusters.partition_point(|cluster| cluster.to < at);
    }

    /// Joins clusters whose gap does not count.
    fn join(&mut self) {
        let Some(&Cluster { from, .. }) = self.clusters.first() else { return };
        let window_ms = self.window_ms;
        self.clusters.dedup_by(|next, before| {
            let counts = next.from - before.to > window_ms.max((before.to - from) / 2);
            if !counts {
                *before = Cluster { from: before.from, to: next.to, events: before.events + next.events };
            }
            !counts
        });
    }

    /// The oldest and the newest time.
    pub(crate) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.clusters.first()?.from, self.clusters.last()?.to))
    }

    /// The few newest events, if there are such that lie far beyond all others: at most ten or one in a thousand, and
    /// at most half as many as the others.
    pub(crate) fn outliers(&self) -> Option<Outliers> {
        let total: u64 = self.clusters.iter().map(|cluster| cluster.events).sum();
        let few = FEW_EVENTS.max(total / FEW_SHARE).min(total / 3);
        let mut beyond = total;
        for pair in self.clusters.windows(2) {
            beyond -= pair[0].events;
            if beyond <= few {
                let (_, to) = self.span()?;
                return Some(Outliers { events: beyond, from: pair[1].from, to, others_to: pair[0].to });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    /// The outliers among events on these days, under a window of ten days.
    fn outliers(days: impl IntoIterator<Item = i64>) -> Option<(u64, i64, i64, i64)> {
        let mut clusters = Clusters::new(10 * DAY);
        days.into_iter().for_each(|day| clusters.note(day * DAY));
        clusters.outliers().map(|few| (few.events, few.from / DAY, few.to / DAY, few.others_to / DAY))
    }

    #[test]
    fn few_and_far_beyond_all_others() {
        assert_eq!(outliers([]), None);
        assert_eq!(outliers([5]), None);
        assert_eq!(outliers(0..100), None, "no gap");
        assert_eq!(outliers((0..100).chain([1000])), Some((1, 1000, 1000, 99)));
        assert_eq!(outliers((0..100).chain([1000, 1001, 1500])), Some((3, 1000, 1500, 99)));
        assert_eq!(outliers((0..100).chain([500; 10])), Some((10, 500, 500, 99)));
        assert_eq!(outliers((0..100).chain([500; 11])), None, "more than a few");
        assert_eq!(outliers((0..20_000).map(|day| day % 100).chain([500; 20])), Some((20, 500, 500, 99)));
        assert_eq!(outliers((0..100).chain([109])), None, "within the window");
        assert_eq!(outliers((0..100).chain([140])), None, "within half of the span");
        assert_eq!(outliers([0, 1, 100]), Some((1, 100, 100, 1)));
        assert_eq!(outliers([0, 100]), None, "none of two is the odd one");
        assert_eq!(outliers((0..100).chain([1000]).chain(900..1000)), None, "others are there as well");
        assert_eq!(outliers([0].into_iter().chain(1000..1100)), None, "the oldest do no harm");
    }

    #[test]
    fn the_order_of_arrival_does_not_matter() {
        let expected = Some((3, 1000, 1500, 99));
        assert_eq!(outliers([1500, 1000, 1001].into_iter().chain((0..100).rev())), expected);
        assert_eq!(outliers((0..50).chain([1001, 1500]).chain(50..100).chain([1000])), expected);
        assert_eq!(outliers((0..100).step_by(2).chain([1500, 1001, 1000]).chain((1..100).step_by(2))), expected);
    }

    #[test]
    fn a_gap_that_others_narrow_joins() {
        assert_eq!(outliers([0, 100, 1, 2, 3, 90, 80, 70, 60, 50, 40, 30, 20, 10]), None);
    }

    #[test]
    fn clusters_stay_few() {
        let mut clusters = Clusters::new(1);
        for step in 0..100_000 {
            clusters.note(step * 7919 % 99_991 * 1000);
            assert!(clusters.clusters.len() <= 100);
        }
    }
}
