//! What accounts say of other accounts, and which of these say it back: only then are the two one person's.
//!
//! What an account says is kept as one fact, which its next profile replaces: its own id first, so that it can be forgotten, and then
//! those that it names, a line each.

use crate::emit::Emit;
use crate::json::Json;
use crate::mastodon::canonical;
use crate::memory::About;
use crate::{Account, Found, Kin, Kinship};

/// More accounts than this that one account names are not looked at.
const NAMED_MAX: usize = 16;
/// The longest fact, in bytes.
const FACT_BYTES_MAX: usize = 4096;

/// The accounts that the fields of a profile link to as its own, by `rel="me"`.
pub(crate) fn own_links(fields: Json<'_>, emit: &Emit<'_>) -> Vec<String> {
    let mut links = Vec::new();
    fields.each_or_self(|field| {
        if let Some(text) = field.field("value").text() {
            links.extend(link_of(&text).map(|link| canonical(link, emit).into_owned()));
        }
        links.len() < NAMED_MAX
    });
    links
}

/// The address of the one link of a text, if it says that it is the author's own.
fn link_of(text: &str) -> Option<&str> {
    let (_, mark) = text.split_once("<a ")?;
    let (mark, _) = mark.split_once('>')?;
    let attribute = |name: &str| {
        let (_, value) = mark.split_once(name)?;
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        value[1..].split_once(quote).map(|(value, _)| value)
    };
    let is_own = attribute("rel=")?.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("me"));
    attribute("href=").filter(|link| is_own && link.starts_with("https://"))
}

impl Emit<'_> {
    /// An account says which others are the same person's.
    pub(crate) fn links_to(&mut self, own: Account<'_>, others: &[String]) {
        self.says((About::Me, own), others, About::Me, Kinship::RelMe);
    }

    /// An account says to which one it has moved.
    pub(crate) fn has_moved(&mut self, own: Account<'_>, to: &str) {
        self.says((About::MovedTo, own), &[to.to_owned()], About::KnownAs, Kinship::Move);
    }

    /// An account says which ones it was before.
    pub(crate) fn was_before(&mut self, own: Account<'_>, others: &[String]) {
        self.says((About::KnownAs, own), others, About::MovedTo, Kinship::Move);
    }

    /// Learns what an account says; where another one said before that it is so, both are handed over.
    fn says(&mut self, (about, own): (About, Account<'_>), others: &[String], back: About, how: Kinship) {
        if !self.options.hears_kin || self.is_hearsay {
            return;
        }
        let others: Vec<&str> =
            others.iter().map(String::as_str).filter(|other| *other != own.id).take(NAMED_MAX).collect();
        let before = self.recall(about, own.id).map(str::to_owned);
        if others.is_empty() && before.is_none() {
            return;
        }
        let said = [&[own.id], &others[..]].concat().join("\n");
        let is_plain = said.len() <= FACT_BYTES_MAX && others.iter().all(|other| !other.chars().any(char::is_control));
        if !is_plain || before.as_deref() == Some(&*said) {
            return;
        }
        self.learn(about, own.id, &said);
        for other in others {
            if self.recall(back, other).is_some_and(|said| said.lines().skip(1).any(|named| named == own.id)) {
                let other = Account { id: other, ..own };
                let (account, other) = match (how, about) {
                    (Kinship::RelMe, _) if other.id < own.id => (other, own),
                    (Kinship::Move, About::MovedTo) => (other, own),
                    _ => (own, other),
                };
                self.hand_over(Found::Kin(Kin { account, other, how }));
            }
        }
    }
}

/// The accounts that a list of addresses names.
pub(crate) fn named(list: Json<'_>, emit: &Emit<'_>) -> Vec<String> {
    let mut named = Vec::new();
    list.each_or_self(|one| {
        if let Some(address) = one.text() {
            named.push(canonical(&address, emit).into_owned());
        }
        named.len() < NAMED_MAX
    });
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_ones_own_if_it_says_so() {
        let link = |rel: &str| {
            format!(r#"<a href="https://b.example.com/@ana" {rel} target="_blank"><span>b.example.com/@ana</span></a>"#)
        };
        for rel in [r#"rel="me""#, r#"rel="nofollow noopener me""#, "rel='ME'"] {
            assert_eq!(link_of(&link(rel)), Some("https://b.example.com/@ana"), "{rel}");
        }
        for text in [
            &link(""),
            &link(r#"rel="nofollow""#),
            &link(r#"rel="home""#),
            "https://b.example.com/@ana",
            "<a rel=\"me\">",
            "",
        ] {
            assert_eq!(link_of(text), None, "{text}");
        }
        assert_eq!(link_of(r#"<a rel="me" href="http://b.example.com/@ana">"#), None);
    }
}
