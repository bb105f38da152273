//! The keys of Klout's API, one for each program that asks, and how much each may ask.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tracing::warn;

use crate::klout::Refusal;

/// The longest key.
const LEN_MAX: usize = 128;
/// Shorter ones can be guessed, which is told.
const LEN_GOOD: usize = 16;
const DAY_SECS: u64 = 86_400;

/// How many calls a key may make; as many as it likes unless said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// In a second of the clock. Klout's was 10.
    pub calls_per_second: Option<u32>,
    /// In a day, from 00:00 UTC. Klout's was 10,000.
    pub calls_per_day: Option<u32>,
}

/// The keys that are let in, as hashes.
pub struct Keys {
    keys: HashMap<[u8; 32], Mutex<Calls>>,
    limits: Limits,
}

/// The calls of a key in the second and on the day of the last one.
#[derive(Clone, Copy, Debug, Default)]
struct Calls {
    second: u64,
    in_second: u32,
    day: u64,
    in_day: u32,
}

/// The keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The file cannot be read.
    #[error("cannot read the keys in {path}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// There is none.
    #[error("no key in {path}: one a line", path = .path.display())]
    None {
        /// The file.
        path: PathBuf,
    },
    /// One is no good.
    #[error("{path}:{line}: a key has at most {LEN_MAX} characters, none of them a blank", path = .path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

impl Keys {
    /// The keys in a file, one a line; empty lines and lines that begin with `#` are left out.
    ///
    /// # Errors
    /// If the file cannot be read, or has no key, or one that is none.
    pub fn read(path: &Path, limits: Limits) -> Result<Keys, KeysError> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|source| KeysError::Unreadable { path: path.to_owned(), source })?;
        let mut keys = HashMap::new();
        let mut has_short = false;
        for (line, key) in (1..).zip(text.lines().map(str::trim)) {
            if key.is_empty() || key.starts_with('#') {
                continue;
            }
            if key.len() > LEN_MAX || key.contains(char::is_whitespace) {
                return Err(KeysError::Unfit { path: path.to_owned(), line });
            }
            has_short |= key.len() < LEN_GOOD;
            keys.insert(hash(key), Mutex::default());
        }
        if has_short {
            warn!("a key of Klout's API has fewer than {LEN_GOOD} characters: it can be guessed");
        }
        if keys.is_empty() { Err(KeysError::None { path: path.to_owned() }) } else { Ok(Keys { keys, limits }) }
    }

    /// Counts a call of a key, if it may make it.
    pub(crate) fn admit(&self, key: &str) -> Result<(), Refusal> {
        let calls = self.keys.get(&hash(key)).ok_or(Refusal::Key)?;
        if self.limits == Limits::default() {
            return Ok(());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        calls.lock().count(now, self.limits)
    }
}

impl Calls {
    fn count(&mut self, now: u64, limits: Limits) -> Result<(), Refusal> {
        if self.second != now {
            (self.second, self.in_second) = (now, 0);
        }
        if self.day != now / DAY_SECS {
            (self.day, self.in_day) = (now / DAY_SECS, 0);
        }
        let is_over = |made: u32, limit: Option<u32>| limit.is_some_and(|limit| made >= limit);
        if is_over(self.in_day, limits.calls_per_day) {
            return Err(Refusal::Quota((DAY_SECS - now % DAY_SECS) as u32));
        }
        if is_over(self.in_second, limits.calls_per_second) {
            return Err(Refusal::Rate);
        }
        self.in_second += 1;
        self.in_day += 1;
        Ok(())
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({})", self.keys.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_calls_of_a_second_and_of_a_day() {
        let limits = Limits { calls_per_second: Some(2), calls_per_day: Some(5) };
        let mut calls = Calls::default();
        let noon = 20_000 * DAY_SECS + DAY_SECS / 2;
        let made =
            [noon, noon, noon, noon + 1, noon + 1, noon + 2, noon + 2, noon + 3].map(|now| calls.count(now, limits));
        let quota = |now: u64| Err(Refusal::Quota((DAY_SECS - now % DAY_SECS) as u32));
        let expected = [Ok(()), Ok(()), Err(Refusal::Rate), Ok(()), Ok(()), Ok(()), quota(noon + 2), quota(noon + 3)];
        assert_eq!(made, expected);
        assert_eq!(calls.count(20_001 * DAY_SECS, limits), Ok(()), "the day after");
        assert!((0..100).all(|_| Calls::default().count(noon, Limits::default()).is_ok()));
    }

    #[test]
    fn keys_are_read_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Keys::read(&path, Limits::default())
        };
        let keys = read("# ours\nabcdefghijklmnopqrstuvwx\n\n  k  \n").unwrap();
        assert_eq!(format!("{keys:?}"), "Keys(2)");
        assert_eq!(
            ["abcdefghijklmnopqrstuvwx", "k", "", "K", "# ours"].map(|key| keys.admit(key).is_ok()),
            [true, true, false, false, false]
        );
        assert!(read("\n#\n").unwrap_err().to_string().contains("one a line"));
        assert!(read("a b\n").unwrap_err().to_string().contains(":1: a key has"));
        assert!(Keys::read(&folder.path().join("none"), Limits::default()).is_err());
    }
}
