//! Records that cannot be used, as lines that a person can read and a program can feed back.

use std::fmt::Display;
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// One record that could not be used. As JSON: `source`, `line`, `reason`, and `record` as text or, where it is not
/// UTF-8, `record_base64`.
pub struct DeadLetter<'a> {
    /// Where the record was read from: a file's name.
    pub source: &'a str,
    /// The line, or in binary files the record, counted from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: &'a dyn Display,
    /// The record, untouched.
    pub record: &'a [u8],
}

impl DeadLetter<'_> {
    /// Writes it as one line of JSON.
    pub fn write(&self, mut write: impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut write, self)?;
        write.write_all(b"\n")
    }
}

impl Serialize for DeadLetter<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("DeadLetter", 4)?;
        object.serialize_field("source", self.source)?;
        object.serialize_field("line", &self.line)?;
        object.serialize_field("reason", &self.reason.to_string())?;
        match std::str::from_utf8(self.record) {
            Ok(text) => object.serialize_field("record", text)?,
            Err(_) => object.serialize_field("record_base64", &STANDARD.encode(self.record))?,
        }
        object.end()
    }
}
