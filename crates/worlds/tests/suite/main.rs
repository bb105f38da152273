//! Synthetic logs: the world that was asked for, from a seed.

mod determinism;
mod farms;
mod small;
mod world;
