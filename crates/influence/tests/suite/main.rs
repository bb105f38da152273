//! The engine by itself: its rules as tables, and its bits.

mod story;

mod bits;
mod blocks;
mod closes;
mod forgetting;
mod golden;
mod scale;
mod specification;
