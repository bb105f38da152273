//! People who have several accounts: what is published of the accounts, added up, and the scale of people.
//!
//! It owns the formulas and nothing else: who has which accounts is for others to know, and no shard reads it. Somebody with
//! one account is that account, bit by bit. The parts of a sum multiply to its influence as those of an account do.

use vocabulary::{Received, Score, Timestamp};

pub use crate::scale::Scale;
use crate::scale::{fall, rise};

/// What is multiplied, step by step: `r`, `r m`, `r m n`, `r m n o`, `r m n o q`; votes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Products {
    /// The sum of reach,
    pub reach: f64,
    /// with each fan's acts,
    pub weight: f64,
    /// with what fans count,
    pub given: f64,
    /// without what the own circle gives,
    pub open: f64,
    /// and with room for strangers.
    pub votes: f64,
}

impl Products {
    /// Those of factors, in the order of all formats.
    pub fn of([reach, amplification, network, openness, room]: [f64; 5]) -> Products {
        let weight = reach * amplification;
        let given = weight * network;
        let open = given * openness;
        Products { reach, weight, given, open, votes: open * room }
    }

    /// Adds those of another account.
    pub fn add(&mut self, other: &Products) {
        self.reach += other.reach;
        self.weight += other.weight;
        self.given += other.given;
        self.open += other.open;
        self.votes += other.votes;
    }

    /// The factors whose products these are. Without fans they are as for an account without fans.
    pub fn factors(&self) -> [f64; 5] {
        let share = |part: f64, of: f64, none: f64| if of > 0.0 { part / of } else { none };
        [
            self.reach,
            share(self.weight, self.reach, 0.0),
            share(self.given, self.weight, 0.0),
            share(self.open, self.given, 1.0),
            share(self.votes, self.open, 1.0),
        ]
    }
}

/// The score of somebody who has these accounts, against a scale of so many votes; `None` without accounts. The order of
/// the accounts decides the last bits, so give them in one order always.
pub fn sum<'a>(accounts: impl IntoIterator<Item = &'a Score>, scale: f64) -> Option<Score> {
    let mut accounts = accounts.into_iter();
    let first = *accounts.next()?;
    let Some(second) = accounts.next() else {
        return Some(if scale == first.scale { first } else { against(first, scale) });
    };
    let mut products = Products::of(factors(&first));
    let mut all = first;
    for account in [second].into_iter().chain(accounts) {
        products.add(&Products::of(factors(account)));
        all.audience += account.audience;
        all.influence += account.influence;
        all.received = together(&all.received, &account.received);
        all.followers = all.followers.saturating_add(account.followers);
        all.following = all.following.saturating_add(account.following);
        all.as_of = all.as_of.max(account.as_of);
        all.scale_version = all.scale_version.max(account.scale_version);
    }
    [all.reach, all.amplification, all.network, all.openness, all.room] = products.factors();
    Some(Score { previous: None, ..against(all, scale) })
}

fn factors(score: &Score) -> [f64; 5] {
    [score.reach, score.amplification, score.network, score.openness, score.room]
}

fn against(score: Score, scale: f64) -> Score {
    let ruler = Scale { votes: scale, version: score.scale_version };
    Score { score: ruler.score(score.influence), scale, ..score }
}

fn together(one: &Received, other: &Received) -> Received {
    let mut counts = one.iter().zip(other.iter()).map(|((_, one), (_, other))| one.saturating_add(other));
    Received::new(vocabulary::Kind::COUNTED.map(|_| counts.next().unwrap_or_default()))
}

/// A smaller relative move of the scale is not told: it would move everybody.
const MOVE_MIN: f64 = 0.005;
/// The longest time between two looks that counts.
const LOOK_MS_MAX: Timestamp = 24 * 3_600_000;

/// What 100 stands for among people: what it stands for among accounts, or more where the accounts of the first person
/// together have more. It goes up so slowly that whoever has 100 loses a point a day, and down by half of the way in 14 days,
/// as the scale of accounts does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PeopleScale {
    /// How many times the scale of accounts it is on its way to, at least 1,
    times: f64,
    /// and is told to be.
    told: f64,
    /// Votes, at the last look.
    votes: f64,
    looked_at: Option<Timestamp>,
}

impl Default for PeopleScale {
    fn default() -> PeopleScale {
        PeopleScale { times: 1.0, told: 1.0, votes: 0.0, looked_at: None }
    }
}

impl PeopleScale {
    /// Where it would be if it had gone up since somebody's accounts were linked, so long ago: where those who have not looked
    /// on begin. With more than one such person, the highest of what comes of each.
    pub fn since(accounts: f64, influence: f64, linked_ms: Timestamp) -> f64 {
        influence.min(rise(accounts, linked_ms.max(0), LOOK_MS_MAX)).max(accounts)
    }

    /// Goes at once to so many votes.
    pub fn begin(&mut self, accounts: f64, votes: f64, now: Timestamp) {
        self.times = (votes / accounts).max(1.0);
        (self.told, self.votes, self.looked_at) = (self.times, self.times * accounts, Some(now));
    }

    /// Looks at the scale of accounts, and at the largest influence of a person with several of them. Returns its votes.
    pub fn look(&mut self, accounts: f64, largest: f64, now: Timestamp) -> f64 {
        let elapsed_ms = now.saturating_sub(self.looked_at.unwrap_or(now)).clamp(0, LOOK_MS_MAX);
        self.looked_at = Some(self.looked_at.map_or(now, |at| at.max(now)));
        let goal = (largest / accounts).max(1.0);
        self.times = if goal > self.times {
            // What the scale of accounts rose by meanwhile is part of what it may rise by.
            let before = self.votes.max(accounts.min(self.times * accounts));
            let votes = rise(before, elapsed_ms, LOOK_MS_MAX);
            goal.min((votes / accounts).max(self.times))
        } else {
            fall(self.times, goal, elapsed_ms)
        };
        if self.times == 1.0 || (self.times / self.told - 1.0).abs() >= MOVE_MIN {
            self.told = self.times;
        }
        self.votes = self.times * accounts;
        self.told * accounts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: Timestamp = 3_600_000;

    #[test]
    fn without_linked_people_the_scale_is_that_of_accounts_bit_by_bit() {
        let mut scale = PeopleScale::default();
        for hour in 0..1_000 {
            let accounts = 137.31 + 0.7 * hour as f64;
            assert_eq!(scale.look(accounts, 0.0, hour * HOUR_MS).to_bits(), accounts.to_bits());
            assert_eq!(scale.look(accounts, accounts / 2.0, hour * HOUR_MS).to_bits(), accounts.to_bits());
        }
    }

    #[test]
    fn whoever_has_100_loses_a_point_a_day_at_most_and_gets_it_back_slowly() {
        let mut scale = PeopleScale::default();
        let mut before = scale.look(1_000.0, 0.0, 0);
        let points = |votes: f64, of: f64| Scale { votes: of, version: 1 }.height(votes);
        for day in 0..30 {
            let mut after = before;
            for hour in 1..=24 {
                after = scale.look(1_000.0, 9e9, (day * 24 + hour) * HOUR_MS);
            }
            assert!((98.9..99.3).contains(&points(before, after)), "day {day}: {}", points(before, after));
            before = after;
        }
        let top = before;
        for hour in 1..=14 * 24 {
            before = scale.look(1_000.0, 0.0, (30 * 24 + hour) * HOUR_MS);
        }
        assert!((libm::log(before / 1_000.0) / libm::log(top / 1_000.0) - 0.5).abs() < 0.01, "{top} {before}");
    }

    #[test]
    fn a_server_that_begins_late_begins_where_the_others_are() {
        let mut scale = PeopleScale::default();
        scale.look(1_000.0, 0.0, 0);
        let mut told = 0.0;
        for hour in 1..=72 {
            told = scale.look(1_000.0, 1e6, hour * HOUR_MS);
        }
        let late = PeopleScale::since(1_000.0, 1e6, 72 * HOUR_MS);
        assert!((late / told - 1.0).abs() < 2.0 * MOVE_MIN, "{late} {told}");
        let mut begun = PeopleScale::default();
        begun.begin(1_000.0, late, 72 * HOUR_MS);
        assert_eq!(begun.look(1_000.0, 1e6, 72 * HOUR_MS), late);
        assert_eq!(PeopleScale::since(1_000.0, 300.0, HOUR_MS), 1_000.0);
    }
}
