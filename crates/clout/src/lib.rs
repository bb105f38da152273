//! The commands of Clout, each a module with its options and a `run`.

pub mod config;
pub mod diff;
pub mod failure;
pub mod feed;
pub mod generate;
pub mod replay;
pub mod reset;
pub mod route;
pub mod topics;

pub mod duration;
pub mod output;
pub mod recorded;

mod interrupt;
mod screen;
mod words;
