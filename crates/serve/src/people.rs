//! People who have several accounts: who has which, what the accounts add up to, and where that stands among all people.
//!
//! Accounts are scored, and people are added up from them, so linking and unlinking takes no rebuild and leaves nothing behind.
//! Whoever has one account is that account, bit by bit, and takes nothing here. Invariant: a person is in the line with the
//! sum of the last records of their accounts, and each linked account that has a record is in `claimed` with its own.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::RwLock;
use pipeline::summed::{self, PeopleScale};
use vocabulary::{Score, Timestamp};
use wire::{Link, Proof};

use crate::person::{Person, Record};
use crate::ranking::Line;

/// How one account came to be a person's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tie {
    pub(crate) person: Arc<str>,
    pub(crate) proof: Proof,
    pub(crate) url: Option<Box<str>>,
    pub(crate) checked_at: Timestamp,
    pub(crate) linked_at: Timestamp,
}

/// All people with linked accounts.
#[derive(Debug, Default)]
pub(crate) struct People {
    /// Linked accounts; where there are none, nobody looks any further.
    count: AtomicUsize,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    accounts: HashMap<Box<str>, Member>,
    people: HashMap<Arc<str>, Owner>,
    /// People who have a score, by what their accounts add up to.
    line: Line,
    /// Linked accounts that have a score.
    claimed: Line,
    scale: PeopleScale,
    /// Votes; the scale of accounts where nobody is linked.
    told: Option<f64>,
}

#[derive(Debug)]
struct Member {
    tie: Tie,
    /// The account, and the height at which it stands in `claimed`.
    stands: Option<(Arc<Person>, f32)>,
}

#[derive(Debug)]
struct Owner {
    /// In the order of their names, in which they are added up.
    accounts: BTreeSet<Box<str>>,
    sum: Arc<Person>,
}

/// A person's sum before and after a change.
#[derive(Clone, Debug)]
pub(crate) struct Summed {
    pub(crate) person: Arc<str>,
    pub(crate) before: Option<Record>,
    pub(crate) after: Option<Record>,
}

/// A person as somebody asks: the accounts, by name, with how each came to be theirs.
#[derive(Clone, Debug)]
pub(crate) struct Whole {
    pub(crate) sum: Arc<Person>,
    pub(crate) accounts: Vec<(Box<str>, Tie)>,
}

/// Where somebody stands among people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) higher: usize,
    pub(crate) lower: usize,
    pub(crate) total: usize,
}

/// What is needed of the accounts to add them up.
pub(crate) trait Accounts {
    /// The account, if it has a record.
    fn account(&self, user: &str) -> Option<Arc<Person>>;
    /// Makes a record of a sum: of a score against the newest scale.
    fn record(&self, score: &Score) -> Record;
    /// The newest scale of accounts: votes, and its version.
    fn scale(&self) -> (f64, u64);
}

impl People {
    /// Linked accounts.
    pub(crate) fn len(&self) -> usize {
        self.count.load(Relaxed)
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes over whose an account is: somebody's, or nobody else's. Returns the sums that changed by it.
    pub(crate) fn link(&self, account: &str, link: Option<&Link>, accounts: &impl Accounts) -> Vec<Summed> {
        let mut state = self.state.write();
        let tie = link.map(|link| Tie {
            person: link.person.as_str().into(),
            proof: link.proof,
            url: link.url.as_deref().map(Box::from),
            checked_at: link.checked_at,
            linked_at: link.linked_at,
        });
        let before = state.accounts.get(account).map(|member| member.tie.clone());
        if before == tie {
            return Vec::new();
        }
        let mut changed = Vec::new();
        if before.as_ref().map(|tie| &tie.person) == tie.as_ref().map(|tie| &tie.person) {
            // The same person's, with another proof.
            if let (Some(member), Some(tie)) = (state.accounts.get_mut(account), tie) {
                member.tie = tie;
            }
            return changed;
        }
        if let Some(before) = before {
            state.untie(account, &before.person);
            changed.extend(state.add_up(&before.person, accounts));
        }
        if let Some(tie) = tie {
            let person = state.tie(account, tie);
            changed.extend(state.add_up(&person, accounts));
        }
        self.count.store(state.accounts.len(), Relaxed);
        changed
    }

    /// An account has another record, or none any more.
    pub(crate) fn changed(&self, account: &str, accounts: &impl Accounts) -> Option<Summed> {
        if self.is_empty() {
            return None;
        }
        let person = Arc::clone(&self.state.read().accounts.get(account)?.tie.person);
        self.state.write().add_up(&person, accounts)
    }

    /// Forgets all records: the links stay.
    pub(crate) fn forget_records(&self) {
        let mut state = self.state.write();
        (state.line, state.claimed) = (Line::default(), Line::default());
        (state.scale, state.told) = (PeopleScale::default(), None);
        state.accounts.values_mut().for_each(|member| member.stands = None);
        state.people.values().for_each(|owner| _ = owner.sum.publish(None));
    }

    /// Forgets whose an account is, with all that follows from it.
    pub(crate) fn tie(&self, account: &str) -> Option<Tie> {
        if self.is_empty() {
            return None;
        }
        self.state.read().accounts.get(account).map(|member| member.tie.clone())
    }

    /// A person by their own name.
    pub(crate) fn whole(&self, person: &str) -> Option<Whole> {
        if self.is_empty() {
            return None;
        }
        let state = self.state.read();
        let owner = state.people.get(person)?;
        let ties = owner.accounts.iter().filter_map(|account| {
            let member = state.accounts.get(account)?;
            Some((account.clone(), member.tie.clone()))
        });
        Some(Whole { sum: Arc::clone(&owner.sum), accounts: ties.collect() })
    }

    /// Whether this account is linked with a person.
    pub(crate) fn is_linked(&self, account: &str) -> bool {
        !self.is_empty() && self.state.read().accounts.contains_key(account)
    }

    /// Gives each person who has linked accounts, with these.
    pub(crate) fn each(&self, mut give: impl FnMut(&Arc<Person>, &BTreeSet<Box<str>>)) {
        if !self.is_empty() {
            self.state.read().people.values().for_each(|owner| give(&owner.sum, &owner.accounts));
        }
    }

    /// Accounts of people whose own names begin so: of the first people in the order of names, at most so many accounts.
    pub(crate) fn beginning(&self, prefix: &str, most: usize) -> Vec<Box<str>> {
        if self.is_empty() || prefix.is_empty() {
            return Vec::new();
        }
        let state = self.state.read();
        let mut found: Vec<&Arc<str>> = state.people.keys().filter(|person| person.starts_with(prefix)).collect();
        found.sort();
        let accounts = found.into_iter().filter_map(|person| state.people.get(person));
        accounts.flat_map(|owner| owner.accounts.iter().cloned()).take(most).collect()
    }

    /// Where somebody of this height stands among all people: those with linked accounts count once.
    pub(crate) fn standing(&self, height: f32, accounts: &Line) -> Standing {
        let higher = accounts.higher(height);
        let (total, not_lower) = (accounts.len(), accounts.not_lower(height));
        if self.is_empty() {
            return Standing { higher, lower: total - not_lower, total };
        }
        let state = self.state.read();
        let among =
            |all: usize, of: &dyn Fn(&Line) -> usize| (all + of(&state.line)).saturating_sub(of(&state.claimed));
        let total = among(total, &Line::len);
        let not_lower = among(not_lower, &|line| line.not_lower(height));
        Standing { higher: among(higher, &|line| line.higher(height)), lower: total.saturating_sub(not_lower), total }
    }

    /// People from a place of the ranking on, the highest first: after this height and name, without the first so many that
    /// stand there. Nobody is given whom `each` does not want; it says when there are enough.
    pub(crate) fn walk(
        &self,
        accounts: &Line,
        (height, name): (f32, &str),
        mut each: impl FnMut(&Arc<Person>, f32) -> bool,
    ) {
        let state = self.state.read();
        let of_accounts = accounts.people_from(accounts.before(height, name));
        let mut of_accounts =
            of_accounts.filter(|person| !state.accounts.contains_key(&person.name)).filter_map(standing).peekable();
        let of_people = state.line.people_from(state.line.before(height, name));
        let mut of_people = of_people.filter_map(standing).peekable();
        loop {
            let is_account = match (of_accounts.peek(), of_people.peek()) {
                (None, None) => return,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some((account, height)), Some((person, other))) => {
                    other.total_cmp(height).then_with(|| account.name.cmp(&person.name)).is_lt()
                }
            };
            let next = if is_account { of_accounts.next() } else { of_people.next() };
            let Some((person, height)) = next else { return };
            if !each(person, height) {
                return;
            }
        }
    }

    /// Votes: what 100 stands for among people; `None` before there is a scale.
    pub(crate) fn votes(&self, accounts: Option<f64>) -> Option<f64> {
        if self.is_empty() {
            return accounts;
        }
        self.state.read().told.or(accounts)
    }

    /// Looks at the scale, as of this time.
    pub(crate) fn look(&self, accounts: f64, now: Timestamp) {
        if self.is_empty() {
            return;
        }
        let mut state = self.state.write();
        let first = state.line.people_from(0).next().and_then(|person| person.record());
        let largest = first.map_or(0.0, |record| f64::from(record.influence));
        if state.told.is_none() {
            let votes = state.begun(accounts, now);
            state.scale.begin(accounts, votes, now);
        }
        state.told = Some(state.scale.look(accounts, largest, now));
    }
}

fn standing(person: &Arc<Person>) -> Option<(&Arc<Person>, f32)> {
    Some((person, person.record()?.height()))
}

impl State {
    fn tie(&mut self, account: &str, tie: Tie) -> Arc<str> {
        let owner = self
            .people
            .entry(Arc::clone(&tie.person))
            .or_insert_with(|| Owner { accounts: BTreeSet::new(), sum: Arc::new(Person::new(&tie.person)) });
        owner.accounts.insert(account.into());
        let person = Arc::clone(&tie.person);
        self.accounts.insert(account.into(), Member { tie, stands: None });
        person
    }

    fn untie(&mut self, account: &str, person: &str) {
        if let Some(Member { stands: Some((account, height)), .. }) = self.accounts.remove(account) {
            self.claimed.remove(height, &account.name);
        }
        if let Some(owner) = self.people.get_mut(person) {
            owner.accounts.remove(account);
        }
    }

    /// Adds up what a person's accounts have, and puts the person where that belongs.
    fn add_up(&mut self, person: &Arc<str>, accounts: &impl Accounts) -> Option<Summed> {
        let owner = self.people.get(person)?;
        let (sum, names) = (Arc::clone(&owner.sum), owner.accounts.clone());
        let mut records = Vec::with_capacity(names.len());
        for name in &names {
            let account = accounts.account(name);
            let record = account.as_ref().and_then(|account| account.record());
            let stands = account.zip(record.map(|record| record.height()));
            self.stand(name, stands);
            records.extend(record);
        }
        let after = match records[..] {
            [] => None,
            [alone] => Some(alone),
            _ => {
                let (votes, version) = accounts.scale();
                let scores: Vec<Score> = records.iter().map(|record| record.score(votes, version)).collect();
                let previous = sum.record().map(|last| last.score.into());
                summed::sum(&scores, votes).map(|score| accounts.record(&Score { previous, ..score }))
            }
        };
        let before = sum.publish(after);
        let [old, new] = [before, after].map(|record| record.map(|record| record.height()));
        if old != new {
            old.into_iter().for_each(|height| self.line.remove(height, person));
            new.into_iter().for_each(|height| self.line.insert(&sum, 0, height));
        }
        if names.is_empty() {
            self.people.remove(person);
        }
        Some(Summed { person: Arc::clone(person), before, after })
    }

    /// Puts a linked account where its own record belongs.
    fn stand(&mut self, name: &str, stands: Option<(Arc<Person>, f32)>) {
        let Some(member) = self.accounts.get_mut(name) else { return };
        let before = std::mem::replace(&mut member.stands, stands.clone());
        if before.as_ref().map(|(_, height)| height) == stands.as_ref().map(|(_, height)| height) {
            return;
        }
        before.into_iter().for_each(|(_, height)| self.claimed.remove(height, name));
        stands.into_iter().for_each(|(account, height)| self.claimed.insert(&account, 0, height));
    }

    /// Where the scale of people is, for a server that has not looked on: by when accounts were linked.
    fn begun(&self, accounts: f64, now: Timestamp) -> f64 {
        let above = self.line.people_from(0).map_while(|person| {
            let influence = f64::from(person.record()?.influence);
            (influence > accounts).then_some((person, influence))
        });
        let votes = above.filter_map(|(person, influence)| {
            let owner = self.people.get(&*person.name)?;
            let ties = owner.accounts.iter().filter_map(|account| self.accounts.get(account));
            let linked_at = ties.map(|member| member.tie.linked_at).max()?;
            Some(PeopleScale::since(accounts, influence, now.saturating_sub(linked_at)))
        });
        votes.fold(accounts, f64::max)
    }
}

/// The score of somebody who has this record, against the scale of people.
pub(crate) fn against(record: &Record, accounts: f64, people: f64) -> f32 {
    if accounts == people {
        return record.score;
    }
    let points = match record.score < 100.0 {
        true => f64::from(record.score) * accounts.ln_1p() / people.ln_1p(),
        false => 100.0 * f64::from(record.influence).ln_1p() / people.ln_1p(),
    };
    points.min(100.0) as f32
}
