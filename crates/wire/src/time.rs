//! Times as text: numbers of seconds or milliseconds, and RFC 3339.
//!
//! Files do not say which unit their numbers have, so the size decides: above 1e11 it is milliseconds. As seconds
//! that is the year 5138, as milliseconds March 1973; what lies beyond either is written so that it reads back.

use influence::Timestamp;
use jiff::civil::DateTime;

use crate::malformed::quote;
use crate::{AT_MAX, Malformed};

/// Numbers beyond this, in magnitude, are milliseconds; up to it, seconds.
const SECONDS_MAX: i64 = 100_000_000_000;

/// A time from text: a number of seconds or, above 1e11, of milliseconds, with or without a fraction; or RFC 3339.
/// Fractions of a millisecond are rounded.
pub fn parse_time(text: &str) -> Result<Timestamp, Malformed> {
    if let Some(number) = small_integer(text) {
        return from_integer(number);
    }
    if text.is_empty() {
        return Err(Malformed::Missing("time"));
    }
    let numeric = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    match text.parse::<f64>() {
        Ok(number) if numeric => from_float(number).map_err(|reason| requote(reason, text)),
        _ => parse_rfc3339(text),
    }
}

/// The value of 1 to 15 digits and nothing else: nearly every time in nearly every file.
fn small_integer(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > 15 {
        return None;
    }
    text.bytes().try_fold(0, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| value * 10 + i64::from(digit))
    })
}

/// A time from an integer of seconds or milliseconds.
pub(crate) fn from_integer(number: i64) -> Result<Timestamp, Malformed> {
    let at = if number > SECONDS_MAX { number } else { number.saturating_mul(1000) };
    match at {
        ..0 => Err(Malformed::TimeTooEarly(number.to_string())),
        0..=AT_MAX => Ok(at),
        _ => Err(Malformed::TimeTooLate(number.to_string())),
    }
}

/// A time from a number of seconds or milliseconds. Exact to the millisecond: 1e11 seconds leave `f64` 15 microseconds.
pub(crate) fn from_float(number: f64) -> Result<Timestamp, Malformed> {
    if !number.is_finite() {
        return Err(Malformed::Time(number.to_string()));
    }
    let millis = if number.abs() > SECONDS_MAX as f64 { number } else { number * 1000.0 }.round();
    if millis < 0.0 {
        Err(Malformed::TimeTooEarly(number.to_string()))
    } else if millis > AT_MAX as f64 {
        Err(Malformed::TimeTooLate(number.to_string()))
    } else {
        Ok(millis as Timestamp)
    }
}

/// The same reason about the number as it was written: 1e300 has 301 digits.
fn requote(reason: Malformed, text: &str) -> Malformed {
    match reason {
        Malformed::TimeTooEarly(_) => Malformed::TimeTooEarly(quote(text)),
        Malformed::TimeTooLate(_) => Malformed::TimeTooLate(quote(text)),
        _ => Malformed::Time(quote(text)),
    }
}

/// A time from RFC 3339, which must say how far it is from UTC.
fn parse_rfc3339(text: &str) -> Result<Timestamp, Malformed> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return match time.as_millisecond() {
            ..0 => Err(Malformed::TimeTooEarly(quote(text))),
            at => Ok(at),
        };
    }
    match text.parse::<DateTime>() {
        Ok(_) if text.contains(':') => Err(Malformed::TimeWithoutOffset(quote(text))),
        _ => Err(Malformed::Time(quote(text))),
    }
}

/// RFC 3339 in UTC, with a fraction only if there is one; `None` outside the years -9999 to 9999.
pub fn rfc3339(at: Timestamp) -> Option<String> {
    jiff::Timestamp::from_millisecond(at).ok().map(|time| time.to_string())
}

/// True when `at`, written as a number of milliseconds, is read back as milliseconds.
pub(crate) fn reads_as_millis(at: Timestamp) -> bool {
    at > SECONDS_MAX
}

/// True when `at`, written as a number of seconds, is read back as seconds.
pub(crate) fn reads_as_seconds(at: Timestamp) -> bool {
    at < SECONDS_MAX * 1000
}
