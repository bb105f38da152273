//! The log on Kafka: workers of a consumer group, exactly once.
//!
//! Owns everything that is Kafka's: clients, groups, transactions, topics. Knows nothing of the model, and decides nothing
//! about shards: that is `pipeline`'s.

mod connection;
mod topics;

mod admin;
mod feeder;
mod requirements;
mod router;
mod table;

pub use admin::{Admin, AdminError, check_topics, differences};
pub use connection::Connection;
pub use feeder::{FeedError, Feeder};
pub use requirements::{Difference, Found, Requirement, Role};
pub use router::{Route, Routed, Target, route};
pub use table::read_table;
pub use topics::Topics;
