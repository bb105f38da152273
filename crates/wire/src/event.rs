//! Single events as the records of a log hold them: one protobuf message or one JSON object each.

use prost::Message;
use vocabulary::{Event, Kind};

use crate::kind::KindWords;
use crate::{Framing, Malformed, json, proto, protobuf};

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
    framing: Framing,
    terms: json::Terms,
    message: proto::Event,
    unescaped: json::Unescaped,
}

impl EventDecoder {
    /// A decoder for records of one encoding. `default_kind` is the kind of JSON events that name none; without it
    /// they are malformed. In protobuf every event names its kind.
    pub fn new(encoding: Encoding, default_kind: Option<Kind>) -> Self {
        let terms = json::Terms { kinds: KindWords::new(default_kind), ..json::Terms::default() };
        Self::with_terms(encoding, terms)
    }

    /// A decoder for records whose keys and words mean this.
    pub(crate) fn with_terms(encoding: Encoding, terms: json::Terms) -> Self {
        let (message, unescaped) = (proto::Event::default(), json::Unescaped::default());
        Self { encoding, framing: Framing::Bare, terms, message, unescaped }
    }

    /// What keys and words mean to it.
    pub(crate) fn terms(&self) -> &json::Terms {
        &self.terms
    }

    /// The same for records behind such a frame.
    pub fn framed(self, framing: Framing) -> Self {
        Self { framing, ..self }
    }

    /// The event that `bytes` hold. Its names are borrowed from `bytes` or, where they had to be rewritten, from here.
    pub fn decode<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Event<'a>, Malformed> {
        let bytes = self.framing.open(bytes, self.encoding)?;
        match self.encoding {
            Encoding::Json => json::event(text(bytes)?, &self.terms, &mut self.unescaped),
            Encoding::Protobuf => protobuf::event(bytes, &mut self.message),
        }
    }

    /// The event that `bytes` hold, and the id that names it among its actor's, empty where it has none. In JSON a
    /// whole number is an id as well: 7 is "7".
    pub fn decode_with_id<'a>(&'a mut self, bytes: &'a [u8]) -> Result<(Event<'a>, &'a str), Malformed> {
        let bytes = self.framing.open(bytes, self.encoding)?;
        match self.encoding {
            Encoding::Json => json::event_with_id(text(bytes)?, &self.terms, &mut self.unescaped),
            Encoding::Protobuf => protobuf::event_with_id(bytes, &mut self.message),
        }
    }
}

/// Appends the protobuf message of an event, without a length before it.
pub fn encode_event(event: &Event<'_>, out: &mut Vec<u8>) {
    protobuf::event_message(event).encode_raw(out);
}

/// The same with the id that names the event among its actor's.
pub fn encode_event_with_id(event: &Event<'_>, id: &str, out: &mut Vec<u8>) {
    proto::Event { id: id.to_owned(), ..protobuf::event_message(event) }.encode_raw(out);
}

/// The bytes of a line as text.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        Malformed::NotUtf8 { byte: bytes[at], at }
    })
}
