//! What one shard has to tell another: entries, summed over a step, in sections of one source each.

use crate::growth::Landmark;
use crate::name::UserKey;
use crate::scale::{Report, Scale};
use vocabulary::{Counts, Timestamp};

/// The largest sum that one shard tells another, and its negative the smallest. What is larger counts as this much: no
/// number of entries adds up to infinity.
pub const SUM_MAX: f64 = 1e100;

/// Digits of an `f64` that are left out where one shard tells another what room is made of.
const DIGITS_LEFT_OUT: u32 = 21;

/// The nearest number that takes five bytes: one of 32 significant bits in the range of an `f32`, never a negative zero.
pub fn in_five_bytes(sum: f64) -> f64 {
    const KEPT: u64 = !((1 << DIGITS_LEFT_OUT) - 1);
    /// The last number before 2^128.
    const MOST: f64 = f64::from_bits(0x47ef_ffff_ffff_ffff & KEPT);
    let half = 1 << (DIGITS_LEFT_OUT - 1);
    let bits = sum.clamp(-MOST, MOST).to_bits();
    // A carry rises into the exponent, as it should.
    let nearest = f64::from_bits((bits + half) & KEPT);
    if nearest.abs() >= f64::from(f32::MIN_POSITIVE) { nearest } else { 0.0 }
}

/// All that one shard tells another in one step; sums are for the source's landmark. Entries lie in the order in which the
/// source met their targets, and then their actors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    /// The shard that speaks.
    pub source: u16,
    /// Its landmark, in half-lives since 1970.
    pub landmark: Landmark,
    /// Its clock at the end of the step.
    pub clock: Timestamp,
    /// Names of targets, once from each shard; before the entries that speak of them.
    pub names: Vec<Box<str>>,
    /// Changes of targets' sums, one entry a target.
    pub endorse: Vec<Endorse>,
    /// What endorsements have become, one entry a pair.
    pub contacts: Vec<Contact>,
    /// Follows that began or ended, one entry a pair.
    pub follows: Vec<FollowNotice>,
    /// Changes of followers' tallies, one entry for each target, level and mutual.
    pub audiences: Vec<AudienceChange>,
    /// Blocks that began or ended, one entry a pair.
    pub blocks: Vec<BlockNotice>,
    /// People of the source who have opted in again: what was given to them before counts no more.
    pub renewed: Vec<UserKey>,
    /// People of the receiver who have opted in again, of whom the source has heard: what it tells of them from here on
    /// was given since.
    pub heard: Vec<UserKey>,
    /// The first act of all, as far as the source knows: to shard 0, and from it.
    pub genesis: Option<Timestamp>,
    /// To shard 0: how its people stand.
    pub report: Option<Report>,
    /// From shard 0: what 100 stands for.
    pub scale: Option<Scale>,
}

impl Section {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Entries in it.
    pub fn len(&self) -> usize {
        self.names.len()
            + self.endorse.len()
            + self.contacts.len()
            + self.follows.len()
            + self.audiences.len()
            + self.blocks.len()
            + self.renewed.len()
            + self.heard.len()
            + usize::from(self.genesis.is_some())
            + usize::from(self.report.is_some())
            + usize::from(self.scale.is_some())
    }
}

/// Changes of one target's sums.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Endorse {
    /// Who was endorsed.
    pub target: UserKey,
    /// By how much.
    pub change: Change,
}

/// Changes of a target's sums, in the landmark domain.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Change {
    /// Of `G`.
    pub given: f64,
    /// Of `H`.
    pub returned: f64,
    /// Of the sum of `l`.
    pub reach: f64,
    /// Of the sum of `w`.
    pub weight: f64,
    /// Of `D`: the fans' shares of whole votes. In a section a number [`in_five_bytes`].
    pub whole: f64,
    /// Of `V`: the part of it that is of known fans. In a section a number [`in_five_bytes`].
    pub known: f64,
    /// `P`: `g` of the newest act, no change but a bound from below.
    pub newest: f32,
    /// Of the in-degree.
    pub fans: i32,
    /// Of the exact counts.
    pub received: Counts<u32>,
}

impl Change {
    #[inline]
    pub(crate) fn add(&mut self, other: &Change) {
        self.given += other.given;
        self.returned += other.returned;
        self.reach += other.reach;
        self.weight += other.weight;
        self.whole += other.whole;
        self.known += other.known;
        self.newest = self.newest.max(other.newest);
        self.fans = self.fans.saturating_add(other.fans);
        for (kind, more) in other.received.iter() {
            self.received.get_mut(kind).into_iter().for_each(|sum| *sum = sum.saturating_add(more));
        }
    }

    /// The same, with no sum beyond [`SUM_MAX`], whatever its bits are.
    pub(crate) fn bounded(&self) -> Change {
        let bounded = |sum: f64| if sum.is_nan() { 0.0 } else { sum.clamp(-SUM_MAX, SUM_MAX) };
        Change {
            given: bounded(self.given),
            returned: bounded(self.returned),
            reach: bounded(self.reach),
            weight: bounded(self.weight),
            whole: bounded(self.whole),
            known: bounded(self.known),
            newest: if self.newest.is_nan() { 0.0 } else { self.newest.clamp(0.0, f32::MAX) },
            ..*self
        }
    }

    /// As another shard is told it.
    pub(crate) fn told(&self) -> Change {
        Change { whole: in_five_bytes(self.whole), known: in_five_bytes(self.known), ..*self }
    }

    pub(crate) fn rescaled(&self, factor: f64) -> Change {
        Change {
            given: self.given * factor,
            returned: self.returned * factor,
            reach: self.reach * factor,
            weight: self.weight * factor,
            whole: self.whole * factor,
            known: self.known * factor,
            newest: (f64::from(self.newest) * factor) as f32,
            ..*self
        }
    }
}

/// What an actor's endorsement of a target has become.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contact {
    /// Who endorses.
    pub actor: UserKey,
    /// Who is endorsed.
    pub target: UserKey,
    /// `C`; 0 when the pair is forgotten.
    pub endorsement: f32,
    /// The target's endorsement of the actor, if there is one, shall be told back.
    pub wants_answer: bool,
}

/// A follow that began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowNotice {
    /// Who follows.
    pub actor: UserKey,
    /// Who is followed.
    pub target: UserKey,
    /// Whether the actor follows the target now.
    pub follows: bool,
    /// The target's follow of the actor, if there is one, shall be told back.
    pub wants_answer: bool,
}

/// A block that began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockNotice {
    /// Who blocks.
    pub actor: UserKey,
    /// Who is blocked: what they do to the actor gives nothing.
    pub target: UserKey,
    /// Whether the actor blocks the target now.
    pub blocks: bool,
}

/// A change of one target's tally of followers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudienceChange {
    /// Who is followed.
    pub target: UserKey,
    /// Level of the followers that changed.
    pub level: u8,
    /// Whether the target follows them as well.
    pub mutual: bool,
    /// By how many.
    pub followers: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_bytes_tell_a_number_to_one_part_in_four_thousand_million() {
        for exponent in -120..120 {
            for digits in [1.0, 1.0 + f64::EPSILON, 4.0 / 3.0, std::f64::consts::SQRT_2, 2.0 - f64::EPSILON] {
                let number = digits * f64::powi(2.0, exponent);
                let told = in_five_bytes(number);
                assert!((told / number - 1.0).abs() <= f64::powi(2.0, -32), "{number:e} {told:e}");
                assert_eq!((in_five_bytes(told), in_five_bytes(-number)), (told, -told), "{number:e}");
            }
        }
    }

    #[test]
    fn what_five_bytes_cannot_tell_is_nothing_or_the_most() {
        for nothing in [0.0, -0.0, 1e-39, -1e-39, 5e-324] {
            assert_eq!(in_five_bytes(nothing).to_bits(), 0, "{nothing:e}");
        }
        let most = f64::powi(2.0, 128) - f64::powi(2.0, 96);
        for (much, told) in [(most, most), (1e39, most), (-SUM_MAX, -most)] {
            assert_eq!(in_five_bytes(much), told, "{much:e}");
        }
    }
}
