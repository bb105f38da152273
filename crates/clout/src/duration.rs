//! Durations as people write them: `90s`, `12h`, `1.5d`, `30 days`.

/// Milliseconds in each unit, and its word; a year has 365 days.
const UNITS: [(&str, &str, i64); 7] = [
    ("ms", "millisecond", 1),
    ("s", "second", 1000),
    ("m", "minute", 60_000),
    ("h", "hour", 3_600_000),
    ("d", "day", 86_400_000),
    ("w", "week", 604_800_000),
    ("y", "year", 31_536_000_000),
];

/// Digits behind a point that are read.
const FRACTION_DIGITS_MAX: usize = 12;

/// A number and a unit, `ms`, `s`, `m`, `h`, `d`, `w` or `y` or its word, as milliseconds. Parts of a millisecond are rounded.
///
/// # Errors
/// If it is not that, is zero, or is more milliseconds than an `i64` holds.
pub fn parse_duration(text: &str) -> Result<i64, DurationError> {
    let text = text.trim();
    let unit_at = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_number = !whole.is_empty() && !fraction.contains('.') && fraction.is_empty() != number.contains('.');
    if !is_number || fraction.len() > FRACTION_DIGITS_MAX {
        return Err(DurationError::Shape);
    }
    let unit = unit.trim();
    if unit.is_empty() {
        return Err(DurationError::NoUnit(number.to_owned()));
    }
    let is_named =
        |(short, word, _): &&(&str, &str, i64)| *short == unit || unit.strip_suffix('s').unwrap_or(unit) == *word;
    let (.., unit_ms) = UNITS.iter().find(is_named).ok_or_else(|| DurationError::Unit(unit.to_owned()))?;
    let parts_of_one = 10_i128.pow(fraction.len() as u32);
    let digits: i128 = format!("{whole}{fraction}").parse().map_err(|_| DurationError::TooLong)?;
    let parts = digits.checked_mul((*unit_ms).into()).ok_or(DurationError::TooLong)?;
    match i64::try_from(parts.saturating_add(parts_of_one / 2) / parts_of_one) {
        Ok(0) => Err(DurationError::Zero),
        Ok(duration_ms) => Ok(duration_ms),
        Err(_) => Err(DurationError::TooLong),
    }
}

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It does not begin with a number.
    #[error("not a duration: write a number and a unit, as in 500ms, 90s, 10m, 12h, 1.5d, 2w or 1y")]
    Shape,
    /// A number alone.
    #[error("{0} what? add a unit, as in {0}ms, {0}s, {0}m, {0}h, {0}d, {0}w or {0}y")]
    NoUnit(String),
    /// No such unit.
    #[error("no unit is called {0:?}: there are ms, s, m, h, d, w and y, one of them after a number")]
    Unit(String),
    /// Nothing.
    #[error("a duration must be longer than zero")]
    Zero,
    /// More milliseconds than are counted.
    #[error("too long: a duration has at most 9223372036854775807 ms, 292 million years")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        let check = |text, duration_ms| assert_eq!(parse_duration(text), Ok(duration_ms), "{text}");
        check("500ms", 500);
        check("90s", 90_000);
        check("10m", 600_000);
        check("12h", 43_200_000);
        check("30d", 2_592_000_000);
        check("2w", 1_209_600_000);
        check("007s", 7_000);
        check("9223372036854775807ms", i64::MAX);
        check("1.5d", 129_600_000);
        check("0.25h", 900_000);
        check("7 d", 604_800_000);
        check(" 5s ", 5_000);
        check("1y", 31_536_000_000);
        check("2 years", 63_072_000_000);
        check("1 week", 604_800_000);
        check("1.0006s", 1_001);
    }

    #[test]
    fn what_is_none_is_told_why() {
        let refuse = |text: &str, reason| assert_eq!(parse_duration(text), Err(reason), "{text}");
        refuse("", DurationError::Shape);
        refuse("d", DurationError::Shape);
        refuse("-5s", DurationError::Shape);
        refuse(".5s", DurationError::Shape);
        refuse("5.s", DurationError::Shape);
        refuse("1.2.3s", DurationError::Shape);
        refuse("0.1ms", DurationError::Zero);
        refuse("30", DurationError::NoUnit("30".to_owned()));
        refuse("5mo", DurationError::Unit("mo".to_owned()));
        refuse("5S", DurationError::Unit("S".to_owned()));
        refuse("1h30m", DurationError::Unit("h30m".to_owned()));
        refuse("0d", DurationError::Zero);
        refuse("9223372036854775808ms", DurationError::TooLong);
        refuse("15250284453w", DurationError::TooLong);
        refuse(&format!("{}y", "9".repeat(60)), DurationError::TooLong);
    }
}
