//! A shard as bytes: all that a later step can read, as flat tables, copied as they lie in memory.
//!
//! Nothing is encoded, and what follows from the rest is left out. The image of a shard that was made from an image is
//! that image, and both do the same from there on.

use std::collections::VecDeque;

use crate::account::{Account, Accounts, Follow};
use crate::edge::Edge;
use crate::model::Model;
use crate::name::HashKey;
use crate::people::{Person, Remote};
use crate::row::Slot;
use crate::scale::{Report, Scale};
use crate::shard::Shard;
use crate::standing::Standing;
use crate::tables::{Count, InvalidImage, Put, Reader, check};
use vocabulary::Timestamp;

/// Counts its changes; an image of the version before is read as well.
const FORMAT_VERSION: u64 = 3;
/// The first version in which counts are kept apart, and which has no histograms of scores.
const APART_VERSION: u64 = 3;

/// What is copied must have no padding, which its traits prove, and stay as small as it is.
const _: () = {
    assert!(size_of::<Person>() == 32 && size_of::<Standing>() == 56 && size_of::<Edge>() == 24);
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
        let is_old = version < APART_VERSION;
        new.read_progress(&mut from, is_old)?;
        new.people.read_image(&mut from)?;
        new.renewals.read_image(&mut from)?;
        new.targets.read_image(&mut from, !is_old)?;
        let accounts: Vec<Account> = from.table("accounts")?;
        new.edges.read_image("edges", &mut from)?;
        new.follows.read_image("follows", &mut from)?;
        new.queue = VecDeque::from(from.table("the queue")?);
        new.read_scale(&mut from, is_old)?;
        check(from.0.is_empty(), "there are bytes after its end")?;
        new.accounts = Accounts::of(accounts);
        new.check_tables()?;
        if new.now != Timestamp::MIN {
            new.growth.focus(new.now);
        }
        Ok(new)
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
    }

    fn write_header(&self, to: &mut impl Put) {
        let home = &self.people.home;
        to.words(&[FORMAT_VERSION, self.model.fingerprint(&self.hash_key), home.shard.into(), home.shards.into()]);
    }

    /// Checks that the image is one of this shard; its version.
    fn read_header(&self, from: &mut Reader<'_>) -> Result<u64, InvalidImage> {
        let home = &self.people.home;
        let version = from.word()?;
        check((FORMAT_VERSION - 1..=FORMAT_VERSION).contains(&version), "it is of another version of the format")?;
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
        to.words(&[self.now as u64, self.began_at as u64, self.landmark as u64, self.landmark_until as u64]);
        to.id(Some(self.cursor));
        to.word(self.rounds);
        to.id(self.leader);
        to.id(self.round_leader);
        to.time(self.reported_at);
        to.word(self.reported_largest.to_bits());
    }

    fn read_progress(&mut self, from: &mut Reader<'_>, is_old: bool) -> Result<(), InvalidImage> {
        self.now = from.word()? as Timestamp;
        self.began_at = from.word()? as Timestamp;
        self.landmark = from.word()? as i64;
        self.landmark_until = from.word()? as Timestamp;
        self.cursor = from.id("the sweep")?.ok_or_else(|| InvalidImage("the sweep: stands nowhere".into()))?;
        self.rounds = from.word()?;
        self.leader = from.id("the leader")?;
        self.round_leader = from.id("the round's leader")?;
        self.reported_at = from.time()?;
        self.reported_largest = f64::from_bits(from.word()?);
        check(self.reported_largest.is_finite(), "the last report: its largest influence is none")?;
        if is_old {
            from.flag("what is not reported")?;
        }
        Ok(())
    }

    fn write_scale(&self, to: &mut impl Put) {
        write_scale(&self.scale, to);
        to.word(self.coming_scale.is_some().into());
        self.coming_scale.iter().for_each(|scale| write_scale(scale, to));
        to.time(self.keeper.moved_at);
        to.word(self.keeper.waited_steps.into());
        for report in &self.keeper.reports {
            to.word(report.is_some().into());
            report.iter().for_each(|report| write_report(report, to));
        }
    }

    fn read_scale(&mut self, from: &mut Reader<'_>, is_old: bool) -> Result<(), InvalidImage> {
        pass_histogram(from, is_old)?;
        self.scale = read_scale(from, is_old)?;
        self.coming_scale = if from.flag("the coming scale")? { Some(read_scale(from, is_old)?) } else { None };
        self.keeper.moved_at = from.time()?;
        let waited = u32::try_from(from.word()?);
        self.keeper.waited_steps = waited.map_err(|_| InvalidImage("the scale: has waited for ever".into()))?;
        for report in &mut self.keeper.reports {
            *report = if from.flag("reports")? { Some(read_report(from, is_old)?) } else { None };
        }
        Ok(())
    }
}

fn write_scale(Scale { votes, version }: &Scale, to: &mut impl Put) {
    to.words(&[votes.to_bits(), *version]);
}

/// What only an old image has, and nothing needs.
fn pass_histogram(from: &mut Reader<'_>, is_old: bool) -> Result<(), InvalidImage> {
    if is_old {
        from.table::<u32>("ranks")?;
    }
    Ok(())
}

fn read_scale(from: &mut Reader<'_>, is_old: bool) -> Result<Scale, InvalidImage> {
    let scale = Scale { votes: f64::from_bits(from.word()?), version: from.word()? };
    pass_histogram(from, is_old)?;
    check(scale.votes.is_finite() && scale.votes > 0.0, "the scale: stands for no votes")?;
    Ok(scale)
}

fn write_report(Report { largest }: &Report, to: &mut impl Put) {
    to.word(largest.to_bits());
}

fn read_report(from: &mut Reader<'_>, is_old: bool) -> Result<Report, InvalidImage> {
    let report = Report { largest: f64::from_bits(from.word()?) };
    pass_histogram(from, is_old)?;
    check(report.largest.is_finite(), "a report: its largest influence is none")?;
    Ok(report)
}

#[cfg(test)]
mod tests {
    use vocabulary::{Event, Kind, Profile};

    use super::*;
    use crate::shard::{Arrival, Effects, Slice};

    const KEY: HashKey = HashKey::new([1, 2]);
    const HOUR: Timestamp = 3_600_000;

    fn shard() -> Shard {
        let mut shard = Shard::new(Model::with_half_life(24 * HOUR), KEY, 0, 1);
        let act = |actor, kind, target, at| Arrival { clock: at, event: Event { actor, target, kind, at } };
        let events = [
            act("ana", Kind::Mention, "bo", HOUR),
            act("bo", Kind::Reply, "ana", HOUR),
            act("cy", Kind::Retweet, "bo", 2 * HOUR),
            act("dee", Kind::Follow, "bo", 2 * HOUR),
        ];
        let profiles = [Profile { user: "cy", opted_out: None, trust: Some(2.0) }];
        let slice = Slice {
            clock: 3 * HOUR,
            exchange: &[],
            profiles: &profiles,
            events: &events,
            sweep: 10,
            publishes: true,
            settles: false,
        };
        shard.step(&slice, &mut Effects::default());
        shard
    }

    /// The image as it was before counts were kept apart, with its histograms of published scores.
    fn old_image(shard: &Shard) -> Vec<u8> {
        const RANKS: [u32; 1001] = [1; 1001];
        let mut to = Vec::new();
        let home = &shard.people.home;
        let fingerprint = shard.model.fingerprint(&shard.hash_key);
        to.words(&[APART_VERSION - 1, fingerprint, home.shard.into(), home.shards.into()]);
        shard.write_progress(&mut to);
        to.word(1);
        shard.people.write_image(&mut to);
        shard.renewals.write_image(&mut to);
        let mut targets = Vec::new();
        shard.targets.write_image(&mut targets);
        assert!(targets.ends_with(&[0; 8]), "no count is kept apart");
        to.bytes(&targets[..targets.len() - 8]);
        to.table(&shard.accounts.list);
        shard.edges.write_image(&mut to);
        shard.follows.write_image(&mut to);
        to.word(0);
        to.table(&RANKS);
        write_scale(&shard.scale, &mut to);
        to.table(&[0.5f32; 1001]);
        to.word(0);
        to.time(shard.keeper.moved_at);
        to.word(shard.keeper.waited_steps.into());
        for report in &shard.keeper.reports {
            to.word(report.is_some().into());
            report.iter().for_each(|report| write_report(report, &mut to));
            report.iter().for_each(|_| to.table(&RANKS));
        }
        to
    }

    #[test]
    fn an_image_of_the_version_before_is_read() {
        let shard = shard();
        assert!(shard.queue.is_empty() && shard.coming_scale.is_none() && shard.keeper.reports[0].is_some());
        let read = Shard::from_image(&shard.model, &KEY, 0, 1, &old_image(&shard)).expect("it is a shard");
        let (mut image, mut expected) = (Vec::new(), Vec::new());
        read.copy_image(&mut image);
        shard.copy_image(&mut expected);
        assert!(image == expected, "an old image gives the same shard");
    }
}
