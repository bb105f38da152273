//! The measurements of all cuts: they are kept in a file, compared cut by cut, and printed as a table.

use std::fmt::Write;
use std::io;
use std::path::Path;

use vocabulary::Timestamp;

use crate::measure::{Mean, Measured};

const HEADER: &str = "setting,cut,method,ndcg,precision";

/// A line for each setting, cut and method.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Results {
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq)]
struct Line {
    setting: String,
    cut: Timestamp,
    method: String,
    measured: Measured,
}

impl Results {
    pub(crate) fn add(&mut self, setting: &str, cut: Timestamp, method: &str, measured: Measured) {
        // The file is a table without quotes.
        let plain = |text: &str| text.replace(',', ";");
        self.lines.push(Line { setting: plain(setting), cut, method: plain(method), measured });
    }

    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        std::fs::write(path, self.text())
    }

    fn text(&self) -> String {
        let line = |Line { setting, cut, method, measured: Measured { ndcg, precision } }: &Line| {
            format!("{setting},{cut},{method},{ndcg},{precision}\n")
        };
        format!("{HEADER}\n") + &self.lines.iter().map(line).collect::<String>()
    }

    /// # Errors
    /// If the file cannot be read, or is not one that was kept.
    pub(crate) fn read(path: &Path) -> Result<Results, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Results::parse(&text).ok_or(format!("{}: not a file that --save wrote", path.display()))
    }

    fn parse(text: &str) -> Option<Results> {
        let rest = text.strip_prefix(HEADER)?;
        let line = |line: &str| {
            let [setting, cut, method, ndcg, precision] = line.split(',').collect::<Vec<_>>().try_into().ok()?;
            let measured = Measured { ndcg: ndcg.parse().ok()?, precision: precision.parse().ok()? };
            Some(Line { setting: setting.to_owned(), cut: cut.parse().ok()?, method: method.to_owned(), measured })
        };
        Some(Results { lines: rest.lines().filter(|line| !line.is_empty()).map(line).collect::<Option<_>>()? })
    }

    fn of<'a>(&'a self, setting: &'a str, method: &'a str) -> impl Iterator<Item = (Timestamp, Measured)> + 'a {
        let lines = self.lines.iter().filter(move |line| line.setting == setting && line.method == method);
        lines.map(|line| (line.cut, line.measured))
    }

    /// The differences of a method to another one of these or other results, at the cuts that both have.
    fn differences(&self, setting: &str, method: &str, others: &Results, other: &str) -> Vec<Measured> {
        let pairs = self.of(setting, method).filter_map(|(cut, one)| {
            let (_, other) = others.of(setting, other).find(|(at, _)| *at == cut)?;
            Some(Measured { ndcg: one.ndcg - other.ndcg, precision: one.precision - other.precision })
        });
        pairs.collect()
    }

    /// The table of one setting.
    pub(crate) fn table(&self, setting: &str, before: Option<&Results>) -> String {
        let setting = &setting.replace(',', ";");
        let mut methods: Vec<&str> = Vec::new();
        for line in self.lines.iter().filter(|line| line.setting == *setting) {
            if !methods.contains(&line.method.as_str()) {
                methods.push(&line.method);
            }
        }
        let Some(&first) = methods.first() else { return String::new() };
        let cuts = self.of(setting, first).count();
        let mut text = format!("{setting}, {cuts} cuts\n");
        let heads = ["NDCG@100", "P@100"].map(|name| format!("{name:<15}{:<19}", format!("- {first}")));
        let before_head = if before.is_some() { "NDCG and P, - before" } else { "" };
        let _ = writeln!(text, "{}", format!("  {:<24}{}{}{before_head}", "", heads[0], heads[1]).trim_end());
        for method in methods {
            let all: Vec<Measured> = self.of(setting, method).map(|(_, measured)| measured).collect();
            let differences = self.differences(setting, method, self, first);
            let mut line = format!("  {method:<24}");
            for part in [|measured: &Measured| measured.ndcg, |measured: &Measured| measured.precision] {
                line += &format!("{:<15}", plain(mean(&all, part)));
                line +=
                    &format!("{:<19}", if method == first { String::new() } else { signed(mean(&differences, part)) });
            }
            if let Some(before) = before {
                line += &against(&self.differences(setting, method, before, method));
            }
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text + "\n"
    }
}

/// What has become of a method, if it was measured at two of these cuts at least.
fn against(differences: &[Measured]) -> String {
    match differences {
        [] | [_] => "not measured".to_owned(),
        differences => {
            let parts = [mean(differences, |measured| measured.ndcg), mean(differences, |measured| measured.precision)];
            parts.map(|part| format!("{:<19}", signed(part))).concat()
        }
    }
}

fn mean(all: &[Measured], part: fn(&Measured) -> f64) -> Mean {
    Mean::of(&all.iter().map(part).collect::<Vec<_>>())
}

fn plain(Mean { mean, error }: Mean) -> String {
    format!("{mean:.4} ±{error:.3}")
}

fn signed(Mean { mean, error }: Mean) -> String {
    format!("{mean:+.4} ±{error:.4}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(ndcg: [f64; 4]) -> Results {
        let mut results = Results::default();
        for (place, ndcg) in ndcg.into_iter().enumerate() {
            let (cut, method) = (place as Timestamp % 2, if place < 2 { "clout" } else { "decayed count" });
            results.add("a, b", cut, method, Measured { ndcg, precision: 0.5 });
        }
        results
    }

    #[test]
    fn what_is_kept_comes_back() {
        let results = results([0.5, 0.25, 1.0 / 3.0, 1e-9]);
        assert_eq!(Results::parse(&results.text()), Some(results));
        for wrong in ["", "setting,cut\n", &format!("{HEADER}\na,b,c,d,e\n")] {
            assert_eq!(Results::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn differences_are_paired_by_cut() {
        let after = results([0.6, 0.9, 0.5, 0.7]);
        let before = results([0.5, 0.8, 0.5, 0.7]);
        let text = after.table("a, b", Some(&before));
        let line = |method: &str| text.lines().find(|line| line.contains(method)).unwrap_or_default().to_owned();
        assert!(text.starts_with("a; b, 2 cuts\n"));
        assert!(line("  clout").contains("0.7500 ±0.150"), "{text}");
        // The two cuts differ by .3, what has changed by nothing: a paired difference has no error here.
        assert!(line("  clout").contains("+0.1000 ±0.0000"), "{text}");
        assert!(line("decayed").contains("-0.1500 ±0.0500") && line("decayed").contains("+0.0000 ±0.0000"), "{text}");
    }
}
