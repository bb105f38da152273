//! A shard as bytes: all that a later step can read, as flat tables, copied as they lie in memory.
//!
//! Nothing is encoded, and what follows from the rest is left out. The image of a shard that was made from an image is
//! that image, and both do the same from there on.

use std::collections::VecDeque;

use crate::account::{Account, Accounts, Follow};
use crate::edge::Edge;
use crate::history::History;
use crate::model::Model;
use crate::name::HashKey;
use crate::people::{Person, Remote};
use crate::row::Slot;
use crate::scale::Scale;
use crate::shard::{Outlook, Shard};
use crate::siblings::Siblings;
use crate::standing::Standing;
use crate::tables::{Count, InvalidImage, Put, Reader, check};
use vocabulary::Timestamp;

/// Counts its changes, eight at a time.
const FORMAT_VERSION: u64 = 13;
/// The oldest that is read. Its checks of names repeat nothing of their keys. What still older ones lack, the shard's events tell.
const FORMAT_VERSION_MIN: u64 = 5;
/// So much is added for closes of days at its end, for blocks, and for linked accounts: only a shard that has some has them, so that all others can be
/// read by a program that knows none.
const WITH_CLOSES: u64 = 1;
const WITH_BLOCKS: u64 = 2;
const WITH_SIBLINGS: u64 = 4;
const PARTS: u64 = WITH_CLOSES + WITH_BLOCKS + WITH_SIBLINGS;
/// And for an index on its way to a larger one.
const WITH_GROWING: u64 = 8;
const FORMAT_VERSION_MAX: u64 = FORMAT_VERSION + PARTS + WITH_GROWING;

/// What is copied must have no padding, which its traits prove, and stay as small as it is.
const _: () = {
    assert!(size_of::<Person>() == 48 && size_of::<Standing>() == 64 && size_of::<Edge>() == 24);
    assert!(size_of::<Follow>() == 16 && size_of::<Remote>() == 16 && size_of::<Account>() == 88);
    assert!(Edge::EMPTY.target == u32::MAX);
};

impl Shard {
    /// Bytes of the image, exactly, so that room can be made for it beforehand.
    pub fn image_bytes(&self) -> usize {
        let mut count = Count(0);
        self.write_image(&mut count);
        count.0
    }

    /// Copies all that a later step can read into the buffer, in place of what is in it: as fast as memory is copied,
    /// if the buffer has room for [`image_bytes`](Shard::image_bytes) and was used before.
    pub fn copy_image(&self, image: &mut Vec<u8>) {
        image.clear();
        image.reserve_exact(self.image_bytes());
        self.write_image(image);
    }

    /// The shard of an image. The model must be valid.
    ///
    /// # Errors
    /// If the bytes are no image, or one of another model or shard; says why.
    pub fn from_image(
        model: &Model,
        hash_key: &HashKey,
        shard: u16,
        shards: u16,
        image: &[u8],
    ) -> Result<Shard, InvalidImage> {
        let mut from = Reader(image);
        let mut new = Shard::new(model.clone(), *hash_key, shard, shards);
        let version = new.read_header(&mut from)?;
        let (holds, has_whole_checks) = ((version - FORMAT_VERSION_MIN) & PARTS, version < FORMAT_VERSION);
        new.read_progress(&mut from)?;
        new.people.read_image(&mut from, has_whole_checks)?;
        new.renewals.read_image(&mut from)?;
        new.targets.read_image(&mut from)?;
        let accounts: Vec<Account> = from.table("accounts")?;
        new.edges.read_image("edges", &mut from)?;
        new.follows.read_image("follows", &mut from)?;
        new.queue = VecDeque::from(from.table("the queue")?);
        new.read_scale(&mut from)?;
        if holds & WITH_BLOCKS != 0 {
            new.blocks.read_image(&mut from)?;
        }
        if holds & WITH_SIBLINGS != 0 {
            new.siblings = Siblings::read_image(&mut from, has_whole_checks)?;
        }
        if version >= FORMAT_VERSION + WITH_GROWING {
            new.people.index.read_growing(&mut from)?;
        }
        if holds & WITH_CLOSES != 0 {
            new.history = Some(Box::new(History::read_image(&mut from, &new.targets)?));
        }
        check(from.0.is_empty(), "there are bytes after its end")?;
        new.accounts = Accounts::of(accounts);
        new.check_tables()?;
        if holds & WITH_BLOCKS != 0 {
            new.check_blocks()?;
        }
        if new.now != Timestamp::MIN {
            new.growth.focus(new.now);
        }
        new.set_alarm();
        Ok(new)
    }

    /// Whose image these bytes are, as far as their beginning says: the shard, and how many there are.
    pub fn of_image(image: &[u8]) -> Option<(u16, u16)> {
        let mut from = Reader(image);
        let version = from.word().ok().filter(|&version| is_known(version));
        let _fingerprint = version.and_then(|_| from.word().ok())?;
        let mut number = || u16::try_from(from.word().ok()?).ok();
        Some((number()?, number()?))
    }

    fn write_image(&self, to: &mut impl Put) {
        self.write_header(to);
        self.write_progress(to);
        self.people.write_image(to);
        self.renewals.write_image(to);
        self.targets.write_image(to);
        to.table(&self.accounts.list);
        self.edges.write_image(to);
        self.follows.write_image(to);
        let (first, second) = self.queue.as_slices();
        to.word(self.queue.len() as u64);
        to.elements(first);
        to.elements(second);
        self.write_scale(to);
        if !self.blocks.is_empty() {
            self.blocks.write_image(to);
        }
        if !self.siblings.is_empty() {
            self.siblings.write_image(to);
        }
        self.people.index.write_growing(to);
        self.history.iter().for_each(|history| history.write_image(to));
    }

    fn write_header(&self, to: &mut impl Put) {
        let home = &self.people.home;
        let holds = |part, is_there| if is_there { part } else { 0 };
        let (closes, blocks) =
            (holds(WITH_CLOSES, self.history.is_some()), holds(WITH_BLOCKS, !self.blocks.is_empty()));
        let siblings = holds(WITH_SIBLINGS, !self.siblings.is_empty());
        let growing = holds(WITH_GROWING, self.people.index.is_growing());
        let version = FORMAT_VERSION + closes + blocks + siblings + growing;
        to.words(&[version, self.model.fingerprint(&self.hash_key), home.shard.into(), home.shards.into()]);
    }

    /// Checks that the image is one of this shard. Returns its version.
    fn read_header(&self, from: &mut Reader<'_>) -> Result<u64, InvalidImage> {
        let home = &self.people.home;
        let version = from.word()?;
        if !is_known(version) {
            return Err(InvalidImage(format!(
                "it is of version {version} of the format, this program reads versions {FORMAT_VERSION_MIN} to \
                 {FORMAT_VERSION_MAX}: the shard is made anew from its events"
            )));
        }
        let is_ours = from.word()? == self.model.fingerprint(&self.hash_key);
        check(is_ours, "it is of a model with other parameters, or another hash key")?;
        let (shard, shards) = (from.word()?, from.word()?);
        if (shard, shards) == (home.shard.into(), home.shards.into()) {
            return Ok(version);
        }
        let (wanted, of) = (home.shard, home.shards);
        Err(InvalidImage(format!("it is of shard {shard} of {shards}, not of {wanted} of {of}")))
    }

    fn write_progress(&self, to: &mut impl Put) {
        to.words(&[self.now as u64, self.began_at as u64, self.genesis as u64]);
        to.words(&[self.landmark as u64, self.landmark_until as u64]);
        to.id(Some(self.cursor));
        to.word(self.rounds);
        to.id(self.leader);
        to.time(self.reported_at);
        to.word(self.reported_largest.to_bits());
        to.words(&self.outlook.words());
    }

    fn read_progress(&mut self, from: &mut Reader<'_>) -> Result<(), InvalidImage> {
        self.now = from.word()? as Timestamp;
        self.began_at = from.word()? as Timestamp;
        let genesis = from.word()? as Timestamp;
        self.set_genesis(genesis);
        self.landmark = from.word()? as i64;
        self.landmark_until = from.word()? as Timestamp;
        self.cursor = from.id("the sweep")?.ok_or_else(|| InvalidImage("the sweep: stands nowhere".into()))?;
        self.rounds = from.word()?;
        self.leader = from.id("the leader")?;
        self.reported_at = from.time()?;
        self.reported_largest = f64::from_bits(from.word()?);
        check(self.reported_largest.is_finite(), "the last report: its largest influence is none")?;
        self.outlook = Outlook::read_image(from)?;
        Ok(())
    }

    fn write_scale(&self, to: &mut impl Put) {
        write_scale(&self.scale, to);
        to.word(self.coming_scale.is_some().into());
        self.coming_scale.iter().for_each(|scale| write_scale(scale, to));
        self.keeper.write_image(to);
    }

    fn read_scale(&mut self, from: &mut Reader<'_>) -> Result<(), InvalidImage> {
        self.scale = read_scale(from)?;
        self.coming_scale = if from.flag("the coming scale")? { Some(read_scale(from)?) } else { None };
        self.keeper.read_image(from)
    }
}

fn is_known(version: u64) -> bool {
    (FORMAT_VERSION_MIN..=FORMAT_VERSION_MAX).contains(&version)
}

fn write_scale(Scale { votes, version }: &Scale, to: &mut impl Put) {
    to.words(&[votes.to_bits(), *version]);
}

fn read_scale(from: &mut Reader<'_>) -> Result<Scale, InvalidImage> {
    let scale = Scale { votes: f64::from_bits(from.word()?), version: from.word()? };
    check(scale.votes.is_finite() && scale.votes > 0.0, "the scale: stands for no votes")?;
    Ok(scale)
}

#[cfg(test)]
mod tests {
    use vocabulary::{Event, Kind};

    use super::*;
    use crate::shard::{Arrival, Effects, Slice};

    #[test]
    fn an_image_says_whose_it_is_and_a_shard_whom_somebody_acts_on() {
        let mut shard = Shard::new(Model::with_half_life(86_400_000), HashKey::new([1, 2]), 0, 1);
        let act =
            |actor, target| Arrival { clock: 1_000, event: Event { actor, target, kind: Kind::Mention, at: 1_000 } };
        let events = [act("ana", "bo"), act("bo", "ana"), act("cy", "bo")];
        let (exchange, profiles) = (&[], &[]);
        let (clock, sweep, publishes, settles) = (2_000, 10, true, false);
        let slice = Slice { clock, exchange, profiles, events: &events, sweep, publishes, settles, ..Slice::default() };
        shard.step(&slice, &mut Effects::default());
        let mut image = Vec::new();
        shard.copy_image(&mut image);
        assert_eq!(Shard::of_image(&image), Some((0, 1)));
        let others = [&image[..20], b"something else altogether, and long"];
        assert_eq!(others.map(Shard::of_image), [None, None]);
        let acts_on: Vec<_> = shard.row("bo").iter().map(|pair| (pair.actor, pair.target)).collect();
        assert_eq!(acts_on, [(shard.key("bo"), shard.key("ana"))]);
        assert!(shard.row("nobody").is_empty());
    }
}
