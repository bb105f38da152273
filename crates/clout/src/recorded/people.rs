//! What networks call the accounts that are scored, and whether they are there.

use std::collections::HashMap;
use std::fmt::Write;

use networks::Standing;
use wire::{Called, Names};

use crate::shown::shown;

/// Everybody of whom a network has said something, by the name that is scored.
#[derive(Debug, Default)]
pub(crate) struct People {
    known: HashMap<String, Known>,
    /// Memory for a name.
    name: String,
    respelled: String,
}

/// What is known of an account: what was said last.
#[derive(Debug, Default)]
struct Known {
    handle: Option<Box<str>>,
    display_name: Option<Box<str>>,
    is_bot: Option<bool>,
    /// Whoever does not agree to be found is scored, and never called by name.
    is_listed: Option<bool>,
    standing: Option<Standing>,
}

/// What becomes of a person whose account has changed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) user: String,
    pub(crate) opted_out: Option<bool>,
    pub(crate) trust: Option<f64>,
}

impl Change {
    /// The change of a profile that follows from how an account stands now and stood before; `None` if none does.
    pub(crate) fn of(user: &str, before: Option<Standing>, standing: Standing) -> Option<Change> {
        let (opted_out, trust) = match (before, standing) {
            (before, standing) if before == Some(standing) => return None,
            // Whoever has objected is brought back by nothing that a network says.
            (Some(Standing::Objected), _) => return None,
            (_, Standing::Objected) => (Some(true), None),
            (_, Standing::Suspended) => (None, Some(0.0)),
            (_, Standing::Deleted) => (Some(true), None),
            (Some(Standing::Suspended), _) => (None, Some(1.0)),
            (Some(Standing::Deleted), _) => (Some(false), None),
            _ => return None,
        };
        Some(Change { user: user.to_owned(), opted_out, trust })
    }
}

impl People {
    /// Takes what a network says of an account. Returns what that means for its score, if it means anything.
    pub(crate) fn learn(&mut self, profile: &networks::Profile<'_>, names: &Names) -> Option<Change> {
        let People { known, name, respelled } = self;
        name.clear();
        // Memory takes everything.
        let _ = write!(name, "{}", profile.account);
        let user = names.spell(name, respelled);
        if !known.contains_key(user) {
            known.insert(user.to_owned(), Known::default());
        }
        let known = known.get_mut(user)?;
        known.say(profile);
        let standing = profile.standing?;
        let before = known.standing;
        if before != Some(Standing::Objected) {
            known.standing = Some(standing);
        }
        if matches!(known.standing, Some(Standing::Deleted | Standing::Objected)) {
            (known.handle, known.display_name) = (None, None);
        }
        Change::of(user, before, standing)
    }

    /// What an account is called; nothing of one that does not agree to be found, or is not there for now.
    pub(crate) fn called(&self, user: &str) -> Called<'_> {
        let Some(known) = self.known.get(user) else { return Called::default() };
        let is_shown = known.is_shown();
        let (handle, display_name) = (known.handle.as_deref(), known.display_name.as_deref());
        Called {
            handle: handle.filter(|_| is_shown),
            display_name: display_name.filter(|_| is_shown),
            is_bot: known.is_bot,
            ..Called::default()
        }
    }

    /// Whether an account agrees to be told about, and is there.
    pub(crate) fn is_shown(&self, user: &str) -> bool {
        self.known.get(user).is_none_or(Known::is_shown)
    }

    /// An account as a table shows it: by its handle and its name where it has any, else by the name that is scored.
    pub(crate) fn label(&self, user: &str) -> String {
        let called = self.called(user);
        let mark = if called.is_bot == Some(true) { " (bot)" } else { "" };
        let name = match (called.handle, called.display_name.filter(|name| !name.trim().is_empty())) {
            (Some(handle), Some(name)) if name != handle => format!("@{} {}", shown(handle), shown(name)),
            (Some(handle), _) => format!("@{}", shown(handle)),
            (None, Some(name)) => format!("{} {}", shown(user), shown(name)),
            (None, None) => shown(user).into_owned(),
        };
        name + mark
    }

    /// The account with this handle, with or without `@`, unless there are several.
    pub(crate) fn of_handle(&self, handle: &str) -> Option<&str> {
        let handle = handle.strip_prefix('@').unwrap_or(handle);
        let is_it = |user: &&String| self.called(user).handle.is_some_and(|own| own.eq_ignore_ascii_case(handle));
        let mut found = self.known.keys().filter(is_it);
        found.next().filter(|_| found.next().is_none()).map(String::as_str)
    }
}

impl Known {
    fn is_shown(&self) -> bool {
        self.is_listed != Some(false) && !matches!(self.standing, Some(Standing::Deactivated))
    }

    fn say(&mut self, profile: &networks::Profile<'_>) {
        let learn = |known: &mut Option<Box<str>>, said: Option<&str>| {
            if let Some(said) = said.filter(|said| known.as_deref() != Some(*said)) {
                *known = Some(said.into());
            }
        };
        learn(&mut self.handle, profile.handle);
        learn(&mut self.display_name, profile.display_name);
        self.is_bot = profile.is_bot.or(self.is_bot);
        self.is_listed = profile.is_listed.or(self.is_listed);
    }
}

#[cfg(test)]
mod tests {
    use networks::{Account, Network, Profile};
    use wire::Spelling;

    use super::*;

    fn profile<'a>(handle: Option<&'a str>, standing: Option<Standing>) -> Profile<'a> {
        Profile { handle, standing, ..Profile::of(Account::by_id(Network::Bluesky, "did:plc:a")) }
    }

    #[test]
    fn what_becomes_of_an_account_changes_its_score_once() {
        let (mut people, names) = (People::default(), Names::new(Spelling::Exact, [""; 0]));
        let change = |opted_out, trust| Some(Change { user: "bluesky:did:plc:a".to_owned(), opted_out, trust });
        for (standing, expected) in [
            (Standing::Active, None),
            (Standing::Suspended, change(None, Some(0.0))),
            (Standing::Suspended, None),
            (Standing::Active, change(None, Some(1.0))),
            (Standing::Deactivated, None),
            (Standing::Deleted, change(Some(true), None)),
            (Standing::Active, change(Some(false), None)),
            (Standing::Objected, change(Some(true), None)),
            (Standing::Active, None),
            (Standing::Deleted, None),
            (Standing::Active, None),
        ] {
            assert_eq!(people.learn(&profile(None, Some(standing)), &names), expected, "{standing:?}");
        }
    }

    #[test]
    fn an_account_is_called_what_it_was_called_last() {
        let (mut people, names) = (People::default(), Names::new(Spelling::Exact, [""; 0]));
        let user = "bluesky:did:plc:a";
        assert_eq!(people.label(user), user);
        people.learn(&profile(Some("old.example.com"), None), &names);
        people.learn(&Profile { display_name: Some("A\u{200b}"), ..profile(Some("new.example.com"), None) }, &names);
        assert_eq!(people.label(user), "@new.example.com A\\u{200b}");
        assert_eq!(people.of_handle("@New.example.com"), Some(user));
        assert_eq!(people.of_handle("old.example.com"), None);
        people.learn(&Profile { is_bot: Some(true), ..profile(None, None) }, &names);
        assert_eq!(people.label(user), "@new.example.com A\\u{200b} (bot)");
        people.learn(&Profile { is_listed: Some(false), ..profile(None, None) }, &names);
        assert_eq!(people.label(user), "bluesky:did:plc:a (bot)");
        assert_eq!(people.of_handle("new.example.com"), None);
    }
}
