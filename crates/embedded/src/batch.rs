//! The records of one epoch, owned: names one after the other in one string.

use influence::{Arrival, Event, Kind, Profile, Timestamp};

/// Where a name lies in the batch's text.
#[derive(Clone, Copy, Debug)]
struct Name {
    start: u32,
    len: u16,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    actor: Name,
    target: Name,
    kind: Kind,
    shard: u16,
    at: Timestamp,
    clock: Timestamp,
}

/// One epoch's input for all shards.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch {
    text: String,
    records: Vec<Record>,
    profiles: Vec<(u16, Name, bool, Option<f64>)>,
    /// The clock at its end.
    pub(crate) clock: Timestamp,
    /// Whether the sweep visits everybody.
    pub(crate) sweeps_all: bool,
    /// Whether levels and the scale go where they belong.
    pub(crate) settles: bool,
}

impl Batch {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.records.clear();
        self.profiles.clear();
        (self.sweeps_all, self.settles) = (false, false);
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len() + self.profiles.len()
    }

    pub(crate) fn push(&mut self, event: &Event<'_>, shard: u16, clock: Timestamp) {
        let (actor, target) = (self.name(event.actor), self.name(event.target));
        self.records.push(Record { actor, target, kind: event.kind, shard, at: event.at, clock });
    }

    pub(crate) fn push_profile(&mut self, profile: &Profile<'_>, shard: u16) {
        let user = self.name(profile.user);
        self.profiles.push((shard, user, profile.opted_out, profile.trust));
    }

    fn name(&mut self, name: &str) -> Name {
        let start = self.text.len() as u32;
        self.text.push_str(name);
        Name { start, len: name.len() as u16 }
    }

    fn text(&self, name: Name) -> &str {
        &self.text[name.start as usize..name.start as usize + usize::from(name.len)]
    }

    /// The events of one shard.
    pub(crate) fn arrivals(&self, shard: u16) -> impl Iterator<Item = Arrival<'_>> {
        self.records.iter().filter(move |record| record.shard == shard).map(|record| Arrival {
            clock: record.clock,
            event: Event {
                actor: self.text(record.actor),
                target: self.text(record.target),
                kind: record.kind,
                at: record.at,
            },
        })
    }

    /// The profiles of one shard.
    pub(crate) fn profiles(&self, shard: u16) -> impl Iterator<Item = Profile<'_>> {
        let own = self.profiles.iter().filter(move |profile| profile.0 == shard);
        own.map(|&(_, user, opted_out, trust)| Profile { user: self.text(user), opted_out, trust })
    }
}
