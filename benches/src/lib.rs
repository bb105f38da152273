//! What the benchmarks share.

mod counter;
mod feeder;
mod probes;
mod recorded;
mod used;

pub use counter::Counter;
pub use feeder::{Feeder, Load};
pub use probes::{LOST, Probes, committed};
pub use recorded::Recorded;
pub use used::{cpu_secs, has_ended, peak_bytes};

/// Milliseconds in a day.
pub const DAY_MS: vocabulary::Timestamp = 86_400_000;

/// Numbers among the program's arguments: events and users, 10 million and a million by default.
pub fn world() -> worlds::World {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let events = numbers.next().unwrap_or(10_000_000);
    let users = numbers.next().unwrap_or(1_000_000) as u32;
    worlds::World { events, users, ..worlds::World::reference() }
}

/// The value below which this share of values lies, which are in order; `None` if there are none.
pub fn at_share<T: Copy>(sorted: &[T], share: f64) -> Option<T> {
    sorted.get((sorted.len().saturating_sub(1) as f64 * share) as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::at_share;

    #[test]
    fn a_share_of_values_in_order() {
        let values: Vec<u32> = (0..=100).collect();
        assert_eq!([0.0, 0.5, 0.99, 1.0].map(|share| at_share(&values, share)), [0, 50, 99, 100].map(Some));
        assert_eq!(at_share::<u32>(&[], 0.5), None);
    }
}
