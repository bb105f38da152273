//! The commands that speak with Kafka, against a real broker.

mod common;

mod topics;
