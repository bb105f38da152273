//! The commands of Clout, each a module with its options and a `run`.

pub mod config;
pub mod failure;

pub mod demo;
pub mod replay;
pub mod generate;
pub mod run;
pub mod serve;
pub mod topics;
pub mod feed;
pub mod route;
pub mod diff;
pub mod reset;

pub mod duration;
pub mod output;
pub mod recorded;

mod interrupt;
mod logs;
mod screen;
mod words;
