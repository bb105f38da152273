//! Times as networks write them, in milliseconds since 1970.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;

use crate::json::Json;

/// The last time that is read: the end of the year 9999.
const AT_MAX: i64 = 253_402_207_200_999;

/// X's, in version 1.1: `Thu Mar 10 23:12:12 +0000 2016`.
const TWITTER: &str = "%a %b %d %H:%M:%S %z %Y";
/// GitHub's, in archives of 2011 and 2012: `2012/03/10 22:42:14 -0800`.
const SLASHES: &str = "%Y/%m/%d %H:%M:%S %z";

/// A time as text, with or without an offset; without one, it is UTC.
pub(crate) fn parse(text: &str) -> Option<i64> {
    // No format is longer: what is longer is not looked at.
    if !(10..=64).contains(&text.len()) {
        return None;
    }
    let at = if text.as_bytes()[0].is_ascii_alphabetic() {
        strtime::parse(TWITTER, text).ok()?.to_timestamp().ok()?
    } else if text.as_bytes()[4] == b'/' {
        strtime::parse(SLASHES, text).ok()?.to_timestamp().ok()?
    } else {
        match text.parse::<Timestamp>() {
            Ok(at) => at,
            Err(_) => text.parse::<DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp(),
        }
    };
    in_range(at.as_millisecond())
}

/// The time that a message seems to have, without regard to what it says: good to put files in order. `None` where it is
/// not seen at once.
pub fn time_of(message: &[u8]) -> Option<i64> {
    let message = message.trim_ascii();
    let message = message.strip_prefix(b"data:").map_or(message, <[u8]>::trim_ascii);
    match message.first()? {
        b'<' => of_row(message),
        b'{' | b'[' => of_json(Json::parse(message).ok()?, 0),
        _ => None,
    }
}

fn of_row(row: &[u8]) -> Option<i64> {
    const NAME: &[u8] = b" CreationDate=\"";
    let start = memchr::memmem::find(row, NAME)? + NAME.len();
    let end = start + memchr::memchr(b'"', &row[start..])?;
    parse(std::str::from_utf8(&row[start..end]).ok()?)
}

/// Parts of a message that have the time where it has none itself.
const PARTS: [&str; 9] =
    ["response", "data", "tweet", "status", "object", "snippet", "topLevelComment", "payload", "post"];
/// Where they are in each other at most.
const LEVELS_MAX: u8 = 4;

fn of_json(json: Json<'_>, level: u8) -> Option<i64> {
    if json.is_list() {
        return json.first(|element| of_json(element, level + 1));
    }
    if level > LEVELS_MAX || !json.is_object() {
        return None;
    }
    let [micros, seconds, millis, other_millis] =
        json.get(["time_us", "created_utc", "timestamp_ms", "created_timestamp"]);
    let own = json.get(["created_at", "createdAt", "indexedAt", "published", "publishedAt", "starred_at"]);
    let at = micros.integer().map(|micros| micros / 1000);
    let at = at.or_else(|| seconds.integer().and_then(|seconds| seconds.checked_mul(1000)));
    let at = at.or_else(|| millis.integer().or(other_millis.integer()));
    let at = at.or_else(|| own.into_iter().find_map(Json::time));
    at.and_then(in_range).or_else(|| json.get(PARTS).into_iter().find_map(|part| of_json(part, level + 1)))
}

/// Milliseconds, if they are after 1970 and before the year 10000.
pub(crate) fn in_range(at: i64) -> Option<i64> {
    (0..=AT_MAX).contains(&at).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_message_is_seen_without_reading_it() {
        for (message, at) in [
            (r#"{"did":"did:plc:a","time_us":1783175888085434}"#, Some(1_783_175_888_085)),
            (r#"{"created_utc":"1500000001","subreddit":"r"}"#, Some(1_500_000_001_000)),
            (r#"data: {"created_at":"2019-12-20T19:24:46Z"}"#, Some(1_576_869_886_000)),
            (r#"{"data":[{"id":"1"},{"created_at":"2019-12-20T19:24:46Z"}]}"#, Some(1_576_869_886_000)),
            (r#"  <row Id="1" CreationDate="2009-06-28T07:14:29.363" />"#, Some(1_246_173_269_363)),
            (r#"{"type":"Follow","object":"https://a.example.com"}"#, None),
            ("<posts>", None),
            ("event: update", None),
            ("{", None),
        ] {
            assert_eq!(time_of(message.as_bytes()), at, "{message}");
        }
    }

    #[test]
    fn times_of_all_networks_are_read() {
        for (text, at) in [
            ("2026-07-04T14:38:08.999Z", Some(1_783_175_888_999)),
            ("2026-07-04T14:38:08.999123456Z", Some(1_783_175_888_999)),
            ("2009-06-28T07:14:29.363", Some(1_246_173_269_363)),
            ("2019-12-20T19:24:46+00:00", Some(1_576_869_886_000)),
            ("2021-03-30T16:09:00.000-04:00", Some(1_617_134_940_000)),
            ("Thu Mar 10 23:12:12 +0000 2016", Some(1_457_651_532_000)),
            ("2012/03/10 22:42:14 -0800", Some(1_331_448_134_000)),
            ("2026-07-04", Some(1_783_123_200_000)),
            ("1969-12-31T23:59:59Z", None),
            ("", None),
            ("yesterday, or so", None),
            ("2026-13-04T14:38:08Z", None),
        ] {
            assert_eq!(parse(text), at, "{text}");
        }
    }
}
