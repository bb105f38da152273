//! From a cut to the slice that a shard takes: in one order, whatever order the records arrived in.

use std::hash::{BuildHasher, Hasher, RandomState};

use influence::Arrival;
use twox_hash::XxHash3_64;
use vocabulary::{AHEAD_MS_MAX, Profile, Timestamp};
use wire::NoAct;

use crate::backlog::{Cut, Part};
use crate::batch::{Reason, Refused, Stamp, Stored, age};
use crate::bugs::{Bug, Bugs};
use crate::digest::fold;
use crate::seen::Seen;
use crate::settings::{Clock, Settings};

/// What is decided about a slice when it is cut, and told by the journal to whoever does it again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// The clock at the slice's end; where events move it, before them.
    pub(crate) clock: Timestamp,
    pub(crate) sweep: u32,
    pub(crate) publishes: bool,
    pub(crate) settles: bool,
    /// The machine's clock, where events move the shard's.
    pub(crate) machine_clock: Option<Timestamp>,
    /// Milliseconds of a day, if days are closed.
    pub(crate) closes_ms: Option<Timestamp>,
}

/// A slice's records, in their order.
pub(crate) struct Gathered<'a> {
    pub(crate) profiles: Vec<Profile<'a>>,
    pub(crate) events: Vec<Arrival<'a>>,
    pub(crate) refused: Vec<Refused>,
    /// Of each input.
    pub(crate) records: Vec<u64>,
    /// Records that are no acts, by reason.
    pub(crate) skipped: [u64; NoAct::ALL.len()],
    /// Events that were left out because they are there already.
    pub(crate) duplicates: u64,
    /// Records that have to do with nobody.
    pub(crate) ignored: u64,
    /// Over all of them, and where they lie; not over how they were delivered.
    pub(crate) digest: u64,
    digests: Digests,
}

/// One for each kind of record: batches may be cut anywhere.
#[derive(Default)]
struct Digests {
    names: XxHash3_64,
    events: u64,
    profiles: u64,
    refused: u64,
}

/// Puts a cut's records in order: input by input as configured, each by offset.
pub(crate) fn gather<'a>(
    cut: &'a Cut,
    plan: &Plan,
    settings: &Settings,
    mut seen: Option<&mut Seen>,
    bugs: Bugs,
) -> Gathered<'a> {
    let mut gathered = Gathered {
        profiles: Vec::new(),
        events: Vec::new(),
        refused: Vec::new(),
        records: vec![0; cut.inputs.len()],
        skipped: Default::default(),
        duplicates: 0,
        ignored: 0,
        digest: 0,
        digests: Digests::default(),
    };
    let mut parts: Vec<&Part> = cut.parts.iter().collect();
    if bugs.has(Bug::ArrivalOrder) {
        parts.sort_by_key(|part| part.number);
    }
    gathered.events.reserve(parts.iter().map(|part| part.batch.len()).sum());
    for part in parts {
        gathered.take_refused(part);
        gathered.ignored += part.batch.ignored(&part.offsets);
        gathered.take_profiles(part);
        gathered.take_events(part, plan, settings, seen.as_deref_mut());
    }
    gathered.digest = gathered.digests.of(cut);
    if bugs.has(Bug::HashMapOrder) {
        let order = RandomState::new();
        gathered.events.sort_by_key(|arrival| order.hash_one(arrival.event.actor));
    }
    gathered
}

impl Digests {
    fn of(&self, cut: &Cut) -> u64 {
        let ranges = cut.inputs.iter().chain([&cut.exchange]);
        let places = ranges.fold(0, |digest, range| fold(fold(digest, range.first as u64), range.next as u64));
        let gaps = cut.gaps.iter().flat_map(|gap| [gap.input as u64, gap.next as u64]);
        let places = gaps.fold(places, fold);
        [self.names.finish(), self.events, self.profiles, self.refused].into_iter().fold(places, fold)
    }
}

impl<'a> Gathered<'a> {
    fn take_refused(&mut self, part: &'a Part) {
        let refused = part.batch.refused(&part.offsets);
        self.records[part.input] += refused.len() as u64;
        for refused in refused {
            self.digests.refused = fold(self.digests.refused, refused.offset as u64);
            match refused.reason.no_act() {
                Some(reason) => self.skipped[reason as usize] += 1,
                None => self.refused.push(refused.clone()),
            }
        }
    }

    fn take_profiles(&mut self, part: &'a Part) {
        for (offset, profile) in part.batch.profiles(&part.offsets) {
            let name = XxHash3_64::oneshot(profile.user.as_bytes());
            let said = [profile.trust.map_or(1, f64::to_bits), profile.opted_out.map_or(2, u64::from)];
            let place = fold(fold(self.digests.profiles, offset as u64), name);
            let said = said.into_iter().chain(age(profile.created, profile.is_verified).into_iter().flatten());
            let said = said.chain(profile.linked.map(|linked| XxHash3_64::oneshot(linked.as_bytes())));
            self.digests.profiles = said.fold(place, fold);
            self.records[part.input] += 1;
            self.profiles.push(profile);
        }
    }

    fn take_events(&mut self, part: &'a Part, plan: &Plan, settings: &Settings, mut seen: Option<&mut Seen>) {
        let (events, names) = part.batch.events(&part.offsets);
        self.records[part.input] += events.len() as u64;
        self.digests.names.write(names.as_bytes());
        let mut ids = part.batch.ids(&part.offsets).peekable();
        let mut digest = self.digests.events;
        for stored in events {
            let Stored { offset, stamp, event } = stored;
            let lens = (event.actor.len() as u64) << 24 | (event.target.len() as u64) << 8 | event.kind as u64;
            digest = fold(fold(digest, offset as u64 ^ lens << 32), event.at as u64);
            let id = ids.next_if(|(at, _)| *at == offset).map(|(_, id)| id);
            digest = id.map_or(digest, |id| fold(digest, id));
            let stored_by = match (settings.clock, stamp) {
                (Clock::Wall, Stamp::Created(_)) => plan.clock,
                (_, Stamp::Created(at) | Stamp::Stored(at)) => {
                    digest = fold(digest, at as u64);
                    at
                }
            };
            // What a producer says of the time must not move a clock beyond the machine's.
            let stored_by = plan.machine_clock.map_or(stored_by, |clock| stored_by.min(clock));
            let latest = stored_by.saturating_add(AHEAD_MS_MAX);
            if event.at > latest && settings.clock != Clock::Stored {
                let reason = Reason::Future { at: event.at, latest };
                self.refused.extend(part.batch.suspected(part.input, offset, reason));
                continue;
            }
            let clock = match settings.clock {
                Clock::Wall => plan.clock,
                // The shard moves by it only if it accepts the event.
                Clock::Event => plan.clock.max(event.at),
                Clock::Stored => stored_by,
            };
            if let (Some(seen), Some(id)) = (&mut seen, id)
                && !seen.is_new(id, clock)
            {
                self.duplicates += 1;
                continue;
            }
            self.events.push(Arrival { clock, event });
        }
        self.digests.events = digest;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vocabulary::{Event, Kind};
    use wire::{Encoding, OffsetRange, encode_event};

    use super::*;
    use crate::batch::Batch;
    use crate::decode::{Decoder, RawRecord};
    use crate::sample;
    use crate::settings::Holds;

    const NOW: Timestamp = 1_700_000_000_000;
    const DAY_MS: Timestamp = 86_400_000;

    fn settings() -> Settings {
        let mut settings = Settings { shards: 1, clock: Clock::Event, ..sample::settings([Holds::Events]) };
        settings.inputs[0].encoding = Encoding::Protobuf;
        settings
    }

    /// Events that are taken, and refused, of one that happens and is stamped at this time.
    fn taken(at: Timestamp, machine_clock: Option<Timestamp>) -> (usize, usize) {
        let settings = settings();
        let mut value = Vec::new();
        encode_event(&Event { actor: "ana", target: "bo", kind: Kind::Retweet, at }, &mut value);
        let raw = RawRecord { offset: 0, stamp: Stamp::Created(at), key: None, value: Some(&value) };
        let mut batch = Batch::new(0);
        Decoder::new(&settings, 0).decode(0, &raw, NOW, &mut batch);
        let part = Part { input: 0, batch: Arc::new(batch), offsets: 0..1, number: 0 };
        let cut = Cut { inputs: vec![OffsetRange { first: 0, next: 1 }], parts: vec![part], ..Cut::default() };
        let plan = Plan { clock: NOW, sweep: 0, publishes: true, settles: false, machine_clock, closes_ms: None };
        let gathered = gather(&cut, &plan, &settings, None, Bugs::NONE);
        (gathered.events.len(), gathered.refused.len())
    }

    #[test]
    fn a_producer_does_not_move_the_clock_beyond_the_machine_s() {
        assert_eq!(taken(NOW + 10 * DAY_MS, Some(NOW)), (0, 1));
        assert_eq!(taken(NOW + AHEAD_MS_MAX, Some(NOW)), (1, 0));
        assert_eq!(taken(NOW - 10 * DAY_MS, Some(NOW)), (1, 0), "history is taken as it is");
        // Of a slice that was journaled before this was looked at.
        assert_eq!(taken(NOW + 10 * DAY_MS, None), (1, 0));
    }
}
