//! What is accepted as a name, a time and a trust: the same for every format.
//!
//! A name is 1 to 512 bytes of UTF-8 without control characters, all of them: none is part of a user name on any
//! network, and a name is printed in lines of text, where a newline, a tab or an escape would pass for structure.
//! Anything else in a name is kept exactly as written: no trimming, no folding, no normalisation.

use vocabulary::{AT_MAX, Event, Kind, LINKED_MAX, NAME_BYTES_MAX, Profile, TRUST_MAX, Timestamp};

use crate::Malformed;
use crate::malformed::quote;

/// An event out of parts that came from anywhere. Of several things that are wrong, the first in this order is named.
pub(crate) fn event<'a>(
    actor: &'a str,
    target: &'a str,
    at: Result<Timestamp, Malformed>,
    kind: Result<Kind, Malformed>,
) -> Result<Event<'a>, Malformed> {
    name("actor", actor)?;
    name("target", target)?;
    let at = at?;
    time(at)?;
    Ok(Event { actor, target, kind: kind?, at })
}

/// A profile out of parts that came from anywhere.
pub(crate) fn profile(profile: Profile<'_>) -> Result<Profile<'_>, Malformed> {
    name("user", profile.user)?;
    profile.created.map_or(Ok(()), time)?;
    profile.linked.map_or(Ok(()), linked)?;
    match profile.trust {
        Some(trust) if !(0.0..=TRUST_MAX).contains(&trust) => Err(Malformed::Trust(trust)),
        _ => Ok(profile),
    }
}

/// Names of accounts as lines of one text. Each must be a name: else a line more would pass for one.
pub(crate) fn lines<'a>(accounts: &[impl AsRef<str>], memory: &'a mut String) -> Result<&'a str, Malformed> {
    accounts.iter().try_for_each(|account| name("linked account", account.as_ref()))?;
    memory.clear();
    for (place, account) in accounts.iter().enumerate() {
        memory.push_str(if place == 0 { "" } else { "\n" });
        memory.push_str(account.as_ref());
    }
    Ok(memory)
}

/// Nothing, or why these are not names of accounts, a line each.
fn linked(linked: &str) -> Result<(), Malformed> {
    if linked.is_empty() {
        return Ok(());
    }
    let mut accounts = linked.split('\n');
    accounts.try_for_each(|account| name("linked account", account))?;
    match linked.split('\n').count() {
        count if count > LINKED_MAX => Err(Malformed::TooManyLinked(count)),
        _ => Ok(()),
    }
}

/// Nothing, or why this is no name. The role says whose it would be.
pub(crate) fn name(role: &'static str, name: &str) -> Result<(), Malformed> {
    if name.is_empty() {
        return Err(Malformed::Missing(role));
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(Malformed::NameTooLong(name.len()));
    }
    if looks_plain(name) {
        return Ok(());
    }
    match name.chars().find(|letter| letter.is_control()) {
        Some(control) => Err(Malformed::ControlCharacter(quote(name), control)),
        None => Ok(()),
    }
}

/// True for printable ASCII, which is nearly all names; a whole pass without a branch is faster than stopping early.
fn looks_plain(name: &str) -> bool {
    name.bytes().fold(true, |plain, byte| plain & (0x20..0x7f).contains(&byte))
}

fn time(at: Timestamp) -> Result<(), Malformed> {
    match at {
        ..0 => Err(Malformed::TimeTooEarly(at.to_string())),
        0..=AT_MAX => Ok(()),
        _ => Err(Malformed::TimeTooLate(at.to_string())),
    }
}
