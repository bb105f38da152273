//! Two event logs as one.

use std::iter::Peekable;

use vocabulary::Timestamp;

/// Of two streams always the one whose next item is earlier; see [`merge_by_time`].
pub struct MergeByTime<A: Iterator, B: Iterator, F> {
    base: Peekable<A>,
    added: Peekable<B>,
    at: F,
}

/// Mixes `added` into `base` by time; `base` goes first at equal times.
///
/// Each keeps its own order, late items included: an item that is late in `base` is as late in the result. If both
/// rise, so does the result.
pub fn merge_by_time<A, B, F>(base: A, added: B, at: F) -> MergeByTime<A::IntoIter, B::IntoIter, F>
where
    A: IntoIterator,
    B: IntoIterator<Item = A::Item>,
    F: Fn(&A::Item) -> Timestamp,
{
    MergeByTime { base: base.into_iter().peekable(), added: added.into_iter().peekable(), at }
}

impl<A, B, F> Iterator for MergeByTime<A, B, F>
where
    A: Iterator,
    B: Iterator<Item = A::Item>,
    F: Fn(&A::Item) -> Timestamp,
{
    type Item = A::Item;

    fn next(&mut self) -> Option<A::Item> {
        let Some(added) = self.added.peek() else {
            return self.base.next();
        };
        match self.base.peek() {
            Some(base) if (self.at)(base) <= (self.at)(added) => self.base.next(),
            _ => self.added.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(base: &str, added: &str, merged: &str) {
        let items = |text: &str| -> Vec<char> { text.chars().collect() };
        let at = |item: &char| i64::from(item.to_ascii_lowercase() as u32);
        let result: String = merge_by_time(items(base), items(added), at).collect();
        assert_eq!(result, merged);
    }

    #[test]
    fn letters_are_times_and_capitals_are_added() {
        check("", "", "");
        check("abc", "", "abc");
        check("", "ABC", "ABC");
        check("ace", "BDF", "aBcDeF");
        check("abc", "ABC", "aAbBcC");
        check("adbe", "CDE", "aCdbDeE");
    }
}
