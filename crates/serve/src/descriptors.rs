//! How many files and connections the system lets this process have open at once.

/// What is kept for files and for connections to others.
const KEPT: u64 = 256;

/// Asks the system for this many connections, and says how many it grants: fewer where nobody may have more. Accepting one
/// beyond that would fail, again and again.
#[cfg(unix)]
pub(crate) fn connections(wanted: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let needed = wanted as u64 + KEPT;
    let mut granted = limit.current.unwrap_or(u64::MAX);
    if granted < needed {
        let current = limit.maximum.map_or(needed, |maximum| needed.min(maximum));
        if setrlimit(Resource::Nofile, Rlimit { current: Some(current), ..limit }).is_ok() {
            granted = current;
        }
    }
    // However little it is, somebody must be able to ask.
    wanted.min(usize::try_from(granted.saturating_sub(KEPT).max(granted / 2)).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
pub(crate) fn connections(wanted: usize) -> usize {
    wanted
}
