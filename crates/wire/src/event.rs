//! Single events as the records of a log hold them: one protobuf message or one JSON object each.

use influence::{Event, Kind};
use prost::Message;

use crate::{Malformed, json, proto, protobuf};

/// How a single record is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// One JSON object.
    Json,
    /// One protobuf message, without a length before it.
    Protobuf,
}

/// Decodes events one by one and keeps its memory between them.
#[derive(Debug)]
pub struct EventDecoder {
    encoding: Encoding,
    default_kind: Option<Kind>,
    message: proto::Event,
    unescaped: json::Unescaped,
}

impl EventDecoder {
    /// A decoder for records of one encoding. `default_kind` is the kind of JSON events that name none; without it
    /// they are malformed. In protobuf every event names its kind.
    pub fn new(encoding: Encoding, default_kind: Option<Kind>) -> Self {
        Self { encoding, default_kind, message: proto::Event::default(), unescaped: json::Unescaped::default() }
    }

    /// The event that `bytes` hold. Its names are borrowed from `bytes` or, where they had to be rewritten, from here.
    pub fn decode<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Event<'a>, Malformed> {
        match self.encoding {
            Encoding::Json => json::event(text(bytes)?, self.default_kind, &mut self.unescaped),
            Encoding::Protobuf => protobuf::event(bytes, &mut self.message),
        }
    }
}

/// Appends the protobuf message of an event, without a length before it.
pub fn encode_event(event: &Event<'_>, out: &mut Vec<u8>) {
    protobuf::event_message(event).encode_raw(out);
}

/// The bytes of a line as text.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        Malformed::NotUtf8 { byte: bytes[at], at }
    })
}
