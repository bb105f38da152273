//! The commands of Clout, each a module with its options and a `run`.

pub mod config;
pub mod exit;
pub mod failure;
pub mod panics;

pub mod connect;
pub mod dead_letters;
pub mod demo;
pub mod diff;
pub mod docs;
pub mod doctor;
pub mod export;
pub mod feed;
pub mod forget;
pub mod generate;
pub mod health;
pub mod journal;
pub mod link;
pub mod packaging;
pub mod replay;
pub mod reset;
pub mod route;
pub mod run;
pub mod serve;
pub mod state;
pub mod topics;

pub mod duration;
pub mod output;
pub mod recorded;

mod claims;
mod columns;
mod ending;
mod http;
mod instance;
mod interrupt;
mod keyer;
mod kind_weight;
mod links;
mod logs;
mod missing;
mod names_topic;
mod near;
mod screen;
mod shown;
mod stays;
mod table;
mod words;
