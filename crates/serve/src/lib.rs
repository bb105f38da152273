//! Scores as a live view: HTTP, a page, metrics.
//!
//! Owns what readers see: a [`View`] that committed records are applied to, and a [`Server`] that answers from it. Never
//! shows anything that was not committed, since it is only told what is; knows no broker.

mod view;

mod called;
mod changes;
mod closes;
mod crowd;
mod history;
mod klout;
mod known;
mod ordered;
mod people;
mod person;
mod persons;
mod ranking;
mod scales;
mod split;

mod server;

mod answer;
mod cursor;
mod descriptors;
mod doors;
mod etag;
mod host;
mod link;
mod metrics;
mod openapi;
mod page;
mod problem;
mod process;
mod question;
mod routes;
mod status;
mod stream;
mod tokens;
mod unstalled;

pub use crate::metrics::Counted;
pub use answer::{Account, Bucket, Distribution, Movement, Movements, Parts, Percentile, ReceivedAnswer, ScoreAnswer};
pub use cursor::Cursor;
pub use host::is_name as is_host_name;
pub use klout::{Keys, KeysError, Limits};
pub use known::KeyOf;
pub use persons::{PersonAccount, PersonAnswer, PersonOf};
pub use server::{Demo, Running, ServeError, Server, ServerOptions};
pub use tokens::{Tokens, TokensError};
pub use view::{Absence, Page, Part, Update, View, ViewOptions};
pub use views::{Circle, Part as CirclePart, Span};
