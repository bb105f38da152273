//! The names of the file formats.

use std::fmt;
use std::str::FromStr;

use super::layout::{Layout, Reading};

/// How a file of events is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines of `actor target time` or `actor target time kind`, as the temporal lists of Stanford's SNAP.
    Snap,
    /// Lines of fields under a header.
    Csv,
    /// JSON objects, one on each line or anywhere.
    Json,
    /// Protobuf messages, each after its length as a varint.
    Protobuf,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 4] = [Format::Snap, Format::Csv, Format::Json, Format::Protobuf];

    /// The format of a file of events by its first bytes, of which at most 64 KiB are looked at; `None` if it looks
    /// like none of them.
    ///
    /// A file without a record, empty or of comments and blank lines only, could be in any text format: that is `None`
    /// as well, and whether it is an error is for the caller to say. So is one whose first record does not end in
    /// `head`.
    pub fn recognise(head: &[u8]) -> Option<Format> {
        Layout::of(head, None, &Reading::default()).ok().map(|layout| layout.format())
    }

    /// The name: `snap`, `csv`, `json` or `protobuf`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Snap => "snap",
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Protobuf => "protobuf",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// A word that names no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("format {0:?} is none of snap, csv, json, protobuf")]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let named = Format::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(text));
        named.ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}
