//! How many of the newest records of each part of an input could not be used: nearly all of them is a mistake of
//! somebody's, and not of single records.

use std::collections::{BTreeMap, VecDeque};

use vocabulary::Timestamp;

use crate::batch::{Reason, Refused};
use crate::status::{REASONS, place};

/// So many of the newest records of a partition are looked at;
const NEWEST: u64 = 1_000;
/// of fewer than these nothing is said.
const LEAST: u64 = 100;
/// While it lasts it is told again after so many milliseconds.
const TELL_AGAIN_MS: i64 = 60_000;

/// An input of which nearly all records become dead letters.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusing {
    /// The topic.
    pub topic: String,
    /// The partitions of this process in which it is so.
    pub partitions: Vec<u16>,
    /// The newest records of these partitions.
    pub records: u64,
    /// Those of them that became dead letters.
    pub refused: u64,
    /// The most frequent reason, as metrics name it.
    pub reason: &'static str,
    /// One such record: where it is, and what is wrong with it.
    pub example: String,
}

impl Refusing {
    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self.reason {
            "malformed" => {
                "see that the input's encoding is what its producers write (encoding, confluent and holds in the \
                 configuration)"
            }
            "misrouted" => {
                "key the topic by user with the partitioner of model.partitioner, or re-key it with `clout route`"
            }
            "packed" => "find out who writes such batches",
            _ => "see that the clocks and time zones of its producers, and of this machine, are right",
        }
    }
}

impl std::fmt::Display for Refusing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Refusing { topic, partitions, records, refused, reason, example } = self;
        let partitions: Vec<String> = partitions.iter().map(u16::to_string).collect();
        write!(
            f,
            "{refused} of the newest {records} records of {topic} (partitions {}) became dead letters, most as {reason}: \
             {example}; {}, then send the dead letters again, as `clout docs dead-letters` says",
            partitions.join(", "),
            self.advice()
        )
    }
}

/// What has changed, for the log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    Refuses(Refusing),
    Recovers { topic: String },
}

/// Counts of the newest records, by input and shard.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    windows: BTreeMap<(usize, u16), Window>,
    topics: BTreeMap<usize, String>,
    /// Inputs of which nearly everything is refused, and when that was told last.
    told: BTreeMap<usize, Timestamp>,
}

/// The newest records of one part of an input.
#[derive(Clone, Debug, Default)]
struct Window {
    slices: VecDeque<Counts>,
    sum: Counts,
    example: String,
    is_refusing: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    records: u64,
    refused: [u64; REASONS.len()],
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        self.records += other.records;
        self.refused.iter_mut().zip(other.refused).for_each(|(sum, more)| *sum += more);
    }

    fn remove(&mut self, other: &Counts) {
        self.records -= other.records;
        self.refused.iter_mut().zip(other.refused).for_each(|(sum, less)| *sum -= less);
    }

    fn all_refused(&self) -> u64 {
        self.refused.iter().sum()
    }

    fn is_nearly_all(&self) -> bool {
        self.records >= LEAST && self.all_refused() * 10 > self.records * 9
    }
}

impl Window {
    fn take(&mut self, slice: Counts) {
        self.slices.push_back(slice);
        self.sum.add(&slice);
        while let Some(oldest) = self.slices.front().copied()
            && self.sum.records - oldest.records >= NEWEST
        {
            self.slices.pop_front();
            self.sum.remove(&oldest);
        }
        if self.is_refusing && self.has_recovered() {
            *self = Window::default();
        }
        self.is_refusing = self.sum.is_nearly_all();
    }

    /// Half of the last few records could be used.
    fn has_recovered(&self) -> bool {
        let mut last = Counts::default();
        for slice in self.slices.iter().rev() {
            if last.records >= LEAST {
                break;
            }
            last.add(slice);
        }
        last.all_refused() * 2 <= last.records
    }
}

impl Refusals {
    /// Names the inputs.
    pub(crate) fn read<'a>(&mut self, topics: impl IntoIterator<Item = &'a str>) {
        self.topics = topics.into_iter().map(str::to_owned).enumerate().collect();
    }

    /// The topic of an input.
    pub(crate) fn topic(&self, input: usize) -> Option<String> {
        self.topics.get(&input).cloned()
    }

    /// Takes a slice's records of one part of an input, of which these could not be used.
    pub(crate) fn take(&mut self, input: usize, shard: u16, records: u64, refused: &[Refused]) {
        if records == 0 {
            return;
        }
        let window = self.windows.entry((input, shard)).or_default();
        let mut slice = Counts { records, ..Counts::default() };
        for refused in refused.iter().filter(|refused| refused.input == input) {
            slice.refused[place(&refused.reason)] += 1;
        }
        window.take(slice);
        if let Some(last) = refused.iter().rfind(|refused| refused.input == input) {
            window.example = format!("offset {} of partition {shard}: {}", last.offset, short(&last.reason));
        }
    }

    /// A shard is somebody else's now.
    pub(crate) fn forget(&mut self, shard: u16) {
        self.windows.retain(|(_, of), _| *of != shard);
    }

    /// What has changed since it was asked last.
    pub(crate) fn changes(&mut self, now: Timestamp) -> Vec<Change> {
        if self.told.is_empty() && !self.windows.values().any(|window| window.sum.all_refused() > 0) {
            return Vec::new();
        }
        let mut changes = Vec::new();
        for input in self.topics.keys().copied().collect::<Vec<_>>() {
            match self.refusing_of(input) {
                Some(refusing) => {
                    let is_new = self.told.get(&input).is_none_or(|&told| now - told >= TELL_AGAIN_MS);
                    if is_new {
                        self.told.insert(input, now);
                        changes.push(Change::Refuses(refusing));
                    }
                }
                None if self.told.remove(&input).is_some() => {
                    changes.push(Change::Recovers { topic: self.topics[&input].clone() });
                }
                None => {}
            }
        }
        changes
    }

    /// Inputs of which nearly everything is refused.
    pub(crate) fn refusing(&self) -> Vec<Refusing> {
        self.topics.keys().filter_map(|&input| self.refusing_of(input)).collect()
    }

    /// The refused share of the newest records of each input that was read.
    pub(crate) fn shares(&self) -> Vec<(String, f64)> {
        let share = |(&input, topic): (&usize, &String)| {
            let sum = sum(self.of(input));
            (topic.clone(), sum.all_refused() as f64 / sum.records.max(1) as f64)
        };
        self.topics.iter().map(share).collect()
    }

    fn of(&self, input: usize) -> impl Iterator<Item = (u16, &Window)> + Clone {
        self.windows.range((input, 0)..=(input, u16::MAX)).map(|((_, shard), window)| (*shard, window))
    }

    /// In some partitions, or in all together where each of them has few.
    fn refusing_of(&self, input: usize) -> Option<Refusing> {
        let refusing: Vec<(u16, &Window)> = self.of(input).filter(|(_, window)| window.is_refusing).collect();
        let together = || sum(self.of(input)).is_nearly_all().then(|| self.of(input).collect());
        let refusing = if refusing.is_empty() { together()? } else { refusing };
        let sum = sum(refusing.iter().copied());
        let most = (0..REASONS.len()).max_by_key(|&reason| sum.refused[reason])?;
        let example = refusing.iter().map(|(_, window)| &window.example).find(|example| !example.is_empty());
        Some(Refusing {
            topic: self.topics[&input].clone(),
            partitions: refusing.iter().map(|(shard, _)| *shard).collect(),
            records: sum.records,
            refused: sum.all_refused(),
            reason: REASONS[most],
            example: example.cloned().unwrap_or_default(),
        })
    }
}

fn sum<'a>(windows: impl Iterator<Item = (u16, &'a Window)>) -> Counts {
    windows.fold(Counts::default(), |mut sum, (_, window)| {
        sum.add(&window.sum);
        sum
    })
}

/// A reason for one line.
fn short(reason: &Reason) -> String {
    const LETTERS_MAX: usize = 300;
    let text = reason.to_string();
    match text.char_indices().nth(LETTERS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use wire::Malformed;

    use super::*;

    fn refused(count: i64, reason: &Reason) -> Vec<Refused> {
        let refused = |offset| Refused { input: 0, offset, key: None, value: None, reason: reason.clone() };
        (0..count).map(refused).collect()
    }

    fn refusals() -> Refusals {
        let mut refusals = Refusals::default();
        refusals.read(["events", "profiles"]);
        refusals
    }

    fn malformed() -> Reason {
        Reason::Malformed(Malformed::NoObject)
    }

    #[test]
    fn nearly_everything_refused_is_told_once_a_minute_until_good_records_come() {
        let mut refusals = refusals();
        refusals.take(0, 3, 99, &refused(99, &malformed()));
        assert_eq!(refusals.changes(0), [], "too few to say");
        refusals.take(0, 3, 1, &refused(1, &malformed()));
        let [Change::Refuses(told)] = &refusals.changes(0)[..] else { panic!("it is told") };
        assert_eq!((told.records, told.refused, &told.partitions[..], told.reason), (100, 100, &[3][..], "malformed"));
        assert!(told.to_string().contains("offset 0 of partition 3: is not a JSON object"), "{told}");
        assert_eq!(refusals.changes(59_999), []);
        assert!(matches!(refusals.changes(60_000)[..], [Change::Refuses(_)]));
        (0..10).for_each(|_| refusals.take(0, 3, 100, &refused(100, &malformed())));
        refusals.take(0, 3, 49, &[]);
        assert_eq!(refusals.refusing().len(), 1, "more than half of the last hundred");
        refusals.take(0, 3, 60, &[]);
        assert_eq!(refusals.changes(60_001), [Change::Recovers { topic: "events".into() }]);
        assert_eq!((refusals.refusing(), refusals.changes(200_000)), (vec![], vec![]));
    }

    #[test]
    fn few_bad_records_among_many_are_no_matter() {
        let mut refusals = refusals();
        for _ in 0..100 {
            refusals.take(0, 0, 100, &refused(89, &malformed()));
        }
        assert_eq!(refusals.changes(0), []);
        // What was good long ago does not count.
        refusals.take(0, 1, 1_000_000, &[]);
        (0..20).for_each(|_| refusals.take(0, 1, 100, &refused(100, &malformed())));
        let refusing = refusals.refusing();
        assert_eq!(refusing.iter().map(|told| &told.partitions[..]).collect::<Vec<_>>(), [&[1][..]]);
        refusals.forget(1);
        assert_eq!(refusals.refusing(), [], "it is somebody else's");
    }

    #[test]
    fn partitions_that_have_few_each_count_together_and_the_most_frequent_reason_is_named() {
        let mut refusals = refusals();
        let future = Reason::Future { at: 3_600_000, latest: 0 };
        (0..12).for_each(|shard| refusals.take(1, shard, 50, &[]));
        (0..12).for_each(|shard| refusals.take(0, shard, 10, &refused(10, &future)));
        let [told] = &refusals.refusing()[..] else { panic!("one input") };
        assert_eq!((&told.topic[..], told.records, told.reason), ("events", 120, "future"));
        assert!(told.to_string().contains("time zones"), "{told}");
        assert_eq!(refusals.shares(), [("events".to_owned(), 1.0), ("profiles".to_owned(), 0.0)]);
    }
}
