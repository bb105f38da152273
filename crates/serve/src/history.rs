//! How people moved, as far back as there is room, and not before the server started: the oldest movements go first.

use std::collections::{HashMap, VecDeque};

use vocabulary::Timestamp;

use crate::person::Record;

/// At 100 an influence that moved by less than this share did not move.
const INFLUENCE_SHARE: f32 = 0.01;

/// A record, as far as a movement comes from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) as_of: Timestamp,
    pub(crate) score: f32,
    pub(crate) influence: f32,
    pub(crate) factors: [f32; 5],
    pub(crate) audience: f32,
    pub(crate) scale: u32,
}

impl From<&Record> for Point {
    fn from(record: &Record) -> Point {
        Point {
            as_of: record.as_of,
            score: record.score,
            influence: record.influence,
            factors: [record.reach, record.amplification, record.network, record.openness, record.room],
            audience: record.audience,
            scale: record.scale,
        }
    }
}

/// Points of people, by the hash of their names: an erased name must not stay here.
#[derive(Debug)]
pub(crate) struct History {
    people: HashMap<u64, Track>,
    /// Whose point is how old, of all that are kept and some that are not.
    ages: VecDeque<(u64, u64)>,
    next: u64,
    points_max: usize,
    track_max: usize,
}

#[derive(Debug)]
struct Track {
    points: VecDeque<(u64, Point)>,
}

impl History {
    /// At most so many points for everybody, and for one person.
    pub(crate) fn new(points_max: usize, track_max: usize) -> History {
        // A movement has two ends.
        History {
            people: HashMap::new(),
            ages: VecDeque::new(),
            next: 0,
            points_max: points_max.max(2),
            track_max: track_max.max(2),
        }
    }

    /// Somebody moved from one record to another: by score or, at 100, by influence. Of the latter only what can be seen
    /// is kept, since it moves all the time.
    pub(crate) fn moved(&mut self, person: u64, before: &Record, after: &Record) {
        let last = self.people.get(&person).and_then(|track| track.points.back());
        let (is_new, last) = last.map_or_else(|| (true, Point::from(before)), |(_, last)| (false, *last));
        if last.score == after.score && (after.influence - last.influence).abs() < INFLUENCE_SHARE * last.influence {
            return;
        }
        if is_new {
            self.add(person, last);
        }
        self.add(person, after.into());
    }

    fn add(&mut self, person: u64, point: Point) {
        let age = self.next;
        self.next += 1;
        let track = self.people.entry(person).or_insert_with(|| Track { points: VecDeque::with_capacity(2) });
        if track.points.len() == self.track_max {
            track.points.pop_front();
        }
        track.points.push_back((age, point));
        self.ages.push_back((person, age));
        if self.ages.len() > self.points_max {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((person, age)) = self.ages.pop_front() else { return };
        let Some(track) = self.people.get_mut(&person) else { return };
        if track.points.front().is_some_and(|&(oldest, _)| oldest == age) {
            track.points.pop_front();
        }
        if track.points.is_empty() {
            self.people.remove(&person);
        }
    }

    /// Erases a person's.
    pub(crate) fn forget(&mut self, person: u64) {
        self.people.remove(&person);
    }

    /// Erases everybody's.
    pub(crate) fn clear(&mut self) {
        self.people.clear();
        self.ages.clear();
    }

    /// A person's points, the oldest first; two in a row are a movement.
    pub(crate) fn points(&self, person: u64) -> Vec<Point> {
        self.people.get(&person).map_or_else(Vec::new, |track| track.points.iter().map(|&(_, point)| point).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(score: f32) -> Record {
        Record { score, is_published: true, ..Record::default() }
    }

    #[test]
    fn it_keeps_the_newest_within_its_bounds() {
        let mut history = History::new(10, 4);
        let scores = |history: &History, person| -> Vec<f32> {
            history.points(person).iter().map(|point| point.score).collect()
        };
        for step in 0..6_u16 {
            history.moved(1, &record(step.into()), &record((step + 1).into()));
        }
        assert_eq!(scores(&history, 1), [3.0, 4.0, 5.0, 6.0]);
        for person in 2..6 {
            history.moved(person, &record(0.0), &record(1.0));
        }
        assert_eq!(scores(&history, 5), [0.0, 1.0]);
        assert_eq!(scores(&history, 1), [5.0, 6.0]);
        // At 100 the influence moves.
        let above = |influence| Record { influence, ..record(100.0) };
        history.moved(8, &above(200.0), &above(201.0));
        assert!(history.points(8).is_empty(), "half a hundredth");
        history.moved(8, &above(201.0), &above(210.0));
        history.moved(8, &above(210.0), &above(211.0));
        history.moved(8, &above(211.0), &above(213.0));
        let influences: Vec<f32> = history.points(8).iter().map(|point| point.influence).collect();
        assert_eq!(influences, [201.0, 210.0, 213.0]);
        history.forget(8);
        history.moved(6, &record(0.0), &record(1.0));
        history.moved(7, &record(0.0), &record(1.0));
        assert!(history.people.len() <= 6 && history.ages.len() <= 10);
        history.forget(7);
        assert!(history.points(7).is_empty());
    }
}
