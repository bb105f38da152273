//! What the oracle says: everybody, every live pair and every live follow, by name.

use std::collections::BTreeMap;

use crate::audience::{self, Level, Tie};
use crate::fixpoint::{self, Flow, Source};
use crate::graph::{self, Edge};
use crate::input::Counts;
use crate::memory::{Account, Ends, Remains};
use crate::model::Model;

/// One user. Amounts are in votes of now; the letters are those of the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Person {
    /// `G`: what the fans give.
    pub gross: f64,
    /// `H`: the part of `G` that this person returned.
    pub returned: f64,
    /// `a`, 0 to 1: how closed the circle is.
    pub closed: f64,
    /// Whether the acts span a half-life, or began in the first half-life of all, or a profile says so: `q`.
    pub known: bool,
    /// `B` of the room: votes for which the fans have room.
    pub space: f64,
    /// `(1 + (Z / B)^4)^(-1/4)`
    pub room: f64,
    /// `A`: `G` less the discount on closed circles, as far as there is room.
    pub net: f64,
    /// `y`: what one unit of this person's weight is worth.
    pub rate: f64,
    /// `R`: all weight that this person hands out.
    pub handed_out: f64,
    /// `S`: 1 for someone who acted just now.
    pub liveness: f64,
    /// `s`
    pub trust: f64,
    /// The newest own act, follows aside; the exact part of `S`.
    pub acted_ms: Option<i64>,
    /// Fans, each aged by their last act: the sum of `l`.
    pub reach: f64,
    /// How much each fan acts, in votes; 0 without a fan.
    pub amplification: f64,
    /// How much the fans themselves count, in votes; 0 without a fan.
    pub network: f64,
    /// `1 - rho a^4`
    pub openness: f64,
    /// `B`: standing audience.
    pub audience: f64,
    /// `x`
    pub influence: f64,
    /// 0 to 100.
    pub score: f64,
    /// As a follower, for this score and without hysteresis.
    pub level: Level,
    /// Has not acted or not been endorsed inside the window, or is suspended.
    pub silent: bool,
    /// Follows too many to count for more than active.
    pub indiscriminate: bool,
    /// Live edges from others.
    pub fans: u64,
    /// Live edges to others.
    pub endorsed: u64,
    /// Accepted events of others, late ones included.
    pub received: Counts,
    /// Live follows by others.
    pub followers: u64,
    /// Live follows of others.
    pub following: u64,
    /// Whether the person is erased, and this a nameless slot that others still need.
    pub opted_out: bool,
    /// Whether a score is published: others acted on the person, since the last opt-in. An unfollow or a block alone is no act on anybody.
    pub has_record: bool,
}

/// One live edge.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// `C`, in votes of now.
    pub endorsement: f64,
    /// `l`, in votes of now.
    pub last: f64,
    /// `w`, in votes of now.
    pub weight: f64,
    /// `r`, 0 to 1.
    pub reciprocity: f64,
    /// Event time of the newest act; the exact part of `l`.
    pub newest_ms: i64,
    /// The acts of which `C` is the sum.
    pub acts: Counts,
}

/// One live follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follow {
    /// Event time of the newest follow.
    pub since_ms: i64,
    /// Whether it is returned.
    pub mutual: bool,
    /// False between accounts of one person: it gives nothing, as long as they are linked.
    pub counts: bool,
}

/// What became of the events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events of an actor on another, late ones included.
    pub accepted: u64,
    /// Accepted acts, follows and unfollows aside, that were older than the window when they arrived.
    pub late: u64,
    /// Acts on oneself.
    pub self_acts: u64,
    /// Events of actors who had opted out.
    pub dropped: u64,
    /// Acts on people who blocked the actor.
    pub blocked: u64,
    /// Acts on another account of the person who acts.
    pub own_accounts: u64,
}

/// Everything, recomputed.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The model it was computed with.
    pub model: Model,
    /// The newest accepted event, or the time asked for where that is later; 0 when there is neither.
    pub now_ms: i64,
    /// `M`
    pub scale: f64,
    /// Everybody who appears in an accepted event or a profile, the erased included.
    pub people: BTreeMap<String, Person>,
    /// Live edges by actor and target.
    pub pairs: BTreeMap<(String, String), Pair>,
    /// Live follows by actor and target.
    pub follows: BTreeMap<(String, String), Follow>,
    /// What became of the events.
    pub tally: Tally,
}

impl Outcome {
    pub(crate) fn of(model: &Model, remains: Remains) -> Self {
        let edges = graph::edges(model, &remains);
        let ties = ties(&remains);
        let mut people = people(model, &remains, &edges, &ties);
        let scale = audience::settle(model, &mut people, &ties);
        let names: Vec<String> = remains.accounts.into_iter().map(|account| account.name).collect();
        let named = |ends: Ends| (names[ends.actor].clone(), names[ends.target].clone());
        let follows = remains.follows.iter().zip(&ties);
        Self {
            model: model.clone(),
            now_ms: remains.now_ms,
            scale,
            pairs: edges.iter().map(|edge| (named(edge.ends), pair(edge))).collect(),
            follows: follows
                .map(|(&(ends, since_ms), tie)| {
                    (named(ends), Follow { since_ms, mutual: tie.mutual, counts: tie.counts })
                })
                .collect(),
            people: names.into_iter().zip(people).collect(),
            tally: remains.tally,
        }
    }

    /// One user; someone who never appeared is a stranger with zeros everywhere.
    pub fn person(&self, name: &str) -> Person {
        self.people.get(name).cloned().unwrap_or_else(Person::stranger)
    }

    /// A live edge.
    pub fn pair(&self, actor: &str, target: &str) -> Option<&Pair> {
        self.pairs.get(&(actor.to_owned(), target.to_owned()))
    }

    /// A live follow.
    pub fn follow(&self, actor: &str, target: &str) -> Option<&Follow> {
        self.follows.get(&(actor.to_owned(), target.to_owned()))
    }

    /// `B` of everybody as it would be under levels that others announced; who is not among them is silent.
    ///
    /// An engine keeps a level through 2 points of fall, so it may announce others than [`Person::level`]; see
    /// [`admissible`](crate::admissible). Influence is then [`Person::net`] plus this.
    pub fn audience_under(&self, announced: &BTreeMap<String, Level>) -> BTreeMap<&str, f64> {
        let mut tallies: BTreeMap<&str, f64> = self.people.keys().map(|name| (name.as_str(), 0.0)).collect();
        for ((follower, followed), follow) in self.follows.iter().filter(|(_, follow)| follow.counts) {
            let level = announced.get(follower).copied().unwrap_or_default();
            *tallies.entry(followed).or_default() += level.weight(follow.mutual);
        }
        tallies.values_mut().for_each(|tally| *tally = audience::audience(&self.model, *tally));
        tallies
    }
}

impl Person {
    /// Someone nobody has acted on.
    pub fn stranger() -> Self {
        Self { trust: 1.0, openness: 1.0, room: 1.0, silent: true, ..Self::default() }
    }
}

fn ties(remains: &Remains) -> Vec<Tie> {
    let follows = &remains.follows;
    let is_live = |ends: Ends| follows.binary_search_by_key(&ends, |&(ends, _)| ends).is_ok();
    let tie = |&(Ends { actor, target }, _): &(Ends, i64)| Tie {
        follower: actor,
        followed: target,
        mutual: is_live(Ends { actor: target, target: actor }),
        counts: !remains.own_follows.contains(&Ends { actor, target }),
    };
    follows.iter().map(tie).collect()
}

/// Everybody, without audience, level and score.
fn people(model: &Model, remains: &Remains, edges: &[Edge], ties: &[Tie]) -> Vec<Person> {
    let sources: Vec<Source> = remains.accounts.iter().map(|account| source(model, account, remains)).collect();
    let flows = fixpoint::solve(model, &sources, edges);
    let mut people: Vec<Person> = remains.accounts.iter().map(of_account).collect();
    for ((person, flow), source) in people.iter_mut().zip(&flows).zip(&sources) {
        person.liveness = source.liveness;
        person.known = source.is_known;
        add_flow(model, person, flow);
    }
    add_factors(&mut people, edges);
    for tie in ties {
        people[tie.follower].following += 1;
        people[tie.followed].followers += u64::from(tie.counts);
    }
    people.iter_mut().for_each(|person| add_standing(model, person, remains.now_ms));
    people
}

fn source(model: &Model, account: &Account, remains: &Remains) -> Source {
    let now_ms = remains.now_ms;
    let aged = |at_ms| model.g(at_ms, now_ms) / model.g(now_ms, now_ms);
    Source {
        trust: account.trust,
        liveness: account.acted_ms.map_or(0.0, aged),
        is_known: is_known(model, account, remains.genesis_ms),
        newest: account.received_ms.map_or(0.0, aged),
    }
}

/// `q`: the acts span a half-life, or the first of them lies in the first half-life of all, or the account is verified.
fn is_known(model: &Model, account: &Account, genesis_ms: i64) -> bool {
    let is_founder = account.first_ms.is_some_and(|first_ms| first_ms <= genesis_ms + model.half_life_ms);
    let span_ms = account.newest_ms.zip(account.first_ms).map(|(newest_ms, first_ms)| newest_ms - first_ms);
    account.is_verified || is_founder || span_ms.is_some_and(|span_ms| span_ms >= model.half_life_ms)
}

fn of_account(account: &Account) -> Person {
    Person {
        trust: account.trust,
        acted_ms: account.acted_ms,
        received: account.received,
        opted_out: account.opted_out,
        has_record: account.received.on_target() > 0,
        ..Person::stranger()
    }
}

fn add_flow(model: &Model, person: &mut Person, flow: &Flow) {
    person.rate = flow.rate;
    person.handed_out = flow.handed_out;
    person.gross = flow.gross;
    person.returned = flow.returned;
    person.closed = flow.closed();
    person.openness = flow.openness(model);
    person.space = flow.space(model);
    person.room = flow.room(model);
    person.net = flow.net(model);
}

/// `reach = sum l`, `amplification = sum w / sum l`, `network = G / sum w`.
fn add_factors(people: &mut [Person], edges: &[Edge]) {
    let mut weights = vec![0.0; people.len()];
    for edge in edges {
        weights[edge.ends.target] += edge.weight;
        people[edge.ends.actor].endorsed += 1;
        let target = &mut people[edge.ends.target];
        target.fans += 1;
        target.reach += edge.last;
    }
    for (person, weight) in people.iter_mut().zip(weights).filter(|(person, _)| person.fans > 0) {
        person.amplification = weight / person.reach;
        person.network = person.gross / weight;
    }
}

fn add_standing(model: &Model, person: &mut Person, now_ms: i64) {
    let acts = person.acted_ms.is_some_and(|at_ms| !model.is_forgotten(at_ms, now_ms));
    person.silent = !acts || person.fans == 0 || person.trust == 0.0;
    person.indiscriminate = audience::is_indiscriminate(person.following, person.followers);
}

fn pair(edge: &Edge) -> Pair {
    Pair {
        endorsement: edge.endorsement,
        last: edge.last,
        weight: edge.weight,
        reciprocity: edge.reciprocity,
        newest_ms: edge.newest_ms,
        acts: edge.acts,
    }
}
