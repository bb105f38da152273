//! Commands as a user meets them, without a broker but for `serve`: the program is run, what it prints and writes is looked at.

#[path = "../web/mod.rs"]
mod web;

mod config;
mod generate;
mod health;
mod month;
mod packaging;
mod recorded;
mod replay;
mod serve;
