//! A running digest of what a step does, so that the same slice done again can be seen to do the same.
//!
//! Each part of a step folds in what it changes where it has it at hand; who came and all effects follow at its end.
//! That costs 2 to 3 % of the engine's speed, so nothing is fetched only to be folded.

use crate::exchange::{AudienceChange, BlockNotice, Change, Contact, Endorse, FollowNotice, Section};
use crate::scale::{Report, Scale};
use crate::shard::{Effects, Removed, Shard, Taken};
use vocabulary::Kind;

/// 64 bits over words, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Digest(u64);

impl Default for Digest {
    fn default() -> Digest {
        Digest(0x243f_6a88_85a3_08d3)
    }
}

impl Digest {
    /// One to one for each word: no change of a single word goes unseen.
    #[inline]
    pub(crate) fn fold(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }

    /// Two words at the price of one: they are mixed before, which does not wait for what was folded last.
    #[inline]
    pub(crate) fn fold_both(&mut self, first: u64, second: u64) {
        let product = u128::from(first ^ 0xa409_3822_299f_31d0) * u128::from(second ^ 0x082e_fa98_ec4e_6c89);
        self.fold(product as u64 ^ (product >> 64) as u64);
    }

    #[inline]
    pub(crate) fn fold_bytes(&mut self, bytes: &[u8]) {
        self.fold(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|&word| self.fold(u64::from_le_bytes(word)));
        self.fold(rest.iter().fold(0, |last, &byte| last << 8 | u64::from(byte)));
    }

    pub(crate) fn value(self) -> u64 {
        self.0
    }

    fn fold_section(&mut self, section: &Section) {
        let Section { source, landmark, clock, names, endorse, contacts, follows, audiences, .. } = section;
        let Section { blocks, renewed, heard, genesis, report, scale, .. } = section;
        self.fold_both(u64::from(*source), names.len() as u64);
        self.fold_both(*landmark as u64, *clock as u64);
        self.fold_both(both(endorse.len() as u32, contacts.len() as u32), follows.len() as u64);
        self.fold_both(both(audiences.len() as u32, report.is_some().into()), scale.is_some().into());
        names.iter().for_each(|name| self.fold_bytes(name.as_bytes()));
        endorse.iter().for_each(|entry| self.fold_endorse(entry));
        contacts.iter().for_each(|contact| self.fold_contact(contact));
        follows.iter().for_each(|notice| self.fold_notice(notice));
        audiences.iter().for_each(|change| self.fold_audience(change));
        if !renewed.is_empty() || !heard.is_empty() {
            self.fold_both(renewed.len() as u64, heard.len() as u64);
            renewed.iter().chain(heard).for_each(|&key| self.fold(key));
        }
        if !blocks.is_empty() {
            self.fold_both(blocks.len() as u64, 1);
            blocks.iter().for_each(|notice| self.fold_block(notice));
        }
        genesis.iter().for_each(|&genesis| self.fold_both(genesis as u64, !0));
        report.iter().for_each(|report| self.fold_report(report));
        scale.iter().for_each(|scale| self.fold_scale(scale));
    }

    pub(crate) fn fold_report(&mut self, Report { largest, taken, is_opening, is_young }: &Report) {
        self.fold_both(largest.to_bits(), taken.to_bits());
        self.fold_both((*is_opening).into(), (*is_young).into());
    }

    pub(crate) fn fold_scale(&mut self, Scale { votes, version }: &Scale) {
        self.fold_both(votes.to_bits(), *version);
    }

    fn fold_endorse(&mut self, Endorse { target, change }: &Endorse) {
        let Change { given, returned, reach, weight, whole, known, newest, fans, received } = *change;
        let [mentions, retweets, replies, apart @ ..] = received.values();
        self.fold_both(*target, given.to_bits());
        self.fold_both(returned.to_bits(), weight.to_bits());
        self.fold_both(reach.to_bits(), both(fans as u32, *mentions));
        self.fold_both(whole.to_bits(), known.to_bits());
        self.fold_both(both(*retweets, *replies), newest.to_bits().into());
        if apart.iter().any(|count| *count != 0) {
            apart.iter().for_each(|&count| self.fold(count.into()));
        }
    }

    fn fold_contact(&mut self, Contact { actor, target, endorsement, wants_answer }: &Contact) {
        self.fold_both(*actor, *target);
        self.fold(both(endorsement.to_bits(), (*wants_answer).into()));
    }

    fn fold_notice(&mut self, FollowNotice { actor, target, follows, wants_answer }: &FollowNotice) {
        self.fold_both(*actor, *target);
        self.fold(both((*follows).into(), (*wants_answer).into()));
    }

    fn fold_block(&mut self, BlockNotice { actor, target, blocks }: &BlockNotice) {
        self.fold_both(*actor, *target);
        self.fold((*blocks).into());
    }

    fn fold_audience(&mut self, AudienceChange { target, level, mutual, followers }: &AudienceChange) {
        let kind = u32::from(*level) << 1 | u32::from(*mutual);
        self.fold_both(*target, both(*followers as u32, kind));
    }

    fn fold_taken(&mut self, taken: &Taken) {
        let Taken {
            accepted,
            late,
            self_acts,
            opted_out,
            blocked,
            own_accounts,
            misrouted,
            refused,
            collided,
            pushed_edges,
        } = *taken;
        let is_of_before = |kind: Kind| !kind.is_counted_apart() && kind.begins_block().is_none();
        let (before, apart): (Vec<_>, Vec<_>) = accepted.iter().partition(|(kind, _)| is_of_before(*kind));
        before.into_iter().for_each(|(_, &count)| self.fold(count));
        // Whoever has none of these has the digest of before there were any.
        for (kind, &count) in apart.into_iter().filter(|(_, count)| **count != 0) {
            self.fold_both(kind.number() as u64, count);
        }
        if blocked != 0 {
            self.fold_both(blocked, 1);
        }
        if own_accounts != 0 {
            self.fold_both(own_accounts, 2);
        }
        self.fold_both(late, self_acts);
        self.fold_both(opted_out, misrouted);
        self.fold_both(refused, collided);
        self.fold(pushed_edges);
    }
}

/// Two halves of a word.
#[inline]
pub(crate) fn both(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

impl Shard {
    /// Ends the step's digest: with who came, what the shard as a whole has become, and all effects.
    pub(crate) fn seal(&mut self, effects: &mut Effects) {
        let mut digest = std::mem::take(&mut self.step.digest);
        self.people.fold_news(&mut digest);
        digest.fold(self.targets.take_counted());
        self.targets.apart.take_news().into_iter().for_each(|news| digest.fold(news));
        digest.fold_both(self.now as u64, self.landmark as u64);
        digest.fold_both(both(self.edges.len() as u32, self.follows.len() as u32), self.queue.len() as u64);
        if !self.blocks.is_empty() {
            digest.fold(self.blocks.entries());
        }
        if !self.siblings.is_empty() {
            digest.fold_both(self.siblings.len() as u64, 3);
        }
        digest.fold_both(self.cursor.into(), self.leader.map_or(u32::MAX, u32::from).into());
        digest.fold_both(self.rounds, self.renewals.lens());
        digest.fold_both(self.scale.votes.to_bits(), self.scale.version);
        digest.fold(self.genesis as u64);
        digest.fold_both(self.began_at as u64, self.reported_largest.to_bits());
        self.keeper.words().into_iter().chain(self.outlook.words()).for_each(|word| digest.fold(word));
        if let Some(scale) = &self.coming_scale {
            digest.fold_scale(scale);
        }
        self.fold_closes(effects, &mut digest);
        // Scores, and closes of days, were folded as they were made.
        let Effects {
            scores,
            removed,
            closes: _,
            closes_removed: _,
            // Whether they are asked for is nobody else's business.
            credits: _,
            rated: _,
            exchange,
            taken,
            collisions,
            levels_changed,
            swept,
            publishes,
            forgotten,
            digest: sealed,
        } = effects;
        digest.fold_both(both(scores.len() as u32, removed.len() as u32), collisions.len() as u64);
        digest.fold_both(*levels_changed, u64::from(*swept) ^ *forgotten << 32);
        digest.fold((*publishes).into());
        digest.fold_taken(taken);
        for Removed { name, why } in removed {
            digest.fold(*why as u64);
            digest.fold_bytes(name.as_bytes());
        }
        collisions.iter().for_each(|collision| digest.fold_bytes(collision.second.as_bytes()));
        for (shard, section) in (0..).zip(&*exchange).filter(|(_, section)| !section.is_empty()) {
            digest.fold(shard);
            digest.fold_section(section);
        }
        *sealed = digest.value();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(fold: impl FnOnce(&mut Digest)) -> u64 {
        let mut digest = Digest::default();
        fold(&mut digest);
        digest.value()
    }

    #[test]
    fn every_bit_every_order_and_every_length_counts() {
        let words = |first: u64, second: u64| digest(|digest| digest.fold_both(first, second));
        let mut seen = std::collections::BTreeSet::from([words(0, 0)]);
        for bit in 0..64 {
            assert!(seen.insert(words(1 << bit, 0)) && seen.insert(words(0, 1 << bit)), "bit {bit}");
        }
        assert_ne!(words(1, 2), words(2, 1));
        assert_ne!(digest(|digest| digest.fold(0)), digest(|_| {}));
        let bytes = |bytes: &[u8]| digest(|digest| digest.fold_bytes(bytes));
        let mut seen = std::collections::BTreeSet::from([bytes(&[])]);
        assert!((1..40).all(|len| seen.insert(bytes(&vec![0; len])) && seen.insert(bytes(&vec![1; len]))));
    }
}
