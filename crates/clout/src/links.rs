//! The topic of links, and who has which accounts: read as a whole, changed in one transaction by one writer at a time.
//!
//! It holds the table of links and says what a change makes of it; who may link whom is for others to decide. Invariant: what is
//! written says of each account of a person all accounts of that person.

use std::collections::{BTreeMap, BTreeSet};

use kafka::{Admin, AdminError, Connection, Outgoing, Outlet, OutletError, kept_of, links_of, names_of};
use pipeline::Holds;
use vocabulary::{LINKED_MAX, Profile, Timestamp};
use wire::{Encoding, Link, NameField, Proof, decode_link, encode_link, encode_profile, encode_profile_json, name_key};

use crate::config::Config;
use crate::connect::kept;
use crate::failure::Failure;
use crate::feed::encoding_of;

/// Why accounts were not linked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// A person would have too many accounts.
    #[error("{person} would have {count} accounts, at most {max} are accepted", max = LINKED_MAX + 1)]
    TooMany {
        /// The person.
        person: String,
        /// How many accounts.
        count: usize,
    },
    /// A name is no name.
    #[error("{name:?} cannot be linked: {reason}")]
    Name {
        /// What was given.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An account is linked with somebody else.
    #[error("{account} is linked as {person}: `clout link remove {account}` ends that first, or give --move")]
    Taken {
        /// The account.
        account: String,
        /// Whose it is.
        person: String,
    },
    /// Nobody of this name is known.
    #[error("{0} is neither a person nor an account that is linked; give the name of an account as it is scored")]
    Unknown(String),
    /// Erasure needs a topic that `clout run` reads.
    #[error(
        "the configuration has no input that holds profiles, by which an account opts out: name one by --input TOPIC:profiles"
    )]
    NoProfiles,
    /// A file of links cannot be read.
    #[error("{file}: {reason}")]
    File {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A code does not fit.
    #[error("{0}")]
    Code(String),
    /// Nobody has agreed.
    #[error("nothing is erased: say --yes; {0}")]
    NotAgreed(String),
}

/// Who has which accounts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Links(BTreeMap<String, Link>);

/// What is to become of an account.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    /// It is this person's.
    Link {
        /// The person.
        person: String,
        /// How that is known.
        proof: Proof,
        /// Where the proof can be seen.
        url: Option<String>,
    },
    /// It is nobody else's.
    Unlink,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) links: u64,
    pub(crate) profiles: u64,
    pub(crate) names: u64,
    pub(crate) kept: u64,
}

impl Links {
    /// Reads the whole topic; none where there is no topic.
    pub(crate) fn read(connection: &Connection, topic: &str) -> Result<Links, AdminError> {
        let mut links = BTreeMap::new();
        let read = kafka::read_table(connection, topic, |key, value| {
            let Ok(account) = std::str::from_utf8(key) else { return };
            match value.map(decode_link) {
                None => _ = links.remove(account),
                Some(Ok(link)) => _ = links.insert(account.to_owned(), link),
                Some(Err(error)) => eprintln!("note: the link of {account} cannot be used: {error}"),
            }
        });
        match read {
            Ok(()) | Err(AdminError::Missing(_)) => Ok(Links(links)),
            Err(error) => Err(error),
        }
    }

    /// Those of a plan for nobody yet.
    #[cfg(test)]
    pub(crate) fn of(plan: BTreeMap<String, Option<Link>>) -> Links {
        Links(plan.into_iter().filter_map(|(account, link)| Some((account, link?))).collect())
    }

    pub(crate) fn get(&self, account: &str) -> Option<&Link> {
        self.0.get(account)
    }

    /// All of them, by account.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Link> {
        self.0.values()
    }

    /// The accounts of a person, in the order of their names.
    pub(crate) fn accounts(&self, person: &str) -> Vec<&str> {
        self.iter().filter(|link| link.person == person).map(|link| link.account.as_str()).collect()
    }

    /// The accounts of a person or, of an account, those of its person: the account alone if it is not linked.
    pub(crate) fn accounts_of(&self, name: &str) -> Vec<String> {
        let person = self.get(name).map_or(name, |link| &link.person);
        match self.accounts(person) {
            accounts if accounts.is_empty() => vec![name.to_owned()],
            accounts => accounts.into_iter().map(str::to_owned).collect(),
        }
    }

    /// The records that make these changes, as of this time: of every account whose link differs after them.
    pub(crate) fn plan(
        &self,
        changes: &[(String, Change)],
        now: Timestamp,
    ) -> Result<BTreeMap<String, Option<Link>>, LinkError> {
        let mut after = self.0.clone();
        for (account, change) in changes {
            match change {
                Change::Unlink => _ = after.remove(account),
                Change::Link { person, proof, url } => {
                    let before = self.get(account).filter(|link| link.person == *person);
                    let linked_at = before.map_or(now, |link| link.linked_at);
                    let (account, person, proof, url) = (account.clone(), person.clone(), *proof, url.clone());
                    let accounts = Vec::new();
                    let link =
                        Link { account: account.clone(), person, accounts, proof, url, checked_at: now, linked_at };
                    link.check()
                        .map_err(|error| LinkError::Name { name: account.clone(), reason: error.to_string() })?;
                    after.insert(account, link);
                }
            }
        }
        let mut people: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for link in after.values() {
            people.entry(link.person.clone()).or_default().push(link.account.clone());
        }
        if let Some((person, accounts)) = people.iter().find(|(_, accounts)| accounts.len() > LINKED_MAX + 1) {
            return Err(LinkError::TooMany { person: person.clone(), count: accounts.len() });
        }
        after.values_mut().for_each(|link| link.accounts.clone_from(&people[&link.person]));
        let all: BTreeSet<&String> = self.0.keys().chain(after.keys()).collect();
        let differs = all.into_iter().filter(|account| self.get(account) != after.get(*account));
        Ok(differs.map(|account| (account.clone(), after.get(account).cloned())).collect())
    }
}

/// Where links go, and what they make the engine and readers do.
pub(crate) struct Ledger<'a> {
    config: &'a Config,
    topic: String,
    partitions: u16,
    /// The topic of profiles, its partitions, and how they are written; `None` where there is none.
    profiles: Option<(String, u16, Encoding)>,
    /// The partitions of the topic of names; `None` where there is none.
    names: Option<(String, u16)>,
    /// The topic in which connectors keep what they have learnt; `None` where there is none.
    kept: Option<String>,
    outlet: Outlet,
    pub(crate) links: Links,
}

impl<'a> Ledger<'a> {
    /// Takes the name of the only writer over, finds the topics, makes that of links if it is missing, and reads it.
    pub(crate) fn open(config: &'a Config) -> Result<Ledger<'a>, Failure> {
        Ledger::with(config, false)
    }

    /// The same, of an application whose topic of names is there to be erased from, or is seen not to be there.
    pub(crate) fn open_to_erase(config: &'a Config) -> Result<Ledger<'a>, Failure> {
        Ledger::with(config, true)
    }

    fn with(config: &'a Config, erases: bool) -> Result<Ledger<'a>, Failure> {
        let connection = config.connection();
        let (topic, names) = (links_of(&config.application_id), names_of(&config.application_id));
        let input = config.inputs.iter().find(|input| input.holds == Holds::Profiles);
        let profiles = input.map(|input| input.topic.as_str());
        let kept = kept_of(&config.application_id);
        let erased = [names.as_str(), kept.as_str()].into_iter().filter(|_| erases);
        let found = kafka::there(&connection, profiles, [topic.as_str()].into_iter().chain(erased))?;
        let partitions = |topic: &str| Some(u16::try_from(found.get(topic)?.partitions).unwrap_or(u16::MAX));
        if partitions(&topic).is_none() {
            Admin::connect(&connection)?.create(&topic, 1, None, &[("cleanup.policy", "compact")])?;
        }
        let encoded = |name: &str| {
            Ok::<_, Failure>((name.to_owned(), partitions(name).unwrap_or(1), encoding_of(config, name, None)?))
        };
        let profiles = profiles.map(encoded).transpose()?;
        // Who opens it ends what another one has begun: what is read then is all there is.
        let outlet = Outlet::open(&connection, &topic).map_err(failure)?;
        let links = Links::read(&connection, &topic)?;
        Ok(Ledger {
            partitions: partitions(&topic).unwrap_or(1),
            names: partitions(&names).map(|partitions| (names, partitions)),
            kept: partitions(&kept).map(|_| kept),
            config,
            topic,
            profiles,
            outlet,
            links,
        })
    }

    /// Whether acts between one person's accounts will be left out: the engine hears of links by profiles.
    pub(crate) fn has_profiles(&self) -> bool {
        self.profiles.is_some()
    }

    /// Makes changes, in one transaction: the links, and for the engine a profile of each account that says the others.
    pub(crate) fn change(&mut self, changes: &[(String, Change)], now: Timestamp) -> Result<Written, Failure> {
        let plan = self.links.plan(changes, now)?;
        let mut written = self.write_links(&plan)?;
        for (account, link) in &plan {
            let linked = link.as_ref().map(Link::others).unwrap_or_default();
            let profile = Profile { user: account, linked: Some(&linked), ..Profile::default() };
            written.profiles += self.write_profile(&profile)?;
        }
        self.outlet.commit().map_err(failure)?;
        self.apply(plan);
        Ok(written)
    }

    /// Erases accounts, in one transaction: they opt out, are nobody's, and are called nothing any more.
    pub(crate) fn forget(&mut self, accounts: &[String], now: Timestamp) -> Result<Written, Failure> {
        if self.profiles.is_none() {
            return Err(LinkError::NoProfiles.into());
        }
        let changes: Vec<_> = accounts.iter().map(|account| (account.clone(), Change::Unlink)).collect();
        let plan = self.links.plan(&changes, now)?;
        let mut written = self.write_links(&plan)?;
        for account in accounts {
            let profile = Profile { user: account, opted_out: Some(true), linked: Some(""), ..Profile::default() };
            written.profiles += self.write_profile(&profile)?;
            if let Some((topic, partitions)) = &self.names {
                let partition = self.config.model.partitioner.partition(account, *partitions);
                for field in NameField::ALL {
                    let key = name_key(field, account);
                    let gone = Outgoing { topic, partition, key: &key, value: None };
                    self.outlet.send(gone).map_err(failure)?;
                    written.names += 1;
                }
            }
        }
        written.kept = self.forget_kept(accounts)?;
        // Others of the person, if any are left, are told that these are not theirs any more.
        for (account, link) in plan.iter().filter(|(account, _)| !accounts.contains(account)) {
            let linked = link.as_ref().map(Link::others).unwrap_or_default();
            let profile = Profile { user: account, linked: Some(&linked), ..Profile::default() };
            written.profiles += self.write_profile(&profile)?;
        }
        self.outlet.commit().map_err(failure)?;
        self.apply(plan);
        Ok(written)
    }

    /// Takes accounts out of what connectors keep, and has them know these no more.
    fn forget_kept(&mut self, accounts: &[String]) -> Result<u64, Failure> {
        let Some(topic) = &self.kept else { return Ok(0) };
        let place = (topic.as_str(), self.config.application_id.as_str());
        let changes = kept::without(&self.config.connection(), place, accounts)?;
        for (key, value) in &changes {
            let record = Outgoing { topic, partition: 0, key, value: value.as_deref() };
            self.outlet.send(record).map_err(failure)?;
        }
        Ok(changes.len() as u64)
    }

    fn write_links(&mut self, plan: &BTreeMap<String, Option<Link>>) -> Result<Written, Failure> {
        for (account, link) in plan {
            let value = link.as_ref().map(encode_link);
            let partition = self.config.model.partitioner.partition(account, self.partitions);
            let record = Outgoing { topic: &self.topic, partition, key: account, value: value.as_deref() };
            self.outlet.send(record).map_err(failure)?;
        }
        Ok(Written { links: plan.len() as u64, ..Written::default() })
    }

    fn write_profile(&mut self, profile: &Profile<'_>) -> Result<u64, Failure> {
        let Some((topic, partitions, encoding)) = &self.profiles else { return Ok(0) };
        let mut value = Vec::new();
        match encoding {
            Encoding::Protobuf => encode_profile(profile, &mut value),
            Encoding::Json => encode_profile_json(profile, &mut value),
        }
        let partition = self.config.model.partitioner.partition(profile.user, *partitions);
        self.outlet.send(Outgoing { topic, partition, key: profile.user, value: Some(&value) }).map_err(failure)?;
        Ok(1)
    }

    fn apply(&mut self, plan: BTreeMap<String, Option<Link>>) {
        for (account, link) in plan {
            match link {
                Some(link) => _ = self.links.0.insert(account, link),
                None => _ = self.links.0.remove(&account),
            }
        }
    }
}

/// Nothing is repaired here: whoever asked for it asks again.
fn failure(error: OutletError) -> Failure {
    let what = || "the links cannot be written".to_owned();
    match error {
        OutletError::Final(error) => error.into(),
        OutletError::Fenced => {
            let reason =
                "another process has begun to write links; nothing of this one is written: try again".to_owned();
            AdminError::Refused { what: what(), reason }.into()
        }
        OutletError::Passing { reason, .. } => AdminError::Refused { what: what(), reason }.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(person: &str) -> Change {
        Change::Link { person: person.into(), proof: Proof::Operator, url: None }
    }

    fn apply(links: &Links, changes: &[(&str, Change)], now: Timestamp) -> (Links, Vec<String>) {
        let changes: Vec<_> = changes.iter().map(|(account, change)| ((*account).to_owned(), change.clone())).collect();
        let plan = links.plan(&changes, now).expect("a plan");
        let mut after = links.clone();
        let told = plan.keys().cloned().collect();
        for (account, link) in plan {
            match link {
                Some(link) => _ = after.0.insert(account, link),
                None => _ = after.0.remove(&account),
            }
        }
        (after, told)
    }

    #[test]
    fn each_account_is_told_of_all_accounts_of_its_person_whatever_is_done() {
        let (one, told) = apply(&Links::default(), &[("a:1", link("ana")), ("b:1", link("ana"))], 5);
        assert_eq!(told, ["a:1", "b:1"]);
        assert_eq!(one.get("a:1").unwrap().others(), "b:1");
        let (two, told) = apply(&one, &[("c:1", link("ana")), ("d:1", link("bo"))], 6);
        assert_eq!(told, ["a:1", "b:1", "c:1", "d:1"]);
        assert_eq!(two.get("b:1").unwrap().accounts, ["a:1", "b:1", "c:1"]);
        assert_eq!((two.get("a:1").unwrap().linked_at, two.get("c:1").unwrap().linked_at), (5, 6));
        assert_eq!(two.accounts_of("c:1"), ["a:1", "b:1", "c:1"]);
        assert_eq!((two.accounts_of("bo"), two.accounts_of("e:1")), (vec!["d:1".to_owned()], vec!["e:1".to_owned()]));
        // The same again changes nothing but when it was looked at.
        let (_, told) = apply(&two, &[("d:1", link("bo"))], 6);
        assert_eq!(told, [""; 0]);
        // Another person's: both hear of it.
        let (three, told) = apply(&two, &[("c:1", link("bo"))], 7);
        assert_eq!(told, ["a:1", "b:1", "c:1", "d:1"]);
        assert_eq!(three.get("d:1").unwrap().others(), "c:1");
        let (four, told) = apply(&three, &[("a:1", Change::Unlink), ("b:1", Change::Unlink)], 8);
        assert_eq!((told.len(), four.accounts("ana").len(), four.accounts("bo").len()), (2, 0, 2));
        // And back again: the same links, from another time on.
        let (five, _) = apply(&four, &[("a:1", link("ana")), ("b:1", link("ana"))], 9);
        assert_eq!(five.get("a:1").unwrap().accounts, one.get("a:1").unwrap().accounts);
    }

    #[test]
    fn names_that_are_none_and_crowds_are_refused() {
        let one = |account: &str, person: &str| Links::default().plan(&[(account.into(), link(person))], 0);
        for (account, person) in [("", "ana"), ("a:1", ""), ("a\n1", "ana"), ("a:1", "a\u{7}")] {
            assert!(matches!(one(account, person), Err(LinkError::Name { .. })), "{account:?} {person:?}");
        }
        let crowd =
            |count: usize| -> Vec<_> { (0..count).map(|number| (format!("a:{number}"), link("ana"))).collect() };
        assert!(Links::default().plan(&crowd(LINKED_MAX + 1), 0).is_ok());
        let refused = Links::default().plan(&crowd(LINKED_MAX + 2), 0);
        assert!(matches!(refused, Err(LinkError::TooMany { count, .. }) if count == LINKED_MAX + 2));
    }
}
