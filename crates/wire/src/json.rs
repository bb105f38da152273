//! Events and profiles as JSON objects; null is absent. Of an event unknown keys are ignored. Of a profile they are
//! refused: a mistyped `opted_out` must not pass for a profile that says nothing.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use vocabulary::{Event, Profile, Timestamp};

use crate::kind::KindWords;
use crate::malformed::quote;
use crate::time::TimeReader;
use crate::{Malformed, accept, country_code};

/// Memory for names that are written with escapes or as numbers; all others are borrowed from the record.
#[derive(Debug, Default)]
pub(crate) struct Unescaped {
    actor: String,
    target: String,
    id: String,
}

/// What keys and values mean.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    pub(crate) kinds: KindWords,
    pub(crate) times: TimeReader,
    /// The key `type` says something else than the kind.
    pub(crate) type_is_other: bool,
    /// The keys of an event, where they are not the usual ones.
    pub(crate) keys: Option<Keys>,
}

/// The keys of an event, where they are not the usual ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) actor: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) time: Option<String>,
    pub(crate) kind: Option<String>,
}

impl Keys {
    /// The usual key that stands for this one: one key has one meaning, and what is said comes first.
    fn usual<'k>(&self, key: &'k str) -> &'k str {
        let said = [(&self.actor, "actor"), (&self.target, "target"), (&self.time, "at"), (&self.kind, "kind")];
        let is_said = |usual: &str| said.iter().any(|(name, part)| name.is_some() && *part == part_of(usual));
        match said.iter().find(|(name, _)| name.as_deref() == Some(key)) {
            Some((_, usual)) => usual,
            None if is_said(key) => "",
            None => key,
        }
    }
}

/// The first key of those that mean the same.
fn part_of(key: &str) -> &str {
    match key {
        "timestamp" | "time" | "created_at" => "at",
        "type" => "kind",
        key => key,
    }
}

/// An event from `{"actor": "...", "target": "...", "at": ..., "kind": "..."}`.
pub(crate) fn event<'a>(text: &'a str, terms: &Terms, unescaped: &'a mut Unescaped) -> Result<Event<'a>, Malformed> {
    event_of(fields(text, terms)?, terms, &mut unescaped.actor, &mut unescaped.target)
}

/// An event that may also have `"id": "..."`, and that id.
pub(crate) fn event_with_id<'a>(
    text: &'a str,
    terms: &Terms,
    unescaped: &'a mut Unescaped,
) -> Result<(Event<'a>, &'a str), Malformed> {
    let mut fields: EventFields<'a> = fields(text, terms)?;
    let id = fields.id.take();
    let event = event_of(fields, terms, &mut unescaped.actor, &mut unescaped.target)?;
    match id {
        None => Ok((event, "")),
        Some(Id::Text(text)) => Ok((event, hold(Text(text), &mut unescaped.id))),
        Some(Id::Number(number)) => Ok((event, hold(Text(Cow::Owned(number.to_string())), &mut unescaped.id))),
        Some(Id::Other) => Err(Malformed::Id),
    }
}

/// What the key of the time holds, as text; `None` if it is not there.
pub(crate) fn time_text(text: &str, terms: &Terms) -> Option<String> {
    Some(match fields(text, terms).ok()?.into_at()? {
        At::Integer(number) => number.to_string(),
        At::Float(number) => number.to_string(),
        At::TooLarge(number) => number.to_string(),
        At::Text(text) => text.into_owned(),
    })
}

/// What the key `type` holds, if it is a word and no other key names the kind.
pub(crate) fn type_word(text: &str) -> Option<String> {
    let fields: EventFields<'_> = object(text).ok()?;
    if fields.kind.is_some() {
        return None;
    }
    fields.r#type?.into_word().map(Cow::into_owned)
}

fn fields<'a>(text: &'a str, terms: &Terms) -> Result<EventFields<'a>, Malformed> {
    match &terms.keys {
        None => object(text),
        Some(keys) => object_with(text, |deserializer| deserializer.deserialize_map(KeysVisitor(keys))),
    }
}

fn event_of<'a>(
    fields: EventFields<'a>,
    terms: &Terms,
    actor_memory: &'a mut String,
    target_memory: &'a mut String,
) -> Result<Event<'a>, Malformed> {
    let EventFields { actor, target, at, timestamp, time, created_at, kind, r#type, id: _ } = fields;
    let missing =
        |part, key: fn(&Keys) -> &Option<String>| match terms.keys.as_ref().and_then(|keys| key(keys).as_ref()) {
            Some(key) => Malformed::MissingKey(part, quote(key)),
            None => Malformed::Missing(part),
        };
    let actor = actor.ok_or_else(|| missing("actor", |keys| &keys.actor))?;
    let target = target.ok_or_else(|| missing("target", |keys| &keys.target))?;
    let at = at.or(timestamp).or(time).or(created_at).ok_or_else(|| missing("time", |keys| &keys.time))?;
    let at = at.read(&terms.times);
    let kind = match (kind, r#type.and_then(Id::into_word)) {
        (Some(kind), _) => terms.kinds.kind(Some(&kind.0)),
        (None, Some(word)) if !terms.type_is_other => terms.kinds.kind(Some(&word)),
        (None, Some(word)) if terms.kinds.knows(&word) => {
            Err(Malformed::KindLate { column: "type".to_owned(), word: quote(&word) })
        }
        (None, _) => terms.kinds.kind(None),
    };
    accept::event(hold(actor, actor_memory), hold(target, target_memory), at, kind)
}

/// A profile from `{"user": "...", "opted_out": false, "trust": 1}`.
pub(crate) fn profile<'a>(
    text: &'a str,
    user: &'a mut String,
    memory: &'a mut String,
) -> Result<Profile<'a>, Malformed> {
    let fields: ProfileFields<'a> = object(text)?;
    let says_nothing = fields.says_nothing();
    let name = fields.user.ok_or(Malformed::Missing("user"))?;
    if says_nothing {
        return Err(Malformed::NothingSaid);
    }
    let created = fields.created_at.map(|at| at.read(&TimeReader::default())).transpose()?;
    let linked = match fields.linked {
        Some(accounts) => Some(accept::lines(&accounts, memory)?),
        None => None,
    };
    accept::profile(Profile {
        user: hold(name, user),
        opted_out: fields.opted_out,
        trust: fields.trust,
        created,
        is_verified: fields.verified == Some(true),
        linked,
        country: fields.country.as_ref().and_then(Said::text).and_then(country_code),
    })
}

/// The fields of an object; serde would take an array of them as well.
fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Malformed> {
    object_with(text, |deserializer| T::deserialize(deserializer))
}

fn object_with<'a, T>(
    text: &'a str,
    read: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::StrRead<'a>>) -> serde_json::Result<T>,
) -> Result<T, Malformed> {
    if !text.trim_ascii_start().starts_with('{') {
        return Err(Malformed::NoObject);
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = read(&mut deserializer).map_err(malformed)?;
    deserializer.end().map_err(malformed)?;
    Ok(value)
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

#[derive(Default, serde::Deserialize)]
struct EventFields<'a> {
    #[serde(borrow)]
    actor: Option<Text<'a>>,
    #[serde(borrow)]
    target: Option<Text<'a>>,
    #[serde(borrow)]
    at: Option<At<'a>>,
    #[serde(borrow)]
    timestamp: Option<At<'a>>,
    #[serde(borrow)]
    time: Option<At<'a>>,
    #[serde(borrow)]
    created_at: Option<At<'a>>,
    #[serde(borrow)]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    r#type: Option<Id<'a>>,
    #[serde(borrow)]
    id: Option<Id<'a>>,
}

impl<'a> EventFields<'a> {
    fn into_at(self) -> Option<At<'a>> {
        self.at.or(self.timestamp).or(self.time).or(self.created_at)
    }
}

/// Reads an event by keys of its own.
struct KeysVisitor<'k>(&'k Keys);

impl<'de> Visitor<'de> for KeysVisitor<'_> {
    type Value = EventFields<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<EventFields<'de>, A::Error> {
        let mut fields = EventFields::default();
        while let Some(key) = object.next_key::<Text<'de>>()? {
            match self.0.usual(&key.0) {
                "actor" => fields.actor = object.next_value()?,
                "target" => fields.target = object.next_value()?,
                "at" => fields.at = object.next_value()?,
                "timestamp" => fields.timestamp = object.next_value()?,
                "time" => fields.time = object.next_value()?,
                "created_at" => fields.created_at = object.next_value()?,
                "kind" => fields.kind = object.next_value()?,
                "type" => fields.r#type = object.next_value()?,
                "id" => fields.id = object.next_value()?,
                _ => drop(object.next_value::<IgnoredAny>()?),
            }
        }
        Ok(fields)
    }
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
    #[serde(borrow)]
    country: Option<Said<'a>>,
    language: Option<IgnoredAny>,
    #[serde(borrow, alias = "created")]
    created_at: Option<At<'a>>,
    verified: Option<bool>,
    #[serde(borrow)]
    linked: Option<Vec<Text<'a>>>,
}

impl ProfileFields<'_> {
    fn says_nothing(&self) -> bool {
        let others = [&self.display_name, &self.language];
        let says_country = self.country.is_some();
        let says_age = self.created_at.is_some() || self.verified.is_some() || self.linked.is_some();
        self.opted_out.is_none()
            && self.trust.is_none()
            && !says_age
            && !says_country
            && others.iter().all(|field| field.is_none())
    }
}

/// What is of use as a text, and no error as anything else.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Said<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Else(IgnoredAny),
}

impl Said<'_> {
    fn text(&self) -> Option<&str> {
        match self {
            Said::Text(text) => Some(text),
            Said::Else(_) => None,
        }
    }
}

/// A string that is borrowed unless it is written with escapes (serde's own `Option<Cow>` always copies), or a whole
/// number as its digits. Numbers beyond 64 bits are not: the parser has rounded them by then.
struct Text<'a>(Cow<'a, str>);

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string or a whole number below 2^64")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }
}

/// Whatever is written as an id: who does not look at ids must take every event.
enum Id<'a> {
    Text(Cow<'a, str>),
    Number(i128),
    Other,
}

impl<'a> Id<'a> {
    fn into_word(self) -> Option<Cow<'a, str>> {
        match self {
            Id::Text(text) => Some(text),
            Id::Number(number) => Some(Cow::Owned(number.to_string())),
            Id::Other => None,
        }
    }
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

/// What is written as a time: what it means is for the file's `TimeReader` to say.
enum At<'a> {
    Integer(i64),
    TooLarge(u64),
    Float(f64),
    Text(Cow<'a, str>),
}

impl At<'_> {
    fn read(&self, times: &TimeReader) -> Result<Timestamp, Malformed> {
        match self {
            At::Integer(number) => times.integer(*number),
            At::TooLarge(number) => Err(Malformed::TimeTooLate(number.to_string())),
            At::Float(number) => times.float(*number),
            At::Text(text) => times.read(text),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for At<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AtVisitor)
    }
}

struct AtVisitor;

impl<'de> Visitor<'de> for AtVisitor {
    type Value = At<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("seconds, milliseconds or RFC 3339")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).map_or(At::TooLarge(number), At::Integer))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(At::Integer(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(At::Float(number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(At::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(At::Text(Cow::Owned(text.to_owned())))
    }
}
