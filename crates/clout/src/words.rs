//! Numbers and times as people read them.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use embedded::Resumed;
use vocabulary::Timestamp;
use wire::Malformed;

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// With so many places behind the point, and its thousands apart.
pub(crate) fn decimal(number: f64, places: usize) -> String {
    let text = format!("{number:.places$}");
    let whole = text.split('.').next().unwrap_or_default();
    match whole.parse::<u64>() {
        Ok(number) if number >= 1000 => thousands(number) + &text[whole.len()..],
        _ => text,
    }
}

/// `1 event`, `2 events`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}

/// Where a run goes on that was interrupted.
pub(crate) fn resumed(folder: &Path, resumed: Resumed) -> String {
    let Resumed { records, repeated } = resumed;
    let what = match repeated {
        0 => String::new(),
        repeated => format!(", {} of them stepped again since the last checkpoint", thousands(repeated)),
    };
    let records = count(records, "record was", "records were");
    format!("resumed {}: the first {records} taken before{what}", folder.display())
}

/// What is said once, where all events are older than the window.
pub(crate) fn all_old(window_ms: i64) -> String {
    format!(
        "all events so far are older than the window of {}: they count as received and move no score; for history set clock = \
         \"event\"",
        duration(window_ms)
    )
}

/// The machine's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::try_from(since.as_millis()).unwrap_or(Timestamp::MAX)
}

/// RFC 3339 in UTC.
pub(crate) fn time(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at).map_or_else(|_| format!("{at} ms"), |time| time.to_string())
}

/// A time of the command line.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, String> {
    wire::parse_time(text).map_err(|reason| match reason {
        Malformed::Time(_) | Malformed::TimeAmbiguous(_) => {
            format!("{reason}: write it as 2014-08-27 or 2014-08-27T13:08:45Z")
        }
        reason => reason.to_string(),
    })
}

/// A duration by its largest unit that is whole or, if none is, that it has two of: `12 h`, `90 min`, `6.5 years`.
pub(crate) fn duration(duration_ms: i64) -> String {
    const DAY: i64 = 86_400_000;
    let units =
        [(365 * DAY, "year"), (DAY, "day"), (3_600_000, "hour"), (60_000, "minute"), (1000, "second"), (1, "ms")];
    let whole = units.iter().find(|(unit_ms, _)| duration_ms % unit_ms == 0 && duration_ms >= *unit_ms);
    let rounded = units.iter().find(|(unit_ms, _)| duration_ms >= 2 * unit_ms);
    let Some(&(unit_ms, unit)) = whole.or(rounded).filter(|_| duration_ms > 0) else {
        return format!("{duration_ms} ms");
    };
    // 100,001 seconds are whole seconds, and 28 hours to anybody who reads them.
    let (unit_ms, unit) = match rounded {
        Some(&(larger_ms, larger)) if duration_ms / unit_ms >= 1000 => (larger_ms, larger),
        _ => (unit_ms, unit),
    };
    let number = duration_ms as f64 / unit_ms as f64;
    let number = if number.fract() == 0.0 { format!("{number}") } else { format!("{number:.1}") };
    let plural = if number == "1" || unit == "ms" { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

/// Bytes in the largest unit of which there is at least one.
pub(crate) fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let check = |number, text: &str| assert_eq!(thousands(number), text);
        check(0, "0");
        check(999, "999");
        check(1000, "1,000");
        check(563_069, "563,069");
        check(1_234_567_890, "1,234,567,890");
        assert_eq!(decimal(1234.56, 1), "1,234.6");
        assert_eq!(decimal(999.96, 1), "1,000.0");
        assert_eq!(decimal(0.5, 2), "0.50");
    }

    #[test]
    fn durations_are_short() {
        let check = |duration_ms, text: &str| assert_eq!(duration(duration_ms), text);
        check(0, "0 ms");
        check(1, "1 ms");
        check(90_000, "90 seconds");
        check(3_600_000, "1 hour");
        check(43_200_000, "12 hours");
        check(2_592_000_000, "30 days");
        check(100_001_000, "27.8 hours");
        check(31_536_000_000, "1 year");
        check(600_000_000_001, "19.0 years");
    }
}
