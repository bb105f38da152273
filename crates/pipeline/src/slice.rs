//! From a cut to the slice that a shard takes: in one order, whatever order the records arrived in.

use std::hash::{BuildHasher, Hasher, RandomState};

use influence::{Arrival, Profile, Timestamp};
use twox_hash::XxHash3_64;

use crate::backlog::{Cut, Part};
use crate::batch::{Reason, Refused, Stored};
use crate::bugs::{Bug, Bugs};
use crate::digest::fold;
use crate::settings::{AHEAD_MS_MAX, Clock, Settings};

/// What is decided about a slice when it is cut, and told by the journal to whoever does it again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// The clock at the slice's end.
    pub(crate) clock: Timestamp,
    pub(crate) sweep: u32,
    pub(crate) publishes: bool,
    pub(crate) settles: bool,
}

/// A slice's records, in their order.
#[derive(Debug)]
pub(crate) struct Gathered<'a> {
    pub(crate) profiles: Vec<Profile<'a>>,
    pub(crate) events: Vec<Arrival<'a>>,
    pub(crate) refused: Vec<Refused>,
    /// Over all of them, and where they lie.
    pub(crate) digest: u64,
}

/// Puts a cut's records in order: input by input as configured, each by offset.
pub(crate) fn gather<'a>(cut: &'a Cut, plan: &Plan, settings: &Settings, bugs: Bugs) -> Gathered<'a> {
    let mut text = XxHash3_64::new();
    let mut gathered = Gathered { profiles: Vec::new(), events: Vec::new(), refused: Vec::new(), digest: 0 };
    for range in cut.inputs.iter().chain([&cut.exchange]) {
        gathered.fold(range.first as u64);
        gathered.fold(range.next as u64);
    }
    let mut parts: Vec<&Part> = cut.parts.iter().collect();
    if bugs.has(Bug::ArrivalOrder) {
        parts.sort_by_key(|part| part.number);
    }
    gathered.events.reserve(parts.iter().map(|part| part.batch.len()).sum());
    for part in parts {
        gathered.take_refused(part);
        gathered.take_profiles(part);
        gathered.take_events(part, plan, settings, &mut text);
    }
    gathered.fold(text.finish());
    if bugs.has(Bug::HashMapOrder) {
        let order = RandomState::new();
        gathered.events.sort_by_key(|arrival| order.hash_one(arrival.event.actor));
    }
    gathered
}

impl<'a> Gathered<'a> {
    #[inline]
    fn fold(&mut self, word: u64) {
        self.digest = fold(self.digest, word);
    }

    fn take_refused(&mut self, part: &'a Part) {
        for refused in part.batch.refused(&part.offsets) {
            self.fold(refused.offset as u64);
            self.refused.push(refused.clone());
        }
    }

    fn take_profiles(&mut self, part: &'a Part) {
        for (offset, profile) in part.batch.profiles(&part.offsets) {
            self.fold(offset as u64);
            self.fold(XxHash3_64::oneshot(profile.user.as_bytes()));
            self.fold(u64::from(profile.opted_out));
            self.fold(profile.trust.map_or(1, f64::to_bits));
            self.profiles.push(profile);
        }
    }

    fn take_events(&mut self, part: &'a Part, plan: &Plan, settings: &Settings, text: &mut XxHash3_64) {
        let (events, names) = part.batch.events(&part.offsets);
        text.write(names.as_bytes());
        let stamps = settings.inputs[part.input].stamps;
        let mut digest = self.digest;
        for stored in events {
            let Stored { offset, stored_at, event } = stored;
            let lens = (event.actor.len() as u64) << 24 | (event.target.len() as u64) << 8 | event.kind as u64;
            digest = fold(fold(digest, offset as u64 ^ lens << 32), event.at as u64);
            let clock = match settings.clock {
                Clock::Wall => plan.clock,
                Clock::Stored => {
                    digest = fold(digest, stored_at as u64);
                    stored_at
                }
            };
            let latest = if stamps { stored_at } else { clock }.saturating_add(AHEAD_MS_MAX);
            if event.at <= latest {
                self.events.push(Arrival { clock, event });
            } else {
                let reason = Reason::Future { at: event.at, latest };
                self.refused.extend(part.batch.suspected(part.input, offset, reason));
            }
        }
        self.digest = digest;
    }
}
