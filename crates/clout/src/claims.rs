//! Accounts say whose they are, and this module makes links of it: a code that fits makes one, and all other codes are counted.
//!
//! A claim waits until what it was found in is committed, and is told as settled once the link is written. Whoever begins again in
//! between links once more, which changes nothing. Invariant: an account comes to a person by what that account itself has said, and by
//! nothing else; accounts that are somebody else's already stay theirs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use networks::{Kinship, Naming};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tracing::warn;
use wire::{Names, Proof};

use crate::config::Config;
use crate::failure::Failure;
use crate::links::{Change, Ledger, LinkError, Links};
use crate::words::{count, now};

/// The options that say which claims are heard.
#[derive(Args, Clone, Debug)]
pub(crate) struct ClaimArgs {
    /// Hear accounts that post `clout-verify CODE` or `clout-unlink-me`, and link them in APPLICATION-links: the key of the codes, as
    /// `clout link code` was given it
    #[arg(long, value_name = "FILE")]
    links_key: Option<PathBuf>,
    /// Link accounts that each say so of the other, in APPLICATION-links: rel-me by the links in their profiles, move where one has moved
    /// to the other, which names it as its former one; several by commas
    #[arg(long, value_name = "WORD", value_delimiter = ',', value_parser = kinship)]
    link_by: Vec<Proof>,
}

fn kinship(word: &str) -> Result<Proof, String> {
    let proof = Proof::of_word(word).filter(|proof| matches!(proof, Proof::RelMe | Proof::Move));
    proof.ok_or_else(|| "there are rel-me and move".to_owned())
}

impl ClaimArgs {
    /// Returns true if any claims are to be heard.
    pub(crate) fn are_heard(&self) -> bool {
        self.links_key.is_some() || self.hears_kin()
    }

    /// Returns true if links are made of what two accounts say of each other.
    pub(crate) fn hears_kin(&self) -> bool {
        !self.link_by.is_empty()
    }

    /// Makes the listener for claims, or nothing if none are to be heard.
    pub(crate) fn hearing(&self) -> Result<Option<Hearing>, LinkError> {
        let key = self.links_key.as_deref().map(Key::read).transpose()?;
        Ok(self.are_heard().then(|| Hearing { key, link_by: self.link_by.clone(), ..Hearing::default() }))
    }
}

/// The key of codes.
#[derive(Clone)]
pub(crate) struct Key(Vec<u8>);

/// Bytes of a key at least.
const KEY_BYTES_MIN: usize = 16;
/// Letters of a code: no I, L, O or U, which are taken for others.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Letters of the first part of a code, in four groups: 80 bits.
const MARK_LETTERS: usize = 16;

impl Key {
    pub(crate) fn read(file: &Path) -> Result<Key, LinkError> {
        let refuse = |reason: String| LinkError::File { file: file.display().to_string(), reason };
        let key = fs::read(file).map_err(|error| refuse(error.to_string()))?;
        match key.len() {
            length if length < KEY_BYTES_MIN => {
                Err(refuse(format!("a key has {KEY_BYTES_MIN} bytes or more, this one has {length}")))
            }
            _ => Ok(Key(key)),
        }
    }

    /// The code of an account of a person: four groups that nobody makes without the key and that fit no other account, and behind them
    /// the name of the person, so that whoever has the key needs nothing else to see whose the account is.
    pub(crate) fn code(&self, person: &str, account: &str) -> String {
        let letters = self.mark(person, account) + &letters_of(person.as_bytes());
        let groups: Vec<&str> =
            (0..letters.len()).step_by(4).map(|at| &letters[at..letters.len().min(at + 4)]).collect();
        groups.join("-")
    }

    /// The person whose account it is, by the code that it posted; `None` if the code was not made for it with this key.
    pub(crate) fn person(&self, account: &str, code: &str) -> Option<String> {
        let code = plain(code);
        let (mark, name) = code.split_at_checked(MARK_LETTERS)?;
        let person = String::from_utf8(bytes_of(name)?).ok()?;
        (!person.is_empty() && self.mark(&person, account) == mark).then_some(person)
    }

    /// Returns true if a code was made for this account of this person. Codes of earlier versions do not have the name.
    pub(crate) fn fits(&self, person: &str, account: &str, code: &str) -> bool {
        plain(code) == self.mark(person, account) || self.person(account, code).as_deref() == Some(person)
    }

    fn mark(&self, person: &str, account: &str) -> String {
        // Each part with its length before it, so that no two ways of writing them are alike.
        let hash = [&self.0, person.as_bytes(), account.as_bytes()]
            .into_iter()
            .fold(Sha256::new(), |hash, part| hash.chain_update((part.len() as u64).to_le_bytes()).chain_update(part));
        letters_of(&hash.finalize()[..MARK_LETTERS * 5 / 8])
    }
}

/// Bytes as letters of five bits each.
fn letters_of(bytes: &[u8]) -> String {
    let bit = |place: usize| bytes.get(place / 8).map_or(0, |byte| byte >> (7 - place % 8) & 1);
    let letter = |at: usize| (at..at + 5).fold(0, |value, place| value << 1 | usize::from(bit(place)));
    (0..bytes.len() * 8).step_by(5).map(|at| LETTERS[letter(at)] as char).collect()
}

/// The bytes of letters, if these are those of any.
fn bytes_of(letters: &str) -> Option<Vec<u8>> {
    let values: Vec<u8> = letters
        .bytes()
        .map(|letter| LETTERS.iter().position(|known| *known == letter).and_then(|value| u8::try_from(value).ok()))
        .collect::<Option<_>>()?;
    let bit = |place: usize| values[place / 5] >> (4 - place % 5) & 1;
    let byte = |at: usize| (at..at + 8).fold(0, |value, place| value << 1 | bit(place));
    let bytes: Vec<u8> = (0..values.len() * 5 / 8).map(|number| byte(number * 8)).collect();
    // One way of writing each.
    (letters_of(&bytes) == letters).then_some(bytes)
}

/// A code without its groups, in whatever case it was posted, and with letters for those that are taken for them.
fn plain(code: &str) -> String {
    let letter = |letter: char| match letter.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        letter => letter,
    };
    code.chars().filter(char::is_ascii_alphanumeric).map(letter).collect()
}

/// A statement of an account about whose it is, as it was read and not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// A post with a code, or one that ends a link.
    Post {
        account: String,
        naming: Naming,
        /// The code that was posted; `None` ends the account's link.
        code: Option<String>,
        url: Option<String>,
    },
    /// Two accounts that each say so of the other; a new person is named after the first.
    Kin { accounts: [String; 2], proof: Proof },
}

impl Claimed {
    pub(crate) fn of_kin(kin: &networks::Kin<'_>) -> Claimed {
        let proof = match kin.how {
            Kinship::RelMe => Proof::RelMe,
            Kinship::Move => Proof::Move,
        };
        Claimed::Kin { accounts: [kin.account.to_string(), kin.other.to_string()], proof }
    }

    pub(crate) fn of(claim: &networks::Claim<'_>) -> Claimed {
        let url = claim.url.filter(|url| url.starts_with("https://") || url.starts_with("http://"));
        Claimed::Post {
            account: claim.account.to_string(),
            naming: claim.account.naming,
            code: claim.code.map(str::to_owned),
            url: url.map(str::to_owned),
        }
    }
}

/// A claim that waits for its link to be written, in the form in which it is kept until then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// The person to whom the account is to be linked; `None` ends its link.
    person: Option<String>,
    /// The address of the post that says so.
    url: Option<String>,
    /// The word of the proof, where two accounts say so of each other. Both go to the person whose account either of them already is, or
    /// else to `person`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proof: Option<String>,
}

/// The character between the two accounts in the key of a claim of both.
const BETWEEN: char = '\n';

/// The number of claims by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcomes {
    pub(crate) linked: u64,
    pub(crate) unlinked: u64,
    /// Codes that were made for another account or with another key, and codes that are none.
    pub(crate) wrong: u64,
    /// Accounts that are somebody else's.
    pub(crate) taken: u64,
    /// Claims that change nothing, or make a person of more accounts than are accepted.
    pub(crate) idle: u64,
}

impl Outcomes {
    /// Each with its word.
    pub(crate) fn by_word(self) -> [(&'static str, u64); 5] {
        let Outcomes { linked, unlinked, wrong, taken, idle } = self;
        [("linked", linked), ("unlinked", unlinked), ("wrong", wrong), ("taken", taken), ("nothing", idle)]
    }

    pub(crate) fn add(&mut self, more: Outcomes) {
        let Outcomes { linked, unlinked, wrong, taken, idle } = more;
        self.linked += linked;
        self.unlinked += unlinked;
        self.wrong += wrong;
        self.taken += taken;
        self.idle += idle;
    }

    /// A line that says what became of them; nothing if there were none.
    pub(crate) fn line(self) -> Option<String> {
        let told: Vec<String> = self
            .by_word()
            .into_iter()
            .filter(|(_, number)| *number > 0)
            .map(|(word, number)| format!("{word} {number}"))
            .collect();
        let all = self.by_word().iter().map(|(_, number)| number).sum();
        (!told.is_empty()).then(|| format!("{}: {}", count(all, "claim", "claims"), told.join(", ")))
    }
}

/// Links are written no more often than this,
const SETTLE_EVERY: Duration = Duration::from_secs(2);
/// and so long after it was not possible.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// Hears claims, and keeps them until they are settled.
#[derive(Default)]
pub(crate) struct Hearing {
    /// Without one no codes are heard.
    key: Option<Key>,
    link_by: Vec<Proof>,
    /// Those that were heard since the last commit, with the codes that do not fit.
    heard: Vec<(String, Asked)>,
    wrong: u64,
    /// Those that are committed: the newest of each account, and of each two.
    waiting: BTreeMap<String, Asked>,
    /// Accounts whose claims are settled, since that was last kept.
    settled: Vec<String>,
    not_before: Option<Instant>,
    outcomes: Outcomes,
}

impl Hearing {
    /// One that hears codes of this key.
    #[cfg(test)]
    pub(crate) fn of(key: &[u8]) -> Hearing {
        Hearing { key: Some(Key(key.to_vec())), link_by: vec![Proof::RelMe], ..Hearing::default() }
    }

    /// Forgets what is not settled.
    pub(crate) fn forget(&mut self) {
        self.heard.clear();
        self.waiting.clear();
        self.settled.clear();
        self.wrong = 0;
    }

    /// Takes what accounts have said.
    pub(crate) fn hear(&mut self, claimed: Claimed, names: &Names) {
        let spelled = |account: &str| names.spell(account, &mut String::new()).to_owned();
        match (claimed, &self.key) {
            (Claimed::Post { account, naming, code, url }, Some(key)) => {
                let account = spelled(&account);
                // A handle may be another one's tomorrow, and was perhaps another one's when the code was made.
                let is_sure = naming == Naming::Id && !names.ignores(&account);
                let person = match code {
                    Some(code) => key.person(&account, &code).map(Some),
                    None => Some(None),
                };
                match person.filter(|_| is_sure) {
                    Some(person) => self.heard.push((account, Asked { person, url, proof: None })),
                    None => self.wrong += 1,
                }
            }
            (Claimed::Kin { accounts, proof }, _) if self.link_by.contains(&proof) => {
                let [account, other] = accounts.map(|account| spelled(&account));
                if account != other && !names.ignores(&account) && !names.ignores(&other) {
                    let proof = Some(proof.word().to_owned());
                    let asked = Asked { person: Some(account.clone()), url: None, proof };
                    self.heard.push((format!("{account}{BETWEEN}{other}"), asked));
                }
            }
            _ => {}
        }
    }

    /// The accounts whose claims are settled, and then what was heard, since the last call of this and of `committed`: to be kept in the
    /// transaction of what it was found in.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (&str, Option<&Asked>)> {
        let settled = self.settled.iter().map(|account| (account.as_str(), None));
        settled.chain(self.heard.iter().map(|(account, asked)| (account.as_str(), Some(asked))))
    }

    /// Returns true if claims are settled that are still among those kept.
    pub(crate) fn has_settled(&self) -> bool {
        !self.settled.is_empty()
    }

    /// Moves what was heard to the claims that wait, once the transaction that keeps it is committed.
    pub(crate) fn committed(&mut self) {
        self.settled.clear();
        self.waiting.extend(self.heard.drain(..));
        if self.wrong > 0 {
            warn!("{} not made for the account that posted it", count(self.wrong, "code was", "codes were"));
        }
        self.outcomes.wrong += std::mem::take(&mut self.wrong);
    }

    /// Takes a claim that was kept, or that it is settled.
    pub(crate) fn relearn(&mut self, account: &str, asked: Option<Asked>) {
        match asked {
            Some(asked) => _ = self.waiting.insert(account.to_owned(), asked),
            None => _ = self.waiting.remove(account),
        }
    }

    /// Returns the number of claims so far, by what became of them.
    pub(crate) fn outcomes(&self) -> Outcomes {
        self.outcomes
    }

    /// Settles what waits, if it is time to; what cannot be settled now is tried again later.
    pub(crate) fn settle_when_due(&mut self, config: &Config) {
        if self.waiting.is_empty() || self.not_before.is_some_and(|at| Instant::now() < at) {
            return;
        }
        let pause = match self.settle(config) {
            Ok(()) => SETTLE_EVERY,
            Err(error) => {
                warn!(%error, "{} not written yet", count(self.waiting.len() as u64, "link is", "links are"));
                AGAIN_AFTER
            }
        };
        self.not_before = Some(Instant::now() + pause);
    }

    /// Settles what waits.
    pub(crate) fn settle(&mut self, config: &Config) -> Result<(), Failure> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let mut ledger = Ledger::open(config)?;
        while let Some((account, asked)) = self.waiting.pop_first() {
            match asked.settle(&account, &mut ledger) {
                Ok(outcome) => {
                    self.outcomes.add(outcome);
                    self.settled.push(account);
                }
                Err(failure) => {
                    self.waiting.insert(account, asked);
                    return Err(failure);
                }
            }
        }
        Ok(())
    }
}

impl Asked {
    /// The changes that are to be made, or what the claim comes to without one.
    fn changes(&self, accounts: &str, links: &Links) -> Result<Vec<(String, Change)>, Outcomes> {
        let none = Outcomes::default();
        let (taken, idle) = (Err(Outcomes { taken: 1, ..none }), Err(Outcomes { idle: 1, ..none }));
        let whose = |account: &str| links.get(account).map(|link| link.person.as_str());
        let link = |account: &str, person: &str, proof| {
            let (person, url) = (person.to_owned(), self.url.clone());
            (account.to_owned(), Change::Link { person, proof, url })
        };
        match (&self.person, accounts.split_once(BETWEEN)) {
            (Some(person), Some((account, other))) => {
                let Some(proof) = self.proof.as_deref().and_then(Proof::of_word) else { return idle };
                match (whose(account), whose(other)) {
                    (None, None) => Ok(vec![link(account, person, proof), link(other, person, proof)]),
                    (Some(person), None) => Ok(vec![link(other, person, proof)]),
                    (None, Some(person)) => Ok(vec![link(account, person, proof)]),
                    (Some(one), Some(another)) if one == another => idle,
                    (Some(_), Some(_)) => taken,
                }
            }
            (Some(person), None) => match whose(accounts) {
                Some(other) if other != person => taken,
                // It was told before.
                Some(_) if links.get(accounts).is_some_and(|link| link.proof == Proof::Claim) => idle,
                _ => Ok(vec![link(accounts, person, Proof::Claim)]),
            },
            (None, _) if whose(accounts).is_none() => idle,
            (None, _) => Ok(vec![(accounts.to_owned(), Change::Unlink)]),
        }
    }

    fn settle(&self, accounts: &str, ledger: &mut Ledger<'_>) -> Result<Outcomes, Failure> {
        let none = Outcomes::default();
        let changes = match self.changes(accounts, &ledger.links) {
            Ok(changes) => changes,
            Err(outcome) => return Ok(outcome),
        };
        if ledger.links.plan(&changes, now()).is_err() {
            return Ok(Outcomes { idle: 1, ..none });
        }
        ledger.change(&changes, now())?;
        let changed = changes.len() as u64;
        Ok(match self.person {
            Some(_) => Outcomes { linked: changed, ..none },
            None => Outcomes { unlinked: changed, ..none },
        })
    }
}

#[cfg(test)]
mod tests {
    use networks::{Account, Claim, Network};

    use super::*;

    fn key(byte: u8) -> Key {
        Key(vec![byte; 32])
    }

    #[test]
    fn a_code_fits_its_account_and_its_person_under_its_key_and_nothing_else() {
        let account = "bluesky:did:plc:ana";
        for person in ["ana", "a", "Ana María", "bluesky:did:plc:ana", &"x".repeat(200)] {
            let code = key(7).code(person, account);
            for posted in
                [code.clone(), code.to_lowercase(), code.replace('-', ""), code.replace('0', "o").replace('1', "l")]
            {
                assert_eq!(key(7).person(account, &posted).as_deref(), Some(person), "{posted}");
                assert!(key(7).fits(person, account, &posted));
            }
            for (key, account) in [(key(8), account), (key(7), "bluesky:did:plc:anna"), (key(7), "x:1")] {
                assert_eq!(key.person(account, &code), None);
                assert!(!key.fits(person, account, &code));
            }
            // The name cannot be another one.
            let (mark, other) = (&code[..MARK_LETTERS + 3], key(7).code("bo", account));
            assert_eq!(key(7).person(account, &format!("{mark}{}", &other[MARK_LETTERS + 3..])), None);
            // Codes of before, without the name, fit whom they were made for.
            assert!(key(7).fits(person, account, mark) && !key(7).fits("bo", account, mark));
            assert_eq!(key(7).person(account, mark), None);
        }
        assert_ne!(key(7).code("ana", "bx:1"), key(7).code("anab", "x:1"));
        for text in ["", "2CQ7", "2CQ7-K3ZJ-9D0A-W5XM", "2CQ7-K3ZJ-9D0A-W5XM-U", "ü"] {
            assert_eq!(key(7).person(account, text), None, "{text}");
        }
    }

    #[test]
    fn claims_of_handles_and_codes_of_others_are_counted_and_ask_for_nothing() {
        let mut hearing = Hearing { key: Some(key(7)), ..Hearing::default() };
        let names = Names::default();
        let (ana, bo) = (Account::by_id(Network::GitHub, "1"), Account::by_id(Network::GitHub, "2"));
        let handle = Account::by_handle(Network::GitHub, "ana");
        let code = |account: Account<'_>| key(7).code("ana", &account.to_string());
        let mut say = |account, code: Option<&str>| {
            hearing.hear(Claimed::of(&Claim { account, code, url: Some("javascript:1") }), &names);
        };
        say(ana, Some(&code(ana)));
        say(bo, Some(&code(ana)));
        say(ana, Some("no code"));
        say(handle, Some(&code(handle)));
        say(handle, None);
        say(bo, None);
        let asked: Vec<_> = hearing.changes().map(|(account, asked)| (account, asked.cloned())).collect();
        let ana_is = Asked { person: Some("ana".into()), url: None, proof: None };
        assert_eq!(
            asked,
            [("github:1", Some(ana_is)), ("github:2", Some(Asked { person: None, url: None, proof: None }))]
        );
        assert_eq!(hearing.outcomes().wrong, 0, "nothing is committed");
        hearing.committed();
        assert_eq!(hearing.outcomes().line().as_deref(), Some("4 claims: wrong 4"));
        assert_eq!((hearing.changes().count(), hearing.waiting.len()), (0, 2));
    }

    #[test]
    fn two_that_each_say_so_are_one_and_whoever_is_somebody_elses_stays_theirs() {
        let asked = Asked { person: Some("a:1".into()), url: None, proof: Some("rel-me".into()) };
        let links = |people: &[(&str, &str)]| {
            let change = |person: &str| Change::Link { person: person.into(), proof: Proof::Operator, url: None };
            let changes: Vec<_> = people.iter().map(|(account, person)| ((*account).into(), change(person))).collect();
            Links::of(Links::default().plan(&changes, 0).expect("a plan"))
        };
        let told = |people: &[(&str, &str)]| {
            let changes = asked.changes("a:1\nb:1", &links(people));
            let told = |(account, change): (String, Change)| match change {
                Change::Link { person, proof, .. } => format!("{account} {person} {}", proof.word()),
                Change::Unlink => format!("{account} ends"),
            };
            changes.map(|changes| changes.into_iter().map(told).collect::<Vec<_>>().join(", "))
        };
        assert_eq!(told(&[]).as_deref(), Ok("a:1 a:1 rel-me, b:1 a:1 rel-me"));
        assert_eq!(told(&[("a:1", "ana")]).as_deref(), Ok("b:1 ana rel-me"));
        assert_eq!(told(&[("b:1", "ana")]).as_deref(), Ok("a:1 ana rel-me"));
        assert_eq!(told(&[("a:1", "ana"), ("b:1", "ana")]), Err(Outcomes { idle: 1, ..Outcomes::default() }));
        assert_eq!(told(&[("a:1", "ana"), ("b:1", "bo")]), Err(Outcomes { taken: 1, ..Outcomes::default() }));
        // And of one that claims.
        let claim = Asked { person: Some("ana".into()), url: None, proof: None };
        assert_eq!(claim.changes("a:1", &links(&[("a:1", "bo")])), Err(Outcomes { taken: 1, ..Outcomes::default() }));
        assert_eq!(claim.changes("a:1", &links(&[])).map(|changes| changes.len()), Ok(1));
    }
}
