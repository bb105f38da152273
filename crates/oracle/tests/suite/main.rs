//! The model recomputed, held against numbers by hand and against laws.

mod common;

mod accounts;
mod audience;
mod farms;
mod hand;
mod laws;
mod logs;
mod time;
