//! What a process serves, asked for as a probe does.

use std::time::Duration;

use super::process::Member;
use super::scene::wait_until;
use super::web::{address_in, get};

/// Until a process that has been started serves.
const SERVING: Duration = Duration::from_secs(60);

/// Where a process serves, once it has said so.
pub(crate) fn address(member: &mut Member) -> String {
    wait_until("it serves", SERVING, || {
        member.check();
        address_in(&member.told_itself()).is_some()
    });
    address_in(&member.told_itself()).expect("it was there").to_owned()
}

/// The status of a plain request.
pub(crate) fn status(address: &str, path: &str) -> Option<u16> {
    get(address, path).map(|(status, _)| status)
}
