//! Workers over a log that fails on purpose: one thread, one seed, virtual time.
//!
//! Owns the faults and the judging. What it runs is the worker as it is shipped; what it judges by is the oracle, and
//! plain programs over the committed records. A seed always gives the same run.

pub mod run;
pub mod scenario;
pub mod shrink;

mod broker;
mod harm;
mod log;
mod store;
mod subscriber;

#[cfg(test)]
mod contract;

mod judge;
mod truth;

mod history;

pub use history::{again, bug_name, line, shortest};
pub use run::{Verdict, run};
pub use scenario::Scenario;
pub use shrink::shrink;
