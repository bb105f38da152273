//! The endorsement graph: what each live edge weighs, in votes of now.

use crate::input::Counts;
use crate::memory::{Ends, Remains, Touch, newest_ms};
use crate::model::Model;

/// One live edge.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub(crate) ends: Ends,
    /// `C`
    pub(crate) endorsement: f64,
    /// `l`
    pub(crate) last: f64,
    /// `w`
    pub(crate) weight: f64,
    /// `r`
    pub(crate) reciprocity: f64,
    pub(crate) newest_ms: i64,
    pub(crate) acts: Counts,
}

/// All live edges, in the order of actor and target.
pub(crate) fn edges(model: &Model, remains: &Remains) -> Vec<Edge> {
    let mut edges: Vec<Edge> =
        remains.edges.iter().map(|(ends, touches)| edge(model, *ends, touches, remains.now_ms)).collect();
    let reciprocities: Vec<f64> = edges.iter().map(|edge| reciprocity(&edges, edge)).collect();
    for (edge, reciprocity) in edges.iter_mut().zip(reciprocities) {
        edge.reciprocity = reciprocity;
    }
    edges
}

fn edge(model: &Model, ends: Ends, touches: &[Touch], now_ms: i64) -> Edge {
    let g = |at_ms| model.g(at_ms, now_ms);
    let newest_ms = newest_ms(touches);
    let endorsement =
        touches.iter().map(|touch| model.weights[touch.kind as usize] * g(touch.at_ms)).sum::<f64>() / g(now_ms);
    let last = g(newest_ms) / g(now_ms);
    let mut acts = Counts::default();
    touches.iter().for_each(|touch| acts.add(touch.kind));
    Edge { ends, endorsement, last, weight: saturated(endorsement, last), reciprocity: 0.0, newest_ms, acts }
}

/// `w = 5 C l / (C + 4 l)`: 1 for one fresh retweet, never more than 5.
fn saturated(endorsement: f64, last: f64) -> f64 {
    5.0 * endorsement * last / (endorsement + 4.0 * last)
}

/// `r_uv = min(1, C_vu / C_uv)`: how far the target returns this edge.
fn reciprocity(edges: &[Edge], edge: &Edge) -> f64 {
    let back = Ends { actor: edge.ends.target, target: edge.ends.actor };
    match edges.binary_search_by_key(&back, |edge| edge.ends) {
        Ok(place) => (edges[place].endorsement / edge.endorsement).min(1.0),
        Err(_) => 0.0,
    }
}
