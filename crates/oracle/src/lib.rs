//! The model recomputed from all events, straight from its formulas: what the engine is tested against.
//!
//! It owns no incremental trick: every call to [`score`] remembers the acts of every pair, and then computes everybody anew.
//! It shares no code with the engine, so an error would have to be made twice to stay unseen.
//! It is for tests: input that makes no sense, and a fixpoint that does not settle, panic.
//!
//! The path of an event: [`Input`] -> `memory` (what is live) -> `graph` (weights) -> `fixpoint` (rates) -> `audience`
//! (levels and scores) -> [`Outcome`]. [`compare`] holds an engine against it, [`snap`] reads public logs.
//!
//! Two runs over the same events in another order give an equal [`Outcome`], bit by bit, as long as all events lie within one
//! window: sums run in the order of names and times, never in the order of arrival.

mod input;
mod memory;

mod audience;
mod fixpoint;
mod graph;
mod model;
mod outcome;

pub mod compare;
pub mod snap;

pub use audience::{Level, SCALE_MIN, admissible, score_of};
pub use input::{Act, Counts, Input, Kind, Profile};
pub use model::{Model, Room};
pub use outcome::{Follow, Outcome, Pair, Person, Tally};

/// Recomputes everything from `inputs`, in their order of arrival.
///
/// `now` is the newest accepted event, or `as_of_ms` where that is later.
pub fn score<'a>(model: &Model, inputs: impl IntoIterator<Item = Input<'a>>, as_of_ms: Option<i64>) -> Outcome {
    let mut memory = memory::Memory::new(model);
    for input in inputs {
        memory.take(input);
    }
    Outcome::of(model, memory.close(as_of_ms))
}
