//! A town: people with names, a day and a night, circles of friends, and now and then somebody's big day. It never ends.

use std::collections::VecDeque;

use vocabulary::{Event, Kind, Timestamp};

use crate::chance::{Chance, Purpose};
use crate::handles::handles;
use crate::popularity::Popularity;
use crate::story::Stories;
use crate::{Act, Mix};

const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;

const ACTOR_EXPONENT: f64 = 0.7;
const TARGET_EXPONENT: f64 = 0.95;

/// People in a circle of friends, and the share of acts that stay in it.
const CIRCLE: u32 = 24;
const CIRCLE_SHARE: f64 = 0.3;
/// Share of acts that answer the one before.
const ANSWERS: f64 = 0.04;
/// Share of follows.
const FOLLOWS: f64 = 0.06;
/// Follows that last; for each one more the oldest ends.
const FOLLOWS_MAX: usize = 20_000;
/// What is left at night of what people receive by day.
const NIGHT: f64 = 0.15;
/// Targets that are drawn until one of them is awake.
const DRAWS_MAX: u32 = 16;

/// An endless world, for whoever wants to look at it: the same seed and numbers give the same events.
#[derive(Clone, Copy, Debug)]
pub struct Town {
    /// Another seed, another town.
    pub seed: u64,
    /// How many people there are, at least 2.
    pub people: u32,
    /// How much happens.
    pub events_an_hour: u32,
    /// When it begins.
    pub start: Timestamp,
}

/// A town's events in the order of their times. Its memory does not grow.
#[derive(Clone, Debug)]
pub struct TownEvents {
    town: Town,
    names: Vec<String>,
    chance: Chance,
    actors: Popularity,
    targets: Popularity,
    stories: Stories,
    follows: VecDeque<(u32, u32)>,
    last: Option<Act>,
    slot: i64,
}

impl Default for Town {
    /// 5,000 people from 2025-01-01 on.
    fn default() -> Town {
        Town { seed: 1, people: 5_000, events_an_hour: 2_400, start: 1_735_689_600_000 }
    }
}

impl Town {
    /// What happens, from the start on.
    pub fn events(self) -> TownEvents {
        let town = Town { people: self.people.max(2), events_an_hour: self.events_an_hour.max(1), ..self };
        let chance = |purpose| Chance::new(town.seed, purpose);
        let popularity = |exponent, purpose| Popularity::zipf(town.people, exponent, chance(purpose));
        TownEvents {
            town,
            names: handles(town.people, &mut chance(Purpose::Handles)),
            chance: chance(Purpose::Acts),
            actors: popularity(ACTOR_EXPONENT, Purpose::ActorPopularity),
            targets: popularity(TARGET_EXPONENT, Purpose::TargetPopularity),
            stories: Stories::new(town.people, town.start, chance(Purpose::Stories)),
            follows: VecDeque::new(),
            last: None,
            slot: 0,
        }
    }
}

impl TownEvents {
    /// The next event: there always is one.
    pub fn next_event(&mut self) -> Event<'_> {
        let at = self.time();
        let act = self.act(at);
        self.last = Some(act);
        act.named(&self.names)
    }

    /// An event falls anywhere within its own slot.
    fn time(&mut self) -> Timestamp {
        let begins = |slot: i64| slot * HOUR_MS / i64::from(self.town.events_an_hour);
        let (from, to) = (begins(self.slot), begins(self.slot + 1));
        self.slot += 1;
        self.town.start + from + self.chance.below((to - from) as u64) as i64
    }

    fn act(&mut self, at: Timestamp) -> Act {
        if self.chance.happens(FOLLOWS) {
            return self.follow(at);
        }
        if self.chance.happens(ANSWERS)
            && let Some(Act { actor, target, .. }) = self.last.filter(|last| last.kind != Kind::Follow)
        {
            return Act { actor: target, target: actor, kind: Kind::Reply, at };
        }
        let hero = self.stories.hero(at, &mut self.chance);
        let actor = if hero.is_some() { self.chance.user(self.town.people) } else { self.actors.draw() };
        let target = hero.unwrap_or_else(|| self.target(actor, at));
        let kind = Mix::default().kind(self.chance.fraction());
        Act { actor, target: self.other_than(actor, target), kind, at }
    }

    fn follow(&mut self, at: Timestamp) -> Act {
        if self.follows.len() >= FOLLOWS_MAX
            && let Some((actor, target)) = self.follows.pop_front()
        {
            return Act { actor, target, kind: Kind::Unfollow, at };
        }
        let actor = self.actors.draw();
        let target = self.targets.draw();
        let target = self.other_than(actor, target);
        self.follows.push_back((actor, target));
        Act { actor, target, kind: Kind::Follow, at }
    }

    /// A friend, or somebody whom many know and who is awake.
    fn target(&mut self, actor: u32, at: Timestamp) -> u32 {
        if self.chance.happens(CIRCLE_SHARE) {
            let circle = actor / CIRCLE * CIRCLE;
            return (circle + self.chance.user(CIRCLE)).min(self.town.people - 1);
        }
        let mut target = self.targets.draw();
        for _ in 0..DRAWS_MAX {
            if self.chance.happens(daylight(target, at)) {
                break;
            }
            target = self.targets.draw();
        }
        target
    }

    fn other_than(&self, actor: u32, target: u32) -> u32 {
        if target == actor { (target + 1) % self.town.people } else { target }
    }
}

/// 1 at somebody's noon. People live all around the world: neighbours by number are far apart.
fn daylight(person: u32, at: Timestamp) -> f64 {
    const GOLDEN: u32 = 0x9e37_79b9;
    let place = f64::from(person.wrapping_mul(GOLDEN)) / 4_294_967_296.0;
    let time = at.rem_euclid(DAY_MS) as f64 / DAY_MS as f64;
    let height = libm::cos((time + place) * 2.0 * std::f64::consts::PI);
    NIGHT + (1.0 - NIGHT) * (0.5 + 0.5 * height)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn town(seed: u64) -> TownEvents {
        Town { seed, people: 500, ..Town::default() }.events()
    }

    #[test]
    fn the_same_seed_gives_the_same_events_in_the_order_of_their_times() {
        let (mut one, mut same, mut other) = (town(1), town(1), town(2));
        let mut differ = 0;
        let mut before = Timestamp::MIN;
        for _ in 0..20_000 {
            let event = one.next_event();
            assert!(event.at >= before && event.actor != event.target, "{event:?}");
            before = event.at;
            assert_eq!(event, same.next_event());
            differ += u32::from(event.target != other.next_event().target);
        }
        assert!(differ > 10_000);
    }

    #[test]
    fn follows_end_as_they_begin() {
        let mut town = town(1);
        let mut kinds = BTreeMap::new();
        for _ in 0..800_000 {
            *kinds.entry(town.next_event().kind).or_insert(0) += 1;
        }
        let lasting = kinds[&Kind::Follow] - kinds[&Kind::Unfollow];
        assert!((FOLLOWS_MAX - 1..=FOLLOWS_MAX).contains(&lasting), "{kinds:?}");
    }

    #[test]
    fn people_have_their_hours() {
        let mut town = town(3);
        let mut seen = BTreeSet::new();
        for _ in 0..12 {
            let mut received: BTreeMap<String, u32> = BTreeMap::new();
            for _ in 0..4 * 2_400 {
                *received.entry(town.next_event().target.to_owned()).or_default() += 1;
            }
            let mut received: Vec<(u32, String)> = received.into_iter().map(|(name, acts)| (acts, name)).collect();
            received.sort_unstable();
            seen.extend(received.into_iter().rev().take(5).map(|(_, name)| name));
        }
        assert!(seen.len() > 8, "{seen:?}");
    }
}
