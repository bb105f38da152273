//! All that wants a real broker, in one program: tests that wait for clocks and timeouts do so side by side.
//!
//! They are told apart by the folder that they are in, as in `cargo test -p clout --test brokers processes`. Those that
//! take longest come first in the order of the alphabet.

#[path = "../cluster/mod.rs"]
mod cluster;
#[path = "../room/mod.rs"]
mod room;
#[path = "../web/mod.rs"]
mod web;

#[path = "../attack/mod.rs"]
mod attack;
#[path = "../chaos/mod.rs"]
mod chaos;
#[path = "../connect/mod.rs"]
mod connect;
#[path = "../kafka_faults/mod.rs"]
mod faults;
#[path = "../processes/mod.rs"]
mod processes;
#[path = "../kafka/mod.rs"]
mod usage;

use room::{Room, take};
use usage::{batch, common, scene};

/// For a test that mostly waits: eight of them have room.
fn waits() -> Room {
    take(1)
}

/// For a test that keeps processes busy, or measures time in seconds: four of them have room.
fn works() -> Room {
    take(2)
}

/// For a test that measures what a whole machine does: nothing else has room.
fn alone() -> Room {
    take(room::ALL)
}
