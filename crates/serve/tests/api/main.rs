//! The API as its readers see it: over a socket.
#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod circles;
mod client;
mod closes;
mod contract;
mod crowds;
mod facets;
mod hostile;
mod klout;
mod networks;
mod people;
mod reads;
mod streams;
