//! Reads the line format of the Stanford network collection: `actor target unix-seconds`, and a kind where the file has one.

use std::fmt;

use crate::input::{Act, Kind};

/// A line that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// From 1.
    pub line: usize,
    /// What stands there.
    pub text: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {:?} is not `actor target seconds [RT|MT|RE]`", self.line, self.text)
    }
}

impl std::error::Error for Malformed {}

/// Reads all lines of `text`; blank ones and those that begin with `#` are skipped.
///
/// `otherwise` is the kind of lines that name none.
pub fn read(text: &str, otherwise: Kind) -> Result<Vec<Act<'_>>, Malformed> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    lines.map(|(place, line)| act(line, otherwise).ok_or_else(|| malformed(place, line))).collect()
}

/// Reads one line.
fn act(line: &str, otherwise: Kind) -> Option<Act<'_>> {
    let mut words = line.split_ascii_whitespace();
    let (actor, target) = (words.next()?, words.next()?);
    let at_secs: i64 = words.next()?.parse().ok()?;
    let kind = match words.next() {
        None => otherwise,
        Some("RT") => Kind::Retweet,
        Some("MT") => Kind::Mention,
        Some("RE") => Kind::Reply,
        Some(_) => return None,
    };
    let at_ms = at_secs.checked_mul(1_000)?;
    words.next().is_none().then_some(Act { actor, target, kind, at_ms })
}

fn malformed(place: usize, line: &str) -> Malformed {
    Malformed { line: place + 1, text: line.to_owned() }
}
