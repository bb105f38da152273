//! The commands that speak with Kafka, against a real broker.

mod common;

mod diff;
mod feed;
mod letters;
mod live;
mod reset;
mod route;
mod topics;
