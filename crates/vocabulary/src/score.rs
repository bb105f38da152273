//! What is published about people, and why a record goes.

use crate::{Received, Timestamp};

/// Calls a macro with the factors of a score, each with its documentation and as the name of a field: so structs, and
/// what copies one to another, list them by this list.
#[macro_export]
macro_rules! each_factor {
    ($then:ident) => {
        $then! {
            /// Votes, at least 0: active fans; Klout's "true reach" (2011).
            reach
            /// A factor, 0.29 to 5: how much each fan acts; 1 for one mention or retweet, 0 without fans.
            amplification
            /// A factor: what the fans themselves count; 0 without fans.
            network
            /// A factor, 0.1 to 1: how far the endorsements come from outside the person's own circle; 1 without fans.
            openness
            /// A factor, 0 to 1: how far fans who have been around have room for the votes of strangers; 1 without fans.
            room
            /// Votes: what the standing audience of followers adds.
            audience
        }
    };
}

macro_rules! score {
    ($($(#[doc = $what:literal])+ $factor:ident)+) => {
        /// What is published about one person. `influence = reach * amplification * network * openness * room + audience`.
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct Score {
            /// 0 to 100.
            pub score: f64,
            /// Votes, at least 0: the model's `x`.
            pub influence: f64,
            $($(#[doc = $what])+ pub $factor: f64,)+
            /// Exact counts per kind.
            pub received: Received,
            /// People who follow this person now.
            pub followers: u64,
            /// People whom this person follows now.
            pub following: u64,
            /// The time the score is for.
            pub as_of: Timestamp,
            /// Votes: the influence that stands for 100.
            pub scale: f64,
            /// Counts the scale's changes, from 0.
            pub scale_version: u64,
            /// The score in the record before this one, if there was one.
            pub previous: Option<f64>,
        }

        const FACTORS: usize = [$(stringify!($factor)),+].len();

        impl Score {
            /// The factors with their names, in the order of all formats.
            pub fn factors(&self) -> [(&'static str, f64); FACTORS] {
                [$((stringify!($factor), self.$factor)),+]
            }
        }
    };
}
each_factor!(score);

/// A part of a score as tables have it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// An estimate.
    Number(f64),
    /// An exact count.
    Count(u64),
    /// A time.
    Time(Timestamp),
}

impl Score {
    /// All parts that a table of scores has, with their names, in the order of its columns.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, Part)> {
        let number = |(name, number)| (name, Part::Number(number));
        let first =
            [("score", self.score), ("influence", self.influence)].into_iter().chain(self.factors()).map(number);
        let counts = self.received.iter().map(|(kind, count)| (kind.plural(), Part::Count(count)));
        let last = [
            ("followers", Part::Count(self.followers)),
            ("following", Part::Count(self.following)),
            ("as_of", Part::Time(self.as_of)),
            ("scale", Part::Number(self.scale)),
        ];
        first.chain(counts).chain(last)
    }
}

/// Why a record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The person has opted out.
    OptedOut,
    /// The person has opted in again: there is no record yet, and "opted out" does not hold any more.
    OptedIn,
    /// Nobody has acted on the person for so long that the model forgets them.
    Silent,
}

impl Removal {
    /// All reasons.
    pub const ALL: [Removal; 3] = [Removal::OptedOut, Removal::OptedIn, Removal::Silent];

    /// A word for it.
    pub fn word(self) -> &'static str {
        match self {
            Removal::OptedOut => "opted-out",
            Removal::OptedIn => "opted-in",
            Removal::Silent => "silent",
        }
    }
}
