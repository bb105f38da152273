//! The journal and the exchange of an application, for people who ask: what was committed, when, and whether it can be read.

use vocabulary::Timestamp;
use wire::{JournalRecord, decode_exchange};

use crate::admin::{Admin, AdminError, there};
use crate::connection::Connection;
use crate::table::read_topic;

/// A record of a journal.
#[derive(Clone, Debug)]
pub struct Journaled {
    /// The shard whose journal it lies in.
    pub shard: u16,
    /// Its offset there.
    pub offset: i64,
    /// When it was written.
    pub at: Option<Timestamp>,
    /// The record, or the reason why it cannot be read.
    pub record: Result<JournalRecord, String>,
}

/// How much lies behind the last record that can be read, as a transaction before it is open: by shard.
pub type Pending = Vec<u64>;

/// Gives all committed records of a journal that are there now, shard by shard in their order.
///
/// # Errors
/// If the topic is not there, or cannot be read.
pub fn read_journal(
    connection: &Connection,
    topic: &str,
    mut each: impl FnMut(Journaled),
) -> Result<Pending, AdminError> {
    let admin = Admin::connect(connection)?;
    let partitions = there(connection, [topic], [])?[topic].partitions;
    // The stable ends first: what is committed in between is read.
    let (stable, written) = (admin.ends(topic, partitions)?, admin.written(topic, partitions)?);
    read_topic(connection, topic, None, |entry| {
        let record = JournalRecord::decode(entry.value.unwrap_or_default()).map_err(|error| error.to_string());
        each(Journaled { shard: entry.partition, offset: entry.offset, at: entry.at, record });
        Ok(())
    })?;
    Ok(stable.iter().zip(&written).map(|(stable, written)| (written - stable).max(0).unsigned_abs()).collect())
}

/// A record of the exchange that is not what shards tell each other.
#[derive(Clone, Debug)]
pub struct Spoiled {
    /// The shard that it is for.
    pub shard: u16,
    /// Its offset there.
    pub offset: i64,
    /// Why it cannot be read.
    pub reason: String,
}

/// Finds the first committed record of each shard's part of the exchange that cannot be read: the shard stops before it.
///
/// # Errors
/// If the topic is not there, or cannot be read.
pub fn spoiled_exchange(connection: &Connection, topic: &str) -> Result<Vec<Spoiled>, AdminError> {
    let mut found: Vec<Spoiled> = Vec::new();
    read_topic(connection, topic, None, |entry| {
        let (shard, offset) = (entry.partition, entry.offset);
        if let Err(error) = decode_exchange(entry.value.unwrap_or_default())
            && found.iter().all(|spoiled| spoiled.shard != shard)
        {
            found.push(Spoiled { shard, offset, reason: error.to_string() });
        }
        Ok(())
    })?;
    Ok(found)
}
