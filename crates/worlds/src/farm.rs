//! Attacks on the score, for mixing into any event log. Their members' names tell what they are, so that one sees
//! where they end up.

mod parse;

use std::ops::Range;

use vocabulary::{Event, Kind, Timestamp};

use crate::Act;
use crate::chance::{Chance, Purpose};

pub use parse::FarmError;

/// The most acts that one farm may have: they are held in memory, 24 bytes each.
pub const ACTS_MAX: u64 = 10_000_000;

/// An attack's parameters. `"clique:members=20,acts=3"` parses as one; what is left out is as in [`Farm::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farm {
    /// One account retweets one star.
    SuperFan {
        /// How often.
        acts: u32,
    },
    /// Two accounts retweet each other.
    PairRing {
        /// How often each does.
        acts: u32,
    },
    /// Accounts all of which retweet all others, each of whom returns it at once.
    Clique {
        /// How many accounts, at least 2.
        members: u32,
        /// How often each retweets each.
        acts: u32,
    },
    /// A clique whose members also retweet a boss, who does nothing.
    CliqueWithBoss {
        /// How many accounts, at least 2, the boss not counted.
        members: u32,
        /// How often each retweets each.
        acts: u32,
        /// How often each retweets the boss.
        boss_acts: u32,
    },
    /// Fresh accounts that nobody endorses, each of which retweets one star once.
    SybilStar {
        /// How many accounts, the star not counted.
        members: u32,
    },
    /// Silent accounts that follow one star and do nothing else.
    FollowerFarm {
        /// How many accounts, the star not counted.
        members: u32,
    },
}

/// A farm's members and what they do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attack {
    /// The members' names by number; the first one gains the most, or as much as any.
    pub names: Vec<String>,
    /// What the members do to each other, in order of time.
    pub acts: Vec<Act>,
}

impl Farm {
    /// One of each kind, in the sizes that are tried by default.
    pub const ALL: [Farm; 6] = [
        Farm::SuperFan { acts: 1000 },
        Farm::PairRing { acts: 100 },
        Farm::Clique { members: 50, acts: 1 },
        Farm::CliqueWithBoss { members: 50, acts: 1, boss_acts: 20 },
        Farm::SybilStar { members: 1000 },
        Farm::FollowerFarm { members: 1000 },
    ];

    /// What this kind of farm is called, as in `"follower-farm"`.
    pub fn kind(&self) -> &'static str {
        match self {
            Farm::SuperFan { .. } => "super-fan",
            Farm::PairRing { .. } => "pair-ring",
            Farm::Clique { .. } => "clique",
            Farm::CliqueWithBoss { .. } => "clique-with-boss",
            Farm::SybilStar { .. } => "sybil-star",
            Farm::FollowerFarm { .. } => "follower-farm",
        }
    }

    /// The attack, spread evenly over a time and in random order; who is retweeted by one of their own returns it next.
    ///
    /// Its members are called `farm:<kind without hyphens>:<number>:<role>`: `farm:superfan:0:star`. Farms of one log
    /// need different numbers.
    ///
    /// # Errors
    /// If the farm is too small to be one, has more than [`ACTS_MAX`] acts, or the time is empty.
    pub fn attack(&self, number: u32, during: Range<Timestamp>, seed: u64) -> Result<Attack, FarmError> {
        self.check()?;
        if during.is_empty() {
            return Err(FarmError::NoTime);
        }
        let mut chance = Chance::new(seed, Purpose::Farm(number));
        let mut turns = self.turns();
        chance.shuffle(&mut turns);
        Ok(Attack { names: self.names(number), acts: spread(&turns.concat(), during, &mut chance) })
    }

    /// How many acts the attack has.
    pub fn acts(&self) -> u64 {
        let clique = |members: u32, acts: u32| {
            let pairs = u64::from(members) * u64::from(members.saturating_sub(1));
            pairs.saturating_mul(u64::from(acts))
        };
        match *self {
            Farm::SuperFan { acts } => u64::from(acts),
            Farm::PairRing { acts } => 2 * u64::from(acts),
            Farm::Clique { members, acts } => clique(members, acts),
            Farm::CliqueWithBoss { members, acts, boss_acts } => {
                clique(members, acts).saturating_add(u64::from(members) * u64::from(boss_acts))
            }
            Farm::SybilStar { members } | Farm::FollowerFarm { members } => u64::from(members),
        }
    }

    fn names(&self, number: u32) -> Vec<String> {
        let farm = format!("farm:{}:{number}", self.kind().replace('-', ""));
        let (first, others, count) = match *self {
            Farm::SuperFan { .. } => return vec![format!("{farm}:star"), format!("{farm}:fan")],
            Farm::PairRing { .. } => return vec![format!("{farm}:left"), format!("{farm}:right")],
            Farm::Clique { members, .. } => (None, "member", members),
            Farm::CliqueWithBoss { members, .. } => (Some("boss"), "member", members),
            Farm::SybilStar { members } => (Some("star"), "sybil", members),
            Farm::FollowerFarm { members } => (Some("star"), "follower", members),
        };
        let first = first.map(|role| format!("{farm}:{role}"));
        let others = (0..count).map(|member| format!("{farm}:{others}{member}"));
        first.into_iter().chain(others).collect()
    }

    /// Who does what to whom, by the places of their names.
    fn turns(&self) -> Vec<Turn> {
        match *self {
            Farm::SuperFan { acts } => vec![vec![(1, 0, Kind::Retweet)]; acts as usize],
            Farm::PairRing { acts } => clique(0..2, acts),
            Farm::Clique { members, acts } => clique(0..members, acts),
            Farm::CliqueWithBoss { members, acts, boss_acts } => {
                let mut turns = clique(1..members + 1, acts);
                turns.extend(all_on_first(members, Kind::Retweet, boss_acts));
                turns
            }
            Farm::SybilStar { members } => all_on_first(members, Kind::Retweet, 1).collect(),
            Farm::FollowerFarm { members } => all_on_first(members, Kind::Follow, 1).collect(),
        }
    }
}

/// Actor, target and kind.
type Deed = (u32, u32, Kind);

/// Deeds that follow each other.
type Turn = Vec<Deed>;

fn clique(members: Range<u32>, acts: u32) -> Vec<Turn> {
    let first = members.start;
    let pairs = members.flat_map(|one| (first..one).map(move |other| (one, other)));
    let turn = |(one, other)| vec![(one, other, Kind::Retweet), (other, one, Kind::Retweet)];
    pairs.flat_map(|pair| (0..acts).map(move |_| turn(pair))).collect()
}

fn all_on_first(members: u32, kind: Kind, acts: u32) -> impl Iterator<Item = Turn> {
    (1..=members).flat_map(move |actor| (0..acts).map(move |_| vec![(actor, 0, kind)]))
}

/// One deed in each of as many equal parts of the time.
fn spread(deeds: &[Deed], during: Range<Timestamp>, chance: &mut Chance) -> Vec<Act> {
    let part_ms = during.end.abs_diff(during.start) as f64 / deeds.len() as f64;
    let act = |(place, &(actor, target, kind)): (usize, &Deed)| {
        let offset_ms = (place as f64 + chance.fraction()) * part_ms;
        let at = during.start.saturating_add(offset_ms as i64).min(during.end - 1);
        Act { actor, target, kind, at }
    };
    deeds.iter().enumerate().map(act).collect()
}

impl Attack {
    /// What the members do, by name.
    pub fn events(&self) -> impl Iterator<Item = Event<'_>> {
        self.acts.iter().map(|act| act.named(&self.names))
    }
}
