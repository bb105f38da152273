//! Recorded logs through the whole engine, held against the oracle, against themselves, and against what farms may gain.

mod common;

mod contract;
mod credits;
mod farms;
mod forgetting;
mod images;
mod linked;
mod names;
mod oracle;
mod order;
mod partitions;
mod properties;
mod quiet;
mod records;
mod room;
mod scale;
mod slices;
mod subscribers;
