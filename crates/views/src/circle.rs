//! Whom somebody acts on and who acts on them: the parts of a circle, from the days of a span.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, OptionalExtension};
use vocabulary::Kind;

use crate::bases::Span;
use crate::calendar::Day;
use crate::circles::{Accounts, Clock, KEPT_DAYS, SharedCircles};
use crate::database::{ViewsError, open_reading, place};
use crate::given::{Given, Pair};

/// People of a circle, on either side.
pub const CIRCLE_PEOPLE: usize = 25;
/// New fans who are told by name.
const NEW_PEOPLE: usize = 5;

/// One person's part in a circle.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Who it is.
    pub user: String,
    /// Votes that the acts of the span give now: their weight, aged, at the newest rate of the actor.
    pub votes: f64,
    /// Of all votes on this side.
    pub share: f64,
}

/// Who influences whom in a span of days. Only people who can be named are in it; the totals are of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Circle {
    /// Those who acted on the person, and gave most: whom the person influences.
    pub fans: Vec<Part>,
    /// Those on whom the person acted, and to whom the person gave most: who influences the person.
    pub idols: Vec<Part>,
    /// Votes that all fans give.
    pub fans_total: f64,
    /// Votes that the person gives to all.
    pub idols_total: f64,
}

/// What acts between the ends of two days gave somebody, as of the later one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gains {
    /// Fans whose first act of the days that are kept lies in between.
    pub new_fans: u64,
    /// Votes that they gave.
    pub new_votes: f64,
    /// Those of them who gave most and can be named, with their votes.
    pub largest_new: Vec<(String, f64)>,
    /// Fans of before who acted again.
    pub known_fans: u64,
    /// Votes that their acts gave.
    pub known_votes: f64,
    /// The same of them.
    pub largest_known: Vec<(String, f64)>,
    /// What all of it is by kind, in the order of [`Kind::COUNTED`].
    pub kinds: [f64; Kind::COUNTED_COUNT],
    /// What is left at the end of the later day of a vote that was there at the end of the earlier one.
    pub left: f64,
}

/// How far circles are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CirclesProgress {
    /// Accounts that acted or were acted on in the days that are kept.
    pub accounts: u64,
    /// The newest day of an act; `None` before the first.
    pub newest_day: Option<i32>,
}

impl SharedCircles {
    pub(crate) fn progress(&self) -> CirclesProgress {
        let clock = *self.clock.read();
        let newest_day = (clock.now > i64::MIN).then(|| clock.today());
        CirclesProgress { accounts: self.accounts.read().numbers.len() as u64, newest_day }
    }

    pub(crate) fn circle(&self, user: &str, span: Span) -> Result<Circle, ViewsError> {
        let Some(number) = self.number(user) else { return Ok(Circle::default()) };
        let clock = *self.clock.read();
        let days = span.limit(clock.today()).saturating_add(1)..=clock.today();
        let (mut fans, mut idols) = (Sums::default(), Sums::default());
        self.days(number, days, |day, given| {
            fans.take(day, &given.fans.pairs, given.fans.rest, clock.left(day));
            idols.take(day, &given.idols.pairs, given.idols.rest, clock.left(day));
        })?;
        let accounts = self.accounts.read();
        let own = accounts.get(number).map_or(0.0, |account| account.rate);
        let by_fans = fans.votes(clock.forgotten(clock.now), |fan| accounts.get(fan).map(|account| account.rate));
        let by_idols = idols.votes(clock.forgotten(clock.now), |_| Some(own));
        let (fans, fans_total) = self.parts(&by_fans, fans.rest, &accounts);
        let (idols, idols_total) = self.parts(&by_idols, idols.rest, &accounts);
        Ok(Circle { fans, idols, fans_total, idols_total })
    }

    /// `None` where a day is not kept any more, or nothing is known of the person.
    pub(crate) fn gains(&self, user: &str, from: Day, to: Day) -> Result<Option<Gains>, ViewsError> {
        let clock = *self.clock.read();
        if clock.now == i64::MIN || from < clock.today() - KEPT_DAYS || to < from {
            return Ok(None);
        }
        let Some(number) = self.number(user) else { return Ok(None) };
        let end = clock.now.min(end_of(to));
        let (mut sums, mut known, mut kinds) = (Sums::default(), HashSet::new(), [0.0; Kind::COUNTED_COUNT]);
        self.days(number, from - KEPT_DAYS..=to, |day, given| {
            if day <= from {
                return known.extend(given.fans.pairs.iter().map(|pair| pair.other));
            }
            let left = clock.left_at(day, end);
            sums.take(day, &given.fans.pairs, given.fans.rest, left);
            kinds.iter_mut().zip(given.kinds).for_each(|(sum, votes)| *sum += f64::from(votes) * left);
        })?;
        let accounts = self.accounts.read();
        let by_fans = sums.votes(clock.forgotten(end), |fan| accounts.get(fan).map(|account| account.rate));
        let mut gains = Gains { left: clock.left_between(end_of(from), end), ..Gains::default() };
        for (fan, votes) in &by_fans {
            let is_known = known.contains(fan);
            let (count, sum, largest) = match is_known {
                false => (&mut gains.new_fans, &mut gains.new_votes, &mut gains.largest_new),
                true => (&mut gains.known_fans, &mut gains.known_votes, &mut gains.largest_known),
            };
            (*count, *sum) = (*count + 1, *sum + votes);
            if largest.len() < NEW_PEOPLE {
                largest.extend(self.name(*fan, &accounts).map(|name| (name, *votes)));
            }
        }
        gains.known_votes += sums.rest;
        let (all, given) = (gains.new_votes + gains.known_votes, kinds.iter().sum::<f64>());
        gains.kinds = if given > 0.0 { kinds.map(|votes| votes / given * all) } else { kinds };
        Ok(Some(gains))
    }

    fn number(&self, user: &str) -> Option<u32> {
        let key = self.names.key(user)?;
        self.accounts.read().numbers.get(&key).copied()
    }

    fn name(&self, number: u32, accounts: &Accounts) -> Option<String> {
        self.names.name(accounts.get(number)?.hash)
    }

    /// Those who gave most and can be named, and what all gave.
    fn parts(&self, votes: &[(u32, f64)], rest: f64, accounts: &Accounts) -> (Vec<Part>, f64) {
        let total = votes.iter().map(|(_, votes)| votes).sum::<f64>() + rest;
        let part = |&(number, votes): &(u32, f64)| {
            let share = if total > 0.0 { votes / total } else { 0.0 };
            Some(Part { user: self.name(number, accounts)?, votes, share })
        };
        (votes.iter().filter_map(part).take(CIRCLE_PEOPLE).collect(), total)
    }

    /// Shows somebody's days, all of one moment.
    fn days(
        &self,
        number: u32,
        days: std::ops::RangeInclusive<Day>,
        mut show: impl FnMut(Day, &Given),
    ) -> Result<(), ViewsError> {
        let connection = self.pool.lock().pop();
        let connection = connection.map_or_else(|| open_reading(&self.file), Ok)?;
        let read = |connection: &Connection| -> Result<(), ViewsError> {
            let moment = connection.unchecked_transaction()?;
            let mut statement = moment.prepare_cached("SELECT pairs FROM given WHERE place = ?")?;
            for day in days {
                let bytes: Option<Vec<u8>> = statement.query_row([place(day, number)], |row| row.get(0)).optional()?;
                if let Some(bytes) = bytes {
                    show(day, &Given::unpack(&bytes)?);
                }
            }
            Ok(())
        };
        let result = read(&connection);
        self.pool.lock().push(connection);
        result
    }
}

impl Clock {
    /// The first day of which acts are inside the window at this time.
    fn forgotten(&self, at: i64) -> Day {
        crate::circles::day_of(at.saturating_sub(self.window_ms))
    }

    fn left_between(&self, from: i64, to: i64) -> f64 {
        (-((to - from) as f64) / self.half_life_ms.max(1) as f64).exp2()
    }
}

fn end_of(day: Day) -> i64 {
    (i64::from(day) + 1) * 86_400_000
}

/// What is left of several days.
#[derive(Default)]
struct Sums {
    /// Of each of the others the newest day, weight and votes.
    pairs: HashMap<u32, (Day, f64, f64)>,
    /// Votes of those who are not kept.
    rest: f64,
}

impl Sums {
    /// Takes a day; days come in their order.
    fn take(&mut self, day: Day, pairs: &[Pair], rest: (f32, f32), left: f64) {
        for pair in pairs {
            let sum = self.pairs.entry(pair.other).or_default();
            *sum = (day, sum.1 + f64::from(pair.weight) * left, sum.2 + f64::from(pair.votes) * left);
        }
        self.rest += f64::from(rest.1) * left;
    }

    /// What each gives at the newest rate, the most first; where that is not known any more, what they gave.
    /// A pair whose last act is older than the window is forgotten.
    fn votes(&self, forgotten: Day, rate: impl Fn(u32) -> Option<f32>) -> Vec<(u32, f64)> {
        let votes = |(&other, &(_, weight, votes)): (&u32, &(Day, f64, f64))| {
            (other, rate(other).map_or(votes, |rate| weight * f64::from(rate)))
        };
        let is_there = |(_, (day, ..)): &(&u32, &(Day, f64, f64))| *day >= forgotten;
        let mut votes: Vec<(u32, f64)> = self.pairs.iter().filter(is_there).map(votes).collect();
        votes.sort_unstable_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
        votes
    }
}
