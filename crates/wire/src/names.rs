//! How names are spelled, and whose acts count for nothing: one rule for everything that an application reads.
//!
//! Names are kept exactly as they are unless somebody asks for folding. Folding is a pure function, and folding what is
//! folded changes nothing, so that a name may pass through it more than once.

use std::collections::BTreeSet;
use std::str::FromStr;

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use vocabulary::{Event, Profile};

use crate::{Malformed, accept};

/// Which names are the same person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spelling {
    /// Those that are the same bytes.
    #[default]
    Exact,
    /// Those that differ by case, by an @ before them, by blanks around them, by how accents are encoded, or by being
    /// the address of the person's profile.
    Folded,
}

impl FromStr for Spelling {
    type Err = String;

    fn from_str(text: &str) -> Result<Spelling, String> {
        match text {
            "exact" => Ok(Spelling::Exact),
            "folded" => Ok(Spelling::Folded),
            _ => Err(format!("{text:?} is not exact or folded")),
        }
    }
}

/// How names are spelled, and which of them are nobody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    spelling: Spelling,
    /// As they are spelled.
    ignored: BTreeSet<String>,
}

/// Memory for names that are respelled; all others are borrowed from the record.
#[derive(Clone, Debug, Default)]
pub struct Respelled {
    first: String,
    second: String,
}

impl Names {
    /// Names of this spelling, without those that stand for nobody.
    pub fn new(spelling: Spelling, ignored: impl IntoIterator<Item = impl AsRef<str>>) -> Names {
        let mut names = Names { spelling, ignored: BTreeSet::new() };
        let spell = |name: &str| names.spell(name, &mut String::new()).to_owned();
        let ignored = ignored.into_iter().map(|name| spell(name.as_ref())).collect();
        names.ignored = ignored;
        names
    }

    /// Which names are the same person.
    pub fn spelling(&self) -> Spelling {
        self.spelling
    }

    /// The names that stand for nobody, sorted.
    pub fn ignored(&self) -> impl Iterator<Item = &str> {
        self.ignored.iter().map(String::as_str)
    }

    /// The name as it is spelled here. It may be empty where only an @ or blanks were written.
    #[inline]
    pub fn spell<'a>(&self, name: &'a str, memory: &'a mut String) -> &'a str {
        match self.spelling {
            Spelling::Exact => name,
            Spelling::Folded => fold(name, memory),
        }
    }

    /// Whether a spelled name stands for nobody.
    #[inline]
    pub fn ignores(&self, name: &str) -> bool {
        !self.ignored.is_empty() && self.ignored.contains(name)
    }

    /// The event between people as they are spelled; `None` if one of the two stands for nobody.
    #[inline]
    pub fn event<'a>(&self, event: Event<'a>, memory: &'a mut Respelled) -> Result<Option<Event<'a>>, Malformed> {
        let event = match self.spelling {
            Spelling::Exact => event,
            Spelling::Folded => Event {
                actor: folded("actor", event.actor, &mut memory.first)?,
                target: folded("target", event.target, &mut memory.second)?,
                ..event
            },
        };
        Ok((!self.ignores(event.actor) && !self.ignores(event.target)).then_some(event))
    }

    /// The profile of a person as it is spelled; `None` if the name stands for nobody.
    pub fn profile<'a>(
        &self,
        profile: Profile<'a>,
        memory: &'a mut Respelled,
    ) -> Result<Option<Profile<'a>>, Malformed> {
        let profile = match self.spelling {
            Spelling::Exact => profile,
            Spelling::Folded => {
                let linked = profile.linked.map(|linked| folded_lines(linked, &mut memory.second)).transpose()?;
                Profile { user: folded("user", profile.user, &mut memory.first)?, linked, ..profile }
            }
        };
        Ok((!self.ignores(profile.user)).then_some(profile))
    }
}

/// The folded name, if it is still one.
fn folded<'a>(role: &'static str, name: &'a str, memory: &'a mut String) -> Result<&'a str, Malformed> {
    let name = fold(name, memory);
    accept::name(role, name).map(|()| name)
}

/// The folded names of a text that has a line each.
fn folded_lines<'a>(lines: &str, memory: &'a mut String) -> Result<&'a str, Malformed> {
    let mut all = String::with_capacity(lines.len());
    for line in lines.lines() {
        all.push_str(if all.is_empty() { "" } else { "\n" });
        all.push_str(folded("linked account", line, memory)?);
    }
    *memory = all;
    Ok(memory)
}

/// One spelling for all that a person is called: canonical caseless matching (Unicode, chapter 3.13), without what
/// stands around a name.
pub fn fold<'a>(name: &'a str, memory: &'a mut String) -> &'a str {
    if looks_folded(name) {
        return name;
    }
    memory.clear();
    if name.is_ascii() {
        memory.push_str(name);
        memory.make_ascii_lowercase();
    } else {
        // Folding can bring marks out of their order: they are put into it before they are composed.
        let folded: String = name.chars().nfd().default_case_fold().collect();
        memory.extend(folded.nfc());
    }
    // Each turn shortens the name.
    while let Some(shorter) = bare(memory) {
        *memory = shorter;
    }
    memory
}

/// True for most names that folding leaves as they are, in one pass without a branch.
#[inline]
fn looks_folded(name: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.');
    name.bytes().fold(true, |plain, byte| plain & is_plain(byte))
}

/// The name without what stands around it; `None` if nothing does.
fn bare(name: &str) -> Option<String> {
    let trimmed = name.trim_matches(is_blank).trim_start_matches(['@', '\u{ff20}']);
    let trimmed = trimmed.strip_prefix("acct:").or_else(|| at_uri(trimmed)).unwrap_or(trimmed);
    match profile_of(trimmed) {
        Some(name) => Some(name),
        None => (trimmed.len() < name.len()).then(|| trimmed.to_owned()),
    }
}

/// Whether a letter cannot be seen at the end of a name: white space of all scripts, and what only directs or joins others.
fn is_blank(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(letter, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Networks whose profiles have an address that ends in the name: the host, and what its path begins with.
const PROFILES: [(&str, &str); 22] = [
    ("twitter.com", ""),
    ("x.com", ""),
    ("bsky.app", "profile/"),
    ("github.com", ""),
    ("gitlab.com", ""),
    ("instagram.com", ""),
    ("facebook.com", ""),
    ("threads.net", "@"),
    ("threads.com", "@"),
    ("tiktok.com", "@"),
    ("youtube.com", "@"),
    ("youtube.com", "user/"),
    ("youtube.com", "c/"),
    ("medium.com", "@"),
    ("linkedin.com", "in/"),
    ("reddit.com", "user/"),
    ("reddit.com", "u/"),
    ("pinterest.com", ""),
    ("twitch.tv", ""),
    ("vk.com", ""),
    ("t.me", ""),
    ("telegram.me", ""),
];

/// What networks put before their hosts.
const HOST_PREFIXES: [&str; 5] = ["www.", "mobile.", "m.", "old.", "new."];

/// First parts of paths that are not people.
const NOT_NAMES: [&str; 14] = [
    "about",
    "explore",
    "hashtag",
    "home",
    "i",
    "intent",
    "login",
    "messages",
    "notifications",
    "privacy",
    "profile.php",
    "search",
    "settings",
    "share",
];

/// Beginnings of the paths of profiles on servers of the fediverse, of which there are too many to list.
const FEDIVERSE: [&str; 4] = ["@", "users/", "u/", "accounts/"];

/// Whom the address of a profile names: on a network with one host the name, in the fediverse `name@host`.
fn profile_of(address: &str) -> Option<String> {
    let without = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    let (host, path) = without.unwrap_or(address).split_once('/')?;
    let path = path.split(['?', '#']).next().unwrap_or(path).trim_end_matches('/').replace("%40", "@");
    let host = host.strip_suffix(":443").or_else(|| host.strip_suffix(":80")).unwrap_or(host);
    let bare = HOST_PREFIXES.into_iter().find_map(|prefix| host.strip_prefix(prefix)).unwrap_or(host);
    let mut known = PROFILES.into_iter().filter(|(network, _)| *network == bare).peekable();
    if known.peek().is_some() {
        let named = |before: &str| path.strip_prefix(before).map(|name| name.strip_prefix('@').unwrap_or(name));
        let name = known.find_map(|(_, before)| named(before).filter(|name| is_part(name)))?;
        return (!NOT_NAMES.contains(&name)).then(|| name.to_owned());
    }
    let is_host = host.contains('.') && host.chars().all(|letter| letter.is_alphanumeric() || ".-".contains(letter));
    // Without a scheme only an @ makes it an address.
    let mut beginnings = FEDIVERSE.into_iter().filter(|before| without.is_some() || *before == "@");
    let name = beginnings.find_map(|before| path.strip_prefix(before)).filter(|_| is_host)?;
    match name.split_once('@') {
        None if is_part(name) => Some(format!("{name}@{host}")),
        Some((user, home)) if is_part(user) && is_part(home) => Some(name.to_owned()),
        _ => None,
    }
}

/// Whom an address of the AT protocol names, if it is a person's.
fn at_uri(address: &str) -> Option<&str> {
    address.strip_prefix("at://").filter(|name| is_part(name))
}

/// Whether this can be a name or a host inside an address.
fn is_part(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_alphanumeric() || "_-.:".contains(letter))
}

/// What programs write where there is nobody. Some of these are people on some network: they are only told.
const PLACEHOLDERS: [&str; 32] = [
    "NA",
    "N/A",
    "n/a",
    "na",
    "<NA>",
    "#N/A",
    "NaN",
    "nan",
    "NAN",
    "None",
    "none",
    "NONE",
    "NULL",
    "null",
    "Null",
    "(null)",
    "<null>",
    "nil",
    "undefined",
    "\\N",
    "[deleted]",
    "[Deleted]",
    "[removed]",
    "[Removed]",
    "(deleted)",
    "<na>",
    "#n/a",
    "\\n",
    "<unknown>",
    "-1",
    "-",
    "?",
];

/// Words that stand for nobody in the tables of other programs, such as `NA`, `NULL` and `[deleted]`.
pub fn placeholders() -> impl Iterator<Item = &'static str> {
    PLACEHOLDERS.into_iter()
}

/// The place of a name among the [`placeholders`], if it is one.
#[inline]
pub fn placeholder(name: &str) -> Option<usize> {
    let first = *name.as_bytes().first()?;
    let may_be =
        name.len() <= 9 && matches!(first, b'N' | b'n' | b'<' | b'#' | b'(' | b'[' | b'\\' | b'u' | b'-' | b'?');
    if may_be { PLACEHOLDERS.iter().position(|placeholder| *placeholder == name) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folds(name: &str) -> String {
        let mut memory = String::new();
        let folded = fold(name, &mut memory).to_owned();
        assert_eq!(fold(&folded, &mut String::new()), folded, "what is folded stays: {name:?}");
        folded
    }

    #[test]
    fn a_person_has_one_spelling() {
        let nasa = [
            "NASA",
            "nasa",
            "@NASA",
            "@nasa",
            " NASA",
            "NASA ",
            "\u{a0}nasa\u{200b}",
            "\u{feff}@ NASA",
            "@@Nasa",
            "\u{ff20}nasa",
            "https://twitter.com/NASA",
            "http://www.twitter.com/nasa/",
            "https://mobile.twitter.com/NASA?lang=en",
            "HTTPS://X.COM/nasa#top",
            "x.com/NASA",
            "https://twitter.com/@NASA",
            "https://twitter.com:443/nasa",
            "https://github.com/nasa",
            "https://www.threads.net/@nasa",
            "https://www.reddit.com/user/nasa/",
            "acct:NASA",
            "https://www.tiktok.com/%40nasa",
            " \u{202a}@NASA\u{202c}\t",
        ];
        nasa.iter().for_each(|name| assert_eq!(folds(name), "nasa", "{name:?}"));
        let ana = [
            "ana@mastodon.social",
            "@ana@mastodon.social",
            "https://mastodon.social/@ana",
            "mastodon.social/@Ana",
            "https://mastodon.social/users/ana",
            "acct:ana@mastodon.social",
            "https://fosstodon.org/@ana@mastodon.social",
        ];
        ana.iter().for_each(|name| assert_eq!(folds(name), "ana@mastodon.social", "{name:?}"));
        for (name, folded) in [
            ("https://bsky.app/profile/nasa.gov", "nasa.gov"),
            ("https://bsky.app/profile/did:plc:Abc", "did:plc:abc"),
            ("at://nasa.gov", "nasa.gov"),
            ("ÉRIC", "éric"),
            ("e\u{301}ric", "éric"),
            ("E\u{301}RIC", "éric"),
            ("Straße", "strasse"),
            ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
            ("σίσυφος", "σίσυφοσ"),
            ("日本 太郎", "日本 太郎"),
            ("twitter:NASA", "twitter:nasa"),
            ("[deleted]", "[deleted]"),
            ("@", ""),
            (" \u{feff}", ""),
        ] {
            assert_eq!(folds(name), folded, "{name:?}");
        }
    }

    #[test]
    fn what_is_no_profile_keeps_its_address() {
        for address in [
            "https://twitter.com/search?q=nasa",
            "https://twitter.com/i/user/11348282",
            "https://twitter.com/nasa/status/1",
            "https://twitter.com/",
            "https://example.org/nasa",
            "example.org/u/nasa",
            "https://facebook.com/profile.php?id=7",
            "a/b",
            "http://",
            "/@",
        ] {
            let mut expected = address.to_owned();
            expected.make_ascii_lowercase();
            assert_eq!(folds(address), expected);
        }
    }

    #[test]
    fn folding_what_is_folded_changes_nothing() {
        for letter in '\0'..=char::MAX {
            let name = format!("a{letter}\u{345}\u{301}b");
            folds(&name);
            folds(&letter.to_string());
        }
    }

    #[test]
    fn exact_names_stay() {
        let names = Names::default();
        let event = Event { actor: " NASA", target: "@x", kind: vocabulary::Kind::Mention, at: 0 };
        assert_eq!(names.event(event, &mut Respelled::default()), Ok(Some(event)));
    }

    #[test]
    fn a_name_that_folds_to_nothing_or_grows_too_long_is_none() {
        let names = Names::new(Spelling::Folded, [""; 0]);
        let event = |target| Event { actor: "a", target, kind: vocabulary::Kind::Mention, at: 0 };
        let fold = |target| names.event(event(target), &mut Respelled::default()).map(|_| ());
        assert_eq!(fold("@"), Err(Malformed::Missing("target")));
        // Two bytes each, three when folded.
        assert_eq!(fold(&"\u{149}".repeat(256)), Err(Malformed::NameTooLong(3 * 256)));
    }

    #[test]
    fn ignored_names_are_spelled_as_all_are() {
        let event = |actor, target| Event { actor, target, kind: vocabulary::Kind::Mention, at: 0 };
        let is_in = |names: &Names, actor, target| {
            names.event(event(actor, target), &mut Respelled::default()).unwrap().is_some()
        };
        let exact = Names::new(Spelling::Exact, ["NA", "[deleted]"]);
        assert!(is_in(&exact, "na", "bo") && !is_in(&exact, "NA", "bo") && !is_in(&exact, "bo", "[deleted]"));
        let folded = Names::new(Spelling::Folded, ["@NA"]);
        assert!(!is_in(&folded, "na", "bo") && !is_in(&folded, "bo", " NA") && is_in(&folded, "bo", "nan"));
    }

    #[test]
    fn every_placeholder_is_found() {
        for (place, name) in placeholders().enumerate() {
            assert_eq!(placeholder(name), Some(place));
        }
        assert_eq!([placeholder(""), placeholder("nasa"), placeholder("NA ")], [None; 3]);
    }
}
