//! X, once Twitter: tweets as versions 1.1 and 2 of its API write them.

pub(crate) mod account;
pub(crate) mod includes;
pub(crate) mod v1;
pub(crate) mod v2;

use crate::{Account, Network};

fn account(id: &str) -> Account<'_> {
    Account::by_id(Network::X, id)
}

/// The page of a tweet.
fn page(id: &str) -> String {
    format!("https://x.com/i/status/{id}")
}

/// The time in a tweet's id, for ids since November 2010.
fn snowflake(id: &str) -> Option<i64> {
    let id: u64 = id.parse().ok()?;
    let at = (id >> 22) as i64;
    (at > 0).then_some(at + 1_288_834_974_657)
}
