//! How long to wait after a failure: twice as long each time, within a bound, and never as long as everybody else.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// Counts failures in a row.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Notes a failure. Returns the time to wait: between a half and the whole of what its number gives.
    pub(crate) fn next(&mut self) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        // Without random numbers all clients wait equally long, which is no reason to stop.
        let drawn = getrandom::u32().unwrap_or(u32::MAX);
        whole.mul_f64(0.5 + 0.5 * f64::from(drawn) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute() {
        let mut backoff = Backoff::default();
        for longest in [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60, 60].map(Duration::from_secs) {
            let waited = backoff.next();
            assert!(longest / 2 <= waited && waited <= longest, "{waited:?} of {longest:?}");
        }
    }
}
