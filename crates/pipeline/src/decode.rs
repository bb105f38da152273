//! Bytes of a log's records to batches.

use influence::{Partitioner, Timestamp};
use wire::{EventDecoder, ProfileDecoder};

use crate::batch::{Batch, Reason, Refused, Stamp};
use crate::seen::IdHash;
use crate::settings::{AHEAD_MS_MAX, Holds, Input, Settings};

/// Decodes the records of one input and keeps its memory between them.
#[derive(Debug)]
pub struct Decoder {
    input: usize,
    decode: Decode,
    /// Where ids are looked at.
    ids: Option<IdHash>,
    partitioner: Partitioner,
    shards: u16,
}

#[derive(Debug)]
enum Decode {
    Events(EventDecoder),
    Profiles(ProfileDecoder),
}

/// A record as a log stores it.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    /// Its offset.
    pub offset: i64,
    /// The time that it carries.
    pub stamp: Stamp,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
}

impl Decoder {
    /// The decoder of an input, by its place in the configuration.
    pub fn new(settings: &Settings, input: usize) -> Decoder {
        let Settings { ref model, ref hash_key, shards, dedup_window_ms, .. } = *settings;
        let Input { holds, encoding, framing, .. } = settings.inputs[input];
        let decode = match holds {
            Holds::Events => Decode::Events(EventDecoder::new(encoding, None).framed(framing)),
            Holds::Profiles => Decode::Profiles(ProfileDecoder::new(encoding).framed(framing)),
        };
        let ids = dedup_window_ms.map(|_| IdHash::new(hash_key));
        Decoder { input, decode, ids, partitioner: model.partitioner, shards }
    }

    /// Adds a record of a shard to its batch: as what it is, or as one that cannot be used. `now` is the log's clock:
    /// an event beyond it is kept untouched as well, since it may have to be refused when its slice is cut.
    pub fn decode(&mut self, shard: u16, record: &RawRecord<'_>, now: Timestamp, batch: &mut Batch) {
        let RawRecord { offset, stamp, key, value } = *record;
        let bytes = value.unwrap_or_default();
        let home = |user: &str| match (self.shards, self.partitioner) {
            (1, _) => Ok(()),
            (shards, partitioner) => match partitioner.partition(user, shards) {
                belongs if belongs == shard => Ok(()),
                belongs => Err(Reason::Misrouted { user: user.to_owned(), belongs }),
            },
        };
        let decoded = match &mut self.decode {
            Decode::Events(decoder) => {
                let event = match self.ids {
                    None => decoder.decode(bytes).map(|event| (event, "")),
                    Some(_) => decoder.decode_with_id(bytes),
                };
                event.map_err(Reason::from).and_then(|(event, id)| {
                    home(event.actor)?;
                    batch.push_event(offset, &event, stamp);
                    if let Some(hash) = self.ids.filter(|_| !id.is_empty()) {
                        batch.identify(hash.of(event.actor, id));
                    }
                    Ok(event.at > now.min(stamp.at()).saturating_add(AHEAD_MS_MAX))
                })
            }
            Decode::Profiles(decoder) => decoder.decode(bytes).map_err(Reason::from).and_then(|profile| {
                home(profile.user)?;
                batch.push_profile(offset, &profile);
                Ok(false)
            }),
        };
        match decoded {
            Ok(false) => {}
            Ok(true) => batch.suspect(offset, key, value),
            Err(reason) => {
                let (key, value) = (key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec));
                batch.push_refused(Refused { input: self.input, offset, key, value, reason });
            }
        }
    }
}
