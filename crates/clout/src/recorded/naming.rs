//! What networks say of how accounts are called, and what they write in, each of it once: most messages say again what earlier
//! ones said.

use std::collections::HashMap;
use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};

use networks::{Account, Found, Standing};
use wire::{NameField, Names, cut_name, yes_or_no};

use crate::recorded::spoken::Spoken;

/// Things that are known to be said already: 16 bytes each, and the map's room.
const KNOWN_MAX: usize = 1 << 20;

/// One thing that is said of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// The account, by the name that is scored.
    pub(crate) user: String,
    pub(crate) field: NameField,
    /// `None` where it is not known any more.
    pub(crate) value: Option<String>,
}

/// What was said before, by hashes. The older half is forgotten when there is too much; it is said again then.
#[derive(Default)]
pub(crate) struct Naming {
    newer: HashMap<u64, u64>,
    older: HashMap<u64, u64>,
    hashes: RandomState,
    /// The languages of posts.
    pub(crate) spoken: Spoken,
    name: String,
    respelled: String,
}

impl Naming {
    /// The same, of which somebody keeps what is known of languages.
    pub(crate) fn noting() -> Naming {
        Naming { spoken: Spoken::noting(), ..Naming::default() }
    }

    /// The same for a log that has an end.
    pub(crate) fn of_everybody() -> Naming {
        Naming { spoken: Spoken::of_everybody(), ..Naming::default() }
    }

    /// Takes what was found of an account that nobody is to know of, and takes back what was said of it here.
    pub(crate) fn hush(&mut self, found: &Found<'_>, names: &Names, said: &mut Vec<Said>) {
        let Some(account) = account_of(found) else { return };
        self.name.clear();
        let _ = write!(self.name, "{account}");
        let Naming { newer, older, hashes, spoken, name, respelled } = self;
        let user = names.spell(name, respelled);
        spoken.forget(user);
        let nothing = hashes.hash_one(None::<&str>);
        for field in NameField::ALL {
            let key = hashes.hash_one((user, field));
            if newer.get(&key).or_else(|| older.get(&key)).is_some_and(|known| *known != nothing) {
                newer.insert(key, nothing);
                said.push(Said { user: user.to_owned(), field, value: None });
            }
        }
    }

    /// Takes what was found in a message, and adds what it says of accounts that is new. Without `said` nothing is said.
    pub(crate) fn hear(&mut self, found: &Found<'_>, names: &Names, said: Option<&mut Vec<Said>>) {
        let (account, profile, post) = match found {
            Found::Profile(profile) => (profile.account, Some(profile), None),
            Found::Post(post) => match (post.language, post.at) {
                (Some(language), Some(at)) => (post.author, None, Some((language, at))),
                _ => return,
            },
            _ => return,
        };
        self.name.clear();
        // Memory takes everything.
        let _ = write!(self.name, "{account}");
        let Naming { newer, older, hashes, spoken, name, respelled } = self;
        let user = names.spell(name, respelled);
        let language = post.and_then(|(language, at)| spoken.hear(user, language, at));
        if profile.is_some_and(|profile| profile.standing == Some(Standing::Deleted)) {
            spoken.forget(user);
        }
        let Some(said) = said else { return };
        let mut say = |field: NameField, value: Option<&str>| {
            let (key, value_hash) = (hashes.hash_one((user, field)), hashes.hash_one(value));
            if newer.get(&key).or_else(|| older.get(&key)) == Some(&value_hash) {
                return;
            }
            if newer.len() >= KNOWN_MAX / 2 {
                *older = std::mem::take(newer);
            }
            newer.insert(key, value_hash);
            said.push(Said { user: user.to_owned(), field, value: value.map(str::to_owned) });
        };
        if let Some(language) = &language {
            say(NameField::Language, Some(language));
        }
        let Some(profile) = profile else { return };
        if matches!(profile.standing, Some(Standing::Deleted | Standing::Objected)) {
            // Who is gone, or does not want to be here, is called nothing, anywhere.
            return NameField::ALL.into_iter().for_each(|field| say(field, None));
        }
        let texts = [
            (NameField::Handle, profile.handle),
            (NameField::DisplayName, profile.display_name),
            (NameField::Url, profile.url),
            (NameField::Bot, profile.is_bot.map(yes_or_no)),
            (NameField::Listed, profile.is_listed.map(yes_or_no)),
            (NameField::There, profile.standing.and_then(is_there).map(yes_or_no)),
        ];
        for (field, value) in texts {
            if let Some(value) = value {
                say(field, Some(cut_name(value)));
            }
        }
    }
}

/// The account of which something was found that is not an act.
pub(crate) fn account_of<'a>(found: &Found<'a>) -> Option<Account<'a>> {
    match found {
        Found::Profile(profile) => Some(profile.account),
        Found::Post(post) => Some(post.author),
        Found::Claim(claim) => Some(claim.account),
        Found::Kin(kin) => Some(kin.account),
        _ => None,
    }
}

/// Whether an account is there; nothing of one that the network has taken down, which says nothing of its name.
fn is_there(standing: Standing) -> Option<bool> {
    match standing {
        Standing::Active => Some(true),
        Standing::Deactivated => Some(false),
        Standing::Suspended | Standing::Deleted | Standing::Objected => None,
    }
}

#[cfg(test)]
mod tests {
    use networks::{Network, Profile};

    use super::*;

    #[test]
    fn what_was_said_is_said_once_and_who_is_deleted_is_called_nothing() {
        let (mut naming, names) = (Naming::default(), Names::default());
        let account = Account::by_id(Network::Bluesky, "did:plc:a");
        let mut told = |profile: Profile<'_>| {
            let mut said = Vec::new();
            naming.hear(&Found::Profile(profile), &names, Some(&mut said));
            said.iter().map(|said| format!("{} {:?}", said.field.word(), said.value)).collect::<Vec<_>>().join(", ")
        };
        let handle = |handle| Profile { handle: Some(handle), ..Profile::of(account) };
        let standing = |standing| Profile { standing: Some(standing), ..Profile::of(account) };
        assert_eq!(told(handle("ana.example")), "handle Some(\"ana.example\")");
        assert_eq!(told(handle("ana.example")), "");
        assert_eq!(told(handle("zoe.example")), "handle Some(\"zoe.example\")");
        assert_eq!(told(Profile { is_listed: Some(false), ..handle("zoe.example") }), "listed Some(\"no\")");
        assert_eq!(told(standing(Standing::Suspended)), "");
        assert_eq!(told(standing(Standing::Deactivated)), "there Some(\"no\")");
        assert_eq!(told(standing(Standing::Active)), "there Some(\"yes\")");
        let gone = NameField::ALL.map(|field| format!("{} None", field.word())).join(", ");
        assert_eq!(told(standing(Standing::Deleted)), gone);
        assert_eq!(told(standing(Standing::Deleted)), "");
        assert_eq!(told(handle("zoe.example")), "handle Some(\"zoe.example\")");
    }
}
