//! Counts of the kinds that are counted apart: only those have them who received one.

use hashbrown::HashTable;
use vocabulary::Kind;

use crate::digest::Digest;
use crate::id::StandingId;
use crate::row::grow;
use crate::tables::{Claims, InvalidImage, Put, Reader, check};

/// Kinds that are counted apart: the last of [`Kind::COUNTED`].
pub(crate) const KINDS: usize = Kind::COUNTED_COUNT - Kind::WITH_SUMS_COUNT;

/// One person's counts.
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Entry {
    standing: StandingId,
    zero: u32,
    counts: [u64; KINDS],
}

/// All counts that are kept apart.
#[derive(Clone, Debug)]
pub(crate) struct Apart {
    list: Vec<Entry>,
    index: HashTable<u32>,
    /// Over the counts that moved in this step, if any did.
    news: Option<Digest>,
}

fn spread(standing: StandingId) -> u64 {
    u64::from(standing).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Apart {
    pub(crate) fn new() -> Apart {
        Apart { list: Vec::new(), index: HashTable::new(), news: None }
    }

    fn find(&self, standing: StandingId) -> Option<usize> {
        if self.list.is_empty() {
            return None;
        }
        let is_it = |&place: &u32| self.list[place as usize].standing == standing;
        self.index.find(spread(standing), is_it).map(|&place| place as usize)
    }

    /// A person's counts; zeros for one who has none.
    pub(crate) fn counts(&self, standing: StandingId) -> [u64; KINDS] {
        self.find(standing).map_or([0; KINDS], |place| self.list[place].counts)
    }

    pub(crate) fn add(&mut self, standing: StandingId, more: &[u32]) {
        let place = self.find(standing).unwrap_or_else(|| self.open(standing));
        let news = self.news.get_or_insert_default();
        news.fold(standing.into());
        for (count, &more) in self.list[place].counts.iter_mut().zip(more) {
            *count = count.saturating_add(more.into());
            news.fold(*count);
        }
    }

    fn open(&mut self, standing: StandingId) -> usize {
        let place = self.list.len();
        grow(&mut self.list, 1);
        self.list.push(Entry { standing, zero: 0, counts: [0; KINDS] });
        let list = &self.list;
        self.index.insert_unique(spread(standing), place as u32, |&place| spread(list[place as usize].standing));
        place
    }

    /// Forgets a person's counts; the last of the list takes their place.
    pub(crate) fn remove(&mut self, standing: StandingId) {
        let list = &self.list;
        let is_it = |&place: &u32| list[place as usize].standing == standing;
        let Ok(entry) = self.index.find_entry(spread(standing), is_it) else { return };
        let (place, _) = entry.remove();
        let last = self.list.len() as u32 - 1;
        if let Some(moved) = self.index.find_mut(spread(self.list[last as usize].standing), |&found| found == last) {
            *moved = place;
        }
        self.list.swap_remove(place as usize);
    }

    /// The digest of the counts that moved in this step, if any did.
    pub(crate) fn take_news(&mut self) -> Option<u64> {
        self.news.take().map(Digest::value)
    }

    pub(crate) fn write_image(&self, to: &mut impl Put) {
        to.table(&self.list);
    }

    /// Reads the counts of this number of standings.
    pub(crate) fn read_image(&mut self, from: &mut Reader<'_>, standings: usize) -> Result<(), InvalidImage> {
        self.list = from.table("counts apart")?;
        let mut claims = Claims::new(standings);
        let is_sound = |entry: &Entry| claims.claim(entry.standing) && entry.zero == 0;
        check(self.list.iter().all(is_sound), "counts apart: somebody is not there, or there twice")?;
        let list = &self.list;
        for (place, entry) in (0u32..).zip(list) {
            self.index.insert_unique(spread(entry.standing), place, |&place| spread(list[place as usize].standing));
        }
        Ok(())
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.list.capacity() * size_of::<Entry>() + self.index.allocation_size()
    }
}
