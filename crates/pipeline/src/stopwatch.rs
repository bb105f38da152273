//! How long something took, for those who watch. Nothing else may depend on it.

use std::time::Instant;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "told to observers only")]
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// Microseconds since the start.
    pub(crate) fn us(self) -> u64 {
        self.0.elapsed().as_micros() as u64
    }
}
