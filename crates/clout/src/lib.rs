//! The commands of Clout, each a module with its options and a `run`.

pub mod demo;
pub mod failure;
pub mod generate;
pub mod replay;

pub mod duration;
pub mod output;

mod interrupt;
