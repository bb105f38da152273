//! Shards stepped by hand: slices of any size, and what shards tell each other is delivered late, by the dice. Order is
//! kept from each shard to each other, as the exchange keeps it; nothing else is.

use std::collections::{BTreeSet, VecDeque};

use influence::exchange::Section;
use influence::{Arrival, Effects, Model, Partitioner, Shard, Slice};
use oracle::Input;
use vocabulary::{Profile, Timestamp};

use super::{Dice, KEY, event, profile};

/// Slices hold up to so many records.
const SLICE_RECORDS_MAX: usize = 40;
/// Steps without input within which a small world must have come to rest, however late its shards hear of each other.
const REST_STEPS_MAX: usize = 2_000;
/// Rounds of levels and the scale at the end.
const SETTLE_ROUNDS_MAX: usize = 50;

/// Some shards, and what is under way between them.
pub(crate) struct Lab {
    shards: Vec<Shard>,
    partitioner: Partitioner,
    /// By receiver and sender.
    mail: Vec<Vec<VecDeque<Section>>>,
    dice: Dice,
    clock: Timestamp,
    opted_out: BTreeSet<String>,
    levels_changed: u64,
}

/// What one step of all shards is given, apart from its input.
#[derive(Clone, Copy)]
enum Pace {
    /// A few sections, a few visits of the sweep.
    AnyHow,
    /// Everything, and no sweep.
    Promptly,
    /// Everything, and the sweep visits everybody.
    Sweeping { settles: bool },
}

impl Lab {
    pub(crate) fn new(model: &Model, shards: u16, seed: u64) -> Lab {
        Lab {
            shards: (0..shards).map(|shard| Shard::new(model.clone(), KEY, shard, shards)).collect(),
            partitioner: model.partitioner,
            mail: (0..shards).map(|_| (0..shards).map(|_| VecDeque::new()).collect()).collect(),
            dice: Dice::new(seed),
            clock: Timestamp::MIN,
            opted_out: BTreeSet::new(),
            levels_changed: 0,
        }
    }

    pub(crate) fn shards(&self) -> Vec<&Shard> {
        self.shards.iter().collect()
    }

    /// Takes everything in slices of random size, and settles.
    pub(crate) fn run(&mut self, inputs: &[Input<'_>]) {
        let mut rest = inputs;
        while !rest.is_empty() {
            // What is under way to somebody who opts in again would count after the profile instead of before it.
            if let Input::Profile(change) = &rest[0]
                && change.opted_out == Some(false)
            {
                self.deliver_all();
                // And what others give before they have heard of it would not count.
                self.step(&rest[..1], Pace::AnyHow);
                self.deliver_all();
                rest = &rest[1..];
                continue;
            }
            let wished = 1 + self.dice.roll(SLICE_RECORDS_MAX);
            // A profile counts before the events of its slice, so a slice ends where one comes.
            let is_profile = |input: &Input<'_>| matches!(input, Input::Profile(_));
            let until_profile = rest[1..].iter().position(is_profile).map_or(rest.len(), |place| place + 1);
            let (slice, others) = rest.split_at(wished.min(until_profile));
            self.step(slice, Pace::AnyHow);
            rest = others;
        }
        self.settle();
    }

    /// Steps without input until nothing is under way. Returns how many it took.
    pub(crate) fn rest(&mut self) -> usize {
        for steps in 0..REST_STEPS_MAX {
            if self.is_at_rest() {
                return steps;
            }
            self.step(&[], if steps < REST_STEPS_MAX / 4 { Pace::AnyHow } else { Pace::Promptly });
        }
        panic!("the shards do not come to rest");
    }

    fn settle(&mut self) {
        if self.clock == Timestamp::MIN {
            return;
        }
        self.sweep(false);
        for _ in 0..SETTLE_ROUNDS_MAX {
            let (levels_changed, version) = (self.levels_changed, self.shards[0].scale().version);
            self.sweep(true);
            if (levels_changed, version) == (self.levels_changed, self.shards[0].scale().version) {
                return;
            }
        }
        panic!("levels and the scale do not settle");
    }

    fn sweep(&mut self, settles: bool) {
        self.rest();
        self.step(&[], Pace::Sweeping { settles });
        self.rest();
    }

    fn deliver_all(&mut self) {
        while self.mail.iter().flatten().any(|queue| !queue.is_empty()) {
            self.step(&[], Pace::Promptly);
        }
    }

    fn is_at_rest(&self) -> bool {
        self.mail.iter().flatten().all(VecDeque::is_empty)
            && self.shards.iter().all(|shard| shard.is_at_rest() && shard.now().is_none_or(|now| now == self.clock))
    }

    fn step(&mut self, inputs: &[Input<'_>], pace: Pace) {
        let mut arrivals: Vec<Vec<Arrival<'_>>> = vec![Vec::new(); self.shards.len()];
        let mut profiles: Vec<Vec<Profile<'_>>> = vec![Vec::new(); self.shards.len()];
        for input in inputs {
            match input {
                Input::Clock(clock) => self.clock = self.clock.max(*clock),
                Input::Act(act) => {
                    if act.actor != act.target && !self.opted_out.contains(act.actor) {
                        self.clock = self.clock.max(act.at_ms);
                    }
                    let shard = self.shard_of(act.actor);
                    arrivals[shard].push(Arrival { clock: self.clock, event: event(act) });
                }
                Input::Profile(change) => {
                    match change.opted_out {
                        Some(true) => _ = self.opted_out.insert(change.user.to_owned()),
                        Some(false) => _ = self.opted_out.remove(change.user),
                        None => {}
                    }
                    profiles[self.shard_of(change.user)].push(profile(change));
                }
            }
        }
        // All at once: nobody hears in this step of what another does in it.
        let sections: Vec<Vec<Section>> = (0..self.shards.len()).map(|shard| self.delivered(shard, pace)).collect();
        for (shard, sections) in sections.iter().enumerate() {
            self.step_one(shard, sections, &profiles[shard], &arrivals[shard], pace);
        }
    }

    fn step_one(
        &mut self,
        shard: usize,
        sections: &[Section],
        profiles: &[Profile<'_>],
        events: &[Arrival<'_>],
        pace: Pace,
    ) {
        let exchange: Vec<&Section> = sections.iter().collect();
        let (sweep, settles) = match pace {
            Pace::AnyHow => (self.dice.roll(4) as u32, false),
            Pace::Promptly => (0, false),
            Pace::Sweeping { settles } => (u32::MAX, settles),
        };
        let slice = Slice {
            clock: self.clock,
            exchange: &exchange,
            profiles,
            events,
            sweep,
            publishes: true,
            settles,
            ..Slice::default()
        };
        let mut effects = Effects::default();
        self.shards[shard].step(&slice, &mut effects);
        self.levels_changed += effects.levels_changed;
        for (receiver, section) in effects.exchange.into_iter().enumerate() {
            if !section.is_empty() {
                self.mail[receiver][shard].push_back(section);
            }
        }
    }

    /// From each sender the oldest sections, in any mixture of senders.
    fn delivered(&mut self, receiver: usize, pace: Pace) -> Vec<Section> {
        let mut delivered = Vec::new();
        let mut senders: Vec<usize> = (0..self.shards.len()).collect();
        self.dice.shuffle(&mut senders);
        for sender in senders {
            let queue = &mut self.mail[receiver][sender];
            let sections = match pace {
                Pace::AnyHow => self.dice.roll(queue.len() + 1),
                _ => queue.len(),
            };
            delivered.extend(queue.drain(..sections));
        }
        delivered
    }

    fn shard_of(&self, name: &str) -> usize {
        match self.shards.len() {
            1 => 0,
            shards => usize::from(self.partitioner.partition(name, shards as u16)),
        }
    }
}
