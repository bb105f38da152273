//! A topic that is read, as the configuration names it.

use pipeline::Holds;
use vocabulary::Kind;
use wire::{Encoding, Framing, parse_kind};

use crate::config::{not_empty, one_of};

/// A topic of events or profiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its name.
    pub topic: String,
    /// What its records are.
    pub holds: Holds,
    /// How they are written.
    pub encoding: Encoding,
    /// Whether each is in the Confluent wire format.
    pub is_confluent: bool,
    /// The kind of JSON events that name none.
    pub kind: Kind,
}

/// Its keys in the file.
pub(crate) const INPUT_KEYS: [&str; 5] = ["topic", "holds", "encoding", "confluent", "kind"];

const HOLDS: [(&str, Holds); 2] = [("events", Holds::Events), ("profiles", Holds::Profiles)];
const ENCODINGS: [(&str, Encoding); 2] = [("protobuf", Encoding::Protobuf), ("json", Encoding::Json)];

impl Default for Input {
    fn default() -> Input {
        Input {
            topic: String::new(),
            holds: Holds::Events,
            encoding: Encoding::Protobuf,
            is_confluent: false,
            kind: Kind::Mention,
        }
    }
}

impl Input {
    /// A topic and words about it, as in `retweets:json`.
    pub(crate) fn parse(text: &str) -> Result<Input, String> {
        let mut words = text.split(':');
        let mut input = Input::default();
        input.set("topic", words.next().unwrap_or_default())?;
        for word in words {
            match word {
                "confluent" => input.is_confluent = true,
                "events" | "profiles" => input.set("holds", word)?,
                "protobuf" | "json" => input.set("encoding", word)?,
                word => {
                    input.kind = parse_kind(word).map_err(|_| {
                        format!("{word:?} is none of events, profiles, protobuf, json, confluent, nor a kind of events")
                    })?;
                }
            }
        }
        Ok(input)
    }

    /// Takes the value of one of its keys.
    pub(crate) fn set(&mut self, key: &str, text: &str) -> Result<(), String> {
        match key {
            "holds" => self.holds = one_of(text, &HOLDS)?,
            "encoding" => self.encoding = one_of(text, &ENCODINGS)?,
            "kind" => self.kind = parse_kind(text).map_err(|error| error.to_string())?,
            "confluent" => self.is_confluent = one_of(text, &[("true", true), ("false", false)])?,
            _ => self.topic = not_empty(text)?,
        }
        Ok(())
    }

    /// As workers are told of it.
    pub(crate) fn setting(&self) -> pipeline::Input {
        let framing = if self.is_confluent { Framing::Confluent } else { Framing::Bare };
        pipeline::Input {
            topic: self.topic.clone(),
            holds: self.holds,
            encoding: self.encoding,
            framing,
            kind: self.kind,
        }
    }
}
