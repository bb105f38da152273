//! What is kept only for those who need it: trust, follows, the level as a follower, the tally of followers.

use hashbrown::HashTable;

use crate::id::PersonId;
use crate::people::Target;
use crate::row::{NOBODY, Row, Slot, grow};
use vocabulary::{TRUST_MAX, Timestamp};

/// Levels of followers: 0 silent to 5.
pub const LEVELS: usize = 6;
/// What one follower of each level weighs.
const LEVEL_WEIGHT: [f64; LEVELS] = [0.0, 0.1, 0.3, 1.0, 3.0, 10.0];
/// The score from which a level beyond "active" holds.
const LEVEL_SCORE: [f64; LEVELS] = [0.0, 0.0, 20.0, 40.0, 60.0, 80.0];
/// A level falls this many points below its threshold.
const LEVEL_BAND: f64 = 2.0;
/// A mutual follow weighs this share.
const MUTUAL_SHARE: f64 = 0.25;
/// Who follows more than so many, and more than twice its own followers, counts at most as active.
const FOLLOWING_MAX: u32 = 2_000;

/// A follow, or the memory of an unfollow; 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Follow {
    pub(crate) target: u32,
    marks: u32,
    /// When it was followed or unfollowed.
    pub(crate) at: Timestamp,
}

const FOLLOWS: u32 = 1;
const MUTUAL: u32 = 2;
const OWN: u32 = 4;

impl Follow {
    pub(crate) fn new(target: Target, follows: bool, is_mutual: bool, at: Timestamp) -> Follow {
        let marks = if follows { FOLLOWS } else { 0 } | if is_mutual { MUTUAL } else { 0 };
        Follow { target: target.pack(), marks, at }
    }

    /// False: unfollowed.
    pub(crate) fn follows(&self) -> bool {
        self.marks & FOLLOWS != 0
    }

    /// Whether the target follows back, as last told.
    pub(crate) fn is_mutual(&self) -> bool {
        self.marks & MUTUAL != 0
    }

    /// Whether it gives the target something: not if both accounts are one person's.
    pub(crate) fn counts(&self) -> bool {
        self.marks & (FOLLOWS | OWN) == FOLLOWS
    }

    /// Whether both accounts are one person's.
    pub(crate) fn is_own(&self) -> bool {
        self.marks & OWN != 0
    }

    pub(crate) fn set_own(&mut self, is_own: bool) {
        self.marks = self.marks & !OWN | if is_own { OWN } else { 0 };
    }

    pub(crate) fn set_mutual(&mut self, is_mutual: bool) {
        self.marks = self.marks & !MUTUAL | if is_mutual { MUTUAL } else { 0 };
    }
}

impl Slot for Follow {
    const EMPTY: Follow = Follow { target: NOBODY, marks: 0, at: 0 };

    #[inline]
    fn target(&self) -> u32 {
        self.target
    }

    fn is_sound(&self) -> bool {
        self.marks & !(FOLLOWS | MUTUAL | OWN) == 0 && (self.follows() || !self.is_own())
    }
}

/// A person's account.
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Account {
    /// `s`.
    pub(crate) trust: f64,
    /// When the level was announced; the earliest time if it never was.
    pub(crate) level_at: Timestamp,
    pub(crate) follows: Row,
    pub(crate) person: PersonId,
    /// How many of the follows are not unfollowed.
    pub(crate) following: u32,
    /// The announced level as a follower.
    pub(crate) level: u32,
    zero: u32,
    /// Followers by level; the second number: mutual ones.
    tally: [[u32; 2]; LEVELS],
}

impl Account {
    fn new(person: PersonId) -> Account {
        Account {
            person,
            trust: 1.0,
            follows: Row::default(),
            following: 0,
            level: 0,
            zero: 0,
            level_at: Timestamp::MIN,
            tally: [[0; 2]; LEVELS],
        }
    }

    /// Whether it says nothing: nobody follows or is followed, and trust is the usual one.
    pub(crate) fn is_idle(&self) -> bool {
        self.trust == 1.0 && self.level == 0 && self.follows.len() == 0 && self.followers() == 0
    }

    /// People who follow this person.
    pub(crate) fn followers(&self) -> u64 {
        self.tally.iter().flatten().map(|&followers| u64::from(followers)).sum()
    }

    /// What others gave before does not count any more.
    pub(crate) fn forget_followers(&mut self) {
        self.tally = [[0; 2]; LEVELS];
    }

    pub(crate) fn count(&mut self, level: u32, is_mutual: bool, followers: i32) {
        if let Some(kept) = self.tally.get_mut(level as usize) {
            let kept = &mut kept[usize::from(is_mutual)];
            *kept = kept.saturating_add_signed(followers);
        }
    }

    /// `B = mu log2(1 + Q)`, votes.
    pub(crate) fn audience(&self, mu: f64) -> f64 {
        let weigh = |(followers, weight): (&[u32; 2], f64)| {
            weight * (f64::from(followers[0]) + MUTUAL_SHARE * f64::from(followers[1]))
        };
        mu * libm::log2(1.0 + self.tally.iter().zip(LEVEL_WEIGHT).map(weigh).sum::<f64>())
    }

    /// Whether nothing that this person hands out counts.
    pub(crate) fn is_suspended(&self) -> bool {
        self.trust == 0.0
    }

    /// Whether level and trust are some.
    pub(crate) fn is_sound(&self) -> bool {
        (self.level as usize) < LEVELS && (0.0..=TRUST_MAX).contains(&self.trust) && self.zero == 0
    }

    /// The level of a person with this score, who is live and endorsed: where levels are free it is the score's, elsewhere the
    /// one that is held stays until the score is below its band.
    pub(crate) fn level_for(&self, score: f64, is_free: bool) -> u32 {
        let is_crawler = self.following > FOLLOWING_MAX && u64::from(self.following) > 2 * self.followers();
        if is_crawler {
            return 1;
        }
        let held = self.level as usize;
        let reached = |&level: &usize| {
            let band = if level <= held && !is_free { LEVEL_BAND } else { 0.0 };
            level == 1 || score >= LEVEL_SCORE[level] - band
        };
        (1..LEVELS).take_while(reached).last().unwrap_or(1) as u32
    }
}

/// All accounts of a shard.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    pub(crate) list: Vec<Account>,
    index: HashTable<u32>,
}

fn spread(person: PersonId) -> u64 {
    u64::from(person).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Accounts {
    pub(crate) fn new() -> Accounts {
        Accounts { list: Vec::new(), index: HashTable::new() }
    }

    /// Those of a list.
    pub(crate) fn of(list: Vec<Account>) -> Accounts {
        let mut index = HashTable::with_capacity(list.len());
        for (place, account) in (0u32..).zip(&list) {
            index.insert_unique(spread(account.person), place, |&place| spread(list[place as usize].person));
        }
        Accounts { list, index }
    }

    pub(crate) fn get(&self, person: PersonId) -> Option<&Account> {
        let is_it = |&place: &u32| self.list[place as usize].person == person;
        self.index.find(spread(person), is_it).map(|&place| &self.list[place as usize])
    }

    pub(crate) fn get_mut(&mut self, person: PersonId) -> Option<&mut Account> {
        let is_it = |&place: &u32| self.list[place as usize].person == person;
        self.index.find(spread(person), is_it).map(|&place| &mut self.list[place as usize])
    }

    /// The account of this person, opened if there is none.
    pub(crate) fn open(&mut self, person: PersonId) -> &mut Account {
        if self.get(person).is_none() {
            let place = self.list.len() as u32;
            grow(&mut self.list, 1);
            self.list.push(Account::new(person));
            let list = &self.list;
            self.index.insert_unique(spread(person), place, |&place| spread(list[place as usize].person));
        }
        self.get_mut(person).expect("the account was opened above")
    }

    /// Gives an account up; the last of the list takes its place.
    pub(crate) fn close(&mut self, person: PersonId) {
        let list = &self.list;
        let is_it = |&place: &u32| list[place as usize].person == person;
        let Ok(entry) = self.index.find_entry(spread(person), is_it) else { return };
        let (place, _) = entry.remove();
        let last = self.list.len() as u32 - 1;
        if let Some(moved) = self.index.find_mut(spread(self.list[last as usize].person), |&found| found == last) {
            *moved = place;
        }
        self.list.swap_remove(place as usize);
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.list.capacity() * size_of::<Account>() + self.index.allocation_size()
    }
}
