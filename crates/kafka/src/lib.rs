//! The log on Kafka: workers of a consumer group, exactly once.
//!
//! Owns everything that is Kafka's: clients, groups, transactions, topics. Knows nothing of the model, and decides nothing
//! about shards: that is `pipeline`'s.

mod connection;
mod topics;

pub use connection::Connection;
pub use topics::Topics;
