//! Exactly once on a real broker, whatever breaks: processes are killed, frozen, added and asked to leave, and so is the
//! broker, alone and mixed at random from a seed, while a real log is fed. Then all that was published is judged.
//!
//! The mix lasts half a minute. For longer, or with another seed:
//!
//! ```text
//! CLOUT_CHAOS_SECONDS=600 CLOUT_CHAOS_SEED=7 cargo test --release -p clout --test brokers chaos -- --nocapture
//! ```

mod mix;
mod nodes;
mod rolling;

use std::time::{SystemTime, UNIX_EPOCH};

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_millis() as i64
}
