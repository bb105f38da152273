//! Rates and influence from endorsements: the fixpoint of the model, for everybody at once.
//!
//! All amounts are in votes of now. Rates are the same in any unit, since `y` is the root of a quotient of amounts.

use crate::graph::Edge;
use crate::model::Model;

/// A round halves the distance to the fixpoint in log space; from 2^1000 away, 60 would do.
const ROUNDS_MAX: usize = 300;
/// Rates that move by less, relatively, have settled.
const SETTLED: f64 = 1e-13;

/// What the fixpoint needs to know about one user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// `s`
    pub(crate) trust: f64,
    /// `S`
    pub(crate) liveness: f64,
    /// `q`
    pub(crate) is_known: bool,
    /// `P`
    pub(crate) newest: f64,
}

/// What one user hands out and gets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flow {
    /// `y`
    pub(crate) rate: f64,
    /// `R`
    pub(crate) handed_out: f64,
    /// `G`
    pub(crate) gross: f64,
    /// `H`
    pub(crate) returned: f64,
    /// `D`
    pub(crate) whole: f64,
    /// `V`
    pub(crate) known: f64,
    /// `P`
    pub(crate) newest: f64,
}

impl Flow {
    /// `a = H / G`
    pub(crate) fn closed(&self) -> f64 {
        if self.gross > 0.0 { self.returned / self.gross } else { 0.0 }
    }

    /// `1 - rho a^4`
    pub(crate) fn openness(&self, model: &Model) -> f64 {
        1.0 - model.rho * self.closed().powi(4)
    }

    /// `B = min(n0 P, m D) + c V`
    pub(crate) fn space(&self, model: &Model) -> f64 {
        (model.room.n0 * self.newest).min(model.room.m * self.whole) + model.room.c * self.known
    }

    /// `(1 + (Z / B)^4)^(-1/4)` with `Z = G (1 - rho a^4)`; 1 for those without a vote
    pub(crate) fn room(&self, model: &Model) -> f64 {
        let open = self.gross * self.openness(model);
        if open > 0.0 { (1.0 + (open / self.space(model)).powi(4)).powf(-0.25) } else { 1.0 }
    }

    /// `A = (Z^-4 + B^-4)^(-1/4)`
    pub(crate) fn net(&self, model: &Model) -> f64 {
        self.gross * self.openness(model) * self.room(model)
    }
}

/// Iterates the rates until they settle.
///
/// Panics when they do not: the map contracts, so that would be an error in this crate.
pub(crate) fn solve(model: &Model, sources: &[Source], edges: &[Edge]) -> Vec<Flow> {
    let mut flows = start(sources, edges);
    for _ in 0..ROUNDS_MAX {
        let rates = rates(model, sources, &flows);
        let change = rates.iter().zip(&flows).map(|(&rate, flow)| relative(rate, flow.rate)).fold(0.0, f64::max);
        for (flow, rate) in flows.iter_mut().zip(rates) {
            flow.rate = rate;
        }
        receive(&mut flows, edges);
        if change < SETTLED {
            return flows;
        }
    }
    panic!("rates of {} users have not settled in {ROUNDS_MAX} rounds", sources.len());
}

/// Everybody who hands out anything starts with a rate of 1.
fn start(sources: &[Source], edges: &[Edge]) -> Vec<Flow> {
    let mut flows = vec![Flow::default(); sources.len()];
    for edge in edges {
        flows[edge.ends.actor].handed_out += edge.weight;
    }
    for (flow, source) in flows.iter_mut().zip(sources) {
        flow.rate = if flow.handed_out > 0.0 && source.trust > 0.0 { 1.0 } else { 0.0 };
        flow.newest = source.newest;
    }
    share_out(sources, &mut flows, edges);
    receive(&mut flows, edges);
    flows
}

/// `D_v = sum_u w_uv z_u` and `V_v = sum_u w_uv z_u q_u` with `z = s S / R`: acts alone decide them.
fn share_out(sources: &[Source], flows: &mut [Flow], edges: &[Edge]) {
    for edge in edges {
        let source = &sources[edge.ends.actor];
        let given = edge.weight * source.trust * source.liveness / flows[edge.ends.actor].handed_out;
        let target = &mut flows[edge.ends.target];
        target.whole += given;
        target.known += if source.is_known { given } else { 0.0 };
    }
}

/// `y = (s (S + A) / R)^(1/2)`, 0 for those without an edge.
fn rates(model: &Model, sources: &[Source], flows: &[Flow]) -> Vec<f64> {
    let rate = |(source, flow): (&Source, &Flow)| {
        if flow.handed_out == 0.0 {
            return 0.0;
        }
        (source.trust * (source.liveness + flow.net(model)) / flow.handed_out).sqrt()
    };
    sources.iter().zip(flows).map(rate).collect()
}

/// `G_v = sum_u w_uv y_u` and `H_v = sum_u w_uv y_u r_uv`.
fn receive(flows: &mut [Flow], edges: &[Edge]) {
    for flow in flows.iter_mut() {
        (flow.gross, flow.returned) = (0.0, 0.0);
    }
    for edge in edges {
        let given = edge.weight * flows[edge.ends.actor].rate;
        let target = &mut flows[edge.ends.target];
        target.gross += given;
        target.returned += given * edge.reciprocity;
    }
}

fn relative(new: f64, old: f64) -> f64 {
    if new == old { 0.0 } else { (new - old).abs() / new.max(old) }
}
