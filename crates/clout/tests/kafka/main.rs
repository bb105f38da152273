//! The commands that speak with Kafka, against a real broker.

mod common;
mod scene;

mod diff;
mod feed;
mod letters;
mod live;
mod people;
mod readme;
mod reset;
mod route;
mod topics;
