//! Accounts of one person: what one of them does to another gives nothing, from the time on at which they are linked, nor does a follow
//! of before, for as long as they are.
//!
//! Each account's own shard keeps the others, by the hashes of their names, since that is where its acts are decided: shards
//! tell each other nothing of it. Whoever has no other account takes no memory for it.

use hashbrown::HashTable;

use crate::id::PersonId;
use crate::name::Hashed;
use crate::people::{Known, Target};
use crate::shard::Shard;
use crate::tables::{InvalidImage, Put, Reader, check};
use vocabulary::{Kind, LINKED_MAX};

/// The accounts of which others of the same person are known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Siblings {
    list: Vec<Own>,
    index: HashTable<u32>,
}

#[derive(Clone, Debug)]
struct Own {
    account: Hashed,
    /// The other ones, in the order in which they were told.
    others: Vec<Hashed>,
}

/// An account in an image, and how many others belong to it; 16 bytes.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Row {
    key: u64,
    check: u32,
    others: u32,
}

impl Siblings {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Pairs of an account and another one of the same person.
    pub(crate) fn len(&self) -> usize {
        self.list.iter().map(|own| own.others.len()).sum()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let others: usize = self.list.iter().map(|own| own.others.capacity() * size_of::<Hashed>()).sum();
        self.list.capacity() * size_of::<Own>() + self.index.allocation_size() + others
    }

    fn place(&self, account: &Hashed) -> Option<usize> {
        let is_it = |&place: &u32| self.list[place as usize].account == *account;
        self.index.find(account.key, is_it).map(|&place| place as usize)
    }

    /// Whether the other account is known to be the same person's.
    pub(crate) fn has(&self, account: &Hashed, other: &Hashed) -> bool {
        self.place(account).is_some_and(|place| self.list[place].others.contains(other))
    }

    /// The others of an account.
    fn of(&self, account: &Hashed) -> &[Hashed] {
        self.place(account).map_or(&[], |place| &self.list[place].others)
    }

    /// From now on these are the others, and no more than these.
    pub(crate) fn set(&mut self, account: Hashed, others: Vec<Hashed>) {
        match (self.place(&account), others.is_empty()) {
            (Some(place), false) => self.list[place].others = others,
            (Some(place), true) => self.remove(place),
            (None, false) => self.add(Own { account, others }),
            (None, true) => {}
        }
    }

    fn add(&mut self, own: Own) {
        let (place, key) = (self.list.len() as u32, own.account.key);
        self.list.push(own);
        let list = &self.list;
        self.index.insert_unique(key, place, |&place| list[place as usize].account.key);
    }

    /// The last of the list takes the place.
    fn remove(&mut self, place: usize) {
        let list = &self.list;
        let last = list.len() as u32 - 1;
        let is_at = |wanted: u32| move |&found: &u32| found == wanted;
        if let Ok(entry) = self.index.find_entry(list[place].account.key, is_at(place as u32)) {
            entry.remove();
        }
        if let Some(moved) = self.index.find_mut(list[last as usize].account.key, is_at(last)) {
            *moved = place as u32;
        }
        self.list.swap_remove(place);
        if self.list.is_empty() {
            *self = Siblings::default();
        }
    }

    pub(crate) fn write_image(&self, to: &mut impl Put) {
        to.word(self.list.len() as u64);
        for Own { account, others } in &self.list {
            let row =
                |hashed: &Hashed, others: usize| Row { key: hashed.key, check: hashed.check, others: others as u32 };
            to.elements(&[row(account, others.len())]);
            others.iter().for_each(|other| to.elements(&[row(other, 0)]));
        }
    }

    pub(crate) fn read_image(from: &mut Reader<'_>, has_whole_checks: bool) -> Result<Siblings, InvalidImage> {
        let mut siblings = Siblings::default();
        let row = |from: &mut Reader<'_>| -> Result<(Hashed, u32), InvalidImage> {
            let (key, rest) = (from.word()?, from.word()?);
            let as_it_is = Hashed { key, check: rest as u32 };
            let account = if has_whole_checks { Hashed::of_whole_check(key, as_it_is.check) } else { as_it_is };
            check(account.is_named(), "linked accounts: one has no name")?;
            Ok((account, (rest >> 32) as u32))
        };
        for _ in 0..from.word()? {
            let (account, count) = row(from)?;
            check((1..=LINKED_MAX as u32).contains(&count), "linked accounts: more or fewer than anybody has")?;
            check(siblings.place(&account).is_none(), "linked accounts: one is there twice")?;
            let mut others = Vec::with_capacity(count as usize);
            for _ in 0..count {
                let (other, none) = row(from)?;
                check(none == 0, "linked accounts: those of another one in between")?;
                others.push(other);
            }
            siblings.add(Own { account, others });
        }
        check(!siblings.is_empty(), "linked accounts: there are none")?;
        Ok(siblings)
    }
}

impl Shard {
    /// Takes which other accounts belong to whose this one is, a line each.
    #[cold]
    pub(crate) fn take_linked(&mut self, person: PersonId, user: &str, linked: &str) {
        self.step.digest.fold_bytes(linked.as_bytes());
        let account = self.people.hash(user);
        let others = linked.lines().filter(|other| !other.is_empty() && *other != user);
        let others: Vec<Hashed> = others.take(LINKED_MAX).map(|other| self.people.hash(other)).collect();
        let before = self.siblings.of(&account).to_vec();
        self.siblings.set(account, others.clone());
        before.iter().filter(|other| !others.contains(other)).for_each(|other| self.mark_follow(person, other, false));
        others.iter().for_each(|other| self.mark_follow(person, other, true));
    }

    /// What a follow of before gives hangs on whether the other account is the same person's.
    fn mark_follow(&mut self, person: PersonId, other: &Hashed, is_own: bool) {
        let target = match self.people.find(other) {
            Some(Known::Here(other)) => self.people.persons[other].standing().map(Target::Here),
            Some(Known::Away(remote)) => Some(Target::Away(remote)),
            None => None,
        };
        if let Some(target) = target {
            self.set_own_follow(person, target, is_own);
        }
    }

    /// Whoever is erased has no other account any more.
    pub(crate) fn forget_linked(&mut self, user: &str) {
        if !self.siblings.is_empty() {
            self.siblings.set(self.people.hash(user), Vec::new());
        }
    }

    /// Whether an act gives nothing, since both accounts are one person's.
    #[cold]
    #[inline(never)]
    pub(crate) fn is_on_sibling(&self, actor: &Hashed, target: &Hashed, kind: Kind) -> bool {
        kind.gives() && self.siblings.has(actor, target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashed(number: u32) -> Hashed {
        // Many share a key.
        Hashed::of_whole_check(u64::from(number % 7), (number + 1) << 8)
    }

    #[test]
    fn accounts_come_and_go_in_any_order_and_leave_nothing() {
        let mut siblings = Siblings::default();
        for number in 0..1_000 {
            siblings.set(hashed(number), (1..=number % 4).map(|other| hashed(number + other)).collect());
        }
        assert_eq!(siblings.len(), 1_500);
        let mut image = Vec::new();
        siblings.write_image(&mut image);
        let mut reader = Reader(&image);
        let read = Siblings::read_image(&mut reader, false).expect("an image");
        let mut again = Vec::new();
        read.write_image(&mut again);
        assert!(reader.0.is_empty() && image == again);
        for number in (0..1_000).rev().step_by(2).chain((0..1_000).step_by(2)) {
            for siblings in [&siblings, &read] {
                assert_eq!(siblings.has(&hashed(number), &hashed(number + 1)), number % 4 > 0, "{number}");
                assert!(!siblings.has(&hashed(number), &hashed(number + 4)));
            }
            siblings.set(hashed(number), Vec::new());
            assert!(!siblings.has(&hashed(number), &hashed(number + 1)));
        }
        assert!(siblings.is_empty() && siblings.memory_bytes() == 0);
        for cut in 0..image.len().min(200) {
            assert!(Siblings::read_image(&mut Reader(&image[..cut]), false).is_err(), "{cut}");
        }
    }
}
