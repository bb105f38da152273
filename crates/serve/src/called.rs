//! What accounts are called, and who does not agree to be called anything: by name, beside the scores. What is said of
//! somebody without a score is kept as well, for the day on which there is one.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use dashmap::DashSet;
use parking_lot::RwLock;
use vocabulary::Network;
use wire::{NameField, country_code, cut_name, language_code};

use crate::ordered::Ordered;

/// Accounts of one handle that are looked at: a handle may be free again, and somebody else's on another network.
const ALIKE_MAX: usize = 64;

/// What is known of an account; another one takes its place when more is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) user: Box<str>,
    pub(crate) handle: Option<Box<str>>,
    pub(crate) display_name: Option<Box<str>>,
    pub(crate) url: Option<Box<str>>,
    pub(crate) is_bot: Option<bool>,
    pub(crate) is_listed: Option<bool>,
    is_there: Option<bool>,
    /// The language that it mostly writes in.
    pub(crate) language: Option<Box<str>>,
    /// The country that its profile declares.
    pub(crate) country: Option<&'static str>,
}

impl Called {
    /// Whether nobody is to be shown under a name: who does not agree to be found, or has hidden the account for now.
    pub(crate) fn is_hidden(&self) -> bool {
        self.is_listed == Some(false) || self.is_there == Some(false)
    }

    fn say(&mut self, field: NameField, value: Option<&str>) {
        let text = || value.map(cut_name).filter(|text| !text.trim().is_empty()).map(Box::from);
        let is = || match value {
            Some("yes") => Some(true),
            Some("no") => Some(false),
            _ => None,
        };
        match field {
            NameField::Handle => self.handle = text(),
            NameField::DisplayName => self.display_name = text(),
            NameField::Url => self.url = text(),
            NameField::Bot => self.is_bot = is(),
            NameField::Listed => self.is_listed = is(),
            NameField::There => self.is_there = is(),
            NameField::Language => self.language = value.and_then(language_code).map(Box::from),
            NameField::Country => self.country = value.and_then(country_code),
        }
    }

    fn says_nothing(&self) -> bool {
        *self == Called { user: self.user.clone(), ..Called::default() }
    }

    /// The texts by which somebody is found, unless nobody is to find them.
    fn texts(self: &Arc<Called>) -> impl Iterator<Item = Text> {
        let texts = [(false, self.handle.is_some()), (true, self.display_name.is_some())];
        let is_hidden = self.is_hidden();
        texts
            .into_iter()
            .filter(move |(_, is_there)| *is_there && !is_hidden)
            .map(|(is_display_name, _)| Text { called: Arc::clone(self), is_display_name })
    }

    /// Whether the handle or the shown name begins with these letters, which are in lower case.
    pub(crate) fn begins_with(&self, letters: &str) -> bool {
        let begins = |text: &Option<Box<str>>| text.as_deref().is_some_and(|text| begins(text, letters));
        !self.is_hidden() && (begins(&self.handle) || begins(&self.display_name))
    }

    /// Whether the handle or the shown name has these letters in it, which are in lower case.
    pub(crate) fn contains(&self, letters: &str) -> bool {
        let has = |text: &Option<Box<str>>| text.as_deref().is_some_and(|text| text.to_lowercase().contains(letters));
        !self.is_hidden() && (has(&self.handle) || has(&self.display_name))
    }
}

/// A handle or a shown name, in the order of its letters in lower case.
#[derive(Debug)]
struct Text {
    called: Arc<Called>,
    is_display_name: bool,
}

impl Text {
    fn text(&self) -> &str {
        let text = if self.is_display_name { &self.called.display_name } else { &self.called.handle };
        text.as_deref().unwrap_or_default()
    }
}

fn lower(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

fn begins(text: &str, letters: &str) -> bool {
    let mut own = lower(text);
    letters.chars().all(|letter| own.next() == Some(letter))
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Text) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Text) -> Ordering {
        let rest = || (&self.called.user, self.is_display_name).cmp(&(&other.called.user, other.is_display_name));
        lower(self.text()).cmp(lower(other.text())).then_with(rest)
    }
}

/// An account as an item of a set, by the name that is scored.
#[derive(Debug)]
struct ByUser(Arc<Called>);

impl Borrow<str> for ByUser {
    fn borrow(&self) -> &str {
        &self.0.user
    }
}

impl Hash for ByUser {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.user.hash(state);
    }
}

impl PartialEq for ByUser {
    fn eq(&self, other: &ByUser) -> bool {
        self.0.user == other.0.user
    }
}

impl Eq for ByUser {}

/// What all accounts are called.
#[derive(Debug, Default)]
pub(crate) struct Calling {
    all: DashSet<ByUser>,
    /// Handles and shown names, to be searched.
    texts: RwLock<Ordered<Text>>,
    count: AtomicUsize,
}

impl Calling {
    /// Takes over what is said of an account. Returns whether that is anything new.
    pub(crate) fn learn(&self, user: &str, field: NameField, value: Option<&str>) -> bool {
        // One lock for what belongs together: there is one writer, and readers take it for a search.
        let mut texts = self.texts.write();
        let before = self.get(user);
        let mut called =
            before.as_deref().cloned().unwrap_or_else(|| Called { user: user.into(), ..Called::default() });
        called.say(field, value);
        if before.as_deref() == Some(&called) {
            return false;
        }
        let after = Some(called).filter(|called| !called.says_nothing()).map(Arc::new);
        let is_new = before.is_some() || after.is_some();
        self.replace(&mut texts, user, before, after);
        is_new
    }

    /// Forgets all that was said of an account.
    pub(crate) fn forget(&self, user: &str) {
        let mut texts = self.texts.write();
        let before = self.get(user);
        if before.is_some() {
            self.replace(&mut texts, user, before, None);
        }
    }

    fn replace(&self, texts: &mut Ordered<Text>, user: &str, before: Option<Arc<Called>>, after: Option<Arc<Called>>) {
        for text in before.iter().flat_map(Called::texts) {
            texts.remove(|other| other.cmp(&text));
        }
        // The set keeps the old one where an equal one is there.
        if self.all.remove(user).is_some() {
            self.count.fetch_sub(1, Relaxed);
        }
        if let Some(after) = after {
            after.texts().for_each(|text| texts.insert(text));
            self.all.insert(ByUser(after));
            self.count.fetch_add(1, Relaxed);
        }
    }

    /// What is known of an account.
    pub(crate) fn get(&self, user: &str) -> Option<Arc<Called>> {
        // Where networks are not read, nobody is looked for.
        if self.count.load(Relaxed) == 0 {
            return None;
        }
        self.all.get(user).map(|called| Arc::clone(&called.0))
    }

    /// Whether this account is shown without a name.
    pub(crate) fn is_hidden(&self, user: &str) -> bool {
        self.get(user).is_some_and(|called| called.is_hidden())
    }

    /// The accounts with this handle, in whatever case, unless they are hidden: the names that are scored.
    pub(crate) fn of_handle(&self, handle: &str) -> Vec<Arc<Called>> {
        let texts = self.texts.read();
        let letters = || lower(handle);
        let first = texts.rank(|text| lower(text.text()).lt(letters()));
        let has = |text: &&Text| lower(text.text()).eq(letters());
        let found = texts.iter_from(first).take_while(has).filter(|text| !text.is_display_name);
        found.take(ALIKE_MAX).map(|text| Arc::clone(&text.called)).collect()
    }

    /// The other accounts of the account's network that are told of with this handle. A handle that has no host is nobody's alone where
    /// each host has its own.
    pub(crate) fn others_of_handle(&self, user: &str, handle: &str) -> Vec<Box<str>> {
        let network = |user: &str| Network::of_name(user).map(|(network, _)| network);
        let Some(own) = network(user).filter(|own| *own != Network::ActivityPub || handle.contains('@')) else {
            return Vec::new();
        };
        let others = self.of_handle(handle).into_iter().map(|called| called.user.clone());
        others.filter(|other| **other != *user && network(other) == Some(own)).collect()
    }

    /// The accounts whose handle or shown name begins with these letters, in lower case: at most so many texts, and whether
    /// these are all.
    pub(crate) fn beginning(&self, letters: &str, most: usize) -> (Vec<Arc<Called>>, bool) {
        let texts = self.texts.read();
        let first = texts.rank(|text| lower(text.text()).lt(letters.chars()));
        let begins = |text: &&Text| begins(text.text(), letters);
        let found = texts.iter_from(first).take_while(begins).take(most + 1).map(|text| Arc::clone(&text.called));
        let found: Vec<Arc<Called>> = found.collect();
        let is_all = found.len() <= most;
        (found, is_all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(calling: &Calling, letters: &str) -> Vec<String> {
        calling.beginning(letters, 10).0.iter().map(|called| called.user.to_string()).collect()
    }

    #[test]
    fn an_account_is_found_by_what_it_is_called_now() {
        let calling = Calling::default();
        assert!(calling.learn("bluesky:did:plc:a", NameField::Handle, Some("Ana.example")));
        assert!(!calling.learn("bluesky:did:plc:a", NameField::Handle, Some("Ana.example")));
        assert!(calling.learn("bluesky:did:plc:a", NameField::DisplayName, Some("Ærø")));
        assert!(calling.learn("bluesky:did:plc:b", NameField::DisplayName, Some("Anabel")));
        assert_eq!(names(&calling, "ana"), ["bluesky:did:plc:a", "bluesky:did:plc:b"]);
        assert_eq!(names(&calling, "ærø"), ["bluesky:did:plc:a"]);
        assert!(!calling.beginning("an", 1).1);
        assert!(calling.learn("bluesky:did:plc:a", NameField::Handle, Some("zoe.example")));
        assert_eq!(names(&calling, "ana"), ["bluesky:did:plc:b"]);
        assert!(calling.get("bluesky:did:plc:a").is_some_and(|called| called.contains("example")));

        assert!(calling.learn("bluesky:did:plc:a", NameField::Listed, Some("no")));
        assert!(names(&calling, "zoe").is_empty() && calling.is_hidden("bluesky:did:plc:a"));
        assert!(calling.get("bluesky:did:plc:a").is_some_and(|called| !called.contains("example")));
        assert!(calling.learn("bluesky:did:plc:a", NameField::Listed, Some("yes")));
        assert!(calling.learn("bluesky:did:plc:a", NameField::There, Some("no")));
        assert!(names(&calling, "zoe").is_empty());
        assert!(calling.learn("bluesky:did:plc:a", NameField::There, Some("yes")));
        assert_eq!(names(&calling, "zoe"), ["bluesky:did:plc:a"]);

        for field in NameField::ALL {
            calling.learn("bluesky:did:plc:a", field, None);
        }
        calling.forget("bluesky:did:plc:b");
        assert_eq!((calling.all.len(), calling.count.load(Relaxed)), (0, 0));
        assert_eq!(calling.texts.read().rank(|_| true), 0);
    }
}
