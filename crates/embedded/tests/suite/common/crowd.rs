//! Generated worlds.

use influence::Model;
use oracle::{Act, Input};
use vocabulary::Profile;

use super::from_event;

/// A generated world of a few dozen people in which everything happens that the model has a rule for.
pub(crate) struct Small {
    names: Vec<String>,
    arrivals: Vec<worlds::Arrival>,
    /// Times of creation that profiles tell.
    created: [i64; 7],
}

/// In windows.
const SPANS: [f64; 5] = [0.1, 0.9, 1.7, 2.5, 4.3];

impl Small {
    /// The world of this seed, over so many windows of this model.
    pub(crate) fn new(seed: u64, model: &Model, windows: f64) -> Small {
        Small::of(seed, model, windows, false)
    }

    /// The same, where people block each other.
    pub(crate) fn with_blocks(seed: u64, model: &Model) -> Small {
        Small::of(seed, model, SPANS[(seed % 5) as usize], true)
    }

    pub(crate) fn of(seed: u64, model: &Model, windows: f64, has_blocks: bool) -> Small {
        let small = worlds::SmallWorld {
            seed,
            users: 10 + (seed % 60) as u32,
            events: 100 + (seed * 37 % 900) as usize,
            start: 1_700_000_000_000 + seed as i64 * 1_234_567,
            span_ms: (model.window_ms as f64 * windows) as i64,
            window_ms: model.window_ms,
            has_blocks,
        };
        // From two half-lives before the world begins to one after.
        let created = std::array::from_fn(|place| small.start + (place as i64 - 4) * model.half_life_ms / 2);
        Small { names: small.names(), arrivals: small.arrivals(), created }
    }

    /// Spans from a part of the window to many windows, by the seed.
    pub(crate) fn of_any_span(seed: u64, model: &Model) -> Small {
        Small::new(seed, model, SPANS[(seed % 5) as usize])
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn inputs(&self) -> Vec<Input<'_>> {
        self.arrivals.iter().map(|arrival| self.input(arrival)).collect()
    }

    /// The acts alone.
    pub(crate) fn acts(&self) -> Vec<Act<'_>> {
        let act = |input| match input {
            Input::Act(act) => Some(act),
            _ => None,
        };
        self.inputs().into_iter().filter_map(act).collect()
    }

    fn input<'a>(&'a self, arrival: &worlds::Arrival) -> Input<'a> {
        match arrival {
            worlds::Arrival::Act(act) => Input::Act(from_event(&act.named(&self.names))),
            worlds::Arrival::Profile(change) => {
                let Profile { user, opted_out, trust, .. } = change.named(&self.names);
                // Some profiles tell the account's age: by the user's number, so that the world stays as it is.
                let created_ms = (change.user % 4 == 1).then(|| self.created[change.user as usize % 7]);
                let is_verified = change.user % 9 == 3;
                Input::Profile(oracle::Profile { user, opted_out, trust, created_ms, is_verified, linked: None })
            }
        }
    }
}

/// Many people, some of them famous, who talk, follow, fall silent and are heard of late.
pub(crate) struct Crowd {
    names: Vec<String>,
    acts: Vec<worlds::Act>,
}

impl Crowd {
    /// So many people and ten times as many events, over as many half-lives of this model.
    pub(crate) fn new(seed: u64, users: u32, model: &Model, half_lives: i64) -> Crowd {
        let world = worlds::World {
            seed,
            users,
            events: u64::from(users) * 10,
            span_ms: half_lives * model.half_life_ms,
            conversations: 0.2,
            follows: 0.1,
            self_acts: 0.02,
            bursts: 3,
            out_of_order: 0.1,
            delay_ms_max: model.half_life_ms,
            ..worlds::World::default()
        };
        let names = (0..users).map(|user| format!("u{user}")).collect();
        Crowd { names, acts: world.acts().expect("the parameters are in their ranges").collect() }
    }

    pub(crate) fn acts(&self) -> Vec<Act<'_>> {
        self.acts.iter().map(|act| from_event(&act.named(&self.names))).collect()
    }

    pub(crate) fn inputs(&self) -> Vec<Input<'_>> {
        self.acts().into_iter().map(Input::Act).collect()
    }
}
