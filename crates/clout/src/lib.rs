//! The commands of Clout, each a module with its options and a `run`.

pub mod duration;
pub mod generate;
pub mod output;
