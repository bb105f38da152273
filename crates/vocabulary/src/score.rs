//! What is published about people, and why a record goes.

use crate::Timestamp;

/// Exact counts of what a person received from others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Accepted mentions by others.
    pub mentions: u64,
    /// Accepted retweets by others.
    pub retweets: u64,
    /// Accepted replies by others.
    pub replies: u64,
}

/// What is published about one person. `influence = reach * amplification * network * openness + audience`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// 0 to 100.
    pub score: f64,
    /// Votes, at least 0: the model's `x`.
    pub influence: f64,
    /// Votes: active fans; Klout's "true reach" (2011).
    pub reach: f64,
    /// 0.56 to 5: how much each of them acts; 1 for one mention or retweet. 0 without fans.
    pub amplification: f64,
    /// What the fans themselves count; 0 without fans.
    pub network: f64,
    /// 0.1 to 1: how far the endorsements come from outside the person's own circle; 1 without fans.
    pub openness: f64,
    /// Votes: what the standing audience of followers adds.
    pub audience: f64,
    /// Exact counts per kind.
    pub received: Received,
    /// People who follow this person now.
    pub followers: u64,
    /// People whom this person follows now.
    pub following: u64,
    /// 0 to 100: the share of rated people whose score is lower.
    pub percentile: f64,
    /// The time the score is for.
    pub as_of: Timestamp,
    /// Votes: the influence that stands for 100.
    pub scale: f64,
    /// Counts the scale's changes, from 0.
    pub scale_version: u64,
    /// The score in the record before this one, if there was one.
    pub previous: Option<f64>,
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
