//! `clout replay` as a user meets it: the program is run, what it prints and writes is looked at.

#![allow(clippy::unwrap_used)]

mod bad_input;
mod credits;
mod days;
mod field;
mod formats;
mod linked;
mod loss;
mod names;
mod networks;
mod output_page;
mod outputs;
mod parquet;
mod private;
mod program;
mod readme;
mod real_logs;
mod results;
mod state;
mod stopping;
mod timelines;
mod usage;
