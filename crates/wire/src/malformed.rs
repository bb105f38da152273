//! Why a record cannot be used. It owns the words people read about it; what happens to the record is the caller's.

use vocabulary::{Kind, NAME_BYTES_MAX};

use crate::RECORD_BYTES_MAX;

/// Bytes of a record that are quoted in a message; a reason stays short whatever the record is.
const QUOTE_BYTES_MAX: usize = 100;

/// A record that cannot be used, and why: dead-letter it and go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Malformed {
    /// The named part is absent or empty.
    #[error("has no {0}")]
    Missing(&'static str),
    /// The key that was said to hold a part is not there: the part, and the key.
    #[error("has no {1:?}, which is to be the {0}")]
    MissingKey(&'static str, String),
    /// A name is too long; its bytes.
    #[error("name of {0} bytes is longer than {NAME_BYTES_MAX}")]
    NameTooLong(usize),
    /// A name holds a control character, which would tear the lines it is printed in.
    #[error("name {0:?} contains the control character U+{code:04X}", code = u32::from(*.1))]
    ControlCharacter(String, char),
    /// A word that is no kind.
    #[error("kind {0:?} is none of {kinds}", kinds = kinds(|kind| kind.word().to_owned()))]
    Kind(String),
    /// A number that is no kind.
    #[error("kind {0} is none of {kinds}", kinds = kinds(|kind| format!("{} ({})", kind.number(), kind.word())))]
    KindNumber(i32),
    /// A word that is no time.
    #[error("time {0:?} is neither RFC 3339 nor a number of seconds or milliseconds")]
    Time(String),
    /// A date and time of day somewhere on Earth.
    #[error("time {0:?} has no offset from UTC: add Z if it is UTC")]
    TimeWithoutOffset(String),
    /// A date without a time of day, where only a time will do.
    #[error("time {0:?} is a date without a time of day")]
    DateAlone(String),
    /// A date whose year is last: which of the others is the day differs from country to country.
    #[error("time {0:?} has its year last, and whether the day or the month comes first differs")]
    TimeAmbiguous(String),
    /// A text that is not written as all times of its file should be.
    #[error("time {text:?} is not written as {format:?}")]
    TimeFormat {
        /// The text.
        text: String,
        /// The pattern.
        format: String,
    },
    /// A text where numbers of a unit are expected.
    #[error("time {0:?} is not a number")]
    TimeUnit(String),
    /// A time before the first that is accepted.
    #[error("time {0} is before 1970-01-01T00:00:00Z")]
    TimeTooEarly(String),
    /// A time after the last that is accepted.
    #[error("time {0} is after 9999-12-30T22:00:00Z")]
    TimeTooLate(String),
    /// A word that the reader was asked to skip.
    #[error("kind {0:?} is to be skipped")]
    KindSkipped(String),
    /// A kind in a column that was not taken for the kind, since none of its first values is one.
    #[error("column {column:?} holds the kind {word:?} here, and no kind in the first rows, so that it is not read")]
    KindLate {
        /// The column.
        column: String,
        /// The kind in it.
        word: String,
    },
    /// A row that ends before a column that an event needs.
    #[error("has {}: {part} is column {column}", columns_of(*.columns))]
    ShortRow {
        /// Columns of the row.
        columns: usize,
        /// What is missing: actor, target, time or kind.
        part: &'static str,
        /// Where it should be, counted from 1.
        column: usize,
    },
    /// A line with more columns than the format has, or with fewer than an event needs.
    #[error("has {}, expected actor, target, time and at most a kind", columns_of(*.0))]
    Columns(usize),
    /// A text record with bytes that are no text: the first such byte and where it is, from 0.
    #[error("line is not UTF-8 (byte {byte:#04x} at {at})")]
    NotUtf8 {
        /// The byte.
        byte: u8,
        /// Bytes before it in the record.
        at: usize,
    },
    /// A line of which only a part fits into memory we are willing to spend.
    #[error("line is longer than {RECORD_BYTES_MAX} bytes")]
    LineTooLong,
    /// A quoted field without an end, as far as we are willing to look.
    #[error("has a quote that is not closed")]
    QuoteOpen,
    /// Something else than a JSON object.
    #[error("is not a JSON object")]
    NoObject,
    /// No JSON, or not with the values that were expected; what the parser says.
    #[error("is not the JSON expected: {0}")]
    Json(String),
    /// No protobuf, or not the message that was expected; what the parser says.
    #[error("is not the protobuf message expected: {0}")]
    Protobuf(String),
    /// Not what the serialiser of a schema registry writes; what is wrong with it.
    #[error("is not in the Confluent wire format: {0}")]
    Framing(String),
    /// An id in JSON that is neither a text nor a whole number.
    #[error("id is neither a string nor a whole number")]
    Id,
    /// A field of a message that says what cannot be: which one, and what it says.
    #[error("{0}")]
    Field(String),
    /// A profile from which nothing follows.
    #[error("says nothing: a profile has opted_out, trust, created_at, verified (true) or linked")]
    NothingSaid,
    /// More other accounts of one person than are accepted.
    #[error("has {0} linked accounts, at most {max} are accepted", max = vocabulary::LINKED_MAX)]
    TooManyLinked(usize),
    /// The key of a tombstone, which is all it has, is not a name.
    #[error("has no value, and its key {0:?} is not the plain name of a user")]
    Key(String),
    /// A trust that is out of range.
    #[error("trust {0} is not a number from 0 to {max}", max = vocabulary::TRUST_MAX)]
    Trust(f64),
}

/// Why a record that is whole is no act: it is counted by reason and passed over, and is no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAct {
    /// A post that acts on nobody.
    NoTarget,
    /// An act of a kind that is not scored.
    OtherKind,
}

impl NoAct {
    /// All reasons.
    pub const ALL: [NoAct; 2] = [NoAct::NoTarget, NoAct::OtherKind];

    /// The reason as a key and a label: `no_target`, `other_kind`.
    pub fn name(self) -> &'static str {
        match self {
            NoAct::NoTarget => "no_target",
            NoAct::OtherKind => "other_kind",
        }
    }
}

impl Malformed {
    /// Why the record is no act, if it is whole: in an export of posts most have no target, and others tell of likes.
    pub fn no_act(&self) -> Option<NoAct> {
        match self {
            Malformed::Missing("target") | Malformed::MissingKey("target", _) => Some(NoAct::NoTarget),
            Malformed::Kind(_) | Malformed::KindNumber(_) | Malformed::KindSkipped(_) => Some(NoAct::OtherKind),
            _ => None,
        }
    }
}

fn kinds(name: impl FnMut(Kind) -> String) -> String {
    Kind::ALL.map(name).join(", ")
}

fn columns_of(number: usize) -> String {
    format!("{number} column{}", if number == 1 { "" } else { "s" })
}

/// The beginning of a text, short enough for a message.
pub(crate) fn quote(text: &str) -> String {
    if text.len() <= QUOTE_BYTES_MAX {
        return text.to_owned();
    }
    let mut end = QUOTE_BYTES_MAX;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    // Where a word ends, unless it is a long one.
    let end = text[..end].rfind(' ').filter(|&blank| blank > QUOTE_BYTES_MAX / 2).unwrap_or(end);
    format!("{}...", &text[..end])
}
