//! Durations as people write them: `90s`, `12h`, `30d`.

/// Milliseconds in each unit.
const UNITS: [(&str, i64); 6] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];

/// A whole number and a unit, `ms`, `s`, `m`, `h`, `d` or `w`, as milliseconds.
///
/// # Errors
/// If it is not that, is zero, or is more milliseconds than an `i64` holds.
pub fn parse_duration(text: &str) -> Result<i64, DurationError> {
    let unit_at = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_at);
    if digits.is_empty() {
        return Err(DurationError::Shape);
    }
    if unit.is_empty() {
        return Err(DurationError::NoUnit(digits.to_owned()));
    }
    let unit_ms = (UNITS.iter().find(|(word, _)| *word == unit))
        .map(|(_, unit_ms)| *unit_ms)
        .ok_or_else(|| DurationError::Unit(unit.to_owned()))?;
    let number: i64 = digits.parse().map_err(|_| DurationError::TooLong)?;
    match number.checked_mul(unit_ms) {
        Some(0) => Err(DurationError::Zero),
        Some(duration_ms) => Ok(duration_ms),
        None => Err(DurationError::TooLong),
    }
}

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It does not begin with a number.
    #[error("not a duration: write a whole number and a unit, as in 500ms, 90s, 10m, 12h, 30d or 2w")]
    Shape,
    /// A number alone.
    #[error("{0} what? add a unit, as in {0}ms, {0}s, {0}m, {0}h, {0}d or {0}w")]
    NoUnit(String),
    /// No such unit.
    #[error("no unit is called {0:?}: there are ms, s, m, h, d and w, each after a whole number")]
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
    }

    #[test]
    fn what_is_none_is_told_why() {
        let refuse = |text, reason| assert_eq!(parse_duration(text), Err(reason), "{text}");
        refuse("", DurationError::Shape);
        refuse("d", DurationError::Shape);
        refuse("-5s", DurationError::Shape);
        refuse(" 5s", DurationError::Shape);
        refuse("30", DurationError::NoUnit("30".to_owned()));
        refuse("5y", DurationError::Unit("y".to_owned()));
        refuse("5S", DurationError::Unit("S".to_owned()));
        refuse("1.5h", DurationError::Unit(".5h".to_owned()));
        refuse("1h30m", DurationError::Unit("h30m".to_owned()));
        refuse("0d", DurationError::Zero);
        refuse("9223372036854775808ms", DurationError::TooLong);
        refuse("15250284453w", DurationError::TooLong);
    }
}
