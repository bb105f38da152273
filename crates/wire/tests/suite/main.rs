//! What is read and written: every format, what is refused, and whatever bytes come.

mod common;

mod closes;
mod credits;
mod events;
mod exchange;
mod framing;
mod hostile;
mod journal;
mod recognise;
mod round_trip;
mod single;
