//! Events and profiles as JSON objects; null is absent. Of an event unknown keys are ignored. Of a profile they are
//! refused: a mistyped `opted_out` must not pass for a profile that says nothing.

use std::borrow::Cow;
use std::fmt;

use influence::{Event, Kind, Profile, Timestamp};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::kind::kind_or;
use crate::malformed::quote;
use crate::{Malformed, accept, time};

/// Memory for names that are written with escapes; all others are borrowed from the record.
#[derive(Debug, Default)]
pub(crate) struct Unescaped {
    actor: String,
    target: String,
    id: String,
}

/// An event from `{"actor": "...", "target": "...", "at": ..., "kind": "..."}`.
pub(crate) fn event<'a>(
    text: &'a str,
    default_kind: Option<Kind>,
    unescaped: &'a mut Unescaped,
) -> Result<Event<'a>, Malformed> {
    event_of(object(text)?, default_kind, &mut unescaped.actor, &mut unescaped.target)
}

/// An event that may also have `"id": "..."`, and that id.
pub(crate) fn event_with_id<'a>(
    text: &'a str,
    default_kind: Option<Kind>,
    unescaped: &'a mut Unescaped,
) -> Result<(Event<'a>, &'a str), Malformed> {
    let mut fields: EventFields<'a> = object(text)?;
    let id = fields.id.take();
    let event = event_of(fields, default_kind, &mut unescaped.actor, &mut unescaped.target)?;
    match id {
        None => Ok((event, "")),
        Some(Id::Text(text)) => Ok((event, hold(Text(text), &mut unescaped.id))),
        Some(Id::Number(number)) => Ok((event, hold(Text(Cow::Owned(number.to_string())), &mut unescaped.id))),
        Some(Id::Other) => Err(Malformed::Id),
    }
}

fn event_of<'a>(
    fields: EventFields<'a>,
    default_kind: Option<Kind>,
    actor_memory: &'a mut String,
    target_memory: &'a mut String,
) -> Result<Event<'a>, Malformed> {
    let actor = fields.actor.ok_or(Malformed::Missing("actor"))?;
    let target = fields.target.ok_or(Malformed::Missing("target"))?;
    let at = fields.at.or(fields.timestamp).or(fields.time).map_or(Err(Malformed::Missing("time")), |at| at.0);
    let kind = fields.kind.or(fields.r#type);
    let kind = kind_or(kind.as_ref().map(|word| &*word.0), default_kind);
    accept::event(hold(actor, actor_memory), hold(target, target_memory), at, kind)
}

/// A profile from `{"user": "...", "opted_out": false, "trust": 1}`.
pub(crate) fn profile<'a>(text: &'a str, user: &'a mut String) -> Result<Profile<'a>, Malformed> {
    let fields: ProfileFields<'a> = object(text)?;
    let says_nothing = fields.says_nothing();
    let name = fields.user.ok_or(Malformed::Missing("user"))?;
    if says_nothing {
        return Err(Malformed::NothingSaid);
    }
    accept::profile(hold(name, user), fields.opted_out.unwrap_or(false), fields.trust)
}

/// The fields of an object; serde would take an array of them as well.
fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Malformed> {
    match text.trim_ascii_start().starts_with('{') {
        true => serde_json::from_str(text).map_err(malformed),
        false => Err(Malformed::NoObject),
    }
}

/// The text, kept in `memory` if it is not part of the record.
fn hold<'a>(text: Text<'a>, memory: &'a mut String) -> &'a str {
    match text.0 {
        Cow::Borrowed(text) => text,
        Cow::Owned(text) => {
            *memory = text;
            memory
        }
    }
}

fn malformed(error: serde_json::Error) -> Malformed {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let what = message.strip_suffix(&place).unwrap_or(&message);
    Malformed::Json(format!("{} at column {}", quote(what), error.column()))
}

#[derive(serde::Deserialize)]
struct EventFields<'a> {
    #[serde(borrow)]
    actor: Option<Text<'a>>,
    #[serde(borrow)]
    target: Option<Text<'a>>,
    at: Option<At>,
    timestamp: Option<At>,
    time: Option<At>,
    #[serde(borrow)]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    r#type: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<Id<'a>>,
}

/// The fields of `profile.proto`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFields<'a> {
    #[serde(borrow)]
    user: Option<Text<'a>>,
    opted_out: Option<bool>,
    trust: Option<f64>,
    display_name: Option<IgnoredAny>,
    country: Option<IgnoredAny>,
    language: Option<IgnoredAny>,
    created_at: Option<IgnoredAny>,
    verified: Option<IgnoredAny>,
}

impl ProfileFields<'_> {
    fn says_nothing(&self) -> bool {
        let others = [&self.display_name, &self.country, &self.language, &self.created_at, &self.verified];
        self.opted_out.is_none() && self.trust.is_none() && others.iter().all(|field| field.is_none())
    }
}

/// A string that is borrowed unless it is written with escapes; serde's own `Option<Cow>` always copies.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

/// Whatever is written as an id: who does not look at ids must take every event.
enum Id<'a> {
    Text(Cow<'a, str>),
    Number(i128),
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Id<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl<'de> Visitor<'de> for IdVisitor {
    type Value = Id<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an id")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Id::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Id::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Id::Number(number.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Id::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Id::Other)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Id::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Id::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Id::Other)
    }
}

/// A number of seconds or milliseconds, or a string of either or of RFC 3339; the reason if it is neither.
struct At(Result<Timestamp, Malformed>);

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AtVisitor)
    }
}

struct AtVisitor;

impl Visitor<'_> for AtVisitor {
    type Value = At;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("seconds, milliseconds or RFC 3339")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<At, E> {
        Ok(At(i64::try_from(number)
            .map_err(|_| Malformed::TimeTooLate(number.to_string()))
            .and_then(time::from_integer)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<At, E> {
        Ok(At(time::from_integer(number)))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<At, E> {
        Ok(At(time::from_float(number)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<At, E> {
        Ok(At(time::parse_time(text)))
    }
}
