//! Blocks: what somebody does to a person who blocks them gives nothing, until the block ends.
//!
//! A block is made by the target of the acts that it swallows. So it lies twice: with who made it, whose it is and with whom it
//! goes, and with whom it is against, whose acts it swallows. Where these are two shards, the first tells the second. Who
//! neither blocks nor is blocked takes no memory for it.

use hashbrown::HashTable;

use crate::digest::both;
use crate::exchange::BlockNotice;
use crate::id::{PersonId, RemoteId};
use crate::model::Limits;
use crate::people::{Flag, Known};
use crate::row::{NOBODY, Row, Rows, Slot, grow};
use crate::shard::Shard;
use crate::tables::{InvalidImage, Put, Reader};
use vocabulary::Kind;

/// On which end of a block somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Who made it.
    Made,
    /// Whom it is against.
    Against,
}

/// Somebody on the other end, packed as [`Known`] is; four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(transparent)]
struct Other(u32);

impl Slot for Other {
    const EMPTY: Other = Other(NOBODY);

    #[inline]
    fn target(&self) -> u32 {
        self.0
    }

    fn is_sound(&self) -> bool {
        true
    }
}

/// The blocks of one person; 24 bytes.
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Blocking {
    person: PersonId,
    zero: u32,
    made: Row,
    against: Row,
}

impl Blocking {
    fn row(&self, end: End) -> Row {
        match end {
            End::Made => self.made,
            End::Against => self.against,
        }
    }

    fn row_mut(&mut self, end: End) -> &mut Row {
        match end {
            End::Made => &mut self.made,
            End::Against => &mut self.against,
        }
    }

    fn is_idle(&self) -> bool {
        self.made.len() == 0 && self.against.len() == 0
    }
}

/// All blocks of a shard's people.
#[derive(Clone, Debug)]
pub(crate) struct Blocks {
    list: Vec<Blocking>,
    index: HashTable<u32>,
    rows: Rows<Other>,
    limits: Limits,
}

fn spread(person: PersonId) -> u64 {
    u64::from(person).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Blocks {
    pub(crate) fn new(limits: &Limits) -> Blocks {
        Blocks { list: Vec::new(), index: HashTable::new(), rows: Rows::new(limits), limits: *limits }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Pairs whose acts are swallowed here.
    pub(crate) fn len(&self) -> usize {
        self.list.iter().map(|blocking| blocking.against.len() as usize).sum()
    }

    pub(crate) fn entries(&self) -> u64 {
        both(self.list.len() as u32, self.rows.len() as u32)
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.list.capacity() * size_of::<Blocking>() + self.index.allocation_size() + self.rows.memory_bytes()
    }

    fn place(&self, person: PersonId) -> Option<usize> {
        let is_it = |&place: &u32| self.list[place as usize].person == person;
        self.index.find(spread(person), is_it).map(|&place| place as usize)
    }

    fn get(&self, person: PersonId) -> Option<&Blocking> {
        self.place(person).map(|place| &self.list[place])
    }

    /// Whether this person is on an end of any block.
    pub(crate) fn has_any(&self, person: PersonId) -> bool {
        self.get(person).is_some()
    }

    pub(crate) fn has(&self, person: PersonId, end: End, other: Known) -> bool {
        self.get(person).is_some_and(|blocking| self.rows.find(blocking.row(end), other.pack()).is_some())
    }

    /// Those on the other ends.
    pub(crate) fn others(&self, person: PersonId, end: End) -> Vec<Known> {
        let row = self.get(person).map(|blocking| blocking.row(end)).unwrap_or_default();
        let taken = self.rows.slots(row).iter().filter(|other| other.target() != NOBODY);
        taken.map(|other| Known::unpack(other.0)).collect()
    }

    /// Whether one more can be kept.
    pub(crate) fn has_room(&self, person: PersonId, end: End) -> bool {
        self.rows.has_room(self.get(person).map(|blocking| blocking.row(end)).unwrap_or_default())
    }

    /// Keeps one, for which there is room.
    pub(crate) fn begin(&mut self, person: PersonId, end: End, other: Known) {
        if self.has(person, end, other) {
            return;
        }
        let place = self.place(person).unwrap_or_else(|| self.open(person));
        self.rows.insert(self.list[place].row_mut(end), Other(other.pack()));
    }

    fn open(&mut self, person: PersonId) -> usize {
        let place = self.list.len();
        grow(&mut self.list, 1);
        self.list.push(Blocking { person, zero: 0, made: Row::default(), against: Row::default() });
        let list = &self.list;
        self.index.insert_unique(spread(person), place as u32, |&place| spread(list[place as usize].person));
        place
    }

    /// Forgets one. Returns whether there was one.
    pub(crate) fn end(&mut self, person: PersonId, end: End, other: Known) -> bool {
        let Some(place) = self.place(person) else { return false };
        let row = self.list[place].row_mut(end);
        let Some(found) = self.rows.find(*row, other.pack()) else { return false };
        self.rows.remove(row, found);
        if self.list[place].is_idle() {
            self.close(person);
        }
        true
    }

    /// Nobody is left on either end for this person; the last of the list takes the place.
    fn close(&mut self, person: PersonId) {
        let list = &self.list;
        let is_it = |&place: &u32| list[place as usize].person == person;
        let Ok(entry) = self.index.find_entry(spread(person), is_it) else { return };
        let (place, _) = entry.remove();
        let last = self.list.len() as u32 - 1;
        if let Some(moved) = self.index.find_mut(spread(self.list[last as usize].person), |&found| found == last) {
            *moved = place;
        }
        self.list.swap_remove(place as usize);
        if self.list.is_empty() {
            *self = Blocks::new(&self.limits);
        }
    }

    pub(crate) fn write_image(&self, to: &mut impl Put) {
        to.table(&self.list);
        self.rows.write_image(to);
    }

    pub(crate) fn read_image(&mut self, from: &mut Reader<'_>) -> Result<(), InvalidImage> {
        self.list = from.table("blocks")?;
        self.rows.read_image("blocks", from)
    }

    /// Whether everybody in it is there, once, and is on an end of some block; then all are found.
    pub(crate) fn check(
        &mut self,
        mut is_somebody: impl FnMut(PersonId) -> bool,
        is_there: impl Fn(Known) -> bool,
    ) -> Result<(), InvalidImage> {
        use crate::tables::check;
        let is_theirs = |blocking: &Blocking| blocking.zero == 0 && !blocking.is_idle() && is_somebody(blocking.person);
        check(!self.list.is_empty() && self.list.iter().all(is_theirs), "blocks: somebody's are not theirs")?;
        let rows = self.list.iter().flat_map(|blocking| [blocking.made, blocking.against]);
        self.rows.check("blocks", rows, |other| other != NOBODY && is_there(Known::unpack(other)))?;
        self.index = HashTable::with_capacity(self.list.len());
        for (place, blocking) in (0u32..).zip(&self.list) {
            let list = &self.list;
            self.index.insert_unique(spread(blocking.person), place, |&place| spread(list[place as usize].person));
        }
        let has_other_end = |blocking: &Blocking| {
            let person = Known::Here(blocking.person);
            [(End::Made, End::Against), (End::Against, End::Made)].into_iter().all(|(end, other_end)| {
                self.others(blocking.person, end).into_iter().all(|other| match other {
                    Known::Here(other) => self.has(other, other_end, person),
                    Known::Away(_) => true,
                })
            })
        };
        check(self.list.iter().all(has_other_end), "blocks: one has one end only")
    }
}

/// A block of a person of another shard that began or ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockAway {
    pub(crate) target: RemoteId,
    pub(crate) actor: PersonId,
    pub(crate) blocks: bool,
}

impl Shard {
    /// Takes a block, or its end: the one that arrives last holds, whatever their times are.
    #[cold]
    #[inline(never)]
    pub(crate) fn block(&mut self, actor: PersonId, target: Known, kind: Kind, blocks: bool) {
        self.step.digest.fold_both(both(actor.0, target.pack()), u64::from(blocks) | 2);
        if !blocks {
            return self.end_block(actor, target);
        }
        if matches!(target, Known::Here(person) if self.has_opted_out(person)) {
            // Nothing that somebody does counts who is erased.
            return;
        }
        let has_room = self.blocks.has_room(actor, End::Made)
            && match target {
                Known::Here(person) => self.blocks.has_room(person, End::Against),
                Known::Away(_) => true,
            };
        if !has_room {
            return self.step.taken.refuse(kind);
        }
        self.blocks.begin(actor, End::Made, target);
        match target {
            Known::Here(person) => self.blocks.begin(person, End::Against, Known::Here(actor)),
            Known::Away(target) => {
                // The other shard knows the person by this from now on.
                self.people.persons[actor].set(Flag::Told, true);
                self.step.blocks_away.push(BlockAway { target, actor, blocks });
            }
        }
    }

    fn end_block(&mut self, actor: PersonId, target: Known) {
        if !self.blocks.end(actor, End::Made, target) {
            return;
        }
        match target {
            Known::Here(person) => _ = self.blocks.end(person, End::Against, Known::Here(actor)),
            Known::Away(target) => self.step.blocks_away.push(BlockAway { target, actor, blocks: false }),
        }
    }

    /// Whether an event that was counted as accepted gives nothing, as the target blocks the actor.
    #[cold]
    #[inline(never)]
    pub(crate) fn swallows(&mut self, actor: PersonId, target: Known, kind: Kind) -> bool {
        let swallows = kind.gives() && self.blocks.has(actor, End::Against, target);
        if swallows {
            self.step.taken.accepted[kind] -= 1;
            self.step.taken.blocked += 1;
        }
        swallows
    }

    /// Takes that somebody of another shard blocks one of ours, or does not any more.
    #[cold]
    pub(crate) fn take_block_away(&mut self, source: u16, notice: &BlockNotice) {
        let BlockNotice { actor, target, blocks } = *notice;
        if !blocks {
            if let (Some(Known::Here(person)), Some(actor)) =
                (self.people.find_key(target), self.people.neighbour(source, actor))
            {
                self.step.digest.fold_both(both(person.0, Known::Away(actor).pack()), 4);
                self.blocks.end(person, End::Against, Known::Away(actor));
            }
            return;
        }
        let ends = self.people.meant(source, target);
        let ends = ends.and_then(|person| Ok((person, self.people.meet_neighbour(source, actor)?)));
        let (person, actor) = match ends {
            Ok((person, _)) if self.has_opted_out(person) => return,
            Ok((person, actor)) => (person, Known::Away(actor)),
            Err(why) => return self.step.taken.leave_out(why),
        };
        if !self.blocks.has_room(person, End::Against) {
            self.step.taken.refused += 1;
            return;
        }
        self.step.digest.fold_both(both(person.0, actor.pack()), 5);
        self.blocks.begin(person, End::Against, actor);
    }

    /// Whoever is erased blocks nobody any more, and is blocked by nobody.
    pub(crate) fn erase_blocks(&mut self, person: PersonId) {
        for target in self.blocks.others(person, End::Made) {
            self.step.digest.fold(both(person.0, target.pack()));
            self.end_block(person, target);
        }
        for actor in self.blocks.others(person, End::Against) {
            self.step.digest.fold(both(person.0, actor.pack()));
            match actor {
                Known::Here(actor) => self.end_block(actor, Known::Here(person)),
                Known::Away(_) => _ = self.blocks.end(person, End::Against, actor),
            }
        }
    }

    /// Whoever of another shard was left behind is on no end of a block any more.
    #[cold]
    pub(crate) fn forget_left_blocks(&mut self, person: PersonId) {
        for end in [End::Made, End::Against] {
            for other in self.blocks.others(person, end) {
                if matches!(other, Known::Away(_)) && self.renewals.is_left(other.pack()) {
                    self.step.digest.fold(both(person.0, other.pack()));
                    self.blocks.end(person, end, other);
                }
            }
        }
    }
}

/// Of two notices of one pair the later is sent.
pub(crate) fn coalesce_blocks(notices: &mut Vec<BlockAway>) {
    notices.sort_by_key(|notice| (notice.target, notice.actor));
    notices.dedup_by(|later, kept| {
        let is_same = (later.target, later.actor) == (kept.target, kept.actor);
        if is_same {
            *kept = *later;
        }
        is_same
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_takes_bytes_with_both_ends_and_none_once_it_has_ended() {
        assert!(size_of::<Blocking>() == 24 && size_of::<Other>() == 4);
        let mut blocks = Blocks::new(&Limits::MAX);
        assert_eq!(blocks.memory_bytes(), blocks.rows.memory_bytes());
        let people = 10_000;
        for person in 0..people {
            for next in 1..=10 {
                let (person, other) = (PersonId(person), PersonId((person + next) % people));
                blocks.begin(person, End::Made, Known::Here(other));
                blocks.begin(other, End::Against, Known::Here(person));
            }
        }
        assert_eq!(blocks.len(), 100_000);
        let bytes_a_block = blocks.memory_bytes() as f64 / blocks.len() as f64;
        assert!(bytes_a_block < 40.0, "{bytes_a_block} bytes a block, of which each person has ten");
        let pairs = (0..people)
            .map(PersonId)
            .flat_map(|person| blocks.others(person, End::Made).into_iter().map(move |o| (person, o)));
        for (person, other) in pairs.collect::<Vec<_>>() {
            let Known::Here(against) = other else { unreachable!("all are here") };
            assert!(blocks.end(person, End::Made, other) && blocks.end(against, End::Against, Known::Here(person)));
            assert!(!blocks.end(person, End::Made, other));
        }
        assert!(blocks.is_empty() && blocks.list.capacity() == 0 && blocks.rows.len() == 0);
    }
}
