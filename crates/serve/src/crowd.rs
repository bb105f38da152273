//! People who have something in common: a network, a language, a country. Each is a line in the order of the ranking, and a set
//! of their numbers, so that what several have in common is an intersection of sets.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::cursor::Cursor;
use crate::person::Person;
use crate::ranking::{Line, Numbered};

/// People of one kind.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    pub(crate) line: Line,
    numbers: RoaringBitmap,
}

impl Crowd {
    /// Puts somebody where they belong now, or takes them out.
    pub(crate) fn moved(&mut self, person: &Arc<Person>, number: u32, old: Option<f32>, new: Option<f32>) {
        if let Some(height) = old {
            self.line.remove(height, &person.name);
        }
        if let Some(height) = new {
            self.line.insert(person, number, height);
        }
        match (old, new) {
            (None, Some(_)) => _ = self.numbers.insert(number),
            (Some(_), None) => _ = self.numbers.remove(number),
            _ => {}
        }
    }
}

/// Those of each language, or of each country. A code has a place from 1 on, which it keeps.
#[derive(Debug, Default)]
pub(crate) struct Values {
    places: HashMap<Box<str>, u16>,
    crowds: Vec<Crowd>,
}

impl Values {
    /// The place of a code; 0 where there are more codes than there can be.
    pub(crate) fn place(&mut self, code: &str) -> u16 {
        if let Some(&place) = self.places.get(code) {
            return place;
        }
        let Ok(place) = u16::try_from(self.crowds.len() + 1) else { return 0 };
        self.places.insert(code.into(), place);
        self.crowds.push(Crowd::default());
        place
    }

    pub(crate) fn at(&mut self, place: u16) -> Option<&mut Crowd> {
        self.crowds.get_mut(usize::from(place).wrapping_sub(1))
    }

    pub(crate) fn get(&self, place: u16) -> Option<&Crowd> {
        self.crowds.get(usize::from(place).wrapping_sub(1))
    }

    /// Those of a code, if anybody is or was.
    pub(crate) fn of(&self, code: &str) -> Option<&Crowd> {
        self.get(*self.places.get(code)?)
    }

    /// The codes that somebody is of, and how many are: the largest first.
    pub(crate) fn counts(&self) -> Vec<(String, u64)> {
        let count =
            |code: &str, place: u16| (code.to_string(), self.get(place).map_or(0, |crowd| crowd.line.len() as u64));
        let mut counts: Vec<(String, u64)> =
            self.places.iter().map(|(code, &place)| count(code, place)).filter(|(_, people)| *people > 0).collect();
        counts.sort_by(|(code, people), (other, others)| others.cmp(people).then_with(|| code.cmp(other)));
        counts
    }
}

/// A piece of what was asked for of the ranking, in its order.
#[derive(Debug, Default)]
pub(crate) struct Selected {
    /// The people, with what they are ranked by.
    pub(crate) people: Vec<(Arc<Person>, f32)>,
    /// How many are before the first of them, of all that are of the crowds, whatever their score.
    pub(crate) first: usize,
    /// How many of those stand higher than the first.
    pub(crate) higher: usize,
    /// All that are of the crowds.
    pub(crate) all: usize,
    /// Those of them whose score is in the range.
    pub(crate) total: usize,
    /// Whether others follow.
    pub(crate) has_more: bool,
}

/// The range of scores, the place where the page before ended, and how many are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'c> {
    pub(crate) scores: (f32, f32),
    pub(crate) after: Option<&'c Cursor>,
    pub(crate) limit: usize,
}

impl Window<'_> {
    /// Whether this height is above the range: at 100 all are in it who have more.
    fn is_above(&self, height: f32) -> bool {
        self.scores.1 < 100.0 && height > self.scores.1
    }

    fn is_in(&self, height: f32) -> bool {
        height >= self.scores.0 && !self.is_above(height)
    }

    fn is_everything(&self) -> bool {
        self.scores.0 <= 0.0 && self.scores.1 >= 100.0
    }
}

/// A window of a line.
pub(crate) fn select(line: &Line, window: &Window<'_>) -> Selected {
    let (lowest, highest) = window.scores;
    let start = if highest < 100.0 { line.higher(highest) } else { 0 };
    let end = line.not_lower(lowest).max(start);
    let told = window.after.map_or(0, |Cursor { height, user, skip }| {
        let before = line.before(*height, user);
        before.saturating_add((*skip).max(usize::from(line.is_at(before, user))))
    });
    let first = start.max(told).min(end);
    let count = window.limit.min(end - first);
    let people: Vec<_> = line.from(first).take(count).map(|(person, height)| (Arc::clone(person), height)).collect();
    let higher = people.first().map_or(first, |(_, height)| line.higher(*height));
    Selected { people, first, higher, all: line.len(), total: end - start, has_more: first + count < end }
}

/// A window of what crowds have in common. Where that is most of the smallest of them, its line is walked; else everybody in
/// the intersection is looked at once.
pub(crate) fn select_common(crowds: &[&Crowd], numbered: &Numbered, window: &Window<'_>) -> Selected {
    let Some((smallest, others)) = smallest_first(crowds) else { return Selected::default() };
    let common = others.iter().fold(smallest.numbers.clone(), |common, crowd| common & &crowd.numbers);
    let all = common.len() as usize;
    let steps = smallest.line.len().saturating_mul(window.limit + 1) / all.max(1);
    let is_walked = window.after.is_none() && window.is_everything() && steps < all;
    if let Some(selected) = is_walked.then(|| walk(&smallest.line, &common, numbered, window.limit)).flatten() {
        return selected;
    }
    let mut best = Best::new(numbered, window);
    let mut total = 0;
    for number in &common {
        let height = numbered.heights[number as usize];
        if window.is_in(height) {
            total += 1;
            best.offer(height, number);
        }
    }
    let (people, has_more) = best.finish();
    let (first, higher) = match people.first() {
        Some((person, height)) => numbered.before(common.iter(), *height, &person.name),
        None => (all, all),
    };
    Selected { people, first, higher, all, total, has_more }
}

/// The first people of a line who are in a set; `None` where that takes longer than to look at all of the set, as they stand far
/// down.
fn walk(line: &Line, set: &RoaringBitmap, numbered: &Numbered, limit: usize) -> Option<Selected> {
    let mut people = Vec::new();
    for number in line.numbers().take(set.len() as usize) {
        if set.contains(number) {
            people.extend(found(numbered, number));
        }
        if people.len() > limit {
            break;
        }
    }
    let is_whole = people.len() > limit || people.len() as u64 == set.len();
    let has_more = people.len() > limit;
    people.truncate(limit);
    let all = set.len() as usize;
    is_whole.then(|| Selected { people, all, total: all, has_more, ..Selected::default() })
}

fn smallest_first<'c>(crowds: &[&'c Crowd]) -> Option<(&'c Crowd, Vec<&'c Crowd>)> {
    let mut crowds = crowds.to_vec();
    crowds.sort_by_key(|crowd| crowd.line.len());
    let (smallest, others) = crowds.split_first()?;
    Some((smallest, others.to_vec()))
}

fn found(numbered: &Numbered, number: u32) -> Option<(Arc<Person>, f32)> {
    Some((Arc::clone(numbered.people[number as usize].as_ref()?), numbered.heights[number as usize]))
}

/// The first people behind a cursor, of those who were offered.
struct Best<'n> {
    numbered: &'n Numbered,
    after: Option<&'n Cursor>,
    /// As many as are wanted, those who were told before in front of them, and one to know whether more follow.
    wanted: usize,
    limit: usize,
    offered: Vec<(f32, u32)>,
    /// Lower ones are not wanted any more.
    lowest: f32,
}

impl<'n> Best<'n> {
    fn new(numbered: &'n Numbered, window: &Window<'n>) -> Best<'n> {
        let skip = window.after.map_or(0, |cursor| cursor.skip.max(1));
        let wanted = window.limit.saturating_add(skip).saturating_add(1).min(numbered.people.len() + 1);
        Best { numbered, after: window.after, wanted, limit: window.limit, offered: Vec::new(), lowest: f32::MIN }
    }

    fn offer(&mut self, height: f32, number: u32) {
        if height < self.lowest || self.after.is_some_and(|after| height > after.height) {
            return;
        }
        self.offered.push((height, number));
        // Sorted now and then: most are told apart from the first by what they are ranked by alone.
        if self.offered.len() >= 4 * self.wanted.max(256) {
            self.settle();
        }
    }

    fn settle(&mut self) {
        let Best { numbered, after, offered, wanted, .. } = self;
        let name = |number: u32| numbered.name(number);
        if let Some(Cursor { height: told, user, .. }) = after {
            offered.retain(|(height, number)| height < told || name(*number) >= user.as_str());
        }
        offered.sort_unstable_by(|(height, number), (other_height, other)| {
            other_height.total_cmp(height).then_with(|| name(*number).cmp(name(*other)))
        });
        if offered.len() >= *wanted {
            offered.truncate(*wanted);
            self.lowest = offered.last().map_or(f32::MIN, |(height, _)| *height);
        }
    }

    /// The people, and whether others follow.
    fn finish(mut self) -> (Vec<(Arc<Person>, f32)>, bool) {
        self.settle();
        let is_told = |cursor: &Cursor| {
            let first = self.offered.first();
            first.is_some_and(|(height, number)| {
                height.total_cmp(&cursor.height) == Ordering::Equal && self.numbered.name(*number) == cursor.user
            })
        };
        let told = self.after.map_or(0, |cursor| cursor.skip.max(usize::from(is_told(cursor))));
        let left = self.offered.len().saturating_sub(told);
        let people = self.offered.iter().skip(told).take(self.limit);
        (people.filter_map(|(_, number)| found(self.numbered, *number)).collect(), left > self.limit)
    }
}
