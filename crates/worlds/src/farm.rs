//! Attacks on the score, for mixing into any event log. Their members' names tell what they are, so that one sees
//! where they end up.

mod campaign;
mod parse;

use std::ops::Range;

use vocabulary::{Event, Kind, Timestamp};

use crate::Act;
use crate::chance::Chance;

pub use campaign::Campaign;
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
    /// Accounts in a circle, each of which retweets the next one.
    Ring {
        /// How many accounts, at least 3.
        members: u32,
        /// How often each retweets the next.
        acts: u32,
    },
    /// Accounts each of which retweets the next half of the circle: of two members one retweets the other, and nobody
    /// returns anything.
    Tournament {
        /// How many accounts, at least 3.
        members: u32,
        /// How often each retweets each of its half.
        acts: u32,
    },
    /// A clique in random order: what is returned comes back some time.
    RandomClique {
        /// How many accounts, at least 2.
        members: u32,
        /// How often each retweets each.
        acts: u32,
    },
    /// A clique in which all retweet the next one of the circle, then all the one after that, and so on: what is returned
    /// comes back as late as can be.
    LateClique {
        /// How many accounts, at least 2.
        members: u32,
        /// How often each retweets each.
        acts: u32,
    },
    /// Layers of accounts: all of a layer retweet all of the next one, and those of the last one retweet a star.
    Layers {
        /// How many layers, the star not counted.
        layers: u32,
        /// How many accounts a layer has.
        members: u32,
        /// How often each retweets each of the next layer.
        acts: u32,
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
    pub const ALL: [Farm; 11] = [
        Farm::SuperFan { acts: 1000 },
        Farm::PairRing { acts: 100 },
        Farm::Clique { members: 50, acts: 1 },
        Farm::CliqueWithBoss { members: 50, acts: 1, boss_acts: 20 },
        Farm::SybilStar { members: 1000 },
        Farm::FollowerFarm { members: 1000 },
        Farm::Ring { members: 50, acts: 100 },
        Farm::Tournament { members: 50, acts: 1 },
        Farm::RandomClique { members: 50, acts: 1 },
        Farm::LateClique { members: 50, acts: 1 },
        Farm::Layers { layers: 4, members: 250, acts: 1 },
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
            Farm::Ring { .. } => "ring",
            Farm::Tournament { .. } => "tournament",
            Farm::RandomClique { .. } => "random-clique",
            Farm::LateClique { .. } => "late-clique",
            Farm::Layers { .. } => "layers",
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
        Campaign::from(*self).attack(number, during, seed)
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
            Farm::Clique { members, acts }
            | Farm::RandomClique { members, acts }
            | Farm::LateClique { members, acts } => clique(members, acts),
            Farm::CliqueWithBoss { members, acts, boss_acts } => {
                clique(members, acts).saturating_add(u64::from(members) * u64::from(boss_acts))
            }
            Farm::SybilStar { members } | Farm::FollowerFarm { members } => u64::from(members),
            Farm::Ring { members, acts } => u64::from(members) * u64::from(acts),
            Farm::Tournament { members, acts } => {
                (u64::from(members) * u64::from(half(members))).saturating_mul(u64::from(acts))
            }
            Farm::Layers { layers, members, acts } => {
                let between = u64::from(members).pow(2).saturating_mul(u64::from(layers.saturating_sub(1)));
                between.saturating_mul(u64::from(acts)).saturating_add(u64::from(members))
            }
        }
    }

    /// How many of its members act: those who are named last.
    fn actors(&self) -> u32 {
        match *self {
            Farm::SuperFan { .. } => 1,
            Farm::PairRing { .. } => 2,
            Farm::Clique { members, .. }
            | Farm::CliqueWithBoss { members, .. }
            | Farm::SybilStar { members }
            | Farm::FollowerFarm { members }
            | Farm::Ring { members, .. }
            | Farm::Tournament { members, .. }
            | Farm::RandomClique { members, .. }
            | Farm::LateClique { members, .. } => members,
            Farm::Layers { layers, members, .. } => layers.saturating_mul(members),
        }
    }

    fn names(&self, number: u32) -> Vec<String> {
        let farm = format!("farm:{}:{number}", self.kind().replace('-', ""));
        let (first, others, count) = match *self {
            Farm::SuperFan { .. } => return vec![format!("{farm}:star"), format!("{farm}:fan")],
            Farm::PairRing { .. } => return vec![format!("{farm}:left"), format!("{farm}:right")],
            Farm::Clique { members, .. }
            | Farm::Ring { members, .. }
            | Farm::Tournament { members, .. }
            | Farm::RandomClique { members, .. }
            | Farm::LateClique { members, .. } => (None, "member", members),
            Farm::CliqueWithBoss { members, .. } => (Some("boss"), "member", members),
            Farm::SybilStar { members } => (Some("star"), "sybil", members),
            Farm::FollowerFarm { members } => (Some("star"), "follower", members),
            Farm::Layers { layers, members, .. } => return layer_names(&farm, layers, members),
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
            Farm::Ring { members, acts } => apart(rounds(members, 1, acts)),
            Farm::Tournament { members, acts } => apart(rounds(members, half(members), acts)),
            Farm::RandomClique { members, acts } => apart(rounds(members, members - 1, acts)),
            // One turn, whose order stays.
            Farm::LateClique { members, acts } => vec![rounds(members, members - 1, acts).collect()],
            Farm::Layers { layers, members, acts } => layered(layers, members, acts),
        }
    }
}

/// How many of the others each member of a tournament retweets.
fn half(members: u32) -> u32 {
    members.saturating_sub(1) / 2
}

/// The star, then the layers, those who retweet the star first.
fn layer_names(farm: &str, layers: u32, members: u32) -> Vec<String> {
    let of_layer = |layer: u32| (0..members).map(move |member| format!("{farm}:layer{layer}-{member}"));
    std::iter::once(format!("{farm}:star")).chain((1..=layers).flat_map(of_layer)).collect()
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

/// Everybody acts on the next one of the circle, then everybody on the one after that, for so many steps; all of it again as
/// often as each pair acts.
fn rounds(members: u32, steps: u32, acts: u32) -> impl Iterator<Item = Deed> {
    let deed = move |(step, member)| (member, (member + step) % members, Kind::Retweet);
    let round = move || (1..=steps).flat_map(move |step| (0..members).map(move |member| (step, member))).map(deed);
    (0..acts).flat_map(move |_| round())
}

fn apart(deeds: impl Iterator<Item = Deed>) -> Vec<Turn> {
    deeds.map(|deed| vec![deed]).collect()
}

/// The first layer retweets the star, each other one the layer before it.
fn layered(layers: u32, members: u32, acts: u32) -> Vec<Turn> {
    let member = move |layer: u32, member: u32| 1 + layer * members + member;
    let mut turns: Vec<Turn> = all_on_first(members, Kind::Retweet, 1).collect();
    for layer in 1..layers {
        let pairs = (0..members).flat_map(|actor| (0..members).map(move |target| (actor, target)));
        let deed = |(actor, target)| (member(layer, actor), member(layer - 1, target), Kind::Retweet);
        turns.extend(pairs.flat_map(|pair| (0..acts).map(move |_| vec![deed(pair)])));
    }
    turns
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
