//! Dead letters as records: Kafka Connect's headers, and of key and value no more than a topic takes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pipeline::{KEPT_BYTES_MAX, Kept};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::message::{Header, Headers, OwnedHeaders};
use serde::{Deserialize, Serialize};

/// Bytes of the whole value, where the letter does not have all of it.
pub(crate) const VALUE_BYTES: &str = "clout.value.bytes";
/// Bytes of the whole key, where the letter does not have all of it.
pub(crate) const KEY_BYTES: &str = "clout.key.bytes";
/// How a letter is written, where it is not the record itself: `json`.
pub(crate) const ENCODING: &str = "clout.encoding";
/// The topic that a dead letter comes from.
pub(crate) const FROM_TOPIC: &str = "__connect.errors.topic";
/// Its partition.
pub(crate) const FROM_PARTITION: &str = "__connect.errors.partition";
/// Its offset.
pub(crate) const FROM_OFFSET: &str = "__connect.errors.offset";

/// What kind of thing is wrong, as a class of an exception.
pub(crate) const CLASS: &str = "__connect.errors.exception.class.name";
/// What is wrong, in words.
pub(crate) const REASON: &str = "__connect.errors.exception.message";
/// Where classes of this program begin.
pub(crate) const CLASS_PREFIX: &str = "clout.";
/// The beginning of the names of Kafka Connect's headers.
pub(crate) const CONNECT: &str = "__connect.errors.";

/// Bytes of a reason in a letter.
const REASON_BYTES_MAX: usize = 2_048;
/// The same, where there is little room.
const SHORT_REASON_BYTES_MAX: usize = 256;
/// Bytes of all headers of a letter, with room for the record around them.
pub(crate) const HEADERS_BYTES: usize = 4_096;

/// How much of a record is put aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The beginning of key and value, so many bytes of each at most.
    Cut(usize),
    /// Where the record is, and what is wrong with it.
    Place,
}

impl Form {
    /// The most that fits into a record of so many bytes.
    pub(crate) fn within(record_bytes_max: usize) -> Form {
        Form::Cut((record_bytes_max.saturating_sub(HEADERS_BYTES) / 2).min(KEPT_BYTES_MAX))
    }
}

/// A record that cannot be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeadLetter<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// As Kafka Connect names the stage of a pipeline.
    pub(crate) stage: &'static str,
    pub(crate) class: &'static str,
    pub(crate) reason: &'a str,
    pub(crate) key: Option<&'a Kept>,
    pub(crate) value: Option<&'a Kept>,
}

/// A letter as JSON: where the record was, what is wrong with it, and key and value as text or, where they are none, in base64.
#[derive(Serialize)]
struct Told<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
    stage: &'static str,
    class: &'static str,
    reason: &'a str,
    #[serde(flatten)]
    key: Option<KeyTold<'a>>,
    #[serde(flatten)]
    value: Option<ValueTold<'a>>,
}

#[derive(Serialize)]
enum KeyTold<'a> {
    #[serde(rename = "key")]
    Text(&'a str),
    #[serde(rename = "key_base64")]
    Bytes(String),
}

#[derive(Serialize)]
enum ValueTold<'a> {
    #[serde(rename = "value")]
    Text(&'a str),
    #[serde(rename = "value_base64")]
    Bytes(String),
}

/// What is read back of it.
#[derive(Deserialize)]
struct Opened {
    value: Option<String>,
    value_base64: Option<String>,
}

/// The record's value in a letter of JSON; `None` if it has none, or the letter is none.
pub(crate) fn opened(letter: &[u8]) -> Option<Vec<u8>> {
    let Opened { value, value_base64 } = serde_json::from_slice(letter).ok()?;
    value.map(String::into_bytes).or_else(|| STANDARD.decode(value_base64?).ok())
}

/// A letter's key, value and headers.
pub(crate) type Parts<'a> = (Option<&'a [u8]>, Option<&'a [u8]>, OwnedHeaders);

impl<'a> DeadLetter<'a> {
    /// What is written of it, behind headers that it has already.
    pub(crate) fn parts(&self, form: Form, headers: OwnedHeaders) -> Parts<'a> {
        let reason_bytes_max = if form == Form::Place { SHORT_REASON_BYTES_MAX } else { REASON_BYTES_MAX };
        let told = [
            (FROM_TOPIC, self.topic),
            (FROM_PARTITION, &self.partition.to_string()),
            (FROM_OFFSET, &self.offset.to_string()),
            ("__connect.errors.stage", self.stage),
            (CLASS, self.class),
            (REASON, &bounded(self.reason, reason_bytes_max)),
        ];
        let insert =
            |headers: OwnedHeaders, (key, value): (&str, &str)| headers.insert(Header { key, value: Some(value) });
        let mut headers = told.into_iter().fold(headers, insert);
        let mut cut = |kept: Option<&'a Kept>, header| {
            let kept = kept?;
            let bytes = match form {
                Form::Cut(bytes_max) => Some(&kept.bytes()[..kept.bytes().len().min(bytes_max)]),
                Form::Place => None,
            };
            if bytes.map(<[u8]>::len) != Some(kept.whole_len()) {
                let whole = kept.whole_len().to_string();
                let before = std::mem::replace(&mut headers, OwnedHeaders::new());
                headers = insert(before, (header, &whole));
            }
            bytes
        };
        let (key, value) = (cut(self.key, KEY_BYTES), cut(self.value, VALUE_BYTES));
        (key, value, headers)
    }

    /// The letter as one object of JSON. In base64 it is a third larger.
    pub(crate) fn json(&self, form: Form) -> Vec<u8> {
        let kept = |kept: Option<&'a Kept>| match (kept, form) {
            (Some(kept), Form::Cut(bytes_max)) => Some(&kept.bytes()[..kept.bytes().len().min(bytes_max / 4 * 3)]),
            _ => None,
        };
        let DeadLetter { topic, partition, offset, stage, class, reason, .. } = *self;
        let key = kept(self.key).map(|bytes| match std::str::from_utf8(bytes) {
            Ok(text) => KeyTold::Text(text),
            Err(_) => KeyTold::Bytes(STANDARD.encode(bytes)),
        });
        let value = kept(self.value).map(|bytes| match std::str::from_utf8(bytes) {
            Ok(text) => ValueTold::Text(text),
            Err(_) => ValueTold::Bytes(STANDARD.encode(bytes)),
        });
        let told = Told { topic, partition, offset, stage, class, reason, key, value };
        // It is written to memory: nothing can fail.
        serde_json::to_vec(&told).unwrap_or_default()
    }
}

/// The beginning of a text.
fn bounded(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = (0..=bytes_max).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    format!("{}...", &text[..end])
}

/// Whether a broker, or this client, refuses a record for what it is: it would be refused again, a smaller one may not.
pub(crate) fn is_about_the_record(code: Code) -> bool {
    matches!(
        code,
        Code::MessageSizeTooLarge
            | Code::MessageBatchTooLarge
            | Code::InvalidMessageSize
            | Code::InvalidMessage
            | Code::InvalidRecord
            | Code::InvalidTimestamp
            | Code::PolicyViolation
    )
}

/// A header's value as text.
pub(crate) fn header<'a>(headers: &'a impl Headers, name: &str) -> Option<&'a str> {
    let header = headers.iter().find(|header| header.key == name)?;
    std::str::from_utf8(header.value?).ok()
}

/// Why a dead letter cannot be used again itself, if it is one whose value is not all of the record's, or tells of it in JSON.
pub(crate) fn cut_letter(headers: &impl Headers) -> Option<String> {
    if header(headers, ENCODING).is_some() {
        return Some(
            "is a dead letter in JSON: `clout dead-letters send` sends the record that it tells of".to_owned(),
        );
    }
    let whole = header(headers, VALUE_BYTES)?;
    let place = |name| header(headers, name).unwrap_or("?");
    Some(format!(
        "is a dead letter that was cut: the whole value, {whole} bytes, is at offset {} of {}[{}]",
        place(FROM_OFFSET),
        place(FROM_TOPIC),
        place(FROM_PARTITION)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter<'a>(key: &'a Kept, value: &'a Kept, reason: &'a str) -> DeadLetter<'a> {
        DeadLetter {
            topic: "events",
            partition: 3,
            offset: 77,
            stage: "VALUE_CONVERTER",
            class: "clout.Malformed",
            reason,
            key: Some(key),
            value: Some(value),
        }
    }

    fn size((key, value, headers): &Parts<'_>) -> usize {
        let headers = headers.iter().map(|header| header.key.len() + header.value.map_or(0, <[u8]>::len) + 10);
        headers.sum::<usize>() + key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len)
    }

    #[test]
    fn a_letter_fits_whatever_the_record_was() {
        let (long, reason) = (Kept::of(&vec![b'x'; 3_000_000]), "\u{1f600}".repeat(100_000));
        let letter = letter(&long, &long, &reason);
        for record_bytes_max in [16 << 10, 100_000, 1_000_000] {
            let parts = letter.parts(Form::within(record_bytes_max), OwnedHeaders::new());
            assert!(size(&parts) < record_bytes_max - 100, "{} of {record_bytes_max}", size(&parts));
            assert_eq!(header(&parts.2, VALUE_BYTES), Some("3000000"));
            assert_eq!(header(&parts.2, KEY_BYTES), Some("3000000"));
        }
        let parts = letter.parts(Form::within(1_000_000), OwnedHeaders::new());
        assert_eq!(parts.1.map(<[u8]>::len), Some(KEPT_BYTES_MAX));
        let parts = letter.parts(Form::Place, OwnedHeaders::new());
        assert_eq!((parts.0, parts.1), (None, None));
        assert!(size(&parts) < 1_000, "{}", size(&parts));
        assert_eq!(
            cut_letter(&parts.2).as_deref(),
            Some("is a dead letter that was cut: the whole value, 3000000 bytes, is at offset 77 of events[3]")
        );
    }

    #[test]
    fn what_fits_is_whole_and_says_nothing_of_lengths() {
        let (key, value) = (Kept::of(b""), Kept::of(&vec![b'x'; KEPT_BYTES_MAX]));
        let (key, value, headers) =
            letter(&key, &value, "is no event").parts(Form::within(1_000_000), OwnedHeaders::new());
        assert_eq!((key, value.map(<[u8]>::len)), (Some(&b""[..]), Some(KEPT_BYTES_MAX)));
        assert_eq!((headers.count(), cut_letter(&headers)), (6, None));
    }
}
