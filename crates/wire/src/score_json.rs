//! Scores and closes as JSON objects, for subscribers who read no protobuf: the names and the order of the columns of tables,
//! and all digits, so that what is read back is what was written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;
use vocabulary::{Kind, Part, Score, Timestamp};

use crate::{Close, Malformed, accept, parse_time, rfc3339};

const DAY_MS: Timestamp = 86_400_000;

/// Appends a score as one JSON object.
pub fn encode_score_json(user: &str, score: &Score, model_version: u32, out: &mut Vec<u8>) {
    out.push(b'{');
    fields(user, score, model_version, out);
}

/// Appends a close as one JSON object: that of the score, behind the day as in `2026-11-29`.
pub fn encode_close_json(user: &str, day: i64, score: &Score, model_version: u32, out: &mut Vec<u8>) {
    let date = rfc3339(day.saturating_mul(DAY_MS)).unwrap_or_default();
    out.extend_from_slice(b"{\"day\":\"");
    out.extend_from_slice(date.get(..10).unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\",");
    fields(user, score, model_version, out);
}

/// What is in both, and the end of the object.
fn fields(user: &str, score: &Score, model_version: u32, out: &mut Vec<u8>) {
    let mut digits = zmij::Buffer::new();
    out.extend_from_slice(b"\"user\":");
    text(user, out);
    for (name, part) in score.parts() {
        named(name, out);
        match part {
            Part::Number(number) => out.extend_from_slice(digits.format_finite(number).as_bytes()),
            Part::Count(count) => out.extend_from_slice(count.to_string().as_bytes()),
            Part::Time(at) => text(&rfc3339(at).unwrap_or_else(|| at.to_string()), out),
        }
    }
    named("scale_version", out);
    out.extend_from_slice(score.scale_version.to_string().as_bytes());
    named("previous", out);
    match score.previous {
        Some(previous) => out.extend_from_slice(digits.format_finite(previous).as_bytes()),
        None => out.extend_from_slice(b"null"),
    }
    named("model_version", out);
    out.extend_from_slice(model_version.to_string().as_bytes());
    out.push(b'}');
}

fn named(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn text(text: &str, out: &mut Vec<u8>) {
    // A text is written to memory: nothing can fail.
    let _ = serde_json::to_writer(out, text);
}

/// Whether a value is an object of JSON: no message of protobuf that we read begins so.
pub(crate) fn is_json(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'{')
}

type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

fn read(bytes: &[u8]) -> Result<Fields<'_>, Malformed> {
    serde_json::from_slice(bytes).map_err(|error| Malformed::Field(format!("no object of JSON: {error}")))
}

/// The score that an object holds, whose it is, and the version of the model.
pub(crate) fn decode_score(bytes: &[u8]) -> Result<(String, Score, u32), Malformed> {
    score_of(&read(bytes)?)
}

pub(crate) fn decode_close(bytes: &[u8]) -> Result<Close, Malformed> {
    let fields = read(bytes)?;
    let day = string(&fields, "day")?.ok_or(Malformed::Missing("day"))?;
    let at = parse_time(&format!("{day}T00:00:00Z")).map_err(|_| Malformed::Field("day is not a date".to_owned()))?;
    let (user, score, model_version) = score_of(&fields)?;
    Ok(Close { user, day: at.div_euclid(DAY_MS), score, model_version })
}

fn score_of(fields: &Fields<'_>) -> Result<(String, Score, u32), Malformed> {
    let user = string(fields, "user")?.ok_or(Malformed::Missing("user"))?;
    accept::name("user", &user)?;
    let must = |name: &'static str| number(fields, name)?.ok_or(Malformed::Missing(name));
    let or_zero = |name: &'static str| Ok::<f64, Malformed>(number(fields, name)?.unwrap_or_default());
    let as_of = string(fields, "as_of")?.ok_or(Malformed::Missing("as_of"))?;
    let mut score = Score {
        score: must("score")?,
        influence: must("influence")?,
        reach: or_zero("reach")?,
        amplification: or_zero("amplification")?,
        network: or_zero("network")?,
        openness: or_zero("openness")?,
        room: number(fields, "room")?.unwrap_or(1.0),
        audience: or_zero("audience")?,
        followers: count(fields, "followers")?,
        following: count(fields, "following")?,
        as_of: parse_time(&as_of)?,
        scale: must("scale")?,
        scale_version: count(fields, "scale_version")?,
        previous: number(fields, "previous")?,
        ..Score::default()
    };
    for kind in Kind::COUNTED {
        let received = count(fields, kind.plural())?;
        score.received.get_mut(kind).into_iter().for_each(|known| *known = received);
    }
    Ok((user, score, count(fields, "model_version")? as u32))
}

/// A number, which is parsed to the last bit; `None` where there is none, or null.
fn number(fields: &Fields<'_>, name: &str) -> Result<Option<f64>, Malformed> {
    let Some(text) = fields.get(name).map(|raw| raw.get()).filter(|text| *text != "null") else { return Ok(None) };
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Some(number + 0.0)),
        _ => Err(Malformed::Field(format!("{name} is not a finite number"))),
    }
}

fn count(fields: &Fields<'_>, name: &str) -> Result<u64, Malformed> {
    let text = fields.get(name).map_or("0", |raw| raw.get());
    text.parse().map_err(|_| Malformed::Field(format!("{name} is not a count")))
}

fn string(fields: &Fields<'_>, name: &str) -> Result<Option<String>, Malformed> {
    let text = fields.get(name).map(|raw| serde_json::from_str::<Option<String>>(raw.get()));
    let text = text.transpose().map_err(|_| Malformed::Field(format!("{name} is not a text")))?;
    Ok(text.flatten())
}
