//! JSON that is looked at where it lies: nothing is built that was not asked for, so that a message costs no memory of
//! its own, however large, deep or odd it is.

use std::borrow::Cow;
use std::fmt::{self, Formatter};

use serde::Deserializer as _;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::Reason;

/// The longest text that is taken for a name, an id or a time. Longer ones are as good as absent.
const TEXT_BYTES_MAX: usize = 2048;

/// Deeper than anything that a network sends.
const DEPTH_MAX: usize = 128;

/// True for text with lists and objects in each other beyond all use, which would cost the parser memory.
fn is_deep(bytes: &[u8]) -> bool {
    if memchr::memchr2_iter(b'{', b'[', bytes).take(DEPTH_MAX + 1).count() <= DEPTH_MAX {
        return false;
    }
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    for &byte in bytes {
        match (is_text, byte) {
            (true, _) if is_escaped => is_escaped = false,
            (true, b'\\') => is_escaped = true,
            (_, b'"') => is_text = !is_text,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return true;
        }
    }
    false
}

/// One value of a JSON text. Text that was found to be JSON once is so in all of its parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<'a>(&'a str);

/// What is absent is as good as `null`.
const NULL: Json<'static> = Json("null");

impl<'a> Json<'a> {
    /// The value that is all of these bytes, or why they are none: they must be JSON in UTF-8.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Json<'a>, Reason> {
        if is_deep(bytes) {
            return Err(Reason::TooDeep);
        }
        let raw: Result<&RawValue, _> = serde_json::from_slice(bytes);
        raw.map(|raw| Json(raw.get())).map_err(|_| Reason::Malformed)
    }

    pub(crate) fn raw(self) -> &'a str {
        self.0
    }

    /// A part of the text that is a value, as was found before.
    pub(crate) fn slice(self, start: usize, len: usize) -> Option<Json<'a>> {
        self.0.get(start..start.checked_add(len)?).map(Json)
    }

    fn begins_with(self, byte: u8) -> bool {
        self.0.as_bytes().first() == Some(&byte)
    }

    pub(crate) fn is_object(self) -> bool {
        self.begins_with(b'{')
    }

    pub(crate) fn is_list(self) -> bool {
        self.begins_with(b'[')
    }

    pub(crate) fn is_text(self) -> bool {
        self.begins_with(b'"')
    }

    /// True where there is a value other than `null`.
    pub(crate) fn is_there(self) -> bool {
        self.0 != "null"
    }

    pub(crate) fn is_true(self) -> bool {
        self.0 == "true"
    }

    pub(crate) fn boolean(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The values of these fields, in one pass; the last one of a name counts. Absent ones are `null`.
    pub(crate) fn get<const N: usize>(self, names: [&str; N]) -> [Json<'a>; N] {
        let mut values = [NULL; N];
        if self.is_object() {
            let fields = Fields { names: &names, values: &mut values };
            let _ = serde_json::Deserializer::from_str(self.0).deserialize_map(fields);
        }
        values
    }

    pub(crate) fn field(self, name: &str) -> Json<'a> {
        self.get([name])[0]
    }

    /// The field of a field.
    pub(crate) fn at(self, path: &[&str]) -> Json<'a> {
        path.iter().fold(self, |value, name| value.field(name))
    }

    /// Every element of a list, until the visitor says `false`. What is not a list has none.
    pub(crate) fn each(self, mut visit: impl FnMut(Json<'a>) -> bool) {
        if self.is_list() {
            let _ = serde_json::Deserializer::from_str(self.0).deserialize_seq(Elements(&mut visit));
        }
    }

    /// Every element of a list, or the value itself where it is no list.
    pub(crate) fn each_or_self(self, mut visit: impl FnMut(Json<'a>) -> bool) {
        match self.is_list() {
            true => self.each(visit),
            false if self.is_there() => drop(visit(self)),
            false => {}
        }
    }

    /// The first element of a list that is good for this, or the value itself where it is no list.
    pub(crate) fn first<T>(self, mut pick: impl FnMut(Json<'a>) -> Option<T>) -> Option<T> {
        let mut picked = None;
        self.each_or_self(|element| {
            picked = pick(element);
            picked.is_none()
        });
        picked
    }

    /// A text, unless it is empty or too long for a name.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        if !self.is_text() || self.0.len() > TEXT_BYTES_MAX || self.0.len() < 3 {
            return None;
        }
        let inner = &self.0[1..self.0.len() - 1];
        if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
            return Some(Cow::Borrowed(inner));
        }
        serde_json::from_str(self.0).ok().map(Cow::Owned)
    }

    /// A text of any length, for messages that lie in messages as text.
    pub(crate) fn long_text(self) -> Option<Cow<'a, str>> {
        if !self.is_text() {
            return None;
        }
        let inner = self.0.get(1..self.0.len().checked_sub(1)?)?;
        if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
            return Some(Cow::Borrowed(inner));
        }
        unescape(inner).map(Cow::Owned)
    }

    /// An id: a text, or the digits of a number.
    pub(crate) fn id(self) -> Option<Cow<'a, str>> {
        if self.is_text() {
            return self.text();
        }
        let is_digits = !self.0.is_empty() && self.0.len() <= 24 && self.0.bytes().all(|byte| byte.is_ascii_digit());
        is_digits.then_some(Cow::Borrowed(self.0))
    }

    /// A whole number, also one that is written as text or with a fraction of zero or more.
    pub(crate) fn integer(self) -> Option<i64> {
        let text = self.0.trim_matches('"');
        if text.len() > 32 {
            return None;
        }
        match text.parse::<i64>() {
            Ok(number) => Some(number),
            Err(_) => {
                let number = text.parse::<f64>().ok()?;
                (number.abs() < 9e15).then_some(number as i64)
            }
        }
    }

    /// A time as text.
    pub(crate) fn time(self) -> Option<i64> {
        crate::time::parse(&self.text()?)
    }

    /// True for this very text.
    pub(crate) fn says(self, text: &str) -> bool {
        self.text().is_some_and(|said| said == text)
    }
}

/// The text behind JSON's escapes, in one piece of memory. Halves of surrogate pairs become U+FFFD.
fn unescape(escaped: &str) -> Option<String> {
    let mut text = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some(place) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(&rest[..place]);
        let code = *rest.as_bytes().get(place + 1)?;
        rest = &rest[place + 2..];
        match code {
            b'n' => text.push('\n'),
            b't' => text.push('\t'),
            b'r' => text.push('\r'),
            b'b' => text.push('\u{8}'),
            b'f' => text.push('\u{c}'),
            b'u' => {
                let first = u32::from_str_radix(rest.get(..4)?, 16).ok()?;
                rest = &rest[4..];
                let second = rest.strip_prefix("\\u").and_then(|more| u32::from_str_radix(more.get(..4)?, 16).ok());
                match (first, second) {
                    (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => {
                        rest = &rest[6..];
                        text.push(char::from_u32(0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00))?);
                    }
                    _ => text.push(char::from_u32(first).unwrap_or('\u{fffd}')),
                }
            }
            other => text.push(char::from(other)),
        }
    }
    text.push_str(rest);
    Some(text)
}

struct Fields<'f, 'a, const N: usize> {
    names: &'f [&'f str; N],
    values: &'f mut [Json<'a>; N],
}

impl<'a, const N: usize> Visitor<'a> for Fields<'_, 'a, N> {
    type Value = ();

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(place) = map.next_key_seed(Place(self.names))? {
            match place {
                Some(place) => self.values[place] = Json(map.next_value::<&'a RawValue>()?.get()),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Finds the place of a field's name among those that are asked for.
struct Place<'f, const N: usize>(&'f [&'f str; N]);

impl<'de, const N: usize> DeserializeSeed<'de> for Place<'_, N> {
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<const N: usize> Visitor<'_> for Place<'_, N> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.0.iter().position(|asked| *asked == name))
    }
}

struct Elements<'f, F>(&'f mut F);

impl<'a, F: FnMut(Json<'a>) -> bool> Visitor<'a> for Elements<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element::<&'a RawValue>()? {
            if !(self.0)(Json(element.get())) {
                break;
            }
        }
        Ok(())
    }
}
