//! The people of a made-up town on their networks: some have two accounts and act on one or the other, most of these are linked,
//! one is renamed and one is erased while somebody watches.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use vocabulary::{Event, Timestamp};
use wire::{Link, NameField, Proof, yes_or_no};

use crate::demo::source::{Waiting, What};
use crate::recorded::naming::Said;
use crate::recorded::people::Change;

const HOUR_MS: Timestamp = 3_600_000;
/// In a smaller town everybody has one account: there would be few with two.
pub(crate) const PEOPLE_MIN: u32 = 1_000;
/// One of so many people has two accounts,
const OF_ALL: u64 = 8;
/// and of these one of so many has not linked them.
const UNLINKED: u64 = 4;
/// What happens so long after the town began: with the usual head start and speed a quarter and half a minute after the page opens.
const RENAMED_AFTER_MS: Timestamp = 74 * HOUR_MS + HOUR_MS / 2;
const ERASED_AFTER_MS: Timestamp = 77 * HOUR_MS;

/// Gives the people of a town their accounts.
#[derive(Default)]
pub(crate) struct Cast {
    /// People with two accounts, and what they received.
    people: BTreeMap<String, u64>,
    begun_at: Option<Timestamp>,
    has_renamed: bool,
    /// Who was erased.
    erased: Option<String>,
}

fn hash(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// The accounts of somebody who has two.
fn accounts(person: &str) -> [String; 2] {
    [format!("bluesky:did:plc:{person}"), format!("activitypub:https://a.example/users/{person}")]
}

impl Cast {
    /// Adds what an event of the town is on the networks, behind what has to be said before it.
    pub(crate) fn play(&mut self, event: &Event<'_>, waiting: &mut VecDeque<Waiting>) {
        let at = event.at;
        let begun_at = *self.begun_at.get_or_insert(at);
        let [actor, target] = [event.actor, event.target].map(|person| self.account(person, event, waiting));
        if let Some(received) = self.people.get_mut(event.target) {
            *received += 1;
        }
        waiting.push_back(Waiting { at, what: What::Event { actor, target, kind: event.kind } });
        if !self.has_renamed && at >= begun_at + RENAMED_AFTER_MS {
            self.has_renamed = true;
            if let Some(person) = self.most_popular(0) {
                let [account, _] = accounts(&person);
                waiting.push_back(said(at, &account, NameField::Handle, &format!("{person}-renamed.example")));
            }
        }
        if self.erased.is_none() && at >= begun_at + ERASED_AFTER_MS {
            self.erased = self.most_popular(1);
            let erased = self.erased.iter().flat_map(|person| accounts(person));
            for account in erased {
                let change = Change { user: account.clone(), opted_out: Some(true), trust: None };
                waiting.push_back(Waiting { at, what: What::Change(change) });
                waiting.push_back(Waiting { at, what: What::Unlinked(account) });
            }
        }
    }

    /// The account under which somebody has part in an event. Whoever is met with two of them is called something, and is linked.
    fn account(&mut self, person: &str, event: &Event<'_>, waiting: &mut VecDeque<Waiting>) -> String {
        if !hash(person).is_multiple_of(OF_ALL) {
            return person.to_owned();
        }
        let both = accounts(person);
        if !self.people.contains_key(person) {
            self.people.insert(person.to_owned(), 0);
            for (account, handle) in both.iter().zip([format!("{person}.example"), format!("{person}@a.example")]) {
                waiting.push_back(said(event.at, account, NameField::Handle, &handle));
                waiting.push_back(said(event.at, account, NameField::Listed, yes_or_no(true)));
            }
            if !hash((person, "linked")).is_multiple_of(UNLINKED) {
                waiting.extend(both.iter().map(|account| linked(event.at, person, account, &both)));
            }
        }
        // Both sides of an act are on one network, as far as both are on it.
        let [first, second] = both;
        if hash((event.actor, event.at)).is_multiple_of(3) { second } else { first }
    }

    /// One of those with two accounts, by what they received.
    fn most_popular(&self, place: usize) -> Option<String> {
        let mut people: Vec<(&String, &u64)> = self.people.iter().collect();
        people.retain(|(person, _)| hash((person.as_str(), "linked")) % UNLINKED != 0);
        people.sort_by(|(one, few), (other, many)| many.cmp(few).then_with(|| one.cmp(other)));
        people.get(place).map(|(person, _)| (*person).clone())
    }
}

fn said(at: Timestamp, account: &str, field: NameField, value: &str) -> Waiting {
    Waiting { at, what: What::Said(Said { user: account.to_owned(), field, value: Some(value.to_owned()) }) }
}

fn linked(at: Timestamp, person: &str, account: &str, accounts: &[String]) -> Waiting {
    let link = Link {
        account: account.to_owned(),
        person: person.to_owned(),
        accounts: accounts.to_vec(),
        proof: Proof::Claim,
        url: None,
        checked_at: at,
        linked_at: at,
    };
    Waiting { at, what: What::Linked(link) }
}

#[cfg(test)]
mod tests {
    use worlds::Town;

    use super::*;

    #[test]
    fn people_are_on_networks_linked_one_is_renamed_and_one_is_erased() {
        let mut town = Town { people: 500, events_an_hour: 240, ..Town::default() }.events();
        let (mut cast, mut waiting) = (Cast::default(), VecDeque::new());
        for _ in 0..80 * 240 {
            cast.play(&town.next_event(), &mut waiting);
        }
        assert!(waiting.iter().zip(waiting.iter().skip(1)).all(|(one, next)| one.at <= next.at));
        let of = |holds: fn(&What) -> bool| waiting.iter().filter(|waiting| holds(&waiting.what)).count();
        let links = of(|what| matches!(what, What::Linked(_)));
        assert!(links % 2 == 0 && links > 40, "{links}");
        let renamed = |what: &What| matches!(what, What::Said(said) if said.value.as_deref().is_some_and(|value| value.contains("-renamed")));
        assert_eq!(of(renamed), 1);
        assert_eq!((of(|what| matches!(what, What::Change(_))), of(|what| matches!(what, What::Unlinked(_)))), (2, 2));
        assert_eq!(of(|what| matches!(what, What::Event { .. })), 80 * 240);
    }
}
