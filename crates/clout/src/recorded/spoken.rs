//! What people write in: of each account the languages of its own posts of 90 days, as its network tells them.
//!
//! A state is a set of days, languages and numbers of posts, so that the order in which posts arrive is of no consequence.
//! The window ends with the account's own newest post: a post with a false time misleads about its author alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

use influence::DAY_MS;
use wire::language_code;

/// The days of which posts count, the day of the newest one included.
const WINDOW_DAYS: i64 = 90;
/// Days and languages of one account that are kept, the newest ones: 16 bytes each, and few have more than one a day.
const ENTRIES_MAX: usize = 96;
/// Accounts that are known. When there are more, the half is forgotten that has not written for longest.
const ACCOUNTS_MAX: usize = 1 << 20;
/// Accounts that are forgotten in one transaction, where somebody keeps what is known.
const FORGOTTEN_AT_ONCE: usize = 1_000;

/// A language, in two or three letters.
type Code = [u8; 3];

/// The posts of one account, by day and language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written(Vec<Entry>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    day: i64,
    language: Code,
    posts: u32,
}

/// All accounts.
#[derive(Debug)]
pub(crate) struct Spoken {
    newer: HashMap<Box<str>, Written>,
    older: HashMap<Box<str>, Written>,
    /// Accounts of which something new is known since that was last taken; none where nobody takes it.
    changed: BTreeSet<Box<str>>,
    forgotten: Vec<Box<str>>,
    is_noting: bool,
    accounts_max: usize,
}

impl Default for Spoken {
    fn default() -> Spoken {
        let (newer, older, changed, forgotten) = Default::default();
        Spoken { newer, older, changed, forgotten, is_noting: false, accounts_max: ACCOUNTS_MAX }
    }
}

impl Spoken {
    /// One whose changes are taken and kept elsewhere.
    pub(crate) fn noting() -> Spoken {
        Spoken { is_noting: true, ..Spoken::default() }
    }

    /// One that forgets nobody, for a log that has an end.
    pub(crate) fn of_everybody() -> Spoken {
        Spoken { accounts_max: usize::MAX, ..Spoken::default() }
    }

    /// The languages of everybody.
    pub(crate) fn languages(&self) -> impl Iterator<Item = (&str, String)> {
        self.older.iter().chain(&self.newer).filter_map(|(user, written)| Some((&**user, written.most()?)))
    }

    /// Takes a post of an account. Returns the language that it mostly writes in now, unless the post tells none.
    pub(crate) fn hear(&mut self, user: &str, language: &str, at: i64) -> Option<String> {
        let code = code_of(&language_code(language)?)?;
        let mut written = self.newer.remove(user).or_else(|| self.older.remove(user)).unwrap_or_default();
        written.add(Entry { day: at.div_euclid(DAY_MS), language: code, posts: 1 });
        let most = written.most();
        if self.is_noting {
            self.changed.insert(user.into());
        }
        self.insert(user, written);
        most
    }

    fn insert(&mut self, user: &str, written: Written) {
        if self.newer.len() >= self.accounts_max / 2 {
            let older = std::mem::replace(&mut self.older, std::mem::take(&mut self.newer));
            if self.is_noting {
                self.forgotten.extend(older.into_keys());
            }
        }
        self.newer.insert(user.into(), written);
    }

    /// Forgets an account that is gone.
    pub(crate) fn forget(&mut self, user: &str) {
        let known = [self.newer.remove(user), self.older.remove(user)];
        if self.is_noting && known.iter().any(Option::is_some) {
            self.changed.insert(user.into());
        }
    }

    #[cfg(test)]
    fn of(&self, user: &str) -> Option<String> {
        self.newer.get(user).or_else(|| self.older.get(user))?.most()
    }

    /// What has changed since the last call, to be kept by name; `None` is to be kept no longer.
    pub(crate) fn take_changes(&mut self) -> Vec<(Box<str>, Option<String>)> {
        let left = self.forgotten.len().saturating_sub(FORGOTTEN_AT_ONCE);
        let forgotten = self.forgotten.split_off(left);
        let changed = std::mem::take(&mut self.changed);
        let users: BTreeSet<Box<str>> = changed.into_iter().chain(forgotten).collect();
        let kept = |user: &str| Some(self.newer.get(user).or_else(|| self.older.get(user))?.to_text());
        users.into_iter().map(|user| (user.clone(), kept(&user))).collect()
    }

    /// Learns again what was kept of an account. False if it is nothing that was.
    pub(crate) fn relearn(&mut self, user: &str, kept: Option<&str>) -> bool {
        self.newer.remove(user);
        self.older.remove(user);
        match kept.map(Written::of_text) {
            None => true,
            Some(Some(written)) => {
                self.insert(user, written);
                true
            }
            Some(None) => false,
        }
    }
}

impl Written {
    fn add(&mut self, post: Entry) {
        match self.0.iter_mut().find(|entry| (entry.day, entry.language) == (post.day, post.language)) {
            Some(entry) => entry.posts = entry.posts.saturating_add(post.posts),
            None => {
                let place = self.0.partition_point(|entry| *entry < post);
                self.0.insert(place, post);
            }
        }
        let newest = self.0.last().map_or(0, |entry| entry.day);
        let old = self.0.partition_point(|entry| entry.day <= newest - WINDOW_DAYS);
        self.0.drain(..old.max(self.0.len().saturating_sub(ENTRIES_MAX)));
    }

    /// The language of most posts; of several the one that was written on the later day, then the first by its letters.
    fn most(&self) -> Option<String> {
        let mut languages = BTreeMap::<Code, (u64, i64)>::new();
        for entry in &self.0 {
            let (posts, day) = languages.entry(entry.language).or_default();
            *posts += u64::from(entry.posts);
            *day = entry.day.max(*day);
        }
        // The last of equals is taken, so they come with the first letters last.
        let (code, _) = languages.iter().rev().max_by_key(|(_, told)| **told)?;
        Some(text_of(code))
    }

    /// `20423 nl 3;20424 en 1`.
    fn to_text(&self) -> String {
        let mut text = String::new();
        for Entry { day, language, posts } in &self.0 {
            let separator = if text.is_empty() { "" } else { ";" };
            // Memory takes everything.
            let _ = write!(text, "{separator}{day} {} {posts}", text_of(language));
        }
        text
    }

    fn of_text(text: &str) -> Option<Written> {
        let entry = |text: &str| {
            let mut words = text.split(' ');
            let (day, language, posts) =
                (words.next()?.parse().ok()?, code_of(words.next()?)?, words.next()?.parse().ok()?);
            words.next().is_none().then_some(Entry { day, language, posts })
        };
        let mut entries = text.split(';').map(entry).collect::<Option<Vec<Entry>>>()?;
        entries.sort_unstable();
        entries.truncate(ENTRIES_MAX);
        Some(Written(entries))
    }
}

fn code_of(text: &str) -> Option<Code> {
    let mut code = [0; 3];
    let is_code = matches!(text.len(), 2 | 3) && text.is_ascii();
    is_code.then(|| code[..text.len()].copy_from_slice(text.as_bytes()))?;
    Some(code)
}

fn text_of(code: &Code) -> String {
    code.iter().filter(|letter| **letter > 0).map(|letter| char::from(*letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The language after posts of these languages on these days.
    fn most(posts: &[(i64, &str)]) -> Option<String> {
        let mut spoken = Spoken::default();
        posts.iter().for_each(|(day, language)| _ = spoken.hear("ana", language, day * DAY_MS + 1));
        let backwards = &mut Spoken::default();
        posts.iter().rev().for_each(|(day, language)| _ = backwards.hear("ana", language, day * DAY_MS + 2));
        assert_eq!(spoken.of("ana"), backwards.of("ana"), "{posts:?}");
        spoken.of("ana")
    }

    #[test]
    fn the_language_of_most_posts_of_ninety_days_counts() {
        for (posts, expected) in [
            (&[][..], None),
            (&[(1, "nl")], Some("nl")),
            (&[(1, "und"), (1, "zxx"), (2, "")], None),
            (&[(1, "en"), (1, "nl"), (2, "nl-BE")], Some("nl")),
            // Of equals the one that was written later, then the first by its letters.
            (&[(1, "en"), (2, "nl")], Some("nl")),
            (&[(2, "nl"), (2, "en")], Some("en")),
            // 90 days: the day of the newest post, and 89 before it.
            (&[(11, "en"), (11, "en"), (100, "nl")], Some("en")),
            (&[(10, "en"), (10, "en"), (100, "nl")], Some("nl")),
        ] {
            assert_eq!(most(posts).as_deref(), expected, "{posts:?}");
        }
        let many: Vec<(i64, &str)> = (0..1_000).map(|day| (day, "yue")).chain([(1_000, "nl")]).collect();
        assert_eq!(most(&many).as_deref(), Some("yue"));
    }

    #[test]
    fn what_is_kept_is_learnt_again_and_who_is_gone_is_not() {
        let mut spoken = Spoken::noting();
        for (user, day, language) in [("ana", 3, "nl"), ("ana", 2, "en"), ("ana", 3, "nl"), ("bo", 5, "de")] {
            spoken.hear(user, language, day * DAY_MS);
        }
        let changes = spoken.take_changes();
        assert_eq!(
            changes,
            [("ana".into(), Some("2 en 1;3 nl 2".to_owned())), ("bo".into(), Some("5 de 1".to_owned()))]
        );
        assert!(spoken.take_changes().is_empty());
        let mut again = Spoken::noting();
        assert!(changes.iter().all(|(user, kept)| again.relearn(user, kept.as_deref())));
        assert_eq!((again.of("ana"), again.of("bo")), (Some("nl".to_owned()), Some("de".to_owned())));
        assert!(again.take_changes().is_empty(), "it is kept already");
        again.forget("bo");
        assert_eq!((again.take_changes(), again.of("bo")), (vec![("bo".into(), None)], None));
        assert!(again.relearn("ana", None) && again.of("ana").is_none());
        for odd in ["", "3 nl", "3 nl 2;", "x nl 2", "3 dutch 2", "3 nl -2", "3 nl 2 2"] {
            assert!(!again.relearn("ana", Some(odd)), "{odd:?}");
        }
    }

    #[test]
    fn the_state_is_bounded() {
        let mut written = Written::default();
        for day in 0..90 {
            for language in ["en", "nl", "de"] {
                written.add(Entry { day, language: code_of(language).unwrap(), posts: u32::MAX });
                written.add(Entry { day, language: code_of(language).unwrap(), posts: u32::MAX });
            }
        }
        assert_eq!((written.0.len(), size_of::<Entry>()), (ENTRIES_MAX, 16));
        assert_eq!(Written::of_text(&written.to_text()), Some(written));
    }
}
