//! How the sweep goes round everybody of a shard, by time: so that counts that moved no score are published within a
//! bound, however long an epoch lasts.

use std::collections::VecDeque;

use vocabulary::Timestamp;

/// While records wait, the sweep visits everybody in this time,
const ROUND_MS: i64 = 60_000;
/// and in this time once nothing waits; the epoch in which it ends adds its own.
const ROUND_CAUGHT_UP_MS: i64 = 4_000;
/// Where records have waited for so long, many counts wait for the first round after that,
const BEHIND_MS: i64 = 2_000;
/// which takes no longer than this;
const ROUND_AFTER_MS: i64 = 800;
/// nor do those in which a shard settles whose clock is moved by events.
const ROUNDS_AFTER: u64 = 4;

/// The sweep of one shard, as it goes round and round. Only its pace depends on this: the journal says how far an epoch
/// went.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tour {
    /// Visits so far after which counts were published.
    visits: u64,
    /// Times at which counts came that may not be published yet, the oldest first, each with the visits before.
    waiting: VecDeque<(Timestamp, u64)>,
    /// Since when nothing waits to be sliced; `None` while something does.
    caught_up_at: Option<Timestamp>,
    /// Since when something does.
    behind_since: Option<Timestamp>,
    /// The visits with which the last round ends that is hurried, since much had waited.
    hurries_until: u64,
}

impl Tour {
    /// Notes whether anything waits to be sliced.
    pub(crate) fn note(&mut self, now: Timestamp, people: u32, is_caught_up: bool) {
        self.caught_up_at = is_caught_up.then(|| self.caught_up_at.unwrap_or(now));
        if !is_caught_up {
            self.behind_since.get_or_insert(now);
        } else if self.behind_since.take().is_some_and(|since| now.saturating_sub(since) >= BEHIND_MS) {
            self.hurries_until = self.visits + ROUNDS_AFTER * u64::from(people);
        }
    }

    /// How long a round takes where nothing waits.
    fn round_ms(&self) -> i64 {
        if self.visits < self.hurries_until { ROUND_AFTER_MS } else { ROUND_CAUGHT_UP_MS }
    }

    /// People to visit in an epoch that begins now, if the next one begins after as long as this one did after the last.
    pub(crate) fn due(&self, people: u32, now: Timestamp, elapsed_ms: i64) -> u32 {
        let people = u64::from(people);
        let elapsed_ms = elapsed_ms.max(1);
        // All that are left, if the next epoch would be too late for them.
        let share = |left: u64, within_ms: i64| match u64::try_from(within_ms) {
            Ok(within_ms) if within_ms > elapsed_ms as u64 => (left * elapsed_ms as u64).div_ceil(within_ms),
            _ => left,
        };
        let due = match (self.caught_up_at, self.waiting.front()) {
            (None, _) => share(people, ROUND_MS),
            (Some(_), None) => share(people, self.round_ms()),
            (Some(caught_up_at), Some(&(at, before))) => {
                let left = people.saturating_sub(self.visits - before);
                let until = at.max(caught_up_at).saturating_add(self.round_ms());
                share(people, self.round_ms()).max(share(left, until.saturating_sub(now)))
            }
        };
        due.min(people) as u32
    }

    /// A step at this time brought counts, or may have; those that it visited itself come after.
    pub(crate) fn came(&mut self, now: Timestamp) {
        self.waiting.push_back((now, self.visits));
    }

    /// So many of all people were visited, and their counts published. It goes round in one order: after as many visits
    /// as there are people everybody was visited.
    pub(crate) fn visited(&mut self, visits: u32, people: u32) {
        self.visits += u64::from(visits);
        let is_over = |&(_, before): &(Timestamp, u64)| self.visits - before >= u64::from(people);
        let over = self.waiting.iter().take_while(|&waiting| is_over(waiting)).count();
        self.waiting.drain(..over);
    }

    /// Milliseconds since the oldest counts came that may not be published yet; 0 if all are.
    pub(crate) fn unpublished_ms(&self, now: Timestamp) -> i64 {
        self.waiting.front().map_or(0, |&(since, _)| now.saturating_sub(since).max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEOPLE: u32 = 5_000_000;
    const EPOCH_MS: i64 = 100;

    /// A shard that takes a slice each epoch, and waits between them.
    struct Clockwork {
        tour: Tour,
        now: Timestamp,
        stepped_at: Timestamp,
        /// The largest number of people in an epoch.
        most: u32,
    }

    impl Clockwork {
        fn new() -> Clockwork {
            Clockwork { tour: Tour::default(), now: 1_000_000, stepped_at: 1_000_000 - EPOCH_MS, most: 0 }
        }

        /// An epoch that lasts so long. Returns how old the oldest counts are that are not published after its commit.
        fn epoch(&mut self, lasts_ms: i64, brings: bool, is_caught_up: bool) -> i64 {
            self.tour.note(self.now, PEOPLE, is_caught_up);
            let due = self.tour.due(PEOPLE, self.now, self.now - self.stepped_at);
            self.stepped_at = self.now;
            if brings {
                self.tour.came(self.now);
            }
            self.tour.visited(due, PEOPLE);
            self.most = self.most.max(due);
            self.now += lasts_ms;
            let unpublished_ms = self.tour.unpublished_ms(self.now);
            self.now += EPOCH_MS;
            unpublished_ms
        }

        /// Nothing waits from now on. Returns the milliseconds until all counts are published.
        fn catches_up(&mut self, lasts_ms: i64) -> i64 {
            let caught_up = self.now;
            while self.epoch(lasts_ms, false, true) > 0 {}
            self.now - EPOCH_MS - caught_up
        }
    }

    #[test]
    fn counts_are_published_within_five_seconds_whatever_an_epoch_lasts() {
        for lasts_ms in [0, 7, 150, 400, 900] {
            let mut clockwork = Clockwork::new();
            for _ in 0..100 {
                clockwork.epoch(lasts_ms, true, false);
            }
            let took = clockwork.catches_up(lasts_ms);
            assert!(took <= 5_000, "epochs of {lasts_ms} ms: {took} ms");
            assert!(clockwork.epoch(lasts_ms, false, true) == 0, "and nothing is left");
        }
    }

    #[test]
    fn it_holds_while_counts_come_and_epochs_become_slow() {
        let mut clockwork = Clockwork::new();
        for lasts_ms in [5, 900, 5, 300, 900, 900, 20].into_iter().cycle().take(500) {
            let unpublished_ms = clockwork.epoch(lasts_ms, true, true);
            assert!(unpublished_ms <= 5_000, "an epoch of {lasts_ms} ms: {unpublished_ms} ms");
        }
    }

    #[test]
    fn a_round_is_spread_over_its_time() {
        let mut clockwork = Clockwork::new();
        for _ in 0..1_000 {
            clockwork.epoch(20, true, false);
        }
        assert!(clockwork.most <= PEOPLE / 400, "{}", clockwork.most);
        (0..60).for_each(|_| _ = clockwork.epoch(20, true, true));
        assert!(clockwork.most <= PEOPLE / 6, "the first rounds after that: {}", clockwork.most);
        clockwork.most = 0;
        for _ in 0..1_000 {
            clockwork.epoch(20, true, true);
        }
        assert!(clockwork.most <= PEOPLE / 25, "{}", clockwork.most);
    }

    #[test]
    fn what_has_waited_for_long_is_published_within_a_second() {
        for lasts_ms in [7, 150, 400] {
            let mut clockwork = Clockwork::new();
            for _ in 0..100 {
                clockwork.epoch(lasts_ms, true, false);
            }
            let took = clockwork.catches_up(lasts_ms);
            assert!(took <= 1_500, "epochs of {lasts_ms} ms: {took} ms");
        }
    }

    #[test]
    fn how_old_unpublished_counts_are_is_known() {
        let mut tour = Tour::default();
        assert_eq!(tour.unpublished_ms(7), 0);
        tour.came(1_000);
        tour.visited(3, 10);
        tour.came(2_000);
        assert_eq!(tour.unpublished_ms(2_500), 1_500);
        tour.visited(7, 10);
        assert_eq!(tour.unpublished_ms(2_500), 500);
        tour.visited(3, 10);
        assert_eq!(tour.unpublished_ms(9_000), 0);
    }
}
