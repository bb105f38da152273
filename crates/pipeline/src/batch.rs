//! Records of one partition as a log delivers them: decoded once, names one after the other in one string.

use std::mem::size_of;
use std::ops::Range;
use std::sync::Arc;

use twox_hash::XxHash3_64;
use vocabulary::{AHEAD_MS_MAX, Event, Kind, Profile, Timestamp};
use wire::{Malformed, NoAct};

use crate::digest::fold;

/// Bytes of a key, and as many of a value, that are kept of a record that cannot be used.
pub const KEPT_BYTES_MAX: usize = 64 << 10;
/// What a refused record takes in memory beside its key and value, its reason included.
const REFUSED_BYTES: usize = size_of::<Refused>() + 160;

/// Records of one partition, in the order of their offsets. What cannot be used is kept beside what can.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    first: i64,
    next: i64,
    text: String,
    events: Vec<EventEntry>,
    profiles: Vec<ProfileEntry>,
    refused: Vec<Refused>,
    suspects: Vec<Suspect>,
    /// Offsets of acts by or on names that stand for nobody, from the batch's first.
    ignored: Vec<u32>,
    ids: Vec<IdEntry>,
    /// Of keys and values that are kept.
    kept_bytes: usize,
}

/// A name in the text.
#[derive(Clone, Copy, Debug)]
struct Name {
    start: u32,
    len: u16,
}

#[derive(Clone, Copy, Debug)]
struct EventEntry {
    at: Timestamp,
    stamp_at: Timestamp,
    /// From the batch's first.
    offset: u32,
    actor: Name,
    target_len: u16,
    kind: Kind,
    is_stored: bool,
}

#[derive(Clone, Copy, Debug)]
struct ProfileEntry {
    offset: u32,
    user: Name,
    opted_out: Option<bool>,
    trust: Option<f64>,
    created: Option<Timestamp>,
    is_verified: bool,
    linked: Option<Name>,
}

/// The hash of an event's id.
#[derive(Clone, Copy, Debug)]
struct IdEntry {
    offset: u32,
    hash: u64,
}

/// A record that cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// Which input it came from, in the order of the configuration.
    pub input: usize,
    /// Its offset in the shard's part of the input.
    pub offset: i64,
    /// Its key, or the beginning of it.
    pub key: Option<Kept>,
    /// Its value, or the beginning of it.
    pub value: Option<Kept>,
    /// What is wrong with it.
    pub reason: Reason,
}

/// The first [`KEPT_BYTES_MAX`] bytes of a key or a value; how long it was is known. Clones share the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    bytes: Arc<[u8]>,
    len: usize,
}

impl Kept {
    /// Copies the beginning of a key or a value.
    pub fn of(whole: &[u8]) -> Kept {
        Kept { bytes: whole[..whole.len().min(KEPT_BYTES_MAX)].into(), len: whole.len() }
    }

    /// The beginning of one that is so long, where no more of it is known than these bytes.
    pub fn cut(bytes: &[u8], len: usize) -> Kept {
        Kept { bytes: bytes.into(), len }
    }

    /// What was kept.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes of the whole.
    pub fn whole_len(&self) -> usize {
        self.len
    }
}

/// The time that a record carries beside what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// The log's clock when it stored the record (Kafka's `LogAppendTime`).
    Stored(Timestamp),
    /// What its producer says (Kafka's `CreateTime`).
    Created(Timestamp),
}

impl Stamp {
    /// The time, whoever says so.
    pub fn at(self) -> Timestamp {
        match self {
            Stamp::Stored(at) | Stamp::Created(at) => at,
        }
    }
}

/// Why a record cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Reason {
    /// It is no event, or no profile.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Its user belongs to another partition.
    #[error(
        "user {user:?} belongs to partition {belongs}: the topic must be keyed by user{folded}, with this partitioner",
        folded = if *.is_folded { " as names are folded (`clout route` keys it so)" } else { "" }
    )]
    Misrouted {
        /// Who.
        user: String,
        /// Whether the name was written otherwise and is folded.
        is_folded: bool,
        /// Where to.
        belongs: u16,
    },
    /// It cannot have happened yet.
    #[error(
        "time {} lies {} s beyond the time at which it was stored",
        wire::rfc3339(*.at).unwrap_or_else(|| at.to_string()),
        (.at - .latest + AHEAD_MS_MAX) / 1000
    )]
    Future {
        /// The event's time.
        at: Timestamp,
        /// The latest that is accepted.
        latest: Timestamp,
    },
    /// Its batch cannot be unpacked, or not as a whole.
    #[error("{0}")]
    Packed(String),
}

impl Reason {
    /// Why the record is no act: then it is counted and passed over, and is no dead letter.
    pub fn no_act(&self) -> Option<NoAct> {
        match self {
            Reason::Malformed(malformed) => malformed.no_act(),
            Reason::Misrouted { .. } | Reason::Future { .. } | Reason::Packed(_) => None,
        }
    }
}

/// The record of an event that may turn out to be from the future.
#[derive(Clone, Debug)]
struct Suspect {
    offset: i64,
    key: Option<Kept>,
    value: Option<Kept>,
}

/// An event with what its record says beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored<'a> {
    pub(crate) offset: i64,
    pub(crate) stamp: Stamp,
    pub(crate) event: Event<'a>,
}

impl Batch {
    /// A batch that begins at this offset, with nothing in it.
    pub fn new(first: i64) -> Batch {
        Batch { first, next: first, ..Batch::default() }
    }

    /// Empties it, to begin at this offset; keeps its memory.
    pub fn restart(&mut self, first: i64) {
        (self.first, self.next) = (first, first);
        self.text.clear();
        self.events.clear();
        self.profiles.clear();
        self.refused.clear();
        self.suspects.clear();
        self.ignored.clear();
        self.ids.clear();
        self.kept_bytes = 0;
    }

    /// Adds an event whose record carries this time.
    #[inline]
    pub fn push_event(&mut self, offset: i64, event: &Event<'_>, stamp: Stamp) {
        let actor = self.name(event.actor);
        self.text.push_str(event.target);
        self.events.push(EventEntry {
            at: event.at,
            stamp_at: stamp.at(),
            offset: (offset - self.first) as u32,
            actor,
            target_len: event.target.len() as u16,
            kind: event.kind,
            is_stored: matches!(stamp, Stamp::Stored(_)),
        });
        self.next = offset + 1;
    }

    /// Adds a profile.
    pub fn push_profile(&mut self, offset: i64, profile: &Profile<'_>) {
        let user = self.name(profile.user);
        let offset_in = (offset - self.first) as u32;
        let Profile { opted_out, trust, created, is_verified, .. } = *profile;
        let linked = profile.linked.map(|linked| self.name(linked));
        let entry = ProfileEntry { offset: offset_in, user, opted_out, trust, created, is_verified, linked };
        self.profiles.push(entry);
        self.next = offset + 1;
    }

    /// Adds a record that cannot be used.
    pub fn push_refused(&mut self, refused: Refused) {
        self.next = refused.offset + 1;
        self.kept_bytes += REFUSED_BYTES + kept_bytes(&refused.key, &refused.value);
        self.refused.push(refused);
    }

    /// Passes over a record that has to do with nobody.
    pub fn ignore(&mut self, offset: i64) {
        self.ignored.push((offset - self.first) as u32);
        self.next = offset + 1;
    }

    /// Keeps the record of the event that was added last, as a refused one is kept.
    pub fn suspect(&mut self, offset: i64, key: Option<&[u8]>, value: Option<&[u8]>) {
        let (key, value) = (key.map(Kept::of), value.map(Kept::of));
        self.kept_bytes += size_of::<Suspect>() + kept_bytes(&key, &value);
        self.suspects.push(Suspect { offset, key, value });
    }

    /// Gives the event that was added last the hash of its id.
    pub(crate) fn identify(&mut self, hash: u64) {
        let offset = (self.next - 1 - self.first) as u32;
        self.ids.push(IdEntry { offset, hash });
    }

    fn name(&mut self, name: &str) -> Name {
        let start = self.text.len() as u32;
        self.text.push_str(name);
        Name { start, len: name.len() as u16 }
    }

    /// Its first offset; of an empty batch, that of the record to come.
    pub fn first(&self) -> i64 {
        self.first
    }

    /// The offset behind its last record.
    pub fn next(&self) -> i64 {
        self.next
    }

    /// Records in it.
    pub fn len(&self) -> usize {
        self.events.len() + self.profiles.len() + self.refused.len() + self.ignored.len()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory that its records take.
    pub fn bytes(&self) -> usize {
        self.text.len()
            + self.events.len() * size_of::<EventEntry>()
            + self.profiles.len() * size_of::<ProfileEntry>()
            + self.ids.len() * size_of::<IdEntry>()
            + self.ignored.len() * size_of::<u32>()
            + self.kept_bytes
    }

    /// Records in it whose users belong to other partitions.
    pub fn misrouted(&self) -> usize {
        self.refused.iter().filter(|refused| matches!(refused.reason, Reason::Misrouted { .. })).count()
    }

    /// A digest of all that is in it.
    pub fn digest(&self) -> u64 {
        let mut digest = fold(XxHash3_64::oneshot(self.text.as_bytes()), self.next as u64);
        for entry in &self.events {
            let lens = u64::from(entry.actor.len) << 24 | u64::from(entry.target_len) << 8 | entry.kind as u64;
            digest = fold(fold(fold(digest, entry.at as u64), entry.stamp_at as u64), lens);
        }
        for entry in &self.profiles {
            let trust = entry.trust.map_or(1, f64::to_bits);
            digest = fold(fold(digest, trust), u64::from(entry.user.len) << 2 | entry.opted_out.map_or(2, u64::from));
            digest = age(entry.created, entry.is_verified).into_iter().flatten().fold(digest, fold);
            digest = entry.linked.map_or(digest, |linked| fold(digest, u64::from(linked.len) << 1 | 1));
        }
        self.ids.iter().fold(digest, |digest, id| fold(fold(digest, id.offset.into()), id.hash))
    }

    /// The time that the oldest record carries, as far as records do.
    pub(crate) fn stamp_at(&self) -> Option<Timestamp> {
        self.events.first().map(|entry| entry.stamp_at)
    }

    /// The time of the first event from this offset on.
    pub(crate) fn first_at(&self, from: i64) -> Option<Timestamp> {
        self.since(from).next().map(|entry| entry.at)
    }

    /// The offset of the first event from this offset on that happened then or later.
    pub(crate) fn first_since(&self, from: i64, at: Timestamp) -> Option<i64> {
        self.since(from).find(|entry| entry.at >= at).map(|entry| self.first + i64::from(entry.offset))
    }

    fn since(&self, from: i64) -> impl Iterator<Item = &EventEntry> {
        let place = self.events.partition_point(|entry| self.first + i64::from(entry.offset) < from);
        self.events[place..].iter()
    }

    /// The events of these offsets, and their text, which other events do not share.
    pub(crate) fn events(&self, offsets: &Range<i64>) -> (impl ExactSizeIterator<Item = Stored<'_>>, &str) {
        let range = self.range(&self.events, offsets, |entry| entry.offset);
        let entries = &self.events[range];
        let start = entries.first().map_or(0, |entry| entry.actor.start as usize);
        let end = entries.last().map_or(start, |entry| entry.target_end());
        (entries.iter().map(|entry| self.stored(entry)), &self.text[start..end])
    }

    #[inline]
    fn stored(&self, entry: &EventEntry) -> Stored<'_> {
        let actor_end = entry.actor.end();
        let event = Event {
            actor: &self.text[entry.actor.start as usize..actor_end],
            target: &self.text[actor_end..entry.target_end()],
            kind: entry.kind,
            at: entry.at,
        };
        let stamp = if entry.is_stored { Stamp::Stored(entry.stamp_at) } else { Stamp::Created(entry.stamp_at) };
        Stored { offset: self.first + i64::from(entry.offset), stamp, event }
    }

    /// The hashes of ids that events of these offsets have, with the offsets.
    pub(crate) fn ids(&self, offsets: &Range<i64>) -> impl Iterator<Item = (i64, u64)> {
        let range = self.range(&self.ids, offsets, |id| id.offset);
        self.ids[range].iter().map(|id| (self.first + i64::from(id.offset), id.hash))
    }

    /// The profiles of these offsets.
    pub(crate) fn profiles(&self, offsets: &Range<i64>) -> impl Iterator<Item = (i64, Profile<'_>)> {
        let range = self.range(&self.profiles, offsets, |entry| entry.offset);
        self.profiles[range].iter().map(|entry| {
            let text = |name: Name| &self.text[name.start as usize..name.end()];
            let ProfileEntry { opted_out, trust, created, is_verified, .. } = *entry;
            let (user, linked) = (text(entry.user), entry.linked.map(text));
            let profile = Profile { user, opted_out, trust, created, is_verified, linked, ..Profile::default() };
            (self.first + i64::from(entry.offset), profile)
        })
    }

    /// How many records of these offsets have to do with nobody.
    pub(crate) fn ignored(&self, offsets: &Range<i64>) -> u64 {
        self.range(&self.ignored, offsets, |offset| *offset).len() as u64
    }

    /// The records of these offsets that cannot be used.
    pub(crate) fn refused(&self, offsets: &Range<i64>) -> &[Refused] {
        let start = self.refused.partition_point(|refused| refused.offset < offsets.start);
        let end = self.refused.partition_point(|refused| refused.offset < offsets.end);
        &self.refused[start..end]
    }

    /// The record at this offset, if it was kept.
    pub(crate) fn suspected(&self, input: usize, offset: i64, reason: Reason) -> Option<Refused> {
        let place = self.suspects.binary_search_by_key(&offset, |suspect| suspect.offset).ok()?;
        let Suspect { key, value, .. } = self.suspects[place].clone();
        Some(Refused { input, offset, key, value, reason })
    }

    fn range<T>(&self, entries: &[T], offsets: &Range<i64>, offset: impl Fn(&T) -> u32) -> Range<usize> {
        let place = |bound: i64| entries.partition_point(|entry| self.first + i64::from(offset(entry)) < bound);
        place(offsets.start)..place(offsets.end)
    }
}

fn kept_bytes(key: &Option<Kept>, value: &Option<Kept>) -> usize {
    [key, value].into_iter().flatten().map(|kept| kept.bytes.len()).sum()
}

impl Name {
    #[inline]
    fn end(self) -> usize {
        self.start as usize + usize::from(self.len)
    }
}

impl EventEntry {
    #[inline]
    fn target_end(&self) -> usize {
        self.actor.end() + usize::from(self.target_len)
    }
}
/// What a profile says of an account's age, for digests: those of profiles that say nothing of it are as ever.
pub(crate) fn age(created: Option<Timestamp>, is_verified: bool) -> [Option<u64>; 2] {
    [created.map(|created| !(created as u64)), is_verified.then_some(3)]
}
