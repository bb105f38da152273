//! Days, weeks and spans: how closes are laid out in time.

/// A day's number since 1970.
pub(crate) type Day = i32;

/// Closes are kept day by day for so long,
pub(crate) const DAILY_DAYS: Day = 400;
/// and in blocks of a day for so long at least: the longest delta looks back 30 days, and one day more has not ended.
pub(crate) const FRESH_DAYS: Day = 32;
/// Days that lie together once they are not fresh any more: four weeks.
pub(crate) const SPAN_DAYS: Day = 28;
/// 1970 began on a Thursday: weeks begin on Monday.
const THURSDAY: Day = 3;

/// The number of a day's week.
pub(crate) fn week(day: Day) -> Day {
    day.saturating_add(THURSDAY).div_euclid(7)
}

/// The number of the span in which a day lies.
pub(crate) fn span(day: Day) -> Day {
    day.saturating_add(THURSDAY).div_euclid(SPAN_DAYS)
}

/// The first day of a span.
pub(crate) fn first_day(span: Day) -> Day {
    span.saturating_mul(SPAN_DAYS).saturating_sub(THURSDAY)
}

/// Of the days before this one a week keeps its last close. It begins a week, so that no week is cut.
pub(crate) fn daily_from(today: Day) -> Day {
    week(today.saturating_sub(DAILY_DAYS)).saturating_mul(7).saturating_sub(THURSDAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_monday_and_spans_with_weeks() {
        // 2024-01-01 was a Monday.
        let monday = 19_723;
        assert_eq!(week(monday), week(monday + 6));
        assert_eq!(week(monday) + 1, week(monday + 7));
        assert_eq!(week(monday - 1) + 1, week(monday));
        for day in monday..monday + 60 {
            assert!(first_day(span(day)) <= day && day < first_day(span(day) + 1));
            assert_eq!(week(first_day(span(day)) - 1) + 1, week(first_day(span(day))));
            let from = daily_from(day);
            assert!(day - DAILY_DAYS - 7 < from && from <= day - DAILY_DAYS && week(from - 1) < week(from));
        }
    }
}
