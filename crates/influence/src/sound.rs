//! Whether the tables of an image fit together: whoever a table names is there, and whatever is marked is so.
//!
//! Strong enough that no later step reaches beyond a table, searches for ever or meets a number that is none. Whether
//! the numbers are those that events made only the slices can say.

use crate::id::{PersonId, StandingId};
use crate::model::LANDMARK_LAG_MAX;
use crate::people::{Flag, Known, Person, Target};
use crate::row::NOBODY;
use crate::shard::Shard;
use crate::standing::{Mark, Standing};
use crate::tables::{Claims, InvalidImage, check};
use typed_index_collections::TiSlice;
use vocabulary::Timestamp;

impl Shard {
    /// Checks all tables against each other.
    pub(crate) fn check_tables(&self) -> Result<(), InvalidImage> {
        check(self.has_sound_clock(), "the clock: does not go with the landmark")?;
        self.people.check(self.renewals.left().filter_map(Target::away))?;
        check(self.people.persons.iter().all(Person::is_finite), "persons: a rate or a sum is no number")?;
        check(self.has_sound_standings(), "standings: somebody's are not theirs")?;
        check(self.targets.is_finite(), "standings: a sum is no number")?;
        check(self.has_sound_accounts(), "accounts: somebody's are not theirs")?;
        self.check_rows()?;
        self.check_lists()
    }

    fn has_sound_clock(&self) -> bool {
        let is_past = |at: Option<Timestamp>| at.is_none_or(|at| self.now.checked_sub(at).is_some_and(|ago| ago >= 0));
        if self.now == Timestamp::MIN {
            let at_rest = (self.began_at, self.landmark, self.landmark_until) == (self.now, 0, Timestamp::MIN);
            let has_looked = self.keeper.moved_at.is_some() || self.keeper.looked_at.is_some();
            return at_rest && self.reported_at.is_none() && !has_looked;
        }
        let until = self.landmark.checked_add(LANDMARK_LAG_MAX).map(|landmark| self.growth.time_of(landmark));
        until == Some(self.landmark_until)
            && self.now < self.landmark_until
            && self.landmark <= self.growth.landmark(self.now)
            && is_past(Some(self.began_at))
            && is_past(self.reported_at)
            && is_past(self.keeper.moved_at)
            && is_past(self.keeper.looked_at)
    }

    /// A standing is its person's, and has an account if the person has.
    fn has_sound_standings(&self) -> bool {
        let persons = &self.people.persons;
        let is_theirs = |(id, standing): (StandingId, &Standing)| {
            let Some(person) = standing.person() else {
                return !standing.has(Mark::Account) && !standing.has(Mark::Rated) && standing.published.is_nan();
            };
            persons.get(person).is_some_and(|person| {
                person.standing() == Some(id) && person.is(Flag::Account) == standing.has(Mark::Account)
            })
        };
        let with_standing = persons.iter().filter(|person| person.standing().is_some()).count();
        let standings = &self.targets.standings;
        let mut claims = Claims::new(standings.len());
        let left = self.renewals.left().filter_map(Target::here);
        let is_nobodys = |standing: StandingId| claims.claim(standing) && standings[standing].person().is_none();
        let nobodys = self.targets.free.iter().copied().chain(left).all(is_nobodys);
        nobodys && with_standing + claims.count == standings.len() && standings.iter_enumerated().all(is_theirs)
    }

    fn has_sound_accounts(&self) -> bool {
        let persons = &self.people.persons;
        let mut claims = Claims::new(persons.len());
        let with_account = persons.iter().filter(|person| person.is(Flag::Account)).count();
        with_account == self.accounts.list.len()
            && self.accounts.list.iter().all(|account| {
                account.is_sound() && claims.claim(account.person) && persons[account.person].is(Flag::Account)
            })
    }

    fn check_rows(&self) -> Result<(), InvalidImage> {
        let (standings, remotes) = (&self.targets.standings, &self.people.remotes);
        let (mut free_standings, mut free_remotes) = (Claims::new(standings.len()), Claims::new(remotes.len()));
        self.targets.free.iter().for_each(|&standing| _ = free_standings.claim(standing));
        self.people.free_remotes.iter().for_each(|&remote| _ = free_remotes.claim(remote));
        let is_there = |target: u32| match Target::unpack(target) {
            _ if target == NOBODY => false,
            Target::Here(standing) => standings.get(standing).is_some() && !free_standings.has(standing),
            Target::Away(remote) => remotes.get(remote).is_some() && !free_remotes.has(remote),
        };
        self.edges.check("edges", self.people.persons.iter().map(|person| person.row), is_there)?;
        self.follows.check("follows", self.accounts.list.iter().map(|account| account.follows), is_there)
    }

    /// Whoever blocks or is blocked is there.
    pub(crate) fn check_blocks(&mut self) -> Result<(), InvalidImage> {
        let (persons, remotes) = (&self.people.persons, &self.people.remotes);
        let mut claims = Claims::new(persons.len());
        let mut free = Claims::new(remotes.len());
        self.people.free_remotes.iter().for_each(|&remote| _ = free.claim(remote));
        let is_somebody = |person: PersonId| claims.claim(person) && !persons[person].is_free();
        let is_there = |known: Known| match known {
            Known::Here(person) => persons.get(person).is_some_and(|person| !person.is_free()),
            Known::Away(remote) => remotes.get(remote).is_some() && !free.has(remote),
        };
        self.blocks.check(is_somebody, is_there)
    }

    /// Whoever waits in a list is marked so, and the other way round.
    fn check_lists(&self) -> Result<(), InvalidImage> {
        let (persons, standings) = (&self.people.persons, &self.targets.standings);
        let leads = |leader: Option<StandingId>| leader.is_none_or(|leader| standings.get(leader).is_some());
        check(leads(self.leader), "the leader: is nobody")?;
        let queue = self.queue.iter().copied();
        check(lists_all(queue, persons, |person| person.is(Flag::Queued)), "the queue: others wait")?;
        let touched = self.targets.touched.iter().copied();
        check(lists_all(touched, standings, |kept| kept.has(Mark::Touched)), "touched standings: others are")?;
        let unchecked = self.targets.unchecked.iter().copied();
        check(lists_all(unchecked, standings, |kept| kept.has(Mark::Unchecked)), "unchecked standings: others are")
    }
}

/// Whether the list has the place of each that is marked, once, and no other.
fn lists_all<I: Copy + Into<usize>, T>(
    mut list: impl ExactSizeIterator<Item = I>,
    table: &TiSlice<I, T>,
    is_marked: impl Fn(&T) -> bool,
) -> bool {
    let mut claims = Claims::new(table.len());
    let marked = table.iter().filter(|&entry| is_marked(entry)).count();
    list.len() == marked && list.all(|place| claims.claim(place) && is_marked(&table[place]))
}
