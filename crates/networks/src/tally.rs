//! How many messages of each network were read, and what came of them.

use vocabulary::{Kind, PerKind};

use crate::{Found, Naming, Network, Reason};

/// What came of one network's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages read.
    pub messages: u64,
    /// Profiles found.
    pub profiles: u64,
    /// Posts found.
    pub posts: u64,
    /// Deletions found.
    pub deletions: u64,
    /// Acts on accounts that are known by handle only.
    pub by_handle: u64,
    /// Acts whose time is that of the message before.
    pub borrowed_times: u64,
    acts: PerKind<u64>,
    skipped: [u64; Reason::ALL.len()],
}

impl Counts {
    /// Acts of a kind.
    pub fn acts(&self, kind: Kind) -> u64 {
        self.acts[kind]
    }

    /// Acts of all kinds.
    pub fn all_acts(&self) -> u64 {
        self.acts.total()
    }

    /// Messages, and parts of messages, that gave no act for this reason.
    pub fn skipped(&self, reason: Reason) -> u64 {
        self.skipped[reason as usize]
    }

    /// The kinds that were there, with their numbers.
    pub fn kinds(&self) -> impl Iterator<Item = (Kind, u64)> + '_ {
        Kind::ALL.into_iter().map(|kind| (kind, self.acts(kind))).filter(|&(_, count)| count > 0)
    }

    /// The reasons that were there, with their numbers.
    pub fn reasons(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::ALL.into_iter().map(|reason| (reason, self.skipped(reason))).filter(|&(_, count)| count > 0)
    }

    fn merge(&mut self, more: &Counts) {
        let Counts { messages, profiles, posts, deletions, by_handle, borrowed_times, acts, skipped } = more;
        self.messages += messages;
        self.profiles += profiles;
        self.posts += posts;
        self.deletions += deletions;
        self.by_handle += by_handle;
        self.borrowed_times += borrowed_times;
        Kind::ALL.into_iter().for_each(|kind| self.acts[kind] += acts[kind]);
        self.skipped.iter_mut().zip(skipped).for_each(|(count, more)| *count += more);
    }

    fn add(&mut self, found: &Found<'_>) {
        match found {
            Found::Act(act) => {
                self.acts[act.kind] += 1;
                self.by_handle += u64::from(act.target.naming == Naming::Handle);
            }
            Found::Profile(_) => self.profiles += 1,
            Found::Post(_) => self.posts += 1,
            Found::Deletion(_) => self.deletions += 1,
            Found::Claim(_) | Found::Kin(_) => {}
            Found::Skipped(_, reason) => self.skipped[*reason as usize] += 1,
        }
    }
}

/// The counts of every network, and of messages that were not recognised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    networks: [Counts; Network::ALL.len()],
    unrecognised: Counts,
}

impl Tally {
    /// The counts of a network, or of what was not recognised.
    pub fn of(&self, network: Option<Network>) -> &Counts {
        network.map_or(&self.unrecognised, |network| &self.networks[network as usize])
    }

    /// Messages of all networks, and of none.
    pub fn messages(&self) -> u64 {
        self.networks.iter().chain([&self.unrecognised]).map(|counts| counts.messages).sum()
    }

    /// Adds the counts of another one.
    pub fn merge(&mut self, more: &Tally) {
        self.networks.iter_mut().zip(&more.networks).for_each(|(counts, more)| counts.merge(more));
        self.unrecognised.merge(&more.unrecognised);
    }

    pub(crate) fn of_mut(&mut self, network: Option<Network>) -> &mut Counts {
        match network {
            Some(network) => &mut self.networks[network as usize],
            None => &mut self.unrecognised,
        }
    }

    pub(crate) fn add(&mut self, network: Option<Network>, found: &Found<'_>) {
        self.of_mut(network).add(found);
    }
}
