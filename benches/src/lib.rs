//! What the benchmarks share.

mod counter;
mod recorded;

pub use counter::Counter;
pub use recorded::Recorded;

/// Milliseconds in a day.
pub const DAY_MS: vocabulary::Timestamp = 86_400_000;

/// Numbers among the program's arguments: events and users, 10 million and a million by default.
pub fn world() -> worlds::World {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let events = numbers.next().unwrap_or(10_000_000);
    let users = numbers.next().unwrap_or(1_000_000) as u32;
    worlds::World { events, users, ..worlds::World::reference() }
}
