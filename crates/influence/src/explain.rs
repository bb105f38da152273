//! What a score is made of, and what the state weighs: for people who ask, never on an event's path.

use crate::id::PersonId;
use crate::name::UserKey;
use crate::people::{Known, Target};
use crate::row::NOBODY;
use crate::shard::Shard;
use crate::standing::Mark;
use vocabulary::Score;
use vocabulary::Timestamp;

/// One fan's part in somebody's influence.
#[derive(Clone, Debug, PartialEq)]
pub struct Fan {
    /// Who.
    pub name: String,
    /// Votes given, before the circle's discount: `w y / g(now)`.
    pub votes: f64,
    /// What one unit of the fan's weight is worth.
    pub rate: f64,
    /// The pair's part.
    pub pair: Endorsement,
}

/// One pair, as of now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Endorsement {
    /// Who endorses.
    pub actor: UserKey,
    /// Who is endorsed.
    pub target: UserKey,
    /// `C / g(now)`: acts, decayed.
    pub endorsement: f64,
    /// `l / g(now)`: the newest act, decayed.
    pub last: f64,
    /// `w / g(now)`: votes at a rate of 1.
    pub weight: f64,
    /// 0 to 1: how far the target returns it.
    pub reciprocity: f64,
}

/// What a single act that weighs so much gives a fan: the weight of its pair when it is new, `5 C / (C + 4)`.
pub fn of_one_act(weight: f64) -> f64 {
    5.0 * weight / (weight + 4.0)
}

/// How much a shard holds, and in how many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// People of this shard, rated or not.
    pub people: u64,
    /// People with a record.
    pub rated: u64,
    /// People of other shards whom this one knows.
    pub remotes: u64,
    /// Pairs.
    pub edges: u64,
    /// Follows, and unfollows that are remembered.
    pub follows: u64,
    /// Pairs of whom one blocks the other, with the other's shard.
    pub blocks: u64,
    /// Rates that wait to be pushed.
    pub queued: u64,
    /// Bytes for people and what they received, without names and follows.
    pub people_bytes: u64,
    /// Bytes for pairs.
    pub edges_bytes: u64,
    /// Bytes for names.
    pub names_bytes: u64,
    /// Bytes for follows, accounts and blocks.
    pub follows_bytes: u64,
}

impl Sizes {
    /// Adds another shard's.
    pub fn add(&mut self, other: &Sizes) {
        self.people += other.people;
        self.rated += other.rated;
        self.remotes += other.remotes;
        self.edges += other.edges;
        self.follows += other.follows;
        self.blocks += other.blocks;
        self.queued += other.queued;
        self.people_bytes += other.people_bytes;
        self.edges_bytes += other.edges_bytes;
        self.names_bytes += other.names_bytes;
        self.follows_bytes += other.follows_bytes;
    }
}

impl Shard {
    /// The key under which shards know this name.
    pub fn key(&self, name: &str) -> UserKey {
        self.people.hash(name).key
    }

    /// The record of one person of this shard, if there is one.
    pub fn score(&self, name: &str) -> Option<Score> {
        let Some(Known::Here(person)) = self.people.lookup(name) else { return None };
        let standing = self.people.persons[person].standing()?;
        let is_rated = self.targets.standings[standing].has(Mark::Rated);
        is_rated.then(|| self.score_at(standing, &self.moment()))
    }

    /// The names of this shard's people, but for those who have opted out.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let people = self.people.persons.keys();
        people.filter(|&person| !self.has_opted_out(person)).filter_map(|person| self.name(person))
    }

    /// Whether this person of this shard has opted out; `None` if nothing is known of such a person.
    pub fn opted_out(&self, name: &str) -> Option<bool> {
        match self.people.lookup(name)? {
            Known::Here(person) => Some(self.has_opted_out(person)),
            Known::Away(_) => None,
        }
    }

    /// The announced level of one person of this shard as a follower: 0 silent to 5.
    pub fn follower_level(&self, name: &str) -> Option<u8> {
        let Some(Known::Here(person)) = self.people.lookup(name) else { return None };
        Some(self.accounts.get(person).map_or(0, |account| account.level as u8))
    }

    /// The fans of this person, of any shard, who live in this one. Looks at every edge.
    pub fn fans(&self, name: &str) -> Vec<Fan> {
        let target = match self.people.lookup(name) {
            Some(Known::Here(person)) => match self.people.persons[person].standing() {
                Some(standing) => Target::Here(standing).pack(),
                None => return Vec::new(),
            },
            Some(Known::Away(remote)) => Target::Away(remote).pack(),
            None => return Vec::new(),
        };
        let people = self.people.persons.keys();
        people.filter_map(|person| self.fan(person, target)).collect()
    }

    fn fan(&self, person: PersonId, target: u32) -> Option<Fan> {
        let kept = &self.people.persons[person];
        let place = self.edges.find(kept.row, target)?;
        let pair = self.pair(kept.key, place)?;
        let rate = f64::from(kept.rate);
        let name = self.name(person).unwrap_or_default().to_owned();
        Some(Fan { name, votes: pair.weight * rate, rate, pair })
    }

    /// `None`: the target has opted in again since, and the pair is about to be forgotten.
    fn pair(&self, actor: UserKey, place: usize) -> Option<Endorsement> {
        let edge = self.edges.at(place);
        let g_now = self.growth.at(self.now, self.landmark);
        Some(Endorsement {
            actor,
            target: self.key_of_target(Target::unpack(edge.target))?,
            endorsement: edge.endorsement / g_now,
            last: f64::from(edge.last) / g_now,
            weight: edge.weight() / g_now,
            reciprocity: edge.reciprocity(),
        })
    }

    fn key_of_target(&self, target: Target) -> Option<UserKey> {
        let known = match target {
            Target::Here(standing) => Known::Here(self.targets.standings[standing].person()?),
            Target::Away(remote) if self.people.remotes[remote].is_somebody() => Known::Away(remote),
            Target::Away(_) => return None,
        };
        Some(self.people.key_of(known))
    }

    /// Whom one person of this shard acts on: the pairs of their row, the heaviest first.
    pub fn row(&self, name: &str) -> Vec<Endorsement> {
        let Some(Known::Here(person)) = self.people.lookup(name) else { return Vec::new() };
        let kept = &self.people.persons[person];
        let places = self.edges.places(kept.row).filter(|(_, edge)| edge.target != NOBODY);
        let mut pairs: Vec<Endorsement> = places.filter_map(|(place, _)| self.pair(kept.key, place)).collect();
        pairs.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.target.cmp(&b.target)));
        pairs
    }

    /// What one unit of the weight of one person of this shard is worth, as its targets were last told; nothing for who is not there.
    pub fn rate(&self, name: &str) -> f64 {
        let Some(Known::Here(person)) = self.people.lookup(name) else { return 0.0 };
        f64::from(self.people.persons[person].rate)
    }

    /// All pairs of this shard's actors, sorted: the same whatever order their events came in.
    pub fn pairs(&self) -> Vec<Endorsement> {
        let mut pairs = Vec::with_capacity(self.edges.len());
        for kept in &self.people.persons {
            for (place, edge) in self.edges.places(kept.row) {
                if edge.target != NOBODY {
                    pairs.extend(self.pair(kept.key, place));
                }
            }
        }
        pairs.sort_by_key(|pair| (pair.actor, pair.target));
        pairs
    }

    /// All follows of this shard's actors that hold, sorted: actor, target, since when, mutual.
    pub fn followings(&self) -> Vec<(UserKey, UserKey, Timestamp, bool)> {
        let mut list = Vec::new();
        for account in &self.accounts.list {
            let actor = self.people.persons[account.person].key;
            for follow in self.follows.slots(account.follows).iter().filter(|follow| follow.follows()) {
                let target = self.key_of_target(Target::unpack(follow.target));
                list.extend(target.map(|target| (actor, target, follow.at, follow.is_mutual())));
            }
        }
        list.sort_unstable();
        list
    }

    /// People of this shard, rated or not.
    pub fn people_len(&self) -> u32 {
        self.people.persons.len() as u32
    }

    /// Whether anybody follows, is followed, or is trusted otherwise than usual.
    pub fn has_accounts(&self) -> bool {
        !self.accounts.list.is_empty()
    }

    /// The time from which its sums count.
    pub fn landmark(&self) -> crate::Landmark {
        self.landmark
    }

    /// What 100 stands for.
    pub fn scale(&self) -> &crate::scale::Scale {
        &self.scale
    }

    /// Which shard it is.
    pub fn number(&self) -> u16 {
        self.people.home.shard
    }

    /// What the shard holds.
    pub fn sizes(&self) -> Sizes {
        let closes_bytes = self.history.as_ref().map_or(0, |history| history.memory_bytes());
        Sizes {
            people: self.people.persons_len() as u64,
            rated: self.targets.standings.iter().filter(|standing| standing.has(Mark::Rated)).count() as u64,
            remotes: self.people.remotes_len() as u64,
            edges: self.edges.len() as u64,
            follows: self.follows.len() as u64,
            blocks: self.blocks.len() as u64,
            queued: self.queue.len() as u64,
            people_bytes: (self.people.memory_bytes() + self.targets.memory_bytes() + closes_bytes) as u64,
            edges_bytes: self.edges.memory_bytes() as u64,
            names_bytes: self.people.names.memory_bytes() as u64,
            follows_bytes: (self.follows.memory_bytes()
                + self.accounts.memory_bytes()
                + self.blocks.memory_bytes()
                + self.siblings.memory_bytes()) as u64,
        }
    }
}
