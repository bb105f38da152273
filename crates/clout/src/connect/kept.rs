//! The records that are kept of a stream: in a compacted topic, written in the transactions of the events that they cover.
//!
//! | key | value |
//! |---|---|
//! | `STREAM/writer` | the process that writes now |
//! | `STREAM/position` | how far the stream is read, as JSON |
//! | `STREAM/acts/N` | the hashes of the acts of one transaction: repeats are known by them |
//! | `STREAM/facts/N` | what one transaction has learnt that later messages need, as whom a follow was of |
//! | `STREAM/gone/USER` | an account that is suspended or deleted |
//! | `STREAM/claim/USER` | whose an account says that it is, or two on two lines, as JSON, until the link is written |
//! | `erased/DIGEST` | an account that was erased, by the digest of its name: of no stream, so that all hear of it |
//! | `STREAM/language/USER` | the days, languages and numbers of an account's posts, as `20423 nl 3;20424 en 1` |
//!
//! The numbers go round, so that compaction keeps the newest ones and no more.

use std::collections::BTreeMap;

use kafka::{AdminError, Connection, Outgoing, Outlet, OutletError, read_table, read_table_from};
use networks::{Learnt, Standing};
use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

use crate::connect::ConnectError;
use crate::failure::Failure;
use crate::route::messages::{Digest, Messages, News, digest_of};

/// Transactions whose acts are known: more than an hour of them.
const ACTS_ROUND: u64 = 8_192;
/// Transactions whose facts are known: days of them.
const FACTS_ROUND: u64 = 1 << 20;

/// The place up to which a stream is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Position {
    /// The position from which the network is asked to go on.
    pub(crate) position: Option<String>,
    /// The time of the newest message.
    pub(crate) at: Option<Timestamp>,
    /// The transactions that have written acts.
    acts: u64,
    /// The transactions that have written facts.
    facts: u64,
}

/// The records of one stream in the topic of what is kept.
pub(crate) struct Kept<'a> {
    pub(crate) topic: &'a str,
    pub(crate) stream: &'a str,
}

impl Kept<'_> {
    /// Says who writes from now on.
    pub(crate) fn claim(&self, outlet: &mut Outlet, writer: &str) -> Result<(), OutletError> {
        self.send(outlet, "writer", Some(writer.as_bytes()))?;
        outlet.commit()
    }

    /// The process that has begun to write last.
    pub(crate) fn writer(&self, connection: &Connection) -> Result<Option<String>, AdminError> {
        let mut writer = None;
        read_table(connection, self.topic, |key, value| {
            if self.own(key) == Some("writer") {
                writer = value.map(|value| String::from_utf8_lossy(value).into_owned());
            }
        })?;
        Ok(writer)
    }

    /// Reads what is kept, and learns it again. Returns how far the stream is read, and the offset from which more is kept later.
    pub(crate) fn restore(&self, connection: &Connection, messages: &mut Messages) -> Result<(Position, i64), Failure> {
        let (mut position, mut foreign) = (Position::default(), None);
        let next = read_table_from(connection, self.topic, 0, |key, value| {
            if let Some(digest) = erased(key) {
                return messages.learn_objection(digest, value.is_some());
            }
            let Some(own) = self.own(key) else { return };
            let is_read = match (own.split_once('/'), value) {
                (None, Some(value)) if own == "position" => {
                    serde_json::from_slice(value).map(|read| position = read).is_ok()
                }
                (Some(("acts" | "facts", _)), Some(value)) => match Learnt::from_bytes(value) {
                    Some(learnt) => {
                        messages.relearn(&learnt);
                        true
                    }
                    None => false,
                },
                (Some(("gone", user)), value) => match value.map(standing_of) {
                    None => {
                        messages.relearn_gone(user, None);
                        true
                    }
                    Some(Some(standing)) => {
                        messages.relearn_gone(user, Some(standing));
                        true
                    }
                    Some(None) => false,
                },
                (Some(("language", user)), value) => match value.map(std::str::from_utf8).transpose() {
                    Ok(kept) => messages.relearn_spoken(user, kept),
                    Err(_) => false,
                },
                (Some(("claim", user)), value) => {
                    match (messages.claims(), value.map(serde_json::from_slice).transpose()) {
                        (Some(claims), Ok(asked)) => {
                            claims.relearn(user, asked);
                            true
                        }
                        // Nobody listens.
                        (None, Ok(_)) => true,
                        (_, Err(_)) => false,
                    }
                }
                // Other versions may keep more.
                _ => true,
            };
            if !is_read {
                foreign.get_or_insert_with(|| String::from_utf8_lossy(key).into_owned());
            }
        })?;
        match foreign {
            Some(key) => Err(ConnectError::Foreign { topic: self.topic.to_owned(), key }.into()),
            None => Ok((position, next)),
        }
    }

    /// Learns who was erased since, from an offset on. Returns the next one.
    pub(crate) fn listen(
        &self,
        connection: &Connection,
        from: i64,
        messages: &mut Messages,
    ) -> Result<i64, AdminError> {
        read_table_from(connection, self.topic, from, |key, value| {
            if let Some(digest) = erased(key) {
                messages.learn_objection(digest, value.is_some());
            }
        })
    }

    /// Writes what was learnt and how far the stream is read, in the transaction of what came of it.
    pub(crate) fn keep(&self, outlet: &mut Outlet, position: &mut Position, news: &News) -> Result<(), OutletError> {
        if news.learnt.acts() > 0 {
            let key = format!("acts/{}", position.acts % ACTS_ROUND);
            self.send(outlet, &key, Some(&news.learnt.acts_to_bytes()))?;
            position.acts += 1;
        }
        if news.learnt.facts() > 0 {
            let key = format!("facts/{}", position.facts % FACTS_ROUND);
            self.send(outlet, &key, Some(&news.learnt.facts_to_bytes()))?;
            position.facts += 1;
        }
        for (user, standing) in &news.gone {
            self.send(outlet, &format!("gone/{user}"), standing.map(word).map(str::as_bytes))?;
        }
        for (user, kept) in &news.spoken {
            self.send(outlet, &format!("language/{user}"), kept.as_deref().map(str::as_bytes))?;
        }
        for (user, asked) in &news.claims {
            let value = asked.as_ref().map(|asked| serde_json::to_vec(asked).unwrap_or_default());
            self.send(outlet, &format!("claim/{user}"), value.as_deref())?;
        }
        let value = serde_json::to_vec(position).unwrap_or_default();
        self.send(outlet, "position", Some(&value))
    }

    fn send(&self, outlet: &mut Outlet, what: &str, value: Option<&[u8]>) -> Result<(), OutletError> {
        let key = format!("{}/{what}", self.stream);
        outlet.send(Outgoing { topic: self.topic, partition: 0, key: &key, value })
    }

    /// The part of a key behind the name of this stream; `None` for a key of another one.
    fn own<'k>(&self, key: &'k [u8]) -> Option<&'k str> {
        std::str::from_utf8(key).ok()?.strip_prefix(self.stream)?.strip_prefix('/')
    }
}

const ERASED: &str = "erased/";

/// The digest in the key of a record that says that an account was erased.
fn erased(key: &[u8]) -> Option<Digest> {
    let digits = std::str::from_utf8(key).ok()?.strip_prefix(ERASED)?;
    (digits.len() == 32).then(|| Digest::from_str_radix(digits, 16).ok())?
}

/// The records of the topic of what is kept that take accounts out of it, by their keys: what is kept under their names goes, and so do
/// the facts that lead to them. One more of each has all connectors know it no more.
pub(crate) fn without(
    connection: &Connection,
    (topic, application): (&str, &str),
    accounts: &[String],
) -> Result<BTreeMap<String, Option<Vec<u8>>>, AdminError> {
    let mut changes = BTreeMap::new();
    read_table(connection, topic, |key, value| {
        let Ok(key) = std::str::from_utf8(key) else { return };
        let Some((_, own)) = key.split_once('/') else { return };
        let change = match (own.split_once('/'), value) {
            (Some(("gone" | "language" | "claim", of)), Some(_))
                if accounts.iter().any(|user| of.lines().any(|of| user == of)) =>
            {
                Some(None)
            }
            (Some(("facts", _)), Some(value)) => {
                let mut learnt = Learnt::from_bytes(value).unwrap_or_default();
                let forgotten = accounts.iter().filter(|user| learnt.forget(user)).count();
                (forgotten > 0).then(|| Some(learnt.facts_to_bytes()))
            }
            _ => None,
        };
        match change {
            Some(change) => _ = changes.insert(key.to_owned(), change),
            // Written over since.
            None => _ = changes.remove(key),
        }
    })?;
    for user in accounts {
        changes.insert(format!("{ERASED}{:032x}", digest_of(application, user)), Some(b"erased".to_vec()));
    }
    Ok(changes)
}

fn word(standing: Standing) -> &'static str {
    match standing {
        Standing::Active => "active",
        Standing::Deactivated => "deactivated",
        Standing::Suspended => "suspended",
        Standing::Deleted => "deleted",
        Standing::Objected => "objected",
    }
}

fn standing_of(word: &[u8]) -> Option<Standing> {
    use Standing::{Active, Deactivated, Deleted, Objected, Suspended};
    [Active, Deactivated, Suspended, Deleted, Objected]
        .into_iter()
        .find(|standing| self::word(*standing).as_bytes() == word)
}
