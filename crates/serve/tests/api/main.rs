//! The API as its readers see it: over a socket.

mod client;
mod hostile;
mod reads;
mod streams;
