//! The log on Kafka: workers of a consumer group, exactly once.
//!
//! Owns everything that is Kafka's: clients, groups, transactions, topics. Knows nothing of the model, and decides nothing
//! about shards: that is `pipeline`'s.

mod supervisor;

mod log;

mod census;
mod health;
mod historian;
mod membership;
mod reader;

mod dead_letter;
mod writer;

mod scores;

mod application;
mod connection;
mod costs;
mod topics;

mod admin;
mod feeder;
mod hash_key;
mod journal;
mod letters;
mod lost;
mod orphans;
mod outlet;
mod ownership;
mod requirements;
mod router;
mod table;
mod trial;

mod aside;
mod native;
mod raw;
mod reasons;
mod troubles;
mod waits;

#[cfg(test)]
mod contract;

pub use admin::{Admin, AdminError, Checked, check_exists, check_topics, differences, partitions, there};
pub use application::{Application, RECORD_BYTES_MAX, SESSION_TIMEOUT, Start, host_name};
pub use connection::Connection;
pub use costs::Costs;
pub use feeder::{FeedError, Feeder};
pub use hash_key::hash_key;
pub use journal::{Journaled, Pending, Spoiled, read_journal, spoiled_exchange};
pub use letters::{Dispatched, Letter, Recipient, SENT_FROM, read_letters, send_letters};
pub use log::KafkaLog;
pub use lost::{Lost, lost};
pub use outlet::{Outgoing, Outlet, OutletError, TRANSACTION_MAX, Unusable};
pub use ownership::{Noted, check_group, noted};
pub use raw::{RawRead, raw_read};
pub use requirements::{Difference, Found, Requirement, Role, record_bytes_max, short_letters};
pub use router::{Given, Purpose, Read, Route, Routed, Routing, Target, route};
pub use scores::{Reading, ScoreReader};
pub use supervisor::Workers;
pub use table::{Onlooker, Progress, read_table, read_table_from, stamped_from};
pub use topics::{Topics, closes_of, credits_of, kept_of, links_of, names_of};
pub use trial::try_transaction;
