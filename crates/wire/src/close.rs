//! Daily closes as they are published: how a person stood at the end of a day.

use prost::Message;
use vocabulary::Score;

use crate::{Malformed, proto, protobuf, score, score_json};

/// Appends the protobuf message of a close, without a length before it.
pub fn encode_close(user: &str, day: i64, score: &Score, model_version: u32, out: &mut Vec<u8>) {
    let score = Some(protobuf::score_message(user, score, model_version));
    proto::Close { day, score }.encode_raw(out);
}

/// A close, and whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Close {
    /// Whose score it is.
    pub user: String,
    /// The day that has ended, in days since 1970.
    pub day: i64,
    /// As of the end of the day; `previous` is the score of the close before.
    pub score: Score,
    /// Counts the model's changes.
    pub model_version: u32,
}

/// What a message says, protobuf or JSON: what was encoded, bit for bit, except that a negative zero comes back as zero.
pub fn decode_close(bytes: &[u8]) -> Result<Close, Malformed> {
    if score_json::is_json(bytes) {
        return score_json::decode_close(bytes);
    }
    let message = proto::Close::decode(bytes).map_err(|error| protobuf::malformed(bytes, &error))?;
    let (user, score, model_version) = score::of_message(message.score.ok_or(Malformed::Missing("score"))?)?;
    Ok(Close { user, day: message.day, score, model_version })
}
