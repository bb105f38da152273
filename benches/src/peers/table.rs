//! Tables of medians and ranges.

use std::fmt::Write;

/// Values of several rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    /// No number if there are no values.
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

/// A table with a title; all but the first column are numbers.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Spread {
    pub(crate) fn of(values: impl Iterator<Item = f64>) -> Spread {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let (Some(&least), Some(&most)) = (values.first(), values.last()) else {
            return Spread { median: f64::NAN, least: f64::NAN, most: f64::NAN };
        };
        let half = values.len() / 2;
        let median = if values.len() % 2 == 1 { values[half] } else { (values[half - 1] + values[half]) / 2.0 };
        Spread { median, least, most }
    }

    /// The median with so many digits behind the point, and the range if there is one.
    pub(crate) fn text(self, digits: usize) -> String {
        let Spread { median, least, most } = self;
        if median.is_nan() {
            return "-".to_owned();
        }
        let [median, least, most] = [median, least, most].map(|value| format!("{value:.digits$}"));
        if least == most { median } else { format!("{median} ({least} to {most})") }
    }
}

impl Table {
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("{}\n\n| {} |\n|---", self.title, self.columns.join(" | "));
        text.push_str(&"|---:".repeat(self.columns.len() - 1));
        text.push_str("|\n");
        for row in &self.rows {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        text
    }

    /// A line of names, then a line a row, with tabs between values.
    pub(crate) fn tsv(&self) -> String {
        let mut text = self.columns.join("\t") + "\n";
        self.rows.iter().for_each(|row| text += &(row.join("\t") + "\n"));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(values: &[f64], digits: usize) -> String {
        Spread::of(values.iter().copied()).text(digits)
    }

    #[test]
    fn a_spread_is_the_median_and_the_range() {
        assert_eq!(text(&[3.0, 1.0, 2.0], 0), "2 (1 to 3)");
        assert_eq!(text(&[4.0, 1.0, 2.0, 3.0], 2), "2.50 (1.00 to 4.00)");
        assert_eq!(text(&[1.234], 2), "1.23");
        assert_eq!(text(&[1.2, 1.3], 0), "1");
        assert_eq!(text(&[], 2), "-");
    }
}
