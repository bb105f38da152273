//! Opting in again: what others gave before does not count any more.
//!
//! Rows still name what was given, and nobody knows which rows. So the person leaves the old standing behind and gets a
//! new one with the next act, and so does the remote in other shards. The sweep drops what rows have of those that were
//! left behind, and a round later they are used again. Who is forgotten goes the same way.
//!
//! Other shards hear of it a step later. Until one has said that it has, what it tells of the person was given before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::digest::both;
use crate::exchange::Section;
use crate::id::PersonId;
use crate::name::UserKey;
use crate::people::Target;
use crate::shard::Shard;
use crate::tables::{InvalidImage, Put, Reader, check};

/// Those who opted in again, as long as it matters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Renewals {
    /// What was left behind, packed as rows keep it, with the place of the sweep at that time; the oldest first.
    left: VecDeque<Left>,
    /// The same as a set.
    left_targets: BTreeSet<u32>,
    /// For each person and shard that has not heard of it yet: how often it has to.
    unheard: BTreeMap<(UserKey, u16), u32>,
}

#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Left {
    target: u32,
    cursor: PersonId,
    round: u64,
}

impl Renewals {
    /// Whether what this shard tells of this person was given since the person opted in.
    #[inline]
    pub(crate) fn is_heard(&self, key: UserKey, source: u16) -> bool {
        self.unheard.is_empty() || !self.unheard.contains_key(&(key, source))
    }

    /// Whether a shard has not heard yet that this person has opted in again.
    pub(crate) fn is_awaited(&self, key: UserKey) -> bool {
        !self.unheard.is_empty() && self.unheard.range((key, 0)..=(key, u16::MAX)).next().is_some()
    }

    /// Whether rows may name somebody who was left behind.
    pub(crate) fn has_left(&self) -> bool {
        !self.left.is_empty()
    }

    /// Whether this is one that was left behind, packed as rows keep it.
    pub(crate) fn is_left(&self, target: u32) -> bool {
        self.left_targets.contains(&target)
    }

    /// All that were left behind.
    pub(crate) fn left(&self) -> impl Iterator<Item = Target> {
        self.left.iter().map(|left| Target::unpack(left.target))
    }

    pub(crate) fn lens(&self) -> u64 {
        both(self.left.len() as u32, self.unheard.len() as u32)
    }

    pub(crate) fn write_image(&self, to: &mut impl Put) {
        to.word(self.left.len() as u64);
        self.left.iter().for_each(|left| to.elements(&[*left]));
        to.word(self.unheard.len() as u64);
        for (&(key, source), &times) in &self.unheard {
            to.words(&[key, u64::from(source) << 32 | u64::from(times)]);
        }
    }

    pub(crate) fn read_image(&mut self, from: &mut Reader<'_>) -> Result<(), InvalidImage> {
        let left: Vec<Left> = from.table("those left behind")?;
        self.left_targets = left.iter().map(|left| left.target).collect();
        check(self.left_targets.len() == left.len(), "those left behind: one of them is twice")?;
        self.left = left.into();
        let unheard: Vec<[u64; 2]> = from.table("those not heard of")?;
        let entry =
            |[key, source_and_times]: [u64; 2]| ((key, (source_and_times >> 32) as u16), source_and_times as u32);
        let is_whole = |entry: &[u64; 2]| entry[1] >> 48 == 0 && entry[1] as u32 > 0;
        let is_sorted = unheard.is_sorted_by(|&one, &next| entry(one).0 < entry(next).0);
        check(is_sorted && unheard.iter().all(is_whole), "those not heard of: one of them is twice, or none")?;
        self.unheard = unheard.into_iter().map(entry).collect();
        Ok(())
    }
}

impl Shard {
    /// Somebody has opted in again.
    pub(crate) fn renew(&mut self, person: PersonId) {
        let kept = &mut self.people.persons[person];
        let key = kept.key;
        if let Some(standing) = kept.standing() {
            kept.leave_standing();
            self.targets.standings[standing].leave();
            self.leave_behind(Target::Here(standing));
        }
        if let Some(account) = self.accounts.get_mut(person) {
            account.forget_followers();
        }
        self.tell_others(key);
    }

    /// Other shards are to begin anew with this person, and to tell the name again when somebody acts on them. What they
    /// tell until they have heard of it does not count.
    pub(crate) fn tell_others(&mut self, key: UserKey) {
        let (home, shards) = (self.people.home.shard, self.people.home.shards);
        if shards > 1 {
            self.step.renewed.push(key);
        }
        for shard in (0..shards).filter(|&shard| shard != home) {
            *self.renewals.unheard.entry((key, shard)).or_default() += 1;
        }
    }

    pub(crate) fn leave_behind(&mut self, target: Target) {
        let left = Left { target: target.pack(), cursor: self.cursor, round: self.rounds };
        self.renewals.left.push_back(left);
        self.renewals.left_targets.insert(left.target);
    }

    /// Takes what another shard says about its people who have opted in again.
    pub(crate) fn take_renewed(&mut self, section: &Section) {
        for &key in &section.renewed {
            self.step.digest.fold(key);
            if let Some(remote) = self.people.neighbour(section.source, key) {
                self.people.leave_remote(remote);
                self.leave_behind(Target::Away(remote));
            }
            self.step.heard_away.push((section.source, key));
        }
    }

    /// Takes that another shard has heard of ours.
    pub(crate) fn take_heard(&mut self, section: &Section) {
        for &key in &section.heard {
            self.step.digest.fold(key);
            let place = (key, section.source);
            if let Some(times) = self.renewals.unheard.get_mut(&place) {
                *times -= 1;
                if *times == 0 {
                    self.renewals.unheard.remove(&place);
                }
            }
        }
    }

    pub(crate) fn send_renewals(&mut self, exchange: &mut [Section]) {
        let home = usize::from(self.people.home.shard);
        for (_, section) in exchange.iter_mut().enumerate().filter(|&(shard, _)| shard != home) {
            section.renewed.extend(&self.step.renewed);
        }
        self.step.renewed.clear();
        for (shard, key) in self.step.heard_away.drain(..) {
            if let Some(section) = exchange.get_mut(usize::from(shard)) {
                section.heard.push(key);
            }
        }
    }

    /// Once the sweep has been everywhere since, no row names what was left behind.
    pub(crate) fn reuse_left(&mut self) {
        while let Some(&Left { target, cursor, round }) = self.renewals.left.front() {
            let is_swept = (self.rounds, self.cursor) >= (round.saturating_add(1), cursor);
            let target = Target::unpack(target);
            let is_listed = match target {
                Target::Here(standing) => self.targets.standings[standing].is_listed(),
                Target::Away(remote) => self.people.remotes[remote].change != 0,
            };
            if !is_swept || is_listed {
                return;
            }
            self.renewals.left.pop_front();
            self.renewals.left_targets.remove(&target.pack());
            match target {
                Target::Here(standing) => self.targets.free(standing),
                Target::Away(remote) => self.people.free_remote(remote),
            }
        }
    }
}
