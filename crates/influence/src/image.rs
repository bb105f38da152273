//! A shard as bytes: all that a later step can read, as flat tables, copied as they lie in memory.
//!
//! Nothing is encoded: a table is a count and its elements' bytes, little-endian. What follows from the rest is left
//! out. The image of a shard that was made from an image is that image.

use std::collections::VecDeque;
use std::fmt;

use bytemuck::{AnyBitPattern, NoUninit, Zeroable};

use crate::account::{Account, Accounts, Follow};
use crate::edge::Edge;
use crate::event::Timestamp;
use crate::model::Model;
use crate::people::{Person, PersonId, Remote};
use crate::row::Slot;
use crate::scale::{RANKS, Report, Scale};
use crate::shard::Shard;
use crate::standing::Standing;

#[cfg(target_endian = "big")]
compile_error!("images are copied as they lie in memory, and are little-endian");

const FORMAT_VERSION: u64 = 1;

/// Why bytes are no image of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidImage(String);

impl fmt::Display for InvalidImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidImage {}

fn invalid<T>(what: impl Into<String>) -> Result<T, InvalidImage> {
    Err(InvalidImage(what.into()))
}

impl Shard {
    /// Bytes of the image, so that room can be made for it.
    pub fn image_bytes(&self) -> usize {
        let mut count = Count(0);
        self.write_image(&mut count);
        count.0
    }

    /// Copies all that a later step can read into the buffer, in place of what is in it.
    pub fn copy_image(&self, image: &mut Vec<u8>) {
        image.clear();
        self.write_image(image);
    }

    fn write_image(&self, to: &mut impl Put) {
        let home = &self.people.home;
        to.words(&[FORMAT_VERSION, self.model.fingerprint(), u64::from(home.shard), u64::from(home.shards)]);
        to.words(&[self.now as u64, self.landmark as u64, self.landmark_until as u64, u64::from(self.cursor)]);
        to.words(&[optional(self.leader), optional(self.round_leader), at(self.reported_at)]);
        self.people.write_image(to);
        self.targets.write_image(to);
        to.table(&self.accounts.list);
        self.edges.write_image(to);
        self.follows.write_image(to);
        let (first, second) = self.queue.as_slices();
        to.word((first.len() + second.len()) as u64);
        to.elements(first);
        to.elements(second);
        to.table(&self.ranks);
        write_scale(Some(&self.scale), to);
        write_scale(self.coming_scale.as_ref(), to);
        to.word(at(self.keeper.moved_at));
        for report in &self.keeper.reports {
            to.words(&[u64::from(report.is_some()), report.as_ref().map_or(0, |report| report.largest.to_bits())]);
            to.table(report.as_ref().map_or(&[], |report| &report.ranks));
        }
    }

    /// The shard of an image.
    ///
    /// # Errors
    /// If the bytes are no image, or one of another model or shard.
    pub fn from_image(model: &Model, shard: u16, shards: u16, image: &[u8]) -> Result<Shard, InvalidImage> {
        let mut from = Reader(image);
        let mut new = Shard::new(model.clone(), shard, shards);
        if from.word()? != FORMAT_VERSION {
            return invalid("it is of another version of the format");
        }
        if from.word()? != model.fingerprint() {
            return invalid("it is of a model with other parameters");
        }
        if [from.word()?, from.word()?] != [u64::from(shard), u64::from(shards)] {
            return invalid("it is of another shard");
        }
        (new.now, new.landmark) = (from.word()? as Timestamp, from.word()? as i64);
        (new.landmark_until, new.cursor) = (from.word()? as Timestamp, from.word()? as PersonId);
        (new.leader, new.round_leader) = (from.id()?, from.id()?);
        new.reported_at = from.time()?;
        new.people.read_image(&mut from)?;
        new.targets.read_image(&mut from)?;
        new.accounts = Accounts::of(from.table()?);
        new.edges.read_image(&mut from)?;
        new.follows.read_image(&mut from)?;
        new.queue = VecDeque::from(from.table::<PersonId>()?);
        new.ranks = from.table_of(RANKS)?;
        new.scale = read_scale(&mut from)?.ok_or_else(|| InvalidImage("it has no scale".into()))?;
        new.coming_scale = read_scale(&mut from)?;
        new.keeper.moved_at = from.time()?;
        for report in &mut new.keeper.reports {
            *report = read_report(&mut from)?;
        }
        if !from.0.is_empty() {
            return invalid(format!("{} bytes too many", from.0.len()));
        }
        new.check_references()?;
        new.growth.focus(new.now);
        Ok(new)
    }

    /// Every place that a table names must be there.
    fn check_references(&self) -> Result<(), InvalidImage> {
        let (persons, remotes, standings) =
            (self.people.persons.len(), self.people.remotes.len(), self.targets.standings.len());
        let is_standing = |id: u32| (id as usize) < standings;
        let leaders = self.leader.into_iter().chain(self.round_leader);
        let fits = leaders.chain(self.targets.touched.iter().copied()).all(is_standing)
            && self.targets.unchecked.iter().copied().all(is_standing)
            && self.queue.iter().all(|&person| (person as usize) < persons)
            && self.targets.standings.iter().all(|standing| (standing.person() as usize) < persons)
            && self
                .people
                .persons
                .iter()
                .all(|person| person.standing().is_none_or(is_standing) && self.edges.holds(person.row))
            && self.accounts.list.iter().all(|account| {
                (account.person as usize) < persons && account.is_sound() && self.follows.holds(account.follows)
            })
            && self.edges.are_sound(standings, remotes)
            && self.follows.are_sound(standings, remotes)
            && self.people.are_sound();
        if fits { Ok(()) } else { invalid("its tables do not fit together") }
    }
}

fn optional(id: Option<u32>) -> u64 {
    id.map_or(u64::MAX, u64::from)
}

fn at(time: Option<Timestamp>) -> u64 {
    time.unwrap_or(Timestamp::MIN) as u64
}

fn write_scale(scale: Option<&Scale>, to: &mut impl Put) {
    let votes = scale.map_or(0, |scale| scale.votes.to_bits());
    to.words(&[u64::from(scale.is_some()), votes, scale.map_or(0, |scale| scale.version)]);
    to.table(scale.map_or(&[][..], |scale| &scale.ranks));
}

fn read_scale(from: &mut Reader<'_>) -> Result<Option<Scale>, InvalidImage> {
    let is_there = from.word()? != 0;
    let scale = Scale { votes: f64::from_bits(from.word()?), version: from.word()?, ranks: from.table()? };
    if !matches!(scale.ranks.len(), 0 | RANKS) {
        return invalid("a scale has other ranks");
    }
    Ok(is_there.then_some(scale))
}

fn read_report(from: &mut Reader<'_>) -> Result<Option<Report>, InvalidImage> {
    let is_there = from.word()? != 0;
    let report = Report { largest: f64::from_bits(from.word()?), ranks: from.table()? };
    if report.ranks.len() != if is_there { RANKS } else { 0 } {
        return invalid("a report has other ranks");
    }
    Ok(is_there.then_some(report))
}

/// Where an image is written, or counted.
pub(crate) trait Put {
    fn bytes(&mut self, bytes: &[u8]);

    fn word(&mut self, word: u64) {
        self.bytes(&word.to_le_bytes());
    }

    fn words(&mut self, words: &[u64]) {
        words.iter().for_each(|&word| self.word(word));
    }

    fn elements<T: NoUninit>(&mut self, elements: &[T]) {
        self.bytes(bytemuck::cast_slice(elements));
    }

    fn table<T: NoUninit>(&mut self, table: &[T]) {
        self.word(table.len() as u64);
        self.elements(table);
    }
}

impl Put for Vec<u8> {
    fn bytes(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

struct Count(usize);

impl Put for Count {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// The rest of an image.
pub(crate) struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    pub(crate) fn word(&mut self) -> Result<u64, InvalidImage> {
        let Some((word, rest)) = self.0.split_first_chunk() else { return invalid("it breaks off") };
        self.0 = rest;
        Ok(u64::from_le_bytes(*word))
    }

    fn id(&mut self) -> Result<Option<u32>, InvalidImage> {
        let word = self.word()?;
        Ok((word != u64::MAX).then_some(word as u32))
    }

    pub(crate) fn time(&mut self) -> Result<Option<Timestamp>, InvalidImage> {
        let time = self.word()? as Timestamp;
        Ok((time != Timestamp::MIN).then_some(time))
    }

    pub(crate) fn table<T: AnyBitPattern + NoUninit + Zeroable>(&mut self) -> Result<Vec<T>, InvalidImage> {
        let count = usize::try_from(self.word()?).unwrap_or(usize::MAX);
        let bytes = count.checked_mul(size_of::<T>()).and_then(|bytes| self.0.split_at_checked(bytes));
        let Some((bytes, rest)) = bytes else { return invalid("a table breaks off") };
        self.0 = rest;
        let mut table = bytemuck::allocation::zeroed_vec(count);
        bytemuck::cast_slice_mut::<T, u8>(&mut table).copy_from_slice(bytes);
        Ok(table)
    }

    pub(crate) fn table_of<T: AnyBitPattern + NoUninit + Zeroable>(
        &mut self,
        count: usize,
    ) -> Result<Vec<T>, InvalidImage> {
        let table = self.table()?;
        if table.len() == count { Ok(table) } else { invalid(format!("a table has {} entries", table.len())) }
    }
}

/// What is copied must have no padding, and stay as small as it is.
const _: () = {
    assert!(size_of::<Person>() == 32 && size_of::<Standing>() == 56 && size_of::<Edge>() == 24);
    assert!(size_of::<Follow>() == 16 && size_of::<Remote>() == 16 && size_of::<Account>() <= 88);
    assert!(Edge::EMPTY.target == u32::MAX);
};
