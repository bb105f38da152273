//! The commands that speak with Kafka, against a real broker.

pub(crate) mod batch;
pub(crate) mod common;
pub(crate) mod scene;

mod dead_letters;
mod diff;
mod feed;
mod inspect;
mod letters;
mod linked;
pub(crate) mod live;
mod networks;
mod packed;
mod people;
mod readme;
mod reset;
mod route;
mod same;
mod subscribe;
mod topics;
mod views;
