//! The commands that speak with Kafka, against a real broker.

mod batch;
mod common;
mod scene;

mod diff;
mod feed;
mod letters;
mod live;
mod packed;
mod people;
mod readme;
mod reset;
mod route;
mod topics;
