//! Everybody a shard knows: its own people by dense id in order of first appearance, and people of other shards.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::{Digest, both};
use crate::id::{PersonId, RemoteId, StandingId};
use crate::index::Index;
use crate::model::{Limits, Model, Partitioner};
use crate::name::{HashKey, Hashed, NameHash, UserKey};
use crate::row::{Row, grow};
use crate::tables::{Claims, InvalidImage, Put, Reader, check};
use typed_index_collections::TiVec;
use vocabulary::{NAME_BYTES_MAX, Timestamp};

const AWAY: u32 = 1 << 31;
/// Nobody has acted on this person yet.
pub(crate) const NO_STANDING: u32 = (1 << 27) - 1;
/// This is nobody: the place is to be used again.
const NO_PERSON: u32 = NO_STANDING - 1;

/// Somebody: of this shard or of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Here(PersonId),
    Away(RemoteId),
}

/// The shard of a remote that is left behind, or free.
const NOWHERE: u16 = u16::MAX;

impl Remote {
    /// Whether it still stands for somebody.
    #[inline]
    pub(crate) fn is_somebody(&self) -> bool {
        self.shard != NOWHERE
    }
}

impl Known {
    #[inline]
    pub(crate) fn pack(self) -> u32 {
        match self {
            Known::Here(person) => person.0,
            Known::Away(remote) => remote.0 | AWAY,
        }
    }

    #[inline]
    pub(crate) fn unpack(packed: u32) -> Known {
        if packed & AWAY == 0 { Known::Here(PersonId(packed)) } else { Known::Away(RemoteId(packed & !AWAY)) }
    }
}

/// Who is acted upon, as rows keep it: a standing of this shard, or a person of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Here(StandingId),
    Away(RemoteId),
}

impl Target {
    pub(crate) fn here(self) -> Option<StandingId> {
        match self {
            Target::Here(standing) => Some(standing),
            Target::Away(_) => None,
        }
    }

    pub(crate) fn away(self) -> Option<RemoteId> {
        match self {
            Target::Here(_) => None,
            Target::Away(remote) => Some(remote),
        }
    }

    #[inline]
    pub(crate) fn pack(self) -> u32 {
        match self {
            Target::Here(standing) => standing.0,
            Target::Away(remote) => remote.0 | AWAY,
        }
    }

    #[inline]
    pub(crate) fn unpack(packed: u32) -> Target {
        if packed & AWAY == 0 { Target::Here(StandingId(packed)) } else { Target::Away(RemoteId(packed & !AWAY)) }
    }
}

/// What a person of this shard does; 48 bytes. What most look at comes first.
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(16))]
pub(crate) struct Person {
    pub(crate) key: UserKey,
    standing_and_flags: u32,
    /// `p`: the published rate.
    pub(crate) rate: f32,
    /// The published share, below zero if it was published as that of somebody known.
    pub(crate) share: Share,
    /// `R`: the sum of the row's weights, as of the last push plus what came since.
    pub(crate) handed_out: f32,
    /// `S`: `g` of the newest own act; exact.
    pub(crate) liveness: f32,
    /// The newest own act less `F`, in units of [`Model::span_unit`]; exact where that is a millisecond.
    pub(crate) span: u32,
    pub(crate) row: Row,
    /// `F`: the time of the first own act, or of the account's creation; [`NEVER`] or [`KNOWN`].
    pub(crate) first: Timestamp,
}

/// The `first` of somebody who has not acted, or has forgotten to for a whole window.
pub(crate) const NEVER: Timestamp = Timestamp::MAX;
/// The `first` of somebody who is known, whatever comes.
pub(crate) const KNOWN: Timestamp = Timestamp::MIN;

/// `z`, and whether it is that of somebody known, in one number: its sign says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(transparent)]
pub(crate) struct Share(f32);

impl Share {
    #[inline]
    pub(crate) fn new(share: f32, is_known: bool) -> Share {
        Share(if is_known { -share } else { share })
    }

    /// `z`.
    #[inline]
    pub(crate) fn whole(self) -> f64 {
        f64::from(self.0.abs())
    }

    /// `z q`.
    #[inline]
    pub(crate) fn known(self) -> f64 {
        if self.is_known() { f64::from(-self.0) } else { 0.0 }
    }

    /// `q`.
    #[inline]
    pub(crate) fn is_known(self) -> bool {
        self.0.is_sign_negative()
    }

    pub(crate) fn to_bits(self) -> u32 {
        self.0.to_bits()
    }
}

/// What is true of a person, besides the sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Flag {
    /// A profile tells the account's age: it is not forgotten.
    Vouched = 1 << 27,
    /// Another shard may know the name, and tells it once only: it has to hear when the person is forgotten.
    Told = 1 << 28,
    /// Waits in the queue for a push.
    Queued = 1 << 29,
    /// Has an [`Account`](crate::account::Account).
    Account = 1 << 30,
    /// Erased, until a profile opts in.
    OptedOut = 1 << 31,
}

impl Person {
    fn new(key: UserKey) -> Person {
        Person {
            key,
            standing_and_flags: NO_STANDING,
            rate: 0.0,
            share: Share::default(),
            handed_out: 0.0,
            liveness: 0.0,
            span: 0,
            row: Row::default(),
            first: NEVER,
        }
    }

    /// What was done is forgotten.
    pub(crate) fn forget_acts(&mut self) {
        (self.handed_out, self.liveness, self.rate) = (0.0, 0.0, 0.0);
        (self.share, self.first, self.span) = (Share::default(), NEVER, 0);
        self.set(Flag::Vouched, false);
    }

    #[inline]
    pub(crate) fn is(&self, flag: Flag) -> bool {
        self.standing_and_flags & flag as u32 != 0
    }

    #[inline]
    pub(crate) fn set(&mut self, flag: Flag, on: bool) {
        if on {
            self.standing_and_flags |= flag as u32;
        } else {
            self.standing_and_flags &= !(flag as u32);
        }
    }

    #[inline]
    pub(crate) fn standing(&self) -> Option<StandingId> {
        let standing = self.standing_and_flags & NO_STANDING;
        (standing < NO_PERSON).then_some(StandingId(standing))
    }

    /// Whether the place is to be used again.
    pub(crate) fn is_free(&self) -> bool {
        self.standing_and_flags & NO_STANDING == NO_PERSON
    }

    /// Whether what it does is told in numbers.
    pub(crate) fn is_finite(&self) -> bool {
        [self.handed_out, self.liveness, self.rate, self.share.0].iter().all(|number| number.is_finite())
    }

    /// The standing is nobody's from now on.
    pub(crate) fn leave_standing(&mut self) {
        self.standing_and_flags |= NO_STANDING;
    }

    pub(crate) fn set_standing(&mut self, standing: StandingId) {
        debug_assert!(standing.0 < NO_PERSON, "people are limited to fewer");
        self.standing_and_flags = self.standing_and_flags & !NO_STANDING | standing.0;
    }
}

/// A person of another shard.
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Remote {
    pub(crate) key: UserKey,
    pub(crate) shard: u16,
    zero: u16,
    /// Place among this step's changes, from 1; 0 if there is none.
    pub(crate) change: u32,
}

/// Two names with one key: only the first of them is a person of the shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collision {
    /// The name that came first; `None` where this shard does not hold it: a person of another shard, or an erased one.
    pub first: Option<String>,
    /// The name that came second. What it does, and what is done to it, is left out.
    pub second: String,
}

/// Why a name is nobody here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// The shard holds no more.
    Full,
    /// The name's key is another name's.
    Collided,
}

/// Collisions that one step tells of: the same second name once.
const COLLISIONS_TOLD_MAX: usize = 64;

/// Names of other shards' people that collide here: the shard that told the name, and the key.
pub(crate) type Strangers = BTreeSet<(u16, UserKey)>;

/// Where names come to be known.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) shard: u16,
    pub(crate) shards: u16,
    partitioner: Partitioner,
    hash: NameHash,
}

/// The tables.
#[derive(Clone, Debug)]
pub(crate) struct People {
    pub(crate) home: Home,
    limits: Limits,
    pub(crate) persons: TiVec<PersonId, Person>,
    pub(crate) remotes: TiVec<RemoteId, Remote>,
    /// Places of persons to be used again.
    pub(crate) free_persons: Vec<PersonId>,
    /// Remotes to be used again.
    pub(crate) free_remotes: Vec<RemoteId>,
    pub(crate) names: Names,
    pub(crate) index: Index,
    /// Persons that were new in this step, and those whose names were.
    persons_met: Vec<PersonId>,
    names_met: Vec<PersonId>,
    /// Remotes that were new in this step.
    remotes_met: Vec<Remote>,
    /// Names of remotes that were new in this step, with their shards.
    pub(crate) names_to_tell: Vec<(u16, Box<str>)>,
    /// Found in this step.
    pub(crate) collisions: Vec<Collision>,
    /// Whose entries are not taken: the key is another person's here.
    pub(crate) strangers: Strangers,
}

impl People {
    pub(crate) fn new(model: &Model, hash_key: &HashKey, shard: u16, shards: u16) -> People {
        let home = Home { shard, shards, partitioner: model.partitioner, hash: NameHash::new(hash_key) };
        People {
            home,
            limits: model.limits,
            persons: TiVec::new(),
            remotes: TiVec::new(),
            free_persons: Vec::new(),
            free_remotes: Vec::new(),
            names: Names::default(),
            index: Index::default(),
            persons_met: Vec::new(),
            names_met: Vec::new(),
            remotes_met: Vec::new(),
            names_to_tell: Vec::new(),
            collisions: Vec::new(),
            strangers: Strangers::new(),
        }
    }

    /// Who this is; a new name becomes known, if it can.
    pub(crate) fn resolve(&mut self, name: &str) -> Result<Known, LeftOut> {
        let hashed = self.hash(name);
        self.resolve_found(None, &hashed, name)
    }

    #[inline]
    pub(crate) fn hash(&self, name: &str) -> Hashed {
        self.home.hash.of(name)
    }

    /// Who this is, if they were known a moment ago or have come since; else they become known, if they can.
    #[inline]
    pub(crate) fn resolve_found(
        &mut self,
        found: Option<Known>,
        hashed: &Hashed,
        name: &str,
    ) -> Result<Known, LeftOut> {
        match found.or_else(|| self.find(hashed)) {
            Some(known) => Ok(known),
            None => self.meet(hashed, name),
        }
    }

    /// Who this is, if known by name.
    pub(crate) fn lookup(&self, name: &str) -> Option<Known> {
        self.find(&self.hash(name))
    }

    #[inline]
    pub(crate) fn find(&self, name: &Hashed) -> Option<Known> {
        let is_it = |packed| self.key_of(Known::unpack(packed)) == name.key;
        self.index.find(name, is_it).map(Known::unpack)
    }

    /// Who has this key, and whether their name is known.
    #[inline]
    fn find_key_and_name(&self, key: UserKey) -> Option<(Known, bool)> {
        let is_it = |packed| self.key_of(Known::unpack(packed)) == key;
        self.index.find_key(key, is_it).map(|(packed, name)| (Known::unpack(packed), name.is_named()))
    }

    #[inline]
    pub(crate) fn find_key(&self, key: UserKey) -> Option<Known> {
        self.find_key_and_name(key).map(|(known, _)| known)
    }

    /// Takes a name of this shard that another one tells before it speaks of the person. If the key is another name's
    /// here, what that shard says under it is not taken.
    pub(crate) fn hear(&mut self, source: u16, name: &str, digest: &mut Digest) -> Result<(), LeftOut> {
        let hashed = self.hash(name);
        let heard = self.resolve_found(None, &hashed, name);
        if heard == Err(LeftOut::Collided) && self.is_other_shard(source) {
            digest.fold_both(source.into(), hashed.key);
            self.strangers.insert((source, hashed.key));
        } else if !self.strangers.is_empty() {
            self.strangers.remove(&(source, hashed.key));
        }
        if let Ok(Known::Here(person)) = heard {
            self.persons[person].set(Flag::Told, true);
        }
        heard.map(|_| ())
    }

    /// Whether there is such a shard beside this one.
    fn is_other_shard(&self, source: u16) -> bool {
        source != self.home.shard && source < self.home.shards
    }

    /// Whether another shard means somebody else by this key.
    #[inline]
    pub(crate) fn is_stranger(&self, source: u16, key: UserKey) -> bool {
        !self.strangers.is_empty() && self.strangers.contains(&(source, key))
    }

    /// The person of this shard whom another shard knows by this key; one that is not known yet becomes known, without a
    /// name, if there is room.
    #[inline]
    pub(crate) fn meant(&mut self, source: u16, key: UserKey) -> Result<PersonId, LeftOut> {
        match self.find_key(key) {
            _ if self.is_stranger(source, key) => Err(LeftOut::Collided),
            Some(Known::Here(person)) => Ok(person),
            Some(Known::Away(_)) => Err(LeftOut::Collided),
            None if self.has_room_for_person() => {
                let person = self.add_person(&Hashed::nameless(key));
                self.persons[person].set(Flag::Told, true);
                Ok(person)
            }
            None => Err(LeftOut::Full),
        }
    }

    /// The person of that other shard with this key, if they are known here.
    pub(crate) fn neighbour(&self, source: u16, key: UserKey) -> Option<RemoteId> {
        match self.find_key(key)? {
            Known::Away(remote) if self.remotes[remote].shard == source => Some(remote),
            _ => None,
        }
    }

    /// The same; one that is not known yet becomes known, without a name, if there is room.
    pub(crate) fn meet_neighbour(&mut self, source: u16, key: UserKey) -> Result<RemoteId, LeftOut> {
        match self.find_key(key) {
            _ if !self.is_other_shard(source) => Err(LeftOut::Collided),
            Some(Known::Away(remote)) if self.remotes[remote].shard == source => Ok(remote),
            Some(_) => Err(LeftOut::Collided),
            None if self.has_room_for_remote() => {
                let remote = self.add_remote(key, source);
                self.enter(&Hashed::nameless(key), Known::Away(remote));
                Ok(remote)
            }
            None => Err(LeftOut::Full),
        }
    }

    #[inline]
    pub(crate) fn key_of(&self, known: Known) -> UserKey {
        match known {
            Known::Here(person) => self.persons[person].key,
            Known::Away(remote) => self.remotes[remote].key,
        }
    }

    /// A name that is not known: a new one, that of a key which had none, or another name's key.
    fn meet(&mut self, hashed: &Hashed, name: &str) -> Result<Known, LeftOut> {
        match self.find_key_and_name(hashed.key) {
            None => self.introduce(hashed, name).ok_or(LeftOut::Full),
            Some((Known::Away(remote), false)) => self.name_remote(remote, hashed, name),
            Some((_, false)) if !self.names.has_room(name, &self.limits) => Err(LeftOut::Full),
            Some((known, false)) => {
                self.index.set_check(hashed, known.pack());
                if let Known::Here(person) = known {
                    self.name(person, name);
                }
                Ok(known)
            }
            Some((known, true)) => {
                self.tell_collision(known, name);
                Err(LeftOut::Collided)
            }
        }
    }

    /// Somebody of another shard has been known by the key alone: that shard hears the name now, as it does of others.
    #[cold]
    #[inline(never)]
    fn name_remote(&mut self, remote: RemoteId, hashed: &Hashed, name: &str) -> Result<Known, LeftOut> {
        let (known, shard) = (Known::Away(remote), self.remotes[remote].shard);
        if name.len() > NAME_BYTES_MAX {
            return Err(LeftOut::Full);
        }
        self.index.set_check(hashed, known.pack());
        self.names_to_tell.push((shard, name.into()));
        Ok(known)
    }

    #[cold]
    fn tell_collision(&mut self, known: Known, name: &str) {
        let is_told = self.collisions.iter().any(|collision| collision.second == name);
        if is_told || self.collisions.len() == COLLISIONS_TOLD_MAX {
            return;
        }
        let first = match known {
            Known::Here(person) => self.names.get(person).map(str::to_owned),
            Known::Away(_) => None,
        };
        self.collisions.push(Collision { first, second: name.to_owned() });
    }

    /// Keeps a name, unless it is of somebody who has opted out. Says whether there was room for it.
    pub(crate) fn name(&mut self, person: PersonId, name: &str) -> bool {
        if self.persons[person].is(Flag::OptedOut) {
            return true;
        }
        let has_room = self.names.has_room(name, &self.limits);
        if has_room {
            self.set_name(person, name);
        }
        has_room
    }

    fn has_room_for_person(&self) -> bool {
        !self.free_persons.is_empty() || self.persons.len() < self.limits.people as usize
    }

    fn introduce(&mut self, hashed: &Hashed, name: &str) -> Option<Known> {
        let shard = match self.home.shards {
            1 => 0,
            shards => self.home.partitioner.partition(name, shards),
        };
        if shard == self.home.shard {
            if !self.has_room_for_person() || !self.names.has_room(name, &self.limits) {
                return None;
            }
            let person = self.add_person(hashed);
            self.set_name(person, name);
            return Some(Known::Here(person));
        }
        if !self.has_room_for_remote() || name.len() > NAME_BYTES_MAX {
            return None;
        }
        self.names_to_tell.push((shard, name.into()));
        let remote = self.add_remote(hashed.key, shard);
        self.enter(hashed, Known::Away(remote));
        Some(Known::Away(remote))
    }

    fn has_room_for_remote(&self) -> bool {
        !self.free_remotes.is_empty() || self.remotes.len() < self.limits.remotes as usize
    }

    fn add_remote(&mut self, key: UserKey, shard: u16) -> RemoteId {
        let new = Remote { key, shard, zero: 0, change: 0 };
        self.remotes_met.push(new);
        if let Some(remote) = self.free_remotes.pop() {
            self.remotes[remote] = new;
            return remote;
        }
        let remote = self.remotes.next_key();
        grow(&mut self.remotes.raw, 1);
        self.remotes.push(new);
        remote
    }

    /// A remote stands for nobody from now on: rows may still name it, and its person is met anew.
    pub(crate) fn leave_remote(&mut self, remote: RemoteId) {
        let (persons, remotes) = (&self.persons, &self.remotes);
        self.index.remove(remotes[remote].key, Known::Away(remote).pack(), |packed| match Known::unpack(packed) {
            Known::Here(person) => persons[person].key,
            Known::Away(remote) => remotes[remote].key,
        });
        self.remotes[remote].shard = NOWHERE;
    }

    /// A remote that no row names any more can be used again.
    pub(crate) fn free_remote(&mut self, remote: RemoteId) {
        self.remotes[remote] = Remote { key: 0, shard: NOWHERE, zero: 0, change: 0 };
        self.free_remotes.push(remote);
    }

    fn add_person(&mut self, hashed: &Hashed) -> PersonId {
        let new = Person::new(hashed.key);
        let person = match self.free_persons.pop() {
            Some(person) => {
                self.persons[person] = new;
                person
            }
            None => {
                grow(&mut self.persons.raw, 1);
                self.names.add();
                self.persons.push_and_get_key(new)
            }
        };
        self.persons_met.push(person);
        self.enter(hashed, Known::Here(person));
        person
    }

    fn set_name(&mut self, person: PersonId, name: &str) {
        self.names.set(person, name);
        self.names_met.push(person);
    }

    /// Forgets a person of whom nothing is left but the name. Nothing but entries of this step may speak of the id; the
    /// key stays for these.
    pub(crate) fn forget_person(&mut self, person: PersonId) {
        let (persons, remotes) = (&self.persons, &self.remotes);
        let key = persons[person].key;
        self.index.remove(key, Known::Here(person).pack(), |packed| match Known::unpack(packed) {
            Known::Here(person) => persons[person].key,
            Known::Away(remote) => remotes[remote].key,
        });
        self.names.erase(person);
        let kept = &mut self.persons[person];
        kept.forget_acts();
        kept.standing_and_flags = NO_PERSON;
        self.free_persons.push(person);
    }

    fn enter(&mut self, hashed: &Hashed, known: Known) {
        let (persons, remotes) = (&self.persons, &self.remotes);
        self.index.insert(hashed, known.pack(), |packed| match Known::unpack(packed) {
            Known::Here(person) => persons[person].key,
            Known::Away(remote) => remotes[remote].key,
        });
    }

    /// Who came in this step, and the names that came.
    pub(crate) fn fold_news(&mut self, digest: &mut Digest) {
        digest
            .fold_both(both(self.persons_met.len() as u32, self.remotes_met.len() as u32), self.names_met.len() as u64);
        for person in self.persons_met.drain(..) {
            digest.fold_both(person.into(), self.persons[person].key);
        }
        self.remotes_met.drain(..).for_each(|remote| digest.fold_both(remote.key, u64::from(remote.shard)));
        for person in self.names_met.drain(..) {
            digest.fold(person.into());
            digest.fold_bytes(self.names.get(person).unwrap_or_default().as_bytes());
        }
    }

    pub(crate) fn write_image(&self, to: &mut impl Put) {
        to.table(&self.persons.raw);
        to.table(&self.remotes.raw);
        to.table(&self.free_persons);
        to.table(&self.free_remotes);
        to.table(&self.names.places.raw);
        to.table(&self.names.bytes);
        let free: Vec<[u32; 2]> = self.names.free_places().collect();
        to.table(&free);
        self.index.write_image(to);
        to.word(self.strangers.len() as u64);
        self.strangers.iter().for_each(|&(source, key)| to.words(&[source.into(), key]));
    }

    pub(crate) fn read_image(&mut self, from: &mut Reader<'_>, has_whole_checks: bool) -> Result<(), InvalidImage> {
        self.persons = from.table("persons")?.into();
        self.remotes = from.table("remotes")?.into();
        self.free_persons = from.table("free persons")?;
        self.free_remotes = from.table("free remotes")?;
        self.names.places = from.table_of("names", self.persons.len())?.into();
        self.names.bytes = from.table("names")?;
        let free: Vec<[u32; 2]> = from.table("free names")?;
        check(free.is_sorted_by_key(|[units, _]| *units), "free names: they are not in order")?;
        free.into_iter().for_each(|[units, place]| self.names.free.entry(units).or_default().push(place));
        self.index.read_image(from)?;
        if has_whole_checks {
            self.index.upgrade_checks(|packed| match Known::unpack(packed) {
                Known::Here(person) => self.persons.get(person).map(|person| person.key),
                Known::Away(remote) => self.remotes.get(remote).map(|remote| remote.key),
            });
        }
        let strangers: Vec<[u64; 2]> = from.table("strangers")?;
        let (home, shards) = (u64::from(self.home.shard), u64::from(self.home.shards));
        let is_away = |&[source, _]: &[u64; 2]| source != home && source < shards;
        let is_sorted = strangers.is_sorted_by(|one, next| one < next);
        check(
            is_sorted && strangers.iter().all(is_away),
            "strangers: a shard does not know them, or knows them twice",
        )?;
        self.strangers = strangers.into_iter().map(|[source, key]| (source as u16, key)).collect();
        Ok(())
    }

    /// Whether everybody is found by their key, and all names are there. Remotes that are left behind are not found.
    pub(crate) fn check(&self, left: impl Iterator<Item = RemoteId>) -> Result<(), InvalidImage> {
        let mut claims = [Claims::new(self.persons.len()), Claims::new(self.remotes.len())];
        let key_of = |packed| match Known::unpack(packed) {
            Known::Here(person) => claims[0].claim(person).then(|| self.persons[person].key),
            Known::Away(remote) => claims[1].claim(remote).then(|| self.remotes[remote].key),
        };
        check(self.index.is_sound(key_of), "the index: somebody in it is not found")?;
        let stands = |remote: RemoteId| self.remotes.get(remote).is_none_or(Remote::is_somebody);
        let mut nowhere = self.free_remotes.iter().copied().chain(left);
        let are_nowhere = nowhere.all(|remote| !stands(remote) && claims[1].claim(remote));
        check(are_nowhere, "free remotes: somebody is among them")?;
        let are_free =
            self.free_persons.iter().all(|&person| claims[0].claim(person) && self.persons[person].is_free());
        let free = self.persons.iter().filter(|person| person.is_free()).count();
        check(are_free && free == self.free_persons.len(), "free persons: somebody is among them")?;
        let is_whole = claims.map(|claims| claims.count) == [self.persons.len(), self.remotes.len()];
        check(is_whole, "the index: somebody is not in it")?;
        let (home, shards) = (self.home.shard, self.home.shards);
        let lives = |remote: &Remote| !remote.is_somebody() || remote.shard < shards && remote.shard != home;
        let is_away = |remote: &Remote| lives(remote) && (remote.zero, remote.change) == (0, 0);
        check(self.remotes.iter().all(is_away), "remotes: somebody lives nowhere")?;
        check(self.names.are_sound(), "names: somebody's is none")
    }

    /// People of this shard who are known.
    pub(crate) fn persons_len(&self) -> usize {
        self.persons.len() - self.free_persons.len()
    }

    /// People of other shards who are known.
    pub(crate) fn remotes_len(&self) -> usize {
        self.remotes.len() - self.free_remotes.len()
    }

    /// Bytes of the tables, without names.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.strangers.len() * size_of::<(u16, UserKey)>()
            + self.persons.capacity() * size_of::<Person>()
            + self.remotes.capacity() * size_of::<Remote>()
            + self.index.memory_bytes()
    }
}

/// The names of a shard's people, one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    /// For each person, the place of the name in units of [`Names::UNIT`] bytes.
    places: TiVec<PersonId, u32>,
    /// Two bytes of length, the name, and up to the next unit nothing.
    bytes: Vec<u8>,
    /// Places to be used again, by their size in units.
    free: BTreeMap<u32, Vec<u32>>,
}

impl Names {
    const UNIT: usize = 4;
    const NONE: u32 = u32::MAX;

    fn add(&mut self) {
        grow(&mut self.places.raw, 1);
        self.places.push(Names::NONE);
    }

    /// Units that a name takes, its length included.
    fn units(name: &str) -> usize {
        (name.len() + 2).div_ceil(Names::UNIT)
    }

    /// Whether the name can be kept.
    fn has_room(&self, name: &str, limits: &Limits) -> bool {
        let (units, bytes) = (Names::units(name), self.bytes.len());
        let is_free = |units: usize| self.free.contains_key(&(units as u32));
        name.len() <= NAME_BYTES_MAX && ((bytes + units * Names::UNIT) as u64 <= limits.names_bytes || is_free(units))
    }

    fn set(&mut self, person: PersonId, name: &str) {
        let units = Names::units(name);
        let place = self.take_free(units as u32).unwrap_or_else(|| {
            let place = self.bytes.len() / Names::UNIT;
            grow(&mut self.bytes, units * Names::UNIT);
            self.bytes.resize(self.bytes.len() + units * Names::UNIT, 0);
            place as u32
        });
        let start = place as usize * Names::UNIT;
        self.bytes[start..start + 2].copy_from_slice(&(name.len() as u16).to_le_bytes());
        self.bytes[start + 2..start + 2 + name.len()].copy_from_slice(name.as_bytes());
        self.places[person] = place;
    }

    fn take_free(&mut self, units: u32) -> Option<u32> {
        let places = self.free.get_mut(&units)?;
        let place = places.pop();
        if places.is_empty() {
            self.free.remove(&units);
        }
        place
    }

    /// Size and place of what is to be used again, sorted by size.
    fn free_places(&self) -> impl Iterator<Item = [u32; 2]> {
        self.free.iter().flat_map(|(&units, places)| places.iter().map(move |&place| [units, place]))
    }

    pub(crate) fn get(&self, person: PersonId) -> Option<&str> {
        if self.places[person] == Names::NONE {
            return None;
        }
        let place = self.places[person] as usize * Names::UNIT;
        let len = usize::from(u16::from_le_bytes([self.bytes[place], self.bytes[place + 1]]));
        std::str::from_utf8(self.bytes.get(place + 2..place + 2 + len)?).ok()
    }

    /// Whether every place is that of a name.
    fn are_sound(&self) -> bool {
        let is_name = |&place: &u32| {
            let start = place as usize * Names::UNIT;
            let Some(&[low, high]) = self.bytes.get(start..start + 2) else { return false };
            let end = start + 2 + usize::from(u16::from_le_bytes([low, high]));
            self.bytes.get(start + 2..end).is_some_and(|name| std::str::from_utf8(name).is_ok())
        };
        let is_aligned = self.bytes.len().is_multiple_of(Names::UNIT);
        let (units, longest) = (self.bytes.len() / Names::UNIT, (NAME_BYTES_MAX + 2).div_ceil(Names::UNIT) as u32);
        let is_place = |[size, place]: [u32; 2]| (1..=longest).contains(&size) && (place + size) as usize <= units;
        is_aligned
            && self.free_places().all(|[size, place]| place < u32::MAX - longest && is_place([size, place]))
            && self.places.iter().filter(|&&place| place != Names::NONE).all(is_name)
    }

    /// Forgets a name, down to its bytes.
    pub(crate) fn erase(&mut self, person: PersonId) {
        if let Some(name) = self.get(person) {
            let (len, units, place) = (name.len(), Names::units(name) as u32, self.places[person]);
            let start = place as usize * Names::UNIT;
            self.bytes[start..start + 2 + len].fill(0);
            if len <= NAME_BYTES_MAX {
                self.free.entry(units).or_default().push(place);
            }
        }
        self.places[person] = Names::NONE;
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let free: usize = self.free.values().map(|places| 4 * places.capacity()).sum();
        self.bytes.capacity() + 4 * self.places.capacity() + free
    }
}
