//! What networks send: samples with counts that were verified, rules, mutated lines.

#[path = "../common/mod.rs"]
mod common;

mod rules;
mod samples;
mod speed;
