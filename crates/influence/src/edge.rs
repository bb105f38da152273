//! One (actor, target) pair's memory, and what it weighs.

use crate::row::{NOBODY, Slot};

/// An edge, 24 bytes, in the landmark domain.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(crate) struct Edge {
    /// `C`: the sum of `k * g(t)` over the pair's events.
    pub(crate) endorsement: f64,
    pub(crate) target: u32,
    /// `l`: `g` of the pair's newest event; exact, since `g` has 17 bits.
    pub(crate) last: f32,
    /// The target's endorsement of the actor, as last told; 0 if there is none.
    pub(crate) returned: f32,
    /// Our endorsement, as last told to the target.
    pub(crate) told: f32,
}

impl Slot for Edge {
    const EMPTY: Edge = Edge { endorsement: 0.0, target: NOBODY, last: 0.0, returned: 0.0, told: 0.0 };

    #[inline]
    fn target(&self) -> u32 {
        self.target
    }

    fn is_sound(&self) -> bool {
        let parts = [self.last, self.returned, self.told];
        self.endorsement.is_finite() && parts.iter().all(|part| part.is_finite())
    }
}

impl Edge {
    /// `w = 5 C l / (C + 4 l)`: a pair's repeats give 1 to 5 votes. 0 for an empty slot.
    #[inline]
    pub(crate) fn weight(&self) -> f64 {
        let last = f64::from(self.last);
        let sum = self.endorsement + 4.0 * last;
        if sum > 0.0 { 5.0 * self.endorsement * last / sum } else { 0.0 }
    }

    /// `r = min(1, C_vu / C_uv)`: how far the pair is reciprocal.
    #[inline]
    pub(crate) fn reciprocity(&self) -> f64 {
        let returned = f64::from(self.returned);
        if returned >= self.endorsement { 1.0 } else { returned / self.endorsement }
    }

    /// Adds an act.
    #[inline]
    pub(crate) fn add(&mut self, endorsement: f64, g: f64) {
        self.endorsement += endorsement;
        self.last = self.last.max(g as f32);
    }

    /// Whether the target's side should hear of our endorsement again. Beyond what they endorse us with, their
    /// reciprocity is 1 whatever we tell.
    #[inline]
    pub(crate) fn is_worth_telling(&self, growth: f64) -> bool {
        let told = f64::from(self.told);
        self.returned > 0.0
            && self.endorsement > told * (1.0 + growth)
            && told < (1.0 + growth) * f64::from(self.returned)
    }

    /// Moves the landmark.
    pub(crate) fn rescale(&mut self, factor: f64) {
        self.endorsement *= factor;
        self.last = (f64::from(self.last) * factor) as f32;
        self.returned = (f64::from(self.returned) * factor) as f32;
        self.told = (f64::from(self.told) * factor) as f32;
    }
}
