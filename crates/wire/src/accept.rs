//! What is accepted as a name, a time and a trust: the same for every format.
//!
//! A name is 1 to 512 bytes of UTF-8 without control characters, all of them: none is part of a user name on any
//! network, and a name is printed in lines of text, where a newline, a tab or an escape would pass for structure.
//! Anything else in a name is kept exactly as written: no trimming, no folding, no normalisation.

use vocabulary::{AT_MAX, Event, Kind, NAME_BYTES_MAX, Profile, TRUST_MAX, Timestamp};

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
    match profile.trust {
        Some(trust) if !(0.0..=TRUST_MAX).contains(&trust) => Err(Malformed::Trust(trust)),
        _ => Ok(profile),
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
