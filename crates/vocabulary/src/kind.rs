//! Kinds of events: one table, which every layer walks. Another kind is another row.

use std::ops::{Index, IndexMut};

/// What an act of a kind means.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Meaning {
    /// It adds this weight to the actor's endorsement of the target, unless another weight is configured, and is counted.
    Endorses {
        /// Votes: 1 is a mention.
        weight: f64,
        /// Where the target's count is kept.
        counted: Counted,
    },
    /// The actor follows the target from then on.
    Follows,
    /// The actor does not follow the target any more.
    Unfollows,
    /// What the target does to the actor gives nothing from then on.
    Blocks,
    /// It does again.
    Unblocks,
}

/// Where the engine keeps how many acts of a kind a person received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    /// Beside the sums of everybody who was acted upon.
    WithSums,
    /// Apart, for those alone who received one: others take no memory for it.
    Apart,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
struct Row {
    word: &'static str,
    plural: &'static str,
    code: &'static str,
    number: i32,
    meaning: Meaning,
    listed: u8,
}

macro_rules! kinds {
    ($($(#[doc = $what:literal])+ $kind:ident: $word:literal, $plural:literal, $code:literal, $number:literal,
        $meaning:expr, listed $listed:literal;)+) => {
        /// What an actor did.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $($(#[doc = $what])+ $kind,)+
        }

        const KINDS: &[Kind] = &[$(Kind::$kind),+];
        const ROWS: &[Row] = &[$(Row {
            word: $word, plural: $plural, code: $code, number: $number, meaning: $meaning, listed: $listed,
        }),+];
    };
}

const fn endorses(weight: f64, counted: Counted) -> Meaning {
    Meaning::Endorses { weight, counted }
}

// Word, plural and short word; the number in `event.proto`, which is for ever; what it does; and its place in lists for
// people. Rows are added at the end: saved counts of what was taken are in this order. Rows with a count beside the sums
// come before those with a count apart.
kinds! {
    /// The actor named the target.
    Mention: "mention", "mentions", "MT", 1, endorses(1.0, Counted::WithSums), listed 2;
    /// The actor passed on what the target said.
    Retweet: "retweet", "retweets", "RT", 2, endorses(1.0, Counted::WithSums), listed 1;
    /// The actor answered the target.
    Reply: "reply", "replies", "RE", 3, endorses(0.5, Counted::WithSums), listed 3;
    /// The actor subscribed to the target.
    Follow: "follow", "follows", "FO", 4, Meaning::Follows, listed 8;
    /// The actor ended the subscription.
    Unfollow: "unfollow", "unfollows", "UN", 5, Meaning::Unfollows, listed 9;
    /// The actor approved of what the target said, by one click.
    Like: "like", "likes", "LI", 6, endorses(0.25, Counted::Apart), listed 5;
    /// The actor passed on what the target said, with words of their own.
    Quote: "quote", "quotes", "QT", 7, endorses(1.0, Counted::Apart), listed 4;
    /// The actor wants nothing of the target: what the target does to the actor gives nothing until this ends.
    Block: "block", "blocks", "BL", 8, Meaning::Blocks, listed 10;
    /// The actor ended the block.
    Unblock: "unblock", "unblocks", "UB", 9, Meaning::Unblocks, listed 11;
}

impl Kind {
    /// How many kinds there are.
    pub const COUNT: usize = ROWS.len();

    /// All kinds, in the order of the table.
    pub const ALL: [Kind; Kind::COUNT] = {
        let mut all = [KINDS[0]; Kind::COUNT];
        let mut place = 0;
        while place < Kind::COUNT {
            all[place] = KINDS[place];
            place += 1;
        }
        all
    };

    /// All kinds, in the order of lists for people.
    pub const LISTED: [Kind; Kind::COUNT] = {
        let mut all = Kind::ALL;
        let mut sorted = 1;
        while sorted < Kind::COUNT {
            let mut place = sorted;
            while place > 0 && all[place - 1].row().listed > all[place].row().listed {
                (all[place - 1], all[place]) = (all[place], all[place - 1]);
                place -= 1;
            }
            sorted += 1;
        }
        all
    };

    /// How many kinds are counted.
    pub const COUNTED_COUNT: usize = {
        let (mut count, mut place) = (0, 0);
        while place < Kind::COUNT {
            count += KINDS[place].is_counted() as usize;
            place += 1;
        }
        count
    };

    /// How many kinds are counted beside the sums.
    pub const WITH_SUMS_COUNT: usize = {
        let (mut count, mut place) = (0, 0);
        while place < Kind::COUNT {
            count += KINDS[place].is_counted_with_sums() as usize;
            place += 1;
        }
        count
    };

    /// The kinds that are counted, in the order of the table; those with a count beside the sums are the first.
    pub const COUNTED: [Kind; Kind::COUNTED_COUNT] = {
        let mut counted = [KINDS[0]; Kind::COUNTED_COUNT];
        let mut place = 0;
        while place < Kind::COUNT {
            if let Some(counted_place) = KINDS[place].counted_place() {
                assert!(
                    KINDS[place].is_counted_with_sums() == (counted_place < Kind::WITH_SUMS_COUNT),
                    "kinds with a count beside the sums come first"
                );
                counted[counted_place] = KINDS[place];
            }
            place += 1;
        }
        counted
    };

    /// The kinds that are counted, in the order of lists for people.
    pub fn listed_counted() -> impl Iterator<Item = Kind> {
        Kind::LISTED.into_iter().filter(|kind| kind.is_counted())
    }

    const fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// The word for one act, as JSON and CSV write it: `mention`.
    pub const fn word(self) -> &'static str {
        self.row().word
    }

    /// The word for several, and the name of their count: `mentions`.
    pub const fn plural(self) -> &'static str {
        self.row().plural
    }

    /// The short word, as SNAP's lists write it: `MT`.
    pub const fn code(self) -> &'static str {
        self.row().code
    }

    /// The number in the formats.
    pub const fn number(self) -> i32 {
        self.row().number
    }

    /// What it does.
    const fn meaning(self) -> Meaning {
        self.row().meaning
    }

    /// What an act adds to an endorsement, in votes, where nothing else is configured; 0 for one that endorses nobody.
    pub const fn weight(self) -> f64 {
        match self.meaning() {
            Meaning::Endorses { weight, .. } => weight,
            Meaning::Follows | Meaning::Unfollows | Meaning::Blocks | Meaning::Unblocks => 0.0,
        }
    }

    /// The kind with this number in the formats.
    pub fn of_number(number: i32) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The kind of a word or a short word, in upper or lower case.
    pub fn of_word(text: &str) -> Option<Kind> {
        let is_it = |kind: &Kind| text.eq_ignore_ascii_case(kind.code()) || text.eq_ignore_ascii_case(kind.word());
        Kind::ALL.into_iter().find(is_it)
    }

    /// The place of its count among those of [`Kind::COUNTED`]; `None` for a kind that is not counted.
    #[inline]
    pub const fn counted_place(self) -> Option<usize> {
        PLACES[self as usize]
    }

    /// Whether people are told how many they received.
    pub const fn is_counted(self) -> bool {
        matches!(self.meaning(), Meaning::Endorses { .. })
    }

    /// Whether it gives something to the target: a target who blocks the actor takes none of it.
    #[inline]
    pub const fn gives(self) -> bool {
        matches!(self.meaning(), Meaning::Endorses { .. } | Meaning::Follows)
    }

    /// Whether a block begins with it, or ends; `None` if it has nothing to do with blocks.
    pub const fn begins_block(self) -> Option<bool> {
        match self.meaning() {
            Meaning::Blocks => Some(true),
            Meaning::Unblocks => Some(false),
            Meaning::Endorses { .. } | Meaning::Follows | Meaning::Unfollows => None,
        }
    }

    /// Whether its counts are kept for those alone who received one.
    pub const fn is_counted_apart(self) -> bool {
        matches!(self.meaning(), Meaning::Endorses { counted: Counted::Apart, .. })
    }

    const fn is_counted_with_sums(self) -> bool {
        matches!(self.meaning(), Meaning::Endorses { counted: Counted::WithSums, .. })
    }
}

/// The place of each kind's count.
const PLACES: [Option<usize>; Kind::COUNT] = {
    let mut places = [None; Kind::COUNT];
    let (mut counted, mut place) = (0, 0);
    while place < Kind::COUNT {
        if KINDS[place].is_counted() {
            places[place] = Some(counted);
            counted += 1;
        }
        place += 1;
    }
    places
};

/// A value for each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerKind<T>([T; Kind::COUNT]);

impl<T> PerKind<T> {
    /// The value that the function gives for each kind.
    pub fn from_fn(value: impl FnMut(Kind) -> T) -> PerKind<T> {
        PerKind(Kind::ALL.map(value))
    }

    /// All kinds with their values, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, &T)> {
        Kind::ALL.into_iter().zip(&self.0)
    }

    /// The values, in the order of the table.
    pub fn values(&self) -> &[T; Kind::COUNT] {
        &self.0
    }
}

impl PerKind<u64> {
    /// The sum over all kinds.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

impl<T: Default> Default for PerKind<T> {
    fn default() -> PerKind<T> {
        PerKind::from_fn(|_| T::default())
    }
}

impl<T> Index<Kind> for PerKind<T> {
    type Output = T;

    #[inline]
    fn index(&self, kind: Kind) -> &T {
        &self.0[kind as usize]
    }
}

impl<T> IndexMut<Kind> for PerKind<T> {
    #[inline]
    fn index_mut(&mut self, kind: Kind) -> &mut T {
        &mut self.0[kind as usize]
    }
}

/// A count for each kind that is counted; other kinds have none, and are passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Counts<T>([T; Kind::COUNTED_COUNT]);

impl<T> Counts<T> {
    /// The counts in the order of [`Kind::COUNTED`].
    pub const fn new(counts: [T; Kind::COUNTED_COUNT]) -> Counts<T> {
        Counts(counts)
    }

    /// The counts, in the order of [`Kind::COUNTED`].
    #[inline]
    pub fn values(&self) -> &[T; Kind::COUNTED_COUNT] {
        &self.0
    }

    /// The count of a kind that is counted.
    #[inline]
    pub fn get_mut(&mut self, kind: Kind) -> Option<&mut T> {
        self.0.get_mut(kind.counted_place()?)
    }
}

impl<T: Copy + Default> Counts<T> {
    /// The count of a kind; nothing for one that is not counted.
    #[inline]
    pub fn of(&self, kind: Kind) -> T {
        kind.counted_place().map_or(T::default(), |place| self.0[place])
    }

    /// The counted kinds with their counts, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, T)> {
        Kind::COUNTED.into_iter().zip(self.0)
    }
}

impl<T: Copy + Default, const LEN: usize> From<[(Kind, T); LEN]> for Counts<T> {
    fn from(counts: [(Kind, T); LEN]) -> Counts<T> {
        let mut all = Counts::default();
        for (kind, count) in counts {
            all.get_mut(kind).into_iter().for_each(|kept| *kept = count);
        }
        all
    }
}

/// Exact counts of what a person received from others.
pub type Received = Counts<u64>;

impl Received {
    /// Counts one act.
    pub fn count(&mut self, kind: Kind) {
        if let Some(count) = self.get_mut(kind) {
            *count = count.saturating_add(1);
        }
    }

    /// Whether no count is lower than it was.
    pub fn has_all_of(&self, before: &Received) -> bool {
        self.0.iter().zip(before.0).all(|(&now, then)| now >= then)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_codes_and_numbers_name_one_kind_each() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of_number(kind.number()), Some(kind));
            assert_eq!(Kind::of_word(&kind.word().to_uppercase()), Some(kind));
            assert_eq!(Kind::of_word(&kind.code().to_lowercase()), Some(kind));
            assert_eq!(Kind::LISTED.iter().filter(|listed| **listed == kind).count(), 1);
        }
        assert!(Kind::LISTED.is_sorted_by_key(|kind| kind.row().listed));
        assert_eq!((Kind::of_number(0), Kind::of_word("")), (None, None));
    }

    #[test]
    fn each_counted_kind_has_a_place_of_its_own() {
        for (place, kind) in Kind::COUNTED.into_iter().enumerate() {
            assert_eq!(kind.counted_place(), Some(place));
            let mut received = Received::default();
            received.count(kind);
            assert_eq!((received.of(kind), received.values()[place]), (1, 1));
            assert!(received.has_all_of(&Received::default()) && !Received::default().has_all_of(&received));
        }
        let mut received = Received::from([(Kind::Follow, 3)]);
        received.count(Kind::Unfollow);
        assert_eq!((received, received.of(Kind::Follow)), (Received::default(), 0));
    }
}
