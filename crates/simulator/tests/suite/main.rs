//! Workers under faults: seeds, and planted mistakes that must be found.

mod found;
mod letters;
mod panics;
mod planted;
mod seeds;
