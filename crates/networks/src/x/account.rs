//! What becomes of accounts, as both versions of X's compliance streams tell it: `{"user_delete": {"id": 12}}` in version 1.1,
//! `{"data": {"user_delete": {"user": {"id": "12"}}}}` in version 2.

use crate::emit::Emit;
use crate::json::Json;
use crate::{Account, Network, Profile, Standing};

/// What a notice says of an account.
pub(crate) struct Fate {
    /// The field that has it.
    pub(crate) word: &'static str,
    standing: Option<Standing>,
    is_listed: Option<bool>,
}

const fn standing(word: &'static str, standing: Standing) -> Fate {
    Fate { word, standing: Some(standing), is_listed: None }
}

/// A protected account shows what it writes to its followers alone: it is not shown by name.
const fn listed(word: &'static str, is_listed: bool) -> Fate {
    Fate { word, standing: None, is_listed: Some(is_listed) }
}

/// All that is used.
pub(crate) const FATES: [Fate; 6] = [
    standing("user_delete", Standing::Deleted),
    standing("user_undelete", Standing::Active),
    standing("user_suspend", Standing::Suspended),
    standing("user_unsuspend", Standing::Active),
    listed("user_protect", false),
    listed("user_unprotect", true),
];

/// Tells what a notice says of an account. Returns false if it says nothing of any.
pub(crate) fn read(notice: Json<'_>, emit: &mut Emit<'_>) -> bool {
    let found = FATES.iter().find_map(|fate| {
        let told = notice.field(fate.word);
        let id = told.at(&["user", "id"]).id().or_else(|| told.field("id").id())?;
        Some((fate, id))
    });
    let Some((Fate { standing, is_listed, .. }, id)) = found else { return false };
    let account = Account::by_id(Network::X, &id);
    emit.profile(Profile { standing: *standing, is_listed: *is_listed, ..Profile::of(account) });
    true
}
