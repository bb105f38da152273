//! What social networks send, as acts, profiles, posts and deletions.
//!
//! [`Reader::read`] takes one message at a time: a line of a dump, a line of a stream of server-sent events, a row of an
//! XML dump, or a whole answer of an API. It looks which network the message is of, and hands over what it found. This
//! crate opens no file and no connection, asks no clock, and does not know what an act is worth.
//!
//! Three invariants. Whatever the bytes are, no message panics: what is unknown or broken is counted, by network and
//! [`Reason`]. A message costs at most twice its own size in memory, beside the [`Memory`] of what was learnt. A text is
//! looked at, and never handed over: an act says who acted on whom, not with which words.
//!
//! Names are the permanent ids of a network; handles and display names go to [`Profile`]s.

mod activitystreams;
mod bluesky;
mod emit;
mod found;
mod github;
mod json;
mod kin;
mod learnt;
mod look;
mod mastodon;
mod memory;
mod post;
mod reader;
mod recognise;
mod reddit;
mod stackexchange;
mod tally;
mod time;
mod x;
mod youtube;

pub use found::{Account, Act, ActId, Claim, Deletion, Found, Kin, Kinship, Naming, Post, Profile, Reason, Standing};
pub use learnt::Learnt;
pub use memory::Memory;
pub use reader::{Options, Reader, Source};
pub use recognise::{Framing, Recognised, Refused, recognise};
pub use tally::{Counts, Tally};
pub use time::time_of;
pub use vocabulary::Network;
