//! Whose a record of an input is, and where it belongs.

use influence::Partitioner;
use pipeline::Holds;
use vocabulary::Timestamp;
use wire::{EventDecoder, Framing, Names, ProfileDecoder};

use crate::config::{Config, Input};

/// Reads records of one input.
pub(crate) struct Keyer {
    holds: Holds,
    events: EventDecoder,
    profiles: ProfileDecoder,
    names: Names,
    partitioner: Partitioner,
    memory: String,
}

/// What a record says.
pub(crate) struct Keyed<'k> {
    /// Its actor, or the user of a profile, as names are spelled.
    pub(crate) user: &'k str,
    /// When its event happened.
    pub(crate) at: Option<Timestamp>,
}

impl Keyer {
    pub(crate) fn new(input: &Input, config: &Config) -> Keyer {
        let framing = if input.is_confluent { Framing::Confluent } else { Framing::Bare };
        Keyer {
            holds: input.holds,
            events: EventDecoder::new(input.encoding, Some(input.kind)).framed(framing),
            profiles: ProfileDecoder::new(input.encoding).framed(framing),
            names: config.names.clone(),
            partitioner: config.model.partitioner,
            memory: String::new(),
        }
    }

    /// Whose a record is, or why it cannot be used.
    pub(crate) fn keyed<'k>(&'k mut self, key: Option<&'k [u8]>, value: Option<&'k [u8]>) -> Result<Keyed<'k>, String> {
        let Keyer { holds, events, profiles, names, memory, .. } = self;
        let decoded = match (holds, value) {
            (Holds::Events, value) => {
                events.decode(value.unwrap_or_default()).map(|event| (event.actor, Some(event.at)))
            }
            (Holds::Profiles, Some(value)) => profiles.decode(value).map(|profile| (profile.user, None)),
            (Holds::Profiles, None) => profiles.decode_tombstone(key).map(|profile| (profile.user, None)),
        };
        let (user, at) = decoded.map_err(|malformed| malformed.to_string())?;
        match names.spell(user, memory) {
            "" => Err("has no user: nothing is left of the name when it is folded".to_owned()),
            user => Ok(Keyed { user, at }),
        }
    }

    /// The rule that finds the partition of a user.
    pub(crate) fn partitioner(&self) -> Partitioner {
        self.partitioner
    }
}
