//! Times as text: numbers, RFC 3339, and the other ways in which exports write them.
//!
//! Files do not say which unit their numbers have, so the size decides: up to 1e11 it is seconds, then milliseconds,
//! and above the last time in milliseconds microseconds, then nanoseconds. As seconds 1e11 is the year 5138, as
//! milliseconds March 1973; what lies beyond either is written so that it reads back.
//!
//! What could mean two times is refused until somebody says which: a time of day without an offset needs a zone,
//! `8/7/2014` a pattern.

use std::cell::Cell;
use std::str::FromStr;

use jiff::civil::{DateTime, date};
use jiff::fmt::rfc2822;
use jiff::fmt::strtime::{self, BrokenDownTime};
use jiff::tz::{Offset, TimeZone};
use vocabulary::Timestamp;

use crate::malformed::quote;
use crate::{AT_MAX, Malformed};

/// Numbers beyond this, in magnitude, are milliseconds; up to it, seconds.
const SECONDS_MAX: i64 = 100_000_000_000;
/// Numbers beyond this are nanoseconds; up to it and beyond `AT_MAX`, microseconds.
const MICROS_MAX: i64 = AT_MAX * 1000;

/// Digits before a decimal comma, at least: `1409144925,5` is a time, `1,409` is not.
const COMMA_DIGITS_MIN: usize = 9;

/// Patterns with an offset that are tried on what is not RFC 3339: Twitter's `Wed Aug 27 13:08:45 +0000 2014`, and
/// `27/Aug/2014:13:08:45 +0000` of web servers.
const WITH_OFFSET: [&str; 2] = ["%a %b %d %H:%M:%S %z %Y", "%d/%b/%Y:%H:%M:%S %z"];
/// The same without one: what C's `asctime` writes.
const WITHOUT_OFFSET: [&str; 1] = ["%a %b %d %H:%M:%S %Y"];

/// A time from text, as on a command line: a number of seconds or, by its size, of milliseconds, microseconds or
/// nanoseconds, with or without a fraction; RFC 3339; RFC 2822; a date alone, which is its midnight in UTC. Fractions
/// of a millisecond are rounded.
pub fn parse_time(text: &str) -> Result<Timestamp, Malformed> {
    if let Some(number) = small_integer(text) {
        return from_integer(number);
    }
    if text.is_empty() {
        return Err(Malformed::Missing("time"));
    }
    TimeReader::new(Times { dates: true, ..Times::default() }).slow(text)
}

/// How the times of a file are written, as far as they do not say it themselves.
#[derive(Clone, Debug, Default)]
pub struct Times {
    format: Option<TimeFormat>,
    /// Where the clock stood that dates and times of day without an offset were read from.
    zone: Option<TimeZone>,
    /// A date alone is taken for its midnight.
    dates: bool,
}

impl Times {
    /// Those of files: with a pattern, or in the usual ways; of a clock in this zone, or each with its offset. A date
    /// alone is its midnight, in UTC if there is no zone.
    pub fn of_files(format: Option<TimeFormat>, zone: Option<TimeZone>) -> Times {
        Times { format, zone, dates: true }
    }

    /// Whether somebody said how they are written.
    pub(crate) fn has_format(&self) -> bool {
        self.format.is_some()
    }

    /// The same, all written in this way.
    pub(crate) fn written_as(self, format: TimeFormat) -> Times {
        Times { format: Some(format), ..self }
    }
}

/// One way in which all times of a file are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeFormat(Style);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Style {
    /// Numbers, and how many of them make a second.
    Unit(i64),
    /// A pattern of `strftime`.
    Pattern(String),
}

impl TimeFormat {
    pub(crate) fn pattern(pattern: &str) -> TimeFormat {
        TimeFormat(Style::Pattern(pattern.to_owned()))
    }
}

/// A text that says no way to write times.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownTimeFormat {
    /// No pattern at all.
    #[error(
        "not a time format: write a pattern, as in '%m/%d/%Y %H:%M' or %Y%m%d, or the unit of numbers: s, ms, us, ns"
    )]
    Shape,
    /// A pattern that no time can be read by.
    #[error("no time can be read by {0:?} ({1}): a pattern names at least the year (%Y), or is one of s, ms, us, ns")]
    Pattern(String, String),
}

impl FromStr for TimeFormat {
    type Err = UnknownTimeFormat;

    fn from_str(text: &str) -> Result<TimeFormat, UnknownTimeFormat> {
        let per_second = match text {
            "s" | "%s" => 1,
            "ms" => 1_000,
            "us" | "µs" => 1_000_000,
            "ns" => 1_000_000_000,
            _ if text.contains('%') => {
                let refused = |reason: jiff::Error| UnknownTimeFormat::Pattern(quote(text), quote(&reason.to_string()));
                // A pattern is good if it reads what it writes.
                let example = date(2014, 8, 27).at(13, 8, 45, 0).to_zoned(TimeZone::UTC).map_err(refused)?;
                let written = strtime::format(text, &example).map_err(refused)?;
                broken_down(text, &written).and_then(|time| civil(&time)).map_err(refused)?;
                return Ok(TimeFormat::pattern(text));
            }
            _ => return Err(UnknownTimeFormat::Shape),
        };
        Ok(TimeFormat(Style::Unit(per_second)))
    }
}

/// Reads the times of one file, and counts what people should know of.
#[derive(Clone, Debug, Default)]
pub(crate) struct TimeReader {
    times: Times,
    /// Dates alone that were taken for their midnight.
    midnights: Cell<u64>,
}

impl TimeReader {
    pub(crate) fn new(times: Times) -> TimeReader {
        TimeReader { times, midnights: Cell::new(0) }
    }

    /// Dates alone that were taken for their midnight.
    pub(crate) fn midnights(&self) -> u64 {
        self.midnights.get()
    }

    /// The time that a text says.
    #[inline]
    pub(crate) fn read(&self, text: &str) -> Result<Timestamp, Malformed> {
        if self.times.format.is_none()
            && let Some(number) = small_integer(text)
        {
            return from_integer(number);
        }
        self.slow(text)
    }

    /// The time that a whole number says.
    pub(crate) fn integer(&self, number: i64) -> Result<Timestamp, Malformed> {
        match self.times.format {
            None => from_integer(number),
            Some(_) => self.slow(&number.to_string()),
        }
    }

    /// The time that a number with a fraction says.
    pub(crate) fn float(&self, number: f64) -> Result<Timestamp, Malformed> {
        match self.times.format {
            None => from_float(number),
            Some(_) => self.slow(&number.to_string()),
        }
    }

    #[cold]
    fn slow(&self, text: &str) -> Result<Timestamp, Malformed> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Malformed::Missing("time"));
        }
        // Gephi writes a time as the beginning of an interval.
        if let Some(inner) = text.strip_prefix("<[").and_then(|text| text.strip_suffix("]>")) {
            return self.read(inner.split([',', ';']).next().unwrap_or_default().trim());
        }
        match &self.times.format {
            None => self.usual(text),
            Some(TimeFormat(Style::Unit(per_second))) => in_unit(text, *per_second),
            Some(TimeFormat(Style::Pattern(pattern))) => self.by_pattern(pattern, text),
        }
    }

    fn usual(&self, text: &str) -> Result<Timestamp, Malformed> {
        if let Some(number) = small_integer(text) {
            return from_integer(number);
        }
        if let Some(number) = decimal(text) {
            return from_float(number).map_err(|reason| requote(reason, text));
        }
        if let Ok(time) = text.parse::<jiff::Timestamp>() {
            return accepted(time, text);
        }
        let spaced = spaced_offset(text);
        if let Some(time) = spaced.as_deref().and_then(|text| text.parse::<jiff::Timestamp>().ok()) {
            return accepted(time, text);
        }
        if let Ok(time) = year_first(text).parse::<DateTime>() {
            return self.civil(time, text.contains(':'), text);
        }
        if let Ok(time) = rfc2822::DateTimeParser::new().parse_timestamp(text) {
            return accepted(time, text);
        }
        let utc = text.replace(" UTC ", " +0000 ").replace(" GMT ", " +0000 ");
        let parsed = WITH_OFFSET.iter().find_map(|pattern| broken_down(pattern, &utc).ok()?.to_timestamp().ok());
        if let Some(time) = parsed {
            return accepted(time, text);
        }
        let parsed = WITHOUT_OFFSET.iter().find_map(|pattern| broken_down(pattern, text).ok()?.to_datetime().ok());
        match parsed {
            Some(time) => self.civil(time, true, text),
            None if is_ambiguous_date(text) => Err(Malformed::TimeAmbiguous(quote(text))),
            None => Err(Malformed::Time(quote(text))),
        }
    }

    fn by_pattern(&self, pattern: &str, text: &str) -> Result<Timestamp, Malformed> {
        let refused = |_| Malformed::TimeFormat { text: quote(text), format: quote(pattern) };
        let time = broken_down(pattern, text).map_err(refused)?;
        if time.timestamp().is_some() || time.offset().is_some() {
            return accepted(time.to_timestamp().map_err(refused)?, text);
        }
        let has_time = time.hour().is_some();
        self.civil(civil(&time).map_err(refused)?, has_time, text)
    }

    /// The time at which a clock showed this; a date alone is its midnight.
    fn civil(&self, time: DateTime, has_time: bool, text: &str) -> Result<Timestamp, Malformed> {
        let zone = match &self.times.zone {
            Some(zone) => zone,
            None if has_time => return Err(Malformed::TimeWithoutOffset(quote(text))),
            None if !self.times.dates => return Err(Malformed::DateAlone(quote(text))),
            None => &TimeZone::UTC,
        };
        if !has_time {
            self.midnights.set(self.midnights.get() + 1);
        }
        accepted(zone.to_timestamp(time).map_err(|_| Malformed::Time(quote(text)))?, text)
    }
}

/// What a pattern finds in a text.
fn broken_down(pattern: &str, text: &str) -> Result<BrokenDownTime, jiff::Error> {
    BrokenDownTime::parse(pattern, text)
}

/// A date and a time of day; a year or a month alone is its beginning.
fn civil(time: &BrokenDownTime) -> Result<DateTime, jiff::Error> {
    if let Some(timestamp) = time.timestamp() {
        return Ok(Offset::UTC.to_datetime(timestamp));
    }
    let (has_day, has_month) = (time.day().is_some() || time.day_of_year().is_some(), time.month().is_some());
    match time.year() {
        Some(year) if !has_day && time.weekday().is_none() => {
            let day = jiff::civil::Date::new(year, if has_month { time.month().unwrap_or(1) } else { 1 }, 1)?;
            Ok(DateTime::from_parts(day, time.to_time()?))
        }
        _ => time.to_datetime(),
    }
}

/// The format of numbers that are dates, if all of them are: `20140827` is a day of August 1970 as seconds.
pub(crate) fn format_of_digits<'a>(mut times: impl Iterator<Item = &'a str>) -> Option<&'static str> {
    let first = times.next()?;
    let pattern = match first.len() {
        4 => "%Y",
        8 => "%Y%m%d",
        12 => "%Y%m%d%H%M",
        14 => "%Y%m%d%H%M%S",
        _ => return None,
    };
    let is_date = |text: &str| {
        let is_such = text.len() == first.len() && text.bytes().all(|byte| byte.is_ascii_digit());
        let time = is_such.then(|| broken_down(pattern, text).and_then(|time| civil(&time)).ok()).flatten();
        time.is_some_and(|time| (1500..=2100).contains(&time.year()))
    };
    (is_date(first) && times.all(is_date)).then_some(pattern)
}

/// A number with a fraction or an exponent, with a point or, behind many digits, with a comma.
fn decimal(text: &str) -> Option<f64> {
    let is_numeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if is_numeric(text) {
        return text.parse().ok();
    }
    let (whole, fraction) = text.split_once(',')?;
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = whole.len() >= COMMA_DIGITS_MIN && is_digits(whole) && is_digits(fraction);
    is_number.then(|| format!("{whole}.{fraction}").parse().ok()).flatten()
}

/// `2014-08-27 13:08:45 UTC` and `... +0000` as RFC 3339, if it is that.
fn spaced_offset(text: &str) -> Option<String> {
    let (time, offset) = text.rsplit_once(' ')?;
    let offset = match offset {
        "UTC" | "GMT" | "Z" => "Z",
        _ if offset.starts_with(['+', '-']) => offset,
        _ => return None,
    };
    Some(format!("{}{offset}", year_first(time)))
}

/// `2014/08/27` as `2014-08-27`.
fn year_first(text: &str) -> String {
    let bytes = text.as_bytes();
    match bytes {
        [y1, y2, y3, y4, b'/', _, _, b'/', ..] if [y1, y2, y3, y4].iter().all(|digit| digit.is_ascii_digit()) => {
            text.replacen('/', "-", 2)
        }
        _ => text.to_owned(),
    }
}

/// Whether it begins as `8/27/2014`, `27.08.14` or `8-27-2014`: countries differ in which is the day, and nothing is guessed.
fn is_ambiguous_date(text: &str) -> bool {
    let day = text.split([' ', 'T', ',']).next().unwrap_or_default();
    let parts: Vec<&str> = day.split(['/', '.', '-']).collect();
    let is_number = |part: &&str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(is_number) && parts[0].len() <= 2
}

/// The value of 1 to 15 digits and nothing else: nearly every time in nearly every file.
#[inline]
fn small_integer(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > 15 {
        return None;
    }
    text.bytes().try_fold(0, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| value * 10 + i64::from(digit))
    })
}

/// A time from a whole number, whose size says its unit.
pub(crate) fn from_integer(number: i64) -> Result<Timestamp, Malformed> {
    if number < 0 {
        Err(Malformed::TimeTooEarly(number.to_string()))
    } else if number <= SECONDS_MAX {
        Ok(number * 1000)
    } else if number <= AT_MAX {
        Ok(number)
    } else if number <= MICROS_MAX {
        Ok(number / 1000)
    } else {
        Ok(number / 1_000_000)
    }
}

/// A time from a number whose size says its unit. Exact to the millisecond: 1e11 seconds leave `f64` 15 microseconds.
pub(crate) fn from_float(number: f64) -> Result<Timestamp, Malformed> {
    if !number.is_finite() {
        return Err(Malformed::Time(number.to_string()));
    }
    if number > AT_MAX as f64 + 1.0 && number < i64::MAX as f64 {
        return from_integer(number as i64);
    }
    let millis = if number.abs() > SECONDS_MAX as f64 { number } else { number * 1000.0 }.round();
    from_millis(millis, number)
}

/// A time from a number of which so many make a second.
fn in_unit(text: &str, per_second: i64) -> Result<Timestamp, Malformed> {
    let refused = || Malformed::TimeUnit(quote(text));
    let number = match text.parse::<i64>() {
        Ok(number) if per_second >= 1000 => (number / (per_second / 1000)) as f64,
        Ok(number) => number as f64 * 1000.0,
        Err(_) => decimal(text).ok_or_else(refused)? * 1000.0 / per_second as f64,
    };
    if !number.is_finite() {
        return Err(refused());
    }
    from_millis(number.round(), number).map_err(|reason| requote(reason, text))
}

fn from_millis(millis: f64, number: f64) -> Result<Timestamp, Malformed> {
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

fn accepted(time: jiff::Timestamp, text: &str) -> Result<Timestamp, Malformed> {
    match time.as_millisecond() {
        ..0 => Err(Malformed::TimeTooEarly(quote(text))),
        at => Ok(at),
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
